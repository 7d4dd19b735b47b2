# Covers a "deny" that can never hold, which is an error of the configuration:
# whoever writes it believes that somebody is shut out.  What only looks like
# it is no error.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;

my $n = nginx(config => '');
my ($one, $two) = ('ab' x 32, 'cd' x 32);
my ($short, $other) = ('ab' x 20, 'cd' x 20);

sub said {
    my ($rules) = @_;
    return $n->test("clientcert_policy p {\nallow verified;\n$rules\n}\n");
}

for my $rule ("deny spki=$one spki=$two;", 'deny serial=1 serial=2;',
              "deny thumbprint=$one thumbprint=$two;",
              "deny thumbprint=$short thumbprint=$other;",
              "deny cn=a spki=$one o=x spki=$two;",
              'deny serial=1 cn=x serial=02;',
              'deny serial=1 serial=-1;',
              'deny extension.1.2.3=a extension.1.2.3=b;') {
    my ($status, $text) = said("\n$rule");
    ok($status, "$rule: refused");

    # two lines of ours stand before it, and those of nginx itself
    my @lines = split /\n/, ClientCert::slurp($n->path('test.conf'));
    my ($line) = grep { $lines[$_ - 1] eq $rule } 1 .. @lines;
    like($text, qr/\[emerg\].*\bin \S+test\.conf:$line$/m,
         "$rule: in which file and line");
    my ($key) = $rule =~ /(spki|serial|thumbprint|extension[.\d]+)=\S+.*\g1=/;
    like($text, qr/\[emerg\].*$key/, "$rule: which of it");
}

# The same twice, in two forms; in two lines; those of which a certificate may
# have several, or of which one may be the other; and what an "allow" says,
# which refuses more than it should and so is only warned of.
for my $rule ("deny spki=$one spki=$one;", 'deny serial=1 serial=01;',
              "deny thumbprint=$short thumbprint=$one;",
              "deny spki=$one;\ndeny spki=$two;",
              "deny serial=1;\ndeny serial=2;",
              'deny cn=a cn=b;', 'deny o=a o=b;',
              'deny subject.CN=a cn=b;', 'deny issuer.CN=a issuer.CN=b;',
              'deny subject.UID=a subject.UID=b;',
              'deny extension.1.2.3=a extension.1.2.3=hex:0c0161;',
              'deny dns=a.test dns=b.test;',
              'deny eku=clientAuth eku=serverAuth;',
              'deny serial=1 serial=$arg_s;',
              "allow spki=$one spki=$two;", 'allow serial=1 serial=2;') {
    my ($status, $text) = said($rule);
    is($status, 0, "$rule: legal") or diag($text);
}

done_testing;
