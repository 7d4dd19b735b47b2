
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_certificate.h"
#include "ngx_clientcert_text.h"
#include "ngx_clientcert_time.h"
#include <openssl/x509v3.h>


static void ngx_clientcert_certificate_free(void *data);
static int ngx_clientcert_certificate_purpose(
    ngx_clientcert_certificate_t *cert);
static ngx_int_t ngx_clientcert_certificate_key_of(X509 *x509,
    ngx_uint_t *min);
static X509 *ngx_clientcert_certificate_x509(
    ngx_clientcert_certificate_t *cert, ngx_uint_t i);
static int ngx_clientcert_certificate_print(const X509_NAME *name,
    u_char *buf, int size);


static EVP_MD  *ngx_clientcert_sha1;
static EVP_MD  *ngx_clientcert_sha256;


ngx_int_t
ngx_clientcert_certificate_init(ngx_log_t *log)
{
    ngx_clientcert_sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    ngx_clientcert_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);

    if (ngx_clientcert_sha1 == NULL || ngx_clientcert_sha256 == NULL) {
        ngx_ssl_error(NGX_LOG_EMERG, log, 0, "EVP_MD_fetch() failed");
        ngx_clientcert_certificate_done();
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_clientcert_certificate_done(void)
{
    EVP_MD_free(ngx_clientcert_sha1);
    EVP_MD_free(ngx_clientcert_sha256);

    ngx_clientcert_sha1 = NULL;
    ngx_clientcert_sha256 = NULL;
}


ngx_clientcert_certificate_t *
ngx_clientcert_certificate_create(ngx_pool_t *pool, X509 *x509,
    STACK_OF(X509) *sent, ngx_log_t *log)
{
    ngx_pool_cleanup_t            *cln;
    ngx_clientcert_certificate_t  *cert;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_clientcert_certificate_t));
    if (cln == NULL) {
        X509_free(x509);
        sk_X509_pop_free(sent, X509_free);
        return NULL;
    }

    cert = cln->data;
    cln->handler = ngx_clientcert_certificate_free;

    ngx_memzero(cert, sizeof(ngx_clientcert_certificate_t));

    cert->pool = pool;
    cert->x509 = x509;
    cert->sent = sent;

    if (ngx_clientcert_time_read(X509_get0_notBefore(x509), &cert->not_before)
        != NGX_OK
        || ngx_clientcert_time_read(X509_get0_notAfter(x509),
                                    &cert->not_after)
           != NGX_OK)
    {
        ngx_ssl_error(NGX_LOG_ERR, log, 0,
                      "invalid validity in client certificate");
        return NULL;
    }

    cert->client_purpose = (ngx_clientcert_certificate_purpose(cert) == 1);

    /* a malformed extension leaves errors that would be logged later */
    ERR_clear_error();

    return cert->x509 ? cert : NULL;
}


/* without memory OpenSSL takes the object for invalid from then on */

static int
ngx_clientcert_certificate_purpose(ngx_clientcert_certificate_t *cert)
{
    int    rc;
    X509  *copy;

    rc = X509_check_purpose(cert->x509, X509_PURPOSE_SSL_CLIENT, 0);

    if (rc >= 0) {
        return rc;
    }

    copy = X509_dup(cert->x509);

    X509_free(cert->x509);
    cert->x509 = copy;

    return copy ? X509_check_purpose(copy, X509_PURPOSE_SSL_CLIENT, 0) : rc;
}


static void
ngx_clientcert_certificate_free(void *data)
{
    ngx_clientcert_certificate_t *cert = data;

    X509_free(cert->x509);
    sk_X509_pop_free(cert->sent, X509_free);
}


u_char *
ngx_clientcert_certificate_digest(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_digest_e digest)
{
    u_char  *value;

    value = cert->digests[digest];

    if (cert->digested & (1 << digest)) {
        return value;
    }

    if (ngx_clientcert_certificate_digest_of(cert->x509, digest, value)
        != NGX_OK)
    {
        return NULL;
    }

    cert->digested |= 1 << digest;

    return value;
}


/* without memory X509_digest(3) can return another digest */

ngx_int_t
ngx_clientcert_certificate_digest_of(X509 *x509,
    ngx_clientcert_digest_e digest, u_char *value)
{
    int      len, rc;
    u_char  *der;

    der = NULL;

    len = (digest == NGX_CLIENTCERT_SPKI_SHA256)
          ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der)
          : i2d_X509(x509, &der);

    rc = (len > 0
          && EVP_Digest(der, len, value, NULL,
                        digest == NGX_CLIENTCERT_SHA1 ? ngx_clientcert_sha1
                                                      : ngx_clientcert_sha256,
                        NULL));

    OPENSSL_free(der);

    if (!rc) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* without memory OpenSSL has read a certificate without its key */

ngx_int_t
ngx_clientcert_certificate_key(ngx_clientcert_certificate_t *cert,
    ngx_uint_t *min)
{
    X509       *copy;
    ngx_int_t   rc;

    rc = ngx_clientcert_certificate_key_of(cert->x509, min);

    if (rc != NGX_ERROR) {
        return rc;
    }

    copy = X509_dup(cert->x509);

    if (copy) {
        rc = ngx_clientcert_certificate_key_of(copy, min);
        X509_free(copy);
    }

    ERR_clear_error();

    return rc;
}


static ngx_int_t
ngx_clientcert_certificate_key_of(X509 *x509, ngx_uint_t *min)
{
    int                          bits;
    EVP_PKEY                    *key;
    ngx_clientcert_algorithm_e   algorithm;

    key = X509_get0_pubkey(x509);
    if (key == NULL) {
        return NGX_ERROR;
    }

    switch (EVP_PKEY_get_base_id(key)) {

    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        algorithm = NGX_CLIENTCERT_RSA;
        break;

    case EVP_PKEY_EC:
        algorithm = NGX_CLIENTCERT_EC;
        break;

    default:
        return NGX_OK;
    }

    bits = EVP_PKEY_get_bits(key);

    if (bits <= 0) {
        return NGX_ERROR;
    }

    return ((ngx_uint_t) bits >= min[algorithm]) ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_clientcert_certificate_bits(ngx_clientcert_certificate_t *cert)
{
    int        bits;
    EVP_PKEY  *key;

    key = X509_get0_pubkey(cert->x509);
    bits = key ? EVP_PKEY_get_bits(key) : 0;

    ERR_clear_error();

    return ngx_max(bits, 0);
}


ngx_clientcert_names_t *
ngx_clientcert_certificate_names(ngx_clientcert_certificate_t *cert)
{
    if (cert->names == NULL) {
        cert->names = ngx_clientcert_names_read(cert->pool, cert->x509);
    }

    return cert->names;
}


size_t
ngx_clientcert_certificate_der_len(ngx_clientcert_certificate_t *cert,
    ngx_uint_t i)
{
    int    len;
    X509  *x509;

    x509 = ngx_clientcert_certificate_x509(cert, i);

    len = x509 ? i2d_X509(x509, NULL) : 0;

    return (len > 0) ? len : 0;
}


u_char *
ngx_clientcert_certificate_der(ngx_clientcert_certificate_t *cert,
    ngx_uint_t i, u_char *buf)
{
    (void) i2d_X509(ngx_clientcert_certificate_x509(cert, i), &buf);

    return buf;
}


static X509 *
ngx_clientcert_certificate_x509(ngx_clientcert_certificate_t *cert,
    ngx_uint_t i)
{
    return i ? sk_X509_value(cert->sent, i - 1) : cert->x509;
}


ngx_uint_t
ngx_clientcert_certificate_sent(ngx_clientcert_certificate_t *cert)
{
    return cert->sent ? sk_X509_num(cert->sent) : 0;
}


u_char *
ngx_clientcert_certificate_name(const X509_NAME *name, u_char *buf)
{
    int        n;
    ngx_str_t  text;
    u_char     head[NGX_CLIENTCERT_NAME_LEN + 1];

    n = ngx_clientcert_certificate_print(name, head, sizeof(head));
    if (n < 0) {
        return NULL;
    }

    text.data = head;
    text.len = n;

    return ngx_clientcert_text_cut(buf, NGX_CLIENTCERT_NAME_LEN, &text);
}


/*
 * The client chooses how long a name is, so no more than size bytes of it are
 * printed: OpenSSL ends at the first write that doesn't fit into a BIO pair.
 * Returns their number, or -1 without memory.
 */

static int
ngx_clientcert_certificate_print(const X509_NAME *name, u_char *buf,
    int size)
{
    int   rc, len;
    BIO  *in, *out;

    if (BIO_new_bio_pair(&in, size, &out, 1) == 0) {
        ERR_clear_error();
        return -1;
    }

    rc = X509_NAME_print_ex(in, name, 0,
                            XN_FLAG_RFC2253 & ~(ASN1_STRFLGS_ESC_CTRL
                                                |ASN1_STRFLGS_ESC_MSB));

    len = BIO_read(out, buf, size);
    len = ngx_max(len, 0);

    BIO_free(in);
    BIO_free(out);
    ERR_clear_error();

    return (rc < 0 && len < size) ? -1 : len;
}
