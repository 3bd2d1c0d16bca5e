/* Records of measurements: written, found again, damaged, and on a disk that fails. */
#include "base/file.h"
#include "base/json.h"
#include "machine/bench_history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const assay_machine machine = {"Some \"Processor\" 9", 2, "plain, avx2"};
static const assay_peer_result peer = {.versions = "torch 2",
                                       .options = "dtype=bf16",
                                       .pairs = 3,
                                       .batches = 4,
                                       .value = 10,
                                       .least = 9,
                                       .most = 11,
                                       .peak_bytes = 1000,
                                       .ratio = 7.5,
                                       .ratio_least = 7,
                                       .ratio_most = 8};

static assay_bench_result result_of(const char *work, double value)
{
    assay_bench_result result = {.unit = "tokens/s",
                                 .rows = "drawn",
                                 .kernels = "avx2",
                                 .precision = ASSAY_PRECISION_MEDIUM,
                                 .threads = 2,
                                 .max_tokens = 256,
                                 .value = value,
                                 .least = value / 2,
                                 .most = value * 2,
                                 .repetitions = 5,
                                 .floor = 1000,
                                 .peak_bytes = 123456};
    snprintf(result.work, sizeof result.work, "%s", work);
    return result;
}

static void add(struct buffer *text, const assay_bench_result *result,
                const assay_peer_result *beside, const char *time)
{
    assert_true(history_write(text, result, beside, &machine, time));
}

static void search(assay_bench_earlier *earlier, const struct buffer *text,
                   const assay_bench_result *wanted)
{
    history_search(earlier, text->bytes, text->length, wanted, &machine);
}

static void the_newest_that_is_alike(void **state)
{
    (void)state;
    struct buffer text = {0};
    assay_bench_earlier earlier;
    assay_bench_result train = result_of("minilm-train", 100), embed = result_of("embed", 900);
    add(&text, &train, NULL, "2026-01-01T00:00:00Z");
    train.value = 200;
    add(&text, &train, &peer, "2026-01-02T00:00:00Z");
    add(&text, &embed, NULL, "2026-01-03T00:00:00Z");
    /* Each differs in one thing. */
    assay_bench_result other[6];
    for (int i = 0; i < 6; i++)
        other[i] = result_of("minilm-train", 300 + i);
    other[0].precision = ASSAY_PRECISION_HIGHEST;
    other[1].threads = 1;
    other[2].max_tokens = 128;
    snprintf(other[3].rows, sizeof other[3].rows, "data");
    snprintf(other[4].unit, sizeof other[4].unit, "ms");
    for (int i = 0; i < 5; i++)
        add(&text, &other[i], NULL, "2026-01-04T00:00:00Z");
    assay_machine elsewhere = machine;
    elsewhere.processors = 64;
    assert_true(history_write(&text, &other[5], NULL, &elsewhere, "2026-01-05T00:00:00Z"));

    search(&earlier, &text, &train);
    assert_true(earlier.found);
    assert_string_equal(earlier.time, "2026-01-02T00:00:00Z");
    assert_string_equal(earlier.version, ASSAY_VERSION);
    assert_true(earlier.value == 200 && earlier.floor == 1000 && earlier.ratio == 7.5);
    assert_int_equal(earlier.peak_bytes, 123456);
    assert_int_equal(earlier.damaged, 0);
    search(&earlier, &text, &other[1]);
    assert_true(earlier.found && earlier.value == 301 && earlier.ratio == 0);
    history_search(&earlier, text.bytes, text.length, &other[5], &elsewhere);
    assert_true(earlier.found && earlier.value == 305);
    assay_bench_result unknown = result_of("gpt2-train", 1);
    search(&earlier, &text, &unknown);
    assert_false(earlier.found);
    history_search(&earlier, "", 0, &train, &machine);
    assert_false(earlier.found);
    buffer_free(&text);
}

static void damaged_lines_are_passed_over(void **state)
{
    (void)state;
    static const char *const damaged[] = {
        "{\"time\": \"2026-01-09T00:00:00Z\", \"work\": \"minilm-train\", \"val\n",
        "not json\n",
        "[]\n",
        "42\n",
        "{}\n",
        "{\"time\": 5, \"work\": \"minilm-train\", \"machine\": {}, \"value\": 1, "
        "\"peak_bytes\": 1}\n",
        "{\"time\": \"t\", \"work\": \"minilm-train\", \"machine\": {}, \"value\": null, "
        "\"peak_bytes\": 1}\n",
        "{\"time\": \"t\", \"work\": \"minilm-train\", \"machine\": {}, \"value\": -1, "
        "\"peak_bytes\": 1}\n",
        "{\"time\": \"t\", \"work\": \"minilm-train\", \"machine\": \"m\", \"value\": 1, "
        "\"peak_bytes\": 1}\n",
        "\xff\xfe\n",
    };
    enum { DAMAGED = sizeof damaged / sizeof *damaged };
    struct buffer text = {0};
    assay_bench_earlier earlier;
    assay_bench_result train = result_of("minilm-train", 100);
    add(&text, &train, NULL, "2026-01-01T00:00:00Z");
    assert_true(buffer_append_string(&text, "\n  \r\n"));
    for (int i = 0; i < DAMAGED; i++)
        assert_true(buffer_append_string(&text, damaged[i]));
    assert_true(buffer_append(&text, "\0\n", 2));
    train.value = 250;
    add(&text, &train, NULL, "2026-01-02T00:00:00Z");
    search(&earlier, &text, &train);
    assert_true(earlier.found && earlier.value == 250);
    assert_int_equal(earlier.damaged, DAMAGED + 1);
    assert_int_equal(earlier.first_damaged, 4);

    /* Cut anywhere: what is whole before the cut is found, and nothing else happens. */
    for (size_t length = 0; length <= text.length; length++) {
        history_search(&earlier, text.bytes, length, &train, &machine);
        if (earlier.found)
            assert_true(earlier.value == 100 || earlier.value == 250);
    }
    buffer_free(&text);
}

/* ---- files */

struct place {
    char folder[64], path[96];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    *state = place;
    if (!place)
        return 1;
    snprintf(place->folder, sizeof place->folder, "/tmp/assay-history-XXXXXX");
    if (!mkdtemp(place->folder))
        return 1;
    snprintf(place->path, sizeof place->path, "%s/history.jsonl", place->folder);
    return 0;
}

static int drop_place(void **state)
{
    struct place *place = *state;
    file_fail_at(0);
    unlink(place->path);
    rmdir(place->folder);
    free(place);
    return 0;
}

static void read_place(struct buffer *text, const struct place *place)
{
    buffer_clear(text);
    assert_int_equal(file_read(text, place->path, 1 << 20, NULL), ASSAY_OK);
}

static void records_come_back(void **state)
{
    const struct place *place = *state;
    assay_bench_result train = result_of("minilm-train", 100);
    assay_bench_earlier earlier;
    assay_error error = {0};
    assert_int_equal(assay_bench_history_find(&earlier, place->path, &train, &error),
                     ASSAY_ERROR_NOT_FOUND);
    assert_int_equal(assay_bench_history_append(place->path, &train, NULL, &error), ASSAY_OK);
    train.value = 110;
    assert_int_equal(assay_bench_history_append(place->path, &train, &peer, &error), ASSAY_OK);
    assert_int_equal(assay_bench_history_find(&earlier, place->path, &train, &error), ASSAY_OK);
    assert_true(earlier.found && earlier.value == 110 && earlier.ratio == 7.5);
    assert_int_equal(strlen(earlier.time), strlen("2026-01-01T00:00:00Z"));

    /* A line without its end, as a killed writer leaves it, does not spoil the next. */
    struct buffer text = {0};
    read_place(&text, place);
    assert_int_equal(truncate(place->path, (off_t)text.length - 10), 0);
    train.value = 120;
    assert_int_equal(assay_bench_history_append(place->path, &train, NULL, &error), ASSAY_OK);
    assert_int_equal(assay_bench_history_find(&earlier, place->path, &train, &error), ASSAY_OK);
    assert_true(earlier.found && earlier.value == 120);
    assert_int_equal(earlier.damaged, 1);
    assert_int_equal(earlier.first_damaged, 2);
    buffer_free(&text);
}

static void a_failing_disk_loses_no_record(void **state)
{
    const struct place *place = *state;
    assay_bench_result train = result_of("minilm-train", 100);
    assay_bench_earlier earlier;
    struct buffer before = {0}, after = {0};
    assert_int_equal(assay_bench_history_append(place->path, &train, NULL, NULL), ASSAY_OK);
    read_place(&before, place);
    uint64_t calls = file_change_count();
    assert_int_equal(assay_bench_history_append(place->path, &train, NULL, NULL), ASSAY_OK);
    calls = file_change_count() - calls;
    assert_true(calls >= 3); /* open, write, sync */
    for (uint64_t nth = 1; nth <= calls; nth++) {
        assay_error error = {0};
        assert_int_equal(truncate(place->path, (off_t)before.length), 0);
        file_fail_at(nth);
        assert_int_equal(assay_bench_history_append(place->path, &train, NULL, &error),
                         ASSAY_ERROR_IO);
        file_fail_at(0);
        assert_string_equal(error.file, place->path);
        read_place(&after, place);
        assert_memory_equal(after.bytes, before.bytes, before.length);
        assert_int_equal(assay_bench_history_find(&earlier, place->path, &train, NULL), ASSAY_OK);
        assert_true(earlier.found && earlier.damaged == 0);
    }
    assay_error error = {0};
    assert_int_equal(assay_bench_history_append("/dev/null", &train, NULL, &error),
                     ASSAY_ERROR_ARGUMENT);
    assert_int_equal(assay_bench_history_append(place->folder, &train, NULL, &error),
                     ASSAY_ERROR_IO);
    buffer_free(&before);
    buffer_free(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_that_is_alike),
        cmocka_unit_test(damaged_lines_are_passed_over),
        cmocka_unit_test_setup_teardown(records_come_back, make_place, drop_place),
        cmocka_unit_test_setup_teardown(a_failing_disk_loses_no_record, make_place, drop_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
