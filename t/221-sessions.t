# Covers what a resumed session may bring along: ngx_http_clientcert_trust_chain()
# with sessions that were made under another server name, and
# ngx_clientcert_trust_bind_sessions() with sessions from before a reload that
# changed what is trusted.  A session carries its old verify result, which
# nginx and OpenSSL take over: they compare the names of the announced CAs, but
# not CRLs, other trusted certificates, depth or OCSP.  What the session itself
# tells of its trust is in 222-session-trust.t.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;

# Each a line of the configuration, which a reload may change.
my %settings = (
    allow   => 'allow thumbprint=%%GLOBEX%%;',
    client  => 'ssl_client_certificate %%CERTS%%/ca-a.crt;',
    trusted => '',
    crl     => '',
    depth   => '',
    ocsp    => '',
    second  => '',
    header  => '',
);

sub config {
    my %s = (%settings, @_);
    my ($acme, $globex) = map { sha1($_) } 'acme', 'globex';
    $s{allow} =~ s/%%GLOBEX%%/$globex/;

    # nginx has no OCSP together with optional_no_ca
    my $verify = $s{ocsp} ? 'optional' : 'optional_no_ca';

    my $trust = "$s{client} $s{trusted} $s{crl} $s{depth} $s{ocsp}
                 ssl_verify_client $verify;";
    my $common = <<'END_COMMON';
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        add_header X-Verdict
            "$server_name $clientcert_result:$clientcert_reason" always;
        location /verified { clientcert_require verified; empty_gif; }
        location /pin { clientcert_require pin; empty_gif; }
END_COMMON

    my @servers = (
        [ a      => $trust . $s{header} ],
        [ same   => $trust ],
        [ b      => 'ssl_client_certificate %%CERTS%%/ca-b.crt;
                     ssl_verify_client optional_no_ca;' ],
        [ second => 'ssl_client_certificate %%CERTS%%/ca-a.crt;
                     ssl_verify_client optional_no_ca;' . $s{second} ],
    );

    my %sessions = (
        ticket => 'ssl_session_ticket_key %%PREFIX%%/ticket.key;',
        cache  => 'ssl_session_tickets off;
                   ssl_session_cache shared:sessions:1m;',
    );

    my $text = "clientcert_policy verified { allow verified; }
                clientcert_policy pin { allow thumbprint=$acme; $s{allow} }";

    for my $kind (sort keys %sessions) {
        for (@servers) {
            my ($name, $ssl) = @$_;
            $text .= <<"END_SERVER";
    server {
        listen 127.0.0.1:%%PORT_$kind%% ssl http2;
        server_name $name.test;
        $sessions{$kind}
        $ssl
        $common
    }
END_SERVER
        }
    }

    return $text;
}

my $n = nginx(config => config());
$n->write('ticket.key', join '', map { chr int rand 256 } 1 .. 80);
$n->start;

my @kinds = map { my $v = $_; map { [ $v, $_ ] } 'ticket', 'cache' }
            'TLSv1_2', 'TLSv1_3';

sub answer {
    my ($c, $path, $host) = @_;
    my $r = $c->get($path, host => $host);
    return 'none' unless defined $r->{status};
    return "$r->{status} " . ($r->{headers}{'x-verdict'} // '');
}


# 1. Other names.  What nginx makes of it depends on its version and on that of
# TLS: it goes on, answers 421 itself or breaks off the handshake.

my @names = (undef, 'unknown.test', 'a.test', 'same.test', 'b.test');
my @hosts = ('a.test', 'same.test', 'b.test');

for (@kinds) {
    my ($version, $kind) = @$_;

    for my $cert ('acme', 'foreign') {
        my %how = (cert => $cert, version => $version, alpn => 'h2',
                   port => $n->port($kind));

        for my $from (@names) {
            my $fresh = client(%how, sni => $from);
            my $own = $from && $from ne 'unknown.test' ? $from : 'a.test';
            my $before = answer($fresh, '/verified', $own);
            my $session = $fresh->session;
            my $name = "$cert, $version, $kind, session of "
                     . ($from // 'no name');

            is($before, trusts($own, $cert) ? "200 $own allow:ok"
                                            : "401 $own deny:untrusted",
               "$name, fresh");

            my $again = client(%how, sni => $from, session => $session);
            is($again->resumed, 1, "$name, resumed");
            is(answer($again, '/verified', $own), $before,
               "$name, the same answer");

            for my $to (grep { ($_ // '') ne ($from // '') } @names) {
                my $c = client(%how, sni => $to, session => $session);
                my %wrong;

                for my $host (@hosts) {
                    my $verified = answer($c, '/verified', $host);
                    my $pin = answer($c, '/pin', $host);

                    $wrong{"$host/verified"} = $verified
                        unless nginx_refused($verified)
                            || $verified eq "421 $host deny:misdirected"
                            || $verified eq "401 $host deny:untrusted"
                            || $verified eq "200 $host allow:ok"
                               && trusts($host, $cert);

                    $wrong{"$host/pin"} = $pin
                        unless nginx_refused($pin)
                            || $pin eq ($cert eq 'acme'
                                        ? "200 $host allow:ok"
                                        : "401 $host deny:no_match");
                }

                is_deeply(\%wrong, {}, "$name, now " . ($to // 'no name'));
            }
        }
    }
}

sub trusts {
    my ($host, $cert) = @_;
    return ($host eq 'b.test') == ($cert eq 'foreign');
}

sub nginx_refused { $_[0] eq 'none' || $_[0] =~ /^421 .* :$/ }


# 2. Other trust.  Sessions of before the reload are offered after it.

# a CA with the name of ca-a but another key
my $twin = $n->path('twin.crt');
system("openssl req -x509 -new -key '" . cert_file('foreign', 'key')
       . "' -subj /O=Example/CN=ca-a -days 2 -out '$twin' 2>/dev/null") == 0
    or die "openssl req failed\n";

my $revokes_none = 'ssl_crl %%CERTS%%/crl-a.pem;';
my $revokes_globex = 'ssl_crl %%CERTS%%/crl-a-globex.pem;';
my $second = { cert => 'globex', sni => 'second.test' };

mkdir $n->path('hashed');
system('cp', cert_file('ca-a', 'crt'), $n->path('hashed/ca.pem')) == 0
    && system('openssl', 'rehash', $n->path('hashed')) == 0
    or die "openssl rehash failed\n";

# before, after, whether it may still be resumed; client, answers of /verified
# and of /pin to it
my @changes = (
    [ 'nothing changed', {}, {}, 1,
      {}, '200 a.test allow:ok', '200 a.test allow:ok' ],
    [ 'another header', {}, { header => 'add_header X-New 1;' }, 1,
      $second, '200 second.test allow:ok', '200 second.test allow:ok' ],
    [ 'a thumbprint less', {}, { allow => '' }, 1,
      {}, '200 a.test allow:ok', '401 a.test deny:no_match' ],
    [ 'a CRL added', {}, { crl => $revokes_globex }, 0,
      {}, '400', '400' ],
    [ 'a CRL updated', { crl => $revokes_none }, { crl => $revokes_globex }, 0,
      {}, '400', '400' ],
    [ 'a CRL added that revokes none', {}, { crl => $revokes_none }, 0,
      {}, '200 a.test allow:ok', '200 a.test allow:ok' ],
    [ 'the CRL of a second server', {}, { second => $revokes_globex }, 0,
      $second, '400', '400' ],
    [ 'a trusted certificate less',
      { trusted => 'ssl_trusted_certificate %%CERTS%%/ca-b.crt;' }, {}, 0,
      { cert => 'foreign' },
      '401 a.test deny:untrusted', '401 a.test deny:no_match' ],
    [ 'a CA of the same name', {},
      { client => "ssl_client_certificate $twin;" }, 0,
      {}, qr/^40[01]/, qr/^(?:400|200 a.test allow:ok)/ ],
    [ 'what is in a directory', ({
          trusted => 'ssl_conf_command VerifyCAPath %%PREFIX%%/hashed;'
      }) x 2, 0,
      {}, '200 a.test allow:ok', '200 a.test allow:ok' ],
    [ 'a security level', {},
      { trusted => 'ssl_ciphers HIGH:!aNULL:@SECLEVEL=1;' }, 0,
      {}, '200 a.test allow:ok', '200 a.test allow:ok' ],
    [ 'a smaller depth', {}, { depth => 'ssl_verify_depth 0;' }, 0,
      { cert => 'inter', chain => 'inter-chain.crt' },
      qr/^40[01]/, qr/^40[01]/ ],
    [ 'OCSP asked for', {}, { ocsp => 'ssl_ocsp leaf;
        ssl_ocsp_responder http://127.0.0.1:%%PORT_nobody%%/;' }, 0,
      {}, '400', '400' ],
);

for (@changes) {
    my ($what, $before, $after, $resumed, $client, @wanted) = @$_;
    my %session;

    ok($n->reload(config(%$before)), "$what: configuration before");

    for (@kinds) {
        my ($version, $kind) = @$_;
        my $host = $client->{sni} // 'a.test';
        my $c = client(cert => 'globex', sni => $host, %$client,
                       version => $version, port => $n->port($kind));
        is(answer($c, '/verified', $host), "200 $host allow:ok",
           "$what: verified before, $version, $kind");
        $session{"$version $kind"} = $c->session;
    }

    ok($n->reload(config(%$after)), "$what: configuration after");

    for (@kinds) {
        my ($version, $kind) = @$_;
        my $host = $client->{sni} // 'a.test';

        for my $path ('/verified', '/pin') {
            my $c = client(cert => 'globex', sni => $host, %$client,
                           version => $version, port => $n->port($kind),
                           session => $session{"$version $kind"});
            my $name = "$what: $path, $version, $kind";
            my $wanted = $path eq '/pin' ? $wanted[1] : $wanted[0];
            $wanted = qr/^\Q$wanted\E/ unless ref $wanted;

            is($c->resumed, $resumed, "$name, resumed");
            like(answer($c, $path, $host), $wanted, "$name, answer");
        }

        # what is new can be resumed again
        my $c = client(cert => 'acme', sni => $host, version => $version,
                       port => $n->port($kind));
        my $fresh = answer($c, '/verified', $host);
        $c = client(cert => 'acme', sni => $host, version => $version,
                    port => $n->port($kind), session => $c->session);
        is(answer($c, '/verified', $host), $fresh,
           "$what: the same answer to a new session, $version, $kind");
        is($c->resumed, 1, "$what: a new session resumed, $version, $kind")
            unless $fresh =~ /^400/;
    }
}

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
