
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_LOOKUP_H_INCLUDED_
#define _NGX_CLIENTCERT_LOOKUP_H_INCLUDED_


#include "ngx_clientcert_key.h"


/*
 * The hashes that a condition is found by, at most two of them: their number
 * is returned, and 0 if conditions of its kind must all be asked.  With any
 * set, such conditions have a hash as well, of what they are.
 */
ngx_uint_t ngx_clientcert_lookup_hash(ngx_clientcert_condition_t *cond,
    ngx_uint_t any, uint32_t *hash);

/*
 * The bit of the condition's kind in a mask of kinds.
 */
ngx_uint_t ngx_clientcert_lookup_kind(ngx_clientcert_condition_t *cond);

/*
 * Calls handler with each hash by which conditions of these kinds that may
 * hold for the certificate of ask are found, until it returns another value
 * than NGX_OK, which is returned.  *unknown becomes those of the kinds that
 * can't be told of, for a deny because the certificate can't be read, and with
 * NGX_ERROR for want of memory: then all conditions of them must be asked.
 */
ngx_int_t ngx_clientcert_lookup(ngx_clientcert_asking_t *ask,
    ngx_uint_t kinds, ngx_uint_t deny, ngx_clientcert_pattern_hash_pt handler,
    void *data, ngx_uint_t *unknown);


#endif /* _NGX_CLIENTCERT_LOOKUP_H_INCLUDED_ */
