
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "src/cert/ngx_clientcert_connection.h"
#include "src/policy/ngx_clientcert_check.h"
#include "src/policy/ngx_clientcert_decisions.h"
#include "src/store/ngx_clientcert_loader.h"
#include "src/store/ngx_clientcert_follow.h"
#include "src/http/ngx_http_clientcert.h"
#include "src/http/ngx_http_clientcert_check.h"
#include "src/http/ngx_http_clientcert_log.h"
#include "src/http/ngx_http_clientcert_recent.h"
#include "src/http/ngx_http_clientcert_explain.h"
#include "src/http/ngx_http_clientcert_status.h"
#include "src/http/ngx_http_clientcert_trust.h"


#define NGX_HTTP_CLIENTCERT_TOO_EARLY    425


static ngx_int_t ngx_http_clientcert_access_handler(ngx_http_request_t *r);
static ngx_clientcert_verdict_t *ngx_http_clientcert_decide(
    ngx_http_request_t *r, ngx_clientcert_policy_t *policy,
    ngx_clientcert_connection_t *conn, ngx_clientcert_trust_t *trust);
static ngx_int_t ngx_http_clientcert_keep(ngx_http_request_t *r,
    ngx_clientcert_connection_t *conn, ngx_clientcert_verdict_t *verdict);
static ngx_int_t ngx_http_clientcert_refuse(ngx_http_request_t *r,
    ngx_clientcert_verdict_t *verdict);
static ngx_int_t ngx_http_clientcert_answer(
    ngx_clientcert_verdict_t *verdict);
static ngx_int_t ngx_http_clientcert_log_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_clientcert_header_filter(ngx_http_request_t *r);
static ngx_uint_t ngx_http_clientcert_refused(ngx_http_request_t *r,
    ngx_clientcert_verdict_t *verdict);
static ngx_str_t ngx_http_clientcert_phrase(
    ngx_clientcert_verdict_t *verdict);
static void ngx_http_clientcert_cleanup(void *data);


static void *ngx_http_clientcert_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_clientcert_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_clientcert_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_clientcert_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_clientcert_store(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_clientcert_policy(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_clientcert_require(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_clientcert_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_clientcert_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_clientcert_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_clientcert_init_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_clientcert_commands[] = {

    { ngx_string("clientcert_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_clientcert_store,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("clientcert_policy"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_clientcert_policy,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("clientcert_status_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE12,
      ngx_http_clientcert_status_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("clientcert_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_clientcert_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("clientcert_explain"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE12,
      ngx_http_clientcert_explain,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("clientcert_require"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
                        |NGX_HTTP_LMT_CONF|NGX_CONF_TAKE1,
      ngx_http_clientcert_require,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_clientcert_policy_module_ctx = {
    ngx_http_clientcert_preconfiguration,  /* preconfiguration */
    ngx_http_clientcert_init,              /* postconfiguration */

    ngx_http_clientcert_create_main_conf,  /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_clientcert_create_srv_conf,   /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_clientcert_create_loc_conf,   /* create location configuration */
    ngx_http_clientcert_merge_loc_conf     /* merge location configuration */
};


ngx_module_t  ngx_http_clientcert_policy_module = {
    NGX_MODULE_V1,
    &ngx_http_clientcert_policy_module_ctx, /* module context */
    ngx_http_clientcert_commands,          /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_clientcert_init_module,       /* init module */
    ngx_http_clientcert_init_process,      /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* for strings(1): nothing reads it, and the linker keeps what it exports */
u_char  ngx_http_clientcert_version[] =
    "ngx_http_clientcert_policy_module/" NGX_CLIENTCERT_VERSION;


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static ngx_int_t
ngx_http_clientcert_access_handler(ngx_http_request_t *r)
{
    ngx_clientcert_policy_t         *policy;
    ngx_clientcert_verdict_t        *verdict;
    ngx_clientcert_connection_t     *conn;
    ngx_http_clientcert_srv_conf_t  *scf;
    ngx_http_clientcert_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_clientcert_policy_module);

    policy = lcf->policy;

    if (policy == NULL) {
        return NGX_DECLINED;
    }

    conn = r->connection->ssl ? ngx_clientcert_connection(r->connection)
                              : NULL;

    scf = ngx_http_get_module_srv_conf(r, ngx_http_clientcert_policy_module);

    verdict = conn ? ngx_clientcert_policy_recall(policy, conn, scf->trust,
                                                  ngx_time())
                   : NULL;

    if (verdict == NULL) {
        verdict = ngx_http_clientcert_decide(r, policy, conn, scf->trust);
    }

    if (verdict == NULL
        || ngx_http_clientcert_keep(r, conn, verdict) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (policy->counts) {
        ngx_clientcert_decisions_count(verdict, conn);
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "clientcert policy \"%V\": %V", &policy->name,
                   &ngx_clientcert_reasons[verdict->reason]);

    if (verdict->reason != NGX_CLIENTCERT_OK) {
        return ngx_http_clientcert_refuse(r, verdict);
    }

    /* NGX_OK would satisfy "satisfy any" with a policy not in force yet */

    return policy->dry_run ? NGX_DECLINED : NGX_OK;
}


static ngx_clientcert_verdict_t *
ngx_http_clientcert_decide(ngx_http_request_t *r,
    ngx_clientcert_policy_t *policy, ngx_clientcert_connection_t *conn,
    ngx_clientcert_trust_t *trust)
{
    ngx_clientcert_client_t  client;

    ngx_memzero(&client, sizeof(ngx_clientcert_client_t));

    client.conn = conn;
    client.now = ngx_time();
    client.pool = r->pool;
    client.request = r;

    if (conn == NULL) {
        client.no_tls = (r->connection->ssl == NULL);
        client.failed = !client.no_tls;

        return ngx_clientcert_policy_decide(policy, &client);
    }

    client.cert = conn->cert;
    client.trust = trust;
    client.chain = ngx_http_clientcert_trust_chain(r, conn);
    client.early = conn->early
                   && ngx_clientcert_connection_early(r->connection, conn);

    return ngx_clientcert_policy_decide(policy, &client);
}


/*
 * An internal redirect resets the context of the request.  Where requests of a
 * connection come one after the other the connection has the last verdict, of
 * others the cleanups of the request's pool have it.
 */

static ngx_int_t
ngx_http_clientcert_keep(ngx_http_request_t *r,
    ngx_clientcert_connection_t *conn, ngx_clientcert_verdict_t *verdict)
{
    ngx_pool_cleanup_t  *cln;

    ngx_http_set_ctx(r, verdict, ngx_http_clientcert_policy_module);

    if (conn && r->http_version < NGX_HTTP_VERSION_20) {
        conn->verdict = verdict;
        conn->request = r->connection->requests;

        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_clientcert_cleanup;
    cln->data = verdict;

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_refuse(ngx_http_request_t *r,
    ngx_clientcert_verdict_t *verdict)
{
    ngx_http_clientcert_log(r, verdict);

    ngx_http_clientcert_recent(r, verdict);

    return verdict->policy->dry_run ? NGX_DECLINED
                                    : ngx_http_clientcert_answer(verdict);
}


static ngx_int_t
ngx_http_clientcert_answer(ngx_clientcert_verdict_t *verdict)
{
    switch (verdict->reason) {

    case NGX_CLIENTCERT_MISDIRECTED:
        return NGX_HTTP_MISDIRECTED_REQUEST;

    case NGX_CLIENTCERT_EARLY_DATA:
        return NGX_HTTP_CLIENTCERT_TOO_EARLY;

    case NGX_CLIENTCERT_ERROR:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    default:
        return verdict->policy->reject;
    }
}


static ngx_int_t
ngx_http_clientcert_log_handler(ngx_http_request_t *r)
{
    /* what nginx refuses itself runs no phase but for its "error_page" */

    if (r->phase_handler == 0 || r->internal) {
        ngx_http_clientcert_log_by_nginx(r);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_header_filter(ngx_http_request_t *r)
{
    ngx_clientcert_verdict_t  *verdict;

    if (r == r->main
        && r->headers_out.status >= NGX_HTTP_BAD_REQUEST
        && r->headers_out.status_line.len == 0)
    {
        verdict = ngx_http_clientcert_verdict(r);

        if (verdict && ngx_http_clientcert_refused(r, verdict)) {
            r->headers_out.status_line = ngx_http_clientcert_phrase(verdict);
        }
    }

    return ngx_http_next_header_filter(r);
}


/* whether the response is the policy's "reject" and no other module's */

static ngx_uint_t
ngx_http_clientcert_refused(ngx_http_request_t *r,
    ngx_clientcert_verdict_t *verdict)
{
    ngx_http_phase_handler_t   *ph;
    ngx_http_core_main_conf_t  *cmcf;

    if (verdict->reason == NGX_CLIENTCERT_OK
        || verdict->policy->dry_run
        || (ngx_int_t) r->headers_out.status
           != ngx_http_clientcert_answer(verdict))
    {
        return 0;
    }

    if (r->error_page) {
        return 1;
    }

    /* "satisfy any" lets requests get on in spite of the policy */

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    ph = &cmcf->phase_engine.handlers[r->phase_handler];

    return ph->checker == ngx_http_core_access_phase
           || ph->checker == ngx_http_core_post_access_phase;
}


ngx_clientcert_verdict_t *
ngx_http_clientcert_verdict(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t           *cln;
    ngx_clientcert_verdict_t     *verdict;
    ngx_clientcert_connection_t  *conn;

    verdict = ngx_http_get_module_ctx(r, ngx_http_clientcert_policy_module);

    if (verdict || !(r->internal || r->filter_finalize)) {
        return verdict;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_clientcert_cleanup) {
            return cln->data;
        }
    }

    if (r->connection->ssl == NULL || r->http_version >= NGX_HTTP_VERSION_20) {
        return NULL;
    }

    conn = ngx_clientcert_connection(r->connection);

    return (conn && conn->request == r->connection->requests)
           ? conn->verdict : NULL;
}


/* nginx knows the phrases of 421 and 500, but not that of 425 */

static ngx_str_t
ngx_http_clientcert_phrase(ngx_clientcert_verdict_t *verdict)
{
    ngx_int_t         status;
    static ngx_str_t  none = ngx_null_string;
    static ngx_str_t  early = ngx_string("425 Too Early");

    if (verdict->reason == NGX_CLIENTCERT_EARLY_DATA) {
        return early;
    }

    status = ngx_http_clientcert_answer(verdict);

    return status == (ngx_int_t) verdict->policy->reject
           ? verdict->policy->status_line : none;
}


/* marks the verdict among the cleanups of a request's pool */

static void
ngx_http_clientcert_cleanup(void *data)
{
}


static void *
ngx_http_clientcert_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_clientcert_main_conf_t  *mcf;

    mcf = ngx_palloc(cf->pool, sizeof(ngx_http_clientcert_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    mcf->stats = ngx_clientcert_stats_create(cf);

    if (mcf->stats == NULL
        || ngx_clientcert_dictionary_init(&mcf->policies, cf->pool) != NGX_OK
        || ngx_clientcert_dictionary_init(&mcf->cas, cf->pool) != NGX_OK
        || ngx_clientcert_dictionary_init(&mcf->stores, cf->pool) != NGX_OK
        || ngx_clientcert_dictionary_init(&mcf->servers, cf->pool) != NGX_OK
        || ngx_array_init(&mcf->uses, cf->pool, 4,
                          sizeof(ngx_http_clientcert_use_t))
           != NGX_OK
        || ngx_array_init(&mcf->loaders, cf->pool, 4, sizeof(void *)) != NGX_OK
        || ngx_array_init(&mcf->status, cf->pool, 4, sizeof(void *)) != NGX_OK)
    {
        return NULL;
    }

    return mcf;
}


static void *
ngx_http_clientcert_create_srv_conf(ngx_conf_t *cf)
{
    /* set by ngx_pcalloc(): trust = NULL */

    return ngx_pcalloc(cf->pool, sizeof(ngx_http_clientcert_srv_conf_t));
}


static void *
ngx_http_clientcert_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_clientcert_loc_conf_t  *lcf;

    lcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_clientcert_loc_conf_t));
    if (lcf == NULL) {
        return NULL;
    }

    lcf->policy = NGX_CONF_UNSET_PTR;

    return lcf;
}


static char *
ngx_http_clientcert_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_clientcert_loc_conf_t *prev = parent;
    ngx_http_clientcert_loc_conf_t *conf = child;

    ngx_uint_t                        own;
    ngx_http_core_loc_conf_t         *clcf;
    ngx_http_clientcert_main_conf_t  *mcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* "if" and "limit_except": what answers is still the location's handler */

    if (clcf->noname) {
        conf->status = prev->status;
        conf->explain = prev->explain;
        conf->handler = prev->handler;

        if (clcf->lmt_excpt && clcf->handler == NULL) {
            clcf->handler = conf->handler;
        }
    }

    own = (conf->policy != NGX_CONF_UNSET_PTR);

    if (!own) {
        conf->file = prev->file;
        conf->line = prev->line;
        ngx_conf_merge_ptr_value(conf->policy, prev->policy, NULL);
    }

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_clientcert_policy_module);

    return (ngx_http_clientcert_check_location(cf, &mcf->uses, conf, own)
            == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_clientcert_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_clientcert_main_conf_t *mcf = conf;

    return ngx_clientcert_loader_conf(cf, &mcf->loaders, &mcf->stores);
}


static char *
ngx_http_clientcert_policy(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_clientcert_main_conf_t *mcf = conf;

    ngx_str_t                *value;
    ngx_clientcert_policy_t  *policy;

    value = cf->args->elts;

    if (value[1].len == 0 || ngx_strcmp(value[1].data, "off") == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid policy name \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    policy = ngx_clientcert_policy_get(cf, &mcf->policies, &value[1]);
    if (policy == NULL) {
        return NGX_CONF_ERROR;
    }

    if (policy->defined) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate policy \"%V\", the first one is in "
                           "%s:%ui", &value[1], policy->file, policy->line);
        return NGX_CONF_ERROR;
    }

    policy->cas = &mcf->cas;
    policy->stores = &mcf->stores;
    policy->variables = &ngx_http_clientcert_values;

    return ngx_clientcert_policy_block(cf, policy);
}


static char *
ngx_http_clientcert_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_clientcert_loc_conf_t *lcf = conf;

    ngx_str_t                        *value;
    ngx_http_clientcert_main_conf_t  *mcf;

    if (lcf->policy != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    lcf->file = cf->conf_file->file.name.data;
    lcf->line = cf->conf_file->line;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        lcf->policy = NULL;
        return NGX_CONF_OK;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_clientcert_policy_module);

    lcf->policy = ngx_clientcert_policy_get(cf, &mcf->policies, &value[1]);

    return lcf->policy ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_clientcert_preconfiguration(ngx_conf_t *cf)
{
    if (ngx_clientcert_connection_init(cf->cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_clientcert_add_variables(cf);
}


static ngx_int_t
ngx_http_clientcert_init(ngx_conf_t *cf)
{
    ngx_array_t                      *trusted;
    ngx_http_handler_pt              *h;
    ngx_http_core_main_conf_t        *cmcf;
    ngx_http_clientcert_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_clientcert_policy_module);

    trusted = ngx_http_clientcert_trust_stores(cf);

    if (trusted == NULL
        || ngx_http_clientcert_init_variables(cf) != NGX_OK
        || ngx_clientcert_check(cf, &mcf->policies.all, &mcf->stores.all,
                                &mcf->cas.all, trusted)
           != NGX_OK
        || ngx_clientcert_loader_zones(cf, &mcf->loaders,
                                       &ngx_http_clientcert_policy_module)
           != NGX_OK
        || ngx_http_clientcert_status_init(cf, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_clientcert_check_uses(cf, &mcf->uses);

    if (mcf->policies.all.nelts == 0) {
        return NGX_OK;
    }

    ngx_http_clientcert_check_unguarded(cf);

    ngx_http_clientcert_log_init(&mcf->uses);

    if (ngx_http_clientcert_trust_init(cf, &mcf->policies.all) != NGX_OK) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_clientcert_access_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_clientcert_log_handler;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_clientcert_header_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_init_module(ngx_cycle_t *cycle)
{
    ngx_http_clientcert_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                           ngx_http_clientcert_policy_module);

    return ngx_clientcert_follow_cycle(cycle, mcf ? &mcf->loaders : NULL);
}


static ngx_int_t
ngx_http_clientcert_init_process(ngx_cycle_t *cycle)
{
    ngx_http_clientcert_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                           ngx_http_clientcert_policy_module);

    if (ngx_process == NGX_PROCESS_SINGLE) {
        ngx_clientcert_follow_single(cycle, mcf ? &mcf->loaders : NULL);
    }

    return NGX_OK;
}
