# Covers src/policy/ngx_clientcert_condition.c, ngx_clientcert_value.c and
# ngx_clientcert_answer.c: each condition, with a value that is the certificate's
# and with one that isn't, in both TLS versions, on fresh, kept and resumed
# connections; what an unverified certificate may rely on; and the twin of a
# certificate, which has its key and its names but not its thumbprint.

use strict;
use warnings;

use Digest::SHA ();
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;
use MIME::Base64 ();

my %parts = (
    subject => [ [ O => 'Example' ], [ [ OU => 'one' ], [ CN => 'full' ] ],
                 [ serialNumber => 'TINIT-7', 19 ], [ '2.5.4.97' => 'PSDDE-1' ],
                 [ DC => 'test', 22 ], [ DC => 'corp', 22 ],
                 [ '1.2.3.4.5' => 'own', 22 ] ],
    serial => '0a0b0c', eku => [ '1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.4' ],
    policies => [ '2.16.840.1.101.3.2.1.48.1', '1.2.3.4' ],
    san => [ dns => 'full.test', uri => 'urn:full', email => 'a@full.test',
             upn => 'Joe.Doe@corp.test', ip => pack 'C4', 192, 0, 2, 1 ],
    ext => [ [ '1.3.6.1.4.1.34380.1.1.13', 0, der(12, 'web server') ],
             [ '2.16.840.1.113730.1.13', 0, der(22, 'a comment') ],
             [ '1.2.3.4.5.6.7.8.1', 0, '{"attrs":{"role":"a"}}' ] ],
);

der_cert(name => 'full', %parts);
der_cert(name => 'forged', %parts, ca => 'self');
der_cert(name => 'other', key => 'globex');
der_cert(name => 'negative', serial => 'ff01');
der_cert(name => 'star', subject => [ [ CN => 'a\\*|*' ] ],
         san => [ email => '*|@full.test', email => '"a@b"@Full.Test.' ]);
twin('full', 'twin');

my $spki = unpack 'H*', spki_sha256('acme');
my $other = unpack 'H*', spki_sha256('globex');
my $base64 = MIME::Base64::encode(spki_sha256('acme'), '');
my $url = MIME::Base64::encode_base64url(spki_sha256('acme'));
my ($sha1, $sha256) = (sha1('full'), sha256('full'));
my ($x5t, $x5t1) = map { MIME::Base64::encode_base64url(pack 'H*', $_) }
                   $sha256, $sha1;
my @bytes = $sha1 =~ /../g;
my ($issuer1, $issuer256) = (sha1('ca-a'), sha256('ca-a'));

# [ condition, 1 if it is true of "full", 1 if also when it is unverified ]
my @conditions = (
    [ 'verified', 1 ],
    [ "thumbprint=$sha1", 1 ],
    [ "thumbprint=$sha256", 1 ],
    [ 'thumbprint=' . sha256('other'), 0 ],
    (map { [ "\"thumbprint=$_\"", 1 ] }
     "0x$sha1", "Cert Hash(sha1): @bytes", "Thumbprint : \U$sha1",
     'SHA-1 Fingerprint ' . join(':', @bytes), "SHA-256 Fingerprint=$sha256",
     "Certificate fingerprint (SHA-256): \U$sha256", "Hash=$sha256",
     $x5t, "$x5t=", "x5t#S256:$x5t", $x5t1, "x5t:$x5t1=",
     $x5t1 =~ tr{-_}{+/}r . '=', "sha256:$x5t"),
    [ "spki=$spki", 1, 1 ],
    [ "spki=\U$spki", 1, 1 ],
    [ "spki=$base64", 1, 1 ],
    [ "spki=$url", 1, 1 ],
    (map { [ "spki=$_", 1, 1 ] } "$url=", "sha256//$base64", "sha256/$base64",
     "pin-sha256=\"$base64\"", "SHA256:$base64", "0x$spki"),
    [ "\"spki=SHA2-256(stdin)= $spki\"", 1, 1 ],
    [ "spki=$other", 0 ],
    [ 'serial=0a0b0c', 1 ],
    [ 'serial=00:0A:0B:0C', 1 ],
    [ 'serial=A0B0C', 1 ],
    [ '"serial=0a 0b 0c"', 1 ],
    [ 'serial=0xa0b0c', 1 ],
    [ 'serial=0X0A0B0C', 1 ],
    [ '"serial=658188 (0xa0b0c)"', 1 ],
    [ 'serial=658188', 0 ],
    [ 'serial=0a0b', 0 ],
    [ 'serial=0a0b0c00', 0 ],
    [ 'serial=-0a0b0c', 0 ],
    [ 'issuer=CN=ca-a,O=Example', 1 ],
    [ '"issuer=O=Example, CN=ca-a"', 1 ],
    [ 'issuer=CN=ca-b,O=Example', 0 ],
    [ 'subject=OU=one+CN=full,O=Example', 0 ],
    [ 'subject=1.2.3.4.5=own,DC=corp,DC=test,organizationIdentifier=PSDDE-1,'
      . 'serialNumber=TINIT-7,OU=one+CN=full,O=Example', 1 ],
    [ 'subject=CN=full,O=Example', 0 ],
    [ 'cn=full', 1 ],
    [ 'cn=~^FULL$', 0 ],
    [ 'cn=~*^FULL$', 1 ],
    [ 'cn=other', 0 ],
    [ 'cn=ful\*', 0 ],
    [ 'cn=full\|other', 0 ],
    [ 'o=example', 1 ],
    [ 'o=~^Ex', 1 ],
    [ 'o=one', 0 ],
    [ 'ou=one', 1 ],
    [ 'ou=~^x', 0 ],
    [ 'subject.CN=full', 1 ],
    [ 'subject.cn=FULL', 1 ],
    [ 'subject.commonName=full', 1 ],
    [ 'subject.2.5.4.3=full', 1 ],
    [ 'subject.CN=~^full$', 1 ],
    [ 'subject.CN=one', 0 ],
    [ 'subject.organizationName=example', 1 ],
    [ 'subject.OU=~^on', 1 ],
    [ 'subject.O=one', 0 ],
    [ 'subject.organizationIdentifier=psdde-1', 1 ],
    [ 'subject.ORGANIZATIONIDENTIFIER=PSDDE-1', 1 ],
    [ 'subject.2.5.4.97=~^PSD(DE|FR)-[0-9]$', 1 ],
    [ 'subject.2.5.4.97=PSDFR-1', 0 ],
    [ 'subject.serialNumber=tinit-7', 1 ],
    [ 'subject.SERIALNUMBER=07', 0 ],
    [ 'subject.DC=corp', 1 ],
    [ 'subject.domainComponent=test', 1 ],
    [ 'subject.DC=~*^TEST$', 1 ],
    [ 'subject.DC=corp.test', 0 ],
    [ 'subject.UID=own', 0 ],
    [ 'subject.1.2.3.4.5=own', 1 ],
    [ 'subject.OID.1.2.3.4.5=other', 0 ],
    [ 'issuer.CN=ca-a', 1 ],
    [ 'issuer.O=Example', 1 ],
    [ 'issuer.organizationName=~^Exam', 1 ],
    [ 'issuer.CN=ca-b', 0 ],
    [ 'issuer.CN=full', 0 ],
    [ 'dns=full.test', 1 ],
    [ 'dns=*.test', 1 ],
    [ 'dns=~^full\.', 1 ],
    [ 'dns=other.test', 0 ],
    [ 'uri=urn:full', 1 ],
    [ 'uri=~^urn:', 1 ],
    [ 'uri=urn:other', 0 ],
    [ 'email=a@FULL.test', 1 ],
    [ 'email=~@full', 1 ],
    [ 'email=a@full.test.', 1 ],
    [ 'email=b@full.test', 0 ],
    [ 'email=A@full.test', 0 ],
    [ 'email=*@full.test', 1 ],
    [ 'email=*@FULL.test.', 1 ],
    [ 'email=*@test', 0 ],
    [ 'email=*@b.full.test', 0 ],
    [ 'email=\*@full.test', 0 ],
    [ 'upn=joe.doe@CORP.test', 1 ],
    [ 'upn=*@corp.test', 1 ],
    [ 'upn=~*^joe\.', 1 ],
    [ 'upn=~^joe', 0 ],
    [ 'upn=doe@corp.test', 0 ],
    [ 'upn=*@full.test', 0 ],
    [ 'upn=a@full.test', 0 ],
    [ 'email=joe.doe@corp.test', 0 ],
    [ '"extension.1.3.6.1.4.1.34380.1.1.13=web server"', 1 ],
    [ '"extension.1.3.6.1.4.1.34380.1.1.13=Web server"', 0 ],
    [ 'extension.1.3.6.1.4.1.34380.1.1.13=web', 0 ],
    [ 'extension.1.3.6.1.4.1.34380.1.1.13=hex:0C0A77656220736572766572', 1 ],
    [ 'extension.1.3.6.1.4.1.34380.1.1.13=hex:0C0A', 0 ],
    [ '"extension.nsComment=a comment"', 1 ],
    [ '"extension.Netscape Comment=a comment"', 1 ],
    [ '"extension.nscomment=a  comment"', 0 ],
    [ 'extension.1.2.3.4.5.6.7.8.1=hex:'
      . unpack('H*', '{"attrs":{"role":"a"}}'), 1 ],
    [ 'extension.1.2.3.4.5.6.7.8.1=hex:00', 0 ],
    [ 'extension.1.2.3=a', 0 ],
    [ 'extension.1.2.3=hex:00', 0 ],
    [ 'ip=192.0.2.1', 1 ],
    [ 'ip=192.0.2.0/24', 1 ],
    [ 'ip=192.0.3.0/24', 0 ],
    [ 'eku=clientAuth', 1 ],
    [ 'eku=emailProtection', 1 ],
    [ 'eku=1.3.6.1.5.5.7.3.4', 1 ],
    [ '"eku=TLS Web Client Authentication"', 1 ],
    [ 'eku=serverAuth', 0 ],
    [ 'policy_oid=1.2.3.4', 1 ],
    [ 'policy_oid=1.2.3', 0 ],
    [ "issuer_thumbprint=$issuer1", 1 ],
    [ "issuer_thumbprint=$issuer256", 1 ],
    [ 'issuer_thumbprint=' . sha256('ca-b'), 0 ],
    [ 'ca=%%CERTS%%/ca-a.crt', 1 ],
    [ 'ca=%%CERTS%%/ca-b.crt', 0 ],
    [ "cn=full o=Example spki=$spki", 1, 1 ],
    [ "cn=full spki=$other", 0 ],
    [ 'cn=full verified', 1 ],
    [ 'cn=other ca=%%CERTS%%/ca-a.crt', 0 ],
);

my $n = nginx(config => sub {
    my ($policies, $locations) = ('', '');
    my $i = 0;

    for my $condition (map { $_->[0] } @conditions) {
        $policies .= "clientcert_policy a$i { allow $condition; }\n"
                   . "clientcert_policy d$i { deny $condition; "
                   . "allow spki=$spki; }\n";
        $locations .= "location /a$i/ { clientcert_require a$i; empty_gif; }\n"
                    . "location /d$i/ { clientcert_require d$i; empty_gif; }";
        $i++;
    }

    return <<"END";
    $policies
    clientcert_policy list { allow thumbprint=$sha1; }
    clientcert_policy block_spki { deny spki=$spki; allow verified; }
    clientcert_policy block_serial {
        deny issuer=CN=ca-a,O=Example serial=0a:0b:0c;
        allow verified;
    }
    clientcert_policy block_thumbprint {
        deny thumbprint=$sha256;
        allow verified;
    }
    clientcert_policy negative {
        allow serial=-FF "serial=-255 (-0xff)" "serial=(Negative)ff";
    }
    clientcert_policy star {
        allow cn=a\\\\\\*\\|\\* email=\\*\\|\@full.test email=*\@FULL.test
              'email="a\@b"\@full.test';
    }
    clientcert_policy star_variable { allow cn=a\\\\\\*\\|\$arg_cn; }
    clientcert_store held directory=%%PREFIX%%/held;
    clientcert_policy block_store { deny store=held; allow verified; }
    clientcert_policy only_store { allow store=held; }

    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        keepalive_requests 1000;
        $locations
        location /list/ { clientcert_require list; empty_gif; }
        location /block_spki/ { clientcert_require block_spki; empty_gif; }
        location /block_serial/ { clientcert_require block_serial; empty_gif; }
        location /block_thumbprint/ {
            clientcert_require block_thumbprint;
            empty_gif;
        }
        location /negative/ { clientcert_require negative; empty_gif; }
        location /star/ { clientcert_require star; empty_gif; }
        location /star_variable/ {
            clientcert_require star_variable;
            empty_gif;
        }
        location /block_store/ { clientcert_require block_store; empty_gif; }
        location /only_store/ { clientcert_require only_store; empty_gif; }
    }
END
});

mkdir $n->path('held');
$n->write('held/full.crt', ClientCert::slurp(cert_file('full', 'crt')));
$n->start;

sub answers {
    my $c = shift;
    return [ map {
        my $status = $c->get($_)->{status} // 'none';
        "$_ $status";
    } map { ("/a$_/", "/d$_/") } 0 .. $#conditions ];
}

sub expected {
    my $holds = shift;
    return [ map {
        my $yes = $holds->($conditions[$_]);
        ("/a$_/ " . ($yes->[0] ? 200 : 401),
         "/d$_/ " . ($yes->[1] ? 401 : 200));
    } 0 .. $#conditions ];
}

my $verified = expected(sub { [ $_[0][1], $_[0][1] ] });

# It claims all that is claimed, but its serial number and issuer are its own.
my $forged = expected(sub {
    my ($condition, $holds, $trusted) = @{ $_[0] };
    my $claimed = $holds && $condition !~ /verified|thumbprint|issuer|ca=/
                  || $condition =~ /^issuer\.(?:O=|organ|CN=full)/;
    return [ $trusted, $claimed ];
});

for my $version ('TLSv1_2', 'TLSv1_3') {
    for my $test ([ 'full', $verified ], [ 'forged', $forged ]) {
        my ($cert, $wanted) = @$test;
        my %client = (cert => $cert, version => $version,
                      port => $n->port('tls'));

        my $c = client(%client);
        is_deeply(answers($c), $wanted, "$cert, $version");
        is_deeply(answers($c), $wanted, "$cert, $version, kept alive");

        my $again = client(%client, session => $c->session);
        ok($again->resumed, "$cert, $version, a session is resumed");
        is_deeply(answers($again), $wanted, "$cert, $version, resumed");
    }
}

sub status { client(cert => $_[0], port => $n->port('tls'))->get($_[1])->{status} }

is(status('full', '/list/'), 200, 'a certificate on the list');
is(status('twin', '/list/'), 401, 'its twin is not on it');
is(status('full', '/block_thumbprint/'), 401, 'a thumbprint that is denied');
is(status('twin', '/block_thumbprint/'), 200, 'which does not stop the twin');

for my $cert ('full', 'twin') {
    is(status($cert, '/block_spki/'), 401, "deny spki= stops $cert");
    is(status($cert, '/block_serial/'), 401,
       "deny issuer= serial= stops $cert");
    is(status($cert, '/block_store/'), 401,
       "deny store= of a directory stops $cert");
}

is(status('full', '/only_store/'), 200, 'a certificate in the store');
is(status('twin', '/only_store/'), 401, 'its twin is not in it');
is(status('other', '/block_store/'), 200, 'deny store= stops nobody else');

is(status('other', '/block_spki/'), 200, 'and nobody else');
is(status('other', '/block_serial/'), 200, 'neither does the serial number');
is(status('negative', '/negative/'), 200, 'a negative serial number');
is(status('full', '/negative/'), 401, 'is not the number without its sign');

is(status('star', '/star/'), 200, 'a name that has "*", "|" and "\"');
is(status('star', '/star_variable/?cn=*'), 200, 'the last of it in a variable');
is(status('full', '/star/'), 401, 'and not another one');

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
