
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_trust.h"


static ngx_int_t ngx_clientcert_trust_index(ngx_log_t *log);
static int ngx_clientcert_trust_digest(EVP_MD_CTX *md, SSL_CTX *ctx);
static int ngx_clientcert_trust_digest_store(EVP_MD_CTX *md,
    X509_STORE *store);
static int ngx_clientcert_trust_digest_object(EVP_MD_CTX *md,
    X509_OBJECT *object);
static int ngx_clientcert_trust_digest_param(EVP_MD_CTX *md,
    X509_VERIFY_PARAM *param);


static int  ngx_clientcert_trust_ctx_index = -1;


ngx_clientcert_trust_t *
ngx_clientcert_trust_create(ngx_conf_t *cf, ngx_ssl_t *ssl, ngx_str_t *other)
{
    EVP_MD_CTX              *md;
    ngx_clientcert_trust_t  *trust;

    if (ngx_clientcert_trust_index(cf->log) != NGX_OK) {
        return NULL;
    }

    trust = ngx_palloc(cf->pool, sizeof(ngx_clientcert_trust_t));
    if (trust == NULL) {
        return NULL;
    }

    md = EVP_MD_CTX_new();

    if (md == NULL
        || EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 0
        || EVP_DigestUpdate(md, other->data, other->len) == 0
        || ngx_clientcert_trust_digest(md, ssl->ctx) == 0
        || EVP_DigestFinal_ex(md, trust->digest, NULL) == 0
        || SSL_CTX_set_ex_data(ssl->ctx, ngx_clientcert_trust_ctx_index,
                               trust)
           == 0)
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "could not digest the trust of an SSL context");
        trust = NULL;
    }

    EVP_MD_CTX_free(md);

    return trust;
}


static ngx_int_t
ngx_clientcert_trust_index(ngx_log_t *log)
{
    if (ngx_clientcert_trust_ctx_index != -1) {
        return NGX_OK;
    }

    ngx_clientcert_trust_ctx_index = SSL_CTX_get_ex_new_index(0, NULL, NULL,
                                                              NULL, NULL);

    if (ngx_clientcert_trust_ctx_index == -1) {
        ngx_ssl_error(NGX_LOG_EMERG, log, 0,
                      "SSL_CTX_get_ex_new_index() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static int
ngx_clientcert_trust_digest(EVP_MD_CTX *md, SSL_CTX *ctx)
{
    X509_STORE  *store;

#ifdef SSL_CTX_get0_verify_cert_store

    /* "ssl_conf_command VerifyCAFile", which then replaces the other store */

    if (SSL_CTX_get0_verify_cert_store(ctx, &store) == 0) {
        return 0;
    }

    if (store && ngx_clientcert_trust_digest_store(md, store) == 0) {
        return 0;
    }

#endif

    store = SSL_CTX_get_cert_store(ctx);

    return ngx_clientcert_trust_digest_store(md, store)
           && ngx_clientcert_trust_digest_param(md, SSL_CTX_get0_param(ctx));
}


static int
ngx_clientcert_trust_digest_store(EVP_MD_CTX *md, X509_STORE *store)
{
    int                     i;
    STACK_OF(X509_OBJECT)  *objects;

    objects = X509_STORE_get0_objects(store);

    for (i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        if (ngx_clientcert_trust_digest_object(md,
                                            sk_X509_OBJECT_value(objects, i))
            == 0)
        {
            return 0;
        }
    }

    return ngx_clientcert_trust_digest_param(md,
                                             X509_STORE_get0_param(store));
}


static int
ngx_clientcert_trust_digest_object(EVP_MD_CTX *md, X509_OBJECT *object)
{
    int           rc;
    X509         *cert;
    X509_CRL     *crl;
    unsigned int  len;
    u_char        digest[EVP_MAX_MD_SIZE];

    cert = X509_OBJECT_get0_X509(object);
    crl = X509_OBJECT_get0_X509_CRL(object);

    rc = cert ? X509_digest(cert, EVP_sha256(), digest, &len)
         : crl ? X509_CRL_digest(crl, EVP_sha256(), digest, &len) : 0;

    return rc && EVP_DigestUpdate(md, digest, len);
}


static int
ngx_clientcert_trust_digest_param(EVP_MD_CTX *md, X509_VERIFY_PARAM *param)
{
    int            depth;
    unsigned long  flags;

    depth = X509_VERIFY_PARAM_get_depth(param);
    flags = X509_VERIFY_PARAM_get_flags(param);

    return EVP_DigestUpdate(md, &depth, sizeof(depth))
           && EVP_DigestUpdate(md, &flags, sizeof(flags));
}


ngx_uint_t
ngx_clientcert_trust_same(SSL_CTX *one, SSL_CTX *two)
{
    ngx_clientcert_trust_t  *first, *second;

    if (one == NULL || two == NULL) {
        return 0;
    }

    first = SSL_CTX_get_ex_data(one, ngx_clientcert_trust_ctx_index);
    second = SSL_CTX_get_ex_data(two, ngx_clientcert_trust_ctx_index);

    return first && second
           && ngx_memcmp(first->digest, second->digest,
                         NGX_CLIENTCERT_TRUST_LEN)
              == 0;
}


X509_STORE *
ngx_clientcert_trust_store(SSL_CTX *ctx)
{
    X509_STORE  *store;

    store = NULL;

#ifdef SSL_CTX_get0_verify_cert_store

    if (SSL_CTX_get0_verify_cert_store(ctx, &store) == 0) {
        return NULL;
    }

#endif

    return store ? store : SSL_CTX_get_cert_store(ctx);
}


ngx_uint_t
ngx_clientcert_trust_empty(ngx_ssl_t *ssl)
{
    X509_STORE  *store;

    store = ngx_clientcert_trust_store(ssl->ctx);

    return store && sk_X509_OBJECT_num(X509_STORE_get0_objects(store)) == 0;
}


/*
 * nginx makes the session id context of the server's certificates and of the
 * names of the client CAs.  So a session outlives a new CRL, another file of
 * trusted certificates or another depth, and brings its old verdict along.
 * OpenSSL compares the context of the default server, whatever server the
 * session belongs to, so each context has to stand for all trusts.
 */

ngx_int_t
ngx_clientcert_trust_bind_sessions(ngx_ssl_t *ssl, ngx_array_t *trusts,
    ngx_array_t *certificates)
{
    int                       rc;
    ngx_str_t                *name;
    EVP_MD_CTX               *md;
    ngx_uint_t                i;
    ngx_clientcert_trust_t  **trust, *own;
    u_char                    digest[NGX_CLIENTCERT_TRUST_LEN];

    own = SSL_CTX_get_ex_data(ssl->ctx, ngx_clientcert_trust_ctx_index);

    md = EVP_MD_CTX_new();

    rc = md && own
         && EVP_DigestInit_ex(md, EVP_sha256(), NULL)
         && EVP_DigestUpdate(md, own->digest, NGX_CLIENTCERT_TRUST_LEN);

    trust = trusts->elts;

    for (i = 0; rc && i < trusts->nelts; i++) {
        rc = EVP_DigestUpdate(md, trust[i]->digest, NGX_CLIENTCERT_TRUST_LEN);
    }

    name = certificates ? certificates->elts : NULL;

    for (i = 0; rc && name && i < certificates->nelts; i++) {
        rc = EVP_DigestUpdate(md, &name[i].len, sizeof(name[i].len))
             && EVP_DigestUpdate(md, name[i].data, name[i].len);
    }

    rc = rc
         && EVP_DigestFinal_ex(md, digest, NULL)
         && SSL_CTX_set_session_id_context(ssl->ctx, digest, sizeof(digest));

    EVP_MD_CTX_free(md);

    if (!rc) {
        ngx_ssl_error(NGX_LOG_EMERG, ssl->log, 0,
                      "could not set the session id context");
        return NGX_ERROR;
    }

    return NGX_OK;
}
