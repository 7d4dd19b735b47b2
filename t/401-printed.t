# Covers src/cert/ngx_clientcert_dn.c: what tools print for a certificate's name
# is that name when it is pasted, in whatever order the certificate has it, and
# the name of no other one; and after "rfc4514:" it is in that order only.  A
# backslash may be an escape or, as Windows prints it, stand for itself.

use strict;
use warnings;
use utf8;

use Encode 'encode';
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;

my $org_id = '2.5.4.97';
my @dc = ([ DC => 'test', 22 ], [ DC => 'example', 22 ]);

# each is its own CA, so that its issuer is printed as well
my %subjects = (
    forward => [ [ C => 'DE', 19 ], [ O => 'Example' ], [ CN => 'Test CA' ] ],
    backward => [ [ CN => 'Other CA' ], [ O => 'Example' ] ],
    middle => [ [ O => 'Example' ], [ CN => 'x' ], [ OU => 'y' ] ],
    domain => [ @dc, [ CN => 'Users' ], [ CN => 'jo' ] ],
    together => [ @dc, [ [ O => 'b' ], [ CN => 'a' ], [ UID => 'u' ] ] ],
    marks => [ [ O => 'Acme, "X" + Sons; <a> \\ b=c' ], [ CN => '#1 ' ] ],
    text => [ [ O => encode('UTF-8', 'Jörg & Söhne') ], [ CN => 'ö', 12 ] ],
    own => [ [ '1.2.3.4.5' => '12 3', 18 ], [ '1.2.3.4.6' => 'a', 22 ],
             [ '1.2.3.4.7' => 'ö,b' ], [ CN => 'own' ] ],
    long => [ [ C => 'DE', 19 ], [ ST => 'Bavaria' ], [ L => 'M/K=x' ],
              [ emailAddress => 'a@b.test', 22 ], [ serialNumber => '07' ],
              [ $org_id => 'PSDDE-BAFIN-1' ], [ CN => 'psp' ] ],
    account => [ @dc, [ CN => 'CORP\\user' ] ],
    admin => [ [ O => 'Corp, Inc.' ], [ CN => 'CORP\\administrator' ] ],
    number => [ [ O => 'a, "b"' ], [ CN => 'CORP\\427' ] ],
    letter => [ [ O => 'a, "b"' ], [ CN => 'CORPB7' ] ],
    share => [ [ OU => '\\\\srv\\share' ], [ CN => 'a\\' ] ],
);
$_->[1] = encode('UTF-8', $_->[1]) for $subjects{text}[1], $subjects{own}[2];

der_cert(name => $_, ca => 'self', subject => $subjects{$_})
    for keys %subjects;

sub rdns {
    my ($cert, $attribute, $join) = @_;
    return map {
        join $join, map { $attribute->(@$_) } ref $_->[0] ? @$_ : $_
    } @{ $subjects{$cert} };
}

sub quoted {
    my ($value, $quote) = @_;
    my $plain = $quote eq '"' ? qr/[^,+="<>#;]/ : qr/[^,+="<>#;\\]/;
    return $value if $value =~ /\A$plain+\z/ && $value !~ /\A | \z/;
    return '"' . $value =~ s/"/$quote"/gr . '"';
}

my %net = (ST => 'S', emailAddress => 'E', serialNumber => 'SERIALNUMBER',
           UID => 'OID.0.9.2342.19200300.100.1.1', $org_id => "OID.$org_id");
my %java = (emailAddress => 'EMAILADDRESS', serialNumber => 'SERIALNUMBER',
            $org_id => "OID.$org_id");

sub openssl {
    my ($cert, $what, $format) = @_;
    my $file = cert_file($cert, 'crt');
    my $text = `openssl x509 -in $file -noout -$what -nameopt $format`;
    return $text =~ s/\A$what=\s*|\n\z//gr;
}

my %printers = (
    (map {
        my $format = $_;
        $format => sub { openssl($_[0], $_[1] // 'subject', $format) };
    } 'RFC2253', 'oneline', 'oneline,utf8,-esc_msb'),
    net => sub {
        return join ', ', reverse rdns($_[0], sub {
            my ($type, $value) = @_;
            $type = "OID.$type" if $type =~ /^1/;
            return ($net{$type} // $type) . '=' . quoted($value, '"');
        }, ' + ');
    },
    java => sub {
        return join ', ', reverse rdns($_[0], sub {
            my ($type, $value) = @_;
            $value =~ s/\\/\\\\/g;
            $type = "OID.$type" if $type =~ /^1/;
            return ($java{$type} // $type) . '=' . quoted($value, '\\');
        }, ' + ');
    },
    go => sub {
        return join ',', reverse rdns($_[0], sub {
            my ($type, $value) = @_;
            return "$type=#" . unpack 'H*', der(12, $value)
                if $type eq $org_id;
            return uc($type eq 'emailAddress' ? '1.2.840.113549.1.9.1' : $type)
                 . '=' . $value =~ s/([,+"\\<>;]|^#| $)/\\$1/gr;
        }, '+');
    },
);

my $spki = unpack 'H*', spki_sha256('acme');

# as a parameter of nginx
sub parameter { '"' . $_[0] =~ s/([\\"])/\\$1/gr . '"' }

# What nginx itself prints.
my $prints = nginx(config => <<'END')->start;
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        location / { return 200 "$ssl_client_s_dn\n$ssl_client_i_dn"; }
    }
END
my %printed = map {
    $_ => [ split /\n/,
            client(cert => $_, port => $prints->port('tls'))->get('/')->{body}
          ];
} keys %subjects;

# [ what it is, condition, whose name it is ]
my @tests;

# Where both ways to read a backslash make a name it is both of them.
my %twins = ('number, net' => 'number letter');

# The oldest form isn't read, but shown as it is to be written.
for my $cert (sort keys %subjects) {
    my $old = openssl($cert, 'subject', 'compat');
    my (undef, $said) = $prints->test('clientcert_policy p { allow '
                                      . parameter("subject=$old") . '; }');
    my ($new) = $said =~ m{ambiguous, write "(.*)" in /};
    push @tests, [ "$cert, rewritten", "subject=$new", $cert ];
}

is($prints->stop, 0, 'nginx ended well, whose variables they are');

for my $cert (sort keys %subjects) {
    my ($subject, $issuer) = @{ $printed{$cert} };
    push @tests,
        [ "$cert, \$ssl_client_s_dn", "subject=$subject", $cert ],
        [ "$cert, \$ssl_client_i_dn", "issuer=$issuer", $cert ],
        [ "$cert, its issuer", 'issuer='
          . openssl($cert, 'issuer', 'oneline'), $cert ],
        map {
            [ "$cert, $_", 'subject=' . $printers{$_}->($cert),
              $twins{"$cert, $_"} // $cert ]
        } sort keys %printers;
}

push @tests, (
    [ 'the certificate\'s order', 'subject=CN=Other CA,O=Example',
      'backward' ],
    [ 'the other order', 'subject=O=Example,CN=Other CA', 'backward' ],
    [ 'no order at all', 'subject=CN=x,O=Example,OU=y', 'nobody' ],
    [ 'RFC 4514', 'subject=rfc4514:O=Example,CN=Other CA', 'backward' ],
    [ 'RFC 4514, the other order', 'subject=rfc4514:CN=Other CA,O=Example',
      'nobody' ],
    [ 'domain components', 'subject=DC=test,DC=example,CN=Users,CN=jo',
      'domain' ],
    [ 'RFC 4514, domain components',
      'subject=RFC4514:CN=jo,CN=Users,DC=example,DC=test', 'domain' ],
    [ 'RFC 4514, domain components the other way',
      'subject=rfc4514:DC=test,DC=example,CN=Users,CN=jo', 'nobody' ],
    [ 'parts of several attributes',
      'subject=UID=u+O=b+CN=a,DC=example,DC=test', 'together' ],
    [ 'an escaped backslash',
      'subject=DC=test,DC=example,CN=CORP\\\\user', 'account' ],
    [ 'RFC 4514, an escaped backslash',
      'subject=rfc4514:CN=CORP\\\\user,DC=example,DC=test', 'account' ],
    [ 'RFC 4514, a byte', 'subject=rfc4514:CN=CORP\\427,O=a\, \"b\"', 'letter' ],
    [ 'RFC 4514, an escaped backslash before digits',
      'subject=rfc4514:CN=CORP\\\\427,O=a\\2C \\22b\\22', 'number' ],
    [ 'a byte that is none', 'subject=CN=CORP\\administrator,O="Corp, Inc."',
      'admin' ],
    [ 'cn', 'cn=CORP\\user', 'account' ],
    [ 'cn, no byte', 'cn=CORP\\427', 'number' ],
    [ 'cn, no escape', 'cn=CORP\\\\427', 'nobody' ],
    [ 'subject.CN', 'subject.CN=corp\\administrator', 'admin' ],
    [ 'issuer.CN, at the end', 'issuer.CN=a\\', 'share' ],
    [ 'subject.OU', 'subject.OU=\\\\srv\\share', 'share' ],
);

# A backslash as nginx.conf has it.
my @written = (
    [ 'subject=DC=test,DC=example,CN=CORP\user', 'account' ],
    [ 'subject=DC=test,DC=example,CN=CORP\\user', 'account' ],
    [ '"subject=CN=CORP\\user, DC=example, DC=test"', 'account' ],
    [ q('subject=CN=CORP\administrator, O="Corp, Inc."'), 'admin' ],
    [ q('subject=CN=CORP\\\\administrator, O="Corp, Inc."'), 'admin' ],
    [ 'cn=CORP\user', 'account' ],
    [ 'cn=CORP\\user', 'account' ],
    [ '"cn=CORP\\user"', 'account' ],
);

$_->[1] = parameter($_->[1]) for @tests;
push @tests, map { [ 'nginx.conf', @$_ ] } @written;

my $n = nginx(config => sub {
    my ($policies, $locations) = ('', '');
    for my $i (0 .. $#tests) {
        my $condition = $tests[$i][1];
        $policies .= "clientcert_policy a$i { allow $condition spki=$spki; }\n"
                   . "clientcert_policy d$i { deny $condition; "
                   . "allow spki=$spki; }\n";
        $locations .= "location = /a$i { clientcert_require a$i; empty_gif; }"
                    . "location = /d$i { clientcert_require d$i; empty_gif; }";
    }
    return <<"END";
    $policies
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        keepalive_requests 10000;
        $locations
    }
END
})->start;

my %client = map {
    $_ => client(cert => $_, port => $n->port('tls'));
} keys %subjects;

for my $i (0 .. $#tests) {
    my ($what, $condition, $owner) = @{ $tests[$i] };
    my (%got, %wanted);
    for my $cert (keys %client) {
        $got{$cert} = join ' ', map {
            $client{$cert}->get("/$_$i")->{status} // 'none'
        } qw(a d);
        $wanted{$cert} = " $owner " =~ / $cert / ? '200 401' : '401 200';
    }
    is_deeply(\%got, \%wanted, "$what: $condition");
}

# Two that are the same name are one condition.
for my $rule ('allow subject=CN=a,O=b subject=O=b,CN=a;',
              'allow subject=CN=a subject=rfc4514:CN=a;',
              'allow subject=CN=a,CN=a subject=rfc4514:CN=a,CN=a;',
              'allow subject=CN=a\b-,O=c subject=O=c,CN=a\b-;',
              'allow subject=CN=a\42,O=c subject=O=c,CN=a\42;',
              'allow subject=CN=a\\\\b- \'subject=CN="a\\\\b-"\';') {
    my ($status, $said) = $n->test("clientcert_policy p { $rule }");
    is($status, 0, "$rule: legal");
    like($said, qr/duplicate condition "\S+", ignored/, "$rule: a duplicate");
}

for my $rule ('allow subject=CN=a,O=b;allow subject=O=b,CN=a;') {
    my ($status, $said) = $n->test("clientcert_policy p { $rule }");
    like($said, qr/"allow" is a duplicate of/, "$rule: a duplicate");
}

for my $rule ('deny subject=CN=a,O=b subject=CN=b,O=b;',
              'deny subject=rfc4514:CN=a,O=b subject=rfc4514:O=b,CN=a;',
              'deny subject=CN=a\b- subject=CN=ab-;') {
    my ($status, $said) = $n->test("clientcert_policy p { $rule }");
    ok($status, "$rule: refused");
    like($said, qr/"deny" can never match, a certificate has one subject/,
         "$rule: why");
}

for my $rule ('deny subject=CN=a,O=b subject=rfc4514:O=b,CN=a;',
              'deny subject=CN=a\42 subject=CN=aB;',
              'deny subject=CN=a\42 subject=rfc4514:CN=a\\\\42;') {
    my ($status) = $n->test("clientcert_policy p { allow verified; $rule }");
    is($status, 0, "$rule: legal");
}

# What can't be read, and how it is written.
my $old = openssl('long', 'subject', 'compat');
my $marks = openssl('marks', 'subject', 'compat');
my $umlaut = openssl('text', 'subject', 'compat');

for my $test (
    [ $old, 'the form with "/" is ambiguous, write "C=DE,ST=Bavaria,L=M/K=x,'
            . 'emailAddress=a@b.test,serialNumber=07,'
            . 'organizationIdentifier=PSDDE-BAFIN-1,CN=psp"' ],
    [ $marks, 'the form with "/" is ambiguous, write "O=Acme\\, \\"X\\" \\+ '
              . 'Sons\\; \\<a\\> \\\\ b=c,CN=\\#1 "' ],
    [ $umlaut, 'the form with "/" is ambiguous, write "O=J\\C3\\B6rg & '
               . 'S\\C3\\B6hne,CN=\\C3\\B6"' ],
    [ '/O=Org/CN=a\\x', 'the form with "/" is ambiguous, write '
                       . '"O=Org,CN=a\\\\x"' ],
    [ 'O=a "b" c,CN=x', '""" in a value is written "\""' ],
    [ 'O="a" b,CN=x', '"b" follows a quoted value' ],
    [ 'O="a,CN=x', 'the end of a quoted value is missing' ],
    [ 'rfc4514:CN=D\\user', '"\\" is followed by one of' ],
    [ 'rfc4514:CN=D\\administrator', 'a value is not UTF-8' ],
    [ 'CN=J\\xC3\\xB6rg', '"\\xC3" is how a log escapes a byte, which must be '
                        . 'undone first' ],
    [ 'CN=CORP\\x5C\\x5Cuser', '"\\x5C" is how a log escapes a byte, which must '
                            . 'be undone first' ],
    [ "CN=CORP\tom", 'a name with a control character matches nothing, and a '
                     . '"\\" before "n", "r" or "t" is "\\\\" in nginx.conf' ],
) {
    my ($name, $error) = @$test;
    my ($status, $said) = $n->test('clientcert_policy p { allow '
                                   . parameter("subject=$name") . '; }');
    ok($status, "$name: refused");
    like($said, qr/invalid subject "\Q$name\E": \Q$error\E.* in \S+:\d+$/m,
         "$name: why");
}

# What is read all the same, but may have been meant otherwise.
for my $test (
    [ 'CN=CORP\\administrator', '\\ad', '\\\\\\\\ad' ],
    [ 'CN=CORP\\10442', '\\10', '\\\\\\\\10' ],
    [ 'CN=caf\\E9', '\\E9', '\\\\\\\\E9' ],
) {
    my ($name, $byte, $write) = @$test;
    for my $rule ('allow', 'deny') {
        my ($status, $said) = $n->test("clientcert_policy p { $rule "
            . parameter("subject=$name") . ' verified; allow verified; }');
        is($status, 0, "$rule $name: legal");
        my $warning = quotemeta "subject \"$name\" is read with \"$byte\" as "
            . "it stands, not as a byte: write \"$write\" in nginx.conf to "
            . 'say so';
        like($said, qr/ $warning in \S+:\d+$/m, "$rule $name: how to be sure");
    }
}

my (undef, $quiet) = $n->test("clientcert_policy p {\n" . join('',
    map { 'allow ' . parameter("subject=$_") . ' verified;' } (
        'CN=CORP\\user', 'CN=CORP\\\\administrator', 'CN=CORP\\427',
        'CN=J\\C3\\B6rg', 'O="CORP\\user, Inc."',
    )) . '}');
unlike($quiet, qr/ subject "/, 'a backslash that is none of an escape, and '
                               . 'one that may be either, are no warning');

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
