
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_facts.h"
#include "ngx_clientcert_text.h"


/* two digests, three names and a serial number, and what stands around them */
#define NGX_CLIENTCERT_FACTS_LINE                                             \
    (NGX_CLIENTCERT_SHA1_LEN * 2 + NGX_CLIENTCERT_SHA256_LEN * 2              \
     + NGX_CLIENTCERT_NAME_LEN * 3 + NGX_CLIENTCERT_SERIAL_PRINT + 64)


static ngx_str_t ngx_clientcert_facts_name(const X509_NAME *name,
    u_char *buf);
static void ngx_clientcert_facts_serial(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_facts_t *facts);
static void ngx_clientcert_facts_sans(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_facts_t *facts);
static u_char *ngx_clientcert_facts_one(u_char *p, size_t size,
    ngx_clientcert_name_t *name);
static u_char *ngx_clientcert_facts_write(u_char *p,
    ngx_clientcert_certificate_t *cert);


const char  *ngx_clientcert_facts_san[] = {
    NULL, NULL, NULL, NULL, "dns:", "uri:", "email:", "ip:", "upn:"
};


void
ngx_clientcert_facts(ngx_clientcert_certificate_t *cert, ngx_uint_t san,
    ngx_clientcert_facts_t *facts)
{
    facts->subject = ngx_clientcert_facts_name(
                                           X509_get_subject_name(cert->x509),
                                           facts->subject_text);
    facts->issuer = ngx_clientcert_facts_name(X509_get_issuer_name(cert->x509),
                                              facts->issuer_text);

    facts->san.data = facts->san_text;
    facts->san.len = 0;

    /* extensions were read with the certificate */

    facts->self_signed = (X509_get_extension_flags(cert->x509) & EXFLAG_SS)
                         != 0;

    ngx_clientcert_facts_serial(cert, facts);

    if (san) {
        ngx_clientcert_facts_sans(cert, facts);
    }
}


/* data is NULL without memory */

static ngx_str_t
ngx_clientcert_facts_name(const X509_NAME *name, u_char *buf)
{
    u_char     *last;
    ngx_str_t   text;

    last = ngx_clientcert_certificate_name(name, buf);

    text.data = last ? buf : NULL;
    text.len = last ? last - buf : 0;

    return text;
}


static void
ngx_clientcert_facts_serial(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_facts_t *facts)
{
    u_char              *last;
    ngx_str_t            bytes;
    const ASN1_INTEGER  *serial;

    serial = X509_get0_serialNumber(cert->x509);

    bytes.data = (u_char *) ASN1_STRING_get0_data(serial);
    bytes.len = ASN1_STRING_length(serial);

    last = ngx_clientcert_serial_print(facts->serial_text, "", &bytes,
                                       ASN1_STRING_type(serial)
                                       == V_ASN1_NEG_INTEGER);

    facts->serial.data = facts->serial_text;
    facts->serial.len = last - facts->serial_text;
}


/* those that match nothing as well: a person must see them */

static void
ngx_clientcert_facts_sans(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_facts_t *facts)
{
    u_char                  *p, *last;
    ngx_uint_t               i;
    ngx_clientcert_name_t   *name;
    ngx_clientcert_names_t  *names;

    names = ngx_clientcert_certificate_names(cert);

    if (names == NULL) {
        return;
    }

    p = facts->san_text;
    last = p + NGX_CLIENTCERT_FACTS_SAN;
    name = names->elts;

    for (i = 0; i < names->nelts; i++) {

        if (ngx_clientcert_facts_san[name[i].type] == NULL) {
            continue;
        }

        /* with room for what says that there is more */

        if (last - p < 32) {
            p = ngx_cpymem(p, "...", 3);
            break;
        }

        if (p > facts->san_text) {
            *p++ = '\n';
        }

        p = ngx_clientcert_facts_one(p, last - p - 4, &name[i]);
    }

    facts->san.len = p - facts->san_text;
}


/* size has room for its type */

static u_char *
ngx_clientcert_facts_one(u_char *p, size_t size, ngx_clientcert_name_t *name)
{
    u_char     *last;
    ngx_str_t   value;
    u_char      address[NGX_INET6_ADDRSTRLEN];

    last = p + size;
    p = ngx_sprintf(p, "%s", ngx_clientcert_facts_san[name->type]);

    value = name->value;

    if (name->type == NGX_CLIENTCERT_IP && !name->bad) {
        value.data = address;
        value.len = ngx_inet_ntop(name->value.len == 4 ? AF_INET : AF_INET6,
                                  name->value.data, address,
                                  NGX_INET6_ADDRSTRLEN);
    }

    return ngx_clientcert_text_cut(p, last - p, &value);
}


ngx_str_t *
ngx_clientcert_facts_line(ngx_clientcert_certificate_t *cert)
{
    u_char  *p;
    u_char   buf[NGX_CLIENTCERT_FACTS_LINE];

    if (cert->line.data) {
        return &cert->line;
    }

    p = ngx_clientcert_facts_write(buf, cert);

    if (p == NULL) {
        return &cert->line;
    }

    cert->line.data = ngx_pnalloc(cert->pool, p - buf);

    if (cert->line.data) {
        cert->line.len = p - buf;
        ngx_memcpy(cert->line.data, buf, cert->line.len);
    }

    return &cert->line;
}


/* returns NULL without memory */

static u_char *
ngx_clientcert_facts_write(u_char *p, ngx_clientcert_certificate_t *cert)
{
    u_char                  *sha1, *sha256;
    ngx_uint_t               i;
    ngx_clientcert_facts_t   facts;
    ngx_clientcert_names_t  *names;

    ngx_clientcert_facts(cert, 0, &facts);

    sha1 = ngx_clientcert_certificate_digest(cert, NGX_CLIENTCERT_SHA1);
    sha256 = ngx_clientcert_certificate_digest(cert, NGX_CLIENTCERT_SHA256);
    names = ngx_clientcert_certificate_names(cert);

    if (sha1 == NULL || sha256 == NULL || names == NULL
        || facts.subject.data == NULL || facts.issuer.data == NULL)
    {
        return NULL;
    }

    p = ngx_sprintf(p, "sha1=");
    p = ngx_hex_dump(p, sha1, NGX_CLIENTCERT_SHA1_LEN);
    p = ngx_sprintf(p, " sha256=");
    p = ngx_hex_dump(p, sha256, NGX_CLIENTCERT_SHA256_LEN);
    p = ngx_sprintf(p, " subject=\"%V\" san=\"", &facts.subject);

    for (i = 0; i < names->nelts; i++) {
        if (ngx_clientcert_facts_san[names->elts[i].type]) {
            p = ngx_clientcert_facts_one(p, NGX_CLIENTCERT_NAME_LEN,
                                         &names->elts[i]);
            break;
        }
    }

    /* with "0x", since what "serial=" takes may be decimal, too */

    p = ngx_sprintf(p, "\" serial=");
    p = ngx_clientcert_serial_print(p, "0x", &names->serial, names->negative);

    return ngx_sprintf(p, " issuer=\"%V\"", &facts.issuer);
}
