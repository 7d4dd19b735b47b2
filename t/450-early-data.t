# Covers ngx_clientcert_connection_early(): what comes in TLS 1.3 early data can
# have been recorded and sent again by anybody, so where a policy is in force it
# is answered 425 (RFC 8470), and the client tries once more.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;

my $n = nginx(config => sub {
    my $sha1 = sha1('acme');
    return <<"END";
    clientcert_policy p { allow thumbprint=$sha1; }
    clientcert_policy dry { dry_run on; allow thumbprint=$sha1; }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_early_data on;
        add_header X-Early "[\$ssl_early_data]" always;
        add_header X-Verdict "\$clientcert_result:\$clientcert_reason" always;
        location /p { clientcert_require p; empty_gif; }
        location /dry { clientcert_require dry; empty_gif; }
        location /off { empty_gif; }
    }
END
})->start;

# A session first, then the same request in early data.  When the handshake is
# complete before nginx comes to read the request it is an ordinary one, and
# can't have been replayed, so that is tried again.
sub early {
    my $path = shift;
    my @answers;
    for (1 .. 20) {
        @answers = try_early($path);
        last if $answers[1] =~ /X-Early: \[1\]/;
    }
    return @answers;
}

sub try_early {
    my $path = shift;
    my $request = $n->write('request', "GET $path HTTP/1.1\r\n"
                            . "Host: localhost\r\nConnection: close\r\n\r\n");
    my $session = $n->path('session');
    my $cmd = 'openssl s_client -quiet -tls1_3 -servername localhost'
            . ' -connect 127.0.0.1:' . $n->port('tls')
            . ' -cert ' . cert_file('acme', 'crt')
            . ' -key ' . cert_file('acme', 'key');

    unlink $session;
    my $first = `$cmd -sess_out $session < $request 2>/dev/null`;
    my $second = `$cmd -sess_in $session -early_data $request 2>/dev/null </dev/null`;
    return ($first, $second);
}

my ($first, $second) = early('/off');

SKIP: {
    skip 'no early data in this build', 7 unless $second =~ /X-Early: \[1\]/;

    like($second, qr{^HTTP/1.1 200 }, 'no policy, nothing to refuse');

    ($first, $second) = early('/p');
    like($first, qr{^HTTP/1.1 200 .*X-Verdict: allow:ok}s,
         'after the handshake');
    like($second, qr{^HTTP/1.1 425 Too Early\r\n}, 'in early data');
    like($second, qr/X-Verdict: deny:early_data/, 'and why');
    like($n->error_log, qr/rejected by policy "p": early_data/, 'and a log');

    ($first, $second) = early('/dry');
    like($second, qr{^HTTP/1.1 200 }, 'a dry run lets it through');
    like($n->error_log, qr/would be rejected by policy "dry": early_data/,
         'and tells of it');
}

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
