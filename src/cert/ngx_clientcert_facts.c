
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_facts.h"


static void ngx_clientcert_facts_release_index(void *data);
static ngx_clientcert_facts_t *ngx_clientcert_facts_create(
    ngx_connection_t *c);
static ngx_int_t ngx_clientcert_facts_read(ngx_connection_t *c, X509 *cert,
    ngx_clientcert_facts_t *facts);
static ngx_int_t ngx_clientcert_facts_spki(X509 *cert, u_char *digest);
static ngx_int_t ngx_clientcert_facts_time(const ASN1_TIME *asn1, time_t *t);
static ngx_uint_t ngx_clientcert_facts_foreign_session(SSL *ssl);
static void ngx_clientcert_facts_free(void *parent, void *ptr,
    CRYPTO_EX_DATA *ad, int idx, long argl, void *argp);


static int         ngx_clientcert_facts_index = -1;
static ngx_uint_t  ngx_clientcert_facts_users;


/*
 * OpenSSL calls ngx_clientcert_facts_free() for every SSL object of the
 * process, so the index must be gone before the module is unloaded, which
 * happens with the last configuration that loads it.
 */

ngx_int_t
ngx_clientcert_facts_init(ngx_cycle_t *cycle)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    if (ngx_clientcert_facts_index == -1) {

        ngx_clientcert_facts_index = SSL_get_ex_new_index(0, NULL, NULL, NULL,
                                                  ngx_clientcert_facts_free);

        if (ngx_clientcert_facts_index == -1) {
            ngx_ssl_error(NGX_LOG_EMERG, cycle->log, 0,
                          "SSL_get_ex_new_index() failed");
            return NGX_ERROR;
        }
    }

    cln->handler = ngx_clientcert_facts_release_index;
    ngx_clientcert_facts_users++;

    return NGX_OK;
}


static void
ngx_clientcert_facts_release_index(void *data)
{
    if (--ngx_clientcert_facts_users == 0) {
        (void) CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL,
                                    ngx_clientcert_facts_index);
        ngx_clientcert_facts_index = -1;
    }
}


ngx_clientcert_facts_t *
ngx_clientcert_facts(ngx_connection_t *c)
{
    ngx_clientcert_facts_t  *facts;

    facts = SSL_get_ex_data(c->ssl->connection, ngx_clientcert_facts_index);

    return facts ? facts : ngx_clientcert_facts_create(c);
}


static ngx_clientcert_facts_t *
ngx_clientcert_facts_create(ngx_connection_t *c)
{
    SSL                     *ssl;
    ngx_pool_t              *pool;
    ngx_clientcert_facts_t  *facts;

    pool = ngx_create_pool(512, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    facts = ngx_pcalloc(pool, sizeof(ngx_clientcert_facts_t));
    if (facts == NULL) {
        goto failed;
    }

    ssl = c->ssl->connection;

    facts->pool = pool;
    facts->early = 1;
    facts->ssl_ctx = SSL_get_SSL_CTX(ssl);
    facts->ssl = ssl;
    facts->cert = SSL_get_peer_certificate(ssl);

    if (facts->cert
        && ngx_clientcert_facts_read(c, facts->cert, facts) != NGX_OK)
    {
        goto failed;
    }

    if (SSL_set_ex_data(ssl, ngx_clientcert_facts_index, facts) == 0) {
        ngx_ssl_error(NGX_LOG_ALERT, c->log, 0, "SSL_set_ex_data() failed");
        goto failed;
    }

    return facts;

failed:

    if (facts) {
        X509_free(facts->cert);
    }

    ngx_destroy_pool(pool);

    return NULL;
}


static ngx_int_t
ngx_clientcert_facts_read(ngx_connection_t *c, X509 *cert,
    ngx_clientcert_facts_t *facts)
{
    if (X509_digest(cert, EVP_sha1(), facts->sha1, NULL) == 0
        || X509_digest(cert, EVP_sha256(), facts->sha256, NULL) == 0
        || ngx_clientcert_facts_spki(cert, facts->spki_sha256) != NGX_OK)
    {
        ngx_ssl_error(NGX_LOG_ALERT, c->log, 0,
                      "could not digest a client certificate");
        return NGX_ERROR;
    }

    if (ngx_clientcert_facts_time(X509_get0_notBefore(cert),
                                  &facts->not_before)
        != NGX_OK
        || ngx_clientcert_facts_time(X509_get0_notAfter(cert),
                                     &facts->not_after)
           != NGX_OK)
    {
        ngx_ssl_error(NGX_LOG_ERR, c->log, 0,
                      "invalid validity in client certificate");
        return NGX_ERROR;
    }

    if (ngx_ssl_get_client_verify(c, facts->pool, &facts->verify) != NGX_OK) {
        return NGX_ERROR;
    }

    facts->certificate = 1;
    facts->verified = (facts->verify.len == sizeof("SUCCESS") - 1
                       && ngx_strncmp(facts->verify.data, "SUCCESS",
                                      sizeof("SUCCESS") - 1) == 0);
    facts->client_purpose = (X509_check_purpose(cert, X509_PURPOSE_SSL_CLIENT,
                                                0)
                             == 1);
    facts->foreign_session =
                     ngx_clientcert_facts_foreign_session(c->ssl->connection);

    /* a malformed extension leaves errors that would be logged later */
    ERR_clear_error();

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_facts_spki(X509 *cert, u_char *digest)
{
    int      len, rc;
    u_char  *der;

    der = NULL;

    len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    if (len < 0) {
        return NGX_ERROR;
    }

    rc = EVP_Digest(der, len, digest, NULL, EVP_sha256(), NULL);

    OPENSSL_free(der);

    return rc ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_clientcert_facts_time(const ASN1_TIME *asn1, time_t *t)
{
    struct tm  tm;

    if (ASN1_TIME_to_tm(asn1, &tm) == 0) {
        return NGX_ERROR;
    }

    *t = timegm(&tm);

    return NGX_OK;
}


/*
 * A session brings its verify result along.  In TLSv1.3 it may be resumed
 * under another server name than the one it was verified for.
 */

static ngx_uint_t
ngx_clientcert_facts_foreign_session(SSL *ssl)
{
    const char   *now, *then;
    SSL_SESSION  *session;

    if (!SSL_session_reused(ssl)) {
        return 0;
    }

    session = SSL_get0_session(ssl);

    then = session ? SSL_SESSION_get0_hostname(session) : NULL;
    now = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    if (then == NULL || now == NULL) {
        return then != now;
    }

    return ngx_strcasecmp((u_char *) then, (u_char *) now) != 0;
}


static void
ngx_clientcert_facts_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad,
    int idx, long argl, void *argp)
{
    ngx_clientcert_facts_t  *facts = ptr;

    if (facts) {
        X509_free(facts->cert);
        ngx_destroy_pool(facts->pool);
    }
}


ngx_uint_t
ngx_clientcert_facts_early(ngx_connection_t *c, ngx_clientcert_facts_t *facts)
{
    ngx_str_t  early;

    if (ngx_ssl_get_early_data(c, facts->pool, &early) == NGX_OK
        && early.len == 0)
    {
        facts->early = 0;
    }

    return facts->early;
}


ngx_clientcert_names_t *
ngx_clientcert_facts_names(ngx_clientcert_facts_t *facts)
{
    if (facts->names == NULL) {
        facts->names = ngx_clientcert_names_read(facts->pool, facts->cert);
    }

    return facts->names;
}


ngx_int_t
ngx_clientcert_facts_der(ngx_clientcert_facts_t *facts, ngx_pool_t *pool,
    ngx_uint_t i, ngx_str_t *der)
{
    int              len;
    X509            *cert;
    u_char          *p;
    STACK_OF(X509)  *sent;

    cert = facts->cert;

    if (i > 0) {
        sent = SSL_get_peer_cert_chain(facts->ssl);

        if (sent == NULL || i > (ngx_uint_t) sk_X509_num(sent)) {
            return NGX_DECLINED;
        }

        cert = sk_X509_value(sent, i - 1);
    }

    len = i2d_X509(cert, NULL);
    if (len < 0) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    der->data = p;
    der->len = i2d_X509(cert, &p);

    return NGX_OK;
}


u_char *
ngx_clientcert_facts_subject(ngx_connection_t *c, u_char *buf, size_t size)
{
    BIO     *bio;
    char    *text;
    long     len;
    X509    *cert;
    u_char  *p;

    p = buf;

    cert = SSL_get_peer_certificate(c->ssl->connection);
    if (cert == NULL) {
        return p;
    }

    bio = BIO_new(BIO_s_mem());

    if (bio == NULL
        || X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0,
                              XN_FLAG_RFC2253)
           < 0)
    {
        ngx_ssl_error(NGX_LOG_ALERT, c->log, 0,
                      "could not print the subject of a client certificate");
        goto done;
    }

    len = BIO_get_mem_data(bio, &text);

    if ((size_t) len <= size) {
        p = ngx_cpymem(p, text, len);

    } else {
        p = ngx_cpymem(p, text, size - 3);
        p = ngx_cpymem(p, "...", 3);
    }

done:

    BIO_free(bio);
    X509_free(cert);

    return p;
}
