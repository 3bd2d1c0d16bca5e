/* The reference's side: its answers, and pairs with stand-ins for Python. */
#include "base/buffer.h"
#include "base/file.h"
#include "machine/bench_subject.h"
#include "machine/peer_reply.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static assay_status read_reply(struct peer_reply *reply, bool ready, const char *line,
                               assay_error *error)
{
    *error = (assay_error){0};
    return peer_reply_read(reply, ready, line, strlen(line), error);
}

static void answers(void **state)
{
    (void)state;
    struct peer_reply reply;
    assay_error error;
    assert_int_equal(
        read_reply(&reply, true, "{\"ready\": true, \"versions\": \"torch 2.4\"}", &error),
        ASSAY_OK);
    assert_string_equal(reply.versions, "torch 2.4");
    assert_int_equal(read_reply(&reply, false,
                                "{\"batches\": 3, \"tokens\": 900, \"seconds\": 0.5, "
                                "\"peak_bytes\": 1048576}",
                                &error),
                     ASSAY_OK);
    assert_true(reply.batches == 3 && reply.tokens == 900 && reply.seconds == 0.5 &&
                reply.peak_bytes == 1048576);
    assert_int_equal(
        read_reply(&reply, true, "{\"error\": \"no torch\", \"missing\": true}", &error),
        ASSAY_ERROR_MISSING_LIBRARY);
    assert_string_equal(error.message, "the peer: no torch");
    assert_int_equal(read_reply(&reply, false, "{\"error\": \"what\", \"wrong\": true}", &error),
                     ASSAY_ERROR_ARGUMENT);
    assert_int_equal(read_reply(&reply, false, "{\"error\": \"out of luck\"}", &error),
                     ASSAY_ERROR_UNSUPPORTED);
}

static void answers_that_are_none(void **state)
{
    (void)state;
    static const char *const ready[] = {"",
                                        "hello",
                                        "{}",
                                        "{\"ready\": false, \"versions\": \"\"}",
                                        "{\"ready\": true}",
                                        "{\"ready\": 1, \"versions\": \"\"}",
                                        "{\"error\": 5}"};
    static const char *const figures[] = {
        "{\"batches\": 0, \"tokens\": 900, \"seconds\": 0.5, \"peak_bytes\": 1}",
        "{\"batches\": 1, \"tokens\": -5, \"seconds\": 0.5, \"peak_bytes\": 1}",
        "{\"batches\": 1, \"tokens\": 5, \"seconds\": 0, \"peak_bytes\": 1}",
        "{\"batches\": 1, \"tokens\": 5, \"seconds\": NaN, \"peak_bytes\": 1}",
        "{\"batches\": 1, \"tokens\": 5, \"seconds\": 1e999, \"peak_bytes\": 1}",
        "{\"batches\": 1, \"tokens\": 5, \"seconds\": 1}",
        "{\"batches\": 1.5, \"tokens\": 5, \"seconds\": 1, \"peak_bytes\": 1}",
        "{\"ready\": true, \"versions\": \"\"}"};
    struct peer_reply reply;
    assay_error error;
    for (size_t i = 0; i < sizeof ready / sizeof *ready; i++)
        assert_int_equal(read_reply(&reply, true, ready[i], &error), ASSAY_ERROR_FORMAT);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        assert_int_equal(read_reply(&reply, false, figures[i], &error), ASSAY_ERROR_FORMAT);
}

/* ---- stand-ins */

struct place {
    char folder[64], python[96];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    *state = place;
    if (!place)
        return 1;
    snprintf(place->folder, sizeof place->folder, "/tmp/assay-peer-XXXXXX");
    if (!mkdtemp(place->folder))
        return 1;
    snprintf(place->python, sizeof place->python, "%s/python", place->folder);
    return 0;
}

static int drop_place(void **state)
{
    struct place *place = *state;
    unlink(place->python);
    rmdir(place->folder);
    free(place);
    return 0;
}

/* A shell script in Python's place. Its arguments are -c, the script, the work, rows, threads,
 * vocabulary, rows a batch, options. */
static assay_status run(const struct place *place, const char *script, const char *options,
                        assay_bench_result *result, assay_peer_result *peer, assay_error *error)
{
    assay_bench_options bench = ASSAY_BENCH_OPTIONS_INIT;
    assay_peer_options asked = ASSAY_PEER_OPTIONS_INIT;
    bench.threads = 1;
    bench.seconds = 1e-3;
    bench.max_tokens = 4;
    asked.python = place->python;
    asked.options = options;
    asked.pairs = 2;
    if (script) {
        assert_int_equal(file_write(place->python, script, strlen(script), NULL), ASSAY_OK);
        assert_int_equal(chmod(place->python, 0755), 0);
    }
    *error = (assay_error){0};
    return assay_bench_run_pairs(result, peer, "minilm-embed", &bench, &asked, error);
}

static void pairs_with_ratios(void **state)
{
    const struct place *place = *state;
    /* Counts the rows it is given, and says so; the second time it takes half as long. It is told
     * to repeat the two batches of the first time. */
    static const char script[] =
        "#!/bin/sh\n"
        "[ \"$3\" = minilm-embed ] && [ \"$5\" = 1 ] && [ \"$6\" = 2048 ] && [ \"$7\" = 32 ] ||"
        " { echo '{\"error\": \"words\"}'; exit; }\n"
        "[ \"$8 $9\" = 'dtype=bf16 compile=1' ] || { echo '{\"error\": \"options\"}'; exit; }\n"
        "n=0; while [ $n -lt $4 ]; do read -r row || exit 1; n=$((n + 1)); done\n"
        "case $row in '{\"ids\": ['*'\"label\": '[01]'}') ;;"
        " *) echo '{\"error\": \"rows\"}'; exit;; esac\n"
        "echo noise >&2\n"
        "echo \"{\\\"ready\\\": true, \\\"versions\\\": \\\"shell $n\\\"}\"\n"
        "t=2\n"
        "while read -r seconds batches; do\n"
        "    [ $t = 2 ] && [ $batches != 0 ] && exit 1\n"
        "    [ $t = 1 ] && [ $batches != 2 ] && exit 1\n"
        "    echo \"{\\\"batches\\\": 2, \\\"tokens\\\": 100, \\\"seconds\\\": $t,"
        " \\\"peak_bytes\\\": $((1000 / t))}\"\n"
        "    t=1\n"
        "done\n";
    assay_bench_result result;
    assay_peer_result peer;
    assay_error error;
    if (run(place, script, " dtype=bf16  compile=1 ", &result, &peer, &error) != ASSAY_OK)
        fail_msg("%s (%s)", error.message, error.found);
    assert_string_equal(peer.versions, "shell 256");
    assert_int_equal(peer.pairs, 2);
    assert_int_equal(peer.batches, 2);
    assert_true(peer.least == 50.0 && peer.most == 100.0 && peer.value == 75.0);
    assert_int_equal(peer.peak_bytes, 1000);
    assert_string_equal(result.work, "minilm-embed");
    assert_true(result.repetitions >= 8 && result.repetitions % 2 == 0);
    assert_true(result.least > 0.0 && result.least <= result.value && result.value <= result.most);
    assert_true(peer.ratio_least <= peer.ratio && peer.ratio <= peer.ratio_most);
    /* Both pairs' ratios lie between the extremes of either side. */
    assert_true(peer.ratio_least >= result.least / 100.0 * (1 - 1e-12));
    assert_true(peer.ratio_most <= result.most / 50.0 * (1 + 1e-12));
}

static void peers_that_fail(void **state)
{
    const struct place *place = *state;
    static const char ready[] = "#!/bin/sh\necho '{\"ready\": true, \"versions\": \"\"}'\n";
    static const struct {
        const char *script, *options;
        assay_status status;
        const char *says; /* in message or found */
    } cases[] = {
        {NULL, NULL, ASSAY_ERROR_MISSING_LIBRARY, "cannot be run"},
        {"#!/bin/sh\necho '{\"error\": \"no torch\", \"missing\": true}'\n", NULL,
         ASSAY_ERROR_MISSING_LIBRARY, "no torch"},
        {"#!/bin/sh\necho first >&2\necho 'the last words' >&2\nexit 3\n", NULL, ASSAY_ERROR_IO,
         "the last words"},
        {"#!/bin/sh\nkill -9 $$\n", NULL, ASSAY_ERROR_IO, "ended without an answer"},
        {"#!/bin/sh\necho what\n", NULL, ASSAY_ERROR_FORMAT, ""},
        {"#!/bin/sh\nwhile :; do printf xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done\n", NULL,
         ASSAY_ERROR_LIMIT, "too long"},
        {ready, NULL, ASSAY_ERROR_IO, "ended without an answer"},
        {ready, "a b c d e f g h i j k l m n o p q r s t u v w x y z", ASSAY_ERROR_ARGUMENT,
         "too many"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assay_bench_result result;
        assay_peer_result peer;
        assay_error error;
        assay_status status = run(place, cases[i].script, cases[i].options, &result, &peer, &error);
        if (status != cases[i].status)
            fail_msg("case %d: %d, %s (%s)", (int)i, (int)status, error.message, error.found);
        assert_true(strstr(error.message, cases[i].says) || strstr(error.found, cases[i].says));
    }
}

static void works_without_a_peer(void **state)
{
    (void)state;
    assay_bench_result result;
    assay_peer_result peer;
    assay_error error = {0};
    assay_peer_options asked = ASSAY_PEER_OPTIONS_INIT;
    assert_true(assay_peer_knows("gpt2-train"));
    assert_false(assay_peer_knows("tokenize"));
    assert_int_equal(assay_bench_run_pairs(&result, &peer, "gpt2-train", NULL, &asked, &error),
                     ASSAY_ERROR_ARGUMENT);
    asked.python = "python3";
    assert_int_equal(assay_bench_run_pairs(&result, &peer, "tokenize", NULL, &asked, &error),
                     ASSAY_ERROR_ARGUMENT);
    asked.pairs = 100000;
    assert_int_equal(assay_bench_run_pairs(&result, &peer, "gpt2-train", NULL, &asked, &error),
                     ASSAY_ERROR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(answers_that_are_none),
        cmocka_unit_test_setup_teardown(pairs_with_ratios, make_place, drop_place),
        cmocka_unit_test_setup_teardown(peers_that_fail, make_place, drop_place),
        cmocka_unit_test(works_without_a_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
