
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_THUMBPRINT_H_INCLUDED_
#define _NGX_CLIENTCERT_THUMBPRINT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_CLIENTCERT_SHA1_LEN    20
#define NGX_CLIENTCERT_SHA256_LEN  32

/* what was dropped from a thumbprint, though it is of no form that is known */
#define NGX_CLIENTCERT_COLON       0x01
#define NGX_CLIENTCERT_HYPHEN      0x02
#define NGX_CLIENTCERT_BLANK       0x04
#define NGX_CLIENTCERT_LRM         0x08
#define NGX_CLIENTCERT_BOM         0x10
#define NGX_CLIENTCERT_NBSP        0x20

/* enough for the text of any error or list of decorations */
#define NGX_CLIENTCERT_THUMBPRINT_TEXT  256


typedef struct {
    u_char      digest[NGX_CLIENTCERT_SHA256_LEN];
    size_t      len;            /* of SHA-1 or SHA-256 */
    ngx_uint_t  dropped;        /* bits of NGX_CLIENTCERT_COLON ... */

    unsigned    spaced:1;       /* blanks between its bytes */
    unsigned    certificate:1;  /* what is before it says of what it is */
    unsigned    key:1;
} ngx_clientcert_thumbprint_t;


typedef enum {
    NGX_CLIENTCERT_BAD_CHARACTER = 1,
    NGX_CLIENTCERT_BAD_LENGTH
} ngx_clientcert_thumbprint_errno_e;


typedef struct {
    ngx_clientcert_thumbprint_errno_e  code;

    /* BAD_CHARACTER: the code point, or the byte that is not UTF-8 */
    uint32_t    ch;
    ngx_uint_t  column;         /* in characters, from 1 */
    unsigned    utf8:1;

    /* BAD_LENGTH: hexadecimal digits, or base64 characters */
    size_t      found;
    size_t      digest_len;     /* that was wanted, 0: either */
    unsigned    base64:1;
} ngx_clientcert_thumbprint_error_t;


/*
 * Reads the thumbprint of a certificate (SHA-1 or SHA-256 of its DER form), or
 * the digest of a key, as tools print it and people paste it: hexadecimal of
 * any case with ":", "-" or blanks between the bytes or after "0x", or base64
 * or base64url (RFC 4648) with its padding or without; before it what tools
 * write there, as in "SHA1 Fingerprint=", "Cert Hash(sha256): ", "x5t#S256:"
 * (RFC 8705, section 3.1) or "pin-sha256=" (RFC 7469); invisible characters
 * around it.  What has hexadecimal digits only is never read as base64 unless
 * what is before it says so.
 * The len bytes at text need no terminator and are not kept.
 * Returns NGX_OK and fills tp, or NGX_ERROR and fills err.
 */
ngx_int_t ngx_clientcert_thumbprint_read(u_char *text, size_t len,
    ngx_clientcert_thumbprint_t *tp, ngx_clientcert_thumbprint_error_t *err);

/*
 * Both write a text without a final NUL into buf, which has room for
 * NGX_CLIENTCERT_THUMBPRINT_TEXT bytes, and return its end.
 */
u_char *ngx_clientcert_thumbprint_strerror(u_char *buf,
    ngx_clientcert_thumbprint_error_t *err);
u_char *ngx_clientcert_thumbprint_decorations(u_char *buf,
    ngx_uint_t dropped);


#endif /* _NGX_CLIENTCERT_THUMBPRINT_H_INCLUDED_ */
