
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_index.h"


/*
 * One half of a store.  It is filled from empty to the end by one writer, who
 * holds the zone's mutex, and isn't changed after that.  Readers take no lock:
 * a look-up may meet a half that is being written or that a killed writer left
 * half-written.  So find and label read each number once, check it and stop
 * after one round; what they return then is thrown away by the store, which
 * sees that another half has come into force.
 */


#define NGX_CLIENTCERT_MIN_SLOTS  16

/* words of an entry */
#define NGX_CLIENTCERT_ORIGIN     0     /* place, 0: none */
#define NGX_CLIENTCERT_KEY        1
#define NGX_CLIENTCERT_SPKI       9
#define NGX_CLIENTCERT_NOT_AFTER  17
#define NGX_CLIENTCERT_ENTRY      19    /* of a certificate */

/* of an origin before its text: its length, in the upper half the label's */
#define NGX_CLIENTCERT_TEXT       1

#define NGX_CLIENTCERT_SLOT       (sizeof(ngx_clientcert_slot_t) / 4)


typedef struct {
    uint32_t             place;     /* of an entry, 0: none */
    uint32_t             tag;       /* of its key, to pass others by */
} ngx_clientcert_slot_t;


static uint32_t ngx_clientcert_index_probe(ngx_clientcert_index_t *index,
    ngx_uint_t table, u_char *key, ngx_clientcert_slot_t *slot,
    ngx_clientcert_slot_t **free);
static ngx_uint_t ngx_clientcert_index_precedes(ngx_clientcert_index_t *index,
    uint32_t one, uint32_t two);
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
    return (table == NGX_CLIENTCERT_BY_SHA1) ? NGX_CLIENTCERT_SHA1_LEN
                                             : NGX_CLIENTCERT_SHA256_LEN;
}


static ngx_inline ngx_uint_t
ngx_clientcert_index_key_at(ngx_uint_t table)
{
    return (table == NGX_CLIENTCERT_BY_SPKI) ? NGX_CLIENTCERT_SPKI
                                             : NGX_CLIENTCERT_KEY;
}


static ngx_inline size_t
ngx_clientcert_index_entry_words(ngx_uint_t certificates, ngx_uint_t table)
{
    return certificates ? NGX_CLIENTCERT_ENTRY
                        : NGX_CLIENTCERT_KEY
                          + ngx_clientcert_index_key_len(table) / 4;
}


static ngx_inline size_t
ngx_clientcert_index_nslots(ngx_uint_t n)
{
    return n + n / 3 + NGX_CLIENTCERT_MIN_SLOTS;
}


size_t
ngx_clientcert_index_origin_words(size_t len)
{
    return len ? NGX_CLIENTCERT_TEXT + (len + 3) / 4 : 0;
}


/* keys may be numbers or chosen by an enemy, the seed may not */

static ngx_inline uint64_t
ngx_clientcert_index_hash(ngx_clientcert_index_t *index, u_char *key,
    size_t len)
{
    size_t    n;
    uint64_t  hash, word;

    hash = index->seed;

    for (n = 0; n < len; n += sizeof(uint64_t)) {
        ngx_memcpy(&word, key + ngx_min(n, len - sizeof(uint64_t)),
                   sizeof(uint64_t));

        hash = (hash ^ word) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 29;
    }

    return hash;
}


/*
 * A copy, since a writer may change it meanwhile; without slots if they
 * wouldn't lie in the half.
 */

static ngx_inline ngx_clientcert_table_t
ngx_clientcert_index_table(ngx_clientcert_index_t *index, ngx_uint_t table)
{
    ngx_clientcert_table_t  t;

    t = *(volatile ngx_clientcert_table_t *)
                            &ngx_clientcert_index_head(index)->tables[table];

    if (t.slots > index->words
        || t.nslots > (index->words - t.slots) / NGX_CLIENTCERT_SLOT)
    {
        t.nslots = 0;
    }

    return t;
}


uint32_t
ngx_clientcert_index_find(ngx_clientcert_index_t *index, ngx_uint_t table,
    u_char *key)
{
    ngx_clientcert_slot_t  slot, *free;

    return ngx_clientcert_index_probe(index, table, key, &slot, &free);
}


/*
 * If it isn't there, *free is where *slot would go once it has a place, NULL
 * if there is no room.
 */

static uint32_t
ngx_clientcert_index_probe(ngx_clientcert_index_t *index, ngx_uint_t table,
    u_char *key, ngx_clientcert_slot_t *slot, ngx_clientcert_slot_t **free)
{
    size_t                  len, words;
    uint32_t                i, n, place;
    uint64_t                hash;
    ngx_uint_t              at;
    ngx_clientcert_slot_t  *slots;
    ngx_clientcert_table_t  t;

    *free = NULL;

    t = ngx_clientcert_index_table(index, table);

    if (t.nslots == 0) {
        return 0;
    }

    slots = (ngx_clientcert_slot_t *) (index->half + t.slots);
    at = ngx_clientcert_index_key_at(table);
    len = ngx_clientcert_index_key_len(table);
    words = ngx_clientcert_index_entry_words(index->certificates, table);

    hash = ngx_clientcert_index_hash(index, key, len);

    slot->tag = (uint32_t) hash;
    i = (uint32_t) (((hash >> 32) * t.nslots) >> 32);

    for (n = 0; n < t.nslots; n++) {

        place = *(volatile uint32_t *) &slots[i].place;

        if (place == 0) {
            *free = &slots[i];
            return 0;
        }

        if (slots[i].tag == slot->tag
            && place <= index->words - words
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
    u_char   *text;
    uint32_t  origin;

    origin = *(volatile uint32_t *)
                               &index->half[place + NGX_CLIENTCERT_ORIGIN];

    if (origin == 0 || origin >= index->words) {
        return 0;
    }

    len = *(volatile uint32_t *) &index->half[origin] >> 16;
    text = (u_char *) &index->half[origin + NGX_CLIENTCERT_TEXT];

    if (len > size
        || len > (size_t) ((u_char *) (index->half + index->words) - text))
    {
        return 0;
    }

    ngx_memcpy(buf, text, len);

    return len;
}


void
ngx_clientcert_index_copy(ngx_clientcert_index_t *index, ngx_uint_t table,
    uint32_t place, ngx_clientcert_copy_t *copy)
{
    size_t    room;
    uint32_t  origin, head, *e;

    e = index->half + place;

    copy->len = index->certificates ? NGX_CLIENTCERT_SHA256_LEN
                                    : ngx_clientcert_index_key_len(table);
    ngx_memcpy(copy->digest, e + NGX_CLIENTCERT_KEY, copy->len);

    copy->not_after = 0;

    if (index->certificates) {
        ngx_memcpy(&copy->not_after, e + NGX_CLIENTCERT_NOT_AFTER,
                   sizeof(int64_t));
    }

    copy->origin_len = 0;
    copy->label_len = 0;

    origin = *(volatile uint32_t *) &e[NGX_CLIENTCERT_ORIGIN];

    if (origin == 0 || origin >= index->words) {
        return;
    }

    head = *(volatile uint32_t *) &index->half[origin];
    room = (index->words - origin - NGX_CLIENTCERT_TEXT) * sizeof(uint32_t);

    room = ngx_min(room, NGX_CLIENTCERT_ORIGIN_LEN);

    copy->origin_len = ngx_min(room, (head & 0xffff));
    copy->label_len = ngx_min(copy->origin_len, (head >> 16));

    ngx_memcpy(copy->origin, &index->half[origin + NGX_CLIENTCERT_TEXT],
               copy->origin_len);
}


/* a slot's number is a part of the hash, so parts outlive another size */

ngx_uint_t
ngx_clientcert_index_read(ngx_clientcert_index_t *index, ngx_uint_t table,
    uint64_t *part, ngx_clientcert_copy_t *copy, ngx_uint_t n)
{
    size_t                  words;
    uint32_t                place;
    uint64_t                slot;
    ngx_uint_t              i;
    ngx_clientcert_slot_t  *slots;
    ngx_clientcert_table_t  t;

    t = ngx_clientcert_index_table(index, table);

    slots = (ngx_clientcert_slot_t *) (index->half + t.slots);
    words = ngx_clientcert_index_entry_words(index->certificates, table);

    i = 0;
    slot = (*part * t.nslots) >> 32;

    for ( /* void */ ; i < n && slot < t.nslots; slot++) {

        place = *(volatile uint32_t *) &slots[slot].place;

        if (place && place <= index->words - words) {
            ngx_clientcert_index_copy(index, table, place, &copy[i++]);
        }
    }

    *part = (slot < t.nslots) ? ((slot << 32) + t.nslots - 1) / t.nslots
                              : NGX_CLIENTCERT_INDEX_END;

    return i;
}


ngx_int_t
ngx_clientcert_index_clear(ngx_clientcert_index_t *index, ngx_uint_t sha1,
    ngx_uint_t sha256)
{
    size_t                   nslots;
    ngx_uint_t               i, n[NGX_CLIENTCERT_TABLES];
    ngx_clientcert_half_t   *head;
    ngx_clientcert_table_t  *t;

    n[NGX_CLIENTCERT_BY_SHA1] = sha1;
    n[NGX_CLIENTCERT_BY_SHA256] = sha256;
    n[NGX_CLIENTCERT_BY_SPKI] = index->certificates ? sha256 : 0;

    head = ngx_clientcert_index_head(index);

    ngx_memzero(head, sizeof(ngx_clientcert_half_t));
    head->used = sizeof(ngx_clientcert_half_t) / 4;

    for (i = 0; i < NGX_CLIENTCERT_TABLES; i++) {

        if (n[i] == 0) {
            continue;
        }

        t = &head->tables[i];

        nslots = ngx_clientcert_index_nslots(n[i]);

        t->slots = ngx_clientcert_index_alloc(index,
                                              nslots * NGX_CLIENTCERT_SLOT);
        if (t->slots == 0) {
            return NGX_DECLINED;
        }

        t->nslots = (uint32_t) nslots;

        ngx_memzero(index->half + t->slots,
                    nslots * sizeof(ngx_clientcert_slot_t));
    }

    return NGX_OK;
}


ngx_uint_t
ngx_clientcert_index_slots(ngx_clientcert_index_t *index, ngx_uint_t table)
{
    uint32_t  nslots;

    nslots = ngx_clientcert_index_head(index)->tables[table].nslots;

    return (nslots > NGX_CLIENTCERT_MIN_SLOTS)
           ? ((ngx_uint_t) (nslots - NGX_CLIENTCERT_MIN_SLOTS) * 3 + 3) / 4
           : 0;
}


ngx_uint_t
ngx_clientcert_index_spare(ngx_clientcert_index_t *index)
{
    size_t  n, words;

    words = index->words - ngx_clientcert_index_head(index)->used;

    n = 2 * NGX_CLIENTCERT_MIN_SLOTS * NGX_CLIENTCERT_SLOT;

    /* with slots in both tables of certificates */

    return (words > n) ? (words - n)
                         / (NGX_CLIENTCERT_ENTRY + 3 * NGX_CLIENTCERT_SLOT)
                       : 0;
}


ngx_int_t
ngx_clientcert_index_origin(ngx_clientcert_index_t *index, ngx_str_t *origin,
    size_t label_len, uint32_t *place)
{
    size_t  words;

    *place = 0;

    if (origin->len == 0) {
        return NGX_OK;
    }

    words = ngx_clientcert_index_origin_words(origin->len);

    *place = ngx_clientcert_index_alloc(index, words);
    if (*place == 0) {
        return NGX_DECLINED;
    }

    index->half[*place + words - 1] = 0;
    index->half[*place] = (uint32_t) (label_len << 16 | origin->len);

    ngx_memcpy(index->half + *place + NGX_CLIENTCERT_TEXT, origin->data,
               origin->len);

    return NGX_OK;
}


ngx_uint_t
ngx_clientcert_index_fits(ngx_clientcert_index_t *index, ngx_uint_t n,
    size_t origin_len)
{
    ngx_clientcert_half_t   *head;
    ngx_clientcert_table_t  *t;

    head = ngx_clientcert_index_head(index);
    t = &head->tables[NGX_CLIENTCERT_BY_SHA256];

    return n <= t->nslots - t->n
           && n * NGX_CLIENTCERT_ENTRY
              + ngx_clientcert_index_origin_words(origin_len)
              <= index->words - head->used;
}


ngx_int_t
ngx_clientcert_index_put(ngx_clientcert_index_t *index,
    ngx_clientcert_entry_t *entry, uint32_t *origin)
{
    uint32_t                place, replaced, *e;
    ngx_uint_t              table;
    ngx_clientcert_slot_t   slot, *free;
    ngx_clientcert_half_t  *head;

    table = (entry->len == NGX_CLIENTCERT_SHA1_LEN) ? NGX_CLIENTCERT_BY_SHA1
                                                    : NGX_CLIENTCERT_BY_SHA256;

    place = ngx_clientcert_index_probe(index, table, entry->digest, &slot,
                                       &free);

    if (place) {
        e = index->half + place;
        replaced = e[NGX_CLIENTCERT_ORIGIN];

        if (!index->certificates
            || !ngx_clientcert_index_precedes(index, *origin, replaced))
        {
            return NGX_BUSY;
        }

        e[NGX_CLIENTCERT_ORIGIN] = *origin;
        *origin = replaced;

        return NGX_AGAIN;
    }

    place = free ? ngx_clientcert_index_alloc(index,
                      ngx_clientcert_index_entry_words(index->certificates,
                                                       table))
                 : 0;

    if (place == 0) {
        return NGX_DECLINED;
    }

    e = index->half + place;
    head = ngx_clientcert_index_head(index);

    e[NGX_CLIENTCERT_ORIGIN] = *origin;
    ngx_memcpy(e + NGX_CLIENTCERT_KEY, entry->digest, entry->len);

    slot.place = place;
    *free = slot;
    head->tables[table].n++;

    if (index->certificates) {
        ngx_memcpy(e + NGX_CLIENTCERT_SPKI, entry->spki,
                   NGX_CLIENTCERT_SHA256_LEN);
        ngx_memcpy(e + NGX_CLIENTCERT_NOT_AFTER, &entry->not_after,
                   sizeof(int64_t));

        /* of those with the same public key one will do */

        if (ngx_clientcert_index_probe(index, NGX_CLIENTCERT_BY_SPKI,
                                       entry->spki, &slot, &free)
            == 0
            && free)
        {
            slot.place = place;
            *free = slot;
            head->tables[NGX_CLIENTCERT_BY_SPKI].n++;
        }
    }

    return NGX_OK;
}


/* of two origins, in the order of names */

static ngx_uint_t
ngx_clientcert_index_precedes(ngx_clientcert_index_t *index, uint32_t one,
    uint32_t two)
{
    size_t     len1, len2;
    ngx_int_t  rc;

    if (one == 0 || two == 0) {
        return 0;
    }

    len1 = index->half[one] & 0xffff;
    len2 = index->half[two] & 0xffff;

    rc = ngx_memcmp(&index->half[one + NGX_CLIENTCERT_TEXT],
                    &index->half[two + NGX_CLIENTCERT_TEXT],
                    ngx_min(len1, len2));

    return rc < 0 || (rc == 0 && len1 < len2);
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


ngx_uint_t
ngx_clientcert_index_is_from(ngx_clientcert_index_t *index, uint32_t place,
    ngx_str_t *origin)
{
    uint32_t  *text;

    if (index->half[place + NGX_CLIENTCERT_ORIGIN] == 0) {
        return origin->len == 0;
    }

    text = index->half + index->half[place + NGX_CLIENTCERT_ORIGIN];

    return (*text & 0xffff) == origin->len
           && ngx_memcmp(&text[NGX_CLIENTCERT_TEXT], origin->data,
                         origin->len)
              == 0;
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
        ngx_memcpy(&entry->not_after, e + NGX_CLIENTCERT_NOT_AFTER,
                   sizeof(int64_t));
    }

    origin = e[NGX_CLIENTCERT_ORIGIN];

    if (origin) {
        ngx_clientcert_index_origin_text(index, origin, &entry->origin);
        entry->label_len = index->half[origin] >> 16;
    }
}


void
ngx_clientcert_index_origin_text(ngx_clientcert_index_t *index,
    uint32_t origin, ngx_str_t *text)
{
    text->len = index->half[origin] & 0xffff;
    text->data = (u_char *) (index->half + origin + NGX_CLIENTCERT_TEXT);
}


uint32_t
ngx_clientcert_index_next(ngx_clientcert_index_t *index, ngx_uint_t *slot,
    ngx_uint_t *table)
{
    ngx_uint_t               i;
    ngx_clientcert_slot_t   *slots;
    ngx_clientcert_table_t  *t;

    t = ngx_clientcert_index_head(index)->tables;

    while (*slot < (ngx_uint_t) t[0].nslots + t[1].nslots) {

        i = (*slot)++;

        *table = (i < t[0].nslots) ? NGX_CLIENTCERT_BY_SHA1
                                   : NGX_CLIENTCERT_BY_SHA256;

        i -= (i < t[0].nslots) ? 0 : t[0].nslots;
        slots = (ngx_clientcert_slot_t *) (index->half + t[*table].slots);

        if (slots[i].place) {
            return slots[i].place;
        }
    }

    return 0;
}


size_t
ngx_clientcert_index_used(ngx_clientcert_index_t *index)
{
    return ngx_min(*(volatile uint32_t *)
                       &ngx_clientcert_index_head(index)->used,
                   index->words);
}


ngx_uint_t
ngx_clientcert_index_count(ngx_clientcert_index_t *index)
{
    ngx_clientcert_half_t  *head;

    head = ngx_clientcert_index_head(index);

    return (ngx_uint_t) head->tables[NGX_CLIENTCERT_BY_SHA1].n
           + head->tables[NGX_CLIENTCERT_BY_SHA256].n;
}


size_t
ngx_clientcert_index_words(ngx_uint_t certificates,
    ngx_clientcert_need_t *need)
{
    size_t  words;

    words = sizeof(ngx_clientcert_half_t) / 4 + need->origins;

    words += ngx_clientcert_index_nslots(need->sha1) * NGX_CLIENTCERT_SLOT
             + need->sha1
               * ngx_clientcert_index_entry_words(certificates,
                                                  NGX_CLIENTCERT_BY_SHA1);

    words += ngx_clientcert_index_nslots(need->sha256) * NGX_CLIENTCERT_SLOT
             * (certificates ? 2 : 1)
             + need->sha256
               * ngx_clientcert_index_entry_words(certificates,
                                                  NGX_CLIENTCERT_BY_SHA256);

    return words;
}
