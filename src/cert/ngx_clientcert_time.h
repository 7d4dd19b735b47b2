
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_TIME_H_INCLUDED_
#define _NGX_CLIENTCERT_TIME_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/asn1.h>


/*
 * Reads a date of a certificate; what is later than time_t can hold is the
 * latest time there is.  Returns NGX_OK, or NGX_ERROR if it is malformed.
 */
ngx_int_t ngx_clientcert_time_read(const ASN1_TIME *asn1, time_t *t);


#endif /* _NGX_CLIENTCERT_TIME_H_INCLUDED_ */
