
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


/*
 * Whatever certificate OpenSSL can read has names that are whole or bad, and
 * a name of it that is written down is found in it.
 */

#include "shim.h"
#include "../../src/cert/ngx_clientcert_names.h"


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


static void
fuzz_names(X509 *cert)
{
    ngx_uint_t               i, n;
    ngx_str_t                text;
    ngx_pool_t               pool;
    ASN1_OBJECT             *oid;
    ngx_clientcert_names_t  *names;

    names = ngx_clientcert_names_read(&pool, cert);
    if (names == NULL) {
        abort();
    }

    for (i = 0; i < names->nelts; i++) {
        fuzz_name(&names->elts[i]);
    }

    n = 0;

    for (i = 0; i < NGX_CLIENTCERT_NAME_TYPES; i++) {
        n += names->n[i];
    }

    if (n != names->nelts
        || (names->serial.len && names->serial.data[0] == 0)
        || (names->subject
            && X509_NAME_cmp(names->subject, names->subject) != 0))
    {
        abort();
    }

    ngx_str_set(&text, "clientAuth");
    oid = ngx_clientcert_names_oid(&pool, &text);

    (void) ngx_clientcert_names_eku(names, oid);
    (void) ngx_clientcert_names_policy(names, oid);
}


int
LLVMFuzzerTestOneInput(const u_char *data, size_t size)
{
    X509          *cert;
    const u_char  *p;

    p = data;
    cert = d2i_X509(NULL, &p, size);

    if (cert) {
        fuzz_names(cert);
        shim_free();
        X509_free(cert);
    }

    return 0;
}
