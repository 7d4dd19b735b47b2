
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_trust.h"
#include "ngx_clientcert_error.h"
#include <openssl/rand.h>


/* OpenSSL 4.0 lets nobody look at what others may change */

#if (OPENSSL_VERSION_NUMBER >= 0x40000000L)

#define ngx_clientcert_trust_objects(store)  X509_STORE_get1_objects(store)
#define ngx_clientcert_trust_release(objects)                                 \
    sk_X509_OBJECT_pop_free(objects, X509_OBJECT_free)

#else

#define ngx_clientcert_trust_objects(store)  X509_STORE_get0_objects(store)
#define ngx_clientcert_trust_release(objects)

#endif


#define NGX_CLIENTCERT_TRUST_SESSION  "verified by 1"


static int ngx_clientcert_trust_digest(EVP_MD_CTX *md, SSL_CTX *ctx,
    ngx_str_t *other, ngx_uint_t whole);
static int ngx_clientcert_trust_digest_nonce(EVP_MD_CTX *md);
static int ngx_clientcert_trust_digest_store(EVP_MD_CTX *md,
    X509_STORE *store);
static int ngx_clientcert_trust_digest_object(EVP_MD_CTX *md,
    X509_OBJECT *object);
static int ngx_clientcert_trust_digest_cert(X509 *cert, u_char *digest,
    unsigned int *len);
static int ngx_clientcert_trust_digest_param(EVP_MD_CTX *md,
    X509_VERIFY_PARAM *param);
static ngx_uint_t ngx_clientcert_trust_none(X509_STORE *store);
static int ngx_clientcert_trust_verify(X509_STORE_CTX *x509_store,
    void *data);
static ngx_uint_t ngx_clientcert_trust_certain(X509_STORE_CTX *x509_store,
    ngx_uint_t twice);
static int ngx_clientcert_trust_callback(int ok, X509_STORE_CTX *x509_store);
static ngx_uint_t ngx_clientcert_trust_used(X509_STORE_CTX *x509_store,
    SSL *ssl);


ngx_clientcert_trust_t *
ngx_clientcert_trust_create(ngx_conf_t *cf, ngx_ssl_t *ssl, ngx_str_t *other,
    ngx_uint_t whole)
{
    EVP_MD_CTX              *md;
    ngx_clientcert_trust_t  *trust;

    trust = ngx_palloc(cf->pool, sizeof(ngx_clientcert_trust_t));
    if (trust == NULL) {
        return NULL;
    }

    md = EVP_MD_CTX_new();

    if (md == NULL
        || EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 0
        || ngx_clientcert_trust_digest(md, ssl->ctx, other, whole) == 0
        || EVP_DigestFinal_ex(md, trust->digest, NULL) == 0)
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "could not digest the trust of an SSL context");
        trust = NULL;
    }

    EVP_MD_CTX_free(md);

    return trust;
}


static int
ngx_clientcert_trust_digest(EVP_MD_CTX *md, SSL_CTX *ctx, ngx_str_t *other,
    ngx_uint_t whole)
{
    int          level;
    X509_STORE  *store;

    level = SSL_CTX_get_security_level(ctx);

    if (EVP_DigestUpdate(md, &other->len, sizeof(other->len)) == 0
        || EVP_DigestUpdate(md, other->data, other->len) == 0
        || EVP_DigestUpdate(md, &level, sizeof(level)) == 0
        || SSL_CTX_get0_verify_cert_store(ctx, &store) == 0)
    {
        return 0;
    }

    /* an empty one finds what it has later, as openssl.cnf may tell it */

    if (store && ngx_clientcert_trust_none(store)) {
        whole = 0;
    }

    /* OCSP responses are verified by the other one in any case */

    return ngx_clientcert_trust_digest_store(md, store)
           && ngx_clientcert_trust_digest_store(md,
                                                SSL_CTX_get_cert_store(ctx))
           && ngx_clientcert_trust_digest_param(md, SSL_CTX_get0_param(ctx))
           && (whole || ngx_clientcert_trust_digest_nonce(md));
}


static int
ngx_clientcert_trust_digest_nonce(EVP_MD_CTX *md)
{
    u_char  nonce[NGX_CLIENTCERT_TRUST_LEN];

    return RAND_bytes(nonce, sizeof(nonce)) == 1
           && EVP_DigestUpdate(md, nonce, sizeof(nonce));
}


static int
ngx_clientcert_trust_digest_store(EVP_MD_CTX *md, X509_STORE *store)
{
    int                     i, n, rc;
    STACK_OF(X509_OBJECT)  *objects;

    objects = store ? ngx_clientcert_trust_objects(store) : NULL;
    n = objects ? sk_X509_OBJECT_num(objects) : -1;

    rc = EVP_DigestUpdate(md, &n, sizeof(n));

    for (i = 0; rc && i < n; i++) {
        rc = ngx_clientcert_trust_digest_object(md,
                                            sk_X509_OBJECT_value(objects, i));
    }

    ngx_clientcert_trust_release(objects);

    if (rc == 0 || store == NULL) {
        return rc;
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

    rc = cert ? ngx_clientcert_trust_digest_cert(cert, digest, &len)
         : crl ? X509_CRL_digest(crl, EVP_sha256(), digest, &len) : 0;

    return rc && EVP_DigestUpdate(md, digest, len);
}


/* "BEGIN TRUSTED CERTIFICATE" says beside the certificate what it is for */

static int
ngx_clientcert_trust_digest_cert(X509 *cert, u_char *digest,
    unsigned int *len)
{
    int      n, rc;
    u_char  *aux;

    aux = NULL;

    n = i2d_X509_AUX(cert, &aux);
    if (n < 0) {
        return 0;
    }

    rc = EVP_Digest(aux, n, digest, len, EVP_sha256(), NULL);

    OPENSSL_free(aux);

    return rc;
}


static int
ngx_clientcert_trust_digest_param(EVP_MD_CTX *md, X509_VERIFY_PARAM *param)
{
    int            depth, level;
    unsigned long  flags;

    depth = X509_VERIFY_PARAM_get_depth(param);
    level = X509_VERIFY_PARAM_get_auth_level(param);
    flags = X509_VERIFY_PARAM_get_flags(param);

    return EVP_DigestUpdate(md, &depth, sizeof(depth))
           && EVP_DigestUpdate(md, &level, sizeof(level))
           && EVP_DigestUpdate(md, &flags, sizeof(flags));
}


X509_STORE *
ngx_clientcert_trust_store(SSL_CTX *ctx)
{
    X509_STORE  *store;

    /* "ssl_conf_command VerifyCAFile", which then replaces the other store */

    if (SSL_CTX_get0_verify_cert_store(ctx, &store) == 0) {
        return NULL;
    }

    return store ? store : SSL_CTX_get_cert_store(ctx);
}


ngx_uint_t
ngx_clientcert_trust_empty(ngx_ssl_t *ssl)
{
    X509_STORE  *store;

    store = ngx_clientcert_trust_store(ssl->ctx);

    return store && ngx_clientcert_trust_none(store);
}


static ngx_uint_t
ngx_clientcert_trust_none(X509_STORE *store)
{
    ngx_uint_t              none;
    STACK_OF(X509_OBJECT)  *objects;

    objects = ngx_clientcert_trust_objects(store);
    none = (sk_X509_OBJECT_num(objects) == 0);

    ngx_clientcert_trust_release(objects);

    return none;
}


ngx_uint_t
ngx_clientcert_trust_asks(ngx_ssl_t *ssl)
{
    return SSL_CTX_get_verify_mode(ssl->ctx) != SSL_VERIFY_NONE;
}


void
ngx_clientcert_trust_mark_sessions(ngx_ssl_t *ssl,
    ngx_clientcert_trust_t *trust)
{
    SSL_CTX_set_cert_verify_callback(ssl->ctx, ngx_clientcert_trust_verify,
                                     trust);
}


/*
 * OpenSSL calls that of the context which SNI chose, in full handshakes only,
 * and what is set here goes wherever the session goes: into tickets, also
 * renewed ones, and into caches.
 */

static int
ngx_clientcert_trust_verify(X509_STORE_CTX *x509_store, void *data)
{
    ngx_clientcert_trust_t *trust = data;

    int                rc;
    SSL               *ssl;
    ngx_connection_t  *c;

    ERR_clear_error();

    rc = X509_verify_cert(x509_store);

    ssl = X509_STORE_CTX_get_ex_data(x509_store,
                                    SSL_get_ex_data_X509_STORE_CTX_idx());

    c = ngx_ssl_get_connection(ssl);

    if (X509_STORE_CTX_get_error(x509_store) != X509_V_OK
        && !ngx_clientcert_trust_certain(x509_store, trust->twice))
    {
        ngx_log_error(NGX_LOG_ALERT, c->log, 0,
                      "no memory to verify a client certificate");
        return 0;
    }

    if (ngx_clientcert_trust_used(x509_store, ssl)
        && SSL_SESSION_set1_ticket_appdata(SSL_get0_session(ssl),
                                           trust->digest,
                                           NGX_CLIENTCERT_TRUST_LEN)
           == 0)
    {
        ngx_ssl_error(NGX_LOG_ALERT, c->log, 0,
                      "SSL_SESSION_set1_ticket_appdata() failed");
        return 0;
    }

    /* an error counts as a failure, as in OpenSSL itself */

    return rc > 0;
}


/*
 * Whether the chain isn't verified for another reason than that there is no
 * memory, which OpenSSL may take for an issuer that isn't there and say no
 * more: then it finds enough the second time, or that there is none.
 */

static ngx_uint_t
ngx_clientcert_trust_certain(X509_STORE_CTX *x509_store, ngx_uint_t twice)
{
    X509            *copy;
    ngx_uint_t       certain;
    X509_STORE_CTX  *ctx;

    if (ngx_clientcert_error_memory_queued()) {
        return 0;
    }

    if (!twice) {
        return 1;
    }

    /* one whose extensions couldn't be read is invalid for good */

    copy = X509_dup(X509_STORE_CTX_get0_cert(x509_store));
    ctx = X509_STORE_CTX_new();

    certain = (copy && ctx
               && X509_STORE_CTX_init(ctx,
                                      X509_STORE_CTX_get0_store(x509_store),
                                      copy,
                                    X509_STORE_CTX_get0_untrusted(x509_store))
               && X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(ctx),
                                       X509_STORE_CTX_get0_param(x509_store)));

    if (certain) {
        X509_STORE_CTX_set_verify_cb(ctx, ngx_clientcert_trust_callback);

        certain = (X509_verify_cert(ctx) > 0
                   && !ngx_clientcert_error_memory_queued()
                   && X509_STORE_CTX_get_error(ctx)
                      == X509_STORE_CTX_get_error(x509_store));
    }

    X509_STORE_CTX_free(ctx);
    X509_free(copy);
    ERR_clear_error();

    return certain;
}


/* goes on whatever is wrong, as nginx's does */

static int
ngx_clientcert_trust_callback(int ok, X509_STORE_CTX *x509_store)
{
    return 1;
}


/* other modules can give a connection CAs or a depth of its own */

static ngx_uint_t
ngx_clientcert_trust_used(X509_STORE_CTX *x509_store, SSL *ssl)
{
    SSL_CTX            *ctx;
    X509_VERIFY_PARAM  *param;

    ctx = SSL_get_SSL_CTX(ssl);
    param = X509_STORE_CTX_get0_param(x509_store);

    return X509_STORE_CTX_get0_store(x509_store)
           == ngx_clientcert_trust_store(ctx)
           && X509_VERIFY_PARAM_get_depth(param)
              == SSL_CTX_get_verify_depth(ctx)
           && X509_VERIFY_PARAM_get_auth_level(param)
              == SSL_CTX_get_security_level(ctx);
}


void
ngx_clientcert_trust_of_session(SSL *ssl, ngx_clientcert_trust_t *trust)
{
    void         *data;
    size_t        len;
    SSL_SESSION  *session;

    session = SSL_get0_session(ssl);

    if (session
        && SSL_SESSION_get0_ticket_appdata(session, &data, &len)
        && len == NGX_CLIENTCERT_TRUST_LEN)
    {
        ngx_memcpy(trust->digest, data, NGX_CLIENTCERT_TRUST_LEN);

    } else {
        ngx_memzero(trust->digest, NGX_CLIENTCERT_TRUST_LEN);
    }
}


ngx_uint_t
ngx_clientcert_trust_same(ngx_clientcert_trust_t *one,
    ngx_clientcert_trust_t *two)
{
    return ngx_memcmp(one->digest, two->digest, NGX_CLIENTCERT_TRUST_LEN)
           == 0;
}


/*
 * nginx makes the session id context of the server's certificates and of the
 * names of the client CAs.  So a session outlives a new CRL, another file of
 * trusted certificates or another depth, and brings its old verdict along.
 * OpenSSL compares the context of the default server, whatever server the
 * session belongs to, so each context has to stand for all trusts.
 */

ngx_int_t
ngx_clientcert_trust_bind_sessions(ngx_ssl_t *ssl,
    ngx_clientcert_trust_t *own, ngx_array_t *trusts,
    ngx_array_t *certificates)
{
    int                       rc;
    ngx_str_t                *name;
    EVP_MD_CTX               *md;
    ngx_uint_t                i;
    ngx_clientcert_trust_t  **trust;
    u_char                    digest[NGX_CLIENTCERT_TRUST_LEN];

    md = EVP_MD_CTX_new();

    /* the text: sessions that don't say what verified them don't fit */

    rc = md
         && EVP_DigestInit_ex(md, EVP_sha256(), NULL)
         && EVP_DigestUpdate(md, NGX_CLIENTCERT_TRUST_SESSION,
                             sizeof(NGX_CLIENTCERT_TRUST_SESSION) - 1)
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
