
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_CERTIFICATE_H_INCLUDED_
#define _NGX_CLIENTCERT_CERTIFICATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_clientcert_thumbprint.h"
#include "ngx_clientcert_names.h"


typedef enum {
    NGX_CLIENTCERT_SHA1 = 0,
    NGX_CLIENTCERT_SHA256,
    NGX_CLIENTCERT_SPKI_SHA256,     /* of the SubjectPublicKeyInfo */
    NGX_CLIENTCERT_DIGESTS
} ngx_clientcert_digest_e;


/* what a certificate has to be made for */

typedef enum {
    NGX_CLIENTCERT_PURPOSE_CLIENT = 0,      /* TLS clients */
    NGX_CLIENTCERT_PURPOSE_ANY,
    NGX_CLIENTCERT_PURPOSES
} ngx_clientcert_purpose_e;


/* public keys that can be too short */

typedef enum {
    NGX_CLIENTCERT_RSA = 0,         /* RSASSA-PSS, too */
    NGX_CLIENTCERT_EC,
    NGX_CLIENTCERT_ALGORITHMS
} ngx_clientcert_algorithm_e;


/*
 * What one certificate says, wherever it comes from.  What few ask for is read
 * when it is first asked for, and kept.
 */

typedef struct {
    ngx_pool_t              *pool;
    X509                    *x509;

    time_t                   not_before;
    time_t                   not_after;

    /* what a chain can be built of besides, each may be NULL */

    STACK_OF(X509)          *sent;      /* along with it */
    STACK_OF(X509)          *verified;  /* chain, from the leaf on */
    X509_STORE              *trusted;   /* by the server it was shown to */
    int                      level;     /* of security, for keys, digests */

    ngx_clientcert_names_t  *names;
    void                    *chains;    /* of ngx_clientcert_chain.c */
    ngx_str_t                line;      /* of facts, data NULL: not yet */

    u_char                   digests[NGX_CLIENTCERT_DIGESTS]
                                    [NGX_CLIENTCERT_SHA256_LEN];
    unsigned                 digested:NGX_CLIENTCERT_DIGESTS;   /* bits */

    unsigned                 client_purpose:1;
} ngx_clientcert_certificate_t;


/*
 * Fetches what digests are made with, to be called before any certificate is
 * read, and lets go of it (EVP_MD_fetch(3)).  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_clientcert_certificate_init(ngx_log_t *log);
void ngx_clientcert_certificate_done(void);

/*
 * Makes a certificate in pool, which owns the references to x509 and sent
 * from now on, whatever happens; sent may be NULL.  Returns NULL without
 * memory or if its validity can't be read, which is logged.
 */
ngx_clientcert_certificate_t *ngx_clientcert_certificate_create(
    ngx_pool_t *pool, X509 *x509, STACK_OF(X509) *sent, ngx_log_t *log);

/*
 * Returns a digest, NGX_CLIENTCERT_SHA1_LEN bytes for SHA-1 and
 * NGX_CLIENTCERT_SHA256_LEN for the others, or NULL without memory.  It
 * belongs to the certificate.
 */
u_char *ngx_clientcert_certificate_digest(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_digest_e digest);

/*
 * Computes a digest of any certificate into value, which has room for it.
 * Returns NGX_OK, or NGX_ERROR without memory.
 */
ngx_int_t ngx_clientcert_certificate_digest_of(X509 *x509,
    ngx_clientcert_digest_e digest, u_char *value);

/*
 * Whether the public key has at least as many bits as min says for its
 * algorithm: of the modulus or, of EC, of the group's order
 * (EVP_PKEY_get_bits(3)).  Keys of other algorithms do.  Returns NGX_OK,
 * NGX_DECLINED, or NGX_ERROR without memory or if the key can't be read.
 */
ngx_int_t ngx_clientcert_certificate_key(ngx_clientcert_certificate_t *cert,
    ngx_uint_t *min);

/*
 * The number of bits of its public key, 0 if that can't be read.
 */
ngx_uint_t ngx_clientcert_certificate_bits(ngx_clientcert_certificate_t *cert);

/*
 * Returns the names, or NULL without memory.  They belong to the certificate.
 */
ngx_clientcert_names_t *ngx_clientcert_certificate_names(
    ngx_clientcert_certificate_t *cert);

/*
 * The length in DER of the certificate (i is 0) or of the i-th one that it
 * was sent with, 0 if there is none or it can't be encoded; write puts it
 * into buf, which has room for it, and returns its end.
 */
size_t ngx_clientcert_certificate_der_len(ngx_clientcert_certificate_t *cert,
    ngx_uint_t i);
u_char *ngx_clientcert_certificate_der(ngx_clientcert_certificate_t *cert,
    ngx_uint_t i, u_char *buf);

/*
 * How many certificates it was sent with.
 */
ngx_uint_t ngx_clientcert_certificate_sent(ngx_clientcert_certificate_t *cert);

/*
 * Writes the head of a name into buf as the log tells it, in the order of
 * RFC 4514 and with "..." where it is cut off: NGX_CLIENTCERT_NAME_LEN bytes
 * at most (X509_NAME_print_ex(3)).  Returns its end, or NULL without memory.
 */
#define NGX_CLIENTCERT_NAME_LEN  256

u_char *ngx_clientcert_certificate_name(const X509_NAME *name, u_char *buf);


#endif /* _NGX_CLIENTCERT_CERTIFICATE_H_INCLUDED_ */
