# Covers refusals of requests that have a body, or that are followed by others:
# ngx_http_clientcert_access_handler() answers before a body was read, so what
# the client sends on must be thrown away, never read as the next request, and
# the connection must stay usable.  Also the codes that close the connection.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;

my $n = nginx(config => sub {
    my $acme = sha1('acme');
    my $rejects = join '', map { <<"END_POLICY" } 408, 444, 499;
    clientcert_policy reject$_ { allow thumbprint=$acme; reject $_; }
END_POLICY

    return <<"END_CONFIG";
    clientcert_policy partners { allow thumbprint=$acme; }
    $rejects
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl http2;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        client_max_body_size 20m;
        keepalive_requests 1000;
        root %%PREFIX%%/html;
        # which request an answer belongs to
        add_header X-Uri \$request_uri always;
        add_header X-Reason \$clientcert_reason always;
        clientcert_require partners;
        location / { empty_gif; }
        location /off { clientcert_require off; empty_gif; }
        location /put { dav_methods PUT; create_full_put_path on; }
        location /reject408 { clientcert_require reject408; empty_gif; }
        location /reject444 { clientcert_require reject444; empty_gif; }
        location /reject499 { clientcert_require reject499; empty_gif; }
    }
END_CONFIG
});

chmod 0777, $n->path('html');
$n->start;

sub connected {
    my ($cert, $alpn) = @_;
    return client(port => $n->port('tls'), cert => $cert, alpn => $alpn);
}

sub seen {
    my $r = shift;
    return "none ($r->{error})" unless defined $r->{status};
    return join ' ', map { $_ // '' } $r->{status},
        @{ $r->{headers} }{'x-reason', 'x-uri'};
}

# Two requests more: had anything been left over of the one before, the first
# would not be read as it was sent.
sub usable {
    my ($c, $name) = @_;
    is(seen($c->get('/off?1')), '200  /off?1', "$name: next request");
    is(seen($c->get('/next?2')), '401 no_match /next?2',
       "$name: next refused request");
}

my $smuggled = "GET /off?smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
my $large = 'large body ' x 400_000;


# The control: this is what a body does where it is allowed.

for my $alpn ('http/1.1', 'h2') {
    my $c = connected('acme', $alpn);
    my $r = $c->get("/put/$alpn", method => 'PUT', body => $large);
    is(seen($r), "201 ok /put/$alpn", "allowed, $alpn: stored");
    is(-s $n->path("html/put/$alpn"), length $large, "allowed, $alpn: whole");
}

{
    my $c = connected('acme', 'http/1.1');
    my $r = $c->get('/put/expect', method => 'PUT', body => 'text',
                    expect => 1);
    ok($r->{continued}, 'allowed: told to continue');
    is(seen($r), '201 ok /put/expect', 'allowed: stored after 100 Continue');
}


# Refused.

for my $alpn ('http/1.1', 'h2') {
    my $c = connected('globex', $alpn);

    for (['a short body', 'text'], ['a body like a request', $smuggled],
         ['an empty body', ''], ['a large body', $large]) {
        my ($name, $body) = @$_;
        my $r = $c->get('/put/refused', method => 'PUT', body => $body);
        is(seen($r), '401 no_match /put/refused', "$name, $alpn: refused");
        usable($c, "$name, $alpn");
    }
}

ok(!-e $n->path('html/put/refused'), 'nothing of a refused body is stored');

# RFC 9110, section 10.1.1: no 100 where the final status is known.  A client
# then either sends the body all the same ...
{
    my $c = connected('globex', 'http/1.1');

    for my $body ('text', $smuggled, $large) {
        my $name = 'Expect and ' . length($body) . ' bytes';
        my $r = $c->get('/put/refused', method => 'PUT', body => $body,
                        expect => 1);
        is(seen($r), '401 no_match /put/refused', "$name: no 100 but 401");
        like($r->{raw}, qr/\AHTTP\/1\.1 401 Invalid client certificate\r\n/,
             "$name: the first bytes");
        $c->send($body);
        usable($c, $name);
    }
}

# ... or has sent it without waiting ...
{
    my $c = connected('globex', 'http/1.1');
    $c->send("PUT /put/refused HTTP/1.1\r\nHost: a.test\r\n"
             . "Expect: 100-continue\r\nContent-Length: "
             . length($smuggled) . "\r\n\r\n$smuggled");
    is(seen($c->response('PUT')), '401 no_match /put/refused',
       'Expect and a body at once');
    usable($c, 'Expect and a body at once');
}

# ... or doesn't send it, and then has to close: what follows is body.
{
    my $c = connected('globex', 'http/1.1');
    my $next = "GET /off?next HTTP/1.1\r\nHost: a.test\r\n\r\n";
    $c->send("PUT /put/refused HTTP/1.1\r\nHost: a.test\r\n"
             . "Expect: 100-continue\r\nContent-Length: "
             . length($next) . "\r\n\r\n");
    is(seen($c->response('PUT')), '401 no_match /put/refused',
       'Expect, body not sent: refused');
    $c->send($next);
    usable($c, 'Expect, a request in place of the body');

    $c = connected('globex', 'http/1.1');
    $c->send("PUT /put/refused HTTP/1.1\r\nHost: a.test\r\n"
             . "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    is(seen($c->response('PUT')), '401 no_match /put/refused',
       'Expect, body not sent: refused');
    $c->close;

    # nothing was announced, so nothing is missing
    $c = connected('globex', 'http/1.1');
    $c->send("PUT /put/refused HTTP/1.1\r\nHost: a.test\r\n"
             . "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n");
    is(seen($c->response('PUT')), '401 no_match /put/refused',
       'Expect and no body: refused');
    usable($c, 'Expect and no body');
}

# Chunked, where only reading it tells where it ends.
for my $expect ('', "Expect: 100-continue\r\n") {
    my $c = connected('globex', 'http/1.1');
    my $name = $expect ? 'chunked with Expect' : 'chunked';
    my $head = "PUT /put/refused HTTP/1.1\r\nHost: a.test\r\n"
             . "Transfer-Encoding: chunked\r\n$expect\r\n";
    my $chunk = sprintf("%x\r\n%s\r\n", length $smuggled, $smuggled);

    $c->send($head . $chunk x 3 . "0\r\n\r\n");
    is(seen($c->response('PUT')), '401 no_match /put/refused',
       "$name: refused");
    usable($c, $name);

    # head and body come apart
    $c->send($head);
    is(seen($c->response('PUT')), '401 no_match /put/refused',
       "$name, body later: refused");
    $c->send($_) for split /(?<=\n)/, $chunk x 3 . "0\r\n\r\n";
    usable($c, "$name, body later");

    $c->send($head . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $large, $large));
    is(seen($c->response('PUT')), '401 no_match /put/refused',
       "$name, large: refused");
    usable($c, "$name, large");

    # not to be read any further, so it can't be kept alive
    $c->send($head . "no number\r\n" . $smuggled);
    is(seen($c->response('PUT')), '401 no_match /put/refused',
       "$name, not well-formed: refused");
    ok($c->closed, "$name, not well-formed: closed");
    is($c->{buf}, '', "$name, not well-formed: nothing else answered");
}

# Pipelined: each its own answer, in order.
{
    my $get = sub { "$_[0] $_[1] HTTP/1.1\r\nHost: a.test\r\n\r\n" };
    my $put = "PUT /put/refused HTTP/1.1\r\nHost: a.test\r\n"
            . "Content-Length: " . length($smuggled) . "\r\n\r\n$smuggled";
    my $c = connected('globex', 'http/1.1');

    $c->send($get->('GET', '/1') . $get->('GET', '/off?2') . $put
             . $get->('HEAD', '/4') . $get->('GET', '/off?5')
             . $get->('GET', '/6') . $put . $get->('GET', '/off?8'));

    is(seen($c->response($_->[0])), $_->[1], "pipelined: $_->[1]")
        for [ 'GET', '401 no_match /1' ], [ 'GET', '200  /off?2' ],
            [ 'PUT', '401 no_match /put/refused' ],
            [ 'HEAD', '401 no_match /4' ], [ 'GET', '200  /off?5' ],
            [ 'GET', '401 no_match /6' ],
            [ 'PUT', '401 no_match /put/refused' ], [ 'GET', '200  /off?8' ];

    usable($c, 'pipelined');
}

# Concurrent streams, some with bodies.
{
    my $c = connected('globex', 'h2');
    my @answers = $c->get_all(
        [ '/1' ], [ '/put/refused', method => 'PUT', body => $large ],
        [ '/off?3' ], [ '/put/refused', method => 'PUT', body => 'text' ],
        [ '/5', method => 'HEAD' ], [ '/off?6' ]);

    is_deeply([ map { seen($_) } @answers ],
              [ '401 no_match /1', '401 no_match /put/refused', '200  /off?3',
                '401 no_match /put/refused', '401 no_match /5',
                '200  /off?6' ],
              'streams with bodies: each its answer');
    usable($c, 'streams with bodies');
}


# Codes that close.  408 and 499 do so in nginx whoever returns them.

for my $code (444, 408, 499) {
    my $path = "/reject$code";

    for (['GET'], ['PUT', body => 'text'], ['PUT', body => $large],
         ['PUT', body => 'text', expect => 1]) {
        my ($method, %more) = @$_;
        my $name = "$code, $method " . length($more{body} // '') . ' bytes'
                 . ($more{expect} ? ' expected' : '');
        my $c = connected('globex', 'http/1.1');
        my $r = $c->get($path, method => $method, %more);
        is($r->{status}, undef, "$name: no answer");
        ok($c->closed, "$name: closed");
        is($c->{buf}, '', "$name: not a byte");
    }

    my $c = connected('globex', 'h2');
    is(seen($c->get('/off?1')), '200  /off?1', "$code, h2: first stream");
    my ($before, $rejected, $after)
        = $c->get_all([ '/off?2' ], [ $path ], [ '/off?3' ]);
    is($rejected->{status}, undef, "$code, h2: no answer");
    like($rejected->{error}, qr/reset/, "$code, h2: stream reset");
    is(seen($before), '200  /off?2', "$code, h2: stream before it");
    is(seen($after), '200  /off?3', "$code, h2: stream after it");

    is(seen(connected('acme', 'http/1.1')->get($path)), "200 ok $path",
       "$code: acme is let through");
}

is($n->stop, 0, 'nginx ended well');
unlike($n->access_log, qr/smuggled HTTP/, 'no body was taken for a request');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
