# What the tests of the binary share; sourced, after $assay is set. Makes $work, a folder that goes
# when the shell does; $out and $err hold what the last command printed. Needs only sh.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
out=$work/out
err=$work/err

good() { passed=$((passed + 1)); }
bad()
{
    failed=$((failed + 1))
    echo "failed: $1"
    sed 's/^/    stdout: /' "$out" | cut -c 1-300 | head -n 5
    sed 's/^/    stderr: /' "$err" | cut -c 1-300 | head -n 5
}
# code N NAME COMMAND...: runs it, keeps what it prints, compares the exit code
code()
{
    want=$1
    name=$2
    shift 2
    "$@" >"$out" 2>"$err" </dev/null
    got=$?
    if [ "$got" -eq "$want" ]; then good; else bad "$name: exit $got, expected $want"; fi
}
# says FILE PATTERN: what the last command printed
says() { if grep -q -- "$2" "$1"; then good; else bad "$name: no \"$2\""; fi; }
silent() { if [ -s "$1" ]; then bad "$name: should print nothing there"; else good; fi; }
# calm FILE: nothing there but lines of progress, which a loaded machine may have the time to show
calm()
{
    if grep -v -E '^(assay [a-z ]+: )?([0-9]+ texts, [0-9]+ a second|[a-z ]+.*: [0-9]+ rows(, .*)?)$' "$1" |
        grep -q .
    then bad "$name: should say nothing there but how far it is"; else good; fi
}
same() { if [ "$2" = "$3" ]; then good; else bad "$1: \"$2\" is not \"$3\""; fi; }
lines() { wc -l <"$1" | tr -d ' '; }

# small_model FOLDER VECTORS NAME: a model of tests/vectors/models with a vocabulary of its 67 tokens
small_model()
{
    mkdir -p "$1"
    cp "$2/$3/config.json" "$2/$3/model.safetensors" "$1"
    {
        printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' hello world a small text is here \
            '##s' ,
        i=14
        while [ $i -lt 67 ]; do
            echo "word$i"
            i=$((i + 1))
        done
    } >"$1/vocab.txt"
    echo '{"do_lower_case": true, "tokenizer_class": "BertTokenizer", "model_max_length": 20}' \
        >"$1/tokenizer_config.json"
}
skip()
{
    echo "skipped: $1"
    exit 77
}
finish()
{
    echo "$passed passed, $failed failed, 0 skipped"
    [ "$failed" -eq 0 ]
}
