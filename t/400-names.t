# Covers src/cert/ngx_clientcert_names.c and the conditions over names: each
# certificate is made for one way in which a comparison of printed text goes
# wrong.  The naive server does what people write, a regular expression over
# $ssl_client_s_dn, and the answers stand side by side.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;
use Encode 'encode';

# the name of a policy -> its lines
my %policies = (
    cn       => 'allow cn=admin;',
    regex    => 'allow cn=~^admin$;',
    subject  => 'allow subject=CN=admin,O=Example;',
    forward  => 'allow "subject=O=Example, CN=admin";',
    oid      => 'allow subject=2.5.4.3=admin,oid.2.5.4.10=#0c074578616d706c65;',
    multi    => 'allow subject=CN=admin+O=Example;',
    deny_cn  => 'deny cn=admin; allow verified;',
    number   => 'allow subject=rfc4514:OU=x,CN=123+serialNumber=4,O=Example;',
    deny_no  => 'deny subject=rfc4514:OU=x,CN=123+serialNumber=4,O=Example; '
                . 'allow verified;',
    deny_dn  => 'deny subject=CN=admin,O=Example; allow verified;',
    subj_cn  => 'allow subject.commonname=admin;',
    deny_subj => 'deny subject.CN=admin; allow verified;',
    issuer_cn => 'allow issuer.CN=ca-a cn=admin;',
    org_id   => 'allow subject.2.5.4.97=PSDDE-BAFIN-1;',
    uid      => 'allow subject.uid=u1;',
    dcs      => 'allow subject.DC=example subject.DC=test;',
    o        => 'allow o=Example;',
    ou       => 'allow ou=two;',
    joerg    => 'allow cn=Jörg;',
    joerg_dn => 'allow subject=CN=J\C3\b6rg;',
    escaped  => 'allow "subject=CN=a\,b\+c\22d\5ce\;f\<g\>h\#i\=j";',
    dc       => 'allow subject=rfc4514:DC=a,DC=test;',
    dc_any   => 'allow subject=DC=test,DC=a;',
    rfc4514  => 'allow subject=rfc4514:CN=admin,O=Example;',
    deny_4514 => 'deny subject=rfc4514:CN=admin,O=Example; allow verified;',
    dns      => 'allow dns=api.example.com;',
    dns_dot  => 'allow dns=API.example.com.;',
    dns_any  => 'allow dns=*.example.com;',
    dns_re   => 'allow dns=~\.example\.com$;',
    idn      => 'allow dns=xn--bcher-kva.example;',
    uri      => 'allow uri=spiffe://example.org/ns/prod/api;',
    uri_any  => 'allow uri=spiffe://example.org/ns/prod/*;',
    deny_uri => 'deny uri=spiffe://example.org/ns/prod/*; allow verified;',
    https    => 'allow uri=https://example.org/*;',
    email    => 'allow email=Joe@Example.com;',
    upn      => 'allow upn=Joe@Corp.example;',
    upn_umlaut => 'allow upn=jörg@corp.example;',
    upn_any  => 'allow upn=*@CORP.example;',
    upn_re   => 'allow upn=~@corp\.example$;',
    deny_upn => 'deny upn=joe@corp.example; allow verified;',
    ext      => 'allow extension.1.2.3.4=Jörg;',
    ext_hex  => 'allow extension.1.2.3.4=hex:0c:05:4A:c3:b6:72:67;',
    deny_ext => 'deny extension.1.2.3.4=Jörg; allow verified;',
    ip       => 'allow ip=10.1.2.3;',
    ip_net   => 'allow ip=10.0.0.0/8;',
    ip6      => 'allow ip=2001:db8::/32;',
    ip_map   => 'allow ip=::ffff:10.1.0.0/112;',
);

# certificate -> its parts, the policies that allow it, and what the naive
# pattern says
my $admin = [ CN => 'admin' ];
my $o = [ O => 'Example' ];

my $joerg = encode('UTF-8', 'Jörg');

# so many of this extension, each with such a value
sub ext { return { ext => [ map { [ '1.2.3.4', 0, $_ ] } @_ ] } }

my @tests = (
    [ 'extension', ext(der(12, $joerg)), 'ext ext_hex' ],
    [ 'extension, BMPString', ext(der(30, encode('UTF-16BE', 'Jörg'))), 'ext' ],
    [ 'extension, T61String', ext(der(20, "J\xf6rg")), 'ext' ],
    [ 'extension, another case', ext(der(12, encode('UTF-8', 'JÖRG'))), '' ],
    [ 'extension, a blank', ext(der(12, "$joerg ")), '' ],
    [ 'extension, more', ext(der(12, "$joerg,x")), '' ],
    [ 'extension, nothing', ext(der(12, '')), '' ],
    [ 'extension, another one', { ext => [ [ '1.2.3.5', 0,
                                             der(12, $joerg) ] ] }, '' ],
    [ 'extension, unreadable: twice', ext((der(12, $joerg)) x 2), '' ],
    [ 'extension, unreadable: a NUL', ext(der(12, "$joerg\0")), '' ],
    [ 'extension, unreadable: two strings', ext(der(12, $joerg) x 2), '' ],
    [ 'extension, unreadable: in another', ext(der(0x30, der(12, $joerg))),
      '' ],
    [ 'extension, unreadable: bytes', ext(der(4, $joerg)), '' ],
    [ 'extension, unreadable: no DER', ext($joerg), '' ],
    [ 'extension, unreadable: empty', ext(''), '' ],
    [ 'extension, unreadable: cut off', ext("\x0c\x06$joerg"), '' ],
    [ 'extension, unreadable: BER', ext("\x2c\x80" . der(12, $joerg)
                                        . "\0\0"), '' ],

    [ 'plain', { subject => [ $o, $admin ] },
      'cn regex subject rfc4514 forward oid o', 1 ],
    [ 'a comma in the CN', { subject => [ [ CN => 'evil,CN=admin' ] ] },
      '', 1 ],
    [ 'a CN in the O', { subject => [ [ O => 'CN=admin' ],
                                      [ CN => 'nobody' ] ] }, '', 1 ],
    [ 'a slash and a CN in the O',
      { subject => [ [ O => 'Org/CN=admin' ], [ CN => 'nobody' ] ] }, '', 1 ],
    [ 'two CNs', { subject => [ $admin, [ CN => 'second' ] ] }, '', 1 ],
    [ 'two CNs, both right', { subject => [ $admin, $admin ] }, '', 1 ],
    [ 'a NUL in the CN', { subject => [ [ CN => "admin\0.evil.example" ] ] },
      '', 1 ],
    [ 'a NUL at the end', { subject => [ $o, [ CN => "admin\0" ] ] },
      'o', 1 ],
    [ 'a newline in the CN', { subject => [ [ CN => "admin\nX: 1" ] ] },
      '', 1 ],
    [ 'a newline that folds to a blank',
      { subject => [ $o, [ CN => "admin\n" ] ] }, 'o', 1 ],
    [ 'a C1 control', { subject => [ [ CN => "admin\xc2\x85" ] ] }, '', 1 ],
    [ 'BMPString', { subject => [ $o, [ CN => encode('UTF-16BE', 'admin'),
                                        30 ] ] },
      'cn regex subject rfc4514 forward oid o', 1 ],
    [ 'NumericString', { subject => [ $o, [ [ CN => '123', 18 ],
                                            [ serialNumber => '4', 19 ] ],
                                      [ OU => 'x' ] ] },
      'number o' ],
    [ 'NumericString elsewhere',
      { subject => [ $o, [ CN => '123', 18 ], [ serialNumber => '4', 19 ],
                     [ OU => 'x' ] ] }, 'o' ],
    [ 'UniversalString', { subject => [ $o, [ CN => encode('UTF-32BE',
                                              'admin'), 28 ] ] },
      'cn regex subject rfc4514 forward oid o', 1 ],
    [ 'PrintableString', { subject => [ [ O => 'Example', 19 ],
                                        [ CN => 'admin', 19 ] ] },
      'cn regex subject rfc4514 forward oid o', 1 ],
    [ 'UTF8String with an umlaut', { subject => [ [ CN => encode('UTF-8',
                                                  'Jörg') ] ] },
      'joerg joerg_dn', 0 ],
    [ 'T61String with an umlaut', { subject => [ [ CN => "J\xf6rg", 20 ] ] },
      'joerg joerg_dn', 0 ],
    [ 'BMPString with an umlaut', { subject => [ [ CN => encode('UTF-16BE',
                                                 'Jörg'), 30 ] ] },
      'joerg joerg_dn', 0 ],
    [ 'blanks around it', { subject => [ $o, [ CN => '  admin ' ] ] },
      'cn subject rfc4514 forward oid o', 0 ],
    [ 'another case', { subject => [ [ O => 'EXAMPLE' ], [ CN => 'Admin' ] ] },
      'cn subject rfc4514 forward oid o', 0 ],
    [ 'a multi-valued RDN', { subject => [ [ $o, $admin ] ] },
      'cn regex multi o', 1 ],
    [ 'the other order', { subject => [ $admin, $o ] },
      'cn regex subject forward oid o', 1 ],
    [ 'one part more', { subject => [ [ C => 'DE', 19 ], $o, $admin ] },
      'cn regex o', 1 ],
    [ 'several OUs', { subject => [ [ OU => 'one' ], [ OU => 'two' ],
                                    [ CN => 'x' ] ] }, 'ou', 0 ],
    [ 'all that is escaped', { subject => [ [ CN =>
                                            'a,b+c"d\e;f<g>h#i=j' ] ] },
      'escaped', 0 ],
    [ 'other attributes', { subject => [ [ '2.5.4.97' => 'psdde-bafin-1' ],
      [ UID => 'U1', 22 ], [ DC => 'test', 22 ], [ DC => 'example', 22 ] ] },
      'org_id uid dcs' ],
    [ 'one twice, the second is it', { subject => [ [ UID => 'u2' ],
      [ UID => 'u1' ], [ DC => 'test', 22 ] ] }, 'uid' ],
    [ 'values of other attributes', { subject => [ [ CN => 'PSDDE-BAFIN-1' ],
      [ OU => 'u1' ], [ O => 'UID=u1,2.5.4.97=PSDDE-BAFIN-1' ] ] }, '' ],
    [ 'domain components', { subject => [ [ DC => 'test', 22 ],
                                          [ DC => 'a', 22 ] ] }, 'dc dc_any',
      0 ],
    [ 'domain components, the other way',
      { subject => [ [ DC => 'a', 22 ], [ DC => 'test', 22 ] ] }, 'dc_any', 0 ],
    [ 'no subject', { subject => [] }, '', 0 ],

    [ 'dns', { san => [ dns => 'api.example.com' ] },
      'dns dns_dot dns_any dns_re' ],
    [ 'dns, upper case and a dot', { san => [ dns => 'API.Example.COM.' ] },
      'dns dns_dot dns_any' ],
    [ 'dns, a wildcard', { san => [ dns => '*.example.com' ] },
      'dns_any dns_re' ],
    [ 'dns, two labels', { san => [ dns => 'a.b.example.com' ] }, 'dns_re' ],
    [ 'dns, no label', { san => [ dns => '.example.com' ] }, 'dns_re' ],
    [ 'dns, the domain', { san => [ dns => 'example.com' ] }, '' ],
    [ 'dns, a NUL', { san => [ dns => "api.example.com\0.evil.test" ] }, '' ],
    [ 'dns, a NUL before', { san => [ dns => "evil\0.example.com" ] }, '' ],
    [ 'dns, UTF-8', { san => [ dns => encode('UTF-8', 'bücher.example') ] },
      '' ],
    [ 'dns, IDN', { san => [ dns => 'XN--bcher-kva.example' ] }, 'idn' ],
    [ 'dns, the second of two', { san => [ dns => 'x.test',
                                           dns => 'api.example.com' ] },
      'dns dns_dot dns_any dns_re' ],
    [ 'dns text as a URI', { san => [ uri => 'api.example.com' ] }, '' ],
    [ 'dns text as an email', { san => [ email => 'api.example.com' ] }, '' ],
    [ 'dns text as another name', { san => [ upn => 'api.example.com' ] },
      '' ],
    [ 'dns text as the CN', { subject => [ [ CN => 'api.example.com' ] ] },
      '' ],

    [ 'uri', { san => [ uri => 'spiffe://example.org/ns/prod/api' ] },
      'uri uri_any' ],
    [ 'uri, deeper', { san => [ uri => 'spiffe://example.org/ns/prod/a/b' ] },
      'uri_any' ],
    [ 'uri, a longer name', { san => [ uri =>
      'spiffe://example.org/ns/prod-evil' ] }, '' ],
    [ 'uri, a longer name and more', { san => [ uri =>
      'spiffe://example.org/ns/prod-evil/api' ] }, '' ],
    [ 'uri, the prefix itself', { san => [ uri =>
      'spiffe://example.org/ns/prod/' ] }, '' ],
    [ 'uri, without its end', { san => [ uri =>
      'spiffe://example.org/ns/prod' ] }, '' ],
    [ 'uri, out of it again', { san => [ uri =>
      'spiffe://example.org/ns/prod/../evil' ] }, '' ],
    [ 'uri, out of it, encoded', { san => [ uri =>
      'spiffe://example.org/ns/prod/%2e%2E/evil' ] }, '' ],
    [ 'uri, out of it at the end', { san => [ uri =>
      'spiffe://example.org/ns/prod/a/..' ] }, '' ],
    [ 'uri, an encoded slash', { san => [ uri =>
      'spiffe://example.org/ns/prod/a%2fb' ] }, '' ],
    [ 'uri, an empty segment', { san => [ uri =>
      'spiffe://example.org/ns/prod//api' ] }, '' ],
    [ 'uri, a query', { san => [ uri =>
      'spiffe://example.org/ns/prod/a?b' ] }, '' ],
    [ 'uri, a percent sign', { san => [ uri =>
      'spiffe://example.org/ns/prod/a%20b' ] }, 'uri_any' ],
    [ 'uri, dots in a name', { san => [ uri =>
      'spiffe://example.org/ns/prod/..a' ] }, 'uri_any' ],
    [ 'uri, another case', { san => [ uri =>
      'spiffe://example.org/ns/Prod/api' ] }, '' ],
    [ 'uri, two of them', { san => [ uri => 'spiffe://example.org/ns/prod/api',
      uri => 'spiffe://example.org/ns/prod/b' ] }, '' ],
    [ 'uri, user information', { san => [ uri =>
      'https://example.org@evil.test/x' ] }, '' ],
    [ 'uri, user information before', { san => [ uri =>
      'https://joe@example.org/x' ] }, '' ],
    [ 'uri, https', { san => [ uri => 'https://example.org/x' ] }, 'https' ],

    [ 'email', { san => [ email => 'Joe@example.COM' ] }, 'email' ],
    [ 'email, another case', { san => [ email => 'joe@example.com' ] }, '' ],
    [ 'email in the subject', { subject => [ [ emailAddress =>
      'Joe@Example.com', 22 ] ] }, '' ],

    [ 'upn', { san => [ upn => 'joe@corp.example' ] }, 'upn upn_any upn_re' ],
    [ 'upn, another case', { san => [ upn => 'JOE@corp.Example' ] },
      'upn upn_any' ],
    [ 'upn, IA5String', { san => [ upn => [ der(22, 'joe@corp.example') ] ] },
      'upn upn_any upn_re' ],
    [ 'upn, BMPString', { san => [ upn => [ der(30, encode('UTF-16BE',
                                            'joe@corp.example')) ] ] },
      'upn upn_any upn_re' ],
    [ 'upn, an umlaut', { san => [ upn => encode('UTF-8',
                                                 'Jörg@corp.example') ] },
      'upn_umlaut upn_any upn_re' ],
    [ 'upn, the second of two', { san => [ upn => 'x@y', upn =>
                                           'joe@corp.example' ] },
      'upn upn_any upn_re' ],
    [ 'upn, another host', { san => [ upn => 'joe@corp.example.evil.test' ] },
      '' ],
    [ 'upn, a host below', { san => [ upn => 'joe@x.corp.example' ] }, '' ],
    [ 'upn, a host before', { san => [ upn => 'joe@corp.example@evil.test' ] },
      '' ],
    [ 'upn, a NUL', { san => [ upn => "joe\@corp.example\0" ] }, '' ],
    [ 'upn, a NUL inside', { san => [ upn => "joe\0\@corp.example" ] }, '' ],
    [ 'upn, a number', { san => [ upn => [ der(2, "\1") ] ] }, '' ],
    [ 'upn, true', { san => [ upn => [ der(1, "\xff") ] ] }, '' ],
    [ 'upn, two strings', { san => [ upn => [ der(0x30, (der(12,
                                      'joe@corp.example')) x 2) ] ] }, '' ],
    [ 'upn, nothing in it', { san => [ upn => '' ] }, '' ],
    [ 'upn, no UTF-8', { san => [ upn => "joe\xff\@corp.example" ] }, '' ],
    [ 'upn text as an email', { san => [ email => 'joe@corp.example' ] },
      '' ],
    [ 'upn text as a CN', { subject => [ [ CN => 'joe@corp.example' ] ] },
      '' ],

    [ 'ip', { san => [ ip => pack 'C4', 10, 1, 2, 3 ] }, 'ip ip_net ip_map' ],
    [ 'ip, another one', { san => [ ip => pack 'C4', 10, 2, 0, 1 ] },
      'ip_net' ],
    [ 'ip, mapped', { san => [ ip => pack 'x10 n C4', 0xffff, 10, 1, 2, 3 ] },
      'ip ip_net ip_map' ],
    [ 'ip, IPv6', { san => [ ip => pack 'H32', '20010db8' . '0' x 24 ] },
      'ip6' ],
    [ 'ip as text', { san => [ dns => '10.1.2.3' ] }, '' ],
    [ 'ip of five bytes', { san => [ ip => pack 'C5', 10, 1, 2, 3, 0 ] }, '' ],

    [ 'a thousand SANs', { san => [ (map { (dns => "n$_.test") } 1 .. 1000),
                                    dns => 'api.example.com' ] },
      'dns dns_dot dns_any' ],
    [ 'as many SANs as an expression looks at',
      { san => [ (map { (dns => "n$_.test") } 1 .. 255),
                 dns => 'api.example.com' ] },
      'dns dns_dot dns_any dns_re' ],
);

my $n = nginx(config => sub {
    my $text = '';
    for my $name (sort keys %policies) {
        $text .= "    clientcert_policy $name { "
                 . encode('UTF-8', $policies{$name}) . " }\n";
    }
    $text .= <<'END';
    map $ssl_client_s_dn $naive { ~CN=admin 1; default 0; }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        keepalive_requests 1000;
        add_header X-Naive $naive always;
        location / { empty_gif; }
END
    $text .= "        location /$_/ { clientcert_require $_; empty_gif; }\n"
        for sort keys %policies;
    return "$text    }\n";
})->start;

my $count = 0;

for my $test (@tests) {
    my ($what, $parts, $allowed, $naive) = @$test;
    my $name = 'name' . ++$count;
    der_cert(name => $name, %$parts);

    my $c = client(cert => $name, port => $n->port('tls'));
    my (%got, %wanted);

    for my $policy (sort keys %policies) {
        my $r = $c->get("/$policy/");
        $got{$policy} = $r->{status} // $r->{error};
        $wanted{$policy} = $policy =~ /^deny/ ? 200 : 401;
    }

    # the same in other words
    $allowed .= ' subj_cn issuer_cn' if $allowed =~ /\bcn\b/;

    $wanted{$_} = 200 for split ' ', $allowed;
    @wanted{'deny_cn', 'deny_subj'} = (401, 401)
        if $allowed =~ /\bcn\b/ || $what =~ /^two CNs/;
    $wanted{deny_dn} = 401 if $allowed =~ /\bsubject\b/;
    $wanted{deny_4514} = 401 if $allowed =~ /\brfc4514\b/;

    $wanted{deny_no} = 401 if $allowed =~ /\bnumber\b/;

    # whatever comes behind the prefix
    $wanted{deny_uri} = 401
        if grep { m{^spiffe://example\.org/ns/prod/} }
                @{ $parts->{san} // [] };

    $wanted{deny_ext} = 401
        if $allowed =~ /\bext\b/ || $what =~ /^extension, unreadable/;

    $wanted{deny_upn} = 401
        if $allowed =~ /\bupn\b/
        || $what =~ /^upn, (?:a N|a number|true|two str|nothing|no UTF)/;

    # what can't be read may be anything
    @wanted{'deny_cn', 'deny_subj', 'deny_dn', 'deny_no', 'deny_4514'}
        = (401) x 5
        if $what =~ /^a (?:NUL|newline|C1 control)\b/;

    if (defined $naive) {
        ($got{naive}, $wanted{naive})
            = ($c->get('/')->{headers}{'x-naive'}, $naive);
    }

    is_deeply(\%got, \%wanted, $what);
}

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
