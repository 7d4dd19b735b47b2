
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_check.h"
#include "../cert/ngx_clientcert_chain.h"


static ngx_int_t ngx_clientcert_check_stores(ngx_conf_t *cf,
    ngx_array_t *stores);
static ngx_int_t ngx_clientcert_check_policy(ngx_conf_t *cf,
    ngx_clientcert_policy_t *policy, ngx_array_t *cas, ngx_array_t *trusted);
static ngx_int_t ngx_clientcert_check_deny(ngx_conf_t *cf,
    ngx_clientcert_rule_t *rule, ngx_array_t *cas, ngx_array_t *trusted);
static void ngx_clientcert_check_twins(ngx_conf_t *cf,
    ngx_clientcert_rules_t *rules);
static void ngx_clientcert_check_allow(ngx_conf_t *cf,
    ngx_clientcert_policy_t *policy, ngx_clientcert_rule_t *rule);


ngx_int_t
ngx_clientcert_check(ngx_conf_t *cf, ngx_array_t *policies,
    ngx_array_t *stores, ngx_array_t *cas, ngx_array_t *trusted)
{
    ngx_uint_t                 i;
    ngx_clientcert_policy_t  **policy;

    if (ngx_clientcert_check_stores(cf, stores) != NGX_OK) {
        return NGX_ERROR;
    }

    policy = policies->elts;

    for (i = 0; i < policies->nelts; i++) {

        if (!policy[i]->defined) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown policy \"%V\" in %s:%ui",
                          &policy[i]->name, policy[i]->file, policy[i]->line);
            return NGX_ERROR;
        }

        if (ngx_clientcert_check_policy(cf, policy[i], cas, trusted) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_check_stores(ngx_conf_t *cf, ngx_array_t *stores)
{
    ngx_uint_t                i;
    ngx_clientcert_store_t  **st;

    st = stores->elts;

    for (i = 0; i < stores->nelts; i++) {

        if (!st[i]->defined) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown store \"%V\" in %s:%ui",
                          &st[i]->name, st[i]->file, st[i]->line);
            return NGX_ERROR;
        }

        if (!st[i]->used) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "store \"%V\" in %s:%ui is used by no policy",
                          &st[i]->name, st[i]->file, st[i]->line);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_check_policy(ngx_conf_t *cf, ngx_clientcert_policy_t *policy,
    ngx_array_t *cas, ngx_array_t *trusted)
{
    ngx_clientcert_rule_t  *rule;

    for (rule = policy->deny.first; rule; rule = rule->next) {
        if (ngx_clientcert_check_deny(cf, rule, cas, trusted) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_clientcert_check_twins(cf, &policy->deny);

    if (policy->purpose == NGX_CLIENTCERT_PURPOSE_ANY
        && policy->allow.n
        && ngx_clientcert_policy_needs_chain(policy))
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"purpose any\" of policy \"%V\" in %s:%ui lets nobody "
                      "in, it is for an \"allow\" that pins or has a \"ca=\"",
                      &policy->name, policy->file, policy->line);
    }

    for (rule = policy->allow.first; rule; rule = rule->next) {
        ngx_clientcert_check_allow(cf, policy, rule);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_check_deny(ngx_conf_t *cf, ngx_clientcert_rule_t *rule,
    ngx_array_t *cas, ngx_array_t *trusted)
{
    ngx_clientcert_ca_t         *ca;
    ngx_clientcert_condition_t  *cond;

    cond = ngx_clientcert_rules_with(rule, NULL, NGX_CLIENTCERT_KEY_ISSUER);

    for ( /* void */ ;
         cond;
         cond = ngx_clientcert_rules_with(rule, cond,
                                          NGX_CLIENTCERT_KEY_ISSUER))
    {
        if (ngx_clientcert_condition_resolve(cond, cas, trusted) != NGX_OK) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "the issuer that \"deny issuer_thumbprint=\" in "
                          "%s:%ui names is neither in a file of \"ca=\" nor "
                          "among the CAs of a server, use \"deny ca=\" with "
                          "its certificate", rule->file, rule->line);
            return NGX_ERROR;
        }
    }

    cond = ngx_clientcert_rules_with(rule, NULL, NGX_CLIENTCERT_KEY_CA);

    for ( /* void */ ;
         cond;
         cond = ngx_clientcert_rules_with(rule, cond, NGX_CLIENTCERT_KEY_CA))
    {
        ca = cond->value;

        if (ngx_clientcert_ca_roots_only(ca)) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"deny ca=%V\" in %s:%ui has roots only and also "
                          "refuses whoever sends no intermediate "
                          "certificate, add those of the issuing CAs",
                          &ca->file, rule->file, rule->line);
        }
    }

    return NGX_OK;
}


/* of an ECDSA signature (r, s) there is another, (r, n - s) */

static void
ngx_clientcert_check_twins(ngx_conf_t *cf, ngx_clientcert_rules_t *rules)
{
    ngx_uint_t                   thumbprint;
    ngx_clientcert_rule_t       *rule;
    ngx_clientcert_store_t      *st;
    ngx_clientcert_condition_t  *cond;

    thumbprint = 0;

    for (rule = rules->first; rule; rule = rule->next) {

        if (!thumbprint
            && ngx_clientcert_rules_with(rule, NULL,
                                         NGX_CLIENTCERT_KEY_THUMBPRINT))
        {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"deny\" by thumbprint in %s:%ui does not stop a "
                          "copy of the certificate with its ECDSA signature "
                          "written the other way, use \"spki=\" or "
                          "\"issuer=\" and \"serial=\" instead",
                          rule->file, rule->line);
            thumbprint = 1;
        }

        cond = ngx_clientcert_rules_with(rule, NULL, NGX_CLIENTCERT_KEY_STORE);

        for ( /* void */ ;
             cond;
             cond = ngx_clientcert_rules_with(rule, cond,
                                              NGX_CLIENTCERT_KEY_STORE))
        {
            st = ngx_clientcert_condition_store(cond);

            if (!st->certificates) {
                ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                              "\"deny\" by the thumbprints of store \"%V\" "
                              "in %s:%ui does not stop a copy of the "
                              "certificate with its ECDSA signature written "
                              "the other way, use \"spki=\" or \"issuer=\" "
                              "with \"serial=\"",
                              &st->name, rule->file, rule->line);
            }
        }
    }
}


static void
ngx_clientcert_check_allow(ngx_conf_t *cf, ngx_clientcert_policy_t *policy,
    ngx_clientcert_rule_t *rule)
{
    ngx_uint_t              chain;
    ngx_clientcert_rule_t  *deny, *wider;

    chain = (policy->trust == NGX_CLIENTCERT_TRUST_CHAIN);

    deny = ngx_clientcert_rules_covering(&policy->deny, policy->deny.n, rule,
                                         chain);

    if (deny) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"allow\" in %s:%ui can never match because of "
                      "\"deny\" in %s:%ui",
                      rule->file, rule->line, deny->file, deny->line);
        return;
    }

    wider = ngx_clientcert_rules_covering(&policy->allow, rule->number, rule,
                                          chain);

    if (wider) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"allow\" in %s:%ui is never asked because of the "
                      "wider one in %s:%ui before it",
                      rule->file, rule->line, wider->file, wider->line);
    }
}
