
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert.h"
#include "ngx_http_clientcert_log.h"
#include "../cert/ngx_clientcert_facts.h"


static ngx_clientcert_connection_t *ngx_http_clientcert_log_connection(
    ngx_http_request_t *r);


void
ngx_http_clientcert_log(ngx_http_request_t *r, ngx_uint_t level,
    ngx_clientcert_verdict_t *verdict)
{
    u_char                       *p, *last;
    u_char                        buf[NGX_MAX_ERROR_STR];
    ngx_clientcert_connection_t  *conn;

    p = buf;
    last = buf + NGX_MAX_ERROR_STR;

    conn = ngx_http_clientcert_log_connection(r);

    if (conn) {
        p = ngx_slprintf(p, last, ", %V verify=\"%V\"",
                         ngx_clientcert_facts_line(conn->cert), &conn->verify);
    }

    if (verdict->detail.len) {
        p = ngx_slprintf(p, last, ", %V", &verdict->detail);
    }

    ngx_log_error(level, r->connection->log, 0,
                  "client certificate %s by policy \"%V\": %V%*s",
                  verdict->policy->dry_run ? "would be rejected" : "rejected",
                  &verdict->policy->name,
                  &ngx_clientcert_reasons[verdict->reason],
                  (size_t) (p - buf), buf);
}


/* returns NULL if there is no certificate */

static ngx_clientcert_connection_t *
ngx_http_clientcert_log_connection(ngx_http_request_t *r)
{
    ngx_clientcert_connection_t  *conn;

    if (r->connection->ssl == NULL) {
        return NULL;
    }

    conn = ngx_clientcert_connection(r->connection);

    return (conn && conn->cert) ? conn : NULL;
}
