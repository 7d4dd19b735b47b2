# Who is allowed by thumbprint: ngx_clientcert_policy_decide() from the
# configuration to the answer.  What a chain is good for is in t/112, purpose
# and validity are in t/113.
#
# "optional_no_ca" leaves all to the policy, and "/" is a page that nginx has
# at hand: "return" would answer before a policy is asked.

use Test::Nginx::Socket;

require './t/env.pl';

plan tests => 101;

run_tests();

__DATA__

=== TEST 1: SHA-1 of the certificate
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
["GET /acme/", "GET /globex/", "GET /acme2/", "GET /none/"]
--- error_code eval
[200, 401, 401, 401]
--- response_headers eval
["X-Reason: ok", "X-Reason: no_match", "X-Reason: no_match", "X-Reason: no_certificate"]
--- response_body_like eval
["It works!", "401", "401", "401"]



=== TEST 2: SHA-256 of the certificate
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA256;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
["GET /acme/", "GET /globex/", "GET /acme2/", "GET /none/"]
--- error_code eval
[200, 401, 401, 401]
--- response_headers eval
["X-Reason: ok", "X-Reason: no_match", "X-Reason: no_match", "X-Reason: no_certificate"]



=== TEST 3: no TLS
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
        allow verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        listen unix:$TEST_NGINX_HTML_DIR/plain.sock;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
["GET /plain/", "GET /acme/"]
--- error_code eval
[401, 200]
--- response_headers eval
["X-Reason: no_tls", "X-Reason: ok"]



=== TEST 4: any case, and base64url
--- http_config eval
'
    clientcert_policy p {
        allow thumbprint=' . uc($ENV{TEST_NGINX_ACME_SHA1}) . ';
        allow thumbprint=' . uc($ENV{TEST_NGINX_RSA_SHA256}) . ';
        allow thumbprint=x5t#S256:$TEST_NGINX_GLOBEX_X5T;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
'
--- request eval
["GET /acme/", "GET /rsa/", "GET /globex/", "GET /acme2/"]
--- error_code eval
[200, 200, 200, 401]



=== TEST 5: as "openssl x509 -fingerprint", a Windows dialog and others print it
--- http_config eval
my ($acme, $rsa, $globex, $foreign, $self)
    = map { [uc($ENV{"TEST_NGINX_$_"}) =~ /../g] }
          qw(ACME_SHA1 RSA_SHA256 GLOBEX_SHA1 FOREIGN_SHA256 SELF_SHA1);

'
    clientcert_policy p {
        allow "thumbprint=SHA1 Fingerprint=' . CORE::join(':', @$acme) . '";
        allow "thumbprint=sha256 Fingerprint=' . CORE::join(':', @$rsa) . '";
        allow "thumbprint=' . "\xe2\x80\x8e@$globex" . '";
        allow thumbprint=' . "\xef\xbb\xbf" . CORE::join('-', @$foreign) . "\xc2\xa0" . ';
        allow thumbprint=sha1:' . CORE::join('', @$self) . ';
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
'
--- request eval
["GET /acme/", "GET /rsa/", "GET /globex/", "GET /foreign/", "GET /self/", "GET /acme2/"]
--- error_code eval
[200, 200, 200, 200, 200, 401]



=== TEST 6: one digit off is another certificate
--- http_config eval
my ($first, $last) = ($ENV{TEST_NGINX_ACME_SHA1}, $ENV{TEST_NGINX_RSA_SHA256});

$first =~ s/^(.)/sprintf '%x', hex($1) ^ 1/e;
$last =~ s/(.)$/sprintf '%x', hex($1) ^ 1/e;

'
    clientcert_policy p {
        allow thumbprint=' . $first . ';
        allow thumbprint=' . $last . ';
        allow thumbprint=$TEST_NGINX_GLOBEX_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
'
--- request eval
["GET /acme/", "GET /rsa/", "GET /globex/"]
--- error_code eval
[401, 401, 200]



=== TEST 7: the conditions of one line must all hold
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1 thumbprint=$TEST_NGINX_ACME_SHA256;
        allow thumbprint=$TEST_NGINX_RSA_SHA1 thumbprint=$TEST_NGINX_GLOBEX_SHA256;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
["GET /acme/", "GET /rsa/", "GET /globex/"]
--- error_code eval
[200, 401, 401]
--- response_headers eval
["X-Reason: ok", "X-Reason: no_match", "X-Reason: no_match"]



=== TEST 8: "deny" comes before "allow", wherever it stands
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1;
        allow verified;
        deny thumbprint=$TEST_NGINX_ACME_SHA256;
        deny thumbprint=$TEST_NGINX_RSA_SHA1;
        allow thumbprint=$TEST_NGINX_RSA_SHA256;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
["GET /acme/", "GET /rsa/", "GET /globex/"]
--- error_code eval
[401, 401, 200]
--- response_headers eval
["X-Reason: denied", "X-Reason: denied", "X-Reason: ok"]



=== TEST 9: "deny" needs all its conditions too
--- http_config
    clientcert_policy p {
        allow verified;
        allow thumbprint=$TEST_NGINX_FOREIGN_SHA1;
        deny thumbprint=$TEST_NGINX_RSA_SHA1 thumbprint=$TEST_NGINX_ACME_SHA256;
        deny thumbprint=$TEST_NGINX_FOREIGN_SHA256 verified;
        deny thumbprint=$TEST_NGINX_GLOBEX_SHA256 verified;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
["GET /acme/", "GET /rsa/", "GET /foreign/", "GET /globex/"]
--- error_code eval
[200, 200, 200, 401]
--- response_headers eval
["X-Reason: ok", "X-Reason: ok", "X-Reason: ok", "X-Reason: denied"]



=== TEST 10: the label is that of the first "allow" that matches
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_ACME_SHA1 label=acme;
        allow thumbprint=$TEST_NGINX_ACME_SHA256 label=not-this;
        allow thumbprint=$TEST_NGINX_RSA_SHA256 "label=R S A";
        allow thumbprint=$TEST_NGINX_RSA_SHA1 label=not-this;
        allow thumbprint=$TEST_NGINX_INTER_SHA1;
        allow verified label=others;
        allow thumbprint=$TEST_NGINX_GLOBEX_SHA1 label=not-this;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request eval
["GET /acme/", "GET /rsa/", "GET /inter-chain/", "GET /globex/", "GET /foreign/"]
--- error_code eval
[200, 200, 200, 200, 401]
--- response_headers eval
["X-Label: acme", "X-Label: R S A", "!X-Label", "X-Label: others", "!X-Label"]



=== TEST 11: rules from files
--- http_config
    clientcert_policy p {
        include $TEST_NGINX_HTML_DIR/*.rules;
        include $TEST_NGINX_HTML_DIR/*.absent;
        include $TEST_NGINX_HTML_DIR/last.conf;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- user_files
>>> a.rules
allow thumbprint=$TEST_NGINX_ACME_SHA1 label=a;
>>> b.rules
# a comment
allow thumbprint=$TEST_NGINX_GLOBEX_SHA1 label=b;
deny thumbprint=$TEST_NGINX_RSA_SHA1;
>>> last.conf
include $TEST_NGINX_HTML_DIR/inner.conf;
>>> inner.conf
allow thumbprint=$TEST_NGINX_RSA_SHA256 label=inner;
allow thumbprint=$TEST_NGINX_FOREIGN_SHA256 label=inner;
>>> not-included.conf
allow thumbprint=$TEST_NGINX_SELF_SHA1;
--- request eval
["GET /acme/", "GET /globex/", "GET /rsa/", "GET /foreign/", "GET /self/"]
--- error_code eval
[200, 200, 401, 200, 401]
--- response_headers eval
["X-Label: a", "X-Label: b", "X-Reason: denied", "X-Label: inner", "X-Reason: no_match"]



=== TEST 12: one among two thousand, of which many share the first bytes
--- http_config
    clientcert_policy p {
        include $TEST_NGINX_HTML_DIR/many.conf;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- user_files eval
my $acme = $ENV{TEST_NGINX_ACME_SHA1};
my $rsa = $ENV{TEST_NGINX_RSA_SHA256};
my @lines;

for my $i (1 .. 500) {
    my $n = sprintf '%04x', $i;

    push @lines, "allow thumbprint=${n}0123456789abcdef0123456789abcdef0123 label=$n;";
    push @lines, 'allow thumbprint=' . substr($acme, 0, 36) . "$n label=$n;"
        if substr($acme, 36) ne $n;
    push @lines, 'allow thumbprint=' . substr($rsa, 0, 60) . "$n label=$n;"
        if substr($rsa, 60) ne $n;
    push @lines, "deny thumbprint=${n}0123456789abcdef0123456789abcdef"
        . '0123456789abcdef0123456789ab;';
}

push @lines, "deny thumbprint=$ENV{TEST_NGINX_GLOBEX_SHA256};";
splice @lines, 100, 0, "allow thumbprint=$rsa label=rsa;";
splice @lines, 1500, 0, "allow thumbprint=$acme label=acme;",
    "allow thumbprint=$ENV{TEST_NGINX_GLOBEX_SHA1} label=globex;";

">>> many.conf\n" . CORE::join("\n", @lines) . "\n";
--- request eval
["GET /acme/", "GET /rsa/", "GET /globex/", "GET /acme2/", "GET /none/"]
--- error_code eval
[200, 200, 401, 401, 401]
--- response_headers eval
["X-Label: acme", "X-Label: rsa", "X-Reason: denied", "X-Reason: no_match", "X-Reason: no_certificate"]



=== TEST 13: only the client's own certificate counts, no other that it sends
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_INT_A_SHA1;
        allow thumbprint=$TEST_NGINX_CA_A_SHA256;
        deny thumbprint=$TEST_NGINX_SELF_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /inter-chain/
--- error_code: 401
--- response_headers
X-Reason: no_match



=== TEST 14: nor is a chain denied for the sake of its intermediate
--- http_config
    clientcert_policy p {
        allow thumbprint=$TEST_NGINX_INTER_SHA1;
        deny thumbprint=$TEST_NGINX_INT_A_SHA1;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
    }
--- request
GET /inter-chain/
--- response_headers
X-Reason: ok



=== TEST 15: a policy without "allow" refuses everyone
--- http_config
    clientcert_policy p {
        deny thumbprint=$TEST_NGINX_GLOBEX_SHA1;
    }

    clientcert_policy nobody {
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/tls.sock ssl;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        location /nobody {
            clientcert_require nobody;
        }
    }
--- request eval
["GET /acme/", "GET /none/", "GET /globex/", "GET /acme/nobody", "GET /none/nobody"]
--- error_code eval
[401, 401, 401, 401, 401]
--- response_headers eval
["X-Reason: no_match", "X-Reason: no_certificate", "X-Reason: denied", "X-Reason: no_match", "X-Reason: no_certificate"]
