
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_POLICY_H_INCLUDED_
#define _NGX_CLIENTCERT_POLICY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "../cert/ngx_clientcert_connection.h"
#include "ngx_clientcert_rules.h"


typedef enum {
    NGX_CLIENTCERT_OK = 0,
    NGX_CLIENTCERT_NO_TLS,
    NGX_CLIENTCERT_NO_CERTIFICATE,
    NGX_CLIENTCERT_UNTRUSTED,
    NGX_CLIENTCERT_MISDIRECTED,
    NGX_CLIENTCERT_NOT_YET_VALID,
    NGX_CLIENTCERT_EXPIRED,
    NGX_CLIENTCERT_WRONG_PURPOSE,
    NGX_CLIENTCERT_LIFETIME,
    NGX_CLIENTCERT_WEAK_KEY,
    NGX_CLIENTCERT_DENIED,
    NGX_CLIENTCERT_NO_MATCH,
    NGX_CLIENTCERT_EARLY_DATA,
    NGX_CLIENTCERT_ERROR,
    NGX_CLIENTCERT_REASONS
} ngx_clientcert_reason_e;


/* whether the server that answers has verified the chain */

typedef enum {
    NGX_CLIENTCERT_UNVERIFIED = 0,
    NGX_CLIENTCERT_VERIFIED,
    NGX_CLIENTCERT_VERIFIED_ELSEWHERE
} ngx_clientcert_chain_e;


typedef enum {
    NGX_CLIENTCERT_TRUST_PIN = 0,
    NGX_CLIENTCERT_TRUST_CHAIN
} ngx_clientcert_trust_e;


/* a store that some "allow" or "deny" asks */

typedef struct {
    ngx_clientcert_store_t      *store;
    ngx_uint_t                   deny;
} ngx_clientcert_use_t;


typedef struct {
    ngx_str_t                    name;

    u_char                      *file;      /* where it was named first */
    ngx_uint_t                   line;

    ngx_clientcert_rules_t       allow;
    ngx_clientcert_rules_t       deny;

    ngx_uint_t                   reject;    /* status code */
    ngx_str_t                    status_line;   /* empty: nginx's own */

    ngx_uint_t                   trust;
    ngx_uint_t                   purpose;
    ngx_flag_t                   validity;
    time_t                       max_lifetime;  /* seconds, 0: any */
    ngx_uint_t                   min_key[NGX_CLIENTCERT_ALGORITHMS];
                                                /* bits, 0: any */
    ngx_flag_t                   dry_run;
    ngx_uint_t                   log_level;

    /* to be set before the block is read */
    ngx_clientcert_dictionary_t *cas;       /* ngx_clientcert_ca_t * */
    ngx_clientcert_dictionary_t *stores;    /* ngx_clientcert_store_t * */
    ngx_clientcert_variables_t  *variables;

    ngx_array_t                  asked;     /* stores that its rules ask */

    /* of ngx_clientcert_decisions.c, NULL: nothing is counted */
    ngx_clientcert_counts_row_t *counts;
    ngx_clientcert_rule_t      **rules;     /* all that are counted */
    ngx_uint_t                   nrules;
    ngx_array_t                  uses;      /* ngx_clientcert_use_t, stores */

    unsigned                     defined:1;
    unsigned                     varies:1;      /* has variables */
    unsigned                     sized:1;       /* has a "min_key" */
} ngx_clientcert_policy_t;


/* whom a policy decides about */

typedef struct {
    ngx_clientcert_connection_t   *conn;    /* NULL: nothing is remembered */
    ngx_clientcert_certificate_t  *cert;    /* NULL: there is none */
    ngx_clientcert_trust_t        *trust;   /* of the server that answers */
    ngx_clientcert_chain_e         chain;   /* what it is worth there */
    time_t                         now;

    ngx_pool_t                    *pool;    /* of the request */
    void                          *request; /* NULL: nothing varies */
    ngx_clientcert_store_t        *supposed;    /* as if it were in there */

    unsigned                       no_tls:1;
    unsigned                       failed:1;    /* it can't be read */
    unsigned                       early:1;     /* TLS early data */
} ngx_clientcert_client_t;


typedef struct ngx_clientcert_verdict_s  ngx_clientcert_verdict_t;

struct ngx_clientcert_verdict_s {
    ngx_clientcert_policy_t       *policy;
    ngx_clientcert_reason_e        reason;
    ngx_str_t                      label;
    ngx_str_t                      detail;    /* in words, ASCII, or empty */
    ngx_clientcert_rule_t         *rule;      /* that decided, or NULL */

    /* what an "allow" lacked and no more, or NULL; of the certificate */
    ngx_clientcert_chain_built_t  *lacked;

    unsigned                       unknown:1; /* some answer was */
    unsigned                       memory:1;  /* for want of it */

    ngx_clientcert_verdict_t      *next;      /* of ngx_clientcert_policy.c */
};


/* what the rules without variables of a policy have said of a connection */

typedef struct ngx_clientcert_known_s  ngx_clientcert_known_t;

struct ngx_clientcert_known_s {
    ngx_clientcert_known_t      *next;
    ngx_clientcert_policy_t     *policy;
    ngx_clientcert_chain_e       chain;
    ngx_clientcert_trust_t      *trust;         /* of who asked last */

    ngx_uint_t                   generation;    /* of the stores asked */
    time_t                       from;          /* it holds */
    time_t                       until;
    ngx_clientcert_verdict_t    *verdict;       /* NULL: nothing yet */
    ngx_clientcert_verdict_t    *made;          /* this one and all before */
};


extern ngx_str_t  ngx_clientcert_reasons[];


/*
 * Of all stores that the policy asks: none of them ever goes back, so neither
 * does their sum.
 */
static ngx_inline ngx_uint_t
ngx_clientcert_policy_generation(ngx_clientcert_policy_t *policy)
{
    ngx_uint_t                i, sum;
    ngx_clientcert_store_t  **st;

    sum = 0;
    st = policy->asked.elts;

    for (i = 0; i < policy->asked.nelts; i++) {
        sum += ngx_clientcert_store_generation(st[i]);
    }

    return sum;
}


/*
 * Whether the policy would say it again now.
 */
static ngx_inline ngx_uint_t
ngx_clientcert_policy_holds(ngx_clientcert_known_t *known, time_t now)
{
    return known->verdict
           && now >= known->from
           && now <= known->until
           && known->generation
              == ngx_clientcert_policy_generation(known->policy);
}


/*
 * What ngx_clientcert_policy_decide() would return, if it is what it returned
 * last on the connection for a server of the same trust, and depends on
 * nothing else, or NULL.  Nothing is returned before a handshake is complete.
 */
static ngx_inline ngx_clientcert_verdict_t *
ngx_clientcert_policy_recall(ngx_clientcert_policy_t *policy,
    ngx_clientcert_connection_t *conn, ngx_clientcert_trust_t *trust,
    time_t now)
{
    ngx_clientcert_known_t  *known;

    known = conn->verdicts;

    return (known
            && known->policy == policy
            && known->trust == trust
            && !policy->varies
            && ngx_clientcert_policy_holds(known, now))
           ? known->verdict : NULL;
}


/*
 * Decides about a client.  The verdict must not be changed, it may be shared
 * by all requests of the connection.  It lives as long as the connection or
 * the pool of the client do, whichever is shorter.  Without a request rules
 * with variables are left out.  NULL without memory.
 */
ngx_clientcert_verdict_t *ngx_clientcert_policy_decide(
    ngx_clientcert_policy_t *policy, ngx_clientcert_client_t *client);

/*
 * Prepares conditions of the policy to be asked about a client.
 */
void ngx_clientcert_policy_ask(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, ngx_clientcert_asking_t *ask);

/*
 * Whether a certificate without a verified chain is never allowed.
 */
ngx_uint_t ngx_clientcert_policy_needs_chain(ngx_clientcert_policy_t *policy);

/*
 * Whether some "allow" lets in who isn't pinned and has no CA in the policy,
 * so that the CAs of the server decide.
 */
ngx_uint_t ngx_clientcert_policy_trusts_chain(ngx_clientcert_policy_t *policy);

/*
 * Finds a policy by its name, or makes one that is not defined yet and
 * remembers where cf stands.  Returns NULL without memory.
 */
ngx_clientcert_policy_t *ngx_clientcert_policy_get(ngx_conf_t *cf,
    ngx_clientcert_dictionary_t *policies, ngx_str_t *name);

/*
 * Reads the block of a policy after "{", up to and with its "}".
 * Returns NGX_CONF_OK or NGX_CONF_ERROR, which is logged.
 */
char *ngx_clientcert_policy_block(ngx_conf_t *cf,
    ngx_clientcert_policy_t *policy);


#endif /* _NGX_CLIENTCERT_POLICY_H_INCLUDED_ */
