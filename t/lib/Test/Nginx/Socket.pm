package Test::Nginx::Socket;

# A stand-in for CPAN's Test::Nginx::Socket, for systems that don't have it: it
# runs the same t/*.t files, makes the same number of tests from each section,
# and needs nothing but Test::Base and core Perl.
#
# The sections it reads are those in %Known below. Any other is fatal, whereas
# the original passes over it: a misspelt name must not leave a block that
# checks nothing.
#
# Environment: TEST_NGINX_BINARY, _PORT, _SERVER_PORT, _CLIENT_PORT, _SERVROOT,
# _LOAD_MODULES, _TIMEOUT, _SLEEP, _USE_HUP, _USE_VALGRIND, _VERBOSE.

use strict;
use warnings;

use Test::Base -base;

use File::Find qw(find);
use File::Path qw(make_path remove_tree);
use File::Spec;
use IO::Select;
use IO::Socket::INET;
use List::Util qw(shuffle);
use POSIX qw(WNOHANG);
use Scalar::Util qw(looks_like_number);
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
    add_block_preprocessor bail_out check_accum_error_log env_to_nginx
    html_dir log_level master_on no_long_string no_root_location no_shuffle
    repeat_each run_tests server_addr server_port server_root
    worker_connections workers
);

my %Known = map { $_ => 1 } qw(
    SKIP ONLY LAST skip_nginx skip_eval

    config http_config main_config post_main_config log_level user_files init
    must_die

    request pipelined_requests raw_request more_headers timeout abort wait

    error_code error_code_like response_body response_body_like
    response_body_unlike response_headers response_headers_like
    raw_response_headers_like raw_response_headers_unlike ignore_response

    error_log no_error_log grep_error_log grep_error_log_out access_log
);

# What Test::Base itself keeps in a block, next to the sections.
$Known{$_} = 1 for qw(
    name description seq_num is_filtered blocks_object original_values
    _section_map _section_order
);

# Named as in the original, because the code in init and skip_eval sections is
# evaluated in this file's scope and may use them.
our $NginxBinary = $ENV{TEST_NGINX_BINARY} || 'nginx';
our $NginxVersion;
our $ServerAddr = '127.0.0.1';
our $ServerPort
    = $ENV{TEST_NGINX_SERVER_PORT} || $ENV{TEST_NGINX_PORT} || 1984;
our $ServerPortForClient = $ENV{TEST_NGINX_CLIENT_PORT} || $ServerPort;
our $ServRoot = File::Spec->rel2abs($ENV{TEST_NGINX_SERVROOT} || 't/servroot');
our $HtmlDir    = "$ServRoot/html";
our $ConfFile   = "$ServRoot/conf/nginx.conf";
our $PidFile    = "$ServRoot/logs/nginx.pid";
our $ErrLogFile = "$ServRoot/logs/error.log";
our $AccLogFile = "$ServRoot/logs/access.log";

our $UseHup      = $ENV{TEST_NGINX_USE_HUP};
our $UseValgrind = $ENV{TEST_NGINX_USE_VALGRIND};
my $Timeout = $ENV{TEST_NGINX_TIMEOUT} || 3;
my $Sleep   = $ENV{TEST_NGINX_SLEEP} || 0.015;

my ($RepeatEach, $LogLevel, $Workers, $WorkerConnections) = (1, 'debug', 1, 64);
my ($MasterOn, $NoRootLocation, $NoShuffle, $CheckAccumErrLog);
my (@BlockPreprocessors, @EnvToNginx);

my $OwnerPid = $$;
my ($NginxBuild, $NginxPid, %RandPort);
my $ErrLogPos = 0;

$ENV{TEST_NGINX_SERVER_ROOT} = $ServRoot;

sub log_level   { $LogLevel   = shift if @_; return $LogLevel }
sub repeat_each { $RepeatEach = shift if @_; return $RepeatEach }
sub server_addr { $ServerAddr = shift if @_; return $ServerAddr }
sub server_port { $ServerPort = shift if @_; return $ServerPort }
sub workers     { $Workers    = shift if @_; return $Workers }

sub worker_connections {
    $WorkerConnections = shift if @_;
    return $WorkerConnections;
}

sub html_dir ()              { return $HtmlDir }
sub server_root ()           { return $ServRoot }
sub check_accum_error_log () { $CheckAccumErrLog = 1 }
sub master_on ()             { $MasterOn = 1 }
sub no_root_location ()      { $NoRootLocation = 1 }
sub no_shuffle ()            { $NoShuffle = 1 }

# Long strings are never shortened here.
sub no_long_string () { }

sub add_block_preprocessor (&) { unshift @BlockPreprocessors, shift }

sub env_to_nginx {
    for my $entry (@_) {
        croak "env_to_nginx: bad argument value: $entry"
            unless $entry =~ /^[A-Za-z_][^\n]*\z/;
        push @EnvToNginx, $entry;
    }
}

sub bail_out { Test::More::BAIL_OUT(join '', @_) }

sub verbose { warn @_, "\n" if $ENV{TEST_NGINX_VERBOSE} }

sub run_tests () {
    $NginxBuild = `$NginxBinary -V 2>&1`;
    bail_out("cannot run $NginxBinary -V") if $?;
    $NginxBuild =~ m{/(\d+)\.(\d+)\.(\d+)}
        or bail_out("no version in the output of $NginxBinary -V");
    $NginxVersion = canon_version($1, $2, $3);

    $ENV{TEST_NGINX_SERVER_PORT} //= $ServerPort;

    my @blocks = blocks();
    for my $block (@blocks) {
        $_->($block) for @BlockPreprocessors;
        check_sections($block);
        $block->set_value(name => "$0 " . $block->name);
    }

    stop_left_over_nginx();
    for my $block ($NoShuffle ? @blocks : shuffle(@blocks)) {
        run_block($block) unless defined $block->SKIP;
    }
    stop_nginx();
}

sub canon_version { return sprintf '%d.%03d%03d', @_ }

sub check_sections {
    my ($block) = @_;
    my $where = "$0: block '" . $block->name . "': section";
    my %seen;

    for my $section (@{ $block->{_section_order}[0] }) {
        die "$where '$section' occurs twice\n" if $seen{$section}++;
    }
    for my $section (sort keys %$block) {
        die "$where '$section' is unknown\n" unless $Known{$section};
        my $text = $block->$section;
        next if !defined $text || ref $text;

        # Without the blank, the header is text of the section before it.
        die "$where '$section' has a bad section header in it: $1\n"
            if $text =~ /^(---\w.*)/m;

        # The eval filter hands back its error as if that were the value.
        die "$where '$section': $text" if $text =~ / at \(eval \d+\) line \d+/;
    }
}

sub run_block {
    my ($block) = @_;
    my $name = $block->name;
    %RandPort = ();

    if (my ($count, $reason) = skip_request($block)) {
        for (1 .. $RepeatEach) {
            SKIP: { skip("$name - $reason", $count) }
        }
        return;
    }

    bail_out("$name - no config section") unless defined $block->config;
    return check_must_die($block) if defined $block->must_die;
    ($UseHup && $NginxPid ? reload_nginx($block) : start_nginx($block))
        or return;

    if (defined $block->init) {
        eval $block->init;
        bail_out("$name - init failed: $@") if $@;
    }

    $ErrLogPos = 0;
    for my $round (0 .. $RepeatEach - 1) {
        write_user_files($block) if $round > 0;
        run_requests($block, $round);
    }
    stop_nginx() unless $UseHup;
}

# Returns the number of tests to skip and why, or nothing.
sub skip_request {
    my ($block) = @_;
    my $name = $block->name;
    my @skip;

    if (defined(my $spec = $block->skip_eval)) {
        my ($count, $code) = $spec =~ /^\s*(\d+)\s*:\s*(.+)/s
            or bail_out("$name - bad skip_eval: $spec");
        my $skip = eval $code;
        bail_out("$name - skip_eval failed: $@") if $@;
        @skip = ($count, 'skip_eval') if $skip;
    }

    if (defined(my $spec = $block->skip_nginx)) {
        my ($count, $op, $version, $reason) = $spec
            =~ /^\s*(\d+)\s*:\s*([<>]=?)\s*(\d+\.\d+\.\d+)\s*(?::\s*(.*))?$/
            or bail_out("$name - bad skip_nginx: $spec");
        my $cmp = $NginxVersion <=> canon_version(split /\./, $version);
        @skip = ($count, $reason || "nginx $op $version")
            if ($op =~ /=/ && $cmp == 0) || $cmp == ($op =~ /</ ? -1 : 1);
    }

    return @skip;
}

sub expand_env {
    my ($text, $name) = @_;
    return $text if !defined $text || ref $text;

    $text =~ s{\$(TEST_NGINX_[_A-Z0-9]+)}{
        my $var = $1;
        $var =~ /^TEST_NGINX_RAND_PORT_[0-9]+$/
            ? $RandPort{$var} //= free_port()
            : $ENV{$var} // bail_out("$name - no environment $var defined");
    }ge;
    return $text;
}

sub free_port {
    my $port;
    do {
        $port = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
            ->sockport;
    } while grep { ($_ // 0) == $port } $ServerPort, values %RandPort;
    return $port;
}

sub slurp {
    my ($file) = @_;
    open my $in, '<', $file or return '';
    local $/;
    return <$in> // '';
}

sub write_file {
    my ($path, $text) = @_;
    my ($dir) = $path =~ m{^(.*)/};
    make_path($dir);
    open my $out, '>', $path or bail_out("cannot write $path: $!");
    binmode $out;
    print $out $text;
    close $out or bail_out("cannot write $path: $!");
}

# Removes only what nginx and the tests make, and insists that this leaves the
# directory empty: a mistaken TEST_NGINX_SERVROOT must not cost anybody files.
sub clear_server_root {
    return unless -d $ServRoot;
    remove_tree((map {"$ServRoot/$_"} qw(conf html logs cache)),
        glob("$ServRoot/*_cache $ServRoot/*_temp"));
    rmdir $ServRoot or bail_out("cannot remove $ServRoot: $!");
}

# The running nginx goes on using its pid file, its sockets and its open logs.
sub clear_server_root_in_use {
    my $clear = sub {
        return if !-f || $_ eq $PidFile;
        my $is_log = $_ eq $ErrLogFile || $_ eq $AccLogFile;
        ($is_log ? truncate $_, 0 : unlink) or bail_out("cannot clear $_: $!");
    };
    find({ no_chdir => 1, wanted => $clear }, $ServRoot);
}

sub fill_server_root {
    my ($block) = @_;
    make_path("$ServRoot/logs");
    write_file("$HtmlDir/index.html", '<html><head><title>It works!</title>'
            . '</head><body>It works!</body></html>');
    write_user_files($block);
    write_file($ConfFile, nginx_conf($block));
}

sub write_user_files {
    my ($block) = @_;
    my $name  = $block->name;
    my $files = $block->user_files // return;

    if (!ref $files) {
        my ($before, @parts) = split /^>>> (\S+)(?:\n|\z)/m, $files;
        bail_out("$name - user_files: no file name for: $before")
            if $before ne '';
        $files = [map { [@parts[$_ * 2, $_ * 2 + 1]] } 0 .. $#parts / 2];
    }
    for my $entry (@$files) {
        my ($file, $text) = @$entry;
        write_file($file =~ m{^/} ? $file : "$HtmlDir/$file",
            expand_env($text // '', $name));
    }
}

sub nginx_conf {
    my ($block) = @_;
    my $log_level = $block->log_level || $LogLevel;
    my $daemon    = $UseValgrind ? 'off' : 'on';

    # A nginx without a master cannot reload.
    my $master = $MasterOn || $UseHup ? 'on' : 'off';

    my %text = map { $_ => expand_env(scalar $block->$_, $block->name) // '' }
        qw(config http_config main_config post_main_config);

    my $main = join '', map {"load_module $_;\n"}
        split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '';
    $main .= 'env ' . (/\s/ ? "'$_'" : $_) . ";\n" for @EnvToNginx;
    $main .= "user root;\n" if $> == 0;

    # The compiled-in directories belong to the installed nginx.
    my $temp_paths = join ' ', map {"${_}_temp_path $ServRoot/${_}_temp;"}
        grep {
            $NginxBuild !~ /--without-http_${_}_module/
                && $text{http_config} !~ /\b${_}_temp_path\b/
        } qw(client_body proxy fastcgi scgi uwsgi);

    my $root_location
        = $NoRootLocation ? ''
        : "location / { root $HtmlDir; index index.html index.htm; }";

    return <<"END";
worker_processes $Workers;
daemon $daemon;
master_process $master;
error_log $ErrLogFile $log_level;
pid $PidFile;
$main
$text{main_config}

http {
    access_log $AccLogFile;
    $temp_paths
    default_type text/plain;
    keepalive_timeout 68000ms;

$text{http_config}
    server {
        listen $ServerAddr:$ServerPort;
        server_name localhost;
        client_max_body_size 30M;

$text{config}
        $root_location
    }
}

$text{post_main_config}

events {
    accept_mutex off;
    worker_connections $WorkerConnections;
}
END
}

sub wait_for {
    my ($limit, $condition, $tick) = @_;
    my $deadline = time + $limit;
    until ($condition->()) {
        return 0 if time > $deadline;
        sleep($tick // 0.01);
    }
    return 1;
}

sub pid_from_file {
    return slurp($PidFile) =~ /^(\d+)\n/ ? $1 : undef;
}

# Counts as one more test than planned, which the block can't make good for.
sub fail_with_log {
    my ($title) = @_;
    fail($title);
    my @lines = split /^/, slurp($ErrLogFile);
    splice @lines, 0, -20 if @lines > 20;
    diag("The end of $ErrLogFile:\n", @lines);
    return 0;
}

# The error log has all of what nginx says to stderr; valgrind only says it
# there.
sub launch {
    my @wrapper = @_;
    my @command = (@wrapper, $NginxBinary,
        '-e', $ErrLogFile, '-p', "$ServRoot/", '-c', $ConfFile);
    verbose("starting @command");

    my $pid = fork() // bail_out("fork: $!");
    return $pid if $pid;

    setpgrp;
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', '/dev/null' unless @wrapper || $ENV{TEST_NGINX_VERBOSE};
    exec { $command[0] } @command or POSIX::_exit(127);
}

sub start_nginx {
    my ($block) = @_;
    my $name = $block->name;
    stop_nginx();
    clear_server_root();
    fill_server_root($block);

    my $child = launch($UseValgrind ? valgrind_command($name) : ());
    my $exit;

    # A daemon writes its pid file after the child has ended; under valgrind
    # the child is nginx itself.
    wait_for($UseValgrind ? 60 : 10, sub {
        $exit = $? if !defined $exit && waitpid($child, WNOHANG) == $child;
        return $exit || ($NginxPid = pid_from_file());
    });
    return 1 if $NginxPid;

    kill KILL => -$child unless defined $exit;
    return fail_with_log("$name - nginx starts (wait status "
            . ($exit // 'none') . ')');
}

sub valgrind_command {
    my ($name) = @_;
    diag("valgrind: $name");
    my @options = split ' ', $UseValgrind;
    if ($UseValgrind =~ /^\d+$/) {
        @options = qw(
            --num-callers=100 --tool=memcheck --leak-check=full
            --keep-debuginfo=yes --show-possibly-lost=no --gen-suppressions=all
        );
        push @options, '--suppressions=valgrind.suppress'
            if -f 'valgrind.suppress';
    }
    return ('valgrind', '-q', @options);
}

sub reload_nginx {
    my ($block) = @_;
    my $children = "/proc/$NginxPid/task/$NginxPid/children";
    my %old = map { $_ => 1 } split ' ', slurp($children);

    clear_server_root_in_use();
    fill_server_root($block);
    kill HUP => $NginxPid;

    # The workers of the old configuration accept connections, too, until the
    # new ones have run for a moment; after a failed reload they stay.
    return wait_for(10, sub { !grep { $old{$_} } split ' ', slurp($children) })
        || fail_with_log($block->name . ' - nginx reloads its configuration');
}

sub check_must_die {
    my ($block) = @_;
    my $name     = $block->name;
    my $expected = $block->must_die;

    # Both are about a nginx that runs.
    local ($UseHup, $UseValgrind);

    stop_nginx();
    clear_server_root();
    fill_server_root($block);

    $ErrLogPos = 0;
    for my $round (0 .. $RepeatEach - 1) {
        waitpid(launch(), 0);
        my $status = $?;

        if ($status & 127) {
            fail("$name - nginx crashed: signal " . ($status & 127));
        }
        elsif (looks_like_number($expected)) {
            is($expected, $status >> 8, "$name - expected exit code");
        }
        else {
            isnt($status, 0, "$name - died as expected");
        }
        check_error_log($block, $round);

        if ($status == 0) {
            wait_for(10, sub { $NginxPid = pid_from_file() });
            stop_nginx();
        }
    }
}

sub stop_nginx {
    my $pid = $NginxPid or return;
    undef $NginxPid;
    my $status;

    # In a container nobody may be there to reap the daemon: a zombie is gone.
    my $gone = sub {
        $status = $? if waitpid($pid, WNOHANG) == $pid;
        return defined $status || !kill(0 => $pid)
            || slurp("/proc/$pid/stat") =~ /^\d+ \(.*\) Z/s;
    };

    for my $signal (qw(QUIT TERM KILL)) {
        # nginx leads its own process group, so none of its workers is left.
        kill $signal => $signal eq 'KILL' ? -$pid : $pid;
        last if wait_for($UseValgrind ? 60 : $Timeout, $gone);
        warn "nginx ($pid) outlived SIG$signal\n";
    }

    # Known under valgrind only; its --error-exitcode shows up here.
    fail("nginx exits cleanly (status $status)") if $status;
}

# One from an interrupted run still has the port.
sub stop_left_over_nginx {
    my $pid = pid_from_file() // return;
    return unless index(slurp("/proc/$pid/cmdline"), $ConfFile) >= 0;
    $NginxPid = $pid;
    stop_nginx();
}

END {
    if ($$ == $OwnerPid) {
        local $?;
        stop_nginx();
    }
}

# Returns lists of the pieces to write, one list for each connection.
sub requests {
    my ($block) = @_;
    my $name = $block->name;

    if (defined(my $raw = $block->raw_request)) {
        return [ref $raw ? @$raw : $raw];
    }
    if (my $list = $block->pipelined_requests) {
        bail_out("$name - pipelined_requests must be an array") if !ref $list;
        return [join '', map {
            build_request($block, $_, expand_env($list->[$_], $name),
                $_ < $#$list ? 'keep-alive' : 'close')
        } 0 .. $#$list];
    }

    my $request = $block->request // bail_out("$name - no request section");
    if (!ref $request) {
        1 while $request =~ s/^\s*\#[^\n]+\s+|^\s+//g;
        $request = [$request];
    }
    return map { [build_request($block, $_, $request->[$_], 'close')] }
        0 .. $#$request;
}

sub build_request {
    my ($block, $index, $request, $connection) = @_;
    my $name = $block->name;
    bail_out("$name - a request in packets is not supported") if ref $request;

    my ($line, $body) = split /\n/, $request, 2;
    my ($method, $url, $version)
        = ($line // '') =~ /^\s*(\S+)(?: +(\S+)(?: +(\S+))?)?\s*$/
        or bail_out("$name - bad request line: " . ($line // ''));
    $body //= '';

    my $more = $block->more_headers // '';
    if (ref $more) {
        $more = $more->[$index] // bail_out("$name - too few more_headers");
    }
    my ($headers, $chunked) = ('', 0);
    for my $header (grep { !/^\s*#/ } split /\n+/, $more) {
        my ($key, $value) = split /:\s*/, $header, 2;
        $value //= '';
        $chunked ||= lc $key eq 'transfer-encoding' && $value eq 'chunked';
        $headers .= "$key: $value\r\n";
    }

    my $length = '';
    if (!$chunked && $body ne '' && $headers !~ /^Content-Length:/m) {
        $body =~ s/^\s+|\s+$//g;
        $length = 'Content-Length: ' . length($body) . "\r\n";
    }
    return join '',
        join(' ', $method, $url // '/', $version // 'HTTP/1.1'), "\r\n",
        $headers =~ /^Host:/mi ? () : "Host: localhost\r\n",
        $headers =~ /^Connection/mi ? () : "Connection: $connection\r\n",
        "$headers$length\r\n$body";
}

# Returns what came before the server closed the connection or the timeout ran
# out, and the error if there was one.
sub exchange {
    my ($timeout, @pieces) = @_;
    my $peer = "$ServerAddr:$ServerPortForClient";

    my $sock = IO::Socket::INET->new(PeerAddr => $peer, Timeout => $timeout)
        or return (undef, "cannot connect to $peer: $!");
    $sock->blocking(0);
    my $select = IO::Select->new($sock);
    local $SIG{PIPE} = 'IGNORE';

    for my $piece (@pieces) {
        while ($piece ne '') {
            return ('', 'client socket timed out')
                unless $select->can_write($timeout);
            my $bytes = syswrite $sock, $piece;
            next if !defined $bytes && $!{EAGAIN};

            # The server may have answered without reading all of it.
            last unless $bytes;
            substr $piece, 0, $bytes, '';
        }
    }

    my $received = '';
    while ($select->can_read($timeout)) {
        my $bytes = sysread $sock, $received, 65536, length $received;
        next if !defined $bytes && $!{EAGAIN};
        return $received unless $bytes;
    }
    return ($received, 'client socket timed out');
}

sub run_requests {
    my ($block, $round) = @_;
    my $name      = $block->name;
    my @requests  = requests($block);
    my $pipelined = $block->pipelined_requests;
    my $many      = $pipelined || @requests > 1;
    my ($timeout, $unit)
        = ($block->timeout // $Timeout) =~ /^\s*([\d.]+)(m?s)?\s*$/
        or bail_out("$name - bad timeout");
    $timeout /= 1000 if ($unit // '') eq 'ms';

    my $text;
    for my $index (0 .. ($pipelined ? $#$pipelined : $#requests)) {
        my @pieces = @{ $requests[$index] // [] };
        if (@pieces) {
            verbose('request: ', @pieces);
            ($text, my $error) = exchange($timeout, @pieces);
            verbose('response: ', $text // 'none');
            fail_with_log("$name - $error")
                if $error && !(defined $text && defined $block->abort);
        }

        if (!defined $block->ignore_response) {
            my $is_head = @pieces && $pieces[0] =~ /^\s*HEAD\s/;
            my $response = parse_response($name, $text // '', $is_head);
            $text = $response->{left};
            warn "WARNING: $name - bytes after the response: $text\n"
                if defined $text && $text ne '' && !$pipelined;
            check_response($block, $response, $index, $many, $round);
        }

        sleep($block->wait) if $block->wait;
        check_error_log($block, $round);
        check_access_log($block, $round) if !defined $block->ignore_response;
    }
}

sub parse_response {
    my ($name, $text, $is_head) = @_;
    my ($head, $body) = $text =~ /\A(.*?\r\n)\r\n(.*)\z/s;
    my %response = (raw_headers => $head // '', body => $body // '');

    my ($status, @lines) = split /\r?\n/, $head // $text;
    $response{code} = $1 if ($status // '') =~ /^\S+\s+(\d+)(?:\s|$)/;
    for my $line (@lines) {
        my ($key, $value) = $line =~ /^([^\s:]+)[ \t]*: ?(.*)/ or next;
        push @{ $response{header}{ lc $key } }, $value;
    }
    return \%response if ($response{code} // '') =~ /^(?:101|304)$/;

    my $got    = length $response{body};
    my $length = header(\%response, 'Content-Length');
    if (header(\%response, 'Transfer-Encoding') eq 'chunked') {
        @response{qw(body left)} = decode_chunks($response{body});
        if (!defined $response{body}) {
            fail("$name - bad chunked body");
            return {};
        }
    }
    elsif ($length ne '' && $got > $length) {
        $response{left} = substr $response{body}, $length, $got, '';
    }
    elsif ($length ne '' && $got < $length && !$is_head) {
        warn "WARNING: $name - body truncated: $got of $length bytes\n";
    }
    return \%response;
}

sub header {
    my ($response, $name) = @_;
    return join ', ', @{ $response->{header}{ lc $name } // [] };
}

# Returns the body and what follows it; nothing if it isn't chunked coding.
sub decode_chunks {
    my ($raw) = @_;
    my $body = '';
    while ($raw =~ /\G[ \t]*([0-9A-Fa-f]+)[ \t]*\r\n/gc) {
        my ($size, $start) = (hex $1, pos $raw);
        return if $start + $size > length $raw;
        $body .= substr $raw, $start, $size;
        pos($raw) = $start + $size;
        $raw =~ /\G\r\n/gc or return;
        return ($body, substr $raw, pos $raw) if $size == 0;
    }
    return;
}

# One value serves one request only: several requests need an array of them.
sub expected {
    my ($block, $section, $index, $many) = @_;
    my $value = $block->$section;
    my $where = $block->name . " - $section";

    if (ref $value eq 'ARRAY') {
        bail_out("$where: none for request $index") if $index > $#$value;
        return $value->[$index];
    }
    bail_out("$where: several requests need an array") if $many;
    return $value;
}

sub expand_ports {
    my ($text) = @_;
    $text =~ s/\$ServerPort\b/$ServerPort/g;
    $text =~ s/\$ServerPortForClient\b/$ServerPortForClient/g;
    return $text;
}

sub check_response {
    my ($block, $response, $index, $many, $round) = @_;
    my $name = $block->name;
    my $req  = "(repeated req $round, req $index)";
    my $raw  = $response->{raw_headers} // '';
    my $body = $response->{body} // '';

    my $check_pattern = sub {
        my ($section, $test, $got, $flags) = @_;
        return 0 unless defined $block->$section;
        my $pattern = expand_ports(expected($block, $section, $index, $many));
        $test->($got, qr/(?$flags:$pattern)/, "$name - $section $req");
        return 1;
    };

    my $code = $response->{code} // '';
    if (!$check_pattern->('error_code_like', \&like, $code, 'sm')) {
        is($code, defined $block->error_code
                ? expected($block, 'error_code', $index, $many) : 200,
            "$name - status code $req");
    }

    $check_pattern->('raw_response_headers_like', \&like, $raw, 's');
    $check_pattern->('raw_response_headers_unlike', \&unlike, $raw, 's');

    for my $section (qw(response_headers response_headers_like)) {
        next unless defined $block->$section;
        my $headers
            = parse_headers(expected($block, $section, $index, $many));
        for my $key (sort keys %$headers) {
            my $title = "$name - $section $key $req";
            my $got   = header($response, $key);
            my $want  = $headers->{$key};
            if ($section eq 'response_headers_like') {
                like($got, qr/^$want$/, $title);
            }
            elsif (defined $want) {
                is($got, expand_ports($want), $title);
            }
            else {
                unlike($raw, qr/^\s*\Q$key\E\s*:/m, $title);
            }
        }
        last;
    }

    if (defined $block->response_body) {
        my $text = expected($block, 'response_body', $index, $many);
        my $title = "$name - response_body $req";
        if (ref $text) {
            like($body, $text, $title);
        }
        else {
            $text = expand_env(expand_ports($text), $name) if defined $text;
            is($body, $text, $title);
        }
        return;
    }
    $check_pattern->('response_body_like', \&like, $body, 's')
        or $check_pattern->('response_body_unlike', \&unlike, $body, 's');
}

# A name without a value stands for a header that must be absent.
sub parse_headers {
    my ($text) = @_;
    my %headers;
    for my $line (split /\n/, $text // '') {
        $line =~ s/^\s+|\s+$//g;
        my ($key, $value)
            = $line =~ s/^!\s*// ? ($line) : split /\s*:\s*/, $line, 2;
        $headers{ $key // '' } = $value;
    }
    return \%headers;
}

# nginx logs a request at about the time it closes the connection, so that the
# log may still grow when the client has seen the end of it.
sub settle {
    my ($file) = @_;
    my $size = -1;
    wait_for($Timeout, sub {
        my $before = $size;
        $size = -s $file // 0;
        return $size == $before;
    }, $Sleep * 3);
}

sub patterns {
    my ($value) = @_;
    return grep {defined} ref $value eq 'ARRAY' ? @$value
        : ref $value ? $value : split /\n+/, $value // '';
}

sub grep_lines {
    my ($pattern, @lines) = @_;
    return grep { ref $pattern ? /$pattern/ : index($_, $pattern) >= 0 } @lines;
}

sub check_error_log {
    my ($block, $round) = @_;
    my $name = $block->name;

    settle($ErrLogFile);
    my $log   = slurp($ErrLogFile);
    my @lines = split /^/, substr $log, $CheckAccumErrLog ? 0 : $ErrLogPos;
    $ErrLogPos = length $log;

    check_grep_error_log($block, $round, @lines);
    my @wanted   = patterns($block->error_log);
    my @unwanted = patterns($block->no_error_log);
    for my $pattern (@wanted) {
        ok(scalar(grep_lines($pattern, @lines)),
            "$name - \"$pattern\" in error.log (req $round)");
    }
    for my $pattern (@unwanted) {
        my @hits = grep_lines($pattern, @lines);
        ok(!@hits, "$name - no \"$pattern\" in error.log (req $round)");
        diag(@hits) if @hits;
    }

    for my $level ('[alert', '[crit') {
        next if grep { index($_, $level) >= 0 } @wanted, @unwanted;
        warn "WARNING: $name - $_" for grep_lines("$level]", @lines);
    }
    fail("$name - $_") for grep_lines(qr/\bAssertion .*?failed\b/, @lines);
}

sub check_grep_error_log {
    my ($block, $round, @lines) = @_;
    my $name    = $block->name;
    my $pattern = $block->grep_error_log;
    my $output  = $block->grep_error_log_out;

    bail_out("$name - grep_error_log and grep_error_log_out need each other")
        if defined $pattern != defined $output;
    $pattern = $pattern->[$round] if ref $pattern eq 'ARRAY';
    return unless defined $pattern;
    $output = $output->[$round] if ref $output eq 'ARRAY';
    $output = expand_env($output, $name);

    my $found = '';
    $pattern = qr/\Q$pattern\E/ unless ref $pattern;
    for my $line (@lines) {
        # The original drops a match with a line feed, too.
        $found .= "$&\n" if $line =~ $pattern && $& !~ /\n/;
    }

    my $title = "$name - grep_error_log_out (req $round)";
    ref $output ? like($found, $output, $title) : is($found, $output, $title);
}

sub check_access_log {
    my ($block, $round) = @_;
    return unless defined $block->access_log;
    settle($AccLogFile);
    my @lines = split /^/, slurp($AccLogFile);
    for my $pattern (patterns($block->access_log)) {
        ok(scalar(grep_lines($pattern, @lines)),
            $block->name . " - \"$pattern\" in access.log (req $round)");
    }
}

1;
