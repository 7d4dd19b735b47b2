# A new helper, after a reload or because the old one was killed, goes on where
# the other one was: what was logged isn't logged again, and changes are in
# force before it has read all files itself.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use File::Temp ();

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

sub crt { ClientCert::slurp(cert_file(shift, 'crt')) }

my ($n, %open);
sub status {
    my $cert = shift;
    my $c = $open{$cert} //= client(port => $n->port('tls'), cert => $cert);
    my $status = $c->get('/')->{status};
    delete $open{$cert} unless $status;
    return $status // 0;
}

sub becomes {
    my ($cert, $status, $what, $limit) = @_;
    ok(wait_for(sub { status($cert) == $status }, $limit // 5), $what);
}

# Another helper, whose name is not that of the one before.
sub another {
    my $how = shift;
    my $old = wait_for { ($n->pids('cache manager process'))[0] } 10;
    $how eq 'reload' ? $n->reload : kill KILL => $old;
    ok(wait_for(sub { my @pids = $n->pids('cache manager process');
                      @pids == 1 && $pids[0] != $old }, 10),
       "another helper: $how");
    %open = ();
}

# what is logged once, by whichever process

$n = nginx(log_level => 'notice', config => config(<<'END',
    clientcert_store up   directory=%%PREFIX%%/up   interval=100ms size=64k;
    clientcert_store gone directory=%%PREFIX%%/gone interval=100ms;
    clientcert_store bad  list=%%PREFIX%%/bad.txt   interval=100ms;
    clientcert_store none list=%%PREFIX%%/none.txt  interval=100ms;
END
    [qw(up gone bad none)]));
$n->write('html/x', 'ok');
mkdir $n->path('up');
$n->write('up/acme.pem', crt('acme'));
$n->write('up/key.pem', ClientCert::slurp(cert_file('rsa', 'pem')));
$n->write('up/bad1.pem', 'x');
$n->write('up/bad2.pem', substr crt('rsa'), 0, 300);
symlink 'nowhere', $n->path('up/dangling');
symlink "../target$_", $n->path("up/link$_.pem") for '', 2;
$n->write('target', crt('inter'));
$n->write('target2', crt('self'));
$n->write('bad.txt', sha1('globex') . "\nzz\n");

my %told = (
    key      => qr/"key.pem" holds a private key/,
    bad1     => qr/"bad1.pem" is rejected.*: it holds no certificate/,
    bad2     => qr/"bad2.pem" is rejected.*: it is truncated/,
    dangling => qr/"dangling" is rejected.* \(2: No such file/,
    gone     => qr/store "gone": open\(\) of/,
    list     => qr/store "bad": list is rejected.* \S+bad.txt:2:1/,
    none     => qr/store "none": stat\(\) of/,
    summary  => qr/store "up": 4 added, 0 removed, 3 rejected, 4 cert/,
);

sub lines_of { my $re = shift; return scalar(() = $n->error_log =~ /$re/g) }

sub all_told {
    my ($times, $what) = @_;
    is_deeply({ map { $_ => lines_of($told{$_}) } keys %told },
              { map { $_ => $times->{$_} // 1 } keys %told }, $what);
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
all_told({}, 'told once at the start');

for my $how (qw(reload kill reload)) {
    another($how);
    compared();
    all_told({}, 'and not again');
}

# the state of what is bad can't be read from its time alone
my $ino = (stat $n->path('up/bad1.pem'))[1];
open my $fh, '>', $n->path('up/bad1.pem') or die;
print $fh crt('globex');
close $fh;
becomes('globex', 200, 'mended');
open $fh, '>', $n->path('up/bad1.pem') or die;
print $fh 'x';
close $fh;
ok($n->wait_log(qr/"bad1.pem" is rejected, it keeps its state: it holds/),
   'bad again');
is((stat $n->path('up/bad1.pem'))[1], $ino, 'in the same file');
is(status('globex'), 200, 'last good');
$n->write('bad.txt', "zz\nzz\n");
ok($n->wait_log(qr/"bad": list is rejected.*bad.txt:1:1/), 'a bad list again');
another('kill');
compared();
all_told({ bad1 => 2 }, 'told again, once');
is(status('globex'), 200, 'last good of another process');

# a source that is there again, while no helper looks
my ($helper) = $n->pids('cache manager process');
kill STOP => $helper;
mkdir $n->path('gone');
$n->write('none.txt', "# none\n");
kill KILL => $helper;
ok($n->wait_log(qr/"\S+gone" can be read again/), 'there again');
ok($n->wait_log(qr/"\S+none.txt" can be read again/), 'a list as well');

# too small a zone
my $der = ClientCert::slurp(cert_file('rsa', 'der'));
open $fh, '>:raw', $n->path('up/.many') or die;
for my $i (1 .. 300) {
    require MIME::Base64;
    print $fh "-----BEGIN CERTIFICATE-----\n",
        MIME::Base64::encode_base64(substr($der, 0, -2) . pack 'n', $i),
        "-----END CERTIFICATE-----\n";
}
close $fh;
rename $n->path('up/.many'), $n->path('up/many.pem');
my $small = qr/"up": its zone of 64k is too small/;
ok($n->wait_log($small), 'a zone too small');
for (['kill', '', 'inter'], ['reload', 2, 'self']) {
    my ($how, $link, $cert) = @$_;
    another($how);
    unlink $n->path("target$link");
    becomes($cert, 401, 'it compares');
}
is(lines_of($small), 1, 'is told once');
is($n->stop, 0, 'stops');
is_deeply([ grep { !/exited on signal 9/ } $n->alerts ], [], 'no alerts');

# While all files are read, which takes at least so many seconds here, changes
# are in force, and what another file still holds stays.

my $tmp = File::Temp->newdir('nfs-XXXXXX', TMPDIR => 1);
chmod 0755, "$tmp";

SKIP: {
    skip 'needs a C compiler, cc', 1
        if system('cc --version >/dev/null 2>&1') != 0;
    system('cc', qw(-shared -fPIC -O1 -o), "$tmp/nfs.so",
           "$FindBin::Bin/lib/nfs.c") == 0 or die "cc failed\n";

    my ($files, $delay) = (1000, 0.004);
    my $reading = $files * $delay;

    $n = nginx(log_level => 'notice', config => config(<<'END', ['up']));
    clientcert_store up directory=%%PREFIX%%/up interval=1h size=4m;
END
    $n->write('html/x', 'ok');
    mkdir $n->path('up');
    $der = ClientCert::slurp(cert_file('acme', 'der'));
    for my $i (1 .. $files) {
        open $fh, '>:raw', $n->path("up/f$i") or die;
        print $fh substr($der, 0, -2), pack 'n', $i;
        close $fh;
    }
    my @twice = qw(inter foreign noeku long);
    for (@twice) {
        $n->write("up/$_.a", crt($_));
        $n->write("up/$_.b", crt($_));
    }
    $n->write('up/acme', crt('acme'));
    $n->write('up/rsa', crt('rsa'));
    {
        local @ENV{qw(LD_PRELOAD NFS_DELAY)} = ("$tmp/nfs.so", $delay * 1e6);
        $n->start;
    }

    for my $how (qw(kill reload)) {
        my $since = ClientCert::now();
        another($how);
        my ($helper) = $n->pids('cache manager process');
        ok(wait_for(sub { grep { ClientCert::slurp($_) =~ /^inotify wd:/m }
                          glob "/proc/$helper/fdinfo/*" }, 3), 'it watches');
        my %want = (globex => 200, acme => 401, rsa => 401, self => 200,
                    map { $_ => 200 } @twice);
        $n->write('.new', crt('globex'));
        rename $n->path('.new'), $n->path('up/globex');
        unlink $n->path('up/acme');
        $n->write('up/rsa', crt('self'));
        unlink map { $n->path("up/$_.a") } @twice;
        my ($done, @lost);
        until ($done || ClientCert::now() - $since > 60) {
            my @not = grep { status($_) != $want{$_} } sort keys %want;
            for my $cert (@twice) {
                push @lost, $cert if grep { $_ eq $cert } @not;
            }
            $done = !@not;
        }
        my $took = ClientCert::now() - $since;
        cmp_ok($took, '<', $reading,
               'added, removed and replaced before all is read');
        is("@lost", '', 'what stands in two files stays');
        my $left = shift @twice;
        unlink $n->path("up/$left.b");
        wait_for(sub { status($left) == 401 || ClientCert::now() - $since
                                           > $reading }, 30);
        is_deeply([ map { status($_) } @twice ], [ (200) x @twice ],
                  'all the time');
        becomes($left, 401, 'but not without the other file', 30);

        # as before, but for what is gone
        $n->write('.new', crt('acme'));
        rename $n->path('.new'), $n->path('up/acme');
        $n->write('up/rsa', crt('rsa'));
        $n->write("up/$_.a", crt($_)) for @twice;
        unlink $n->path('up/globex');
        becomes('globex', 401, 'removed', 30);
        becomes('rsa', 200, 'replaced', 30);
        becomes('acme', 200, 'added', 30);
    }
    is($n->stop, 0, 'stops');
    is_deeply([ grep { !/exited on signal 9/ } $n->alerts ], [], 'no alerts');
}

done_testing;
