
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_files.h"


/*
 * What a process knows of the files of a directory, in its own memory: their
 * names, of which state each was read, which certificates it holds; and how
 * that goes into the idle half of a store.  Nobody locks anything here but the
 * store's writer, who holds the mutex when carry or a fill is called.  A crash
 * leaves nothing; the next process reads all files.
 */


/* of the certificates of a file, in the order in which they get room */

typedef enum {
    NGX_CLIENTCERT_IN_FORCE = 0,    /* by its name */
    NGX_CLIENTCERT_RENAMED,         /* by another one */
    NGX_CLIENTCERT_NEW,
    NGX_CLIENTCERT_ANY
} ngx_clientcert_state_e;


static void ngx_clientcert_files_set(ngx_clientcert_files_t *files,
    ngx_clientcert_file_t *file, ngx_clientcert_der_t *certs, ngx_uint_t n);
static ngx_int_t ngx_clientcert_files_add(ngx_clientcert_files_t *files,
    ngx_clientcert_file_t *file, ngx_clientcert_entry_t *entry);
static ngx_int_t ngx_clientcert_files_put(ngx_clientcert_store_t *st,
    ngx_clientcert_file_t *file, ngx_clientcert_state_e state);
static size_t ngx_clientcert_files_label_len(ngx_str_t *name);
static ngx_clientcert_state_e ngx_clientcert_files_state(
    ngx_clientcert_store_t *st, ngx_clientcert_file_t *file, ngx_uint_t i);
static ngx_uint_t ngx_clientcert_files_lacking(ngx_clientcert_store_t *st,
    ngx_clientcert_file_t *file, ngx_clientcert_state_e state);
static int ngx_libc_cdecl ngx_clientcert_files_cmp(const void *one,
    const void *two);


void
ngx_clientcert_files_init(ngx_clientcert_files_t *files, ngx_log_t *log)
{
    ngx_memzero(files, sizeof(ngx_clientcert_files_t));

    ngx_rbtree_init(&files->names, &files->sentinel,
                    ngx_str_rbtree_insert_value);

    ngx_queue_init(&files->all);
    ngx_queue_init(&files->marked);

    files->log = log;
}


ngx_clientcert_file_t *
ngx_clientcert_files_find(ngx_clientcert_files_t *files, ngx_str_t *name)
{
    return (ngx_clientcert_file_t *)
               ngx_str_rbtree_lookup(&files->names, name,
                                     ngx_crc32_long(name->data, name->len));
}


ngx_clientcert_file_t *
ngx_clientcert_files_get(ngx_clientcert_files_t *files, ngx_str_t *name)
{
    ngx_clientcert_file_t  *file;

    file = ngx_clientcert_files_find(files, name);

    if (file) {
        return file;
    }

    file = ngx_calloc(sizeof(ngx_clientcert_file_t) + name->len + 1,
                      files->log);
    if (file == NULL) {
        return NULL;
    }

    file->sn.node.key = ngx_crc32_long(name->data, name->len);
    file->sn.str.len = name->len;
    file->sn.str.data = (u_char *) file + sizeof(ngx_clientcert_file_t);

    ngx_memcpy(file->sn.str.data, name->data, name->len);

    ngx_rbtree_insert(&files->names, &file->sn.node);
    ngx_queue_insert_tail(&files->all, &file->queue);

    return file;
}


void
ngx_clientcert_files_forget(ngx_clientcert_files_t *files,
    ngx_clientcert_file_t *file)
{
    files->bad -= (file->reason != 0);

    ngx_clientcert_files_clear(files, file);
    ngx_clientcert_files_unmark(file);

    ngx_queue_remove(&file->queue);
    ngx_rbtree_delete(&files->names, &file->sn.node);

    ngx_free(file);
}


void
ngx_clientcert_files_forget_all(ngx_clientcert_files_t *files)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&files->all)) {
        q = ngx_queue_head(&files->all);

        ngx_clientcert_files_forget(files,
                           ngx_queue_data(q, ngx_clientcert_file_t, queue));
    }
}


void
ngx_clientcert_files_mark(ngx_clientcert_files_t *files,
    ngx_clientcert_file_t *file, ngx_uint_t event)
{
    if (file->mark.next == NULL) {
        ngx_queue_insert_tail(&files->marked, &file->mark);
    }

    if (event & (NGX_CLIENTCERT_REMOVED|NGX_CLIENTCERT_MOVED)) {
        file->events = event|NGX_CLIENTCERT_REPLACED;
        return;
    }

    if (event & (NGX_CLIENTCERT_COMPLETE|NGX_CLIENTCERT_CREATED)) {
        file->events &= ~(NGX_CLIENTCERT_REMOVED|NGX_CLIENTCERT_MOVED);
    }

    file->events |= event;
}


void
ngx_clientcert_files_unmark(ngx_clientcert_file_t *file)
{
    file->events = 0;

    if (file->mark.next) {
        ngx_queue_remove(&file->mark);
        file->mark.next = NULL;
    }
}


ngx_int_t
ngx_clientcert_files_take(ngx_clientcert_files_t *files,
    ngx_clientcert_file_t *file, ngx_array_t *found)
{
    size_t                 size;
    ngx_clientcert_der_t  *certs;

    size = found->nelts * sizeof(ngx_clientcert_der_t);

    if (found->nelts == file->ncerts
        && ngx_memcmp(found->elts, file->certs, size) == 0)
    {
        return NGX_DONE;
    }

    certs = ngx_alloc(size, files->log);
    if (certs == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(certs, found->elts, size);
    ngx_clientcert_files_set(files, file, certs, found->nelts);

    return NGX_OK;
}


void
ngx_clientcert_files_clear(ngx_clientcert_files_t *files,
    ngx_clientcert_file_t *file)
{
    if (file->ncerts) {
        ngx_clientcert_files_set(files, file, NULL, 0);
    }
}


static void
ngx_clientcert_files_set(ngx_clientcert_files_t *files,
    ngx_clientcert_file_t *file, ngx_clientcert_der_t *certs, ngx_uint_t n)
{
    size_t  origin;

    origin = ngx_clientcert_index_origin_words(file->sn.str.len);

    files->need.origins += (n ? origin : 0) - (file->ncerts ? origin : 0);
    files->need.sha256 += n - file->ncerts;
    files->n += (n != 0) - (file->ncerts != 0);
    files->changed = 1;

    if (file->certs && file->certs != certs) {
        ngx_free(file->certs);
    }

    file->certs = certs;
    file->ncerts = n;
}


ngx_int_t
ngx_clientcert_files_carry(ngx_clientcert_files_t *files,
    ngx_clientcert_store_t *st)
{
    uint32_t                 place;
    ngx_uint_t               slot, table;
    ngx_clientcert_file_t   *file;
    ngx_clientcert_entry_t   entry;

    if (files->bad == 0) {
        return NGX_OK;
    }

    slot = 0;

    while ((place = ngx_clientcert_index_next(&st->active, &slot, &table))
           != 0)
    {
        ngx_clientcert_index_get(&st->active, table, place, &entry);

        file = ngx_clientcert_files_find(files, &entry.origin);

        if (file && file->reason && !file->read
            && ngx_clientcert_files_add(files, file, &entry) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_files_add(ngx_clientcert_files_t *files,
    ngx_clientcert_file_t *file, ngx_clientcert_entry_t *entry)
{
    ngx_uint_t             n;
    ngx_clientcert_der_t  *certs;

    n = file->ncerts;
    certs = file->certs;

    /* a power of two is full */

    if ((n & (n - 1)) == 0) {
        certs = ngx_alloc((n ? n * 2 : 1) * sizeof(ngx_clientcert_der_t),
                          files->log);
        if (certs == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(certs, file->certs, n * sizeof(ngx_clientcert_der_t));
    }

    ngx_memzero(&certs[n], sizeof(ngx_clientcert_der_t));
    ngx_memcpy(certs[n].sha256, entry->digest, NGX_CLIENTCERT_SHA256_LEN);
    ngx_memcpy(certs[n].spki, entry->spki, NGX_CLIENTCERT_SHA256_LEN);
    certs[n].not_after = entry->not_after;

    ngx_clientcert_files_set(files, file, certs, n + 1);

    return NGX_OK;
}


ngx_int_t
ngx_clientcert_files_fill(ngx_clientcert_files_t *files,
    ngx_clientcert_store_t *st)
{
    ngx_queue_t            *q;
    ngx_clientcert_file_t  *file;

    files->left_out = 0;

    for (q = ngx_queue_head(&files->all);
         q != ngx_queue_sentinel(&files->all);
         q = ngx_queue_next(q))
    {
        file = ngx_queue_data(q, ngx_clientcert_file_t, queue);

        file->origin = 0;
        file->left_out = 0;
        file->told = 0;

        if (file->ncerts
            && ngx_clientcert_files_put(st, file, NGX_CLIENTCERT_ANY)
               != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* puts those of its certificates that are in this state */

static ngx_int_t
ngx_clientcert_files_put(ngx_clientcert_store_t *st,
    ngx_clientcert_file_t *file, ngx_clientcert_state_e state)
{
    ngx_uint_t              i;
    ngx_clientcert_entry_t  entry;

    if (file->origin == 0
        && ngx_clientcert_store_origin(st, &file->sn.str,
                             ngx_clientcert_files_label_len(&file->sn.str),
                             &file->origin)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ngx_memzero(&entry, sizeof(ngx_clientcert_entry_t));

    entry.len = NGX_CLIENTCERT_SHA256_LEN;
    entry.origin = file->sn.str;

    for (i = 0; i < file->ncerts; i++) {

        if (state != NGX_CLIENTCERT_ANY
            && ngx_clientcert_files_state(st, file, i) != state)
        {
            continue;
        }

        entry.digest = file->certs[i].sha256;
        entry.spki = file->certs[i].spki;
        entry.not_after = file->certs[i].not_after;

        if (ngx_clientcert_store_put(st, &entry, file->origin)
            == NGX_DECLINED)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* the label is the name without its ending */

static size_t
ngx_clientcert_files_label_len(ngx_str_t *name)
{
    size_t  len;

    len = name->len;

    while (len > 1 && name->data[len - 1] != '.') {
        len--;
    }

    return (len > 1) ? len - 1 : name->len;
}


ngx_int_t
ngx_clientcert_files_fill_outgrown(ngx_clientcert_files_t *files,
    ngx_clientcert_store_t *st)
{
    ngx_uint_t               i, n, state, lacking;
    ngx_queue_t             *q;
    ngx_clientcert_file_t   *file, **sorted;

    sorted = ngx_alloc((files->n + 1) * sizeof(ngx_clientcert_file_t *),
                       files->log);
    if (sorted == NULL) {
        return NGX_ERROR;
    }

    n = 0;

    for (q = ngx_queue_head(&files->all);
         q != ngx_queue_sentinel(&files->all);
         q = ngx_queue_next(q))
    {
        file = ngx_queue_data(q, ngx_clientcert_file_t, queue);
        file->origin = 0;

        if (file->ncerts) {
            sorted[n++] = file;
        }
    }

    ngx_qsort(sorted, n, sizeof(ngx_clientcert_file_t *),
              ngx_clientcert_files_cmp);

    for (state = 0; state < NGX_CLIENTCERT_ANY; state++) {
        for (i = 0; i < n; i++) {
            lacking = ngx_clientcert_files_lacking(st, sorted[i], state);

            /* what is in force has room in any case */

            if (lacking
                && (state == NGX_CLIENTCERT_IN_FORCE
                    || ngx_clientcert_index_fits(&st->idle, lacking,
                                                 sorted[i]->origin
                                                 ? 0
                                                 : sorted[i]->sn.str.len)))
            {
                (void) ngx_clientcert_files_put(st, sorted[i], state);
            }
        }
    }

    files->left_out = 0;

    for (i = 0; i < n; i++) {
        sorted[i]->left_out = ngx_clientcert_files_lacking(st, sorted[i],
                                                       NGX_CLIENTCERT_ANY);
        files->left_out += (sorted[i]->left_out != 0);
    }

    ngx_free(sorted);

    return NGX_OK;
}


static ngx_clientcert_state_e
ngx_clientcert_files_state(ngx_clientcert_store_t *st,
    ngx_clientcert_file_t *file, ngx_uint_t i)
{
    uint32_t  place;

    place = ngx_clientcert_index_find(&st->active, NGX_CLIENTCERT_BY_SHA256,
                                      file->certs[i].sha256);

    return (place == 0) ? NGX_CLIENTCERT_NEW
           : ngx_clientcert_index_is_from(&st->active, place, &file->sn.str)
             ? NGX_CLIENTCERT_IN_FORCE : NGX_CLIENTCERT_RENAMED;
}


/* how many of its certificates in this state aren't in the idle half yet */

static ngx_uint_t
ngx_clientcert_files_lacking(ngx_clientcert_store_t *st,
    ngx_clientcert_file_t *file, ngx_clientcert_state_e state)
{
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < file->ncerts; i++) {
        if (ngx_clientcert_index_find(&st->idle, NGX_CLIENTCERT_BY_SHA256,
                                      file->certs[i].sha256)
            == 0
            && (state == NGX_CLIENTCERT_ANY
                || ngx_clientcert_files_state(st, file, i) == state))
        {
            n++;
        }
    }

    return n;
}


static int ngx_libc_cdecl
ngx_clientcert_files_cmp(const void *one, const void *two)
{
    ngx_clientcert_file_t * const *first = one;
    ngx_clientcert_file_t * const *second = two;

    return ngx_strcmp((*first)->sn.str.data, (*second)->sn.str.data);
}
