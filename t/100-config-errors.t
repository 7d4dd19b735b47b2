# Every wrong configuration stops the start with a text that names file, line,
# value and what is wrong with it: the directives of the main file and
# src/policy/ngx_clientcert_policy_conf.c.
#
# The line isn't asserted where the configuration is nginx.conf, for it differs
# from runner to runner; t/101 has included files, where it is known.

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 2 * blocks();

run_tests();

__DATA__

=== TEST 1: a policy that nobody defines
--- http_config
    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require nobody;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*unknown policy "nobody" in \S+nginx\.conf:\d+$/



=== TEST 2: two policies of one name
--- http_config
    clientcert_policy p {
        allow verified;
    }

    clientcert_policy p {
        allow verified;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*duplicate policy "p", the first one is in \S+nginx\.conf:\d+ in \S+nginx\.conf:\d+$/



=== TEST 3: a policy named as what lifts one
--- http_config
    clientcert_policy off {
        allow verified;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid policy name "off" in \S+nginx\.conf:\d+$/



=== TEST 4: a policy without a name
--- http_config
    clientcert_policy "" {
        allow verified;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid policy name "" in \S+nginx\.conf:\d+$/



=== TEST 5: no name at all
--- http_config
    clientcert_policy {
        allow verified;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid number of arguments in "clientcert_policy" directive in \S+nginx\.conf:\d+$/



=== TEST 6: a policy that isn't a block
--- http_config
    clientcert_policy p;
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*directive "clientcert_policy" has no opening "\{" in \S+nginx\.conf:\d+$/



=== TEST 7: a policy in a server
--- http_config
    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;

        clientcert_policy p {
            allow verified;
        }
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"clientcert_policy" directive is not allowed here in \S+nginx\.conf:\d+$/



=== TEST 8: a policy outside of http
--- main_config
    clientcert_policy p {
        allow verified;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"clientcert_policy" directive is not allowed here in \S+nginx\.conf:\d+$/



=== TEST 9: require twice in one place
--- http_config
    clientcert_policy p {
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client on;

        clientcert_require p;
        clientcert_require p;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"clientcert_require" directive is duplicate in \S+nginx\.conf:\d+$/



=== TEST 10: require, lifted in the same place
--- http_config
    clientcert_policy p {
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client on;

        clientcert_require off;
        clientcert_require p;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"clientcert_require" directive is duplicate in \S+nginx\.conf:\d+$/



=== TEST 11: require of two policies
--- http_config
    clientcert_policy p {
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client on;
        clientcert_require p p;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid number of arguments in "clientcert_require" directive in \S+nginx\.conf:\d+$/



=== TEST 12: require of nothing
--- http_config
    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        clientcert_require;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid number of arguments in "clientcert_require" directive in \S+nginx\.conf:\d+$/



=== TEST 13: require in "if", which may be decided before the policy
--- http_config
    clientcert_policy p {
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client on;

        location / {
            if ($args) {
                clientcert_require p;
            }
        }
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"clientcert_require" directive is not allowed here in \S+nginx\.conf:\d+$/



=== TEST 14: include of a file that isn't there
--- http_config
    clientcert_policy p {
        include $TEST_NGINX_HTML_DIR/absent.conf;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*open\(\) "\S+absent\.conf" failed \(2: No such file or directory\) in \S+nginx\.conf:\d+$/



=== TEST 15: an error in an included file is reported with its place there
--- http_config
    clientcert_policy p {
        allow verified;
        include $TEST_NGINX_HTML_DIR/clients.conf;
    }
--- user_files
>>> clients.conf
# comment
allow thumbprint=$TEST_NGINX_ACME_SHA1;

allow thumbprint=0123;
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid thumbprint "0123": 4 hexadecimal digits found, .* in \S+clients\.conf:4$/



=== TEST 16: a policy defined in an included file twice, by two masks
--- http_config
    include $TEST_NGINX_HTML_DIR/policy-*.conf;
    include $TEST_NGINX_HTML_DIR/*-p.conf;
--- user_files
>>> policy-p.conf

clientcert_policy p {
    allow verified;
}
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*duplicate policy "p", the first one is in \S+policy-p\.conf:2 in \S+policy-p\.conf:2$/
