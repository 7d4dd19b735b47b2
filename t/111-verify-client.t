# Who answers a client with a wrong certificate: nginx itself with its 400, before
# any phase, or the policy. That depends on "ssl_verify_client"; "error_page
# 495 496" makes it the policy in each case.
#
# The policy pins certificates that nginx refuses too, so that a 400 can't be
# the policy's opinion.

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 122;

run_tests();

__DATA__

=== TEST 1: on
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
        allow thumbprint=$TEST_NGINX_FOREIGN_SHA1;
        allow thumbprint=$TEST_NGINX_EXPIRED_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client on;
        clientcert_require p;
    }
--- request eval
[map { "GET /$_/" } qw(acme globex foreign self expired notyet none)]
--- error_code eval
[200, 401, 400, 400, 400, 400, 400]
--- response_headers eval
["X-Reason: ok", "X-Reason: no_match", ("!X-Reason") x 5]
--- response_body_like eval
["It works!", "<h1>401 Authorization Required</h1>", ("The SSL certificate error") x 4,
 "No required SSL certificate was sent"]



=== TEST 2: optional
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
        allow thumbprint=$TEST_NGINX_FOREIGN_SHA1;
        allow thumbprint=$TEST_NGINX_EXPIRED_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional;
        clientcert_require p;
    }
--- request eval
[map { "GET /$_/" } qw(acme globex foreign self expired notyet none)]
--- error_code eval
[200, 401, 400, 400, 400, 400, 401]
--- response_headers eval
["X-Reason: ok", "X-Reason: no_match", ("!X-Reason") x 4, "X-Reason: no_certificate"]
--- response_body_like eval
["It works!", "<h1>401 Authorization Required</h1>", ("The SSL certificate error") x 4,
 "<h1>401 Authorization Required</h1>"]



=== TEST 3: optional_no_ca
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
        allow thumbprint=$TEST_NGINX_FOREIGN_SHA1;
        allow thumbprint=$TEST_NGINX_EXPIRED_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
[map { "GET /$_/" } qw(acme globex foreign self expired notyet none)]
--- error_code eval
[200, 401, 200, 401, 400, 400, 401]
--- response_headers eval
["X-Reason: ok", "X-Reason: no_match", "X-Reason: ok", "X-Reason: no_match",
 ("!X-Reason") x 2, "X-Reason: no_certificate"]



=== TEST 4: off, so that nobody is asked for a certificate
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        clientcert_require p;
    }
--- request eval
[map { "GET /$_/" } qw(acme foreign expired none)]
--- error_code eval
[401, 401, 401, 401]
--- response_headers eval
[("X-Reason: no_certificate") x 4]



=== TEST 5: on, with the uniform answer
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
        allow thumbprint=$TEST_NGINX_EXPIRED_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client on;
        clientcert_require p;

        error_page 495 496 = @refused;

        location @refused {
            clientcert_require p;
        }
    }
--- request eval
[map { "GET /$_/" } qw(acme globex foreign self expired notyet none)]
--- error_code eval
[200, 401, 401, 401, 401, 401, 401]
--- response_headers eval
[map { "X-Reason: $_" } qw(ok no_match no_match no_match expired not_yet_valid no_certificate)]
--- raw_response_headers_like eval
["^HTTP/1.1 200 OK\r\n", ("^HTTP/1.1 401 Invalid client certificate\r\n") x 6]



=== TEST 6: optional_no_ca, with the uniform answer
--- http_config
    clientcert_policy p {
        reject 403 "Go away";
        allow verified;
        allow thumbprint=$TEST_NGINX_NOTYET_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;

        error_page 495 496 = @refused;

        location / {
            clientcert_require p;
        }

        location @refused {
            clientcert_require p;
        }
    }
--- request eval
[map { "GET /$_/" } qw(acme foreign expired notyet none)]
--- error_code eval
[200, 403, 403, 403, 403]
--- response_headers eval
[map { "X-Reason: $_" } qw(ok untrusted expired not_yet_valid no_certificate)]
--- raw_response_headers_like eval
["^HTTP/1.1 200 OK\r\n", ("^HTTP/1.1 403 Go away\r\n") x 4]



=== TEST 7: the uniform answer for a path that needs no certificate
--- http_config
    clientcert_policy p {
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional;
        clientcert_require p;

        error_page 495 496 = @refused;

        location @refused {
            clientcert_require p;
        }

        location /free {
            clientcert_require off;
        }
    }
--- user_files
>>> free.txt
free
--- request eval
[map { "GET /$_/free.txt" } qw(acme none expired)]
--- error_code eval
[200, 200, 401]
--- response_headers eval
["!X-Reason", "!X-Reason", "X-Reason: expired"]



=== TEST 8: where the policy is asked a pin suffices
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_FOREIGN_SHA1 label=pinned;
        allow verified label=verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client on;
        clientcert_require p;

        error_page 495 496 = @again;

        location @again {
            clientcert_require p;
        }
    }
--- request eval
["GET /acme/index.html", "GET /foreign/index.html", "GET /self/index.html"]
--- error_code eval
[200, 200, 401]
--- response_headers eval
["X-Label: verified", "X-Label: pinned", "X-Reason: untrusted"]



=== TEST 9: unless the policy wants a chain
--- http_config
    clientcert_policy p {
        trust chain;
        allow thumbprint=$TEST_NGINX_FOREIGN_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client on;
        clientcert_require p;

        error_page 495 496 = @again;

        location @again {
            clientcert_require p;
        }
    }
--- request
GET /foreign/index.html
--- error_code: 401
--- response_headers
X-Reason: untrusted



=== TEST 10: a revoked certificate is not verified
--- http_config
    clientcert_policy p {
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        ssl_crl $TEST_NGINX_CERT_DIR/crl-a-globex.pem;
        clientcert_require p;

        error_page 495 496 = @again;

        location @again {
            clientcert_require p;
        }
    }
--- request eval
["GET /acme/", "GET /globex/"]
--- error_code eval
[200, 401]
--- response_headers eval
["X-Reason: ok", "X-Reason: untrusted"]



=== TEST 11: revoked, but pinned: "deny all" keeps it out
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_GLOBEX_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        ssl_crl $TEST_NGINX_CERT_DIR/crl-a-globex.pem;
        clientcert_require p;

        error_page 495 496 = @refused;

        location @refused {
            clientcert_require p;
            deny all;
        }
    }
--- request eval
["GET /globex/", "GET /expired/"]
--- error_code eval
[403, 401]
--- response_headers eval
["X-Reason: ok", "X-Reason: expired"]
