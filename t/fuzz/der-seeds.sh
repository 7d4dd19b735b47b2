#!/bin/sh
# Writes the seeds of the DER fuzz target into the given directory, from the
# certificates in the other one.

set -eu

mkdir -p "$1"
cp "$2"/*.der "$2"/*.crt "$2"/acme.pem "$1"

# several, joined without the end of a line
for file in acme.crt acme.key ca-a.crt; do
    printf '%s' "$(cat "$2/$file")"
done > "$1/joined"

# what is no certificate, and is called by its name

cert="$2/acme.crt"
openssl x509 -x509toreq -in "$cert" -signkey "$2/acme.key" -out "$1/req.pem"
openssl req -in "$1/req.pem" -outform DER -out "$1/req.der"
printf '\377\376' > "$1/utf16"
iconv -t UTF-16LE "$cert" >> "$1/utf16"
sed '1d' "$cert" > "$1/bare"
sed 's/$/\\n/' "$cert" | tr -d '\n' > "$1/escaped"
