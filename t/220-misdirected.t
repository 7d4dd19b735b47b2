# Covers rule 3 of the module, "verified means verified here":
# ngx_clientcert_trust.c and ngx_http_clientcert_trust_chain().  Without SNI, or
# with an unknown one, a request reaches any server by its Host, and nginx then
# reports the default server's verdict there.  All servers stand on one port,
# each but the first few with another kind of difference in what they trust.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;

my %servers = (
    # the same trust as the default server
    'a'       => 'ssl_client_certificate %%CERTS%%/ca-a.crt;',
    'same'    => 'ssl_client_certificate %%CERTS%%/ca-a.crt;',
    'on'      => 'ssl_client_certificate %%CERTS%%/ca-a.crt;
                  ssl_verify_client on;',
    # another
    'b'       => 'ssl_client_certificate %%CERTS%%/ca-b.crt;',
    'two'     => 'ssl_client_certificate %%PREFIX%%/two.crt;',
    'trusted' => 'ssl_client_certificate %%CERTS%%/ca-a.crt;
                  ssl_trusted_certificate %%CERTS%%/ca-b.crt;',
    'crl'     => 'ssl_client_certificate %%CERTS%%/ca-a.crt;
                  ssl_crl %%CERTS%%/crl-a.pem;',
    'depth'   => 'ssl_client_certificate %%CERTS%%/ca-a.crt;
                  ssl_verify_depth 3;',
    'ocsp'    => 'ssl_client_certificate %%CERTS%%/ca-a.crt;
                  ssl_verify_client optional; ssl_ocsp on;
                  ssl_ocsp_responder http://127.0.0.1:%%PORT_ocsp%%/;',
    'conf'    => 'ssl_client_certificate %%CERTS%%/ca-a.crt;
                  ssl_conf_command VerifyCAFile %%CERTS%%/ca-b.crt;',
    'file'    => 'ssl_client_certificate %%CERTS%%/ca-a.crt;
                  ssl_conf_command VerifyCAFile %%CERTS%%/ca-a.crt;',
    'path'    => 'ssl_client_certificate %%CERTS%%/ca-a.crt;
                  ssl_conf_command verifycapath %%PREFIX%%/hashed;',
    'uri'     => 'ssl_client_certificate %%CERTS%%/ca-a.crt;
                  ssl_conf_command VerifyCAStore %%PREFIX%%/hashed;',
    'level'   => 'ssl_client_certificate %%CERTS%%/ca-a.crt;
                  ssl_ciphers HIGH:!aNULL:@SECLEVEL=1;',
    'aux'     => 'ssl_trusted_certificate %%PREFIX%%/aux.crt;',
    # none
    'off'     => 'ssl_verify_client off;',
);

my @same = qw(same on);
my @other = qw(b two trusted crl depth ocsp conf file path uri level aux off
               bare);

# each twice on a port of its own: are two that look the same the same?
my @twins = qw(file level aux path uri);
my %same_as_twin = map { $_ => 1 } qw(file level aux);

sub server_block {
    my ($name, $ssl, $port) = @_;
    $ssl .= "\nssl_verify_client optional_no_ca;"
        unless $ssl =~ /ssl_verify_client/;
    my $default = $name =~ /^(?:a|none|earlier|one)$/ ? ' default_server' : '';

    return <<"END_SERVER";
    server {
        listen 127.0.0.1:%%PORT_$port%% ssl http2$default;
        server_name $name.test;
        $ssl
        include %%PREFIX%%/locations;
    }
END_SERVER
}

my $certificate = 'ssl_certificate %%CERTS%%/server.crt;
                   ssl_certificate_key %%CERTS%%/server.key;';

my $config = sub {
    my ($n) = @_;
    my ($acme, $globex) = (sha1('acme'), sha256('globex'));

    $n->write('two.crt', slurp(cert_file('ca-a', 'crt'))
                         . slurp(cert_file('ca-b', 'crt')));

    # the same CA, but not for e-mail
    my $aux = $n->path('aux.crt');
    system('openssl', 'x509', '-in', cert_file('ca-a', 'crt'), '-trustout',
           '-addreject', 'emailProtection', '-out', $aux) == 0
        or die "openssl x509 failed\n";

    mkdir $n->path('hashed');
    $n->write('hashed/ca.pem', slurp(cert_file('ca-a', 'crt')));
    system('openssl', 'rehash', $n->path('hashed')) == 0
        or die "openssl rehash failed\n";

    $n->write('locations', <<'END_LOCATIONS');
        add_header X-Verdict
            "$server_name $clientcert_result:$clientcert_reason" always;
        location /verified { clientcert_require verified; empty_gif; }
        location /pin { clientcert_require pin; empty_gif; }
        location /either { clientcert_require either; empty_gif; }
        location /both { clientcert_require both; empty_gif; }
        location /chain { clientcert_require chain; empty_gif; }
        location /other { clientcert_require other; empty_gif; }
        location /denied { clientcert_require denied; empty_gif; }
        location /unless { clientcert_require unless; empty_gif; }
        location /reject { clientcert_require reject; empty_gif; }
        location /dry { clientcert_require dry; empty_gif; }
END_LOCATIONS

    return <<"END_POLICIES"
    clientcert_policy verified { allow verified; }
    clientcert_policy pin { allow thumbprint=$acme; }
    clientcert_policy either { allow thumbprint=$acme; allow verified; }
    clientcert_policy both { allow thumbprint=$acme verified; }
    clientcert_policy chain { trust chain; allow thumbprint=$acme; }
    clientcert_policy other { allow thumbprint=$globex; }
    clientcert_policy denied { allow verified; deny thumbprint=$acme; }
    clientcert_policy unless { deny verified; allow thumbprint=$acme; }
    clientcert_policy reject { allow verified; reject 403 Forbidden; }
    clientcert_policy dry { allow verified; dry_run on; }
    ssl_protocols TLSv1.2 TLSv1.3;
    keepalive_requests 1000;
END_POLICIES
        # no ssl_certificate, so this server has no TLS settings of its own
        . server_block('bare', 'ssl_verify_client off;', 'all')
        . join('', map { server_block($_, $certificate . $servers{$_}, 'all') }
               sort keys %servers)
        . server_block('none', "$certificate ssl_verify_client off;", 'none')
        . server_block('b', $certificate . $servers{b}, 'none')
        . server_block('earlier', $certificate . $servers{crl}, 'crl')
        . server_block('later', "$certificate
                           ssl_client_certificate %%CERTS%%/ca-a.crt;
                           ssl_crl %%CERTS%%/crl-a-globex.pem;", 'crl')
        . join('', map { my $kind = $_; map {
              server_block($_, $certificate . $servers{$kind}, $kind) }
              'one', 'other' } @twins);
};

my $n = nginx(config => $config)->start;

# Answers by whether the chain of acme counts at the server.
my %verified = (
    '/verified' => '200 allow:ok',       '/pin'    => '200 allow:ok',
    '/either'   => '200 allow:ok',       '/both'   => '200 allow:ok',
    '/chain'    => '200 allow:ok',       '/other'  => '401 deny:no_match',
    '/denied'   => '401 deny:denied',    '/reject' => '200 allow:ok',
    '/dry'      => '200 allow:ok',       '/unless' => '401 deny:denied',
);
my %misdirected = (
    %verified,
    '/verified' => '421 deny:misdirected', '/both' => '421 deny:misdirected',
    '/chain'    => '421 deny:misdirected', '/reject' => '421 deny:misdirected',
    '/dry'      => '200 deny:misdirected',
);
my %untrusted = (
    %verified,
    '/verified' => '401 deny:untrusted',   '/both' => '401 deny:untrusted',
    '/chain'    => '401 deny:untrusted',   '/reject' => '403 deny:untrusted',
    '/dry'      => '200 deny:untrusted',   '/unless' => '200 allow:ok',
);

# The same for foreign, which no policy pins.
sub foreign {
    my ($wanted) = @_;
    my %of = %$wanted;
    $of{$_} = $of{'/verified'} for '/either', '/denied';
    $of{$_} = '401 deny:no_match' for '/pin', '/other';
    $of{'/unless'} = '401 deny:no_match' if $of{'/unless'} =~ /allow/;
    $of{'/both'} = $of{'/verified'} =~ /allow/ ? '401 deny:no_match'
                                               : $of{'/verified'};
    $of{'/chain'} = '401 deny:no_match' if $of{'/chain'} =~ /allow/;
    return \%of;
}

for my $version ('TLSv1_2', 'TLSv1_3') {
    for my $alpn ('http/1.1', 'h2') {
        my %how = (version => $version, alpn => $alpn,
                   port => $n->port('all'));
        my $name = "$version, $alpn";

        for my $sni (undef, 'unknown.test', 'a.test') {
            my $c = client(%how, cert => 'acme', sni => $sni);
            my $by = "$name, " . ($sni // 'no') . ' SNI';

            # SNI that names another server is nginx's own business, it
            # answers 421 whatever the policy; not where none is verified
            my @hosts = ('a', $sni && $sni eq 'a.test' ? () : @same);
            my @others = $sni && $sni eq 'a.test' ? qw(off bare) : @other;

            hosts("$by: verified", $c, \%verified, @hosts);
            hosts("$by: misdirected", $c, \%misdirected, @others);

            # back and forth on the same connection, in one policy
            hosts("$by: verified again", $c, \%verified, @hosts);
        }

        my $c;

        for my $host ('same', grep { !/off|bare/ } @other) {
            $c = client(%how, cert => 'acme', sni => 'a.test');
            my $r = $c->get('/verified', host => "$host.test");
            is($r->{status}, 421, "$name, another SNI, $host");
        }

        # each by its own name
        for my $host (qw(same two trusted crl depth file path uri level aux)) {
            $c = client(%how, cert => 'acme', sni => "$host.test");
            hosts("$name, its own SNI", $c, \%verified, $host);
        }

        for my $host (qw(b conf)) {
            $c = client(%how, cert => 'acme', sni => "$host.test");
            hosts("$name, its own SNI", $c, \%untrusted, $host);
        }

        for my $host (qw(b two trusted conf)) {
            $c = client(%how, cert => 'foreign', sni => "$host.test");
            hosts("$name, foreign and SNI", $c, foreign(\%verified), $host);
        }

        # unverified by the default server, which says nothing of server b
        $c = client(%how, cert => 'foreign', sni => undef);
        hosts("$name, foreign without SNI", $c, foreign(\%misdirected), 'b');
        hosts("$name, foreign without SNI", $c, foreign(\%untrusted), 'a');

        # nobody asked this one for a certificate
        $c = client(%how, cert => 'foreign', sni => undef,
                    port => $n->port('none'));
        is(answer($c, 'b.test', '/verified'), 'b.test 401 deny:no_certificate',
           "$name, not asked for a certificate");

        # nobody knows what is in a directory or behind a URI
        for my $kind (@twins) {
            $c = client(%how, cert => 'acme', sni => undef,
                        port => $n->port($kind));
            hosts("$name, twins of $kind", $c, \%verified, 'one');
            hosts("$name, twins of $kind", $c,
                  $same_as_twin{$kind} ? \%verified : \%misdirected,
                  'other');
        }

        # two servers with a CRL each, of which one revokes it
        $c = client(%how, cert => 'globex', sni => undef,
                    port => $n->port('crl'));
        is(answer($c, 'earlier.test', '/verified'),
           'earlier.test 200 allow:ok', "$name, not revoked yet");
        is(answer($c, 'later.test', '/verified'),
           'later.test 421 deny:misdirected', "$name, revoked meanwhile");
    }
}

like($n->error_log, qr/\[error\].*client certificate rejected by policy "verified": misdirected,.*, the chain was shown to another server, client: /,
     'the log explains it');
like($n->error_log, qr/policy "unless": denied, .*, "deny" in \S+:\d+, verified was asked of another server, client: /,
     'and why a "deny" holds');

sub hosts {
    my ($name, $c, $wanted, @hosts) = @_;

    for my $host (@hosts) {
        my %got = map { $_ => answer($c, "$host.test", $_) } keys %$wanted;
        my %expected = map { $_ => "$host.test $wanted->{$_}" } keys %$wanted;
        is_deeply(\%got, \%expected, "$name, $host");
    }
}

# with the server that answered, so that none stands in for another
sub answer {
    my ($c, $host, $path) = @_;
    my $r = $c->get($path, host => $host);
    return "none ($r->{error})" unless defined $r->{status};
    my ($server, $verdict) = split ' ', $r->{headers}{'x-verdict'} // '- -';
    return "$server $r->{status} $verdict";
}

sub slurp {
    my $file = shift;
    open my $fh, '<', $file or die "$file: $!\n";
    local $/;
    return <$fh>;
}

is($n->stop, 0, 'nginx ended well');
# OpenSSL leaves an error behind where it looks into a store by its URI
is_deeply([ grep { !/search only supported for directories/ } $n->alerts ], [],
          'nothing alarming in the log');

done_testing;
