#!/bin/sh
# Debian packages of what is built: BUILD FOLDER. Leaves in FOLDER
#   assay_V_ARCH.deb           the binary, man pages, completions, documents, recipes
#   libassayX.Y_V_ARCH.deb     the shared library
#   libassay-dev_V_ARCH.deb    headers, static library, assay.pc, example programs
# V is the newest entry of packaging/debian/changelog, whose date all files get: the same build makes
# the same packages. DEBFULLNAME and DEBEMAIL name the maintainer. Needs dpkg-dev; no root.
set -eu
build=$1
folder=$2
source=$(cd "$(dirname -- "$0")/.." && pwd)
debian=$source/packaging/debian
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
umask 022

version=$(dpkg-parsechangelog -l "$debian/changelog" -S Version)
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l "$debian/changelog" -S Timestamp)
export SOURCE_DATE_EPOCH
maintainer="${DEBFULLNAME:-assay maintainers} <${DEBEMAIL:-maintainers@assay.invalid}>"
upstream=${version%-*}
if [ "$("$build/assay" --version)" != "assay $upstream" ]; then
    echo "make_deb.sh: the changelog is of $upstream, the build is $("$build/assay" --version)" >&2
    exit 1
fi
architecture=$(dpkg --print-architecture)
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
interface=${upstream%.*}
library=libassay$interface
mkdir -p "$folder"

# take COMPONENT PACKAGE: what `make install` leaves of it, where Debian keeps such things
take()
{
    root=$stage/$2
    DESTDIR=$root cmake --install "$build" --prefix /usr --component "$1" --strip >/dev/null
    rm -f "$build/install_manifest_$1.txt"
    if [ -d "$root/usr/lib" ] && [ ! -d "$root/usr/lib/$triplet" ]; then
        mkdir "$root/usr/lib/$triplet"
        find "$root/usr/lib" -mindepth 1 -maxdepth 1 ! -name "$triplet" \
            -exec mv {} "$root/usr/lib/$triplet" \;
    fi
    if [ -f "$root/usr/lib/$triplet/pkgconfig/assay.pc" ]; then
        sed -i "s|^libdir=.*|libdir=\${prefix}/lib/$triplet|" \
            "$root/usr/lib/$triplet/pkgconfig/assay.pc"
    fi
    documents=$root/usr/share/doc/$2
    mkdir -p "$documents"
    cp "$debian/copyright" "$documents/copyright"
    gzip -9nc "$debian/changelog" >"$documents/changelog.Debian.gz"
    rm -f "$documents/LICENSE" # copyright says it
    find "$root" -path '*/man/*' -name '*.1' -exec gzip -9n {} +
}

# depends PACKAGE FILE: the packages of the shared libraries that the file is linked with
depends()
{
    mkdir -p "$stage/control/debian"
    printf 'Source: assay\n\nPackage: %s\nArchitecture: any\n' "$1" >"$stage/control/debian/control"
    (cd "$stage/control" && dpkg-shlibdeps -O -e"$2" 2>/dev/null) |
        sed -n 's/^shlibs:Depends=//p'
}

# pack PACKAGE SECTION DEPENDS SHORT LONG [FIELD...]
pack()
{
    package=$1
    root=$stage/$package
    mkdir -p "$root/DEBIAN"
    {
        printf 'Package: %s\nSource: assay\nVersion: %s\nArchitecture: %s\n' \
            "$package" "$version" "$architecture"
        printf 'Maintainer: %s\n' "$maintainer"
        printf 'Installed-Size: %s\n' "$(du -k -s --apparent-size "$root/usr" | cut -f 1)"
        printf 'Depends: %s\nSection: %s\nPriority: optional\n' "$3" "$2"
        short=$4 long=$5
        shift 5
        for field; do printf '%s\n' "$field"; done
        printf 'Description: %s\n' "$short"
        printf '%s\n' "$long" | fold -s -w 78 | sed 's/ *$//; s/^/ /'
    } >"$root/DEBIAN/control"
    (cd "$root" && find usr -type f | LC_ALL=C sort | xargs md5sum) >"$root/DEBIAN/md5sums"
    find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz --build "$root" \
        "$folder/${package}_${version}_$architecture.deb" >/dev/null
    echo "$folder/${package}_${version}_$architecture.deb"
}

what="assay fine-tunes, judges and runs detectors of human and machine text: it reads models in the \
Hugging Face layout and needs no Python."

take runtime assay
mkdir -p "$stage/assay/usr/share/zsh/vendor-completions"
mv "$stage/assay/usr/share/zsh/site-functions/_assay" "$stage/assay/usr/share/zsh/vendor-completions"
rmdir "$stage/assay/usr/share/zsh/site-functions"
pack assay science "$(depends assay "$stage/assay/usr/bin/assay")" \
    "trains and runs detectors of human and machine text" \
    "$what This package holds the program." \
    "Recommends: libcurl4"

take library "$library"
shared=$stage/$library/usr/lib/$triplet/libassay.so.$upstream
chmod 644 "$shared"
needed=$(depends "$library" "$shared")
mkdir -p "$stage/$library/DEBIAN"
echo "libassay $interface $library (>= $upstream)" >"$stage/$library/DEBIAN/shlibs"
echo "activate-noawait ldconfig" >"$stage/$library/DEBIAN/triggers"
pack "$library" libs "$needed" \
    "detectors of human and machine text, shared library" \
    "$what This package holds the library that programs run with." \
    "Multi-Arch: same"

take development libassay-dev
mkdir -p "$stage/libassay-dev/usr/share/doc/libassay-dev"
mv "$stage/libassay-dev/usr/share/doc/assay/examples" \
    "$stage/libassay-dev/usr/share/doc/libassay-dev/examples"
rmdir "$stage/libassay-dev/usr/share/doc/assay"
strip --strip-debug "$stage/libassay-dev/usr/lib/$triplet/libassay.a"
pack libassay-dev libdevel \
    "$library (= $version), libjson-c-dev, libpcre2-dev, libyaml-dev, zlib1g-dev" \
    "detectors of human and machine text, for programs that use them" \
    "$what This package holds headers, the static library, the pkg-config file and examples." \
    "Multi-Arch: same"
