
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_names.h"
#include "ngx_clientcert_error.h"
#include "ngx_clientcert_oid.h"
#include <openssl/err.h>


/* types of strings that text can be made of */
#define NGX_CLIENTCERT_NAMES_STRINGS                                          \
    (B_ASN1_DIRECTORYSTRING|B_ASN1_IA5STRING|B_ASN1_NUMERICSTRING             \
     |B_ASN1_VISIBLESTRING)


/* of an object identifier that is printed */
#define NGX_CLIENTCERT_NAMES_OID  128


static ngx_uint_t ngx_clientcert_names_print_oid(u_char *buf, u_char **last,
    const ASN1_OBJECT *object);
static void *ngx_clientcert_names_extension(X509 *cert, int nid,
    ngx_uint_t *unreadable, ngx_int_t *rc);
static ngx_uint_t ngx_clientcert_names_is_whole(X509 *cert, int nid);
static void ngx_clientcert_names_free(void *data);
static ngx_int_t ngx_clientcert_names_read_dn(ngx_pool_t *pool,
    ngx_clientcert_names_t *names, ngx_clientcert_name_e type,
    const X509_NAME *dn);
static ngx_int_t ngx_clientcert_names_read_extensions(ngx_pool_t *pool,
    ngx_clientcert_names_t *names, X509 *cert);
static ngx_int_t ngx_clientcert_names_read_sans(ngx_pool_t *pool,
    ngx_clientcert_names_t *names, GENERAL_NAMES *sans);
static ngx_int_t ngx_clientcert_names_read_san(ngx_pool_t *pool,
    ngx_clientcert_names_t *names, GENERAL_NAME *san);
static ngx_int_t ngx_clientcert_names_read_other(ngx_pool_t *pool,
    ngx_clientcert_names_t *names, const OTHERNAME *other);
static ngx_clientcert_name_t *ngx_clientcert_names_push(
    ngx_clientcert_names_t *names, ngx_clientcert_name_e type);
static ngx_int_t ngx_clientcert_names_copy(ngx_pool_t *pool,
    ngx_str_t *dst, const u_char *data, int len);
static ngx_int_t ngx_clientcert_names_read_text(ngx_pool_t *pool,
    ngx_clientcert_name_t *name, const ASN1_STRING *value);
static ngx_int_t ngx_clientcert_names_sound(ngx_clientcert_name_t *name,
    ngx_int_t rc);
static ngx_int_t ngx_clientcert_names_text(ngx_pool_t *pool,
    const ASN1_STRING *value, ngx_str_t *text);
static ngx_int_t ngx_clientcert_names_utf8(u_char **utf8,
    const ASN1_STRING *value);
static ngx_uint_t ngx_clientcert_names_ascii(ngx_str_t *text);
static X509_NAME *ngx_clientcert_names_utf8_dn(const X509_NAME *name);
static ngx_int_t ngx_clientcert_names_add(X509_NAME *name,
    const X509_NAME_ENTRY *entry, ngx_uint_t more);
static ngx_int_t ngx_clientcert_names_read_serial(ngx_pool_t *pool,
    ngx_clientcert_names_t *names, X509 *cert);
static ngx_int_t ngx_clientcert_names_sort(ngx_pool_t *pool,
    ngx_clientcert_names_t *names);
static int ngx_libc_cdecl ngx_clientcert_names_cmp(const void *one,
    const void *two);
static ngx_int_t ngx_clientcert_names_type_cmp(ngx_clientcert_name_t *name,
    ngx_clientcert_name_e type, ngx_str_t *oid);
static ngx_uint_t ngx_clientcert_names_bound(ngx_clientcert_names_t *names,
    ngx_clientcert_name_e type, ngx_str_t *oid, ngx_uint_t after);


ngx_clientcert_names_t *
ngx_clientcert_names_read(ngx_pool_t *pool, X509 *cert)
{
    ngx_int_t                rc;
    ngx_uint_t               n, bad;
    GENERAL_NAMES           *sans;
    const X509_NAME         *subject, *issuer;
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
    names->sans_unreadable = bad;

    subject = X509_get_subject_name(cert);
    issuer = X509_get_issuer_name(cert);

    n = X509_NAME_entry_count(subject) + X509_NAME_entry_count(issuer)
        + X509_get_ext_count(cert) * 2
        + (sans ? sk_GENERAL_NAME_num(sans) : 0);

    names->elts = ngx_pcalloc(pool, (n + 1) * sizeof(ngx_clientcert_name_t));

    if (rc == NGX_OK
        && (names->elts == NULL
            || ngx_clientcert_names_read_dn(pool, names,
                                            NGX_CLIENTCERT_SUBJECT, subject)
               != NGX_OK
            || ngx_clientcert_names_read_dn(pool, names,
                                            NGX_CLIENTCERT_ISSUER, issuer)
               != NGX_OK
            || ngx_clientcert_names_read_extensions(pool, names, cert)
               != NGX_OK
            || ngx_clientcert_names_read_sans(pool, names, sans) != NGX_OK
            || ngx_clientcert_names_read_serial(pool, names, cert) != NGX_OK
            || ngx_clientcert_names_sort(pool, names) != NGX_OK))
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

    if (!ngx_clientcert_names_is_whole(cert, nid)) {
        *unreadable = 1;
        return NULL;
    }

    ext = X509_get_ext_d2i(cert, nid, &crit, NULL);

    *unreadable = (ext == NULL && crit != -1);

    /* -2: there are several */

    if (ext == NULL && crit >= 0 && ngx_clientcert_error_memory()) {
        *rc = NGX_ERROR;
    }

    ERR_clear_error();

    return ext;
}


/* OpenSSL doesn't look at what stands behind the value of an extension */

static ngx_uint_t
ngx_clientcert_names_is_whole(X509 *cert, int nid)
{
    int                 i, rc, tag, class;
    long                len;
    const u_char       *p, *last;
    const ASN1_STRING  *octets;

    i = X509_get_ext_by_NID(cert, nid, -1);
    if (i == -1) {
        return 1;
    }

    octets = X509_EXTENSION_get_data(X509_get_ext(cert, i));

    p = ASN1_STRING_get0_data(octets);
    last = p + ASN1_STRING_length(octets);

    rc = ASN1_get_object(&p, &len, &tag, &class, last - p);

    ERR_clear_error();

    /* a bit each: it has an error, its length is indefinite */

    return (rc & 0x81) == 0 && p + len == last;
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


/*
 * The name itself is one of UTF8Strings where OpenSSL wouldn't compare all
 * strings by what they say.
 */

static ngx_int_t
ngx_clientcert_names_read_dn(ngx_pool_t *pool, ngx_clientcert_names_t *names,
    ngx_clientcert_name_e type, const X509_NAME *dn)
{
    int                      i;
    ngx_uint_t               bad, numeric;
    const X509_NAME        **sound;
    const ASN1_STRING       *value;
    const X509_NAME_ENTRY   *entry;
    ngx_clientcert_name_t   *name;

    bad = 0;
    numeric = 0;

    for (i = 0; i < X509_NAME_entry_count(dn); i++) {
        entry = X509_NAME_get_entry(dn, i);
        value = X509_NAME_ENTRY_get_data(entry);

        name = ngx_clientcert_names_push(names, type);
        name->oid = ngx_clientcert_oid(X509_NAME_ENTRY_get_object(entry));

        if (ngx_clientcert_names_read_text(pool, name, value) != NGX_OK) {
            return NGX_ERROR;
        }

        bad |= name->bad;
        numeric |= (ASN1_STRING_type(value) == V_ASN1_NUMERICSTRING);
    }

    if (bad) {
        return NGX_OK;
    }

    sound = (type == NGX_CLIENTCERT_SUBJECT) ? &names->subject
                                             : &names->issuer;
    *sound = dn;

    if (numeric) {
        names->copies[type] = ngx_clientcert_names_utf8_dn(dn);
        *sound = names->copies[type];
    }

    return *sound ? NGX_OK : NGX_ERROR;
}


/* each is two names: what it says, if it is text, and its bytes */

static ngx_int_t
ngx_clientcert_names_read_extensions(ngx_pool_t *pool,
    ngx_clientcert_names_t *names, X509 *cert)
{
    int                     i;
    ngx_clientcert_name_t  *text, *der;
    const ASN1_STRING      *octets;

    for (i = 0; i < X509_get_ext_count(cert); i++) {
        octets = X509_EXTENSION_get_data(X509_get_ext(cert, i));

        der = ngx_clientcert_names_push(names, NGX_CLIENTCERT_EXTENSION_DER);

        der->oid = ngx_clientcert_oid(X509_EXTENSION_get_object(
                                                      X509_get_ext(cert, i)));
        der->value.data = (u_char *) ASN1_STRING_get0_data(octets);
        der->value.len = ASN1_STRING_length(octets);

        text = ngx_clientcert_names_push(names, NGX_CLIENTCERT_EXTENSION);
        text->oid = der->oid;

        if (ngx_clientcert_names_sound(text, ngx_clientcert_names_string(pool,
                                                  &der->value, &text->value))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_clientcert_names_string(ngx_pool_t *pool, ngx_str_t *der, ngx_str_t *text)
{
    ngx_int_t      rc;
    ASN1_TYPE     *string;
    const u_char  *p;

    if (der->len == 0 || der->data[0] > V_ASN1_BMPSTRING
        || !(ASN1_tag2bit(der->data[0]) & NGX_CLIENTCERT_NAMES_STRINGS))
    {
        return NGX_DECLINED;
    }

    ERR_clear_error();

    p = der->data;
    string = d2i_ASN1_TYPE(NULL, &p, der->len);

    if (string == NULL) {
        return ngx_clientcert_error_memory() ? NGX_ERROR : NGX_DECLINED;
    }

    rc = (p == der->data + der->len)
         ? ngx_clientcert_names_text(pool, string->value.asn1_string, text)
         : NGX_DECLINED;

    ASN1_TYPE_free(string);

    return rc;
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
    const void              *value;
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

    case GEN_OTHERNAME:
        return ngx_clientcert_names_read_other(pool, names, value);

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

    return NGX_OK;
}


/* a userPrincipalName is a UTF8String, others are none of ours */

static ngx_int_t
ngx_clientcert_names_read_other(ngx_pool_t *pool,
    ngx_clientcert_names_t *names, const OTHERNAME *other)
{
    const ASN1_TYPE        *value;
    ngx_clientcert_name_t  *name;

    if (OBJ_obj2nid(other->type_id) != NID_ms_upn) {
        return NGX_OK;
    }

    value = other->value;
    name = ngx_clientcert_names_push(names, NGX_CLIENTCERT_UPN);

    /* only a string has an ASN1_STRING */

    if (!(ASN1_tag2bit(value->type) & NGX_CLIENTCERT_NAMES_STRINGS)) {
        name->bad = 1;
        return NGX_OK;
    }

    if (ngx_clientcert_names_read_text(pool, name, value->value.asn1_string)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (name->value.len == 0) {
        name->bad = 1;
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


static ngx_int_t
ngx_clientcert_names_read_text(ngx_pool_t *pool, ngx_clientcert_name_t *name,
    const ASN1_STRING *value)
{
    return ngx_clientcert_names_sound(name,
                         ngx_clientcert_names_text(pool, value, &name->value));
}


/* rc is of what has read the value, which may be no text */

static ngx_int_t
ngx_clientcert_names_sound(ngx_clientcert_name_t *name, ngx_int_t rc)
{
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    name->bad = (rc == NGX_DECLINED
                 || ngx_clientcert_pattern_control(&name->value));

    return NGX_OK;
}


/* as ngx_clientcert_names_utf8(), into memory of the pool */

static ngx_int_t
ngx_clientcert_names_text(ngx_pool_t *pool, const ASN1_STRING *value,
    ngx_str_t *text)
{
    u_char     *utf8;
    ngx_int_t   rc, len;

    len = ngx_clientcert_names_utf8(&utf8, value);

    if (len < 0) {
        return len;
    }

    rc = ngx_clientcert_names_copy(pool, text, utf8, len);

    OPENSSL_free(utf8);

    return rc;
}


/*
 * Returns the length, NGX_DECLINED if the value is no text or not such as its
 * type asks for, or NGX_ERROR without memory (ASN1_STRING_to_UTF8(3), which
 * leaves no error behind where the type is no string).
 */

static ngx_int_t
ngx_clientcert_names_utf8(u_char **utf8, const ASN1_STRING *value)
{
    int  len;

    if (!(ASN1_tag2bit(ASN1_STRING_type(value))
          & NGX_CLIENTCERT_NAMES_STRINGS))
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


/* the same name of UTF8Strings, or NULL without memory */

static X509_NAME *
ngx_clientcert_names_utf8_dn(const X509_NAME *name)
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

    len = ngx_clientcert_names_utf8(&utf8, X509_NAME_ENTRY_get_data(entry));
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


static ngx_int_t
ngx_clientcert_names_sort(ngx_pool_t *pool, ngx_clientcert_names_t *names)
{
    ngx_uint_t              i;
    ngx_clientcert_name_t  *name, *before;

    names->sorted = ngx_palloc(pool, (names->nelts + 1)
                                     * sizeof(ngx_clientcert_name_t *));
    if (names->sorted == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < names->nelts; i++) {
        names->sorted[i] = &names->elts[i];
    }

    ngx_qsort(names->sorted, names->nelts, sizeof(ngx_clientcert_name_t *),
              ngx_clientcert_names_cmp);

    /* an extension that stands there twice */

    for (i = 1; i < names->nelts; i++) {
        name = names->sorted[i];
        before = names->sorted[i - 1];

        if ((name->type == NGX_CLIENTCERT_EXTENSION
             || name->type == NGX_CLIENTCERT_EXTENSION_DER)
            && ngx_clientcert_names_type_cmp(before, name->type, &name->oid)
               == 0)
        {
            name->bad = 1;
            before->bad = 1;
        }
    }

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_clientcert_names_cmp(const void *one, const void *two)
{
    ngx_int_t               rc;
    ngx_clientcert_name_t  *first, *second;

    first = *(ngx_clientcert_name_t **) one;
    second = *(ngx_clientcert_name_t **) two;

    rc = ngx_clientcert_names_type_cmp(first, second->type, &second->oid);

    if (rc == 0) {
        rc = (ngx_int_t) second->bad - (ngx_int_t) first->bad;
    }

    if (rc == 0) {
        rc = first - second;
    }

    return rc < 0 ? -1 : rc > 0;
}


static ngx_int_t
ngx_clientcert_names_type_cmp(ngx_clientcert_name_t *name,
    ngx_clientcert_name_e type, ngx_str_t *oid)
{
    if (name->type != type) {
        return (ngx_int_t) name->type - (ngx_int_t) type;
    }

    return ngx_clientcert_oid_cmp(&name->oid, oid);
}


void
ngx_clientcert_names_of(ngx_clientcert_names_t *names,
    ngx_clientcert_name_e type, ngx_str_t *oid,
    ngx_clientcert_namesakes_t *of)
{
    ngx_uint_t  first;

    first = ngx_clientcert_names_bound(names, type, oid, 0);

    of->elts = names->sorted + first;
    of->nelts = ngx_clientcert_names_bound(names, type, oid, 1) - first;

    of->unreadable = (of->nelts && of->elts[0]->bad)
                     || (names->sans_unreadable
                         && type >= NGX_CLIENTCERT_DNS);
}


/* the place of the first that isn't before this type, or that is after it */

static ngx_uint_t
ngx_clientcert_names_bound(ngx_clientcert_names_t *names,
    ngx_clientcert_name_e type, ngx_str_t *oid, ngx_uint_t after)
{
    ngx_int_t   rc;
    ngx_uint_t  low, high, middle;

    low = 0;
    high = names->nelts;

    while (low < high) {
        middle = (low + high) / 2;

        rc = ngx_clientcert_names_type_cmp(names->sorted[middle], type, oid);

        if (rc < 0 || (rc == 0 && after)) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    return low;
}


ngx_uint_t
ngx_clientcert_names_eku(ngx_clientcert_names_t *names, ngx_str_t *oid)
{
    int        i;
    ngx_str_t  has;

    for (i = 0; names->eku && i < sk_ASN1_OBJECT_num(names->eku); i++) {
        has = ngx_clientcert_oid(sk_ASN1_OBJECT_value(names->eku, i));

        if (ngx_clientcert_oid_cmp(&has, oid) == 0) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_clientcert_names_policy(ngx_clientcert_names_t *names, ngx_str_t *oid)
{
    int         i;
    ngx_str_t   has;

    for (i = 0; names->policies && i < sk_POLICYINFO_num(names->policies);
         i++)
    {
        has = ngx_clientcert_oid(sk_POLICYINFO_value(names->policies, i)
                                 ->policyid);

        if (ngx_clientcert_oid_cmp(&has, oid) == 0) {
            return 1;
        }
    }

    return 0;
}


u_char *
ngx_clientcert_names_print_ekus(ngx_clientcert_names_t *names, u_char *buf)
{
    int      i;
    u_char  *p;

    p = buf;

    for (i = 0; names->eku && i < sk_ASN1_OBJECT_num(names->eku); i++) {
        if (!ngx_clientcert_names_print_oid(buf, &p,
                                            sk_ASN1_OBJECT_value(names->eku,
                                                                 i)))
        {
            break;
        }
    }

    return p;
}


u_char *
ngx_clientcert_names_print_policies(ngx_clientcert_names_t *names,
    u_char *buf)
{
    int      i;
    u_char  *p;

    p = buf;

    for (i = 0; names->policies && i < sk_POLICYINFO_num(names->policies);
         i++)
    {
        if (!ngx_clientcert_names_print_oid(buf, &p,
                            sk_POLICYINFO_value(names->policies, i)->policyid))
        {
            break;
        }
    }

    return p;
}


/* returns 0 where there was no room for more */

static ngx_uint_t
ngx_clientcert_names_print_oid(u_char *buf, u_char **last,
    const ASN1_OBJECT *object)
{
    char  oid[NGX_CLIENTCERT_NAMES_OID];

    if (*last > buf) {
        *last = ngx_cpymem(*last, ", ", 2);
    }

    if (buf + NGX_CLIENTCERT_NAMES_OIDS - *last
        < NGX_CLIENTCERT_NAMES_OID + (int) sizeof(", ...")
        || OBJ_obj2txt(oid, sizeof(oid), object, 1) <= 0)
    {
        *last = ngx_cpymem(*last, "...", 3);
        return 0;
    }

    *last = ngx_sprintf(*last, "%s", oid);

    return 1;
}
