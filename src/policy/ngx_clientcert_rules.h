
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_RULES_H_INCLUDED_
#define _NGX_CLIENTCERT_RULES_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "../stats/ngx_clientcert_counts.h"
#include "ngx_clientcert_condition.h"


typedef struct ngx_clientcert_rule_s  ngx_clientcert_rule_t;

/* the conditions of one "allow" or "deny", which must all hold */

struct ngx_clientcert_rule_s {
    ngx_clientcert_rule_t       *next;      /* in the order of configuration */
    ngx_clientcert_rule_t       *walked;    /* next of the same list */

    /* as ngx_clientcert_condition_cmp() sorts them */
    ngx_clientcert_condition_t  *conditions;
    ngx_uint_t                   n;         /* of them */
    ngx_uint_t                   hash;      /* of them, in any order */

    uint64_t                     id;        /* by policy and text */
    ngx_clientcert_count_t       count;     /* of its decisions */

    ngx_str_t                    label;
    ngx_uint_t                   number;    /* in the configuration's order */
    ngx_uint_t                   asked;     /* in which search, last */

    u_char                      *file;
    ngx_uint_t                   line;
    ngx_str_t                   *args;      /* as written */
    ngx_uint_t                   nargs;

    unsigned                     deny:1;
    unsigned                     stores:1;      /* asks some, and it counts */
    unsigned                     needs_chain:1; /* a verified one */
    unsigned                     varies:1;      /* has variables */
    unsigned                     looked_up:1;   /* found by a hash */
    unsigned                     trusted:1;     /* pins or has its own CA */
};


typedef struct ngx_clientcert_place_s  ngx_clientcert_place_t;

struct ngx_clientcert_place_s {
    ngx_clientcert_place_t      *next;      /* of the bucket: another hash */
    ngx_clientcert_place_t      *same;      /* of the same hash */
    ngx_uint_t                   n;         /* of these, from here on */
    ngx_clientcert_rule_t       *rule;
    ngx_uint_t                   asked;     /* all of the hash, as a rule */
    uint32_t                     hash;      /* of one of its conditions */
};


typedef struct {
    ngx_clientcert_rule_t       *first;
    ngx_clientcert_rule_t       *last;
} ngx_clientcert_rule_list_t;


/*
 * Rules are found by one of their conditions.  Those without one that can be
 * looked up (blocks of addresses, regular expressions, object identifiers,
 * issuers' thumbprints, stores, "ca") are walked, and so are those with
 * variables, anew at each request.
 */

typedef struct {
    ngx_clientcert_place_t     **buckets;
    ngx_uint_t                   mask;      /* number of buckets less one */
    ngx_uint_t                   hashes;    /* in the buckets */

    ngx_uint_t                   kinds;     /* that rules are found by */
    ngx_uint_t                   n;         /* of all rules */
    ngx_uint_t                   chained;   /* some need a verified chain */

    ngx_clientcert_rule_t       *first;     /* of all */
    ngx_clientcert_rule_t       *last;
    ngx_clientcert_rule_list_t   walked;
    ngx_clientcert_rule_list_t   varying;
} ngx_clientcert_rules_t;


/*
 * Sorts a condition into a rule.  Returns NGX_OK, or NGX_DECLINED if the rule
 * has it already, or NGX_ABORT if no certificate can meet it and another.
 */
ngx_int_t ngx_clientcert_rules_condition(ngx_clientcert_rule_t *rule,
    ngx_clientcert_condition_t *cond);

/*
 * The first condition of a rule, or the first after cond, that has one of the
 * NGX_CLIENTCERT_KEY_... flags, or NULL.
 */
ngx_clientcert_condition_t *ngx_clientcert_rules_with(
    ngx_clientcert_rule_t *rule, ngx_clientcert_condition_t *cond,
    ngx_uint_t flags);

/*
 * Adds a rule, which must stay where it is, and allocates from pool.
 * Returns NGX_OK, NGX_ERROR without memory, or NGX_DECLINED if an earlier
 * rule, put into *same, has the same conditions: the rule isn't added then.
 */
ngx_int_t ngx_clientcert_rules_add(ngx_clientcert_rules_t *rules,
    ngx_clientcert_rule_t *rule, ngx_pool_t *pool,
    ngx_clientcert_rule_t **same);

/*
 * Returns one of the first n rules that holds wherever the given rule does,
 * or NULL.  verified: that is only asked about verified certificates.
 */
ngx_clientcert_rule_t *ngx_clientcert_rules_covering(
    ngx_clientcert_rules_t *rules, ngx_uint_t n, ngx_clientcert_rule_t *rule,
    ngx_uint_t verified);

/*
 * Searches the rules without variables, or those with some, for one that
 * matches: of "allow" the first that holds, before the one in *found if that
 * isn't NULL; of "deny" any that doesn't certainly not hold.  *found is the
 * result, and ask->doubt tells whether there is any doubt about it.
 */
void ngx_clientcert_rules_find(ngx_clientcert_rules_t *rules,
    ngx_clientcert_asking_t *ask, ngx_clientcert_rule_t **found);
void ngx_clientcert_rules_find_varying(ngx_clientcert_rules_t *rules,
    ngx_clientcert_asking_t *ask, ngx_clientcert_rule_t **found);


#endif /* _NGX_CLIENTCERT_RULES_H_INCLUDED_ */
