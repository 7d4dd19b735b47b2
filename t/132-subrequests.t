# nginx skips the access phase of a subrequest. So a policy stands in front of
# the main request only, and what that fetches from other locations isn't asked
# for the client's certificate again.

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 40;

run_tests();

__DATA__

=== TEST 1: SSI: the page is protected, and its parts with it
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        ssi on;
        ssi_types text/plain;

        location /part/ {
            clientcert_require off;
        }
    }
--- user_files
>>> page.txt
page <!--# include virtual="/part/x.txt" -->
>>> part/x.txt
part
--- request eval
["GET /acme/page.txt", "GET /globex/page.txt", "GET /globex/part/x.txt"]
--- error_code eval
[200, 401, 200]
--- response_body_like eval
["^page part\n\n\$", "401", "^part\n\$"]



=== TEST 2: SSI: an open page shows protected parts
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        ssi on;
        ssi_types text/plain;

        location /part/ {
            clientcert_require p;
        }
    }
--- user_files
>>> page.txt
page <!--# include virtual="/part/x.txt" -->
>>> part/x.txt
part
--- request eval
["GET /globex/page.txt", "GET /globex/part/x.txt"]
--- error_code eval
[200, 401]
--- response_headers eval
["!X-Reason", "X-Reason: no_match"]
--- response_body_like eval
["^page part\n\n\$", "401"]



=== TEST 3: auth_request: the main request is checked
--- skip_eval: 8: `$NginxBinary -V 2>&1` !~ /http_auth_request_module/
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        location /yes/ {
            auth_request /auth/204;
        }

        location /no/ {
            auth_request /auth/403;
        }

        location /auth/204 {
            return 204;
        }

        location /auth/403 {
            return 403;
        }
    }
--- user_files
>>> yes/x.txt
x
>>> no/x.txt
x
--- request eval
[map { "GET /$_/x.txt" } qw(acme/yes acme/no globex/yes globex/no)]
--- error_code eval
[200, 403, 401, 401]
--- response_headers eval
[map { "X-Reason: $_" } qw(ok ok no_match no_match)]



=== TEST 4: auth_request: the location that it asks isn't
--- skip_eval: 4: `$NginxBinary -V 2>&1` !~ /http_auth_request_module/
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;

        location /open/ {
            auth_request /auth/ok.txt;
        }

        location /auth/ {
            clientcert_require p;
        }
    }
--- user_files
>>> open/x.txt
x
>>> auth/ok.txt
ok
--- request eval
["GET /globex/open/x.txt", "GET /globex/auth/ok.txt"]
--- error_code eval
[200, 401]
--- response_headers eval
["!X-Reason", "X-Reason: no_match"]



=== TEST 5: auth_request can read the verdict of the main request, if it comes after
--- skip_eval: 6: `$NginxBinary -V 2>&1` !~ /http_auth_request_module/
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1 label=acme;
        allow thumbprint=$TEST_NGINX_RSA_SHA1 label=rsa;
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        location / {
            auth_request /auth;
        }

        location /auth {
            proxy_set_header X-Who $clientcert_label;
            proxy_pass http://unix:$TEST_NGINX_HTML_DIR/plain.sock;
        }
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/plain.sock;

        if ($http_x_who = acme) {
            return 204;
        }

        return 403;
    }
--- request eval
["GET /acme/index.html", "GET /rsa/index.html", "GET /globex/index.html"]
--- error_code eval
[200, 403, 403]
--- response_headers eval
["X-Label: acme", "X-Label: rsa", "X-Reason: ok"]



=== TEST 6: mirror: a copy is made of what is allowed, whatever its location says
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    clientcert_policy nobody {
        allow thumbprint=$TEST_NGINX_SELF_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        location / {
            mirror /copy;
        }

        location = /copy {
            internal;
            clientcert_require nobody;
            proxy_pass http://unix:$TEST_NGINX_HTML_DIR/plain.sock:/copy-of$request_uri;
        }
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/plain.sock;
    }
--- request
GET /acme/index.html
--- response_headers
X-Reason: ok
--- error_log
html/copy-of/index.html" failed (2: No such file or directory)
--- no_error_log
rejected by policy



=== TEST 7: mirror: none is made of what is refused
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        location / {
            mirror /copy;
        }

        location = /copy {
            internal;
            clientcert_require off;
            proxy_pass http://unix:$TEST_NGINX_HTML_DIR/plain.sock:/copy-of$request_uri;
        }
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/plain.sock;
    }
--- request
GET /globex/index.html
--- error_code: 401
--- error_log
rejected by policy "p": no_match
--- no_error_log
copy-of



=== TEST 8: a refused page may have an error page with parts
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        error_page 401 /refused/page.txt;
        ssi on;
        ssi_types text/plain;

        location /refused/ {
            clientcert_require off;
        }
    }
--- user_files
>>> refused/page.txt
<!--# echo var="clientcert_reason" -->: <!--# include virtual="/refused/part.txt" -->
>>> refused/part.txt
part of <!--# echo var="clientcert_policy" -->
--- request
GET /globex/index.html
--- error_code: 401
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 401 Invalid client certificate\r\n/
--- response_body eval
"no_match: part of p\n\n"
