
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_signer.h"
#include "ngx_clientcert_error.h"
#include <openssl/core_names.h>
#include <openssl/x509v3.h>


#define NGX_CLIENTCERT_SIGNER_RSA_BITS       8192
#define NGX_CLIENTCERT_SIGNER_EXPONENT_BITS  64


static ngx_int_t ngx_clientcert_signer_sound_rsa(EVP_PKEY *key);
static ngx_int_t ngx_clientcert_signer_sound_ec(EVP_PKEY *key);


/* the second time it finds no memory at once, or enough */

ngx_int_t
ngx_clientcert_signer_signed(X509 *cert, X509 *signer)
{
    ngx_int_t  rc;

    rc = ngx_clientcert_signer_try(cert, signer);

    return (rc == NGX_DECLINED) ? ngx_clientcert_signer_try(cert, signer) : rc;
}


ngx_int_t
ngx_clientcert_signer_try(X509 *cert, X509 *signer)
{
    int                     rc;
    EVP_PKEY               *key;
    const X509_ALGOR       *alg;
    const ASN1_BIT_STRING  *signature;

    ERR_clear_error();

    /* of two algorithms in one certificate X509_verify() leaves no error */

    X509_get0_signature(&signature, &alg, cert);

    if (X509_ALGOR_cmp(alg, X509_get0_tbs_sigalg(cert)) != 0) {
        return NGX_DECLINED;
    }

    key = X509_get0_pubkey(signer);
    if (key == NULL) {
        return ngx_clientcert_error_memory() ? NGX_ERROR : NGX_ABORT;
    }

    rc = X509_verify(cert, key);

    if (rc == 1) {
        ERR_clear_error();
        return NGX_OK;
    }

    return ngx_clientcert_error_memory() ? NGX_ERROR : NGX_DECLINED;
}


ngx_int_t
ngx_clientcert_signer_self(X509 *cert)
{
    ngx_int_t  rc;

    if (X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert))
        != 0)
    {
        return NGX_DECLINED;
    }

    rc = ngx_clientcert_signer_signed(cert, cert);

    return (rc == NGX_ABORT) ? NGX_DECLINED : rc;
}


ngx_int_t
ngx_clientcert_signer_ca(X509 *cert)
{
    int                 critical;
    ngx_int_t           rc;
    BASIC_CONSTRAINTS  *bc;

    ERR_clear_error();

    bc = X509_get_ext_d2i(cert, NID_basic_constraints, &critical, NULL);

    if (bc == NULL && critical >= 0 && ngx_clientcert_error_memory()) {
        return NGX_ERROR;
    }

    rc = (bc && bc->ca) ? NGX_OK : NGX_DECLINED;

    if (critical == -1 && X509_get_version(cert) == X509_VERSION_1) {
        rc = NGX_OK;
    }

    BASIC_CONSTRAINTS_free(bc);
    ERR_clear_error();

    return rc;
}


/*
 * To a signature of RSA one can find another modulus and exponent, to one of
 * ECDSA or DSA another base point: a key that verifies the signature, and a
 * private key that goes with it (duplicate-signature key selection).
 */

ngx_int_t
ngx_clientcert_signer_sound(X509 *cert)
{
    EVP_PKEY  *key;

    ERR_clear_error();

    key = X509_get0_pubkey(cert);
    if (key == NULL) {
        return ngx_clientcert_error_memory() ? NGX_ERROR : NGX_DECLINED;
    }

    switch (EVP_PKEY_get_base_id(key)) {

    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        return ngx_clientcert_signer_sound_rsa(key);

    case EVP_PKEY_EC:
        return ngx_clientcert_signer_sound_ec(key);

    case EVP_PKEY_DSA:
        return NGX_DECLINED;

    default:
        return NGX_OK;
    }
}


static ngx_int_t
ngx_clientcert_signer_sound_rsa(EVP_PKEY *key)
{
    int      bits;
    BIGNUM  *e;

    if (EVP_PKEY_get_bits(key) > NGX_CLIENTCERT_SIGNER_RSA_BITS) {
        return NGX_DECLINED;
    }

    e = NULL;

    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 0) {
        return ngx_clientcert_error_memory() ? NGX_ERROR : NGX_DECLINED;
    }

    bits = BN_num_bits(e);
    BN_free(e);

    return (bits > NGX_CLIENTCERT_SIGNER_EXPONENT_BITS) ? NGX_DECLINED
                                                        : NGX_OK;
}


static ngx_int_t
ngx_clientcert_signer_sound_ec(EVP_PKEY *key)
{
    int  explicit;

    if (EVP_PKEY_get_int_param(key,
                               OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                               &explicit)
        == 0)
    {
        return ngx_clientcert_error_memory() ? NGX_ERROR : NGX_DECLINED;
    }

    return explicit ? NGX_DECLINED : NGX_OK;
}


/* a key may be written in more than one way */

ngx_uint_t
ngx_clientcert_signer_same_key(X509 *one, X509 *two)
{
    int        rc;
    EVP_PKEY  *first, *second;

    if (ASN1_STRING_cmp(X509_get0_pubkey_bitstr(one),
                        X509_get0_pubkey_bitstr(two))
        == 0)
    {
        return 1;
    }

    first = X509_get0_pubkey(one);
    second = X509_get0_pubkey(two);

    rc = (first && second) ? EVP_PKEY_eq(first, second) : 0;

    ERR_clear_error();

    return rc == 1;
}


ngx_uint_t
ngx_clientcert_signer_equal(X509 *one, X509 *two)
{
    const ASN1_BIT_STRING  *first, *second;

    if (one == two) {
        return 1;
    }

    X509_get0_signature(&first, NULL, one);
    X509_get0_signature(&second, NULL, two);

    return ASN1_STRING_cmp(first, second) == 0
           && ASN1_STRING_cmp(X509_get0_pubkey_bitstr(one),
                              X509_get0_pubkey_bitstr(two))
              == 0
           && X509_NAME_cmp(X509_get_subject_name(one),
                            X509_get_subject_name(two))
              == 0
           && X509_NAME_cmp(X509_get_issuer_name(one),
                            X509_get_issuer_name(two))
              == 0;
}


/* that there are none leaves no error, a directory that can't be read some */

ngx_int_t
ngx_clientcert_signer_search(X509_STORE *store, const X509_NAME *subject,
    STACK_OF(X509) **certs)
{
    X509_STORE_CTX  *ctx;

    *certs = NULL;

    ERR_clear_error();

    ctx = X509_STORE_CTX_new();

    if (ctx == NULL || X509_STORE_CTX_init(ctx, store, NULL, NULL) == 0) {
        X509_STORE_CTX_free(ctx);
        ERR_clear_error();
        return NGX_ERROR;
    }

    *certs = X509_STORE_CTX_get1_certs(ctx, subject);

    X509_STORE_CTX_free(ctx);

    if (*certs == NULL && ngx_clientcert_error_memory_queued()) {
        return NGX_ERROR;
    }

    ERR_clear_error();

    return NGX_OK;
}
