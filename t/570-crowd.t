# Covers ngx_http_clientcert_turn.c, and what one request for the status may
# cost: where a thousand of them come at once, of a store with a million
# entries, no turn of the event loop takes longer for it than a few
# milliseconds, others are answered meanwhile, and those that wait need no
# memory of note, get their answer, also from a worker that is to end, and may
# leave.  A turn is measured by the processor's time, of a worker that is
# stopped while the requests are sent: so a busy machine doesn't matter.

use strict;
use warnings;

use Digest::SHA 'sha1_hex';
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use File::Temp ();
use JSON::PP ();
use List::Util qw(max min);
use Metrics;
use POSIX ();
use StatusJson;

my $entries = 1_000_000;
my $crowd = 1_000;

# so that both have descriptors enough
if (POSIX::sysconf(POSIX::_SC_OPEN_MAX()) < 3 * $crowd && !$ENV{CROWD_FILES}) {
    $ENV{CROWD_FILES} = 1;
    exec 'sh', '-c', 'ulimit -n 3000 && exec "$@"', 'sh', $^X, $0;
}

plan(skip_all => 'needs 3000 open files')
    if POSIX::sysconf(POSIX::_SC_OPEN_MAX()) < 3 * $crowd;

my $tmp = File::Temp->newdir('turns-XXXXXX', TMPDIR => 1);
chmod 0755, "$tmp";
plan(skip_all => 'needs a C compiler, cc')
    if system('cc --version >/dev/null 2>&1') != 0;
system('cc', qw(-shared -fPIC -O1 -o), "$tmp/turns.so",
       "$FindBin::Bin/lib/turns.c", '-ldl') == 0 or die "cc failed\n";

# The file's numbers: process; longest turn.
my $state = "$tmp/state";
ClientCert::spew($state, pack 'q2', 0, 0);
chmod 0666, $state;
open my $turns, '+<:raw', $state or die "$state: $!\n";

my $n = nginx(log_level => 'notice', config => <<'END');
    clientcert_store many list=%%PREFIX%%/many;
    clientcert_store same list=%%PREFIX%%/same;
    clientcert_store wide list=%%PREFIX%%/wide;
    clientcert_policy p { allow store=many; allow store=same; allow store=wide; }
    keepalive_requests 1000000;
    ssi_types text/plain;
    log_format short "$status $request_uri";
    access_log %%PREFIX%%/access.log short;
    server {
        # none of the crowd is to try again
        listen 127.0.0.1:%%PORT_crowd%% backlog=2048;
        location = /status { clientcert_status; }
        location = /metrics { clientcert_status prometheus rules certificates; }
        location = /explain { clientcert_explain p; }
        location = /gif { empty_gif; }
        location = /left { clientcert_status; post_action /after; }
        location = /after { proxy_pass http://127.0.0.1:%%PORT_silent%%; }
        location = /both { ssi on; root %%PREFIX%%/html; }
    }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl http2;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        clientcert_require p;
        location / { empty_gif; }
        location = /status { clientcert_status; }
        location = /explain { clientcert_explain p; }
    }
END
$n->write('many', join '', sha1('acme') . " acme\n",
          map { sha1_hex($_) . " client-$_\n" } 2 .. $entries);
$n->write('same', join '', map { sha1_hex($_) . ' ' . 'a' x 200 . "\n" }
                                1 .. 3_000);
$n->write('wide', join '', map { sha1_hex($_) . ' ' . "\xc3\xa4" x 125 . "\n" }
                                1 .. 1_200);
$n->write('html/both', '<!--# include virtual="/status" -->'
                       . '<!--# include virtual="/status" -->');

my $worker;

sub find_worker { ($worker) = $n->worker_pids }

{
    local @ENV{qw(LD_PRELOAD TURNS)} = ("$tmp/turns.so", $state);
    $n->start;
    find_worker();
}

# searched through as far as a request may, lists, a page, what is seen first
my @paths = ('/status', '/status?view=certificates&q=nothing',
             '/explain?sha256=' . sha256('globex'),
             '/status?view=certificates&q=client-9&limit=1000',
             '/status?view=certificates&limit=1000&after=0-0-1000000000',
             '/status?view=rules', '/status?view=refused', '/metrics');

sub memory { ClientCert::slurp("/proc/$worker/status") =~ /^RssAnon:\s+(\d+) kB/m;
             return $1 // 0 }

# once it is done with what it has
sub stop_worker {
    kill STOP => $worker;
    wait_for { ClientCert::slurp("/proc/$worker/stat") =~ /\) T / } 10, 'a stop';
}

sub ask { $_[0]->send("GET $_[1] HTTP/1.1\r\nHost: a.test\r\n\r\n") }

my @crowd = map { client(port => $n->port('crowd'), plain => 1, timeout => 60) }
            1 .. $crowd;
is($_->get('/gif')->{status}, 200, 'a connection') for $crowd[-1];

# The longest turn from now on, in milliseconds.
sub watch {
    sysseek $turns, 0, 0;
    syswrite $turns, pack 'q2', $worker, 0;
}

sub longest {
    sysseek $turns, 0, 0;
    sysread $turns, my $bytes, 16;
    return (unpack 'q2', $bytes)[1] / 1e6;
}

# Each client asks for one of the paths; returns what is answered, by status,
# the longest turn in milliseconds, and the memory that was needed for it.
sub all_at_once {
    my ($meanwhile, @paths) = @_;
    my (%got, $most);

    stop_worker();
    my $before = memory();

    ask($crowd[$_], $paths[$_ % @paths]) for 0 .. $#crowd;
    $meanwhile->();

    watch();
    kill CONT => $worker;

    for my $c (@crowd) {
        my $r = $c->response('GET');
        $got{ $r->{status} // $r->{error} }++;
        $most = max($most // 0, memory());
    }

    return (\%got, longest(), $most - $before);
}


# 1. A thousand at once.

# nginx's own, for as many requests
my $own = min(map { (all_at_once(sub { }, '/gif'))[1] } 1, 2);

# one that explain knows
is(client(port => $n->port('tls'), cert => 'globex')->get('/')->{status}, 401,
   'one that is refused');

my @others = map { client(port => $n->port('tls'), cert => 'acme') } 1 .. 10;
is($_->get('/')->{status}, 200, 'another one') for @others;

my (@longest, @memory);

my $rounds = 2;

for my $round (1 .. $rounds) {
    my ($got, $longest, $memory) = all_at_once(sub {
        ask($others[$_], "/other-$round-$_") for 0 .. $#others;
    }, @paths);

    is_deeply($got, { 200 => $crowd }, "round $round: all are answered");
    is_deeply([ map { $_->response('GET')->{status} } @others ],
              [ (200) x @others ], 'and others');
    push @longest, $longest;
    push @memory, $memory;
}

note sprintf 'longest turns: %s ms, nginx\'s own %.1f ms; memory %s kB',
             join(' ', map { sprintf '%.1f', $_ } @longest), $own,
             join(' ', @memory);
SKIP: {
    skip 'sanitizers take time and memory', 2
        if sanitized();
    cmp_ok(min(@longest) - $own, '<', 5, 'no turn takes 5 ms for it');
    cmp_ok(max(@memory), '<', 20 * $crowd, 'nor does one need many kB');
}

my @log = split /\n/, $n->access_log;
for my $round (1 .. $rounds) {
    my @at = grep { $log[$_] =~ m{ /other-$round-} } 0 .. $#log;
    my $before = $#log - ($rounds + 1 - $round) * ($crowd + @others);
    cmp_ok($at[-1] - $before, '<', $crowd / 10,
           "round $round: who asked last needn't wait for them");
}

# and each answer is whole
my $c = client(port => $n->port('crowd'), plain => 1);
for my $path (grep { /status/ } @paths) {
    is(ref status_json($c, $path), 'HASH', $path);
}
is_deeply([ wrong_in($c->get('/metrics')->{body}) ], [], '/metrics');


# 2. In one answer, and in streams: some are subrequests or in HTTP/2.

my $both = $c->get('/both')->{body};
is(scalar(map { JSON::PP->new->decode($_) } split /\n/, $both), 2,
   'two in one answer');

my $h2 = client(port => $n->port('tls'), cert => 'acme', alpn => 'h2');
my %got;
$got{ $_->{status} // $_->{error} }++
    for $h2->get_all(map { [ '/status?view=certificates&q=nothing' ] } 1 .. 50);
is_deeply(\%got, { 200 => 50 }, 'streams of one connection');

my $pem = ClientCert::slurp(cert_file('acme', 'crt'));
%got = ();
$got{ $_->{body} =~ /"decision":"(\w+)"/ ? $1 : $_->{error} }++
    for $h2->get_all(map { [ '/explain', method => 'POST', body => $pem ] }
                     1 .. 50);
is_deeply(\%got, { allow => 50 }, 'why, in each of them');


# 3. The longest one of them, of texts that are long to compare, or to write.

sub all_pages {
    my ($path) = @_;
    my ($after, $partial, %seen, @took) = ('', 0);

    while (defined $after) {
        watch();
        my $r = $c->get("$path$after");
        push @took, longest();
        $r = JSON::PP->new->decode($r->{body});
        $seen{ $_->{sha1} }++ for @{ $r->{items} };
        $partial += $r->{partial};
        $after = defined $r->{next} ? "&after=$r->{next}" : undef;
    }

    return (\@took, $partial, \%seen);
}

for (['same', 'q=' . 'a' x 100 . 'b', 0], ['wide', 'limit=1000', 1_200]) {
    my ($store, $args, $wanted) = @$_;
    my ($took, $partial, $seen)
        = all_pages("/status?view=certificates&store=$store&$args");
    my $median = (sort { $a <=> $b } @$took)[@$took / 2];
    note sprintf '%s: %d pages, %.1f ms, %.1f at most', $store,
         scalar @$took, $median, max(@$took);
    cmp_ok($median, '<', sanitized() ? 50 : 5, "$store: in several steps");
    cmp_ok($partial, '>', 0, 'some of which tell of more');
    is(scalar(keys %$seen), $wanted, 'found');
    ok(!(grep { $_ != 1 } values %$seen), 'each once');
}


# 4. Who leaves, leaves no trace.

# as many do as well from now on
$_->close for splice @crowd, 300;

my $leaving = client(port => $n->port('tls'), cert => 'acme', alpn => 'h2',
                     timeout => 0.3);
$leaving->get('/');
my ($answers) = all_at_once(sub {
    $leaving->get_all(map { [ '/status?view=certificates&q=nothing' ] } 1 .. 50);
    $leaving->close;
    $crowd[$_]->close for 0 .. 99;
}, $paths[1]);
is($answers->{200}, @crowd - 100, 'all who stay are answered');
splice @crowd, 0, 100;

# also where something is done for them, which takes a while
my $silent = IO::Socket::INET->new(Listen => 200, LocalAddr => '127.0.0.1',
                                   LocalPort => $n->port('silent'))
    or die "a listener: $!\n";
my @stay = @crowd[ grep { $_ % 2 } 0 .. $#crowd ];
($answers) = all_at_once(sub {
    $crowd[$_]->close for grep { $_ % 2 == 0 } 0 .. $#crowd;
}, '/left', '/gif');
is($answers->{200}, @stay, 'and is not answered in another location');
@crowd = @stay;
$silent->close;

my $left = () = $n->access_log =~ /^499 /mg;
cmp_ok($left, '>=', 100, "$left who left weren't");


# 5. A worker that is to end answers them first, and has nothing else to do.

$_->close for $c, $h2, splice @others;
($answers) = all_at_once(sub {
    kill HUP => $n->pid;
    wait_for { (() = $n->error_log =~ /start worker process/g) > 1 } 20,
             'a new worker';
}, $paths[1]);
is_deeply($answers, { 200 => scalar @crowd }, 'all are answered');
ok(wait_for(sub { !kill 0, $worker }, 20), 'and it ends');

SKIP: {
    my @wrong = wrong_answers();
    skip 'Python has no jsonschema', 1 if @wrong && !defined $wrong[0];
    is_deeply(\@wrong, [], 'as the schema says');
}

@crowd = ();
is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
