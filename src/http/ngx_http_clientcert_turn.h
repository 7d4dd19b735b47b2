
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_HTTP_CLIENTCERT_TURN_H_INCLUDED_
#define _NGX_HTTP_CLIENTCERT_TURN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_clientcert.h"


/*
 * Makes the queue of a configuration, or returns NULL without memory.
 */
ngx_http_clientcert_turns_t *ngx_http_clientcert_turns_create(ngx_conf_t *cf);

/*
 * Answers a request by a content handler that takes a while: at once, or, if
 * another one was answered in this turn of the event loop, in a later one,
 * one in each.  Returns what the handler does, or NGX_DONE; then the handler
 * isn't called if the request ends before.
 */
ngx_int_t ngx_http_clientcert_turn(ngx_http_request_t *r,
    ngx_http_handler_pt handler);


#endif /* _NGX_HTTP_CLIENTCERT_TURN_H_INCLUDED_ */
