
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_ANSWER_H_INCLUDED_
#define _NGX_CLIENTCERT_ANSWER_H_INCLUDED_


#include "ngx_clientcert_key.h"


/*
 * Whether a condition with a constant value holds for the certificate of ask.
 */
ngx_clientcert_answer_e ngx_clientcert_answer_thumbprint(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
ngx_clientcert_answer_e ngx_clientcert_answer_issuer(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
ngx_clientcert_answer_e ngx_clientcert_answer_spki(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
ngx_clientcert_answer_e ngx_clientcert_answer_store(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
ngx_clientcert_answer_e ngx_clientcert_answer_serial(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
ngx_clientcert_answer_e ngx_clientcert_answer_dn(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
ngx_clientcert_answer_e ngx_clientcert_answer_name(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
ngx_clientcert_answer_e ngx_clientcert_answer_oid(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
ngx_clientcert_answer_e ngx_clientcert_answer_ca(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);

/*
 * Has the store of a condition note that its entry for a certificate is used.
 */
void ngx_clientcert_answer_note(ngx_clientcert_condition_t *cond,
    ngx_clientcert_certificate_t *cert, time_t now);

/*
 * Return NGX_CLIENTCERT_UNKNOWN and put into ask->doubt that there is no
 * memory, that another server was shown the chain, or a text, of which the
 * first is kept.
 */
ngx_clientcert_answer_e ngx_clientcert_answer_memory(
    ngx_clientcert_asking_t *ask);
ngx_clientcert_answer_e ngx_clientcert_answer_elsewhere(
    ngx_clientcert_asking_t *ask);
ngx_clientcert_answer_e ngx_clientcert_answer_unknown(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask,
    const char *fmt, ...);


#endif /* _NGX_CLIENTCERT_ANSWER_H_INCLUDED_ */
