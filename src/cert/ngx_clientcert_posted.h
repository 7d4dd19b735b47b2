
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_POSTED_H_INCLUDED_
#define _NGX_CLIENTCERT_POSTED_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_certificate.h"


/* the certificate and those that are sent with it */
#define NGX_CLIENTCERT_POSTED_MAX  16


/*
 * Makes a certificate of a text, PEM or DER, which is overwritten: the first
 * one of it; others are what it would be sent with.  ctx, which may be NULL,
 * is of the server that it would be shown to.  It is freed with the pool.
 * Returns NULL and what is wrong with the text in *err, which is NULL without
 * memory or if the log knows more.
 */
ngx_clientcert_certificate_t *ngx_clientcert_posted_read(ngx_pool_t *pool,
    SSL_CTX *ctx, ngx_str_t *text, ngx_log_t *log, const char **err);


#endif /* _NGX_CLIENTCERT_POSTED_H_INCLUDED_ */
