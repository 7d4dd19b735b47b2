
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_loader.h"
#include "ngx_clientcert_thumbprint.h"


#define NGX_CLIENTCERT_LIST_BUFFER  (256 * 1024)
#define NGX_CLIENTCERT_LINE_MAX     4096

#define NGX_CLIENTCERT_LIST_EMPTY     1
#define NGX_CLIENTCERT_LIST_BAD_LINE  2


typedef struct {
    ngx_clientcert_loader_t  *ld;
    off_t                     size;     /* of the file */
    ngx_uint_t                line;
    ngx_uint_t                n[2];     /* SHA-1, SHA-256 */
    size_t                    origins;
    unsigned                  begun:1;
    unsigned                  full:1;   /* only counts from now on */
} ngx_clientcert_list_t;


static ngx_int_t ngx_clientcert_list_read(ngx_clientcert_loader_t *ld, int fd,
    off_t size);
static ngx_int_t ngx_clientcert_list_publish(ngx_clientcert_list_t *list);
static ngx_err_t ngx_clientcert_list_lines(ngx_clientcert_list_t *list,
    int fd, u_char *buf);
static ngx_int_t ngx_clientcert_list_line(ngx_clientcert_list_t *list,
    u_char *p, u_char *last);
static u_char *ngx_clientcert_list_end(u_char *p, u_char *last);
static ngx_int_t ngx_clientcert_list_put(ngx_clientcert_list_t *list,
    ngx_clientcert_thumbprint_t *tp, ngx_str_t *label, size_t len);
static u_char *ngx_clientcert_list_thumbprint(u_char *p, u_char *last,
    ngx_clientcert_thumbprint_t *tp, ngx_clientcert_thumbprint_error_t *err);
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
        return NGX_OK;
    }

    /* without an event somebody may be writing it */

    if (!event && ld->pending != stamp) {
        ld->pending = stamp;
        ld->unsettled = 1;
        return NGX_OK;
    }

    fd = open((char *) ld->path.data, O_RDONLY|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &sb) == -1) {
        ngx_clientcert_loader_failed(ld, ngx_errno, "open()");
        rc = NGX_ERROR;

    } else if (!S_ISREG(sb.st_mode)) {
        ngx_clientcert_loader_failed(ld, NGX_EINVAL, "not a regular file:");
        rc = NGX_ERROR;

    } else {
        stamp = ngx_clientcert_loader_stamp(&sb, &recent);
        rc = ngx_clientcert_list_read(ld, fd, sb.st_size);
    }

    if (fd != -1) {
        (void) close(fd);
    }

    /* NGX_DECLINED: bad until it changes */

    ld->pending = stamp;
    ld->stamp = (recent || rc == NGX_ERROR) ? 0 : stamp;

    if (rc == NGX_OK) {
        ld->store->sh->stamp = ld->stamp;
    }

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_clientcert_list_read(ngx_clientcert_loader_t *ld, int fd, off_t size)
{
    u_char                 *buf;
    ngx_err_t               err;
    ngx_int_t               rc;
    ngx_clientcert_list_t   list;

    /* a disk that is full empties a file that was to be written */

    if (size == 0) {
        if (ld->store->sh->failed != NGX_CLIENTCERT_LIST_EMPTY) {
            ngx_log_error(ld->level, ld->log, 0,
                          "store \"%V\": list \"%V\" is rejected, it is "
                          "empty; one without thumbprints needs a comment",
                          &ld->store->name, &ld->path);
        }

        ld->store->sh->failed = NGX_CLIENTCERT_LIST_EMPTY;
        return NGX_DECLINED;
    }

    buf = ngx_alloc(NGX_CLIENTCERT_LIST_BUFFER, ld->log);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    if (ngx_clientcert_store_lock(ld->store) != NGX_OK) {
        ngx_free(buf);
        ld->retired = 1;
        return NGX_ERROR;
    }

    ngx_memzero(&list, sizeof(ngx_clientcert_list_t));

    list.ld = ld;
    list.size = size;

    err = ngx_clientcert_list_lines(&list, fd, buf);

    rc = err ? NGX_ERROR : ngx_clientcert_list_publish(&list);

    ngx_clientcert_store_unlock(ld->store);

    ngx_free(buf);

    if (err == NGX_EINVAL) {
        ld->store->sh->failed = NGX_CLIENTCERT_LIST_BAD_LINE;
        return NGX_DECLINED;
    }

    ngx_clientcert_loader_failed(ld, err, "read()");

    return rc;
}


static ngx_int_t
ngx_clientcert_list_publish(ngx_clientcert_list_t *list)
{
    ngx_uint_t                n, before, common;
    ngx_clientcert_store_t   *st;
    ngx_clientcert_loader_t  *ld;

    ld = list->ld;
    st = ld->store;

    st->sh->failed = 0;

    if (!list->begun && ngx_clientcert_store_begin(st, 0, 0) != NGX_OK) {
        list->full = 1;
    }

    if (list->full) {
        st->sh->wanted = ngx_clientcert_store_size(0, list->n[0], list->n[1],
                                                   list->origins);
        ngx_clientcert_loader_small(ld);
        return NGX_DECLINED;
    }

    ngx_clientcert_store_publish(st);

    ld->small = 0;

    n = ngx_clientcert_store_count(st, 0);
    before = ngx_clientcert_store_count(st, 1);
    common = ngx_clientcert_store_common(st);

    if (n != common || before != common) {
        ngx_log_error(NGX_LOG_NOTICE, ld->log, 0,
                      "store \"%V\": %ui added, %ui removed, 0 rejected, "
                      "%ui thumbprints", &st->name, n - common,
                      before - common, n);
    }

    return NGX_OK;
}


/* returns NGX_EINVAL for a bad line, which is logged */

static ngx_err_t
ngx_clientcert_list_lines(ngx_clientcert_list_t *list, int fd, u_char *buf)
{
    size_t   len;
    ssize_t  n;
    u_char  *p, *end, *last;

    len = 0;

    for ( ;; ) {
        n = read(fd, buf + len, NGX_CLIENTCERT_LIST_BUFFER - len);

        if (n == -1) {
            return ngx_errno;
        }

        last = buf + len + n;
        p = buf;

        while (p < last) {
            end = memchr(p, '\n', last - p);

            /* a line without an end is the last one or not read yet */

            if (end == NULL) {
                if (n > 0 && last - p <= NGX_CLIENTCERT_LINE_MAX) {
                    break;
                }

                end = last;
            }

            list->line++;

            if (ngx_clientcert_list_line(list, p, end) != NGX_OK) {
                return NGX_EINVAL;
            }

            p = ngx_min(end + 1, last);
        }

        if (n == 0) {
            return 0;
        }

        len = last - p;
        ngx_memmove(buf, p, len);
    }
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

    if (list->line == 1 && len >= 3 && ngx_memcmp(p, "\xef\xbb\xbf", 3) == 0)
    {
        p += 3;
        len -= 3;
    }

    if (len > NGX_CLIENTCERT_LINE_MAX) {
        return ngx_clientcert_list_bad(list, NGX_CLIENTCERT_LINE_MAX + 1,
                                       (u_char *) "too long a line", 15);
    }

    last = ngx_clientcert_list_end(p, last);

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if (p == last) {
        return NGX_OK;
    }

    end = ngx_clientcert_list_thumbprint(p, last, &tp, &err);

    if (end == NULL) {
        len = ngx_clientcert_thumbprint_strerror(buf, &err) - buf;
        return ngx_clientcert_list_bad(list, p - start
                                       + (err.code
                                          == NGX_CLIENTCERT_BAD_CHARACTER
                                          ? err.column : 1),
                                       buf, len);
    }

    while (end < last && (*end == ' ' || *end == '\t')) {
        end++;
    }

    label.data = end;
    label.len = last - end;

    for (end = label.data; end < last; end++) {
        if (*end < 0x20 || *end == 0x7f) {
            return ngx_clientcert_list_bad(list, end - start + 1,
                                     (u_char *) "control character", 17);
        }
    }

    if (label.len > NGX_CLIENTCERT_ORIGIN_LEN) {
        return ngx_clientcert_list_bad(list, label.data - start + 1,
                               (u_char *) "label of more than 255 bytes", 28);
    }

    return ngx_clientcert_list_put(list, &tp, &label, last - start + 1);
}


/* without the comment and the blanks before it */

static u_char *
ngx_clientcert_list_end(u_char *p, u_char *last)
{
    u_char  *hash;

    hash = memchr(p, '#', last - p);

    /* "x5t#S256:" is no comment */

    while (hash && hash > p && hash[-1] != ' ' && hash[-1] != '\t') {
        hash = memchr(hash + 1, '#', last - hash - 1);
    }

    if (hash) {
        last = hash;
    }

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
    ngx_uint_t               n, sha256;
    ngx_clientcert_entry_t   entry;
    ngx_clientcert_store_t  *st;

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

    ngx_memzero(&entry, sizeof(ngx_clientcert_entry_t));

    entry.digest = tp->digest;
    entry.len = tp->len;
    entry.origin = *label;
    entry.label_len = label->len;

    if (ngx_clientcert_store_put(st, &entry) == NGX_DECLINED) {
        list->full = 1;
    }

    return NGX_OK;
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

    /* a word of many digits was meant to be all of it */

    if (first.code == NGX_CLIENTCERT_BAD_LENGTH
        && first.found > NGX_CLIENTCERT_SHA1_LEN)
    {
        *err = first;
    }

    return found;
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
    ngx_clientcert_loader_t  *ld;

    ld = list->ld;

    ngx_log_error(ld->level, ld->log, 0,
                  "store \"%V\": list is rejected, it keeps its state: "
                  "%*s in %V:%ui:%ui",
                  &ld->store->name, len, text, &ld->path, list->line, column);

    return NGX_ERROR;
}
