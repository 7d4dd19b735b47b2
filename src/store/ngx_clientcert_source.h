
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_SOURCE_H_INCLUDED_
#define _NGX_CLIENTCERT_SOURCE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_store.h"


/* what changed without an event must stay so for that long, milliseconds */
#define NGX_CLIENTCERT_SETTLE      200

/* lines of the log about files, of one source and one look */
#define NGX_CLIENTCERT_LINES       10

/* what events said of a name; of REMOVED and MOVED the last one, since when */
#define NGX_CLIENTCERT_COMPLETE    0x01     /* closed, or renamed to it */
#define NGX_CLIENTCERT_CREATED     0x02     /* may not be written yet */
#define NGX_CLIENTCERT_REMOVED     0x04
#define NGX_CLIENTCERT_MOVED       0x08     /* away */
#define NGX_CLIENTCERT_ATTRIBUTES  0x10
#define NGX_CLIENTCERT_REPLACED    0x20     /* was removed or moved away */

/* what is seen then: another file by that name */
#define NGX_CLIENTCERT_OTHER       0x40


typedef struct ngx_clientcert_source_s  ngx_clientcert_source_t;


/* why all of a source is looked at */

typedef enum {
    NGX_CLIENTCERT_MARKED = 0,      /* it isn't, but what is marked */
    NGX_CLIENTCERT_COMPARED,        /* somebody may be writing it */
    NGX_CLIENTCERT_SWAPPED          /* another one, which came complete */
} ngx_clientcert_all_e;


/*
 * A kind of source.  carry, count, fill and report are called with the zone's
 * mutex held and touch no file; all others may block on a disk.
 */

typedef struct {
    ngx_str_t    parameter;         /* of the directive, with "=" */
    const char  *holds;
    ngx_uint_t   certificates;
    ngx_uint_t   in_parent;         /* events come from its directory */
    ngx_uint_t   masks;             /* of names, as the end of its path */

    /* the size of a zone for it, by estimate */
    size_t     (*size)(ngx_clientcert_source_t *src);

    /* makes and frees src->known: NGX_OK or NGX_ERROR */
    ngx_int_t  (*create)(ngx_clientcert_source_t *src);
    void       (*destroy)(ngx_clientcert_source_t *src);

    /* an event of a name in its directory */
    void       (*mark)(ngx_clientcert_source_t *src, ngx_str_t *name,
                   ngx_uint_t event);

    /*
     * Reads what is marked, or all.  Returns NGX_OK if what is known may come
     * into force, NGX_ERROR if it is only half of it.
     */
    ngx_int_t  (*look)(ngx_clientcert_source_t *src);

    /* takes what can't be read from what is in force; may be NULL */
    ngx_int_t  (*carry)(ngx_clientcert_source_t *src);

    void       (*count)(ngx_clientcert_source_t *src,
                   ngx_clientcert_need_t *need);

    /*
     * Puts all into the store: NGX_OK or NGX_DECLINED without room; if it has
     * outgrown its zone, what has room.
     */
    ngx_int_t  (*fill)(ngx_clientcert_source_t *src, ngx_uint_t outgrown);

    /* what is wrong with its files now */
    void       (*report)(ngx_clientcert_source_t *src,
                   ngx_clientcert_report_t *report);

    /* after all that, published or not, without the mutex; may be NULL */
    void       (*done)(ngx_clientcert_source_t *src);
} ngx_clientcert_kind_t;


struct ngx_clientcert_source_s {
    ngx_clientcert_kind_t       *kind;
    ngx_clientcert_store_t      *store;
    ngx_str_t                    path;
    ngx_str_t                    mask;      /* of names, empty: any */
    size_t                       size;      /* of the zone, 0: by need */
    ngx_msec_t                   interval;
    time_t                       warn;      /* seconds before expiry, 0: off */

    ngx_cycle_t                 *cycle;
    ngx_log_t                   *log;
    ngx_uint_t                   level;     /* of what is wrong with a file */

    void                        *known;     /* by its kind */
    ngx_err_t                    err;       /* of the source, logged once */
    ngx_uint_t                   bad;       /* files rejected now */
    uint64_t                     dev;       /* of its file system */
    size_t                       said;      /* "size" needed, as logged */

    /* since it was published */
    uint64_t                     errors[NGX_CLIENTCERT_CENSUS_CAUSES];

    /* of one look */
    ngx_uint_t                   lines;     /* of the log */
    ngx_uint_t                   rejected;

    /* of the process that follows it */
    ngx_msec_t                   due;
    ngx_msec_t                   compare;   /* when all is compared next */
    ngx_msec_t                   retry;     /* after so long, 0: no error */
    ngx_msec_t                   looked;    /* when ... */
    uint64_t                     debt;      /* ... it owed so many us of CPU */
    int                          wd;        /* -1: not watched */
    ngx_err_t                    watch_err;

    ngx_clientcert_all_e         all;

    unsigned                     marked:1;
    unsigned                     events:1;      /* tell of changes */
    unsigned                     again:1;       /* a row of looks goes on */
    unsigned                     gone:1;        /* itself was removed */
    unsigned                     missed:1;      /* names are, look again */
    unsigned                     unsettled:1;
    unsigned                     linked:1;      /* files lead elsewhere */
    unsigned                     changed:1;     /* since it was published */
    unsigned                     whole:1;       /* what is known */
    unsigned                     retired:1;     /* another process follows */
};


/*
 * Looks at what is marked; again goes on with the look before.  publish puts
 * in force what is known then.
 */
void ngx_clientcert_source_look(ngx_clientcert_source_t *src,
    ngx_uint_t again);
void ngx_clientcert_source_publish(ngx_clientcert_source_t *src);

/*
 * Logs a line about the source; at the terminal it is printed whatever the
 * level of the log.
 */
void ngx_cdecl ngx_clientcert_source_log(ngx_clientcert_source_t *src,
    ngx_uint_t level, ngx_err_t err, const char *fmt, ...);

/*
 * Counts a line about a file.  Returns whether it is to be logged.
 */
ngx_uint_t ngx_clientcert_source_line(ngx_clientcert_source_t *src);

/*
 * Sets why the source can't be read, 0: it can.  A change of it is logged,
 * with the call that failed.
 */
void ngx_clientcert_source_failed(ngx_clientcert_source_t *src, ngx_err_t err,
    const char *call);

/*
 * Whether the error means that nothing is there, and whether it isn't the
 * file's, but the process or the system has too little of something.
 */
ngx_uint_t ngx_clientcert_source_is_missing(ngx_err_t err);
ngx_uint_t ngx_clientcert_source_is_exhausted(ngx_err_t err);

/*
 * A number that changes whenever the file does, never 0; *recent is set if
 * it may change again without another number.
 */
uint64_t ngx_clientcert_source_stamp(ngx_file_info_t *fi, ngx_uint_t *recent);


#endif /* _NGX_CLIENTCERT_SOURCE_H_INCLUDED_ */
