
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_follow.h"
#include "ngx_clientcert_loader.h"
#include "ngx_clientcert_watch.h"


/*
 * The helper process, nginx's cache manager: a timer for what is due first of
 * all sources.  Due is a source a moment after an event, later if its looks
 * have taken much of the time; each "interval", to see whether its path still
 * leads to what is watched; and soon after an error.  The old helper and the
 * new one follow both for a moment at a reload: the store knows which one is
 * the newest.  A helper that is killed is started again and reads everything.
 */


/* from the first event to the look, so that it sees what belongs together */
#define NGX_CLIENTCERT_DEBOUNCE  2

/* where events tell of all changes, milliseconds */
#define NGX_CLIENTCERT_COMPARE   (60 * 1000)

/* between two tries of what has failed */
#define NGX_CLIENTCERT_RETRY     10
#define NGX_CLIENTCERT_RETRIES   1000

/* looks for files that are renamed time and again */
#define NGX_CLIENTCERT_ROW       10

/* looks may take 1 / so much of a core, and so many microseconds in advance */
#define NGX_CLIENTCERT_SHARE     10
#define NGX_CLIENTCERT_ADVANCE   (500 * 1000)
#define NGX_CLIENTCERT_PAUSE     5000


static ngx_msec_t ngx_clientcert_follow_manager(void *data);
static void ngx_clientcert_follow_start(ngx_cycle_t *cycle,
    ngx_array_t *sources);
static void ngx_clientcert_follow_events(ngx_event_t *ev);
static void ngx_clientcert_follow_timer(ngx_event_t *ev);
static void ngx_clientcert_follow_marked(void);
static void ngx_clientcert_follow_wait(void);
static void ngx_clientcert_follow_source(ngx_clientcert_source_t *src);
static void ngx_clientcert_follow_look(ngx_clientcert_source_t *src);
static void ngx_clientcert_follow_plan(ngx_clientcert_source_t *src,
    ngx_uint_t all);
static uint64_t ngx_clientcert_follow_cpu(void);
static void ngx_clientcert_follow_earlier(ngx_clientcert_source_t *src,
    ngx_msec_t due);
static ngx_msec_t ngx_clientcert_follow_pause(ngx_clientcert_source_t *src);


/* of the process that follows, ngx_clientcert_source_t * */
static ngx_array_t       *ngx_clientcert_followed;
static ngx_event_t        ngx_clientcert_timer;

/* what the timer's debug messages take its descriptor from */
static ngx_connection_t   ngx_clientcert_dummy;


ngx_int_t
ngx_clientcert_follow_cycle(ngx_cycle_t *cycle, ngx_array_t *sources)
{
    ngx_path_t  *path, **paths;

    if (ngx_clientcert_followed) {

        /* a reload without a master frees what is followed */

        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "stores are not followed after a reload without "
                      "a master process");

        ngx_clientcert_watch_stop();
        ngx_clientcert_followed = NULL;

        if (ngx_clientcert_timer.timer_set) {
            ngx_del_timer(&ngx_clientcert_timer);
        }

        return NGX_OK;
    }

    if (sources == NULL || sources->nelts == 0) {
        return NGX_OK;
    }

    path = ngx_pcalloc(cycle->pool, sizeof(ngx_path_t));
    if (path == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&path->name, "clientcert_store");
    path->manager = ngx_clientcert_follow_manager;
    path->data = sources;

    paths = ngx_array_push(&cycle->paths);
    if (paths == NULL) {
        return NGX_ERROR;
    }

    *paths = path;

    return NGX_OK;
}


void
ngx_clientcert_follow_single(ngx_cycle_t *cycle, ngx_array_t *sources)
{
    if (sources) {
        ngx_clientcert_follow_start(cycle, sources);
    }
}


/* is called once more whenever another path is due */

static ngx_msec_t
ngx_clientcert_follow_manager(void *data)
{
    if (ngx_clientcert_followed != data) {
        ngx_clientcert_follow_start((ngx_cycle_t *) ngx_cycle, data);
    }

    return 60 * 60 * 1000;
}


static void
ngx_clientcert_follow_start(ngx_cycle_t *cycle, ngx_array_t *sources)
{
    ngx_uint_t                 i;
    ngx_clientcert_source_t  **src;

    ngx_clientcert_followed = sources;
    src = sources->elts;

    for (i = 0; i < sources->nelts; i++) {
        src[i]->log = cycle->log;
        src[i]->level = NGX_LOG_ERR;
        src[i]->err = 0;
        src[i]->wd = -1;
        src[i]->due = ngx_current_msec;
        src[i]->compare = ngx_current_msec;
        src[i]->looked = ngx_current_msec;

        ngx_clientcert_store_new_writer(src[i]->store);
    }

    ngx_clientcert_dummy.fd = (ngx_socket_t) -1;

    ngx_clientcert_timer.handler = ngx_clientcert_follow_timer;
    ngx_clientcert_timer.log = cycle->log;
    ngx_clientcert_timer.data = &ngx_clientcert_dummy;
    ngx_clientcert_timer.cancelable = 1;

    ngx_add_timer(&ngx_clientcert_timer, 1);
}


static void
ngx_clientcert_follow_events(ngx_event_t *ev)
{
    ngx_clientcert_follow_marked();
    ngx_clientcert_follow_wait();
}


static void
ngx_clientcert_follow_timer(ngx_event_t *ev)
{
    ngx_uint_t                 i;
    ngx_clientcert_source_t  **src;

    ngx_clientcert_follow_marked();

    src = ngx_clientcert_followed->elts;

    for (i = 0; i < ngx_clientcert_followed->nelts; i++) {
        if (!src[i]->retired
            && (ngx_msec_int_t) (src[i]->due - ngx_current_msec) <= 0)
        {
            ngx_clientcert_follow_source(src[i]);
        }
    }

    ngx_clientcert_follow_wait();
}


static void
ngx_clientcert_follow_marked(void)
{
    ngx_uint_t                 i;
    ngx_clientcert_source_t  **src;

    ngx_clientcert_watch_read(ngx_clientcert_followed);

    src = ngx_clientcert_followed->elts;

    for (i = 0; i < ngx_clientcert_followed->nelts; i++) {
        if (src[i]->marked) {
            ngx_clientcert_follow_earlier(src[i], ngx_current_msec
                                                  + NGX_CLIENTCERT_DEBOUNCE);
        }
    }
}


static void
ngx_clientcert_follow_wait(void)
{
    ngx_uint_t                 i;
    ngx_msec_t                 next;
    ngx_msec_int_t             left;
    ngx_clientcert_source_t  **src;

    next = 60 * 60 * 1000;
    src = ngx_clientcert_followed->elts;

    for (i = 0; i < ngx_clientcert_followed->nelts; i++) {
        if (!src[i]->retired) {
            left = (ngx_msec_int_t) (src[i]->due - ngx_current_msec);
            next = ngx_min(next, (ngx_msec_t) ngx_max(left, 1));
        }
    }

    if (ngx_clientcert_timer.timer_set) {
        ngx_del_timer(&ngx_clientcert_timer);
    }

    ngx_add_timer(&ngx_clientcert_timer, next);
}


static void
ngx_clientcert_follow_source(ngx_clientcert_source_t *src)
{
    int         wd;
    uint64_t    cpu;
    ngx_msec_t  pause;
    ngx_uint_t  all, first;

    pause = ngx_clientcert_follow_pause(src);

    if ((ngx_msec_int_t) (pause - ngx_current_msec) > 0) {
        src->due = pause;
        return;
    }

    cpu = ngx_clientcert_follow_cpu();

    /* first, so that nothing happens unseen after the reading */

    ngx_clientcert_watch_source(src, ngx_clientcert_followed,
                                ngx_clientcert_follow_events);

    first = (src->known == NULL);

    if (first && src->kind->create(src) != NGX_OK) {
        src->due = ngx_current_msec + src->interval;
        return;
    }

    if ((ngx_msec_int_t) (src->compare - ngx_current_msec) <= 0) {
        src->all = ngx_max(src->all, NGX_CLIENTCERT_COMPARED);
    }

    all = (src->all != NGX_CLIENTCERT_MARKED);

    if (all || src->marked || src->unsettled || src->changed) {
        ngx_clientcert_follow_look(src);
    }

    ngx_clientcert_loader_expiry(src);
    ngx_clientcert_store_grow_old(src->store);

    /* the path may have come to lead elsewhere before it was opened */

    wd = src->wd;

    ngx_clientcert_watch_source(src, ngx_clientcert_followed,
                                ngx_clientcert_follow_events);

    ngx_time_update();

    src->debt -= ngx_min(src->debt, (ngx_current_msec - src->looked) * 1000
                                    / NGX_CLIENTCERT_SHARE);

    if (!first) {
        src->debt += ngx_clientcert_follow_cpu() - cpu;
    }

    src->looked = ngx_current_msec;

    ngx_clientcert_follow_plan(src, all);

    if (src->wd != wd) {
        src->due = ngx_current_msec;
    }
}


/* each look after the first one is for what was renamed during it */

static void
ngx_clientcert_follow_look(ngx_clientcert_source_t *src)
{
    ngx_uint_t  n;

    ngx_time_update();

    for (n = 0; n < NGX_CLIENTCERT_ROW; n++) {
        ngx_clientcert_source_look(src, n);

        if (!src->missed || !src->events) {
            break;
        }

        ngx_clientcert_watch_read(ngx_clientcert_followed);
    }

    ngx_clientcert_source_publish(src);
}


static void
ngx_clientcert_follow_plan(ngx_clientcert_source_t *src, ngx_uint_t all)
{
    ngx_msec_t  compare;

    compare = ngx_current_msec
              + ((src->events && !src->linked && !src->kind->in_parent)
                 ? ngx_max(src->interval, NGX_CLIENTCERT_COMPARE)
                 : src->interval);

    /* a link may have come since all were compared */

    if (all || (ngx_msec_int_t) (src->compare - compare) > 0) {
        src->compare = compare;
    }

    src->due = ngx_current_msec + src->interval;

    if (src->unsettled) {
        ngx_clientcert_follow_earlier(src,
                               ngx_current_msec + NGX_CLIENTCERT_SETTLE);
    }

    if (src->marked) {
        ngx_clientcert_follow_earlier(src, ngx_current_msec);
    }

    if (src->err == 0) {
        src->retry = 0;
        return;
    }

    /* soon, as it may be about to be replaced */

    src->retry = ngx_max(src->retry * 2, NGX_CLIENTCERT_RETRY);
    src->retry = ngx_min(src->retry, ngx_min(src->interval,
                                             NGX_CLIENTCERT_RETRIES));

    ngx_clientcert_follow_earlier(src, ngx_current_msec + src->retry);
}


/* microseconds that this process has taken */

static uint64_t
ngx_clientcert_follow_cpu(void)
{
    struct timespec  ts;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) == -1) {
        return 0;
    }

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


static void
ngx_clientcert_follow_earlier(ngx_clientcert_source_t *src, ngx_msec_t due)
{
    if ((ngx_msec_int_t) (src->due - due) > 0) {
        src->due = due;
    }
}


/* returns the time before which there is no look */

static ngx_msec_t
ngx_clientcert_follow_pause(ngx_clientcert_source_t *src)
{
    ngx_msec_t  pause;

    if (src->debt <= NGX_CLIENTCERT_ADVANCE) {
        return src->looked;
    }

    pause = (src->debt - NGX_CLIENTCERT_ADVANCE) * NGX_CLIENTCERT_SHARE / 1000;

    return src->looked + ngx_min(pause, NGX_CLIENTCERT_PAUSE);
}
