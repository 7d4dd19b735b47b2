# Uploading with nginx's own dav_methods, as docs/stores.md shows it: the block
# of configuration is taken from there.  Other sites' pages don't get through, no
# file is overwritten that shouldn't be, and none is served.

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
$example =~ s{\blisten 8443}{listen 127.0.0.1:%%PORT_admin%%};

my $n = nginx(config => sub { $example });
mkdir $n->path($_) for qw(store store/certs store/certs/.upload);
chown +(getpwnam 'nobody')[2, 3], $n->path($_)
    for qw(store/certs store/certs/.upload);
$n->write('admins.txt', sha256('acme') . " admin\n");
$n->write('html/index.html', 'ok');
$n->start;

my $globex = client(port => $n->port('tls'), cert => 'globex');
my $crt = ClientCert::slurp(cert_file('globex', 'crt'));
my $origin = 'https://localhost:' . $n->port('admin');

# what a request to upload is answered, headers in pairs
sub asks {
    my ($method, $path, $who, %headers) = @_;
    my $c = client(port => $n->port('admin'), cert => $who);
    return $c->get($path, method => $method, host => $origin =~ s{.*/}{}r,
                   headers => \%headers,
                   $method =~ /^P/ ? (body => $crt) : ())->{status};
}

my $file = '/certs/globex.pem';

is($globex->get('/')->{status}, 401, 'not uploaded yet');
is(asks(PUT => $file, 'globex'), 401, 'only administrators upload');

# what a browser says of a request that another site's page makes
for my $site (qw(cross-site same-site nonsense)) {
    is(asks($_ => $file, 'acme', 'Sec-Fetch-Site' => $site), 403, "$_, $site")
        for qw(PUT DELETE);
}

for my $from ('null', 'https://evil.test', 'https://localhost', "http://x|$origin",
              "$origin.evil.test", $origin =~ s/https/http/r)
{
    is(asks($_ => $file, 'acme', Origin => $from), 403, "$_, from $from")
        for qw(PUT DELETE);
}

is(asks($_ => $file, 'acme'), 403, "no $_") for qw(GET HEAD POST OPTIONS MKCOL);
ok(!-e $n->path('store/certs/globex.pem'), 'nothing was written');

my %page = (Origin => $origin, 'Sec-Fetch-Site' => 'same-origin');
my %new = ('If-None-Match' => '*');

is(asks(PUT => $file, 'acme', %page, %new), 201, 'uploaded');
ok(wait_for(sub { $globex->get('/')->{status} == 200 }, 5), 'allowed');

is(asks(PUT => $file, 'acme', %page, %new), 412, 'the name is taken');
is(asks(PUT => $file, 'acme'), 204, 'overwritten by who wants it');
is(asks(GET => $file, 'acme', %page), 403, 'not served');
is(asks(DELETE => $file, 'globex'), 401, 'only administrators delete');
is(asks(DELETE => $file, 'acme', %page), 204, 'deleted');
ok(wait_for(sub { $globex->get('/')->{status} == 401 }, 5), 'refused');

# no policy stands above the root, where such a path leads to
isnt(asks(PUT => $_, 'acme'), 201, "not $_")
    for '/certs/../x.pem', '/certs/..%2fx.pem', '/certs/x.html', '/certs/.x.pem',
        '/certs/a/b.pem';
is(asks(PUT => '/certs/part.pem', 'acme', 'Content-Range' => 'bytes 0-1/2'),
   501, 'not in parts');
$n->stop;
is_deeply([ $n->alerts ], [], 'no alerts');

done_testing;
