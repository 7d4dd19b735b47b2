# Covers what the status tells of stores: ngx_clientcert_census.c, what the
# helper leaves for those who ask; ngx_http_clientcert_view_stores.c and
# ngx_http_clientcert_metrics_stores.c, how it is told; and the table of last
# uses, ngx_clientcert_used.c, that stays while a store changes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert ':store';
use DerCert;
use Digest::SHA qw(sha1_hex sha256_hex);
use Metrics;
use StatusJson;

my $day = 24 * 60 * 60;

make_cert(name => 'today', not_after => time + 3600);
make_cert(name => 'week', not_after => time + 5 * $day);
make_cert(name => 'month', not_after => time + 20 * $day);
make_cert(name => 'twin', key => 'acme');

sub config {
    my $more = shift // '';
    return <<"END";
    clientcert_store up   directory=%%PREFIX%%/up interval=100ms;
    clientcert_store list list=%%PREFIX%%/list interval=100ms;
    clientcert_store bad  directory=%%PREFIX%%/bad interval=100ms;
    $more
    clientcert_policy up   { allow store=up; }
    clientcert_policy list { allow store=list; }
    clientcert_policy deny { deny store=bad; allow verified; }
    keepalive_requests 1000000;
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl http2;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        location /      { clientcert_require up;   empty_gif; }
        location /list  { clientcert_require list; empty_gif; }
        location /deny  { clientcert_require deny; empty_gif; }
        location = /status { clientcert_status; }
        location = /metrics { clientcert_status prometheus certificates; }
    }
END
}

my $n = nginx(config => config(), workers => 2);
mkdir $n->path($_) for qw(up bad);
put($_) for qw(acme today week month expired);
$n->write('up/two.pem', crt('globex') . crt('rsa'));
$n->write('list', "# people\n" . sha1('acme') . " Acme \"Ltd\"\n"
                  . sha256('globex') . " \xc3\xa4\n");
put('twin', 'bad/twin.pem');
$n->start;

sub get { status_json(client(port => $n->port('tls')), '/status' . shift) }
sub store { my $name = shift;
            return (grep { $_->{name} eq $name } @{ get('')->{stores} })[0] }
sub scrape {
    my $text = client(port => $n->port('tls'))->get('/metrics')->{body};
    is_deeply([ wrong_in($text) ], [], 'metrics are well');
    return metrics($text);
}
sub items { get('?view=certificates' . (shift // ''))->{items} }
sub found { join ' ', sort map { "$_->{store}:$_->{label}" } @{ items(shift) } }


# 1. What is in them.

my $s = store('up');
is_deeply([ @$s{qw(name kind up error since entries)} ],
          [ 'up', 'directory', JSON::PP::true(), undef, undef, 7 ], 'a store');
is_deeply($s->{files}, { read => 6, kept => 0, rejected => 0 }, 'its files');
is_deeply([ @$s{qw(expired expiring)} ],
          [ 1, { '1d' => 1, '7d' => 2, '30d' => 3 } ], 'their ages');
is_deeply([ @$s{qw(added removed)} ], [ 7, 0 ], 'added');
is_deeply($s->{used_by}, [ { policy => 'up', action => 'allow' } ],
          'who asks it');
is($s->{memory}{needed}, 0, 'it has room');

$s = store('list');
is_deeply([ @$s{qw(kind entries expired expiring)} ],
          [ 'list', 2, undef, undef ], 'a list');
ok(store('bad')->{denies}, 'one that denies');
is_deeply(store('bad')->{used_by}, [ { policy => 'deny', action => 'deny' } ],
          'and where');

my $m = scrape();
is(value($m, $_->[0], store => 'up', @$_[1 .. 2]), $_->[3], "@$_")
    for [ 'store_files', state => 'read', 6 ],
        [ 'store_certificates', validity => 'valid', 6 ],
        [ 'store_certificates', validity => 'expired', 1 ],
        [ 'store_expiring_certificates', within => '1d', 1 ],
        [ 'store_expiring_certificates', within => '7d', 2 ],
        [ 'store_expiring_certificates', within => '30d', 3 ],
        [ 'store_changes_total', change => 'added', 7 ],
        [ 'store_errors_total', cause => 'parse', 0 ];
is(value($m, 'store_up', store => 'up'), 1, 'up');
is(value($m, 'store_entries', store => 'list'), 2, 'entries of a list');
is(value($m, 'store_certificates', store => 'list', validity => 'valid'),
   undef, 'which has no certificates');
my %ends = map { /certificate_not_after_timestamp_seconds\{store="up",file="(\w+)/
                 ? ($1 => $m->{$_}) : () } keys %$m;
is_deeply([ sort keys %ends ], [ 'month', 'today', 'week' ],
          'those that expire within 30 days');
cmp_ok($ends{today}, '<=', time + 3600, 'and when');
is(value($m, 'store_earliest_not_after_timestamp_seconds', store => 'up'),
   $ends{today}, 'the first one');


# 2. The entries, one by one.

is(found(''), "bad:twin list:Acme %22Ltd%22 list:\\xC3\\xA4 up:acme up:expired "
              . "up:month up:today up:two up:two up:week", 'all');
is(found('&store=list'), "list:Acme %22Ltd%22 list:\\xC3\\xA4", 'of one store');
is(found('&store=up&q=WEEK'), 'up:week', 'by the label');
is(found('&q=two.PEM'), 'up:two up:two', 'by the file');
is(found('&q=' . sha256('rsa')), 'up:two', 'by SHA-256');
is(found('&q=' . uc sha1('acme')), 'list:Acme %22Ltd%22',
   'by SHA-1, of those that have it');
is(found('&expiring=7'), 'up:expired up:today up:week', 'that expire');
is(join(' ', map { $_->{label} } @{ items('&sort=not_after&store=up') }[0..2]),
   'today week month', 'in the order of their ends');
is(found('&q=nobody'), '', 'none');
is(get("?view=certificates&$_->[0]")->{error}{code}, $_->[1], $_->[0])
    for [ 'store=x', 'no_such_store' ], [ 'sort=x', 'invalid_sort' ],
        [ 'expiring=0', 'invalid_expiring' ], [ 'after=1-2-0', 'invalid_after' ],
        [ 'after=1-1', 'invalid_after' ], [ 'after=--', 'invalid_after' ],
        [ 'after=0-0-4294967297', 'invalid_after' ];
is_deeply(get('?view=certificates&after=99-0-0')->{items}, [], 'beyond all');

sub pages {
    my ($args) = @_;
    my ($after, %seen) = ('');
    for (1 .. 1000) {
        my $r = get("?view=certificates$args$after");
        $seen{ $_->{store} . ($_->{sha256} // $_->{sha1}) }++
            for @{ $r->{items} };
        return \%seen unless defined $r->{next};
        $after = "&after=$r->{next}";
    }
    return {};
}
my $seen = pages('&limit=2');
is(scalar(keys %$seen), 10, 'page by page');
ok(!(grep { $_ != 1 } values %$seen), 'each once');


# 3. Last use.

is((grep { defined $_->{last_used} } @{ items() }), 0, 'none is in use');
my $minute = sub { $_[0]{last_used} };
sub used { join ' ', sort map { "$_->{store}:$_->{label}" }
                     grep { defined $_->{last_used} } @{ items() } }

is_now('acme', 200, 'one that is used');
is(used(), 'up:acme', 'is noted');
is_now('acme /list', 200, 'and in a list');
is_now('globex /list', 200, 'by SHA-256 as well');
is(used(), "list:Acme %22Ltd%22 list:\\xC3\\xA4 up:acme", 'is noted there');
is_now('foreign', 401, 'who is not in it');
is_now('acme /deny', 401, 'one that is denied by its key');
is(used(), "bad:twin list:Acme %22Ltd%22 list:\\xC3\\xA4 up:acme",
   'is noted as the one that denies it');
my ($acme) = grep { $_->{store} eq 'up' && $_->{label} eq 'acme' } @{ items() };
like($acme->{last_used}, qr/T\d\d:\d\d:00Z$/, 'to the minute');

for my $round (1 .. 20) {
    put('foreign');
    becomes('foreign', 200, "round $round: added");
    unlink $n->path('up/foreign.pem');
    becomes('foreign', 401, "round $round: removed");
}
like(used(), qr/up:acme$/, 'what the store holds has changed, this stays');
ok($n->reload, 'a reload');
hang_up();
like(used(), qr/up:acme$/, 'it stays');
put('acme', 'up/other.pem');
unlink $n->path('up/acme.pem');
becomes('acme', 200, 'by another name');
like(used(), qr/up:other$/, 'it is the same certificate');


# 4. What is wrong with files, and with a source.

$n->write('up/week.pem', 'nothing');
$n->write("up/odd \"\x01\xff.pem", "-----BEGIN CERTIFICATE-----\nx\n"
                                   . "-----END CERTIFICATE-----\n");
ok(wait_for(sub { store('up')->{files}{kept} == 1
                  && store('up')->{files}{rejected} == 1 }, 10), 'two are bad');
$s = store('up');
my %wrong = map { $_->{file} => $_ } @{ $s->{errors} };
is_deeply([ @{ $wrong{'week.pem'} }{qw(state text)} ],
          [ 'kept', 'it holds no certificate' ], 'one keeps its state');
is_deeply([ @{ $wrong{'odd \x22\x01\xFF.pem'} }{qw(state text)} ],
          [ 'rejected', 'a certificate in it is not base64' ],
          'of the other one nothing is in force');
is($s->{entries}, 7, 'what was read stays');
my $errors = get('?view=errors');
is($errors->{total}, 2, 'a list of errors');
is($errors->{items}[0]{store}, 'up', 'of which store');

$m = scrape();
is(value($m, 'store_files', store => 'up', state => 'kept'), 1, 'kept');
is(value($m, 'store_files', store => 'up', state => 'rejected'), 1, 'rejected');
cmp_ok(value($m, 'store_errors_total', store => 'up', cause => 'parse'), '>=',
       2, 'errors are counted');

put('week', 'up/week.pem');
unlink glob($n->path('up') . '/odd*');
ok(wait_for(sub { @{ store('up')->{errors} } == 0 }, 10), 'mended');

$n->write('list', "x\n");
ok(wait_for(sub { store('list')->{files}{kept} }, 10), 'a list is bad');
like(store('list')->{errors}[0]{text}, qr/in line 1, column 1$/, 'and where');
is(store('list')->{entries}, 2, 'it keeps its state');
$n->write('list', sha1('acme') . "\n");
ok(wait_for(sub { store('list')->{entries} == 1 }, 10), 'mended');
is_deeply(store('list')->{errors}, [], 'nothing is wrong');
is(store('list')->{removed}, 1, 'one is removed');

my $before = time;
rename $n->path('up'), $n->path('away');
ok(wait_for(sub { !store('up')->{up} }, 10), 'a directory is away');
$s = store('up');
like($s->{error}, qr/No such file/, 'says why');
cmp_ok(JSON::PP->new->allow_nonref->encode($s->{since}), 'ne', 'null', 'when');
is($s->{entries}, 7, 'it keeps its state');
is(value(scrape(), 'store_up', store => 'up'), 0, 'down');
rename $n->path('away'), $n->path('up');
ok(wait_for(sub { store('up')->{up} }, 10), 'it is back');
is(store('up')->{error}, undef, 'nothing is wrong');


# 5. Another helper, killed at any moment.

my $checked = store('up')->{checked};
for (1 .. 3) {
    put('foreign');
    another_helper('kill');
    unlink $n->path('up/foreign.pem');
    becomes('foreign', 401, 'another helper follows');
}
$s = store('up');
is_deeply([ @$s{qw(entries up)} ], [ 7, JSON::PP::true() ], 'and tells');
cmp_ok($s->{checked}, 'ge', $checked, 'of now');


# 6. Many entries, and a zone that is too small for them.

{
    my $count = 45_000;
    my $n = nginx(config => config('clientcert_store many list=%%PREFIX%%/many;
        clientcert_store small directory=%%PREFIX%%/small size=64k;
        clientcert_policy m { allow store=many; allow store=small; }'));
    mkdir $n->path($_) for qw(up bad small);
    $n->write('list', "# none\n");
    $n->write('many', join '', map { sha256_hex($_) . " client-$_\n" }
                                   1 .. $count);
    for my $i (1 .. 120) {
        der_cert(name => "small$i", ca => 'self', serial => sprintf '%04x', $i);
        $n->write(sprintf('small/%03d-%s.pem', $i, 'x' x 200),
                  crt("small$i"));
    }
    hang_up();
    $n->start;

    my $get = sub { status_json(client(port => $n->port('tls')),
                                "/status?view=certificates$_[0]") };
    my $r = $get->('&store=many&q=client-44999');
    is($r->{total}, $count, 'many');

    my ($looks, $partial, @found) = (1, 0, @{ $r->{items} });
    while (defined $r->{next}) {
        $partial += $r->{partial};
        $r = $get->("&store=many&q=client-44999&after=$r->{next}");
        push @found, @{ $r->{items} };
        $looks++;
    }
    is($looks, 3, 'are looked through in three steps');
    is($partial, 2, 'two of which tell of more');
    is_deeply([ map { $_->{label} } @found ], [ 'client-44999' ], 'one found');
    is($get->('&q=' . sha256_hex(7))->{items}[0]{label}, 'client-7',
       'by its thumbprint at once');

    my ($small) = grep { $_->{name} eq 'small' }
        @{ status_json(client(port => $n->port('tls')), '/status')->{stores} };
    cmp_ok($small->{memory}{needed}, '>', 64 * 1024, 'a larger zone is needed');
    cmp_ok($small->{files}{rejected}, '>', 20, 'for files without room');
    is($small->{errors}[0]{text}, 'it has no room in the zone', 'and why');
    is(scalar(@{ $small->{errors} }), 20, 'not all of them are told');

    is($n->stop, 0, 'nginx ended well');
    is_deeply([ $n->alerts ], [], 'nothing alarming in the log');
}

SKIP: {
    my @wrong = wrong_answers();
    skip 'Python has no jsonschema', 1 if @wrong && !defined $wrong[0];
    is_deeply(\@wrong, [], 'as the schema says');
}
hang_up();
$n->stop;
is_deeply([ $n->alerts(killed => 1) ], [], 'nothing alarming in the log');

done_testing;
