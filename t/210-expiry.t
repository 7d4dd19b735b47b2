# Covers "validity" in ngx_clientcert_policy_judge(): it is decided at every
# request by the clock.  nginx itself looks at the dates only in the handshake,
# where it answers 400, so the module's own answer shows on connections and
# sessions that outlive the certificate, and behind "error_page 495".

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use Time::HiRes ();

my $config = sub {
    my $soon = sha1('soon');

    my $server = <<'END_SERVER';
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        keepalive_requests 1000;
        add_header X-Verdict
         "$clientcert_result:$clientcert_reason:$clientcert_label" always;
        location /pinned { clientcert_require pinned; empty_gif; }
        location /verified { clientcert_require verified; empty_gif; }
        location /timeless { clientcert_require timeless; empty_gif; }
        location /denied { clientcert_require denied; empty_gif; }
        location /dry { clientcert_require dry; empty_gif; }
        location /off { empty_gif; }
END_SERVER

    return <<"END_CONFIG";
    clientcert_policy pinned { allow thumbprint=$soon label=soon; }
    clientcert_policy verified { allow verified; log_level warn; }
    clientcert_policy timeless {
        validity off;
        allow thumbprint=$soon label=for-ever;
    }
    clientcert_policy denied {
        validity off;
        allow verified;
        deny thumbprint=$soon;
    }
    clientcert_policy dry { dry_run on; allow thumbprint=$soon; }

    server {
        listen 127.0.0.1:%%PORT_ticket%% ssl http2;
        ssl_session_tickets on;
        $server
    }
    server {
        listen 127.0.0.1:%%PORT_cache%% ssl http2;
        ssl_session_cache shared:sessions:1m;
        ssl_session_tickets off;
        $server
    }
    server {
        listen 127.0.0.1:%%PORT_error%% ssl http2;
        $server
        error_page 495 = \@anyway;
        location \@anyway { clientcert_require pinned; empty_gif; }
    }
    server {
        listen 127.0.0.1:%%PORT_timeless%% ssl http2;
        $server
        error_page 495 = \@anyway;
        location \@anyway { clientcert_require timeless; empty_gif; }
    }
END_CONFIG
};

my @paths = qw(/pinned /verified /timeless /denied /dry /off);
my @before = ('200 allow:ok:soon', '200 allow:ok:', '200 allow:ok:for-ever',
              '401 deny:denied:', '200 allow:ok:', '200 ::');
my @after = ('401 deny:expired:', '401 deny:expired:', '200 allow:ok:for-ever',
             '401 deny:denied:', '200 deny:expired:', '200 ::');

sub answer {
    my $r = shift;
    return "none ($r->{error})" unless defined $r->{status};
    return "$r->{status} " . ($r->{headers}{'x-verdict'} // 'without verdict');
}

sub answers {
    my ($c) = @_;
    return [ map { answer($c->get($_)) } @paths ];
}

my ($n, %kept, %session, %client, $end, $first);

# Four seconds are enough for all handshakes unless the machine is busy.
for my $life (4, 15, 60) {
    $end = time + $life;
    make_cert(name => 'soon', not_after => $end);
    undef $_ for $n, $first;
    %kept = %session = ();
    $n = nginx(config => $config)->start;

    for my $version ('TLSv1_2', 'TLSv1_3') {
        for my $alpn ('http/1.1', 'h2') {
            for my $kind ('ticket', 'cache') {
                my $name = "$version, $alpn, $kind";
                my $c = client(cert => 'soon', port => $n->port($kind),
                               version => $version, alpn => $alpn);
                $first = $c->get('/pinned');
                $kept{$name} = $c;
                $session{$name} = $c->session;
                $client{$name} = [ cert => 'soon', port => $n->port($kind),
                                   version => $version, alpn => $alpn ];
            }
        }
    }

    $first = answers($kept{'TLSv1_3, http/1.1, ticket'});
    last if time < $end;
    diag("not ready in $life seconds, trying again");
}

is_deeply($first, \@before, 'before it expires');

# Not by sleeping until then, so that a refusal before its time is seen.  By
# the clock that nginx has: time() may lag behind it by a tick of the kernel.
my $c = $kept{'TLSv1_3, http/1.1, ticket'};
my ($sent, $last, $early) = (0, '', 0);

wait_for {
    $sent = time;
    $last = answer($c->get('/pinned'));
    $early++ if $last ne $before[0] && int(Time::HiRes::time()) <= $end;
    $last ne $before[0];
} 90, 'an expired certificate';

is($early, 0, 'valid in its last second');
is($last, $after[0], 'refused when it expires');
# nginx's clock may be a little late, by a pass of its event loop
cmp_ok($sent, '<=', $end + 2, 'without delay');

for my $name (sort keys %kept) {
    is_deeply(answers($kept{$name}), \@after, "kept alive, $name");

    my $resumed = client(@{ $client{$name} }, session => $session{$name});
    ok($resumed->resumed, "resumed, $name");
    is_deeply(answers($resumed), \@after, "resumed after it expired, $name");
    is_deeply(answers($resumed), \@after, "and kept alive, $name");
}

my $sha1 = sha1('soon');
like($n->error_log,
     qr/\[error\].*rejected by policy "pinned": expired, sha1=$sha1/i,
     'the log tells which and why');
like($n->error_log, qr/\[warn\].*rejected by policy "verified": expired/,
     'at the level of the policy');
like($n->error_log, qr/would be rejected by policy "dry": expired/,
     'the log tells of dry runs');

# A new handshake: nginx refuses before the module is asked ...
for my $cert ('soon', 'expired', 'notyet') {
    my $fresh = client(cert => $cert, port => $n->port('ticket'));
    my $r = $fresh->get('/timeless');
    is($r->{status}, 400, "nginx itself refuses $cert in the handshake");
}

# ... unless 495 leads to a location with a policy.
for my $test ([ 'error', 'soon', '401 deny:expired:' ],
              [ 'error', 'expired', '401 deny:expired:' ],
              [ 'error', 'notyet', '401 deny:not_yet_valid:' ],
              [ 'timeless', 'soon', '200 allow:ok:for-ever' ],
              [ 'timeless', 'expired', '401 deny:no_match:' ],
              [ 'timeless', 'notyet', '401 deny:no_match:' ]) {
    my ($port, $cert, $wanted) = @$test;

    for my $alpn ('http/1.1', 'h2') {
        my $fresh = client(cert => $cert, port => $n->port($port),
                           alpn => $alpn);
        is(answer($fresh->get('/')), $wanted,
           "$cert behind error_page 495, $port, $alpn");
    }
}

# idle HTTP/2 clients hold up the shutdown
%kept = ();
undef $c;

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
