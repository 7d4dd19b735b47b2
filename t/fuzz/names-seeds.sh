#!/bin/sh
# Writes the seeds of the fuzz targets dn, facts, san and serial into directories
# of these names: t/fuzz/names-seeds.sh CORPUS CERTS

set -eu

corpus=$1
certs=$2
mkdir -p "$corpus/dn" "$corpus/facts" "$corpus/san" "$corpus/serial"

i=0
dn() {
    i=$((i + 1))
    printf '%s' "$1" > "$corpus/dn/$i"
}

dn 'CN=admin,O=Example'
dn 'O=Example, CN=admin'
dn 'rfc4514:DC=example,DC=test'
dn 'CN=a+OU=b,O=c\, d\+e\20,C=DE'
dn '2.5.4.3=#0c0561646d696e,oid.2.5.4.10=x'
dn 'O="quoted, \"value\"\C3\B6", CN = "a""b" + OU=x'
dn '/C=DE/O=a\/b, c\xC3\xB6/CN=x+OU=y'
dn 'CN=J\C3\B6rg'
dn 'O=x, CN=a/emailAddress=b'
dn 'rfc4514:CN=a/CN=b,O=x\2FO=y'
dn 'CN=D\administrator, O="D\42, a\"'

cp "$certs"/*.der "$corpus/facts/"
openssl req -x509 -key "$certs/acme.key" -outform DER -out "$corpus/facts/upn" \
    -subj '/DC=test/UID=u1/2.5.4.97=PSDDE-1/CN=a/CN=b' -multivalue-rdn \
    -addext 1.2.3.4=ASN1:UTF8String:role -addext 1.2.3.5=DER:01:02:03 \
    -addext 'subjectAltName=otherName:msUPN;UTF8:a@b.test,email:a@b.test'

i=0
san() {
    i=$((i + 1))
    printf "$1" > "$corpus/san/$i"
}

san '\004*.example.com\000api.example.com'
san '\004API.example.com.\000api.example.com'
san '\005spiffe://example.org/ns/*\000spiffe://example.org/ns/../x'
san '\005urn:a\000urn:a'
san '\006a@b.test\000a@B.test'
san '\006*@b.test\000"a@c"@B.test.'
san '\000\\*a\\|\000*A|'
san '\010*@b.test\000A@B.test.'
san '\00710.0.0.1\000abcd'
san '\002a B\000a B'
san '\000 a  B \000A b'

i=0
for serial in 0A:1B:2C 0x1234 '4660 (0x1234)' '-4660 (-0x1234)' 4660 \
              '(Negative)ff:01' 1267650600228229401496703205376
do
    i=$((i + 1))
    printf '%s' "$serial" > "$corpus/serial/$i"
done
