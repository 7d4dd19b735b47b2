
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "../cert/ngx_clientcert_posted.h"
#include "ngx_http_clientcert_check.h"
#include "ngx_http_clientcert_explain.h"
#include "ngx_http_clientcert_turn.h"


/*
 * What a policy would say of a certificate that is posted, by the functions
 * that decide about requests: once as of a client whose chain isn't verified,
 * and once as of one whose is.  Nothing is counted, nor kept.
 */


#define NGX_HTTP_CLIENTCERT_EXPLAIN_SIZE   65536

/* lines, unless asked for otherwise */
#define NGX_HTTP_CLIENTCERT_EXPLAIN_LIMIT  10


static ngx_int_t ngx_http_clientcert_explain_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_clientcert_explain_accepts(ngx_http_request_t *r);
static ngx_str_t *ngx_http_clientcert_explain_header(ngx_http_request_t *r,
    const char *name);
static void ngx_http_clientcert_explain_posted(ngx_http_request_t *r);
static ngx_int_t ngx_http_clientcert_explain_run(ngx_http_request_t *r);
static ngx_int_t ngx_http_clientcert_explain_body(ngx_http_request_t *r,
    ngx_str_t *text);
static ngx_int_t ngx_http_clientcert_explain_answer(ngx_http_request_t *r,
    ngx_str_t *text);
static ngx_int_t ngx_http_clientcert_explain_refused(
    ngx_http_clientcert_explanation_t *ex, ngx_str_t *der);
static ngx_int_t ngx_http_clientcert_explain_arguments(
    ngx_http_clientcert_explanation_t *ex);
static ngx_int_t ngx_http_clientcert_explain_policy(
    ngx_http_clientcert_explanation_t *ex);
static ngx_int_t ngx_http_clientcert_explain_suppose(
    ngx_http_clientcert_explanation_t *ex);
static SSL_CTX *ngx_http_clientcert_explain_context(
    ngx_http_clientcert_explanation_t *ex);
static ngx_int_t ngx_http_clientcert_explain_decide(
    ngx_http_clientcert_explanation_t *ex);


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
    lcf->handler = ngx_http_clientcert_explain_handler;
    clcf->handler = lcf->handler;

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
        return (rc == NGX_OK)
               ? ngx_http_clientcert_turn(r, ngx_http_clientcert_explain_run)
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

    value = ngx_http_clientcert_explain_header(r, "content-encoding");

    if (value
        && !(value->len == 8
             && ngx_strncasecmp(value->data, (u_char *) "identity", 8) == 0))
    {
        return NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;
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

    while (len && value->data[len - 1] == ' ') {
        len--;
    }

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
    ngx_http_finalize_request(r, ngx_http_clientcert_turn(r,
                                            ngx_http_clientcert_explain_run));
}


static ngx_int_t
ngx_http_clientcert_explain_run(ngx_http_request_t *r)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    if (r->method == NGX_HTTP_GET) {
        return ngx_http_clientcert_explain_answer(r, NULL);
    }

    rc = ngx_http_clientcert_explain_body(r, &text);

    return (rc == NGX_OK) ? ngx_http_clientcert_explain_answer(r, &text) : rc;
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
        rc = ngx_http_clientcert_view_explain(&ex);
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
    ngx_int_t                      rc;
    ngx_str_t                      text;
    ngx_uint_t                     i, n;
    ngx_clientcert_recent_t       *recent;
    ngx_clientcert_thumbprint_t    sha256;
    ngx_clientcert_recent_slot_t  *slot;

    if (ngx_http_clientcert_status_arg(ex->r, "sha256", &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text.data == NULL) {
        ngx_str_set(&text, "");
    }

    rc = ngx_http_clientcert_status_sha256(ex->out, &text, &sha256);
    if (rc != NGX_OK) {
        return rc;
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
            && ngx_clientcert_recent_kept(&slot->facts))
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
        rc = ngx_http_clientcert_status_number(ex->r, ex->out, "limit",
                                               NGX_HTTP_CLIENTCERT_STATUS_MAX,
                                               &ex->limit);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_clientcert_status_number(ex->r, ex->out, "after",
                                               NGX_HTTP_CLIENTCERT_STATUS_WORK,
                                               &ex->after);
    }

    return rc;
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

    if (ngx_http_clientcert_status_name(ex->r, "policy", &name) != NGX_OK) {
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

    if (ngx_http_clientcert_status_name(ex->r, "suppose", &name) != NGX_OK) {
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
    ex->verified = ngx_clientcert_explain_decide(ex->policy, &ex->client);

    ex->client.chain = NGX_CLIENTCERT_UNVERIFIED;
    ex->unverified = ngx_clientcert_explain_decide(ex->policy, &ex->client);

    return (ex->verified && ex->unverified) ? NGX_OK : NGX_ERROR;
}
