# Covers docs/observability.md, alerts.yml and grafana.json: each metric and
# label that they name is in the scrape of an nginx; promtool, where there is
# one, takes the rules, the queries of the panels and the printed scrape, and
# the alerts fire as t/alerts/ says; and a line of the log is JSON whatever the
# certificate, or the request, has in it.  That the log's configuration starts
# as it is printed is for t/480.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;
use Encode ();
use JSON::PP ();
use Metrics;

my $root = "$FindBin::Bin/..";
my $rules = ClientCert::slurp("$root/docs/alerts.yml");
my $page = ClientCert::slurp("$root/docs/observability.md");
my $dash = JSON::PP->new->utf8->decode(
               ClientCert::slurp("$root/docs/grafana.json"));

my @cases = map { split /alertname: / } map { ClientCert::slurp($_) }
            glob "$root/t/alerts/*.yml";

my @panels = grep { $_->{type} ne 'row' } @{ $dash->{panels} };
my @queries = map { my $p = $_; map { [ $p->{title}, $_->{expr} ] }
                                @{ $p->{targets} } } @panels;
push @queries, map { [ $_->{name}, $_->{expr} ] }
               @{ $dash->{annotations}{list} };


# 1. All metrics, of two: one without room for its policies has those of that.

make_cert(name => 'soon', ca => 'ca-a', ext => 'client',
          not_after => time + 5 * 86400);

sub server {
    return <<'END';
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        server_name a.test;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        location / { clientcert_require p; empty_gif; }
        location = /metrics {
            clientcert_status prometheus rules certificates;
        }
    }
END
}

sub scrape {
    my ($n) = @_;
    my $r = client(port => $n->port('tls'))->get('/metrics');
    return metrics($r->{body});
}

my $n = nginx(config => <<'END' . server());
    clientcert_store up directory=%%PREFIX%%/up;
    clientcert_policy p {
        allow store=up;
        allow ca=%%CERTS%%/ca-b.crt o=x;
    }
    clientcert_policy trial { dry_run on; allow verified; }
END
mkdir $n->path('up');
$n->write('up/soon.pem', ClientCert::slurp(cert_file('soon', 'crt')));
$n->start;
is(client(port => $n->port('tls'), cert => 'soon')->get('/')->{status}, 200,
   'an nginx that is asked');
my $scrape = scrape($n);
is($n->stop, 0, 'ended well');

$n = nginx(config => join('', 'clientcert_status_zone size=100k refused=off;',
                          map({ "clientcert_policy p$_ { allow cn=$_; }\n" }
                              1 .. 2000),
                          'clientcert_policy p { allow verified; }', server()))
     ->start;
my $crowded = scrape($n);
is($n->stop, 0, 'one without room');
$scrape = { %$crowded, %$scrape };

# { family => [ { label => value }, ... ] }
my %families;
for (keys %$scrape) {
    my ($family, $labels) = /^(\w+)(?:\{(.*)\})?$/ or next;
    push @{ $families{$family} },
         { instance => 'a', job => 'nginx',
           ($labels // '') =~ /(\w+)="((?:[^"\\]|\\.)*)"/g };
}

# what of a query isn't in the scrape
sub missing {
    my ($text) = @_;
    my (%known, @missing);

    while ($text =~ /\b(nginx_clientcert_\w+)(?:\{([^}]*)\})?/g) {
        my ($family, $matchers) = ($1, $2 // '');
        my $series = $families{$family} // [];
        push @missing, $family if !@$series;
        @known{ map { keys %$_ } @$series } = ();

        while ($matchers =~ /(\w+)(=~|!~|!=|=)"([^"]*)"/g) {
            my ($label, $op, $value) = ($1, $2, $3);
            my $same = $op =~ /~/ ? qr/^(?:$value)$/ : qr/^\Q$value\E$/;

            # a variable of the dashboard
            $same = qr// if $value =~ /^\$/;

            push @missing, "$family\{$label$op\"$value\"\}"
                if !grep { defined $_->{$label} && $_->{$label} =~ $same }
                        @$series;
        }
    }

    while ($text =~ /\b(?:by|without) \(([^)]*)\)/g) {
        push @missing, map { "label $_" } grep { !exists $known{$_} }
                       split /,\s*/, $1;
    }

    return @missing;
}

my @rules = split /^  - alert: /m, $rules =~ s/^\s*#.*\n//gmr;
shift @rules;
cmp_ok(scalar(@rules), '>', 15, scalar(@rules) . ' alerts');

for my $rule (@rules) {
    my ($name) = $rule =~ /^(\w+)/;
    my ($expr) = $rule =~ /^    expr: (.*?)(?=^    \w)/ms;

    is_deeply([ missing($expr) ], [], "$name: what it asks for is there");
    like($page, qr/^\| `$name` \|/m, "$name: what to do");

    my @shown = grep { /^$name\b/ } @cases;
    ok((grep {  /exp_alerts/ } @shown), "$name: a case where it fires");
    ok((grep { !/exp_alerts/ } @shown), "$name: and one where it doesn't");
}

is_deeply([ grep { $rules !~ /alert: $_\n/ }
                 $page =~ /^\| `(Clientcert\w+)` \|/gm ],
          [], 'the page has no others');

is_deeply([ missing($_->[1]) ], [], "panel \"$_->[0]\"") for @queries;
is_deeply([ missing('nginx_clientcert_no_such{} by (nothing)') ],
          [ 'nginx_clientcert_no_such', 'label nothing' ],
          'what is not there would be found');


# 2. The dashboard.

my %ids;
is_deeply([ grep { $ids{$_}++ } map { $_->{id} } @{ $dash->{panels} } ], [],
          'panels have ids of their own');

my (%at, @over);
for my $p (@{ $dash->{panels} }) {
    my ($x, $y, $w, $h) = @{ $p->{gridPos} }{qw(x y w h)};
    push @over, $p->{title} if $x + $w > 24;
    for my $cell (map { my $r = $_; map { "$r $_" } $x .. $x + $w - 1 }
                  $y .. $y + $h - 1)
    {
        push @over, "$p->{title} and $at{$cell}" if $at{$cell};
        $at{$cell} = $p->{title};
    }
}
is_deeply(\@over, [], 'they lie beside each other');

my %variables = map { $_->{name} => 1 } @{ $dash->{templating}{list} };
is_deeply([ grep { !$variables{$_} && !/^__/ }
            map { $_->[1] =~ /\$(\w+)/g } @queries ], [],
          'their variables are there');
is_deeply([ missing($_->{query}{query}) ], [], "variable $_->{name}")
    for grep { $_->{type} eq 'query' } @{ $dash->{templating}{list} };


# 3. promtool.

SKIP: {
    skip 'promtool is not installed (Debian: prometheus)', 4
        if system('command -v promtool > /dev/null') != 0;

    my $t = nginx(config => '');
    my $quoted = sub { JSON::PP->new->allow_nonref->encode($_[0]) };

    my $panels = join '', "groups:\n- name: panels\n  rules:\n", map {
        "  - record: panel\n    expr: " . $quoted->(
            $_->[1] =~ s/\$__(?:rate_interval|range)/5m/gr
                    =~ s/\$(?:instance|policy|store)/.*/gr)
        . "\n    labels: { panel: @{[ $quoted->($_->[0]) ]} }\n"
    } @queries;

    $t->write('panels.yml', $panels);

    my ($scraping) = $page =~ /^```yaml\n(.*?)^```/ms;
    $scraping =~ s{/etc/prometheus}{$t->prefix}ge;
    $t->write('prometheus.yml', $scraping);
    $t->write('alerts.yml', $rules);
    $t->write('ca.crt', ClientCert::slurp(cert_file('server', 'crt')));
    $t->write('scraper.crt', ClientCert::slurp(cert_file('acme', 'crt')));
    $t->write('scraper.key', ClientCert::slurp(cert_file('acme', 'key')));

    for ([ "check rules $root/docs/alerts.yml", 'the rules' ],
         [ 'check rules ' . $t->path('panels.yml'), 'the queries of panels' ],
         [ 'check config ' . $t->path('prometheus.yml'), 'the scrape' ],
         [ "test rules $root/t/alerts/*.yml", 'the alerts' ])
    {
        my ($command, $what) = @$_;
        my $said = `promtool $command 2>&1`;
        is($?, 0, "$what, by promtool") or diag($said);
    }
}


# 4. The log, whatever is in it.

my ($format, $access) = $page =~ /^```nginx\n(.*?)^```/gms;
my ($only, $if)
    = $page =~ /`(map [^`]*)` and `(if=[^`]*)` keep only refusals/;
$access =~ s{/var/log/nginx}{%%PREFIX%%};

my $refusals = $access =~ s/\.json/-refused.json/r =~ s/;/ $if;/r;
$n = nginx(config => <<"END")->start;
    $format
    $only
    clientcert_policy p { allow thumbprint=@{[ sha1('acme') ]} 'label=a"b'; }
    clientcert_policy trial { dry_run on; allow cn=acme; }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        large_client_header_buffers 4 16k;
        $access
        $refusals
        location / { clientcert_require p; empty_gif; }
        location /trial { clientcert_require trial; empty_gif; }
        location /public { clientcert_require off; empty_gif; }
    }
END

my @keys = sort $format =~ /"(\w+)":/g;
my $seen = 0;

# the lines since the last call, decoded; dies of what isn't UTF-8 or JSON
sub lines {
    my ($count) = @_;
    my @lines;

    wait_for {
        @lines = split /\n/, $n->access_log('clientcert.json'), -1;
        @lines >= $seen + $count + 1;
    } 10, 'lines in the log';
    pop @lines;

    my @new = @lines[$seen .. $#lines];
    $seen = @lines;
    return map { JSON::PP->new->decode(Encode::decode('UTF-8', $_,
                                                      Encode::FB_CROAK)) }
           @new;
}

sub line {
    my ($cert, $path, @malformed) = @_;
    my $r = client(port => $n->port('tls'), cert => $cert, @malformed)
            ->get($path);
    is($r->{error}, undef, 'an answer');
    my @got = eval { lines(1) };
    is($@, '', ($cert // 'no certificate') . ": $path is a line of JSON");
    is(scalar(@got), 1, 'one line');
    is_deeply([ sort keys %{ $got[0] } ], \@keys, 'with all its fields');
    is($got[0]{status}, $r->{status}, 'and the answer');
    return $got[0];
}

my $l = line('acme', '/x?y=%22');
is($l->{$_->[0]}, $_->[1], "$_->[0] of one that may pass")
    for [ uri => '/x?y=%22' ], [ policy => 'p' ], [ result => 'allow' ],
        [ reason => 'ok' ], [ label => 'a"b' ], [ sha256 => sha256('acme') ],
        [ cn => 'acme' ], [ verify => 'SUCCESS' ], [ method => 'GET' ],
        [ client => '127.0.0.1' ];

$l = line('globex', '/');
is("$l->{result} $l->{reason}", 'deny no_match', 'of one that may not');
$l = line('globex', '/trial');
is("$l->{status} $l->{result} $l->{reason}", '200 deny no_match', 'dry run');
$l = line(undef, '/');
is("$l->{reason} $l->{sha256}.$l->{days_left}", 'no_certificate .', 'of none');
$l = line('acme', '/public');
is("$l->{status}.$l->{reason}.$l->{result}", '200..', 'no policy');
$l = line('expired', '/');
is("$l->{status}.$l->{reason}.$l->{verify}",
   '400..FAILED:certificate has expired', 'what nginx refuses itself');
is($l->{sha256}, sha256('expired'), 'it is known, too');

# All bytes that are odd somewhere, in each name of a certificate.  12 is
# UTF8String, 20 T61String, where any byte is a character; OpenSSL reads no
# certificate whose UTF8Strings aren't UTF-8.
my %odd = (
    script => '<script>alert(1)</script>', quotes => '"\'\\",":{}[]',
    control => join('', map { chr } 1 .. 31, 127), latin => "J\xf6rg\xff\xfe",
    rtl => "\xe2\x80\xaegpj.exe", c1 => "\xc2\x85\xc2\x9b",
    nul => "admin\0.evil", utf8 => "\xc3\xa4\xf0\x9f\x98\x80",
    cut => "x\xe2\x82", surrogate => "\xed\xa0\x80", overlong => "\xc0\xaf",
    separators => "\xe2\x80\xa8\xe2\x80\xa9", escapes => '\\u0022\\x22\\',
    long => '"' x 1000,
);

for my $name (sort keys %odd) {
    my $utf8 = eval { Encode::decode('UTF-8', my $text = $odd{$name},
                                     Encode::FB_CROAK) };
    for my $tag (defined $utf8 ? 12 : (), 20) {
        my $cert = "odd-$name-$tag";
        der_cert(name => $cert, ca => 'self',
                 subject => [ map { [ $_ => $odd{$name}, $tag ] }
                                  qw(O OU emailAddress UID CN) ],
                 san => [ map { ($_ => $odd{$name}) } qw(dns uri email upn) ]);
        my $l = line($cert, "/$name", malformed => 1);
        is($l->{sha256}, sha256($cert), 'of whom it is');
        ok("$l->{cn}$l->{san}" !~ /[\x00-\x1f\x7f-\x9f\x{202e}\x{fffd}]/,
           'nothing that hides');
    }
}

is(line('odd-utf8-12', '/')->{cn}, "\x{e4}\x{1f600}", 'text is text');
is(line('odd-quotes-12', '/')->{cn}, $odd{quotes}, 'quotes are quotes');

# requests
for my $bytes ("/\xff\xfe", "/a\"b\\c", "/\xe2\x80\xae", "/\xc3", '/a?"\\"=',
               '/' . '"' x 9000)
{
    my $c = client(port => $n->port('tls'), cert => 'acme');
    $c->send("GET $bytes HTTP/1.1\r\nHost: a\r\nUser-Agent: \xff\"\r\n"
             . "Connection: close\r\n\r\n");
    $c->response('GET');
    my ($got) = eval { lines(1) };
    is($@, '', 'a line of JSON for ' . substr($bytes, 0, 10) =~ s/[^ -~]/?/gr);
    is($got->{uri}, $bytes =~ s/[^ -~].*//sr, 'its address');
}

for my $bytes ("\xff\x00\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
               "G\"T / HTTP/1.1\r\n\r\n",
               "GET / HTTP/1.1\r\nHost: a\"\xff\r\n\r\n", "GET /\r\n",
               "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n")
{
    my $c = client(port => $n->port('tls'), cert => 'acme');
    $c->send($bytes);
    $c->closed(5);
    my @got = eval { lines(1) };
    is($@, '', 'a line of JSON for ' . $bytes =~ s/[^ -~]/?/gr);
}

my @refused = map { JSON::PP->new->utf8->decode($_) }
              split /\n/, $n->access_log('clientcert-refused.json');
cmp_ok(scalar(@refused), '>', 20, 'refusals alone');
ok(!(grep { $_->{result} ne 'deny' } @refused), 'and no others');

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
