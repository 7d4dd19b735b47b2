# Covers the language as a whole: random policies over random certificates must
# get the verdict of a plain and slow model, which knows what the certificates
# were made of and nothing of the code.  What clientcert_explain says must be
# what requests get: of a quarter of the cases, chosen by the seed.
# CLIENTCERT_SEED repeats a run.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use ClientCert;
use DerCert;
use Encode 'encode';
use JSON::PP 'decode_json';
use MIME::Base64 'encode_base64';

my $seed = $ENV{CLIENTCERT_SEED} // int rand 2**31;
srand $seed;
note("CLIENTCERT_SEED=$seed");

my ($certs, $policies) = (40, 60);

# what makes a name of a type unreadable
my %bad = (cn => "a\0", o => "Example\n", ou => "one\x7f", dc => "\t",
           serialnumber => "\0", dns => "x.test\0", uri => "urn:\x80",
           email => "joe\0\@example.com", ip => 'fives',
           upn => "joe\n\@example.com", role => "a\0");

# attributes in the order of a subject
my @attributes = qw(dc o ou serialnumber cn);
my %attribute = (serialnumber => 'serialNumber',
                 map { $_ => uc } qw(cn o ou dc));

sub one { $_[int rand @_] }
sub some { my $n = shift; return map { one(@_) } 1 .. int rand $n + 1 }

my @cns = ('a', 'B', 'b', 'a b', 'c', 'D\\42', 'DB');
my @os = ('Example', 'example', 'Other', 'O,CN=a');
my @ous = ('one', 'two', 'three', 'One  and two', ' one and TWO');
my @dcs = ('test', 'Test', 'example');
my @numbers = ('07', '8 9', 'AB1');
my @hosts = ('x.test', 'y.test', 'a.x.test', '*.x.test', 'X.TEST.');
my @uris = ('spiffe://e/p/a', 'spiffe://e/p/../a', 'spiffe://e/pp/a',
            'urn:x:y', 'spiffe://e/p/a/b');
my @emails = ('joe@example.com', 'joe@EXAMPLE.com', 'Joe@example.com',
              '"a@com"@b.example.com', 'example.com');
my @upns = ('joe@corp.test', 'JOE@corp.test', 'jane@corp.test.', 'joe@x.test');
my @roles = ('a', 'A', 'role b', ' a');
my @ips = map { pack 'H*', $_ } '0a000001', '0a000002', '0b000001',
          '00' x 10 . 'ffff0a000001', '20010db8' . '00' x 11 . '01',
          '20010db9' . '00' x 11 . '01';
my @serials = ('01', '0203', '7f');
my %bits = (acme => [ ec => 256 ], globex => [ ec => 256 ],
            p384 => [ ec => 384 ], rsa => [ rsa => 2048 ], ed => [ ed => 0 ]);
my @keys = sort keys %bits;
my @cas = ('ca-a', 'ca-a', 'ca-b', 'self');
my @days = (1, 30, 400);
my %purposes = (client => '1.3.6.1.5.5.7.3.2', server => '1.3.6.1.5.5.7.3.1');
my @uses = ('1.3.6.1.5.5.7.3.4', '1.3.6.1.5.5.7.3.3');

# as one of the types of string that a name can be made of
sub text {
    my $text = shift;
    my $tag = one(12, 19, 22, 28, 30);
    return (encode($tag == 28 ? 'UTF-32BE' : $tag == 30 ? 'UTF-16BE' : 'UTF-8',
                   $text), $tag);
}

for ([ p384 => qw(EC -pkeyopt ec_paramgen_curve:P-384) ],
     [ ed => 'ED25519' ])
{
    my ($name, @how) = @$_;
    my $file = ClientCert::own_cert_dir() . "/$name.key";
    system(qw(openssl genpkey -out), $file, '-algorithm', @how) == 0
        or die "openssl genpkey failed\n";
}

# What the client has, from which DER is made.
my @certs = map {
    my %c = (
        name => "random$_", ca => one(@cas), key => one(@keys, @keys[0, 1]),
        serial => one(@serials),
        cn => [ rand() < 0.7 ? one(@cns) : some(2, @cns) ],
        o => [ some(2, @os) ], ou => [ some(2, @ous) ],
        dc => [ some(3, @dcs) ], serialnumber => [ some(2, @numbers) ],
        dns => [ some(2, @hosts) ], uri => [ some(2, @uris) ],
        email => [ some(2, @emails) ], upn => [ some(2, @upns) ],
        role => [ some(1, @roles) ], ip => [ some(2, @ips) ],
        use => [ some(1, @uses) ], purpose => one(('client') x 4, 'server'),
        port => one(('tls') x 4, 'bare'), days => one(@days),
        bad => { map { $_ => rand() < 0.03 } sort keys %bad },
    );
    $c{bad}{subject} = grep { $c{bad}{$_} } @attributes;
    $c{bad}{issuer} = $c{bad}{subject} && $c{ca} eq 'self';
    # it signs by ECDSA
    $c{key} = one('acme', 'p384') if $c{ca} eq 'self';
    my $names = sub {
        my $type = shift;
        return (@{ $c{$type} }, $c{bad}{$type} ? $bad{$type} : ());
    };
    my $begin = time - 60;
    $c{extensions} = [ map { der((text($_))[1, 0]) } $names->('role') ];
    der_cert(%c, ext => [ map { [ '1.2.3.4', 0, $_ ] } @{ $c{extensions} } ],
             not_before => $begin,
             not_after => $begin + 86400 * $c{days},
             eku => [ $purposes{$c{purpose}}, @{ $c{use} } ],
             subject => [ map {
                 my $type = $_;
                 map { [ $attribute{$type} => text($_) ] } $names->($type);
             } @attributes ],
             san => [ map { @$_ } sort { rand() <=> 0.5 } map {
                 my $type = $_;
                 map { [ $type => $_ ] } $names->($type);
             } qw(dns uri email ip upn) ]);
    \%c;
} 1 .. $certs;

sub fold {
    my $text = lc shift;
    return $text =~ s/^ +| +$//gr =~ s/ +/ /gr;
}

sub host { lc(shift) =~ s/\.$//r }

sub plain { $_[0] !~ m{/\.\.?(/|$)|//|[?#\\]|%(?:2e|2f|5c)}i }

# The parts of a subject, the most specific one first.
sub parts {
    my $c = shift;
    return map {
        my $type = $_;
        map { "$attribute{$type}=" . fold($_) =~ s/,/\\,/r }
            reverse @{ $c->{$type} };
    } reverse @attributes;
}

sub subject { join ',', parts(shift) }

sub has {
    my ($c, $type, $test) = @_;
    return scalar grep { $test->($_) } @{ $c->{$type} };
}

# What the issuer of a certificate has of a type, and whether that can be read.
sub issued {
    my ($c, $type) = @_;
    return { $type => $c->{$type}, bad => { $type => $c->{bad}{$type} } }
        if $c->{ca} eq 'self';
    return { $type => { cn => [ $c->{ca} ], o => [ 'Example' ] }->{$type} // [],
             bad => { $type => 0 } };
}

# the only one there is, as the CN of an allow has to be
sub single { my ($c, $type) = @_; @{ $c->{$type} } + $c->{bad}{$type} == 1 }

# what IP addresses and blocks of them are compared by
sub bits {
    my $bytes = shift;
    $bytes =~ s/\A\0{10}\xff\xff(?=....\z)//s;
    return unpack 'B*', $bytes;
}

# a name of DNS that a variable doesn't make one
sub illegible {
    my ($text, $variable) = @_;
    return $text =~ /^dns=.*\$/ && $variable !~ /^[a-z0-9-]+$/i;
}

# what is unreadable may be anything for a deny
sub unknown {
    my ($c, $text, $variable) = @_;
    my ($dn, $type) = $text =~ /^"?(?:(subject|issuer)\.)?([\w.]+)=/i
        or return 0;
    return 0 if $text =~ /=\$/ && $variable eq '';
    return 1 if illegible($text, $variable);
    $type = lc $type;
    return @{ $c->{extensions} } > 1 if $text =~ /^"?extension.*=hex:/;
    return $c->{bad}{role} if $text =~ /^"?extension/;
    return ($dn // '') eq 'issuer' ? issued($c, $type)->{bad}{$type}
                                   : $c->{bad}{$type};
}

# Each makes a value, and tells whether it holds for a certificate.
my %conditions = (
    cn => sub {
        my $v = one(@cns);
        return ("\"cn=$v\"", sub {
            my ($c, $deny) = @_;
            return ($deny || single($c, 'cn'))
                && has($c, 'cn', sub { fold($_[0]) eq fold($v) });
        });
    },
    cn_regex => sub {
        my $v = one('^a', 'b', '^c$');
        return ("cn=~$v", sub {
            my ($c, $deny) = @_;
            return ($deny || single($c, 'cn'))
                && has($c, 'cn', sub { $_[0] =~ /$v/ });
        });
    },
    cn_variable => sub {
        return ('cn=$arg_cn', sub {
            my ($c, $deny, $variable) = @_;
            return $variable ne '' && ($deny || single($c, 'cn'))
                && has($c, 'cn', sub { fold($_[0]) eq fold($variable) });
        });
    },
    o => sub {
        my $v = one(@os);
        return ("o=$v", sub {
            has($_[0], 'o', sub { fold($_[0]) eq fold($v) });
        });
    },
    ou => sub {
        my $v = one(@ous[0 .. 2]);
        return ("ou=~*^\U$v", sub {
            has($_[0], 'ou', sub { $_[0] =~ /^$v/i });
        });
    },
    ou_constant => sub {
        my $v = one(@ous);
        return ("\"ou=$v\"", sub {
            has($_[0], 'ou', sub { fold($_[0]) eq fold($v) });
        });
    },
    attribute => sub {
        my ($type, $v) = @{ one((map { [ dc => $_ ] } @dcs),
                                (map { [ serialnumber => $_ ] } @numbers),
                                [ cn => one(@cns) ], [ o => one(@os) ]) };
        my $name = one($attribute{$type}, $type, "\U$type");
        my $dn = one('subject', 'subject', 'issuer');
        return ("\"$dn.$name=$v\"", sub {
            my ($c, $deny) = @_;
            $c = issued($c, $type) if $dn eq 'issuer';
            return ($deny || $type ne 'cn' || single($c, 'cn'))
                && has($c, $type, sub { fold($_[0]) eq fold($v) });
        });
    },
    attribute_regex => sub {
        my ($type, $v) = @{ one([ dc => '^t' ], [ serialnumber => '\d{2}' ]) };
        return ("\"subject.$type=~$v\"", sub {
            has($_[0], $type, sub { $_[0] =~ /$v/ });
        });
    },
    attribute_variable => sub {
        return ('issuer.CN=$arg_cn', sub {
            my ($c, $deny, $variable) = @_;
            $c = issued($c, 'cn');
            return $variable ne '' && ($deny || single($c, 'cn'))
                && has($c, 'cn', sub { fold($_[0]) eq fold($variable) });
        });
    },
    email => sub {
        my $v = one(@emails[0 .. 2]);
        my $host = sub { $_[0] =~ s/(\@.*)/\L$1/r };
        return ("email=$v", sub {
            has($_[0], 'email', sub { $host->($_[0]) eq $host->($v) });
        });
    },
    email_host => sub {
        my $v = one('example.com', 'EXAMPLE.com.', 'com', 'b.example.com');
        return ("email=*\@$v", sub {
            has($_[0], 'email', sub { $_[0] =~ /.*\@(.*)/s && host($1) eq host($v) });
        });
    },
    extension => sub {
        my $v = one(@roles);
        return ("\"extension.1.2.3.4=$v\"", sub {
            my $c = shift;
            return !$c->{bad}{role} && has($c, 'role', sub { $_[0] eq $v });
        });
    },
    extension_hex => sub {
        my ($v) = map { @{ $_->{extensions} } } one(@certs) or return;
        return ('extension.1.2.3.4=hex:' . unpack('H*', $v), sub {
            my $c = shift;
            return @{ $c->{extensions} } == 1 && $c->{extensions}[0] eq $v;
        });
    },
    upn => sub {
        my $v = one(@upns, '*@corp.test', '*@Corp.test.');
        return ("upn=$v", sub {
            has($_[0], 'upn', sub {
                my $upn = host(shift);
                $upn =~ s/^.*@/*@/ if $v =~ /^\*/;
                return $upn eq host($v);
            });
        });
    },
    ip => sub {
        my ($v, $hex, $len) = @{ one(
            [ '10.0.0.1', '0a000001', 32 ], [ '11.0.0.1', '0b000001', 32 ],
            [ '::ffff:10.0.0.2', '0a000002', 32 ], [ '10.0.0.0/8', '0a', 8 ],
            [ '::ffff:10.0.0.0/104', '0a', 8 ],
            [ '2001:db8::1', '20010db8' . '00' x 11 . '01', 128 ],
            [ '2001:db8::/32', '20010db8', 32, 128 ],
            [ '2001:db8::/31', '20010db8', 31, 128 ]) };
        my $all = $v =~ /^2001/ ? 128 : 32;
        return ("ip=$v", sub {
            has($_[0], 'ip', sub {
                my $bits = bits(shift);
                return length $bits == $all && substr($bits, 0, $len)
                       eq substr(unpack('B*', pack 'H*', $hex), 0, $len);
            });
        });
    },
    dns_variable => sub {
        return ('dns=*.$arg_cn.test', sub {
            my ($c, $deny, $variable) = @_;
            return has($c, 'dns', sub {
                host(shift) =~ /^[^.]+\.\Q$variable\E\.test$/i;
            });
        });
    },
    dns => sub {
        my $v = one('x.test', 'Y.test.', 'a.x.test', '*.test', '*.x.test');
        my ($label, $rest) = host($v) =~ /^(\*)\.(.*)/;
        return ("dns=$v", sub {
            has($_[0], 'dns', sub {
                my $host = host(shift);
                return $host eq host($v) unless $label;
                return $host =~ /^[^.]+\.\Q$rest\E$/;
            });
        });
    },
    uri => sub {
        my $v = one(@uris[0, 3], 'spiffe://e/p/*', 'urn:*', 'spiffe://e/*');
        $v = 'spiffe://e/*' if $v eq 'urn:*';
        my ($prefix) = $v =~ /^(.*\/)\*$/;
        return ("uri=$v", sub {
            my ($c, $deny) = @_;
            return if $v =~ /^spiffe:/ && !$deny && !single($c, 'uri');
            has($c, 'uri', sub {
                my $uri = shift;
                return $uri eq $v unless $prefix;
                return index($uri, $prefix) == 0 if $deny;
                return index($uri, $prefix) == 0 && $uri ne $prefix
                    && plain(substr($uri, 10)) && $uri !~ m{/$};
            });
        });
    },
    serial => sub {
        my $v = one(@serials);
        my $both = sprintf '%d (0x%x)', hex $v, hex $v;
        return ('"serial=' . one($v, "00:$v", "0x$v", $both) . '"',
                sub { $_[0]{serial} eq $v });
    },
    spki => sub {
        my $v = one(@keys);
        my $base64 = encode_base64(spki_sha256($v), '');
        return ('spki=' . one(unpack('H*', spki_sha256($v)), "sha256//$base64"),
                sub { $_[0]{key} eq $v }, 1);
    },
    thumbprint => sub {
        my $v = one(@certs)->{name};
        return ('thumbprint=' . one(sha1($v), sha256($v), x5t($v)),
                sub { $_[0]{name} eq $v }, 1);
    },
    subject => sub {
        my $c = one(grep { !$_->{bad}{subject} } @certs);
        my @parts = parts($c) or return;
        my $one = one(0, 1);
        my $v = join ',', one(0, 1) && !$one ? reverse @parts : @parts;
        # a backslash as Windows prints it may be an escape as well
        my $plain = one(0, 1);
        my @wanted = map { fold($_) }
            $plain ? ($v =~ s/\\42/B/gr, $one ? () : $v) : $v;
        my $text = ($one ? 'rfc4514:' : '')
            . ($plain ? $v =~ s/=(\w+)\\,([^,]*)/="$1,$2"/gr
                      : $v =~ s/\\(?!,)/\\\\/gr);
        return ('"subject=' . $text =~ s/([\\"])/\\$1/gr . '"', sub {
            my $other = shift;
            my @other = parts($other);
            return if $other->{bad}{subject};
            return grep {
                my $name = fold(join ',', @$_);
                grep { $_ eq $name } @wanted;
            } [ @other ], $one ? () : [ reverse @other ];
        });
    },
    issuer => sub {
        my $v = one('ca-a', 'ca-b');
        return ("issuer=CN=$v,O=Example", sub { $_[0]{ca} eq $v });
    },
    eku => sub {
        my $v = one(@uses);
        return ("eku=$v", sub { has($_[0], 'use', sub { $_[0] eq $v }) });
    },
    ca => sub {
        my $v = one('ca-a', 'ca-b');
        return ("ca=%%CERTS%%/$v.crt", sub { $_[0]{ca} eq $v }, 1);
    },
    verified => sub { ('verified', \&verified, 0, 1) },
);

my @policies = map {
    my $number = $_;
    my %policy = (name => "p$number", rules => [],
                  trust => one('pin', 'pin', 'chain'),
                  purpose => one('client', 'any'),
                  days => one((0) x 6, @days),
                  bits => { map { @$_ } some(one(0, 0, 2),
                      [ ec => one(256, 257, 521) ],
                      [ rsa => one(2048, 2049) ]) });
    my %seen;

    for my $i (0 .. int rand 5) {
        my @parts;
        for (0 .. int rand 3) {
            my @part = $conditions{ one(sort keys %conditions) }->();
            push @parts, \@part if @part;
        }
        next if !@parts;
        my $deny = rand() < 0.25;
        # two of what a certificate has once never match
        my %once;
        @parts = grep {
            $_->[0] !~ /^"?(thumbprint|spki|serial|subject|issuer|cn
                            |extension[.\d]+
                            |subject\.cn|issuer\.cn)=/ix
                || !$once{ lc($1) =~ s{^subject\.}{}r }++
        } @parts;
        my $text = join ' ', sort map { $_->[0] } @parts;
        push @{ $policy{rules} }, {
            deny => $deny, text => $text, label => "l$i", parts => \@parts,
            varies => scalar(grep { $_->[0] =~ /\$arg/ } @parts),
            pinned => scalar(grep { $_->[2] } @parts),
            verified => scalar(grep { $_->[3] } @parts),
        };
    }
    \%policy;
} 1 .. $policies;

# one server knows ca-a, the other none
sub verified { $_[0]{port} eq 'tls' && $_[0]{ca} eq 'ca-a' }

# nginx refuses a wrong purpose where OpenSSL finds nothing wrong after it
sub refused {
    my $c = shift;
    return $c->{purpose} eq 'server' && (verified($c) || $c->{ca} eq 'self');
}

# Whether a part of a rule holds, or the whole rule.  Without a variable, as
# explain has it, what wants one is taken to hold.
sub held {
    my ($part, $deny, $c, $variable, $verified) = @_;
    return $verified if $part->[3];
    return 1 if !defined $variable && $part->[0] =~ /\$arg/;
    return $part->[1]->($c, $deny, $variable)
        || $deny && unknown($c, $part->[0], $variable);
}

sub holds {
    my ($rule, $c, $variable, $verified) = @_;
    return 0 if grep { !held($_, $rule->{deny}, $c, $variable, $verified) }
                     @{ $rule->{parts} };
    return $rule->{deny} || $rule->{pinned} || $verified;
}

# "result:reason:label", as the header has it; without a variable, what the
# rules that want none say
sub model {
    my ($policy, $c, $variable, $verified) = @_;
    my @rules = grep { defined $variable || !$_->{varies} }
                     @{ $policy->{rules} };

    for my $rule (grep { $_->{deny} } @rules) {
        return 'deny:denied:' if holds($rule, $c, $variable, $verified);
    }

    return 'deny:wrong_purpose:'
        if $policy->{purpose} eq 'client' && $c->{purpose} eq 'server';
    return 'deny:lifetime:'
        if $policy->{days} && $c->{days} > $policy->{days};
    my ($algorithm, $bits) = @{ $bits{ $c->{key} } };
    return 'deny:weak_key:' if $bits < ($policy->{bits}{$algorithm} // 0);
    return 'deny:untrusted:' if $policy->{trust} eq 'chain' && !$verified;

    for my $rule (grep { !$_->{deny} } @rules) {
        return "allow:ok:$rule->{label}"
            if holds($rule, $c, $variable, $verified);
    }

    # lines that need a chain aren't asked without one, and those with a "ca"
    # may have lacked no more than that
    my $chainless = sub {
        my ($rule) = @_;
        return 1
            if !$verified && (!$rule->{pinned} || $rule->{verified});
        return 0 if $rule->{varies} && !defined $variable;
        my ($ca, @other) = (0);
        for my $part (@{ $rule->{parts} }) {
            next if $part->[3] || $part->[0] =~ /^"?[\w.]+=~/;
            my $held = $part->[1]->($c, 0, $variable);
            $part->[0] =~ /^ca=/ ? ($ca ||= !$held) : push @other, $held;
        }
        return $ca && !grep { !$_ } @other;
    };

    return (grep { !$_->{deny} && $chainless->($_) } @{ $policy->{rules} })
           ? 'deny:untrusted:' : 'deny:no_match:';
}

# Whether some value of its variables could make an "allow", or a "deny", hold.
sub could {
    my ($policy, $c, $verified, $deny) = @_;
    return scalar grep {
        $_->{varies} && !($deny xor $_->{deny})
            && holds($_, $c, undef, $verified)
    } @{ $policy->{rules} };
}

# what explain says: "decision:reason:label"
sub explained {
    my ($policy, $c, $verified) = @_;
    my $said = model($policy, $c, undef, $verified);
    my $depends
        = $said =~ /^allow/ ? could($policy, $c, $verified, 1)
        : $said =~ /:(?:no_match|untrusted):/
            && ($policy->{trust} eq 'pin' || $verified)
                            ? could($policy, $c, $verified, 0) : 0;
    return $depends ? $said =~ s/^[^:]+/depends/r : $said;
}

# All issuers are in hand, so that a "deny ca=" knows where each chain leads.
my $blocks = 'clientcert_policy issuers { '
           . join('', map { "allow ca=%%CERTS%%/$_.crt; " } 'ca-a', 'ca-b')
           . "}\n";
my $locations = '';

for my $policy (@policies) {
    $blocks .= "clientcert_policy $policy->{name} {\n"
             . "    trust $policy->{trust};\n"
             . "    purpose $policy->{purpose};\n"
             . ($policy->{days} ? "    max_lifetime $policy->{days}d;\n" : '');
    my %bits = %{ $policy->{bits} };
    $blocks .= join ' ', '    min_key', (map { "$_=$bits{$_}" } sort keys %bits),
                         ";\n" if %bits;
    for my $rule (@{ $policy->{rules} }) {
        $blocks .= $rule->{deny}
            ? "    deny $rule->{text};\n"
            : "    allow $rule->{text} label=$rule->{label};\n";
    }
    $blocks .= "}\n";
    $locations .= "location = /$policy->{name} { "
                . "clientcert_require $policy->{name}; empty_gif; }\n";
}

# A variable may name another "allow", or another reason for the same decision:
# one more "deny", or an "allow" that lacks no more than the chain of its "ca".
sub agrees {
    my ($said, $got, $policy, $c) = @_;
    my $verified = verified($c);
    return $said eq $got
        || $said =~ /^allow/ && $got =~ /^allow:ok:/
            && could($policy, $c, $verified, 0)
        || $said =~ /^deny/ && $got eq 'deny:denied:'
            && could($policy, $c, $verified, 1)
        || $said eq 'deny:no_match:' && $got eq 'deny:untrusted:'
            && grep { $_->{varies} && $_->{text} =~ /(?:^| )ca=/ }
                    @{ $policy->{rules} };
}

my $server_block = <<'END';
        ssl_certificate %%CERTS%%/server.crt;
        ssl_certificate_key %%CERTS%%/server.key;
        ssl_verify_client optional_no_ca;
        keepalive_requests 10000;
        add_header X-Verdict
         "$clientcert_result:$clientcert_reason:$clientcert_label" always;
END

my $n = nginx(config => <<"END")->start;
    $blocks
    server {
        listen 127.0.0.1:%%PORT_tls%% ssl;
        ssl_client_certificate %%CERTS%%/ca-a.crt;
        $server_block
        $locations
        location = /explain { clientcert_explain; }
    }
    server {
        listen 127.0.0.1:%%PORT_bare%% ssl;
        $server_block
        $locations
    }
END

my ($checked, $compared, $lines, %verdicts) = (0, 0, 0);
my $asking = client(port => $n->port('tls'));

# What explain says as for an unverified chain, and for a verified one.  JSON is
# slow to decode: of one answer in five each line is looked at.
sub asked {
    my ($c, $policy) = @_;
    my $r = $asking->get("/explain?policy=$policy->{name}", method => 'POST',
        body => ClientCert::slurp(cert_file($c->{name}, 'crt')));
    my @said;
    push @said, "$1:$2:$3" while $r->{body} =~ /"decision":"(\w+)",
        "reason":"(\w+)","detail":"(?:[^"\\]|\\.)*","label":"(\w*)"/gx;
    return ($r->{error} // "$r->{status} $r->{body}") x 2 if @said != 2;

    my @wrong = rand() < 0.2 ? lines($c, $policy, $r->{body}) : ();
    return @said, map { "$policy->{name}, explained: $_" } @wrong;
}

# as it is in nginx.conf, read by nginx and escaped for a page
sub shown {
    my %escaped = ('"' => '', '\\"' => '\\x22');
    return $_[0] =~ s{(\\?["\\])}{ $escaped{$1} // '\\x5C' }ger;
}

sub lines {
    my ($c, $policy, $body) = @_;
    # it is refused before a line is asked, and would fail a "ca" as well
    return if $policy->{purpose} eq 'client' && $c->{purpose} eq 'server';

    my $dir = cert_dir();
    my @items = @{ decode_json($body =~ s/\Q$dir\E/%%CERTS%%/gr)
                   ->{lines}{items} };
    my %rule = map { ($_->{deny} ? 'deny ' : 'allow ') . shown($_->{text})
                     => $_ } @{ $policy->{rules} };
    my @wrong;
    $lines += @items;

    for my $item (@items) {
        my $text = $item->{text} =~ s/"| label=.*//gr;
        my $rule = $rule{$text} or push(@wrong, "what is $text"), next;
        push @wrong, "$text: " . ($item->{holds} // 'null')
            if !right($item->{holds}, $rule, $rule->{varies},
                      scalar holds($rule, $c, undef, 0));

        my %part = map { shown($_->[0]) => $_ } @{ $rule->{parts} };
        for my $cond (@{ $item->{conditions} }) {
            next if $cond->{text} eq 'verified' && !$cond->{holds};
            my $part = $part{ $cond->{text} }
                or push(@wrong, "$text: what is $cond->{text}"), next;
            push @wrong, "$text: $cond->{text} " . ($cond->{holds} // 'null')
                if !right($cond->{holds}, $rule,
                          scalar($part->[0] =~ /\$arg/),
                          scalar held($part, $rule->{deny}, $c, undef, 0));
        }
    }

    # those that another one makes superfluous aren't there
    return @wrong;
}

# yes, no, or null: unknown
sub right {
    my ($said, $rule, $varies, $wanted) = @_;
    return !defined $said if $varies && $wanted;
    return !($said // $rule->{deny}) eq !$wanted;
}

for my $c (@certs) {
    my $client = client(cert => $c->{name}, port => $n->port($c->{port}));
    my (@wrong, %said);

    # every fourth, or else the test took twice its time
    for my $policy (grep { rand() < 0.25 } @policies) {
        my @said = asked($c, $policy);
        push @wrong, splice @said, 2;
        my @wanted = map { explained($policy, $c, $_) } 0, 1;
        $said{ $policy->{name} } = $said[ verified($c) ? 1 : 0 ];
        push @wrong, map {
            $said[$_] eq $wanted[$_] ? () : "$policy->{name}, "
                . ($_ ? 'verified' : 'unverified')
                . ": explain says $said[$_], wanted $wanted[$_]"
        } 0, 1;
    }

    if (refused($c)) {
        is(join("\n", @wrong), '', "$c->{name}, explained")
            or diag("CLIENTCERT_SEED=$seed");
        is($client->get('/p1')->{status}, 400, "$c->{name}, by nginx");
        next;
    }

    # twice: what is remembered must be what was decided
    for my $variable ('', map { one(@cns) } 1 .. 2) {
        my $escaped = $variable =~ s/ /%20/r;

        for my $policy (@policies) {
            my $r = $client->get("/$policy->{name}?cn=$escaped");
            my $got = $r->{headers}{'x-verdict'} // $r->{error};
            my $wanted = model($policy, $c, $escaped, verified($c));
            my $said = $said{ $policy->{name} };
            $checked++;
            $verdicts{$wanted =~ s/:[^:]*$//r}++;
            push @wrong, "$policy->{name} with \"$variable\": got $got, "
                       . "wanted $wanted" if $got ne $wanted;
            next if !defined $said || $said =~ /^depends/;
            $compared++;
            push @wrong, "$policy->{name} with \"$variable\": got $got, "
                       . "but explain says $said"
                if !agrees($said, $got, $policy, $c);
        }
    }

    is(join("\n", @wrong), '', "$c->{name}, " . (subject($c) || 'no subject')
       . ", under $c->{ca}") or diag("CLIENTCERT_SEED=$seed");
}

note("$compared verdicts as they were explained, $lines of the lines");
note("$checked verdicts: ",
     join ', ', map { "$_ $verdicts{$_}" } sort keys %verdicts);
diag($blocks) if !Test::More->builder->is_passing;
cmp_ok(scalar(keys %verdicts), '>=', 4, 'all kinds of verdicts');

is($n->stop, 0, 'nginx ended well');
is_deeply([ $n->alerts ], [], 'nothing alarming in the log');

done_testing;
