
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_HTTP_CLIENTCERT_STATUS_H_INCLUDED_
#define _NGX_HTTP_CLIENTCERT_STATUS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "../cert/ngx_clientcert_thumbprint.h"
#include "../store/ngx_clientcert_source.h"
#include "ngx_http_clientcert.h"
#include "ngx_http_clientcert_guard.h"
#include "ngx_http_clientcert_output.h"


/* of all that is JSON; fields may come without a new one, but not go */
#define NGX_HTTP_CLIENTCERT_STATUS_FORMAT  1

/* so that others don't wait for a request: entries that it may look at, and
   bytes after which a list ends */
#define NGX_HTTP_CLIENTCERT_STATUS_WORK  20000
#define NGX_HTTP_CLIENTCERT_STATUS_SIZE  (1024 * 1024)

/* items of a list that a request may ask for */
#define NGX_HTTP_CLIENTCERT_STATUS_MAX   1000


/* "clientcert_status" of a location */

struct ngx_http_clientcert_status_s {
    ngx_http_clientcert_guard_t   guard;
    ngx_uint_t                    max;              /* series of a kind */

    /* ngx_http_clientcert_upload_t */
    ngx_array_t                  *uploads;

    unsigned                      prometheus:1;     /* else JSON */
    unsigned                      rules:1;          /* series of each */
    unsigned                      certificates:1;
};


/* where files for a store are uploaded to */

typedef struct {
    ngx_clientcert_store_t  *store;
    ngx_str_t                path;
} ngx_http_clientcert_upload_t;


/*
 * Set the directives; "clientcert_status" is the location's content handler.
 */
char *ngx_http_clientcert_status_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_clientcert_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Adds the zone, if some directive wants it, and has all policies counted in
 * it.  Warns of locations that a policy doesn't guard.  Returns NGX_OK or
 * NGX_ERROR.
 */
ngx_int_t ngx_http_clientcert_status_init(ngx_conf_t *cf,
    ngx_http_clientcert_main_conf_t *mcf);

/* what a request asks for; texts have data NULL if it doesn't say */

typedef struct {
    ngx_http_clientcert_main_conf_t   *mcf;
    ngx_http_clientcert_status_t      *status;

    ngx_str_t                          view;
    ngx_str_t                          q;       /* to be found, lower case */
    ngx_str_t                          reason;

    /* len is 0 where they are none */
    ngx_clientcert_thumbprint_t        thumbprint;  /* of q */
    ngx_clientcert_thumbprint_t        sha256;
    ngx_str_t                          after;   /* "next" of a list */
    ngx_uint_t                         limit;   /* items */
    ngx_uint_t                         unused;  /* those alone */
    ngx_uint_t                         der;     /* as well */
    ngx_uint_t                         soonest; /* to expire, in that order */
    ngx_uint_t                         expiring;    /* within days, 0: any */

    /* the policies asked for: one or all */
    ngx_clientcert_policy_t          **policies;
    ngx_uint_t                         npolicies;
    ngx_clientcert_policy_t           *policy;  /* NULL: all */

    ngx_clientcert_source_t          **stores;
    ngx_uint_t                         nstores;

    ngx_uint_t                         work;    /* that it may still do */
} ngx_http_clientcert_query_t;


/*
 * Write the metrics in Prometheus' text format, or a view in JSON; return
 * NGX_OK, or the status of an error that is written instead.
 */
void ngx_http_clientcert_metrics(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query);
ngx_int_t ngx_http_clientcert_view(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query);

/*
 * Parts of views: the beginning, up to the fields of the view; the end, where
 * partial tells of a list that there may be more, though there are less items
 * than asked for.  full says whether a list with so many items is to end.
 * contains looks for "q" in a text, which is work, too.
 */
void ngx_http_clientcert_view_begin(ngx_http_clientcert_output_t *out,
    const char *name);
void ngx_http_clientcert_view_end(ngx_http_clientcert_output_t *out,
    ngx_uint_t partial);
ngx_uint_t ngx_http_clientcert_view_full(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query, ngx_uint_t shown);
ngx_uint_t ngx_http_clientcert_view_contains(
    ngx_http_clientcert_query_t *query, ngx_str_t *text);

/*
 * The views of other files; a store is part of the summary.
 */
ngx_int_t ngx_http_clientcert_view_refused(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query);
ngx_int_t ngx_http_clientcert_view_stores_certificates(
    ngx_http_clientcert_output_t *out, ngx_http_clientcert_query_t *query);
ngx_int_t ngx_http_clientcert_view_stores_errors(
    ngx_http_clientcert_output_t *out, ngx_http_clientcert_query_t *query);
void ngx_http_clientcert_view_stores_item(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query, ngx_clientcert_source_t *src);

/*
 * Adds what the value of the parameter "upload=" names; the value must stay.
 * Returns NGX_OK, or NGX_ERROR, of which it has told.
 */
ngx_int_t ngx_http_clientcert_upload(ngx_conf_t *cf,
    ngx_http_clientcert_status_t *status, ngx_clientcert_dictionary_t *stores,
    ngx_str_t *value);

/*
 * Tells, when all stores are known, of one that isn't made of certificates.
 * Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_clientcert_upload_check(ngx_conf_t *cf,
    ngx_http_clientcert_status_t *status);

/*
 * Writes the field "upload" of the summary.
 */
void ngx_http_clientcert_upload_view(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_status_t *status);

/*
 * Writes that an argument is invalid, or that there is no such thing, by the
 * status 400 or 404, which it returns.
 */
ngx_int_t ngx_http_clientcert_status_error(ngx_http_clientcert_output_t *out,
    ngx_int_t status, const char *what, ngx_str_t *value);

/*
 * Puts an argument of the request, unescaped, into value; its data is NULL if
 * there is none.  Returns NGX_OK, or NGX_ERROR without memory.
 */
ngx_int_t ngx_http_clientcert_status_arg(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);

/*
 * The same of the name of a policy or store, which may be written as answers
 * have it, with \xHH.
 */
ngx_int_t ngx_http_clientcert_status_name(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);

/*
 * Puts an argument of the request that is a number from 1 to max into n, which
 * stays as it is if there is none.  Returns NGX_OK, NGX_ERROR without memory,
 * or the status of an error that is written instead.
 */
ngx_int_t ngx_http_clientcert_status_number(ngx_http_request_t *r,
    ngx_http_clientcert_output_t *out, const char *name, ngx_int_t max,
    ngx_uint_t *n);

/*
 * Reads the text of the argument "sha256", as people paste it.  Returns
 * NGX_OK, or the status of an error that is written instead.
 */
ngx_int_t ngx_http_clientcert_status_sha256(ngx_http_clientcert_output_t *out,
    ngx_str_t *text, ngx_clientcert_thumbprint_t *sha256);

/*
 * Writes what is the same of a rule wherever it is told: its number, which is
 * null where nothing is counted, action, label, text, file and line.
 */
void ngx_http_clientcert_view_line(ngx_http_clientcert_output_t *out,
    ngx_clientcert_rule_t *rule);


extern ngx_str_t  ngx_http_clientcert_status_json;


#endif /* _NGX_HTTP_CLIENTCERT_STATUS_H_INCLUDED_ */
