
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_CA_H_INCLUDED_
#define _NGX_CLIENTCERT_CA_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include "ngx_clientcert_dictionary.h"


typedef struct {
    time_t           not_before;
    time_t           not_after;
} ngx_clientcert_ca_dates_t;


/* the CAs of one file, made once however many rules name it */

typedef struct {
    ngx_str_t                   file;
    X509_STORE                 *store;
    STACK_OF(X509)             *certs;  /* by subject */
    ngx_clientcert_ca_dates_t  *dates;  /* of each of certs */
    ngx_array_t                *all;    /* ngx_clientcert_ca_t * */
} ngx_clientcert_ca_t;


/*
 * Reads the certificates of a file as ngx_clientcert_der_file() does, or finds
 * them in cas (ngx_clientcert_ca_t *), which lives as long as cf->pool, with
 * which they are freed.  Warns of a private key, and of a
 * certificate that is no CA's.  Returns NULL and a text in *err, which is NULL
 * if the log has it.
 */
ngx_clientcert_ca_t *ngx_clientcert_ca_read(ngx_conf_t *cf,
    ngx_clientcert_dictionary_t *cas, ngx_str_t *file, const char **err);

/*
 * The number in ca->certs of the first certificate with that subject, which
 * all others of that subject follow, or of the one where it would be.
 */
int ngx_clientcert_ca_first(ngx_clientcert_ca_t *ca, const X509_NAME *subject);

/*
 * How many certificates there are, and when the first of those that haven't
 * expired at the time now does, or the last one has.
 */
ngx_uint_t ngx_clientcert_ca_expiry(ngx_clientcert_ca_t *ca, time_t now,
    time_t *not_after);

/*
 * Whether all certificates of the file are self-signed: a chain with an
 * intermediate that isn't in hand can't be led to one of them.
 */
ngx_uint_t ngx_clientcert_ca_roots_only(ngx_clientcert_ca_t *ca);


#endif /* _NGX_CLIENTCERT_CA_H_INCLUDED_ */
