# Covers "what comes out of a variable is a value, never a pattern": no key
# takes a block, a wildcard, a prefix or a regular expression from one, in an
# "allow" as in a "deny"; and what a value says it says alone, no comma and no
# blank adds a second one.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;

my $role = '1.3.6.1.4.1.34380.1.1.13';

der_cert(name => 'full', ext => [ [ $role, 0, der(12, 'a b') ] ], serial => '0a0b0c', policies => [ '1.2.3.4' ],
         subject => [ [ O => 'Example' ], [ OU => 'one' ], [ CN => 'full' ],
                      [ UID => 'u1' ] ],
         eku => [ '1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.4' ],
         san => [ dns => 'a.full.test', uri => 'http://full/a/b',
                  email => 'a@full.test', upn => 'a@corp.test', ip => pack('C4', 10, 1, 2, 3),
                  ip => pack 'H32', '20010db8' . '0' x 23 . '1' ]);

my ($sha1, $sha256) = (sha1('full'), sha256('full'));
my $spki = unpack 'H*', spki_sha256('acme');
my $issuer = sha256('ca-a');

# what holds, so that the key is known to work; and what mustn't
my %keys = (
    thumbprint => [ [ $sha1, $sha256 ],
                    [ '*', '~.', substr($sha1, 0, 39) . '*', "~$sha1",
                      "~*$sha1", "$sha1/0", "$sha1,$sha256", "$sha1|x" ] ],
    spki => [ [ $spki ], [ '*', '~.', "~$spki", "$spki/8", "$spki,$spki" ] ],
    serial => [ [ '0a0b0c', 'A:0B:0C' ],
                [ '*', '0a*', '~.', '~0a', '~*0A0B0C', '0a0b0c/8',
                  '0a0b0c,01' ] ],
    subject => [ [ 'UID=u1,CN=full,OU=one,O=Example' ],
                 [ '*', '~.', '~full', 'UID=u1,CN=*,OU=one,O=Example',
                   'UID=u1,CN=~.,OU=one,O=Example', 'CN=full,*',
                   '~UID=u1,CN=full,OU=one,O=Example' ] ],
    issuer => [ [ 'CN=ca-a,O=Example' ],
                [ '*', '~.', '~ca-a', 'CN=*,O=Example', 'CN=ca-*,O=Example',
                  '~CN=ca-a,O=Example' ] ],
    cn => [ [ 'full' ], [ '*', 'f*', '~.', '~full', '~*FULL', '^full$',
                          'full|x', 'full/*' ] ],
    o => [ [ 'Example' ], [ '*', 'E*', '~.', '~Example', '~*EXAMPLE' ] ],
    ou => [ [ 'one' ], [ '*', 'o*', '~.', '~one', '~*ONE' ] ],
    'subject.UID' => [ [ 'u1', 'U1' ], [ '*', 'u*', '~.', '~u1', '~*U1',
                                         'u1,x', 'UID=u1' ] ],
    'issuer.CN' => [ [ 'ca-a' ], [ '*', 'ca-*', '~.', '~ca', 'ca-a,x' ] ],
    dns => [ [ 'a.full.test' ],
             [ '*', '*.test', '*.full.test', '.full.test', '~.',
               '~full', '~*FULL', 'a.full.test/*', '*.*.test', '**' ] ],
    uri => [ [ 'http://full/a/b' ],
             [ '*', 'http:*', 'http://*', 'http://full/*',
               'http://full/a/*', '/*', '~.',
               '~http', '~*HTTP', 'http://full/a/b/*' ] ],
    email => [ [ 'a@full.test' ],
               [ '*', '*@full.test', '@full.test', 'full.test', 'a@*',
                 'a@*.test', '~.', '~full', '~*FULL' ] ],
    upn => [ [ 'a@corp.test', 'A@Corp.test' ],
             [ '*', '*@corp.test', '@corp.test', 'corp.test', 'a@*', '~.',
               '~corp', '~*CORP', 'a@corp.test,x' ] ],
    "extension.$role" => [ [ 'a b' ], [ '*', 'a*', 'A B', 'a', '~.', '~a b',
                                        'hex:0c03612062' ] ],
    ip => [ [ '10.1.2.3', '2001:db8::1' ],
            [ '0.0.0.0/0', '::/0', '10.0.0.0/8', '10.1.2.3/32', '10.1.2.3/0',
              '2001:db8::/32', '2001:db8::1/128', '10.1.2.*', '*', '~.',
              '0/0', '10.1.2.0-10.1.2.9' ] ],
    eku => [ [ 'emailProtection', '1.3.6.1.5.5.7.3.4' ],
             [ '*', '~.', '1.3.6.1.5.5.7.3.*', '1.3.6.1.5.5.7.3', '~email',
               '1.3.6.1.5.5.7.3.4/*' ] ],
    policy_oid => [ [ '1.2.3.4' ],
                    [ '*', '~.', '1.2.3.*', '1.2.3', '~1.2', '1.2.3.4/*' ] ],
);

# and with something around the variable
my @around = (
    [ 'ip=10.1.2.$http_x', '3', '0/24', '3/8', '*' ],
    [ 'dns=a.$http_x', 'full.test', '*.test', '~.' ],
    [ 'dns=*.$http_x', 'full.test', '*', '*.test', 'test', '' ],
    [ 'uri=http://full/$http_x', 'a/b', '*', 'a/*', 'a' ],
    [ 'uri=http://full/$http_x/*', 'a', '*', '..', '.', '' ],
    [ 'upn=*@$http_x', 'corp.test', '*', '*.test', 'x@corp.test', '' ],
    [ "extension.$role=hex:0c03\$http_x", '612062', '61206', '*', '~.', '' ],
    [ 'email=$http_x@full.test', 'a', '*', '~a', 'b@full.test,a' ],
    [ 'email=*@$http_x', 'full.test', '*', '*.test', 'test', '', '~.',
      '@full.test', 'a@full.test' ],
    [ 'cn=${http_x}ll', 'fu', '~fu', '*', '~.' ],
    [ 'serial=0a$http_x', '0b0c', '*', '~.' ],
    [ "thumbprint=\${http_x}", $sha1, '*' ],
);

my (@policies, @tests);

for my $key (sort keys %keys) {
    my ($good, $bad) = @{ $keys{$key} };
    push @policies, "$key=\$http_x";
    push @tests, map { [ $#policies, $_, 1 ] } @$good;
    push @tests, map { [ $#policies, $_, 0 ] } @$bad;
}
for (@around) {
    my ($condition, $good, @bad) = @$_;
    push @policies, $condition;
    push @tests, [ $#policies, $good, 1 ];
    push @tests, map { [ $#policies, $_, 0 ] } @bad;
}

my $n = nginx(config => sub {
    my ($policies, $locations) = ('', '');
    for my $i (0 .. $#policies) {
        $policies .= "clientcert_policy a$i { allow $policies[$i]; }\n"
                   . "clientcert_policy d$i { deny $policies[$i]; "
                   . "allow verified; }\n";
        $locations .= "location = /a$i { clientcert_require a$i; empty_gif; }"
                    . "location = /d$i { clientcert_require d$i; empty_gif; }";
    }
    return <<"END";
    $policies
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        keepalive_requests 10000;
        add_header X-Reason \$clientcert_reason always;
        $locations
    }
END
})->start;

my $c = client(cert => 'full', port => $n->port('tls'));

sub answer {
    my ($path, $x) = @_;
    my $r = $c->get($path, headers => { X => $x });
    return ($r->{status} // 'none') . ' ' . ($r->{headers}{'x-reason'} // '');
}

# What is no value at all can't be decided, so a "deny" may hold; it may not
# be that one holds by a pattern, which can be seen where an "allow" does.
for (@tests) {
    my ($i, $x, $holds) = @$_;
    is(answer("/a$i", $x), $holds ? '200 ok' : '401 no_match',
       "allow $policies[$i], $x");
    is(answer("/d$i", $x), '401 denied', "deny $policies[$i], $x") if $holds;
}

# A value that is one, if of nobody, doesn't deny as a pattern would.
my %i = map { $policies[$_] => $_ } 0 .. $#policies;
for ([ 'cn', '*' ], [ 'cn', '~.' ], [ 'o', '~.' ], [ 'ou', '*' ],
     [ 'subject.UID', '~.' ]) {
    my ($key, $x) = @$_;
    is(answer('/d' . $i{"$key=\$http_x"}, $x), '200 ok', "deny $key, $x");
}

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
