# Stores and nginx's processes: helper and workers killed at random, reloads,
# another binary, no master.  All under load of a client that is in the store
# and one that isn't: no decision may be wrong and no request may hang.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert ':store';
use Digest::SHA 'sha256_hex';
use POSIX ();

my $times = $ENV{TEST_STORE_TIMES} // 200;

my $stores = <<'END';
    clientcert_store up   directory=%%PREFIX%%/up;
    clientcert_store list list=%%PREFIX%%/list.txt;
END

my $rest = <<'END';
    clientcert_policy up { deny store=list; allow store=up; log_level info; }

    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        root %%PREFIX%%/html;
        location / { clientcert_require up; try_files /x =404; }
    }
END

my %common = (config => "$stores$rest", workers => 2, log_level => 'notice');

sub prepare {
    my $n = shift;
    $n->write('html/x', 'ok');
    mkdir $n->path('up');
    $n->write('list.txt', sha256('rsa') . "\n");
    put($_) for qw(acme rsa);
    return $n->start;
}

# Runs beside the test until stop_load(), which returns what went wrong.
sub load {
    my $n = shift;
    my $file = $n->path('load');
    unlink $file, $n->path('enough');
    defined(my $pid = fork) or die;
    return $pid if $pid;

    my %want = (acme => 200, globex => 401, rsa => 401);
    my (%got, %c);
    until (-e $n->path('enough')) {
        for my $cert (keys %want) {
            $c{$cert} //= client(port => $n->port('tls'), cert => $cert);
            my $answer = $c{$cert}->get('/');
            my $status = $answer->{status};

            # a worker that is killed or ends closes its connections
            delete $c{$cert} if !defined $status || $c{$cert}{eof};
            $status //= $answer->{error} =~ /timed out/ ? 'hangs' : 'closed';
            $got{ $status eq $want{$cert} ? 'right'
                  : $status eq 'closed' ? 'closed' : "$cert $status" }++;
        }
    }

    ClientCert::spew($file, join '', map { "$_=$got{$_}\n" } keys %got);
    POSIX::_exit(0);
}

sub stop_load {
    my ($n, $pid) = @_;
    $n->write('enough', '');
    waitpid $pid, 0;
    return { ClientCert::slurp($n->path('load')) =~ /(.*)=(.*)/g };
}

sub right {
    my ($got, $what) = @_;
    my $n = delete $got->{right} // 0;
    my $closed = delete $got->{closed} // 0;
    cmp_ok($n, '>', 100, "$what: $n right answers, $closed closed");
    is_deeply($got, {}, "$what: none wrong, none hung");
}

sub pss {
    my $sum = 0;
    for (@_) {
        $sum += $1 if ClientCert::slurp("/proc/$_/smaps_rollup")
            =~ /^Pss:\s+(\d+)/m;
    }
    return $sum;
}

# kill -9

my $n = prepare(nginx(%common));
my $load = load($n);

for my $i (1 .. $times) {
    my $pid = $i % 2 ? helper() : ($n->worker_pids)[rand 2];
    next unless $pid;

    # in the middle of a change as often as not
    $i % 3 ? put('inter') : unlink $n->path('up/inter.pem');
    Time::HiRes::sleep(rand 0.004);
    kill KILL => $pid;
    wait_for { $n->worker_pids == 2 && $n->pids('cache manager process')
               && !grep { $_ == $pid } $n->worker_pids, helper() } 10
        or last;
}

right(stop_load($n, $load), "kill -9, $times times");
put('foreign');
ok(wait_for(sub { status('foreign') == 200 }, 5), 'a change is followed');
unlink $n->path('up/foreign.pem');
ok(wait_for(sub { status('foreign') == 401 }, 5), 'and the next one');
is($n->stop, 0, 'stops');
is_deeply([ $n->alerts(killed => 1) ], [], 'no alerts');

# HUP

# What the process owns, which is shared with its children only until one of
# them writes; zones and descriptors.
sub holdings {
    my $pid = shift;
    my ($own) = ClientCert::slurp("/proc/$pid/smaps_rollup")
        =~ /^Anonymous:\s+(\d+)/m;
    my @maps = split /\n/, ClientCert::slurp("/proc/$pid/maps");
    my @fds = glob "/proc/$pid/fd/*";
    return { own => $own // 0, maps => scalar @maps, fds => scalar @fds,
             zones => scalar grep { / rw-s / } @maps };
}

$n = prepare(nginx(%common));
my $master = $n->pid;
my ($early, $refused);
$load = load($n);
my $more = "    clientcert_store other list=%%PREFIX%%/list.txt;\n";
my @configs = ("$stores$rest", "$stores$more$rest", "$stores$rest",
               ($stores =~ s/up;/up size=2m;/r) . $rest);

# Every time something is another than before: what the stores hold, a store
# more or less, a size.
for my $i (1 .. $times) {
    if ($i % 4 == 0) {
        $i % 8 ? put('inter') : unlink $n->path('up/inter.pem');
        $n->write('list.txt', join "\n", sha256('rsa'),
                  $i % 8 ? sha1('self') : (), '');
    }
    $n->reload($configs[$i % 4]) or $refused++;
    $early //= holdings($master) if $i >= $times / 5 && $i % 4 == 0;
}

# processes of the last reload may be about to end
wait_for { $n->pids('cache manager process') == 1 && $n->worker_pids == 2 } 10;
my $late = holdings($master);
right(stop_load($n, $load), "SIGHUP, $times times");
is($refused, undef, 'no reload is refused');
note join ', ', map { "$_ $early->{$_} -> $late->{$_}" } sort keys %$late;
is($late->{zones}, $early->{zones}, 'as many zones as early on');
# early on a process may be about to end
cmp_ok($late->{fds}, '<=', $early->{fds}, 'no more descriptors');
cmp_ok($late->{maps}, '<=', $early->{maps} + 4, 'as many mappings');
# nginx's own heap grows by up to 170 KiB meanwhile, without the module too; a
# pool or buffer left behind by each reload would be more than 600
SKIP: {
    skip 'sanitizers keep what is freed', 1 if sanitized();
    cmp_ok($late->{own}, '<=', $early->{own} + 400, 'the master does not grow');
}
ok(wait_for(sub { $n->pids('cache manager process') == 1
                  && $n->worker_pids == 2 }, 10), 'one helper is left');
put('foreign');
ok(wait_for(sub { status('foreign') == 200 }, 5), 'a change is followed');
my $log = $n->error_log;
is($n->stop, 0, 'stops');
is_deeply([ $n->alerts ], [], 'no alerts');
my $filled = () = $log =~ /\] $master#.*store "up": \d+ added/g;
cmp_ok($filled, '<=', 1 + $times / 2, 'unchanged stores are not filled again');

# While an old worker still serves somebody, there is no second copy of a list
# that has no "size=".

$n = nginx(config => "$stores$rest" =~ s/allow store=up/allow store=list/r
                     =~ s/deny store=list; //r, log_level => 'notice');
$n->write('html/x', 'ok');
mkdir $n->path('up');
$n->write('list.txt', join '', map { "$_\n" } sha256('acme'),
          map { sha256_hex($_) } 1 .. 200_000);
$n->start;
ok(wait_for(sub { helper() }, 5), 'a helper');
is(status('acme'), 200, 'a long list');

sub all {
    return ($n->pid, $n->worker_pids, $n->pids('cache manager process'));
}

# Pages of a zone that nobody touches any more are in no PSS.
sub zones {
    my %zone = map { $_ => 1 }
        map { ClientCert::slurp("/proc/$_/maps") =~ m{ rw-s \S+ \S+ (\d+) }g }
        all();
    return join ' ', sort keys %zone;
}

my ($draining) = $n->worker_pids;
my $slow = client(port => $n->port('tls'), cert => 'acme');
$slow->send("GET / HTTP/1.1\r\nHost: localhost\r\n");
my ($before, $zones) = (pss(all()), zones());
$n->reload;
ok(wait_for(sub { $n->pids('cache manager process') == 1 }, 5), 'reloaded');
hang_up();
is(status('acme'), 200, 'the new worker has the list');
is(scalar(grep { $_ == $draining } $n->worker_pids), 1,
   'the old one is still there');
my $overlap = pss(all());
cmp_ok($overlap, '<', 1.5 * $before,
       "memory of all processes, $before KiB before, $overlap KiB then");
is(zones(), $zones, 'and the same zones');
$slow->send("\r\n");
is($slow->response('GET')->{status}, 200, 'which has it too');
ok(wait_for(sub { !grep { $_ == $draining } $n->worker_pids }, 10), 'it ends');
is($n->stop, 0, 'stops');
is_deeply([ $n->alerts ], [], 'no alerts');

# USR2, which nginx ignores as long as its parent lives; sanitizers of the new
# binary need their options, too

$n = prepare(nginx(%common, main => 'env ASAN_OPTIONS;'));
$n->stop;
unlink $n->path('nginx.pid');
defined(my $parent = fork) or die;
if (!$parent) {
    $n->spawn($n->path('stderr.log'), $n->command('nginx.conf', 'error.log'));
    wait_for { -s $n->path('nginx.pid') } 10;
    POSIX::_exit(0);
}
waitpid $parent, 0;

sub pid_in { ClientCert::slurp($n->path(shift)) =~ /(\d+)/ ? $1 : 0 }

my $old = pid_in('nginx.pid');
ok($old && wait_for(sub { status('acme') == 200 }, 5), 'without a parent');
$load = load($n);
kill USR2 => $old;
my $new = wait_for { pid_in('nginx.pid') != $old && pid_in('nginx.pid') } 10;
ok($new, 'another binary');
put('foreign');
ok(wait_for(sub { status('foreign') == 200 }, 5), 'added');
is_deeply([ map { status('foreign') } 1 .. 10 ], [ (200) x 10 ],
          'both binaries follow') if $new;
kill QUIT => $old;
ok(wait_for(sub { !kill 0, $old }, 10), 'the old one ends');
unlink $n->path('up/foreign.pem');
ok(wait_for(sub { status('foreign') == 401 }, 5), 'the new one follows');
right(stop_load($n, $load), 'USR2');
kill QUIT => $new if $new;
ok(wait_for(sub { !$new || !kill 0, $new }, 10), 'ends');
is_deeply([ $n->alerts ], [], 'no alerts');

# no master

$n = prepare(nginx(%common, workers => 1, master => 0,
                   user => (getpwuid $>)[0]));
is(status('acme'), 200, 'no master');
put('foreign');
ok(wait_for(sub { status('foreign') == 200 }, 5), 'added');
unlink $n->path('up/foreign.pem');
ok(wait_for(sub { status('foreign') == 401 }, 5), 'removed');

# a reload is not supported then, but does no harm

kill HUP => $n->pid;
ok($n->wait_log(qr/\[warn\].*stores are not followed after a reload without a master/),
   'which is told');
put('foreign');
kill HUP => $n->pid;
ok($n->wait_log(qr/(?:reconfiguring.*){2}/s), 'once more');
is($n->stop, 0, 'stops');
is_deeply([ $n->alerts ], [], 'no alerts');

done_testing;
