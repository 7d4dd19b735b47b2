
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_SERIAL_H_INCLUDED_
#define _NGX_CLIENTCERT_SERIAL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* of bytes that a CA gives a certificate (RFC 5280, section 4.1.2.2) */
#define NGX_CLIENTCERT_SERIAL_LEN   20

/* bytes that are printed, since a client chooses how many there are */
#define NGX_CLIENTCERT_SERIAL_SHOWN  30

/* enough for a printed serial number: "-", "0x", these bytes, "..." */
#define NGX_CLIENTCERT_SERIAL_PRINT                                           \
    (sizeof("-0x...") - 1 + 2 * NGX_CLIENTCERT_SERIAL_SHOWN)

/* enough for what is wrong with any serial number */
#define NGX_CLIENTCERT_SERIAL_TEXT  128


typedef struct {
    ngx_str_t   bytes;          /* without leading zeros */
    ngx_uint_t  negative;
} ngx_clientcert_serial_t;


/*
 * Reads a serial number as people paste it: hexadecimal of any case, with ":"
 * or blanks between the bytes, maybe after "0x"; or as openssl-x509(1) prints
 * it, decimal and hexadecimal as in "4660 (0x1234)"; "-" or "(Negative)" in
 * front.  The bytes are of the pool, and there is room for one more before
 * them.
 * Returns NGX_OK, or NGX_ERROR with what is wrong in err, of
 * NGX_CLIENTCERT_SERIAL_TEXT bytes, up to *last, and without memory nothing.
 */
ngx_int_t ngx_clientcert_serial_read(ngx_pool_t *pool, ngx_str_t *text,
    ngx_clientcert_serial_t *serial, u_char *err, u_char **last);

/*
 * Whether a text that was read might be decimal: nothing says that it isn't,
 * and it would be another number.  That one is left in hex, as "0x1234", which
 * is of the pool.  Returns NGX_OK, NGX_DECLINED, or NGX_ERROR without memory.
 */
ngx_int_t ngx_clientcert_serial_decimal(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *hex);

/*
 * Prints a serial number in hex, with a prefix after its sign, to p, where
 * there are NGX_CLIENTCERT_SERIAL_PRINT bytes for a prefix of "0x".  Returns
 * the end.
 */
u_char *ngx_clientcert_serial_print(u_char *p, const char *prefix,
    ngx_str_t *bytes, ngx_uint_t negative);


#endif /* _NGX_CLIENTCERT_SERIAL_H_INCLUDED_ */
