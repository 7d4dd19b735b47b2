
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_HTTP_CLIENTCERT_METRICS_H_INCLUDED_
#define _NGX_HTTP_CLIENTCERT_METRICS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "ngx_http_clientcert_status.h"


/* an answer that is being written */

typedef struct {
    ngx_http_clientcert_output_t      *out;
    ngx_clientcert_stats_t            *stats;

    ngx_clientcert_policy_t          **policy;      /* those asked for */
    ngx_uint_t                         n;

    ngx_clientcert_source_t          **store;       /* those asked for */
    ngx_uint_t                         nstores;

    ngx_uint_t                         max;         /* series of a kind */
    ngx_uint_t                         work;        /* that is left */
    ngx_uint_t                         omitted;     /* series */
} ngx_http_clientcert_metrics_t;


/*
 * Begins a family, whose name and the names of its series are without the
 * prefix that all have.
 */
void ngx_http_clientcert_metrics_family(ngx_http_clientcert_metrics_t *m,
    const char *name, const char *type, const char *help);

/*
 * Writes a series up to its first label; more may follow, before "}".
 */
void ngx_http_clientcert_metrics_name(ngx_http_clientcert_metrics_t *m,
    const char *name, const char *label, ngx_str_t *value);

/*
 * Writes what is known of stores, and the zones.
 */
void ngx_http_clientcert_metrics_stores(ngx_http_clientcert_metrics_t *m,
    ngx_uint_t certificates);


#endif /* _NGX_HTTP_CLIENTCERT_METRICS_H_INCLUDED_ */
