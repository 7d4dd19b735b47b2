
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_lookup.h"
#include "../cert/ngx_clientcert_dn.h"


/* kinds are bits by their places among the keys, but for this one */
#define NGX_CLIENTCERT_KIND_SHA1  0x80000000


static ngx_uint_t ngx_clientcert_lookup_value(
    ngx_clientcert_condition_t *cond, uint32_t *hash);
static ngx_int_t ngx_clientcert_lookup_digest(ngx_clientcert_asking_t *ask,
    ngx_clientcert_digest_e digest, ngx_clientcert_pattern_hash_pt handler,
    void *data);
static ngx_int_t ngx_clientcert_lookup_dn(const X509_NAME *name,
    ngx_clientcert_pattern_hash_pt handler, void *data);
static ngx_int_t ngx_clientcert_lookup_names(ngx_clientcert_names_t *names,
    ngx_uint_t types, ngx_clientcert_pattern_hash_pt handler, void *data);
static ngx_uint_t ngx_clientcert_lookup_unreadable(ngx_clientcert_key_t *key,
    ngx_clientcert_names_t *names);


ngx_uint_t
ngx_clientcert_lookup_kind(ngx_clientcert_condition_t *cond)
{
    if ((cond->key->flags & NGX_CLIENTCERT_KEY_THUMBPRINT)
        && cond->id.len == NGX_CLIENTCERT_SHA1_LEN)
    {
        return NGX_CLIENTCERT_KIND_SHA1;
    }

    return 1 << (cond->key - ngx_clientcert_keys);
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
    ngx_clientcert_dn_t          *dn;
    ngx_clientcert_serial_t      *serial;
    ngx_clientcert_thumbprint_t  *tp;

    switch (cond->key->lookup) {

    case NGX_CLIENTCERT_LOOKUP_DIGEST:
        tp = cond->value;
        hash[0] = ngx_crc32_long(tp->digest, tp->len);
        return 1;

    case NGX_CLIENTCERT_LOOKUP_SERIAL:
        serial = cond->value;
        hash[0] = ngx_crc32_long(serial->bytes.data, serial->bytes.len);
        return 1;

    case NGX_CLIENTCERT_LOOKUP_DN:
        dn = cond->value;

        if (ngx_clientcert_dn_hash(dn->name, &hash[0]) != NGX_OK) {
            return 0;
        }

        if (dn->reversed == NULL) {
            return 1;
        }

        return (ngx_clientcert_dn_hash(dn->reversed, &hash[1]) == NGX_OK) * 2;

    case NGX_CLIENTCERT_LOOKUP_NAME:
        return ngx_clientcert_pattern_hash(cond->value, &hash[0]) == NGX_OK;

    default: /* NGX_CLIENTCERT_LOOKUP_NONE */
        return 0;
    }
}


ngx_int_t
ngx_clientcert_lookup(ngx_clientcert_asking_t *ask, ngx_uint_t kinds,
    ngx_uint_t deny, ngx_clientcert_pattern_hash_pt handler, void *data,
    ngx_uint_t *unknown)
{
    ngx_int_t                rc;
    ngx_uint_t               kind, types;
    ngx_clientcert_key_t    *key;
    ngx_clientcert_names_t  *names;

    rc = NGX_OK;
    types = 0;
    names = NULL;
    *unknown = 0;

    if (kinds & NGX_CLIENTCERT_KIND_SHA1) {
        rc = ngx_clientcert_lookup_digest(ask, NGX_CLIENTCERT_SHA1, handler,
                                          data);
    }

    for (key = ngx_clientcert_keys; rc == NGX_OK && key->name.len; key++) {

        kind = 1 << (key - ngx_clientcert_keys);

        if (!(kinds & kind)) {
            continue;
        }

        if (key->lookup == NGX_CLIENTCERT_LOOKUP_DIGEST) {
            rc = ngx_clientcert_lookup_digest(ask, key->type, handler, data);
            continue;
        }

        names = ngx_clientcert_certificate_names(ask->cert);
        if (names == NULL) {
            rc = NGX_ERROR;
            break;
        }

        if (deny && ngx_clientcert_lookup_unreadable(key, names)) {
            *unknown |= kind;
            continue;
        }

        switch (key->lookup) {

        case NGX_CLIENTCERT_LOOKUP_SERIAL:
            rc = handler(data, ngx_crc32_long(names->serial.data,
                                              names->serial.len));
            break;

        case NGX_CLIENTCERT_LOOKUP_DN:
            rc = ngx_clientcert_lookup_dn(key->type == NGX_CLIENTCERT_SUBJECT
                                          ? names->subject : names->issuer,
                                          handler, data);
            break;

        default: /* NGX_CLIENTCERT_LOOKUP_NAME */
            types |= 1 << key->type;
            break;
        }
    }

    if (rc == NGX_OK && types) {
        rc = ngx_clientcert_lookup_names(names, types, handler, data);
    }

    if (rc == NGX_ERROR) {
        *unknown = kinds;
    }

    return rc;
}


static ngx_int_t
ngx_clientcert_lookup_digest(ngx_clientcert_asking_t *ask,
    ngx_clientcert_digest_e digest, ngx_clientcert_pattern_hash_pt handler,
    void *data)
{
    u_char  *value;

    value = ngx_clientcert_certificate_digest(ask->cert, digest);
    if (value == NULL) {
        return NGX_ERROR;
    }

    return handler(data, ngx_crc32_long(value,
                                        digest == NGX_CLIENTCERT_SHA1
                                        ? NGX_CLIENTCERT_SHA1_LEN
                                        : NGX_CLIENTCERT_SHA256_LEN));
}


static ngx_int_t
ngx_clientcert_lookup_dn(const X509_NAME *name,
    ngx_clientcert_pattern_hash_pt handler, void *data)
{
    uint32_t  hash;

    if (name == NULL) {
        return NGX_OK;
    }

    return (ngx_clientcert_dn_hash(name, &hash) == NGX_OK)
           ? handler(data, hash) : NGX_ERROR;
}


/* types are bits by ngx_clientcert_name_e */

static ngx_int_t
ngx_clientcert_lookup_names(ngx_clientcert_names_t *names, ngx_uint_t types,
    ngx_clientcert_pattern_hash_pt handler, void *data)
{
    ngx_int_t               rc;
    ngx_uint_t              i;
    ngx_clientcert_name_t  *name;

    for (i = 0; i < names->nelts; i++) {
        name = &names->elts[i];

        if ((types & (1 << name->type)) && !name->bad) {
            rc = ngx_clientcert_pattern_hashes(name->type, &name->value,
                                               handler, data);
            if (rc != NGX_OK) {
                return rc;
            }
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_clientcert_lookup_unreadable(ngx_clientcert_key_t *key,
    ngx_clientcert_names_t *names)
{
    switch (key->lookup) {

    case NGX_CLIENTCERT_LOOKUP_SERIAL:
        return 0;

    case NGX_CLIENTCERT_LOOKUP_DN:
        return (key->type == NGX_CLIENTCERT_SUBJECT ? names->subject
                                                    : names->issuer)
               == NULL;

    default: /* NGX_CLIENTCERT_LOOKUP_NAME */
        return names->unreadable[key->type];
    }
}
