
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_used.h"


/*
 * A table of its own beside what is used, so that whoever fills that anew
 * neither copies nor clears it.  A slot is one number: what is left of the
 * digest, and the minute.  It is written by compare-and-swap, without a lock;
 * who is killed leaves it as it was or as it is to be.  A digest has its place
 * in one bucket, a line of the processor's cache; where that is full, the
 * oldest minute makes room.
 *
 * It is noted of digests that somebody has put into a store, so their first
 * bytes do as a hash.  Two that have the same bucket and the same rest, one
 * pair in 2^38, are taken for one.
 */


#define NGX_CLIENTCERT_USED_SLOTS    8      /* of a bucket */
#define NGX_CLIENTCERT_USED_MINUTES  26     /* bits, until 2097 */
#define NGX_CLIENTCERT_USED_MASK                                              \
    (((ngx_atomic_uint_t) 1 << NGX_CLIENTCERT_USED_MINUTES) - 1)


static ngx_atomic_t *ngx_clientcert_used_bucket(ngx_clientcert_used_t *used,
    u_char *digest, ngx_atomic_uint_t *rest);


void
ngx_clientcert_used_create(ngx_clientcert_used_t *used, void *data,
    size_t bytes)
{
    used->slots = data;

    /* with 32 bits there is no room for both */

    used->buckets = (sizeof(ngx_atomic_t) < sizeof(uint64_t)) ? 0
                    : bytes / (NGX_CLIENTCERT_USED_SLOTS
                               * sizeof(ngx_atomic_t));

    ngx_memzero(data, bytes);
}


static ngx_atomic_t *
ngx_clientcert_used_bucket(ngx_clientcert_used_t *used, u_char *digest,
    ngx_atomic_uint_t *rest)
{
    uint64_t  first, second;

    ngx_memcpy(&first, digest, sizeof(uint64_t));
    ngx_memcpy(&second, digest + sizeof(uint64_t), sizeof(uint64_t));

    *rest = (ngx_atomic_uint_t) second & ~NGX_CLIENTCERT_USED_MASK;

    return used->slots + (first % used->buckets) * NGX_CLIENTCERT_USED_SLOTS;
}


void
ngx_clientcert_used_note(ngx_clientcert_used_t *used, u_char *digest,
    time_t now)
{
    ngx_uint_t          i;
    ngx_atomic_t       *slot, *oldest;
    ngx_atomic_uint_t   rest, minute, value, least;

    if (used->buckets == 0) {
        return;
    }

    slot = ngx_clientcert_used_bucket(used, digest, &rest);

    minute = (ngx_atomic_uint_t) (now / 60) & NGX_CLIENTCERT_USED_MASK;

    oldest = slot;
    least = NGX_CLIENTCERT_USED_MASK;

    for (i = 0; i < NGX_CLIENTCERT_USED_SLOTS; i++) {
        value = slot[i];

        if ((value & ~NGX_CLIENTCERT_USED_MASK) == rest && value) {
            oldest = &slot[i];
            break;
        }

        if ((value & NGX_CLIENTCERT_USED_MASK) < least) {
            least = value & NGX_CLIENTCERT_USED_MASK;
            oldest = &slot[i];
        }
    }

    value = *oldest;

    /* who is faster has noted something of this minute, too */

    if (value != (rest | minute)) {
        (void) ngx_atomic_cmp_set(oldest, value, rest | minute);
    }
}


time_t
ngx_clientcert_used_last(ngx_clientcert_used_t *used, u_char *digest)
{
    ngx_uint_t          i;
    ngx_atomic_t       *slot;
    ngx_atomic_uint_t   rest, value;

    if (used->buckets == 0) {
        return 0;
    }

    slot = ngx_clientcert_used_bucket(used, digest, &rest);

    for (i = 0; i < NGX_CLIENTCERT_USED_SLOTS; i++) {
        value = slot[i];

        if ((value & ~NGX_CLIENTCERT_USED_MASK) == rest && value) {
            return (time_t) (value & NGX_CLIENTCERT_USED_MASK) * 60;
        }
    }

    return 0;
}
