# Covers the documents: every configuration in README and docs/ starts, and
# gives the answers that a comment before it promises:
#
#   <!-- check: acme / 200; globex /x/ 401; - / 401 -->
#
# that is certificate ("-" for none), path and status.  Whether a block belongs
# in http, server or a policy is told by its first directives.  Names of files
# are replaced by those of the tests, and the thumbprint and the key that the
# documents use by those of "acme".

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;
use MIME::Base64 ();

my $root = "$FindBin::Bin/..";
my $thumbprint = '9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B';
my $key = 'n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=';

sub slurp {
    my $file = shift;
    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/;
    return scalar <$fh>;
}

# [ name, text, checks ] of each block
sub blocks {
    my $file = shift;
    my $text = slurp($file);
    my ($name) = $file =~ m{([^/]+)$};
    my @blocks;

    while ($text =~ /(?:<!-- check: ([^>]*?) -->\n)?^ *```nginx\n(.*?)^ *```/gsm) {
        my ($checks, $block) = ($1, $2);
        my $line = 1 + (substr($text, 0, $-[2]) =~ tr/\n//);
        push @blocks, [ "$name:$line", $block,
                        [ split /;\s*/, $checks // '' ] ];
    }

    return @blocks;
}

# The directives of the outermost level, each as [ name, text ].
sub directives {
    my $text = shift =~ s/(?:^|\s)#.*//gmr;
    my $quoted = qr/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/s;
    my @found;

    while ($text =~ /\G\s*(([^\s;{}]+)(?:$quoted|[^;{}"'])*
                     (?:;|(\{(?:$quoted|[^{}"']|(?3))*\})))/gcx) {
        push @found, [ $2, $1 ];
    }

    die "what is this: ", substr($text, pos($text) // 0), "\n"
        if substr($text, pos($text) // 0) =~ /\S/;

    return @found;
}

my %policy_level = map { $_ => 1 }
    qw(allow deny include reject trust validity dry_run log_level);
my %http_level = map { $_ => 1 }
    qw(server map upstream clientcert_policy clientcert_store log_format geo);

my $asks = <<'END';
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
END

# Makes what stands in http {} of a block, whatever level it is of.
sub http_text {
    my ($n, $text) = @_;
    my @top = directives($text);

    for (grep { $_->[0] eq 'http' } @top) {
        @top = directives($_->[1] =~ s/^http \{|\}$//gr);
    }

    if (!grep { !$policy_level{ $_->[0] } } @top) {
        $text = join '', "clientcert_policy p {\n",
                         map({ "$_->[1]\n" } @top), "}\n";

    } else {
        my @inner = grep { !$http_level{ $_->[0] } } @top;
        my @outer = grep { $http_level{ $_->[0] } } @top;
        $text = join '', map { "$_->[1]\n" } @outer;
        $text .= join '', "server {\n$asks", map({ "$_->[1]\n" } @inner), "}\n"
            if @inner && !grep { $_->[0] eq 'server' } @outer;
    }

    my ($first) = $text =~ /^\s*clientcert_policy\s+(\S+)/m;

    if ($text !~ /^\s*server \{/m) {
        $text .= "server {\n$asks"
               . "    location / { clientcert_require $first; empty_gif; }\n"
               . "}\n";
    }

    for my $name ($text =~ /clientcert_require\s+([^\s;]+);/g) {
        next if $name eq 'off' || $text =~ /clientcert_policy\s+\Q$name\E\s/;
        $text = "clientcert_policy $name { allow verified; }\n$text";
    }

    return files($n, $text);
}

sub files {
    my ($n, $text) = @_;
    my $sha1 = sha1('acme');
    my $spki = MIME::Base64::encode(spki_sha256('acme'), '');
    my $certs = cert_dir();

    $text =~ s/$thumbprint/$sha1/g;
    $text =~ s/\Q$key\E/$spki/g;
    $text =~ s/\blisten\s+443\s+ssl/listen 127.0.0.1:%%PORT_tls%% ssl/g;
    $text =~ s/\blisten\s+80;/listen 127.0.0.1:%%PORT_plain%%;/g;
    $text =~ s/(ssl_certificate)\s[^;]+;/$1 $certs\/server.crt;/g;
    $text =~ s/(ssl_certificate_key)\s[^;]+;/$1 $certs\/server.key;/g;
    $text =~ s/(ssl_(?:client|trusted)_certificate)\s[^;]+;/$1 $certs\/ca-a.crt;/g;
    $text =~ s/(ssl_crl)\s[^;]+;/$1 $certs\/crl-a.pem;/g;
    $text =~ s{ca=\S*?(ca-[ab])?\.(?:pem|crt)}
              {"ca=$certs/" . ($1 // 'ca-a') . '.crt'}ge;
    $text =~ s/(proxy_pass\s+)http:\/\/[\w.:-]+/$1http:\/\/127.0.0.1:%%PORT_backend%%/g;
    $text =~ s{(clientcert_store\s+\S+\s+)directory=\S+?([\s;])}
              {$1directory=@{[ store($n) ]}$2}g;
    $text =~ s{(clientcert_store\s+\S+\s+)list=\S+?([\s;])}
              {$1list=@{[ $n->write('list', sha1('globex') . "\n") ]}$2}g;
    $text =~ s{/etc/nginx/client-certs}{@{[ store($n) ]}}g;
    $text =~ s{\binclude\s+[^;]+;}
              {"include " . $n->write('included', '') . ';'}ge;

    return "$text\n    server { listen 127.0.0.1:%%PORT_backend%%; "
         . "location / { empty_gif; } }\n";
}

sub store {
    my $n = shift;
    my $dir = $n->path('store');
    mkdir $dir;
    $n->write('store/acme.crt', slurp(cert_file('acme', 'crt')));
    return $dir;
}

my @blocks = map { blocks($_) } grep { -e } "$root/README.md",
                                            glob "$root/docs/*.md";

for my $block (@blocks) {
    my ($name, $text, $checks) = @$block;
    my $n = nginx(config => sub { http_text($_[0], $text) });

    my ($status, $said) = $n->test;
    is($status, 0, "$name is a configuration") or diag($said), next;
    next if !@$checks;

    $n->start;

    # the location that a fragment leaves out has no content
    mkdir $n->path('html');
    $n->write('html/index.html', 'ok');

    for my $check (@$checks) {
        my ($cert, $path, $wanted) = split ' ', $check;
        my $c = client(port => $n->port('tls'),
                       cert => $cert eq '-' ? undef : $cert);
        my $r = $c->get($path);
        is($r->{status} // $r->{error}, $wanted, "$name, $check");
    }

    is($n->stop, 0, "$name, nginx ended well");
}

cmp_ok(scalar(@blocks), '>', 0, scalar(@blocks) . ' configurations');

done_testing;
