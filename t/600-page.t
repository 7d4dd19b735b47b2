# Covers html/ with examples/status.conf, in a headless Chromium on a real
# nginx: t/page/page.js drives it, and tells what it found as TAP.  It needs
# Debian's chromium and npm's playwright-core, which "make test-page" installs.

use strict;
use warnings;

use Cwd 'abs_path';
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;
use JSON::PP ();

my $root = abs_path("$FindBin::Bin/..");
my $chromium = $ENV{CHROMIUM} // '/usr/bin/chromium';
my $modules = "$ENV{TEST_NGINX_BUILD_DIR}/playwright/node_modules";

plan(skip_all => "no $chromium: \"make test-page\" installs what this needs")
    if !-x $chromium;
plan(skip_all => 'no node, or no playwright-core: "make test-page"')
    if !-d "$modules/playwright-core"
       || system('node --version > /dev/null 2>&1');
plan(skip_all => 'no http_dav_module')
    if `$ENV{TEST_NGINX_BINARY} -V 2>&1` !~ /http_dav_module/;

my $size = 0;
$size += -s for glob "$root/html/*";
cmp_ok($size, '<=', 50 * 1024, 'the page is small');

my @hostile = (
    '<img src=x onerror="window.bad=1">', '"\'><script>window.bad=1</script>',
    "\x01\x1f\x7f", "gro.\xe2\x80\xaeelpmaxe", "\xff\xfe\xc3", '\\',
    '{{x}}${window.bad=1}', 'javascript:window.bad=1', 'x' x 3000,
);

for my $i (0 .. $#hostile) {
    my $text = $hostile[$i];

    # OpenSSL takes no UTF8String that isn't, but any T61String
    my $type = $text =~ /\xff/ ? 20 : 12;

    der_cert(name => "hostile$i", ca => 'self',
             subject => [ [ O => $text, $type ],
                          [ CN => "hostile$i $text", $type ] ],
             san => [ dns => $text, uri => $text ]);
}

my ($acme, $key) = (sha1('acme'), '5b' x 32);
my $example = ClientCert::slurp("$root/examples/status.conf");
$example =~ s{/etc/nginx/client-certs}{%%PREFIX%%/certs}g;
$example =~ s{/etc/nginx/(\w+\.txt)}{%%PREFIX%%/$1}g;
$example =~ s{/etc/nginx/(server\.\S+);}{%%CERTS%%/$1;}g;
$example =~ s{clientcert_policy \Kclients}{partners};
$example =~ s{(clientcert_policy partners \{\n)}
             {$1allow thumbprint=$acme label=acme;\nallow spki=$key;\n};
$example =~ s{/usr/share/nginx/clientcert}{$root/html}g;

# another store, by which somebody is shut out
$example =~ s{(clientcert_policy partners \{\n)}
             {clientcert_store blocked directory=%%PREFIX%%/blocked;\n$1
              deny store=blocked;\n};
$example =~ s{upload=uploaded\S+(?=;)}{$& upload=blocked:/admin/blocked/};
my ($location) = $example =~ m{^(    location ~ \^/admin/certs/.*?^    \}\n)}ms;
$example =~ s{\Q$location}{$location . $location =~ s,/certs,/blocked,gr}e;

$example =~ s{/var/log/nginx/}{%%PREFIX%%/logs/}g;
$example =~ s{\blisten 8444}{listen 127.0.0.1:%%PORT_page%%};

# what Debian's nginx.conf includes
my $types = 'types { text/html html; text/css css; '
            . 'application/javascript js; }';

my $n = nginx(config => <<"END");
    $types
    $example
    # room for all of one network
    clientcert_status_zone size=4m refused=256;

    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        server_name api.test;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        clientcert_require partners;
    }
END

mkdir $n->path($_) for qw(certs certs/.upload blocked blocked/.upload);
chown +(getpwnam 'nobody')[2, 3], $n->path($_)
    for qw(certs certs/.upload blocked blocked/.upload);
make_cert(name => 'soon', ca => 'ca-a', not_after => time + 5 * 86400);
$n->write('certs/soon.pem', ClientCert::slurp(cert_file('soon', 'crt')));
$n->write('certs/bad<img src=x>.pem', 'nothing');
$n->write('operators.txt', sha256('rsa') . " operator\n");
$n->write('admins.txt', sha256('inter') . " admin\n");
$n->write('html/index.html', 'ok');
$n->start;

for my $i (0 .. $#hostile) {
    my $c = client(port => $n->port('tls'), cert => "hostile$i");
    is($c->get('/')->{status}, 401, "hostile certificate $i asks");
}

my $told = JSON::PP->new->encode({
    chromium => $chromium,
    page => $n->port('page'), app => $n->port('tls'),
    certs => { map { $_ => { crt => cert_file($_, 'crt'),
                             key => cert_file($_, 'key'),
                             sha256 => sha256($_) } }
               qw(acme globex rsa foreign inter self expired) },
    hostile => scalar(@hostile),
    shots => $ENV{PAGE_SHOTS},
});

$ENV{NODE_PATH} = $modules;
$n->write('told.json', $told);
open my $node, '-|', 'node', "$root/t/page/page.js", $n->path('told.json')
    or die "node: $!\n";

my $end;
while (my $line = <$node>) {
    if ($line =~ /^(not )?ok (.*)/) {
        ok(!$1, $2);
    } elsif ($line =~ /^done$/) {
        $end = 1;
    } else {
        diag($line);
    }
}
close $node;
ok($end, 'the browser came to the end');

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
