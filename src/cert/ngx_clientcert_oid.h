
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_OID_H_INCLUDED_
#define _NGX_CLIENTCERT_OID_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/objects.h>


/*
 * Reads an object identifier or OpenSSL's short or long name of one, in any
 * case; attribute: or what others call the attributes of a name.  Returns
 * NGX_OK, NGX_DECLINED if there is none, or NGX_ERROR without memory.  The
 * object is to be freed (OBJ_txt2obj(3)).
 */
ngx_int_t ngx_clientcert_oid_object(ngx_str_t *text, ngx_uint_t attribute,
    ASN1_OBJECT **object);

/*
 * The same as contents in DER, in memory of the pool.
 */
ngx_int_t ngx_clientcert_oid_read(ngx_pool_t *pool, ngx_str_t *text,
    ngx_uint_t attribute, ngx_str_t *oid);

/*
 * The contents in DER of an object, which they belong to.
 */
ngx_str_t ngx_clientcert_oid(const ASN1_OBJECT *object);

/*
 * The order of such contents, 0 if they are equal, whatever it is.
 */
ngx_int_t ngx_clientcert_oid_cmp(ngx_str_t *one, ngx_str_t *two);


#define NGX_CLIENTCERT_OID_CN  "\x55\x04\x03"

extern ngx_str_t  ngx_clientcert_oid_cn;


#endif /* _NGX_CLIENTCERT_OID_H_INCLUDED_ */
