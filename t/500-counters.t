# Covers src/stats/ngx_clientcert_counts.c and ngx_clientcert_decisions.c: what
# is counted of policies and rules is exact, with several workers, over reloads
# in the midst of requests, with more and fewer workers, and when a worker is
# killed; and what comes of it when policies and rules come and go, or have no
# room.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use Metrics;
use POSIX ();

my $acme = sha1('acme');

sub config {
    my %o = (zone => '', rules => "allow thumbprint=$acme label=acme;\n"
                                  . 'allow cn=nobody; deny cn=globex;', @_);
    return <<"END";
    $o{zone}
    clientcert_policy partners {
        $o{rules}
    }
    clientcert_policy trial {
        dry_run on;
        allow cn=nobody;
    }
    server {
        # each worker with a queue of its own, so that all have clients
        listen 127.0.0.1:%%PORT_tls%% ssl http2 reuseport;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        keepalive_requests 1000000;
        add_header X-Pid \$pid always;
        location / { clientcert_require partners; empty_gif; }
        location /trial { clientcert_require trial; empty_gif; }
        location = /metrics { clientcert_status prometheus rules; }
    }
END
}

sub connected { client(port => $_[0]->port('tls'), cert => $_[1]) }

sub scrape {
    my $n = shift;
    my $r = connected($n)->get('/metrics');
    die "no metrics: ", $r->{status} // $r->{error}, "\n"
        if ($r->{status} // 0) != 200;
    return metrics($r->{body});
}

sub counted {
    my ($n, $policy, $reason, $family) = @_;
    return value(scrape($n), $family // 'decisions_total',
                 policy => $policy, reason => $reason);
}

# [ how often, last ] of the one rule with that label
sub rule {
    my ($n, $label) = @_;
    my $m = scrape($n);
    return map { $m->{$_} } grep { /rule_decisions_total\{.*label="$label"/ }
                                 keys %$m;
}

# What the access log has: a line for each request that was decided, when it has
# ended, answered or not.
sub ended { scalar(() = $_[0]->access_log =~ m{"GET / HTTP}g) }

my $request = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

# Sends that many requests, a hundred at a time; returns the answers by status.
sub ask {
    my ($c, $count) = @_;
    my %got;
    while ($count > 0) {
        my $some = $count < 100 ? $count : 100;
        $c->send($request x $some);
        for (1 .. $some) {
            my $r = $c->response('GET');
            return \%got unless defined $r->{status};
            $got{ $r->{status} }++;
            $got{pids}{ $r->{headers}{'x-pid'} } = 1;
        }
        $count -= $some;
    }
    return \%got;
}

# The same by several processes at once; returns the sums.
sub ask_all {
    my ($count, $do, @clients) = @_;
    my (%sum, @readers);

    for my $c (@clients) {
        pipe my $reader, my $writer or die "pipe: $!\n";
        defined(my $pid = fork) or die "fork: $!\n";
        if (!$pid) {
            close $reader;
            my $got = ask(ref $c eq 'CODE' ? $c->() : $c, $count);
            print $writer join(' ', map { $got->{$_} // 0 } 200, 401), ' ',
                          join(',', keys %{ $got->{pids} // {} }), "\n";
            close $writer;
            POSIX::_exit(0);
        }
        close $writer;
        push @readers, [ $reader, $pid ];
    }

    $do->();

    for (@readers) {
        my ($reader, $pid) = @$_;
        my $line = readline($reader) // '';
        my ($ok, $refused, $pids) = split ' ', $line;
        $sum{200} += $ok // 0;
        $sum{401} += $refused // 0;
        $sum{pids}{$_} = 1 for split /,/, $pids // '';
        waitpid $pid, 0;
    }

    return \%sum;
}


# 1. 100,000 requests, 4 workers.

{
    my $n = nginx(config => config(), workers => 4)->start;
    my @clients = map { connected($n, $_ % 4 ? 'acme' : 'globex') } 0 .. 7;
    my $got = ask_all(12_500, sub { }, @clients);

    is($got->{200}, 75_000, 'answers of those who may pass');
    is($got->{401}, 25_000, 'answers of the others');
    cmp_ok(scalar(keys %{ $got->{pids} }), '>', 1, 'by several workers');

    is(counted($n, 'partners', 'ok'), 75_000, 'all that passed were counted');
    is(counted($n, 'partners', 'denied'), 25_000, 'all that were refused');
    is_deeply([ rule($n, 'acme') ], [ 75_000 ], 'so were those of a rule');
    is(counted($n, 'partners', 'no_match'), 0, 'no others');

    # HTTP/2: streams at once
    my $c = client(port => $n->port('tls'), cert => 'acme', alpn => 'h2');
    $c->get_all([ '/' ], [ '/' ], [ '/' ]);
    $c->close;
    is(counted($n, 'partners', 'ok'), 75_003, 'HTTP/2');

    $c = connected($n, 'acme');
    is($c->get('/trial')->{status}, 200, 'dry run lets it through');
    is(counted($n, 'trial', 'no_match', 'dry_run_decisions_total'), 1,
       'and counts apart');
    is(counted($n, 'trial', 'no_match'), undef, 'and only there');

    is($n->stop, 0, 'nginx ended well');
    is_deeply([ $n->alerts ], [], 'nothing alarming in the log');
}


# 2. Reloads meanwhile: old and new workers count in the same places.

{
    my $n = nginx(config => config(), workers => 2)->start;
    my $got = { 200 => 0 };

    for my $workers (2, 4, 1, 3) {
        my @clients = map { connected($n, 'acme') } 1 .. 4;

        my $more = ask_all(2_000, sub {
            $n->{workers} = $workers;
            $n->reload;
        }, @clients);

        $got->{200} += $more->{200};
        ok(wait_for(sub { $n->worker_pids == $workers }, 20, 'workers'),
           "now $workers workers");
    }

    # requests on their way when a connection closes are counted, not answered
    my $counted = counted($n, 'partners', 'ok');
    cmp_ok($counted, '>=', $got->{200}, 'all answers were counted');
    ok(wait_for(sub { ended($n) == $counted }, 10, 'the last line'),
       'and all that were not');

    # from now on all are answered
    ask_all(1_000, sub { }, map { connected($n, 'acme') } 1 .. 3);
    is(counted($n, 'partners', 'ok'), $counted + 3_000,
       'after all that it is exact');
    is_deeply([ rule($n, 'acme') ], [ $counted + 3_000 ], 'the rule as well');

    is($n->stop, 0, 'nginx ended well');

    # what nginx says where a client that is at it lets a worker end
    is_deeply([ grep { !/open socket #\d+ left|: aborting$/ } $n->alerts ], [],
              'nothing alarming in the log');
}


# 3. A killed worker takes nothing along.

{
    my $n = nginx(config => config(), workers => 2)->start;
    my $seen = 0;

    for my $round (1 .. 5) {
        my $got = ask_all(2_000, sub {
            wait_for { counted($n, 'partners', 'ok') > $seen + 200 } 20;
            kill KILL => ($n->worker_pids)[0];
        }, map { connected($n, 'acme') } 1 .. 4);

        my $counted = counted($n, 'partners', 'ok');
        cmp_ok($counted - $seen, '>=', $got->{200}, "round $round: answers");
        $seen = $counted;

        # one of each client, at most, was decided and had not ended
        my $lost = $counted - ended($n);
        cmp_ok($lost, '>=', 0, 'all that ended were counted');
        cmp_ok($lost, '<=', 4 * $round, 'and nothing else');
    }

    ok(wait_for(sub { $n->worker_pids == 2 }, 10, 'two workers'), 'mended');
    ask_all(500, sub { }, map { connected($n, 'acme') } 1 .. 2);
    is(counted($n, 'partners', 'ok'), $seen + 1_000, 'exact after that');

    $n->stop;
    is_deeply([ $n->alerts(killed => 1) ], [], 'nothing alarming in the log');
}


# 4. Rules and policies come and go.

{
    my $first = "allow thumbprint=$acme label=acme;\n";
    my $n = nginx(config => config(), workers => 2)->start;
    my $start = value(scrape($n), 'start_timestamp_seconds');

    ask(connected($n, 'acme'), 10);
    is_deeply([ rule($n, 'acme') ], [ 10 ], 'before');

    ok($n->reload(config(rules => "deny cn=globex; allow cn=x label=new;\n\n"
                                  . "allow   thumbprint=$acme  label=acme;")),
       'a rule before it, other lines and blanks');
    ask(connected($n, 'acme'), 10);
    is_deeply([ rule($n, 'acme') ], [ 20 ], 'it goes on');
    is_deeply([ rule($n, 'new') ], [ 0 ], 'the new one starts');

    ok($n->reload(config(rules => "allow thumbprint=$acme label=other;")),
       'another label is another rule');
    ask(connected($n, 'acme'), 5);
    is_deeply([ rule($n, 'other') ], [ 5 ], 'it starts');

    ok($n->reload(config()), 'the first one is back');
    is_deeply([ rule($n, 'acme') ], [ 20 ], 'with what it had');
    is(counted($n, 'partners', 'ok'), 25, 'the policy has counted all');

    ok($n->reload(config(zone => 'clientcert_status_zone size=1m;')),
       'the default is 1m');
    is(counted($n, 'partners', 'ok'), 25, 'so it is the same zone');
    is(value(scrape($n), 'start_timestamp_seconds'), $start, 'since then');

    ok($n->reload(config(zone => 'clientcert_status_zone size=2m;')),
       'another size');
    is(counted($n, 'partners', 'ok'), 0, 'starts anew');

    ok(!$n->reload('clientcert_require nobody;'), 'a refused configuration');
    ask(connected($n, 'acme'), 3);
    is(counted($n, 'partners', 'ok'), 3, 'changes nothing');

    is($n->stop, 0, 'nginx ended well');
    is(scalar($n->alerts), 1, 'one error in the log');
}


# 5. More than has room: counted together, and said.

{
    my $many = sub {
        my ($from, $to) = @_;
        return config(zone => "clientcert_status_zone size=128k refused=off;",
                      rules => join('', map { "allow cn=client-$_;\n" }
                                            $from .. $to)
                               . "allow cn=acme label=last;");
    };
    my $n = nginx(config => $many->(1, 5_000), workers => 2,
                  log_level => 'notice')->start;

    my $said = '\[warn\] \S+ \d+ policies and lines of them have no room in the '
               . '"clientcert_status_zone" of 128k and are counted together, '
               . '"size=(\d+k)" is needed';
    like($n->error_log, qr/$said/, 'the log says so');
    my ($size) = $n->error_log =~ /$said/;

    ask(connected($n, 'acme'), 7);
    my $m = scrape($n);
    is(value($m, 'other_rule_decisions_total'), 7, 'of rules together');
    is(value($m, 'decisions_total', policy => 'partners', reason => 'ok'), 7,
       'policies come first');

    # lines that are gone make room
    ok($n->reload($many->(6_000, 6_010)), 'less rules');
    ask(connected($n, 'acme'), 7);
    is_deeply([ rule($n, 'last') ], [ 7 ], 'have room');

    ok($n->reload($many->(1, 5_000) =~ s/size=128k/size=$size/r),
       'the size that was said');
    ask(connected($n, 'acme'), 7);
    is(value(scrape($n), 'other_rule_decisions_total'), undef, 'is enough');

    is($n->stop, 0, 'nginx ended well');
    is_deeply([ $n->alerts ], [], 'nothing alarming in the log');
}

done_testing;
