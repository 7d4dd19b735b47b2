
/*
 * Copyright (C) The ngx_http_clientcert_policy_module Authors
 */


#include <stdio.h>
#include "../../src/cert/ngx_clientcert_thumbprint.h"


#define SHA1    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"
#define SHA256  "9f86d081884c7d659a2feaa0c55ad015" \
                "a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define X5T     "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg"
#define X5T1    "n4bQgYhMfWWaL-qgxVrQFaO_Txs"
#define BASE64  "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="
#define COLONS  "9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B"
#define BLANKS  "9f 86 d0 81 88 4c 7d 65 9a 2f ea a0 c5 5a d0 15 a3 bf 4f 1b"

#define LRM     "\xe2\x80\x8e"
#define BOM     "\xef\xbb\xbf"
#define NBSP    "\xc2\xa0"

#define COLON   NGX_CLIENTCERT_COLON
#define HYPHEN  NGX_CLIENTCERT_HYPHEN
#define BLANK   NGX_CLIENTCERT_BLANK


typedef struct {
    const char  *text;
    const char  *hex;           /* NULL: an error */
    ngx_uint_t   dropped;

    /* of a bad character */
    ngx_uint_t   column;        /* 0: a bad length */
    uint32_t     ch;
    int          utf8;

    /* of a bad length */
    size_t       found;
    size_t       len;           /* of the digest that is wanted */
    int          base64;

    /* of a good one: 'c' or 'k' if it says of what it is, 's' if it has
       blanks, 'b' if it is of a certificate and has blanks */
    char         of;
} test_t;


#define GOOD(text, hex, drop)   { text, hex, drop, 0, 0, 0, 0, 0, 0, 0 }
#define OF(of, text, hex)       { text, hex, 0, 0, 0, 0, 0, 0, 0, of }
#define CHAR(text, column, ch)  { text, NULL, 0, column, ch, 1, 0, 0, 0, 0 }
#define BYTE(text, column, ch)  { text, NULL, 0, column, ch, 0, 0, 0, 0, 0 }
#define LENGTH(text, n, len)    { text, NULL, 0, 0, 0, 0, n, len, 0, 0 }
#define LENGTH64(text, n, len)  { text, NULL, 0, 0, 0, 0, n, len, 1, 0 }


static test_t  tests[] = {

    GOOD(SHA1, SHA1, 0),
    GOOD(SHA256, SHA256, 0),
    GOOD("9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B", SHA1, 0),
    GOOD("9f86D081884c7d659a2fEAA0c55ad015A3bf4F1b", SHA1, 0),

    /* separators, as tools put them */
    GOOD(COLONS, SHA1, 0),
    GOOD("9F-86-D0-81-88-4C-7D-65-9A-2F-EA-A0-C5-5A-D0-15-A3-BF-4F-1B",
         SHA1, 0),
    OF('s', BLANKS, SHA1),
    OF('s', "9F86D081 884C7D65\t9A2FEAA0 C55AD015 A3BF4F1B", SHA1),
    GOOD("9F86D081884C7D659A2F:EAA0C55AD015A3BF4F1B", SHA1, 0),
    GOOD("0x" SHA1, SHA1, 0),
    GOOD("0X" COLONS, SHA1, 0),

    /* and as none does */
    GOOD("9F:86D081884C7D659A2FEAA0C55AD015A3BF4F1B", SHA1, COLON),
    GOOD("9F86D081884C7D659A2FEAA0C55AD015A3BF4F-1B", SHA1, HYPHEN),
    GOOD("9F::86::D0::81::88::4C::7D::65::9A::2F::EA::A0::C5::5A::D0::15::A3:"
         ":BF::4F::1B", SHA1, COLON),
    GOOD("9F:86-D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B",
         SHA1, COLON|HYPHEN),
    { "9F86 D081884C7D659A2FEAA0C55AD015A3BF4F1B", SHA1, BLANK,
      0, 0, 0, 0, 0, 0, 's' },
    { "9F86: D081884C7D659A2FEAA0-C55AD015A3BF4F1B", SHA1, COLON|HYPHEN|BLANK,
      0, 0, 0, 0, 0, 0, 's' },
    { "9F" NBSP "86D081884C7D659A2FEAA0C55AD015A3BF4F1B", SHA1,
      NGX_CLIENTCERT_NBSP, 0, 0, 0, 0, 0, 0, 's' },

    /* what dialogs put around it */
    GOOD(LRM SHA1, SHA1, NGX_CLIENTCERT_LRM),
    GOOD(SHA1 LRM, SHA1, NGX_CLIENTCERT_LRM),
    GOOD(BOM SHA1, SHA1, NGX_CLIENTCERT_BOM),
    GOOD(SHA1 BOM, SHA1, NGX_CLIENTCERT_BOM),
    GOOD(NBSP SHA1 NBSP, SHA1, NGX_CLIENTCERT_NBSP),
    GOOD(" \t" SHA1 "  ", SHA1, 0),
    GOOD(BOM " " LRM SHA256 NBSP LRM, SHA256,
         NGX_CLIENTCERT_BOM|NGX_CLIENTCERT_LRM|NGX_CLIENTCERT_NBSP),
    { LRM BLANKS, SHA1, NGX_CLIENTCERT_LRM, 0, 0, 0, 0, 0, 0, 's' },

    /* lines of tools: OpenSSL 1.1 and 3, certutil, PowerShell, keytool,
       browsers, certtool, Envoy */
    OF('c', "SHA1 Fingerprint=" COLONS, SHA1),
    OF('c', "sha256 Fingerprint=" SHA256, SHA256),
    OF('c', "SHA256 FINGERPRINT=" SHA256, SHA256),
    OF('c', "Cert Hash(sha1): " SHA1, SHA1),
    OF('c', "  Cert Hash(sha256): " SHA256, SHA256),
    OF('c', "Thumbprint : 9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B", SHA1),
    OF('c', "Thumbprint                : " SHA1, SHA1),
    OF('c', "Thumbprint: " SHA256, SHA256),
    OF('c', "Certificate fingerprint (SHA1): " COLONS, SHA1),
    OF('c', "Certificate fingerprint (SHA-256): " SHA256, SHA256),
    OF('c', "SHA-256 Fingerprint " SHA256, SHA256),
    OF('c', "SHA-256 fingerprint: " SHA256, SHA256),
    OF('c', "SHA-1 Fingerprint\t" COLONS, SHA1),
    OF('c', "Hash=" SHA256, SHA256),
    GOOD("sha1:" SHA1, SHA1, 0),
    GOOD("SHA1: " SHA1, SHA1, 0),
    GOOD("sha256:" SHA256, SHA256, 0),
    GOOD("  sha256:" SHA256, SHA256, 0),
    GOOD("SHA256: 0x" SHA256, SHA256, 0),
    GOOD("SHA2-256(stdin)= " SHA256, SHA256, 0),
    GOOD("SHA256(stdin)= " SHA256, SHA256, 0),
    GOOD("(stdin)= " SHA256, SHA256, 0),
    { "Cert Hash(sha1): " BLANKS, SHA1, 0, 0, 0, 0, 0, 0, 0, 'b' },
    { "sha1 Fingerprint=" LRM SHA1, SHA1, NGX_CLIENTCERT_LRM,
      0, 0, 0, 0, 0, 0, 'c' },

    /* base64 and base64url, padded or not */
    OF('c', "x5t#S256:" X5T, SHA256),
    OF('c', "X5T#s256: " X5T " ", SHA256),
    OF('c', "x5t#S256:" X5T "=", SHA256),
    OF('c', "x5t:" X5T1, SHA1),
    OF('c', "x5t=\"" X5T1 "=\"", SHA1),
    OF('c', "x5t#S256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
       "0000000000000000000000000000000000000000000000000000000000000000"),
    OF('c', "x5t#S256:__________________________________________8",
       "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    GOOD(X5T, SHA256, 0),
    GOOD(X5T "=", SHA256, 0),
    GOOD(BASE64, SHA256, 0),
    GOOD(X5T1, SHA1, 0),
    GOOD(X5T1 "=", SHA1, 0),
    GOOD(" n4bQgYhMfWWaL+qgxVrQFaO/Txs= ", SHA1, 0),
    GOOD("SHA256:" BASE64, SHA256, 0),
    GOOD("sha1: " X5T1, SHA1, 0),
    GOOD("0xbQgYhMfWWaL-qgxVrQFaO_Txs",
         "d316d081884c7d659a2feaa0c55ad015a3bf4f1b", 0),
    GOOD("certQYhMfWWaL-qgxVrQFaO_Txs",
         "71eaed41884c7d659a2feaa0c55ad015a3bf4f1b", 0),
    OF('k', "sha256//" BASE64, SHA256),
    OF('k', "sha256/" BASE64, SHA256),
    OF('k', "sha256/" X5T, SHA256),
    OF('k', "pin-sha256=\"" BASE64 "\"", SHA256),
    OF('k', "pin-sha256=" BASE64, SHA256),

    /* lengths */
    LENGTH("", 0, 0),
    LENGTH("   ", 0, 0),
    LENGTH(LRM, 0, 0),
    LENGTH("9", 1, 0),
    LENGTH("9f", 2, 0),
    LENGTH("9f86d081884c7d659a2feaa0c55ad015a3bf4f1", 39, 0),
    LENGTH("9f86d081884c7d659a2feaa0c55ad015a3bf4f1 ", 39, 0),
    LENGTH(SHA1 "9", 41, 0),
    LENGTH(SHA1 "9f", 42, 0),
    LENGTH("d41d8cd98f00b204e9800998ecf8427e", 32, 0),
    LENGTH("9f86d081884c7d659a2feaa0c55ad015"
           "a3bf4f1b2b0b822cd15d6c15b0f00a0", 63, 0),
    LENGTH(SHA256 "0", 65, 0),
    LENGTH(SHA256 SHA256, 128, 0),
    LENGTH("sha1:", 0, 20),
    LENGTH("sha1:" SHA256, 64, 20),
    LENGTH("sha256:" SHA1, 40, 32),
    LENGTH("SHA256 Fingerprint=" SHA1, 40, 32),
    LENGTH("Certificate fingerprint (SHA-256): " COLONS, 40, 32),
    LENGTH("Thumbprint :", 0, 0),
    LENGTH("0x", 0, 0),
    LENGTH("0x" SHA1 "9", 41, 0),
    LENGTH64("x5t#S256:", 0, 32),
    LENGTH64("x5t#S256:n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCg", 42, 32),
    LENGTH64("x5t#S256:" X5T "A", 44, 32),
    LENGTH64("x5t#S256:" SHA256, 64, 32),
    LENGTH64("x5t#S256:" X5T1, 27, 32),
    LENGTH64("x5t:" X5T, 43, 20),
    LENGTH64("sha1:" X5T, 43, 20),
    LENGTH64("sha256//" SHA256, 64, 32),

    /* hexadecimal that is cut off is no base64 */
    LENGTH("9f86d081884c7d659a2feaa0c55", 27, 0),
    LENGTH("9f86d081884c7d659a2feaa0c55a", 28, 0),
    LENGTH("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0", 43, 0),
    LENGTH("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b", 44, 0),
    LENGTH("0x9f86d081884c7d659a2feaa0c", 25, 0),
    LENGTH("0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2", 41, 0),
    LENGTH("9F-86-D0-81-88-4C-7D-65-9A-2F-EA-A0-C5-5A-D0", 30, 0),

    /* characters */
    CHAR("9g86d081884c7d659a2feaa0c55ad015a3bf4f1b", 2, 'g'),
    CHAR("9f86d081884c7d659a2feaa0c55ad015a3bf4f1G", 40, 'G'),
    CHAR("O f86d081884c7d659a2feaa0c55ad015a3bf4f1", 1, 'O'),
    CHAR(LRM "9f86x", 6, 'x'),
    CHAR("sha1:" LRM "9f86x", 11, 'x'),
    CHAR("9:f86d081884c7d659a2feaa0c55ad015a3bf4f1b", 2, ':'),
    CHAR("9 f86d081884c7d659a2feaa0c55ad015a3bf4f1b", 2, ' '),
    CHAR(":9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", 1, ':'),
    CHAR(SHA1 ":", 41, ':'),
    CHAR(SHA1 "-  ", 41, '-'),
    CHAR(SHA1 ".", 41, '.'),
    CHAR("sha1:sha1:" SHA1, 6, 's'),
    CHAR("sha512:" SHA256, 1, 's'),
    CHAR("MD5 Fingerprint=" SHA1, 1, 'M'),
    CHAR("x5t#S256:n4bQgYhMfWWaL.qgxVrQFaO_TxsrC4Is0V1sFbDwCgg", 23, '.'),
    CHAR("x5t#S256:n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg==", 53, '='),
    CHAR("x5t#S256:n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgh", 52, 'h'),
    CHAR("n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgh", 43, 'h'),
    CHAR("n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCg", 1, 'n'),
    CHAR("9f86d081884c7d659a2feaa0c55=", 28, '='),
    CHAR("sha256//n4bQ gYhM", 13, ' '),
    CHAR("Key Id Hash(sha1): " SHA1, 1, 'K'),
    CHAR("(sha1: " SHA1, 1, '('),
    CHAR("sha1x: " SHA1, 1, 's'),
    CHAR("x0" SHA1, 1, 'x'),
    CHAR("9f86\xd0\xa1", 5, 0x421),
    CHAR(NBSP "9f\xe2\x80\x8b" "86", 4, 0x200b),
    CHAR("9f\xf0\x9f\x94\x91", 3, 0x1f511),
    CHAR("9f86\n", 5, '\n'),
    BYTE("9f86\xff", 5, 0xff),
    BYTE("9f86\xe2\x80", 5, 0xe2),
    BYTE("9f86\xe2\x28\xa1", 5, 0xe2),
    BYTE("9f86\xc0\x80", 5, 0xc0),
    BYTE("9f86\xe0\x80\x80", 5, 0xe0),
    BYTE("9f86\xed\xa0\x80", 5, 0xed),
};


static int
test_good(test_t *t, ngx_int_t rc, ngx_clientcert_thumbprint_t *tp)
{
    char    hex[NGX_CLIENTCERT_SHA256_LEN * 2 + 1];
    size_t  i;

    if (rc != NGX_OK) {
        return 0;
    }

    for (i = 0; i < tp->len; i++) {
        sprintf(hex + i * 2, "%02x", tp->digest[i]);
    }

    return tp->len * 2 == strlen(t->hex) && strcmp(hex, t->hex) == 0
           && tp->dropped == t->dropped
           && tp->spaced == (t->of == 's' || t->of == 'b')
           && tp->certificate == (t->of == 'c' || t->of == 'b')
           && tp->key == (t->of == 'k');
}


static int
test_bad(test_t *t, ngx_int_t rc, ngx_clientcert_thumbprint_error_t *err)
{
    if (rc != NGX_ERROR) {
        return 0;
    }

    if (t->column) {
        return err->code == NGX_CLIENTCERT_BAD_CHARACTER
               && err->column == t->column && err->ch == t->ch
               && err->utf8 == (unsigned) t->utf8;
    }

    return err->code == NGX_CLIENTCERT_BAD_LENGTH
           && err->found == t->found && err->digest_len == t->len
           && err->base64 == (unsigned) t->base64;
}


int
main(void)
{
    int                                 ok, failed;
    size_t                              i, n, len;
    u_char                             *copy;
    ngx_int_t                           rc;
    ngx_clientcert_thumbprint_t         tp;
    ngx_clientcert_thumbprint_error_t   err;

    n = sizeof(tests) / sizeof(tests[0]);
    failed = 0;

    printf("1..%zu\n", n);

    for (i = 0; i < n; i++) {

        /* exactly as long as the text, for the sanitizer to see an overrun */

        len = strlen(tests[i].text);
        copy = malloc(len ? len : 1);
        memcpy(copy, tests[i].text, len);

        rc = ngx_clientcert_thumbprint_read(copy, len, &tp, &err);

        free(copy);

        ok = tests[i].hex ? test_good(&tests[i], rc, &tp)
                          : test_bad(&tests[i], rc, &err);

        printf("%sok %zu - thumbprint %zu\n", ok ? "" : "not ", i + 1, i + 1);

        if (!ok) {
            failed = 1;
            fprintf(stderr, "# \"%s\": rc %d, column %u, ch %x, found %zu\n",
                    tests[i].text, (int) rc, (unsigned) err.column,
                    (unsigned) err.ch, err.found);
        }
    }

    return failed;
}
