
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert.h"
#include "ngx_http_clientcert_trust.h"


static ngx_int_t ngx_http_clientcert_trust_server(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_array_t *trusts, ngx_uint_t twice);
static ngx_uint_t ngx_http_clientcert_trust_whole(
    ngx_http_ssl_srv_conf_t *sscf);
static ngx_int_t ngx_http_clientcert_trust_bind(
    ngx_http_core_srv_conf_t *cscf, ngx_array_t *trusts);


ngx_array_t *
ngx_http_clientcert_trust_stores(ngx_conf_t *cf)
{
    X509_STORE                 **store;
    ngx_uint_t                   s;
    ngx_array_t                 *stores;
    ngx_http_ssl_srv_conf_t     *sscf;
    ngx_http_core_srv_conf_t   **cscfp;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    stores = ngx_array_create(cf->temp_pool, cmcf->servers.nelts + 1,
                              sizeof(X509_STORE *));
    if (stores == NULL) {
        return NULL;
    }

    for (s = 0; s < cmcf->servers.nelts; s++) {
        sscf = cscfp[s]->ctx->srv_conf[ngx_http_ssl_module.ctx_index];

        if (sscf->ssl.ctx) {
            store = ngx_array_push(stores);
            if (store == NULL) {
                return NULL;
            }

            *store = ngx_clientcert_trust_store(sscf->ssl.ctx);
        }
    }

    return stores;
}


ngx_int_t
ngx_http_clientcert_trust_init(ngx_conf_t *cf, ngx_array_t *policies)
{
    ngx_uint_t                   s, twice;
    ngx_array_t                  trusts;    /* ngx_clientcert_trust_t * */
    ngx_clientcert_policy_t    **policy;
    ngx_http_core_srv_conf_t   **cscfp;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    twice = 0;
    policy = policies->elts;

    for (s = 0; s < policies->nelts; s++) {
        twice |= policy[s]->deny.chained;
    }

    if (ngx_array_init(&trusts, cf->temp_pool, cmcf->servers.nelts + 1,
                       sizeof(ngx_clientcert_trust_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (s = 0; s < cmcf->servers.nelts; s++) {
        if (ngx_http_clientcert_trust_server(cf, cscfp[s], &trusts, twice)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    for (s = 0; s < cmcf->servers.nelts; s++) {
        if (ngx_http_clientcert_trust_bind(cscfp[s], &trusts) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_trust_server(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_array_t *trusts, ngx_uint_t twice)
{
    u_char                          *p;
    ngx_str_t                        ocsp;
    ngx_clientcert_trust_t         **trust;
    ngx_http_ssl_srv_conf_t         *sscf;
    ngx_http_clientcert_srv_conf_t  *conf;

    sscf = cscf->ctx->srv_conf[ngx_http_ssl_module.ctx_index];
    conf = cscf->ctx->srv_conf[ngx_http_clientcert_policy_module.ctx_index];

    if (sscf->ssl.ctx == NULL) {
        return NGX_OK;
    }

    p = ngx_pnalloc(cf->temp_pool,
                    NGX_INT_T_LEN + sscf->ocsp_responder.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ocsp.data = p;
    ocsp.len = ngx_sprintf(p, "%ui%V", sscf->ocsp, &sscf->ocsp_responder) - p;

    conf->trust = ngx_clientcert_trust_create(cf, &sscf->ssl, &ocsp,
                                       ngx_http_clientcert_trust_whole(sscf));
    if (conf->trust == NULL) {
        return NGX_ERROR;
    }

    conf->trust->twice = twice;

    ngx_clientcert_trust_mark_sessions(&sscf->ssl, conf->trust);

    /* a server that asks for no certificate has no say in sessions */

    if (ngx_clientcert_trust_asks(&sscf->ssl)) {
        trust = ngx_array_push(trusts);
        if (trust == NULL) {
            return NGX_ERROR;
        }

        *trust = conf->trust;
    }

    return NGX_OK;
}


/* OpenSSL doesn't tell of directories and URIs that a store looks into */

static ngx_uint_t
ngx_http_clientcert_trust_whole(ngx_http_ssl_srv_conf_t *sscf)
{
    ngx_uint_t     i;
    ngx_keyval_t  *command;

    if (sscf->conf_commands == NULL) {
        return 1;
    }

    command = sscf->conf_commands->elts;

    for (i = 0; i < sscf->conf_commands->nelts; i++) {
        if (ngx_strcasecmp(command[i].key.data, (u_char *) "VerifyCAPath") == 0
            || ngx_strcasecmp(command[i].key.data, (u_char *) "VerifyCAStore")
               == 0)
        {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_clientcert_trust_bind(ngx_http_core_srv_conf_t *cscf,
    ngx_array_t *trusts)
{
    ngx_http_ssl_srv_conf_t         *sscf;
    ngx_http_clientcert_srv_conf_t  *conf;

    sscf = cscf->ctx->srv_conf[ngx_http_ssl_module.ctx_index];
    conf = cscf->ctx->srv_conf[ngx_http_clientcert_policy_module.ctx_index];

    if (conf->trust == NULL) {
        return NGX_OK;
    }

    return ngx_clientcert_trust_bind_sessions(&sscf->ssl, conf->trust, trusts,
                                              sscf->certificates);
}


ngx_clientcert_chain_e
ngx_http_clientcert_trust_chain(ngx_http_request_t *r,
    ngx_clientcert_connection_t *conn)
{
    ngx_http_clientcert_srv_conf_t  *conf;

    conf = ngx_http_get_module_srv_conf(r, ngx_http_clientcert_policy_module);

    if (conf->trust == NULL
        || !ngx_clientcert_trust_same(conf->trust, &conn->verified_by))
    {
        return NGX_CLIENTCERT_VERIFIED_ELSEWHERE;
    }

    return conn->verified ? NGX_CLIENTCERT_VERIFIED
                          : NGX_CLIENTCERT_UNVERIFIED;
}
