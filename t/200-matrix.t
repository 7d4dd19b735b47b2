# Covers the path from the TLS connection to the verdict
# (ngx_clientcert_connection.c, ngx_http_clientcert_trust_chain()): the answer
# must be the same whatever way the connection came about.  nginx has no chain
# on a resumed session, and what was read is kept over requests and streams, so
# each way is another piece of code that could give another answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use File::Spec;

# One server resumes by ticket only, the other by shared cache only.
my $n = nginx(config => sub {
    my $pins = 'allow thumbprint=' . sha1('acme') . ' label=acme;'
             . 'allow thumbprint=' . sha256('self') . ' label=own;';

    my $server = <<'END_SERVER';
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        keepalive_requests 1000;
        add_header X-Verdict
         "$clientcert_result:$clientcert_reason:$clientcert_label" always;
        add_header X-Sha1 $clientcert_sha1 always;
        location /pins { clientcert_require pins; empty_gif; }
        location /both { clientcert_require both; empty_gif; }
END_SERVER

    return <<"END_CONFIG";
    clientcert_policy pins { $pins }
    clientcert_policy both { $pins allow verified label=member; }
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
END_CONFIG
})->start;

# Client -> the answers of /pins and /both.  "stuffed" shows somebody else's
# certificate, and sends a pinned one along as if it were its chain.
my %clients = (
    acme    => [ '200 allow:ok:acme', '200 allow:ok:acme' ],
    self    => [ '200 allow:ok:own', '200 allow:ok:own' ],
    globex  => [ '401 deny:no_match:', '200 allow:ok:member' ],
    rsa     => [ '401 deny:no_match:', '200 allow:ok:member' ],
    foreign => [ '401 deny:no_match:', '401 deny:untrusted:' ],
    stuffed => [ '401 deny:no_match:', '401 deny:untrusted:' ],
    inter   => [ '401 deny:no_match:', '200 allow:ok:member' ],
    alone   => [ '401 deny:no_match:', '401 deny:untrusted:' ],
    nobody  => [ '401 deny:no_certificate:', '401 deny:no_certificate:' ],
);

my $stuffed = $n->write('stuffed.crt', join '', map { slurp($_) }
                        cert_file('foreign', 'crt'), cert_file('acme', 'crt'));

my %shows = (
    stuffed => { cert => 'foreign',
                 chain => File::Spec->abs2rel($stuffed, cert_dir()) },
    inter   => { cert => 'inter', chain => 'inter-chain.crt' },
    alone   => { cert => 'inter' },
    nobody  => {},
);

for my $name (sort keys %clients) {
    my $shows = $shows{$name} // { cert => $name };
    my $wanted = $clients{$name};

    for my $version ('TLSv1_2', 'TLSv1_3') {
        for my $alpn ('http/1.1', 'h2') {
            for my $kind ('ticket', 'cache') {
                cell("$name, $version, $alpn, $kind", $wanted, %$shows,
                     version => $version, alpn => $alpn,
                     port => $n->port($kind));
            }
        }
    }
}

# Eight requests in four ways, as one test with all that went wrong.
sub cell {
    my ($name, $wanted, %client) = @_;
    my $sum = $client{cert} ? sha1($client{cert}) : '';
    my @got = ("version $client{version}, alpn $client{alpn}");
    my @expected = @got;

    my $fresh = client(%client);
    @got = 'version ' . ($fresh->version // $fresh->error // 'none')
         . ', alpn ' . ($fresh->alpn // 'none');

    push @got, 'resumed ' . $fresh->resumed, answers($fresh);
    push @expected, 'resumed 0', map { "$_ $sum" } @$wanted;

    my $session = $fresh->session;

    push @got, 'kept alive', answers($fresh);
    push @expected, 'kept alive', map { "$_ $sum" } @$wanted;

    my $again = client(%client, session => $session);

    push @got, 'resumed ' . $again->resumed, answers($again);
    push @expected, 'resumed 1', map { "$_ $sum" } @$wanted;

    push @got, 'resumed and kept alive', answers($again);
    push @expected, 'resumed and kept alive', map { "$_ $sum" } @$wanted;

    is_deeply(\@got, \@expected, $name);
}

sub answers {
    my $c = shift;
    return map {
        my $r = $c->get($_);
        join ' ', $r->{status} // "none ($r->{error})",
            $r->{headers}{'x-verdict'} // 'without verdict',
            $r->{headers}{'x-sha1'} // '';
    } '/pins', '/both';
}

sub slurp {
    my $file = shift;
    open my $fh, '<', $file or die "$file: $!\n";
    local $/;
    return <$fh>;
}

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
