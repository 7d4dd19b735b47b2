# Which files of a directory count by their names, and what is told when a
# certificate gets another one.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert ':store';
use POSIX ();

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
        add_header X-Label \$clientcert_label always;
        location / { clientcert_require p; try_files /x =404; }
    }
END
}

my $n;

sub begin {
    my ($stores, $rules, %files) = @_;
    $n = nginx(config => config($stores, $rules), log_level => 'notice');
    $n->write('html/x', 'ok');
    mkdir $n->path('up');
    $n->write("up/$_", crt($files{$_})) for keys %files;
}

sub done {
    is($n->stop, 0, 'stops');
    is_deeply([ $n->alerts ], [], 'no alerts');
}

# What was logged of the change, as soon as it was.
sub tells {
    my ($what, $change, $text) = @_;
    my $before = length $n->error_log;
    my $line;
    $change->();
    wait_for { ($line) = substr($n->error_log, $before)
                         =~ /store "up": (\d+ added, .*)/ } 5;
    is($line, $text, $what);
}

sub label { answer(shift)->{headers}{'x-label'} }

# certificates that are there by another name

begin('clientcert_store up directory=%%PREFIX%%/up;', 'allow store=up;',
      'b.pem' => 'acme', 'c.pem' => 'globex');
$n->start;
ok($n->wait_log(qr/cache manager/), 'helper');
tells('renamed', sub { rename $n->path('up/b.pem'), $n->path('up/d.pem') },
      '0 added, 0 removed, 1 renamed, 0 rejected, 2 certificates');
is(label('acme'), 'd', 'which is what its label comes from');
tells('a copy whose name comes first', sub { put('acme', 'up/a.pem') },
      '0 added, 0 removed, 1 renamed, 0 rejected, 2 certificates');
tells('another one beside', sub { put('rsa', 'up/rsa.pem') },
      '1 added, 0 removed, 0 renamed, 0 rejected, 3 certificates');
tells('the copy is gone', sub { unlink $n->path('up/a.pem') },
      '0 added, 0 removed, 1 renamed, 0 rejected, 3 certificates');
my $lines = logged(qr/store "up": \d+ added/);
put('acme', 'up/e.pem');
tells('a copy whose name comes last isn\'t told',
      sub { unlink $n->path('up/rsa.pem') },
      '0 added, 1 removed, 0 renamed, 0 rejected, 2 certificates');
is(logged(qr/store "up": \d+ added/), $lines + 1, 'indeed');
done();

# what editors, package managers and people put aside lets nobody in

my $up = 'clientcert_store up directory=%%PREFIX%%/up interval=200ms;';
my @left = ('#acme.pem#',
            map { "acme.pem$_" } qw(~ .disabled .bak .old .orig .save .swp .tmp
                                    .dpkg-old .dpkg-dist .rpmnew .rpmsave
                                    .rpmorig .DISABLED .Bak));
my @count = ('#b', 'c#', qw(globex.pem.backup disabled.pem a.old.pem));

for my $name (@left) {
    begin($up, 'allow store=up;', $name => 'acme', 'rsa.pem' => 'rsa');
    $n->start;
    is_now('acme', 401, "$name doesn't count");
    is_now('rsa', 200, 'others do');
    ok($n->wait_log(qr/\[notice\] .*store "up": leftovers by name, which don't count: "\Q$name\E"$/m),
       'it is told');
    done();
}

begin($up, 'allow store=up;', map { $_ => 'globex' } @count);
$n->start;
is_now('globex', 200, 'what only looks like it counts');
unlink $n->path("up/$_") for grep { $_ ne 'c#' } @count;
ok(wait_for(sub { (label('globex') // '') eq 'c#' }, 5), 'each of them');
unlink $n->path('up/c#');
becomes('globex', 401, 'the last one');
is(logged(qr/leftovers/), 0, 'nothing to tell');

mkdir $n->path('up/backup~');
POSIX::mkfifo($n->path('up/fifo.tmp'), 0600) or die;
symlink 'nowhere', $n->path('up/link.old');
put('acme', "up/$_") for @left;
put('rsa', 'up/rsa.pem');
becomes('rsa', 200, 'some come while it runs');
is_now('acme', 401, 'they don\'t count then either');
sub told {
    my $sum = 0;
    for ($n->error_log =~ /: leftovers by name, which don't count: (.*)/g) {
        my @names = /"[^"]+"/g;
        $sum += /(\d+) in all/ ? $1 : @names;
    }
    return $sum;
}
ok(wait_for(sub { told() == 18 }, 5), 'all are told, but for a directory')
    or diag told();
Time::HiRes::sleep(0.5);
is(told(), 18, 'once');
is(logged(qr/is rejected/), 0, 'none is rejected');
another_helper('reload');
ok($n->wait_log(qr/leftovers by name, which don't count: (?:"[^"]+", ){5}\.\.\. \(18 in all\)$/m),
   'another process names five');
done();

# disabling one while nginx runs

for my $ending ('.disabled', '~') {
    begin($up, 'allow store=up;', 'acme.pem' => 'acme', 'rsa.pem' => 'rsa');
    $n->start;
    is_now('acme', 200, 'there');
    ok($n->wait_log(qr/cache manager/), 'helper');
    tells('put aside', sub { rename $n->path('up/acme.pem'),
                                    $n->path("up/acme.pem$ending") },
          '0 added, 1 removed, 0 renamed, 0 rejected, 1 certificates');
    is_now('acme', 401, 'it lets nobody in any more');
    ok($n->wait_log(qr/leftovers by name, .*: "acme\.pem\Q$ending\E"$/m), 'told');
    tells('put back', sub { rename $n->path("up/acme.pem$ending"),
                                   $n->path('up/acme.pem') },
          '1 added, 0 removed, 0 renamed, 0 rejected, 2 certificates');
    is_now('acme', 200, 'in again');
    done();
}

# it still denies

my $denies = 'deny store=up; allow store=all;';
my $all = 'clientcert_store all directory=%%PREFIX%%/all;';

sub all {
    mkdir $n->path('all');
    $n->write("all/$_.pem", crt($_)) for qw(acme globex rsa);
}

begin("$up $all", $denies, 'acme.pem.bak' => 'acme', 'rsa.pem' => 'rsa');
all();
my ($status, $text) = $n->test;
is($status, 0, 'a leftover that denies');
like($text, qr/\[warn\] .*store "up": leftovers by name, which count as a "deny" uses them: "acme\.pem\.bak"$/m,
     'is told at the terminal');
$n->start;
is_now('acme', 401, 'and denies');
is_now('globex', 200, 'others are in');
rename $n->path('up/rsa.pem'), $n->path('up/rsa.pem.disabled');
ok($n->wait_log(qr/\[warn\] .*count as a "deny" uses them: "rsa\.pem\.disabled"$/m),
   'what is put aside while it runs too');
is_now('rsa', 401, 'denies');
$n->write('up/globex.pem.tmp', 'no certificate');
ok($n->wait_log(qr/"globex\.pem\.tmp" is rejected/), 'and can be rejected');
done();

# what "deny" comes to use at a reload denies at once

begin("$up $all", 'allow store=all; allow store=up;',
      'acme.pem.bak' => 'acme');
all();
$n->start;
is_now('acme', 200, 'allowed by another store');
ok($n->reload(config("$up $all", $denies)), 'a reload');
hang_up();
is_now('acme', 401, 'denied as soon as there is a deny');
my $master = $n->pid;
like($n->error_log, qr/ $master#\S+ store "up": 1 added/,
     'by what the master has read, before there were workers');
done();

# a mask

my $mask = $up =~ s{up interval}{up/*.pem interval}r;
begin($mask, 'allow store=up;', 'acme.pem.bak' => 'acme', 'rsa.crt' => 'rsa',
      'globex.pem' => 'globex', '.foreign.pem' => 'foreign');
$n->start;
is_now('globex', 200, 'a mask');
is_now($_, 401, 'takes only what matches') for qw(acme rsa foreign);
tells('renamed so that it does', sub { rename $n->path('up/rsa.crt'),
                                              $n->path('up/rsa.pem') },
      '1 added, 0 removed, 0 renamed, 0 rejected, 2 certificates');
is_now('rsa', 200, 'in');
tells('and so that it doesn\'t', sub { rename $n->path('up/rsa.pem'),
                                              $n->path('up/rsa.cer') },
      '0 added, 1 removed, 0 renamed, 0 rejected, 1 certificates');
is_now('rsa', 401, 'out');
in_place('up/bad.crt', 'x');
put('acme', 'up/acme.pem');
becomes('acme', 200, 'followed');
is(logged(qr/is rejected|leftovers/), 0, 'others aren\'t looked at');
ok($n->reload(config($mask =~ s/\*\.pem/*.c[er]t/r, 'allow store=up;')),
   'another mask');
hang_up();
is_now('acme', 401, 'is another source');
is_now('rsa', 401, 'which takes no .cer');
rename $n->path('up/rsa.cer'), $n->path('up/rsa.crt');
becomes('rsa', 200, 'but a .crt');
done();

for my $rules ('allow store=up;', "deny store=up; allow store=all;") {
    begin("$up $all" =~ s{up interval}{up/* interval}r, $rules,
          'acme.pem.bak' => 'acme');
    all();
    $n->start;
    is_now('acme', $rules =~ /deny/ ? 401 : 200, 'the mask alone decides');
    is(logged(qr/leftovers/), 0, 'nothing to tell');
    done();
}

begin($mask =~ s/pem/pme/r, 'allow store=up;', 'acme.pem' => 'acme',
      'rsa.pem' => 'rsa');
($status, $text) = $n->test;
is($status, 0, 'a mask that nothing matches');
like($text, qr{\[warn\] .*store "up": none of the 2 names in "\S+/up" matches "\*\.pme"$}m,
     'is told at the terminal');
is(() = $text =~ /none of/g, 1, 'once');
unlink $n->path("up/$_") for qw(acme.pem rsa.pem);
unlike(($n->test)[1], qr/none of/, 'not if there is no name at all');
rmdir $n->path('up');
($status, $text) = $n->test;
isnt($status, 0, 'a directory that doesn\'t exist');
like($text, qr{\[emerg\] .*open\(\) "\S+/up" failed \(2:}, 'is an error');

done_testing;
