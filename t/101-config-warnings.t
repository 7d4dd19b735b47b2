# Configurations that are legal and surely not meant start with a warning that
# names the place (src/policy/ngx_clientcert_check.c, _policy_conf.c and
# ngx_http_clientcert_check_use()); those that are all right start without any.
#
# Policies are in an included file, so that their lines are known. The request
# is there only because a block needs one.

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 76;

run_tests();

__DATA__

=== TEST 1: a policy that allows nobody
--- http_config
    include $TEST_NGINX_HTML_DIR/policy.conf;
--- user_files
>>> policy.conf
clientcert_policy p {
    trust chain;
}
--- request
GET /
--- error_log eval
qr/\[warn\] .*policy "p" has no "allow", it refuses everyone in \S+policy\.conf:3$/



=== TEST 2: a required policy without "ssl_verify_client"
--- http_config
    include $TEST_NGINX_HTML_DIR/server.conf;

    clientcert_policy p {
        allow verified;
    }
--- user_files
>>> server.conf
server {
    listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
    server_name a.test;
    location /x {
        clientcert_require p;
    }
}
--- request
GET /
--- error_log eval
qr/\[warn\] .*"clientcert_require p" in \S+server\.conf:5 refuses everyone in server "a\.test", where "ssl_verify_client" is off/



=== TEST 3: a required policy without TLS
--- http_config
    clientcert_policy p {
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/plain.sock;
        server_name a.test;
        clientcert_require p;
    }
--- request
GET /
--- error_log eval
qr/\[warn\] .*"clientcert_require p" in \S+nginx\.conf:\d+ refuses everyone in server "a\.test", where "ssl_verify_client" is off/



=== TEST 4: a policy for all servers, of which one asks for no certificate
--- http_config
    clientcert_policy p {
        allow verified;
    }

    clientcert_require p;

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name a.test;
        ssl_verify_client on;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name b.test;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name c.test;
        clientcert_require off;
    }
--- config
    clientcert_require off;
--- request
GET /
--- error_log
refuses everyone in server "b.test"
--- no_error_log
in server "a.test"
in server "c.test"
in server "localhost"



=== TEST 5: one warning for a policy that many locations inherit
--- http_config
    clientcert_policy p {
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name a.test;
        clientcert_require p;

        location /x {
            location /x/y {
            }
        }

        location /z {
        }
    }
--- request
GET /
--- grep_error_log eval
qr/refuses everyone in server "\S+"/
--- grep_error_log_out
refuses everyone in server "a.test"



=== TEST 6: a dry run of which nginx's own 400 leaves little
--- http_config
    clientcert_policy p {
        allow verified;
        dry_run on;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name a.test;
        ssl_verify_client on;
        clientcert_require p;
    }
--- request
GET /
--- error_log eval
qr/\[warn\] .*"dry_run" of policy "p", required in \S+nginx\.conf:\d+, has no effect on clients without a valid certificate in server "a\.test", where "ssl_verify_client" is on/



=== TEST 7: "allow" twice, though written in two ways and with two labels
--- http_config
    include $TEST_NGINX_HTML_DIR/policy.conf;
--- user_files eval
">>> policy.conf
clientcert_policy p {
    allow thumbprint=$ENV{TEST_NGINX_ACME_SHA256} label=one;
    allow thumbprint=$ENV{TEST_NGINX_ACME_SHA1};
    allow thumbprint=" . uc($ENV{TEST_NGINX_ACME_SHA256}) . " label=two;
}
"
--- request
GET /
--- error_log eval
qr/\[warn\] .*"allow" is a duplicate of the one in \S+policy\.conf:2, ignored in \S+policy\.conf:4$/
--- no_error_log
policy.conf:3



=== TEST 8: "deny" and "verified" twice
--- http_config
    include $TEST_NGINX_HTML_DIR/policy.conf;
--- user_files
>>> policy.conf
clientcert_policy p {
    allow verified;
    allow verified label=me;
    deny thumbprint=$TEST_NGINX_ACME_SHA1;
    deny thumbprint=$TEST_NGINX_ACME_SHA1;
}
--- request
GET /
--- error_log eval
[
qr/\[warn\] .*"allow" is a duplicate of the one in \S+policy\.conf:2, ignored in \S+policy\.conf:3$/,
qr/\[warn\] .*"deny" is a duplicate of the one in \S+policy\.conf:4, ignored in \S+policy\.conf:5$/
]



=== TEST 9: two SHA-1 in one rule
--- http_config
    include $TEST_NGINX_HTML_DIR/policy.conf;
--- user_files
>>> policy.conf
clientcert_policy p {
    allow verified;
    allow thumbprint=$TEST_NGINX_ACME_SHA1 thumbprint=$TEST_NGINX_RSA_SHA1;
    allow thumbprint=$TEST_NGINX_RSA_SHA256 thumbprint=$TEST_NGINX_RSA_SHA1;
}
--- request
GET /
--- error_log eval
qr/\[warn\] .*"allow" can never match, a certificate has one thumbprint of a kind, ignored in \S+policy\.conf:3$/
--- no_error_log
policy.conf:4



=== TEST 10: two SHA-256 in the only rule
--- http_config
    include $TEST_NGINX_HTML_DIR/policy.conf;
--- user_files
>>> policy.conf
clientcert_policy p {
    allow thumbprint=$TEST_NGINX_ACME_SHA256 thumbprint=$TEST_NGINX_RSA_SHA256;
}
--- request
GET /
--- error_log eval
[
qr/\[warn\] .*"allow" can never match, .* in \S+policy\.conf:2$/,
qr/\[warn\] .*policy "p" has no "allow", it refuses everyone in \S+policy\.conf:3$/
]



=== TEST 11: what is allowed is denied as well
--- http_config
    include $TEST_NGINX_HTML_DIR/policy.conf;
--- user_files
>>> policy.conf
clientcert_policy p {
    allow thumbprint=$TEST_NGINX_ACME_SHA1;
    allow thumbprint=$TEST_NGINX_RSA_SHA1 verified;
    allow thumbprint=$TEST_NGINX_GLOBEX_SHA1 verified;
    deny thumbprint=$TEST_NGINX_ACME_SHA1 verified;
    deny thumbprint=$TEST_NGINX_RSA_SHA1;
}
--- request
GET /
--- error_log eval
qr/\[warn\] .*"allow" in \S+policy\.conf:3 can never match because of "deny" in \S+policy\.conf:6/
--- no_error_log eval
[
qr/"allow" in \S+policy\.conf:2 can never match/,
qr/"allow" in \S+policy\.conf:4 can never match/
]



=== TEST 12: all that is allowed is denied at once
--- http_config
    include $TEST_NGINX_HTML_DIR/policy.conf;
--- user_files
>>> policy.conf
clientcert_policy p {
    allow verified;
    allow thumbprint=$TEST_NGINX_ACME_SHA1;
    deny verified;
}
--- request
GET /
--- error_log eval
qr/\[warn\] .*"allow" in \S+policy\.conf:2 can never match because of "deny" in \S+policy\.conf:4/
--- no_error_log
policy.conf:3



=== TEST 13: a denied thumbprint, which a twin of the certificate escapes
--- http_config
    include $TEST_NGINX_HTML_DIR/policy.conf;
--- user_files
>>> policy.conf
clientcert_policy p {
    allow verified;
    deny verified thumbprint=$TEST_NGINX_ACME_SHA1;
}
--- request
GET /
--- error_log eval
qr/\[warn\] .*"deny" by thumbprint in \S+policy\.conf:3 does not stop a copy of the certificate with its ECDSA signature written the other way, use "spki=" or "issuer=" and "serial=" instead$/



=== TEST 14: what is dropped from a thumbprint and is of no tool is named
--- http_config
    include $TEST_NGINX_HTML_DIR/policy.conf;
--- user_files eval
my ($sha1, $sha256, $other)
    = map { [$ENV{"TEST_NGINX_$_"} =~ /../g] } qw(ACME_SHA1 RSA_SHA256 INTER_SHA1);

">>> policy.conf
clientcert_policy p {
    allow 'thumbprint=@$sha1[0 .. 9]:" . CORE::join(':', @$sha1[10 .. 19]) . "';
    allow thumbprint=" . CORE::join('', @$sha256[0 .. 9], '-', @$sha256[10 .. 31]) . ";
    allow 'thumbprint=\xe2\x80\x8e@$other';
    allow thumbprint=\xef\xbb\xbf$ENV{TEST_NGINX_FOREIGN_SHA1}\xc2\xa0;
}
"
--- request
GET /
--- error_log eval
[
qr/\[warn\] .*thumbprint ".*" is read without ":", blanks in \S+policy\.conf:2$/,
qr/\[warn\] .*thumbprint "\S+" is read without "-" in \S+policy\.conf:3$/,
qr/\[warn\] .*thumbprint ".*" is read without invisible U\+200E in \S+policy\.conf:4$/,
qr/\[warn\] .*thumbprint "\S+" is read without invisible U\+FEFF, invisible U\+00A0 in \S+policy\.conf:5$/
]
--- no_error_log
policy.conf:6



=== TEST 15: an allow that only verified certificates reach, all of them denied
--- http_config
    clientcert_policy p {
        trust chain;
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
        deny verified;
    }
--- request
GET /
--- error_log
can never match because of "deny"



=== TEST 16: nothing to say of a sound configuration
--- http_config
    clientcert_policy strict {
        trust chain;
        validity on;
        reject 403 "Not with this certificate";
        log_level warn;
        allow thumbprint=$TEST_NGINX_ACME_SHA256 label=acme;
        allow thumbprint=$TEST_NGINX_RSA_SHA1 verified;
    }

    clientcert_policy trial {
        allow verified label=any;
        allow thumbprint=$TEST_NGINX_ACME_SHA1 thumbprint=$TEST_NGINX_ACME_SHA256;
        dry_run on;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name a.test;
        ssl_verify_client on;

        location /strict {
            clientcert_require strict;
        }
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name b.test;
        ssl_verify_client optional_no_ca;
        clientcert_require trial;

        location /free {
            clientcert_require off;
        }
    }
--- request
GET /
--- no_error_log
[warn]
[error]
[alert]



=== TEST 17: an internal location, which subrequests enter unchecked
--- http_config
    include $TEST_NGINX_HTML_DIR/server.conf;

    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }
--- user_files
>>> server.conf
server {
    listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
    server_name a.test;
    ssl_verify_client optional_no_ca;
    clientcert_require p;
    location /inherits { internal; }
    location = /auth { internal; clientcert_require p; }
    location @named { clientcert_require p; }
}
--- request
GET /
--- error_log eval
qr/\[warn\] .*"clientcert_require p" in \S+server\.conf:7 is for the internal location "\/auth": in subrequests, as of "auth_request", nginx checks no access, so that location lets everyone in$/
--- no_error_log eval
[ qr/internal location "\/inherits"/, qr/internal location "\@named"/ ]



=== TEST 18: two of them on one line
--- http_config
    include $TEST_NGINX_HTML_DIR/server.conf;

    clientcert_policy p { allow thumbprint=$TEST_NGINX_ACME_SHA1; }
    clientcert_policy q { allow thumbprint=$TEST_NGINX_ACME_SHA1; }
--- user_files
>>> server.conf
server {
    listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
    location /a { clientcert_require p; } location /b { clientcert_require q; }
}
--- request
GET /
--- error_log eval
[
qr/\[warn\] .*"clientcert_require p" in \S+server\.conf:3 refuses everyone/,
qr/\[warn\] .*"clientcert_require q" in \S+server\.conf:3 refuses everyone/
]



=== TEST 19: CAs that are trusted for stapling, and so by clients
--- http_config
    include $TEST_NGINX_HTML_DIR/server.conf;

    clientcert_policy p { allow verified; }
    clientcert_policy q { allow cn=acme; }
    clientcert_policy r { trust chain; allow cn=acme; }
--- user_files
>>> server.conf
server {
    listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
    server_name a.test;
    ssl_client_certificate "";
    ssl_trusted_certificate $TEST_NGINX_CERT_DIR/ca-b.crt;
    ssl_verify_client optional_no_ca;
    ssl_stapling on;
    location /p { clientcert_require p; }
    location /q { clientcert_require q; }
    location /r { clientcert_require r; }
}
--- request
GET /
--- error_log eval
[
qr/\[warn\] .*"clientcert_require p" in \S+server\.conf:8 trusts clients of the CAs in "ssl_trusted_certificate" of server "a\.test", where "ssl_stapling" is on and no "ssl_client_certificate" is set: if those are the CAs of the server's own certificate, use "ca="$/,
qr/"clientcert_require q" in \S+server\.conf:9 trusts/,
qr/"clientcert_require r" in \S+server\.conf:10 trusts/
]



=== TEST 20: CAs that are meant for clients, or make no difference
--- http_config
    clientcert_policy p { allow verified; }
    clientcert_policy pin { allow thumbprint=$TEST_NGINX_ACME_SHA1 verified; }
    clientcert_policy ca { allow cn=acme ca=$TEST_NGINX_CERT_DIR/ca-a.crt; }

    ssl_trusted_certificate $TEST_NGINX_CERT_DIR/ca-b.crt;
    ssl_verify_client optional_no_ca;
    clientcert_require p;

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name a.test;
        ssl_client_certificate "";
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name b.test;
        ssl_stapling on;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        server_name c.test;
        ssl_client_certificate "";
        ssl_stapling on;
        clientcert_require off;
        location /pin { clientcert_require pin; }
        location /ca { clientcert_require ca; }
    }
--- config
    clientcert_require off;
--- request
GET /
--- no_error_log
trusts clients of the CAs



=== TEST 21: a denied CA of whose clients the intermediate isn't known
--- http_config
    include $TEST_NGINX_HTML_DIR/policy.conf;
--- user_files
>>> policy.conf
clientcert_policy p {
    deny ca=$TEST_NGINX_CERT_DIR/ca-b.crt;
    deny ca=$TEST_NGINX_CERT_DIR/int-a.crt;
    allow thumbprint=$TEST_NGINX_ACME_SHA1;
}
--- request
GET /
--- error_log eval
qr/\[warn\] .*"deny ca=\S+ca-b\.crt" in \S+policy\.conf:2 has roots only and also refuses whoever sends no intermediate certificate, add those of the issuing CAs$/
--- no_error_log
int-a.crt" in



=== TEST 22: nothing to say of what tools print
--- http_config
    include $TEST_NGINX_HTML_DIR/policy.conf;
--- user_files eval
my ($sha1, $sha256) = map { $ENV{"TEST_NGINX_$_"} } qw(ACME_SHA1 ACME_SHA256);
my $colons = uc CORE::join(':', $sha256 =~ /../g);
my @bytes = $sha1 =~ /../g;

">>> policy.conf
clientcert_policy p {
    allow 'thumbprint=sha256 Fingerprint=$colons' ou=1;
    allow 'thumbprint=Certificate fingerprint (SHA-256): $colons' ou=2;
    allow 'thumbprint=SHA-256 Fingerprint $colons' ou=3;
    allow 'thumbprint=Cert Hash(sha1): @bytes' ou=4;
    allow 'thumbprint=Thumbprint : \U$sha1\E' ou=5;
    allow thumbprint=@{[ CORE::join '-', @bytes ]} ou=6;
    allow thumbprint=0x$sha1 ou=7;
    allow thumbprint=x5t#S256:$ENV{TEST_NGINX_ACME_X5T} ou=8;
    allow thumbprint=$ENV{TEST_NGINX_ACME_X5T}= ou=9;
    allow spki=sha256//$ENV{TEST_NGINX_ACME_X5T}= ou=10;
    allow spki=sha256/$ENV{TEST_NGINX_ACME_X5T} ou=11;
    allow spki=pin-sha256=\"$ENV{TEST_NGINX_ACME_X5T}=\" ou=12;
    allow spki=SHA256:$ENV{TEST_NGINX_ACME_X5T} ou=13;
    allow 'spki=SHA2-256(stdin)= $sha256' ou=14;
}
"
--- request
GET /
--- no_error_log
[warn]



=== TEST 23: "purpose any" where nginx knows the CA
--- http_config
    include $TEST_NGINX_HTML_DIR/server.conf;

    clientcert_policy p {
        purpose any;
        allow ca=$TEST_NGINX_CERT_DIR/ca-b.crt;
    }
--- user_files
>>> server.conf
server {
    listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
    server_name a.test;
    ssl_verify_client optional_no_ca;
    clientcert_require p;
}
--- request
GET /
--- error_log eval
qr/\[warn\] .*"purpose any" of policy "p", required in \S+server\.conf:5, lets nobody in whom nginx itself refuses: in server "a\.test" "ssl_verify_client" has to be "optional_no_ca", and the CA in "ca=" only, not in "ssl_client_certificate"/



=== TEST 24: or where it wants to know it
--- http_config
    include $TEST_NGINX_HTML_DIR/server.conf;

    clientcert_policy p {
        purpose any;
        allow ca=$TEST_NGINX_CERT_DIR/ca-b.crt;
    }
--- user_files
>>> server.conf
server {
    listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
    ssl_verify_client optional;
    clientcert_require p;
}
--- request
GET /
--- error_log eval
qr/\[warn\] .*"purpose any" of policy "p", required in \S+server\.conf:4, lets nobody in whom nginx itself refuses: in server "" /



=== TEST 25: "purpose any" of a policy whose rules all need nginx's chain
--- http_config
    include $TEST_NGINX_HTML_DIR/policy.conf;
--- user_files
>>> policy.conf
clientcert_policy p {
    purpose any;
    allow cn=acme;
}
clientcert_policy chain {
    purpose any;
    trust chain;
    allow thumbprint=$TEST_NGINX_ACME_SHA1;
}
clientcert_policy right {
    purpose any;
    allow cn=acme;
    allow thumbprint=$TEST_NGINX_ACME_SHA1;
}
--- request
GET /
--- error_log eval
[qr/\[warn\] .*"purpose any" of policy "p" in \S+policy\.conf:1 lets nobody in, it is for an "allow" that pins or has a "ca="/,
 qr/\[warn\] .*"purpose any" of policy "chain" in \S+policy\.conf:5 lets nobody in/]
--- no_error_log
policy "right"



=== TEST 26: locations without a policy where nginx lets everyone in
--- http_config
    include $TEST_NGINX_HTML_DIR/server.conf;

    clientcert_policy p {
        allow verified;
    }
--- user_files
>>> server.conf
server {
    listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
    server_name a.test;
    ssl_verify_client optional_no_ca;
    location / { clientcert_require p; }
    location /b { }
    location = /c { }
}
--- request
GET /
--- error_log eval
qr/\[notice\] .*server "a\.test" in \S+server\.conf:1 asks for certificates \("optional_no_ca"\) and has no policy in 2 of its locations, "\/b" the first: anyone may use them, "clientcert_require off" says that this is meant/
