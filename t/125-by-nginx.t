# Covers ngx_http_clientcert_log_handler(): what nginx refuses itself, before
# any phase, with 495 or 496, is one line in the log where the server or one of
# its locations has a policy, unless that policy has its say after all.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;

my $acme = sha1('acme');
my %server = (
    # "listen" and what else is in the server
    on       => 'ssl_verify_client on; server_name on.test;
                 clientcert_require warns;',
    optional => 'ssl_verify_client optional;
                 location /in/ { clientcert_require p; }
                 location /index/ { clientcert_require off; index x.html; }
                 location /try/ { try_files $uri /absent =404; }',
    any      => 'ssl_verify_client optional_no_ca; clientcert_require p;',
    revoked  => 'ssl_verify_client optional_no_ca; clientcert_require p;
                 ssl_crl %%CERTS%%/crl-a-globex.pem;',
    dry      => 'ssl_verify_client on; clientcert_require dry;',
    off      => 'ssl_verify_client on; clientcert_require off;',
    info     => 'ssl_verify_client on; clientcert_require says;',
    policy   => 'ssl_verify_client on; clientcert_require p;
                 error_page 495 496 = @refused;
                 location @refused { clientcert_require p; deny all; }',
    page     => 'ssl_verify_client on; clientcert_require p;
                 error_page 495 496 =403 /page.html;
                 location /page.html { clientcert_require off; }',
    return   => 'ssl_verify_client on; clientcert_require p;
                 error_page 495 496 = @refused;
                 location @refused { return 403; }',
    redirect => 'ssl_verify_client optional; clientcert_require p;
                 return 301 /;',
    h2       => 'ssl_verify_client on; clientcert_require p;',
);

my $servers = join '', map {
    my $h2 = $_ eq 'h2' ? ' http2' : '';
    <<"END" . "        $server{$_}\n    }\n";
    server {
        listen 127.0.0.1:%%PORT_$_%% ssl$h2;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        root %%PREFIX%%;
END
} sort keys %server;

my $n = nginx(config => <<"END");
    clientcert_policy p { allow thumbprint=$acme; }
    clientcert_policy warns { allow thumbprint=$acme; log_level warn; }
    clientcert_policy says { allow thumbprint=$acme; log_level info; }
    clientcert_policy dry { allow thumbprint=$acme; dry_run on; }
    $servers
    server {
        listen 127.0.0.1:%%PORT_next%%;
        access_log off;
        return 204;
    }
END
$n->write('page.html', 'page');
mkdir $n->path('index');
$n->write('index/x.html', 'x');
$n->start;

# Waits for the access log's line, which comes in the same phase, and for the
# answer to another request: then the only worker is done with that phase.
my $logged = 0;

sub wait_logged {
    my ($c, $requests) = @_;
    $c->close;
    $logged += $requests;
    wait_for { (() = $n->access_log =~ /\n/g) >= $logged } 10, 'a log'
        or fail('nothing is logged');
    client(port => $n->port('next'), plain => 1)->get('/');
}

# the lines about certificates that a request leaves, from their level on
sub lines {
    my ($server, $cert, $status, $path, %o) = @_;
    my $seen = length $n->error_log;
    my $c = client(cert => $cert, port => $n->port($server));
    my $r = $c->get($path // '/in/', %o);
    is($r->{status}, $status, "$server, " . ($cert // 'none') . ", $status");
    wait_logged($c, 1);
    return map { s/^.*?(\[\w+\]) .*?: \*\d+ /$1 /r }
           grep { / client certificate / }
           split /\n/, substr $n->error_log, $seen;
}

sub is_line {
    my ($wanted, @request) = @_;
    my @lines = lines(@request);
    is(scalar @lines, 1, 'one line');
    like($lines[0], $wanted, 'it says who and why');
}

sub is_nothing { is_deeply([ lines(@_) ], [], 'no line') }

my ($expired, $foreign, $globex) = map {
    'sha1=' . sha1($_) . ' sha256=' . sha256($_) . qq{ subject="CN=$_,O=Example" }
} qw(expired foreign globex);

# at the level of the server's policy, else as an error
is_line(qr/^\[warn\] client certificate rejected by nginx in server "on\.test": 495, $expired.* verify="FAILED:certificate has expired" while logging request, client: 127\.0\.0\.1, server: on\.test, request: "GET \/in\/ /,
        'on', 'expired', 400);
is_line(qr/^\[warn\] client certificate rejected by nginx in server "on\.test": 496 while logging request, client: /,
        'on', undef, 400);
is_line(qr/^\[warn\] client certificate rejected by nginx in server "on\.test": 495, $foreign.* verify="FAILED:unable to /,
        'on', 'foreign', 400);
is_line(qr/^\[error\] client certificate rejected by nginx in server "": 495, $expired/,
        'optional', 'expired', 400);
is_line(qr/^\[error\] .* in server "": 495, $foreign/, 'optional', 'foreign', 400);
is_line(qr/^\[info\] .* in server "": 495, /, 'info', 'expired', 400);
is_line(qr/^\[error\] .* in server "": 496 /, 'dry', undef, 400);

# what "optional_no_ca" doesn't let pass
is_line(qr/^\[error\] .* 495, .* verify="FAILED:certificate has expired"/,
        'any', 'expired', 400);
is_line(qr/^\[error\] .* 495, .* subject="CN=serverauth,.* verify="FAILED:[^"]*purpose/,
        'any', 'serverauth', 400);
is_line(qr/^\[error\] .* 495, $globex.* verify="FAILED:certificate revoked"/,
        'revoked', 'globex', 400);

# what the policy answers has its line only
is_line(qr/rejected by policy "p": no_match, $foreign/, 'any', 'foreign', 401);
is_line(qr/rejected by policy "p": expired, $expired/, 'policy', 'expired', 401);
is_line(qr/rejected by policy "p": no_certificate/, 'policy', undef, 401);
is_line(qr/rejected by policy "p": no_certificate/, 'optional', undef, 401);

# an "error_page" where none decides
is_line(qr/^\[error\] .* by nginx .*: 495, $expired/, 'page', 'expired', 403);
is_line(qr/^\[error\] .* by nginx .*: 496 /, 'return', undef, 403);

# whom nginx lets pass, by whatever way
is_nothing('optional', 'acme', 404);
is_nothing('optional', undef, 200, '/index/');
is_nothing('optional', 'acme', 404, '/try/x');
is_nothing('redirect', 'acme', 301);
is_nothing('page', 'acme', 200, '/page.html');

# without a policy it is nginx's matter
is_nothing('off', 'expired', 400);
is_nothing('off', undef, 400);

# refused for what else is wrong, before the certificate was looked at
is_nothing('on', 'expired', 405, '/', method => 'TRACE');
{
    my $seen = length $n->error_log;
    my $c = client(cert => 'expired', port => $n->port('on'));
    $c->send("GET / HTTP/1.1\r\nHost: on.test\r\nBroken header\r\n\r\n");
    is($c->response('GET')->{status}, 400, 'a broken header');
    wait_logged($c, 1);
    unlike(substr($n->error_log, $seen), qr/ client certificate /, 'no line');
}

# each stream of HTTP/2
{
    my $seen = length $n->error_log;
    my $c = client(cert => 'expired', port => $n->port('h2'), alpn => 'h2');
    my @r = $c->get_all([ '/a' ], [ '/b' ]);
    is_deeply([ map { $_->{status} } @r ], [ 400, 400 ], 'HTTP/2, 400');
    wait_logged($c, 2);
    my @paths = substr($n->error_log, $seen)
        =~ /by nginx in server "": 495, .* request: "GET (\S+) /g;
    is("@{[ sort @paths ]}", '/a /b', 'a line for each');
}

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
