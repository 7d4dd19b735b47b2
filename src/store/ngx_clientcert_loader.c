
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_loader.h"
#include "../cert/ngx_clientcert_text.h"
#include <grp.h>


/*
 * The zones of stores.  The master fills a new one before there are workers,
 * reading as the user of the workers as the helper will; one that outlives a
 * reload it leaves as it is.  It takes no mutex but that of a zone which
 * nobody else has yet, so it waits for nobody.  A zone of another size is a
 * new one and starts from what can be read now.  A master that is killed
 * meanwhile leaves nothing.
 */


#define NGX_CLIENTCERT_DAY       (24 * 60 * 60)

/* "size" by need is what the source needs now, so many times over */
#define NGX_CLIENTCERT_SPARE     4

/* certificates that expire and are named */
#define NGX_CLIENTCERT_EXPIRING  5


typedef struct {
    int64_t                    not_after;
    ngx_str_t                  origin;
    u_char                     data[NGX_CLIENTCERT_ORIGIN_LEN];
} ngx_clientcert_expiring_t;


static ngx_int_t ngx_clientcert_loader_name(ngx_pool_t *pool,
    ngx_clientcert_source_t *src, ngx_str_t *name);
static ngx_shm_zone_t *ngx_clientcert_loader_old_zone(ngx_conf_t *cf,
    ngx_str_t *name);
static size_t ngx_clientcert_loader_old_size(ngx_shm_zone_t *zone);
static ngx_int_t ngx_clientcert_loader_init_zone(ngx_shm_zone_t *zone,
    void *data);
static ngx_int_t ngx_clientcert_loader_fill(ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_loader_read(ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_loader_become(ngx_core_conf_t *ccf,
    ngx_array_t *groups, ngx_log_t *log);
static ngx_int_t ngx_clientcert_loader_return(gid_t gid, ngx_array_t *groups,
    ngx_log_t *log);
static ngx_uint_t ngx_clientcert_loader_expiring(ngx_clientcert_source_t *src,
    time_t now, ngx_clientcert_expiring_t *first);


ngx_int_t
ngx_clientcert_loader_zones(ngx_conf_t *cf, ngx_array_t *sources, void *tag)
{
    size_t                     size;
    ngx_str_t                  name;
    ngx_uint_t                 i;
    ngx_shm_zone_t            *zone, *old;
    ngx_clientcert_source_t  **src;

    src = sources->elts;

    for (i = 0; i < sources->nelts; i++) {

        src[i]->log = cf->log;

        if (ngx_clientcert_loader_name(cf->pool, src[i], &name) != NGX_OK) {
            return NGX_ERROR;
        }

        old = ngx_clientcert_loader_old_zone(cf, &name);

        size = src[i]->size ? src[i]->size
               : old ? ngx_clientcert_loader_old_size(old)
                     : src[i]->kind->size(src[i]) * NGX_CLIENTCERT_SPARE;

        zone = ngx_shared_memory_add(cf, &name, size, tag);
        if (zone == NULL) {
            return NGX_ERROR;
        }

        zone->init = ngx_clientcert_loader_init_zone;
        zone->data = src[i];

        src[i]->store->zone = zone;
        src[i]->cycle = cf->cycle;
    }

    return NGX_OK;
}


/*
 * Another source is another zone, there is no "=" in the name of a store; and
 * so is one that "deny" has come to use, which holds leftovers as well.
 */

static ngx_int_t
ngx_clientcert_loader_name(ngx_pool_t *pool, ngx_clientcert_source_t *src,
    ngx_str_t *name)
{
    u_char  *p;

    p = ngx_pnalloc(pool, src->store->name.len + src->kind->parameter.len
                          + src->path.len + src->mask.len
                          + sizeof(" / deny") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    name->data = p;

    p = ngx_sprintf(p, "%V %V%V", &src->store->name, &src->kind->parameter,
                    &src->path);

    if (src->mask.len) {
        p = ngx_sprintf(p, "/%V", &src->mask);

    } else if (src->kind->masks && src->store->denies) {
        p = ngx_cpymem(p, " deny", 5);
    }

    name->len = p - name->data;

    return NGX_OK;
}


static ngx_shm_zone_t *
ngx_clientcert_loader_old_zone(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_shm_zone_t   *zone;
    ngx_list_part_t  *part;

    for (part = &cf->cycle->old_cycle->shared_memory.part;
         part;
         part = part->next)
    {
        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (zone[i].init == ngx_clientcert_loader_init_zone
                && zone[i].shm.name.len == name->len
                && ngx_strncmp(zone[i].shm.name.data, name->data, name->len)
                   == 0)
            {
                return &zone[i];
            }
        }
    }

    return NULL;
}


/* so that the zone outlives a reload */

static size_t
ngx_clientcert_loader_old_size(ngx_shm_zone_t *zone)
{
    size_t                    wanted;
    ngx_clientcert_source_t  *old;

    old = zone->data;
    wanted = old->store->sh->wanted;

    return wanted ? wanted * NGX_CLIENTCERT_SPARE : zone->shm.size;
}


static ngx_int_t
ngx_clientcert_loader_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_clientcert_source_t *old = data;

    ngx_err_t                 err;
    ngx_clientcert_store_t   *st;
    ngx_clientcert_source_t  *src;

    src = zone->data;
    st = src->store;

    src->log = zone->shm.log;
    src->level = NGX_LOG_WARN;

    if (ngx_clientcert_store_init(st, old ? old->store : NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    if (old == NULL && ngx_clientcert_loader_fill(src) != NGX_OK) {
        return NGX_ERROR;
    }

    /* at a reload that may pass, or because of it */

    err = (old && ngx_clientcert_source_is_exhausted(st->sh->err))
          ? 0 : st->sh->err;

    if (st->denies && (st->sh->bad || st->sh->wanted || err)) {
        ngx_log_error(NGX_LOG_EMERG, src->log, err,
                      "store \"%V\", which a \"deny\" uses, can't be read "
                      "whole from \"%V\"", &st->name, &src->path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* in the master, but as the user that follows the source later on */

static ngx_int_t
ngx_clientcert_loader_fill(ngx_clientcert_source_t *src)
{
    gid_t             gid;
    ngx_int_t         rc;
    ngx_array_t      *groups;
    ngx_core_conf_t  *ccf;
#if (NGX_HAVE_PR_SET_DUMPABLE)
    int               dumpable;
#endif

    if (geteuid() != 0) {
        return ngx_clientcert_loader_read(src);
    }

    gid = getegid();

    ccf = (ngx_core_conf_t *) ngx_get_conf(src->cycle->conf_ctx,
                                           ngx_core_module);

    groups = ngx_array_create(src->cycle->pool, 1, sizeof(gid_t));
    if (groups == NULL) {
        return NGX_ERROR;
    }

#if (NGX_HAVE_PR_SET_DUMPABLE)
    dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
#endif

    rc = ngx_clientcert_loader_become(ccf, groups, src->log);

    if (rc == NGX_OK) {
        rc = ngx_clientcert_loader_read(src);
    }

    if (ngx_clientcert_loader_return(gid, groups, src->log) != NGX_OK) {
        return NGX_ERROR;
    }

#if (NGX_HAVE_PR_SET_DUMPABLE)

    /* another user takes core dumps away */

    if (dumpable == 1 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == -1) {
        ngx_log_error(NGX_LOG_ALERT, src->log, ngx_errno,
                      "prctl(PR_SET_DUMPABLE) failed");
    }

#endif

    return rc;
}


static ngx_int_t
ngx_clientcert_loader_read(ngx_clientcert_source_t *src)
{
    ngx_clientcert_store_new_writer(src->store);

    if (src->kind->create(src) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_clientcert_source_look(src, 0);
    ngx_clientcert_source_publish(src);

    src->kind->destroy(src);

    ngx_clientcert_loader_expiry(src);

    /* there is no state to keep */

    return ngx_clientcert_source_is_missing(src->err) ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_clientcert_loader_become(ngx_core_conf_t *ccf, ngx_array_t *groups,
    ngx_log_t *log)
{
    int     n;
    gid_t  *list;

    n = getgroups(0, NULL);
    list = (n > 0) ? ngx_array_push_n(groups, n) : NULL;

    if (n == -1 || (n > 0 && (list == NULL || getgroups(n, list) == -1))) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno, "getgroups() failed");
        return NGX_ERROR;
    }

    if (initgroups(ccf->username, ccf->group) == -1
        || setegid(ccf->group) == -1
        || seteuid(ccf->user) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "could not become user \"%s\" to read a store",
                      ccf->username);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_loader_return(gid_t gid, ngx_array_t *groups, ngx_log_t *log)
{
    if (seteuid(0) == -1
        || setegid(gid) == -1
        || setgroups(groups->nelts, groups->elts) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "could not become root again");
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_clientcert_loader_expiry(ngx_clientcert_source_t *src)
{
    u_char                     *p;
    time_t                      now;
    int64_t                     left;
    ngx_uint_t                  i, n;
    ngx_clientcert_expiring_t  *e, first[NGX_CLIENTCERT_EXPIRING];
    u_char                      text[NGX_CLIENTCERT_EXPIRING
                                     * (NGX_CLIENTCERT_ORIGIN_LEN * 4 + 64)];

    if (!src->kind->certificates || src->warn == 0) {
        return;
    }

    now = ngx_time();
    n = ngx_clientcert_loader_expiring(src, now, first);

    if (n == 0) {
        return;
    }

    p = text;

    for (i = 0; i < ngx_min(n, NGX_CLIENTCERT_EXPIRING); i++) {
        e = &first[i];
        left = e->not_after - now;

        p = ngx_cpymem(p, i ? ", \"" : "\"", i ? 3 : 1);
        p = ngx_clientcert_text_log(p, &e->origin);

        p = (left < 0) ? ngx_sprintf(p, "\" has expired")
                       : ngx_sprintf(p, "\" expires in %L days",
                                     left / NGX_CLIENTCERT_DAY);
    }

    ngx_clientcert_source_log(src, NGX_LOG_WARN, 0,
                              "of its certificates %ui have expired or will "
                              "within %T days: %*s%s",
                              n, src->warn / NGX_CLIENTCERT_DAY,
                              (size_t) (p - text), text,
                              (n > NGX_CLIENTCERT_EXPIRING) ? ", ..." : "");
}


/* returns how many; the first ones are copied, as the half may be refilled */

static ngx_uint_t
ngx_clientcert_loader_expiring(ngx_clientcert_source_t *src, time_t now,
    ngx_clientcert_expiring_t *first)
{
    uint32_t                 place;
    ngx_uint_t               i, n, slot, table;
    ngx_clientcert_entry_t   entry;
    ngx_clientcert_store_t  *st;

    st = src->store;

    if ((now >= st->sh->warned && now < st->sh->warned + NGX_CLIENTCERT_DAY)
        || ngx_clientcert_store_lock(st) != NGX_OK)
    {
        return 0;
    }

    st->sh->warned = now;

    ngx_clientcert_store_halves(st);

    n = 0;
    slot = 0;

    while ((place = ngx_clientcert_index_next(&st->active, &slot, &table))
           != 0)
    {
        ngx_clientcert_index_get(&st->active, table, place, &entry);

        if (entry.not_after - now >= src->warn) {
            continue;
        }

        /* in the order in which they expire */

        for (i = ngx_min(n, NGX_CLIENTCERT_EXPIRING); i > 0; i--) {

            if (first[i - 1].not_after <= entry.not_after) {
                break;
            }

            if (i < NGX_CLIENTCERT_EXPIRING) {
                first[i] = first[i - 1];
                first[i].origin.data = first[i].data;
            }
        }

        n++;

        if (i < NGX_CLIENTCERT_EXPIRING) {
            first[i].not_after = entry.not_after;
            first[i].origin.len = entry.origin.len;
            first[i].origin.data = first[i].data;

            ngx_memcpy(first[i].data, entry.origin.data, entry.origin.len);
        }
    }

    ngx_clientcert_store_unlock(st);

    return n;
}
