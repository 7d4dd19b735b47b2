
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_KEY_H_INCLUDED_
#define _NGX_CLIENTCERT_KEY_H_INCLUDED_


#include "ngx_clientcert_condition.h"
#include "../cert/ngx_clientcert_serial.h"


/* of what "type" of a key can mean besides the type of a name */

#define NGX_CLIENTCERT_EKU      0
#define NGX_CLIENTCERT_POLICY   1


/* how rules are found by a condition */

typedef enum {
    NGX_CLIENTCERT_LOOKUP_NONE = 0,
    NGX_CLIENTCERT_LOOKUP_DIGEST,
    NGX_CLIENTCERT_LOOKUP_SERIAL,
    NGX_CLIENTCERT_LOOKUP_DN,
    NGX_CLIENTCERT_LOOKUP_NAME
} ngx_clientcert_lookup_e;


typedef struct ngx_clientcert_found_s  ngx_clientcert_found_t;


/* a kind of condition, what is written before the "=" */

struct ngx_clientcert_key_s {
    ngx_str_t                  name;
    ngx_uint_t                 type;        /* for the functions */
    ngx_clientcert_lookup_e    lookup;
    ngx_uint_t                 flags;

    /* of ngx_clientcert_value.c, ngx_clientcert_answer.c and
       ngx_clientcert_found.c */

    ngx_int_t                (*read)(ngx_clientcert_reading_t *rd,
                                     ngx_clientcert_condition_t *cond,
                                     ngx_str_t *text);  /* NULL: no value */
    ngx_clientcert_answer_e  (*answer)(ngx_clientcert_condition_t *cond,
                                       ngx_clientcert_asking_t *ask);
    void                     (*found)(ngx_clientcert_condition_t *cond,
                                      ngx_clientcert_asking_t *ask,
                                      ngx_clientcert_found_t *fd);
};


/* in the order in which a rule asks; the last one has no name */

extern ngx_clientcert_key_t  ngx_clientcert_keys[];


#endif /* _NGX_CLIENTCERT_KEY_H_INCLUDED_ */
