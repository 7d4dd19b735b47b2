
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_FILES_H_INCLUDED_
#define _NGX_CLIENTCERT_FILES_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "../cert/ngx_clientcert_der.h"
#include "ngx_clientcert_source.h"


/* of a file that is a leftover by its name */

typedef enum {
    NGX_CLIENTCERT_LEFTOVER_MET = 1,
    NGX_CLIENTCERT_LEFTOVER_TOLD
} ngx_clientcert_leftover_e;


typedef struct {
    ngx_str_node_t           sn;        /* by name, with a final zero */
    ngx_queue_t              queue;     /* of all */
    ngx_queue_t              mark;      /* next is NULL: not marked */

    ngx_clientcert_der_t    *certs;
    ngx_uint_t               ncerts;

    uint64_t                 stamp;     /* 0: to be read again */
    uint64_t                 pending;   /* the stamp that was seen last */
    ngx_msec_t               since;     /* of pending or missed */
    ino_t                    ino;
    ngx_uint_t               events;
    uint32_t                 round;     /* of reading all that met it last */
    uint32_t                 origin;    /* its place in what is filled */
    int                      reason;    /* of a rejection, < 0: -errno */
    time_t                   rejected;  /* when */
    ngx_uint_t               left_out;  /* certificates without room */

    unsigned                 told:1;    /* left_out is logged */
    unsigned                 read:1;    /* by this process */
    unsigned                 key:1;     /* a private one, logged */
    unsigned                 missed:1;  /* gone, as it seems so far */
    unsigned                 leftover:2;
} ngx_clientcert_file_t;


typedef struct {
    ngx_rbtree_t             names;
    ngx_rbtree_node_t        sentinel;
    ngx_queue_t              all;
    ngx_queue_t              marked;

    ngx_uint_t               n;         /* of files that hold certificates */
    ngx_clientcert_need_t    need;
    ngx_uint_t               bad;       /* files rejected now */
    ngx_uint_t               left_out;  /* files of which some are */
    ngx_log_t               *log;
    unsigned                 changed:1; /* what they hold */
} ngx_clientcert_files_t;


void ngx_clientcert_files_init(ngx_clientcert_files_t *files, ngx_log_t *log);

/*
 * find returns NULL if there is no such file; get makes it then, and returns
 * NULL without memory.
 */
ngx_clientcert_file_t *ngx_clientcert_files_find(
    ngx_clientcert_files_t *files, ngx_str_t *name);
ngx_clientcert_file_t *ngx_clientcert_files_get(
    ngx_clientcert_files_t *files, ngx_str_t *name);

void ngx_clientcert_files_forget(ngx_clientcert_files_t *files,
    ngx_clientcert_file_t *file);
void ngx_clientcert_files_forget_all(ngx_clientcert_files_t *files);

/*
 * Marks a file for the next look; an event is one of NGX_CLIENTCERT_COMPLETE
 * to NGX_CLIENTCERT_ATTRIBUTES, or 0.
 */
void ngx_clientcert_files_mark(ngx_clientcert_files_t *files,
    ngx_clientcert_file_t *file, ngx_uint_t event);
void ngx_clientcert_files_unmark(ngx_clientcert_file_t *file);

/*
 * What a file holds: an array of ngx_clientcert_der_t instead of what it had.
 * Returns NGX_OK, NGX_DONE if that is the same, or NGX_ERROR without memory:
 * then it has what it had.
 */
ngx_int_t ngx_clientcert_files_take(ngx_clientcert_files_t *files,
    ngx_clientcert_file_t *file, ngx_array_t *found);
void ngx_clientcert_files_clear(ngx_clientcert_files_t *files,
    ngx_clientcert_file_t *file);

/*
 * carry gives files that this process couldn't read what is in force by their
 * names; fill puts what all hold into the idle half.  Both are as those of
 * ngx_clientcert_kind_t.
 */
ngx_int_t ngx_clientcert_files_carry(ngx_clientcert_files_t *files,
    ngx_clientcert_store_t *st);
ngx_int_t ngx_clientcert_files_fill(ngx_clientcert_files_t *files,
    ngx_clientcert_store_t *st);

/*
 * Fills as much as has room: what is in force, then the others in the order of
 * their names.
 */
ngx_int_t ngx_clientcert_files_fill_outgrown(ngx_clientcert_files_t *files,
    ngx_clientcert_store_t *st);


#endif /* _NGX_CLIENTCERT_FILES_H_INCLUDED_ */
