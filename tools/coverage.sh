#!/bin/sh
# Runs all tests on a build that counts, and says which share of each floor's lines they reach, and
# of each file that falls short. Exit 1 when all lines together are reached below COVERAGE (85) per cent,
# or a test fails.
#   tools/coverage.sh [JOBS]
set -eu
cd "$(dirname -- "$0")/.."
jobs=${1:-2}
least=${COVERAGE:-85}
cmake --preset coverage >/dev/null
cmake --build --preset coverage -j "$jobs"
find build-coverage -name '*.gcda' -delete
tests=passed
ctest --test-dir build-coverage -j "$jobs" --output-on-failure </dev/null || tests=failed
# A line counts once a file, however often it was compiled: the kernel sets share their source.
find build-coverage -name '*.gcda' | while IFS= read -r counts; do
    gcov --stdout "$counts" 2>/dev/null
done | awk -F: -v least="$least" -v tests="$tests" '
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
            name = floor "/" path[n]
            all[floor]++; of_file[name]++; total++
            if (key in reached) { hit[floor]++; hit_file[name]++; hits++ }
        }
        for (name in of_file)
            if (100 * hit_file[name] < least * of_file[name])
                printf "%-32s %6.1f %% of %d lines\n", name, 100 * hit_file[name] / of_file[name], of_file[name] | "sort"
        close("sort")
        print ""
        for (floor in all)
            printf "%-10s %6.1f %% of %d lines\n", floor, 100 * hit[floor] / all[floor], all[floor] | "sort"
        close("sort")
        if (!total) { print "nothing was counted"; exit 1 }
        printf "%-10s %6.1f %% of %d lines\n", "all", 100 * hits / total, total
        if (tests == "failed") print "tests failed: see above"
        if (100 * hits < least * total) print "below " least " %"
        exit tests == "failed" || 100 * hits < least * total
    }'
