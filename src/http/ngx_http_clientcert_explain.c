
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "../cert/ngx_clientcert_facts.h"
#include "../cert/ngx_clientcert_posted.h"
#include "../policy/ngx_clientcert_decisions.h"
#include "../policy/ngx_clientcert_explain.h"
#include "../policy/ngx_clientcert_found.h"
#include "ngx_http_clientcert_check.h"
#include "ngx_http_clientcert_explain.h"
#include "ngx_http_clientcert_json.h"


/*
 * What a policy would say of a certificate that is posted, by the functions
 * that decide about requests: once as of a client whose chain isn't verified,
 * and once as of one whose is.  Nothing is counted, nor kept.
 */


#define NGX_HTTP_CLIENTCERT_EXPLAIN_SIZE      65536

/* lines, unless asked for otherwise */
#define NGX_HTTP_CLIENTCERT_EXPLAIN_LIMIT     10

/* policies that a store is tried in */
#define NGX_HTTP_CLIENTCERT_EXPLAIN_POLICIES  100


typedef struct {
    ngx_http_request_t               *r;
    ngx_http_clientcert_main_conf_t  *mcf;
    ngx_http_clientcert_output_t     *out;

    ngx_clientcert_policy_t          *policy;
    ngx_clientcert_store_t           *supposed;     /* NULL: none */
    ngx_uint_t                        limit;        /* lines */
    ngx_uint_t                        after;

    ngx_clientcert_client_t           client;
    ngx_clientcert_verdict_t         *unverified;
    ngx_clientcert_verdict_t         *verified;
    ngx_uint_t                        depends;      /* on variables */
} ngx_http_clientcert_explanation_t;


static ngx_int_t ngx_http_clientcert_explain_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_clientcert_explain_accepts(ngx_http_request_t *r);
static ngx_str_t *ngx_http_clientcert_explain_header(ngx_http_request_t *r,
    const char *name);
static void ngx_http_clientcert_explain_posted(ngx_http_request_t *r);
static ngx_int_t ngx_http_clientcert_explain_body(ngx_http_request_t *r,
    ngx_str_t *text);
static ngx_int_t ngx_http_clientcert_explain_answer(ngx_http_request_t *r,
    ngx_str_t *text);
static ngx_int_t ngx_http_clientcert_explain_refused(
    ngx_http_clientcert_explanation_t *ex, ngx_str_t *der);
static ngx_int_t ngx_http_clientcert_explain_arguments(
    ngx_http_clientcert_explanation_t *ex);
static ngx_int_t ngx_http_clientcert_explain_number(
    ngx_http_clientcert_explanation_t *ex, const char *name, ngx_int_t max,
    ngx_uint_t *n);
static ngx_int_t ngx_http_clientcert_explain_policy(
    ngx_http_clientcert_explanation_t *ex);
static ngx_int_t ngx_http_clientcert_explain_suppose(
    ngx_http_clientcert_explanation_t *ex);
static SSL_CTX *ngx_http_clientcert_explain_context(
    ngx_http_clientcert_explanation_t *ex);
static ngx_int_t ngx_http_clientcert_explain_decide(
    ngx_http_clientcert_explanation_t *ex);
static ngx_int_t ngx_http_clientcert_explain_write(
    ngx_http_clientcert_explanation_t *ex);
static void ngx_http_clientcert_explain_certificate(
    ngx_http_clientcert_explanation_t *ex);
static void ngx_http_clientcert_explain_verdict(
    ngx_http_clientcert_explanation_t *ex, ngx_clientcert_verdict_t *verdict);
static ngx_int_t ngx_http_clientcert_explain_lines(
    ngx_http_clientcert_explanation_t *ex, ngx_array_t *lines);
static ngx_int_t ngx_http_clientcert_explain_line(
    ngx_http_clientcert_explanation_t *ex, ngx_clientcert_line_t *line);
static ngx_int_t ngx_http_clientcert_explain_condition(
    ngx_http_clientcert_explanation_t *ex, ngx_clientcert_condition_t *cond);
static void ngx_http_clientcert_explain_holds(
    ngx_http_clientcert_output_t *out, ngx_clientcert_answer_e answer);
static ngx_int_t ngx_http_clientcert_explain_remedies(
    ngx_http_clientcert_explanation_t *ex);
static void ngx_http_clientcert_explain_add(
    ngx_http_clientcert_explanation_t *ex, const char *kind, const char *key,
    ngx_str_t *value, ngx_uint_t chain, const char *worth);
static void ngx_http_clientcert_explain_names(
    ngx_http_clientcert_explanation_t *ex);
static ngx_int_t ngx_http_clientcert_explain_stores(
    ngx_http_clientcert_explanation_t *ex);
static ngx_int_t ngx_http_clientcert_explain_store(
    ngx_http_clientcert_explanation_t *ex, ngx_clientcert_store_t *st);


/* a certificate, whatever curl and browsers say that it is */

static ngx_str_t  ngx_http_clientcert_explain_types[] = {
    ngx_string("application/octet-stream"),
    ngx_string("application/pem-certificate-chain"),
    ngx_string("application/pkix-cert"),
    ngx_string("application/x-pem-file"),
    ngx_string("application/x-www-form-urlencoded"),
    ngx_string("application/x-x509-ca-cert"),
    ngx_string("text/plain"),
    ngx_null_string
};


char *
ngx_http_clientcert_explain(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_clientcert_loc_conf_t *lcf = conf;

    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_core_loc_conf_t          *clcf;
    ngx_http_clientcert_explain_t     *explain;
    ngx_http_clientcert_loc_conf_t   **place;
    ngx_http_clientcert_main_conf_t   *mcf;

    if (lcf->explain) {
        return "is duplicate";
    }

    mcf = ngx_http_conf_get_module_main_conf(cf,
                                           ngx_http_clientcert_policy_module);

    explain = ngx_pcalloc(cf->pool,
                          sizeof(ngx_http_clientcert_explain_t));
    place = ngx_array_push(&mcf->status);

    if (explain == NULL || place == NULL) {
        return NGX_CONF_ERROR;
    }

    *place = lcf;
    lcf->explain = explain;

    explain->guard.directive = "clientcert_explain";
    explain->guard.file = cf->conf_file->file.name.data;
    explain->guard.line = cf->conf_file->line;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "remote") == 0) {
            explain->guard.remote = 1;
            continue;
        }

        if (explain->policy) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        explain->policy = ngx_clientcert_policy_get(cf, &mcf->policies,
                                                    &value[i]);
        if (explain->policy == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_clientcert_explain_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_clientcert_explain_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_http_clientcert_loc_conf_t  *lcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_POST))) {
        rc = ngx_http_clientcert_output_header(r, "Allow", "GET, POST");
        return (rc == NGX_OK) ? NGX_HTTP_NOT_ALLOWED
                              : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_clientcert_policy_module);

    if (!ngx_http_clientcert_guard_permits(r, &lcf->explain->guard,
                                           lcf->policy))
    {
        return NGX_HTTP_FORBIDDEN;
    }

    rc = ngx_http_clientcert_explain_accepts(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (r->method == NGX_HTTP_GET) {
        rc = ngx_http_discard_request_body(r);
        return (rc == NGX_OK) ? ngx_http_clientcert_explain_answer(r, NULL)
                              : rc;
    }

    rc = ngx_http_read_client_request_body(r,
                                           ngx_http_clientcert_explain_posted);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


/*
 * A browser shows its user's certificate for the pages of others, too; they
 * can't read the answer, but it costs something.
 */

static ngx_int_t
ngx_http_clientcert_explain_accepts(ngx_http_request_t *r)
{
    u_char     *last;
    size_t      len;
    ngx_str_t  *value, *type;

    value = ngx_http_clientcert_explain_header(r, "sec-fetch-site");

    if (value
        && !(value->len == 11
             && ngx_strncmp(value->data, "same-origin", 11) == 0)
        && !(value->len == 4 && ngx_strncmp(value->data, "none", 4) == 0))
    {
        return NGX_HTTP_FORBIDDEN;
    }

    if (r->headers_in.content_length_n > NGX_HTTP_CLIENTCERT_EXPLAIN_SIZE) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    if (r->headers_in.content_type == NULL) {
        return NGX_OK;
    }

    value = &r->headers_in.content_type->value;

    last = ngx_strlchr(value->data, value->data + value->len, ';');
    len = last ? (size_t) (last - value->data) : value->len;

    for (type = ngx_http_clientcert_explain_types; type->len; type++) {
        if (type->len == len
            && ngx_strncasecmp(type->data, value->data, len) == 0)
        {
            return NGX_OK;
        }
    }

    return NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;
}


/* the name is in lower case; of several the first counts */

static ngx_str_t *
ngx_http_clientcert_explain_header(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
            {
                return &h[i].value;
            }
        }
    }

    return NULL;
}


static void
ngx_http_clientcert_explain_posted(ngx_http_request_t *r)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    rc = ngx_http_clientcert_explain_body(r, &text);

    if (rc == NGX_OK) {
        rc = ngx_http_clientcert_explain_answer(r, &text);
    }

    ngx_http_finalize_request(r, rc);
}


/* in one piece; a large one is in a file, and chunks don't say their size */

static ngx_int_t
ngx_http_clientcert_explain_body(ngx_http_request_t *r, ngx_str_t *text)
{
    off_t         size;
    size_t        len;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl, *body;

    body = r->request_body ? r->request_body->bufs : NULL;
    size = 0;

    for (cl = body; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    if (size > NGX_HTTP_CLIENTCERT_EXPLAIN_SIZE) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    text->len = 0;
    text->data = ngx_pnalloc(r->pool, size + 1);

    if (text->data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (cl = body; cl; cl = cl->next) {
        b = cl->buf;
        len = ngx_buf_size(b);

        if (b->in_file) {
            n = ngx_read_file(b->file, text->data + text->len, len,
                              b->file_pos);

            if (n != (ssize_t) len) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

        } else {
            ngx_memcpy(text->data + text->len, b->pos, len);
        }

        text->len += len;
    }

    return NGX_OK;
}


/* without a text it is about a certificate that was refused of late */

static ngx_int_t
ngx_http_clientcert_explain_answer(ngx_http_request_t *r, ngx_str_t *text)
{
    ngx_int_t                          rc;
    ngx_str_t                          what, der;
    const char                        *err;
    ngx_http_clientcert_output_t       out;
    ngx_http_clientcert_explanation_t  ex;

    ngx_http_clientcert_output_init(&out, r->pool);
    ngx_memzero(&ex, sizeof(ngx_http_clientcert_explanation_t));

    ex.r = r;
    ex.out = &out;
    ex.mcf = ngx_http_get_module_main_conf(r,
                                           ngx_http_clientcert_policy_module);

    rc = ngx_http_clientcert_explain_arguments(&ex);

    if (rc == NGX_OK && text == NULL) {
        rc = ngx_http_clientcert_explain_refused(&ex, &der);
        text = &der;
    }

    if (rc == NGX_OK) {
        ex.client.cert = ngx_clientcert_posted_read(r->pool,
                              ngx_http_clientcert_explain_context(&ex),
                              text, r->connection->log, &err);

        if (ex.client.cert) {
            rc = ngx_http_clientcert_explain_decide(&ex);

        } else if (err) {
            what.data = (u_char *) err;
            what.len = ngx_strlen(err);
            rc = ngx_http_clientcert_status_error(&out, NGX_HTTP_BAD_REQUEST,
                                                  "certificate", &what);

        } else {
            rc = NGX_ERROR;
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_http_clientcert_explain_write(&ex);
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_clientcert_output_send(&out, r,
                                           (rc == NGX_OK) ? NGX_HTTP_OK : rc,
                                           &ngx_http_clientcert_status_json);
}


static ngx_int_t
ngx_http_clientcert_explain_refused(ngx_http_clientcert_explanation_t *ex,
    ngx_str_t *der)
{
    ngx_str_t                           text;
    ngx_uint_t                          i, n;
    ngx_clientcert_recent_t            *recent;
    ngx_clientcert_thumbprint_t         sha256;
    ngx_clientcert_recent_slot_t       *slot;
    ngx_clientcert_thumbprint_error_t   err;

    if (ngx_http_clientcert_status_arg(ex->r, "sha256", &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text.data == NULL) {
        ngx_str_set(&text, "");
    }

    if (ngx_clientcert_thumbprint_read(text.data, text.len, &sha256, &err)
        != NGX_OK
        || sha256.len != NGX_CLIENTCERT_SHA256_LEN)
    {
        return ngx_http_clientcert_status_error(ex->out, NGX_HTTP_BAD_REQUEST,
                                                "sha256", &text);
    }

    slot = ngx_palloc(ex->r->pool, sizeof(ngx_clientcert_recent_slot_t));
    if (slot == NULL) {
        return NGX_ERROR;
    }

    recent = &ex->mcf->stats->recent;
    n = recent->sh ? recent->sh->n : 0;

    for (i = 0; i < n; i++) {
        if (ngx_clientcert_recent_get(recent, i, slot) == NGX_OK
            && ngx_memcmp(slot->facts.sha256, sha256.digest,
                          NGX_CLIENTCERT_SHA256_LEN)
               == 0
            && slot->facts.size
            && slot->facts.size <= NGX_CLIENTCERT_RECENT_DER)
        {
            der->data = slot->der;
            der->len = slot->facts.size;

            return NGX_OK;
        }
    }

    return ngx_http_clientcert_status_error(ex->out, NGX_HTTP_NOT_FOUND,
                                            "certificate", &text);
}


/* returns NGX_OK, NGX_ERROR without memory, or the status of what is wrong */

static ngx_int_t
ngx_http_clientcert_explain_arguments(ngx_http_clientcert_explanation_t *ex)
{
    ngx_int_t  rc;

    ex->limit = NGX_HTTP_CLIENTCERT_EXPLAIN_LIMIT;

    rc = ngx_http_clientcert_explain_policy(ex);

    if (rc == NGX_OK) {
        rc = ngx_http_clientcert_explain_suppose(ex);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_clientcert_explain_number(ex, "limit", 1000, &ex->limit);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_clientcert_explain_number(ex, "after",
                                           NGX_HTTP_CLIENTCERT_STATUS_WORK,
                                           &ex->after);
    }

    return rc;
}


static ngx_int_t
ngx_http_clientcert_explain_number(ngx_http_clientcert_explanation_t *ex,
    const char *name, ngx_int_t max, ngx_uint_t *n)
{
    ngx_int_t  value;
    ngx_str_t  text;

    if (ngx_http_clientcert_status_arg(ex->r, name, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text.data == NULL) {
        return NGX_OK;
    }

    value = ngx_atoi(text.data, text.len);

    if (value < 1 || value > max) {
        return ngx_http_clientcert_status_error(ex->out, NGX_HTTP_BAD_REQUEST,
                                                name, &text);
    }

    *n = value;

    return NGX_OK;
}


/* the directive's, if it has one: nobody may ask for another then */

static ngx_int_t
ngx_http_clientcert_explain_policy(ngx_http_clientcert_explanation_t *ex)
{
    ngx_str_t                        name;
    ngx_clientcert_policy_t         *policy;
    ngx_http_clientcert_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(ex->r,
                                       ngx_http_clientcert_policy_module);

    if (ngx_http_clientcert_status_arg(ex->r, "policy", &name) != NGX_OK) {
        return NGX_ERROR;
    }

    policy = lcf->explain->policy;

    if (policy && name.data == NULL) {
        ex->policy = policy;
        return NGX_OK;
    }

    if (name.data == NULL) {
        ngx_str_set(&name, "");
    }

    ex->policy = ngx_clientcert_dictionary_find(&ex->mcf->policies, &name);

    if (ex->policy == NULL || (policy && policy != ex->policy)) {
        return ngx_http_clientcert_status_error(ex->out, NGX_HTTP_NOT_FOUND,
                                                "policy", &name);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_explain_suppose(ngx_http_clientcert_explanation_t *ex)
{
    ngx_str_t  name;

    if (ngx_http_clientcert_status_arg(ex->r, "suppose", &name) != NGX_OK) {
        return NGX_ERROR;
    }

    if (name.data == NULL) {
        return NGX_OK;
    }

    ex->supposed = ngx_clientcert_dictionary_find(&ex->mcf->stores, &name);

    return ex->supposed
           ? NGX_OK
           : ngx_http_clientcert_status_error(ex->out, NGX_HTTP_NOT_FOUND,
                                              "store", &name);
}


/* of the first server that requires the policy, or NULL */

static SSL_CTX *
ngx_http_clientcert_explain_context(ngx_http_clientcert_explanation_t *ex)
{
    ngx_uint_t                   i;
    ngx_http_ssl_srv_conf_t     *sscf;
    ngx_http_clientcert_use_t   *use;

    use = ex->mcf->uses.elts;

    for (i = 0; i < ex->mcf->uses.nelts; i++) {

        if (use[i].policy != ex->policy) {
            continue;
        }

        sscf = use[i].cscf->ctx->srv_conf[ngx_http_ssl_module.ctx_index];

        if (sscf->ssl.ctx) {
            return sscf->ssl.ctx;
        }
    }

    return NULL;
}


/* without a request rules with variables are left out */

static ngx_int_t
ngx_http_clientcert_explain_decide(ngx_http_clientcert_explanation_t *ex)
{
    ex->client.now = ngx_time();
    ex->client.pool = ex->r->pool;
    ex->client.supposed = ex->supposed;

    ex->client.chain = NGX_CLIENTCERT_VERIFIED;
    ex->verified = ngx_clientcert_policy_decide(ex->policy, &ex->client);

    ex->client.chain = NGX_CLIENTCERT_UNVERIFIED;
    ex->unverified = ngx_clientcert_policy_decide(ex->policy, &ex->client);

    return (ex->verified && ex->unverified) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_clientcert_explain_write(ngx_http_clientcert_explanation_t *ex)
{
    ngx_uint_t                     work;
    ngx_array_t                    lines;
    ngx_http_clientcert_output_t  *out;

    if (ngx_array_init(&lines, ex->r->pool, 16, sizeof(ngx_clientcert_line_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    work = NGX_HTTP_CLIENTCERT_STATUS_WORK;

    if (ngx_clientcert_explain_lines(ex->policy, &ex->client, &lines, &work)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    out = ex->out;

    ngx_http_clientcert_json_open(out, NULL, '{');
    ngx_http_clientcert_json_number(out, "format",
                                    NGX_HTTP_CLIENTCERT_STATUS_FORMAT);
    ngx_http_clientcert_json_time(out, "now", ngx_time());

    ngx_http_clientcert_explain_certificate(ex);

    ngx_http_clientcert_json_text(out, "policy", &ex->policy->name);
    ngx_http_clientcert_json_flag(out, "dry_run", ex->policy->dry_run);
    ngx_http_clientcert_json_word(out, "trust",
                           (ex->policy->trust == NGX_CLIENTCERT_TRUST_CHAIN)
                           ? "chain" : "pin");

    if (ex->supposed) {
        ngx_http_clientcert_json_text(out, "suppose", &ex->supposed->name);

    } else {
        ngx_http_clientcert_json_null(out, "suppose");
    }

    ngx_http_clientcert_explain_verdict(ex, ex->unverified);

    ngx_http_clientcert_json_open(out, "verified", '{');
    ex->client.chain = NGX_CLIENTCERT_VERIFIED;
    ngx_http_clientcert_explain_verdict(ex, ex->verified);
    ex->client.chain = NGX_CLIENTCERT_UNVERIFIED;
    ngx_http_clientcert_json_close(out, '}');

    if (ngx_http_clientcert_explain_lines(ex, &lines) != NGX_OK
        || ngx_http_clientcert_explain_remedies(ex) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_clientcert_json_close(out, '}');
    ngx_http_clientcert_output_print(out, "\n");

    return NGX_OK;
}


/* what can't be read is left empty */

static void
ngx_http_clientcert_explain_certificate(ngx_http_clientcert_explanation_t *ex)
{
    ngx_uint_t                     i;
    ngx_clientcert_certificate_t  *cert;
    ngx_clientcert_facts_t         facts;

    static struct {
        const char                *name;
        ngx_clientcert_digest_e    type;
        size_t                     len;
    } digests[] = {
        { "sha256", NGX_CLIENTCERT_SHA256, NGX_CLIENTCERT_SHA256_LEN },
        { "sha1", NGX_CLIENTCERT_SHA1, NGX_CLIENTCERT_SHA1_LEN },
        { "spki_sha256", NGX_CLIENTCERT_SPKI_SHA256,
          NGX_CLIENTCERT_SHA256_LEN }
    };

    cert = ex->client.cert;

    ngx_http_clientcert_json_open(ex->out, "certificate", '{');

    for (i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        ngx_http_clientcert_json_hex(ex->out, digests[i].name,
                   ngx_clientcert_certificate_digest(cert, digests[i].type),
                   digests[i].len);
    }

    ngx_clientcert_facts(cert, 1, &facts);

    ngx_http_clientcert_json_escaped(ex->out, "subject", &facts.subject);
    ngx_http_clientcert_json_escaped(ex->out, "issuer", &facts.issuer);
    ngx_http_clientcert_json_escaped(ex->out, "serial", &facts.serial);
    ngx_http_clientcert_json_flag(ex->out, "self_signed", facts.self_signed);
    ngx_http_clientcert_json_time(ex->out, "not_before", cert->not_before);
    ngx_http_clientcert_json_time(ex->out, "not_after", cert->not_after);

    ngx_http_clientcert_json_close(ex->out, '}');
}


static void
ngx_http_clientcert_explain_verdict(ngx_http_clientcert_explanation_t *ex,
    ngx_clientcert_verdict_t *verdict)
{
    ngx_http_clientcert_output_t  *out;

    out = ex->out;

    ngx_http_clientcert_json_word(out, "decision",
           ngx_clientcert_explain_depends(ex->policy, &ex->client, verdict)
           ? "depends"
           : (verdict->reason == NGX_CLIENTCERT_OK) ? "allow" : "deny");

    ngx_http_clientcert_json_word(out, "reason",
                     (char *) ngx_clientcert_reasons[verdict->reason].data);
    ngx_http_clientcert_json_escaped(out, "detail", &verdict->detail);
    ngx_http_clientcert_json_text(out, "label", &verdict->label);

    if (verdict->rule) {
        ngx_http_clientcert_json_open(out, "line", '{');
        ngx_http_clientcert_view_line(out, verdict->rule);
        ngx_http_clientcert_json_close(out, '}');

    } else {
        ngx_http_clientcert_json_null(out, "line");
    }
}


static ngx_int_t
ngx_http_clientcert_explain_lines(ngx_http_clientcert_explanation_t *ex,
    ngx_array_t *lines)
{
    ngx_uint_t                     i, last, total;
    ngx_clientcert_line_t         *line;
    ngx_http_clientcert_output_t  *out;

    out = ex->out;
    line = lines->elts;
    last = ngx_min(ex->after + ex->limit, lines->nelts);
    total = ex->policy->allow.n + ex->policy->deny.n;

    ngx_http_clientcert_json_open(out, "lines", '{');
    ngx_http_clientcert_json_number(out, "total", total);
    ngx_http_clientcert_json_number(out, "looked_at", lines->nelts);
    ngx_http_clientcert_json_open(out, "items", '[');

    for (i = ex->after; i < last; i++) {
        if (ngx_http_clientcert_explain_line(ex, &line[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_http_clientcert_json_close(out, ']');
    ngx_http_clientcert_json_key(out, "next");

    if (last < lines->nelts) {
        ngx_http_clientcert_output_print(out, "\"%ui\"", last);

    } else {
        ngx_http_clientcert_output_print(out, "null");
    }

    ngx_http_clientcert_json_flag(out, "partial", lines->nelts < total);
    ngx_http_clientcert_json_close(out, '}');

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_explain_line(ngx_http_clientcert_explanation_t *ex,
    ngx_clientcert_line_t *line)
{
    ngx_clientcert_condition_t    *cond;
    ngx_http_clientcert_output_t  *out;

    out = ex->out;

    ngx_http_clientcert_json_open(out, NULL, '{');
    ngx_http_clientcert_view_line(out, line->rule);
    ngx_http_clientcert_explain_holds(out, line->answer);
    ngx_http_clientcert_json_number(out, "lacks", line->lacks);
    ngx_http_clientcert_json_open(out, "conditions", '[');

    if (line->rule->needs_chain) {
        ngx_http_clientcert_json_open(out, NULL, '{');
        ngx_http_clientcert_json_word(out, "text", "verified");
        ngx_http_clientcert_json_word(out, "wanted", "");
        ngx_http_clientcert_json_word(out, "found", "");
        ngx_http_clientcert_explain_holds(out, NGX_CLIENTCERT_NO);
        ngx_http_clientcert_json_word(out, "doubt", "");
        ngx_http_clientcert_json_close(out, '}');
    }

    for (cond = line->rule->conditions; cond; cond = cond->next) {
        if (ngx_http_clientcert_explain_condition(ex, cond) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_http_clientcert_json_close(out, ']');
    ngx_http_clientcert_json_close(out, '}');

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_explain_condition(ngx_http_clientcert_explanation_t *ex,
    ngx_clientcert_condition_t *cond)
{
    ngx_clientcert_finding_t       finding;
    ngx_http_clientcert_output_t  *out;

    if (ngx_clientcert_explain_condition(ex->policy, &ex->client, cond,
                                         &finding)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    out = ex->out;

    ngx_http_clientcert_json_open(out, NULL, '{');
    ngx_http_clientcert_json_text(out, "text", &cond->text);
    ngx_http_clientcert_json_escaped(out, "wanted", &finding.wanted);
    ngx_http_clientcert_json_escaped(out, "found", &finding.found);
    ngx_http_clientcert_explain_holds(out, finding.answer);
    ngx_http_clientcert_json_escaped(out, "doubt", &finding.doubt);
    ngx_http_clientcert_json_close(out, '}');

    return NGX_OK;
}


/* null: it is unknown */

static void
ngx_http_clientcert_explain_holds(ngx_http_clientcert_output_t *out,
    ngx_clientcert_answer_e answer)
{
    if (answer == NGX_CLIENTCERT_UNKNOWN) {
        ngx_http_clientcert_json_null(out, "holds");

    } else {
        ngx_http_clientcert_json_flag(out, "holds",
                                      answer == NGX_CLIENTCERT_YES);
    }
}


/*
 * An "allow" is asked last, so one more would decide where none has held, and
 * nowhere else.
 */

static ngx_int_t
ngx_http_clientcert_explain_remedies(ngx_http_clientcert_explanation_t *ex)
{
    u_char      *digest;
    ngx_int_t    rc;
    ngx_str_t    hex;
    ngx_uint_t   pin;
    u_char       buf[NGX_CLIENTCERT_SHA256_LEN * 2];

    ngx_http_clientcert_json_open(ex->out, "remedies", '[');

    rc = ngx_http_clientcert_explain_stores(ex);

    pin = (ex->policy->trust == NGX_CLIENTCERT_TRUST_PIN);

    if (rc == NGX_OK && ex->verified->reason == NGX_CLIENTCERT_NO_MATCH) {
        ngx_http_clientcert_explain_names(ex);
    }

    if (rc == NGX_OK
        && (ex->verified->reason == NGX_CLIENTCERT_NO_MATCH
            || (pin && ex->unverified->reason == NGX_CLIENTCERT_UNTRUSTED)))
    {
        hex.data = buf;
        hex.len = sizeof(buf);

        digest = ngx_clientcert_certificate_digest(ex->client.cert,
                                                   NGX_CLIENTCERT_SPKI_SHA256);
        if (digest == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_hex_dump(buf, digest, NGX_CLIENTCERT_SHA256_LEN);

        ngx_http_clientcert_explain_add(ex, "key", "spki", &hex, !pin,
            "this key, and each certificate of it: it survives a renewal");

        digest = ngx_clientcert_certificate_digest(ex->client.cert,
                                                   NGX_CLIENTCERT_SHA256);
        if (digest == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_hex_dump(buf, digest, NGX_CLIENTCERT_SHA256_LEN);

        ngx_http_clientcert_explain_add(ex, "thumbprint", "thumbprint", &hex,
                                        !pin, "this certificate alone");
    }

    ngx_http_clientcert_json_close(ex->out, ']');

    return rc;
}


/* a name is worth what the CA is that verified it */

static void
ngx_http_clientcert_explain_names(ngx_http_clientcert_explanation_t *ex)
{
    ngx_str_t    value;
    const char  *key;
    u_char       buf[NGX_CLIENTCERT_FOUND_LEN];

    value.data = buf;

    key = ngx_clientcert_explain_name(ex->client.cert, &value);

    if (key) {
        ngx_http_clientcert_explain_add(ex, "name", key, &value, 1,
            "whoever the CAs of the server give this name");
    }
}


static void
ngx_http_clientcert_explain_add(ngx_http_clientcert_explanation_t *ex,
    const char *kind, const char *key, ngx_str_t *value, ngx_uint_t chain,
    const char *worth)
{
    ngx_http_clientcert_output_t  *out;

    out = ex->out;

    ngx_http_clientcert_json_open(out, NULL, '{');
    ngx_http_clientcert_json_word(out, "kind", kind);
    ngx_http_clientcert_json_key(out, "text");
    ngx_http_clientcert_output_print(out, "\"allow \\\"%s=", key);
    ngx_http_clientcert_output_text(out, value);
    ngx_http_clientcert_output_print(out, "\\\";\"");
    ngx_http_clientcert_json_word(out, "decision", "allow");
    ngx_http_clientcert_json_flag(out, "needs_chain", chain);
    ngx_http_clientcert_json_word(out, "worth", worth);
    ngx_http_clientcert_json_close(out, '}');
}


/* those that an "allow" of the policy asks */

static ngx_int_t
ngx_http_clientcert_explain_stores(ngx_http_clientcert_explanation_t *ex)
{
    ngx_uint_t                i;
    ngx_clientcert_store_t  **st;

    if (ex->unverified->reason == NGX_CLIENTCERT_OK) {
        return NGX_OK;
    }

    st = ex->policy->asked.elts;

    for (i = 0; i < ex->policy->asked.nelts; i++) {
        if (ngx_clientcert_explain_allows_by(ex->policy, st[i])
            && ngx_http_clientcert_explain_store(ex, st[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_clientcert_explain_store(ngx_http_clientcert_explanation_t *ex,
    ngx_clientcert_store_t *st)
{
    ngx_uint_t                      i, n;
    ngx_clientcert_client_t         client;
    ngx_clientcert_policy_t       **policy;
    ngx_clientcert_verdict_t       *verdict;
    ngx_http_clientcert_output_t   *out;

    client = ex->client;
    client.supposed = st;

    verdict = ngx_clientcert_policy_decide(ex->policy, &client);
    if (verdict == NULL) {
        return NGX_ERROR;
    }

    out = ex->out;

    ngx_http_clientcert_json_open(out, NULL, '{');
    ngx_http_clientcert_json_word(out, "kind", "store");
    ngx_http_clientcert_json_text(out, "store", &st->name);
    ngx_http_clientcert_json_word(out, "decision",
           ngx_clientcert_explain_depends(ex->policy, &client, verdict)
           ? "depends"
           : (verdict->reason == NGX_CLIENTCERT_OK) ? "allow" : "deny");
    ngx_http_clientcert_json_word(out, "reason",
                     (char *) ngx_clientcert_reasons[verdict->reason].data);

    ngx_http_clientcert_json_open(out, "also_allows", '[');

    policy = ex->mcf->policies.all.elts;
    n = 0;

    for (i = 0; i < ex->mcf->policies.all.nelts; i++) {

        if (policy[i] == ex->policy
            || !ngx_clientcert_explain_allows_by(policy[i], st))
        {
            continue;
        }

        if (n++ == NGX_HTTP_CLIENTCERT_EXPLAIN_POLICIES) {
            break;
        }

        verdict = ngx_clientcert_policy_decide(policy[i], &client);
        if (verdict == NULL) {
            return NGX_ERROR;
        }

        if (verdict->reason == NGX_CLIENTCERT_OK) {
            ngx_http_clientcert_json_text(out, NULL, &policy[i]->name);
        }
    }

    ngx_http_clientcert_json_close(out, ']');
    ngx_http_clientcert_json_flag(out, "partial",
                                  n > NGX_HTTP_CLIENTCERT_EXPLAIN_POLICIES);
    ngx_http_clientcert_json_close(out, '}');

    return NGX_OK;
}
