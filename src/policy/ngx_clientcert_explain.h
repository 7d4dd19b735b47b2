
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_EXPLAIN_H_INCLUDED_
#define _NGX_CLIENTCERT_EXPLAIN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_policy.h"


/* a line of a policy, asked about one certificate */

typedef struct {
    ngx_clientcert_rule_t    *rule;
    ngx_clientcert_answer_e   answer;
    ngx_uint_t                lacks;    /* conditions that don't hold */
} ngx_clientcert_line_t;


/*
 * A condition, asked about one certificate.  Texts are printable ASCII, as
 * ngx_clientcert_text_log() has it and cut off; empty: there is none.
 */

typedef struct {
    ngx_clientcert_answer_e   answer;
    ngx_str_t                 wanted;   /* data NULL: as it is written */
    ngx_str_t                 found;
    ngx_str_t                 doubt;    /* why the answer is unknown */
} ngx_clientcert_finding_t;


/*
 * What a policy says of a client, as ngx_clientcert_policy_decide(), or NULL
 * if some answer lacked memory: a request is refused then, but an explanation
 * would be wrong.
 */
ngx_clientcert_verdict_t *ngx_clientcert_explain_decide(
    ngx_clientcert_policy_t *policy, ngx_clientcert_client_t *client);

/*
 * Asks all conditions of the lines of a policy, first the "deny", and adds
 * them to lines, an array of ngx_clientcert_line_t, those that lack least
 * first.  What varies isn't evaluated, it is unknown.  Each condition takes
 * one off *work, each name that an expression is run over another one, a chain
 * of another "ca" file 200; lines for which nothing is left aren't added.
 * Returns NGX_OK, or NGX_ERROR without memory.
 */
ngx_int_t ngx_clientcert_explain_lines(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, ngx_array_t *lines, ngx_uint_t *work);

/*
 * Asks one condition.  Texts are of the client's pool.  Returns NGX_OK, or
 * NGX_ERROR without memory.
 */
ngx_int_t ngx_clientcert_explain_condition(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, ngx_clientcert_condition_t *cond,
    ngx_clientcert_finding_t *finding);

/*
 * Whether some "allow" of the policy asks the store.
 */
ngx_uint_t ngx_clientcert_explain_allows_by(ngx_clientcert_policy_t *policy,
    ngx_clientcert_store_t *st);

/*
 * Whether what a request brings could change the decision of a verdict that
 * was made without one: by a line with variables that isn't certainly without
 * effect.  Returns NGX_OK if so, NGX_DECLINED if not, or NGX_ERROR without
 * memory.
 */
ngx_int_t ngx_clientcert_explain_depends(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, ngx_clientcert_verdict_t *verdict);

/*
 * Whether a policy lets a client in or may do so, its chain verified or not
 * and whatever a request brings.  Takes what it costs off *work, as above.
 * Returns NGX_OK, NGX_DECLINED, NGX_ABORT if that is too little, or NGX_ERROR
 * without memory.
 */
ngx_int_t ngx_clientcert_explain_may_allow(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, ngx_uint_t *work);

/*
 * Finds the name that tells a certificate's owner best: its key and value,
 * which lies in the certificate, or is the subject as the log has it.  Returns
 * NGX_OK, NGX_DECLINED if there is none that can be written between quotes as
 * it is, and would hold, or NGX_ERROR without memory.
 */
ngx_int_t ngx_clientcert_explain_name(ngx_clientcert_policy_t *policy,
    ngx_clientcert_client_t *client, ngx_str_t *subject, const char **key,
    ngx_str_t *value);


#endif /* _NGX_CLIENTCERT_EXPLAIN_H_INCLUDED_ */
