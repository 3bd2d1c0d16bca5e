#!/bin/sh
# Everything that must hold, a line a stage; the last line counts it.
#   tools/check.sh [JOBS]
# Stages: layers, format, all tests of the release build, the same on lesser kernel sets and under the
# sanitizers, each fuzz target for FUZZ_SECONDS (10). A program of many tests counts each. Exit 1 when anything failed.
set -u
cd "$(dirname -- "$0")/.."
jobs=${1:-$(nproc 2>/dev/null || echo 2)}
passed=0
failed=0
skipped=0
began=$(date +%s)

# stage NAME PASSED FAILED SKIPPED
stage()
{
    passed=$((passed + $2))
    failed=$((failed + $3))
    skipped=$((skipped + $4))
    echo "== $1: $2 passed, $3 failed, $4 skipped ($(($(date +%s) - began)) s since the start)"
}

# one NAME COMMAND...: a stage of one test
one()
{
    name=$1
    shift
    if "$@"; then stage "$name" 1 0 0; else stage "$name" 0 1 0; fi
}

# build PRESET: 0 when it stands
build()
{
    mkdir -p "build${2:-}"
    log=build${2:-}/check-build.log
    if cmake --preset "$1" >"$log" 2>&1 && cmake --build --preset "$1" -j "$jobs" >>"$log" 2>&1
    then return 0; fi
    tail -n 40 "$log"
    return 1
}

# run_tests NAME SUFFIX SECONDS [OPTION...]: the tests of a build that stands
run_tests()
{
    name=$1
    log=build$2/check-tests-$1.log
    folder=build$2
    limit=$3
    shift 3
    ctest --test-dir "$folder" -j "$jobs" --timeout "$limit" --verbose "$@" 2>&1 </dev/null |
        tee "$log" |
        grep --line-buffered -E '^ *[0-9]+/[0-9]+ +Test +#|^[0-9]+: (skipped: |\[  FAILED)'
    if ! grep -q 'Test *#' "$log"; then
        echo "no test ran" # cmocka is missing, or ctest found nothing
        stage "$name" 0 1 0
        return
    fi
    # What the failed ones said.
    awk -f tools/count_tests.awk -v show=1 "$log"
    stage "$name" $(awk -f tools/count_tests.awk "$log")
}

# suite PRESET SUFFIX SECONDS
suite()
{
    echo "-- $1: building, then all tests"
    if build "$1" "$2"; then run_tests "$1" "$2" "$3"; else stage "$1" 0 1 0; fi
}

# masked SETS: the release build's tests with no other kernels; those of disks, memory, packages and
# resuming, which take the time, know no kernels
masked()
{
    echo "-- $1: the release build's tests on these kernels alone"
    ASSAY_KERNELS=$1 run_tests "$1" "" 300 -E 'resume|checkpoint|pull|file|memory|install|deb'
}

one layers tools/check_layers.sh
one format tools/check_format.sh
suite release "" 300
masked avx2
masked plain
export ASAN_OPTIONS=${ASAN_OPTIONS:-allocator_may_return_null=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
suite sanitize -sanitize 900
echo "-- fuzz: ${FUZZ_SECONDS:-10} s a target"
fuzz_log=build/check-fuzz.log
tools/fuzz.sh "${FUZZ_SECONDS:-10}" "$jobs" >"$fuzz_log" 2>&1
sed '$d' "$fuzz_log"
stage fuzz $(tail -n 1 "$fuzz_log" | awk '/passed/ { print $1, $3, $5; ok = 1 } END { if (!ok) print 0, 1, 0 }')

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
