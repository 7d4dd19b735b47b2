
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert_json.h"
#include "ngx_http_clientcert_status.h"


/* a slot in the order of times, the newest first */

typedef struct {
    time_t      last;
    ngx_uint_t  i;
} ngx_http_clientcert_refused_t;


static ngx_int_t ngx_http_clientcert_refused_after(ngx_str_t *text,
    ngx_http_clientcert_refused_t *after);
static ngx_uint_t ngx_http_clientcert_refused_sort(
    ngx_clientcert_recent_t *recent, ngx_http_clientcert_refused_t *sorted);
static int ngx_libc_cdecl ngx_http_clientcert_refused_cmp(const void *one,
    const void *two);
static ngx_uint_t ngx_http_clientcert_refused_wants(
    ngx_http_clientcert_query_t *query, ngx_clientcert_recent_slot_t *slot);
static ngx_uint_t ngx_http_clientcert_refused_contains(
    ngx_http_clientcert_query_t *query, ngx_clientcert_recent_slot_t *slot);
static void ngx_http_clientcert_refused_item(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query, ngx_clientcert_recent_slot_t *slot);
static void ngx_http_clientcert_refused_san(ngx_http_clientcert_output_t *out,
    ngx_clientcert_recent_slot_t *slot);


static struct {
    ngx_uint_t   text;
    const char  *name;
} ngx_http_clientcert_refused_texts[] = {
    { NGX_CLIENTCERT_RECENT_POLICY, "policy" },
    { NGX_CLIENTCERT_RECENT_REASON, "reason" },
    { NGX_CLIENTCERT_RECENT_DETAIL, "detail" },
    { NGX_CLIENTCERT_RECENT_VERIFY, "verify" },
    { NGX_CLIENTCERT_RECENT_SUBJECT, "subject" },
    { NGX_CLIENTCERT_RECENT_ISSUER, "issuer" },
    { NGX_CLIENTCERT_RECENT_SERIAL, "serial" },
    { NGX_CLIENTCERT_RECENT_CLIENT, "client" },
    { NGX_CLIENTCERT_RECENT_SERVER, "server" },
    { NGX_CLIENTCERT_RECENT_URI, "uri" },
    { 0, NULL }
};


ngx_int_t
ngx_http_clientcert_view_refused(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query)
{
    ngx_uint_t                      i, n, shown;
    ngx_clientcert_recent_t        *recent;
    ngx_clientcert_recent_slot_t   *slot;
    ngx_http_clientcert_refused_t   after, *sorted;

    recent = &query->mcf->stats->recent;

    if (ngx_http_clientcert_refused_after(&query->after, &after) != NGX_OK) {
        return ngx_http_clientcert_status_error(out, NGX_HTTP_BAD_REQUEST,
                                                "after", &query->after);
    }

    n = recent->sh ? recent->sh->n : 0;

    slot = ngx_palloc(out->pool, sizeof(ngx_clientcert_recent_slot_t));
    sorted = ngx_palloc(out->pool, n * sizeof(ngx_http_clientcert_refused_t));

    if (slot == NULL || sorted == NULL) {
        return NGX_ERROR;
    }

    n = recent->sh ? ngx_http_clientcert_refused_sort(recent, sorted) : 0;

    ngx_http_clientcert_view_begin(out, "refused");
    ngx_http_clientcert_json_number(out, "total", n);
    ngx_http_clientcert_json_open(out, "items", '[');

    shown = 0;

    for (i = 0;
         i < n && !ngx_http_clientcert_view_full(out, query, shown);
         i++)
    {

        if (ngx_http_clientcert_refused_cmp(&sorted[i], &after) <= 0
            || ngx_clientcert_recent_get(recent, sorted[i].i, slot) != NGX_OK
            || !ngx_http_clientcert_refused_wants(query, slot))
        {
            continue;
        }

        ngx_http_clientcert_refused_item(out, query, slot);
        shown++;
    }

    ngx_http_clientcert_json_close(out, ']');

    if (i < n) {
        ngx_http_clientcert_json_key(out, "next");
        ngx_http_clientcert_output_print(out, "\"%T-%ui\"",
                                         sorted[i - 1].last, sorted[i - 1].i);

    } else {
        ngx_http_clientcert_json_null(out, "next");
    }

    ngx_http_clientcert_view_end(out, i < n && shown < query->limit);

    return NGX_OK;
}


/* "last-i"; without it all slots come after */

static ngx_int_t
ngx_http_clientcert_refused_after(ngx_str_t *text,
    ngx_http_clientcert_refused_t *after)
{
    u_char     *p, *last;
    ngx_int_t   i;

    after->last = NGX_MAX_TIME_T_VALUE;
    after->i = 0;

    if (text->data == NULL) {
        return NGX_OK;
    }

    last = text->data + text->len;

    p = ngx_strlchr(text->data, last, '-');
    if (p == NULL) {
        return NGX_ERROR;
    }

    after->last = ngx_atotm(text->data, p - text->data);
    i = ngx_atoi(p + 1, last - p - 1);

    if (after->last == (time_t) NGX_ERROR || i == NGX_ERROR) {
        return NGX_ERROR;
    }

    after->i = i;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_clientcert_refused_sort(ngx_clientcert_recent_t *recent,
    ngx_http_clientcert_refused_t *sorted)
{
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < recent->sh->n; i++) {
        sorted[n].last = ngx_clientcert_recent_last(recent, i);
        sorted[n].i = i;

        n += (sorted[n].last != 0);
    }

    ngx_qsort(sorted, n, sizeof(ngx_http_clientcert_refused_t),
              ngx_http_clientcert_refused_cmp);

    return n;
}


static int ngx_libc_cdecl
ngx_http_clientcert_refused_cmp(const void *one, const void *two)
{
    const ngx_http_clientcert_refused_t *first = one;
    const ngx_http_clientcert_refused_t *second = two;

    if (first->last != second->last) {
        return (first->last < second->last) ? 1 : -1;
    }

    return (first->i > second->i) - (first->i < second->i);
}


static ngx_uint_t
ngx_http_clientcert_refused_wants(ngx_http_clientcert_query_t *query,
    ngx_clientcert_recent_slot_t *slot)
{
    ngx_str_t  reason;

    if (query->policy && slot->facts.key != query->policy->counts->key) {
        return 0;
    }

    reason = ngx_clientcert_recent_text(slot, NGX_CLIENTCERT_RECENT_REASON);

    if (query->reason.data
        && (reason.len != query->reason.len
            || ngx_strncmp(reason.data, query->reason.data, reason.len) != 0))
    {
        return 0;
    }

    if (query->sha256.len
        && ngx_memcmp(slot->facts.sha256, query->sha256.digest,
                      NGX_CLIENTCERT_SHA256_LEN)
           != 0)
    {
        return 0;
    }

    return query->q.len == 0
           || ngx_http_clientcert_refused_contains(query, slot);
}


static ngx_uint_t
ngx_http_clientcert_refused_contains(ngx_http_clientcert_query_t *query,
    ngx_clientcert_recent_slot_t *slot)
{
    u_char                       *digest;
    ngx_str_t                     text;
    ngx_uint_t                    i;
    ngx_clientcert_thumbprint_t  *tp;

    tp = &query->thumbprint;

    digest = (tp->len == NGX_CLIENTCERT_SHA1_LEN) ? slot->facts.sha1
                                                  : slot->facts.sha256;

    if (tp->len && ngx_memcmp(tp->digest, digest, tp->len) == 0) {
        return 1;
    }

    for (i = 0; i < NGX_CLIENTCERT_RECENT_TEXTS; i++) {
        text = ngx_clientcert_recent_text(slot, i);

        if (ngx_http_clientcert_view_contains(query, &text)) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_clientcert_refused_item(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query, ngx_clientcert_recent_slot_t *slot)
{
    ngx_str_t                       text;
    ngx_uint_t                      i, kept;
    ngx_clientcert_recent_facts_t  *facts;

    facts = &slot->facts;
    kept = ngx_clientcert_recent_kept(facts);

    ngx_http_clientcert_json_open(out, NULL, '{');

    ngx_http_clientcert_json_hex(out, "sha256", facts->sha256,
                                 NGX_CLIENTCERT_SHA256_LEN);
    ngx_http_clientcert_json_hex(out, "sha1", facts->sha1,
                                 NGX_CLIENTCERT_SHA1_LEN);

    for (i = 0; ngx_http_clientcert_refused_texts[i].name; i++) {
        text = ngx_clientcert_recent_text(slot,
                                   ngx_http_clientcert_refused_texts[i].text);
        ngx_http_clientcert_json_escaped(out,
                                   ngx_http_clientcert_refused_texts[i].name,
                                   &text);
    }

    ngx_http_clientcert_refused_san(out, slot);

    ngx_http_clientcert_json_time(out, "not_before", facts->not_before);
    ngx_http_clientcert_json_time(out, "not_after", facts->not_after);
    ngx_http_clientcert_json_flag(out, "self_signed", facts->self_signed);
    ngx_http_clientcert_json_flag(out, "verified", facts->verified);
    ngx_http_clientcert_json_flag(out, "dry_run", facts->dry_run);
    ngx_http_clientcert_json_number(out, "count", slot->count);
    ngx_http_clientcert_json_time(out, "first", slot->first);
    ngx_http_clientcert_json_time(out, "last", slot->last);
    ngx_http_clientcert_json_number(out, "bytes", facts->size);
    ngx_http_clientcert_json_flag(out, "kept", kept);

    if (query->der && kept) {
        ngx_http_clientcert_json_key(out, "der");
        ngx_http_clientcert_output_print(out, "\"");
        ngx_http_clientcert_output_base64(out, slot->der, facts->size);
        ngx_http_clientcert_output_print(out, "\"");
    }

    ngx_http_clientcert_json_close(out, '}');
}


static void
ngx_http_clientcert_refused_san(ngx_http_clientcert_output_t *out,
    ngx_clientcert_recent_slot_t *slot)
{
    u_char     *p, *last, *next;
    ngx_str_t   san, name;

    san = ngx_clientcert_recent_text(slot, NGX_CLIENTCERT_RECENT_SAN);
    last = san.data + san.len;

    ngx_http_clientcert_json_open(out, "san", '[');

    for (p = san.data; p < last; p = next + 1) {
        next = ngx_strlchr(p, last, '\n');
        next = next ? next : last;

        name.data = p;
        name.len = next - p;

        ngx_http_clientcert_json_escaped(out, NULL, &name);
    }

    ngx_http_clientcert_json_close(out, ']');
}
