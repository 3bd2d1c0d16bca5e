#!/bin/sh
# Who leans on whom (docs/architecture.md), by what each file includes; and the rest of the house
# rules that a search can tell: file size, header guards, no .c inside a .c, instruction sets only in
# src/cpu, no path of one machine. Needs only sh, awk and grep. Prints each fault as file:line.
set -u
cd "$(dirname -- "$0")/.."
list=$(mktemp)
faults=$(mktemp)
trap 'rm -f "$list" "$faults"' EXIT
tools/list_sources.sh >"$list"

# Each floor and the floors it may include besides itself. include/assay is open to all.
cat >"$faults.floors" <<'FLOORS'
base
tensor base
text base
data base text
clean base text
prepare base text data clean
hub base
image base
cpu base tensor
models base tensor cpu text
recipe base
dataset base text data models recipe
machine base tensor cpu text data hub models detect recipe dataset train
detect base tensor cpu text data models
train base tensor cpu text data models detect prepare recipe dataset
report base tensor cpu text data models detect train
FLOORS

grep -E '\.[ch]$' "$list" | while IFS= read -r file; do
    awk -v file="$file" -v floors="$faults.floors" '
    BEGIN {
        while ((getline line < floors) > 0) {
            n = split(line, word, " ")
            known[word[1]] = 1
            may[word[1], word[1]] = 1
            for (i = 2; i <= n; i++) may[word[1], word[i]] = 1
        }
        split(file, part, "/")
        area = part[1]
        floor = area == "src" ? part[2] : ""
        if (floor != "" && !known[floor])
            print file ":1: floor " floor " is not in the list of tools/check_layers.sh"
        table = file ~ /_table\.c$/ || file ~ /\/tables\//
        expected = file ~ /^include\// ? file : file ~ /^src\// ? "ASSAY_" file : file
        sub(/^include\/|src\//, "", expected)
        expected = toupper(expected)
        gsub(/[^A-Z0-9]/, "_", expected)
    }
    /^[ \t]*#[ \t]*include/ {
        name = $0
        quoted = name ~ /"/
        sub(/^[^"<]*["<]/, "", name)
        sub(/[">].*/, "", name)
        if (name ~ /\.c$/) print file ":" FNR ": includes the source file " name
        if (!quoted) {
            if (name ~ /^assay\// && area != "examples") print file ":" FNR ": write \"" name "\""
            next
        }
        n = split(name, of, "/")
        if (of[1] == "assay") next
        if (area == "include") print file ":" FNR ": a public header includes " name
        else if (area == "cli" && n > 1)
            print file ":" FNR ": cli may include only assay/ and its own headers, not " name
        else if (area == "src" && n == 1)
            print file ":" FNR ": write the floor: \"" floor "/" name "\""
        else if (area == "src" && n > 1 && !((floor, of[1]) in may))
            print file ":" FNR ": " floor " may not lean on " of[1] " (" name ")"
    }
    /__(AVX|SSE|FMA|AMX|F16C|BMI)[A-Z0-9_]*__|immintrin\.h/ && area != "tests" && area != "bench" \
        && floor != "cpu" {
        # The denormal switch of a thread is a control register, not arithmetic.
        if (file != "src/base/threads.c")
            print file ":" FNR ": instruction sets belong in src/cpu"
    }
    /^#ifndef / && !guard { guard = $2 }
    /^#define / && $2 == guard { defined = 1 }
    END {
        if (FNR > 1200 && !table) print file ":" FNR ": " FNR " lines; 1,200 is the limit"
        if (file ~ /\.h$/) {
            if (!defined) print file ":1: no header guard"
            else if ((area == "include" || area == "src") && guard != expected)
                print file ":1: header guard " guard ", expected " expected
        }
    }' "$file"
done >"$faults"
rm -f "$faults.floors"

# search PATTERN FAULT: the lines of any text file that match. The letters in brackets keep the
# patterns below from finding themselves.
search()
{
    tr '\n' '\0' <"$list" | xargs -0 grep -nHIE -- "$1" | sed "s/^\([^:]*:[0-9]*\):.*/\1: $2/"
}
{
    search '(^|[^A-Za-z0-9_.$}])/([w]ork|[r]oot)(/|$|[^A-Za-z0-9_])' 'names a path of one machine'
    search '[p]ypi\.org|[f]iles\.pythonhosted|[r]egistry\.npmjs|[d]eb\.debian\.org|[c]rates\.io' \
        'names the host of a package registry'
} >>"$faults"

cat "$faults"
[ ! -s "$faults" ]
