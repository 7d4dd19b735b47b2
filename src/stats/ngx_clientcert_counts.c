
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_counts.h"


/*
 * A hash table of lines, each a line of the processor's cache, found by a key
 * that is made of names and texts of the configuration.  Only the master
 * places keys, when it has read a configuration and before it has workers; so
 * nobody takes a lock.  Workers add by atomic additions, at places that they
 * were given: those of two configurations, at a reload, add to the same lines,
 * and one that is killed has nothing in hand.
 *
 * A line whose key no configuration has any more keeps its values, until one
 * with a new key finds no other room.  Who still counts there sees then that
 * it is another's.  No line ever gets free, so a search may end at one that
 * never was in use.
 */


/* lines that are looked at for a key */
#define NGX_CLIENTCERT_COUNTS_PROBES  256

#define NGX_CLIENTCERT_COUNTS_FNV     0x100000001b3
#define NGX_CLIENTCERT_COUNTS_COPY    0x9e3779b97f4a7c15


static ngx_int_t ngx_clientcert_counts_row(ngx_clientcert_counts_t *counts,
    ngx_clientcert_counts_row_t *row, ngx_pool_t *pool);
static void ngx_clientcert_counts_find(ngx_clientcert_counts_t *counts,
    ngx_clientcert_count_t *count);
static void ngx_clientcert_counts_place_row(ngx_clientcert_counts_t *counts,
    ngx_clientcert_counts_row_t *row, ngx_uint_t copy);
static ngx_int_t ngx_clientcert_counts_place(ngx_clientcert_counts_t *counts,
    ngx_clientcert_count_t *count);
static void ngx_clientcert_counts_share(ngx_clientcert_count_t *count,
    ngx_clientcert_counts_line_t *line);
static ngx_clientcert_counts_line_t *ngx_clientcert_counts_line(
    ngx_clientcert_counts_row_t *row, ngx_uint_t value, ngx_uint_t copy);


/* FNV-1a; the byte between texts is in none of UTF-8 */

uint64_t
ngx_clientcert_counts_key(uint64_t key, ngx_str_t *text)
{
    size_t  i;

    if (key == 0) {
        key = 0xcbf29ce484222325;
    }

    for (i = 0; i < text->len; i++) {
        key = (key ^ text->data[i]) * NGX_CLIENTCERT_COUNTS_FNV;
    }

    key = (key ^ 0xff) * NGX_CLIENTCERT_COUNTS_FNV;
    key ^= key >> 32;

    return (key > NGX_CLIENTCERT_COUNTS_SHARED) ? key : ~key;
}


ngx_int_t
ngx_clientcert_counts_create(ngx_clientcert_counts_t *counts, ngx_pool_t *pool)
{
    ngx_memzero(counts, sizeof(ngx_clientcert_counts_t));

    if (ngx_array_init(&counts->rows, pool, 4,
                       sizeof(ngx_clientcert_counts_row_t *))
        != NGX_OK
        || ngx_array_init(&counts->counts, pool, 16,
                          sizeof(ngx_clientcert_count_t *))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_clientcert_counts_create_sh(ngx_clientcert_counts_sh_t *sh, size_t bytes)
{
    ngx_uint_t  i;

    sh->n = bytes / sizeof(ngx_clientcert_counts_line_t);
    sh->rule.key = NGX_CLIENTCERT_COUNTS_SHARED;

    for (i = 0; i < NGX_CLIENTCERT_COUNTS_OTHERS; i++) {
        sh->others[i].key = NGX_CLIENTCERT_COUNTS_SHARED;
    }
}


/*
 * What there is comes first, so that nothing new takes its line; then one copy
 * of each row, which is enough to count right.
 */

ngx_int_t
ngx_clientcert_counts_init(ngx_clientcert_counts_t *counts, ngx_uint_t workers,
    ngx_pool_t *pool)
{
    ngx_uint_t                     i, copy;
    ngx_clientcert_count_t       **count;
    ngx_clientcert_counts_sh_t    *sh;
    ngx_clientcert_counts_row_t  **row;

    sh = counts->sh;
    count = counts->counts.elts;
    row = counts->rows.elts;

    /* of fewer workers than there were what all have counted still counts */

    sh->copies = ngx_max(sh->copies, workers);

    counts->cycle = ++sh->cycle;
    counts->needed = counts->counts.nelts;

    for (i = 0; i < counts->rows.nelts; i++) {
        if (ngx_clientcert_counts_row(counts, row[i], pool) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < counts->counts.nelts; i++) {
        ngx_clientcert_counts_find(counts, count[i]);
    }

    for (i = 0; i < counts->rows.nelts; i++) {
        ngx_clientcert_counts_place_row(counts, row[i], 0);
    }

    for (i = 0; i < counts->counts.nelts; i++) {
        if (ngx_clientcert_counts_place(counts, count[i]) != NGX_OK) {
            ngx_clientcert_counts_share(count[i], &sh->rule);
            counts->left_out++;
        }
    }

    for (copy = 1; copy < sh->copies; copy++) {
        for (i = 0; i < counts->rows.nelts; i++) {
            ngx_clientcert_counts_place_row(counts, row[i], copy);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_counts_row(ngx_clientcert_counts_t *counts,
    ngx_clientcert_counts_row_t *row, ngx_pool_t *pool)
{
    ngx_uint_t  i, n;

    row->lines = (row->values + NGX_CLIENTCERT_COUNTS_VALUES - 1)
                 / NGX_CLIENTCERT_COUNTS_VALUES;
    row->copies = counts->sh->copies;

    n = row->lines * row->copies;
    counts->needed += n;

    row->counts = ngx_pcalloc(pool, n * sizeof(ngx_clientcert_count_t));
    if (row->counts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        row->counts[i].key = row->key + (i + 1) * NGX_CLIENTCERT_COUNTS_COPY;
        ngx_clientcert_counts_find(counts, &row->counts[i]);
    }

    return NGX_OK;
}


static void
ngx_clientcert_counts_find(ngx_clientcert_counts_t *counts,
    ngx_clientcert_count_t *count)
{
    ngx_uint_t                     i, n;
    ngx_clientcert_counts_sh_t    *sh;
    ngx_clientcert_counts_line_t  *line;

    sh = counts->sh;
    i = count->key % sh->n;

    for (n = 0; n < ngx_min(sh->n, NGX_CLIENTCERT_COUNTS_PROBES); n++) {
        line = &sh->lines[(i + n) % sh->n];

        if (line->key == count->key) {
            line->cycle = counts->cycle;
            count->line = line;
            return;
        }

        if (line->key == 0) {
            return;
        }
    }
}


/* a line that none has had so far, else what was of no use the longest time */

static ngx_int_t
ngx_clientcert_counts_place(ngx_clientcert_counts_t *counts,
    ngx_clientcert_count_t *count)
{
    ngx_uint_t                     i, n;
    ngx_clientcert_counts_sh_t    *sh;
    ngx_clientcert_counts_line_t  *line, *found;

    if (count->line) {
        return NGX_OK;
    }

    sh = counts->sh;
    i = count->key % sh->n;
    found = NULL;

    for (n = 0; n < ngx_min(sh->n, NGX_CLIENTCERT_COUNTS_PROBES); n++) {
        line = &sh->lines[(i + n) % sh->n];

        if (line->key == 0) {
            found = line;
            sh->used++;
            break;
        }

        if (line->cycle != counts->cycle
            && (found == NULL || line->cycle < found->cycle))
        {
            found = line;
        }
    }

    if (found == NULL) {
        return NGX_DECLINED;
    }

    /* whoever counts for the old key stops before the values begin anew */

    found->key = count->key;
    found->cycle = counts->cycle;

    ngx_memory_barrier();

    for (i = 0; i < NGX_CLIENTCERT_COUNTS_VALUES; i++) {
        found->values[i] = 0;
    }

    count->line = found;

    return NGX_OK;
}


static void
ngx_clientcert_counts_place_row(ngx_clientcert_counts_t *counts,
    ngx_clientcert_counts_row_t *row, ngx_uint_t copy)
{
    ngx_uint_t               i;
    ngx_clientcert_count_t  *count;

    count = &row->counts[copy * row->lines];

    for (i = 0; i < row->lines && !row->other; i++) {

        if (ngx_clientcert_counts_place(counts, &count[i]) == NGX_OK) {
            continue;
        }

        if (copy) {
            ngx_clientcert_counts_share(&count[i], row->counts[i].line);

        } else {
            row->other = 1;
            counts->left_out++;
        }
    }

    for (i = 0; i < row->lines && row->other; i++) {
        ngx_clientcert_counts_share(&count[i], &counts->sh->others[i]);
    }
}


static void
ngx_clientcert_counts_share(ngx_clientcert_count_t *count,
    ngx_clientcert_counts_line_t *line)
{
    count->line = line;
    count->key = line->key;
}


uint64_t
ngx_clientcert_counts_sum(ngx_clientcert_counts_row_t *row, ngx_uint_t value)
{
    uint64_t                       sum;
    ngx_uint_t                     copy;
    ngx_clientcert_counts_line_t  *line;

    sum = 0;

    for (copy = 0; copy < row->copies; copy++) {
        line = ngx_clientcert_counts_line(row, value, copy);

        if (line) {
            sum += line->values[value % NGX_CLIENTCERT_COUNTS_VALUES];
        }
    }

    return sum;
}


uint64_t
ngx_clientcert_counts_max(ngx_clientcert_counts_row_t *row, ngx_uint_t value)
{
    uint64_t                       max;
    ngx_uint_t                     copy;
    ngx_clientcert_counts_line_t  *line;

    max = 0;

    for (copy = 0; copy < row->copies; copy++) {
        line = ngx_clientcert_counts_line(row, value, copy);

        if (line) {
            max = ngx_max(max,
                          line->values[value % NGX_CLIENTCERT_COUNTS_VALUES]);
        }
    }

    return max;
}


/* NULL if another copy, or another row, counts there */

static ngx_clientcert_counts_line_t *
ngx_clientcert_counts_line(ngx_clientcert_counts_row_t *row, ngx_uint_t value,
    ngx_uint_t copy)
{
    ngx_uint_t               i;
    ngx_clientcert_count_t  *count;

    i = value / NGX_CLIENTCERT_COUNTS_VALUES;
    count = &row->counts[copy * row->lines + i];

    if (row->other
        || count->line->key != count->key
        || (copy && count->line == row->counts[i].line))
    {
        return NULL;
    }

    return count->line;
}
