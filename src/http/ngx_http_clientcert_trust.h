
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_HTTP_CLIENTCERT_TRUST_H_INCLUDED_
#define _NGX_HTTP_CLIENTCERT_TRUST_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_clientcert.h"


/*
 * Returns an array of what the servers verify client certificates by
 * (X509_STORE *) in cf->temp_pool, or NULL without memory.
 */
ngx_array_t *ngx_http_clientcert_trust_stores(ngx_conf_t *cf);

/*
 * Finds out what each server trusts, and makes sessions tell what verified
 * them.  To be called once all servers are merged, with all policies
 * (ngx_clientcert_policy_t *).  Returns NGX_OK, or NGX_ERROR, which is logged.
 */
ngx_int_t ngx_http_clientcert_trust_init(ngx_conf_t *cf,
    ngx_array_t *policies);

/*
 * What the chain of a connection is worth at the server of a request, which
 * can be another one than that of the handshake or of the session.
 */
ngx_clientcert_chain_e ngx_http_clientcert_trust_chain(ngx_http_request_t *r,
    ngx_clientcert_connection_t *conn);


#endif /* _NGX_HTTP_CLIENTCERT_TRUST_H_INCLUDED_ */
