
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_COUNTS_H_INCLUDED_
#define _NGX_CLIENTCERT_COUNTS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_CLIENTCERT_COUNTS_VALUES  6

/* the key of lines where all counts together that has no room */
#define NGX_CLIENTCERT_COUNTS_SHARED  1


/* lies in shared memory, a line of the processor's cache */

typedef struct {
    uint64_t                       key;     /* of what it counts, 0: nothing */
    ngx_atomic_t                   cycle;   /* that has it, the newest one */
    ngx_atomic_t                   values[NGX_CLIENTCERT_COUNTS_VALUES];
} ngx_clientcert_counts_line_t;


/* where a process counts: the line is another's once the keys differ */

typedef struct {
    uint64_t                       key;
    ngx_clientcert_counts_line_t  *line;
} ngx_clientcert_count_t;


/* many values, which each worker counts in lines of its own */

typedef struct {
    uint64_t                       key;
    ngx_uint_t                     values;
    ngx_uint_t                     lines;   /* of one worker */
    ngx_uint_t                     copies;  /* of them, one a worker */
    ngx_clientcert_count_t        *counts;
    unsigned                       other:1; /* has no room of its own */
} ngx_clientcert_counts_row_t;


/* lines that a row may have */
#define NGX_CLIENTCERT_COUNTS_OTHERS  8


/* lies in shared memory, followed by the lines */

typedef struct {
    ngx_uint_t                     cycle;   /* configurations so far */
    ngx_uint_t                     copies;  /* as many as workers ever */
    ngx_uint_t                     n;       /* of lines */
    ngx_uint_t                     used;
    ngx_clientcert_counts_line_t  *lines;

    /* what has no room is counted together here */
    ngx_clientcert_counts_line_t   rule;
    ngx_clientcert_counts_line_t   others[NGX_CLIENTCERT_COUNTS_OTHERS];
} ngx_clientcert_counts_sh_t;


typedef struct {
    ngx_clientcert_counts_sh_t    *sh;      /* before there are requests */
    ngx_uint_t                     cycle;   /* this configuration's number */
    ngx_array_t                    rows;    /* ngx_clientcert_counts_row_t * */
    ngx_array_t                    counts;  /* ngx_clientcert_count_t * */
    ngx_uint_t                     left_out;    /* of both */
    ngx_uint_t                     needed;      /* lines */
} ngx_clientcert_counts_t;


/*
 * Adds a text to a key, which is 0 before the first one; it is never 0 then.
 */
uint64_t ngx_clientcert_counts_key(uint64_t key, ngx_str_t *text);

/*
 * Makes counts empty; rows and counts, with their keys, are then pushed to it.
 * Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_clientcert_counts_create(ngx_clientcert_counts_t *counts,
    ngx_pool_t *pool);

/*
 * Makes a new table of as many lines as have room in bytes at sh->lines, all
 * zero.
 */
void ngx_clientcert_counts_create_sh(ngx_clientcert_counts_sh_t *sh,
    size_t bytes);

/*
 * Gives each row and count its lines: those of its key, if there are such, or
 * new ones, at last such as no configuration has had for the longest time.
 * Who gets none counts together with others, counts->left_out says how many.
 * Returns NGX_OK, or NGX_ERROR without memory.
 */
ngx_int_t ngx_clientcert_counts_init(ngx_clientcert_counts_t *counts,
    ngx_uint_t workers, ngx_pool_t *pool);

/*
 * A value of a row, of all workers: their sum, or the greatest.
 */
uint64_t ngx_clientcert_counts_sum(ngx_clientcert_counts_row_t *row,
    ngx_uint_t value);
uint64_t ngx_clientcert_counts_max(ngx_clientcert_counts_row_t *row,
    ngx_uint_t value);

/*
 * A value of a count, and of what is counted together instead of in rows.
 */
static ngx_inline uint64_t
ngx_clientcert_counts_value(ngx_clientcert_count_t *count, ngx_uint_t value)
{
    return (count->line->key == count->key) ? count->line->values[value] : 0;
}


static ngx_inline uint64_t
ngx_clientcert_counts_others(ngx_clientcert_counts_t *counts, ngx_uint_t value)
{
    return counts->sh->others[value / NGX_CLIENTCERT_COUNTS_VALUES]
                               .values[value % NGX_CLIENTCERT_COUNTS_VALUES];
}


/*
 * Whether it has no line of its own.
 */
static ngx_inline ngx_uint_t
ngx_clientcert_counts_shared(ngx_clientcert_count_t *count)
{
    return count->key == NGX_CLIENTCERT_COUNTS_SHARED;
}


/*
 * Counts one more.  set writes a value of which the last one counts, if it
 * isn't that already.
 */


static ngx_inline void
ngx_clientcert_counts_add(ngx_clientcert_count_t *count, ngx_uint_t value)
{
    if (count->line->key == count->key) {
        (void) ngx_atomic_fetch_add(&count->line->values[value], 1);
    }
}


/* a line that isn't written stays in the caches of all workers */

static ngx_inline void
ngx_clientcert_counts_set(ngx_clientcert_count_t *count, ngx_uint_t value,
    ngx_atomic_uint_t n)
{
    if (count->line->values[value] != n && count->line->key == count->key) {
        count->line->values[value] = n;
    }
}


static ngx_inline ngx_clientcert_count_t *
ngx_clientcert_counts_own(ngx_clientcert_counts_row_t *row, ngx_uint_t value)
{
    return &row->counts[ngx_worker * row->lines
                        + value / NGX_CLIENTCERT_COUNTS_VALUES];
}


static ngx_inline void
ngx_clientcert_counts_row_add(ngx_clientcert_counts_row_t *row,
    ngx_uint_t value)
{
    ngx_clientcert_counts_add(ngx_clientcert_counts_own(row, value),
                              value % NGX_CLIENTCERT_COUNTS_VALUES);
}


static ngx_inline void
ngx_clientcert_counts_row_set(ngx_clientcert_counts_row_t *row,
    ngx_uint_t value, ngx_atomic_uint_t n)
{
    ngx_clientcert_counts_set(ngx_clientcert_counts_own(row, value),
                              value % NGX_CLIENTCERT_COUNTS_VALUES, n);
}


#endif /* _NGX_CLIENTCERT_COUNTS_H_INCLUDED_ */
