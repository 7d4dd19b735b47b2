
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_POLICY_H_INCLUDED_
#define _NGX_CLIENTCERT_POLICY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "../cert/ngx_clientcert_connection.h"
#include "ngx_clientcert_conditions.h"


typedef enum {
    NGX_CLIENTCERT_OK = 0,
    NGX_CLIENTCERT_NO_TLS,
    NGX_CLIENTCERT_NO_CERTIFICATE,
    NGX_CLIENTCERT_UNTRUSTED,
    NGX_CLIENTCERT_MISDIRECTED,
    NGX_CLIENTCERT_NOT_YET_VALID,
    NGX_CLIENTCERT_EXPIRED,
    NGX_CLIENTCERT_WRONG_PURPOSE,
    NGX_CLIENTCERT_DENIED,
    NGX_CLIENTCERT_NO_MATCH,
    NGX_CLIENTCERT_EARLY_DATA,
    NGX_CLIENTCERT_ERROR
} ngx_clientcert_reason_e;


/* whether the server that answers has verified the chain */

typedef enum {
    NGX_CLIENTCERT_UNVERIFIED = 0,
    NGX_CLIENTCERT_VERIFIED,
    NGX_CLIENTCERT_VERIFIED_ELSEWHERE
} ngx_clientcert_chain_e;

#define NGX_CLIENTCERT_CHAINS  3


typedef enum {
    NGX_CLIENTCERT_TRUST_PIN = 0,
    NGX_CLIENTCERT_TRUST_CHAIN
} ngx_clientcert_trust_e;


typedef struct ngx_clientcert_rule_s  ngx_clientcert_rule_t;

/* the conditions of one "allow" or "deny", which must all hold */

struct ngx_clientcert_rule_s {
    ngx_clientcert_rule_t       *next;      /* of the same list */

    u_char                      *sha1;      /* NULL: not asked for */
    u_char                      *sha256;

    /* the other ones, as ngx_clientcert_condition_cmp() sorts them */
    ngx_clientcert_condition_t  *conditions;
    ngx_uint_t                   n;         /* of them */
    ngx_uint_t                   hash;      /* of them, in any order */

    ngx_str_t                    label;
    ngx_uint_t                   number;    /* in the configuration's order */

    u_char                      *file;
    ngx_uint_t                   line;

    unsigned                     needs_chain:1; /* a verified one */
    unsigned                     varies:1;      /* has variables */
    unsigned                     trusted:1;     /* pins or has its own CA */
};


typedef struct {
    ngx_clientcert_rule_t   *first;
    ngx_clientcert_rule_t  **last;      /* NULL: the list is empty */
} ngx_clientcert_rule_list_t;


/* rules by the digest they pin, and in lists those that can't be so */

typedef struct {
    ngx_clientcert_rule_t      **buckets;
    ngx_uint_t                   mask;  /* number of buckets less one */
    ngx_uint_t                   n;     /* of all rules */

    ngx_clientcert_rule_list_t   unpinned;
    ngx_clientcert_rule_list_t   varying;   /* all that have variables */
} ngx_clientcert_rules_t;


typedef struct {
    ngx_str_t                    name;
    ngx_uint_t                   index;     /* in siblings */
    ngx_array_t                 *siblings;  /* ngx_clientcert_policy_t * */

    u_char                      *file;      /* where it was named first */
    ngx_uint_t                   line;

    ngx_clientcert_rules_t       allow;
    ngx_clientcert_rules_t       deny;

    ngx_uint_t                   reject;    /* status code */
    ngx_str_t                    status_line;   /* empty: nginx's own */

    ngx_uint_t                   trust;
    ngx_flag_t                   validity;
    ngx_flag_t                   dry_run;
    ngx_uint_t                   log_level;

    /* to be set before the block is read */
    ngx_array_t                 *cas;       /* ngx_clientcert_ca_t * */
    ngx_array_t                 *stores;    /* ngx_clientcert_store_t * */
    ngx_clientcert_variables_t  *variables;

    ngx_array_t                  asked;     /* those of its rules */

    unsigned                     defined:1;
    unsigned                     varies:1;      /* has variables */
} ngx_clientcert_policy_t;


typedef struct ngx_clientcert_verdict_s  ngx_clientcert_verdict_t;

struct ngx_clientcert_verdict_s {
    ngx_clientcert_policy_t     *policy;
    ngx_clientcert_reason_e      reason;
    ngx_str_t                    label;     /* one from a store is escaped */
    ngx_clientcert_rule_t       *rule;      /* that allows, or NULL */
    ngx_clientcert_verdict_t    *next;      /* of ngx_clientcert_policy.c */
};


extern ngx_str_t  ngx_clientcert_reasons[];


/*
 * Decides about a TLS connection.  The verdict must not be changed, it may be
 * shared by all requests of the connection.  It lives as long as the connection or
 * the pool of ask do, whichever is shorter.  NULL without memory.
 */
ngx_clientcert_verdict_t *ngx_clientcert_policy_decide(
    ngx_clientcert_policy_t *policy, ngx_clientcert_connection_t *conn,
    ngx_clientcert_asking_t *ask, ngx_clientcert_chain_e chain);

/*
 * What ngx_clientcert_policy_decide() would return, if that is known already
 * and depends on nothing but the connection, the time and stores, or NULL.
 */
ngx_clientcert_verdict_t *ngx_clientcert_policy_recall(
    ngx_clientcert_policy_t *policy, ngx_clientcert_connection_t *conn,
    ngx_clientcert_chain_e chain, time_t now);

/*
 * A verdict from pool with the given reason.  NULL without memory.
 */
ngx_clientcert_verdict_t *ngx_clientcert_policy_refuse(
    ngx_clientcert_policy_t *policy, ngx_clientcert_reason_e reason,
    ngx_pool_t *pool);

/*
 * The digest that the rule's bucket is chosen by, or NULL if it pins none.
 */
u_char *ngx_clientcert_rule_digest(ngx_clientcert_rule_t *rule);

/*
 * The first store that the rule asks, or NULL.
 */
ngx_clientcert_store_t *ngx_clientcert_rule_store(
    ngx_clientcert_rule_t *rule);

/*
 * Sorts a condition into a rule.  Returns NGX_OK, or NGX_DECLINED if the rule
 * has it already, or NGX_ABORT if no certificate can meet it and another.
 */
ngx_int_t ngx_clientcert_rule_add(ngx_clientcert_rule_t *rule,
    ngx_clientcert_condition_t *cond);

/*
 * Walks all rules, those with a digest first: the first one if rule is NULL,
 * else the one after it, or NULL.  *i is the place kept between the calls.
 */
ngx_clientcert_rule_t *ngx_clientcert_rules_next(
    ngx_clientcert_rules_t *rules, ngx_clientcert_rule_t *rule,
    ngx_uint_t *i);

/*
 * Returns one of the first n rules that holds wherever the given rule does,
 * or NULL.  verified: that is only asked about verified certificates.
 */
ngx_clientcert_rule_t *ngx_clientcert_rules_covering(
    ngx_clientcert_rules_t *rules, ngx_uint_t n, ngx_clientcert_rule_t *rule,
    ngx_uint_t verified);

/*
 * Adds a rule, which must stay where it is, and allocates from pool.
 * Returns NGX_OK, NGX_ERROR without memory, or NGX_DECLINED if an earlier
 * rule, put into *same, has the same conditions: the rule isn't added then.
 */
ngx_int_t ngx_clientcert_rules_add(ngx_clientcert_rules_t *rules,
    ngx_clientcert_rule_t *rule, ngx_pool_t *pool,
    ngx_clientcert_rule_t **same);

/*
 * Whether a certificate without a verified chain is never allowed.
 */
ngx_uint_t ngx_clientcert_policy_needs_chain(ngx_clientcert_policy_t *policy);

/*
 * Finds a policy by its name, or makes one that is not defined yet and
 * remembers where cf stands.  Returns NULL without memory.
 */
ngx_clientcert_policy_t *ngx_clientcert_policy_get(ngx_conf_t *cf,
    ngx_array_t *policies, ngx_str_t *name);

/*
 * Reads the block of a policy after "{", up to and with its "}".
 * Returns NGX_CONF_OK or NGX_CONF_ERROR, which is logged.
 */
char *ngx_clientcert_policy_block(ngx_conf_t *cf,
    ngx_clientcert_policy_t *policy);


#endif /* _NGX_CLIENTCERT_POLICY_H_INCLUDED_ */
