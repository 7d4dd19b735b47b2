
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_condition.h"
#include "../cert/ngx_clientcert_chain.h"
#include "../cert/ngx_clientcert_dn.h"
#include "../cert/ngx_clientcert_text.h"


#define NGX_CLIENTCERT_BASE64_LEN   43      /* of 32 bytes, unpadded */
#define NGX_CLIENTCERT_X5T_PREFIX   "x5t#S256:"

/*
 * The client chooses its names and how many there are: of one type an
 * expression looks at so many at most, and matching one ends after so many
 * steps (pcre2pattern(3), "LIMIT_MATCH").
 */
#define NGX_CLIENTCERT_REGEX_NAMES  256
#define NGX_CLIENTCERT_REGEX_LIMIT  "(*LIMIT_MATCH=10000)"

/* the kinds of conditions are bits by their places in the table of keys */
#define NGX_CLIENTCERT_KIND_SHA1    0x80000000


typedef ngx_int_t (*ngx_clientcert_key_read_pt)(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
typedef ngx_clientcert_answer_e (*ngx_clientcert_key_answer_pt)(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);


struct ngx_clientcert_key_s {
    ngx_str_t                     name;
    ngx_uint_t                    type;     /* for the functions */
    ngx_uint_t                    flags;
    ngx_clientcert_key_read_pt    read;     /* NULL: there is no value */
    ngx_clientcert_key_answer_pt  answer;
};


typedef struct {
    ngx_str_t   bytes;          /* without leading zeros */
    ngx_uint_t  negative;
} ngx_clientcert_serial_t;


static ngx_int_t ngx_clientcert_condition_key(
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
static ngx_int_t ngx_clientcert_condition_regex(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
static ngx_int_t ngx_clientcert_condition_compile(
    ngx_clientcert_reading_t *rd, ngx_clientcert_condition_t *cond,
    ngx_str_t *text);
static ngx_uint_t ngx_clientcert_one_variable(ngx_str_t *text);
static ngx_clientcert_answer_e ngx_clientcert_condition_evaluate(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
static ngx_int_t ngx_clientcert_id(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, void *data, size_t len);

static ngx_int_t ngx_clientcert_read_thumbprint(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
static ngx_int_t ngx_clientcert_read_digest(ngx_clientcert_reading_t *rd,
    ngx_str_t *text, ngx_clientcert_thumbprint_t *tp);
static ngx_uint_t ngx_clientcert_base64(ngx_str_t *text,
    ngx_clientcert_thumbprint_t *tp);
static ngx_clientcert_answer_e ngx_clientcert_thumbprint_answer(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
static ngx_clientcert_answer_e ngx_clientcert_issuer_thumbprint_answer(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
static ngx_int_t ngx_clientcert_read_spki(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
static ngx_clientcert_answer_e ngx_clientcert_spki_answer(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
static ngx_int_t ngx_clientcert_read_store(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
static ngx_clientcert_answer_e ngx_clientcert_store_answer(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
static ngx_int_t ngx_clientcert_read_serial(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
static ngx_int_t ngx_clientcert_read_digits(ngx_clientcert_reading_t *rd,
    ngx_str_t *bytes, ngx_str_t *text);
static ngx_clientcert_answer_e ngx_clientcert_serial_answer(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
static ngx_int_t ngx_clientcert_read_dn(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
static ngx_clientcert_answer_e ngx_clientcert_dn_answer(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
static ngx_int_t ngx_clientcert_read_name(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
static ngx_clientcert_answer_e ngx_clientcert_name_answer(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
static ngx_clientcert_answer_e ngx_clientcert_name_matches(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask,
    ngx_str_t *value);
static ngx_uint_t ngx_clientcert_spiffe(ngx_clientcert_condition_t *cond);
static ngx_int_t ngx_clientcert_read_oid(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
static ngx_clientcert_answer_e ngx_clientcert_oid_answer(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
static ngx_int_t ngx_clientcert_read_ca(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
static ngx_clientcert_answer_e ngx_clientcert_ca_answer(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);

static ngx_clientcert_answer_e ngx_clientcert_answer(ngx_uint_t yes);
static ngx_clientcert_answer_e ngx_clientcert_answer_memory(
    ngx_clientcert_asking_t *ask);
static ngx_clientcert_answer_e ngx_clientcert_answer_unknown(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask,
    const char *fmt, ...);
static ngx_clientcert_answer_e ngx_clientcert_answer_unreadable(
    ngx_clientcert_condition_t *cond, ngx_clientcert_asking_t *ask);
static ngx_uint_t ngx_clientcert_is_regex(ngx_clientcert_condition_t *cond);
static ngx_int_t ngx_clientcert_find_digest(ngx_clientcert_asking_t *ask,
    ngx_clientcert_digest_e digest, ngx_clientcert_hash_handler_pt handler,
    void *data);
static ngx_int_t ngx_clientcert_find_serial(ngx_clientcert_names_t *names,
    ngx_clientcert_hash_handler_pt handler, void *data);
static ngx_int_t ngx_clientcert_find_dn(X509_NAME *name, ngx_uint_t deny,
    ngx_clientcert_hash_handler_pt handler, void *data);
static ngx_int_t ngx_clientcert_find_names(ngx_clientcert_names_t *names,
    ngx_uint_t kinds, ngx_uint_t deny, ngx_clientcert_hash_handler_pt handler,
    void *data);
static uint32_t ngx_clientcert_hash_serial(ngx_uint_t negative, u_char *data,
    size_t len);
static void ngx_clientcert_note(ngx_clientcert_reading_t *rd,
    const char *fmt, ...);


/* of what "type" of a key can mean besides the type of a name */

#define NGX_CLIENTCERT_SUBJECT  0
#define NGX_CLIENTCERT_ISSUER   1

#define NGX_CLIENTCERT_EKU      0
#define NGX_CLIENTCERT_POLICY   1


/*
 * A rule asks its conditions in this order, and is found by the first of them
 * that can be looked up: cheap ones first, and what tells clients apart before
 * what many have.
 */

static ngx_clientcert_key_t  ngx_clientcert_keys[] = {

    { ngx_string("verified"), 0,
      NGX_CLIENTCERT_KEY_VERIFIED,
      NULL, NULL },

    { ngx_string("thumbprint"), 0,
      NGX_CLIENTCERT_KEY_THUMBPRINT|NGX_CLIENTCERT_KEY_TRUSTED
                                   |NGX_CLIENTCERT_KEY_SINGLE,
      ngx_clientcert_read_thumbprint, ngx_clientcert_thumbprint_answer },

    { ngx_string("spki"), 0,
      NGX_CLIENTCERT_KEY_TRUSTED|NGX_CLIENTCERT_KEY_SINGLE,
      ngx_clientcert_read_spki, ngx_clientcert_spki_answer },

    { ngx_string("store"), 0,
      NGX_CLIENTCERT_KEY_TRUSTED|NGX_CLIENTCERT_KEY_CONSTANT
                                |NGX_CLIENTCERT_KEY_STORE,
      ngx_clientcert_read_store, ngx_clientcert_store_answer },

    { ngx_string("serial"), 0,
      NGX_CLIENTCERT_KEY_SINGLE,
      ngx_clientcert_read_serial, ngx_clientcert_serial_answer },

    { ngx_string("subject"), NGX_CLIENTCERT_SUBJECT,
      NGX_CLIENTCERT_KEY_SINGLE|NGX_CLIENTCERT_KEY_WHOLE,
      ngx_clientcert_read_dn, ngx_clientcert_dn_answer },

    { ngx_string("cn"), NGX_CLIENTCERT_CN,
      NGX_CLIENTCERT_KEY_REGEX|NGX_CLIENTCERT_KEY_SINGLE,
      ngx_clientcert_read_name, ngx_clientcert_name_answer },

    { ngx_string("uri"), NGX_CLIENTCERT_URI,
      NGX_CLIENTCERT_KEY_REGEX,
      ngx_clientcert_read_name, ngx_clientcert_name_answer },

    { ngx_string("email"), NGX_CLIENTCERT_EMAIL,
      NGX_CLIENTCERT_KEY_REGEX,
      ngx_clientcert_read_name, ngx_clientcert_name_answer },

    { ngx_string("dns"), NGX_CLIENTCERT_DNS,
      NGX_CLIENTCERT_KEY_REGEX,
      ngx_clientcert_read_name, ngx_clientcert_name_answer },

    { ngx_string("ip"), NGX_CLIENTCERT_IP,
      0,
      ngx_clientcert_read_name, ngx_clientcert_name_answer },

    { ngx_string("ou"), NGX_CLIENTCERT_OU,
      NGX_CLIENTCERT_KEY_REGEX,
      ngx_clientcert_read_name, ngx_clientcert_name_answer },

    { ngx_string("issuer"), NGX_CLIENTCERT_ISSUER,
      NGX_CLIENTCERT_KEY_SINGLE|NGX_CLIENTCERT_KEY_WHOLE,
      ngx_clientcert_read_dn, ngx_clientcert_dn_answer },

    { ngx_string("o"), NGX_CLIENTCERT_O,
      NGX_CLIENTCERT_KEY_REGEX,
      ngx_clientcert_read_name, ngx_clientcert_name_answer },

    { ngx_string("eku"), NGX_CLIENTCERT_EKU,
      0,
      ngx_clientcert_read_oid, ngx_clientcert_oid_answer },

    { ngx_string("policy_oid"), NGX_CLIENTCERT_POLICY,
      0,
      ngx_clientcert_read_oid, ngx_clientcert_oid_answer },

    { ngx_string("issuer_thumbprint"), 0,
      NGX_CLIENTCERT_KEY_ISSUER,
      ngx_clientcert_read_thumbprint,
      ngx_clientcert_issuer_thumbprint_answer },

    { ngx_string("ca"), 0,
      NGX_CLIENTCERT_KEY_TRUSTED|NGX_CLIENTCERT_KEY_CONSTANT
                                |NGX_CLIENTCERT_KEY_CA,
      ngx_clientcert_read_ca, ngx_clientcert_ca_answer },

    { ngx_null_string, 0, 0, NULL, NULL }
};


ngx_int_t
ngx_clientcert_condition_read(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    ngx_str_t  value;

    rd->last = rd->text;
    value = *text;

    if (ngx_clientcert_condition_key(cond, &value) != NGX_OK) {
        return NGX_DECLINED;
    }

    rd->value = value;

    if (cond->key->read == NULL) {
        return NGX_OK;
    }

    if ((cond->key->flags & NGX_CLIENTCERT_KEY_REGEX) && value.data[0] == '~')
    {
        return ngx_clientcert_condition_regex(rd, cond, &value);
    }

    if (ngx_strlchr(value.data, value.data + value.len, '$')) {
        return ngx_clientcert_condition_compile(rd, cond, &value);
    }

    return cond->key->read(rd, cond, &value);
}


/* finds the key, leaves the value in text, or returns NGX_DECLINED */

static ngx_int_t
ngx_clientcert_condition_key(ngx_clientcert_condition_t *cond,
    ngx_str_t *text)
{
    size_t                 len;
    u_char                *eq;
    ngx_clientcert_key_t  *key;

    eq = ngx_strlchr(text->data, text->data + text->len, '=');
    len = eq ? (size_t) (eq - text->data) : text->len;

    for (key = ngx_clientcert_keys; key->name.len; key++) {
        if (key->name.len == len
            && ngx_strncmp(key->name.data, text->data, len) == 0)
        {
            break;
        }
    }

    if (key->name.len == 0 || (key->read == NULL) != (eq == NULL)) {
        return NGX_DECLINED;
    }

    cond->key = key;

    if (eq) {
        text->len -= eq + 1 - text->data;
        text->data = eq + 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_condition_regex(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
#if (NGX_PCRE)

    u_char               errstr[NGX_MAX_CONF_ERRSTR];
    ngx_str_t            pattern;
    ngx_regex_compile_t  rc;

    if (ngx_clientcert_id(rd, cond, text->data, text->len) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pool = rd->pool;
    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = errstr;

    pattern.data = text->data + 1;
    pattern.len = text->len - 1;

    if (pattern.len && pattern.data[0] == '*') {
        pattern.data++;
        pattern.len--;
        rc.options = NGX_REGEX_CASELESS;
    }

    if (pattern.len == 0) {
        ngx_clientcert_note(rd, "the regular expression is empty");
        return NGX_ERROR;
    }

    /* alone, so that an error has it as it was written */

    rc.pattern = pattern;

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_clientcert_note(rd, "%V", &rc.err);
        return NGX_ERROR;
    }

    rc.pattern.len = sizeof(NGX_CLIENTCERT_REGEX_LIMIT) - 1 + pattern.len;
    rc.pattern.data = ngx_pnalloc(rd->pool, rc.pattern.len + 1);
    if (rc.pattern.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(rc.pattern.data, NGX_CLIENTCERT_REGEX_LIMIT "%V%Z",
                       &pattern);

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_clientcert_note(rd, "%V", &rc.err);
        return NGX_ERROR;
    }

    cond->regex = rc.regex;

    return NGX_OK;

#else

    ngx_clientcert_note(rd, "regular expressions need PCRE");

    return NGX_ERROR;

#endif
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
        ngx_clientcert_note(rd, "\"%V\" takes no variables",
                            &cond->key->name);
        return NGX_ERROR;
    }

    if (cond->deny && (cond->key->flags & NGX_CLIENTCERT_KEY_ISSUER)) {
        ngx_clientcert_note(rd, "in a \"deny\" it takes no variables, the "
                            "certificate must be known when nginx starts");
        return NGX_ERROR;
    }

    if ((cond->key->flags & NGX_CLIENTCERT_KEY_WHOLE)
        && !ngx_clientcert_one_variable(&value))
    {
        ngx_clientcert_note(rd, "a variable must be the whole name, since "
                            "what it holds could otherwise add parts to it");
        return NGX_ERROR;
    }

    if (cond->key->read == ngx_clientcert_read_name) {
        pt = ngx_pcalloc(rd->pool, sizeof(ngx_clientcert_pattern_t));
        if (pt == NULL) {
            return NGX_ERROR;
        }

        pt->type = cond->key->type;
        ngx_clientcert_pattern_wildcard(pt, &value);
        cond->value = pt;
    }

    if (ngx_clientcert_id(rd, cond, text->data, text->len) != NGX_OK) {
        return NGX_ERROR;
    }

    cond->variables = rd->variables;

    return rd->variables->compile(rd->cf, &value, &cond->compiled);
}


/* "$name" or "${name}" */

static ngx_uint_t
ngx_clientcert_one_variable(ngx_str_t *text)
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
    return &cond->key->name;
}


ngx_uint_t
ngx_clientcert_condition_flags(ngx_clientcert_condition_t *cond)
{
    return cond->key->flags;
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
    u_char                      buf[NGX_CLIENTCERT_VALUE_LEN * 4];
    ngx_str_t                   text;
    ngx_clientcert_reading_t    rd;
    ngx_clientcert_condition_t  constant;

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
    ngx_uint_t  first, second;

    first = ngx_clientcert_is_regex(one);
    second = ngx_clientcert_is_regex(two);

    /* what can cost most comes last */

    if (first != second) {
        return (ngx_int_t) first - (ngx_int_t) second;
    }

    if (one->key != two->key) {
        return one->key - two->key;
    }

    return ngx_memn2cmp(one->id.data, two->id.data, one->id.len, two->id.len);
}


static ngx_uint_t
ngx_clientcert_is_regex(ngx_clientcert_condition_t *cond)
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
    ngx_clientcert_dn_t  *dn, *other;

    if (one->key != two->key
        || !(one->key->flags & NGX_CLIENTCERT_KEY_SINGLE)
        || one->compiled || two->compiled
        || ngx_clientcert_is_regex(one) || ngx_clientcert_is_regex(two)
        || ngx_clientcert_condition_cmp(one, two) == 0)
    {
        return 0;
    }

    /* SHA-1 and SHA-256 */

    if (one->key->flags & NGX_CLIENTCERT_KEY_THUMBPRINT) {
        return one->id.len == two->id.len;
    }

    if (!one->deny) {
        return 1;
    }

    /* a denied CN may be one of several, a denied name in either order */

    if (one->key->read == ngx_clientcert_read_dn) {
        dn = one->value;
        other = two->value;

        return !ngx_clientcert_dn_equal(dn->name, other->reversed);
    }

    return one->key->read != ngx_clientcert_read_name;
}


/* what tells conditions apart matters only in the configuration */

static ngx_int_t
ngx_clientcert_id(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, void *data, size_t len)
{
    if (rd->cf == NULL) {
        return NGX_OK;
    }

    cond->id.data = ngx_pnalloc(rd->pool, len + 1);
    if (cond->id.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(cond->id.data, data, len);
    cond->id.len = len;

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_read_thumbprint(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    ngx_clientcert_thumbprint_t  *tp;

    tp = ngx_palloc(rd->pool, sizeof(ngx_clientcert_thumbprint_t));
    if (tp == NULL) {
        return NGX_ERROR;
    }

    cond->value = tp;

    /* a claim "x5t#S256" of RFC 8705 has base64url and no prefix */

    if (rd->cf == NULL && text->len == NGX_CLIENTCERT_BASE64_LEN
        && ngx_clientcert_base64(text, tp))
    {
        return NGX_OK;
    }

    if (ngx_clientcert_read_digest(rd, text, tp) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_clientcert_id(rd, cond, tp->digest, tp->len);
}


static ngx_int_t
ngx_clientcert_read_digest(ngx_clientcert_reading_t *rd, ngx_str_t *text,
    ngx_clientcert_thumbprint_t *tp)
{
    u_char                             *end;
    ngx_clientcert_thumbprint_error_t   err;
    u_char                              buf[NGX_CLIENTCERT_THUMBPRINT_TEXT];

    if (ngx_clientcert_thumbprint_read(text->data, text->len, tp, &err)
        != NGX_OK)
    {
        end = ngx_clientcert_thumbprint_strerror(buf, &err);
        ngx_clientcert_note(rd, "%*s", (size_t) (end - buf), buf);
        return NGX_ERROR;
    }

    if (tp->dropped) {
        end = ngx_clientcert_thumbprint_decorations(buf, tp->dropped);
        ngx_clientcert_note(rd, "is read without %*s", (size_t) (end - buf),
                            buf);
    }

    return NGX_OK;
}


/* base64 or base64url of 32 bytes, padded or not */

static ngx_uint_t
ngx_clientcert_base64(ngx_str_t *text, ngx_clientcert_thumbprint_t *tp)
{
    size_t                              i, len, prefix;
    ngx_clientcert_thumbprint_error_t   err;
    u_char                              buf[64];

    len = text->len;

    if (len == NGX_CLIENTCERT_BASE64_LEN + 1 && text->data[len - 1] == '=') {
        len--;
    }

    if (len != NGX_CLIENTCERT_BASE64_LEN) {
        return 0;
    }

    prefix = sizeof(NGX_CLIENTCERT_X5T_PREFIX) - 1;
    ngx_memcpy(buf, NGX_CLIENTCERT_X5T_PREFIX, prefix);

    for (i = 0; i < len; i++) {
        buf[prefix + i] = (text->data[i] == '+') ? '-'
                          : (text->data[i] == '/') ? '_' : text->data[i];
    }

    return ngx_clientcert_thumbprint_read(buf, prefix + len, tp, &err)
           == NGX_OK;
}


static ngx_clientcert_answer_e
ngx_clientcert_thumbprint_answer(ngx_clientcert_condition_t *cond,
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

    return ngx_clientcert_answer(ngx_memcmp(digest, tp->digest, tp->len) == 0);
}


static ngx_clientcert_answer_e
ngx_clientcert_issuer_thumbprint_answer(ngx_clientcert_condition_t *cond,
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

    return ngx_clientcert_answer(rc == NGX_OK);
}


ngx_int_t
ngx_clientcert_condition_resolve(ngx_clientcert_condition_t *cond,
    ngx_array_t *cas, ngx_array_t *stores)
{
    ngx_clientcert_thumbprint_t  *tp = cond->value;

    if (!cond->deny || !(cond->key->flags & NGX_CLIENTCERT_KEY_ISSUER)) {
        return NGX_OK;
    }

    cond->issuer = ngx_clientcert_chain_issuer_find(cas, stores, tp->digest,
                                                    tp->len);

    return cond->issuer ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_clientcert_read_spki(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    ngx_clientcert_thumbprint_t  *tp;

    tp = ngx_palloc(rd->pool, sizeof(ngx_clientcert_thumbprint_t));
    if (tp == NULL) {
        return NGX_ERROR;
    }

    cond->value = tp;

    if (!ngx_clientcert_base64(text, tp)) {

        if (ngx_clientcert_read_digest(rd, text, tp) != NGX_OK) {
            return NGX_ERROR;
        }

        if (tp->len != NGX_CLIENTCERT_SHA256_LEN) {
            ngx_clientcert_note(rd, "it has 40 hexadecimal digits, but the "
                                "digest of a key is SHA-256, with 64 of them "
                                "or as base64");
            return NGX_ERROR;
        }
    }

    return ngx_clientcert_id(rd, cond, tp->digest, tp->len);
}


static ngx_clientcert_answer_e
ngx_clientcert_spki_answer(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    ngx_clientcert_thumbprint_t  *tp = cond->value;

    u_char  *digest;

    digest = ngx_clientcert_certificate_digest(ask->cert,
                                               NGX_CLIENTCERT_SPKI_SHA256);
    if (digest == NULL) {
        return ngx_clientcert_answer_memory(ask);
    }

    return ngx_clientcert_answer(ngx_memcmp(digest, tp->digest, tp->len) == 0);
}


static ngx_int_t
ngx_clientcert_read_store(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    ngx_clientcert_store_t  *st;

    if (text->len == 0) {
        ngx_clientcert_note(rd, "the name is empty");
        return NGX_ERROR;
    }

    st = ngx_clientcert_store_get(rd->cf, rd->stores, text);
    if (st == NULL) {
        return NGX_ERROR;
    }

    st->used = 1;

    if (cond->deny) {
        st->denies = 1;
    }

    cond->value = st;

    return ngx_clientcert_id(rd, cond, text->data, text->len);
}


ngx_clientcert_store_t *
ngx_clientcert_condition_store(ngx_clientcert_condition_t *cond)
{
    return (cond->key->flags & NGX_CLIENTCERT_KEY_STORE) ? cond->value : NULL;
}


/* a deny also matches another certificate of the same key */

static ngx_clientcert_answer_e
ngx_clientcert_store_answer(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    ngx_str_t                     label;
    ngx_clientcert_sought_t       sought;
    ngx_clientcert_certificate_t  *cert;

    cert = ask->cert;

    sought.sha1 = ngx_clientcert_certificate_digest(cert,
                                                    NGX_CLIENTCERT_SHA1);
    sought.sha256 = ngx_clientcert_certificate_digest(cert,
                                                      NGX_CLIENTCERT_SHA256);
    sought.spki = NULL;

    if (cond->deny) {
        sought.spki = ngx_clientcert_certificate_digest(cert,
                                                NGX_CLIENTCERT_SPKI_SHA256);
    }

    if (sought.sha1 == NULL || sought.sha256 == NULL
        || (cond->deny && sought.spki == NULL))
    {
        return ngx_clientcert_answer_memory(ask);
    }

    label.data = ask->label;
    label.len = 0;

    /* of several stores the first that has one gives the label */

    if (ngx_clientcert_store_find(cond->value, &sought,
                                  ask->label_len ? NULL : &label)
        != NGX_OK)
    {
        return NGX_CLIENTCERT_NO;
    }

    ask->label_len += label.len;

    return NGX_CLIENTCERT_YES;
}


static ngx_int_t
ngx_clientcert_read_serial(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    u_char                   *p;
    ngx_str_t                 digits;
    ngx_clientcert_serial_t  *serial;

    serial = ngx_palloc(rd->pool, sizeof(ngx_clientcert_serial_t));
    p = ngx_pnalloc(rd->pool, text->len + 1);

    if (serial == NULL || p == NULL) {
        return NGX_ERROR;
    }

    cond->value = serial;

    digits = *text;
    serial->negative = (text->len && text->data[0] == '-');

    if (serial->negative) {
        digits.data++;
        digits.len--;
    }

    serial->bytes.data = p + 1 + text->len;
    serial->bytes.len = 0;

    if (ngx_clientcert_read_digits(rd, &serial->bytes, &digits) != NGX_OK) {
        return NGX_ERROR;
    }

    while (serial->bytes.len && *serial->bytes.data == 0) {
        serial->bytes.data++;
        serial->bytes.len--;
    }

    /* the sign is part of what it is known by */

    serial->bytes.data[-1] = serial->negative ? '-' : '+';

    return ngx_clientcert_id(rd, cond, serial->bytes.data - 1,
                             serial->bytes.len + 1);
}


/* writes before bytes, since the first digit may stand alone in its byte */

static ngx_int_t
ngx_clientcert_read_digits(ngx_clientcert_reading_t *rd, ngx_str_t *bytes,
    ngx_str_t *text)
{
    u_char     *p;
    size_t      n;
    ngx_int_t   digit;

    n = 0;

    for (p = text->data + text->len; p > text->data; /* void */ ) {

        if (*--p == ':' && p > text->data) {
            continue;
        }

        digit = ngx_hextoi(p, 1);

        if (digit == NGX_ERROR) {
            ngx_clientcert_note(rd, "\"%c\" is not a hexadecimal digit",
                                (int) *p);
            return NGX_ERROR;
        }

        if (n++ % 2 == 0) {
            bytes->data--;
            bytes->len++;
            *bytes->data = (u_char) digit;

        } else {
            *bytes->data |= (u_char) (digit << 4);
        }
    }

    if (n == 0) {
        ngx_clientcert_note(rd, "there are no digits");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_clientcert_answer_e
ngx_clientcert_serial_answer(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    ngx_clientcert_serial_t  *serial = cond->value;

    ngx_clientcert_names_t  *names;

    names = ngx_clientcert_certificate_names(ask->cert);
    if (names == NULL) {
        return ngx_clientcert_answer_memory(ask);
    }

    return ngx_clientcert_answer(names->negative == serial->negative
                                 && names->serial.len == serial->bytes.len
                                 && ngx_memcmp(names->serial.data,
                                               serial->bytes.data,
                                               serial->bytes.len)
                                    == 0);
}


static ngx_int_t
ngx_clientcert_read_dn(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    u_char               *last;
    ngx_str_t             der;
    ngx_clientcert_dn_t  *dn;
    u_char                err[NGX_CLIENTCERT_DN_TEXT];

    dn = ngx_palloc(rd->pool, sizeof(ngx_clientcert_dn_t));
    if (dn == NULL) {
        return NGX_ERROR;
    }

    cond->value = dn;

    if (ngx_clientcert_dn_read(rd->pool, text, dn, err, &last) != NGX_OK) {
        ngx_clientcert_note(rd, "%*s", (size_t) (last - err), err);
        return NGX_ERROR;
    }

    if (rd->cf == NULL) {
        return NGX_OK;
    }

    if (ngx_clientcert_dn_der(rd->pool, dn->name, &der) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_clientcert_id(rd, cond, der.data, der.len);
}


/* a name that is denied is denied in either order */

static ngx_clientcert_answer_e
ngx_clientcert_dn_answer(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    ngx_clientcert_dn_t  *dn = cond->value;

    X509_NAME               *name;
    ngx_clientcert_names_t  *names;

    names = ngx_clientcert_certificate_names(ask->cert);
    if (names == NULL) {
        return ngx_clientcert_answer_memory(ask);
    }

    name = (cond->key->type == NGX_CLIENTCERT_SUBJECT) ? names->subject
                                                       : names->issuer;

    if (name == NULL) {
        return ngx_clientcert_answer_unreadable(cond, ask);
    }

    return ngx_clientcert_answer(ngx_clientcert_dn_equal(dn->name, name)
                                 || (cond->deny
                                     && ngx_clientcert_dn_equal(dn->reversed,
                                                                name)));
}


/* at a request cond->value is the template that the configuration left */

static ngx_int_t
ngx_clientcert_read_name(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    ngx_str_t                  value, plain;
    const char                *err;
    ngx_clientcert_pattern_t  *pt, *template;

    template = cond->value;

    pt = ngx_palloc(rd->pool, sizeof(ngx_clientcert_pattern_t));
    value.data = ngx_pstrdup(rd->pool, text);
    value.len = text->len;

    if (pt == NULL || value.data == NULL) {
        return NGX_ERROR;
    }

    cond->value = pt;
    pt->type = cond->key->type;
    plain = value;

    if (rd->cf) {
        ngx_clientcert_pattern_wildcard(pt, &plain);

    } else {
        pt->wildcard = template->wildcard;

        if (pt->type == NGX_CLIENTCERT_IP
            && ngx_strlchr(value.data, value.data + value.len, '/'))
        {
            ngx_clientcert_note(rd, "a block of addresses takes no "
                                "variables");
            return NGX_ERROR;
        }
    }

    if (ngx_clientcert_pattern_read(pt, &plain, &err) != NGX_OK) {
        ngx_clientcert_note(rd, "%s", err);
        return NGX_ERROR;
    }

    if (err) {
        ngx_clientcert_note(rd, "%s", err);
    }

    if (pt->type <= NGX_CLIENTCERT_OU) {
        value = pt->text;
    }

    return ngx_clientcert_id(rd, cond, value.data, value.len);
}


static ngx_clientcert_answer_e
ngx_clientcert_name_answer(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    ngx_uint_t                i, type;
    ngx_clientcert_name_t    *name;
    ngx_clientcert_names_t   *names;
    ngx_clientcert_answer_e   answer;

    names = ngx_clientcert_certificate_names(ask->cert);
    if (names == NULL) {
        return ngx_clientcert_answer_memory(ask);
    }

    type = cond->key->type;

    /* of several it can't be told which of them the client is */

    if (names->n[type] > 1 && !cond->deny
        && (type == NGX_CLIENTCERT_CN || ngx_clientcert_spiffe(cond)))
    {
        return NGX_CLIENTCERT_NO;
    }

    if (ngx_clientcert_is_regex(cond)
        && names->n[type] > NGX_CLIENTCERT_REGEX_NAMES)
    {
        return ngx_clientcert_answer_unknown(cond, ask, "the certificate has "
                                             "more than %d names of this type",
                                             NGX_CLIENTCERT_REGEX_NAMES);
    }

    for (i = 0; i < names->nelts; i++) {
        name = &names->elts[i];

        if (name->type == type && !name->bad) {
            answer = ngx_clientcert_name_matches(cond, ask, &name->value);

            if (answer != NGX_CLIENTCERT_NO) {
                return answer;
            }
        }
    }

    return names->unreadable[type]
           ? ngx_clientcert_answer_unreadable(cond, ask) : NGX_CLIENTCERT_NO;
}


static ngx_clientcert_answer_e
ngx_clientcert_name_matches(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, ngx_str_t *value)
{
#if (NGX_PCRE)

    ngx_int_t  n;

    if (cond->regex) {
        n = ngx_regex_exec(cond->regex, value, NULL, 0);

        if (n < 0 && n != NGX_REGEX_NO_MATCHED) {
            return ngx_clientcert_answer_unknown(cond, ask,
                                                 "the regular expression "
                                                 "gave up with error %i", n);
        }

        return ngx_clientcert_answer(n >= 0);
    }

#endif

    return ngx_clientcert_answer(ngx_clientcert_pattern_match(cond->value,
                                                              value));
}


/* an X.509-SVID has exactly one URI */

static ngx_uint_t
ngx_clientcert_spiffe(ngx_clientcert_condition_t *cond)
{
    ngx_clientcert_pattern_t  *pt = cond->value;

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


static ngx_int_t
ngx_clientcert_read_oid(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    cond->value = ngx_clientcert_oid_read(rd->pool, text);

    if (cond->value == NULL) {
        ngx_clientcert_note(rd, "it is neither an object identifier nor a "
                            "name that OpenSSL knows");
        return NGX_ERROR;
    }

    return ngx_clientcert_id(rd, cond, text->data, text->len);
}


static ngx_clientcert_answer_e
ngx_clientcert_oid_answer(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    ngx_uint_t               eku;
    ngx_clientcert_names_t  *names;

    names = ngx_clientcert_certificate_names(ask->cert);
    if (names == NULL) {
        return ngx_clientcert_answer_memory(ask);
    }

    eku = (cond->key->type == NGX_CLIENTCERT_EKU);

    if (eku ? names->eku_unreadable : names->policies_unreadable) {
        return ngx_clientcert_answer_unreadable(cond, ask);
    }

    return ngx_clientcert_answer(eku
                            ? ngx_clientcert_names_eku(names, cond->value)
                            : ngx_clientcert_names_policy(names, cond->value));
}


static ngx_int_t
ngx_clientcert_read_ca(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    const char           *err;
    ngx_clientcert_ca_t  *ca;

    ca = ngx_clientcert_ca_read(rd->cf, rd->cas, text, &err);

    if (ca == NULL) {
        if (err) {
            ngx_clientcert_note(rd, "%s", err);
        }

        return NGX_ERROR;
    }

    cond->value = ca;

    return ngx_clientcert_id(rd, cond, ca->file.data, ca->file.len);
}


static ngx_clientcert_answer_e
ngx_clientcert_ca_answer(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask)
{
    ngx_int_t  rc;
    ngx_str_t  unknown;

    if (cond->deny) {
        rc = ngx_clientcert_chain_leads(ask->cert, cond->value, &unknown);

        if (rc == NGX_ABORT) {
            return ngx_clientcert_answer_unknown(cond, ask, "%V", &unknown);
        }

    } else {
        rc = ngx_clientcert_chain_verify(ask->cert, cond->value, ask->now,
                                         &ask->from, &ask->until);

        if (rc == NGX_DECLINED) {
            ask->chainless = 1;
        }
    }

    if (rc == NGX_ERROR) {
        return ngx_clientcert_answer_memory(ask);
    }

    return ngx_clientcert_answer(rc == NGX_OK);
}


static ngx_clientcert_answer_e
ngx_clientcert_answer(ngx_uint_t yes)
{
    return yes ? NGX_CLIENTCERT_YES : NGX_CLIENTCERT_NO;
}


static ngx_clientcert_answer_e
ngx_clientcert_answer_memory(ngx_clientcert_asking_t *ask)
{
    ngx_clientcert_condition_no_memory(ask);

    return NGX_CLIENTCERT_UNKNOWN;
}


void
ngx_clientcert_condition_no_memory(ngx_clientcert_asking_t *ask)
{
    ask->doubt.memory = 1;
    ask->doubt.unknown = 1;

    if (ask->doubt.last == ask->text) {
        ask->doubt.last = ngx_cpymem(ask->text, "there is no memory",
                                     sizeof("there is no memory") - 1);
    }
}


/* the first reason is kept */

static ngx_clientcert_answer_e
ngx_clientcert_answer_unknown(ngx_clientcert_condition_t *cond,
    ngx_clientcert_asking_t *ask, const char *fmt, ...)
{
    u_char   *p, *last;
    va_list   args;

    ask->doubt.unknown = 1;

    if (ask->doubt.last == ask->text) {
        last = ask->text + NGX_CLIENTCERT_CONDITION_TEXT;
        p = ngx_slprintf(ask->text, last, "%V ", &cond->key->name);

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


ngx_uint_t
ngx_clientcert_condition_kind(ngx_clientcert_condition_t *cond)
{
    if ((cond->key->flags & NGX_CLIENTCERT_KEY_THUMBPRINT)
        && cond->id.len == NGX_CLIENTCERT_SHA1_LEN)
    {
        return NGX_CLIENTCERT_KIND_SHA1;
    }

    return 1 << (cond->key - ngx_clientcert_keys);
}


ngx_uint_t
ngx_clientcert_condition_hash(ngx_clientcert_condition_t *cond,
    ngx_uint_t any, uint32_t *hash)
{
    ngx_clientcert_dn_t          *dn;
    ngx_clientcert_serial_t      *serial;
    ngx_clientcert_thumbprint_t  *tp;

    if (cond->compiled || ngx_clientcert_is_regex(cond)) {
        goto other;
    }

    if (cond->key->answer == ngx_clientcert_thumbprint_answer
        || cond->key->answer == ngx_clientcert_spki_answer)
    {
        tp = cond->value;
        hash[0] = ngx_murmur_hash2(tp->digest, tp->len);
        return 1;
    }

    if (cond->key->answer == ngx_clientcert_serial_answer) {
        serial = cond->value;
        hash[0] = ngx_clientcert_hash_serial(serial->negative,
                                             serial->bytes.data,
                                             serial->bytes.len);
        return 1;
    }

    if (cond->key->answer == ngx_clientcert_dn_answer) {
        dn = cond->value;

        return (ngx_clientcert_dn_hash(dn->name, &hash[0]) != NGX_OK) ? 0
               : !cond->deny ? 1
               : (ngx_clientcert_dn_hash(dn->reversed, &hash[1]) != NGX_OK)
                 ? 0 : 2;
    }

    if (cond->key->answer == ngx_clientcert_name_answer
        && ngx_clientcert_pattern_hash(cond->value, &hash[0]) == NGX_OK)
    {
        return 1;
    }

other:

    if (any) {
        hash[0] = ngx_murmur_hash2(cond->id.data, cond->id.len);
    }

    return any;
}


static uint32_t
ngx_clientcert_hash_serial(ngx_uint_t negative, u_char *data, size_t len)
{
    return ngx_murmur_hash2(data, len) + (uint32_t) negative;
}


ngx_int_t
ngx_clientcert_condition_find(ngx_clientcert_asking_t *ask, ngx_uint_t kinds,
    ngx_uint_t deny, ngx_clientcert_hash_handler_pt handler, void *data)
{
    ngx_int_t                rc;
    ngx_clientcert_key_t    *key;
    ngx_clientcert_names_t  *names;

    rc = NGX_OK;

    if (kinds & NGX_CLIENTCERT_KIND_SHA1) {
        rc = ngx_clientcert_find_digest(ask, NGX_CLIENTCERT_SHA1, handler,
                                        data);
    }

    names = NULL;

    for (key = ngx_clientcert_keys; rc == NGX_OK && key->name.len; key++) {

        if (!(kinds & (1 << (key - ngx_clientcert_keys)))) {
            continue;
        }

        if (key->answer == ngx_clientcert_thumbprint_answer) {
            rc = ngx_clientcert_find_digest(ask, NGX_CLIENTCERT_SHA256,
                                            handler, data);
            continue;
        }

        if (key->answer == ngx_clientcert_spki_answer) {
            rc = ngx_clientcert_find_digest(ask, NGX_CLIENTCERT_SPKI_SHA256,
                                            handler, data);
            continue;
        }

        names = ngx_clientcert_certificate_names(ask->cert);
        if (names == NULL) {
            return NGX_ERROR;
        }

        if (key->answer == ngx_clientcert_serial_answer) {
            rc = ngx_clientcert_find_serial(names, handler, data);

        } else if (key->answer == ngx_clientcert_dn_answer) {
            rc = ngx_clientcert_find_dn(key->type == NGX_CLIENTCERT_SUBJECT
                                        ? names->subject : names->issuer,
                                        deny, handler, data);
        }
    }

    return (rc == NGX_OK && names)
           ? ngx_clientcert_find_names(names, kinds, deny, handler, data)
           : rc;
}


static ngx_int_t
ngx_clientcert_find_digest(ngx_clientcert_asking_t *ask,
    ngx_clientcert_digest_e digest, ngx_clientcert_hash_handler_pt handler,
    void *data)
{
    u_char  *value;

    value = ngx_clientcert_certificate_digest(ask->cert, digest);
    if (value == NULL) {
        return NGX_ERROR;
    }

    return handler(data, ngx_murmur_hash2(value,
                                          digest == NGX_CLIENTCERT_SHA1
                                          ? NGX_CLIENTCERT_SHA1_LEN
                                          : NGX_CLIENTCERT_SHA256_LEN));
}


static ngx_int_t
ngx_clientcert_find_serial(ngx_clientcert_names_t *names,
    ngx_clientcert_hash_handler_pt handler, void *data)
{
    return handler(data, ngx_clientcert_hash_serial(names->negative,
                                                    names->serial.data,
                                                    names->serial.len));
}


static ngx_int_t
ngx_clientcert_find_dn(X509_NAME *name, ngx_uint_t deny,
    ngx_clientcert_hash_handler_pt handler, void *data)
{
    uint32_t  hash;

    if (name == NULL) {
        return deny ? NGX_ERROR : NGX_OK;
    }

    return (ngx_clientcert_dn_hash(name, &hash) == NGX_OK)
           ? handler(data, hash) : NGX_ERROR;
}


static ngx_int_t
ngx_clientcert_find_names(ngx_clientcert_names_t *names, ngx_uint_t kinds,
    ngx_uint_t deny, ngx_clientcert_hash_handler_pt handler, void *data)
{
    ngx_int_t               rc;
    ngx_uint_t              i, types;
    ngx_clientcert_key_t   *key;
    ngx_clientcert_name_t  *name;

    types = 0;

    for (key = ngx_clientcert_keys; key->name.len; key++) {
        if ((kinds & (1 << (key - ngx_clientcert_keys)))
            && key->answer == ngx_clientcert_name_answer)
        {
            types |= 1 << key->type;

            if (deny && names->unreadable[key->type]) {
                return NGX_ERROR;
            }
        }
    }

    for (i = 0; types && i < names->nelts; i++) {
        name = &names->elts[i];

        if ((types & (1 << name->type)) && !name->bad) {
            rc = ngx_clientcert_pattern_hashes(name->type, &name->value,
                                               handler, data);
            if (rc != NGX_OK) {
                return rc;
            }
        }
    }

    return NGX_OK;
}


static void
ngx_clientcert_note(ngx_clientcert_reading_t *rd, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    rd->last = ngx_vslprintf(rd->text,
                             rd->text + NGX_CLIENTCERT_CONDITION_TEXT,
                             fmt, args);
    va_end(args);
}
