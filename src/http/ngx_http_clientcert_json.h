
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_HTTP_CLIENTCERT_JSON_H_INCLUDED_
#define _NGX_HTTP_CLIENTCERT_JSON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_clientcert_output.h"


/*
 * Each writes one value, in an object with a key, in an array with NULL.
 * Commas come by themselves.
 */

/* what stands before a value that the caller prints */
void ngx_http_clientcert_json_key(ngx_http_clientcert_output_t *out,
    const char *key);

/* an object "{", or an array "[", up to its close "}" or "]" */
void ngx_http_clientcert_json_open(ngx_http_clientcert_output_t *out,
    const char *key, char bracket);
void ngx_http_clientcert_json_close(ngx_http_clientcert_output_t *out,
    char bracket);

/* a text that others chose, one that is escaped as in the log, a constant */
void ngx_http_clientcert_json_text(ngx_http_clientcert_output_t *out,
    const char *key, ngx_str_t *text);
void ngx_http_clientcert_json_escaped(ngx_http_clientcert_output_t *out,
    const char *key, ngx_str_t *text);
void ngx_http_clientcert_json_word(ngx_http_clientcert_output_t *out,
    const char *key, const char *word);

/* bytes in hexadecimal, null if they are NULL */
void ngx_http_clientcert_json_hex(ngx_http_clientcert_output_t *out,
    const char *key, u_char *bytes, size_t len);

void ngx_http_clientcert_json_number(ngx_http_clientcert_output_t *out,
    const char *key, uint64_t number);
void ngx_http_clientcert_json_flag(ngx_http_clientcert_output_t *out,
    const char *key, ngx_uint_t flag);
void ngx_http_clientcert_json_null(ngx_http_clientcert_output_t *out,
    const char *key);

/* RFC 3339 in UTC; null if it is 0 */
void ngx_http_clientcert_json_time(ngx_http_clientcert_output_t *out,
    const char *key, time_t time);


#endif /* _NGX_HTTP_CLIENTCERT_JSON_H_INCLUDED_ */
