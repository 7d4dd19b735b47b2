# Covers what can't be read: names that are no text or have control characters,
# extensions that stand twice or aren't what they should be, and variables that
# hold nonsense.
# It matches each "deny" that asks for it and no "allow"; what a deny line says
# besides it still counts.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;

my $spki = unpack 'H*', spki_sha256('acme');
my ($san, $eku, $policies) = qw(2.5.29.17 2.5.29.37 2.5.29.32);

sub policy { der(0x30, map { der(0x30, der_oid($_)) } @_) }
sub uses { der(0x30, map { der_oid($_) } @_) }

my $client = '1.3.6.1.5.5.7.3.2';
my $mail = '1.3.6.1.5.5.7.3.4';
my $dns = der(0x30, der(0x82, 'a.test'));

my %certs = (
    plain => [],
    nul => [ subject => [ [ CN => "mallory\0" ] ] ],
    tab => [ subject => [ [ CN => "mallory\t" ] ] ],
    no_text => [ subject => [ [ CN => 'x', 8 ], [ O => "\0x", 3 ],
                              [ OU => 'x', 14 ] ] ],
    no_text_serial => [ subject => [ [ CN => 'x' ],
                                     [ serialNumber => 'x', 8 ] ] ],
    nul_dc => [ subject => [ [ DC => 'a' ], [ CN => 'x' ], [ DC => "\0" ] ] ],
    nul_issuer => [ subject => [ [ O => "a\0" ], [ CN => 'x' ] ],
                    ca => 'self' ],
    control_o => [ subject => [ [ O => "a\n" ], [ CN => 'x' ] ] ],
    control_ou => [ subject => [ [ OU => "a\x7f" ], [ CN => 'x' ] ] ],
    nul_dns => [ san => [ dns => "a.test\0.b" ] ],
    nul_uri => [ san => [ uri => "urn:a\0" ] ],
    nul_email => [ san => [ email => "a\@a.test\0" ] ],
    nul_upn => [ san => [ upn => "a\@b\0" ] ],
    no_text_upn => [ san => [ upn => [ der(4, 'a@b') ] ] ],
    long_ip => [ san => [ ip => "\12\0\0\1\0" ] ],
    two_policies => [ ext => [ [ $policies, 0, policy('1.2.3.4') ],
                               [ $policies, 0, policy('1.2.3.5') ] ] ],
    bad_policies => [ ext => [ [ $policies, 0, "\x30\7\x30\5\6\3\x2a" ] ] ],
    two_ekus => [ eku => undef, ext => [ [ $eku, 0, uses($client) ],
                                         [ $eku, 0, uses($mail) ] ] ],
    bad_eku => [ eku => undef, ext => [ [ $eku, 0, der(2, "\5") ] ] ],
    two_exts => [ ext => [ ([ '1.2.3.4', 0, der(12, 'x') ]) x 2 ] ],
    nul_ext => [ ext => [ [ '1.2.3.4', 0, der(12, "x\0") ] ] ],
    no_text_ext => [ ext => [ [ '1.2.3.4', 0, 'x' ] ] ],
    two_sans => [ ext => [ [ $san, 0, $dns ], [ $san, 0, $dns ] ] ],
    bad_san => [ san => "\x30\7\x82\x7fa.tes" ],

    # more stands behind it, or its end isn't where it should be
    more_san => [ san => $dns . der(0x30, der(0x82, 'other.test')) ],
    endless_san => [ san => "\x30\x80" . der(0x82, 'a.test') . "\0\0" ],
    more_eku => [ eku => undef,
                  ext => [ [ $eku, 0, uses($client) . uses($mail) ] ] ],
    more_policies => [ ext => [ [ $policies, 0, policy('1.2.3.4') . "\0" ] ] ],
);
for my $name (sort keys %certs) {
    der_cert(name => $name, subject => [ [ CN => 'x' ] ], @{ $certs{$name} });
}

# none of which is what any certificate has, as far as it can be read
my %conditions = (
    cn => [ 'cn=mallory', 'cn=other', 'cn=~^other$' ],
    o => [ 'o=other', 'o=~^other$' ],
    ou => [ 'ou=other', 'ou=~^other$' ],
    serialnumber => [ 'subject.serialNumber=9', 'subject.2.5.4.5=~^9$' ],
    dc => [ 'subject.DC=other', 'subject.DC=~^other$' ],
    issuer_o => [ 'issuer.O=other', 'issuer.O=~^other$' ],
    issuer_cn => [ 'issuer.CN=other' ],
    subject => [ 'subject=CN=mallory' ],
    issuer => [ 'issuer=CN=mallory' ],
    dns => [ 'dns=other.test', 'dns=*.other.test', 'dns=~^other$' ],
    uri => [ 'uri=urn:other', 'uri=http://other/*', 'uri=~^other$' ],
    email => [ 'email=other@a.test', 'email=*@other.test',
               'email=~^other$' ],
    upn => [ 'upn=other@a.test', 'upn=*@other.test', 'upn=~^other$' ],
    extension => [ 'extension.1.2.3.4=other' ],
    extension_hex => [ 'extension.1.2.3.4=hex:0500' ],
    other_extension => [ 'extension.1.2.3=x', 'extension.1.2.3=hex:0500' ],
    ip => [ 'ip=192.0.2.1', 'ip=192.0.2.0/24' ],
    policy_oid => [ 'policy_oid=1.2.3.9' ],
    eku => [ 'eku=serverAuth' ],
);
my %matches = (
    plain => [], nul => [qw(cn subject)], tab => [qw(cn subject)],
    no_text => [qw(cn o ou subject)], no_text_serial => [qw(serialnumber subject)],
    nul_dc => [qw(dc subject)],
    nul_issuer => [qw(o issuer_o subject issuer)],
    control_o => [qw(o subject)], control_ou => [qw(ou subject)],
    nul_dns => ['dns'], nul_uri => ['uri'], nul_email => ['email'],
    long_ip => ['ip'], nul_upn => ['upn'], no_text_upn => ['upn'],
    two_exts => [qw(extension extension_hex)], nul_ext => ['extension'],
    no_text_ext => ['extension'],
    two_policies => ['policy_oid'], bad_policies => ['policy_oid'],
    two_ekus => ['eku'], bad_eku => ['eku'],
    two_sans => [qw(dns uri email ip upn)],
    bad_san => [qw(dns uri email ip upn)],
    more_san => [qw(dns uri email ip upn)],
    endless_san => [qw(dns uri email ip upn)],
    more_eku => ['eku'], more_policies => ['policy_oid'],
);

my $dn = '"mallory!" is not "type=value", and "," and "+" inside of a value are '
       . 'written "\\," and "\\+"';
my $oid = 'it is neither an object identifier nor a name that OpenSSL knows';

# [ line, what X holds, the answer, what is told ("": nothing, undef: no matter)
#   and what it is in the log if it is another text ]
my @nonsense = (
    (map {
        my ($key, $bad, $good, $why) = @$_;
        ([ "$key=\$http_x", $bad, '401 denied', $why ],
         [ "$key=\$http_x", $good, '200 ok', '' ],
         [ "$key=\$http_x", undef, '200 ok', '' ],
         [ "$key=\$http_x cn=other", $bad, '200 ok' ],
         [ "$key=\$http_x cn=x", $bad, '401 denied', $why ]);
    } [ 'thumbprint', 'aabbcczz', 'ab' x 20,
        'unexpected character "z" at column 7' ],
      [ 'spki', 'aabbcc', 'ab' x 32,
        '6 hexadecimal digits found, but SHA-1 has 40 of them and SHA-256 has 64' ],
      [ 'serial', '12xyz', '12', '"z" is not a hexadecimal digit' ],
      [ 'subject', 'mallory!', 'CN=other', $dn ],
      [ 'issuer', 'mallory!', 'CN=other', $dn ],
      [ 'ip', '300.1.2', '192.0.2.1',
        'it is neither an IP address nor a CIDR block' ],
      [ 'ip', '192.0.2.0/24', '192.0.2.1',
        'a block of addresses takes no variables' ],
      [ 'eku', 'no-such-use', 'serverAuth', $oid ],
      [ 'policy_oid', '1.2..3', '1.2.3.9', $oid ]),
    # a prefix is text as well
    [ 'serial=0${http_x}', 'zyx', '401 denied',
      '"x" is not a hexadecimal digit', '0zyx' ],
    [ 'subject=$http_x', 'CN=caf\\xE9', '401 denied', '"\\xE9" is how a log '
      . 'escapes a byte, which must be undone first', 'CN=caf\\x5CxE9' ],
    [ 'dns=$http_x', "b\xfccher.test", '401 denied', 'an international name is '
      . 'written as in DNS, with labels that begin with "xn--"',
      'b\\xFCcher.test' ],
);

my $n = nginx(config => sub {
    my ($policies, $locations) = ('', '');

    my $add = sub {
        my ($name, $rules) = @_;
        $policies .= "clientcert_policy $name { $rules }\n";
        $locations .= "location = /$name { "
                    . "clientcert_require $name; empty_gif; }\n";
    };

    for my $key (sort keys %conditions) {
        my $i = 0;
        for (@{ $conditions{$key} }) {
            $add->("${key}_$i", "deny \"$_\"; allow spki=$spki;");
            $add->("allow_${key}_$i", "allow \"$_\" spki=$spki;");
            $i++;
        }
    }
    for my $i (0 .. $#nonsense) {
        $add->("x$i", "deny $nonsense[$i][0]; allow spki=$spki;");
    }

    return <<"END";
    $policies
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_verify_client optional_no_ca;
        keepalive_requests 1000;
        error_page 495 = \$uri;
        add_header X-Reason \$clientcert_reason always;
        add_header X-Detail \$clientcert_detail always;
        $locations
    }
END
})->start;

my ($c, $open, $detail);

# nginx closes after an error of its own
sub answer {
    my ($path, @headers) = @_;
    $c = $open->() if $c->closed(0);
    my $r = $c->get($path, headers => [ @headers ]);
    $detail = $r->{headers}{'x-detail'} // '';
    return ($r->{status} // 'none') . ' ' . ($r->{headers}{'x-reason'} // '');
}

for my $cert (sort keys %certs) {
    my %denied = map { $_ => 1 } @{ $matches{$cert} };
    my @wrong;

    for my $version ('TLSv1_2', 'TLSv1_3') {
        my $session;
        for my $how ('fresh', 'resumed') {
            $open = sub {
                client(cert => $cert, malformed => 1, port => $n->port('tls'),
                       version => $version, session => $session);
            };
            $c = $open->();

            for my $key (sort keys %conditions) {
                for my $i (0 .. $#{ $conditions{$key} }) {
                    my $text = "$version, $how, $conditions{$key}[$i]";
                    my $got = answer("/${key}_$i");

                    # OpenSSL takes a broken extension for another purpose
                    my $wanted = $denied{$key} ? qr/^401 denied/
                               : $cert =~ /bad|two_/
                                 ? qr/^(?:200 ok|401 wrong_purpose)/
                                 : qr/^200 ok/;
                    push @wrong, "deny, $text: $got" if $got !~ $wanted;

                    my ($name) = $conditions{$key}[$i] =~ /^([\w.]+)=/;
                    push @wrong, "deny, $text: it says $detail"
                        if $got =~ /denied/ && $detail !~ /^"deny"\ in\ \S+:\d+,
                            \ $name\ of\ the\ certificate\ can't\ be\ read$/x;

                    $got = answer("/allow_${key}_$i");
                    push @wrong, "allow, $text: $got" if $got !~ /^401/;
                }
            }
            $session = $c->session;
        }
    }

    is(join("\n", @wrong), '', "$cert: @{ $matches{$cert} }");
}

# Without dates there is nothing to decide by.
der_cert(name => 'dateless', not_before => 'yesterday');
{
    my $seen = length $n->error_log;
    $open = sub {
        client(cert => 'dateless', malformed => 1, port => $n->port('tls'));
    };
    $c = $open->();
    is(answer('/dns_0'), '500 error', 'a malformed date');
    my $log = substr $n->error_log, $seen;
    like($log, qr/invalid validity in client certificate/, 'the log says so');
    like($log, qr/: error, the certificate can't be read, client: /,
         'of the request, too');
}

for my $i (0 .. $#nonsense) {
    my ($line, $value, $wanted, $told, $logged) = @{ $nonsense[$i] };
    my $what = "deny $line, " . ($value // 'nothing');
    $open = sub { client(cert => 'plain', port => $n->port('tls')) };
    $c = $open->();
    my @headers = defined $value ? (X => $value) : ();

    for (1 .. 2) {
        my $seen = length $n->error_log;
        is(answer("/x$i", @headers), $wanted, $what);

        # written before the answer
        my @lines = split /\n/, substr $n->error_log, $seen;
        if ($told) {
            my ($key) = $line =~ /^(\w+)=/;
            my $text = "$key \"" . ($logged // $value)
                     . "\" can't be read: $told";
            @lines = grep { /, \Q$text\E, client: / } @lines;
            is(scalar @lines, 1, "$what: one line with $text");
        } elsif (defined $told) {
            @lines = grep { !/\[(?:info|notice)\]/ } @lines;
            is("@lines", '', "$what: nothing to say");
        }
    }
}

is($n->stop, 0, 'nginx ended well');
# what the handshake leaves behind is nginx's own matter
is_deeply([ grep { !/stale global SSL error.*while waiting for request/ }
            $n->alerts ], [], 'nothing alarming in the log');

done_testing;
