package Metrics;

# Reads Prometheus' text format, version 0.0.4, as strictly as its scrapers and
# "promtool check metrics" do together.
#
#   my $m = metrics($text);      # { 'name{label="value",...}' => number }
#   my @wrong = wrong_in($text); # lines that say what is wrong, none if all is
#                                # well; promtool is asked, too, where it is
#   value($m, 'decisions_total', policy => 'p', reason => 'ok')

use strict;
use warnings;

use Exporter 'import';
use File::Temp ();

our @EXPORT = qw(metrics wrong_in value);

my $name = qr/[a-zA-Z_:][a-zA-Z0-9_:]*/;
my $label = qr/[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"/;
my $number = qr/[-+]?(?:\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|Inf)|NaN/;
my $sample = qr/^($name)(?:\{($label(?:,$label)*)?\})? ($number)$/;

sub metrics {
    my %series;
    for (split /\n/, shift) {
        next if /^#/;
        my ($what, $value) = /^(.*) (\S+)$/ or next;
        $series{$what} = $value;
    }
    return \%series;
}

sub value {
    my ($m, $family, @labels) = @_;
    my @pairs;
    while (my ($key, $value) = splice @labels, 0, 2) {
        push @pairs, "$key=\"$value\"";
    }
    my $labels = @pairs ? '{' . join(',', @pairs) . '}' : '';
    return $m->{"nginx_clientcert_$family$labels"};
}

sub wrong_in {
    my $text = shift;
    my (@wrong, %help, %type, %done, %seen, $family);
    my $n = 0;

    push @wrong, 'no newline at the end' if $text !~ /\n\z/;

    for (split /\n/, $text) {
        my $at = 'line ' . ++$n . " \"$_\"";

        push @wrong, "$at: not printable ASCII" if /[^ -~]/;

        if (/^# (HELP|TYPE) ($name) (\S.*)$/) {
            my ($kind, $of, $what) = ($1, $2, $3);

            if ($kind eq 'HELP') {
                push @wrong, "$at: a second time" if $help{$of}++;
                push @wrong, "$at: no full stop" if $what !~ /\.$/;
                $done{$family} = 1 if defined $family;
                $family = $of;
            } else {
                push @wrong, "$at: a second time" if exists $type{$of};
                push @wrong, "$at: not after its HELP" if $of ne $family;
                $type{$of} = $what;
                push @wrong, "$at: name without the ending of a counter"
                    if ($what eq 'counter') != ($of =~ /_total$/);
                push @wrong, "$at: unknown type"
                    if $what !~ /^(?:counter|gauge)$/;
            }

            push @wrong, "$at: family is not of one piece" if $done{$of};
            next;
        }

        if ($_ !~ $sample) {
            push @wrong, "$at: no sample";
            next;
        }

        my ($of, $labels, $value) = ($1, $2 // '', $3);

        push @wrong, "$at: not in its family"
            if !defined $family || $of ne $family || !defined $type{$of};
        push @wrong, "$at: a second time" if $seen{"$of $labels"}++;
        push @wrong, "$at: negative counter"
            if ($type{$of} // '') eq 'counter' && $value < 0;
    }

    return (@wrong, promtool($text));
}

sub promtool {
    my $text = shift;
    return if system('command -v promtool > /dev/null') != 0;

    my $file = File::Temp->new;
    print $file $text;
    close $file;
    my $said = `promtool check metrics < $file 2>&1`;
    return $? == 0 && $said eq '' ? () : "promtool: $said";
}

1;
