#!/bin/sh
# Writes the seeds of the thumbprint fuzz target into the given directory.

set -eu

mkdir -p "$1"

sha1=9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B
sha256=${sha1}2B0B822CD15D6C15B0F00A08FFFFFFFF

i=0
seed() {
    i=$((i + 1))
    printf "$1" > "$dir/$i"
}

dir=$1
seed $sha1
seed 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
seed 9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B
seed '\342\200\216 9f 86 d0 81-88 4c'
seed '\357\273\277'$sha1'\302\240'
seed "SHA1 Fingerprint=$sha1"
seed "sha256 Fingerprint=$sha256"
seed "sha1:$sha1"
seed "sha256: 9f"
seed 'x5t#S256:n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg'
seed "Certificate fingerprint (SHA-256): $sha256"
seed "Cert Hash(sha1): 9f 86 d0 81 88 4c 7d 65 9a 2f ea a0 c5 5a d0 15 a3 bf 4f 1b"
seed "Thumbprint : 0x$sha1"
seed "SHA2-256(stdin)= $sha256"
seed 'n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg='
seed 'x5t:n4bQgYhMfWWaL-qgxVrQFaO_Txs'
seed 'sha256//n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg='
seed 'pin-sha256="n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="'
