
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_policy.h"
#include "../cert/ngx_clientcert_text.h"


static char *ngx_clientcert_policy_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static ngx_uint_t ngx_clientcert_policy_args(ngx_conf_t *cf,
    ngx_command_t *cmd);
static char *ngx_clientcert_policy_rule(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_clientcert_policy_condition(ngx_conf_t *cf,
    ngx_clientcert_policy_t *policy, ngx_clientcert_rule_t *rule,
    ngx_str_t *text, ngx_str_t *never);
static ngx_int_t ngx_clientcert_policy_read(ngx_conf_t *cf,
    ngx_clientcert_policy_t *policy, ngx_clientcert_condition_t *cond,
    ngx_str_t *text);
static ngx_uint_t ngx_clientcert_policy_is_cut(ngx_conf_t *cf,
    ngx_str_t *text);
static ngx_int_t ngx_clientcert_policy_store(ngx_conf_t *cf,
    ngx_clientcert_policy_t *policy, ngx_clientcert_store_t *st);
static ngx_int_t ngx_clientcert_policy_label(ngx_conf_t *cf,
    ngx_clientcert_rule_t *rule, ngx_str_t *value);
static char *ngx_clientcert_policy_add(ngx_conf_t *cf,
    ngx_clientcert_policy_t *policy, ngx_clientcert_rule_t *rule,
    ngx_uint_t allow);
static char *ngx_clientcert_policy_reject(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_clientcert_policy_lifetime(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_clientcert_policy_min_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_clientcert_policy_bits(ngx_conf_t *cf,
    ngx_clientcert_policy_t *policy, ngx_str_t *value);


/* of keys, by their algorithms, with all sizes that OpenSSL takes */

typedef struct {
    ngx_str_t   prefix;
    ngx_int_t   least;
    ngx_int_t   most;
} ngx_clientcert_policy_bits_t;


static ngx_conf_enum_t  ngx_clientcert_policy_trusts[] = {
    { ngx_string("pin"), NGX_CLIENTCERT_TRUST_PIN },
    { ngx_string("chain"), NGX_CLIENTCERT_TRUST_CHAIN },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_clientcert_policy_purposes[] = {
    { ngx_string("client"), NGX_CLIENTCERT_PURPOSE_CLIENT },
    { ngx_string("any"), NGX_CLIENTCERT_PURPOSE_ANY },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_clientcert_policy_log_levels[] = {
    { ngx_string("info"), NGX_LOG_INFO },
    { ngx_string("notice"), NGX_LOG_NOTICE },
    { ngx_string("warn"), NGX_LOG_WARN },
    { ngx_string("error"), NGX_LOG_ERR },
    { ngx_null_string, 0 }
};


static ngx_clientcert_policy_bits_t
    ngx_clientcert_policy_sizes[NGX_CLIENTCERT_ALGORITHMS] = {

    { ngx_string("rsa="), 512, 16384 },
    { ngx_string("ec="), 112, 571 }
};


/* only looked up inside of "clientcert_policy", offsets are the policy's */

static ngx_command_t  ngx_clientcert_policy_commands[] = {

    { ngx_string("allow"),
      NGX_CONF_1MORE,
      ngx_clientcert_policy_rule,
      0,
      offsetof(ngx_clientcert_policy_t, allow),
      NULL },

    { ngx_string("deny"),
      NGX_CONF_1MORE,
      ngx_clientcert_policy_rule,
      0,
      offsetof(ngx_clientcert_policy_t, deny),
      NULL },

    { ngx_string("include"),
      NGX_CONF_TAKE1,
      ngx_conf_include,
      0,
      0,
      NULL },

    { ngx_string("reject"),
      NGX_CONF_TAKE12,
      ngx_clientcert_policy_reject,
      0,
      0,
      NULL },

    { ngx_string("trust"),
      NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      0,
      offsetof(ngx_clientcert_policy_t, trust),
      &ngx_clientcert_policy_trusts },

    { ngx_string("purpose"),
      NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      0,
      offsetof(ngx_clientcert_policy_t, purpose),
      &ngx_clientcert_policy_purposes },

    { ngx_string("validity"),
      NGX_CONF_TAKE1,
      ngx_conf_set_flag_slot,
      0,
      offsetof(ngx_clientcert_policy_t, validity),
      NULL },

    { ngx_string("max_lifetime"),
      NGX_CONF_TAKE1,
      ngx_clientcert_policy_lifetime,
      0,
      0,
      NULL },

    { ngx_string("min_key"),
      NGX_CONF_TAKE12,
      ngx_clientcert_policy_min_key,
      0,
      0,
      NULL },

    { ngx_string("dry_run"),
      NGX_CONF_TAKE1,
      ngx_conf_set_flag_slot,
      0,
      offsetof(ngx_clientcert_policy_t, dry_run),
      NULL },

    { ngx_string("log_level"),
      NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      0,
      offsetof(ngx_clientcert_policy_t, log_level),
      &ngx_clientcert_policy_log_levels },

      ngx_null_command
};


ngx_clientcert_policy_t *
ngx_clientcert_policy_get(ngx_conf_t *cf,
    ngx_clientcert_dictionary_t *policies, ngx_str_t *name)
{
    ngx_clientcert_policy_t  *policy;

    policy = ngx_clientcert_dictionary_find(policies, name);
    if (policy) {
        return policy;
    }

    policy = ngx_pcalloc(cf->pool, sizeof(ngx_clientcert_policy_t));

    if (policy == NULL
        || ngx_clientcert_dictionary_add(policies, name, policy) != NGX_OK)
    {
        return NULL;
    }

    policy->name = *name;
    policy->file = cf->conf_file->file.name.data;
    policy->line = cf->conf_file->line;
    policy->trust = NGX_CONF_UNSET_UINT;
    policy->purpose = NGX_CONF_UNSET_UINT;
    policy->validity = NGX_CONF_UNSET;
    policy->dry_run = NGX_CONF_UNSET;
    policy->log_level = NGX_CONF_UNSET_UINT;

    return policy;
}


char *
ngx_clientcert_policy_block(ngx_conf_t *cf, ngx_clientcert_policy_t *policy)
{
    char        *rv;
    ngx_conf_t   save;

    policy->defined = 1;
    policy->file = cf->conf_file->file.name.data;
    policy->line = cf->conf_file->line;

    save = *cf;
    cf->handler = ngx_clientcert_policy_line;
    cf->handler_conf = (void *) policy;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_conf_init_uint_value(policy->trust, NGX_CLIENTCERT_TRUST_PIN);
    ngx_conf_init_uint_value(policy->purpose, NGX_CLIENTCERT_PURPOSE_CLIENT);
    ngx_conf_init_value(policy->validity, 1);
    ngx_conf_init_value(policy->dry_run, 0);
    ngx_conf_init_uint_value(policy->log_level, NGX_LOG_ERR);

    policy->varies = (policy->allow.varying.first
                      || policy->deny.varying.first);

    if (policy->reject == 0) {
        policy->reject = 401;
        ngx_str_set(&policy->status_line, "401 Invalid client certificate");
    }

    if (policy->allow.n == 0) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "policy \"%V\" has no \"allow\", it refuses "
                           "everyone", &policy->name);
    }

    return NGX_CONF_OK;
}


static char *
ngx_clientcert_policy_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    char           *rv;
    ngx_str_t      *name;
    ngx_command_t  *cmd;

    name = cf->args->elts;

    for (cmd = ngx_clientcert_policy_commands; cmd->name.len; cmd++) {
        if (cmd->name.len == name->len
            && ngx_strcmp(cmd->name.data, name->data) == 0)
        {
            break;
        }
    }

    if (cmd->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown directive \"%V\" in \"clientcert_policy\"",
                           name);
        return NGX_CONF_ERROR;
    }

    if (!ngx_clientcert_policy_args(cf, cmd)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"%V\" directive",
                           name);
        return NGX_CONF_ERROR;
    }

    rv = cmd->set(cf, cmd, conf);

    if (rv == NGX_CONF_OK || rv == NGX_CONF_ERROR) {
        return rv;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" directive %s", name, rv);

    return NGX_CONF_ERROR;
}


static ngx_uint_t
ngx_clientcert_policy_args(ngx_conf_t *cf, ngx_command_t *cmd)
{
    ngx_uint_t  n;

    n = cf->args->nelts - 1;

    if (cmd->type & NGX_CONF_1MORE) {
        return n >= 1;
    }

    /* NGX_CONF_NOARGS, NGX_CONF_TAKE1 and NGX_CONF_TAKE2 are bits 0 to 2 */

    return n <= 2 && (cmd->type & (1 << n));
}


static char *
ngx_clientcert_policy_rule(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_clientcert_policy_t *policy = conf;

    ngx_int_t               rc;
    ngx_str_t              *value, never;
    ngx_uint_t              i, allow, conditions;
    ngx_clientcert_rule_t  *rule;

    rule = ngx_pcalloc(cf->pool, sizeof(ngx_clientcert_rule_t));
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    rule->file = cf->conf_file->file.name.data;
    rule->line = cf->conf_file->line;

    rule->nargs = cf->args->nelts;
    rule->args = ngx_palloc(cf->pool, rule->nargs * sizeof(ngx_str_t));
    if (rule->args == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(rule->args, cf->args->elts, rule->nargs * sizeof(ngx_str_t));

    allow = (cmd->offset == offsetof(ngx_clientcert_policy_t, allow));
    rule->deny = !allow;
    conditions = 0;
    ngx_str_null(&never);

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (allow && ngx_strncmp(value[i].data, "label=", 6) == 0) {

            if (ngx_clientcert_policy_label(cf, rule, &value[i]) != NGX_OK) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        rc = ngx_clientcert_policy_condition(cf, policy, rule, &value[i],
                                             &never);

        if (rc == NGX_ERROR) {
            return NGX_CONF_ERROR;
        }

        conditions++;
    }

    if (conditions == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have a condition", &value[0]);
        return NGX_CONF_ERROR;
    }

    if (never.len && rule->deny) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" can never match, a certificate has one %V",
                           &value[0], &never);
        return NGX_CONF_ERROR;
    }

    if (never.len) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" can never match, a certificate has one "
                           "%V, ignored", &value[0], &never);
        return NGX_CONF_OK;
    }

    return ngx_clientcert_policy_add(cf, policy, rule, allow);
}


/* never is what it contradicts the rule's other conditions about */

static ngx_int_t
ngx_clientcert_policy_condition(ngx_conf_t *cf,
    ngx_clientcert_policy_t *policy, ngx_clientcert_rule_t *rule,
    ngx_str_t *text, ngx_str_t *never)
{
    ngx_int_t                    rc;
    ngx_uint_t                   flags;
    ngx_clientcert_condition_t  *cond;

    cond = ngx_pcalloc(cf->pool, sizeof(ngx_clientcert_condition_t));
    if (cond == NULL) {
        return NGX_ERROR;
    }

    cond->deny = rule->deny;

    if (ngx_clientcert_policy_read(cf, policy, cond, text) != NGX_OK) {
        return NGX_ERROR;
    }

    flags = ngx_clientcert_condition_flags(cond);

    if ((flags & NGX_CLIENTCERT_KEY_STORE)
        && ngx_clientcert_policy_store(cf, policy,
                                     ngx_clientcert_condition_store(cond))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_clientcert_rules_condition(rule, cond);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "duplicate condition \"%V\", ignored", text);
    }

    if (rc == NGX_ABORT && (flags & NGX_CLIENTCERT_KEY_THUMBPRINT)) {
        ngx_str_set(never, "thumbprint of a kind");

    } else if (rc == NGX_ABORT) {
        *never = *ngx_clientcert_condition_name(cond);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_policy_read(ngx_conf_t *cf, ngx_clientcert_policy_t *policy,
    ngx_clientcert_condition_t *cond, ngx_str_t *text)
{
    char                      *hint;
    size_t                     len;
    ngx_int_t                  rc;
    ngx_str_t                 *name;
    ngx_clientcert_reading_t   rd;

    rd.pool = cf->pool;
    rd.cf = cf;
    rd.cas = policy->cas;
    rd.stores = policy->stores;
    rd.variables = policy->variables;

    rc = ngx_clientcert_condition_read(&rd, cond, text);

    name = cf->args->elts;
    len = rd.last - rd.text;
    hint = (rc != NGX_OK && ngx_clientcert_policy_is_cut(cf, text)
            && !ngx_clientcert_condition_is_quoted(&rd.value))
           ? ", what has blanks needs quotes around all of it" : "";

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown condition \"%V\" in \"%V\"%s",
                           text, name, hint);
        return NGX_ERROR;
    }

    name = ngx_clientcert_condition_name(cond);

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid %V \"%V\"%s%*s%s",
                           name, &rd.value, len ? ": " : "", len, rd.text,
                           hint);
        return NGX_ERROR;
    }

    if (len) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "%V \"%V\" %*s",
                           name, &rd.value, len, rd.text);
    }

    return NGX_OK;
}


/* whether it, or the word after it, may be the rest of a value with blanks */

static ngx_uint_t
ngx_clientcert_policy_is_cut(ngx_conf_t *cf, ngx_str_t *text)
{
    ngx_str_t  *word, *value, *last;

    value = cf->args->elts;
    last = ngx_min(text + 2, value + cf->args->nelts);

    for (word = ngx_max(text, value + 2); word < last; word++) {

        if (!ngx_clientcert_condition_known(word)
            && ngx_strncmp(word->data, "label=", 6) != 0)
        {
            return 1;
        }
    }

    return 0;
}


/* a policy's verdicts hold as long as what these stores hold does */

static ngx_int_t
ngx_clientcert_policy_store(ngx_conf_t *cf, ngx_clientcert_policy_t *policy,
    ngx_clientcert_store_t *st)
{
    ngx_uint_t                i;
    ngx_clientcert_store_t  **asked;

    if (policy->asked.elts == NULL
        && ngx_array_init(&policy->asked, cf->pool, 1,
                          sizeof(ngx_clientcert_store_t *))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    asked = policy->asked.elts;

    for (i = 0; i < policy->asked.nelts; i++) {
        if (asked[i] == st) {
            return NGX_OK;
        }
    }

    asked = ngx_array_push(&policy->asked);
    if (asked == NULL) {
        return NGX_ERROR;
    }

    *asked = st;

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_policy_label(ngx_conf_t *cf, ngx_clientcert_rule_t *rule,
    ngx_str_t *value)
{
    u_char  ch;
    size_t  n;

    if (rule->label.data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate \"label\"");
        return NGX_ERROR;
    }

    rule->label.data = value->data + sizeof("label=") - 1;
    rule->label.len = value->len - (sizeof("label=") - 1);

    if (rule->label.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "empty \"label\"");
        return NGX_ERROR;
    }

    if (ngx_clientcert_condition_is_quoted(&rule->label)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid label \"%V\": "
                           NGX_CLIENTCERT_CONDITION_QUOTED
                           ": \"label=...\"", &rule->label);
        return NGX_ERROR;
    }

    if (ngx_strchr(rule->label.data, '$')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid label \"%V\": it takes no variables",
                           &rule->label);
        return NGX_ERROR;
    }

    n = ngx_clientcert_text_plain(&rule->label);

    if (n < rule->label.len) {
        ch = rule->label.data[n];

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           (ch < 0x20 || ch == 0x7f)
                           ? "control character 0x%02Xd at byte %uz of "
                             "\"label\""
                           : "0x%02Xd at byte %uz of \"label\" isn't "
                             "UTF-8, or begins what controls how text is "
                             "shown",
                           (int) ch, n + 1);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static char *
ngx_clientcert_policy_add(ngx_conf_t *cf, ngx_clientcert_policy_t *policy,
    ngx_clientcert_rule_t *rule, ngx_uint_t allow)
{
    ngx_int_t                rc;
    ngx_str_t               *name;
    ngx_clientcert_rule_t   *same;
    ngx_clientcert_rules_t  *rules;

    name = cf->args->elts;
    rules = allow ? &policy->allow : &policy->deny;

    /* an unverified certificate can claim anything but these */

    if (allow && !rule->trusted) {
        rule->needs_chain = 1;
    }

    rc = ngx_clientcert_rules_add(rules, rule, cf->pool, &same);

    if (rc == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" is a duplicate of the one in %s:%ui, "
                           "ignored", name, same->file, same->line);
    }

    return NGX_CONF_OK;
}


static char *
ngx_clientcert_policy_reject(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_clientcert_policy_t *policy = conf;

    u_char     *p;
    size_t      i;
    ngx_int_t   code;
    ngx_str_t  *value;

    if (policy->reject) {
        return "is duplicate";
    }

    value = cf->args->elts;

    code = ngx_atoi(value[1].data, value[1].len);

    if (code < 400 || code > 499) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid status code \"%V\" in \"reject\", "
                           "it must be from 400 to 499", &value[1]);
        return NGX_CONF_ERROR;
    }

    policy->reject = code;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    /* RFC 9112, section 4: no control characters but a tab */

    for (i = 0; i < value[2].len; i++) {
        if ((value[2].data[i] < 0x20 && value[2].data[i] != '\t')
            || value[2].data[i] == 0x7f)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "control character 0x%02Xd at byte %uz of the "
                               "reason phrase in \"reject\"",
                               (int) value[2].data[i], i + 1);
            return NGX_CONF_ERROR;
        }
    }

    p = ngx_pnalloc(cf->pool, sizeof("400 ") - 1 + value[2].len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    policy->status_line.data = p;
    policy->status_line.len = ngx_sprintf(p, "%i %V", code, &value[2]) - p;

    return NGX_CONF_OK;
}


/* nginx takes a number without a unit for seconds */

static char *
ngx_clientcert_policy_lifetime(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_clientcert_policy_t *policy = conf;

    u_char      last;
    ngx_str_t  *value;

    if (policy->max_lifetime) {
        return "is duplicate";
    }

    value = cf->args->elts;

    last = value[1].len ? value[1].data[value[1].len - 1] : '0';

    policy->max_lifetime = ngx_parse_time(&value[1], 1);

    if (policy->max_lifetime <= 0 || (last >= '0' && last <= '9')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"max_lifetime\", it must "
                           "have a unit, as in \"398d\", and not be zero",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_clientcert_policy_min_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_clientcert_policy_t *policy = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (policy->sized) {
        return "is duplicate";
    }

    policy->sized = 1;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_clientcert_policy_bits(cf, policy, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_clientcert_policy_bits(ngx_conf_t *cf, ngx_clientcert_policy_t *policy,
    ngx_str_t *value)
{
    ngx_int_t                      bits;
    ngx_uint_t                     i;
    ngx_clientcert_policy_bits_t  *size;

    for (i = 0; i < NGX_CLIENTCERT_ALGORITHMS; i++) {
        size = &ngx_clientcert_policy_sizes[i];

        if (value->len < size->prefix.len
            || ngx_strncmp(value->data, size->prefix.data, size->prefix.len)
               != 0)
        {
            continue;
        }

        bits = ngx_atoi(value->data + size->prefix.len,
                        value->len - size->prefix.len);

        if (bits < size->least || bits > size->most) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid size \"%V\" in \"min_key\", it must "
                               "be from %i to %i bits",
                               value, size->least, size->most);
            return NGX_ERROR;
        }

        if (policy->min_key[i]) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate \"%V\" in \"min_key\"", value);
            return NGX_ERROR;
        }

        policy->min_key[i] = bits;

        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"min_key\", it must be "
                       "\"rsa=\" or \"ec=\" with a number of bits", value);

    return NGX_ERROR;
}
