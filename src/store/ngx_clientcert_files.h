
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_FILES_H_INCLUDED_
#define _NGX_CLIENTCERT_FILES_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "../cert/ngx_clientcert_der.h"


/* which files of a directory there are and which certificates they hold */

typedef struct ngx_clientcert_node_s  ngx_clientcert_node_t;
typedef struct ngx_clientcert_cert_s  ngx_clientcert_cert_t;

struct ngx_clientcert_node_s {
    ngx_clientcert_node_t   *next;      /* of the same bucket */
    ngx_uint_t               hash;
};


typedef struct {
    ngx_clientcert_node_t  **buckets;
    ngx_uint_t               mask;
    ngx_uint_t               n;
} ngx_clientcert_hash_t;


typedef struct {
    ngx_clientcert_node_t    node;      /* by name */
    ngx_clientcert_cert_t   *certs;
    uint64_t                 stamp;     /* 0: to be read again */
    uint64_t                 pending;   /* the stamp that was seen last */
    ngx_msec_t               since;     /* of pending or missed */
    int                      reason;    /* of a rejection, < 0: -errno */
    uint32_t                 scan;      /* that met it last */
    unsigned                 key:1;     /* a private one, logged */
    unsigned                 missed:1;  /* gone, as it seems so far */
    u_short                  len;
    u_char                   name[1];   /* with a final zero */
} ngx_clientcert_source_t;


struct ngx_clientcert_cert_s {
    ngx_clientcert_node_t     node;     /* by digest, several may have one */
    ngx_clientcert_cert_t    *sibling;
    ngx_clientcert_source_t  *file;
    ngx_clientcert_der_t      der;
};


typedef struct {
    u_char                   digest[32];
} ngx_clientcert_dirty_t;


typedef struct {
    ngx_clientcert_hash_t    names;
    ngx_clientcert_hash_t    certs;
    ngx_array_t             *dirty;     /* ngx_clientcert_dirty_t */
    ngx_pool_t              *scratch;   /* of dirty */
    ngx_log_t               *log;
    ngx_uint_t               bad;       /* files rejected now */
    unsigned                 failed:1;  /* no memory for dirty */
} ngx_clientcert_files_t;


/*
 * Return NGX_OK or NGX_ERROR, without memory.
 */
ngx_int_t ngx_clientcert_files_create(ngx_clientcert_files_t *files,
    ngx_log_t *log);
void ngx_clientcert_files_destroy(ngx_clientcert_files_t *files);

/*
 * find returns NULL if there is no such file; get makes it then, and returns
 * NULL without memory.  next walks all, from NULL on, as long as none is made.
 */
ngx_clientcert_source_t *ngx_clientcert_files_find(
    ngx_clientcert_files_t *files, u_char *name, size_t len);
ngx_clientcert_source_t *ngx_clientcert_files_get(
    ngx_clientcert_files_t *files, u_char *name, size_t len);
ngx_clientcert_source_t *ngx_clientcert_files_next(
    ngx_clientcert_files_t *files, ngx_clientcert_source_t *file);

/*
 * What a file holds: add gives it one certificate more, take those of an array
 * of ngx_clientcert_der_t instead of what it had, clear none.  Returns NGX_OK,
 * or NGX_ERROR without memory: then it has what it had.
 */
ngx_int_t ngx_clientcert_files_add(ngx_clientcert_files_t *files,
    ngx_clientcert_source_t *file, ngx_clientcert_der_t *der);
ngx_int_t ngx_clientcert_files_take(ngx_clientcert_files_t *files,
    ngx_clientcert_source_t *file, ngx_array_t *found);
void ngx_clientcert_files_clear(ngx_clientcert_files_t *files,
    ngx_clientcert_source_t *file);

/*
 * move gives the other file what from holds, beside what that has, and forgets
 * from; forget frees a file.
 */
void ngx_clientcert_files_move(ngx_clientcert_files_t *files,
    ngx_clientcert_source_t *from, ngx_clientcert_source_t *to);
void ngx_clientcert_files_forget(ngx_clientcert_files_t *files,
    ngx_clientcert_source_t *file);
void ngx_clientcert_files_forget_all(ngx_clientcert_files_t *files);

/*
 * Returns the file's entry for a certificate, of several files that of the one
 * whose name comes first, or NULL; *shared tells whether there are several.
 */
ngx_clientcert_cert_t *ngx_clientcert_files_holder(
    ngx_clientcert_files_t *files, u_char *digest, ngx_uint_t *shared);

/*
 * Digests of certificates that came or went are marked, by hand as well.
 * dirty sorts them, clean forgets them.
 */
void ngx_clientcert_files_mark(ngx_clientcert_files_t *files, u_char *digest);
void ngx_clientcert_files_mark_all(ngx_clientcert_files_t *files);
ngx_array_t *ngx_clientcert_files_dirty(ngx_clientcert_files_t *files);
void ngx_clientcert_files_clean(ngx_clientcert_files_t *files);


#endif /* _NGX_CLIENTCERT_FILES_H_INCLUDED_ */
