
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_value.h"
#include "../cert/ngx_clientcert_chain.h"
#include "../cert/ngx_clientcert_dn.h"
#include "../cert/ngx_clientcert_oid.h"
#include "../cert/ngx_clientcert_text.h"


/* of so many digits one is a letter, as good as always, in hexadecimal */
#define NGX_CLIENTCERT_DECIMAL_LEN  16

/* matching ends after so many steps (pcre2pattern(3)) */
#define NGX_CLIENTCERT_REGEX_LIMIT  "(*LIMIT_MATCH=10000)"


static ngx_clientcert_thumbprint_t *ngx_clientcert_value_digest(
    ngx_clientcert_reading_t *rd, ngx_str_t *text);
static ngx_int_t ngx_clientcert_value_doubt(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
static ngx_int_t ngx_clientcert_value_octets(ngx_clientcert_reading_t *rd,
    ngx_str_t *text);
static ngx_uint_t ngx_clientcert_value_is_escaped(ngx_str_t *text);
static ngx_int_t ngx_clientcert_value_meant(ngx_clientcert_reading_t *rd,
    ngx_str_t *regex);


ngx_int_t
ngx_clientcert_value_regex(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
#if (NGX_PCRE)

    u_char               errstr[NGX_MAX_CONF_ERRSTR];
    ngx_str_t            pattern;
    ngx_regex_compile_t  rc;

    if (ngx_clientcert_value_id(rd, cond, text->data, text->len) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pool = rd->pool;
    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = errstr;

    pattern.data = text->data + 1;
    pattern.len = text->len - 1;

    if (pattern.len && pattern.data[0] == '*') {
        pattern.data++;
        pattern.len--;
        rc.options = NGX_REGEX_CASELESS;
    }

    if (pattern.len == 0) {
        ngx_clientcert_value_note(rd, "the regular expression is empty");
        return NGX_ERROR;
    }

    /* alone, so that an error has it as it was written */

    rc.pattern = pattern;

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_clientcert_value_note(rd, "%V", &rc.err);
        return NGX_ERROR;
    }

    rc.pattern.len = sizeof(NGX_CLIENTCERT_REGEX_LIMIT) - 1 + pattern.len;
    rc.pattern.data = ngx_pnalloc(rd->pool, rc.pattern.len + 1);
    if (rc.pattern.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(rc.pattern.data, NGX_CLIENTCERT_REGEX_LIMIT "%V%Z",
                       &pattern);

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_clientcert_value_note(rd, "%V", &rc.err);
        return NGX_ERROR;
    }

    cond->regex = rc.regex;

    return NGX_OK;

#else

    ngx_clientcert_value_note(rd, "regular expressions need PCRE");

    return NGX_ERROR;

#endif
}


ngx_int_t
ngx_clientcert_value_thumbprint(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    ngx_clientcert_thumbprint_t  *tp;

    tp = ngx_clientcert_value_digest(rd, text);
    if (tp == NULL) {
        return NGX_ERROR;
    }

    if (tp->key) {
        ngx_clientcert_value_note(rd, "it is the digest of a key, which "
                                  "\"spki=\" takes");
        return NGX_ERROR;
    }

    cond->value = tp;

    return ngx_clientcert_value_id(rd, cond, tp->digest, tp->len);
}


ngx_int_t
ngx_clientcert_value_spki(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    ngx_clientcert_thumbprint_t  *tp;

    tp = ngx_clientcert_value_digest(rd, text);
    if (tp == NULL) {
        return NGX_ERROR;
    }

    if (tp->certificate) {
        ngx_clientcert_value_note(rd, "it is the digest of a certificate, "
                                  "which \"thumbprint=\" takes");
        return NGX_ERROR;
    }

    if (tp->len != NGX_CLIENTCERT_SHA256_LEN) {
        ngx_clientcert_value_note(rd, "it is SHA-1, but the digest of a key "
                                  "is SHA-256, 64 hexadecimal digits or 43 "
                                  "characters of base64");
        return NGX_ERROR;
    }

    cond->value = tp;

    return ngx_clientcert_value_id(rd, cond, tp->digest, tp->len);
}


static ngx_clientcert_thumbprint_t *
ngx_clientcert_value_digest(ngx_clientcert_reading_t *rd, ngx_str_t *text)
{
    u_char                             *end;
    ngx_clientcert_thumbprint_t        *tp;
    ngx_clientcert_thumbprint_error_t   err;
    u_char                              buf[NGX_CLIENTCERT_THUMBPRINT_TEXT];

    tp = ngx_palloc(rd->pool, sizeof(ngx_clientcert_thumbprint_t));
    if (tp == NULL) {
        return NULL;
    }

    if (ngx_clientcert_thumbprint_read(text->data, text->len, tp, &err)
        != NGX_OK)
    {
        end = ngx_clientcert_thumbprint_strerror(buf, &err);
        ngx_clientcert_value_note(rd, "%*s", (size_t) (end - buf), buf);
        return NULL;
    }

    if (tp->dropped) {
        end = ngx_clientcert_thumbprint_decorations(buf, tp->dropped);
        ngx_clientcert_value_note(rd, "is read without %*s",
                                  (size_t) (end - buf), buf);
    }

    return tp;
}


ngx_int_t
ngx_clientcert_value_store(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    ngx_clientcert_store_t  *st;

    if (text->len == 0) {
        ngx_clientcert_value_note(rd, "the name is empty");
        return NGX_ERROR;
    }

    st = ngx_clientcert_store_get(rd->cf, rd->stores, text);
    if (st == NULL) {
        return NGX_ERROR;
    }

    st->used = 1;

    if (cond->deny) {
        st->denies = 1;
    }

    cond->value = st;

    return ngx_clientcert_value_id(rd, cond, text->data, text->len);
}


ngx_int_t
ngx_clientcert_value_serial(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    u_char                   *last;
    ngx_clientcert_serial_t  *serial;
    u_char                    err[NGX_CLIENTCERT_SERIAL_TEXT];

    serial = ngx_palloc(rd->pool, sizeof(ngx_clientcert_serial_t));
    if (serial == NULL) {
        return NGX_ERROR;
    }

    cond->value = serial;

    if (ngx_clientcert_serial_read(rd->pool, text, serial, err, &last)
        != NGX_OK)
    {
        ngx_clientcert_value_note(rd, "%*s", (size_t) (last - err), err);
        return NGX_ERROR;
    }

    if (rd->cf && ngx_clientcert_value_doubt(rd, cond, text) != NGX_OK) {
        return NGX_ERROR;
    }

    /* the sign is part of what it is known by */

    serial->bytes.data[-1] = serial->negative ? '-' : '+';

    return ngx_clientcert_value_id(rd, cond, serial->bytes.data - 1,
                                   serial->bytes.len + 1);
}


/* most tools print serial numbers in hexadecimal, some in decimal */

static ngx_int_t
ngx_clientcert_value_doubt(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    ngx_int_t                 rc;
    ngx_str_t                 hex;
    ngx_clientcert_serial_t  *serial = cond->value;

    rc = ngx_clientcert_serial_decimal(rd->pool, text, &hex);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK && text->len >= NGX_CLIENTCERT_DECIMAL_LEN) {
        ngx_clientcert_value_note(rd, "looks decimal, but is read as "
                                  "hexadecimal: write \"%V\" if it is "
                                  "decimal, or else \"0x%V\"", &hex, text);

    } else if (rc == NGX_OK && cond->deny) {
        ngx_clientcert_value_note(rd, "is read as hexadecimal: write \"%V\" "
                                  "if it is decimal, or else \"0x%V\"",
                                  &hex, text);

    } else if (serial->bytes.len > NGX_CLIENTCERT_SERIAL_LEN) {
        ngx_clientcert_value_note(rd, "has %uz bytes, but RFC 5280 allows %d",
                                  serial->bytes.len,
                                  NGX_CLIENTCERT_SERIAL_LEN);
    }

    return NGX_OK;
}


ngx_int_t
ngx_clientcert_value_dn(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    u_char               *last;
    ngx_int_t             rc;
    ngx_clientcert_dn_t  *dn;
    u_char                err[NGX_CLIENTCERT_DN_TEXT];

    dn = ngx_palloc(rd->pool, sizeof(ngx_clientcert_dn_t));
    if (dn == NULL) {
        return NGX_ERROR;
    }

    cond->value = dn;

    rc = ngx_clientcert_dn_read(rd->pool, text, dn, err, &last);

    ngx_clientcert_value_note(rd, "%*s", (size_t) (last - err), err);

    if (rc != NGX_OK || rd->cf == NULL) {
        return rc;
    }

    if (last == err && strpbrk((char *) text->data, "*|")) {
        ngx_clientcert_value_note(rd, "is read with \"*\" and \"|\" as they "
                                  "stand: \"%V.CN=~...\" makes a pattern, "
                                  "\"\\2A\" and \"\\7C\" are for the "
                                  "characters", &cond->key->name);
    }

    return ngx_clientcert_dn_id(rd->pool, dn, &cond->id);
}


/* at a request cond->value is the template that the configuration left */

ngx_int_t
ngx_clientcert_value_name(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    ngx_str_t                  value, plain;
    const char                *err;
    ngx_clientcert_pattern_t  *pt, *template;

    template = cond->value;

    pt = ngx_palloc(rd->pool, sizeof(ngx_clientcert_pattern_t));
    value.data = ngx_pstrdup(rd->pool, text);
    value.len = text->len;

    if (pt == NULL || value.data == NULL) {
        return NGX_ERROR;
    }

    cond->value = pt;
    pt->type = cond->type;
    plain = value;

    if (rd->cf) {

        if (ngx_clientcert_value_pattern(rd, cond, pt, &plain) != NGX_OK) {
            return NGX_ERROR;
        }

    } else {
        pt->wildcard = template->wildcard;

        if (pt->type == NGX_CLIENTCERT_IP
            && ngx_strlchr(value.data, value.data + value.len, '/'))
        {
            ngx_clientcert_value_note(rd, "a block of addresses takes no "
                                      "variables");
            return NGX_ERROR;
        }
    }

    if (pt->type == NGX_CLIENTCERT_EXTENSION_DER
        && ngx_clientcert_value_octets(rd, &plain) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_clientcert_pattern_read(pt, &plain, &err) != NGX_OK) {
        ngx_clientcert_value_note(rd, "%s", err);
        return NGX_ERROR;
    }

    if (err) {
        ngx_clientcert_value_note(rd, "%s", err);
    }

    /* of these a "*" is cut off, or there is no text */

    if (pt->type != NGX_CLIENTCERT_DNS && pt->type != NGX_CLIENTCERT_URI
        && pt->type != NGX_CLIENTCERT_IP)
    {
        value = pt->text;
    }

    return ngx_clientcert_value_id(rd, cond, value.data, value.len);
}


/* in place, with ":" between bytes or not */

static ngx_int_t
ngx_clientcert_value_octets(ngx_clientcert_reading_t *rd, ngx_str_t *text)
{
    u_char     *p, *dst, *last;
    ngx_int_t   octet;

    dst = text->data;
    last = text->data + text->len;

    for (p = text->data; p < last; p += 2) {

        if (*p == ':' && p > text->data && p + 1 < last) {
            p++;
        }

        octet = (last - p < 2) ? NGX_ERROR : ngx_hextoi(p, 2);

        if (octet == NGX_ERROR) {
            ngx_clientcert_value_note(rd, "behind \"hex:\" are bytes of two "
                                      "hexadecimal digits");
            return NGX_ERROR;
        }

        *dst++ = (u_char) octet;
    }

    text->len = dst - text->data;

    return NGX_OK;
}


ngx_int_t
ngx_clientcert_value_pattern(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_clientcert_pattern_t *pt,
    ngx_str_t *text)
{
    ngx_str_t  regex;

    if (ngx_clientcert_pattern_wildcard(pt, text) == NGX_OK) {

        if (ngx_clientcert_value_is_escaped(&rd->value)) {
            ngx_clientcert_value_note(rd, "is read with \"\\\" as it stands: "
                                      "if that escapes something, write what "
                                      "it stands for");
        }

        return NGX_OK;
    }

    if (!(cond->key->flags & NGX_CLIENTCERT_KEY_REGEX)
        || ngx_strlchr(rd->value.data, rd->value.data + rd->value.len, '$'))
    {
        ngx_clientcert_value_note(rd, "\"*\" and \"|\" make no pattern here, "
                                  "write \"\\*\" and \"\\|\" for the "
                                  "characters");
        return NGX_ERROR;
    }

    if (ngx_clientcert_value_meant(rd, &regex) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_clientcert_value_note(rd, "\"*\" and \"|\" make no pattern here, "
                              "write \"%V=%V\" for one, or \"\\*\" and "
                              "\"\\|\" for the characters",
                              &cond->name, &regex);

    return NGX_ERROR;
}


/* as logs and names print a byte, or a character that is one of theirs */

static ngx_uint_t
ngx_clientcert_value_is_escaped(ngx_str_t *text)
{
    u_char  *p, *last;

    last = text->data + text->len;

    for (p = text->data; p < last; p++) {

        if (*p != '\\') {
            continue;
        }

        if (last - p > 1 && strchr(",+\"<>;#=", p[1])) {
            return 1;
        }

        if (ngx_clientcert_text_escaped(p, last) != NGX_ERROR) {
            return 1;
        }

        /* no character beyond ASCII has less than two */

        if (last - p > 5 && p[3] == '\\'
            && ngx_hextoi(p + 1, 2) != NGX_ERROR
            && ngx_hextoi(p + 4, 2) != NGX_ERROR)
        {
            return 1;
        }
    }

    return 0;
}


/* the regular expression that a value with "*" or "|" may be meant as */

static ngx_int_t
ngx_clientcert_value_meant(ngx_clientcert_reading_t *rd, ngx_str_t *regex)
{
    u_char      *p, *dst, *last;
    ngx_uint_t   several;

    regex->data = ngx_pnalloc(rd->pool, sizeof("~*^()$") + rd->value.len * 4);
    if (regex->data == NULL) {
        return NGX_ERROR;
    }

    p = rd->value.data;
    last = p + rd->value.len;
    several = (ngx_strlchr(p, last, '|') != NULL);
    dst = ngx_sprintf(regex->data, several ? "~*^(" : "~*^");

    for ( /* void */ ; p < last; p++) {

        if (*p == '*') {
            *dst++ = '.';

        } else if (*p == '\\' && p + 1 < last && (p[1] == '*' || p[1] == '|'))
        {
            *dst++ = *p++;

        } else if (*p == '\\') {

            /* of two nginx would take one away */

            dst = ngx_cpymem(dst, "\\x5C", 4);
            continue;

        } else if (strchr(".+?()[]{}^", *p)) {
            *dst++ = '\\';
        }

        *dst++ = *p;
    }

    dst = ngx_sprintf(dst, several ? ")$" : "$");

    regex->len = dst - regex->data;

    return NGX_OK;
}


ngx_int_t
ngx_clientcert_value_oid(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    ngx_int_t   rc;
    ngx_str_t  *oid;

    oid = ngx_palloc(rd->pool, sizeof(ngx_str_t));
    if (oid == NULL) {
        return NGX_ERROR;
    }

    cond->value = oid;

    rc = ngx_clientcert_oid_read(rd->pool, text, 0, oid);

    if (rc == NGX_DECLINED) {
        ngx_clientcert_value_note(rd, "it is neither an object identifier "
                                  "nor a name that OpenSSL knows");
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_clientcert_value_id(rd, cond, oid->data, oid->len);
}


ngx_int_t
ngx_clientcert_value_ca(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    const char           *err;
    ngx_clientcert_ca_t  *ca;

    ca = ngx_clientcert_ca_read(rd->cf, rd->cas, text, &err);

    if (ca == NULL) {
        if (err) {
            ngx_clientcert_value_note(rd, "%s", err);
        }

        return NGX_ERROR;
    }

    cond->value = ca;

    return ngx_clientcert_value_id(rd, cond, ca->file.data, ca->file.len);
}


/* what tells conditions apart matters only in the configuration */

ngx_int_t
ngx_clientcert_value_id(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, void *data, size_t len)
{
    if (rd->cf == NULL) {
        return NGX_OK;
    }

    cond->id.data = ngx_pnalloc(rd->pool, len + 1);
    if (cond->id.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(cond->id.data, data, len);
    cond->id.len = len;

    return NGX_OK;
}


void
ngx_clientcert_value_note(ngx_clientcert_reading_t *rd, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    rd->last = ngx_vslprintf(rd->text,
                             rd->text + NGX_CLIENTCERT_CONDITION_TEXT,
                             fmt, args);
    va_end(args);
}
