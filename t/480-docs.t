# Covers the documents: every configuration in README and docs/ starts as it is
# printed, in Debian's own nginx.conf, warns of nothing, and gives the answers
# that a comment before it promises:
#
#   <!-- check: acme / 200; globex /x/ 401; - / 401 -->
#
# that is certificate ("-" for none), path and status.
#
# A block is a file of conf.d, or of modules-enabled if it loads a module.  One
# without a server comes with the block that follows <!-- server --> in
# policies.md, to which its page must have a link; what belongs into a server
# is put into that one, with the policies that its section has before it, or
# the first ones of that page.  "As printed" is but for the root of all paths
# and for ports; files are there only if the page, or that of the server, says
# in its text that they have to be.  For the answers the thumbprints and the
# key that the documents use are replaced by those of "acme" and "globex".
#
# A page with <!-- walk --> is also done from top to bottom, commands and all,
# as debian/tests/walk.pl says.
#
# Links lead to files, and to headings, that are there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;
use MIME::Base64 ();

my $root = "$FindBin::Bin/..";

# Debian 12's, without its comments
my $stock = <<'END';
user www-data;
worker_processes auto;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
include /etc/nginx/modules-enabled/*.conf;

events {
	worker_connections 768;
}

http {
	sendfile on;
	tcp_nopush on;
	types_hash_max_size 2048;

	include /etc/nginx/mime.types;
	default_type application/octet-stream;

	ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
	ssl_prefer_server_ciphers on;

	access_log /var/log/nginx/access.log;

	gzip on;

	include /etc/nginx/conf.d/*.conf;
	include /etc/nginx/sites-enabled/*;
}
END

# What this test needs besides: a backend, and nothing outside of its prefix.
my $besides = join '', map({ "${_}_temp_path %%PREFIX%%/$_;\n" }
                           qw(client_body proxy fastcgi uwsgi scgi)),
                   "server { listen 127.0.0.1:%%PORT_backend%%; ",
                   "root html; location / { try_files /index.html =404; } }\n";

# what a reader has in /etc/nginx, if the page says so
my %files = (
    'server.crt'   => sub { crt('server') },
    'server.key'   => sub { slurp(cert_file('server', 'key')) },
    'ca.crt'       => sub { crt('ca-a') },
    'other-ca.crt' => sub { crt('ca-b') },
    'ca.crl'       => sub { slurp(cert_dir() . '/crl-a-globex.pem') },
    'admins.txt'   => sub { sha256('globex') . "\n" },
    'client-certs' => { 'acme.crt' => sub { crt('acme') } },
    'blocked'      => { 'acme.crt' => sub { crt('acme') } },
);

# clients for some tasks, besides those of t/cert
my %clients = (
    workload => { san => [ uri => 'spiffe://example.org/ns/prod/api' ] },
    psp => { subject => [ [ '2.5.4.97' => 'PSDDE-BAFIN-123456' ],
                          [ CN => 'x' ] ] },
    card => { subject => [ [ serialNumber => 'PNOEE-38001085718', 19 ] ] },
    user => { san => [ upn => 'Jane@corp.example.com' ] },
    piv => { san => [ upn => 'jane@corp.example.com' ],
             policies => [ '2.16.840.1.101.3.2.1.3.13' ] },
    'other-user' => { san => [ upn => 'Bob@corp.example.com' ] },
    device => {},
    agent => { ext => [ [ '1.3.6.1.4.1.34380.1.1.13', 0,
                          der(12, 'webserver') ] ] },
    shop => { ca => 'ca-b', eku => [ '1.3.6.1.5.5.7.3.1' ],
              san => [ dns => 'shop.example.com' ] },
    'self-shop' => { ca => 'self', eku => [ '1.3.6.1.5.5.7.3.1' ],
                     san => [ dns => 'shop.example.com' ] },
    comma => { subject => [ [ O => 'x,CN=acme' ] ] },
    'self-acme' => { ca => 'self', subject => [ [ CN => 'acme' ] ] },
);

der_cert(name => $_, %{ $clients{$_} }) for sort keys %clients;

# the documents' thumbprints and key
my %values = (
    unpack('H*', MIME::Base64::decode(
        'n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=')) => 'acme',
    unpack('H*', MIME::Base64::decode(
        'W8GgjSjkD+eco+ywd7O9FP8A35utDEoNdOzQgF7PCx8=')) => 'globex',
    'a94a8fe5ccb19ba61c4c0873d391e987982fbbd3' => 'acme',
);

sub slurp { ClientCert::slurp(@_) }
sub crt   { slurp(cert_file(shift, 'crt')) }

# The blocks of a page, each with its name, text and checks.
sub blocks {
    my $file = shift;
    my $text = slurp($file);
    my ($name) = $file =~ m{([^/]+)$};
    my @blocks;

    while ($text =~ /(?:<!--\ (server|check:\ [^>]*?)\ -->\n)?
                     ^(\ *)```nginx\n(.*?)^\ *```/gsmx) {
        my ($mark, $indent, $block) = ($1 // '', $2, $3);
        my $line = 1 + (substr($text, 0, $-[3]) =~ tr/\n//);
        my $section = () = substr($text, 0, $-[3]) =~ /^## /gm;
        $block =~ s/^$indent//gm;
        next if $text =~ /<!-- walk -->/ && $block =~ m{\A# /};
        push @blocks, { name => "$name:$line", text => $block,
                        section => $section,
                        server => $mark eq 'server',
                        checks => [ $mark =~ /^check: / ? split /;\s*/, $'
                                                        : () ] };
    }

    return { file => $name, path => $file,
             walk => scalar($text =~ /^<!-- walk -->$/m),
             text => $text =~ s/^ *```nginx\n.*?^ *```//gsmr,
             blocks => \@blocks };
}

my @pages = map { blocks($_) } "$root/README.md", glob "$root/docs/*.md";
my ($tasks) = grep { $_->{file} eq 'policies.md' } @pages;

# what belongs into a server goes with its section's policies, and they with it
for my $page (@pages) {
    my $http;

    for my $block (@{ $page->{blocks} }) {
        if (level($block) eq 'http') {
            $http = $block;

        } elsif ($http && level($block) eq 'in a server'
                 && $http->{section} == $block->{section})
        {
            $block->{http} = $http;
            $http->{goes_with} = $block;
        }
    }
}

my ($server) = grep { $_->{server} } @{ $tasks->{blocks} };
my ($partners) = grep { $_->{text} =~ /^clientcert_policy partners /m }
                     @{ $tasks->{blocks} };

sub level {
    local $_ = shift->{text};
    return /^load_module /m                      ? 'module'
         : /^server \{/m                         ? 'servers'
         : /^(?:clientcert_policy|log_format) /m ? 'http'
         :                                         'in a server';
}

# The files of /etc/nginx that a block makes with what its page refers to.
sub placed {
    my ($page, $block) = @_;
    my ($text, $level) = ($block->{text}, level($block));

    return { 'modules-enabled/50-clientcert.conf' => $text }
        if $level eq 'module';

    return { 'conf.d/example.conf' => $text }
        if $level eq 'servers' && !$block->{server};

    ok($page->{text} =~ /\(policies\.md#the-server\)|<!-- server -->/,
       "$page->{file} says where the server is");

    my $http = $level eq 'http' ? $text : $block->{http}{text} // '';

    $http .= $partners->{text} if $http !~ /^clientcert_policy partners /m;

    return { 'conf.d/example.conf' => $http,
             'conf.d/server.conf' => $server->{text}
                 =~ s/^\}/$level eq 'in a server' ? "$text}" : '}'/emr };
}

# What a text, of a page or of a file, says of /etc/nginx.
sub names { map { m{^([^/]+)} } $_[0] =~ m{/etc/nginx/([\w./-]*\w)}g }

sub install {
    my ($n, $page, $placed, $change) = @_;
    my %said = map { $_ => 1 } names($page->{text}), names($tasks->{text});

    mkdir $n->path($_)
        for qw(etc etc/conf.d etc/modules-enabled etc/sites-enabled run log);
    $n->write('etc/mime.types', "types { text/html html; }\n");
    $n->write('html/index.html', 'ok');
    symlink $_, $n->path('modules')
        for $ENV{TEST_NGINX_LOAD_MODULES} =~ m{(.*)/};

    my %conf = ('modules-enabled/50-clientcert.conf' =>
                    "load_module $ENV{TEST_NGINX_LOAD_MODULES};\n",
                'conf.d/00-test.conf' => $besides, %$placed);

    for my $name (names(join '', values %$placed)) {
        next if -e $n->path("etc/$name") || !$files{$name} || !$said{$name};
        if (ref $files{$name} eq 'HASH') {
            mkdir $n->path("etc/$name");
            $n->write("etc/$name/$_", $files{$name}{$_}->())
                for keys %{ $files{$name} };
        } else {
            $n->write("etc/$name", $files{$name}->());
        }
    }

    for my $file (keys %conf) {
        my $text = $change->($conf{$file});
        $text =~ s/\blisten\s+(\d+)(?=[\s;])/
                   "listen 127.0.0.1:" . $n->port($1 == 443 ? 'tls' : $1)/gex;
        $n->write("etc/$file", $n->expand(rooted($text)));
    }
}

sub rooted {
    return $_[0] =~ s{/etc/nginx\b}{%%PREFIX%%/etc}gr
                 =~ s{/var/log/nginx\b}{%%PREFIX%%/log}gr
                 =~ s{/run/nginx\b}{%%PREFIX%%/nginx}gr;
}

sub tested {
    my $n = shift;
    my ($status, $said) = $n->test;
    $said =~ s/^.*"user" directive makes sense only.*\n//m;
    return join ' ', $status,
                     $said =~ /^(.*\[(?:notice|warn|error|emerg)\].*)$/gm;
}

# a text with the values of this test's certificates
sub valued {
    my ($n, $text) = @_;
    my $backend = $n->port('backend');
    my $hex = join '|', map { join ':?', /../g } keys %values;

    $text =~ s{($hex)}{
        my $given = $1;
        my $digits = lc $given =~ tr/://dr;
        my $sum = length $digits == 40 ? sha1($values{$digits})
                                       : sha256($values{$digits});
        $given =~ /:/ ? join ':', $sum =~ /../g : $sum;
    }gie;

    for (grep { length == 64 } keys %values) {
        my $base64 = MIME::Base64::encode(pack('H*', $_), '');
        my $url = $base64 =~ tr{+/=}{-_}dr;
        my $key = MIME::Base64::encode(spki_sha256($values{$_}), '');
        my $x5t = x5t($values{$_});
        $text =~ s/\Q$base64\E/$key/g;
        $text =~ s/\Q$url\E/$x5t/g;
    }

    return $text =~ s/127\.0\.0\.1:8080/127.0.0.1:$backend/gr;
}

# a command or a file of the reader's, in the places and at the ports of $n
sub moved {
    my ($n, $text) = @_;
    $text =~ s{/usr/share/doc/[\w-]+/}{%%PREFIX%%/}g;
    $text =~ s{/var/www/|/usr/share/nginx/(?=clientcert\b)}{%%PREFIX%%/}g;
    $text =~ s{\blisten\s+\K(?:127\.0\.0\.1:)?(\d+)}
              {127.0.0.1:%%PORT_tls$1%%}g;
    $text =~ s{https://localhost\K(?::(\d+))?}
              {':%%PORT_tls' . ($1 // 443) . '%%'}ge;
    return $n->expand(rooted($text));
}

# Does what a page tells its reader to do, with an nginx as installing leaves
# it.  A warning is an error here.
sub walk {
    my ($n, $page) = @_;
    my $script = slurp("$root/debian/tests/lib.sh")
                 . `$^X $root/debian/tests/walk.pl $page`;
    my $test = join ' ', $n->command('nginx.conf', 'test.log'), '-t';

    install($n, { text => '' }, {}, sub { $_[0] });
    mkdir $n->path($_) for qw(clientcert examples home);
    $n->write("examples/$_", moved($n, slurp("$root/examples/$_")))
        for qw(certificates.sh first-policy.conf status.conf);
    $n->write("clientcert/$_", slurp("$root/html/$_"))
        for qw(index.html clientcert.css clientcert.js);
    $n->start;

    if ($script =~ /\bstatus\.conf/) {

        if (ClientCert::Nginx::build()->{said} !~ /http_dav_module/) {
            note("$page: this nginx has no dav_methods");
            return;
        }

        # both examples at once
        $script .= <<'END';
doc=/usr/share/doc/libnginx-mod-http-clientcert-policy/.
start_example
nginx -t
until_true answers 200 curl --cacert ../server.crt --cert ../try/acme.pem \
    https://localhost:8444/ || fail 'not beside the first example'
END
    }

    my $debian = <<"END";
nginx() {
    [ "\$*" = -t ]
    $test > ../said 2>&1 || fail "\$(cat ../said)"
    ! grep -v '"user" directive' ../said | grep 'warn' || fail 'a warning'
}

service() {
    [ "\$2" = start ] || kill -HUP @{[ $n->pid ]}
}

# to another user only root can give
[ "\$(id -u)" = 0 ] || install() {
    for dir; do :; done
    mkdir -p "\$dir"
}
END
    $n->write('walk.sh', $debian . moved($n, $script));

    my $said = `cd @{[ $n->path('home') ]} && HOME=\$PWD sh ../walk.sh 2>&1`;
    is($?, 0, "$page is as it says") or diag($said);
    is($n->stop, 0, "$page, nginx ended well");
}

my $main = "daemon off;\nerror_log %%PREFIX%%/error.log info;\n"
           . rooted($stock);
my $blocks = 0;

for my $page (@pages) {
    for my $block (@{ $page->{blocks} }) {
        my ($name, $checks) = @$block{qw(name checks)};
        next if $block->{goes_with} && !@$checks;

        my $n = nginx(conf => $main);
        my $placed = placed($page, $block);

        $blocks++;

        if ($block->{text} =~ /dav_methods/
            && ClientCert::Nginx::build()->{said} !~ /http_dav_module/)
        {
            note("$name: this nginx has no dav_methods");
            next;
        }

        install($n, $page, $placed, sub { $_[0] });
        is(tested($n), '0', "$name starts as it is printed") or next;
        next if !@$checks;

        install($n, $page, $placed, sub { valued($n, $_[0]) });
        $n->start;

        for my $check (@$checks) {
            my ($cert, $path, $wanted) = split ' ', $check;
            my $c = client(port => $n->port('tls'),
                           cert => $cert eq '-' ? undef : $cert);
            my $r = $c->get($path);
            is($r->{status} // $r->{error}, $wanted, "$name, $check");
        }

        is($n->stop, 0, "$name, nginx ended well");
    }

    walk(nginx(conf => $main), $page->{path}) if $page->{walk};

    next if $page->{text} !~ /optional_no_ca/ && !@{ $page->{blocks} };
    ok($page->{text} =~ /every\s+location\s+without\s+`clientcert_require`
                         \s+is\s+public/x,
       "$page->{file} says what optional_no_ca opens");
}

cmp_ok($blocks, '>', 20, "$blocks configurations");

# a page without its blocks of code
sub prose { return slurp("$root/$_[0]") =~ s/^ *```.*?^ *```//gsmr }

# a heading as GitHub makes an anchor of it
sub anchor { return lc($_[0] =~ s/[^\w\- ]//gr) =~ tr/ /-/r }

my %anchors;

for my $file (qw(README.md CONTRIBUTING.md CHANGELOG.md),
              map { "docs/$_->{file}" } @pages[1 .. $#pages])
{
    $anchors{$file} = { map { anchor($_) => 1 } prose($file) =~ /^#+ (.*)$/gm };
}

for my $file (sort keys %anchors) {
    my @dead;

    for my $link (prose($file) =~ /\]\(([^):]+)\)/g) {
        my ($path, $anchor) = $link =~ /^([^#]*)#?(.*)/;
        my $target = $path eq '' ? $file : $file =~ s{[^/]*$}{$path}r;
        $target =~ s{^docs/\.\./}{};
        push @dead, $link
            if !-e "$root/$target" || $anchor ne '' && !$anchors{$target}{$anchor};
    }

    is("@dead", '', "$file has no dead links");
}

done_testing;
