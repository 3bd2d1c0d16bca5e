#!/bin/sh
# The recipes of examples/recipes: each is read and planned, with the base, the data and the folder
# of this test in place of its own: BINARY SOURCE_FOLDER.
set -u
assay=$1
source=$2
. "$(dirname -- "$0")/cli_checks.sh"
export ASSAY_HOME="$work/home"
small_model "$work/classify" "$source/tests/vectors/models" bert_shallow_classify
small_model "$work/mlm" "$source/tests/vectors/models" bert_shallow_mlm
i=0
while [ $i -lt 12 ]; do
    echo "{\"id\": \"r$i\", \"group\": $i, \"text\": \"hello world word$((20 + i))\", \"label\": \"human\"}"
    echo "{\"id\": \"s$i\", \"group\": $i, \"text\": \"a small text word$((20 + i))\", \"label\": \"ai\"}"
    i=$((i + 1))
done >"$work/rows.jsonl"
# The same rows under other names, and with numbers for labels.
sed 's/"text"/"body"/; s/"label"/"kind"/' "$work/rows.jsonl" >"$work/renamed.jsonl"
sed 's/word/text/' "$work/rows.jsonl" >"$work/others.jsonl"
sed 's/"human"/0.25/; s/"ai"/0.75/' "$work/rows.jsonl" >"$work/numbers.jsonl"

count=0
for recipe in "$source"/examples/recipes/*.yaml; do
    name=$(basename "$recipe")
    base=$work/classify
    rows=$work/rows.jsonl
    words=
    case $name in
    adapt_mlm.yaml) base=$work/mlm ;;
    regress.yaml) rows=$work/numbers.jsonl ;;
    unbalanced.yaml)
        rows=$work/renamed.jsonl
        words='freeze=[embeddings]' # the small model has not the layers that the recipe freezes
        ;;
    detector.yaml) words="data.calibration=$work/others.jsonl" ;;
    esac
    code 0 "$name" "$assay" train "$recipe" base="$base" data="$rows" valid="$rows" $words \
        out="$work/out" --dry-run --json
    says "$out" '"fits": true'
    # A word of it that is no key: the recipe is what is read, not only the words here.
    { cat "$recipe" && echo 'learning: 1'; } >"$work/spoiled.yaml"
    code 1 "$name spoiled" "$assay" train "$work/spoiled.yaml" base="$base" data="$rows" --dry-run
    says "$err" 'learning'
    # Its own base and data are what is missing when nothing is given in their place.
    code 1 "$name alone" "$assay" train "$recipe" --dry-run
    says "$err" "$(sed -n 's/^base: *//p' "$recipe")"
    count=$((count + 1))
done
if [ $count -ge 5 ]; then good; else bad "only $count recipes were found"; fi
finish
