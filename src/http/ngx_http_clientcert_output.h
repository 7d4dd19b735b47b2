
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_HTTP_CLIENTCERT_OUTPUT_H_INCLUDED_
#define _NGX_HTTP_CLIENTCERT_OUTPUT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* what one call of print may write */
#define NGX_HTTP_CLIENTCERT_PRINT  1024


/* an answer that is being written, in a chain of buffers */

typedef struct {
    ngx_pool_t    *pool;
    ngx_chain_t   *first;
    ngx_chain_t  **last;
    ngx_buf_t     *buf;
    off_t          len;         /* of the buffers before it */

    unsigned       failed:1;    /* no memory, the rest is left out */
    unsigned       comma:1;     /* of ngx_http_clientcert_json.c */
} ngx_http_clientcert_output_t;


void ngx_http_clientcert_output_init(ngx_http_clientcert_output_t *out,
    ngx_pool_t *pool);

/*
 * Writes as ngx_sprintf() does, NGX_HTTP_CLIENTCERT_PRINT bytes at most: no
 * texts that others chose.
 */
void ngx_cdecl ngx_http_clientcert_output_print(
    ngx_http_clientcert_output_t *out, const char *fmt, ...);

/*
 * Writes a text for between the quotes of JSON and of Prometheus' labels.
 * text escapes whatever isn't printable ASCII, quotes and backslashes as in
 * the log; escaped is for what is so already, and for the module's own texts.
 */
void ngx_http_clientcert_output_text(ngx_http_clientcert_output_t *out,
    ngx_str_t *text);
void ngx_http_clientcert_output_escaped(ngx_http_clientcert_output_t *out,
    ngx_str_t *text);

/*
 * Writes bytes in base64.
 */
void ngx_http_clientcert_output_base64(ngx_http_clientcert_output_t *out,
    u_char *bytes, size_t len);

/*
 * Sends it with that status and type, or the status 500 if it failed.  Returns
 * what a content handler returns.
 */
ngx_int_t ngx_http_clientcert_output_send(ngx_http_clientcert_output_t *out,
    ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *type);

/*
 * Adds a header of constants.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_clientcert_output_header(ngx_http_request_t *r,
    const char *key, const char *value);


#endif /* _NGX_HTTP_CLIENTCERT_OUTPUT_H_INCLUDED_ */
