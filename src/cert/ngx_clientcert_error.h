
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_ERROR_H_INCLUDED_
#define _NGX_CLIENTCERT_ERROR_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Whether a call of OpenSSL that has just failed did so for want of memory;
 * the queue of errors must have been empty before it.  Both functions empty
 * it (ERR_get_error(3)).
 */
ngx_uint_t ngx_clientcert_error_memory(void);

/*
 * The same after a call that leaves no error behind when it says no, where
 * ngx_clientcert_error_memory() would take the empty queue for no memory.
 */
ngx_uint_t ngx_clientcert_error_memory_queued(void);


#endif /* _NGX_CLIENTCERT_ERROR_H_INCLUDED_ */
