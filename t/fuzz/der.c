
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


/*
 * What the walk takes and OpenSSL takes too must have the hashes and dates
 * that a client's certificate is judged by; what else it takes can't match a
 * client's certificate.  Files of any content must be read without harm, and
 * each encoding that is found in one must be that of its certificate.
 */

#include <openssl/x509.h>
#include <openssl/err.h>
#include "../unit/shim.h"
#include "../../src/cert/ngx_clientcert_der.h"


int LLVMFuzzerTestOneInput(const u_char *data, size_t size);


static void
fuzz_same(X509 *cert, ngx_clientcert_der_t *der)
{
    int         len;
    u_char     *spki, digest[32];
    struct tm   tm;

    if (X509_digest(cert, EVP_sha256(), digest, NULL) == 0) {
        abort();
    }

    /* else OpenSSL writes it in another way, and so would a client */

    if (memcmp(digest, der->sha256, 32) != 0) {
        return;
    }

    spki = NULL;
    len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);

    if (len <= 0
        || EVP_Digest(spki, len, digest, NULL, EVP_sha256(), NULL) == 0
        || memcmp(digest, der->spki, 32) != 0)
    {
        abort();
    }

    OPENSSL_free(spki);

    if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 0
        || timegm(&tm) != der->not_after)
    {
        abort();
    }
}


static void
fuzz_file(const u_char *data, size_t size)
{
    u_char                 *copy;
    ngx_str_t              *encoding;
    ngx_uint_t              i, beside;
    ngx_array_t             certs, encodings;
    ngx_clientcert_der_t    der;
    ngx_clientcert_file_e   reason;

    copy = malloc(size ? size : 1);
    memcpy(copy, data, size);

    memset(&certs, 0, sizeof(certs));
    certs.size = sizeof(ngx_clientcert_der_t);

    memset(&encodings, 0, sizeof(encodings));
    encodings.size = sizeof(ngx_str_t);

    reason = ngx_clientcert_der_file(copy, size, &certs, &encodings, &beside);

    if ((reason == 0 && certs.nelts == 0)
        || encodings.nelts != certs.nelts
        || *ngx_clientcert_der_strerror(reason) == '\0')
    {
        abort();
    }

    encoding = encodings.elts;

    for (i = 0; i < encodings.nelts; i++) {
        if (encoding[i].data < copy
            || encoding[i].data + encoding[i].len > copy + size
            || ngx_clientcert_der_read(encoding[i].data, encoding[i].len, &der)
               != NGX_OK
            || memcmp(der.sha256,
                      ((ngx_clientcert_der_t *) certs.elts)[i].sha256, 32)
               != 0)
        {
            abort();
        }
    }

    shim_free();
    free(copy);
}


int
LLVMFuzzerTestOneInput(const u_char *data, size_t size)
{
    X509                  *cert;
    u_char                *copy;
    const u_char          *p;
    ngx_clientcert_der_t   der;

    copy = malloc(size ? size : 1);
    memcpy(copy, data, size);

    p = data;
    cert = d2i_X509(NULL, &p, size);

    if (ngx_clientcert_der_read(copy, size, &der) == NGX_OK && cert) {
        fuzz_same(cert, &der);
    }

    X509_free(cert);
    ERR_clear_error();
    free(copy);

    fuzz_file(data, size);

    return 0;
}
