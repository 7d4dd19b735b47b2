# A list is read as a whole whenever it changes: whatever is edited in it, at
# random, must end in the set, the labels and the counts that its text stands
# for.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use Digest::SHA qw(sha1_hex sha256_hex);

my $seed = $ENV{TEST_SEED} // int rand 1e9;
srand $seed;
note "TEST_SEED=$seed";

my $n = nginx(log_level => 'notice', config => <<'END');
    clientcert_store l list=%%PREFIX%%/l.txt size=64m
        interval=100ms;
    clientcert_policy p { allow store=l; log_level info; }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        root %%PREFIX%%/html;
        add_header X-Label $clientcert_label always;
        location / { clientcert_require p; try_files /x =404; }
    }
END

my @certs = qw(acme globex rsa);
my $next = 0;

sub fresh { $next++; rand() < 0.5 ? sha1_hex($next) : sha256_hex($next) }

sub line {
    return (fresh(), fresh() . ' label ' . int rand 10, '# remark', '',
            fresh() . " x # remark\r")[rand 5];
}

sub of_cert {
    my $cert = shift;
    return (rand() < 0.5 ? uc sha1($cert) : sha256($cert))
           . " $cert " . int rand 100;
}

# What a text stands for: thumbprint => label, the first line counts.
sub meaning {
    my %set;
    for (split /\r?\n/, shift) {
        my ($tp, $label) = /^(?:\xef\xbb\xbf)?([0-9a-f]{40,64})\s*(.*?)\s*(?:#.*)?$/i
            or next;
        $set{lc $tp} //= $label;
    }
    return \%set;
}

my @lines = map { line() } 1 .. 3000;
my $now = join "\n", @lines, '';

$n->write('html/x', 'ok');
$n->write('l.txt', $now);
$n->start;
ok($n->wait_log(qr/start cache manager process/), 'helper');

my %client;
sub answer {
    my $cert = shift;
    $client{$cert} //= client(port => $n->port('tls'), cert => $cert);
    return $client{$cert}->get('/');
}

my $log = qr/store "l": (\d+) added, (\d+) removed, \d+ renamed, 0 rejected, (\d+) thumb/;

sub put {
    my $text = shift;
    if (rand() < 0.5) {
        $n->write('l.txt', $text);
        return;
    }
    # in place: never seen shorter than it is, and told when it is closed
    open my $fh, '+<:raw', $n->path('l.txt') or die;
    print $fh $text;
    truncate $fh, length $text;
    close $fh;
}

sub once {
    my %seen;
    @lines = grep { !/^(\w{40,64})/ || !$seen{lc $1}++ } @lines;
}

# A thumbprint that is new each time, so that the log always tells.
sub edit {
    my $how = (qw(insert remove label cert twice comment end start all))
              [rand 9];
    my $at = int rand @lines;
    my $some = 1 + int rand 5;

    splice @lines, $at, 0, map { line() } 1 .. $some if $how eq 'insert';
    splice @lines, $at, $some if $how eq 'remove';
    $lines[$at] =~ s/^(\w{40,64}).*/"$1 other " . int rand 100/e
        if $how eq 'label';
    splice @lines, $at, 0, of_cert($certs[rand @certs]) if $how eq 'cert';
    splice @lines, rand @lines, 0, $lines[$at] =~ s/^(\w{40,64}).*/$1 again/r
        if $how eq 'twice';
    $lines[$at] = "# $lines[$at]" if $how eq 'comment';
    @lines = map { line() } 1 .. 3000 if $how eq 'all';

    once() if rand() < 0.3;

    my $place = $how eq 'end' ? @lines : $how eq 'start' ? 0 : rand @lines;
    splice @lines, $place, 0, fresh();

    return ($how, ($how eq 'start' && rand() < 0.5 ? "\xef\xbb\xbf" : '')
                  . join("\n", @lines)
                  . ($how eq 'end' && rand() < 0.5 ? '' : "\n"));
}

my $failed = 0;
for my $i (1 .. 50) {
    my ($how, $text) = edit();
    my ($old, $new) = (meaning($now), meaning($text));
    my $want = join ' ', scalar(grep { !exists $old->{$_} } keys %$new),
        scalar(grep { !exists $new->{$_} } keys %$old), scalar keys %$new;

    my $from = length $n->error_log;
    put($text);
    my $got = wait_for { substr($n->error_log, $from) =~ $log ? "$1 $2 $3"
                                                              : undef } 5;
    my @wrong = ($got // 'none') eq $want ? () : "counts $got, not $want";

    for my $cert (@certs) {
        my $label = $new->{sha256($cert)} // $new->{sha1($cert)};
        my $answer = answer($cert);
        my $is = ($answer->{status} // 0) == 200
                 ? $answer->{headers}{'x-label'} // '' : undef;
        push @wrong, "$cert is " . ($is // 'refused')
            if ($is // 'refused') ne ($label // 'refused');
    }
    $now = $text;
    next unless @wrong;
    $failed++;
    diag "edit $i, $how: @wrong";
    last if $failed > 3;
}
is($failed, 0, '50 edits');

# a bad line in what has changed is told by its place in the whole

once();
push @lines, fresh();
put(join "\n", @lines, '');
my $all = keys %{ meaning(join "\n", @lines) };
ok($n->wait_log(qr/ $all thumbprints/), 'nothing stands twice');

my $bad = int @lines / 2;
my $line = $bad + 1;
splice @lines, $bad, 0, '';
for ([ 41, sha1('globex') . 'x' ], [ 2, "\xef\xbb\xbf# remark" ]) {
    my ($column, $text) = @$_;
    $lines[$bad] = $text;
    put(join "\n", @lines, '');
    ok($n->wait_log(qr/column $column in \S+:$line:$column/),
       'a bad line by its number');
}

# a file that is younger than the clock's tick is read once more
Time::HiRes::sleep(0.4);
my $told = () = $n->error_log =~ /is rejected.*:$line:/g;
is($told, 2, 'each is told once');
$lines[$bad] = of_cert('inter');
put(join "\n", @lines, '');
ok(wait_for(sub { (answer('inter')->{status} // 0) == 200 }, 5), 'mended');

# thumbprints need not be digests: numbers are found as fast
put(join '', map { sprintf "%040x\n%064x\n", $_, $_ } 1 .. 100_000);
ok($n->wait_log(qr/ 200000 thumbprints/, 5), '200,000 numbers');

is($n->stop, 0, 'stops');
is_deeply([ $n->alerts ], [], 'no alerts');

done_testing;
