
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_directory.h"


static void ngx_clientcert_directory_tell(ngx_clientcert_loader_t *ld,
    ngx_int_t rc, ngx_uint_t added, ngx_uint_t removed, ngx_uint_t n);
static ngx_int_t ngx_clientcert_directory_all(ngx_clientcert_loader_t *ld);
static ngx_int_t ngx_clientcert_directory_changes(ngx_clientcert_loader_t *ld,
    ngx_array_t *changes, ngx_uint_t *added, ngx_uint_t *removed);
static ngx_int_t ngx_clientcert_directory_change(ngx_clientcert_cert_t *cert,
    u_char *digest, ngx_uint_t shared, ngx_array_t *changes);


ngx_int_t
ngx_clientcert_directory_restore(ngx_clientcert_loader_t *ld)
{
    ngx_int_t                 rc;
    ngx_uint_t                place;
    ngx_clientcert_der_t      der;
    ngx_clientcert_entry_t    entry;
    ngx_clientcert_files_t   *files;
    ngx_clientcert_source_t  *file;

    files = &ld->dir->files;

    if (ngx_clientcert_store_lock(ld->store) != NGX_OK) {
        ld->retired = 1;
        return NGX_ERROR;
    }

    rc = NGX_OK;
    place = 0;

    while (rc == NGX_OK
           && ngx_clientcert_store_next(ld->store, &place, &entry) == NGX_OK)
    {
        ngx_memcpy(der.sha256, entry.digest, 32);
        ngx_memcpy(der.spki, entry.spki, 32);
        der.not_before = entry.not_before;
        der.not_after = entry.not_after;

        file = ngx_clientcert_files_get(files, entry.origin.data,
                                        entry.origin.len);

        rc = file ? ngx_clientcert_files_add(files, file, &der) : NGX_ERROR;
    }

    ngx_clientcert_store_unlock(ld->store);

    ngx_clientcert_files_clean(files);
    ld->dir->synced = 1;

    return rc;
}


void
ngx_clientcert_directory_commit(ngx_clientcert_loader_t *ld)
{
    ngx_pool_t                  *pool;
    ngx_int_t                    rc;
    ngx_uint_t                   added, removed, n;
    ngx_array_t                 *changes;
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;

    if (!dir->scanning) {
        ngx_clientcert_directory_close(dir);
    }

    if (dir->scanned) {
        ld->store->sh->failed = dir->files.bad;
    }

    if (dir->synced && dir->files.dirty->nelts == 0 && dir->rejected == 0) {
        return;
    }

    if (ngx_clientcert_store_lock(ld->store) != NGX_OK) {
        ld->retired = 1;
        return;
    }

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ld->log);
    changes = pool ? ngx_array_create(pool, 16,
                                      sizeof(ngx_clientcert_change_t))
                   : NULL;

    if (changes == NULL
        || dir->files.failed
        || (!dir->synced && ngx_clientcert_directory_all(ld) != NGX_OK)
        || ngx_clientcert_directory_changes(ld, changes, &added, &removed)
           != NGX_OK)
    {
        ngx_clientcert_store_unlock(ld->store);

        if (pool) {
            ngx_destroy_pool(pool);
        }

        dir->synced = 0;
        ngx_clientcert_files_clean(&dir->files);
        return;
    }

    rc = NGX_OK;

    if (changes->nelts) {
        rc = ngx_clientcert_store_change(ld->store, pool, changes);

    } else {
        ngx_destroy_pool(pool);
    }

    n = ngx_clientcert_store_count(ld->store, 0);

    ngx_clientcert_store_unlock(ld->store);

    dir->synced = (rc == NGX_OK);
    ngx_clientcert_directory_tell(ld, rc, added, removed, n);
}


static void
ngx_clientcert_directory_tell(ngx_clientcert_loader_t *ld, ngx_int_t rc,
    ngx_uint_t added, ngx_uint_t removed, ngx_uint_t n)
{
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;

    if (rc != NGX_OK) {
        ngx_clientcert_loader_small(ld);
        added = 0;

    } else {
        ld->small = 0;
    }

    if (added || removed || dir->rejected) {
        ngx_log_error(NGX_LOG_NOTICE, ld->log, 0,
                      "store \"%V\": %ui added, %ui removed, %ui rejected, "
                      "%ui certificates", &ld->store->name, added, removed,
                      dir->rejected, n);
    }

    dir->rejected = 0;

    ngx_clientcert_files_clean(&dir->files);
}


/* marks all that the store or the directory holds */

static ngx_int_t
ngx_clientcert_directory_all(ngx_clientcert_loader_t *ld)
{
    ngx_uint_t               place;
    ngx_clientcert_entry_t   entry;

    place = 0;

    while (ngx_clientcert_store_next(ld->store, &place, &entry) == NGX_OK) {
        ngx_clientcert_files_mark(&ld->dir->files, entry.digest);
    }

    ngx_clientcert_files_mark_all(&ld->dir->files);

    return ld->dir->files.failed ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_clientcert_directory_changes(ngx_clientcert_loader_t *ld,
    ngx_array_t *changes, ngx_uint_t *added, ngx_uint_t *removed)
{
    ngx_uint_t                   i, there, shared;
    ngx_clientcert_cert_t       *cert;
    ngx_clientcert_dirty_t      *dirty;
    ngx_clientcert_entry_t       entry;
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;
    dirty = ngx_clientcert_files_dirty(&dir->files)->elts;

    *added = 0;
    *removed = 0;

    for (i = 0; i < dir->files.dirty->nelts; i++) {

        if (i && ngx_memcmp(&dirty[i - 1], &dirty[i], 32) == 0) {
            continue;
        }

        cert = ngx_clientcert_files_holder(&dir->files, dirty[i].digest,
                                           &shared);

        there = (ngx_clientcert_store_get_entry(ld->store, dirty[i].digest,
                                                32, &entry)
                 == NGX_OK);

        /* some file that isn't known yet may hold it */

        if (there && entry.shared && !dir->scanned) {

            if (cert == NULL) {
                dir->doubtful = 1;
                continue;
            }

            shared = 1;
        }

        if (cert && there && shared == entry.shared
            && entry.origin.len == cert->file->len
            && ngx_memcmp(entry.origin.data, cert->file->name,
                          cert->file->len)
               == 0)
        {
            continue;
        }

        if (cert == NULL && !there) {
            continue;
        }

        *added += !there;
        *removed += (cert == NULL);

        if (ngx_clientcert_directory_change(cert, dirty[i].digest, shared,
                                            changes)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* puts the certificate, or drops the digest if cert is NULL */

static ngx_int_t
ngx_clientcert_directory_change(ngx_clientcert_cert_t *cert, u_char *digest,
    ngx_uint_t shared, ngx_array_t *changes)
{
    size_t                    len;
    u_char                   *p;
    ngx_clientcert_change_t  *change;

    change = ngx_array_push(changes);
    if (change == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(change, sizeof(ngx_clientcert_change_t));

    len = cert ? cert->file->len : 0;

    p = ngx_pnalloc(changes->pool, 64 + len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    change->entry.digest = p;
    change->entry.len = 32;
    p = ngx_cpymem(p, digest, 32);

    if (cert == NULL) {
        change->drop = 1;
        return NGX_OK;
    }

    change->entry.spki = p;
    p = ngx_cpymem(p, cert->der.spki, 32);

    change->entry.not_before = cert->der.not_before;
    change->entry.not_after = cert->der.not_after;
    change->entry.shared = shared;

    change->entry.origin.data = p;
    change->entry.origin.len = len;
    ngx_memcpy(p, cert->file->name, len);

    /* the label is the name without its ending */

    while (len > 1 && p[len - 1] != '.') {
        len--;
    }

    change->entry.label_len = (len > 1) ? len - 1 : cert->file->len;

    return NGX_OK;
}
