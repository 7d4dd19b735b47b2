
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_unicode.h"


size_t
ngx_clientcert_unicode_utf8(u_char *p, u_char *last, uint32_t *ch)
{
    size_t    i, len;
    uint32_t  decoded;

    static uint32_t  least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    *ch = *p;

    if (*p < 0x80) {
        return 1;
    }

    len = (*p >= 0xf0) ? 4 : (*p >= 0xe0) ? 3 : 2;

    if (*p < 0xc2 || *p > 0xf4 || (size_t) (last - p) < len) {
        return 0;
    }

    decoded = *p & (0xff >> (len + 1));

    for (i = 1; i < len; i++) {

        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        decoded = (decoded << 6) | (p[i] & 0x3f);
    }

    if (decoded < least[len] || decoded > 0x10ffff
        || (decoded >= 0xd800 && decoded <= 0xdfff))
    {
        return 0;
    }

    *ch = decoded;

    return len;
}


ngx_uint_t
ngx_clientcert_unicode_is_utf16(u_char *p, size_t len)
{
    if (len >= 2
        && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff)))
    {
        return 1;
    }

    /* two characters of ASCII */

    return len >= 4
           && ((p[0] && p[1] == 0 && p[2] && p[3] == 0)
               || (p[0] == 0 && p[1] && p[2] == 0 && p[3]));
}
