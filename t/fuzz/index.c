
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


/*
 * What is put must leave the index with what a plain model holds, the words
 * that are counted for so many entries must do for them, and a look-up in a
 * half that is being written, here of any content, must stay inside.
 */

#include "../../src/store/ngx_clientcert_index.h"


#define FUZZ_KEYS      64
#define FUZZ_KEYPAIRS  8


typedef struct {
    ngx_uint_t    known;
    size_t        origin_len;
} fuzz_entry_t;


typedef struct {
    ngx_clientcert_index_t    index;
    fuzz_entry_t              model[2][FUZZ_KEYS];
} fuzz_t;


static u_char  fuzz_text[NGX_CLIENTCERT_ORIGIN_LEN];


int LLVMFuzzerTestOneInput(const u_char *data, size_t size);


static void
fuzz_assert(int right)
{
    if (!right) {
        abort();
    }
}


/* keys are numbers, so that little but their ends differs */

static void
fuzz_key(u_char *key, ngx_uint_t table, ngx_uint_t id)
{
    memset(key, 0, 32);

    if (table == NGX_CLIENTCERT_BY_SPKI) {
        key[31] = (u_char) (id % FUZZ_KEYPAIRS + 1);

    } else {
        key[table == NGX_CLIENTCERT_BY_SHA1 ? 19 : 31] = (u_char) id;
    }
}


/* returns 0 if there is no room for so many */

static ngx_uint_t
fuzz_clear(fuzz_t *f, ngx_uint_t n)
{
    memset(f->model, 0, sizeof(f->model));

    return ngx_clientcert_index_clear(&f->index, f->index.certificates ? 0 : n,
                                      n)
           == NGX_OK;
}


static ngx_int_t
fuzz_put_entry(ngx_clientcert_index_t *index, ngx_clientcert_entry_t *entry)
{
    uint32_t  origin;

    if (ngx_clientcert_index_origin(index, &entry->origin, entry->label_len,
                                    &origin)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_clientcert_index_put(index, entry, &origin);
}


static ngx_int_t
fuzz_put(fuzz_t *f, ngx_uint_t table, ngx_uint_t id, size_t len)
{
    u_char                   digest[32], spki[32];
    ngx_int_t                rc;
    fuzz_entry_t            *known;
    ngx_clientcert_entry_t   entry;

    fuzz_key(digest, table, id);
    fuzz_key(spki, NGX_CLIENTCERT_BY_SPKI, id);

    memset(&entry, 0, sizeof(entry));

    entry.digest = digest;
    entry.len = (table == NGX_CLIENTCERT_BY_SHA1) ? 20 : 32;
    entry.spki = spki;
    entry.not_after = -(int64_t) id;
    entry.origin.data = fuzz_text;
    entry.origin.len = len;
    entry.label_len = len / 2;

    known = &f->model[table][id];

    rc = fuzz_put_entry(&f->index, &entry);

    if (rc == NGX_DECLINED) {
        return rc;
    }

    /* texts are heads of each other, so a shorter one comes first */

    fuzz_assert(rc == (!known->known ? NGX_OK
                       : (f->index.certificates && len
                          && len < known->origin_len) ? NGX_AGAIN
                                                      : NGX_BUSY));

    if (rc != NGX_BUSY) {
        known->known = 1;
        known->origin_len = len;
    }

    return NGX_OK;
}


static void
fuzz_check_entry(fuzz_t *f, ngx_uint_t table, ngx_uint_t id)
{
    u_char                   key[32], label[NGX_CLIENTCERT_ORIGIN_LEN];
    size_t                   len;
    uint32_t                 place;
    fuzz_entry_t            *known;
    ngx_clientcert_entry_t   entry;

    known = &f->model[table][id];

    fuzz_key(key, table, id);
    place = ngx_clientcert_index_find(&f->index, table, key);

    fuzz_assert((place != 0) == known->known);

    if (place == 0) {
        return;
    }

    len = ngx_clientcert_index_label(&f->index, place, label, sizeof(label));

    fuzz_assert(len == known->origin_len / 2
                && memcmp(label, fuzz_text, len) == 0);

    ngx_clientcert_index_get(&f->index, table, place, &entry);

    fuzz_assert(entry.origin.len == known->origin_len
                && entry.label_len == len
                && memcmp(entry.digest, key, entry.len) == 0
                && ngx_clientcert_index_is_from(&f->index, place,
                                                &entry.origin));

    if (f->index.certificates) {
        fuzz_key(key, NGX_CLIENTCERT_BY_SPKI, id);

        fuzz_assert(memcmp(entry.spki, key, 32) == 0
                    && entry.not_after == -(int64_t) id);
    }
}


static void
fuzz_check(fuzz_t *f)
{
    u_char      key[32];
    ngx_uint_t  id, table, slot, n, keys[FUZZ_KEYPAIRS];

    n = 0;
    memset(keys, 0, sizeof(keys));

    for (table = 0; table < 2; table++) {
        for (id = 0; id < FUZZ_KEYS; id++) {
            fuzz_check_entry(f, table, id);

            if (f->model[table][id].known) {
                n++;
                keys[id % FUZZ_KEYPAIRS]++;
            }
        }
    }

    for (id = 0; f->index.certificates && id < FUZZ_KEYPAIRS; id++) {
        fuzz_key(key, NGX_CLIENTCERT_BY_SPKI, id);

        fuzz_assert((ngx_clientcert_index_find(&f->index,
                                               NGX_CLIENTCERT_BY_SPKI, key)
                     != 0)
                    == (keys[id] != 0));
    }

    slot = 0;

    while (ngx_clientcert_index_next(&f->index, &slot, &table)) {
        n--;
    }

    fuzz_assert(n == 0);
}


/* what the words are counted for goes into so many words */

static void
fuzz_fits(fuzz_t *f)
{
    uint32_t                 place;
    ngx_uint_t               id, slot, table;
    ngx_clientcert_need_t    need;
    ngx_clientcert_entry_t   entry;
    ngx_clientcert_index_t   to;

    memset(&need, 0, sizeof(need));

    for (table = 0; table < 2; table++) {
        for (id = 0; id < FUZZ_KEYS; id++) {
            if (f->model[table][id].known) {
                need.sha1 += (table == NGX_CLIENTCERT_BY_SHA1);
                need.sha256 += (table == NGX_CLIENTCERT_BY_SHA256);
                need.origins += ngx_clientcert_index_origin_words(
                                         f->model[table][id].origin_len);
            }
        }
    }

    to = f->index;
    to.words = ngx_clientcert_index_words(to.certificates, &need);
    to.half = malloc(to.words * sizeof(uint32_t));

    fuzz_assert(ngx_clientcert_index_clear(&to, need.sha1, need.sha256)
                == NGX_OK);
    fuzz_assert(ngx_clientcert_index_slots(&to, NGX_CLIENTCERT_BY_SHA256)
                == need.sha256);

    slot = 0;

    while ((place = ngx_clientcert_index_next(&f->index, &slot, &table))
           != 0)
    {
        ngx_clientcert_index_get(&f->index, table, place, &entry);
        fuzz_assert(fuzz_put_entry(&to, &entry) == NGX_OK);
    }

    free(to.half);
}


/* returns 0 if the index has become full, which is good for nothing then */

static ngx_uint_t
fuzz_puts(fuzz_t *f, const u_char *data, size_t size)
{
    ngx_uint_t  table, id;

    for ( /* void */ ; size >= 3; data += 3, size -= 3) {

        table = (f->index.certificates || (data[0] & 1))
                ? NGX_CLIENTCERT_BY_SHA256 : NGX_CLIENTCERT_BY_SHA1;

        id = data[1] % FUZZ_KEYS;

        if (fuzz_put(f, table, id, data[2]) != NGX_OK) {
            return 0;
        }

        fuzz_check_entry(f, table, id);
    }

    return 1;
}


/* as a writer that is killed leaves it, and worse */

static void
fuzz_torn(fuzz_t *f, const u_char *data, size_t size)
{
    u_char                   key[32], label[NGX_CLIENTCERT_ORIGIN_LEN];
    uint32_t                 place, word, offset;
    ngx_uint_t               id, table;
    ngx_clientcert_table_t   t;

    t = ((ngx_clientcert_half_t *) f->index.half)
                                      ->tables[NGX_CLIENTCERT_BY_SHA256];

    for ( /* void */ ; size >= 6; data += 6, size -= 6) {
        memcpy(&word, data + 2, 4);
        offset = (uint32_t) (data[0] << 8 | data[1]);

        if ((offset & 1) && t.nslots) {
            offset = t.slots + offset % t.nslots;
            word = (uint32_t) f->index.words - word % 64;
        }

        f->index.half[offset % f->index.words] = word;
    }

    for (table = 0; table < NGX_CLIENTCERT_TABLES; table++) {

        if (table == NGX_CLIENTCERT_BY_SPKI && !f->index.certificates) {
            continue;
        }

        for (id = 0; id < FUZZ_KEYS; id++) {
            fuzz_key(key, table, id);

            place = ngx_clientcert_index_find(&f->index, table, key);

            if (place) {
                (void) ngx_clientcert_index_label(&f->index, place, label,
                                                  sizeof(label));
            }
        }
    }
}


int
LLVMFuzzerTestOneInput(const u_char *data, size_t size)
{
    size_t    i, puts;
    fuzz_t   *f;

    if (size < 4) {
        return 0;
    }

    for (i = 0; i < sizeof(fuzz_text); i++) {
        fuzz_text[i] = (u_char) i;
    }

    f = malloc(sizeof(fuzz_t));

    f->index.certificates = data[0] & 1;
    f->index.words = 64 + (data[1] << 8 | data[2]) % 8192;
    f->index.seed = data[0];

    f->index.half = malloc(f->index.words * sizeof(uint32_t));
    memset(f->index.half, 0xa5, f->index.words * sizeof(uint32_t));

    if (fuzz_clear(f, data[3] % (FUZZ_KEYS + 1))) {

        puts = (size - 4) * (data[3] | 1) / 255;

        if (fuzz_puts(f, data + 4, puts)) {
            fuzz_check(f);
            fuzz_fits(f);
        }

        fuzz_torn(f, data + 4 + puts, size - 4 - puts);
    }

    free(f->index.half);
    free(f);

    return 0;
}
