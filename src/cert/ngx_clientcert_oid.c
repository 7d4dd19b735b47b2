
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_oid.h"
#include "ngx_clientcert_error.h"
#include <openssl/err.h>


#define NGX_CLIENTCERT_OID_LEN  128


typedef struct {
    const char  *name;
    int          nid;
} ngx_clientcert_attribute_t;


static ngx_int_t ngx_clientcert_oid_by_name(const char *name,
    ASN1_OBJECT **object);
static int ngx_clientcert_oid_any_case(u_char *name);
static ngx_int_t ngx_clientcert_oid_by_number(const char *number,
    ASN1_OBJECT **object);


/* RFC 4514, section 3, and what .NET, Java and OpenSSL call them */

static ngx_clientcert_attribute_t  ngx_clientcert_attributes[] = {
    { "cn", NID_commonName },
    { "o", NID_organizationName },
    { "ou", NID_organizationalUnitName },
    { "c", NID_countryName },
    { "st", NID_stateOrProvinceName },
    { "s", NID_stateOrProvinceName },
    { "l", NID_localityName },
    { "street", NID_streetAddress },
    { "dc", NID_domainComponent },
    { "uid", NID_userId },
    { "e", NID_pkcs9_emailAddress },
    { "email", NID_pkcs9_emailAddress },
    { "emailaddress", NID_pkcs9_emailAddress },
    { "mail", NID_rfc822Mailbox },
    { "serialnumber", NID_serialNumber },
    { "t", NID_title },
    { "g", NID_givenName },
    { "i", NID_initials },
    { NULL, 0 }
};


ngx_str_t  ngx_clientcert_oid_cn = ngx_string(NGX_CLIENTCERT_OID_CN);


ngx_int_t
ngx_clientcert_oid_object(ngx_str_t *text, ngx_uint_t attribute,
    ASN1_OBJECT **object)
{
    ngx_int_t                    rc;
    ngx_str_t                    name;
    ngx_clientcert_attribute_t  *known;
    char                         buf[NGX_CLIENTCERT_OID_LEN];

    name = *text;

    if (name.len > 4
        && ngx_strncasecmp(name.data, (u_char *) "oid.", 4) == 0)
    {
        name.data += 4;
        name.len -= 4;
    }

    if (name.len == 0 || name.len >= NGX_CLIENTCERT_OID_LEN
        || ngx_strlchr(name.data, name.data + name.len, '\0'))
    {
        return NGX_DECLINED;
    }

    (void) ngx_cpystrn((u_char *) buf, name.data, name.len + 1);

    for (known = ngx_clientcert_attributes; attribute && known->name; known++)
    {
        if (ngx_strcasecmp((u_char *) known->name, (u_char *) buf) == 0) {
            *object = OBJ_nid2obj(known->nid);
            return NGX_OK;
        }
    }

    ERR_clear_error();

    rc = (buf[0] >= '0' && buf[0] <= '9')
         ? ngx_clientcert_oid_by_number(buf, object)
         : ngx_clientcert_oid_by_name(buf, object);

    ERR_clear_error();

    return rc;
}


/* OpenSSL also has names of its own, without an identifier */

static ngx_int_t
ngx_clientcert_oid_by_name(const char *name, ASN1_OBJECT **object)
{
    int  nid;

    nid = OBJ_sn2nid(name);

    if (nid == NID_undef) {
        nid = OBJ_ln2nid(name);
    }

    if (nid == NID_undef) {
        nid = ngx_clientcert_oid_any_case((u_char *) name);
    }

    *object = OBJ_nid2obj(nid);

    return OBJ_length(*object) ? NGX_OK : NGX_DECLINED;
}


static int
ngx_clientcert_oid_any_case(u_char *name)
{
    int                 nid, last;
    const ASN1_OBJECT  *object;

    last = OBJ_new_nid(0);

    for (nid = 1; nid < last; nid++) {
        object = OBJ_nid2obj(nid);

        if (object && OBJ_length(object)
            && (ngx_strcasecmp((u_char *) OBJ_nid2sn(nid), name) == 0
                || ngx_strcasecmp((u_char *) OBJ_nid2ln(nid), name) == 0))
        {
            return nid;
        }
    }

    return NID_undef;
}


/* OpenSSL reads "1.2..3" as well, and refuses "10" without an error */

static ngx_int_t
ngx_clientcert_oid_by_number(const char *number, ASN1_OBJECT **object)
{
    int   len;
    char  canonical[NGX_CLIENTCERT_OID_LEN];

    *object = OBJ_txt2obj(number, 1);

    if (*object == NULL) {
        return ngx_clientcert_error_memory_queued() ? NGX_ERROR
                                                    : NGX_DECLINED;
    }

    len = OBJ_obj2txt(canonical, NGX_CLIENTCERT_OID_LEN, *object, 1);

    if (len > 0 && ngx_strcmp(canonical, number) == 0) {
        return NGX_OK;
    }

    ASN1_OBJECT_free(*object);

    return len < 0 ? NGX_ERROR : NGX_DECLINED;
}


ngx_int_t
ngx_clientcert_oid_read(ngx_pool_t *pool, ngx_str_t *text,
    ngx_uint_t attribute, ngx_str_t *oid)
{
    ngx_int_t     rc;
    ngx_str_t     contents;
    ASN1_OBJECT  *object;

    rc = ngx_clientcert_oid_object(text, attribute, &object);

    if (rc != NGX_OK) {
        return rc;
    }

    contents = ngx_clientcert_oid(object);

    oid->len = contents.len;
    oid->data = ngx_pstrdup(pool, &contents);

    ASN1_OBJECT_free(object);

    return oid->data ? NGX_OK : NGX_ERROR;
}


ngx_str_t
ngx_clientcert_oid(const ASN1_OBJECT *object)
{
    ngx_str_t  oid;

    oid.data = (u_char *) OBJ_get0_data(object);
    oid.len = OBJ_length(object);

    return oid;
}


ngx_int_t
ngx_clientcert_oid_cmp(ngx_str_t *one, ngx_str_t *two)
{
    if (one->len != two->len) {
        return one->len < two->len ? -1 : 1;
    }

    return one->len ? ngx_memcmp(one->data, two->data, one->len) : 0;
}
