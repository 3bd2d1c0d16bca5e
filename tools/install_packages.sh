#!/bin/sh
# Installs the Debian packages that are missing, and says which; silent when none is.
#   tools/install_packages.sh [build] [check] [deb] [demo] [lint]
# Each package stands with a command that tells whether what it brings is there already, from
# wherever it came. ASSAY_INSTALL=no only says what is missing.
set -eu

header() { printf '#include <%s>\n' "$1" | cc -E -o /dev/null - 2>/dev/null; }
fuzzer()
{
    printf 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return !d || n; }' |
        clang -fsanitize=fuzzer,address -x c -o /dev/null - 2>/dev/null
}

missing=
need()
{
    package=$1
    shift
    if "$@" >/dev/null 2>&1; then return; fi
    missing="$missing $package"
}

for group in "${@:-build}"; do
    case $group in
    build)
        need gcc command -v cc
        need libc6-dev header stdio.h
        need make command -v make
        need cmake command -v cmake
        need ninja-build command -v ninja
        need pkg-config command -v pkg-config
        need libjson-c-dev pkg-config --exists json-c
        need libpcre2-dev pkg-config --exists libpcre2-8
        need libyaml-dev pkg-config --exists yaml-0.1
        need zlib1g-dev pkg-config --exists zlib
        ;;
    check)
        need libcmocka-dev pkg-config --exists cmocka
        need clang command -v clang
        need libclang-rt-dev fuzzer
        need clang-format command -v clang-format
        need g++ command -v c++ # what C++ programs make of the headers
        ;;
    deb)
        need dpkg-dev command -v dpkg-shlibdeps
        ;;
    demo)
        need python3 command -v python3
        need python3-pip python3 -m pip --version
        ;;
    lint)
        need clang-tidy command -v clang-tidy
        ;;
    *)
        echo "install_packages.sh: unknown group $group (build, check, deb, demo, lint)" >&2
        exit 2
        ;;
    esac
done
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ' | sed 's/ *$//; s/^ *//')
if [ -z "$missing" ]; then exit 0; fi

if [ "${ASSAY_INSTALL:-yes}" = no ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "missing: $missing (Debian's names); install them and try again" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "missing: $missing; as root: apt-get install $missing" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "installing Debian packages: $missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq </dev/null
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing </dev/null >/dev/null
echo "installed: $missing"
