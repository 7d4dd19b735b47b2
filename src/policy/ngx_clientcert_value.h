
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#ifndef _NGX_CLIENTCERT_VALUE_H_INCLUDED_
#define _NGX_CLIENTCERT_VALUE_H_INCLUDED_


#include "ngx_clientcert_key.h"


/*
 * Read a value of a condition, or what a variable holds (rd->cf is NULL), into
 * cond->value, and in the configuration cond->id.  Return NGX_OK, maybe with
 * something noteworthy in rd, or NGX_ERROR with a text in rd, unless there is
 * no memory or the log tells already.
 */
ngx_int_t ngx_clientcert_value_thumbprint(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
ngx_int_t ngx_clientcert_value_spki(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
ngx_int_t ngx_clientcert_value_store(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
ngx_int_t ngx_clientcert_value_serial(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
ngx_int_t ngx_clientcert_value_dn(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
ngx_int_t ngx_clientcert_value_name(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
ngx_int_t ngx_clientcert_value_oid(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
ngx_int_t ngx_clientcert_value_ca(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);
ngx_int_t ngx_clientcert_value_regex(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_str_t *text);

/*
 * Takes what makes a pattern of a text that is configured off it, as
 * ngx_clientcert_pattern_wildcard() does in place, or returns NGX_ERROR with a
 * text in rd.
 */
ngx_int_t ngx_clientcert_value_pattern(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, ngx_clientcert_pattern_t *pt,
    ngx_str_t *text);

/*
 * Keeps what tells conditions apart, in the configuration only.
 */
ngx_int_t ngx_clientcert_value_id(ngx_clientcert_reading_t *rd,
    ngx_clientcert_condition_t *cond, void *data, size_t len);

/*
 * Puts a text into rd.
 */
void ngx_clientcert_value_note(ngx_clientcert_reading_t *rd, const char *fmt,
    ...);


#endif /* _NGX_CLIENTCERT_VALUE_H_INCLUDED_ */
