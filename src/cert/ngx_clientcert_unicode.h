
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_UNICODE_H_INCLUDED_
#define _NGX_CLIENTCERT_UNICODE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Decodes the character at p, which is before last (RFC 3629).  Returns its
 * length, or 0 and in *ch the byte that isn't UTF-8.  ngx_utf8_decode() takes
 * surrogates, too.
 */
size_t ngx_clientcert_unicode_utf8(u_char *p, u_char *last, uint32_t *ch);

/*
 * Whether text begins as UTF-16 does, with a byte order mark or without.
 */
ngx_uint_t ngx_clientcert_unicode_is_utf16(u_char *p, size_t len);


#endif /* _NGX_CLIENTCERT_UNICODE_H_INCLUDED_ */
