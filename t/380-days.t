# What expires in a store is told once a day, and a certificate that expires
# while its owner is connected shuts them out: days pass in an instant, by
# libfaketime.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert ':store';

my ($lib) = glob '/usr/lib/*/faketime/libfaketime.so.1';
plan(skip_all => 'needs libfaketime, of the package faketime') if !$lib;

my $hour = 60 * 60;
my $day = 24 * $hour;

# what becomes due within the first day, by the clock or by its window of 30
make_cert(name => 'today', not_after => time + 12 * $hour);
make_cert(name => 'soon', not_after => time + 5 * $day + 12 * $hour);
make_cert(name => 'month', not_after => time + 30 * $day + 12 * $hour);
make_cert(name => 'later', not_after => time + 50 * $day);

my $n = nginx(config => <<'END_CONFIG', main => <<'END_MAIN');
    clientcert_store up  directory=%%PREFIX%%/up interval=100ms;
    clientcert_store off directory=%%PREFIX%%/up interval=100ms warn=0;
    clientcert_policy up { allow store=up; }
    clientcert_policy never { allow store=off; }
    keepalive_requests 100000;
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        root %%PREFIX%%/html;
        add_header X-Reason $clientcert_reason always;
        location / { clientcert_require up; try_files /x =404; }
    }
END_CONFIG
    env LD_PRELOAD;
    env FAKETIME_TIMESTAMP_FILE;
    env FAKETIME_NO_CACHE;
    env DONT_FAKE_MONOTONIC;
    env NO_FAKE_STAT;
END_MAIN

# The helper has compared, twice, since no event tells of a link's target.
sub compared {
    for (qw(globex rsa)) {
        put($_, 'target');
        becomes($_, 200, 'a change by comparing');
    }
}

# How often each is named in a line of expiring certificates.
sub told {
    my %count;
    for ($n->error_log =~ /\[warn\] \d+#.*"up": of its certificates (.*)/g) {
        $count{"$1 $2"}++ while /"(\w+)\.pem" (has expired|expires in \d+)/g;
    }
    return \%count;
}

sub are {
    my ($what, %want) = @_;
    my %says = (today => 'today expires in 0', over => 'today has expired',
                soon => 'soon expires in 5', sooner => 'soon expires in 4',
                soonest => 'soon expires in 3', month => 'month expires in 29',
                monthly => 'month expires in 28',
                expired => 'expired has expired');
    is_deeply(told(), { map { $says{$_} => $want{$_} } keys %want }, $what)
        or diag explain told();
}

sub clock { $n->write('clock', "+$_[0]h\n") }

$n->write('html/x', 'ok');
mkdir $n->path('up');
put($_) for qw(acme today soon month later expired);
put('globex', 'target');
symlink '../target', $n->path('up/link.pem');
clock(0);
{
    local @ENV{qw(LD_PRELOAD FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE
                  DONT_FAKE_MONOTONIC NO_FAKE_STAT)}
        = ($lib, $n->path('clock'), 1, 1, 1);
    $n->start;
}

my @start = (today => 1, soon => 1, expired => 1);
are('told at the start', @start);
is(answer($_)->{status}, 200, "$_ is let in") for qw(today soon acme);

sub day_goes_on {
    answer($_) for ('acme', 'soon') x 20;
    put('foreign');
    becomes('foreign', 200, 'added');
    unlink $n->path('up/foreign.pem');
    becomes('foreign', 401, 'removed');
    $n->reload;
    hang_up('today');
    compared();
}

compared();
# the one that is to be shut out stays with its worker
my $old = connection('today');
are('not again by what happens', @start);
clock(11);
compared();
is(answer('today')->{status}, 200, 'not expired after 11 hours');
clock(23);
compared();
are('nor on the same day', @start);
my $shut = answer('today');
is(connection('today'), $old, 'on the open connection');
is($shut->{status}, 401, 'expired meanwhile');
is($shut->{headers}{'x-reason'}, 'expired', 'which is the reason');
day_goes_on();
are('nor by a reload', @start);

my @next = (@start, over => 1, sooner => 1, month => 1, expired => 2);
clock(25);
my $helper = wait_for { my @pids = $n->pids('cache manager process');
                        @pids == 1 && $pids[0] };
compared();
are('once more the next day', @next);
my @by = $n->error_log =~ /\[warn\] (\d+)#.*"up": of its .*"month/g;
is("@by", $helper, 'by the helper');
day_goes_on();
clock(47);
compared();
are('and not again on that one', @next);
clock(50);
compared();
are('but on the next one',
    @next, over => 2, expired => 3, soonest => 1, monthly => 1);
unlike($n->error_log, qr/"off": of its certificates/, 'never if turned off');

is($n->stop, 0, 'stops');
is_deeply([ $n->alerts ], [], 'no alerts');

done_testing;
