
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_DN_H_INCLUDED_
#define _NGX_CLIENTCERT_DN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/x509.h>


/* enough for the text of any error */
#define NGX_CLIENTCERT_DN_TEXT  384


/* in either order of its parts, each with escapes and without */
#define NGX_CLIENTCERT_DN_NAMES  4


/* a distinguished name as it is wanted: any of these, no two are equal */

typedef struct {
    X509_NAME   *names[NGX_CLIENTCERT_DN_NAMES];
    ngx_uint_t   n;
} ngx_clientcert_dn_t;


/*
 * Reads a distinguished name in the form of RFC 4514, as OpenSSL and Java
 * print it, or without escapes, as Windows and .NET do.  Nor do they agree
 * upon where to begin, so it is meant in both orders of its parts, and with
 * its backslashes in both ways, if either makes a name.  After "rfc4514:" they
 * are escapes, and the most specific part is the first.  dn is freed with the
 * pool.  Returns NGX_OK, or NGX_ERROR and a text in err, which has room for
 * NGX_CLIENTCERT_DN_TEXT bytes and whose end is *last: err itself without
 * memory.  With NGX_OK it is what is noteworthy.
 */
ngx_int_t ngx_clientcert_dn_read(ngx_pool_t *pool, ngx_str_t *text,
    ngx_clientcert_dn_t *dn, u_char *err, u_char **last);

/*
 * Whether a name is the one wanted, as RFC 5280, section 7.1 says: by
 * attribute, without regard to string types, case of ASCII letters and
 * repeated blanks.
 */
ngx_uint_t ngx_clientcert_dn_match(ngx_clientcert_dn_t *dn,
    const X509_NAME *name);

/*
 * Whether no name is both.
 */
ngx_uint_t ngx_clientcert_dn_excludes(ngx_clientcert_dn_t *one,
    ngx_clientcert_dn_t *two);

/*
 * The hash that equal names have.  Returns NGX_OK, or NGX_ERROR without
 * memory.
 */
ngx_int_t ngx_clientcert_dn_hash(const X509_NAME *name, uint32_t *hash);

/*
 * Makes, in memory of the pool, what is equal for those that match the same
 * names.  Returns NGX_OK, or NGX_ERROR without memory.
 */
ngx_int_t ngx_clientcert_dn_id(ngx_pool_t *pool, ngx_clientcert_dn_t *dn,
    ngx_str_t *id);


#endif /* _NGX_CLIENTCERT_DN_H_INCLUDED_ */
