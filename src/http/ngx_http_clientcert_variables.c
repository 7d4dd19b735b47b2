
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert.h"


typedef enum {
    NGX_HTTP_CLIENTCERT_RESULT = 0,
    NGX_HTTP_CLIENTCERT_REASON,
    NGX_HTTP_CLIENTCERT_LABEL,
    NGX_HTTP_CLIENTCERT_POLICY
} ngx_http_clientcert_verdict_variable_e;


typedef enum {
    NGX_HTTP_CLIENTCERT_SHA1 = 0,
    NGX_HTTP_CLIENTCERT_SHA256,
    NGX_HTTP_CLIENTCERT_X5T_S256,
    NGX_HTTP_CLIENTCERT_SPKI_SHA256,
    NGX_HTTP_CLIENTCERT_DAYS_LEFT
} ngx_http_clientcert_facts_variable_e;


/* besides those of one type, the data of a variable of names */
#define NGX_HTTP_CLIENTCERT_ALL_SANS  NGX_CLIENTCERT_NAME_TYPES

#define NGX_HTTP_CLIENTCERT_LEAF      0
#define NGX_HTTP_CLIENTCERT_CHAIN     1


static ngx_int_t ngx_http_clientcert_verdict_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_clientcert_facts_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_clientcert_names_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_clientcert_rfc9440_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_clientcert_facts_t *ngx_http_clientcert_variable_facts(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, ngx_int_t *rc);
static void ngx_http_clientcert_base64url(ngx_str_t *dst, u_char *digest);
static ngx_uint_t ngx_http_clientcert_wants(ngx_clientcert_names_t *names,
    ngx_clientcert_name_t *name, uintptr_t data);
static u_char *ngx_http_clientcert_name(u_char *p,
    ngx_clientcert_name_t *name, uintptr_t data);
static u_char *ngx_http_clientcert_escape(u_char *p, ngx_str_t *text,
    ngx_uint_t list);
static u_char *ngx_http_clientcert_ip(u_char *p, ngx_str_t *address);
static ngx_int_t ngx_http_clientcert_rfc9440(ngx_pool_t *pool,
    ngx_str_t *der, ngx_str_t *text);
static ngx_int_t ngx_http_clientcert_join(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *more);


static ngx_str_t  ngx_http_clientcert_allow = ngx_string("allow");
static ngx_str_t  ngx_http_clientcert_deny = ngx_string("deny");


/* in the order of ngx_clientcert_name_e, of subjectAltNames only */

static const char  *ngx_http_clientcert_san_types[] = {
    NULL, NULL, NULL, "dns:", "uri:", "email:", "ip:"
};


static ngx_http_variable_t  ngx_http_clientcert_vars[] = {

    { ngx_string("clientcert_result"), NULL,
      ngx_http_clientcert_verdict_variable, NGX_HTTP_CLIENTCERT_RESULT,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("clientcert_reason"), NULL,
      ngx_http_clientcert_verdict_variable, NGX_HTTP_CLIENTCERT_REASON,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("clientcert_label"), NULL,
      ngx_http_clientcert_verdict_variable, NGX_HTTP_CLIENTCERT_LABEL,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("clientcert_policy"), NULL,
      ngx_http_clientcert_verdict_variable, NGX_HTTP_CLIENTCERT_POLICY,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("clientcert_sha1"), NULL,
      ngx_http_clientcert_facts_variable, NGX_HTTP_CLIENTCERT_SHA1, 0, 0 },

    { ngx_string("clientcert_sha256"), NULL,
      ngx_http_clientcert_facts_variable, NGX_HTTP_CLIENTCERT_SHA256, 0, 0 },

    { ngx_string("clientcert_x5t_s256"), NULL,
      ngx_http_clientcert_facts_variable, NGX_HTTP_CLIENTCERT_X5T_S256, 0, 0 },

    { ngx_string("clientcert_spki_sha256"), NULL,
      ngx_http_clientcert_facts_variable, NGX_HTTP_CLIENTCERT_SPKI_SHA256,
      0, 0 },

    { ngx_string("clientcert_days_left"), NULL,
      ngx_http_clientcert_facts_variable, NGX_HTTP_CLIENTCERT_DAYS_LEFT,
      0, 0 },

    { ngx_string("clientcert_cn"), NULL,
      ngx_http_clientcert_names_variable, NGX_CLIENTCERT_CN, 0, 0 },

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

    { ngx_string("clientcert_rfc9440"), NULL,
      ngx_http_clientcert_rfc9440_variable, NGX_HTTP_CLIENTCERT_LEAF, 0, 0 },

    { ngx_string("clientcert_rfc9440_chain"), NULL,
      ngx_http_clientcert_rfc9440_variable, NGX_HTTP_CLIENTCERT_CHAIN, 0, 0 },

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
ngx_http_clientcert_facts_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    time_t                   left;
    u_char                  *p;
    ngx_int_t                rc;
    ngx_str_t                text;
    ngx_clientcert_facts_t  *facts;

    facts = ngx_http_clientcert_variable_facts(r, v, &rc);

    if (facts == NULL) {
        return rc;
    }

    text.data = ngx_pnalloc(r->pool, NGX_CLIENTCERT_SHA256_LEN * 2);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    switch (data) {

    case NGX_HTTP_CLIENTCERT_SHA1:
        p = ngx_hex_dump(text.data, facts->sha1, NGX_CLIENTCERT_SHA1_LEN);
        break;

    case NGX_HTTP_CLIENTCERT_SHA256:
        p = ngx_hex_dump(text.data, facts->sha256, NGX_CLIENTCERT_SHA256_LEN);
        break;

    case NGX_HTTP_CLIENTCERT_SPKI_SHA256:
        p = ngx_hex_dump(text.data, facts->spki_sha256,
                         NGX_CLIENTCERT_SHA256_LEN);
        break;

    case NGX_HTTP_CLIENTCERT_DAYS_LEFT:
        left = facts->not_after - ngx_time();

        /* whole days, below zero from the first second on */
        left = (left < 0) ? -((-left - 1) / 86400 + 1) : left / 86400;

        p = ngx_sprintf(text.data, "%T", left);
        break;

    default: /* NGX_HTTP_CLIENTCERT_X5T_S256 */
        ngx_http_clientcert_base64url(&text, facts->sha256);
        p = text.data + text.len;
        break;
    }

    v->len = p - text.data;
    v->data = text.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_names_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    size_t                   len;
    u_char                  *p;
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_clientcert_name_t   *name;
    ngx_clientcert_facts_t  *facts;
    ngx_clientcert_names_t  *names;

    facts = ngx_http_clientcert_variable_facts(r, v, &rc);

    if (facts == NULL) {
        return rc;
    }

    names = ngx_clientcert_facts_names(facts);
    if (names == NULL) {
        return NGX_ERROR;
    }

    len = 0;

    for (i = 0; i < names->nelts; i++) {
        name = &names->elts[i];

        if (ngx_http_clientcert_wants(names, name, data)) {
            len += sizeof(",email:") - 1 + NGX_INET6_ADDRSTRLEN
                   + name->value.len * (sizeof("\\x00") - 1);
        }
    }

    p = ngx_pnalloc(r->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;

    for (i = 0; i < names->nelts; i++) {
        name = &names->elts[i];

        if (ngx_http_clientcert_wants(names, name, data)) {

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
    ngx_int_t                rc;
    ngx_str_t                der, item, text;
    ngx_uint_t               i;
    ngx_clientcert_facts_t  *facts;

    facts = ngx_http_clientcert_variable_facts(r, v, &rc);

    if (facts == NULL) {
        return rc;
    }

    ngx_str_null(&text);

    /* the client certificate is the 0th */

    for (i = data; data == NGX_HTTP_CLIENTCERT_CHAIN || i == 0; i++) {

        rc = ngx_clientcert_facts_der(facts, r->pool, i, &der);

        if (rc == NGX_DECLINED) {
            break;
        }

        if (rc != NGX_OK
            || ngx_http_clientcert_rfc9440(r->pool, &der, &item) != NGX_OK
            || ngx_http_clientcert_join(r->pool, &text, &item) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    v->len = text.len;
    v->data = text.data;
    v->not_found = (text.len == 0);

    return NGX_OK;
}


/*
 * Returns NULL and what the variable's handler returns if there is no client
 * certificate, else marks the variable as one that has a value.
 */

static ngx_clientcert_facts_t *
ngx_http_clientcert_variable_facts(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, ngx_int_t *rc)
{
    ngx_clientcert_facts_t  *facts;

    *rc = NGX_OK;
    v->not_found = 1;

    if (r->connection->ssl == NULL) {
        return NULL;
    }

    facts = ngx_clientcert_facts(r->connection);

    if (facts == NULL) {
        *rc = NGX_ERROR;
        return NULL;
    }

    if (!facts->certificate) {
        return NULL;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return facts;
}


static void
ngx_http_clientcert_base64url(ngx_str_t *dst, u_char *digest)
{
    ngx_str_t  src;

    src.data = digest;
    src.len = NGX_CLIENTCERT_SHA256_LEN;

    ngx_encode_base64url(dst, &src);
}


/* a name that matches nothing isn't told either, nor is one of several CNs */

static ngx_uint_t
ngx_http_clientcert_wants(ngx_clientcert_names_t *names,
    ngx_clientcert_name_t *name, uintptr_t data)
{
    if (name->bad) {
        return 0;
    }

    if (data == NGX_HTTP_CLIENTCERT_ALL_SANS) {
        return ngx_http_clientcert_san_types[name->type] != NULL;
    }

    return name->type == data
           && (data != NGX_CLIENTCERT_CN || names->n[data] == 1);
}


static u_char *
ngx_http_clientcert_name(u_char *p, ngx_clientcert_name_t *name,
    uintptr_t data)
{
    if (data == NGX_HTTP_CLIENTCERT_ALL_SANS) {
        p = ngx_sprintf(p, "%s", ngx_http_clientcert_san_types[name->type]);
    }

    if (name->type == NGX_CLIENTCERT_IP) {
        return ngx_http_clientcert_ip(p, &name->value);
    }

    return ngx_http_clientcert_escape(p, &name->value,
                                      data != NGX_CLIENTCERT_CN);
}


static u_char *
ngx_http_clientcert_escape(u_char *p, ngx_str_t *text, ngx_uint_t list)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (ch < 0x20 || ch > 0x7e || ch == '"' || ch == '\\'
            || (list && ch == ','))
        {
            p = ngx_sprintf(p, "\\x%02Xd", (int) ch);

        } else {
            *p++ = ch;
        }
    }

    return p;
}


static u_char *
ngx_http_clientcert_ip(u_char *p, ngx_str_t *address)
{
    u_char  *a;

    a = address->data;

    if (address->len == 4) {
        return ngx_sprintf(p, "%d.%d.%d.%d", (int) a[0], (int) a[1],
                           (int) a[2], (int) a[3]);
    }

#if (NGX_HAVE_INET6)
    p += ngx_inet6_ntop(a, p, NGX_INET6_ADDRSTRLEN);
#endif

    return p;
}


/* a Byte Sequence of RFC 8941: base64 between colons */

static ngx_int_t
ngx_http_clientcert_rfc9440(ngx_pool_t *pool, ngx_str_t *der,
    ngx_str_t *text)
{
    ngx_str_t  base64;

    text->data = ngx_pnalloc(pool, ngx_base64_encoded_length(der->len) + 2);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    base64.data = text->data + 1;

    ngx_encode_base64(&base64, der);

    text->data[0] = ':';
    text->data[base64.len + 1] = ':';
    text->len = base64.len + 2;

    return NGX_OK;
}


/* makes a List of RFC 8941 */

static ngx_int_t
ngx_http_clientcert_join(ngx_pool_t *pool, ngx_str_t *text, ngx_str_t *more)
{
    u_char  *p;

    if (text->len == 0) {
        *text = *more;
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, text->len + sizeof(", ") - 1 + more->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->len = ngx_sprintf(p, "%V, %V", text, more) - p;
    text->data = p;

    return NGX_OK;
}
