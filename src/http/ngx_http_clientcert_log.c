
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert.h"
#include "ngx_http_clientcert_log.h"
#include "ngx_http_clientcert_server.h"
#include "../cert/ngx_clientcert_facts.h"


static void ngx_http_clientcert_log_line(ngx_http_request_t *r,
    ngx_uint_t level, const char *by, ngx_str_t *name, ngx_str_t *reason,
    ngx_str_t *detail);
static ngx_str_t *ngx_http_clientcert_log_refusal(ngx_http_request_t *r);


/* by ngx_http_clientcert_refusal_e */

static ngx_str_t  ngx_http_clientcert_refusals[] = {
    ngx_string("495"),
    ngx_string("496")
};


void
ngx_http_clientcert_log(ngx_http_request_t *r,
    ngx_clientcert_verdict_t *verdict)
{
    ngx_uint_t                 level;
    ngx_clientcert_policy_t   *policy;
    ngx_http_core_loc_conf_t  *clcf;

    policy = verdict->policy;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    /* under "satisfy any" another module may still let it through */

    level = (clcf->satisfy == NGX_HTTP_SATISFY_ALL) ? policy->log_level
                                                    : NGX_LOG_INFO;

    ngx_http_clientcert_log_line(r, level,
                                 policy->dry_run
                                 ? "would be rejected by policy"
                                 : "rejected by policy",
                                 &policy->name,
                                 &ngx_clientcert_reasons[verdict->reason],
                                 &verdict->detail);
}


static void
ngx_http_clientcert_log_line(ngx_http_request_t *r, ngx_uint_t level,
    const char *by, ngx_str_t *name, ngx_str_t *reason, ngx_str_t *detail)
{
    u_char                       *p, *last;
    u_char                        buf[NGX_MAX_ERROR_STR];
    ngx_clientcert_connection_t  *conn;

    if (r->connection->log->log_level < level) {
        return;
    }

    p = buf;
    last = buf + NGX_MAX_ERROR_STR;

    conn = r->connection->ssl ? ngx_clientcert_connection(r->connection)
                              : NULL;

    if (conn && conn->cert) {
        p = ngx_slprintf(p, last, ", %V verify=\"%V\"",
                         ngx_clientcert_facts_line(conn->cert), &conn->verify);
    }

    if (detail->len) {
        p = ngx_slprintf(p, last, ", %V", detail);
    }

    ngx_log_error(level, r->connection->log, 0,
                  "client certificate %s \"%V\": %V%*s", by, name, reason,
                  (size_t) (p - buf), buf);
}


void
ngx_http_clientcert_log_init(ngx_array_t *uses)
{
    ngx_uint_t                       i;
    ngx_http_clientcert_use_t       *use;
    ngx_http_clientcert_srv_conf_t  *conf;

    use = uses->elts;

    for (i = 0; i < uses->nelts; i++) {
        conf = use[i].cscf->ctx->srv_conf
                             [ngx_http_clientcert_policy_module.ctx_index];
        conf->required = 1;
    }
}


/*
 * nginx refuses certificates before it looks for a location, so the server's
 * policy is the only one there is.
 */

void
ngx_http_clientcert_log_by_nginx(ngx_http_request_t *r)
{
    ngx_str_t                       *status;
    ngx_uint_t                       level;
    ngx_http_core_srv_conf_t        *cscf;
    ngx_http_clientcert_srv_conf_t  *conf;
    ngx_http_clientcert_loc_conf_t  *lcf;

    static ngx_str_t  none = ngx_null_string;

    status = ngx_http_clientcert_log_refusal(r);

    if (status == NULL || ngx_http_clientcert_verdict(r)) {
        return;
    }

    conf = ngx_http_get_module_srv_conf(r, ngx_http_clientcert_policy_module);

    if (conf->server) {
        ngx_clientcert_counts_add(&conf->server->count,
                                  status - ngx_http_clientcert_refusals);
    }

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    lcf = cscf->ctx->loc_conf[ngx_http_clientcert_policy_module.ctx_index];

    level = lcf->policy ? lcf->policy->log_level : NGX_LOG_ERR;

    ngx_http_clientcert_log_line(r, level, "rejected by nginx in server",
                                 &cscf->server_name, status, &none);
}


/* returns the status for "error_page" with which nginx has refused, or NULL */

static ngx_str_t *
ngx_http_clientcert_log_refusal(ngx_http_request_t *r)
{
    ngx_http_ssl_srv_conf_t         *sscf;
    ngx_http_clientcert_srv_conf_t  *conf;

    conf = ngx_http_get_module_srv_conf(r, ngx_http_clientcert_policy_module);
    sscf = ngx_http_get_module_srv_conf(r, ngx_http_ssl_module);

    if (r != r->main
        || r->connection->ssl == NULL
        || !conf->required
        || sscf->verify == 0)
    {
        return NULL;
    }

    /* before it has looked at the certificate, for what else was wrong */

    if ((r->http_state == NGX_HTTP_READING_REQUEST_STATE
         && r->http_version < NGX_HTTP_VERSION_20)
        || !(r->error_page || r->err_status == NGX_HTTP_BAD_REQUEST))
    {
        return NULL;
    }

    switch (ngx_clientcert_connection_nginx(r->connection,
                sscf->verify == NGX_HTTP_CLIENTCERT_VERIFY_ON,
                sscf->verify == NGX_HTTP_CLIENTCERT_VERIFY_NO_CA))
    {

    case NGX_DECLINED:
        return &ngx_http_clientcert_refusals[NGX_HTTP_CLIENTCERT_REFUSED_495];

    case NGX_ABORT:
        return &ngx_http_clientcert_refusals[NGX_HTTP_CLIENTCERT_REFUSED_496];

    default: /* NGX_OK */
        return NULL;
    }
}
