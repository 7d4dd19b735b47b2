# A directory of 100,000 files: all of them count, changes among them are in
# force at once, the master reads none of them at a reload, and half of them may
# go at once.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert ':store';
use File::Temp ();

my $files = $ENV{TEST_STORE_FILES} // 100_000;
my $half = $files / 2;

# In memory, if there is plenty of it: on some disks making so many files, and
# again after a while, takes far longer than all the rest.
my $free = (split ' ', `df -Pk /dev/shm 2>/dev/null | tail -n 1`)[3] // 0;
my ($available) = ClientCert::slurp('/proc/meminfo')
    =~ /^MemAvailable:\s+(\d+)/m;
my $up = File::Temp->newdir('many-XXXXXX', TMPDIR => 1,
    ($free > $files * 8 && ($available // 0) > $files * 20)
    ? (DIR => '/dev/shm') : ());
chmod 0755, "$up";

# Nothing is found by comparing, only by events.
my $n = nginx(config => <<"END", log_level => 'notice');
    clientcert_store up directory=$up interval=1h;
    clientcert_policy up { allow store=up; log_level info; }
    keepalive_requests 100000;
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        root %%PREFIX%%/html;
        location / { clientcert_require up; try_files /x =404; }
    }
END

sub by_name { sprintf '%s/c%06d', $up, shift }

# Each is acme's with another signature, which nobody checks, and the clients
# have acme's key.  Only they: the others have another one each.
my $der = ClientCert::slurp(cert_file('acme', 'der'));
my $key = $der =~ /\x03\x42\x00\x04/ ? $+[0] : die "not P-256\n";
my %client = map { $_ => "many$_" }
    1, 2, $half - 1, $half, $half + 1, $files - 1, $files,
    map { 1 + int rand $files } 1 .. 20;

$n->write('html/x', 'ok');
for my $i (1 .. $files) {
    my $text = $der;
    substr($text, -4) = pack 'N', $i;
    substr($text, $key, 4) = pack 'N', $i unless $client{$i};
    open my $fh, '>:raw', by_name($i) or die by_name($i) . ": $!\n";
    print $fh $text;
    close $fh or die by_name($i) . ": $!\n";
}

my $certs = ClientCert::own_cert_dir();
for my $i (keys %client) {
    my $file = "$certs/$client{$i}";
    system('openssl', 'x509', '-inform', 'DER', '-in', by_name($i),
           '-out', "$file.crt") == 0 or die "openssl failed\n";
    ClientCert::spew("$file.key", ClientCert::slurp(cert_file('acme', 'key')));
}

sub wrong {
    my $status = shift;
    return [ grep { status($client{$_}) != $status } sort { $a <=> $b } @_ ];
}

# Polls without a pause, so it is the time until it is enforced.
sub enforced {
    my ($status, $change) = @_;
    my $since = ClientCert::now();
    $change->();
    my $took;
    do {
        my $is = status('globex');
        $took = ClientCert::now() - $since;
        return $took if $is == $status;
    } until $took > 10;
    return $took;
}

my $since = ClientCert::now();
$n->start;
note sprintf 'started in %.1f s', ClientCert::now() - $since;
my $master = $n->pid;
is_deeply(wrong(200, keys %client), [], 'the first, the last and some more');
is(status('globex'), 401, 'nobody else');

# changes; the first one waits until the helper has read all files itself

my $globex = ClientCert::slurp(cert_file('globex', 'crt'));
sub add {
    ClientCert::spew("$up/.new", $globex);
    rename "$up/.new", "$up/globex.pem";
}
sub remove { unlink "$up/globex.pem" }

add();
becomes('globex', 200, 'the first change', 20);
my @took;
for (1 .. 10) {
    for ([401, \&remove], [200, \&add]) {
        push @took, enforced(@$_);
        # many in a row are spaced, so that they take a tenth of one core
        Time::HiRes::sleep(0.5);
    }
}
@took = sort { $a <=> $b } @took;
cmp_ok($took[-1], '<', 10, 'each change is enforced');
cmp_ok($took[@took / 2], '<', 0.3,
       sprintf 'median %.1f ms, last %.1f ms', map { 1000 * $_ }
       @took[@took / 2, -1]);

# reloads

# of the thread: those of the process count what its children have read
sub reads {
    return ClientCert::slurp("/proc/$master/task/$master/io") =~ /^syscr: (\d+)/m
        ? $1 : undef;
}

sub zones {
    return join ' ', ClientCert::slurp("/proc/$master/maps")
        =~ m{ rw-s \S+ \S+ (\d+) +/dev/zero}g;
}

my ($reads, $zones) = (reads(), zones());
$since = ClientCert::now();
ok($n->reload, 'a reload');
note sprintf 'reloaded in %.2f s', ClientCert::now() - $since;
is(zones(), $zones, 'keeps the zone');
SKIP: {
    skip 'the kernel does not count reads', 1 unless defined $reads;
    cmp_ok(reads() - $reads, '<', $files / 10, 'the master reads no files');
}
hang_up();
is_deeply(wrong(200, keys %client), [], 'all are there');
remove();
becomes('globex', 401, 'a change after it', 20);

# Half of them at once.  The helper stands still meanwhile, so that more events
# come than the kernel keeps.

my ($kept) = ClientCert::slurp('/proc/sys/fs/inotify/max_queued_events')
    =~ /(\d+)/;
note "the kernel keeps $kept events of ", $half if $kept;
my $helper = wait_for { my @pids = $n->pids('cache manager process');
                        @pids == 1 && $pids[0] } 10, 'one helper';
kill STOP => $helper;
unlink map { by_name($_) } 1 .. $half;
kill CONT => $helper;
my @gone = grep { $_ <= $half } keys %client;
my @left = grep { $_ > $half } keys %client;
$since = ClientCert::now();
ok(wait_for(sub { !@{ wrong(401, @gone) } }, 20), 'half of them removed')
    or diag 'still let in: ', join ' ', @{ wrong(401, @gone) };
note sprintf 'refused after %.2f s', ClientCert::now() - $since;
is_deeply(wrong(200, @left), [], 'the others are still there');
ok($n->wait_log(qr/ 0 rejected, $half certificates/),
   'no more and no less');
is(($n->pids('cache manager process'))[0], $helper, 'by the same helper');
add();
becomes('globex', 200, 'it still follows');
is($n->stop, 0, 'stops');
is_deeply([ $n->alerts ], [], 'no alerts');

done_testing;
