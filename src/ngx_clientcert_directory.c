
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_loader.h"
#include "ngx_clientcert_der.h"
#include <sys/inotify.h>


#define NGX_CLIENTCERT_MIN_BUCKETS  64

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


typedef struct ngx_clientcert_node_s  ngx_clientcert_node_t;
typedef struct ngx_clientcert_cert_s  ngx_clientcert_cert_t;

struct ngx_clientcert_node_s {
    ngx_clientcert_node_t   *next;      /* of the same bucket */
    ngx_uint_t               hash;
};


typedef struct {
    ngx_clientcert_node_t  **buckets;
    ngx_uint_t               mask;
    ngx_uint_t               n;
} ngx_clientcert_hash_t;


typedef struct {
    ngx_clientcert_node_t    node;      /* by name */
    ngx_clientcert_cert_t   *certs;
    uint64_t                 stamp;     /* 0: to be read again */
    uint64_t                 pending;   /* the stamp that was seen last */
    ngx_msec_t               since;     /* of pending or missed */
    int                      reason;    /* of a rejection, < 0: -errno */
    uint32_t                 scan;      /* that met it last */
    unsigned                 key:1;     /* a private one, logged */
    unsigned                 missed:1;  /* gone, as it seems so far */
    u_short                  len;
    u_char                   name[1];
} ngx_clientcert_source_t;


struct ngx_clientcert_cert_s {
    ngx_clientcert_node_t     node;     /* by digest, several may have one */
    ngx_clientcert_cert_t    *sibling;
    ngx_clientcert_source_t  *file;
    ngx_clientcert_der_t      der;
};


typedef struct {
    u_char                   digest[32];
} ngx_clientcert_dirty_t;


struct ngx_clientcert_directory_s {
    ngx_clientcert_hash_t    files;
    ngx_clientcert_hash_t    certs;
    ngx_array_t             *dirty;     /* ngx_clientcert_dirty_t */
    ngx_array_t             *found;     /* ngx_clientcert_der_t */
    ngx_pool_t              *pool;
    ngx_pool_t              *scratch;   /* of dirty */
    u_char                  *buf;
    int                      fd;        /* -1: not open now */
    dev_t                    dev;
    ino_t                    ino;       /* 0: was never open */
    uint32_t                 scan;
    size_t                   work;      /* since the last poll */

    uint32_t                 cookie;    /* of a rename, 0: none */
    size_t                   moved_len;
    u_char                   moved[NGX_CLIENTCERT_ORIGIN_LEN + 1];

    ngx_uint_t               rejected;  /* since the last commit */
    ngx_uint_t               bad;       /* files rejected now */
    unsigned                 synced:1;  /* the store holds what this does */
    unsigned                 scanned:1; /* all files are known */
    unsigned                 scanning:1;
    unsigned                 doubtful:1;    /* whether some still hold it */
    unsigned                 unsettled:1;
    unsigned                 failed:1;  /* no memory */
};


static ngx_int_t ngx_clientcert_directory_restore(
    ngx_clientcert_loader_t *ld);
static void ngx_clientcert_directory_clean(ngx_clientcert_directory_t *dir);
static ngx_int_t ngx_clientcert_directory_open(ngx_clientcert_loader_t *ld);
static void ngx_clientcert_directory_close(ngx_clientcert_directory_t *dir);
static ngx_int_t ngx_clientcert_directory_all_files(
    ngx_clientcert_loader_t *ld);
static ngx_int_t ngx_clientcert_directory_read(ngx_clientcert_loader_t *ld,
    DIR *d, ngx_clientcert_look_e how);
static ngx_err_t ngx_clientcert_directory_sweep(ngx_clientcert_loader_t *ld,
    ngx_clientcert_look_e how);
static ngx_uint_t ngx_clientcert_directory_other(ngx_clientcert_loader_t *ld);
static ngx_err_t ngx_clientcert_directory_rename(
    ngx_clientcert_directory_t *dir, ngx_str_t *name, uint32_t mask,
    uint32_t cookie);
static ngx_err_t ngx_clientcert_directory_move(ngx_clientcert_directory_t *dir,
    ngx_str_t *name);
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
static ngx_err_t ngx_clientcert_directory_file(ngx_clientcert_loader_t *ld,
    ngx_clientcert_source_t *file, ngx_clientcert_look_e how);
static void ngx_clientcert_directory_key(ngx_clientcert_loader_t *ld,
    ngx_clientcert_source_t *file);
static ngx_err_t ngx_clientcert_directory_text(ngx_clientcert_directory_t *dir,
    int fd, size_t *len);
static void ngx_clientcert_directory_reject(ngx_clientcert_loader_t *ld,
    ngx_clientcert_source_t *file, int reason);
static ngx_uint_t ngx_clientcert_directory_told(ngx_clientcert_loader_t *ld,
    ngx_clientcert_source_t *file, int reason);
static const char *ngx_clientcert_directory_reason(int reason);
static ngx_int_t ngx_clientcert_directory_take(ngx_clientcert_directory_t *dir,
    ngx_clientcert_source_t *file);
static ngx_int_t ngx_clientcert_directory_add(ngx_clientcert_directory_t *dir,
    ngx_clientcert_source_t *file, ngx_clientcert_der_t *der);
static void ngx_clientcert_directory_clear(ngx_clientcert_directory_t *dir,
    ngx_clientcert_source_t *file);
static void ngx_clientcert_directory_forget(ngx_clientcert_directory_t *dir,
    ngx_clientcert_source_t *file);
static void ngx_clientcert_directory_tell(ngx_clientcert_loader_t *ld,
    ngx_int_t rc, ngx_uint_t added, ngx_uint_t removed, ngx_uint_t n);
static ngx_int_t ngx_clientcert_directory_all(ngx_clientcert_loader_t *ld);
static ngx_int_t ngx_clientcert_directory_changes(ngx_clientcert_loader_t *ld,
    ngx_array_t *changes, ngx_uint_t *added, ngx_uint_t *removed);
static ngx_int_t ngx_clientcert_directory_change(ngx_clientcert_cert_t *cert,
    u_char *digest, ngx_uint_t shared, ngx_array_t *changes);
static ngx_clientcert_cert_t *ngx_clientcert_directory_holder(
    ngx_clientcert_directory_t *dir, u_char *digest, ngx_uint_t *shared);
static int ngx_libc_cdecl ngx_clientcert_directory_cmp(const void *one,
    const void *two);
static void ngx_clientcert_directory_mark(ngx_clientcert_directory_t *dir,
    u_char *digest);
static ngx_clientcert_source_t *ngx_clientcert_directory_find(
    ngx_clientcert_directory_t *dir, u_char *name, size_t len);
static ngx_clientcert_source_t *ngx_clientcert_directory_name(
    ngx_clientcert_directory_t *dir, u_char *name, size_t len);
static ngx_int_t ngx_clientcert_hash_add(ngx_clientcert_hash_t *h,
    ngx_clientcert_node_t *node, ngx_log_t *log);
static void ngx_clientcert_hash_remove(ngx_clientcert_hash_t *h,
    ngx_clientcert_node_t *node);


ngx_int_t
ngx_clientcert_directory_create(ngx_clientcert_loader_t *ld)
{
    ngx_pool_t                  *pool, *scratch;
    ngx_clientcert_directory_t  *dir;

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ld->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    scratch = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ld->log);
    if (scratch == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    dir = ngx_pcalloc(pool, sizeof(ngx_clientcert_directory_t));
    if (dir == NULL) {
        goto failed;
    }

    dir->pool = pool;
    dir->scratch = scratch;
    dir->fd = -1;

    dir->found = ngx_array_create(pool, 4, sizeof(ngx_clientcert_der_t));
    dir->buf = ngx_palloc(pool, NGX_CLIENTCERT_FILE_MAX + 1);

    if (dir->found == NULL || dir->buf == NULL) {
        goto failed;
    }

    ngx_clientcert_directory_clean(dir);

    ld->dir = dir;

    if (ngx_clientcert_directory_restore(ld) != NGX_OK) {
        ngx_clientcert_directory_destroy(ld);
        return NGX_ERROR;
    }

    return NGX_OK;

failed:

    ngx_destroy_pool(scratch);
    ngx_destroy_pool(pool);

    return NGX_ERROR;
}


/*
 * What the store holds is what the files held when another process read them:
 * so events have a state to change before all files are read again, and a file
 * that can't be read has one to keep.
 */

static ngx_int_t
ngx_clientcert_directory_restore(ngx_clientcert_loader_t *ld)
{
    ngx_uint_t                place;
    ngx_clientcert_der_t      der;
    ngx_clientcert_entry_t    entry;
    ngx_clientcert_source_t  *file;

    if (ngx_clientcert_store_lock(ld->store) != NGX_OK) {
        ld->retired = 1;
        return NGX_ERROR;
    }

    place = 0;

    while (ngx_clientcert_store_next(ld->store, &place, &entry) == NGX_OK) {

        ngx_memcpy(der.sha256, entry.digest, 32);
        ngx_memcpy(der.spki, entry.spki, 32);
        der.not_before = entry.not_before;
        der.not_after = entry.not_after;

        file = ngx_clientcert_directory_name(ld->dir, entry.origin.data,
                                             entry.origin.len);
        if (file == NULL
            || ngx_clientcert_directory_add(ld->dir, file, &der) != NGX_OK)
        {
            ld->dir->failed = 1;
            break;
        }
    }

    ngx_clientcert_store_unlock(ld->store);

    ngx_clientcert_directory_clean(ld->dir);
    ld->dir->synced = 1;

    return ld->dir->failed ? NGX_ERROR : NGX_OK;
}


/*
 * Without what the array left behind as it grew; what is left of the pool has
 * room for it.
 */

static void
ngx_clientcert_directory_clean(ngx_clientcert_directory_t *dir)
{
    ngx_reset_pool(dir->scratch);

    dir->dirty = ngx_array_create(dir->scratch, 4,
                                  sizeof(ngx_clientcert_dirty_t));
}


void
ngx_clientcert_directory_destroy(ngx_clientcert_loader_t *ld)
{
    ngx_uint_t                   i;
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;
    ld->dir = NULL;

    for (i = 0; dir->files.buckets && i <= dir->files.mask; i++) {
        while (dir->files.buckets[i]) {
            ngx_clientcert_directory_forget(dir,
                        (ngx_clientcert_source_t *) dir->files.buckets[i]);
        }
    }

    if (dir->files.buckets) {
        ngx_free(dir->files.buckets);
    }

    if (dir->certs.buckets) {
        ngx_free(dir->certs.buckets);
    }

    ngx_clientcert_directory_close(dir);

    ngx_destroy_pool(dir->scratch);
    ngx_destroy_pool(dir->pool);
}


ngx_int_t
ngx_clientcert_directory_scan(ngx_clientcert_loader_t *ld)
{
    ngx_int_t                    rc;
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;

    ngx_clientcert_directory_close(dir);

    if (ngx_clientcert_directory_open(ld) != NGX_OK) {
        return NGX_ERROR;
    }

    dir->scan++;
    dir->unsettled = 0;
    dir->failed = 0;
    dir->scanning = 1;

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
    }

    dir->ino = sb.st_ino;
    dir->dev = sb.st_dev;

    return NGX_OK;
}


static void
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

    for (n = 0; /* void */ ; n++) {

        ngx_set_errno(0);
        de = readdir(d);

        if (de == NULL) {
            err = ngx_errno;

            if (err) {
                ngx_clientcert_loader_failed(ld, err, "readdir()");
                return NGX_ERROR;
            }

            break;
        }

        if (de->d_name[0] == '.') {
            n--;
            continue;
        }

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

    /* a mount point whose file system isn't there says nothing of its files */

    if (n == 0
        && ld->store->sh->dev && ld->store->sh->dev != dir->dev
        && ngx_clientcert_store_count(ld->store, 0))
    {
        ngx_clientcert_loader_failed(ld, ENODEV, "finding the file system");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* forgets the files that the scan hasn't met */

static ngx_err_t
ngx_clientcert_directory_sweep(ngx_clientcert_loader_t *ld,
    ngx_clientcert_look_e how)
{
    ngx_err_t                    err;
    ngx_uint_t                   i;
    ngx_clientcert_node_t       *node, *next;
    ngx_clientcert_source_t     *file;
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;

    for (i = 0; dir->files.buckets && i <= dir->files.mask; i++) {
        for (node = dir->files.buckets[i]; node; node = next) {
            next = node->next;
            file = (ngx_clientcert_source_t *) node;

            if (file->scan == dir->scan) {
                continue;
            }

            /* it may have come back */

            err = ngx_clientcert_directory_look(ld, file->name, file->len,
                                                how);
            if (err) {
                return err;
            }
        }
    }

    return 0;
}


void
ngx_clientcert_directory_event(ngx_clientcert_loader_t *ld, ngx_str_t *name,
    uint32_t mask, uint32_t cookie)
{
    ngx_err_t   err;
    ngx_int_t   how;
    ngx_msec_t  due;

    if (ngx_clientcert_directory_other(ld)) {
        ld->swapped = 1;
        ld->due = ngx_current_msec;
        return;
    }

    err = ngx_clientcert_directory_rename(ld->dir, name, mask, cookie);

    if (err == 0 && ld->dir->fd == -1
        && ngx_clientcert_directory_open(ld) != NGX_OK)
    {
        err = ld->store->sh->err;
    }

    if (err == 0) {
        how = ngx_clientcert_directory_how(ld, name, mask);

        if (how != NGX_DECLINED) {
            err = ngx_clientcert_directory_look(ld, name->data, name->len,
                                                how);
        }
    }

    if (err) {
        ngx_clientcert_loader_failed(ld, err, "reading files");

        /* it is met by comparing, and soon */

        due = ngx_current_msec + ld->interval;

        if ((ngx_msec_int_t) (ld->due - due) > 0) {
            ld->due = due;
        }
    }
}


/* whether the path leads to another directory than the one of the events */

static ngx_uint_t
ngx_clientcert_directory_other(ngx_clientcert_loader_t *ld)
{
    struct stat  sb;

    return stat((char *) ld->path.data, &sb) == -1
           || sb.st_ino != ld->dir->ino
           || sb.st_dev != ld->dir->dev;
}


/*
 * What a file holds moves with it, whether it still has that name or not:
 * there may be many renames in a row.  One that moved away is forgotten when
 * it is known that its new name isn't here.
 */

static ngx_err_t
ngx_clientcert_directory_rename(ngx_clientcert_directory_t *dir,
    ngx_str_t *name, uint32_t mask, uint32_t cookie)
{
    ngx_err_t  err;

    err = 0;

    if (dir->cookie && (mask & IN_MOVED_TO) && cookie == dir->cookie) {
        err = ngx_clientcert_directory_move(dir, name);
        dir->cookie = 0;
    }

    ngx_clientcert_directory_moved_away(dir);

    if ((mask & IN_MOVED_FROM) && name->len <= NGX_CLIENTCERT_ORIGIN_LEN) {
        dir->cookie = cookie;
        dir->moved_len = name->len;
        ngx_memcpy(dir->moved, name->data, name->len);
    }

    return err;
}


void
ngx_clientcert_directory_moved_away(ngx_clientcert_directory_t *dir)
{
    if (dir->cookie) {
        dir->cookie = 0;
        ngx_clientcert_directory_gone(dir, dir->moved, dir->moved_len,
                                      NGX_CLIENTCERT_COMPLETE);
    }
}


static ngx_err_t
ngx_clientcert_directory_move(ngx_clientcert_directory_t *dir, ngx_str_t *name)
{
    ngx_clientcert_cert_t    *cert, **last;
    ngx_clientcert_source_t  *from, *to;

    from = ngx_clientcert_directory_find(dir, dir->moved, dir->moved_len);

    if (from == NULL) {
        return 0;
    }

    to = ngx_clientcert_directory_name(dir, name->data, name->len);
    if (to == NULL) {
        return NGX_ENOMEM;
    }

    to->scan = dir->scan;

    /* that of the other file is in force until it is read */

    last = &from->certs;

    for (cert = from->certs; cert; cert = cert->sibling) {
        cert->file = to;
        last = &cert->sibling;

        ngx_clientcert_directory_mark(dir, cert->der.sha256);
    }

    *last = to->certs;
    to->certs = from->certs;
    from->certs = NULL;

    ngx_clientcert_directory_forget(dir, from);

    return 0;
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
        file = ngx_clientcert_directory_find(ld->dir, name->data, name->len);

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

    /* if it is there again, another event tells that it is complete */

    if (mask & IN_DELETE) {
        return NGX_DECLINED;
    }

    if (mask & (IN_CLOSE_WRITE|IN_MOVED_TO)) {
        return NGX_CLIENTCERT_COMPLETE;
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

    file = ngx_clientcert_directory_name(dir, name, len);
    if (file == NULL) {
        return NGX_ENOMEM;
    }

    file->scan = dir->scan;
    file->missed = 0;

    reason = !S_ISREG(sb.st_mode) ? NGX_CLIENTCERT_FILE_SPECIAL
             : (len > NGX_CLIENTCERT_ORIGIN_LEN) ? NGX_CLIENTCERT_FILE_NAME
                                                 : 0;
    if (reason) {
        ngx_clientcert_directory_clear(dir, file);
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

    file = ngx_clientcert_directory_name(dir, name, len);
    if (file == NULL) {
        return NGX_ENOMEM;
    }

    file->scan = dir->scan;
    file->stamp = 0;
    file->pending = 0;

    if (gone) {
        ngx_clientcert_directory_clear(dir, file);

        /* it may be about to go as well, or what it leads to about to come */

        if (dir->scanned && !file->missed) {
            file->missed = 1;
            dir->unsettled = 1;
            return 0;
        }
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

    file = ngx_clientcert_directory_find(dir, name, len);

    if (file == NULL) {
        return;
    }

    if (how == NGX_CLIENTCERT_COMPARED && dir->scanned) {

        if (!file->missed) {
            file->missed = 1;
            file->since = ngx_current_msec;
        }

        if (ngx_current_msec - file->since < NGX_CLIENTCERT_SETTLE) {
            file->scan = dir->scan;
            dir->unsettled = 1;
            return;
        }
    }

    ngx_clientcert_directory_forget(dir, file);
}


static ngx_err_t
ngx_clientcert_directory_file(ngx_clientcert_loader_t *ld,
    ngx_clientcert_source_t *file, ngx_clientcert_look_e how)
{
    int                          fd, reason;
    size_t                       len;
    ngx_err_t                    err;
    ngx_uint_t                   key;
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

    dir->bad -= (file->reason != 0);

    file->key = key;
    file->reason = 0;

    return (ngx_clientcert_directory_take(dir, file) == NGX_OK) ? 0
                                                            : NGX_ENOMEM;
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

    ld->dir->bad += (file->reason == 0);
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


/* gives the file the certificates that were found in it */

static ngx_int_t
ngx_clientcert_directory_take(ngx_clientcert_directory_t *dir,
    ngx_clientcert_source_t *file)
{
    ngx_uint_t              i, n;
    ngx_clientcert_der_t   *der;
    ngx_clientcert_cert_t  *cert;

    der = dir->found->elts;
    n = dir->found->nelts;

    /* its certificates are linked the other way round */

    for (cert = file->certs, i = n; cert && i > 0; cert = cert->sibling) {
        if (ngx_memcmp(cert->der.sha256, der[--i].sha256, 32) != 0) {
            i = n;
            break;
        }
    }

    if (cert == NULL && i == 0) {
        return NGX_OK;
    }

    ngx_clientcert_directory_clear(dir, file);

    for (i = 0; i < n; i++) {
        if (ngx_clientcert_directory_add(dir, file, &der[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_directory_add(ngx_clientcert_directory_t *dir,
    ngx_clientcert_source_t *file, ngx_clientcert_der_t *der)
{
    ngx_clientcert_cert_t  *cert;

    cert = ngx_alloc(sizeof(ngx_clientcert_cert_t), dir->pool->log);
    if (cert == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(&cert->node.hash, der->sha256, sizeof(ngx_uint_t));
    cert->der = *der;
    cert->file = file;

    if (ngx_clientcert_hash_add(&dir->certs, &cert->node, dir->pool->log)
        != NGX_OK)
    {
        ngx_free(cert);
        return NGX_ERROR;
    }

    cert->sibling = file->certs;
    file->certs = cert;

    ngx_clientcert_directory_mark(dir, der->sha256);

    return NGX_OK;
}


static void
ngx_clientcert_directory_clear(ngx_clientcert_directory_t *dir,
    ngx_clientcert_source_t *file)
{
    ngx_clientcert_cert_t  *cert;

    while (file->certs) {
        cert = file->certs;
        file->certs = cert->sibling;

        ngx_clientcert_directory_mark(dir, cert->der.sha256);
        ngx_clientcert_hash_remove(&dir->certs, &cert->node);
        ngx_free(cert);
    }
}


static void
ngx_clientcert_directory_forget(ngx_clientcert_directory_t *dir,
    ngx_clientcert_source_t *file)
{
    dir->bad -= (file->reason != 0);

    ngx_clientcert_directory_clear(dir, file);
    ngx_clientcert_hash_remove(&dir->files, &file->node);
    ngx_free(file);
}


void
ngx_clientcert_directory_commit(ngx_clientcert_loader_t *ld)
{
    ngx_pool_t                  *pool;
    ngx_int_t                    rc;
    ngx_uint_t                   added, removed, n;
    ngx_array_t                 *changes;
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;

    if (!dir->scanning) {
        ngx_clientcert_directory_close(dir);
    }

    if (dir->scanned) {
        ld->store->sh->failed = dir->bad;
    }

    if (dir->synced && dir->dirty->nelts == 0 && dir->rejected == 0) {
        return;
    }

    if (ngx_clientcert_store_lock(ld->store) != NGX_OK) {
        ld->retired = 1;
        return;
    }

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ld->log);
    changes = pool ? ngx_array_create(pool, 16,
                                      sizeof(ngx_clientcert_change_t))
                   : NULL;

    if (changes == NULL
        || dir->failed
        || (!dir->synced && ngx_clientcert_directory_all(ld) != NGX_OK)
        || ngx_clientcert_directory_changes(ld, changes, &added, &removed)
           != NGX_OK)
    {
        ngx_clientcert_store_unlock(ld->store);

        if (pool) {
            ngx_destroy_pool(pool);
        }

        dir->synced = 0;
        dir->failed = 0;
        return;
    }

    rc = NGX_OK;

    if (changes->nelts) {
        rc = ngx_clientcert_store_change(ld->store, pool, changes);

    } else {
        ngx_destroy_pool(pool);
    }

    n = ngx_clientcert_store_count(ld->store, 0);

    ngx_clientcert_store_unlock(ld->store);

    dir->synced = (rc == NGX_OK);
    ngx_clientcert_directory_tell(ld, rc, added, removed, n);
}


static void
ngx_clientcert_directory_tell(ngx_clientcert_loader_t *ld, ngx_int_t rc,
    ngx_uint_t added, ngx_uint_t removed, ngx_uint_t n)
{
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;

    if (rc != NGX_OK) {
        ngx_clientcert_loader_small(ld);
        added = 0;

    } else {
        ld->small = 0;
    }

    if (added || removed || dir->rejected) {
        ngx_log_error(NGX_LOG_NOTICE, ld->log, 0,
                      "store \"%V\": %ui added, %ui removed, %ui rejected, "
                      "%ui certificates", &ld->store->name, added, removed,
                      dir->rejected, n);
    }

    dir->rejected = 0;

    ngx_clientcert_directory_clean(dir);
}


/* marks all that the store or the directory holds */

static ngx_int_t
ngx_clientcert_directory_all(ngx_clientcert_loader_t *ld)
{
    ngx_uint_t               i, place;
    ngx_clientcert_node_t   *node;
    ngx_clientcert_entry_t   entry;

    place = 0;

    while (ngx_clientcert_store_next(ld->store, &place, &entry) == NGX_OK) {
        ngx_clientcert_directory_mark(ld->dir, entry.digest);
    }

    for (i = 0; ld->dir->certs.buckets && i <= ld->dir->certs.mask; i++) {
        for (node = ld->dir->certs.buckets[i]; node; node = node->next) {
            ngx_clientcert_directory_mark(ld->dir,
                            ((ngx_clientcert_cert_t *) node)->der.sha256);
        }
    }

    return ld->dir->failed ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_clientcert_directory_changes(ngx_clientcert_loader_t *ld,
    ngx_array_t *changes, ngx_uint_t *added, ngx_uint_t *removed)
{
    ngx_uint_t                   i, there, shared;
    ngx_clientcert_cert_t       *cert;
    ngx_clientcert_dirty_t      *dirty;
    ngx_clientcert_entry_t       entry;
    ngx_clientcert_directory_t  *dir;

    dir = ld->dir;
    dirty = dir->dirty->elts;

    *added = 0;
    *removed = 0;

    qsort(dirty, dir->dirty->nelts, sizeof(ngx_clientcert_dirty_t),
          ngx_clientcert_directory_cmp);

    for (i = 0; i < dir->dirty->nelts; i++) {

        if (i && ngx_memcmp(&dirty[i - 1], &dirty[i], 32) == 0) {
            continue;
        }

        cert = ngx_clientcert_directory_holder(dir, dirty[i].digest, &shared);

        there = (ngx_clientcert_store_get_entry(ld->store, dirty[i].digest,
                                                32, &entry)
                 == NGX_OK);

        /* some file that isn't known yet may hold it */

        if (there && entry.shared && !dir->scanned) {

            if (cert == NULL) {
                dir->doubtful = 1;
                continue;
            }

            shared = 1;
        }

        if (cert && there && shared == entry.shared
            && entry.origin.len == cert->file->len
            && ngx_memcmp(entry.origin.data, cert->file->name,
                          cert->file->len)
               == 0)
        {
            continue;
        }

        if (cert == NULL && !there) {
            continue;
        }

        *added += !there;
        *removed += (cert == NULL);

        if (ngx_clientcert_directory_change(cert, dirty[i].digest, shared,
                                            changes)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* puts the certificate, or drops the digest if cert is NULL */

static ngx_int_t
ngx_clientcert_directory_change(ngx_clientcert_cert_t *cert, u_char *digest,
    ngx_uint_t shared, ngx_array_t *changes)
{
    size_t                    len;
    u_char                   *p;
    ngx_clientcert_change_t  *change;

    change = ngx_array_push(changes);
    if (change == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(change, sizeof(ngx_clientcert_change_t));

    len = cert ? cert->file->len : 0;

    p = ngx_pnalloc(changes->pool, 64 + len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    change->entry.digest = p;
    change->entry.len = 32;
    p = ngx_cpymem(p, digest, 32);

    if (cert == NULL) {
        change->drop = 1;
        return NGX_OK;
    }

    change->entry.spki = p;
    p = ngx_cpymem(p, cert->der.spki, 32);

    change->entry.not_before = cert->der.not_before;
    change->entry.not_after = cert->der.not_after;
    change->entry.shared = shared;

    change->entry.origin.data = p;
    change->entry.origin.len = len;
    ngx_memcpy(p, cert->file->name, len);

    /* the label is the name without its ending */

    while (len > 1 && p[len - 1] != '.') {
        len--;
    }

    change->entry.label_len = (len > 1) ? len - 1 : cert->file->len;

    return NGX_OK;
}


/* of several files with the certificate the one whose name comes first */

static ngx_clientcert_cert_t *
ngx_clientcert_directory_holder(ngx_clientcert_directory_t *dir,
    u_char *digest, ngx_uint_t *shared)
{
    ngx_uint_t              hash;
    ngx_clientcert_cert_t  *cert, *holder;
    ngx_clientcert_node_t  *node;

    *shared = 0;

    if (dir->certs.buckets == NULL) {
        return NULL;
    }

    holder = NULL;
    ngx_memcpy(&hash, digest, sizeof(ngx_uint_t));

    for (node = dir->certs.buckets[hash & dir->certs.mask];
         node;
         node = node->next)
    {
        cert = (ngx_clientcert_cert_t *) node;

        if (node->hash != hash
            || ngx_memcmp(cert->der.sha256, digest, 32) != 0)
        {
            continue;
        }

        if (holder && cert->file != holder->file) {
            *shared = 1;
        }

        if (holder == NULL
            || ngx_strcmp(cert->file->name, holder->file->name) < 0)
        {
            holder = cert;
        }
    }

    return holder;
}


static int ngx_libc_cdecl
ngx_clientcert_directory_cmp(const void *one, const void *two)
{
    return ngx_memcmp(one, two, sizeof(ngx_clientcert_dirty_t));
}


static void
ngx_clientcert_directory_mark(ngx_clientcert_directory_t *dir, u_char *digest)
{
    ngx_clientcert_dirty_t  *dirty;

    dirty = ngx_array_push(dir->dirty);

    if (dirty == NULL) {
        dir->failed = 1;
        return;
    }

    ngx_memcpy(dirty->digest, digest, 32);
}


static ngx_clientcert_source_t *
ngx_clientcert_directory_find(ngx_clientcert_directory_t *dir, u_char *name,
    size_t len)
{
    ngx_uint_t                hash;
    ngx_clientcert_node_t    *node;
    ngx_clientcert_source_t  *file;

    if (dir->files.buckets == NULL) {
        return NULL;
    }

    hash = ngx_murmur_hash2(name, len);

    for (node = dir->files.buckets[hash & dir->files.mask];
         node;
         node = node->next)
    {
        file = (ngx_clientcert_source_t *) node;

        if (node->hash == hash && file->len == len
            && ngx_memcmp(file->name, name, len) == 0)
        {
            return file;
        }
    }

    return NULL;
}


static ngx_clientcert_source_t *
ngx_clientcert_directory_name(ngx_clientcert_directory_t *dir, u_char *name,
    size_t len)
{
    ngx_clientcert_source_t  *file;

    file = ngx_clientcert_directory_find(dir, name, len);

    if (file) {
        return file;
    }

    file = ngx_calloc(sizeof(ngx_clientcert_source_t) + len, dir->pool->log);
    if (file == NULL) {
        return NULL;
    }

    file->node.hash = ngx_murmur_hash2(name, len);
    file->len = (u_short) len;
    ngx_memcpy(file->name, name, len);

    if (ngx_clientcert_hash_add(&dir->files, &file->node, dir->pool->log)
        != NGX_OK)
    {
        ngx_free(file);
        return NULL;
    }

    return file;
}


/* keeps the buckets at least as many as the nodes */

static ngx_int_t
ngx_clientcert_hash_add(ngx_clientcert_hash_t *h, ngx_clientcert_node_t *node,
    ngx_log_t *log)
{
    ngx_uint_t               i, n;
    ngx_clientcert_node_t  **buckets, *old, *next;

    n = h->buckets ? h->mask + 1 : 0;

    if (h->n == n) {
        n = n ? n * 2 : NGX_CLIENTCERT_MIN_BUCKETS;

        buckets = ngx_calloc(n * sizeof(ngx_clientcert_node_t *), log);
        if (buckets == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; h->buckets && i <= h->mask; i++) {
            for (old = h->buckets[i]; old; old = next) {
                next = old->next;
                old->next = buckets[old->hash & (n - 1)];
                buckets[old->hash & (n - 1)] = old;
            }
        }

        if (h->buckets) {
            ngx_free(h->buckets);
        }

        h->buckets = buckets;
        h->mask = n - 1;
    }

    node->next = h->buckets[node->hash & h->mask];
    h->buckets[node->hash & h->mask] = node;
    h->n++;

    return NGX_OK;
}


static void
ngx_clientcert_hash_remove(ngx_clientcert_hash_t *h,
    ngx_clientcert_node_t *node)
{
    ngx_clientcert_node_t  **p;

    p = &h->buckets[node->hash & h->mask];

    while (*p != node) {
        p = &(*p)->next;
    }

    *p = node->next;
    h->n--;
}
