# Covers src/cert/ngx_clientcert_chain*.c, ngx_clientcert_ca.c and
# ngx_clientcert_signer.c: the walk of "deny ca=" through all sorts of chains,
# and what is said without memory.  The tests themselves are in t/unit/chain.c,
# a program that prints TAP; make builds it.

use strict;
use warnings;

use FindBin;

my $build = $ENV{TEST_NGINX_BUILD_DIR} // "$FindBin::Bin/../build";
my $program = "$build/chain_test";

die "no $program, \"make test\" builds it\n" unless -x $program;

exec { $program } $program or die "$program: $!\n";
