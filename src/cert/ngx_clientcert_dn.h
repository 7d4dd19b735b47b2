
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


/* a distinguished name as it is wanted */

typedef struct {
    X509_NAME  *name;
    X509_NAME  *reversed;       /* its parts the other way round */
} ngx_clientcert_dn_t;


/*
 * Reads a distinguished name in the form of RFC 4514, most specific part
 * first, or in that of a certificate, if the parts tell that it is the other
 * way round.  dn is freed with the pool.  Returns NGX_OK, or NGX_ERROR and a
 * text in err, which has room for NGX_CLIENTCERT_DN_TEXT bytes and whose end
 * is *last.
 */
ngx_int_t ngx_clientcert_dn_read(ngx_pool_t *pool, ngx_str_t *text,
    ngx_clientcert_dn_t *dn, u_char *err, u_char **last);

/*
 * Compares as RFC 5280, section 7.1 says: by attribute, without regard to
 * string types, case of ASCII letters and repeated blanks.
 */
ngx_uint_t ngx_clientcert_dn_equal(const X509_NAME *one,
    const X509_NAME *two);

/*
 * The hash that equal names have.  Returns NGX_OK, or NGX_ERROR without
 * memory.
 */
ngx_int_t ngx_clientcert_dn_hash(const X509_NAME *name, uint32_t *hash);

/*
 * Writes the DER form of a name that was read, in which equal names are
 * equal, into memory of the pool.
 */
ngx_int_t ngx_clientcert_dn_der(ngx_pool_t *pool, const X509_NAME *name,
    ngx_str_t *der);


#endif /* _NGX_CLIENTCERT_DN_H_INCLUDED_ */
