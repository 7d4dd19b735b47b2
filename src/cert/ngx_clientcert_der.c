
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_der.h"
#include "ngx_clientcert_unicode.h"
#include <openssl/evp.h>
#include <openssl/err.h>


#define NGX_CLIENTCERT_INTEGER           0x02
#define NGX_CLIENTCERT_BIT_STRING        0x03
#define NGX_CLIENTCERT_OID               0x06
#define NGX_CLIENTCERT_UTC_TIME          0x17
#define NGX_CLIENTCERT_GENERALIZED_TIME  0x18
#define NGX_CLIENTCERT_SEQUENCE          0x30
#define NGX_CLIENTCERT_VERSION           0xa0
#define NGX_CLIENTCERT_ATTRIBUTES        0xa0


/* what is left to read of a constructed element */

typedef struct {
    u_char       *p;
    u_char       *last;
} ngx_clientcert_walk_t;


static ngx_int_t ngx_clientcert_der_tbs(ngx_clientcert_walk_t *tbs,
    ngx_clientcert_der_t *cert, ngx_clientcert_walk_t *spki);
static ngx_int_t ngx_clientcert_der_key(ngx_clientcert_walk_t *w);
static ngx_int_t ngx_clientcert_der_digest(u_char *p, size_t len,
    u_char *digest);
static ngx_int_t ngx_clientcert_der_time(ngx_clientcert_walk_t *w,
    int64_t *t);
static ngx_int_t ngx_clientcert_der_digits(ngx_clientcert_walk_t *w,
    ngx_uint_t n);
static int64_t ngx_clientcert_der_days(ngx_int_t year, ngx_int_t month,
    ngx_int_t day);
static ngx_int_t ngx_clientcert_der_bits(ngx_clientcert_walk_t *w);
static ngx_int_t ngx_clientcert_der_skip(ngx_clientcert_walk_t *w,
    ngx_uint_t tag);
static ngx_int_t ngx_clientcert_der_enter(ngx_clientcert_walk_t *w,
    ngx_uint_t tag, ngx_clientcert_walk_t *inner);
static ngx_int_t ngx_clientcert_der_add(u_char *p, size_t len,
    ngx_array_t *certs, ngx_array_t *encodings);
static ngx_clientcert_file_e ngx_clientcert_der_unknown(u_char *p,
    size_t len);
static ngx_clientcert_file_e ngx_clientcert_der_other(
    ngx_clientcert_walk_t *w);
static ngx_clientcert_file_e ngx_clientcert_pem_file(u_char *p, u_char *last,
    ngx_array_t *certs, ngx_array_t *encodings, ngx_uint_t *beside);
static ngx_clientcert_file_e ngx_clientcert_pem_certificate(u_char *p,
    u_char *last, ngx_array_t *certs, ngx_array_t *encodings);
static u_char *ngx_clientcert_pem_find(u_char *p, u_char *last,
    const char *text, size_t len);
static ngx_int_t ngx_clientcert_pem_decode(u_char *p, u_char *last,
    size_t *len);
static ngx_uint_t ngx_clientcert_pem_bare(u_char *p, u_char *last);
static ngx_uint_t ngx_clientcert_pem_is(ngx_str_t *type, const char *text);


ngx_int_t
ngx_clientcert_der_read(u_char *p, size_t len, ngx_clientcert_der_t *cert)
{
    ngx_clientcert_walk_t  w, inner, tbs, spki;

    w.p = p;
    w.last = p + len;

    if (ngx_clientcert_der_enter(&w, NGX_CLIENTCERT_SEQUENCE, &inner)
        != NGX_OK
        || w.p != w.last
        || ngx_clientcert_der_enter(&inner, NGX_CLIENTCERT_SEQUENCE, &tbs)
           != NGX_OK
        || ngx_clientcert_der_tbs(&tbs, cert, &spki) != NGX_OK
        || ngx_clientcert_der_skip(&inner, NGX_CLIENTCERT_SEQUENCE) != NGX_OK
        || ngx_clientcert_der_bits(&inner) != NGX_OK
        || inner.p != inner.last)
    {
        return NGX_DECLINED;
    }

    if (ngx_clientcert_der_digest(p, len, cert->sha256) != NGX_OK
        || ngx_clientcert_der_digest(spki.p, spki.last - spki.p, cert->spki)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * RFC 5280, section 4.1.  Of both times the second one is kept; what follows
 * the key doesn't matter.
 */

static ngx_int_t
ngx_clientcert_der_tbs(ngx_clientcert_walk_t *tbs, ngx_clientcert_der_t *cert,
    ngx_clientcert_walk_t *spki)
{
    ngx_clientcert_walk_t  validity;

    if (tbs->p < tbs->last && *tbs->p == NGX_CLIENTCERT_VERSION
        && ngx_clientcert_der_skip(tbs, NGX_CLIENTCERT_VERSION) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_clientcert_der_skip(tbs, NGX_CLIENTCERT_INTEGER) != NGX_OK
        || ngx_clientcert_der_skip(tbs, NGX_CLIENTCERT_SEQUENCE) != NGX_OK
        || ngx_clientcert_der_skip(tbs, NGX_CLIENTCERT_SEQUENCE) != NGX_OK
        || ngx_clientcert_der_enter(tbs, NGX_CLIENTCERT_SEQUENCE, &validity)
           != NGX_OK
        || ngx_clientcert_der_time(&validity, &cert->not_after) != NGX_OK
        || ngx_clientcert_der_time(&validity, &cert->not_after) != NGX_OK
        || validity.p != validity.last
        || ngx_clientcert_der_skip(tbs, NGX_CLIENTCERT_SEQUENCE) != NGX_OK)
    {
        return NGX_ERROR;
    }

    spki->p = tbs->p;

    if (ngx_clientcert_der_key(tbs) != NGX_OK) {
        return NGX_ERROR;
    }

    spki->last = tbs->p;

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_der_key(ngx_clientcert_walk_t *w)
{
    ngx_clientcert_walk_t  spki, algorithm;

    if (ngx_clientcert_der_enter(w, NGX_CLIENTCERT_SEQUENCE, &spki) != NGX_OK
        || ngx_clientcert_der_enter(&spki, NGX_CLIENTCERT_SEQUENCE,
                                    &algorithm)
           != NGX_OK
        || ngx_clientcert_der_skip(&algorithm, NGX_CLIENTCERT_OID) != NGX_OK
        || (algorithm.p < algorithm.last
            && ngx_clientcert_der_skip(&algorithm, *algorithm.p) != NGX_OK)
        || algorithm.p != algorithm.last
        || ngx_clientcert_der_bits(&spki) != NGX_OK
        || spki.p != spki.last)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* it fails for want of memory only */

static ngx_int_t
ngx_clientcert_der_digest(u_char *p, size_t len, u_char *digest)
{
    if (EVP_Digest(p, len, digest, NULL, EVP_sha256(), NULL) == 0) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* RFC 5280, section 4.1.2.5: YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ */

static ngx_int_t
ngx_clientcert_der_time(ngx_clientcert_walk_t *w, int64_t *t)
{
    ngx_int_t              year, month, day, hour, min, sec;
    ngx_uint_t             utc;
    ngx_clientcert_walk_t  text;

    static u_char  mdays[] = { 31, 29, 31, 30, 31, 30,
                               31, 31, 30, 31, 30, 31 };

    utc = (w->p < w->last && *w->p == NGX_CLIENTCERT_UTC_TIME);

    if (ngx_clientcert_der_enter(w, utc ? NGX_CLIENTCERT_UTC_TIME
                                        : NGX_CLIENTCERT_GENERALIZED_TIME,
                                 &text)
        != NGX_OK
        || text.last - text.p != (utc ? 13 : 15)
        || text.last[-1] != 'Z')
    {
        return NGX_ERROR;
    }

    year = ngx_clientcert_der_digits(&text, utc ? 2 : 4);
    month = ngx_clientcert_der_digits(&text, 2);
    day = ngx_clientcert_der_digits(&text, 2);
    hour = ngx_clientcert_der_digits(&text, 2);
    min = ngx_clientcert_der_digits(&text, 2);
    sec = ngx_clientcert_der_digits(&text, 2);

    if (year < 0 || month < 1 || month > 12 || day < 1
        || hour < 0 || hour > 23 || min < 0 || min > 59
        || sec < 0 || sec > 59)
    {
        return NGX_ERROR;
    }

    if (utc) {
        year += (year < 50) ? 2000 : 1900;
    }

    if (day > mdays[month - 1]
        || (month == 2 && day == 29
            && (year % 4 || (year % 100 == 0 && year % 400))))
    {
        return NGX_ERROR;
    }

    *t = ngx_clientcert_der_days(year, month, day) * 86400
         + hour * 3600 + min * 60 + sec;

    return NGX_OK;
}


/* since 1970, as in ngx_parse_http_date(); a time_t may end in 2038 */

static int64_t
ngx_clientcert_der_days(ngx_int_t year, ngx_int_t month, ngx_int_t day)
{
    /* of a year that begins in March and is positive */

    month -= 2;

    if (month <= 0) {
        month += 12;
        year -= 1;
    }

    year += 400;

    return (int64_t) 365 * year + year / 4 - year / 100 + year / 400
           + 367 * month / 12 - 30 + day - 1
           - 719527 + 31 + 28 - 146097;
}


static ngx_int_t
ngx_clientcert_der_digits(ngx_clientcert_walk_t *w, ngx_uint_t n)
{
    ngx_int_t  value;

    value = ngx_atoi(w->p, n);
    w->p += n;

    return value;
}


static ngx_int_t
ngx_clientcert_der_bits(ngx_clientcert_walk_t *w)
{
    ngx_clientcert_walk_t  bits;

    if (ngx_clientcert_der_enter(w, NGX_CLIENTCERT_BIT_STRING, &bits)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* its first byte is the number of bits that don't count */

    return (bits.p < bits.last && *bits.p == 0) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_clientcert_der_skip(ngx_clientcert_walk_t *w, ngx_uint_t tag)
{
    ngx_clientcert_walk_t  inner;

    return ngx_clientcert_der_enter(w, tag, &inner);
}


/* lengths of indefinite form or with leading zeros are no DER */

static ngx_int_t
ngx_clientcert_der_enter(ngx_clientcert_walk_t *w, ngx_uint_t tag,
    ngx_clientcert_walk_t *inner)
{
    size_t      len;
    u_char     *p;
    ngx_uint_t  n;

    p = w->p;

    /* the 31st number would mean a tag of more bytes */

    if (w->last - p < 2 || *p != tag || (tag & 0x1f) == 0x1f) {
        return NGX_ERROR;
    }

    len = p[1];
    p += 2;

    if (len >= 0x80) {
        n = len - 0x80;

        if (n == 0 || n > 3 || (size_t) (w->last - p) < n || *p == 0) {
            return NGX_ERROR;
        }

        for (len = 0; n > 0; n--) {
            len = (len << 8) | *p++;
        }

        if (len < 0x80) {
            return NGX_ERROR;
        }
    }

    if (len > (size_t) (w->last - p)) {
        return NGX_ERROR;
    }

    inner->p = p;
    inner->last = p + len;
    w->p = p + len;

    return NGX_OK;
}


ngx_clientcert_file_e
ngx_clientcert_der_file(u_char *text, size_t len, ngx_array_t *certs,
    ngx_array_t *encodings, ngx_uint_t *beside)
{
    u_char     *last;
    ngx_int_t   rc;

    *beside = 0;

    if (len == 0) {
        return NGX_CLIENTCERT_FILE_EMPTY;
    }

    last = text + len;

    if (ngx_clientcert_unicode_is_utf16(text, len)) {
        return NGX_CLIENTCERT_FILE_UTF16;
    }

    /* a DER file may hold what looks like PEM, the reverse it can't */

    if (*text == NGX_CLIENTCERT_SEQUENCE) {

        rc = ngx_clientcert_der_add(text, len, certs, encodings);

        if (rc != NGX_DECLINED) {
            return (rc == NGX_OK) ? 0 : NGX_CLIENTCERT_FILE_MEMORY;
        }
    }

    if (ngx_clientcert_pem_find(text, last, "-----BEGIN ", 11) < last) {
        return ngx_clientcert_pem_file(text, last, certs, encodings, beside);
    }

    return ngx_clientcert_der_unknown(text, len);
}


/* NGX_DECLINED: it isn't a certificate */

static ngx_int_t
ngx_clientcert_der_add(u_char *p, size_t len, ngx_array_t *certs,
    ngx_array_t *encodings)
{
    ngx_int_t              rc;
    ngx_str_t             *encoding;
    ngx_clientcert_der_t   cert, *added;

    rc = ngx_clientcert_der_read(p, len, &cert);
    if (rc != NGX_OK) {
        return rc;
    }

    added = ngx_array_push(certs);
    if (added == NULL) {
        return NGX_ERROR;
    }

    *added = cert;

    if (encodings) {
        encoding = ngx_array_push(encodings);
        if (encoding == NULL) {
            return NGX_ERROR;
        }

        encoding->data = p;
        encoding->len = len;
    }

    return NGX_OK;
}


static ngx_clientcert_file_e
ngx_clientcert_der_unknown(u_char *p, size_t len)
{
    size_t                 size;
    ngx_clientcert_walk_t  w, inner;

    static u_char  pkcs7[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
                               0x01, 0x07 };
    static u_char  version[] = { 0x02, 0x01, 0x03, 0x30 };

    if (ngx_clientcert_pem_bare(p, p + len)) {
        return NGX_CLIENTCERT_FILE_BARE;
    }

    if (*p != NGX_CLIENTCERT_SEQUENCE || len < 32) {
        return NGX_CLIENTCERT_FILE_NONE;
    }

    /* PKCS#7 and PKCS#12 come with indefinite lengths too */

    size = (p[1] > 0x80) ? 2 + (p[1] & 0x07) : 2;

    if (ngx_memcmp(p + size, pkcs7, sizeof(pkcs7)) == 0) {
        return NGX_CLIENTCERT_FILE_PKCS7;
    }

    if (ngx_memcmp(p + size, version, sizeof(version)) == 0) {
        return NGX_CLIENTCERT_FILE_PKCS12;
    }

    w.p = p;
    w.last = p + len;

    return (ngx_clientcert_der_enter(&w, NGX_CLIENTCERT_SEQUENCE, &inner)
            == NGX_OK)
           ? ngx_clientcert_der_other(&inner) : NGX_CLIENTCERT_FILE_TRUNCATED;
}


/*
 * A request (RFC 2986, section 4.1) and a CRL (RFC 5280, section 5.1) begin
 * with a number that a CRL may lack and two SEQUENCEs, as no certificate of
 * version 3 does; one of version 1 has a third one behind them.
 */

static ngx_clientcert_file_e
ngx_clientcert_der_other(ngx_clientcert_walk_t *w)
{
    ngx_uint_t             n;
    ngx_clientcert_walk_t  inner;

    if (ngx_clientcert_der_enter(w, NGX_CLIENTCERT_SEQUENCE, &inner)
        != NGX_OK)
    {
        return NGX_CLIENTCERT_FILE_NOT_DER;
    }

    (void) ngx_clientcert_der_skip(&inner, NGX_CLIENTCERT_INTEGER);

    for (n = 0; n < 2; n++) {
        if (ngx_clientcert_der_skip(&inner, NGX_CLIENTCERT_SEQUENCE)
            != NGX_OK)
        {
            return NGX_CLIENTCERT_FILE_NOT_DER;
        }
    }

    switch (inner.p < inner.last ? *inner.p : 0) {

    case NGX_CLIENTCERT_ATTRIBUTES:
        return NGX_CLIENTCERT_FILE_REQUEST;

    case NGX_CLIENTCERT_UTC_TIME:
    case NGX_CLIENTCERT_GENERALIZED_TIME:
        return NGX_CLIENTCERT_FILE_CRL;

    default:
        return NGX_CLIENTCERT_FILE_NOT_DER;
    }
}


static ngx_clientcert_file_e
ngx_clientcert_pem_file(u_char *p, u_char *last, ngx_array_t *certs,
    ngx_array_t *encodings, ngx_uint_t *beside)
{
    u_char                 *end;
    ngx_str_t               type;
    ngx_uint_t              pkcs7;
    ngx_clientcert_file_e   reason, none;

    pkcs7 = 0;
    none = NGX_CLIENTCERT_FILE_NONE;

    for ( ;; ) {
        end = p;
        p = ngx_clientcert_pem_find(p, last, "-----BEGIN ", 11);

        /* one that has lost its beginning would be some text */

        if (ngx_clientcert_pem_find(end, p, "-----END CERTIFICATE", 20) < p) {
            return NGX_CLIENTCERT_FILE_TRUNCATED;
        }

        if (p == last) {
            break;
        }

        type.data = p + 11;
        p = ngx_clientcert_pem_find(type.data, last, "-----", 5);
        type.len = p - type.data;

        /* some text */

        if (memchr(type.data, '\n', type.len)) {
            p = type.data;
            continue;
        }

        p = ngx_min(p + 5, last);
        end = ngx_clientcert_pem_find(p, last, "-----END ", 9);

        if (end == last) {
            return NGX_CLIENTCERT_FILE_TRUNCATED;
        }

        if (type.len >= 11
            && ngx_memcmp(type.data + type.len - 11, "PRIVATE KEY", 11) == 0)
        {
            *beside |= NGX_CLIENTCERT_BESIDE_KEY;
        }

        if (ngx_clientcert_pem_is(&type, "PKCS7")
            || ngx_clientcert_pem_is(&type, "CMS"))
        {
            pkcs7 = 1;
        }

        if (ngx_clientcert_pem_is(&type, "CERTIFICATE REQUEST")
            || ngx_clientcert_pem_is(&type, "NEW CERTIFICATE REQUEST"))
        {
            none = NGX_CLIENTCERT_FILE_REQUEST;
        }

        if (ngx_clientcert_pem_is(&type, "X509 CRL")) {
            none = NGX_CLIENTCERT_FILE_CRL;
            *beside |= NGX_CLIENTCERT_BESIDE_CRL;
        }

        if (ngx_clientcert_pem_is(&type, "TRUSTED CERTIFICATE")) {
            return NGX_CLIENTCERT_FILE_TRUSTED;
        }

        if (ngx_clientcert_pem_is(&type, "CERTIFICATE")
            || ngx_clientcert_pem_is(&type, "X509 CERTIFICATE"))
        {
            reason = ngx_clientcert_pem_certificate(p, end, certs, encodings);

            if (reason) {
                return reason;
            }
        }

        p = end + 9;
    }

    if (pkcs7) {
        return NGX_CLIENTCERT_FILE_PKCS7_PEM;
    }

    return certs->nelts ? 0
           : (*beside & NGX_CLIENTCERT_BESIDE_KEY) ? NGX_CLIENTCERT_FILE_KEY
                                                   : none;
}


static ngx_clientcert_file_e
ngx_clientcert_pem_certificate(u_char *p, u_char *last, ngx_array_t *certs,
    ngx_array_t *encodings)
{
    size_t      len;
    ngx_int_t   rc;
    ngx_uint_t  escaped;

    escaped = (memchr(p, '\\', last - p) != NULL);

    if (ngx_clientcert_pem_decode(p, last, &len) != NGX_OK) {
        return escaped ? NGX_CLIENTCERT_FILE_ESCAPED
                       : NGX_CLIENTCERT_FILE_BASE64;
    }

    rc = ngx_clientcert_der_add(p, len, certs, encodings);

    return (rc == NGX_OK) ? 0
           : (rc == NGX_ERROR) ? NGX_CLIENTCERT_FILE_MEMORY
                               : NGX_CLIENTCERT_FILE_NOT_DER;
}


/* returns last if the text isn't there */

static u_char *
ngx_clientcert_pem_find(u_char *p, u_char *last, const char *text, size_t len)
{
    while ((size_t) (last - p) >= len) {

        p = memchr(p, '-', last - p);

        if (p == NULL || (size_t) (last - p) < len) {
            break;
        }

        if (ngx_memcmp(p, text, len) == 0) {
            return p;
        }

        p++;
    }

    return last;
}


/* in place; ngx_decode_base64() would stop at the first line's end */

static ngx_int_t
ngx_clientcert_pem_decode(u_char *p, u_char *last, size_t *len)
{
    u_char     *start, *dst;
    ngx_str_t   in, out;

    start = p;
    dst = p;

    for ( /* void */ ; p < last; p++) {
        if (*p != '\n' && *p != '\r' && *p != ' ' && *p != '\t') {
            *dst++ = *p;
        }
    }

    in.data = start;
    in.len = dst - start;
    out.data = start;

    /* it would take the first "=" for the end, whatever follows */

    p = memchr(start, '=', in.len);

    while (p && p < dst && *p == '=') {
        p++;
    }

    if ((p && p < dst) || ngx_decode_base64(&out, &in) != NGX_OK) {
        return NGX_ERROR;
    }

    *len = out.len;

    return NGX_OK;
}


/* whether all of it is base64 of a SEQUENCE, maybe with the line of its end */

static ngx_uint_t
ngx_clientcert_pem_bare(u_char *p, u_char *last)
{
    last = ngx_clientcert_pem_find(p, last, "-----END ", 9);

    if (last - p < 32 || p[0] != 'M' || p[1] != 'I') {
        return 0;
    }

    while (p < last
           && (isalnum(*p) || *p == '+' || *p == '/' || *p == '='
               || *p == '\n' || *p == '\r'))
    {
        p++;
    }

    return p == last;
}


static ngx_uint_t
ngx_clientcert_pem_is(ngx_str_t *type, const char *text)
{
    return type->len == ngx_strlen(text)
           && ngx_memcmp(type->data, text, type->len) == 0;
}
