
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_answer.h"
#include "ngx_clientcert_decisions.h"


/* seconds between two notes of what a connection uses */
#define NGX_CLIENTCERT_DECISIONS_PAUSE  60


static ngx_int_t ngx_clientcert_decisions_policy(ngx_conf_t *cf,
    ngx_clientcert_policy_t *policy, ngx_clientcert_counts_t *counts);
static ngx_int_t ngx_clientcert_decisions_rules(
    ngx_clientcert_policy_t *policy, ngx_clientcert_rule_t *rule,
    uint64_t key, ngx_clientcert_counts_t *counts);
static ngx_int_t ngx_clientcert_decisions_uses(
    ngx_clientcert_policy_t *policy, ngx_clientcert_rule_t *rule);
static void ngx_clientcert_decisions_note(ngx_clientcert_rule_t *rule,
    ngx_clientcert_connection_t *conn, time_t now);


ngx_int_t
ngx_clientcert_decisions_init(ngx_conf_t *cf, ngx_array_t *policies,
    ngx_clientcert_counts_t *counts)
{
    ngx_uint_t                 i;
    ngx_clientcert_policy_t  **policy;

    policy = policies->elts;

    for (i = 0; i < policies->nelts; i++) {
        if (ngx_clientcert_decisions_policy(cf, policy[i], counts) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_decisions_policy(ngx_conf_t *cf,
    ngx_clientcert_policy_t *policy, ngx_clientcert_counts_t *counts)
{
    ngx_clientcert_counts_row_t  *row, **place;

    static ngx_str_t  kind = ngx_string("policy");
    static ngx_str_t  dry_run = ngx_string("dry_run");

    place = ngx_array_push(&counts->rows);
    row = ngx_pcalloc(cf->pool, sizeof(ngx_clientcert_counts_row_t));

    policy->rules = ngx_palloc(cf->pool, (policy->deny.n + policy->allow.n)
                                         * sizeof(ngx_clientcert_rule_t *));

    if (place == NULL || row == NULL || policy->rules == NULL
        || ngx_array_init(&policy->uses, cf->pool, 1,
                          sizeof(ngx_clientcert_use_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    *place = row;
    policy->counts = row;

    row->values = NGX_CLIENTCERT_DECISIONS_VALUES;
    row->key = ngx_clientcert_counts_key(0, &kind);
    row->key = ngx_clientcert_counts_key(row->key, &policy->name);

    if (policy->dry_run) {
        row->key = ngx_clientcert_counts_key(row->key, &dry_run);
    }

    if (ngx_clientcert_decisions_rules(policy, policy->deny.first, row->key,
                                       counts)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_clientcert_decisions_rules(policy, policy->allow.first,
                                          row->key, counts);
}


static ngx_int_t
ngx_clientcert_decisions_rules(ngx_clientcert_policy_t *policy,
    ngx_clientcert_rule_t *rule, uint64_t key,
    ngx_clientcert_counts_t *counts)
{
    ngx_uint_t                i;
    ngx_clientcert_count_t  **count;

    for ( /* void */ ; rule; rule = rule->next) {

        count = ngx_array_push(&counts->counts);
        if (count == NULL) {
            return NGX_ERROR;
        }

        *count = &rule->count;
        policy->rules[policy->nrules++] = rule;

        rule->id = key;

        for (i = 0; i < rule->nargs; i++) {
            rule->id = ngx_clientcert_counts_key(rule->id, &rule->args[i]);
        }

        rule->count.key = rule->id;

        if (ngx_clientcert_decisions_uses(policy, rule) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* the stores that a rule asks, of those of the policy each once */

static ngx_int_t
ngx_clientcert_decisions_uses(ngx_clientcert_policy_t *policy,
    ngx_clientcert_rule_t *rule)
{
    ngx_uint_t                   i;
    ngx_clientcert_use_t        *use;
    ngx_clientcert_store_t      *st;
    ngx_clientcert_condition_t  *cond;

    cond = NULL;

    while ((cond = ngx_clientcert_rules_with(rule, cond,
                                             NGX_CLIENTCERT_KEY_STORE))
           != NULL)
    {
        rule->stores = 1;

        st = ngx_clientcert_condition_store(cond);
        use = policy->uses.elts;

        for (i = 0; i < policy->uses.nelts; i++) {
            if (use[i].store == st && use[i].deny == rule->deny) {
                break;
            }
        }

        if (i < policy->uses.nelts) {
            continue;
        }

        use = ngx_array_push(&policy->uses);
        if (use == NULL) {
            return NGX_ERROR;
        }

        use->store = st;
        use->deny = rule->deny;
    }

    return NGX_OK;
}


void
ngx_clientcert_decisions_count(ngx_clientcert_verdict_t *verdict,
    ngx_clientcert_connection_t *conn)
{
    time_t                        now;
    ngx_clientcert_rule_t        *rule;
    ngx_clientcert_counts_row_t  *row;

    now = ngx_time();
    row = verdict->policy->counts;

    ngx_clientcert_counts_row_add(row, verdict->reason);

    if (verdict->reason != NGX_CLIENTCERT_OK) {
        ngx_clientcert_counts_row_set(row, NGX_CLIENTCERT_DECISIONS_REFUSED,
                                      now);

    } else if (conn->cert->not_after < now + NGX_CLIENTCERT_DECISIONS_SOON) {
        ngx_clientcert_counts_row_add(row, NGX_CLIENTCERT_DECISIONS_EXPIRING);
    }

    rule = verdict->rule;

    if (rule == NULL) {
        return;
    }

    ngx_clientcert_counts_add(&rule->count, NGX_CLIENTCERT_DECISIONS_MADE);
    ngx_clientcert_counts_set(&rule->count, NGX_CLIENTCERT_DECISIONS_LAST,
                              now);

    if (rule->stores) {
        ngx_clientcert_decisions_note(rule, conn, now);
    }
}


/* what is remembered of a connection is in use all the time it is open */

static void
ngx_clientcert_decisions_note(ngx_clientcert_rule_t *rule,
    ngx_clientcert_connection_t *conn, time_t now)
{
    ngx_clientcert_condition_t  *cond;

    /* also if the clock is set back */

    if (conn->noted_by == rule
        && (ngx_uint_t) (now - conn->noted) < NGX_CLIENTCERT_DECISIONS_PAUSE)
    {
        return;
    }

    conn->noted_by = rule;
    conn->noted = now;

    cond = NULL;

    while ((cond = ngx_clientcert_rules_with(rule, cond,
                                             NGX_CLIENTCERT_KEY_STORE))
           != NULL)
    {
        ngx_clientcert_answer_note(cond, conn->cert, now);
    }
}
