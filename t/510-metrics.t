# Covers ngx_http_clientcert_metrics.c: the text is what Prometheus takes
# (t/lib/Metrics.pm looks, and promtool where it is installed), whatever names
# the configuration has; every series has its value; and no more of them than
# asked for.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use Metrics;

my $acme = sha1('acme');

sub config {
    my ($http, $status) = @_;
    return <<"END";
    $http
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        keepalive_requests 100000;
        location / { clientcert_require p; empty_gif; }
        location = /metrics { clientcert_status prometheus $status; }
    }
END
}

my $n;

sub scrape {
    my $r = client(port => $n->port('tls'))->get('/metrics' . (shift // ''));
    is($r->{status}, 200, 'an answer') or diag($r->{error} // $r->{raw});
    is_deeply([ wrong_in($r->{body}) ], [], 'nothing wrong with it');
    return metrics($r->{body});
}

sub fine {
    is($n->stop, 0, 'nginx ended well');
    is_deeply([ $n->alerts ], [], 'nothing alarming in the log');
}


# 1. What it tells of policies and rules, one by one.

make_cert(name => 'soon', ca => 'ca-a', ext => 'client',
          not_before => time - 86400, not_after => time + 10 * 86400);

$n = nginx(config => config(<<"END", 'rules'), workers => 2)->start;
    clientcert_policy p {
        trust chain;
        allow thumbprint=$acme label=acme;
        allow cn=soon label=soon;
        allow cn=nobody;
        deny cn=globex;
    }
    clientcert_policy unused { allow verified; dry_run on; }
END

my $before = time;
client(port => $n->port('tls'), cert => $_)->get('/')
    for qw(acme acme soon globex foreign inter);
client(port => $n->port('tls'))->get('/');
my $after = time;

my $m = scrape();

is(value($m, 'decisions_total', policy => 'p', reason => $_->[0]), $_->[1],
   "$_->[0] $_->[1]")
    for [ ok => 3 ], [ denied => 1 ], [ untrusted => 2 ],
        [ no_certificate => 1 ], [ no_match => 0 ], [ error => 0 ];

is(value($m, 'expiring_decisions_total', policy => 'p'), 1, 'one expires');
is(value($m, 'policy_info', policy => 'p', dry_run => 'off',
         trust => 'chain'), 1, 'a policy');
is(value($m, 'policy_info', policy => 'unused', dry_run => 'on',
         trust => 'pin'), 1, 'one in dry run');
is(value($m, 'policy_rules', policy => 'p', action => $_->[0]), $_->[1],
   "$_->[1] $_->[0]") for [ allow => 3 ], [ deny => 1 ];
is(value($m, 'policy_unused_rules', policy => 'p', action => $_->[0]),
   $_->[1], "$_->[1] unused $_->[0]") for [ allow => 1 ], [ deny => 0 ];
is(value($m, 'omitted_series'), 0, 'nothing left out');

my %rules = map { /rule_decisions_total\{policy="p",rule="([0-9a-f]{12})",
                   action="(\w+)",label="(\w*)"\}/x
                  ? ("$2 $3" => $m->{$_}) : () } keys %$m;

is_deeply(\%rules, { 'allow acme' => 2, 'allow soon' => 1, 'allow ' => 0,
                     'deny ' => 1 }, 'rules');

my @last = grep { /rule_last_decision_timestamp_seconds\{policy="p"/ }
           keys %$m;
is(scalar(@last), 3, 'rules that have decided');
ok(!(grep { $m->{$_} < $before || $m->{$_} > $after } @last), 'just now');

my $one = scrape('?policy=unused');
ok(!(grep { /policy="p"/ } keys %$one), 'one policy');
is(value($one, 'policy_info', policy => 'unused', dry_run => 'on',
         trust => 'pin'), 1, 'that was asked for');

my $r = client(port => $n->port('tls'))->get('/metrics?policy=none%22%01');
is($r->{status}, 404, 'one that there is not');
is($r->{headers}{'content-type'}, 'application/json', 'in JSON');
is($r->{body}, '{"format":1,"error":{"status":404,"code":"no_such_policy",'
               . '"text":"no such policy \"none\\\\x22\\\\x01\""}}' . "\n",
   'says which');
fine();


# 1a. What nginx refuses itself, by server.

sub counted_by_nginx {
    my ($server, $status) = @_;
    return value(scrape(), 'handshake_refusals_total', server => $server,
                 status => $status);
}

$n = nginx(config => <<'END', workers => 2)->start;
    clientcert_policy p { allow verified; }
    ssl_certificate %%CERTS%%/server.crt;
    ssl_certificate_key %%CERTS%%/server.key;
    ssl_client_certificate %%CERTS%%/ca-a.crt;
    server {
        listen 127.0.0.1:%%PORT_plain%% ssl default_server;
        listen 127.0.0.1:%%PORT_tls%% ssl default_server;
        location = /metrics { clientcert_status prometheus; }
    }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        server_name a.test other.test;
        ssl_verify_client on;
        location /p { clientcert_require p; empty_gif; }
        location / { empty_gif; }
    }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        server_name b.test;
        ssl_verify_client on;
        location / { empty_gif; }
    }
END

sub asked {
    my ($cert, $host) = @_;
    return client(port => $n->port('tls'), cert => $cert, sni => $host)
           ->get('/', host => $host)->{status};
}

is(asked('acme', 'a.test'), 200, 'nginx lets it in');
is(asked('foreign', 'a.test'), 400, 'a bad one') for 1 .. 3;
is(asked('expired', 'a.test'), 400, 'one that has expired');
is(asked(undef, 'a.test'), 400, 'none');
is(asked(undef, 'b.test'), 400, 'none, where no policy is required');
is(counted_by_nginx('a.test', 495), 4, 'bad ones are counted');
is(counted_by_nginx('a.test', 496), 1, 'and none');
is(counted_by_nginx('b.test', 496), undef, 'not where no policy is');
ok($n->reload, 'a reload');
is(counted_by_nginx('a.test', 495), 4, 'it goes on');
fine();


# 2. Names of all kinds.

my @names = ('a b', 'x\\\\y', 'q\\"q', "\xc3\xa4", "\xff\xfe", '{a=b}',
             '<script>', 'n' x 1000, 'a\\\\x22', '#', '%41');
my $policies = join '', map {
    my $label = /\xff/ ? 'l' : $_;
    "clientcert_policy \"$_\" { allow \"cn=$_ x\" \"label=$label\"; }\n"
} @names;

$n = nginx(config => config($policies . 'clientcert_policy p {
    allow verified; }', 'rules'))->start;
$m = scrape();
my @infos = grep { /^nginx_clientcert_policy_info/ } keys %$m;
is(scalar(@infos), @names + 1, 'all policies');
fine();


# 3. More rules than are asked for, and than are looked at.

sub lines {
    my $count = shift;
    return "clientcert_policy p {\n"
           . join('', map { "allow cn=client-$_ label=c$_;\n" } 1 .. $count)
           . "allow cn=acme label=acme; }\n";
}

$n = nginx(config => config('clientcert_status_zone size=8m;' . lines(50),
                            'rules max=10'))->start;
client(port => $n->port('tls'), cert => 'acme')->get('/');
$m = scrape();
is(scalar(grep { /rule_decisions_total/ } keys %$m), 10, 'ten rules');
is(scalar(grep { /rule_decisions_total.*label="acme"/ && $m->{$_} == 1 }
               keys %$m), 1, 'and that which has decided is one of them');
is(value($m, 'omitted_series'), 41, 'the others are left out');

ok($n->reload(config('clientcert_status_zone size=8m;' . lines(30_000),
                     'rules')), '30,001 rules');
$m = scrape();
is(scalar(grep { /rule_decisions_total/ } keys %$m), 1000, '1000 rules');
is(value($m, 'policy_rules', policy => 'p', action => 'allow'), 30_001,
   'the policy has all');
is(value($m, 'policy_unused_rules', policy => 'p', action => 'allow'), undef,
   'they are too many to look at');
is(value($m, 'omitted_series'), 29_001 + 1, 'which is counted');
fine();

done_testing;
