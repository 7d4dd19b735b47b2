# Stores at their limits: zones, descriptors, inotify, permissions, disks; what
# expires; what stops nginx from starting.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert ':store';
use MIME::Base64;

sub config {
    my ($stores, $rules) = @_;
    return <<"END";
    $stores
    clientcert_policy p { $rules }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        root %%PREFIX%%/html;
        location / { clientcert_require p; try_files /x =404; }
    }
END
}

sub prepare {
    my ($stores, $rules, %o) = @_;
    my $n = nginx(config => config($stores, $rules), %o);
    $n->write('html/x', 'ok');
    mkdir $n->path('up');
    put('acme');
    return $n;
}

my $up = 'clientcert_store up directory=%%PREFIX%%/up interval=100ms';
my $listed = 'clientcert_store l list=%%PREFIX%%/list.txt interval=100ms';
my $both = 'allow store=up; allow store=l;';

sub thumbprints { join '', map { sprintf "%040x\n", $_ } 1 .. shift }

# certificates: one with other last bytes of the signature, and other names
my $der = ClientCert::slurp(cert_file('rsa', 'der'));
sub others {
    return join '', map { "-----BEGIN CERTIFICATE-----\n"
        . encode_base64(substr($der, 0, -4) . pack 'N', $_)
        . "-----END CERTIFICATE-----\n" } shift .. shift;
}

# a zone too small

my $n = prepare("$up size=64k; $listed size=64k;", $both);
my @listed = map { sha256($_) . "\n" } qw(rsa globex);
$n->write('list.txt', join '', @listed);
$n->start;
is_now('globex', 200, 'before');
$n->write('list.txt', $listed[0] . thumbprints(10000));
ok($n->wait_log(qr/\[error\].*"l": its zone of 64k is too small .*size=\d+k" is needed/), 'list outgrows its zone');
my ($size) = $n->error_log =~ /"l": its zone .*size=(\d+)k" is needed/;
is_now('rsa', 200, 'last good');
is_now('globex', 401, 'but what is removed is removed');
$n->write('up/c-many.pem', others(1, 600));
ok($n->wait_log(qr/\[error\].*"up": its zone of 64k is too small/),
   'directory outgrows its zone');
ok($n->wait_log(qr/\[error\].*"up": "c-many.pem" has no room in the zone\n/),
   'for one file, which is named');
is_now('acme', 200, 'what is there stays');
put('globex', 'up/z.pem');
becomes('globex', 200, 'and a file that has room is added');
rename $n->path('up/z.pem'), $n->path('up/y.pem');
$n->write('up/b-many.pem', others(701, 1300));
ok($n->wait_log(qr/"b-many.pem" has no room/), 'another one without room');
is_now('globex', 200, 'there by another name');
unlike($n->error_log, qr/"[^cb][^"]*" has no room/, 'none else is named');
unlink $n->path('up/acme.pem');
becomes('acme', 401, 'what is removed is removed');
unlink map { $n->path("up/$_-many.pem") } 'b', 'c';
put('acme');
becomes('acme', 200, 'recovers by itself');

# the size that was said is told again once it wouldn't do
sub said { $n->error_log =~ /"up": its zone .*size=(\d+)k" is needed/g }
my @first = said();
for my $i (1 .. 12) {
    $n->write("up/many$i.pem", others(1000 * $i, 1000 * $i + 700));
}
ok(wait_for(sub { my @all = said(); @all > @first && $all[-1] > 1400 }, 20),
   'more is needed by now') or diag join ' ', said();
unlink glob $n->path('up/many*');
$n->reload(config("$up size=64k; $listed size=${size}k;", $both));
ok($n->wait_log(qr/"l": 10001 added, 0 removed/), 'the size named suffices');
is($n->stop, 0, 'stops');
is_deeply([ $n->alerts ], [], 'no alerts');

my ($rc, $text) = $n->test(config("$listed size=64k;", 'allow store=l;'));
is($rc, 0, 'too small a zone at start: what fits');
like($text, qr/\[error\].*its zone of 64k is too small.*size=${size}k/,
     'is told with the size needed');
($rc, $text) = $n->test(config("$listed size=64k;",
                               'deny store=l; allow store=l;'));
isnt($rc, 0, 'but a "deny" wants all');
like($text, qr/\[emerg\].*"l", which a "deny" uses, can't be read whole/,
     'which is told');

# An uploader's file of 1 MiB with thousands of certificates, each as short as
# can be, keeps itself out and nobody else.

{
    sub tlv { my ($tag, @in) = @_; my $v = join '', @in;
              return chr($tag) . (length $v < 128 ? chr length $v
                                  : "\x81" . chr length $v) . $v }
    my $alg = tlv(0x30, tlv(6, "\x2a\x03"));
    my $time = tlv(0x17, '250101000000Z') . tlv(0x17, '490101000000Z');
    sub tiny {
        my $i = shift;
        my $spki = tlv(0x30, $alg, tlv(3, "\0" . pack 'N', $i));
        return tlv(0x30, tlv(0x30, tlv(2, pack 'N', $i), $alg, tlv(0x30, ''),
                             tlv(0x30, $time), tlv(0x30, ''), $spki),
                   $alg, tlv(3, "\0\1"));
    }
    my $many = '';
    for (my $i = 1; ; $i++) {
        my $one = "-----BEGIN CERTIFICATE-----\n" . encode_base64(tiny($i))
                  . "-----END CERTIFICATE-----\n";
        last if length($many) + length $one > 1024 * 1024;
        $many .= $one;
    }
    my $count = () = $many =~ /BEGIN/g;
    $n = prepare("$up size=1m;", 'allow store=up;');
    put('globex', 'up/zz.pem');
    $n->write('up/many.pem', $many);
    ($rc, $text) = $n->test;
    is($rc, 0, "$count certificates in a file don't stop nginx");
    $n->start;
    is_now($_, 200, "$_ is there") for qw(acme globex);
    ok($n->wait_log(qr/"many.pem" has no room in the zone/), 'which has no room');
    put('rsa');
    becomes('rsa', 200, 'others come');
    $n->stop;
}

# a list of which the first line says little of the others

$n = prepare("$listed size=4288k;", 'allow store=l;');
$n->write('list.txt', join "\n", sha1('acme'),
          (map { sprintf '%064x', $_ } 1 .. 40000), sha256('globex'), '');
$n->start;
is_now($_, 200, "40,000 of another kind: $_") for qw(acme globex);
$n->stop;

# another size is another zone, which holds what can be read now

$n = prepare("$up; $listed;", $both);
$n->write('list.txt', sha256('rsa') . "\n");
put('globex');
$n->start;
is_now($_, 200, "$_ before") for qw(acme globex rsa);
$n->write('list.txt', "zz\n");
$n->write('up/globex.pem', 'x');
ok($n->wait_log(qr/$_ is rejected, it keeps/), 'bad now')
    for 'list', '"globex.pem"';
$n->reload;
hang_up();
is_now($_, 200, "$_ after a reload") for qw(acme globex rsa);
$n->reload(config("$up size=2m; $listed;", $both));
hang_up();
is_now('acme', 200, 'another size');
is_now('globex', 401, 'has no last good state');
is_now('rsa', 200, 'the other zone has');
rename $n->path('up'), $n->path('away');
ok($n->wait_log(qr/"up": open\(\) "\S+" failed/), 'gone');
ok(!$n->reload(config("$up size=4m; $listed;", $both)),
   'a new zone without its directory is refused');
is_now('acme', 200, 'the old one stays');
ok($n->reload(config("$up size=2m; $listed;", $both)), 'and a reload keeps it');
hang_up();
is_now('acme', 200, 'with what was in force');
mkdir $n->path('up');
put('globex');
becomes('acme', 401, 'which is there again');
unlink $n->path('list.txt');
mkdir $n->path('list.txt');
put($_, "list.txt/$_") for qw(rsa inter);
$n->reload(config("$up size=2m; " . ($listed =~ s/list=/directory=/r) . ';',
                  $both));
hang_up();
becomes('inter', 200, 'a directory where there was a list');
unlink $n->path('list.txt/rsa');
becomes('rsa', 401, 'is another source');
is($n->stop, 0, 'stops');
is_deeply([ grep { !/\[emerg\].*up" failed/ } $n->alerts ], [], 'no alerts');

# a "deny" that has outgrown its zone doesn't deny all it should

$n = prepare("$up; $listed size=64k;", 'deny store=l; allow store=up;');
$n->write('list.txt', sha256('rsa') . "\n");
$n->start;
$n->write('list.txt', sha256('rsa') . "\n" . thumbprints(10000));
ok($n->wait_log(qr/"l": its zone of 64k is too small/), 'outgrown');
ok(!$n->reload, 'a reload is refused');
like($n->error_log, qr/\[emerg\].*"l", which a "deny" uses, can't be read whole/,
     'which is told');
$n->stop;

# What is for the person at the terminal is printed there, whatever the level
# of the log; and by the helper at the usual level.

$n = prepare("$up;", 'allow store=up;', log_level => 'error');
$n->write('up/bad.pem', 'x');
($rc, $text) = $n->test;
is($rc, 0, 'a bad file');
like($text, qr/store "up": "bad.pem" is rejected: it holds no certificate/,
     'is told at the terminal');
like($text, qr/test is successful/, 'which is no error');
($rc, $text) = $n->test(config("$up;", 'deny store=up; allow store=up;'));
isnt($rc, 0, 'which a "deny" refuses');
like($text, qr/"bad.pem" is rejected: it holds no.*which a "deny" uses/s,
     'naming file and reason');
($rc, $text) = $n->test(config('clientcert_store up directory=%%PREFIX%%/upp;',
                               'allow store=up;'));
isnt($rc, 0, 'a directory that is missing is an error');
like($text, qr/\[emerg\].*store "up": open\(\) "\S+upp" failed \(2: No such/,
     'in words like nginx\'s own');

# the master can dump core after it has read files as another user

SKIP: {
    skip 'needs root', 1 if $> != 0;
    my $gid = (getpwnam 'nobody')[3];
    $n = prepare("$up;", 'allow store=up;');
    {
        local $( = $gid;
        local $) = "$gid $gid";
        $n->start;
    }
    # /proc belongs to root's group unless a process may be dumped
    is((stat "/proc/@{[ $n->pid ]}/fd")[5], $gid, 'the master may dump core');
    $n->stop;
}

# the master waits for no helper, whatever that does

$n = prepare("$up; $listed;", $both);
$n->write('list.txt', sha256('rsa') . "\n");
$n->start;
ok(wait_for(sub { helper() }), 'a helper');
put('globex');
becomes('globex', 200, 'that follows');
for my $size (2, 3) {
    my $stopped = helper();
    # in the middle of a change as often as not
    $n->write('list.txt', sha256('rsa') . "\n" . thumbprints(100_000));
    Time::HiRes::sleep(rand 0.05);
    kill STOP => $stopped;
    my $since = ClientCert::now();
    ok($n->reload(config("$up size=${size}m; $listed size=${size}0m;", $both)),
       'a reload while the helper is stopped');
    cmp_ok(ClientCert::now() - $since, '<', 15, 'does not wait for it');
    hang_up();
    is_now($_, 200, "$_ is there") for qw(acme rsa);
    kill CONT => $stopped;
    ok(wait_for(sub { $n->pids('cache manager process') == 1 }), 'one is left');
}
is($n->stop, 0, 'stops');
is_deeply([ $n->alerts ], [], 'no alerts');

# no descriptors left

SKIP: {
    skip 'needs root and prlimit', 12
        if $> != 0 || system('prlimit --version >/dev/null') != 0;

    $n = prepare("$up; $listed;", $both);
    $n->write('list.txt', sha256('rsa') . "\n");
    $n->start;
    ok($n->wait_log(qr/start cache manager/), 'helper');
    my ($helper) = $n->pids('cache manager process');
    put('inter');
    becomes('inter', 200, 'follows');
    my @as = qw(setpriv --reuid nobody --regid nogroup --clear-groups
                prlimit --pid);
    system(@as, $helper, '--nofile=3:') == 0 or die;
    put('globex');
    $n->write('list.txt', sha256('foreign') . "\n");
    for my $name (qw(up l)) {
        ok($n->wait_log(qr/"$name": .*Too many open files/),
           "no descriptors: $name");
    }
    Time::HiRes::sleep(0.5);
    is(logged(qr/"(?:up|l)": .*Too many open files/), 2, 'each told once');
    is_now('acme', 200, 'last good');
    is_now('rsa', 200, 'last good list');
    system(@as, $helper, '--nofile=1024:') == 0 or die;
    becomes('globex', 200, 'recovers by itself');
    becomes('foreign', 200, 'the list too');
    is_now('rsa', 401, 'which is another one now');
    is($n->stop, 0, 'stops');
    is_deeply([ $n->alerts ], [], 'no alerts');
}

# fewer descriptors than files that would be opened ahead

$n = prepare("$up;", $both =~ s/allow store=l;//r,
             main => 'worker_rlimit_nofile 32;');
$n->write("up/$_.pem", others($_, $_)) for 1 .. 100;
$n->start;
another_helper('reload');
put('globex');
becomes('globex', 200, 'few descriptors');
is(logged(qr/\[(?:error|crit|alert|emerg)\]/), 0, 'are enough');
is($n->stop, 0, 'stops');

# no inotify: its instances are used up by the same user

SKIP: {
    skip 'needs root', 6 if $> != 0;

    my ($uid, $gid) = (getpwnam 'games')[2, 3];
    skip 'needs a user "games"', 6 unless defined $gid;

    pipe my $ready, my $tell;
    pipe my $go, my $end;
    defined(my $pid = fork) or die;
    if (!$pid) {
        close $_ for $ready, $end;
        $) = "$gid $gid";
        ($<, $>) = ($uid, $uid);
        my @fds;
        while ((my $fd = syscall(294, 0)) >= 0) { push @fds, $fd }
        syswrite $tell, scalar @fds;
        sysread $go, my $byte, 1;
        require POSIX;
        POSIX::_exit(0);
    }
    close $_ for $tell, $go;
    sysread $ready, my $count, 10;
    note "$count instances of inotify used up";

    $n = prepare("$up;", 'allow store=up;', user => 'games');
    $n->start;
    ok($n->wait_log(qr/\[warn\].*inotify does not work .*every 100 ms by comparing/), 'no inotify');
    my $t = Time::HiRes::time();
    put('globex');
    becomes('globex', 200, 'added');
    cmp_ok(Time::HiRes::time() - $t, '<', 1.5, 'by comparing');
    is(logged(qr/inotify does not work/), 1, 'told once');
    close $end;
    waitpid $pid, 0;
    ok($n->wait_log(qr/inotify works for .* again/), 'recovers by itself');
    unlink $n->path('up/globex.pem');
    becomes('globex', 401, 'removed');
    $n->stop;
}

# a full disk

SKIP: {
    $n = prepare('clientcert_store up directory=%%PREFIX%%/small '
                 . 'interval=100ms; clientcert_store l '
                 . 'list=%%PREFIX%%/small/l.txt interval=100ms;', $both);
    mkdir $n->path('small');
    skip 'cannot mount', 10
        if system('mount -t tmpfs -o size=16k none ' . $n->path('small')
                  . ' 2>/dev/null') != 0;
    put('acme', 'small/acme.pem');
    system('cp', $n->path('.acme'), $n->path('small/acme.pem')) if
        !-e $n->path('small/acme.pem');
    open my $cp, '>', $n->path('small/acme.pem');
    print $cp ClientCert::slurp(cert_file('acme', 'crt'));
    close $cp;
    open $cp, '>', $n->path('small/l.txt');
    print $cp sha256('rsa'), "\n";
    close $cp;
    $n->start;
    is_now('acme', 200, 'before');
    put('inter', 'small/inter.pem');
    becomes('inter', 200, 'followed');
    open $cp, '>', $n->path('small/.fill');
    $cp->autoflush(1);
    1 while print $cp 'x' x 4096;
    close $cp;
    for (['acme.pem', ClientCert::slurp(cert_file('acme', 'crt'))],
         ['l.txt', sha256('rsa') . "\n"])
    {
        # truncates, then has no room
        open my $fh, '>', $n->path("small/$_->[0]") or die;
        print $fh $_->[1] x 100;
        close $fh;
    }
    ok($n->wait_log(qr/$_ is rejected/), "a full disk: $_")
        for '"acme.pem"', 'list';
    Time::HiRes::sleep(0.5);
    is(logged(qr/(?:"acme.pem"|list) is rejected, it keeps/), 2,
       'each told once');
    is_now('acme', 200, 'last good certificate');
    is_now('rsa', 200, 'last good list');
    unlink $n->path('small/.fill');
    for (['acme.pem', ClientCert::slurp(cert_file('globex', 'crt'))],
         ['l.txt', sha256('foreign') . "\n"])
    {
        open my $fh, '>', $n->path("small/$_->[0]") or die;
        print $fh $_->[1];
        close $fh;
    }
    becomes('globex', 200, 'recovers by itself');
    becomes('foreign', 200, 'the list too');
    is($n->stop, 0, 'stops');
    system('umount', $n->path('small'));
}

# permissions: what the user of the workers can't read isn't loaded

SKIP: {
    skip 'needs root', 4 if $> != 0;
    $n = prepare("$up;", 'allow store=up;');
    put('globex');
    chmod 0600, $n->path('up/globex.pem');
    ($rc, $text) = $n->test;
    is($rc, 0, 'nginx -t');
    like($text, qr/\[warn\].*"globex.pem" is rejected \(13: Perm/, 'tells it');
    $n->start;
    is_now('globex', 401, 'is not loaded as root');
    ($rc, $text) = $n->test(config("$up;", 'deny store=up; allow store=up;'));
    like($text, qr/\[emerg\].*store "up", which a "deny" uses, can't be read whole/, 'a "deny" wants all');
    $n->stop;
}

# what expires

my $days = 24 * 60 * 60;
make_cert(name => 'soon', not_after => time + 5 * $days + 60);
make_cert(name => 'later', not_after => time + 50 * $days);
$n = prepare("$up; clientcert_store far directory=%%PREFIX%%/up warn=60; "
             . 'clientcert_store off directory=%%PREFIX%%/up warn=0;',
             'allow store=up; allow store=far; allow store=off;');
put($_) for qw(soon later expired);
$n->start;
status('acme') for 1 .. 3;
$n->reload;
is(logged(qr/\[warn\].*"up": of its certificates 2 have expired or will within 30 days: "expired.pem" has expired, "soon.pem" expires in 5 days\n/),
   1, 'what expires soon is told once');
is(logged(qr/"up": of its.*later/), 0, 'not what doesn\'t');
is(logged(qr/"far": of its certificates 3 .*, "later.pem" expires in (?:49|50) days\n/),
   1, 'but within 60 days');
is(logged(qr/"off": of its/), 0, 'or never');
$n->stop;
$n = prepare("$up;", 'allow store=up;');
$n->write('up/many.pem', others(1, 700));
$n->{config} = config("$up warn=36500;", 'allow store=up;');
$n->start;
is(logged(qr/"up": of its certificates 701 have expired .*, \.\.\.\n/), 1,
   'hundreds are one line');
$n->stop;

# what stops nginx, or doesn't

my $bad = prepare("$up;", 'allow store=up;');
($rc, $text) = $bad->test(config("$listed;", 'allow store=l;'));
isnt($rc, 0, 'a missing list is an error');
like($text, qr/\[emerg\].*"l": stat\(\) "\S+" failed \(2: /, 'which is told');
($rc, $text) = $bad->test(config("$listed;", 'deny store=l; allow store=l;'));
isnt($rc, 0, 'as where a "deny" uses it');
like($text, qr/\[emerg\].*"l": stat\(\) "\S+" failed/, 'which is told');
$bad->write('list.txt', "# x\nzz\n");
($rc, $text) = $bad->test(config("$listed;", 'deny store=l; allow store=l;'));
isnt($rc, 0, 'nor may it be bad');
like($text, qr/list is rejected: unexpected character "z" at column 1 in \S+list.txt:2:1/, 'which is told by line and column');
like($text, qr/"deny" by the thumbprints of store "l"/, 'and that it is weak');
$bad->write('list.txt', "# none\n");
$bad->{config} = config("$up; $listed;",
                        'deny store=up; deny store=l; allow store=up;');
$bad->start;
for my $source (qw(up list.txt)) {
    rename $bad->path($source), $bad->path('away');
    ok($bad->wait_log(qr/"\S+\Q$source\E" failed, it keeps its state/),
       "$source goes away");
    ok(!$bad->reload, 'then a reload is refused');
    like($bad->error_log, qr/\[emerg\].*which a "deny" uses, can't be read whole from "\S+\Q$source\E"/,
         'which is told');
    rename $bad->path('away'), $bad->path($source);
    ok($bad->wait_log(qr/"\S+\Q$source\E" can be read again/),
       'it comes back');
    ok($bad->reload, 'and nginx reloads');
}
$bad->stop;
($rc, $text) = $bad->test(config("$up; $listed;", 'allow store=up;'));
like($text, qr/\[warn\].*store "l" in \S+ is used by no policy/, 'unused');

done_testing;
