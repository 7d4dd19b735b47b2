
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
void ngx_http_clientcert_log(ngx_http_request_t *r, ngx_uint_t level,
    ngx_clientcert_verdict_t *verdict);


#endif /* _NGX_HTTP_CLIENTCERT_LOG_H_INCLUDED_ */
