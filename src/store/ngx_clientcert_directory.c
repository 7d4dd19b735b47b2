
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_directory.h"
#include "ngx_clientcert_file.h"
#include "ngx_clientcert_readdir.h"
#include "../cert/ngx_clientcert_text.h"


/*
 * Looks at a directory: at the names that events have marked or, by comparing
 * inodes, sizes and times, at all.  It is opened for each look by its path and
 * closed after that, as its file system may be unmounted.  Nothing is locked
 * here.
 *
 * A name that is gone may have been renamed to one that isn't marked yet, and
 * what a name led to may have been exchanged while others were read.  So the
 * directory is read for other names before the look ends; the kernel lets that
 * wait for the events of renames under way, which the next look of the row
 * meets.
 */


/* a certificate in PEM is seldom shorter, bytes */
#define NGX_CLIENTCERT_FILE_CERT  400

/* so many files are opened ahead, so that the disk reads some at a time */
#define NGX_CLIENTCERT_AHEAD      64

/* leftovers that are named in a line of the log */
#define NGX_CLIENTCERT_LEFTOVERS  5

/* how often the directory is read in one look for files that were moved */
#define NGX_CLIENTCERT_HUNTS      3


static size_t ngx_clientcert_directory_size(ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_directory_create(ngx_clientcert_source_t *src);
static void ngx_clientcert_directory_destroy(ngx_clientcert_source_t *src);
static void ngx_clientcert_directory_mark(ngx_clientcert_source_t *src,
    ngx_str_t *name, ngx_uint_t event);
static ngx_int_t ngx_clientcert_directory_carry(ngx_clientcert_source_t *src);
static void ngx_clientcert_directory_count(ngx_clientcert_source_t *src,
    ngx_clientcert_need_t *need);
static ngx_int_t ngx_clientcert_directory_fill(ngx_clientcert_source_t *src,
    ngx_uint_t outgrown);
static void ngx_clientcert_directory_report(ngx_clientcert_source_t *src,
    ngx_clientcert_report_t *report);
static void ngx_clientcert_directory_done(ngx_clientcert_source_t *src);
static void ngx_clientcert_directory_tell_leftovers(
    ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_directory_look(ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_directory_look_inside(
    ngx_clientcert_source_t *src);
static ngx_uint_t ngx_clientcert_directory_is_found(
    ngx_clientcert_directory_t *dir);
static ngx_int_t ngx_clientcert_directory_open(ngx_clientcert_source_t *src);
static void ngx_clientcert_directory_forget_removed(
    ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_directory_look_at_marked(
    ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_directory_look_at_all(
    ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_directory_look_at_names(
    ngx_clientcert_source_t *src, ngx_clientcert_files_t *known,
    ngx_uint_t how);
static ngx_uint_t ngx_clientcert_directory_open_ahead(
    ngx_clientcert_directory_t *dir, ngx_array_t *names, ngx_uint_t n,
    ngx_uint_t ahead);
static void ngx_clientcert_directory_close_ahead(int *fd);
static ngx_int_t ngx_clientcert_directory_look_at_rest(
    ngx_clientcert_source_t *src, ngx_uint_t how);
static ngx_uint_t ngx_clientcert_directory_is_mounted(
    ngx_clientcert_source_t *src);


ngx_clientcert_kind_t  ngx_clientcert_directory_kind = {
    ngx_string("directory="),
    "certificates",
    1,
    0,
    1,
    ngx_clientcert_directory_size,
    ngx_clientcert_directory_create,
    ngx_clientcert_directory_destroy,
    ngx_clientcert_directory_mark,
    ngx_clientcert_directory_look,
    ngx_clientcert_directory_carry,
    ngx_clientcert_directory_count,
    ngx_clientcert_directory_fill,
    ngx_clientcert_directory_report,
    ngx_clientcert_directory_done
};


/* files needn't be readable yet */

static size_t
ngx_clientcert_directory_size(ngx_clientcert_source_t *src)
{
    size_t                    size;
    ngx_err_t                 err;
    ngx_uint_t                i;
    ngx_array_t              *names;
    struct stat               sb;
    ngx_clientcert_need_t     need;
    ngx_clientcert_dirent_t  *name;
    u_char                    path[NGX_MAX_PATH + 1];

    names = ngx_clientcert_readdir(src, AT_FDCWD, (char *) src->path.data,
                                   NULL, &err);
    if (names == NULL) {
        return NGX_CLIENTCERT_STORE_MIN_SIZE;
    }

    name = names->elts;
    path[NGX_MAX_PATH] = '\0';
    ngx_memzero(&need, sizeof(ngx_clientcert_need_t));

    for (i = 0; i < names->nelts; i++) {

        ngx_snprintf(path, NGX_MAX_PATH, "%V/%V%Z", &src->path, &name[i].name);

        if (stat((char *) path, &sb) == 0
            && S_ISREG(sb.st_mode)
            && sb.st_size <= NGX_CLIENTCERT_FILE_MAX)
        {
            need.sha256 += 1 + sb.st_size / NGX_CLIENTCERT_FILE_CERT / 2;
            need.origins += ngx_clientcert_index_origin_words(
                                                          name[i].name.len);
        }
    }

    size = ngx_clientcert_store_size(1, &need);

    ngx_destroy_pool(names->pool);

    return size;
}


static ngx_int_t
ngx_clientcert_directory_create(ngx_clientcert_source_t *src)
{
    ngx_pool_t                  *pool;
    ngx_clientcert_directory_t  *dir;

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, src->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    dir = ngx_pcalloc(pool, sizeof(ngx_clientcert_directory_t));

    if (dir == NULL
        || (dir->found = ngx_array_create(pool, 4,
                                          sizeof(ngx_clientcert_der_t)))
           == NULL
        || (dir->buf = ngx_palloc(pool, NGX_CLIENTCERT_FILE_MAX + 1)) == NULL)
    {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    dir->pool = pool;
    dir->fd = -1;
    dir->ahead = -1;

    ngx_clientcert_files_init(&dir->files, src->log);

    src->known = dir;

    return NGX_OK;
}


static void
ngx_clientcert_directory_destroy(ngx_clientcert_source_t *src)
{
    ngx_clientcert_directory_t  *dir;

    dir = src->known;
    src->known = NULL;

    ngx_clientcert_files_forget_all(&dir->files);
    ngx_destroy_pool(dir->pool);
}


static void
ngx_clientcert_directory_mark(ngx_clientcert_source_t *src, ngx_str_t *name,
    ngx_uint_t event)
{
    ngx_clientcert_file_t       *file;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    if (!ngx_clientcert_readdir_takes(src, name)) {
        return;
    }

    file = ngx_clientcert_files_get(&dir->files, name);

    if (file) {
        ngx_clientcert_files_mark(&dir->files, file, event);

    } else {
        src->all = NGX_CLIENTCERT_SWAPPED;
    }

    src->marked = 1;
}


/* once: later on this process has read or rejected all files itself */

static ngx_int_t
ngx_clientcert_directory_carry(ngx_clientcert_source_t *src)
{
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    if (!dir->carried
        && ngx_clientcert_files_carry(&dir->files, src->store) != NGX_OK)
    {
        return NGX_ERROR;
    }

    dir->carried = 1;

    return NGX_OK;
}


static void
ngx_clientcert_directory_count(ngx_clientcert_source_t *src,
    ngx_clientcert_need_t *need)
{
    ngx_clientcert_directory_t  *dir;

    dir = src->known;
    *need = dir->files.need;
}


static ngx_int_t
ngx_clientcert_directory_fill(ngx_clientcert_source_t *src,
    ngx_uint_t outgrown)
{
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    return outgrown
           ? ngx_clientcert_files_fill_outgrown(&dir->files, src->store)
           : ngx_clientcert_files_fill(&dir->files, src->store);
}


static void
ngx_clientcert_directory_report(ngx_clientcert_source_t *src,
    ngx_clientcert_report_t *report)
{
    ngx_queue_t                 *q;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    if (dir->files.bad || dir->files.left_out) {

        for (q = ngx_queue_head(&dir->files.all);
             q != ngx_queue_sentinel(&dir->files.all);
             q = ngx_queue_next(q))
        {
            ngx_clientcert_file_report(
                ngx_queue_data(q, ngx_clientcert_file_t, queue), report);
        }
    }

    report->read = dir->files.n - report->kept;
}


static void
ngx_clientcert_directory_done(ngx_clientcert_source_t *src)
{
    ngx_queue_t                 *q;
    ngx_clientcert_file_t       *file;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    if (dir->leftovers) {
        ngx_clientcert_directory_tell_leftovers(src);
    }

    if (dir->files.left_out == 0) {
        return;
    }

    for (q = ngx_queue_head(&dir->files.all);
         q != ngx_queue_sentinel(&dir->files.all);
         q = ngx_queue_next(q))
    {
        file = ngx_queue_data(q, ngx_clientcert_file_t, queue);

        if (file->left_out && !file->told) {
            file->told = 1;
            ngx_clientcert_file_log(src, NGX_LOG_ERR, 0, file,
                                    file->left_out < file->ncerts
                                    ? "has no room in the zone, in part"
                                    : "has no room in the zone", NULL);
        }
    }
}


static void
ngx_clientcert_directory_tell_leftovers(ngx_clientcert_source_t *src)
{
    u_char                      *p;
    ngx_uint_t                   n, denies;
    ngx_queue_t                 *q;
    ngx_clientcert_file_t       *file;
    ngx_clientcert_directory_t  *dir;
    u_char                       text[(NGX_CLIENTCERT_LEFTOVERS + 1)
                                      * (NGX_CLIENTCERT_ORIGIN_LEN * 4 + 4)];

    n = 0;
    p = text;
    dir = src->known;
    denies = src->store->denies;

    for (q = ngx_queue_head(&dir->files.all);
         q != ngx_queue_sentinel(&dir->files.all);
         q = ngx_queue_next(q))
    {
        file = ngx_queue_data(q, ngx_clientcert_file_t, queue);

        if (file->leftover == NGX_CLIENTCERT_LEFTOVER_MET) {
            file->leftover = NGX_CLIENTCERT_LEFTOVER_TOLD;

            if (n++ < NGX_CLIENTCERT_LEFTOVERS) {
                p = ngx_cpymem(p, (n > 1) ? ", \"" : "\"", (n > 1) ? 3 : 1);
                p = ngx_clientcert_text_log(p, &file->sn.str);
                *p++ = '"';
            }
        }
    }

    dir->leftovers = 0;

    if (n > NGX_CLIENTCERT_LEFTOVERS) {
        p = ngx_sprintf(p, ", ... (%ui in all)", n);
    }

    if (n) {
        ngx_clientcert_source_log(src, denies ? NGX_LOG_WARN : NGX_LOG_NOTICE,
                                  0, "leftovers by name, which %s: %*s",
                                  denies ? "count as a \"deny\" uses them"
                                         : "don't count",
                                  (size_t) (p - text), text);
    }
}


static ngx_int_t
ngx_clientcert_directory_look(ngx_clientcert_source_t *src)
{
    ngx_int_t                    rc;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    if (!src->again) {
        dir->hunting = 0;
    }

    dir->moved = 0;
    dir->nlost = 0;
    dir->ncome = 0;
    src->marked = 0;
    src->unsettled = 0;

    if (ngx_clientcert_directory_open(src) == NGX_OK) {
        rc = ngx_clientcert_directory_look_inside(src);

        (void) close(dir->fd);
        dir->fd = -1;

    } else {
        ngx_clientcert_directory_forget_removed(src);
        rc = dir->scanned ? NGX_OK : NGX_ERROR;
    }

    if (src->err && src->all == NGX_CLIENTCERT_MARKED) {
        src->all = NGX_CLIENTCERT_COMPARED;
    }

    src->bad = dir->files.bad;
    src->changed |= dir->files.changed;
    dir->files.changed = 0;

    return rc;
}


static ngx_int_t
ngx_clientcert_directory_look_inside(ngx_clientcert_source_t *src)
{
    ngx_int_t                    rc;
    ngx_uint_t                   n;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;
    src->gone = 0;

    rc = (src->all || !dir->scanned)
         ? ngx_clientcert_directory_look_at_all(src)
         : ngx_clientcert_directory_look_at_marked(src);

    if (dir->nlost && !ngx_clientcert_directory_is_found(dir)) {
        dir->hunting = 1;
        dir->moved = 1;
        src->missed = 1;
    }

    for (n = 0; rc == NGX_OK && dir->moved && n < NGX_CLIENTCERT_HUNTS; n++) {
        dir->nlost = 0;
        dir->moved = 0;

        rc = ngx_clientcert_directory_look_at_names(src, &dir->files,
                                  src->events ? NGX_CLIENTCERT_CREATED : 0);

        if (dir->nlost) {
            dir->moved = 1;
        }
    }

    if (rc == NGX_OK) {
        ngx_clientcert_source_failed(src, 0, NULL);
        src->all = NGX_CLIENTCERT_MARKED;
        src->dev = dir->dev;
        dir->scanned = 1;
    }

    return (rc == NGX_DECLINED) ? NGX_OK : rc;
}


/* whether the one file that is gone has come by another name */

static ngx_uint_t
ngx_clientcert_directory_is_found(ngx_clientcert_directory_t *dir)
{
    ngx_uint_t  i;

    if (dir->nlost > 1) {
        return 0;
    }

    for (i = 0; i < ngx_min(dir->ncome, NGX_CLIENTCERT_COME); i++) {
        if (dir->come[i] == dir->lost) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_clientcert_directory_open(ngx_clientcert_source_t *src)
{
    ngx_queue_t                 *q;
    struct stat                  sb;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    dir->fd = open((char *) src->path.data,
                   O_RDONLY|O_DIRECTORY|O_CLOEXEC|O_NONBLOCK);

    if (dir->fd == -1 || fstat(dir->fd, &sb) == -1) {
        ngx_clientcert_source_failed(src, ngx_errno, "open()");

        if (dir->fd != -1) {
            (void) close(dir->fd);
            dir->fd = -1;
        }

        return NGX_ERROR;
    }

    if (dir->ino && (dir->ino != sb.st_ino || dir->dev != sb.st_dev)) {

        /* it was put in the place of the old one, whose events don't matter */

        src->all = NGX_CLIENTCERT_SWAPPED;

        while (!ngx_queue_empty(&dir->files.marked)) {
            q = ngx_queue_head(&dir->files.marked);
            ngx_clientcert_files_unmark(
                            ngx_queue_data(q, ngx_clientcert_file_t, mark));
        }
    }

    dir->ino = sb.st_ino;
    dir->dev = sb.st_dev;

    return NGX_OK;
}


/*
 * If there is no directory now, files that were removed from it before are
 * gone all the same; all are if it was removed itself, since it was empty.
 */

static void
ngx_clientcert_directory_forget_removed(ngx_clientcert_source_t *src)
{
    ngx_queue_t                 *q, *next;
    ngx_clientcert_file_t       *file;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    if (!dir->scanned || !ngx_clientcert_source_is_missing(src->err)) {
        return;
    }

    if (src->gone) {
        src->gone = 0;
        ngx_clientcert_files_forget_all(&dir->files);
        return;
    }

    for (q = ngx_queue_head(&dir->files.marked);
         q != ngx_queue_sentinel(&dir->files.marked);
         q = next)
    {
        next = ngx_queue_next(q);
        file = ngx_queue_data(q, ngx_clientcert_file_t, mark);

        if (file->events & NGX_CLIENTCERT_REMOVED) {
            ngx_clientcert_files_forget(&dir->files, file);
        }
    }
}


/* those that stay marked are marked anew, at the end */

static ngx_int_t
ngx_clientcert_directory_look_at_marked(ngx_clientcert_source_t *src)
{
    ngx_uint_t                   last;
    ngx_queue_t                 *q, *end;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    if (ngx_queue_empty(&dir->files.marked)) {
        return NGX_OK;
    }

    end = ngx_queue_last(&dir->files.marked);

    do {
        q = ngx_queue_head(&dir->files.marked);
        last = (q == end);

        if (ngx_clientcert_file_look(src,
                            ngx_queue_data(q, ngx_clientcert_file_t, mark), 0)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

    } while (!last);

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_directory_look_at_all(ngx_clientcert_source_t *src)
{
    ngx_int_t                    rc;
    ngx_uint_t                   how;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;
    dir->round++;
    src->linked = 0;

    how = (src->all == NGX_CLIENTCERT_SWAPPED) ? NGX_CLIENTCERT_COMPLETE : 0;

    rc = ngx_clientcert_directory_look_at_names(src, NULL, how);

    return (rc == NGX_OK) ? ngx_clientcert_directory_look_at_rest(src, how)
                          : rc;
}


/*
 * Looks at all names; or if files are known at those that have come, or that
 * are other files by now.  Returns NGX_DECLINED if nothing was done as its
 * file system is missing.
 */

static ngx_int_t
ngx_clientcert_directory_look_at_names(ngx_clientcert_source_t *src,
    ngx_clientcert_files_t *known, ngx_uint_t how)
{
    ngx_err_t                    err;
    ngx_int_t                    rc;
    ngx_uint_t                   i, ahead;
    ngx_array_t                 *names;
    ngx_clientcert_file_t       *file;
    ngx_clientcert_dirent_t     *name;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;
    names = ngx_clientcert_readdir(src, dir->fd, ".", known, &err);

    if (names == NULL) {
        ngx_clientcert_source_failed(src, err, "readdir()");
        return NGX_ERROR;
    }

    if (names->nelts == 0 && known == NULL
        && !ngx_clientcert_directory_is_mounted(src))
    {
        ngx_destroy_pool(names->pool);
        ngx_clientcert_source_failed(src, ENODEV,
                                     "finding the file system of");
        return NGX_DECLINED;
    }

    name = names->elts;
    rc = NGX_OK;

    ahead = dir->scanned ? names->nelts : 0;

    for (i = 0; rc == NGX_OK && i < names->nelts; i++) {

        ahead = ngx_clientcert_directory_open_ahead(dir, names, i, ahead);

        dir->ahead = name[i].fd;

        file = ngx_clientcert_files_get(&dir->files, &name[i].name);

        if (file) {
            file->round = dir->round;
            rc = ngx_clientcert_file_look(src, file, how);

        } else {
            rc = ngx_clientcert_file_break_off(src, NGX_ENOMEM);
        }

        ngx_clientcert_directory_close_ahead(&dir->ahead);

        if (ngx_quit || ngx_terminate) {
            rc = NGX_ERROR;
        }
    }

    while (i < ahead) {
        ngx_clientcert_directory_close_ahead(&name[i++].fd);
    }

    ngx_destroy_pool(names->pool);

    return rc;
}


/*
 * Opens what is to be read after the name of that number.  Not what isn't a
 * regular file: an open may have effects.  Returns up to where that is done.
 */

static ngx_uint_t
ngx_clientcert_directory_open_ahead(ngx_clientcert_directory_t *dir,
    ngx_array_t *names, ngx_uint_t n, ngx_uint_t ahead)
{
    ngx_uint_t                last;
    ngx_clientcert_dirent_t  *name;

    last = ngx_min(n + NGX_CLIENTCERT_AHEAD, names->nelts);

    for (ahead = ngx_max(ahead, n); ahead < last; ahead++) {
        name = (ngx_clientcert_dirent_t *) names->elts + ahead;

        if (!name->regular) {
            continue;
        }

        name->fd = openat(dir->fd, (char *) name->name.data,
                          O_RDONLY|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

        if (name->fd == -1) {
            break;
        }

#if (NGX_HAVE_POSIX_FADVISE)
        (void) posix_fadvise(name->fd, 0, NGX_CLIENTCERT_FILE_MAX,
                             POSIX_FADV_WILLNEED);
#endif
    }

    return ahead;
}


static void
ngx_clientcert_directory_close_ahead(int *fd)
{
    if (*fd != -1) {
        (void) close(*fd);
        *fd = -1;
    }
}


/* looks at the known files that weren't met */

static ngx_int_t
ngx_clientcert_directory_look_at_rest(ngx_clientcert_source_t *src,
    ngx_uint_t how)
{
    ngx_queue_t                 *q, *next;
    ngx_clientcert_file_t       *file;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    for (q = ngx_queue_head(&dir->files.all);
         q != ngx_queue_sentinel(&dir->files.all);
         q = next)
    {
        next = ngx_queue_next(q);
        file = ngx_queue_data(q, ngx_clientcert_file_t, queue);

        if (file->round != dir->round
            && ngx_clientcert_file_look(src, file, how) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* an empty mount point says nothing of what its file system holds */

static ngx_uint_t
ngx_clientcert_directory_is_mounted(ngx_clientcert_source_t *src)
{
    uint64_t                     dev;
    ngx_clientcert_store_t      *st;
    ngx_clientcert_directory_t  *dir;

    st = src->store;
    dir = src->known;

    /* what another process has found counts as well */

    dev = src->dev ? src->dev : st->sh->dev;

    ngx_clientcert_store_halves(st);

    return dev == 0 || dev == dir->dev
           || ngx_clientcert_index_count(&st->active) == 0;
}
