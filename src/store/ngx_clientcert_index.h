
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_INDEX_H_INCLUDED_
#define _NGX_CLIENTCERT_INDEX_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "../cert/ngx_clientcert_thumbprint.h"


/* of the origin of an entry, and so of its label */
#define NGX_CLIENTCERT_ORIGIN_LEN  255


typedef enum {
    NGX_CLIENTCERT_BY_SHA1 = 0,
    NGX_CLIENTCERT_BY_SHA256,
    NGX_CLIENTCERT_BY_SPKI,
    NGX_CLIENTCERT_TABLES
} ngx_clientcert_table_e;


/*
 * All places in a half are counted in words of 4 bytes from its start.  It
 * begins with its head and the slots of its tables, on which entries and
 * origins follow in the order they came.
 */

typedef struct {
    uint32_t             slots;     /* open addressing */
    uint32_t             nslots;
    uint32_t             n;
} ngx_clientcert_table_t;


typedef struct {
    uint32_t                used;   /* words */
    ngx_clientcert_table_t  tables[NGX_CLIENTCERT_TABLES];
} ngx_clientcert_half_t;


typedef struct {
    uint32_t            *half;
    size_t               words;
    uint64_t             seed;
    ngx_uint_t           certificates;  /* else thumbprints */
} ngx_clientcert_index_t;


typedef struct {
    u_char              *digest;
    size_t               len;       /* SHA-1's or SHA-256's */

    /* of certificates */
    u_char              *spki;      /* SHA-256 */
    int64_t              not_after;

    ngx_str_t            origin;
    size_t               label_len; /* the head of the origin */
} ngx_clientcert_entry_t;


/* a copy of an entry, which stays as it is */

typedef struct {
    size_t               len;
    u_char               digest[NGX_CLIENTCERT_SHA256_LEN];
    int64_t              not_after; /* 0: a thumbprint */
    size_t               origin_len;
    size_t               label_len;
    u_char               origin[NGX_CLIENTCERT_ORIGIN_LEN];
} ngx_clientcert_copy_t;


/* a place in a table, which doesn't depend on how large that is, or its end */
#define NGX_CLIENTCERT_INDEX_END  ((uint64_t) 1 << 32)


/* what is to go into an index, at most */

typedef struct {
    ngx_uint_t           sha1;
    ngx_uint_t           sha256;
    size_t               origins;   /* words */
} ngx_clientcert_need_t;


/*
 * Makes an empty index with slots for so many entries.
 * Returns NGX_OK, or NGX_DECLINED if it has no room for them.
 */
ngx_int_t ngx_clientcert_index_clear(ngx_clientcert_index_t *index,
    ngx_uint_t sha1, ngx_uint_t sha256);

/*
 * For how many entries the index has slots, and bytes for still more.
 */
ngx_uint_t ngx_clientcert_index_slots(ngx_clientcert_index_t *index,
    ngx_uint_t table);
ngx_uint_t ngx_clientcert_index_spare(ngx_clientcert_index_t *index);

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
 * Copies an entry that was found in a table, or n entries at most from *part
 * on, which is 0 before the first ones and is set to where they end; read
 * returns how many.  Both stay inside of the half even if it is being written.
 */
void ngx_clientcert_index_copy(ngx_clientcert_index_t *index,
    ngx_uint_t table, uint32_t place, ngx_clientcert_copy_t *copy);
ngx_uint_t ngx_clientcert_index_read(ngx_clientcert_index_t *index,
    ngx_uint_t table, uint64_t *part, ngx_clientcert_copy_t *copy,
    ngx_uint_t n);

/*
 * Words of an origin of that length.
 */
size_t ngx_clientcert_index_origin_words(size_t len);

/*
 * Adds an origin, which entries may share.  Returns NGX_OK and sets *place, to
 * 0 if it is empty, or NGX_DECLINED without room.
 */
ngx_int_t ngx_clientcert_index_origin(ngx_clientcert_index_t *index,
    ngx_str_t *origin, size_t label_len, uint32_t *place);

/*
 * Whether so many entries more have room, with an origin of that length.
 */
ngx_uint_t ngx_clientcert_index_fits(ngx_clientcert_index_t *index,
    ngx_uint_t n, size_t origin_len);

/*
 * Adds an entry.  Returns NGX_OK; NGX_BUSY if one with its digest is there
 * already, which stays as it is; NGX_AGAIN if that is a certificate's and got
 * the origin because it comes first of both in the order of names, *origin is
 * then the one that it had; or NGX_DECLINED without room.
 */
ngx_int_t ngx_clientcert_index_put(ngx_clientcert_index_t *index,
    ngx_clientcert_entry_t *entry, uint32_t *origin);

/*
 * Whether the entry's origin is this text.
 */
ngx_uint_t ngx_clientcert_index_is_from(ngx_clientcert_index_t *index,
    uint32_t place, ngx_str_t *origin);

/*
 * Fills entry, or the text of an origin, which then points into the half.
 */
void ngx_clientcert_index_get(ngx_clientcert_index_t *index,
    ngx_uint_t table, uint32_t place, ngx_clientcert_entry_t *entry);
void ngx_clientcert_index_origin_text(ngx_clientcert_index_t *index,
    uint32_t origin, ngx_str_t *text);

/*
 * Walks all entries, from *slot 0 on: a place, or 0 at the end.
 */
uint32_t ngx_clientcert_index_next(ngx_clientcert_index_t *index,
    ngx_uint_t *slot, ngx_uint_t *table);

/*
 * How many words of the half are in use.
 */
size_t ngx_clientcert_index_used(ngx_clientcert_index_t *index);

/*
 * How many entries there are, and the words that what is needed takes.
 */
ngx_uint_t ngx_clientcert_index_count(ngx_clientcert_index_t *index);
size_t ngx_clientcert_index_words(ngx_uint_t certificates,
    ngx_clientcert_need_t *need);


#endif /* _NGX_CLIENTCERT_INDEX_H_INCLUDED_ */
