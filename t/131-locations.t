# Where a policy is in force: inheritance through http, server and locations of
# all kinds (ngx_http_clientcert_merge_loc_conf()), and what becomes of it when
# nginx changes the location in the middle of a request.  Subrequests are the
# matter of t/132.
#
# In most blocks globex tells by its 401 where the policy is, and by its label
# acme tells which.

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 100;

run_tests();

__DATA__

=== TEST 1: from http to all servers and locations
--- http_config
    clientcert_require p;

    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;

        location /a/ {
        }
    }
--- config
    clientcert_require off;
--- user_files
>>> a/x.txt
x
--- request eval
["GET /globex/index.html", "GET /globex/a/x.txt", "GET /acme/a/x.txt", "GET /globex/absent"]
--- error_code eval
[401, 401, 200, 401]



=== TEST 2: each level replaces what is above
--- http_config
    clientcert_policy http { allow verified label=http; }
    clientcert_policy server { allow verified label=server; }
    clientcert_policy location { allow verified label=location; }
    clientcert_policy nested { allow verified label=nested; }

    clientcert_require http;

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name b.test;
        ssl_verify_client optional_no_ca;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name a.test;
        ssl_verify_client optional_no_ca;
        clientcert_require server;

        location /a/ {
            clientcert_require location;

            location /a/b/ {
                clientcert_require nested;

                location /a/b/off/ {
                    clientcert_require off;
                }
            }

            location /a/c/ {
            }
        }
    }
--- config
    clientcert_require off;

    location /b/acme/ {
        proxy_pass https://unix:$TEST_NGINX_HTML_DIR/tls.sock:/;
        proxy_ssl_name b.test;
        proxy_set_header Host b.test;
        proxy_ssl_certificate $TEST_NGINX_CERT_DIR/acme.crt;
        proxy_ssl_certificate_key $TEST_NGINX_CERT_DIR/acme.key;
    }
--- user_files
>>> a/b/off/x.txt
x
>>> a/b/x.txt
x
>>> a/c/x.txt
x
>>> a/x.txt
x
--- request eval
[map { "GET /$_" } qw(b/acme/index.html acme/index.html acme/a/x.txt acme/a/b/x.txt acme/a/c/x.txt acme/a/b/off/x.txt)]
--- response_headers eval
[(map { "X-Label: $_" } qw(http server location nested location)), "!X-Reason"]



=== TEST 3: "off" is inherited too, and can be taken back
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        location /free/ {
            clientcert_require off;

            location /free/inner/ {
            }

            location /free/not/ {
                clientcert_require p;
            }
        }
    }
--- user_files
>>> free/x.txt
x
>>> free/inner/x.txt
x
>>> free/not/x.txt
x
--- request eval
[map { "GET /globex/$_" } qw(index.html free/x.txt free/inner/x.txt free/not/x.txt)]
--- error_code eval
[401, 200, 200, 401]



=== TEST 4: exact, prefix and regular expression
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;

        location = /exact.txt {
            clientcert_require p;
        }

        location /prefix/ {
            clientcert_require p;
        }

        location ^~ /first/ {
        }

        location ~* \.SECRET$ {
            clientcert_require p;
        }
    }
--- user_files
>>> exact.txt
x
>>> prefix/x.txt
x
>>> first/x.secret
x
>>> x.secret
x
>>> prefix/x.secret
x
--- request eval
[map { "GET /globex/$_" } qw(exact.txt exact.txt?a=b prefix/x.txt first/x.secret x.secret prefix/x.secret index.html)]
--- error_code eval
[401, 401, 401, 200, 401, 401, 200]



=== TEST 5: no policy is lost in "if"
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;

        if ($arg_server) {
            set $x 1;
        }

        location /protected/ {
            clientcert_require p;

            if ($arg_a) {
                add_header X-If 1 always;
            }
        }

        location /free/ {
            if ($arg_a) {
                add_header X-If 1 always;
            }
        }
    }
--- user_files
>>> protected/x.txt
x
>>> free/x.txt
x
--- request eval
[map { "GET /$_" } qw(globex/protected/x.txt?a=1 acme/protected/x.txt?a=1 globex/protected/x.txt globex/free/x.txt?a=1 globex/protected/x.txt?server=1)]
--- error_code eval
[401, 200, 401, 200, 401]
--- response_headers eval
["X-If: 1", "X-If: 1", "!X-If", "X-If: 1", "!X-If"]



=== TEST 6: a policy for other methods only
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;

        location / {
            limit_except GET {
                clientcert_require p;
            }

            proxy_pass http://unix:$TEST_NGINX_HTML_DIR/plain.sock:/;
        }
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/plain.sock;
        return 200 "$request_method\n";
    }
--- request eval
["GET /globex/", "POST /globex/\nbody", "POST /acme/\nbody", "DELETE /none/", "PROPFIND /globex/"]
--- error_code eval
[200, 401, 200, 401, 401]



=== TEST 7: a policy outside of limit_except holds inside
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
        allow thumbprint=$TEST_NGINX_RSA_SHA1;
    }

    clientcert_policy write {
        reject 403 "Read only";
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        location / {
            limit_except GET {
                allow unix:;
                deny all;
            }

            proxy_pass http://unix:$TEST_NGINX_HTML_DIR/plain.sock:/;
        }

        location /write/ {
            limit_except GET {
                clientcert_require write;
            }

            proxy_pass http://unix:$TEST_NGINX_HTML_DIR/plain.sock:/;
        }

        location /free/ {
            limit_except GET {
                clientcert_require off;
            }

            proxy_pass http://unix:$TEST_NGINX_HTML_DIR/plain.sock:/;
        }
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/plain.sock;
        return 200 "$request_method\n";
    }
--- request eval
["GET /globex/", "POST /globex/\nx", "POST /rsa/\nx", "GET /rsa/write/", "POST /rsa/write/\nx", "POST /acme/write/\nx", "GET /globex/free/", "POST /globex/free/\nx"]
--- error_code eval
[401, 401, 200, 200, 403, 200, 401, 200]



=== TEST 8: try_files comes after the policy
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;

        location / {
            clientcert_require p;
            try_files $uri /free/x.txt;
        }

        location /free/ {
        }

        location /open/ {
            try_files $uri /protected/x.txt;
        }

        location /protected/ {
            clientcert_require p;
        }

        location /named/ {
            try_files $uri @named;
        }

        location @named {
            clientcert_require p;
            root $TEST_NGINX_HTML_DIR/free;
            rewrite ^ /x.txt break;
        }
    }
--- user_files
>>> free/x.txt
free
>>> protected/x.txt
protected
--- request eval
[map { "GET /$_" } qw(globex/absent acme/absent globex/open/absent acme/open/absent globex/named/absent acme/named/absent)]
--- error_code eval
[401, 200, 401, 200, 401, 200]
--- response_body_like eval
["401", "^free\$", "401", "^protected\$", "401", "^free\$"]



=== TEST 9: rewrite to where a policy is, and away from it
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;

        rewrite ^/server/(.*) /protected/$1;

        location /to/ {
            rewrite ^/to/(.*) /protected/$1 last;
        }

        location /protected/ {
            clientcert_require p;
        }

        location /from/ {
            clientcert_require p;
            rewrite ^/from/(.*) /free/$1 last;
        }

        location /break/ {
            clientcert_require p;
            rewrite ^/break/(.*) /free/$1 break;
        }

        location /free/ {
        }
    }
--- user_files
>>> protected/x.txt
x
>>> free/x.txt
x
--- request eval
[map { "GET /globex/$_/x.txt" } qw(server to protected from break free)]
--- error_code eval
[401, 401, 401, 200, 401, 200]



=== TEST 10: X-Accel-Redirect to where a policy is
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1 label=p;
    }

    clientcert_policy q {
        allow verified label=q;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;

        location /open/ {
            proxy_pass http://unix:$TEST_NGINX_HTML_DIR/plain.sock:/protected/;
        }

        location /q/ {
            clientcert_require q;
            proxy_pass http://unix:$TEST_NGINX_HTML_DIR/plain.sock:/protected/;
        }

        location /protected/ {
            clientcert_require p;
            internal;
        }

        location /to-free/ {
            clientcert_require p;
            proxy_pass http://unix:$TEST_NGINX_HTML_DIR/plain.sock:/free/;
        }

        location /free/ {
            internal;
        }
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/plain.sock;
        add_header X-Accel-Redirect $uri;
        return 204;
    }
--- user_files
>>> protected/x.txt
x
>>> free/x.txt
x
--- request eval
[map { "GET /$_/x.txt" } qw(acme/open globex/open acme/q globex/q acme/to-free globex/to-free acme/protected)]
--- error_code eval
[200, 401, 200, 401, 200, 401, 404]
--- response_headers eval
["X-Label: p", "X-Reason: no_match", "X-Label: p", "X-Reason: no_match", "X-Label: p", "X-Reason: no_match", "!X-Label"]



=== TEST 11: two locations whose error pages lead to each other
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        location /a/ {
            error_page 401 /b/;
        }

        location /b/ {
            error_page 401 @c;
        }

        location @c {
            error_page 401 /a/;
        }

        location /recursive/ {
            recursive_error_pages on;

            location /recursive/a/ {
                error_page 401 /recursive/b/;
            }

            location /recursive/b/ {
                error_page 401 /recursive/a/;
            }
        }
    }
--- request eval
["GET /globex/a/", "GET /globex/b/", "GET /globex/recursive/a/"]
--- error_code eval
[401, 401, 500]
--- response_headers eval
[("X-Reason: no_match") x 3]



=== TEST 12: alias and root
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;

        location /files/ {
            clientcert_require p;
            alias $TEST_NGINX_HTML_DIR/files/;
        }

        location /open/ {
            alias $TEST_NGINX_HTML_DIR/files/;
        }

        location ~ ^/re/(.*)$ {
            clientcert_require p;
            alias $TEST_NGINX_HTML_DIR/files/$1;
        }
    }
--- user_files
>>> files/x.txt
x
--- request eval
[map { "GET /$_/x.txt" } qw(acme/files globex/files globex/open acme/re globex/re)]
--- error_code eval
[200, 401, 200, 200, 401]



=== TEST 13: what the rewrite phase answers was never protected
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        location /return/ {
            return 200 "open\n";
        }
    }
--- request
GET /globex/return/
--- response_headers
!X-Reason
--- response_body
open



=== TEST 14: two servers of one address and their policies
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    clientcert_policy q {
        allow thumbprint=$TEST_NGINX_GLOBEX_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name a.test;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name b.test;
        ssl_verify_client optional_no_ca;
        clientcert_require q;
    }
--- config
    location /b/ {
        proxy_ssl_name b.test;
        proxy_set_header Host b.test;

        location /b/acme/ {
            proxy_pass https://unix:$TEST_NGINX_HTML_DIR/tls.sock:/;
            proxy_ssl_certificate $TEST_NGINX_CERT_DIR/acme.crt;
            proxy_ssl_certificate_key $TEST_NGINX_CERT_DIR/acme.key;
        }

        location /b/globex/ {
            proxy_pass https://unix:$TEST_NGINX_HTML_DIR/tls.sock:/;
            proxy_ssl_certificate $TEST_NGINX_CERT_DIR/globex.crt;
            proxy_ssl_certificate_key $TEST_NGINX_CERT_DIR/globex.key;
        }
    }
--- request eval
["GET /acme/", "GET /globex/", "GET /b/acme/", "GET /b/globex/"]
--- error_code eval
[200, 401, 401, 200]
