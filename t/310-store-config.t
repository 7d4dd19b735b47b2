# Errors in clientcert_store and in store= conditions.

use Test::Nginx::Socket 'no_plan';

no_shuffle();
run_tests();

__DATA__

=== TEST 1: no source
--- http_config
    clientcert_store a size=1m;
--- config
    location = /t { return 204; }
--- must_die
--- error_log
"clientcert_store" must have "directory" or "list" parameter

=== TEST 2: two sources
--- http_config
    clientcert_store a directory=/tmp list=/tmp/x;
--- config
    location = /t { return 204; }
--- must_die
--- error_log
a store has one "directory" or "list", "list=/tmp/x" is one too many

=== TEST 3: an empty source
--- http_config
    clientcert_store a list=;
--- config
    location = /t { return 204; }
--- must_die
--- error_log
invalid parameter "list="

=== TEST 4: too small
--- http_config
    clientcert_store a directory=/tmp size=1k;
--- config
    location = /t { return 204; }
--- must_die
--- error_log
invalid size "1k", it must be at least 64k

=== TEST 5: not a size
--- http_config
    clientcert_store a directory=/tmp size=big;
--- config
    location = /t { return 204; }
--- must_die
--- error_log
invalid size "big"

=== TEST 6: too short an interval
--- http_config
    clientcert_store a directory=/tmp interval=1ms;
--- config
    location = /t { return 204; }
--- must_die
--- error_log
invalid interval "1ms", it must be at least 10ms

=== TEST 7: not a number of days
--- http_config
    clientcert_store a directory=/tmp warn=soon;
--- config
    location = /t { return 204; }
--- must_die
--- error_log
invalid number of days "soon" in "warn"

=== TEST 8: unknown parameter
--- http_config
    clientcert_store a directory=/tmp follow=yes;
--- config
    location = /t { return 204; }
--- must_die
--- error_log
invalid parameter "follow=yes"

=== TEST 9: duplicate store
--- http_config
    clientcert_store a directory=/tmp;
    clientcert_store a directory=/tmp;
--- config
    location = /t { return 204; }
--- must_die
--- error_log
duplicate store "a", the first one is in

=== TEST 10: unknown store
--- http_config
    clientcert_policy p { allow store=nowhere; }
--- config
    location = /t { return 204; }
--- must_die
--- error_log
unknown store "nowhere" in

=== TEST 11: a name that can't be told from a source
--- http_config
    clientcert_store "a directory=/x" directory=/tmp;
--- config
    location = /t { return 204; }
--- must_die
--- error_log
invalid store name "a directory=/x"

=== TEST 12: duplicate rule
--- http_config
    clientcert_policy p { allow store=a; allow store=a; }
    clientcert_store a directory=/tmp;
--- config
    location = /t { return 204; }
--- request
GET /t
--- error_code: 204
--- error_log
"allow" is a duplicate of the one in

=== TEST 13: a directory that isn't there
--- http_config
    clientcert_store a directory=/nonexistent;
--- config
    location = /t { return 204; }
--- must_die
--- error_log
store "a": open() "/nonexistent" failed (2: No such file or directory)

=== TEST 14: a list that isn't there
--- http_config
    clientcert_store a list=/nonexistent;
--- config
    location = /t { return 204; }
--- must_die
--- error_log
store "a": stat() "/nonexistent" failed (2: No such file or directory)

=== TEST 15: a directory for a list
--- http_config
    clientcert_policy p { allow store=a; }
    clientcert_store a list=/tmp;
--- config
    location = /t { return 204; }
--- request
GET /t
--- error_code: 204
--- error_log
store "a": read() "/tmp" failed (21: Is a directory)

=== TEST 16: a mask of hidden files
--- http_config
    clientcert_store a directory=/tmp/.*;
--- config
    location = /t { return 204; }
--- must_die
--- error_log
invalid parameter "directory=/tmp/.*", hidden files don't count

=== TEST 17: a mask in a directory that isn't there
--- http_config
    clientcert_store a directory=/nonexistent/*.pem;
--- config
    location = /t { return 204; }
--- must_die
--- error_log
store "a": open() "/nonexistent" failed (2: No such file or directory)

=== TEST 18: a mask in the root
--- http_config
    clientcert_policy p { allow store=a; }
    clientcert_store a directory=/*.pem;
--- config
    location = /t { return 204; }
--- request
GET /t
--- error_code: 204
--- error_log
in "/" matches "*.pem"

=== TEST 19: a mask that isn't the last part
--- http_config
    clientcert_store a directory=/t*p/x;
--- config
    location = /t { return 204; }
--- must_die
--- error_log
store "a": open() "/t*p/x" failed (2: No such file or directory)
