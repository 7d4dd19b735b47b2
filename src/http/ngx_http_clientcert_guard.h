
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_HTTP_CLIENTCERT_GUARD_H_INCLUDED_
#define _NGX_HTTP_CLIENTCERT_GUARD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "../policy/ngx_clientcert_policy.h"


/* a directive whose location tells what not everyone should know */

typedef struct {
    const char  *directive;
    u_char      *file;
    ngx_uint_t   line;
    ngx_uint_t   remote;        /* guarded otherwise */
} ngx_http_clientcert_guard_t;


/*
 * Whether a client may have an answer, where that policy, or NULL, is required
 * at the location: if the policy is in force, or the client is local, or by
 * "remote".  That it may not is logged.
 */
ngx_uint_t ngx_http_clientcert_guard_permits(ngx_http_request_t *r,
    ngx_http_clientcert_guard_t *guard, ngx_clientcert_policy_t *policy);

/*
 * Warns if the policy, or NULL, is in "dry_run" and so guards nothing.
 */
void ngx_http_clientcert_guard_warn(ngx_conf_t *cf,
    ngx_http_clientcert_guard_t *guard, ngx_clientcert_policy_t *policy);


#endif /* _NGX_HTTP_CLIENTCERT_GUARD_H_INCLUDED_ */
