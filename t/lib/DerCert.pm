package DerCert;

# Makes certificates byte by byte, for those that openssl(1) refuses to make.
#
#   der_cert(name => 'nul', subject => [ [ CN => "admin\0.evil" ] ],
#            san => [ dns => "a.test", uri => 'spiffe://a/b', ip => $bytes ]);
#
#     ca         who signs, 'ca-a' unless given; 'self'
#     key        whose key it has, 'acme' unless given
#     subject    a list of attributes, each [ type, value, string type ], and
#                several of them in one RDN as [ [ ... ], [ ... ] ]; the string
#                type is a tag, 12 (UTF8String) unless given
#     san        pairs of type and bytes; 'upn' is the otherName of a
#                userPrincipalName, UTF-8 or another DER value in [ ... ]
#     serial     hexadecimal
#     eku        a list of OIDs, clientAuth unless given; undef: no extension
#     policies   a list of OIDs
#     ext        more extensions, each [ OID, critical, bytes ]
#     md         the digest that is signed, sha256 unless it is sha1
#     signer     whose key signs it instead of the CA's: a forgery
#     is_ca      a CA; permitted => a DNS name that it is constrained to
#     not_before, not_after    seconds since 1970, or any other text
#
#   twin('acme', 'acme-twin')   the same certificate with its ECDSA signature
#                               written the other way
#
# They lie where make_cert() of ClientCert puts its own, with key and sums.

use strict;
use warnings;

use ClientCert ();
use Digest::SHA ();
use Exporter 'import';
use File::Copy 'copy';
use File::Temp ();
use MIME::Base64 ();
use Math::BigInt ();
use POSIX ();

our @EXPORT = qw(der_cert twin spki_sha256 der der_oid);

my %attribute = (
    CN => '2.5.4.3', C => '2.5.4.6', L => '2.5.4.7', ST => '2.5.4.8',
    O => '2.5.4.10', OU => '2.5.4.11', serialNumber => '2.5.4.5',
    DC => '0.9.2342.19200300.100.1.25', UID => '0.9.2342.19200300.100.1.1',
    emailAddress => '1.2.840.113549.1.9.1',
);

my %general = (email => 1, dns => 2, uri => 6, ip => 7, rid => 8);

sub der {
    my ($tag, @content) = @_;
    my $content = join '', @content;
    my $len = length $content;
    my $bytes = '';
    return pack('CC', $tag, $len) . $content if $len < 128;
    for (my $n = $len; $n; $n >>= 8) {
        $bytes = chr($n & 255) . $bytes;
    }
    return pack('CC', $tag, 0x80 | length $bytes) . $bytes . $content;
}

sub der_oid {
    my ($one, $two, @arcs) = split /\./, shift;
    my $bytes = '';
    for my $arc ($one * 40 + $two, @arcs) {
        $bytes .= join '', map { chr } reverse map {
            ($arc >> 7 * $_ & 127) | ($_ ? 128 : 0)
        } 0 .. ($arc < 128 ? 0 : $arc < 1 << 14 ? 1 : $arc < 1 << 21 ? 2
                : $arc < 1 << 28 ? 3 : 4);
    }
    return der(6, $bytes);
}

sub attribute {
    my ($type, $value, $tag) = @{ $_[0] };
    return der(0x30, der_oid($attribute{$type} // $type),
               der($tag // 12, $value));
}

sub name {
    return der(0x30, map {
        my @rdn = ref $_->[0] ? @$_ : $_;
        der(0x31, sort map { attribute($_) } @rdn);
    } @_);
}

sub extension {
    my ($oid, $critical, $value) = @_;
    return der(0x30, der_oid($oid), $critical ? der(1, "\xff") : (),
               der(4, $value));
}

sub general_names {
    my @pairs = @_;
    my @names;
    while (my ($type, $value) = splice @pairs, 0, 2) {
        push @names, $type eq 'upn'
            ? der(0xa0, der_oid('1.3.6.1.4.1.311.20.2.3'),
                  der(0xa0, ref $value ? @$value : der(12, $value)))
            : der(0x80 | $general{$type}, $value);
    }
    return der(0x30, @names);
}

sub extensions {
    my %o = @_;
    my @eku = exists $o{eku} ? @{ $o{eku} // [] } : '1.3.6.1.5.5.7.3.2';
    my @ext;

    push @ext, extension('2.5.29.19', 1, der(0x30, der(1, "\xff")))
        if $o{is_ca};
    push @ext, extension('2.5.29.37', 0, der(0x30, map { der_oid($_) } @eku))
        if @eku && !$o{is_ca};
    push @ext, extension('2.5.29.32', 0, der(0x30, map {
        der(0x30, der_oid($_))
    } @{ $o{policies} })) if $o{policies};
    push @ext, extension('2.5.29.30', 1, der(0x30, der(0xa0,
        der(0x30, der(0x82, $o{permitted}))))) if defined $o{permitted};
    push @ext, extension('2.5.29.17', 0,
                         ref $o{san} ? general_names(@{ $o{san} }) : $o{san})
        if defined $o{san};
    push @ext, map { extension(@$_) } @{ $o{ext} // [] };

    return @ext ? der(0xa3, der(0x30, @ext)) : '';
}

sub openssl {
    my ($input, @args) = @_;
    my $tmp = File::Temp->new;
    binmode $tmp;
    print $tmp $input;
    close $tmp;
    open my $fh, '-|', 'openssl', @args, "$tmp" or die "openssl: $!\n";
    binmode $fh;
    local $/;
    my $output = <$fh>;
    close $fh or die "openssl @args failed\n";
    return $output;
}

sub slurp {
    my $file = shift;
    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/;
    return scalar <$fh>;
}

sub unpem {
    my ($base64) = shift =~ /-----BEGIN[^\n]+\n(.*?)-----END/s;
    return MIME::Base64::decode($base64);
}

# The elements of a constructed value, each with its header.
sub elements {
    my $bytes = shift;
    my @elements;
    while (length $bytes) {
        my $len = ord substr $bytes, 1, 1;
        my $head = 2;
        if ($len & 0x80) {
            my $n = $len & 0x7f;
            $len = hex unpack 'H*', substr $bytes, 2, $n;
            $head += $n;
        }
        push @elements, [ substr($bytes, 0, $head + $len),
                          substr($bytes, $head, $len) ];
        substr $bytes, 0, $head + $len, '';
    }
    return @elements;
}

sub tbs {
    my $der = unpem(slurp(ClientCert::cert_file(shift, 'crt')));
    my @tbs = elements((elements((elements($der))[0][1]))[0][1]);
    shift @tbs if ord $tbs[0][0] == 0xa0;
    return \@tbs;    # serial, algorithm, issuer, validity, subject, key
}

my %spki;

sub spki {
    my $key = shift;
    return $spki{$key} //= do {
        my $file = ClientCert::cert_file($key, 'key');
        unpem(scalar `openssl pkey -in $file -pubout`);
    };
}

sub spki_sha256 { Digest::SHA::sha256(spki(shift)) }

my %ecdsa = (sha1 => '1.2.840.10045.4.1', sha256 => '1.2.840.10045.4.3.2');
my $serial = 0x1000;

sub der_cert {
    my %o = (ca => 'ca-a', key => 'acme', subject => [ [ CN => 'x' ] ], @_);
    my $self = $o{ca} eq 'self';
    my $subject = name(@{ $o{subject} });
    my $issuer = $self ? $subject : tbs($o{ca})->[4][0];
    my $md = $o{md} // 'sha256';
    my $algorithm = der(0x30, der_oid($ecdsa{$md}));
    my $time = sub {
        my $time = shift;
        $time = POSIX::strftime('%Y%m%d%H%M%SZ', gmtime int $time)
            if $time =~ /^[\d.]+$/;
        der(0x18, $time);
    };

    my $tbs = der(0x30,
        der(0xa0, der(2, "\2")),
        der(2, pack 'H*', $o{serial} // sprintf '5%05x', ++$serial),
        $algorithm, $issuer,
        der(0x30, $time->($o{not_before} // time - 3600),
                  $time->($o{not_after} // time + 86400 * 30)),
        $subject, spki($o{key}), extensions(%o));

    my $signer = ClientCert::cert_file($o{signer}
                                       // ($self ? $o{key} : $o{ca}), 'key');
    my $signature = openssl($tbs, 'dgst', "-$md", '-sign', $signer);

    return store($o{name}, $o{key},
                 der(0x30, $tbs, $algorithm, der(3, "\0", $signature)));
}

sub store {
    my ($name, $key, $der) = @_;
    my $base = ClientCert::own_cert_dir() . "/$name";
    my %file = (
        crt => "-----BEGIN CERTIFICATE-----\n"
               . MIME::Base64::encode($der) . "-----END CERTIFICATE-----\n",
        der => $der, sha1 => Digest::SHA::sha1_hex($der) . "\n",
        sha256 => Digest::SHA::sha256_hex($der) . "\n",
        x5t => MIME::Base64::encode_base64url(Digest::SHA::sha256($der)),
    );
    for my $kind (keys %file) {
        open my $fh, '>:raw', "$base.$kind" or die "$base.$kind: $!\n";
        print $fh $file{$kind};
        close $fh or die "$base.$kind: $!\n";
    }
    copy(ClientCert::cert_file($key, 'key'), "$base.key")
        or die "$base.key: $!\n";
    return $name;
}

sub twin {
    my ($name, $new) = @_;
    my $der = unpem(slurp(ClientCert::cert_file($name, 'crt')));
    my ($tbs, $algorithm, $bits) = elements((elements($der))[0][1]);
    my ($r, $s) = elements((elements(substr $bits->[1], 1))[0][1]);

    # the order of P-256
    my $n = Math::BigInt->from_hex('ffffffff00000000ffffffffffffffff'
                                   . 'bce6faada7179e84f3b9cac2fc632551');
    my $hex = $n->bsub(Math::BigInt->from_hex(unpack 'H*', $s->[1]))->to_hex;
    $hex = "0$hex" if length($hex) % 2;
    $hex = "00$hex" if hex(substr $hex, 0, 2) > 127;

    return store($new, $name, der(0x30, $tbs->[0], $algorithm->[0],
        der(3, "\0", der(0x30, $r->[0], der(2, pack 'H*', $hex)))));
}

1;
