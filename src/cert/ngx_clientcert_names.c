
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_names.h"
#include "ngx_clientcert_error.h"
#include <openssl/err.h>


#define NGX_CLIENTCERT_OID_LEN  128


static void ngx_clientcert_names_free(void *data);
static ngx_int_t ngx_clientcert_names_read_subject(ngx_pool_t *pool,
    ngx_clientcert_names_t *names, const X509_NAME *subject);
static ngx_int_t ngx_clientcert_names_read_sans(ngx_pool_t *pool,
    ngx_clientcert_names_t *names, GENERAL_NAMES *sans);
static ngx_int_t ngx_clientcert_names_read_san(ngx_pool_t *pool,
    ngx_clientcert_names_t *names, GENERAL_NAME *san);
static ngx_clientcert_name_t *ngx_clientcert_names_push(
    ngx_clientcert_names_t *names, ngx_clientcert_name_e type);
static ngx_int_t ngx_clientcert_names_copy(ngx_pool_t *pool,
    ngx_str_t *dst, const u_char *data, int len);
static ngx_int_t ngx_clientcert_names_text(u_char **utf8,
    const ASN1_STRING *value);
static ngx_uint_t ngx_clientcert_names_ascii(ngx_str_t *text);
static void *ngx_clientcert_names_extension(X509 *cert, int nid,
    ngx_uint_t *unreadable, ngx_int_t *rc);
static const X509_NAME *ngx_clientcert_names_sound(const X509_NAME *name,
    X509_NAME **copy, ngx_int_t *rc);
static X509_NAME *ngx_clientcert_names_utf8(const X509_NAME *name);
static ngx_int_t ngx_clientcert_names_add(X509_NAME *name,
    const X509_NAME_ENTRY *entry, ngx_uint_t more);
static ngx_int_t ngx_clientcert_names_read_serial(ngx_pool_t *pool,
    ngx_clientcert_names_t *names, X509 *cert);
static void ngx_clientcert_oid_free(void *data);


ngx_clientcert_names_t *
ngx_clientcert_names_read(ngx_pool_t *pool, X509 *cert)
{
    ngx_int_t                rc;
    const X509_NAME         *subject;
    ngx_uint_t               n, bad;
    GENERAL_NAMES           *sans;
    ngx_pool_cleanup_t      *cln;
    ngx_clientcert_names_t  *names;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_clientcert_names_t));
    if (cln == NULL) {
        return NULL;
    }

    names = cln->data;
    ngx_memzero(names, sizeof(ngx_clientcert_names_t));
    cln->handler = ngx_clientcert_names_free;

    rc = NGX_OK;
    ERR_clear_error();

    names->eku = ngx_clientcert_names_extension(cert, NID_ext_key_usage,
                                                &bad, &rc);
    names->eku_unreadable = bad;

    names->policies = ngx_clientcert_names_extension(cert,
                                     NID_certificate_policies, &bad, &rc);
    names->policies_unreadable = bad;

    sans = ngx_clientcert_names_extension(cert, NID_subject_alt_name, &bad,
                                          &rc);

    for (n = NGX_CLIENTCERT_DNS; n < NGX_CLIENTCERT_NAME_TYPES; n++) {
        names->unreadable[n] = bad;
    }

    subject = X509_get_subject_name(cert);

    names->subject = ngx_clientcert_names_sound(subject, &names->copies[0],
                                                &rc);
    names->issuer = ngx_clientcert_names_sound(X509_get_issuer_name(cert),
                                               &names->copies[1], &rc);

    n = X509_NAME_entry_count(subject)
        + (sans ? sk_GENERAL_NAME_num(sans) : 0);

    names->elts = ngx_pcalloc(pool, (n + 1) * sizeof(ngx_clientcert_name_t));

    if (rc == NGX_OK
        && (names->elts == NULL
            || ngx_clientcert_names_read_subject(pool, names, subject)
               != NGX_OK
            || ngx_clientcert_names_read_sans(pool, names, sans) != NGX_OK
            || ngx_clientcert_names_read_serial(pool, names, cert)
               != NGX_OK))
    {
        rc = NGX_ERROR;
    }

    GENERAL_NAMES_free(sans);

    return rc == NGX_OK ? names : NULL;
}


/*
 * Returns NULL if there is no such extension, if it is unreadable, or without
 * memory: then *rc becomes NGX_ERROR (X509_get_ext_d2i(3)).
 */

static void *
ngx_clientcert_names_extension(X509 *cert, int nid, ngx_uint_t *unreadable,
    ngx_int_t *rc)
{
    int    crit;
    void  *ext;

    ext = X509_get_ext_d2i(cert, nid, &crit, NULL);

    *unreadable = (ext == NULL && crit != -1);

    /* -2: there are several */

    if (ext == NULL && crit >= 0 && ngx_clientcert_error_memory()) {
        *rc = NGX_ERROR;
    }

    ERR_clear_error();

    return ext;
}


static void
ngx_clientcert_names_free(void *data)
{
    ngx_clientcert_names_t  *names = data;

    EXTENDED_KEY_USAGE_free(names->eku);
    CERTIFICATEPOLICIES_free(names->policies);
    X509_NAME_free(names->copies[0]);
    X509_NAME_free(names->copies[1]);
}


static ngx_int_t
ngx_clientcert_names_read_subject(ngx_pool_t *pool,
    ngx_clientcert_names_t *names, const X509_NAME *subject)
{
    int                      i;
    u_char                  *utf8;
    ngx_int_t                rc, len;
    const X509_NAME_ENTRY   *entry;
    ngx_clientcert_name_e    type;
    ngx_clientcert_name_t   *name;

    for (i = 0; i < X509_NAME_entry_count(subject); i++) {
        entry = X509_NAME_get_entry(subject, i);

        switch (OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry))) {

        case NID_commonName:
            type = NGX_CLIENTCERT_CN;
            break;

        case NID_organizationName:
            type = NGX_CLIENTCERT_O;
            break;

        case NID_organizationalUnitName:
            type = NGX_CLIENTCERT_OU;
            break;

        default:
            continue;
        }

        name = ngx_clientcert_names_push(names, type);

        len = ngx_clientcert_names_text(&utf8,
                                        X509_NAME_ENTRY_get_data(entry));
        if (len == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (len == NGX_DECLINED) {
            name->bad = 1;
            names->unreadable[type] = 1;
            continue;
        }

        rc = ngx_clientcert_names_copy(pool, &name->value, utf8, len);

        OPENSSL_free(utf8);

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_clientcert_pattern_control(&name->value)) {
            name->bad = 1;
            names->unreadable[type] = 1;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_names_read_sans(ngx_pool_t *pool,
    ngx_clientcert_names_t *names, GENERAL_NAMES *sans)
{
    int  i;

    for (i = 0; sans && i < sk_GENERAL_NAME_num(sans); i++) {
        if (ngx_clientcert_names_read_san(pool, names,
                                          sk_GENERAL_NAME_value(sans, i))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_names_read_san(ngx_pool_t *pool, ngx_clientcert_names_t *names,
    GENERAL_NAME *san)
{
    int                      kind;
    const ASN1_STRING       *value;
    ngx_clientcert_name_e    type;
    ngx_clientcert_name_t   *name;

    value = GENERAL_NAME_get0_value(san, &kind);

    switch (kind) {

    case GEN_DNS:
        type = NGX_CLIENTCERT_DNS;
        break;

    case GEN_URI:
        type = NGX_CLIENTCERT_URI;
        break;

    case GEN_EMAIL:
        type = NGX_CLIENTCERT_EMAIL;
        break;

    case GEN_IPADD:
        type = NGX_CLIENTCERT_IP;
        break;

    default:
        return NGX_OK;
    }

    name = ngx_clientcert_names_push(names, type);

    if (ngx_clientcert_names_copy(pool, &name->value,
                                  ASN1_STRING_get0_data(value),
                                  ASN1_STRING_length(value))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    name->bad = (type == NGX_CLIENTCERT_IP)
                ? (name->value.len != 4 && name->value.len != 16)
                : !ngx_clientcert_names_ascii(&name->value);

    if (name->bad) {
        names->unreadable[type] = 1;
    }

    return NGX_OK;
}


/* elts has room for all */

static ngx_clientcert_name_t *
ngx_clientcert_names_push(ngx_clientcert_names_t *names,
    ngx_clientcert_name_e type)
{
    ngx_clientcert_name_t  *name;

    name = &names->elts[names->nelts++];

    name->type = type;
    names->n[type]++;

    return name;
}


static ngx_int_t
ngx_clientcert_names_copy(ngx_pool_t *pool, ngx_str_t *dst,
    const u_char *data, int len)
{
    dst->data = ngx_pnalloc(pool, len + 1);
    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(dst->data, data, len);
    dst->len = len;

    return NGX_OK;
}


/*
 * Returns the length, NGX_DECLINED if the value is no text or not such as its
 * type asks for, or NGX_ERROR without memory (ASN1_STRING_to_UTF8(3), which
 * leaves no error behind where the type is no string).
 */

static ngx_int_t
ngx_clientcert_names_text(u_char **utf8, const ASN1_STRING *value)
{
    int  len;

    if (!(ASN1_tag2bit(ASN1_STRING_type(value))
          & (B_ASN1_DIRECTORYSTRING|B_ASN1_IA5STRING|B_ASN1_NUMERICSTRING
             |B_ASN1_VISIBLESTRING)))
    {
        return NGX_DECLINED;
    }

    len = ASN1_STRING_to_UTF8(utf8, value);

    if (len < 0) {
        return ngx_clientcert_error_memory() ? NGX_ERROR : NGX_DECLINED;
    }

    return len;
}


/* an IA5String may hold any bytes */

static ngx_uint_t
ngx_clientcert_names_ascii(ngx_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < 0x20 || text->data[i] > 0x7e) {
            return 0;
        }
    }

    return text->len > 0;
}


/*
 * Returns NULL if there is a control character in the name, or without memory:
 * then *rc becomes NGX_ERROR.  The result is *copy where OpenSSL wouldn't
 * compare all strings by what they say.
 */

static const X509_NAME *
ngx_clientcert_names_sound(const X509_NAME *name, X509_NAME **copy,
    ngx_int_t *rc)
{
    int                 i;
    u_char             *utf8;
    ngx_int_t           len;
    ngx_str_t           text;
    ngx_uint_t          bad, numeric;
    const ASN1_STRING  *value;

    numeric = 0;

    for (i = 0; i < X509_NAME_entry_count(name); i++) {
        value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));

        len = ngx_clientcert_names_text(&utf8, value);

        if (len < 0) {

            if (len == NGX_ERROR) {
                *rc = NGX_ERROR;
            }

            return NULL;
        }

        text.data = utf8;
        text.len = len;
        bad = ngx_clientcert_pattern_control(&text);

        OPENSSL_free(utf8);

        if (bad) {
            return NULL;
        }

        if (ASN1_STRING_type(value) == V_ASN1_NUMERICSTRING) {
            numeric = 1;
        }
    }

    if (!numeric) {
        return name;
    }

    *copy = ngx_clientcert_names_utf8(name);

    if (*copy == NULL) {
        *rc = NGX_ERROR;
    }

    return *copy;
}


/* the same name of UTF8Strings, or NULL without memory */

static X509_NAME *
ngx_clientcert_names_utf8(const X509_NAME *name)
{
    int                     i, set, last;
    X509_NAME              *copy;
    const X509_NAME_ENTRY  *entry;

    copy = X509_NAME_new();
    if (copy == NULL) {
        return NULL;
    }

    last = -1;

    for (i = 0; i < X509_NAME_entry_count(name); i++) {
        entry = X509_NAME_get_entry(name, i);
        set = X509_NAME_ENTRY_set(entry);

        if (ngx_clientcert_names_add(copy, entry, set == last) != NGX_OK) {
            goto failed;
        }

        last = set;
    }

    /* now, since a comparison could not tell that there is no memory for it */

    if (i2d_X509_NAME(copy, NULL) >= 0) {
        return copy;
    }

failed:

    X509_NAME_free(copy);
    ERR_clear_error();

    return NULL;
}


/* more: it is of the same part of the name as the one before */

static ngx_int_t
ngx_clientcert_names_add(X509_NAME *name, const X509_NAME_ENTRY *entry,
    ngx_uint_t more)
{
    int        rc;
    u_char    *utf8;
    ngx_int_t  len;

    len = ngx_clientcert_names_text(&utf8, X509_NAME_ENTRY_get_data(entry));
    if (len < 0) {
        return NGX_ERROR;
    }

    rc = X509_NAME_add_entry_by_OBJ(name, X509_NAME_ENTRY_get_object(entry),
                                    V_ASN1_UTF8STRING, utf8, len,
                                    -1, more ? -1 : 0);
    OPENSSL_free(utf8);

    return rc ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_clientcert_names_read_serial(ngx_pool_t *pool,
    ngx_clientcert_names_t *names, X509 *cert)
{
    const ASN1_INTEGER  *serial;

    serial = X509_get0_serialNumber(cert);

    names->negative = (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER);

    if (ngx_clientcert_names_copy(pool, &names->serial,
                                  ASN1_STRING_get0_data(serial),
                                  ASN1_STRING_length(serial))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    while (names->serial.len && names->serial.data[0] == 0) {
        names->serial.data++;
        names->serial.len--;
    }

    return NGX_OK;
}


ASN1_OBJECT *
ngx_clientcert_names_oid(ngx_pool_t *pool, ngx_str_t *text)
{
    ASN1_OBJECT         *oid;
    ngx_pool_cleanup_t  *cln;
    char                 name[NGX_CLIENTCERT_OID_LEN];
    char                 canonical[NGX_CLIENTCERT_OID_LEN];

    if (text->len == 0 || text->len >= NGX_CLIENTCERT_OID_LEN
        || ngx_clientcert_pattern_control(text))
    {
        return NULL;
    }

    (void) ngx_cpystrn((u_char *) name, text->data, text->len + 1);

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    oid = OBJ_txt2obj(name, 0);

    if (oid && OBJ_length(oid) == 0) {
        oid = NULL;
    }

    /* OpenSSL reads "1.2..3" as well */

    if (oid && name[0] >= '0' && name[0] <= '9'
        && (OBJ_obj2txt(canonical, NGX_CLIENTCERT_OID_LEN, oid, 1) < 0
            || ngx_strcmp(canonical, name) != 0))
    {
        ASN1_OBJECT_free(oid);
        oid = NULL;
    }

    if (oid) {
        cln->handler = ngx_clientcert_oid_free;
        cln->data = oid;
    }

    ERR_clear_error();

    return oid;
}


static void
ngx_clientcert_oid_free(void *data)
{
    ASN1_OBJECT_free(data);
}


ngx_uint_t
ngx_clientcert_names_eku(ngx_clientcert_names_t *names, ASN1_OBJECT *oid)
{
    int  i;

    for (i = 0; names->eku && i < sk_ASN1_OBJECT_num(names->eku); i++) {
        if (OBJ_cmp(sk_ASN1_OBJECT_value(names->eku, i), oid) == 0) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_clientcert_names_policy(ngx_clientcert_names_t *names, ASN1_OBJECT *oid)
{
    int          i;
    POLICYINFO  *info;

    for (i = 0; names->policies && i < sk_POLICYINFO_num(names->policies);
         i++)
    {
        info = sk_POLICYINFO_value(names->policies, i);

        if (OBJ_cmp(info->policyid, oid) == 0) {
            return 1;
        }
    }

    return 0;
}
