
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_HTTP_CLIENTCERT_EXPLAIN_H_INCLUDED_
#define _NGX_HTTP_CLIENTCERT_EXPLAIN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "../cert/ngx_clientcert_facts.h"
#include "../policy/ngx_clientcert_explain.h"
#include "ngx_http_clientcert_status.h"


/* "clientcert_explain" of a location */

struct ngx_http_clientcert_explain_s {
    ngx_http_clientcert_guard_t   guard;
    ngx_clientcert_policy_t      *policy;       /* NULL: as asked for */
};


/* a certificate, and what a policy says of it */

typedef struct {
    ngx_http_request_t               *r;
    ngx_http_clientcert_main_conf_t  *mcf;
    ngx_http_clientcert_output_t     *out;

    ngx_clientcert_policy_t          *policy;
    ngx_clientcert_store_t           *supposed;     /* NULL: none */
    ngx_uint_t                        limit;        /* lines */
    ngx_uint_t                        after;

    /* its chain isn't verified */
    ngx_clientcert_client_t           client;
    ngx_clientcert_verdict_t         *unverified;
    ngx_clientcert_verdict_t         *verified;     /* if it were */
    ngx_clientcert_facts_t            facts;        /* san isn't read */
} ngx_http_clientcert_explanation_t;


/*
 * Sets "clientcert_explain", the location's content handler.
 */
char *ngx_http_clientcert_explain(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Writes an explanation in JSON: asks the lines that came nearest, and tries
 * what would help.  Returns NGX_OK, or NGX_ERROR without memory.
 */
ngx_int_t ngx_http_clientcert_view_explain(
    ngx_http_clientcert_explanation_t *ex);


#endif /* _NGX_HTTP_CLIENTCERT_EXPLAIN_H_INCLUDED_ */
