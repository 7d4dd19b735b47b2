
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_CENSUS_H_INCLUDED_
#define _NGX_CLIENTCERT_CENSUS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_clientcert_index.h"


#define NGX_CLIENTCERT_CENSUS_SOONEST  100
#define NGX_CLIENTCERT_CENSUS_ERRORS   20
#define NGX_CLIENTCERT_CENSUS_TEXT     256

/* within so many days */
#define NGX_CLIENTCERT_CENSUS_WITHIN   3

extern ngx_uint_t  ngx_clientcert_census_days[NGX_CLIENTCERT_CENSUS_WITHIN];


typedef enum {
    NGX_CLIENTCERT_CENSUS_READ = 0,
    NGX_CLIENTCERT_CENSUS_PARSE,
    NGX_CLIENTCERT_CENSUS_MEMORY,
    NGX_CLIENTCERT_CENSUS_CAUSES
} ngx_clientcert_cause_e;


/* of the certificates in force, by their end */

typedef struct {
    int64_t          not_after;
    u_char           sha256[NGX_CLIENTCERT_SHA256_LEN];
} ngx_clientcert_soonest_t;


typedef struct {
    time_t                      now;        /* as of when */
    time_t                      next;       /* when it changes by itself */
    ngx_uint_t                  expired;
    ngx_uint_t                  within[NGX_CLIENTCERT_CENSUS_WITHIN];

    /* of those that haven't expired, the first one first */
    ngx_uint_t                  n;
    ngx_clientcert_soonest_t    soonest[NGX_CLIENTCERT_CENSUS_SOONEST];
} ngx_clientcert_ages_t;


/* what is wrong with a file */

typedef struct {
    time_t                      since;
    ngx_uint_t                  kept;       /* what it held is in force */
    size_t                      name_len;
    size_t                      text_len;
    u_char                      name[NGX_CLIENTCERT_ORIGIN_LEN];
    u_char                      text[NGX_CLIENTCERT_CENSUS_TEXT];
} ngx_clientcert_wrong_t;


/* of a source, as it is now */

typedef struct {
    ngx_uint_t                  read;       /* files */
    ngx_uint_t                  kept;       /* rejected, but in force */
    ngx_uint_t                  rejected;   /* and nothing is in force */
    ngx_uint_t                  n;          /* of these in wrong */
    ngx_clientcert_wrong_t      wrong[NGX_CLIENTCERT_CENSUS_ERRORS];
} ngx_clientcert_report_t;


typedef struct {
    time_t                      checked;    /* when the source was looked at */
    time_t                      changed;    /* when what is in force was */
    ngx_err_t                   err;        /* that it can't be read for */
    time_t                      since;      /* when that began */
    uint64_t                    added;      /* entries, ever */
    uint64_t                    removed;
    uint64_t                    errors[NGX_CLIENTCERT_CENSUS_CAUSES];

    ngx_clientcert_report_t     report;
    ngx_clientcert_ages_t       ages;
} ngx_clientcert_census_t;


/* lies in shared memory */

typedef struct {
    ngx_atomic_t                generation;     /* its lowest bit is the copy
                                                   to read */
    ngx_clientcert_census_t     copies[2];
} ngx_clientcert_census_sh_t;


/*
 * Empties ages, as of the time now; add counts one certificate more.
 */
void ngx_clientcert_census_begin(ngx_clientcert_ages_t *ages, time_t now);
void ngx_clientcert_census_add(ngx_clientcert_ages_t *ages,
    int64_t not_after, u_char *sha256);

/*
 * Adds to a report what is wrong with a file, or counts it; kept: what it held
 * is in force.
 */
void ngx_clientcert_census_wrong(ngx_clientcert_report_t *report,
    ngx_str_t *name, ngx_str_t *text, time_t since, ngx_uint_t kept);

/*
 * For the writer, who holds the zone's mutex: open returns the census to be
 * changed, close makes it the one that is read.
 */
ngx_clientcert_census_t *ngx_clientcert_census_open(
    ngx_clientcert_census_sh_t *sh);
void ngx_clientcert_census_close(ngx_clientcert_census_sh_t *sh);

/*
 * Copies the census, without a lock; zeros before there is one.
 */
void ngx_clientcert_census_read(ngx_clientcert_census_sh_t *sh,
    ngx_clientcert_census_t *copy);

/*
 * The census that is read, which only its writer may look at in place.
 */
static ngx_inline ngx_clientcert_census_t *
ngx_clientcert_census_active(ngx_clientcert_census_sh_t *sh)
{
    return &sh->copies[sh->generation & 1];
}


#endif /* _NGX_CLIENTCERT_CENSUS_H_INCLUDED_ */
