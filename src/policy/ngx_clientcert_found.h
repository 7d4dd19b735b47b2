
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_FOUND_H_INCLUDED_
#define _NGX_CLIENTCERT_FOUND_H_INCLUDED_


#include "ngx_clientcert_key.h"


/* room for what a condition wants, and for what a certificate has of it */
#define NGX_CLIENTCERT_FOUND_LEN  1024

/* of several names, so many are told */
#define NGX_CLIENTCERT_FOUND_MAX  10


/*
 * What a condition wants, in its normal form, and what the certificate of ask
 * has of that.  Both are printable ASCII.
 */

struct ngx_clientcert_found_s {
    u_char  *wanted;        /* end, NULL: as it is written */
    u_char  *found;         /* end */
    u_char   wanted_text[NGX_CLIENTCERT_FOUND_LEN];
    u_char   found_text[NGX_CLIENTCERT_FOUND_LEN];
};


/*
 * Each is for the keys of one kind, after the condition was asked.  What can't
 * be read is left empty, and so is what has no memory, as ask->doubt says.
 */
void ngx_clientcert_found_digest(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_clientcert_found_t *fd);
void ngx_clientcert_found_store(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_clientcert_found_t *fd);
void ngx_clientcert_found_serial(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_clientcert_found_t *fd);
void ngx_clientcert_found_dn(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_clientcert_found_t *fd);
void ngx_clientcert_found_name(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_clientcert_found_t *fd);
void ngx_clientcert_found_oid(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_clientcert_found_t *fd);
void ngx_clientcert_found_issuer(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_clientcert_found_t *fd);
void ngx_clientcert_found_ca(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_clientcert_found_t *fd);


#endif /* _NGX_CLIENTCERT_FOUND_H_INCLUDED_ */
