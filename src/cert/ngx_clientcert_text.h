
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_TEXT_H_INCLUDED_
#define _NGX_CLIENTCERT_TEXT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Both write text that others chose into buf, which has room for four times
 * its length, and return the end.
 *
 * log leaves printable ASCII as it is, but for quotes and backslashes; all
 * else becomes \xHH.  label leaves valid UTF-8; control characters, those of
 * the direction of writing, quotes, backslashes and "%" become %HH.
 */
u_char *ngx_clientcert_text_log(u_char *buf, ngx_str_t *text);
u_char *ngx_clientcert_text_label(u_char *buf, ngx_str_t *text);


#endif /* _NGX_CLIENTCERT_TEXT_H_INCLUDED_ */
