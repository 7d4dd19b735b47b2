
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_TRUST_H_INCLUDED_
#define _NGX_CLIENTCERT_TRUST_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


#define NGX_CLIENTCERT_TRUST_LEN  32


/* what client certificates are verified by: equal digests, equal verdicts */

typedef struct {
    u_char    digest[NGX_CLIENTCERT_TRUST_LEN]; /* zeros: nobody knows */
    unsigned  twice:1;      /* that a chain isn't verified lets somebody in */
} ngx_clientcert_trust_t;


/*
 * Digests the trust of an SSL context (CA certificates and what they are
 * trusted for, CRLs, depth, flags, security level) and the bytes of other.
 * Unless whole, the context looks for more when it verifies; such a trust
 * equals none but itself, as does one that has to look for all.
 * Allocated from cf->pool.  Returns NULL if that fails, which is logged.
 */
ngx_clientcert_trust_t *ngx_clientcert_trust_create(ngx_conf_t *cf,
    ngx_ssl_t *ssl, ngx_str_t *other, ngx_uint_t whole);

/*
 * Whether two trusts are the same.
 */
ngx_uint_t ngx_clientcert_trust_same(ngx_clientcert_trust_t *one,
    ngx_clientcert_trust_t *two);

/*
 * The store that client certificates are verified by, which the context owns.
 */
X509_STORE *ngx_clientcert_trust_store(SSL_CTX *ctx);

/*
 * Whether there is no CA certificate that a chain could be verified by.
 */
ngx_uint_t ngx_clientcert_trust_empty(ngx_ssl_t *ssl);

/*
 * Whether clients are asked for a certificate.
 */
ngx_uint_t ngx_clientcert_trust_asks(ngx_ssl_t *ssl);

/*
 * From now on a certificate that the context verifies leaves trust with the
 * session, unless it was verified by something else than the context's own
 * store, depth and security level.  The outcome of the verification is what
 * it would be otherwise, but the handshake fails where there is no memory for
 * it; with trust->twice that is found out by verifying again what isn't
 * verified (SSL_CTX_set_cert_verify_callback(3)).  trust must live as long as
 * the context.
 */
void ngx_clientcert_trust_mark_sessions(ngx_ssl_t *ssl,
    ngx_clientcert_trust_t *trust);

/*
 * What verified the certificate of a connection, in this handshake or in the
 * one that a resumed session comes from, or zeros if that isn't known
 * (SSL_SESSION_get0_ticket_appdata(3)).
 */
void ngx_clientcert_trust_of_session(SSL *ssl, ngx_clientcert_trust_t *trust);

/*
 * Makes sessions unfit for resumption once own, a trust in the array of
 * ngx_clientcert_trust_t * or a name in the array of ngx_str_t has changed
 * (SSL_CTX_set_session_id_context(3)).  certificates may be NULL.
 * Returns NGX_OK, or NGX_ERROR, which is logged.
 */
ngx_int_t ngx_clientcert_trust_bind_sessions(ngx_ssl_t *ssl,
    ngx_clientcert_trust_t *own, ngx_array_t *trusts,
    ngx_array_t *certificates);


#endif /* _NGX_CLIENTCERT_TRUST_H_INCLUDED_ */
