
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_loader.h"


#define NGX_CLIENTCERT_MIN_INTERVAL  10
#define NGX_CLIENTCERT_WARN_DAYS     30


static ngx_int_t ngx_clientcert_loader_parameter(ngx_conf_t *cf,
    ngx_clientcert_loader_t *ld, ngx_str_t *value);
static ngx_int_t ngx_clientcert_loader_source(ngx_conf_t *cf,
    ngx_clientcert_loader_t *ld, ngx_str_t *value);


char *
ngx_clientcert_loader_conf(ngx_conf_t *cf, ngx_array_t *loaders,
    ngx_array_t *stores)
{
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_clientcert_store_t    *st;
    ngx_clientcert_loader_t  **added, *ld;

    value = cf->args->elts;

    if (value[1].len == 0 || ngx_strchr(value[1].data, '=')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid store name \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    st = ngx_clientcert_store_get(cf, stores, &value[1]);
    if (st == NULL) {
        return NGX_CONF_ERROR;
    }

    if (st->defined) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate store \"%V\", the first one is in "
                           "%s:%ui", &value[1], st->file, st->line);
        return NGX_CONF_ERROR;
    }

    st->defined = 1;
    st->file = cf->conf_file->file.name.data;
    st->line = cf->conf_file->line;

    ld = ngx_pcalloc(cf->pool, sizeof(ngx_clientcert_loader_t));
    added = ngx_array_push(loaders);

    if (ld == NULL || added == NULL) {
        return NGX_CONF_ERROR;
    }

    *added = ld;

    ld->store = st;
    ld->interval = 1000;
    ld->warn = NGX_CLIENTCERT_WARN_DAYS * 24 * 60 * 60;
    ld->wd = -1;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_clientcert_loader_parameter(cf, ld, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (ld->path.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have \"directory\" or \"list\" "
                           "parameter", &value[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_clientcert_loader_parameter(ngx_conf_t *cf, ngx_clientcert_loader_t *ld,
    ngx_str_t *value)
{
    ssize_t    size;
    ngx_int_t  n;
    ngx_str_t  s;

    if (ngx_strncmp(value->data, "directory=", 10) == 0
        || ngx_strncmp(value->data, "list=", 5) == 0)
    {
        return ngx_clientcert_loader_source(cf, ld, value);
    }

    if (ngx_strncmp(value->data, "size=", 5) == 0) {
        s.data = value->data + 5;
        s.len = value->len - 5;

        size = ngx_parse_size(&s);

        if (size < (ssize_t) (16 * ngx_pagesize)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid size \"%V\", it must be at least %uzk",
                               &s, 16 * ngx_pagesize / 1024);
            return NGX_ERROR;
        }

        ld->size = size;
        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "interval=", 9) == 0) {
        s.data = value->data + 9;
        s.len = value->len - 9;

        n = ngx_parse_time(&s, 0);

        if (n < NGX_CLIENTCERT_MIN_INTERVAL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid interval \"%V\", it must be at least "
                               "%dms", &s, NGX_CLIENTCERT_MIN_INTERVAL);
            return NGX_ERROR;
        }

        ld->interval = n;
        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "warn=", 5) == 0) {
        s.data = value->data + 5;
        s.len = value->len - 5;

        n = ngx_atoi(s.data, s.len);

        if (n < 0 || n > 36500) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of days \"%V\" in \"warn\"",
                               &s);
            return NGX_ERROR;
        }

        ld->warn = (time_t) n * 24 * 60 * 60;
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\"", value);

    return NGX_ERROR;
}


static ngx_int_t
ngx_clientcert_loader_source(ngx_conf_t *cf, ngx_clientcert_loader_t *ld,
    ngx_str_t *value)
{
    size_t  len;

    if (ld->path.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a store has one \"directory\" or \"list\", "
                           "\"%V\" is one too many", value);
        return NGX_ERROR;
    }

    ld->store->certificates = (value->data[0] == 'd');

    len = ld->store->certificates ? sizeof("directory=") - 1
                                  : sizeof("list=") - 1;

    ld->path.data = value->data + len;
    ld->path.len = value->len - len;

    if (ld->path.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", value);
        return NGX_ERROR;
    }

    return ngx_conf_full_name(cf->cycle, &ld->path, 1);
}
