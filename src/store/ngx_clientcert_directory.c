
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_directory.h"
#include "ngx_clientcert_files.h"
#include "../cert/ngx_clientcert_text.h"


/*
 * Looks at a directory: at the names that events have marked or, by comparing
 * inodes, sizes and times, at all.  It is opened for each look by its path and
 * closed after that, as its file system may be unmounted.  Nothing is locked
 * here.  Of a file that can't be read what was read of it before is kept.
 *
 * A name that is gone may have been renamed to one that isn't marked yet, and
 * what a name led to may have been exchanged while others were read.  So the
 * directory is read for other names before the look ends; the kernel lets that
 * wait for the events of renames under way, which the next look of the row
 * meets.
 *
 * Without an event a file may be half-written and a name missing because the
 * directory was read while it was renamed: both must have stayed so for a
 * while.  Until then the name stays marked.
 */


#define NGX_CLIENTCERT_FILE_MAX      (1024 * 1024)

/* a certificate in PEM is seldom shorter, bytes */
#define NGX_CLIENTCERT_FILE_CERT     400

/* reasons that are no errors of the system and not ngx_clientcert_file_e's */
#define NGX_CLIENTCERT_FILE_BIG      20
#define NGX_CLIENTCERT_FILE_SPECIAL  21
#define NGX_CLIENTCERT_FILE_NAME     22

/* how often the directory is read in one look for files that were moved */
#define NGX_CLIENTCERT_HUNTS         3

/* files that are remembered to have come by another name, the last ones */
#define NGX_CLIENTCERT_COME          4


typedef struct {
    ino_t                    ino;
    ngx_str_t                name;      /* with a final zero */
} ngx_clientcert_name_t;


typedef struct {
    ngx_clientcert_files_t   files;
    ngx_array_t             *found;     /* ngx_clientcert_der_t */
    ngx_pool_t              *pool;
    u_char                  *buf;
    int                      fd;        /* -1: not open now */
    dev_t                    dev;
    ino_t                    ino;       /* 0: was never open */
    uint32_t                 round;     /* of reading all */
    unsigned                 scanned:1; /* all files are known */
    unsigned                 carried:1;
    unsigned                 hunting:1; /* for the new name of some file */
    unsigned                 moved:1;   /* some file, as it seems */

    /* of one look */
    ino_t                    lost;      /* of a file that is gone */
    ngx_uint_t               nlost;
    ino_t                    come[NGX_CLIENTCERT_COME]; /* by other names */
    ngx_uint_t               ncome;
} ngx_clientcert_directory_t;


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
static void ngx_clientcert_directory_done(ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_directory_look(ngx_clientcert_source_t *src);
static ngx_uint_t ngx_clientcert_directory_is_found(
    ngx_clientcert_directory_t *dir);
static ngx_int_t ngx_clientcert_directory_open(ngx_clientcert_source_t *src);
static void ngx_clientcert_directory_removed(ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_directory_marked(ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_directory_all(ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_directory_rest(ngx_clientcert_source_t *src,
    ngx_uint_t how);
static ngx_uint_t ngx_clientcert_directory_is_mounted(
    ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_directory_renamed(
    ngx_clientcert_source_t *src);
static ngx_array_t *ngx_clientcert_directory_names(ngx_log_t *log, int at,
    const char *path, ngx_clientcert_files_t *known, ngx_err_t *err);
static ngx_int_t ngx_clientcert_directory_name(ngx_array_t *names,
    struct dirent *de, ngx_clientcert_files_t *known);
static int ngx_libc_cdecl ngx_clientcert_directory_cmp(const void *one,
    const void *two);
static ngx_int_t ngx_clientcert_directory_file(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_uint_t how);
static void ngx_clientcert_directory_access(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file);
static ngx_int_t ngx_clientcert_directory_stat(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_uint_t *how, struct stat *sb);
static ngx_int_t ngx_clientcert_directory_no_stat(
    ngx_clientcert_source_t *src, ngx_clientcert_file_t *file, ngx_err_t err);
static ngx_uint_t ngx_clientcert_directory_has_settled(
    ngx_clientcert_source_t *src, ngx_clientcert_file_t *file,
    uint64_t stamp);
static ngx_uint_t ngx_clientcert_directory_has_waited(
    ngx_clientcert_source_t *src, ngx_clientcert_file_t *file);
static ngx_uint_t ngx_clientcert_directory_may_be_back(
    ngx_clientcert_source_t *src, ngx_clientcert_file_t *file);
static void ngx_clientcert_directory_gone(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_uint_t how);
static ngx_int_t ngx_clientcert_directory_read(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_uint_t how);
static ngx_err_t ngx_clientcert_directory_text(ngx_clientcert_directory_t *dir,
    u_char *name, size_t *len);
static ngx_int_t ngx_clientcert_directory_content(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, size_t len, ngx_uint_t how);
static ngx_int_t ngx_clientcert_directory_exhausted(
    ngx_clientcert_source_t *src, ngx_err_t err);
static void ngx_clientcert_directory_reject(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, int reason);
static void ngx_clientcert_directory_log(ngx_clientcert_source_t *src,
    ngx_uint_t level, ngx_err_t err, ngx_clientcert_file_t *file,
    const char *text, const char *more);
static const char *ngx_clientcert_directory_reason(int reason);


ngx_clientcert_kind_t  ngx_clientcert_directory_kind = {
    ngx_string("directory="),
    "certificates",
    1,
    0,
    ngx_clientcert_directory_size,
    ngx_clientcert_directory_create,
    ngx_clientcert_directory_destroy,
    ngx_clientcert_directory_mark,
    ngx_clientcert_directory_look,
    ngx_clientcert_directory_carry,
    ngx_clientcert_directory_count,
    ngx_clientcert_directory_fill,
    ngx_clientcert_directory_done
};


/* files needn't be readable yet */

static size_t
ngx_clientcert_directory_size(ngx_clientcert_source_t *src)
{
    size_t                  size;
    ngx_err_t               err;
    ngx_uint_t              i;
    ngx_array_t            *names;
    struct stat             sb;
    ngx_clientcert_need_t   need;
    ngx_clientcert_name_t  *name;
    u_char                  path[NGX_MAX_PATH + 1];

    names = ngx_clientcert_directory_names(src->log, AT_FDCWD,
                                           (char *) src->path.data, NULL,
                                           &err);
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

    if (name->data[0] == '.') {
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
ngx_clientcert_directory_done(ngx_clientcert_source_t *src)
{
    ngx_queue_t                 *q;
    ngx_clientcert_file_t       *file;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

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
            ngx_clientcert_directory_log(src, NGX_LOG_ERR, 0, file,
                                         "has no room in the zone",
                                         file->left_out < file->ncerts
                                         ? ", in part" : "");
        }
    }
}


static ngx_int_t
ngx_clientcert_directory_look(ngx_clientcert_source_t *src)
{
    ngx_int_t                    rc;
    ngx_uint_t                   n;
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

    if (ngx_clientcert_directory_open(src) != NGX_OK) {
        ngx_clientcert_directory_removed(src);
        rc = dir->scanned ? NGX_OK : NGX_ERROR;

    } else {
        src->gone = 0;

        rc = (src->all || !dir->scanned)
             ? ngx_clientcert_directory_all(src)
             : ngx_clientcert_directory_marked(src);

        if (dir->nlost && !ngx_clientcert_directory_is_found(dir)) {
            dir->hunting = 1;
            dir->moved = 1;
            src->missed = 1;
        }

        for (n = 0; n < NGX_CLIENTCERT_HUNTS; n++) {

            if (rc != NGX_OK || !dir->moved) {
                break;
            }

            dir->moved = 0;
            dir->nlost = 0;

            rc = ngx_clientcert_directory_renamed(src);

            if (dir->nlost) {
                dir->moved = 1;
            }
        }

        (void) close(dir->fd);
        dir->fd = -1;

        if (rc == NGX_OK) {
            ngx_clientcert_source_failed(src, 0, NULL);
            src->all = NGX_CLIENTCERT_MARKED;
            src->dev = dir->dev;
            dir->scanned = 1;
        }

        rc = (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    if (src->err && src->all == NGX_CLIENTCERT_MARKED) {
        src->all = NGX_CLIENTCERT_COMPARED;
    }

    src->bad = dir->files.bad;
    src->changed |= dir->files.changed;
    dir->files.changed = 0;

    return rc;
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
ngx_clientcert_directory_removed(ngx_clientcert_source_t *src)
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
ngx_clientcert_directory_marked(ngx_clientcert_source_t *src)
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

        if (ngx_clientcert_directory_file(src,
                            ngx_queue_data(q, ngx_clientcert_file_t, mark), 0)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

    } while (!last);

    return NGX_OK;
}


/* returns NGX_DECLINED if nothing was done as its file system is missing */

static ngx_int_t
ngx_clientcert_directory_all(ngx_clientcert_source_t *src)
{
    ngx_err_t                    err;
    ngx_int_t                    rc;
    ngx_uint_t                   i, how;
    ngx_array_t                 *names;
    ngx_clientcert_file_t       *file;
    ngx_clientcert_name_t       *name;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;
    names = ngx_clientcert_directory_names(src->log, dir->fd, ".", NULL, &err);

    if (names == NULL) {
        ngx_clientcert_source_failed(src, err, "readdir()");
        return NGX_ERROR;
    }

    if (names->nelts == 0 && !ngx_clientcert_directory_is_mounted(src)) {
        ngx_destroy_pool(names->pool);
        ngx_clientcert_source_failed(src, ENODEV,
                                     "finding the file system of");
        return NGX_DECLINED;
    }

    how = (src->all == NGX_CLIENTCERT_SWAPPED) ? NGX_CLIENTCERT_COMPLETE : 0;
    name = names->elts;
    rc = NGX_OK;

    src->linked = 0;
    dir->round++;

    for (i = 0; rc == NGX_OK && i < names->nelts; i++) {
        file = ngx_clientcert_files_get(&dir->files, &name[i].name);

        if (file == NULL) {
            rc = ngx_clientcert_directory_exhausted(src, NGX_ENOMEM);
            break;
        }

        file->round = dir->round;
        rc = ngx_clientcert_directory_file(src, file, how);

        if (ngx_quit || ngx_terminate) {
            rc = NGX_ERROR;
        }
    }

    ngx_destroy_pool(names->pool);

    return (rc == NGX_OK) ? ngx_clientcert_directory_rest(src, how) : rc;
}


/* looks at the known files that weren't met */

static ngx_int_t
ngx_clientcert_directory_rest(ngx_clientcert_source_t *src, ngx_uint_t how)
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
            && ngx_clientcert_directory_file(src, file, how) != NGX_OK)
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


/* looks for names that have come, or that are other files by now */

static ngx_int_t
ngx_clientcert_directory_renamed(ngx_clientcert_source_t *src)
{
    ngx_err_t                    err;
    ngx_int_t                    rc;
    ngx_uint_t                   i, how;
    ngx_array_t                 *names;
    ngx_clientcert_file_t       *file;
    ngx_clientcert_name_t       *name;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;
    names = ngx_clientcert_directory_names(src->log, dir->fd, ".", &dir->files,
                                           &err);

    if (names == NULL) {
        ngx_clientcert_source_failed(src, err, "readdir()");
        return NGX_ERROR;
    }

    how = src->events ? NGX_CLIENTCERT_CREATED : 0;
    name = names->elts;
    rc = NGX_OK;

    for (i = 0; rc == NGX_OK && i < names->nelts; i++) {
        file = ngx_clientcert_files_get(&dir->files, &name[i].name);

        rc = file ? ngx_clientcert_directory_file(src, file, how)
                  : ngx_clientcert_directory_exhausted(src, NGX_ENOMEM);
    }

    ngx_destroy_pool(names->pool);

    return rc;
}


/*
 * Returns all names that aren't hidden, and aren't known by that inode, in the
 * order of inodes, which is that of the disk; their pool is to be destroyed.
 * Or NULL and the error.
 */

static ngx_array_t *
ngx_clientcert_directory_names(ngx_log_t *log, int at, const char *path,
    ngx_clientcert_files_t *known, ngx_err_t *err)
{
    int             fd;
    DIR            *d;
    ngx_pool_t     *pool;
    ngx_array_t    *names;
    struct dirent  *de;

    fd = openat(at, path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    d = (fd == -1) ? NULL : fdopendir(fd);

    if (d == NULL) {
        *err = ngx_errno;

        if (fd != -1) {
            (void) close(fd);
        }

        return NULL;
    }

    *err = NGX_ENOMEM;
    names = NULL;

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);

    if (pool) {
        names = ngx_array_create(pool, 64, sizeof(ngx_clientcert_name_t));
    }

    while (names) {
        ngx_set_errno(0);
        de = readdir(d);

        if (de == NULL) {
            *err = ngx_errno;
            break;
        }

        if (ngx_clientcert_directory_name(names, de, known) != NGX_OK) {
            break;
        }
    }

    (void) closedir(d);

    if (*err) {
        if (pool) {
            ngx_destroy_pool(pool);
        }

        return NULL;
    }

    ngx_qsort(names->elts, names->nelts, sizeof(ngx_clientcert_name_t),
              ngx_clientcert_directory_cmp);

    return names;
}


static ngx_int_t
ngx_clientcert_directory_name(ngx_array_t *names, struct dirent *de,
    ngx_clientcert_files_t *known)
{
    ngx_str_t               text;
    ngx_clientcert_file_t  *file;
    ngx_clientcert_name_t  *name;

    if (de->d_name[0] == '.') {
        return NGX_OK;
    }

    text.data = (u_char *) de->d_name;
    text.len = ngx_strlen(de->d_name);

    file = known ? ngx_clientcert_files_find(known, &text) : NULL;

    if (file && file->ino == de->d_ino) {
        return NGX_OK;
    }

    name = ngx_array_push(names);
    if (name == NULL) {
        return NGX_ERROR;
    }

    name->ino = de->d_ino;
    name->name.len = text.len;
    name->name.data = ngx_pnalloc(names->pool, text.len + 1);

    if (name->name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(name->name.data, text.data, text.len + 1);

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_clientcert_directory_cmp(const void *one, const void *two)
{
    const ngx_clientcert_name_t *first = one;
    const ngx_clientcert_name_t *second = two;

    return (first->ino > second->ino) - (first->ino < second->ino);
}


/*
 * Looks at one file; how is what is known of it beside what events said.
 * Returns NGX_ERROR if that can't be done now.
 */

static ngx_int_t
ngx_clientcert_directory_file(ngx_clientcert_source_t *src,
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
            ngx_clientcert_directory_access(src, file);
            return NGX_OK;
        }

        how |= file->reason ? NGX_CLIENTCERT_COMPLETE : 0;
    }

    rc = ngx_clientcert_directory_stat(src, file, &how, &sb);

    if (rc != NGX_OK) {
        return (rc == NGX_DONE) ? NGX_OK : rc;
    }

    stamp = ngx_clientcert_source_stamp(&sb, &recent);

    if (file->stamp == stamp
        || (dir->scanned
            && !(how & (NGX_CLIENTCERT_COMPLETE|NGX_CLIENTCERT_CREATED))
            && !ngx_clientcert_directory_has_settled(src, file, stamp)))
    {
        return NGX_OK;
    }

    file->pending = stamp;
    file->stamp = recent ? 0 : stamp;

    return ngx_clientcert_directory_read(src, file, how);
}


static void
ngx_clientcert_directory_access(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file)
{
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    if (faccessat(dir->fd, (char *) file->sn.str.data, R_OK, AT_EACCESS) == -1
        && ngx_errno == NGX_EACCES)
    {
        file->stamp = 0;
        ngx_clientcert_directory_reject(src, file, -NGX_EACCES);
    }
}


/* returns NGX_DONE if there is nothing to be read */

static ngx_int_t
ngx_clientcert_directory_stat(ngx_clientcert_source_t *src,
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
            ngx_clientcert_directory_gone(src, file, *how);
            return NGX_DONE;
        }

        return ngx_clientcert_directory_no_stat(src, file, err);
    }

    if (file->ino != sb->st_ino) {
        file->ino = sb->st_ino;
        *how |= NGX_CLIENTCERT_OTHER;
    }

    if (S_ISLNK(sb->st_mode)) {

        /* of changes there no event tells */

        src->linked = 1;

        *how |= (*how & NGX_CLIENTCERT_CREATED) ? NGX_CLIENTCERT_COMPLETE : 0;

        if (fstatat(dir->fd, name, sb, 0) == -1) {
            return ngx_clientcert_directory_no_stat(src, file, ngx_errno);
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
        ngx_clientcert_directory_reject(src, file, reason);
        file->stamp = 0;
        return NGX_DONE;
    }

    return NGX_OK;
}


/* of a link that leads nowhere, or without permission */

static ngx_int_t
ngx_clientcert_directory_no_stat(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_err_t err)
{
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    if (ngx_clientcert_source_is_exhausted(err)) {
        return ngx_clientcert_directory_exhausted(src, err);
    }

    file->stamp = 0;
    file->pending = 0;

    if (ngx_clientcert_source_is_missing(err) || err == NGX_ELOOP) {

        /* it may be about to go as well, or what it leads to about to come */

        if (dir->scanned && ngx_clientcert_directory_may_be_back(src, file)) {
            return NGX_DONE;
        }

        ngx_clientcert_files_clear(&dir->files, file);
    }

    ngx_clientcert_directory_reject(src, file, -err);

    return NGX_DONE;
}


static ngx_uint_t
ngx_clientcert_directory_has_settled(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, uint64_t stamp)
{
    if (file->pending != stamp) {
        ngx_time_update();

        file->pending = stamp;
        file->since = ngx_current_msec;
    }

    return ngx_clientcert_directory_has_waited(src, file);
}


/* whether a name isn't missed for long yet */

static ngx_uint_t
ngx_clientcert_directory_may_be_back(ngx_clientcert_source_t *src,
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

    return !ngx_clientcert_directory_has_waited(src, file);
}


/* whether file->since is long ago; else it is looked at again */

static ngx_uint_t
ngx_clientcert_directory_has_waited(ngx_clientcert_source_t *src,
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


static void
ngx_clientcert_directory_gone(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_uint_t how)
{
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    /* an event says so, or said that it was there just now */

    if (dir->scanned && (how & ~NGX_CLIENTCERT_OTHER) == 0
        && ngx_clientcert_directory_may_be_back(src, file))
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
ngx_clientcert_directory_read(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, ngx_uint_t how)
{
    size_t                       len;
    ngx_err_t                    err;
    ngx_clientcert_directory_t  *dir;

    len = 0;
    dir = src->known;

    err = ngx_clientcert_directory_text(dir, file->sn.str.data, &len);

    if (err == NGX_ENOENT) {
        ngx_clientcert_directory_gone(src, file,
                                      how & ~NGX_CLIENTCERT_REMOVED);
        return NGX_OK;
    }

    if (ngx_clientcert_source_is_exhausted(err)) {
        file->stamp = 0;
        ngx_clientcert_files_mark(&dir->files, file, 0);
        file->events |= how;

        return ngx_clientcert_directory_exhausted(src, err);
    }

    if (err) {
        file->stamp = 0;
        ngx_clientcert_directory_reject(src, file, -err);
        return NGX_OK;
    }

    return ngx_clientcert_directory_content(src, file, len, how);
}


/* of the file, into the buffer; returns an error of the system */

static ngx_err_t
ngx_clientcert_directory_text(ngx_clientcert_directory_t *dir, u_char *name,
    size_t *len)
{
    int          fd;
    size_t       size;
    ssize_t      n;
    ngx_err_t    err;
    struct stat  sb;

    fd = openat(dir->fd, (char *) name,
                O_RDONLY|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (fd == -1) {
        return ngx_errno;
    }

    err = 0;
    *len = 0;

    if (fstat(fd, &sb) == -1) {
        err = ngx_errno;

    } else if (!S_ISREG(sb.st_mode)) {

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


/* of the buffer */

static ngx_int_t
ngx_clientcert_directory_content(ngx_clientcert_source_t *src,
    ngx_clientcert_file_t *file, size_t len, ngx_uint_t how)
{
    int                          reason;
    ngx_int_t                    rc;
    ngx_uint_t                   key, had;
    ngx_clientcert_directory_t  *dir;

    dir = src->known;

    dir->found->nelts = 0;
    key = 0;

    reason = (len > NGX_CLIENTCERT_FILE_MAX)
             ? NGX_CLIENTCERT_FILE_BIG
             : (int) ngx_clientcert_der_file(dir->buf, len, dir->found, &key);

    if (reason == NGX_CLIENTCERT_FILE_MEMORY) {
        return ngx_clientcert_directory_exhausted(src, NGX_ENOMEM);
    }

    if (reason && (how & NGX_CLIENTCERT_REPLACED)) {

        /* it isn't what was removed from here, however bad it is */

        dir->moved |= (file->ncerts != 0);
        ngx_clientcert_files_clear(&dir->files, file);
    }

    if (reason && !(how & NGX_CLIENTCERT_COMPLETE)
        && (how & NGX_CLIENTCERT_CREATED))
    {
        /* a link or an unnamed file that got a name is complete, others ... */

        file->stamp = 0;
        file->since = ngx_current_msec;
        src->unsettled = 1;

        ngx_clientcert_files_mark(&dir->files, file, 0);

        return NGX_OK;
    }

    if (reason) {
        ngx_clientcert_directory_reject(src, file, reason);
        return NGX_OK;
    }

    if (key && !file->key) {
        ngx_clientcert_directory_log(src, NGX_LOG_WARN, 0, file,
                                     "holds a private key, which doesn't "
                                     "belong there", "");
    }

    dir->files.bad -= (file->reason != 0);

    file->key = key;
    file->read = 1;
    file->reason = 0;

    had = file->ncerts;
    rc = ngx_clientcert_files_take(&dir->files, file, dir->found);

    if (rc == NGX_ERROR) {
        return ngx_clientcert_directory_exhausted(src, NGX_ENOMEM);
    }

    if (rc == NGX_OK && had && (how & NGX_CLIENTCERT_OTHER)) {
        dir->moved = 1;
    }

    if (how & NGX_CLIENTCERT_OTHER) {
        dir->come[dir->ncome++ % NGX_CLIENTCERT_COME] = file->ino;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_directory_exhausted(ngx_clientcert_source_t *src, ngx_err_t err)
{
    ngx_clientcert_source_failed(src, err, "reading files of");

    /* names that events have marked may have been looked at in part */

    src->all = ngx_max(src->all, NGX_CLIENTCERT_COMPARED);

    return NGX_ERROR;
}


/* what the file held stays in force */

static void
ngx_clientcert_directory_reject(ngx_clientcert_source_t *src,
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
    src->rejected++;

    /* what another process has read of it, perhaps */

    kept = file->ncerts || (!dir->carried && src->level != NGX_LOG_WARN);

    state = kept ? "is rejected, it keeps its state" : "is rejected";

    if (reason < 0) {
        ngx_clientcert_directory_log(src, src->level, -reason, file, state,
                                     "");
    } else {
        ngx_clientcert_directory_log(src, src->level, 0, file, state,
                                    ngx_clientcert_directory_reason(reason));
    }
}


static void
ngx_clientcert_directory_log(ngx_clientcert_source_t *src, ngx_uint_t level,
    ngx_err_t err, ngx_clientcert_file_t *file, const char *text,
    const char *more)
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

    ngx_clientcert_source_log(src, level, err, "\"%*s\" %s%s",
                              (size_t) (p - buf), buf, text, more);
}


static const char *
ngx_clientcert_directory_reason(int reason)
{
    switch (reason) {

    case NGX_CLIENTCERT_FILE_EMPTY:
        return ": it is empty";

    case NGX_CLIENTCERT_FILE_TRUNCATED:
        return ": it is truncated";

    case NGX_CLIENTCERT_FILE_BASE64:
        return ": a certificate in it is not base64";

    case NGX_CLIENTCERT_FILE_NOT_DER:
        return ": a certificate in it is not DER as RFC 5280 wants it";

    case NGX_CLIENTCERT_FILE_PKCS7:
        return ": it is PKCS#7, \"openssl pkcs7 -inform DER -print_certs "
               "-in FILE\" exports its certificates";

    case NGX_CLIENTCERT_FILE_PKCS7_PEM:
        return ": it is PKCS#7, \"openssl pkcs7 -print_certs -in FILE\" "
               "exports its certificates";

    case NGX_CLIENTCERT_FILE_PKCS12:
        return ": it is PKCS#12, \"openssl pkcs12 -clcerts -nokeys -in "
               "FILE\" exports its certificate";

    case NGX_CLIENTCERT_FILE_KEY:
        return ": it holds a private key, which doesn't belong there, and no "
               "certificate";

    case NGX_CLIENTCERT_FILE_BIG:
        return ": it is larger than 1 MiB";

    case NGX_CLIENTCERT_FILE_SPECIAL:
        return ": it is not a regular file";

    case NGX_CLIENTCERT_FILE_NAME:
        return ": its name is longer than 255 bytes";

    case NGX_CLIENTCERT_FILE_TRUSTED:
        return ": it holds a trusted certificate, \"openssl x509 -in FILE\" "
               "exports the certificate";

    default: /* NGX_CLIENTCERT_FILE_NONE */
        return ": it holds no certificate";
    }
}
