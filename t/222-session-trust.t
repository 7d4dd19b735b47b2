# Covers what verified a chain and travels with the session: the callback of
# ngx_clientcert_trust_mark_sessions() and ngx_http_clientcert_trust_chain().
# One name can be two servers, by port, by address, before and after a reload,
# and OpenSSL asks the default server of a socket whether a session fits: here
# a server that rejects the handshake is that one for all sockets.
#
# From 1.29.2 on nginx chooses the server before OpenSSL looks at the session,
# so there it shakes hands anew.  That shows in "resumed", and each answer is
# compared with what is right for that.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use IO::Socket::IP;

my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
my ($major, $minor, $patch) = `$nginx -V 2>&1` =~ m{/(\d+)\.(\d+)\.(\d+)};
my $resumes = $major * 1e6 + $minor * 1e3 + $patch < 1029002;

my $ca_a = 'ssl_client_certificate %%CERTS%%/ca-a.crt;
            ssl_verify_client optional_no_ca;';
my $ca_b = 'ssl_client_certificate %%CERTS%%/ca-b.crt;
            ssl_verify_client optional_no_ca;';
my $on_b = 'ssl_client_certificate %%CERTS%%/ca-b.crt;
            ssl_verify_client on;';
my $off = 'ssl_verify_client off;';

# "none" is what nginx does without a word, "key" what many instances share
my %kinds = (
    none  => '',
    key   => 'ssl_session_ticket_key %%PREFIX%%/ticket.key;',
    cache => 'ssl_session_tickets off;
              ssl_session_cache shared:sessions:1m;',
);

my %addr = (v4 => '127.0.0.1', other => '127.0.0.2', v6 => '::1');

sub listens {
    my ($place, @more) = @_;
    my ($where, $port) = split '/', $place;
    my $addr = $addr{$where} =~ /:/ ? "[$addr{$where}]" : $addr{$where};
    return "listen $addr:%%PORT_$port%% ssl @more;";
}

# Servers: [ place, names, settings ], and the sessions they all have.
sub config {
    my ($kind, @servers) = @_;
    my $acme = sha1('acme');
    my %places = map { $_->[0] => 1 } @servers;
    my $defaults = join "\n", map { listens($_, 'default_server') }
                   sort keys %places;

    return <<"END_POLICIES" . join '', map { <<"END_SERVER" } @servers;
    clientcert_policy verified { allow verified; }
    clientcert_policy chain { trust chain; allow thumbprint=$acme; }
    clientcert_policy pin { allow thumbprint=$acme; }

    ssl_certificate %%CERTS%%/server.crt;
    ssl_certificate_key %%CERTS%%/server.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    $kinds{$kind}
    add_header X-Verdict "\$clientcert_reason" always;

    server { $defaults ssl_reject_handshake on; }
END_POLICIES
    server {
        @{[ listens($_->[0], 'http2') ]}
        server_name $_->[1];
        $_->[2]
        location /verified { clientcert_require verified; empty_gif; }
        location /chain { clientcert_require chain; empty_gif; }
        location /pin { clientcert_require pin; empty_gif; }
    }
END_SERVER
}

my $n;

sub started {
    my (@config) = @_;
    $n = nginx(config => config(@config));
    $n->write('ticket.key', 'k' x 80);
    return $n->start;
}

sub connected {
    my ($place, $name, %how) = @_;
    my ($where, $port) = split '/', $place;
    my $from = delete $how{nginx} // $n;
    return client(cert => 'acme', %how, sni => $name, addr => $addr{$where},
                  port => $from->port($port));
}

# nginx's own answers have no verdict, and end the connection.
sub answers {
    my ($c, $host) = @_;
    my %got;

    for my $path (qw(/verified /chain /pin)) {
        my $r = $c->get($path, host => $host);
        my $verdict = $r->{headers}{'x-verdict'} // '';
        return same($r->{status} // 'none') if $verdict eq '';
        $got{$path} = "$r->{status} $verdict";
    }

    return \%got;
}

sub same {
    my ($answer) = @_;
    return { map { $_ => $answer } qw(/verified /chain /pin) };
}

my $ok = same('200 ok');
my $none = same('401 no_certificate');
my %refused = ('/verified' => '401 untrusted', '/chain' => '401 untrusted',
               '/pin' => '200 ok');
my %elsewhere = ('/verified' => '421 misdirected',
                 '/chain' => '421 misdirected', '/pin' => '200 ok');

# What is right by whether the session was taken.
sub right {
    my ($name, $c, $host, $resumed, $fresh) = @_;
    my ($how, $wanted) = $c->resumed ? ('resumed', $resumed)
                                     : ('fresh', $fresh);
    is_deeply(answers($c, $host), $wanted, "$name, $how");
}

# The same with the session of another name, which some versions of nginx
# refuse by themselves: by an alert, or by a 421 in TLS 1.2, where OpenSSL
# tells them the old name.
sub right_unless_refused {
    my ($name, $c, $host, @wanted) = @_;
    my $got = answers($c, $host);

    if ($got->{'/pin'} =~ /^(?:none|421)$/) {
        pass("$name, refused by nginx");
        return;
    }

    is_deeply($got, $wanted[$c->resumed ? 0 : 1], $name);
}

my @protocols = (map { my $v = $_; map { [ $v, $_ ] } sort keys %kinds }
                 'TLSv1_2', 'TLSv1_3');


# 1. One name, two servers: at two ports, two addresses, IPv4 and IPv6.

my @places = ('v4/two', 'other/one');
push @places, 'v6/one'
    if IO::Socket::IP->new(LocalHost => $addr{v6}, Listen => 1);

for my $to (@places) {
    for my $kind (sort keys %kinds) {
        my $from = 'v4/one';

        started($kind, [ $from, 'api.test', $ca_a ], [ $to, 'api.test', $ca_b ],
                [ $to, 'only.test', $ca_b ], [ $to, 'on.test', $on_b ],
                [ $from, 'on.test', $ca_a ], [ $to, 'same.test', $ca_a ],
                [ $to, 'off.test', $off ]);

        for my $version ('TLSv1_2', 'TLSv1_3') {
            for my $alpn ('http/1.1', 'h2') {
                move($from, $to, "$from to $to, $version, $kind, $alpn",
                     version => $version, alpn => $alpn);
            }
        }

        fine("$from to $to, $kind");
    }
}

sub move {
    my ($from, $to, $name, %how) = @_;

    # a new one each time: TLS 1.3 takes those in a cache once
    my $session = sub {
        my ($host) = @_;
        my $c = connected($from, $host, %how);
        is_deeply(answers($c, $host), $ok, "$name, $host, verified");
        return $c->session;
    };

    my $c = connected($to, 'api.test', %how);
    is_deeply(answers($c, 'api.test'), \%refused, "$name, no session");

    $c = connected($to, 'api.test', %how, session => $session->('api.test'));
    is($c->resumed, 1, "$name, resumed") if $resumes;
    right($name, $c, 'api.test', \%elsewhere, \%refused);

    # a ticket that the second server gave, for that session or for its own
    my ($there, $back) = $c->resumed ? (\%elsewhere, $ok)
                                     : (\%refused, \%elsewhere);
    $c = connected($to, 'api.test', %how, session => $c->session);
    right("$name, renewed", $c, 'api.test', $there, \%refused);

    $c = connected($from, 'api.test', %how, session => $c->session);
    right("$name, renewed and back", $c, 'api.test', $back, $ok);

    $c = connected($to, 'on.test', %how, session => $session->('on.test'));
    is($c->resumed, 1, "$name, ssl_verify_client on, resumed") if $resumes;
    right("$name, ssl_verify_client on", $c, 'on.test', \%elsewhere,
          same('400'));

    $c = connected($to, 'only.test', %how, session => $session->('api.test'));
    right_unless_refused("$name, a name of the second only", $c, 'only.test',
                         \%elsewhere, \%refused);

    $c = connected($to, 'same.test', %how, session => $session->('api.test'));
    right_unless_refused("$name, the same trust", $c, 'same.test', $ok, $ok);

    # in TLS 1.2 it is a connection to api.test, which asks for one
    $c = connected($to, 'off.test', %how, session => $session->('api.test'));
    right_unless_refused("$name, no certificate asked for", $c, 'off.test',
                         $how{version} eq 'TLSv1_2' ? \%elsewhere : $none,
                         $none);
}

sub fine {
    my ($name) = @_;
    is($n->stop, 0, "$name: nginx ended well");
    is_deeply([ $n->alerts ], [], "$name: nothing alarming in the log");
}


# 2. Names that move to another server by a reload, and servers that change.

my $twin = 'ssl_client_certificate %%CERTS%%/ca-a.crt;
            ssl_trusted_certificate %%CERTS%%/ca-b.crt;
            ssl_verify_client optional_no_ca;';
my $crl = "$ca_a ssl_crl %%CERTS%%/crl-a.pem;";
my $newer = "$ca_a ssl_crl %%CERTS%%/crl-a-globex.pem;";
my $deep = "$ca_a ssl_verify_depth 3;";
my $level = "$ca_a ssl_ciphers HIGH:!aNULL:\@SECLEVEL=1;";
my $ocsp = 'ssl_client_certificate %%CERTS%%/ca-a.crt;
            ssl_verify_client optional; ssl_ocsp leaf;
            ssl_ocsp_responder http://127.0.0.1:%%PORT_nobody%%/;';

# a.test's and b.test's settings before, whether they change places, or
# a.test's after; whether a.test may be resumed; what it then answers anew
my @changes = (
    [ 'names changed places', $ca_a, $ca_b, undef, 1, \%refused ],
    [ 'names with CRLs changed places', $crl, $newer, undef, 1, $ok ],
    [ 'names with depths changed places', $ca_a, $deep, undef, 1, $ok ],
    [ 'names with security levels changed places', $ca_a, $level, undef, 1,
      $ok ],
    [ 'names with OCSP changed places', $ca_a, $ocsp, undef, 1,
      same('400') ],
    [ 'nothing changed', $ca_a, $ca_b, $ca_a, 1, $ok ],
    [ 'a CA more', $ca_a, $ca_b, $twin, 0, $ok ],
    [ 'the CRL of today', $crl, $ca_b, $newer, 0, $ok ],
    [ 'a security level', $ca_a, $ca_b, $level, 0, $ok ],
    [ 'no certificate', $ca_a, $ca_b, $off, 0, $none ],
);

started('key', [ 'v4/one', 'a.test', $ca_a ]);

for (@changes) {
    my ($what, $one, $two, $after, $may, $fresh) = @$_;

    for (@protocols) {
        my ($version, $kind) = @$_;
        next if $kind eq 'none';

        my %how = (version => $version);
        my $name = "$what, $version, $kind";

        $n->reload(config($kind, [ 'v4/one', 'a.test', $one ],
                          [ 'v4/one', 'b.test', $two ]));
        my $c = connected('v4/one', 'a.test', %how);
        right("$name, before", $c, 'a.test', $ok, $ok);
        my $session = $c->session;

        $n->reload(config($kind, defined $after
            ? ([ 'v4/one', 'a.test', $after ], [ 'v4/one', 'b.test', $two ])
            : ([ 'v4/one', 'b.test', $one ], [ 'v4/one', 'a.test', $two ])));

        # twice: with what the client keeps of its first attempt
        for my $time ('after', 'again') {
            $c = connected('v4/one', 'a.test', %how, session => $session);
            my $resumed = !$may ? {} : $what eq 'nothing changed' ? $ok
                        : $what =~ /OCSP/ ? same('400') : \%elsewhere;
            is($c->resumed, 0, "$name, $time, not resumed") if !$may;
            right("$name, $time", $c, 'a.test', $resumed, $fresh)
                if $time eq 'after' || $may;
        }
    }
}

fine('reloads');


# 3. Two instances with one ticket key, one set of servers, other names.

my $first = started('key', [ 'v4/one', 'a.test', $ca_a ],
                    [ 'v4/one', 'b.test', $ca_b ]);
my $second = started('key', [ 'v4/one', 'b.test', $ca_a ],
                     [ 'v4/one', 'a.test', $ca_b ]);

for my $version ('TLSv1_2', 'TLSv1_3') {
    my %how = (version => $version);
    my $c = connected('v4/one', 'a.test', %how, nginx => $first);
    is_deeply(answers($c, 'a.test'), $ok, "$version, first instance");

    my $again = connected('v4/one', 'a.test', %how, session => $c->session);
    is($again->resumed, 1, "$version, at the second, resumed") if $resumes;
    right("$version, at the second", $again, 'a.test', \%elsewhere,
          \%refused);
}

fine('second instance');
$n = $first;
fine('first instance');


# 4. Names by a wildcard have one trust, and their sessions count.

started('cache', [ 'v4/one', '*.wild.test', $ca_a ],
        [ 'v4/one', 'off.test', $off ]);

for my $version ('TLSv1_2', 'TLSv1_3') {
    my %how = (version => $version);
    my $c = connected('v4/one', 'x.wild.test', %how);
    is_deeply(answers($c, 'x.wild.test'), $ok, "$version, a wildcard");

    my $again = connected('v4/one', 'y.wild.test', %how,
                          session => $c->session);
    right_unless_refused("$version, another name of it", $again,
                         'y.wild.test', $ok, $ok);

    # what was asked of nobody is brought by no session
    my $off = connected('v4/one', 'off.test', %how);
    is_deeply(answers($off, 'off.test'), $none, "$version, off");
    $again = connected('v4/one', 'x.wild.test', %how,
                       session => $off->session);
    right_unless_refused("$version, from off", $again, 'x.wild.test',
                         $none, $ok);
}

fine('wildcards');

done_testing;
