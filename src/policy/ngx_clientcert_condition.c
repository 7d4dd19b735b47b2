
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_value.h"
#include "ngx_clientcert_answer.h"
#include "ngx_clientcert_found.h"
#include "../cert/ngx_clientcert_chain.h"
#include "../cert/ngx_clientcert_dn.h"
#include "../cert/ngx_clientcert_oid.h"
#include "../cert/ngx_clientcert_text.h"


static ngx_int_t ngx_clientcert_condition_key(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
static ngx_clientcert_key_t *ngx_clientcert_condition_find_key(
    ngx_str_t *word, ngx_str_t *name, ngx_str_t *oid);
static ngx_uint_t ngx_clientcert_condition_is_single(
    ngx_clientcert_condition_t *cond);
static ngx_int_t ngx_clientcert_condition_compile(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
static ngx_uint_t ngx_clientcert_condition_one_variable(ngx_str_t *text);
static ngx_clientcert_answer_e ngx_clientcert_condition_evaluate(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);


/*
 * A rule asks its conditions in this order: cheap ones first, and what tells
 * clients apart before what many have.
 */

ngx_clientcert_key_t  ngx_clientcert_keys[] = {

    { ngx_string("verified"), 0,
      NGX_CLIENTCERT_LOOKUP_NONE,
      NGX_CLIENTCERT_KEY_VERIFIED,
      NULL, NULL, NULL },

    { ngx_string("thumbprint"), NGX_CLIENTCERT_SHA256,
      NGX_CLIENTCERT_LOOKUP_DIGEST,
      NGX_CLIENTCERT_KEY_THUMBPRINT|NGX_CLIENTCERT_KEY_TRUSTED
                                   |NGX_CLIENTCERT_KEY_SINGLE,
      ngx_clientcert_value_thumbprint, ngx_clientcert_answer_thumbprint,
      ngx_clientcert_found_digest },

    { ngx_string("spki"), NGX_CLIENTCERT_SPKI_SHA256,
      NGX_CLIENTCERT_LOOKUP_DIGEST,
      NGX_CLIENTCERT_KEY_TRUSTED|NGX_CLIENTCERT_KEY_SINGLE,
      ngx_clientcert_value_spki, ngx_clientcert_answer_spki,
      ngx_clientcert_found_digest },

    { ngx_string("store"), 0,
      NGX_CLIENTCERT_LOOKUP_NONE,
      NGX_CLIENTCERT_KEY_TRUSTED|NGX_CLIENTCERT_KEY_CONSTANT
                                |NGX_CLIENTCERT_KEY_STORE,
      ngx_clientcert_value_store, ngx_clientcert_answer_store,
      ngx_clientcert_found_store },

    { ngx_string("serial"), 0,
      NGX_CLIENTCERT_LOOKUP_SERIAL,
      NGX_CLIENTCERT_KEY_SINGLE,
      ngx_clientcert_value_serial, ngx_clientcert_answer_serial,
      ngx_clientcert_found_serial },

    { ngx_string("subject"), NGX_CLIENTCERT_SUBJECT,
      NGX_CLIENTCERT_LOOKUP_DN,
      NGX_CLIENTCERT_KEY_SINGLE|NGX_CLIENTCERT_KEY_WHOLE,
      ngx_clientcert_value_dn, ngx_clientcert_answer_dn,
      ngx_clientcert_found_dn },

    { ngx_string("subject."), NGX_CLIENTCERT_SUBJECT,
      NGX_CLIENTCERT_LOOKUP_NAME,
      NGX_CLIENTCERT_KEY_REGEX|NGX_CLIENTCERT_KEY_OID,
      ngx_clientcert_value_name, ngx_clientcert_answer_name,
      ngx_clientcert_found_name },

    { ngx_string("uri"), NGX_CLIENTCERT_URI,
      NGX_CLIENTCERT_LOOKUP_NAME,
      NGX_CLIENTCERT_KEY_REGEX,
      ngx_clientcert_value_name, ngx_clientcert_answer_name,
      ngx_clientcert_found_name },

    { ngx_string("email"), NGX_CLIENTCERT_EMAIL,
      NGX_CLIENTCERT_LOOKUP_NAME,
      NGX_CLIENTCERT_KEY_REGEX,
      ngx_clientcert_value_name, ngx_clientcert_answer_name,
      ngx_clientcert_found_name },

    { ngx_string("upn"), NGX_CLIENTCERT_UPN,
      NGX_CLIENTCERT_LOOKUP_NAME,
      NGX_CLIENTCERT_KEY_REGEX,
      ngx_clientcert_value_name, ngx_clientcert_answer_name,
      ngx_clientcert_found_name },

    { ngx_string("dns"), NGX_CLIENTCERT_DNS,
      NGX_CLIENTCERT_LOOKUP_NAME,
      NGX_CLIENTCERT_KEY_REGEX,
      ngx_clientcert_value_name, ngx_clientcert_answer_name,
      ngx_clientcert_found_name },

    { ngx_string("ip"), NGX_CLIENTCERT_IP,
      NGX_CLIENTCERT_LOOKUP_NAME,
      0,
      ngx_clientcert_value_name, ngx_clientcert_answer_name,
      ngx_clientcert_found_name },

    { ngx_string("issuer"), NGX_CLIENTCERT_ISSUER,
      NGX_CLIENTCERT_LOOKUP_DN,
      NGX_CLIENTCERT_KEY_SINGLE|NGX_CLIENTCERT_KEY_WHOLE,
      ngx_clientcert_value_dn, ngx_clientcert_answer_dn,
      ngx_clientcert_found_dn },

    { ngx_string("issuer."), NGX_CLIENTCERT_ISSUER,
      NGX_CLIENTCERT_LOOKUP_NAME,
      NGX_CLIENTCERT_KEY_REGEX|NGX_CLIENTCERT_KEY_OID,
      ngx_clientcert_value_name, ngx_clientcert_answer_name,
      ngx_clientcert_found_name },

    { ngx_string("extension."), NGX_CLIENTCERT_EXTENSION,
      NGX_CLIENTCERT_LOOKUP_NAME,
      NGX_CLIENTCERT_KEY_OID|NGX_CLIENTCERT_KEY_SINGLE
                            |NGX_CLIENTCERT_KEY_EXTENSION,
      ngx_clientcert_value_name, ngx_clientcert_answer_name,
      ngx_clientcert_found_name },

    { ngx_string("eku"), NGX_CLIENTCERT_EKU,
      NGX_CLIENTCERT_LOOKUP_NONE,
      0,
      ngx_clientcert_value_oid, ngx_clientcert_answer_oid,
      ngx_clientcert_found_oid },

    { ngx_string("policy_oid"), NGX_CLIENTCERT_POLICY,
      NGX_CLIENTCERT_LOOKUP_NONE,
      0,
      ngx_clientcert_value_oid, ngx_clientcert_answer_oid,
      ngx_clientcert_found_oid },

    { ngx_string("issuer_thumbprint"), 0,
      NGX_CLIENTCERT_LOOKUP_NONE,
      NGX_CLIENTCERT_KEY_ISSUER,
      ngx_clientcert_value_thumbprint,
      ngx_clientcert_answer_issuer,
      ngx_clientcert_found_issuer },

    { ngx_string("ca"), 0,
      NGX_CLIENTCERT_LOOKUP_NONE,
      NGX_CLIENTCERT_KEY_TRUSTED|NGX_CLIENTCERT_KEY_CONSTANT
                                |NGX_CLIENTCERT_KEY_CA,
      ngx_clientcert_value_ca, ngx_clientcert_answer_ca,
      ngx_clientcert_found_ca },

    { ngx_null_string, 0, 0, 0, NULL, NULL, NULL }
};


/* attributes that need no "subject." before them */

static ngx_str_t  ngx_clientcert_short_names[] = {
    ngx_string("cn"),
    ngx_string("o"),
    ngx_string("ou"),
    ngx_null_string
};


ngx_int_t
ngx_clientcert_condition_read(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    rd->last = rd->text;
    value = *text;
    cond->text = *text;

    rc = ngx_clientcert_condition_key(rd, cond, &value);

    rd->value = value;

    if (rc != NGX_OK || cond->key->read == NULL) {
        return rc;
    }

    if (ngx_clientcert_condition_is_quoted(&value)) {
        ngx_clientcert_value_note(rd, NGX_CLIENTCERT_CONDITION_QUOTED
                                  ": \"%V=...\"", &cond->name);
        return NGX_ERROR;
    }

    if ((cond->key->flags & NGX_CLIENTCERT_KEY_REGEX) && value.data[0] == '~')
    {
        return ngx_clientcert_value_regex(rd, cond, &value);
    }

    if (cond->key->flags & NGX_CLIENTCERT_KEY_EXTENSION) {

        if (value.data[0] == '~') {
            ngx_clientcert_value_note(rd, "it takes no regular expressions");
            return NGX_ERROR;
        }

        if (ngx_strncasecmp(value.data, (u_char *) "hex:", 4) == 0) {
            cond->type = NGX_CLIENTCERT_EXTENSION_DER;
            value.data += 4;
            value.len -= 4;
        }
    }

    if (ngx_strlchr(value.data, value.data + value.len, '$')) {
        return ngx_clientcert_condition_compile(rd, cond, &value);
    }

    return cond->key->read(rd, cond, &value);
}


/* "'s-Hertogenbosch" isn't, but a quote may end in another parameter */

ngx_uint_t
ngx_clientcert_condition_is_quoted(ngx_str_t *value)
{
    u_char  *p, *last;

    p = value->data;
    last = p + value->len;

    if (p == last || (*p != '"' && *p != '\'')) {
        return 0;
    }

    p = ngx_strlchr(p + 1, last, *p);

    return p ? p + 1 == last : *value->data == '"';
}


/* finds the key, leaves the value in text, or returns NGX_DECLINED */

static ngx_int_t
ngx_clientcert_condition_key(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    ngx_int_t              rc;
    ngx_str_t              oid;
    ngx_clientcert_key_t  *key;

    key = ngx_clientcert_condition_find_key(text, &cond->name, &oid);

    if (key == NULL) {
        return NGX_DECLINED;
    }

    cond->key = key;
    cond->type = key->type;

    if (key->read) {
        text->data += cond->name.len + 1;
        text->len -= cond->name.len + 1;
    }

    if (!(key->flags & NGX_CLIENTCERT_KEY_OID)) {
        return NGX_OK;
    }

    rc = ngx_clientcert_oid_read(rd->pool, &oid,
                                 !(key->flags & NGX_CLIENTCERT_KEY_EXTENSION),
                                 &cond->oid);

    if (rc == NGX_DECLINED) {
        ngx_clientcert_value_note(rd, "\"%V\" is neither an object identifier "
                                  "nor a name that OpenSSL knows", &oid);
        return NGX_ERROR;
    }

    return rc;
}


ngx_uint_t
ngx_clientcert_condition_known(ngx_str_t *word)
{
    ngx_str_t  name, oid;

    return ngx_clientcert_condition_find_key(word, &name, &oid) != NULL;
}


/* the key of a word "name=value" or "name", or NULL */

static ngx_clientcert_key_t *
ngx_clientcert_condition_find_key(ngx_str_t *word, ngx_str_t *name,
    ngx_str_t *oid)
{
    u_char                *eq;
    ngx_str_t             *known, prefix;
    ngx_clientcert_key_t  *key;

    eq = ngx_strlchr(word->data, word->data + word->len, '=');

    name->data = word->data;
    name->len = eq ? (size_t) (eq - word->data) : word->len;

    prefix = *name;
    ngx_str_null(oid);

    for (known = ngx_clientcert_short_names; known->len; known++) {
        if (known->len == name->len
            && ngx_strncmp(known->data, name->data, name->len) == 0)
        {
            ngx_str_set(&prefix, "subject.");
            *oid = *name;
        }
    }

    for (key = ngx_clientcert_keys; key->name.len; key++) {

        if (prefix.len < key->name.len
            || ngx_strncmp(key->name.data, prefix.data, key->name.len) != 0)
        {
            continue;
        }

        if (key->flags & NGX_CLIENTCERT_KEY_OID) {

            if (oid->len == 0) {
                oid->data = prefix.data + key->name.len;
                oid->len = prefix.len - key->name.len;
            }

            break;
        }

        if (prefix.len == key->name.len) {
            break;
        }
    }

    if (key->name.len == 0 || (key->read == NULL) != (eq == NULL)) {
        return NULL;
    }

    return key;
}


/*
 * Whether a value is a pattern is decided by what is configured, never by what
 * a variable holds.  So the "*" goes first, and the template that is left in
 * cond->value is copied for each request.
 */

static ngx_int_t
ngx_clientcert_condition_compile(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    ngx_str_t                  value;
    ngx_clientcert_pattern_t  *pt;

    value = *text;

    if (cond->key->flags & NGX_CLIENTCERT_KEY_CONSTANT) {
        ngx_clientcert_value_note(rd, "\"%V\" takes no variables",
                                  &cond->name);
        return NGX_ERROR;
    }

    if (cond->deny && (cond->key->flags & NGX_CLIENTCERT_KEY_ISSUER)) {
        ngx_clientcert_value_note(rd, "in a \"deny\" it takes no variables, "
                                  "the certificate must be known when nginx "
                                  "starts");
        return NGX_ERROR;
    }

    if ((cond->key->flags & NGX_CLIENTCERT_KEY_WHOLE)
        && !ngx_clientcert_condition_one_variable(&value))
    {
        ngx_clientcert_value_note(rd, "a variable must be the whole name, "
                                  "since what it holds could otherwise add "
                                  "parts to it");
        return NGX_ERROR;
    }

    if (cond->key->lookup == NGX_CLIENTCERT_LOOKUP_NAME) {
        pt = ngx_pcalloc(rd->pool, sizeof(ngx_clientcert_pattern_t));
        if (pt == NULL) {
            return NGX_ERROR;
        }

        value.data = ngx_pstrdup(rd->pool, text);
        if (value.data == NULL) {
            return NGX_ERROR;
        }

        pt->type = cond->type;

        if (ngx_clientcert_value_pattern(rd, cond, pt, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        cond->value = pt;
    }

    if (ngx_clientcert_value_id(rd, cond, text->data, text->len) != NGX_OK) {
        return NGX_ERROR;
    }

    cond->variables = rd->variables;

    return rd->variables->compile(rd->cf, &value, &cond->compiled);
}


/* "$name" or "${name}" */

static ngx_uint_t
ngx_clientcert_condition_one_variable(ngx_str_t *text)
{
    u_char  *p, *last;

    p = text->data + 1;
    last = text->data + text->len;

    if (text->data[0] != '$') {
        return 0;
    }

    if (text->len > 3 && *p == '{' && last[-1] == '}') {
        p++;
        last--;
    }

    for ( /* void */ ; p < last; p++) {
        if (!(*p >= '0' && *p <= '9') && *p != '_'
            && !((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z'))
        {
            return 0;
        }
    }

    return 1;
}


ngx_str_t *
ngx_clientcert_condition_name(ngx_clientcert_condition_t *cond)
{
    return &cond->name;
}


ngx_uint_t
ngx_clientcert_condition_flags(ngx_clientcert_condition_t *cond)
{
    return cond->key->flags;
}


ngx_clientcert_store_t *
ngx_clientcert_condition_store(ngx_clientcert_condition_t *cond)
{
    return (cond->key->flags & NGX_CLIENTCERT_KEY_STORE) ? cond->value : NULL;
}


ngx_int_t
ngx_clientcert_condition_resolve(ngx_clientcert_condition_t *cond,
    ngx_array_t *cas, ngx_array_t *trusted)
{
    ngx_clientcert_thumbprint_t  *tp = cond->value;

    if (!cond->deny || !(cond->key->flags & NGX_CLIENTCERT_KEY_ISSUER)) {
        return NGX_OK;
    }

    cond->issuer = ngx_clientcert_chain_issuer_find(cas, trusted,
                                                    tp->digest, tp->len);

    return cond->issuer ? NGX_OK : NGX_DECLINED;
}


ngx_clientcert_answer_e
ngx_clientcert_condition_answer(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    if (cond->compiled) {
        return ngx_clientcert_condition_evaluate(cond, ask);
    }

    return cond->key->answer(cond, ask);
}


static ngx_clientcert_answer_e
ngx_clientcert_condition_evaluate(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    size_t                      len;
    u_char                     *p;
    u_char                      buf[NGX_CLIENTCERT_VALUE_LEN * 4];
    ngx_str_t                   text;
    ngx_clientcert_reading_t    rd;
    ngx_clientcert_condition_t  constant;

    if (ask->request == NULL) {
        return ngx_clientcert_answer_unknown(cond, ask, "depends on what a "
                                             "request brings");
    }

    if (cond->variables->evaluate(ask->request, cond->compiled, &text)
        != NGX_OK)
    {
        return ngx_clientcert_answer_memory(ask);
    }

    if (text.len == 0) {
        return NGX_CLIENTCERT_NO;
    }

    rd.pool = ask->pool;
    rd.cf = NULL;
    rd.cas = NULL;
    rd.variables = NULL;
    rd.last = rd.text;

    constant = *cond;
    constant.compiled = NULL;

    if (cond->key->read(&rd, &constant, &text) == NGX_OK) {
        return cond->key->answer(&constant, ask);
    }

    if (rd.last == rd.text) {
        return ngx_clientcert_answer_memory(ask);
    }

    /* what is wrong with it may have bytes of it, which are escaped before */

    for (p = rd.text; p < rd.last; p++) {
        if (*p < ' ' || *p > '~') {
            *p = '?';
        }
    }

    text.len = ngx_min(text.len, NGX_CLIENTCERT_VALUE_LEN);
    len = ngx_clientcert_text_log(buf, &text) - buf;

    return ngx_clientcert_answer_unknown(cond, ask, "\"%*s\" can't be read: "
                                         "%*s", len, buf,
                                         (size_t) (rd.last - rd.text),
                                         rd.text);
}


ngx_int_t
ngx_clientcert_condition_cmp(ngx_clientcert_condition_t *one,
    ngx_clientcert_condition_t *two)
{
    ngx_int_t   rc;
    ngx_uint_t  first, second;

    first = ngx_clientcert_condition_is_regex(one);
    second = ngx_clientcert_condition_is_regex(two);

    /* what can cost most comes last */

    if (first != second) {
        return (ngx_int_t) first - (ngx_int_t) second;
    }

    if (one->key != two->key) {
        return one->key - two->key;
    }

    if (one->type != two->type) {
        return (ngx_int_t) one->type - (ngx_int_t) two->type;
    }

    rc = ngx_clientcert_oid_cmp(&one->oid, &two->oid);

    if (rc != 0) {
        return rc;
    }

    return ngx_memn2cmp(one->id.data, two->id.data, one->id.len, two->id.len);
}


ngx_uint_t
ngx_clientcert_condition_is_regex(ngx_clientcert_condition_t *cond)
{
#if (NGX_PCRE)
    return cond->regex != NULL;
#else
    return 0;
#endif
}


ngx_uint_t
ngx_clientcert_condition_excludes(ngx_clientcert_condition_t *one,
    ngx_clientcert_condition_t *two)
{
    if (one->key != two->key
        || one->type != two->type
        || ngx_clientcert_oid_cmp(&one->oid, &two->oid) != 0
        || !ngx_clientcert_condition_is_single(one)
        || one->compiled || two->compiled
        || ngx_clientcert_condition_is_regex(one)
        || ngx_clientcert_condition_is_regex(two)
        || ngx_clientcert_condition_cmp(one, two) == 0)
    {
        return 0;
    }

    /* SHA-1 and SHA-256 */

    if (one->key->flags & NGX_CLIENTCERT_KEY_THUMBPRINT) {
        return one->id.len == two->id.len;
    }

    if (one->key->lookup == NGX_CLIENTCERT_LOOKUP_DN) {
        return ngx_clientcert_dn_excludes(one->value, two->value);
    }

    /* a denied CN may be one of several */

    return !one->deny || (one->key->flags & NGX_CLIENTCERT_KEY_SINGLE);
}


static ngx_uint_t
ngx_clientcert_condition_is_single(ngx_clientcert_condition_t *cond)
{
    return (cond->key->flags & NGX_CLIENTCERT_KEY_SINGLE)
           || ngx_clientcert_oid_cmp(&cond->oid, &ngx_clientcert_oid_cn) == 0;
}
