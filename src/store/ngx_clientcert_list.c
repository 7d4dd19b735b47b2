
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_list.h"
#include "../cert/ngx_clientcert_unicode.h"


/*
 * Reads a list of thumbprints, always as a whole: a look reads the file into
 * memory and checks all lines, without any lock; the lines are read once more
 * when the store is filled from them, and the memory is freed.  A list with a
 * bad line changes nothing.  Whatever is killed meanwhile leaves nothing
 * behind.
 */


#define NGX_CLIENTCERT_LINE_MAX  4096

/* the shortest line */
#define NGX_CLIENTCERT_LINE_MIN  (NGX_CLIENTCERT_SHA1_LEN * 2 + 1)


/* what is done with a line */

typedef enum {
    NGX_CLIENTCERT_CHECK = 0,
    NGX_CLIENTCERT_PUT,
    NGX_CLIENTCERT_PUT_KNOWN    /* if it is in force */
} ngx_clientcert_lines_e;


typedef struct {
    ngx_clientcert_source_t  *src;

    uint64_t                  stamp;    /* of what was read, 0: again */
    uint64_t                  pending;  /* of what was seen last */
    uint64_t                  told;     /* of the rejection that is logged */
    ngx_msec_t                since;    /* of pending */
    ngx_uint_t                event;    /* one said that it is complete */
    ngx_str_t                 text;     /* from look to done */
    ngx_clientcert_need_t     need;

    ngx_clientcert_lines_e    lines;
    ngx_uint_t                line;
    unsigned                  looked:1;
    unsigned                  comment:1;    /* has one */

    /* what is wrong with it, if src->bad, and since when */
    time_t                    rejected;
    size_t                    wrong_len;
    u_char                    wrong[NGX_CLIENTCERT_CENSUS_TEXT];
} ngx_clientcert_list_t;


static size_t ngx_clientcert_list_size(ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_list_create(ngx_clientcert_source_t *src);
static void ngx_clientcert_list_destroy(ngx_clientcert_source_t *src);
static void ngx_clientcert_list_mark(ngx_clientcert_source_t *src,
    ngx_str_t *name, ngx_uint_t event);
static ngx_int_t ngx_clientcert_list_look(ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_list_read_file(ngx_clientcert_source_t *src,
    uint64_t stamp);
static ngx_int_t ngx_clientcert_list_read_text(ngx_clientcert_list_t *list,
    int fd, size_t size);
static ngx_int_t ngx_clientcert_list_check_text(ngx_clientcert_list_t *list);
static void ngx_clientcert_list_count(ngx_clientcert_source_t *src,
    ngx_clientcert_need_t *need);
static ngx_int_t ngx_clientcert_list_fill(ngx_clientcert_source_t *src,
    ngx_uint_t outgrown);
static void ngx_clientcert_list_report(ngx_clientcert_source_t *src,
    ngx_clientcert_report_t *report);
static void ngx_clientcert_list_done(ngx_clientcert_source_t *src);
static ngx_int_t ngx_clientcert_list_read_lines(ngx_clientcert_list_t *list,
    ngx_clientcert_lines_e lines);
static ngx_int_t ngx_clientcert_list_read_line(ngx_clientcert_list_t *list,
    u_char *p, u_char *last);
static ngx_int_t ngx_clientcert_list_check_label(ngx_clientcert_list_t *list,
    ngx_str_t *label, u_char *start);
static u_char *ngx_clientcert_list_another(u_char *p, u_char *last);
static u_char *ngx_clientcert_list_comment(u_char *p, u_char *last);
static u_char *ngx_clientcert_list_trim(u_char *p, u_char *last);
static ngx_int_t ngx_clientcert_list_take(ngx_clientcert_list_t *list,
    ngx_clientcert_thumbprint_t *tp, ngx_str_t *label);
static u_char *ngx_clientcert_list_read_thumbprint(u_char *p, u_char *last,
    ngx_clientcert_thumbprint_t *tp, ngx_clientcert_thumbprint_error_t *err);
static ngx_uint_t ngx_clientcert_list_looks_like_bytes(u_char *p,
    u_char *last, size_t len);
static u_char *ngx_clientcert_list_word_end(u_char *p, u_char *last);
static ngx_int_t ngx_clientcert_list_read_plain(u_char *p, u_char *last,
    ngx_clientcert_thumbprint_t *tp);
static ngx_int_t ngx_clientcert_list_reject(ngx_clientcert_list_t *list,
    ngx_uint_t column, const char *text);
static void ngx_cdecl ngx_clientcert_list_wrong(ngx_clientcert_list_t *list,
    const char *fmt, ...);


ngx_clientcert_kind_t  ngx_clientcert_list_kind = {
    ngx_string("list="),
    "thumbprints",
    0,
    1,
    0,
    ngx_clientcert_list_size,
    ngx_clientcert_list_create,
    ngx_clientcert_list_destroy,
    ngx_clientcert_list_mark,
    ngx_clientcert_list_look,
    NULL,
    ngx_clientcert_list_count,
    ngx_clientcert_list_fill,
    ngx_clientcert_list_report,
    ngx_clientcert_list_done
};


static size_t
ngx_clientcert_list_size(ngx_clientcert_source_t *src)
{
    struct stat            sb;
    ngx_clientcert_need_t  need;

    ngx_memzero(&need, sizeof(ngx_clientcert_need_t));

    /* a label takes about as much in the file as in the zone */

    if (stat((char *) src->path.data, &sb) == 0) {
        need.sha1 = sb.st_size / NGX_CLIENTCERT_LINE_MIN;
    }

    return ngx_clientcert_store_size(0, &need);
}


static ngx_int_t
ngx_clientcert_list_create(ngx_clientcert_source_t *src)
{
    ngx_clientcert_list_t  *list;

    list = ngx_calloc(sizeof(ngx_clientcert_list_t), src->log);
    if (list == NULL) {
        return NGX_ERROR;
    }

    list->src = src;
    src->known = list;

    return NGX_OK;
}


static void
ngx_clientcert_list_destroy(ngx_clientcert_source_t *src)
{
    ngx_clientcert_list_done(src);

    ngx_free(src->known);
    src->known = NULL;
}


static void
ngx_clientcert_list_mark(ngx_clientcert_source_t *src, ngx_str_t *name,
    ngx_uint_t event)
{
    u_char                 *p;
    ngx_clientcert_list_t  *list;

    list = src->known;

    if (name->len >= src->path.len) {
        return;
    }

    p = src->path.data + src->path.len - name->len;

    if (p[-1] == '/' && ngx_memcmp(p, name->data, name->len) == 0) {
        list->event |= (event & NGX_CLIENTCERT_COMPLETE);
        src->marked = 1;
    }
}


static ngx_int_t
ngx_clientcert_list_look(ngx_clientcert_source_t *src)
{
    uint64_t                stamp;
    ngx_uint_t              recent, complete;
    struct stat             sb;
    ngx_clientcert_list_t  *list;

    list = src->known;

    complete = list->event || !list->looked
               || src->all == NGX_CLIENTCERT_SWAPPED;

    src->marked = 0;
    src->unsettled = 0;

    if (stat((char *) src->path.data, &sb) == -1) {
        ngx_clientcert_source_failed(src, ngx_errno, "stat()");
        return NGX_OK;
    }

    stamp = ngx_clientcert_source_stamp(&sb, &recent);

    if (list->pending != stamp) {
        list->pending = stamp;
        list->since = ngx_current_msec;
    }

    if (list->stamp == stamp) {
        ngx_clientcert_source_failed(src, 0, NULL);

    } else if (!complete
               && ngx_current_msec - list->since < NGX_CLIENTCERT_SETTLE)
    {
        src->unsettled = 1;
        return NGX_OK;

    } else if (ngx_clientcert_list_read_file(src, stamp) != NGX_OK) {
        return NGX_OK;

    } else {
        list->stamp = recent ? 0 : stamp;
    }

    list->event = 0;
    list->looked = 1;
    src->all = NGX_CLIENTCERT_MARKED;

    return NGX_OK;
}


/* returns NGX_ERROR if the file can't be read or has changed meanwhile */

static ngx_int_t
ngx_clientcert_list_read_file(ngx_clientcert_source_t *src, uint64_t stamp)
{
    int                     fd;
    ngx_int_t               rc;
    ngx_uint_t              recent;
    struct stat             sb;
    ngx_clientcert_list_t  *list;

    list = src->known;

    fd = open((char *) src->path.data,
              O_RDONLY|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &sb) == -1) {
        ngx_clientcert_source_failed(src, ngx_errno, "open()");
        rc = NGX_ERROR;

    } else if (!S_ISREG(sb.st_mode)) {
        ngx_clientcert_source_failed(src, S_ISDIR(sb.st_mode) ? NGX_EISDIR
                                                              : NGX_EINVAL,
                                     "read()");
        rc = NGX_ERROR;

    } else if (ngx_clientcert_source_stamp(&sb, &recent) != stamp) {
        src->unsettled = 1;
        rc = NGX_ERROR;

    } else {
        rc = ngx_clientcert_list_read_text(list, fd, sb.st_size);
    }

    if (fd != -1) {
        (void) close(fd);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_clientcert_source_failed(src, 0, NULL);

    if (ngx_clientcert_list_check_text(list) == NGX_OK) {
        src->bad = 0;
        src->changed = 1;

    } else {
        src->bad = 1;
        ngx_clientcert_list_done(src);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_list_read_text(ngx_clientcert_list_t *list, int fd, size_t size)
{
    ssize_t     n;
    ngx_str_t  *text;

    text = &list->text;

    text->len = 0;
    text->data = ngx_alloc(size + 1, list->src->log);

    if (text->data == NULL) {
        ngx_clientcert_source_failed(list->src, NGX_ENOMEM, "reading");
        return NGX_ERROR;
    }

    do {
        n = read(fd, text->data + text->len, size + 1 - text->len);

        if (n == -1) {
            ngx_clientcert_source_failed(list->src, ngx_errno, "read()");
            ngx_clientcert_list_done(list->src);
            return NGX_ERROR;
        }

        text->len += n;

    } while (n > 0 && text->len <= size);

    /* it grows */

    if (text->len > size) {
        list->src->unsettled = 1;
        ngx_clientcert_list_done(list->src);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_list_check_text(ngx_clientcert_list_t *list)
{
    ngx_clientcert_source_t  *src;

    src = list->src;
    list->comment = 0;

    ngx_memzero(&list->need, sizeof(ngx_clientcert_need_t));

    if (ngx_clientcert_unicode_is_utf16(list->text.data, list->text.len)) {
        list->line = 1;
        return ngx_clientcert_list_reject(list, 1, "UTF-16, not UTF-8");
    }

    if (ngx_clientcert_list_read_lines(list, NGX_CLIENTCERT_CHECK) != NGX_OK) {
        return NGX_ERROR;
    }

    if (list->need.sha1 || list->need.sha256 || list->comment) {
        return NGX_OK;
    }

    ngx_clientcert_list_wrong(list, "it is empty; one without thumbprints "
                              "needs a comment");

    /* a disk that is full empties a file that was to be written */

    if (list->told != list->pending) {
        list->told = list->pending;

        ngx_clientcert_source_log(src, src->level, 0,
                                  "list \"%V\" is rejected, it is empty; one "
                                  "without thumbprints needs a comment",
                                  &src->path);
    }

    return NGX_ERROR;
}


static void
ngx_clientcert_list_count(ngx_clientcert_source_t *src,
    ngx_clientcert_need_t *need)
{
    ngx_clientcert_list_t  *list;

    list = src->known;
    *need = list->need;
}


static ngx_int_t
ngx_clientcert_list_fill(ngx_clientcert_source_t *src, ngx_uint_t outgrown)
{
    ngx_clientcert_list_t  *list;

    list = src->known;

    return ngx_clientcert_list_read_lines(list, outgrown
                                                ? NGX_CLIENTCERT_PUT_KNOWN
                                                : NGX_CLIENTCERT_PUT);
}


static void
ngx_clientcert_list_report(ngx_clientcert_source_t *src,
    ngx_clientcert_report_t *report)
{
    ngx_str_t               text;
    ngx_clientcert_list_t  *list;

    list = src->known;

    if (src->bad == 0) {
        report->read = (list->looked != 0);
        return;
    }

    text.data = list->wrong;
    text.len = list->wrong_len;

    /* at start there is no state to keep */

    ngx_clientcert_census_wrong(report, &src->path, &text, list->rejected,
                                src->level != NGX_LOG_WARN);
}


static void
ngx_clientcert_list_done(ngx_clientcert_source_t *src)
{
    ngx_clientcert_list_t  *list;

    list = src->known;

    if (list->text.data) {
        ngx_free(list->text.data);
        ngx_str_null(&list->text);
    }
}


/*
 * Returns NGX_OK, NGX_DECLINED if there is no room, or NGX_ERROR for a bad
 * line, which is logged.
 */

static ngx_int_t
ngx_clientcert_list_read_lines(ngx_clientcert_list_t *list,
    ngx_clientcert_lines_e lines)
{
    u_char     *p, *last, *end;
    ngx_int_t   rc;

    list->lines = lines;
    list->line = 0;

    p = list->text.data;
    last = p + list->text.len;

    while (p < last) {
        end = memchr(p, '\n', last - p);

        if (end == NULL) {
            end = last;
        }

        list->line++;

        rc = ngx_clientcert_list_read_line(list, p, end);

        if (rc != NGX_OK) {
            return rc;
        }

        p = ngx_min(end + 1, last);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_list_read_line(ngx_clientcert_list_t *list, u_char *p,
    u_char *last)
{
    u_char                             *start, *end;
    size_t                              len;
    ngx_str_t                           label;
    ngx_clientcert_thumbprint_t         tp;
    ngx_clientcert_thumbprint_error_t   err;
    u_char                              buf[NGX_CLIENTCERT_THUMBPRINT_TEXT
                                            + 1];

    start = p;
    len = last - p;

    if (list->line == 1
        && len >= 3 && ngx_memcmp(p, "\xef\xbb\xbf", 3) == 0)
    {
        p += 3;
        len -= 3;
    }

    if (len > NGX_CLIENTCERT_LINE_MAX) {
        return ngx_clientcert_list_reject(list, NGX_CLIENTCERT_LINE_MAX + 1,
                                          "too long a line");
    }

    /* a comment might be all that is left of many lines */

    end = memchr(p, '\r', last - p);

    if (end && end + 1 < last) {
        return ngx_clientcert_list_reject(list, end - start + 1,
                                          "carriage return");
    }

    end = ngx_clientcert_list_comment(p, last);
    list->comment |= (end < last && *end == '#');
    last = ngx_clientcert_list_trim(p, end);

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if (p == last) {
        return NGX_OK;
    }

    err.code = 0;
    end = ngx_clientcert_list_read_thumbprint(p, last, &tp, &err);

    if (end == NULL) {
        err.column = p - start + (err.code == NGX_CLIENTCERT_BAD_CHARACTER
                                  ? err.column : 1);

        *ngx_clientcert_thumbprint_strerror(buf, &err) = '\0';
        return ngx_clientcert_list_reject(list, err.column, (char *) buf);
    }

    if (tp.key) {
        return ngx_clientcert_list_reject(list, p - start + 1,
                                          "digest of a key, not of a "
                                          "certificate");
    }

    while (end < last && (*end == ' ' || *end == '\t')) {
        end++;
    }

    label.data = end;
    label.len = last - end;

    if (ngx_clientcert_list_check_label(list, &label, start) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_clientcert_list_take(list, &tp, &label);
}


static ngx_int_t
ngx_clientcert_list_check_label(ngx_clientcert_list_t *list, ngx_str_t *label,
    u_char *start)
{
    u_char  *p;

    for (p = label->data; p < label->data + label->len; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            return ngx_clientcert_list_reject(list, p - start + 1,
                                              "control character");
        }
    }

    if (label->len > NGX_CLIENTCERT_ORIGIN_LEN) {
        return ngx_clientcert_list_reject(list, label->data - start + 1,
                                          "label of more than 255 bytes");
    }

    p = ngx_clientcert_list_another(label->data, label->data + label->len);

    if (p) {
        return ngx_clientcert_list_reject(list, p - start + 1,
                                          "another thumbprint");
    }

    return NGX_OK;
}


/* the first word that is a thumbprint: the end of a line may be lost */

static u_char *
ngx_clientcert_list_another(u_char *p, u_char *last)
{
    u_char                             *end, *digit;
    ngx_clientcert_thumbprint_t         tp;
    ngx_clientcert_thumbprint_error_t   err;

    for ( /* void */ ; p < last; p = end + 1) {

        end = ngx_clientcert_list_word_end(p, last);

        if (end - p < NGX_CLIENTCERT_SHA1_LEN * 2) {
            continue;
        }

        for (digit = p; digit < end; digit++) {
            if (!isxdigit(*digit) && *digit != ':' && *digit != '-') {
                break;
            }
        }

        if (digit == end
            && ngx_clientcert_thumbprint_read(p, end - p, &tp, &err) == NGX_OK)
        {
            return p;
        }
    }

    return NULL;
}


/* where the comment begins */

static u_char *
ngx_clientcert_list_comment(u_char *p, u_char *last)
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


static ngx_int_t
ngx_clientcert_list_take(ngx_clientcert_list_t *list,
    ngx_clientcert_thumbprint_t *tp, ngx_str_t *label)
{
    uint32_t                 place, origin;
    ngx_uint_t               table;
    ngx_clientcert_entry_t   entry;
    ngx_clientcert_store_t  *st;

    st = list->src->store;
    table = (tp->len == NGX_CLIENTCERT_SHA1_LEN) ? NGX_CLIENTCERT_BY_SHA1
                                                 : NGX_CLIENTCERT_BY_SHA256;

    if (list->lines == NGX_CLIENTCERT_CHECK) {
        list->need.sha1 += (table == NGX_CLIENTCERT_BY_SHA1);
        list->need.sha256 += (table == NGX_CLIENTCERT_BY_SHA256);
        list->need.origins += ngx_clientcert_index_origin_words(label->len);

        return NGX_OK;
    }

    ngx_memzero(&entry, sizeof(ngx_clientcert_entry_t));

    entry.digest = tp->digest;
    entry.len = tp->len;
    entry.origin = *label;
    entry.label_len = label->len;

    if (list->lines == NGX_CLIENTCERT_PUT_KNOWN) {
        place = ngx_clientcert_index_find(&st->active, table, tp->digest);

        if (place == 0 || ngx_clientcert_index_find(&st->idle, table,
                                                    tp->digest))
        {
            return NGX_OK;
        }

        /* with its label, which has room */

        ngx_clientcert_index_get(&st->active, table, place, &entry);
    }

    if (ngx_clientcert_store_origin(st, &entry.origin, entry.label_len,
                                    &origin)
        != NGX_OK
        || ngx_clientcert_store_put(st, &entry, origin) == NGX_DECLINED)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/*
 * Bytes of a thumbprint may be apart, and so is the label.  The first words
 * that are a thumbprint count, unless they are SHA-1 with blanks in it and
 * some more are SHA-256.  Returns where the thumbprint ends, or NULL.
 */

static u_char *
ngx_clientcert_list_read_thumbprint(u_char *p, u_char *last,
    ngx_clientcert_thumbprint_t *tp, ngx_clientcert_thumbprint_error_t *err)
{
    u_char                             *end, *found;
    ngx_clientcert_thumbprint_t         longer;
    ngx_clientcert_thumbprint_error_t   first;

    end = ngx_clientcert_list_word_end(p, last);

    if (ngx_clientcert_list_read_plain(p, end, tp) == NGX_OK) {
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

            if (tp->len == NGX_CLIENTCERT_SHA256_LEN || !tp->spaced) {
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

        end = ngx_clientcert_list_word_end(end + 1, last);
    }

    /* a SHA-256 with a slip in it is no SHA-1, nor are two of them one */

    if (found && tp->spaced
        && ngx_clientcert_list_looks_like_bytes(found, last, tp->len)
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


/*
 * Whether a label looks like more bytes, which stand alone or in pairs: three
 * words in a row, or nothing else than bytes where some may be missing.
 */

static ngx_uint_t
ngx_clientcert_list_looks_like_bytes(u_char *p, u_char *last, size_t len)
{
    u_char      *end;
    ngx_uint_t   n, others;

    n = 0;
    others = (len == NGX_CLIENTCERT_SHA256_LEN);

    for ( /* void */ ; p < last && n < 3; p = end) {

        if (*p == ' ' || *p == '\t') {
            end = p + 1;
            continue;
        }

        end = ngx_clientcert_list_word_end(p, last);

        if (end - p == 2 && isxdigit(p[0]) && isxdigit(p[1])) {
            n++;

        } else if (end - p == 4
                   && isxdigit(p[0]) && isxdigit(p[1])
                   && isxdigit(p[2]) && isxdigit(p[3]))
        {
            n++;
            others = 1;

        } else {
            n = 0;
            others = 1;
        }
    }

    return n == 3 || (n && !others);
}


static u_char *
ngx_clientcert_list_word_end(u_char *p, u_char *last)
{
    while (p < last && *p != ' ' && *p != '\t') {
        p++;
    }

    return p;
}


/* the shortest way for what nearly all lines are */

static ngx_int_t
ngx_clientcert_list_read_plain(u_char *p, u_char *last,
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
    tp->key = 0;

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
ngx_clientcert_list_reject(ngx_clientcert_list_t *list, ngx_uint_t column,
    const char *text)
{
    ngx_clientcert_source_t  *src;

    src = list->src;

    ngx_clientcert_list_wrong(list, "%s in line %ui, column %ui", text,
                              list->line, column);

    if (list->told != list->pending) {
        list->told = list->pending;

        /* at start there is no state to keep */

        ngx_clientcert_source_log(src, src->level, 0,
                                  "list is rejected%s: %s in %V:%ui:%ui",
                                  (src->level == NGX_LOG_WARN)
                                  ? "" : ", it keeps its state",
                                  text, &src->path, list->line, column);
    }

    return NGX_ERROR;
}


static void ngx_cdecl
ngx_clientcert_list_wrong(ngx_clientcert_list_t *list, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    list->wrong_len = ngx_vslprintf(list->wrong,
                                    list->wrong + NGX_CLIENTCERT_CENSUS_TEXT,
                                    fmt, args)
                      - list->wrong;
    va_end(args);

    if (list->told != list->pending) {
        list->src->errors[NGX_CLIENTCERT_CENSUS_PARSE]++;
    }

    if (list->src->bad == 0) {
        list->rejected = ngx_time();
    }
}
