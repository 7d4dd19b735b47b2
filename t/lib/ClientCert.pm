package ClientCert;

# The plain tests stand on this: an nginx of their own, and a client that can
# resume TLS sessions, leave SNI out and speak HTTP/2.  Test::More comes along.
#
#   my $n = nginx(config => $text, ...)->start;    # dies with the log
#
#     config     what stands in http {}: text, or code that is given $n
#     main       the same for the main level
#     workers, log_level, user, modules (a list), master => 0, valgrind => 1,
#     suppressions (a file for valgrind)
#     conf       the whole file instead, text or code; it wants "daemon off",
#                and error.log and nginx.pid in the prefix
#
#     In both texts %%PORT_name%% is a free port, %%CERTS%% the directory of
#     certificates, %%PREFIX%% the server's own.  "listen ... http2", in every
#     server that shall speak it, is put in the words that this nginx wants.
#
#   $n->port('name') ->prefix ->path('file') ->write('file', $text) ->pid
#   $n->test($config)      nginx -t: (exit status, text)
#   $n->reload($config)    true once only new workers accept, false if refused
#   $n->stop               QUIT, in the end KILL; the master's wait status
#                          (nginx waits 5 s for HTTP/2 clients not closed)
#   $n->worker_pids, ->pids('cache manager process')
#   $n->error_log, ->access_log, ->stderr_log, ->wait_log(qr/../, $limit)
#   $n->alerts             lines that tell of crashes
#   $n->valgrind_errors    after stop: the logs with errors (->valgrind_logs)
#
#   my $c = client(port => $n->port('name'), ...);  # ->error if it failed
#
#     addr       127.0.0.1 unless given
#     cert       name of the certificate to show; chain: file to send with it;
#                malformed: 1 if OpenSSL wouldn't load it from a file
#     sni        'localhost' unless given; undef: no such extension
#     version    'TLSv1_2' or 'TLSv1_3', and only that
#     alpn       'h2' or 'http/1.1'
#     ciphers    as OpenSSL lists them
#     session    what an earlier $c->session returned
#     plain      no TLS at all
#     timeout    for each answer, 10 seconds unless given
#
#   $c->get($path, host => .., method => .., headers => {..}, body => ..,
#           expect => 1)   { status, reason, headers, body, raw }; or with
#                          status undef and { error } if none came
#   $c->get_all([$path, ...], ...)    HTTP/2 streams at the same time
#   $c->send($bytes), ->response($method)    HTTP/1.1 by hand
#   $c->session, ->resumed, ->version, ->alpn
#   $c->closed($limit)     did the server close? 0 only looks, else waits
#   $c->close
#
#   make_cert(name => 'soon', ca => 'ca-a', ext => 'client', key => 'acme',
#             not_before => $time, not_after => $time, subject => '/CN=x');
#   sha1('acme'), sha256('acme'), x5t('acme'), cert_file('acme', 'pem')
#   wait_for { condition } $limit, $what;    # its value, or false
#   sanitized()            nginx has sanitizers: memory and allocator are theirs
#
# With "use ClientCert ':store'" also what tests of stores need; all of it asks
# the nginx that was started last, on $n->port('tls'), by connections that stay
# open.  $who is a certificate's name, or that and a path: 'acme /up'.
#
#   answer($who), status($who)    what ->get returns; the status alone, or 0
#   becomes($who, $status, $what, $limit), is_now($who, $status, $what)
#   crt('acme')                   a certificate in PEM
#   put('acme', $to)              into up/acme.pem unless given, by a rename
#   in_place($to, @pieces)        writes a file under its own name
#   logged(qr/../)                how often
#   helper(), another_helper($how)    the cache manager's pid; 'kill', 'reload'
#   hang_up(@but)                 closes all connections; connection('acme')
#
# Environment: TEST_NGINX_BINARY, TEST_NGINX_LOAD_MODULES, TEST_NGINX_CERT_DIR,
# and TEST_NGINX_KEEP=1 to keep what a server leaves behind.

use strict;
use warnings;
use feature 'state';

use Cwd 'abs_path';
use Exporter 'import';
use File::Basename 'dirname';
use File::Temp ();
use POSIX ();
use Test::More;
use Time::HiRes ();

our @EXPORT = (qw(nginx client wait_for sanitized
                  cert_dir cert_file make_cert sha1 sha256 x5t),
               @Test::More::EXPORT);

our %EXPORT_TAGS = (store => [ @EXPORT,
    qw(answer status becomes is_now crt put in_place logged helper
       another_helper connection hang_up) ]);
our @EXPORT_OK = @{ $EXPORT_TAGS{store} };

# Every limit is multiplied with this; valgrind raises it.
our $slowness = 1;

# Servers and clients, to be ended in good time.
our %live;

my $main_pid = $$;
my $root = abs_path(dirname(__FILE__) . '/../..');

# a server may go away while it is being written to
$SIG{PIPE} = 'IGNORE';

# so that END stops nginx also when the test is interrupted
$SIG{INT} = $SIG{TERM} = sub { exit 1 };

END {
    # A child that a test forked must not end what its parent still uses:
    # it would stop servers and say good-bye on the parent's connections.
    if ($$ != $main_pid) {
        STDOUT->flush;
        POSIX::_exit($?);
    }

    local $?;

    # not left to global destruction, which has no order
    $_->DESTROY for grep { defined } values %live;
}

sub nginx  { ClientCert::Nginx->new(@_) }
sub client { ClientCert::Client->new(@_) }

sub sanitized { ClientCert::Nginx::build()->{said} =~ /-fsanitize/ }

sub now { Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) }

sub slurp {
    my $file = shift;
    open my $fh, '<:raw', $file or return '';
    local $/;
    return scalar(<$fh>) // '';
}

# By a rename: whoever watches the file sees the old or the new text, and a
# directory's other name is hidden.
sub spew {
    my ($file, $text) = @_;
    my $new = $file =~ s{([^/]*)$}{.new-$1}r;
    open my $fh, '>:raw', $new or die "$new: $!\n";
    print $fh $text;
    close $fh or die "$new: $!\n";
    rename $new, $file or die "$file: $!\n";
}

sub wait_for (&;$$) {
    my ($condition, $limit, $what) = @_;
    my $end = now() + ($limit // 10) * $slowness;
    my $pause = 0.002;

    while (1) {
        my $got = $condition->();
        return $got if $got;
        last if now() > $end;
        Time::HiRes::sleep($pause);
        $pause *= 1.5 if $pause < 0.05;
    }

    diag("waited in vain for $what") if defined $what;
    return;
}

sub cert_dir {
    state $dir = do {
        my $made = $ENV{TEST_NGINX_CERT_DIR} // "$root/build/cert";
        system('sh', "$root/t/cert/make.sh", $made) == 0
            or die "t/cert/make.sh failed\n";
        abs_path($made);
    };
    return $dir;
}

# What make_cert() makes lies apart from the set, which other tests share.
sub own_cert_dir {
    state $dir = do {
        my $tmp = File::Temp->newdir('cert-XXXXXX', TMPDIR => 1);
        chmod 0755, "$tmp";
        $tmp;
    };
    return $dir;
}

sub cert_file {
    my ($name, $kind) = @_;
    my ($file) = grep { -e } map { "$_/$name.$kind" } own_cert_dir(),
                                                      cert_dir();
    return $file // die "no certificate file $name.$kind\n";
}

sub make_cert {
    my %o = @_;
    my $time = sub { POSIX::strftime('%Y%m%d%H%M%SZ', gmtime(int shift)) };
    my @args;

    push @args, map { "$_=$o{$_}" } grep { defined $o{$_} } qw(ca ext subject);
    push @args, 'key=' . cert_file($o{key}, 'key') if defined $o{key};
    push @args, 'from=' . $time->($o{not_before}) if defined $o{not_before};
    push @args, 'to=' . $time->($o{not_after}) if defined $o{not_after};

    system('sh', "$root/t/cert/make.sh", cert_dir(), $o{name}, own_cert_dir(),
           @args) == 0
        or die "cannot make certificate $o{name}\n";
    return $o{name};
}

sub sum { my $s = slurp(cert_file(@_)); chomp $s; return $s }
sub sha1   { sum(shift, 'sha1') }
sub sha256 { sum(shift, 'sha256') }
sub x5t    { sum(shift, 'x5t') }


# of tests of stores

our $current;
my %open;

sub answer {
    my ($cert, $path) = split ' ', shift;
    my $c = $open{$cert} //= client(port => $current->port('tls'),
                                    cert => $cert);
    my $answer = $c->get($path // '/');
    delete $open{$cert} unless defined $answer->{status};
    return $answer;
}

sub status { answer(@_)->{status} // 0 }

sub becomes {
    my ($who, $status, $what, $limit) = @_;
    my $last;
    return ok(wait_for(sub { ($last = status($who)) == $status },
                       $limit // 10), $what)
           || diag("last: $last");
}

sub is_now { is(status($_[0]), $_[1], $_[2]) }

sub connection { $open{$_[0]} }

sub hang_up { my @keep = @_; %open = map { $_ => $open{$_} } @keep }

sub crt { slurp(cert_file(shift, 'crt')) }

sub put {
    my ($cert, $to) = @_;
    return $current->write($to // "up/$cert.pem", crt($cert));
}

sub in_place {
    my ($name, @pieces) = @_;
    open my $fh, '>:raw', $current->path($name) or die "$name: $!\n";
    $fh->autoflush(1);
    for (@pieces) {
        print $fh $_;
        Time::HiRes::sleep(0.02) if @pieces > 1;
    }
    close $fh or die "$name: $!\n";
}

sub logged {
    my $re = shift;
    return scalar(() = $current->error_log =~ /$re/g);
}

sub helper { ($current->pids('cache manager process'))[0] }

sub another_helper {
    my $how = shift;
    my $old = wait_for { helper() } 10;
    $how eq 'reload' ? $current->reload : kill KILL => $old;
    ok(wait_for(sub { my @pids = $current->pids('cache manager process');
                      @pids == 1 && $pids[0] != $old }, 10),
       "another helper: $how");
    hang_up();
}


package ClientCert::Nginx;

use strict;
use warnings;

use IO::Socket::INET;
use POSIX 'WNOHANG';
use Scalar::Util 'weaken';
use Test::More ();

BEGIN { *wait_for = \&ClientCert::wait_for }

my $binary = $ENV{TEST_NGINX_BINARY} || 'nginx';
my %taken;

sub new {
    my ($class, %o) = @_;
    my $self = bless {
        master => 1, workers => 1, log_level => 'info', main => '',
        modules => [ split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '' ],
        %o, owner => $$, ports => {},
    }, $class;

    $self->{tmp} = File::Temp->newdir('nginx-XXXXXX', TMPDIR => 1,
                                      CLEANUP => !$ENV{TEST_NGINX_KEEP});
    $self->{prefix} = "$self->{tmp}";
    # workers are somebody else
    chmod 0755, $self->{prefix};
    mkdir $self->path($_) for qw(logs html);
    Test::More::note("keeping $self->{prefix}") if $ENV{TEST_NGINX_KEEP};
    weaken($ClientCert::current = $self);

    return $self;
}

sub prefix { $_[0]{prefix} }
sub pid    { $_[0]{pid} }
sub path   { "$_[0]{prefix}/$_[1]" }

sub write {
    my ($self, $name, $text) = @_;
    ClientCert::spew($self->path($name), $text);
    return $self->path($name);
}

# From below the range that the kernel gives to outgoing connections, which
# might take the port before nginx does.
sub port {
    my ($self, $name) = @_;

    return $self->{ports}{$name} //= do {
        my $port;
        do {
            $port = 20000 + int rand 12000;
        } until !$taken{$port}
            && IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1,
                                     LocalPort => $port, ReuseAddr => 1);
        $taken{$port} = $port;
    };
}

# What this binary is: version as a number (1.22.1 is 1022001) and options.
sub build {
    my $said = `$binary -V 2>&1`;
    my ($major, $minor, $patch) = $said =~ m{/(\d+)\.(\d+)\.(\d+)}
        or die "$binary -V: $said\n";
    return { version => $major * 1e6 + $minor * 1e3 + $patch, said => $said };
}

sub expand {
    my ($self, $text) = @_;

    $text = $text->($self) if ref $text;
    $text =~ s/%%PORT_(\w+)%%/$self->port($1)/ge;
    $text =~ s/%%CERTS%%/ClientCert::cert_dir()/ge;
    $text =~ s/%%PREFIX%%/$self->{prefix}/g;

    # The parameter became a directive; tests say it the old way.
    if (($self->{build} //= build())->{version} >= 1025001) {
        $text =~ s/(\blisten\s[^;]*?)\s+http2\b([^;]*;)/$1$2 http2 on;/g;
    }

    return $text;
}

# nginx has no user "nobody" without a group of that name, and Debian has none.
sub user_line {
    my $self = shift;
    return '' if $> != 0;
    my $user = $self->{user} // 'nobody';
    return "user $user " . getgrgid((getpwnam $user)[3]) . ';';
}

sub write_conf {
    my ($self, $file, $log, $config) = @_;

    return $self->write($file, $self->expand($self->{conf}))
        if defined $self->{conf};

    my $config_text = $self->expand($config);
    my $main = $self->expand($self->{main});
    my $modules = join '', map { "load_module $_;\n" } @{ $self->{modules} };
    my $master = $self->{master} ? 'on' : 'off';
    my $user = $self->user_line;
    my $p = $self->{prefix};

    my $temp_paths = join "\n    ", map { "${_}_temp_path $p/$_;" }
        'client_body', grep { $self->{build}{said} !~ /without-http_${_}_mod/ }
        qw(proxy fastcgi uwsgi scgi);

    $self->write($file, <<"END");
$modules
$user
daemon off;
master_process $master;
worker_processes $self->{workers};
pid $p/nginx.pid;
error_log $p/$log $self->{log_level};
$main
events {
    worker_connections 2048;
}
http {
    access_log $p/access.log;
    default_type text/plain;
    $temp_paths
$config_text
}
END
}

sub command {
    my ($self, $conf, $log) = @_;
    return ($binary, '-p', $self->{prefix}, '-e', $self->path($log),
            '-c', $self->path($conf));
}

# What nginx itself leaves to exit(): the environment and, in a binary with or
# without symbols, the arrays of ngx_event_process_init().
my $suppressions = join '', map { <<"END" }
{
   nginx
   Memcheck:Leak
   match-leak-kinds: definite,indirect
   fun:malloc
   fun:ngx_alloc
   $_
}
END
    'fun:ngx_set_environment', 'fun:ngx_event_process_init',
    "obj:*/nginx\n   obj:*/nginx\n   obj:*/nginx\n   fun:ngx_spawn_process";

sub valgrind_command {
    my $self = shift;
    my @files = ($self->write('valgrind.supp', $suppressions),
                 $self->{suppressions} // ());
    $ClientCert::slowness = 10;
    return (qw(valgrind --leak-check=full --errors-for-leak-kinds=definite
               --error-exitcode=99 --num-callers=30 --vgdb=no),
            '--show-leak-kinds=definite,indirect',
            '--log-file=' . $self->path('valgrind.%p'),
            map { "--suppressions=$_" } @files);
}

# In the foreground: so it is a child, and its end can't be missed.
sub spawn {
    my ($self, $output, @command) = @_;
    defined(my $pid = fork) or die "fork: $!\n";
    return $pid if $pid;

    # not the test's output: prove would wait for a process left behind
    open STDIN, '<', '/dev/null';
    open STDOUT, '>>', $output;
    open STDERR, '>&', \*STDOUT;
    { no warnings 'exec'; exec { $command[0] } @command; }
    print STDERR "cannot run $command[0]: $!\n";
    POSIX::_exit(127);
}

sub start {
    my $self = shift;
    my @valgrind = $self->{valgrind} ? $self->valgrind_command : ();

    unlink $self->path('nginx.pid');
    $self->write_conf('nginx.conf', 'error.log', $self->{config});
    $self->{pid} = $self->spawn($self->path('stderr.log'), @valgrind,
                                $self->command('nginx.conf', 'error.log'));
    weaken($ClientCert::live{$self} = $self);
    weaken($ClientCert::current = $self);
    ClientCert::hang_up();

    # nginx listens before it writes the pid file
    my $up = wait_for {
        !$self->running
            or -s $self->path('nginx.pid')
               and !$self->{master} || $self->worker_pids >= $self->{workers};
    };

    return $self if $up && $self->running;
    $self->stop('KILL');
    die "nginx did not start:\n", $self->stderr_log, $self->error_log, "\n";
}

sub running {
    my $self = shift;
    return 0 unless $self->{pid};
    return 1 if waitpid($self->{pid}, WNOHANG) == 0;
    $self->{status} = $?;
    delete $self->{pid};
    return 0;
}

# nginx -t, beside a running nginx and with a log of its own: (status, text)
sub test {
    my ($self, $config) = @_;
    $self->write_conf('test.conf', 'test.log', $config // $self->{config});
    unlink $self->path('test.out');
    my $pid = $self->spawn($self->path('test.out'),
                           $self->command('test.conf', 'test.log'), '-t');
    waitpid $pid, 0;
    return ($? >> 8 || $?, ClientCert::slurp($self->path('test.out')));
}

# Live children by the name that nginx logs them under, e.g. 'cache manager
# process'; by the log since under valgrind they carry no title.
sub pids {
    my ($self, $kind) = @_;
    my $parent = $self->{pid} or return;
    return grep {
        my ($state, $ppid) = ClientCert::slurp("/proc/$_/stat")
            =~ /.*\) (\S) (\d+)/s;
        defined $ppid && $ppid == $parent && $state ne 'Z';
    } $self->error_log =~ /\bstart \Q$kind\E (\d+)/g;
}

sub worker_pids { $_[0]->pids('worker process') }

# True once only the new workers accept connections, false if nginx refused
# the configuration.
sub reload {
    my ($self, $config) = @_;
    # nginx takes the HUP, but then closes whatever it accepts
    die "nginx cannot reload without a master\n" unless $self->{master};

    my $pid = $self->{pid};
    my $seen = length $self->error_log;
    my @old = $self->worker_pids;
    my $done;

    $self->{config} = $config if defined $config;
    $self->write_conf('nginx.conf', 'error.log', $self->{config});
    kill HUP => $pid;

    wait_for {
        my $log = substr $self->error_log, $seen;
        return 1 if $log =~ /\[emerg\] $pid#/;

        my @new = $log =~ /\bstart worker process (\d+)/g;
        my %left = map { $_ => 1 } $self->worker_pids;
        # also those that an earlier reload has told to go
        delete @left{ $self->error_log
                      =~ / (\d+)#\d+: gracefully shutting down/g };
        $done = @new >= $self->{workers} && !grep { $left{$_} } @old;
    } or die "no reload:\n", substr($self->error_log, $seen), "\n";

    return $done;
}

# Returns the wait status of the master, 0 if all was well.
sub stop {
    my ($self, $signal) = @_;
    return $self->{status} if $self->{owner} != $$;

    for (['QUIT', 10], ['TERM', 5], ['KILL', 5]) {
        my ($name, $limit) = @$_;
        next if $signal && $signal ne $name;
        last unless $self->running;
        undef $signal;
        # more than once: under valgrind a signal can fall between nginx's
        # look at its flag and its waiting for events
        wait_for {
            kill $name => $self->{pid};
            wait_for { !$self->running } 1;
        } $limit;
    }

    # A master that was killed leaves its workers.  By now a pid may be
    # another's, so look for our files among the open ones.
    for my $pid ($self->error_log =~ /\bstart [a-z ]+ process (\d+)/g) {
        kill KILL => $pid
            if grep { index(readlink($_) // '', "$self->{prefix}/") == 0 }
               glob "/proc/$pid/fd/*";
    }

    return $self->{status};
}

sub error_log  { ClientCert::slurp($_[0]->path('error.log')) }
sub access_log { ClientCert::slurp($_[0]->path($_[1] // 'access.log')) }
sub stderr_log { ClientCert::slurp($_[0]->path('stderr.log')) }

sub wait_log {
    my ($self, $re, $limit) = @_;
    return wait_for { $self->error_log =~ $re } $limit, "log $re";
}

# Lines that no test should leave behind; after a kill -9 (killed => 1) what
# the master says of it.
sub alerts {
    my ($self, %o) = @_;
    my @lines = grep { /\[(?:alert|emerg)\]|exited on signal/ }
        split /\n/, $self->error_log;
    @lines = grep { !/exited on signal 9|zone was locked by/ } @lines
        if $o{killed};
    push @lines, grep { /runtime error:|ERROR: \w+Sanitizer/ }
        split /\n/, $self->stderr_log;
    return @lines;
}

# After stop(): all logs by pid, and the texts of those with errors.
sub valgrind_logs {
    my $self = shift;
    return { map { /\.(\d+)$/ ? ($1 => ClientCert::slurp($_)) : () }
             glob $self->path('valgrind.*') };
}

sub valgrind_errors {
    my $logs = shift->valgrind_logs;
    return grep { !/ERROR SUMMARY: 0 errors/ } values %$logs;
}

sub DESTROY {
    my $self = shift;
    local ($?, $@, $!);
    $self->stop('TERM') if $self->{pid} && $self->{owner} == $$;
}


package ClientCert::Client;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use IO::Socket::SSL;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Scalar::Util 'weaken';

BEGIN { *now = \&ClientCert::now }

# Always returns an object: what went wrong is in ->error, and ->get answers
# with status undef.
sub new {
    my ($class, %o) = @_;
    my $self = bless { sni => 'localhost', buf => '', %o }, $class;
    my %peer = (PeerAddr => $o{addr} // '127.0.0.1', PeerPort => $o{port},
                Timeout => 10 * $ClientCert::slowness);

    if ($o{plain}) {
        $self->{sock} = IO::Socket::INET->new(%peer) or $self->{error} = $@;

    } else {
        $self->{tickets} = ClientCert::Sessions->new($o{session});
        $self->{sock} = IO::Socket::SSL->new(%peer, $self->ssl_options)
            or $self->{error} = $SSL_ERROR || $!;
    }

    if ($self->{sock}) {
        $self->{sock}->blocking(0);
        setsockopt $self->{sock}, IPPROTO_TCP, TCP_NODELAY, 1;
        weaken($ClientCert::live{$self} = $self);
    } else {
        $self->{eof} = 1;
    }

    return $self;
}

sub ssl_options {
    my $self = shift;
    my %ssl = (SSL_verify_mode => SSL_VERIFY_NONE,
               # else the system's, read anew for each connection
               SSL_ca => [],
               # undef: no extension; without the key it would be PeerAddr
               SSL_hostname => $self->{sni},
               SSL_session_cache => $self->{tickets});

    # "TLSv1_2" is that version only, not that or newer
    $ssl{SSL_version} = $self->{version} if $self->{version};
    $ssl{SSL_cipher_list} = $self->{ciphers} if $self->{ciphers};
    $ssl{SSL_alpn_protocols} = [ $self->{alpn} ] if $self->{alpn};

    if (defined $self->{cert} && $self->{malformed}) {
        my $bio = Net::SSLeay::BIO_new_file($self->chain_file, 'r');
        my @certs;
        while (my $cert = Net::SSLeay::PEM_read_bio_X509($bio)) {
            push @certs, $cert;
        }
        Net::SSLeay::BIO_free($bio);
        Net::SSLeay::ERR_clear_error();
        $ssl{SSL_cert} = \@certs;
        $ssl{SSL_key_file} = ClientCert::cert_file($self->{cert}, 'key');

    } elsif (defined $self->{cert}) {
        $ssl{SSL_cert_file} = $self->chain_file;
        $ssl{SSL_key_file} = ClientCert::cert_file($self->{cert}, 'key');
    }

    return %ssl;
}

sub chain_file {
    my $self = shift;
    return $self->{chain} ? ClientCert::cert_dir() . "/$self->{chain}"
                          : ClientCert::cert_file($self->{cert}, 'crt');
}

sub error   { $_[0]{error} }
sub version { $_[0]{sock} && $_[0]{sock}->get_sslversion }
sub alpn    { $_[0]{sock} && $_[0]{sock}->alpn_selected }
sub resumed { $_[0]{sock} && $_[0]{sock}->get_session_reused ? 1 : 0 }

# The session as bytes, for as many connections as wanted.
sub session {
    my $self = shift;
    return undef unless $self->{sock};

    # TLS 1.3 tickets come after the handshake, but before any response.
    if ($self->version eq 'TLSv1_3') {
        ClientCert::wait_for {
            $self->fill(0);
            $self->{tickets}{last} || $self->{answered} || $self->{eof};
        } 5;
        return $self->{tickets}{last};
    }

    my $session = Net::SSLeay::get1_session($self->{sock}->_get_ssl_object)
        or return undef;
    return ClientCert::Sessions::bytes($session);
}

sub closed {
    my ($self, $limit) = @_;
    my $end = now() + ($limit // 5) * $ClientCert::slowness;
    1 while $self->fill($end);
    return $self->{eof} ? 1 : 0;
}

sub close {
    my $self = shift;
    $self->{eof} = 1;
    my $sock = delete $self->{sock} or return;
    $sock->close;
}

# Reads some bytes, waiting for them until $end (0: doesn't wait).
sub fill {
    my ($self, $end) = @_;

    until ($self->{eof}) {
        my $n = $self->{sock}->sysread(my $bytes, 16384);
        $self->{buf} .= $bytes if $n;
        return $n if $n;

        if (defined $n || !($!{EAGAIN} || $!{EINTR})) {
            $self->{eof} = 1;
            last;
        }

        my $left = $end - now();
        last if $left <= 0;
        IO::Select->new($self->{sock})->can_read($left);
    }

    return 0;
}

# A failure isn't told: the server may well have answered before it closed.
sub send {
    my ($self, $bytes) = @_;
    my $end = $self->limit;

    while (length $bytes && !$self->{eof}) {
        my $n = $self->{sock}->syswrite($bytes);

        if (defined $n) {
            substr $bytes, 0, $n, '';
        } else {
            return if !($!{EAGAIN} || $!{EINTR}) || now() > $end;
            IO::Select->new($self->{sock})->can_write(0.1);
        }
    }
}

sub limit { now() + ($_[0]{timeout} // 10) * $ClientCert::slowness }

# The request's parts, both protocols' defaults filled in.
sub request {
    my ($self, $path, %o) = @_;
    my $h = $o{headers} // [];
    my @headers = ref $h eq 'HASH' ? %$h : @$h;
    push @headers, 'Content-Length', length $o{body} if defined $o{body};
    return { path => $path, method => $o{method} // 'GET',
             host => exists $o{host} ? $o{host} : $self->{sni} // 'localhost',
             headers => \@headers, body => $o{body}, expect => $o{expect} };
}

sub get {
    my ($self, $path, %o) = @_;
    return ($self->get_all([ $path, %o ]))[0]
        if !$self->{plain} && ($self->alpn // '') eq 'h2';

    my $r = $self->request($path, %o);
    my @lines = ("$r->{method} $r->{path} HTTP/1.1");
    my @h = @{ $r->{headers} };

    push @lines, "Host: $r->{host}" if defined $r->{host};
    while (my ($name, $value) = splice @h, 0, 2) {
        push @lines, "$name: $value";
    }
    push @lines, 'Expect: 100-continue' if $r->{expect};

    $self->send(join "\r\n", @lines, '', '');

    if ($r->{expect}) {
        my $answer = $self->response($r->{method});
        return $answer if ($answer->{status} // 0) != 100;
    }

    $self->send($r->{body}) if defined $r->{body};
    my $answer = $self->response($r->{method});
    $answer->{continued} = 1 if $r->{expect};
    return $answer;
}

# Reads one HTTP/1.1 response.  If it breaks off, {error} says how, and status
# is undef unless the head was complete.
sub response {
    my ($self, $method) = @_;
    my $end = $self->limit;
    my %answer = (status => undef, headers => {}, body => '');

    eval {
        @answer{qw(raw status reason)} = $self->take(
            qr{HTTP/1\.\d (\d{3}) ?([^\r\n]*)\r\n(?:[^\r\n]+\r\n)*\r\n}, $end);
        $self->{answered} = 1;

        my (undef, @lines) = split /\r\n/, $answer{raw};
        my $h = $answer{headers}
            = headers(map { split /:\s*/, $_, 2 } @lines);

        if ($method eq 'HEAD' || $answer{status} =~ /^(?:1..|204|304)$/) {
            # no body

        } elsif (($h->{'transfer-encoding'} // '') eq 'chunked') {
            while (1) {
                my (undef, $size) = $self->take(qr/([0-9a-f]+)\r\n/i, $end);
                my ($chunk) = $self->take(2 + hex $size, $end);
                last if hex $size == 0;
                $answer{body} .= substr $chunk, 0, -2;
            }

        } elsif (defined $h->{'content-length'}) {
            ($answer{body}) = $self->take($h->{'content-length'}, $end);

        } else {
            1 while $self->fill($end);
            $answer{body} = $self->{buf};
            $self->{buf} = '';
        }

        $answer{raw} .= $answer{body};
        1;
    } or do {
        chomp($answer{error} = $@);
    };

    return \%answer;
}

# Takes so many bytes, or what matches (and its groups), off the input.
sub take {
    my ($self, $what, $end) = @_;

    while (1) {
        if (ref $what) {
            my @got = $self->{buf} =~ /\A($what)/;
            substr $self->{buf}, 0, length $got[0], '' if @got;
            return @got if @got;

        } elsif (length $self->{buf} >= $what) {
            return substr $self->{buf}, 0, $what, '';
        }

        $self->fill($end) or die $self->failure . "\n";
    }
}

sub failure {
    my $self = shift;
    return $self->{error} // ($self->{eof} ? 'closed' : 'timed out');
}

sub headers {
    my %headers;
    while (my ($name, $value) = splice @_, 0, 2) {
        $name = lc $name;
        $headers{$name} = defined $headers{$name}
            ? "$headers{$name}, $value" : $value;
    }
    return \%headers;
}

# names only, as HTTP/2 demands
sub lower_case {
    return [ map { $_ % 2 ? $_[$_] : lc $_[$_] } 0 .. $#_ ];
}

# HTTP/2: all requests at once, as concurrent streams.  Each is what get()
# takes, in an array reference; the answers come in the same order.
sub get_all {
    my ($self, @requests) = @_;
    my $end = $self->limit;
    my $pending = 0;
    my @answers;

    require Protocol::HTTP2::Client;
    my $h2 = $self->{h2} //= Protocol::HTTP2::Client->new(keepalive => 1);

    for (@requests) {
        my $r = $self->request(@$_);
        my $answer = { status => undef, headers => {}, body => '' };
        push @answers, $answer;

        # the library dies after a GOAWAY
        eval {
            $h2->request(
                ':scheme' => 'https', ':authority' => $r->{host},
                ':path' => $r->{path}, ':method' => $r->{method},
                headers => lower_case(@{ $r->{headers} }),
                defined $r->{body} ? (data => $r->{body}) : (),
                on_done => sub {
                    my ($headers, $body) = @_;
                    my $h = headers(@{ $headers // [] });
                    $self->{answered} = 1;
                    @$answer{qw(status headers body)}
                        = (delete $h->{':status'}, $h, $body // '');
                    $pending--;
                },
                on_error => sub {
                    $answer->{error} = "stream reset: $_[0]";
                    $pending--;
                });
            $pending++;
        } // ($answer->{error} = $@);
    }

    while (1) {
        while (my $frame = $h2->next_frame) {
            $self->send($frame);
        }

        last if !$pending || $h2->shutdown;
        length $self->{buf} or $self->fill($end) or last;
        $h2->feed(substr $self->{buf}, 0, length $self->{buf}, '');
    }

    for (grep { !defined $_->{status} } @answers) {
        $_->{error} //= $self->failure;
    }

    return @answers;
}

sub DESTROY {
    my $self = shift;
    local ($?, $@, $!);
    $self->close;
}


package ClientCert::Sessions;

# Stands in for IO::Socket::SSL's session cache: offers one given session and
# takes those that the server gives.  They are kept as bytes since OpenSSL
# marks a TLS 1.3 session as used up in place.

use strict;
use warnings;

sub new {
    my ($class, $offer) = @_;
    return bless { offer => $offer }, $class;
}

# frees what it is given
sub bytes {
    my $session = shift;
    my $bytes = Net::SSLeay::i2d_SSL_SESSION($session);
    Net::SSLeay::SESSION_free($session);
    return $bytes;
}

sub get_session {
    my $self = shift;
    return unless defined $self->{offer};
    return $self->{offered} = Net::SSLeay::d2i_SSL_SESSION($self->{offer});
}

sub add_session {
    my ($self, undef, $session) = @_;
    $self->{last} = bytes($session);
}

sub del_session { }

sub DESTROY {
    my $self = shift;
    Net::SSLeay::SESSION_free($self->{offered}) if $self->{offered};
}

1;
