
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_DECISIONS_H_INCLUDED_
#define _NGX_CLIENTCERT_DECISIONS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "../stats/ngx_clientcert_counts.h"
#include "ngx_clientcert_policy.h"


/* certificates that end within so many seconds are counted apart */
#define NGX_CLIENTCERT_DECISIONS_SOON  (30 * 24 * 60 * 60)


/* the values of a policy: one a reason, in their order, then these */

typedef enum {
    NGX_CLIENTCERT_DECISIONS_EXPIRING = NGX_CLIENTCERT_REASONS,
    NGX_CLIENTCERT_DECISIONS_REFUSED,           /* when, last */
    NGX_CLIENTCERT_DECISIONS_VALUES
} ngx_clientcert_decisions_e;


/* those of a rule */

typedef enum {
    NGX_CLIENTCERT_DECISIONS_MADE = 0,
    NGX_CLIENTCERT_DECISIONS_LAST               /* when, 0: never */
} ngx_clientcert_decisions_rule_e;


/* tells the rules of a policy apart, whatever line they stand in; 48 bits */
#define NGX_CLIENTCERT_DECISIONS_ID(rule)  ((rule)->id >> 16)


/*
 * Has the policies (ngx_clientcert_policy_t *) and their rules counted.  They
 * are known by the policy's name, whether it is in dry run, and the text of
 * the rule.  Returns NGX_OK, or NGX_ERROR without memory.
 */
ngx_int_t ngx_clientcert_decisions_init(ngx_conf_t *cf, ngx_array_t *policies,
    ngx_clientcert_counts_t *counts);

/*
 * Whether a rule has decided nothing yet, as far as is known.
 */
static ngx_inline ngx_uint_t
ngx_clientcert_decisions_unused(ngx_clientcert_rule_t *rule)
{
    return !ngx_clientcert_counts_shared(&rule->count)
           && ngx_clientcert_counts_value(&rule->count,
                                          NGX_CLIENTCERT_DECISIONS_MADE)
              == 0;
}


/*
 * Counts a verdict about the client of a connection, which may be NULL.  The
 * policy must have counts.
 */
void ngx_clientcert_decisions_count(ngx_clientcert_verdict_t *verdict,
    ngx_clientcert_connection_t *conn);


#endif /* _NGX_CLIENTCERT_DECISIONS_H_INCLUDED_ */
