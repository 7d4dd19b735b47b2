# Covers src/store/ngx_clientcert_store.c and ngx_clientcert_index.c: look-ups
# without a lock beside a writer that is killed time and again.  The tests
# themselves are in t/unit/store.c, a program that prints TAP; make builds it.

use strict;
use warnings;

use FindBin;

my $build = $ENV{TEST_NGINX_BUILD_DIR} // "$FindBin::Bin/../build";
my $program = "$build/store_test";

die "no $program, \"make test\" builds it\n" unless -x $program;

exec { $program } $program or die "$program: $!\n";
