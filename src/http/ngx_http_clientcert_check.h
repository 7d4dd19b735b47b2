
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_HTTP_CLIENTCERT_CHECK_H_INCLUDED_
#define _NGX_HTTP_CLIENTCERT_CHECK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "../policy/ngx_clientcert_policy.h"


/* a policy in force in some location of a server */

typedef struct {
    ngx_clientcert_policy_t   *policy;
    ngx_http_core_srv_conf_t  *cscf;
    ngx_uint_t                 verify;    /* of "ssl_verify_client" */
    ngx_str_t                  internal;  /* such a location's name */
    u_char                    *file;
    ngx_uint_t                 line;
} ngx_http_clientcert_use_t;


/*
 * Notes in the array of ngx_http_clientcert_use_t that a policy is in force in
 * the location that cf merges, by the directive in that line; own: it is that
 * location's.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_clientcert_check_add(ngx_conf_t *cf, ngx_array_t *uses,
    ngx_clientcert_policy_t *policy, u_char *file, ngx_uint_t line,
    ngx_uint_t own);

/*
 * Warns where a policy surely doesn't do what is meant, once all servers are
 * merged.
 */
void ngx_http_clientcert_check_uses(ngx_conf_t *cf, ngx_array_t *uses);


#endif /* _NGX_HTTP_CLIENTCERT_CHECK_H_INCLUDED_ */
