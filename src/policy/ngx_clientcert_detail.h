
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_DETAIL_H_INCLUDED_
#define _NGX_CLIENTCERT_DETAIL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_policy.h"


/* what was lacking, what is unknown, and words around them */
#define NGX_CLIENTCERT_DETAIL_LEN                                             \
    (NGX_CLIENTCERT_CHAIN_TEXT + NGX_CLIENTCERT_CONDITION_TEXT + 128)


/*
 * Writes into buf, which has room for NGX_CLIENTCERT_DETAIL_LEN bytes, and
 * refers verdict->detail to it: the facts behind the reason that neither the
 * reason nor the certificate tells, of those who were asked what ask says.
 * Marks the verdict if some answer was unknown, or lacked memory.
 */
void ngx_clientcert_detail(ngx_clientcert_verdict_t *verdict,
    ngx_clientcert_asking_t *ask, u_char *buf);


#endif /* _NGX_CLIENTCERT_DETAIL_H_INCLUDED_ */
