#!/bin/sh
# Every C file is as clang-format would leave it (.clang-format); says which are not.
set -u
cd "$(dirname -- "$0")/.."
said=$(mktemp)
trap 'rm -f "$said"' EXIT
if tools/list_sources.sh c | xargs clang-format --dry-run -Werror 2>"$said"; then exit 0; fi
sed -n 's/^\([^:]*\):\([0-9]*\):.*error:.*/\1:\2: not formatted (make format)/p' "$said" |
    awk -F: '!seen[$1]++'
if ! grep -q 'error:' "$said"; then cat "$said"; fi
exit 1
