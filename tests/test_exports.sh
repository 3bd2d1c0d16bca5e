#!/bin/sh
# What other programs see of the library: BUILD SOURCE_FOLDER. The shared and the static library show
# the functions that the public headers declare, all of them and nothing else, and each of them is
# called with NULLs by tests/test_public_calls.c.
set -u
build=$1
source=$2
. "$(dirname -- "$0")/cli_checks.sh"
command -v nm >/dev/null 2>&1 || skip "nm is not installed"
export LC_ALL=C

echo '#include "assay/assay.h"' | ${CC:-cc} -E -P -I"$source/include" - | tr '\n' ' ' | tr ';' '\n' |
    grep -v '^ *typedef' | sed -n 's/^[^(]*[ *]\(assay_[a-z0-9_]*\)(.*/\1/p' | sort -u \
    >"$work/declared"
name="the headers declare functions"
if [ "$(lines "$work/declared")" -gt 90 ]; then good; else bad "$name"; fi

nm -D --defined-only "$build/libassay.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
    sort -u >"$work/shared"
nm -g --defined-only "$build/libassay.a" | awk 'NF == 3 { print $3 }' | sort -u >"$work/static"
for library in shared static; do
    diff "$work/declared" "$work/$library" >"$out"
    name="$library library against the headers"
    silent "$out"
done
name="symbols have a version"
nm -D --defined-only "$build/libassay.so" | grep ' T ' | grep -v '@@ASSAY_[0-9]*\.[0-9]*$' >"$out"
silent "$out"
while read -r function; do
    if grep -qw "$function" "$source/tests/test_public_calls.c"; then good; else
        bad "tests/test_public_calls.c does not call $function"
    fi
done <"$work/declared"
# The name that programs ask the loader for carries major and minor version.
version=$("$build/assay" --version | sed 's/^assay //')
if command -v readelf >/dev/null 2>&1; then
    readelf -d "$build/libassay.so" >"$out"
    name=soname
    says "$out" "SONAME.*libassay.so.${version%.*}]"
fi
# Every word of the headers is one that programs may have to read: nothing leaks from the floors.
name="only assay_ and ASSAY_ names in the headers"
echo '#include "assay/assay.h"' | ${CC:-cc} -E -dM -I"$source/include" - | sort >"$work/with"
printf '#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n' | ${CC:-cc} -E -dM - |
    sort >"$work/without"
comm -23 "$work/with" "$work/without" | grep -v '^#define ASSAY_' >"$out"
silent "$out"
finish
