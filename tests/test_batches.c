/* train/batches: every row once, within the budget, the same from (seed, epoch) alone. */
#include "base/memory.h"
#include "base/random.h"
#include "train/batches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

enum { ROWS = 5003, LONGEST = 512, MANY_ROWS = 1000000 };

static int32_t lengths[MANY_ROWS];

/* Skewed as texts are: many short ones, some long. */
static int make_lengths(void **state)
{
    (void)state;
    for (int i = 0; i < MANY_ROWS; i++) {
        uint64_t draw = random_mix(17, (uint64_t)i);
        int32_t most = 8 << (draw % 7);
        lengths[i] = 1 + (int32_t)(draw / 7 % (uint64_t)most);
    }
    return 0;
}

static struct batch_plan *make(int64_t rows, struct batch_options options, int64_t epoch)
{
    struct batch_plan *plan;
    assay_error error;
    assert_int_equal(batch_plan_make(&plan, lengths, rows, &options, epoch, &error), ASSAY_OK);
    return plan;
}

/* Each row once, each batch within its limits unless it is a row alone, sums right. */
static void check_plan(const struct batch_plan *plan, int64_t rows, struct batch_options options)
{
    unsigned char *seen = calloc((size_t)rows + 1, 1);
    int64_t total = 0;
    for (int64_t batch = 0; batch < batch_plan_count(plan); batch++) {
        int64_t count, tokens = 0;
        const int64_t *row = batch_plan_rows(plan, batch, &count);
        assert_true(count > 0);
        for (int64_t i = 0; i < count; i++) {
            assert_in_range(row[i], 0, rows - 1);
            assert_false(seen[row[i]]);
            seen[row[i]] = 1;
            tokens += lengths[row[i]];
        }
        assert_int_equal(tokens, batch_plan_tokens(plan, batch));
        if (options.items)
            assert_true(count <= options.items);
        if (options.tokens)
            assert_true(count == 1 || tokens <= options.tokens);
        total += count;
    }
    assert_int_equal(total, rows);
    free(seen);
}

static bool same(const struct batch_plan *a, const struct batch_plan *b)
{
    if (batch_plan_count(a) != batch_plan_count(b))
        return false;
    for (int64_t batch = 0; batch < batch_plan_count(a); batch++) {
        int64_t m, n;
        const int64_t *x = batch_plan_rows(a, batch, &m);
        const int64_t *y = batch_plan_rows(b, batch, &n);
        if (m != n || memcmp(x, y, (size_t)m * sizeof *x) != 0)
            return false;
    }
    return true;
}

static void test_permutation(void **state)
{
    (void)state;
    static const struct batch_options all[] = {{BATCH_BUCKETS, 1024, 0, 1},
                                               {BATCH_BUCKETS, 0, 32, 1},
                                               {BATCH_BUCKETS, 300, 7, 1},
                                               {BATCH_FULL, 1024, 0, 1},
                                               {BATCH_FULL, 0, 32, 1},
                                               {BATCH_NONE, 1024, 0, 1},
                                               {BATCH_NONE, 0, 32, 1},
                                               {BATCH_BUCKETS, 1, 0, 1},
                                               {BATCH_BUCKETS, 0, 1, 1},
                                               {BATCH_FULL, INT64_MAX, INT64_MAX, 1},
                                               {BATCH_BUCKETS, INT64_MAX, INT64_MAX, 1}};
    static const int64_t rows[] = {0, 1, 2, 31, 32, 33, 1600, 1601, ROWS};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            struct batch_plan *plan = make(rows[k], all[i], 3);
            check_plan(plan, rows[k], all[i]);
            batch_plan_close(plan);
        }
    }
}

static void test_same_and_different(void **state)
{
    (void)state;
    for (int mode = BATCH_BUCKETS; mode <= BATCH_NONE; mode++) {
        struct batch_options options = {(enum batch_mode)mode, 1024, 0, 5};
        struct batch_options other_seed = options;
        other_seed.seed = 6;
        struct batch_plan *first = make(ROWS, options, 1);
        struct batch_plan *again = make(ROWS, options, 1);
        struct batch_plan *next = make(ROWS, options, 2);
        struct batch_plan *other = make(ROWS, other_seed, 1);
        assert_true(same(first, again));
        assert_int_equal(same(first, next), mode == BATCH_NONE);
        assert_int_equal(same(first, other), mode == BATCH_NONE);
        batch_plan_close(first);
        batch_plan_close(again);
        batch_plan_close(next);
        batch_plan_close(other);
    }
}

static void test_file_order(void **state)
{
    (void)state;
    struct batch_plan *plan = make(ROWS, (struct batch_options){BATCH_NONE, 700, 0, 5}, 4);
    int64_t expected = 0;
    for (int64_t batch = 0; batch < batch_plan_count(plan); batch++) {
        int64_t count;
        const int64_t *rows = batch_plan_rows(plan, batch, &count);
        for (int64_t i = 0; i < count; i++)
            assert_int_equal(rows[i], expected++);
        /* Greedy: the next row would not have fitted. */
        if (expected < ROWS)
            assert_true(batch_plan_tokens(plan, batch) + lengths[expected] > 700);
    }
    batch_plan_close(plan);
}

/* Worked out by a second implementation: a run must resume in the order that an earlier version of
 * assay began with. */
static void test_known_order(void **state)
{
    (void)state;
    static const int64_t shuffled[] = {4, 8, 9, 7, 1, 3, 6, 11, 10, 5, 2, 0};
    static const int64_t paired[] = {0, 8, 3, 7, 1, 5, 2, 10, 4, 6, 9};
    static const int32_t some[] = {5, 1, 9, 3, 7, 2, 8, 4, 6, 11, 10};
    struct batch_plan *plan;
    int64_t count, row = 0;
    plan = make(12, (struct batch_options){BATCH_FULL, 0, 12, 42}, 3);
    assert_memory_equal(batch_plan_rows(plan, 0, &count), shuffled, sizeof shuffled);
    batch_plan_close(plan);
    struct batch_options options = {BATCH_BUCKETS, 0, 2, 42};
    assert_int_equal(batch_plan_make(&plan, some, 11, &options, 3, NULL), ASSAY_OK);
    assert_int_equal(batch_plan_count(plan), 6);
    for (int64_t batch = 0; batch < 6; batch++) {
        const int64_t *rows = batch_plan_rows(plan, batch, &count);
        for (int64_t i = 0; i < count; i++)
            assert_int_equal(rows[i], paired[row++]);
    }
    batch_plan_close(plan);
}

static void test_long_row_alone(void **state)
{
    (void)state;
    static const int32_t some[] = {5, 900, 5, 0, 2000, 1, 100};
    for (int mode = BATCH_BUCKETS; mode <= BATCH_NONE; mode++) {
        struct batch_options options = {(enum batch_mode)mode, 100, 0, 5};
        struct batch_plan *plan;
        int alone = 0, rows = 0;
        assert_int_equal(batch_plan_make(&plan, some, 7, &options, 0, NULL), ASSAY_OK);
        for (int64_t batch = 0; batch < batch_plan_count(plan); batch++) {
            int64_t count;
            const int64_t *row = batch_plan_rows(plan, batch, &count);
            rows += (int)count;
            if (batch_plan_tokens(plan, batch) > 100) {
                assert_int_equal(count, 1);
                assert_true(row[0] == 1 || row[0] == 4);
                alone++;
            }
        }
        assert_int_equal(alone, 2);
        assert_int_equal(rows, 7);
        batch_plan_close(plan);
    }
}

/* Mean over batches of (longest - shortest). */
static double spread(const struct batch_plan *plan)
{
    double sum = 0;
    for (int64_t batch = 0; batch < batch_plan_count(plan); batch++) {
        int64_t count;
        const int64_t *row = batch_plan_rows(plan, batch, &count);
        int32_t least = lengths[row[0]], most = least;
        for (int64_t i = 1; i < count; i++) {
            least = lengths[row[i]] < least ? lengths[row[i]] : least;
            most = lengths[row[i]] > most ? lengths[row[i]] : most;
        }
        sum += most - least;
    }
    return sum / (double)batch_plan_count(plan);
}

static void test_statistics(void **state)
{
    (void)state;
    struct batch_options options = {BATCH_BUCKETS, 4096, 0, 9};
    struct batch_plan *buckets = make(100000, options, 0);
    options.mode = BATCH_FULL;
    struct batch_plan *full = make(100000, options, 0);
    assert_true(spread(buckets) < spread(full) / 4);

    /* Batches are nearly full, and only the last is cut short by the end of the rows. */
    int64_t total = 0;
    for (int i = 0; i < 100000; i++)
        total += lengths[i];
    assert_true((double)total / (4096.0 * (double)batch_plan_count(buckets)) > 0.95);
    assert_true((double)total / (4096.0 * (double)batch_plan_count(full)) > 0.95);

    /* Neither do lengths drift within the epoch: halves have the same mean row length. */
    double sums[2] = {0}, rows[2] = {0};
    for (int64_t batch = 0; batch < batch_plan_count(buckets); batch++) {
        int64_t count;
        int half = batch >= batch_plan_count(buckets) / 2;
        batch_plan_rows(buckets, batch, &count);
        rows[half] += (double)count;
        sums[half] += (double)batch_plan_tokens(buckets, batch);
    }
    double ratio = sums[0] / rows[0] / (sums[1] / rows[1]);
    assert_true(ratio > 0.8 && ratio < 1.25);
    batch_plan_close(buckets);
    batch_plan_close(full);
}

/* Each of 5 rows at each of 5 places as often: chi-squared with 16 degrees of freedom over 4,000
 * epochs; 50 is exceeded with probability 2e-5. Also that all 120 orders turn up. */
static void test_uniform(void **state)
{
    (void)state;
    enum { N = 5, EPOCHS = 4000 };
    int counts[N][N] = {{0}};
    static bool orders[3125];
    int different = 0;
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        struct batch_plan *plan = make(N, (struct batch_options){BATCH_FULL, 0, N, 1234}, epoch);
        int64_t count;
        int order = 0;
        const int64_t *rows = batch_plan_rows(plan, 0, &count);
        for (int i = 0; i < N; i++) {
            counts[i][rows[i]]++;
            order = order * N + (int)rows[i];
        }
        different += !orders[order];
        orders[order] = true;
        batch_plan_close(plan);
    }
    double chi = 0, expected = (double)EPOCHS / N;
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < N; k++)
            chi += (counts[i][k] - expected) * (counts[i][k] - expected) / expected;
    }
    assert_true(chi < 50);
    assert_int_equal(different, 120);
}

static void test_refusals(void **state)
{
    (void)state;
    static const int32_t bad[] = {1, 2, -3};
    struct batch_plan *plan;
    assay_error error;
    struct batch_options options = {BATCH_FULL, 10, 0, 0};
    assert_int_equal(batch_plan_make(&plan, bad, 3, &options, 0, &error), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(error.row, 3);
    assert_null(plan);
    assert_int_equal(batch_plan_make(&plan, bad, 2, &options, -1, NULL), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(batch_plan_make(&plan, bad, -2, &options, 0, NULL), ASSAY_ERROR_ARGUMENT);
    options.tokens = 0;
    assert_int_equal(batch_plan_make(&plan, bad, 2, &options, 0, &error), ASSAY_ERROR_ARGUMENT);
    assert_string_equal(error.found, "tokens 0, items 0");
    options.items = -1;
    assert_int_equal(batch_plan_make(&plan, bad, 2, &options, 0, &error), ASSAY_ERROR_ARGUMENT);
    options = (struct batch_options){(enum batch_mode)7, 10, 0, 0};
    assert_int_equal(batch_plan_make(&plan, bad, 2, &options, 0, &error), ASSAY_ERROR_ARGUMENT);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    struct batch_options options = {BATCH_BUCKETS, 100, 0, 0};
    int failures = 0;
    for (uint64_t nth = 1;; nth++) {
        struct batch_plan *plan;
        memory_fail_at(nth);
        assay_status status = batch_plan_make(&plan, lengths, 500, &options, 0, NULL);
        memory_fail_at(0);
        if (status == ASSAY_OK) {
            batch_plan_close(plan);
            break;
        }
        assert_int_equal(status, ASSAY_ERROR_MEMORY);
        failures++;
    }
    assert_int_equal(failures, 4);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void test_a_million_rows(void **state)
{
    (void)state;
    struct batch_options options = {BATCH_BUCKETS, 8192, 0, 3};
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    double began = seconds();
    struct batch_plan *plan = make(MANY_ROWS, options, 0);
    double took = seconds() - began;
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 64 << 10); /* KiB */
    check_plan(plan, MANY_ROWS, options);
    print_message("a million rows: %.3f s of processor time\n", took);
#ifdef __OPTIMIZE__
    assert_true(took < 1.0);
#endif
    batch_plan_close(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permutation),     cmocka_unit_test(test_same_and_different),
        cmocka_unit_test(test_file_order),      cmocka_unit_test(test_long_row_alone),
        cmocka_unit_test(test_known_order),     cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_uniform),         cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_memory_runs_out), cmocka_unit_test(test_a_million_rows),
    };
    return cmocka_run_group_tests(tests, make_lengths, NULL);
}
