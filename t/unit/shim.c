
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "shim.h"
#include <ngx_event.h>
#include "../../src/cert/ngx_clientcert_dictionary.h"


typedef struct shim_block_s  shim_block_t;

struct shim_block_s {
    shim_block_t  *next;
};


long                        shim_failing = -1;
int                         shim_for_good, shim_failed;


static shim_block_t        *shim_blocks;
static ngx_pool_cleanup_t  *shim_cleanups;


void *
shim_malloc(size_t size)
{
    if (shim_failing > 0 && --shim_failing == 0) {
        shim_failing = shim_for_good ? 1 : -1;
        shim_failed = 1;
        return NULL;
    }

    return malloc(size);
}


void
shim_free(void)
{
    shim_block_t  *block;

    for ( /* void */ ; shim_cleanups; shim_cleanups = shim_cleanups->next) {
        if (shim_cleanups->handler) {
            shim_cleanups->handler(shim_cleanups->data);
        }
    }

    while (shim_blocks) {
        block = shim_blocks;
        shim_blocks = block->next;
        free(block);
    }
}


/* each from malloc(), so that the sanitizer sees its bounds */

void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    shim_block_t  *block;

    block = shim_malloc(sizeof(shim_block_t) + size);
    if (block == NULL) {
        return NULL;
    }

    block->next = shim_blocks;
    shim_blocks = block;

    return block + 1;
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    return ngx_palloc(pool, size);
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    p = ngx_palloc(pool, size);

    return p ? memset(p, 0, size) : NULL;
}


u_char *
ngx_pstrdup(ngx_pool_t *pool, ngx_str_t *src)
{
    u_char  *p;

    p = ngx_palloc(pool, src->len);

    return p ? memcpy(p, src->data, src->len) : NULL;
}


ngx_pool_cleanup_t *
ngx_pool_cleanup_add(ngx_pool_t *pool, size_t size)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pcalloc(pool, sizeof(ngx_pool_cleanup_t));
    if (cln == NULL) {
        return NULL;
    }

    if (size) {
        cln->data = ngx_palloc(pool, size);
        if (cln->data == NULL) {
            return NULL;
        }
    }

    cln->next = shim_cleanups;
    shim_cleanups = cln;

    return cln;
}


void *
ngx_array_push(ngx_array_t *a)
{
    u_char  *elts;

    elts = ngx_palloc(NULL, (a->nelts + 1) * a->size);
    if (elts == NULL) {
        return NULL;
    }

    if (a->nelts) {
        memcpy(elts, a->elts, a->nelts * a->size);
    }

    a->elts = elts;

    return elts + a->nelts++ * a->size;
}


/* nothing is found: each is made anew */

void *
ngx_clientcert_dictionary_find(ngx_clientcert_dictionary_t *dict,
    ngx_str_t *name)
{
    return NULL;
}


ngx_int_t
ngx_clientcert_dictionary_add(ngx_clientcert_dictionary_t *dict,
    ngx_str_t *name, void *value)
{
    void  **place;

    place = ngx_array_push(&dict->all);
    if (place == NULL) {
        return NGX_ERROR;
    }

    *place = value;

    return NGX_OK;
}


void
ngx_conf_log_error(ngx_uint_t level, ngx_conf_t *cf, ngx_err_t err,
    const char *fmt, ...)
{
}


ngx_int_t
ngx_conf_full_name(ngx_cycle_t *cycle, ngx_str_t *text, ngx_uint_t conf)
{
    return NGX_OK;
}


ngx_int_t
ngx_strcasecmp(u_char *s1, u_char *s2)
{
    return strcasecmp((char *) s1, (char *) s2);
}


ngx_int_t
ngx_strncasecmp(u_char *s1, u_char *s2, size_t n)
{
    return strncasecmp((char *) s1, (char *) s2, n);
}


u_char *
ngx_hex_dump(u_char *dst, u_char *src, size_t len)
{
    static u_char  hex[] = "0123456789abcdef";

    while (len--) {
        *dst++ = hex[*src >> 4];
        *dst++ = hex[*src++ & 0xf];
    }

    return dst;
}


void
ngx_strlow(u_char *dst, u_char *src, size_t n)
{
    while (n--) {
        *dst++ = ngx_tolower(*src);
        src++;
    }
}


u_char *
ngx_cpystrn(u_char *dst, u_char *src, size_t n)
{
    while (n > 1 && *src) {
        *dst++ = *src++;
        n--;
    }

    *dst = '\0';

    return dst;
}


ngx_int_t
ngx_atoi(u_char *line, size_t n)
{
    ngx_int_t  value;

    for (value = 0; n--; line++) {
        if (*line < '0' || *line > '9') {
            return NGX_ERROR;
        }

        value = value * 10 + (*line - '0');
    }

    return value;
}


ngx_int_t
ngx_decode_base64(ngx_str_t *dst, ngx_str_t *src)
{
    int  len, pad;

    for (pad = 0; pad < 2 && src->len > (size_t) pad; pad++) {
        if (src->data[src->len - 1 - pad] != '=') {
            break;
        }
    }

    len = EVP_DecodeBlock(dst->data, src->data, src->len);

    if (len < pad) {
        return NGX_ERROR;
    }

    dst->len = len - pad;

    return NGX_OK;
}


ngx_int_t
ngx_hextoi(u_char *line, size_t n)
{
    int        digit;
    ngx_int_t  value;

    for (value = 0; n--; line++) {

        digit = (*line >= '0' && *line <= '9') ? *line - '0'
                : ((*line | 0x20) >= 'a' && (*line | 0x20) <= 'f')
                  ? (*line | 0x20) - 'a' + 10 : -1;

        if (digit < 0) {
            return NGX_ERROR;
        }

        value = value * 16 + digit;
    }

    return value;
}


/* the text of an error is its format here */

u_char *
ngx_vslprintf(u_char *buf, u_char *last, const char *fmt, va_list args)
{
    while (*fmt && buf < last) {
        *buf++ = (u_char) *fmt++;
    }

    return buf;
}


u_char *
ngx_slprintf(u_char *buf, u_char *last, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    buf = ngx_vslprintf(buf, last, fmt, args);
    va_end(args);

    return buf;
}


u_char *
ngx_sprintf(u_char *buf, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    buf = ngx_vslprintf(buf, buf + strlen(fmt), fmt, args);
    va_end(args);

    return buf;
}


void
ngx_ssl_error(ngx_uint_t level, ngx_log_t *log, ngx_err_t err, char *fmt, ...)
{
    ERR_clear_error();
}


/* addresses without a prefix length */

ngx_int_t
ngx_ptocidr(ngx_str_t *text, ngx_cidr_t *cidr)
{
    char  name[64];

    if (text->len >= sizeof(name)) {
        return NGX_ERROR;
    }

    memcpy(name, text->data, text->len);
    name[text->len] = '\0';
    memset(cidr, 0xff, sizeof(ngx_cidr_t));

    if (inet_pton(AF_INET, name, &cidr->u.in.addr) == 1) {
        cidr->family = AF_INET;
        return NGX_OK;
    }

    if (inet_pton(AF_INET6, name, &cidr->u.in6.addr) == 1) {
        cidr->family = AF_INET6;
        return NGX_OK;
    }

    return NGX_ERROR;
}
