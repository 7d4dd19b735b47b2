
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_census.h"


/*
 * What is to be told of a store: who writes it has all of that in hand, and
 * leaves it here for those who ask, so that no worker ever walks a store for
 * it.  There are two copies, as there are two halves of the store: the writer,
 * who holds the mutex of the zone, changes the one that nobody reads; readers
 * take no lock, they read again if the other one has come into force.  So a
 * writer that is killed leaves what is read as it was.
 */


#define NGX_CLIENTCERT_CENSUS_DAY  (24 * 60 * 60)

/* seconds between two counts that nothing but time asks for */
#define NGX_CLIENTCERT_CENSUS_PAUSE  60


ngx_uint_t  ngx_clientcert_census_days[NGX_CLIENTCERT_CENSUS_WITHIN] = {
    1, 7, 30
};


void
ngx_clientcert_census_begin(ngx_clientcert_ages_t *ages, time_t now)
{
    ngx_memzero(ages, sizeof(ngx_clientcert_ages_t));

    ages->now = now;
    ages->next = NGX_MAX_TIME_T_VALUE;
}


void
ngx_clientcert_census_add(ngx_clientcert_ages_t *ages, int64_t not_after,
    u_char *sha256)
{
    int64_t                    at;
    ngx_uint_t                 i;
    ngx_clientcert_soonest_t  *s;

    if (not_after < ages->now) {
        ages->expired++;
        return;
    }

    /* it counts otherwise then, and from several days before on */

    ages->next = ngx_min(ages->next, (time_t) not_after + 1);

    for (i = 0; i < NGX_CLIENTCERT_CENSUS_WITHIN; i++) {
        at = not_after - (int64_t) ngx_clientcert_census_days[i]
                         * NGX_CLIENTCERT_CENSUS_DAY;

        if (at <= ages->now) {
            ages->within[i]++;

        } else {
            ages->next = ngx_min(ages->next, (time_t) at);
        }
    }

    ages->next = ngx_max(ages->next,
                         ages->now + NGX_CLIENTCERT_CENSUS_PAUSE);

    /* where it would be, if not behind all that have room */

    s = ages->soonest;

    if (ages->n == NGX_CLIENTCERT_CENSUS_SOONEST
        && not_after >= s[ages->n - 1].not_after)
    {
        return;
    }

    i = ngx_min(ages->n, NGX_CLIENTCERT_CENSUS_SOONEST - 1);

    while (i > 0 && s[i - 1].not_after > not_after) {
        s[i] = s[i - 1];
        i--;
    }

    s[i].not_after = not_after;
    ngx_memcpy(s[i].sha256, sha256, NGX_CLIENTCERT_SHA256_LEN);

    ages->n = ngx_min(ages->n + 1, NGX_CLIENTCERT_CENSUS_SOONEST);
}


void
ngx_clientcert_census_wrong(ngx_clientcert_report_t *report, ngx_str_t *name,
    ngx_str_t *text, time_t since, ngx_uint_t kept)
{
    ngx_clientcert_wrong_t  *wrong;

    if (kept) {
        report->kept++;

    } else {
        report->rejected++;
    }

    if (report->n == NGX_CLIENTCERT_CENSUS_ERRORS) {
        return;
    }

    wrong = &report->wrong[report->n++];

    wrong->since = since;
    wrong->kept = kept;
    wrong->name_len = ngx_min(name->len, NGX_CLIENTCERT_ORIGIN_LEN);
    wrong->text_len = ngx_min(text->len, NGX_CLIENTCERT_CENSUS_TEXT);

    ngx_memcpy(wrong->name, name->data, wrong->name_len);
    ngx_memcpy(wrong->text, text->data, wrong->text_len);
}


ngx_clientcert_census_t *
ngx_clientcert_census_open(ngx_clientcert_census_sh_t *sh)
{
    ngx_clientcert_census_t  *census;

    census = &sh->copies[(sh->generation + 1) & 1];

    *census = *ngx_clientcert_census_active(sh);

    return census;
}


void
ngx_clientcert_census_close(ngx_clientcert_census_sh_t *sh)
{
    /* it is whole before it is read */

    ngx_memory_barrier();

    sh->generation++;

    /* ... and the other one isn't written before */

    ngx_memory_barrier();
}


void
ngx_clientcert_census_read(ngx_clientcert_census_sh_t *sh,
    ngx_clientcert_census_t *copy)
{
    ngx_atomic_uint_t  generation;

    do {
        generation = sh->generation;

        ngx_memory_barrier();

        *copy = sh->copies[generation & 1];

        ngx_memory_barrier();

    } while (sh->generation != generation);
}
