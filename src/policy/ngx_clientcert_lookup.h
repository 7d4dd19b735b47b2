
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_LOOKUP_H_INCLUDED_
#define _NGX_CLIENTCERT_LOOKUP_H_INCLUDED_


#include "ngx_clientcert_key.h"
#include "../cert/ngx_clientcert_dn.h"


/* at most, of a condition */
#define NGX_CLIENTCERT_LOOKUP_HASHES  (NGX_CLIENTCERT_DN_NAMES + 1)


/*
 * Writes the hashes that a condition is found by and returns their number, 0
 * if conditions of its kind must all be asked.  With any set, such conditions
 * have a hash as well, of what they are.  The first one is also that of
 * conditions which hold for the same certificates, or among theirs.
 */
ngx_uint_t ngx_clientcert_lookup_hash(ngx_clientcert_condition_t *cond,
    ngx_uint_t any, uint32_t *hash);

/*
 * The bit of the condition's kind in a mask of kinds.
 */
ngx_uint_t ngx_clientcert_lookup_kind(ngx_clientcert_condition_t *cond);

/*
 * Calls handler with each hash by which conditions of these kinds that may
 * hold for the certificate of ask are found, those of a deny also because it
 * can't be read.  If handler returns another value than NGX_OK that is
 * returned at once, and NGX_ERROR without memory: then all conditions of these
 * kinds must be asked.
 */
ngx_int_t ngx_clientcert_lookup(ngx_clientcert_asking_t *ask,
    ngx_uint_t kinds, ngx_uint_t deny, ngx_clientcert_pattern_hash_pt handler,
    void *data);


#endif /* _NGX_CLIENTCERT_LOOKUP_H_INCLUDED_ */
