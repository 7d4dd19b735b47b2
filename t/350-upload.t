# Uploading with nginx's own dav_methods, as docs/stores.md shows it: the block
# of configuration is taken from there.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;

my $text = ClientCert::slurp("$FindBin::Bin/../docs/stores.md");
my ($example) = $text =~ /<!-- upload -->\s+```nginx\n(.*?)```/s;
ok($example, 'the example in docs/stores.md') or BAIL_OUT('no example');

plan(skip_all => 'no http_dav_module')
    if `$ENV{TEST_NGINX_BINARY} -V 2>&1` !~ /http_dav_module/;

$example =~ s{/etc/nginx/client-certs}{%%PREFIX%%/store/certs}g;
$example =~ s{/etc/nginx/admins.txt}{%%PREFIX%%/admins.txt}g;
$example =~ s{/etc/nginx/(server\.\S+);}{%%CERTS%%/$1;}g;
$example =~ s{\blisten 443}{listen 127.0.0.1:%%PORT_tls%%};

my $n = nginx(config => sub { $example });
mkdir $n->path($_) for qw(store store/certs store/certs/.upload);
chown +(getpwnam 'nobody')[2, 3], $n->path($_)
    for qw(store/certs store/certs/.upload);
$n->write('admins.txt', sha256('acme') . " admin\n");
$n->write('html/index.html', 'ok');
$n->start;

my $admin = client(port => $n->port('tls'), cert => 'acme');
my $globex = client(port => $n->port('tls'), cert => 'globex');
my $crt = ClientCert::slurp(cert_file('globex', 'crt'));

is($globex->get('/')->{status}, 401, 'not uploaded yet');
is($globex->get('/certs/globex.pem', method => 'PUT', body => $crt)->{status},
   401, 'only administrators upload');
is($admin->get('/certs/globex.pem', method => 'PUT', body => $crt)->{status},
   201, 'uploaded');
ok(wait_for(sub { $globex->get('/')->{status} == 200 }, 5), 'allowed');
is($admin->get('/certs/globex.pem', method => 'DELETE')->{status}, 204,
   'deleted');
ok(wait_for(sub { $globex->get('/')->{status} == 401 }, 5), 'refused');
is($admin->get('/certs/../x', method => 'PUT', body => $crt)->{status}, 401,
   'nowhere else');
$n->stop;
is_deeply([ $n->alerts ], [], 'no alerts');

done_testing;
