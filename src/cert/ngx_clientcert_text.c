
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_text.h"


u_char *
ngx_clientcert_text_log(u_char *buf, ngx_str_t *text)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (ch < 0x20 || ch > 0x7e || ch == '"' || ch == '\\') {
            buf = ngx_sprintf(buf, "\\x%02Xd", (int) ch);

        } else {
            *buf++ = ch;
        }
    }

    return buf;
}
