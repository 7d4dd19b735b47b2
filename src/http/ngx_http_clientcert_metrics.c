
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "../cert/ngx_clientcert_ca.h"
#include "../policy/ngx_clientcert_decisions.h"
#include "ngx_http_clientcert_metrics.h"
#include "ngx_http_clientcert_server.h"


/*
 * Prometheus' text format, version 0.0.4: a family is one block, all names and
 * labels are of the configuration, and no client can add a series.
 */


typedef struct {
    ngx_clientcert_policy_t           *policy;
    ngx_clientcert_rule_t             *rule;
    uint64_t                           last;        /* decision */
} ngx_http_clientcert_metrics_rule_t;


static void ngx_http_clientcert_metrics_build(
    ngx_http_clientcert_metrics_t *m);
static void ngx_http_clientcert_metrics_decisions(
    ngx_http_clientcert_metrics_t *m, ngx_flag_t dry_run);
static void ngx_http_clientcert_metrics_others(
    ngx_http_clientcert_metrics_t *m);
static void ngx_http_clientcert_metrics_servers(
    ngx_http_clientcert_metrics_t *m, ngx_array_t *servers);
static void ngx_http_clientcert_metrics_policies(
    ngx_http_clientcert_metrics_t *m);
static void ngx_http_clientcert_metrics_unused(
    ngx_http_clientcert_metrics_t *m);
static ngx_int_t ngx_http_clientcert_metrics_unused_of(
    ngx_http_clientcert_metrics_t *m, ngx_clientcert_rules_t *rules);
static void ngx_http_clientcert_metrics_rules(
    ngx_http_clientcert_metrics_t *m);
static ngx_int_t ngx_http_clientcert_metrics_collect(
    ngx_http_clientcert_metrics_t *m, ngx_array_t *rules);
static int ngx_libc_cdecl ngx_http_clientcert_metrics_latest(const void *one,
    const void *two);
static void ngx_http_clientcert_metrics_rule(ngx_http_clientcert_metrics_t *m,
    const char *name, ngx_http_clientcert_metrics_rule_t *rule);
static void ngx_http_clientcert_metrics_cas(ngx_http_clientcert_metrics_t *m,
    ngx_array_t *cas);
static void ngx_http_clientcert_metrics_recent(
    ngx_http_clientcert_metrics_t *m);


void
ngx_http_clientcert_metrics(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query)
{
    ngx_http_clientcert_metrics_t  m;

    ngx_memzero(&m, sizeof(ngx_http_clientcert_metrics_t));

    m.out = out;
    m.stats = query->mcf->stats;
    m.policy = query->policies;
    m.n = query->npolicies;
    m.store = query->stores;
    m.nstores = query->nstores;
    m.work = query->work;
    m.max = query->status->max;

    ngx_http_clientcert_metrics_build(&m);
    ngx_http_clientcert_metrics_decisions(&m, 0);
    ngx_http_clientcert_metrics_decisions(&m, 1);
    ngx_http_clientcert_metrics_others(&m);
    ngx_http_clientcert_metrics_servers(&m, &query->mcf->servers.all);
    ngx_http_clientcert_metrics_policies(&m);
    ngx_http_clientcert_metrics_unused(&m);
    if (query->status->rules) {
        ngx_http_clientcert_metrics_rules(&m);
    }

    ngx_http_clientcert_metrics_cas(&m, &query->mcf->cas.all);
    ngx_http_clientcert_metrics_stores(&m, query->status->certificates);

    if (m.stats->recent.sh) {
        ngx_http_clientcert_metrics_recent(&m);
    }

    ngx_http_clientcert_metrics_family(&m, "omitted_series", "gauge",
        "Series left out of this answer by its limits.");
    ngx_http_clientcert_output_print(out,
        "nginx_clientcert_omitted_series %ui\n", m.omitted);
}


static void
ngx_http_clientcert_metrics_build(ngx_http_clientcert_metrics_t *m)
{
    ngx_clientcert_stats_t  *stats;

    stats = m->stats;

    ngx_http_clientcert_metrics_family(m, "build_info", "gauge",
        "Version of the module and of what it was built with; always 1.");
    ngx_http_clientcert_output_print(m->out,
        "nginx_clientcert_build_info{version=\"%s\",nginx=\"%s\","
        "openssl=\"%s\"} 1\n",
        NGX_CLIENTCERT_VERSION, NGINX_VERSION, OPENSSL_VERSION_TEXT);

    ngx_http_clientcert_metrics_family(m, "start_timestamp_seconds", "gauge",
        "When the counters began.");
    ngx_http_clientcert_output_print(m->out,
        "nginx_clientcert_start_timestamp_seconds %T\n", stats->sh->start);

    ngx_http_clientcert_metrics_family(m, "config_timestamp_seconds", "gauge",
        "When the configuration in force was loaded.");
    ngx_http_clientcert_output_print(m->out,
        "nginx_clientcert_config_timestamp_seconds %T\n", stats->loaded);
}


/* all reasons from 0 on: a counter that appears with 1 has not increased */

static void
ngx_http_clientcert_metrics_decisions(ngx_http_clientcert_metrics_t *m,
    ngx_flag_t dry_run)
{
    ngx_uint_t                i, reason;
    const char               *name;
    ngx_clientcert_policy_t  *policy;

    name = dry_run ? "dry_run_decisions_total" : "decisions_total";

    ngx_http_clientcert_metrics_family(m, name, "counter",
        dry_run ? "Decisions of policies in dry run, by reason; nothing was "
                  "refused."
                : "Decisions of policies that are enforced, by reason.");

    for (i = 0; i < m->n; i++) {
        policy = m->policy[i];

        if (policy->dry_run != dry_run || policy->counts->other) {
            continue;
        }

        for (reason = 0; reason < NGX_CLIENTCERT_REASONS; reason++) {
            ngx_http_clientcert_metrics_name(m, name, "policy", &policy->name);
            ngx_http_clientcert_output_print(m->out, ",reason=\"%V\"} %uL\n",
                &ngx_clientcert_reasons[reason],
                ngx_clientcert_counts_sum(policy->counts, reason));
        }
    }

    if (dry_run) {
        return;
    }

    name = "expiring_decisions_total";

    ngx_http_clientcert_metrics_family(m, name, "counter",
        "Requests allowed with a certificate that expires within 30 days.");

    for (i = 0; i < m->n; i++) {
        policy = m->policy[i];

        if (!policy->counts->other) {
            ngx_http_clientcert_metrics_name(m, name, "policy", &policy->name);
            ngx_http_clientcert_output_print(m->out, "} %uL\n",
                ngx_clientcert_counts_sum(policy->counts,
                                          NGX_CLIENTCERT_DECISIONS_EXPIRING));
        }
    }
}


/* series that a zone of the right size hasn't */

static void
ngx_http_clientcert_metrics_others(ngx_http_clientcert_metrics_t *m)
{
    ngx_uint_t                reason;
    ngx_clientcert_counts_t  *counts;

    counts = &m->stats->counts;

    if (counts->left_out == 0) {
        return;
    }

    ngx_http_clientcert_metrics_family(m, "other_decisions_total", "counter",
        "Decisions of policies that have no room in the status zone.");

    for (reason = 0; reason < NGX_CLIENTCERT_REASONS; reason++) {
        ngx_http_clientcert_output_print(m->out,
            "nginx_clientcert_other_decisions_total{reason=\"%V\"} %uL\n",
            &ngx_clientcert_reasons[reason],
            ngx_clientcert_counts_others(counts, reason));
    }

    ngx_http_clientcert_metrics_family(m, "other_rule_decisions_total",
        "counter", "Decisions of rules that have no room in the status zone.");
    ngx_http_clientcert_output_print(m->out,
        "nginx_clientcert_other_rule_decisions_total %uL\n",
        (uint64_t) counts->sh->rule.values[NGX_CLIENTCERT_DECISIONS_MADE]);
}


static void
ngx_http_clientcert_metrics_servers(ngx_http_clientcert_metrics_t *m,
    ngx_array_t *servers)
{
    ngx_uint_t                       i;
    const char                      *name;
    ngx_http_clientcert_server_t   **server;

    name = "handshake_refusals_total";
    server = servers->elts;

    ngx_http_clientcert_metrics_family(m, name, "counter",
        "Requests that nginx refused itself because of the certificate.");

    for (i = 0; i < servers->nelts; i++) {
        ngx_http_clientcert_metrics_name(m, name, "server", &server[i]->name);
        ngx_http_clientcert_output_print(m->out, ",status=\"495\"} %uL\n",
            ngx_http_clientcert_server_refusals(server[i],
                                            NGX_HTTP_CLIENTCERT_REFUSED_495));

        ngx_http_clientcert_metrics_name(m, name, "server", &server[i]->name);
        ngx_http_clientcert_output_print(m->out, ",status=\"496\"} %uL\n",
            ngx_http_clientcert_server_refusals(server[i],
                                            NGX_HTTP_CLIENTCERT_REFUSED_496));
    }
}


static void
ngx_http_clientcert_metrics_policies(ngx_http_clientcert_metrics_t *m)
{
    ngx_uint_t                i;
    ngx_clientcert_policy_t  *policy;

    ngx_http_clientcert_metrics_family(m, "policy_info", "gauge",
        "Settings of a policy; always 1.");

    for (i = 0; i < m->n; i++) {
        policy = m->policy[i];

        ngx_http_clientcert_metrics_name(m, "policy_info", "policy",
                                         &policy->name);
        ngx_http_clientcert_output_print(m->out,
            ",dry_run=\"%s\",trust=\"%s\"} 1\n",
            policy->dry_run ? "on" : "off",
            (policy->trust == NGX_CLIENTCERT_TRUST_CHAIN) ? "chain" : "pin");
    }

    ngx_http_clientcert_metrics_family(m, "policy_rules", "gauge",
        "Rules of a policy.");

    for (i = 0; i < m->n; i++) {
        policy = m->policy[i];

        ngx_http_clientcert_metrics_name(m, "policy_rules", "policy",
                                         &policy->name);
        ngx_http_clientcert_output_print(m->out, ",action=\"allow\"} %ui\n",
                                         policy->allow.n);

        ngx_http_clientcert_metrics_name(m, "policy_rules", "policy",
                                         &policy->name);
        ngx_http_clientcert_output_print(m->out, ",action=\"deny\"} %ui\n",
                                         policy->deny.n);
    }
}


static void
ngx_http_clientcert_metrics_unused(ngx_http_clientcert_metrics_t *m)
{
    ngx_int_t                 allow, deny;
    ngx_uint_t                i;
    const char               *name;
    ngx_clientcert_policy_t  *policy;

    name = "policy_unused_rules";

    ngx_http_clientcert_metrics_family(m, name, "gauge",
        "Rules that have decided nothing since the counters began.");

    for (i = 0; i < m->n; i++) {
        policy = m->policy[i];

        allow = ngx_http_clientcert_metrics_unused_of(m, &policy->allow);
        deny = ngx_http_clientcert_metrics_unused_of(m, &policy->deny);

        if (allow != NGX_DECLINED) {
            ngx_http_clientcert_metrics_name(m, name, "policy", &policy->name);
            ngx_http_clientcert_output_print(m->out,
                                             ",action=\"allow\"} %i\n", allow);
        }

        if (deny != NGX_DECLINED) {
            ngx_http_clientcert_metrics_name(m, name, "policy", &policy->name);
            ngx_http_clientcert_output_print(m->out,
                                             ",action=\"deny\"} %i\n", deny);
        }
    }
}


static ngx_int_t
ngx_http_clientcert_metrics_unused_of(ngx_http_clientcert_metrics_t *m,
    ngx_clientcert_rules_t *rules)
{
    ngx_int_t               n;
    ngx_clientcert_rule_t  *rule;

    if (rules->n > m->work) {
        m->omitted++;
        return NGX_DECLINED;
    }

    m->work -= rules->n;
    n = 0;

    for (rule = rules->first; rule; rule = rule->next) {
        n += ngx_clientcert_decisions_unused(rule);
    }

    return n;
}


/* those that made a decision last, where there are too many */

static void
ngx_http_clientcert_metrics_rules(ngx_http_clientcert_metrics_t *m)
{
    ngx_uint_t                           i, n;
    ngx_array_t                          rules;
    const char                          *name;
    ngx_http_clientcert_metrics_rule_t  *rule;

    m->work = NGX_HTTP_CLIENTCERT_STATUS_WORK;

    if (ngx_array_init(&rules, m->out->pool, 64,
                       sizeof(ngx_http_clientcert_metrics_rule_t))
        != NGX_OK
        || ngx_http_clientcert_metrics_collect(m, &rules) != NGX_OK)
    {
        m->out->failed = 1;
        return;
    }

    rule = rules.elts;
    n = ngx_min(rules.nelts, m->max);

    if (rules.nelts > n) {
        ngx_qsort(rule, rules.nelts,
                  sizeof(ngx_http_clientcert_metrics_rule_t),
                  ngx_http_clientcert_metrics_latest);

        m->omitted += rules.nelts - n;
    }

    name = "rule_decisions_total";

    ngx_http_clientcert_metrics_family(m, name, "counter",
        "Decisions that a rule made.");

    for (i = 0; i < n; i++) {
        ngx_http_clientcert_metrics_rule(m, name, &rule[i]);
        ngx_http_clientcert_output_print(m->out, " %uL\n",
            ngx_clientcert_counts_value(&rule[i].rule->count,
                                        NGX_CLIENTCERT_DECISIONS_MADE));
    }

    name = "rule_last_decision_timestamp_seconds";

    ngx_http_clientcert_metrics_family(m, name, "gauge",
        "When a rule last made a decision; absent if it never did.");

    for (i = 0; i < n; i++) {
        if (rule[i].last) {
            ngx_http_clientcert_metrics_rule(m, name, &rule[i]);
            ngx_http_clientcert_output_print(m->out, " %uL\n", rule[i].last);
        }
    }
}


static ngx_int_t
ngx_http_clientcert_metrics_collect(ngx_http_clientcert_metrics_t *m,
    ngx_array_t *rules)
{
    ngx_uint_t                           i, k;
    ngx_clientcert_rule_t               *rule;
    ngx_http_clientcert_metrics_rule_t  *r;

    for (i = 0; i < m->n; i++) {
        for (k = 0; k < m->policy[i]->nrules; k++) {

            if (m->work == 0) {
                m->omitted += m->policy[i]->nrules - k;
                break;
            }

            m->work--;

            rule = m->policy[i]->rules[k];

            if (ngx_clientcert_counts_shared(&rule->count)) {
                m->omitted++;
                continue;
            }

            r = ngx_array_push(rules);
            if (r == NULL) {
                return NGX_ERROR;
            }

            r->policy = m->policy[i];
            r->rule = rule;
            r->last = ngx_clientcert_counts_value(&rule->count,
                                               NGX_CLIENTCERT_DECISIONS_LAST);
        }
    }

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_clientcert_metrics_latest(const void *one, const void *two)
{
    const ngx_http_clientcert_metrics_rule_t *first = one;
    const ngx_http_clientcert_metrics_rule_t *second = two;

    return (first->last < second->last) - (first->last > second->last);
}


static void
ngx_http_clientcert_metrics_rule(ngx_http_clientcert_metrics_t *m,
    const char *name, ngx_http_clientcert_metrics_rule_t *rule)
{
    ngx_http_clientcert_metrics_name(m, name, "policy", &rule->policy->name);
    ngx_http_clientcert_output_print(m->out,
        ",rule=\"%012xL\",action=\"%s\",label=\"",
        NGX_CLIENTCERT_DECISIONS_ID(rule->rule),
        rule->rule->deny ? "deny" : "allow");
    ngx_http_clientcert_output_text(m->out, &rule->rule->label);
    ngx_http_clientcert_output_print(m->out, "\"}");
}


static void
ngx_http_clientcert_metrics_cas(ngx_http_clientcert_metrics_t *m,
    ngx_array_t *cas)
{
    time_t                 not_after;
    ngx_uint_t             i;
    ngx_clientcert_ca_t  **ca;

    ca = cas->elts;

    ngx_http_clientcert_metrics_family(m, "ca_not_after_timestamp_seconds",
        "gauge", "End of validity of the CA of a file that expires next.");

    for (i = 0; i < cas->nelts; i++) {
        (void) ngx_clientcert_ca_expiry(ca[i], ngx_time(), &not_after);

        ngx_http_clientcert_metrics_name(m, "ca_not_after_timestamp_seconds",
                                         "file", &ca[i]->file);
        ngx_http_clientcert_output_print(m->out, "} %T\n", not_after);
    }
}


static void
ngx_http_clientcert_metrics_recent(ngx_http_clientcert_metrics_t *m)
{
    time_t                    newest;
    ngx_clientcert_recent_t  *recent;

    recent = &m->stats->recent;

    ngx_http_clientcert_metrics_family(m, "refused_certificates", "gauge",
        "Different certificates that the list of refused ones holds.");
    ngx_http_clientcert_output_print(m->out,
        "nginx_clientcert_refused_certificates %ui\n",
        ngx_clientcert_recent_held(recent, &newest));

    ngx_http_clientcert_metrics_family(m, "refused_evictions_total", "counter",
        "Refused certificates that had to leave the list for newer ones.");
    ngx_http_clientcert_output_print(m->out,
        "nginx_clientcert_refused_evictions_total %uL\n",
        (uint64_t) recent->sh->evicted);
}


void
ngx_http_clientcert_metrics_family(ngx_http_clientcert_metrics_t *m,
    const char *name, const char *type, const char *help)
{
    ngx_http_clientcert_output_print(m->out,
        "# HELP nginx_clientcert_%s %s\n"
        "# TYPE nginx_clientcert_%s %s\n", name, help, name, type);
}


void
ngx_http_clientcert_metrics_name(ngx_http_clientcert_metrics_t *m,
    const char *name, const char *label, ngx_str_t *value)
{
    ngx_http_clientcert_output_print(m->out, "nginx_clientcert_%s{%s=\"",
                                     name, label);
    ngx_http_clientcert_output_text(m->out, value);
    ngx_http_clientcert_output_print(m->out, "\"");
}
