
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_ca.h"
#include "ngx_clientcert_certificate.h"
#include "ngx_clientcert_der.h"
#include "ngx_clientcert_signer.h"
#include "ngx_clientcert_time.h"
#include <openssl/x509v3.h>


static ngx_clientcert_ca_t *ngx_clientcert_ca_create(ngx_pool_t *pool,
    ngx_str_t *file);
static void ngx_clientcert_ca_free(void *data);
static ngx_int_t ngx_clientcert_ca_load(ngx_conf_t *cf,
    ngx_clientcert_ca_t *ca, const char **err);
static ngx_int_t ngx_clientcert_ca_text(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *text);
static ngx_int_t ngx_clientcert_ca_add(ngx_clientcert_ca_t *ca,
    ngx_str_t *encoding);
static void ngx_clientcert_ca_warn(ngx_conf_t *cf, ngx_clientcert_ca_t *ca);
static ngx_int_t ngx_clientcert_ca_finish(ngx_clientcert_ca_t *ca,
    ngx_pool_t *pool);
static int ngx_clientcert_ca_cmp(const X509 *const *one,
    const X509 *const *two);


ngx_clientcert_ca_t *
ngx_clientcert_ca_read(ngx_conf_t *cf, ngx_clientcert_dictionary_t *cas,
    ngx_str_t *file, const char **err)
{
    ngx_str_t             name;
    ngx_clientcert_ca_t  *ca;

    *err = NULL;
    name = *file;

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NULL;
    }

    ca = ngx_clientcert_dictionary_find(cas, &name);
    if (ca) {
        return ca;
    }

    ca = ngx_clientcert_ca_create(cf->pool, &name);
    if (ca == NULL) {
        return NULL;
    }

    ca->all = &cas->all;

    if (ngx_clientcert_ca_load(cf, ca, err) != NGX_OK
        || ngx_clientcert_ca_finish(ca, cf->pool) != NGX_OK)
    {
        return NULL;
    }

    ngx_clientcert_ca_warn(cf, ca);

    return (ngx_clientcert_dictionary_add(cas, &ca->file, ca) == NGX_OK)
           ? ca : NULL;
}


static ngx_clientcert_ca_t *
ngx_clientcert_ca_create(ngx_pool_t *pool, ngx_str_t *file)
{
    ngx_pool_cleanup_t   *cln;
    ngx_clientcert_ca_t  *ca;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_clientcert_ca_t));
    if (cln == NULL) {
        return NULL;
    }

    ca = cln->data;
    cln->handler = ngx_clientcert_ca_free;

    ca->file = *file;
    ca->store = X509_STORE_new();
    ca->certs = sk_X509_new(ngx_clientcert_ca_cmp);
    ca->dates = NULL;
    ca->all = NULL;

    if (ca->store == NULL || ca->certs == NULL) {
        ERR_clear_error();
        return NULL;
    }

    return ca;
}


static void
ngx_clientcert_ca_free(void *data)
{
    ngx_clientcert_ca_t  *ca = data;

    X509_STORE_free(ca->store);
    sk_X509_pop_free(ca->certs, X509_free);
}


static ngx_int_t
ngx_clientcert_ca_load(ngx_conf_t *cf, ngx_clientcert_ca_t *ca,
    const char **err)
{
    ngx_str_t               text, *encoding;
    ngx_uint_t              i, beside;
    ngx_array_t             certs, encodings;
    ngx_clientcert_file_e   reason;

    if (ngx_array_init(&certs, cf->temp_pool, 4, sizeof(ngx_clientcert_der_t))
        != NGX_OK
        || ngx_array_init(&encodings, cf->temp_pool, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_clientcert_ca_text(cf, &ca->file, &text) != NGX_OK)
    {
        return NGX_ERROR;
    }

    reason = ngx_clientcert_der_file(text.data, text.len, &certs, &encodings,
                                     &beside);

    if (reason == NGX_CLIENTCERT_FILE_MEMORY) {
        return NGX_ERROR;
    }

    if (reason) {
        *err = ngx_clientcert_der_strerror(reason);
        return NGX_ERROR;
    }

    if (beside & NGX_CLIENTCERT_BESIDE_CRL) {
        *err = "it has a CRL, which \"ca\" doesn't read";
        return NGX_ERROR;
    }

    if (beside & NGX_CLIENTCERT_BESIDE_KEY) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" holds a private key, which doesn't belong "
                           "there", &ca->file);
    }

    encoding = encodings.elts;

    for (i = 0; i < encodings.nelts; i++) {
        if (ngx_clientcert_ca_add(ca, &encoding[i]) != NGX_OK) {
            ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                          "could not read a certificate of \"%V\"",
                          &ca->file);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_clientcert_ca_text(ngx_conf_t *cf, ngx_str_t *file, ngx_str_t *text)
{
    size_t           size;
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_file_info_t  fi;

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", file);
        return NGX_ERROR;
    }

    n = ngx_fd_info(fd, &fi);
    size = (n == NGX_FILE_ERROR) ? 0 : ngx_file_size(&fi);

    text->len = 0;
    text->data = ngx_palloc(cf->temp_pool, size + 1);

    while (text->data && n != NGX_FILE_ERROR && text->len < size) {
        n = ngx_read_fd(fd, text->data + text->len, size - text->len);

        if (n <= 0) {
            break;
        }

        text->len += n;
    }

    if (n == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_fd_n " \"%V\" failed", file);
    }

    (void) ngx_close_file(fd);

    return (text->data && n != NGX_FILE_ERROR) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_clientcert_ca_add(ngx_clientcert_ca_t *ca, ngx_str_t *encoding)
{
    X509          *cert;
    const u_char  *p;

    p = encoding->data;

    cert = d2i_X509(NULL, &p, encoding->len);
    if (cert == NULL) {
        return NGX_ERROR;
    }

    /* extensions read now aren't read when there is no memory for them */

    (void) X509_check_purpose(cert, -1, 0);
    ERR_clear_error();

    if (X509_STORE_add_cert(ca->store, cert) == 0
        || sk_X509_push(ca->certs, cert) == 0)
    {
        X509_free(cert);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the first certificate that OpenSSL takes for no CA's (X509_check_ca(3)) */

static void
ngx_clientcert_ca_warn(ngx_conf_t *cf, ngx_clientcert_ca_t *ca)
{
    int      i;
    X509    *cert;
    u_char  *last;
    u_char   subject[NGX_CLIENTCERT_NAME_LEN];

    for (i = 0; i < sk_X509_num(ca->certs); i++) {
        cert = sk_X509_value(ca->certs, i);

        if (X509_check_ca(cert)) {
            continue;
        }

        last = ngx_clientcert_certificate_name(X509_get_subject_name(cert),
                                               subject);
        if (last) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"%V\" has a certificate that isn't a CA's, "
                               "\"%*s\"; \"spki=\" or \"thumbprint=\" is for "
                               "a client's", &ca->file,
                               (size_t) (last - subject), subject);
            return;
        }
    }
}


static ngx_int_t
ngx_clientcert_ca_finish(ngx_clientcert_ca_t *ca, ngx_pool_t *pool)
{
    int                         i, n;
    X509                       *cert;
    ngx_clientcert_ca_dates_t  *dates;

    sk_X509_sort(ca->certs);

    n = sk_X509_num(ca->certs);

    ca->dates = ngx_pcalloc(pool, n * sizeof(ngx_clientcert_ca_dates_t));
    if (ca->dates == NULL) {
        return NGX_ERROR;
    }

    /* a date that can't be read is never reached, for OpenSSL as well */

    for (i = 0; i < n; i++) {
        cert = sk_X509_value(ca->certs, i);
        dates = &ca->dates[i];

        (void) ngx_clientcert_time_read(X509_get0_notBefore(cert),
                                        &dates->not_before);
        (void) ngx_clientcert_time_read(X509_get0_notAfter(cert),
                                        &dates->not_after);
    }

    ERR_clear_error();

    return NGX_OK;
}


static int
ngx_clientcert_ca_cmp(const X509 *const *one, const X509 *const *two)
{
    return X509_subject_name_cmp(*one, *two);
}


int
ngx_clientcert_ca_first(ngx_clientcert_ca_t *ca, const X509_NAME *subject)
{
    int  i, first, last;

    first = 0;
    last = sk_X509_num(ca->certs);

    while (first < last) {
        i = first + (last - first) / 2;

        if (X509_NAME_cmp(X509_get_subject_name(sk_X509_value(ca->certs, i)),
                          subject)
            < 0)
        {
            first = i + 1;

        } else {
            last = i;
        }
    }

    return first;
}


ngx_uint_t
ngx_clientcert_ca_expiry(ngx_clientcert_ca_t *ca, time_t now,
    time_t *not_after)
{
    int     i, n;
    time_t  end;

    n = sk_X509_num(ca->certs);
    *not_after = 0;

    for (i = 0; i < n; i++) {
        end = ca->dates[i].not_after;

        if (*not_after < now ? end > *not_after
                             : end >= now && end < *not_after)
        {
            *not_after = end;
        }
    }

    return n;
}


ngx_uint_t
ngx_clientcert_ca_roots_only(ngx_clientcert_ca_t *ca)
{
    int  i;

    for (i = 0; i < sk_X509_num(ca->certs); i++) {
        if (ngx_clientcert_signer_self(sk_X509_value(ca->certs, i))
            != NGX_OK)
        {
            return 0;
        }
    }

    return 1;
}
