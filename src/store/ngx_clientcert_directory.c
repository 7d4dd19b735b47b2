
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_directory.h"
#include <sys/inotify.h>


/* bytes read between two chances for other work, and what a look counts for */
#define NGX_CLIENTCERT_WORK_A_POLL   (256 * 1024)
#define NGX_CLIENTCERT_WORK_A_LOOK   4096

/* reasons that are no errors of the system and not ngx_clientcert_file_e's */
#define NGX_CLIENTCERT_FILE_BIG      20
#define NGX_CLIENTCERT_FILE_SPECIAL  21
#define NGX_CLIENTCERT_FILE_NAME     22

/* is no reason, but logged once as well */
#define NGX_CLIENTCERT_FILE_WARN     23


/* why a file is looked at */

typedef enum {
    NGX_CLIENTCERT_COMPARED = 0,    /* somebody may be writing it */
    NGX_CLIENTCERT_CREATED,         /* it may not be written at all */
    NGX_CLIENTCERT_COMPLETE
} ngx_clientcert_look_e;


static ngx_int_t ngx_clientcert_directory_open(ngx_clientcert_loader_t *ld);
static ngx_int_t ngx_clientcert_directory_all_files(
    ngx_clientcert_loader_t *ld);
static ngx_int_t ngx_clientcert_directory_read(ngx_clientcert_loader_t *ld,
    DIR *d, ngx_clientcert_look_e how);
static ngx_int_t ngx_clientcert_directory_mounted(
    ngx_clientcert_loader_t *ld);
static ngx_err_t ngx_clientcert_directory_sweep(ngx_clientcert_loader_t *ld,
    ngx_clientcert_look_e how);
static ngx_int_t ngx_clientcert_directory_same(ngx_clientcert_loader_t *ld,
    ngx_str_t *name, uint32_t mask);
static void ngx_clientcert_directory_soon(ngx_clientcert_loader_t *ld,
    ngx_msec_t wait);
static ngx_err_t ngx_clientcert_directory_rename(ngx_clientcert_loader_t *ld,
    ngx_str_t *name, uint32_t mask, uint32_t cookie);
static ngx_int_t ngx_clientcert_directory_how(ngx_clientcert_loader_t *ld,
    ngx_str_t *name, uint32_t mask);
static ngx_err_t ngx_clientcert_directory_look(ngx_clientcert_loader_t *ld,
    u_char *name, size_t len, ngx_clientcert_look_e how);
static ngx_uint_t ngx_clientcert_directory_settled(
    ngx_clientcert_source_t *file, uint64_t stamp);
static ngx_err_t ngx_clientcert_directory_no_stat(ngx_clientcert_loader_t *ld,
    u_char *name, size_t len, ngx_err_t err, ngx_clientcert_look_e how);
static void ngx_clientcert_directory_gone(ngx_clientcert_directory_t *dir,
    u_char *name, size_t len, ngx_clientcert_look_e how);
static ngx_uint_t ngx_clientcert_directory_missed(
    ngx_clientcert_directory_t *dir, ngx_clientcert_source_t *file);
static ngx_err_t ngx_clientcert_directory_file(ngx_clientcert_loader_t *ld,
    ngx_clientcert_source_t *file, ngx_clientcert_look_e how);
static ngx_err_t ngx_clientcert_directory_content(ngx_clientcert_loader_t *ld,
    ngx_clientcert_source_t *file, size_t len, ngx_clientcert_look_e how);
static void ngx_clientcert_directory_key(ngx_clientcert_loader_t *ld,
    ngx_clientcert_source_t *file);
static ngx_err_t ngx_clientcert_directory_text(ngx_clientcert_directory_t *dir,
    int fd, size_t *len);
static void ngx_clientcert_directory_reject(ngx_clientcert_loader_t *ld,
    ngx_clientcert_source_t *file, int reason);
static ngx_uint_t ngx_clientcert_directory_told(ngx_clientcert_loader_t *ld,
    ngx_clientcert_source_t *file, int reason);
static const char *ngx_clientcert_directory_reason(int reason);


ngx_int_t
ngx_clientcert_directory_create(ngx_clientcert_loader_t *ld)
{
    ngx_pool_t                  *pool;
    ngx_clientcert_directory_t  *dir;

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ld->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    dir = ngx_pcalloc(pool, sizeof(ngx_clientcert_directory_t));
    if (dir == NULL) {
        goto failed;
    }

    dir->pool = pool;
    dir->fd = -1;

    dir->found = ngx_array_create(pool, 4, sizeof(ngx_clientcert_der_t));
    dir->buf = ngx_palloc(pool, NGX_CLIENTCERT_FILE_MAX + 1);

    if (dir->found == NULL || dir->buf == NULL
        || ngx_clientcert_files_create(&dir->files, ld->log) != NGX_OK)
    {
        goto failed;
    }

    ld->dir = dir;

    if (ngx_clientcert_directory_restore(ld) != NGX_OK) {
        ngx_clientcert_directory_destroy(ld);
        return NGX_ERROR;
    }

    return NGX_OK;

failed:

    ngx_destroy_pool(pool);

    return NGX_ERROR;
}


void
ngx_clientcert_directory_destroy(ngx_clientcert_loader_t *ld)
{
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;
    ld->dir = NULL;

    ngx_clientcert_directory_close(dir);
    ngx_clientcert_files_destroy(&dir->files);

    ngx_destroy_pool(dir->pool);
}


ngx_int_t
ngx_clientcert_directory_scan(ngx_clientcert_loader_t *ld)
{
    ngx_int_t                    rc;
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;

    ngx_clientcert_directory_close(dir);

    dir->scanning = 1;

    if (ngx_clientcert_directory_open(ld) != NGX_OK) {
        dir->scanning = 0;
        return NGX_ERROR;
    }

    dir->scan++;
    dir->unsettled = 0;

    rc = ngx_clientcert_directory_all_files(ld);

    dir->scanning = 0;

    if (rc == NGX_OK) {
        ngx_clientcert_loader_failed(ld, 0, NULL);

        ld->store->sh->dev = dir->dev;
        dir->scanned = 1;

        if (dir->doubtful) {
            dir->doubtful = 0;
            dir->synced = 0;
        }
    }

    ld->unsettled = dir->unsettled;

    ngx_clientcert_directory_commit(ld);

    return rc;
}


/*
 * Opens what the path leads to now, until the next commit: it isn't kept open
 * for long, since its file system may be unmounted.
 */

static ngx_int_t
ngx_clientcert_directory_open(ngx_clientcert_loader_t *ld)
{
    struct stat                  sb;
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;

    dir->fd = open((char *) ld->path.data,
                   O_RDONLY|O_DIRECTORY|O_CLOEXEC|O_NONBLOCK);

    if (dir->fd == -1 || fstat(dir->fd, &sb) == -1) {
        ngx_clientcert_loader_failed(ld, ngx_errno, "open()");
        ngx_clientcert_directory_close(dir);
        return NGX_ERROR;
    }

    /* another one is put in the place of the old one when it is complete */

    if (dir->ino && (dir->ino != sb.st_ino || dir->dev != sb.st_dev)) {
        ld->complete = 1;

        if (!dir->scanning) {
            ld->swapped = 1;
            ld->due = ngx_current_msec;
        }
    }

    dir->ino = sb.st_ino;
    dir->dev = sb.st_dev;

    return NGX_OK;
}


void
ngx_clientcert_directory_close(ngx_clientcert_directory_t *dir)
{
    if (dir->fd != -1) {
        (void) close(dir->fd);
        dir->fd = -1;
    }
}


static ngx_int_t
ngx_clientcert_directory_all_files(ngx_clientcert_loader_t *ld)
{
    int                     fd;
    DIR                    *d;
    ngx_err_t               err;
    ngx_int_t               rc;
    ngx_clientcert_look_e   how;

    how = ld->complete ? NGX_CLIENTCERT_COMPLETE : NGX_CLIENTCERT_COMPARED;

    fd = openat(ld->dir->fd, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    d = (fd == -1) ? NULL : fdopendir(fd);

    if (d == NULL) {
        ngx_clientcert_loader_failed(ld, ngx_errno, "open()");

        if (fd != -1) {
            (void) close(fd);
        }

        return NGX_ERROR;
    }

    rc = ngx_clientcert_directory_read(ld, d, how);

    (void) closedir(d);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    /* what has been renamed meanwhile isn't gone */

    ngx_clientcert_loader_poll();

    err = ngx_clientcert_directory_sweep(ld, how);

    if (err) {
        ngx_clientcert_loader_failed(ld, err, "reading files");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_directory_read(ngx_clientcert_loader_t *ld, DIR *d,
    ngx_clientcert_look_e how)
{
    ngx_err_t                    err;
    ngx_uint_t                   n;
    struct dirent               *de;
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;
    ld->linked = 0;

    n = 0;

    for ( ;; ) {
        ngx_set_errno(0);
        de = readdir(d);

        if (de == NULL) {
            err = ngx_errno;

            if (err) {
                ngx_clientcert_loader_failed(ld, err, "readdir()");
                return NGX_ERROR;
            }

            return n ? NGX_OK : ngx_clientcert_directory_mounted(ld);
        }

        if (de->d_name[0] == '.') {
            continue;
        }

        n++;

        /* of changes behind a link no event tells */

        if (de->d_type == DT_LNK || de->d_type == DT_UNKNOWN) {
            ld->linked = 1;
        }

        err = ngx_clientcert_directory_look(ld, (u_char *) de->d_name,
                                            ngx_strlen(de->d_name), how);
        if (err) {
            ngx_clientcert_loader_failed(ld, err, "reading files");
            return NGX_ERROR;
        }

        dir->work += NGX_CLIENTCERT_WORK_A_LOOK;

        if (dir->work > NGX_CLIENTCERT_WORK_A_POLL) {
            dir->work = 0;
            ngx_clientcert_loader_poll();
        }

        if (ngx_quit || ngx_terminate) {
            return NGX_ERROR;
        }
    }
}


/* an empty mount point says nothing of what its file system holds */

static ngx_int_t
ngx_clientcert_directory_mounted(ngx_clientcert_loader_t *ld)
{
    if (ld->store->sh->dev == 0
        || ld->store->sh->dev == ld->dir->dev
        || ngx_clientcert_store_count(ld->store, 0) == 0)
    {
        return NGX_OK;
    }

    ngx_clientcert_loader_failed(ld, ENODEV, "finding the file system");

    return NGX_ERROR;
}


/* forgets the files that the scan hasn't met */

static ngx_err_t
ngx_clientcert_directory_sweep(ngx_clientcert_loader_t *ld,
    ngx_clientcert_look_e how)
{
    ngx_err_t                 err;
    ngx_clientcert_files_t   *files;
    ngx_clientcert_source_t  *file, *next;

    files = &ld->dir->files;

    for (file = ngx_clientcert_files_next(files, NULL); file; file = next) {
        next = ngx_clientcert_files_next(files, file);

        if (file->scan == ld->dir->scan) {
            continue;
        }

        /* it may have come back */

        err = ngx_clientcert_directory_look(ld, file->name, file->len, how);

        if (err) {
            return err;
        }
    }

    return 0;
}


void
ngx_clientcert_directory_event(ngx_clientcert_loader_t *ld, ngx_str_t *name,
    uint32_t mask, uint32_t cookie)
{
    ino_t                        ino;
    ngx_err_t                    err;
    ngx_int_t                    how;
    ngx_uint_t                   unsettled;
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;

    if (ngx_clientcert_directory_same(ld, name, mask) != NGX_OK) {
        dir->cookie = 0;
        ld->due = ngx_current_msec;
        return;
    }

    ino = dir->ino;

    if (dir->fd == -1 && ngx_clientcert_directory_open(ld) != NGX_OK) {
        ngx_clientcert_directory_soon(ld, ld->interval);
        return;
    }

    if (dir->ino != ino) {
        return;
    }

    unsettled = dir->unsettled;
    dir->unsettled = 0;

    err = ngx_clientcert_directory_rename(ld, name, mask, cookie);

    if (err == 0) {
        how = ngx_clientcert_directory_how(ld, name, mask);

        if (how != NGX_DECLINED) {
            err = ngx_clientcert_directory_look(ld, name->data, name->len,
                                                how);
        }
    }

    if (err) {
        ngx_clientcert_loader_failed(ld, err, "reading files");
        ngx_clientcert_directory_soon(ld, ld->interval);
    }

    if (dir->unsettled) {
        ngx_clientcert_directory_soon(ld, NGX_CLIENTCERT_SETTLE);
    }

    dir->unsettled |= unsettled;
}


/* what an event can't settle is met by comparing */

static void
ngx_clientcert_directory_soon(ngx_clientcert_loader_t *ld, ngx_msec_t wait)
{
    ngx_msec_t  due;

    due = ngx_current_msec + wait;

    if ((ngx_msec_int_t) (ld->due - due) > 0) {
        ld->due = due;
    }
}


/*
 * Whether the path still leads to the directory of the events.  If another one
 * is there, they don't matter.  If there is none, files that were removed
 * before it was are gone all the same.
 */

static ngx_int_t
ngx_clientcert_directory_same(ngx_clientcert_loader_t *ld, ngx_str_t *name,
    uint32_t mask)
{
    struct stat  sb;

    if (stat((char *) ld->path.data, &sb) == -1) {

        if (mask & IN_DELETE) {
            ngx_clientcert_directory_gone(ld->dir, name->data, name->len,
                                          NGX_CLIENTCERT_COMPLETE);
        }

        return NGX_DECLINED;
    }

    if (sb.st_ino != ld->dir->ino || sb.st_dev != ld->dir->dev) {
        ld->swapped = 1;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* a directory is empty when it is removed */

void
ngx_clientcert_directory_removed(ngx_clientcert_loader_t *ld)
{
    struct stat  sb;

    if (stat((char *) ld->path.data, &sb) == 0) {
        ld->swapped = 1;
        return;
    }

    ngx_clientcert_files_forget_all(&ld->dir->files);
}


void
ngx_clientcert_directory_lost(ngx_clientcert_loader_t *ld)
{
    ld->dir->cookie = 0;
    ld->swapped = 1;
}


ngx_uint_t
ngx_clientcert_directory_moving(ngx_clientcert_loader_t *ld)
{
    return ld->dir->cookie != 0;
}


/*
 * What a file holds moves with it, whether it still has that name or not:
 * there may be many renames in a row.  One of which no second half comes has
 * moved away.  If two were exchanged, the other one is there by the old name.
 */

static ngx_err_t
ngx_clientcert_directory_rename(ngx_clientcert_loader_t *ld, ngx_str_t *name,
    uint32_t mask, uint32_t cookie)
{
    ngx_err_t                    err;
    ngx_clientcert_source_t     *from, *to;
    ngx_clientcert_directory_t  *dir;

    err = 0;
    dir = ld->dir;

    if (dir->cookie && (mask & IN_MOVED_TO) && cookie == dir->cookie) {
        dir->cookie = 0;

        from = ngx_clientcert_files_find(&dir->files, dir->moved,
                                         dir->moved_len);
        if (from) {
            to = ngx_clientcert_files_get(&dir->files, name->data, name->len);
            if (to == NULL) {
                return NGX_ENOMEM;
            }

            /* what that held is in force until it is read */

            to->scan = dir->scan;
            ngx_clientcert_files_move(&dir->files, from, to);
        }

        err = ngx_clientcert_directory_look(ld, dir->moved, dir->moved_len,
                                            NGX_CLIENTCERT_CREATED);
    }

    ngx_clientcert_directory_moved_away(ld);

    if ((mask & IN_MOVED_FROM) && name->len <= NGX_CLIENTCERT_ORIGIN_LEN) {
        dir->cookie = cookie;
        dir->moved_len = name->len;
        ngx_cpystrn(dir->moved, name->data, name->len + 1);
    }

    return err;
}


void
ngx_clientcert_directory_moved_away(ngx_clientcert_loader_t *ld)
{
    ngx_err_t                    err;
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;

    if (dir->cookie == 0) {
        return;
    }

    dir->cookie = 0;

    ngx_clientcert_directory_gone(dir, dir->moved, dir->moved_len,
                                  NGX_CLIENTCERT_COMPLETE);

    if (dir->fd == -1 && ngx_clientcert_directory_open(ld) != NGX_OK) {
        return;
    }

    err = ngx_clientcert_directory_look(ld, dir->moved, dir->moved_len,
                                        NGX_CLIENTCERT_CREATED);
    if (err) {
        ngx_clientcert_loader_failed(ld, err, "reading files");
        ngx_clientcert_directory_soon(ld, ld->interval);
    }
}


/* returns how to look at the file after the event, or NGX_DECLINED: not */

static ngx_int_t
ngx_clientcert_directory_how(ngx_clientcert_loader_t *ld, ngx_str_t *name,
    uint32_t mask)
{
    struct stat               sb;
    ngx_clientcert_source_t  *file;

    /* a change of its attributes is none of what it holds */

    if (mask & IN_ATTRIB) {
        file = ngx_clientcert_files_find(&ld->dir->files, name->data,
                                         name->len);

        return (file && file->reason) ? NGX_CLIENTCERT_COMPLETE
                                      : NGX_DECLINED;
    }

    if (mask & IN_MOVED_FROM) {
        return NGX_DECLINED;
    }

    if (fstatat(ld->dir->fd, (char *) name->data, &sb, AT_SYMLINK_NOFOLLOW)
        == -1)
    {
        /* another event tells where it went */

        return (mask & IN_DELETE) ? NGX_CLIENTCERT_COMPLETE : NGX_DECLINED;
    }

    /* of changes behind a link no event tells */

    if (S_ISLNK(sb.st_mode) && !ld->linked) {
        ld->linked = 1;
        ngx_clientcert_directory_soon(ld, ld->interval);
    }

    if (mask & (IN_CLOSE_WRITE|IN_MOVED_TO)) {
        return NGX_CLIENTCERT_COMPLETE;
    }

    /* another file by that name */

    if (mask & IN_DELETE) {
        ngx_clientcert_directory_gone(ld->dir, name->data, name->len,
                                      NGX_CLIENTCERT_COMPLETE);
    }

    return S_ISREG(sb.st_mode) ? NGX_CLIENTCERT_CREATED
                               : NGX_CLIENTCERT_COMPLETE;
}


/* returns an error of the system */

static ngx_err_t
ngx_clientcert_directory_look(ngx_clientcert_loader_t *ld, u_char *name,
    size_t len, ngx_clientcert_look_e how)
{
    int                          reason;
    uint64_t                     stamp;
    ngx_err_t                    err;
    ngx_uint_t                   recent;
    struct stat                  sb;
    ngx_clientcert_source_t     *file;
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;

    if (fstatat(dir->fd, (char *) name, &sb, 0) == -1) {
        return ngx_clientcert_directory_no_stat(ld, name, len, ngx_errno, how);
    }

    if (S_ISDIR(sb.st_mode)) {
        ngx_clientcert_directory_gone(dir, name, len, how);
        return 0;
    }

    file = ngx_clientcert_files_get(&dir->files, name, len);
    if (file == NULL) {
        return NGX_ENOMEM;
    }

    file->scan = dir->scan;
    file->missed = 0;

    reason = !S_ISREG(sb.st_mode) ? NGX_CLIENTCERT_FILE_SPECIAL
             : (len > NGX_CLIENTCERT_ORIGIN_LEN) ? NGX_CLIENTCERT_FILE_NAME
                                                 : 0;
    if (reason) {
        ngx_clientcert_files_clear(&dir->files, file);
        ngx_clientcert_directory_reject(ld, file, reason);
        file->stamp = 0;
        return 0;
    }

    stamp = ngx_clientcert_loader_stamp(&sb, &recent);

    if (file->stamp == stamp) {
        return 0;
    }

    if (how == NGX_CLIENTCERT_COMPARED && dir->scanned
        && !ngx_clientcert_directory_settled(file, stamp))
    {
        dir->unsettled = 1;
        return 0;
    }

    if (how == NGX_CLIENTCERT_CREATED) {
        file->since = ngx_current_msec;
    }

    file->pending = stamp;
    file->stamp = recent ? 0 : stamp;

    err = ngx_clientcert_directory_file(ld, file, how);

    if (err) {
        file->stamp = 0;
    }

    return err;
}


static ngx_uint_t
ngx_clientcert_directory_settled(ngx_clientcert_source_t *file, uint64_t stamp)
{
    if (file->pending != stamp) {
        file->pending = stamp;
        file->since = ngx_current_msec;
    }

    return ngx_current_msec - file->since >= NGX_CLIENTCERT_SETTLE;
}


static ngx_err_t
ngx_clientcert_directory_no_stat(ngx_clientcert_loader_t *ld, u_char *name,
    size_t len, ngx_err_t err, ngx_clientcert_look_e how)
{
    ngx_uint_t                   gone;
    struct stat                  sb;
    ngx_clientcert_source_t     *file;
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;

    if (ngx_clientcert_loader_exhausted(err)) {
        return err;
    }

    gone = (err == NGX_ENOENT || err == NGX_ENOTDIR || err == NGX_ELOOP);

    if (gone
        && fstatat(dir->fd, (char *) name, &sb, AT_SYMLINK_NOFOLLOW) == -1)
    {
        ngx_clientcert_directory_gone(dir, name, len, how);
        return 0;
    }

    /* a link to nowhere or in a loop, or no permission */

    file = ngx_clientcert_files_get(&dir->files, name, len);
    if (file == NULL) {
        return NGX_ENOMEM;
    }

    file->scan = dir->scan;
    file->stamp = 0;
    file->pending = 0;

    if (gone) {

        /* it may be about to go as well, or what it leads to about to come */

        if (dir->scanned && ngx_clientcert_directory_missed(dir, file)) {
            return 0;
        }

        ngx_clientcert_files_clear(&dir->files, file);
    }

    ngx_clientcert_directory_reject(ld, file, -err);

    return 0;
}


/*
 * If no event tells of it, it may have been renamed: it is kept until what has
 * come in its place has settled.
 */

static void
ngx_clientcert_directory_gone(ngx_clientcert_directory_t *dir, u_char *name,
    size_t len, ngx_clientcert_look_e how)
{
    ngx_clientcert_source_t  *file;

    file = ngx_clientcert_files_find(&dir->files, name, len);

    if (file == NULL) {
        return;
    }

    if (how == NGX_CLIENTCERT_COMPARED && dir->scanned
        && ngx_clientcert_directory_missed(dir, file))
    {
        file->scan = dir->scan;
        return;
    }

    ngx_clientcert_files_forget(&dir->files, file);
}


/* whether it isn't missed for long yet */

static ngx_uint_t
ngx_clientcert_directory_missed(ngx_clientcert_directory_t *dir,
    ngx_clientcert_source_t *file)
{
    if (!file->missed) {
        file->missed = 1;
        file->since = ngx_current_msec;
    }

    if (ngx_current_msec - file->since >= NGX_CLIENTCERT_SETTLE) {
        return 0;
    }

    dir->unsettled = 1;

    return 1;
}


static ngx_err_t
ngx_clientcert_directory_file(ngx_clientcert_loader_t *ld,
    ngx_clientcert_source_t *file, ngx_clientcert_look_e how)
{
    int                          fd;
    size_t                       len;
    ngx_err_t                    err;
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;

    len = 0;

    fd = openat(dir->fd, (char *) file->name,
                O_RDONLY|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    err = (fd == -1) ? ngx_errno
                     : ngx_clientcert_directory_text(dir, fd, &len);

    if (fd != -1) {
        (void) close(fd);
    }

    dir->work += len;

    if (err == NGX_ENOENT) {
        /* gone meanwhile, which makes an event or is met by the next scan */
        file->stamp = 0;
        return 0;
    }

    if (ngx_clientcert_loader_exhausted(err)) {
        return err;
    }

    if (err) {
        file->stamp = 0;
        ngx_clientcert_directory_reject(ld, file, -err);
        return 0;
    }

    return ngx_clientcert_directory_content(ld, file, len, how);
}


/* of the buffer */

static ngx_err_t
ngx_clientcert_directory_content(ngx_clientcert_loader_t *ld,
    ngx_clientcert_source_t *file, size_t len, ngx_clientcert_look_e how)
{
    int                          reason;
    ngx_uint_t                   key;
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;

    dir->found->nelts = 0;
    key = 0;

    reason = (len > NGX_CLIENTCERT_FILE_MAX)
             ? NGX_CLIENTCERT_FILE_BIG
             : (int) ngx_clientcert_der_file(dir->buf, len, dir->found, &key);

    if (reason == NGX_CLIENTCERT_FILE_MEMORY) {
        return NGX_ENOMEM;
    }

    /* a link or an unnamed file that got a name is complete, others get so */

    if (reason && how == NGX_CLIENTCERT_CREATED) {
        file->stamp = 0;
        return 0;
    }

    if (reason) {
        ngx_clientcert_directory_reject(ld, file, reason);
        return 0;
    }

    if (key && !file->key
        && !ngx_clientcert_directory_told(ld, file, NGX_CLIENTCERT_FILE_WARN))
    {
        ngx_clientcert_directory_key(ld, file);
    }

    dir->files.bad -= (file->reason != 0);

    file->key = key;
    file->reason = 0;

    return (ngx_clientcert_files_take(&dir->files, file, dir->found) == NGX_OK)
           ? 0 : NGX_ENOMEM;
}


static void
ngx_clientcert_directory_key(ngx_clientcert_loader_t *ld,
    ngx_clientcert_source_t *file)
{
    u_char     *p;
    ngx_str_t   name;
    u_char      buf[NGX_CLIENTCERT_ORIGIN_LEN * 4];

    name.data = file->name;
    name.len = ngx_min(file->len, NGX_CLIENTCERT_ORIGIN_LEN);
    p = ngx_clientcert_store_escape(buf, &name);

    ngx_log_error(NGX_LOG_WARN, ld->log, 0,
                  "store \"%V\": \"%*s\" holds a private key, which "
                  "doesn't belong there",
                  &ld->store->name, (size_t) (p - buf), buf);
}


static ngx_err_t
ngx_clientcert_directory_text(ngx_clientcert_directory_t *dir, int fd,
    size_t *len)
{
    size_t       size;
    ssize_t      n;
    struct stat  sb;

    if (fstat(fd, &sb) == -1) {
        return ngx_errno;
    }

    *len = 0;

    if (!S_ISREG(sb.st_mode)) {
        return NGX_ENOENT;
    }

    do {
        size = NGX_CLIENTCERT_FILE_MAX + 1 - *len;
        n = read(fd, dir->buf + *len, size);

        if (n == -1) {
            return ngx_errno;
        }

        *len += n;

        /* less than was asked for is the end of a regular file */

    } while (n > 0 && (off_t) *len < sb.st_size && (size_t) n < size);

    return 0;
}


/* what the file held stays in force */

static void
ngx_clientcert_directory_reject(ngx_clientcert_loader_t *ld,
    ngx_clientcert_source_t *file, int reason)
{
    u_char     *p;
    ngx_str_t   name;
    u_char      buf[NGX_CLIENTCERT_ORIGIN_LEN * 4];

    if (file->reason == reason) {
        return;
    }

    ld->dir->files.bad += (file->reason == 0);
    file->reason = reason;

    if (ngx_clientcert_directory_told(ld, file, reason)) {
        return;
    }

    ld->dir->rejected++;

    name.data = file->name;
    name.len = ngx_min(file->len, NGX_CLIENTCERT_ORIGIN_LEN);
    p = ngx_clientcert_store_escape(buf, &name);

    if (reason < 0) {
        ngx_log_error(ld->level, ld->log, -reason,
                      "store \"%V\": \"%*s\" is rejected%s",
                      &ld->store->name, (size_t) (p - buf), buf,
                      file->certs ? ", it keeps its state" : "");
        return;
    }

    ngx_log_error(ld->level, ld->log, 0,
                  "store \"%V\": \"%*s\" is rejected%s: %s",
                  &ld->store->name, (size_t) (p - buf), buf,
                  file->certs ? ", it keeps its state" : "",
                  ngx_clientcert_directory_reason(reason));
}


/* by another process, which knew the file before this one has read all */

static ngx_uint_t
ngx_clientcert_directory_told(ngx_clientcert_loader_t *ld,
    ngx_clientcert_source_t *file, int reason)
{
    return ngx_clientcert_loader_told(ld,
                                      ((uint64_t) file->node.hash << 32
                                      | (uint32_t) reason)
                                     ^ file->pending)
           && !ld->dir->scanned;
}


static const char *
ngx_clientcert_directory_reason(int reason)
{
    switch (reason) {

    case NGX_CLIENTCERT_FILE_EMPTY:
        return "it is empty";

    case NGX_CLIENTCERT_FILE_TRUNCATED:
        return "it is truncated";

    case NGX_CLIENTCERT_FILE_BASE64:
        return "a certificate in it is not base64";

    case NGX_CLIENTCERT_FILE_NOT_DER:
        return "a certificate in it is not DER as RFC 5280 wants it";

    case NGX_CLIENTCERT_FILE_PKCS7:
        return "it is PKCS#7, \"openssl pkcs7 -inform DER -print_certs -in "
               "FILE\" exports its certificates";

    case NGX_CLIENTCERT_FILE_PKCS7_PEM:
        return "it is PKCS#7, \"openssl pkcs7 -print_certs -in FILE\" "
               "exports its certificates";

    case NGX_CLIENTCERT_FILE_PKCS12:
        return "it is PKCS#12, \"openssl pkcs12 -clcerts -nokeys -in FILE\" "
               "exports its certificate";

    case NGX_CLIENTCERT_FILE_KEY:
        return "it holds a private key, which doesn't belong there, and no "
               "certificate";

    case NGX_CLIENTCERT_FILE_BIG:
        return "it is larger than 1 MiB";

    case NGX_CLIENTCERT_FILE_SPECIAL:
        return "it is not a regular file";

    case NGX_CLIENTCERT_FILE_NAME:
        return "its name is longer than 255 bytes";

    case NGX_CLIENTCERT_FILE_TRUSTED:
        return "it holds a trusted certificate, \"openssl x509 -in FILE\" "
               "exports the certificate";

    default: /* NGX_CLIENTCERT_FILE_NONE */
        return "it holds no certificate";
    }
}
