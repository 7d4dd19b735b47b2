# What moves, or is made anew by another name, is never gone in between: files
# and directories that are renamed, linked, swapped, mounted; with events and
# without.  A client whose certificate is there before and after is asked for
# all the while: it must get one answer, let in by an "allow" and kept out by a
# "deny".

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert ':store';
use Fcntl 'O_RDWR';
use File::Temp ();
use POSIX ();

my $tmp = File::Temp->newdir('nfs-XXXXXX', TMPDIR => 1);
chmod 0755, "$tmp";
mkdir "$tmp/silent";
my $cc = system('cc --version >/dev/null 2>&1') == 0;
for my $lib ($cc ? qw(nfs ahead) : ()) {
    system('cc', qw(-shared -fPIC -O1 -o), "$tmp/$lib.so",
           "$FindBin::Bin/lib/$lib.c") == 0 or die "cc failed\n";
}

my $n;

sub begin {
    my ($path, $prepare, %o) = @_;
    my $interval = delete $o{interval} // '1h';
    my $deny = delete $o{deny} // 'deny store=up;';
    $n = nginx(config => <<"END", log_level => 'notice', %o);
    access_log off;
    keepalive_requests 1000000;
    clientcert_store up directory=%%PREFIX%%/$path interval=$interval;
    clientcert_store all directory=%%PREFIX%%/all;
    clientcert_policy in { allow store=up; log_level info; }
    clientcert_policy out { $deny allow store=all; log_level info; }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        root %%PREFIX%%/html;
        location /    { clientcert_require in;  try_files /x =404; }
        location /out { clientcert_require out; try_files /x =404; }
    }
END
    $n->write('html/x', 'ok');
    mkdir $n->path('all');
    $n->write("all/$_", crt($_)) for qw(acme globex rsa);
    $prepare->();
    $n->start;
    ok(wait_for(sub { my ($helper) = $n->pids('cache manager process');
                      $helper && grep { ClientCert::slurp($_)
                                        =~ /^inotify wd:/m }
                                 glob "/proc/$helper/fdinfo/*" }, 5),
       "$path is followed");
}

# Asks for acme until the condition is true and some time more.
sub steady {
    my ($what, $change, $done, $more) = @_;
    pipe my $in, my $out;
    pipe my $ready, my $go;
    defined(my $pid = fork) or die;
    if (!$pid) {
        close $in;
        my ($requests, $wrong, $stop) = (0, 0, 0);
        local $SIG{USR1} = sub { $stop = 1 };
        my $c = client(port => $n->port('tls'), cert => 'acme');
        until ($stop) {
            for (['/', 200], ['/out', 401]) {
                my $status = $c->get($_->[0])->{status} // 0;
                $requests++;
                $wrong++ if $status != $_->[1];
            }
            syswrite $go, '.' if $requests == 2;
        }
        syswrite $out, "$wrong of $requests";
        POSIX::_exit(0);
    }
    close $out;
    sysread $ready, my $byte, 1;
    $change->();
    ok(wait_for(sub { $done->() }, 10), "$what: in force");
    Time::HiRes::sleep($more // 0.3);
    kill USR1 => $pid;
    waitpid $pid, 0;
    sysread $in, my $got, 100;
    like($got // 'nothing', qr/^0 of /, "$what: no wrong answer");
}

sub has { my ($cert, $status) = @_; sub { status($cert) == $status } }

sub done {
    is($n->stop, 0, 'stops');
    is_deeply([ $n->alerts ], [], 'no alerts');
}

# files, by events alone

begin('up', sub { mkdir $n->path('up'); $n->write('up/a', crt('acme')) });
steady('rename', sub {
    rename $n->path('up/a'), $n->path('up/b');
    $n->write('up/rsa', crt('rsa'));
}, has('rsa', 200));
steady('one by one moved away, to the last', sub {
    $n->write("up/m$_", crt($_ < 16 ? 'globex' : 'rsa')) for 1 .. 16;
    wait_for { status('globex') == 200 } 5;
    for (1 .. 16) {
        rename $n->path("up/m$_"), $n->path("m$_");
        Time::HiRes::sleep(0.0015);
    }
    unlink $n->path('up/rsa');
}, sub { status('globex') == 401 && status('rsa') == 401 });
$n->write('up/rsa', crt('rsa'));
becomes('rsa', 200, 'there again');
SKIP: {
    # RENAME_EXCHANGE
    skip 'another machine', 8 if (POSIX::uname())[4] ne 'x86_64';
    $n->write('up/c', crt('globex'));
    becomes('globex', 200, 'another file');
    steady('a file exchanged for another', sub {
        syscall(316, -100, $n->path('up/b'), -100, $n->path('up/c'), 2) == 0
            or warn "$!";
        $n->write('up/inter', crt('inter'));
    }, has('inter', 200));
    rename $n->path('up/c'), $n->path('up/b');
    unlink $n->path('up/inter');
    becomes('globex', 401, 'replaced');
    becomes('inter', 401, 'removed');
    # what is hidden doesn't count, so acme must be in both then
    for ('up/c', 'up/.c') {
        $n->write($_, crt(m{/\.} ? 'acme' : 'globex'));
        steady("two files exchanged, the other is $_", sub {
            my ($from, $to) = map { $n->path($_) } 'up/b', $_;
            syscall(316, -100, $from, -100, $to, 2) == 0 or warn "$!";
            syscall(316, -100, $from, -100, $to, 2) == 0 or warn "$!";
            $n->write('up/inter', crt('inter'));
        }, has('inter', 200));
        unlink $n->path($_), $n->path('up/inter');
        becomes('inter', 401, 'removed');
    }
}
steady('link and unlink', sub {
    link $n->path('up/b'), $n->path('up/c');
    unlink $n->path('up/b'), $n->path('up/rsa');
}, has('rsa', 401));
steady('to and fro', sub {
    for ((['c', 'd'], ['d', 'e'], ['e', 'c']) x 100) {
        my ($from, $to) = map { $n->path("up/$_") } @$_;
        rename $from, $to;
        Time::HiRes::sleep(0.001 * rand);
    }
    $n->write('up/rsa', crt('rsa'));
}, has('rsa', 200));
SKIP: {
    # of x86-64: O_TMPFILE, linkat() with AT_SYMLINK_FOLLOW
    skip 'another machine', 1 if (POSIX::uname())[4] ne 'x86_64';
    sysopen my $fh, $n->path('up'), 020200000 | O_RDWR, 0644
        or skip 'no O_TMPFILE', 1;
    syswrite $fh, crt('globex');
    my ($from, $to) = ('/proc/self/fd/' . fileno $fh, $n->path('up/globex'));
    syscall 265, -100, $from, -100, $to, 0x400;
    close $fh;
    becomes('globex', 200, 'a file that had no name');
}

$n->write('up/globex', crt('globex'));
becomes('globex', 200, 'globex');
mkdir $n->path('up/dir');
symlink 'dir', $n->path('up/link');
rename $n->path('up/link'), $n->path('up/globex');
becomes('globex', 401, 'a link to a directory takes its place');

# chmod and the like tell nothing of the content
open my $fh, '>', $n->path('up/two') or die;
print $fh crt('globex'), crt('inter');
close $fh;
becomes('inter', 200, 'two in one file');
# by then that it was closed has been seen, too
$n->write('up/acme2', crt('acme2'));
becomes('acme2', 200, 'another file');
open $fh, '>', $n->path('up/two') or die;
$fh->autoflush(1);
my $since = ClientCert::now();
print $fh crt('globex');
chmod $_, $fh for 0640, 0644;
$n->write('up/foreign', crt('foreign'));
becomes('foreign', 200, 'what happens later is in force');
SKIP: {
    my $kept = status('inter');
    skip 'it had settled', 1 if ClientCert::now() - $since > 0.15;
    is($kept, 200, 'a file that is being written keeps its state');
}
close $fh;
becomes('inter', 401, 'until it is closed');

# so many events that most are lost, among them a rename
my ($helper) = $n->pids('cache manager process');
steady('lost events', sub {
    my ($max) = ClientCert::slurp('/proc/sys/fs/inotify/max_queued_events')
        =~ /(\d+)/;
    kill STOP => $helper;
    for (1 .. ($max // 16384) / 2 + 100) {
        ClientCert::spew($n->path('up/.x'), '');
        unlink $n->path('up/.x');
    }
    rename $n->path('up/c'), $n->path('up/d');
    unlink $n->path('up/foreign');
    kill CONT => $helper;
}, has('foreign', 401));
done();

# one odd file doesn't keep the others from being compared

begin('up', sub {
    mkdir $n->path('up');
    symlink 'x' x 300, $n->path('up/0long');
    symlink '/proc/self/mem', $n->path('up/0mem');
    $n->write('up/a', crt('acme'));
    $n->write('target', crt('globex'));
    symlink '../target', $n->path('up/globex');
}, interval => '100ms', deny => '');
like($n->error_log, qr/\[warn\].*"0$_" is rejected/, "0$_ is told")
    for 'long', 'mem';
is(status('acme'), 200, 'the others are there');
unlink $n->path('target');
becomes('globex', 401, 'and compared');
done();

# directories: the path leads to another one, and the old one is removed

for (['the link of a release', 'current', sub {
          mkdir $n->path($_) for 'v1', 'v2';
          symlink 'v1', $n->path('current');
      }, 'v1', 'v2', sub {
          symlink 'v2', $n->path('.link');
          rename $n->path('.link'), $n->path('current');
      }],
     ['a parent like "..data"', 'vol/sub', sub {
          mkdir $n->path($_) for 'vol', map { ("vol/..$_", "vol/..$_/sub") }
                                        1, 2;
          symlink '..1', $n->path('vol/..data');
          symlink '..data/sub', $n->path('vol/sub');
      }, 'vol/..1/sub', 'vol/..2/sub', sub {
          symlink '..2', $n->path('vol/..tmp');
          rename $n->path('vol/..tmp'), $n->path('vol/..data');
      }],
     ['the directory', 'up', sub {
          mkdir $n->path($_) for 'up', 'new';
      }, 'old', 'new', sub {
          rename $n->path('up'), $n->path('old');
          rename $n->path('new'), $n->path('up');
      }, 'up'],
     ['its parent', 'conf/up', sub {
          mkdir $n->path($_) for 'conf', 'new', 'conf/up', 'new/up';
      }, 'old/up', 'new/up', sub {
          rename $n->path('conf'), $n->path('old');
          rename $n->path('new'), $n->path('conf');
      }, 'conf/up'])
{
    my ($what, $path, $make, $old, $new, $move, $first) = @$_;
    $first //= $old;
    begin($path, sub {
        $make->();
        $n->write("$first/a", crt('acme'));
        $n->write("$first/rsa", crt('rsa'));
        $n->write("$new/b", crt('acme'));
    });
    steady($what, sub {
        $move->();
        # which counts no more, but its event is seen
        $n->write("$old/globex", crt('globex'));
        unlink $n->path("$old/a"), $n->path("$old/rsa");
    }, has('rsa', 401));
    is(status('globex'), 401, 'the old one counts no more');
    $n->write("$path/globex", crt('globex'));
    becomes('globex', 200, 'the new one is followed');
    done();
}

# a directory that is swapped so slowly that it is missed in between

begin('up', sub {
    mkdir $n->path($_) for 'up', 'new';
    put('acme', $_) for 'up/a', 'new/b';
    put('rsa', 'up/rsa');
});
steady('the directory, missed', sub {
    rename $n->path('up'), $n->path('old');
    ok($n->wait_log(qr/open\(\) "\S+up" failed, it keeps its state/),
       'which is told');
    rename $n->path('new'), $n->path('up');
}, has('rsa', 401));
put('rsa', 'up/rsa');
becomes('rsa', 200, 'the new one is followed');
done();

# a file that was removed is gone, though there is a bad one by its name

begin('up', sub {
    mkdir $n->path('up');
    $n->write("up/$_", crt($_)) for qw(acme rsa);
});
($helper) = $n->pids('cache manager process');
kill STOP => $helper;
unlink $n->path('up/rsa');
open $fh, '>', $n->path('up/rsa') or die;
print $fh 'x';
close $fh;
kill CONT => $helper;
becomes('rsa', 401, 'removed, then a bad one');
steady('removed, then a good one', sub {
    kill STOP => $helper;
    unlink $n->path('up/acme');
    open my $fh, '>', $n->path('up/acme') or die;
    print $fh crt('acme');
    close $fh;
    $n->write('up/rsa', crt('rsa'));
    kill CONT => $helper;
}, has('rsa', 200));
done();

# all that was removed before its directory was

begin('up', sub {
    mkdir $n->path('up');
    $n->write("up/$_", crt($_)) for qw(acme rsa);
});
is(status('acme'), 200, 'in a directory');
($helper) = $n->pids('cache manager process');
kill STOP => $helper;
system('rm', '-r', $n->path('up')) == 0 or die;
kill CONT => $helper;
becomes('acme', 401, 'that is removed');
is(status('rsa'), 401, 'with all its files');
ok($n->wait_log(qr/open\(\) "\S+up" failed/), 'which is told');
mkdir $n->path('up');
$n->write('up/acme', crt('acme'));
done();

# a ConfigMap whose key gets another name, as kubelet does it

begin('cm', sub {
    mkdir $n->path($_) for 'cm', map { "cm/..$_" } 1, 2;
    $n->write("cm/..$_/k$_", crt('acme')) for 1, 2;
    symlink '..1', $n->path('cm/..data');
    symlink '..data/k1', $n->path('cm/k1');
});
steady('a key of a ConfigMap', sub {
    symlink '..2', $n->path('cm/..tmp');
    rename $n->path('cm/..tmp'), $n->path('cm/..data');
    Time::HiRes::sleep(0.02);
    symlink '..data/k2', $n->path('cm/k2');
    unlink $n->path('cm/k1');
    $n->write('cm/rsa', crt('rsa'));
}, has('rsa', 200));
unlike($n->error_log, qr/"k\d" is rejected/, 'nothing to tell');
done();

# a link to nowhere is told though no event tells that it stays so

begin('up', sub { mkdir $n->path('up') });
symlink 'nowhere', $n->path('up/link');
ok($n->wait_log(qr/"link" is rejected/), 'a link to nowhere');
done();

# without events

SKIP: {
    skip 'needs a C compiler, cc', 1 if !$cc;
    local @ENV{qw(LD_PRELOAD NFS_SILENT)} = ("$tmp/nfs.so", "$tmp/silent");
    for my $interval ('20ms', '300ms') {
        begin('up', sub {
            mkdir $n->path('up');
            $n->write('up/a', crt('acme'));
        }, interval => $interval);
        my @names = qw(a b c a b);
        for my $i (1 .. $#names) {
            steady("without events, every $interval", sub {
                rename $n->path("up/$names[$i - 1]"),
                       $n->path("up/$names[$i]");
                $i % 2 ? $n->write('up/rsa', crt('rsa'))
                       : unlink $n->path('up/rsa');
            }, has('rsa', $i % 2 ? 200 : 401), 0.1);
        }
        done();
    }
}

# what is opened ahead in the first look may be another file when it is its turn

SKIP: {
    skip 'needs a C compiler, cc', 1 if !$cc;
    mkdir "$tmp/up";
    chmod 0777, "$tmp/up";
    ClientCert::spew("$tmp/up/a", crt('acme'));
    local @ENV{qw(LD_PRELOAD AHEAD_FROM AHEAD_TO)}
        = ("$tmp/ahead.so", "$tmp/up/.a", "$tmp/up/a");
    begin('up', sub { symlink "$tmp/up", $n->path('up') });
    is_now('acme', 200, 'there at first');
    ClientCert::spew("$tmp/up/.a", crt('globex'));
    chmod 0644, "$tmp/up/.a";
    another_helper('reload');
    ok(wait_for(sub { !-e "$tmp/up/.a" }, 5), 'renamed during the look');
    becomes('globex', 200, 'what was renamed counts');
    is_now('acme', 401, 'not what was opened before');
    done();
}

# a file system that isn't there any more

SKIP: {
    my $mounted;
    begin('mnt', sub {
        mkdir $n->path('mnt');
        $mounted = system('mount -t tmpfs -o mode=755 none ' . $n->path('mnt')
                          . ' 2>/dev/null') == 0;
        open my $fh, '>', $n->path('mnt/a') or die;
        print $fh crt('acme');
        close $fh;
    }, interval => '100ms');
    if (!$mounted) {
        $n->stop;
        skip 'cannot mount', 1;
    }
    steady('unmounted', sub {
        is(system('umount', $n->path('mnt')), 0, 'nothing keeps it from that');
    }, sub { $n->error_log =~ /finding the file system of "\S+mnt" failed/ });
    open my $fh, '>', $n->path('mnt/rsa') or die;
    print $fh crt('rsa');
    close $fh;
    becomes('rsa', 200, 'another one with files counts');
    becomes('acme', 401, 'all of it');
    ok($n->wait_log(qr/"\S+mnt" can be read again/), 'and is told');
    done();
}

done_testing;
