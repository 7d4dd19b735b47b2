# The line in the error log that tells an operator who was refused and why, in one
# order, by facts alone: ngx_http_clientcert_log(). Its parts are the matter of
# t/124, what a "ca" lacked is that of t/420.
#
# Requests are for a file, as "/" would make an internal redirect and so a second
# decision.

use Test::Nginx::Socket;

require './t/env.pl';

# a verdict's debug line goes to the same log and would match some patterns
log_level('info');

plan tests => 49;

run_tests();

__DATA__

=== TEST 1: unknown certificate
--- http_config
    clientcert_policy partners {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require partners;
    }
--- request
GET /globex/index.html
--- error_code: 401
--- error_log eval
qr/\[error\] .*: \*\d+ client certificate rejected by policy "partners": no_match, sha1=$ENV{TEST_NGINX_GLOBEX_SHA1} sha256=$ENV{TEST_NGINX_GLOBEX_SHA256} subject="CN=globex,O=Example" san="" serial=0x[0-9a-f]{2,40} issuer="CN=ca-a,O=Example" verify="SUCCESS", client: /



=== TEST 2: one line for one refused request
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /globex/index.html
--- error_code: 401
--- grep_error_log eval
qr/client certificate rejected by policy "p": \w+/
--- grep_error_log_out
client certificate rejected by policy "p": no_match



=== TEST 3: nothing is said of an allowed one
--- http_config
    clientcert_policy p {
        log_level info;
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /acme/index.html
--- no_error_log
client certificate
[error]



=== TEST 4: no certificate
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /none/index.html
--- error_code: 401
--- error_log eval
qr/\[error\] .* client certificate rejected by policy "p": no_certificate, client: /
--- no_error_log
sha1=
subject=



=== TEST 5: no TLS
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/plain.sock;
        clientcert_require p;
    }
--- request
GET /plain/index.html
--- error_code: 401
--- error_log eval
qr/\[error\] .* client certificate rejected by policy "p": no_tls, client: /
--- no_error_log
sha1=



=== TEST 6: no chain, where a rule wants one
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
GET /foreign/index.html
--- error_code: 401
--- error_log eval
qr/\[error\] .* client certificate rejected by policy "p": untrusted, sha1=$ENV{TEST_NGINX_FOREIGN_SHA1} sha256=$ENV{TEST_NGINX_FOREIGN_SHA256} subject="CN=foreign,O=Example" san="" serial=0x[0-9a-f]+ issuer="CN=ca-b,O=Example" verify="FAILED:[^"]+", client: /



=== TEST 7: no chain, where the policy wants one
--- http_config
    clientcert_policy p {
        trust chain;
        allow thumbprint=$TEST_NGINX_SELF_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /self/index.html
--- error_code: 401
--- error_log eval
qr/\[error\] .* client certificate rejected by policy "p": untrusted, sha1=$ENV{TEST_NGINX_SELF_SHA1} .* verify="FAILED:self.signed certificate", client: /



=== TEST 8: verified by another server
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
    }
--- config
    proxy_ssl_server_name off;
    proxy_set_header Host b.test;
--- request
GET /acme/index.html
--- error_code: 421
--- error_log eval
qr/\[error\] .* client certificate rejected by policy "p": misdirected, sha1=$ENV{TEST_NGINX_ACME_SHA1} .* verify="SUCCESS", the chain was shown to another server, client: /



=== TEST 9: expired
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_EXPIRED_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        error_page 495 = @refused;

        location @refused {
            clientcert_require p;
        }
    }
--- request
GET /expired/index.html
--- error_code: 401
--- error_log eval
qr/\[error\] .* client certificate rejected by policy "p": expired, sha1=$ENV{TEST_NGINX_EXPIRED_SHA1} .* verify="FAILED:certificate has expired", notAfter=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ[^,]*, client: /



=== TEST 10: not valid yet
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_NOTYET_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        error_page 495 = @refused;

        location @refused {
            clientcert_require p;
        }
    }
--- request
GET /notyet/index.html
--- error_code: 401
--- error_log eval
qr/\[error\] .* client certificate rejected by policy "p": not_yet_valid, sha1=$ENV{TEST_NGINX_NOTYET_SHA1} .* verify="FAILED:certificate is not yet valid", notBefore=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ[^,]*, client: /



=== TEST 11: made for something else
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_SERVERAUTH_FOREIGN_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /serverauth-foreign/index.html
--- error_code: 401
--- error_log eval
qr/\[error\] .* client certificate rejected by policy "p": wrong_purpose, sha1=$ENV{TEST_NGINX_SERVERAUTH_FOREIGN_SHA1} .* verify="FAILED:[^"]+", client: /



=== TEST 12: denied
--- http_config
    clientcert_policy p {
        allow verified;
        deny thumbprint=$TEST_NGINX_GLOBEX_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /globex/index.html
--- error_code: 401
--- error_log eval
qr/\[error\] .* client certificate rejected by policy "p": denied, sha1=$ENV{TEST_NGINX_GLOBEX_SHA1} .* verify="SUCCESS", "deny" in \S+nginx\.conf:\d+, client: /



=== TEST 13: on the level that the policy sets
--- http_config
    clientcert_policy p {
        log_level warn;
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /globex/index.html
--- error_code: 401
--- error_log eval
qr/\[warn\] .* client certificate rejected by policy "p": no_match, /
--- no_error_log
[error]



=== TEST 14: notice and info
--- http_config
    clientcert_policy notice {
        log_level notice;
        allow verified;
        deny verified thumbprint=$TEST_NGINX_GLOBEX_SHA1;
    }

    clientcert_policy info {
        log_level info;
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require notice;
        error_page 401 /page/;

        location /page/ {
            clientcert_require info;
        }
    }
--- request
GET /globex/index.html
--- error_code: 401
--- error_log eval
[
qr/\[notice\] .* client certificate rejected by policy "notice": denied, /,
qr/\[info\] .* client certificate rejected by policy "info": no_match, /
]
--- no_error_log
[error]



=== TEST 15: a level that the log doesn't take
--- log_level: warn
--- http_config
    clientcert_policy p {
        log_level notice;
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /globex/index.html
--- error_code: 401
--- no_error_log
client certificate



=== TEST 16: under "satisfy any" it is only information
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        satisfy any;
        allow all;
    }
--- request
GET /globex/index.html
--- error_log eval
qr/\[info\] .* client certificate rejected by policy "p": no_match, /
--- no_error_log
[error]



=== TEST 17: a dry run says what would have been
--- http_config
    clientcert_policy p {
        dry_run on;
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /globex/index.html
--- error_log eval
qr/\[error\] .* client certificate would be rejected by policy "p": no_match, sha1=$ENV{TEST_NGINX_GLOBEX_SHA1} /
--- no_error_log
certificate rejected



=== TEST 18: a subject with all that needs escaping
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /odd/index.html
--- error_code: 401
--- error_log
subject="CN=J\xC3\xB6rg \x5C\x22Q\x5C\x22\x5C, a\x5C\x5Cb\x08c\x0AX-Injected: yes,O=Example" san=
--- no_error_log eval
[qr/^X-Injected/, qr/[\x00-\x09\x0b-\x1f\x7f-\xff]/]



=== TEST 19: a subject longer than anyone would read
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /long/index.html
--- error_code: 401
--- error_log eval
qr/ subject="[^"]{253}\.\.\." san="" serial=0x[0-9a-f]+ issuer="CN=ca-b,O=Example" verify="FAILED:.*", client: .*, request: "GET \/index\.html /
