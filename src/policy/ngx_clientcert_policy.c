
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_policy.h"


#define NGX_CLIENTCERT_MIN_BUCKETS  16

/* of a label from a store, escaped */
#define NGX_CLIENTCERT_LABEL_LEN    (NGX_CLIENTCERT_ORIGIN_LEN * 4)


/* what a policy has said of a connection */

typedef struct {
    ngx_clientcert_verdict_t    *verdict;       /* NULL at first */
    ngx_clientcert_verdict_t    *made;          /* this one and all before */
    ngx_uint_t                   generation;    /* of the stores asked */
    time_t                       until;         /* it holds */
} ngx_clientcert_known_t;


static ngx_clientcert_verdict_t *ngx_clientcert_policy_constant(
    ngx_clientcert_policy_t *policy, ngx_clientcert_connection_t *conn,
    ngx_clientcert_asking_t *ask, ngx_clientcert_chain_e chain);
static ngx_clientcert_known_t *ngx_clientcert_policy_remembered(
    ngx_clientcert_policy_t *policy, ngx_clientcert_connection_t *conn,
    ngx_clientcert_chain_e chain);
static ngx_inline ngx_uint_t ngx_clientcert_policy_holds(
    ngx_clientcert_policy_t *policy, ngx_clientcert_known_t *known,
    time_t now);
static ngx_inline ngx_uint_t ngx_clientcert_policy_generation(
    ngx_clientcert_policy_t *policy);
static ngx_clientcert_verdict_t *ngx_clientcert_policy_keep(
    ngx_clientcert_known_t *known, ngx_clientcert_verdict_t *verdict,
    ngx_pool_t *pool);
static ngx_clientcert_verdict_t *ngx_clientcert_policy_copy(
    ngx_clientcert_verdict_t *verdict, ngx_pool_t *pool);
static void ngx_clientcert_policy_judge(ngx_clientcert_policy_t *policy,
    ngx_clientcert_asking_t *ask, ngx_clientcert_chain_e chain,
    ngx_clientcert_verdict_t *verdict, u_char *buf);
static ngx_clientcert_verdict_t *ngx_clientcert_policy_vary(
    ngx_clientcert_policy_t *policy, ngx_clientcert_asking_t *ask,
    ngx_clientcert_chain_e chain, ngx_clientcert_verdict_t *known);
static void ngx_clientcert_policy_allow(ngx_clientcert_verdict_t *verdict,
    ngx_clientcert_rule_t *rule, ngx_clientcert_asking_t *ask, u_char *buf);
static void ngx_clientcert_policy_store_label(ngx_clientcert_rule_t *rule,
    ngx_clientcert_asking_t *ask, u_char *buf, ngx_str_t *label);
static ngx_clientcert_reason_e ngx_clientcert_untrusted(
    ngx_clientcert_chain_e chain);
static ngx_clientcert_rule_t *ngx_clientcert_rules_find(
    ngx_clientcert_rules_t *rules, ngx_clientcert_asking_t *ask,
    ngx_uint_t verified);
static ngx_clientcert_rule_t *ngx_clientcert_rules_first(
    ngx_clientcert_rule_t *rule, ngx_clientcert_rule_t *found,
    ngx_clientcert_asking_t *ask, ngx_uint_t verified);
static ngx_uint_t ngx_clientcert_rule_holds(ngx_clientcert_rule_t *rule,
    ngx_clientcert_asking_t *ask, ngx_uint_t verified);
static void ngx_clientcert_rule_append(ngx_clientcert_rule_list_t *list,
    ngx_clientcert_rule_t *rule);
static ngx_clientcert_rule_t *ngx_clientcert_rules_same(
    ngx_clientcert_rule_t *list, ngx_clientcert_rule_t *rule);
static ngx_int_t ngx_clientcert_rules_grow(ngx_clientcert_rules_t *rules,
    ngx_pool_t *pool);
static ngx_clientcert_rule_t **ngx_clientcert_rules_bucket(
    ngx_clientcert_rules_t *rules, u_char *digest);
static ngx_clientcert_rule_t *ngx_clientcert_rules_cover(
    ngx_clientcert_rule_t *list, ngx_uint_t n, ngx_clientcert_rule_t *rule,
    ngx_uint_t verified);
static ngx_uint_t ngx_clientcert_rule_covers(ngx_clientcert_rule_t *one,
    ngx_clientcert_rule_t *two, ngx_uint_t verified);
static ngx_uint_t ngx_clientcert_rule_has(ngx_clientcert_rule_t *rule,
    ngx_clientcert_condition_t *cond);
static ngx_uint_t ngx_clientcert_digests_equal(u_char *one, u_char *two,
    size_t len);


ngx_str_t  ngx_clientcert_reasons[] = {
    ngx_string("ok"),
    ngx_string("no_tls"),
    ngx_string("no_certificate"),
    ngx_string("untrusted"),
    ngx_string("misdirected"),
    ngx_string("not_yet_valid"),
    ngx_string("expired"),
    ngx_string("wrong_purpose"),
    ngx_string("denied"),
    ngx_string("no_match"),
    ngx_string("early_data"),
    ngx_string("error")
};


ngx_clientcert_verdict_t *
ngx_clientcert_policy_recall(ngx_clientcert_policy_t *policy,
    ngx_clientcert_connection_t *conn, ngx_clientcert_chain_e chain, time_t now)
{
    ngx_clientcert_known_t  *known;

    known = conn->verdicts;

    if (known == NULL || policy->varies) {
        return NULL;
    }

    known += policy->index * NGX_CLIENTCERT_CHAINS + chain;

    return ngx_clientcert_policy_holds(policy, known, now) ? known->verdict
                                                           : NULL;
}


ngx_clientcert_verdict_t *
ngx_clientcert_policy_decide(ngx_clientcert_policy_t *policy,
    ngx_clientcert_connection_t *conn, ngx_clientcert_asking_t *ask,
    ngx_clientcert_chain_e chain)
{
    ngx_clientcert_verdict_t      *verdict;
    ngx_clientcert_certificate_t  *cert;

    cert = conn->cert;

    if (cert == NULL) {
        return ngx_clientcert_policy_refuse(policy,
                                            NGX_CLIENTCERT_NO_CERTIFICATE,
                                            ask->pool);
    }

    if (policy->validity && ask->now < cert->not_before) {
        return ngx_clientcert_policy_refuse(policy,
                                            NGX_CLIENTCERT_NOT_YET_VALID,
                                            ask->pool);
    }

    if (policy->validity && ask->now > cert->not_after) {
        return ngx_clientcert_policy_refuse(policy, NGX_CLIENTCERT_EXPIRED,
                                            ask->pool);
    }

    ask->failed = 0;
    ask->verified = (chain == NGX_CLIENTCERT_VERIFIED);
    ask->until = NGX_MAX_TIME_T_VALUE;

    verdict = ngx_clientcert_policy_constant(policy, conn, ask, chain);

    if (verdict && !ask->failed && policy->varies) {
        verdict = ngx_clientcert_policy_vary(policy, ask, chain, verdict);
    }

    if (ask->failed) {
        return ngx_clientcert_policy_refuse(policy, NGX_CLIENTCERT_ERROR,
                                            ask->pool);
    }

    return verdict;
}


ngx_clientcert_verdict_t *
ngx_clientcert_policy_refuse(ngx_clientcert_policy_t *policy,
    ngx_clientcert_reason_e reason, ngx_pool_t *pool)
{
    ngx_clientcert_verdict_t  *verdict;

    verdict = ngx_pcalloc(pool, sizeof(ngx_clientcert_verdict_t));

    if (verdict) {
        verdict->policy = policy;
        verdict->reason = reason;
    }

    return verdict;
}


/* what depends on constants and on what stores hold is remembered */

static ngx_clientcert_verdict_t *
ngx_clientcert_policy_constant(ngx_clientcert_policy_t *policy,
    ngx_clientcert_connection_t *conn, ngx_clientcert_asking_t *ask,
    ngx_clientcert_chain_e chain)
{
    u_char                     buf[NGX_CLIENTCERT_LABEL_LEN];
    ngx_uint_t                 generation;
    ngx_clientcert_known_t    *known;
    ngx_clientcert_verdict_t   verdict, *kept;

    known = ngx_clientcert_policy_remembered(policy, conn, chain);
    if (known == NULL) {
        return NULL;
    }

    if (ngx_clientcert_policy_holds(policy, known, ask->now)) {
        return known->verdict;
    }

    /* before the stores are asked: what changes meanwhile is asked again */
    generation = ngx_clientcert_policy_generation(policy);

    ngx_memzero(&verdict, sizeof(ngx_clientcert_verdict_t));
    verdict.policy = policy;

    ngx_clientcert_policy_judge(policy, ask, chain, &verdict, buf);

    /* what was judged without memory is judged again */

    kept = ask->failed ? NULL
                       : ngx_clientcert_policy_keep(known, &verdict,
                                                    conn->pool);
    if (kept) {
        known->verdict = kept;
        known->generation = generation;
        known->until = policy->validity
                       ? ngx_min(ask->until, ask->cert->not_after)
                       : ask->until;
    }

    return kept;
}


static ngx_clientcert_known_t *
ngx_clientcert_policy_remembered(ngx_clientcert_policy_t *policy,
    ngx_clientcert_connection_t *conn, ngx_clientcert_chain_e chain)
{
    ngx_clientcert_known_t  *known;

    known = conn->verdicts;

    if (known == NULL) {
        known = ngx_pcalloc(conn->pool, policy->siblings->nelts
                                         * NGX_CLIENTCERT_CHAINS
                                         * sizeof(ngx_clientcert_known_t));
        if (known == NULL) {
            return NULL;
        }

        conn->verdicts = known;
    }

    return &known[policy->index * NGX_CLIENTCERT_CHAINS + chain];
}


static ngx_inline ngx_uint_t
ngx_clientcert_policy_holds(ngx_clientcert_policy_t *policy,
    ngx_clientcert_known_t *known, time_t now)
{
    return known->verdict
           && now <= known->until
           && known->generation == ngx_clientcert_policy_generation(policy);
}


/* none of them ever goes back, so neither does their sum */

static ngx_inline ngx_uint_t
ngx_clientcert_policy_generation(ngx_clientcert_policy_t *policy)
{
    ngx_uint_t                i, sum;
    ngx_clientcert_store_t  **st;

    sum = 0;
    st = policy->asked.elts;

    for (i = 0; i < policy->asked.nelts; i++) {
        sum += ngx_clientcert_store_generation(st[i]);
    }

    return sum;
}


/*
 * Requests point to verdicts, which therefore never change.  A connection has
 * each of them once, however often stores change while it is open.
 */

static ngx_clientcert_verdict_t *
ngx_clientcert_policy_keep(ngx_clientcert_known_t *known,
    ngx_clientcert_verdict_t *verdict, ngx_pool_t *pool)
{
    ngx_clientcert_verdict_t  *v;

    for (v = known->made; v; v = v->next) {
        if (v->reason == verdict->reason
            && v->rule == verdict->rule
            && v->label.len == verdict->label.len
            && (v->label.len == 0
                || ngx_memcmp(v->label.data, verdict->label.data,
                              v->label.len)
                   == 0))
        {
            return v;
        }
    }

    v = ngx_clientcert_policy_copy(verdict, pool);

    if (v) {
        v->next = known->made;
        known->made = v;
    }

    return v;
}


static ngx_clientcert_verdict_t *
ngx_clientcert_policy_copy(ngx_clientcert_verdict_t *verdict,
    ngx_pool_t *pool)
{
    ngx_clientcert_verdict_t  *v;

    v = ngx_palloc(pool, sizeof(ngx_clientcert_verdict_t));
    if (v == NULL) {
        return NULL;
    }

    *v = *verdict;

    if (v->label.len) {
        v->label.data = ngx_pstrdup(pool, &verdict->label);
        if (v->label.data == NULL) {
            return NULL;
        }
    }

    return v;
}


static void
ngx_clientcert_policy_judge(ngx_clientcert_policy_t *policy,
    ngx_clientcert_asking_t *ask, ngx_clientcert_chain_e chain,
    ngx_clientcert_verdict_t *verdict, u_char *buf)
{
    ngx_uint_t              verified;
    ngx_clientcert_rule_t  *rule;

    verified = (chain == NGX_CLIENTCERT_VERIFIED);

    if (ngx_clientcert_rules_find(&policy->deny, ask, verified)) {
        verdict->reason = NGX_CLIENTCERT_DENIED;
        return;
    }

    if (!ask->cert->client_purpose) {
        verdict->reason = NGX_CLIENTCERT_WRONG_PURPOSE;
        return;
    }

    if (policy->trust == NGX_CLIENTCERT_TRUST_CHAIN && !verified) {
        verdict->reason = ngx_clientcert_untrusted(chain);
        return;
    }

    rule = ngx_clientcert_rules_find(&policy->allow, ask, verified);

    if (rule) {
        ngx_clientcert_policy_allow(verdict, rule, ask, buf);
        return;
    }

    verdict->reason = ngx_clientcert_rules_find(&policy->allow, ask, 1)
                      ? ngx_clientcert_untrusted(chain)
                      : NGX_CLIENTCERT_NO_MATCH;
}


/* lets the rules with variables change a verdict that was made without them */

static ngx_clientcert_verdict_t *
ngx_clientcert_policy_vary(ngx_clientcert_policy_t *policy,
    ngx_clientcert_asking_t *ask, ngx_clientcert_chain_e chain,
    ngx_clientcert_verdict_t *known)
{
    u_char                     buf[NGX_CLIENTCERT_LABEL_LEN];
    ngx_uint_t                 verified;
    ngx_clientcert_rule_t     *rules, *rule;
    ngx_clientcert_verdict_t   verdict;

    if (known->reason == NGX_CLIENTCERT_DENIED) {
        return known;
    }

    verified = (chain == NGX_CLIENTCERT_VERIFIED);

    if (ngx_clientcert_rules_first(policy->deny.varying.first, NULL, ask,
                                   verified))
    {
        return ngx_clientcert_policy_refuse(policy, NGX_CLIENTCERT_DENIED,
                                            ask->pool);
    }

    if (known->reason == NGX_CLIENTCERT_WRONG_PURPOSE
        || (policy->trust == NGX_CLIENTCERT_TRUST_CHAIN && !verified))
    {
        return known;
    }

    rules = policy->allow.varying.first;

    rule = ngx_clientcert_rules_first(rules, known->rule, ask, verified);

    if (rule && rule == known->rule) {
        return known;
    }

    if (rule) {
        ngx_memzero(&verdict, sizeof(ngx_clientcert_verdict_t));
        verdict.policy = policy;

        ngx_clientcert_policy_allow(&verdict, rule, ask, buf);

        return ngx_clientcert_policy_copy(&verdict, ask->pool);
    }

    if (ngx_clientcert_rules_first(rules, NULL, ask, 1)) {
        return ngx_clientcert_policy_refuse(policy,
                                            ngx_clientcert_untrusted(chain),
                                            ask->pool);
    }

    return known;
}


/* a label that comes from a store is put into buf */

static void
ngx_clientcert_policy_allow(ngx_clientcert_verdict_t *verdict,
    ngx_clientcert_rule_t *rule, ngx_clientcert_asking_t *ask, u_char *buf)
{
    verdict->reason = NGX_CLIENTCERT_OK;
    verdict->rule = rule;
    verdict->label = rule->label;

    if (rule->label.len == 0) {
        ngx_clientcert_policy_store_label(rule, ask, buf, &verdict->label);
    }
}


static void
ngx_clientcert_policy_store_label(ngx_clientcert_rule_t *rule,
    ngx_clientcert_asking_t *ask, u_char *buf, ngx_str_t *label)
{
    ngx_str_t                 stored;
    ngx_clientcert_store_t   *st;
    ngx_clientcert_sought_t   sought;
    u_char                    data[NGX_CLIENTCERT_ORIGIN_LEN];

    st = ngx_clientcert_rule_store(rule);

    if (st == NULL) {
        return;
    }

    sought.sha1 = ngx_clientcert_certificate_digest(ask->cert,
                                                    NGX_CLIENTCERT_SHA1);
    sought.sha256 = ngx_clientcert_certificate_digest(ask->cert,
                                                      NGX_CLIENTCERT_SHA256);
    sought.spki = NULL;

    stored.data = data;
    stored.len = 0;

    /* it has none if the certificate was removed just now */

    (void) ngx_clientcert_store_find(st, &sought, &stored);

    label->data = buf;
    label->len = ngx_clientcert_store_escape(buf, &stored) - buf;
}


static ngx_clientcert_reason_e
ngx_clientcert_untrusted(ngx_clientcert_chain_e chain)
{
    return (chain == NGX_CLIENTCERT_VERIFIED_ELSEWHERE)
           ? NGX_CLIENTCERT_MISDIRECTED : NGX_CLIENTCERT_UNTRUSTED;
}


/* the first of the rules without variables */

static ngx_clientcert_rule_t *
ngx_clientcert_rules_find(ngx_clientcert_rules_t *rules,
    ngx_clientcert_asking_t *ask, ngx_uint_t verified)
{
    ngx_clientcert_rule_t  *found;

    found = NULL;

    if (rules->buckets) {
        found = ngx_clientcert_rules_first(
                        *ngx_clientcert_rules_bucket(rules,
                            ngx_clientcert_certificate_digest(ask->cert,
                                                     NGX_CLIENTCERT_SHA1)),
                        found, ask, verified);

        found = ngx_clientcert_rules_first(
                      *ngx_clientcert_rules_bucket(rules,
                            ngx_clientcert_certificate_digest(ask->cert,
                                                   NGX_CLIENTCERT_SHA256)),
                      found, ask, verified);
    }

    return ngx_clientcert_rules_first(rules->unpinned.first, found, ask,
                                      verified);
}


/* the first of found and the rules of a list in the order of configuration */

static ngx_clientcert_rule_t *
ngx_clientcert_rules_first(ngx_clientcert_rule_t *rule,
    ngx_clientcert_rule_t *found, ngx_clientcert_asking_t *ask,
    ngx_uint_t verified)
{
    for ( /* void */ ; rule; rule = rule->next) {
        if ((found == NULL || rule->number < found->number)
            && ngx_clientcert_rule_holds(rule, ask, verified))
        {
            found = rule;
        }
    }

    return found;
}


static ngx_uint_t
ngx_clientcert_rule_holds(ngx_clientcert_rule_t *rule,
    ngx_clientcert_asking_t *ask, ngx_uint_t verified)
{
    ngx_clientcert_condition_t  *cond;

    if (rule->needs_chain && !verified) {
        return 0;
    }

    if (rule->sha1
        && ngx_memcmp(rule->sha1, ask->cert->digests[0], NGX_CLIENTCERT_SHA1_LEN) != 0)
    {
        return 0;
    }

    if (rule->sha256
        && ngx_memcmp(rule->sha256, ask->cert->digests[1], NGX_CLIENTCERT_SHA256_LEN)
           != 0)
    {
        return 0;
    }

    for (cond = rule->conditions; cond; cond = cond->next) {
        if (!ngx_clientcert_condition_holds(cond, ask)) {
            return 0;
        }
    }

    return 1;
}


ngx_clientcert_store_t *
ngx_clientcert_rule_store(ngx_clientcert_rule_t *rule)
{
    ngx_clientcert_store_t      *st;
    ngx_clientcert_condition_t  *cond;

    for (cond = rule->conditions; cond; cond = cond->next) {
        st = ngx_clientcert_condition_store(cond);
        if (st) {
            return st;
        }
    }

    return NULL;
}


ngx_int_t
ngx_clientcert_rule_add(ngx_clientcert_rule_t *rule,
    ngx_clientcert_condition_t *cond)
{
    ngx_int_t                     rc;
    ngx_uint_t                    flags;
    ngx_clientcert_condition_t  **place, *other;

    if (ngx_clientcert_rule_has(rule, cond)) {
        return NGX_DECLINED;
    }

    rc = NGX_OK;

    for (other = rule->conditions; other; other = other->next) {
        if (ngx_clientcert_condition_excludes(cond, other)) {
            rc = NGX_ABORT;
        }
    }

    for (place = &rule->conditions; *place; place = &(*place)->next) {
        if (ngx_clientcert_condition_cmp(cond, *place) < 0) {
            break;
        }
    }

    cond->next = *place;
    *place = cond;

    rule->n++;
    rule->hash += ngx_hash_key(cond->id.data, cond->id.len);

    flags = ngx_clientcert_condition_flags(cond);

    if (flags & NGX_CLIENTCERT_KEY_TRUSTED) {
        rule->trusted = 1;
    }

    if (cond->compiled) {
        rule->varies = 1;
    }

    return rc;
}


ngx_int_t
ngx_clientcert_rules_add(ngx_clientcert_rules_t *rules,
    ngx_clientcert_rule_t *rule, ngx_pool_t *pool,
    ngx_clientcert_rule_t **same)
{
    u_char                       *digest;
    ngx_clientcert_rule_t       **bucket;
    ngx_clientcert_rule_list_t   *list;

    if (ngx_clientcert_rules_grow(rules, pool) != NGX_OK) {
        return NGX_ERROR;
    }

    digest = ngx_clientcert_rule_digest(rule);

    list = rule->varies ? &rules->varying : &rules->unpinned;

    bucket = (digest && !rule->varies)
             ? ngx_clientcert_rules_bucket(rules, digest) : NULL;

    *same = ngx_clientcert_rules_same(bucket ? *bucket : list->first, rule);

    if (*same) {
        return NGX_DECLINED;
    }

    rule->number = rules->n++;

    if (bucket) {
        rule->next = *bucket;
        *bucket = rule;

    } else {
        ngx_clientcert_rule_append(list, rule);
    }

    return NGX_OK;
}


static void
ngx_clientcert_rule_append(ngx_clientcert_rule_list_t *list,
    ngx_clientcert_rule_t *rule)
{
    rule->next = NULL;

    if (list->last) {
        *list->last = rule;

    } else {
        list->first = rule;
    }

    list->last = &rule->next;
}


/* rules that hold for the same certificates cover each other */

static ngx_clientcert_rule_t *
ngx_clientcert_rules_same(ngx_clientcert_rule_t *list,
    ngx_clientcert_rule_t *rule)
{
    for ( /* void */ ; list; list = list->next) {
        if (ngx_clientcert_rule_covers(list, rule, 0)
            && ngx_clientcert_rule_covers(rule, list, 0))
        {
            return list;
        }
    }

    return NULL;
}


/* keeps the buckets at least as many as the rules */

static ngx_int_t
ngx_clientcert_rules_grow(ngx_clientcert_rules_t *rules, ngx_pool_t *pool)
{
    ngx_uint_t               i, n;
    ngx_clientcert_rule_t   *rule, *next, **list;
    ngx_clientcert_rules_t   grown;

    n = rules->buckets ? rules->mask + 1 : 0;

    if (rules->n < n) {
        return NGX_OK;
    }

    grown = *rules;
    grown.mask = (n ? n * 2 : NGX_CLIENTCERT_MIN_BUCKETS) - 1;

    grown.buckets = ngx_pcalloc(pool, (grown.mask + 1)
                                      * sizeof(ngx_clientcert_rule_t *));
    if (grown.buckets == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        for (rule = rules->buckets[i]; rule; rule = next) {
            next = rule->next;

            list = ngx_clientcert_rules_bucket(&grown,
                                            ngx_clientcert_rule_digest(rule));
            rule->next = *list;
            *list = rule;
        }
    }

    if (rules->buckets) {
        ngx_pfree(pool, rules->buckets);
    }

    *rules = grown;

    return NGX_OK;
}


/* of a SHA-256 digest the first 20 bytes are enough */

static ngx_clientcert_rule_t **
ngx_clientcert_rules_bucket(ngx_clientcert_rules_t *rules, u_char *digest)
{
    uint32_t  hash;

    hash = ngx_murmur_hash2(digest, NGX_CLIENTCERT_SHA1_LEN);

    return &rules->buckets[hash & rules->mask];
}


u_char *
ngx_clientcert_rule_digest(ngx_clientcert_rule_t *rule)
{
    return rule->sha256 ? rule->sha256 : rule->sha1;
}


ngx_clientcert_rule_t *
ngx_clientcert_rules_next(ngx_clientcert_rules_t *rules,
    ngx_clientcert_rule_t *rule, ngx_uint_t *i)
{
    if (rules->n == 0) {
        return NULL;
    }

    if (rule == NULL) {
        *i = 0;
        rule = rules->buckets[0];

    } else {
        rule = rule->next;
    }

    /* after the buckets the two lists */

    while (rule == NULL && *i <= rules->mask + 1) {
        ++*i;

        rule = (*i <= rules->mask) ? rules->buckets[*i]
               : (*i == rules->mask + 1) ? rules->unpinned.first
               : rules->varying.first;
    }

    return rule;
}


ngx_clientcert_rule_t *
ngx_clientcert_rules_covering(ngx_clientcert_rules_t *rules, ngx_uint_t n,
    ngx_clientcert_rule_t *rule, ngx_uint_t verified)
{
    ngx_clientcert_rule_t  *found;

    if (rules->n == 0) {
        return NULL;
    }

    found = ngx_clientcert_rules_cover(rules->unpinned.first, n, rule,
                                       verified);

    if (found == NULL && rule->varies) {
        found = ngx_clientcert_rules_cover(rules->varying.first, n, rule,
                                           verified);
    }

    if (found == NULL && rule->sha1) {
        found = ngx_clientcert_rules_cover(
                   *ngx_clientcert_rules_bucket(rules, rule->sha1), n, rule,
                   verified);
    }

    if (found == NULL && rule->sha256) {
        found = ngx_clientcert_rules_cover(
                  *ngx_clientcert_rules_bucket(rules, rule->sha256), n, rule,
                  verified);
    }

    return found;
}


static ngx_clientcert_rule_t *
ngx_clientcert_rules_cover(ngx_clientcert_rule_t *list, ngx_uint_t n,
    ngx_clientcert_rule_t *rule, ngx_uint_t verified)
{
    for ( /* void */ ; list; list = list->next) {
        if (list->number < n
            && ngx_clientcert_rule_covers(list, rule, verified))
        {
            return list;
        }
    }

    return NULL;
}


/* whether one holds wherever two does */

static ngx_uint_t
ngx_clientcert_rule_covers(ngx_clientcert_rule_t *one,
    ngx_clientcert_rule_t *two, ngx_uint_t verified)
{
    ngx_clientcert_condition_t  *cond;

    if (one->n > two->n || (one->n == two->n && one->hash != two->hash)) {
        return 0;
    }

    if ((one->needs_chain && !two->needs_chain && !verified)
        || (one->sha1
            && !ngx_clientcert_digests_equal(one->sha1, two->sha1,
                                             NGX_CLIENTCERT_SHA1_LEN))
        || (one->sha256
            && !ngx_clientcert_digests_equal(one->sha256, two->sha256,
                                             NGX_CLIENTCERT_SHA256_LEN)))
    {
        return 0;
    }

    for (cond = one->conditions; cond; cond = cond->next) {
        if (!ngx_clientcert_rule_has(two, cond)) {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_clientcert_rule_has(ngx_clientcert_rule_t *rule,
    ngx_clientcert_condition_t *cond)
{
    ngx_clientcert_condition_t  *other;

    for (other = rule->conditions; other; other = other->next) {
        if (ngx_clientcert_condition_cmp(other, cond) == 0) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_clientcert_digests_equal(u_char *one, u_char *two, size_t len)
{
    if (one == NULL || two == NULL) {
        return one == two;
    }

    return ngx_memcmp(one, two, len) == 0;
}


ngx_uint_t
ngx_clientcert_policy_needs_chain(ngx_clientcert_policy_t *policy)
{
    ngx_uint_t              i;
    ngx_clientcert_rule_t  *rule;

    if (policy->trust == NGX_CLIENTCERT_TRUST_CHAIN) {
        return 1;
    }

    for (rule = ngx_clientcert_rules_next(&policy->allow, NULL, &i);
         rule;
         rule = ngx_clientcert_rules_next(&policy->allow, rule, &i))
    {
        if (!rule->needs_chain) {
            return 0;
        }
    }

    return 1;
}
