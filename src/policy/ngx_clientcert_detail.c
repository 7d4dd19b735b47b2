
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_detail.h"
#include "../cert/ngx_clientcert_text.h"


static u_char *ngx_clientcert_detail_reason(u_char *p,
    ngx_clientcert_verdict_t *verdict, ngx_clientcert_asking_t *ask);
static u_char *ngx_clientcert_detail_date(u_char *p, const char *name,
    time_t date);
static u_char *ngx_clientcert_detail_rule(u_char *p,
    ngx_clientcert_rule_t *rule);


void
ngx_clientcert_detail(ngx_clientcert_verdict_t *verdict,
    ngx_clientcert_asking_t *ask, u_char *buf)
{
    u_char  *p;

    p = ngx_clientcert_detail_reason(buf, verdict, ask);

    if (verdict->lacked) {
        p = (p > buf) ? ngx_cpymem(p, ", ", 2) : p;
        p = ngx_clientcert_chain_text(verdict->lacked, p);
    }

    if (ask->doubt.last > ask->text && verdict->reason != NGX_CLIENTCERT_OK) {
        p = (p > buf) ? ngx_cpymem(p, ", ", 2) : p;
        p = ngx_cpymem(p, ask->text, ask->doubt.last - ask->text);
    }

    verdict->detail.data = buf;
    verdict->detail.len = p - buf;

    verdict->unknown = ask->doubt.unknown;
    verdict->memory = ask->doubt.memory;
}


static u_char *
ngx_clientcert_detail_reason(u_char *p, ngx_clientcert_verdict_t *verdict,
    ngx_clientcert_asking_t *ask)
{
    switch (verdict->reason) {

    case NGX_CLIENTCERT_MISDIRECTED:
        return ngx_sprintf(p, "the chain was shown to another server");

    case NGX_CLIENTCERT_NOT_YET_VALID:
        return ngx_clientcert_detail_date(p, "notBefore",
                                          ask->cert->not_before);

    case NGX_CLIENTCERT_EXPIRED:
        return ngx_clientcert_detail_date(p, "notAfter",
                                          ask->cert->not_after);

    case NGX_CLIENTCERT_LIFETIME:
        p = ngx_clientcert_detail_date(p, "notBefore", ask->cert->not_before);
        *p++ = ' ';

        return ngx_clientcert_detail_date(p, "notAfter", ask->cert->not_after);

    case NGX_CLIENTCERT_WEAK_KEY:
        return ngx_sprintf(p, "a key of %ui bits",
                           ngx_clientcert_certificate_bits(ask->cert));

    case NGX_CLIENTCERT_DENIED:
        return ngx_clientcert_detail_rule(p, verdict->rule);

    case NGX_CLIENTCERT_ERROR:
        return (ask->doubt.last > ask->text)
               ? p : ngx_sprintf(p, "the certificate can't be read");

    default:
        return p;
    }
}


static u_char *
ngx_clientcert_detail_date(u_char *p, const char *name, time_t date)
{
    ngx_tm_t  tm;

    ngx_gmtime(date, &tm);

    return ngx_sprintf(p, "%s=%4d-%02d-%02dT%02d:%02d:%02dZ", name,
                       tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                       tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);
}


static u_char *
ngx_clientcert_detail_rule(u_char *p, ngx_clientcert_rule_t *rule)
{
    ngx_str_t  file;

    file.data = rule->file;
    file.len = ngx_strlen(rule->file);

    p = ngx_sprintf(p, "\"deny\" in ");
    p = ngx_clientcert_text_cut(p, NGX_CLIENTCERT_NAME_LEN, &file);

    return ngx_sprintf(p, ":%ui", rule->line);
}
