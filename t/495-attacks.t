# Covers what attackers have tried in vain, so that it stays in vain: games
# with names and versions, chains that lead nowhere, certificates of garbage,
# streams that are broken off, and many requests on one connection, which must
# not make the worker grow.  CLIENTCERT_SEED repeats a run.

use strict;
use warnings;

use File::Spec;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;

my $seed = $ENV{CLIENTCERT_SEED} // int rand 2**31;
srand $seed;
note("CLIENTCERT_SEED=$seed");

sub one { $_[int rand @_] }
sub pem { join '', map { ClientCert::slurp(cert_file($_, 'crt')) } @_ }

# A true chain, of which the attacker has the certificates.
der_cert(name => 'true-int', ca => 'ca-b', key => 'inter', is_ca => 1,
         subject => [ [ CN => 'true-int' ] ]);
der_cert(name => 'true', ca => 'true-int', key => 'rsa');
# A client of that CA that would be one itself.
der_cert(name => 'issuer', ca => 'ca-b', key => 'globex',
         subject => [ [ CN => 'issuer' ] ]);

# What the attacker shows, with a key that they have,
der_cert(name => 'own', ca => 'self');
der_cert(name => 'of-int', ca => 'true-int', signer => 'acme');
der_cert(name => 'of-root', ca => 'ca-b', signer => 'acme');
der_cert(name => 'of-client', ca => 'issuer');
der_cert(name => 'of-other', ca => 'ca-a');
der_cert(name => 'as-root', ca => 'self', is_ca => 1,
         subject => [ [ O => 'Example' ], [ CN => 'ca-b' ] ]);
my @leaves = qw(own of-int of-root of-client of-other as-root);

# and what they send with it.
der_cert(name => 'false-int', ca => 'ca-b', key => 'acme', is_ca => 1,
         signer => 'acme', subject => [ [ CN => 'true-int' ] ]);
my @sent = ('', 'true-int', 'false-int', 'as-root', 'true', 'issuer', 'ca-b',
            'true-int ca-b', 'false-int true-int', 'false-int as-root',
            'issuer true-int', 'true true-int', 'own', 'ca-a');

my @servers = (
    [ 'a.test', 'ca-a' ], [ 'also-a.test', 'ca-a' ], [ 'b.test', 'ca-b' ],
    [ '~^(?<x>c)\.test$', 'ca-b' ], [ '*.d.test', 'ca-b' ], [ '""', 'ca-b' ],
);

my %never = (
    cn => 'cn=nobody', dns => 'dns=~^nobody$', uri => 'uri=http://nobody/x/*',
    email => 'email=nobody@a.test', ip => 'ip=192.0.2.99', o => 'o=nobody',
    ou => 'ou=~^nobody$', oid => 'policy_oid=1.2.3.99', eku => 'eku=1.2.3.98',
    subject => 'subject=CN=nobody', serial => 'serial=0123456789',
    ca => 'ca=root.pem', thumb => 'issuer_thumbprint=' . sha256('ca-b'),
);

my $n = nginx(config => sub {
    my $n = shift;
    my $sha1 = sha1('acme');

    $n->write('root.pem', pem('ca-b'));
    $n->write('both.pem', pem('ca-b', 'true-int'));
    mkdir $n->path('up');
    $n->write('up/acme.pem', pem('acme'));

    my $text = <<"END";
    clientcert_store up directory=%%PREFIX%%/up;
    clientcert_policy verified { allow verified; }
    clientcert_policy root { allow ca=root.pem; }
    clientcert_policy int { allow ca=both.pem; }
    clientcert_policy pin { allow thumbprint=$sha1; }
    clientcert_policy store { allow store=up; }
    clientcert_policy variable { allow cn=\$arg_cn; }
@{[ map { "    clientcert_policy never_$_ { allow $never{$_}; }\n" }
    sort keys %never ]}
    ssl_certificate %%CERTS%%/server.crt;
    ssl_certificate_key %%CERTS%%/server.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_verify_client optional_no_ca;
    keepalive_requests 1000000;
    add_header X-Server "\$server_name" always;
    add_header X-Reason "\$clientcert_reason" always;
END

    for (@servers) {
        my ($name, $ca) = @$_;
        my $default = $name eq 'a.test' ? ' default_server' : '';
        $text .= <<"END";
    server {
        listen 127.0.0.1:%%PORT_names%% ssl$default;
        server_name $name;
        ssl_client_certificate %%CERTS%%/$ca.crt;
        location / { clientcert_require verified; empty_gif; }
    }
END
    }

    return $text . <<"END";
    server {
        listen 127.0.0.1:%%PORT_chains%% ssl http2;
        # what nginx refuses by itself is the matter of the policy here
        error_page 495 = \$uri;
@{[ map { "        location = /$_ { clientcert_require $_; empty_gif; }\n" }
    qw(verified root int pin store variable) ]}
@{[ map { "        location = /$_ { clientcert_require never_$_; empty_gif; "
        . "}\n" } sort keys %never ]}
        location = /names {
            add_header X-Names "[\$clientcert_cn][\$clientcert_san]";
            empty_gif;
        }
    }
END
})->start;

my ($worker) = $n->worker_pids;

sub status {
    my $r = shift;
    return ($r->{status} // 'none') . ' ' . ($r->{headers}{'x-reason'} // '');
}

# Names: no server that wants CA B takes a client of CA A, whatever it is
# called by.
{
    my @hosts = ('b.test', 'B.Test', 'b.test.', 'b.test:443', 'b.test:',
                 'c.test', 'x.d.test', 'X.D.TEST.', '', undef);
    my @games = (
        (map {
            my $host = defined ? "Host: $_\r\n" : '';
            ("GET / HTTP/1.1\r\n$host", "GET / HTTP/1.0\r\n$host");
        } @hosts),
        "GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n",
        "GET / HTTP/1.1\r\nHost: b.test\r\nHost: a.test\r\n",
        "GET / HTTP/1.1\r\nHost: a.test, b.test\r\n",
        "GET / HTTP/1.1\r\nHost: a.test\@b.test\r\n",
        "GET / HTTP/1.1\r\nHost: b.test\0.a.test\r\n",
        "GET / HTTP/1.1\r\nHost:\tb.test\r\n",
        "GET https://b.test/ HTTP/1.1\r\nHost: a.test\r\n",
        "GET https://B.TEST:443/ HTTP/1.1\r\nHost: a.test\r\n",
        "GET https://x.d.test/ HTTP/1.0\r\n",
        "GET http://c.test/ HTTP/1.1\r\nHost: a.test\r\n",
    );

    my %port = (port => $n->port('names'));
    my ($tried, $let_in, @wrong) = (0, 0);
    for my $version ('TLSv1_2', 'TLSv1_3') {
        for my $sni (undef, 'a.test', 'A.TEST', 'also-a.test', 'none.test',
                     'b.test', 'B.Test', 'c.test', 'x.d.test') {
            for my $game (@games) {
                my $c = client(%port, cert => 'acme', sni => $sni,
                               version => $version);
                my $first = $c->get('/', host => 'a.test');
                $c->send("$game\r\n");
                my $r = $c->response('GET');
                $tried++;
                for ($first, $r) {
                    next unless ($_->{status} // 0) == 200;
                    my $server = $_->{headers}{'x-server'} // 'unknown';
                    $let_in++;
                    push @wrong, ($sni // 'no SNI') . ", $game: $server"
                        if $server !~ /^(?:also-)?a\.test$/;
                }
            }
        }
    }
    is(join("\n", @wrong), '', "$tried games with names");
    cmp_ok($let_in, '>', $tried / 4, "$let_in were let in where they may be");
    is(status(client(%port, cert => 'foreign', sni => 'b.test')
                  ->get('/', host => 'b.test')), '200 ok', 'CA B is, too');
}

my $chains = 0;
sub connection {
    my ($cert, $sent, %o) = @_;
    my $file = $n->write('chain' . ++$chains . '.pem',
                         pem($cert, split ' ', $sent));
    return client(cert => $cert, port => $n->port('chains'), malformed => 1,
                  chain => File::Spec->abs2rel($file, cert_dir()), %o);
}

# Chains.
{
    my @wrong;
    my %said;
    for my $version ('TLSv1_2', 'TLSv1_3') {
        for my $leaf (@leaves) {
            for my $sent (@sent) {
                my $session;
                for my $how ('fresh', 'resumed') {
                    for my $path ('/root', '/int', '/verified') {
                        my $c = connection($leaf, $sent, version => $version,
                                           session => $session);
                        my $got = status($c->get($path));
                        $session //= $c->session;
                        $said{$got}++;
                        push @wrong, "$version, $how, $leaf, $sent, $path: "
                                   . $got if $got !~ /^401/;
                    }
                }
            }
        }
    }
    is(join("\n", @wrong), '', 2 * @leaves * @sent . ' chains are refused');
    note(map { "$_: $said{$_}; " } sort keys %said);
    is(status(connection('true', 'true-int')->get('/root')), '200 ok',
       'a true one is not');
    is(status(connection('true', 'false-int true-int')->get('/int')),
       '200 ok', 'and another behind a false one');
}

# Garbage.
{
    my @oids = qw(2.5.29.17 2.5.29.37 2.5.29.32 2.5.29.19 2.5.29.15 2.5.29.30
                  2.5.29.35 2.5.29.14 2.5.29.18 1.2.3.4 1.3.6.1.5.5.7.1.1);
    my $bytes = sub { join '', map { chr int rand 256 } 1 .. rand shift };
    my $piece;
    $piece = sub {
        my $depth = shift;
        return der(one(0x30, 0x31, 0xa0, 0xa3),
                   map { $piece->($depth - 1) } 1 .. rand 4)
            if $depth > 0 && rand() < 0.6;
        return der(one(1, 2, 3, 4, 6, 12, 19, 22, 23, 0x82, 0x86, 0x87),
                   $bytes->(20));
    };

    my @ids;
    my (@wrong, @dirty);
    my $answers = 0;
    for my $i (1 .. 60) {
        my @ext = map {
            [ one(@oids), rand() < 0.2,
              rand() < 0.3 ? $bytes->(40) : $piece->(4) ]
        } 1 .. 1 + rand 4;
        der_cert(
            name => 'garbage', ca => one('self', 'ca-a', 'ca-b'),
            serial => unpack('H*', chr(1 + int rand 255) . $bytes->(19)),
            subject => [ map {
                [ one(qw(CN O OU DC C)), $bytes->(30), one(12, 19, 20, 22) ]
            } 1 .. rand 5 ],
            rand() < 0.5 ? (eku => undef) : (), ext => \@ext);

        my $c = client(cert => 'garbage', port => $n->port('chains'),
                       malformed => 1);
        for my $path (sort(keys %never), 'names') {
            $c = client(cert => 'garbage', port => $n->port('chains'),
                        malformed => 1) if $c->closed(0);
            my $r = $c->get("/$path");
            $answers++ if defined $r->{status};
            push @wrong, "$i, $path: " . status($r)
                if $path !~ /^(?:names|ca|thumb)$/
                   && ($r->{status} // 0) == 200;
            push @dirty, $i
                if ($r->{headers}{'x-names'} // '') =~ /[\0-\x1f\x7f]/;
        }
    }
    is(join("\n", @wrong), '', 'certificates of garbage match nothing');
    is("@dirty", '', 'and nothing of them comes out');
    cmp_ok($answers, '>', 300, "$answers answers");
}

# Streams that are broken off, as HTTP/2 frames by hand.
{
    my $frame = sub {
        my ($type, $flags, $stream, $data) = @_;
        return substr(pack('N', length $data), 1)
               . pack('CCN', $type, $flags, $stream) . $data;
    };
    my $headers = sub {
        my ($stream, $path) = @_;
        my $host = 'localhost';
        return $frame->(1, 5, $stream, "\x82\x87\x04" . chr(length $path)
                        . "$path\x01" . chr(length $host) . $host);
    };

    for my $round (1 .. 4) {
        for my $cert ('acme', 'own') {
            my $c = client(cert => $cert, port => $n->port('chains'),
                           alpn => 'h2');
            is($c->alpn, 'h2', "$cert speaks HTTP/2");
            $c->send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                     . $frame->(4, 0, 0, ''));
            for my $i (0 .. 99) {
                my $stream = 2 * $i + 1;
                my $path = one(qw(/pin /store /variable?cn=x /root /verified));
                my $abort = $frame->(3, 0, $stream, pack 'N', 8);
                $c->send($headers->($stream, $path) . $abort);
            }
            $c->close if rand() < 0.5;
        }

        # while nginx has to do with those
        my $ok = client(cert => 'acme', port => $n->port('chains'),
                        alpn => 'h2');
        my $no = client(cert => 'own', port => $n->port('chains'),
                        alpn => 'h2');
        my @paths = (('/pin', '/store') x 10);
        is(join(' ', map { $_->{status} // 'none' }
                     $ok->get_all(map { [ $_ ] } @paths)),
           join(' ', (200) x @paths), 'who is allowed is answered');
        is(join(' ', map { $_->{status} // 'none' }
                     $no->get_all(map { [ $_ ] } @paths)),
           join(' ', (401) x @paths), 'who is not isn\'t');
    }
}

is_deeply([ $n->worker_pids ], [ $worker ], 'the worker has lived through it');

# Many requests.
{
    my $memory = sub {
        my ($kb) = ClientCert::slurp("/proc/$worker/status")
            =~ /VmRSS:\s+(\d+)/;
        return $kb;
    };
    my $c = client(cert => 'acme', port => $n->port('chains'));
    my @paths = qw(/pin /store /verified /root /int /cn /dns /subject /ca
                   /thumb);
    my ($answered, $number, $before) = (0, 0);

    for my $round (0 .. 100) {
        my @ask = map {
            (one(@paths), '/variable?cn=acme', '/variable?cn=' . ++$number);
        } 1 .. 70;
        $c->send(join '', map {
            "GET $_ HTTP/1.1\r\nHost: localhost\r\n\r\n"
        } @ask);
        $answered += defined $c->response('GET')->{status} for @ask;
        # by then all is there that is there once for a connection
        $before = $memory->() if $round == 10;
    }

    is($answered, 101 * 210, 'each of many requests is answered');
    my $grown = $memory->() - $before;
    SKIP: {
        skip 'sanitizers keep what is freed', 1 if sanitized();
        cmp_ok($grown, '<', 512, "the worker has grown by $grown KB");
    }
}

is($n->stop, 0, 'nginx ended well');
is_deeply([ grep { !/stale global SSL error.*while waiting for request/ }
            $n->alerts ], [], 'nothing alarming in the log');

done_testing;
