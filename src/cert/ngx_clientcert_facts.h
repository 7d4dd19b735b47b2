
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_FACTS_H_INCLUDED_
#define _NGX_CLIENTCERT_FACTS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_clientcert_thumbprint.h"
#include "ngx_clientcert_names.h"


/* what one TLS connection says of its client, read once, never changed */

typedef struct {
    ngx_pool_t              *pool;      /* lives as long as the SSL object */
    SSL                     *ssl;
    X509                    *cert;      /* NULL: the client sent none */

    u_char                   sha1[NGX_CLIENTCERT_SHA1_LEN];
    u_char                   sha256[NGX_CLIENTCERT_SHA256_LEN];
    u_char                   spki_sha256[NGX_CLIENTCERT_SHA256_LEN];

    time_t                   not_before;
    time_t                   not_after;

    SSL_CTX                 *ssl_ctx;   /* of the handshake */
    ngx_str_t                verify;    /* as in $ssl_client_verify */

    ngx_clientcert_names_t  *names;     /* NULL: not asked for yet */
    void                    *chains;    /* of ngx_clientcert_chain.c */
    void                    *verdicts;  /* of ngx_clientcert_policy.c */

    unsigned                 certificate:1;
    unsigned                 verified:1;
    unsigned                 client_purpose:1;
    unsigned                 early:1;   /* as of the last request */

    /* the session was verified for another server name than this one's */
    unsigned                 foreign_session:1;
} ngx_clientcert_facts_t;


/*
 * Registers the place of the facts on SSL objects for as long as cycle lives.
 * To be called once a configuration is read.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_clientcert_facts_init(ngx_cycle_t *cycle);

/*
 * Returns the facts of a TLS connection, which belong to its SSL object and
 * are freed with it, or NULL if there is no memory or the certificate can't
 * be read; the reason is logged then.  c->ssl must be set.
 */
ngx_clientcert_facts_t *ngx_clientcert_facts(ngx_connection_t *c);

/*
 * Whether the handshake isn't complete, so that what comes is early data,
 * which whoever recorded it can send again (RFC 8470).
 */
ngx_uint_t ngx_clientcert_facts_early(ngx_connection_t *c,
    ngx_clientcert_facts_t *facts);

/*
 * Returns the names in the client certificate, which there must be, or NULL
 * if there is no memory.  They belong to the facts.
 */
ngx_clientcert_names_t *ngx_clientcert_facts_names(
    ngx_clientcert_facts_t *facts);

/*
 * Copies the DER form of the client certificate (i is 0) or of the i-th other
 * that it came with in the handshake into memory of the pool.  Returns NGX_OK,
 * NGX_DECLINED if there is none, or NGX_ERROR without memory.
 */
ngx_int_t ngx_clientcert_facts_der(ngx_clientcert_facts_t *facts,
    ngx_pool_t *pool, ngx_uint_t i, ngx_str_t *der);

/*
 * Writes the subject of the client certificate as in RFC 4514, with anything
 * but printable ASCII escaped, into buf of the given size, cut off with "..."
 * if it is longer.  Returns the end of what was written.
 */
u_char *ngx_clientcert_facts_subject(ngx_connection_t *c, u_char *buf,
    size_t size);


#endif /* _NGX_CLIENTCERT_FACTS_H_INCLUDED_ */
