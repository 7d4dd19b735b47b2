
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "../cert/ngx_clientcert_text.h"
#include "ngx_http_clientcert_json.h"
#include "ngx_http_clientcert_status.h"


/* entries that are copied at once, while the store may be written */
#define NGX_HTTP_CLIENTCERT_STORES_COPIES  64


/* where a list of entries goes on */

typedef struct {
    ngx_uint_t                 store;       /* its number */
    ngx_uint_t                 table;
    uint64_t                   part;
} ngx_http_clientcert_place_t;


typedef struct {
    int64_t                    not_after;
    ngx_clientcert_store_t    *store;
    u_char                     sha256[NGX_CLIENTCERT_SHA256_LEN];
} ngx_http_clientcert_soonest_t;


static void ngx_http_clientcert_stores_files(
    ngx_http_clientcert_output_t *out, ngx_clientcert_source_t *src,
    ngx_clientcert_census_t *census);
static void ngx_http_clientcert_stores_ages(ngx_http_clientcert_output_t *out,
    ngx_clientcert_ages_t *ages);
static void ngx_http_clientcert_stores_used_by(
    ngx_http_clientcert_output_t *out, ngx_array_t *policies,
    ngx_clientcert_store_t *st);
static void ngx_http_clientcert_stores_wrong(ngx_http_clientcert_output_t *out,
    ngx_clientcert_wrong_t *wrong, ngx_clientcert_store_t *st);
static ngx_int_t ngx_http_clientcert_stores_after(ngx_str_t *text,
    ngx_http_clientcert_place_t *place);
static ngx_uint_t ngx_http_clientcert_stores_list(
    ngx_http_clientcert_output_t *out, ngx_http_clientcert_query_t *query,
    ngx_http_clientcert_place_t *place);
static ngx_uint_t ngx_http_clientcert_stores_find(
    ngx_http_clientcert_output_t *out, ngx_http_clientcert_query_t *query);
static ngx_int_t ngx_http_clientcert_stores_soonest(
    ngx_http_clientcert_output_t *out, ngx_http_clientcert_query_t *query);
static int ngx_libc_cdecl ngx_http_clientcert_stores_cmp(const void *one,
    const void *two);
static ngx_uint_t ngx_http_clientcert_stores_wants(
    ngx_http_clientcert_query_t *query, ngx_clientcert_copy_t *copy);
static void ngx_http_clientcert_stores_item(ngx_http_clientcert_output_t *out,
    ngx_clientcert_store_t *st, ngx_clientcert_copy_t *copy);


void
ngx_http_clientcert_view_stores_item(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query, ngx_clientcert_source_t *src)
{
    size_t                    used;
    ngx_str_t                 s;
    ngx_clientcert_store_t   *st;
    ngx_clientcert_census_t   census;
    u_char                    text[NGX_CLIENTCERT_CENSUS_TEXT];

    st = src->store;

    ngx_clientcert_census_read(st->sh->census, &census);

    ngx_http_clientcert_json_open(out, NULL, '{');

    ngx_http_clientcert_json_text(out, "name", &st->name);

    s = src->kind->parameter;
    s.len--;

    ngx_http_clientcert_json_text(out, "kind", &s);
    ngx_http_clientcert_json_text(out, "path", &src->path);
    ngx_http_clientcert_json_flag(out, "up", census.err == 0);

    if (census.err) {
        s.data = text;
        s.len = ngx_strerror(census.err, text, sizeof(text)) - text;

        ngx_http_clientcert_json_text(out, "error", &s);
        ngx_http_clientcert_json_time(out, "since", census.since);

    } else {
        ngx_http_clientcert_json_null(out, "error");
        ngx_http_clientcert_json_null(out, "since");
    }

    ngx_http_clientcert_json_number(out, "entries",
                                    ngx_clientcert_store_entries(st, &used));
    ngx_http_clientcert_json_number(out, "generation",
                                    ngx_clientcert_store_generation(st));
    ngx_http_clientcert_json_time(out, "checked", census.checked);
    ngx_http_clientcert_json_time(out, "changed", census.changed);
    ngx_http_clientcert_json_number(out, "added", census.added);
    ngx_http_clientcert_json_number(out, "removed", census.removed);

    ngx_http_clientcert_stores_files(out, src, &census);

    if (st->certificates) {
        ngx_http_clientcert_stores_ages(out, &census.ages);

    } else {
        ngx_http_clientcert_json_null(out, "expired");
        ngx_http_clientcert_json_null(out, "expiring");
        ngx_http_clientcert_json_null(out, "earliest");
    }

    ngx_http_clientcert_json_open(out, "memory", '{');
    ngx_http_clientcert_json_number(out, "size", st->zone->shm.size);
    ngx_http_clientcert_json_number(out, "used", used);
    ngx_http_clientcert_json_number(out, "needed", st->sh->wanted);
    ngx_http_clientcert_json_close(out, '}');

    ngx_http_clientcert_json_flag(out, "denies", st->denies);
    ngx_http_clientcert_stores_used_by(out, &query->mcf->policies.all, st);

    ngx_http_clientcert_json_close(out, '}');
}


static void
ngx_http_clientcert_stores_files(ngx_http_clientcert_output_t *out,
    ngx_clientcert_source_t *src, ngx_clientcert_census_t *census)
{
    ngx_uint_t                i;
    ngx_clientcert_report_t  *report;

    report = &census->report;

    ngx_http_clientcert_json_open(out, "files", '{');
    ngx_http_clientcert_json_number(out, "read", report->read);
    ngx_http_clientcert_json_number(out, "kept", report->kept);
    ngx_http_clientcert_json_number(out, "rejected", report->rejected);
    ngx_http_clientcert_json_close(out, '}');

    ngx_http_clientcert_json_open(out, "errors", '[');

    for (i = 0; i < report->n; i++) {
        ngx_http_clientcert_stores_wrong(out, &report->wrong[i], NULL);
    }

    ngx_http_clientcert_json_close(out, ']');
    ngx_http_clientcert_json_number(out, "errors_total",
                                    report->kept + report->rejected);
}


static void
ngx_http_clientcert_stores_wrong(ngx_http_clientcert_output_t *out,
    ngx_clientcert_wrong_t *wrong, ngx_clientcert_store_t *st)
{
    ngx_str_t  s;

    ngx_http_clientcert_json_open(out, NULL, '{');

    if (st) {
        ngx_http_clientcert_json_text(out, "store", &st->name);
    }

    s.data = wrong->name;
    s.len = ngx_min(wrong->name_len, NGX_CLIENTCERT_ORIGIN_LEN);

    ngx_http_clientcert_json_text(out, "file", &s);
    ngx_http_clientcert_json_word(out, "state",
                                  wrong->kept ? "kept" : "rejected");
    ngx_http_clientcert_json_time(out, "since", wrong->since);

    s.data = wrong->text;
    s.len = ngx_min(wrong->text_len, NGX_CLIENTCERT_CENSUS_TEXT);

    ngx_http_clientcert_json_escaped(out, "text", &s);

    ngx_http_clientcert_json_close(out, '}');
}


static void
ngx_http_clientcert_stores_ages(ngx_http_clientcert_output_t *out,
    ngx_clientcert_ages_t *ages)
{
    ngx_uint_t  i;
    u_char      key[NGX_INT_T_LEN + sizeof("d")];

    ngx_http_clientcert_json_number(out, "expired", ages->expired);
    ngx_http_clientcert_json_open(out, "expiring", '{');

    for (i = 0; i < NGX_CLIENTCERT_CENSUS_WITHIN; i++) {
        ngx_sprintf(key, "%uid%Z", ngx_clientcert_census_days[i]);
        ngx_http_clientcert_json_number(out, (char *) key, ages->within[i]);
    }

    ngx_http_clientcert_json_close(out, '}');
    ngx_http_clientcert_json_time(out, "earliest",
                                  ages->n ? ages->soonest[0].not_after : 0);
}


static void
ngx_http_clientcert_stores_used_by(ngx_http_clientcert_output_t *out,
    ngx_array_t *policies, ngx_clientcert_store_t *st)
{
    ngx_uint_t                 i, k;
    ngx_clientcert_use_t      *use;
    ngx_clientcert_policy_t  **policy;

    policy = policies->elts;

    ngx_http_clientcert_json_open(out, "used_by", '[');

    for (i = 0; i < policies->nelts; i++) {
        use = policy[i]->uses.elts;

        for (k = 0; k < policy[i]->uses.nelts; k++) {

            if (use[k].store != st) {
                continue;
            }

            ngx_http_clientcert_json_open(out, NULL, '{');
            ngx_http_clientcert_json_text(out, "policy", &policy[i]->name);
            ngx_http_clientcert_json_word(out, "action",
                                          use[k].deny ? "deny" : "allow");
            ngx_http_clientcert_json_close(out, '}');
        }
    }

    ngx_http_clientcert_json_close(out, ']');
}


ngx_int_t
ngx_http_clientcert_view_stores_errors(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query)
{
    ngx_uint_t                i, k, total, shown;
    ngx_clientcert_census_t  *census;

    census = ngx_pcalloc(out->pool,
                         query->nstores * sizeof(ngx_clientcert_census_t));
    if (census == NULL) {
        return NGX_ERROR;
    }

    total = 0;

    for (i = 0; i < query->nstores; i++) {
        ngx_clientcert_census_read(query->stores[i]->store->sh->census,
                                   &census[i]);
        total += census[i].report.kept + census[i].report.rejected;
    }

    ngx_http_clientcert_view_begin(out, "errors");
    ngx_http_clientcert_json_number(out, "total", total);
    ngx_http_clientcert_json_open(out, "items", '[');

    shown = 0;

    for (i = 0; i < query->nstores; i++) {
        for (k = 0; k < census[i].report.n && shown < query->limit; k++) {
            ngx_http_clientcert_stores_wrong(out, &census[i].report.wrong[k],
                                             query->stores[i]->store);
            shown++;
        }
    }

    ngx_http_clientcert_json_close(out, ']');
    ngx_http_clientcert_json_null(out, "next");
    ngx_http_clientcert_view_end(out, shown < total);

    return NGX_OK;
}


ngx_int_t
ngx_http_clientcert_view_stores_certificates(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query)
{
    size_t                        used;
    ngx_int_t                     rc;
    ngx_uint_t                    i, total, shown;
    ngx_http_clientcert_place_t   place;

    if (ngx_http_clientcert_stores_after(&query->after, &place) != NGX_OK) {
        return ngx_http_clientcert_status_error(out, NGX_HTTP_BAD_REQUEST,
                                                "after", &query->after);
    }

    total = 0;

    for (i = 0; i < query->nstores; i++) {
        total += ngx_clientcert_store_entries(query->stores[i]->store, &used);
    }

    ngx_http_clientcert_view_begin(out, "certificates");
    ngx_http_clientcert_json_number(out, "total", total);
    ngx_http_clientcert_json_open(out, "items", '[');

    rc = NGX_OK;
    shown = query->limit;

    if (query->soonest) {
        rc = ngx_http_clientcert_stores_soonest(out, query);
        place.store = query->nstores;

    } else if (query->thumbprint.len
               && ngx_http_clientcert_stores_find(out, query))
    {
        place.store = query->nstores;

    } else {
        shown = ngx_http_clientcert_stores_list(out, query, &place);
    }

    ngx_http_clientcert_json_close(out, ']');

    if (place.store < query->nstores) {
        ngx_http_clientcert_json_key(out, "next");
        ngx_http_clientcert_output_print(out, "\"%ui-%ui-%uL\"",
                                         place.store, place.table,
                                         place.part);
    } else {
        ngx_http_clientcert_json_null(out, "next");
    }

    ngx_http_clientcert_view_end(out, place.store < query->nstores
                                      && shown < query->limit);

    return rc;
}


/* "store-table-part" */

static ngx_int_t
ngx_http_clientcert_stores_after(ngx_str_t *text,
    ngx_http_clientcert_place_t *place)
{
    u_char     *p, *last, *end;
    off_t       n[3];
    ngx_uint_t  i;

    ngx_memzero(place, sizeof(ngx_http_clientcert_place_t));

    if (text->data == NULL) {
        return NGX_OK;
    }

    p = text->data;
    last = p + text->len;

    for (i = 0; i < 3; i++) {
        end = (i < 2) ? ngx_strlchr(p, last, '-') : last;

        n[i] = end ? ngx_atoof(p, end - p) : NGX_ERROR;

        if (n[i] == NGX_ERROR) {
            return NGX_ERROR;
        }

        p = end + 1;
    }

    if (n[1] > NGX_CLIENTCERT_BY_SHA256
        || n[2] > (off_t) NGX_CLIENTCERT_INDEX_END)
    {
        return NGX_ERROR;
    }

    place->store = (ngx_uint_t) n[0];
    place->table = (ngx_uint_t) n[1];
    place->part = (uint64_t) n[2];

    return NGX_OK;
}


/* returns how many are shown; place is where it ended */

static ngx_uint_t
ngx_http_clientcert_stores_list(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query, ngx_http_clientcert_place_t *place)
{
    ngx_uint_t               i, n, shown;
    ngx_clientcert_store_t  *st;
    ngx_clientcert_copy_t    copy[NGX_HTTP_CLIENTCERT_STORES_COPIES];

    shown = 0;

    while (place->store < query->nstores
           && !ngx_http_clientcert_view_full(out, query, shown))
    {
        if (place->part >= NGX_CLIENTCERT_INDEX_END) {
            place->part = 0;

            if (++place->table > NGX_CLIENTCERT_BY_SHA256) {
                place->table = 0;
                place->store++;
            }

            continue;
        }

        st = query->stores[place->store]->store;

        n = ngx_min(query->limit - shown, query->work);
        n = ngx_min(n, NGX_HTTP_CLIENTCERT_STORES_COPIES);

        n = ngx_clientcert_store_read(st, place->table, &place->part, copy, n);

        query->work -= n;

        for (i = 0; i < n; i++) {
            if (ngx_http_clientcert_stores_wants(query, &copy[i])) {
                ngx_http_clientcert_stores_item(out, st, &copy[i]);
                shown++;
            }
        }
    }

    return shown;
}


/* by its thumbprint, in whichever stores it is */

static ngx_uint_t
ngx_http_clientcert_stores_find(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query)
{
    ngx_uint_t               i, shown;
    ngx_clientcert_copy_t    copy;
    ngx_clientcert_store_t  *st;

    shown = 0;

    for (i = 0; i < query->nstores && shown < query->limit; i++) {
        st = query->stores[i]->store;

        if (ngx_clientcert_store_entry(st, query->thumbprint.digest,
                                       query->thumbprint.len, &copy)
            == NGX_OK)
        {
            ngx_http_clientcert_stores_item(out, st, &copy);
            shown++;
        }
    }

    return shown;
}


static ngx_int_t
ngx_http_clientcert_stores_soonest(ngx_http_clientcert_output_t *out,
    ngx_http_clientcert_query_t *query)
{
    ngx_uint_t                      i, k, n;
    ngx_clientcert_copy_t           copy;
    ngx_clientcert_census_t         census;
    ngx_http_clientcert_soonest_t  *soonest;

    soonest = ngx_palloc(out->pool,
                         query->nstores * NGX_CLIENTCERT_CENSUS_SOONEST
                         * sizeof(ngx_http_clientcert_soonest_t));
    if (soonest == NULL) {
        return NGX_ERROR;
    }

    n = 0;

    for (i = 0; i < query->nstores; i++) {
        ngx_clientcert_census_read(query->stores[i]->store->sh->census,
                                   &census);

        for (k = 0; k < census.ages.n; k++) {
            soonest[n].store = query->stores[i]->store;
            soonest[n].not_after = census.ages.soonest[k].not_after;
            ngx_memcpy(soonest[n].sha256, census.ages.soonest[k].sha256,
                       NGX_CLIENTCERT_SHA256_LEN);
            n++;
        }
    }

    ngx_qsort(soonest, n, sizeof(ngx_http_clientcert_soonest_t),
              ngx_http_clientcert_stores_cmp);

    k = 0;

    for (i = 0; i < n && k < query->limit; i++) {
        if (ngx_clientcert_store_entry(soonest[i].store, soonest[i].sha256,
                                       NGX_CLIENTCERT_SHA256_LEN, &copy)
            == NGX_OK
            && ngx_http_clientcert_stores_wants(query, &copy))
        {
            ngx_http_clientcert_stores_item(out, soonest[i].store, &copy);
            k++;
        }
    }

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_clientcert_stores_cmp(const void *one, const void *two)
{
    const ngx_http_clientcert_soonest_t *first = one;
    const ngx_http_clientcert_soonest_t *second = two;

    return (first->not_after > second->not_after)
           - (first->not_after < second->not_after);
}


static ngx_uint_t
ngx_http_clientcert_stores_wants(ngx_http_clientcert_query_t *query,
    ngx_clientcert_copy_t *copy)
{
    ngx_str_t  origin;

    if (query->expiring
        && (copy->not_after == 0
            || copy->not_after - ngx_time()
               >= (int64_t) query->expiring * 24 * 60 * 60))
    {
        return 0;
    }

    origin.data = copy->origin;
    origin.len = copy->origin_len;

    return query->q.len == 0
           || ngx_http_clientcert_view_contains(query, &origin);
}


static void
ngx_http_clientcert_stores_item(ngx_http_clientcert_output_t *out,
    ngx_clientcert_store_t *st, ngx_clientcert_copy_t *copy)
{
    u_char     *p;
    ngx_str_t   s, label;
    u_char      buf[NGX_CLIENTCERT_ORIGIN_LEN * 4];

    ngx_http_clientcert_json_open(out, NULL, '{');

    ngx_http_clientcert_json_text(out, "store", &st->name);
    ngx_http_clientcert_json_hex(out,
                                 (copy->len == NGX_CLIENTCERT_SHA1_LEN)
                                 ? "sha1" : "sha256", copy->digest, copy->len);

    if (st->certificates) {
        s.data = copy->origin;
        s.len = copy->origin_len;

        ngx_http_clientcert_json_text(out, "file", &s);
        ngx_http_clientcert_json_time(out, "not_after", copy->not_after);
    }

    /* as $clientcert_label has it, but in printable ASCII */

    s.data = copy->origin;
    s.len = copy->label_len;

    p = ngx_clientcert_text_label(buf, &s);

    label.data = buf;
    label.len = p - buf;

    ngx_http_clientcert_json_text(out, "label", &label);
    ngx_http_clientcert_json_time(out, "last_used",
                                  ngx_clientcert_store_used(st, copy->digest));

    ngx_http_clientcert_json_close(out, '}');
}
