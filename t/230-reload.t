# Covers the module over the life of nginx: reloads under connected clients,
# the module loaded, unloaded and loaded again (the module's place on SSL objects
# is given back by ngx_clientcert_connection_release(), since OpenSSL would call
# into code that is gone), a refused configuration, many reloads, no master
# process, and a module that is loaded but not used.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;

my $tls = <<'END_TLS';
        listen 127.0.0.1:%%PORT_tls%% ssl http2;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        ssl_session_cache shared:sessions:1m;
        keepalive_requests 1000;
END_TLS

sub config {
    my (@pinned) = @_;
    my $allow = join '', map { "allow thumbprint=" . sha1($_) . " label=$_;" }
                @pinned;

    return <<"END_CONFIG";
    clientcert_policy partners { $allow }
    server {
        $tls
        add_header X-Verdict
         "\$clientcert_result:\$clientcert_reason:\$clientcert_label" always;
        location / { clientcert_require partners; empty_gif; }
        location /off { empty_gif; }
    }
END_CONFIG
}

my $without = "server { $tls location / { empty_gif; } }";

my @protocols = ('http/1.1', 'h2');

sub connected {
    my ($n, $cert, $alpn, @more) = @_;
    return client(port => $n->port('tls'), cert => $cert, alpn => $alpn,
                  @more);
}

sub answer {
    my ($c, $path) = @_;
    my $r = $c->get($path // '/');
    return "none ($r->{error})" unless defined $r->{status};
    return "$r->{status} " . ($r->{headers}{'x-verdict'} // '');
}

sub fine {
    my ($n, $name) = @_;
    is($n->stop, 0, "$name: nginx ended well");
    is_deeply([ $n->alerts ], [], "$name: nothing alarming in the log");
}


# 1. Clients stay connected while the configuration changes.

my $n = nginx(config => config('acme'), workers => 2)->start;

for my $alpn (@protocols) {
    ok($n->reload(config('acme')), "$alpn: the first configuration");

    my $acme = connected($n, 'acme', $alpn);
    my $globex = connected($n, 'globex', $alpn);
    is(answer($acme), '200 allow:ok:acme', "$alpn: acme before");
    is(answer($globex), '401 deny:no_match:', "$alpn: globex before");

    ok($n->reload(config('globex')), "$alpn: the second configuration");

    is(answer(connected($n, 'acme', $alpn)), '401 deny:no_match:',
       "$alpn: acme, new connection");
    is(answer(connected($n, 'globex', $alpn)), '200 allow:ok:globex',
       "$alpn: globex, new connection");
    is(answer(connected($n, 'globex', $alpn, session => $globex->session)),
       '200 allow:ok:globex', "$alpn: globex, old session");
    is(answer(connected($n, 'acme', $alpn, session => $acme->session)),
       '401 deny:no_match:', "$alpn: acme, old session");

    # idle connections are of no use to a worker that is to end
    ok($_->closed, "$alpn: an old connection is closed") for $acme, $globex;
}


# 2. A request that is under way during a reload is finished by the old worker.

{
    my $n = nginx(config => config('acme'))->start;
    my $acme = connected($n, 'acme', 'http/1.1');
    my $globex = connected($n, 'globex', 'http/1.1');
    is(answer($acme), '200 allow:ok:acme', 'under way: acme before');
    is(answer($globex), '401 deny:no_match:', 'under way: globex before');

    $_->send("GET / HTTP/1.1\r\nHost: a.te") for $acme, $globex;

    # the one worker has seen those when it has served another
    is(answer(connected($n, 'acme', 'http/1.1')), '200 allow:ok:acme',
       'under way: another is served');

    ok($n->reload(config('globex')), 'under way: second configuration');
    $_->send("st\r\n\r\n") for $acme, $globex;

    is($acme->response('GET')->{headers}{'x-verdict'}, 'allow:ok:acme',
       'under way: decided by the old configuration');
    is($globex->response('GET')->{headers}{'x-verdict'}, 'deny:no_match:',
       'under way: refused by the old configuration');
    ok($_->closed, 'under way: then closed') for $acme, $globex;

    fine($n, 'under way');
}


# 3. What can't be read changes nothing.

{
    ok($n->reload(config('acme')), 'refused reload: a good configuration');
    # the old ones may linger for a moment
    ok(wait_for(sub { $n->worker_pids == 2 }, 10, 'two workers'),
       'refused reload: only the new workers');
    my @before = $n->worker_pids;

    for my $bad ("clientcert_policy p { allow thumbprint=12; }",
                 "clientcert_policy p { allow verified; ",
                 "clientcert_require nobody;") {
        ok(!$n->reload($without . $bad), "refused reload: $bad");
    }

    is_deeply([ $n->worker_pids ], \@before, 'refused reload: same workers');

    for my $alpn (@protocols) {
        is(answer(connected($n, 'acme', $alpn)), '200 allow:ok:acme',
           "refused reload: acme, $alpn");
        is(answer(connected($n, 'globex', $alpn)), '401 deny:no_match:',
           "refused reload: globex, $alpn");
    }

    like($n->error_log, qr/\[emerg\].*invalid thumbprint "12".* in \S+:\d+/,
         'refused reload: the log says where');

    # so that "fine" finds only what should not be there
    is(scalar($n->alerts), 3, 'refused reload: three errors, no more');
    is($n->stop, 0, 'refused reload: nginx ended well');
}


# 4. The module goes and comes back, with TLS clients all the time.

SKIP: {
    my $n = nginx(config => config('acme'), workers => 2)->start;
    my @modules = @{ $n->{modules} }
        or skip 'the module is built in', 1;
    my $session;

    for my $round (1 .. 3) {
        my @kept = map { connected($n, 'acme', $_) } @protocols;
        is(answer($_), '200 allow:ok:acme', "round $round: kept") for @kept;
        $session //= $kept[0]->session;

        $n->{modules} = [];
        ok($n->reload($without), "round $round: module gone");
        ok($_->closed, "round $round: an old connection is closed") for @kept;
        # or an HTTP/2 connection lingers, and its worker with it
        $_->close for @kept;

        for my $alpn (@protocols) {
            for my $cert ('acme', 'globex') {
                my $c = connected($n, $cert, $alpn, session => $session);
                is(answer($c), '200 ', "round $round: without it, $alpn");
                $session = $c->session if $alpn eq 'http/1.1';
            }
        }

        $n->{modules} = \@modules;
        ok($n->reload(config('acme')), "round $round: module back");

        for my $alpn (@protocols) {
            is(answer(connected($n, 'acme', $alpn)), '200 allow:ok:acme',
               "round $round: acme, $alpn");
            is(answer(connected($n, 'globex', $alpn)), '401 deny:no_match:',
               "round $round: globex, $alpn");
            is(answer(connected($n, 'globex', $alpn, session => $session)),
               '401 deny:no_match:',
               "round $round: globex with a session from without, $alpn");
        }
    }

    fine($n, 'module gone and back');
}


# 5. The same, without waiting for the reloads: clients meet old and new
# workers side by side.

SKIP: {
    my $load = join ' ', map { "load_module $_;" } @{ $n->{modules} }
        or skip 'the module is built in', 1;
    my $n = nginx(modules => [], main => 'include %%PREFIX%%/load;',
                  workers => 2, config => <<"END_CONFIG");
    include %%PREFIX%%/policy;
    server {
        $tls
        include %%PREFIX%%/require;
        location / { empty_gif; }
    }
END_CONFIG

    my $set = sub {
        my ($with) = @_;
        $n->write('load', $with ? $load : '');
        $n->write('policy', $with ? 'clientcert_policy p {
            allow thumbprint=' . sha1('acme') . '; }' : '');
        $n->write('require', $with ? 'clientcert_require p;' : '');
    };

    $set->(1);
    $n->start;
    my (%statuses, $session);

    for my $round (1 .. 12) {
        my $started = () = $n->error_log =~ /start worker process \d/g;
        $set->($round % 2 == 0);
        kill HUP => $n->pid;

        wait_for {
            my $c = connected($n, 'globex', $protocols[$round % 4 > 1],
                              session => scalar $session);
            # a worker that is to end may close what it has just accepted
            my $status = $c->get('/')->{status} // 'none';
            $statuses{$status}++;
            $session = $c->session if $round == 1;

            my $now = () = $n->error_log =~ /start worker process \d/g;
            $now >= $started + 2;
        } 10, 'new workers';
    }

    cmp_ok($statuses{$_} // 0, '>', 0, "side by side: answers of $_")
        for 200, 401;
    delete @statuses{qw(200 401 none)};
    is_deeply(\%statuses, {}, 'side by side: no other answer');
    fine($n, 'side by side');
}


# 6. Fifty reloads, and every one is in force.

{
    my $n = nginx(config => config('acme'), workers => 2,
                  log_level => 'notice')->start;
    my @wrong;

    for my $round (1 .. 50) {
        my ($in, $out) = $round % 2 ? ('globex', 'acme') : ('acme', 'globex');
        $n->reload(config($in)) or push @wrong, "$round: refused";

        my $alpn = $protocols[$round % 4 > 1];
        my $got = answer(connected($n, $in, $alpn));
        push @wrong, "$round: $in $got" if $got ne "200 allow:ok:$in";
        $got = answer(connected($n, $out, $alpn));
        push @wrong, "$round: $out $got" if $got ne '401 deny:no_match:';
    }

    is_deeply(\@wrong, [], 'fifty reloads');
    fine($n, 'fifty reloads');
}


# 7. One process that is master and worker at once.

{
    my $n = nginx(config => config('acme'), master => 0)->start;

    for my $alpn (@protocols) {
        my $c = connected($n, 'acme', $alpn);
        is(answer($c), '200 allow:ok:acme', "no master: acme, $alpn");
        is(answer($c), '200 allow:ok:acme', "no master: kept alive, $alpn");
        $c = connected($n, 'acme', $alpn, session => $c->session);
        ok($c->resumed, "no master: resumed, $alpn");
        is(answer($c), '200 allow:ok:acme', "no master: answered, $alpn");
        is(answer(connected($n, 'globex', $alpn)), '401 deny:no_match:',
           "no master: globex, $alpn");
    }

    fine($n, 'no master');
}


# 8. Loaded, but no directive of it is there; then one reload uses it.

{
    my $n = nginx(config => $without)->start;

    for my $alpn (@protocols) {
        my $c = connected($n, 'globex', $alpn);
        is(answer($c), '200 ', "unused: $alpn");
        is(answer($c), '200 ', "unused: kept alive, $alpn");
    }

    ok($n->reload(config('acme')), 'unused: now used');
    is(answer(connected($n, 'globex', 'h2')), '401 deny:no_match:',
       'unused: refuses now');
    ok($n->reload("log_format f \$clientcert_sha1; $without"),
       'unused: a variable only');
    is(answer(connected($n, 'globex', 'h2')), '200 ', 'unused: served again');
    fine($n, 'unused');
}

done_testing;
