
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_thumbprint.h"


typedef struct {
    ngx_uint_t   bit;
    const char  *name;
} ngx_clientcert_decoration_t;


static ngx_clientcert_decoration_t  ngx_clientcert_decoration_names[] = {
    { NGX_CLIENTCERT_COLON, "\":\"" },
    { NGX_CLIENTCERT_HYPHEN, "\"-\"" },
    { NGX_CLIENTCERT_BLANK, "blanks" },
    { NGX_CLIENTCERT_LRM, "invisible U+200E" },
    { NGX_CLIENTCERT_BOM, "invisible U+FEFF" },
    { NGX_CLIENTCERT_NBSP, "invisible U+00A0" },
    { 0, NULL }
};


u_char *
ngx_clientcert_thumbprint_strerror(u_char *buf,
    ngx_clientcert_thumbprint_error_t *err)
{
    u_char  *p, *last;

    p = buf;
    last = buf + NGX_CLIENTCERT_THUMBPRINT_TEXT;

    if (err->code == NGX_CLIENTCERT_BAD_CHARACTER) {

        if (!err->utf8) {
            p = ngx_slprintf(p, last, "unexpected byte 0x%02XD", err->ch);

        } else if (err->ch < 0x20 || err->ch > 0x7e) {
            p = ngx_slprintf(p, last, "unexpected character U+%04XD", err->ch);

        } else {
            p = ngx_slprintf(p, last, "unexpected character \"%c\"",
                             (int) err->ch);
        }

        return ngx_slprintf(p, last, " at column %ui", err->column);
    }

    p = ngx_slprintf(p, last, "%uz %s found, but ", err->found,
                     err->base64 ? "base64 characters" : "hexadecimal digits");

    if (err->digest_len != NGX_CLIENTCERT_SHA256_LEN) {
        p = ngx_slprintf(p, last, "SHA-1 has %s of them",
                         err->base64 ? "27" : "40");
    }

    if (err->digest_len == 0) {
        p = ngx_slprintf(p, last, " and ");
    }

    if (err->digest_len != NGX_CLIENTCERT_SHA1_LEN) {
        p = ngx_slprintf(p, last, "SHA-256 has %s%s",
                         err->base64 ? "43" : "64",
                         err->digest_len ? " of them" : "");
    }

    return p;
}


u_char *
ngx_clientcert_thumbprint_decorations(u_char *buf, ngx_uint_t dropped)
{
    u_char                       *p, *last;
    ngx_clientcert_decoration_t  *dec;

    p = buf;
    last = buf + NGX_CLIENTCERT_THUMBPRINT_TEXT;

    for (dec = ngx_clientcert_decoration_names; dec->name; dec++) {
        if (dropped & dec->bit) {
            p = ngx_slprintf(p, last, "%s%s", p == buf ? "" : ", ", dec->name);
        }
    }

    return p;
}
