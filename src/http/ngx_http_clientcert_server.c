
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert.h"
#include "ngx_http_clientcert_server.h"


/*
 * What nginx refuses itself, before there is a location and a policy to be
 * asked, is counted by server: those of one name together.
 */


static ngx_http_clientcert_server_t *ngx_http_clientcert_server_get(
    ngx_conf_t *cf, ngx_http_clientcert_main_conf_t *mcf, ngx_str_t *name);


ngx_int_t
ngx_http_clientcert_server_init(ngx_conf_t *cf,
    ngx_http_clientcert_main_conf_t *mcf)
{
    ngx_uint_t                       i;
    ngx_http_clientcert_use_t       *use;
    ngx_http_clientcert_srv_conf_t  *conf;

    use = mcf->uses.elts;

    for (i = 0; i < mcf->uses.nelts; i++) {
        conf = use[i].cscf->ctx->srv_conf
                             [ngx_http_clientcert_policy_module.ctx_index];

        if (conf->server) {
            continue;
        }

        conf->server = ngx_http_clientcert_server_get(cf, mcf,
                                                   &use[i].cscf->server_name);
        if (conf->server == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_http_clientcert_server_t *
ngx_http_clientcert_server_get(ngx_conf_t *cf,
    ngx_http_clientcert_main_conf_t *mcf, ngx_str_t *name)
{
    ngx_clientcert_count_t        **count;
    ngx_http_clientcert_server_t   *server;

    static ngx_str_t  kind = ngx_string("server");

    server = ngx_clientcert_dictionary_find(&mcf->servers, name);

    if (server) {
        return server;
    }

    server = ngx_pcalloc(cf->pool, sizeof(ngx_http_clientcert_server_t));
    count = ngx_array_push(&mcf->stats->counts.counts);

    if (server == NULL || count == NULL
        || ngx_clientcert_dictionary_add(&mcf->servers, name, server)
           != NGX_OK)
    {
        return NULL;
    }

    *count = &server->count;

    server->name = *name;
    server->count.key = ngx_clientcert_counts_key(0, &kind);
    server->count.key = ngx_clientcert_counts_key(server->count.key, name);

    return server;
}


uint64_t
ngx_http_clientcert_server_refusals(ngx_http_clientcert_server_t *server,
    ngx_http_clientcert_refusal_e refusal)
{
    /* what has no room is counted with others */

    return ngx_clientcert_counts_shared(&server->count) ? 0
           : ngx_clientcert_counts_value(&server->count, refusal);
}
