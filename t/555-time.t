# Covers what time alone changes in the status of stores: certificates that
# expire are counted so without a look at any file, and a connection that stays
# open notes now and then that it uses an entry.  Time passes by libfaketime.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert ':store';
use StatusJson;

my ($lib) = glob '/usr/lib/*/faketime/libfaketime.so.1';
plan(skip_all => 'needs libfaketime, of the package faketime') if !$lib;

my $hour = 60 * 60;
my $day = 24 * $hour;

make_cert(name => 'today', not_after => time + 12 * $hour);
make_cert(name => 'month', not_after => time + 30 * $day + 12 * $hour);

my $n = nginx(config => <<'END_CONFIG', main => <<'END_MAIN');
    clientcert_store up directory=%%PREFIX%%/up interval=100ms;
    clientcert_policy up { allow store=up; }
    keepalive_requests 100000;
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        keepalive_timeout 1d;
        location / { clientcert_require up; empty_gif; }
        location = /status { clientcert_status; }
    }
END_CONFIG
    env LD_PRELOAD;
    env FAKETIME_TIMESTAMP_FILE;
    env FAKETIME_NO_CACHE;
    env DONT_FAKE_MONOTONIC;
    env NO_FAKE_STAT;
END_MAIN

sub clock { $n->write('clock', "$_[0]\n") }
sub get { status_json(client(port => $n->port('tls')), '/status' . shift) }
sub ages { get('')->{stores}[0] }
sub last_used {
    my ($acme) = grep { $_->{label} eq 'acme' }
                 @{ get('?view=certificates')->{items} };
    return $acme->{last_used};
}

mkdir $n->path('up');
put($_) for qw(acme today month);
clock('+0h');
{
    local @ENV{qw(LD_PRELOAD FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE
                  DONT_FAKE_MONOTONIC NO_FAKE_STAT)}
        = ($lib, $n->path('clock'), 1, 1, 1);
    $n->start;
}

is(ages()->{expired}, 0, 'none has expired');
is_deeply(ages()->{expiring}, { '1d' => 1, '7d' => 1, '30d' => 1 }, 'one will');

is_now('acme', 200, 'acme is let in');
my $first = last_used();
ok(defined $first, 'which is noted');
is_now('acme', 200, 'again on that connection');
is(last_used(), $first, 'in the same minute') or diag('a minute has passed');

clock('+5h');
is_now('acme', 200, 'five hours later on that connection');
ok(wait_for(sub { is_now('acme', 200, 'still open');
                  last_used() gt $first }, 5), 'it is noted again');
my $later = last_used();

clock('+13h');
ok(wait_for(sub { ages()->{expired} == 1 }, 10), 'one has expired');
is_deeply(ages()->{expiring}, { '1d' => 0, '7d' => 0, '30d' => 1 },
          'another one will within 30 days');

# not before the certificate is valid, it was made for this run
clock('+2h');
ok(wait_for(sub { is_now('acme', 200, 'the clock is set back');
                  last_used() lt $later }, 5), 'that is noted, too');

hang_up();
SKIP: {
    my @wrong = wrong_answers();
    skip 'Python has no jsonschema', 1 if @wrong && !defined $wrong[0];
    is_deeply(\@wrong, [], 'as the schema says');
}
$n->stop('TERM');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
