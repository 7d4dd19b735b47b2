# Covers what a client can have so much of that it would cost others: names
# that a regular expression takes long for, names at all, a subject of many
# bytes that is refused again and again, and certificates behind its own.
# Processor time and memory are the worker's, so a busy machine doesn't matter.

use strict;
use warnings;

use File::Spec;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;
use MIME::Base64 ();
use POSIX ();

# of two to the power of 40 ways to read it none fits
my @slow = map { (dns => 'a' x 40 . "-$_.example.org") } 1 .. 60;
my $slow = '^([a-z0-9]+-?)+\.clients\.example\.org$';

sub hosts { map { (dns => "host-$_.clients.example.org") } @_ }

der_cert(name => 'stranger', ca => 'self', san => [ @slow ]);
der_cert(name => 'slow', san => [ @slow ]);
der_cert(name => 'host', san => [ hosts(1) ]);
der_cert(name => 'names256', san => [ hosts(1 .. 256) ]);
der_cert(name => 'names257', san => [ hosts(1 .. 257), uri => 'urn:one' ]);
der_cert(name => 'names2000', san => [ hosts(1 .. 2000) ]);
der_cert(name => 'same', ca => 'self', san => [ (hosts(1)) x 2000 ]);
der_cert(name => 'unreadable', ca => 'self',
         san => [ dns => "a\0b", (ip => 'addr') x 5000 ]);
der_cert(name => 'ous257', san => [ hosts(1) ],
         subject => [ (map { [ OU => "unit-$_" ] } 1 .. 257), [ CN => 'x' ] ]);

# as many attributes as fit into a session, of one type, of two, and each of
# its own
der_cert(name => 'uids', subject => [ map { [ UID => "u$_" ] } 1 .. 2400 ]);
der_cert(name => 'uids_bad', subject => [
    (map { [ UID => "u$_" ] } 1 .. 1400), [ UID => "\0" ],
    (map { [ O => "o$_" ] } 1 .. 1400) ]);
der_cert(name => 'types', subject => [
    (map { [ "1.2.3.4.$_" => 'x' ] } 1 .. 3400), [ '1.2.3.4.7' => "\0" ] ]);

# and extensions, of which the last ones are the same
der_cert(name => 'exts', ext => [
    map { [ '1.2.3.4.' . ($_ > 2000 ? 2000 : $_), 0, der(12, "x$_") ] }
        1 .. 2001 ]);

# as many names as fit into a handshake
der_cert(name => 'names', ca => 'self', serial => '0a',
         san => [ map { (dns => "n$_") } 1 .. 8000 ]);

der_cert(name => 'gateway', subject => [ [ CN => 'gateway' ] ],
         san => [ map { (email => "n$_\@example.org") } 1 .. 2000 ]);

der_cert(name => 'short', subject => [ [ CN => 'short' ] ]);
der_cert(name => 'long', subject => [
    (map { [ OU => "\xc3\xb6" x 375 ] } 1 .. 43), [ CN => 'long' ] ]);

my $spki = unpack 'H*', spki_sha256('acme');

my $n = nginx(config => <<"END")->start;
    clientcert_policy regex { allow "dns=~$slow"; }
    clientcert_policy many {
@{[ map { "        allow \"dns=~$slow\" ou=$_;\n        allow ou=$_ uri=~x;\n"
        . "        allow \"dns=~$_$slow\";\n" } 1 .. 20 ]}
    }
    clientcert_policy varies { allow "dns=~$slow" cn=\$arg_cn; }
    clientcert_policy deny { deny "dns=~$slow"; allow spki=$spki; }
    clientcert_policy deny_easy { deny dns=~^nobody; allow spki=$spki; }
    clientcert_policy easy { allow dns=~^host-1\\.; }
    clientcert_policy uri { allow uri=~^urn:one\$; }
    clientcert_policy ou { allow ou=~^unit-1\$; }
    clientcert_policy deny_ou { deny ou=~^nobody; allow spki=$spki; }
    clientcert_policy constant { allow dns=host-2000.clients.example.org; }
    clientcert_policy first { allow dns=host-1.clients.example.org; }
    clientcert_policy wildcard { allow dns=*.clients.example.org; }
    clientcert_policy absent { allow dns=host-0.clients.example.org; }
    clientcert_policy deny_last {
        deny dns=host-2000.clients.example.org;
        allow spki=$spki;
    }
    clientcert_policy shared {
@{[ map { "        allow dns=*.clients.example.org ou=$_;\n" } 1 .. 10000 ]}
    }
    clientcert_policy deny_shared {
@{[ map { "        deny dns=*.clients.example.org ou=$_;\n" } 1 .. 10000 ]}
        allow spki=$spki;
    }
    clientcert_policy deny_many {
@{[ map { "        deny cn=$_;\n" } 1 .. 10000 ]}
        deny dns=nobody.example.org;
        allow spki=$spki;
    }
    clientcert_policy gateway {
@{[ map { "        allow cn=gateway email=m$_\@example.org;\n" } 1 .. 30000 ]}
    }
    clientcert_policy uid { allow subject.UID=~^u5\$ spki=$spki; }
    clientcert_policy uid_constant { allow subject.UID=u2400 spki=$spki; }
    clientcert_policy deny_uid { deny subject.UID=~^u5\$; allow spki=$spki; }
    clientcert_policy deny_uids {
@{[ map { "        deny subject.UID=v$_ subject.DC=x;\n" } 1 .. 10000 ]}
        deny subject.1.2.3.4.7=nobody;
        allow spki=$spki;
    }
    clientcert_policy deny_exts {
@{[ map { "        deny extension.1.2.3.4.$_=y$_ subject.DC=x;\n"
        . "        deny extension.1.2.3.4.$_=hex:0500 subject.DC=x;\n"
    } 1 .. 5000 ]}
        deny extension.1.2.3.4.2000=nobody;
        allow spki=$spki;
    }
    clientcert_policy ext { allow extension.1.2.3.4.1999=x1999; }
    clientcert_policy nobody { allow cn=nobody; }
    clientcert_policy rules {
@{[ map { "        allow dns=m$_ ca=%%CERTS%%/ca-a.crt;\n"
        . "        deny dns=m$_ serial=0b;\n" } 1 .. 5000 ]}
        allow dns=n8000 dns=n7999 dns=m0 ca=%%CERTS%%/ca-a.crt;
    }

    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        keepalive_requests 100000;
        access_log off;
        add_header X-Reason \$clientcert_reason always;
@{[ map { "        location = /$_ { clientcert_require $_; empty_gif; }\n" }
    qw(regex many varies deny deny_easy easy uri ou deny_ou constant first
       wildcard absent deny_last shared deny_shared
       deny_many gateway nobody rules uid uid_constant deny_uid
       deny_uids deny_exts ext) ]}
        location = /names {
            add_header X-San "[\$clientcert_san]";
            add_header X-Dns "[\$clientcert_san_dns]";
            empty_gif;
        }
        location = /chain {
            add_header X-Chain "[\$clientcert_rfc9440_chain]";
            empty_gif;
        }
    }
END

my ($worker) = $n->worker_pids;
my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK());

sub cpu {
    my @f = split ' ', ClientCert::slurp("/proc/$worker/stat") =~ s/.*\) //sr;
    return ($f[11] + $f[12]) / $ticks;
}

sub peak {
    my ($kb) = ClientCert::slurp("/proc/$worker/status") =~ /VmHWM:\s+(\d+)/;
    return $kb / 1024;
}

sub connected {
    my ($cert, %o) = @_;
    return client(cert => $cert, port => $n->port('tls'), timeout => 60, %o);
}

sub answer {
    my ($c, $path) = @_;
    my $r = $c->get($path);
    return ($r->{status} // 'none') . ' ' . ($r->{headers}{'x-reason'} // '');
}

# What $cert is answered at $path, so many times, and that it took no longer.
# Where one has stopped the worker the others aren't tried.
my $stopped = 0;

sub takes {
    my ($limit, $cert, $path, $wanted, $times) = @_;
    return fail("$cert, $path, not tried") if $stopped;
    my $c = connected($cert);
    my $before = cpu();
    my %got = map { answer($c, $path) => 1 } 1 .. $times // 1;
    my $took = cpu() - $before;
    like(join(', ', sort keys %got), $wanted, "$cert, $path");
    cmp_ok($took, '<', $limit, "$cert, $path, it takes $took s")
        or $stopped = 1;
}

# Regular expressions.

takes(1, 'stranger', '/regex', qr/^401 (?:untrusted|no_match)$/);
takes(1, 'stranger', '/many', qr/^401 (?:untrusted|no_match)$/);
takes(1, 'stranger', '/varies?cn=x', qr/^401 (?:untrusted|no_match)$/, 20);
takes(1, 'stranger', '/deny', qr/^401 denied$/);
takes(1, 'slow', '/regex', qr/^401 no_match$/);
takes(2, 'slow', '/many', qr/^401 no_match$/);
takes(2, 'slow', '/varies?cn=x', qr/^401 no_match$/, 10);
takes(1, 'slow', '/deny', qr/^401 denied$/);
takes(1, 'host', '/regex', qr/^200 ok$/);
takes(1, 'host', '/varies?cn=x', qr/^200 ok$/, 10);
takes(1, 'stranger', '/deny_easy', qr/^200 ok$/);

my $why = "can't be searched by an expression";
my $gave_up = qr/dns $why: it gave up with error -\d+/;
like($n->error_log, qr/: denied, .*, "deny" in \S+:\d+, $gave_up, client: /,
     'the log says why');
like($n->error_log, qr/: no_match, .*", $gave_up, client: /, 'of an "allow", too');

# Names.

my $told = qr/(?:dns|ou|subject\.UID) $why: more than 256 names,/;

sub told {
    my ($yes, $cert, $path, $wanted) = @_;
    my $seen = length $n->error_log;
    is(answer(connected($cert), $path), $wanted, "$cert, $path");
    my $log = substr $n->error_log, $seen;
    $yes ? like($log, $told, "$cert, $path: the log says why")
         : unlike($log, $told, "$cert, $path: nothing in the log");
}

told(0, 'names256', '/easy', '200 ok');
told(0, 'names256', '/deny_easy', '200 ok');
told(1, 'names257', '/easy', '401 no_match');
told(1, 'names257', '/deny_easy', '401 denied');
told(1, 'names2000', '/easy', '401 no_match');
told(1, 'names2000', '/deny_easy', '401 denied');

# each type for itself
told(0, 'names257', '/uri', '200 ok');
told(0, 'ous257', '/easy', '200 ok');
told(0, 'ous257', '/deny_easy', '200 ok');
told(1, 'ous257', '/ou', '401 no_match');
told(1, 'ous257', '/deny_ou', '401 denied');

# nor are attributes another matter
told(1, 'uids', '/uid', '401 no_match');
told(1, 'uids', '/deny_uid', '401 denied');
told(0, 'uids', '/uid_constant', '200 ok');
told(0, 'types', '/deny_uid', '200 ok');

# what is no expression has no limit
told(0, 'names2000', $_, '200 ok') for qw(/constant /first /wildcard);
told(0, 'names2000', '/absent', '401 no_match');
told(0, 'names2000', '/deny_last', '401 denied');
$stopped = 0;
takes(1, 'names2000', '/wildcard', qr/^200 ok$/, 500);

# nor do rules times names cost anything
takes(0.2, 'names', '/rules', qr/^401 no_match$/) for 1 .. 3;

# nor lines that have one name in common, if they have others as well
takes(0.2, 'gateway', '/gateway', qr/^401 no_match$/) for 1 .. 3;

# lines that have a name in common, and a stranger that has it many times
for my $test ([ '/shared', '401 untrusted' ], [ '/deny_shared', '200 ok' ]) {
    my ($path, $wanted) = @$test;
    my $before = cpu();
    my %got = map { answer(connected('same'), $path) => 1 } 1 .. 10;
    my $took = cpu() - $before;
    is(join(', ', keys %got), $wanted, "same, $path");
    cmp_ok($took, '<', 0.7, "same, $path, it takes $took s");
}

# nor attributes, of which it is asked about by its own type alone
takes(0.7, 'uids', '/deny_uids', qr/^200 ok$/, 50);
takes(0.7, 'types', '/deny_uids', qr/^401 denied$/, 50);
takes(2, 'uids_bad', '/deny_uids', qr/^200 ok$/, 50);

takes(0.7, 'exts', '/deny_exts', qr/^401 denied$/, 50);
takes(0.7, 'exts', '/ext', qr/^200 ok$/, 50);

# what can't be read is asked about again by each request
$stopped = 0;
takes(0.7, 'unreadable', '/deny_many', qr/^401 denied$/, 50);

{
    my $h = connected('names256')->get('/names')->{headers};
    my @names = split /,/, $h->{'x-dns'};
    is(scalar @names, 256, '256 names in a variable');
    $h = connected('names257')->get('/names')->{headers};
    is("$h->{'x-san'}$h->{'x-dns'}", '[][]', 'but not 257');
}

# A long subject, each byte of which is escaped for a log line that can't hold
# all of it.

{
    my %took;
    for my $cert ('short', 'long') {
        my $c = connected($cert);
        is(answer($c, '/nobody'), '401 no_match', "$cert: refused");
        my $before = cpu();
        my %got = map { answer($c, '/nobody') => 1 } 1 .. 1000;
        $took{$cert} = cpu() - $before;
        is(join(', ', keys %got), '401 no_match', "$cert: a thousand times");
    }
    cmp_ok($took{long}, '<', 2 * $took{short} + 0.5,
           "a long subject takes $took{long} s, a short one $took{short}");
}

# Certificates behind the leaf.

sub pem {
    my $der = shift;
    return "-----BEGIN CERTIFICATE-----\n" . MIME::Base64::encode($der)
           . "-----END CERTIFICATE-----\n";
}

# nothing but what makes a certificate, and a key that can be read
sub tiny {
    my $algorithm = der(0x30, der(6, "\x2a"));
    my $key = der(0x30, der(0x30, der_oid('1.3.101.112')),
                  der(3, "\0", 'k' x 32));
    my $tbs = der(0x30, der(2, chr(1 + shift() % 100)), $algorithm, der(0x30),
                  der(0x30, (der(0x17, '300101000000Z')) x 2), der(0x30),
                  $key);
    return der(0x30, $tbs, $algorithm, der(3, "\0\0"));
}

sub with_chain {
    my ($name, @behind) = @_;
    my $file = $n->write("$name.pem", join '',
                         ClientCert::slurp(cert_file('host', 'crt')), @behind);
    return connected('host', chain => File::Spec->abs2rel($file, cert_dir()),
                     malformed => 1, ciphers => 'DEFAULT:@SECLEVEL=0');
}

sub base64 {
    return MIME::Base64::encode(ClientCert::slurp(cert_file(shift, 'der')),
                                '');
}

{
    my @names = qw(ca-b int-a ca-a);
    my @pem = map { ClientCert::slurp(cert_file($_, 'crt')) } @names;
    my $chain = sub { '[' . join(', ', map { ":$_:" } map { base64($_) } @_)
                      . ']' };

    # ssl_verify_depth is 1, so there are two at most
    for my $i (1, 2) {
        my $r = with_chain("chain$i", @pem[0 .. $i - 1])->get('/chain');
        is($r->{headers}{'x-chain'}, $chain->(@names[0 .. $i - 1]),
           "$i certificates behind the leaf");
    }

    for my $test ([ 3, @pem ], [ 900, map { pem(tiny($_)) } 1 .. 900 ]) {
        my ($i, @behind) = @$test;
        my $seen = length $n->error_log;
        my ($memory, $time) = (peak(), cpu());
        my $c = with_chain("chain$i", @behind);
        is($c->error, undef, "$i certificates are sent");

        for (1 .. 3) {
            my $r = $c->get('/chain');
            is($r->{status}, 200, "$i certificates, an answer");
            is($r->{headers}{'x-chain'}, '[]', 'without them');
        }

        my $warning = "client sent $i certificates with its own, more than "
            . '"ssl_verify_depth" and one: $clientcert_rfc9440_chain is empty';
        like(substr($n->error_log, $seen), qr/\[warn\] .*\Q$warning\E, client: /,
             "$i certificates, the log says so");
        cmp_ok(peak() - $memory, '<', 20, "$i certificates, MB of memory");
        cmp_ok(cpu() - $time, '<', 1, "$i certificates, seconds");
    }
}

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
