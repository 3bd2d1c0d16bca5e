#!/bin/sh
# Runs all tests on a build that counts, and says which share of each floor's lines they reach.
#   tools/coverage.sh [JOBS]
set -eu
cd "$(dirname -- "$0")/.."
jobs=${1:-2}
cmake --preset coverage >/dev/null
cmake --build --preset coverage -j "$jobs"
find build-coverage -name '*.gcda' -delete
ctest --test-dir build-coverage -j "$jobs" --output-on-failure </dev/null || true
# A line counts once a file, however often it was compiled: the kernel sets share their source.
find build-coverage -name '*.gcda' | while IFS= read -r counts; do
    gcov --stdout "$counts" 2>/dev/null
done | awk -F: '
    $3 == "Source" || ($1 ~ /^ *-$/ && $2 ~ /^ *0$/ && $3 == "Source") {
        file = $4
        sub(/^.*\/(src|cli)\//, "&", file)
        keep = file ~ /\/(src|cli)\/[^:]*\.c$/
        next
    }
    keep && $1 !~ /-/ {
        key = file SUBSEP $2
        lines[key] = 1
        if ($1 !~ /#|=/) reached[key] = 1
    }
    END {
        for (key in lines) {
            split(key, part, SUBSEP)
            n = split(part[1], path, "/")
            floor = path[n - 1]
            all[floor]++; total++
            if (key in reached) { hit[floor]++; hits++ }
        }
        for (floor in all)
            printf "%-10s %6.1f %% of %d lines\n", floor, 100 * hit[floor] / all[floor], all[floor] | "sort"
        close("sort")
        if (total) printf "%-10s %6.1f %% of %d lines\n", "all", 100 * hits / total, total
    }'
