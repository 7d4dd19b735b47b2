# Covers the list of refused certificates: ngx_clientcert_recent.c, who gets a
# slot and who leaves; ngx_http_clientcert_recent.c and ngx_clientcert_facts.c,
# what is kept of a refusal; ngx_http_clientcert_view_refused.c, how it is told,
# whatever names a certificate has.  Networks are made with the realip module.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;
use Digest::SHA 'sha256_hex';
use Metrics;
use MIME::Base64 'decode_base64';
use POSIX ();
use StatusJson;

my $n;

sub config {
    my ($zone) = @_;
    return <<"END";
    $zone
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;

    clientcert_policy p { allow cn=acme; deny cn=denied; }
    clientcert_policy "q \\"\xff" { allow cn=acme; }
    clientcert_policy trial { dry_run on; allow cn=acme; }

    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        server_name api.test;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        keepalive_requests 1000000;
        location / { clientcert_require p; empty_gif; }
        location /q { clientcert_require "q \\"\xff"; empty_gif; }
        location /trial { clientcert_require trial; empty_gif; }
        location = /status { clientcert_status; }
        location = /metrics { clientcert_status prometheus; }
    }
END
}

sub start { $n = nginx(config => config(shift), @_)->start }

my %open;

sub ask {
    my ($cert, $path, $from) = @_;
    my $c = $open{$cert // '-'} //= client(port => $n->port('tls'),
                                           cert => $cert);
    my $r = $c->get($path // '/', headers => $from ? { 'X-Real-IP' => $from }
                                                   : {});
    return $r->{status} // die "$r->{error}\n";
}

sub get { status_json(client(port => $n->port('tls')), '/status' . shift) }

# the items by who it is
sub refused {
    my $r = get('?view=refused&limit=1000' . (shift // ''));
    return { map { ("$_->{sha256} $_->{policy}" => $_) } @{ $r->{items} } };
}

sub of { my ($list, $cert, $policy) = @_;
         return $list->{ sha256($cert) . ' ' . ($policy // 'p') } }

sub fine {
    %open = ();
    SKIP: {
        my @wrong = wrong_answers();
        skip 'Python has no jsonschema', 1 if @wrong && !defined $wrong[0];
        is_deeply(\@wrong, [], 'as the schema says');
    }
    is($n->stop, 0, 'nginx ended well');
    is_deeply([ $n->alerts ], [], 'nothing alarming in the log');
}

sub x509 {
    my ($cert, $what) = @_;
    my $file = cert_file($cert, 'crt');
    my $said = `openssl x509 -in $file -noout $what -nameopt RFC2253`;
    chomp $said;
    return $said =~ s/^\w+=\s*//r;
}


# 1. What is kept of a refusal.

der_cert(name => 'sans', ca => 'ca-b', serial => '00ff01',
         subject => [ [ CN => 'sans' ], [ O => 'Example' ] ],
         san => [ dns => 'a.example', uri => 'spiffe://example.org/a,uri:b',
                  email => 'a@example.org', ip => pack('C4', 192, 0, 2, 1),
                  ip => pack('n8', 0x2001, 0xdb8, (0) x 5, 1) ]);
der_cert(name => 'denied', ca => 'self', subject => [ [ CN => 'denied' ] ]);

start('', workers => 2);
is_deeply(get('?view=refused')->{items}, [], 'nothing yet');
is(get('')->{refused}{newest}, undef, 'never');

my $before = time;
is(ask('sans', '/orders/1?secret=2', '192.0.2.77'), 401, 'refused');
is(ask('sans', '/orders/2', '192.0.2.78'), 401, 'and again');
is(ask('globex'), 401, 'another one, verified');
is(ask('globex', '/q'), 401, 'by another policy');
is(ask('globex', '/trial'), 200, 'by one in dry run');
is(ask('denied'), 401, 'one that is denied');
is(ask(undef), 401, 'no certificate');
is(ask('acme'), 200, 'allowed');

my $list = refused();
is(scalar(keys %$list), 5, 'five of them');

my $sans = of($list, 'sans');
is($sans->{$_->[0]}, $_->[1], $_->[0])
    for [ sha1 => sha1('sans') ], [ reason => 'untrusted' ],
        [ subject => x509('sans', '-subject') ],
        [ issuer => x509('sans', '-issuer') ], [ serial => 'ff01' ],
        [ server => 'api.test' ], [ detail => '' ],
        [ verify => 'FAILED:unable to verify the first certificate' ],
        [ bytes => -s cert_file('sans', 'der') ];
like($sans->{uri}, qr{^/orders/[12]$}, 'its path, without arguments');
like($sans->{client}, qr/^192\.0\.2\.7[78]$/, 'whence');
is($sans->{count}, 2, 'twice');
is_deeply($sans->{san}, [ 'dns:a.example', 'uri:spiffe://example.org/a,uri:b',
                          'email:a@example.org', 'ip:192.0.2.1',
                          'ip:2001:db8::1' ], 'its names');
ok(!$sans->{verified} && !$sans->{self_signed} && !$sans->{dry_run}
   && $sans->{kept}, 'a stranger');
ok(!defined $sans->{der}, 'the certificate only if asked for');

my ($globex, $denied) = map { of($list, $_) } qw(globex denied);
ok($globex->{verified}, 'globex is verified');
is($globex->{reason}, 'no_match', 'but has no rule');
is($globex->{san}[0] // 'none', 'none', 'and no names');
ok(of($list, 'globex', 'trial')->{dry_run}, 'in dry run');
ok(of($list, 'globex', 'q \x22\xFF'), 'by a policy of an odd name');
is($denied->{reason}, 'denied', 'denied');
ok($denied->{self_signed}, 'self-signed');

my $one = get('?view=refused&certificate=1&sha256=' . sha256('sans'));
is(scalar(@{ $one->{items} }), 1, 'one by its thumbprint');
is(sha256_hex(decode_base64($one->{items}[0]{der})), sha256('sans'),
   'the certificate itself');

sub found { join ' ', sort map { $_->{subject} =~ /CN=(\w+)/ ? $1 : '-' }
                           @{ get('?view=refused' . shift)->{items} } }

is(found('&q=SANS'), 'sans', 'by its subject');
is(found('&q=spiffe'), 'sans', 'by a name');
is(found('&q=' . uc sha1('denied')), 'denied', 'by SHA-1');
is(found('&q=' . join ':', sha256('denied') =~ /../g), 'denied',
   'by SHA-256 with colons');
is(found('&q=192.0.2.7'), 'sans', 'by the address');
is(found('&reason=denied'), 'denied', 'by the reason');
is(found('&policy=trial'), 'globex', 'by the policy');
is(found('&q=nothing'), '', 'nothing');

is(get('?view=refused&sha256=12')->{error}{code}, 'invalid_sha256', 'no digest');
is(get("?view=refused&after=$_")->{error}{code}, 'invalid_after', "after $_")
    for 'x', '-', '1', '1-x', '-1-1';

my ($next, @pages) = ('');
for (1 .. 9) {
    my $r = get("?view=refused&limit=2$next");
    push @pages, map { "$_->{sha256} $_->{policy}" } @{ $r->{items} };
    last unless $r->{next};
    $next = "&after=$r->{next}";
}
is(join(' ', sort @pages), join(' ', sort keys %$list), 'page by page');

my $m = metrics(client(port => $n->port('tls'))->get('/metrics')->{body});
is(value($m, 'refused_certificates'), 5, 'as a metric');
is(value($m, 'refused_evictions_total'), 0, 'none had to leave');

ok($n->reload, 'a reload');
%open = ();
is(of(refused(), 'sans')->{count}, 2, 'they are kept');
ask('sans') for 1 .. 10;
is(of(refused(), 'sans')->{count}, 12, 'and counted on');

ok($n->reload(config('clientcert_status_zone refused=off;')), 'off');
%open = ();
ask('sans');
is_deeply(get('?view=refused')->{items}, [], 'nothing is kept');
is(get('')->{refused}, undef, 'nor said to be');
$m = metrics(client(port => $n->port('tls'))->get('/metrics')->{body});
is(value($m, 'refused_certificates'), undef, 'and no metric');
fine();


# 2. Names of all kinds, in every field.

my %odd = (
    script => '<script>alert(1)</script>', quotes => '"\'\\', control =>
    "a\x01\x1f\x7f\r\n", latin => "J\xf6rg", rtl => "\xe2\x80\xaegpj.exe",
    c1 => "\xc2\x85", nul => "admin\0.evil", utf8 => "\xc3\xa4\xf0\x9f\x98\x80",
    blanks => "  x  ", commas => 'a,uri:b', escapes => '\\x22\\u0022',
);

for my $name (keys %odd) {
    my $v = $odd{$name};
    der_cert(name => "odd-$name", ca => 'self', serial => '80' . '00' x 19,
             # 20 is T61String, where any byte is a character
             subject => [ map { [ $_ => $v, $name eq 'latin' ? 20 : 12 ] }
                              qw(CN O OU emailAddress UID) ],
             san => [ map { ($_ => $v) } qw(dns uri email upn) ]);
}
der_cert(name => 'odd-long', ca => 'self',
         subject => [ map { [ OU => "\xff" x 60, 20 ] } 1 .. 20 ],
         san => [ map { (dns => '"' x 100) } 1 .. 20 ]);
der_cert(name => 'odd-huge', ca => 'self', subject => [ [ CN => 'huge' ] ],
         san => [ map { (dns => "n$_.example") } 1 .. 600 ]);

start('clientcert_status_zone size=2m refused=128;');
for my $i (0 .. keys %odd) {
    my $name = (sort keys %odd)[$i] // next;
    my $uri = join '', map { sprintf '%%%02X', ord } split //,
                       $odd{$name} =~ s/\0//r;
    is(ask("odd-$name", "/$uri", "198.51.$i.1"), 401, "odd-$name");
}
is(ask('odd-long'), 401, 'odd-long');
is(ask('odd-huge', '/' . 'x' x 5000), 401, 'odd-huge');

$list = refused();
is(scalar(keys %$list), keys(%odd) + 2, 'all of them');
is(of($list, 'odd-script')->{uri}, '/<script>alert(1)</script>',
   'markup is text');
is(of($list, 'odd-rtl')->{san}[0], 'dns:\xE2\x80\xAEgpj.exe', 'escaped');
is(of($list, 'odd-rtl')->{uri}, '/\xE2\x80\xAEgpj.exe', 'in a path, too');
is(of($list, 'odd-quotes')->{san}[0], q{dns:\x22'\x5C}, 'quotes');
like(of($list, 'odd-long')->{san}[-1], qr/\.\.\.$/, 'cut off');
cmp_ok(length(of($list, 'odd-long')->{subject}), '<=', 256, 'a long subject');
ok(!of($list, 'odd-huge')->{kept}, 'a large one is not kept');
is_deeply(of($list, 'odd-huge')->{san}, [], 'nor are its names read');
cmp_ok(length(of($list, 'odd-huge')->{uri}), '<=', 128, 'a long path');
is_deeply([ wrong_in(client(port => $n->port('tls'))->get('/metrics')->{body}) ],
          [], 'metrics are well');
fine();


# 3. Floods.

der_cert(name => "flood$_", ca => 'self', subject => [ [ CN => "flood$_" ] ])
    for 1 .. 60;

start('');
ask('globex', '/', '203.0.113.1');
ask('denied', '/', '203.0.113.2') for 1 .. 3;

ask("flood$_", '/', "198.51.100.$_") for 1 .. 30;
$list = refused();
is(scalar(grep { of($list, "flood$_") } 1 .. 30), 8,
   'a network gets a quarter of the half');
ok(of($list, 'flood30'), 'the last ones');
ok(of($list, 'globex') && of($list, 'denied'), 'others stay');
is(get('')->{refused}{evicted}, 22, 'which is counted');

ask("flood$_", '/', "2001:db8:1:1::$_") for 31 .. 45;
$list = refused();
is(scalar(grep { of($list, "flood$_") } 31 .. 45), 8, 'so does a /64');

ask("flood$_", '/', "10.$_.0.1") for 1 .. 60;
$list = refused();
is(scalar(keys %$list), 33, 'the half is full');
is(scalar(grep { of($list, "flood$_") } 1 .. 60), 31, 'of strangers');
ok(of($list, 'globex'), 'who is verified stays');
is(of($list, 'denied')->{count}, 3, 'and who was refused more often');
ok(of($list, 'flood60'), 'the last one has come in all the same');
fine();


# 4. Many at once: what is read is never of two.

start('', workers => 4);
my @children;
for my $child (0 .. 3) {
    defined(my $pid = fork) or die "fork: $!\n";
    if (!$pid) {
        %open = ();
        for my $round (1 .. 40) {
            ask("flood$_", "/$_", "10.$_.$child.1")
                for map { $child * 15 + $_ } 1 .. 15;
        }
        POSIX::_exit(0);
    }
    push @children, $pid;
}

my ($looks, @torn) = (0);
while (grep { waitpid($_, POSIX::WNOHANG()) == 0 } @children) {
    my $r = get('?view=refused&certificate=1&limit=1000');
    for (@{ $r->{items} }) {
        my ($cn) = $_->{subject} =~ /flood(\d+)/;
        push @torn, $_ if sha256_hex(decode_base64($_->{der})) ne $_->{sha256}
                          || $_->{sha256} ne sha256("flood$cn");
        $looks++;
    }
    if ($looks % 3 == 0) {
        kill KILL => ($n->worker_pids)[0] if rand(10) < 1;
    }
}
cmp_ok($looks, '>', 100, "$looks looks");
is_deeply(\@torn, [], 'each was of one');

%open = ();
is(ask('denied', '/', '203.0.113.2'), 401, 'another one');
ok(wait_for(sub { ask('denied', '/', '203.0.113.2');
                  of(refused(), 'denied') }, 10), 'gets a slot');
wrong_answers();
$n->stop;
is_deeply([ $n->alerts(killed => 1) ], [], 'nothing alarming in the log');

done_testing;
