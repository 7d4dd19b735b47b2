
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_dn.h"
#include "ngx_clientcert_names.h"
#include "ngx_clientcert_oid.h"
#include "ngx_clientcert_text.h"
#include <openssl/err.h>


#define NGX_CLIENTCERT_DN_PARTS  64


typedef struct {
    ngx_pool_t           *pool;
    ngx_clientcert_dn_t  *dn;

    u_char               *p;
    u_char               *last;

    u_char               *err;
    u_char               *err_last;

    /* as it is written, and its parts the other way round */
    X509_NAME            *name;
    X509_NAME            *reversed;

    ngx_uint_t            parts;
    ngx_uint_t            more;         /* of the current part, after "+" */

    ngx_uint_t            rfc4514;      /* a "/" is a character */
    ngx_uint_t            plain;        /* so is a "\" */
    u_char               *byte;         /* one that looks like an escape */
} ngx_clientcert_dn_reader_t;


static ngx_int_t ngx_clientcert_dn_read_name(ngx_clientcert_dn_reader_t *rd,
    ngx_uint_t reversed);
static X509_NAME *ngx_clientcert_dn_create(ngx_pool_t *pool);
static void ngx_clientcert_dn_free(void *data);
static ngx_int_t ngx_clientcert_dn_want(ngx_clientcert_dn_t *dn,
    X509_NAME *name);
static ngx_int_t ngx_clientcert_dn_read_parts(ngx_clientcert_dn_reader_t *rd);
static ngx_int_t ngx_clientcert_dn_read_attribute(
    ngx_clientcert_dn_reader_t *rd);
static ngx_int_t ngx_clientcert_dn_read_type(ngx_clientcert_dn_reader_t *rd,
    ASN1_OBJECT **type);
static ngx_int_t ngx_clientcert_dn_read_value(ngx_clientcert_dn_reader_t *rd,
    ngx_str_t *value);
static ngx_int_t ngx_clientcert_dn_read_text(ngx_clientcert_dn_reader_t *rd,
    ngx_str_t *value);
static ngx_int_t ngx_clientcert_dn_read_quoted(ngx_clientcert_dn_reader_t *rd,
    ngx_str_t *value);
static ngx_int_t ngx_clientcert_dn_read_escape(ngx_clientcert_dn_reader_t *rd,
    u_char *ch);
static ngx_int_t ngx_clientcert_dn_read_hex(ngx_clientcert_dn_reader_t *rd,
    ngx_str_t *value);
static ngx_int_t ngx_clientcert_dn_decode(ngx_clientcert_dn_reader_t *rd,
    ngx_str_t *value);
static ngx_int_t ngx_clientcert_dn_check(ngx_clientcert_dn_reader_t *rd,
    ngx_str_t *value);
static ngx_int_t ngx_clientcert_dn_add(ngx_clientcert_dn_reader_t *rd,
    ASN1_OBJECT *type, ngx_str_t *value);
static ngx_int_t ngx_clientcert_dn_read_slashes(
    ngx_clientcert_dn_reader_t *rd);
static ngx_uint_t ngx_clientcert_dn_is_part(u_char *p, u_char *last);
static ngx_int_t ngx_clientcert_dn_check_slash(
    ngx_clientcert_dn_reader_t *rd);
static void ngx_clientcert_dn_skip_blanks(ngx_clientcert_dn_reader_t *rd);
static ngx_int_t ngx_clientcert_dn_error(ngx_clientcert_dn_reader_t *rd,
    const char *fmt, ...);
static int ngx_libc_cdecl ngx_clientcert_dn_cmp(const void *one,
    const void *two);


ngx_int_t
ngx_clientcert_dn_read(ngx_pool_t *pool, ngx_str_t *text,
    ngx_clientcert_dn_t *dn, u_char *err, u_char **last)
{
    ngx_int_t                    rc;
    ngx_clientcert_dn_reader_t   rd, plain;
    u_char                       plain_err[NGX_CLIENTCERT_DN_TEXT];

    ngx_memzero(dn, sizeof(ngx_clientcert_dn_t));
    ngx_memzero(&rd, sizeof(ngx_clientcert_dn_reader_t));

    rd.pool = pool;
    rd.dn = dn;
    rd.p = text->data;
    rd.last = text->data + text->len;
    rd.err = err;
    rd.err_last = err;

    rd.rfc4514 = (text->len > 8
                  && ngx_strncasecmp(rd.p, (u_char *) "rfc4514:", 8) == 0);

    if (rd.rfc4514) {
        rd.p += 8;
    }

    plain = rd;
    plain.err = plain_err;
    plain.err_last = plain_err;
    plain.plain = 1;

    rc = ngx_clientcert_dn_read_name(&rd, !rd.rfc4514);

    *last = rd.err_last;

    if (rd.rfc4514
        || (rc != NGX_OK && *last == err)
        || ngx_strlchr(text->data, rd.last, '\\') == NULL)
    {
        return rc;
    }

    /* Windows and .NET escape none */

    if (ngx_clientcert_dn_read_name(&plain, 1) != NGX_OK) {

        if (plain.err_last == plain_err) {
            *last = err;
            return NGX_ERROR;
        }

        return rc;
    }

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    rd.err_last = err;

    if (plain.byte) {
        (void) ngx_clientcert_dn_error(&rd, "is read with \"%*s\" as it "
                                       "stands, not as a byte: write "
                                       "\"\\\\\\%*s\" in nginx.conf to say "
                                       "so", (size_t) 3, plain.byte,
                                       (size_t) 3, plain.byte);
    }

    *last = rd.err_last;

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_dn_read_name(ngx_clientcert_dn_reader_t *rd,
    ngx_uint_t reversed)
{
    ngx_int_t  rc;

    rd->name = ngx_clientcert_dn_create(rd->pool);
    rd->reversed = ngx_clientcert_dn_create(rd->pool);

    if (rd->name == NULL || rd->reversed == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_clientcert_dn_read_parts(rd);

    if (rc == NGX_OK) {
        rc = ngx_clientcert_dn_want(rd->dn, rd->name);
    }

    if (rc == NGX_OK && reversed) {
        rc = ngx_clientcert_dn_want(rd->dn, rd->reversed);
    }

    ERR_clear_error();

    return rc;
}


static X509_NAME *
ngx_clientcert_dn_create(ngx_pool_t *pool)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->data = X509_NAME_new();
    cln->handler = ngx_clientcert_dn_free;

    return cln->data;
}


static void
ngx_clientcert_dn_free(void *data)
{
    X509_NAME_free(data);
}


static ngx_int_t
ngx_clientcert_dn_want(ngx_clientcert_dn_t *dn, X509_NAME *name)
{
    /* now, since a comparison could not tell that there is no memory for it */

    if (i2d_X509_NAME(name, NULL) < 0) {
        return NGX_ERROR;
    }

    if (!ngx_clientcert_dn_match(dn, name)) {
        dn->names[dn->n++] = name;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_dn_read_parts(ngx_clientcert_dn_reader_t *rd)
{
    ngx_clientcert_dn_skip_blanks(rd);

    if (rd->p < rd->last && *rd->p == '/') {
        return ngx_clientcert_dn_read_slashes(rd);
    }

    for ( ;; ) {

        if (!rd->more && ++rd->parts > NGX_CLIENTCERT_DN_PARTS) {
            return ngx_clientcert_dn_error(rd, "it has too many parts");
        }

        if (ngx_clientcert_dn_read_attribute(rd) != NGX_OK) {
            return NGX_ERROR;
        }

        if (rd->p == rd->last) {
            return NGX_OK;
        }

        rd->more = (*rd->p++ == '+');
    }
}


static ngx_int_t
ngx_clientcert_dn_read_attribute(ngx_clientcert_dn_reader_t *rd)
{
    ngx_int_t     rc;
    ngx_str_t     value;
    ASN1_OBJECT  *type;

    if (ngx_clientcert_dn_read_type(rd, &type) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_clientcert_dn_read_value(rd, &value);

    if (rc == NGX_OK) {
        rc = ngx_clientcert_dn_add(rd, type, &value);
    }

    ASN1_OBJECT_free(type);

    return rc;
}


static ngx_int_t
ngx_clientcert_dn_read_type(ngx_clientcert_dn_reader_t *rd,
    ASN1_OBJECT **type)
{
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t   name;

    *type = NULL;

    ngx_clientcert_dn_skip_blanks(rd);

    for (p = rd->p; p < rd->last; p++) {
        if (*p == '=' || *p == ',' || *p == '+') {
            break;
        }
    }

    name.data = rd->p;
    name.len = p - rd->p;

    if (p == rd->last || *p != '=') {
        return ngx_clientcert_dn_error(rd,
                           "\"%V\" is not \"type=value\", and \",\" and "
                           "\"+\" inside of a value are written \"\\,\" and "
                           "\"\\+\"", &name);
    }

    rd->p = p + 1;

    while (name.len && name.data[name.len - 1] == ' ') {
        name.len--;
    }

    rc = ngx_clientcert_oid_object(&name, 1, type);

    if (rc == NGX_DECLINED) {
        return ngx_clientcert_dn_error(rd, "unknown attribute type \"%V\"",
                                       &name);
    }

    return rc;
}


static ngx_int_t
ngx_clientcert_dn_read_value(ngx_clientcert_dn_reader_t *rd, ngx_str_t *value)
{
    ngx_int_t  rc;

    ngx_clientcert_dn_skip_blanks(rd);

    value->data = ngx_pnalloc(rd->pool, rd->last - rd->p + 1);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    value->len = 0;

    if (rd->p < rd->last && *rd->p == '#') {
        rc = ngx_clientcert_dn_read_hex(rd, value);

    } else if (rd->p < rd->last && *rd->p == '"') {
        rc = ngx_clientcert_dn_read_quoted(rd, value);

    } else {
        rc = ngx_clientcert_dn_read_text(rd, value);
    }

    return rc == NGX_OK ? ngx_clientcert_dn_check(rd, value) : rc;
}


static ngx_int_t
ngx_clientcert_dn_read_text(ngx_clientcert_dn_reader_t *rd, ngx_str_t *value)
{
    u_char  ch, *end;

    /* blanks at the end don't count unless they are escaped */

    end = value->data;

    for ( /* void */ ; rd->p < rd->last; rd->p++) {

        ch = *rd->p;

        switch (ch) {

        case ',':
        case '+':
            value->len = end - value->data;
            return NGX_OK;

        case '/':
            if (ngx_clientcert_dn_check_slash(rd) != NGX_OK) {
                return NGX_ERROR;
            }

            value->data[value->len++] = ch;
            end = value->data + value->len;
            break;

        case '"':
        case ';':
        case '<':
        case '>':
            return ngx_clientcert_dn_error(rd, "\"%c\" in a value is written "
                                           "\"\\%c\"", (int) ch, (int) ch);

        case '\\':
            if (ngx_clientcert_dn_read_escape(rd, &ch) != NGX_OK) {
                return NGX_ERROR;
            }

            value->data[value->len++] = ch;
            end = value->data + value->len;
            break;

        default:
            value->data[value->len++] = ch;

            if (ch != ' ') {
                end = value->data + value->len;
            }
        }
    }

    value->len = end - value->data;

    return NGX_OK;
}


/* RFC 2253, section 4; .NET doubles a quote inside */

static ngx_int_t
ngx_clientcert_dn_read_quoted(ngx_clientcert_dn_reader_t *rd,
    ngx_str_t *value)
{
    u_char  ch;

    for (rd->p++; rd->p < rd->last; rd->p++) {

        ch = *rd->p;

        if (ch == '"') {
            rd->p++;

            if (rd->p == rd->last || *rd->p != '"') {
                ngx_clientcert_dn_skip_blanks(rd);

                if (rd->p == rd->last || *rd->p == ',' || *rd->p == '+') {
                    return NGX_OK;
                }

                return ngx_clientcert_dn_error(rd, "\"%c\" follows a quoted "
                                               "value", (int) *rd->p);
            }
        }

        if (ch == '\\' && ngx_clientcert_dn_read_escape(rd, &ch) != NGX_OK) {
            return NGX_ERROR;
        }

        value->data[value->len++] = ch;
    }

    return ngx_clientcert_dn_error(rd, "the end of a quoted value is missing");
}


/* leaves rd->p at the last character of the escape */

static ngx_int_t
ngx_clientcert_dn_read_escape(ngx_clientcert_dn_reader_t *rd, u_char *ch)
{
    ngx_int_t  byte;

    byte = (rd->last - rd->p < 3) ? NGX_ERROR : ngx_hextoi(rd->p + 1, 2);

    if (ngx_clientcert_text_escaped(rd->p, rd->last) != NGX_ERROR) {
        return ngx_clientcert_dn_error(rd, "\"%*s\" is how a log escapes a "
                                       "byte, which must be undone first",
                                       (size_t) 4, rd->p);
    }

    if (rd->plain) {

        if (byte != NGX_ERROR) {
            rd->byte = rd->p;
        }

        return NGX_OK;
    }

    rd->p++;

    if (rd->p == rd->last) {
        return ngx_clientcert_dn_error(rd, "nothing follows the last \"\\\"");
    }

    if (ngx_strchr("\\\"+,;<>#= ", *rd->p) && *rd->p != '\0') {
        *ch = *rd->p;
        return NGX_OK;
    }

    if (byte == NGX_ERROR) {
        return ngx_clientcert_dn_error(rd, "\"\\\" is followed by one of "
                                       "\\ \" + , ; < > # = and blank, or by "
                                       "two hexadecimal digits");
    }

    *ch = (u_char) byte;
    rd->p++;

    return NGX_OK;
}


/* "#" and the BER form of a string in hexadecimal */

static ngx_int_t
ngx_clientcert_dn_read_hex(ngx_clientcert_dn_reader_t *rd, ngx_str_t *value)
{
    ngx_int_t  byte;

    rd->p++;

    for ( /* void */ ; rd->last - rd->p >= 2; rd->p += 2) {

        byte = ngx_hextoi(rd->p, 2);
        if (byte == NGX_ERROR) {
            break;
        }

        value->data[value->len++] = (u_char) byte;
    }

    ngx_clientcert_dn_skip_blanks(rd);

    if (rd->p < rd->last && *rd->p != ',' && *rd->p != '+') {
        return ngx_clientcert_dn_error(rd, "a value that begins with \"#\" is "
                                       "hexadecimal, write \"\\#\" for the "
                                       "character");
    }

    return ngx_clientcert_dn_decode(rd, value);
}


static ngx_int_t
ngx_clientcert_dn_decode(ngx_clientcert_dn_reader_t *rd, ngx_str_t *value)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    rc = ngx_clientcert_names_string(rd->pool, value, &text);

    if (rc == NGX_DECLINED) {
        return ngx_clientcert_dn_error(rd, "a value that begins with \"#\" is "
                                       "not a string in DER");
    }

    *value = text;

    return rc;
}


static ngx_int_t
ngx_clientcert_dn_check(ngx_clientcert_dn_reader_t *rd, ngx_str_t *value)
{
    if (ngx_clientcert_pattern_control(value)) {
        return ngx_clientcert_dn_error(rd, NGX_CLIENTCERT_PATTERN_CONTROL);
    }

    if (ASN1_mbstring_copy(NULL, value->data, value->len, MBSTRING_UTF8,
                           B_ASN1_UTF8STRING)
        < 0)
    {
        return ngx_clientcert_dn_error(rd, "a value is not UTF-8");
    }

    ngx_clientcert_pattern_fold(value);

    if (value->len == 0) {
        return ngx_clientcert_dn_error(rd, "a value is empty");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_dn_add(ngx_clientcert_dn_reader_t *rd, ASN1_OBJECT *type,
    ngx_str_t *value)
{
    /* by the type and not by the length limits that OpenSSL has for it */

    if (X509_NAME_add_entry_by_OBJ(rd->reversed, type, V_ASN1_UTF8STRING,
                                   value->data, value->len,
                                   -1, rd->more ? -1 : 0)
        == 0
        || X509_NAME_add_entry_by_OBJ(rd->name, type, V_ASN1_UTF8STRING,
                                      value->data, value->len,
                                      0, rd->more ? 1 : 0)
           == 0)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Of X509_NAME_oneline(3) it can't be told for certain what is a part and what
 * is in a value, so whoever wrote it has to look.
 */

static ngx_int_t
ngx_clientcert_dn_read_slashes(ngx_clientcert_dn_reader_t *rd)
{
    u_char      *p, *dst, *last;
    ngx_uint_t   escape;

    last = rd->err + NGX_CLIENTCERT_DN_TEXT;
    dst = ngx_slprintf(rd->err, last, "the form with \"/\" is ambiguous, "
                       "write \"");

    for (p = rd->p + 1; p < rd->last; p++) {

        if ((*p == '/' || *p == '+')
            && ngx_clientcert_dn_is_part(p + 1, rd->last))
        {
            dst = ngx_slprintf(dst, last, *p == '/' ? "," : "+");
            continue;
        }

        if (*p == '\\' && rd->last - p > 3 && p[1] == 'x'
            && ngx_hextoi(p + 2, 2) != NGX_ERROR)
        {
            dst = ngx_slprintf(dst, last, "\\%*s", (size_t) 2, p + 2);
            p += 3;
            continue;
        }

        if (*p == '\\' && rd->last - p > 1 && (p[1] == '/' || p[1] == '+')) {
            p++;
        }

        escape = (ngx_strchr("\\\"+,;<>#", *p) != NULL);
        dst = ngx_slprintf(dst, last, escape ? "\\%c" : "%c", (int) *p);
    }

    rd->err_last = ngx_slprintf(dst, last, "\"");

    return NGX_ERROR;
}


static ngx_uint_t
ngx_clientcert_dn_is_part(u_char *p, u_char *last)
{
    u_char  *type;

    for (type = p; p < last; p++) {
        if (!(*p >= '0' && *p <= '9') && *p != '.'
            && !((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z'))
        {
            return *p == '=' && p > type;
        }
    }

    return 0;
}


/* X509_NAME_print(3) leaves "/" before types of more than two letters */

static ngx_int_t
ngx_clientcert_dn_check_slash(ngx_clientcert_dn_reader_t *rd)
{
    ngx_int_t     rc;
    ngx_str_t     name;
    ASN1_OBJECT  *type;

    name.data = rd->p + 1;

    if (rd->rfc4514 || !ngx_clientcert_dn_is_part(name.data, rd->last)) {
        return NGX_OK;
    }

    name.len = ngx_strlchr(name.data, rd->last, '=') - name.data;

    rc = ngx_clientcert_oid_object(&name, 1, &type);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    ASN1_OBJECT_free(type);

    return ngx_clientcert_dn_error(rd, "\"/%V=\" in a value is how another "
                                   "part begins in some tools, write "
                                   "\",%V=\", or \"\\2F\" for the \"/\"",
                                   &name, &name);
}


static void
ngx_clientcert_dn_skip_blanks(ngx_clientcert_dn_reader_t *rd)
{
    while (rd->p < rd->last && *rd->p == ' ') {
        rd->p++;
    }
}


static ngx_int_t
ngx_clientcert_dn_error(ngx_clientcert_dn_reader_t *rd, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    rd->err_last = ngx_vslprintf(rd->err, rd->err + NGX_CLIENTCERT_DN_TEXT,
                                 fmt, args);
    va_end(args);

    return NGX_ERROR;
}


ngx_uint_t
ngx_clientcert_dn_match(ngx_clientcert_dn_t *dn, const X509_NAME *name)
{
    ngx_uint_t  i;

    for (i = 0; i < dn->n; i++) {
        if (X509_NAME_cmp(dn->names[i], name) == 0) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_clientcert_dn_excludes(ngx_clientcert_dn_t *one, ngx_clientcert_dn_t *two)
{
    ngx_uint_t  i;

    for (i = 0; i < two->n; i++) {
        if (ngx_clientcert_dn_match(one, two->names[i])) {
            return 0;
        }
    }

    return 1;
}


ngx_int_t
ngx_clientcert_dn_hash(const X509_NAME *name, uint32_t *hash)
{
    int  ok;

    *hash = (uint32_t) X509_NAME_hash_ex(name, NULL, NULL, &ok);

    ERR_clear_error();

    return ok ? NGX_OK : NGX_ERROR;
}


/* equal names that were read are equal in DER */

ngx_int_t
ngx_clientcert_dn_id(ngx_pool_t *pool, ngx_clientcert_dn_t *dn, ngx_str_t *id)
{
    int                  len;
    u_char              *p;
    ngx_uint_t           i;
    ngx_clientcert_dn_t  sorted;

    sorted = *dn;

    ngx_qsort(sorted.names, sorted.n, sizeof(X509_NAME *),
              ngx_clientcert_dn_cmp);

    id->len = 0;

    for (i = 0; i < sorted.n; i++) {
        len = i2d_X509_NAME(sorted.names[i], NULL);
        if (len < 0) {
            return NGX_ERROR;
        }

        id->len += len;
    }

    id->data = ngx_pnalloc(pool, id->len);
    if (id->data == NULL) {
        return NGX_ERROR;
    }

    p = id->data;

    for (i = 0; i < sorted.n; i++) {
        (void) i2d_X509_NAME(sorted.names[i], &p);
    }

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_clientcert_dn_cmp(const void *one, const void *two)
{
    return X509_NAME_cmp(*(X509_NAME * const *) one,
                         *(X509_NAME * const *) two);
}
