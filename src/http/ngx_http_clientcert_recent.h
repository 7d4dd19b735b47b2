
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_HTTP_CLIENTCERT_RECENT_H_INCLUDED_
#define _NGX_HTTP_CLIENTCERT_RECENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_clientcert.h"


/*
 * Keeps what is known of a refused request whose client showed a certificate
 * that could be let in, if the configuration wants that.
 */
void ngx_http_clientcert_recent(ngx_http_request_t *r,
    ngx_clientcert_verdict_t *verdict);


#endif /* _NGX_HTTP_CLIENTCERT_RECENT_H_INCLUDED_ */
