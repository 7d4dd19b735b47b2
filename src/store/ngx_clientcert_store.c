
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_store.h"
#include "ngx_clientcert_index.h"


static void ngx_clientcert_store_half(ngx_clientcert_store_t *st,
    ngx_uint_t generation, ngx_clientcert_index_t *index);
static ngx_uint_t ngx_clientcert_store_look_up(ngx_clientcert_store_t *st,
    ngx_clientcert_index_t *index, ngx_clientcert_sought_t *sought,
    ngx_str_t *label);
static ngx_int_t ngx_clientcert_store_try(ngx_clientcert_store_t *st,
    ngx_array_t *changes);
static ngx_int_t ngx_clientcert_store_apply(ngx_clientcert_index_t *index,
    ngx_array_t *changes, ngx_uint_t drops_only);
static ngx_int_t ngx_clientcert_store_compact(ngx_clientcert_store_t *st,
    ngx_array_t *changes);
static ngx_uint_t ngx_clientcert_store_outgrown(ngx_clientcert_store_t *st,
    ngx_array_t *changes);
static void ngx_clientcert_store_bump(ngx_clientcert_store_t *st);
static void ngx_clientcert_store_forget(ngx_clientcert_store_t *st);


ngx_clientcert_store_t *
ngx_clientcert_store_get(ngx_conf_t *cf, ngx_array_t *stores, ngx_str_t *name)
{
    ngx_uint_t                i;
    ngx_clientcert_store_t  **known, *st;

    known = stores->elts;

    for (i = 0; i < stores->nelts; i++) {
        if (known[i]->name.len == name->len
            && ngx_strncmp(known[i]->name.data, name->data, name->len) == 0)
        {
            return known[i];
        }
    }

    st = ngx_pcalloc(cf->pool, sizeof(ngx_clientcert_store_t));
    if (st == NULL) {
        return NULL;
    }

    known = ngx_array_push(stores);
    if (known == NULL) {
        return NULL;
    }

    *known = st;

    st->name = *name;
    st->index = stores->nelts - 1;
    st->file = cf->conf_file->file.name.data;
    st->line = cf->conf_file->line;

    return st;
}


ngx_int_t
ngx_clientcert_store_init(ngx_clientcert_store_t *st,
    ngx_clientcert_store_t *old)
{
    size_t                      bytes;
    uint32_t                   *data;
    ngx_uint_t                  i;
    ngx_clientcert_index_t      index;
    ngx_clientcert_store_sh_t  *sh;

    st->shpool = (ngx_slab_pool_t *) st->zone->shm.addr;

    if (old) {
        st->sh = old->sh;
        return NGX_OK;
    }

    sh = ngx_slab_calloc(st->shpool, sizeof(ngx_clientcert_store_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    bytes = st->shpool->pfree * ngx_pagesize;

    data = ngx_slab_alloc(st->shpool, bytes);
    if (data == NULL) {
        return NGX_ERROR;
    }

    sh->words = ngx_min(bytes / 2 / sizeof(uint32_t), NGX_MAX_UINT32_VALUE);
    sh->half[0] = data;
    sh->half[1] = data + sh->words;
    sh->seed = ((uint64_t) ngx_random() << 32) ^ (uint64_t) ngx_random();

    for (i = 0; i < 2; i++) {
        st->sh = sh;
        ngx_clientcert_store_half(st, i, &index);

        if (ngx_clientcert_index_clear(&index, 0, 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    st->shpool->data = sh;

    return NGX_OK;
}


static void
ngx_clientcert_store_half(ngx_clientcert_store_t *st, ngx_uint_t generation,
    ngx_clientcert_index_t *index)
{
    index->half = st->sh->half[generation & 1];
    index->words = st->sh->words;
    index->seed = st->sh->seed;
    index->certificates = st->certificates;
}


ngx_int_t
ngx_clientcert_store_find(ngx_clientcert_store_t *st,
    ngx_clientcert_sought_t *sought, ngx_str_t *label)
{
    ngx_uint_t              found;
    ngx_atomic_uint_t       generation;
    ngx_clientcert_index_t  index;

    for ( ;; ) {
        generation = st->sh->generation;

        ngx_memory_barrier();

        ngx_clientcert_store_half(st, generation, &index);

        found = ngx_clientcert_store_look_up(st, &index, sought, label);

        ngx_memory_barrier();

        /* the half wasn't written meanwhile unless another one is in force */

        if (st->sh->generation == generation) {
            return found ? NGX_OK : NGX_DECLINED;
        }
    }
}


static ngx_uint_t
ngx_clientcert_store_look_up(ngx_clientcert_store_t *st,
    ngx_clientcert_index_t *index, ngx_clientcert_sought_t *sought,
    ngx_str_t *label)
{
    uint32_t  place;

    place = ngx_clientcert_index_find(index, NGX_CLIENTCERT_BY_SHA256,
                                      sought->sha256);

    /* a certificate is compared whole, whatever SHA-1 it has */

    if (place == 0 && !st->certificates) {
        place = ngx_clientcert_index_find(index, NGX_CLIENTCERT_BY_SHA1,
                                          sought->sha1);
    }

    if (label) {
        label->len = place ? ngx_clientcert_index_label(index, place,
                                                        label->data,
                                                  NGX_CLIENTCERT_ORIGIN_LEN)
                           : 0;
    }

    if (place == 0 && st->certificates && sought->spki) {
        place = ngx_clientcert_index_find(index, NGX_CLIENTCERT_BY_SPKI,
                                          sought->spki);
    }

    return place != 0;
}


void
ngx_clientcert_store_new_writer(ngx_clientcert_store_t *st)
{
    ngx_shmtx_lock(&st->shpool->mutex);

    st->token = ++st->sh->writers;

    ngx_shmtx_unlock(&st->shpool->mutex);

    ngx_clientcert_store_forget(st);
}


void
ngx_clientcert_store_no_writer(ngx_clientcert_store_t *st)
{
    st->token = 0;
    ngx_clientcert_store_forget(st);
}


ngx_int_t
ngx_clientcert_store_lock(ngx_clientcert_store_t *st)
{
    ngx_shmtx_lock(&st->shpool->mutex);

    if (st->sh->writer > st->token) {
        ngx_shmtx_unlock(&st->shpool->mutex);
        return NGX_DECLINED;
    }

    if (st->sh->writer < st->token) {

        /* whoever wrote before may have been killed at it */

        st->sh->writer = st->token;
        ngx_clientcert_store_forget(st);
    }

    return NGX_OK;
}


void
ngx_clientcert_store_unlock(ngx_clientcert_store_t *st)
{
    ngx_shmtx_unlock(&st->shpool->mutex);
}


ngx_int_t
ngx_clientcert_store_change(ngx_clientcert_store_t *st, ngx_pool_t *pool,
    ngx_array_t *changes)
{
    ngx_uint_t              drops;
    ngx_clientcert_index_t  now, idle;

    if (ngx_clientcert_store_try(st, changes) == NGX_OK
        || ngx_clientcert_store_compact(st, changes) == NGX_OK)
    {
        ngx_clientcert_store_forget(st);

        st->last = changes;
        st->pool = pool;
        st->sh->wanted = 0;

        ngx_clientcert_store_bump(st);

        return NGX_OK;
    }

    if (!st->certificates) {
        ngx_clientcert_store_forget(st);
        ngx_destroy_pool(pool);
        return NGX_DECLINED;
    }

    drops = ngx_clientcert_store_outgrown(st, changes);

    ngx_clientcert_store_forget(st);

    /* what was taken away must not stay for what is too much */

    if (drops) {
        ngx_clientcert_store_half(st, st->sh->generation, &now);
        ngx_clientcert_store_half(st, st->sh->generation + 1, &idle);

        ngx_clientcert_index_copy(&now, &idle);
        (void) ngx_clientcert_store_apply(&idle, changes, 1);

        ngx_clientcert_store_bump(st);
    }

    ngx_destroy_pool(pool);

    return NGX_DECLINED;
}


/* brings the idle half up to date and changes it */

static ngx_int_t
ngx_clientcert_store_try(ngx_clientcert_store_t *st, ngx_array_t *changes)
{
    ngx_clientcert_index_t  now, idle;

    ngx_clientcert_store_half(st, st->sh->generation, &now);
    ngx_clientcert_store_half(st, st->sh->generation + 1, &idle);

    if (changes->nelts > ngx_clientcert_store_count(st, 0)) {
        return NGX_DECLINED;
    }

    if (st->last == NULL
        || ngx_clientcert_store_apply(&idle, st->last, 0) != NGX_OK)
    {
        ngx_clientcert_index_copy(&now, &idle);
    }

    return ngx_clientcert_store_apply(&idle, changes, 0);
}


static ngx_int_t
ngx_clientcert_store_apply(ngx_clientcert_index_t *index,
    ngx_array_t *changes, ngx_uint_t drops_only)
{
    ngx_int_t                 rc;
    ngx_uint_t                i;
    ngx_clientcert_change_t  *change;

    change = changes->elts;

    for (i = 0; i < changes->nelts; i++) {

        if (change[i].drop) {
            ngx_clientcert_index_drop(index,
                                      change[i].entry.len == 20
                                      ? NGX_CLIENTCERT_BY_SHA1
                                      : NGX_CLIENTCERT_BY_SHA256,
                                      change[i].entry.digest);
            continue;
        }

        if (drops_only) {
            continue;
        }

        rc = ngx_clientcert_index_put(index, &change[i].entry,
                                      index->certificates);

        if (rc == NGX_DECLINED || (rc == NGX_BUSY && !index->certificates)) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* makes the idle half anew, without what growing and changing left behind */

static ngx_int_t
ngx_clientcert_store_compact(ngx_clientcert_store_t *st, ngx_array_t *changes)
{
    uint32_t                place;
    ngx_uint_t              slot, table;
    ngx_clientcert_half_t  *head;
    ngx_clientcert_entry_t  entry;
    ngx_clientcert_index_t  now, idle;

    ngx_clientcert_store_half(st, st->sh->generation, &now);
    ngx_clientcert_store_half(st, st->sh->generation + 1, &idle);

    head = (ngx_clientcert_half_t *) now.half;

    if (ngx_clientcert_index_clear(&idle,
                                head->tables[NGX_CLIENTCERT_BY_SHA1].n,
                                head->tables[NGX_CLIENTCERT_BY_SHA256].n
                                + changes->nelts)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    slot = 0;

    while ((place = ngx_clientcert_index_next(&now, &slot, &table)) != 0) {
        ngx_clientcert_index_get(&now, table, place, &entry);

        if (ngx_clientcert_index_put(&idle, &entry, 0) == NGX_DECLINED) {
            return NGX_DECLINED;
        }
    }

    return ngx_clientcert_store_apply(&idle, changes, 0);
}


/* returns how many of the changes can be made all the same */

static ngx_uint_t
ngx_clientcert_store_outgrown(ngx_clientcert_store_t *st, ngx_array_t *changes)
{
    size_t                    origins;
    ngx_uint_t                i, n, place, drops;
    ngx_clientcert_entry_t    entry;
    ngx_clientcert_change_t  *change;

    n = 0;
    drops = 0;
    origins = 0;
    place = 0;

    while (ngx_clientcert_store_next(st, &place, &entry) == NGX_OK) {
        origins += entry.origin.len;
        n++;
    }

    change = changes->elts;

    for (i = 0; i < changes->nelts; i++) {
        if (change[i].drop) {
            drops++;
            continue;
        }

        origins += change[i].entry.origin.len;
        n++;
    }

    st->sh->wanted = ngx_clientcert_store_size(st->certificates, 0, n,
                                               origins);

    return drops;
}


ngx_int_t
ngx_clientcert_store_begin(ngx_clientcert_store_t *st, ngx_uint_t sha1,
    ngx_uint_t sha256)
{
    ngx_clientcert_index_t  idle;

    ngx_clientcert_store_forget(st);

    ngx_clientcert_store_half(st, st->sh->generation + 1, &idle);

    return ngx_clientcert_index_clear(&idle, sha1, sha256);
}


ngx_int_t
ngx_clientcert_store_put(ngx_clientcert_store_t *st,
    ngx_clientcert_entry_t *entry)
{
    ngx_clientcert_index_t  idle;

    ngx_clientcert_store_half(st, st->sh->generation + 1, &idle);

    return ngx_clientcert_index_put(&idle, entry, 0);
}


void
ngx_clientcert_store_publish(ngx_clientcert_store_t *st)
{
    st->sh->wanted = 0;
    ngx_clientcert_store_bump(st);
}


void
ngx_clientcert_store_copy(ngx_clientcert_store_t *st,
    ngx_clientcert_store_t *from)
{
    ngx_int_t                rc;
    ngx_uint_t               place;
    ngx_clientcert_half_t   *head;
    ngx_clientcert_entry_t   entry;

    if (ngx_clientcert_store_lock(st) != NGX_OK) {
        return;
    }

    ngx_shmtx_lock(&from->shpool->mutex);

    st->sh->err = from->sh->err;
    st->sh->untold = from->sh->untold;
    st->sh->dev = from->sh->dev;
    st->sh->ntold = from->sh->ntold;
    ngx_memcpy(st->sh->told, from->sh->told, sizeof(st->sh->told));
    st->sh->warned = from->sh->warned;

    head = (ngx_clientcert_half_t *)
                                   from->sh->half[from->sh->generation & 1];

    rc = ngx_clientcert_store_begin(st,
                                    head->tables[NGX_CLIENTCERT_BY_SHA1].n,
                                    head->tables[NGX_CLIENTCERT_BY_SHA256].n);
    place = 0;

    while (rc == NGX_OK
           && ngx_clientcert_store_next(from, &place, &entry) == NGX_OK)
    {
        rc = ngx_clientcert_store_put(st, &entry);
    }

    if (rc == NGX_OK) {
        ngx_clientcert_store_publish(st);
    }

    ngx_shmtx_unlock(&from->shpool->mutex);
    ngx_clientcert_store_unlock(st);
}


static void
ngx_clientcert_store_bump(ngx_clientcert_store_t *st)
{
    /* the half is written before it is read ... */

    ngx_memory_barrier();

    st->sh->generation++;

    /* ... and the other one isn't until it is out of use */

    ngx_memory_barrier();
}


static void
ngx_clientcert_store_forget(ngx_clientcert_store_t *st)
{
    if (st->last) {
        ngx_destroy_pool(st->pool);
        st->last = NULL;
    }
}


ngx_uint_t
ngx_clientcert_store_count(ngx_clientcert_store_t *st, ngx_uint_t before)
{
    ngx_clientcert_half_t  *head;

    head = (ngx_clientcert_half_t *)
                               st->sh->half[(st->sh->generation + before) & 1];

    return head->tables[NGX_CLIENTCERT_BY_SHA1].n
           + head->tables[NGX_CLIENTCERT_BY_SHA256].n;
}


ngx_uint_t
ngx_clientcert_store_common(ngx_clientcert_store_t *st)
{
    uint32_t                place;
    ngx_uint_t              n, slot, table;
    ngx_clientcert_entry_t  entry;
    ngx_clientcert_index_t  now, before;

    if (ngx_clientcert_store_count(st, 1) == 0) {
        return 0;
    }

    ngx_clientcert_store_half(st, st->sh->generation, &now);
    ngx_clientcert_store_half(st, st->sh->generation + 1, &before);

    n = 0;
    slot = 0;

    while ((place = ngx_clientcert_index_next(&now, &slot, &table)) != 0) {
        ngx_clientcert_index_get(&now, table, place, &entry);

        if (ngx_clientcert_index_find(&before, table, entry.digest)) {
            n++;
        }
    }

    return n;
}


ngx_int_t
ngx_clientcert_store_next(ngx_clientcert_store_t *st, ngx_uint_t *place,
    ngx_clientcert_entry_t *entry)
{
    uint32_t                found;
    ngx_uint_t              table;
    ngx_clientcert_index_t  now;

    ngx_clientcert_store_half(st, st->sh->generation, &now);

    found = ngx_clientcert_index_next(&now, place, &table);

    if (found == 0) {
        return NGX_DONE;
    }

    ngx_clientcert_index_get(&now, table, found, entry);

    return NGX_OK;
}


ngx_int_t
ngx_clientcert_store_get_entry(ngx_clientcert_store_t *st, u_char *digest,
    size_t len, ngx_clientcert_entry_t *entry)
{
    uint32_t                place;
    ngx_uint_t              table;
    ngx_clientcert_index_t  now;

    ngx_clientcert_store_half(st, st->sh->generation, &now);

    table = (len == 20) ? NGX_CLIENTCERT_BY_SHA1 : NGX_CLIENTCERT_BY_SHA256;

    place = ngx_clientcert_index_find(&now, table, digest);

    if (place == 0) {
        return NGX_DECLINED;
    }

    ngx_clientcert_index_get(&now, table, place, entry);

    return NGX_OK;
}


ngx_uint_t
ngx_clientcert_store_number(ngx_clientcert_store_t *st,
    ngx_clientcert_entry_t *entry)
{
    return (uint32_t *) entry->digest
           - st->sh->half[st->sh->generation & 1];
}


ngx_uint_t
ngx_clientcert_store_told(ngx_clientcert_store_t *st, uint64_t problem)
{
    ngx_uint_t                  i, n;
    ngx_clientcert_store_sh_t  *sh;

    sh = st->sh;
    n = ngx_min(sh->ntold, NGX_CLIENTCERT_STORE_TOLD);

    for (i = 0; i < n; i++) {
        if (sh->told[i] == problem) {
            return 1;
        }
    }

    sh->told[sh->ntold++ % NGX_CLIENTCERT_STORE_TOLD] = problem;

    return 0;
}


size_t
ngx_clientcert_store_size(ngx_uint_t certificates, ngx_uint_t sha1,
    ngx_uint_t sha256, size_t origins)
{
    size_t  size;

    /* an origin's length and padding take up to 7 bytes */

    size = 2 * sizeof(uint32_t)
           * ngx_clientcert_index_words(certificates, sha1, sha256,
                                        origins / 4
                                        + (origins ? (sha1 + sha256) * 2 : 0));

    /* the pool's own pages, and room for what changes leave behind */

    size += size / 4 + 32 * ngx_pagesize;

    return ngx_max(ngx_align(size, 64 * 1024), NGX_CLIENTCERT_STORE_MIN_SIZE);
}


u_char *
ngx_clientcert_store_escape(u_char *buf, ngx_str_t *text)
{
    size_t   i;
    u_char  *p, ch;

    p = buf;

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (ch < 0x20 || ch == 0x7f || ch == '"' || ch == '\\') {
            p = ngx_sprintf(p, "\\x%02Xd", (int) ch);

        } else {
            *p++ = ch;
        }
    }

    return p;
}
