
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_DIRECTORY_H_INCLUDED_
#define _NGX_CLIENTCERT_DIRECTORY_H_INCLUDED_


#include "ngx_clientcert_loader.h"
#include "ngx_clientcert_files.h"


/* the state of a directory, for the two files that make it */

struct ngx_clientcert_directory_s {
    ngx_clientcert_files_t   files;
    ngx_array_t             *found;     /* ngx_clientcert_der_t */
    ngx_pool_t              *pool;
    u_char                  *buf;
    int                      fd;        /* -1: not open now */
    dev_t                    dev;
    ino_t                    ino;       /* 0: was never open */
    uint32_t                 scan;
    size_t                   work;      /* since the last poll */

    uint32_t                 cookie;    /* of a rename, 0: none */
    size_t                   moved_len;
    u_char                   moved[NGX_CLIENTCERT_ORIGIN_LEN + 1];

    ngx_uint_t               rejected;  /* since the last commit */
    unsigned                 synced:1;  /* the store holds what files do */
    unsigned                 scanned:1; /* all files are known */
    unsigned                 scanning:1;
    unsigned                 doubtful:1;    /* whether some still hold it */
    unsigned                 unsettled:1;
};


/*
 * Takes the files from what the store holds, as other processes read them: so
 * events have a state to change before all are read again, and a file that
 * can't be read has one to keep.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_clientcert_directory_restore(ngx_clientcert_loader_t *ld);

/*
 * Closes the directory if it is open.
 */
void ngx_clientcert_directory_close(ngx_clientcert_directory_t *dir);


#endif /* _NGX_CLIENTCERT_DIRECTORY_H_INCLUDED_ */
