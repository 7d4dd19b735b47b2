
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_HTTP_CLIENTCERT_STATUS_H_INCLUDED_
#define _NGX_HTTP_CLIENTCERT_STATUS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_clientcert.h"
#include "ngx_http_clientcert_output.h"


/* what a request may look at, so that others don't wait for it */
#define NGX_HTTP_CLIENTCERT_STATUS_WORK  20000


/* "clientcert_status" of a location */

struct ngx_http_clientcert_status_s {
    ngx_uint_t       max;               /* series of a kind */
    u_char          *file;
    ngx_uint_t       line;

    unsigned         prometheus:1;      /* else JSON */
    unsigned         remote:1;          /* guarded otherwise */
    unsigned         rules:1;           /* series of each */
    unsigned         certificates:1;
};


/*
 * Set the directives; "clientcert_status" is the location's content handler.
 */
char *ngx_http_clientcert_status_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_clientcert_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Adds the zone, if some directive wants it, and has all policies counted in
 * it.  Warns of locations that a policy doesn't guard.  Returns NGX_OK or
 * NGX_ERROR.
 */
ngx_int_t ngx_http_clientcert_status_init(ngx_conf_t *cf,
    ngx_http_clientcert_main_conf_t *mcf);

/*
 * An argument of the request, unescaped, with data NULL if there is none.
 * Returns NGX_OK, or NGX_ERROR without memory.
 */
ngx_int_t ngx_http_clientcert_status_arg(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);

/*
 * Writes the metrics of all, or of the policy named, in Prometheus' text
 * format.  Returns NGX_OK, or NGX_DECLINED if there is no such policy.
 */
ngx_int_t ngx_http_clientcert_metrics(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_main_conf_t *mcf,
    ngx_http_clientcert_status_t *status, ngx_str_t *policy);


#endif /* _NGX_HTTP_CLIENTCERT_STATUS_H_INCLUDED_ */
