
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_RECENT_H_INCLUDED_
#define _NGX_CLIENTCERT_RECENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* of a certificate that is kept itself, and of all texts about it */
#define NGX_CLIENTCERT_RECENT_DER   8192
#define NGX_CLIENTCERT_RECENT_TEXT  2048

#define NGX_CLIENTCERT_RECENT_SHA1    20
#define NGX_CLIENTCERT_RECENT_SHA256  32


/* texts, in the order in which they get room */

typedef enum {
    NGX_CLIENTCERT_RECENT_REASON = 0,
    NGX_CLIENTCERT_RECENT_SUBJECT,
    NGX_CLIENTCERT_RECENT_ISSUER,
    NGX_CLIENTCERT_RECENT_SERIAL,
    NGX_CLIENTCERT_RECENT_POLICY,
    NGX_CLIENTCERT_RECENT_CLIENT,
    NGX_CLIENTCERT_RECENT_VERIFY,
    NGX_CLIENTCERT_RECENT_SERVER,
    NGX_CLIENTCERT_RECENT_SAN,
    NGX_CLIENTCERT_RECENT_URI,
    NGX_CLIENTCERT_RECENT_DETAIL,
    NGX_CLIENTCERT_RECENT_TEXTS
} ngx_clientcert_recent_text_e;


/* a refused certificate, one for each policy that refused it */

typedef struct {
    uint64_t                       key;         /* of the policy, never 0 */
    u_char                         sha256[NGX_CLIENTCERT_RECENT_SHA256];
    u_char                         sha1[NGX_CLIENTCERT_RECENT_SHA1];
    u_char                         network[16]; /* of the client */

    int64_t                        not_before;
    int64_t                        not_after;
    size_t                         size;        /* of the certificate */

    unsigned                       verified:1;
    unsigned                       dry_run:1;
    unsigned                       self_signed:1;
} ngx_clientcert_recent_facts_t;


/* lies in shared memory */

typedef struct {
    ngx_atomic_t                   seq;         /* odd while it is written */
    ngx_atomic_t                   count;       /* refusals */
    ngx_atomic_t                   last;        /* when */
    time_t                         first;

    ngx_clientcert_recent_facts_t  facts;
    uint16_t                       lens[NGX_CLIENTCERT_RECENT_TEXTS];
    u_char                         text[NGX_CLIENTCERT_RECENT_TEXT];
    u_char                         der[NGX_CLIENTCERT_RECENT_DER];
} ngx_clientcert_recent_slot_t;


/* lies in shared memory; the zone's mutex guards writing */

typedef struct {
    ngx_uint_t                     n;           /* slots, half for verified */
    ngx_atomic_t                   evicted;
    ngx_clientcert_recent_slot_t  *slots;
} ngx_clientcert_recent_sh_t;


typedef struct {
    ngx_clientcert_recent_sh_t    *sh;          /* NULL: none is kept */
    ngx_slab_pool_t               *shpool;
} ngx_clientcert_recent_t;


/*
 * Makes the slots in a new zone, n of them.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_clientcert_recent_create_sh(ngx_clientcert_recent_sh_t *sh,
    ngx_slab_pool_t *shpool, ngx_uint_t n);

/*
 * Counts one more refusal of what is there already, at the time now, and
 * returns whether nothing else is to be done: it was refused in this very
 * second.  Otherwise put is to be called.
 */
ngx_uint_t ngx_clientcert_recent_again(ngx_clientcert_recent_t *recent,
    ngx_clientcert_recent_facts_t *facts, time_t now);

/*
 * Puts a refusal there, or its newest texts, and the certificate if it is one
 * to be kept: facts->size bytes of DER, where der is NULL otherwise.  If
 * another process is writing, nothing happens.
 */
void ngx_clientcert_recent_put(ngx_clientcert_recent_t *recent,
    ngx_clientcert_recent_facts_t *facts, ngx_str_t *texts, u_char *der,
    time_t now);

/*
 * How many slots are in use, and when the newest one was written, 0: never.
 */
ngx_uint_t ngx_clientcert_recent_held(ngx_clientcert_recent_t *recent,
    time_t *newest);

/*
 * When a slot was written last, 0 if it is empty.
 */
time_t ngx_clientcert_recent_last(ngx_clientcert_recent_t *recent,
    ngx_uint_t i);

/*
 * Copies a slot, without a lock.  Returns NGX_OK, or NGX_DECLINED if it is
 * empty or being written.
 */
ngx_int_t ngx_clientcert_recent_get(ngx_clientcert_recent_t *recent,
    ngx_uint_t i, ngx_clientcert_recent_slot_t *slot);

/*
 * Whether a certificate of that size is kept itself; a size of 0 isn't known.
 */
ngx_uint_t ngx_clientcert_recent_kept(ngx_clientcert_recent_facts_t *facts);

/*
 * A text of a slot that was copied.
 */
ngx_str_t ngx_clientcert_recent_text(ngx_clientcert_recent_slot_t *slot,
    ngx_uint_t text);


#endif /* _NGX_CLIENTCERT_RECENT_H_INCLUDED_ */
