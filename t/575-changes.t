# Covers the status while all that it tells of changes: files are put and
# removed, a list is written, the configuration is loaded again with other
# policies, a helper is killed, and three clients ask all the while.  Each
# answer is whole and as the schema says, no number that counts goes back, and
# each entry is one that there is.

use strict;
use warnings;

use Digest::SHA 'sha1_hex';
use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert ':store';
use JSON::PP ();
use Metrics;
use POSIX ();
use StatusJson;

sub config {
    my ($rules) = @_;
    return <<"END";
    clientcert_store up directory=%%PREFIX%%/up;
    clientcert_store list list=%%PREFIX%%/list;
    clientcert_policy p { $rules allow store=up; allow store=list; }
    clientcert_policy all { allow store=up; dry_run on; }
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl reuseport;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        keepalive_requests 1000000;
        location / { clientcert_require p; empty_gif; }
        location = /status { clientcert_status; }
        location = /metrics { clientcert_status prometheus rules certificates; }
    }
END
}

my $n = nginx(config => config(''), workers => 4, log_level => 'notice');
mkdir $n->path('up');
put($_) for qw(acme globex);

sub list { join '', map { sha1_hex($_) . " client-$_\n" } 1 .. shift }

$n->write('list', list(1_000));
$n->start;

my %known = map { $_ => 1 } (map { sha256($_) } qw(acme globex rsa foreign)),
                            map { sha1_hex($_) } 1 .. 2_000;

my $done = $n->path('done');

# What goes wrong is said, for each answer that was got; nothing if all is well.
sub watch {
    my ($path, $look) = @_;
    my ($c, %last, @answers, $count);
    my $said = sub { my $what = shift; print $what, "\n" };

    while (!-e $done) {
        $c //= client(port => $n->port('tls'));
        my $r = $c->get($path);

        # a worker that ends closes the connection, and answers nothing else
        if (!defined $r->{status}) {
            undef $c;
            next;
        }

        if ($r->{status} != 200 || defined $r->{error}) {
            $said->("$path: $r->{status} " . ($r->{error} // ''));
            undef $c;
            next;
        }

        undef $c if ($r->{headers}{connection} // '') eq 'close';
        $count++;
        push @answers, $r->{body} if $count % 40 == 1 && @answers < 5;

        my %now = $look->($r->{body}, $said);
        for (sort keys %now) {
            $said->("$_: $last{$_}, then $now{$_}")
                if defined $last{$_} && $now{$_} < $last{$_};
        }
        %last = (%last, %now);
    }

    return ($count, @answers);
}

sub stores {
    my ($body, $said) = @_;
    my $json = eval { JSON::PP->new->decode($body) }
        or $said->("no JSON: $body"), return;
    my %now;

    for my $s (@{ $json->{stores} }) {
        $said->("$s->{name}: not up, nor checked")
            if !$s->{up} || !defined $s->{checked};
        $said->("$s->{name}: $s->{entries} of $s->{added} - $s->{removed}")
            if $s->{entries} < ($s->{name} eq 'up' ? 2 : 1_000);
        $now{"$s->{name}.$_"} = $s->{$_} for qw(generation added removed);
    }
    $now{$_->{name}} = $_->{decisions}{ok} for @{ $json->{policies} };

    return %now;
}

sub entries {
    my ($body, $said) = @_;
    for ($body =~ /"sha(?:1|256)":"(\w+)"/g) {
        $said->("an entry that there never was: $_") if !$known{$_};
    }

    return ();
}

sub series {
    my ($body, $said) = @_;
    my $m = metrics($body);

    $said->('not the whole text') if $body !~ /omitted_series 0\n\z/;

    return map { $_ => $m->{$_} } grep { /_total\{/ && !/rule_/ } keys %$m;
}

my @watchers;
for ([ '/status', \&stores ], [ '/metrics', \&series ],
     [ '/status?view=certificates&limit=1000', \&entries ])
{
    my $file = $n->path('watcher' . @watchers);
    defined(my $pid = fork) or die "fork: $!\n";

    if (!$pid) {
        hang_up();
        open STDOUT, '>', $file or die "$file: $!\n";
        my ($count, @answers) = watch(@$_);
        print "$_\n" for map { wrong_in($_) }
                         $_->[0] eq '/metrics' ? @answers : ();
        ClientCert::spew("$file.count", $count // 0);
        ClientCert::spew("$file.json", join '', @answers)
            if $_->[0] ne '/metrics';
        POSIX::_exit(0);
    }
    push @watchers, [ $_->[0], $file, $pid ];
}

for my $round (1 .. 12) {
    put($_) for qw(rsa foreign);
    becomes('foreign', 200, "round $round: added");
    $n->write('list', list($round % 2 ? 2_000 : 1_000));
    $n->write('up/bad.pem', 'nothing');
    unlink map { $n->path("up/$_.pem") } qw(rsa foreign bad);
    becomes('foreign', 401, 'removed');

    if ($round % 4 == 1) {
        another_helper('kill');
    } elsif ($round % 2) {
        ok($n->reload(config($round % 4 == 3 ? 'deny cn=nobody;' : '')),
           'other policies');
        hang_up();
    }
}

$n->write('done', '');
waitpid $_->[2], 0 for @watchers;

for (@watchers) {
    my ($path, $file) = @$_;
    my $count = ClientCert::slurp("$file.count");
    cmp_ok($count, '>', 20, "$path: $count answers");
    is(ClientCert::slurp($file), '', 'each is whole, and no count goes back');
}

SKIP: {
    my @wrong = wrong_answers(map { ClientCert::slurp("$_->[1].json") }
                              @watchers);
    skip 'Python has no jsonschema', 1 if @wrong && !defined $wrong[0];
    is_deeply(\@wrong, [], 'as the schema says');
}

hang_up();
is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts(killed => 1) ], [], 'nothing alarming in the log');

done_testing;
