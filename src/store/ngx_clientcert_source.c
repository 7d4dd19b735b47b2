
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_source.h"


/*
 * What a store holds is made of what its source holds, each time anew.  A look
 * reads files into the memory of the process, without any lock; publish takes
 * the mutex of the zone, fills the idle half from that memory and puts it in
 * force.  What isn't to be published, as the look broke off half-way, waits
 * for the next look.  All state lies in the process but for what the struct in
 * shared memory says of the source: a process that is killed leaves that and
 * the half in force, and the next one reads everything itself.
 */


static void ngx_clientcert_source_census(ngx_clientcert_source_t *src,
    ngx_uint_t filled, ngx_uint_t added, ngx_uint_t removed);
static void ngx_clientcert_source_done(ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_source_fill(ngx_clientcert_source_t *src,
    ngx_clientcert_need_t *need);
static void ngx_clientcert_source_put_in_force(ngx_clientcert_source_t *src);
static void ngx_clientcert_source_too_small(ngx_clientcert_source_t *src,
    ngx_clientcert_need_t *need);


void
ngx_clientcert_source_look(ngx_clientcert_source_t *src, ngx_uint_t again)
{
    ngx_log_debug3(NGX_LOG_DEBUG_CORE, src->log, 0,
                   "clientcert look \"%V\" all:%ui again:%ui",
                   &src->store->name, (ngx_uint_t) src->all, again);

    src->again = again;
    src->missed = 0;

    src->whole = (src->kind->look(src) == NGX_OK);
}


void
ngx_clientcert_source_publish(ngx_clientcert_source_t *src)
{
    ngx_int_t                rc;
    ngx_uint_t               added, removed, renamed, n;
    ngx_clientcert_need_t    need;
    ngx_clientcert_store_t  *st;

    st = src->store;

    if (ngx_clientcert_store_lock(st) != NGX_OK) {
        src->retired = 1;
        return;
    }

    st->sh->err = src->err;

    if (src->err == 0) {
        st->sh->dev = src->dev;
    }

    added = 0;
    removed = 0;
    renamed = 0;
    rc = NGX_DONE;

    if (src->changed && src->whole) {
        rc = ngx_clientcert_source_fill(src, &need);
    }

    if (rc == NGX_OK || rc == NGX_DECLINED) {
        added = st->added;
        renamed = st->renamed;
        removed = ngx_clientcert_index_count(&st->active) - st->kept;
        ngx_clientcert_source_put_in_force(src);

        src->changed = 0;
        st->sh->wanted = (rc == NGX_OK) ? 0
                         : ngx_clientcert_store_size(st->certificates, &need);
    }

    st->sh->bad = src->bad;

    ngx_clientcert_source_census(src, rc == NGX_OK || rc == NGX_DECLINED,
                                 added, removed);

    ngx_clientcert_store_halves(st);
    n = ngx_clientcert_index_count(&st->active);

    ngx_clientcert_store_unlock(st);

    if (rc == NGX_DECLINED) {
        ngx_clientcert_source_too_small(src, &need);

    } else if (rc == NGX_OK) {
        src->said = 0;
    }

    if (added || removed || renamed || src->rejected) {
        ngx_clientcert_source_log(src, NGX_LOG_NOTICE, 0,
                                  "%ui added, %ui removed, %ui renamed, "
                                  "%ui rejected, %ui %s",
                                  added, removed, renamed, src->rejected,
                                  n, src->kind->holds);
    }

    ngx_clientcert_source_done(src);
}


/* leaves what is known for those who ask */

static void
ngx_clientcert_source_census(ngx_clientcert_source_t *src, ngx_uint_t filled,
    ngx_uint_t added, ngx_uint_t removed)
{
    time_t                    now;
    ngx_uint_t                i;
    ngx_clientcert_census_t  *census;

    now = ngx_time();
    census = ngx_clientcert_census_open(src->store->sh->census);

    census->checked = now;

    if (census->err != src->err) {
        census->err = src->err;
        census->since = now;
    }

    if (filled) {
        census->ages = src->store->ages;
        census->added += added;
        census->removed += removed;

        if (ngx_clientcert_store_changed(src->store)) {
            census->changed = now;
        }
    }

    for (i = 0; i < NGX_CLIENTCERT_CENSUS_CAUSES; i++) {
        census->errors[i] += src->errors[i];
        src->errors[i] = 0;
    }

    ngx_memzero(&census->report, sizeof(ngx_clientcert_report_t));

    src->kind->report(src, &census->report);

    ngx_clientcert_census_close(src->store->sh->census);
}


static void
ngx_clientcert_source_done(ngx_clientcert_source_t *src)
{
    if (src->kind->done) {
        src->kind->done(src);
    }

    if (src->lines > NGX_CLIENTCERT_LINES) {
        ngx_clientcert_source_log(src, src->level, 0,
                                  "%ui more lines like these",
                                  src->lines - NGX_CLIENTCERT_LINES);
    }

    src->lines = 0;
    src->rejected = 0;
}


/* returns NGX_DECLINED if it has only room for some of it, or NGX_ERROR */

static ngx_int_t
ngx_clientcert_source_fill(ngx_clientcert_source_t *src,
    ngx_clientcert_need_t *need)
{
    ngx_clientcert_store_t  *st;

    st = src->store;

    ngx_clientcert_store_halves(st);

    if (src->kind->carry && src->kind->carry(src) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(need, sizeof(ngx_clientcert_need_t));

    src->kind->count(src, need);

    if (ngx_clientcert_store_begin(st, need) == NGX_OK
        && src->kind->fill(src, 0) == NGX_OK)
    {
        return NGX_OK;
    }

    if (ngx_clientcert_store_begin_outgrown(st) != NGX_OK) {
        return NGX_ERROR;
    }

    (void) src->kind->fill(src, 1);

    return NGX_DECLINED;
}


static void
ngx_clientcert_source_put_in_force(ngx_clientcert_source_t *src)
{
    if (!ngx_clientcert_store_changed(src->store)) {
        return;
    }

    ngx_clientcert_store_publish(src->store);

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, src->log, 0,
                   "clientcert publish \"%V\" generation:%ui",
                   &src->store->name,
                   ngx_clientcert_store_generation(src->store));
}


/* once more as soon as the size that was said wouldn't do either */

static void
ngx_clientcert_source_too_small(ngx_clientcert_source_t *src,
    ngx_clientcert_need_t *need)
{
    size_t  size;

    size = ngx_clientcert_store_size(src->kind->certificates, need);

    if (size <= src->said) {
        return;
    }

    ngx_clientcert_source_log(src, NGX_LOG_ERR, 0,
                              "its zone of %uzk is too small for \"%V\", "
                              "\"size=%uzk\" is needed",
                              src->store->zone->shm.size / 1024, &src->path,
                              size / 1024);

    src->said = size;
}


void ngx_cdecl
ngx_clientcert_source_log(ngx_clientcert_source_t *src, ngx_uint_t level,
    ngx_err_t err, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;
    u_char    text[NGX_MAX_ERROR_STR];

    va_start(args, fmt);
    p = ngx_vslprintf(text, text + NGX_MAX_ERROR_STR, fmt, args);
    va_end(args);

    ngx_log_error(level, src->log, err, "store \"%V\": %*s",
                  &src->store->name, (size_t) (p - text), text);

    /* nginx itself prints there what the level of the log lets through */

    if (ngx_use_stderr && level <= NGX_LOG_WARN
        && src->log->log_level < level)
    {
        ngx_log_stderr(err, "store \"%V\": %*s",
                       &src->store->name, (size_t) (p - text), text);
    }
}


ngx_uint_t
ngx_clientcert_source_line(ngx_clientcert_source_t *src)
{
    return ++src->lines <= NGX_CLIENTCERT_LINES;
}


void
ngx_clientcert_source_failed(ngx_clientcert_source_t *src, ngx_err_t err,
    const char *call)
{
    if (err == src->err) {
        return;
    }

    src->err = err;

    if (err) {
        src->errors[(err == NGX_ENOMEM) ? NGX_CLIENTCERT_CENSUS_MEMORY
                                        : NGX_CLIENTCERT_CENSUS_READ]++;
    }

    if (err == 0) {
        ngx_clientcert_source_log(src, NGX_LOG_NOTICE, 0,
                                  "\"%V\" can be read again", &src->path);

    } else if (src->level == NGX_LOG_WARN) {

        /* at start there is no state to keep */

        ngx_clientcert_source_log(src,
                                  ngx_clientcert_source_is_missing(err)
                                  ? NGX_LOG_EMERG : NGX_LOG_WARN,
                                  err, "%s \"%V\" failed", call, &src->path);

    } else {
        ngx_clientcert_source_log(src, src->level, err,
                                  "%s \"%V\" failed, it keeps its state",
                                  call, &src->path);
    }
}


ngx_uint_t
ngx_clientcert_source_is_missing(ngx_err_t err)
{
    return err == NGX_ENOENT || err == NGX_ENOTDIR;
}


ngx_uint_t
ngx_clientcert_source_is_exhausted(ngx_err_t err)
{
    return err == NGX_EMFILE || err == NGX_ENFILE || err == NGX_ENOMEM;
}


uint64_t
ngx_clientcert_source_stamp(ngx_file_info_t *fi, ngx_uint_t *recent)
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
