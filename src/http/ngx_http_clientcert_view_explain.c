
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert_explain.h"
#include "ngx_http_clientcert_json.h"


/* policies that a store is tried in */
#define NGX_HTTP_CLIENTCERT_EXPLAIN_POLICIES  100


static ngx_int_t ngx_http_clientcert_explain_certificate(
    ngx_http_clientcert_explanation_t *ex);
static ngx_int_t ngx_http_clientcert_explain_verdict(
    ngx_http_clientcert_explanation_t *ex, ngx_clientcert_verdict_t *verdict);
static ngx_int_t ngx_http_clientcert_explain_decision(
    ngx_http_clientcert_output_t *out, ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, ngx_clientcert_verdict_t *verdict);
static ngx_int_t ngx_http_clientcert_explain_lines(
    ngx_http_clientcert_explanation_t *ex, ngx_array_t *lines);
static ngx_int_t ngx_http_clientcert_explain_line(
    ngx_http_clientcert_explanation_t *ex, ngx_clientcert_line_t *line);
static ngx_int_t ngx_http_clientcert_explain_condition(
    ngx_http_clientcert_explanation_t *ex, ngx_clientcert_condition_t *cond);
static void ngx_http_clientcert_explain_holds(
    ngx_http_clientcert_output_t *out, ngx_clientcert_answer_e answer);
static ngx_int_t ngx_http_clientcert_explain_remedies(
    ngx_http_clientcert_explanation_t *ex);
static ngx_int_t ngx_http_clientcert_explain_digest(
    ngx_http_clientcert_explanation_t *ex, ngx_clientcert_digest_e type,
    const char *kind, const char *key, const char *worth);
static ngx_int_t ngx_http_clientcert_explain_add(
    ngx_http_clientcert_explanation_t *ex, const char *kind, const char *key,
    ngx_str_t *value, ngx_uint_t chain, const char *worth);
static ngx_int_t ngx_http_clientcert_explain_names(
    ngx_http_clientcert_explanation_t *ex);
static ngx_int_t ngx_http_clientcert_explain_stores(
    ngx_http_clientcert_explanation_t *ex);
static ngx_int_t ngx_http_clientcert_explain_store(
    ngx_http_clientcert_explanation_t *ex, ngx_clientcert_store_t *st,
    ngx_uint_t *work);


ngx_int_t
ngx_http_clientcert_view_explain(ngx_http_clientcert_explanation_t *ex)
{
    ngx_int_t                      rc;
    ngx_uint_t                     work;
    ngx_array_t                    lines;
    ngx_http_clientcert_output_t  *out;

    if (ngx_array_init(&lines, ex->r->pool, 16, sizeof(ngx_clientcert_line_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    work = NGX_HTTP_CLIENTCERT_STATUS_WORK;

    if (ngx_clientcert_explain_lines(ex->policy, &ex->client, &lines, &work)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    out = ex->out;

    ngx_http_clientcert_json_open(out, NULL, '{');
    ngx_http_clientcert_json_number(out, "format",
                                    NGX_HTTP_CLIENTCERT_STATUS_FORMAT);
    ngx_http_clientcert_json_time(out, "now", ngx_time());

    if (ngx_http_clientcert_explain_certificate(ex) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_clientcert_json_text(out, "policy", &ex->policy->name);
    ngx_http_clientcert_json_flag(out, "dry_run", ex->policy->dry_run);
    ngx_http_clientcert_json_word(out, "trust",
                           (ex->policy->trust == NGX_CLIENTCERT_TRUST_CHAIN)
                           ? "chain" : "pin");

    if (ex->supposed) {
        ngx_http_clientcert_json_text(out, "suppose", &ex->supposed->name);

    } else {
        ngx_http_clientcert_json_null(out, "suppose");
    }

    if (ngx_http_clientcert_explain_verdict(ex, ex->unverified) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_clientcert_json_open(out, "verified", '{');
    ex->client.chain = NGX_CLIENTCERT_VERIFIED;
    rc = ngx_http_clientcert_explain_verdict(ex, ex->verified);
    ex->client.chain = NGX_CLIENTCERT_UNVERIFIED;
    ngx_http_clientcert_json_close(out, '}');

    if (rc != NGX_OK
        || ngx_http_clientcert_explain_lines(ex, &lines) != NGX_OK
        || ngx_http_clientcert_explain_remedies(ex) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_clientcert_json_close(out, '}');
    ngx_http_clientcert_output_print(out, "\n");

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_explain_certificate(ngx_http_clientcert_explanation_t *ex)
{
    u_char                        *digest;
    ngx_uint_t                     i;
    ngx_clientcert_facts_t        *facts;
    ngx_clientcert_certificate_t  *cert;

    static struct {
        const char                *name;
        ngx_clientcert_digest_e    type;
        size_t                     len;
    } digests[] = {
        { "sha256", NGX_CLIENTCERT_SHA256, NGX_CLIENTCERT_SHA256_LEN },
        { "sha1", NGX_CLIENTCERT_SHA1, NGX_CLIENTCERT_SHA1_LEN },
        { "spki_sha256", NGX_CLIENTCERT_SPKI_SHA256,
          NGX_CLIENTCERT_SHA256_LEN }
    };

    cert = ex->client.cert;
    facts = &ex->facts;

    ngx_clientcert_facts(cert, 0, facts);

    if (facts->subject.data == NULL || facts->issuer.data == NULL) {
        return NGX_ERROR;
    }

    ngx_http_clientcert_json_open(ex->out, "certificate", '{');

    for (i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {

        digest = ngx_clientcert_certificate_digest(cert, digests[i].type);
        if (digest == NULL) {
            return NGX_ERROR;
        }

        ngx_http_clientcert_json_hex(ex->out, digests[i].name, digest,
                                     digests[i].len);
    }

    ngx_http_clientcert_json_escaped(ex->out, "subject", &facts->subject);
    ngx_http_clientcert_json_escaped(ex->out, "issuer", &facts->issuer);
    ngx_http_clientcert_json_escaped(ex->out, "serial", &facts->serial);
    ngx_http_clientcert_json_flag(ex->out, "self_signed", facts->self_signed);
    ngx_http_clientcert_json_time(ex->out, "not_before", cert->not_before);
    ngx_http_clientcert_json_time(ex->out, "not_after", cert->not_after);

    ngx_http_clientcert_json_close(ex->out, '}');

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_explain_verdict(ngx_http_clientcert_explanation_t *ex,
    ngx_clientcert_verdict_t *verdict)
{
    ngx_http_clientcert_output_t  *out;

    out = ex->out;

    if (ngx_http_clientcert_explain_decision(out, ex->policy, &ex->client,
                                             verdict)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_clientcert_json_escaped(out, "detail", &verdict->detail);
    ngx_http_clientcert_json_text(out, "label", &verdict->label);

    if (verdict->rule) {
        ngx_http_clientcert_json_open(out, "line", '{');
        ngx_http_clientcert_view_line(out, verdict->rule);
        ngx_http_clientcert_json_close(out, '}');

    } else {
        ngx_http_clientcert_json_null(out, "line");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_explain_decision(ngx_http_clientcert_output_t *out,
    ngx_clientcert_policy_t *policy, ngx_clientcert_client_t *client,
    ngx_clientcert_verdict_t *verdict)
{
    ngx_int_t  rc;

    rc = ngx_clientcert_explain_depends(policy, client, verdict);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_http_clientcert_json_word(out, "decision",
                 (rc == NGX_OK)
                 ? "depends"
                 : (verdict->reason == NGX_CLIENTCERT_OK) ? "allow" : "deny");

    ngx_http_clientcert_json_word(out, "reason",
                     (char *) ngx_clientcert_reasons[verdict->reason].data);

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_explain_lines(ngx_http_clientcert_explanation_t *ex,
    ngx_array_t *lines)
{
    ngx_uint_t                     i, last, total;
    ngx_clientcert_line_t         *line;
    ngx_http_clientcert_output_t  *out;

    out = ex->out;
    line = lines->elts;
    last = ngx_min(ex->after + ex->limit, lines->nelts);
    total = ex->policy->allow.n + ex->policy->deny.n;

    ngx_http_clientcert_json_open(out, "lines", '{');
    ngx_http_clientcert_json_number(out, "total", total);
    ngx_http_clientcert_json_number(out, "looked_at", lines->nelts);
    ngx_http_clientcert_json_open(out, "items", '[');

    for (i = ex->after; i < last; i++) {
        if (ngx_http_clientcert_explain_line(ex, &line[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_http_clientcert_json_close(out, ']');
    ngx_http_clientcert_json_key(out, "next");

    if (last < lines->nelts) {
        ngx_http_clientcert_output_print(out, "\"%ui\"", last);

    } else {
        ngx_http_clientcert_output_print(out, "null");
    }

    ngx_http_clientcert_json_flag(out, "partial", lines->nelts < total);
    ngx_http_clientcert_json_close(out, '}');

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_explain_line(ngx_http_clientcert_explanation_t *ex,
    ngx_clientcert_line_t *line)
{
    ngx_clientcert_condition_t    *cond;
    ngx_http_clientcert_output_t  *out;

    out = ex->out;

    ngx_http_clientcert_json_open(out, NULL, '{');
    ngx_http_clientcert_view_line(out, line->rule);
    ngx_http_clientcert_explain_holds(out, line->answer);
    ngx_http_clientcert_json_number(out, "lacks", line->lacks);
    ngx_http_clientcert_json_open(out, "conditions", '[');

    if (line->rule->needs_chain) {
        ngx_http_clientcert_json_open(out, NULL, '{');
        ngx_http_clientcert_json_word(out, "text", "verified");
        ngx_http_clientcert_json_word(out, "wanted", "");
        ngx_http_clientcert_json_word(out, "found", "");
        ngx_http_clientcert_explain_holds(out, NGX_CLIENTCERT_NO);
        ngx_http_clientcert_json_word(out, "doubt", "");
        ngx_http_clientcert_json_close(out, '}');
    }

    for (cond = line->rule->conditions; cond; cond = cond->next) {
        if (ngx_http_clientcert_explain_condition(ex, cond) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_http_clientcert_json_close(out, ']');
    ngx_http_clientcert_json_close(out, '}');

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_explain_condition(ngx_http_clientcert_explanation_t *ex,
    ngx_clientcert_condition_t *cond)
{
    ngx_clientcert_finding_t       finding;
    ngx_http_clientcert_output_t  *out;

    if (ngx_clientcert_explain_condition(ex->policy, &ex->client, cond,
                                         &finding)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    out = ex->out;

    ngx_http_clientcert_json_open(out, NULL, '{');
    ngx_http_clientcert_json_text(out, "text", &cond->text);
    ngx_http_clientcert_json_escaped(out, "wanted", &finding.wanted);
    ngx_http_clientcert_json_escaped(out, "found", &finding.found);
    ngx_http_clientcert_explain_holds(out, finding.answer);
    ngx_http_clientcert_json_escaped(out, "doubt", &finding.doubt);
    ngx_http_clientcert_json_close(out, '}');

    return NGX_OK;
}


/* null: it is unknown */

static void
ngx_http_clientcert_explain_holds(ngx_http_clientcert_output_t *out,
    ngx_clientcert_answer_e answer)
{
    if (answer == NGX_CLIENTCERT_UNKNOWN) {
        ngx_http_clientcert_json_null(out, "holds");

    } else {
        ngx_http_clientcert_json_flag(out, "holds",
                                      answer == NGX_CLIENTCERT_YES);
    }
}


/*
 * An "allow" is asked last, so one more would decide where none has held, and
 * nowhere else.
 */

static ngx_int_t
ngx_http_clientcert_explain_remedies(ngx_http_clientcert_explanation_t *ex)
{
    ngx_int_t   rc;
    ngx_uint_t  pin;

    ngx_http_clientcert_json_open(ex->out, "remedies", '[');

    rc = ngx_http_clientcert_explain_stores(ex);

    pin = (ex->policy->trust == NGX_CLIENTCERT_TRUST_PIN);

    if (rc == NGX_OK && ex->verified->reason == NGX_CLIENTCERT_NO_MATCH) {
        rc = ngx_http_clientcert_explain_names(ex);
    }

    if (rc == NGX_OK
        && (ex->verified->reason == NGX_CLIENTCERT_NO_MATCH
            || (pin && ex->unverified->reason == NGX_CLIENTCERT_UNTRUSTED)))
    {
        rc = ngx_http_clientcert_explain_digest(ex,
                 NGX_CLIENTCERT_SPKI_SHA256, "key", "spki",
                 "this key, and each certificate of it: it survives a "
                 "renewal");

        if (rc == NGX_OK) {
            rc = ngx_http_clientcert_explain_digest(ex,
                     NGX_CLIENTCERT_SHA256, "thumbprint", "thumbprint",
                     "this certificate alone");
        }
    }

    ngx_http_clientcert_json_close(ex->out, ']');

    return rc;
}


static ngx_int_t
ngx_http_clientcert_explain_digest(ngx_http_clientcert_explanation_t *ex,
    ngx_clientcert_digest_e type, const char *kind, const char *key,
    const char *worth)
{
    u_char     *digest;
    ngx_str_t   hex;
    u_char      buf[NGX_CLIENTCERT_SHA256_LEN * 2];

    digest = ngx_clientcert_certificate_digest(ex->client.cert, type);
    if (digest == NULL) {
        return NGX_ERROR;
    }

    hex.data = buf;
    hex.len = ngx_hex_dump(buf, digest, NGX_CLIENTCERT_SHA256_LEN) - buf;

    return ngx_http_clientcert_explain_add(ex, kind, key, &hex,
                             ex->policy->trust == NGX_CLIENTCERT_TRUST_CHAIN,
                             worth);
}


/* a name is worth what the CA is that verified it */

static ngx_int_t
ngx_http_clientcert_explain_names(ngx_http_clientcert_explanation_t *ex)
{
    ngx_int_t    rc;
    ngx_str_t    value;
    const char  *key;

    rc = ngx_clientcert_explain_name(ex->policy, &ex->client,
                                     &ex->facts.subject, &key, &value);

    if (rc == NGX_OK) {
        return ngx_http_clientcert_explain_add(ex, "name", key, &value, 1,
                         "whoever the CAs of the server give this name");
    }

    return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_clientcert_explain_add(ngx_http_clientcert_explanation_t *ex,
    const char *kind, const char *key, ngx_str_t *value, ngx_uint_t chain,
    const char *worth)
{
    ngx_clientcert_verdict_t       verdict;
    ngx_http_clientcert_output_t  *out;

    out = ex->out;

    /* nothing but a "deny" with variables could be against it */

    ngx_memzero(&verdict, sizeof(ngx_clientcert_verdict_t));

    verdict.reason = NGX_CLIENTCERT_OK;

    ngx_http_clientcert_json_open(out, NULL, '{');
    ngx_http_clientcert_json_word(out, "kind", kind);
    ngx_http_clientcert_json_key(out, "text");
    ngx_http_clientcert_output_print(out, "\"allow \\\"%s=", key);
    ngx_http_clientcert_output_text(out, value);
    ngx_http_clientcert_output_print(out, "\\\";\"");

    if (ngx_http_clientcert_explain_decision(out, ex->policy, &ex->client,
                                             &verdict)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_clientcert_json_flag(out, "needs_chain", chain);
    ngx_http_clientcert_json_word(out, "worth", worth);
    ngx_http_clientcert_json_close(out, '}');

    return NGX_OK;
}


/* those that an "allow" of the policy asks */

static ngx_int_t
ngx_http_clientcert_explain_stores(ngx_http_clientcert_explanation_t *ex)
{
    ngx_uint_t                i, work;
    ngx_clientcert_store_t  **st;

    if (ex->unverified->reason == NGX_CLIENTCERT_OK) {
        return NGX_OK;
    }

    st = ex->policy->asked.elts;
    work = NGX_HTTP_CLIENTCERT_STATUS_WORK;

    for (i = 0; i < ex->policy->asked.nelts; i++) {
        if (ngx_clientcert_explain_allows_by(ex->policy, st[i])
            && ngx_http_clientcert_explain_store(ex, st[i], &work) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_explain_store(ngx_http_clientcert_explanation_t *ex,
    ngx_clientcert_store_t *st, ngx_uint_t *work)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i, n, partial;
    ngx_clientcert_client_t         client;
    ngx_clientcert_policy_t       **policy;
    ngx_clientcert_verdict_t       *verdict;
    ngx_http_clientcert_output_t   *out;

    client = ex->client;
    client.supposed = st;

    verdict = ngx_clientcert_explain_decide(ex->policy, &client);
    if (verdict == NULL) {
        return NGX_ERROR;
    }

    out = ex->out;

    ngx_http_clientcert_json_open(out, NULL, '{');
    ngx_http_clientcert_json_word(out, "kind", "store");
    ngx_http_clientcert_json_text(out, "store", &st->name);

    if (ngx_http_clientcert_explain_decision(out, ex->policy, &client, verdict)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_clientcert_json_open(out, "also_allows", '[');

    policy = ex->mcf->policies.all.elts;
    n = 0;
    partial = 0;

    for (i = 0; i < ex->mcf->policies.all.nelts; i++) {

        if (policy[i] == ex->policy
            || !ngx_clientcert_explain_allows_by(policy[i], st))
        {
            continue;
        }

        rc = (n++ == NGX_HTTP_CLIENTCERT_EXPLAIN_POLICIES)
             ? NGX_ABORT
             : ngx_clientcert_explain_may_allow(policy[i], &client, work);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_ABORT) {
            partial = 1;
            break;
        }

        if (rc == NGX_OK) {
            ngx_http_clientcert_json_text(out, NULL, &policy[i]->name);
        }
    }

    ngx_http_clientcert_json_close(out, ']');
    ngx_http_clientcert_json_flag(out, "partial", partial);
    ngx_http_clientcert_json_close(out, '}');

    return NGX_OK;
}
