#!/bin/sh
# Lists the project's own files: all that git tracks or would track; without git, all but builds.
#   tools/list_sources.sh        every file
#   tools/list_sources.sh c      C files that are written by hand
set -eu
cd "$(dirname -- "$0")/.."

all()
{
    if git rev-parse --git-dir >/dev/null 2>&1; then
        git ls-files --cached --others --exclude-standard
    else
        find . -type f ! -path './build*' ! -path './.git/*' ! -name '*.o' | sed 's|^\./||'
    fi | while IFS= read -r path; do
        if [ -f "$path" ]; then printf '%s\n' "$path"; fi
    done | sort
}

case ${1:-all} in
c) all | grep -E '\.[ch]$' | grep -vE '(_table\.c|/tables/.*)$' ;;
*) all ;;
esac
