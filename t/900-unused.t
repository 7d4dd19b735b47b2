# The module is loaded and nothing of it is used: nginx works as without it, and
# its variables are there, but empty.
#
# t/env.pl isn't used here, for it uses the variables.  What a test can't see, the
# price of a request, is measured by bench/.

use File::Spec;
use Test::Nginx::Socket;

plan tests => 17;

$ENV{TEST_NGINX_HTML_DIR} = html_dir();
$ENV{TEST_NGINX_CERT_DIR} ||= File::Spec->rel2abs('build/cert');

run_tests();

__DATA__

=== TEST 1: a page and an error
--- config
--- request eval
["GET /", "GET /absent"]
--- error_code eval
[200, 404]
--- raw_response_headers_like eval
["^HTTP/1.1 200 OK\r\n", "^HTTP/1.1 404 Not Found\r\n"]



=== TEST 2: nothing is said at the start
--- config
    location /x {
        deny all;
    }
--- request
GET /x
--- error_code: 403
--- error_log
access forbidden by rule
--- no_error_log
[warn]
[emerg]
clientcert



=== TEST 3: nginx's own phrases
--- config
    location /401 {
        auth_basic "closed site";
        auth_basic_user_file $TEST_NGINX_HTML_DIR/passwords;
    }
--- user_files
>>> passwords
tick:{PLAIN}tock
--- request
GET /401
--- error_code: 401
--- raw_response_headers_like eval
qr/^HTTP\/1\.1 401 Unauthorized\r\n/



=== TEST 4: variables without a policy and without TLS
--- config
    location /x {
        return 200 "<$clientcert_result$clientcert_reason$clientcert_label$clientcert_policy$clientcert_sha1$clientcert_sha256$clientcert_x5t_s256>\n";
    }
--- request
GET /x
--- response_body
<>



=== TEST 5: "off" without any policy
--- config
    clientcert_require off;
--- request
GET /
--- no_error_log
[warn]



=== TEST 6: a client certificate, which is nobody's business but nginx's
--- http_config
    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_certificate $TEST_NGINX_CERT_DIR/server.crt;
        ssl_certificate_key $TEST_NGINX_CERT_DIR/server.key;
        ssl_client_certificate $TEST_NGINX_CERT_DIR/ca-a.crt;
        ssl_verify_client on;
        return 200 "$ssl_client_verify $ssl_client_s_dn\n";
    }
--- config
    location /x {
        proxy_pass https://unix:$TEST_NGINX_HTML_DIR/tls.sock;
        proxy_ssl_certificate $TEST_NGINX_CERT_DIR/acme.crt;
        proxy_ssl_certificate_key $TEST_NGINX_CERT_DIR/acme.key;
    }
--- request
GET /x
--- response_body
SUCCESS CN=acme,O=Example
