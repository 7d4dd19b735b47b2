
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert_check.h"


/* values of "ssl_verify_client" */

#define NGX_HTTP_CLIENTCERT_VERIFY_ON     1
#define NGX_HTTP_CLIENTCERT_VERIFY_NO_CA  3


static void ngx_http_clientcert_check_use(ngx_conf_t *cf,
    ngx_http_clientcert_use_t *use);
static void ngx_http_clientcert_check_purpose(ngx_conf_t *cf,
    ngx_http_clientcert_use_t *use);
static void ngx_http_clientcert_check_stapling(ngx_conf_t *cf,
    ngx_http_clientcert_use_t *use);


ngx_int_t
ngx_http_clientcert_check_add(ngx_conf_t *cf, ngx_array_t *uses,
    ngx_clientcert_policy_t *policy, u_char *file, ngx_uint_t line,
    ngx_uint_t own)
{
    ngx_uint_t                  i;
    ngx_http_ssl_srv_conf_t    *sscf;
    ngx_http_core_srv_conf_t   *cscf;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_clientcert_use_t  *use;

    sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_ssl_module);
    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* once for a directive and a server, however many locations inherit it */

    use = uses->elts;

    for (i = uses->nelts; i > 0; i--) {
        if (use[i - 1].cscf != cscf) {
            break;
        }

        if (use[i - 1].policy == policy
            && use[i - 1].line == line
            && use[i - 1].file == file)
        {
            return NGX_OK;
        }
    }

    use = ngx_array_push(uses);
    if (use == NULL) {
        return NGX_ERROR;
    }

    use->policy = policy;
    use->cscf = cscf;
    use->verify = sscf->verify;
    use->file = file;
    use->line = line;

    ngx_str_null(&use->internal);

    if (own && clcf->internal) {
        use->internal = clcf->name;
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
