#!/bin/sh
# What `make install` leaves, as a packager and a stranger to the library meet it: BUILD
# SOURCE_FOLDER. Installs into a folder of its own, compiles the examples with what pkg-config says
# and nothing else, and takes all of it away again.
set -u
build=$1
source=$2
. "$(dirname -- "$0")/cli_checks.sh"
command -v pkg-config >/dev/null 2>&1 || skip "pkg-config is not installed"
prefix=/opt/strange
stage=$work/stage
export ASSAY_HOME="$work/home"

code 0 "install" sh "$source/tools/install.sh" "$build" $prefix "$stage"
code 2 "a prefix that is no path" sh "$source/tools/install.sh" "$build" opt "$stage"
at=$stage$prefix
libraries=$(dirname "$(find "$at" -name libassay.a)")
version=$("$build/assay" --version | sed 's/^assay //')
for file in bin/assay include/assay/assay.h include/assay/version.h \
    share/man/man1/assay.1 share/man/man1/assay-data-clean.1 \
    share/bash-completion/completions/assay share/zsh/site-functions/_assay \
    share/doc/assay/LICENSE share/doc/assay/library.md share/doc/assay/verbs/detect.md \
    share/doc/assay/examples/score_text.c share/doc/assay/examples/score_text.cc \
    share/doc/assay/examples/recipes/detector.yaml; do
    if [ -s "$at/$file" ]; then good; else bad "$file is not installed"; fi
done
for file in libassay.a libassay.so "libassay.so.${version%.*}" pkgconfig/assay.pc; do
    if [ -s "$libraries/$file" ]; then good; else bad "$file is not installed"; fi
done
same "headers" "$(ls "$at/include/assay")" "$(ls "$source/include/assay")"
# Nothing of this machine in what is installed as text.
name="paths"
grep -rlF -e "$build" -e "$source" -e "$stage" "$at/include" "$at/share" "$libraries/pkgconfig" \
    >"$out" 2>"$err"
silent "$out"
code 0 "the installed binary" "$at/bin/assay" --version
says "$out" "^assay $version\$"

# ---- pkg-config
export PKG_CONFIG_PATH="$libraries/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$stage"
same "version" "$(pkg-config --modversion assay)" "$version"
same "prefix" "$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=prefix assay)" $prefix
code 0 "--libs" pkg-config --libs assay
says "$out" '-lassay'
same "only what a program needs" "$(grep -c json-c "$out")" 0
code 0 "--static --libs" pkg-config --static --libs assay
for library in -lassay -ljson-c -lpcre2-8 -lyaml -lz -lm; do says "$out" "$library"; done

# ---- a model with a tokenizer, and one that is not there
small_model "$work/model" "$source/tests/vectors/models" bert_shallow_classify
verdict=$(echo 'hello world' | "$build/assay" detect "$work/model" - --quiet | cut -f 2)
# The same model with operating points.
cp -r "$work/model" "$work/calibrated"
i=0
while [ $i -lt 120 ]; do
    echo "{\"text\": \"word$((14 + i % 53)) word$((14 + i % 7))\", \"label\": \"human\"}"
    echo "{\"text\": \"word$((14 + i % 51)) word$((14 + i % 11))\", \"label\": \"ai\"}"
    i=$((i + 1))
done >"$work/rows.jsonl"
code 0 "calibrate" "$build/assay" calibrate "$work/calibrated" "$work/rows.jsonl"
judged=$(echo 'hello world' | "$build/assay" detect "$work/calibrated" - --json --quiet |
    sed 's/.*"verdict": "\([^"]*\)".*"reason": "\([^"]*\)".*/\1: \2/')
# runs PROGRAM: what it says of a text, of a missing model, of a wrong call
runs()
{
    code 0 "$1" "$work/$1" "$work/model" 'hello world'
    says "$out" "^$verdict: "
    silent "$err"
    code 0 "$1, calibrated" "$work/$1" "$work/calibrated" 'hello world'
    same "$1, as assay detect judges" "$(cat "$out")" "$judged"
    code 1 "$1 without a model" "$work/$1" "$work/missing" 'hello world'
    says "$err" '^score_text: .*missing'
    silent "$out"
    printf 'broken \377 text' >"$work/broken"
    code 1 "$1, broken text" "$work/$1" "$work/model" "$(cat "$work/broken")"
    says "$err" 'UTF-8'
    code 2 "$1 without words" "$work/$1"
}
strict="-Wall -Wextra -Wpedantic -Werror"
examples=$at/share/doc/assay/examples
compilers=
for pair in cc:c++ clang:clang++; do
    if command -v "${pair%:*}" >/dev/null 2>&1; then compilers="$compilers $pair"; fi
done
export LD_LIBRARY_PATH="$libraries"
for pair in $compilers; do
    cc=${pair%:*}
    cxx=${pair#*:}
    for standard in c99 c11 c17; do
        code 0 "$cc $standard" $cc -std=$standard $strict "$examples/score_text.c" \
            $(pkg-config --cflags --libs assay) -o "$work/shared_$cc$standard"
        silent "$err"
        runs "shared_$cc$standard"
    done
    if ! command -v "$cxx" >/dev/null 2>&1; then
        echo "$cxx is not installed: no C++"
        continue
    fi
    for standard in c++11 c++17 c++20; do
        code 0 "$cxx $standard" $cxx -std=$standard $strict "$examples/score_text.cc" \
            $(pkg-config --cflags --libs assay) -o "$work/shared_$cxx$standard"
        silent "$err"
        runs "shared_$cxx$standard"
    done
    # Each header alone, and twice: it includes what it needs.
    for header in "$at"/include/assay/*.h; do
        printf '#include <assay/%s>\n' "$(basename "$header")" "$(basename "$header")" \
            >"$work/header.c"
        code 0 "$cc $(basename "$header")" $cc -std=c99 $strict -fsyntax-only -x c \
            $(pkg-config --cflags assay) "$work/header.c"
        code 0 "$cxx $(basename "$header")" $cxx -std=c++11 $strict -fsyntax-only -x c++ \
            $(pkg-config --cflags assay) "$work/header.c"
    done
done
code 0 "copy_model" cc $strict "$examples/copy_model.c" $(pkg-config --cflags --libs assay) \
    -o "$work/copy_model"
code 0 "copy_model runs" "$work/copy_model" "$work/model" "$work/copied"
# Every options struct starts from its macro in C++, too, without a warning.
if command -v c++ >/dev/null 2>&1; then
    {
        echo '#include <assay/assay.h>'
        echo 'int main() {'
        grep -hoE 'ASSAY_[A-Z_]+_OPTIONS_INIT' "$at"/include/assay/*.h | sort -u |
            while read -r macro; do
                type=$(echo "${macro%_INIT}" | tr 'A-Z' 'a-z')
                echo "const $type ${type}_ = $macro; if (!${type}_.struct_size) return 1;"
            done
        echo 'return 0; }'
    } >"$work/macros.cc"
    code 0 "macros in C++" c++ -std=c++11 $strict $(pkg-config --cflags assay) "$work/macros.cc" \
        -o "$work/macros"
    code 0 "macros start options" "$work/macros"
fi

# ---- the static library alone: beside functions of the program that are named as assay's own are
unset LD_LIBRARY_PATH
mkdir "$work/away"
mv "$libraries"/libassay.so* "$work/away"
cp "$examples/score_text.c" "$work/own_names.c"
echo 'void buffer_free(void *a, void *b); void buffer_free(void *a, void *b) { (void)a; (void)b; }
int file_exists(void); int file_exists(void) { return 7; }' >>"$work/own_names.c"
code 0 "static" cc -std=c17 $strict "$work/own_names.c" $(pkg-config --static --cflags --libs assay) \
    -o "$work/static"
runs static
if cc -static -x c - $(pkg-config --static --libs assay) -o "$work/nothing" 2>/dev/null <<'EOF'
int main(void) { return 0; }
EOF
then
    code 0 "all static" cc -static "$examples/score_text.c" \
        $(pkg-config --static --cflags --libs assay) -o "$work/all_static"
    runs all_static
else
    echo "not every library is there as a static one: nothing was linked with -static"
fi
# A build without the shared library: plain --libs names everything.
if command -v cmake >/dev/null 2>&1 && command -v ninja >/dev/null 2>&1; then
    code 0 "configured without the shared library" \
        env -u PKG_CONFIG_PATH -u PKG_CONFIG_SYSROOT_DIR cmake -S "$source" -B "$work/build" -G Ninja \
        -DASSAY_SHARED=OFF -DASSAY_TESTS=OFF
    { echo "prefix=$prefix" && cat "$work/build/assay.pc.in"; } >"$libraries/pkgconfig/assay.pc"
    code 0 "static by plain --libs" cc -std=c17 $strict "$examples/score_text.c" \
        $(pkg-config --cflags --libs assay) -o "$work/plain_static"
    runs plain_static
fi
mv "$work/away"/* "$libraries"

# ---- away with it; what others put there stays
echo mine >"$at/bin/mine"
echo mine >"$at/share/doc/assay/mine"
code 0 "uninstall" sh "$source/tools/uninstall.sh" "$build" $prefix "$stage"
same "what is left" "$(cd "$stage" && find . ! -type d | LC_ALL=C sort | tr '\n' ' ')" \
    ".$prefix/bin/mine .$prefix/share/doc/assay/mine "
code 0 "uninstall again" sh "$source/tools/uninstall.sh" "$build" $prefix "$stage"
silent "$out"
if [ -d "$at/include/assay" ]; then bad "an empty folder is left"; else good; fi
finish
