# Prints a page of docs/ as a shell script that does what its reader does, from
# top to bottom:
#
#   a block of nginx with "# /a/file" as its first line is written there,
#   a block of sh is run, but for one with apt-get.  "curl ...    # 401" is to
#   be answered so, and what "grep" looks for is to come.
#
# The script wants the functions of lib.sh.

use strict;
use warnings;

local $/;
my $page = <>;

print "set -eu\n";

while ($page =~ /^(\ *)```(nginx|sh)\n(.*?)^\ *```/gsmx) {
    my ($indent, $kind, $block) = ($1, $2, $3);
    $block =~ s/^$indent//gm;

    if ($kind eq 'nginx') {
        my ($file) = $block =~ m{\A# (/\S+)\n} or next;
        print "cat > $file << 'END of file'\n${block}END of file\n";
        next;
    }

    next if $block =~ /apt-get/;

    $block =~ s/\\\n\s*//g;
    $block =~ s{^((curl.*?)\s+\# (\d{3})\b.*)$}
               {"until_true answers $3 $2 || fail " . quoted($1)}gme;
    $block =~ s{^(grep\b.*)$}{"until_true $1 || fail " . quoted($1)}gme;
    $block =~ s/^nginx -t && \Kservice nginx reload$/reload/gm;
    print $block;
}

sub quoted { return "'" . $_[0] =~ s/'/'\\''/gr . "'" }
