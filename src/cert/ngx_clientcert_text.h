
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_TEXT_H_INCLUDED_
#define _NGX_CLIENTCERT_TEXT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


u_char *ngx_clientcert_text_log(u_char *buf, ngx_str_t *text);


#endif /* _NGX_CLIENTCERT_TEXT_H_INCLUDED_ */
