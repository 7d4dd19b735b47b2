
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_FACTS_H_INCLUDED_
#define _NGX_CLIENTCERT_FACTS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_certificate.h"
#include "ngx_clientcert_serial.h"


#define NGX_CLIENTCERT_FACTS_SAN  512


/* what people read of a certificate, printable ASCII, escaped as in the log */

typedef struct {
    ngx_str_t   subject;
    ngx_str_t   issuer;
    ngx_str_t   serial;         /* hexadecimal */
    ngx_str_t   san;            /* "dns:a.example", one a line */
    ngx_uint_t  self_signed;

    u_char      subject_text[NGX_CLIENTCERT_NAME_LEN];
    u_char      issuer_text[NGX_CLIENTCERT_NAME_LEN];
    u_char      serial_text[NGX_CLIENTCERT_SERIAL_PRINT];
    u_char      san_text[NGX_CLIENTCERT_FACTS_SAN];
} ngx_clientcert_facts_t;


/* what is written before a subjectAltName, by ngx_clientcert_name_e */
extern const char  *ngx_clientcert_facts_san[];


/*
 * Writes all that there is memory for; the texts lie in facts.  What is too
 * long ends in "...".  With san 0 subjectAltNames, of which there can be
 * thousands, aren't read.
 */
void ngx_clientcert_facts(ngx_clientcert_certificate_t *cert, ngx_uint_t san,
    ngx_clientcert_facts_t *facts);

/*
 * What a log line says of a certificate, always in this order: sha1, sha256,
 * subject, san (the first), serial, issuer, each as name=value.  It is made
 * once and belongs to the certificate; without memory it is empty, and the
 * next call tries again.
 */
ngx_str_t *ngx_clientcert_facts_line(ngx_clientcert_certificate_t *cert);


#endif /* _NGX_CLIENTCERT_FACTS_H_INCLUDED_ */
