# The policy among nginx's other access modules: "satisfy all" needs every one of
# them, "satisfy any" one, and takes 401 and 403 for "not by me".
#
# tick's password is "tock" (user:{PLAIN}password).  The clients are on a unix
# socket, which "allow unix:" names.

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 77;

run_tests();

__DATA__

=== TEST 1: all: certificate and password
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        auth_basic "closed site";
        auth_basic_user_file $TEST_NGINX_HTML_DIR/passwords;
    }
--- user_files
>>> passwords
tick:{PLAIN}tock
--- request eval
[("GET /acme/index.html") x 2, ("GET /globex/index.html") x 2]
--- more_headers eval
["Authorization: Basic dGljazp0b2Nr", "X-No: password", "Authorization: Basic dGljazp0b2Nr", "X-No: password"]
--- error_code eval
[200, 401, 401, 401]
--- raw_response_headers_like eval
["^HTTP/1.1 200 OK\r\n",
 "^HTTP/1.1 401 Unauthorized\r\n.*WWW-Authenticate: Basic realm=\"closed site\"\r\n",
 "^HTTP/1.1 401 Invalid client certificate\r\n", "^HTTP/1.1 401 Invalid client certificate\r\n"]
--- response_headers eval
["X-Reason: ok", "X-Reason: ok", "X-Reason: no_match\n!WWW-Authenticate", "X-Reason: no_match\n!WWW-Authenticate"]



=== TEST 2: all: certificate and address
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        location /in {
            allow unix:;
            deny all;
        }

        location /out {
            deny all;
        }
    }
--- user_files
>>> in.txt
in
>>> out.txt
out
--- request eval
[map { "GET /$_" } qw(acme/in.txt acme/out.txt globex/in.txt globex/out.txt)]
--- error_code eval
[200, 403, 401, 401]



=== TEST 3: any: certificate or password
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        satisfy any;
        auth_basic "closed site";
        auth_basic_user_file $TEST_NGINX_HTML_DIR/passwords;
    }
--- user_files
>>> passwords
tick:{PLAIN}tock
--- request eval
[("GET /acme/index.html") x 2, ("GET /globex/index.html") x 2, ("GET /none/index.html") x 2]
--- more_headers eval
[("Authorization: Basic dGljazp0b2Nr", "X-No: password") x 3]
--- error_code eval
[200, 200, 200, 401, 200, 401]
--- response_headers eval
["X-Reason: ok", "X-Reason: ok", "X-Reason: no_match", "X-Reason: no_match\nWWW-Authenticate: Basic realm=\"closed site\"",
 "X-Reason: no_certificate", "X-Reason: no_certificate\nWWW-Authenticate: Basic realm=\"closed site\""]



=== TEST 4: any: certificate or address
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        satisfy any;

        location /in {
            allow unix:;
            deny all;
        }

        location /out {
            deny all;
        }
    }
--- user_files
>>> in.txt
in
>>> out.txt
out
--- request eval
[map { "GET /$_" } qw(acme/in.txt acme/out.txt globex/in.txt globex/out.txt)]
--- error_code eval
[200, 200, 200, 401]
--- raw_response_headers_like eval
[("^HTTP/1.1 200 OK\r\n") x 3, "^HTTP/1.1 401 Invalid client certificate\r\n"]



=== TEST 5: any: with a policy that rejects by 403
--- http_config
    clientcert_policy p {
        reject 403 "Go away";
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        satisfy any;

        location /in {
            allow unix:;
            deny all;
        }

        location /out {
            deny all;
        }
    }
--- user_files
>>> in.txt
in
>>> out.txt
out
--- request eval
[map { "GET /$_" } qw(acme/out.txt globex/in.txt globex/out.txt)]
--- error_code eval
[200, 200, 403]



=== TEST 6: any: any other code is final
--- http_config
    clientcert_policy p {
        reject 404 "Nothing here";
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        satisfy any;
        allow all;
    }
--- request eval
["GET /acme/index.html", "GET /globex/index.html"]
--- error_code eval
[200, 404]
--- raw_response_headers_like eval
["^HTTP/1.1 200 OK\r\n", "^HTTP/1.1 404 Nothing here\r\n"]



=== TEST 7: any: so is a request at the wrong server
--- http_config
    clientcert_policy p {
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name b.test;
        ssl_verify_client optional_no_ca;
        ssl_client_certificate $TEST_NGINX_CERT_DIR/ca-b.crt;
        clientcert_require p;
        satisfy any;
        allow all;
    }
--- config
    proxy_ssl_server_name off;
    proxy_set_header Host b.test;
--- request
GET /acme/index.html
--- error_code: 421
--- response_headers
X-Reason: misdirected



=== TEST 8: any: with nothing else to satisfy
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        satisfy any;
    }
--- request eval
["GET /acme/index.html", "GET /globex/index.html"]
--- error_code eval
[200, 401]
--- raw_response_headers_like eval
["^HTTP/1.1 200 OK\r\n", "^HTTP/1.1 401 Invalid client certificate\r\n"]



=== TEST 9: any: a dry run opens nothing
--- http_config
    clientcert_policy p {
        dry_run on;
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        satisfy any;
        auth_basic "closed site";
        auth_basic_user_file $TEST_NGINX_HTML_DIR/passwords;
    }
--- user_files
>>> passwords
tick:{PLAIN}tock
--- request eval
[("GET /acme/index.html") x 2, ("GET /globex/index.html") x 2]
--- more_headers eval
[("Authorization: Basic dGljazp0b2Nr", "X-No: password") x 2]
--- error_code eval
[200, 401, 200, 401]
--- response_headers eval
["X-Reason: ok", "X-Reason: ok", "X-Reason: no_match", "X-Reason: no_match"]
--- raw_response_headers_like eval
["^HTTP/1.1 200 OK\r\n", "^HTTP/1.1 401 Unauthorized\r\n", "^HTTP/1.1 200 OK\r\n", "^HTTP/1.1 401 Unauthorized\r\n"]



=== TEST 10: all: a dry run closes nothing and opens nothing
--- http_config
    clientcert_policy p {
        dry_run on;
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        location /in {
            allow unix:;
            deny all;
        }

        location /out {
            deny all;
        }
    }
--- user_files
>>> in.txt
in
>>> out.txt
out
--- request eval
[map { "GET /$_" } qw(acme/in.txt acme/out.txt globex/in.txt globex/out.txt)]
--- error_code eval
[200, 403, 200, 403]



=== TEST 11: any: "off" leaves it to the others
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        satisfy any;

        location /out {
            clientcert_require off;
            deny all;
        }
    }
--- user_files
>>> out.txt
out
--- request
GET /acme/out.txt
--- error_code: 403
--- response_headers
!X-Reason



=== TEST 12: any: two reasons to let in are no worse than one
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        satisfy any;
        allow unix:;
        deny all;
        auth_basic "closed site";
        auth_basic_user_file $TEST_NGINX_HTML_DIR/passwords;
    }
--- user_files
>>> passwords
tick:{PLAIN}tock
--- request eval
["GET /acme/index.html", "GET /globex/index.html"]
--- error_code eval
[200, 200]



=== TEST 13: any: the phrase is not put on another module's 403
--- http_config
    clientcert_policy p {
        reject 403 "Go away";
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        satisfy any;
        allow all;
    }
--- user_files
>>> dir/x.txt
x
--- request eval
["GET /acme/dir/", "GET /globex/dir/"]
--- error_code eval
[403, 403]
--- raw_response_headers_like eval
["^HTTP/1.1 403 Forbidden\r\n", "^HTTP/1.1 403 Forbidden\r\n"]
