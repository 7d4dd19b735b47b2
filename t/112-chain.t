# What a verified chain is good for, and what an unverified certificate can do:
# ngx_clientcert_policy_judge(), ngx_http_clientcert_trust_chain() and
# src/cert/ngx_clientcert_trust.c.
#
# "foreign" is of a CA that the server doesn't know, "self" of none: with
# "optional_no_ca" nginx lets both pass.

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 85;

run_tests();

__DATA__

=== TEST 1: anybody whom the server's CA knows
--- http_config
    clientcert_policy p {
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
[map { "GET /$_/" } qw(acme rsa foreign self none)]
--- error_code eval
[200, 200, 401, 401, 401]
--- response_headers eval
[map { "X-Reason: $_" } qw(ok ok untrusted untrusted no_certificate)]



=== TEST 2: a pin needs no chain, and lets nobody else in
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_FOREIGN_SHA1 label=foreign;
        allow thumbprint=$TEST_NGINX_SELF_SHA256 label=self;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
[map { "GET /$_/" } qw(foreign self acme odd)]
--- error_code eval
[200, 200, 401, 401]
--- response_headers eval
["X-Label: foreign", "X-Label: self", "X-Reason: no_match", "X-Reason: no_match"]



=== TEST 3: self-signed and not pinned
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_FOREIGN_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /self/
--- error_code: 401
--- response_headers
X-Reason: no_match



=== TEST 4: a pin and a chain
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_FOREIGN_SHA1 verified;
        allow verified thumbprint=$TEST_NGINX_ACME_SHA256;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
[map { "GET /$_/" } qw(acme foreign rsa self)]
--- error_code eval
[200, 401, 401, 401]
--- response_headers eval
[map { "X-Reason: $_" } qw(ok untrusted no_match untrusted)]



=== TEST 5: a pin with "verified" spoils no other pin of the same certificate
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_FOREIGN_SHA1 verified label=verified;
        allow thumbprint=$TEST_NGINX_FOREIGN_SHA1 label=pinned;
        allow thumbprint=$TEST_NGINX_ACME_SHA1 verified label=verified;
        allow thumbprint=$TEST_NGINX_ACME_SHA1 label=pinned;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
["GET /acme/", "GET /foreign/"]
--- response_headers eval
["X-Label: verified", "X-Label: pinned"]



=== TEST 6: "trust chain" wants one of everybody
--- http_config
    clientcert_policy p {
        trust chain;
        allow thumbprint=$TEST_NGINX_FOREIGN_SHA1;
        allow thumbprint=$TEST_NGINX_SELF_SHA1;
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
[map { "GET /$_/" } qw(acme rsa foreign self)]
--- error_code eval
[200, 401, 401, 401]
--- response_headers eval
[map { "X-Reason: $_" } qw(ok no_match untrusted untrusted)]



=== TEST 7: "trust pin" is what counts without "trust"
--- http_config
    clientcert_policy p {
        trust pin;
        allow thumbprint=$TEST_NGINX_FOREIGN_SHA1;
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
[map { "GET /$_/" } qw(acme foreign self)]
--- error_code eval
[200, 200, 401]
--- response_headers eval
[map { "X-Reason: $_" } qw(ok ok untrusted)]



=== TEST 8: an unverified certificate is denied as well
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_FOREIGN_SHA1;
        allow thumbprint=$TEST_NGINX_SELF_SHA1;
        deny thumbprint=$TEST_NGINX_FOREIGN_SHA256;
    }

    clientcert_policy chain {
        trust chain;
        allow verified;
        deny thumbprint=$TEST_NGINX_SELF_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        location /chain {
            clientcert_require chain;
        }
    }
--- request eval
["GET /foreign/", "GET /self/", "GET /self/chain"]
--- error_code eval
[401, 200, 401]
--- response_headers eval
["X-Reason: denied", "X-Reason: ok", "X-Reason: denied"]



=== TEST 9: a chain that the client sends, and one that it leaves out
--- http_config
    clientcert_policy p {
        trust chain;
        allow thumbprint=$TEST_NGINX_INTER_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        ssl_verify_depth 2;
        clientcert_require p;
    }
--- request eval
["GET /inter-chain/", "GET /inter/"]
--- error_code eval
[200, 401]
--- response_headers eval
["X-Reason: ok", "X-Reason: untrusted"]



=== TEST 10: an intermediate CA that the server has
--- http_config
    clientcert_policy p {
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        ssl_verify_depth 2;
        ssl_trusted_certificate $TEST_NGINX_CERT_DIR/int-a.crt;
        clientcert_require p;
    }
--- request eval
["GET /inter/", "GET /acme/"]
--- error_code eval
[200, 200]



=== TEST 11: two CAs, each known to one of two servers
--- http_config
    clientcert_policy p {
        allow verified;
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
        ssl_client_certificate $TEST_NGINX_CERT_DIR/ca-b.crt;
        clientcert_require p;
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

        location /b/foreign/ {
            proxy_pass https://unix:$TEST_NGINX_HTML_DIR/tls.sock:/;
            proxy_ssl_certificate $TEST_NGINX_CERT_DIR/foreign.crt;
            proxy_ssl_certificate_key $TEST_NGINX_CERT_DIR/foreign.key;
        }
    }
--- request eval
["GET /acme/", "GET /foreign/", "GET /b/acme/", "GET /b/foreign/"]
--- error_code eval
[200, 401, 401, 200]
--- response_headers eval
[map { "X-Reason: $_" } qw(ok untrusted untrusted ok)]



=== TEST 12: two CAs, both known to one server
--- http_config
    clientcert_policy p {
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        ssl_trusted_certificate $TEST_NGINX_CERT_DIR/ca-b.crt;
        clientcert_require p;
    }
--- request eval
[map { "GET /$_/" } qw(acme foreign self)]
--- error_code eval
[200, 200, 401]



=== TEST 13: no SNI, so that the default server's CA verified it
--- http_config
    clientcert_policy p {
        allow verified;
        allow thumbprint=$TEST_NGINX_RSA_SHA1;
        deny thumbprint=$TEST_NGINX_GLOBEX_SHA1;
    }

    clientcert_policy chain {
        trust chain;
        allow thumbprint=$TEST_NGINX_RSA_SHA1;
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

        location /chain {
            clientcert_require chain;
        }
    }
--- config
    proxy_ssl_server_name off;
    proxy_set_header Host b.test;
--- request eval
[map { "GET /$_" } qw(acme/ foreign/ rsa/ globex/ none/ rsa/chain)]
--- error_code eval
[421, 421, 200, 401, 401, 421]
--- response_headers eval
[map { "X-Reason: $_" } qw(misdirected misdirected ok denied no_certificate misdirected)]



=== TEST 14: no SNI, but the same trust
--- http_config
    clientcert_policy p {
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
        clientcert_require p;
    }
--- config
    proxy_ssl_server_name off;
    proxy_set_header Host b.test;
--- request eval
["GET /acme/", "GET /foreign/"]
--- error_code eval
[200, 401]
--- response_headers eval
["X-Reason: ok", "X-Reason: untrusted"]
