
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_chain.h"
#include "ngx_clientcert_signer.h"


/* bits of ngx_clientcert_walk_node_t.issuers */
#define NGX_CLIENTCERT_WALK_NODES  64

/* what isn't known is looked for again that often in a second */
#define NGX_CLIENTCERT_WALK_TIMES  4

#define NGX_CLIENTCERT_WALK_TEXT   (NGX_CLIENTCERT_NAME_LEN + 64)


/* a certificate that a path of signatures leads up to */

typedef struct {
    X509                          *x509;    /* a reference */
    uint64_t                       issuers;
    ngx_uint_t                     up;      /* from the leaf */
    unsigned                       known:1; /* not only sent */
    unsigned                       root:1;
    unsigned                       ends:1;  /* at a root */
} ngx_clientcert_walk_node_t;


/* certificates whose subject is the issuer of one */

typedef struct {
    X509                          *x509;    /* a reference */
    unsigned                       known:1;
    unsigned                       signer:1;
} ngx_clientcert_walk_candidate_t;


typedef struct {
    ngx_clientcert_certificate_t     *cert;
    ngx_clientcert_ca_t              *ca;

    ngx_clientcert_walk_node_t       *nodes;
    ngx_uint_t                        n;

    ngx_clientcert_walk_candidate_t  *candidates;
    ngx_uint_t                        ncandidates;

    ngx_uint_t                        signatures;   /* verified */

    /* the first thing that isn't known */

    size_t                            len;
    u_char                            text[NGX_CLIENTCERT_WALK_TEXT];
} ngx_clientcert_walk_t;


static ngx_int_t ngx_clientcert_walk(ngx_clientcert_walk_t *walk);
static ngx_int_t ngx_clientcert_walk_up(ngx_clientcert_walk_t *walk,
    ngx_clientcert_walk_node_t *node);
static ngx_int_t ngx_clientcert_walk_root(ngx_clientcert_walk_t *walk,
    ngx_clientcert_walk_node_t *node);
static ngx_uint_t ngx_clientcert_walk_arrived(ngx_clientcert_walk_t *walk,
    X509 *x509);
static ngx_int_t ngx_clientcert_walk_collect(ngx_clientcert_walk_t *walk,
    const X509_NAME *name);
static void ngx_clientcert_walk_collect_file(ngx_clientcert_walk_t *walk,
    ngx_clientcert_ca_t *ca, const X509_NAME *name);
static void ngx_clientcert_walk_collect_certs(ngx_clientcert_walk_t *walk,
    STACK_OF(X509) *certs, const X509_NAME *name, ngx_uint_t known);
static void ngx_clientcert_walk_candidate(ngx_clientcert_walk_t *walk,
    X509 *x509, ngx_uint_t known);
static void ngx_clientcert_walk_drop(ngx_clientcert_walk_t *walk);
static ngx_int_t ngx_clientcert_walk_try(ngx_clientcert_walk_t *walk,
    ngx_clientcert_walk_node_t *node);
static ngx_uint_t ngx_clientcert_walk_tried(ngx_clientcert_walk_t *walk,
    X509 *x509);
static ngx_int_t ngx_clientcert_walk_signed(ngx_clientcert_walk_t *walk,
    X509 *x509, ngx_clientcert_walk_candidate_t *candidate);
static ngx_uint_t ngx_clientcert_walk_exhausted(ngx_clientcert_walk_t *walk);
static void ngx_clientcert_walk_link(ngx_clientcert_walk_t *walk,
    ngx_clientcert_walk_node_t *node,
    ngx_clientcert_walk_candidate_t *candidate);
static ngx_int_t ngx_clientcert_walk_end(ngx_clientcert_walk_t *walk);
static void ngx_clientcert_walk_roots(ngx_clientcert_walk_t *walk);
static ngx_int_t ngx_clientcert_walk_vouched(ngx_clientcert_walk_t *walk,
    ngx_clientcert_walk_node_t *node);
static void ngx_clientcert_walk_unknown(ngx_clientcert_walk_t *walk,
    const char *text);
static ngx_int_t ngx_clientcert_walk_unknown_issuer(
    ngx_clientcert_walk_t *walk, X509 *x509, const char *why);
static ngx_int_t ngx_clientcert_walk_text(ngx_clientcert_walk_t *walk,
    ngx_clientcert_chain_result_t *result);


ngx_int_t
ngx_clientcert_chain_leads(ngx_clientcert_certificate_t *cert,
    ngx_clientcert_ca_t *ca, ngx_str_t *unknown)
{
    time_t                            now;
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_clientcert_walk_t             walk;
    ngx_clientcert_walk_node_t        nodes[NGX_CLIENTCERT_WALK_NODES];
    ngx_clientcert_chain_result_t    *result;
    ngx_clientcert_walk_candidate_t   candidates
                                           [NGX_CLIENTCERT_CHAIN_SIGNATURES];

    result = ngx_clientcert_chain_result(cert, ca);
    if (result == NULL) {
        return NGX_ERROR;
    }

    if (result->leads != NGX_AGAIN) {
        return result->leads;
    }

    now = ngx_time();

    if (result->walked != now) {
        result->walked = now;
        result->walks = 0;
    }

    if (result->walks >= NGX_CLIENTCERT_WALK_TIMES) {
        *unknown = result->unknown;
        return NGX_ABORT;
    }

    ngx_memzero(&walk, sizeof(ngx_clientcert_walk_t));

    walk.cert = cert;
    walk.ca = ca;
    walk.nodes = nodes;
    walk.candidates = candidates;

    rc = ngx_clientcert_walk(&walk);

    for (i = 0; i < walk.n; i++) {
        X509_free(nodes[i].x509);
    }

    if (rc == NGX_ABORT) {
        rc = ngx_clientcert_walk_text(&walk, result);
        *unknown = result->unknown;

    } else if (rc != NGX_ERROR) {
        result->leads = rc;
    }

    ERR_clear_error();

    return rc;
}


/* level by level, so that each certificate is met where it is nearest */

static ngx_int_t
ngx_clientcert_walk(ngx_clientcert_walk_t *walk)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    if (X509_up_ref(walk->cert->x509) == 0) {
        return NGX_ERROR;
    }

    ngx_memzero(&walk->nodes[0], sizeof(ngx_clientcert_walk_node_t));

    walk->nodes[0].x509 = walk->cert->x509;
    walk->n = 1;

    for (i = 0; i < walk->n; i++) {
        rc = ngx_clientcert_walk_up(walk, &walk->nodes[i]);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return ngx_clientcert_walk_end(walk);
}


/* NGX_DECLINED: there is nothing more to say here, but elsewhere */

static ngx_int_t
ngx_clientcert_walk_up(ngx_clientcert_walk_t *walk,
    ngx_clientcert_walk_node_t *node)
{
    ngx_int_t  rc;

    if (ngx_clientcert_walk_arrived(walk, node->x509)) {
        return NGX_OK;
    }

    rc = ngx_clientcert_walk_root(walk, node);

    if (rc != NGX_DECLINED) {
        return (rc == NGX_OK) ? NGX_DECLINED : rc;
    }

    if (node->up == NGX_CLIENTCERT_CHAIN_DEPTH) {
        ngx_clientcert_walk_unknown(walk, "more than 10 certificates up");
        return NGX_DECLINED;
    }

    rc = ngx_clientcert_walk_collect(walk, X509_get_issuer_name(node->x509));

    if (rc == NGX_OK) {
        rc = ngx_clientcert_walk_try(walk, node);
    }

    ngx_clientcert_walk_drop(walk);

    return rc;
}


static ngx_int_t
ngx_clientcert_walk_root(ngx_clientcert_walk_t *walk,
    ngx_clientcert_walk_node_t *node)
{
    ngx_int_t  rc;

    if (X509_NAME_cmp(X509_get_subject_name(node->x509),
                      X509_get_issuer_name(node->x509))
        != 0
        || ngx_clientcert_walk_exhausted(walk))
    {
        return NGX_DECLINED;
    }

    rc = ngx_clientcert_signer_try(node->x509, node->x509);

    node->root = (rc == NGX_OK);

    return (rc == NGX_ABORT) ? NGX_DECLINED : rc;
}


/* a CA that was certified anew, or by another one, has its key still */

static ngx_uint_t
ngx_clientcert_walk_arrived(ngx_clientcert_walk_t *walk, X509 *x509)
{
    int               i;
    X509             *known;
    const X509_NAME  *name;

    name = X509_get_subject_name(x509);

    for (i = ngx_clientcert_ca_first(walk->ca, name);
         i < sk_X509_num(walk->ca->certs);
         i++)
    {
        known = sk_X509_value(walk->ca->certs, i);

        if (X509_NAME_cmp(X509_get_subject_name(known), name) != 0) {
            break;
        }

        if (ngx_clientcert_signer_same_key(known, x509)) {
            return 1;
        }
    }

    return 0;
}


/* what is known comes first, and is left out where it was sent as well */

static ngx_int_t
ngx_clientcert_walk_collect(ngx_clientcert_walk_t *walk,
    const X509_NAME *name)
{
    ngx_uint_t                     i;
    STACK_OF(X509)                *certs;
    ngx_clientcert_ca_t          **ca;
    ngx_clientcert_certificate_t  *cert;

    cert = walk->cert;

    ngx_clientcert_walk_collect_file(walk, walk->ca, name);

    ca = walk->ca->all->elts;

    for (i = 0; i < walk->ca->all->nelts; i++) {
        if (ca[i] != walk->ca) {
            ngx_clientcert_walk_collect_file(walk, ca[i], name);
        }
    }

    if (cert->trusted) {
        if (ngx_clientcert_signer_search(cert->trusted, name, &certs)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_clientcert_walk_collect_certs(walk, certs, name, 1);

        sk_X509_pop_free(certs, X509_free);
    }

    ngx_clientcert_walk_collect_certs(walk, cert->verified, name, 0);
    ngx_clientcert_walk_collect_certs(walk, cert->sent, name, 0);

    return NGX_OK;
}


static void
ngx_clientcert_walk_collect_file(ngx_clientcert_walk_t *walk,
    ngx_clientcert_ca_t *ca, const X509_NAME *name)
{
    int    i;
    X509  *x509;

    for (i = ngx_clientcert_ca_first(ca, name);
         i < sk_X509_num(ca->certs);
         i++)
    {
        x509 = sk_X509_value(ca->certs, i);

        if (X509_NAME_cmp(X509_get_subject_name(x509), name) != 0) {
            break;
        }

        ngx_clientcert_walk_candidate(walk, x509, 1);
    }
}


static void
ngx_clientcert_walk_collect_certs(ngx_clientcert_walk_t *walk,
    STACK_OF(X509) *certs, const X509_NAME *name, ngx_uint_t known)
{
    int    i;
    X509  *x509;

    for (i = 0; i < sk_X509_num(certs); i++) {
        x509 = sk_X509_value(certs, i);

        if (X509_NAME_cmp(X509_get_subject_name(x509), name) == 0) {
            ngx_clientcert_walk_candidate(walk, x509, known);
        }
    }
}


static void
ngx_clientcert_walk_candidate(ngx_clientcert_walk_t *walk, X509 *x509,
    ngx_uint_t known)
{
    ngx_uint_t                        i;
    ngx_clientcert_walk_candidate_t  *candidate;

    for (i = 0; i < walk->ncandidates; i++) {
        if (ngx_clientcert_signer_equal(walk->candidates[i].x509, x509)) {
            return;
        }
    }

    if (walk->ncandidates == NGX_CLIENTCERT_CHAIN_SIGNATURES
        || X509_up_ref(x509) == 0)
    {
        ngx_clientcert_walk_unknown(walk, "more than 64 signatures");
        return;
    }

    candidate = &walk->candidates[walk->ncandidates++];

    candidate->x509 = x509;
    candidate->known = known;
    candidate->signer = 0;
}


static void
ngx_clientcert_walk_drop(ngx_clientcert_walk_t *walk)
{
    while (walk->ncandidates) {
        X509_free(walk->candidates[--walk->ncandidates].x509);
    }
}


/*
 * Who has the key of a signer is one, too.  Another key is tried all the same,
 * but one that was refused isn't believed to be another before the end, since
 * OpenSSL may refuse it for want of memory without a word.
 */

static ngx_int_t
ngx_clientcert_walk_try(ngx_clientcert_walk_t *walk,
    ngx_clientcert_walk_node_t *node)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i, n;
    ngx_clientcert_walk_candidate_t  *candidate;

    candidate = walk->candidates;

    for (i = 0; i < walk->ncandidates; i++) {

        if (ngx_clientcert_walk_tried(walk, candidate[i].x509)) {
            candidate[i].signer = 1;
            continue;
        }

        rc = ngx_clientcert_walk_signed(walk, node->x509, &candidate[i]);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        candidate[i].signer = (rc == NGX_OK);
    }

    n = 0;

    for (i = 0; i < walk->ncandidates; i++) {
        if (candidate[i].signer
            || ngx_clientcert_walk_tried(walk, candidate[i].x509))
        {
            ngx_clientcert_walk_link(walk, node, &candidate[i]);
            n++;
        }
    }

    if (n == 0) {
        return ngx_clientcert_walk_unknown_issuer(walk, node->x509,
                                                  " isn't known");
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_clientcert_walk_tried(ngx_clientcert_walk_t *walk, X509 *x509)
{
    ngx_uint_t  i;

    for (i = 0; i < walk->ncandidates; i++) {
        if (walk->candidates[i].signer
            && ngx_clientcert_signer_same_key(walk->candidates[i].x509, x509))
        {
            return 1;
        }
    }

    return 0;
}


/* as many keys as a client likes may verify a signature if it makes them */

static ngx_int_t
ngx_clientcert_walk_signed(ngx_clientcert_walk_t *walk, X509 *x509,
    ngx_clientcert_walk_candidate_t *candidate)
{
    ngx_int_t  rc;

    if (!candidate->known) {
        rc = ngx_clientcert_signer_sound(candidate->x509);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc != NGX_OK) {
            return ngx_clientcert_walk_unknown_issuer(walk, x509,
                                                ", one of whose keys is odd");
        }
    }

    if (ngx_clientcert_walk_exhausted(walk)) {
        return NGX_DECLINED;
    }

    rc = ngx_clientcert_signer_try(x509, candidate->x509);

    if (rc == NGX_ABORT) {
        return ngx_clientcert_walk_unknown_issuer(walk, x509,
                                                ", one of whose keys is odd");
    }

    return rc;
}


static ngx_uint_t
ngx_clientcert_walk_exhausted(ngx_clientcert_walk_t *walk)
{
    if (walk->signatures == NGX_CLIENTCERT_CHAIN_SIGNATURES) {
        ngx_clientcert_walk_unknown(walk, "more than 64 signatures");
        return 1;
    }

    walk->signatures++;

    return 0;
}


static void
ngx_clientcert_walk_link(ngx_clientcert_walk_t *walk,
    ngx_clientcert_walk_node_t *node,
    ngx_clientcert_walk_candidate_t *candidate)
{
    ngx_uint_t                   i;
    ngx_clientcert_walk_node_t  *issuer;

    for (i = 0; i < walk->n; i++) {
        if (ngx_clientcert_signer_equal(walk->nodes[i].x509, candidate->x509))
        {
            node->issuers |= (uint64_t) 1 << i;
            return;
        }
    }

    if (i == NGX_CLIENTCERT_WALK_NODES
        || X509_up_ref(candidate->x509) == 0)
    {
        ngx_clientcert_walk_unknown(walk, "more than 64 certificates");
        return;
    }

    issuer = &walk->nodes[walk->n++];

    ngx_memzero(issuer, sizeof(ngx_clientcert_walk_node_t));

    issuer->x509 = candidate->x509;
    issuer->up = node->up + 1;
    issuer->known = candidate->known;

    node->issuers |= (uint64_t) 1 << i;
}


/*
 * None of the CAs is above.  That all paths end somewhere else counts only if
 * it isn't the client that made them end there.
 */

static ngx_int_t
ngx_clientcert_walk_end(ngx_clientcert_walk_t *walk)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    ngx_clientcert_walk_roots(walk);

    for (i = 0; i < walk->n && walk->len == 0; i++) {

        if (!walk->nodes[i].ends) {
            ngx_clientcert_walk_unknown(walk, "no root, only a loop");
            break;
        }

        rc = ngx_clientcert_walk_vouched(walk, &walk->nodes[i]);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return walk->len ? NGX_ABORT : NGX_DECLINED;
}


static void
ngx_clientcert_walk_roots(ngx_clientcert_walk_t *walk)
{
    uint64_t                     ends, before;
    ngx_uint_t                   i;
    ngx_clientcert_walk_node_t  *node;

    ends = 0;

    do {
        before = ends;

        for (i = 0; i < walk->n; i++) {
            node = &walk->nodes[i];

            if (node->root || (node->issuers & ends)) {
                node->ends = 1;
                ends |= (uint64_t) 1 << i;
            }
        }

    } while (ends != before);
}


/*
 * Anyone can certify the key of another CA under its name.  So what a client
 * sends along needs a CA above it that is known, or that one vouches for.
 */

static ngx_int_t
ngx_clientcert_walk_vouched(ngx_clientcert_walk_t *walk,
    ngx_clientcert_walk_node_t *node)
{
    ngx_int_t                    rc;
    ngx_uint_t                   i;
    ngx_clientcert_walk_node_t  *issuer;

    if (node->known || node->up == 0) {
        return NGX_OK;
    }

    for (i = 0; i < walk->n; i++) {

        if (!(node->issuers & (uint64_t) 1 << i)) {
            continue;
        }

        issuer = &walk->nodes[i];

        rc = (issuer->root && !issuer->known)
             ? NGX_DECLINED : ngx_clientcert_signer_ca(issuer->x509);

        if (rc == NGX_DECLINED) {
            rc = ngx_clientcert_walk_unknown_issuer(walk, node->x509,
                                            ", of which only the client says");
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_clientcert_walk_unknown(ngx_clientcert_walk_t *walk, const char *text)
{
    if (walk->len == 0) {
        walk->len = ngx_strlen(text);
        ngx_memcpy(walk->text, text, walk->len);
    }
}


/* NGX_DECLINED, or NGX_ERROR without memory */

static ngx_int_t
ngx_clientcert_walk_unknown_issuer(ngx_clientcert_walk_t *walk, X509 *x509,
    const char *why)
{
    u_char  *p;

    if (walk->len) {
        return NGX_DECLINED;
    }

    p = ngx_cpymem(walk->text, "issuer \"", sizeof("issuer \"") - 1);

    p = ngx_clientcert_certificate_name(X509_get_issuer_name(x509), p);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *p++ = '"';

    p = ngx_cpymem(p, why, ngx_strlen(why));

    walk->len = p - walk->text;

    return NGX_DECLINED;
}


/* one buffer for all texts, since a connection may see many */

static ngx_int_t
ngx_clientcert_walk_text(ngx_clientcert_walk_t *walk,
    ngx_clientcert_chain_result_t *result)
{
    if (result->unknown.data == NULL) {
        result->unknown.data = ngx_pnalloc(walk->cert->pool,
                                           NGX_CLIENTCERT_WALK_TEXT);
        if (result->unknown.data == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_memcpy(result->unknown.data, walk->text, walk->len);
    result->unknown.len = walk->len;
    result->walks++;

    return NGX_ABORT;
}
