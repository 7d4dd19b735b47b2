#!/bin/sh
# Writes the seeds of the DER fuzz target into the given directory, from the
# certificates in the other one.

set -eu

mkdir -p "$1"
cp "$2"/*.der "$2"/*.crt "$2"/acme.pem "$1"
