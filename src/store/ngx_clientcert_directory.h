
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_DIRECTORY_H_INCLUDED_
#define _NGX_CLIENTCERT_DIRECTORY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_source.h"


extern ngx_clientcert_kind_t  ngx_clientcert_directory_kind;


#endif /* _NGX_CLIENTCERT_DIRECTORY_H_INCLUDED_ */
