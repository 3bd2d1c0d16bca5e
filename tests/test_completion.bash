# Completion, as bash does it: BINARY SHARE_FOLDER. Sources what the binary prints, fills in the words
# of a line as bash would cut them, calls the function that `complete` names, and looks at what it
# offers. zsh's is checked for syntax where zsh is.
set -u
assay=$1
share=$2
. "$(dirname -- "$0")/cli_checks.sh"
export ASSAY_HOME="$work/home"
mkdir -p "$ASSAY_HOME/models/first-model" "$ASSAY_HOME/models/second" "$work/here/folder"
cd "$work/here" || exit 1
: >rows.jsonl
: >recipe.yaml
: >'two words.txt'
: >notes.txt

name=scripts
"$assay" completion bash >"$work/assay.bash" 2>"$err"
silent "$err"
"$assay" completion zsh >"$work/_assay" 2>"$err"
silent "$err"
if cmp -s "$work/assay.bash" "$share/assay.bash" && cmp -s "$work/_assay" "$share/_assay"; then good; else
    bad "the build's scripts are not this binary's"
fi
code 2 "another shell" "$assay" completion fish
says "$err" 'bash and zsh'
if bash -n "$work/assay.bash"; then good; else bad "bash -n"; fi
# shellcheck source=/dev/null
. "$work/assay.bash"
same "complete" "$(complete -p assay)" "complete -F _assay assay"

# offers WORDS...: what is offered for the last of them, sorted, between spaces
offers()
{
    COMP_WORDS=(assay "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _assay >"$out" 2>"$err"
    if [ -s "$err" ]; then bad "offers $*: complains"; fi
    if [ ${#COMPREPLY[@]} -eq 0 ]; then return; fi
    printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort -u | tr '\n' ' ' | sed 's/ $//'
}
# want WORDS NAME...: the last of the words completes to NAME...
want()
{
    local expected=$1
    shift
    same "completing: $*" "$(offers "$@")" "$expected"
}

# ---- verbs
first=$("$assay" --verbs | sed 's/ .*//' | LC_ALL=C sort -u | tr '\n' ' ')
want "$(printf '%s\n' $first help --help --version | LC_ALL=C sort | tr '\n' ' ' | sed 's/ $//')" ''
want detect de
want '--help --version' --
want "$("$assay" --verbs | sed -n 's/^data //p' | LC_ALL=C sort | tr '\n' ' ' | sed 's/ $//')" data ''
want split data sp
want 'tokenize train' help t
want clean help data c
want '' help detect ''
want '' distill '' # not there yet
want '' nonsense --

# ---- the flags of every verb are those of --help, and what has values offers exactly these
"$assay" --verbs >"$work/verbs"
while read -r verb; do
    "$assay" $verb --help | sed -n 's/^  \(-., \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p' | LC_ALL=C sort |
        tr '\n' ' ' | sed 's/ $//' >"$work/flags"
    want "$(cat "$work/flags")" $verb --
    "$assay" $verb --help |
        sed -n 's/^  \(-., \)\{0,1\}--\([a-z0-9-]*\) \([a-z0-9]*|[a-z0-9|]*\).*/\2 \3/p' \
            >"$work/choices"
    while read -r flag choices; do
        case $choices in all*) continue ;; esac
        want "$(echo "$choices" | tr '|' '\n' | LC_ALL=C sort | tr '\n' ' ' | sed 's/ $//')" \
            $verb "--$flag" ''
    done <"$work/choices"
done <"$work/verbs"
want --last-by-pad-token detect --la
want -o data split -o

# ---- values, in the three ways of writing them
want highest detect first-model --precision highest
want 'high highest' detect --precision high
want 'high highest' detect --precision = high
want 'high highest medium' detect --precision =
want '' detect --threads ''
want 'first-model folder' bench --model f
want 'folder notes.txt recipe.yaml rows.jsonl two words.txt' bench --data ''
want folder eval model data -o ''
want folder eval model data --out ''
want 'recipe.yaml rows.jsonl' data clean -o r
want 'second' eval model data --against s
want 'rows.jsonl' eval model data --against ro
want homoglyph attack rows.jsonl --kind hom
want homoglyph,zero-width eval --attack homoglyph,zero-w
want all eval --attack al
want 'typography,whitespace' data clean --only typography,white
want 'id= label= pair= text=' detect --field ''

# ---- arguments, by their place
want 'first-model folder second' show ''
want 'first-model folder' detect f
want 'notes.txt' detect first-model no
want 'notes.txt' detect first-model --precision high --json no
want 'notes.txt' detect first-model --precision = high rows.jsonl no
want 'notes.txt' detect --threads 2 first-model no
want '' show first-model ''
want 'folder recipe.yaml' train ''
want 'rows.jsonl' train recipe.yaml data = ro
want 'first-model folder' train base = f
want 'bash zsh' completion ''
want product bench prod
want rows.jsonl data show rows.jsonl ro
want 'notes.txt' detect -- first-model no
want '' parity first-model no

# ---- names with spaces stay one word; bash quotes them, being told that they are files
COMP_WORDS=(assay bench --data two)
COMP_CWORD=3
_assay
same "a name with a space" "${COMPREPLY[*]}" 'two words.txt'
same "one word" "${#COMPREPLY[@]}" 1

# ---- zsh
if command -v zsh >/dev/null 2>&1; then
    if zsh -n "$work/_assay"; then good; else bad "zsh -n"; fi
else
    echo "zsh is not installed: its script was not checked"
fi
says "$work/_assay" '^#compdef assay$'
finish
