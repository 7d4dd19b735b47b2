# Which files of a directory count by their names, and what is told when a
# certificate gets another one.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert ':store';

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

done_testing;
