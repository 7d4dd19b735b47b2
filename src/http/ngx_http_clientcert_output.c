
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert_output.h"


#define NGX_HTTP_CLIENTCERT_BUFFER  16384


static u_char *ngx_http_clientcert_output_room(
    ngx_http_clientcert_output_t *out, size_t size);
static void ngx_http_clientcert_output_write(ngx_http_clientcert_output_t *out,
    ngx_str_t *text, ngx_uint_t raw);


void
ngx_http_clientcert_output_init(ngx_http_clientcert_output_t *out,
    ngx_pool_t *pool)
{
    ngx_memzero(out, sizeof(ngx_http_clientcert_output_t));

    out->pool = pool;
    out->last = &out->first;
}


/* returns where so many bytes can be written, or NULL */

static u_char *
ngx_http_clientcert_output_room(ngx_http_clientcert_output_t *out, size_t size)
{
    ngx_chain_t  *cl;

    if (out->failed) {
        return NULL;
    }

    if (out->buf && (size_t) (out->buf->end - out->buf->last) >= size) {
        return out->buf->last;
    }

    cl = ngx_alloc_chain_link(out->pool);

    if (cl) {
        cl->next = NULL;
        cl->buf = ngx_create_temp_buf(out->pool,
                                      ngx_max(size,
                                              NGX_HTTP_CLIENTCERT_BUFFER));
    }

    if (cl == NULL || cl->buf == NULL) {
        out->failed = 1;
        return NULL;
    }

    if (out->buf) {
        out->len += ngx_buf_size(out->buf);
    }

    *out->last = cl;
    out->last = &cl->next;
    out->buf = cl->buf;

    return out->buf->last;
}


void ngx_cdecl
ngx_http_clientcert_output_print(ngx_http_clientcert_output_t *out,
    const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    p = ngx_http_clientcert_output_room(out, NGX_HTTP_CLIENTCERT_PRINT);
    if (p == NULL) {
        return;
    }

    va_start(args, fmt);
    out->buf->last = ngx_vslprintf(p, p + NGX_HTTP_CLIENTCERT_PRINT, fmt,
                                   args);
    va_end(args);
}


void
ngx_http_clientcert_output_text(ngx_http_clientcert_output_t *out,
    ngx_str_t *text)
{
    ngx_http_clientcert_output_write(out, text, 1);
}


void
ngx_http_clientcert_output_escaped(ngx_http_clientcert_output_t *out,
    ngx_str_t *text)
{
    ngx_http_clientcert_output_write(out, text, 0);
}


/* JSON and Prometheus read "\\" as the backslash of the log's \xHH */

static void
ngx_http_clientcert_output_write(ngx_http_clientcert_output_t *out,
    ngx_str_t *text, ngx_uint_t raw)
{
    u_char  *p, ch;
    size_t   i;

    static const u_char  hex[] = "0123456789ABCDEF";

    p = ngx_http_clientcert_output_room(out, text->len * 5);
    if (p == NULL) {
        return;
    }

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if ((ch == '\\' || ch == '"') && !raw) {
            *p++ = '\\';
            *p++ = ch;

        } else if (ch < 0x20 || ch >= 0x7f || ch == '"' || ch == '\\') {
            *p++ = '\\';
            *p++ = '\\';
            *p++ = 'x';
            *p++ = hex[ch >> 4];
            *p++ = hex[ch & 0xf];

        } else {
            *p++ = ch;
        }
    }

    out->buf->last = p;
}


void
ngx_http_clientcert_output_base64(ngx_http_clientcert_output_t *out,
    u_char *bytes, size_t len)
{
    ngx_str_t  src, dst;

    dst.data = ngx_http_clientcert_output_room(out,
                                             ngx_base64_encoded_length(len));

    if (dst.data) {
        src.data = bytes;
        src.len = len;

        ngx_encode_base64(&dst, &src);
        out->buf->last += dst.len;
    }
}


ngx_int_t
ngx_http_clientcert_output_send(ngx_http_clientcert_output_t *out,
    ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *type)
{
    ngx_int_t  rc;

    if (out->failed || out->buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    out->buf->last_buf = (r == r->main);
    out->buf->last_in_chain = 1;

    r->headers_out.status = status;
    r->headers_out.content_length_n = out->len + ngx_buf_size(out->buf);
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;

    if (ngx_http_clientcert_output_header(r, "Cache-Control", "no-store")
        != NGX_OK
        || ngx_http_clientcert_output_header(r, "X-Content-Type-Options",
                                             "nosniff")
           != NGX_OK
        || ngx_http_clientcert_output_header(r, "Cross-Origin-Resource-Policy",
                                             "same-origin")
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, out->first);
}


ngx_int_t
ngx_http_clientcert_output_header(ngx_http_request_t *r, const char *key,
    const char *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) key;
    h->key.len = ngx_strlen(key);
    h->value.data = (u_char *) value;
    h->value.len = ngx_strlen(value);

    return NGX_OK;
}
