#!/bin/sh
# The demo's data: what reads descriptions of packages, on a status file made here, and the machine
# side as it is committed. BINARY. Needs only sh and awk.
set -u
assay=$1
. "$(dirname -- "$0")/cli_checks.sh"
root=$(dirname -- "$0")/..
machine=$root/examples/descriptions/machine.jsonl

cat >"$work/status" <<'END'
Package: one
Status: install ok installed
Source: uno (1.0)
Description: first
 A "quoted" word, a back\slash and a	tab.
 .
 Second paragraph:
  * an item
Homepage: none
 not part of it

Package: two
Description: second
 The second package is longer than the first, so that it is the longest.

Package: three
Source: two
Description: third
 Short.

Package: unknown
Description: no long text
END
cat >"$work/machine.jsonl" <<'END'
{"id": "machine/one", "package": "one", "label": "machine", "instruction": "Write.", "text": "One \"is\"."}
{"id": "machine/gone", "package": "gone", "label": "machine", "instruction": "Write.", "text": "Gone."}
END

# extract NAME LEAST
extract()
{
    APT_LISTS="$work/none" DPKG_STATUS="$work/status" LEAST_PAIRS="$2" code 0 "$1" \
        "$root/tools/debian_descriptions.sh" "$work/machine.jsonl" "$work/$2"
}

extract "pairs" 1
says "$err" '1 pairs, and 1 descriptions of other packages'
cat >"$work/expected" <<'END'
{"id":"human/one","package":"one","group":"uno","label":"human","text":"A \"quoted\" word, a back\\slash and a\ttab.\n\nSecond paragraph:\n * an item"}
{"group":"uno","id": "machine/one", "package": "one", "label": "machine", "instruction": "Write.", "text": "One \"is\"."}
END
name="the pair, byte for byte"
if cmp -s "$work/expected" "$work/1/pairs.jsonl"; then good; else bad "$name"; cat "$work/1/pairs.jsonl"; fi
code 0 "the pair is read" "$assay" data show "$work/1/pairs.jsonl"
code 0 "the others are read" "$assay" data show "$work/1/others.jsonl" --json
says "$work/1/others.jsonl" '"id":"human/two","package":"two","group":"two"'

extract "too few pairs" 2
says "$err" '1 pairs are too few'
name="both sides whole"
if [ "$(wc -l <"$work/2/pairs.jsonl")" -eq 4 ] && [ ! -s "$work/2/others.jsonl" ]; then good; else
    bad "$name"
fi

code 0 "the machine side" "$assay" data show "$machine"
says "$out" '1204        0        0'
says "$out" '0 rows repeat an earlier one'
says "$out" '1204 different, 0 rows repeat one'

echo "$passed checks passed, $failed failed"
[ "$failed" -eq 0 ]
