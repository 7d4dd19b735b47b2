
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_SIGNER_H_INCLUDED_
#define _NGX_CLIENTCERT_SIGNER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


/*
 * Who signed a certificate, by signatures and names alone: dates, purposes and
 * extensions don't matter.  No function has OpenSSL read the extensions into
 * the certificate, which would spoil it for good without memory, and all leave
 * an empty queue of errors.  NGX_ERROR is: no memory.
 */

/*
 * Whether the key of signer verifies the signature of cert, whatever their
 * names (X509_verify(3)): NGX_OK, NGX_DECLINED, NGX_ABORT if the key can't be
 * read, or NGX_ERROR.
 */
ngx_int_t ngx_clientcert_signer_signed(X509 *cert, X509 *signer);

/*
 * The same at half the price where the answer is no, which may be wrong then:
 * OpenSSL doesn't always say that there was no memory.
 */
ngx_int_t ngx_clientcert_signer_try(X509 *cert, X509 *signer);

/*
 * Whether it names itself as its issuer and is signed by its own key: NGX_OK,
 * NGX_DECLINED or NGX_ERROR.
 */
ngx_int_t ngx_clientcert_signer_self(X509 *cert);

/*
 * Whether a certificate is a CA's by its basic constraints, or is too old to
 * have any: NGX_OK, NGX_DECLINED or NGX_ERROR.
 */
ngx_int_t ngx_clientcert_signer_ca(X509 *cert);

/*
 * Whether what a key verifies was signed with it: keys with parameters can be
 * made for a signature that is there.  What takes longer than it should to
 * verify with isn't sound either.  NGX_OK, NGX_DECLINED or NGX_ERROR.
 */
ngx_int_t ngx_clientcert_signer_sound(X509 *cert);

/*
 * Whether two certificates have the same key, however it is written, or are
 * the same one, but for what its signature would show.
 */
ngx_uint_t ngx_clientcert_signer_same_key(X509 *one, X509 *two);
ngx_uint_t ngx_clientcert_signer_equal(X509 *one, X509 *two);

/*
 * Finds the certificates of a subject in a store, which may load them
 * (X509_STORE_CTX_get1_certs(3)).  *certs is NULL if there are none, or else
 * the caller's to free.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_clientcert_signer_search(X509_STORE *store,
    const X509_NAME *subject, STACK_OF(X509) **certs);


#endif /* _NGX_CLIENTCERT_SIGNER_H_INCLUDED_ */
