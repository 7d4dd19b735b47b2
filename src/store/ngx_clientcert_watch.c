
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_watch.h"


/*
 * Events of inotify, which only mark names: what has become of them is seen by
 * the next look.  One instance serves all sources of the process, of which
 * several may have the same directory and so the same watch.  Where there is
 * no inotify, or none of its watches is left, comparing finds all changes.
 */


#if (NGX_CLIENTCERT_INOTIFY)

#include <sys/inotify.h>
#include <sys/vfs.h>


#define NGX_CLIENTCERT_EVENTS  (IN_CLOSE_WRITE|IN_MOVED_TO|IN_MOVED_FROM      \
                                |IN_CREATE|IN_DELETE|IN_ATTRIB                \
                                |IN_DELETE_SELF|IN_MOVE_SELF|IN_ONLYDIR)

/* how often events are read in a row, however many more there are */
#define NGX_CLIENTCERT_READS   16


static ngx_err_t ngx_clientcert_watch_add(ngx_clientcert_source_t *src,
    ngx_event_handler_pt handler);
static ngx_err_t ngx_clientcert_watch_open(ngx_log_t *log,
    ngx_event_handler_pt handler);
static void ngx_clientcert_watch_remove(int wd, ngx_array_t *sources);
static ngx_uint_t ngx_clientcert_watch_is_local(ngx_clientcert_source_t *src);
static void ngx_clientcert_watch_event(struct inotify_event *event,
    ngx_array_t *sources);
static void ngx_clientcert_watch_itself(ngx_clientcert_source_t *src,
    struct inotify_event *event, ngx_array_t *sources);
static void ngx_clientcert_watch_name(ngx_clientcert_source_t *src,
    struct inotify_event *event);


static ngx_connection_t  *ngx_clientcert_inotify;


void
ngx_clientcert_watch_source(ngx_clientcert_source_t *src, ngx_array_t *sources,
    ngx_event_handler_pt handler)
{
    int        old;
    ngx_err_t  err;

    old = src->wd;
    err = ngx_clientcert_watch_add(src, handler);

    if (src->wd != old) {
        src->all = NGX_CLIENTCERT_SWAPPED;
        src->events = (src->wd != -1 && ngx_clientcert_watch_is_local(src));

        ngx_clientcert_watch_remove(old, sources);
    }

    /* that it isn't there is told by who reads it */

    if (ngx_clientcert_source_is_missing(err) || err == NGX_EACCES) {
        return;
    }

    if (err && err != src->watch_err) {
        ngx_clientcert_source_log(src, NGX_LOG_WARN, err,
                                  "inotify does not work for \"%V\", changes "
                                  "are found every %M ms by comparing",
                                  &src->path, src->interval);
    }

    if (err == 0 && src->watch_err) {
        ngx_clientcert_source_log(src, NGX_LOG_NOTICE, 0,
                                  "inotify works for \"%V\" again",
                                  &src->path);
    }

    src->watch_err = err;
}


static ngx_err_t
ngx_clientcert_watch_add(ngx_clientcert_source_t *src,
    ngx_event_handler_pt handler)
{
    size_t     len;
    ngx_err_t  err;
    u_char     path[NGX_MAX_PATH + 1];

    src->wd = -1;

    /* of a file the directory, in which it may be replaced */

    len = src->path.len;

    if (src->kind->in_parent) {
        while (len > 1 && src->path.data[len - 1] != '/') {
            len--;
        }
    }

    if (len > NGX_MAX_PATH) {
        return ENAMETOOLONG;
    }

    *ngx_cpymem(path, src->path.data, len) = '\0';

    err = ngx_clientcert_watch_open(src->log, handler);

    if (err) {
        return err;
    }

    src->wd = inotify_add_watch(ngx_clientcert_inotify->fd, (char *) path,
                                NGX_CLIENTCERT_EVENTS);

    return (src->wd == -1) ? ngx_errno : 0;
}


static ngx_err_t
ngx_clientcert_watch_open(ngx_log_t *log, ngx_event_handler_pt handler)
{
    int                fd;
    ngx_err_t          err;
    ngx_connection_t  *c;

    if (ngx_clientcert_inotify) {
        return 0;
    }

    fd = inotify_init1(IN_NONBLOCK|IN_CLOEXEC);

    if (fd == -1) {
        return ngx_errno;
    }

    c = ngx_get_connection(fd, log);

    if (c == NULL) {
        (void) close(fd);
        return NGX_ENOMEM;
    }

    c->read->log = log;
    c->write->log = log;
    c->read->handler = handler;

    if (ngx_add_event(c->read, NGX_READ_EVENT, 0) != NGX_OK) {
        err = ngx_errno;

        ngx_free_connection(c);
        (void) close(fd);

        return err ? err : NGX_ENOMEM;
    }

    ngx_clientcert_inotify = c;

    return 0;
}


/* unless another source has the same directory */

static void
ngx_clientcert_watch_remove(int wd, ngx_array_t *sources)
{
    ngx_uint_t                 i;
    ngx_clientcert_source_t  **src;

    if (wd == -1 || ngx_clientcert_inotify == NULL) {
        return;
    }

    src = sources->elts;

    for (i = 0; i < sources->nelts; i++) {
        if (src[i]->wd == wd) {
            return;
        }
    }

    (void) inotify_rm_watch(ngx_clientcert_inotify->fd, wd);
}


/* whether the kernel itself makes all changes */

static ngx_uint_t
ngx_clientcert_watch_is_local(ngx_clientcert_source_t *src)
{
    size_t         i;
    struct statfs  fs;

    static uint32_t  local[] = {
        0xef53,         /* ext2, ext3, ext4 */
        0x58465342,     /* xfs */
        0x9123683e,     /* btrfs */
        0xf2f52010,     /* f2fs */
        0x2fc12fc1,     /* zfs */
        0x01021994,     /* tmpfs */
        0x794c7630      /* overlayfs */
    };

    if (statfs((char *) src->path.data, &fs) == -1) {
        return 0;
    }

    for (i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
        if ((uint32_t) fs.f_type == local[i]) {
            return 1;
        }
    }

    return 0;
}


void
ngx_clientcert_watch_read(ngx_array_t *sources)
{
    u_char                *p, *last;
    ssize_t                n;
    ngx_uint_t             i;
    struct inotify_event  *event;

    static uint64_t  buf[64 * 1024 / sizeof(uint64_t)];

    for (i = 0; i < NGX_CLIENTCERT_READS && ngx_clientcert_inotify; i++) {

        n = read(ngx_clientcert_inotify->fd, buf, sizeof(buf));

        if (n <= 0) {
            return;
        }

        last = (u_char *) buf + n;

        for (p = (u_char *) buf;
             p < last;
             p += sizeof(struct inotify_event) + event->len)
        {
            event = (struct inotify_event *) p;
            ngx_clientcert_watch_event(event, sources);
        }
    }
}


static void
ngx_clientcert_watch_event(struct inotify_event *event, ngx_array_t *sources)
{
    ngx_uint_t                 i;
    ngx_clientcert_source_t  **src;

    src = sources->elts;

    for (i = 0; i < sources->nelts; i++) {

        if (src[i]->retired
            || src[i]->known == NULL
            || (src[i]->wd != event->wd && !(event->mask & IN_Q_OVERFLOW)))
        {
            continue;
        }

        ngx_log_debug3(NGX_LOG_DEBUG_CORE, src[i]->log, 0,
                       "clientcert event \"%V\" mask:%08XD \"%s\"",
                       &src[i]->store->name, event->mask,
                       event->len ? event->name : "");

        if (event->len) {
            ngx_clientcert_watch_name(src[i], event);

        } else {
            ngx_clientcert_watch_itself(src[i], event, sources);
        }
    }
}


/* of the directory, or of all */

static void
ngx_clientcert_watch_itself(ngx_clientcert_source_t *src,
    struct inotify_event *event, ngx_array_t *sources)
{
    if (!(event->mask
          & (IN_Q_OVERFLOW|IN_IGNORED|IN_DELETE_SELF|IN_MOVE_SELF)))
    {
        return;
    }

    src->marked = 1;
    src->all = ngx_max(src->all, NGX_CLIENTCERT_COMPARED);

    /* files that were written have told so, though nobody heard it */

    if (event->mask & IN_Q_OVERFLOW) {
        src->all = NGX_CLIENTCERT_SWAPPED;
    }

    if (event->mask & IN_DELETE_SELF) {
        src->gone = 1;
    }

    /* what happens elsewhere doesn't matter */

    if (event->mask & (IN_IGNORED|IN_MOVE_SELF)) {
        src->wd = -1;
    }

    if (event->mask & IN_MOVE_SELF) {
        ngx_clientcert_watch_remove(event->wd, sources);
    }
}


static void
ngx_clientcert_watch_name(ngx_clientcert_source_t *src,
    struct inotify_event *event)
{
    ngx_str_t   name;
    ngx_uint_t  mask;

    mask = (event->mask & (IN_CLOSE_WRITE|IN_MOVED_TO))
           ? NGX_CLIENTCERT_COMPLETE
           : (event->mask & IN_CREATE) ? NGX_CLIENTCERT_CREATED
           : (event->mask & IN_DELETE) ? NGX_CLIENTCERT_REMOVED
           : (event->mask & IN_MOVED_FROM) ? NGX_CLIENTCERT_MOVED
           : NGX_CLIENTCERT_ATTRIBUTES;

    name.data = (u_char *) event->name;
    name.len = ngx_strlen(event->name);

    /* "..data" of Kubernetes: all files are others at once, and complete */

    if (name.data[0] == '.' && name.data[1] == '.'
        && (event->mask & IN_MOVED_TO))
    {
        src->all = NGX_CLIENTCERT_SWAPPED;
        src->marked = 1;
        return;
    }

    src->kind->mark(src, &name, mask);
}


void
ngx_clientcert_watch_stop(void)
{
    if (ngx_clientcert_inotify) {
        ngx_close_connection(ngx_clientcert_inotify);
        ngx_clientcert_inotify = NULL;
    }
}


#else


void
ngx_clientcert_watch_source(ngx_clientcert_source_t *src, ngx_array_t *sources,
    ngx_event_handler_pt handler)
{
}


void
ngx_clientcert_watch_read(ngx_array_t *sources)
{
}


void
ngx_clientcert_watch_stop(void)
{
}


#endif
