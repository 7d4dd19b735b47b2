
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert.h"
#include "../cert/ngx_clientcert_facts.h"
#include "../cert/ngx_clientcert_oid.h"
#include "../cert/ngx_clientcert_text.h"


typedef enum {
    NGX_HTTP_CLIENTCERT_RESULT = 0,
    NGX_HTTP_CLIENTCERT_REASON,
    NGX_HTTP_CLIENTCERT_DETAIL,
    NGX_HTTP_CLIENTCERT_LABEL,
    NGX_HTTP_CLIENTCERT_POLICY
} ngx_http_clientcert_verdict_variable_e;


/* besides the digests, the data of a variable of one */
#define NGX_HTTP_CLIENTCERT_X5T_S256  NGX_CLIENTCERT_DIGESTS

/* besides those of one type, the data of a variable of names */
#define NGX_HTTP_CLIENTCERT_ALL_SANS  NGX_CLIENTCERT_NAME_TYPES


/* the data of a variable of one */

typedef struct {
    ngx_clientcert_name_e  type;
    ngx_str_t              oid;
} ngx_http_clientcert_attribute_t;


static ngx_int_t ngx_http_clientcert_verdict_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_clientcert_digest_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_clientcert_days_left_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_clientcert_attribute_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_clientcert_prefix_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_clientcert_names_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_clientcert_rfc9440_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_clientcert_rfc9440_chain_variable(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_clientcert_rfc9440(
    ngx_clientcert_certificate_t *cert, ngx_pool_t *pool, ngx_uint_t first,
    ngx_uint_t last, ngx_str_t *text);
static ngx_clientcert_certificate_t *ngx_http_clientcert_variable_certificate(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, ngx_int_t *rc);
static ngx_clientcert_names_t *ngx_http_clientcert_variable_names(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, ngx_int_t *rc);
static ngx_uint_t ngx_http_clientcert_defined(
    ngx_http_core_main_conf_t *cmcf, ngx_str_t *name);
static ngx_str_t *ngx_http_clientcert_prefix(ngx_str_t *name);
static ngx_int_t ngx_http_clientcert_attribute(ngx_pool_t *pool,
    ngx_str_t *name, ngx_http_clientcert_attribute_t *attribute);
static ngx_uint_t ngx_http_clientcert_wants(ngx_clientcert_name_t *name,
    uintptr_t data);
static u_char *ngx_http_clientcert_name(u_char *p,
    ngx_clientcert_name_t *name, uintptr_t data);


static ngx_str_t  ngx_http_clientcert_allow = ngx_string("allow");
static ngx_str_t  ngx_http_clientcert_deny = ngx_string("deny");


/* in the order of ngx_clientcert_name_e, of attributes only */

static ngx_str_t  ngx_http_clientcert_prefixes[] = {
    ngx_string("clientcert_subject_"),
    ngx_string("clientcert_issuer_"),
    ngx_null_string
};


static ngx_http_clientcert_attribute_t  ngx_http_clientcert_cn = {
    NGX_CLIENTCERT_SUBJECT, ngx_string(NGX_CLIENTCERT_OID_CN)
};


static ngx_http_variable_t  ngx_http_clientcert_vars[] = {

    { ngx_string("clientcert_result"), NULL,
      ngx_http_clientcert_verdict_variable, NGX_HTTP_CLIENTCERT_RESULT,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("clientcert_reason"), NULL,
      ngx_http_clientcert_verdict_variable, NGX_HTTP_CLIENTCERT_REASON,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("clientcert_detail"), NULL,
      ngx_http_clientcert_verdict_variable, NGX_HTTP_CLIENTCERT_DETAIL,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("clientcert_label"), NULL,
      ngx_http_clientcert_verdict_variable, NGX_HTTP_CLIENTCERT_LABEL,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("clientcert_policy"), NULL,
      ngx_http_clientcert_verdict_variable, NGX_HTTP_CLIENTCERT_POLICY,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("clientcert_sha1"), NULL,
      ngx_http_clientcert_digest_variable, NGX_CLIENTCERT_SHA1, 0, 0 },

    { ngx_string("clientcert_sha256"), NULL,
      ngx_http_clientcert_digest_variable, NGX_CLIENTCERT_SHA256, 0, 0 },

    { ngx_string("clientcert_x5t_s256"), NULL,
      ngx_http_clientcert_digest_variable, NGX_HTTP_CLIENTCERT_X5T_S256,
      0, 0 },

    { ngx_string("clientcert_spki_sha256"), NULL,
      ngx_http_clientcert_digest_variable, NGX_CLIENTCERT_SPKI_SHA256,
      0, 0 },

    { ngx_string("clientcert_days_left"), NULL,
      ngx_http_clientcert_days_left_variable, 0, 0, 0 },

    { ngx_string("clientcert_cn"), NULL,
      ngx_http_clientcert_attribute_variable,
      (uintptr_t) &ngx_http_clientcert_cn, 0, 0 },

    { ngx_string("clientcert_subject_"), NULL,
      ngx_http_clientcert_prefix_variable, 0, NGX_HTTP_VAR_PREFIX, 0 },

    { ngx_string("clientcert_issuer_"), NULL,
      ngx_http_clientcert_prefix_variable, 0, NGX_HTTP_VAR_PREFIX, 0 },

    { ngx_string("clientcert_san"), NULL,
      ngx_http_clientcert_names_variable, NGX_HTTP_CLIENTCERT_ALL_SANS, 0, 0 },

    { ngx_string("clientcert_san_dns"), NULL,
      ngx_http_clientcert_names_variable, NGX_CLIENTCERT_DNS, 0, 0 },

    { ngx_string("clientcert_san_uri"), NULL,
      ngx_http_clientcert_names_variable, NGX_CLIENTCERT_URI, 0, 0 },

    { ngx_string("clientcert_san_email"), NULL,
      ngx_http_clientcert_names_variable, NGX_CLIENTCERT_EMAIL, 0, 0 },

    { ngx_string("clientcert_san_ip"), NULL,
      ngx_http_clientcert_names_variable, NGX_CLIENTCERT_IP, 0, 0 },

    { ngx_string("clientcert_san_upn"), NULL,
      ngx_http_clientcert_names_variable, NGX_CLIENTCERT_UPN, 0, 0 },

    { ngx_string("clientcert_rfc9440"), NULL,
      ngx_http_clientcert_rfc9440_variable, 0, 0, 0 },

    { ngx_string("clientcert_rfc9440_chain"), NULL,
      ngx_http_clientcert_rfc9440_chain_variable, 0, 0, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_clientcert_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_clientcert_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_clientcert_init_variables(ngx_conf_t *cf)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_http_variable_t              *v, *var;
    ngx_http_core_main_conf_t        *cmcf;
    ngx_http_clientcert_attribute_t  *attribute;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        if (ngx_http_clientcert_prefix(&v[i].name) == NULL
            || ngx_http_clientcert_defined(cmcf, &v[i].name))
        {
            continue;
        }

        attribute = ngx_palloc(cf->pool,
                               sizeof(ngx_http_clientcert_attribute_t));
        if (attribute == NULL) {
            return NGX_ERROR;
        }

        rc = ngx_http_clientcert_attribute(cf->pool, &v[i].name, attribute);

        if (rc == NGX_DECLINED) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown \"%V\" variable, its name ends in neither "
                          "an attribute that OpenSSL knows nor an object "
                          "identifier with \"_\" for \".\"", &v[i].name);
        }

        var = (rc == NGX_OK) ? ngx_http_add_variable(cf, &v[i].name, 0) : NULL;
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_http_clientcert_attribute_variable;
        var->data = (uintptr_t) attribute;
    }

    return NGX_OK;
}


/* by "set" or "map", for example */

static ngx_uint_t
ngx_http_clientcert_defined(ngx_http_core_main_conf_t *cmcf, ngx_str_t *name)
{
    ngx_uint_t       i;
    ngx_hash_key_t  *key;

    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {
        if (key[i].key.len == name->len
            && ngx_strncmp(key[i].key.data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_str_t *
ngx_http_clientcert_prefix(ngx_str_t *name)
{
    ngx_str_t  *prefix;

    for (prefix = ngx_http_clientcert_prefixes; prefix->len; prefix++) {
        if (name->len >= prefix->len
            && ngx_strncmp(name->data, prefix->data, prefix->len) == 0)
        {
            return prefix;
        }
    }

    return NULL;
}


/* returns NGX_DECLINED if there is no attribute as the name says */

static ngx_int_t
ngx_http_clientcert_attribute(ngx_pool_t *pool, ngx_str_t *name,
    ngx_http_clientcert_attribute_t *attribute)
{
    size_t      i;
    ngx_str_t  *prefix, type;

    prefix = ngx_http_clientcert_prefix(name);

    attribute->type = NGX_CLIENTCERT_SUBJECT
                      + (prefix - ngx_http_clientcert_prefixes);

    type.data = ngx_pstrdup(pool, name);
    if (type.data == NULL) {
        return NGX_ERROR;
    }

    type.data += prefix->len;
    type.len = name->len - prefix->len;

    if (type.len && type.data[0] >= '0' && type.data[0] <= '9') {
        for (i = 0; i < type.len; i++) {
            if (type.data[i] == '_') {
                type.data[i] = '.';
            }
        }
    }

    return ngx_clientcert_oid_read(pool, &type, 1, &attribute->oid);
}


static ngx_int_t
ngx_http_clientcert_verdict_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                 *text;
    ngx_clientcert_verdict_t  *verdict;

    verdict = ngx_http_clientcert_verdict(r->main);

    if (verdict == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_CLIENTCERT_RESULT:
        text = (verdict->reason == NGX_CLIENTCERT_OK)
               ? &ngx_http_clientcert_allow : &ngx_http_clientcert_deny;
        break;

    case NGX_HTTP_CLIENTCERT_REASON:
        text = &ngx_clientcert_reasons[verdict->reason];
        break;

    case NGX_HTTP_CLIENTCERT_DETAIL:
        text = &verdict->detail;
        break;

    case NGX_HTTP_CLIENTCERT_LABEL:
        text = &verdict->label;
        break;

    default: /* NGX_HTTP_CLIENTCERT_POLICY */
        text = &verdict->policy->name;
        break;
    }

    v->len = text->len;
    v->data = text->data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = (text->len == 0);

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_days_left_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    time_t                         left;
    ngx_int_t                      rc;
    ngx_clientcert_certificate_t  *cert;

    cert = ngx_http_clientcert_variable_certificate(r, v, &rc);

    if (cert == NULL) {
        return rc;
    }

    v->data = ngx_pnalloc(r->pool, NGX_TIME_T_LEN + 1);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    left = cert->not_after - ngx_time();

    /* whole days, below zero from the first second on */

    left = (left < 0) ? -((-left - 1) / 86400 + 1) : left / 86400;

    v->len = ngx_sprintf(v->data, "%T", left) - v->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_digest_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                        *digest;
    ngx_int_t                      rc;
    ngx_str_t                      src, text;
    ngx_clientcert_certificate_t  *cert;

    cert = ngx_http_clientcert_variable_certificate(r, v, &rc);

    if (cert == NULL) {
        return rc;
    }

    digest = ngx_clientcert_certificate_digest(cert,
                 data == NGX_HTTP_CLIENTCERT_X5T_S256 ? NGX_CLIENTCERT_SHA256
                                                      : data);

    text.data = ngx_pnalloc(r->pool, NGX_CLIENTCERT_SHA256_LEN * 2);

    if (digest == NULL || text.data == NULL) {
        return NGX_ERROR;
    }

    src.data = digest;
    src.len = (data == NGX_CLIENTCERT_SHA1) ? NGX_CLIENTCERT_SHA1_LEN
                                            : NGX_CLIENTCERT_SHA256_LEN;

    if (data == NGX_HTTP_CLIENTCERT_X5T_S256) {
        ngx_encode_base64url(&text, &src);

    } else {
        text.len = ngx_hex_dump(text.data, src.data, src.len) - text.data;
    }

    v->len = text.len;
    v->data = text.data;

    return NGX_OK;
}


/* of several it can't be told which of them the client is */

static ngx_int_t
ngx_http_clientcert_attribute_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_clientcert_attribute_t *attribute =
                                     (ngx_http_clientcert_attribute_t *) data;

    ngx_int_t                    rc;
    ngx_str_t                   *value;
    ngx_clientcert_names_t      *names;
    ngx_clientcert_namesakes_t   of;

    names = ngx_http_clientcert_variable_names(r, v, &rc);

    if (names == NULL) {
        return rc;
    }

    ngx_clientcert_names_of(names, attribute->type, &attribute->oid, &of);

    if (of.nelts != 1 || of.unreadable) {
        v->not_found = 1;
        return NGX_OK;
    }

    value = &of.elts[0]->value;

    v->len = value->len;
    v->data = value->data;
    v->not_found = (v->len == 0
                    || ngx_clientcert_text_plain(value) != value->len);

    return NGX_OK;
}


/* what isn't in the configuration, but asked for by a script for example */

static ngx_int_t
ngx_http_clientcert_prefix_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t *name = (ngx_str_t *) data;

    ngx_int_t                        rc;
    ngx_http_clientcert_attribute_t  attribute;

    rc = ngx_http_clientcert_attribute(r->pool, name, &attribute);

    if (rc == NGX_DECLINED) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_clientcert_attribute_variable(r, v,
                                                  (uintptr_t) &attribute);
}


static ngx_int_t
ngx_http_clientcert_names_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    size_t                       len;
    u_char                      *p;
    ngx_int_t                    rc;
    ngx_str_t                    oid;
    ngx_uint_t                   i;
    ngx_clientcert_name_t       *name;
    ngx_clientcert_names_t      *names;
    ngx_clientcert_namesakes_t   of;

    names = ngx_http_clientcert_variable_names(r, v, &rc);

    if (names == NULL) {
        return rc;
    }

    ngx_str_null(&oid);

    for (i = NGX_CLIENTCERT_DNS; i < NGX_CLIENTCERT_NAME_TYPES; i++) {
        ngx_clientcert_names_of(names, i, &oid, &of);

        if ((data == i || data == NGX_HTTP_CLIENTCERT_ALL_SANS)
            && of.nelts > NGX_CLIENTCERT_NAMES_MAX)
        {
            v->not_found = 1;
            return NGX_OK;
        }
    }

    len = 0;

    for (i = 0; i < names->nelts; i++) {
        name = &names->elts[i];

        if (ngx_http_clientcert_wants(name, data)) {
            len += sizeof(",email:") - 1 + NGX_INET6_ADDRSTRLEN
                   + name->value.len * (sizeof("%2C") - 1);
        }
    }

    p = ngx_pnalloc(r->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;

    for (i = 0; i < names->nelts; i++) {
        name = &names->elts[i];

        if (ngx_http_clientcert_wants(name, data)) {

            if (p > v->data) {
                *p++ = ',';
            }

            p = ngx_http_clientcert_name(p, name, data);
        }
    }

    v->len = p - v->data;
    v->not_found = (v->len == 0);

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_rfc9440_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_int_t                      rc;
    ngx_str_t                      text;
    ngx_clientcert_certificate_t  *cert;

    cert = ngx_http_clientcert_variable_certificate(r, v, &rc);

    if (cert == NULL) {
        return rc;
    }

    if (ngx_http_clientcert_rfc9440(cert, r->pool, 0, 0, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    v->len = text.len;
    v->data = text.data;

    return NGX_OK;
}


/* the client chooses what it sends, so there is a limit and it is made once */

static ngx_int_t
ngx_http_clientcert_rfc9440_chain_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_int_t                      rc;
    ngx_str_t                     *text;
    ngx_uint_t                     sent;
    ngx_http_ssl_srv_conf_t       *sscf;
    ngx_clientcert_connection_t   *conn;
    ngx_clientcert_certificate_t  *cert;

    cert = ngx_http_clientcert_variable_certificate(r, v, &rc);

    if (cert == NULL) {
        return rc;
    }

    conn = ngx_clientcert_connection(r->connection);
    text = &conn->rfc9440_chain;

    if (text->data == NULL) {
        sent = ngx_clientcert_certificate_sent(cert);
        sscf = ngx_http_get_module_srv_conf(r, ngx_http_ssl_module);

        if (sent > sscf->verify_depth + 1) {
            ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                          "client sent %ui certificates with its own, more "
                          "than \"ssl_verify_depth\" and one: "
                          "$clientcert_rfc9440_chain is empty", sent);
            ngx_str_set(text, "");

        } else if (ngx_http_clientcert_rfc9440(cert, conn->pool, 1, sent,
                                               text)
                   != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    v->len = text->len;
    v->data = text->data;
    v->not_found = (text->len == 0);

    return NGX_OK;
}


/*
 * A List of Byte Sequences, base64 between colons (RFC 8941), of the
 * certificates from first to last in the order they were sent.
 */

static ngx_int_t
ngx_http_clientcert_rfc9440(ngx_clientcert_certificate_t *cert,
    ngx_pool_t *pool, ngx_uint_t first, ngx_uint_t last, ngx_str_t *text)
{
    u_char      *p, *buf;
    size_t       len, der, max;
    ngx_str_t    src, dst;
    ngx_uint_t   i;

    len = 0;
    max = 0;

    for (i = first; i <= last; i++) {
        der = ngx_clientcert_certificate_der_len(cert, i);
        if (der == 0) {
            return NGX_ERROR;
        }

        len += sizeof(":, :") - 1 + ngx_base64_encoded_length(der);
        max = ngx_max(max, der);
    }

    p = ngx_pnalloc(pool, len + 1);
    buf = ngx_alloc(max + 1, pool->log);

    if (p == NULL || buf == NULL) {
        ngx_free(buf);
        return NGX_ERROR;
    }

    text->data = p;

    for (i = first; i <= last; i++) {
        src.data = buf;
        src.len = ngx_clientcert_certificate_der(cert, i, buf) - buf;

        p = ngx_sprintf(p, i > first ? ", :" : ":");

        dst.data = p;
        ngx_encode_base64(&dst, &src);

        p += dst.len;
        *p++ = ':';
    }

    text->len = p - text->data;

    ngx_free(buf);

    return NGX_OK;
}


/*
 * Returns NULL and what the variable's handler returns if there is no client
 * certificate, else marks the variable as one that has a value.
 */

static ngx_clientcert_certificate_t *
ngx_http_clientcert_variable_certificate(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, ngx_int_t *rc)
{
    ngx_clientcert_connection_t  *conn;

    *rc = NGX_OK;
    v->not_found = 1;

    if (r->connection->ssl == NULL) {
        return NULL;
    }

    conn = ngx_clientcert_connection(r->connection);

    if (conn == NULL) {
        *rc = NGX_ERROR;
        return NULL;
    }

    if (conn->cert == NULL) {
        return NULL;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return conn->cert;
}


static ngx_clientcert_names_t *
ngx_http_clientcert_variable_names(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, ngx_int_t *rc)
{
    ngx_clientcert_names_t        *names;
    ngx_clientcert_certificate_t  *cert;

    cert = ngx_http_clientcert_variable_certificate(r, v, rc);

    if (cert == NULL) {
        return NULL;
    }

    names = ngx_clientcert_certificate_names(cert);

    if (names == NULL) {
        *rc = NGX_ERROR;
    }

    return names;
}


/* left out is what matches nothing or isn't plain */

static ngx_uint_t
ngx_http_clientcert_wants(ngx_clientcert_name_t *name, uintptr_t data)
{
    if (data == NGX_HTTP_CLIENTCERT_ALL_SANS
        ? ngx_clientcert_facts_san[name->type] == NULL
        : name->type != data)
    {
        return 0;
    }

    return !name->bad
           && (name->type == NGX_CLIENTCERT_IP
               || ngx_clientcert_text_plain(&name->value) == name->value.len);
}


static u_char *
ngx_http_clientcert_name(u_char *p, ngx_clientcert_name_t *name,
    uintptr_t data)
{
    if (data == NGX_HTTP_CLIENTCERT_ALL_SANS) {
        p = ngx_sprintf(p, "%s", ngx_clientcert_facts_san[name->type]);
    }

    if (name->type == NGX_CLIENTCERT_IP) {
        return p + ngx_inet_ntop(name->value.len == 4 ? AF_INET : AF_INET6,
                                 name->value.data, p, NGX_INET6_ADDRSTRLEN);
    }

    return ngx_clientcert_text_list(p, &name->value);
}
