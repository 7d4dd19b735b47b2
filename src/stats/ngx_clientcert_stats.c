
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

/* refused certificates that are kept */
#define NGX_CLIENTCERT_STATS_REFUSED      64
#define NGX_CLIENTCERT_STATS_MIN_REFUSED  8
#define NGX_CLIENTCERT_STATS_MAX_REFUSED  1024


static ngx_int_t ngx_clientcert_stats_parameter(ngx_conf_t *cf,
    ngx_clientcert_stats_t *stats, ngx_str_t *value);
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
    stats->refused = NGX_CLIENTCERT_STATS_REFUSED;
    stats->cycle = cf->cycle;
    stats->loaded = ngx_time();

    return stats;
}


char *
ngx_clientcert_stats_conf(ngx_conf_t *cf, ngx_clientcert_stats_t *stats)
{
    size_t       least;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (stats->defined) {
        return "is duplicate";
    }

    stats->defined = 1;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_clientcert_stats_parameter(cf, stats, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    least = NGX_CLIENTCERT_STATS_LINES * sizeof(ngx_clientcert_counts_line_t)
            + stats->refused * sizeof(ngx_clientcert_recent_slot_t)
            + 16 * ngx_pagesize;

    if (stats->size < least) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a size of %uzk is too small for \"refused=%ui\", "
                           "it must be at least %uzk",
                           stats->size / 1024, stats->refused,
                           (least + 1023) / 1024);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_clientcert_stats_parameter(ngx_conf_t *cf, ngx_clientcert_stats_t *stats,
    ngx_str_t *value)
{
    ssize_t    size;
    ngx_int_t  n;
    ngx_str_t  s;

    if (ngx_strncmp(value->data, "size=", 5) == 0) {
        s.data = value->data + 5;
        s.len = value->len - 5;

        size = ngx_parse_size(&s);

        if (size < (ssize_t) (16 * ngx_pagesize)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid size \"%V\", it must be at least %uzk",
                               &s, 16 * ngx_pagesize / 1024);
            return NGX_ERROR;
        }

        stats->size = size;
        return NGX_OK;
    }

    if (ngx_strcmp(value->data, "refused=off") == 0) {
        stats->refused = 0;
        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "refused=", 8) == 0) {
        n = ngx_atoi(value->data + 8, value->len - 8);

        if (n < NGX_CLIENTCERT_STATS_MIN_REFUSED
            || n > NGX_CLIENTCERT_STATS_MAX_REFUSED)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number \"%s\" in \"refused\", it must "
                               "be from %d to %d, or \"off\"", value->data + 8,
                               NGX_CLIENTCERT_STATS_MIN_REFUSED,
                               NGX_CLIENTCERT_STATS_MAX_REFUSED);
            return NGX_ERROR;
        }

        /* in two halves */

        stats->refused = n + n % 2;
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\"", value);

    return NGX_ERROR;
}


ngx_int_t
ngx_clientcert_stats_zone(ngx_conf_t *cf, ngx_clientcert_stats_t *stats,
    void *tag)
{
    ngx_str_t  name;

    /* with another number it is another zone */

    name.len = sizeof("clientcert_status_zone refused=") - 1 + NGX_INT_T_LEN;

    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    name.len = ngx_sprintf(name.data, "clientcert_status_zone refused=%ui",
                           stats->refused)
               - name.data;

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

    if (stats->refused) {
        stats->recent.sh = &stats->sh->recent;
        stats->recent.shpool = (ngx_slab_pool_t *) zone->shm.addr;
    }

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

    if (stats->refused
        && ngx_clientcert_recent_create_sh(&sh->recent, shpool,
                                           stats->refused)
           != NGX_OK)
    {
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
