#!/bin/sh
# Writes a page a verb from what the binary itself says: BINARY FOLDER.
set -eu
binary=$1
folder=$2
mkdir -p "$folder"
for verb in $("$binary" --verbs); do
    "$binary" "$verb" --help --markdown >"$folder/$verb.md"
done
