/* Areas and their intervals beside their definitions, and by simulation: of 95 % intervals, 95 of a
 * hundred hold the true area, also where rows come in clusters. */
#include "base/auroc.h"
#include "base/metrics.h"
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 400 };

struct rows {
    float values[MOST];
    int32_t labels[MOST];
    uint32_t clusters[MOST], order[MOST];
    struct auroc_cluster scratch[MOST];
    int64_t count, cluster_count;
};

static const float *sorted_values;

static int by_value(const void *a, const void *b)
{
    float x = sorted_values[*(const uint32_t *)a], y = sorted_values[*(const uint32_t *)b];
    return x < y ? -1 : x > y;
}

static struct auroc_estimate estimate(struct rows *rows)
{
    struct auroc_estimate out;
    for (int64_t i = 0; i < rows->count; i++)
        rows->order[i] = (uint32_t)i;
    sorted_values = rows->values;
    qsort(rows->order, (size_t)rows->count, sizeof *rows->order, by_value);
    auroc_estimate(&out, rows->values, rows->order, rows->labels, 1, rows->clusters, rows->scratch,
                   rows->cluster_count, rows->count);
    return out;
}

static double uniform(uint64_t key, uint64_t at)
{
    return ((double)(random_mix(key, at) >> 11) + 0.5) * 0x1p-53;
}

static double normal(uint64_t key, uint64_t at)
{
    return sqrt(-2.0 * log(uniform(key, 2 * at))) *
           cos(2.0 * 3.14159265358979323846 * uniform(key, 2 * at + 1));
}

/* By the definition: all pairs, then Obuchowski's three sums over clusters. */
static void by_pairs(const struct rows *rows, double *area, double *variance)
{
    double v10[MOST] = {0}, v01[MOST] = {0}, m = 0, n = 0, sum = 0;
    for (int64_t i = 0; i < rows->count; i++) {
        m += rows->labels[i] == 1;
        n += rows->labels[i] == 0;
    }
    for (int64_t i = 0; i < rows->count; i++) {
        for (int64_t j = 0; j < rows->count; j++) {
            if (rows->labels[i] != 1 || rows->labels[j] != 0)
                continue;
            double wins = rows->values[i] > rows->values[j]    ? 1.0
                          : rows->values[i] == rows->values[j] ? 0.5
                                                               : 0.0;
            v10[i] += wins / n;
            v01[j] += wins / m;
            sum += wins;
        }
    }
    *area = sum / (m * n);
    double s10 = 0, s01 = 0, s11 = 0, i10 = 0, i01 = 0, all = 0;
    for (int64_t c = 0; c < rows->cluster_count; c++) {
        double a = 0, b = 0, mc = 0, nc = 0;
        for (int64_t i = 0; i < rows->count; i++) {
            if (rows->clusters[i] != (uint32_t)c || rows->labels[i] < 0)
                continue;
            a += rows->labels[i] == 1 ? v10[i] - *area : 0.0;
            b += rows->labels[i] == 0 ? v01[i] - *area : 0.0;
            mc += rows->labels[i] == 1;
            nc += rows->labels[i] == 0;
        }
        i10 += mc > 0;
        i01 += nc > 0;
        all += mc + nc > 0;
        s10 += a * a;
        s01 += b * b;
        s11 += a * b;
    }
    *variance = i10 / ((i10 - 1) * m) * s10 / m + i01 / ((i01 - 1) * n) * s01 / n +
                2 * all / (all - 1) * s11 / (m * n);
}

static void as_defined(void **state)
{
    (void)state;
    static struct rows rows;
    for (uint64_t trial = 0; trial < 60; trial++) {
        rows.count = 20 + (int64_t)trial * 3;
        rows.cluster_count = trial % 2 ? rows.count : rows.count / 3;
        for (int64_t i = 0; i < rows.count; i++) {
            uint64_t at = (uint64_t)i;
            rows.labels[i] = uniform(trial, at) < 0.1 ? -1 : uniform(trial + 1000, at) < 0.4;
            rows.clusters[i] =
                trial % 2 ? (uint32_t)i
                          : (uint32_t)(uniform(trial + 2000, at) * (double)rows.cluster_count);
            rows.values[i] = (float)floor(uniform(trial + 3000, at) * (trial % 3 ? 8 : 1e6)) +
                             (float)rows.labels[i];
        }
        double area, variance;
        by_pairs(&rows, &area, &variance);
        struct auroc_estimate found = estimate(&rows);
        assert_true(fabs(found.auroc - area) < 1e-13);
        assert_true(fabs(found.variance - fmax(variance, 0)) < 1e-13);
        int64_t kept = 0; /* the same area as base/metrics, which has no rows to leave out */
        for (int64_t i = 0; i < rows.count; i++) {
            if (rows.labels[i] < 0)
                continue;
            rows.values[kept] = rows.values[i];
            rows.labels[kept++] = rows.labels[i];
        }
        double exact;
        assert_true(metric_auroc(&exact, rows.values, rows.labels, 1, kept));
        assert_true(fabs(exact - area) < 1e-13);
    }
}

/* Rows in clusters of four share an effect; every other cluster has rows of both classes. Returns
 * the share of intervals that hold the true area. */
static double coverage(bool by_cluster, double shift, double effect)
{
    enum { TRIALS = 2000, CLUSTERS = 60, EACH = 4 };
    static struct rows rows;
    double truth = 0.5 * erfc(-shift / sqrt(2.0 * (1.0 + effect * effect)) / sqrt(2.0));
    int held = 0;
    for (uint64_t trial = 0; trial < TRIALS; trial++) {
        uint64_t key = random_mix(trial, 77);
        rows.count = (int64_t)CLUSTERS * EACH;
        rows.cluster_count = by_cluster ? CLUSTERS : rows.count;
        for (int64_t i = 0; i < rows.count; i++) {
            int64_t c = i / EACH;
            rows.clusters[i] = (uint32_t)(by_cluster ? c : i);
            rows.labels[i] = c % 2 ? (int32_t)(i % 2) : (int32_t)(c / 2 % 2);
            rows.values[i] = (float)(normal(key, (uint64_t)i) + shift * rows.labels[i] +
                                     effect * normal(key + 1, (uint64_t)c));
        }
        struct auroc_estimate found = estimate(&rows);
        struct interval interval = auroc_interval(&found, 0.05);
        assert_true(interval.low <= found.auroc && found.auroc <= interval.high);
        held += interval.low <= truth && truth <= interval.high;
    }
    return (double)held / TRIALS;
}

static void intervals_hold_what_they_say(void **state)
{
    (void)state;
    static const double shifts[] = {0.0, 0.6, 1.5};
    for (int i = 0; i < 3; i++) {
        double alone = coverage(false, shifts[i], 0.0);
        double together = coverage(true, shifts[i], 1.0);
        if (alone < 0.93 || alone > 0.97 || together < 0.93 || together > 0.97)
            fail_msg("coverage %.3f alone, %.3f in clusters", alone, together);
    }
    /* Rows of a cluster taken for independent ones: too sure. The test would see it. */
    assert_true(coverage(false, 0.6, 1.0) < 0.93);
}

static void at_the_ends(void **state)
{
    (void)state;
    static struct rows rows;
    rows.count = rows.cluster_count = 20;
    for (int i = 0; i < 20; i++) {
        rows.values[i] = (float)i;
        rows.labels[i] = i >= 10;
        rows.clusters[i] = (uint32_t)i;
    }
    struct auroc_estimate found = estimate(&rows);
    struct interval interval = auroc_interval(&found, 0.05);
    assert_true(found.auroc == 1.0 && interval.high == 1.0);
    assert_true(fabs(interval.low - pow(0.025, 0.1)) < 1e-15);
    for (int i = 0; i < 20; i++)
        rows.labels[i] = i < 10;
    found = estimate(&rows);
    interval = auroc_interval(&found, 0.05);
    assert_true(interval.low == 0.0 && fabs(interval.high - (1 - pow(0.025, 0.1))) < 1e-15);
    for (int i = 0; i < 20; i++)
        rows.values[i] = 3.0f;
    found = estimate(&rows);
    interval = auroc_interval(&found, 0.05);
    assert_true(found.auroc == 0.5 && interval.low == 0.5 && interval.high == 0.5);
    for (int i = 0; i < 20; i++)
        rows.labels[i] = 1;
    found = estimate(&rows);
    assert_true(isnan(found.auroc));
    interval = auroc_interval(&found, 0.05);
    assert_true(interval.low == 0.0 && interval.high == 1.0);
    rows.labels[0] = 0; /* one negative: no variance */
    found = estimate(&rows);
    interval = auroc_interval(&found, 0.05);
    assert_true(found.auroc == 0.5 && interval.low == 0.0 && interval.high == 1.0);
}

static void shares(void **state)
{
    (void)state;
    assert_true(fabs(normal_upper_point(0.025) - 1.959963984540054) < 1e-13);
    assert_true(fabs(normal_upper_point(0.5)) < 1e-13);
    /* Newcombe (1998), table II, method 10: 56/70 against 48/80. */
    struct interval interval = share_difference_interval(56, 70, 48, 80, 0.05);
    assert_true(fabs(interval.low - 0.0524) < 5e-5 && fabs(interval.high - 0.3339) < 5e-5);
    interval = share_difference_interval(10, 10, 0, 10, 0.05);
    assert_true(interval.low > 0.5 && interval.low < 0.7 && interval.high == 1.0);
    interval = share_difference_interval(0, 0, 1, 2, 0.05);
    assert_true(interval.low == -1.0 && interval.high == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_defined),
        cmocka_unit_test(intervals_hold_what_they_say),
        cmocka_unit_test(at_the_ends),
        cmocka_unit_test(shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
