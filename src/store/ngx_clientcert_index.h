
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_INDEX_H_INCLUDED_
#define _NGX_CLIENTCERT_INDEX_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_store.h"


typedef enum {
    NGX_CLIENTCERT_BY_SHA1 = 0,
    NGX_CLIENTCERT_BY_SHA256,
    NGX_CLIENTCERT_BY_SPKI,
    NGX_CLIENTCERT_TABLES
} ngx_clientcert_table_e;


/*
 * One half of a store: all places in it are counted in words of 4 bytes from
 * its start, so that it can be copied as it is.  It begins with its head, on
 * which tables, entries and origins follow in the order they were needed.
 */

typedef struct {
    uint32_t             slots;     /* open addressing: places of entries */
    uint32_t             nslots;
    uint32_t             n;
    uint32_t             freed;     /* the first freed entry, 0: none */
} ngx_clientcert_table_t;


typedef struct {
    uint32_t                used;   /* words */
    ngx_clientcert_table_t  tables[NGX_CLIENTCERT_TABLES];
} ngx_clientcert_half_t;


typedef struct {
    uint32_t            *half;
    size_t               words;
    uint64_t             seed;
    ngx_uint_t           certificates;
} ngx_clientcert_index_t;


/*
 * Makes an empty index with tables for so many entries.
 * Returns NGX_OK, or NGX_DECLINED if it has no room for them.
 */
ngx_int_t ngx_clientcert_index_clear(ngx_clientcert_index_t *index,
    ngx_uint_t sha1, ngx_uint_t sha256);

/*
 * Finds an entry, 0 if there is none.  Stays inside of the half and ends even
 * if the half is being written.
 */
uint32_t ngx_clientcert_index_find(ngx_clientcert_index_t *index,
    ngx_uint_t table, u_char *key);

/*
 * Copies the entry's label, unless it is longer than size bytes.  Stays inside
 * of the half even if it is being written.  Returns its length.
 */
size_t ngx_clientcert_index_label(ngx_clientcert_index_t *index,
    uint32_t place, u_char *buf, size_t size);

/*
 * Adds an entry.  If replace is set, one with its digest gets its origin.
 * Returns NGX_OK, NGX_BUSY if there was one, or NGX_DECLINED without room,
 * which leaves an index that is good for nothing but clear.
 */
ngx_int_t ngx_clientcert_index_put(ngx_clientcert_index_t *index,
    ngx_clientcert_entry_t *entry, ngx_uint_t replace);

void ngx_clientcert_index_drop(ngx_clientcert_index_t *index,
    ngx_uint_t table, u_char *digest);

void ngx_clientcert_index_copy(ngx_clientcert_index_t *from,
    ngx_clientcert_index_t *to);

/*
 * Fills entry, which then points into the half.
 */
void ngx_clientcert_index_get(ngx_clientcert_index_t *index,
    ngx_uint_t table, uint32_t place, ngx_clientcert_entry_t *entry);

/*
 * Walks all entries, from *slot 0 on: a place, or 0 at the end.
 */
uint32_t ngx_clientcert_index_next(ngx_clientcert_index_t *index,
    ngx_uint_t *slot, ngx_uint_t *table);

/*
 * Words that so many entries with so many words of origins take.
 */
size_t ngx_clientcert_index_words(ngx_uint_t certificates, ngx_uint_t sha1,
    ngx_uint_t sha256, size_t origins);


#endif /* _NGX_CLIENTCERT_INDEX_H_INCLUDED_ */
