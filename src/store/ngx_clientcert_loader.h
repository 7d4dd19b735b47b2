
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_LOADER_H_INCLUDED_
#define _NGX_CLIENTCERT_LOADER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_store.h"


#define NGX_CLIENTCERT_FILE_MAX   (1024 * 1024)

/* what changed without an event must stay so for that long, milliseconds */
#define NGX_CLIENTCERT_SETTLE     200


typedef struct ngx_clientcert_directory_s  ngx_clientcert_directory_t;


/* the source of a store */

typedef struct {
    ngx_clientcert_store_t      *store;
    ngx_str_t                    path;
    size_t                       size;      /* of the zone, 0: by need */
    ngx_msec_t                   interval;
    time_t                       warn;      /* seconds before expiry, 0: off */
    ngx_clientcert_store_t      *old;       /* of another size, or NULL */

    ngx_cycle_t                 *cycle;
    ngx_log_t                   *log;
    ngx_uint_t                   level;     /* of what is wrong with a file */

    /* of the process that follows the source */
    ngx_clientcert_directory_t  *dir;
    uint64_t                     stamp;     /* of the list in force */
    uint64_t                     pending;   /* of what was seen last */
    ngx_msec_t                   since;     /* of pending */
    ngx_str_t                    text;      /* that the list has, or NULL */
    ngx_uint_t                   generation;    /* of the store, from it */
    ngx_msec_t                   due;
    int                          wd;        /* -1: not watched */
    ngx_err_t                    watch_err;

    unsigned                     small:1;   /* the zone, logged */
    unsigned                     swapped:1; /* files came complete */
    unsigned                     complete:1;    /* so now all are */
    unsigned                     unsettled:1;
    unsigned                     linked:1;  /* files lead elsewhere */
    unsigned                     retired:1; /* another process follows */
} ngx_clientcert_loader_t;


/*
 * Reads the parameters of the directive that cf has read and adds a loader to
 * the array of ngx_clientcert_loader_t *.
 */
char *ngx_clientcert_loader_conf(ngx_conf_t *cf, ngx_array_t *loaders,
    ngx_array_t *stores);

/*
 * Adds the zones of all stores; what they are used for must be known.
 */
ngx_int_t ngx_clientcert_loader_zones(ngx_conf_t *cf, ngx_array_t *loaders);

/*
 * Lets the helper process of the cycle follow the sources; without a master
 * the process itself, which calls the second function, does.  There may be no
 * loaders: NULL.
 */
ngx_int_t ngx_clientcert_loader_follow(ngx_cycle_t *cycle,
    ngx_array_t *loaders);
void ngx_clientcert_loader_single(ngx_cycle_t *cycle, ngx_array_t *loaders);

/*
 * Reads what has changed of the source, and warns of certificates that expire
 * once a day.
 */
void ngx_clientcert_loader_run(ngx_clientcert_loader_t *ld);

/*
 * Gives other work that can't wait a chance during a long one.
 */
void ngx_clientcert_loader_poll(void);

/*
 * A number that changes whenever the file does, never 0; *recent is set if
 * it may change again without another number.
 */
uint64_t ngx_clientcert_loader_stamp(ngx_file_info_t *fi, ngx_uint_t *recent);

/*
 * Whether the error is not the file's, but the process or the system has too
 * little of something.
 */
ngx_uint_t ngx_clientcert_loader_exhausted(ngx_err_t err);

/*
 * Logs the error of a source, once until another one or 0 comes, whichever
 * process follows it.
 */
void ngx_clientcert_loader_failed(ngx_clientcert_loader_t *ld, ngx_err_t err,
    const char *call);

/*
 * Whether a problem of a file was logged already, or is now, whichever process
 * follows the source.
 */
ngx_uint_t ngx_clientcert_loader_told(ngx_clientcert_loader_t *ld,
    uint64_t problem);

/*
 * Logs that the zone is too small, once.
 */
void ngx_clientcert_loader_small(ngx_clientcert_loader_t *ld);


/* ngx_clientcert_directory.c, ngx_clientcert_commit.c */

/*
 * Makes or frees ld->dir, what is known of the directory: at first what the
 * store holds.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_clientcert_directory_create(ngx_clientcert_loader_t *ld);
void ngx_clientcert_directory_destroy(ngx_clientcert_loader_t *ld);

/*
 * Compares the directory with what is known of it and puts changes in force.
 * Returns NGX_OK, or NGX_ERROR if it couldn't be read to the end.
 */
ngx_int_t ngx_clientcert_directory_scan(ngx_clientcert_loader_t *ld);

/*
 * Looks at one file that an event of inotify has named; commit puts it in
 * force.
 */
void ngx_clientcert_directory_event(ngx_clientcert_loader_t *ld,
    ngx_str_t *name, uint32_t mask, uint32_t cookie);

/*
 * Whether the second half of a rename is waited for, and that none will come
 * any more.
 */
ngx_uint_t ngx_clientcert_directory_moving(ngx_clientcert_loader_t *ld);
void ngx_clientcert_directory_moved_away(ngx_clientcert_loader_t *ld);

/*
 * The directory itself was removed; some of its events were lost.
 */
void ngx_clientcert_directory_removed(ngx_clientcert_loader_t *ld);
void ngx_clientcert_directory_lost(ngx_clientcert_loader_t *ld);

void ngx_clientcert_directory_commit(ngx_clientcert_loader_t *ld);


/* ngx_clientcert_list.c */

/*
 * Reads the list if it has changed and puts it in force.  After an event it is
 * complete, else it must have settled.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_clientcert_list_load(ngx_clientcert_loader_t *ld,
    ngx_uint_t event);

/*
 * Frees what is kept to tell changes: the next one reads the whole list.
 */
void ngx_clientcert_list_forget(ngx_clientcert_loader_t *ld);


#endif /* _NGX_CLIENTCERT_LOADER_H_INCLUDED_ */
