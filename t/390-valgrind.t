# Covers the memory of stores: nginx runs under valgrind while what directories
# and lists hold changes in all the ways there are, and while helpers and
# configurations are replaced.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert ':store';
use Digest::SHA 'sha256_hex';

plan skip_all => 'valgrind and sanitizers exclude each other' if sanitized();
plan skip_all => 'valgrind is not installed'
    if system('valgrind --version >/dev/null 2>&1') != 0;

sub config {
    my ($size, $more) = @_;
    return <<"END";
    clientcert_store up directory=%%PREFIX%%/up size=$size interval=100ms;
    clientcert_store l list=%%PREFIX%%/l.txt interval=100ms;
    $more
    clientcert_policy p { deny store=l; allow store=up; log_level info; }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        location / { clientcert_require p; empty_gif; }
    }
END
}

my $n = nginx(config => config('64k', ''), valgrind => 1,
              log_level => 'notice');

# A list so long that only its changes are read.
my @lines = map { sha256_hex($_) . " label $_\n" } 1 .. 5000;
my $list = 0;
sub list {
    my @more = @_;
    $list++;
    $n->write('l.txt', join '', @lines[0 .. 2000], "# $list\n",
              (map { sha256($_) . "\n" } @more), @lines[2001 .. $#lines]);
}

sub changes {
    my $round = shift;
    $n->write('up/acme', crt('acme') . crt('rsa'));
    $n->write('up/acme.2', crt('acme'));
    becomes('rsa', 200, "$round: two certificates");
    rename $n->path('up/acme'), $n->path('up/b');
    list('rsa');
    becomes('rsa', 401, "$round: listed");
    list();
    becomes('rsa', 200, "$round: no longer");
    $n->write('up/b', substr crt('rsa'), 0, 300);
    symlink 'nowhere', $n->path('up/link');
    link $n->path('up/acme.2'), $n->path('up/c');
    unlink $n->path('up/acme.2');
    becomes('acme', 200, "$round: a bad file keeps its state");
    unlink map { $n->path("up/$_") } qw(b c link);
    becomes('rsa', 401, "$round: gone");
    my $der = ClientCert::slurp(cert_file('rsa', 'der'));
    for my $i (1 .. 150) {
        ClientCert::spew($n->path("up/many$i"), substr($der, 0, -2)
                                                . pack 'n', $i);
    }
    $n->write('up/globex', crt('globex'));
    ok(wait_for(sub { $n->error_log =~ /its zone of 64k is too small/
                      || status('globex') == 200 }, 20), "$round: many");
    unlink glob $n->path('up/*');
    becomes('globex', 401, "$round: none");
    $n->write('l.txt', "zz\n");
    ok($n->wait_log(qr/list is rejected/), "$round: a bad list");
    list();
    $n->write('up/globex', crt('globex'));
    becomes('globex', 200, "$round: and a good one");
    unlink $n->path('up/globex');
    becomes('globex', 401, "$round: at the end");
}

mkdir $n->path('up');
list();
$n->start;
changes('as started');
my ($helper) = $n->pids('cache manager process');
kill KILL => $helper;
ok(wait_for(sub { my ($new) = $n->pids('cache manager process');
                  $new && $new != $helper }, 10), 'another helper');
changes('another helper');
for (['64k', 'clientcert_store more list=%%PREFIX%%/l.txt;'], ['2m', '']) {
    ok($n->reload(config(@$_)), "a reload, @$_");
    hang_up();
    changes("after a reload, @$_");
}
hang_up();
is($n->stop, 0, 'stops');
is_deeply([ $n->alerts(killed => 1) ], [], 'no alerts');
my $logs = $n->valgrind_logs;
ok(delete $logs->{$helper}, 'the one that was killed could not end its log');
cmp_ok(scalar keys %$logs, '>=', 7, 'all processes are seen');
is_deeply([ grep { !/ERROR SUMMARY: 0 errors/ } values %$logs ], [],
          'valgrind has nothing to say');

done_testing;
