
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_text.h"
#include "ngx_clientcert_unicode.h"


static u_char *ngx_clientcert_text_byte(u_char *buf, u_char ch);
static u_char *ngx_clientcert_text_hex(u_char *buf, u_char mark, u_char ch);
static size_t ngx_clientcert_text_char(u_char *p, u_char *last);


u_char *
ngx_clientcert_text_log(u_char *buf, ngx_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {
        buf = ngx_clientcert_text_byte(buf, text->data[i]);
    }

    return buf;
}


u_char *
ngx_clientcert_text_cut(u_char *buf, size_t size, ngx_str_t *text)
{
    u_char  *p, *next, *last, *cut;
    size_t   i;
    u_char   byte[sizeof("\\x00") - 1];

    p = buf;
    cut = buf;
    last = buf + size;

    for (i = 0; i < text->len; i++) {
        next = p + (ngx_clientcert_text_byte(byte, text->data[i]) - byte);

        if (next > last) {
            return ngx_cpymem(cut, "...", 3);
        }

        p = ngx_cpymem(p, byte, next - p);

        if (p <= last - 3) {
            cut = p;
        }
    }

    return p;
}


static u_char *
ngx_clientcert_text_byte(u_char *buf, u_char ch)
{
    if (ch >= 0x20 && ch < 0x7f && ch != '"' && ch != '\\') {
        *buf++ = ch;
        return buf;
    }

    *buf++ = '\\';

    return ngx_clientcert_text_hex(buf, 'x', ch);
}


static u_char *
ngx_clientcert_text_hex(u_char *buf, u_char mark, u_char ch)
{
    static u_char  hex[] = "0123456789ABCDEF";

    *buf++ = mark;
    *buf++ = hex[ch >> 4];
    *buf++ = hex[ch & 0xf];

    return buf;
}


u_char *
ngx_clientcert_text_label(u_char *buf, ngx_str_t *text)
{
    u_char  *p, *last;
    size_t   len;

    p = text->data;
    last = p + text->len;

    while (p < last) {
        len = ngx_clientcert_text_char(p, last);

        if (len == 0 || *p == '"' || *p == '\\' || *p == '%') {
            buf = ngx_clientcert_text_hex(buf, '%', *p++);

        } else {
            buf = ngx_cpymem(buf, p, len);
            p += len;
        }
    }

    return buf;
}


size_t
ngx_clientcert_text_plain(ngx_str_t *text)
{
    u_char  *p, *last;
    size_t   len;

    last = text->data + text->len;

    for (p = text->data; p < last; p += len) {
        len = ngx_clientcert_text_char(p, last);

        if (len == 0) {
            break;
        }
    }

    return p - text->data;
}


u_char *
ngx_clientcert_text_list(u_char *buf, ngx_str_t *text)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (ch == ',' || ch == '%') {
            buf = ngx_clientcert_text_hex(buf, '%', ch);

        } else {
            *buf++ = ch;
        }
    }

    return buf;
}


ngx_int_t
ngx_clientcert_text_escaped(u_char *p, u_char *last)
{
    return (last - p >= 4 && p[0] == '\\' && p[1] == 'x')
           ? ngx_hextoi(p + 2, 2) : NGX_ERROR;
}


/* bytes of a character that is plain, or 0 */

static size_t
ngx_clientcert_text_char(u_char *p, u_char *last)
{
    size_t    len;
    uint32_t  ch;

    len = ngx_clientcert_unicode_utf8(p, last, &ch);

    /* control characters, and what turns the direction of writing */

    if (ch < 0x20 || (ch >= 0x7f && ch < 0xa0)
        || ch == 0x61c || ch == 0x200e || ch == 0x200f
        || (ch >= 0x202a && ch <= 0x202e)
        || (ch >= 0x2066 && ch <= 0x2069))
    {
        return 0;
    }

    return len;
}
