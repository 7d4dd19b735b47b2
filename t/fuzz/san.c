
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


/*
 * The first byte of the input is the type of name, and a NUL or the end is
 * between what is wanted and what the certificate has.  What matches must
 * match by a plain definition, too, and what is equal must match.
 */

#include "../unit/shim.h"
#include "../../src/cert/ngx_clientcert_pattern.h"


int LLVMFuzzerTestOneInput(const u_char *data, size_t size);


static ngx_uint_t
fuzz_contains(ngx_str_t *text, const char *part)
{
    return memmem(text->data, text->len, part, strlen(part)) != NULL;
}


/* what a URI has behind its scheme and host, which a pattern spells out */

static ngx_str_t
fuzz_path(ngx_str_t *uri)
{
    u_char     *p, *last;
    ngx_str_t   path;

    last = uri->data + uri->len;
    p = memchr(uri->data, ':', uri->len);

    if (p == NULL) {
        abort();
    }

    p++;

    if (last - p >= 2 && p[0] == '/' && p[1] == '/') {
        for (p += 2; p < last && *p != '/'; p++) { /* void */ }
    }

    path.data = p;
    path.len = last - p;

    return path;
}


static void
fuzz_matched(ngx_clientcert_pattern_t *pt, ngx_str_t *value)
{
    size_t     n, end;
    ngx_str_t  path;

    n = pt->text.len;

    switch (pt->type) {

    case NGX_CLIENTCERT_DNS:
        if (value->len < n
            || (pt->wildcard
                && (value->len < n + 2 || value->data[0] == '.')))
        {
            abort();
        }

        break;

    case NGX_CLIENTCERT_URI:
        if (value->len < n || memcmp(value->data, pt->text.data, n) != 0
            || (!pt->wildcard && value->len != n))
        {
            abort();
        }

        if (!pt->wildcard) {
            break;
        }

        path = fuzz_path(value);

        if (value->len == n
            || fuzz_contains(&path, "/../")
            || fuzz_contains(&path, "/./")
            || fuzz_contains(&path, "%2e")
            || fuzz_contains(&path, "%2F")
            || fuzz_contains(&path, "\\"))
        {
            abort();
        }

        break;

    case NGX_CLIENTCERT_IP:
        if (value->len != 4 && value->len != 16) {
            abort();
        }

        break;

    case NGX_CLIENTCERT_EMAIL:
    case NGX_CLIENTCERT_UPN:
        end = value->len - (value->len && value->data[value->len - 1] == '.');

        if (end < n
            || (!pt->wildcard && end != n)
            || strncasecmp((char *) value->data + end - n,
                           (char *) pt->text.data, n)
               != 0)
        {
            abort();
        }

        break;

    case NGX_CLIENTCERT_EXTENSION:
    case NGX_CLIENTCERT_EXTENSION_DER:
        if (value->len != n || memcmp(value->data, pt->text.data, n) != 0) {
            abort();
        }

        break;

    default:
        ngx_clientcert_pattern_fold(value);

        if (value->len != n || memcmp(value->data, pt->text.data, n) != 0) {
            abort();
        }
    }
}


static ngx_int_t
fuzz_is_hash(void *data, uint32_t hash)
{
    return *(uint32_t *) data == hash ? NGX_DONE : NGX_OK;
}


/* what a name matches is found by one of its hashes */

static void
fuzz_found(ngx_clientcert_pattern_t *pt, ngx_str_t *value)
{
    uint32_t               hash;
    ngx_clientcert_name_t  name;

    memset(&name, 0, sizeof(name));
    name.type = pt->type;
    name.value = *value;

    if (name.type < NGX_CLIENTCERT_DNS) {
        ngx_str_set(&name.oid, "\x55\x04\x03");
    }

    if (ngx_clientcert_pattern_hash(pt, &name.oid, &hash) == NGX_OK
        && ngx_clientcert_pattern_hashes(&name, fuzz_is_hash, &hash)
           != NGX_DONE)
    {
        abort();
    }
}


static void
fuzz_pair(ngx_clientcert_name_e type, ngx_str_t *wanted, ngx_str_t *value)
{
    ngx_str_t                  text, copy;
    const char                *err;
    ngx_clientcert_pattern_t   pt;

    memset(&pt, 0, sizeof(pt));
    pt.type = type;

    text = *wanted;

    if (ngx_clientcert_pattern_wildcard(&pt, &text) != NGX_OK) {
        return;
    }

    copy.data = malloc(text.len + 1);
    memcpy(copy.data, text.data, text.len);
    copy.len = text.len;

    if (ngx_clientcert_pattern_read(&pt, &text, &err) == NGX_OK) {

        if (!pt.wildcard && type != NGX_CLIENTCERT_IP) {

            if (!ngx_clientcert_pattern_match(&pt, &copy)) {
                abort();
            }

            fuzz_found(&pt, &copy);
        }

        if (ngx_clientcert_pattern_match(&pt, value)) {
            fuzz_found(&pt, value);
            fuzz_matched(&pt, value);
        }

    } else if (err == NULL) {
        abort();
    }

    free(copy.data);
}


int
LLVMFuzzerTestOneInput(const u_char *data, size_t size)
{
    u_char                 *nul;
    ngx_str_t               wanted, value;
    ngx_clientcert_name_e   type;

    if (size == 0) {
        return 0;
    }

    type = data[0] % NGX_CLIENTCERT_NAME_TYPES;

    data++;
    size--;

    nul = memchr(data, '\0', size);

    wanted.len = nul ? (size_t) (nul - data) : size;
    wanted.data = malloc(wanted.len + 1);
    memcpy(wanted.data, data, wanted.len);

    value.len = nul ? size - wanted.len - 1 : 0;
    value.data = malloc(value.len + 1);
    memcpy(value.data, data + size - value.len, value.len);

    fuzz_pair(type, &wanted, &value);

    free(wanted.data);
    free(value.data);

    return 0;
}
