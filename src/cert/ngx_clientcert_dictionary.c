
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_dictionary.h"


typedef struct {
    ngx_str_node_t   sn;
    void            *value;
} ngx_clientcert_dictionary_node_t;


ngx_int_t
ngx_clientcert_dictionary_init(ngx_clientcert_dictionary_t *dict,
    ngx_pool_t *pool)
{
    ngx_rbtree_init(&dict->tree, &dict->sentinel, ngx_str_rbtree_insert_value);

    return ngx_array_init(&dict->all, pool, 4, sizeof(void *));
}


void *
ngx_clientcert_dictionary_find(ngx_clientcert_dictionary_t *dict,
    ngx_str_t *name)
{
    ngx_clientcert_dictionary_node_t  *node;

    node = (ngx_clientcert_dictionary_node_t *)
               ngx_str_rbtree_lookup(&dict->tree, name,
                                     ngx_crc32_long(name->data, name->len));

    return node ? node->value : NULL;
}


ngx_int_t
ngx_clientcert_dictionary_add(ngx_clientcert_dictionary_t *dict,
    ngx_str_t *name, void *value)
{
    void                              **place;
    ngx_clientcert_dictionary_node_t   *node;

    node = ngx_palloc(dict->all.pool,
                      sizeof(ngx_clientcert_dictionary_node_t));
    if (node == NULL) {
        return NGX_ERROR;
    }

    place = ngx_array_push(&dict->all);
    if (place == NULL) {
        return NGX_ERROR;
    }

    *place = value;

    node->sn.node.key = ngx_crc32_long(name->data, name->len);
    node->sn.str = *name;
    node->value = value;

    ngx_rbtree_insert(&dict->tree, &node->sn.node);

    return NGX_OK;
}
