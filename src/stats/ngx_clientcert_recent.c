
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_recent.h"


/*
 * The certificates that were refused of late.  Strangers choose what they
 * show, and how often: so one half of the slots is for chains that are
 * verified, where no stranger gets to; in the other one a network has a
 * quarter at most; and what goes is what was refused least often, times that
 * are long ago counting less.
 *
 * Who writes holds the mutex of the zone, which it tries to take but doesn't
 * wait for; readers take none.  A slot's number is odd while it is written: a
 * reader that finds it so, or another one at the end, has read nothing.  A
 * writer that is killed leaves a slot that is odd, which the next one takes,
 * and a mutex that the master frees.
 */


/* half as many refusals count after so many seconds */
#define NGX_CLIENTCERT_RECENT_FADES  600


static ngx_clientcert_recent_slot_t *ngx_clientcert_recent_half(
    ngx_clientcert_recent_t *recent, ngx_uint_t verified);
static ngx_clientcert_recent_slot_t *ngx_clientcert_recent_find(
    ngx_clientcert_recent_t *recent, ngx_clientcert_recent_facts_t *facts);
static ngx_clientcert_recent_slot_t *ngx_clientcert_recent_victim(
    ngx_clientcert_recent_t *recent, ngx_clientcert_recent_facts_t *facts,
    time_t now);
static ngx_uint_t ngx_clientcert_recent_weight(
    ngx_clientcert_recent_slot_t *slot, time_t now);
static void ngx_clientcert_recent_write(ngx_clientcert_recent_slot_t *slot,
    ngx_clientcert_recent_facts_t *facts, ngx_str_t *texts, u_char *der);


ngx_int_t
ngx_clientcert_recent_create_sh(ngx_clientcert_recent_sh_t *sh,
    ngx_slab_pool_t *shpool, ngx_uint_t n)
{
    sh->n = n;

    sh->slots = ngx_slab_calloc(shpool,
                                n * sizeof(ngx_clientcert_recent_slot_t));

    return sh->slots ? NGX_OK : NGX_ERROR;
}


static ngx_clientcert_recent_slot_t *
ngx_clientcert_recent_half(ngx_clientcert_recent_t *recent,
    ngx_uint_t verified)
{
    return recent->sh->slots + (verified ? recent->sh->n / 2 : 0);
}


static ngx_clientcert_recent_slot_t *
ngx_clientcert_recent_find(ngx_clientcert_recent_t *recent,
    ngx_clientcert_recent_facts_t *facts)
{
    ngx_uint_t                     i;
    ngx_clientcert_recent_slot_t  *slot;

    slot = ngx_clientcert_recent_half(recent, facts->verified);

    for (i = 0; i < recent->sh->n / 2; i++) {
        if (slot[i].facts.key == facts->key
            && ngx_memcmp(slot[i].facts.sha256, facts->sha256,
                          NGX_CLIENTCERT_RECENT_SHA256)
               == 0)
        {
            return &slot[i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_clientcert_recent_again(ngx_clientcert_recent_t *recent,
    ngx_clientcert_recent_facts_t *facts, time_t now)
{
    ngx_clientcert_recent_slot_t  *slot;

    slot = ngx_clientcert_recent_find(recent, facts);

    if (slot == NULL || (slot->seq & 1)) {
        return 0;
    }

    /* that the slot has become another's meanwhile is one too many there */

    (void) ngx_atomic_fetch_add(&slot->count, 1);

    return (time_t) slot->last == now;
}


void
ngx_clientcert_recent_put(ngx_clientcert_recent_t *recent,
    ngx_clientcert_recent_facts_t *facts, ngx_str_t *texts, u_char *der,
    time_t now)
{
    ngx_clientcert_recent_slot_t  *slot;

    if (!ngx_shmtx_trylock(&recent->shpool->mutex)) {
        return;
    }

    slot = ngx_clientcert_recent_find(recent, facts);

    if (slot == NULL) {
        slot = ngx_clientcert_recent_victim(recent, facts, now);

        if (slot->facts.key) {
            (void) ngx_atomic_fetch_add(&recent->sh->evicted, 1);
        }

        slot->seq |= 1;

        ngx_memory_barrier();

        slot->count = 1;
        slot->first = now;
    }

    slot->seq |= 1;

    ngx_memory_barrier();

    slot->last = now;
    ngx_clientcert_recent_write(slot, facts, texts, der);

    ngx_memory_barrier();

    slot->seq++;

    ngx_shmtx_unlock(&recent->shpool->mutex);
}


/*
 * An empty slot, or one that was left half-written; else of those of the
 * network, if it has its share, or of all, that which weighs least.
 */

static ngx_clientcert_recent_slot_t *
ngx_clientcert_recent_victim(ngx_clientcert_recent_t *recent,
    ngx_clientcert_recent_facts_t *facts, time_t now)
{
    ngx_uint_t                     i, n, same, all, weight, least;
    ngx_clientcert_recent_slot_t  *slot, *victim;

    n = recent->sh->n / 2;
    slot = ngx_clientcert_recent_half(recent, facts->verified);

    same = 0;

    for (i = 0; i < n; i++) {
        same += (slot[i].facts.key
                 && ngx_memcmp(slot[i].facts.network, facts->network,
                               sizeof(facts->network))
                    == 0);
    }

    all = (facts->verified || same < ngx_max(n / 4, 1));

    victim = NULL;
    least = 0;

    for (i = 0; i < n; i++) {

        if (!all && ngx_memcmp(slot[i].facts.network, facts->network,
                               sizeof(facts->network))
                    != 0)
        {
            continue;
        }

        weight = ngx_clientcert_recent_weight(&slot[i], now);

        if (victim == NULL
            || weight < least
            || (weight == least && slot[i].last < victim->last))
        {
            victim = &slot[i];
            least = weight;
        }
    }

    return victim;
}


static ngx_uint_t
ngx_clientcert_recent_weight(ngx_clientcert_recent_slot_t *slot, time_t now)
{
    time_t  age;

    if (slot->facts.key == 0 || (slot->seq & 1)) {
        return 0;
    }

    age = now - (time_t) slot->last;

    if (age < 0) {
        age = 0;
    }

    return slot->count >> ngx_min(age / NGX_CLIENTCERT_RECENT_FADES, 31);
}


static void
ngx_clientcert_recent_write(ngx_clientcert_recent_slot_t *slot,
    ngx_clientcert_recent_facts_t *facts, ngx_str_t *texts, u_char *der)
{
    size_t       len;
    u_char      *p, *last;
    ngx_uint_t   i;

    slot->facts = *facts;

    p = slot->text;
    last = p + NGX_CLIENTCERT_RECENT_TEXT;

    for (i = 0; i < NGX_CLIENTCERT_RECENT_TEXTS; i++) {
        len = ngx_min(texts[i].len, (size_t) (last - p));

        p = ngx_cpymem(p, texts[i].data, len);
        slot->lens[i] = (uint16_t) len;
    }

    if (der) {
        ngx_memcpy(slot->der, der, facts->size);
    }
}


ngx_uint_t
ngx_clientcert_recent_held(ngx_clientcert_recent_t *recent, time_t *newest)
{
    time_t      last;
    ngx_uint_t  i, held;

    held = 0;
    *newest = 0;

    for (i = 0; i < recent->sh->n; i++) {
        last = ngx_clientcert_recent_last(recent, i);

        held += (last != 0);
        *newest = ngx_max(*newest, last);
    }

    return held;
}


time_t
ngx_clientcert_recent_last(ngx_clientcert_recent_t *recent, ngx_uint_t i)
{
    ngx_clientcert_recent_slot_t  *slot;

    slot = &recent->sh->slots[i];

    return slot->facts.key ? (time_t) slot->last : 0;
}


ngx_int_t
ngx_clientcert_recent_get(ngx_clientcert_recent_t *recent, ngx_uint_t i,
    ngx_clientcert_recent_slot_t *copy)
{
    ngx_clientcert_recent_slot_t  *slot;

    slot = &recent->sh->slots[i];

    copy->seq = slot->seq;

    ngx_memory_barrier();

    if (copy->seq & 1 || slot->facts.key == 0) {
        return NGX_DECLINED;
    }

    ngx_memcpy((u_char *) copy + sizeof(ngx_atomic_t),
               (u_char *) slot + sizeof(ngx_atomic_t),
               sizeof(ngx_clientcert_recent_slot_t) - sizeof(ngx_atomic_t));

    ngx_memory_barrier();

    return (slot->seq == copy->seq) ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_clientcert_recent_kept(ngx_clientcert_recent_facts_t *facts)
{
    return facts->size && facts->size <= NGX_CLIENTCERT_RECENT_DER;
}


ngx_str_t
ngx_clientcert_recent_text(ngx_clientcert_recent_slot_t *slot,
    ngx_uint_t text)
{
    size_t      at;
    ngx_str_t   s;
    ngx_uint_t  i;

    at = 0;

    for (i = 0; i < text; i++) {
        at += slot->lens[i];
    }

    s.data = slot->text + at;
    s.len = slot->lens[text];

    return s;
}
