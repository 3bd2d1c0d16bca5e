#!/bin/sh
# Builds the libFuzzer targets with clang under the sanitizers and runs each for so many seconds.
#   tools/fuzz.sh [SECONDS [JOBS]]
# Seeds are read from fuzz/seeds/NAME for the target fuzz_NAME; what a run finds new stays in
# build-fuzz/found/NAME, inputs that crash in build-fuzz/crashes. The last line counts the targets.
set -u
cd "$(dirname -- "$0")/.."
seconds=${1:-60}
jobs=${2:-$(nproc 2>/dev/null || echo 2)}
mkdir -p build-fuzz/crashes build-fuzz/logs

if ! { cmake --preset fuzz && cmake --build --preset fuzz -j "$jobs"; } >build-fuzz/build.log 2>&1
then
    tail -n 40 build-fuzz/build.log
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi
targets=$(find build-fuzz -maxdepth 2 -name 'fuzz_*' -type f -perm -u+x | sort)
if [ -z "$targets" ]; then
    echo "there are no fuzz targets"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi

export seconds
printf '%s\n' $targets | xargs -P "$jobs" -I{} sh -c '
    name=$(basename {})
    topic=${name#fuzz_}
    found=build-fuzz/found/$topic
    mkdir -p "$found"
    seeds=
    for folder in "fuzz/seeds/$topic" "fuzz/seeds/$name"; do
        if [ -d "$folder" ]; then seeds=$folder; fi
    done
    if {} -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=1024 \
        -print_final_stats=1 -artifact_prefix="build-fuzz/crashes/$name-" "$found" $seeds \
        >"build-fuzz/logs/$name.log" 2>&1 </dev/null
    then
        runs=$(sed -n "s/^stat::number_of_executed_units: *//p" "build-fuzz/logs/$name.log")
        echo "$name: passed, $runs runs in $seconds s, $(ls "$found" | wc -l) inputs kept"
    else
        tail -n 30 "build-fuzz/logs/$name.log"
        echo "$name: failed; the input is in build-fuzz/crashes"
    fi' | tee build-fuzz/logs/summary
passed=$(grep -c ': passed, ' build-fuzz/logs/summary)
failed=$(($(printf '%s\n' $targets | wc -l) - passed))
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
