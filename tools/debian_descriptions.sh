#!/bin/sh
# The two sides of the demo's data: descriptions of Debian packages that this machine knows, and those
# that a language model wrote of the same packages.
#   tools/debian_descriptions.sh MACHINE.jsonl FOLDER
# Leaves FOLDER/pairs.jsonl (both sides of each package that MACHINE.jsonl names; a pair shares the
# field group, its source package) and FOLDER/others.jsonl (of each other source package its longest
# description). Descriptions come from the package lists, with English ones fetched where the machine
# switched them off and that is allowed, else from dpkg's status file. Nothing is changed in them but
# the archive's own way of writing an empty line.
set -eu
machine=$1
folder=$2
lists=/var/lib/apt/lists
helper=/usr/lib/apt/apt-helper
status=/var/lib/dpkg/status

english() { ls "$lists"/*_i18n_Translation-en* 2>/dev/null; }
packages() { ls "$lists"/*_Packages* 2>/dev/null; }

if [ -z "$(english)" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "\$ apt-get -o Acquire::Languages=en update" >&2
    apt-get -qq -o Acquire::Languages=en update >&2 </dev/null ||
        echo "the package lists could not be fetched; going on with what is here" >&2
fi

# A stanza's fields Package, Source and Description, whoever wrote it.
stanzas()
{
    if [ -n "$(english)" ] && [ -n "$(packages)" ] && [ -x "$helper" ]; then
        echo "reading the package lists under $lists" >&2
        # In this order: which source a package is of, then what is said of it.
        packages | while IFS= read -r list; do "$helper" cat-file "$list"; echo; done
        english | while IFS= read -r list; do "$helper" cat-file "$list"; echo; done
    elif [ -r "$status" ]; then
        echo "no English package lists here (as root: apt-get -o Acquire::Languages=en update);" >&2
        echo "reading the installed packages of $status" >&2
        cat "$status"
    else
        echo "debian_descriptions.sh: neither $lists nor $status can be read" >&2
        return 1
    fi
}

mkdir -p "$folder"
stanzas | LC_ALL=C awk -v machine="$machine" -v least=300 -v pairs="$folder/pairs.jsonl.part" \
    -v others="$folder/others.jsonl.part" '
    # The parts of a line between what matches, with `by` between them: awks do not agree on what a
    # backslash in the replacement of gsub means.
    function joined(line, sign, by,    part, n, i, all) {
        n = split(line, part, sign)
        all = part[1]
        for (i = 2; i <= n; i++) all = all by part[i]
        return all
    }
    function row(package, source, body) {
        return "{\"id\":\"human/" package "\",\"package\":\"" package "\",\"group\":\"" source \
            "\",\"label\":\"human\",\"text\":\"" body "\"}"
    }
    function finish() {
        if (package != "" && source == "" && package in source_of) source = source_of[package]
        if (package != "" && source == "") source = package
        if (package != "" && !(package in source_of)) source_of[package] = source
        if (package != "" && body != "") {
            if ((package in written) && !(package in human)) {
                human[package] = row(package, source, body)
                paired[source] = 1
            }
            if (!(source in longest) || length(body) > length(longest[source])) {
                longest[source] = body
                named[source] = package
            }
        }
        package = source = body = ""
        inside = 0
    }
    BEGIN {
        while ((getline line < machine) > 0) {
            name = line
            sub(/^.*"package": *"/, "", name)
            sub(/".*$/, "", name)
            written[name] = line
            order[++count] = name
        }
        if (!count) { print "no descriptions in " machine > "/dev/stderr"; exit 1 }
    }
    /^$/ { finish(); next }
    /^ / {
        if (!inside) next
        line = substr($0, 2)
        if (line ~ /^\.[ \t]*$/) line = ""
        line = joined(line, "[\\\\]", "\\\\")
        line = joined(line, "[\"]", "\\\"")
        line = joined(line, "[\t]", "\\t")
        gsub(/[\001-\037]/, "", line)
        body = body == "" ? line : body "\\n" line
        next
    }
    { inside = 0 }
    /^Package: / { package = $2 }
    /^Source: / { source = $2 }
    /^Description(-en)?: / { inside = 1 }
    END {
        finish()
        kept = other = 0
        for (i = 1; i <= count; i++) {
            name = order[i]
            if (!(name in human)) continue
            kept++
            print human[name] > pairs
            line = written[name]
            sub(/^\{/, "{\"group\":\"" source_of[name] "\",", line)
            print line > pairs
        }
        if (kept < least) {
            # Without the lists only what is installed has a description: few pairs. Then each side
            # is what there is, and the subjects of the two differ, which the demo says.
            print kept " pairs are too few: all descriptions of both sides go in, unpaired" > "/dev/stderr"
            printf "" > pairs
            close(pairs)
            for (source in longest) print row(named[source], source, longest[source]) | ("sort >> " pairs)
            close("sort >> " pairs)
            for (i = 1; i <= count; i++) print written[order[i]] >> pairs
            printf "" > others
            exit 0
        }
        for (source in longest) {
            if (source in paired) continue
            other++
            print row(named[source], source, longest[source]) | ("sort > " others)
        }
        close("sort > " others)
        print kept " pairs, and " other " descriptions of other packages" > "/dev/stderr"
        if (!kept) exit 1
    }'
mv "$folder/others.jsonl.part" "$folder/others.jsonl"
mv "$folder/pairs.jsonl.part" "$folder/pairs.jsonl"
