#!/bin/sh

# Makes the keys and certificates that the tests use.
#
#   make.sh DIR
#       The whole set, into DIR.  Does nothing if DIR holds a set that this
#       very script made less than 30 days ago, so every test may call it;
#       several at once is fine too.
#
#   make.sh DIR NAME OUT [ca=ca-a] [ext=client] [from=T] [to=T] [key=FILE]
#                        [subject=/CN=NAME]
#       One more certificate, into OUT, signed by a CA of the set in DIR.
#       T is YYYYMMDDHHMMSSZ; "ext" is a section of the configuration below;
#       "key" takes an existing key instead of making one.
#
# Every certificate X comes as
#
#   X.crt X.key X.der       certificate and key in PEM, certificate in DER
#   X.pem                   X.crt and X.key in one file
#   X.sha1 X.sha256 X.x5t   thumbprints of the DER: lower-case hex, and the
#                           SHA-256 as base64url without padding; one line
#
#   ca-a, ca-b     roots; int-a is an intermediate under ca-a
#   server         a.test b.test c.test localhost 127.0.0.1, under ca-a
#   acme           client under ca-a; acme2 has the same key and subject
#   globex, rsa    clients under ca-a (rsa: the only key that isn't EC)
#   inter          client under int-a; inter-chain.crt is inter + int-a
#   foreign        client under ca-b
#   self           client, self-signed
#   expired        under ca-a, was valid last year
#   notyet         under ca-a, not valid before the year after next
#   noeku          under ca-a, has no extended key usage
#   anyeku         under ca-a, only anyExtendedKeyUsage
#   serverauth     under ca-a, only serverAuth; serverauth-foreign under ca-b
#   keyenc         under ca-a, key usage keyEncipherment only
#   odd            under ca-b, a CN with all that needs escaping
#   long           under ca-b, a subject of 60 OUs of 60 characters
#
#   crl-a.pem, crl-int-a.pem    revoke nothing
#   crl-a-globex.pem            ca-a's, revokes globex

set -eu
umask 022

usage() {
    sed -n '3,15s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

# openssl talks a lot on success, so what it says is shown only on failure.
quiet() {
    "$@" >"$work/said" 2>&1 || {
        echo "make.sh: failed: $*" >&2
        cat "$work/said" >&2
        exit 1
    }
}

# key NAME [rsa]
key() {
    case ${2-ec} in
    rsa) quiet openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 \
             -out "$1.key" ;;
    *)   quiet openssl genpkey -algorithm EC \
             -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" ;;
    esac
}

# request NAME [SUBJECT]: without a subject NAME has a section of its own.
request() {
    if [ $# -gt 1 ]; then
        set -- "$1" -subj "$2"
    else
        set -- "$1" -section "req_$1"
    fi

    name=$1
    shift
    quiet openssl req -new -config "$conf" -key "$name.key" \
        -out "$work/$name.csr" "$@"
}

# selfsigned NAME EXT
selfsigned() {
    key "$1"
    quiet openssl req -x509 -new -config "$conf" -key "$1.key" \
        -subj "/O=Example/CN=$1" -days 400 -extensions "$2" -out "$1.crt"
    sums "$1"
}

# sign NAME CA EXT [FROM TO].  This is "openssl ca" because "openssl x509"
# takes no dates before OpenSSL 3.4.
sign() {
    name=$1 ca=$2 ext=$3
    shift 3
    [ $# -eq 0 ] || set -- -startdate "$1" -enddate "$2"
    quiet openssl ca -batch -notext -preserveDN -config "$conf" \
        -cert "$set/$ca.crt" -keyfile "$set/$ca.key" -extensions "$ext" \
        -in "$work/$name.csr" -out "$name.crt" "$@"
    sums "$name"
}

# sums NAME: all that follows from certificate and key.
sums() {
    openssl x509 -in "$1.crt" -outform DER -out "$1.der"
    cat "$1.crt" "$1.key" >"$1.pem"
    sha1sum <"$1.der" | cut -d ' ' -f 1 >"$1.sha1"
    sha256sum <"$1.der" | cut -d ' ' -f 1 >"$1.sha256"
    x5t=$(openssl dgst -sha256 -binary "$1.der" | openssl base64 -A \
          | tr '+/' '-_' | tr -d '=')
    echo "$x5t" >"$1.x5t"
    # openssl makes keys 0600, but workers run as another user
    chmod a+r "$1.key" "$1.pem"
}

# client NAME CA [EXT [FROM TO]]
client() {
    name=$1 ca=$2 ext=${3-client}
    shift $(($# < 3 ? 2 : 3))
    key "$name"
    request "$name" "/O=Example/CN=$name"
    sign "$name" "$ca" "$ext" "$@"
}

configuration() {
    cat <<'END'
# "openssl ca" insists on a database and on copies of what it signs; neither
# is kept.
[ca]
default_ca = any

[any]
database = $ENV::CERT_WORK/index
new_certs_dir = $ENV::CERT_WORK
rand_serial = yes
unique_subject = no
policy = anything
default_md = sha256
default_days = 400
default_crl_days = 400

[anything]
commonName = optional

[req]
prompt = no
distinguished_name = dn

[dn]
CN = unused

[req_odd]
prompt = no
utf8 = yes
string_mask = utf8only
distinguished_name = dn_odd

# quote, comma, backslash, a control byte (backspace), newline, non-ASCII
[dn_odd]
O = Example
CN = Jörg \"Q\", a\\b\bc\nX-Injected: yes

[req_long]
prompt = no
distinguished_name = dn_long

[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash

[ca_under]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid

[server]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:a.test,DNS:b.test,DNS:c.test,DNS:localhost,IP:127.0.0.1

[client]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth

[noeku]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature

[anyeku]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = anyExtendedKeyUsage

[serverauth]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth

[keyenc]
basicConstraints = CA:FALSE
keyUsage = critical,keyEncipherment
extendedKeyUsage = clientAuth

[dn_long]
O = Example
CN = long
END
    i=1
    while [ $i -le 60 ]; do
        printf '%d.OU = unit %02d %s\n' $i $i \
            abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnop
        i=$((i + 1))
    done
}

whole_set() {
    conf=openssl.cnf
    configuration >$conf

    selfsigned ca-a root
    selfsigned ca-b root
    selfsigned self client

    client int-a ca-a ca_under
    client server ca-a server
    client acme ca-a

    # same key and same request: only serial number and signature differ
    cp acme.key acme2.key
    cp "$work/acme.csr" "$work/acme2.csr"
    sign acme2 ca-a client

    key rsa rsa
    request rsa /O=Example/CN=rsa
    sign rsa ca-a client

    client globex ca-a
    client inter int-a
    cat inter.crt int-a.crt >inter-chain.crt
    client foreign ca-b

    # whole years, and one to spare: the set may live across New Year
    y=$(date -u +%Y)
    client expired ca-a client $((y - 1))0101000000Z $((y - 1))1231000000Z
    client notyet ca-a client $((y + 2))0101000000Z $((y + 3))0101000000Z

    client noeku ca-a noeku
    client anyeku ca-a anyeku
    client serverauth ca-a serverauth
    client serverauth-foreign ca-b serverauth
    client keyenc ca-a keyenc

    key odd
    request odd
    sign odd ca-b client

    key long
    request long
    sign long ca-b client

    crl ca-a crl-a.pem
    crl int-a crl-int-a.pem
    quiet openssl ca -config $conf -cert ca-a.crt -keyfile ca-a.key \
        -revoke globex.crt
    crl ca-a crl-a-globex.pem
}

# crl CA FILE
crl() {
    quiet openssl ca -config $conf -cert "$1.crt" -keyfile "$1.key" \
        -gencrl -out "$2"
}

# fresh DIR: a complete set made by this script, not too long ago?
fresh() {
    [ "$(cat "$1/stamp" 2>/dev/null)" = "$sum" ] \
        && [ -n "$(find "$1/stamp" -mtime -30)" ]
}

[ $# -eq 1 ] || [ $# -ge 3 ] || usage

sum=$(cksum <"$0")
dir=$1

if [ $# -eq 1 ]; then
    ! fresh "$dir" || exit 0

    mkdir -p "$(dirname "$dir")"

    # Whoever comes second waits here, then finds the set made.
    exec 9>"$dir.lock"
    flock 9
    ! fresh "$dir" || exit 0
fi

work=$(mktemp -d)
new=''
trap 'rm -rf "$work" ${new:+"$new"}' EXIT
trap 'exit 1' HUP INT TERM
: >"$work/index"
CERT_WORK=$work
export CERT_WORK

if [ $# -eq 1 ]; then
    new=$(mktemp -d "$dir.XXXXXX")
    chmod 755 "$new"

    (
        cd "$new"
        set=.
        whole_set
        echo "$sum" >stamp
    )

    # by a rename, so that nobody ever sees half a set
    rm -rf "$dir"
    mv "$new" "$dir"

else
    set=$(cd "$dir" && pwd)
    name=$2 out=$3
    shift 3
    ca=ca-a ext=client subject=/O=Example/CN=$name
    from='' to='' key=''
    conf=$set/openssl.cnf

    for arg in "$@"; do
        case $arg in
        ca=*)       ca=${arg#*=} ;;
        ext=*)      ext=${arg#*=} ;;
        from=*)     from=${arg#*=} ;;
        to=*)       to=${arg#*=} ;;
        key=*)      key=${arg#*=} ;;
        subject=*)  subject=${arg#*=} ;;
        *)          usage ;;
        esac
    done

    if [ -n "$key" ]; then
        cp "$key" "$out/$name.key"
    fi

    cd "$out"
    [ -n "$key" ] || key "$name"
    request "$name" "$subject"

    [ -n "$from" ] || from=$(date -u +%Y%m%d%H%M%SZ)

    if [ -n "$to" ]; then
        sign "$name" "$ca" "$ext" "$from" "$to"
    else
        sign "$name" "$ca" "$ext"
    fi
fi
