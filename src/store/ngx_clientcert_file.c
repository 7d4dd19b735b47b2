
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_file.h"
#include "ngx_clientcert_readdir.h"
#include "../cert/ngx_clientcert_text.h"


/*
 * A look at one file: whether its name is there, whether it is another one
 * than was read, complete, and a certificate.  What can't be read is told once
 * and what was read of the file before is kept.
 *
 * Without an event a file may be half-written and a name missing because the
 * directory was read while it was renamed: both must have stayed so for a
 * while.  Until then the name stays marked.
 */


/* reasons that are no errors of the system and not ngx_clientcert_file_e's */
#define NGX_CLIENTCERT_FILE_BIG      20
#define NGX_CLIENTCERT_FILE_SPECIAL  21
#define NGX_CLIENTCERT_FILE_NAME     22


static void ngx_clientcert_file_check_access(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file);
static ngx_int_t ngx_clientcert_file_stat(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_uint_t *how, struct stat *sb);
static ngx_uint_t ngx_clientcert_file_is_left_out(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_uint_t how);
static ngx_int_t ngx_clientcert_file_stat_failed(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_err_t err);
static ngx_uint_t ngx_clientcert_file_has_settled(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, uint64_t stamp);
static ngx_uint_t ngx_clientcert_file_may_be_back(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file);
static ngx_uint_t ngx_clientcert_file_has_waited(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file);
static void ngx_clientcert_file_drop(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_uint_t how);
static ngx_int_t ngx_clientcert_file_read(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_uint_t how);
static ngx_err_t ngx_clientcert_file_read_text(ngx_clientcert_directory_t *dir,
    ngx_clientcert_file_t *file, size_t *len);
static int ngx_clientcert_file_open(ngx_clientcert_directory_t *dir,
    ngx_clientcert_file_t *file, struct stat *sb);
static ngx_int_t ngx_clientcert_file_parse(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, size_t len, ngx_uint_t how);
static void ngx_clientcert_file_parse_failed(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, int reason, ngx_uint_t how);
static void ngx_clientcert_file_reject(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, int reason);
static const char *ngx_clientcert_file_reason_text(int reason);


ngx_int_t
ngx_clientcert_file_look(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_uint_t how)
{
    uint64_t                     stamp;
    ngx_int_t                    rc;
    ngx_uint_t                   recent;
    struct stat                  sb;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    how |= file->events;
    ngx_clientcert_files_unmark(file);

    if (how == NGX_CLIENTCERT_ATTRIBUTES) {

        /* that says nothing of what it holds, but whether it can be read */

        if (file->reason == 0 && file->ncerts) {
            ngx_clientcert_file_check_access(src, file);
            return NGX_OK;
        }

        how |= file->reason ? NGX_CLIENTCERT_COMPLETE : 0;
    }

    rc = ngx_clientcert_file_stat(src, file, &how, &sb);

    if (rc != NGX_OK) {
        return (rc == NGX_DONE) ? NGX_OK : rc;
    }

    stamp = ngx_clientcert_source_stamp(&sb, &recent);

    if (file->stamp == stamp
        || (dir->scanned
            && !(how & (NGX_CLIENTCERT_COMPLETE|NGX_CLIENTCERT_CREATED))
            && !ngx_clientcert_file_has_settled(src, file, stamp)))
    {
        return NGX_OK;
    }

    file->pending = stamp;
    file->stamp = recent ? 0 : stamp;

    return ngx_clientcert_file_read(src, file, how);
}


static void
ngx_clientcert_file_check_access(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file)
{
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    if (faccessat(dir->fd, (char *) file->sn.str.data, R_OK, AT_EACCESS) == -1
        && ngx_errno == NGX_EACCES)
    {
        file->stamp = 0;
        ngx_clientcert_file_reject(src, file, -NGX_EACCES);
    }
}


/* returns NGX_DONE if there is nothing to be read */

static ngx_int_t
ngx_clientcert_file_stat(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_uint_t *how, struct stat *sb)
{
    int                          reason;
    char                        *name;
    ngx_err_t                    err;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;
    name = (char *) file->sn.str.data;

    if (fstatat(dir->fd, name, sb, AT_SYMLINK_NOFOLLOW) == -1) {
        err = ngx_errno;

        if (err == NGX_ENOENT) {
            ngx_clientcert_file_drop(src, file, *how);
            return NGX_DONE;
        }

        return ngx_clientcert_file_stat_failed(src, file, err);
    }

    if (file->ino != sb->st_ino) {
        file->ino = sb->st_ino;
        *how |= NGX_CLIENTCERT_OTHER;

        /* of an exchange the event of what has left comes last */

        *how |= (*how & NGX_CLIENTCERT_MOVED) ? NGX_CLIENTCERT_CREATED : 0;
    }

    if (!S_ISDIR(sb->st_mode)
        && ngx_clientcert_readdir_is_leftover(src, &file->sn.str)
        && ngx_clientcert_file_is_left_out(src, file, *how))
    {
        return NGX_DONE;
    }

    if (S_ISLNK(sb->st_mode)) {

        /* of changes there no event tells */

        src->linked = 1;

        *how |= (*how & NGX_CLIENTCERT_CREATED) ? NGX_CLIENTCERT_COMPLETE : 0;

        if (fstatat(dir->fd, name, sb, 0) == -1) {
            return ngx_clientcert_file_stat_failed(src, file, ngx_errno);
        }
    }

    if (S_ISDIR(sb->st_mode)) {
        ngx_clientcert_files_forget(&dir->files, file);
        return NGX_DONE;
    }

    file->missed = 0;

    reason = !S_ISREG(sb->st_mode) ? NGX_CLIENTCERT_FILE_SPECIAL
             : (file->sn.str.len > NGX_CLIENTCERT_ORIGIN_LEN)
               ? NGX_CLIENTCERT_FILE_NAME : 0;

    if (reason) {
        ngx_clientcert_files_clear(&dir->files, file);
        ngx_clientcert_file_reject(src, file, reason);
        file->stamp = 0;
        return NGX_DONE;
    }

    return NGX_OK;
}


/*
 * What was put aside lets nobody in any more, but it still denies: whether
 * that was meant is told once.
 */

static ngx_uint_t
ngx_clientcert_file_is_left_out(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_uint_t how)
{
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    if (!file->leftover) {
        file->leftover = NGX_CLIENTCERT_LEFTOVER_MET;
        dir->leftovers = 1;
    }

    if (src->store->denies) {
        return 0;
    }

    if (how & NGX_CLIENTCERT_OTHER) {
        dir->come[dir->ncome++ % NGX_CLIENTCERT_COME] = file->ino;
    }

    file->missed = 0;

    return 1;
}


/* of a link that leads nowhere, or without permission */

static ngx_int_t
ngx_clientcert_file_stat_failed(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_err_t err)
{
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    if (ngx_clientcert_source_is_exhausted(err)) {
        return ngx_clientcert_file_break_off(src, err);
    }

    file->stamp = 0;
    file->pending = 0;

    if (ngx_clientcert_source_is_missing(err) || err == NGX_ELOOP) {

        /* it may be about to go as well, or what it leads to about to come */

        if (dir->scanned && ngx_clientcert_file_may_be_back(src, file)) {
            return NGX_DONE;
        }

        ngx_clientcert_files_clear(&dir->files, file);
    }

    ngx_clientcert_file_reject(src, file, -err);

    return NGX_DONE;
}


static ngx_uint_t
ngx_clientcert_file_has_settled(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, uint64_t stamp)
{
    if (file->pending != stamp) {
        ngx_time_update();

        file->pending = stamp;
        file->since = ngx_current_msec;
    }

    return ngx_clientcert_file_has_waited(src, file);
}


/* whether a name isn't missed for long yet */

static ngx_uint_t
ngx_clientcert_file_may_be_back(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file)
{
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    if (!file->missed) {
        ngx_time_update();

        file->missed = 1;
        file->since = ngx_current_msec;
        dir->moved = 1;
        src->missed = 1;
    }

    return !ngx_clientcert_file_has_waited(src, file);
}


/* whether file->since is long ago; else it is looked at again */

static ngx_uint_t
ngx_clientcert_file_has_waited(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file)
{
    ngx_clientcert_directory_t  *dir;

    if (ngx_current_msec - file->since >= NGX_CLIENTCERT_SETTLE) {
        return 1;
    }

    dir = src->known;

    ngx_clientcert_files_mark(&dir->files, file, 0);
    src->unsettled = 1;

    return 0;
}


/* its name is gone: it is forgotten, unless it may be about to come back */

static void
ngx_clientcert_file_drop(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_uint_t how)
{
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    /* an event says so, or said that it was there just now */

    if (dir->scanned && (how & ~NGX_CLIENTCERT_OTHER) == 0
        && ngx_clientcert_file_may_be_back(src, file))
    {
        return;
    }

    /* what was removed isn't there by another name */

    if (!(how & NGX_CLIENTCERT_REMOVED)
        && (file->ncerts || dir->nlost || dir->hunting))
    {
        dir->lost = file->ino;
        dir->nlost++;
    }

    ngx_clientcert_files_forget(&dir->files, file);
}


static ngx_int_t
ngx_clientcert_file_read(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_uint_t how)
{
    size_t                       len;
    ngx_err_t                    err;
    ngx_clientcert_directory_t  *dir;

    len = 0;
    dir = src->known;

    err = ngx_clientcert_file_read_text(dir, file, &len);

    if (err == NGX_ENOENT) {
        ngx_clientcert_file_drop(src, file, how & ~NGX_CLIENTCERT_REMOVED);
        return NGX_OK;
    }

    if (ngx_clientcert_source_is_exhausted(err)) {
        file->stamp = 0;
        ngx_clientcert_files_mark(&dir->files, file, 0);
        file->events |= how;

        return ngx_clientcert_file_break_off(src, err);
    }

    if (err) {
        file->stamp = 0;
        ngx_clientcert_file_reject(src, file, -err);
        return NGX_OK;
    }

    return ngx_clientcert_file_parse(src, file, len, how);
}


/* of the file, into the buffer; returns an error of the system */

static ngx_err_t
ngx_clientcert_file_read_text(ngx_clientcert_directory_t *dir,
    ngx_clientcert_file_t *file, size_t *len)
{
    int          fd;
    size_t       size;
    ssize_t      n;
    ngx_err_t    err;
    struct stat  sb;

    fd = ngx_clientcert_file_open(dir, file, &sb);

    if (fd == -1) {
        return ngx_errno;
    }

    err = 0;
    *len = 0;

    if (!S_ISREG(sb.st_mode)) {

        /* another one since the look at its name */

        err = NGX_ENOENT;
    }

    while (err == 0) {
        size = NGX_CLIENTCERT_FILE_MAX + 1 - *len;
        n = read(fd, dir->buf + *len, size);

        if (n == -1) {
            err = ngx_errno;
            break;
        }

        *len += n;

        /* less than was asked for is the end of a regular file */

        if (n == 0 || (off_t) *len >= sb.st_size || (size_t) n < size) {
            break;
        }
    }

    (void) close(fd);

    return err;
}


static int
ngx_clientcert_file_open(ngx_clientcert_directory_t *dir,
    ngx_clientcert_file_t *file, struct stat *sb)
{
    int         fd;
    ngx_err_t   err;
    ngx_uint_t  recent;

    /* opened before the look at its name, which may be another one's by now */

    fd = dir->ahead;

    if (fd != -1
        && fstat(fd, sb) == 0
        && ngx_clientcert_source_stamp(sb, &recent) == file->pending)
    {
        dir->ahead = -1;
        return fd;
    }

    fd = openat(dir->fd, (char *) file->sn.str.data,
                O_RDONLY|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (fd != -1 && fstat(fd, sb) == -1) {
        err = ngx_errno;
        (void) close(fd);
        ngx_set_errno(err);
        return -1;
    }

    return fd;
}


/* of the buffer */

static ngx_int_t
ngx_clientcert_file_parse(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, size_t len, ngx_uint_t how)
{
    int                          reason;
    ngx_int_t                    rc;
    ngx_uint_t                   had, beside;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    dir->found->nelts = 0;
    beside = 0;

    reason = (len > NGX_CLIENTCERT_FILE_MAX)
             ? NGX_CLIENTCERT_FILE_BIG
             : (int) ngx_clientcert_der_file(dir->buf, len, dir->found, NULL,
                                             &beside);

    if (reason == NGX_CLIENTCERT_FILE_MEMORY) {
        return ngx_clientcert_file_break_off(src, NGX_ENOMEM);
    }

    if (reason) {
        ngx_clientcert_file_parse_failed(src, file, reason, how);
        return NGX_OK;
    }

    if ((beside & NGX_CLIENTCERT_BESIDE_KEY) && !file->key) {
        ngx_clientcert_file_log(src, NGX_LOG_WARN, 0, file,
                                "holds a private key, which doesn't belong "
                                "there", NULL);
    }

    dir->files.bad -= (file->reason != 0);

    file->key = ((beside & NGX_CLIENTCERT_BESIDE_KEY) != 0);
    file->read = 1;
    file->reason = 0;

    had = file->ncerts;
    rc = ngx_clientcert_files_take(&dir->files, file, dir->found);

    if (rc == NGX_ERROR) {
        return ngx_clientcert_file_break_off(src, NGX_ENOMEM);
    }

    if (how & NGX_CLIENTCERT_OTHER) {
        dir->moved |= (rc == NGX_OK && had);
        dir->come[dir->ncome++ % NGX_CLIENTCERT_COME] = file->ino;
    }

    return NGX_OK;
}


static void
ngx_clientcert_file_parse_failed(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, int reason, ngx_uint_t how)
{
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    if (how & NGX_CLIENTCERT_REPLACED) {

        /* it isn't what was removed from here, however bad it is */

        dir->moved |= (file->ncerts != 0);
        ngx_clientcert_files_clear(&dir->files, file);
    }

    if ((how & NGX_CLIENTCERT_CREATED) && !(how & NGX_CLIENTCERT_COMPLETE)) {

        /* a link or an unnamed file that got a name is complete, others ... */

        file->stamp = 0;
        file->since = ngx_current_msec;
        src->unsettled = 1;

        ngx_clientcert_files_mark(&dir->files, file, 0);
        return;
    }

    ngx_clientcert_file_reject(src, file, reason);
}


ngx_int_t
ngx_clientcert_file_break_off(ngx_clientcert_source_t *src, ngx_err_t err)
{
    ngx_clientcert_source_failed(src, err, "reading files of");

    /* names that events have marked may have been looked at in part */

    src->all = ngx_max(src->all, NGX_CLIENTCERT_COMPARED);

    return NGX_ERROR;
}


/* what the file held stays in force */

static void
ngx_clientcert_file_reject(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, int reason)
{
    ngx_uint_t                   kept;
    const char                  *state;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    if (file->reason == reason) {
        return;
    }

    dir->files.bad += (file->reason == 0);
    file->reason = reason;
    file->rejected = ngx_time();
    src->rejected++;

    src->errors[(reason < 0) ? NGX_CLIENTCERT_CENSUS_READ
                             : NGX_CLIENTCERT_CENSUS_PARSE]++;

    /* what another process has read of it, perhaps */

    kept = file->ncerts || (!dir->carried && src->level != NGX_LOG_WARN);

    state = kept ? "is rejected, it keeps its state" : "is rejected";

    if (reason < 0) {
        ngx_clientcert_file_log(src, src->level, -reason, file, state, NULL);

    } else {
        ngx_clientcert_file_log(src, src->level, 0, file, state,
                                ngx_clientcert_file_reason_text(reason));
    }
}


void
ngx_clientcert_file_report(ngx_clientcert_file_t *file,
    ngx_clientcert_report_t *report)
{
    ngx_str_t  text;
    u_char     buf[NGX_CLIENTCERT_CENSUS_TEXT];

    if (file->reason == 0 && file->left_out == 0) {
        return;
    }

    if (file->reason == 0) {
        ngx_str_set(&text, "it has no room in the zone");

    } else if (file->reason < 0) {
        text.data = buf;
        text.len = ngx_strerror(-file->reason, buf, sizeof(buf)) - buf;

    } else {
        text.data = (u_char *) ngx_clientcert_file_reason_text(file->reason);
        text.len = ngx_strlen(text.data);
    }

    ngx_clientcert_census_wrong(report, &file->sn.str, &text, file->rejected,
                                file->reason && file->ncerts);
}


void
ngx_clientcert_file_log(ngx_clientcert_source_t *src, ngx_uint_t level,
    ngx_err_t err, ngx_clientcert_file_t *file, const char *text,
    const char *reason)
{
    u_char     *p;
    ngx_str_t   name;
    u_char      buf[NGX_CLIENTCERT_ORIGIN_LEN * 4];

    if (!ngx_clientcert_source_line(src)) {
        return;
    }

    name.data = file->sn.str.data;
    name.len = ngx_min(file->sn.str.len, NGX_CLIENTCERT_ORIGIN_LEN);

    p = ngx_clientcert_text_log(buf, &name);

    ngx_clientcert_source_log(src, level, err, "\"%*s\" %s%s%s",
                              (size_t) (p - buf), buf, text,
                              reason ? ": " : "", reason ? reason : "");
}


static const char *
ngx_clientcert_file_reason_text(int reason)
{
    switch (reason) {

    case NGX_CLIENTCERT_FILE_BIG:
        return "it is larger than 1 MiB";

    case NGX_CLIENTCERT_FILE_SPECIAL:
        return "it is not a regular file";

    case NGX_CLIENTCERT_FILE_NAME:
        return "its name is longer than 255 bytes";

    default: /* of ngx_clientcert_file_e */
        return ngx_clientcert_der_strerror(reason);
    }
}
