# Covers ngx_http_clientcert_explain.c, ngx_clientcert_explain.c,
# ngx_clientcert_found.c and ngx_clientcert_posted.c: what a policy would say
# of a certificate, which lines came nearest, and what would let it in.  Each
# answer is compared with that of a request, and each line that is proposed is
# tried in a configuration.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;
use JSON::PP ();
use MIME::Base64 'encode_base64';
use StatusJson;

my %policies = (
    pin => 'deny cn=globex; allow thumbprint=' . sha256('acme') . ' label=a;',
    chain => 'trust chain; allow cn=acme; allow o=Nobody;',
    names => 'allow cn=acme o=Example; allow cn=other dns=a.test;
              allow "subject=CN=x,O=y";',
    ca => 'allow cn=foreign ca=%%CERTS%%/ca-b.crt label=b;
           deny ca=%%CERTS%%/inter.crt;',
    store => 'allow store=up; deny store=bad;',
    store2 => 'allow store=up;',
    chained => 'trust chain; allow store=up;',
    unlike => 'allow store=up cn=nobody;',
    issued => 'allow issuer_thumbprint=' . sha256('int-a') . ';',
    maybe => 'allow store=up; deny cn=$arg_deny;',
    heavy => join('', map { "allow ou=~^$_;" } 1 .. 700)
             . 'allow store=up ou=nobody;',
    lifetime => 'max_lifetime 1h; allow cn=acme;',
    varies => 'allow cn=$arg_cn verified; allow spki=$arg_spki;
               deny cn=$arg_deny;',
    many => join("\n", map { "allow cn=client-$_;" } 1 .. 9999)
            . "\nallow cn=acme serial=99;",
    files => join("\n", map { "allow cn=client-$_ ca=" . ca_file($_) . ';' }
                          1 .. 150),
    forms => 'purpose any; min_key rsa=4096 ec=256;
              allow upn=*@other.test; allow extension.1.2.3.5=none;
              allow extension.1.2.3.5=hex:0500; allow subject.UID=u2;
              allow issuer.CN=ca-b; allow issuer.O=Nobody;
              allow ip=192.0.3.0/24; allow ip=2001:db8::/32;
              allow policy_oid=1.2.3; allow eku=serverAuth;
              allow serial=0A:0B; allow dns=*.other.test; allow ou=~^two;
              allow email=*@other.test; allow issuer=O=Example,CN=ca-b;',
    weak => 'min_key ec=384; allow cn=acme;',
    expression => "allow cn=~^client-\\d+\$;",
);

my $up = store_dir('up');
my $bad = store_dir('bad');

sub config {
    my ($extra) = @_;
    my $locations = join '', map { "location = /$_ {
        clientcert_require $_; empty_gif; }\n" } sort keys %policies;
    return <<"END";
    clientcert_status_zone;
    clientcert_store up directory=$up;
    clientcert_store bad directory=$bad;
    clientcert_store \xc3\xa4 directory=$up;
    clientcert_policy "\xc3\xb6 \\\\" { allow store=\xc3\xa4; }
    @{[ join "\n", map { "clientcert_policy $_ { $policies{$_}
        @{[ $extra->{$_} // '' ]} }" } sort keys %policies ]}
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        keepalive_requests 100000;
        client_body_buffer_size 1k;
        add_header X-Reason \$clientcert_reason always;
        $locations
        location = /explain { clientcert_explain; }
        location = /only { clientcert_explain names; }
    }
END
}

# one more with the same CA
sub ca_file {
    my $file = ClientCert::own_cert_dir() . "/ca-$_[0].pem";
    ClientCert::spew($file, ClientCert::slurp(cert_file('ca-b', 'crt')));
    return $file;
}

sub store_dir {
    my $dir = ClientCert::own_cert_dir() . "/store-$_[0]";
    mkdir $dir or die "$dir: $!\n";
    chmod 0755, $dir;
    return $dir;
}

my ($n, $c, @answers);

sub start {
    $n = nginx(config => config(shift // {}))->start;
    $c = client(port => $n->port('tls'));
}

sub post {
    my ($path, $body, %headers) = @_;
    $c = client(port => $n->port('tls')) if $c->closed(0);
    return $c->get($path, method => 'POST', body => $body,
                   headers => { %headers });
}

sub asked {
    my ($cert, $arguments) = @_;
    my $r = post("/explain?$arguments", slurp_cert($cert));
    is($r->{status}, 200, "$cert, $arguments") or diag($r->{body} // $r->{error});
    is($r->{headers}{'content-type'}, 'application/json', 'JSON');
    push @answers, $r->{body};
    return JSON::PP::decode_json($r->{body});
}

sub slurp_cert {
    my $file = cert_file($_[0], 'crt');
    open my $fh, '<', $file or die "$file: $!\n";
    local $/;
    return scalar <$fh>;
}

sub upload {
    my ($dir, $cert) = @_;
    open my $fh, '>', "$dir/.$cert.pem" or die "$dir: $!\n";
    print $fh slurp_cert($cert);
    close $fh or die "$dir: $!\n";
    chmod 0644, "$dir/.$cert.pem";
    rename "$dir/.$cert.pem", "$dir/$cert.pem" or die "$dir: $!\n";
}

sub reason {
    my ($cert, $path) = @_;
    my $r = client(port => $n->port('tls'), cert => $cert)->get("/$path");
    return $r->{headers}{'x-reason'};
}

sub fine {
    undef $c;
    is($n->stop, 0, 'nginx ended well');
    is_deeply([ $n->alerts ], [], 'nothing alarming in the log');
}


# 1. The same as a request.  Those of ca-a are verified there, others aren't.

der_cert(name => 'own', ca => 'self', subject => [ [ CN => 'own' ] ]);
der_cert(name => 'hostile', ca => 'self',
         subject => [ [ CN => "<img src=x onerror=\"a\">\\\xe2\x80\xae" ] ],
         san => [ dns => "a\0b" ]);

my $e;
my %verified = (acme => 1, globex => 1, acme2 => 1, foreign => 0, own => 0,
                hostile => 0);

start();
for my $cert (sort keys %verified) {
    for my $policy (grep { $_ ne 'varies' } sort keys %policies) {
        my $e = asked($cert, "policy=$policy");
        my $said = $verified{$cert} ? $e->{verified} : $e;
        is($said->{reason}, reason($cert, $policy),
           "$cert, $policy: as a request");
        is($said->{decision}, $said->{reason} eq 'ok' ? 'allow' : 'deny',
           'the decision');
    }
}
unlike($n->error_log, qr/request: "POST /, 'it logs no refusals');

# by whom it was issued is asked of the chain
$e = JSON::PP::decode_json(post('/explain?policy=issued',
                                slurp_cert('inter') . slurp_cert('int-a'))
                           ->{body});
my $issued = client(port => $n->port('tls'), cert => 'inter',
                    chain => 'inter-chain.crt')->get('/issued');
is($e->{verified}{reason}, $issued->{headers}{'x-reason'}, 'with its issuer');
is($e->{reason}, 'untrusted', 'which nobody verified');
is(asked('inter', 'policy=issued')->{verified}{reason}, 'no_match', 'without');


# 2. What it says.

$e = asked('acme', 'policy=pin');
is($e->{certificate}{sha256}, sha256('acme'), 'which certificate');
is($e->{certificate}{subject}, 'CN=acme,O=Example', 'whose it is');
is($e->{policy}, 'pin', 'which policy');
is($e->{label}, 'a', 'the label');
is($e->{line}{action}, 'allow', 'the line that decided');
like($e->{line}{file}, qr/nginx\.conf$/, 'where it stands');
is_deeply($e->{remedies}, [], 'nothing to be done');

$e = asked('globex', 'policy=pin');
is("$e->{decision} $e->{reason}", 'deny denied', 'a deny');
is($e->{line}{action}, 'deny', 'that line');
is_deeply($e->{remedies}, [], 'which no further line changes');

$e = asked('acme', 'policy=chain');
is($e->{reason}, 'untrusted', 'without a chain');
is($e->{verified}{reason}, 'ok', 'and with one');
is($e->{lines}{items}[0]{text}, 'allow cn=acme', 'the nearest line');
is($e->{lines}{items}[0]{conditions}[0]{text}, 'verified', 'lacks a chain');
ok(!$e->{lines}{items}[0]{conditions}[0]{holds}, 'which is no');

$e = asked('acme', 'policy=names');
my $line = $e->{lines}{items}[0];
is($line->{text}, 'allow cn=acme o=Example', 'only the chain is missing');
is($line->{lacks}, 1, 'one thing');
is_deeply([ map { $_->{found} } grep { $_->{text} eq 'cn=acme' }
            @{ $line->{conditions} } ], ['acme'], 'what was found');
my ($dn) = grep { $_->{text} =~ /subject/ }
           map { @{ $_->{conditions} } } @{ $e->{lines}{items} };
is($dn->{found}, 'CN=acme,O=Example', 'the subject');
is($dn->{wanted}, 'CN=x,O=y', 'and the one that is wanted');

$e = asked('acme', 'policy=ca');
my ($ca) = grep { $_->{text} =~ /^ca=.*ca-b/ }
           map { @{ $_->{conditions} } } @{ $e->{lines}{items} };
like($ca->{found}, qr/ca-b\.crt.*unable to get local issuer certificate/,
     'OpenSSL says why a chain fails');

der_cert(name => 'full', subject => [ [ O => 'Example' ], [ UID => 'u1' ],
                                      [ OU => 'one' ], [ OU => 'One' ] ],
         ext => [ [ '1.2.3.5', 0, der(12, 'role') ] ], serial => '0a0b0c',
         policies => [ '1.2.3.4' ],
         san => [ dns => 'Full.test', email => 'a@full.test',
                  upn => 'a@corp.test', ip => pack('C4', 192, 0, 2, 1),
                  ip => pack 'H*', '20010db8' . '00' x 11 . '01' ]);
$e = asked('full', 'policy=forms&limit=100');
my %found = map { $_->{text} => [ @$_{qw(wanted found)}, $_->{holds} ? 1 : 0 ] }
            grep { $_->{text} ne 'verified' }
            map { @{ $_->{conditions} } } @{ $e->{lines}{items} };
my $ips = '192.0.2.1, 2001:db8::1';
is_deeply(\%found, {
    'upn=*@other.test' => [ '', 'a@corp.test', 0 ],
    'extension.1.2.3.5=none' => [ '', 'role', 0 ],
    'extension.1.2.3.5=hex:0500' => [ '', 'hex:0c04726f6c65', 0 ],
    'subject.UID=u2' => [ '', 'u1', 0 ],
    'issuer.CN=ca-b' => [ '', 'ca-a', 0 ],
    'issuer.O=Nobody' => [ '', 'Example', 0 ],
    'ip=192.0.3.0/24' => [ '', $ips, 0 ],
    'ip=2001:db8::/32' => [ '', $ips, 1 ],
    'policy_oid=1.2.3' => [ '', '1.2.3.4', 0 ],
    'eku=serverAuth' => [ '', '1.3.6.1.5.5.7.3.2', 0 ],
    'serial=0A:0B' => [ '0x0a0b', '0x0a0b0c', 0 ],
    'dns=*.other.test' => [ '', 'Full.test', 0 ],
    'ou=~^two' => [ '', 'one, One', 0 ],
    'email=*@other.test' => [ '', 'a@full.test', 0 ],
    'issuer=O=Example,CN=ca-b'
        => [ 'O=example,CN=ca-b', 'CN=ca-a,O=Example', 0 ],
}, 'each condition, what is wanted and what there is');

$e = asked('acme', 'policy=weak');
is("$e->{reason}, $e->{detail}", 'weak_key, a key of 256 bits', 'a weak key');
$e = asked('acme', 'policy=lifetime');
is($e->{reason}, 'lifetime', 'a long life');
like($e->{detail}, qr/^notBefore=\S+Z notAfter=\S+Z$/, 'from when to when');

$e = asked('own', 'policy=varies');
is($e->{decision}, 'depends', 'on what a request brings');
is($e->{lines}{items}[0]{holds}, undef, 'that line is unknown');
like($e->{lines}{items}[0]{conditions}[0]{doubt}, qr/depends on/, 'and why');

$e = asked('acme', 'policy=many&limit=3');
is($e->{lines}{total}, 10_000, 'ten thousand lines');
is(scalar @{ $e->{lines}{items} }, 3, 'of which three were asked for');
is($e->{lines}{items}[0]{text}, 'allow cn=acme serial=99', 'the nearest one');
is($e->{lines}{next}, '3', 'there are more');
is(asked('acme', 'policy=many&limit=3&after=3')->{lines}{items}[0]{text},
   'allow cn=client-3', 'which follow');

$e = asked('acme', 'policy=files');
is($e->{lines}{looked_at}, 100, 'as many chains as may be built');
ok($e->{lines}{partial}, 'which is said');

$e = asked('hostile', 'policy=names');
unlike(JSON::PP::encode_json($e), qr/[^ -~]/, 'whatever a name has');


# 3. What would help, each tried.

upload($up, 'acme');
is(wait_for(sub { reason('acme', 'store') eq 'ok' }), 1, 'in a store');
$e = asked('acme', 'policy=store');
is("$e->{reason} $e->{label}", 'ok acme', 'it knows the store');

$e = asked('own', 'policy=store');
is($e->{reason}, 'no_match', 'not in it');
my ($store) = grep { $_->{kind} eq 'store' } @{ $e->{remedies} };
is("$store->{store} $store->{decision}", 'up allow', 'what would help');
is_deeply([ sort @{ $store->{also_allows} } ], [ 'chained', 'maybe', 'store2' ],
          'and where it may get in besides, once it is verified or not denied');
ok(!$store->{partial}, 'all of them');
der_cert(name => 'ous', ca => 'self', subject => [ map { [ OU => "x$_" ] } 1 .. 50 ]);
($store) = grep { $_->{kind} eq 'store' }
           @{ asked('ous', 'policy=store')->{remedies} };
ok($store->{partial}, 'where that would be too much work, not all');
is(asked('own', 'policy=store&suppose=up')->{reason}, 'ok', 'supposed');
is(asked('own', 'policy=store&suppose=bad')->{reason}, 'denied', 'denied');
upload($up, 'own');
is(wait_for(sub { reason('own', 'store') eq 'ok' }), 1, 'as it was supposed');
is(reason('own', 'store2'), 'ok', 'there too');

my %line;
for ([ 'own', 'pin' ], [ 'acme', 'names' ], [ 'own', 'expression' ],
     [ 'globex', 'names' ]) {
    my ($cert, $policy) = @$_;
    for my $remedy (grep { $_->{text} }
                    @{ asked($cert, "policy=$policy")->{remedies} }) {
        $line{"$cert $policy $remedy->{kind}"} = $remedy;
    }
}

# what is no name, and a name that alone would do
my %odd = (blank => [ dns => 'a b' ], label => [ dns => 'a..b' ],
           scheme => [ uri => 'foo' ], host => [ email => 'nobody' ],
           both => [ map { (uri => "spiffe://e/$_") } 'a', 'b' ]);
for my $cert (sort keys %odd) {
    der_cert(name => $cert, ca => 'ca-a', subject => [ [ CN => $cert ] ],
             san => $odd{$cert});
    $verified{$cert} = 1;
    my ($remedy) = grep { $_->{kind} eq 'name' }
                   @{ asked($cert, 'policy=names')->{remedies} };
    $line{"$cert names name"} = $remedy;
}
is_deeply([ map { $_->{decision} }
            @{ asked('own', 'policy=varies')->{remedies} } ],
          [ ('depends') x 3 ], 'lines that a "deny" may forbid');
is_deeply([ sort map { /(\S+)$/ } keys %line ],
          [ ('key') x 4, ('name') x 8, ('thumbprint') x 4 ], 'lines to add');
fine();

for (sort keys %line) {
    my ($cert, $policy) = split;
    next if $line{$_}{needs_chain} && !$verified{$cert};
    start({ $policy => $line{$_}{text} });
    is(reason($cert, $policy), 'ok', "$_: $line{$_}{text}");
    fine();
}


# 4. One of the recent refusals.

start();
reason('globex', 'names');
$e = $c->get('/explain?policy=names&sha256=' . sha256('globex'));
is($e->{status}, 200, 'it was refused');
is(JSON::PP::decode_json($e->{body})->{certificate}{subject},
   'CN=globex,O=Example', 'so it is known');
is($c->get('/explain?policy=names&sha256=' . sha256('own'))->{status}, 404,
   'another one is not');
is($c->get('/explain?policy=names&sha256=xy')->{status}, 400, 'no digest');


# 5. Bodies, methods and arguments.

my $pem = slurp_cert('own');
my $der = do {
    open my $fh, '<:raw', cert_file('own', 'der') or die;
    local $/;
    <$fh>;
};
is(post('/explain?policy=pin', $der)->{status}, 200, 'DER');
is(post('/explain?policy=pin', $pem, 'Content-Type' => $_)->{status}, 200, $_)
    for 'application/x-pem-file', 'text/plain; charset=utf-8';
is(post('/explain?policy=pin', $pem, 'Content-Type' => 'image/png')->{status},
   415, 'another type');
is(post('/explain?policy=pin', $pem, 'Sec-Fetch-Site' => $_->[0])->{status},
   $_->[1], $_->[0])
    for [ 'same-origin', 200 ], [ 'none', 200 ], [ 'cross-site', 403 ],
        [ 'same-site', 403 ];
is(post('/explain?policy=pin', $pem . ' ' x 65536)->{status}, 413, 'too large');
$c = client(port => $n->port('tls'));
is(post('/explain?policy=pin', $pem x 16)->{status}, 200, 'a chain of 16');
is(post('/explain?policy=pin', $pem x 17)->{status}, 400, 'of 17');

for ([ '', 'it is empty' ], [ 'nonsense', 'it holds no certificate' ],
     [ "-----BEGIN CERTIFICATE-----\nMIIC\n", 'it is truncated' ]) {
    my $r = post('/explain?policy=pin', $_->[0]);
    is($r->{status}, 400, $_->[1]);
    like($r->{body}, qr/"code":"invalid_certificate"/, 'in JSON');
    like($r->{body}, qr/$_->[1]/, 'and why');
}

is($c->get('/explain?policy=pin', method => 'PUT', body => $pem)->{status},
   405, 'PUT');
$c = client(port => $n->port('tls'));
my @errors = (post('/explain', $pem), post('/explain?policy=pin', 'x'));
is($errors[0]{status}, 404, 'no policy');
is(post('/explain?policy=none', $pem)->{status}, 404, 'none of that name');
is(post('/explain?policy=pin&suppose=none', $pem)->{status}, 404, 'no store');
is(post('/explain?policy=pin&limit=0', $pem)->{status}, 400, 'no line');
for my $policy ('%C3%B6%20%5C', '%5CxC3%5CxB6%20%5Cx5C') {
    for my $store ('%C3%A4', '%5CxC3%5Cxa4') {
        my $e = asked('own', "policy=$policy&suppose=$store");
        is("$e->{policy}, $e->{suppose}", '\xC3\xB6 \x5C, \xC3\xA4',
           'a name as it is, and as it is told');
    }
}
is(post('/explain?policy=%5Cx', $pem)->{status}, 404, 'another one');
is(post('/only', $pem)->{status}, 200, 'the policy of the directive');
is(post('/only?policy=names', $pem)->{status}, 200, 'which may be named');
is(post('/only?policy=pin', $pem)->{status}, 404, 'another may not');
fine();

SKIP: {
    my @wrong = wrong_answers(@answers, map { $_->{body} } @errors);
    skip 'Python has no jsonschema', 1 if @wrong && !defined $wrong[0];
    is_deeply(\@wrong, [], 'all as the schema says');
}

done_testing;
