
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_CONDITIONS_H_INCLUDED_
#define _NGX_CLIENTCERT_CONDITIONS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "../cert/ngx_clientcert_certificate.h"
#include "../store/ngx_clientcert_store.h"


/* enough for what is wrong with any value */
#define NGX_CLIENTCERT_CONDITION_TEXT  512


/* how values that have variables are compiled and, for a request, evaluated */

typedef struct {
    ngx_int_t (*compile)(ngx_conf_t *cf, ngx_str_t *text, void **compiled);
    ngx_int_t (*evaluate)(void *request, void *compiled, ngx_str_t *value);
} ngx_clientcert_variables_t;


/* what a policy is asked about */

typedef struct {
    ngx_clientcert_certificate_t  *cert;
    time_t                       now;
    ngx_uint_t                   verified;

    ngx_pool_t                  *pool;      /* of the request */
    void                        *request;

    /* set by the conditions */
    time_t                       until;     /* the answer holds */
    unsigned                     failed:1;  /* no memory: it is worthless */
} ngx_clientcert_asking_t;


typedef struct ngx_clientcert_key_s        ngx_clientcert_key_t;
typedef struct ngx_clientcert_condition_s  ngx_clientcert_condition_t;

struct ngx_clientcert_condition_s {
    ngx_clientcert_condition_t  *next;      /* of the same rule */
    ngx_clientcert_key_t        *key;

    /* equal in two conditions of a key that hold for the same certificates */
    ngx_str_t                    id;

    void                        *value;     /* belongs to the key */
    void                        *compiled;  /* NULL: a constant */
    ngx_clientcert_variables_t  *variables;

#if (NGX_PCRE)
    ngx_regex_t                 *regex;     /* NULL: the value counts */
#endif

    unsigned                     deny:1;
};


/* where and how a condition is read */

typedef struct {
    ngx_pool_t                  *pool;
    ngx_conf_t                  *cf;        /* NULL: at a request */
    ngx_array_t                 *cas;       /* of ngx_clientcert_ca_t * */
    ngx_array_t                 *stores;    /* of ngx_clientcert_store_t * */
    ngx_clientcert_variables_t  *variables;

    ngx_str_t                    value;     /* what is behind the "=" */

    /* what is wrong or, if it was read all the same, noteworthy */
    u_char                      *last;
    u_char                       text[NGX_CLIENTCERT_CONDITION_TEXT];
} ngx_clientcert_reading_t;


/* the conditions that a rule deals with itself, and what kinds there are */

#define NGX_CLIENTCERT_KEY_THUMBPRINT  0x01
#define NGX_CLIENTCERT_KEY_VERIFIED    0x02
#define NGX_CLIENTCERT_KEY_TRUSTED     0x04     /* needs no verified chain */
#define NGX_CLIENTCERT_KEY_SINGLE      0x08     /* a certificate has one */
#define NGX_CLIENTCERT_KEY_REGEX       0x10
#define NGX_CLIENTCERT_KEY_CONSTANT    0x20     /* takes no variables */
#define NGX_CLIENTCERT_KEY_WHOLE       0x40     /* a variable alone */
#define NGX_CLIENTCERT_KEY_STORE       0x80     /* asks a store */


/*
 * Reads "key=value" into a condition, with cond->deny set before.  Returns
 * NGX_OK, NGX_DECLINED if there is no such condition, or NGX_ERROR, with a
 * text in rd if the log doesn't tell already.
 */
ngx_int_t ngx_clientcert_condition_read(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);

ngx_str_t *ngx_clientcert_condition_name(ngx_clientcert_condition_t *cond);
ngx_uint_t ngx_clientcert_condition_flags(ngx_clientcert_condition_t *cond);

/*
 * The store that it asks, or NULL.
 */
ngx_clientcert_store_t *ngx_clientcert_condition_store(
    ngx_clientcert_condition_t *cond);

/*
 * Whether it holds for the client certificate of ask, which there must be.
 */
ngx_uint_t ngx_clientcert_condition_holds(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask);

/*
 * The order in which the conditions of a rule are best asked: below 0, 0 or
 * above 0 as with strcmp(3), 0 if both always hold for the same certificates.
 */
ngx_int_t ngx_clientcert_condition_cmp(ngx_clientcert_condition_t *one,
    ngx_clientcert_condition_t *two);

/*
 * Whether no certificate can meet both.
 */
ngx_uint_t ngx_clientcert_condition_excludes(ngx_clientcert_condition_t *one,
    ngx_clientcert_condition_t *two);


#endif /* _NGX_CLIENTCERT_CONDITIONS_H_INCLUDED_ */
