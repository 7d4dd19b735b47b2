
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _SHIM_H_INCLUDED_
#define _SHIM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * The few functions of nginx that the code under test calls: packages of
 * nginx for developers have its headers, but not its sources.
 */

/* frees all that was allocated, and runs the cleanups before */
void shim_free(void);


#endif /* _SHIM_H_INCLUDED_ */
