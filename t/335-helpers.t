# A new helper, after a reload or because the old one was killed, reads all
# files itself: what the store holds stays in force meanwhile, what couldn't be
# read keeps its last good state, and what is wrong is told once by each
# process.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert ':store';
use File::Temp ();
use MIME::Base64;

sub config {
    my ($stores, $names) = @_;
    return <<"END";
    access_log off;
    keepalive_requests 1000000;
    $stores
    clientcert_policy p {
        @{[ map { "allow store=$_;" } @$names ]}
        log_level info;
    }
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

# what is logged once by each process

my $n = nginx(log_level => 'notice', config => config(<<'END', [qw(up bad)]));
    clientcert_store up   directory=%%PREFIX%%/up interval=100ms size=64k;
    clientcert_store bad  list=%%PREFIX%%/bad.txt interval=100ms;
END
$n->write('html/x', 'ok');
mkdir $n->path('up');
put('acme');
$n->write('up/key.pem', ClientCert::slurp(cert_file('rsa', 'pem')));
$n->write('up/bad1.pem', 'x');
$n->write('up/bad2.pem', substr crt('rsa'), 0, 300);
symlink 'nowhere', $n->path('up/dangling');
symlink '../target', $n->path('up/link.pem');
$n->write('target', crt('inter'));
$n->write('bad.txt', sha1('globex') . "\nzz\n");

my %told = (
    key      => qr/"key.pem" holds a private key/,
    bad1     => qr/"bad1.pem" is rejected.*: it holds no certificate/,
    bad2     => qr/"bad2.pem" is rejected.*: it is truncated/,
    dangling => qr/"dangling" is rejected.* \(2: No such file/,
    list     => qr/store "bad": list is rejected.* \S+bad.txt:2:1/,
);

sub all_told {
    my ($times, $what) = @_;
    is_deeply({ map { $_ => logged($told{$_}) } keys %told },
              { map { $_ => $times } keys %told }, $what);
}

# No event tells of a link's target: the helper has looked at all files.
sub compared {
    for (qw(foreign inter)) {
        $n->write('target', crt($_));
        becomes($_, 200, 'it compares');
    }
}

$n->start;
ok($n->wait_log(qr/start cache manager/), 'a helper');
compared();
# the master is the first
my $processes = 2;
all_told($processes, 'told once by master and helper');
is(logged(qr/store "up": 3 added, 0 removed, 0 renamed, 3 rejected, 3 cert/), 1,
   'and how many there are');

for my $how (qw(reload kill reload)) {
    another_helper($how);
    compared();
    all_told(++$processes, 'and by each other one');
}

# the state of what is bad can't be read from its time alone

my $ino = (stat $n->path('up/bad1.pem'))[1];
in_place('up/bad1.pem', crt('globex'));
becomes('globex', 200, 'mended');
in_place('up/bad1.pem', 'x');
ok($n->wait_log(qr/"bad1.pem" is rejected, it keeps its state: it holds/),
   'bad again');
is((stat $n->path('up/bad1.pem'))[1], $ino, 'in the same file');
is_now('globex', 200, 'last good');
another_helper('kill');
compared();
is_now('globex', 200, 'last good of another process');

# what is in force stays in force while another process finds nothing to read

rename $n->path('up'), $n->path('away');
ok($n->wait_log(qr/"up": open\(\) "\S+" failed, it keeps its state/),
   'a directory goes away');
another_helper('kill');
is_now('acme', 200, 'last good of a directory that is gone');
rename $n->path('away'), $n->path('up');
put('foreign', 'up/foreign.pem');
becomes('foreign', 200, 'it is back');
is_now('globex', 200, 'last good of a file in it');

# ten lines of a source, then a count

my $from = length $n->error_log;
kill STOP => (my $stopped = helper());
$n->write("up/many$_.pem", "bad $_") for 1 .. 25;
kill CONT => $stopped;
ok($n->wait_log(qr/"up": 15 more lines like these/), 'the others are counted');
my $lines = () = substr($n->error_log, $from) =~ /"many\d+.pem" is rejected/g;
is($lines, 10, 'ten are named');
unlink glob $n->path('up/many*');

# too small a zone

my $der = ClientCert::slurp(cert_file('rsa', 'der'));
my $pem = join '', map { "-----BEGIN CERTIFICATE-----\n"
                         . encode_base64(substr($der, 0, -2) . pack 'n', $_)
                         . "-----END CERTIFICATE-----\n" } 1 .. 600;
$n->write('up/many.pem', $pem);
my $small = qr/"up": its zone of 64k is too small/;
ok($n->wait_log($small), 'a zone too small');
ok($n->wait_log(qr/"many.pem" has no room in the zone/), 'and for what');
my $times = 1;
for my $how (qw(kill reload)) {
    another_helper($how);
    compared();
    is(logged($small), ++$times, 'is told once by each helper');
}
is($n->stop, 0, 'stops');
is_deeply([ $n->alerts(killed => 1) ], [], 'no alerts');

# While all files are read, which takes at least so many seconds here, what is
# there stays in force; then all that has happened is.

my $tmp = File::Temp->newdir('nfs-XXXXXX', TMPDIR => 1);
chmod 0755, "$tmp";

SKIP: {
    skip 'needs a C compiler, cc', 1
        if system('cc --version >/dev/null 2>&1') != 0;
    system('cc', qw(-shared -fPIC -O1 -o), "$tmp/nfs.so",
           "$FindBin::Bin/lib/nfs.c") == 0 or die "cc failed\n";

    my ($files, $delay) = (500, 0.002);

    $n = nginx(log_level => 'notice', config => config(<<'END', ['up']));
    clientcert_store up directory=%%PREFIX%%/up interval=300ms size=4m;
END
    $n->write('html/x', 'ok');
    mkdir $n->path('up');
    $der = ClientCert::slurp(cert_file('acme', 'der'));
    ClientCert::spew($n->path("up/f$_"), substr($der, 0, -2) . pack 'n', $_)
        for 1 .. $files;
    my @twice = qw(inter foreign);
    put($_, "up/$_.a"), put($_, "up/$_.b") for @twice;
    put($_, "up/$_") for qw(acme rsa);
    {
        local @ENV{qw(LD_PRELOAD NFS_DELAY)} = ("$tmp/nfs.so", $delay * 1e6);
        $n->start;
    }

    for my $how (qw(kill reload)) {
        another_helper($how);
        put('globex', 'up/globex');
        unlink map { $n->path("up/$_") } 'acme', map { "$_.a" } @twice;
        put('self', 'up/rsa');
        my %want = (globex => 200, acme => 401, rsa => 401, self => 200);
        my %lost;
        ok(wait_for(sub {
            $lost{$_}++ for grep { status($_) != 200 } @twice;
            !grep { status($_) != $want{$_} } keys %want;
        }, 30), 'added, removed and replaced');
        is_deeply(\%lost, {}, 'what stands in two files stays');
        unlink map { $n->path("up/$_.b") } @twice;
        becomes($_, 401, 'but not without the other file', 30) for @twice;

        put($_, "up/$_.a"), put($_, "up/$_.b") for @twice;
        put($_, "up/$_") for qw(acme rsa);
        unlink $n->path('up/globex');
        becomes('globex', 401, 'removed', 30);
        becomes($_, 200, 'as before', 30) for 'acme', 'rsa', @twice;
    }
    is($n->stop, 0, 'stops');
    is_deeply([ $n->alerts(killed => 1) ], [], 'no alerts');
}

done_testing;
