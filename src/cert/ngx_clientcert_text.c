
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_text.h"


static size_t ngx_clientcert_text_plain(u_char *p, u_char *last);
static uint32_t ngx_clientcert_text_decode(u_char *p, u_char *last,
    size_t *len);


u_char *
ngx_clientcert_text_log(u_char *buf, ngx_str_t *text)
{
    u_char  *p, *last;

    last = text->data + text->len;

    for (p = text->data; p < last; p++) {

        if (*p < 0x20 || *p >= 0x7f || *p == '"' || *p == '\\') {
            buf = ngx_sprintf(buf, "\\x%02Xd", (int) *p);

        } else {
            *buf++ = *p;
        }
    }

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
        len = ngx_clientcert_text_plain(p, last);

        if (len) {
            buf = ngx_cpymem(buf, p, len);
            p += len;

        } else {
            buf = ngx_sprintf(buf, "%%%02Xd", (int) *p++);
        }
    }

    return buf;
}


/* bytes of a character that a label shows as it is, 0: not even the first */

static size_t
ngx_clientcert_text_plain(u_char *p, u_char *last)
{
    size_t    len;
    uint32_t  ch;

    if (*p < 0x80) {
        return (*p >= 0x20 && *p != 0x7f && *p != '"' && *p != '\\'
                && *p != '%');
    }

    ch = ngx_clientcert_text_decode(p, last, &len);

    /* C1, and what turns the direction of writing */

    if (ch < 0xa0
        || ch == 0x200e || ch == 0x200f
        || (ch >= 0x202a && ch <= 0x202e)
        || (ch >= 0x2066 && ch <= 0x2069))
    {
        return 0;
    }

    return len;
}


/* returns 0 for what isn't UTF-8, which ngx_utf8_decode() tells in part */

static uint32_t
ngx_clientcert_text_decode(u_char *p, u_char *last, size_t *len)
{
    size_t    i;
    uint32_t  ch;

    static uint32_t  least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    *len = (*p >= 0xf0) ? 4 : (*p >= 0xe0) ? 3 : 2;

    if (*p < 0xc2 || *p > 0xf4 || (size_t) (last - p) < *len) {
        return 0;
    }

    ch = *p & (0xff >> (*len + 1));

    for (i = 1; i < *len; i++) {

        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        ch = (ch << 6) | (p[i] & 0x3f);
    }

    if (ch < least[*len] || ch > 0x10ffff || (ch >= 0xd800 && ch <= 0xdfff)) {
        return 0;
    }

    return ch;
}
