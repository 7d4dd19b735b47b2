# What changes all the time costs little and delays nobody: who uploads without
# end, helpers that have nothing to do, changes in a row.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert ':store';
use MIME::Base64;
use POSIX ();

my $n = nginx(log_level => 'notice', config => <<'END');
    clientcert_store up   directory=%%PREFIX%%/up size=16m;
    clientcert_store many directory=%%PREFIX%%/many;
    clientcert_policy p { allow store=up; log_level info; }
    clientcert_policy q { allow store=many; log_level info; }
    keepalive_requests 1000000;
    access_log off;
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        root %%PREFIX%%/html;
        location /     { clientcert_require p; try_files /x =404; }
        location /many { clientcert_require q; try_files /x =404; }
    }
END

my $der = ClientCert::slurp(cert_file('acme', 'der'));

$n->write('html/x', 'ok');
mkdir $n->path($_) for qw(up many);
ClientCert::spew($n->path("many/f$_"), substr($der, 0, -4) . pack 'N', $_)
    for 1 .. 10_000;
put($_) for qw(acme globex);
$n->start;
ok($n->wait_log(qr/start cache manager/), 'a helper');
put('rsa', 'many/rsa.pem');
becomes('rsa /many', 200, 'that follows');
my $helper = helper();

# seconds of CPU that it has taken
sub cpu {
    my ($ns) = ClientCert::slurp("/proc/$helper/schedstat") =~ /^(\d+)/;
    return $ns / 1e9;
}

sub share_of {
    my $seconds = shift;
    my ($cpu, $since) = (cpu(), ClientCert::now());
    Time::HiRes::sleep($seconds);
    return (cpu() - $cpu) / (ClientCert::now() - $since);
}

SKIP: {
    skip 'the kernel does not count', 2 if !-r "/proc/$helper/schedstat";

    # comparing falls into one minute of these at most, other things into none
    my ($share) = sort { $a <=> $b } map { share_of(3) } 1 .. 3;
    cmp_ok($share, '<', 0.002, sprintf 'idle with 10,000 files: %.3f %%',
           100 * $share);
    is(helper(), $helper, 'by the same helper');
}

# Files of 1 MiB are renamed over each other as fast as can be; somebody else's
# is removed, added, removed.

my $big = '';
for (my $i = 0; length $big < 1024 * 1024 - 2000; $i++) {
    $big .= "-----BEGIN CERTIFICATE-----\n"
            . encode_base64(substr($der, 0, -4) . pack 'N', $i)
            . "-----END CERTIFICATE-----\n";
}
$n->write("up/.big$_", $big) for 1, 2;

defined(my $pid = fork) or die;
if (!$pid) {
    my $end = ClientCert::now() + 60;
    for (my $i = 0; ClientCert::now() < $end && getppid() != 1; $i++) {
        link $n->path('up/.big' . (1 + $i % 2)), $n->path('up/.next');
        rename $n->path('up/.next'), $n->path('up/big' . $i % 3 . '.pem');
        # some hundred times a second
        Time::HiRes::sleep(0.002);
    }
    POSIX::_exit(0);
}

SKIP: {
    skip 'the kernel does not count', 1 if !-r "/proc/$helper/schedstat";
    my $share = share_of(5);
    cmp_ok($share, '<', 0.5, sprintf 'takes %.0f %% of a core', 100 * $share);
}
my @took;
for my $status (401, 200, 401, 200, 401) {
    my $since = ClientCert::now();
    $status == 401 ? unlink $n->path('up/globex.pem') : put('globex');
    becomes('globex', $status, $status == 401 ? 'removed' : 'added', 20);
    push @took, ClientCert::now() - $since;
}
is_now('acme', 200, 'others are there');
kill KILL => $pid;
waitpid $pid, 0;
note sprintf 'in force after %s s', join ' ', map { sprintf '%.2f', $_ } @took;
cmp_ok((sort { $a <=> $b } @took)[-1], '<', 6, 'which nobody delays for long');

is($n->stop, 0, 'stops');
is_deeply([ $n->alerts ], [], 'no alerts');

done_testing;
