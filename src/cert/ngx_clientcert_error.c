
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_error.h"
#include <openssl/err.h>


/* without memory even the error may get lost */

ngx_uint_t
ngx_clientcert_error_memory(void)
{
    if (ERR_peek_error() == 0) {
        return 1;
    }

    return ngx_clientcert_error_memory_queued();
}


/*
 * No argument of ours is NULL, but one that OpenSSL passes on may be if it
 * didn't look at what it had allocated.
 */

ngx_uint_t
ngx_clientcert_error_memory_queued(void)
{
    int            reason;
    ngx_uint_t     memory;
    unsigned long  err;

    memory = 0;

    for (err = ERR_get_error(); err; err = ERR_get_error()) {
        reason = ERR_GET_REASON(err);

        if (reason == ERR_R_MALLOC_FAILURE
            || reason == ERR_R_PASSED_NULL_PARAMETER)
        {
            memory = 1;
        }
    }

    return memory;
}
