
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_HTTP_CLIENTCERT_LOG_H_INCLUDED_
#define _NGX_HTTP_CLIENTCERT_LOG_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "../policy/ngx_clientcert_policy.h"


/*
 * Logs a verdict that isn't "ok": policy, reason, the certificate's facts, and
 * the verdict's detail.
 */
void ngx_http_clientcert_log(ngx_http_request_t *r,
    ngx_clientcert_verdict_t *verdict);

/*
 * Has what nginx refuses itself logged at the servers of the array of
 * ngx_http_clientcert_use_t.
 */
void ngx_http_clientcert_log_init(ngx_array_t *uses);

/*
 * Logs and counts a request that nginx has refused itself, if it is one.
 */
void ngx_http_clientcert_log_by_nginx(ngx_http_request_t *r);


#endif /* _NGX_HTTP_CLIENTCERT_LOG_H_INCLUDED_ */
