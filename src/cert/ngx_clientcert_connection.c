
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_connection.h"


static void ngx_clientcert_connection_release(void *data);
static ngx_int_t ngx_clientcert_connection_read(ngx_connection_t *c,
    ngx_clientcert_connection_t *conn);
static ngx_clientcert_certificate_t *ngx_clientcert_connection_certificate(
    ngx_connection_t *c, ngx_pool_t *pool, X509 *x509);
static void ngx_clientcert_connection_free(void *parent, void *ptr,
    CRYPTO_EX_DATA *ad, int idx, long argl, void *argp);


int  ngx_clientcert_connection_index = -1;

static ngx_uint_t  ngx_clientcert_connection_users;


/*
 * OpenSSL calls ngx_clientcert_connection_free() for every SSL object of the
 * process, so the index must be gone before the module is unloaded, which
 * happens with the last configuration that loads it.
 */

ngx_int_t
ngx_clientcert_connection_init(ngx_cycle_t *cycle)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    if (ngx_clientcert_connection_index == -1) {

        if (ngx_clientcert_certificate_init(cycle->log) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_clientcert_connection_index = SSL_get_ex_new_index(0, NULL, NULL,
                                       NULL, ngx_clientcert_connection_free);

        if (ngx_clientcert_connection_index == -1) {
            ngx_ssl_error(NGX_LOG_EMERG, cycle->log, 0,
                          "SSL_get_ex_new_index() failed");
            ngx_clientcert_certificate_done();
            return NGX_ERROR;
        }
    }

    cln->handler = ngx_clientcert_connection_release;
    ngx_clientcert_connection_users++;

    return NGX_OK;
}


static void
ngx_clientcert_connection_release(void *data)
{
    if (--ngx_clientcert_connection_users == 0) {
        (void) CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL,
                                    ngx_clientcert_connection_index);
        ngx_clientcert_connection_index = -1;

        ngx_clientcert_certificate_done();
    }
}


ngx_clientcert_connection_t *
ngx_clientcert_connection_create(ngx_connection_t *c)
{
    SSL                          *ssl;
    ngx_pool_t                   *pool;
    ngx_clientcert_connection_t  *conn;

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    conn = ngx_pcalloc(pool, sizeof(ngx_clientcert_connection_t));
    if (conn == NULL) {
        goto failed;
    }

    ssl = c->ssl->connection;

    conn->pool = pool;
    conn->early = 1;

    if (ngx_clientcert_connection_read(c, conn) != NGX_OK) {
        goto failed;
    }

    if (SSL_set_ex_data(ssl, ngx_clientcert_connection_index, conn) == 0) {
        ngx_ssl_error(NGX_LOG_ALERT, c->log, 0, "SSL_set_ex_data() failed");
        goto failed;
    }

    return conn;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


static ngx_int_t
ngx_clientcert_connection_read(ngx_connection_t *c,
    ngx_clientcert_connection_t *conn)
{
    SSL   *ssl;
    X509  *x509;

    ssl = c->ssl->connection;

    /* a session brings its certificate also to servers that want none */

    if (SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE) {
        return NGX_OK;
    }

    x509 = SSL_get_peer_certificate(ssl);
    if (x509 == NULL) {
        return NGX_OK;
    }

    conn->cert = ngx_clientcert_connection_certificate(c, conn->pool, x509);
    if (conn->cert == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ssl_get_client_verify(c, conn->pool, &conn->verify) != NGX_OK) {
        return NGX_ERROR;
    }

    conn->verified = (conn->verify.len == sizeof("SUCCESS") - 1
                      && ngx_strncmp(conn->verify.data, "SUCCESS",
                                     sizeof("SUCCESS") - 1) == 0);

    ngx_clientcert_trust_of_session(ssl, &conn->verified_by);

    ERR_clear_error();

    return NGX_OK;
}


/* a session, and what was sent with it, can end before the SSL object does */

static ngx_clientcert_certificate_t *
ngx_clientcert_connection_certificate(ngx_connection_t *c, ngx_pool_t *pool,
    X509 *x509)
{
    SSL                           *ssl;
    STACK_OF(X509)                *sent;
    ngx_clientcert_certificate_t  *cert;

    ssl = c->ssl->connection;
    sent = SSL_get_peer_cert_chain(ssl);

    if (sent) {
        sent = X509_chain_up_ref(sent);

        if (sent == NULL) {
            X509_free(x509);
            return NULL;
        }
    }

    cert = ngx_clientcert_certificate_create(pool, x509, sent, c->log);

    if (cert) {
        cert->verified = SSL_get0_verified_chain(ssl);
        cert->trusted = ngx_clientcert_trust_store(SSL_get_SSL_CTX(ssl));
        cert->level = SSL_get_security_level(ssl);
    }

    return cert;
}


static void
ngx_clientcert_connection_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad,
    int idx, long argl, void *argp)
{
    ngx_clientcert_connection_t  *conn = ptr;

    if (conn) {
        ngx_destroy_pool(conn->pool);
    }
}


ngx_uint_t
ngx_clientcert_connection_early(ngx_connection_t *c,
    ngx_clientcert_connection_t *conn)
{
    ngx_str_t  early;

    if (ngx_ssl_get_early_data(c, conn->pool, &early) == NGX_OK
        && early.len == 0)
    {
        conn->early = 0;
    }

    return conn->early;
}


/* in the order of nginx's own checks, before it handles a request */

ngx_int_t
ngx_clientcert_connection_nginx(ngx_connection_t *c, ngx_uint_t required,
    ngx_uint_t any)
{
    SSL         *ssl;
    X509        *x509;
    long         rc;
    const char  *status;

    ssl = c->ssl->connection;
    rc = SSL_get_verify_result(ssl);

    if (rc != X509_V_OK && !(any && ngx_ssl_verify_error_optional(rc))) {
        return NGX_DECLINED;
    }

    if (required) {
        x509 = SSL_get_peer_certificate(ssl);
        if (x509 == NULL) {
            return NGX_ABORT;
        }

        X509_free(x509);
    }

    return (ngx_ssl_ocsp_get_status(c, &status) == NGX_OK) ? NGX_OK
                                                           : NGX_DECLINED;
}
