
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_HTTP_CLIENTCERT_H_INCLUDED_
#define _NGX_HTTP_CLIENTCERT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "../stats/ngx_clientcert_stats.h"
#include "../policy/ngx_clientcert_policy.h"


/* the version of the module; it stands nowhere else */
#define NGX_CLIENTCERT_VERSION  "0.9.0"

/* values of "ssl_verify_client" */
#define NGX_HTTP_CLIENTCERT_VERIFY_ON     1
#define NGX_HTTP_CLIENTCERT_VERIFY_NO_CA  3

typedef struct ngx_http_clientcert_status_s  ngx_http_clientcert_status_t;
typedef struct ngx_http_clientcert_server_s  ngx_http_clientcert_server_t;
typedef struct ngx_http_clientcert_explain_s  ngx_http_clientcert_explain_t;
typedef struct ngx_http_clientcert_turns_s  ngx_http_clientcert_turns_t;


typedef struct {
    ngx_clientcert_dictionary_t    policies;    /* ngx_clientcert_policy_t * */
    ngx_array_t                    uses;        /* ngx_http_clientcert_use_t */
    ngx_clientcert_dictionary_t    cas;         /* ngx_clientcert_ca_t * */
    ngx_clientcert_dictionary_t    stores;      /* ngx_clientcert_store_t * */
    ngx_array_t                    loaders;     /* ngx_clientcert_source_t * */
    ngx_clientcert_dictionary_t    servers;
                                         /* ngx_http_clientcert_server_t * */
    ngx_array_t                    status;
                                       /* ngx_http_clientcert_loc_conf_t * */
    ngx_clientcert_stats_t        *stats;
    ngx_http_clientcert_turns_t   *turns;       /* of requests for it */
} ngx_http_clientcert_main_conf_t;


/* of locations that ask for certificates and let everyone in */

typedef struct {
    ngx_uint_t                     n;
    ngx_str_t                      first;       /* its name */

    unsigned                       rest:1;      /* so does the server itself */
    unsigned                       tls:1;       /* of the server */
} ngx_http_clientcert_unguarded_t;


typedef struct {
    ngx_clientcert_trust_t          *trust;     /* NULL: it has no TLS */
    ngx_http_clientcert_unguarded_t  unguarded;
    ngx_http_clientcert_server_t    *server;    /* NULL: isn't counted */
    unsigned                         required:1;    /* some policy */
} ngx_http_clientcert_srv_conf_t;


typedef struct {
    ngx_clientcert_policy_t       *policy;      /* NULL: off */
    u_char                        *file;        /* NULL: nobody says so */
    ngx_uint_t                     line;
    ngx_http_clientcert_status_t  *status;      /* NULL: none */
    ngx_http_clientcert_explain_t *explain;     /* the same */
    ngx_http_handler_pt            handler;     /* of the last one of them */
} ngx_http_clientcert_loc_conf_t;


/* a policy in force in some location of a server */

typedef struct {
    ngx_clientcert_policy_t   *policy;
    ngx_http_core_srv_conf_t  *cscf;
    ngx_uint_t                 verify;    /* of "ssl_verify_client" */
    ngx_str_t                  internal;  /* such a location's name */
    u_char                    *file;
    ngx_uint_t                 line;
} ngx_http_clientcert_use_t;


/*
 * Adds the $clientcert_... variables, before the configuration is read, and
 * after that looks up the attributes that are in names of such ones.  Return
 * NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_clientcert_add_variables(ngx_conf_t *cf);
ngx_int_t ngx_http_clientcert_init_variables(ngx_conf_t *cf);

/*
 * The verdict of the last policy that decided about the request, or NULL if
 * none has.  It lives as long as the request and must not be changed.
 */
ngx_clientcert_verdict_t *ngx_http_clientcert_verdict(ngx_http_request_t *r);


/* values of conditions that have variables */
extern ngx_clientcert_variables_t  ngx_http_clientcert_values;

extern ngx_module_t  ngx_http_clientcert_policy_module;


#endif /* _NGX_HTTP_CLIENTCERT_H_INCLUDED_ */
