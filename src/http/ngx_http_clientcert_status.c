
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "../cert/ngx_clientcert_text.h"
#include "../policy/ngx_clientcert_decisions.h"
#include "ngx_http_clientcert_explain.h"
#include "ngx_http_clientcert_json.h"
#include "ngx_http_clientcert_server.h"
#include "ngx_http_clientcert_status.h"
#include "ngx_http_clientcert_turn.h"


/* items of a list, unless asked for otherwise */
#define NGX_HTTP_CLIENTCERT_STATUS_LIMIT  100

/* series of a kind that "max" may ask for */
#define NGX_HTTP_CLIENTCERT_STATUS_SERIES  5000


static ngx_int_t ngx_http_clientcert_status_parameter(ngx_conf_t *cf,
    ngx_http_clientcert_status_t *status, ngx_str_t *value);
static ngx_int_t ngx_http_clientcert_status_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_clientcert_status_answer(ngx_http_request_t *r);
static ngx_int_t ngx_http_clientcert_status_query(ngx_http_request_t *r,
    ngx_http_clientcert_status_t *status, ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query);
static ngx_int_t ngx_http_clientcert_status_policies(
    ngx_http_clientcert_output_t *out, ngx_http_clientcert_query_t *query,
    ngx_str_t *name);
static ngx_int_t ngx_http_clientcert_status_stores(
    ngx_http_clientcert_output_t *out, ngx_http_clientcert_query_t *query,
    ngx_str_t *name);
static ngx_uint_t ngx_http_clientcert_status_flag(ngx_http_request_t *r,
    const char *name);


ngx_str_t  ngx_http_clientcert_status_json = ngx_string("application/json");
static ngx_str_t  ngx_http_clientcert_status_text =
                      ngx_string("text/plain; version=0.0.4; charset=utf-8");


char *
ngx_http_clientcert_status_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_clientcert_main_conf_t *mcf = conf;

    return ngx_clientcert_stats_conf(cf, mcf->stats);
}


char *
ngx_http_clientcert_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_clientcert_loc_conf_t *lcf = conf;

    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_core_loc_conf_t          *clcf;
    ngx_http_clientcert_status_t      *status;
    ngx_http_clientcert_loc_conf_t   **place;
    ngx_http_clientcert_main_conf_t   *mcf;

    if (lcf->status) {
        return "is duplicate";
    }

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_clientcert_policy_module);

    status = ngx_pcalloc(cf->pool, sizeof(ngx_http_clientcert_status_t));
    place = ngx_array_push(&mcf->status);

    if (status == NULL || place == NULL) {
        return NGX_CONF_ERROR;
    }

    *place = lcf;
    lcf->status = status;

    status->max = NGX_HTTP_CLIENTCERT_STATUS_MAX;
    status->guard.directive = "clientcert_status";
    status->guard.file = cf->conf_file->file.name.data;
    status->guard.line = cf->conf_file->line;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_clientcert_status_parameter(cf, status, &value[i])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    lcf->handler = ngx_http_clientcert_status_handler;
    clcf->handler = lcf->handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_clientcert_status_parameter(ngx_conf_t *cf,
    ngx_http_clientcert_status_t *status, ngx_str_t *value)
{
    ngx_int_t                         n;
    ngx_str_t                        *first, text;
    ngx_http_clientcert_main_conf_t  *mcf;

    first = cf->args->elts;

    if (value == first + 1 && ngx_strcmp(value->data, "json") == 0) {
        return NGX_OK;
    }

    if (value == first + 1 && ngx_strcmp(value->data, "prometheus") == 0) {
        status->prometheus = 1;
        return NGX_OK;
    }

    if (ngx_strcmp(value->data, "remote") == 0) {
        status->guard.remote = 1;
        return NGX_OK;
    }

    if (!status->prometheus
        && ngx_strncmp(value->data, "upload=", 7) == 0)
    {
        mcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_clientcert_policy_module);

        text.data = value->data + 7;
        text.len = value->len - 7;

        return ngx_http_clientcert_upload(cf, status, &mcf->stores, &text);
    }

    if (status->prometheus && ngx_strcmp(value->data, "rules") == 0) {
        status->rules = 1;
        return NGX_OK;
    }

    if (status->prometheus && ngx_strcmp(value->data, "certificates") == 0) {
        status->certificates = 1;
        return NGX_OK;
    }

    if (status->prometheus && ngx_strncmp(value->data, "max=", 4) == 0) {
        n = ngx_atoi(value->data + 4, value->len - 4);

        if (n < 1 || n > NGX_HTTP_CLIENTCERT_STATUS_SERIES) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number \"%s\" in \"max\", it must be "
                               "from 1 to %d", value->data + 4,
                               NGX_HTTP_CLIENTCERT_STATUS_SERIES);
            return NGX_ERROR;
        }

        status->max = n;
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\"", value);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_clientcert_status_init(ngx_conf_t *cf,
    ngx_http_clientcert_main_conf_t *mcf)
{
    ngx_uint_t                        i;
    ngx_http_clientcert_loc_conf_t  **lcf;

    if (!mcf->stats->defined && mcf->status.nelts == 0) {
        return NGX_OK;
    }

    lcf = mcf->status.elts;

    for (i = 0; i < mcf->status.nelts; i++) {
        if (lcf[i]->explain) {
            ngx_http_clientcert_guard_warn(cf, &lcf[i]->explain->guard,
                                           lcf[i]->policy);
        }

        if (lcf[i]->status == NULL) {
            continue;
        }

        ngx_http_clientcert_guard_warn(cf, &lcf[i]->status->guard,
                                       lcf[i]->policy);

        if (ngx_http_clientcert_upload_check(cf, lcf[i]->status) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    mcf->turns = ngx_http_clientcert_turns_create(cf);

    if (mcf->turns == NULL
        || ngx_clientcert_stats_zone(cf, mcf->stats,
                                     &ngx_http_clientcert_policy_module)
           != NGX_OK
        || ngx_http_clientcert_server_init(cf, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_clientcert_decisions_init(cf, &mcf->policies.all,
                                         &mcf->stats->counts);
}


static ngx_int_t
ngx_http_clientcert_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_http_clientcert_loc_conf_t  *lcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        rc = ngx_http_clientcert_output_header(r, "Allow", "GET, HEAD");
        return (rc == NGX_OK) ? NGX_HTTP_NOT_ALLOWED
                              : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_clientcert_policy_module);

    if (!ngx_http_clientcert_guard_permits(r, &lcf->status->guard,
                                           lcf->policy))
    {
        return NGX_HTTP_FORBIDDEN;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_clientcert_turn(r, ngx_http_clientcert_status_answer);
}


static ngx_int_t
ngx_http_clientcert_status_answer(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_str_t                       *type;
    ngx_http_clientcert_query_t      query;
    ngx_http_clientcert_output_t     out;
    ngx_http_clientcert_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_clientcert_policy_module);

    ngx_http_clientcert_output_init(&out, r->pool);

    rc = ngx_http_clientcert_status_query(r, lcf->status, &out, &query);

    if (rc == NGX_OK && lcf->status->prometheus) {
        ngx_http_clientcert_metrics(&out, &query);

    } else if (rc == NGX_OK) {
        rc = ngx_http_clientcert_view(&out, &query);
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    type = (rc == NGX_OK && lcf->status->prometheus)
           ? &ngx_http_clientcert_status_text
           : &ngx_http_clientcert_status_json;

    return ngx_http_clientcert_output_send(&out, r,
                                           (rc == NGX_OK) ? NGX_HTTP_OK : rc,
                                           type);
}


/* returns NGX_OK, NGX_ERROR without memory, or the status of what is wrong */

static ngx_int_t
ngx_http_clientcert_status_query(ngx_http_request_t *r,
    ngx_http_clientcert_status_t *status, ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query)
{
    ngx_int_t                          rc;
    ngx_str_t                          policy, store, sha256, sort;
    ngx_clientcert_thumbprint_error_t  err;

    ngx_memzero(query, sizeof(ngx_http_clientcert_query_t));

    query->mcf = ngx_http_get_module_main_conf(r,
                                           ngx_http_clientcert_policy_module);
    query->status = status;
    query->limit = NGX_HTTP_CLIENTCERT_STATUS_LIMIT;
    query->work = NGX_HTTP_CLIENTCERT_STATUS_WORK;

    if (ngx_http_clientcert_status_arg(r, "view", &query->view) != NGX_OK
        || ngx_http_clientcert_status_arg(r, "q", &query->q) != NGX_OK
        || ngx_http_clientcert_status_arg(r, "after", &query->after) != NGX_OK
        || ngx_http_clientcert_status_arg(r, "reason", &query->reason)
           != NGX_OK
        || ngx_http_clientcert_status_name(r, "policy", &policy) != NGX_OK
        || ngx_http_clientcert_status_arg(r, "sha256", &sha256) != NGX_OK
        || ngx_http_clientcert_status_name(r, "store", &store) != NGX_OK
        || ngx_http_clientcert_status_arg(r, "sort", &sort) != NGX_OK)
    {
        return NGX_ERROR;
    }

    query->unused = ngx_http_clientcert_status_flag(r, "unused");
    query->der = ngx_http_clientcert_status_flag(r, "certificate");

    ngx_strlow(query->q.data, query->q.data, query->q.len);

    if (ngx_clientcert_thumbprint_read(query->q.data, query->q.len,
                                       &query->thumbprint, &err)
        != NGX_OK)
    {
        query->thumbprint.len = 0;
    }

    if (sha256.data) {
        rc = ngx_http_clientcert_status_sha256(out, &sha256, &query->sha256);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (sort.data) {
        if (sort.len != 9 || ngx_strncmp(sort.data, "not_after", 9) != 0) {
            return ngx_http_clientcert_status_error(out, NGX_HTTP_BAD_REQUEST,
                                                    "sort", &sort);
        }

        query->soonest = 1;
    }

    rc = ngx_http_clientcert_status_number(r, out, "expiring", 36500,
                                           &query->expiring);

    if (rc == NGX_OK) {
        rc = ngx_http_clientcert_status_number(r, out, "limit",
                                               NGX_HTTP_CLIENTCERT_STATUS_MAX,
                                               &query->limit);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_clientcert_status_policies(out, query, &policy);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_clientcert_status_stores(out, query, &store);
    }

    return rc;
}


static ngx_int_t
ngx_http_clientcert_status_policies(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query, ngx_str_t *name)
{
    ngx_clientcert_dictionary_t  *policies;

    policies = &query->mcf->policies;

    query->policies = policies->all.elts;
    query->npolicies = policies->all.nelts;

    if (name->data == NULL) {
        return NGX_OK;
    }

    query->policy = ngx_clientcert_dictionary_find(policies, name);

    if (query->policy == NULL) {
        return ngx_http_clientcert_status_error(out, NGX_HTTP_NOT_FOUND,
                                                "policy", name);
    }

    query->policies = &query->policy;
    query->npolicies = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_status_stores(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query, ngx_str_t *name)
{
    ngx_str_t                 *known;
    ngx_uint_t                 i;
    ngx_clientcert_source_t  **src;

    src = query->mcf->loaders.elts;

    query->stores = src;
    query->nstores = query->mcf->loaders.nelts;

    if (name->data == NULL) {
        return NGX_OK;
    }

    for (i = 0; i < query->nstores; i++) {
        known = &src[i]->store->name;

        if (known->len == name->len
            && ngx_strncmp(known->data, name->data, name->len) == 0)
        {
            query->stores = &src[i];
            query->nstores = 1;

            return NGX_OK;
        }
    }

    return ngx_http_clientcert_status_error(out, NGX_HTTP_NOT_FOUND, "store",
                                            name);
}


ngx_int_t
ngx_http_clientcert_status_arg(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    u_char  *dst, *src;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), value) != NGX_OK) {
        ngx_str_null(value);
        return NGX_OK;
    }

    src = value->data;

    dst = ngx_pnalloc(r->pool, value->len + 1);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    value->data = dst;
    ngx_unescape_uri(&dst, &src, value->len, 0);
    value->len = dst - value->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_clientcert_status_name(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    u_char     *p, *dst, *last;
    ngx_int_t   byte;

    if (ngx_http_clientcert_status_arg(r, name, value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (value->data == NULL) {
        return NGX_OK;
    }

    p = value->data;
    dst = p;
    last = p + value->len;

    while (p < last) {

        byte = ngx_clientcert_text_escaped(p, last);

        if (byte == NGX_ERROR) {
            *dst++ = *p++;

        } else {
            *dst++ = (u_char) byte;
            p += 4;
        }
    }

    value->len = dst - value->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_clientcert_status_number(ngx_http_request_t *r,
    ngx_http_clientcert_output_t *out, const char *name, ngx_int_t max,
    ngx_uint_t *n)
{
    ngx_int_t  number;
    ngx_str_t  text;

    if (ngx_http_clientcert_status_arg(r, name, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text.data == NULL) {
        return NGX_OK;
    }

    number = ngx_atoi(text.data, text.len);

    if (number < 1 || number > max) {
        return ngx_http_clientcert_status_error(out, NGX_HTTP_BAD_REQUEST,
                                                name, &text);
    }

    *n = number;

    return NGX_OK;
}


ngx_int_t
ngx_http_clientcert_status_sha256(ngx_http_clientcert_output_t *out,
    ngx_str_t *text, ngx_clientcert_thumbprint_t *sha256)
{
    ngx_clientcert_thumbprint_error_t  err;

    if (ngx_clientcert_thumbprint_read(text->data, text->len, sha256, &err)
        != NGX_OK
        || sha256->len != NGX_CLIENTCERT_SHA256_LEN)
    {
        return ngx_http_clientcert_status_error(out, NGX_HTTP_BAD_REQUEST,
                                                "sha256", text);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_clientcert_status_flag(ngx_http_request_t *r, const char *name)
{
    ngx_str_t  value;

    return ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &value) == NGX_OK
           && value.len == 1 && value.data[0] == '1';
}


ngx_int_t
ngx_http_clientcert_status_error(ngx_http_clientcert_output_t *out,
    ngx_int_t status, const char *what, ngx_str_t *value)
{
    const char  *how;

    how = (status == NGX_HTTP_NOT_FOUND) ? "no_such" : "invalid";

    ngx_http_clientcert_json_open(out, NULL, '{');
    ngx_http_clientcert_json_number(out, "format",
                                    NGX_HTTP_CLIENTCERT_STATUS_FORMAT);
    ngx_http_clientcert_json_open(out, "error", '{');
    ngx_http_clientcert_json_number(out, "status", status);
    ngx_http_clientcert_output_print(out, ",\"code\":\"%s_%s\"", how, what);
    ngx_http_clientcert_output_print(out, ",\"text\":\"%s %s \\\"",
                                     (status == NGX_HTTP_NOT_FOUND)
                                     ? "no such" : "invalid", what);
    ngx_http_clientcert_output_text(out, value);
    ngx_http_clientcert_output_print(out, "\\\"\"}}\n");

    return status;
}
