# The basics of stores: what a directory and a list hold decides, at once when
# they change and on connections that are open; labels; what is no certificate.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert ':store';
use Encode 'encode';
use MIME::Base64 qw(encode_base64 encode_base64url);
use File::Copy 'copy';

my $n = nginx(config => <<'END');
    clientcert_store uploaded directory=%%PREFIX%%/certs interval=300ms;
    clientcert_store listed   list=%%PREFIX%%/listed.txt interval=300ms;
    clientcert_store bad      directory=%%PREFIX%%/bad interval=300ms;
    clientcert_store badlist  list=%%PREFIX%%/bad.txt interval=300ms;

    clientcert_policy up   { allow store=uploaded; }
    clientcert_policy list { allow store=listed; }
    clientcert_policy deny { deny store=bad; allow store=uploaded;
                             allow store=listed; }
    clientcert_policy both { deny store=badlist;
                             allow store=uploaded store=listed label=two; }

    server {
        listen 127.0.0.1:%%PORT_tls%% ssl http2;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;

        location / {
            clientcert_require up;
            return 200 "$clientcert_label";
        }
    }
END

# "return" comes before the access phase, so the tests ask for a file
$n->{config} =~ s{location / \{.*?\n        \}}{
        root %%PREFIX%%/html;
        add_header X-Label \$clientcert_label always;
        add_header X-Reason \$clientcert_reason always;
        location /up   { clientcert_require up;   try_files /x =404; }
        location /list { clientcert_require list; try_files /x =404; }
        location /deny { clientcert_require deny; try_files /x =404; }
        location /both { clientcert_require both; try_files /x =404; }
}s;

$n->write('html/x', 'ok');
mkdir $n->path($_) for qw(certs bad);
$n->write('listed.txt', "# people\n" . uc(sha1('globex')) . " Globex Ltd.\n");
$n->write('bad.txt', "# none yet\n");
$n->start;

is_now('acme /up', 401, 'an empty directory allows nobody');
put('acme', 'certs/acme.client.pem');
becomes('acme /up', 200, 'added, on an open connection');
my $a = answer('acme /up');
is($a->{headers}{'x-label'}, 'acme.client', 'label is the name');
is_now('globex /up', 401, 'not another one');
is_now('acme2 /up', 401, 'not one with the same key');

rename $n->path('certs/acme.client.pem'), $n->path('certs/b.crt');
ok(wait_for { (answer('acme /up')->{headers}{'x-label'} // '') eq 'b' } 5,
   'renamed') or diag explain answer('acme /up');
ok($n->wait_log(qr/\[notice\].*store "uploaded": 0 added, 0 removed, 1 renamed, 0 rejected, 1 certificates/), 'logged');

copy(cert_file('rsa', 'der'), $n->path('certs/rsa'));
becomes('rsa /up', 200, 'DER, no ending, written in place');

$n->write('certs/many.txt', join "\r\n", 'some text',
          map { my $t = ClientCert::slurp(cert_file($_, 'crt'));
                $t =~ s/\n/\r\n/g; $t } qw(inter foreign));
becomes('foreign /up', 200, 'two in one file, CRLF, text around');
is_now('inter /up', 200, 'the first one as well');

copy(cert_file('globex', 'pem'), $n->path('certs/globex.pem'));
becomes('globex /up', 200, 'with a private key');
ok($n->wait_log(qr/\[warn\].*"globex.pem" holds a private key/), 'warned');

put('globex', 'certs/.globex2.pem');
unlink $n->path('certs/globex.pem');
becomes('globex /up', 401, 'removed; a hidden file does not count');

unlink $n->path('certs/b.crt');
becomes('acme /up', 401, 'removed, on an open connection');
ok($n->wait_log(qr/\[notice\].*store "uploaded": 0 added, 1 removed, 0 renamed, 0 rejected, 3 certificates/), 'logged');

# list

$a = answer('globex /list');
is($a->{status}, 200, 'listed');
is($a->{headers}{'x-label'}, 'Globex Ltd.', 'label of the line');
my $spaced = sha256('acme');
$spaced =~ s/(..)/$1 /g;
$n->write('listed.txt', "\xef\xbb\xbf# x\r\n$spaced Acme # remark\r\n"
          . 'SHA1 Fingerprint=' . join(':', uc(sha1('rsa')) =~ /../g) . "\n"
          . 'x5t#S256:' . x5t('inter') . "\tinter one\n");
becomes('globex /list', 401, 'replaced');
$a = answer('acme /list');
is($a->{status}, 200, 'blanks between bytes');
is($a->{headers}{'x-label'}, 'Acme', 'and its label');
is_now('rsa /list', 200, 'openssl\'s form');
$a = answer('inter /list');
is($a->{status}, 200, 'base64url');
is($a->{headers}{'x-label'}, 'inter one', 'and its label');

# lines as tools print them

my @sha1 = sha1('acme') =~ /../g;
my ($url, $url1) = map { encode_base64url(pack 'H*', $_) } sha256('acme'),
                                                           sha1('acme');
my $i = 0;
for ('0x' . sha1('acme'), "Cert Hash(sha1): @sha1",
     'Thumbprint : ' . uc sha1('acme'), 'SHA-256 Fingerprint ' . sha256('acme'),
     'Certificate fingerprint (SHA-256): '
     . join(':', uc(sha256('acme')) =~ /../g),
     $url, "$url=", $url1, "x5t:$url1=", $url1 =~ tr{-_}{+/}r . '=') {
    $i++;
    $n->write('listed.txt', "$_ line $i\n" . sha1('rsa') . "\n");
    ok(wait_for(sub { my $answer = answer('acme /list');
                      $answer->{status} == 200
                      && $answer->{headers}{'x-label'} eq "line $i" }, 5), $_);
}

$n->write('listed.txt', sha1('globex') . "\n" . sha1('acme') . "X\n");
ok($n->wait_log(qr/"listed": list is rejected.*unexpected character "X" at column 41 in \S+listed.txt:2:41/),
   'a bad line is told by file, line and column');
is_now('rsa /list', 200, 'last good list');
is_now('globex /list', 401, 'none of the bad one');
# each is another mistake, and each is told by its place
my @bytes = uc(sha256('globex')) =~ /../g;
my @pairs = uc(sha1('acme')) =~ /..../g;
my $other = sha256('globex');
sub digits { "$_[0] hexadecimal digits found, but SHA-1 has 40 of them and "
             . 'SHA-256 has 64' }

for ([ "@bytes[0 .. 23] O0 @bytes[25 .. 31] globex", 1, 73,
       'unexpected character "O" at column 73' ],
     [ "# x\n@bytes[0 .. 26]", 2, 1, digits(54) ],
     [ "@bytes[0 .. 20]", 1, 1, digits(42) ],
     [ "# x\r$other\r", 1, 4, 'carriage return' ],
     # two of them, where a line has lost its end
     [ "$other $other", 1, 66, 'another thumbprint' ],
     [ "$other acme " . sha1('acme'), 1, 71, 'another thumbprint' ],
     [ join(':', @bytes) . ' ' . join(':', @bytes), 1, 97,
       'another thumbprint' ],
     [ "\n\n@bytes @bytes", 3, 1, digits(128) ],
     [ "\n\n\n@sha1 @sha1", 4, 1, digits(80) ],
     [ "\n" x 4 . "@pairs @pairs", 5, 1, digits(80) ],
     [ "\n" x 5 . "@pairs @pairs[0 .. 2]", 6, 1, digits(52) ],
     [ "$other # a\rb", 1, 69, 'carriage return' ],
     [ "\n  ${other}g", 2, 67, 'unexpected character "g" at column 67' ],
     [ "# x\nsha256//" . encode_base64(pack('H*', $other), ''), 2, 1,
       'digest of a key, not of a certificate' ],
     [ "\n" . substr($other, 0, 43), 2, 1, digits(43) ],
     [ "$other " . 'a' x 256, 1, 66, 'label of more than 255 bytes' ],
     [ "# x\n$other " . 'a' x 4096, 2, 4097, 'too long a line' ],
     (map { [ encode("UTF-16$_", "\x{feff}$other\n"), 1, 1,
              'UTF-16, not UTF-8' ],
            [ encode("UTF-16$_", "$other\n"), 1, 1,
              'UTF-16, not UTF-8' ] } 'LE', 'BE'))
{
    my ($text, $line, $column, $words) = @$_;
    $n->write('listed.txt', sha1('globex') . "\n");
    becomes('globex /list', 200, 'a good list');
    $n->write('listed.txt', $text);
    ok($n->wait_log(qr/"listed": list is rejected, it keeps its state: \Q$words\E in \S+listed.txt:$line:$column\n/),
       "a mistake, at $line:$column");
    is_now('globex /list', 200, 'last good list');
    $n->write('listed.txt', join(' ', sha256('acme') =~ /../g) . " DE\n");
    becomes('acme /list', 200, 'a label of two digits, no byte is missing');
    $n->write('listed.txt', join(':', sha1('rsa') =~ /../g) . " DE\n");
    becomes('rsa /list', 200, 'colons, and a label of two digits');
    $n->write('listed.txt', sha1('rsa') . " @bytes[0, 1] Ltd.\n");
    becomes('rsa /list', 200, 'a label may look like two bytes');
}
my $empty = 0;
for ('', "\n\n", " \t\r\n") {
    $empty++;
    $n->write('listed.txt', $_);
    ok($n->wait_log(qr/(?:"listed": list \S+ is rejected, it is empty; one without thumbprints needs a comment\n.*){$empty}/s),
       'empty');
    is_now('rsa /list', 200, 'last good list');
}
unlink $n->path('listed.txt');
ok($n->wait_log(qr/"listed": stat\(\) "\S+" failed.*No such file/), 'gone');
is_now('rsa /list', 200, 'last good list');
$n->write('listed.txt', sha256('globex') . " a\n");
becomes('globex /list', 200, 'back');

# deny

put('acme', 'certs/acme.pem');
put('acme2', 'certs/acme2.pem');
becomes('acme2 /deny', 200, 'not denied yet');
is_now('acme /deny', 200, 'nor this one');
put('acme', 'bad/one.pem');
becomes('acme /deny', 401, 'denied by a store');
is(answer('acme /deny')->{headers}{'x-reason'}, 'denied', 'the reason');
is_now('acme2 /deny', 401, 'so is one with its public key');
unlink $n->path('bad/one.pem');
becomes('acme /deny', 200, 'no longer');

is_now('acme /both', 401, 'in one of two stores');
$n->write('listed.txt', sha1('acme') . " ignored\n");
becomes('acme /both', 200, 'in both stores');
$a = answer('acme /both');
is($a->{headers}{'x-label'}, 'two', 'the rule\'s label wins');
$n->write('bad.txt', sha1('acme') . "\n");
becomes('acme /both', 401, 'denied by a list');

# HTTP/2

my $h2 = client(port => $n->port('tls'), cert => 'rsa', alpn => 'h2');
is_deeply([ map { $_->{status} } $h2->get_all(['/up'], ['/list']) ],
          [ 200, 401 ], 'HTTP/2');

my @log = grep { /\[(?:crit|alert|emerg)\]/ } split /\n/, $n->error_log;
is_deeply(\@log, [], 'nothing worse in the log') or diag $n->error_log;
is($n->stop, 0, 'stops');
is_deeply([ $n->alerts ], [], 'no alerts');

done_testing;
