
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
 * ngx_http_clientcert_use_t.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_clientcert_log_init(ngx_conf_t *cf, ngx_array_t *uses);


#endif /* _NGX_HTTP_CLIENTCERT_LOG_H_INCLUDED_ */
