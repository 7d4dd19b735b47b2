
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert_check.h"


static void ngx_http_clientcert_check_guard(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf, ngx_http_clientcert_loc_conf_t *lcf);
static ngx_int_t ngx_http_clientcert_check_add(ngx_conf_t *cf,
    ngx_array_t *uses, ngx_http_clientcert_loc_conf_t *lcf,
    ngx_str_t *internal);
static void ngx_http_clientcert_check_use(ngx_conf_t *cf,
    ngx_http_clientcert_use_t *use);
static void ngx_http_clientcert_check_purpose(ngx_conf_t *cf,
    ngx_http_clientcert_use_t *use);
static void ngx_http_clientcert_check_stapling(ngx_conf_t *cf,
    ngx_http_clientcert_use_t *use);
static void ngx_http_clientcert_check_tls(ngx_http_core_main_conf_t *cmcf);
static void ngx_http_clientcert_check_server(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf);


ngx_int_t
ngx_http_clientcert_check_location(ngx_conf_t *cf, ngx_array_t *uses,
    ngx_http_clientcert_loc_conf_t *lcf, ngx_uint_t own)
{
    ngx_http_ssl_srv_conf_t   *sscf;
    ngx_http_core_loc_conf_t  *clcf;

    sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_ssl_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (sscf->verify == NGX_HTTP_CLIENTCERT_VERIFY_NO_CA) {
        ngx_http_clientcert_check_guard(cf, clcf, lcf);
    }

    /* what a location inherits is its server's, or another location's */

    if (lcf->policy == NULL || (!own && (clcf->name.len || clcf->noname))) {
        return NGX_OK;
    }

    return ngx_http_clientcert_check_add(cf, uses, lcf,
                                         own && clcf->internal ? &clcf->name
                                                               : NULL);
}


static void
ngx_http_clientcert_check_guard(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf, ngx_http_clientcert_loc_conf_t *lcf)
{
    ngx_uint_t                        none;
    ngx_http_clientcert_srv_conf_t   *conf;
    ngx_http_clientcert_unguarded_t  *unguarded;

    /* others are reached only through a location that counts */

    if (clcf->noname || clcf->named || clcf->internal) {
        return;
    }

    conf = ngx_http_conf_get_module_srv_conf(cf,
                                           ngx_http_clientcert_policy_module);
    unguarded = &conf->unguarded;

    none = (lcf->file == NULL && lcf->status == NULL);

    if (clcf->name.len == 0) {
        unguarded->rest = none;
        return;
    }

    if (clcf->name.len == 1 && !clcf->exact_match) {
        unguarded->rest = 0;
    }

    if (none && unguarded->n++ == 0) {
        unguarded->first = clcf->name;
    }
}


static ngx_int_t
ngx_http_clientcert_check_add(ngx_conf_t *cf, ngx_array_t *uses,
    ngx_http_clientcert_loc_conf_t *lcf, ngx_str_t *internal)
{
    ngx_http_ssl_srv_conf_t    *sscf;
    ngx_http_core_srv_conf_t   *cscf;
    ngx_http_clientcert_use_t  *use;

    sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_ssl_module);
    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    use = ngx_array_push(uses);
    if (use == NULL) {
        return NGX_ERROR;
    }

    use->policy = lcf->policy;
    use->cscf = cscf;
    use->verify = sscf->verify;
    use->file = lcf->file;
    use->line = lcf->line;

    ngx_str_null(&use->internal);

    if (internal) {
        use->internal = *internal;
    }

    return NGX_OK;
}


void
ngx_http_clientcert_check_uses(ngx_conf_t *cf, ngx_array_t *uses)
{
    ngx_uint_t                  i;
    ngx_http_clientcert_use_t  *use;

    use = uses->elts;

    for (i = 0; i < uses->nelts; i++) {
        ngx_http_clientcert_check_use(cf, &use[i]);
    }
}


static void
ngx_http_clientcert_check_use(ngx_conf_t *cf, ngx_http_clientcert_use_t *use)
{
    ngx_http_ssl_srv_conf_t  *sscf;

    sscf = use->cscf->ctx->srv_conf[ngx_http_ssl_module.ctx_index];

    if (use->verify && sscf->ssl.ctx
        && ngx_clientcert_trust_empty(&sscf->ssl)
        && ngx_clientcert_policy_needs_chain(use->policy))
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"clientcert_require %V\" in %s:%ui refuses everyone "
                      "in server \"%V\", which has no CA to verify a chain "
                      "by, and no \"allow\" does without",
                      &use->policy->name, use->file, use->line,
                      &use->cscf->server_name);
    }

    if (use->internal.len) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"clientcert_require %V\" in %s:%ui is for the "
                      "internal location \"%V\": in subrequests, as of "
                      "\"auth_request\", nginx checks no access, so that "
                      "location lets everyone in",
                      &use->policy->name, use->file, use->line,
                      &use->internal);
    }

    if (use->verify == 0) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"clientcert_require %V\" in %s:%ui refuses everyone "
                      "in server \"%V\", where \"ssl_verify_client\" is off",
                      &use->policy->name, use->file, use->line,
                      &use->cscf->server_name);
    }

    if (use->verify == NGX_HTTP_CLIENTCERT_VERIFY_ON && use->policy->dry_run) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"dry_run\" of policy \"%V\", required in %s:%ui, has "
                      "no effect on clients without a valid certificate in "
                      "server \"%V\", where \"ssl_verify_client\" is on",
                      &use->policy->name, use->file, use->line,
                      &use->cscf->server_name);
    }

    ngx_http_clientcert_check_purpose(cf, use);
    ngx_http_clientcert_check_stapling(cf, use);
}


/* nginx answers 400 where OpenSSL finds nothing but the purpose wrong */

static void
ngx_http_clientcert_check_purpose(ngx_conf_t *cf,
    ngx_http_clientcert_use_t *use)
{
    ngx_http_ssl_srv_conf_t  *sscf;

    sscf = use->cscf->ctx->srv_conf[ngx_http_ssl_module.ctx_index];

    if (use->verify
        && use->policy->purpose == NGX_CLIENTCERT_PURPOSE_ANY
        && (use->verify != NGX_HTTP_CLIENTCERT_VERIFY_NO_CA
            || (sscf->ssl.ctx && !ngx_clientcert_trust_empty(&sscf->ssl))))
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"purpose any\" of policy \"%V\", required in %s:%ui, "
                      "lets nobody in whom nginx itself refuses: in server "
                      "\"%V\" \"ssl_verify_client\" has to be "
                      "\"optional_no_ca\", and the CA in \"ca=\" only, not in "
                      "\"ssl_client_certificate\"",
                      &use->policy->name, use->file, use->line,
                      &use->cscf->server_name);
    }
}


/* "ssl_trusted_certificate" is for both, clients and OCSP responses */

static void
ngx_http_clientcert_check_stapling(ngx_conf_t *cf,
    ngx_http_clientcert_use_t *use)
{
    ngx_http_ssl_srv_conf_t  *sscf;

    sscf = use->cscf->ctx->srv_conf[ngx_http_ssl_module.ctx_index];

    if (use->verify
        && sscf->stapling
        && sscf->trusted_certificate.len
        && sscf->client_certificate.len == 0
        && ngx_clientcert_policy_trusts_chain(use->policy))
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"clientcert_require %V\" in %s:%ui trusts clients of "
                      "the CAs in \"ssl_trusted_certificate\" of server "
                      "\"%V\", where \"ssl_stapling\" is on and no "
                      "\"ssl_client_certificate\" is set: if those are the "
                      "CAs of the server's own certificate, use \"ca=\"",
                      &use->policy->name, use->file, use->line,
                      &use->cscf->server_name);
    }
}


void
ngx_http_clientcert_check_unguarded(ngx_conf_t *cf)
{
    ngx_uint_t                   s;
    ngx_http_core_srv_conf_t   **cscfp;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    ngx_http_clientcert_check_tls(cmcf);

    for (s = 0; s < cmcf->servers.nelts; s++) {
        ngx_http_clientcert_check_server(cf, cscfp[s]);
    }
}


/* a server without TLS may have inherited all else that is needed for it */

static void
ngx_http_clientcert_check_tls(ngx_http_core_main_conf_t *cmcf)
{
    ngx_uint_t                        p, a, s;
    ngx_http_conf_addr_t             *addr;
    ngx_http_conf_port_t             *port;
    ngx_http_core_srv_conf_t        **cscfp;
    ngx_http_clientcert_srv_conf_t   *conf;

    port = cmcf->ports ? cmcf->ports->elts : NULL;

    for (p = 0; port && p < cmcf->ports->nelts; p++) {
        addr = port[p].addrs.elts;

        for (a = 0; a < port[p].addrs.nelts; a++) {
            cscfp = addr[a].servers.elts;

            for (s = 0; addr[a].opt.ssl && s < addr[a].servers.nelts; s++) {
                conf = cscfp[s]->ctx->srv_conf[
                                  ngx_http_clientcert_policy_module.ctx_index];
                conf->unguarded.tls = 1;
            }
        }
    }
}


/* at the terminal nginx itself prints nothing below a warning */

static void
ngx_http_clientcert_check_server(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf)
{
    u_char                          *p;
    ngx_str_t                       *first;
    ngx_uint_t                       n;
    ngx_http_clientcert_srv_conf_t  *conf;
    ngx_http_clientcert_unguarded_t *unguarded;
    u_char                           text[NGX_MAX_ERROR_STR];
    static ngx_str_t                 rest = ngx_string("/");

    conf = cscf->ctx->srv_conf[ngx_http_clientcert_policy_module.ctx_index];

    unguarded = &conf->unguarded;
    n = unguarded->n + unguarded->rest;

    if (n == 0 || !unguarded->tls) {
        return;
    }

    first = unguarded->n ? &unguarded->first : &rest;

    p = ngx_snprintf(text, NGX_MAX_ERROR_STR,
                     "server \"%V\" in %s:%ui asks for certificates "
                     "(\"optional_no_ca\") and has no policy in %ui of its "
                     "locations, \"%V\" the first: anyone may use them, "
                     "\"clientcert_require off\" says that this is meant",
                     &cscf->server_name, cscf->file_name, cscf->line, n,
                     first);

    if (!ngx_test_config) {
        ngx_log_error(NGX_LOG_NOTICE, cf->log, 0, "%*s",
                      (size_t) (p - text), text);

    } else if (!ngx_quiet_mode) {
        ngx_log_stderr(0, "[notice] %*s", (size_t) (p - text), text);
    }
}
