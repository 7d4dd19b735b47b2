
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_lookup.h"


/* kinds are bits, with the type of a digest, of a name added */

#define NGX_CLIENTCERT_KIND_DIGEST  0
#define NGX_CLIENTCERT_KIND_SERIAL  NGX_CLIENTCERT_DIGESTS
#define NGX_CLIENTCERT_KIND_DN      (NGX_CLIENTCERT_KIND_SERIAL + 1)
#define NGX_CLIENTCERT_KIND_NAME    (NGX_CLIENTCERT_KIND_DN + 2)


typedef struct {
    ngx_clientcert_pattern_hash_pt   handler;
    void                            *data;
    ngx_uint_t                       kinds;
    ngx_uint_t                       deny;
} ngx_clientcert_looking_t;


static ngx_uint_t ngx_clientcert_lookup_value(
    ngx_clientcert_condition_t *cond, uint32_t *hash);
static ngx_int_t ngx_clientcert_lookup_digest(
    ngx_clientcert_looking_t *looking, ngx_clientcert_certificate_t *cert,
    ngx_clientcert_digest_e digest);
static ngx_int_t ngx_clientcert_lookup_dn(ngx_clientcert_looking_t *looking,
    const X509_NAME *name, ngx_clientcert_name_e type);
static ngx_int_t ngx_clientcert_lookup_names(
    ngx_clientcert_looking_t *looking, ngx_clientcert_names_t *names);
static ngx_int_t ngx_clientcert_lookup_unreadable(
    ngx_clientcert_looking_t *looking, ngx_clientcert_name_e type,
    ngx_str_t *oid);


/* of what is no attribute: a whole name, a subjectAltName */

static ngx_str_t  ngx_clientcert_no_oid = ngx_null_string;


ngx_uint_t
ngx_clientcert_lookup_kind(ngx_clientcert_condition_t *cond)
{
    ngx_uint_t  type;

    type = cond->type;

    switch (cond->key->lookup) {

    case NGX_CLIENTCERT_LOOKUP_DIGEST:
        if (cond->id.len == NGX_CLIENTCERT_SHA1_LEN) {
            type = NGX_CLIENTCERT_SHA1;
        }

        return 1 << (NGX_CLIENTCERT_KIND_DIGEST + type);

    case NGX_CLIENTCERT_LOOKUP_SERIAL:
        return 1 << NGX_CLIENTCERT_KIND_SERIAL;

    case NGX_CLIENTCERT_LOOKUP_DN:
        return 1 << (NGX_CLIENTCERT_KIND_DN + type);

    default: /* NGX_CLIENTCERT_LOOKUP_NAME */
        return 1 << (NGX_CLIENTCERT_KIND_NAME + type);
    }
}


ngx_uint_t
ngx_clientcert_lookup_hash(ngx_clientcert_condition_t *cond, ngx_uint_t any,
    uint32_t *hash)
{
    ngx_uint_t  n;

    n = (cond->compiled || ngx_clientcert_condition_is_regex(cond))
        ? 0 : ngx_clientcert_lookup_value(cond, hash);

    if (n == 0 && any) {
        hash[0] = ngx_crc32_long(cond->id.data, cond->id.len);
        n = 1;
    }

    return n;
}


static ngx_uint_t
ngx_clientcert_lookup_value(ngx_clientcert_condition_t *cond, uint32_t *hash)
{
    ngx_uint_t                    n;
    ngx_clientcert_dn_t          *dn;
    ngx_clientcert_serial_t      *serial;
    ngx_clientcert_thumbprint_t  *tp;

    n = 1;

    switch (cond->key->lookup) {

    case NGX_CLIENTCERT_LOOKUP_DIGEST:
        tp = cond->value;
        hash[0] = ngx_crc32_long(tp->digest, tp->len);
        return n;

    case NGX_CLIENTCERT_LOOKUP_SERIAL:
        serial = cond->value;
        hash[0] = ngx_crc32_long(serial->bytes.data, serial->bytes.len);
        return n;

    case NGX_CLIENTCERT_LOOKUP_DN:
        dn = cond->value;

        for (n = 0; n < dn->n; n++) {
            if (ngx_clientcert_dn_hash(dn->names[n], &hash[n]) != NGX_OK) {
                return 0;
            }
        }

        break;

    case NGX_CLIENTCERT_LOOKUP_NAME:
        if (ngx_clientcert_pattern_hash(cond->value, &cond->oid, &hash[0])
            != NGX_OK)
        {
            return 0;
        }

        break;

    default: /* NGX_CLIENTCERT_LOOKUP_NONE */
        return 0;
    }

    if (cond->deny) {
        hash[n++] = ngx_clientcert_pattern_unreadable(cond->type,
                                                      &cond->oid);
    }

    return n;
}


ngx_int_t
ngx_clientcert_lookup(ngx_clientcert_asking_t *ask, ngx_uint_t kinds,
    ngx_uint_t deny, ngx_clientcert_pattern_hash_pt handler, void *data)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_clientcert_names_t    *names;
    ngx_clientcert_looking_t   looking;

    looking.handler = handler;
    looking.data = data;
    looking.kinds = kinds;
    looking.deny = deny;

    rc = NGX_OK;

    for (i = 0; rc == NGX_OK && i < NGX_CLIENTCERT_DIGESTS; i++) {
        if (kinds & (1 << (NGX_CLIENTCERT_KIND_DIGEST + i))) {
            rc = ngx_clientcert_lookup_digest(&looking, ask->cert, i);
        }
    }

    if (rc != NGX_OK || kinds >> NGX_CLIENTCERT_KIND_SERIAL == 0) {
        return rc;
    }

    names = ngx_clientcert_certificate_names(ask->cert);
    if (names == NULL) {
        return NGX_ERROR;
    }

    if (kinds & (1 << NGX_CLIENTCERT_KIND_SERIAL)) {
        rc = handler(data, ngx_crc32_long(names->serial.data,
                                          names->serial.len));
    }

    if (rc == NGX_OK) {
        rc = ngx_clientcert_lookup_dn(&looking, names->subject,
                                      NGX_CLIENTCERT_SUBJECT);
    }

    if (rc == NGX_OK) {
        rc = ngx_clientcert_lookup_dn(&looking, names->issuer,
                                      NGX_CLIENTCERT_ISSUER);
    }

    return rc == NGX_OK ? ngx_clientcert_lookup_names(&looking, names) : rc;
}


static ngx_int_t
ngx_clientcert_lookup_digest(ngx_clientcert_looking_t *looking,
    ngx_clientcert_certificate_t *cert, ngx_clientcert_digest_e digest)
{
    u_char  *value;

    value = ngx_clientcert_certificate_digest(cert, digest);
    if (value == NULL) {
        return NGX_ERROR;
    }

    return looking->handler(looking->data,
                            ngx_crc32_long(value,
                                           digest == NGX_CLIENTCERT_SHA1
                                           ? NGX_CLIENTCERT_SHA1_LEN
                                           : NGX_CLIENTCERT_SHA256_LEN));
}


static ngx_int_t
ngx_clientcert_lookup_dn(ngx_clientcert_looking_t *looking,
    const X509_NAME *name, ngx_clientcert_name_e type)
{
    uint32_t  hash;

    if (!(looking->kinds & (1 << (NGX_CLIENTCERT_KIND_DN + type)))) {
        return NGX_OK;
    }

    if (name == NULL) {
        return ngx_clientcert_lookup_unreadable(looking, type,
                                                &ngx_clientcert_no_oid);
    }

    return (ngx_clientcert_dn_hash(name, &hash) == NGX_OK)
           ? looking->handler(looking->data, hash) : NGX_ERROR;
}


static ngx_int_t
ngx_clientcert_lookup_names(ngx_clientcert_looking_t *looking,
    ngx_clientcert_names_t *names)
{
    ngx_int_t               rc;
    ngx_uint_t              i, types;
    ngx_clientcert_name_t  *name;

    rc = NGX_OK;
    types = looking->kinds >> NGX_CLIENTCERT_KIND_NAME;

    i = names->sans_unreadable ? NGX_CLIENTCERT_DNS
                               : NGX_CLIENTCERT_NAME_TYPES;

    for ( /* void */ ; rc == NGX_OK && i < NGX_CLIENTCERT_NAME_TYPES; i++) {
        if (types & (1 << i)) {
            rc = ngx_clientcert_lookup_unreadable(looking, i,
                                                  &ngx_clientcert_no_oid);
        }
    }

    for (i = 0; rc == NGX_OK && types && i < names->nelts; i++) {
        name = &names->elts[i];

        if (!(types & (1 << name->type))) {
            continue;
        }

        rc = name->bad
             ? ngx_clientcert_lookup_unreadable(looking, name->type,
                                                &name->oid)
             : ngx_clientcert_pattern_hashes(name, looking->handler,
                                             looking->data);
    }

    return rc;
}


static ngx_int_t
ngx_clientcert_lookup_unreadable(ngx_clientcert_looking_t *looking,
    ngx_clientcert_name_e type, ngx_str_t *oid)
{
    if (!looking->deny) {
        return NGX_OK;
    }

    return looking->handler(looking->data,
                            ngx_clientcert_pattern_unreadable(type, oid));
}
