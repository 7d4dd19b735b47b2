
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_explain.h"
#include "ngx_clientcert_found.h"


/* as many conditions cost what a chain costs */
#define NGX_CLIENTCERT_EXPLAIN_CHAIN  200


static ngx_int_t ngx_clientcert_explain_rules(ngx_clientcert_rules_t *rules,
    ngx_clientcert_asking_t *ask, ngx_array_t *lines, ngx_uint_t *work);
static ngx_uint_t ngx_clientcert_explain_cost(ngx_clientcert_rule_t *rule,
    ngx_clientcert_asking_t *ask);
static void ngx_clientcert_explain_line(ngx_clientcert_rule_t *rule,
    ngx_clientcert_asking_t *ask, ngx_clientcert_line_t *line);
static int ngx_libc_cdecl ngx_clientcert_explain_cmp(const void *one,
    const void *two);
static ngx_int_t ngx_clientcert_explain_text(ngx_pool_t *pool, ngx_str_t *text,
    u_char *p, u_char *last);
static ngx_uint_t ngx_clientcert_explain_search(ngx_clientcert_rules_t *rules,
    ngx_clientcert_asking_t *ask);
static ngx_int_t ngx_clientcert_explain_helps(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, const char *key, ngx_str_t *text);
static ngx_uint_t ngx_clientcert_explain_quotable(ngx_str_t *text);


/*
 * What is unknown may be so because OpenSSL had no memory, of which it doesn't
 * always tell; the second time there is none at once, or enough.
 */

ngx_clientcert_verdict_t *
ngx_clientcert_explain_decide(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client)
{
    ngx_uint_t                 tries;
    ngx_clientcert_verdict_t  *verdict;

    verdict = NULL;

    for (tries = 0; tries < 2; tries++) {

        verdict = ngx_clientcert_policy_decide(policy, client);

        if (verdict == NULL || verdict->memory) {
            return NULL;
        }

        if (!verdict->unknown) {
            break;
        }
    }

    return verdict;
}


ngx_int_t
ngx_clientcert_explain_lines(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, ngx_array_t *lines, ngx_uint_t *work)
{
    ngx_clientcert_asking_t  ask;

    ngx_clientcert_policy_ask(policy, client, &ask);

    if (ngx_clientcert_explain_rules(&policy->deny, &ask, lines, work)
        != NGX_OK
        || ngx_clientcert_explain_rules(&policy->allow, &ask, lines, work)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ask.doubt.memory) {
        return NGX_ERROR;
    }

    ngx_qsort(lines->elts, lines->nelts, sizeof(ngx_clientcert_line_t),
              ngx_clientcert_explain_cmp);

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_explain_rules(ngx_clientcert_rules_t *rules,
    ngx_clientcert_asking_t *ask, ngx_array_t *lines, ngx_uint_t *work)
{
    ngx_uint_t                      cost;
    ngx_clientcert_rule_t          *rule;
    ngx_clientcert_line_t          *line;
    ngx_clientcert_chain_result_t  *chains;

    for (rule = rules->first; rule; rule = rule->next) {

        cost = ngx_clientcert_explain_cost(rule, ask);

        if (cost > *work) {
            *work = 0;
            return NGX_OK;
        }

        *work -= cost;

        line = ngx_array_push(lines);
        if (line == NULL) {
            return NGX_ERROR;
        }

        chains = ask->cert->chains;

        ngx_clientcert_explain_line(rule, ask, line);

        /* of a file that no line before had needed */

        if (ask->cert->chains != chains) {
            *work -= ngx_min(*work, NGX_CLIENTCERT_EXPLAIN_CHAIN);
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_clientcert_explain_cost(ngx_clientcert_rule_t *rule,
    ngx_clientcert_asking_t *ask)
{
    ngx_uint_t                   cost;
    ngx_clientcert_names_t      *names;
    ngx_clientcert_condition_t  *cond;

    cost = (rule->conditions == NULL);

    for (cond = rule->conditions; cond; cond = cond->next) {
        cost++;

        if (ngx_clientcert_condition_is_regex(cond)) {
            names = ngx_clientcert_certificate_names(ask->cert);
            cost += names ? ngx_min(names->nelts, NGX_CLIENTCERT_NAMES_MAX)
                          : 0;
        }
    }

    return cost;
}


/* all of them, where a request ends with the first that doesn't hold */

static void
ngx_clientcert_explain_line(ngx_clientcert_rule_t *rule,
    ngx_clientcert_asking_t *ask, ngx_clientcert_line_t *line)
{
    ngx_uint_t                   unknown;
    ngx_clientcert_answer_e      answer;
    ngx_clientcert_condition_t  *cond;

    line->rule = rule;
    line->lacks = (rule->needs_chain && !ask->verified);

    unknown = 0;

    for (cond = rule->conditions; cond; cond = cond->next) {
        answer = ngx_clientcert_condition_answer(cond, ask);

        line->lacks += (answer == NGX_CLIENTCERT_NO);
        unknown += (answer == NGX_CLIENTCERT_UNKNOWN);
    }

    line->answer = line->lacks ? NGX_CLIENTCERT_NO
                   : unknown ? NGX_CLIENTCERT_UNKNOWN : NGX_CLIENTCERT_YES;
}


/* of those that lack as many, those of which more holds come first */

static int ngx_libc_cdecl
ngx_clientcert_explain_cmp(const void *one, const void *two)
{
    const ngx_clientcert_line_t *first = one;
    const ngx_clientcert_line_t *second = two;

    if (first->lacks != second->lacks) {
        return (first->lacks < second->lacks) ? -1 : 1;
    }

    if (first->rule->n != second->rule->n) {
        return (first->rule->n > second->rule->n) ? -1 : 1;
    }

    if (first->rule->deny != second->rule->deny) {
        return first->rule->deny ? -1 : 1;
    }

    return (first->rule->number < second->rule->number) ? -1 : 1;
}


ngx_int_t
ngx_clientcert_explain_condition(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, ngx_clientcert_condition_t *cond,
    ngx_clientcert_finding_t *finding)
{
    ngx_clientcert_found_t   fd;
    ngx_clientcert_asking_t  ask;

    ngx_memzero(finding, sizeof(ngx_clientcert_finding_t));

    ngx_clientcert_policy_ask(policy, client, &ask);
    ask.label_len = 0;
    ask.failed = NULL;

    finding->answer = ngx_clientcert_condition_answer(cond, &ask);

    fd.wanted = NULL;
    fd.found = fd.found_text;

    /* what varies has no value yet */

    if (cond->compiled == NULL) {
        cond->key->found(cond, &ask, &fd);
    }

    if (ask.doubt.memory
        || ngx_clientcert_explain_text(client->pool, &finding->found,
                                       fd.found_text, fd.found)
           != NGX_OK
        || ngx_clientcert_explain_text(client->pool, &finding->doubt,
                                       ask.text, ask.doubt.last)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (fd.wanted == NULL) {
        return NGX_OK;
    }

    return ngx_clientcert_explain_text(client->pool, &finding->wanted,
                                       fd.wanted_text, fd.wanted);
}


static ngx_int_t
ngx_clientcert_explain_text(ngx_pool_t *pool, ngx_str_t *text, u_char *p,
    u_char *last)
{
    text->len = last - p;
    text->data = ngx_pnalloc(pool, text->len + 1);

    if (text->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(text->data, p, text->len);

    return NGX_OK;
}


ngx_uint_t
ngx_clientcert_explain_allows_by(ngx_clientcert_policy_t *policy,
    ngx_clientcert_store_t *st)
{
    ngx_clientcert_rule_t       *rule;
    ngx_clientcert_condition_t  *cond;

    for (rule = policy->allow.first; rule; rule = rule->next) {
        for (cond = rule->conditions; cond; cond = cond->next) {
            if (ngx_clientcert_condition_store(cond) == st) {
                return 1;
            }
        }
    }

    return 0;
}


ngx_int_t
ngx_clientcert_explain_depends(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, ngx_clientcert_verdict_t *verdict)
{
    ngx_clientcert_line_t     line;
    ngx_clientcert_rule_t    *rule;
    ngx_clientcert_asking_t   ask;

    switch (verdict->reason) {

    case NGX_CLIENTCERT_OK:
        rule = policy->deny.varying.first;
        break;

    case NGX_CLIENTCERT_NO_MATCH:
    case NGX_CLIENTCERT_UNTRUSTED:
        rule = (policy->trust == NGX_CLIENTCERT_TRUST_PIN
                || client->chain == NGX_CLIENTCERT_VERIFIED)
               ? policy->allow.varying.first : NULL;
        break;

    default:
        return NGX_DECLINED;
    }

    ngx_clientcert_policy_ask(policy, client, &ask);

    for ( /* void */ ; rule; rule = rule->walked) {
        ngx_clientcert_explain_line(rule, &ask, &line);

        if (line.answer != NGX_CLIENTCERT_NO) {
            break;
        }
    }

    if (ask.doubt.memory) {
        return NGX_ERROR;
    }

    return rule ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_clientcert_explain_may_allow(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, ngx_uint_t *work)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i, cost;
    ngx_clientcert_asking_t    ask;
    ngx_clientcert_client_t    any;
    ngx_clientcert_verdict_t  *verdict;

    static ngx_clientcert_chain_e  chains[] = {
        NGX_CLIENTCERT_UNVERIFIED,
        NGX_CLIENTCERT_VERIFIED
    };

    ngx_clientcert_policy_ask(policy, client, &ask);

    cost = 1 + ngx_clientcert_explain_search(&policy->deny, &ask)
           + ngx_clientcert_explain_search(&policy->allow, &ask);

    if (cost > *work) {
        return NGX_ABORT;
    }

    *work -= cost;
    any = *client;

    for (i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
        any.chain = chains[i];

        verdict = ngx_clientcert_explain_decide(policy, &any);
        if (verdict == NULL) {
            return NGX_ERROR;
        }

        rc = (verdict->reason == NGX_CLIENTCERT_OK)
             ? NGX_OK : ngx_clientcert_explain_depends(policy, &any, verdict);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return NGX_DECLINED;
}


/* conditions of the rules that aren't looked up */

static ngx_uint_t
ngx_clientcert_explain_search(ngx_clientcert_rules_t *rules,
    ngx_clientcert_asking_t *ask)
{
    ngx_uint_t              cost;
    ngx_clientcert_rule_t  *rule;

    cost = 0;

    for (rule = rules->walked.first; rule; rule = rule->walked) {
        cost += ngx_clientcert_explain_cost(rule, ask);
    }

    for (rule = rules->varying.first; rule; rule = rule->walked) {
        cost += ngx_clientcert_explain_cost(rule, ask);
    }

    return cost;
}


ngx_int_t
ngx_clientcert_explain_name(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, ngx_str_t *subject, const char **key,
    ngx_str_t *value)
{
    ngx_int_t                    rc;
    ngx_str_t                    none;
    ngx_uint_t                   i;
    ngx_clientcert_names_t      *names;
    ngx_clientcert_namesakes_t   of;

    static struct {
        const char             *key;
        ngx_clientcert_name_e   type;
    } sans[] = {
        { "uri", NGX_CLIENTCERT_URI },
        { "dns", NGX_CLIENTCERT_DNS },
        { "email", NGX_CLIENTCERT_EMAIL }
    };

    names = ngx_clientcert_certificate_names(client->cert);
    if (names == NULL) {
        return NGX_ERROR;
    }

    ngx_str_null(&none);

    for (i = 0; i < sizeof(sans) / sizeof(sans[0]); i++) {
        ngx_clientcert_names_of(names, sans[i].type, &none, &of);

        if (of.nelts == 0 || of.unreadable) {
            continue;
        }

        *key = sans[i].key;
        *value = of.elts[0]->value;

        rc = ngx_clientcert_explain_helps(policy, client, *key, value);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    *key = "subject";
    *value = *subject;

    return ngx_clientcert_explain_helps(policy, client, *key, value);
}


/* a name is what somebody wrote: nginx may not read it, or want it alone */

static ngx_int_t
ngx_clientcert_explain_helps(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, const char *key, ngx_str_t *text)
{
    ngx_str_t                   condition;
    ngx_clientcert_answer_e     answer;
    ngx_clientcert_asking_t     ask;
    ngx_clientcert_pattern_t    pt;
    ngx_clientcert_reading_t    rd;
    ngx_clientcert_condition_t  cond;

    if (!ngx_clientcert_explain_quotable(text)) {
        return NGX_DECLINED;
    }

    condition.len = ngx_strlen(key) + 1 + text->len;
    condition.data = ngx_pnalloc(client->pool, condition.len + 1);

    if (condition.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(condition.data, "%s=%V%Z", key, text);

    ngx_memzero(&rd, sizeof(ngx_clientcert_reading_t));
    ngx_memzero(&cond, sizeof(ngx_clientcert_condition_t));
    ngx_memzero(&pt, sizeof(ngx_clientcert_pattern_t));

    rd.pool = client->pool;
    cond.value = &pt;

    if (ngx_clientcert_condition_read(&rd, &cond, &condition) != NGX_OK) {
        return (rd.last > rd.text) ? NGX_DECLINED : NGX_ERROR;
    }

    ngx_clientcert_policy_ask(policy, client, &ask);

    answer = ngx_clientcert_condition_answer(&cond, &ask);

    if (ask.doubt.memory) {
        return NGX_ERROR;
    }

    return (answer == NGX_CLIENTCERT_YES) ? NGX_OK : NGX_DECLINED;
}


/* neither a pattern nor a variable, and not cut off */

static ngx_uint_t
ngx_clientcert_explain_quotable(ngx_str_t *text)
{
    size_t  i;

    if (text->len == 0 || text->len >= NGX_CLIENTCERT_NAME_LEN
        || text->data[0] == '~')
    {
        return 0;
    }

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < ' ' || text->data[i] > '~'
            || ngx_strchr("\"\\$*|", text->data[i]))
        {
            return 0;
        }
    }

    return 1;
}
