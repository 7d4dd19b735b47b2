
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_index.h"


#define NGX_CLIENTCERT_MIN_SLOTS  16

/* words of an entry */
#define NGX_CLIENTCERT_ORIGIN  0    /* place, 0: none */
#define NGX_CLIENTCERT_KEY     1
#define NGX_CLIENTCERT_SPKI    9
#define NGX_CLIENTCERT_DATES   17
#define NGX_CLIENTCERT_NEXT    21   /* with the same public key */
#define NGX_CLIENTCERT_PREV    22

/*
 * words of an origin before its text: its length, the label's length in the
 * upper half, and whether others hold the entry in the highest bit
 */
#define NGX_CLIENTCERT_TEXT    1
#define NGX_CLIENTCERT_SHARED  0x80000000


static void ngx_clientcert_index_unlink(ngx_clientcert_index_t *index,
    uint32_t place);
static ngx_int_t ngx_clientcert_index_link(ngx_clientcert_index_t *index,
    uint32_t place);
static ngx_int_t ngx_clientcert_index_insert(ngx_clientcert_index_t *index,
    ngx_uint_t table, uint32_t place);
static void ngx_clientcert_index_remove(ngx_clientcert_index_t *index,
    ngx_uint_t table, uint32_t place);
static uint32_t ngx_clientcert_index_slot(ngx_clientcert_index_t *index,
    ngx_uint_t table, uint32_t place);
static ngx_int_t ngx_clientcert_index_grow(ngx_clientcert_index_t *index,
    ngx_uint_t table, size_t n);
static uint32_t ngx_clientcert_index_add_origin(ngx_clientcert_index_t *index,
    ngx_clientcert_entry_t *entry);
static uint32_t ngx_clientcert_index_alloc(ngx_clientcert_index_t *index,
    size_t words);


static ngx_inline ngx_clientcert_half_t *
ngx_clientcert_index_head(ngx_clientcert_index_t *index)
{
    return (ngx_clientcert_half_t *) index->half;
}


static ngx_inline size_t
ngx_clientcert_index_key_len(ngx_uint_t table)
{
    return (table == NGX_CLIENTCERT_BY_SHA1) ? 20 : 32;
}


static ngx_inline ngx_uint_t
ngx_clientcert_index_key_at(ngx_uint_t table)
{
    return (table == NGX_CLIENTCERT_BY_SPKI) ? NGX_CLIENTCERT_SPKI
                                             : NGX_CLIENTCERT_KEY;
}


static ngx_inline size_t
ngx_clientcert_index_entry_words(ngx_clientcert_index_t *index,
    ngx_uint_t table)
{
    return index->certificates ? 23 : (table == NGX_CLIENTCERT_BY_SHA1) ? 6
                                                                        : 9;
}


static ngx_inline size_t
ngx_clientcert_index_origin_words(size_t len)
{
    return len ? NGX_CLIENTCERT_TEXT + (len + 3) / 4 : 0;
}


/* keys may be numbers or chosen by an enemy, the seed may not */

static ngx_inline uint32_t
ngx_clientcert_index_home(ngx_clientcert_index_t *index, ngx_uint_t table,
    u_char *key, uint32_t nslots)
{
    size_t    n, len;
    uint64_t  hash, word;

    len = ngx_clientcert_index_key_len(table);
    hash = index->seed;

    for (n = 0; n < len; n += sizeof(uint64_t)) {
        ngx_memcpy(&word, key + ngx_min(n, len - sizeof(uint64_t)),
                   sizeof(uint64_t));

        hash = (hash ^ word) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 29;
    }

    return (uint32_t) (((hash >> 32) * nslots) >> 32);
}


uint32_t
ngx_clientcert_index_find(ngx_clientcert_index_t *index, ngx_uint_t table,
    u_char *key)
{
    size_t                  len, words;
    uint32_t                i, n, place, *slots;
    ngx_uint_t              at;
    ngx_clientcert_table_t  t;

    /* a copy, since a writer may change it meanwhile */

    t = *(volatile ngx_clientcert_table_t *)
                            &ngx_clientcert_index_head(index)->tables[table];

    if (t.nslots == 0
        || t.slots > index->words
        || t.nslots > index->words - t.slots)
    {
        return 0;
    }

    slots = index->half + t.slots;
    at = ngx_clientcert_index_key_at(table);
    len = ngx_clientcert_index_key_len(table);
    words = ngx_clientcert_index_entry_words(index, table);

    i = ngx_clientcert_index_home(index, table, key, t.nslots);

    for (n = 0; n < t.nslots; n++) {

        place = *(volatile uint32_t *) &slots[i];

        if (place == 0) {
            return 0;
        }

        if (place <= index->words - words
            && ngx_memcmp(&index->half[place + at], key, len) == 0)
        {
            return place;
        }

        if (++i == t.nslots) {
            i = 0;
        }
    }

    return 0;
}


size_t
ngx_clientcert_index_label(ngx_clientcert_index_t *index, uint32_t place,
    u_char *buf, size_t size)
{
    size_t    len;
    uint32_t  origin;
    u_char   *text;

    origin = *(volatile uint32_t *)
                               &index->half[place + NGX_CLIENTCERT_ORIGIN];

    if (origin == 0 || origin >= index->words) {
        return 0;
    }

    len = (*(volatile uint32_t *) &index->half[origin]
           & ~NGX_CLIENTCERT_SHARED) >> 16;
    text = (u_char *) &index->half[origin + NGX_CLIENTCERT_TEXT];

    if (len > size
        || len > (size_t) ((u_char *) (index->half + index->words) - text))
    {
        return 0;
    }

    ngx_memcpy(buf, text, len);

    return len;
}


ngx_int_t
ngx_clientcert_index_clear(ngx_clientcert_index_t *index, ngx_uint_t sha1,
    ngx_uint_t sha256)
{
    ngx_clientcert_half_t  *head;

    head = ngx_clientcert_index_head(index);

    ngx_memzero(head, sizeof(ngx_clientcert_half_t));
    head->used = sizeof(ngx_clientcert_half_t) / 4;

    if (sha1
        && ngx_clientcert_index_grow(index, NGX_CLIENTCERT_BY_SHA1, sha1)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (sha256
        && (ngx_clientcert_index_grow(index, NGX_CLIENTCERT_BY_SHA256, sha256)
            != NGX_OK
            || (index->certificates
                && ngx_clientcert_index_grow(index, NGX_CLIENTCERT_BY_SPKI,
                                             sha256)
                   != NGX_OK)))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_int_t
ngx_clientcert_index_put(ngx_clientcert_index_t *index,
    ngx_clientcert_entry_t *entry, ngx_uint_t replace)
{
    size_t                   words;
    uint32_t                 place, *e;
    ngx_int_t                rc;
    ngx_uint_t               table;
    ngx_clientcert_table_t  *t;

    table = (entry->len == 20) ? NGX_CLIENTCERT_BY_SHA1
                               : NGX_CLIENTCERT_BY_SHA256;

    t = &ngx_clientcert_index_head(index)->tables[table];

    place = ngx_clientcert_index_find(index, table, entry->digest);

    if (place && !replace) {
        return NGX_BUSY;
    }

    rc = place ? NGX_BUSY : NGX_OK;

    if (place == 0) {
        words = ngx_clientcert_index_entry_words(index, table);

        if (t->freed) {
            place = t->freed;
            t->freed = index->half[place];

        } else {
            place = ngx_clientcert_index_alloc(index, words);
            if (place == 0) {
                return NGX_DECLINED;
            }
        }

        e = index->half + place;

        ngx_memzero(e, words * 4);
        ngx_memcpy(e + NGX_CLIENTCERT_KEY, entry->digest, entry->len);

        if (index->certificates) {
            ngx_memcpy(e + NGX_CLIENTCERT_SPKI, entry->spki, 32);
            ngx_memcpy(e + NGX_CLIENTCERT_DATES, &entry->not_before, 8);
            ngx_memcpy(e + NGX_CLIENTCERT_DATES + 2, &entry->not_after, 8);

            if (ngx_clientcert_index_link(index, place) != NGX_OK) {
                return NGX_DECLINED;
            }
        }

        if (ngx_clientcert_index_insert(index, table, place) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    index->half[place + NGX_CLIENTCERT_ORIGIN] =
                               ngx_clientcert_index_add_origin(index, entry);

    if (entry->origin.len && index->half[place + NGX_CLIENTCERT_ORIGIN] == 0) {
        return NGX_DECLINED;
    }

    return rc;
}


void
ngx_clientcert_index_drop(ngx_clientcert_index_t *index, ngx_uint_t table,
    u_char *digest)
{
    uint32_t                 place;
    ngx_clientcert_table_t  *t;

    place = ngx_clientcert_index_find(index, table, digest);

    if (place == 0) {
        return;
    }

    ngx_clientcert_index_remove(index, table, place);

    if (index->certificates) {
        ngx_clientcert_index_unlink(index, place);
    }

    t = &ngx_clientcert_index_head(index)->tables[table];

    index->half[place] = t->freed;
    t->freed = place;
}


/* makes the entry the first one with its public key */

static ngx_int_t
ngx_clientcert_index_link(ngx_clientcert_index_t *index, uint32_t place)
{
    uint32_t                 first, slot, *e;
    ngx_clientcert_table_t  *t;

    e = index->half + place;

    first = ngx_clientcert_index_find(index, NGX_CLIENTCERT_BY_SPKI,
                                      (u_char *) (e + NGX_CLIENTCERT_SPKI));
    if (first == 0) {
        return ngx_clientcert_index_insert(index, NGX_CLIENTCERT_BY_SPKI,
                                           place);
    }

    t = &ngx_clientcert_index_head(index)->tables[NGX_CLIENTCERT_BY_SPKI];

    slot = ngx_clientcert_index_slot(index, NGX_CLIENTCERT_BY_SPKI, first);
    index->half[t->slots + slot] = place;

    e[NGX_CLIENTCERT_NEXT] = first;
    index->half[first + NGX_CLIENTCERT_PREV] = place;

    return NGX_OK;
}


static void
ngx_clientcert_index_unlink(ngx_clientcert_index_t *index, uint32_t place)
{
    uint32_t                 next, prev, slot;
    ngx_clientcert_table_t  *t;

    next = index->half[place + NGX_CLIENTCERT_NEXT];
    prev = index->half[place + NGX_CLIENTCERT_PREV];

    if (next) {
        index->half[next + NGX_CLIENTCERT_PREV] = prev;
    }

    if (prev) {
        index->half[prev + NGX_CLIENTCERT_NEXT] = next;
        return;
    }

    if (next == 0) {
        ngx_clientcert_index_remove(index, NGX_CLIENTCERT_BY_SPKI, place);
        return;
    }

    t = &ngx_clientcert_index_head(index)->tables[NGX_CLIENTCERT_BY_SPKI];

    slot = ngx_clientcert_index_slot(index, NGX_CLIENTCERT_BY_SPKI, place);
    index->half[t->slots + slot] = next;
}


static ngx_int_t
ngx_clientcert_index_insert(ngx_clientcert_index_t *index, ngx_uint_t table,
    uint32_t place)
{
    uint32_t                 i, *slots;
    ngx_clientcert_table_t  *t;

    t = &ngx_clientcert_index_head(index)->tables[table];

    if ((uint64_t) (t->n + 1) * 4 > (uint64_t) t->nslots * 3
        && ngx_clientcert_index_grow(index, table, (size_t) t->n * 2)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    slots = index->half + t->slots;

    i = ngx_clientcert_index_home(index, table,
                      (u_char *) (index->half + place
                                  + ngx_clientcert_index_key_at(table)),
                      t->nslots);

    while (slots[i]) {
        if (++i == t->nslots) {
            i = 0;
        }
    }

    slots[i] = place;
    t->n++;

    return NGX_OK;
}


/* closes the gap, so that no look-up stops at it */

static void
ngx_clientcert_index_remove(ngx_clientcert_index_t *index, ngx_uint_t table,
    uint32_t place)
{
    uint32_t                 i, gap, home, *slots;
    ngx_uint_t               at;
    ngx_clientcert_table_t  *t;

    t = &ngx_clientcert_index_head(index)->tables[table];
    at = ngx_clientcert_index_key_at(table);
    slots = index->half + t->slots;

    gap = ngx_clientcert_index_slot(index, table, place);
    i = gap;

    for ( ;; ) {
        i = (i + 1 == t->nslots) ? 0 : i + 1;

        if (slots[i] == 0) {
            break;
        }

        home = ngx_clientcert_index_home(index, table,
                                 (u_char *) (index->half + slots[i] + at),
                                 t->nslots);

        if ((gap <= i) ? (gap < home && home <= i)
                       : (gap < home || home <= i))
        {
            continue;
        }

        slots[gap] = slots[i];
        gap = i;
    }

    slots[gap] = 0;
    t->n--;
}


static uint32_t
ngx_clientcert_index_slot(ngx_clientcert_index_t *index, ngx_uint_t table,
    uint32_t place)
{
    uint32_t                 i, *slots;
    ngx_clientcert_table_t  *t;

    t = &ngx_clientcert_index_head(index)->tables[table];
    slots = index->half + t->slots;

    i = ngx_clientcert_index_home(index, table,
                      (u_char *) (index->half + place
                                  + ngx_clientcert_index_key_at(table)),
                      t->nslots);

    while (slots[i] != place) {
        if (++i == t->nslots) {
            i = 0;
        }
    }

    return i;
}


/* the old slots stay behind, unused */

static ngx_int_t
ngx_clientcert_index_grow(ngx_clientcert_index_t *index, ngx_uint_t table,
    size_t n)
{
    size_t                   nslots;
    uint32_t                 i, place;
    ngx_clientcert_table_t  *t, old;

    nslots = n + n / 2 + NGX_CLIENTCERT_MIN_SLOTS;

    if (nslots > index->words) {
        return NGX_DECLINED;
    }

    place = ngx_clientcert_index_alloc(index, nslots);
    if (place == 0) {
        return NGX_DECLINED;
    }

    t = &ngx_clientcert_index_head(index)->tables[table];
    old = *t;

    t->slots = place;
    t->nslots = (uint32_t) nslots;
    t->n = 0;

    ngx_memzero(index->half + t->slots, nslots * 4);

    for (i = 0; i < old.nslots; i++) {
        place = index->half[old.slots + i];

        if (place) {
            (void) ngx_clientcert_index_insert(index, table, place);
        }
    }

    return NGX_OK;
}


static uint32_t
ngx_clientcert_index_add_origin(ngx_clientcert_index_t *index,
    ngx_clientcert_entry_t *entry)
{
    size_t    words;
    uint32_t  place;

    if (entry->origin.len == 0) {
        return 0;
    }

    words = ngx_clientcert_index_origin_words(entry->origin.len);

    place = ngx_clientcert_index_alloc(index, words);
    if (place == 0) {
        return 0;
    }

    index->half[place + words - 1] = 0;
    index->half[place] = (uint32_t) (entry->label_len << 16
                                     | entry->origin.len)
                         | (entry->shared ? NGX_CLIENTCERT_SHARED : 0);

    ngx_memcpy(index->half + place + NGX_CLIENTCERT_TEXT, entry->origin.data,
               entry->origin.len);

    return place;
}


static uint32_t
ngx_clientcert_index_alloc(ngx_clientcert_index_t *index, size_t words)
{
    uint32_t                place;
    ngx_clientcert_half_t  *head;

    head = ngx_clientcert_index_head(index);
    place = head->used;

    if (words > index->words - place) {
        return 0;
    }

    head->used += (uint32_t) words;

    return place;
}


void
ngx_clientcert_index_copy(ngx_clientcert_index_t *from,
    ngx_clientcert_index_t *to)
{
    ngx_memcpy(to->half, from->half,
               (size_t) ngx_clientcert_index_head(from)->used * 4);
}


void
ngx_clientcert_index_get(ngx_clientcert_index_t *index, ngx_uint_t table,
    uint32_t place, ngx_clientcert_entry_t *entry)
{
    uint32_t   origin, *e;

    ngx_memzero(entry, sizeof(ngx_clientcert_entry_t));

    e = index->half + place;

    entry->digest = (u_char *) (e + NGX_CLIENTCERT_KEY);
    entry->len = ngx_clientcert_index_key_len(table);

    if (index->certificates) {
        entry->spki = (u_char *) (e + NGX_CLIENTCERT_SPKI);
        ngx_memcpy(&entry->not_before, e + NGX_CLIENTCERT_DATES, 8);
        ngx_memcpy(&entry->not_after, e + NGX_CLIENTCERT_DATES + 2, 8);
    }

    origin = e[NGX_CLIENTCERT_ORIGIN];

    if (origin) {
        entry->origin.len = index->half[origin] & 0xffff;
        entry->label_len = (index->half[origin] & ~NGX_CLIENTCERT_SHARED)
                           >> 16;
        entry->shared = ((index->half[origin] & NGX_CLIENTCERT_SHARED) != 0);
        entry->origin.data = (u_char *) (index->half + origin
                                         + NGX_CLIENTCERT_TEXT);
    }
}


uint32_t
ngx_clientcert_index_next(ngx_clientcert_index_t *index, ngx_uint_t *slot,
    ngx_uint_t *table)
{
    uint32_t                 place;
    ngx_uint_t               i;
    ngx_clientcert_table_t  *t;

    t = ngx_clientcert_index_head(index)->tables;

    while (*slot < (ngx_uint_t) t[0].nslots + t[1].nslots) {

        i = (*slot)++;

        *table = (i < t[0].nslots) ? NGX_CLIENTCERT_BY_SHA1
                                   : NGX_CLIENTCERT_BY_SHA256;

        place = (i < t[0].nslots) ? index->half[t[0].slots + i]
                              : index->half[t[1].slots + i - t[0].nslots];
        if (place) {
            return place;
        }
    }

    return 0;
}


size_t
ngx_clientcert_index_words(ngx_uint_t certificates, ngx_uint_t sha1,
    ngx_uint_t sha256, size_t origins)
{
    size_t                  n, words;
    ngx_clientcert_index_t  index;

    ngx_memzero(&index, sizeof(ngx_clientcert_index_t));
    index.certificates = certificates;

    words = sizeof(ngx_clientcert_half_t) / 4
            + NGX_CLIENTCERT_TABLES * NGX_CLIENTCERT_MIN_SLOTS + origins;

    n = ngx_clientcert_index_entry_words(&index, NGX_CLIENTCERT_BY_SHA1);
    words += sha1 * n + sha1 + sha1 / 2;

    n = ngx_clientcert_index_entry_words(&index, NGX_CLIENTCERT_BY_SHA256);
    words += sha256 * n
             + (sha256 + sha256 / 2) * (certificates ? 2 : 1);

    return words;
}
