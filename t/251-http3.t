# Covers HTTP/3, where the connection of a request is a QUIC stream that shares
# the SSL object of its parent: the certificate is read once and each stream is
# answered like one of HTTP/2.  Needs an nginx and a curl that can.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;

my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';

plan skip_all => 'this nginx has no HTTP/3'
    unless `$nginx -V 2>&1` =~ /--with-http_v3_module/;
plan skip_all => 'this curl has no HTTP/3'
    unless `curl --version 2>/dev/null` =~ /\bHTTP3\b/;

my $n = nginx(config => sub {
    my $acme = sha256('acme');

    return <<"END_CONFIG";
    clientcert_policy pin { allow thumbprint=$acme label=acme; }
    clientcert_policy members { allow verified label=member; reject 403; }
    server {
        listen 127.0.0.1:%%PORT_tls%% quic;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        ssl_protocols TLSv1.3;
        add_header X-Verdict
         "\$clientcert_result:\$clientcert_reason:\$clientcert_label" always;
        location /pin { clientcert_require pin; empty_gif; }
        location /members { clientcert_require members; empty_gif; }
        location /off { empty_gif; }
    }
END_CONFIG
})->start;

# All on one connection.
my @paths = qw(/pin /members /off /pin /members);

my %wanted = (
    acme    => [ '200 allow:ok:acme', '200 allow:ok:member', '200 ::' ],
    globex  => [ '401 deny:no_match:', '200 allow:ok:member', '200 ::' ],
    foreign => [ '401 deny:no_match:', '403 deny:untrusted:', '200 ::' ],
    nobody  => [ '401 deny:no_certificate:', '403 deny:no_certificate:',
                 '200 ::' ],
);

for my $cert (sort keys %wanted) {
    my $url = 'https://127.0.0.1:' . $n->port('tls');
    my @command = ('curl', '-sk', '--http3-only', '--max-time', 20,
                   '-w', '%{http_version} %{num_connects} %{http_code} '
                         . '%header{x-verdict}\n');
    push @command, '--cert', cert_file($cert, 'crt'),
                   '--key', cert_file($cert, 'key') if $cert ne 'nobody';
    push @command, map { ('-o', '/dev/null', "$url$_") } @paths;

    open my $curl, '-|', @command or die "curl: $!\n";
    chomp(my @got = <$curl>);
    close $curl;

    my @answers = @{ $wanted{$cert} }[0, 1, 2, 0, 1];
    is_deeply(\@got, [ map { "3 " . ($_ ? 0 : 1) . " $answers[$_]" }
                       0 .. $#answers ], $cert);
}

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
