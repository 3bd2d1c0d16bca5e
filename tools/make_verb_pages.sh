#!/bin/sh
# Writes a page a verb from what the binary itself says: BINARY FOLDER. The page of a verb of two
# words has a line between them: data_clean.md.
set -eu
binary=$1
folder=$2
mkdir -p "$folder"
"$binary" --verbs | while read -r verb; do
    # shellcheck disable=SC2086 # two words of a name are two arguments
    "$binary" $verb --help --markdown >"$folder/$(echo "$verb" | tr ' ' _).md"
done
