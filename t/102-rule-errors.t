# Wrong "allow" and "deny" lines: conditions, labels and thumbprints
# (src/policy/ngx_clientcert_policy_conf.c). What thumbprints may look like is
# the matter of t/001; here are the kinds of its errors, with the text around them.

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 2 * blocks();

run_tests();

__DATA__

=== TEST 1: a condition that no one knows
--- http_config
    clientcert_policy p {
        allow thumbprnt=$TEST_NGINX_ACME_SHA1;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*unknown condition "thumbprnt=[0-9a-f]{40}" in "allow" in \S+nginx\.conf:\d+$/



=== TEST 2: a known condition with more behind it
--- http_config
    clientcert_policy p {
        allow verified=yes;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*unknown condition "verified=yes" in "allow" in \S+nginx\.conf:\d+$/



=== TEST 3: a known condition without its value
--- http_config
    clientcert_policy p {
        deny thumbprint;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*unknown condition "thumbprint" in "deny" in \S+nginx\.conf:\d+$/



=== TEST 4: conditions are spelt in lower case
--- http_config
    clientcert_policy p {
        allow Verified;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*unknown condition "Verified" in "allow" in \S+nginx\.conf:\d+$/



=== TEST 5: allow with nothing
--- http_config
    clientcert_policy p {
        allow;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid number of arguments in "allow" directive in \S+nginx\.conf:\d+$/



=== TEST 6: deny with nothing
--- http_config
    clientcert_policy p {
        deny;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid number of arguments in "deny" directive in \S+nginx\.conf:\d+$/



=== TEST 7: a label is no condition
--- http_config
    clientcert_policy p {
        allow label=acme;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"allow" must have a condition in \S+nginx\.conf:\d+$/



=== TEST 8: deny gives no label
--- http_config
    clientcert_policy p {
        deny verified label=acme;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*unknown condition "label=acme" in "deny" in \S+nginx\.conf:\d+$/



=== TEST 9: two labels
--- http_config
    clientcert_policy p {
        allow verified label=a label=b;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*duplicate "label" in \S+nginx\.conf:\d+$/



=== TEST 10: an empty label
--- http_config
    clientcert_policy p {
        allow verified label=;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*empty "label" in \S+nginx\.conf:\d+$/



=== TEST 11: a control character in a label
--- http_config eval
qq{
    clientcert_policy p {
        allow verified "label=ac\tme";
    }
}
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*control character 0x09 at byte 3 of "label" in \S+nginx\.conf:\d+$/



=== TEST 12: the control character that comes after all others
--- http_config eval
qq{
    clientcert_policy p {
        allow verified label=acme\x7f;
    }
}
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*control character 0x7F at byte 5 of "label" in \S+nginx\.conf:\d+$/



=== TEST 13: an empty thumbprint
--- http_config
    clientcert_policy p {
        allow thumbprint=;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid thumbprint "": 0 hexadecimal digits found, but SHA-1 has 40 of them and SHA-256 has 64 in \S+nginx\.conf:\d+$/



=== TEST 14: a character that is no hexadecimal digit
--- http_config
    clientcert_policy p {
        allow thumbprint=0123456789abcdefg123456789abcdef01234567;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid thumbprint "0123456789abcdefg\S+": unexpected character "g" at column 17 in \S+nginx\.conf:\d+$/



=== TEST 15: a Cyrillic letter that looks like C
--- http_config eval
qq{
    clientcert_policy p {
        allow thumbprint=01:23:\xd0\xa14:56:789abcdef0123456789abcdef01234567;
    }
}
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*unexpected character U\+0421 at column 7 in \S+nginx\.conf:\d+$/



=== TEST 16: a byte that isn't UTF-8
--- http_config eval
qq{
    clientcert_policy p {
        allow thumbprint=01\xff3456789abcdef0123456789abcdef01234567;
    }
}
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*unexpected byte 0xFF at column 3 in \S+nginx\.conf:\d+$/



=== TEST 17: one digit less than SHA-1
--- http_config
    clientcert_policy p {
        allow thumbprint=0123456789abcdef0123456789abcdef0123456;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid thumbprint "[0-9a-f]+": 39 hexadecimal digits found, but SHA-1 has 40 of them and SHA-256 has 64 in \S+nginx\.conf:\d+$/



=== TEST 18: one digit more than SHA-256
--- http_config
    clientcert_policy p {
        deny thumbprint=0$TEST_NGINX_ACME_SHA256;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid thumbprint "[0-9a-f]+": 65 hexadecimal digits found, but SHA-1 has 40 of them and SHA-256 has 64 in \S+nginx\.conf:\d+$/



=== TEST 19: MD5 has no place here
--- http_config
    clientcert_policy p {
        allow thumbprint=0123456789abcdef0123456789abcdef;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*32 hexadecimal digits found, but SHA-1 has 40 of them and SHA-256 has 64 in \S+nginx\.conf:\d+$/



=== TEST 20: SHA-1 in front of a SHA-256
--- http_config
    clientcert_policy p {
        allow thumbprint=sha1:$TEST_NGINX_ACME_SHA256;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid thumbprint "sha1:[0-9a-f]+": 64 hexadecimal digits found, but SHA-1 has 40 of them in \S+nginx\.conf:\d+$/



=== TEST 21: SHA-256 in front of a SHA-1
--- http_config
    clientcert_policy p {
        allow "thumbprint=sha256 Fingerprint=$TEST_NGINX_ACME_SHA1";
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid thumbprint "sha256 Fingerprint=[0-9a-f]+": 40 hexadecimal digits found, but SHA-256 has 64 of them in \S+nginx\.conf:\d+$/



=== TEST 22: base64url that is cut off
--- http_config
    clientcert_policy p {
        allow thumbprint=x5t#S256:AAAA;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid thumbprint "x5t#S256:AAAA": 4 base64 characters found, but SHA-256 has 43 of them in \S+nginx\.conf:\d+$/



=== TEST 23: a wrong thumbprint next to a right one
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1 thumbprint=xyz;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid thumbprint "xyz": unexpected character "x" at column 1 in \S+nginx\.conf:\d+$/



=== TEST 24: a deny that can never match, two keys
--- http_config
    clientcert_policy p {
        allow verified;
        deny spki=$TEST_NGINX_ACME_SHA256 spki=$TEST_NGINX_RSA_SHA256;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"deny" can never match, a certificate has one spki in \S+nginx\.conf:\d+$/



=== TEST 25: a deny that can never match, two serial numbers
--- http_config
    clientcert_policy p {
        allow verified;
        deny serial=1 serial=2;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"deny" can never match, a certificate has one serial in \S+nginx\.conf:\d+$/



=== TEST 26: a deny that can never match, two thumbprints
--- http_config
    clientcert_policy p {
        allow verified;
        deny thumbprint=$TEST_NGINX_ACME_SHA1 thumbprint=$TEST_NGINX_RSA_SHA1;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"deny" can never match, a certificate has one thumbprint of a kind in \S+nginx\.conf:\d+$/



=== TEST 27: a deny that can never match, two names, neither in the other order
--- http_config
    clientcert_policy p {
        allow verified;
        deny subject=CN=a,O=b subject=CN=c,O=d;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"deny" can never match, a certificate has one subject in \S+nginx\.conf:\d+$/



=== TEST 28: a denied issuer whose certificate isn't there
--- http_config
    include $TEST_NGINX_HTML_DIR/policy.conf;
--- user_files
>>> policy.conf
clientcert_policy p {
    allow verified;
    deny issuer_thumbprint=$TEST_NGINX_ACME_SHA1;
}
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*the issuer that "deny issuer_thumbprint=" in \S+policy\.conf:3 names is neither in a file of "ca=" nor among the CAs of a server, use "deny ca="/



=== TEST 29: a denied issuer in a variable
--- http_config
    clientcert_policy p {
        allow verified;
        deny issuer_thumbprint=$arg_x;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid issuer_thumbprint "\$arg_x": in a "deny" it takes no variables, the certificate must be known when nginx starts in \S+nginx\.conf:\d+$/



=== TEST 30: a label that isn't UTF-8
--- http_config eval
qq{
    clientcert_policy p {
        allow verified label=caf\xe9;
    }
}
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*0xE9 at byte 4 of "label" isn't UTF-8, or begins what controls how text is shown in \S+nginx\.conf:\d+$/



=== TEST 31: a label that is shown from right to left
--- http_config eval
qq{
    clientcert_policy p {
        allow verified label=\xe2\x80\xaeacme;
    }
}
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*0xE2 at byte 1 of "label" isn't UTF-8, or begins what controls how text is shown in \S+nginx\.conf:\d+$/



=== TEST 32: the digest of a key as that of a certificate
--- http_config
    clientcert_policy p {
        allow thumbprint=sha256//$TEST_NGINX_ACME_X5T=;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid thumbprint "sha256\/\/\S+": it is the digest of a key, which "spki=" takes in \S+nginx\.conf:\d+$/



=== TEST 33: the digest of a certificate as that of a key
--- http_config
    clientcert_policy p {
        allow "spki=sha256 Fingerprint=$TEST_NGINX_ACME_SHA256";
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid spki "sha256 Fingerprint=\S+": it is the digest of a certificate, which "thumbprint=" takes in \S+nginx\.conf:\d+$/



=== TEST 34: SHA-1 of a key
--- http_config
    clientcert_policy p {
        allow spki=$TEST_NGINX_ACME_SHA1;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid spki "\S+": it is SHA-1, but the digest of a key is SHA-256, 64 hexadecimal digits or 43 characters of base64 in \S+nginx\.conf:\d+$/



=== TEST 35: hexadecimal that is cut off is no base64
--- http_config
    clientcert_policy p {
        allow thumbprint=0123456789abcdef0123456789abcdef0123456789a;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid thumbprint "\w+": 43 hexadecimal digits found, but SHA-1 has 40 of them and SHA-256 has 64 in \S+nginx\.conf:\d+$/



=== TEST 36: base64 of another length
--- http_config
    clientcert_policy p {
        allow thumbprint=x5t:$TEST_NGINX_ACME_X5T;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid thumbprint "x5t:\S+": 43 base64 characters found, but SHA-1 has 27 of them in \S+nginx\.conf:\d+$/



=== TEST 37: a thumbprint with blanks, without quotes
--- http_config
    clientcert_policy p {
        allow thumbprint=sha256 Fingerprint=5B:C1:A0 label=acme;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid thumbprint "sha256": 0 hexadecimal digits found, but SHA-256 has 64 of them, what has blanks needs quotes around all of it in \S+nginx\.conf:\d+$/



=== TEST 38: a name with blanks, without quotes
--- http_config
    clientcert_policy p {
        allow o=Acme Ltd;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*unknown condition "Ltd" in "allow", what has blanks needs quotes around all of it in \S+nginx\.conf:\d+$/
