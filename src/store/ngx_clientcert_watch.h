
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_WATCH_H_INCLUDED_
#define _NGX_CLIENTCERT_WATCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_clientcert_source.h"


/*
 * Watches the directory that the path of a source, one of an array of
 * ngx_clientcert_source_t *, leads to now.  handler is called when there are
 * events.  If it is another directory than before, all of it is to be looked
 * at.
 */
void ngx_clientcert_watch_source(ngx_clientcert_source_t *src,
    ngx_array_t *sources, ngx_event_handler_pt handler);

/*
 * Reads all events that there are and marks what they name.
 */
void ngx_clientcert_watch_read(ngx_array_t *sources);

void ngx_clientcert_watch_stop(void);


#endif /* _NGX_CLIENTCERT_WATCH_H_INCLUDED_ */
