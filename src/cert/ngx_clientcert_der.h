
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_DER_H_INCLUDED_
#define _NGX_CLIENTCERT_DER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_thumbprint.h"


/* what a store needs of a certificate */

typedef struct {
    u_char       sha256[NGX_CLIENTCERT_SHA256_LEN];
    u_char       spki[NGX_CLIENTCERT_SHA256_LEN];   /* SubjectPublicKeyInfo */
    int64_t      not_after;
} ngx_clientcert_der_t;


/* how far a file that isn't a certificate is known */

typedef enum {
    NGX_CLIENTCERT_FILE_EMPTY = 1,
    NGX_CLIENTCERT_FILE_NONE,
    NGX_CLIENTCERT_FILE_TRUNCATED,
    NGX_CLIENTCERT_FILE_BASE64,
    NGX_CLIENTCERT_FILE_NOT_DER,
    NGX_CLIENTCERT_FILE_PKCS7,
    NGX_CLIENTCERT_FILE_PKCS7_PEM,
    NGX_CLIENTCERT_FILE_PKCS12,
    NGX_CLIENTCERT_FILE_KEY,
    NGX_CLIENTCERT_FILE_TRUSTED,
    NGX_CLIENTCERT_FILE_REQUEST,
    NGX_CLIENTCERT_FILE_CRL,
    NGX_CLIENTCERT_FILE_UTF16,
    NGX_CLIENTCERT_FILE_BARE,       /* base64 without its BEGIN line */
    NGX_CLIENTCERT_FILE_ESCAPED,    /* with "\n" written out */
    NGX_CLIENTCERT_FILE_MEMORY
} ngx_clientcert_file_e;


/*
 * Reads one certificate in DER, which must take the len bytes whole and be
 * DER indeed where it is looked at.  Returns NGX_OK, NGX_DECLINED if it isn't,
 * or NGX_ERROR without memory.
 */
ngx_int_t ngx_clientcert_der_read(u_char *p, size_t len,
    ngx_clientcert_der_t *cert);

/* what is beside certificates in a file, bits */

#define NGX_CLIENTCERT_BESIDE_KEY  0x01
#define NGX_CLIENTCERT_BESIDE_CRL  0x02


/*
 * Reads the certificates of a file, PEM or DER, and adds them to an array of
 * ngx_clientcert_der_t, and to one of ngx_str_t, unless that is NULL, their
 * encodings: they lie in the text, which is overwritten.  Sets *beside.
 * Returns 0 or why there are none.
 */
ngx_clientcert_file_e ngx_clientcert_der_file(u_char *text, size_t len,
    ngx_array_t *certs, ngx_array_t *encodings, ngx_uint_t *beside);

/*
 * The reason in words, of a file: "it is empty".
 */
const char *ngx_clientcert_der_strerror(ngx_clientcert_file_e reason);


#endif /* _NGX_CLIENTCERT_DER_H_INCLUDED_ */
