
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert.h"
#include "ngx_http_clientcert_log.h"


static u_char *ngx_http_clientcert_log_certificate(ngx_http_request_t *r,
    u_char *buf, u_char *last);
static const char *ngx_http_clientcert_log_advice(
    ngx_clientcert_verdict_t *verdict);


void
ngx_http_clientcert_log(ngx_http_request_t *r, ngx_uint_t level,
    ngx_clientcert_verdict_t *verdict)
{
    u_char  *p;
    u_char   buf[NGX_MAX_ERROR_STR];

    p = ngx_http_clientcert_log_certificate(r, buf, buf + NGX_MAX_ERROR_STR);

    ngx_log_error(level, r->connection->log, 0,
                  "client certificate %s by policy \"%V\": %V%*s, %s%s%V",
                  verdict->policy->dry_run ? "would be rejected" : "rejected",
                  &verdict->policy->name,
                  &ngx_clientcert_reasons[verdict->reason],
                  (size_t) (p - buf), buf,
                  ngx_http_clientcert_log_advice(verdict),
                  verdict->doubt.len ? ": " : "", &verdict->doubt);
}


static u_char *
ngx_http_clientcert_log_certificate(ngx_http_request_t *r, u_char *buf,
    u_char *last)
{
    u_char                       *p, *sha1, *sha256;
    ngx_clientcert_connection_t  *conn;

    conn = r->connection->ssl ? ngx_clientcert_connection(r->connection)
                              : NULL;

    if (conn == NULL || conn->cert == NULL) {
        return buf;
    }

    sha1 = ngx_clientcert_certificate_digest(conn->cert, NGX_CLIENTCERT_SHA1);
    sha256 = ngx_clientcert_certificate_digest(conn->cert,
                                               NGX_CLIENTCERT_SHA256);

    p = ngx_slprintf(buf, last, ", sha1=");
    p = sha1 ? ngx_hex_dump(p, sha1, NGX_CLIENTCERT_SHA1_LEN) : p;
    p = ngx_slprintf(p, last, " sha256=");
    p = sha256 ? ngx_hex_dump(p, sha256, NGX_CLIENTCERT_SHA256_LEN) : p;

    return ngx_slprintf(p, last, " subject=\"%V\" verify=\"%V\"",
                        ngx_clientcert_certificate_subject(conn->cert),
                        &conn->verify);
}


static const char *
ngx_http_clientcert_log_advice(ngx_clientcert_verdict_t *verdict)
{
    switch (verdict->reason) {

    case NGX_CLIENTCERT_NO_TLS:
        return "the connection is not TLS";

    case NGX_CLIENTCERT_NO_CERTIFICATE:
        return "the client sent none";

    case NGX_CLIENTCERT_UNTRUSTED:
        return (verdict->policy->trust == NGX_CLIENTCERT_TRUST_CHAIN)
               ? "\"trust chain\" needs a verified chain"
               : "without a verified chain only a rule with \"thumbprint\", "
                 "\"spki\", \"store\" or \"ca\" lets it in";

    case NGX_CLIENTCERT_MISDIRECTED:
        return "the chain was verified by a server with other CAs, which the "
               "client reached without SNI, with the name of that server or "
               "in the handshake whose session it resumes";

    case NGX_CLIENTCERT_NOT_YET_VALID:
    case NGX_CLIENTCERT_EXPIRED:
        return "\"validity\" is on";

    case NGX_CLIENTCERT_WRONG_PURPOSE:
        return "it is not made for TLS client authentication";

    case NGX_CLIENTCERT_LIFETIME:
        return "it is valid for longer than \"max_lifetime\"";

    case NGX_CLIENTCERT_WEAK_KEY:
        return "its key has fewer bits than \"min_key\"";

    case NGX_CLIENTCERT_DENIED:
        return verdict->doubt.len ? "it is unknown whether a \"deny\" names it"
                                  : "a \"deny\" names it";

    case NGX_CLIENTCERT_NO_MATCH:
        return "\"allow thumbprint=\" with one of these would let it in";

    case NGX_CLIENTCERT_EARLY_DATA:
        return "the request came in TLS early data, which could be replayed";

    default: /* NGX_CLIENTCERT_ERROR */
        return "it could not be read";
    }
}
