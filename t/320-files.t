# What a directory must withstand: strange files, bad files, Kubernetes,
# directories that come and go, and changes that no event tells of.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert ':store';
use Encode 'encode';
use IO::Socket::UNIX;
use POSIX ();

my $n = nginx(config => <<'END' =~ s/%%FOREIGN%%/sha256('foreign')/ger);
    clientcert_store up    directory=%%PREFIX%%/up interval=200ms;
    clientcert_store up2   directory=%%PREFIX%%/up interval=200ms;
    clientcert_store cm    directory=%%PREFIX%%/cm interval=200ms;
    clientcert_store cmlist list=%%PREFIX%%/cm/list.txt interval=200ms;
    clientcert_store links directory=%%PREFIX%%/links interval=200ms;

    clientcert_policy up     { allow store=up; }
    clientcert_policy up2    { allow store=up2; }
    clientcert_policy cm     { allow store=cm; }
    clientcert_policy cmlist { allow store=cmlist; }
    clientcert_policy links  { allow store=links; }

    clientcert_policy many1  { allow store=up; }
    clientcert_policy many2  { allow store=up label=two; }
    clientcert_policy many3  { allow store=links; allow store=up2; }
    clientcert_policy many4  { deny store=up; allow store=links;
                               allow thumbprint=%%FOREIGN%%; }
    clientcert_policy many5  { deny store=up2;
                               allow thumbprint=%%FOREIGN%%; }

    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        root %%PREFIX%%/html;
        add_header X-Label $clientcert_label always;

        location /up     { clientcert_require up;     try_files /x =404; }
        location /up2    { clientcert_require up2;    try_files /x =404; }
        location /cm     { clientcert_require cm;     try_files /x =404; }
        location /cmlist { clientcert_require cmlist; try_files /x =404; }
        location /links  { clientcert_require links;  try_files /x =404; }
        location /many1  { clientcert_require many1;  try_files /x =404; }
        location /many2  { clientcert_require many2;  try_files /x =404; }
        location /many3  { clientcert_require many3;  try_files /x =404; }
        location /many4  { clientcert_require many4;  try_files /x =404; }
        location /many5  { clientcert_require many5;  try_files /x =404; }
    }
END

sub der { ClientCert::slurp(cert_file(shift, 'der')) }

# The log tells of each file once.
sub rejected {
    my ($name, $why) = @_;
    my $re = qr/store "up": "\Q$name\E" is rejected[^\n]*$why/m;
    ok(wait_for(sub { $n->error_log =~ $re }, 5), "rejected: $why")
        or diag $n->error_log =~ s/.*rejected by policy.*\n//gr;
    my $times = () = $n->error_log =~ /$re/g;
    is($times, 1, 'once');
}

$n->write('html/x', 'ok');
mkdir $n->path($_) for qw(up cm links);
$n->write('cm/list.txt', "# none\n");
unlink $n->path('cm/list.txt');
mkdir $n->path('cm/..1');
$n->write('cm/..1/list.txt', sha1('globex') . "\n");
$n->write('cm/..1/acme.pem', crt('acme'));
symlink '..1', $n->path('cm/..data');
symlink "..data/$_", $n->path("cm/$_") for qw(list.txt acme.pem);
$n->start;

# bad files, good ones beside them

$n->write('up/acme.pem', crt('acme'));
in_place('up/empty', '');
rejected('empty', 'it is empty');
$n->write('up/junk', join '', map { chr int rand 256 } 1 .. 1024 * 1024);
rejected('junk', '(?:no certificate|truncated|DER)');
$n->write('up/big', 'x' x (1024 * 1024 + 1));
rejected('big', ': it is larger than 1 MiB$');
$n->write('up/cut.pem', substr crt('globex'), 0, 400);
rejected('cut.pem', 'it is truncated');
$n->write('up/front.pem', substr(crt('globex'), 40) . crt('foreign'));
rejected('front.pem', 'it is truncated');
$n->write('up/begin.pem', crt('foreign') . crt('globex') =~ s/^-//r);
rejected('begin.pem', 'it is truncated');
$n->write('up/end.pem', crt('foreign') . crt('globex') =~ s/-\n/\n/r);
rejected('end.pem', 'it is truncated');
$n->write('up/cut.der', substr der('globex'), 0, 300);
rejected('cut.der', 'it is truncated');
$n->write('up/mid.pem', crt('globex') =~ s/\n.{64}\n/\n/r);
rejected('mid.pem', 'not DER');
$n->write('up/base64.pem', crt('globex') =~ s/\n.{4}/\n!!!!/r);
rejected('base64.pem', 'not base64');
my ($one, $other) = map { crt($_) =~ /-\n(.*?)=*\n-/s } 'globex', 'foreign';
$n->write('up/joined.pem', crt('globex') =~ s/-\n.*\n-/-\n$one=\n$other\n-/sr);
rejected('joined.pem', 'not base64');
$n->write('up/key.pem', ClientCert::slurp(cert_file('globex', 'key')));
rejected('key.pem', 'private key');
system("openssl pkcs12 -export -passout pass:x -in "
       . cert_file('globex', 'crt') . " -inkey " . cert_file('globex', 'key')
       . " -out " . $n->path('g.p12')) == 0 or die;
chmod 0644, $n->path('g.p12');
rename $n->path('g.p12'), $n->path('up/g.p12');
rejected('g.p12', ': it is PKCS#12, "openssl pkcs12 -clcerts -nokeys -in FILE" '
         . 'exports its certificate$');
for (['PEM', ''], ['DER', ' -inform DER']) {
    system("openssl crl2pkcs7 -nocrl -certfile " . cert_file('globex', 'crt')
           . " -outform $_->[0] -out " . $n->path("up/$_->[0].p7b")) == 0
        or die;
    rejected("$_->[0].p7b", "PKCS#7, \"openssl pkcs7$_->[1]");
}
# what is handed over instead of a certificate, or isn't as it was made

for (['PEM', 'x509 -x509toreq -signkey ' . cert_file('globex', 'key')
             . ' -in ' . cert_file('globex', 'crt'), 'csr',
      'it is a certificate request, not the certificate that a CA makes of it$'],
     ['DER', 'req -in %%PEM.csr%%', 'csr', 'it is a certificate request'],
     ['PEM', 'crl -in ' . cert_dir() . '/crl-a.pem', 'crl',
      'it is a CRL, not a certificate$'],
     ['DER', 'crl -in ' . cert_dir() . '/crl-a.pem', 'crl', 'it is a CRL'])
{
    my ($form, $command, $ending, $why) = @$_;
    $command =~ s/%%(.*)%%/$n->path("up\/$1")/e;
    system("openssl $command -outform $form -out "
           . $n->path("$form.$ending")) == 0 or die;
    rename $n->path("$form.$ending"), $n->path("up/$form.$ending");
    rejected("$form.$ending", ": $why");
}
for (['LE', "\xff\xfe"], ['BE', "\xfe\xff"], ['LE', ''], ['BE', '']) {
    my ($order, $mark) = @$_;
    my $name = "utf16$order" . ($mark ? '.mark' : '');
    $n->write("up/$name", $mark . encode("UTF-16$order", crt('globex')));
    rejected($name, ': it is UTF-16, a PEM file is ASCII$');
}
my $bare = crt('globex') =~ s/^-----BEGIN.*\n//r;
$n->write('up/bare', $bare);
rejected('bare', ': it is base64 without the lines "-----BEGIN '
                 . 'CERTIFICATE-----" and "-----END CERTIFICATE-----"$');
$n->write('up/bare.line', $bare =~ s/^-----END.*\n//mr =~ tr/\n//dr);
rejected('bare.line', ': it is base64 without the lines ');
$n->write('up/text', "MIT licence\n" x 10);
rejected('text', ': it holds no certificate$');
for ('\n', '\r\n') {
    my $name = 'escaped' . length;
    $n->write("up/$name", crt('globex') =~ s/\n/$_/gr);
    rejected($name, ': its lines end with "\\\\n" written out, '
                    . 'not with line feeds$');
}
# such things beside a certificate are some text
$n->write('up/beside', ClientCert::slurp($n->path('up/PEM.csr'))
                       . crt('inter')
                       . ClientCert::slurp($n->path('up/PEM.crl')));
becomes('inter /up', 200, 'a request and a CRL beside a certificate');
unlink $n->path('up/beside');
becomes('inter /up', 401, 'removed');

# of PKCS#9, which is another number of the same series
my $oid = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01";
$n->write('up/oid.der', "\x30\x2a$oid" . 'x' x 31);
rejected('oid.der', ': a certificate in it is not DER');
POSIX::mkfifo($n->path('up/fifo'), 0644) or die;
rejected('fifo', ': it is not a regular file$');
my $socket = IO::Socket::UNIX->new(Local => $n->path('up/socket'),
                                   Listen => 1) or die;
rejected('socket', 'not a regular file');
# links are followed, and who makes one needs no privilege
symlink "/dev/$_", $n->path("up/$_") or die for qw(null zero);
rejected($_, 'not a regular file') for qw(null zero);
mkdir $n->path('up/subdir');
$n->write('up/subdir/globex.pem', crt('globex'));
symlink 'nowhere', $n->path('up/dangling');
ok($n->wait_log(qr/"dangling" is rejected \(2: No such file/), 'dangling');
symlink 'loop', $n->path('up/loop');
ok($n->wait_log(qr/"loop" is rejected \(40: Too many levels/), 'loop');
is_now('globex /up', 401, 'nothing of all that counts');
is_now('acme /up', 200, 'and the good one is untouched');
is_now('acme /up2', 200, 'in both stores on the directory');

# several policies, and two stores on the directory: one change is in force in
# all of them, whether it allows or denies

my @many = ((map { ["/many$_", 401, 200] } 1 .. 3),
            (map { ["/many$_", 200, 401] } 4, 5), ['/up2', 401, 200]);
for my $after (0, 1, 0, 1, 0) {
    $after ? $n->write('up/foreign.pem', crt('foreign'))
           : unlink $n->path('up/foreign.pem');
    becomes("foreign $_->[0]", $_->[1 + $after],
            "$_->[0] follows " . ($after ? 'an addition' : 'a removal'))
        for @many;
}

# names

my $long = 'l' x 255;
in_place("up/$long", crt('rsa'));
becomes('rsa /up', 200, 'a name of 255 bytes');
is(answer('rsa /up')->{headers}{'x-label'}, $long, 'and its label');
unlink $n->path("up/$long");
becomes('rsa /up', 401, 'removed');
my $odd = "a\nb\x01\x7f\"\\";
$n->write("up/$odd.pem", crt('rsa'));
becomes('rsa /up', 200, 'a name with control bytes');
is(answer('rsa /up')->{headers}{'x-label'}, 'a%0Ab%01%7F%22%5C',
   'escaped in the label');
$n->write("up/$odd.bad", 'x');
ok($n->wait_log(qr/"a\\x0Ab\\x01\\x7F\\x22\\x5C\.bad" is rejected/),
   'and in the log');
unlink $n->path("up/$odd.pem");
becomes('rsa /up', 401, 'removed');

# what might deceive who reads a label becomes %HH there, \xHH in the log

for (["caf\xc3\xa9 \xe2\x82\xac", "caf\xc3\xa9 \xe2\x82\xac",
      'caf\xC3\xA9 \xE2\x82\xAC'],
     ["a\xff\xc3", 'a%FF%C3', 'a\xFF\xC3'],
     ["b\xc0\xaf\xed\xa0\x80", 'b%C0%AF%ED%A0%80', 'b\xC0\xAF\xED\xA0\x80'],
     ["c\xc2\x85d", 'c%C2%85d', 'c\xC2\x85d'],
     ["\xe2\x80\xaegnp", '%E2%80%AEgnp', '\xE2\x80\xAEgnp'],
     ["\xe2\x80\x8ee\xe2\x81\xa6", '%E2%80%8Ee%E2%81%A6',
      '\xE2\x80\x8Ee\xE2\x81\xA6'],
     ['100%41', '100%2541', '100%41'])
{
    my ($name, $label, $log) = @$_;
    put('rsa', "up/$name.pem");
    becomes('rsa /up', 200, "a name, $log");
    is(answer('rsa /up')->{headers}{'x-label'}, $label, 'in the label');
    $n->write("up/$name.bad", 'x');
    ok($n->wait_log(qr/"\Q$log.bad" is rejected/), 'and in the log');
    unlink map { $n->path("up/$name.$_") } 'pem', 'bad';
    becomes('rsa /up', 401, 'removed');
}

# changes in place

my $two = crt('inter') . crt('rsa');
in_place('up/two', $two =~ /(.{1,200})/gs);
becomes('rsa /up', 200, 'written in pieces');
is_now('inter /up', 200, 'all of it');
in_place('up/two', crt('inter'));
becomes('rsa /up', 401, 'replaced by a shorter one');
is_now('inter /up', 200, 'what is left of it');
in_place('up/two', substr $two, 0, 100);
ok($n->wait_log(qr/"two" is rejected, it keeps its state: it is truncated/),
   'then truncated');
is_now('inter /up', 200, 'last good');
unlink $n->path('up/two');
becomes('inter /up', 401, 'a file that is gone is gone');

for (1 .. 20) {
    unlink $n->path('up/acme.pem');
    $n->write('up/acme.pem', crt('acme'));
}
$n->write('up/globex.pem', crt('globex'));
becomes('globex /up', 200, 'after twenty times removed and added');
is_now('acme /up', 200, 'still there');
utime 1, 1, $n->path('up/acme.pem');
chmod 0, $n->path('up/acme.pem');
ok($n->wait_log(qr/"acme.pem" is rejected, it keeps its state \(13: Perm/),
   'chmod 000');
is_now('acme /up', 200, 'last good');
chmod 0644, $n->path('up/acme.pem');

# a new helper knows the last good state too

chmod 0, $n->path('up/acme.pem');
$n->write('up/globex.pem', 'broken now');
ok($n->wait_log(qr/"globex.pem" is rejected, it keeps its state/), 'broken');
my ($helper) = $n->pids('cache manager process');
kill KILL => $helper;
ok(wait_for { my ($new) = $n->pids('cache manager process');
              $new && $new != $helper } 5, 'another helper');
$n->write('up/rsa.pem', crt('rsa'));
becomes('rsa /up', 200, 'it follows');
is_now('globex /up', 200, 'last good of a broken file');
is_now('acme /up', 200, 'and of one without permission');
chmod 0644, $n->path('up/acme.pem');
unlink $n->path('up/globex.pem');
becomes('globex /up', 401, 'gone is gone');

# the directory goes and comes

rename $n->path('up'), $n->path('away');
ok($n->wait_log(qr/store "up": open\(\) "\S+" failed.*No such file/),
   'directory gone');
is_now('rsa /up', 200, 'last good');
mkdir $n->path('up');
$n->write('up/inter.pem', crt('inter'));
becomes('inter /up', 200, 'a new one');
is_now('rsa /up', 401, 'in which others are');
$n->write('up/rsa.pem', crt('rsa'));
becomes('rsa /up', 200, 'which is followed');

# Kubernetes

is_now('acme /cm', 200, 'ConfigMap');
is_now('globex /cmlist', 200, 'list in it');
mkdir $n->path('cm/..2');
$n->write('cm/..2/list.txt', sha1('acme') . "\n");
$n->write('cm/..2/acme.pem', crt('rsa'));
symlink '..2', $n->path('cm/..data_tmp');
rename $n->path('cm/..data_tmp'), $n->path('cm/..data');
unlink glob $n->path('cm/..1/*');
rmdir $n->path('cm/..1');
becomes('rsa /cm', 200, 'swapped');
is_now('acme /cm', 401, 'what it held before is gone');
becomes('acme /cmlist', 200, 'list swapped');
is_now('globex /cmlist', 401, 'what it held before is gone');

# links to elsewhere: no event tells of a change there

mkdir $n->path('else');
$n->write('else/x', crt('acme'));
symlink '../else/x', $n->path('links/x.pem');
becomes('acme /links', 200, 'a link');
my $t = Time::HiRes::time();
$n->write('else/x', crt('rsa'));
becomes('rsa /links', 200, 'its target replaced');
cmp_ok(Time::HiRes::time() - $t, '<', 2, 'in time');
is_now('acme /links', 401, 'the old one is gone');
unlink $n->path('else/x');
becomes('rsa /links', 401, 'its target removed');

is($n->stop, 0, 'stops');
is_deeply([ $n->alerts(killed => 1) ], [], 'no alerts');

done_testing;
