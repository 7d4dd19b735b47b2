# Covers src/http/ngx_http_clientcert_variables.c: what the variables say, with no
# policy at all, that text is plain UTF-8, and that a list can be taken apart.

use strict;
use warnings;
use utf8;

use Encode 'encode';
use File::Spec;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;
use MIME::Base64 ();

my $now = time;

der_cert(name => 'rich', not_after => $now + 86400 * 10 + 3600,
         subject => [ [ DC => 'test', 22 ], [ DC => 'a', 22 ],
                      [ '2.5.4.97' => 'PSDDE-1,x' ], [ UID => 'u1' ],
                      [ '1.2.3.4.5' => 'own' ],
                      [ CN => encode('UTF-8', 'a "b" \\ c, Jörg') ] ],
         san => [ dns => 'b.test', uri => 'urn:x,y"z', dns => 'a.test',
                  email => 'me@a.test', ip => pack('C4', 10, 0, 0, 1),
                  ip => pack('H32', '20010db8' . '0' x 23 . '1'),
                  dns => "evil\r\nX-Evil: 1", upn => 'upn@a.test',
                  uri => 'urn:x%2Cy' ]);
der_cert(name => 'poor', san => undef, subject => [ [ O => 'x' ] ]);
der_cert(name => 'two', subject => [ [ CN => 'a' ], [ CN => 'b' ] ]);
der_cert(name => 'control', subject => [ [ CN => "a\r\nX-Evil: 1" ] ]);

# A variable of one name holds it as it is, or nothing.
my @texts = (
    map { [ encode('UTF-8', $_->[0]), $_->[1], $_->[2] ] }
    [ "José \x{4e2d}\x{1f511}", 1, 'letters' ],
    [ "a\x{85}b", 0, 'a C1 control' ],
    [ "a\x7fb", 0, 'DEL' ],
    [ "acme\x{202e}gnp", 0, 'an override of direction' ],
    [ "a\x{61c}b", 0, 'a mark of direction' ],
    [ "a\x{2066}b", 0, 'an isolate' ],
    [ "a\x{200d}b", 1, 'a joiner' ],
);
push @texts, [ "Jos\xe9", 0, 'Latin-1 that says it is UTF-8' ],
    [ "a\xed\xa0\x80", 0, 'a surrogate' ];
der_cert(name => "plain$_", subject => [ [ CN => $texts[$_][0] ] ])
    for 0 .. $#texts;
der_cert(name => 'soon', not_after => $now + 3600);

der_cert(name => 'no_text', subject => [ [ CN => 'x', 8 ], [ UID => 'u' ],
                                         [ OU => "a\0" ], [ OU => 'b' ] ]);

my @names = qw(cn san san_dns san_uri san_email san_ip san_upn days_left spki_sha256
               rfc9440 rfc9440_chain subject_cn subject_commonname
               subject_2_5_4_3 subject_organizationidentifier subject_2_5_4_97
               subject_UID subject_userid subject_1_2_3_4_5 subject_dc
               subject_ou subject_o issuer_CN issuer_organizationname
               issuer_uid);

my $server = <<'END' . join '', map { <<"LINE" } @names;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
END
        add_header X-$_ "[\$clientcert_$_]" always;
LINE

my $n = nginx(config => <<"END")->start;
    log_format cn "\$clientcert_cn";
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        $server
        access_log %%PREFIX%%/cn.log cn;
        location / { empty_gif; }
        location /ssi/ {
            ssi on;
            ssi_types application/x-asked;
            default_type application/x-asked;
            root %%PREFIX%%;
        }
    }
    server {
        listen 127.0.0.1:%%PORT_plain%%;
        location / { return 200 "[\$clientcert_cn\$clientcert_san]"; }
    }
    server {
        listen 127.0.0.1:%%PORT_proxy%% ssl;
        $server
        location / {
            proxy_set_header Client-Cert \$clientcert_rfc9440;
            proxy_set_header Client-Cert-Chain \$clientcert_rfc9440_chain;
            proxy_set_header X-CN \$clientcert_cn;
            proxy_pass http://127.0.0.1:%%PORT_backend%%;
        }
    }
    server {
        listen 127.0.0.1:%%PORT_backend%%;
        location / {
            return 200 "[\$http_client_cert][\$http_client_cert_chain]";
        }
        location /cn {
            return 200 "\$http_x_cn";
        }
    }
END

sub values_of {
    my ($cert, @o) = @_;
    my $r = client(cert => $cert, port => $n->port('tls'), @o)->get('/');
    return { map {
        my $value = $r->{headers}{ 'x-' . lc } // '';
        ($_ => $value =~ s/^\[|\]$//gr);
    } @names };
}

sub base64 {
    my $file = cert_file(shift, 'der');
    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/;
    return MIME::Base64::encode(scalar(<$fh>), '');
}

my $rich = values_of('rich');
is($rich->{cn}, encode('UTF-8', 'a "b" \\ c, Jörg'), 'cn');
is($rich->{$_}, $rich->{cn}, $_)
    for qw(subject_cn subject_commonname subject_2_5_4_3);
is($rich->{$_}, 'PSDDE-1,x', $_)
    for qw(subject_organizationidentifier subject_2_5_4_97);
is($rich->{$_}, 'u1', $_) for qw(subject_UID subject_userid);
is($rich->{subject_1_2_3_4_5}, 'own', 'subject_1_2_3_4_5');
is($rich->{subject_dc}, '', 'subject_dc, of which there are two');
is($rich->{subject_o}, '', 'subject_o, which there is not');
is($rich->{issuer_CN}, 'ca-a', 'issuer_CN');
is($rich->{issuer_organizationname}, 'Example', 'issuer_organizationname');
is($rich->{issuer_uid}, '', 'issuer_uid, which is of the subject');
is($rich->{san_dns}, 'b.test,a.test', 'san_dns');
is($rich->{san_uri}, 'urn:x%2Cy"z,urn:x%252Cy', 'san_uri');
is($rich->{san_email}, 'me@a.test', 'san_email');
is($rich->{san_upn}, 'upn@a.test', 'san_upn');
is($rich->{san_ip}, '10.0.0.1,2001:db8::1', 'san_ip');
is($rich->{san}, 'dns:b.test,uri:urn:x%2Cy"z,dns:a.test,email:me@a.test,'
                 . 'ip:10.0.0.1,ip:2001:db8::1,upn:upn@a.test,uri:urn:x%252Cy', 'san');
is($rich->{days_left}, 10, 'days_left');
is($rich->{spki_sha256}, unpack('H*', spki_sha256('acme')), 'spki_sha256');
is($rich->{rfc9440}, ':' . base64('rich') . ':', 'rfc9440');
is($rich->{rfc9440_chain}, '', 'rfc9440_chain of a client that sent none');

my $poor = values_of('poor');
is(join('', map { $poor->{$_} } qw(cn san san_dns san_uri san_email san_ip)),
   '', 'names that are not there');
is(values_of('two')->{$_}, '', "two CNs, $_") for qw(cn subject_cn);

my $no_text = values_of('no_text');
is(join('', map { $no_text->{$_} } qw(cn subject_cn subject_ou)), '',
   'attributes that can not be read');
is($no_text->{subject_UID}, 'u', 'another one beside them');
is(values_of('control')->{cn}, '', 'a CN with a line break');
for my $i (0 .. $#texts) {
    my $values = values_of("plain$i");
    is($values->{$_}, $texts[$i][1] ? $texts[$i][0] : '',
       "$_ with $texts[$i][2]") for qw(cn subject_cn);
}
is(values_of('soon')->{days_left}, 0, 'less than a day');
is(values_of(undef)->{rfc9440}, '', 'no certificate');

my $plain = client(port => $n->port('plain'), plain => 1)->get('/');
is($plain->{body}, '[]', 'no TLS');

my @long = (chain => 'inter-chain.crt');
my $chain = ':' . base64('int-a') . ':';
is(values_of('inter', @long)->{rfc9440_chain}, $chain, 'a chain that is sent');

my $r = client(cert => 'inter', port => $n->port('proxy'), @long)
    ->get('/', headers => { 'Client-Cert' => 'x', 'Client-Cert-Chain' => 'y' });
is($r->{body}, '[:' . base64('inter') . ":][$chain]", 'both go to a backend');

$r = client(port => $n->port('proxy'))
    ->get('/', headers => { 'Client-Cert' => 'x', 'Client-Cert-Chain' => 'y' });
is($r->{body}, '[][]', 'and are taken away without a certificate');

$r = client(cert => 'plain0', port => $n->port('proxy'))->get('/cn');
is($r->{body}, $texts[0][0], 'a backend reads UTF-8');
like(ClientCert::slurp($n->path('cn.log')),
     qr/^Jos\\xC3\\xA9 \\xE4\\xB8\\xAD/m, 'nginx escapes it once in a log');
# What is asked for while nginx runs, and what no variable can be.
mkdir $n->path('ssi');
$n->write('ssi/asked', join '', map {
    "[<!--# echo var=\"clientcert_$_\" default=\"none\" -->]"
} qw(subject_street subject_uid issuer_2_5_4_10 subject_no_such issuer_2__5));
is(client(cert => 'rich', port => $n->port('tls'))->get('/ssi/asked')->{body},
   '[none][u1][Example][none][none]', 'names that the configuration has not');

for my $name ('subject_no_such', 'issuer_', 'subject_2_5__4', 'issuer_san') {
    my ($status, $said)
        = $n->test("log_format x \$clientcert_$name; access_log x x;");
    ok($status, "\$clientcert_$name is refused");
    my $error = "unknown \"clientcert_$name\" variable, its name ends in "
              . 'neither an attribute that OpenSSL knows nor an object '
              . 'identifier with "_" for "."';
    like($said, qr/\[emerg\] \Q$error\E$/m, "\$clientcert_$name, why");
}

for my $set ('map $uri $clientcert_subject_no_such { default x; }',
             'server { set $clientcert_subject_no_such x; }') {
    my ($status, $said)
        = $n->test("$set log_format x \$clientcert_subject_no_such;");
    is($status, 0, "$set is legal") or diag($said);
}

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
