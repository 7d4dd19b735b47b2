
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert_guard.h"


static ngx_uint_t ngx_http_clientcert_guard_is_local(ngx_http_request_t *r);


/* nginx checks no access for subrequests, so there a policy guards nothing */

ngx_uint_t
ngx_http_clientcert_guard_permits(ngx_http_request_t *r,
    ngx_http_clientcert_guard_t *guard, ngx_clientcert_policy_t *policy)
{
    if (guard->remote
        || (r == r->main && policy && !policy->dry_run)
        || ngx_http_clientcert_guard_is_local(r))
    {
        return 1;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "\"%s\" in %s:%ui is refused to a client that isn't local, "
                  "as the location has no policy in force and the directive "
                  "no \"remote\"",
                  guard->directive, guard->file, guard->line);

    return 0;
}


/* the peer of the connection, whoever it says to be by realip's header */

static ngx_uint_t
ngx_http_clientcert_guard_is_local(ngx_http_request_t *r)
{
    ngx_str_t                   addr;
    ngx_uint_t                  key;
    ngx_http_variable_value_t  *v;

    static ngx_str_t  name = ngx_string("realip_remote_addr");

    key = ngx_hash_key(name.data, name.len);

    v = ngx_http_get_variable(r, &name, key);
    if (v == NULL) {
        return 0;
    }

    addr = r->connection->addr_text;

    if (!v->not_found) {
        addr.data = v->data;
        addr.len = v->len;
    }

    if (addr.len > 7 && ngx_strncasecmp(addr.data, (u_char *) "::ffff:", 7)
                        == 0)
    {
        addr.data += 7;
        addr.len -= 7;
    }

    return (addr.len > 4 && ngx_strncmp(addr.data, "127.", 4) == 0)
           || (addr.len > 4 && ngx_strncmp(addr.data, "unix:", 5) == 0)
           || (addr.len == 3 && ngx_strncmp(addr.data, "::1", 3) == 0);
}


void
ngx_http_clientcert_guard_warn(ngx_conf_t *cf,
    ngx_http_clientcert_guard_t *guard, ngx_clientcert_policy_t *policy)
{
    if (policy && policy->dry_run && !guard->remote) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"%s\" in %s:%ui is only served to local clients, "
                      "since policy \"%V\" is in \"dry_run\"",
                      guard->directive, guard->file, guard->line,
                      &policy->name);
    }
}
