
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_CONDITION_H_INCLUDED_
#define _NGX_CLIENTCERT_CONDITION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "../cert/ngx_clientcert_chain.h"
#include "../store/ngx_clientcert_store.h"


/* enough for what is wrong with any value */
#define NGX_CLIENTCERT_CONDITION_TEXT  512

/* of a variable's value that is told in the log */
#define NGX_CLIENTCERT_VALUE_LEN       64


/* unknown: no match for an "allow", a match for a "deny" */

typedef enum {
    NGX_CLIENTCERT_NO = 0,
    NGX_CLIENTCERT_YES,
    NGX_CLIENTCERT_UNKNOWN
} ngx_clientcert_answer_e;


/* how values that have variables are compiled and, for a request, evaluated */

typedef struct {
    ngx_int_t (*compile)(ngx_conf_t *cf, ngx_str_t *text, void **compiled);
    ngx_int_t (*evaluate)(void *request, void *compiled, ngx_str_t *value);
} ngx_clientcert_variables_t;


/* what makes an answer doubtful */

typedef struct {
    u_char                        *last;        /* of the text */
    unsigned                       unknown:1;   /* it isn't remembered */
    unsigned                       memory:1;    /* there was none */
} ngx_clientcert_doubt_t;


/* what conditions are asked about */

typedef struct {
    ngx_clientcert_certificate_t  *cert;
    ngx_uint_t                     verified;    /* the chain, and here */
    ngx_uint_t                     elsewhere;   /* or it was tried there */
    ngx_clientcert_purpose_e       purpose;     /* of what a "ca" signed */
    time_t                         now;

    ngx_pool_t                    *pool;        /* of the request */
    void                          *request;
    ngx_clientcert_store_t         *supposed;   /* as if it were there */

    /* set by the conditions */

    time_t                         from;        /* the answers hold */
    time_t                         until;

    /* by "ca": what failed last, and what an "allow" lacked, no more */

    ngx_clientcert_chain_built_t  *failed;
    ngx_clientcert_chain_built_t  *lacked;

    /* from a store: of the rule that is being asked, and, escaped, of the one
       that was found */

    size_t                         label_len;
    size_t                         found_len;
    u_char                         label[NGX_CLIENTCERT_ORIGIN_LEN];
    u_char                         found[NGX_CLIENTCERT_ORIGIN_LEN * 4];

    ngx_clientcert_doubt_t         doubt;
    u_char                         text[NGX_CLIENTCERT_CONDITION_TEXT];
} ngx_clientcert_asking_t;


typedef struct ngx_clientcert_key_s        ngx_clientcert_key_t;
typedef struct ngx_clientcert_condition_s  ngx_clientcert_condition_t;

struct ngx_clientcert_condition_s {
    ngx_clientcert_condition_t  *next;      /* of the same rule */
    ngx_clientcert_key_t        *key;
    ngx_str_t                    text;      /* as it is written */
    ngx_str_t                    name;      /* what is before its "=" */
    ngx_uint_t                   type;      /* of the key, or what it can be */
    ngx_str_t                    oid;       /* of an attribute or extension */

    /* equal in two conditions of a key, of this type and oid, that hold for
       the same certificates */
    ngx_str_t                    id;

    void                        *value;     /* belongs to the key */
    void                        *compiled;  /* NULL: a constant */
    ngx_clientcert_variables_t  *variables;
    X509                        *issuer;    /* that a deny is by */

#if (NGX_PCRE)
    ngx_regex_t                 *regex;     /* NULL: the value counts */
#endif

    unsigned                     deny:1;
};


/* where and how a condition is read */

typedef struct {
    ngx_pool_t                  *pool;
    ngx_conf_t                  *cf;        /* NULL: at a request */
    ngx_clientcert_dictionary_t *cas;       /* ngx_clientcert_ca_t * */
    ngx_clientcert_dictionary_t *stores;    /* ngx_clientcert_store_t * */
    ngx_clientcert_variables_t  *variables;

    ngx_str_t                    value;     /* what is behind the "=" */

    /* what is wrong or, if it was read all the same, noteworthy */
    u_char                      *last;
    u_char                       text[NGX_CLIENTCERT_CONDITION_TEXT];
} ngx_clientcert_reading_t;


#define NGX_CLIENTCERT_KEY_THUMBPRINT  0x0001
#define NGX_CLIENTCERT_KEY_VERIFIED    0x0002   /* the rule deals with it */
#define NGX_CLIENTCERT_KEY_TRUSTED     0x0004   /* needs no verified chain */
#define NGX_CLIENTCERT_KEY_SINGLE      0x0008   /* a certificate has one */
#define NGX_CLIENTCERT_KEY_REGEX       0x0010
#define NGX_CLIENTCERT_KEY_CONSTANT    0x0020   /* takes no variables */
#define NGX_CLIENTCERT_KEY_WHOLE       0x0040   /* a variable alone */
#define NGX_CLIENTCERT_KEY_STORE       0x0080   /* asks a store */
#define NGX_CLIENTCERT_KEY_CA          0x0100
#define NGX_CLIENTCERT_KEY_ISSUER      0x0200   /* to be resolved in a deny */
#define NGX_CLIENTCERT_KEY_OID         0x0400   /* one comes after it */
#define NGX_CLIENTCERT_KEY_EXTENSION   0x0800


/*
 * Reads "key=value" into a condition, with cond->deny set before.  Returns
 * NGX_OK, NGX_DECLINED if there is no such condition, or NGX_ERROR, with a
 * text in rd if the log doesn't tell already.
 */
ngx_int_t ngx_clientcert_condition_read(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);

/*
 * Whether a value is in quotes, which nginx takes off only where they are
 * around the whole parameter, and what to say of it.
 */
#define NGX_CLIENTCERT_CONDITION_QUOTED                                       \
    "quotes inside of a parameter are part of its value, they stand around "  \
    "all of it"

ngx_uint_t ngx_clientcert_condition_is_quoted(ngx_str_t *value);

/* whether a word of a line is a condition, whatever its value is */
ngx_uint_t ngx_clientcert_condition_known(ngx_str_t *word);

ngx_str_t *ngx_clientcert_condition_name(ngx_clientcert_condition_t *cond);
ngx_uint_t ngx_clientcert_condition_flags(ngx_clientcert_condition_t *cond);

/*
 * The store that it asks, or NULL.
 */
ngx_clientcert_store_t *ngx_clientcert_condition_store(
    ngx_clientcert_condition_t *cond);

/*
 * Finds the issuer that a "deny issuer_thumbprint=" is about among the files
 * of CAs (ngx_clientcert_ca_t *) and what servers trust (X509_STORE *), which
 * must outlive the condition.  Returns NGX_OK, also for other conditions, or
 * NGX_DECLINED if it isn't there.
 */
ngx_int_t ngx_clientcert_condition_resolve(ngx_clientcert_condition_t *cond,
    ngx_array_t *cas, ngx_array_t *trusted);

/*
 * Whether it holds for the certificate of ask.  If that is unknown, ask->doubt
 * says why.
 */
ngx_clientcert_answer_e ngx_clientcert_condition_answer(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);

/*
 * Whether it is a regular expression.
 */
ngx_uint_t ngx_clientcert_condition_is_regex(
    ngx_clientcert_condition_t *cond);

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


#endif /* _NGX_CLIENTCERT_CONDITION_H_INCLUDED_ */
