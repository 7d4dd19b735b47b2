
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_PATTERN_H_INCLUDED_
#define _NGX_CLIENTCERT_PATTERN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* what a name of a certificate is; the last ones are subjectAltNames */

typedef enum {
    NGX_CLIENTCERT_SUBJECT = 0,         /* an attribute of it */
    NGX_CLIENTCERT_ISSUER,
    NGX_CLIENTCERT_EXTENSION,           /* its text */
    NGX_CLIENTCERT_EXTENSION_DER,       /* whatever it holds */
    NGX_CLIENTCERT_DNS,
    NGX_CLIENTCERT_URI,
    NGX_CLIENTCERT_EMAIL,
    NGX_CLIENTCERT_IP,
    NGX_CLIENTCERT_UPN,
    NGX_CLIENTCERT_NAME_TYPES
} ngx_clientcert_name_e;


/* why a text isn't read, nginx itself makes such characters of these */
#define NGX_CLIENTCERT_PATTERN_CONTROL                                       \
    "a name with a control character matches nothing, and a \"\\\" before " \
    "\"n\", \"r\" or \"t\" is \"\\\\\" in nginx.conf"


/* a name that a certificate has */

typedef struct {
    ngx_clientcert_name_e   type;
    ngx_str_t               oid;        /* of an attribute or extension */
    ngx_str_t               value;      /* UTF-8; of an IP and in DER bytes */

    /* can't be read or has a control character */
    unsigned                bad:1;
} ngx_clientcert_name_t;


/* a name as it is wanted */

typedef struct {
    ngx_clientcert_name_e   type;
    ngx_str_t               text;       /* without the "*" */
    ngx_cidr_t              cidr;       /* IP, a mapped IPv4 one as IPv4 */

    /* DNS: after one label of any text, URI: before any path below it,
       EMAIL and UPN: "@" and the host of any address */
    unsigned                wildcard:1;
} ngx_clientcert_pattern_t;


/*
 * Takes the "*" off a text and tells in pt->wildcard if there was one; in an
 * attribute, extension or address "\*" and "\|" become "*" and "|", in place.
 * pt->type must be set.  Returns NGX_OK, or NGX_DECLINED if one of these
 * stands there as if it meant a pattern.
 */
ngx_int_t ngx_clientcert_pattern_wildcard(ngx_clientcert_pattern_t *pt,
    ngx_str_t *text);

/*
 * Reads a text without "*" into pt, of which type and wildcard must be set.
 * pt->text points into it, and the text of an attribute or UPN is folded in
 * place, as is the host of an EMAIL.
 * Returns NGX_OK and what is noteworthy in *err, or NULL, or NGX_ERROR and the
 * reason there.
 */
ngx_int_t ngx_clientcert_pattern_read(ngx_clientcert_pattern_t *pt,
    ngx_str_t *text, const char **err);

/*
 * Whether a certificate's name of type pt->type is the one wanted.  An IP
 * address has 4 or 16 bytes.
 */
ngx_uint_t ngx_clientcert_pattern_match(ngx_clientcert_pattern_t *pt,
    ngx_str_t *value);

/*
 * Whether a URI begins as the wanted ones do, wherever it leads then.
 */
ngx_uint_t ngx_clientcert_pattern_begins(ngx_clientcert_pattern_t *pt,
    ngx_str_t *value);

/*
 * Names are found by hashes: handler is called with each that a pattern which
 * matches the name can have, until it returns another value than NGX_OK, which
 * is returned.
 */
typedef ngx_int_t (*ngx_clientcert_pattern_hash_pt)(void *data,
    uint32_t hash);

ngx_int_t ngx_clientcert_pattern_hashes(ngx_clientcert_name_t *name,
    ngx_clientcert_pattern_hash_pt handler, void *data);

/*
 * The hash of a pattern that was read, with what it has as oid; of a block of
 * addresses there is none: NGX_DECLINED.
 */
ngx_int_t ngx_clientcert_pattern_hash(ngx_clientcert_pattern_t *pt,
    ngx_str_t *oid, uint32_t *hash);

/*
 * A hash for all names of a type, with this oid, that can't be read.
 */
uint32_t ngx_clientcert_pattern_unreadable(ngx_clientcert_name_e type,
    ngx_str_t *oid);

/*
 * Folds UTF-8 text in place for comparison as in RFC 5280, section 7.1:
 * no blanks around it, one between words, ASCII letters in lower case.
 */
void ngx_clientcert_pattern_fold(ngx_str_t *text);

/*
 * Whether there is a NUL or another control character in UTF-8 text.
 */
ngx_uint_t ngx_clientcert_pattern_control(ngx_str_t *text);


#endif /* _NGX_CLIENTCERT_PATTERN_H_INCLUDED_ */
