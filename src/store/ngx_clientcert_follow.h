
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_FOLLOW_H_INCLUDED_
#define _NGX_CLIENTCERT_FOLLOW_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_source.h"


/*
 * Lets the helper process of the cycle follow an array of
 * ngx_clientcert_source_t *, or NULL; without a master the process that calls
 * the second function follows them itself.
 */
ngx_int_t ngx_clientcert_follow_cycle(ngx_cycle_t *cycle,
    ngx_array_t *sources);
void ngx_clientcert_follow_single(ngx_cycle_t *cycle, ngx_array_t *sources);


#endif /* _NGX_CLIENTCERT_FOLLOW_H_INCLUDED_ */
