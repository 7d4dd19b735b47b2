
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_serial.h"


/* converting a decimal takes the square of its length, which is a client's */
#define NGX_CLIENTCERT_SERIAL_MAX  256


static ngx_int_t ngx_clientcert_serial_hex(u_char *p, u_char *end,
    ngx_str_t *bytes, u_char *err, u_char **last);
static ngx_int_t ngx_clientcert_serial_both(u_char *p, u_char *end,
    ngx_clientcert_serial_t *serial, u_char *err, u_char **last);
static ngx_int_t ngx_clientcert_serial_digits(u_char *p, u_char *end,
    ngx_str_t *bytes);
static void ngx_clientcert_serial_trim(ngx_str_t *bytes);
static u_char *ngx_clientcert_serial_skip(u_char *p, u_char *end,
    const char *prefix, size_t len);


ngx_int_t
ngx_clientcert_serial_read(ngx_pool_t *pool, ngx_str_t *text,
    ngx_clientcert_serial_t *serial, u_char *err, u_char **last)
{
    u_char     *p, *end;
    ngx_int_t   rc;

    *last = err;

    if (text->len > NGX_CLIENTCERT_SERIAL_MAX) {
        *last = ngx_slprintf(err, err + NGX_CLIENTCERT_SERIAL_TEXT,
                             "it has more than %d characters",
                             NGX_CLIENTCERT_SERIAL_MAX);
        return NGX_ERROR;
    }

    /* a number is written from its end, a digit may have a byte of its own */

    serial->bytes.data = ngx_pnalloc(pool, text->len + 1);
    if (serial->bytes.data == NULL) {
        return NGX_ERROR;
    }

    serial->bytes.data += text->len + 1;
    serial->bytes.len = 0;

    end = text->data + text->len;
    p = ngx_clientcert_serial_skip(text->data, end, "-", 1);
    p = ngx_clientcert_serial_skip(p, end, "(Negative)", 10);

    serial->negative = (p > text->data);

    if (ngx_strlchr(p, end, '(')) {
        rc = ngx_clientcert_serial_both(p, end, serial, err, last);

    } else {
        p = ngx_clientcert_serial_skip(p, end, "0x", 2);
        rc = ngx_clientcert_serial_hex(p, end, &serial->bytes, err, last);
    }

    if (serial->bytes.len == 0) {
        serial->negative = 0;
    }

    return rc;
}


static ngx_int_t
ngx_clientcert_serial_hex(u_char *p, u_char *end, ngx_str_t *bytes,
    u_char *err, u_char **last)
{
    u_char     *first;
    size_t      n;
    ngx_int_t   digit;

    n = 0;
    first = p;

    for (p = end; p > first; /* void */ ) {

        p--;

        if ((*p == ':' || *p == ' ') && p > first) {

            /* "1:2" may be 0x12 or 0x102 */

            if (n % 2) {
                *last = ngx_slprintf(err, err + NGX_CLIENTCERT_SERIAL_TEXT,
                                     "\"%c\" is followed by half a byte",
                                     (int) *p);
                return NGX_ERROR;
            }

            continue;
        }

        digit = ngx_hextoi(p, 1);

        if (digit == NGX_ERROR) {
            *last = ngx_slprintf(err, err + NGX_CLIENTCERT_SERIAL_TEXT,
                                 "\"%c\" is not a hexadecimal digit",
                                 (int) *p);
            return NGX_ERROR;
        }

        if (n++ % 2 == 0) {
            bytes->data--;
            bytes->len++;
            *bytes->data = (u_char) digit;

        } else {
            *bytes->data |= (u_char) (digit << 4);
        }
    }

    if (n == 0) {
        *last = ngx_slprintf(err, err + NGX_CLIENTCERT_SERIAL_TEXT,
                             "there are no digits");
        return NGX_ERROR;
    }

    ngx_clientcert_serial_trim(bytes);

    return NGX_OK;
}


/* "4660 (0x1234)", or behind its sign "4660 (-0x1234)" */

static ngx_int_t
ngx_clientcert_serial_both(u_char *p, u_char *end,
    ngx_clientcert_serial_t *serial, u_char *err, u_char **last)
{
    u_char     *open, *hex;
    ngx_str_t   decimal;
    u_char      buf[NGX_CLIENTCERT_SERIAL_MAX];

    open = ngx_strlchr(p, end, '(');
    hex = open + 1;

    if (serial->negative) {
        hex = ngx_clientcert_serial_skip(hex, end, "-", 1);
    }

    hex = ngx_clientcert_serial_skip(hex, end, "0x", 2);

    if (hex - open < 3 || end[-1] != ')') {
        *last = ngx_slprintf(err, err + NGX_CLIENTCERT_SERIAL_TEXT,
                             "a decimal number is written with its "
                             "hexadecimal form, as in \"4660 (0x1234)\"");
        return NGX_ERROR;
    }

    if (ngx_clientcert_serial_hex(hex, end - 1, &serial->bytes, err, last)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    while (open > p && open[-1] == ' ') {
        open--;
    }

    decimal.data = buf + sizeof(buf);
    decimal.len = 0;

    if (ngx_clientcert_serial_digits(p, open, &decimal) != NGX_OK
        || decimal.len != serial->bytes.len
        || ngx_memcmp(decimal.data, serial->bytes.data, decimal.len) != 0)
    {
        *last = ngx_slprintf(err, err + NGX_CLIENTCERT_SERIAL_TEXT,
                             "its decimal and its hexadecimal form are not "
                             "the same number");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* of decimal digits, not more bytes than there are digits */

static ngx_int_t
ngx_clientcert_serial_digits(u_char *p, u_char *end, ngx_str_t *bytes)
{
    u_char      *byte, *last;
    ngx_uint_t   n;

    if (p == end) {
        return NGX_ERROR;
    }

    last = bytes->data;

    for ( /* void */ ; p < end; p++) {

        if (*p < '0' || *p > '9') {
            return NGX_ERROR;
        }

        n = *p - '0';

        for (byte = last - 1; byte >= bytes->data; byte--) {
            n += *byte * 10;
            *byte = (u_char) n;
            n >>= 8;
        }

        bytes->data--;
        bytes->len++;
        *bytes->data = (u_char) n;
    }

    ngx_clientcert_serial_trim(bytes);

    return NGX_OK;
}


static void
ngx_clientcert_serial_trim(ngx_str_t *bytes)
{
    while (bytes->len && *bytes->data == 0) {
        bytes->data++;
        bytes->len--;
    }
}


/* in any case of its letters */

static u_char *
ngx_clientcert_serial_skip(u_char *p, u_char *end, const char *prefix,
    size_t len)
{
    return ((size_t) (end - p) >= len
            && ngx_strncasecmp(p, (u_char *) prefix, len) == 0)
           ? p + len : p;
}


ngx_int_t
ngx_clientcert_serial_decimal(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *hex)
{
    u_char     *p;
    ngx_str_t   bytes;
    u_char      buf[NGX_CLIENTCERT_SERIAL_MAX];

    p = text->data;

    bytes.data = buf + sizeof(buf);
    bytes.len = 0;

    /* up to nine it is the same number */

    if (text->len < 2 || *p == '0'
        || ngx_clientcert_serial_digits(p, p + text->len, &bytes) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    hex->data = ngx_pnalloc(pool, 2 + bytes.len * 2);
    if (hex->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(hex->data, "0x", 2);
    p = ngx_hex_dump(p, bytes.data, bytes.len);

    hex->len = p - hex->data;

    return NGX_OK;
}


u_char *
ngx_clientcert_serial_print(u_char *p, const char *prefix, ngx_str_t *bytes,
    ngx_uint_t negative)
{
    size_t  len;

    len = ngx_min(bytes->len, NGX_CLIENTCERT_SERIAL_SHOWN);

    p = ngx_sprintf(p, "%s%s%s", negative ? "-" : "", prefix,
                    len ? "" : "00");
    p = ngx_hex_dump(p, bytes->data, len);

    return (len < bytes->len) ? ngx_cpymem(p, "...", 3) : p;
}
