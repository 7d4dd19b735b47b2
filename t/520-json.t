# Covers ngx_http_clientcert_view.c and what it stands on, _json.c and
# _output.c: answers are valid by docs/status.schema.json, whatever names the
# configuration has; they tell of policies and rules what is so; lists come in
# pages; and what is asked wrongly is answered by an error.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use StatusJson;

my $acme = sha1('acme');
my $n;

sub start {
    my ($http, %o) = @_;
    my $status = delete $o{status} // '';
    $n = nginx(%o, config => <<"END")->start;
    $http
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        server_name api.test;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        keepalive_requests 100000;
        location / { clientcert_require p; empty_gif; }
        location = /status { clientcert_status $status; }
    }
END
}

sub get { status_json(client(port => $n->port('tls')), '/status' . shift) }

sub fine {
    SKIP: {
        my @wrong = wrong_answers();
        skip 'Python has no jsonschema', 1 if @wrong && !defined $wrong[0];
        is_deeply(\@wrong, [], 'as the schema says');
    }
    is($n->stop, 0, 'nginx ended well');
    is_deeply([ $n->alerts ], [], 'nothing alarming in the log');
}


# 1. The summary.

start(<<"END", workers => 2);
    clientcert_policy p {
        reject 403;
        allow thumbprint=$acme label=acme;
        allow cn=x "ou=a b" ca=%%CERTS%%/ca-a.crt;
        deny cn=globex;
    }
    clientcert_policy trial { dry_run on; trust chain; allow verified; }
END

my $s = get('');
is(scalar(@{ $s->{policies} }), 2, 'two policies');
is($s->{policies}[0]{last_refused}, undef, 'nobody was refused');

client(port => $n->port('tls'), cert => $_)->get('/')
    for qw(acme acme globex foreign);

$s = get('?view=summary');
my ($p, $trial) = @{ $s->{policies} };
is(join(' ', @$p{qw(name dry_run trust status)}), 'p 0 pin 403', 'the first');
is(join(' ', @$trial{qw(name dry_run trust status)}), 'trial 1 chain 401',
   'the second');
is_deeply([ @{ $p->{decisions} }{qw(ok denied untrusted no_match)} ],
          [ 2, 1, 0, 1 ], 'what it decided');
is_deeply($p->{rules}, { allow => 2, deny => 1, unused => 1 }, 'its rules');
ok($p->{last_refused} le $s->{now}, 'somebody was refused');
is($s->{required_at}[0]{policy}, 'p', 'where it is required');
is($s->{required_at}[0]{server}, 'api.test', 'the server');
is($s->{cas}[0]{certificates}, 1, 'a ca');
is($s->{generation}, 1, 'the first configuration');

ok($n->reload, 'a reload');
my $again = get('');
is($again->{generation}, 2, 'the second one');
is($again->{since}, $s->{since}, 'since then');
is_deeply($again->{policies}[0]{decisions}, $p->{decisions}, 'as before');
is(scalar(@{ get('?policy=trial')->{policies} }), 1, 'one policy');


# 2. Rules.

my $r = get('?view=rules');
is($r->{total}, 4, 'all rules');
is_deeply([ map { $_->{text} } @{ $r->{items} } ],
          [ 'deny cn=globex', "allow thumbprint=$acme label=acme",
            'allow cn=x "ou=a b" ca=' . cert_dir() . '/ca-a.crt',
            'allow verified' ], 'their lines');
is_deeply([ map { $_->{decisions} } @{ $r->{items} } ], [ 1, 2, 0, 0 ],
          'their decisions');
is_deeply([ map { $_->{label} } @{ $r->{items} } ], [ '', 'acme', '', '' ],
          'their labels');
ok(!defined $r->{items}[2]{last} && defined $r->{items}[0]{last},
   'when they decided');

sub lines {
    return join ' ', map { $_->{policy} . $_->{line} }
                     @{ get('?view=rules' . shift)->{items} };
}
my ($first) = $r->{items}[0]{line} - 2;
is(lines('&unused=1'), 'p' . ($first + 1) . ' trial' . ($first + 4), 'unused');
is(lines('&q=OU%3DA%20B'), 'p' . ($first + 1), 'found by the text');
is(lines('&q=acme'), 'p' . $first, 'found by the label');
is(lines('&q=nothing'), '', 'not found');
is(lines('&policy=trial'), 'trial' . ($first + 4), 'of a policy');


# 3. What is asked wrongly.

for (['view=none', 404, 'no_such_view', 'no such view "none"'],
     ['policy=none', 404, 'no_such_policy', 'no such policy "none"'],
     ['limit=0', 400, 'invalid_limit', 'invalid limit "0"'],
     ['limit=1001', 400, 'invalid_limit', 'invalid limit "1001"'],
     ['limit=', 400, 'invalid_limit', 'invalid limit ""'],
     ['view=rules&after=x%22%0a%ff', 400, 'invalid_after',
      'invalid after "x\x22\x0A\xFF"'],
     ['view=%00', 404, 'no_such_view', 'no such view "\x00"'])
{
    my ($args, $status, $code, $text) = @$_;
    is_deeply(get("?$args")->{error},
              { status => $status, code => $code, text => $text }, $args);
}
fine();


# 4. Names of all kinds.

my @names = ('a b', 'x\\\\y', 'q\\"q', "\xc3\xa4", "\xff\xfe", '<script>',
             "\xe2\x80\xae", "\x7f", 'n' x 3000, '{', "'");
start(join('', map {
          # values must be readable
          my $value = /\xff|\x7f|\xe2\x80\xae/ ? 'l' : $_;
          "clientcert_policy \"$_\" {
               allow \"cn=x$value\" \"label=$value\"; }\n"
      } @names) . 'clientcert_policy p { allow verified; }');
is(scalar(@{ get('')->{policies} }), @names + 1, 'all policies');
is_deeply(get('')->{upload}, [], 'nowhere to upload to');
is(get('?view=rules')->{total}, @names + 1, 'all rules');
is(get('?view=rules&q=%22')->{items}[0]{label}, 'q\x22q', 'quotes');
fine();


# 5. More rules than a page has, and than are looked at.

sub pages {
    my ($args, $limit) = @_;
    my ($after, $partial, %seen) = ('', 0);
    for my $page (1 .. 1000) {
        my $r = get("?view=rules&limit=$limit$args$after");
        $seen{ $_->{rule} }++ for @{ $r->{items} };
        $partial++ if $r->{partial};
        return ($page, $partial, \%seen) unless defined $r->{next};
        $after = "&after=$r->{next}";
    }
    return 'endless';
}

sub many {
    my $count = shift;
    start('clientcert_status_zone size=8m; clientcert_policy p {'
          . join('', map { "allow cn=client-$_;\n" } 1 .. $count)
          . '} clientcert_policy q { allow cn=a; deny cn=b; }');
}

many(3000);
my ($count, $partial, $seen) = pages('', 700);
is($count, 5, 'five pages');
is($partial, 0, 'all full but the last');
is(scalar(keys %$seen), 3002, 'each rule');
is(scalar(grep { $_ != 1 } values %$seen), 0, 'once');
fine();

many(45_000);
($count, $partial, $seen) = pages('&q=client-44999', 100);
is($count, 3, 'three looks for one rule');
is($partial, 2, 'two of which say that there is more to look at');
is(scalar(keys %$seen), 1, 'it is found');

($count, $partial, $seen) = pages('&policy=q', 1);
is($count, 2, 'two pages of the second policy');
is(scalar(keys %$seen), 2, 'with its rules');

is(get('')->{policies}[0]{rules}{unused}, undef, 'too many to look at');
is(get('')->{policies}[1]{rules}{unused}, 2, 'but not those of the second');
fine();


# Where the page may put files.

start('clientcert_store u directory=%%CERTS%%/*.none;
       clientcert_policy p { allow store=u; }',
      status => 'json upload=u:/certs/ upload=u:/x/:/');
is_deeply(get('')->{upload}, [ { store => 'u', path => '/certs/' },
                               { store => 'u', path => '/x/:/' } ],
          'where to upload to');
fine();

done_testing;
