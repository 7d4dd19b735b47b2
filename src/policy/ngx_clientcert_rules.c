
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_rules.h"
#include "ngx_clientcert_answer.h"
#include "ngx_clientcert_lookup.h"
#include "../cert/ngx_clientcert_text.h"


#define NGX_CLIENTCERT_MIN_BUCKETS  16


typedef struct {
    ngx_clientcert_rules_t   *rules;
    ngx_clientcert_asking_t  *ask;
    ngx_clientcert_rule_t    *found;
} ngx_clientcert_search_t;


static void ngx_clientcert_rules_append(ngx_clientcert_rule_list_t *list,
    ngx_clientcert_rule_t *rule);
static ngx_uint_t ngx_clientcert_rules_hash(ngx_clientcert_rules_t *rules,
    ngx_clientcert_rule_t *rule, ngx_clientcert_condition_t **cond,
    uint32_t *hash);
static ngx_clientcert_rule_t *ngx_clientcert_rules_match(
    ngx_clientcert_rules_t *rules, ngx_uint_t n, ngx_clientcert_rule_t *rule,
    ngx_uint_t verified, ngx_uint_t same);
static ngx_int_t ngx_clientcert_rules_place(ngx_clientcert_rules_t *rules,
    ngx_clientcert_rule_t *rule, uint32_t hash, ngx_pool_t *pool);
static ngx_clientcert_place_t **ngx_clientcert_rules_places(
    ngx_clientcert_rules_t *rules, uint32_t hash);
static ngx_int_t ngx_clientcert_rules_grow(ngx_clientcert_rules_t *rules,
    ngx_pool_t *pool);
static ngx_uint_t ngx_clientcert_rules_covers(ngx_clientcert_rule_t *one,
    ngx_clientcert_rule_t *two, ngx_uint_t verified);
static ngx_uint_t ngx_clientcert_rules_has(ngx_clientcert_rule_t *rule,
    ngx_clientcert_condition_t *cond);
static ngx_int_t ngx_clientcert_rules_look_up(void *data, uint32_t hash);
static ngx_int_t ngx_clientcert_rules_ask(ngx_clientcert_search_t *search,
    ngx_clientcert_rule_t *rule);
static ngx_clientcert_answer_e ngx_clientcert_rules_answer(
    ngx_clientcert_rule_t *rule, ngx_clientcert_asking_t *ask);


/* of the searches of this process, so that none asks a rule twice */

static ngx_uint_t  ngx_clientcert_rules_search;


ngx_int_t
ngx_clientcert_rules_condition(ngx_clientcert_rule_t *rule,
    ngx_clientcert_condition_t *cond)
{
    ngx_int_t                     rc;
    ngx_clientcert_condition_t  **place, *other;

    if (ngx_clientcert_condition_flags(cond) & NGX_CLIENTCERT_KEY_VERIFIED) {
        rule->needs_chain = 1;
        return NGX_OK;
    }

    if (ngx_clientcert_rules_has(rule, cond)) {
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

    if (ngx_clientcert_condition_flags(cond) & NGX_CLIENTCERT_KEY_TRUSTED) {
        rule->trusted = 1;
    }

    if (cond->compiled) {
        rule->varies = 1;
    }

    return rc;
}


ngx_clientcert_condition_t *
ngx_clientcert_rules_with(ngx_clientcert_rule_t *rule,
    ngx_clientcert_condition_t *cond, ngx_uint_t flags)
{
    for (cond = cond ? cond->next : rule->conditions; cond; cond = cond->next)
    {
        if (ngx_clientcert_condition_flags(cond) & flags) {
            return cond;
        }
    }

    return NULL;
}


ngx_int_t
ngx_clientcert_rules_add(ngx_clientcert_rules_t *rules,
    ngx_clientcert_rule_t *rule, ngx_pool_t *pool,
    ngx_clientcert_rule_t **same)
{
    uint32_t                     hash[NGX_CLIENTCERT_LOOKUP_HASHES];
    ngx_uint_t                   i, n;
    ngx_clientcert_condition_t  *cond;

    *same = ngx_clientcert_rules_match(rules, rules->n, rule, 0, 1);

    if (*same) {
        return NGX_DECLINED;
    }

    n = ngx_clientcert_rules_hash(rules, rule, &cond, hash);

    for (i = 0; i < n; i++) {
        if (ngx_clientcert_rules_place(rules, rule, hash[i], pool) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    rule->number = rules->n++;
    rules->chained |= rule->needs_chain;

    if (rules->last) {
        rules->last->next = rule;

    } else {
        rules->first = rule;
    }

    rules->last = rule;

    if (rule->varies) {
        ngx_clientcert_rules_append(&rules->varying, rule);

    } else if (cond) {
        rule->looked_up = 1;
        rules->kinds |= ngx_clientcert_lookup_kind(cond);

    } else {
        ngx_clientcert_rules_append(&rules->walked, rule);
    }

    return NGX_OK;
}


static void
ngx_clientcert_rules_append(ngx_clientcert_rule_list_t *list,
    ngx_clientcert_rule_t *rule)
{
    if (list->last) {
        list->last->walked = rule;

    } else {
        list->first = rule;
    }

    list->last = rule;
}


/*
 * The hashes of the condition that the rule is found by, which *cond is then:
 * of those that can be looked up the one that fewest others are found by.  Of
 * a rule without any they are those of one that it is only compared by.
 */

static ngx_uint_t
ngx_clientcert_rules_hash(ngx_clientcert_rules_t *rules,
    ngx_clientcert_rule_t *rule, ngx_clientcert_condition_t **cond,
    uint32_t *hash)
{
    uint32_t                     other[NGX_CLIENTCERT_LOOKUP_HASHES];
    ngx_uint_t                   i, n, found, places, least;
    ngx_clientcert_place_t      *place;
    ngx_clientcert_condition_t  *c;

    *cond = NULL;
    found = 0;
    least = 0;

    for (c = rule->conditions; c; c = c->next) {
        n = ngx_clientcert_lookup_hash(c, 0, other);

        if (n == 0) {
            continue;
        }

        place = rules->n ? *ngx_clientcert_rules_places(rules, other[0])
                         : NULL;
        places = place ? place->n : 0;

        if (found && places >= least) {
            continue;
        }

        *cond = c;
        found = n;
        least = places;

        for (i = 0; i < n; i++) {
            hash[i] = other[i];
        }
    }

    if (found) {
        return found;
    }

    if (rule->conditions) {
        return ngx_clientcert_lookup_hash(rule->conditions, 1, hash);
    }

    hash[0] = 0;

    return 1;
}


static ngx_int_t
ngx_clientcert_rules_place(ngx_clientcert_rules_t *rules,
    ngx_clientcert_rule_t *rule, uint32_t hash, ngx_pool_t *pool)
{
    ngx_clientcert_place_t  *place, **first;

    if (ngx_clientcert_rules_grow(rules, pool) != NGX_OK) {
        return NGX_ERROR;
    }

    place = ngx_palloc(pool, sizeof(ngx_clientcert_place_t));
    if (place == NULL) {
        return NGX_ERROR;
    }

    first = ngx_clientcert_rules_places(rules, hash);

    if (*first) {
        place->next = (*first)->next;
        place->n = (*first)->n + 1;

    } else {
        place->next = NULL;
        place->n = 1;
        rules->hashes++;
    }

    place->same = *first;
    place->rule = rule;
    place->asked = 0;
    place->hash = hash;

    *first = place;

    return NGX_OK;
}


/* where the first one of a hash is, or is to be put */

static ngx_clientcert_place_t **
ngx_clientcert_rules_places(ngx_clientcert_rules_t *rules, uint32_t hash)
{
    ngx_clientcert_place_t  **place;

    for (place = &rules->buckets[hash & rules->mask];
         *place;
         place = &(*place)->next)
    {
        if ((*place)->hash == hash) {
            break;
        }
    }

    return place;
}


/* keeps the buckets at least as many as the hashes */

static ngx_int_t
ngx_clientcert_rules_grow(ngx_clientcert_rules_t *rules, ngx_pool_t *pool)
{
    ngx_uint_t               i, n, mask;
    ngx_clientcert_place_t  *place, *next, **buckets;

    n = rules->buckets ? rules->mask + 1 : 0;

    if (rules->hashes < n) {
        return NGX_OK;
    }

    mask = (n ? n * 2 : NGX_CLIENTCERT_MIN_BUCKETS) - 1;

    buckets = ngx_pcalloc(pool, (mask + 1)
                                * sizeof(ngx_clientcert_place_t *));
    if (buckets == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        for (place = rules->buckets[i]; place; place = next) {
            next = place->next;
            place->next = buckets[place->hash & mask];
            buckets[place->hash & mask] = place;
        }
    }

    if (rules->buckets) {
        ngx_pfree(pool, rules->buckets);
    }

    rules->buckets = buckets;
    rules->mask = mask;

    return NGX_OK;
}


ngx_clientcert_rule_t *
ngx_clientcert_rules_covering(ngx_clientcert_rules_t *rules, ngx_uint_t n,
    ngx_clientcert_rule_t *rule, ngx_uint_t verified)
{
    return ngx_clientcert_rules_match(rules, n, rule, verified, 0);
}


/*
 * What covers a rule is found by one of the conditions of that rule.  Those
 * that hold for the same certificates cover each other.
 */

static ngx_clientcert_rule_t *
ngx_clientcert_rules_match(ngx_clientcert_rules_t *rules, ngx_uint_t n,
    ngx_clientcert_rule_t *rule, ngx_uint_t verified, ngx_uint_t same)
{
    uint32_t                     hash[NGX_CLIENTCERT_LOOKUP_HASHES];
    ngx_clientcert_place_t      *place;
    ngx_clientcert_condition_t  *cond;

    if (rules->n == 0) {
        return NULL;
    }

    /* first those without a condition, "verified" alone */

    cond = rule->conditions;
    hash[0] = 0;

    for ( ;; ) {

        for (place = *ngx_clientcert_rules_places(rules, hash[0]);
             place;
             place = place->same)
        {
            if (place->rule->number < n
                && ngx_clientcert_rules_covers(place->rule, rule, verified)
                && (!same
                    || ngx_clientcert_rules_covers(rule, place->rule, 0)))
            {
                return place->rule;
            }
        }

        if (cond == NULL) {
            return NULL;
        }

        (void) ngx_clientcert_lookup_hash(cond, 1, hash);
        cond = cond->next;
    }
}


/* whether one holds wherever two does */

static ngx_uint_t
ngx_clientcert_rules_covers(ngx_clientcert_rule_t *one,
    ngx_clientcert_rule_t *two, ngx_uint_t verified)
{
    ngx_clientcert_condition_t  *cond;

    if (one->n > two->n || (one->n == two->n && one->hash != two->hash)) {
        return 0;
    }

    if (one->needs_chain && !two->needs_chain && !verified) {
        return 0;
    }

    for (cond = one->conditions; cond; cond = cond->next) {
        if (!ngx_clientcert_rules_has(two, cond)) {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_clientcert_rules_has(ngx_clientcert_rule_t *rule,
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


void
ngx_clientcert_rules_find(ngx_clientcert_rules_t *rules,
    ngx_clientcert_asking_t *ask, ngx_clientcert_rule_t **found)
{
    ngx_int_t                 rc;
    ngx_uint_t                deny;
    ngx_clientcert_rule_t    *rule;
    ngx_clientcert_search_t   search;

    if (rules->n == 0) {
        return;
    }

    search.rules = rules;
    search.ask = ask;
    search.found = *found;

    ngx_clientcert_rules_search++;

    deny = rules->first->deny;

    rc = ngx_clientcert_lookup(ask, rules->kinds, deny,
                               ngx_clientcert_rules_look_up, &search);

    if (rc == NGX_ERROR && !deny) {
        (void) ngx_clientcert_answer_memory(ask);
    }

    rule = (deny && rc == NGX_ERROR) ? rules->first : NULL;

    for ( /* void */ ; rc != NGX_DONE && rule; rule = rule->next) {
        if (rule->looked_up) {
            rc = ngx_clientcert_rules_ask(&search, rule);
        }
    }

    rule = rules->walked.first;

    for ( /* void */ ; rc != NGX_DONE && rule; rule = rule->walked) {
        rc = ngx_clientcert_rules_ask(&search, rule);
    }

    *found = search.found;
}


void
ngx_clientcert_rules_find_varying(ngx_clientcert_rules_t *rules,
    ngx_clientcert_asking_t *ask, ngx_clientcert_rule_t **found)
{
    ngx_clientcert_rule_t    *rule;
    ngx_clientcert_search_t   search;

    search.rules = rules;
    search.ask = ask;
    search.found = *found;

    ngx_clientcert_rules_search++;

    for (rule = rules->varying.first; rule; rule = rule->walked) {
        if (ngx_clientcert_rules_ask(&search, rule) == NGX_DONE) {
            break;
        }
    }

    *found = search.found;
}


static ngx_int_t
ngx_clientcert_rules_look_up(void *data, uint32_t hash)
{
    ngx_clientcert_search_t *search = data;

    ngx_clientcert_place_t  *place;

    place = *ngx_clientcert_rules_places(search->rules, hash);

    /* the client can have a name very many times, and so can the rules */

    if (place == NULL || place->asked == ngx_clientcert_rules_search) {
        return NGX_OK;
    }

    place->asked = ngx_clientcert_rules_search;

    for ( /* void */ ; place; place = place->same) {
        if (place->rule->looked_up
            && ngx_clientcert_rules_ask(search, place->rule) == NGX_DONE)
        {
            return NGX_DONE;
        }
    }

    return NGX_OK;
}


/* returns NGX_DONE if the result can't change any more */

static ngx_int_t
ngx_clientcert_rules_ask(ngx_clientcert_search_t *search,
    ngx_clientcert_rule_t *rule)
{
    ngx_str_t                 label;
    ngx_clientcert_asking_t  *ask;
    ngx_clientcert_answer_e   answer;

    /* the client can have very many names that find it */

    if (rule->asked == ngx_clientcert_rules_search) {
        return NGX_OK;
    }

    rule->asked = ngx_clientcert_rules_search;

    ask = search->ask;

    if (search->found && search->found->number <= rule->number) {
        return NGX_OK;
    }

    ask->label_len = 0;

    answer = ngx_clientcert_rules_answer(rule, ask);

    if (rule->deny) {

        if (answer == NGX_CLIENTCERT_NO) {
            return NGX_OK;
        }

        search->found = rule;
        return NGX_DONE;
    }

    if (answer == NGX_CLIENTCERT_YES) {
        search->found = rule;

        label.data = ask->label;
        label.len = ask->label_len;

        ask->found_len = ngx_clientcert_text_label(ask->found, &label)
                         - ask->found;
    }

    return NGX_OK;
}


/* that one condition doesn't hold settles it, whatever is unknown of others */

static ngx_clientcert_answer_e
ngx_clientcert_rules_answer(ngx_clientcert_rule_t *rule,
    ngx_clientcert_asking_t *ask)
{
    ngx_clientcert_doubt_t       doubt;
    ngx_clientcert_answer_e      answer;
    ngx_clientcert_condition_t  *cond;

    doubt = ask->doubt;
    answer = NGX_CLIENTCERT_YES;
    ask->failed = NULL;

    if (rule->needs_chain && !ask->verified) {

        if (!rule->deny || !ask->elsewhere) {
            return NGX_CLIENTCERT_NO;
        }

        answer = ngx_clientcert_answer_elsewhere(ask);
    }

    for (cond = rule->conditions; cond; cond = cond->next) {

        switch (ngx_clientcert_condition_answer(cond, ask)) {

        case NGX_CLIENTCERT_YES:
            break;

        case NGX_CLIENTCERT_NO:
            ask->doubt = doubt;

            if (ask->failed
                && answer == NGX_CLIENTCERT_YES
                && ngx_clientcert_chain_further(ask->failed, ask->lacked))
            {
                ask->lacked = ask->failed;
            }

            return NGX_CLIENTCERT_NO;

        default: /* NGX_CLIENTCERT_UNKNOWN */
            answer = NGX_CLIENTCERT_UNKNOWN;
            break;
        }
    }

    return answer;
}
