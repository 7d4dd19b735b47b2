
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_FILE_H_INCLUDED_
#define _NGX_CLIENTCERT_FILE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_files.h"


#define NGX_CLIENTCERT_FILE_MAX  (1024 * 1024)

/* files that are remembered to have come by another name, the last ones */
#define NGX_CLIENTCERT_COME      4


typedef struct {
    ngx_clientcert_files_t   files;
    ngx_array_t             *found;     /* ngx_clientcert_der_t */
    ngx_pool_t              *pool;
    u_char                  *buf;       /* of NGX_CLIENTCERT_FILE_MAX + 1 */
    int                      fd;        /* -1: not open now */
    int                      ahead;     /* the file to be read next, or -1 */
    dev_t                    dev;
    ino_t                    ino;       /* 0: was never open */
    uint32_t                 round;     /* of reading all */
    unsigned                 scanned:1; /* all files are known */
    unsigned                 carried:1;
    unsigned                 hunting:1; /* for the new name of some file */
    unsigned                 moved:1;   /* some file, as it seems */
    unsigned                 leftovers:1;       /* are to be told */

    /* of one look */
    ino_t                    lost;      /* of a file that is gone */
    ngx_uint_t               nlost;
    ino_t                    come[NGX_CLIENTCERT_COME]; /* by other names */
    ngx_uint_t               ncome;
} ngx_clientcert_directory_t;


/*
 * Looks at a file of the directory src->known, which is open, and reads it if
 * it is complete and another one than was read.  What can't be read is logged
 * and keeps what it had; what is gone is forgotten, and freed.  how is flags
 * of NGX_CLIENTCERT_COMPLETE and CREATED, beside what events said.  Returns
 * NGX_OK, or NGX_ERROR if that can't be done now.
 */
ngx_int_t ngx_clientcert_file_look(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_uint_t how);

/*
 * Logs that the process or the system has too little of something, and has
 * all files looked at once more.  Returns NGX_ERROR.
 */
ngx_int_t ngx_clientcert_file_break_off(ngx_clientcert_source_t *src,
    ngx_err_t err);

/*
 * Adds to a report what is wrong with a file, if anything is.
 */
void ngx_clientcert_file_report(ngx_clientcert_file_t *file,
    ngx_clientcert_report_t *report);

/*
 * Logs a line about a file, unless there have been too many; the reason may be
 * NULL.
 */
void ngx_clientcert_file_log(ngx_clientcert_source_t *src, ngx_uint_t level,
    ngx_err_t err, ngx_clientcert_file_t *file, const char *text,
    const char *reason);


#endif /* _NGX_CLIENTCERT_FILE_H_INCLUDED_ */
