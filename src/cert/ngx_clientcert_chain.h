
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_CHAIN_H_INCLUDED_
#define _NGX_CLIENTCERT_CHAIN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_ca.h"
#include "ngx_clientcert_certificate.h"


/* how far up, and how much of it, since the client chooses the certificates */

#define NGX_CLIENTCERT_CHAIN_DEPTH       10
#define NGX_CLIENTCERT_CHAIN_SIGNATURES  64


/* whether there is a chain, and in what time that is so */

typedef struct {
    ngx_clientcert_ca_t            *ca;
    ngx_int_t                       verified;
    int                             error;      /* that it ended with */
    int                             depth;      /* of that, 0: the leaf */
    time_t                          from;       /* later than until: none */
    time_t                          until;
} ngx_clientcert_chain_built_t;


/* what is known of a certificate and the CAs of a file, one list for each */

typedef struct ngx_clientcert_chain_result_s  ngx_clientcert_chain_result_t;

struct ngx_clientcert_chain_result_s {
    ngx_clientcert_chain_result_t  *next;
    ngx_clientcert_ca_t            *ca;

    ngx_clientcert_chain_built_t    built[NGX_CLIENTCERT_PURPOSES];

    ngx_int_t                       leads;      /* NGX_AGAIN: not known */
    time_t                          walked;
    ngx_uint_t                      walks;      /* in that second */
    ngx_str_t                       unknown;
};


/*
 * Whether the certificate, whose own validity doesn't matter, chains to one
 * of the CAs at the time now, for that purpose, with the help of what it was
 * sent with (X509_verify_cert(3)).  The answer is remembered with it; *from is
 * raised and *until lowered to the times it holds between.
 * Returns NGX_OK, NGX_DECLINED, or NGX_ERROR without memory.
 */
ngx_int_t ngx_clientcert_chain_verify(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_ca_t *ca, ngx_clientcert_purpose_e purpose, time_t now,
    time_t *from, time_t *until);

/*
 * Of one that ngx_clientcert_chain_verify() has declined: whether it got
 * further than another, or there is no other.  Whose issuers were all found
 * got further than whose weren't.
 */
ngx_uint_t ngx_clientcert_chain_further(ngx_clientcert_chain_built_t *one,
    ngx_clientcert_chain_built_t *other);

/*
 * Writes its file, what OpenSSL says and the depth of that into buf, which has
 * room for NGX_CLIENTCERT_CHAIN_TEXT bytes, and returns the end
 * (X509_verify_cert_error_string(3)).
 */
#define NGX_CLIENTCERT_CHAIN_TEXT        512

u_char *ngx_clientcert_chain_text(ngx_clientcert_chain_built_t *built,
    u_char *buf);

/*
 * Whether a path of signatures leads from the certificate up to one of the
 * CAs, or it is one, by subject and key, whatever the dates and extensions.
 * The path goes through what it was sent with, the chain of the handshake,
 * and what the server and all "ca" files trust.  Returns
 *
 *   NGX_OK        one leads there;
 *   NGX_DECLINED  all end at self-signed certificates, and no client could
 *                 have made them end there: remembered, as is NGX_OK;
 *   NGX_ABORT     it isn't known: *unknown says of whom, escaped, as in
 *                 issuer "CN=ca" isn't known, and belongs to cert->pool;
 *   NGX_ERROR     no memory.
 */
ngx_int_t ngx_clientcert_chain_leads(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_ca_t *ca, ngx_str_t *unknown);

/*
 * Whether the certificate is signed by the key of issuer, whatever its name.
 * Returns NGX_OK, NGX_DECLINED, or NGX_ERROR without memory or if the key
 * can't be read.
 */
ngx_int_t ngx_clientcert_chain_signed(ngx_clientcert_certificate_t *cert,
    X509 *issuer);

/*
 * Finds the certificate with the digest of the given length (SHA-1 or
 * SHA-256) in an array of ngx_clientcert_ca_t * and one of X509_STORE *,
 * each of which may be NULL.  It belongs to where it was found.  A store that
 * is a directory has only what it has loaded (X509_STORE_get1_all_certs(3)).
 */
X509 *ngx_clientcert_chain_issuer_find(ngx_array_t *cas, ngx_array_t *stores,
    u_char *digest, size_t len);

/*
 * Whether the certificate that issued the client's has the digest of the
 * given length (SHA-1 or SHA-256).  It is looked for in the chain of the
 * handshake, if that was verified, and among the CAs of its server.
 * Returns NGX_OK, NGX_DECLINED, NGX_ABORT if it is there and doesn't seem to
 * have issued it, which isn't to be remembered, or NGX_ERROR without memory.
 */
ngx_int_t ngx_clientcert_chain_issuer(ngx_clientcert_certificate_t *cert,
    ngx_uint_t verified, u_char *digest, size_t len);

/*
 * What is remembered of a certificate and a file, or NULL without memory.
 */
ngx_clientcert_chain_result_t *ngx_clientcert_chain_result(
    ngx_clientcert_certificate_t *cert, ngx_clientcert_ca_t *ca);


#endif /* _NGX_CLIENTCERT_CHAIN_H_INCLUDED_ */
