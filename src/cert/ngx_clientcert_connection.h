
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_CONNECTION_H_INCLUDED_
#define _NGX_CLIENTCERT_CONNECTION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_clientcert_certificate.h"
#include "ngx_clientcert_trust.h"


/* what one TLS connection says of its client, read once */

typedef struct {
    ngx_pool_t                    *pool;    /* lives as long as the SSL */
    ngx_clientcert_certificate_t  *cert;    /* NULL: none */

    ngx_str_t                      verify;  /* as in $ssl_client_verify */
    ngx_clientcert_trust_t         verified_by; /* or tried so */

    ngx_str_t                      rfc9440_chain;   /* data NULL: not yet */

    void                          *verdicts;    /* by policy */

    /* the last verdict, and which request of the connection it was about */
    void                          *verdict;
    ngx_uint_t                     request;

    /* of what it uses: for whom it was noted last, and when */
    void                          *noted_by;
    time_t                         noted;

    unsigned                       verified:1;
    unsigned                       early:1;     /* no handshake yet, maybe */
} ngx_clientcert_connection_t;


/* of ngx_clientcert_connection() */
ngx_clientcert_connection_t *ngx_clientcert_connection_create(
    ngx_connection_t *c);

extern int  ngx_clientcert_connection_index;


/*
 * Registers the place on SSL objects for as long as cycle lives.  To be called
 * once a configuration is read.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_clientcert_connection_init(ngx_cycle_t *cycle);

/*
 * Returns what is known of a TLS connection, which belongs to its SSL object
 * and is freed with it, or NULL if there is no memory or the certificate can't
 * be read; the reason is logged then.  c->ssl must be set.
 */
static ngx_inline ngx_clientcert_connection_t *
ngx_clientcert_connection(ngx_connection_t *c)
{
    ngx_clientcert_connection_t  *conn;

    conn = SSL_get_ex_data(c->ssl->connection,
                           ngx_clientcert_connection_index);

    return conn ? conn : ngx_clientcert_connection_create(c);
}


/*
 * What nginx itself makes of the client before any phase, by its verify result
 * and OCSP; required and any: as for "ssl_verify_client on" and for
 * "optional_no_ca".  Returns NGX_OK, NGX_DECLINED if it refuses the
 * certificate, or NGX_ABORT if it refuses for there is none.
 */
ngx_int_t ngx_clientcert_connection_nginx(ngx_connection_t *c,
    ngx_uint_t required, ngx_uint_t any);

/*
 * Whether the handshake isn't complete, so that what comes is early data,
 * which whoever recorded it can send again (RFC 8470).
 */
ngx_uint_t ngx_clientcert_connection_early(ngx_connection_t *c,
    ngx_clientcert_connection_t *conn);


#endif /* _NGX_CLIENTCERT_CONNECTION_H_INCLUDED_ */
