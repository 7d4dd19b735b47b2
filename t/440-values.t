# Covers variables in values: a rule that has one is decided at each request,
# also on a connection whose other verdicts are remembered, and what a variable
# holds is never a pattern.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;
use MIME::Base64 ();

der_cert(name => 'tenant', subject => [ [ O => 'Example' ], [ CN => 'blue' ] ],
         ext => [ [ '1.2.3.5', 0, der(12, 'web') ] ],
         san => [ upn => 'Blue@corp.test', dns => 'blue.example.com', email => 'b@example.com',
                  uri => 'spiffe://example.org/t/blue/api',
                  ip => pack 'C4', 127, 0, 0, 1 ],
         serial => '0b1e', policies => [ '1.2.3.4' ]);

my $n = nginx(config => <<'END')->start;
    map $arg_v $v { default $arg_v; }

    clientcert_policy tenant { allow cn=$tenant; }
    clientcert_policy bound { allow thumbprint=$http_bound label=bound; }
    clientcert_policy x5t { allow thumbprint=x5t#S256:$http_bound; }
    clientcert_policy dns { allow dns=$v; }
    clientcert_policy any { allow dns=*.$v; }
    clientcert_policy below { allow uri=spiffe://example.org/t/$v/*; }
    clientcert_policy uri { allow uri=$v; }
    clientcert_policy email { allow email=$v; }
    clientcert_policy attribute { allow subject.O=$v; }
    clientcert_policy issuer_cn { allow issuer.CN=ca-$v; }
    clientcert_policy upn { allow upn=$v@corp.test; }
    clientcert_policy extension { allow extension.1.2.3.5=$v; }
    clientcert_policy extension_hex { allow extension.1.2.3.5=hex:0c03$v; }
    clientcert_policy ip { allow ip=$remote_addr; }
    clientcert_policy serial { allow serial=$v; }
    clientcert_policy spki { allow spki=$v; }
    clientcert_policy subject { allow subject=$v; }
    clientcert_policy oid { allow policy_oid=$v; }
    clientcert_policy deny { deny cn=$v; allow verified; }
    clientcert_policy path_dn { deny subject=$path; allow verified; }
    clientcert_policy path_serial { deny serial=$path; allow verified; }
    clientcert_policy label {
        allow o=other label=first;
        allow cn=$v label=second;
        allow verified label=third;
        allow cn=${v} o=Example label=fourth;
    }
    clientcert_policy pinned { allow cn=$v ca=%%CERTS%%/ca-b.crt; }

    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        keepalive_requests 1000;
        add_header X-Label $clientcert_reason:$clientcert_label always;
        location ~ ^/t/(?<tenant>[a-z0-9-]+)/ {
            clientcert_require tenant;
            empty_gif;
        }
        location ~ "^/dn/(?<path>(?s).*)" {
            clientcert_require path_dn;
            empty_gif;
        }
        location ~ "^/serial/(?<path>(?s).*)" {
            clientcert_require path_serial;
            empty_gif;
        }
        location = /bound { clientcert_require bound; empty_gif; }
        location = /x5t { clientcert_require x5t; empty_gif; }
        location = /dns { clientcert_require dns; empty_gif; }
        location = /any { clientcert_require any; empty_gif; }
        location = /below { clientcert_require below; empty_gif; }
        location = /uri { clientcert_require uri; empty_gif; }
        location = /email { clientcert_require email; empty_gif; }
        location = /attribute { clientcert_require attribute; empty_gif; }
        location = /issuer_cn { clientcert_require issuer_cn; empty_gif; }
        location = /upn { clientcert_require upn; empty_gif; }
        location = /extension { clientcert_require extension; empty_gif; }
        location = /extension_hex {
            clientcert_require extension_hex;
            empty_gif;
        }
        location = /ip { clientcert_require ip; empty_gif; }
        location = /serial { clientcert_require serial; empty_gif; }
        location = /spki { clientcert_require spki; empty_gif; }
        location = /subject { clientcert_require subject; empty_gif; }
        location = /oid { clientcert_require oid; empty_gif; }
        location = /deny { clientcert_require deny; empty_gif; }
        location = /label { clientcert_require label; empty_gif; }
        location = /pinned { clientcert_require pinned; empty_gif; }
        location = /t {
            clientcert_require tenant;
            empty_gif;
        }
    }
END

my $c = client(cert => 'tenant', port => $n->port('tls'));

sub is_answer {
    my ($path, $wanted, $what, %headers) = @_;
    my $r = $c->get($path, headers => \%headers);
    my $got = $r->{status} // $r->{error};
    $got .= " $r->{headers}{'x-label'}" if $wanted =~ / /;
    is($got, $wanted, $what // $path);
}

is_answer('/t/blue/x', '200 ok:', 'the tenant of the path');
is_answer('/t/red/x', '401 no_match:', 'another one, on the same connection');
is_answer('/t/blue/x', '200 ok:', 'the first one again');
is_answer('/t', '401 no_match:', 'an empty value');

for my $bound ([ 'SHA-256 in hex', sha256('tenant') ],
               [ 'SHA-1 in hex', sha1('tenant') ],
               [ 'base64url', x5t('tenant') ]) {
    my ($what, $value) = @$bound;
    is_answer('/bound', '200 ok:bound', "a claim, $what", Bound => $value);
}

is_answer('/x5t', '200', 'a claim behind a prefix', Bound => x5t('tenant'));
is_answer('/bound', '401', 'a claim of another', Bound => x5t('acme'));
is_answer('/bound', '401', 'no claim');
is_answer('/bound', '401', 'a claim that is none', Bound => 'x' x 43);

is_answer('/dns?v=blue.example.com', '200');
is_answer('/dns?v=*.example.com', '401', 'no wildcard out of a variable');
is_answer('/dns?v=~.', '401', 'no regular expression out of a variable');
is_answer('/any?v=example.com', '200');
is_answer('/any?v=com', '401');
is_answer('/any?v=', '401');
is_answer('/below?v=blue', '200');
is_answer('/below?v=red', '401');
is_answer('/below?v=red/../blue', '401', 'no way out of a prefix');
is_answer('/below?v=', '401', 'no empty segment');
is_answer('/uri?v=spiffe://example.org/t/blue/api', '200');
is_answer('/uri?v=spiffe://example.org/t/*', '401', 'no prefix, either');
is_answer('/email?v=b@EXAMPLE.com', '200');
is_answer('/attribute?v=EXAMPLE', '200');
is_answer('/attribute?v=Exam*', '401');
is_answer('/attribute?v=blue', '401', 'of another attribute');
is_answer('/issuer_cn?v=a', '200');
is_answer('/issuer_cn?v=b', '401');
is_answer('/upn?v=blue', '200');
is_answer('/upn?v=*', '401', 'no host of a user out of a variable');
is_answer('/extension?v=web', '200');
is_answer('/extension?v=WEB', '401');
is_answer('/extension?v=hex:0c03776562', '401', 'no bytes out of a variable');
is_answer('/extension?v=', '401');
is_answer('/extension_hex?v=776562', '200');
is_answer('/extension_hex?v=77656', '401', 'half a byte');
is_answer('/ip', '200');
is_answer('/serial?v=0B:1E', '200');
is_answer('/serial?v=zz', '401');
is_answer('/serial?v=0xb1e', '200');
is_answer('/serial?v=2846(0xb1e)', '200');
is_answer('/serial?v=2846', '401', 'a decimal number is no other than before');
is_answer('/serial?v=' . '0' x 257, '401');
is_answer('/spki?v=' . unpack('H*', spki_sha256('acme')), '200');
is_answer('/subject?v=CN=blue,O=Example', '200');
is_answer('/subject?v=O=Example,CN=blue', '200');
is_answer('/subject?v=CN=blue', '401');
is_answer('/subject?v="', '401');
is_answer('/oid?v=1.2.3.4', '200');
is_answer('/oid?v=nothing', '401');
is_answer('/deny?v=blue', '401 denied:');
is_answer('/deny?v=red', '200 ok:');
is_answer('/deny?v=', '200 ok:');
# of a value that can't be read no byte goes into the log as it is
for my $path ('/dn/%0A2026/01/01%1B%C2%85=x,O=y', '/dn/CN=a,%0A2026/01/01',
              '/serial/1%0A') {
    my $seen = length $n->error_log;
    is_answer($path, '401 denied:');
    my $log = substr $n->error_log, $seen;
    like($log, qr/\\x0A.*can't be read/, 'it is in the log');
    unlike($log, qr/[^\x20-\x7e\n]|^(?!\d{4}\/\S+ \S+ \[\w+\] )./m,
           'with nothing raw');
}

is_answer('/label?v=blue', '200 ok:second', 'the first rule gives the label');
is_answer('/label?v=red', '200 ok:third', 'and it is another one now');
is_answer('/pinned?v=blue', '401 untrusted:', 'another CA');

my $again = client(cert => 'tenant', port => $n->port('tls'),
                   session => $c->session);
ok($again->resumed, 'a session is resumed');
$c = $again;
is_answer('/t/blue/x', '200', 'the tenant on a resumed session');
is_answer('/t/red/x', '401', 'another one');

# a claim in a certificate that nobody verified
der_cert(name => 'forged', ca => 'self', subject => [ [ CN => 'blue' ] ]);
$c = client(cert => 'forged', port => $n->port('tls'));
is_answer('/t/blue/x', '401 untrusted:', 'a forged tenant');
is_answer('/t/red/x', '401 untrusted:', 'a forged tenant elsewhere');
is_answer('/bound', '200', 'a bound token needs no CA',
          Bound => x5t('forged'));

for my $test ([ 'ca=$arg_v', qr/takes no variables/ ],
              [ 'subject=CN=$arg_v,O=x', qr/must be the whole name/ ],
              [ 'cn=$nothing_has_this_name', qr/unknown/ ],
              [ 'cn=a$', qr/invalid variable name/ ]) {
    my ($condition, $error) = @$test;
    my ($status, $said)
        = $n->test("clientcert_policy p { allow $condition; }");
    ok($status, "$condition is refused");
    like($said, $error, "$condition, why");
}

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
