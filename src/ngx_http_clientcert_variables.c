
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
    NGX_HTTP_CLIENTCERT_X5T_S256
} ngx_http_clientcert_facts_variable_e;


static ngx_int_t ngx_http_clientcert_verdict_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_clientcert_facts_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_clientcert_base64url(ngx_str_t *dst, u_char *digest);


static ngx_str_t  ngx_http_clientcert_allow = ngx_string("allow");
static ngx_str_t  ngx_http_clientcert_deny = ngx_string("deny");


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
    ngx_str_t                text;
    ngx_clientcert_facts_t  *facts;

    v->not_found = 1;

    if (r->connection->ssl == NULL) {
        return NGX_OK;
    }

    facts = ngx_clientcert_facts(r->connection);

    if (facts == NULL) {
        return NGX_ERROR;
    }

    if (!facts->certificate) {
        return NGX_OK;
    }

    text.data = ngx_pnalloc(r->pool, NGX_CLIENTCERT_SHA256_LEN * 2);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    switch (data) {

    case NGX_HTTP_CLIENTCERT_SHA1:
        text.len = ngx_hex_dump(text.data, facts->sha1,
                                NGX_CLIENTCERT_SHA1_LEN)
                   - text.data;
        break;

    case NGX_HTTP_CLIENTCERT_SHA256:
        text.len = ngx_hex_dump(text.data, facts->sha256,
                                NGX_CLIENTCERT_SHA256_LEN)
                   - text.data;
        break;

    default: /* NGX_HTTP_CLIENTCERT_X5T_S256 */
        ngx_http_clientcert_base64url(&text, facts->sha256);
        break;
    }

    v->len = text.len;
    v->data = text.data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static void
ngx_http_clientcert_base64url(ngx_str_t *dst, u_char *digest)
{
    ngx_str_t  src;

    src.data = digest;
    src.len = NGX_CLIENTCERT_SHA256_LEN;

    ngx_encode_base64url(dst, &src);
}
