
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_CHAIN_H_INCLUDED_
#define _NGX_CLIENTCERT_CHAIN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_certificate.h"


/* the CAs of one file, made once however many rules name it */

typedef struct {
    ngx_str_t    file;
    X509_STORE  *store;
} ngx_clientcert_ca_t;


/*
 * Reads the certificates of a PEM file, or finds them in cas, an array of
 * ngx_clientcert_ca_t *.  They are freed with cf->pool.  Returns NULL and a
 * text in *err, which is NULL if OpenSSL or the log knows more.
 */
ngx_clientcert_ca_t *ngx_clientcert_ca_read(ngx_conf_t *cf, ngx_array_t *cas,
    ngx_str_t *file, const char **err);

/*
 * Whether the client certificate, whose own validity doesn't matter, chains
 * to one of the CAs at the time now, for TLS client authentication, with the
 * help of what the client sent.  The answer is remembered with it, and
 * *until is lowered to the time that it holds until.
 * Returns NGX_OK, NGX_DECLINED, or NGX_ERROR without memory.
 */
ngx_int_t ngx_clientcert_ca_verify(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_ca_t *ca, time_t now, time_t *until);

/*
 * Whether the certificate that signed the client's has the digest of the given
 * length (SHA-1 or SHA-256).  It is looked for in the chain of the handshake,
 * if that was verified or any is set, and among the CAs of its server.
 */
ngx_uint_t ngx_clientcert_issuer_has(ngx_clientcert_certificate_t *cert,
    u_char *digest, size_t len, ngx_uint_t any);


#endif /* _NGX_CLIENTCERT_CHAIN_H_INCLUDED_ */
