# The directives clientcert_status and clientcert_status_zone: what is wrong
# with them, and to whom the status is served.

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 2 * blocks() + 11;

run_tests();

__DATA__

=== TEST 1: a zone that is too small for what it keeps
--- http_config
    clientcert_status_zone size=256k;
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*a size of 256k is too small for "refused=64", it must be at least \d+k in \S+nginx\.conf:\d+$/



=== TEST 2: no size
--- http_config
    clientcert_status_zone size=many;
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid size "many", it must be at least \d+k in \S+nginx\.conf:\d+$/



=== TEST 3: less than any zone has
--- http_config
    clientcert_status_zone size=63k refused=off;
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid size "63k", it must be at least 64k in \S+nginx\.conf:\d+$/



=== TEST 4: fewer refused certificates than make sense
--- http_config
    clientcert_status_zone refused=7;
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid number "7" in "refused", it must be from 8 to 1024, or "off" in \S+nginx\.conf:\d+$/



=== TEST 5: no number of them
--- http_config
    clientcert_status_zone refused=;
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid number "" in "refused", it must be from 8 to 1024, or "off" in \S+nginx\.conf:\d+$/



=== TEST 6: an unknown parameter of the zone
--- http_config
    clientcert_status_zone 1m;
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid parameter "1m" in \S+nginx\.conf:\d+$/



=== TEST 7: two zones
--- http_config
    clientcert_status_zone;
    clientcert_status_zone;
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"clientcert_status_zone" directive is duplicate in \S+nginx\.conf:\d+$/



=== TEST 8: an unknown format
--- config
    location /status {
        clientcert_status xml;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid parameter "xml" in \S+nginx\.conf:\d+$/



=== TEST 9: an upload without a store
--- config
    location /status {
        clientcert_status json upload=/certs/;
    }
--- must_die: 1
--- error_log eval
qr{\[emerg\] .*invalid upload "/certs/", it must be a store and a path as in "name:/path/" in \S+nginx\.conf:\d+$}



=== TEST 10: an upload to what is no folder
--- config
    location /status {
        clientcert_status json upload=a:/certs;
    }
--- must_die: 1
--- error_log eval
qr{\[emerg\] .*invalid upload "a:/certs", it must be a store and a path as in "name:/path/" in \S+nginx\.conf:\d+$}



=== TEST 11: an upload to a store that isn't there
--- config
    location /status {
        clientcert_status json upload=a:/certs/;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*unknown store "a" in \S+nginx\.conf:\d+$/



=== TEST 12: an upload to a list
--- user_files
>>> list
--- http_config
    clientcert_store a list=$TEST_NGINX_HTML_DIR/list;
    clientcert_policy p { allow store=a; }
--- config
    location /status {
        clientcert_status json upload=a:/certs/;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*store "a" of "upload" in \S+nginx\.conf:\d+ is no directory$/



=== TEST 13: metrics have no page
--- config
    location /status {
        clientcert_status prometheus upload=a:/certs/;
    }
--- must_die: 1
--- error_log eval
qr{\[emerg\] .*invalid parameter "upload=a:/certs/" in \S+nginx\.conf:\d+$}



=== TEST 14: two at a location
--- config
    location /status {
        clientcert_status prometheus;
        clientcert_status prometheus;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"clientcert_status" directive is duplicate in \S+nginx\.conf:\d+$/



=== TEST 15: more series than a request may write
--- config
    location /status {
        clientcert_status prometheus max=5001;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid number "5001" in "max", it must be from 1 to 5000 in \S+nginx\.conf:\d+$/



=== TEST 16: a policy in dry run guards nothing
--- http_config
    clientcert_policy p {
        dry_run on;
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        location = /status {
            clientcert_status prometheus;
        }
    }
--- request
GET /acme/status
--- error_code: 200
--- error_log eval
qr/\[warn\] .*"clientcert_status" in \S+nginx\.conf:\d+ is only served to local clients, since policy "p" is in "dry_run"/
--- no_error_log
[alert]



=== TEST 17: served to those that the policy lets in, and to nobody else
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    set_real_ip_from unix:;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        location = /status {
            clientcert_status prometheus;
        }
    }
--- request eval
["GET /acme/status", "GET /globex/status"]
--- error_code eval
[200, 401]
--- response_body_like eval
[qr/^nginx_clientcert_decisions_total\{policy="p",reason="ok"\} 1$/m,
 qr/401/]



=== TEST 18: local is who connects, not who it is said to be
--- http_config
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
--- config
    location = /status {
        clientcert_status prometheus;
    }
--- request eval
["GET /status", "GET /status"]
--- more_headers eval
["X-Real-IP: 192.0.2.1", "X-Other: 192.0.2.1"]
--- error_code eval
[200, 200]



=== TEST 19: GET and HEAD, nothing else
--- config
    location = /status {
        clientcert_status prometheus;
    }
--- request eval
["HEAD /status", "POST /status\nx", "DELETE /status", "OPTIONS /status",
 "PUT /status\nx"]
--- error_code eval
[200, 405, 405, 405, 405]
--- response_headers_like eval
["Cache-Control: no-store", "Allow: GET, HEAD", "Allow: GET, HEAD",
 "Allow: GET, HEAD", "Allow: GET, HEAD"]
