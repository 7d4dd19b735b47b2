# How long a certificate may be valid, "max_lifetime", and how short its key may
# be, "min_key": what is asked right after its purpose.
#
# All certificates here are valid for 400 days.  The key of "rsa" has 2048 bits,
# those of the others are of EC with 256.

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 30;

run_tests();

__DATA__

=== TEST 1: as long as it may be, and a second longer
--- http_config
    clientcert_policy day {
        max_lifetime 400d;
        allow verified;
    }

    clientcert_policy second {
        max_lifetime "399d 23h 59m 59s";
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client on;

        location / {
            clientcert_require day;
        }

        location /second {
            clientcert_require second;
        }
    }
--- request eval
["GET /acme/index.html", "GET /acme/second"]
--- error_code eval
[200, 401]
--- response_headers eval
["X-Reason: ok", "X-Reason: lifetime"]



=== TEST 2: the line about it
--- http_config
    clientcert_policy p {
        max_lifetime 398d;
        allow thumbprint=$TEST_NGINX_ACME_SHA256;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client on;
        clientcert_require p;
    }
--- request
GET /acme/
--- error_code: 401
--- error_log eval
qr/\[error\] .* client certificate rejected by policy "p": lifetime, sha1=$ENV{TEST_NGINX_ACME_SHA1} .* verify="SUCCESS", notBefore=\S+Z notAfter=\S+Z, client: /



=== TEST 3: a denied certificate is denied, and one for servers is that
--- http_config
    clientcert_policy p {
        max_lifetime 1h;
        deny thumbprint=$TEST_NGINX_ACME_SHA1;
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
["GET /acme/", "GET /serverauth-foreign/", "GET /globex/"]
--- error_code eval
[401, 401, 401]
--- response_headers eval
["X-Reason: denied", "X-Reason: wrong_purpose", "X-Reason: lifetime"]



=== TEST 4: as many bits as there must be, and one less
--- http_config
    clientcert_policy enough {
        min_key rsa=2048 ec=256;
        allow verified;
    }

    clientcert_policy short {
        min_key ec=257 rsa=2049;
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client on;

        location / {
            clientcert_require enough;
        }

        location /short {
            clientcert_require short;
        }
    }
--- request eval
["GET /acme/index.html", "GET /rsa/index.html", "GET /acme/short", "GET /rsa/short"]
--- error_code eval
[200, 200, 401, 401]
--- response_headers eval
[map { "X-Reason: $_" } qw(ok ok weak_key weak_key)]



=== TEST 5: an algorithm of which nothing is said
--- http_config
    clientcert_policy rsa {
        min_key rsa=16384;
        allow verified;
    }

    clientcert_policy ec {
        min_key ec=571;
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client on;

        location / {
            clientcert_require rsa;
        }

        location /ec {
            clientcert_require ec;
        }
    }
--- request eval
["GET /acme/index.html", "GET /rsa/", "GET /acme/ec"]
--- error_code eval
[200, 401, 401]
--- response_headers eval
["X-Reason: ok", "X-Reason: weak_key", "X-Reason: weak_key"]



=== TEST 6: a lifetime comes first
--- http_config
    clientcert_policy p {
        min_key rsa=3072;
        max_lifetime 1d;
        allow thumbprint=$TEST_NGINX_RSA_SHA256;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client on;
        clientcert_require p;
    }
--- request
GET /rsa/
--- error_code: 401
--- response_headers
X-Reason: lifetime



=== TEST 7: the line about a key
--- http_config
    clientcert_policy p {
        min_key rsa=3072;
        allow thumbprint=$TEST_NGINX_RSA_SHA256;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client on;
        clientcert_require p;
    }
--- request
GET /rsa/
--- error_code: 401
--- error_log eval
qr/\[error\] .* client certificate rejected by policy "p": weak_key, sha1=$ENV{TEST_NGINX_RSA_SHA1} .* verify="SUCCESS", a key of 2048 bits, client: /
