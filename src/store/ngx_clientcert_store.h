
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_STORE_H_INCLUDED_
#define _NGX_CLIENTCERT_STORE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "../cert/ngx_clientcert_dictionary.h"
#include "../stats/ngx_clientcert_used.h"
#include "ngx_clientcert_census.h"
#include "ngx_clientcert_index.h"


#define NGX_CLIENTCERT_STORE_MIN_SIZE  (1024 * 1024)


/* lies in shared memory */

typedef struct {
    ngx_atomic_t   generation;  /* its lowest bit is the half to read */
    uint64_t       seed;

    uint32_t      *half[2];
    size_t         words;       /* of a half, 4 bytes each */

    /* entries, by their digests; workers write it */
    ngx_clientcert_used_t        used;

    ngx_clientcert_census_sh_t  *census;

    /* the mutex of the zone's slab pool guards what follows */

    ngx_uint_t     writers;     /* that there have been */
    ngx_uint_t     writer;      /* the newest one that has written */

    /* of the source, by who has written */
    ngx_err_t      err;         /* that it can't be read for */
    ngx_uint_t     bad;         /* files that can't be */
    uint64_t       dev;         /* of its file system, 0: never read */
    size_t         wanted;      /* size of zone that would do, 0: this one */
    time_t         warned;      /* of certificates that expire */
} ngx_clientcert_store_sh_t;


typedef struct {
    ngx_str_t                   name;

    u_char                     *file;       /* where it was named first */
    ngx_uint_t                  line;

    ngx_shm_zone_t             *zone;
    ngx_clientcert_store_sh_t  *sh;         /* before there are requests */
    ngx_slab_pool_t            *shpool;

    /* of a process that writes, from begin to publish */
    ngx_uint_t                  token;      /* 0: doesn't */
    ngx_clientcert_index_t      active;
    ngx_clientcert_index_t      idle;
    ngx_uint_t                  added;
    ngx_uint_t                  kept;
    ngx_uint_t                  renamed;    /* kept, by another origin */
    ngx_clientcert_ages_t       ages;       /* of what was put */

    unsigned                    defined:1;
    unsigned                    used:1;     /* by some policy */
    unsigned                    denies:1;   /* in some "deny" */
    unsigned                    certificates:1; /* else thumbprints */
} ngx_clientcert_store_t;


typedef struct {
    u_char                     *sha256;
    u_char                     *sha1;       /* of thumbprints only */
    u_char                     *spki;       /* NULL: doesn't matter */
} ngx_clientcert_sought_t;


/*
 * Finds a store by its name, or makes one that is not defined yet and
 * remembers where cf stands.  Returns NULL without memory.
 */
ngx_clientcert_store_t *ngx_clientcert_store_get(ngx_conf_t *cf,
    ngx_clientcert_dictionary_t *stores, ngx_str_t *name);

/*
 * Makes the empty index in a new zone, or takes over the zone of an old store.
 * Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_clientcert_store_init(ngx_clientcert_store_t *st,
    ngx_clientcert_store_t *old);

/*
 * Grows whenever what the store holds has changed.
 */
static ngx_inline ngx_uint_t
ngx_clientcert_store_generation(ngx_clientcert_store_t *st)
{
    return st->sh->generation;
}

/*
 * Looks a certificate up, without a lock: NGX_OK or NGX_DECLINED.
 * A certificate store compares SHA-256, and the public key's if it is given;
 * one of thumbprints SHA-256 and SHA-1.  If label is not NULL, it gets
 * the label, which label->data has NGX_CLIENTCERT_ORIGIN_LEN bytes of room
 * for; it is empty if the public key alone was found.
 */
ngx_int_t ngx_clientcert_store_find(ngx_clientcert_store_t *st,
    ngx_clientcert_sought_t *sought, ngx_str_t *label);

/*
 * Notes that the entry which find would find, if there is one, is used at the
 * time now; used tells of an entry's digest when that was, to the minute, 0 if
 * it isn't known.
 */
void ngx_clientcert_store_note(ngx_clientcert_store_t *st,
    ngx_clientcert_sought_t *sought, time_t now);
time_t ngx_clientcert_store_used(ngx_clientcert_store_t *st, u_char *digest);

/*
 * Copies entries of a table as ngx_clientcert_index_read() does, or that with
 * a digest of len bytes (NGX_OK or NGX_DECLINED), without a lock.
 */
ngx_uint_t ngx_clientcert_store_read(ngx_clientcert_store_t *st,
    ngx_uint_t table, uint64_t *part, ngx_clientcert_copy_t *copy,
    ngx_uint_t n);
ngx_int_t ngx_clientcert_store_entry(ngx_clientcert_store_t *st,
    u_char *digest, size_t len, ngx_clientcert_copy_t *copy);

/*
 * How many entries are in force, and how many bytes of the zone are in use.
 */
ngx_uint_t ngx_clientcert_store_entries(ngx_clientcert_store_t *st,
    size_t *bytes);

/*
 * What follows is for writers.  lock takes the zone's mutex until unlock, or
 * returns NGX_DECLINED without it because a newer writer has written.
 */
void ngx_clientcert_store_new_writer(ngx_clientcert_store_t *st);
ngx_int_t ngx_clientcert_store_lock(ngx_clientcert_store_t *st);
void ngx_clientcert_store_unlock(ngx_clientcert_store_t *st);

/*
 * Replaces all that is in force: begin, origin and put ..., publish, with the
 * lock held.  begin empties the idle half; begin_outgrown does so where more
 * is needed than there is room for: what is in force still has room then.
 * begin, origin and put return as those of the index do.  changed tells
 * whether anything is another than what is in force.
 */
ngx_int_t ngx_clientcert_store_begin(ngx_clientcert_store_t *st,
    ngx_clientcert_need_t *need);
ngx_int_t ngx_clientcert_store_begin_outgrown(ngx_clientcert_store_t *st);
ngx_int_t ngx_clientcert_store_origin(ngx_clientcert_store_t *st,
    ngx_str_t *origin, size_t label_len, uint32_t *place);
ngx_int_t ngx_clientcert_store_put(ngx_clientcert_store_t *st,
    ngx_clientcert_entry_t *entry, uint32_t origin);
ngx_uint_t ngx_clientcert_store_changed(ngx_clientcert_store_t *st);
void ngx_clientcert_store_publish(ngx_clientcert_store_t *st);

/*
 * Counts the certificates in force by their ages anew, if the time has come.
 */
void ngx_clientcert_store_grow_old(ngx_clientcert_store_t *st);

/*
 * Sets active to the half in force, idle to the other one.  Who doesn't hold
 * the lock may only count entries, since both may become the other's.
 */
void ngx_clientcert_store_halves(ngx_clientcert_store_t *st);

/*
 * The size of a zone with room for what is needed.
 */
size_t ngx_clientcert_store_size(ngx_uint_t certificates,
    ngx_clientcert_need_t *need);


#endif /* _NGX_CLIENTCERT_STORE_H_INCLUDED_ */
