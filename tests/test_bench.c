/* Works in processes of their own, profiles as tables, batches, curves. */
#include "base/error.h"
#include "base/memory.h"
#include "base/process.h"
#include "machine/apart.h"
#include "machine/bench_profile.h"
#include "machine/bench_subject.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a function in a child */

struct report {
    int64_t peak;
    int value;
    pid_t process;
};

enum { LARGE = 96 << 20 };

static assay_status fill_memory(void *result, void *context, assay_error *error)
{
    struct report *report = result;
    size_t bytes = *(const size_t *)context;
    char *block = memory_allocate(bytes + 1, 1);
    if (!block)
        return error_memory(error, bytes);
    memset(block, 1, bytes + 1);
    report->value += block[bytes];
    memory_free(block);
    report->peak = process_peak_memory();
    report->process = getpid();
    return ASSAY_OK;
}

static void a_childs_peak_is_its_own(void **state)
{
    (void)state;
    struct report report = {.value = 41};
    size_t large = LARGE, small = 0;
    assay_error error = {0};
    assert_int_equal(run_apart(&report, sizeof report, fill_memory, &large, &error), ASSAY_OK);
    assert_int_equal(report.value, 42);
    assert_true(report.process != getpid());
    int64_t first = report.peak;
    assert_true(first >= LARGE);
    assert_int_equal(run_apart(&report, sizeof report, fill_memory, &small, &error), ASSAY_OK);
    assert_true(report.peak < first - LARGE / 2);
}

enum { REFUSE, ABORT, KILL, LEAVE };

static assay_status end_badly(void *result, void *context, assay_error *error)
{
    (void)result;
    switch (*(const int *)context) {
    case ABORT:
        signal(SIGABRT, SIG_DFL);
        raise(SIGABRT);
        break;
    case KILL:
        raise(SIGKILL);
        break;
    case LEAVE:
        _exit(7);
    default:
        break;
    }
    error_set(error, ASSAY_ERROR_SHAPE, "no good");
    error_at_place(error, "here");
    return ASSAY_ERROR_SHAPE;
}

static void a_childs_end_is_an_error(void **state)
{
    (void)state;
    static const struct {
        int how;
        assay_status status;
        const char *found;
    } cases[] = {{REFUSE, ASSAY_ERROR_SHAPE, ""},
                 {ABORT, ASSAY_ERROR_INTERNAL, "signal 6"},
                 {KILL, ASSAY_ERROR_MEMORY, "signal 9"},
                 {LEAVE, ASSAY_ERROR_INTERNAL, "exit code 7"}};
    for (int i = 0; i < 4; i++) {
        struct report report = {0};
        assay_error error = {0};
        int how = cases[i].how;
        assert_int_equal(run_apart(&report, sizeof report, end_badly, &how, &error),
                         cases[i].status);
        assert_int_equal(error.status, cases[i].status);
        assert_memory_equal(error.found, cases[i].found, strlen(cases[i].found));
        if (how == REFUSE) {
            assert_string_equal(error.message, "no good");
            assert_string_equal(error.place, "here");
        }
        assert_int_equal(run_apart(&report, sizeof report, end_badly, &how, NULL), cases[i].status);
    }
}

/* ---- profiles */

static double share_sum(const assay_profile *profile)
{
    double sum = 0.0;
    for (int i = 0; i < profile->count; i++)
        sum += profile->rows[i].share;
    return sum;
}

static const assay_profile_row *row_of(const assay_profile *profile, const char *name)
{
    for (int i = 0; i < profile->count; i++) {
        if (!strcmp(profile->rows[i].name, name))
            return &profile->rows[i];
    }
    return NULL;
}

static void shares_add_up_to_one(void **state)
{
    (void)state;
    struct profile profile = {0};
    profile_add(&profile, "linear", PROFILE_BACKWARD_X, 3.0, 6e9);
    profile_add(&profile, "linear", PROFILE_PACKING, 1.0, 0.0);
    profile_add(&profile, "linear", PROFILE_BACKWARD_BIAS, 0.5, 0.0);
    profile_add(&profile, "attention", PROFILE_FORWARD, 2.0, 1e9);
    profile_add(&profile, "layer_norm", PROFILE_FORWARD, 0.5, 0.0);
    profile_add(&profile, "adamw", PROFILE_WHOLE, 1.0, 0.0);
    assay_profile table;
    bench_profile_fill(&table, &profile, 10.0, 5);
    assert_int_equal(table.count, 7);
    assert_true(fabs(share_sum(&table) - 1.0) < 1e-12);
    assert_true(fabs(table.inside - 0.6) < 1e-12);
    assert_true(fabs(row_of(&table, "everything else")->share - 0.2) < 1e-12);
    assert_true(fabs(row_of(&table, "linear backward x")->share - 0.3) < 1e-12);
    assert_true(row_of(&table, "linear backward x")->inside);
    assert_false(row_of(&table, "linear packing")->inside);
    assert_false(row_of(&table, "linear backward bias")->inside);
    assert_false(row_of(&table, "layer_norm forward")->inside);
    assert_true(row_of(&table, "adamw")->inside);
    for (int i = 1; i < table.count; i++)
        assert_true(table.rows[i - 1].seconds >= table.rows[i].seconds);

    /* Clocks that disagree, and nothing measured, make no share larger than the whole. */
    bench_profile_fill(&table, &profile, 4.0, 5);
    assert_true(fabs(share_sum(&table) - 1.0) < 1e-12);
    assert_true(row_of(&table, "everything else")->seconds == 0.0);
    profile_clear(&profile);
    bench_profile_fill(&table, &profile, 0.0, 0);
    assert_true(share_sum(&table) == 0.0 && table.inside == 0.0);

    /* A full table has room for everything else. */
    static char names[PROFILE_ENTRIES + 3][16];
    for (int i = 0; i < PROFILE_ENTRIES + 3; i++) {
        snprintf(names[i], sizeof names[i], "op %d", i);
        profile_add(&profile, names[i], PROFILE_WHOLE, 1.0, 0.0);
    }
    bench_profile_fill(&table, &profile, 2.0 * PROFILE_ENTRIES, 1);
    assert_int_equal(table.count, PROFILE_ENTRIES + 1);
    assert_true(fabs(share_sum(&table) - 1.0) < 1e-12);
}

/* ---- works */

static void check_work(const char *name, double inside)
{
    assay_bench_options options = ASSAY_BENCH_OPTIONS_INIT;
    options.threads = 1;
    options.seconds = 1e-3;
    options.max_tokens = 4;
    options.profile = true;
    assay_bench_result result;
    assay_error error = {0};
    int64_t own = process_peak_memory();
    if (assay_bench_run_apart(&result, name, &options, &error) != ASSAY_OK)
        fail_msg("%s: %s", name, error.message);
    assert_string_equal(result.work, name);
    assert_string_equal(result.unit, "tokens/s");
    assert_string_equal(result.rows, "drawn");
    assert_int_equal(result.threads, 1);
    assert_int_equal(result.max_tokens, 4);
    assert_true(result.value > 0.0 && result.least <= result.value && result.value <= result.most);
    assert_true(result.mean >= result.least && result.mean <= result.most);
    assert_true(result.repetitions >= 3);
    assert_true(result.floor > 0.0 && result.product_peak > 0.0 && result.operations > 0.0);
    double token = result.operations / result.product_peak;
    if (result.bytes > 0.0)
        token += result.bytes / result.stream_peak;
    assert_true(fabs(result.floor * token - 1.0) < 1e-9);
    assert_true(result.profile.count > 5);
    assert_true(fabs(share_sum(&result.profile) - 1.0) < 1e-9);
    assert_true(result.profile.inside > inside && result.profile.inside < 1.0);
    assert_true(result.peak_bytes > 0);
    /* The work's memory came and went without this process. */
    assert_true(process_peak_memory() - own < 32 << 20);
}

static void works_run_apart(void **state)
{
    (void)state;
    check_work("minilm-embed", 0.3);
    check_work("minilm-train", 0.2);
}

static void works_that_do_not_run(void **state)
{
    (void)state;
    assay_bench_result result;
    assay_error error = {0};
    assert_int_equal(assay_bench_run_apart(&result, "minilm", NULL, &error), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(assay_bench_run_apart(&result, "load", NULL, &error), ASSAY_ERROR_ARGUMENT);
    assay_bench_options options = ASSAY_BENCH_OPTIONS_INIT;
    options.data = "nowhere.jsonl";
    assert_int_equal(assay_bench_run_apart(&result, "minilm-train", &options, &error),
                     ASSAY_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "--model"));
}

/* The first batches are the same whatever is asked for; a round has each batch once. */
static void batches_come_in_an_order_of_their_own(void **state)
{
    (void)state;
    assay_bench_options options = ASSAY_BENCH_OPTIONS_INIT;
    options.max_tokens = 6;
    struct bench_request request = {.subject = bench_subject_find("distilbert-train"),
                                    .options = &options};
    struct bench_rows rows = {0};
    assert_int_equal(bench_rows_open(&rows, &request, NULL), ASSAY_OK);
    assert_int_equal(rows.batches, 16);
    for (int64_t count = 1; count <= 60; count++) {
        bool seen[60] = {false};
        rows.batches = count;
        for (int64_t step = 0; step < count; step++) {
            int64_t row = bench_rows_at(&rows, &request, step);
            assert_int_equal(row % rows.batch, 0);
            assert_true(row / rows.batch < count && !seen[row / rows.batch]);
            seen[row / rows.batch] = true;
        }
    }
    rows.batches = 16;
    struct bench_request few = request;
    few.batches = 3;
    for (int64_t step = 0; step < 9; step++)
        assert_int_equal(bench_rows_at(&rows, &few, step),
                         bench_rows_at(&rows, &request, step % 3));
    bench_rows_free(&rows);
}

/* ---- curves */

static void cliffs_are_marked(void **state)
{
    (void)state;
    /* Twice as dear as both neighbours; dear, but so is its floor; dear at the end. The peak of the
     * third was pressed down while it was measured. */
    assay_sweep_point points[] = {
        {.size = 1, .tokens_per_s = 100, .operations = 1e6, .product_peak = 1e9},
        {.size = 2, .tokens_per_s = 50, .operations = 1e6, .product_peak = 1e9},
        {.size = 3, .tokens_per_s = 100, .operations = 1e6, .product_peak = 2e8},
        {.size = 4,
         .tokens_per_s = 40,
         .operations = 1e6,
         .product_peak = 1e9,
         .bytes = 3e6,
         .stream_peak = 2e9},
        {.size = 5,
         .tokens_per_s = 20,
         .operations = 1e6,
         .product_peak = 1e9,
         .bytes = 3e6,
         .stream_peak = 1e9},
    };
    static const bool expected[] = {false, true, false, false, true};
    assay_sweep_finish(points, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(points[i].cliff, expected[i]);
        assert_true(fabs(points[i].floor - (i < 3 ? 1000.0 : 400.0)) < 1e-6);
    }
    assay_sweep_finish(points, 1);
    assert_false(points[0].cliff);
    assay_sweep_finish(points, 0);
}

static void sizes_rise_and_hold_odd_ones(void **state)
{
    (void)state;
    for (int axis = ASSAY_SWEEP_LENGTH; axis <= ASSAY_SWEEP_WIDTH; axis++) {
        const int64_t *sizes;
        assay_sweep_axis read;
        int count = assay_sweep_sizes((assay_sweep_axis)axis, &sizes), odd = 0;
        assert_true(assay_sweep_axis_from_name(&read, assay_sweep_axis_name(axis)));
        assert_int_equal(read, axis);
        for (int i = 0; i < count; i++) {
            assert_true(i == 0 || sizes[i] > sizes[i - 1]);
            odd += sizes[i] % 2 == 1;
        }
        assert_true(odd >= 2);
    }
    assay_sweep_axis axis;
    assert_false(assay_sweep_axis_from_name(&axis, "depth"));
}

static void a_point_is_measured(void **state)
{
    (void)state;
    assay_bench_options options = ASSAY_BENCH_OPTIONS_INIT;
    options.threads = 1;
    options.seconds = 1e-3;
    assay_sweep_point point;
    assay_error error = {0};
    if (assay_bench_sweep_point(&point, "minilm-embed", ASSAY_SWEEP_WIDTH, 100, &options, &error))
        fail_msg("%s", error.message);
    assert_int_equal(point.size, 100);
    assert_true(point.tokens_per_s > 0.0 && point.floor > 0.0 && point.peak_bytes > 0);
    assert_true(fabs(point.microseconds * point.tokens_per_s / 1e6 - 1.0) < 1e-9);
    assert_int_equal(
        assay_bench_sweep_point(&point, "tokenize", ASSAY_SWEEP_WIDTH, 100, &options, &error),
        ASSAY_ERROR_ARGUMENT);
    assert_int_equal(assay_bench_sweep_point(&point, "minilm-embed", ASSAY_SWEEP_WIDTH, 1 << 20,
                                             &options, &error),
                     ASSAY_ERROR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_childs_peak_is_its_own),
        cmocka_unit_test(a_childs_end_is_an_error),
        cmocka_unit_test(shares_add_up_to_one),
        cmocka_unit_test(works_run_apart),
        cmocka_unit_test(works_that_do_not_run),
        cmocka_unit_test(batches_come_in_an_order_of_their_own),
        cmocka_unit_test(cliffs_are_marked),
        cmocka_unit_test(sizes_rise_and_hold_odd_ones),
        cmocka_unit_test(a_point_is_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
