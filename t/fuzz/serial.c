
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


/*
 * What the reader takes it must take again, as the same number, in its
 * plainest form and in OpenSSL's; what may be decimal is the number that
 * OpenSSL makes of it; and what is refused is explained.
 */

#include "../unit/shim.h"
#include <openssl/bn.h>
#include "../../src/cert/ngx_clientcert_serial.h"


int LLVMFuzzerTestOneInput(const u_char *data, size_t size);


static void
fuzz_again(ngx_clientcert_serial_t *serial, const char *text)
{
    u_char                    *last;
    ngx_str_t                  copy;
    ngx_pool_t                 pool;
    ngx_clientcert_serial_t    again;
    u_char                     err[NGX_CLIENTCERT_SERIAL_TEXT];

    copy.data = (u_char *) text;
    copy.len = strlen(text);

    /* more isn't read */

    if (copy.len > 256) {
        return;
    }

    if (ngx_clientcert_serial_read(&pool, &copy, &again, err, &last) != NGX_OK
        || again.negative != serial->negative
        || again.bytes.len != serial->bytes.len
        || memcmp(again.bytes.data, serial->bytes.data, again.bytes.len) != 0)
    {
        abort();
    }
}


static void
fuzz_taken(ngx_clientcert_serial_t *serial)
{
    char    *dec, *hex, text[1024];
    BIGNUM  *bn;

    if ((serial->bytes.len && *serial->bytes.data == 0)
        || (serial->negative && serial->bytes.len == 0))
    {
        abort();
    }

    bn = BN_bin2bn(serial->bytes.data, serial->bytes.len, NULL);
    dec = BN_bn2dec(bn);
    hex = BN_bn2hex(bn);

    sprintf(text, "%s0x%s", serial->negative ? "-" : "", hex);
    fuzz_again(serial, text);

    sprintf(text, "%s%s (%s0x%s)", serial->negative ? "-" : "", dec,
            serial->negative ? "-" : "", hex);
    fuzz_again(serial, text);

    OPENSSL_free(dec);
    OPENSSL_free(hex);
    BN_free(bn);
}


static void
fuzz_decimal(const char *text, ngx_str_t *hex)
{
    char    *name;
    BIGNUM  *dec, *bn;

    name = malloc(hex->len + 1);
    memcpy(name, hex->data, hex->len);
    name[hex->len] = '\0';

    dec = NULL;
    bn = NULL;

    if (BN_dec2bn(&dec, text) != (int) strlen(text)
        || BN_hex2bn(&bn, name + 2) != (int) hex->len - 2
        || BN_cmp(dec, bn) != 0)
    {
        abort();
    }

    BN_free(dec);
    BN_free(bn);
    free(name);
}


int
LLVMFuzzerTestOneInput(const u_char *data, size_t size)
{
    u_char                    *last;
    ngx_str_t                  text, hex;
    ngx_pool_t                 pool;
    ngx_clientcert_serial_t    serial;
    u_char                     err[NGX_CLIENTCERT_SERIAL_TEXT];

    text.data = malloc(size + 1);
    memcpy(text.data, data, size);
    text.data[size] = '\0';
    text.len = size;

    if (ngx_clientcert_serial_read(&pool, &text, &serial, err, &last)
        == NGX_OK)
    {
        fuzz_taken(&serial);

        if (ngx_clientcert_serial_decimal(&pool, &text, &hex) == NGX_OK) {
            fuzz_decimal((char *) text.data, &hex);
        }

    } else if (last == err || last > err + NGX_CLIENTCERT_SERIAL_TEXT) {
        abort();
    }

    free(text.data);
    shim_free();

    return 0;
}
