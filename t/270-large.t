# Covers rules that are found by a hash (ngx_clientcert_rules_add() and
# ngx_clientcert_rules_find()), 100,000 of them: the right answers at both ends
# of the list and beside it, and a configuration that is read in the time that
# nginx needs for the lines.
# What a request costs is counted by "make bench".

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use Digest::SHA qw(sha1_hex sha256_hex);

my $lines = 100_000;

my @thumbprints = map { $_ % 2 ? sha1_hex("number $_") : sha256_hex($_) }
                  3 .. $lines;

# first and last in the file, and one in the middle
@thumbprints = (sha1('acme'), @thumbprints, sha256('globex'));
$thumbprints[$lines / 2] = sha256('foreign');

my $many = 'clientcert_policy many { include %%PREFIX%%/allow; }';
my $server = <<'END_SERVER';
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl http2;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        add_header X-Verdict
         "$clientcert_result:$clientcert_reason:$clientcert_label" always;
        location /many { clientcert_require many; empty_gif; }
        location /none { clientcert_require none; empty_gif; }
    }
END_SERVER

my $n = nginx(config => "
    $many
    clientcert_policy none {
        include %%PREFIX%%/deny;
        allow verified;
        allow thumbprint=" . sha256('self') . ";
    }
    $server");

my $i = 0;
$n->write('allow', join '', map {
    "allow thumbprint=$_ label=client-" . ++$i . ";\n"
} @thumbprints);
$n->write('deny', join '', map { "deny thumbprint=$_;\n" } @thumbprints);
$n->write('map', join '', map { "thumbprint=$_ label=client;\n" }
          @thumbprints);

$n->start;

my %wanted = (
    acme    => [ '200 allow:ok:client-1', '401 deny:denied:' ],
    globex  => [ "200 allow:ok:client-$lines", '401 deny:denied:' ],
    foreign => [ '200 allow:ok:client-' . ($lines / 2 + 1),
                 '401 deny:denied:' ],
    rsa     => [ '401 deny:no_match:', '200 allow:ok:' ],
    self    => [ '401 deny:no_match:', '200 allow:ok:' ],
);

for my $cert (sort keys %wanted) {
    my $c = client(port => $n->port('tls'), cert => $cert);
    my @got = map {
        my $r = $c->get($_);
        ($r->{status} // "none ($r->{error})") . ' '
            . ($r->{headers}{'x-verdict'} // '')
    } '/many', '/none', '/many';

    is_deeply(\@got, [ @{ $wanted{$cert} }, $wanted{$cert}[0] ], $cert);
}

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

# In processor time, so that it matters less what else the machine does; the
# best of three.
sub seconds {
    my ($config) = @_;
    my $best;

    for (1 .. 3) {
        my $before = (times)[2] + (times)[3];
        my ($status, $text) = $n->test($config);
        my $time = (times)[2] + (times)[3] - $before;
        is($status, 0, 'nginx -t') or diag($text);
        $best = $time if !defined $best || $time < $best;
    }

    return $best;
}

my $map = seconds("
    map_hash_max_size 262144;
    map_hash_bucket_size 256;
    map \$http_x \$y { include %%PREFIX%%/map; }");
my $policy = seconds($many);

note("$lines lines: map $map s, policy $policy s");
cmp_ok($policy, '<', 3 * $map + 0.2, 'read in the time of a map');

done_testing;
