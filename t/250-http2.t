# Covers the verdicts that are remembered with a connection
# (ngx_clientcert_policy_known()) where requests of different policies share
# it: one after the other, back and forth, and as concurrent HTTP/2 streams;
# and the answer of a refusal in HTTP/2, which has no reason phrase.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use List::Util 'shuffle';

# Policy -> its lines, and for each client the answer.
my @clients = qw(acme globex foreign nobody);
my %policies = (
    acme     => [ 'allow thumbprint=%acme% label=a;',
                  '200 allow:ok:a', '401 deny:no_match:',
                  '401 deny:no_match:' ],
    globex   => [ 'allow thumbprint=%globex% label=g; reject 403;',
                  '403 deny:no_match:', '200 allow:ok:g',
                  '403 deny:no_match:' ],
    foreign  => [ 'allow thumbprint=%foreign%; reject 404 "No such thing";',
                  '404 deny:no_match:', '404 deny:no_match:',
                  '200 allow:ok:' ],
    members  => [ 'allow verified label=m;',
                  '200 allow:ok:m', '200 allow:ok:m', '401 deny:untrusted:' ],
    order    => [ 'allow verified label=first; allow thumbprint=%acme%;',
                  '200 allow:ok:first', '200 allow:ok:first',
                  '401 deny:untrusted:' ],
    reverse  => [ 'allow thumbprint=%acme%; allow verified label=second;',
                  '200 allow:ok:', '200 allow:ok:second',
                  '401 deny:untrusted:' ],
    not_acme => [ 'allow verified; deny thumbprint=%acme%; reject 451;',
                  '451 deny:denied:', '200 allow:ok:',
                  '451 deny:untrusted:' ],
    chain    => [ 'trust chain; allow thumbprint=%foreign%;
                   allow thumbprint=%acme%;',
                  '200 allow:ok:', '401 deny:no_match:',
                  '401 deny:untrusted:' ],
    both     => [ 'allow thumbprint=%acme% verified;
                   allow thumbprint=%foreign% verified;',
                  '200 allow:ok:', '401 deny:no_match:',
                  '401 deny:untrusted:' ],
    empty    => [ '', '401 deny:no_match:', '401 deny:no_match:',
                  '401 deny:no_match:' ],
    dry      => [ 'dry_run on; allow thumbprint=%globex%;',
                  '200 deny:no_match:', '200 allow:ok:',
                  '200 deny:no_match:' ],
    off      => [ undef, '200 ::', '200 ::', '200 ::', '200 ::' ],
);

for (values %policies) {
    next if @$_ == @clients + 1;
    my ($code) = ($_->[0] =~ /reject (\d+)/, 401);
    $code = 200 if $_->[0] =~ /dry_run/;
    push @$_, "$code deny:no_certificate:";
}

my $n = nginx(config => sub {
    my $text = '';

    for my $name (sort keys %policies) {
        my $lines = $policies{$name}[0] // next;
        $lines =~ s/%(\w+)%/sha1($1)/ge;
        $text .= "clientcert_policy $name { $lines }\n";
    }

    my $locations = join "\n", map {
        "location /$_ { clientcert_require $_; empty_gif; }"
    } sort keys %policies;

    return <<"END_CONFIG";
    $text
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl http2;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        keepalive_requests 10000;
        add_header X-Verdict
         "\$clientcert_result:\$clientcert_reason:\$clientcert_label" always;
        add_header X-Policy "-\$clientcert_policy" always;
        clientcert_require acme;
        $locations
        location /page {
            error_page 401 /off/refused;
            empty_gif;
        }
        location /named {
            error_page 401 = \@named;
            empty_gif;
        }
        location \@named { clientcert_require globex; empty_gif; }
    }
END_CONFIG
})->start;

sub connected {
    my ($cert, @more) = @_;
    return client(port => $n->port('tls'), alpn => 'h2', @more,
                  $cert eq 'nobody' ? () : (cert => $cert));
}

sub seen {
    my ($name, $r) = @_;
    return "$name none ($r->{error})" unless defined $r->{status};
    return join ' ', $name, $r->{status},
        @{ $r->{headers} }{'x-verdict', 'x-policy'};
}

my @names = sort keys %policies;

for my $i (0 .. $#clients) {
    my $cert = $clients[$i];
    my $wanted = sub {
        [ map { "$_ $policies{$_}[$i + 1] -" . ($_ eq 'off' ? '' : $_) } @_ ]
    };

    # the same in HTTP/1.1, as a comparison
    for my $alpn ('h2', 'http/1.1') {
        my $c = connected($cert, alpn => $alpn);
        is($c->alpn, $alpn, "$cert: speaks $alpn");

        for my $order (\@names, [ reverse @names ],
                       [ map { ($names[0], $_) } @names ]) {
            is_deeply([ map { seen($_, $c->get("/$_")) } @$order ],
                      $wanted->(@$order),
                      "$cert, $alpn, one after the other");
        }
    }

    my $c = connected($cert);

    for my $round (1 .. 3) {
        # at most as many streams as nginx allows at once
        my @order = shuffle((@names) x 5);
        my @answers = $c->get_all(map { [ "/$_" ] } @order);
        is_deeply([ map { seen($order[$_], $answers[$_]) } 0 .. $#order ],
                  $wanted->(@order), "$cert, streams, round $round")
            or diag("order: @order");
    }
}

# The answer itself.
{
    my $c = connected('globex');
    my $r = $c->get('/acme');
    is($r->{status}, 401, 'status');
    like($r->{body}, qr/<title>401 Authorization Required/, 'nginx\'s page');
    unlike(join(' ', map { "$_: $r->{headers}{$_}" } keys %{ $r->{headers} }),
           qr/Invalid client certificate/, 'no reason phrase in any header');

    $r = connected('globex', alpn => 'http/1.1')->get('/acme');
    is($r->{reason}, 'Invalid client certificate', 'which HTTP/1.1 has');

    $r = connected('globex')->get('/page');
    is(seen('page', $r), 'page 401 deny:no_match: -acme', 'error_page');
    like($r->{body}, qr/^GIF/, 'error_page: its body');

    $r = connected('globex')->get('/named');
    is(seen('named', $r), 'named 200 allow:ok:g -globex',
       'error_page to a location with another policy');

    $r = connected('foreign')->get('/named');
    is(seen('named', $r), 'named 403 deny:no_match: -globex',
       'error_page to another policy that refuses too');

    $c = connected('nobody');
    is($c->get('/acme', method => 'HEAD')->{status}, 401, 'HEAD');
    is($c->get('/acme', method => 'HEAD')->{body}, '', 'HEAD: no body');
}

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
