
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_store.h"


/*
 * An index in shared memory, twice.  Look-ups read the half that the lowest
 * bit of the generation names, without a lock, and begin again if the
 * generation has moved meanwhile.  A writer fills the other half and bumps the
 * generation; between the two it holds the mutex of the zone, so two of them,
 * as at a reload, never fill one half, and only the newest writes.  Nothing
 * that a worker writes lies in a half.  A writer that is killed leaves a half
 * that nobody reads, and a mutex that the master frees; the next writer fills
 * the half from empty.
 */


/* of a zone, the table of what was used last: two slots for each entry of a
   zone of default size, and one of a full one */
#define NGX_CLIENTCERT_STORE_USED  16


static void ngx_clientcert_store_half(ngx_clientcert_store_t *st,
    ngx_uint_t generation, ngx_clientcert_index_t *index);
static ngx_uint_t ngx_clientcert_store_look_up(ngx_clientcert_store_t *st,
    ngx_clientcert_index_t *index, ngx_clientcert_sought_t *sought,
    ngx_str_t *label);


ngx_clientcert_store_t *
ngx_clientcert_store_get(ngx_conf_t *cf, ngx_clientcert_dictionary_t *stores,
    ngx_str_t *name)
{
    ngx_clientcert_store_t  *st;

    st = ngx_clientcert_dictionary_find(stores, name);
    if (st) {
        return st;
    }

    st = ngx_pcalloc(cf->pool, sizeof(ngx_clientcert_store_t));

    if (st == NULL
        || ngx_clientcert_dictionary_add(stores, name, st) != NGX_OK)
    {
        return NULL;
    }

    st->name = *name;
    st->file = cf->conf_file->file.name.data;
    st->line = cf->conf_file->line;

    return st;
}


ngx_int_t
ngx_clientcert_store_init(ngx_clientcert_store_t *st,
    ngx_clientcert_store_t *old)
{
    u_char                     *data;
    size_t                      bytes, used;
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

    sh->census = ngx_slab_calloc(st->shpool,
                                 sizeof(ngx_clientcert_census_sh_t));
    if (sh->census == NULL) {
        return NGX_ERROR;
    }

    bytes = st->shpool->pfree * ngx_pagesize;

    data = ngx_slab_alloc(st->shpool, bytes);
    if (data == NULL) {
        return NGX_ERROR;
    }

    /* a page's beginning is that of a line of the cache */

    used = ngx_align(bytes / NGX_CLIENTCERT_STORE_USED, NGX_CPU_CACHE_LINE);

    ngx_clientcert_used_create(&sh->used, data, used);

    data += used;
    bytes -= used;

    sh->words = ngx_min(bytes / 2 / sizeof(uint32_t), NGX_MAX_UINT32_VALUE);
    sh->half[0] = (uint32_t *) data;
    sh->half[1] = sh->half[0] + sh->words;
    sh->seed = ((uint64_t) ngx_random() << 32) ^ (uint64_t) ngx_random();

    st->sh = sh;

    for (i = 0; i < 2; i++) {
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
ngx_clientcert_store_note(ngx_clientcert_store_t *st,
    ngx_clientcert_sought_t *sought, time_t now)
{
    uint32_t                place;
    ngx_uint_t              i;
    ngx_atomic_uint_t       generation;
    ngx_clientcert_copy_t   copy;
    ngx_clientcert_index_t  index;

    /* in the order in which they are looked up */

    struct {
        ngx_uint_t   table;
        u_char      *digest;
    } key[] = {
        { NGX_CLIENTCERT_BY_SHA256, sought->sha256 },
        { NGX_CLIENTCERT_BY_SHA1, sought->sha1 },
        { NGX_CLIENTCERT_BY_SPKI, sought->spki }
    };

    do {
        generation = st->sh->generation;

        ngx_memory_barrier();

        ngx_clientcert_store_half(st, generation, &index);

        place = 0;

        for (i = 0; i < sizeof(key) / sizeof(key[0]) && place == 0; i++) {

            place = key[i].digest
                    ? ngx_clientcert_index_find(&index, key[i].table,
                                                key[i].digest)
                    : 0;

            if (place) {
                ngx_clientcert_index_copy(&index, key[i].table, place, &copy);
            }
        }

        ngx_memory_barrier();

    } while (st->sh->generation != generation);

    if (place) {
        ngx_clientcert_used_note(&st->sh->used, copy.digest, now);
    }
}


time_t
ngx_clientcert_store_used(ngx_clientcert_store_t *st, u_char *digest)
{
    return ngx_clientcert_used_last(&st->sh->used, digest);
}


ngx_uint_t
ngx_clientcert_store_read(ngx_clientcert_store_t *st, ngx_uint_t table,
    uint64_t *part, ngx_clientcert_copy_t *copy, ngx_uint_t n)
{
    uint64_t                from;
    ngx_uint_t              found;
    ngx_atomic_uint_t       generation;
    ngx_clientcert_index_t  index;

    from = *part;

    do {
        generation = st->sh->generation;

        ngx_memory_barrier();

        ngx_clientcert_store_half(st, generation, &index);

        *part = from;
        found = ngx_clientcert_index_read(&index, table, part, copy, n);

        ngx_memory_barrier();

    } while (st->sh->generation != generation);

    return found;
}


ngx_int_t
ngx_clientcert_store_entry(ngx_clientcert_store_t *st, u_char *digest,
    size_t len, ngx_clientcert_copy_t *copy)
{
    uint32_t                place;
    ngx_uint_t              table;
    ngx_atomic_uint_t       generation;
    ngx_clientcert_index_t  index;

    table = (len == NGX_CLIENTCERT_SHA1_LEN) ? NGX_CLIENTCERT_BY_SHA1
                                             : NGX_CLIENTCERT_BY_SHA256;

    do {
        generation = st->sh->generation;

        ngx_memory_barrier();

        ngx_clientcert_store_half(st, generation, &index);

        place = ngx_clientcert_index_find(&index, table, digest);

        if (place) {
            ngx_clientcert_index_copy(&index, table, place, copy);
        }

        ngx_memory_barrier();

    } while (st->sh->generation != generation);

    return place ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_clientcert_store_entries(ngx_clientcert_store_t *st, size_t *bytes)
{
    ngx_clientcert_index_t  index;

    ngx_clientcert_store_half(st, st->sh->generation, &index);

    *bytes = st->zone->shm.size
             - (index.words - ngx_clientcert_index_used(&index)) * 2
               * sizeof(uint32_t);

    return ngx_clientcert_index_count(&index);
}


void
ngx_clientcert_store_new_writer(ngx_clientcert_store_t *st)
{
    ngx_shmtx_lock(&st->shpool->mutex);

    st->token = ++st->sh->writers;

    ngx_shmtx_unlock(&st->shpool->mutex);
}


ngx_int_t
ngx_clientcert_store_lock(ngx_clientcert_store_t *st)
{
    ngx_shmtx_lock(&st->shpool->mutex);

    if (st->sh->writer > st->token) {
        ngx_shmtx_unlock(&st->shpool->mutex);
        return NGX_DECLINED;
    }

    st->sh->writer = st->token;

    return NGX_OK;
}


void
ngx_clientcert_store_unlock(ngx_clientcert_store_t *st)
{
    ngx_shmtx_unlock(&st->shpool->mutex);
}


void
ngx_clientcert_store_halves(ngx_clientcert_store_t *st)
{
    ngx_clientcert_store_half(st, st->sh->generation, &st->active);
    ngx_clientcert_store_half(st, st->sh->generation + 1, &st->idle);
}


ngx_int_t
ngx_clientcert_store_begin(ngx_clientcert_store_t *st,
    ngx_clientcert_need_t *need)
{
    ngx_clientcert_store_halves(st);

    st->added = 0;
    st->kept = 0;
    st->renamed = 0;

    ngx_clientcert_census_begin(&st->ages, ngx_time());

    return ngx_clientcert_index_clear(&st->idle, need->sha1, need->sha256);
}


ngx_int_t
ngx_clientcert_store_begin_outgrown(ngx_clientcert_store_t *st)
{
    ngx_clientcert_need_t  need;

    ngx_clientcert_store_halves(st);

    ngx_memzero(&need, sizeof(ngx_clientcert_need_t));

    need.sha1 = ngx_clientcert_index_slots(&st->active,
                                           NGX_CLIENTCERT_BY_SHA1);
    need.sha256 = ngx_clientcert_index_slots(&st->active,
                                             NGX_CLIENTCERT_BY_SHA256);

    /* a list gets nothing new then */

    if (st->certificates) {
        need.sha256 += ngx_clientcert_index_spare(&st->active);
    }

    return ngx_clientcert_store_begin(st, &need);
}


ngx_int_t
ngx_clientcert_store_origin(ngx_clientcert_store_t *st, ngx_str_t *origin,
    size_t label_len, uint32_t *place)
{
    return ngx_clientcert_index_origin(&st->idle, origin, label_len, place);
}


ngx_int_t
ngx_clientcert_store_put(ngx_clientcert_store_t *st,
    ngx_clientcert_entry_t *entry, uint32_t origin)
{
    uint32_t    place;
    ngx_int_t   rc;
    ngx_str_t   replaced;
    ngx_uint_t  table;

    rc = ngx_clientcert_index_put(&st->idle, entry, &origin);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        return rc;
    }

    table = (entry->len == NGX_CLIENTCERT_SHA1_LEN) ? NGX_CLIENTCERT_BY_SHA1
                                                    : NGX_CLIENTCERT_BY_SHA256;

    place = ngx_clientcert_index_find(&st->active, table, entry->digest);

    if (rc == NGX_OK) {
        st->added += (place == 0);
        st->kept += (place != 0);

        if (st->certificates) {
            ngx_clientcert_census_add(&st->ages, entry->not_after,
                                      entry->digest);
        }
    }

    if (place) {
        st->renamed += !ngx_clientcert_index_is_from(&st->active, place,
                                                     &entry->origin);
    }

    if (place && rc == NGX_AGAIN) {

        /* counted by the origin that it had until now */

        ngx_clientcert_index_origin_text(&st->idle, origin, &replaced);

        st->renamed -= !ngx_clientcert_index_is_from(&st->active, place,
                                                     &replaced);
    }

    return rc;
}


ngx_uint_t
ngx_clientcert_store_changed(ngx_clientcert_store_t *st)
{
    return st->added
           || st->renamed
           || st->kept != ngx_clientcert_index_count(&st->active);
}


void
ngx_clientcert_store_publish(ngx_clientcert_store_t *st)
{
    /* the half is written before it is read ... */

    ngx_memory_barrier();

    st->sh->generation++;

    /* ... and the other one isn't until it is out of use */

    ngx_memory_barrier();
}


void
ngx_clientcert_store_grow_old(ngx_clientcert_store_t *st)
{
    uint32_t                     place;
    ngx_uint_t                   slot, table;
    ngx_clientcert_entry_t       entry;
    ngx_clientcert_census_sh_t  *census;

    census = st->sh->census;

    if (ngx_time() < ngx_clientcert_census_active(census)->ages.next
        || !st->certificates
        || ngx_clientcert_store_lock(st) != NGX_OK)
    {
        return;
    }

    ngx_clientcert_store_halves(st);
    ngx_clientcert_census_begin(&st->ages, ngx_time());

    slot = 0;

    while ((place = ngx_clientcert_index_next(&st->active, &slot, &table))
           != 0)
    {
        ngx_clientcert_index_get(&st->active, table, place, &entry);
        ngx_clientcert_census_add(&st->ages, entry.not_after, entry.digest);
    }

    ngx_clientcert_census_open(census)->ages = st->ages;
    ngx_clientcert_census_close(census);

    ngx_clientcert_store_unlock(st);
}


size_t
ngx_clientcert_store_size(ngx_uint_t certificates, ngx_clientcert_need_t *need)
{
    size_t  size;

    size = 2 * sizeof(uint32_t)
           * ngx_clientcert_index_words(certificates, need);

    /* the pool's own pages, and room to grow */

    size += size / 4 + 32 * ngx_pagesize;

    return ngx_max(ngx_align(size, 64 * 1024), NGX_CLIENTCERT_STORE_MIN_SIZE);
}
