#!/bin/sh
# Puts what is built into place: BUILD PREFIX [DESTDIR]. DESTDIR is a folder in front of PREFIX, for
# those who make packages; assay.pc names PREFIX alone.
set -eu
build=$1
prefix=$2
destdir=${3:-}
case $prefix in
/*) ;;
*)
    echo "install.sh: PREFIX is a path from the root, not \"$prefix\"" >&2
    exit 2
    ;;
esac
DESTDIR=$destdir cmake --install "$build" --prefix "$prefix"
rm -f "$build"/install_manifest*.txt # root's, where a user may build again
# Programs find the shared library by the loader's cache.
if [ -z "$destdir" ] && [ "$(id -u)" -eq 0 ] && command -v ldconfig >/dev/null 2>&1; then
    ldconfig
fi
