
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
    u_char  digest[NGX_CLIENTCERT_TRUST_LEN];
} ngx_clientcert_trust_t;


/*
 * Digests the trust of an SSL context (CA certificates, CRLs, depth, flags)
 * and the bytes of other, and hangs the digest on the context.  The digest is
 * allocated from cf->pool.  Returns NULL if that fails, which is logged.
 */
ngx_clientcert_trust_t *ngx_clientcert_trust_create(ngx_conf_t *cf,
    ngx_ssl_t *ssl, ngx_str_t *other);

/*
 * Whether two contexts have the same trust.  A context without a digest, or
 * NULL, has none that another one could have too.
 */
ngx_uint_t ngx_clientcert_trust_same(SSL_CTX *one, SSL_CTX *two);

/*
 * The store that client certificates are verified by, which the context owns.
 */
X509_STORE *ngx_clientcert_trust_store(SSL_CTX *ctx);

/*
 * Whether there is no CA certificate that a chain could be verified by.
 */
ngx_uint_t ngx_clientcert_trust_empty(ngx_ssl_t *ssl);

/*
 * Makes sessions unfit for resumption once a trust in the array of
 * ngx_clientcert_trust_t * or a name in the array of ngx_str_t has changed
 * (SSL_CTX_set_session_id_context(3)).  certificates may be NULL.
 * Returns NGX_OK, or NGX_ERROR, which is logged.
 */
ngx_int_t ngx_clientcert_trust_bind_sessions(ngx_ssl_t *ssl,
    ngx_array_t *trusts, ngx_array_t *certificates);


#endif /* _NGX_CLIENTCERT_TRUST_H_INCLUDED_ */
