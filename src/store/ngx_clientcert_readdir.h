
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_READDIR_H_INCLUDED_
#define _NGX_CLIENTCERT_READDIR_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_files.h"


typedef struct {
    ino_t       ino;
    ngx_str_t   name;           /* with a final zero */
    int         fd;             /* of the caller, -1 at first */
    unsigned    regular:1;      /* surely a regular file */
} ngx_clientcert_dirent_t;


/*
 * Returns all names of the source that count, and aren't known by that inode,
 * in the order of inodes, which is that of the disk; or NULL and the error.
 * at and path are those of openat(2), known may be NULL.  The caller destroys
 * the array's pool.
 */
ngx_array_t *ngx_clientcert_readdir(ngx_clientcert_source_t *src, int at,
    const char *path, ngx_clientcert_files_t *known, ngx_err_t *err);

/*
 * Whether a name, which has a final zero, counts: it isn't hidden, and it
 * matches the mask (fnmatch(3)).  Without a mask it may be one by which
 * people, editors and package managers put files aside.
 */
ngx_uint_t ngx_clientcert_readdir_takes(ngx_clientcert_source_t *src,
    ngx_str_t *name);
ngx_uint_t ngx_clientcert_readdir_is_leftover(ngx_clientcert_source_t *src,
    ngx_str_t *name);


#endif /* _NGX_CLIENTCERT_READDIR_H_INCLUDED_ */
