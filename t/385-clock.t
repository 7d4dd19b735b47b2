# Covers a clock that is set, back as well as ahead, while a connection is
# open: what is remembered with it holds from a time until a time, those of
# the certificate and those of the CAs of its chain.  By libfaketime.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;

my ($lib) = glob '/usr/lib/*/faketime/libfaketime.so.1';
plan(skip_all => 'needs libfaketime, of the package faketime') if !$lib;

my $hour = 60 * 60;
my $now = time;

# valid for 20 hours around now; under a CA for 10, which is under one for 40
sub span {
    my $hours = shift;
    return (not_before => $now - $hours * $hour,
            not_after => $now + $hours * $hour);
}
der_cert(name => 'root', ca => 'self', key => 'foreign', is_ca => 1,
         subject => [ [ CN => 'root' ] ], span(40));
der_cert(name => 'int', ca => 'root', key => 'inter', is_ca => 1,
         subject => [ [ CN => 'int' ] ], span(10));
der_cert(name => 'leaf', ca => 'int', subject => [ [ CN => 'leaf' ] ],
         span(20));

my $n = nginx(config => sub {
    my $n = shift;
    my $sha1 = sha1('leaf');
    my $spki = unpack 'H*', spki_sha256('acme');
    my $both = join '', map { ClientCert::slurp(cert_file($_, 'crt')) }
        qw(root int);
    $n->write('both.pem', $both);
    $n->write('root.pem', ClientCert::slurp(cert_file('root', 'crt')));
    mkdir $n->path('up');
    $n->write('up/leaf.pem', ClientCert::slurp(cert_file('leaf', 'crt')));

    return <<"END";
    clientcert_store up directory=%%PREFIX%%/up;
    clientcert_policy verified { allow verified; }
    clientcert_policy thumbprint { allow thumbprint=$sha1; }
    clientcert_policy store { allow store=up; }
    clientcert_policy variable { allow cn=\$arg_cn; }
    clientcert_policy ca { allow ca=both.pem; }
    clientcert_policy ca_variable { allow cn=\$arg_cn ca=both.pem; }
    clientcert_policy ca_or { allow ca=both.pem; allow cn=nobody; }
    clientcert_policy undated { validity off; allow thumbprint=$sha1; }
    clientcert_policy ca_off { validity off; allow ca=both.pem; }
    clientcert_policy deny { deny ca=both.pem; allow spki=$spki; }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_client_certificate both.pem;
        ssl_verify_client optional_no_ca;
        keepalive_requests 100000;
        add_header X-Reason \$clientcert_reason always;
@{[ map { "        location = /$_ { clientcert_require $_; empty_gif; }\n"
    } qw(verified thumbprint store variable ca ca_variable ca_or undated ca_off
         deny) ]}
    }
END
}, main => <<'END');
    env LD_PRELOAD;
    env FAKETIME_TIMESTAMP_FILE;
    env FAKETIME_NO_CACHE;
    env DONT_FAKE_MONOTONIC;
    env NO_FAKE_STAT;
END

sub clock { $n->write('clock', sprintf "%+dh\n", shift) }

clock(0);
{
    local @ENV{qw(LD_PRELOAD FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE
                  DONT_FAKE_MONOTONIC NO_FAKE_STAT)}
        = ($lib, $n->path('clock'), 1, 1, 1);
    $n->start;
}

my @leaf = qw(verified thumbprint store variable);
my @ca = qw(ca ca_variable ca_or);

sub answers {
    my ($c, @names) = @_;
    return join ' ', map {
        my $r = $c->get("/$_?cn=leaf");
        "$_:" . ($r->{status} // 'none')
            . (($r->{headers}{'x-reason'} // '')
               =~ s/^(?:no_match|untrusted)$/-/r);
    } @names;
}

sub all { my ($answer, @names) = @_; join ' ', map { "$_:$answer" } @names }

# [ the clock, what of the leaf, what of its CA ]
my @times = (
    [ 0, 'ok', 'ok' ], [ -9, 'ok', 'ok' ], [ -11, 'ok', 'not' ],
    [ -21, 'not_yet_valid', 'not' ], [ 0, 'ok', 'ok' ],
    [ -21, 'not_yet_valid', 'not' ], [ 11, 'ok', 'not' ], [ 0, 'ok', 'ok' ],
    [ 21, 'expired', 'not' ], [ -11, 'ok', 'not' ], [ 21, 'expired', 'not' ],
    [ 0, 'ok', 'ok' ],
);

for my $version ('TLSv1_2', 'TLSv1_3') {
    # one connection that is asked at all times, and one not at the first
    my @c = map {
        client(cert => 'leaf', port => $n->port('tls'), version => $version)
    } 1, 2;

    for my $i (0 .. $#times) {
        my ($clock, $leaf, $ca) = @{ $times[$i] };
        my $status = $leaf eq 'ok' ? 200 : 401;
        clock($clock);

        for my $c ($i ? @c : $c[0]) {
            my $what = "$version, $clock hours, "
                     . ($c == $c[0] ? 'known' : 'asked later');
            is(answers($c, @leaf), all("$status$leaf", @leaf),
               "$what: the leaf");
            is(answers($c, @ca),
               all($ca eq 'ok' ? '200ok' : $leaf eq 'ok' ? '401-'
                                                         : "401$leaf", @ca),
               "$what: its CA");
            is(answers($c, 'undated', 'ca_off'),
               'undated:200ok ca_off:' . ($ca eq 'ok' ? '200ok' : '401-'),
               "$what: validity off");
            # whatever dates its CA has
            like(answers($c, 'deny'),
                 $leaf eq 'ok' ? qr/401denied/ : qr/401(?:denied|$leaf)/,
                 "$what: denied by it");
        }
    }
}

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
