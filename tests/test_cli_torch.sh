#!/bin/sh
# Models that come as PyTorch checkpoints, in every verb that opens one: BINARY SOURCE_FOLDER. Needs
# only sh. The last line counts.
set -u
assay=$1
source=$2
models=$source/tests/vectors/models
torch=$source/tests/vectors/torch
. "$(dirname -- "$0")/cli_checks.sh"
export ASSAY_HOME="$work/home"

# ---- the same classifier twice, with a vocabulary of its 101 tokens
plain=$work/plain
old=$work/old
mkdir "$plain" "$old"
cp "$models/bert_odd_classify/config.json" "$models/bert_odd_classify/model.safetensors" "$plain"
cp "$models/bert_odd_classify/config.json" "$torch/bert_old/pytorch_model.bin" "$old"
for folder in "$plain" "$old"; do
    {
        printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' hello world a small text is here
        i=12
        while [ $i -lt 101 ]; do
            echo "word$i"
            i=$((i + 1))
        done
    } >"$folder/vocab.txt"
done
i=0
while [ $i -lt 12 ]; do
    echo "{\"id\": \"r$i\", \"text\": \"hello word$((20 + i))\", \"label\": \"human\"}"
    echo "{\"id\": \"s$i\", \"text\": \"a small text is here word$i\", \"label\": \"ai\"}"
    i=$((i + 1))
done >"$work/rows.jsonl"

code 0 "detect, safetensors" "$assay" detect "$plain" "$work/rows.jsonl" --json
cp "$out" "$work/answers"
code 0 "detect" "$assay" detect "$old" "$work/rows.jsonl" --json
same "the same answers" "$(cat "$out")" "$(cat "$work/answers")"
code 0 "embed" "$assay" embed "$old" "$work/rows.jsonl"
code 0 "show, safetensors" "$assay" show "$plain" --json
sed "s|$plain|X|g" "$out" >"$work/shown"
code 0 "show" "$assay" show "$old" --json
same "the same description" "$(sed "s|$old|X|g" "$out")" "$(cat "$work/shown")"
code 0 "show -v" "$assay" show "$old" -v
says "$out" 'encoder.layer.1.output.LayerNorm.gamma'
code 0 "parity" "$assay" parity "$old" "$models/bert_odd_classify/reference.safetensors"
says "$out" 'logits'

# ---- pulled
code 0 "pull" "$assay" pull "$old" --as old --quiet
code 0 "the short name" "$assay" detect old "$work/rows.jsonl" --json
same "the answers of the pulled model" "$(cat "$out")" "$(cat "$work/answers")"

# ---- as a base
words="data=$work/rows.jsonl epochs=2 batch.items=4"
code 0 "train" "$assay" train base="$old" $words out="$work/run" --quiet
same "what comes of it" "$(cd "$work/run" && ls ./*.bin model.safetensors 2>/dev/null)" \
    model.safetensors
code 0 "train, safetensors" "$assay" train base="$plain" $words out="$work/other" --quiet
if cmp -s "$work/run/model.safetensors" "$work/other/model.safetensors"; then good; else
    bad "train: the same weights"
fi
code 0 "eval" "$assay" eval "$old" "$work/rows.jsonl" -o "$work/report" --quiet
says "$work/report/report.json" "$(sha256sum "$old/pytorch_model.bin" | cut -d ' ' -f 1)"

# ---- refused, with the name of what it asked for
cp "$torch/legacy.bin" "$old/pytorch_model.bin"
code 1 "the form before torch 1.6" "$assay" show "$old"
says "$err" 'pytorch_model.bin: the checkpoint has the form of torch before 1.6'
cp "$torch/wrapped.bin" "$old/pytorch_model.bin"
code 1 "an inner dictionary" "$assay" show "$old"
says "$err" 'state_dict: the tensors lie in an inner dictionary'
rm "$old/pytorch_model.bin"
code 1 "no weights" "$assay" show "$old"
says "$err" 'the folder holds no weights (expected model.safetensors or pytorch_model.bin'

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
