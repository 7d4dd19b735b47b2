#!/bin/sh
# Makes what first-policy.conf needs: certificates.sh DIRECTORY
#
#   server.crt, .key        the server's, signed by itself
#   acme.crt, globex.crt    the clients', signed by themselves
#   acme.pem, globex.pem    the same with their keys, for curl's --cert
#   partners/               the directory of those who may pass, empty

set -eu

dir=${1:?"certificates.sh DIRECTORY"}

mkdir -p "$dir/partners"
cd "$dir"
umask 077

make() {
    name=$1
    shift
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -days 90 -keyout "$name.key" -out "$name.crt" "$@" 2> /dev/null
    chmod 644 "$name.crt"
}

make server -subj /CN=localhost -addext subjectAltName=DNS:localhost

for client in acme globex; do
    make $client -subj "/O=Example/CN=$client" \
        -addext extendedKeyUsage=clientAuth
    cat $client.crt $client.key > $client.pem
done
