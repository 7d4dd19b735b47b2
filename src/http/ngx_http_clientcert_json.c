
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_http_clientcert_json.h"


void
ngx_http_clientcert_json_key(ngx_http_clientcert_output_t *out,
    const char *key)
{
    if (out->comma) {
        ngx_http_clientcert_output_print(out, ",");
    }

    if (key) {
        ngx_http_clientcert_output_print(out, "\"%s\":", key);
    }

    out->comma = 1;
}


void
ngx_http_clientcert_json_open(ngx_http_clientcert_output_t *out,
    const char *key, char bracket)
{
    ngx_http_clientcert_json_key(out, key);
    ngx_http_clientcert_output_print(out, "%c", bracket);

    out->comma = 0;
}


void
ngx_http_clientcert_json_close(ngx_http_clientcert_output_t *out,
    char bracket)
{
    ngx_http_clientcert_output_print(out, "%c", bracket);

    out->comma = 1;
}


void
ngx_http_clientcert_json_text(ngx_http_clientcert_output_t *out,
    const char *key, ngx_str_t *text)
{
    ngx_http_clientcert_json_key(out, key);
    ngx_http_clientcert_output_print(out, "\"");
    ngx_http_clientcert_output_text(out, text);
    ngx_http_clientcert_output_print(out, "\"");
}


void
ngx_http_clientcert_json_escaped(ngx_http_clientcert_output_t *out,
    const char *key, ngx_str_t *text)
{
    ngx_http_clientcert_json_key(out, key);
    ngx_http_clientcert_output_print(out, "\"");
    ngx_http_clientcert_output_escaped(out, text);
    ngx_http_clientcert_output_print(out, "\"");
}


void
ngx_http_clientcert_json_word(ngx_http_clientcert_output_t *out,
    const char *key, const char *word)
{
    ngx_http_clientcert_json_key(out, key);
    ngx_http_clientcert_output_print(out, "\"%s\"", word);
}


void
ngx_http_clientcert_json_hex(ngx_http_clientcert_output_t *out,
    const char *key, u_char *bytes, size_t len)
{
    u_char  hex[NGX_HTTP_CLIENTCERT_PRINT / 2];

    if (bytes == NULL) {
        ngx_http_clientcert_json_null(out, key);
        return;
    }

    ngx_http_clientcert_json_key(out, key);

    len = ngx_min(len, sizeof(hex) / 2);

    ngx_hex_dump(hex, bytes, len);
    ngx_http_clientcert_output_print(out, "\"%*s\"", len * 2, hex);
}


void
ngx_http_clientcert_json_number(ngx_http_clientcert_output_t *out,
    const char *key, uint64_t number)
{
    ngx_http_clientcert_json_key(out, key);
    ngx_http_clientcert_output_print(out, "%uL", number);
}


void
ngx_http_clientcert_json_flag(ngx_http_clientcert_output_t *out,
    const char *key, ngx_uint_t flag)
{
    ngx_http_clientcert_json_key(out, key);
    ngx_http_clientcert_output_print(out, flag ? "true" : "false");
}


void
ngx_http_clientcert_json_null(ngx_http_clientcert_output_t *out,
    const char *key)
{
    ngx_http_clientcert_json_key(out, key);
    ngx_http_clientcert_output_print(out, "null");
}


void
ngx_http_clientcert_json_time(ngx_http_clientcert_output_t *out,
    const char *key, time_t time)
{
    ngx_tm_t  tm;

    if (time == 0) {
        ngx_http_clientcert_json_null(out, key);
        return;
    }

    ngx_http_clientcert_json_key(out, key);

    ngx_gmtime(time, &tm);

    ngx_http_clientcert_output_print(out,
                              "\"%4d-%02d-%02dT%02d:%02d:%02dZ\"",
                              tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                              tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);
}
