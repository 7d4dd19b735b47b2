
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_CHECK_H_INCLUDED_
#define _NGX_CLIENTCERT_CHECK_H_INCLUDED_


#include "ngx_clientcert_policy.h"


/*
 * Checks the policies (ngx_clientcert_policy_t *), the stores
 * (ngx_clientcert_store_t *) and the files of CAs (ngx_clientcert_ca_t *) of
 * a configuration that is complete; trusted is what its servers trust
 * (X509_STORE *).  What was named before it was defined is resolved.
 * Returns NGX_OK or NGX_ERROR, and logs what is wrong or surely not meant.
 */
ngx_int_t ngx_clientcert_check(ngx_conf_t *cf, ngx_array_t *policies,
    ngx_array_t *stores, ngx_array_t *cas, ngx_array_t *trusted);


#endif /* _NGX_CLIENTCERT_CHECK_H_INCLUDED_ */
