
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_NAMES_H_INCLUDED_
#define _NGX_CLIENTCERT_NAMES_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <openssl/x509v3.h>
#include "ngx_clientcert_pattern.h"


/*
 * The client chooses how many names there are: expressions and variables take
 * no more of one type.
 */
#define NGX_CLIENTCERT_NAMES_MAX  256


typedef struct {
    ngx_clientcert_name_e   type;
    ngx_str_t               value;      /* UTF-8; of an IP its bytes */

    /* can't be read or has a control character */
    unsigned                bad:1;
} ngx_clientcert_name_t;


/* what a certificate says that most policies don't ask for */

typedef struct {
    ngx_clientcert_name_t  *elts;
    ngx_uint_t              nelts;

    /* how many of elts there are of a type, bad ones too */
    ngx_uint_t              n[NGX_CLIENTCERT_NAME_TYPES];

    /* of a type there are names, or may be, that can't be read */
    unsigned                unreadable[NGX_CLIENTCERT_NAME_TYPES];

    const X509_NAME        *subject;    /* NULL: it can't be read */
    const X509_NAME        *issuer;
    X509_NAME              *copies[2];  /* of them, or NULL */

    ngx_str_t               serial;     /* without leading zero bytes */
    ngx_uint_t              negative;   /* serial number */

    EXTENDED_KEY_USAGE     *eku;
    CERTIFICATEPOLICIES    *policies;

    unsigned                eku_unreadable:1;
    unsigned                policies_unreadable:1;
} ngx_clientcert_names_t;


/*
 * Reads the names of a certificate, which must outlive the pool.  An extension
 * that can't be decoded or stands there twice is unreadable.  Returns NULL
 * without memory.
 */
ngx_clientcert_names_t *ngx_clientcert_names_read(ngx_pool_t *pool,
    X509 *cert);

/*
 * Reads an object identifier or OpenSSL's name of one, which is freed with
 * the pool.  Returns NULL if there is none of that name.
 */
ASN1_OBJECT *ngx_clientcert_names_oid(ngx_pool_t *pool, ngx_str_t *text);

ngx_uint_t ngx_clientcert_names_eku(ngx_clientcert_names_t *names,
    ASN1_OBJECT *oid);
ngx_uint_t ngx_clientcert_names_policy(ngx_clientcert_names_t *names,
    ASN1_OBJECT *oid);


#endif /* _NGX_CLIENTCERT_NAMES_H_INCLUDED_ */
