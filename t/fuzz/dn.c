
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


/*
 * What the reader takes it must take again, and as the same name, in the form
 * that OpenSSL prints it in; what it refuses it must explain.
 */

#include "../unit/shim.h"
#include "../../src/cert/ngx_clientcert_dn.h"


int LLVMFuzzerTestOneInput(const u_char *data, size_t size);


static void
fuzz_taken(ngx_clientcert_dn_t *dn, X509_NAME *name)
{
    BIO                  *bio;
    long                  len;
    char                 *printed;
    u_char               *last;
    ngx_str_t             text, id;
    ngx_pool_t            pool;
    ngx_clientcert_dn_t   again;
    u_char                err[NGX_CLIENTCERT_DN_TEXT];

    bio = BIO_new(BIO_s_mem());

    BIO_puts(bio, "rfc4514:");
    X509_NAME_print_ex(bio, name, 0, (XN_FLAG_RFC2253 & ~XN_FLAG_FN_MASK)
                                     | XN_FLAG_FN_OID);
    len = BIO_get_mem_data(bio, &printed);

    text.data = (u_char *) printed;
    text.len = len;

    /* OpenSSL doesn't escape a value that is nothing but "#" */

    if (memmem(printed, len, "=#", 2)) {
        BIO_free(bio);
        return;
    }

    if (ngx_clientcert_dn_read(&pool, &text, &again, err, &last) != NGX_OK
        || again.n != 1
        || !ngx_clientcert_dn_match(&again, name)
        || !ngx_clientcert_dn_match(dn, again.names[0])
        || ngx_clientcert_dn_excludes(dn, &again)
        || ngx_clientcert_dn_id(&pool, dn, &id) != NGX_OK)
    {
        abort();
    }

    BIO_free(bio);
}


int
LLVMFuzzerTestOneInput(const u_char *data, size_t size)
{
    u_char               *last;
    ngx_int_t             rc;
    ngx_str_t             text;
    ngx_uint_t            i;
    ngx_pool_t            pool;
    ngx_clientcert_dn_t   dn;
    u_char                err[NGX_CLIENTCERT_DN_TEXT];

    text.data = malloc(size ? size : 1);
    memcpy(text.data, data, size);
    text.len = size;

    rc = ngx_clientcert_dn_read(&pool, &text, &dn, err, &last);

    if ((rc == NGX_OK ? dn.n == 0 : last == err)
        || last > err + NGX_CLIENTCERT_DN_TEXT)
    {
        abort();
    }

    for (i = 0; rc == NGX_OK && i < dn.n; i++) {
        fuzz_taken(&dn, dn.names[i]);
    }

    free(text.data);
    shim_free();

    return 0;
}
