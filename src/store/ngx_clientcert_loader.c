
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_loader.h"
#include <grp.h>


#define NGX_CLIENTCERT_DAY    (24 * 60 * 60)

/* "size" by need is what the source needs now, so many times over */
#define NGX_CLIENTCERT_SPARE  4


static ngx_shm_zone_t *ngx_clientcert_loader_old_zone(ngx_conf_t *cf,
    ngx_str_t *name);
static size_t ngx_clientcert_loader_old_size(ngx_shm_zone_t *zone);
static size_t ngx_clientcert_loader_need(ngx_clientcert_loader_t *ld);
static ngx_int_t ngx_clientcert_loader_init_zone(ngx_shm_zone_t *zone,
    void *data);
static ngx_int_t ngx_clientcert_loader_fill(ngx_clientcert_loader_t *ld);
static void ngx_clientcert_loader_read(ngx_clientcert_loader_t *ld);
static ngx_int_t ngx_clientcert_loader_become(ngx_core_conf_t *ccf,
    ngx_array_t *groups, ngx_log_t *log);
static ngx_int_t ngx_clientcert_loader_return(gid_t gid, ngx_array_t *groups,
    ngx_log_t *log);
static void ngx_clientcert_loader_expiry(ngx_clientcert_loader_t *ld);


ngx_int_t
ngx_clientcert_loader_zones(ngx_conf_t *cf, ngx_array_t *loaders)
{
    size_t                     size;
    ngx_str_t                  name;
    ngx_uint_t                 i;
    ngx_shm_zone_t            *zone, *old;
    ngx_clientcert_loader_t  **ld;

    ld = loaders->elts;

    for (i = 0; i < loaders->nelts; i++) {

        /* another source is another zone; there is no "=" in a name */

        name.len = ld[i]->store->name.len + sizeof(" directory=") - 1
                   + ld[i]->path.len;

        name.data = ngx_pnalloc(cf->pool, name.len);
        if (name.data == NULL) {
            return NGX_ERROR;
        }

        name.len = ngx_sprintf(name.data, "%V %s=%V", &ld[i]->store->name,
                               ld[i]->store->certificates ? "directory"
                                                          : "list",
                               &ld[i]->path)
                   - name.data;

        old = ngx_clientcert_loader_old_zone(cf, &name);

        if (old) {
            ld[i]->old = ((ngx_clientcert_loader_t *) old->data)->store;
        }

        size = ld[i]->size ? ld[i]->size
               : old ? ngx_clientcert_loader_old_size(old)
                     : ngx_clientcert_loader_need(ld[i]);

        zone = ngx_shared_memory_add(cf, &name, size,
                                     (void *) ngx_clientcert_loader_zones);
        if (zone == NULL) {
            return NGX_ERROR;
        }

        zone->init = ngx_clientcert_loader_init_zone;
        zone->data = ld[i];

        ld[i]->store->zone = zone;
        ld[i]->cycle = cf->cycle;
    }

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
    ngx_clientcert_loader_t  *old;

    old = zone->data;

    return old->store->sh->wanted
           ? old->store->sh->wanted * NGX_CLIENTCERT_SPARE : zone->shm.size;
}


/* an estimate: files needn't be readable yet */

static size_t
ngx_clientcert_loader_need(ngx_clientcert_loader_t *ld)
{
    DIR            *d;
    size_t          origins;
    ngx_uint_t      n;
    struct stat     sb;
    struct dirent  *de;

    if (!ld->store->certificates) {

        if (stat((char *) ld->path.data, &sb) == -1) {
            return NGX_CLIENTCERT_STORE_MIN_SIZE;
        }

        /* a thumbprint takes a line of 41 bytes, a label the same in both */

        return NGX_CLIENTCERT_SPARE
               * ngx_clientcert_store_size(0, sb.st_size / 41, 0,
                                           sb.st_size % 41);
    }

    d = opendir((char *) ld->path.data);
    if (d == NULL) {
        return NGX_CLIENTCERT_STORE_MIN_SIZE;
    }

    n = 0;
    origins = 0;

    while ((de = readdir(d)) != NULL) {
        if (de->d_name[0] != '.'
            && fstatat(dirfd(d), de->d_name, &sb, 0) == 0
            && S_ISREG(sb.st_mode)
            && sb.st_size <= NGX_CLIENTCERT_FILE_MAX)
        {
            /* a certificate in PEM is seldom shorter */

            n += 1 + sb.st_size / 1000;
            origins += ngx_strlen(de->d_name);
        }
    }

    (void) closedir(d);

    return NGX_CLIENTCERT_SPARE * ngx_clientcert_store_size(1, 0, n, origins);
}


static ngx_int_t
ngx_clientcert_loader_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_clientcert_loader_t *old = data;

    ngx_err_t                 err;
    ngx_clientcert_store_t   *st;
    ngx_clientcert_loader_t  *ld;

    ld = zone->data;
    st = ld->store;

    ld->log = zone->shm.log;
    ld->level = NGX_LOG_WARN;

    if (ngx_clientcert_store_init(st, old ? old->store : NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    if (old == NULL && ngx_clientcert_loader_fill(ld) != NGX_OK) {
        return NGX_ERROR;
    }

    ld->old = NULL;

    /* at a reload that may pass, or because of it */

    err = (old && ngx_clientcert_loader_exhausted(st->sh->err)) ? 0
                                                                : st->sh->err;

    if (st->denies && (st->sh->failed || st->sh->wanted || err)) {
        ngx_log_error(NGX_LOG_EMERG, ld->log, 0,
                      "store \"%V\", which a \"deny\" uses, can't be read "
                      "whole from \"%V\"", &st->name, &ld->path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* in the master, but as the user that follows the source later on */

static ngx_int_t
ngx_clientcert_loader_fill(ngx_clientcert_loader_t *ld)
{
    gid_t             gid;
    ngx_int_t         rc;
    ngx_array_t      *groups;
    ngx_core_conf_t  *ccf;

    gid = getegid();
    groups = NULL;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ld->cycle->conf_ctx,
                                           ngx_core_module);

    if (geteuid() == 0) {
        groups = ngx_array_create(ld->cycle->pool, 1, sizeof(gid_t));

        if (groups == NULL) {
            return NGX_ERROR;
        }

        if (ngx_clientcert_loader_become(ccf, groups, ld->log) != NGX_OK) {
            (void) ngx_clientcert_loader_return(gid, groups, ld->log);
            return NGX_ERROR;
        }
    }

    ngx_clientcert_store_new_writer(ld->store);

    /* the last good state outlives another size */

    if (ld->old) {
        ngx_clientcert_store_copy(ld->store, ld->old);
    }

    rc = NGX_OK;

    if (ld->store->certificates) {
        rc = ngx_clientcert_directory_create(ld);

        if (rc == NGX_OK) {
            ngx_clientcert_loader_read(ld);
            ngx_clientcert_directory_destroy(ld);
        }

    } else {
        ngx_clientcert_loader_read(ld);
        ngx_clientcert_list_forget(ld);
    }

    ngx_clientcert_loader_expiry(ld);

    ngx_clientcert_store_no_writer(ld->store);

    if (groups
        && ngx_clientcert_loader_return(gid, groups, ld->log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ld->small ? NGX_ERROR : rc;
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


static void
ngx_clientcert_loader_read(ngx_clientcert_loader_t *ld)
{
    if (ld->store->certificates) {
        (void) ngx_clientcert_directory_scan(ld);

    } else {
        /* there is no state to keep while it settles at the first filling */

        (void) ngx_clientcert_list_load(ld, ld->complete
                                            || ld->level == NGX_LOG_WARN);
    }
}


static void
ngx_clientcert_loader_expiry(ngx_clientcert_loader_t *ld)
{
    u_char                 *p;
    time_t                  now;
    int64_t                 left;
    ngx_str_t               name;
    ngx_uint_t              place;
    ngx_clientcert_entry_t  entry;
    u_char                  buf[NGX_CLIENTCERT_ORIGIN_LEN * 4];

    now = ngx_time();

    if (!ld->store->certificates
        || ld->warn == 0
        || (now < ld->store->sh->warned + NGX_CLIENTCERT_DAY
            && now >= ld->store->sh->warned))
    {
        return;
    }

    if (ngx_clientcert_store_lock(ld->store) != NGX_OK) {
        return;
    }

    ld->store->sh->warned = now;
    place = 0;

    while (ngx_clientcert_store_next(ld->store, &place, &entry) == NGX_OK) {

        left = entry.not_after - now;

        if (left >= ld->warn) {
            continue;
        }

        name = entry.origin;
        p = ngx_clientcert_store_escape(buf, &name);

        if (left < 0) {
            ngx_log_error(NGX_LOG_WARN, ld->log, 0,
                          "store \"%V\": a certificate in \"%*s\" has "
                          "expired", &ld->store->name,
                          (size_t) (p - buf), buf);

        } else {
            ngx_log_error(NGX_LOG_WARN, ld->log, 0,
                          "store \"%V\": a certificate in \"%*s\" expires "
                          "in %L days", &ld->store->name,
                          (size_t) (p - buf), buf,
                          left / NGX_CLIENTCERT_DAY);
        }
    }

    ngx_clientcert_store_unlock(ld->store);
}


void
ngx_clientcert_loader_run(ngx_clientcert_loader_t *ld)
{
    ld->unsettled = 0;
    ld->complete = ld->swapped;
    ld->swapped = 0;

    ngx_clientcert_loader_read(ld);
    ngx_clientcert_loader_expiry(ld);
}


uint64_t
ngx_clientcert_loader_stamp(ngx_file_info_t *fi, ngx_uint_t *recent)
{
    size_t           i;
    int64_t          age;
    uint64_t         stamp;
    struct timespec  now;

    uint64_t  values[] = {
        fi->st_dev, fi->st_ino, fi->st_size,
        fi->st_mtim.tv_sec, fi->st_mtim.tv_nsec,
        fi->st_ctim.tv_sec, fi->st_ctim.tv_nsec
    };

    stamp = 0;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        stamp = (stamp ^ values[i]) * 0x9e3779b97f4a7c15;
        stamp ^= stamp >> 32;
    }

    /* times are coarse, of seconds even in some file systems */

    (void) clock_gettime(CLOCK_REALTIME, &now);

    age = (int64_t) (now.tv_sec - fi->st_ctim.tv_sec) * 1000
          + (now.tv_nsec - fi->st_ctim.tv_nsec) / 1000000;

    /* the clock of a server may be another one */

    *recent = (age > -2000 && age < (fi->st_ctim.tv_nsec ? 20 : 2000));

    return stamp ? stamp : 1;
}


ngx_uint_t
ngx_clientcert_loader_exhausted(ngx_err_t err)
{
    return err == NGX_EMFILE || err == NGX_ENFILE || err == NGX_ENOMEM;
}


void
ngx_clientcert_loader_failed(ngx_clientcert_loader_t *ld, ngx_err_t err,
    const char *call)
{
    ngx_uint_t                  told;
    ngx_clientcert_store_sh_t  *sh;

    sh = ld->store->sh;

    if (err == sh->err && !sh->untold) {
        return;
    }

    told = !sh->untold;

    /* what the master warns of may be below the level of the log */

    sh->untold = (err && ld->log->log_level < ld->level);

    if (err) {
        ngx_log_error(ld->level, ld->log, err,
                      "store \"%V\": %s of \"%V\" failed, it keeps its state",
                      &ld->store->name, call, &ld->path);

    } else if (told) {
        ngx_log_error(NGX_LOG_NOTICE, ld->log, 0,
                      "store \"%V\": \"%V\" can be read again",
                      &ld->store->name, &ld->path);
    }

    sh->err = err;
}


ngx_uint_t
ngx_clientcert_loader_told(ngx_clientcert_loader_t *ld, uint64_t problem)
{
    return ld->log->log_level >= ld->level
           && ngx_clientcert_store_told(ld->store, problem);
}


void
ngx_clientcert_loader_small(ngx_clientcert_loader_t *ld)
{
    ngx_uint_t  level;

    if (!ld->small) {
        level = (ld->level == NGX_LOG_WARN) ? NGX_LOG_EMERG : ld->level;

        ngx_log_error(level, ld->log, 0,
                      "store \"%V\": its zone of %uzk is too small for "
                      "\"%V\", \"size=%uzk\" is needed; nothing is added "
                      "until then",
                      &ld->store->name, ld->store->zone->shm.size / 1024,
                      &ld->path, ld->store->sh->wanted / 1024);
    }

    ld->small = 1;
}
