
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert_metrics.h"


static void ngx_http_clientcert_store_files(
    ngx_http_clientcert_metrics_t *m, ngx_clientcert_census_t *census);
static void ngx_http_clientcert_store_ages(
    ngx_http_clientcert_metrics_t *m, ngx_clientcert_census_t *census);
static void ngx_http_clientcert_store_totals(
    ngx_http_clientcert_metrics_t *m, ngx_clientcert_census_t *census);
static void ngx_http_clientcert_store_times(
    ngx_http_clientcert_metrics_t *m, ngx_clientcert_census_t *census);
static void ngx_http_clientcert_store_certificates(
    ngx_http_clientcert_metrics_t *m, ngx_clientcert_census_t *census);
static ngx_uint_t ngx_http_clientcert_store_is_first(
    ngx_clientcert_copy_t *copy, ngx_uint_t n);
static void ngx_http_clientcert_store_certificate(
    ngx_http_clientcert_metrics_t *m, ngx_clientcert_store_t *st,
    ngx_clientcert_copy_t *copy);
static void ngx_http_clientcert_store_value(ngx_http_clientcert_metrics_t *m,
    const char *name, ngx_uint_t i, const char *label, const char *value,
    uint64_t number);
static void ngx_http_clientcert_store_zones(
    ngx_http_clientcert_metrics_t *m);


void
ngx_http_clientcert_metrics_stores(ngx_http_clientcert_metrics_t *m,
    ngx_uint_t certificates)
{
    size_t                    used;
    ngx_uint_t                i;
    ngx_clientcert_census_t  *census;

    census = ngx_palloc(m->out->pool,
                        m->nstores * sizeof(ngx_clientcert_census_t));
    if (census == NULL) {
        m->out->failed = 1;
        return;
    }

    for (i = 0; i < m->nstores; i++) {
        ngx_clientcert_census_read(m->store[i]->store->sh->census, &census[i]);
    }

    ngx_http_clientcert_metrics_family(m, "store_up", "gauge",
        "Whether the source could be read at the last check.");

    for (i = 0; i < m->nstores; i++) {
        ngx_http_clientcert_store_value(m, "store_up", i, NULL, NULL,
                                        census[i].err == 0);
    }

    ngx_http_clientcert_metrics_family(m, "store_entries", "gauge",
        "Certificates or thumbprints in force.");

    for (i = 0; i < m->nstores; i++) {
        ngx_http_clientcert_store_value(m, "store_entries", i, NULL, NULL,
                      ngx_clientcert_store_entries(m->store[i]->store, &used));
    }

    ngx_http_clientcert_store_files(m, census);
    ngx_http_clientcert_store_ages(m, census);
    ngx_http_clientcert_store_totals(m, census);
    ngx_http_clientcert_store_times(m, census);
    ngx_http_clientcert_store_zones(m);

    if (certificates) {
        ngx_http_clientcert_store_certificates(m, census);
    }
}


static void
ngx_http_clientcert_store_files(ngx_http_clientcert_metrics_t *m,
    ngx_clientcert_census_t *census)
{
    ngx_uint_t                i;
    ngx_clientcert_report_t  *report;

    ngx_http_clientcert_metrics_family(m, "store_files", "gauge",
        "Files of a store: read, rejected, or rejected with what they held "
        "kept in force.");

    for (i = 0; i < m->nstores; i++) {
        report = &census[i].report;

        ngx_http_clientcert_store_value(m, "store_files", i, "state", "read",
                                        report->read);
        ngx_http_clientcert_store_value(m, "store_files", i, "state", "kept",
                                        report->kept);
        ngx_http_clientcert_store_value(m, "store_files", i, "state",
                                        "rejected", report->rejected);
    }
}


static void
ngx_http_clientcert_store_ages(ngx_http_clientcert_metrics_t *m,
    ngx_clientcert_census_t *census)
{
    size_t                   used;
    ngx_uint_t               i, k;
    ngx_clientcert_ages_t   *ages;
    ngx_clientcert_store_t  *st;
    u_char                   days[NGX_INT_T_LEN + sizeof("d")];

    ngx_http_clientcert_metrics_family(m, "store_certificates", "gauge",
        "Certificates of a store by validity.");

    for (i = 0; i < m->nstores; i++) {
        st = m->store[i]->store;

        if (st->certificates) {
            ages = &census[i].ages;
            k = ngx_clientcert_store_entries(st, &used);

            ngx_http_clientcert_store_value(m, "store_certificates", i,
                                            "validity", "valid",
                                            k - ngx_min(k, ages->expired));
            ngx_http_clientcert_store_value(m, "store_certificates", i,
                                            "validity", "expired",
                                            ages->expired);
        }
    }

    ngx_http_clientcert_metrics_family(m, "store_expiring_certificates",
        "gauge", "Valid certificates that expire within a time.");

    for (i = 0; i < m->nstores; i++) {
        for (k = 0;
             k < NGX_CLIENTCERT_CENSUS_WITHIN
             && m->store[i]->store->certificates;
             k++)
        {
            ngx_sprintf(days, "%uid%Z", ngx_clientcert_census_days[k]);
            ngx_http_clientcert_store_value(m, "store_expiring_certificates",
                                            i, "within", (char *) days,
                                            census[i].ages.within[k]);
        }
    }

    ngx_http_clientcert_metrics_family(m,
        "store_earliest_not_after_timestamp_seconds", "gauge",
        "End of validity of the certificate that expires next.");

    for (i = 0; i < m->nstores; i++) {
        if (census[i].ages.n) {
            ngx_http_clientcert_store_value(m,
                                 "store_earliest_not_after_timestamp_seconds",
                                 i, NULL, NULL,
                                 census[i].ages.soonest[0].not_after);
        }
    }
}


static void
ngx_http_clientcert_store_totals(ngx_http_clientcert_metrics_t *m,
    ngx_clientcert_census_t *census)
{
    ngx_uint_t  i, k;

    static const char  *causes[] = { "read", "parse", "memory" };

    ngx_http_clientcert_metrics_family(m, "store_changes_total", "counter",
        "Entries added and removed.");

    for (i = 0; i < m->nstores; i++) {
        ngx_http_clientcert_store_value(m, "store_changes_total", i,
                                        "change", "added", census[i].added);
        ngx_http_clientcert_store_value(m, "store_changes_total", i,
                                        "change", "removed",
                                        census[i].removed);
    }

    ngx_http_clientcert_metrics_family(m, "store_errors_total", "counter",
        "Failures to read or take in, by cause.");

    for (i = 0; i < m->nstores; i++) {
        for (k = 0; k < NGX_CLIENTCERT_CENSUS_CAUSES; k++) {
            ngx_http_clientcert_store_value(m, "store_errors_total", i,
                                            "cause", causes[k],
                                            census[i].errors[k]);
        }
    }
}


static void
ngx_http_clientcert_store_times(ngx_http_clientcert_metrics_t *m,
    ngx_clientcert_census_t *census)
{
    ngx_uint_t  i;

    ngx_http_clientcert_metrics_family(m,
        "store_last_check_timestamp_seconds", "gauge",
        "When the source was compared with what is in force.");

    for (i = 0; i < m->nstores; i++) {
        if (census[i].checked) {
            ngx_http_clientcert_store_value(m,
                                 "store_last_check_timestamp_seconds", i,
                                 NULL, NULL, census[i].checked);
        }
    }

    ngx_http_clientcert_metrics_family(m,
        "store_last_change_timestamp_seconds", "gauge",
        "When what is in force last changed.");

    for (i = 0; i < m->nstores; i++) {
        if (census[i].changed) {
            ngx_http_clientcert_store_value(m,
                                 "store_last_change_timestamp_seconds", i,
                                 NULL, NULL, census[i].changed);
        }
    }
}


static void
ngx_http_clientcert_store_zones(ngx_http_clientcert_metrics_t *m)
{
    size_t                   used;
    ngx_str_t                name;
    ngx_uint_t               i, k;
    const char              *family;
    ngx_clientcert_store_t  *st;

    ngx_str_set(&name, "clientcert_status_zone");

    for (k = 0; k < 2; k++) {
        family = k ? "zone_used_bytes" : "zone_size_bytes";

        ngx_http_clientcert_metrics_family(m, family, "gauge",
            k ? "Used bytes of a zone of shared memory."
              : "Size of a zone of shared memory.");

        ngx_http_clientcert_metrics_name(m, family, "zone", &name);
        ngx_http_clientcert_output_print(m->out, "} %uz\n",
                                  k ? ngx_clientcert_stats_used(m->stats)
                                    : m->stats->zone->shm.size);

        for (i = 0; i < m->nstores; i++) {
            st = m->store[i]->store;

            (void) ngx_clientcert_store_entries(st, &used);

            ngx_http_clientcert_metrics_name(m, family, "zone",
                                             &st->zone->shm.name);
            ngx_http_clientcert_output_print(m->out, "} %uz\n",
                                             k ? used : st->zone->shm.size);
        }
    }
}


/* those of whose end the log warns */

static void
ngx_http_clientcert_store_certificates(ngx_http_clientcert_metrics_t *m,
    ngx_clientcert_census_t *census)
{
    ngx_uint_t              i, k, n;
    ngx_clientcert_ages_t  *ages;
    ngx_clientcert_copy_t  *copy;

    ngx_http_clientcert_metrics_family(m,
        "certificate_not_after_timestamp_seconds", "gauge",
        "End of validity of the certificates that expire soonest.");

    copy = ngx_palloc(m->out->pool, NGX_CLIENTCERT_CENSUS_SOONEST
                                    * sizeof(ngx_clientcert_copy_t));
    if (copy == NULL) {
        m->out->failed = 1;
        return;
    }

    for (i = 0; i < m->nstores; i++) {
        ages = &census[i].ages;
        n = 0;

        for (k = 0; k < ages->n; k++) {

            if (ages->soonest[k].not_after - ngx_time() >= m->store[i]->warn) {
                break;
            }

            if (ngx_clientcert_store_entry(m->store[i]->store,
                                           ages->soonest[k].sha256,
                                           NGX_CLIENTCERT_SHA256_LEN, &copy[n])
                == NGX_OK
                && ngx_http_clientcert_store_is_first(copy, n))
            {
                ngx_http_clientcert_store_certificate(m, m->store[i]->store,
                                                        &copy[n++]);
            }
        }
    }
}


/* one series a file, however many certificates it has */

static ngx_uint_t
ngx_http_clientcert_store_is_first(ngx_clientcert_copy_t *copy, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (copy[i].origin_len == copy[n].origin_len
            && ngx_memcmp(copy[i].origin, copy[n].origin, copy[n].origin_len)
               == 0)
        {
            return 0;
        }
    }

    return 1;
}


static void
ngx_http_clientcert_store_certificate(ngx_http_clientcert_metrics_t *m,
    ngx_clientcert_store_t *st, ngx_clientcert_copy_t *copy)
{
    ngx_str_t  file;

    if (m->max == 0) {
        m->omitted++;
        return;
    }

    m->max--;

    file.data = copy->origin;
    file.len = copy->origin_len;

    ngx_http_clientcert_metrics_name(m,
                                     "certificate_not_after_timestamp_seconds",
                                     "store", &st->name);
    ngx_http_clientcert_output_print(m->out, ",file=\"");
    ngx_http_clientcert_output_text(m->out, &file);
    ngx_http_clientcert_output_print(m->out, "\"} %L\n", copy->not_after);
}


static void
ngx_http_clientcert_store_value(ngx_http_clientcert_metrics_t *m,
    const char *name, ngx_uint_t i, const char *label, const char *value,
    uint64_t number)
{
    ngx_http_clientcert_metrics_name(m, name, "store",
                                     &m->store[i]->store->name);

    if (label) {
        ngx_http_clientcert_output_print(m->out, ",%s=\"%s\"", label, value);
    }

    ngx_http_clientcert_output_print(m->out, "} %uL\n", number);
}
