
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_posted.h"
#include "ngx_clientcert_der.h"
#include "ngx_clientcert_error.h"
#include "ngx_clientcert_time.h"
#include "ngx_clientcert_trust.h"
#include <openssl/err.h>


static ngx_clientcert_certificate_t *ngx_clientcert_posted_create(
    ngx_pool_t *pool, ngx_array_t *encodings, ngx_log_t *log,
    const char **err);
static ngx_int_t ngx_clientcert_posted_chain(
    ngx_clientcert_certificate_t *cert);
static void ngx_clientcert_posted_free(void *data);
static X509 *ngx_clientcert_posted_x509(ngx_str_t *encoding,
    const char **err);


ngx_clientcert_certificate_t *
ngx_clientcert_posted_read(ngx_pool_t *pool, SSL_CTX *ctx, ngx_str_t *text,
    ngx_log_t *log, const char **err)
{
    ngx_uint_t                     beside;
    ngx_array_t                    certs, encodings;
    ngx_clientcert_file_e          reason;
    ngx_clientcert_certificate_t  *cert;

    *err = NULL;

    if (ngx_array_init(&certs, pool, 4, sizeof(ngx_clientcert_der_t)) != NGX_OK
        || ngx_array_init(&encodings, pool, 4, sizeof(ngx_str_t)) != NGX_OK)
    {
        return NULL;
    }

    reason = ngx_clientcert_der_file(text->data, text->len, &certs, &encodings,
                                     &beside);

    if (reason) {
        *err = (reason == NGX_CLIENTCERT_FILE_MEMORY)
               ? NULL : ngx_clientcert_der_strerror(reason);
        return NULL;
    }

    if (encodings.nelts > NGX_CLIENTCERT_POSTED_MAX) {
        *err = "it holds more certificates than clients may send";
        return NULL;
    }

    cert = ngx_clientcert_posted_create(pool, &encodings, log, err);

    if (cert && ctx) {
        cert->trusted = ngx_clientcert_trust_store(ctx);
        cert->level = SSL_CTX_get_security_level(ctx);
    }

    return cert;
}


static ngx_clientcert_certificate_t *
ngx_clientcert_posted_create(ngx_pool_t *pool, ngx_array_t *encodings,
    ngx_log_t *log, const char **err)
{
    X509                          *leaf, *x509;
    time_t                         t;
    ngx_str_t                     *encoding;
    ngx_uint_t                     i;
    STACK_OF(X509)                *sent;
    ngx_clientcert_certificate_t  *cert;

    encoding = encodings->elts;

    leaf = ngx_clientcert_posted_x509(&encoding[0], err);
    sent = leaf ? sk_X509_new_null() : NULL;

    if (sent == NULL) {
        goto failed;
    }

    if (ngx_clientcert_time_read(X509_get0_notBefore(leaf), &t) != NGX_OK
        || ngx_clientcert_time_read(X509_get0_notAfter(leaf), &t) != NGX_OK)
    {
        *err = "its validity can't be read";
        goto failed;
    }

    for (i = 1; i < encodings->nelts; i++) {
        x509 = ngx_clientcert_posted_x509(&encoding[i], err);

        if (x509 == NULL || sk_X509_push(sent, x509) == 0) {
            X509_free(x509);
            goto failed;
        }
    }

    cert = ngx_clientcert_certificate_create(pool, leaf, sent, log);

    return (cert && ngx_clientcert_posted_chain(cert) == NGX_OK) ? cert : NULL;

failed:

    ERR_clear_error();

    X509_free(leaf);
    sk_X509_pop_free(sent, X509_free);

    return NULL;
}


/* as far as a rule asks for it: whom a server that verifies it starts with */

static ngx_int_t
ngx_clientcert_posted_chain(ngx_clientcert_certificate_t *cert)
{
    int                  i, n;
    X509                *issuer;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cert->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cert->verified = sk_X509_new_null();
    if (cert->verified == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_clientcert_posted_free;
    cln->data = cert->verified;

    n = sk_X509_push(cert->verified, cert->x509);

    for (i = 0; n && i < sk_X509_num(cert->sent); i++) {
        issuer = sk_X509_value(cert->sent, i);

        if (X509_check_issued(issuer, cert->x509) == X509_V_OK) {
            n = sk_X509_push(cert->verified, issuer);
            break;
        }
    }

    ERR_clear_error();

    return n ? NGX_OK : NGX_ERROR;
}


/* what is in it belongs to the certificate */

static void
ngx_clientcert_posted_free(void *data)
{
    sk_X509_free(data);
}


/*
 * Without memory OpenSSL may read a certificate without its key, or without
 * the key's size, as it does where it doesn't know such keys.
 */

static X509 *
ngx_clientcert_posted_x509(ngx_str_t *encoding, const char **err)
{
    X509          *x509;
    ngx_uint_t     tries;
    const u_char  *p;

    ERR_clear_error();

    x509 = NULL;

    for (tries = 0; tries < 2; tries++) {
        p = encoding->data;

        X509_free(x509);
        x509 = d2i_X509(NULL, &p, encoding->len);

        if (x509 == NULL
            || EVP_PKEY_get_bits(X509_get0_pubkey(x509)) > 0)
        {
            break;
        }
    }

    if (x509 == NULL && !ngx_clientcert_error_memory()) {
        *err = "OpenSSL can't read a certificate of it";
    }

    ERR_clear_error();

    return x509;
}
