
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_thumbprint.h"
#include "ngx_clientcert_unicode.h"


#define NGX_CLIENTCERT_X5T_LEN  43


typedef struct {
    u_char      *p;
    u_char      *last;
    ngx_uint_t   column;        /* of the character at p */
    ngx_uint_t   dropped;
} ngx_clientcert_reader_t;


typedef struct {
    const char  *text;          /* lower case */
    size_t       len;
    size_t       digest_len;
    unsigned     base64url:1;
} ngx_clientcert_prefix_t;


typedef struct {
    const char  *text;
    size_t       len;
    ngx_uint_t   bit;
} ngx_clientcert_blank_t;


static void ngx_clientcert_trim(ngx_clientcert_reader_t *rd);
static ngx_clientcert_blank_t *ngx_clientcert_blank(u_char *p, u_char *last);
static ngx_clientcert_blank_t *ngx_clientcert_blank_before(u_char *first,
    u_char *last);
static ngx_clientcert_prefix_t *ngx_clientcert_prefix(
    ngx_clientcert_reader_t *rd);
static ngx_int_t ngx_clientcert_read_hex(ngx_clientcert_reader_t *rd,
    ngx_clientcert_thumbprint_t *tp, size_t digest_len,
    ngx_clientcert_thumbprint_error_t *err);
static ngx_uint_t ngx_clientcert_skip_separators(ngx_clientcert_reader_t *rd);
static ngx_int_t ngx_clientcert_hex_digit(u_char ch);
static ngx_int_t ngx_clientcert_read_base64url(ngx_clientcert_reader_t *rd,
    ngx_clientcert_thumbprint_t *tp, ngx_clientcert_thumbprint_error_t *err);
static ngx_int_t ngx_clientcert_base64url_digit(u_char ch);
static ngx_int_t ngx_clientcert_bad_character(ngx_clientcert_reader_t *rd,
    ngx_clientcert_thumbprint_error_t *err);


static ngx_clientcert_prefix_t  ngx_clientcert_prefixes[] = {
    { "sha1 fingerprint=", 17, NGX_CLIENTCERT_SHA1_LEN, 0 },
    { "sha256 fingerprint=", 19, NGX_CLIENTCERT_SHA256_LEN, 0 },
    { "sha1:", 5, NGX_CLIENTCERT_SHA1_LEN, 0 },
    { "sha256:", 7, NGX_CLIENTCERT_SHA256_LEN, 0 },
    { "x5t#s256:", 9, NGX_CLIENTCERT_SHA256_LEN, 1 },
    { NULL, 0, 0, 0 }
};


static ngx_clientcert_blank_t  ngx_clientcert_blanks[] = {
    { " ", 1, NGX_CLIENTCERT_BLANK },
    { "\t", 1, NGX_CLIENTCERT_BLANK },
    { "\xe2\x80\x8e", 3, NGX_CLIENTCERT_LRM },
    { "\xef\xbb\xbf", 3, NGX_CLIENTCERT_BOM },
    { "\xc2\xa0", 2, NGX_CLIENTCERT_NBSP },
    { NULL, 0, 0 }
};


ngx_int_t
ngx_clientcert_thumbprint_read(u_char *text, size_t len,
    ngx_clientcert_thumbprint_t *tp, ngx_clientcert_thumbprint_error_t *err)
{
    ngx_int_t                 rc;
    ngx_clientcert_prefix_t  *prefix;
    ngx_clientcert_reader_t   rd;

    rd.p = text;
    rd.last = text + len;
    rd.column = 1;
    rd.dropped = 0;

    ngx_clientcert_trim(&rd);

    prefix = ngx_clientcert_prefix(&rd);

    if (prefix) {
        ngx_clientcert_trim(&rd);
    }

    if (prefix && prefix->base64url) {
        rc = ngx_clientcert_read_base64url(&rd, tp, err);

    } else {
        rc = ngx_clientcert_read_hex(&rd, tp, prefix ? prefix->digest_len : 0,
                                     err);
    }

    tp->dropped = rd.dropped;

    return rc;
}


static void
ngx_clientcert_trim(ngx_clientcert_reader_t *rd)
{
    ngx_clientcert_blank_t  *blank;

    while ((blank = ngx_clientcert_blank(rd->p, rd->last)) != NULL) {
        rd->dropped |= blank->bit;
        rd->p += blank->len;
        rd->column++;
    }

    while ((blank = ngx_clientcert_blank_before(rd->p, rd->last)) != NULL) {
        rd->dropped |= blank->bit;
        rd->last -= blank->len;
    }
}


static ngx_clientcert_blank_t *
ngx_clientcert_blank(u_char *p, u_char *last)
{
    ngx_clientcert_blank_t  *blank;

    if (p < last && *p > ' ' && *p < 0x80) {
        return NULL;
    }

    for (blank = ngx_clientcert_blanks; blank->text; blank++) {
        if ((size_t) (last - p) >= blank->len
            && ngx_memcmp(p, blank->text, blank->len) == 0)
        {
            return blank;
        }
    }

    return NULL;
}


static ngx_clientcert_blank_t *
ngx_clientcert_blank_before(u_char *first, u_char *last)
{
    ngx_clientcert_blank_t  *blank;

    for (blank = ngx_clientcert_blanks; blank->text; blank++) {
        if ((size_t) (last - first) >= blank->len
            && ngx_memcmp(last - blank->len, blank->text, blank->len) == 0)
        {
            return blank;
        }
    }

    return NULL;
}


static ngx_clientcert_prefix_t *
ngx_clientcert_prefix(ngx_clientcert_reader_t *rd)
{
    size_t                    i;
    ngx_clientcert_prefix_t  *prefix;

    for (prefix = ngx_clientcert_prefixes; prefix->text; prefix++) {

        if ((size_t) (rd->last - rd->p) < prefix->len) {
            continue;
        }

        for (i = 0; i < prefix->len; i++) {
            if (ngx_tolower(rd->p[i]) != (u_char) prefix->text[i]) {
                break;
            }
        }

        if (i == prefix->len) {

            /* hexadecimal says by its length what it is */

            if (!prefix->base64url) {
                rd->dropped |= NGX_CLIENTCERT_PREFIX;
            }

            rd->p += prefix->len;
            rd->column += prefix->len;
            return prefix;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_clientcert_read_hex(ngx_clientcert_reader_t *rd,
    ngx_clientcert_thumbprint_t *tp, size_t digest_len,
    ngx_clientcert_thumbprint_error_t *err)
{
    size_t      n;
    ngx_int_t   digit;
    ngx_uint_t  separated;

    separated = 0;

    for (n = 0; rd->p < rd->last; n++) {

        digit = ngx_clientcert_hex_digit(*rd->p);

        if (digit < 0) {
            return ngx_clientcert_bad_character(rd, err);
        }

        if (n / 2 < sizeof(tp->digest)) {
            tp->digest[n / 2] = (n & 1) ? tp->digest[n / 2] | digit
                                        : digit << 4;
        }

        rd->p++;
        rd->column++;

        /* a separator stands between two bytes, never inside of one */
        separated = (n & 1) ? ngx_clientcert_skip_separators(rd) : 0;
    }

    if (separated) {
        rd->p--;
        rd->column--;
        return ngx_clientcert_bad_character(rd, err);
    }

    tp->len = n / 2;

    if (digest_len ? n == digest_len * 2
                   : n == NGX_CLIENTCERT_SHA1_LEN * 2
                     || n == NGX_CLIENTCERT_SHA256_LEN * 2)
    {
        return NGX_OK;
    }

    err->code = NGX_CLIENTCERT_BAD_LENGTH;
    err->found = n;
    err->wanted = digest_len * 2;
    err->base64url = 0;

    return NGX_ERROR;
}


static ngx_uint_t
ngx_clientcert_skip_separators(ngx_clientcert_reader_t *rd)
{
    ngx_uint_t               separated;
    ngx_clientcert_blank_t  *blank;

    separated = 0;

    while (rd->p < rd->last) {

        if (*rd->p == ':' || *rd->p == '-') {
            rd->dropped |= (*rd->p == ':') ? NGX_CLIENTCERT_COLON
                                           : NGX_CLIENTCERT_HYPHEN;
            rd->p++;

        } else {
            blank = ngx_clientcert_blank(rd->p, rd->last);
            if (blank == NULL) {
                break;
            }

            rd->dropped |= blank->bit;
            rd->p += blank->len;
        }

        rd->column++;
        separated = 1;
    }

    return separated;
}


static ngx_int_t
ngx_clientcert_hex_digit(u_char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch |= 0x20;

    if (ch >= 'a' && ch <= 'f') {
        return ch - 'a' + 10;
    }

    return -1;
}


static ngx_int_t
ngx_clientcert_read_base64url(ngx_clientcert_reader_t *rd,
    ngx_clientcert_thumbprint_t *tp, ngx_clientcert_thumbprint_error_t *err)
{
    size_t      n, bytes;
    uint32_t    bits;
    ngx_int_t   digit;
    ngx_uint_t  nbits;

    bits = 0;
    nbits = 0;
    bytes = 0;

    for (n = 0; rd->p < rd->last; n++) {

        digit = ngx_clientcert_base64url_digit(*rd->p);

        if (digit < 0) {
            return ngx_clientcert_bad_character(rd, err);
        }

        bits = (bits << 6) | digit;
        nbits += 6;

        if (nbits >= 8 && bytes < sizeof(tp->digest)) {
            nbits -= 8;
            tp->digest[bytes++] = (u_char) (bits >> nbits);
            bits &= (1 << nbits) - 1;
        }

        rd->p++;
        rd->column++;
    }

    tp->len = bytes;

    if (n != NGX_CLIENTCERT_X5T_LEN) {
        err->code = NGX_CLIENTCERT_BAD_LENGTH;
        err->found = n;
        err->wanted = NGX_CLIENTCERT_X5T_LEN;
        err->base64url = 1;
        return NGX_ERROR;
    }

    /* of the last character two bits are left over, which must be zero */

    if (bits) {
        rd->p--;
        rd->column--;
        return ngx_clientcert_bad_character(rd, err);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_base64url_digit(u_char ch)
{
    if (ch >= 'A' && ch <= 'Z') {
        return ch - 'A';
    }

    if (ch >= 'a' && ch <= 'z') {
        return ch - 'a' + 26;
    }

    if (ch >= '0' && ch <= '9') {
        return ch - '0' + 52;
    }

    return (ch == '-') ? 62 : (ch == '_') ? 63 : -1;
}


static ngx_int_t
ngx_clientcert_bad_character(ngx_clientcert_reader_t *rd,
    ngx_clientcert_thumbprint_error_t *err)
{
    err->code = NGX_CLIENTCERT_BAD_CHARACTER;
    err->column = rd->column;
    err->utf8 = (ngx_clientcert_unicode_utf8(rd->p, rd->last, &err->ch) > 0);

    return NGX_ERROR;
}
