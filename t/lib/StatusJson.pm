package StatusJson;

# What "clientcert_status json" answers, checked by docs/status.schema.json.
#
#   my $json = status_json($client, '/status?view=rules');   # decoded
#   my @wrong = wrong_answers();    # of all answers since the last call; undef
#                                   # without Python's jsonschema
#   wrong_answers(@answers)         # the same of these, which are JSON

use strict;
use warnings;

use Exporter 'import';
use File::Basename 'dirname';
use File::Temp ();
use JSON::PP ();

our @EXPORT = qw(status_json wrong_answers);

my $lib = dirname(__FILE__);
my @answers;

sub status_json {
    my ($client, $path) = @_;
    my $r = $client->get($path);
    die "$path: ", $r->{error}, "\n" unless defined $r->{status};
    die "$path: $r->{status} of type $r->{headers}{'content-type'}\n"
        if $r->{headers}{'content-type'} ne 'application/json';
    push @answers, $r->{body};
    return JSON::PP->new->decode($r->{body});
}

# Debian's, if another one is before it in the path
sub python {
    for my $python ('python3', '/usr/bin/python3') {
        return $python
            if system("$python -c 'import jsonschema' 2> /dev/null") == 0;
    }
    return;
}

sub wrong_answers {
    my $python = python() // return undef;
    my $file = File::Temp->new;
    print $file @_ ? @_ : splice @answers;
    close $file;
    my @said = `$python $lib/schema.py $lib/../../docs/status.schema.json < $file 2>&1`;
    return $? && !@said ? "schema.py failed\n" : @said;
}

1;
