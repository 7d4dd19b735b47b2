
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_readdir.h"
#include <fnmatch.h>


static ngx_int_t ngx_clientcert_readdir_add(ngx_array_t *names,
    struct dirent *de, ngx_str_t *text, ngx_clientcert_files_t *known);
static int ngx_libc_cdecl ngx_clientcert_readdir_cmp(const void *one,
    const void *two);


ngx_array_t *
ngx_clientcert_readdir(ngx_clientcert_source_t *src, int at,
    const char *path, ngx_clientcert_files_t *known, ngx_err_t *err)
{
    int             fd;
    DIR            *d;
    ngx_str_t       name;
    ngx_uint_t      others;
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
    others = 0;

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, src->log);

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

        name.data = (u_char *) de->d_name;
        name.len = ngx_strlen(de->d_name);

        if (!ngx_clientcert_readdir_takes(src, &name)) {
            others += (name.data[0] != '.');

        } else if (ngx_clientcert_readdir_add(names, de, &name, known)
                   != NGX_OK)
        {
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

    if (others && names->nelts == 0 && known == NULL
        && src->level == NGX_LOG_WARN)
    {
        ngx_clientcert_source_log(src, NGX_LOG_WARN, 0,
                                  "none of the %ui names in \"%V\" matches "
                                  "\"%V\"", others, &src->path, &src->mask);
    }

    ngx_qsort(names->elts, names->nelts, sizeof(ngx_clientcert_dirent_t),
              ngx_clientcert_readdir_cmp);

    return names;
}


static ngx_int_t
ngx_clientcert_readdir_add(ngx_array_t *names, struct dirent *de,
    ngx_str_t *text, ngx_clientcert_files_t *known)
{
    ngx_clientcert_file_t    *file;
    ngx_clientcert_dirent_t  *name;

    file = known ? ngx_clientcert_files_find(known, text) : NULL;

    if (file && file->ino == de->d_ino) {
        return NGX_OK;
    }

    name = ngx_array_push(names);
    if (name == NULL) {
        return NGX_ERROR;
    }

    name->ino = de->d_ino;
    name->name.len = text->len;
    name->name.data = ngx_pnalloc(names->pool, text->len + 1);

    if (name->name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(name->name.data, text->data, text->len + 1);

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


ngx_uint_t
ngx_clientcert_readdir_takes(ngx_clientcert_source_t *src, ngx_str_t *name)
{
    return name->data[0] != '.'
           && (src->mask.len == 0
               || fnmatch((char *) src->mask.data, (char *) name->data, 0)
                  == 0);
}


ngx_uint_t
ngx_clientcert_readdir_is_leftover(ngx_clientcert_source_t *src,
    ngx_str_t *name)
{
    u_char  *ending, last;
    size_t   i;

    static const char  *endings[] = {
        ".disabled", ".bak", ".old", ".orig", ".save", ".swp", ".tmp",
        ".rpmnew", ".rpmsave", ".rpmorig"
    };

    if (src->mask.len) {
        return 0;
    }

    last = name->data[name->len - 1];

    if (last == '~' || (last == '#' && name->data[0] == '#' && name->len > 1)
        || ngx_strstr(name->data, ".dpkg-"))
    {
        return 1;
    }

    ending = (u_char *) strrchr((char *) name->data, '.');

    for (i = 0; ending && i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (ngx_strcasecmp(ending, (u_char *) endings[i]) == 0) {
            return 1;
        }
    }

    return 0;
}
