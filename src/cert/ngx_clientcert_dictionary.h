
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_DICTIONARY_H_INCLUDED_
#define _NGX_CLIENTCERT_DICTIONARY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* what a configuration names, found by the names and in their order */

typedef struct {
    ngx_array_t        all;         /* void * */
    ngx_rbtree_t       tree;        /* of names */
    ngx_rbtree_node_t  sentinel;
} ngx_clientcert_dictionary_t;


/*
 * Makes an empty one, to which pool belongs.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_clientcert_dictionary_init(ngx_clientcert_dictionary_t *dict,
    ngx_pool_t *pool);

/*
 * Returns what was added with that name, or NULL.
 */
void *ngx_clientcert_dictionary_find(ngx_clientcert_dictionary_t *dict,
    ngx_str_t *name);

/*
 * Adds a value with a name that isn't there yet and whose bytes stay where
 * they are.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_clientcert_dictionary_add(ngx_clientcert_dictionary_t *dict,
    ngx_str_t *name, void *value);


#endif /* _NGX_CLIENTCERT_DICTIONARY_H_INCLUDED_ */
