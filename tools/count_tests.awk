# Counts the tests in the output of `ctest --verbose`: "passed failed skipped".
# A cmocka program, or a script whose last words are "N passed, N failed, N skipped", counts as many
# tests as it ran; any other one counts as one. With show=1: prints what failed programs wrote.
/^[0-9]+: / {
    test = $1
    sub(/:$/, "", test)
    line = $0
    sub(/^[0-9]+: ?/, "", line)
    said[test] = said[test] "    " line "\n"
    if (line ~ /^\[  PASSED  \] [0-9]+ test/) { split(line, w, " "); passed[test] += w[4] }
    else if (line ~ /^\[  FAILED  \] [0-9]+ test/) { split(line, w, " "); failed[test] += w[4] }
    else if (line ~ /^\[  SKIPPED \] [0-9]+ test/) { split(line, w, " "); skipped[test] += w[4] }
    else if (line ~ /^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/) {
        split(line, w, " ")
        passed[test] += w[1]; failed[test] += w[3]; skipped[test] += w[5]
    }
}
/^ *[0-9]+\/[0-9]+ +Test +#/ {
    test = $0
    sub(/^[^#]*# */, "", test)
    sub(/:.*/, "", test)
    ran++
    counted = passed[test] + failed[test] + skipped[test]
    if ($0 ~ /Skipped/) {
        if (!counted) skipped[test] = 1
    } else if ($0 ~ / Passed /) {
        if (!counted) passed[test] = 1
    } else {
        # Failed, timed out or crashed: at least one failure, whatever it had counted.
        if (!failed[test]) failed[test] = 1
        if (show) printf "-- what #%s said:\n%s", test, tail(said[test])
    }
    all_passed += passed[test]; all_failed += failed[test]; all_skipped += skipped[test]
}
/tests passed, [0-9]+ tests failed out of/ { finished = 1 }
END {
    if (!show) {
        if (!finished || !ran) all_failed++
        print all_passed + 0, all_failed + 0, all_skipped + 0
    }
}
# The last 60 lines of a text.
function tail(text,    lines, n, i, out)
{
    n = split(text, lines, "\n")
    for (i = n > 60 ? n - 60 : 1; i < n; i++) out = out lines[i] "\n"
    return out
}
