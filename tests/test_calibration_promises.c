/* What a calibration promises, held against many drawn worlds: thresholds that keep their rate on
 * fresh texts, p-values that are fair, intervals that cover what they say, also where texts come in
 * groups that fall together. Everything is drawn from fixed seeds. */
#include "base/random.h"
#include "detect/calibration.h"
#include "detect/rates.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MOST = 1200 };

static float logits[2 * MOST];
static int32_t truth[MOST], tokens[MOST];
static uint64_t group[MOST];

/* Standard normal numbers in order (Box and Muller). */
struct draws {
    uint64_t key, at;
};

static double normal(struct draws *d)
{
    uint32_t draw[4];
    const uint32_t counter[4] = {(uint32_t)d->at, (uint32_t)(d->at >> 32), 0, 0};
    random_block(draw, d->key, counter);
    d->at++;
    double u = ((double)draw[0] + 0.5) * 0x1p-32, v = (double)draw[1] * 0x1p-32;
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

/* Negatives in groups of `size` whose scores share `common` of their variance; then positives, each
 * a group of its own. */
static struct calibration_rows draw_world(struct draws *d, int negatives, int positives, int size,
                                          double common)
{
    double shared = 0.0;
    for (int i = 0; i < negatives + positives; i++) {
        bool positive = i >= negatives;
        if (!positive && i % size == 0)
            shared = normal(d);
        double score =
            positive ? 1.5 + normal(d) : sqrt(common) * shared + sqrt(1.0 - common) * normal(d);
        truth[i] = positive;
        tokens[i] = 100;
        group[i] = positive ? UINT64_C(1) << 40 | (uint64_t)i : (uint64_t)(i / size);
        logits[2 * i] = 0.0f;
        logits[2 * i + 1] = (float)score;
    }
    return (struct calibration_rows){.logits = logits,
                                     .truth = truth,
                                     .tokens = tokens,
                                     .group = group,
                                     .rows = negatives + positives,
                                     .labels = 2,
                                     .positive = 1};
}

/* The share of all texts that a threshold flags; negatives are standard normal in every world. */
static double true_rate(const struct calibration *c, const struct calibration_point *point)
{
    double score = (double)point->threshold * calibration_divisor(c);
    return 0.5 * erfc(score / sqrt(2.0));
}

static const struct calibration_point *point_at(const struct calibration *c, double fpr)
{
    for (int i = 0; i < c->point_count; i++) {
        if (c->points[i].fpr == fpr)
            return &c->points[i];
    }
    fail_msg("no point at %g", fpr);
    return NULL;
}

/* On average over worlds the rate is at most the stated one, and not far below it. */
static void rates_are_kept(void **state)
{
    (void)state;
    enum { WORLDS = 600 };
    struct draws d = {.key = 11};
    double sum[2] = {0.0, 0.0};
    for (int w = 0; w < WORLDS; w++) {
        struct calibration_rows rows = draw_world(&d, 300, 100, 1, 0.0);
        struct calibration c;
        assert_int_equal(calibration_fit(&c, &rows, NULL), ASSAY_OK);
        sum[0] += true_rate(&c, point_at(&c, 0.05));
        sum[1] += true_rate(&c, point_at(&c, 0.10));
        calibration_free(&c);
    }
    /* Standard error of the mean: about .0005 and .0007. */
    assert_true(sum[0] / WORLDS < 0.0515 && sum[0] / WORLDS > 0.0475);
    assert_true(sum[1] / WORLDS < 0.1020 && sum[1] / WORLDS > 0.0970);
}

/* P(p <= a) <= a for a fresh negative, and close to a. */
static void p_values_are_fair(void **state)
{
    (void)state;
    enum { WORLDS = 300, FRESH = 100 };
    static const double levels[] = {0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9};
    int64_t below[sizeof levels / sizeof *levels] = {0};
    struct draws d = {.key = 12};
    for (int w = 0; w < WORLDS; w++) {
        struct calibration_rows rows = draw_world(&d, 249, 60, 1, 0.0);
        struct calibration c;
        assert_int_equal(calibration_fit(&c, &rows, NULL), ASSAY_OK);
        for (int i = 0; i < FRESH; i++) {
            double p =
                conformal_p(&c.negatives_scores, (float)(normal(&d) / calibration_divisor(&c)));
            assert_true(p > 0.0 && p <= 1.0);
            for (size_t l = 0; l < sizeof levels / sizeof *levels; l++)
                below[l] += p <= levels[l];
        }
        calibration_free(&c);
    }
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
        double a = levels[l], found = (double)below[l] / (WORLDS * FRESH);
        /* Within a world they share the calibration: its variance, then the draws' own. */
        double error = sqrt(a * (1.0 - a) * (1.0 / (249.0 * WORLDS) + 1.0 / (WORLDS * FRESH)));
        if (!(found <= a + 4.0 * error && found >= a - 1.0 / 250.0 - 4.0 * error))
            fail_msg("p <= %g in %g of fresh negatives", a, found);
    }
}

/* How often the stated interval holds the true rate, and how often the forecast of a fresh sample
 * of 400 negatives in like groups holds the sample's rate. */
static void coverage(int size, double common, bool told, double *interval, double *forecast)
{
    enum { WORLDS = 1000, NEGATIVES = 400 };
    struct draws d = {.key = 13 + (uint64_t)size};
    int held = 0, foreseen = 0;
    for (int w = 0; w < WORLDS; w++) {
        struct calibration_rows rows = draw_world(&d, NEGATIVES, 100, size, common);
        struct calibration c;
        if (!told)
            rows.group = NULL;
        assert_int_equal(calibration_fit(&c, &rows, NULL), ASSAY_OK);
        const struct calibration_point *point = point_at(&c, 0.05);
        double rate = true_rate(&c, point), low, high, shared = 0.0;
        held += rate >= point->achieved_low && rate <= point->achieved_high;
        int hits = 0;
        for (int i = 0; i < NEGATIVES; i++) {
            if (i % size == 0)
                shared = normal(&d);
            double score = sqrt(common) * shared + sqrt(1.0 - common) * normal(&d);
            hits += (float)(score / calibration_divisor(&c)) >= point->threshold;
        }
        rates_expected(&low, &high, calibration_rank(0.05, NEGATIVES), NEGATIVES, NEGATIVES,
                       point->design_effect);
        double found = (double)hits / NEGATIVES;
        foreseen += found >= low - 1e-12 && found <= high + 1e-12;
        calibration_free(&c);
    }
    *interval = (double)held / WORLDS;
    *forecast = (double)foreseen / WORLDS;
    printf("groups of %d, %s: the interval holds %.3f, the forecast %.3f\n", size,
           told ? "told" : "not told", *interval, *forecast);
}

static void intervals_cover(void **state)
{
    (void)state;
    double interval, forecast, untold, untold_forecast;
    coverage(1, 0.0, true, &interval, &forecast);
    assert_true(interval >= 0.93 && interval <= 0.98);
    assert_true(forecast >= 0.93 && forecast <= 0.985);
    coverage(8, 0.8, true, &interval, &forecast);
    assert_true(interval >= 0.90 && forecast >= 0.90);
    /* This is what not telling the groups costs. */
    coverage(8, 0.8, false, &untold, &untold_forecast);
    assert_true(untold < interval - 0.05 && untold_forecast < forecast - 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_kept),
        cmocka_unit_test(p_values_are_fair),
        cmocka_unit_test(intervals_cover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
