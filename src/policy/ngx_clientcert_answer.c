
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_answer.h"
#include "../cert/ngx_clientcert_chain.h"
#include "../cert/ngx_clientcert_dn.h"
#include "../cert/ngx_clientcert_oid.h"


static ngx_int_t ngx_clientcert_answer_sought(
    ngx_clientcert_condition_t *cond, ngx_clientcert_certificate_t *cert,
    ngx_clientcert_sought_t *sought);
static ngx_clientcert_answer_e ngx_clientcert_answer_match(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask,
    ngx_str_t *value);
static ngx_uint_t ngx_clientcert_answer_lone(
    ngx_clientcert_condition_t *cond);
static ngx_clientcert_answer_e ngx_clientcert_answer_if(ngx_uint_t yes);
static ngx_clientcert_answer_e ngx_clientcert_answer_unreadable(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);


ngx_clientcert_answer_e
ngx_clientcert_answer_thumbprint(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    ngx_clientcert_thumbprint_t  *tp = cond->value;

    u_char  *digest;

    digest = ngx_clientcert_certificate_digest(ask->cert,
                 tp->len == NGX_CLIENTCERT_SHA1_LEN ? NGX_CLIENTCERT_SHA1
                                                    : NGX_CLIENTCERT_SHA256);
    if (digest == NULL) {
        return ngx_clientcert_answer_memory(ask);
    }

    return ngx_clientcert_answer_if(ngx_memcmp(digest, tp->digest, tp->len)
                                    == 0);
}


ngx_clientcert_answer_e
ngx_clientcert_answer_issuer(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    ngx_clientcert_thumbprint_t  *tp = cond->value;

    ngx_int_t  rc;

    /* a deny is by the key: anyone can make a twin of the certificate */

    rc = cond->deny
         ? ngx_clientcert_chain_signed(ask->cert, cond->issuer)
         : ngx_clientcert_chain_issuer(ask->cert, ask->verified, tp->digest,
                                       tp->len);

    if (rc == NGX_ERROR) {
        return ngx_clientcert_answer_memory(ask);
    }

    if (rc == NGX_ABORT) {
        return ngx_clientcert_answer_unknown(cond, ask, "is known, but its "
                                             "key does not verify the "
                                             "certificate");
    }

    return ngx_clientcert_answer_if(rc == NGX_OK);
}


ngx_clientcert_answer_e
ngx_clientcert_answer_spki(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    ngx_clientcert_thumbprint_t  *tp = cond->value;

    u_char  *digest;

    digest = ngx_clientcert_certificate_digest(ask->cert,
                                               NGX_CLIENTCERT_SPKI_SHA256);
    if (digest == NULL) {
        return ngx_clientcert_answer_memory(ask);
    }

    return ngx_clientcert_answer_if(ngx_memcmp(digest, tp->digest, tp->len)
                                    == 0);
}


/* in a store of certificates, a deny also matches another of the same key */

ngx_clientcert_answer_e
ngx_clientcert_answer_store(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    ngx_clientcert_store_t   *st = cond->value;

    ngx_str_t                 label;
    ngx_clientcert_sought_t   sought;

    if (st == ask->supposed) {
        return NGX_CLIENTCERT_YES;
    }

    if (ngx_clientcert_answer_sought(cond, ask->cert, &sought) != NGX_OK) {
        return ngx_clientcert_answer_memory(ask);
    }

    label.data = ask->label;
    label.len = 0;

    /* of several stores the first that has one gives the label */

    if (ngx_clientcert_store_find(st, &sought, ask->label_len ? NULL : &label)
        != NGX_OK)
    {
        return NGX_CLIENTCERT_NO;
    }

    ask->label_len += label.len;

    return NGX_CLIENTCERT_YES;
}


/* returns NGX_ERROR without memory */

static ngx_int_t
ngx_clientcert_answer_sought(ngx_clientcert_condition_t *cond,
    ngx_clientcert_certificate_t *cert, ngx_clientcert_sought_t *sought)
{
    ngx_clientcert_store_t *st = cond->value;

    ngx_memzero(sought, sizeof(ngx_clientcert_sought_t));

    sought->sha256 = ngx_clientcert_certificate_digest(cert,
                                                       NGX_CLIENTCERT_SHA256);

    if (!st->certificates) {
        sought->sha1 = ngx_clientcert_certificate_digest(cert,
                                                         NGX_CLIENTCERT_SHA1);

    } else if (cond->deny) {
        sought->spki = ngx_clientcert_certificate_digest(cert,
                                                NGX_CLIENTCERT_SPKI_SHA256);
    }

    return (sought->sha256
            && (sought->sha1 || st->certificates)
            && (sought->spki || !st->certificates || !cond->deny))
           ? NGX_OK : NGX_ERROR;
}


void
ngx_clientcert_answer_note(ngx_clientcert_condition_t *cond,
    ngx_clientcert_certificate_t *cert, time_t now)
{
    ngx_clientcert_sought_t  sought;

    if (ngx_clientcert_answer_sought(cond, cert, &sought) == NGX_OK) {
        ngx_clientcert_store_note(cond->value, &sought, now);
    }
}


ngx_clientcert_answer_e
ngx_clientcert_answer_serial(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    ngx_clientcert_serial_t  *serial = cond->value;

    ngx_clientcert_names_t  *names;

    names = ngx_clientcert_certificate_names(ask->cert);
    if (names == NULL) {
        return ngx_clientcert_answer_memory(ask);
    }

    return ngx_clientcert_answer_if(names->negative == serial->negative
                                    && names->serial.len == serial->bytes.len
                                    && ngx_memcmp(names->serial.data,
                                                  serial->bytes.data,
                                                  serial->bytes.len)
                                       == 0);
}


ngx_clientcert_answer_e
ngx_clientcert_answer_dn(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    ngx_clientcert_dn_t  *dn = cond->value;

    const X509_NAME         *name;
    ngx_clientcert_names_t  *names;

    names = ngx_clientcert_certificate_names(ask->cert);
    if (names == NULL) {
        return ngx_clientcert_answer_memory(ask);
    }

    name = (cond->type == NGX_CLIENTCERT_SUBJECT) ? names->subject
                                                       : names->issuer;

    if (name == NULL) {
        return ngx_clientcert_answer_unreadable(cond, ask);
    }

    return ngx_clientcert_answer_if(ngx_clientcert_dn_match(dn, name));
}


ngx_clientcert_answer_e
ngx_clientcert_answer_name(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    ngx_uint_t                   i;
    ngx_clientcert_names_t      *names;
    ngx_clientcert_answer_e      answer;
    ngx_clientcert_namesakes_t   of;

    names = ngx_clientcert_certificate_names(ask->cert);
    if (names == NULL) {
        return ngx_clientcert_answer_memory(ask);
    }

    ngx_clientcert_names_of(names, cond->type, &cond->oid, &of);

    /* a deny matches then, and the client chooses how many others there are */

    if (of.unreadable && cond->deny) {
        return ngx_clientcert_answer_unreadable(cond, ask);
    }

    /* of several it can't be told which of them the client is */

    if (of.nelts > 1 && !cond->deny && ngx_clientcert_answer_lone(cond)) {
        return NGX_CLIENTCERT_NO;
    }

    if (ngx_clientcert_condition_is_regex(cond)
        && of.nelts > NGX_CLIENTCERT_NAMES_MAX)
    {
        return ngx_clientcert_answer_unknown(cond, ask, "can't be searched by "
                                             "an expression: more than %d "
                                             "names",
                                             NGX_CLIENTCERT_NAMES_MAX);
    }

    for (i = 0; i < of.nelts; i++) {

        if (of.elts[i]->bad) {
            continue;
        }

        answer = ngx_clientcert_answer_match(cond, ask, &of.elts[i]->value);

        if (answer != NGX_CLIENTCERT_NO) {
            return answer;
        }
    }

    return NGX_CLIENTCERT_NO;
}


static ngx_clientcert_answer_e
ngx_clientcert_answer_match(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_str_t *value)
{
    ngx_uint_t  yes;
#if (NGX_PCRE)
    ngx_int_t   n;

    if (cond->regex) {
        n = ngx_regex_exec(cond->regex, value, NULL, 0);

        if (n < 0 && n != NGX_REGEX_NO_MATCHED) {
            return ngx_clientcert_answer_unknown(cond, ask, "can't be "
                                                 "searched by an expression: "
                                                 "it gave up with error %i",
                                                 n);
        }

        return ngx_clientcert_answer_if(n >= 0);
    }

#endif

    /* a path that isn't plain is below for a deny, whatever it leads to */

    yes = ngx_clientcert_pattern_match(cond->value, value)
          || (cond->deny
              && ngx_clientcert_pattern_begins(cond->value, value));

    return ngx_clientcert_answer_if(yes);
}


/* a CN, and an X.509-SVID has exactly one URI */

static ngx_uint_t
ngx_clientcert_answer_lone(ngx_clientcert_condition_t *cond)
{
    ngx_clientcert_pattern_t  *pt = cond->value;

    if (ngx_clientcert_oid_cmp(&cond->oid, &ngx_clientcert_oid_cn) == 0) {
        return 1;
    }

#if (NGX_PCRE)
    if (cond->regex) {
        return 0;
    }
#endif

    return pt->type == NGX_CLIENTCERT_URI
           && pt->text.len > sizeof("spiffe://") - 1
           && ngx_strncasecmp(pt->text.data, (u_char *) "spiffe://",
                              sizeof("spiffe://") - 1)
              == 0;
}


ngx_clientcert_answer_e
ngx_clientcert_answer_oid(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    ngx_uint_t               eku, yes;
    ngx_clientcert_names_t  *names;

    names = ngx_clientcert_certificate_names(ask->cert);
    if (names == NULL) {
        return ngx_clientcert_answer_memory(ask);
    }

    eku = (cond->type == NGX_CLIENTCERT_EKU);

    if (eku ? names->eku_unreadable : names->policies_unreadable) {
        return ngx_clientcert_answer_unreadable(cond, ask);
    }

    yes = eku ? ngx_clientcert_names_eku(names, cond->value)
              : ngx_clientcert_names_policy(names, cond->value);

    return ngx_clientcert_answer_if(yes);
}


ngx_clientcert_answer_e
ngx_clientcert_answer_ca(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    ngx_int_t                       rc;
    ngx_str_t                       unknown;
    ngx_clientcert_chain_result_t  *result;

    if (cond->deny) {
        rc = ngx_clientcert_chain_leads(ask->cert, cond->value, &unknown);

        if (rc == NGX_ABORT) {
            return ngx_clientcert_answer_unknown(cond, ask, "can't be "
                                                 "followed: %V", &unknown);
        }

    } else {
        rc = ngx_clientcert_chain_verify(ask->cert, cond->value, ask->purpose,
                                         ask->now, &ask->from, &ask->until);

        if (rc == NGX_DECLINED) {
            result = ngx_clientcert_chain_result(ask->cert, cond->value);
            ask->failed = &result->built[ask->purpose];
        }
    }

    if (rc == NGX_ERROR) {
        return ngx_clientcert_answer_memory(ask);
    }

    return ngx_clientcert_answer_if(rc == NGX_OK);
}


static ngx_clientcert_answer_e
ngx_clientcert_answer_if(ngx_uint_t yes)
{
    return yes ? NGX_CLIENTCERT_YES : NGX_CLIENTCERT_NO;
}


ngx_clientcert_answer_e
ngx_clientcert_answer_memory(ngx_clientcert_asking_t *ask)
{
    ask->doubt.memory = 1;
    ask->doubt.unknown = 1;

    if (ask->doubt.last == ask->text) {
        ask->doubt.last = ngx_cpymem(ask->text, "there is no memory",
                                     sizeof("there is no memory") - 1);
    }

    return NGX_CLIENTCERT_UNKNOWN;
}


/* whether this server would verify a chain that another one was shown */

ngx_clientcert_answer_e
ngx_clientcert_answer_elsewhere(ngx_clientcert_asking_t *ask)
{
    ask->doubt.unknown = 1;

    ask->doubt.last = ngx_cpymem(ask->text,
                                 "verified was asked of another server",
                                 sizeof("verified was asked of another server")
                                 - 1);

    return NGX_CLIENTCERT_UNKNOWN;
}


/* the first reason is kept, but for that of a deny, which decides */

ngx_clientcert_answer_e
ngx_clientcert_answer_unknown(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, const char *fmt, ...)
{
    u_char   *p, *last;
    va_list   args;

    ask->doubt.unknown = 1;

    if (ask->doubt.last == ask->text || cond->deny) {
        last = ask->text + NGX_CLIENTCERT_CONDITION_TEXT;
        p = ngx_slprintf(ask->text, last, "%V ", &cond->name);

        va_start(args, fmt);
        ask->doubt.last = ngx_vslprintf(p, last, fmt, args);
        va_end(args);
    }

    return NGX_CLIENTCERT_UNKNOWN;
}


/* what can't be read matches no "allow", whatever it may be */

static ngx_clientcert_answer_e
ngx_clientcert_answer_unreadable(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    if (!cond->deny) {
        return NGX_CLIENTCERT_NO;
    }

    return ngx_clientcert_answer_unknown(cond, ask,
                                         "of the certificate can't be read");
}
