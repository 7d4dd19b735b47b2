
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_HTTP_CLIENTCERT_SERVER_H_INCLUDED_
#define _NGX_HTTP_CLIENTCERT_SERVER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_clientcert.h"


/* by the status for "error_page" */

typedef enum {
    NGX_HTTP_CLIENTCERT_REFUSED_495 = 0,    /* a bad certificate */
    NGX_HTTP_CLIENTCERT_REFUSED_496         /* none */
} ngx_http_clientcert_refusal_e;


/* servers of one name, and what nginx refused there itself */

struct ngx_http_clientcert_server_s {
    ngx_str_t                name;
    ngx_clientcert_count_t   count;     /* by ngx_http_clientcert_refusal_e */
};


/*
 * Has refusals counted at the servers where some policy is required.  Returns
 * NGX_OK, or NGX_ERROR without memory.
 */
ngx_int_t ngx_http_clientcert_server_init(ngx_conf_t *cf,
    ngx_http_clientcert_main_conf_t *mcf);

/*
 * How many there have been.
 */
uint64_t ngx_http_clientcert_server_refusals(
    ngx_http_clientcert_server_t *server,
    ngx_http_clientcert_refusal_e refusal);


#endif /* _NGX_HTTP_CLIENTCERT_SERVER_H_INCLUDED_ */
