
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_found.h"
#include "ngx_clientcert_answer.h"
#include "../cert/ngx_clientcert_chain.h"
#include "../cert/ngx_clientcert_dn.h"
#include "../cert/ngx_clientcert_text.h"


/* bytes of an extension, which take two each */
#define NGX_CLIENTCERT_FOUND_DER  100


static ngx_clientcert_names_t *ngx_clientcert_found_names(
    ngx_clientcert_asking_t *ask);
static u_char *ngx_clientcert_found_printed(ngx_clientcert_asking_t *ask,
    u_char *p, const X509_NAME *name);
static u_char *ngx_clientcert_found_der(u_char *p, ngx_str_t *der);


void
ngx_clientcert_found_digest(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_clientcert_found_t *fd)
{
    ngx_clientcert_thumbprint_t  *tp = cond->value;

    u_char                   *digest;
    ngx_clientcert_digest_e   type;

    type = (tp->len == NGX_CLIENTCERT_SHA1_LEN) ? NGX_CLIENTCERT_SHA1
                                                : cond->key->type;

    fd->wanted = ngx_hex_dump(fd->wanted_text, tp->digest, tp->len);

    digest = ngx_clientcert_certificate_digest(ask->cert, type);

    if (digest == NULL) {
        (void) ngx_clientcert_answer_memory(ask);
        return;
    }

    fd->found = ngx_hex_dump(fd->found_text, digest, tp->len);
}


/* the label, if the certificate is in it */

void
ngx_clientcert_found_store(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_clientcert_found_t *fd)
{
    ngx_str_t                label;
    ngx_clientcert_store_t  *st = cond->value;

    label.data = ask->label;
    label.len = ask->label_len;

    fd->wanted = ngx_clientcert_text_cut(fd->wanted_text,
                                         NGX_CLIENTCERT_FOUND_LEN, &st->name);
    fd->found = ngx_clientcert_text_cut(fd->found_text,
                                        NGX_CLIENTCERT_FOUND_LEN, &label);
}


void
ngx_clientcert_found_serial(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_clientcert_found_t *fd)
{
    ngx_clientcert_names_t   *names;
    ngx_clientcert_serial_t  *serial = cond->value;

    fd->wanted = ngx_clientcert_serial_print(fd->wanted_text, "0x",
                                             &serial->bytes,
                                             serial->negative);

    names = ngx_clientcert_found_names(ask);

    if (names) {
        fd->found = ngx_clientcert_serial_print(fd->found_text, "0x",
                                                &names->serial,
                                                names->negative);
    }
}


void
ngx_clientcert_found_dn(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_clientcert_found_t *fd)
{
    ngx_uint_t               subject;
    ngx_clientcert_dn_t     *dn = cond->value;
    ngx_clientcert_names_t  *names;

    subject = (cond->key->type == NGX_CLIENTCERT_SUBJECT);
    names = ngx_clientcert_found_names(ask);

    fd->wanted = ngx_clientcert_found_printed(ask, fd->wanted_text,
                                              dn->names[0]);

    if (names) {
        fd->found = ngx_clientcert_found_printed(ask, fd->found_text,
                                 subject ? names->subject : names->issuer);
    }
}


static ngx_clientcert_names_t *
ngx_clientcert_found_names(ngx_clientcert_asking_t *ask)
{
    ngx_clientcert_names_t  *names;

    names = ngx_clientcert_certificate_names(ask->cert);

    if (names == NULL) {
        (void) ngx_clientcert_answer_memory(ask);
    }

    return names;
}


static u_char *
ngx_clientcert_found_printed(ngx_clientcert_asking_t *ask, u_char *p,
    const X509_NAME *name)
{
    u_char  *last;

    if (name == NULL) {
        return p;
    }

    last = ngx_clientcert_certificate_name(name, p);

    if (last == NULL) {
        (void) ngx_clientcert_answer_memory(ask);
        return p;
    }

    return last;
}


/* what is wanted is said best as it is written */

void
ngx_clientcert_found_name(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_clientcert_found_t *fd)
{
    u_char                      *p, *last;
    ngx_uint_t                   i;
    ngx_clientcert_name_t       *name;
    ngx_clientcert_names_t      *names;
    ngx_clientcert_namesakes_t   of;

    names = ngx_clientcert_found_names(ask);
    if (names == NULL) {
        return;
    }

    ngx_clientcert_names_of(names, cond->type, &cond->oid, &of);

    p = fd->found_text;
    last = p + NGX_CLIENTCERT_FOUND_LEN - sizeof(", ...");

    for (i = 0; i < of.nelts; i++) {

        if (i) {
            p = ngx_cpymem(p, ", ", 2);
        }

        if (i == NGX_CLIENTCERT_FOUND_MAX
            || last - p < NGX_CLIENTCERT_NAME_LEN)
        {
            p = ngx_cpymem(p, "...", 3);
            break;
        }

        name = of.elts[i];

        if (name->type == NGX_CLIENTCERT_IP && !name->bad) {
            p += ngx_inet_ntop(name->value.len == 4 ? AF_INET : AF_INET6,
                               name->value.data, p, NGX_INET6_ADDRSTRLEN);
            continue;
        }

        if (name->type == NGX_CLIENTCERT_EXTENSION_DER) {
            p = ngx_clientcert_found_der(p, &name->value);
            continue;
        }

        p = ngx_clientcert_text_cut(p, NGX_CLIENTCERT_NAME_LEN - 2,
                                    &name->value);
    }

    fd->found = p;
}


/* as it would be written in the configuration */

static u_char *
ngx_clientcert_found_der(u_char *p, ngx_str_t *der)
{
    size_t  len;

    len = ngx_min(der->len, NGX_CLIENTCERT_FOUND_DER);

    p = ngx_cpymem(p, "hex:", 4);
    p = ngx_hex_dump(p, der->data, len);

    return (len < der->len) ? ngx_cpymem(p, "...", 3) : p;
}


void
ngx_clientcert_found_oid(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_clientcert_found_t *fd)
{
    ngx_clientcert_names_t  *names;

    names = ngx_clientcert_found_names(ask);
    if (names == NULL) {
        return;
    }

    fd->found = (cond->key->type == NGX_CLIENTCERT_EKU)
                ? ngx_clientcert_names_print_ekus(names, fd->found_text)
                : ngx_clientcert_names_print_policies(names, fd->found_text);
}


void
ngx_clientcert_found_issuer(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_clientcert_found_t *fd)
{
    ngx_clientcert_names_t       *names;
    ngx_clientcert_thumbprint_t  *tp = cond->value;

    fd->wanted = ngx_hex_dump(fd->wanted_text, tp->digest, tp->len);

    names = ngx_clientcert_found_names(ask);

    if (names) {
        fd->found = ngx_clientcert_found_printed(ask, fd->found_text,
                                                 names->issuer);
    }
}


/* why it leads to none of them, or who issued it */

void
ngx_clientcert_found_ca(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_clientcert_found_t *fd)
{
    ngx_clientcert_names_t  *names;

    if (ask->failed) {
        fd->found = ngx_clientcert_chain_text(ask->failed, fd->found_text);
        return;
    }

    names = ngx_clientcert_found_names(ask);

    if (names) {
        fd->found = ngx_clientcert_found_printed(ask, fd->found_text,
                                                 names->issuer);
    }
}
