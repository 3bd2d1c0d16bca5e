#!/bin/sh
# Takes away what tools/install.sh would put there, and folders of assay's own that are empty then:
# BUILD PREFIX [DESTDIR]. Nothing else is touched; what is not there is passed over.
set -eu
build=$1
prefix=$2
destdir=${3:-}
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
"$(dirname -- "$0")/install.sh" "$build" "$prefix" "$stage" >/dev/null
(cd "$stage" && find . ! -type d) | sed 's|^\.||' | while IFS= read -r path; do
    if [ -e "$destdir$path" ] || [ -L "$destdir$path" ]; then
        rm -f "$destdir$path"
        echo "removed $destdir$path"
    fi
done
# Deepest first.
(cd "$stage" && find . -depth -type d -path '*/assay*') | sed 's|^\.||' |
    while IFS= read -r path; do
        if [ -d "$destdir$path" ]; then rmdir "$destdir$path" 2>/dev/null || :; fi
    done
