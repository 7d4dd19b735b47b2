
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_readdir.h"


static ngx_int_t ngx_clientcert_readdir_add(ngx_array_t *names,
    struct dirent *de, ngx_clientcert_files_t *known);
static int ngx_libc_cdecl ngx_clientcert_readdir_cmp(const void *one,
    const void *two);


ngx_array_t *
ngx_clientcert_readdir(ngx_log_t *log, int at, const char *path,
    ngx_clientcert_files_t *known, ngx_err_t *err)
{
    int             fd;
    DIR            *d;
    ngx_pool_t     *pool;
    ngx_array_t    *names;
    struct dirent  *de;

    fd = openat(at, path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    d = (fd == -1) ? NULL : fdopendir(fd);

    if (d == NULL) {
        *err = ngx_errno;

        if (fd != -1) {
            (void) close(fd);
        }

        return NULL;
    }

    *err = NGX_ENOMEM;
    names = NULL;

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);

    if (pool) {
        names = ngx_array_create(pool, 64, sizeof(ngx_clientcert_dirent_t));
    }

    while (names) {
        ngx_set_errno(0);
        de = readdir(d);

        if (de == NULL) {
            *err = ngx_errno;
            break;
        }

        if (ngx_clientcert_readdir_add(names, de, known) != NGX_OK) {
            break;
        }
    }

    (void) closedir(d);

    if (*err) {
        if (pool) {
            ngx_destroy_pool(pool);
        }

        return NULL;
    }

    ngx_qsort(names->elts, names->nelts, sizeof(ngx_clientcert_dirent_t),
              ngx_clientcert_readdir_cmp);

    return names;
}


static ngx_int_t
ngx_clientcert_readdir_add(ngx_array_t *names, struct dirent *de,
    ngx_clientcert_files_t *known)
{
    ngx_str_t                 text;
    ngx_clientcert_file_t    *file;
    ngx_clientcert_dirent_t  *name;

    if (de->d_name[0] == '.') {
        return NGX_OK;
    }

    text.data = (u_char *) de->d_name;
    text.len = ngx_strlen(de->d_name);

    file = known ? ngx_clientcert_files_find(known, &text) : NULL;

    if (file && file->ino == de->d_ino) {
        return NGX_OK;
    }

    name = ngx_array_push(names);
    if (name == NULL) {
        return NGX_ERROR;
    }

    name->ino = de->d_ino;
    name->name.len = text.len;
    name->name.data = ngx_pnalloc(names->pool, text.len + 1);

    if (name->name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(name->name.data, text.data, text.len + 1);

    name->fd = -1;
    name->regular = 0;

#if (NGX_HAVE_D_TYPE)
    name->regular = (de->d_type == DT_REG);
#endif

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_clientcert_readdir_cmp(const void *one, const void *two)
{
    const ngx_clientcert_dirent_t *first = one;
    const ngx_clientcert_dirent_t *second = two;

    return (first->ino > second->ino) - (first->ino < second->ino);
}
