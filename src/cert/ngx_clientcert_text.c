
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_text.h"
#include "ngx_clientcert_unicode.h"


static size_t ngx_clientcert_text_plain(u_char *p, u_char *last);


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

    len = ngx_clientcert_unicode_utf8(p, last, &ch);

    if (ch == '"' || ch == '\\' || ch == '%') {
        return 0;
    }

    /* control characters, and what turns the direction of writing */

    if (ch < 0x20 || (ch >= 0x7f && ch < 0xa0)
        || ch == 0x200e || ch == 0x200f
        || (ch >= 0x202a && ch <= 0x202e)
        || (ch >= 0x2066 && ch <= 0x2069))
    {
        return 0;
    }

    return len;
}
