
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_chain.h"


typedef struct ngx_clientcert_chain_result_s  ngx_clientcert_chain_result_t;

struct ngx_clientcert_chain_result_s {
    ngx_clientcert_chain_result_t  *next;
    ngx_clientcert_ca_t            *ca;
    ngx_int_t                       rc;
    time_t                          until;
};


static ngx_clientcert_ca_t *ngx_clientcert_ca_create(ngx_pool_t *pool,
    ngx_str_t *file);
static void ngx_clientcert_ca_free(void *data);
static ngx_int_t ngx_clientcert_ca_load(ngx_clientcert_ca_t *ca,
    const char **err);
static ngx_int_t ngx_clientcert_ca_add(ngx_clientcert_ca_t *ca, char *name,
    u_char *data, long len, const char **err);
static ngx_clientcert_chain_result_t *ngx_clientcert_ca_result(
    ngx_clientcert_certificate_t *cert, ngx_clientcert_ca_t *ca);
static ngx_int_t ngx_clientcert_ca_build(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_chain_result_t *result, time_t now);
static int ngx_clientcert_ca_callback(int ok, X509_STORE_CTX *ctx);
static ngx_int_t ngx_clientcert_ca_until(X509_STORE_CTX *ctx, time_t *until);
static ngx_uint_t ngx_clientcert_issuer_in_store(
    ngx_clientcert_certificate_t *cert, X509_STORE *store, u_char *digest,
    size_t len);
static ngx_uint_t ngx_clientcert_issuer_is(X509 *cert, X509 *issuer,
    u_char *digest, size_t len);


ngx_clientcert_ca_t *
ngx_clientcert_ca_read(ngx_conf_t *cf, ngx_array_t *cas, ngx_str_t *file,
    const char **err)
{
    ngx_str_t              name;
    ngx_uint_t             i;
    ngx_clientcert_ca_t  **known, *ca;

    *err = NULL;
    name = *file;

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NULL;
    }

    known = cas->elts;

    for (i = 0; i < cas->nelts; i++) {
        if (ngx_strcmp(known[i]->file.data, name.data) == 0) {
            return known[i];
        }
    }

    known = ngx_array_push(cas);
    if (known == NULL) {
        return NULL;
    }

    ca = ngx_clientcert_ca_create(cf->pool, &name);
    if (ca == NULL) {
        return NULL;
    }

    *known = ca;

    if (ngx_clientcert_ca_load(ca, err) != NGX_OK) {
        if (*err == NULL) {
            ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                          "could not read CA certificates of \"%V\"", &name);
        }

        ERR_clear_error();
        return NULL;
    }

    return ca;
}


static ngx_clientcert_ca_t *
ngx_clientcert_ca_create(ngx_pool_t *pool, ngx_str_t *file)
{
    ngx_pool_cleanup_t   *cln;
    ngx_clientcert_ca_t  *ca;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_clientcert_ca_t));
    if (cln == NULL) {
        return NULL;
    }

    ca = cln->data;
    ca->file = *file;

    ca->store = X509_STORE_new();
    if (ca->store == NULL) {
        return NULL;
    }

    cln->handler = ngx_clientcert_ca_free;

    return ca;
}


static void
ngx_clientcert_ca_free(void *data)
{
    ngx_clientcert_ca_t  *ca = data;

    X509_STORE_free(ca->store);
}


static ngx_int_t
ngx_clientcert_ca_load(ngx_clientcert_ca_t *ca, const char **err)
{
    BIO         *bio;
    char        *name, *header;
    long         len;
    u_char      *data;
    ngx_int_t    rc;
    ngx_uint_t   n;

    bio = BIO_new_file((char *) ca->file.data, "r");
    if (bio == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    for (n = 0; rc == NGX_OK; n++) {

        if (PEM_read_bio(bio, &name, &header, &data, &len) == 0) {
            break;
        }

        rc = ngx_clientcert_ca_add(ca, name, data, len, err);

        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }

    BIO_free(bio);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    /* the end of the file is the error that stops the loop */

    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        return NGX_ERROR;
    }

    ERR_clear_error();

    if (n == 0) {
        *err = "the file has no certificate in PEM";
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_ca_add(ngx_clientcert_ca_t *ca, char *name, u_char *data,
    long len, const char **err)
{
    int            rc;
    X509          *cert;
    const u_char  *p;

    if (ngx_strcmp(name, PEM_STRING_X509_CRL) == 0) {
        *err = "the file has a CRL, which \"ca\" doesn't read";
        return NGX_ERROR;
    }

    if (ngx_strcmp(name, PEM_STRING_X509) != 0
        && ngx_strcmp(name, PEM_STRING_X509_OLD) != 0)
    {
        *err = "the file has something else than certificates";
        return NGX_ERROR;
    }

    p = data;

    cert = d2i_X509(NULL, &p, len);
    if (cert == NULL) {
        return NGX_ERROR;
    }

    rc = X509_STORE_add_cert(ca->store, cert);

    X509_free(cert);

    return rc ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_clientcert_ca_verify(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_ca_t *ca, time_t now, time_t *until)
{
    ngx_clientcert_chain_result_t  *result;

    result = ngx_clientcert_ca_result(cert, ca);
    if (result == NULL) {
        return NGX_ERROR;
    }

    if (result->rc == NGX_AGAIN || now > result->until) {
        result->rc = ngx_clientcert_ca_build(cert, result, now);

        if (result->rc == NGX_ERROR) {
            result->rc = NGX_AGAIN;
            return NGX_ERROR;
        }
    }

    *until = ngx_min(*until, result->until);

    return result->rc;
}


/* rc is NGX_AGAIN in a result that isn't known yet */

static ngx_clientcert_chain_result_t *
ngx_clientcert_ca_result(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_ca_t *ca)
{
    ngx_clientcert_chain_result_t  *result;

    for (result = cert->chains; result; result = result->next) {
        if (result->ca == ca) {
            return result;
        }
    }

    result = ngx_palloc(cert->pool, sizeof(ngx_clientcert_chain_result_t));
    if (result == NULL) {
        return NULL;
    }

    result->next = cert->chains;
    result->ca = ca;
    result->rc = NGX_AGAIN;
    result->until = 0;

    cert->chains = result;

    return result;
}


static ngx_int_t
ngx_clientcert_ca_build(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_chain_result_t *result, time_t now)
{
    int                 level;
    ngx_int_t           rc;
    X509_STORE_CTX     *ctx;
    X509_VERIFY_PARAM  *param;

    ctx = X509_STORE_CTX_new();

    if (ctx == NULL
        || X509_STORE_CTX_init(ctx, result->ca->store, cert->x509,
                               cert->sent)
           == 0
        || X509_STORE_CTX_set_default(ctx, "ssl_client") == 0)
    {
        X509_STORE_CTX_free(ctx);
        ERR_clear_error();
        return NGX_ERROR;
    }

    /* keys and digests as strong as in the handshake */
    level = cert->level;

    param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_auth_level(param, level);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_time(param, now);

    X509_STORE_CTX_set_verify_cb(ctx, ngx_clientcert_ca_callback);

    if (X509_verify_cert(ctx) == 1) {
        result->until = NGX_MAX_TIME_T_VALUE;
        rc = ngx_clientcert_ca_until(ctx, &result->until);

    } else {

        /* once a CA of the chain becomes valid the answer is another */

        result->until = (X509_STORE_CTX_get_error(ctx)
                         == X509_V_ERR_CERT_NOT_YET_VALID)
                        ? now : NGX_MAX_TIME_T_VALUE;
        rc = NGX_DECLINED;
    }

    X509_STORE_CTX_free(ctx);
    ERR_clear_error();

    return rc;
}


/* when the client certificate is valid is asked at every request */

static int
ngx_clientcert_ca_callback(int ok, X509_STORE_CTX *ctx)
{
    int  err;

    err = X509_STORE_CTX_get_error(ctx);

    if (!ok
        && X509_STORE_CTX_get_error_depth(ctx) == 0
        && (err == X509_V_ERR_CERT_HAS_EXPIRED
            || err == X509_V_ERR_CERT_NOT_YET_VALID))
    {
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
        return 1;
    }

    return ok;
}


static ngx_int_t
ngx_clientcert_ca_until(X509_STORE_CTX *ctx, time_t *until)
{
    int              i;
    time_t           t;
    struct tm        tm;
    STACK_OF(X509)  *chain;

    chain = X509_STORE_CTX_get0_chain(ctx);

    for (i = 1; i < sk_X509_num(chain); i++) {
        if (ASN1_TIME_to_tm(X509_get0_notAfter(sk_X509_value(chain, i)), &tm)
            == 0)
        {
            return NGX_DECLINED;
        }

        t = timegm(&tm);
        *until = ngx_min(*until, t);
    }

    return NGX_OK;
}


ngx_uint_t
ngx_clientcert_issuer_has(ngx_clientcert_certificate_t *cert, u_char *digest,
    size_t len, ngx_uint_t any)
{
    X509_STORE      *store;
    STACK_OF(X509)  *chain;

    if (any) {
        chain = cert->verified;

        if (chain && sk_X509_num(chain) > 1
            && ngx_clientcert_issuer_is(cert->x509, sk_X509_value(chain, 1),
                                        digest, len))
        {
            return 1;
        }
    }

    store = cert->trusted;

    return store && ngx_clientcert_issuer_in_store(cert, store, digest, len);
}


static ngx_uint_t
ngx_clientcert_issuer_in_store(ngx_clientcert_certificate_t *cert,
    X509_STORE *store, u_char *digest, size_t len)
{
    int              i;
    ngx_uint_t       found;
    X509_STORE_CTX  *ctx;
    STACK_OF(X509)  *certs;

    found = 0;
    certs = NULL;

    ctx = X509_STORE_CTX_new();

    if (ctx && X509_STORE_CTX_init(ctx, store, NULL, NULL)) {
        certs = X509_STORE_CTX_get1_certs(ctx,
                                          X509_get_issuer_name(cert->x509));
    }

    for (i = 0; certs && !found && i < sk_X509_num(certs); i++) {
        found = ngx_clientcert_issuer_is(cert->x509,
                                         sk_X509_value(certs, i), digest, len);
    }

    sk_X509_pop_free(certs, X509_free);
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();

    return found;
}


static ngx_uint_t
ngx_clientcert_issuer_is(X509 *cert, X509 *issuer, u_char *digest, size_t len)
{
    EVP_PKEY      *key;
    const EVP_MD  *md;
    u_char         found[EVP_MAX_MD_SIZE];

    md = (len == NGX_CLIENTCERT_SHA1_LEN) ? EVP_sha1() : EVP_sha256();

    if (X509_digest(issuer, md, found, NULL) == 0
        || ngx_memcmp(found, digest, len) != 0
        || X509_check_issued(issuer, cert) != X509_V_OK)
    {
        return 0;
    }

    key = X509_get0_pubkey(issuer);

    return key && X509_verify(cert, key) == 1;
}
