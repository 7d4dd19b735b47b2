# Stores at their limits: zones, descriptors, inotify, permissions, disks; what
# expires; what stops nginx from starting.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;

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
    put($n, 'acme');
    return $n;
}

sub put {
    my ($n, $cert, $to) = @_;
    $n->write(".$cert", ClientCert::slurp(cert_file($cert, 'crt')));
    rename $n->path(".$cert"), $n->path($to // "up/$cert.pem");
}

sub status {
    my ($n, $cert) = @_;
    return client(port => $n->port('tls'), cert => $cert)->get('/')->{status};
}

sub becomes {
    my ($n, $cert, $status, $what) = @_;
    ok(wait_for(sub { status($n, $cert) == $status }, 5), $what);
}

sub lines { my ($n, $re) = @_; return scalar(() = $n->error_log =~ /$re/g) }

my $up = 'clientcert_store up directory=%%PREFIX%%/up interval=100ms';
my $listed = 'clientcert_store l list=%%PREFIX%%/list.txt interval=100ms';
my $both = 'allow store=up; allow store=l;';

sub thumbprints { join '', map { sprintf "%040x\n", $_ } 1 .. shift }

# a zone too small

my $n = prepare("$up size=64k; $listed size=64k;", $both);
my @listed = map { sha256($_) . "\n" } qw(rsa globex);
$n->write('list.txt', join '', @listed);
$n->start;
is(status($n, 'globex'), 200, 'before');
$n->write('list.txt', $listed[0] . thumbprints(10000));
ok($n->wait_log(qr/\[error\].*"l": its zone of 64k is too small .*size=(\d+)k" is needed/), 'list outgrows its zone');
my ($size) = $n->error_log =~ /"l": its zone .*size=(\d+)k" is needed/;
is(status($n, 'rsa'), 200, 'last good');
is(status($n, 'globex'), 401, 'but what is removed is removed');
$n->write('many.pem', join '', map { ClientCert::slurp(cert_file($_, 'crt')) }
          qw(acme2 globex inter foreign noeku anyeku self long odd));
# other certificates: the same ones with another last byte of the signature
my $der = ClientCert::slurp(cert_file('rsa', 'der'));
open my $fh, '>:raw', $n->path('up/.many') or die;
for my $i (1 .. 300) {
    require MIME::Base64;
    print $fh "-----BEGIN CERTIFICATE-----\n",
        MIME::Base64::encode_base64(substr($der, 0, -2) . pack 'n', $i),
        "-----END CERTIFICATE-----\n";
}
close $fh;
rename $n->path('up/.many'), $n->path('up/many.pem');
ok($n->wait_log(qr/\[error\].*"up": its zone of 64k is too small .*size=(\d+)k" is needed/), 'directory outgrows its zone');
is(status($n, 'acme'), 200, 'last good');
unlink $n->path('up/acme.pem');
becomes($n, 'acme', 401, 'but what is removed is removed');
unlink $n->path('up/many.pem');
put($n, 'globex');
becomes($n, 'globex', 200, 'recovers by itself');
$n->reload(config("$up size=64k; $listed size=${size}k;", $both));
is(lines($n, qr/"l": 10000 added, 0 removed/), 1, 'the size named suffices');
is($n->stop, 0, 'stops');
is_deeply([ $n->alerts ], [], 'no alerts');

my ($rc, $text) = $n->test(config("$listed size=64k;", 'allow store=l;'));
isnt($rc, 0, 'too small a zone at start');
like($text, qr/\[emerg\].*its zone of 64k is too small.*size=${size}k/,
     'is told with the size needed');

# a list of which the first line says little of the others

$n = prepare("$listed size=4288k;", 'allow store=l;');
$n->write('list.txt', join "\n", sha1('acme'),
          (map { sprintf '%064x', $_ } 1 .. 40000), sha256('globex'), '');
$n->start;
is(status($n, $_), 200, "40,000 of another kind: $_") for qw(acme globex);
$n->stop;

# another size, or its kind, loses nothing that was good

$n = prepare("$up; $listed;", $both);
$n->write('list.txt', sha256('rsa') . "\n");
put($n, 'globex');
$n->start;
is(status($n, $_), 200, "$_ before") for qw(acme globex rsa);
$n->write('list.txt', "zz\n");
$n->write('up/globex.pem', 'x');
ok($n->wait_log(qr/$_ is rejected, it keeps/), 'bad now')
    for 'list', '"globex.pem"';
for my $size (' size=2m', ' size=3m', '') {
    $n->reload(config("$up$size; $listed$size;", $both));
    is(status($n, $_), 200, "${_}'s last good state, now$size")
        for qw(acme globex rsa);
}
is(lines($n, qr/ is rejected, it keeps/), 2, 'each was told once');
rename $n->path('up'), $n->path('away');
ok($n->wait_log(qr/"up": open\(\) of/), 'gone');
$n->reload(config("$up size=4m; $listed;", $both));
is(status($n, 'acme'), 200, "of a directory that is gone");
mkdir $n->path('up');
put($n, 'globex');
becomes($n, 'acme', 401, 'which is there again');
unlink $n->path('list.txt');
mkdir $n->path('list.txt');
put($n, $_, "list.txt/$_") for qw(rsa inter);
$n->reload(config("$up; " . ($listed =~ s/list=/directory=/r) . ';', $both));
becomes($n, 'inter', 200, 'a directory where there was a list');
unlink $n->path('list.txt/rsa');
becomes($n, 'rsa', 401, 'is another source');
is($n->stop, 0, 'stops');
is_deeply([ $n->alerts ], [], 'no alerts');

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

# what the master warns of is told by the helper if nobody has seen it

$n = prepare('', 'allow thumbprint=' . sha256('rsa') . ';');
$n->write('up/bad.pem', 'x');
$n->start;
$n->{log_level} = 'error';
$n->write_conf('nginx.conf', 'error.log', config("$up; $listed;", $both));
kill HUP => $n->pid;
ok($n->wait_log($_), 'told at the usual level of the log')
    for qr/\[error\].*"bad.pem" is rejected/, qr/\[error\].*"l": stat\(\) of/;
put($n, 'globex');
becomes($n, 'globex', 200, 'a change');
is(lines($n, qr/"bad.pem" is rejected|"l": stat/), 2, 'each once');
$n->stop;

# no descriptors left

SKIP: {
    skip 'needs root and prlimit', 12
        if $> != 0 || system('prlimit --version >/dev/null') != 0;

    $n = prepare("$up; $listed;", $both);
    $n->write('list.txt', sha256('rsa') . "\n");
    $n->start;
    ok($n->wait_log(qr/start cache manager/), 'helper');
    my ($helper) = $n->pids('cache manager process');
    put($n, 'inter');
    becomes($n, 'inter', 200, 'follows');
    my @as = qw(setpriv --reuid nobody --regid nogroup --clear-groups
                prlimit --pid);
    system(@as, $helper, '--nofile=3:') == 0 or die;
    put($n, 'globex');
    $n->write('list.txt', sha256('foreign') . "\n");
    for my $name (qw(up l)) {
        ok($n->wait_log(qr/"$name": .*Too many open files/),
           "no descriptors: $name");
    }
    Time::HiRes::sleep(0.5);
    is(lines($n, qr/"(?:up|l)": .*Too many open files/), 2, 'each told once');
    is(status($n, 'acme'), 200, 'last good');
    is(status($n, 'rsa'), 200, 'last good list');
    system(@as, $helper, '--nofile=1024:') == 0 or die;
    becomes($n, 'globex', 200, 'recovers by itself');
    becomes($n, 'foreign', 200, 'the list too');
    is(status($n, 'rsa'), 401, 'which is another one now');
    is($n->stop, 0, 'stops');
    is_deeply([ $n->alerts ], [], 'no alerts');
}

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
    put($n, 'globex');
    becomes($n, 'globex', 200, 'added');
    cmp_ok(Time::HiRes::time() - $t, '<', 1.5, 'by comparing');
    is(lines($n, qr/inotify does not work/), 1, 'told once');
    close $end;
    waitpid $pid, 0;
    ok($n->wait_log(qr/inotify works for .* again/), 'recovers by itself');
    unlink $n->path('up/globex.pem');
    becomes($n, 'globex', 401, 'removed');
    $n->stop;
}

# a full disk

SKIP: {
    $n = prepare('clientcert_store up directory=%%PREFIX%%/small '
                 . 'interval=100ms; clientcert_store l '
                 . 'list=%%PREFIX%%/small/l.txt interval=100ms;', $both);
    mkdir $n->path('small');
    skip 'cannot mount', 9
        if system('mount -t tmpfs -o size=16k none ' . $n->path('small')
                  . ' 2>/dev/null') != 0;
    put($n, 'acme', 'small/acme.pem');
    system('cp', $n->path('.acme'), $n->path('small/acme.pem')) if
        !-e $n->path('small/acme.pem');
    open my $cp, '>', $n->path('small/acme.pem');
    print $cp ClientCert::slurp(cert_file('acme', 'crt'));
    close $cp;
    open $cp, '>', $n->path('small/l.txt');
    print $cp sha256('rsa'), "\n";
    close $cp;
    $n->start;
    is(status($n, 'acme'), 200, 'before');
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
    is(lines($n, qr/ is rejected, it keeps/), 2, 'each told once');
    is(status($n, 'acme'), 200, 'last good certificate');
    is(status($n, 'rsa'), 200, 'last good list');
    unlink $n->path('small/.fill');
    for (['acme.pem', ClientCert::slurp(cert_file('globex', 'crt'))],
         ['l.txt', sha256('foreign') . "\n"])
    {
        open my $fh, '>', $n->path("small/$_->[0]") or die;
        print $fh $_->[1];
        close $fh;
    }
    becomes($n, 'globex', 200, 'recovers by itself');
    becomes($n, 'foreign', 200, 'the list too');
    is($n->stop, 0, 'stops');
    system('umount', $n->path('small'));
}

# permissions: what the user of the workers can't read isn't loaded

SKIP: {
    skip 'needs root', 4 if $> != 0;
    $n = prepare("$up;", 'allow store=up;');
    put($n, 'globex');
    chmod 0600, $n->path('up/globex.pem');
    ($rc, $text) = $n->test;
    is($rc, 0, 'nginx -t');
    like($text, qr/\[warn\].*"globex.pem" is rejected \(13: Perm/, 'tells it');
    $n->start;
    is(status($n, 'globex'), 401, 'is not loaded as root');
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
put($n, $_) for qw(soon later expired);
$n->start;
status($n, 'acme') for 1 .. 3;
$n->reload;
is(lines($n, qr/\[warn\].*"up": a certificate in "soon.pem" expires in 5 days/),
   1, 'expires soon, told once');
is(lines($n, qr/\[warn\].*"up": a certificate in "expired.pem" has expired/), 1,
   'expired, told once');
is(lines($n, qr/"up": a certificate in "later/), 0, 'not within 30 days');
is(lines($n, qr/"far": a certificate in "later.pem" expires in (?:49|50) days/), 1,
   'but within 60');
is(lines($n, qr/"off": a certificate/), 0, 'or never');
$n->stop;

# what stops nginx, or doesn't

my $bad = prepare("$up;", 'allow store=up;');
($rc, $text) = $bad->test(config("$listed;", 'allow store=l;'));
is($rc, 0, 'a missing list is no error');
like($text, qr/\[warn\].*"l": stat\(\) of .* failed/, 'but a warning');
($rc, $text) = $bad->test(config("$listed;", 'deny store=l; allow store=l;'));
isnt($rc, 0, 'unless a "deny" uses it');
like($text, qr/\[emerg\].*store "l", which a "deny" uses, can't be read/,
     'which is told');
$bad->write('list.txt', "# x\nzz\n");
($rc, $text) = $bad->test(config("$listed;", 'deny store=l; allow store=l;'));
isnt($rc, 0, 'nor may it be bad');
like($text, qr/list is rejected.*unexpected character "z" at column 1 in \S+list.txt:2:1/, 'which is told by line and column');
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
