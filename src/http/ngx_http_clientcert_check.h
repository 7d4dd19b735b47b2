
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_HTTP_CLIENTCERT_CHECK_H_INCLUDED_
#define _NGX_HTTP_CLIENTCERT_CHECK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_clientcert.h"


/*
 * Notes in the array of ngx_http_clientcert_use_t by which directive a policy
 * is in force in the location that cf merges, or of its server that there is
 * none in a location that asks for certificates and lets everyone in; own: the
 * directive is that location's.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_clientcert_check_location(ngx_conf_t *cf,
    ngx_array_t *uses, ngx_http_clientcert_loc_conf_t *lcf, ngx_uint_t own);

/*
 * Warns where a policy surely doesn't do what is meant, once all servers are
 * merged.
 */
void ngx_http_clientcert_check_uses(ngx_conf_t *cf, ngx_array_t *uses);

/*
 * Tells of servers with locations that ask for certificates and let everyone
 * in, once all are merged: at the terminal by "nginx -t", else in the log.
 */
void ngx_http_clientcert_check_unguarded(ngx_conf_t *cf);


#endif /* _NGX_HTTP_CLIENTCERT_CHECK_H_INCLUDED_ */
