#!/bin/sh
# Writes man pages and completion scripts from what the binary itself says: BINARY FOLDER. In FOLDER
# then stand man1/assay.1, man1/assay-VERB.1, assay.bash and _assay (zsh).
set -eu
binary=$1
folder=$2
rm -rf "$folder"
mkdir -p "$folder/man1"
"$binary" --man >"$folder/man1/assay.1"
"$binary" --verbs | while read -r verb; do
    # shellcheck disable=SC2086 # two words of a name are two arguments
    "$binary" --man $verb >"$folder/man1/assay-$(echo "$verb" | tr ' ' -).1"
done
"$binary" completion bash >"$folder/assay.bash"
"$binary" completion zsh >"$folder/_assay"
: >"$folder/made"
