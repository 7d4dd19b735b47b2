
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_STATS_H_INCLUDED_
#define _NGX_CLIENTCERT_STATS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_counts.h"
#include "ngx_clientcert_recent.h"


/* lies in shared memory */

typedef struct {
    time_t                       start;     /* when the counters began */
    ngx_clientcert_counts_sh_t   counts;
    ngx_clientcert_recent_sh_t   recent;
} ngx_clientcert_stats_sh_t;


/* "clientcert_status_zone" of one configuration */

typedef struct {
    ngx_shm_zone_t              *zone;      /* NULL: nothing is counted */
    ngx_clientcert_stats_sh_t   *sh;        /* before there are requests */
    ngx_cycle_t                 *cycle;
    time_t                       loaded;    /* when it was read */

    size_t                       size;
    ngx_uint_t                   refused;   /* that are kept, 0: none */
    unsigned                     defined:1;

    ngx_clientcert_counts_t      counts;
    ngx_clientcert_recent_t      recent;
} ngx_clientcert_stats_t;


/*
 * Makes the statistics of a configuration, or returns NULL without memory.
 */
ngx_clientcert_stats_t *ngx_clientcert_stats_create(ngx_conf_t *cf);

/*
 * How many bytes of the zone are in use.
 */
size_t ngx_clientcert_stats_used(ngx_clientcert_stats_t *stats);

/*
 * Reads the parameters of the directive.
 */
char *ngx_clientcert_stats_conf(ngx_conf_t *cf, ngx_clientcert_stats_t *stats);

/*
 * Adds the zone, with the module as its tag.  What is counted must be pushed
 * to stats->counts before the configuration comes into force.
 */
ngx_int_t ngx_clientcert_stats_zone(ngx_conf_t *cf,
    ngx_clientcert_stats_t *stats, void *tag);


#endif /* _NGX_CLIENTCERT_STATS_H_INCLUDED_ */
