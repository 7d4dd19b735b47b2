# Covers the version: the header's is what the module carries for strings(1),
# that of the newest changes, and that of README.  Packages take it from the header, too.

use strict;
use warnings;

use FindBin;
use Test::More tests => 4;

my $root = "$FindBin::Bin/..";
my $module = $ENV{TEST_NGINX_LOAD_MODULES}
             || "$root/build/ngx_http_clientcert_policy_module.so";

sub slurp {
    my $file = shift;
    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/;
    return scalar <$fh>;
}

my $header = slurp("$root/src/http/ngx_http_clientcert.h");
my ($version) = $header =~ /^#define NGX_CLIENTCERT_VERSION +"([^"]+)"$/m;

like($version, qr/^\d+\.\d+\.\d+$/, 'the header has a version');

like(slurp($module),
     qr{ngx_http_clientcert_policy_module/\Q$version\E\0},
     'the module carries it');

my ($newest) = slurp("$root/CHANGELOG.md") =~ /^## (\S+)/m;
is($newest, $version, 'the newest changes are those of it');

like(slurp("$root/README.md"), qr/^Version \Q$version\E,/m, 'README has it');
