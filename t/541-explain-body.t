# Covers ngx_http_clientcert_explain.c: how a certificate may be posted.  It
# comes in one piece or in many, in memory or in a file, of a known size or
# not; whatever else a request is, it is refused before anything is read of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;
use JSON::PP 'decode_json';

my $limit = 65536;
my $explain = 'clientcert_explain p;';

my $n = nginx(config => <<"END")->start;
    clientcert_status_zone;
    clientcert_policy p { allow thumbprint=@{[ sha256('acme') ]}; }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl http2;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        client_header_buffer_size 1k;
        location = /explain { $explain }
        location = /file { client_body_in_file_only clean; $explain }
        location = /small { client_body_buffer_size 128; $explain }
        location = /single { client_body_in_single_buffer on; $explain }
        location = /nginx { client_max_body_size 100; $explain }
        location = /none { client_max_body_size 0; $explain }
        location = /refused { clientcert_require p; empty_gif; }
    }
END

my $pem = ClientCert::slurp(cert_file('acme', 'crt'));
my $der = ClientCert::slurp(cert_file('acme', 'der'));
my $exactly = $pem . "\n" x ($limit - length $pem);
my $more = "$exactly\n";

sub open_it { client(port => $n->port('tls'), timeout => 5, @_) }

sub explained {
    my ($r, $what) = @_;
    my $e = ($r->{status} // 0) == 200 ? decode_json($r->{body}) : {};
    is($e->{certificate}{sha256}, sha256('acme'), $what)
        or diag($r->{status} // $r->{error});
    is($e->{decision}, 'allow', "$what: the verdict");
}

sub post {
    my ($path, $body, %o) = @_;
    return open_it()->get($path, method => 'POST', body => $body, %o);
}

# as it is: what goes over the wire is in the caller's hands
sub raw {
    my ($method, $head, @pieces) = @_;
    my $c = open_it();
    $c->send("$method HTTP/1.1\r\nHost: localhost\r\n$head\r\n");
    for (@pieces) {
        # so that nginx reads each by itself
        select undef, undef, undef, 0.02;
        $c->send($_);
    }
    return $c->response($method =~ /^(\w+)/);
}

sub chunked {
    my ($size, $body) = @_;
    return join '', (map { sprintf "%x\r\n%s\r\n", length, $_ }
                     unpack "(a$size)*", $body), "0\r\n\r\n";
}

my $chunks = "Transfer-Encoding: chunked\r\n";


# 1. In pieces and in files.

for my $path (qw(/explain /file /small /single /none)) {
    explained(post($path, $pem), "$path, PEM");
    explained(post($path, $der), "$path, DER");
    explained(post($path, $exactly), "$path, as much as may be");
    is(post($path, $more)->{status}, 413, "$path, a byte more");

    my @pieces = unpack '(a300)*', $pem;
    explained(raw("POST $path", "Content-Length: @{[ length $pem ]}\r\n",
                  @pieces), "$path, in pieces");
    explained(raw("POST $path", $chunks, chunked(100, $pem)),
              "$path, chunked");
    explained(raw("POST $path", $chunks, unpack '(a500)*',
                  chunked(400, $pem)), "$path, chunks in pieces");
    explained(raw("POST $path", $chunks, chunked(8192, $exactly)),
              "$path, as much in chunks");
    is(raw("POST $path", $chunks, chunked(8192, $more))->{status}, 413,
       "$path, a byte more in chunks");
}

is(post('/nginx', $pem)->{status}, 413, "nginx's own limit");
is(raw('POST /nginx', $chunks, chunked(99, $pem))->{status}, 413,
   'in chunks, too');


# 2. A client that asks first.

my $r = open_it()->get('/explain', method => 'POST', body => $pem,
                       expect => 1);
ok($r->{continued}, 'it may go on');
explained($r, 'and it is read');
$r = open_it()->get('/explain', method => 'POST', body => $more, expect => 1);
is($r->{status}, 413, 'too much: it need not send that');
ok(!$r->{continued}, 'nor is it asked to');


# 3. HTTP/2, where a body needs no length.

my $h2 = open_it(alpn => 'h2');
explained($h2->get('/explain', method => 'POST', body => $pem), 'HTTP/2');
explained($h2->get('/file', method => 'POST', body => $exactly),
          'HTTP/2, in a file');
is($h2->get('/explain', method => 'POST', body => $more)->{status}, 413,
   'HTTP/2, a byte more');
$h2->close;
$h2 = open_it(alpn => 'h2');
my @all = $h2->get_all(map {
    [ '/explain', method => 'POST', body => $_ % 2 ? $pem : $der ]
} 1 .. 8);
explained($all[$_], "HTTP/2, stream $_ of many") for 0 .. $#all;
is($h2->get('/explain', method => 'HEAD')->{status}, 405, 'HTTP/2, HEAD');
$h2->close;


# 4. Nothing else.

for my $method (qw(HEAD PUT OPTIONS DELETE PATCH)) {
    $r = raw("$method /explain", "Content-Length: 0\r\n");
    is($r->{status}, 405, $method);
    is($r->{headers}{allow}, 'GET, POST', "$method: what is");
}

is(post('/explain', $pem, headers => { 'Content-Type' => $_->[0] })->{status},
   $_->[1], "type \"$_->[0]\"")
    for [ 'application/pkix-cert', 200 ], [ 'TEXT/Plain', 200 ],
        [ 'text/plain;charset=utf-8', 200 ], [ 'text/plain ; x=y', 200 ],
        [ 'application/pem-certificate-chain', 200 ],
        [ 'application/octet-stream', 200 ], [ 'text/plainx', 415 ],
        [ 'text', 415 ], [ 'text/html', 415 ], [ ';', 415 ],
        [ 'multipart/form-data; boundary=x', 415 ],
        [ 'application/json', 415 ];
is(post('/explain', $pem, headers => { 'Content-Encoding' => $_->[0] })
   ->{status}, $_->[1], "coding \"$_->[0]\"")
    for [ 'identity', 200 ], [ 'gzip', 415 ], [ 'br', 415 ],
        [ 'identity, gzip', 415 ];

for (raw('POST /explain', ''), raw('POST /explain', "Content-Length: 0\r\n"),
     raw('POST /explain', $chunks, "0\r\n\r\n"), post('/file', '')) {
    is($_->{status}, 400, 'no body');
    like($_->{body}, qr/invalid certificate .*it is empty/, 'which it says');
}

is(open_it(cert => 'globex')->get('/refused')->{status}, 401, 'refused');
my $of = '/explain?sha256=' . sha256('globex');
is(raw("GET $of", "Content-Length: 5\r\n", 'other')->{status}, 200,
   'the body of a GET is passed over');
is(open_it()->get('/explain')->{status}, 400, 'a GET without a digest');
is(open_it()->get($of, headers => { 'Content-Encoding' => 'gzip' })
   ->{status}, 415, 'nor is there anything to decode');


# 5. What isn't whole, and what is no certificate.

der_cert(name => 'month', ca => 'self', subject => [ [ CN => 'month' ] ]);
my $month = ClientCert::slurp(cert_file('month', 'der'));
$month =~ s/(\x17\x0d\d\d|\x18\x0f\d{4})\d\d/${1}13/ or die 'no date';

for ([ $month, qr/is not DER/ ], [ "$der\0", qr/not DER/ ],
     [ substr($der, 0, -1), qr/truncated/ ],
     [ "$pem$month", undef ], [ 'x' x $limit, qr/no certificate/ ]) {
    my ($body, $why) = @$_;
    $r = post('/explain', $body);
    is($r->{status}, $why ? 400 : 200, 'no certificate');
    like($r->{body}, $why, 'and why') if $why;
}

# one who leaves meanwhile
for my $path (qw(/explain /file)) {
    for my $head ("Content-Length: 2000\r\n", $chunks) {
        my $c = open_it();
        $c->send("POST $path HTTP/1.1\r\nHost: localhost\r\n$head\r\n5\r\nx");
        $c->close;
    }
}
explained(post('/explain', $pem), 'all is well');

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
