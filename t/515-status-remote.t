# Covers ngx_http_clientcert_guard_permits(): who isn't local gets the
# status only by a policy that is in force, or by "remote".  In a network of its
# own, which has another address.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;

my $addr = '192.0.2.1';

if (!$ENV{CLIENTCERT_NETWORK}) {
    my $up = "ip link set lo up && ip addr add $addr/32 dev lo";
    plan skip_all => 'no network of its own can be made'
        if system("unshare -n sh -c '$up' 2> /dev/null") != 0;

    $ENV{CLIENTCERT_NETWORK} = 1;
    exec 'unshare', '-n', 'sh', '-c', "$up && exec \"\$@\"", 'sh',
         $^X, map({ "-I$_" } @INC), $0 or die "exec: $!\n";
}

my $n = nginx(config => <<'END')->start;
    clientcert_policy p { allow cn=acme; }
    clientcert_policy trial { dry_run on; allow cn=acme; }

    set_real_ip_from 192.0.2.1;
    real_ip_header X-Real-IP;

    server {
        listen %%PORT_tls%% ssl;
        listen [::]:%%PORT_tls%% ssl ipv6only=on;
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        ssl_verify_client optional_no_ca;
        location = /bare { clientcert_status prometheus; }
        location = /trial {
            clientcert_require trial;
            clientcert_status prometheus;
        }
        location = /remote { clientcert_status prometheus remote; }
        location = /policy {
            clientcert_require p;
            clientcert_status prometheus;
        }
        location = /if {
            clientcert_status prometheus;
            if ($arg_x) { set $y 1; }
        }
        location = /limited {
            clientcert_require p;
            clientcert_status prometheus;
            limit_except POST { clientcert_require off; }
        }
        location = /why {
            clientcert_explain p;
            if ($arg_x) { set $y 1; }
            limit_except POST { clientcert_require p; }
        }
        location = /either {
            clientcert_require p;
            satisfy any;
            allow 192.0.2.1;
            deny all;
            clientcert_status prometheus;
        }
        location = /page { ssi on; ssi_types *; alias %%PREFIX%%/page; }
    }
END

$n->write('page', '<!--#include virtual="/policy"-->');

sub status {
    my ($addr, $cert, $path, %headers) = @_;
    my $c = client(port => $n->port('tls'), addr => $addr, cert => $cert);
    my $r = $c->get($path, headers => \%headers);
    return $r->{status} // $r->{error};
}

is(status('127.0.0.1', undef, '/bare'), 200, 'local');
is(status($addr, undef, '/bare'), 403, 'not local');
is(status($addr, undef, '/bare', 'X-Real-IP' => '127.0.0.1'), 403,
   'not local, whatever realip makes of it');
is(status($addr, 'acme', '/trial'), 403, 'a policy in dry run');
is(status('127.0.0.1', 'acme', '/trial'), 200, 'the same, local');
is(status($addr, undef, '/remote'), 200, 'remote');
is(status($addr, 'acme', '/policy'), 200, 'a policy');
is(status($addr, 'globex', '/policy'), 401, 'whom it refuses');

is(status($addr, 'globex', '/either'), 200, 'whom another module lets in');
is(status('127.0.0.1', 'globex', '/either'), 401, 'or none does');

# blocks inside of a location have a configuration of their own
is(status('127.0.0.1', undef, '/if?x=1'), 200, 'in an "if"');
is(status($addr, undef, '/if?x=1'), 403, 'which permits nothing');
is(status('127.0.0.1', undef, '/limited'), 200, 'in a "limit_except"');
is(status($addr, 'acme', '/limited'), 403, 'which has no policy');
is(status($addr, 'acme', '/why'), 400, 'an explanation');
is(status($addr, 'globex', '/why'), 401, 'and a policy of its own');

my $said = '"clientcert_status" in \S+nginx.conf:\d+ is refused to a client that '
           . 'isn\'t local, as the location has no policy in force and the '
           . 'directive no "remote", client: 192\.0\.2\.1';
like($n->error_log, qr/$said/, 'the log says why');

my $page = client(port => $n->port('tls'), addr => $addr)->get('/page');
unlike($page->{body}, qr/nginx_clientcert/, 'not by a subrequest either');

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
