
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "../cert/ngx_clientcert_ca.h"
#include "../policy/ngx_clientcert_decisions.h"
#include "ngx_http_clientcert_check.h"
#include "ngx_http_clientcert_json.h"
#include "ngx_http_clientcert_server.h"
#include "ngx_http_clientcert_status.h"


/*
 * The views of the status, each an object of JSON: a summary that is asked for
 * every few seconds, and lists that are read page by page.  What a request
 * looks at is bounded, not only what it gets.
 */


/* places where policies are required, of the summary */
#define NGX_HTTP_CLIENTCERT_VIEW_USES  1000

/* bytes that are as much work to compare as an entry is to look at */
#define NGX_HTTP_CLIENTCERT_VIEW_BYTES  64


typedef struct {
    ngx_str_t     name;
    ngx_int_t   (*write)(ngx_http_clientcert_output_t *out,
                         ngx_http_clientcert_query_t *query);
} ngx_http_clientcert_view_t;


static ngx_int_t ngx_http_clientcert_view_summary(
    ngx_http_clientcert_output_t *out, ngx_http_clientcert_query_t *query);
static void ngx_http_clientcert_view_policy(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query, ngx_clientcert_policy_t *policy);
static void ngx_http_clientcert_view_decisions(
    ngx_http_clientcert_output_t *out, ngx_clientcert_counts_row_t *row);
static void ngx_http_clientcert_view_unused(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query, ngx_clientcert_policy_t *policy);
static void ngx_http_clientcert_view_servers(ngx_http_clientcert_output_t *out,
    ngx_array_t *servers);
static void ngx_http_clientcert_view_uses(ngx_http_clientcert_output_t *out,
    ngx_array_t *uses);
static void ngx_http_clientcert_view_cas(ngx_http_clientcert_output_t *out,
    ngx_array_t *cas);
static void ngx_http_clientcert_view_zone(ngx_http_clientcert_output_t *out,
    ngx_clientcert_stats_t *stats);
static void ngx_http_clientcert_view_place(ngx_http_clientcert_output_t *out,
    u_char *file, ngx_uint_t line);
static void ngx_http_clientcert_view_recent(ngx_http_clientcert_output_t *out,
    ngx_clientcert_recent_t *recent);
static ngx_int_t ngx_http_clientcert_view_rules(
    ngx_http_clientcert_output_t *out, ngx_http_clientcert_query_t *query);
static ngx_uint_t ngx_http_clientcert_view_matches(
    ngx_http_clientcert_query_t *query, ngx_clientcert_rule_t *rule);
static void ngx_http_clientcert_view_rule(ngx_http_clientcert_output_t *out,
    ngx_clientcert_policy_t *policy, ngx_clientcert_rule_t *rule);
static void ngx_http_clientcert_view_text(ngx_http_clientcert_output_t *out,
    ngx_clientcert_rule_t *rule);


static ngx_http_clientcert_view_t  ngx_http_clientcert_views[] = {
    { ngx_string("summary"), ngx_http_clientcert_view_summary },
    { ngx_string("rules"), ngx_http_clientcert_view_rules },
    { ngx_string("refused"), ngx_http_clientcert_view_refused },
    { ngx_string("certificates"),
      ngx_http_clientcert_view_stores_certificates },
    { ngx_string("errors"), ngx_http_clientcert_view_stores_errors },
    { ngx_null_string, NULL }
};


ngx_int_t
ngx_http_clientcert_view(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query)
{
    ngx_http_clientcert_view_t  *view;

    view = ngx_http_clientcert_views;

    if (query->view.data == NULL) {
        return view->write(out, query);
    }

    for ( /* void */ ; view->write; view++) {
        if (view->name.len == query->view.len
            && ngx_strncmp(view->name.data, query->view.data, view->name.len)
               == 0)
        {
            return view->write(out, query);
        }
    }

    return ngx_http_clientcert_status_error(out, NGX_HTTP_NOT_FOUND, "view",
                                            &query->view);
}


void
ngx_http_clientcert_view_begin(ngx_http_clientcert_output_t *out,
    const char *name)
{
    ngx_http_clientcert_json_open(out, NULL, '{');
    ngx_http_clientcert_json_number(out, "format",
                                    NGX_HTTP_CLIENTCERT_STATUS_FORMAT);
    ngx_http_clientcert_json_word(out, "view", name);
    ngx_http_clientcert_json_time(out, "now", ngx_time());
}


static ngx_int_t
ngx_http_clientcert_view_summary(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query)
{
    ngx_uint_t                        i;
    ngx_clientcert_stats_t           *stats;
    ngx_http_clientcert_main_conf_t  *mcf;

    mcf = query->mcf;
    stats = mcf->stats;

    ngx_http_clientcert_view_begin(out, "summary");

    ngx_http_clientcert_json_word(out, "module", NGX_CLIENTCERT_VERSION);
    ngx_http_clientcert_json_word(out, "nginx", NGINX_VERSION);
    ngx_http_clientcert_json_word(out, "openssl", OPENSSL_VERSION_TEXT);
    ngx_http_clientcert_json_time(out, "since", stats->sh->start);
    ngx_http_clientcert_json_time(out, "loaded", stats->loaded);
    ngx_http_clientcert_json_number(out, "generation", stats->counts.cycle);

    ngx_http_clientcert_json_open(out, "policies", '[');

    for (i = 0; i < query->npolicies; i++) {
        ngx_http_clientcert_view_policy(out, query, query->policies[i]);
    }

    ngx_http_clientcert_json_close(out, ']');
    ngx_http_clientcert_json_open(out, "stores", '[');

    for (i = 0; i < query->nstores; i++) {
        ngx_http_clientcert_view_stores_item(out, query, query->stores[i]);
    }

    ngx_http_clientcert_json_close(out, ']');

    ngx_http_clientcert_view_servers(out, &mcf->servers.all);
    ngx_http_clientcert_view_uses(out, &mcf->uses);
    ngx_http_clientcert_view_cas(out, &mcf->cas.all);
    ngx_http_clientcert_view_zone(out, stats);
    ngx_http_clientcert_view_recent(out, &stats->recent);
    ngx_http_clientcert_upload_view(out, query->status);

    ngx_http_clientcert_json_close(out, '}');
    ngx_http_clientcert_output_print(out, "\n");

    return NGX_OK;
}


static void
ngx_http_clientcert_view_policy(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query, ngx_clientcert_policy_t *policy)
{
    ngx_clientcert_counts_row_t  *row;

    row = policy->counts;

    ngx_http_clientcert_json_open(out, NULL, '{');

    ngx_http_clientcert_json_text(out, "name", &policy->name);
    ngx_http_clientcert_json_flag(out, "dry_run", policy->dry_run);
    ngx_http_clientcert_json_word(out, "trust",
                         (policy->trust == NGX_CLIENTCERT_TRUST_CHAIN)
                         ? "chain" : "pin");
    ngx_http_clientcert_json_number(out, "status", policy->reject);

    if (row->other) {
        ngx_http_clientcert_json_null(out, "decisions");
        ngx_http_clientcert_json_null(out, "expiring");
        ngx_http_clientcert_json_null(out, "last_refused");

    } else {
        ngx_http_clientcert_view_decisions(out, row);
        ngx_http_clientcert_json_number(out, "expiring",
                 ngx_clientcert_counts_sum(row,
                                           NGX_CLIENTCERT_DECISIONS_EXPIRING));
        ngx_http_clientcert_json_time(out, "last_refused",
                 ngx_clientcert_counts_max(row,
                                           NGX_CLIENTCERT_DECISIONS_REFUSED));
    }

    ngx_http_clientcert_json_open(out, "rules", '{');
    ngx_http_clientcert_json_number(out, "allow", policy->allow.n);
    ngx_http_clientcert_json_number(out, "deny", policy->deny.n);
    ngx_http_clientcert_view_unused(out, query, policy);
    ngx_http_clientcert_json_close(out, '}');

    ngx_http_clientcert_json_close(out, '}');
}


static void
ngx_http_clientcert_view_decisions(ngx_http_clientcert_output_t *out,
    ngx_clientcert_counts_row_t *row)
{
    ngx_uint_t  reason;

    ngx_http_clientcert_json_open(out, "decisions", '{');

    for (reason = 0; reason < NGX_CLIENTCERT_REASONS; reason++) {
        ngx_http_clientcert_json_number(out,
                           (char *) ngx_clientcert_reasons[reason].data,
                           ngx_clientcert_counts_sum(row, reason));
    }

    ngx_http_clientcert_json_close(out, '}');
}


/* null where there are too many to look at all of them */

static void
ngx_http_clientcert_view_unused(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query, ngx_clientcert_policy_t *policy)
{
    ngx_uint_t  i, unused;

    if (policy->nrules > query->work) {
        ngx_http_clientcert_json_null(out, "unused");
        return;
    }

    query->work -= policy->nrules;
    unused = 0;

    for (i = 0; i < policy->nrules; i++) {
        unused += ngx_clientcert_decisions_unused(policy->rules[i]);
    }

    ngx_http_clientcert_json_number(out, "unused", unused);
}


static void
ngx_http_clientcert_view_servers(ngx_http_clientcert_output_t *out,
    ngx_array_t *servers)
{
    ngx_uint_t                       i;
    ngx_http_clientcert_server_t   **server;

    server = servers->elts;

    ngx_http_clientcert_json_open(out, "servers", '[');

    for (i = 0; i < servers->nelts; i++) {
        ngx_http_clientcert_json_open(out, NULL, '{');
        ngx_http_clientcert_json_text(out, "name", &server[i]->name);
        ngx_http_clientcert_json_number(out, "refused_495",
            ngx_http_clientcert_server_refusals(server[i],
                                            NGX_HTTP_CLIENTCERT_REFUSED_495));
        ngx_http_clientcert_json_number(out, "refused_496",
            ngx_http_clientcert_server_refusals(server[i],
                                            NGX_HTTP_CLIENTCERT_REFUSED_496));
        ngx_http_clientcert_json_close(out, '}');
    }

    ngx_http_clientcert_json_close(out, ']');
}


static void
ngx_http_clientcert_view_uses(ngx_http_clientcert_output_t *out,
    ngx_array_t *uses)
{
    ngx_uint_t                  i;
    ngx_http_clientcert_use_t  *use;

    use = uses->elts;

    ngx_http_clientcert_json_open(out, "required_at", '[');

    for (i = 0; i < ngx_min(uses->nelts, NGX_HTTP_CLIENTCERT_VIEW_USES); i++) {
        ngx_http_clientcert_json_open(out, NULL, '{');
        ngx_http_clientcert_json_text(out, "policy", &use[i].policy->name);
        ngx_http_clientcert_json_text(out, "server",
                                      &use[i].cscf->server_name);
        ngx_http_clientcert_view_place(out, use[i].file, use[i].line);
        ngx_http_clientcert_json_close(out, '}');
    }

    ngx_http_clientcert_json_close(out, ']');
}


static void
ngx_http_clientcert_view_place(ngx_http_clientcert_output_t *out,
    u_char *file, ngx_uint_t line)
{
    ngx_str_t  name;

    name.data = file;
    name.len = ngx_strlen(file);

    ngx_http_clientcert_json_text(out, "file", &name);
    ngx_http_clientcert_json_number(out, "line", line);
}


static void
ngx_http_clientcert_view_cas(ngx_http_clientcert_output_t *out,
    ngx_array_t *cas)
{
    time_t                 not_after;
    ngx_uint_t             i, n;
    ngx_clientcert_ca_t  **ca;

    ca = cas->elts;

    ngx_http_clientcert_json_open(out, "cas", '[');

    for (i = 0; i < cas->nelts; i++) {
        n = ngx_clientcert_ca_expiry(ca[i], ngx_time(), &not_after);

        ngx_http_clientcert_json_open(out, NULL, '{');
        ngx_http_clientcert_json_text(out, "file", &ca[i]->file);
        ngx_http_clientcert_json_number(out, "certificates", n);
        ngx_http_clientcert_json_time(out, "not_after", not_after);
        ngx_http_clientcert_json_close(out, '}');
    }

    ngx_http_clientcert_json_close(out, ']');
}


static void
ngx_http_clientcert_view_zone(ngx_http_clientcert_output_t *out,
    ngx_clientcert_stats_t *stats)
{
    ngx_http_clientcert_json_open(out, "zone", '{');
    ngx_http_clientcert_json_number(out, "size", stats->zone->shm.size);
    ngx_http_clientcert_json_number(out, "used",
                                    ngx_clientcert_stats_used(stats));
    ngx_http_clientcert_json_number(out, "left_out", stats->counts.left_out);
    ngx_http_clientcert_json_close(out, '}');
}


static void
ngx_http_clientcert_view_recent(ngx_http_clientcert_output_t *out,
    ngx_clientcert_recent_t *recent)
{
    time_t      newest;
    ngx_uint_t  held;

    if (recent->sh == NULL) {
        ngx_http_clientcert_json_null(out, "refused");
        return;
    }

    held = ngx_clientcert_recent_held(recent, &newest);

    ngx_http_clientcert_json_open(out, "refused", '{');
    ngx_http_clientcert_json_number(out, "held", held);
    ngx_http_clientcert_json_number(out, "room", recent->sh->n);
    ngx_http_clientcert_json_number(out, "evicted", recent->sh->evicted);
    ngx_http_clientcert_json_time(out, "newest", newest);
    ngx_http_clientcert_json_close(out, '}');
}


static ngx_int_t
ngx_http_clientcert_view_rules(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query)
{
    ngx_int_t                 after;
    ngx_uint_t                i, k, total, number, shown, next;
    ngx_clientcert_policy_t  *policy;

    after = 0;

    if (query->after.data) {
        after = ngx_atoi(query->after.data, query->after.len);

        if (after == NGX_ERROR) {
            return ngx_http_clientcert_status_error(out, NGX_HTTP_BAD_REQUEST,
                                                    "after", &query->after);
        }
    }

    total = 0;

    for (i = 0; i < query->npolicies; i++) {
        total += query->policies[i]->nrules;
    }

    ngx_http_clientcert_view_begin(out, "rules");
    ngx_http_clientcert_json_number(out, "total", total);
    ngx_http_clientcert_json_open(out, "items", '[');

    number = 0;
    shown = 0;
    next = 0;

    for (i = 0; i < query->npolicies && next == 0; i++) {
        policy = query->policies[i];

        k = (after > (ngx_int_t) number) ? after - number : 0;

        for ( /* void */ ; k < policy->nrules; k++) {

            if (ngx_http_clientcert_view_full(out, query, shown)) {
                next = number + k;
                break;
            }

            query->work--;

            if (ngx_http_clientcert_view_matches(query, policy->rules[k])) {
                ngx_http_clientcert_view_rule(out, policy, policy->rules[k]);
                shown++;
            }
        }

        number += policy->nrules;
    }

    ngx_http_clientcert_json_close(out, ']');
    ngx_http_clientcert_json_key(out, "next");

    if (next) {
        ngx_http_clientcert_output_print(out, "\"%ui\"", next);

    } else {
        ngx_http_clientcert_output_print(out, "null");
    }

    ngx_http_clientcert_view_end(out, next && shown < query->limit);

    return NGX_OK;
}


void
ngx_http_clientcert_view_end(ngx_http_clientcert_output_t *out,
    ngx_uint_t partial)
{
    ngx_http_clientcert_json_flag(out, "partial", partial);
    ngx_http_clientcert_json_close(out, '}');
    ngx_http_clientcert_output_print(out, "\n");
}


static ngx_uint_t
ngx_http_clientcert_view_matches(ngx_http_clientcert_query_t *query,
    ngx_clientcert_rule_t *rule)
{
    ngx_uint_t  i;

    if (query->unused && !ngx_clientcert_decisions_unused(rule)) {
        return 0;
    }

    if (query->q.len == 0) {
        return 1;
    }

    for (i = 1; i < rule->nargs; i++) {
        if (ngx_http_clientcert_view_contains(query, &rule->args[i])) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_clientcert_view_full(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query, ngx_uint_t shown)
{
    return shown == query->limit
           || query->work == 0
           || out->len >= NGX_HTTP_CLIENTCERT_STATUS_SIZE;
}


ngx_uint_t
ngx_http_clientcert_view_contains(ngx_http_clientcert_query_t *query,
    ngx_str_t *text)
{
    size_t      i, n, compared;
    ngx_str_t  *q;

    q = &query->q;
    n = 0;
    compared = 0;

    for (i = 0; n < q->len && i + q->len <= text->len; i++) {

        n = 0;

        while (n < q->len && ngx_tolower(text->data[i + n]) == q->data[n]) {
            n++;
        }

        compared += n + 1;
    }

    query->work -= ngx_min(query->work,
                           compared / NGX_HTTP_CLIENTCERT_VIEW_BYTES);

    return n == q->len;
}


static void
ngx_http_clientcert_view_rule(ngx_http_clientcert_output_t *out,
    ngx_clientcert_policy_t *policy, ngx_clientcert_rule_t *rule)
{
    ngx_http_clientcert_json_open(out, NULL, '{');

    ngx_http_clientcert_json_text(out, "policy", &policy->name);
    ngx_http_clientcert_view_line(out, rule);

    if (ngx_clientcert_counts_shared(&rule->count)) {
        ngx_http_clientcert_json_null(out, "decisions");
        ngx_http_clientcert_json_null(out, "last");

    } else {
        ngx_http_clientcert_json_number(out, "decisions",
            ngx_clientcert_counts_value(&rule->count,
                                        NGX_CLIENTCERT_DECISIONS_MADE));
        ngx_http_clientcert_json_time(out, "last",
            ngx_clientcert_counts_value(&rule->count,
                                        NGX_CLIENTCERT_DECISIONS_LAST));
    }

    ngx_http_clientcert_json_close(out, '}');
}


void
ngx_http_clientcert_view_line(ngx_http_clientcert_output_t *out,
    ngx_clientcert_rule_t *rule)
{
    ngx_http_clientcert_json_key(out, "rule");

    if (rule->id) {
        ngx_http_clientcert_output_print(out, "\"%012xL\"",
                                         NGX_CLIENTCERT_DECISIONS_ID(rule));

    } else {
        ngx_http_clientcert_output_print(out, "null");
    }

    ngx_http_clientcert_json_word(out, "action",
                                  rule->deny ? "deny" : "allow");
    ngx_http_clientcert_json_text(out, "label", &rule->label);
    ngx_http_clientcert_view_text(out, rule);
    ngx_http_clientcert_view_place(out, rule->file, rule->line);
}


/* the line, with a blank between its words */

static void
ngx_http_clientcert_view_text(ngx_http_clientcert_output_t *out,
    ngx_clientcert_rule_t *rule)
{
    u_char      *last;
    ngx_str_t   *arg;
    ngx_uint_t   i, quoted;

    ngx_http_clientcert_json_key(out, "text");
    ngx_http_clientcert_output_print(out, "\"");

    for (i = 0; i < rule->nargs; i++) {
        arg = &rule->args[i];

        last = arg->data + arg->len;
        quoted = (arg->len == 0
                  || ngx_strlchr(arg->data, last, ' ')
                  || ngx_strlchr(arg->data, last, ';'));

        ngx_http_clientcert_output_print(out, "%s%s", i ? " " : "",
                                         quoted ? "\\\"" : "");
        ngx_http_clientcert_output_text(out, arg);
        ngx_http_clientcert_output_print(out, quoted ? "\\\"" : "");
    }

    ngx_http_clientcert_output_print(out, "\"");
}
