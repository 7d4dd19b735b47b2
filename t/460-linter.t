# Covers what is legal but surely not meant (src/policy/ngx_clientcert_check.c
# and ngx_http_clientcert_check_use()), the errors of values, and that a policy
# without any of it is quiet.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;

my $n = nginx(config => '');

sub said {
    my ($rules, $server) = @_;
    my ($status, $text) = $n->test("clientcert_policy p {\n$rules\n}\n"
                                   . ($server // ''));
    # what nginx itself ends with says nothing
    $text =~ s/^nginx: (?:the )?configuration file .*\n//mg;
    return ($status, $text);
}

sub warns {
    my ($rules, $warning, $what, $server) = @_;
    my ($status, $text) = said($rules, $server);
    is($status, 0, "$what: legal");
    like($text, $warning, "$what: a warning");
}

sub quiet {
    my ($rules, $what, $server) = @_;
    my ($status, $text) = said($rules, $server);
    is("$status$text", '0', "$what: nothing to say");
}

sub refused {
    my ($condition, $error) = @_;
    my ($status, $text) = said("allow $condition;");
    ok($status, "$condition: refused");
    like($text, qr/$error in \S+test\.conf:\d+$/m, "$condition: why");
}

my $spki = 'ab' x 32;
my $ca = cert_dir() . '/ca-a.crt';

warns("allow cn=a;\nallow o=x cn=a;",
      qr/"allow" in \S+:\d+ is never asked because of the wider one/,
      'a narrower rule behind a wider one');
quiet("allow o=x cn=a;\nallow cn=a;", 'a wider rule behind a narrower one');
warns("allow o=x cn=a;\nallow cn=A o=X;", qr/"allow" is a duplicate of/,
      'the same conditions in another order');
warns("allow upn=a\@b upn=A\@B;", qr/duplicate condition "upn=A\@B"/,
      'a user in another case');
warns("allow extension.2.5.29.15=hex:0500 extension.keyUsage=hex:05:00;",
      qr/duplicate condition "extension\.keyUsage=hex:05:00"/,
      'an extension twice, in other words');
warns("allow extension.1.2.3=a extension.1.2.3=A;",
      qr/can never match, a certificate has one extension\.1\.2\.3,/,
      'two values of an extension');
quiet("allow extension.1.2.3=a extension.1.2.3=hex:0c0161;",
      'a value of an extension and its bytes');
quiet("allow extension.1.2.3=a extension.1.2.4=b;", 'two extensions');
warns("allow cn=a cn=a;", qr/duplicate condition "cn=a", ignored/,
      'a condition twice');
warns("allow cn=a cn=b;", qr/can never match, a certificate has one cn/,
      'two CNs');
warns("allow cn=a subject.CN=A;", qr/duplicate condition "subject\.CN=A"/,
      'a condition twice, in other words');
warns("allow subject.commonName=a;\nallow subject.2.5.4.3=A;",
      qr/"allow" is a duplicate of/, 'a line twice, in other words');
warns("allow cn=a subject.CN=b;",
      qr/can never match, a certificate has one subject\.CN/,
      'two CNs, in other words');
warns("allow issuer.CN=a issuer.CN=b;", qr/a certificate has one issuer\.CN/,
      'two CNs of the issuer');
warns("allow subject.UID=a cn=b;\ndeny subject.uid=A;",
      qr/"allow" in \S+:\d+ can never match because of "deny"/,
      'an attribute that is denied anyway');
quiet("allow subject.CN=a issuer.CN=b;", 'a CN of each name');
quiet("allow subject.OU=a subject.DC=a ou=b;", 'two OUs');
quiet("allow verified;\ndeny subject.CN=a cn=b;", 'two CNs denied');
warns("allow serial=01 serial=02;", qr/a certificate has one serial/,
      'two serial numbers');
quiet("allow serial=01 cn=a;\nallow serial=02 cn=a;", 'in two rules');
quiet("allow dns=a.test dns=b.test;", 'two DNS names');
quiet("allow cn=~a cn=~b;", 'two expressions');
quiet("allow verified;\ndeny cn=a cn=b;", 'two CNs that are denied');
warns("allow cn=a dns=a.test;\ndeny cn=a;",
      qr/"allow" in \S+:\d+ can never match because of "deny"/,
      'what is denied anyway');
quiet("allow cn=a;\ndeny cn=a dns=a.test;", 'a part of it is denied');
warns('deny thumbprint=' . 'ab' x 20 . ";\nallow verified;",
      qr/use "spki=" or "issuer=" and "serial=" instead/,
      'deny by thumbprint');
quiet("deny spki=$spki;\nallow verified;", 'deny by key');
warns('deny cn=a;', qr/policy "p" has no "allow", it refuses everyone/,
      'no rule that allows');
warns('allow ip=10.1.2.3/8;', qr/ip "10\.1\.2\.3\/8" .*low address bits/,
      'an address inside of a block');

my $server = 'server { listen 127.0.0.1:%%PORT_tls%% ssl; '
           . 'ssl_certificate %%CERTS%%/server.crt; '
           . 'ssl_certificate_key %%CERTS%%/server.key; '
           . 'clientcert_require p;';

warns('allow verified;', qr/where "ssl_verify_client" is off/,
      'no certificate is asked for', "$server }");
warns('allow verified;', qr/"clientcert_require\ p"\ in\ \S+:\d+\ refuses
      \ everyone\ in\ server\ "",\ which\ has\ no\ CA\ to\ verify\ a
      \ chain\ by,\ and\ no\ "allow"\ does\ without$/mx, 'no CA', "$server ssl_verify_client optional_no_ca; }");
warns("trust chain;\nallow spki=$spki;",
      qr/which has no CA to verify a chain by/,
      'no CA for "trust chain"',
      "$server ssl_verify_client optional_no_ca; }");
quiet("allow cn=a;\nallow spki=$spki;", 'no CA, but a pin',
      "$server ssl_verify_client optional_no_ca; }");
quiet("allow cn=a ca=$ca;", 'a CA of the rule',
      "$server ssl_verify_client optional_no_ca; }");
quiet('allow cn=a;', 'a CA of the server',
      "$server ssl_verify_client optional_no_ca; "
      . 'ssl_client_certificate %%CERTS%%/ca-a.crt; }');

# locations that are public, on the terminal
sub public {
    my ($server, $n, $first, $what) = @_;
    my ($status, $text) = said('allow verified;', $server);
    like("$status $text", qr{^0\ nginx:\ \[notice\]\ server\ "a\.test"\ in
        \ \S+test\.conf:\d+\ asks\ for\ certificates
        \ \("optional_no_ca"\)\ and\ has\ no\ policy\ in\ $n\ of\ its
        \ locations,\ "\Q$first\E"\ the\ first:\ anyone\ may\ use\ them,
        \ "clientcert_require\ off"\ says\ that\ this\ is\ meant\n\z}x,
        $what);
}

my $asks = $server =~ s/clientcert_require p;/server_name a.test;/r
           . ' ssl_verify_client optional_no_ca; '
           . 'ssl_client_certificate %%CERTS%%/ca-a.crt;';
my $guarded = 'location / { clientcert_require p; }';

public("$asks }", 1, '/', 'a server without a policy');
public("$asks $guarded location /b { } location /a { } }", 2, '/b',
       'two of three locations');
public("$asks location = / { clientcert_require p; } }", 1, '/',
       'the server itself, where one page has a policy');
public("$asks $guarded location /a/ { location ~ x { } } }", 2, '/a/',
       'one in the other');
public("$asks $guarded location /a { clientcert_require p; location /a/b { "
       . 'clientcert_require off; location /a/b/c { } } } location /x { } }',
       1, '/x', 'all but those that are meant');
public("$asks location / { limit_except GET { clientcert_require p; } } }", 1,
       '/', 'a policy for some methods');

quiet('allow verified;', 'a policy in the server',
      "$asks clientcert_require p; location /a { } }");
quiet('allow verified;', 'off in the server',
      "$asks clientcert_require off; location /a { } }");
quiet('allow verified;', 'off in http',
      "clientcert_require off; $asks location /a { } }");
quiet('allow verified;', 'off in the locations',
      "$asks location / { clientcert_require off; } }");
quiet('allow verified;', 'what only a redirect leads to',
      "$asks $guarded location \@a { } location /a { internal; } "
      . 'error_page 403 @a; }');
quiet('allow verified;', 'a condition within a location',
      "$asks location / { clientcert_require p; if (\$arg_x) { break; } } }");
quiet('allow verified;', 'the pages about the module',
      "$asks $guarded location /status { clientcert_status json; } }");
quiet('allow verified;', 'nobody is asked',
      $asks =~ s/optional_no_ca/off/r . ' }');
quiet('allow verified;', 'nginx refuses what is not verified',
      $asks =~ s/optional_no_ca/optional/r . ' }');
quiet('allow verified;', 'a server without TLS', 'ssl_verify_client '
      . 'optional_no_ca; ssl_certificate %%CERTS%%/server.crt; '
      . 'ssl_certificate_key %%CERTS%%/server.key; '
      . 'server { listen 127.0.0.1:%%PORT_tls%%; location / { } }');

{
    my ($status, $text) = $n->test("$asks }");
    unlike($text, qr/notice/, 'no policy at all: nothing to say');
}

# once for each directive and server, wherever it is inherited
for (['', 1, 'of http'], ['clientcert_require p; ', 1, 'of the server'],
     ['location /y { clientcert_require p; location /y/z { if ($arg_x) { } } }',
      2, 'of http and of a location']) {
    my ($own, $times, $what) = @$_;
    my ($status, $text) = said('allow verified;', 'clientcert_require p; '
        . $server =~ s/clientcert_require p;/$own/r
        . ' if ($arg_x) { set $x y; } location / { } location /x { '
        . 'limit_except GET { deny all; } location /x/y { } } }');
    is("$status " . (() = $text =~ /"ssl_verify_client" is off/g),
       "0 $times", "a directive $what warns once");
}

# a serial number that may be decimal, which Ansible, step-ca, Python, Go and
# OpenSSL's text print

my $deny = "allow verified;\ndeny verified";

for ([ '4660', '1234' ], [ '10', '0a' ],
     [ '1234567890123456', '0462d53c8abac0', 'looks decimal, but ' ],
     # the largest number of 20 bytes
     [ '1461501637330902918203684832716283019655932542975', 'f' x 40,
       'looks decimal, but ' ])
{
    my ($serial, $hex, $looks) = @$_;
    my $text = "serial \"$serial\" " . ($looks // '') . 'is read as hexadecimal: '
             . "write \"0x$hex\" if it is decimal, or else \"0x$serial\"";
    my $said = qr/\[warn\] $text in \S+:\d+$/m;
    warns("$deny serial=$serial;", $said, "deny serial=$serial");
    quiet("$deny serial=0x$_;", "deny serial=0x$_")
        for grep { length $_ <= 40 } $hex, $serial;
    $looks ? warns("allow serial=$serial;", $said, "allow serial=$serial")
           : quiet("allow serial=$serial;", "allow serial=$serial");
}
quiet("$deny $_;", $_) for map { "\"serial=$_\"" }
    '9', '-10', '0010', '12:34', '1a', '123456789012345a', '0X1234',
    '4660 (0x1234)', '-4660 (-0x1234)', '(Negative)5f:3e', 'f' x 40;
warns('allow serial=1' . 'a' x 40 . ';',
      qr/serial "1a+" has 21 bytes, but RFC 5280 allows 20 in \S+:\d+$/m,
      'a long serial number');
quiet("$deny serial=\$arg_x;", 'whatever a variable holds');

# a "*" or "|" that would be taken for a pattern, and stand for itself
my $none = '"*" and "|" make no pattern here, write';
my $itself = 'for one, or "\*" and "\|" for the characters';

for ([ 'cn=host-*', 'cn=~*^host-.*$' ],
     [ 'o=acme|other', 'o=~*^(acme|other)$' ],
     [ 'ou=*', 'ou=~*^.*$' ],
     [ '"ou=a (b) *"', 'ou=~*^a \(b\) .*$' ],
     [ 'cn=*.example.com', 'cn=~*^.*\.example\.com$' ],
     [ 'cn=a\**', 'cn=~*^a\*.*$' ],
     [ 'cn=a+b\c|d\|e', 'cn=~*^(a\+b\x5Cc|d\|e)$' ],
     [ 'email=joe*@example.com', 'email=~*^joe.*@example\.com$' ],
     [ 'email=*@*.example.com', 'email=~*^.*@.*\.example\.com$' ],
     [ 'email=*', 'email=~*^.*$' ],
     [ 'subject.UID=host-*', 'subject.UID=~*^host-.*$' ],
     [ 'issuer.CN=a|b', 'issuer.CN=~*^(a|b)$' ],
     [ 'email=a@x.test|b@x.test', 'email=~*^(a@x\.test|b@x\.test)$' ])
{
    my ($condition, $regex) = @$_;
    my ($key, $value) = $condition =~ /^"?([\w.]+)=(.*?)"?$/;
    my $error = qr/invalid $key "\Q$value": $none "$regex" $itself\E in \S+:\d+$/m;

    for my $verb ('allow', 'deny') {
        my ($status, $text) = said("$verb $condition;\nallow verified;");
        ok($status, "$verb $condition: refused");
        like($text, $error, "$verb $condition: why");
    }

    # what it names is right
    quiet("deny \"$regex\";\nallow verified;", $regex);
}
refused('cn=*-$arg_x', 'invalid cn "\*-\$arg_x": "\*" and "\|" make no '
                       . 'pattern here, write "\\\\\*" and "\\\\\|" for the '
                       . 'characters');
quiet('allow cn=\*-$arg_x email=*@$arg_x;', 'a star beside a variable');
quiet('allow "cn=\* a \|" o=a\*b email=\*@x.test;', 'characters');
warns("allow email=*\@x.test;\nallow email=*\@X.test. cn=a;",
      qr/"allow" in \S+:\d+ is never asked because of the wider one/,
      'any address at a host, twice');
warns("allow email=*\@x.test;\nallow email=*\@X.Test.;",
      qr/"allow" is a duplicate of/, 'a host in two ways');
quiet("allow email=*\@x.test;\nallow email=\\*\@x.test;",
      'an address whose name is a star');

# in a whole name, where a wildcard certificate's is pasted from, it is legal
for ([ 'subject=CN=*.example.com,O=x', 'subject' ],
     [ 'issuer=CN=a|b,O=x', 'issuer' ])
{
    my ($condition, $key) = @$_;
    my $warning = "$key \"" . ($condition =~ /=(.*)/)[0] . '" is read with '
        . '"*" and "|" as they stand: "' . $key . '.CN=~..." makes a pattern, '
        . '"\2A" and "\7C" are for the characters';
    warns("deny $condition;\nallow verified;",
          qr/\[warn\] \Q$warning\E in \S+:\d+$/m, $condition);
}
quiet('allow subject=CN=\2A.example.com,O=a\7Cb;', 'characters of a name');

# what logs and names escape, and a value doesn't
for ('cn=Jos\xC3\xA9', 'cn=Jos\C3\A9', 'o=Acme\, Inc.', 'ou=a\+b',
     'issuer.O=a\=b', 'email=Jos\xC3\xA9@x.test', 'upn=Jos\C3\A9@x.test',
     'extension.1.2.3=a\x22', 'cn=a\,$arg_x')
{
    my $warning = s/=/ "/r . '" is read with "\" as it stands: if that escapes '
                . 'something, write what it stands for';
    warns("deny \"$_\";\nallow verified;",
          qr/\[warn\] \Q$warning\E in \S+:\d+$/m, $_);
}
quiet("allow $_;", $_) for 'cn=CORP\administrator', 'cn=CORP\xavier',
    'cn=a\C3', '"cn=~^a\,"', 'cn=Jos\xc3\xa9' =~ s/\\x(..)/chr hex $1/ger;

# quotes that nginx doesn't take off
my $quotes = 'quotes inside of a parameter are part of its value, they stand '
           . 'around all of it: ';
refused("verified $_->[0]", "invalid $_->[1]: $quotes\"$_->[2]=\\.\\.\\.\"") for (
    [ 'cn="acme"', 'cn ""acme""', 'cn' ],
    [ 'cn="Acme Ltd."', 'cn ""Acme"', 'cn' ],
    [ "o='acme'", "o \"'acme'\"", 'o' ],
    [ 'cn=""', 'cn """"', 'cn' ],
    [ 'uri="spiffe://a/b"', 'uri ""spiffe://a/b""', 'uri' ],
    [ 'email="a@b.test"', 'email ""a@b.test""', 'email' ],
    [ 'upn="a@b.test"', 'upn ""a@b.test""', 'upn' ],
    [ 'extension.1.2.3="a"', 'extension.1.2.3 ""a""', 'extension.1.2.3' ],
    [ 'subject="CN=acme"', 'subject ""CN=acme""', 'subject' ],
    [ 'serial="0xab"', 'serial ""0xab""', 'serial' ],
    [ 'store="up"', 'store ""up""', 'store' ],
    [ 'label="acme"', 'label ""acme""', 'label' ],
);
quiet("allow $_;", $_) for (
    q("cn=Acme Ltd." 'o=acme'), q('cn="Best" of "all"'),
    q(subject.L='s-Gravenhage), q('email="a b"@x.test'),
    q('subject=O="Acme, Inc."'), 'subject=CN=host/a.test',
    'subject=CN=a\\2Fcn=b', 'subject=CN=a/b=c', 'subject=rfc4514:CN=a/cn=b',
);

refused(@$_) for (
    [ 'cnn=a', 'unknown condition "cnn=a" in "allow"' ],
    [ 'cn', 'unknown condition "cn" in "allow"' ],
    [ 'subject.CN', 'unknown condition "subject.CN" in "allow"' ],
    [ 'subject.=a', 'invalid subject. "a": "" is neither an object.*' ],
    [ 'subject.XX=a', 'invalid subject.XX "a": "XX" is neither an object '
      . 'identifier nor a name that OpenSSL knows' ],
    [ 'issuer.2.5..4=a', 'invalid issuer.2.5..4 "a": "2.5..4" is neither.*' ],
    [ 'subject.subject.CN=a', '"subject.CN" is neither.*' ],
    [ 'subject.CN=', 'invalid subject.CN "": the value is empty' ],
    [ 'subject.UID=~(', 'invalid subject.UID "~\(": .*missing.*' ],
    [ 'cn=', 'invalid cn "": the value is empty' ],
    [ '"cn= "', 'invalid cn " ": the value is blank' ],
    [ "cn=a\x01", 'a name with a control character matches nothing, and .*' ],
    [ 'cn=CORP\tom', 'a name .*"\\\\" before "n", "r" or "t" is "\\\\\\\\" in '
                     . 'nginx\.conf' ],
    [ 'cn=~', 'the regular expression is empty' ],
    [ 'cn=~(', 'invalid cn "~\(": .*missing.*' ],
    [ 'spki=' . 'ab' x 20, 'the digest of a key is SHA-256.*' ],
    [ 'spki=ab', '2 hexadecimal digits found.*' ],
    [ 'serial=xyz', '"z" is not a hexadecimal digit' ],
    [ 'serial=', 'there are no digits' ],
    [ 'serial=0x', 'there are no digits' ],
    [ '"serial= 12"', '" " is not a hexadecimal digit' ],
    [ 'serial=1:2:3', 'invalid serial "1:2:3": ":" is followed by half a byte' ],
    [ '"serial=1a 2"', '" " is followed by half a byte' ],
    [ '"serial=4660 (0x1:234)"', '":" is followed by half a byte' ],
    [ '"serial=4660 (0x1235)"', 'its decimal and its hexadecimal form are not '
                                . 'the same number' ],
    [ '"serial= (0x1234)"', 'its decimal and its hexadecimal form are not .*' ],
    [ '"serial=12a (0x12a)"', 'its decimal and its hexadecimal form are .*' ],
    [ '"serial=4660 (1234)"', 'a decimal number is written with its '
                              . 'hexadecimal form, as in "4660 \(0x1234\)"' ],
    [ '"serial=4660 (0x1234"', 'a decimal number is written with its .*' ],
    [ '"serial=4660 (-0x1234)"', 'a decimal number is written with its .*' ],
    [ 'serial=' . 'a' x 257, 'it has more than 256 characters' ],
    [ 'serial=-', 'there are no digits' ],
    [ 'eku=no-such-use', 'it is neither an object identifier.*' ],
    [ 'dns=a..b', 'a label of the DNS name is empty' ],
    [ 'dns=a.*.b', '"\*" can only stand for the whole first label' ],
    [ 'dns=*', '"\*" can only stand for the whole first label' ],
    [ 'dns=b\xc3\xbccher.test', 'a DNS name has letters.*' ],
    [ "dns=b\xc3\xbccher.test", 'an international name.*"xn--"' ],
    [ 'uri=example.org', 'a URI is written with its scheme.*' ],
    [ 'uri=URI:urn:a', 'invalid uri "URI:urn:a": a URI is written with its .*' ],
    [ 'uri=URL=urn:a', 'a URI is written with its scheme.*' ],
    [ 'uri=1a:b', 'a URI is written with its scheme.*' ],
    [ 'uri=urn:a|urn:b', 'a URI has no blanks, no "\\\\" or "\|" and no .*' ],
    [ 'uri=spiffe://*', 'a URI is written with its scheme.*' ],
    [ 'uri=spiffe://a*', '"\*" can only stand at the end, after a "/"' ],
    [ 'uri=spiffe://a/../*', '"\*" needs a complete host.*' ],
    [ 'email=joe@', 'an address is written "name@host"' ],
    [ 'email=*@', 'an address is written "name@host"' ],
    [ 'email=*@.example.com', 'a label of the DNS name is empty' ],
    [ 'email=*@example..com', 'a label of the DNS name is empty' ],
    [ "email=*\@b\xc3\xbccher.test", 'an international name.*"xn--"' ],
    [ 'email=email:a@b.test', 'invalid email "email:a@b.test": an address is '
      . 'written "name@host"' ],
    [ 'email=<a@b.test>', 'an address is written "name@host"' ],
    [ '"email= a@b.test"', 'an address is written "name@host"' ],
    [ '"email=A B <a@b.test>"', 'an address is written "name@host"' ],
    [ 'upn=UPN:a@b.test', 'an address is written "name@host"' ],
    [ '"upn=othername: UPN::a@b.test"', 'an address is written "name@host"' ],
    [ 'email=joe', 'an address is written "name@host"' ],
    [ 'upn=joe', 'invalid upn "joe": an address is written "name@host"' ],
    [ 'upn=joe@*', '"\*" and "\|" make no pattern here, write "upn=~\*.*' ],
    [ 'extension.1.2.3', 'unknown condition "extension.1.2.3" in "allow"' ],
    [ 'extension.=a', 'invalid extension. "a": "" is neither an object.*' ],
    [ 'extension.nope=a', 'invalid extension.nope "a": "nope" is neither.*' ],
    [ 'extension.e=a', '"e" is neither.*' ],
    [ 'extension.1.2.3=', 'the value is empty' ],
    [ 'extension.1.2.3=~a', 'it takes no regular expressions' ],
    [ 'extension.1.2.3=role-*', '"\*" and "\|" make no pattern here, write '
      . '"\\\\\*" and "\\\\\|" for the characters' ],
    [ "extension.1.2.3=a\x01", 'a name with a control character.*' ],
    [ 'extension.1.2.3=hex:', 'the value is empty' ],
    [ 'extension.1.2.3=hex:0', 'behind "hex:" are bytes of two hexadecimal '
      . 'digits' ],
    [ 'extension.1.2.3=hex:0c:', 'behind "hex:" are bytes.*' ],
    [ 'extension.1.2.3=hex:0cx0', 'behind "hex:" are bytes.*' ],
    [ 'extension.1.2.3=HEX:0', 'behind "hex:" are bytes.*' ],
    [ 'label=$arg_x', 'invalid label "\$arg_x": it takes no variables' ],
    [ 'ip=10.0.0', 'it is neither an IP address nor a CIDR block' ],
    [ 'ca=/nowhere.pem', 'invalid ca "/nowhere.pem"' ],
    [ 'subject=admin', '"admin" is not "type=value".*' ],
    [ '"subject=O=Acme, Inc., CN=a"', '"Inc\." is not "type=value".*' ],
    [ q('subject=O="Acme, Inc.",CN=a" b'), '""" in a value is written "."".*' ],
    [ 'subject=XX=a', 'unknown attribute type "XX"' ],
    [ 'subject=CN=', 'a value is empty' ],
    [ 'subject=CN=a,', '"" is not "type=value".*' ],
    [ 'subject=rfc4514:CN=a\\\\', 'nothing follows the last "\\\\"' ],
    [ 'subject=rfc4514:CN=a\\q', '"\\\\" is followed by one of .*' ],
    [ 'subject=rfc4514:CN=a\\00', 'a name with a control character.*' ],
    [ 'subject=rfc4514:CN=\\ff', 'a value is not UTF-8' ],
    [ 'subject=CN=a\\xFF', '"\\\\xFF" is how a log escapes a byte.*' ],
    [ 'subject=CN=#0101', 'a value that begins with "#" is not a string.*' ],
    [ 'subject=CN=#x', 'a value that begins with "#" is hexadecimal.*' ],
    [ '"subject=O=x, CN=a/emailAddress=b@c.test"',
      '"/emailAddress=" in a value is how another part begins in some tools, '
      . 'write ",emailAddress=", or "\\\\2F" for the "/"' ],
    [ 'issuer=O=x/2.5.4.97=a,CN=b', '"/2.5.4.97=" in a value is how.*' ],
    [ 'subject=/O=a/CN=b', 'the form with "/" is ambiguous, write "O=a,CN=b"' ],
);

# What is wrong with each kind of value, word for word.
sub whole {
    my ($key, $value, $error) = @_;
    my ($status, $text) = said("allow '$key=$value';");
    like($text, qr/^nginx: \[emerg\] \Qinvalid $key "$value": $error\E in \S+:\d+$/m,
         "$key=$value: the whole line");
}

my $utf8 = "b\xc3\xbccher";

whole(@$_) for (
    [ 'subject', 'admin', '"admin" is not "type=value", and "," and "+" inside '
      . 'of a value are written "\,"' . ' and "\+"' ],
    [ 'subject', 'rfc4514:CN=a\q', '"\" is followed by one of '
      . '\ " + , ; < > # = and blank, or by two hexadecimal digits' ],
    [ 'subject', 'CN=#x', 'a value that begins with "#" is hexadecimal, write '
      . '"\#" for the character' ],
    [ 'subject', 'CN=#0101', 'a value that begins with "#" is not a string in DER' ],
    [ 'subject', join(',', ('O=a') x 65), 'it has too many parts' ],
    [ 'subject', 'CN=$arg_x', 'a variable must be the whole name, since what it '
      . 'holds could otherwise add parts to it' ],
    [ 'dns', 'b/c', 'a DNS name has letters, digits, "-", "_" and "."' ],
    [ 'dns', "$utf8.test", 'an international name is written as in DNS, with '
      . 'labels that begin with "xn--"' ],
    [ 'email', "*\@$utf8.test", 'an international name is written as in DNS, with '
      . 'labels that begin with "xn--"' ],
    [ 'uri', 'urn:a b', 'a URI has no blanks, no "\" or "|" and no characters '
      . 'outside of ASCII' ],
    [ 'uri', 'example.org', 'a URI is written with its scheme, as in '
      . '"spiffe://example.org/ns/prod/*"' ],
    [ 'uri', 'urn:a/../*', '"*" needs a complete host and a path before it that '
      . 'has no empty, "." or ".." segment, no query and no encoded ".", "/" or '
      . '"\"' ],
    [ 'upn', 'joe@*', '"*" and "|" make no pattern here, write "upn=~*^joe@.*$" '
      . 'for one, or "\*" and "\|" for the characters' ],
    [ 'eku', 'no-such-use', 'it is neither an object identifier nor a name that '
      . 'OpenSSL knows' ],
    [ 'thumbprint', '', '0 hexadecimal digits found, but SHA-1 has 40 of them '
      . 'and SHA-256 has 64' ],
    [ 'thumbprint', 'ab-g', 'unexpected character "g" at column 4' ],
    [ 'store', '', 'the name is empty' ],
);

warns('deny serial=1234567890123456; allow verified;', qr/ serial\ "\d+"\ looks
      \ decimal,\ but\ is\ read\ as\ hexadecimal:\ write\ "0x0462d53c8abac0"\ if\ it
      \ is\ decimal,\ or\ else\ "0x1234567890123456"\ in\ \S+:\d+$/mx,
      'a serial number, word for word');
warns('deny serial=4660; allow verified;', qr/ serial\ "4660"\ is\ read\ as
      \ hexadecimal:\ write\ "0x1234"\ if\ it\ is\ decimal,\ or\ else\ "0x4660"
      \ in\ \S+:\d+$/mx, 'a short one');
warns("allow verified cn=a;\nallow verified o=x cn=a;", qr/ "allow"\ in\ \S+:\d+
      \ is\ never\ asked\ because\ of\ the\ wider\ one\ in\ \S+:\d+\ before\ it$/mx,
      'a narrower rule, word for word');


$n->write('list', sha1('acme') . "\n");
warns('deny store=s; allow verified;', qr/"deny"\ by\ the\ thumbprints\ of\ store
      \ "s"\ in\ \S+:\d+\ does\ not\ stop\ a\ copy\ of\ the\ certificate\ with
      \ its\ ECDSA\ signature\ written\ the\ other\ way,\ use\ "spki="\ or
      \ "issuer="\ with\ "serial="$/mx, 'a "deny" by a list',
      'clientcert_store s list=list;');

done_testing;
