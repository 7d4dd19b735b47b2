
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_time.h"


#define NGX_CLIENTCERT_YEAR_2038  138       /* since 1900 */


ngx_int_t
ngx_clientcert_time_read(const ASN1_TIME *asn1, time_t *t)
{
    struct tm  tm;

    if (ASN1_TIME_to_tm(asn1, &tm) == 0) {
        return NGX_ERROR;
    }

    *t = timegm(&tm);

    if (*t == -1 && tm.tm_year >= NGX_CLIENTCERT_YEAR_2038) {
        *t = NGX_MAX_TIME_T_VALUE;
    }

    return NGX_OK;
}
