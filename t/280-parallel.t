# Covers what is kept with a connection (certificate, verdicts) and with a
# request (its verdict) where many connections take turns in two workers: each
# must always get its own, whoever was served just before, also where a closed
# connection's memory is used again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use List::Util qw(shuffle uniq);

my $clients = 20;
my @names = map { "client$_" } 1 .. $clients;

make_cert(name => $_, key => 'acme', ca => /[05]$/ ? 'ca-b' : 'ca-a')
    for @names;

# Every third is pinned by SHA-1, every third by SHA-256, the others are let
# in by their CA or not at all.
my (@allow, %wanted);

for my $i (1 .. $clients) {
    my $name = $names[$i - 1];
    my $verdict = $i % 3 == 0 ? "200 allow:ok:$name"
                : $i % 3 == 1 ? "200 allow:ok:$name"
                : $i % 5 == 0 ? '403 deny:untrusted:' : '200 allow:ok:member';

    push @allow, 'allow thumbprint=' . sha1($name) . " label=$name;"
        if $i % 3 == 0;
    push @allow, 'allow thumbprint=' . sha256($name) . " label=$name;"
        if $i % 3 == 1;
    $wanted{$name} = "$verdict " . sha256($name);
}

my $n = nginx(workers => 2, config => <<"END_CONFIG")->start;
    clientcert_policy partners {
        @allow
        allow verified label=member;
        reject 403;
    }
    server {
        # each worker with a queue of its own, so that both have clients
        listen 127.0.0.1:%%PORT_tls%% ssl http2 reuseport;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        keepalive_requests 10000;
        add_header X-Verdict
         "\$clientcert_result:\$clientcert_reason:\$clientcert_label" always;
        add_header X-Sha256 \$clientcert_sha256 always;
        add_header X-Pid \$pid always;
        location / { clientcert_require partners; empty_gif; }
    }
END_CONFIG

my (%connection, %pids, @wrong, $answers);

sub connected {
    my ($name) = @_;
    return client(port => $n->port('tls'), cert => $name,
                  alpn => $name =~ /[02468]$/ ? 'h2' : 'http/1.1',
                  version => $name =~ /[1278]$/ ? 'TLSv1_2' : 'TLSv1_3');
}

sub check {
    my ($name, $r) = @_;
    my $h = $r->{headers};
    my $got = join ' ', $r->{status} // "none ($r->{error})",
        map { $h->{$_} // '' } 'x-verdict', 'x-sha256';
    push @wrong, "$name: $got" if $got ne $wanted{$name};
    $pids{ $h->{'x-pid'} // 'none' } = 1;
    $answers++;
}

for my $round (1 .. 10) {
    # in every round some leave, and their places are taken
    delete @connection{ (shuffle @names)[1 .. 4] };
    $connection{$_} //= connected($_) for shuffle @names;

    my @one = shuffle grep { $connection{$_}->alpn eq 'http/1.1' } @names;
    my @two = shuffle grep { $connection{$_}->alpn eq 'h2' } @names;

    # two requests of each are on their way when the first answer is read
    for (@one, @one) {
        $connection{$_}->send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    }
    for my $name (@two) {
        check($name, $_)
            for $connection{$name}->get_all([ '/' ], [ '/' ], [ '/' ]);
    }
    for my $name (reverse(@one), @one) {
        check($name, $connection{$name}->response('GET'));
    }
}

is($answers, 10 * ($clients / 2 * 2 + $clients / 2 * 3), 'answers');
is_deeply([ uniq @wrong ], [], 'every client always got its own answer');
is(scalar(keys %pids), 2, 'by two workers');

# idle HTTP/2 clients hold up the shutdown
%connection = ();
is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
