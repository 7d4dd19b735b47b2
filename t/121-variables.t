# The variables (src/http/ngx_http_clientcert_variables.c): what they hold, and when.
# The verdict is that of the main request, known from the access phase on and
# through internal redirects to the log phase; what is known of the certificate
# needs no policy.

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 76;

run_tests();

__DATA__

=== TEST 1: allowed, refused, and free
--- http_config
    clientcert_policy partners {
        allow thumbprint=$TEST_NGINX_ACME_SHA1 "label=A C M E";
        allow thumbprint=$TEST_NGINX_RSA_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require partners;

        add_header X-Verdict "$clientcert_result,$clientcert_reason,$clientcert_label,$clientcert_policy" always;

        location /free {
            clientcert_require off;
        }
    }
--- user_files
>>> free.txt
free
--- request eval
[map { "GET /$_" } qw(acme/ rsa/ globex/ none/ acme/free.txt none/free.txt)]
--- error_code eval
[200, 200, 401, 401, 200, 200]
--- response_headers eval
["X-Verdict: allow,ok,A C M E,partners", "X-Verdict: allow,ok,,partners",
 "X-Verdict: deny,no_match,,partners", "X-Verdict: deny,no_certificate,,partners",
 "X-Verdict: ,,,", "X-Verdict: ,,,"]



=== TEST 2: the certificate's digests, with or without a policy
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;

        add_header X-SHA1 $clientcert_sha1 always;
        add_header X-SHA256 $clientcert_sha256 always;
        add_header X-X5T $clientcert_x5t_s256 always;

        location / {
            clientcert_require p;
        }

        location /free {
        }
    }
--- user_files
>>> free.txt
free
--- request eval
[map { "GET /$_" } qw(acme/ globex/ foreign/free.txt)]
--- error_code eval
[200, 401, 200]
--- response_headers eval
[map { "X-SHA1: $ENV{qq(TEST_NGINX_${_}_SHA1)}\nX-SHA256: $ENV{qq(TEST_NGINX_${_}_SHA256)}\nX-X5T: $ENV{qq(TEST_NGINX_${_}_X5T)}" } qw(ACME GLOBEX FOREIGN)]



=== TEST 3: no certificate, no TLS
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        listen unix:$TEST_NGINX_HTML_DIR/plain.sock;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        add_header X-Verdict "$clientcert_result,$clientcert_reason,$clientcert_label,$clientcert_policy" always;
        add_header X-Digests "$clientcert_sha1,$clientcert_sha256,$clientcert_x5t_s256" always;

        location /free {
            clientcert_require off;
        }
    }
--- user_files
>>> free.txt
free
--- request eval
[map { "GET /$_" } qw(none/ plain/ none/free.txt plain/free.txt)]
--- error_code eval
[401, 401, 200, 200]
--- response_headers eval
["X-Verdict: deny,no_certificate,,p\nX-Digests: ,,", "X-Verdict: deny,no_tls,,p\nX-Digests: ,,",
 "X-Verdict: ,,,\nX-Digests: ,,", "X-Verdict: ,,,\nX-Digests: ,,"]



=== TEST 4: nginx's own fingerprint is the same
--- http_config
    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        return 200 "$ssl_client_fingerprint\n$clientcert_sha1\n";
    }
--- request
GET /rsa/
--- response_body
$TEST_NGINX_RSA_SHA1
$TEST_NGINX_RSA_SHA1



=== TEST 5: in the access log
--- http_config
    log_format verdict "<$uri,$status,$clientcert_result,$clientcert_reason,$clientcert_label,$clientcert_policy,$clientcert_sha1>";

    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1 label=acme;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        access_log $TEST_NGINX_SERVER_ROOT/logs/access.log verdict;
    }
--- request
GET /acme/index.html
--- access_log eval
"</index.html,200,allow,ok,acme,p,$ENV{TEST_NGINX_ACME_SHA1}>"



=== TEST 6: in the access log, "-" for what isn't there
--- http_config
    log_format verdict "<$uri,$status,$clientcert_result,$clientcert_reason,$clientcert_label,$clientcert_policy,$clientcert_sha1,$clientcert_sha256,$clientcert_x5t_s256>";

    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        access_log $TEST_NGINX_SERVER_ROOT/logs/access.log verdict;
    }
--- request
GET /none/index.html
--- access_log
</index.html,200,-,-,-,-,-,-,->



=== TEST 7: in the access log, "-" for the label of a rule without one
--- http_config
    log_format verdict "<$uri,$status,$clientcert_result,$clientcert_label>";

    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        access_log $TEST_NGINX_SERVER_ROOT/logs/access.log verdict;
    }
--- request
GET /acme/index.html
--- access_log
</index.html,200,allow,->



=== TEST 8: in the access log after error_page to where no policy is
--- http_config
    log_format verdict "<$uri,$status,$clientcert_result,$clientcert_reason,$clientcert_policy,$clientcert_sha1>";

    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        error_page 401 /refused.html;
        access_log $TEST_NGINX_SERVER_ROOT/logs/access.log verdict;

        location = /refused.html {
            clientcert_require off;
        }
    }
--- user_files
>>> refused.html
my page
--- request
GET /globex/x
--- error_code: 401
--- access_log eval
"</refused.html,401,deny,no_match,p,$ENV{TEST_NGINX_GLOBEX_SHA1}>"



=== TEST 9: in the access log after error_page to a named location
--- http_config
    log_format verdict "<$uri,$status,$clientcert_result,$clientcert_reason,$clientcert_policy>";

    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        error_page 401 = @refused;
        access_log $TEST_NGINX_SERVER_ROOT/logs/access.log verdict;

        location @refused {
            clientcert_require off;
            return 418;
        }
    }
--- request
GET /globex/x
--- error_code: 418
--- access_log
</x,418,deny,no_match,p>



=== TEST 10: in the access log after other internal redirects
--- http_config
    log_format verdict "<$uri,$status,$clientcert_result,$clientcert_reason,$clientcert_label,$clientcert_policy>";

    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1 label=acme;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        access_log $TEST_NGINX_SERVER_ROOT/logs/access.log verdict;

        location / {
            clientcert_require p;
            try_files $uri /free/x.txt;
        }

        location /free {
        }
    }
--- user_files
>>> free/x.txt
free
--- request
GET /acme/absent
--- access_log
</free/x.txt,200,allow,ok,acme,p>
--- response_body
free



=== TEST 11: the last policy's verdict, where there were two
--- http_config
    log_format verdict "<$uri,$status,$clientcert_result,$clientcert_label,$clientcert_policy>";

    clientcert_policy first {
        allow thumbprint=$TEST_NGINX_ACME_SHA1 label=one;
    }

    clientcert_policy second {
        allow thumbprint=$TEST_NGINX_ACME_SHA256 label=two;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        access_log $TEST_NGINX_SERVER_ROOT/logs/access.log verdict;

        location / {
            clientcert_require first;
            try_files $uri /second/x.txt;
        }

        location /second {
            clientcert_require second;
            try_files $uri =404;
        }
    }
--- user_files
>>> second/x.txt
x
--- request
GET /acme/absent
--- access_log
</second/x.txt,200,allow,two,second>



=== TEST 12: dry_run tells what would have been
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1 label=acme;
        dry_run on;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        add_header X-Verdict "$clientcert_result,$clientcert_reason,$clientcert_label,$clientcert_policy" always;
    }
--- request eval
[map { "GET /$_/" } qw(acme globex none)]
--- response_headers eval
["X-Verdict: allow,ok,acme,p", "X-Verdict: deny,no_match,,p", "X-Verdict: deny,no_certificate,,p"]



=== TEST 13: unknown before the access phase, and not remembered as such
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1 label=acme;
    }

    map $clientcert_label $role {
        volatile;
        default nobody;
        acme    partner;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        set $early "$clientcert_result,$clientcert_reason,$clientcert_label,$clientcert_policy,$role";

        add_header X-Early $early always;
        add_header X-Late "$clientcert_result,$clientcert_reason,$clientcert_label,$clientcert_policy,$role" always;
    }
--- request
GET /acme/index.html
--- response_headers
X-Early: ,,,,nobody
X-Late: allow,ok,acme,p,partner



=== TEST 14: handed on to a server behind, whatever the client says it is
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1 label=acme;
        allow thumbprint=$TEST_NGINX_RSA_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;

        location / {
            proxy_set_header X-Who $clientcert_label;
            proxy_pass http://unix:$TEST_NGINX_HTML_DIR/plain.sock;
        }
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/plain.sock;
        return 200 "who: $http_x_who\n";
    }
--- more_headers
X-Who: root
--- request eval
["GET /acme/", "GET /rsa/"]
--- response_body eval
["who: acme\n", "who: \n"]



=== TEST 15: in a subrequest they are the main request's
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1 label=acme;
    }

    clientcert_policy other {
        allow thumbprint=$TEST_NGINX_RSA_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;

        ssi on;
        ssi_types text/plain;

        location / {
            clientcert_require p;
        }

        location /part {
            clientcert_require other;
        }
    }
--- user_files eval
[["page.txt", '<!--# echo var="clientcert_label" --> <!--# include virtual="/part.txt" -->'],
 ["part.txt", '<!--# echo var="clientcert_result" --> <!--# echo var="clientcert_label" --> <!--# echo var="clientcert_policy" --> <!--# echo var="clientcert_sha1" -->']]
--- request
GET /acme/page.txt
--- response_body eval
"acme allow acme p $ENV{TEST_NGINX_ACME_SHA1}"



=== TEST 16: of a request that nginx itself answers, only the certificate is known
--- http_config
    log_format verdict "<$status,$clientcert_result,$clientcert_policy,$clientcert_sha1>";

    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1 label=acme;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        access_log $TEST_NGINX_SERVER_ROOT/logs/access.log verdict;
    }
--- request
GET /expired/
--- error_code: 400
--- access_log eval
"<400,-,-,$ENV{TEST_NGINX_EXPIRED_SHA1}>"



=== TEST 17: the detail of a refusal, where there is one
--- http_config
    clientcert_policy p {
        deny thumbprint=$TEST_NGINX_GLOBEX_SHA1;
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        add_header X-Detail "$clientcert_detail" always;
    }
--- request eval
[map { "GET /$_/" } qw(acme globex rsa)]
--- error_code eval
[200, 401, 401]
--- raw_response_headers_like eval
["HTTP/1.1 200 OK(?!.*X-Detail)", 'X-Detail: "deny" in \S+nginx\.conf:\d+\r\n', "HTTP/1.1 401 (?!.*X-Detail)"]
