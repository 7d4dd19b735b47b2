
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_stats.h"


/*
 * The zone of what is counted and noted.  It outlives a reload as long as its
 * size stays the same; the master makes it, and gives room in it to what the
 * new configuration counts, while workers of the old one go on counting.
 */


#define NGX_CLIENTCERT_STATS_SIZE   (1024 * 1024)
#define NGX_CLIENTCERT_STATS_LINES  256     /* at least */


static ngx_int_t ngx_clientcert_stats_init_zone(ngx_shm_zone_t *zone,
    void *data);
static ngx_int_t ngx_clientcert_stats_create_sh(ngx_clientcert_stats_t *stats);
static void ngx_clientcert_stats_left_out(ngx_clientcert_stats_t *stats);


ngx_clientcert_stats_t *
ngx_clientcert_stats_create(ngx_conf_t *cf)
{
    ngx_clientcert_stats_t  *stats;

    stats = ngx_pcalloc(cf->pool, sizeof(ngx_clientcert_stats_t));

    if (stats == NULL
        || ngx_clientcert_counts_create(&stats->counts, cf->pool) != NGX_OK)
    {
        return NULL;
    }

    stats->size = NGX_CLIENTCERT_STATS_SIZE;
    stats->cycle = cf->cycle;
    stats->loaded = ngx_time();

    return stats;
}


char *
ngx_clientcert_stats_conf(ngx_conf_t *cf, ngx_clientcert_stats_t *stats)
{
    size_t       least;
    ssize_t      size;
    ngx_str_t   *value, s;
    ngx_uint_t   i;

    if (stats->defined) {
        return "is duplicate";
    }

    stats->defined = 1;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "size=", 5) == 0) {
            s.data = value[i].data + 5;
            s.len = value[i].len - 5;

            least = NGX_CLIENTCERT_STATS_LINES
                    * sizeof(ngx_clientcert_counts_line_t)
                    + 16 * ngx_pagesize;

            size = ngx_parse_size(&s);

            if (size < (ssize_t) least) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid size \"%V\", it must be at least "
                                   "%uzk", &s, least / 1024);
                return NGX_CONF_ERROR;
            }

            stats->size = size;
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_clientcert_stats_zone(ngx_conf_t *cf, ngx_clientcert_stats_t *stats,
    void *tag)
{
    ngx_str_t  name = ngx_string("clientcert_status_zone");

    stats->zone = ngx_shared_memory_add(cf, &name, stats->size, tag);
    if (stats->zone == NULL) {
        return NGX_ERROR;
    }

    stats->zone->init = ngx_clientcert_stats_init_zone;
    stats->zone->data = stats;

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_stats_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_clientcert_stats_t *old = data;

    ngx_core_conf_t         *ccf;
    ngx_clientcert_stats_t  *stats;

    stats = zone->data;

    if (old) {
        stats->sh = old->sh;

    } else if (ngx_clientcert_stats_create_sh(stats) != NGX_OK) {
        return NGX_ERROR;
    }

    stats->counts.sh = &stats->sh->counts;

    ccf = (ngx_core_conf_t *) ngx_get_conf(stats->cycle->conf_ctx,
                                           ngx_core_module);

    if (ngx_clientcert_counts_init(&stats->counts, ccf->worker_processes,
                                   stats->cycle->pool)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (stats->counts.left_out) {
        ngx_clientcert_stats_left_out(stats);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_stats_create_sh(ngx_clientcert_stats_t *stats)
{
    size_t                      bytes;
    ngx_slab_pool_t            *shpool;
    ngx_clientcert_stats_sh_t  *sh;

    shpool = (ngx_slab_pool_t *) stats->zone->shm.addr;

    sh = ngx_slab_calloc(shpool, sizeof(ngx_clientcert_stats_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    bytes = shpool->pfree * ngx_pagesize;

    sh->counts.lines = ngx_slab_calloc(shpool, bytes);
    if (sh->counts.lines == NULL) {
        return NGX_ERROR;
    }

    sh->start = ngx_time();

    ngx_clientcert_counts_create_sh(&sh->counts, bytes);

    shpool->data = sh;
    stats->sh = sh;

    return NGX_OK;
}


/* a search is sure to find room in three quarters of the lines */

static void
ngx_clientcert_stats_left_out(ngx_clientcert_stats_t *stats)
{
    size_t  size;

    size = stats->zone->shm.size
           - stats->sh->counts.n * sizeof(ngx_clientcert_counts_line_t)
           + (stats->counts.needed + stats->counts.needed / 3)
             * sizeof(ngx_clientcert_counts_line_t);

    ngx_log_error(NGX_LOG_WARN, stats->zone->shm.log, 0,
                  "%ui policies and lines of them have no room in the "
                  "\"clientcert_status_zone\" of %uzk and are counted "
                  "together, \"size=%uzk\" is needed",
                  stats->counts.left_out, stats->zone->shm.size / 1024,
                  ngx_align(size, 64 * 1024) / 1024);
}


size_t
ngx_clientcert_stats_used(ngx_clientcert_stats_t *stats)
{
    ngx_clientcert_counts_sh_t  *sh;

    sh = stats->counts.sh;

    return stats->zone->shm.size
           - (sh->n - sh->used) * sizeof(ngx_clientcert_counts_line_t);
}
