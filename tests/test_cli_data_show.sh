#!/bin/sh
# assay data show, as a user meets it: BINARY. Needs only sh. JSON is proved well formed by assay's
# own strict reader. The last line counts.
set -u
assay=$1
. "$(dirname -- "$0")/cli_checks.sh"
# The document is one row of JSON: read as data again, it is one row that has no text.
is_json()
{
    cp "$out" "$work/document.jsonl"
    "$assay" data show "$work/document.jsonl" --field text=audit --json >"$work/again" 2>&1
    if grep -q 'expected a string, found an object' "$work/again"; then good; else
        bad "$name: no JSON"
        cat "$work/again"
    fi
}

i=0
while [ $i -lt 60 ]; do
    printf '{"text": "The %d th of these. It is as good as any\\nother.", "label": "ai", ' $i
    printf '"group": %d}\n{"text": "The %d th of those. It is as good as any other.", ' $i $i
    printf '"label": "human", "group": %d}\n' $i
    i=$((i + 1))
done >"$work/leaky.jsonl"
sed 's/\\n/ /g; s/those/these/g' "$work/leaky.jsonl" >"$work/plain.jsonl"

code 0 "a leak" "$assay" data show "$work/leaky.jsonl"
calm "$err"
says "$out" 'newlines (format): AUROC 1.000'
says "$out" 'fix: assay data clean --one-line'
says "$out" 'row 1, 1, ai: ".*any\\nother'
says "$out" 'word "those"'
says "$out" '120 rows, .* ai against the rest'
says "$out" 'Groups  *60 by the field group, 60 with two labels'
code 0 "the fix that is named" "$assay" data clean --one-line "$work/leaky.jsonl" -o "$work/mended.jsonl"
code 0 "mended" "$assay" data show "$work/mended.jsonl"
if grep -q 'newlines (format): AUROC' "$out"; then bad "$name: the leak is still there"; else good; fi
code 1 "a leak, --strict" "$assay" data show "$work/leaky.jsonl" --strict
says "$err" '--strict'
code 0 "-v shows all" "$assay" data show "$work/leaky.jsonl" -v
says "$out" '^  ellipsis_characters'
code 0 "--examples 0" "$assay" data show "$work/leaky.jsonl" --examples 0
if grep -q 'row 1, 1' "$out"; then bad "--examples 0: shows some"; else good; fi
code 0 "--json" "$assay" data show "$work/leaky.jsonl" --json
says "$out" '"name": "newlines", "kind": "format"'
says "$out" '"excerpt": "[^"]*any\\nother'
says "$out" '"bars": {"format": 0.55'
is_json
cp "$out" "$work/first"
"$assay" data show "$work/leaky.jsonl" --json >"$out" 2>"$err"
name="the same again"
if cmp -s "$out" "$work/first"; then good; else bad "$name"; fi

# A text both of whose labels say the same has to be told, and is no leak.
code 0 "no leak" "$assay" data show "$work/plain.jsonl"
says "$out" 'No leak found'
says "$out" '60 texts have two labels'
code 0 "across files" "$assay" data show "$work/plain.jsonl" "$work/plain.jsonl"
says "$out" 'rows_across_files: 120 rows'
says "$out" 'groups_across_files: 120 rows'

"$assay" data show - --format jsonl <"$work/leaky.jsonl" >"$out" 2>"$err"
name="standard input"
says "$out" 'newlines (format): AUROC 1.000'
says "$out" '-, row 1$'

printf 'text,label\nabc,x\n"a ""b""",y\nonly one\n' >"$work/some.csv"
code 0 "broken rows" "$assay" data show "$work/some.csv"
says "$out" 'some.csv:4: .*number of fields'
says "$out" ' 2 .* 1 .*some.csv'
code 1 "broken rows, --strict" "$assay" data show "$work/some.csv" --strict
printf 'a\377\n\n' >"$work/lines.txt"
code 0 "lines" "$assay" data show "$work/lines.txt" --format lines
says "$out" 'lines.txt:1: not UTF-8'
says "$out" 'no row has a label'
code 1 "nothing but broken rows" "$assay" data show "$work/lines.txt"
says "$err" 'no row could be read'
mkdir -p "$work/classes/ai" "$work/classes/human"
echo 'Some text.' >"$work/classes/ai/1.txt"
echo 'Other text.' >"$work/classes/human/1.txt"
code 0 "a class folder" "$assay" data show "$work/classes"
says "$out" ' ai$'
: >"$work/empty.jsonl"
code 0 "an empty file" "$assay" data show "$work/empty.jsonl"
code 1 "no file" "$assay" data show "$work/none.jsonl"
says "$err" 'none.jsonl: cannot open'
code 1 "no such group" "$assay" data show "$work/leaky.jsonl" --group author
says "$err" 'author: no row has a field of this name'
code 2 "no such label" "$assay" data show "$work/leaky.jsonl" --positive dog
code 2 "nothing to show" "$assay" data show
if [ -e /dev/full ]; then
    name="a full disk"
    "$assay" data show "$work/leaky.jsonl" >/dev/full 2>"$err"
    if [ $? -eq 1 ]; then good; else bad "$name"; fi
    says "$err" 'could not be written'
fi

echo "$passed checks passed, $failed failed"
[ "$failed" -eq 0 ]
