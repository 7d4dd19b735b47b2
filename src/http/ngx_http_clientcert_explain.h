
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_HTTP_CLIENTCERT_EXPLAIN_H_INCLUDED_
#define _NGX_HTTP_CLIENTCERT_EXPLAIN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_clientcert_status.h"


/* "clientcert_explain" of a location */

struct ngx_http_clientcert_explain_s {
    ngx_http_clientcert_guard_t   guard;
    ngx_clientcert_policy_t      *policy;       /* NULL: as asked for */
};


/*
 * Sets "clientcert_explain", the location's content handler.
 */
char *ngx_http_clientcert_explain(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_CLIENTCERT_EXPLAIN_H_INCLUDED_ */
