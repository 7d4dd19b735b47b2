
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


/* what a certificate says that most policies don't ask for */

typedef struct {
    ngx_clientcert_name_t   *elts;      /* in the certificate's order */
    ngx_uint_t               nelts;
    ngx_clientcert_name_t  **sorted;    /* by type */

    const X509_NAME         *subject;   /* NULL: it can't be read */
    const X509_NAME         *issuer;
    X509_NAME               *copies[2]; /* of them, or NULL */

    ngx_str_t                serial;    /* without leading zero bytes */
    ngx_uint_t               negative;  /* serial number */

    EXTENDED_KEY_USAGE      *eku;
    CERTIFICATEPOLICIES     *policies;

    unsigned                 sans_unreadable:1;
    unsigned                 eku_unreadable:1;
    unsigned                 policies_unreadable:1;
} ngx_clientcert_names_t;


/* those of one type */

typedef struct {
    ngx_clientcert_name_t  **elts;      /* bad ones first */
    ngx_uint_t               nelts;

    /* there are some, or may be, that can't be read */
    ngx_uint_t               unreadable;
} ngx_clientcert_namesakes_t;


/*
 * Reads the names of a certificate, which must outlive the pool.  An extension
 * that can't be decoded or stands there twice is unreadable.  Returns NULL
 * without memory.
 */
ngx_clientcert_names_t *ngx_clientcert_names_read(ngx_pool_t *pool,
    X509 *cert);

/*
 * Finds the names of a type, of attributes and extensions those with this
 * object identifier.
 */
void ngx_clientcert_names_of(ngx_clientcert_names_t *names,
    ngx_clientcert_name_e type, ngx_str_t *oid,
    ngx_clientcert_namesakes_t *of);

/*
 * Whether an extended key usage, or a policy, is among those of the
 * certificate.
 */
ngx_uint_t ngx_clientcert_names_eku(ngx_clientcert_names_t *names,
    ngx_str_t *oid);
ngx_uint_t ngx_clientcert_names_policy(ngx_clientcert_names_t *names,
    ngx_str_t *oid);

/*
 * Write extended key usages, or policies, as object identifiers with ", "
 * between them, into buf, which has room for NGX_CLIENTCERT_NAMES_OIDS bytes,
 * and return the end.  Where there are more "..." follows.
 */
#define NGX_CLIENTCERT_NAMES_OIDS  1024

u_char *ngx_clientcert_names_print_ekus(ngx_clientcert_names_t *names,
    u_char *buf);
u_char *ngx_clientcert_names_print_policies(ngx_clientcert_names_t *names,
    u_char *buf);

/*
 * Reads a string in DER, and nothing else, as UTF-8 into memory of the pool.
 * Returns NGX_OK, NGX_DECLINED if it is none, or NGX_ERROR without memory
 * (d2i_ASN1_TYPE(3)).
 */
ngx_int_t ngx_clientcert_names_string(ngx_pool_t *pool, ngx_str_t *der,
    ngx_str_t *text);


#endif /* _NGX_CLIENTCERT_NAMES_H_INCLUDED_ */
