
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_LOADER_H_INCLUDED_
#define _NGX_CLIENTCERT_LOADER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_source.h"


/*
 * Reads the parameters of the directive that cf has read and adds the source
 * of a store to the array of ngx_clientcert_source_t *.
 */
char *ngx_clientcert_loader_conf(ngx_conf_t *cf, ngx_array_t *sources,
    ngx_clientcert_dictionary_t *stores);

/*
 * Adds the zones of all stores, with the module as their tag; what they are
 * used for must be known.
 */
ngx_int_t ngx_clientcert_loader_zones(ngx_conf_t *cf, ngx_array_t *sources,
    void *tag);

/*
 * Warns of certificates that expire, once a day.
 */
void ngx_clientcert_loader_expiry(ngx_clientcert_source_t *src);


#endif /* _NGX_CLIENTCERT_LOADER_H_INCLUDED_ */
