
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_USED_H_INCLUDED_
#define _NGX_CLIENTCERT_USED_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* when digests were used last; the slots lie in shared memory */

typedef struct {
    ngx_atomic_t  *slots;
    ngx_uint_t     buckets;     /* of slots, 0: nothing is noted */
} ngx_clientcert_used_t;


/*
 * Makes a table of what fits into so many bytes at data, which is aligned to
 * a line of the processor's cache.
 */
void ngx_clientcert_used_create(ngx_clientcert_used_t *used, void *data,
    size_t bytes);

/*
 * Notes that a digest, of 20 bytes at least, is used at the time now.  The
 * minute counts.
 */
void ngx_clientcert_used_note(ngx_clientcert_used_t *used, u_char *digest,
    time_t now);

/*
 * When a digest was used last, to the minute, or 0 if it isn't known.
 */
time_t ngx_clientcert_used_last(ngx_clientcert_used_t *used, u_char *digest);


#endif /* _NGX_CLIENTCERT_USED_H_INCLUDED_ */
