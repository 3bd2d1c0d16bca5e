#!/bin/sh
# The Debian packages of a build: BUILD SOURCE_FOLDER. Made twice (the same bytes), looked into,
# unpacked into a folder that stands for the root, run and compiled against there.
set -u
build=$1
source=$2
. "$(dirname -- "$0")/cli_checks.sh"
for tool in dpkg-deb dpkg-shlibdeps dpkg-architecture dpkg-parsechangelog; do
    command -v $tool >/dev/null 2>&1 || skip "$tool is not installed"
done
export ASSAY_HOME="$work/home"
version=$("$build/assay" --version | sed 's/^assay //')
library=libassay${version%.*}
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)

code 0 "make deb" sh "$source/tools/make_deb.sh" "$build" "$work/debs"
silent "$err"
same "packages" "$(lines "$out")" 3
code 0 "make deb again" sh "$source/tools/make_deb.sh" "$build" "$work/again"
for deb in "$work/debs"/*.deb; do
    if cmp -s "$deb" "$work/again/$(basename "$deb")"; then good; else
        bad "$(basename "$deb") is not the same when made again"
    fi
done
code 0 "a maintainer of one's own" env DEBFULLNAME='A Name' DEBEMAIL=a@b.example \
    sh "$source/tools/make_deb.sh" "$build" "$work/own"
same "maintainer" "$(dpkg-deb -f "$work/own/$(basename "$(ls "$work/own"/assay_*.deb)")" Maintainer)" \
    'A Name <a@b.example>'

assay_deb=$(ls "$work/debs"/assay_*.deb)
library_deb=$(ls "$work/debs/$library"_*.deb)
dev_deb=$(ls "$work/debs"/libassay-dev_*.deb)
# holds DEB PATH...: in its contents
holds()
{
    name="contents of $(basename "$1")"
    dpkg-deb --contents "$1" >"$out" 2>"$err"
    shift
    for path; do says "$out" " \./$path"; done
}
holds "$assay_deb" usr/bin/assay usr/share/man/man1/assay.1.gz \
    usr/share/man/man1/assay-data-split.1.gz usr/share/bash-completion/completions/assay \
    usr/share/zsh/vendor-completions/_assay usr/share/doc/assay/copyright \
    usr/share/doc/assay/changelog.Debian.gz usr/share/doc/assay/examples/recipes/detector.yaml
holds "$library_deb" "usr/lib/$triplet/libassay.so.${version%.*} -> " \
    "usr/lib/$triplet/libassay.so.$version\$" "usr/share/doc/$library/copyright"
holds "$dev_deb" usr/include/assay/assay.h "usr/lib/$triplet/libassay.a" \
    "usr/lib/$triplet/libassay.so -> " "usr/lib/$triplet/pkgconfig/assay.pc" \
    usr/share/doc/libassay-dev/examples/score_text.cc
for deb in "$assay_deb" "$library_deb" "$dev_deb"; do
    name="owners and modes of $(basename "$deb")"
    dpkg-deb --contents "$deb" | grep -v ' root/root ' >"$out"
    silent "$out"
    dpkg-deb --contents "$deb" | grep -vE '^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x|lrwxrwxrwx) ' >"$out"
    silent "$out"
    dpkg-deb --contents "$deb" | grep -E '^-rwx' | grep -v 'usr/bin/assay$' >"$out"
    silent "$out"
    for field in Package Version Architecture Maintainer Installed-Size Depends Section Description; do
        if [ -n "$(dpkg-deb -f "$deb" $field)" ]; then good; else bad "$deb has no $field"; fi
    done
    # Lines of a description: none too long, none that dpkg would take for a field.
    dpkg-deb -f "$deb" Description | awk 'length($0) > 80 || (NR > 1 && !/^ /)' >"$out"
    name=description
    silent "$out"
done
dpkg-deb -f "$assay_deb" Depends >"$out"
name="what the binary needs"
for package in libc6 libjson-c5 libpcre2-8-0 libyaml-0-2 zlib1g; do says "$out" "$package"; done
dpkg-deb -f "$library_deb" Depends >"$out"
says "$out" libjson-c5
dpkg-deb -f "$dev_deb" Depends >"$out"
says "$out" "$library (= "

# ---- unpacked
root=$work/root
mkdir "$root"
for deb in "$work/debs"/*.deb; do code 0 "unpack" dpkg-deb -x "$deb" "$root"; done
for deb in "$work/debs"/*.deb; do
    dpkg-deb -e "$deb" "$work/control"
    (cd "$root" && md5sum -c --quiet "$work/control/md5sums") >"$out" 2>"$err"
    name="md5sums of $(basename "$deb")"
    silent "$err"
    silent "$out"
    rm -rf "$work/control"
done
code 0 "the binary" "$root/usr/bin/assay" --version
says "$out" "^assay $version\$"
small_model "$work/model" "$source/tests/vectors/models" bert_shallow_classify
echo 'hello world' >"$work/text.txt"
code 0 "detect" "$root/usr/bin/assay" detect "$work/model" "$work/text.txt"
export PKG_CONFIG_PATH="$root/usr/lib/$triplet/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root"
code 0 "an example" cc -Wall -Wextra -Werror \
    "$root/usr/share/doc/libassay-dev/examples/score_text.c" \
    $(pkg-config --cflags --libs assay) -o "$work/example"
code 0 "the example runs" env LD_LIBRARY_PATH="$root/usr/lib/$triplet" "$work/example" \
    "$work/model" 'hello world'
same "libdir" "$(PKG_CONFIG_SYSROOT_DIR= pkg-config --variable=libdir assay)" "/usr/lib/$triplet"
name="stripped"
if command -v readelf >/dev/null 2>&1; then
    readelf -S "$root/usr/bin/assay" | grep '\.symtab' >"$out"
    silent "$out"
fi
if command -v lintian >/dev/null 2>&1; then
    code 0 "lintian" lintian --fail-on error "$work/debs"/*.deb
else
    echo "lintian is not installed: the packages were not held against Debian's policy"
fi
finish
