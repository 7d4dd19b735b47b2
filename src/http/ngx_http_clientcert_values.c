
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert.h"


static ngx_int_t ngx_http_clientcert_values_compile(ngx_conf_t *cf,
    ngx_str_t *text, void **compiled);
static ngx_int_t ngx_http_clientcert_values_evaluate(void *request,
    void *compiled, ngx_str_t *value);


ngx_clientcert_variables_t  ngx_http_clientcert_values = {
    ngx_http_clientcert_values_compile,
    ngx_http_clientcert_values_evaluate
};


static ngx_int_t
ngx_http_clientcert_values_compile(ngx_conf_t *cf, ngx_str_t *text,
    void **compiled)
{
    ngx_http_compile_complex_value_t  ccv;

    *compiled = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (*compiled == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = text;
    ccv.complex_value = *compiled;

    return ngx_http_compile_complex_value(&ccv);
}


static ngx_int_t
ngx_http_clientcert_values_evaluate(void *request, void *compiled,
    ngx_str_t *value)
{
    return ngx_http_complex_value(request, compiled, value);
}
