# What the t/1*.t share; written for Test::Nginx::Socket, to be required after
# it and before run_tests().
#
# Each block describes the server to be tested in its http_config, listening on
#
#     unix:$TEST_NGINX_HTML_DIR/tls.sock ssl
#
# and the request says who the client is: "GET /acme/x" is a request for /x
# with the certificate acme.  The server that Test::Nginx makes plays all these
# clients, by a location for each of them, which is why nobody has to speak TLS
# from Perl:
#
#     /NAME/           with t/cert's certificate NAME
#     /inter-chain/    with inter and the intermediate CA that signed it
#     /none/           without a certificate
#     /plain/          without TLS, to unix:$TEST_NGINX_HTML_DIR/plain.sock
#
# They ask for a.test, with SNI.  What is set in http here and may be set anew in
# each server: its certificate, CA A as the one of clients, the headers X-Reason
# and X-Label, which tell of a policy's verdict, and how the clients ask.
#
# Thumbprints are known as $TEST_NGINX_NAME_SHA1, _SHA256 and _X5T, where NAME
# is in upper case and has "_" for "-".

use strict;
use warnings;

use File::Spec;

my $certs = File::Spec->rel2abs($ENV{TEST_NGINX_CERT_DIR} || 'build/cert');

system('sh', 't/cert/make.sh', $certs) == 0
    or bail_out("t/cert/make.sh failed");

$ENV{TEST_NGINX_CERT_DIR} = $certs;
$ENV{TEST_NGINX_HTML_DIR} = html_dir();

my @names = map { m{([^/]+)\.sha1$} } sort glob "$certs/*.sha1";

for my $name (@names) {
    for my $kind (qw(sha1 sha256 x5t)) {
        open my $fh, '<', "$certs/$name.$kind"
            or bail_out("$certs/$name.$kind: $!");
        chomp(my $value = <$fh>);

        my $variable = uc "TEST_NGINX_${name}_$kind";
        $variable =~ tr/-/_/;
        $ENV{$variable} = $value;
    }
}

my $http_config = <<'END';
    ssl_certificate $TEST_NGINX_CERT_DIR/server.crt;
    ssl_certificate_key $TEST_NGINX_CERT_DIR/server.key;
    ssl_client_certificate $TEST_NGINX_CERT_DIR/ca-a.crt;

    add_header X-Reason $clientcert_reason always;
    add_header X-Label $clientcert_label always;

    proxy_ssl_protocols TLSv1.2 TLSv1.3;
    proxy_ssl_server_name on;
    proxy_ssl_name a.test;
    proxy_ssl_session_reuse off;
    proxy_set_header Host a.test;
    proxy_http_version 1.1;
END

# Keeps the client from inheriting the headers of the servers.
my $config = <<'END';
        add_header X-Client "";
END

sub client_location {
    my ($name) = @_;

    return <<'END' if $name eq 'plain';
        location /plain/ {
            proxy_pass http://unix:$TEST_NGINX_HTML_DIR/plain.sock:/;
        }
END

    my $certificate = '';

    if ($name ne 'none') {
        (my $key = $name) =~ s/-chain$//;
        $certificate = "proxy_ssl_certificate $certs/$name.crt;"
            . " proxy_ssl_certificate_key $certs/$key.key;";
    }

    return <<"END";
        location /$name/ {
            proxy_pass https://unix:\$TEST_NGINX_HTML_DIR/tls.sock:/;
            $certificate
        }
END
}

add_block_preprocessor(sub {
    my ($block) = @_;

    my $requests = join "\n",
        map { ref $_ ? @$_ : $_ // '' } scalar $block->request;

    my @playing = grep { $requests =~ m{^[ ]*\S+\s+/\Q$_\E/}m }
        @names, qw(inter-chain none plain);

    $block->set_value('http_config',
        $http_config . ($block->http_config // ''));

    $block->set_value('config', join '', $config,
        $block->config // '', map { client_location($_) } @playing);
});

1;
