
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_decisions.h"


static ngx_int_t ngx_clientcert_decisions_rules(ngx_clientcert_rules_t *rules,
    uint64_t key, ngx_clientcert_counts_t *counts);


ngx_int_t
ngx_clientcert_decisions_init(ngx_conf_t *cf, ngx_array_t *policies,
    ngx_clientcert_counts_t *counts)
{
    uint64_t                       key;
    ngx_uint_t                     i;
    ngx_clientcert_policy_t      **policy;
    ngx_clientcert_counts_row_t  **row;

    static ngx_str_t  kind = ngx_string("policy");
    static ngx_str_t  dry_run = ngx_string("dry_run");

    policy = policies->elts;

    for (i = 0; i < policies->nelts; i++) {

        row = ngx_array_push(&counts->rows);
        if (row == NULL) {
            return NGX_ERROR;
        }

        *row = ngx_pcalloc(cf->pool, sizeof(ngx_clientcert_counts_row_t));
        if (*row == NULL) {
            return NGX_ERROR;
        }

        key = ngx_clientcert_counts_key(0, &kind);
        key = ngx_clientcert_counts_key(key, &policy[i]->name);

        if (policy[i]->dry_run) {
            key = ngx_clientcert_counts_key(key, &dry_run);
        }

        (*row)->key = key;
        (*row)->values = NGX_CLIENTCERT_DECISIONS_VALUES;

        policy[i]->counts = *row;

        if (ngx_clientcert_decisions_rules(&policy[i]->deny, key, counts)
            != NGX_OK
            || ngx_clientcert_decisions_rules(&policy[i]->allow, key, counts)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_decisions_rules(ngx_clientcert_rules_t *rules, uint64_t key,
    ngx_clientcert_counts_t *counts)
{
    ngx_uint_t                i;
    ngx_clientcert_rule_t    *rule;
    ngx_clientcert_count_t  **count;

    for (rule = rules->first; rule; rule = rule->next) {

        count = ngx_array_push(&counts->counts);
        if (count == NULL) {
            return NGX_ERROR;
        }

        *count = &rule->count;

        rule->id = key;

        for (i = 0; i < rule->nargs; i++) {
            rule->id = ngx_clientcert_counts_key(rule->id, &rule->args[i]);
        }

        rule->count.key = rule->id;
    }

    return NGX_OK;
}


void
ngx_clientcert_decisions_count(ngx_clientcert_verdict_t *verdict,
    ngx_clientcert_connection_t *conn)
{
    time_t                        now;
    ngx_clientcert_counts_row_t  *row;

    now = ngx_time();
    row = verdict->policy->counts;

    ngx_clientcert_counts_row_add(row, verdict->reason);

    if (verdict->rule) {
        ngx_clientcert_counts_add(&verdict->rule->count,
                                  NGX_CLIENTCERT_DECISIONS_MADE);
        ngx_clientcert_counts_set(&verdict->rule->count,
                                  NGX_CLIENTCERT_DECISIONS_LAST, now);
    }

    if (verdict->reason != NGX_CLIENTCERT_OK) {
        ngx_clientcert_counts_row_set(row, NGX_CLIENTCERT_DECISIONS_REFUSED,
                                      now);

    } else if (conn->cert->not_after < now + NGX_CLIENTCERT_DECISIONS_SOON) {
        ngx_clientcert_counts_row_add(row, NGX_CLIENTCERT_DECISIONS_EXPIRING);
    }
}
