
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_loader.h"
#include <ngx_event.h>
#include <ngx_channel.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/vfs.h>


#define NGX_CLIENTCERT_EVENTS  (IN_CLOSE_WRITE|IN_MOVED_TO|IN_MOVED_FROM      \
                                |IN_CREATE|IN_DELETE|IN_ATTRIB                \
                                |IN_DELETE_SELF|IN_MOVE_SELF|IN_ONLYDIR)

/* where events come, comparing takes at most 1 / so much of the time */
#define NGX_CLIENTCERT_SHARE   20

/* how often events are read before what they tell is put in force */
#define NGX_CLIENTCERT_READS   16

/* between the events of a rename, whoever makes it may be preempted, ms */
#define NGX_CLIENTCERT_HALF    3


static ngx_msec_t ngx_clientcert_follow_manager(void *data);
static void ngx_clientcert_follow_start(ngx_cycle_t *cycle,
    ngx_array_t *loaders);
static void ngx_clientcert_follow_stop(void);
static void ngx_clientcert_follow_timer(ngx_event_t *ev);
static void ngx_clientcert_follow_due(void);
static void ngx_clientcert_follow_one(ngx_clientcert_loader_t *ld);
static void ngx_clientcert_follow_watch(ngx_clientcert_loader_t *ld);
static ngx_err_t ngx_clientcert_follow_inotify(ngx_log_t *log);
static void ngx_clientcert_follow_unwatch(int wd);
static ngx_uint_t ngx_clientcert_follow_local(ngx_clientcert_loader_t *ld);
static void ngx_clientcert_follow_handler(ngx_event_t *ev);
static void ngx_clientcert_follow_events(void);
static ngx_uint_t ngx_clientcert_follow_moving(void);
static ngx_int_t ngx_clientcert_follow_read(void);
static void ngx_clientcert_follow_event(struct inotify_event *event);
static void ngx_clientcert_follow_name(ngx_clientcert_loader_t *ld,
    struct inotify_event *event);


/* of the process that follows */

static ngx_array_t  *ngx_clientcert_followed;  /* ngx_clientcert_loader_t * */
static ngx_array_t   ngx_clientcert_nothing;
static int           ngx_clientcert_inotify = -1;
static ngx_event_t   ngx_clientcert_timer;

/* what the timer's debug messages take its descriptor from */
static ngx_connection_t  ngx_clientcert_dummy;


ngx_int_t
ngx_clientcert_loader_follow(ngx_cycle_t *cycle, ngx_array_t *loaders)
{
    ngx_path_t  *path, **paths;

    /* a reload without a master: the old loaders are about to be freed */

    if (ngx_process == NGX_PROCESS_SINGLE
        && !ngx_is_init_cycle(cycle->old_cycle))
    {
        ngx_clientcert_follow_stop();
        ngx_clientcert_loader_single(cycle, loaders);
        return NGX_OK;
    }

    if (loaders == NULL || loaders->nelts == 0) {
        return NGX_OK;
    }

    path = ngx_pcalloc(cycle->pool, sizeof(ngx_path_t));
    if (path == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&path->name, "clientcert_store");
    path->manager = ngx_clientcert_follow_manager;
    path->data = loaders;

    paths = ngx_array_push(&cycle->paths);
    if (paths == NULL) {
        return NGX_ERROR;
    }

    *paths = path;

    return NGX_OK;
}


void
ngx_clientcert_loader_single(ngx_cycle_t *cycle, ngx_array_t *loaders)
{
    ngx_clientcert_follow_start(cycle, loaders ? loaders
                                               : &ngx_clientcert_nothing);
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
ngx_clientcert_follow_start(ngx_cycle_t *cycle, ngx_array_t *loaders)
{
    ngx_uint_t                 i;
    ngx_clientcert_loader_t  **ld;

    ngx_clientcert_followed = loaders;
    ld = loaders->elts;

    for (i = 0; i < loaders->nelts; i++) {
        ld[i]->log = cycle->log;
        ld[i]->level = NGX_LOG_ERR;
        ld[i]->due = ngx_current_msec;
        ld[i]->wd = -1;
        ld[i]->stamp = ld[i]->store->sh->stamp;
        ld[i]->small = (ld[i]->store->sh->wanted != 0);

        ngx_clientcert_store_new_writer(ld[i]->store);
    }

    ngx_clientcert_dummy.fd = (ngx_socket_t) -1;

    ngx_clientcert_timer.handler = ngx_clientcert_follow_timer;
    ngx_clientcert_timer.log = cycle->log;
    ngx_clientcert_timer.data = &ngx_clientcert_dummy;
    ngx_clientcert_timer.cancelable = 1;

    ngx_add_timer(&ngx_clientcert_timer, 1);
}


static void
ngx_clientcert_follow_stop(void)
{
    ngx_uint_t                 i;
    ngx_array_t               *loaders;
    ngx_clientcert_loader_t  **ld;

    if (ngx_clientcert_followed == NULL) {
        return;
    }

    loaders = ngx_clientcert_followed;
    ngx_clientcert_followed = &ngx_clientcert_nothing;

    ld = loaders->elts;

    for (i = 0; i < loaders->nelts; i++) {

        if (ld[i]->wd != -1) {
            ngx_clientcert_follow_unwatch(ld[i]->wd);
        }

        if (ld[i]->dir) {
            ngx_clientcert_directory_destroy(ld[i]);
        }

        ngx_clientcert_list_forget(ld[i]);
        ngx_clientcert_store_no_writer(ld[i]->store);
    }
}


static void
ngx_clientcert_follow_timer(ngx_event_t *ev)
{
    ngx_clientcert_follow_due();
}


static void
ngx_clientcert_follow_due(void)
{
    ngx_uint_t                 i;
    ngx_msec_t                 next;
    ngx_msec_int_t             left;
    ngx_clientcert_loader_t  **ld;

    ld = ngx_clientcert_followed->elts;

    for (i = 0; i < ngx_clientcert_followed->nelts; i++) {
        if (!ld[i]->retired
            && (ngx_msec_int_t) (ld[i]->due - ngx_current_msec) <= 0)
        {
            ngx_clientcert_follow_one(ld[i]);
            ngx_clientcert_loader_poll();
        }
    }

    next = 60 * 60 * 1000;

    for (i = 0; i < ngx_clientcert_followed->nelts; i++) {
        if (!ld[i]->retired) {
            left = (ngx_msec_int_t) (ld[i]->due - ngx_current_msec);
            next = ngx_min(next, (ngx_msec_t) ngx_max(left, 1));
        }
    }

    if (ngx_clientcert_timer.timer_set) {
        ngx_del_timer(&ngx_clientcert_timer);
    }

    ngx_add_timer(&ngx_clientcert_timer, next);
}


static void
ngx_clientcert_follow_one(ngx_clientcert_loader_t *ld)
{
    int         wd;
    ngx_msec_t  start, took, wait;

    /* first, so that nothing happens unseen after the reading */

    ngx_clientcert_follow_watch(ld);

    if (ld->store->certificates && ld->dir == NULL
        && ngx_clientcert_directory_create(ld) != NGX_OK)
    {
        ld->due = ngx_current_msec + ld->interval;
        return;
    }

    ngx_time_update();
    start = ngx_current_msec;

    /* an event that comes meanwhile may make it due earlier */

    ld->due = start + ld->interval;

    ngx_clientcert_loader_run(ld);

    ngx_time_update();

    took = ngx_current_msec - start;
    wait = ld->interval;

    if (ld->unsettled) {
        wait = ngx_min(wait, NGX_CLIENTCERT_SETTLE);
        wait = (wait > took * 2) ? wait - took : took;
    }

    if (ld->wd != -1 && !ld->linked && ngx_clientcert_follow_local(ld)) {
        wait = ngx_max(wait, took * NGX_CLIENTCERT_SHARE);
    }

    if (ld->due == start + ld->interval) {
        ld->due = ngx_current_msec + ngx_max(wait, 1);
    }

    /* the path may have come to lead elsewhere before it was opened */

    wd = ld->wd;

    ngx_clientcert_follow_watch(ld);

    if (ld->wd != wd && ld->wd != -1) {
        ld->swapped = 1;
        ld->due = ngx_current_msec;
    }
}


static void
ngx_clientcert_follow_watch(ngx_clientcert_loader_t *ld)
{
    int        wd, old;
    size_t     len;
    ngx_err_t  err;
    u_char     path[NGX_MAX_PATH + 2];

    /* of a list the directory, in which it may be replaced */

    len = ld->path.len;

    if (!ld->store->certificates) {
        while (len > 1 && ld->path.data[len - 1] != '/') {
            len--;
        }
    }

    if (len > NGX_MAX_PATH) {
        return;
    }

    *ngx_cpymem(path, ld->path.data, len) = '\0';

    wd = -1;
    err = ngx_clientcert_follow_inotify(ld->log);

    if (err == 0) {
        wd = inotify_add_watch(ngx_clientcert_inotify, (char *) path,
                               NGX_CLIENTCERT_EVENTS);
        err = (wd == -1) ? ngx_errno : 0;
    }

    old = ld->wd;
    ld->wd = wd;

    if (old != -1 && old != wd) {
        ngx_clientcert_follow_unwatch(old);
    }

    /* that it isn't there is told by who reads it */

    if (err == NGX_ENOENT || err == NGX_ENOTDIR || err == NGX_EACCES) {
        return;
    }

    if (err && err != ld->watch_err) {
        ngx_log_error(NGX_LOG_WARN, ld->log, err,
                      "store \"%V\": inotify does not work for \"%V\", "
                      "changes are found every %M ms by comparing",
                      &ld->store->name, &ld->path, ld->interval);
    }

    if (err == 0 && ld->watch_err) {
        ngx_log_error(NGX_LOG_NOTICE, ld->log, 0,
                      "store \"%V\": inotify works for \"%V\" again",
                      &ld->store->name, &ld->path);
    }

    ld->watch_err = err;
}


static ngx_err_t
ngx_clientcert_follow_inotify(ngx_log_t *log)
{
    ngx_err_t  err;

    if (ngx_clientcert_inotify != -1) {
        return 0;
    }

    ngx_clientcert_inotify = inotify_init1(IN_NONBLOCK|IN_CLOEXEC);

    if (ngx_clientcert_inotify == -1) {
        return ngx_errno;
    }

    if (ngx_add_channel_event((ngx_cycle_t *) ngx_cycle,
                              ngx_clientcert_inotify, NGX_READ_EVENT,
                              ngx_clientcert_follow_handler)
        != NGX_OK)
    {
        err = ngx_errno;

        (void) close(ngx_clientcert_inotify);
        ngx_clientcert_inotify = -1;

        return err ? err : NGX_ENOMEM;
    }

    return 0;
}


/* unless another store has the same directory */

static void
ngx_clientcert_follow_unwatch(int wd)
{
    ngx_uint_t                 i;
    ngx_clientcert_loader_t  **ld;

    ld = ngx_clientcert_followed->elts;

    for (i = 0; i < ngx_clientcert_followed->nelts; i++) {
        if (ld[i]->wd == wd) {
            return;
        }
    }

    (void) inotify_rm_watch(ngx_clientcert_inotify, wd);
}


/* whether the kernel itself makes all changes */

static ngx_uint_t
ngx_clientcert_follow_local(ngx_clientcert_loader_t *ld)
{
    size_t         i;
    struct statfs  fs;

    static uint32_t  local[] = {
        0xef53,         /* ext2, ext3, ext4 */
        0x58465342,     /* xfs */
        0x9123683e,     /* btrfs */
        0xf2f52010,     /* f2fs */
        0x2fc12fc1,     /* zfs */
        0x01021994      /* tmpfs */
    };

    if (statfs((char *) ld->path.data, &fs) == -1) {
        return 0;
    }

    for (i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
        if ((uint32_t) fs.f_type == local[i]) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_clientcert_follow_handler(ngx_event_t *ev)
{
    ngx_clientcert_follow_events();
    ngx_clientcert_follow_due();
}


void
ngx_clientcert_loader_poll(void)
{
    if (ngx_clientcert_inotify != -1) {
        ngx_clientcert_follow_events();
    }
}


static void
ngx_clientcert_follow_events(void)
{
    ngx_uint_t                 i, more;
    struct pollfd              pfd;
    ngx_clientcert_loader_t  **ld;

    if (ngx_clientcert_follow_read() != NGX_OK) {
        return;
    }

    pfd.fd = ngx_clientcert_inotify;
    pfd.events = POLLIN;

    /* the other half of a rename comes soon, or it was moved away */

    for (i = 1; i < NGX_CLIENTCERT_READS; i++) {
        if (poll(&pfd, 1, ngx_clientcert_follow_moving()
                          ? NGX_CLIENTCERT_HALF : 0)
            <= 0)
        {
            break;
        }

        (void) ngx_clientcert_follow_read();
    }

    more = (i == NGX_CLIENTCERT_READS && poll(&pfd, 1, 0) > 0);
    ld = ngx_clientcert_followed->elts;

    for (i = 0; i < ngx_clientcert_followed->nelts; i++) {
        if (ld[i]->dir == NULL || ld[i]->retired) {
            continue;
        }

        if (!more) {
            ngx_clientcert_directory_moved_away(ld[i]);
        }

        ngx_clientcert_directory_commit(ld[i]);
    }
}


static ngx_uint_t
ngx_clientcert_follow_moving(void)
{
    ngx_uint_t                 i;
    ngx_clientcert_loader_t  **ld;

    ld = ngx_clientcert_followed->elts;

    for (i = 0; i < ngx_clientcert_followed->nelts; i++) {
        if (ld[i]->dir && !ld[i]->retired
            && ngx_clientcert_directory_moving(ld[i]))
        {
            return 1;
        }
    }

    return 0;
}


/* returns NGX_OK, or NGX_DONE if there are no events */

static ngx_int_t
ngx_clientcert_follow_read(void)
{
    u_char                *p, *last;
    ssize_t                n;
    struct inotify_event  *event;

    static uint64_t  buf[64 * 1024 / sizeof(uint64_t)];

    n = read(ngx_clientcert_inotify, buf, sizeof(buf));

    if (n <= 0) {
        return NGX_DONE;
    }

    last = (u_char *) buf + n;

    for (p = (u_char *) buf;
         p < last;
         p += sizeof(struct inotify_event) + event->len)
    {
        event = (struct inotify_event *) p;
        ngx_clientcert_follow_event(event);
    }

    return NGX_OK;
}


static void
ngx_clientcert_follow_event(struct inotify_event *event)
{
    ngx_uint_t                 i;
    ngx_clientcert_loader_t  **ld;

    ld = ngx_clientcert_followed->elts;

    for (i = 0; i < ngx_clientcert_followed->nelts; i++) {

        if (ld[i]->retired
            || (ld[i]->wd != event->wd && !(event->mask & IN_Q_OVERFLOW)))
        {
            continue;
        }

        if (event->mask & IN_IGNORED) {
            ld[i]->wd = -1;
        }

        /* what happens elsewhere doesn't matter */

        if (event->mask & IN_MOVE_SELF) {
            ld[i]->wd = -1;
            ngx_clientcert_follow_unwatch(event->wd);
        }

        if (event->mask
            & (IN_Q_OVERFLOW|IN_IGNORED|IN_DELETE_SELF|IN_MOVE_SELF))
        {
            ld[i]->due = ngx_current_msec;

            /* files that were written have told so, though nobody heard it */

            if ((event->mask & IN_Q_OVERFLOW) && ld[i]->dir) {
                ngx_clientcert_directory_lost(ld[i]);
            }

            if ((event->mask & IN_DELETE_SELF) && ld[i]->dir) {
                ngx_clientcert_directory_removed(ld[i]);
            }

        } else if (event->len) {
            ngx_clientcert_follow_name(ld[i], event);
        }
    }
}


static void
ngx_clientcert_follow_name(ngx_clientcert_loader_t *ld,
    struct inotify_event *event)
{
    ngx_str_t  name;

    name.data = (u_char *) event->name;
    name.len = ngx_strlen(event->name);

    /* "..data" of Kubernetes: all files are others at once, and complete */

    if (name.data[0] == '.' && name.data[1] == '.') {
        if (event->mask & IN_MOVED_TO) {
            ld->swapped = 1;
            ld->due = ngx_current_msec;
        }

        return;
    }

    if (ld->store->certificates) {
        if (ld->dir && name.data[0] != '.') {
            ngx_clientcert_directory_event(ld, &name, event->mask,
                                           event->cookie);
        }

        return;
    }

    if (name.len >= ld->path.len
        || ld->path.data[ld->path.len - name.len - 1] != '/'
        || ngx_memcmp(ld->path.data + ld->path.len - name.len, name.data,
                      name.len)
           != 0)
    {
        return;
    }

    if (event->mask & (IN_CLOSE_WRITE|IN_MOVED_TO)) {
        (void) ngx_clientcert_list_load(ld, 1);

    } else {
        ld->due = ngx_current_msec;
    }
}
