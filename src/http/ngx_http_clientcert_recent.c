
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "../cert/ngx_clientcert_facts.h"
#include "../cert/ngx_clientcert_text.h"
#include "ngx_http_clientcert_recent.h"
#include "ngx_http_clientcert_trust.h"


/* of each text that can be long, escaped */
#define NGX_HTTP_CLIENTCERT_RECENT_LEN  128


/* texts of the request, escaped */

typedef struct {
    u_char  policy[NGX_HTTP_CLIENTCERT_RECENT_LEN];
    u_char  server[NGX_HTTP_CLIENTCERT_RECENT_LEN];
    u_char  uri[NGX_HTTP_CLIENTCERT_RECENT_LEN];
    u_char  der[NGX_CLIENTCERT_RECENT_DER];
} ngx_http_clientcert_recent_t;


static ngx_uint_t ngx_http_clientcert_recent_wants(
    ngx_clientcert_verdict_t *verdict);
static void ngx_http_clientcert_recent_put(ngx_http_request_t *r,
    ngx_clientcert_recent_t *recent, ngx_clientcert_connection_t *conn,
    ngx_clientcert_verdict_t *verdict, ngx_clientcert_recent_facts_t *facts);
static void ngx_http_clientcert_recent_network(ngx_connection_t *c,
    u_char *network);
static ngx_str_t ngx_http_clientcert_recent_cut(u_char *buf, ngx_str_t *text);


void
ngx_http_clientcert_recent(ngx_http_request_t *r,
    ngx_clientcert_verdict_t *verdict)
{
    u_char                           *sha256;
    ngx_clientcert_recent_t          *recent;
    ngx_clientcert_connection_t      *conn;
    ngx_clientcert_recent_facts_t     facts;
    ngx_http_clientcert_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_clientcert_policy_module);

    recent = &mcf->stats->recent;

    if (recent->sh == NULL || !ngx_http_clientcert_recent_wants(verdict)) {
        return;
    }

    conn = ngx_clientcert_connection(r->connection);

    sha256 = ngx_clientcert_certificate_digest(conn->cert,
                                               NGX_CLIENTCERT_SHA256);
    if (sha256 == NULL) {
        return;
    }

    ngx_memzero(&facts, sizeof(ngx_clientcert_recent_facts_t));

    facts.key = verdict->policy->counts->key;
    facts.verified = (ngx_http_clientcert_trust_chain(r, conn)
                      == NGX_CLIENTCERT_VERIFIED);

    ngx_memcpy(facts.sha256, sha256, NGX_CLIENTCERT_SHA256_LEN);

    if (!ngx_clientcert_recent_again(recent, &facts, ngx_time())) {
        ngx_http_clientcert_recent_put(r, recent, conn, verdict, &facts);
    }
}


/* nothing of the others could be let in */

static ngx_uint_t
ngx_http_clientcert_recent_wants(ngx_clientcert_verdict_t *verdict)
{
    switch (verdict->reason) {

    case NGX_CLIENTCERT_NO_TLS:
    case NGX_CLIENTCERT_NO_CERTIFICATE:
    case NGX_CLIENTCERT_EARLY_DATA:
    case NGX_CLIENTCERT_ERROR:
        return 0;

    default:
        return 1;
    }
}


static void
ngx_http_clientcert_recent_put(ngx_http_request_t *r,
    ngx_clientcert_recent_t *recent, ngx_clientcert_connection_t *conn,
    ngx_clientcert_verdict_t *verdict, ngx_clientcert_recent_facts_t *facts)
{
    u_char                        *sha1, *der;
    ngx_str_t                      texts[NGX_CLIENTCERT_RECENT_TEXTS];
    ngx_clientcert_facts_t         said;
    ngx_http_core_srv_conf_t      *cscf;
    ngx_http_clientcert_recent_t   buf;

    facts->size = ngx_clientcert_certificate_der_len(conn->cert, 0);

    der = ngx_clientcert_recent_kept(facts) ? buf.der : NULL;

    if (der) {
        (void) ngx_clientcert_certificate_der(conn->cert, 0, der);
    }

    /* what is larger may have names without end */

    ngx_clientcert_facts(conn->cert, der != NULL, &said);

    sha1 = ngx_clientcert_certificate_digest(conn->cert, NGX_CLIENTCERT_SHA1);

    if (sha1) {
        ngx_memcpy(facts->sha1, sha1, NGX_CLIENTCERT_SHA1_LEN);
    }

    facts->not_before = conn->cert->not_before;
    facts->not_after = conn->cert->not_after;
    facts->dry_run = verdict->policy->dry_run;
    facts->self_signed = said.self_signed;

    ngx_http_clientcert_recent_network(r->connection, facts->network);

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    texts[NGX_CLIENTCERT_RECENT_REASON]
                                    = ngx_clientcert_reasons[verdict->reason];
    texts[NGX_CLIENTCERT_RECENT_SUBJECT] = said.subject;
    texts[NGX_CLIENTCERT_RECENT_ISSUER] = said.issuer;
    texts[NGX_CLIENTCERT_RECENT_SERIAL] = said.serial;
    texts[NGX_CLIENTCERT_RECENT_SAN] = said.san;
    texts[NGX_CLIENTCERT_RECENT_CLIENT] = r->connection->addr_text;
    texts[NGX_CLIENTCERT_RECENT_VERIFY] = conn->verify;
    texts[NGX_CLIENTCERT_RECENT_DETAIL] = verdict->detail;

    texts[NGX_CLIENTCERT_RECENT_POLICY]
        = ngx_http_clientcert_recent_cut(buf.policy, &verdict->policy->name);
    texts[NGX_CLIENTCERT_RECENT_SERVER]
        = ngx_http_clientcert_recent_cut(buf.server, &cscf->server_name);
    texts[NGX_CLIENTCERT_RECENT_URI]
        = ngx_http_clientcert_recent_cut(buf.uri, &r->uri);

    ngx_clientcert_recent_put(recent, facts, texts, der, ngx_time());
}


/* a /24, a /64, or all others together */

static void
ngx_http_clientcert_recent_network(ngx_connection_t *c, u_char *network)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    network[0] = (u_char) c->sockaddr->sa_family;

    switch (c->sockaddr->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) c->sockaddr;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            network[0] = AF_INET;
            ngx_memcpy(network + 1, &sin6->sin6_addr.s6_addr[12], 3);
            break;
        }

        ngx_memcpy(network + 1, &sin6->sin6_addr, 8);
        break;
#endif

    case AF_INET:
        sin = (struct sockaddr_in *) c->sockaddr;
        ngx_memcpy(network + 1, &sin->sin_addr, 3);
        break;

    default:
        break;
    }
}


static ngx_str_t
ngx_http_clientcert_recent_cut(u_char *buf, ngx_str_t *text)
{
    ngx_str_t  s;

    s.data = buf;
    s.len = ngx_clientcert_text_cut(buf, NGX_HTTP_CLIENTCERT_RECENT_LEN, text)
            - buf;

    return s;
}
