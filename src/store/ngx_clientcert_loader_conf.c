
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_loader.h"
#include "ngx_clientcert_directory.h"
#include "ngx_clientcert_list.h"


/*
 * The directive, read in the master while nothing of it is in force yet.  What
 * it makes lies in the memory of the configuration; nobody locks anything.
 */

#define NGX_CLIENTCERT_MIN_INTERVAL  10
#define NGX_CLIENTCERT_WARN_DAYS     30


static ngx_int_t ngx_clientcert_loader_parameter(ngx_conf_t *cf,
    ngx_clientcert_source_t *src, ngx_str_t *value);
static ngx_int_t ngx_clientcert_loader_source(ngx_conf_t *cf,
    ngx_clientcert_source_t *src, ngx_str_t *value,
    ngx_clientcert_kind_t *kind);
static ngx_int_t ngx_clientcert_loader_mask(ngx_conf_t *cf,
    ngx_clientcert_source_t *src, ngx_str_t *value);


static ngx_clientcert_kind_t  *ngx_clientcert_kinds[] = {
    &ngx_clientcert_directory_kind,
    &ngx_clientcert_list_kind
};

#define NGX_CLIENTCERT_KINDS  (sizeof(ngx_clientcert_kinds)                   \
                               / sizeof(ngx_clientcert_kinds[0]))


char *
ngx_clientcert_loader_conf(ngx_conf_t *cf, ngx_array_t *sources,
    ngx_clientcert_dictionary_t *stores)
{
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_clientcert_store_t    *st;
    ngx_clientcert_source_t  **added, *src;

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

    src = ngx_pcalloc(cf->pool, sizeof(ngx_clientcert_source_t));
    added = ngx_array_push(sources);

    if (src == NULL || added == NULL) {
        return NGX_CONF_ERROR;
    }

    *added = src;

    src->store = st;
    src->interval = 1000;
    src->warn = NGX_CLIENTCERT_WARN_DAYS * 24 * 60 * 60;
    src->wd = -1;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_clientcert_loader_parameter(cf, src, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (src->kind == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have \"directory\" or \"list\" "
                           "parameter", &value[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_clientcert_loader_parameter(ngx_conf_t *cf, ngx_clientcert_source_t *src,
    ngx_str_t *value)
{
    ssize_t                 size;
    ngx_int_t               n;
    ngx_str_t               s;
    ngx_uint_t              i;
    ngx_clientcert_kind_t  *kind;

    for (i = 0; i < NGX_CLIENTCERT_KINDS; i++) {
        kind = ngx_clientcert_kinds[i];

        if (ngx_strncmp(value->data, kind->parameter.data,
                        kind->parameter.len)
            == 0)
        {
            return ngx_clientcert_loader_source(cf, src, value, kind);
        }
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

        src->size = size;
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

        src->interval = n;
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

        src->warn = (time_t) n * 24 * 60 * 60;
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\"", value);

    return NGX_ERROR;
}


static ngx_int_t
ngx_clientcert_loader_source(ngx_conf_t *cf, ngx_clientcert_source_t *src,
    ngx_str_t *value, ngx_clientcert_kind_t *kind)
{
    if (src->kind) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a store has one \"directory\" or \"list\", "
                           "\"%V\" is one too many", value);
        return NGX_ERROR;
    }

    src->kind = kind;
    src->store->certificates = kind->certificates;

    src->path.data = value->data + kind->parameter.len;
    src->path.len = value->len - kind->parameter.len;

    if (src->path.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", value);
        return NGX_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &src->path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    return kind->masks ? ngx_clientcert_loader_mask(cf, src, value) : NGX_OK;
}


/* takes a mask from the end of the path */

static ngx_int_t
ngx_clientcert_loader_mask(ngx_conf_t *cf, ngx_clientcert_source_t *src,
    ngx_str_t *value)
{
    u_char  *p, *last;

    last = src->path.data + src->path.len;

    for (p = last; p[-1] != '/'; p--) { /* void */ }

    if (strpbrk((char *) p, "*?[") == NULL) {
        return NGX_OK;
    }

    if (*p == '.') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", hidden files don't "
                           "count", value);
        return NGX_ERROR;
    }

    src->mask.len = last - p;
    src->mask.data = p;

    /* the path has a final zero */

    src->path.len = p - 1 - src->path.data;

    if (src->path.len == 0) {
        ngx_str_set(&src->path, "/");

    } else {
        p[-1] = '\0';
    }

    return NGX_OK;
}
