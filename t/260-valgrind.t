# Covers the memory of the module: master and workers run under valgrind while
# clients of every kind come and go and while the configuration is reloaded,
# then nginx -t with good and bad configurations.  What is known of a connection
# lives in a pool of its own that hangs on the SSL object, which nginx knows
# nothing of; a pool that is left behind is seen here as a lost block.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;

plan skip_all => 'valgrind and sanitizers exclude each other' if sanitized();
plan skip_all => 'valgrind is not installed'
    if system('valgrind --version >/dev/null 2>&1') != 0;

my $tls = <<'END_TLS';
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_verify_client optional_no_ca;
        ssl_session_cache shared:sessions:1m;
END_TLS

sub config {
    my $acme = sha1('acme');

    return <<"END_CONFIG";
    clientcert_policy pin { allow thumbprint=$acme label=acme; }
    clientcert_policy members { allow verified label=member; reject 403 No; }
    clientcert_policy close { allow verified thumbprint=$acme; reject 444; }
    clientcert_policy dry { deny thumbprint=$acme; dry_run on; }
    clientcert_policy chain { trust chain; allow thumbprint=$acme; }
    clientcert_policy fifth { validity off; include %%PREFIX%%/pins; }

    log_format facts "\$clientcert_sha1 \$clientcert_sha256 "
        "\$clientcert_x5t_s256 \$clientcert_result \$clientcert_reason "
        "\$clientcert_label \$clientcert_policy";
    access_log %%PREFIX%%/facts.log facts;

    server {
        listen 127.0.0.1:%%PORT_tls%% ssl http2;
        listen 127.0.0.1:%%PORT_plain%%;
        server_name a.test;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        $tls
        clientcert_require pin;
        location / { empty_gif; }
        location /members { clientcert_require members; empty_gif; }
        location /close { clientcert_require close; empty_gif; }
        location /dry { clientcert_require dry; empty_gif; }
        location /chain { clientcert_require chain; empty_gif; }
        location /fifth { clientcert_require fifth; empty_gif; }
        location /off { clientcert_require off; empty_gif; }
        location /page { error_page 401 /off; empty_gif; }
        location /named { error_page 401 = \@named; empty_gif; }
        location \@named { clientcert_require members; empty_gif; }
        location /any {
            satisfy any;
            allow 127.0.0.1;
            deny all;
            empty_gif;
        }
    }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl http2;
        server_name b.test;
        ssl_client_certificate %%CERTS%%/ca-b.crt;
        $tls
        location / { clientcert_require members; empty_gif; }
    }
END_CONFIG
}

# nginx keeps pointers only into the middle of these: its arrays of connections
# and a table that it aligns.
my $suppressions = join '', map { <<"END_SUPPRESSION" }
{
   nginx
   Memcheck:Leak
   match-leak-kinds: possible
   fun:malloc
   fun:ngx_alloc
   $_
}
END_SUPPRESSION
    'fun:ngx_crc32_table_init', 'fun:ngx_event_process_init',
    "obj:*/nginx\n   obj:*/nginx\n   obj:*/nginx\n   fun:ngx_spawn_process";

my $n = nginx(config => config(), valgrind => 1);
my $globex = sha256('globex');
$n->write('pins', "allow thumbprint=$globex;\n" x 3);
$n->{suppressions} = $n->write('possible.supp', $suppressions);
$n->start;

sub connected {
    my ($cert, @more) = @_;
    return client(port => $n->port('tls'), sni => 'a.test', @more,
                  $cert eq 'nobody' ? () : (cert => $cert));
}

sub answers {
    my ($c, $name, @wanted) = @_;

    for (@wanted) {
        my ($path, $status, @more) = @$_;
        my $r = $c->get($path, @more);
        is($r->{status} // 'none', $status, "$name, $path");
    }
}

sub requests {
    my ($name) = @_;

    for my $version ('TLSv1_2', 'TLSv1_3') {
        my $by = "$name, $version";
        my $c = connected('acme', version => $version);
        answers($c, "$by, acme", [ '/', 200 ], [ '/members', 200 ],
                [ '/close', 200 ], [ '/dry', 200 ], [ '/chain', 200 ],
                [ '/fifth', 401 ], [ '/off', 200 ], [ '/', 200 ]);

        my $again = connected('acme', version => $version,
                              session => $c->session);
        ok($again->resumed, "$by, resumed");
        answers($again, "$by, acme, resumed", [ '/', 200 ], [ '/fifth', 401 ]);
    }

    my $c = connected('globex', alpn => 'h2');
    answers($c, "$name, globex, HTTP/2",
            [ '/', 401 ], [ '/members', 200 ], [ '/close', 'none' ],
            [ '/dry', 200 ], [ '/chain', 401 ], [ '/fifth', 200 ],
            [ '/page', 401 ], [ '/named', 200 ], [ '/any', 200 ],
            [ '/', 401, method => 'POST', body => 'text' x 100 ]);
    my @all = $c->get_all(map { [ $_ ] } ('/', '/members', '/off') x 5);
    is(join(' ', map { $_->{status} // 'none' } @all),
       join(' ', (401, 200, 200) x 5), "$name, globex, streams");

    answers(connected('nobody'), "$name, nobody",
            [ '/', 401 ], [ '/page', 401 ], [ '/named', 403 ],
            [ '/any', 200 ], [ '/off', 200 ]);

    # subjects that must be escaped or cut off for the log
    answers(connected($_), "$name, $_",
            [ '/', 401 ], [ '/members', 403 ], [ '/named', 403 ],
            [ '/', 401, method => 'POST', body => 'text' ],
            [ '/close', 'none' ]) for 'odd', 'long';

    # which nginx refuses by itself
    answers(connected('expired'), "$name, expired", [ '/', 400 ]);

    $c = connected('acme', sni => undef);
    answers($c, "$name, without SNI",
            [ '/', 200, host => 'a.test' ], [ '/', 421, host => 'b.test' ],
            [ '/', 200, host => 'a.test' ], [ '/', 421, host => 'b.test' ]);

    answers(client(port => $n->port('plain'), plain => 1), "$name, no TLS",
            [ '/', 401 ], [ '/off', 200 ]);

    # a body that comes after its refusal, and one that never comes: nginx
    # then closes slowly, with a request that is long decided
    for my $body ('text' x 100, 'te') {
        $c = connected('globex');
        $c->send("POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n"
                 . "Content-Length: 400\r\n\r\n");
        is($c->response('POST')->{status}, 401, "$name, body later");
        $c->send($body);
        $c->close;
    }

    # gone before the answer, in the middle of the request, of the handshake
    connected('globex', alpn => 'h2')->send('PRI * HTTP/2.0');
    connected('globex')->send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    connected('globex')->send("GET / HTTP/1.1\r\nHost:");
    client(port => $n->port('tls'), plain => 1)->send("\x16\x03\x01\x02");
}

requests('first');
ok($n->reload(config()), 'reload');
requests('after a reload');

# the module's code goes while nginx stays; there is none to go if built in
my @modules = @{ $n->{modules} };
$n->{modules} = [];
ok($n->reload("server { listen 127.0.0.1:%%PORT_tls%% ssl; $tls
                        ssl_client_certificate %%CERTS%%/ca-a.crt;
                        location / { empty_gif; } }"), 'module gone');
answers(connected('globex'), 'module gone', [ '/', 200 ], [ '/', 200 ]);

$n->{modules} = \@modules;
ok(!$n->reload(config() . 'clientcert_require nobody;'), 'refused reload');
ok($n->reload(config()), 'module back');
answers(connected('globex'), 'module back', [ '/', 401 ], [ '/fifth', 200 ]);

is($n->stop, 0, 'nginx ended well');
is_deeply([ grep { !/unknown policy "nobody"/ } $n->alerts ], [],
          'nothing alarming in the log');

my $logs = $n->valgrind_logs;
# the master and a worker of each configuration
cmp_ok(scalar(keys %$logs), '>=', 5, 'processes under valgrind');

for my $pid (sort { $a <=> $b } keys %$logs) {
    is(lost($logs->{$pid}), 'definitely 0, indirectly 0, possibly 0',
       "process $pid: nothing lost") or diag($logs->{$pid});
    like($logs->{$pid}, qr/ERROR SUMMARY: 0 errors/, "process $pid: no error");
}

sub lost {
    my ($log) = @_;
    my %lost = $log =~ /(\w+ly) lost: ([\d,]+) bytes/g;

    # the summary is left out where there is nothing to sum up
    my $otherwise = $log =~ /no leaks are possible/ ? 0 : 'unknown';
    return join ', ', map { "$_ " . ($lost{$_} // $otherwise) }
        qw(definitely indirectly possibly);
}


# nginx -t.  It just exits when it is done, so a good configuration as a whole
# counts as lost then.  A bad one is freed, but for what nginx always leaves.

sub valgrind_test {
    my ($config, $leaks) = @_;

    # this leaves test.conf behind
    my ($status, $text) = $n->test($config);
    my $log = $n->path('valgrind-t.log');
    my @command = ('valgrind', "--leak-check=$leaks", qw(--num-callers=30
                   --vgdb=no), "--log-file=$log",
                   '--suppressions=' . $n->path('possible.supp'),
                   $ENV{TEST_NGINX_BINARY} || 'nginx', '-p', $n->prefix,
                   '-e', $n->path('valgrind-t.err'),
                   '-c', $n->path('test.conf'), '-t', '-q');
    system("@command >/dev/null 2>&1");
    is($? >> 8, $status, 'nginx -t under valgrind says the same');

    open my $fh, '<', $log or die "$log: $!\n";
    return ($status, $text, join '', <$fh>);
}

my $acme = sha1('acme');
my $rsa = sha1('rsa');

for (
    [ 'good', config() ],
    [ 'warnings', "clientcert_policy w {
                       allow thumbprint=SHA1:$acme;
                       allow thumbprint=$acme;
                       allow thumbprint=$acme thumbprint=$rsa;
                       deny thumbprint=$acme;
                       deny thumbprint=$acme;
                   }
                   clientcert_policy none { }
                   server { listen 127.0.0.1:%%PORT_tls%%;
                            clientcert_require w; }" ],
) {
    my ($name, $config) = @$_;
    my ($status, $text, $log) = valgrind_test($config, 'no');
    is($status, 0, "$name: nginx -t") or diag($text);
    like($log, qr/ERROR SUMMARY: 0 errors/, "$name: no error") or diag($log);
}

$n->{modules} = [];
my ($status, $text, $log) = valgrind_test('bogus;', 'full');
is($status, 1, 'nginx alone: nginx -t');
my $usual = lost($log);
unlike($usual, qr/unknown/, 'what nginx itself leaves');
$n->{modules} = \@modules;

$n->write('bad', "allow thumbprint=${acme}0;\n");

for (
    [ 'unknown policy', config() . 'clientcert_require nobody;' ],
    [ 'invalid thumbprint', "clientcert_policy p {
                                 allow thumbprint=$acme;
                                 deny thumbprint=$acme;
                                 include %%PREFIX%%/bad;
                             }" ],
    [ 'unexpected end of file', "clientcert_policy p {
                                     allow thumbprint=$acme;" ],
) {
    my ($name, $config) = @$_;
    my ($status, $text, $log) = valgrind_test($config, 'full');
    like($text, qr/\[emerg\].*$name/, "$name: nginx -t");
    is(lost($log), $usual, "$name: nothing more lost than by nginx alone")
        or diag($log);
    unlike($log, qr/Invalid|uninitialised/, "$name: no error") or diag($log);
}

done_testing;
