# Covers what happens when memory is short: each allocation of a worker fails
# once, or with all that follow it, in a request and in the handshake before
# it.  What a policy refuses stays refused, what can't be decided isn't
# allowed, and nothing of it is remembered: the next request on the connection
# is answered as if nothing had been.  Explain answers 500, or what it always
# does.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;
use File::Temp ();
use Net::SSLeay;
use Socket;

plan(skip_all => 'sanitizers have an allocator of their own') if sanitized();

my $tmp = File::Temp->newdir('nomem-XXXXXX', TMPDIR => 1);
chmod 0755, "$tmp";
plan(skip_all => 'needs a C compiler, cc')
    if system('cc --version >/dev/null 2>&1') != 0;
system('cc', qw(-shared -fPIC -O1 -o), "$tmp/nomem.so",
       "$FindBin::Bin/lib/nomem.c") == 0 or die "cc failed\n";
plan(skip_all => 'needs the allocator of glibc')
    if system("LD_PRELOAD=$tmp/nomem.so true 2>/dev/null") != 0;

# The file's numbers: process, first, how many; count, failed.
my $state = "$tmp/state";
ClientCert::spew($state, pack 'q5', (0) x 5);
chmod 0666, $state;
open my $fh, '+<:raw', $state or die "$state: $!\n";

sub put {
    my ($offset, @numbers) = @_;
    sysseek $fh, $offset * 8, 0;
    syswrite $fh, pack 'q*', @numbers;
}

my $worker;

sub arm {
    my ($first, $n) = @_;
    put(1, $first, $n, 0, 0);
    put(0, $worker);
}

sub disarm {
    put(0, 0);
    sysseek $fh, 3 * 8, 0;
    sysread $fh, my $bytes, 2 * 8;
    return unpack 'q2', $bytes;
}

der_cert(name => 'full',
    subject => [ [ O => 'Example' ], [ OU => 'one' ], [ UID => 'u1' ],
                 [ CN => 'full' ] ],
    ext => [ [ '1.2.3.5', 0, der(12, 'role') ] ],
    serial => '0a0b0c', policies => [ '1.2.3.4' ],
    eku => [ '1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.4' ],
    san => [ dns => 'full.test', uri => 'urn:full', email => 'a@full.test',
             upn => 'a@corp.test', ip => pack 'C4', 192, 0, 2, 1 ]);

my $spki = unpack 'H*', spki_sha256('acme');
my $inter = sha256('int-a');

# true of "full", and not true of it
my %kinds = (
    verified => [ 'verified' ],
    thumbprint => [ 'thumbprint=' . sha1('full'),
                    'thumbprint=' . sha1('acme') ],
    thumbprint_var => [ 'thumbprint=$http_x', 'thumbprint=$http_y' ],
    spki => [ "spki=$spki", "spki=$inter" ],
    store => [ 'store=held', 'store=empty' ],
    list => [ 'store=listed', 'store=none' ],
    serial => [ 'serial=0a0b0c', 'serial=0a0b' ],
    subject => [ 'subject=CN=full,UID=u1,OU=one,O=Example',
                 'subject=CN=none,OU=one,O=Example' ],
    subject_var => [ 'subject=$http_dn', 'subject=$http_no_dn' ],
    issuer => [ 'issuer=CN=ca-a,O=Example', 'issuer=CN=ca-b,O=Example' ],
    cn => [ 'cn=full', 'cn=none' ],
    cn_var => [ 'cn=${http_cn}ll', 'cn=${http_cn}x' ],
    cn_regex => [ 'cn=~^f.*l$', 'cn=~^x.*l$' ],
    o => [ 'o=Example', 'o=None' ],
    attribute => [ 'subject.UID=u1', 'subject.UID=u2' ],
    attribute_var => [ 'subject.UID=u$http_uid', 'subject.UID=v$http_uid' ],
    attribute_regex => [ 'subject.UID=~^u1$', 'subject.UID=~^u2$' ],
    issuer_cn => [ 'issuer.CN=ca-a', 'issuer.CN=ca-b' ],
    ou => [ 'ou=one', 'ou=none' ],
    dns => [ 'dns=full.test', 'dns=none.test' ],
    uri => [ 'uri=urn:full', 'uri=urn:none' ],
    email => [ 'email=a@full.test', 'email=b@full.test' ],
    email_host => [ 'email=*@full.test', 'email=*@none.test' ],
    upn => [ 'upn=a@corp.test', 'upn=b@corp.test' ],
    extension => [ 'extension.1.2.3.5=role', 'extension.1.2.3.5=none' ],
    extension_hex => [ 'extension.1.2.3.5=hex:0c04726f6c65',
                       'extension.1.2.3.5=hex:0500' ],
    ip => [ 'ip=192.0.2.0/24', 'ip=192.0.3.0/24' ],
    ip_var => [ 'ip=$http_ip', 'ip=$remote_addr' ],
    eku => [ 'eku=emailProtection', 'eku=serverAuth' ],
    policy_oid => [ 'policy_oid=1.2.3.4', 'policy_oid=1.2.3' ],
    issuer_thumbprint => [ 'issuer_thumbprint=' . sha256('ca-a'),
                           'issuer_thumbprint=' . sha256('ca-b') ],
    ca => [ 'ca=%%CERTS%%/ca-a.crt', 'ca=%%CERTS%%/ca-b.crt' ],
);
my @kinds = sort keys %kinds;

my $server = <<'END';
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_client_certificate both.pem;
        ssl_verify_client optional_no_ca;
        ssl_verify_depth 3;
        ssl_session_timeout 1h;
        add_header X-Reason $clientcert_reason always;
        keepalive_requests 1000000;
        client_header_timeout 5s;
        access_log off;
END

my ($n, $address);

sub begin {
    $n = nginx(log_level => 'notice', config => shift);
    mkdir $n->path($_) for qw(held empty);
    $n->write('held/full.pem', ClientCert::slurp(cert_file('full', 'crt')));
    $n->write('listed', sha1('full') . "\n");
    $n->write('none', "# none\n");
    # so that the thumbprint of ca-b is known to the server
    $n->write('both.pem', join '', map {
        ClientCert::slurp(cert_file($_, 'crt'))
    } qw(ca-a ca-b));

    local @ENV{qw(LD_PRELOAD NOMEM)} = ("$tmp/nomem.so", $state);
    $n->start;
    ($worker) = $n->worker_pids;
    $address = pack_sockaddr_in($n->port('tls'), inet_aton('127.0.0.1'));
}

sub end {
    is_deeply([ $n->worker_pids ], [ $worker ], 'the worker is still there');
    is($n->stop, 0, 'nginx ended well');
    is_deeply([ grep { /exited on signal/ } $n->alerts ], [], 'no crash');
}

begin(sub {
    my ($policies, $locations) = ('', '');

    for my $kind (@kinds) {
        my ($true, $false) = @{ $kinds{$kind} };
        my $allow = $kind eq 'spki' ? 'verified' : "spki=$spki";
        my %rules = (deny => "deny $true; allow $allow;",
                     allow => "allow $true;");
        if (defined $false) {
            $rules{none} = "allow $false;";
            $rules{pass} = "deny $false; allow $allow;";
        }
        for my $what (sort keys %rules) {
            $policies .= "clientcert_policy ${what}_$kind { $rules{$what} }\n";
            $locations .= "location = /$what/$kind { "
                        . "clientcert_require ${what}_$kind; empty_gif; }\n";
        }
    }

    for my $bits (256, 384) {
        $policies .= "clientcert_policy key_$bits "
                   . "{ min_key ec=$bits; allow spki=$spki; }\n";
        $locations .= "location = /key/$bits { "
                    . "clientcert_require key_$bits; empty_gif; }\n";
    }

    return <<"END";
    clientcert_store held directory=%%PREFIX%%/held;
    clientcert_store empty directory=%%PREFIX%%/empty;
    clientcert_store listed list=%%PREFIX%%/listed;
    clientcert_store none list=%%PREFIX%%/none;
    $policies
    server {
        $server
        $locations
        location = /explain { clientcert_explain; }
    }
END
});

# A client that costs less than that of ClientCert: there are thousands.

my %versions = (TLSv1_2 => Net::SSLeay::TLS1_2_VERSION(),
                TLSv1_3 => Net::SSLeay::TLS1_3_VERSION());
my (%context, %session);
my $session = '/deny/cn';

sub context {
    my ($cert, $version) = @_;
    return $context{"$cert $version"} //= do {
        my $ctx = Net::SSLeay::CTX_new_with_method(Net::SSLeay::TLS_method());
        Net::SSLeay::CTX_set_min_proto_version($ctx, $versions{$version});
        Net::SSLeay::CTX_set_max_proto_version($ctx, $versions{$version});
        my $chain = $cert eq 'inter' ? cert_dir() . '/inter-chain.crt'
                                     : cert_file($cert, 'crt');
        Net::SSLeay::CTX_use_certificate_chain_file($ctx, $chain)
            && Net::SSLeay::CTX_use_PrivateKey_file($ctx,
                cert_file($cert, 'key'), Net::SSLeay::FILETYPE_PEM())
            or die "$cert\n";
        $ctx;
    };
}

my $timeout = pack 'l!l!', 10, 0;

package Connection {
    sub new {
        my ($class, $cert, $version, $session) = @_;
        my $self = bless { buf => '' }, $class;
        socket $self->{sock}, Socket::PF_INET, Socket::SOCK_STREAM, 0;
        setsockopt $self->{sock}, Socket::SOL_SOCKET, $_, $timeout
            for Socket::SO_RCVTIMEO, Socket::SO_SNDTIMEO;
        setsockopt $self->{sock}, Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1;
        connect $self->{sock}, $address or die "connect: $!\n";

        $self->{ssl} = Net::SSLeay::new(main::context($cert, $version));
        Net::SSLeay::set_fd($self->{ssl}, fileno $self->{sock});
        Net::SSLeay::set_tlsext_host_name($self->{ssl}, 'localhost');
        $session &&= Net::SSLeay::d2i_SSL_SESSION($session);
        Net::SSLeay::set_session($self->{ssl}, $session) if $session;
        Net::SSLeay::SESSION_free($session) if $session;
        $self->{up} = Net::SSLeay::connect($self->{ssl}) == 1;
        return $self;
    }

    # All at once; the answers in order, "none" where there was none.  A path
    # with a body is posted, {body} is that of the last answer.
    sub ask {
        my ($self, @paths) = @_;
        my @answers;

        if ($self->{up}) {
            my $text = join '', map {
                my ($path, $body) = ref ? @$_ : $_;
                (defined $body ? "POST $path" : "GET $path")
                . " HTTP/1.1\r\nHost: localhost\r\n$main::headers"
                . (defined $body
                   ? 'Content-Length: ' . length($body) . "\r\n\r\n$body"
                   : "\r\n")
            } @paths;
            $self->{up} = 0 if Net::SSLeay::write($self->{ssl}, $text) <= 0;
        }

        while ($self->{up} && @answers < @paths) {
            if ($self->{buf} =~ m{\AHTTP/1.1 (\d+)(.*?)\r\n\r\n}s) {
                my ($status, $head, $end) = ($1, $2, $+[0]);
                my ($len) = $head =~ /\r\nContent-Length: (\d+)/;
                if (length $self->{buf} >= $end + $len) {
                    $self->{body} = substr $self->{buf}, $end, $len;
                    substr $self->{buf}, 0, $end + $len, '';
                    my ($reason) = $head =~ /\r\nX-Reason: (\w+)/;
                    push @answers, "$status " . ($reason // '');
                    $self->{up} = 0 if $head =~ /\r\nConnection: close/;
                    next;
                }
            }
            my $bytes = Net::SSLeay::read($self->{ssl});
            $self->{buf} .= $bytes // '';
            $self->{up} = 0 unless length($bytes // '');
        }

        return @answers, ('none') x (@paths - @answers);
    }

    # In bytes: after an error on one connection OpenSSL takes no session of
    # that object any more.
    sub session {
        my $session = Net::SSLeay::get1_session(shift->{ssl});
        my $bytes = Net::SSLeay::i2d_SSL_SESSION($session);
        Net::SSLeay::SESSION_free($session);
        return $bytes;
    }

    sub DESTROY {
        my $self = shift;
        Net::SSLeay::free($self->{ssl});
    }
}

our $headers = join '', map { "$_\r\n" }
    'X: ' . sha1('full'), 'Y: ' . sha1('acme'), 'Cn: fu', 'Ip: 192.0.2.1', 'Uid: 1',
    # by an escape, which could be none: read twice
    'Dn: CN=\66ull,UID=u1,OU=one,O=Example', 'No-Dn: CN=\6eone,OU=one,O=Example';

my %due = (deny => '401 denied', none => '401 no_match',
           allow => '200 ok', pass => '200 ok');

# it may have lacked no more than its chain
sub due {
    my (undef, $what, $kind) = split m{/}, shift;
    return $kind == 256 ? '200 ok' : '401 weak_key' if $what eq 'key';
    return $what eq 'none' && $kind eq 'ca' ? '401 untrusted' : $due{$what};
}

# A TLS 1.2 session can be resumed as often as one likes.
sub open_one {
    my ($cert, $resumed) = @_;
    my $session = $resumed ? $session{$cert} //= do {
        my $c = Connection->new($cert, 'TLSv1_2');
        $c->ask($session);
        $c->session;
    } : undef;
    my $c = Connection->new($cert, 'TLSv1_2', $session);
    die "not resumed\n"
        if $resumed && !Net::SSLeay::session_reused($c->{ssl});
    return $c;
}

my ($handshakes, $allocations) = (0, 0);

# Whatever fails, this isn't the answer to what is to be refused.
sub let_in { $_[0] =~ /^[23]/ }

# Each allocation of a request fails, and $n - 1 after it; after it the
# locations in @more are asked as well.
sub request {
    my ($path, $cert, $resumed, $n, @more) = @_;
    my $due = due($path);
    my ($i, $other, @wrong) = (0, 0);

    while (++$i < 3000) {
        my $c = open_one($cert, $resumed);
        $handshakes++;
        die "no connection\n" unless $c->{up};
        arm($i, $n);
        my ($got) = $c->ask($path);
        my (undef, $failed) = disarm();

        push @wrong, "$i: $got" if $due ne '200 ok' && let_in($got);
        last unless $failed;
        $allocations++;
        $other++ if $got ne $due;

        my @again = ($path, @more);
        my @got = $c->ask(@again);
        push @wrong, map {
            $got[$_] eq 'none' || $got[$_] eq due($again[$_])
                ? () : "$i: $again[$_] then $got[$_]"
        } 0 .. $#again;
    }

    my $what = "$cert, $path, " . ($resumed ? 'resumed' : 'fresh')
             . ($n == 1 ? '' : $n < 1e9 ? ", $n" : ', all that follow');
    my ($got) = open_one($cert, $resumed)->ask($path);
    push @wrong, "afterwards: $got" if $got ne $due;
    is(join("\n", @wrong), '', "$what, $i allocations");
    return $other;
}

my $seen = 0;
my $since = ClientCert::now();
my @denials = map { "/deny/$_" } @kinds;

for my $kind (@kinds) {
    $seen += request("/deny/$kind", 'full', $_, 1) for 0, 1;
    $seen += request("/deny/$kind", 'full', 1, 1e9);
    # some that follow: what asks again is told the same
    $seen += request("/deny/$kind", 'full', $_, 5) for 0, 1;
    request("/allow/$kind", 'full', 1, $_) for 1, 2, 5;
    next unless defined $kinds{$kind}[1];
    request("/none/$kind", 'full', 1, 1);
    # denied while it can't be decided, but no longer
    request("/pass/$kind", 'full', 1, 1);
}

# a key that can't be read is as short as can be
request('/key/384', 'full', @$_) for [ 0, 1 ], [ 1, 1 ], [ 1, 5 ], [ 1, 1e9 ];
request('/key/256', 'full', 1, $_) for 1, 5;

# what one policy has read badly isn't what another one knows
request($_, 'full', 1, 1, @denials) for '/deny/dns', '/deny/cn', '/deny/ca';

# a chain that the client sent
request('/deny/ca', 'inter', 0, 1);

cmp_ok($seen, '>', 100, "$seen answers were others for want of memory");

# The explanation is whole and right, or there is none.  Nothing of it is kept
# on the connection, so that this serves again.  There are some 1,700
# allocations: with a step those between are the matter of other runs.
sub explained {
    my ($arguments, $n, $step, $body) = @_;
    my $what = [ "/explain?$arguments", $body ];
    my ($i, $lost, $c, $due, @wrong) = (1 + int rand $step, 0);

    my $ask = sub {
        $c = open_one('full', 1) if !$c || !$c->{up};
        my ($got) = $c->ask($what);
        return $got if $got =~ /^(?:500 |none)$/;
        return "$got$c->{body}" =~ s/"now":"[^"]*"//r;
    };

    for (; $i < 20000; $i += $step) {
        $due //= $ask->();
        $c = undef if !$c->{up};
        $c //= open_one('full', 1);
        arm($i, $n);
        my $got = $ask->();
        my (undef, $failed) = disarm();
        $lost++ if $got ne $due;
        push @wrong, "$i: $got" if $got ne $due && $got !~ /^(?:500 |none)$/;
        last unless $failed;
        $allocations++;
        my $again = $ask->();
        # an answer may be the last one of its connection
        $again = $ask->() if $again eq 'none';
        push @wrong, "$i: then $again" if $again ne $due;
    }

    like($due, qr/^200 .*"decision":/, "$arguments, explained");
    is(join("\n", @wrong), '',
       "$i allocations, $lost without an explanation, $n");
}

my $pem = ClientCert::slurp(cert_file('full', 'crt'));
my $chain = ClientCert::slurp(cert_dir() . '/inter-chain.crt');

explained("policy=deny_$_", 1, 37, $pem) for @kinds;
explained("policy=none_$_", 1, 37, $pem)
    for grep { defined $kinds{$_}[1] } @kinds;
explained('policy=none_ca', @$_, $pem) for [ 1, 1 ], [ 5, 5 ], [ 1e9, 7 ];
explained('policy=pass_ca', 1, 3, $pem);
explained('policy=allow_ca', 1, 5, $chain);
explained('policy=none_store&suppose=empty', 1, 5, $pem);
explained('policy=key_384', @$_, $pem) for [ 1, 3 ], [ 5, 5 ];
# one that was refused of late
explained('policy=none_cn&sha256=' . sha256('full'), 1, 3);

note("$handshakes handshakes, $allocations allocations, ",
     int(ClientCert::now() - $since), ' s');

# In the handshake; whatever it has lost, nobody is let in who isn't to be.
# Each is asked for @always and, in turns, @some.  With a step the allocations
# between are the matter of other runs.
sub handshake {
    my ($cert, $version, $step, $always, @some) = @_;
    my @all = (@$always, @some);
    my ($i, $down, @wrong) = (1 + int rand $step, 0);

    for (; $i < 20000; $i += $step) {
        my $path = $all[$i % @all];
        arm($i, 1);
        my $c = Connection->new($cert, $version);
        my ($first) = $c->ask($path);
        my (undef, $failed) = disarm();
        push @wrong, "$i: $path $first" if let_in($first);
        last unless $failed;

        $c->{up} or $down++, next;
        my @paths = (@$always, @some ? $some[$i % @some] : ());
        my @got = $c->ask(@paths);
        push @wrong, map {
            $got[$_] =~ /^(?:none|40[01] .*)$/ ? ()
                : "$i: $path $first, then $paths[$_] $got[$_]"
        } 0 .. $#got;
    }

    is(join("\n", @wrong), '', "$cert, $version, handshakes, $i allocations");
    cmp_ok($down, '>', 10, "$down of them failed");
    my @got = Connection->new($cert, $version)->ask(@all);
    is(scalar(grep { /^401 / } @got), scalar @all, 'all is well again');
}

my @chained = ('/key/384',
               map { "/deny/$_" } qw(ca issuer_thumbprint verified dns));
handshake('full', 'TLSv1_2', 1, \@chained, @denials);
handshake('full', 'TLSv1_3', 2, \@chained, @denials);
handshake('self', 'TLSv1_2', 3,
          [ map { "/allow/$_" } qw(verified ca issuer) ]);
note(int(ClientCert::now() - $since), ' s');

like($n->error_log, qr/: denied, .*, "deny" in \S+:\d+, there is no memory, client: /,
     'the log says that there is no memory');
like($n->error_log, qr/: error, .*, there is no memory, client: /,
     'where nothing allows it, too');

end();

# What is in the file of "ca=" is read by the first who needs it, and for all
# who come after.  So each allocation has a file that nobody has needed yet.

my $files = 800;

begin(sub {
    my $n = shift;
    my ($policies, $locations) = ('', '');
    my $ca = ClientCert::slurp(cert_file('ca-a', 'crt'));

    mkdir $n->path('ca');
    for my $i (1 .. $files) {
        $n->write("ca/$_$i", $ca) for qw(allow deny);
        $policies .= "clientcert_policy a$i { allow ca=ca/allow$i; }\n"
                   . "clientcert_policy d$i { deny ca=ca/deny$i; "
                   . "allow spki=$spki; }\n";
        $locations .= "location = /allow/$i { "
                    . "clientcert_require a$i; empty_gif; }\n"
                    . "location = /deny/$i { "
                    . "clientcert_require d$i; empty_gif; }\n";
    }

    return "$policies server { $server $locations }";
});

%session = ();
my %file;
$session = '/allow/1';

for my $test ([ 'allow', 0 ], [ 'deny', 0 ], [ 'allow', 1 ], [ 'deny', 1 ]) {
    my ($what, $resumed) = @$test;
    my ($i, @wrong) = (0);

    while (1) {
        my $path = "/$what/" . (++$file{$what} + 1);
        die "too few files\n" if $file{$what} > $files;
        my $c = open_one('full', $resumed);
        arm(++$i, 1);
        $c->ask($path);
        my (undef, $failed) = disarm();
        last unless $failed;
        my ($got) = open_one('full', $resumed)->ask($path);
        push @wrong, "$i: $path then $got" if $got ne due($path);
    }

    is(join("\n", @wrong), '', "$what, new CAs, "
       . ($resumed ? 'resumed' : 'fresh') . ", $i allocations");
}

end();
note(int(ClientCert::now() - $since), ' s');

done_testing;
