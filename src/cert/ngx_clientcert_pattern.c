
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_pattern.h"


static ngx_int_t ngx_clientcert_plain_text(ngx_str_t *text);
static ngx_int_t ngx_clientcert_read_host(ngx_str_t *host, const char **err);
static ngx_int_t ngx_clientcert_read_uri(ngx_clientcert_pattern_t *pt,
    const char **err);
static ngx_int_t ngx_clientcert_read_email(ngx_clientcert_pattern_t *pt,
    const char **err);
static ngx_int_t ngx_clientcert_read_ip(ngx_clientcert_pattern_t *pt,
    const char **err);
static ngx_uint_t ngx_clientcert_match_attribute(ngx_str_t *folded,
    ngx_str_t *value);
static ngx_uint_t ngx_clientcert_match_dns(ngx_clientcert_pattern_t *pt,
    ngx_str_t *value);
static ngx_uint_t ngx_clientcert_match_uri(ngx_clientcert_pattern_t *pt,
    ngx_str_t *value);
static ngx_uint_t ngx_clientcert_is_scheme(ngx_str_t *uri);
static u_char *ngx_clientcert_uri_path(ngx_str_t *uri);
static ngx_uint_t ngx_clientcert_plain_path(u_char *p, u_char *last);
static ngx_uint_t ngx_clientcert_match_email(ngx_clientcert_pattern_t *pt,
    ngx_str_t *value);
static ngx_uint_t ngx_clientcert_is_local(u_char *p, u_char *at);
static u_char *ngx_clientcert_at(ngx_str_t *address);
static ngx_uint_t ngx_clientcert_match_ip(ngx_cidr_t *cidr, ngx_str_t *value);
static u_char *ngx_clientcert_unmap(u_char *addr, size_t *len);
static void ngx_clientcert_trim_dot(ngx_str_t *host);
static ngx_str_t ngx_clientcert_parent(ngx_str_t *host);
static uint32_t ngx_clientcert_hash(ngx_clientcert_name_e type,
    ngx_uint_t wildcard, ngx_str_t *oid, u_char *data, size_t len);
static ngx_int_t ngx_clientcert_hash_paths(ngx_str_t *uri,
    ngx_clientcert_pattern_hash_pt handler, void *data);


static u_char  ngx_clientcert_mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                           0xff, 0xff };


ngx_int_t
ngx_clientcert_pattern_wildcard(ngx_clientcert_pattern_t *pt, ngx_str_t *text)
{
    u_char  *p;

    p = text->data;
    pt->wildcard = 0;

    switch (pt->type) {

    case NGX_CLIENTCERT_DNS:

        if (text->len >= 2 && p[0] == '*' && p[1] == '.') {
            pt->wildcard = 1;
            text->data += 2;
            text->len -= 2;
        }

        return NGX_OK;

    case NGX_CLIENTCERT_URI:

        if (text->len >= 2
            && p[text->len - 2] == '/' && p[text->len - 1] == '*')
        {
            pt->wildcard = 1;
            text->len--;
        }

        return NGX_OK;

    case NGX_CLIENTCERT_IP:
    case NGX_CLIENTCERT_EXTENSION_DER:
        return NGX_OK;

    case NGX_CLIENTCERT_EMAIL:
    case NGX_CLIENTCERT_UPN:

        if (text->len >= 2 && p[0] == '*' && p[1] == '@') {
            pt->wildcard = 1;
            text->data++;
            text->len--;
        }

        break;

    default: /* attributes, NGX_CLIENTCERT_EXTENSION */
        break;
    }

    return ngx_clientcert_plain_text(text);
}


/* in place; a backslash before anything else is a character like others */

static ngx_int_t
ngx_clientcert_plain_text(ngx_str_t *text)
{
    u_char  *p, *last, *dst;

    dst = text->data;
    last = text->data + text->len;

    for (p = text->data; p < last; p++) {

        if (*p == '*' || *p == '|') {
            return NGX_DECLINED;
        }

        if (*p == '\\' && p + 1 < last && (p[1] == '*' || p[1] == '|')) {
            p++;
        }

        *dst++ = *p;
    }

    text->len = dst - text->data;

    return NGX_OK;
}


ngx_int_t
ngx_clientcert_pattern_read(ngx_clientcert_pattern_t *pt, ngx_str_t *text,
    const char **err)
{
    pt->text = *text;
    *err = NULL;

    if (text->len == 0) {
        *err = "the value is empty";
        return NGX_ERROR;
    }

    if (pt->type != NGX_CLIENTCERT_EXTENSION_DER
        && ngx_clientcert_pattern_control(text))
    {
        *err = NGX_CLIENTCERT_PATTERN_CONTROL;
        return NGX_ERROR;
    }

    switch (pt->type) {

    case NGX_CLIENTCERT_DNS:
        return ngx_clientcert_read_host(&pt->text, err);

    case NGX_CLIENTCERT_URI:
        return ngx_clientcert_read_uri(pt, err);

    case NGX_CLIENTCERT_EMAIL:
    case NGX_CLIENTCERT_UPN:
        return ngx_clientcert_read_email(pt, err);

    case NGX_CLIENTCERT_IP:
        return ngx_clientcert_read_ip(pt, err);

    case NGX_CLIENTCERT_EXTENSION:
    case NGX_CLIENTCERT_EXTENSION_DER:
        return NGX_OK;

    default: /* NGX_CLIENTCERT_SUBJECT, NGX_CLIENTCERT_ISSUER */
        break;
    }

    ngx_clientcert_pattern_fold(&pt->text);

    if (pt->text.len == 0) {
        *err = "the value is blank";
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_read_host(ngx_str_t *host, const char **err)
{
    u_char      ch;
    size_t      i;
    ngx_uint_t  label;

    ngx_clientcert_trim_dot(host);

    label = 0;

    for (i = 0; i < host->len; i++) {
        ch = host->data[i];

        if (ch >= 0x80) {
            *err = "an international name is written as in DNS, "
                   "with labels that begin with \"xn--\"";
            return NGX_ERROR;
        }

        if (ch == '*') {
            *err = "\"*\" can only stand for the whole first label";
            return NGX_ERROR;
        }

        if (ch == '.') {
            if (label == 0) {
                break;
            }

            label = 0;
            continue;
        }

        if (!(ch >= '0' && ch <= '9') && ch != '-' && ch != '_'
            && !((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z'))
        {
            *err = "a DNS name has letters, digits, \"-\", \"_\" and \".\"";
            return NGX_ERROR;
        }

        label++;
    }

    if (label == 0) {
        *err = "a label of the DNS name is empty";
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_read_uri(ngx_clientcert_pattern_t *pt, const char **err)
{
    u_char  *p, *path, *last;

    last = pt->text.data + pt->text.len;

    for (p = pt->text.data; p < last; p++) {
        if (*p <= ' ' || *p > '~' || *p == '\\' || *p == '|') {
            *err = "a URI has no blanks, no \"\\\" or \"|\" and no characters "
                   "outside of ASCII";
            return NGX_ERROR;
        }

        if (*p == '*') {
            *err = "\"*\" can only stand at the end, after a \"/\"";
            return NGX_ERROR;
        }
    }

    path = ngx_clientcert_is_scheme(&pt->text)
           ? ngx_clientcert_uri_path(&pt->text) : NULL;

    if (path == NULL) {
        *err = "a URI is written with its scheme, as in "
               "\"spiffe://example.org/ns/prod/*\"";
        return NGX_ERROR;
    }

    if (pt->wildcard
        && (path >= last || *path != '/'
            || !ngx_clientcert_plain_path(path, last)))
    {
        *err = "\"*\" needs a complete host and a path before it that has "
               "no empty, \".\" or \"..\" segment, no query and no encoded "
               "\".\", \"/\" or \"\\\"";
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_read_email(ngx_clientcert_pattern_t *pt, const char **err)
{
    u_char     *at, *last;
    ngx_str_t   host;

    ngx_clientcert_trim_dot(&pt->text);

    last = pt->text.data + pt->text.len;
    at = ngx_clientcert_at(&pt->text);

    if (at == NULL || (at == pt->text.data) != pt->wildcard || at + 1 == last
        || !ngx_clientcert_is_local(pt->text.data, at))
    {
        *err = "an address is written \"name@host\"";
        return NGX_ERROR;
    }

    if (pt->type == NGX_CLIENTCERT_UPN) {
        at = pt->text.data;
    }

    ngx_strlow(at, at, last - at);

    if (!pt->wildcard) {
        return NGX_OK;
    }

    host.data = pt->text.data + 1;
    host.len = pt->text.len - 1;

    return ngx_clientcert_read_host(&host, err);
}


static ngx_int_t
ngx_clientcert_read_ip(ngx_clientcert_pattern_t *pt, const char **err)
{
    ngx_int_t  rc;

    rc = ngx_ptocidr(&pt->text, &pt->cidr);

    if (rc == NGX_ERROR) {
        *err = "it is neither an IP address nor a CIDR block";
        return NGX_ERROR;
    }

    if (rc == NGX_DONE) {
        *err = "has low address bits without a meaning";
    }

#if (NGX_HAVE_INET6)

    if (pt->cidr.family == AF_INET6) {
        u_char     *addr, *mask;
        in_addr_t   v4[2];

        addr = pt->cidr.u.in6.addr.s6_addr;
        mask = pt->cidr.u.in6.mask.s6_addr;

        /* at least 96 bits of the mask */

        if (mask[11] == 0xff
            && ngx_memcmp(addr, ngx_clientcert_mapped, 12) == 0)
        {
            ngx_memcpy(&v4[0], addr + 12, sizeof(in_addr_t));
            ngx_memcpy(&v4[1], mask + 12, sizeof(in_addr_t));

            pt->cidr.family = AF_INET;
            pt->cidr.u.in.addr = v4[0];
            pt->cidr.u.in.mask = v4[1];
        }
    }

#endif

    return NGX_OK;
}


ngx_uint_t
ngx_clientcert_pattern_match(ngx_clientcert_pattern_t *pt, ngx_str_t *value)
{
    switch (pt->type) {

    case NGX_CLIENTCERT_DNS:
        return ngx_clientcert_match_dns(pt, value);

    case NGX_CLIENTCERT_URI:
        return ngx_clientcert_match_uri(pt, value);

    case NGX_CLIENTCERT_EMAIL:
    case NGX_CLIENTCERT_UPN:
        return ngx_clientcert_match_email(pt, value);

    case NGX_CLIENTCERT_IP:
        return ngx_clientcert_match_ip(&pt->cidr, value);

    case NGX_CLIENTCERT_EXTENSION:
    case NGX_CLIENTCERT_EXTENSION_DER:
        return value->len == pt->text.len
               && ngx_memcmp(value->data, pt->text.data, value->len) == 0;

    default: /* NGX_CLIENTCERT_SUBJECT, NGX_CLIENTCERT_ISSUER */
        return ngx_clientcert_match_attribute(&pt->text, value);
    }
}


/* compares with the value folded, without a copy of it */

static ngx_uint_t
ngx_clientcert_match_attribute(ngx_str_t *folded, ngx_str_t *value)
{
    u_char  *p, *last, *w, *end;

    p = value->data;
    last = value->data + value->len;

    w = folded->data;
    end = folded->data + folded->len;

    while (p < last && *p == ' ') {
        p++;
    }

    while (p < last && last[-1] == ' ') {
        last--;
    }

    while (p < last && w < end) {

        if (ngx_tolower(*p) != *w++) {
            return 0;
        }

        if (*p++ == ' ') {
            while (p < last && *p == ' ') {
                p++;
            }
        }
    }

    return p == last && w == end;
}


static ngx_uint_t
ngx_clientcert_match_dns(ngx_clientcert_pattern_t *pt, ngx_str_t *value)
{
    u_char     *p, *last;
    ngx_str_t   host;

    host = *value;
    ngx_clientcert_trim_dot(&host);

    if (pt->wildcard) {

        /* one label, and the dot after it */

        p = host.data;
        last = host.data + host.len;

        while (p < last && *p != '.') {
            p++;
        }

        if (p == host.data || p == last) {
            return 0;
        }

        p++;
        host.len = last - p;
        host.data = p;
    }

    return host.len == pt->text.len
           && ngx_strncasecmp(host.data, pt->text.data, host.len) == 0;
}


static ngx_uint_t
ngx_clientcert_match_uri(ngx_clientcert_pattern_t *pt, ngx_str_t *value)
{
    u_char  *last;
    size_t   len;

    len = pt->text.len;

    if (!pt->wildcard) {
        return value->len == len
               && ngx_memcmp(value->data, pt->text.data, len) == 0;
    }

    last = value->data + value->len;

    /* the path after the prefix must not lead out of it again */

    return value->len > len
           && ngx_memcmp(value->data, pt->text.data, len) == 0
           && last[-1] != '/'
           && ngx_clientcert_plain_path(value->data + len - 1, last);
}


ngx_uint_t
ngx_clientcert_pattern_begins(ngx_clientcert_pattern_t *pt, ngx_str_t *value)
{
    return pt->type == NGX_CLIENTCERT_URI
           && pt->wildcard
           && value->len >= pt->text.len
           && ngx_memcmp(value->data, pt->text.data, pt->text.len) == 0;
}


/* RFC 3986, section 3.1; "URI:" is what tools write before a URI */

static ngx_uint_t
ngx_clientcert_is_scheme(ngx_str_t *uri)
{
    u_char  ch, *p, *last;

    last = uri->data + uri->len;

    for (p = uri->data; p < last && *p != ':'; p++) {
        ch = *p | 0x20;

        if (!(ch >= 'a' && ch <= 'z')
            && (p == uri->data
                || (!(*p >= '0' && *p <= '9')
                    && *p != '+' && *p != '-' && *p != '.')))
        {
            return 0;
        }
    }

    return p < last && ngx_strncasecmp(uri->data, (u_char *) "uri:", 4) != 0;
}


/* the end of "scheme://authority" or "scheme:", or NULL */

static u_char *
ngx_clientcert_uri_path(ngx_str_t *uri)
{
    u_char  *p, *last, *host;

    last = uri->data + uri->len;
    p = ngx_strlchr(uri->data, last, ':');

    if (p == NULL || p == uri->data) {
        return NULL;
    }

    p++;

    if (last - p < 2 || p[0] != '/' || p[1] != '/') {
        return p;
    }

    host = p + 2;

    for (p = host; p < last; p++) {
        if (*p == '/' || *p == '?' || *p == '#') {
            break;
        }
    }

    return p == host ? NULL : p;
}


/*
 * Whether a path that begins with "/" means the same to everyone: no segment
 * is empty, "." or "..", neither plain nor encoded, and nothing comes after.
 */

static ngx_uint_t
ngx_clientcert_plain_path(u_char *p, u_char *last)
{
    ngx_int_t  ch;

    for ( /* void */ ; p < last; p++) {

        switch (*p) {

        case '/':
            if (p + 1 < last && p[1] == '/') {
                return 0;
            }

            if (p + 1 < last && p[1] == '.'
                && (p + 2 == last || p[2] == '/'
                    || (p[2] == '.' && (p + 3 == last || p[3] == '/'))))
            {
                return 0;
            }

            break;

        case '%':
            ch = (last - p > 2) ? ngx_hextoi(p + 1, 2) : NGX_ERROR;

            if (ch == NGX_ERROR || ch == '.' || ch == '/' || ch == '\\'
                || ch < ' ' || ch == 0x7f)
            {
                return 0;
            }

            break;

        case '\\':
        case '?':
        case '#':
            return 0;
        }
    }

    return 1;
}


/*
 * RFC 5280, section 7.5: only the host is compared without regard to case,
 * but a directory takes all of its users' names so.
 */

static ngx_uint_t
ngx_clientcert_match_email(ngx_clientcert_pattern_t *pt, ngx_str_t *value)
{
    u_char     *at;
    size_t      len;
    ngx_str_t   address;

    address = *value;
    ngx_clientcert_trim_dot(&address);

    at = ngx_clientcert_at(&address);
    if (at == NULL) {
        return 0;
    }

    len = at - address.data;

    if (pt->wildcard) {
        address.data = at;
        address.len -= len;
        len = 0;
    }

    if (address.len != pt->text.len
        || ngx_strncasecmp(address.data, pt->text.data, address.len) != 0)
    {
        return 0;
    }

    return pt->type == NGX_CLIENTCERT_UPN
           || ngx_memcmp(address.data, pt->text.data, len) == 0;
}


/*
 * RFC 5321, section 4.1.2: these are in quotes.  Tools write them, and words,
 * around an address.
 */

static ngx_uint_t
ngx_clientcert_is_local(u_char *p, u_char *at)
{
    ngx_uint_t  quoted;

    quoted = (*p == '"');

    for ( /* void */ ; p < at; p++) {
        if (!quoted && strchr(" <>,;:\"", *p)) {
            return 0;
        }
    }

    return 1;
}


/* what is before the last "@" is quoted (RFC 5321, section 4.1.2) */

static u_char *
ngx_clientcert_at(ngx_str_t *address)
{
    u_char  *p;

    for (p = address->data + address->len; p > address->data; p--) {
        if (p[-1] == '@') {
            return p - 1;
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_clientcert_match_ip(ngx_cidr_t *cidr, ngx_str_t *value)
{
    u_char     *addr;
    size_t      len;
    in_addr_t   v4;
#if (NGX_HAVE_INET6)
    ngx_uint_t  i;
#endif

    len = value->len;
    addr = ngx_clientcert_unmap(value->data, &len);

    if (len == sizeof(in_addr_t) && cidr->family == AF_INET) {
        ngx_memcpy(&v4, addr, sizeof(in_addr_t));

        return (v4 & cidr->u.in.mask) == cidr->u.in.addr;
    }

#if (NGX_HAVE_INET6)

    if (len == 16 && cidr->family == AF_INET6) {

        for (i = 0; i < 16; i++) {
            if ((addr[i] & cidr->u.in6.mask.s6_addr[i])
                != cidr->u.in6.addr.s6_addr[i])
            {
                return 0;
            }
        }

        return 1;
    }

#endif

    return 0;
}


/* an IPv4-mapped IPv6 address is the IPv4 address */

static u_char *
ngx_clientcert_unmap(u_char *addr, size_t *len)
{
    if (*len == 16 && ngx_memcmp(addr, ngx_clientcert_mapped, 12) == 0) {
        *len = sizeof(in_addr_t);
        return addr + 12;
    }

    return addr;
}


static void
ngx_clientcert_trim_dot(ngx_str_t *host)
{
    if (host->len > 1 && host->data[host->len - 1] == '.') {
        host->len--;
    }
}


/* what is behind the first label and its dot, or nothing */

static ngx_str_t
ngx_clientcert_parent(ngx_str_t *host)
{
    u_char     *dot, *last;
    ngx_str_t   parent;

    last = host->data + host->len;
    dot = ngx_strlchr(host->data, last, '.');

    parent.data = (dot && dot > host->data) ? dot + 1 : last;
    parent.len = last - parent.data;

    return parent;
}


ngx_int_t
ngx_clientcert_pattern_hash(ngx_clientcert_pattern_t *pt, ngx_str_t *oid,
    uint32_t *hash)
{
    size_t   len;
    u_char  *data;

    data = pt->text.data;
    len = pt->text.len;

    if (pt->type == NGX_CLIENTCERT_IP) {

        if (pt->cidr.family == AF_INET) {
            data = (u_char *) &pt->cidr.u.in.addr;
            len = sizeof(in_addr_t);

            if (pt->cidr.u.in.mask != 0xffffffff) {
                return NGX_DECLINED;
            }
        }

#if (NGX_HAVE_INET6)

        if (pt->cidr.family == AF_INET6) {
            data = pt->cidr.u.in6.addr.s6_addr;
            len = 16;

            if (pt->cidr.u.in6.mask.s6_addr[15] != 0xff) {
                return NGX_DECLINED;
            }
        }

#endif
    }

    *hash = ngx_clientcert_hash(pt->type, pt->wildcard, oid, data, len);

    return NGX_OK;
}


ngx_int_t
ngx_clientcert_pattern_hashes(ngx_clientcert_name_t *name,
    ngx_clientcert_pattern_hash_pt handler, void *data)
{
    u_char                 *p;
    size_t                  len;
    ngx_int_t               rc;
    ngx_str_t               text, parent;
    ngx_clientcert_name_e   type;

    type = name->type;
    text = name->value;

    if (type == NGX_CLIENTCERT_IP) {
        len = text.len;
        p = ngx_clientcert_unmap(text.data, &len);

        return handler(data, ngx_clientcert_hash(type, 0, &name->oid, p, len));
    }

    if (type == NGX_CLIENTCERT_DNS || type == NGX_CLIENTCERT_EMAIL
        || type == NGX_CLIENTCERT_UPN)
    {
        ngx_clientcert_trim_dot(&text);
    }

    rc = handler(data, ngx_clientcert_hash(type, 0, &name->oid, text.data,
                                           text.len));

    if (rc == NGX_OK && type == NGX_CLIENTCERT_URI) {
        return ngx_clientcert_hash_paths(&text, handler, data);
    }

    if (rc == NGX_OK && type == NGX_CLIENTCERT_DNS) {
        parent = ngx_clientcert_parent(&text);

        return handler(data, ngx_clientcert_hash(type, 1, &name->oid,
                                                 parent.data, parent.len));
    }

    if (rc == NGX_OK
        && (type == NGX_CLIENTCERT_EMAIL || type == NGX_CLIENTCERT_UPN))
    {
        p = ngx_clientcert_at(&text);

        if (p) {
            len = text.data + text.len - p;

            return handler(data, ngx_clientcert_hash(type, 1, &name->oid,
                                                     p, len));
        }
    }

    return rc;
}


/*
 * Names that are equal have equal hashes, whatever their case and blanks; what
 * has equal hashes is compared.
 */

#define ngx_clientcert_hash_begin(type, wildcard)                             \
    (((uint32_t) (type) * 2 + (wildcard) + 1) * 0x9e3779b9)

#define ngx_clientcert_hash_add(hash, ch)                                     \
    ((hash) * 31 + ngx_tolower(ch))

#define ngx_clientcert_hash_end(hash)                                         \
    (((hash) ^ ((hash) >> 15)) * 0x85ebca6b)


static uint32_t
ngx_clientcert_hash(ngx_clientcert_name_e type, ngx_uint_t wildcard,
    ngx_str_t *oid, u_char *data, size_t len)
{
    size_t    i;
    uint32_t  hash;

    hash = ngx_clientcert_hash_begin(type, wildcard);

    for (i = 0; i < oid->len; i++) {
        hash = ngx_clientcert_hash_add(hash, oid->data[i]);
    }

    for (i = 0; i < len; i++) {
        if (data[i] != ' ') {
            hash = ngx_clientcert_hash_add(hash, data[i]);
        }
    }

    return ngx_clientcert_hash_end(hash);
}


/* all prefixes that end in "/" */

static ngx_int_t
ngx_clientcert_hash_paths(ngx_str_t *uri,
    ngx_clientcert_pattern_hash_pt handler, void *data)
{
    size_t     i;
    uint32_t   hash;
    ngx_int_t  rc;

    hash = ngx_clientcert_hash_begin(NGX_CLIENTCERT_URI, 1);

    for (i = 0; i < uri->len; i++) {

        if (uri->data[i] == ' ') {
            continue;
        }

        hash = ngx_clientcert_hash_add(hash, uri->data[i]);

        if (uri->data[i] == '/') {
            rc = handler(data, ngx_clientcert_hash_end(hash));

            if (rc != NGX_OK) {
                return rc;
            }
        }
    }

    return NGX_OK;
}


uint32_t
ngx_clientcert_pattern_unreadable(ngx_clientcert_name_e type, ngx_str_t *oid)
{
    return ~ngx_clientcert_hash(type, 0, oid, NULL, 0);
}


void
ngx_clientcert_pattern_fold(ngx_str_t *text)
{
    u_char  *p, *dst, *last;

    dst = text->data;
    last = text->data + text->len;

    for (p = text->data; p < last; p++) {

        if (*p == ' ' && (dst == text->data || dst[-1] == ' ')) {
            continue;
        }

        *dst++ = ngx_tolower(*p);
    }

    if (dst > text->data && dst[-1] == ' ') {
        dst--;
    }

    text->len = dst - text->data;
}


ngx_uint_t
ngx_clientcert_pattern_control(ngx_str_t *text)
{
    u_char  *p, *last;

    last = text->data + text->len;

    for (p = text->data; p < last; p++) {

        if (*p < 0x20 || *p == 0x7f) {
            return 1;
        }

        /* U+0080 to U+009F */

        if (*p == 0xc2 && p + 1 < last && p[1] < 0xa0) {
            return 1;
        }
    }

    return 0;
}
