
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_loader.h"
#include "../cert/ngx_clientcert_thumbprint.h"


#define NGX_CLIENTCERT_LIST_BUFFER  (256 * 1024)

/*
 * The text of a list between these sizes is kept, to tell what changes in it:
 * a shorter one is soon read, for a longer one it would be much memory.
 */
#define NGX_CLIENTCERT_LIST_KEEP    (16 * 1024 * 1024)

#define NGX_CLIENTCERT_LINE_MAX     4096


typedef struct {
    ngx_clientcert_loader_t  *ld;
    int                       fd;

    u_char                   *buf;
    size_t                    len;      /* of what was read into it */
    off_t                     size;     /* of the file */
    ngx_str_t                 text;     /* to be kept, unless NULL */

    /* of the file and of what it was, not looked at */
    size_t                    head;
    size_t                    tail;

    ngx_uint_t                line;     /* after the head */
    ngx_err_t                 err;
    ngx_uint_t                n[2];     /* SHA-1, SHA-256 */
    size_t                    origins;

    /* where a line goes, unless into the store: to the changes of it ... */
    ngx_pool_t               *pool;
    ngx_array_t              *changes;  /* ngx_clientcert_change_t */

    /* ... or to bits of what is in force, by its number */
    u_char                   *marks;

    unsigned                  eof:1;
    unsigned                  begun:1;
    unsigned                  comment:1;    /* has one */
    unsigned                  full:1;   /* only counts from now on */
    unsigned                  twice:1;  /* has some thumbprint */
    unsigned                  drop:1;   /* what changes are */
} ngx_clientcert_list_t;


static ngx_int_t ngx_clientcert_list_read(ngx_clientcert_loader_t *ld, int fd,
    off_t size);
static ngx_int_t ngx_clientcert_list_change(ngx_clientcert_list_t *list);
static ngx_int_t ngx_clientcert_list_compare(ngx_clientcert_list_t *list);
static ngx_int_t ngx_clientcert_list_read_changes(ngx_clientcert_list_t *list,
    ngx_str_t *before, ngx_str_t *now);
static void ngx_clientcert_list_change_text(ngx_clientcert_list_t *list,
    ngx_str_t *before, ngx_str_t *now);
static size_t ngx_clientcert_list_common(u_char *one, u_char *two,
    size_t len);
static size_t ngx_clientcert_list_common_end(u_char *one, u_char *two,
    size_t len);
static ngx_int_t ngx_clientcert_list_create_changes(
    ngx_clientcert_list_t *list);
static ngx_int_t ngx_clientcert_list_replace(ngx_clientcert_list_t *list);
static ngx_int_t ngx_clientcert_list_publish(ngx_clientcert_list_t *list);
static ngx_int_t ngx_clientcert_list_empty(ngx_clientcert_list_t *list);
static ngx_int_t ngx_clientcert_list_again(ngx_clientcert_list_t *list);
static void ngx_clientcert_list_drop_text(ngx_clientcert_list_t *list);
static void ngx_clientcert_list_drop_removed(ngx_clientcert_list_t *list);
static void ngx_clientcert_list_changed(ngx_clientcert_list_t *list,
    ngx_uint_t added, ngx_uint_t removed);
static ngx_int_t ngx_clientcert_list_lines(ngx_clientcert_list_t *list);
static ngx_int_t ngx_clientcert_list_fill(ngx_clientcert_list_t *list);
static ngx_int_t ngx_clientcert_list_text(ngx_clientcert_list_t *list,
    u_char *p, u_char *last);
static ngx_int_t ngx_clientcert_list_line(ngx_clientcert_list_t *list,
    u_char *p, u_char *last);
static ngx_int_t ngx_clientcert_list_label(ngx_clientcert_list_t *list,
    ngx_str_t *label, u_char *start);
static u_char *ngx_clientcert_list_end(u_char *p, u_char *last);
static u_char *ngx_clientcert_list_trim(u_char *p, u_char *last);
static ngx_int_t ngx_clientcert_list_put(ngx_clientcert_list_t *list,
    ngx_clientcert_thumbprint_t *tp, ngx_str_t *label, size_t len);
static ngx_int_t ngx_clientcert_list_add_change(ngx_clientcert_list_t *list,
    ngx_clientcert_entry_t *entry);
static void ngx_clientcert_list_mark(ngx_clientcert_list_t *list,
    ngx_clientcert_entry_t *entry);
static u_char *ngx_clientcert_list_thumbprint(u_char *p, u_char *last,
    ngx_clientcert_thumbprint_t *tp, ngx_clientcert_thumbprint_error_t *err);
static ngx_uint_t ngx_clientcert_list_bytes(u_char *p, u_char *last);
static u_char *ngx_clientcert_list_word(u_char *p, u_char *last);
static ngx_int_t ngx_clientcert_list_plain(u_char *p, u_char *last,
    ngx_clientcert_thumbprint_t *tp);
static ngx_int_t ngx_clientcert_list_bad(ngx_clientcert_list_t *list,
    ngx_uint_t column, u_char *text, size_t len);


ngx_int_t
ngx_clientcert_list_load(ngx_clientcert_loader_t *ld, ngx_uint_t event)
{
    int          fd;
    uint64_t     stamp;
    ngx_int_t    rc;
    ngx_uint_t   recent;
    struct stat  sb;

    if (stat((char *) ld->path.data, &sb) == -1) {
        ngx_clientcert_loader_failed(ld, ngx_errno, "stat()");
        return NGX_ERROR;
    }

    stamp = ngx_clientcert_loader_stamp(&sb, &recent);

    if (stamp == ld->stamp) {
        ngx_clientcert_loader_failed(ld, 0, NULL);
        return NGX_OK;
    }

    if (ld->pending != stamp) {
        ld->pending = stamp;
        ld->since = ngx_current_msec;
    }

    /* without an event somebody may be writing it */

    if (!event && ngx_current_msec - ld->since < NGX_CLIENTCERT_SETTLE) {
        ld->unsettled = 1;
        return NGX_OK;
    }

    fd = open((char *) ld->path.data, O_RDONLY|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &sb) == -1) {
        ngx_clientcert_loader_failed(ld, ngx_errno, "open()");
        rc = NGX_ERROR;

    } else if (!S_ISREG(sb.st_mode)) {
        ngx_clientcert_loader_failed(ld, S_ISDIR(sb.st_mode) ? NGX_EISDIR
                                                             : NGX_EINVAL,
                                     "read()");
        rc = NGX_ERROR;

    } else {
        stamp = ngx_clientcert_loader_stamp(&sb, &recent);
        ld->pending = stamp;
        rc = ngx_clientcert_list_read(ld, fd, sb.st_size);
    }

    if (fd != -1) {
        (void) close(fd);
    }

    /* NGX_DECLINED: bad until it changes */

    ld->stamp = (recent || rc == NGX_ERROR) ? 0 : stamp;

    if (rc == NGX_OK) {
        ld->store->sh->stamp = ld->stamp;
    }

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_clientcert_list_read(ngx_clientcert_loader_t *ld, int fd, off_t size)
{
    ngx_int_t               rc;
    ngx_clientcert_list_t   list;

    ngx_memzero(&list, sizeof(ngx_clientcert_list_t));

    list.ld = ld;
    list.fd = fd;
    list.size = size;

    list.buf = ngx_alloc(NGX_CLIENTCERT_LIST_BUFFER, ld->log);
    if (list.buf == NULL) {
        return NGX_ERROR;
    }

    if (ngx_clientcert_store_lock(ld->store) != NGX_OK) {
        ngx_free(list.buf);
        ld->retired = 1;
        return NGX_ERROR;
    }

    rc = ngx_clientcert_list_change(&list);

    if (rc == NGX_DECLINED) {
        rc = ngx_clientcert_list_replace(&list);
    }

    ngx_clientcert_store_unlock(ld->store);

    ngx_free(list.buf);

    ngx_clientcert_loader_failed(ld, list.err, "read()");

    if (rc == NGX_ABORT) {
        ld->store->sh->failed = 1;
        return NGX_DECLINED;
    }

    return rc;
}


void
ngx_clientcert_list_forget(ngx_clientcert_loader_t *ld)
{
    if (ld->text.data) {
        ngx_free(ld->text.data);
        ngx_str_null(&ld->text);
    }
}


/*
 * Does what has changed of the text that is in force, if that is known and
 * much of it is the same.  Returns NGX_OK, NGX_ABORT for a bad line, NGX_ERROR
 * without memory, or NGX_DECLINED if all has to be replaced.
 */

static ngx_int_t
ngx_clientcert_list_change(ngx_clientcert_list_t *list)
{
    ngx_int_t                 rc;
    ngx_str_t                 before, now;
    ngx_clientcert_loader_t  *ld;

    ld = list->ld;

    if (ld->text.data == NULL
        || ld->generation != ngx_clientcert_store_generation(ld->store)
        || ngx_clientcert_list_compare(list) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    before.data = ld->text.data + list->head;
    before.len = ld->text.len - list->head - list->tail;
    now.len = list->size - list->head - list->tail;

    if (before.len == 0 && now.len == 0) {
        ld->store->sh->wanted = 0;
        ngx_clientcert_list_changed(list, 0, 0);
        return NGX_OK;
    }

    if ((off_t) (before.len + now.len) > list->size / 4) {
        return NGX_DECLINED;
    }

    now.data = ngx_alloc(now.len + 1, ld->log);
    if (now.data == NULL) {
        return NGX_DECLINED;
    }

    if (pread(list->fd, now.data, now.len, list->head) != (ssize_t) now.len) {
        rc = NGX_DECLINED;

    } else {
        rc = ngx_clientcert_list_read_changes(list, &before, &now);
    }

    if (rc == NGX_OK) {
        ngx_clientcert_list_change_text(list, &before, &now);
    }

    ngx_free(now.data);

    return rc;
}


/* finds the whole lines at both ends that are as before */

static ngx_int_t
ngx_clientcert_list_compare(ngx_clientcert_list_t *list)
{
    u_char     *p, *last;
    size_t      n, len, max, common;
    ngx_str_t  *text;

    text = &list->ld->text;
    last = text->data + text->len;

    max = ngx_min(text->len, (size_t) list->size);

    for (n = 0; n < max; n += common) {
        len = ngx_min(max - n, NGX_CLIENTCERT_LIST_BUFFER);

        if (pread(list->fd, list->buf, len, n) != (ssize_t) len) {
            return NGX_DECLINED;
        }

        common = ngx_clientcert_list_common(list->buf, text->data + n, len);

        if (common < len) {
            n += common;
            break;
        }
    }

    if (n < text->len || n < (size_t) list->size) {
        while (n && text->data[n - 1] != '\n') {
            n--;
        }
    }

    list->head = n;
    max -= n;

    for (n = 0; n < max; n += common) {
        len = ngx_min(max - n, NGX_CLIENTCERT_LIST_BUFFER);

        if (pread(list->fd, list->buf, len, list->size - n - len)
            != (ssize_t) len)
        {
            return NGX_DECLINED;
        }

        common = ngx_clientcert_list_common_end(list->buf + len, last - n,
                                                len);
        if (common < len) {
            n += common;
            break;
        }
    }

    p = n ? memchr(last - n, '\n', n) : NULL;
    list->tail = p ? last - p - 1 : 0;

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_list_read_changes(ngx_clientcert_list_t *list,
    ngx_str_t *before, ngx_str_t *now)
{
    ngx_int_t                 rc;
    ngx_uint_t                i, added, removed;
    ngx_clientcert_entry_t    entry;
    ngx_clientcert_store_t   *st;
    ngx_clientcert_change_t  *change;

    if (ngx_clientcert_list_create_changes(list) != NGX_OK) {
        return NGX_DECLINED;
    }

    st = list->ld->store;
    list->drop = 1;

    rc = ngx_clientcert_list_text(list, before->data,
                                  before->data + before->len);

    removed = list->changes->nelts;

    if (rc == NGX_OK) {
        list->drop = 0;
        list->line = 0;
        rc = ngx_clientcert_list_text(list, now->data, now->data + now->len);
    }

    if (rc != NGX_OK) {
        ngx_destroy_pool(list->pool);
        return rc;
    }

    change = list->changes->elts;
    added = 0;

    for (i = removed; i < list->changes->nelts; i++) {
        added += (ngx_clientcert_store_get_entry(st, change[i].entry.digest,
                                                 change[i].entry.len, &entry)
                  != NGX_OK);
    }

    /* the others stay, with another label perhaps */

    removed -= list->changes->nelts - removed - added;

    rc = ngx_clientcert_store_change(st, list->pool, list->changes);

    if (rc == NGX_OK) {
        ngx_clientcert_list_changed(list, added, removed);
    }

    return rc;
}


static void
ngx_clientcert_list_change_text(ngx_clientcert_list_t *list,
    ngx_str_t *before, ngx_str_t *now)
{
    u_char                   *p;
    ngx_clientcert_loader_t  *ld;

    ld = list->ld;

    if (now->len > before->len) {
        p = realloc(ld->text.data, list->size);
        if (p == NULL) {
            ngx_clientcert_list_forget(ld);
            return;
        }

        ld->text.data = p;
    }

    p = ld->text.data + list->head;

    ngx_memmove(p + now->len, p + before->len, list->tail);
    ngx_memcpy(p, now->data, now->len);

    ld->text.len = list->size;
    ld->generation = ngx_clientcert_store_generation(ld->store);
}


static size_t
ngx_clientcert_list_common(u_char *one, u_char *two, size_t len)
{
    size_t  n;

    n = 0;

    while (len - n >= 4096 && ngx_memcmp(one + n, two + n, 4096) == 0) {
        n += 4096;
    }

    while (n < len && one[n] == two[n]) {
        n++;
    }

    return n;
}


/* one and two are ends here */

static size_t
ngx_clientcert_list_common_end(u_char *one, u_char *two, size_t len)
{
    size_t  n;

    n = 0;

    while (len - n >= 4096
           && ngx_memcmp(one - n - 4096, two - n - 4096, 4096) == 0)
    {
        n += 4096;
    }

    while (n < len && *(one - n - 1) == *(two - n - 1)) {
        n++;
    }

    return n;
}


static ngx_int_t
ngx_clientcert_list_create_changes(ngx_clientcert_list_t *list)
{
    list->pool = ngx_create_pool(4096, list->ld->log);
    if (list->pool == NULL) {
        return NGX_ERROR;
    }

    list->changes = ngx_array_create(list->pool, 16,
                                     sizeof(ngx_clientcert_change_t));
    if (list->changes == NULL) {
        ngx_destroy_pool(list->pool);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_list_replace(ngx_clientcert_list_t *list)
{
    ngx_int_t                 rc;
    ngx_clientcert_loader_t  *ld;

    ld = list->ld;

    list->changes = NULL;
    list->head = 0;
    list->line = 0;

    ngx_clientcert_list_forget(ld);

    if (list->size > NGX_CLIENTCERT_LIST_BUFFER
        && list->size <= NGX_CLIENTCERT_LIST_KEEP)
    {
        list->text.data = ngx_alloc(list->size, ld->log);
    }

    rc = ngx_clientcert_list_lines(list);

    if (rc == NGX_OK && !list->begun && !list->comment) {
        rc = ngx_clientcert_list_empty(list);
    }

    if (rc == NGX_OK && list->full) {
        rc = ngx_clientcert_list_again(list);
    }

    if (rc == NGX_OK) {
        rc = ngx_clientcert_list_publish(list);
    }

    if (rc != NGX_OK || list->twice) {
        ngx_clientcert_list_drop_text(list);
    }

    ld->text = list->text;
    ld->generation = ngx_clientcert_store_generation(ld->store);

    return rc;
}


/* a disk that is full empties a file that was to be written */

static ngx_int_t
ngx_clientcert_list_empty(ngx_clientcert_list_t *list)
{
    ngx_clientcert_loader_t  *ld;

    ld = list->ld;

    if (!ngx_clientcert_loader_told(ld, ld->pending)) {
        ngx_log_error(ld->level, ld->log, 0,
                      "store \"%V\": list \"%V\" is rejected, it is empty; "
                      "one without thumbprints needs a comment",
                      &ld->store->name, &ld->path);
    }

    return NGX_ABORT;
}


/* the first line said too little of the others, now their numbers are known */

static ngx_int_t
ngx_clientcert_list_again(ngx_clientcert_list_t *list)
{
    ngx_clientcert_store_t  *st;

    st = list->ld->store;

    if (ngx_clientcert_store_begin(st, list->n[0], list->n[1]) != NGX_OK) {
        return NGX_OK;
    }

    if (lseek(list->fd, 0, SEEK_SET) == -1) {
        list->err = ngx_errno;
        return NGX_ERROR;
    }

    list->eof = 0;
    list->full = 0;
    list->len = 0;
    list->line = 0;
    list->text.len = 0;
    list->origins = 0;
    list->n[0] = 0;
    list->n[1] = 0;

    return ngx_clientcert_list_lines(list);
}


static void
ngx_clientcert_list_drop_text(ngx_clientcert_list_t *list)
{
    if (list->text.data) {
        ngx_free(list->text.data);
        ngx_str_null(&list->text);
    }
}


static ngx_int_t
ngx_clientcert_list_publish(ngx_clientcert_list_t *list)
{
    ngx_uint_t                n, before, common;
    ngx_clientcert_store_t   *st;
    ngx_clientcert_loader_t  *ld;

    ld = list->ld;
    st = ld->store;

    if (!list->begun && ngx_clientcert_store_begin(st, 0, 0) != NGX_OK) {
        list->full = 1;
    }

    if (list->full) {
        ngx_clientcert_list_drop_removed(list);

        st->sh->failed = 0;
        st->sh->wanted = ngx_clientcert_store_size(0, list->n[0], list->n[1],
                                                   list->origins);
        ngx_clientcert_loader_small(ld);
        return NGX_DECLINED;
    }

    ngx_clientcert_store_publish(st);

    n = ngx_clientcert_store_count(st, 0);
    before = ngx_clientcert_store_count(st, 1);
    common = ngx_clientcert_store_common(st);

    ngx_clientcert_list_changed(list, n - common, before - common);

    return NGX_OK;
}


/* what was taken away must not stay for what is too much */

static void
ngx_clientcert_list_drop_removed(ngx_clientcert_list_t *list)
{
    ngx_uint_t               n, place, removed;
    ngx_clientcert_list_t    again;
    ngx_clientcert_entry_t   entry;
    ngx_clientcert_store_t  *st;

    st = list->ld->store;

    if (ngx_clientcert_store_count(st, 0) == 0) {
        return;
    }

    ngx_memzero(&again, sizeof(ngx_clientcert_list_t));

    again.ld = list->ld;
    again.fd = list->fd;
    again.buf = list->buf;
    again.drop = 1;

    again.marks = ngx_calloc(st->sh->words / 8 + 1, list->ld->log);

    if (again.marks == NULL) {
        return;
    }

    if (lseek(again.fd, 0, SEEK_SET) == 0
        && ngx_clientcert_list_lines(&again) == NGX_OK
        && ngx_clientcert_list_create_changes(&again) == NGX_OK)
    {
        place = 0;

        while (ngx_clientcert_store_next(st, &place, &entry) == NGX_OK) {
            n = ngx_clientcert_store_number(st, &entry);

            if (!(again.marks[n / 8] & (1 << n % 8))
                && ngx_clientcert_list_add_change(&again, &entry) != NGX_OK)
            {
                break;
            }
        }

        removed = again.changes->nelts;

        /* whatever comes next is no more what the stamp tells */

        st->sh->stamp = 0;

        if (removed == 0) {
            ngx_destroy_pool(again.pool);

        } else if (ngx_clientcert_store_change(st, again.pool, again.changes)
                   == NGX_OK)
        {
            ngx_clientcert_list_changed(list, 0, removed);
        }
    }

    ngx_free(again.marks);
}


static void
ngx_clientcert_list_changed(ngx_clientcert_list_t *list, ngx_uint_t added,
    ngx_uint_t removed)
{
    ngx_clientcert_loader_t  *ld;

    ld = list->ld;

    ld->store->sh->failed = 0;

    if (!list->full) {
        ld->small = 0;
    }

    if (added || removed) {
        ngx_log_error(NGX_LOG_NOTICE, ld->log, 0,
                      "store \"%V\": %ui added, %ui removed, 0 rejected, "
                      "%ui thumbprints", &ld->store->name, added, removed,
                      ngx_clientcert_store_count(ld->store, 0));
    }
}


static ngx_int_t
ngx_clientcert_list_lines(ngx_clientcert_list_t *list)
{
    u_char     *last, *end;
    ngx_int_t   rc;

    for ( ;; ) {
        if (ngx_clientcert_list_fill(list) != NGX_OK) {
            return NGX_ERROR;
        }

        last = list->buf + list->len;

        /* a line without an end is the last one or not read yet */

        if (!list->eof) {
            end = memrchr(list->buf, '\n', list->len);
            last = end ? end + 1 : last;
        }

        rc = ngx_clientcert_list_text(list, list->buf, last);

        if (rc != NGX_OK || list->eof) {
            return rc;
        }

        list->len -= last - list->buf;
        ngx_memmove(list->buf, last, list->len);
    }
}


static ngx_int_t
ngx_clientcert_list_fill(ngx_clientcert_list_t *list)
{
    u_char   *p;
    ssize_t   n;

    while (!list->eof && list->len < NGX_CLIENTCERT_LIST_BUFFER) {
        p = list->buf + list->len;
        n = read(list->fd, p, NGX_CLIENTCERT_LIST_BUFFER - list->len);

        if (n == -1) {
            list->err = ngx_errno;
            return NGX_ERROR;
        }

        list->len += n;
        list->eof = (n == 0);

        if (list->text.data) {
            if (list->text.len + n > (size_t) list->size) {

                /* it grows */
                ngx_clientcert_list_drop_text(list);

            } else {
                ngx_memcpy(list->text.data + list->text.len, p, n);
                list->text.len += n;
            }
        }
    }

    return NGX_OK;
}


/* returns NGX_OK, NGX_ABORT for a bad line, which is logged, or NGX_ERROR */

static ngx_int_t
ngx_clientcert_list_text(ngx_clientcert_list_t *list, u_char *p, u_char *last)
{
    u_char     *end;
    ngx_int_t   rc;

    while (p < last) {
        end = memchr(p, '\n', last - p);

        if (end == NULL) {
            end = last;
        }

        list->line++;

        rc = ngx_clientcert_list_line(list, p, end);

        if (rc != NGX_OK) {
            return rc;
        }

        p = ngx_min(end + 1, last);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_list_line(ngx_clientcert_list_t *list, u_char *p, u_char *last)
{
    u_char                             *start, *end;
    size_t                              len;
    ngx_str_t                           label;
    ngx_clientcert_thumbprint_t         tp;
    ngx_clientcert_thumbprint_error_t   err;
    u_char                              buf[NGX_CLIENTCERT_THUMBPRINT_TEXT];

    start = p;
    len = last - p;

    if (list->line == 1 && list->head == 0
        && len >= 3 && ngx_memcmp(p, "\xef\xbb\xbf", 3) == 0)
    {
        p += 3;
        len -= 3;
    }

    if (len > NGX_CLIENTCERT_LINE_MAX) {
        return ngx_clientcert_list_bad(list, NGX_CLIENTCERT_LINE_MAX + 1,
                                       (u_char *) "too long a line", 15);
    }

    /* a comment might be all that is left of many lines */

    end = memchr(p, '\r', last - p);

    if (end && end + 1 < last) {
        return ngx_clientcert_list_bad(list, end - start + 1,
                                       (u_char *) "carriage return", 15);
    }

    end = ngx_clientcert_list_end(p, last);
    list->comment |= (end < last && *end == '#');
    last = ngx_clientcert_list_trim(p, end);

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if (p == last) {
        return NGX_OK;
    }

    err.code = 0;
    end = ngx_clientcert_list_thumbprint(p, last, &tp, &err);

    if (end == NULL) {
        err.column = p - start + (err.code == NGX_CLIENTCERT_BAD_CHARACTER
                                  ? err.column : 1);

        len = ngx_clientcert_thumbprint_strerror(buf, &err) - buf;
        return ngx_clientcert_list_bad(list, err.column, buf, len);
    }

    while (end < last && (*end == ' ' || *end == '\t')) {
        end++;
    }

    label.data = end;
    label.len = last - end;

    if (ngx_clientcert_list_label(list, &label, start) != NGX_OK) {
        return NGX_ABORT;
    }

    return ngx_clientcert_list_put(list, &tp, &label, last - start + 1);
}


static ngx_int_t
ngx_clientcert_list_label(ngx_clientcert_list_t *list, ngx_str_t *label,
    u_char *start)
{
    u_char  *p;

    for (p = label->data; p < label->data + label->len; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            return ngx_clientcert_list_bad(list, p - start + 1,
                                     (u_char *) "control character", 17);
        }
    }

    if (label->len > NGX_CLIENTCERT_ORIGIN_LEN) {
        return ngx_clientcert_list_bad(list, label->data - start + 1,
                               (u_char *) "label of more than 255 bytes", 28);
    }

    return NGX_OK;
}


/* where the comment begins */

static u_char *
ngx_clientcert_list_end(u_char *p, u_char *last)
{
    u_char  *hash;

    hash = memchr(p, '#', last - p);

    /* "x5t#S256:" is no comment */

    while (hash && hash > p && hash[-1] != ' ' && hash[-1] != '\t') {
        hash = memchr(hash + 1, '#', last - hash - 1);
    }

    return hash ? hash : last;
}


static u_char *
ngx_clientcert_list_trim(u_char *p, u_char *last)
{
    while (last > p
           && (last[-1] == ' ' || last[-1] == '\t' || last[-1] == '\r'))
    {
        last--;
    }

    return last;
}


/* len is that of the line */

static ngx_int_t
ngx_clientcert_list_put(ngx_clientcert_list_t *list,
    ngx_clientcert_thumbprint_t *tp, ngx_str_t *label, size_t len)
{
    ngx_int_t                rc;
    ngx_uint_t               n, sha256;
    ngx_clientcert_entry_t   entry;
    ngx_clientcert_store_t  *st;

    ngx_memzero(&entry, sizeof(ngx_clientcert_entry_t));

    entry.digest = tp->digest;
    entry.len = tp->len;
    entry.origin = *label;
    entry.label_len = label->len;

    if (list->marks) {
        ngx_clientcert_list_mark(list, &entry);
        return NGX_OK;
    }

    if (list->changes) {
        return ngx_clientcert_list_add_change(list, &entry);
    }

    st = list->ld->store;
    sha256 = (tp->len == NGX_CLIENTCERT_SHA256_LEN);

    if (!list->begun) {
        list->begun = 1;

        /* the other lines are likely to be like the first one */

        n = list->size / (off_t) len + 1;

        list->full = ngx_clientcert_store_begin(st, sha256 ? 0 : n,
                                                sha256 ? n : 0)
                     != NGX_OK;
    }

    list->n[sha256]++;
    list->origins += label->len;

    if (list->full) {
        return NGX_OK;
    }

    rc = ngx_clientcert_store_put(st, &entry);

    if (rc == NGX_DECLINED) {
        list->full = 1;
    }

    if (rc == NGX_BUSY) {
        list->twice = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_list_add_change(ngx_clientcert_list_t *list,
    ngx_clientcert_entry_t *entry)
{
    u_char                   *p;
    ngx_clientcert_change_t  *change;

    change = ngx_array_push(list->changes);
    p = ngx_pnalloc(list->pool, entry->len + entry->origin.len);

    if (change == NULL || p == NULL) {
        list->err = NGX_ENOMEM;
        return NGX_ERROR;
    }

    change->drop = list->drop;
    change->entry = *entry;
    change->entry.digest = p;
    change->entry.origin.data = p + entry->len;

    p = ngx_cpymem(p, entry->digest, entry->len);
    ngx_memcpy(p, entry->origin.data, entry->origin.len);

    return NGX_OK;
}


static void
ngx_clientcert_list_mark(ngx_clientcert_list_t *list,
    ngx_clientcert_entry_t *entry)
{
    ngx_uint_t               n;
    ngx_clientcert_entry_t   known;
    ngx_clientcert_store_t  *st;

    st = list->ld->store;

    if (ngx_clientcert_store_get_entry(st, entry->digest, entry->len, &known)
        == NGX_OK)
    {
        n = ngx_clientcert_store_number(st, &known);
        list->marks[n / 8] |= 1 << n % 8;
    }
}


/*
 * Bytes of a thumbprint may be apart, and so is the label.  The first words
 * that are a thumbprint count, unless they are SHA-1 with blanks in it and
 * some more are SHA-256.  Returns where the thumbprint ends, or NULL.
 */

static u_char *
ngx_clientcert_list_thumbprint(u_char *p, u_char *last,
    ngx_clientcert_thumbprint_t *tp, ngx_clientcert_thumbprint_error_t *err)
{
    u_char                             *end, *found;
    ngx_clientcert_thumbprint_t         longer;
    ngx_clientcert_thumbprint_error_t   first;

    end = ngx_clientcert_list_word(p, last);

    if (ngx_clientcert_list_plain(p, end, tp) == NGX_OK) {
        return end;
    }

    found = NULL;
    first.code = 0;

    for ( ;; ) {
        err->code = 0;

        if (ngx_clientcert_thumbprint_read(p, end - p, &longer, err)
            == NGX_OK)
        {
            *tp = longer;
            found = end;

            if (tp->len == NGX_CLIENTCERT_SHA256_LEN
                || !(tp->dropped & (NGX_CLIENTCERT_BLANK
                                    |NGX_CLIENTCERT_NBSP)))
            {
                break;
            }

        } else if (first.code == 0) {
            first = *err;
        }

        if (end == last
            || (err->code == NGX_CLIENTCERT_BAD_LENGTH
                && err->found > NGX_CLIENTCERT_SHA256_LEN * 2))
        {
            break;
        }

        end = ngx_clientcert_list_word(end + 1, last);
    }

    /* a SHA-256 with a slip in it is no SHA-1 */

    if (found && tp->len == NGX_CLIENTCERT_SHA1_LEN
        && (tp->dropped & (NGX_CLIENTCERT_BLANK|NGX_CLIENTCERT_NBSP))
        && ngx_clientcert_list_bytes(found, last)
        && ngx_clientcert_thumbprint_read(p, last - p, &longer, err) != NGX_OK)
    {
        found = NULL;
    }

    /* a word of many digits was meant to be all of it */

    if (first.code == NGX_CLIENTCERT_BAD_LENGTH
        && first.found > NGX_CLIENTCERT_SHA1_LEN)
    {
        *err = first;
    }

    return found;
}


/* whether a label looks like more bytes: nothing else, or three in a row */

static ngx_uint_t
ngx_clientcert_list_bytes(u_char *p, u_char *last)
{
    u_char      *end;
    ngx_uint_t   n, others;

    n = 0;
    others = 0;

    for ( /* void */ ; p < last && n < 3; p = end) {

        if (*p == ' ' || *p == '\t') {
            end = p + 1;
            continue;
        }

        end = ngx_clientcert_list_word(p, last);

        if (end - p == 2 && isxdigit(p[0]) && isxdigit(p[1])) {
            n++;

        } else {
            n = 0;
            others = 1;
        }
    }

    return n == 3 || (n && !others);
}


static u_char *
ngx_clientcert_list_word(u_char *p, u_char *last)
{
    while (p < last && *p != ' ' && *p != '\t') {
        p++;
    }

    return p;
}


/* the shortest way for what nearly all lines are */

static ngx_int_t
ngx_clientcert_list_plain(u_char *p, u_char *last,
    ngx_clientcert_thumbprint_t *tp)
{
    int      high, low;
    u_char  *dst;

    static const signed char  hex[256] = {
        ['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6,
        ['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10,
        ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15,
        ['f'] = 16,
        ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15,
        ['F'] = 16
    };

    tp->len = (last - p) / 2;
    tp->dropped = 0;

    if (last - p != NGX_CLIENTCERT_SHA1_LEN * 2
        && last - p != NGX_CLIENTCERT_SHA256_LEN * 2)
    {
        return NGX_DECLINED;
    }

    for (dst = tp->digest; p < last; p += 2) {
        high = hex[p[0]] - 1;
        low = hex[p[1]] - 1;

        if ((high | low) < 0) {
            return NGX_DECLINED;
        }

        *dst++ = (u_char) (high << 4 | low);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_list_bad(ngx_clientcert_list_t *list, ngx_uint_t column,
    u_char *text, size_t len)
{
    size_t                    i;
    ngx_uint_t                line;
    ngx_clientcert_loader_t  *ld;

    ld = list->ld;

    if (ngx_clientcert_loader_told(ld, ld->pending)) {
        return NGX_ABORT;
    }

    line = list->line;

    for (i = 0; i < list->head; i++) {
        line += (ld->text.data[i] == '\n');
    }

    ngx_log_error(ld->level, ld->log, 0,
                  "store \"%V\": list is rejected, it keeps its state: "
                  "%*s in %V:%ui:%ui",
                  &ld->store->name, len, text, &ld->path, line, column);

    return NGX_ABORT;
}
