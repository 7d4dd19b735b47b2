
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_policy.h"
#include "ngx_clientcert_detail.h"


static ngx_clientcert_known_t *ngx_clientcert_policy_known(
    ngx_clientcert_policy_t *policy, ngx_clientcert_client_t *client);
static ngx_clientcert_verdict_t *ngx_clientcert_policy_keep(
    ngx_clientcert_known_t *known, ngx_clientcert_verdict_t *verdict,
    ngx_pool_t *pool);
static ngx_clientcert_verdict_t *ngx_clientcert_policy_copy(
    ngx_clientcert_verdict_t *verdict, ngx_pool_t *pool);
static void ngx_clientcert_policy_judge(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, ngx_clientcert_asking_t *ask,
    ngx_clientcert_verdict_t *constant, ngx_clientcert_verdict_t *verdict);
static ngx_clientcert_reason_e ngx_clientcert_policy_fitness(
    ngx_clientcert_policy_t *policy, ngx_clientcert_asking_t *ask);
static ngx_clientcert_rule_t *ngx_clientcert_policy_find(
    ngx_clientcert_rules_t *rules, ngx_clientcert_asking_t *ask,
    ngx_clientcert_verdict_t *constant);
static void ngx_clientcert_policy_label(ngx_clientcert_asking_t *ask,
    ngx_clientcert_verdict_t *constant, ngx_clientcert_verdict_t *verdict);


ngx_str_t  ngx_clientcert_reasons[] = {
    ngx_string("ok"),
    ngx_string("no_tls"),
    ngx_string("no_certificate"),
    ngx_string("untrusted"),
    ngx_string("misdirected"),
    ngx_string("not_yet_valid"),
    ngx_string("expired"),
    ngx_string("wrong_purpose"),
    ngx_string("lifetime"),
    ngx_string("weak_key"),
    ngx_string("denied"),
    ngx_string("no_match"),
    ngx_string("early_data"),
    ngx_string("error")
};


ngx_clientcert_verdict_t *
ngx_clientcert_policy_decide(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client)
{
    ngx_uint_t                 generation;
    ngx_clientcert_known_t    *known;
    ngx_clientcert_asking_t    ask;
    ngx_clientcert_verdict_t  *constant, verdict;
    u_char                     detail[NGX_CLIENTCERT_DETAIL_LEN];

    constant = NULL;

    known = (client->conn && !client->early)
            ? ngx_clientcert_policy_known(policy, client) : NULL;

    if (known && ngx_clientcert_policy_holds(known, client->now)) {
        constant = known->verdict;

        if (!policy->varies) {
            return constant;
        }
    }

    ngx_clientcert_policy_ask(policy, client, &ask);

    if (constant == NULL) {

        /* before stores are asked: what changes meanwhile is asked again */

        generation = ngx_clientcert_policy_generation(policy);

        ngx_clientcert_policy_judge(policy, client, &ask, NULL, &verdict);
        ngx_clientcert_detail(&verdict, &ask, detail);

        if (known && !ask.doubt.unknown) {
            constant = ngx_clientcert_policy_keep(known, &verdict,
                                                  client->conn->pool);
            known->verdict = constant;
            known->generation = generation;
            known->from = ask.from;
            known->until = ask.until;

        } else {
            constant = ngx_clientcert_policy_copy(&verdict, client->pool);
        }
    }

    if (!policy->varies || constant == NULL || client->request == NULL) {
        return constant;
    }

    ngx_clientcert_policy_judge(policy, client, &ask, constant, &verdict);
    ngx_clientcert_detail(&verdict, &ask, detail);

    return ngx_clientcert_policy_copy(&verdict, client->pool);
}


/* the last one asked for is the first, others of the connection follow */

static ngx_clientcert_known_t *
ngx_clientcert_policy_known(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client)
{
    ngx_clientcert_known_t  *known, **prev;

    for (prev = (ngx_clientcert_known_t **) &client->conn->verdicts;
         *prev;
         prev = &(*prev)->next)
    {
        known = *prev;

        if (known->policy == policy && known->chain == client->chain) {
            *prev = known->next;
            goto found;
        }
    }

    known = ngx_pcalloc(client->conn->pool, sizeof(ngx_clientcert_known_t));
    if (known == NULL) {
        return NULL;
    }

    known->policy = policy;
    known->chain = client->chain;

found:

    known->trust = client->trust;
    known->next = client->conn->verdicts;
    client->conn->verdicts = known;

    return known;
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
            && ngx_memcmp(v->label.data, verdict->label.data, v->label.len)
               == 0
            && v->detail.len == verdict->detail.len
            && ngx_memcmp(v->detail.data, verdict->detail.data, v->detail.len)
               == 0)
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
    u_char                    *p;
    ngx_clientcert_verdict_t  *v;

    v = ngx_palloc(pool, sizeof(ngx_clientcert_verdict_t)
                         + verdict->label.len + verdict->detail.len);
    if (v == NULL) {
        return NULL;
    }

    *v = *verdict;

    p = (u_char *) (v + 1);

    v->label.data = p;
    p = ngx_cpymem(p, verdict->label.data, verdict->label.len);

    v->detail.data = p;
    ngx_memcpy(p, verdict->detail.data, verdict->detail.len);

    return v;
}


void
ngx_clientcert_policy_ask(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, ngx_clientcert_asking_t *ask)
{
    ask->cert = client->cert;
    ask->verified = (client->chain == NGX_CLIENTCERT_VERIFIED);
    ask->elsewhere = (client->chain == NGX_CLIENTCERT_VERIFIED_ELSEWHERE);
    ask->purpose = policy->purpose;
    ask->now = client->now;
    ask->pool = client->pool;
    ask->request = client->request;
    ask->supposed = client->supposed;

    ask->from = 0;
    ask->until = NGX_MAX_TIME_T_VALUE;
    ask->lacked = NULL;
    ask->found_len = 0;

    ask->doubt.last = ask->text;
    ask->doubt.unknown = 0;
    ask->doubt.memory = 0;
}


/*
 * All reasons there are, in their order.  Without constant the rules that have
 * no variables decide; constant is what they said, the others may change it.
 */

static void
ngx_clientcert_policy_judge(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, ngx_clientcert_asking_t *ask,
    ngx_clientcert_verdict_t *constant, ngx_clientcert_verdict_t *verdict)
{
    ngx_clientcert_certificate_t  *cert;

    ngx_memzero(verdict, sizeof(ngx_clientcert_verdict_t));

    verdict->policy = policy;
    ngx_str_set(&verdict->label, "");
    ngx_str_set(&verdict->detail, "");

    cert = client->cert;

    if (client->no_tls) {
        verdict->reason = NGX_CLIENTCERT_NO_TLS;
        return;
    }

    if (client->failed) {
        verdict->reason = NGX_CLIENTCERT_ERROR;
        return;
    }

    if (client->early) {
        verdict->reason = NGX_CLIENTCERT_EARLY_DATA;
        return;
    }

    if (cert == NULL) {
        verdict->reason = NGX_CLIENTCERT_NO_CERTIFICATE;
        return;
    }

    if (policy->validity) {

        if (client->now < cert->not_before) {
            verdict->reason = NGX_CLIENTCERT_NOT_YET_VALID;
            ask->until = cert->not_before - 1;
            return;
        }

        if (client->now > cert->not_after) {
            verdict->reason = NGX_CLIENTCERT_EXPIRED;
            ask->from = cert->not_after + 1;
            return;
        }

        ask->from = ngx_max(ask->from, cert->not_before);
        ask->until = ngx_min(ask->until, cert->not_after);
    }

    verdict->rule = ngx_clientcert_policy_find(&policy->deny, ask, constant);

    if (verdict->rule) {
        verdict->reason = NGX_CLIENTCERT_DENIED;
        return;
    }

    verdict->reason = ngx_clientcert_policy_fitness(policy, ask);

    if (verdict->reason != NGX_CLIENTCERT_OK) {
        return;
    }

    if (policy->trust == NGX_CLIENTCERT_TRUST_PIN || ask->verified) {

        verdict->rule = ngx_clientcert_policy_find(&policy->allow, ask,
                                                   constant);
        if (verdict->rule) {
            verdict->reason = NGX_CLIENTCERT_OK;
            ngx_clientcert_policy_label(ask, constant, verdict);
            return;
        }

        if (ask->doubt.memory) {
            verdict->reason = NGX_CLIENTCERT_ERROR;
            return;
        }

        verdict->lacked = ask->lacked;

        if (constant && constant->lacked
            && ngx_clientcert_chain_further(constant->lacked, ask->lacked))
        {
            verdict->lacked = constant->lacked;
        }

        /* rules that need a chain aren't run without one */

        if (verdict->lacked == NULL
            && (!policy->allow.chained || ask->verified))
        {
            verdict->reason = NGX_CLIENTCERT_NO_MATCH;
            return;
        }
    }

    verdict->reason = (client->chain == NGX_CLIENTCERT_VERIFIED_ELSEWHERE)
                      ? NGX_CLIENTCERT_MISDIRECTED
                      : NGX_CLIENTCERT_UNTRUSTED;
}


/* what never changes, whenever and wherever the certificate comes from */

static ngx_clientcert_reason_e
ngx_clientcert_policy_fitness(ngx_clientcert_policy_t *policy,
    ngx_clientcert_asking_t *ask)
{
    int64_t                        lifetime;
    ngx_clientcert_certificate_t  *cert;

    cert = ask->cert;

    if (policy->purpose == NGX_CLIENTCERT_PURPOSE_CLIENT
        && !cert->client_purpose)
    {
        return NGX_CLIENTCERT_WRONG_PURPOSE;
    }

    lifetime = (int64_t) cert->not_after - cert->not_before;

    if (policy->max_lifetime && lifetime > policy->max_lifetime) {
        return NGX_CLIENTCERT_LIFETIME;
    }

    if (!policy->sized) {
        return NGX_CLIENTCERT_OK;
    }

    switch (ngx_clientcert_certificate_key(cert, policy->min_key)) {

    case NGX_OK:
        return NGX_CLIENTCERT_OK;

    case NGX_DECLINED:
        return NGX_CLIENTCERT_WEAK_KEY;

    default: /* NGX_ERROR */
        ask->doubt.unknown = 1;
        return NGX_CLIENTCERT_ERROR;
    }
}


static ngx_clientcert_rule_t *
ngx_clientcert_policy_find(ngx_clientcert_rules_t *rules,
    ngx_clientcert_asking_t *ask, ngx_clientcert_verdict_t *constant)
{
    ngx_clientcert_rule_t  *rule;

    rule = NULL;

    if (rules->n == 0) {
        return NULL;
    }

    if (constant == NULL) {
        ngx_clientcert_rules_find(rules, ask, &rule);
        return rule;
    }

    if (constant->rule && constant->rule->deny == rules->first->deny) {
        rule = constant->rule;

        if (rule->deny) {
            return rule;
        }
    }

    ngx_clientcert_rules_find_varying(rules, ask, &rule);

    return rule;
}


static void
ngx_clientcert_policy_label(ngx_clientcert_asking_t *ask,
    ngx_clientcert_verdict_t *constant, ngx_clientcert_verdict_t *verdict)
{
    if (constant && constant->rule == verdict->rule) {
        verdict->label = constant->label;
        return;
    }

    if (verdict->rule->label.len) {
        verdict->label = verdict->rule->label;

    } else {
        verdict->label.data = ask->found;
        verdict->label.len = ask->found_len;
    }
}


ngx_uint_t
ngx_clientcert_policy_needs_chain(ngx_clientcert_policy_t *policy)
{
    ngx_clientcert_rule_t  *rule;

    if (policy->trust == NGX_CLIENTCERT_TRUST_CHAIN) {
        return 1;
    }

    for (rule = policy->allow.first; rule; rule = rule->next) {
        if (!rule->needs_chain) {
            return 0;
        }
    }

    return 1;
}


ngx_uint_t
ngx_clientcert_policy_trusts_chain(ngx_clientcert_policy_t *policy)
{
    ngx_clientcert_rule_t  *rule;

    for (rule = policy->allow.first; rule; rule = rule->next) {
        if (!rule->trusted) {
            return 1;
        }
    }

    return 0;
}
