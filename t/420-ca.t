# Covers src/cert/ngx_clientcert_chain.c and ngx_clientcert_chain_walk.c, each by
# one of the two meanings of "ca".  "allow ca=" builds a chain of its own,
# whatever the server trusts, from what the file has and, in the handshake,
# what the client sent.  A session that is resumed has no more than the file.
# "deny ca=" walks up by signatures, whatever dates and extensions say, and
# denies where it can't tell.

use strict;
use warnings;

use File::Spec;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;

my $now = time;

sub slurp {
    my $file = shift;
    open my $fh, '<', $file or die "$file: $!\n";
    local $/;
    return scalar <$fh>;
}

# CAs under ca-b, each with a key of its own, and a client under each
sub under {
    my ($name, %ca) = @_;
    der_cert(name => "$name-ca", ca => 'ca-b', key => 'globex',
             subject => [ [ CN => "$name-ca" ] ], %ca);
    der_cert(name => $name, ca => "$name-ca", subject => [ [ CN => $name ] ],
             san => [ dns => "$name.test" ]);
}

under('good', is_ca => 1);
under('other', is_ca => 1);
under('expired-int', is_ca => 1, not_after => $now - 60);
under('early-int', is_ca => 1, not_before => $now + 3600);
under('no-ca', is_ca => 0);
under('constrained', is_ca => 1, permitted => 'allowed.test');
under('within', is_ca => 1, permitted => 'within.test');
under('serving', is_ca => 1, ext => [
    [ '2.5.29.37', 0, der(0x30, der_oid('1.3.6.1.5.5.7.3.1')) ] ]);
der_cert(name => 'purpose', ca => 'ca-b', eku => [ '1.3.6.1.5.5.7.3.1' ]);
der_cert(name => 'shop', ca => 'good-ca', subject => [ [ CN => 'shop' ] ],
         eku => [ '1.3.6.1.5.5.7.3.1' ]);
under('soon', is_ca => 1, not_after => $now + 6);
under('critical', is_ca => 1, ext => [ [ '1.2.3.4', 1, "\5\0" ] ]);
der_cert(name => 'weak', ca => 'ca-b', md => 'sha1',
         subject => [ [ CN => 'weak' ] ]);

my $n = nginx(config => sub {
    my $n = shift;

    # an intermediate in the file is an anchor, too
    $n->write('int.pem', slurp(cert_file('good-ca', 'crt')));
    $n->write('both.pem', slurp(cert_file('ca-b', 'crt'))
                          . slurp(cert_file('good-ca', 'crt'))
                          . slurp(cert_file('serving-ca', 'crt')));
    $n->write('no-ca.pem', slurp(cert_file('no-ca-ca', 'crt')));

    return <<'END';
    log_format detail "$uri $clientcert_reason: $clientcert_detail";
    clientcert_policy why {
        allow cn=nobody ca=%%CERTS%%/self.crt;
        allow ca=%%CERTS%%/self.crt;
        allow ca=%%CERTS%%/ca-b.crt;
        allow ca=%%CERTS%%/ca-a.crt;
    }
    clientcert_policy named_first { allow cn=nobody ca=%%CERTS%%/ca-b.crt; }
    clientcert_policy unknown {
        allow thumbprint=$arg_x ca=%%CERTS%%/ca-b.crt;
    }
    clientcert_policy varies {
        allow cn=$arg_cn ca=%%CERTS%%/ca-b.crt;
        allow ca=%%CERTS%%/ca-a.crt;
    }
    clientcert_policy root { allow ca=%%CERTS%%/ca-b.crt; }
    clientcert_policy wrong { allow ca=%%CERTS%%/ca-a.crt; }
    clientcert_policy int { allow ca=int.pem; }
    clientcert_policy both { allow ca=both.pem; }
    clientcert_policy any { purpose any; allow ca=both.pem; }
    clientcert_policy noca { allow ca=no-ca.pem; }
    clientcert_policy named { allow cn=good ca=both.pem; }
    clientcert_policy chain { trust chain; allow ca=both.pem; }
    clientcert_policy except { deny ca=int.pem; allow ca=%%CERTS%%/ca-b.crt; }
    clientcert_policy denied { deny ca=both.pem; allow spki=%%SPKI%%; }

    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        add_header X-Reason $clientcert_reason always;
        location /root/ { clientcert_require root; empty_gif; }
        location /wrong/ { clientcert_require wrong; empty_gif; }
        location /int/ { clientcert_require int; empty_gif; }
        location /both/ { clientcert_require both; empty_gif; }
        location /any/ { clientcert_require any; empty_gif; }
        location /noca/ { clientcert_require noca; empty_gif; }
        location /named/ { clientcert_require named; empty_gif; }
        location /chain/ { clientcert_require chain; empty_gif; }
        location /except/ { clientcert_require except; empty_gif; }
        location /denied/ { clientcert_require denied; empty_gif; }
    }
    server {
        listen 127.0.0.1:%%PORT_error%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        error_page 495 = @both;
        location /both/ { clientcert_require both; empty_gif; }
        location @both { clientcert_require both; empty_gif; }
    }
    server {
        listen 127.0.0.1:%%PORT_any%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        error_page 495 = @any;
        location /any/ { clientcert_require any; empty_gif; }
        location @any { clientcert_require any; empty_gif; }
    }
    server {
        listen 127.0.0.1:%%PORT_why%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        error_page 495 = @why;
        access_log %%PREFIX%%/detail.log detail;
        add_header X-Reason $clientcert_reason always;
        location / { clientcert_require why; empty_gif; }
        location @why { clientcert_require why; }
        location /named { clientcert_require named_first; empty_gif; }
        location /unknown { clientcert_require unknown; empty_gif; }
        location /varies { clientcert_require varies; empty_gif; }
    }
END
});

{
    my $spki = unpack 'H*', spki_sha256('acme');
    my $config = $n->{config};
    $n->{config} = sub { $config->(@_) =~ s/%%SPKI%%/$spki/r };
}

$n->start;

my @paths = map { "/$_/" } qw(root wrong int both any noca named chain denied
                            except);

# Sends the intermediate along if it is given.
sub connection {
    my ($name, $int, %o) = @_;

    if ($int) {
        my $file = $n->write("$name-chain.pem",
                             slurp(cert_file($name, 'crt'))
                             . slurp(cert_file($int, 'crt')));
        $o{chain} = File::Spec->abs2rel($file, cert_dir());
    }

    return client(cert => $name, port => $n->port('tls'), %o);
}

sub answers {
    my $c = shift;
    return join ' ', map { $c->get($_)->{status} // 'none' } @paths;
}

# root wrong int both any noca named chain denied except
my @tests = (
    [ 'good', 'good-ca', '200 401 200 200 200 401 200 401 401 401',
                         '401 401 200 200 200 401 200 401 401 401' ],
    [ 'good', undef,     '401 401 200 200 200 401 200 401 401 401',
                         '401 401 200 200 200 401 200 401 401 401' ],
    [ 'other', 'other-ca', '200 401 401 200 200 401 401 401 401 200',
                           '401 401 401 401 401 401 401 401 401 401' ],
    [ 'expired-int', 'expired-int-ca',
                        ('401 401 401 401 401 401 401 401 401 401') x 2 ],
    [ 'early-int', 'early-int-ca',
                        ('401 401 401 401 401 401 401 401 401 401') x 2 ],
    [ 'within', 'within-ca', '200 401 401 200 200 401 401 401 401 200',
                             '401 401 401 401 401 401 401 401 401 401' ],
    [ 'purpose', undef, ('401 401 401 401 200 401 401 401 401 401') x 2 ],
    [ 'serving', undef, ('401 401 401 401 200 401 401 401 401 401') x 2 ],
    [ 'shop', undef, ('401 401 401 401 200 401 401 401 401 401') x 2 ],
    [ 'no-ca', undef, ('401 401 401 401 401 401 401 401 401 401') x 2 ],
    [ 'acme', undef, ('401 200 401 401 401 401 401 401 200 401') x 2 ],
);

for my $version ('TLSv1_2', 'TLSv1_3') {
    for my $test (@tests) {
        my ($name, $int, $fresh, $resumed) = @$test;
        my $what = "$name, " . ($int ? 'CA sent' : 'alone') . ", $version";

        my $c = connection($name, $int, version => $version);
        is(answers($c), $fresh, $what);
        is(answers($c), $fresh, "$what, kept alive");

        my $again = connection($name, $int, version => $version,
                               session => $c->session);
        ok($again->resumed, "$what, a session is resumed");
        is(answers($again), $resumed, "$what, resumed");
    }
}

# nginx refuses these by itself, unless it is told to go on with 495
for my $test ([ 'no-ca', '400 401' ], [ 'constrained', '400 401' ],
              [ 'within', '200 200' ]) {
    my ($name, $wanted) = @$test;
    my @got = map {
        connection($name, "$name-ca", port => $n->port($_))
            ->get('/both/')->{status} // 'none';
    } 'tls', 'error';
    is("@got", $wanted, "$name, by nginx and by the policy");
}

# so it does with those for servers that come with their CA
for my $test ([ 'shop', 'good-ca', '400 200' ],
              [ 'serving', 'serving-ca', '400 200' ]) {
    my ($name, $int, $wanted) = @$test;
    my @got = map {
        connection($name, $int, port => $n->port($_))
            ->get('/any/')->{status} // 'none';
    } 'tls', 'any';
    is("@got", $wanted, "$name, by nginx and by the policy");
}

# Why a chain failed, of the rule that got furthest: "why" has CAs who have
# nothing to do with it before and behind the one that matters.  Where nginx
# itself refuses, it closes.
my $root_b = cert_dir() . '/ca-b.crt';
my $self = cert_file('self', 'crt');

# what the log says behind the server's own verdict
sub logged {
    my ($reason, $seen) = @_;
    my ($line) = substr($n->error_log, $seen)
        =~ /: $reason, .* verify="[^"]*"(.*?)(?: while [^,]*)?, client: /;
    return ($line // 'nothing') =~ s/^, //r;
}

sub detail {
    my ($c, $path, $reason) = @_;
    my $seen = length $n->error_log;
    my $r = $c->get($path);
    is($r->{headers}{'x-reason'}, $reason, "$path is $reason");
    return logged($reason, $seen);
}

for my $test (
    [ 'the intermediate is missing', 'other', undef,
      qr/^ca "$self": unable to get local issuer certificate at depth 0$/ ],
    [ 'it is sent', 'other', 'other-ca', undef ],
    [ 'it has expired', 'expired-int', 'expired-int-ca',
      qr/^ca "$root_b": certificate has expired at depth 1$/ ],
    [ 'it is not valid yet', 'early-int', 'early-int-ca',
      qr/^ca "$root_b": certificate is not yet valid at depth 1$/ ],
    [ 'it is no CA', 'no-ca', 'no-ca-ca',
      qr/^ca "$root_b": invalid CA certificate at depth 1$/, 1 ],
    [ 'it may not have that name', 'constrained', 'constrained-ca',
      qr/^ca "$root_b": permitted subtree violation at depth 0$/, 1 ],
    [ 'a critical extension', 'critical', 'critical-ca',
      qr/^ca "$root_b": unhandled critical extension at depth 1$/, 1 ])
{
    my ($what, $name, $int, $wanted, $by_nginx) = @$test;
    my $connect = sub {
        connection($name, $int, port => $n->port('why'));
    };
    my $c = $connect->();

    for my $kept ('', $by_nginx ? ', again' : ', kept alive') {
        if ($wanted) {
            like(detail($c, '/', 'untrusted'), $wanted, "$what$kept");
        } else {
            is($c->get('/')->{status}, 200, "$what$kept");
        }
        $c = $connect->() if $by_nginx;
    }
}

# a client of this test shows no such certificate
{
    my $seen = length $n->error_log;
    my ($cert, $key) = map { cert_file('weak', $_) } 'crt', 'key';
    my $port = $n->port('why');
    my $said = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -quiet \\
        -connect 127.0.0.1:$port -servername localhost -cert $cert \\
        -key $key -cipher 'DEFAULT:\@SECLEVEL=0' 2>&1`;
    like($said, qr{^HTTP/1.1 401 }m, 'SHA-1 where the level is 2');
    is(logged('untrusted', $seen), qq{ca "$root_b": CA signature digest }
       . 'algorithm too weak at depth 0', 'SHA-1, why');
}

{
    my $c = connection('other', undef, port => $n->port('why'));
    is(detail($c, '/named', 'no_match'), '', 'a chain is no matter if the name is wrong');
    is(detail($c, '/unknown?x=y', 'no_match'), '', 'nor if it is unknown');
    like(detail($c, '/unknown?x=' . sha1('other'), 'untrusted'),
         qr/^ca "$root_b": unable to get local issuer/, 'what a variable holds');

    # the other rule's chain is remembered, this one's is as far
    like(detail($c, '/varies', 'untrusted'), qr{^ca ".*/ca-a\.crt": },
         'a rule with an empty variable is no matter');
    $c = connection('expired-int', 'expired-int-ca', port => $n->port('why'));
    like(detail($c, '/varies?cn=x', 'untrusted'), qr{^ca ".*/ca-a\.crt": },
         'nor is one whose variable holds something else');
    like(detail($c, '/varies?cn=expired-int', 'untrusted'),
         qr{^ca "$root_b": certificate has expired}, 'one that gets further');
    like(detail($c, '/varies?cn=x', 'untrusted'), qr{^ca ".*/ca-a\.crt": },
         'is that of this request');
}

# the same words for a log of one's own
ok($n->wait_log(qr/./), 'there is a log');
like(ClientCert::slurp($n->path('detail.log')),
     qr/^\/ untrusted: ca \\x22$root_b\\x22: certificate has expired at depth 1$/m,
     '$clientcert_detail');

# the chain ends while the connection is open
SKIP: {
    my $c = connection('soon', 'soon-ca');
    my $r = $c->get('/root/');
    skip 'the machine is too slow', 2 if time >= $now + 6;
    is($r->{status}, 200, 'a CA that is about to expire');
    my $last;
    wait_for { ($last = $c->get('/root/')->{status}) != 200 } 30, 'the end';
    is($last, 401, 'has an end on a connection that is kept, too');
}

# "ca" reads what a store reads

my ($ca_a, $ca_b) = map { slurp(cert_file($_, 'crt')) } qw(ca-a ca-b);
my $key = slurp(cert_file('ca-b', 'key'));

my %form = (
    der => slurp(cert_file('ca-b', 'der')),
    joined => join('', map { s/\n\z//r } $ca_a, $ca_b),
    key => $ca_b . $key,
    crlf => "some text\n$ca_b" =~ s/\n/\r\n/gr,
);

my $forms = join '', map { <<"END" } sort keys %form;
    clientcert_policy $_ { allow ca=$_.pem; }
END
my $locations = join '', map { <<"END" } sort keys %form;
        location /$_/ { clientcert_require $_; empty_gif; }
END

my $reader = nginx(config => <<"END");
$forms
    clientcert_policy leaf { allow ca=leaf.pem; }
    clientcert_policy denied { deny ca=leaf.pem; allow ca=der.pem; }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
$locations
        location /leaf/ { clientcert_require leaf; empty_gif; }
        location /denied/ { clientcert_require denied; empty_gif; }
    }
END
$reader->write("$_.pem", $form{$_}) for keys %form;
$reader->write('leaf.pem', slurp(cert_file('foreign', 'crt')));

my ($status, $said) = $reader->test;
is($status, 0, 'what a store reads');
is(scalar(() = $said =~ /\[warn\]/g), 2, 'two warnings') or diag $said;
like($said, qr{\[warn\] "\S+/key\.pem" holds a private key, which doesn't belong there in \S+:\d+$}m,
     'a private key, as it is told');
like($said, qr{\[warn\] "\S+/leaf\.pem" has a certificate that isn't a CA's, "CN=foreign,O=Example"; "spki=" or "thumbprint=" is for a client's in \S+:\d+$}m,
     'a certificate that is no CA\'s');

$reader->start;
for my $name (sort keys %form) {
    my $c = client(cert => 'foreign', port => $reader->port('tls'));
    is($c->get("/$name/")->{status}, 200, "a file of this form: $name");
}
is(client(cert => 'foreign', port => $reader->port('tls'))
       ->get('/leaf/')->{status}, 200, 'a client as its own CA');
is(client(cert => 'acme', port => $reader->port('tls'))
       ->get('/leaf/')->{status}, 401, 'lets nobody else in');
is(client(cert => 'foreign', port => $reader->port('tls'))
       ->get('/denied/')->{status}, 401, 'or keeps it out');
is($reader->stop, 0, 'the reader ended well');

# what it doesn't read is called by its name

sub openssl {
    my $command = shift;
    return scalar qx(openssl $command);
}

my $crt = cert_file('ca-b', 'crt');
my %bad = (
    'none.pem' => [ undef, qr/open\(\) "\S+none\.pem" failed \(2: No such file or directory\) in \S+:\d+$/m ],
    'html' => [ undef, qr/read\(\) "\S+html" failed \(21: Is a directory\) in/ ],
    'empty.pem' => [ '', 'it is empty' ],
    'text.pem' => [ "none\n", 'it holds no certificate' ],
    'crl.pem' => [ slurp(cert_dir() . '/crl-a.pem'), 'it is a CRL, not a certificate' ],
    'both.pem' => [ $ca_a . slurp(cert_dir() . '/crl-a.pem'),
                    'it has a CRL, which "ca" doesn\'t read' ],
    'key.pem' => [ $key, 'it holds a private key, which doesn\'t belong there, and no certificate' ],
    'cut.pem' => [ "-----BEGIN CERTIFICATE-----\nMIIB\n", 'it is truncated' ],
    'broken.pem' => [ $ca_b =~ s/\n.{4}/\n!!!!/r, 'a certificate in it is not base64' ],
    'wrong.pem' => [ $ca_b =~ s/\n.{64}\n/\n/r,
                     'a certificate in it is not DER as RFC 5280 wants it' ],
    'bundle.p7b' => [ openssl("crl2pkcs7 -nocrl -certfile $crt"),
                      'it is PKCS#7, "openssl pkcs7 -print_certs -in FILE" exports its certificates' ],
    'der.p7b' => [ openssl("crl2pkcs7 -nocrl -certfile $crt -outform DER"),
                   'it is PKCS#7, "openssl pkcs7 -inform DER -print_certs -in FILE" exports its certificates' ],
    'trusted.pem' => [ openssl("x509 -trustout -in $crt"),
                       'it holds a trusted certificate, "openssl x509 -in FILE" exports the certificate' ],
    'odd.der' => [ slurp(cert_file('ca-b', 'der')) =~ s/\x06(\x03\x55\x04)/\x05$1/r,
                   qr/\[emerg\] could not read a certificate of "\S+odd\.der" \(SSL: error:.*\)$/m ],
    'utf16.pem' => [ "\xff\xfe" . join('', map { "$_\0" } split //, $ca_b),
                     'it is UTF-16, a PEM file is ASCII' ],
);

for my $file (sort keys %bad) {
    my ($text, $error) = @{ $bad{$file} };
    $n->write($file, $text) if defined $text;
    my ($status, $said)
        = $n->test("clientcert_policy p { allow ca=$file; }");
    ok($status, "$file is refused");
    like($said, ref $error
                ? $error
                : qr/\[emerg\] .*invalid ca "\Q$file\E": \Q$error\E in \S+:\d+$/m,
         "$file, why");
}

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
