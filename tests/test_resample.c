/* The bootstrap over clusters: draws that do not depend on threads, and intervals that hold the
 * truth as often as they say, by simulation. */
#include "base/memory.h"
#include "base/normal.h"
#include "base/random.h"
#include "report/contest.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CLUSTERS = 60, SIZE = 3, ROWS = CLUSTERS * SIZE, SAMPLES = 1500, RESAMPLES = 400 };

/* Of scores: how far the classes lie apart, and the spread of what clusters and rows add. */
static const double shift = 1.2, cluster_spread = 1.0, row_spread = 0.6;

static double uniform(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t four[4];
    const uint32_t place[4] = {a, b, c, 0};
    random_block(four, 77, place);
    return ((double)four[0] + 0.5) / 4294967296.0;
}

static double normal(uint32_t a, uint32_t b, uint32_t c)
{
    return normal_quantile(uniform(a, b, c));
}

struct sample {
    double scores[2][ROWS];
    int32_t cluster[ROWS], alone[ROWS];
    uint8_t positive[ROWS], right[2][ROWS];
};

/* Two scorers of the same rows; all rows of a cluster have one label, so that no pair of classes
 * lies within a cluster and the true area is that of two normal curves. */
static void make_sample(struct sample *s, uint32_t number)
{
    for (uint32_t c = 0; c < CLUSTERS; c++) {
        bool positive = uniform(number, c, 0) < 0.5;
        double shared = cluster_spread * normal(number, c, 1);
        for (uint32_t i = 0; i < SIZE; i++) {
            uint32_t row = c * SIZE + i;
            s->cluster[row] = (int32_t)c;
            s->alone[row] = (int32_t)row;
            s->positive[row] = positive;
            for (uint32_t k = 0; k < 2; k++) {
                double own = row_spread * normal(number, row, 2 + k);
                s->scores[k][row] = (positive ? shift : 0.0) + shared + own;
                s->right[k][row] = (s->scores[k][row] > shift / 2.0) == positive;
            }
        }
    }
}

static double true_area(void)
{
    double spread = sqrt(cluster_spread * cluster_spread + row_spread * row_spread);
    return 0.5 * erfc(-shift / (sqrt(2.0) * spread) / sqrt(2.0));
}

static double true_accuracy(void)
{
    double spread = sqrt(cluster_spread * cluster_spread + row_spread * row_spread);
    return 0.5 * erfc(-shift / 2.0 / spread / sqrt(2.0));
}

struct coverage {
    int area, area_alone, accuracy, difference;
};

static void count_sample(struct coverage *count, const struct sample *s, uint32_t number)
{
    struct ranking rankings[2];
    struct contestant both[2];
    struct contest_result results[2], alone[1];
    struct resample_plan plan = {s->cluster, ROWS, CLUSTERS, RESAMPLES, number, NULL};
    for (int k = 0; k < 2; k++) {
        assert_true(ranking_make(&rankings[k], s->scores[k], ROWS));
        both[k] = (struct contestant){&rankings[k], s->right[k]};
    }
    assert_int_equal(contest_judge(results, both, 2, s->positive, &plan, NULL), ASSAY_OK);
    plan.cluster = s->alone;
    plan.clusters = ROWS;
    assert_int_equal(contest_judge(alone, both, 1, s->positive, &plan, NULL), ASSAY_OK);
    const struct interval area = results[0].auroc.interval, rows = alone[0].auroc.interval;
    const struct interval accuracy = results[0].accuracy.interval;
    const struct interval lead = results[1].auroc.lead_interval;
    count->area += area.low <= true_area() && true_area() <= area.high;
    count->area_alone += rows.low <= true_area() && true_area() <= rows.high;
    count->accuracy += accuracy.low <= true_accuracy() && true_accuracy() <= accuracy.high;
    count->difference += lead.low <= 0.0 && 0.0 <= lead.high;
    ranking_free(&rankings[0]);
    ranking_free(&rankings[1]);
}

static double percent(int part)
{
    return 100.0 * part / SAMPLES;
}

static void intervals_cover(void **state)
{
    (void)state;
    struct coverage count = {0};
    static struct sample sample;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        make_sample(&sample, i);
        count_sample(&count, &sample, i);
    }
    print_message("95 %% intervals over clusters hold the truth: area %.1f %%, accuracy %.1f %%, "
                  "paired difference %.1f %%; area over rows: %.1f %%\n",
                  percent(count.area), percent(count.accuracy), percent(count.difference),
                  percent(count.area_alone));
    assert_true(percent(count.area) > 93.0 && percent(count.area) < 97.0);
    assert_true(percent(count.accuracy) > 93.0 && percent(count.accuracy) < 97.0);
    assert_true(percent(count.difference) > 93.0 && percent(count.difference) < 97.0);
    /* Rows that hang together and are taken for independent make intervals too narrow: the
     * simulation can tell. */
    assert_true(percent(count.area_alone) < 88.0);
}

static void first_weights(const void *context, double *out, const double *weights, int thread)
{
    const int64_t *rows = context;
    (void)thread;
    double sum = 0.0;
    for (int64_t i = 0; i < *rows; i++)
        sum += weights[i];
    for (int64_t i = 0; i < *rows; i++)
        out[i] = weights[i];
    out[*rows] = sum;
}

static void draws(void **state)
{
    (void)state;
    enum { FEW = 9, COUNT = 500 };
    const int32_t cluster[FEW] = {0, 0, 1, 2, 2, 2, 3, 4, 4};
    int64_t rows = FEW;
    static double values[2][(FEW + 1) * COUNT];
    for (int k = 0; k < 2; k++) {
        struct thread_pool *threads;
        assert_int_equal(thread_pool_open(&threads, k ? 3 : 1, NULL), ASSAY_OK);
        struct resample_plan plan = {cluster, FEW, 5, COUNT, 42, threads};
        assert_int_equal(resample(values[k], FEW + 1, &plan, first_weights, &rows, NULL), ASSAY_OK);
        thread_pool_close(threads);
    }
    assert_memory_equal(values[0], values[1], sizeof values[0]);
    double mean[FEW] = {0};
    for (int r = 0; r < COUNT; r++) {
        double clusters = 0.0;
        for (int i = 0; i < FEW; i++) {
            double weight = values[0][i * COUNT + r];
            mean[i] += weight / COUNT;
            assert_true(weight == floor(weight));
            /* Rows of a cluster are drawn together. */
            if (i && cluster[i] == cluster[i - 1])
                assert_true(weight == values[0][(i - 1) * COUNT + r]);
            else
                clusters += weight;
        }
        assert_true(clusters == 5.0);
    }
    for (int i = 0; i < FEW; i++)
        assert_true(fabs(mean[i] - 1.0) < 0.2);
    struct resample_plan plan = {cluster, FEW, 5, COUNT, 43, NULL};
    assert_int_equal(resample(values[1], FEW + 1, &plan, first_weights, &rows, NULL), ASSAY_OK);
    assert_memory_not_equal(values[0], values[1], sizeof values[0]);
    for (uint64_t nth = 1; nth <= 3; nth++) {
        memory_fail_at(nth);
        assert_int_equal(resample(values[1], FEW + 1, &plan, first_weights, &rows, NULL),
                         ASSAY_ERROR_MEMORY);
    }
    memory_fail_at(0);
}

static void intervals_that_are_refused(void **state)
{
    (void)state;
    double values[100];
    const char *reason;
    struct resample_plan plan = {NULL, 0, 1, 100, 0, NULL};
    for (int i = 0; i < 100; i++)
        values[i] = i;
    assert_true(isnan(resample_interval(values, &plan, &reason).low));
    assert_non_null(strstr(reason, "one cluster"));
    plan.clusters = 30;
    assert_false(isnan(resample_interval(values, &plan, &reason).low));
    assert_null(reason);
    for (int i = 0; i < 4; i++)
        values[i * 7] = NAN;
    assert_false(isnan(resample_interval(values, &plan, &reason).low));
    for (int i = 0; i < 100; i++)
        values[i] = i % 10 ? (double)i : (double)NAN;
    assert_true(isnan(resample_interval(values, &plan, &reason).low));
    assert_non_null(strstr(reason, "5 %"));
    assert_int_equal(resample_count(0, 5000), 1000);
    assert_int_equal(resample_count(0, 400000), 500);
    assert_int_equal(resample_count(0, 10000000), 200);
    assert_int_equal(resample_count(77, 10000000), 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_cover),
        cmocka_unit_test(draws),
        cmocka_unit_test(intervals_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
