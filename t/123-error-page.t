# error_page of a refused request: it makes an internal redirect, in which the
# access phase runs again and the request's contexts are gone
# (ngx_http_clientcert_verdict(), ngx_http_clientcert_header_filter()).

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 65;

run_tests();

__DATA__

=== TEST 1: a page of one's own, which everyone may see
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        error_page 401 /refused.html;

        location = /refused.html {
            clientcert_require off;
        }
    }
--- user_files
>>> refused.html
my page
--- request eval
["GET /globex/x", "GET /none/refused.html"]
--- error_code eval
[401, 200]
--- response_headers eval
["X-Reason: no_match", "!X-Reason"]
--- raw_response_headers_like eval
["^HTTP/1.1 401 Invalid client certificate\r\n", "^HTTP/1.1 200 OK\r\n"]
--- response_body eval
["my page\n", "my page\n"]



=== TEST 2: a page that the same policy refuses too
--- http_config
    clientcert_policy p {
        reject 403 "Go away";
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        error_page 403 /refused.html;
    }
--- user_files
>>> refused.html
my page
--- request
GET /globex/x
--- error_code: 403
--- response_headers
X-Reason: no_match
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 403 Go away\r\n/
--- response_body_like: <h1>403 Forbidden</h1>



=== TEST 3: the same with recursive error pages doesn't go round for ever
--- http_config
    clientcert_policy p {
        reject 403 "Go away";
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        recursive_error_pages on;
        error_page 403 /refused.html;
    }
--- user_files
>>> refused.html
my page
--- request
GET /globex/x
--- error_code: 500
--- error_log
rewrite or internal redirection cycle
--- response_body_unlike: my page



=== TEST 4: another code takes nginx's own phrase
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        error_page 401 =404 /refused.html;

        location = /refused.html {
            clientcert_require off;
        }
    }
--- user_files
>>> refused.html
my page
--- request
GET /globex/x
--- error_code: 404
--- response_headers
X-Reason: no_match
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 404 Not Found\r\n/
--- response_body
my page



=== TEST 5: 200 instead, with the verdict still known
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        error_page 401 =200 /refused.html;

        location = /refused.html {
            clientcert_require off;
        }
    }
--- user_files
>>> refused.html
my page
--- request
GET /globex/x
--- response_headers
X-Reason: no_match
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 200 OK\r\n/
--- response_body
my page



=== TEST 6: to where another policy allows it
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    clientcert_policy any {
        allow verified label=any;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        error_page 401 /refused.html;

        location = /refused.html {
            clientcert_require any;
        }
    }
--- user_files
>>> refused.html
my page
--- request eval
["GET /globex/x", "GET /foreign/x"]
--- error_code eval
[401, 401]
--- response_headers eval
["X-Label: any", "X-Reason: untrusted"]
--- response_body_like eval
["^my page\$", "<h1>401 Authorization Required</h1>"]



=== TEST 7: to where another policy refuses it in its own way
--- http_config
    clientcert_policy p {
        reject 401 "First";
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    clientcert_policy q {
        reject 403 "Second";
        allow verified;
        deny thumbprint=$TEST_NGINX_GLOBEX_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        error_page 401 /refused.html;

        location = /refused.html {
            clientcert_require q;
        }
    }
--- user_files
>>> refused.html
my page
--- request
GET /globex/x
--- error_code: 403
--- response_headers
X-Reason: denied
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 403 Second\r\n/
--- response_body_like: <h1>403 Forbidden</h1>



=== TEST 8: a named location, which keeps the request's URI
--- http_config
    clientcert_policy p {
        reject 403 "Go away";
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        error_page 403 @refused;

        location @refused {
            clientcert_require off;
            root $TEST_NGINX_HTML_DIR/refused;
        }
    }
--- user_files
>>> x.txt
the secret
>>> refused/x.txt
nothing
--- request eval
["GET /globex/x.txt", "GET /acme/x.txt"]
--- error_code eval
[403, 200]
--- raw_response_headers_like eval
["^HTTP/1.1 403 Go away\r\n", "^HTTP/1.1 200 OK\r\n"]
--- response_body eval
["nothing\n", "the secret\n"]



=== TEST 9: a named location inherits the policy and refuses too
--- http_config
    clientcert_policy p {
        reject 403 "Go away";
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        error_page 403 @refused;

        location @refused {
        }
    }
--- user_files
>>> x.txt
the secret
--- request
GET /globex/x.txt
--- error_code: 403
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 403 Go away\r\n/
--- response_body_like: <h1>403 Forbidden</h1>



=== TEST 10: a redirect to elsewhere
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        error_page 401 http://a.test/login;
    }
--- request
GET /globex/x
--- error_code: 302
--- response_headers
X-Reason: no_match
Location: http://a.test/login
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 302 /



=== TEST 11: the phrase is no other error's, though it be of the same code
--- http_config
    clientcert_policy p {
        reject 404 "Who are you";
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
["GET /acme/absent", "GET /foreign/absent"]
--- error_code eval
[404, 404]
--- raw_response_headers_like eval
["^HTTP/1.1 404 Not Found\r\n", "^HTTP/1.1 404 Who are you\r\n"]



=== TEST 12: nor that of another server's answer
--- http_config
    clientcert_policy p {
        reject 403 "Go away";
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        location / {
            proxy_pass http://unix:$TEST_NGINX_HTML_DIR/plain.sock:/;
        }
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/plain.sock;
        return 403 "theirs\n";
    }
--- request
GET /acme/
--- error_code: 403
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 403 Forbidden\r\n/
--- response_body
theirs



=== TEST 13: an error page of proxy_intercept_errors isn't the policy's either
--- http_config
    clientcert_policy p {
        reject 403 "Go away";
        allow verified;
    }

    clientcert_policy trial {
        reject 403 "Go away";
        allow thumbprint=$TEST_NGINX_GLOBEX_SHA1;
        dry_run on;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        proxy_intercept_errors on;
        error_page 403 /page.html;

        location / {
            clientcert_require p;
            proxy_pass http://unix:$TEST_NGINX_HTML_DIR/plain.sock:/;
        }

        location /trial {
            clientcert_require trial;
            proxy_pass http://unix:$TEST_NGINX_HTML_DIR/plain.sock:/;
        }

        location = /page.html {
        }
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/plain.sock;
        return 403 "theirs\n";
    }
--- user_files
>>> page.html
my page
--- request eval
["GET /acme/", "GET /acme/trial"]
--- error_code eval
[403, 403]
--- response_headers eval
["X-Reason: ok", "X-Reason: no_match"]
--- raw_response_headers_like eval
["^HTTP/1.1 403 Forbidden\r\n", "^HTTP/1.1 403 Forbidden\r\n"]
--- response_body eval
["my page\n", "my page\n"]



=== TEST 14: an error page by another server has that one's phrase
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        error_page 401 = @refused;

        location @refused {
            clientcert_require off;
            proxy_pass http://unix:$TEST_NGINX_HTML_DIR/plain.sock;
        }
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/plain.sock;
        return 401 "theirs\n";
    }
--- request
GET /globex/x
--- error_code: 401
--- response_headers
X-Reason: no_match
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 401 Unauthorized\r\n/
--- response_body
theirs
