
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_files.h"


#define NGX_CLIENTCERT_MIN_BUCKETS  64


static ngx_clientcert_cert_t *ngx_clientcert_files_cert(
    ngx_clientcert_files_t *files, ngx_clientcert_source_t *file,
    ngx_clientcert_der_t *der);
static void ngx_clientcert_files_link(ngx_clientcert_files_t *files,
    ngx_clientcert_cert_t *cert);
static int ngx_libc_cdecl ngx_clientcert_files_cmp(const void *one,
    const void *two);
static ngx_int_t ngx_clientcert_hash_create(ngx_clientcert_hash_t *h,
    ngx_log_t *log);
static void ngx_clientcert_hash_grow(ngx_clientcert_hash_t *h, ngx_log_t *log);
static void ngx_clientcert_hash_add(ngx_clientcert_hash_t *h,
    ngx_clientcert_node_t *node, ngx_log_t *log);
static void ngx_clientcert_hash_remove(ngx_clientcert_hash_t *h,
    ngx_clientcert_node_t *node);


ngx_int_t
ngx_clientcert_files_create(ngx_clientcert_files_t *files, ngx_log_t *log)
{
    ngx_memzero(files, sizeof(ngx_clientcert_files_t));

    files->log = log;

    if (ngx_clientcert_hash_create(&files->names, log) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_clientcert_hash_create(&files->certs, log) != NGX_OK) {
        ngx_free(files->names.buckets);
        return NGX_ERROR;
    }

    files->scratch = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);

    if (files->scratch == NULL) {
        ngx_free(files->names.buckets);
        ngx_free(files->certs.buckets);
        return NGX_ERROR;
    }

    ngx_clientcert_files_clean(files);

    return NGX_OK;
}


void
ngx_clientcert_files_destroy(ngx_clientcert_files_t *files)
{
    ngx_clientcert_files_forget_all(files);

    ngx_free(files->names.buckets);
    ngx_free(files->certs.buckets);

    ngx_destroy_pool(files->scratch);
}


ngx_clientcert_source_t *
ngx_clientcert_files_find(ngx_clientcert_files_t *files, u_char *name,
    size_t len)
{
    ngx_uint_t                hash;
    ngx_clientcert_node_t    *node;
    ngx_clientcert_source_t  *file;

    hash = ngx_murmur_hash2(name, len);

    for (node = files->names.buckets[hash & files->names.mask];
         node;
         node = node->next)
    {
        file = (ngx_clientcert_source_t *) node;

        if (node->hash == hash && file->len == len
            && ngx_memcmp(file->name, name, len) == 0)
        {
            return file;
        }
    }

    return NULL;
}


ngx_clientcert_source_t *
ngx_clientcert_files_get(ngx_clientcert_files_t *files, u_char *name,
    size_t len)
{
    ngx_clientcert_source_t  *file;

    file = ngx_clientcert_files_find(files, name, len);

    if (file) {
        return file;
    }

    file = ngx_calloc(sizeof(ngx_clientcert_source_t) + len, files->log);
    if (file == NULL) {
        return NULL;
    }

    file->node.hash = ngx_murmur_hash2(name, len);
    file->len = (u_short) len;
    ngx_memcpy(file->name, name, len);

    ngx_clientcert_hash_add(&files->names, &file->node, files->log);

    return file;
}


ngx_clientcert_source_t *
ngx_clientcert_files_next(ngx_clientcert_files_t *files,
    ngx_clientcert_source_t *file)
{
    ngx_uint_t              i;
    ngx_clientcert_node_t  *next;

    i = 0;
    next = NULL;

    if (file) {
        i = (file->node.hash & files->names.mask) + 1;
        next = file->node.next;
    }

    while (next == NULL && i <= files->names.mask) {
        next = files->names.buckets[i++];
    }

    return (ngx_clientcert_source_t *) next;
}


ngx_int_t
ngx_clientcert_files_add(ngx_clientcert_files_t *files,
    ngx_clientcert_source_t *file, ngx_clientcert_der_t *der)
{
    ngx_clientcert_cert_t  *cert;

    cert = ngx_clientcert_files_cert(files, file, der);
    if (cert == NULL) {
        return NGX_ERROR;
    }

    ngx_clientcert_files_link(files, cert);

    return NGX_OK;
}


ngx_int_t
ngx_clientcert_files_take(ngx_clientcert_files_t *files,
    ngx_clientcert_source_t *file, ngx_array_t *found)
{
    ngx_uint_t              i;
    ngx_clientcert_der_t   *der;
    ngx_clientcert_cert_t  *cert, *certs;

    der = found->elts;

    /* its certificates are linked the other way round */

    for (cert = file->certs, i = found->nelts;
         cert && i > 0;
         cert = cert->sibling)
    {
        if (ngx_memcmp(cert->der.sha256, der[--i].sha256, 32) != 0) {
            i = found->nelts;
            break;
        }
    }

    if (cert == NULL && i == 0) {
        return NGX_OK;
    }

    certs = NULL;

    for (i = found->nelts; i > 0; i--) {
        cert = ngx_clientcert_files_cert(files, file, &der[i - 1]);

        if (cert == NULL) {
            while (certs) {
                cert = certs;
                certs = cert->sibling;
                ngx_free(cert);
            }

            return NGX_ERROR;
        }

        cert->sibling = certs;
        certs = cert;
    }

    ngx_clientcert_files_clear(files, file);

    while (certs) {
        cert = certs;
        certs = cert->sibling;
        ngx_clientcert_files_link(files, cert);
    }

    return NGX_OK;
}


static ngx_clientcert_cert_t *
ngx_clientcert_files_cert(ngx_clientcert_files_t *files,
    ngx_clientcert_source_t *file, ngx_clientcert_der_t *der)
{
    ngx_clientcert_cert_t  *cert;

    cert = ngx_alloc(sizeof(ngx_clientcert_cert_t), files->log);
    if (cert == NULL) {
        return NULL;
    }

    ngx_memcpy(&cert->node.hash, der->sha256, sizeof(ngx_uint_t));
    cert->der = *der;
    cert->file = file;

    return cert;
}


static void
ngx_clientcert_files_link(ngx_clientcert_files_t *files,
    ngx_clientcert_cert_t *cert)
{
    ngx_clientcert_hash_add(&files->certs, &cert->node, files->log);

    cert->sibling = cert->file->certs;
    cert->file->certs = cert;

    ngx_clientcert_files_mark(files, cert->der.sha256);
}


void
ngx_clientcert_files_clear(ngx_clientcert_files_t *files,
    ngx_clientcert_source_t *file)
{
    ngx_clientcert_cert_t  *cert;

    while (file->certs) {
        cert = file->certs;
        file->certs = cert->sibling;

        ngx_clientcert_files_mark(files, cert->der.sha256);
        ngx_clientcert_hash_remove(&files->certs, &cert->node);
        ngx_free(cert);
    }
}


void
ngx_clientcert_files_move(ngx_clientcert_files_t *files,
    ngx_clientcert_source_t *from, ngx_clientcert_source_t *to)
{
    ngx_clientcert_cert_t  *cert, **last;

    last = &from->certs;

    for (cert = from->certs; cert; cert = cert->sibling) {
        cert->file = to;
        last = &cert->sibling;

        ngx_clientcert_files_mark(files, cert->der.sha256);
    }

    *last = to->certs;
    to->certs = from->certs;
    from->certs = NULL;

    ngx_clientcert_files_forget(files, from);
}


void
ngx_clientcert_files_forget(ngx_clientcert_files_t *files,
    ngx_clientcert_source_t *file)
{
    files->bad -= (file->reason != 0);

    ngx_clientcert_files_clear(files, file);
    ngx_clientcert_hash_remove(&files->names, &file->node);
    ngx_free(file);
}


void
ngx_clientcert_files_forget_all(ngx_clientcert_files_t *files)
{
    ngx_clientcert_source_t  *file, *next;

    for (file = ngx_clientcert_files_next(files, NULL); file; file = next) {
        next = ngx_clientcert_files_next(files, file);
        ngx_clientcert_files_forget(files, file);
    }
}


ngx_clientcert_cert_t *
ngx_clientcert_files_holder(ngx_clientcert_files_t *files, u_char *digest,
    ngx_uint_t *shared)
{
    ngx_uint_t              hash;
    ngx_clientcert_cert_t  *cert, *holder;
    ngx_clientcert_node_t  *node;

    *shared = 0;
    holder = NULL;
    ngx_memcpy(&hash, digest, sizeof(ngx_uint_t));

    for (node = files->certs.buckets[hash & files->certs.mask];
         node;
         node = node->next)
    {
        cert = (ngx_clientcert_cert_t *) node;

        if (node->hash != hash
            || ngx_memcmp(cert->der.sha256, digest, 32) != 0)
        {
            continue;
        }

        if (holder && cert->file != holder->file) {
            *shared = 1;
        }

        if (holder == NULL
            || ngx_strcmp(cert->file->name, holder->file->name) < 0)
        {
            holder = cert;
        }
    }

    return holder;
}


void
ngx_clientcert_files_mark(ngx_clientcert_files_t *files, u_char *digest)
{
    ngx_clientcert_dirty_t  *dirty;

    dirty = ngx_array_push(files->dirty);

    if (dirty == NULL) {
        files->failed = 1;
        return;
    }

    ngx_memcpy(dirty->digest, digest, 32);
}


void
ngx_clientcert_files_mark_all(ngx_clientcert_files_t *files)
{
    ngx_uint_t              i;
    ngx_clientcert_node_t  *node;

    for (i = 0; i <= files->certs.mask; i++) {
        for (node = files->certs.buckets[i]; node; node = node->next) {
            ngx_clientcert_files_mark(files,
                            ((ngx_clientcert_cert_t *) node)->der.sha256);
        }
    }
}


ngx_array_t *
ngx_clientcert_files_dirty(ngx_clientcert_files_t *files)
{
    qsort(files->dirty->elts, files->dirty->nelts,
          sizeof(ngx_clientcert_dirty_t), ngx_clientcert_files_cmp);

    return files->dirty;
}


static int ngx_libc_cdecl
ngx_clientcert_files_cmp(const void *one, const void *two)
{
    return ngx_memcmp(one, two, sizeof(ngx_clientcert_dirty_t));
}


/*
 * Without what the array left behind as it grew; what is left of the pool has
 * room for it.
 */

void
ngx_clientcert_files_clean(ngx_clientcert_files_t *files)
{
    ngx_reset_pool(files->scratch);

    files->failed = 0;
    files->dirty = ngx_array_create(files->scratch, 4,
                                    sizeof(ngx_clientcert_dirty_t));
}


static ngx_int_t
ngx_clientcert_hash_create(ngx_clientcert_hash_t *h, ngx_log_t *log)
{
    h->buckets = ngx_calloc(NGX_CLIENTCERT_MIN_BUCKETS
                            * sizeof(ngx_clientcert_node_t *), log);

    h->mask = NGX_CLIENTCERT_MIN_BUCKETS - 1;

    return h->buckets ? NGX_OK : NGX_ERROR;
}


/* without memory it stays as it is, which is slower but right */

static void
ngx_clientcert_hash_grow(ngx_clientcert_hash_t *h, ngx_log_t *log)
{
    ngx_uint_t               i, mask;
    ngx_clientcert_node_t  **buckets, *node, *next;

    mask = h->mask * 2 + 1;

    buckets = ngx_calloc((mask + 1) * sizeof(ngx_clientcert_node_t *), log);
    if (buckets == NULL) {
        return;
    }

    for (i = 0; i <= h->mask; i++) {
        for (node = h->buckets[i]; node; node = next) {
            next = node->next;
            node->next = buckets[node->hash & mask];
            buckets[node->hash & mask] = node;
        }
    }

    ngx_free(h->buckets);

    h->buckets = buckets;
    h->mask = mask;
}


static void
ngx_clientcert_hash_add(ngx_clientcert_hash_t *h, ngx_clientcert_node_t *node,
    ngx_log_t *log)
{
    if (h->n > h->mask) {
        ngx_clientcert_hash_grow(h, log);
    }

    node->next = h->buckets[node->hash & h->mask];
    h->buckets[node->hash & h->mask] = node;
    h->n++;
}


static void
ngx_clientcert_hash_remove(ngx_clientcert_hash_t *h,
    ngx_clientcert_node_t *node)
{
    ngx_clientcert_node_t  **p;

    p = &h->buckets[node->hash & h->mask];

    while (*p != node) {
        p = &(*p)->next;
    }

    *p = node->next;
    h->n--;
}
