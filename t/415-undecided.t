# Covers "deny ca=", which goes by issuers and signatures alone, whatever the
# chain looks like that the client sends: one that leads to an issuer nobody
# knows is refused, too.  And "deny issuer_thumbprint=", which means the key of
# that issuer.  What can be decided is: nobody else is refused.

use strict;
use warnings;

use File::Spec;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;

my $now = time;

sub ca {
    my ($name, $ca, $key, %o) = @_;
    der_cert(name => $name, ca => $ca, key => $key, is_ca => 1,
             subject => [ [ CN => $name ] ], %o);
}

sub leaf {
    my ($name, $ca, %o) = @_;
    der_cert(name => $name, ca => $ca, subject => [ [ CN => $name ] ], %o);
}

sub pem { join '', map { ClientCert::slurp(cert_file($_, 'crt')) } @_ }

ca('bad-root', 'self', 'foreign');
ca('bad-int', 'bad-root', 'inter');
leaf('bad', 'bad-int');

# other certificates of the name of the intermediate
my @int = (subject => [ [ CN => 'bad-int' ] ]);
ca('forged-int', 'bad-root', 'globex', @int, signer => 'globex');
ca('forged-root', 'self', 'globex', @int);
ca('old-int', 'bad-root', 'inter', @int, not_before => $now - 86400 * 9,
   not_after => $now - 86400);
ca('cross-int', 'ca-b', 'inter', @int);
ca('no-ca-int', 'bad-root', 'inter', @int, is_ca => 0);
twin('bad-int', 'twin-int');

leaf('forged', 'bad-int', signer => 'globex');
leaf('critical', 'bad-int', ext => [ [ '1.2.3.4.5', 1, "\5\0" ] ]);
leaf('server-only', 'bad-int', eku => [ '1.3.6.1.5.5.7.3.1' ]);

ca('old-root', 'self', 'noeku', not_before => $now - 86400 * 9,
   not_after => $now - 86400);
leaf('under-old', 'old-root');

ca('good-int', 'ca-b', 'anyeku');
leaf('good', 'good-int');
leaf('pinned', 'self');

# a path of three
ca('deep-int', 'bad-int', 'keyenc');
leaf('deep', 'deep-int');

my $spki = unpack 'H*', spki_sha256('acme');

my @conditions = (
    root => 'ca=bad-root.pem', old => 'ca=old-root.pem', int => 'ca=int.pem',
    thumb => 'issuer_thumbprint=' . sha256('bad-int'),
    sha1 => 'issuer_thumbprint=' . sha1('bad-int'),
);
my %conditions = @conditions;
my @policies = sort keys %conditions;

my $n = nginx(config => sub {
    my $n = shift;
    my ($policies, $locations) = ('', '');

    $n->write('bad-root.pem', pem('bad-root'));
    $n->write('old-root.pem', pem('old-root'));
    $n->write('int.pem', pem('bad-int'));
    $n->write('known.pem', pem('bad-root', 'ca-b'));
    $n->write('all.pem', pem('bad-root', 'bad-int', 'ca-b', 'good-int'));

    for (@policies) {
        $policies .= "clientcert_policy pin_$_ { "
                   . "deny $conditions{$_}; allow spki=$spki; }\n"
                   . "clientcert_policy verified_$_ { "
                   . "deny $conditions{$_}; allow verified; }\n";
        $locations .= "location = /pin/$_ { "
                    . "clientcert_require pin_$_; empty_gif; }\n"
                    . "location = /verified/$_ { "
                    . "clientcert_require verified_$_; empty_gif; }\n";
    }

    $policies .= 'clientcert_policy issuer { allow issuer_thumbprint='
               . sha256('bad-int') . " spki=$spki; }\n";
    $locations .= "location = /issuer { clientcert_require issuer; "
                . "empty_gif; }\n";

    # what each server knows
    my %servers = (
        none => 'ssl_verify_client optional_no_ca;',
        root => 'ssl_client_certificate known.pem;
                 ssl_verify_client optional_no_ca;',
        all  => 'ssl_client_certificate all.pem;
                 ssl_verify_client optional_no_ca;',
        on   => 'ssl_client_certificate all.pem;
                 ssl_verify_client on;',
        # nginx refuses some by itself, unless it is told to go on
        err  => 'ssl_verify_client optional_no_ca; error_page 495 = $uri;',
        both => 'ssl_client_certificate all.pem; error_page 495 = $uri;
                 ssl_verify_client optional_no_ca;',
    );

    return $policies . join '', map { <<"END" } sort keys %servers;
    server {
        listen 127.0.0.1:%%PORT_$_%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_verify_depth 5;
        $servers{$_}
        add_header X-Reason \$clientcert_reason always;
        $locations
    }
END
})->start;

# [ client, what it sends along, the server, the path, the answer, and that of
#   a resumed session if it is another, or "*" for any ]
my @tests = (
    # the intermediate is known to the server, to the rule's file, or sent
    [ 'bad', '', 'all', '/verified/root', '401 denied' ],
    [ 'bad', '', 'on', '/verified/root', '401 denied' ],
    [ 'bad', '', 'none', '/pin/int', '401 denied' ],
    [ 'bad', 'bad-int', 'none', '/pin/root', '401 denied' ],
    [ 'bad', 'bad-int', 'root', '/verified/root', '401 denied',
      '401 denied' ],
    [ 'deep', 'deep-int bad-int', 'root', '/verified/root', '401 denied' ],
    [ 'deep', 'bad-int deep-int', 'root', '/pin/root', '401 denied' ],
    [ 'deep', 'deep-int', 'all', '/verified/root', '401 denied' ],
    [ 'deep', 'deep-int', 'none', '/pin/int', '401 denied' ],

    # or not at all, under whatever name
    [ 'bad', '', 'none', '/pin/root', '401 denied' ],
    [ 'bad', '', 'root', '/pin/root', '401 denied' ],
    [ 'deep', 'bad-int', 'root', '/pin/root', '401 denied' ],
    [ 'bad', 'forged-int', 'err', '/pin/root', '401 denied' ],
    [ 'bad', 'forged-root', 'err', '/pin/root', '401 denied' ],
    [ 'bad', 'forged-int bad-int', 'err', '/pin/root', '401 denied' ],
    [ 'bad', 'forged-root bad-int', 'err', '/pin/root', '401 denied' ],
    [ 'bad', 'forged-int', 'all', '/verified/root', '401 denied' ],
    [ 'bad', 'forged-int', 'on', '/verified/root', '401 denied' ],
    [ 'bad', 'good-int', 'all', '/verified/root', '401 denied' ],
    [ 'bad', 'cross-int bad-int', 'root', '/verified/root', '401 denied' ],
    [ 'bad', 'cross-int bad-int', 'none', '/pin/root', '401 denied' ],

    # whatever OpenSSL wouldn't take
    [ 'bad', 'old-int', 'none', '/pin/root', '401 denied' ],
    [ 'bad', 'old-int', 'all', '/verified/root', '401 denied' ],
    [ 'bad', 'no-ca-int', 'err', '/pin/root', '401 denied' ],
    [ 'critical', 'bad-int', 'err', '/pin/root', '401 denied' ],
    [ 'server-only', 'bad-int', 'err', '/pin/root', '401 denied' ],
    [ 'under-old', '', 'none', '/pin/old', '401 denied' ],
    [ 'bad', 'twin-int', 'none', '/pin/root', '401 denied' ],

    # An issuer is its key: it needs no chain.
    (map {
        [ 'bad', '', 'all', "/verified/$_", '401 denied' ],
        [ 'bad', '', 'on', "/verified/$_", '401 denied' ],
        [ 'bad', '', 'none', "/pin/$_", '401 denied' ],
        [ 'bad', 'bad-int', 'root', "/verified/$_", '401 denied' ],
        [ 'bad', 'twin-int', 'root', "/verified/$_", '401 denied' ],
        [ 'bad', 'twin-int', 'none', "/pin/$_", '401 denied' ],
        [ 'bad', 'forged-int bad-int', 'err', "/pin/$_", '401 denied' ],
        [ 'bad', 'cross-int', 'root', "/verified/$_", '401 denied' ],
        [ 'critical', '', 'none', "/pin/$_", '401 denied' ],
        [ 'pinned', '', 'all', "/pin/$_", '200 ok' ],
        [ 'good', '', 'all', "/verified/$_", '200 ok' ],
        [ 'good', 'good-int', 'root', "/verified/$_", '200 ok', '*' ],
    } 'thumb', 'sha1'),

    # Others aren't refused: their path is known to its end.
    [ 'pinned', '', 'none', '/pin/root', '200 ok' ],
    [ 'pinned', 'bad-int', 'none', '/pin/root', '200 ok' ],
    [ 'good', '', 'all', '/verified/root', '200 ok' ],
    [ 'good', '', 'on', '/verified/root', '200 ok' ],
    [ 'good', 'bad-int', 'all', '/verified/root', '200 ok' ],
    [ 'good', 'good-int', 'root', '/verified/root', '200 ok', '401 denied' ],

    # Who signs can also certify the denied issuer's key by a root of their own.
    [ 'good', 'good-int ca-b', 'none', '/pin/root', '401 denied' ],
);

# Sends what is to be sent behind the certificate.
my $chains = 0;
sub connection {
    my ($cert, $sent, %o) = @_;
    my $file = $n->write('chain' . ++$chains . '.pem',
                         pem($cert, split ' ', $sent));
    return client(cert => $cert,
                  chain => File::Spec->abs2rel($file, cert_dir()), %o);
}

sub answer {
    my ($c, $path) = @_;
    my $r = $c->get($path);
    return 'none' unless defined $r->{status};
    return "$r->{status} " . ($r->{headers}{'x-reason'} // '');
}

for my $version ('TLSv1_2', 'TLSv1_3') {
    for my $test (@tests) {
        my ($cert, $sent, $port, $path, $fresh, $resumed) = @$test;
        my %o = (version => $version, port => $n->port($port));
        my $what = "$cert" . ($sent && " with $sent") . " at $port, $path";
        $resumed //= $fresh;

        # after a 495 nginx closes
        my $times = $port eq 'err' ? 1 : 2;

        my $c = connection($cert, $sent, %o);
        my @got = map { answer($c, $path) } 1 .. $times;
        is("@got", join(' ', ($fresh) x $times), "$version, $what, fresh");

        my $again = connection($cert, $sent, %o, session => $c->session);
        ok($again->resumed, "$version, $what, a session is resumed");
        next if $resumed eq '*';
        @got = map { answer($again, $path) } 1 .. $times;
        is("@got", join(' ', ($resumed) x $times),
           "$version, $what, resumed");
    }
}

# Which issuer it is that isn't known is told.
{
    my $seen = length $n->error_log;
    leaf('orphan', 'good-int');
    my $c = connection('orphan', '', port => $n->port('none'));
    is(answer($c, '/pin/root'), '401 denied', 'an issuer that nobody has');
    my $text = qr/ca can't be followed: issuer "CN=good-int" isn't known/;
    like(substr($n->error_log, $seen),
         qr/: denied, .*, "deny" in \S+:\d+, $text, client: /,
         'is named in the log');
}

# And that of the right name is not the one who signed.
{
    my $seen = length $n->error_log;
    my $c = connection('forged', '', port => $n->port('both'));
    is(answer($c, '/issuer'), '401 no_match', 'an issuer who did not sign it');
    my $text = 'issuer_thumbprint is known, but its key does not verify the '
             . 'certificate';
    like(substr($n->error_log, $seen), qr/: no_match, .*, $text, client: /,
         'is told of in the log');
}

# Such a rule can't be written without knowing the issuer.
{
    my $server = 'server { listen 127.0.0.1:%%PORT_t%% ssl; '
               . 'ssl_certificate %%CERTS%%/server.crt; '
               . 'ssl_certificate_key %%CERTS%%/server.key; '
               . 'ssl_verify_client optional_no_ca; clientcert_require p; '
               . 'ssl_client_certificate %%CERTS%%/ca-a.crt; }';
    my ($status, $said) = $n->test(
        'clientcert_policy p { deny issuer_thumbprint=' . sha256('good-int')
        . "; allow verified; }\n$server");
    ok($status, 'an issuer_thumbprint of nobody is refused');
    my $text = 'is neither in a file of "ca=" nor among the CAs of a server, use '
             . '"deny ca=" with its certificate';
    like($said, qr/the issuer that "deny issuer_thumbprint=" in \S+:\d+ names \Q$text\E$/m,
         'and the other way is named');

    ($status, $said) = $n->test(
        'clientcert_policy p { deny issuer_thumbprint=' . sha256('ca-a')
        . "; allow verified; }\n$server");
    is($status, 0, 'one of the server is fine');

    ($status, $said) = $n->test(
        "clientcert_policy p { deny ca=bad-root.pem; allow verified; }\n"
        . $server);
    is($status, 0, 'a root in "deny ca=" is legal');
    $text = 'has roots only and also refuses whoever sends no intermediate '
          . 'certificate, add those of the issuing CAs';
    like($said, qr/\[warn\] "deny ca=\S+bad-root\.pem" in \S+:\d+ \Q$text\E$/m,
         'but warned of');

    ($status, $said) = $n->test(
        "clientcert_policy p { deny ca=int.pem; allow verified; }\n$server");
    is($status, 0, 'an issuing CA');
    unlike($said, qr/\[warn\].*int\.pem/, 'is not');
}

is($n->stop, 0, 'nginx ended well');
# what the handshake leaves behind is nginx's own matter
is_deeply([ grep { !/stale global SSL error.*while waiting for request/ }
            $n->alerts ], [], 'nothing alarming in the log');

done_testing;
