# The answer to a refused request: status, reason phrase, and whose page it is
# (ngx_http_clientcert_status(), ngx_http_clientcert_header_filter()). What
# error_page makes of it is in t/123.
#
# nginx's proxy passes the reason phrase on, so it is seen on the status line
# that the test gets.  A connection that stays usable is shown by the plain
# tests, this client has a new one for each request.

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 59;

run_tests();

__DATA__

=== TEST 1: without "reject"
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
["GET /none/", "GET /globex/", "GET /acme/"]
--- error_code eval
[401, 401, 200]
--- raw_response_headers_like eval
["^HTTP/1.1 401 Invalid client certificate\r\n", "^HTTP/1.1 401 Invalid client certificate\r\n", "^HTTP/1.1 200 OK\r\n"]
--- raw_response_headers_unlike eval
[("(?i)WWW-Authenticate") x 3]
--- response_body_like eval
["<h1>401 Authorization Required</h1>", "<h1>401 Authorization Required</h1>", "It works!"]



=== TEST 2: code and phrase of one's own
--- http_config
    clientcert_policy p {
        reject 403 "Certificate isn't \"known\"";
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /globex/
--- error_code: 403
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 403 Certificate isn't "known"\r\n/
--- response_body_like: <h1>403 Forbidden</h1>



=== TEST 3: a code without a phrase has nginx's own
--- http_config
    clientcert_policy p {
        reject 403;
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    clientcert_policy unauthorized {
        reject 401;
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        location /401 {
            clientcert_require unauthorized;
        }
    }
--- request eval
["GET /globex/", "GET /globex/401"]
--- error_code eval
[403, 401]
--- raw_response_headers_like eval
["^HTTP/1.1 403 Forbidden\r\n", "^HTTP/1.1 401 Unauthorized\r\n"]



=== TEST 4: codes from the first to the last, of which nginx knows some
--- http_config
    clientcert_policy p400 { reject 400; }
    clientcert_policy p404 { reject 404; }
    clientcert_policy p418 { reject 418 "I'm a teapot"; }
    clientcert_policy p421 { reject 421; }
    clientcert_policy p451 { reject 451 "Unavailable"; }
    clientcert_policy p498 { reject 498 "Last"; }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        location /400 { clientcert_require p400; }
        location /404 { clientcert_require p404; }
        location /418 { clientcert_require p418; }
        location /421 { clientcert_require p421; }
        location /451 { clientcert_require p451; }
        location /498 { clientcert_require p498; }
    }
--- request eval
[map { "GET /acme/$_" } 400, 404, 418, 421, 451, 498]
--- error_code eval
[400, 404, 418, 421, 451, 498]
--- response_headers eval
[("X-Reason: no_match") x 6]
--- raw_response_headers_like eval
["^HTTP/1.1 400 Bad Request\r\n", "^HTTP/1.1 404 Not Found\r\n", "^HTTP/1.1 418 I'm a teapot\r\n",
 "^HTTP/1.1 421 Misdirected Request\r\n", "^HTTP/1.1 451 Unavailable\r\n", "^HTTP/1.1 498 Last\r\n"]



=== TEST 5: 444 closes the connection without an answer
--- http_config
    clientcert_policy p {
        reject 444;
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /globex/
--- error_code: 502
--- error_log
prematurely closed connection while reading response header from upstream



=== TEST 6: an empty phrase
--- http_config
    clientcert_policy p {
        reject 403 "";
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /globex/
--- error_code: 403
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 403 ?\r\n/



=== TEST 7: a phrase with a tab and UTF-8
--- http_config eval
'
    clientcert_policy p {
        reject 401 "Zert\tung' . "\xc3\xbc" . 'ltig";
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
'
--- request
GET /globex/
--- error_code: 401
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 401 Zert\tung\xc3\xbcltig\r\n/



=== TEST 8: asked by HTTP/1.0
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- config
    proxy_http_version 1.0;
--- request eval
["GET /globex/ HTTP/1.0", "GET /acme/ HTTP/1.0"]
--- error_code eval
[401, 200]
--- raw_response_headers_like eval
["^HTTP/1.1 401 Invalid client certificate\r\n", "^HTTP/1.1 200 OK\r\n"]



=== TEST 9: HEAD gets the same without a body
--- http_config
    clientcert_policy p {
        reject 403 "Go away";
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
HEAD /globex/
--- error_code: 403
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 403 Go away\r\n/
--- response_headers_like
Content-Length: [1-9]\d*
--- response_body



=== TEST 10: a refused POST
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        client_max_body_size 1m;
    }
--- request eval
"POST /globex/\n" . "x" x 200_000
--- error_code: 401
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 401 Invalid client certificate\r\n/
--- response_body_like: <h1>401 Authorization Required</h1>



=== TEST 11: what a request sends can't change the answer's phrase or body
--- http_config
    clientcert_policy p {
        reject 403 "Go $uri %s";
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /globex/%0d%0aX-Injected:yes
--- error_code: 403
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 403 Go \$uri %s\r\n/
--- response_headers
!X-Injected



=== TEST 12: a request at the wrong server gets 421, whatever "reject" says
--- http_config
    clientcert_policy p {
        reject 403 "Go away";
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name a.test;
        ssl_verify_client optional_no_ca;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name b.test;
        ssl_verify_client optional_no_ca;
        ssl_client_certificate $TEST_NGINX_CERT_DIR/ca-b.crt;
        clientcert_require p;
    }
--- config
    proxy_ssl_server_name off;
    proxy_set_header Host b.test;
--- request
GET /acme/
--- error_code: 421
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 421 Misdirected Request\r\n/
