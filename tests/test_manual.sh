#!/bin/sh
# The man pages that the build writes: BINARY SHARE_FOLDER. They say what --help says, groff takes
# them without a warning.
set -u
assay=$1
share=$2
. "$(dirname -- "$0")/cli_checks.sh"
command -v groff >/dev/null 2>&1 && groff -man -Tutf8 /dev/null >/dev/null 2>&1 && groff=yes || groff=no

"$assay" --verbs >"$work/verbs"
same "pages" "$(ls "$share/man1" | wc -l)" "$(($(lines "$work/verbs") + 1))"
while read -r verb; do
    page=$share/man1/assay-$(echo "$verb" | tr ' ' -).1
    name="page of $verb"
    # Made of this binary, not of an earlier one.
    "$assay" --man $verb >"$out" 2>"$err"
    if cmp -s "$out" "$page"; then good; else bad "$name: not what --man says now"; fi
    for section in NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' EXAMPLES; do
        says "$page" "^.SH $section\$"
    done
    # Every flag of --help.
    "$assay" $verb --help | sed -n 's/^  \(-., \)\{0,1\}--\([a-z0-9-]*\).*/\2/p' >"$work/flags"
    while read -r flag; do
        says "$page" "^\(.fB.-[a-zA-Z].fR, \)\{0,1\}.fB.-.-$(echo "$flag" | sed 's/-/.-/g').fR"
    done <"$work/flags"
    # Whoever reads assay(1) finds the page.
    says "$share/man1/assay.1" "$(basename "$page" .1 | sed 's/-/\\\\-/g')(1)"
    if [ $groff = yes ]; then
        groff -man -ww -z -Tutf8 "$page" >"$out" 2>&1
        silent "$out"
    fi
done <"$work/verbs"
name="assay.1"
"$assay" --man >"$out"
if cmp -s "$out" "$share/man1/assay.1"; then good; else bad "$name: not what --man says now"; fi
for word in ASSAY_HOME HF_TOKEN 'EXIT STATUS' 'NOT YET IN THIS VERSION'; do
    says "$share/man1/assay.1" "$word"
done
code 2 "--man of no verb" "$assay" --man nothing
code 0 "--man of two words" "$assay" --man data split
says "$out" '^.TH ASSAY.-DATA.-SPLIT 1'
if [ $groff = yes ]; then
    groff -man -ww -z -Tutf8 "$share/man1/assay.1" >"$out" 2>&1
    silent "$out"
    # The example comes out letter by letter, with the hyphens that a shell takes.
    groff -man -Tascii -P-cbou "$share/man1/assay-detect.1" >"$out" 2>&1
    says "$out" 'assay detect runs/first essays.jsonl --json > answers.jsonl'
else
    echo "groff is not installed: the pages were not formatted"
fi
finish
