
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert_json.h"
#include "ngx_http_clientcert_status.h"


/*
 * Where the page may put files into a store: the module only tells it.  That
 * what is put there comes into the directory is left to dav_methods.
 */


ngx_int_t
ngx_http_clientcert_upload(ngx_conf_t *cf,
    ngx_http_clientcert_status_t *status, ngx_clientcert_dictionary_t *stores,
    ngx_str_t *value)
{
    u_char                        *p;
    ngx_str_t                      name, path;
    ngx_http_clientcert_upload_t  *upload;

    name = *value;
    ngx_str_null(&path);

    p = ngx_strlcasestrn(value->data, value->data + value->len,
                         (u_char *) ":/", 2 - 1);

    if (p) {
        name.len = p - value->data;

        path.data = p + 1;
        path.len = value->data + value->len - path.data;
    }

    if (p == NULL || name.len == 0 || path.data[path.len - 1] != '/') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid upload \"%V\", it must be a store and a "
                           "path as in \"name:/path/\"", value);
        return NGX_ERROR;
    }

    if (status->uploads == NULL) {
        status->uploads = ngx_array_create(cf->pool, 1,
                                         sizeof(ngx_http_clientcert_upload_t));
        if (status->uploads == NULL) {
            return NGX_ERROR;
        }
    }

    upload = ngx_array_push(status->uploads);
    if (upload == NULL) {
        return NGX_ERROR;
    }

    upload->path = path;

    upload->store = ngx_clientcert_store_get(cf, stores, &name);
    if (upload->store == NULL) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_clientcert_upload_check(ngx_conf_t *cf,
    ngx_http_clientcert_status_t *status)
{
    ngx_uint_t                     i;
    ngx_http_clientcert_upload_t  *upload;

    if (status->uploads == NULL) {
        return NGX_OK;
    }

    upload = status->uploads->elts;

    for (i = 0; i < status->uploads->nelts; i++) {
        if (!upload[i].store->certificates) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "store \"%V\" of \"upload\" in %s:%ui is no "
                          "directory", &upload[i].store->name,
                          status->guard.file, status->guard.line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_http_clientcert_upload_view(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_status_t *status)
{
    ngx_uint_t                     i, n;
    ngx_http_clientcert_upload_t  *upload;

    upload = status->uploads ? status->uploads->elts : NULL;
    n = status->uploads ? status->uploads->nelts : 0;

    ngx_http_clientcert_json_open(out, "upload", '[');

    for (i = 0; i < n; i++) {
        ngx_http_clientcert_json_open(out, NULL, '{');
        ngx_http_clientcert_json_text(out, "store", &upload[i].store->name);
        ngx_http_clientcert_json_text(out, "path", &upload[i].path);
        ngx_http_clientcert_json_close(out, '}');
    }

    ngx_http_clientcert_json_close(out, ']');
}
