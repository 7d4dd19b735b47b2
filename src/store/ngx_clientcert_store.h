
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_STORE_H_INCLUDED_
#define _NGX_CLIENTCERT_STORE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_CLIENTCERT_STORE_MIN_SIZE  (1024 * 1024)

/* of the origin of an entry, and so of its label */
#define NGX_CLIENTCERT_ORIGIN_LEN      255

/* problems that are known to have been logged */
#define NGX_CLIENTCERT_STORE_TOLD      1024


/* lies in shared memory */

typedef struct {
    ngx_atomic_t   generation;  /* its lowest bit is the half to read */
    uint64_t       seed;

    /* for whoever follows the source */

    ngx_err_t      err;         /* of the source */
    ngx_uint_t     untold;      /* and wasn't logged */
    uint64_t       dev;         /* of the directory, 0: never read */
    ngx_uint_t     ntold;       /* that there have been */
    uint64_t       told[NGX_CLIENTCERT_STORE_TOLD];

    ngx_uint_t     failed;      /* what the source couldn't give */
    time_t         warned;      /* of certificates that expire */
    uint64_t       stamp;       /* of the source */

    /* the mutex of the zone's slab pool guards what follows */

    ngx_uint_t     writers;     /* that there have been */
    ngx_uint_t     writer;      /* the newest one that has written */
    size_t         wanted;      /* size of zone that would do, 0: this one */

    uint32_t      *half[2];
    size_t         words;       /* of a half, 4 bytes each */
} ngx_clientcert_store_sh_t;


typedef struct {
    ngx_str_t                   name;
    ngx_uint_t                  index;      /* in its array */

    u_char                     *file;       /* where it was named first */
    ngx_uint_t                  line;

    ngx_shm_zone_t             *zone;
    ngx_clientcert_store_sh_t  *sh;         /* before there are requests */
    ngx_slab_pool_t            *shpool;

    /* of a process that writes */
    ngx_uint_t                  token;      /* 0: doesn't */
    ngx_pool_t                 *pool;       /* of the array */
    ngx_array_t                *last;       /* ngx_clientcert_change_t */

    unsigned                    defined:1;
    unsigned                    used:1;     /* by some policy */
    unsigned                    denies:1;   /* in some "deny" */
    unsigned                    certificates:1; /* else thumbprints */
} ngx_clientcert_store_t;


typedef struct {
    u_char                     *digest;
    size_t                      len;        /* 20: SHA-1, 32: SHA-256 */

    /* of certificates */
    u_char                     *spki;       /* SHA-256 */
    int64_t                     not_before;
    int64_t                     not_after;

    ngx_str_t                   origin;
    size_t                      label_len;  /* the head of the origin */
    unsigned                    shared:1;   /* others may hold it as well */
} ngx_clientcert_entry_t;


typedef struct {
    ngx_clientcert_entry_t      entry;
    unsigned                    drop:1;     /* else put */
} ngx_clientcert_change_t;


typedef struct {
    u_char                     *sha1;
    u_char                     *sha256;
    u_char                     *spki;       /* NULL: doesn't matter */
} ngx_clientcert_sought_t;


/*
 * Finds a store by its name, or makes one that is not defined yet and
 * remembers where cf stands.  Returns NULL without memory.
 */
ngx_clientcert_store_t *ngx_clientcert_store_get(ngx_conf_t *cf,
    ngx_array_t *stores, ngx_str_t *name);

/*
 * Makes the empty index in a new zone, or takes over the one of an old zone,
 * whose data is old.  Returns NGX_OK or NGX_ERROR.
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
 * A certificate store compares SHA-256 only.  If label is not NULL, it gets
 * the label, which label->data has NGX_CLIENTCERT_ORIGIN_LEN bytes of room
 * for; it is empty if the public key alone was found.
 */
ngx_int_t ngx_clientcert_store_find(ngx_clientcert_store_t *st,
    ngx_clientcert_sought_t *sought, ngx_str_t *label);

/*
 * What follows is for writers, of which only the newest can write.
 */

void ngx_clientcert_store_new_writer(ngx_clientcert_store_t *st);
void ngx_clientcert_store_no_writer(ngx_clientcert_store_t *st);

/*
 * Takes the lock until ngx_clientcert_store_unlock(), or returns NGX_DECLINED
 * without it because a newer writer has written.
 */
ngx_int_t ngx_clientcert_store_lock(ngx_clientcert_store_t *st);
void ngx_clientcert_store_unlock(ngx_clientcert_store_t *st);

/*
 * Changes what is in force by an array of ngx_clientcert_change_t, which
 * belongs to the store from now on together with the pool, whatever happens.
 * The lock must be held.  Returns NGX_OK, or NGX_DECLINED if the zone is too
 * small: then only what is to be dropped was.  Of thumbprints nothing was
 * then, nor if one that is put is there already.
 */
ngx_int_t ngx_clientcert_store_change(ngx_clientcert_store_t *st,
    ngx_pool_t *pool, ngx_array_t *changes);

/*
 * Or replaces all that is in force: begin, put ..., publish.  The lock must be
 * held throughout; nothing is changed until publish.  They return NGX_OK, or
 * NGX_DECLINED if the zone is too small; put returns NGX_BUSY if there is such
 * an entry already, which it doesn't replace.
 */
ngx_int_t ngx_clientcert_store_begin(ngx_clientcert_store_t *st,
    ngx_uint_t sha1, ngx_uint_t sha256);
ngx_int_t ngx_clientcert_store_put(ngx_clientcert_store_t *st,
    ngx_clientcert_entry_t *entry);
void ngx_clientcert_store_publish(ngx_clientcert_store_t *st);

/*
 * Puts all in force that another store holds, and takes over what was known
 * of its source.  Without room for it nothing is put.
 */
void ngx_clientcert_store_copy(ngx_clientcert_store_t *st,
    ngx_clientcert_store_t *from);

/*
 * How many entries the last published or the one before that held; how many
 * of the former were in the latter.
 */
ngx_uint_t ngx_clientcert_store_count(ngx_clientcert_store_t *st,
    ngx_uint_t before);
ngx_uint_t ngx_clientcert_store_common(ngx_clientcert_store_t *st);

/*
 * Walks what is in force, from *place 0 on: NGX_OK, or NGX_DONE at the end.
 * get finds the entry with a digest of that length: NGX_OK or NGX_DECLINED.
 * What the entry points to lies in shared memory.
 */
ngx_int_t ngx_clientcert_store_next(ngx_clientcert_store_t *st,
    ngx_uint_t *place, ngx_clientcert_entry_t *entry);
ngx_int_t ngx_clientcert_store_get_entry(ngx_clientcert_store_t *st,
    u_char *digest, size_t len, ngx_clientcert_entry_t *entry);

/*
 * A number of an entry in force that no other one has, below sh->words.
 */
ngx_uint_t ngx_clientcert_store_number(ngx_clientcert_store_t *st,
    ngx_clientcert_entry_t *entry);

/*
 * Whether a problem, by a number of its own, was logged already, whichever
 * process did it.  From now on it was, until very many others have been.
 */
ngx_uint_t ngx_clientcert_store_told(ngx_clientcert_store_t *st,
    uint64_t problem);

/*
 * The size of a zone for so many entries with so many bytes of origins.
 */
size_t ngx_clientcert_store_size(ngx_uint_t certificates, ngx_uint_t sha1,
    ngx_uint_t sha256, size_t origins);

/*
 * Writes text with what might do harm in a log as \xHH.  buf has room for
 * four times its length.  Returns the end.
 */
u_char *ngx_clientcert_store_escape(u_char *buf, ngx_str_t *text);


#endif /* _NGX_CLIENTCERT_STORE_H_INCLUDED_ */
