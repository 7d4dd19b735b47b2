
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_chain.h"
#include "ngx_clientcert_error.h"
#include "ngx_clientcert_signer.h"
#include "ngx_clientcert_text.h"
#include "ngx_clientcert_time.h"
#include <openssl/x509v3.h>


static ngx_int_t ngx_clientcert_chain_build(
    ngx_clientcert_certificate_t *cert, ngx_clientcert_chain_built_t *built,
    ngx_clientcert_purpose_e purpose, time_t now);
static ngx_int_t ngx_clientcert_chain_build_once(
    ngx_clientcert_certificate_t *cert, ngx_clientcert_chain_built_t *built,
    ngx_clientcert_purpose_e purpose, time_t now);
static int ngx_clientcert_chain_callback(int ok, X509_STORE_CTX *ctx);
static ngx_int_t ngx_clientcert_chain_failed(int rc, X509_STORE_CTX *ctx);
static ngx_int_t ngx_clientcert_chain_heal(STACK_OF(X509) *certs);
static ngx_uint_t ngx_clientcert_chain_spoiled(X509 *x509);
static void ngx_clientcert_chain_span(ngx_clientcert_chain_built_t *built,
    ngx_clientcert_ca_t *ca, STACK_OF(X509) *sent, time_t now);
static void ngx_clientcert_chain_span_dates(
    ngx_clientcert_chain_built_t *built, ngx_clientcert_ca_dates_t *dates,
    time_t now);
static X509 *ngx_clientcert_chain_issuer_of(STACK_OF(X509) *certs,
    u_char *digest, size_t len);
static ngx_int_t ngx_clientcert_chain_has_digest(X509 *x509, u_char *digest,
    size_t len);
static ngx_int_t ngx_clientcert_chain_is_issuer(X509 *x509, X509 *issuer,
    u_char *digest, size_t len);
static ngx_int_t ngx_clientcert_chain_issued(X509 *x509, X509 *issuer);


ngx_clientcert_chain_result_t *
ngx_clientcert_chain_result(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_ca_t *ca)
{
    ngx_uint_t                      i;
    ngx_clientcert_chain_result_t  *result;

    for (result = cert->chains; result; result = result->next) {
        if (result->ca == ca) {
            return result;
        }
    }

    result = ngx_pcalloc(cert->pool, sizeof(ngx_clientcert_chain_result_t));
    if (result == NULL) {
        return NULL;
    }

    result->next = cert->chains;
    result->ca = ca;
    for (i = 0; i < NGX_CLIENTCERT_PURPOSES; i++) {
        result->built[i].ca = ca;
        result->built[i].from = 1;
    }

    result->leads = NGX_AGAIN;

    cert->chains = result;

    return result;
}


ngx_int_t
ngx_clientcert_chain_verify(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_ca_t *ca, ngx_clientcert_purpose_e purpose, time_t now,
    time_t *from, time_t *until)
{
    ngx_int_t                       rc;
    ngx_clientcert_chain_built_t   *built;
    ngx_clientcert_chain_result_t  *result;

    result = ngx_clientcert_chain_result(cert, ca);
    if (result == NULL) {
        return NGX_ERROR;
    }

    built = &result->built[purpose];

    if (now < built->from || now > built->until) {
        rc = ngx_clientcert_chain_build(cert, built, purpose, now);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        built->verified = rc;
        ngx_clientcert_chain_span(built, ca, cert->sent, now);
    }

    *from = ngx_max(*from, built->from);
    *until = ngx_min(*until, built->until);

    return built->verified;
}


ngx_uint_t
ngx_clientcert_chain_further(ngx_clientcert_chain_built_t *one,
    ngx_clientcert_chain_built_t *other)
{
    ngx_uint_t  ends, other_ends;

    if (other == NULL) {
        return 1;
    }

    ends = !ngx_ssl_verify_error_optional(one->error);
    other_ends = !ngx_ssl_verify_error_optional(other->error);

    return (ends != other_ends) ? ends : (one->depth > other->depth);
}


u_char *
ngx_clientcert_chain_text(ngx_clientcert_chain_built_t *built, u_char *buf)
{
    u_char  *p;

    p = ngx_cpymem(buf, "ca \"", sizeof("ca \"") - 1);
    p = ngx_clientcert_text_cut(p, NGX_CLIENTCERT_NAME_LEN, &built->ca->file);

    return ngx_slprintf(p, buf + NGX_CLIENTCERT_CHAIN_TEXT,
                        "\": %s at depth %d",
                        X509_verify_cert_error_string(built->error),
                        built->depth);
}


/*
 * Without memory OpenSSL may take a certificate for malformed, a signature for
 * wrong or an issuer for absent, and say no more.  The second time it finds no
 * memory at once, or enough; most refusals cost no signature.
 */

static ngx_int_t
ngx_clientcert_chain_build(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_chain_built_t *built, ngx_clientcert_purpose_e purpose,
    time_t now)
{
    ngx_int_t  rc;

    rc = ngx_clientcert_chain_build_once(cert, built, purpose, now);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_clientcert_chain_heal(cert->sent) == NGX_ERROR) {
        return NGX_ERROR;
    }

    rc = ngx_clientcert_chain_build_once(cert, built, purpose, now);

    if (rc == NGX_DECLINED && ngx_clientcert_chain_heal(cert->sent) != 0) {
        return NGX_ERROR;
    }

    return rc;
}


static ngx_int_t
ngx_clientcert_chain_build_once(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_chain_built_t *built, ngx_clientcert_purpose_e purpose,
    time_t now)
{
    int                 rc;
    ngx_int_t           answer;
    X509_STORE_CTX     *ctx;
    X509_VERIFY_PARAM  *param;

    ERR_clear_error();

    ctx = X509_STORE_CTX_new();

    if (ctx == NULL
        || X509_STORE_CTX_init(ctx, built->ca->store, cert->x509,
                               cert->sent)
           == 0
        || X509_STORE_CTX_set_default(ctx, "ssl_client") == 0)
    {
        X509_STORE_CTX_free(ctx);
        ERR_clear_error();
        return NGX_ERROR;
    }

    param = X509_STORE_CTX_get0_param(ctx);

    if (purpose == NGX_CLIENTCERT_PURPOSE_ANY) {
        (void) X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);
    }

    /* keys and digests as strong as in the handshake */
    X509_VERIFY_PARAM_set_auth_level(param, cert->level);
    X509_VERIFY_PARAM_set_depth(param, NGX_CLIENTCERT_CHAIN_DEPTH);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_time(param, now);

    X509_STORE_CTX_set_verify_cb(ctx, ngx_clientcert_chain_callback);

    rc = X509_verify_cert(ctx);

    answer = (rc == 1) ? NGX_OK : ngx_clientcert_chain_failed(rc, ctx);

    built->error = X509_STORE_CTX_get_error(ctx);
    built->depth = X509_STORE_CTX_get_error_depth(ctx);

    X509_STORE_CTX_free(ctx);
    ERR_clear_error();

    return answer;
}


/* when the client certificate is valid is asked at every request */

static int
ngx_clientcert_chain_callback(int ok, X509_STORE_CTX *ctx)
{
    int  err;

    err = X509_STORE_CTX_get_error(ctx);

    if (!ok
        && X509_STORE_CTX_get_error_depth(ctx) == 0
        && (err == X509_V_ERR_CERT_HAS_EXPIRED
            || err == X509_V_ERR_CERT_NOT_YET_VALID))
    {
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
        return 1;
    }

    return ok;
}


/* the store looks nothing up in files, so only memory can keep it from it */

static ngx_int_t
ngx_clientcert_chain_failed(int rc, X509_STORE_CTX *ctx)
{
    int         err;
    ngx_uint_t  memory;

    err = X509_STORE_CTX_get_error(ctx);
    memory = ngx_clientcert_error_memory_queued();

    if (rc < 0
        || memory
        || err == X509_V_ERR_OUT_OF_MEM
        || err == X509_V_ERR_STORE_LOOKUP
        || err == X509_V_ERR_UNSPECIFIED)
    {
        return NGX_ERROR;
    }

    return NGX_DECLINED;
}


/* returns how many certificates are malformed no longer */

static ngx_int_t
ngx_clientcert_chain_heal(STACK_OF(X509) *certs)
{
    int         i;
    X509       *x509, *copy;
    ngx_int_t   healed;

    healed = 0;

    for (i = 0; i < sk_X509_num(certs); i++) {
        x509 = sk_X509_value(certs, i);

        if (!ngx_clientcert_chain_spoiled(x509)) {
            continue;
        }

        copy = X509_dup(x509);
        if (copy == NULL) {
            healed = NGX_ERROR;
            break;
        }

        if (X509_get0_pubkey(copy) == NULL && X509_get0_pubkey(x509)) {
            X509_free(copy);
            healed = NGX_ERROR;
            break;
        }

        if (ngx_clientcert_chain_spoiled(copy)) {
            X509_free(copy);
            continue;
        }

        (void) sk_X509_set(certs, i, copy);
        X509_free(x509);

        healed++;
    }

    ERR_clear_error();

    return healed;
}


static ngx_uint_t
ngx_clientcert_chain_spoiled(X509 *x509)
{
    return (X509_get_extension_flags(x509)
            & (EXFLAG_INVALID|EXFLAG_NO_FINGERPRINT))
           != 0;
}


/*
 * Which certificates OpenSSL tries depends on the dates of all, so any answer
 * holds until the next date, and from the last one on.
 */

static void
ngx_clientcert_chain_span(ngx_clientcert_chain_built_t *built,
    ngx_clientcert_ca_t *ca, STACK_OF(X509) *sent, time_t now)
{
    int                         i;
    X509                       *x509;
    ngx_clientcert_ca_dates_t   dates;

    built->from = 0;
    built->until = NGX_MAX_TIME_T_VALUE;

    for (i = 0; i < sk_X509_num(ca->certs); i++) {
        ngx_clientcert_chain_span_dates(built, &ca->dates[i], now);
    }

    for (i = 0; i < sk_X509_num(sent); i++) {
        x509 = sk_X509_value(sent, i);

        if (ngx_clientcert_time_read(X509_get0_notBefore(x509),
                                     &dates.not_before)
            == NGX_OK
            && ngx_clientcert_time_read(X509_get0_notAfter(x509),
                                        &dates.not_after)
               == NGX_OK)
        {
            ngx_clientcert_chain_span_dates(built, &dates, now);
        }
    }

    ERR_clear_error();
}


/* at notAfter itself some versions of OpenSSL say one thing, some the other */

static void
ngx_clientcert_chain_span_dates(ngx_clientcert_chain_built_t *built,
    ngx_clientcert_ca_dates_t *dates, time_t now)
{
    if (now < dates->not_before) {
        built->until = ngx_min(built->until, dates->not_before - 1);

    } else {
        built->from = ngx_max(built->from, dates->not_before);
    }

    if (now < dates->not_after) {
        built->until = ngx_min(built->until, dates->not_after - 1);

    } else if (now > dates->not_after) {
        built->from = ngx_max(built->from, dates->not_after + 1);

    } else {
        built->from = now;
        built->until = now;
    }
}


ngx_int_t
ngx_clientcert_chain_signed(ngx_clientcert_certificate_t *cert, X509 *issuer)
{
    ngx_int_t  rc;

    rc = ngx_clientcert_signer_signed(cert->x509, issuer);

    return (rc == NGX_ABORT) ? NGX_ERROR : rc;
}


X509 *
ngx_clientcert_chain_issuer_find(ngx_array_t *cas, ngx_array_t *stores,
    u_char *digest, size_t len)
{
    X509                 *issuer;
    X509_STORE          **store;
    ngx_uint_t            i;
    STACK_OF(X509)       *certs;
    ngx_clientcert_ca_t **ca;

    issuer = NULL;

    ca = cas ? cas->elts : NULL;

    for (i = 0; ca && issuer == NULL && i < cas->nelts; i++) {
        issuer = ngx_clientcert_chain_issuer_of(ca[i]->certs, digest, len);
    }

    store = stores ? stores->elts : NULL;

    for (i = 0; store && issuer == NULL && i < stores->nelts; i++) {
        certs = X509_STORE_get1_all_certs(store[i]);
        issuer = ngx_clientcert_chain_issuer_of(certs, digest, len);

        sk_X509_pop_free(certs, X509_free);
    }

    ERR_clear_error();

    return issuer;
}


static X509 *
ngx_clientcert_chain_issuer_of(STACK_OF(X509) *certs, u_char *digest,
    size_t len)
{
    int    i;
    X509  *x509;

    for (i = 0; i < sk_X509_num(certs); i++) {
        x509 = sk_X509_value(certs, i);

        if (ngx_clientcert_chain_has_digest(x509, digest, len) == NGX_OK) {
            return x509;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_clientcert_chain_has_digest(X509 *x509, u_char *digest, size_t len)
{
    u_char                   found[NGX_CLIENTCERT_SHA256_LEN];
    ngx_clientcert_digest_e  kind;

    kind = (len == NGX_CLIENTCERT_SHA1_LEN) ? NGX_CLIENTCERT_SHA1
                                            : NGX_CLIENTCERT_SHA256;

    if (ngx_clientcert_certificate_digest_of(x509, kind, found) != NGX_OK) {
        return NGX_ERROR;
    }

    return (ngx_memcmp(found, digest, len) == 0) ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_clientcert_chain_issuer(ngx_clientcert_certificate_t *cert,
    ngx_uint_t verified, u_char *digest, size_t len)
{
    int              i;
    ngx_int_t        rc;
    STACK_OF(X509)  *certs;

    rc = NGX_DECLINED;

    if (verified && sk_X509_num(cert->verified) > 1) {
        rc = ngx_clientcert_chain_is_issuer(cert->x509,
                                            sk_X509_value(cert->verified, 1),
                                            digest, len);
    }

    if (rc != NGX_DECLINED || cert->trusted == NULL) {
        return rc;
    }

    if (ngx_clientcert_signer_search(cert->trusted,
                                     X509_get_issuer_name(cert->x509), &certs)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; rc == NGX_DECLINED && i < sk_X509_num(certs); i++) {
        rc = ngx_clientcert_chain_is_issuer(cert->x509,
                                            sk_X509_value(certs, i),
                                            digest, len);
    }

    sk_X509_pop_free(certs, X509_free);

    return rc;
}


static ngx_int_t
ngx_clientcert_chain_is_issuer(X509 *x509, X509 *issuer, u_char *digest,
    size_t len)
{
    ngx_int_t  rc;

    rc = ngx_clientcert_chain_has_digest(issuer, digest, len);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_clientcert_chain_issued(x509, issuer);

    if (rc == NGX_DECLINED) {
        rc = ngx_clientcert_chain_issued(x509, issuer);
    }

    /* a forgery, or there was no memory for long */

    return (rc == NGX_DECLINED) ? NGX_ABORT : rc;
}


/*
 * X509_check_issued(3) has OpenSSL read the extensions, which would spoil a
 * certificate of the server for good without memory: it is a copy.
 */

static ngx_int_t
ngx_clientcert_chain_issued(X509 *x509, X509 *issuer)
{
    int         err;
    X509       *copy;
    ngx_int_t   rc;
    ngx_uint_t  unread;

    copy = X509_dup(issuer);
    if (copy == NULL) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    err = X509_check_issued(copy, x509);

    unread = (ngx_clientcert_chain_spoiled(copy)
              || X509_get0_pubkey(copy) == NULL);

    X509_free(copy);
    ERR_clear_error();

    if (err != X509_V_OK) {
        return unread ? NGX_ERROR : NGX_DECLINED;
    }

    rc = ngx_clientcert_signer_try(x509, issuer);

    return (rc == NGX_ABORT) ? NGX_DECLINED : rc;
}
