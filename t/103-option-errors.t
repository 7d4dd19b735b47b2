# Wrong lines of a policy other than its rules, and blocks that don't end
# (src/policy/ngx_clientcert_policy_conf.c).

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 2 * blocks();

run_tests();

__DATA__

=== TEST 1: an unknown directive
--- http_config
    clientcert_policy p {
        permit verified;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*unknown directive "permit" in "clientcert_policy" in \S+nginx\.conf:\d+$/



=== TEST 2: nginx's own directives don't work here
--- http_config
    clientcert_policy p {
        root html;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*unknown directive "root" in "clientcert_policy" in \S+nginx\.conf:\d+$/



=== TEST 3: a block in the block
--- http_config
    clientcert_policy p {
        allow {
            verified;
        }
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*unexpected "\{" in \S+nginx\.conf:\d+$/



=== TEST 4: reject of nothing
--- http_config
    clientcert_policy p {
        reject;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid number of arguments in "reject" directive in \S+nginx\.conf:\d+$/



=== TEST 5: a phrase without quotes
--- http_config
    clientcert_policy p {
        reject 403 Go away;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid number of arguments in "reject" directive in \S+nginx\.conf:\d+$/



=== TEST 6: a code that is no number
--- http_config
    clientcert_policy p {
        reject forbidden;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid status code "forbidden" in "reject", it must be from 400 to 499 in \S+nginx\.conf:\d+$/



=== TEST 7: a code with something behind it
--- http_config
    clientcert_policy p {
        reject 403x;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid status code "403x" in "reject", it must be from 400 to 499 in \S+nginx\.conf:\d+$/



=== TEST 8: the highest code that is too low
--- http_config
    clientcert_policy p {
        reject 399;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid status code "399" in "reject", it must be from 400 to 499 in \S+nginx\.conf:\d+$/



=== TEST 9: the lowest code that is too high
--- http_config
    clientcert_policy p {
        reject 500;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid status code "500" in "reject", it must be from 400 to 499 in \S+nginx\.conf:\d+$/



=== TEST 10: a code that would let everyone in
--- http_config
    clientcert_policy p {
        reject 200;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid status code "200" in "reject", it must be from 400 to 499 in \S+nginx\.conf:\d+$/



=== TEST 11: a phrase that would add a header
--- http_config
    clientcert_policy p {
        reject 401 "No\r\nX-Injected: yes";
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*control character 0x0D at byte 3 of the reason phrase in "reject" in \S+nginx\.conf:\d+$/



=== TEST 12: a control character in a phrase
--- http_config eval
qq{
    clientcert_policy p {
        reject 401 "No\x08";
    }
}
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*control character 0x08 at byte 3 of the reason phrase in "reject" in \S+nginx\.conf:\d+$/



=== TEST 13: reject twice
--- http_config
    clientcert_policy p {
        reject 401;
        reject 401;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"reject" directive is duplicate in \S+nginx\.conf:\d+$/



=== TEST 14: trust in something else
--- http_config
    clientcert_policy p {
        trust ca;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid value "ca" in \S+nginx\.conf:\d+$/



=== TEST 15: trust twice
--- http_config
    clientcert_policy p {
        trust pin;
        trust chain;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"trust" directive is duplicate in \S+nginx\.conf:\d+$/



=== TEST 16: trust in two things
--- http_config
    clientcert_policy p {
        trust pin chain;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid number of arguments in "trust" directive in \S+nginx\.conf:\d+$/



=== TEST 17: validity that is neither on nor off
--- http_config
    clientcert_policy p {
        validity yes;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid value "yes" in "validity" directive, it must be "on" or "off" in \S+nginx\.conf:\d+$/



=== TEST 18: validity twice
--- http_config
    clientcert_policy p {
        validity on;
        validity off;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"validity" directive is duplicate in \S+nginx\.conf:\d+$/



=== TEST 19: dry_run that is neither on nor off
--- http_config
    clientcert_policy p {
        dry_run 1;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid value "1" in "dry_run" directive, it must be "on" or "off" in \S+nginx\.conf:\d+$/



=== TEST 20: dry_run twice
--- http_config
    clientcert_policy p {
        dry_run on;
        dry_run on;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"dry_run" directive is duplicate in \S+nginx\.conf:\d+$/



=== TEST 21: a log level that nginx has, but this hasn't
--- http_config
    clientcert_policy p {
        log_level crit;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid value "crit" in \S+nginx\.conf:\d+$/



=== TEST 22: log_level twice
--- http_config
    clientcert_policy p {
        log_level info;
        log_level warn;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"log_level" directive is duplicate in \S+nginx\.conf:\d+$/



=== TEST 23: include of nothing
--- http_config
    clientcert_policy p {
        include;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid number of arguments in "include" directive in \S+nginx\.conf:\d+$/



=== TEST 24: a line without its end
--- http_config
    clientcert_policy p {
        allow verified
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*unexpected "\}" in \S+nginx\.conf:\d+$/



=== TEST 25: a block without its end
--- http_config
    clientcert_policy p {
        include $TEST_NGINX_HTML_DIR/rules.conf;
--- user_files
>>> rules.conf
allow verified;
}
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*unexpected "\}" in \S+rules\.conf:2$/



=== TEST 26: a file that ends within a block
--- http_config
    include $TEST_NGINX_HTML_DIR/policy.conf;
--- user_files
>>> policy.conf
clientcert_policy p {
    allow verified;
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*unexpected end of file, expecting "\}" in \S+policy\.conf:3$/



=== TEST 27: max_lifetime without a unit, which would be seconds
--- http_config
    clientcert_policy p {
        max_lifetime 398;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid time "398" in "max_lifetime", it must have a unit, as in "398d", and not be zero in \S+nginx\.conf:\d+$/



=== TEST 28: max_lifetime that ends without one
--- http_config
    clientcert_policy p {
        max_lifetime 1y6;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid time "1y6" in "max_lifetime", it must have a unit/



=== TEST 29: max_lifetime of no time
--- http_config
    clientcert_policy p {
        max_lifetime 0d;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid time "0d" in "max_lifetime", .* and not be zero/



=== TEST 30: max_lifetime of nothing
--- http_config
    clientcert_policy p {
        max_lifetime "";
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid time "" in "max_lifetime"/



=== TEST 31: max_lifetime in a unit that nginx doesn't know
--- http_config
    clientcert_policy p {
        max_lifetime 398days;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid time "398days" in "max_lifetime"/



=== TEST 32: max_lifetime twice
--- http_config
    clientcert_policy p {
        max_lifetime 398d;
        max_lifetime 1y;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"max_lifetime" directive is duplicate in \S+nginx\.conf:\d+$/



=== TEST 33: min_key of a kind that has no sizes here
--- http_config
    clientcert_policy p {
        min_key ed25519=256;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid parameter "ed25519=256" in "min_key", it must be "rsa=" or "ec=" with a number of bits in \S+nginx\.conf:\d+$/



=== TEST 34: min_key without saying of what
--- http_config
    clientcert_policy p {
        min_key 2048;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid parameter "2048" in "min_key"/



=== TEST 35: the sizes the wrong way round
--- http_config
    clientcert_policy p {
        min_key rsa=256 ec=2048;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid size "rsa=256" in "min_key", it must be from 512 to 16384 bits in \S+nginx\.conf:\d+$/



=== TEST 36: an elliptic curve that there isn't
--- http_config
    clientcert_policy p {
        min_key ec=2048;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid size "ec=2048" in "min_key", it must be from 112 to 571 bits/



=== TEST 37: both in one word
--- http_config
    clientcert_policy p {
        min_key rsa=2048,ec=256;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid size "rsa=2048,ec=256" in "min_key"/



=== TEST 38: no number at all
--- http_config
    clientcert_policy p {
        min_key rsa=;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid size "rsa=" in "min_key"/



=== TEST 39: a size twice
--- http_config
    clientcert_policy p {
        min_key rsa=2048 rsa=3072;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*duplicate "rsa=3072" in "min_key" in \S+nginx\.conf:\d+$/



=== TEST 40: min_key twice
--- http_config
    clientcert_policy p {
        min_key rsa=2048;
        min_key ec=256;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"min_key" directive is duplicate in \S+nginx\.conf:\d+$/



=== TEST 41: a purpose that isn't known
--- http_config
    clientcert_policy p {
        purpose server;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*invalid value "server" in \S+nginx\.conf:\d+$/



=== TEST 42: purpose twice
--- http_config
    clientcert_policy p {
        purpose any;
        purpose client;
    }
--- must_die: 1
--- error_log eval
qr/\[emerg\] .*"purpose" directive is duplicate in \S+nginx\.conf:\d+$/
