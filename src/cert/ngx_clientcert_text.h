
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_TEXT_H_INCLUDED_
#define _NGX_CLIENTCERT_TEXT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Text that others chose, as the parts of the module tell it.  All but plain
 * write into buf, which has room for four times the text, and return the end.
 *
 * log, for lines and pages: printable ASCII as it is, but for quotes and
 * backslashes; all else becomes \xHH.
 *
 * label, for what must not be empty: as plain as can be, with %HH for bytes
 * that aren't, quotes, backslashes and "%".
 *
 * plain: how many of its bytes come before what no variable may hold: bytes
 * that aren't UTF-8, control characters (C0, C1, DEL) and those that turn the
 * direction of writing.  If it is all of them, it may stand as it is.
 *
 * list: what is plain, with %2C for "," and %25 for "%".
 */
u_char *ngx_clientcert_text_log(u_char *buf, ngx_str_t *text);
u_char *ngx_clientcert_text_label(u_char *buf, ngx_str_t *text);
size_t ngx_clientcert_text_plain(ngx_str_t *text);
u_char *ngx_clientcert_text_list(u_char *buf, ngx_str_t *text);

/*
 * Writes at most size bytes of what log would write, which end in "..." where
 * something is missing; size is 3 or more.
 */
u_char *ngx_clientcert_text_cut(u_char *buf, size_t size, ngx_str_t *text);

/*
 * The byte that a text, up to last, has at p as logs and pages write it, \xHH,
 * or NGX_ERROR if it has none there.
 */
ngx_int_t ngx_clientcert_text_escaped(u_char *p, u_char *last);


#endif /* _NGX_CLIENTCERT_TEXT_H_INCLUDED_ */
