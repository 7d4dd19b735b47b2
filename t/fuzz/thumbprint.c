
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


/*
 * What the reader takes it must take again, in its plainest form, with the
 * same result; what it refuses it must explain with a place inside the text.
 */

#include <stdio.h>
#include "../../src/cert/ngx_clientcert_thumbprint.h"


int LLVMFuzzerTestOneInput(const u_char *data, size_t size);


static void
fuzz_taken(ngx_clientcert_thumbprint_t *tp)
{
    char                                hex[NGX_CLIENTCERT_SHA256_LEN * 2 + 1];
    size_t                              i;
    ngx_clientcert_thumbprint_t         plain;
    ngx_clientcert_thumbprint_error_t   err;

    for (i = 0; i < tp->len; i++) {
        sprintf(hex + i * 2, "%02X", tp->digest[i]);
    }

    if ((tp->len != NGX_CLIENTCERT_SHA1_LEN
         && tp->len != NGX_CLIENTCERT_SHA256_LEN)
        || ngx_clientcert_thumbprint_read((u_char *) hex, tp->len * 2, &plain,
                                          &err)
           != NGX_OK
        || plain.dropped != 0
        || plain.spaced || plain.certificate || plain.key
        || plain.len != tp->len
        || memcmp(plain.digest, tp->digest, tp->len) != 0)
    {
        abort();
    }
}


static void
fuzz_refused(size_t size, ngx_clientcert_thumbprint_error_t *err)
{
    switch (err->code) {

    case NGX_CLIENTCERT_BAD_CHARACTER:
        if (err->column < 1 || err->column > size || err->ch > 0x1fffff) {
            abort();
        }

        break;

    case NGX_CLIENTCERT_BAD_LENGTH:
        if (err->found > size
            || (err->digest_len
                && err->found == (err->base64 ? (err->digest_len * 8 + 5) / 6
                                              : err->digest_len * 2)))
        {
            abort();
        }

        break;

    default:
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const u_char *data, size_t size)
{
    u_char                             *copy;
    ngx_clientcert_thumbprint_t         tp;
    ngx_clientcert_thumbprint_error_t   err;

    copy = malloc(size ? size : 1);
    memcpy(copy, data, size);

    memset(&err, 0, sizeof(err));

    if (ngx_clientcert_thumbprint_read(copy, size, &tp, &err) == NGX_OK) {
        fuzz_taken(&tp);

    } else {
        fuzz_refused(size, &err);
    }

    free(copy);

    return 0;
}
