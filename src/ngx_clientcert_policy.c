
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_policy.h"


#define NGX_CLIENTCERT_MIN_BUCKETS  16


static ngx_clientcert_verdict_t *ngx_clientcert_policy_remembered(
    ngx_clientcert_policy_t *policy, ngx_clientcert_facts_t *facts,
    ngx_clientcert_chain_e chain);
static void ngx_clientcert_policy_judge(ngx_clientcert_policy_t *policy,
    ngx_clientcert_facts_t *facts, ngx_clientcert_chain_e chain,
    ngx_clientcert_verdict_t *verdict);
static ngx_clientcert_rule_t *ngx_clientcert_rules_find(
    ngx_clientcert_rules_t *rules, ngx_clientcert_facts_t *facts,
    ngx_uint_t verified);
static ngx_clientcert_rule_t *ngx_clientcert_rules_first(
    ngx_clientcert_rule_t *rule, ngx_clientcert_rule_t *found,
    ngx_clientcert_facts_t *facts, ngx_uint_t verified);
static ngx_uint_t ngx_clientcert_rule_holds(ngx_clientcert_rule_t *rule,
    ngx_clientcert_facts_t *facts, ngx_uint_t verified);
static ngx_int_t ngx_clientcert_rules_grow(ngx_clientcert_rules_t *rules,
    ngx_pool_t *pool);
static ngx_clientcert_rule_t **ngx_clientcert_rules_bucket(
    ngx_clientcert_rules_t *rules, u_char *digest);
static ngx_uint_t ngx_clientcert_rules_equal(ngx_clientcert_rule_t *one,
    ngx_clientcert_rule_t *two);
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
    ngx_string("error")
};


ngx_clientcert_verdict_t *
ngx_clientcert_policy_decide(ngx_clientcert_policy_t *policy,
    ngx_clientcert_facts_t *facts, ngx_clientcert_chain_e chain, time_t now,
    ngx_pool_t *pool)
{
    ngx_clientcert_verdict_t  *verdict;

    if (!facts->certificate) {
        return ngx_clientcert_policy_refuse(policy,
                                            NGX_CLIENTCERT_NO_CERTIFICATE,
                                            pool);
    }

    if (policy->validity && now < facts->not_before) {
        return ngx_clientcert_policy_refuse(policy,
                                            NGX_CLIENTCERT_NOT_YET_VALID,
                                            pool);
    }

    if (policy->validity && now > facts->not_after) {
        return ngx_clientcert_policy_refuse(policy, NGX_CLIENTCERT_EXPIRED,
                                            pool);
    }

    /* what is left depends on constants alone */

    verdict = ngx_clientcert_policy_remembered(policy, facts, chain);

    if (verdict && verdict->policy == NULL) {
        ngx_clientcert_policy_judge(policy, facts, chain, verdict);
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


/*
 * Returns the place of a verdict, which has no policy before it is judged.
 * Requests keep a pointer to it, so it is judged once and for all.
 */

static ngx_clientcert_verdict_t *
ngx_clientcert_policy_remembered(ngx_clientcert_policy_t *policy,
    ngx_clientcert_facts_t *facts, ngx_clientcert_chain_e chain)
{
    ngx_clientcert_verdict_t  *verdicts;

    verdicts = facts->verdicts;

    if (verdicts == NULL) {
        verdicts = ngx_pcalloc(facts->pool, policy->siblings->nelts
                                          * NGX_CLIENTCERT_CHAINS
                                          * sizeof(ngx_clientcert_verdict_t));
        if (verdicts == NULL) {
            return NULL;
        }

        facts->verdicts = verdicts;
    }

    return &verdicts[policy->index * NGX_CLIENTCERT_CHAINS + chain];
}


static void
ngx_clientcert_policy_judge(ngx_clientcert_policy_t *policy,
    ngx_clientcert_facts_t *facts, ngx_clientcert_chain_e chain,
    ngx_clientcert_verdict_t *verdict)
{
    ngx_uint_t                verified;
    ngx_clientcert_rule_t    *rule;
    ngx_clientcert_reason_e   untrusted;

    verdict->policy = policy;

    verified = (chain == NGX_CLIENTCERT_VERIFIED);

    untrusted = (chain == NGX_CLIENTCERT_VERIFIED_ELSEWHERE)
                ? NGX_CLIENTCERT_MISDIRECTED : NGX_CLIENTCERT_UNTRUSTED;

    if (ngx_clientcert_rules_find(&policy->deny, facts, verified)) {
        verdict->reason = NGX_CLIENTCERT_DENIED;
        return;
    }

    if (!facts->client_purpose) {
        verdict->reason = NGX_CLIENTCERT_WRONG_PURPOSE;
        return;
    }

    if (policy->trust == NGX_CLIENTCERT_TRUST_CHAIN && !verified) {
        verdict->reason = untrusted;
        return;
    }

    rule = ngx_clientcert_rules_find(&policy->allow, facts, verified);

    if (rule) {
        verdict->reason = NGX_CLIENTCERT_OK;
        verdict->label = rule->label;
        return;
    }

    verdict->reason = ngx_clientcert_rules_find(&policy->allow, facts, 1)
                      ? untrusted : NGX_CLIENTCERT_NO_MATCH;
}


static ngx_clientcert_rule_t *
ngx_clientcert_rules_find(ngx_clientcert_rules_t *rules,
    ngx_clientcert_facts_t *facts, ngx_uint_t verified)
{
    ngx_clientcert_rule_t  *found;

    found = ngx_clientcert_rules_first(rules->unpinned, NULL, facts,
                                       verified);

    if (rules->buckets == NULL) {
        return found;
    }

    found = ngx_clientcert_rules_first(
                             *ngx_clientcert_rules_bucket(rules, facts->sha1),
                             found, facts, verified);

    return ngx_clientcert_rules_first(
                           *ngx_clientcert_rules_bucket(rules, facts->sha256),
                           found, facts, verified);
}


/* the first of found and the rules of a list in the order of configuration */

static ngx_clientcert_rule_t *
ngx_clientcert_rules_first(ngx_clientcert_rule_t *rule,
    ngx_clientcert_rule_t *found, ngx_clientcert_facts_t *facts,
    ngx_uint_t verified)
{
    for ( /* void */ ; rule; rule = rule->next) {
        if ((found == NULL || rule->number < found->number)
            && ngx_clientcert_rule_holds(rule, facts, verified))
        {
            found = rule;
        }
    }

    return found;
}


static ngx_uint_t
ngx_clientcert_rule_holds(ngx_clientcert_rule_t *rule,
    ngx_clientcert_facts_t *facts, ngx_uint_t verified)
{
    if (rule->sha1
        && ngx_memcmp(rule->sha1, facts->sha1, NGX_CLIENTCERT_SHA1_LEN) != 0)
    {
        return 0;
    }

    if (rule->sha256
        && ngx_memcmp(rule->sha256, facts->sha256, NGX_CLIENTCERT_SHA256_LEN)
           != 0)
    {
        return 0;
    }

    return verified || !rule->needs_chain;
}


ngx_int_t
ngx_clientcert_rules_add(ngx_clientcert_rules_t *rules,
    ngx_clientcert_rule_t *rule, ngx_pool_t *pool,
    ngx_clientcert_rule_t **same)
{
    u_char                  *digest;
    ngx_clientcert_rule_t  **list, *old;

    if (ngx_clientcert_rules_grow(rules, pool) != NGX_OK) {
        return NGX_ERROR;
    }

    digest = ngx_clientcert_rule_digest(rule);

    list = digest ? ngx_clientcert_rules_bucket(rules, digest)
                  : &rules->unpinned;

    for (old = *list; old; old = old->next) {
        if (ngx_clientcert_rules_equal(old, rule)) {
            *same = old;
            return NGX_DECLINED;
        }
    }

    rule->number = rules->n++;
    rule->next = *list;
    *list = rule;

    return NGX_OK;
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


static ngx_uint_t
ngx_clientcert_rules_equal(ngx_clientcert_rule_t *one,
    ngx_clientcert_rule_t *two)
{
    return one->needs_chain == two->needs_chain
           && ngx_clientcert_digests_equal(one->sha1, two->sha1,
                                           NGX_CLIENTCERT_SHA1_LEN)
           && ngx_clientcert_digests_equal(one->sha256, two->sha256,
                                           NGX_CLIENTCERT_SHA256_LEN);
}


static ngx_uint_t
ngx_clientcert_digests_equal(u_char *one, u_char *two, size_t len)
{
    if (one == NULL || two == NULL) {
        return one == two;
    }

    return ngx_memcmp(one, two, len) == 0;
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

    while (rule == NULL && *i <= rules->mask) {
        rule = (++*i <= rules->mask) ? rules->buckets[*i] : rules->unpinned;
    }

    return rule;
}


ngx_clientcert_rule_t *
ngx_clientcert_rules_covering(ngx_clientcert_rules_t *rules,
    ngx_clientcert_rule_t *rule, ngx_uint_t verified)
{
    ngx_clientcert_facts_t  facts;

    /* a certificate of which no more is known than what the rule asks for */

    ngx_memzero(&facts, sizeof(ngx_clientcert_facts_t));

    if (rule->sha1) {
        ngx_memcpy(facts.sha1, rule->sha1, NGX_CLIENTCERT_SHA1_LEN);
    }

    if (rule->sha256) {
        ngx_memcpy(facts.sha256, rule->sha256, NGX_CLIENTCERT_SHA256_LEN);
    }

    return ngx_clientcert_rules_find(rules, &facts,
                                     verified || rule->needs_chain);
}
