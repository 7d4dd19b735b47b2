
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_thumbprint.h"
#include "ngx_clientcert_unicode.h"


/* without padding */
#define ngx_clientcert_base64_len(len)  (((len) * 8 + 5) / 6)

#define NGX_CLIENTCERT_INVISIBLE                                              \
    (NGX_CLIENTCERT_LRM|NGX_CLIENTCERT_BOM|NGX_CLIENTCERT_NBSP)


typedef struct {
    u_char      *p;
    u_char      *last;
    ngx_uint_t   column;        /* of the character at p */
    ngx_uint_t   dropped;

    /* as the words before it say */
    size_t       digest_len;    /* 0: they don't */
    ngx_uint_t   flags;
} ngx_clientcert_reader_t;


#define NGX_CLIENTCERT_BASE64       0x01
#define NGX_CLIENTCERT_CERTIFICATE  0x02
#define NGX_CLIENTCERT_KEY          0x04


typedef struct {
    const char  *text;          /* lower case */
    size_t       len;
    size_t       digest_len;
    ngx_uint_t   flags;
} ngx_clientcert_word_t;


typedef struct {
    const char  *text;
    size_t       len;
    ngx_uint_t   bit;
} ngx_clientcert_blank_t;


static void ngx_clientcert_trim(ngx_clientcert_reader_t *rd);
static ngx_clientcert_blank_t *ngx_clientcert_blank(u_char *p, u_char *last);
static ngx_clientcert_blank_t *ngx_clientcert_blank_before(u_char *first,
    u_char *last);
static void ngx_clientcert_words(ngx_clientcert_reader_t *rd);
static ngx_clientcert_word_t *ngx_clientcert_word(
    ngx_clientcert_reader_t *rd);
static ngx_int_t ngx_clientcert_read_hex(ngx_clientcert_reader_t *rd,
    ngx_clientcert_thumbprint_t *tp, ngx_clientcert_thumbprint_error_t *err);
static ngx_uint_t ngx_clientcert_skip_separators(ngx_clientcert_reader_t *rd,
    ngx_uint_t *bits);
static ngx_int_t ngx_clientcert_hex_digit(u_char ch);
static ngx_uint_t ngx_clientcert_is_0x(u_char *p, u_char *last);
static ngx_uint_t ngx_clientcert_is_base64(u_char *p, u_char *last);
static ngx_int_t ngx_clientcert_read_base64(ngx_clientcert_reader_t *rd,
    ngx_clientcert_thumbprint_t *tp, ngx_clientcert_thumbprint_error_t *err);
static ngx_int_t ngx_clientcert_base64_digit(u_char ch);
static ngx_int_t ngx_clientcert_check_length(ngx_clientcert_reader_t *rd,
    size_t found, ngx_uint_t base64, ngx_clientcert_thumbprint_error_t *err);
static ngx_int_t ngx_clientcert_bad_character(ngx_clientcert_reader_t *rd,
    ngx_clientcert_thumbprint_error_t *err);


/* of two that begin alike the longer one comes first */

static ngx_clientcert_word_t  ngx_clientcert_known_words[] = {
    { "certificate", 11, 0, NGX_CLIENTCERT_CERTIFICATE },
    { "cert", 4, 0, NGX_CLIENTCERT_CERTIFICATE },
    { "fingerprint", 11, 0, NGX_CLIENTCERT_CERTIFICATE },
    { "thumbprint", 10, 0, NGX_CLIENTCERT_CERTIFICATE },
    { "hash", 4, 0, NGX_CLIENTCERT_CERTIFICATE },

    { "sha1", 4, NGX_CLIENTCERT_SHA1_LEN, 0 },
    { "sha-1", 5, NGX_CLIENTCERT_SHA1_LEN, 0 },
    { "(sha1)", 6, NGX_CLIENTCERT_SHA1_LEN, 0 },
    { "(sha-1)", 7, NGX_CLIENTCERT_SHA1_LEN, 0 },

    { "sha256//", 8, NGX_CLIENTCERT_SHA256_LEN,
      NGX_CLIENTCERT_BASE64|NGX_CLIENTCERT_KEY },
    { "sha256/", 7, NGX_CLIENTCERT_SHA256_LEN,
      NGX_CLIENTCERT_BASE64|NGX_CLIENTCERT_KEY },
    { "pin-sha256", 10, NGX_CLIENTCERT_SHA256_LEN,
      NGX_CLIENTCERT_BASE64|NGX_CLIENTCERT_KEY },
    { "sha256", 6, NGX_CLIENTCERT_SHA256_LEN, 0 },
    { "sha-256", 7, NGX_CLIENTCERT_SHA256_LEN, 0 },
    { "(sha256)", 8, NGX_CLIENTCERT_SHA256_LEN, 0 },
    { "(sha-256)", 9, NGX_CLIENTCERT_SHA256_LEN, 0 },

    /* openssl-dgst(1) */
    { "sha2-256(stdin)", 15, NGX_CLIENTCERT_SHA256_LEN, 0 },
    { "sha256(stdin)", 13, NGX_CLIENTCERT_SHA256_LEN, 0 },
    { "(stdin)", 7, 0, 0 },

    { "x5t#s256", 8, NGX_CLIENTCERT_SHA256_LEN,
      NGX_CLIENTCERT_BASE64|NGX_CLIENTCERT_CERTIFICATE },
    { "x5t", 3, NGX_CLIENTCERT_SHA1_LEN,
      NGX_CLIENTCERT_BASE64|NGX_CLIENTCERT_CERTIFICATE },

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
    ngx_int_t                rc;
    ngx_clientcert_reader_t  rd;

    rd.p = text;
    rd.last = text + len;
    rd.column = 1;
    rd.dropped = 0;
    rd.digest_len = 0;
    rd.flags = 0;

    ngx_clientcert_trim(&rd);
    ngx_clientcert_words(&rd);

    tp->spaced = 0;

    if ((rd.flags & NGX_CLIENTCERT_BASE64)
        || ngx_clientcert_is_base64(rd.p, rd.last))
    {
        rc = ngx_clientcert_read_base64(&rd, tp, err);

    } else {
        rc = ngx_clientcert_read_hex(&rd, tp, err);
    }

    tp->dropped = rd.dropped;
    tp->certificate = ((rd.flags & NGX_CLIENTCERT_CERTIFICATE) != 0);
    tp->key = ((rd.flags & NGX_CLIENTCERT_KEY) != 0);

    return rc;
}


/* blanks around it are of no account */

static void
ngx_clientcert_trim(ngx_clientcert_reader_t *rd)
{
    ngx_clientcert_blank_t  *blank;

    while ((blank = ngx_clientcert_blank(rd->p, rd->last)) != NULL) {
        rd->dropped |= (blank->bit & NGX_CLIENTCERT_INVISIBLE);
        rd->p += blank->len;
        rd->column++;
    }

    while ((blank = ngx_clientcert_blank_before(rd->p, rd->last)) != NULL) {
        rd->dropped |= (blank->bit & NGX_CLIENTCERT_INVISIBLE);
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


/* what tools write before a digest, up to its sign, and quotes around it */

static void
ngx_clientcert_words(ngx_clientcert_reader_t *rd)
{
    ngx_uint_t              n;
    ngx_clientcert_word_t  *word;

    for (n = 0; (word = ngx_clientcert_word(rd)) != NULL; n++) {
        rd->p += word->len;
        rd->column += word->len;
        rd->flags |= word->flags;

        if (word->digest_len) {
            rd->digest_len = word->digest_len;
        }

        ngx_clientcert_trim(rd);
    }

    if (n && rd->p < rd->last && (*rd->p == ':' || *rd->p == '=')) {
        rd->p++;
        rd->column++;

        ngx_clientcert_trim(rd);

        if (rd->last - rd->p >= 2 && *rd->p == '"' && rd->last[-1] == '"') {
            rd->p++;
            rd->column++;
            rd->last--;
        }
    }
}


static ngx_clientcert_word_t *
ngx_clientcert_word(ngx_clientcert_reader_t *rd)
{
    size_t                  i, len;
    ngx_clientcert_word_t  *word;

    len = rd->last - rd->p;

    for (word = ngx_clientcert_known_words; word->text; word++) {

        if (len < word->len) {
            continue;
        }

        for (i = 0; i < word->len; i++) {
            if (ngx_tolower(rd->p[i]) != (u_char) word->text[i]) {
                break;
            }
        }

        if (i < word->len) {
            continue;
        }

        /* base64 may begin with any letters */

        if (i == len || word->text[i - 1] == '/' || word->text[i - 1] == ')'
            || ngx_clientcert_base64_digit(rd->p[i]) < 0)
        {
            return word;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_clientcert_read_hex(ngx_clientcert_reader_t *rd,
    ngx_clientcert_thumbprint_t *tp, ngx_clientcert_thumbprint_error_t *err)
{
    size_t      n, start, group;
    ngx_int_t   digit;
    ngx_uint_t  bits, separated, odd;

    if (ngx_clientcert_is_0x(rd->p, rd->last)) {
        rd->p += 2;
        rd->column += 2;
    }

    bits = 0;
    start = 0;
    group = 0;
    separated = 0;
    odd = 0;

    for (n = 0; rd->p < rd->last; /* void */ ) {

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
        n++;

        /* a separator stands between two bytes, never inside of one */

        separated = (n & 1) ? 0 : ngx_clientcert_skip_separators(rd, &bits);

        if (separated) {

            /* one after each byte, or each so many, as tools write them */

            group = group ? group : n;
            odd |= (separated > 1 || n - start != group);
            start = n;
        }
    }

    if (separated) {
        rd->p--;
        rd->column--;
        return ngx_clientcert_bad_character(rd, err);
    }

    odd |= ((bits & (bits - 1)) || (group && n - start != group));

    rd->dropped |= odd ? bits : (bits & NGX_CLIENTCERT_INVISIBLE);

    tp->spaced = ((bits & (NGX_CLIENTCERT_BLANK|NGX_CLIENTCERT_NBSP)) != 0);
    tp->len = n / 2;

    return ngx_clientcert_check_length(rd, n, 0, err);
}


/* returns their number */

static ngx_uint_t
ngx_clientcert_skip_separators(ngx_clientcert_reader_t *rd, ngx_uint_t *bits)
{
    ngx_uint_t               n;
    ngx_clientcert_blank_t  *blank;

    for (n = 0; rd->p < rd->last; n++) {

        if (*rd->p == ':' || *rd->p == '-') {
            *bits |= (*rd->p == ':') ? NGX_CLIENTCERT_COLON
                                     : NGX_CLIENTCERT_HYPHEN;
            rd->p++;

        } else {
            blank = ngx_clientcert_blank(rd->p, rd->last);
            if (blank == NULL) {
                break;
            }

            *bits |= blank->bit;
            rd->p += blank->len;
        }

        rd->column++;
    }

    return n;
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


static ngx_uint_t
ngx_clientcert_is_0x(u_char *p, u_char *last)
{
    return last - p >= 2 && p[0] == '0' && (p[1] | 0x20) == 'x';
}


/* whether it is as long as base64, and no hexadecimal that is cut off */

static ngx_uint_t
ngx_clientcert_is_base64(u_char *p, u_char *last)
{
    size_t      i, len;
    ngx_uint_t  others;

    len = last - p;

    if (len % 4 == 0 && len && last[-1] == '=') {
        len--;
    }

    if (len != ngx_clientcert_base64_len(NGX_CLIENTCERT_SHA1_LEN)
        && len != ngx_clientcert_base64_len(NGX_CLIENTCERT_SHA256_LEN))
    {
        return 0;
    }

    others = 0;

    for (i = 0; i < len; i++) {

        if (ngx_clientcert_base64_digit(p[i]) < 0) {
            return 0;
        }

        others += (p[i] != '-' && ngx_clientcert_hex_digit(p[i]) < 0);
    }

    return others > ngx_clientcert_is_0x(p, last);
}


static ngx_int_t
ngx_clientcert_read_base64(ngx_clientcert_reader_t *rd,
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

        digit = ngx_clientcert_base64_digit(*rd->p);

        if (digit < 0) {

            /* padding */

            if (*rd->p == '=' && rd->p + 1 == rd->last && n % 4 == 3) {
                break;
            }

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

    if (ngx_clientcert_check_length(rd, n, 1, err) != NGX_OK) {
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


/* RFC 4648, sections 4 and 5 */

static ngx_int_t
ngx_clientcert_base64_digit(u_char ch)
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

    return (ch == '-' || ch == '+') ? 62 : (ch == '_' || ch == '/') ? 63 : -1;
}


static ngx_int_t
ngx_clientcert_check_length(ngx_clientcert_reader_t *rd, size_t found,
    ngx_uint_t base64, ngx_clientcert_thumbprint_error_t *err)
{
    size_t  sha1, sha256;

    sha1 = base64 ? ngx_clientcert_base64_len(NGX_CLIENTCERT_SHA1_LEN)
                  : NGX_CLIENTCERT_SHA1_LEN * 2;
    sha256 = base64 ? ngx_clientcert_base64_len(NGX_CLIENTCERT_SHA256_LEN)
                    : NGX_CLIENTCERT_SHA256_LEN * 2;

    if ((found == sha1 && rd->digest_len != NGX_CLIENTCERT_SHA256_LEN)
        || (found == sha256 && rd->digest_len != NGX_CLIENTCERT_SHA1_LEN))
    {
        return NGX_OK;
    }

    err->code = NGX_CLIENTCERT_BAD_LENGTH;
    err->found = found;
    err->digest_len = rd->digest_len;
    err->base64 = base64;

    return NGX_ERROR;
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
