#!/bin/sh
# The verbs that make data sets, as a user meets them: BINARY. Needs only sh. The last line counts.
set -u
assay=$1
. "$(dirname -- "$0")/cli_checks.sh"
stands() { if [ -e "$1" ]; then good; else bad "$name: no ${1##*/}"; fi; }
none() { if [ -e "$1" ]; then bad "$name: left ${1##*/}"; else good; fi; }

i=0
while [ $i -lt 40 ]; do
    label=human
    [ $((i % 4)) -eq 0 ] && label=ai
    echo "{\"id\": \"r$i\", \"text\": \"Row  $i says “hello” number $((i * i))\", \"label\": \"$label\", \"author\": \"a$((i / 2))\", \"n\": 1.50}"
    i=$((i + 1))
done >"$work/raw.jsonl"
{
    cat "$work/raw.jsonl"
    echo '{"text": "broken'
    echo '{"id": "e", "text": " ", "label": "ai"}'
    echo '{"id": "twin", "text": "row 3 says hello number 9", "label": "ai", "author": "z"}'
} >"$work/all.jsonl"

# ---- clean
code 0 "clean" "$assay" data clean "$work/all.jsonl" -o "$work/clean.jsonl" --license CC0-1.0 \
    --source 'a test'
says "$out" '41  written'
says "$out" 'clean.jsonl.card.json'
calm "$err"
for ending in '' .removed.jsonl .changes.jsonl .card.json .card.md; do
    stands "$work/clean.jsonl$ending"
done
same "clean: the text" "$(sed -n 4p "$work/clean.jsonl")" \
    '{"id": "r3", "text": "Row 3 says \"hello\" number 9", "label": "human", "author": "a1", "n": 1.50}'
same "clean: rows" "$(lines "$work/clean.jsonl")" 41
same "clean: removed" "$(lines "$work/clean.jsonl.removed.jsonl")" 2
name="clean: reasons"
says "$work/clean.jsonl.removed.jsonl" '"line": 41, "reason": "broken"'
says "$work/clean.jsonl.removed.jsonl" '"id": "e", "reason": "short"'
says "$work/clean.jsonl.card.json" '"CC0-1.0"'
code 0 "clean --only" "$assay" data clean "$work/raw.jsonl" -o "$work/only.jsonl" \
    --only lowercase --json --quiet
says "$out" '"lowercase": 40'
silent "$err"
code 0 "clean: the last switch counts" "$assay" data clean "$work/raw.jsonl" -o "$work/plain.jsonl" \
    --only typography --typography --no-typography
same "clean: nothing to do" "$(cat "$work/plain.jsonl")" "$(cat "$work/raw.jsonl")"
code 2 "clean --only what" "$assay" data clean "$work/raw.jsonl" -o "$work/no.jsonl" --only lowercas
says "$err" 'did you mean lowercase'
code 2 "clean without -o" "$assay" data clean "$work/raw.jsonl"
code 2 "clean onto itself" "$assay" data clean "$work/raw.jsonl" -o "$work/raw.jsonl"
says "$err" 'replace the input'
code 2 "clean into another format" "$assay" data clean "$work/raw.jsonl" -o "$work/no.csv"
says "$err" 'ends in .jsonl'
code 2 "clean standard input" "$assay" data clean - -o "$work/no.jsonl"
code 1 "clean nothing" "$assay" data clean "$work/missing.jsonl" -o "$work/no.jsonl"
says "$err" 'missing.jsonl'
code 1 "clean strictly" "$assay" data clean "$work/all.jsonl" -o "$work/no.jsonl" --no-broken
says "$err" 'all.jsonl:41'
none "$work/no.jsonl"
none "$work/no.jsonl.removed.jsonl"

# ---- dedup
code 0 "dedup" "$assay" data dedup "$work/clean.jsonl" -o "$work/unique.jsonl"
same "dedup: rows" "$(lines "$work/unique.jsonl")" 40
name="dedup: what went"
says "$work/unique.jsonl.removed.jsonl" '"id": "twin", "reason": "duplicate", "duplicate_of": "r3"'
head -n 3 "$work/raw.jsonl" >"$work/test.jsonl"
code 0 "dedup --against" "$assay" data dedup "$work/unique.jsonl" -o "$work/apart.jsonl" \
    --against "$work/test.jsonl" --json
says "$out" '"removed": 3'
code 2 "dedup: threshold" "$assay" data dedup "$work/raw.jsonl" -o "$work/no.jsonl" --threshold 0

# ---- split
code 0 "split" "$assay" data split "$work/unique.jsonl" -o "$work/parts" --group author --seed 3
same "split: rows" "$(cat "$work"/parts/*.jsonl | wc -l | tr -d ' ')" 40
same "split: train" "$(lines "$work/parts/train.jsonl")" 32
for part in train valid test; do
    stands "$work/parts/$part.jsonl.card.md"
done
crossing=$(for part in train valid test; do
    sed 's/.*"author": "\([^"]*\)".*/\1/' "$work/parts/$part.jsonl" | sort -u
done | sort | uniq -d)
same "split: no author in two parts" "$crossing" ""
code 2 "split: parts" "$assay" data split "$work/unique.jsonl" -o "$work/no" --parts train=.9,test=.2
says "$err" 'more than the whole'
code 2 "split: no such field" "$assay" data split "$work/unique.jsonl" -o "$work/no" --group writer
says "$err" 'writer'
code 2 "split: one group" "$assay" data split "$work/unique.jsonl" -o "$work/no" --group n
says "$err" '40 of 40 rows'
none "$work/no"

# ---- balance
code 0 "balance" "$assay" data balance "$work/parts/train.jsonl" -o "$work/even.jsonl"
says "$out" 'labels after'
same "balance: labels" "$(grep -c '"label": "ai"' "$work/even.jsonl")" \
    "$(grep -c '"label": "human"' "$work/even.jsonl")"
code 0 "balance: weights" "$assay" data balance "$work/parts/train.jsonl" --method weights
says "$out" '^class_weights: {ai: [0-9.]*, human: [0-9.]*}$'
code 2 "balance: a test part" "$assay" data balance "$work/parts/test.jsonl" -o "$work/no.jsonl"
says "$err" 'models are judged'
none "$work/no.jsonl"
name="the chain of steps"
same "$name" "$(grep -c '"verb": ' "$work/even.jsonl.card.json")" 4
says "$work/even.jsonl.card.md" '^## 4. balance'

# ---- where output cannot go
if [ -c /dev/full ]; then
    name="a full disk"
    "$assay" data dedup "$work/raw.jsonl" -o "$work/full.jsonl" >/dev/full 2>"$err"
    same "$name" $? 1
fi
code 1 "no such folder" "$assay" data clean "$work/raw.jsonl" -o "$work/no/such.jsonl"

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
