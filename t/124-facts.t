# Covers src/cert/ngx_clientcert_facts.c: what a line of the error log says of
# a certificate, whatever that is.  It is always the same names in one order,
# in printable ASCII with \xHH for all else, and as much as a line can hold.

use strict;
use warnings;
use utf8;

use Encode 'encode';
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;

my $long = 'x' x 300;
my $issuer = 'issuer="CN=ca-a,O=Example"';

# name, what it is made of, what the line says from the subject on
my @certs = (
    [ spiffe => [ serial => '0a0b', subject => [],
                  san => [ uri => 'spiffe://a.test/ns/x', dns => 'b.test' ] ],
      qq{subject="" san="uri:spiffe://a.test/ns/x" serial=0x0a0b $issuer} ],
    [ dns => [ serial => '01', san => [ dns => 'b.test', dns => 'a.test' ] ],
      qq{subject="CN=x" san="dns:b.test" serial=0x01 $issuer} ],
    [ ip4 => [ serial => '02', san => [ ip => pack 'C4', 192, 0, 2, 1 ] ],
      qq{subject="CN=x" san="ip:192.0.2.1" serial=0x02 $issuer} ],
    [ ip6 => [ serial => '03', san => [ ip => pack 'H32', '20010db8'
                                                . '0' x 23 . '1' ] ],
      qq{subject="CN=x" san="ip:2001:db8::1" serial=0x03 $issuer} ],
    [ mail => [ serial => '04', san => [ email => 'me@a.test' ],
                subject => [ [ O => 'x' ], [ CN => 'acme' ] ] ],
      qq{subject="CN=acme,O=x" san="email:me\@a.test" serial=0x04 $issuer} ],
    [ none => [ serial => '05', san => undef ],
      qq{subject="CN=x" san="" serial=0x05 $issuer} ],

    # serial numbers that no CA should make
    [ zero => [ serial => '00', san => undef ],
      qq{subject="CN=x" san="" serial=0x00 $issuer} ],
    [ minus => [ serial => 'ff01', san => undef ],
      qq{subject="CN=x" san="" serial=-0xff $issuer} ],
    [ serial => [ serial => '7f' . 'ab' x 199, san => undef ],
      qq{subject="CN=x" san="" serial=0x7f@{[ 'ab' x 29 ]}... $issuer} ],

    # names that others chose
    [ evil => [ serial => '06', san => [ dns => qq{a\r\n"b\\} ],
                subject => [ [ CN => qq{a\r\n"\\} ] ] ],
      q{subject="CN=a\x0D\x0A\x5C\x22\x5C\x5C" san="dns:a\x0D\x0A\x22b\x5C"}
      . qq{ serial=0x06 $issuer} ],
    [ quad => [ serial => '07', san => [ ip => qq{a"b} ] ],
      qq{subject="CN=x" san="ip:a\\x22b" serial=0x07 $issuer} ],
    [ utf8 => [ serial => '08', san => undef,
                subject => [ [ CN => encode('UTF-8', 'José') ] ] ],
      qq{subject="CN=Jos\\xC3\\xA9" san="" serial=0x08 $issuer} ],
    [ bits => [ serial => '09', san => undef,
                subject => [ [ CN => "\0\xe9", 3 ], [ CN => 'x' ] ] ],
      qq{subject="CN=x,CN=#030200E9" san="" serial=0x09 $issuer} ],
    [ cut => [ serial => '0a', san => [ dns => $long ],
               subject => [ [ CN => "\x01" x 300 ] ] ],
      'subject="CN=' . '\x01' x 62 . '..." san="dns:' . 'x' x 249
      . qq{..." serial=0x0a $issuer} ],
    [ whole => [ serial => '0b', san => [ dns => 'x' x 252 ],
                 subject => [ [ CN => 'x' x 253 ] ] ],
      'subject="CN=' . 'x' x 253 . '" san="dns:' . 'x' x 252
      . qq{" serial=0x0b $issuer} ],
);

for (@certs) {
    my ($name, $made) = @$_;
    der_cert(name => "facts-$name", @$made);
}
der_cert(name => 'facts-self', ca => 'self', serial => '0c', san => undef,
         subject => [ [ CN => $long ] ]);
push @certs, [ 'self', undef, do {
    my $dn = 'CN=' . 'x' x 250 . '...';
    qq{subject="$dn" san="" serial=0x0c issuer="$dn"};
} ];

my $n = nginx(config => <<"END")->start;
    clientcert_policy p { allow thumbprint=@{[ sha1('acme') ]}; }

    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        location / { empty_gif; }
    }
END

for (@certs) {
    my ($name, undef, $wanted) = @$_;
    my $seen = length $n->error_log;
    my $c = client(cert => "facts-$name", port => $n->port('tls'));
    is($c->get('/')->{status}, 401, "$name is refused") for 1, 2;

    my @lines = grep { /rejected/ }
        split /\n/, substr $n->error_log, $seen;
    is(scalar @lines, 2, "$name, a line for each request");

    my ($sha1, $sha256) = map { $_->("facts-$name") } \&sha1, \&sha256;
    for my $line (@lines) {
        my ($said) = $line =~ /"p": no_match, (.*?) verify="[^"]*", client: /;
        is($said, "sha1=$sha1 sha256=$sha256 $wanted", "$name is told");
        like($line, qr{ request: "GET / HTTP/1\.1"}, 'and so is the request');
    }
}

unlike($n->error_log, qr/[^\n\x20-\x7e]/, 'all is printable ASCII');

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
