
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include "ngx_clientcert_der.h"


const char *
ngx_clientcert_der_strerror(ngx_clientcert_file_e reason)
{
    switch (reason) {

    case NGX_CLIENTCERT_FILE_EMPTY:
        return "it is empty";

    case NGX_CLIENTCERT_FILE_TRUNCATED:
        return "it is truncated";

    case NGX_CLIENTCERT_FILE_BASE64:
        return "a certificate in it is not base64";

    case NGX_CLIENTCERT_FILE_NOT_DER:
        return "a certificate in it is not DER as RFC 5280 wants it";

    case NGX_CLIENTCERT_FILE_PKCS7:
        return "it is PKCS#7, \"openssl pkcs7 -inform DER -print_certs "
               "-in FILE\" exports its certificates";

    case NGX_CLIENTCERT_FILE_PKCS7_PEM:
        return "it is PKCS#7, \"openssl pkcs7 -print_certs -in FILE\" "
               "exports its certificates";

    case NGX_CLIENTCERT_FILE_PKCS12:
        return "it is PKCS#12, \"openssl pkcs12 -clcerts -nokeys -in "
               "FILE\" exports its certificate";

    case NGX_CLIENTCERT_FILE_KEY:
        return "it holds a private key, which doesn't belong there, and no "
               "certificate";

    case NGX_CLIENTCERT_FILE_TRUSTED:
        return "it holds a trusted certificate, \"openssl x509 -in FILE\" "
               "exports the certificate";

    case NGX_CLIENTCERT_FILE_REQUEST:
        return "it is a certificate request, not the certificate that a CA "
               "makes of it";

    case NGX_CLIENTCERT_FILE_CRL:
        return "it is a CRL, not a certificate";

    case NGX_CLIENTCERT_FILE_UTF16:
        return "it is UTF-16, a PEM file is ASCII";

    case NGX_CLIENTCERT_FILE_BARE:
        return "it is base64 without the lines \"-----BEGIN "
               "CERTIFICATE-----\" and \"-----END CERTIFICATE-----\"";

    case NGX_CLIENTCERT_FILE_ESCAPED:
        return "its lines end with \"\\n\" written out, not with line feeds";

    default: /* NGX_CLIENTCERT_FILE_NONE */
        return "it holds no certificate";
    }
}
