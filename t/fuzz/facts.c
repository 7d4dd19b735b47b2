
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


/*
 * Whatever certificate OpenSSL can read has names that are whole or bad, and
 * a name of it that is written down is found in it.  Its key is long enough
 * or not, for any length that is asked for.  What is told of it is plain.
 */

#include "../unit/shim.h"
#include "../../src/cert/ngx_clientcert_certificate.h"
#include "../../src/cert/ngx_clientcert_oid.h"
#include "../../src/cert/ngx_clientcert_text.h"


int LLVMFuzzerTestOneInput(const u_char *data, size_t size);


static void
fuzz_name(ngx_clientcert_name_t *name)
{
    ngx_str_t                  text;
    const char                *err;
    ngx_clientcert_pattern_t   pt;

    if (name->bad) {
        return;
    }

    if (name->type == NGX_CLIENTCERT_IP) {
        if (name->value.len != 4 && name->value.len != 16) {
            abort();
        }

        return;
    }

    if (name->type == NGX_CLIENTCERT_EXTENSION_DER) {
        return;
    }

    if (memchr(name->value.data, '\0', name->value.len)) {
        abort();
    }

    text.data = malloc(name->value.len + 1);
    memcpy(text.data, name->value.data, name->value.len);
    text.len = name->value.len;

    memset(&pt, 0, sizeof(pt));
    pt.type = name->type;

    if (ngx_clientcert_pattern_read(&pt, &text, &err) == NGX_OK
        && !ngx_clientcert_pattern_match(&pt, &name->value))
    {
        abort();
    }

    free(text.data);
}


/* what others chose is told in plain text, and no longer than there is room */

static void
fuzz_text(ngx_str_t *text)
{
    u_char     *p, *last;
    ngx_str_t   label;

    p = malloc(NGX_CLIENTCERT_NAME_LEN);
    last = ngx_clientcert_text_cut(p, NGX_CLIENTCERT_NAME_LEN, text);

    if (last > p + NGX_CLIENTCERT_NAME_LEN) {
        abort();
    }

    while (last > p) {
        if (*--last < 0x20 || *last >= 0x7f || *last == '"') {
            abort();
        }
    }

    free(p);

    label.data = malloc(text->len * 4 + 1);
    label.len = ngx_clientcert_text_label(label.data, text) - label.data;

    if (ngx_clientcert_text_plain(&label) != label.len) {
        abort();
    }

    free(label.data);
}


/* it is among those of its type, of which the bad ones are the first */

static void
fuzz_found(ngx_clientcert_names_t *names, ngx_clientcert_name_t *name)
{
    ngx_uint_t                   i, bad, found;
    ngx_clientcert_namesakes_t   of;

    ngx_clientcert_names_of(names, name->type, &name->oid, &of);

    bad = 0;
    found = 0;

    for (i = 0; i < of.nelts; i++) {

        if (of.elts[i]->type != name->type
            || ngx_clientcert_oid_cmp(&of.elts[i]->oid, &name->oid) != 0
            || (of.elts[i]->bad && i && !of.elts[i - 1]->bad))
        {
            abort();
        }

        bad |= of.elts[i]->bad;
        found |= (of.elts[i] == name);
    }

    if (!found || (bad && !of.unreadable)) {
        abort();
    }
}


static void
fuzz_names(ngx_clientcert_certificate_t *cert)
{
    ngx_uint_t               i;
    ngx_str_t                text, oid;
    ngx_clientcert_names_t  *names;

    names = ngx_clientcert_certificate_names(cert);
    if (names == NULL) {
        abort();
    }

    for (i = 0; i < names->nelts; i++) {
        fuzz_name(&names->elts[i]);

        if (names->elts[i].value.len) {
            fuzz_text(&names->elts[i].value);
        }

        fuzz_found(names, &names->elts[i]);
    }

    if ((names->serial.len && names->serial.data[0] == 0)
        || (names->subject
            && X509_NAME_cmp(names->subject, names->subject) != 0))
    {
        abort();
    }

    ngx_str_set(&text, "clientAuth");

    if (ngx_clientcert_oid_read(cert->pool, &text, 0, &oid) != NGX_OK) {
        abort();
    }

    (void) ngx_clientcert_names_eku(names, &oid);
    (void) ngx_clientcert_names_policy(names, &oid);
}


static void
fuzz_subject(ngx_clientcert_certificate_t *cert)
{
    u_char  *p, *last;

    p = malloc(NGX_CLIENTCERT_NAME_LEN);
    last = ngx_clientcert_certificate_name(X509_get_subject_name(cert->x509),
                                           p);
    if (last == NULL || last > p + NGX_CLIENTCERT_NAME_LEN) {
        abort();
    }

    free(p);
}


static void
fuzz_key(ngx_clientcert_certificate_t *cert)
{
    ngx_int_t   any, longer;
    ngx_uint_t  min[NGX_CLIENTCERT_ALGORITHMS];

    ngx_memzero(min, sizeof(min));
    any = ngx_clientcert_certificate_key(cert, min);

    memset(min, 0xff, sizeof(min));
    longer = ngx_clientcert_certificate_key(cert, min);

    if (any == NGX_DECLINED || (longer == NGX_ERROR) != (any == NGX_ERROR)) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const u_char *data, size_t size)
{
    X509                          *x509;
    ngx_pool_t                     pool;
    const u_char                  *p;
    ngx_clientcert_certificate_t  *cert;

    p = data;
    x509 = d2i_X509(NULL, &p, size);

    if (x509 == NULL) {
        return 0;
    }

    cert = ngx_clientcert_certificate_create(&pool, x509, NULL, NULL);

    if (cert) {
        fuzz_names(cert);
        fuzz_subject(cert);
        fuzz_key(cert);
    }

    shim_free();

    return 0;
}
