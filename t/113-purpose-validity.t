# What the module checks itself, whatever nginx and OpenSSL think of a chain: the
# purpose of a certificate and its validity.
#
# OpenSSL reports one error only. Where the CA is known it is the one of purpose
# or time, and nginx answers 400; where it isn't, nginx under "optional_no_ca"
# lets a certificate of the wrong purpose pass. A wrong time is never let pass,
# so that it takes "error_page 495" to see the module's own check. "purpose any"
# with "ca" on one connection is in t/420.

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 79;

run_tests();

__DATA__

=== TEST 1: no extended key usage is any use
--- http_config
    clientcert_policy p {
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /noeku/
--- response_headers
X-Reason: ok



=== TEST 2: other purposes, which nginx lets pass when it doesn't know the CA
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_SERVERAUTH_SHA1;
        allow thumbprint=$TEST_NGINX_ANYEKU_SHA1;
        allow thumbprint=$TEST_NGINX_KEYENC_SHA1;
        allow thumbprint=$TEST_NGINX_NOEKU_SHA1;
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        ssl_client_certificate $TEST_NGINX_CERT_DIR/ca-b.crt;
        clientcert_require p;
    }
--- request eval
[map { "GET /$_/" } qw(serverauth anyeku keyenc noeku acme)]
--- error_code eval
[401, 401, 401, 200, 200]
--- response_headers eval
[map { "X-Reason: $_" } qw(wrong_purpose wrong_purpose wrong_purpose ok ok)]



=== TEST 3: a server's certificate of an unknown CA
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_SERVERAUTH_FOREIGN_SHA256;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /serverauth-foreign/
--- error_code: 401
--- response_headers
X-Reason: wrong_purpose



=== TEST 4: other purposes where the CA is known
--- http_config
    clientcert_policy p {
        allow verified;
        allow thumbprint=$TEST_NGINX_SERVERAUTH_SHA1;
        allow thumbprint=$TEST_NGINX_ANYEKU_SHA1;
        allow thumbprint=$TEST_NGINX_KEYENC_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        error_page 495 = @refused;

        location @refused {
            clientcert_require p;
        }
    }
--- request eval
[map { "GET /$_/" } qw(serverauth anyeku keyenc)]
--- error_code eval
[401, 401, 401]
--- response_headers eval
[("X-Reason: wrong_purpose") x 3]



=== TEST 5: the certificates of a server and of a CA are no client's
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_CA_A_SHA1;
        allow thumbprint=$TEST_NGINX_SERVER_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        ssl_client_certificate $TEST_NGINX_CERT_DIR/ca-b.crt;
        clientcert_require p;

        error_page 495 = @refused;

        location @refused {
            clientcert_require p;
        }
    }
--- request eval
["GET /server/", "GET /ca-a/"]
--- error_code eval
[401, 401]
--- response_headers eval
["X-Reason: wrong_purpose", "X-Reason: wrong_purpose"]



=== TEST 6: a denied certificate is denied, whatever its purpose
--- http_config
    clientcert_policy p {
        allow verified;
        deny thumbprint=$TEST_NGINX_SERVERAUTH_FOREIGN_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /serverauth-foreign/
--- error_code: 401
--- response_headers
X-Reason: denied



=== TEST 7: too late and too early, though pinned
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_EXPIRED_SHA1;
        allow thumbprint=$TEST_NGINX_NOTYET_SHA256;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        error_page 495 = @again;

        location @again {
            clientcert_require p;
        }
    }
--- request eval
["GET /expired/", "GET /notyet/"]
--- error_code eval
[401, 401]
--- response_headers eval
["X-Reason: expired", "X-Reason: not_yet_valid"]



=== TEST 8: "validity on" is the same
--- http_config
    clientcert_policy p {
        validity on;
        allow thumbprint=$TEST_NGINX_EXPIRED_SHA1;
        allow thumbprint=$TEST_NGINX_ACME_SHA256;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        error_page 495 = @again;

        location @again {
            clientcert_require p;
        }
    }
--- request eval
["GET /expired/", "GET /acme/"]
--- error_code eval
[401, 200]
--- response_headers eval
["X-Reason: expired", "X-Reason: ok"]



=== TEST 9: "validity off" leaves the time to nginx, and a pin lets it in
--- http_config
    clientcert_policy p {
        validity off;
        allow thumbprint=$TEST_NGINX_EXPIRED_SHA1 label=late;
        allow thumbprint=$TEST_NGINX_NOTYET_SHA256 label=early;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        error_page 495 = @again;

        location @again {
            clientcert_require p;
        }
    }
--- request eval
[map { "GET /$_/index.html" } qw(expired notyet acme)]
--- error_code eval
[200, 200, 401]
--- response_headers eval
["X-Label: late", "X-Label: early", "X-Reason: no_match"]



=== TEST 10: "validity off" makes no verified chain of it
--- http_config
    clientcert_policy p {
        validity off;
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        error_page 495 = @again;

        location @again {
            clientcert_require p;
        }
    }
--- request eval
["GET /expired/", "GET /notyet/", "GET /acme/"]
--- error_code eval
[401, 401, 200]
--- response_headers eval
[map { "X-Reason: $_" } qw(untrusted untrusted ok)]



=== TEST 11: "validity off" doesn't lift the check of the purpose
--- http_config
    clientcert_policy p {
        validity off;
        allow thumbprint=$TEST_NGINX_SERVERAUTH_FOREIGN_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /serverauth-foreign/
--- error_code: 401
--- response_headers
X-Reason: wrong_purpose



=== TEST 12: "purpose any" takes what is pinned
--- http_config
    clientcert_policy p {
        purpose any;
        allow thumbprint=$TEST_NGINX_SERVERAUTH_SHA256;
        allow thumbprint=$TEST_NGINX_ANYEKU_SHA256;
        allow thumbprint=$TEST_NGINX_KEYENC_SHA256;
        allow thumbprint=$TEST_NGINX_NOEKU_SHA256;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_client_certificate "";
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
[map { "GET /$_/index.html" } qw(serverauth anyeku keyenc noeku acme)]
--- error_code eval
[200, 200, 200, 200, 401]
--- response_headers eval
[map { "X-Reason: $_" } qw(ok ok ok ok no_match)]
--- no_error_log
[warn]



=== TEST 13: and what a CA of its own has issued
--- http_config
    clientcert_policy p {
        purpose any;
        allow ca=$TEST_NGINX_CERT_DIR/ca-b.crt;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_client_certificate "";
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
[map { "GET /$_/index.html" } qw(serverauth-foreign foreign serverauth)]
--- error_code eval
[200, 200, 401]
--- response_headers eval
[map { "X-Reason: $_" } qw(ok ok untrusted)]



=== TEST 14: but not on the word of the certificate
--- http_config
    clientcert_policy p {
        purpose any;
        allow cn=serverauth-foreign;
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_client_certificate "";
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /serverauth-foreign/
--- error_code: 401
--- response_headers
X-Reason: untrusted



=== TEST 15: a deny and the validity count all the same
--- http_config
    clientcert_policy p {
        purpose any;
        deny thumbprint=$TEST_NGINX_SERVERAUTH_SHA1;
        allow ca=$TEST_NGINX_CERT_DIR/ca-a.crt;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_client_certificate "";
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        error_page 495 = @again;

        location @again {
            clientcert_require p;
        }
    }
--- request eval
["GET /serverauth/", "GET /expired/"]
--- error_code eval
[401, 401]
--- response_headers eval
["X-Reason: denied", "X-Reason: expired"]



=== TEST 16: nginx refuses it where it knows the CA, or hands it to the policy
--- http_config
    clientcert_policy p {
        purpose any;
        allow thumbprint=$TEST_NGINX_SERVERAUTH_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/again.sock ssl;
        ssl_verify_client on;
        error_page 495 = @again;

        location @again {
            clientcert_require p;
            try_files /index.html =404;
        }
    }
--- config
    location /again {
        proxy_pass https://unix:$TEST_NGINX_HTML_DIR/again.sock:/;
        proxy_ssl_certificate $TEST_NGINX_CERT_DIR/serverauth.crt;
        proxy_ssl_certificate_key $TEST_NGINX_CERT_DIR/serverauth.key;
    }
--- request eval
["GET /serverauth/", "GET /again"]
--- error_code eval
[400, 200]



=== TEST 17: "purpose client" is the same as none
--- http_config
    clientcert_policy p {
        purpose client;
        allow thumbprint=$TEST_NGINX_SERVERAUTH_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_client_certificate "";
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /serverauth/
--- error_code: 401
--- response_headers
X-Reason: wrong_purpose
