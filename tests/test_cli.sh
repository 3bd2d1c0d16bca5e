#!/bin/sh
# The binary, as a user meets it: BINARY SOURCE_FOLDER. Needs only sh. JSON lines are proved well
# formed by assay's own strict reader. The last line counts.
set -u
assay=$1
source=$2
vectors=$source/tests/vectors/models
. "$(dirname -- "$0")/cli_checks.sh"
export ASSAY_HOME="$work/home"

# ---- a small classifier with a vocabulary of its 67 tokens
model=$work/model
mkdir "$model"
cp "$vectors/bert_shallow_classify/config.json" "$vectors/bert_shallow_classify/model.safetensors" \
    "$model"
{
    printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' hello world a small text is here '##s' ,
    i=14
    while [ $i -lt 67 ]; do
        echo "word$i"
        i=$((i + 1))
    done
} >"$model/vocab.txt"
echo '{"do_lower_case": true, "tokenizer_class": "BertTokenizer", "model_max_length": 20}' \
    >"$model/tokenizer_config.json"

# ---- help, version, wrong calls
code 0 "alone" "$assay"
says "$out" 'pull -> data -> train'
says "$out" 'Not yet'
code 0 "--version" "$assay" --version
says "$out" '^assay [0-9]'
"$assay" --verbs >"$work/verbs"
while read -r verb; do # a name of two words is two arguments
    page=docs/verbs/$(echo "$verb" | tr ' ' _).md
    code 0 "$verb --help" "$assay" $verb --help
    says "$out" "^assay $verb"
    says "$out" '^Example'
    says "$out" '--precision highest|high|medium'
    silent "$err"
    "$assay" $verb --help --markdown >"$out" 2>"$err" </dev/null
    name=$page
    if cmp -s "$out" "$source/$page"; then good; else bad "$name: make docs"; fi
done <"$work/verbs"
code 2 "unknown verb" "$assay" detec
says "$err" 'did you mean detect'
silent "$out"
code 0 "a first word alone" "$assay" data
says "$out" '^assay data VERB'
says "$out" '^  data clean '
says "$out" '^  data show '
same "a first word alone: only its verbs" "$(grep -c '^  train' "$out")" 0
cp "$out" "$work/group"
for words in "data --help" "data -h" "help data"; do
    code 0 "$words" "$assay" $words
    same "$words: the same" "$(cat "$out")" "$(cat "$work/group")"
done
code 0 "help of two words" "$assay" help data clean
says "$out" '^assay data clean '
code 2 "near a first word" "$assay" dta
says "$err" 'did you mean data?'
code 2 "unknown second word" "$assay" data claen --quiet
says "$err" 'there is no verb "data claen"; did you mean data clean'
silent "$out"
code 2 "unknown flag" "$assay" detect "$model" --jsn
says "$err" 'did you mean --json'
code 2 "far flag" "$assay" detect "$model" --xyzzyplugh
code 2 "no model" "$assay" detect
code 2 "too many words" "$assay" show a b
code 2 "value missing" "$assay" detect "$model" --threads
code 2 "not a number" "$assay" detect "$model" --threads two
code 2 "out of range" "$assay" detect "$model" --threads 0
code 2 "precision" "$assay" detect "$model" --precision best
says "$err" 'highest|high|medium'
code 2 "field" "$assay" detect "$model" --field body
code 1 "not yet" "$assay" distill recipe.yaml
says "$err" 'not yet'
code 0 "help of what is to come" "$assay" distill --help
says "$out" 'Not yet'

# ---- show
code 0 "show" "$assay" show "$model"
says "$out" 'human, ai, mixed'
says "$out" 'wordpiece, 67 tokens'
code 0 "show --json -v" "$assay" show "$model" --json -v
says "$out" '"name": "classifier.weight", "type": "F32", "shape": \[3, 20\]'
cp "$out" "$work/show.jsonl"
code 0 "show's JSON" "$assay" tokenize "$model" "$work/show.jsonl" --field text=family
echo '{"labels": ["human"]}' >"$model/detector.json"
code 0 "show the card" "$assay" show "$model"
says "$out" '{"labels": \["human"\]}'
rm "$model/detector.json"

# ---- tokenize
echo 'Hello worlds, small text' >"$work/one.txt"
code 0 "tokenize" "$assay" tokenize "$model" "$work/one.txt"
same "tokens" "$(cat "$out")" '[CLS] hello world ##s , small text [SEP]'
code 0 "tokenize --json" "$assay" tokenize "$model" "$work/one.txt" --json
says "$out" '"ids": \[2, 5, 6, 12, 13, 8, 9, 3\]'
says "$out" '"offsets": \[\[0, 0\], \[0, 5\], \[6, 11\], \[11, 12\], \[12, 13\], \[14, 19\], \[20, 24\], \[0, 0\]\]'
code 0 "--no-special" "$assay" tokenize "$model" "$work/one.txt" --no-special
same "without special tokens" "$(cat "$out")" 'hello world ##s , small text'
code 0 "--max-tokens" "$assay" tokenize "$model" "$work/one.txt" --max-tokens 4
same "cut" "$(cat "$out")" '[CLS] hello world [SEP]'
code 0 "--truncate-left" "$assay" tokenize "$model" "$work/one.txt" --max-tokens 4 --truncate-left
same "cut at the left" "$(cat "$out")" '[CLS] small text [SEP]'
code 0 "--stride" "$assay" tokenize "$model" "$work/one.txt" --max-tokens 5 --stride 1
same "windows" "$(lines "$out")" 3
echo '{"text": "hello", "other": "world"}' >"$work/pair.jsonl"
code 0 "--pair" "$assay" tokenize "$model" "$work/pair.jsonl" --pair other --json
says "$out" '"type_ids": \[0, 0, 0, 1, 1\]'
code 2 "stride too long" "$assay" tokenize "$model" "$work/one.txt" --max-tokens 4 --stride 4
same "lines of standard input" \
    "$(printf 'hello\n\nworld' | "$assay" tokenize "$model" | tr '\n' '|')" \
    '[CLS] hello [SEP]|[CLS] [SEP]|[CLS] world [SEP]|'

# ---- detect
cat >"$work/rows.jsonl" <<'ROWS'
{"id": "first", "text": "hello world", "label": "human"}
{"id": "second", "text": "a small text is here", "label": "ai"}
{"id": "third", "text": "hello \"quoted\" \\ unknown"}
ROWS
printf 'id,text\nfirst,hello world\nsecond,"a small text is here"\n' >"$work/rows.csv"
printf 'id\ttext\nfirst\thello world\n' >"$work/rows.tsv"
code 0 "detect a file of rows" "$assay" detect "$model" "$work/rows.jsonl" --json
same "answers" "$(lines "$out")" 3
for key in id predicted logits probabilities tokens verdict threshold reason; do
    says "$out" "\"$key\": "
done
says "$out" '"threshold": null'
says "$out" 'no detector.json'
calm "$err"
cp "$out" "$work/answers.jsonl"
code 0 "detect's JSON" "$assay" tokenize "$model" "$work/answers.jsonl" --field text=reason
code 0 "detect csv" "$assay" detect "$model" "$work/rows.csv" --json
same "csv says what jsonl says" "$(cat "$out")" "$(head -n 2 "$work/answers.jsonl")"
code 0 "detect tsv" "$assay" detect "$model" "$work/rows.tsv" --json
same "tsv says what jsonl says" "$(cat "$out")" "$(head -n 1 "$work/answers.jsonl")"
code 0 "detect three files" "$assay" detect "$model" "$work/rows.csv" "$work/rows.tsv" "$work/one.txt"
same "answers of three files" "$(lines "$out")" 4
code 0 "one thread" "$assay" detect "$model" "$work/rows.jsonl" --json --threads 1
same "threads change nothing" "$(cat "$out")" "$(cat "$work/answers.jsonl")"
code 0 "plain" "$assay" detect "$model" "$work/rows.jsonl"
same "columns" "$(awk -F '\t' '{ print NF }' "$out" | sort -u)" 4
printf 'hello\nworld\n' >"$work/whole.txt"
code 0 "a file is one text" "$assay" detect "$model" "$work/whole.txt"
same "one answer" "$(lines "$out")" 1
name="logits do not depend on the way in"
echo 'hello world' | "$assay" detect "$model" --json >"$out" 2>"$err"
same "$name" "$(sed 's/.*"logits"/"logits"/' "$out")" \
    "$(head -n 1 "$work/answers.jsonl" | sed 's/.*"logits"/"logits"/')"
name="jsonl on standard input"
"$assay" detect "$model" - --format jsonl --json <"$work/rows.jsonl" >"$out" 2>"$err"
same "$name" "$(cat "$out")" "$(cat "$work/answers.jsonl")"
mkdir -p "$work/classes/ai" "$work/classes/human"
echo hello >"$work/classes/ai/1.txt"
echo world >"$work/classes/human/1.txt"
code 0 "a folder of classes" "$assay" detect "$model" "$work/classes"
same "two answers" "$(lines "$out")" 2
i=0
while [ $i -lt 200 ]; do
    echo "{\"text\": \"hello word$((14 + i % 50)) text\"}"
    i=$((i + 1))
done >"$work/many.jsonl"
code 0 "many rows" "$assay" detect "$model" "$work/many.jsonl" --json
same "in order" "$(sed 's/{"id": "\([0-9]*\)".*/\1/' "$out" | tr '\n' ' ')" "$(seq 1 200 | tr '\n' ' ')"

# Each line of standard input is answered before the next is there.
mkfifo "$work/in" "$work/answers"
"$assay" detect "$model" --json --quiet <"$work/in" >"$work/answers" 2>"$err" &
pid=$!
(sleep 60; kill $pid 2>/dev/null) >/dev/null 2>&1 &
watchdog=$!
exec 3>"$work/in" 4<"$work/answers"
for word in hello world text; do
    echo $word >&3
    read -r answer <&4 || answer=none
    echo "$answer" >"$out"
    name="the answer to a line"
    says "$out" '"verdict"'
done
exec 3>&-
wait $pid
same "end of input" $? 0
exec 4<&-
kill $watchdog 2>/dev/null

# ---- what is wrong is named, and the rest goes on
{
    echo '{"text": "hello"}'
    printf '{"text": "\377\376"}\n'
    echo '{"body": "no text"}'
    echo '{"text": "broken'
    echo '{"text": "world"}'
} >"$work/bad.jsonl"
code 1 "bad rows" "$assay" detect "$model" "$work/bad.jsonl" --json
same "every row has its line" "$(lines "$out")" 5
same "good rows are answered" "$(grep -c '"verdict": "' "$out")" 2
same "bad rows are refused with a reason" "$(grep -c '"verdict": null.*"reason": ".*bad.jsonl' "$out")" 3
says "$err" 'bad.jsonl:2'
says "$err" 'bad.jsonl:3'
says "$err" 'bad.jsonl:4'
code 1 "no such file" "$assay" detect "$model" "$work/none.jsonl" "$work/rows.tsv" --json
says "$err" 'none.jsonl'
same "the next file is answered" "$(lines "$out")" 1
code 1 "no such field" "$assay" detect "$model" "$work/rows.jsonl" --field text=body
code 1 "no such model" "$assay" show "$work/nothing"
says "$err" 'nothing'
silent "$out"
code 1 "no tokenizer" "$assay" detect "$vectors/bert_shallow_classify" "$work/one.txt"
code 1 "no head" "$assay" detect "$vectors/bert_shallow_bare" "$work/one.txt"
says "$err" 'classification head'

# spoiled NAME COMMAND: a copy of the model after COMMAND ran in it
spoiled()
{
    rm -rf "$work/spoiled"
    cp -r "$model" "$work/spoiled"
    (cd "$work/spoiled" && sh -c "$2")
    code 1 "$1" "$assay" detect "$work/spoiled" "$work/one.txt" --json
    silent "$out"
    says "$err" "$3"
    same "$1: one line" "$(lines "$err")" 1
}
spoiled "weights cut short" 'head -c 9000 model.safetensors >x && mv x model.safetensors' \
    'model.safetensors'
spoiled "weights of eight bytes" 'head -c 8 model.safetensors >x && mv x model.safetensors' \
    'model.safetensors'
spoiled "no weights" 'rm model.safetensors' 'model.safetensors'
spoiled "config without a size" 'grep -v hidden_size config.json >x && mv x config.json' 'hidden_size'
spoiled "config that is no JSON" 'echo "{" >config.json' 'config.json'
spoiled "absurd config" 'sed "s/\"num_hidden_layers\": 1/\"num_hidden_layers\": 1000000000/" config.json >x && mv x config.json' \
    'num_hidden_layers'
spoiled "other shapes" 'sed "s/\"intermediate_size\": 36/\"intermediate_size\": 40/" config.json >x && mv x config.json' \
    'intermediate'
spoiled "NaN in the last weight" 'printf "\000\000\300\177" |
    dd of=model.safetensors bs=1 seek=$(($(wc -c <model.safetensors) - 4)) conv=notrunc 2>&-' \
    'classifier.weight'
spoiled "unknown family" 'sed "s/\"model_type\": \"bert\"/\"model_type\": \"bort\"/" config.json >x && mv x config.json' \
    'bort'
spoiled "vocabulary without [UNK]" 'sed "s/\[UNK\]/unk/" vocab.txt >x && mv x vocab.txt' 'UNK'

# ---- embed
code 0 "embed" "$assay" embed "$model" "$work/rows.jsonl"
same "vectors" "$(lines "$out")" 3
says "$out" '"vector": \['
cp "$out" "$work/vectors.jsonl"
code 0 "embed's JSON" "$assay" tokenize "$model" "$work/vectors.jsonl" --field text=id
code 0 "embed -o npy" "$assay" embed "$model" "$work/rows.jsonl" -o "$work/v.npy"
silent "$out"
same "bytes of the .npy" "$(wc -c <"$work/v.npy" | tr -d ' ')" $((128 + 3 * 20 * 4))
same "header of the .npy" "$(head -c 128 "$work/v.npy" | tail -c 118 | sed 's/ *$//')" \
    "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 20), }"
code 0 "embed -o jsonl" "$assay" embed "$model" "$work/rows.jsonl" -o "$work/v.jsonl"
same "the same lines" "$(cat "$work/v.jsonl")" "$(cat "$work/vectors.jsonl")"
code 2 "embed -o what" "$assay" embed "$model" "$work/rows.jsonl" -o "$work/v.txt"
code 1 "embed bad rows" "$assay" embed "$model" "$work/bad.jsonl" -o "$work/bad.npy"
same "a row a row" "$(wc -c <"$work/bad.npy" | tr -d ' ')" $((128 + 5 * 20 * 4))
code 1 "embed nothing" "$assay" embed "$model" "$work/none.jsonl" -o "$work/none.npy"
same "no file, not even half of one" "$(find "$work" -name 'none.npy*')" ""

# ---- parity
code 0 "parity" "$assay" parity "$vectors/bert_shallow_classify" \
    "$vectors/bert_shallow_classify/reference.safetensors"
says "$out" 'logits'
code 0 "parity --json" "$assay" parity "$vectors/bert_shallow_classify" \
    "$vectors/bert_shallow_classify/reference.safetensors" --json
says "$out" '"passed": true'
cp -r "$vectors/bert_shallow_classify" "$work/wrong"
# The last float of the file, which is one of a weight.
size=$(wc -c <"$work/wrong/model.safetensors")
printf '\000\000\200\077' |
    dd of="$work/wrong/model.safetensors" bs=1 seek=$((size - 4)) conv=notrunc 2>/dev/null
code 1 "parity of another weight" "$assay" parity "$work/wrong" \
    "$vectors/bert_shallow_classify/reference.safetensors"
says "$out" '^FAILED'
code 1 "parity with no reference" "$assay" parity "$model" "$model/model.safetensors"

# ---- pull, and the short name
code 0 "pull a folder" "$assay" pull "$model" --as tiny --quiet
says "$out" 'home/models/tiny'
code 0 "the short name" "$assay" detect tiny "$work/rows.jsonl" --json
same "the same model" "$(cat "$out")" "$(cat "$work/answers.jsonl")"
code 0 "pull again" "$assay" pull "$model" --as tiny --json --quiet
says "$out" '"already_there": true'
code 1 "pull nothing" "$assay" pull "$work/nowhere/at/all" --quiet

# ---- doctor, bench
code 0 "doctor" "$assay" doctor
says "$out" 'kernel sets'
code 0 "doctor --json" "$assay" doctor --json
says "$out" '"name": "memory"'
says "$out" 'home/models'
ASSAY_KERNELS=plain "$assay" doctor >"$out" 2>"$err"
name="ASSAY_KERNELS"
says "$out" 'float32 on plain'
code 0 "bench" "$assay" bench product --seconds 0.01 --json --threads 1
says "$out" '"unit": "GFLOP/s"'
cp "$out" "$work/bench.json"
code 0 "bench --list" "$assay" bench --list
says "$out" 'product'
code 2 "bench what" "$assay" bench produkt
says "$err" 'did you mean product'
code 2 "bench without its model" "$assay" bench tokenize
code 0 "bench tokenize" "$assay" bench tokenize --model "$model" --seconds 0.01
says "$out" 'MB/s'
small="minilm-train --max-tokens 4 --seconds 0.001 --threads 1"
code 0 "bench --profile" "$assay" bench $small --profile --history "$work/history.jsonl"
says "$out" 'inside products, attention, vocabulary op and optimizer: '
says "$out" 'linear backward weight '
printf '{"time": "20' >>"$work/history.jsonl"
code 0 "bench --compare" "$assay" bench $small --compare "$work/history.jsonl"
says "$out" ', now '
says "$err" 'the first is line 2'
code 0 "bench --compare --json" "$assay" bench $small --json --compare "$work/history.jsonl"
says "$out" '"earlier": {"time": "2'
says "$out" '"peer": null'
code 1 "bench --compare with nothing" "$assay" bench $small --compare "$work/nowhere.jsonl"
says "$out" 'minilm-train'
code 1 "bench --peer" "$assay" bench $small --peer "$work/no-python"
says "$err" 'cannot be run'
code 2 "bench --pairs alone" "$assay" bench $small --pairs 2
code 2 "bench --sweep alone" "$assay" bench --sweep length
code 2 "bench --sweep of what has no sizes" "$assay" bench tokenize --sweep length
code 2 "bench scaling" "$assay" bench scaling-lenght
says "$err" 'did you mean scaling-length'
code 2 "bench scaling --profile" "$assay" bench scaling-length --profile
# ---- training: a run, its folder, going on, refusals
rows=$work/rows.jsonl
i=0
while [ $i -lt 24 ]; do
    echo "{\"id\": \"r$i\", \"text\": \"hello world word$((20 + i))\", \"label\": \"human\"}"
    echo "{\"id\": \"s$i\", \"text\": \"a small text is here word$((20 + i))\", \"label\": \"ai\"}"
    i=$((i + 1))
done >"$rows"
head -n 10 "$rows" >"$work/valid.jsonl"
data="base=$model data=$rows valid=$work/valid.jsonl batch.items=8 early_stop.metric=loss"
words="$data epochs=6 optimizer.lr=0.01"
code 0 "train: dry run" "$assay" train $words --dry-run --json
says "$out" '"fits": true'
says "$out" '"steps": 36'
code 2 "train: without out" "$assay" train $words
says "$err" 'out=DIR'
code 0 "train" "$assay" train $words out="$work/run" --json --quiet
silent "$err"
says "$out" '"metric": "loss"'
for file in config.json model.safetensors vocab.txt detector.json recipe.yaml log.jsonl \
    events.out.tfevents checkpoints/best checkpoints/last; do
    if [ -e "$work/run/$file" ]; then good; else bad "train leaves no $file"; fi
done
says "$work/run/detector.json" '"positive": "ai"'
code 0 "train: the model judges" "$assay" detect "$work/run" "$work/valid.jsonl" --json
same "train: verdicts" "$(grep -c '"predicted": "ai"' "$out")" 5
code 2 "train: over a run" "$assay" train $words out="$work/run"
says "$err" '--resume'
code 0 "train: a finished run resumed" "$assay" train $words out="$work/run" --resume
says "$err" 'going on from'
code 2 "train: resumed with another recipe" "$assay" train $words seed=9 out="$work/run" --resume
says "$err" 'another recipe'
code 0 "train: from the recipe it wrote" "$assay" train "$work/run/recipe.yaml" out="$work/again" \
    --quiet
if cmp -s "$work/run/model.safetensors" "$work/again/model.safetensors"; then good; else
    bad "train: recipe.yaml does not make the same model"
fi
code 2 "train: unknown key" "$assay" train $words optimiser.lr=1 out="$work/no"
says "$err" 'optimizer'
code 2 "train: frozen name" "$assay" train $words freeze='[nothing]' out="$work/no"
says "$err" 'no weight of the model has that name'
# refuse NAME PATTERN FILE: that file as training data is one clear error
refuse()
{
    "$assay" train base="$model" data="$3" out="$work/no" >"$out" 2>"$err" </dev/null
    if [ $? -ne 0 ]; then good; else bad "train: $1 was taken"; fi
    name="train: $1"
    says "$err" "$2"
    if [ -e "$work/no" ]; then bad "train: $1 left a folder"; else good; fi
}
: >"$work/bad.jsonl"
refuse "an empty file" 'no rows' "$work/bad.jsonl"
grep human "$rows" >"$work/bad.jsonl"
refuse "one class" 'one label' "$work/bad.jsonl"
sed 's/"text"/"body"/' "$rows" >"$work/bad.jsonl"
refuse "no text field" 'body' "$work/bad.jsonl"
sed 's/"label"/"kind"/' "$rows" >"$work/bad.jsonl"
refuse "no label field" 'kind' "$work/bad.jsonl"
sed 's/"r7"/"r3"/' "$rows" >"$work/bad.jsonl"
refuse "the same id twice" 'r3' "$work/bad.jsonl"
refuse "no such file" 'missing.jsonl' "$work/missing.jsonl"
{ cat "$rows" && echo '{"text": "cut'; } >"$work/bad.jsonl"
refuse "a broken row" ':49' "$work/bad.jsonl"
{ cat "$work/valid.jsonl" && echo '{"text": "hello", "label": "robot"}'; } >"$work/bad.jsonl"
code 2 "train: label only in valid" "$assay" train base="$model" data="$rows" \
    valid="$work/bad.jsonl" out="$work/no"
says "$err" 'robot'
# killed softly: saves, says so, goes on to the same weights
"$assay" train $data epochs=4000 out="$work/soft" --quiet >"$out" 2>"$err" </dev/null &
child=$!
while [ ! -s "$work/soft/log.jsonl" ] && kill -0 $child 2>/dev/null; do sleep 0.1; done
kill -TERM $child
wait $child
same "train: stopped by a signal" "$?" 1
name="train: stopped by a signal"
says "$out" '--resume'
if [ -e "$work/soft/checkpoints/last/state.json" ]; then good; else bad "train: nothing saved"; fi


# ---- operating points
# kept N FROM: rows for calibration, two a prompt, whose words leave some doubt
kept()
{
    awk -v n="$1" -v from="$2" 'BEGIN {
        for (i = 0; i < n; i++) {
            ai = i % 4 < 2
            doubt = (i * 7 + from) % 5 == 0
            words = ai != doubt ? "a small text is here" : "hello world text"
            printf "{\"id\": \"k%d\", \"prompt\": \"p%d\", \"label\": \"%s\", \"text\": ", i, \
                i / 2, ai ? "ai" : "human"
            printf "\"%s word%d word%d\"}\n", words, 14 + (i * 13 + from) % 53, 14 + i % 37
        }
    }'
}
kept 480 1 >"$work/calibration.jsonl"
kept 480 2 >"$work/more.jsonl"
code 0 "train: calibrates" "$assay" train base="$model" data="$rows" data.group=prompt \
    valid="$work/more.jsonl" data.calibration="$work/calibration.jsonl" batch.items=8 epochs=2 \
    optimizer.lr=0.01 out="$work/points"
says "$err" 'calibration 480 rows'
says "$err" 'calibrated on 480 rows'
says "$err" '1 % takes at least 1000 negatives'
says "$work/points/detector.json" '"fpr": 0.05'
code 0 "detect: at an operating point" "$assay" detect "$work/points" "$work/more.jsonl" --json
says "$err" 'at 5 % false positives: of 240 calibration negatives'
says "$out" '"threshold": 0\.[0-9]*, "fpr": 0.05[0-9]*, "p_value": [01]\.*[0-9]*'
cp "$out" "$work/judged.jsonl"
code 0 "detect: its JSON" "$assay" tokenize "$model" "$work/judged.jsonl" --field text=reason
same "verdict and p-value agree" "$(awk -F '"p_value": ' '{
    split($2, p, ","); flagged = $0 ~ /"verdict": "ai"/
    if (flagged != (p[1] <= 0.05)) bad++ } END { print bad + 0 }' "$work/judged.jsonl")" 0
code 0 "detect: another rate" "$assay" detect "$work/points" "$work/more.jsonl" --fpr 0.1
says "$out" 'at 10 % false positives; .*p = '
code 2 "detect: a rate that is not fitted" "$assay" detect "$work/points" "$work/more.jsonl" \
    --fpr 0.01
says "$err" 'takes at least 1000 negatives'
says "$err" 'expected one of 0.05, 0.1'
silent "$out"
name="detect: abstains"
echo hello | "$assay" detect "$work/points" >"$out" 2>"$err"
says "$out" '^1	abstains	.*too short'
code 0 "detect: another cut" "$assay" detect "$work/points" "$work/more.jsonl" --max-tokens 7
says "$err" 'cut at 7 here'
code 0 "calibrate" "$assay" calibrate "$work/points" "$work/more.jsonl" --group prompt
says "$out" 'in 240 groups'
says "$out" '5 % false positives: from probability'
says "$out" 'no threshold: 1 %'
code 0 "calibrate --json" "$assay" calibrate "$work/points" "$work/more.jsonl" --json --quiet
says "$out" '"groups": null, "temperature": '
silent "$err"
cp "$out" "$work/calibrated.jsonl"
code 0 "calibrate's JSON" "$assay" tokenize "$model" "$work/calibrated.jsonl" \
    --field text=precision
code 0 "calibrate: a model without a card" "$assay" calibrate "$model" "$work/more.jsonl" \
    --positive ai
says "$model/detector.json" '"positive": "ai"'
rm "$model/detector.json"
cp "$work/points/detector.json" "$work/card"
# spared: the card is as it was
spared() { if cmp -s "$work/card" "$work/points/detector.json"; then good; else bad "$1: changed"; fi; }
code 2 "calibrate: the training rows" "$assay" calibrate "$work/points" "$rows"
says "$err" 'trained on these rows'
grep human "$work/more.jsonl" >"$work/bad.jsonl"
code 2 "calibrate: one class" "$assay" calibrate "$work/points" "$work/bad.jsonl"
says "$err" 'one class'
code 1 "calibrate: no such group" "$assay" calibrate "$work/points" "$work/more.jsonl" --group topic
says "$err" ':1: topic: the row has no group'
spared "calibrate: refused rows"
sed 's/"ai"/"machine"/' "$work/more.jsonl" >"$work/machine.jsonl"
code 2 "calibrate: other labels" "$assay" calibrate "$work/points" "$work/machine.jsonl"
code 0 "calibrate --label" "$assay" calibrate "$work/points" "$work/machine.jsonl" \
    --label machine=ai --group prompt
says "$work/points/detector.json" '"from": "machine"'
cp "$work/card" "$work/points/detector.json"
sed 's/"temperature": [0-9.]*/"temperature": -1/' "$work/card" >"$work/points/detector.json"
code 1 "detect: a bad card" "$assay" detect "$work/points" "$work/more.jsonl"
says "$err" 'detector.json: temperature: out of range'
same "detect: a bad card" "$(lines "$err")" 1
code 1 "calibrate: a bad card" "$assay" calibrate "$work/points" "$work/more.jsonl"
cp "$work/card" "$work/points/detector.json"

# ---- detect --clean
code 2 "detect --clean without a record" "$assay" detect "$work/points" "$work/more.jsonl" --clean
says "$err" '--clean has nothing to do'
code 0 "train: on cleaned rows" "$assay" data clean "$rows" -o "$work/tidy.jsonl" --lowercase --quiet
code 0 "train: on cleaned rows" "$assay" train base="$model" data="$work/tidy.jsonl" \
    batch.items=8 epochs=1 out="$work/tidy" --quiet
says "$work/tidy/detector.json" '"lowercase"'
echo '{"id": "odd", "text": "Hello  WORLD word20 is \u200bhere"}' >"$work/odd.jsonl"
echo '{"id": "even", "text": "hello world word20 is here"}' >"$work/even.jsonl"
code 0 "detect: cleaned texts" "$assay" detect "$work/tidy" "$work/even.jsonl" --json
says "$err" 'the texts of the training were cleaned (unicode, .*, lowercase), these are judged as'
says "$out" '"cleaned": false'
cp "$out" "$work/even"
code 0 "detect --clean" "$assay" detect "$work/tidy" "$work/odd.jsonl" --json --clean
says "$err" 'texts are cleaned as those of the training were: unicode, '
says "$out" '"cleaned": true'
same "detect --clean" "$(sed 's/"odd"/"even"/; s/"cleaned": true/"cleaned": false/' "$out")" \
    "$(cat "$work/even")"
name="detect --clean: standard input"
echo 'Hello  WORLD word20' | "$assay" detect "$work/tidy" --clean --json >"$out" 2>"$err"
says "$out" '"cleaned": true'

# ---- attack
code 0 "attack" "$assay" attack "$work/rows.csv" -o "$work/cased.csv" --kind case --strength 1
same "attack" "$(tail -n 1 "$work/cased.csv")" 'second,A Small Text Is Here,case'
says "$out" 'changed places .*7  case'
code 0 "attack: several kinds" "$assay" attack "$rows" -o "$work/attacked.jsonl" \
    --kind homoglyph zero-width --strength 0.5 --seed 3 --json
same "attack: rows" "$(lines "$work/attacked.jsonl")" 96
says "$out" '"changed places": {"homoglyph": '
says "$work/attacked.jsonl" '"id": "r0~zero-width"'
code 0 "attack: all" "$assay" attack "$rows" -o "$work/all.jsonl" --kind all --quiet
same "attack: all" "$(lines "$work/all.jsonl")" 432
code 2 "attack: no such kind" "$assay" attack "$rows" -o "$work/none.jsonl" --kind homoglyphs
says "$err" 'expected homoglyph, zero-width'
code 2 "attack: no kind" "$assay" attack "$rows" -o "$work/none.jsonl"
code 2 "attack: no output" "$assay" attack "$rows" --kind case
code 2 "attack: too strong" "$assay" attack "$rows" -o "$work/none.jsonl" --kind case --strength 2
if [ -e "$work/none.jsonl" ]; then bad "attack: refused, and wrote"; else good; fi

# ---- evaluations
i=0
while [ $i -lt 40 ]; do
    if [ $((i % 2)) -eq 0 ]; then label=human; else label=ai; fi
    echo "{\"id\": \"e$i\", \"label\": \"$label\", \"text\": \"hello world word$((14 + i)) is here\"}"
    i=$((i + 1))
done >"$work/judged.jsonl"
code 0 "eval" "$assay" eval "$model" "$work/judged.jsonl" -o "$work/report" --positive ai
says "$out" '^AUROC  *[01]\.'
says "$out" 'The trained baselines were left out: the model has no detector.json'
says "$out" 'report.html'
same "eval: predictions" "$(lines "$work/report/predictions.jsonl")" 40
says "$work/report/predictions.jsonl" '^{"id": "e0", "label": "human", "predicted": "\(human\|ai\)", "logits": \[.*\], "probabilities": \['
code 0 "eval's predictions" "$assay" tokenize "$model" "$work/report/predictions.jsonl" --field text=label
code 0 "eval --json" "$assay" eval "$model" "$work/judged.jsonl" --json --threads 2 --positive ai
if cmp -s "$out" "$work/report/report.json"; then good; else bad "eval --json is report.json"; fi
says "$work/report/report.html" '^<!doctype html>'
code 0 "eval of predictions" "$assay" eval --predictions "$work/report/predictions.jsonl" \
    "$work/judged.jsonl" --labels human,ai,mixed --positive ai \
    --against "$work/report/predictions.jsonl"
sed 's/"ai"/"machine"/' "$work/judged.jsonl" >"$work/machine.jsonl"
code 0 "eval --label" "$assay" eval "$model" "$work/machine.jsonl" --positive ai --label machine=ai
says "$out" '20 rows that the data call "machine" are judged as "ai"'
code 2 "eval --label without a label" "$assay" eval "$model" "$work/machine.jsonl" --label machine
says "$err" '--label is NAME=LABEL'
code 2 "eval --label: a label that is not there" "$assay" eval "$model" "$work/machine.jsonl" \
    --label machine=robot
says "$err" 'renamed to one that the model lacks'
code 2 "eval without data" "$assay" eval "$model"
says "$err" 'assay eval MODEL DATA'
echo '{"label": "robot", "text": "hello"}' >"$work/robot.jsonl"
code 1 "eval: an unknown label" "$assay" eval "$model" "$work/robot.jsonl" -o "$work/none"
says "$err" 'robot.jsonl:1: label: the row has a label that the model lacks'
code 1 "eval: a folder that cannot be" "$assay" eval "$model" "$work/judged.jsonl" \
    -o "$work/judged.jsonl/report"
if [ -e "$work/none" ]; then bad "eval: refused, and wrote"; else good; fi

# ---- where output cannot go
if [ -c /dev/full ]; then
    name="a full disk"
    "$assay" show "$model" >/dev/full 2>"$err"
    same "$name" $? 1
    says "$err" 'could not be written'
    "$assay" detect "$model" "$work/many.jsonl" >/dev/full 2>"$err"
    same "$name, detect" $? 1
else
    echo "skipped: no /dev/full here"
fi
name="a reader that leaves"
"$assay" detect "$model" "$work/many.jsonl" 2>"$err" | head -n 1 >"$out"
same "$name" "$(lines "$out")" 1
calm "$err"

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
