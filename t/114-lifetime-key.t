# How long a certificate may be valid, "max_lifetime", which is asked right after
# its purpose.  All certificates here are valid for 400 days.

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 12;

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
qr/\[error\] .* client certificate rejected by policy "p": lifetime, sha1=$ENV{TEST_NGINX_ACME_SHA1} .* it is valid for longer than "max_lifetime"/



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
