
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _SHIM_H_INCLUDED_
#define _SHIM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * The few functions of nginx that the code under test and fuzz calls: packages
 * of nginx for developers have its headers, but not its sources.
 */

/* which allocation fails, the first is 1, -1: none; and all that follow it */
extern long  shim_failing;
extern int   shim_for_good;

/* that one has failed */
extern int   shim_failed;

/* malloc(3), but for that */
void *shim_malloc(size_t size);

/* frees what pools have allocated, and runs their cleanups before */
void shim_free(void);


#endif /* _SHIM_H_INCLUDED_ */
