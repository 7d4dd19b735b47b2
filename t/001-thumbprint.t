# Covers src/cert/ngx_clientcert_thumbprint.c: what people paste, and the errors
# that name a character, a column or a length.  The tests themselves are in
# t/unit/thumbprint.c, a program that prints TAP; make builds it.

use strict;
use warnings;

use FindBin;

my $build = $ENV{TEST_NGINX_BUILD_DIR} // "$FindBin::Bin/../build";
my $program = "$build/thumbprint_test";

die "no $program, \"make test\" builds it\n" unless -x $program;

exec { $program } $program or die "$program: $!\n";
