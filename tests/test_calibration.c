/* Temperature, thresholds, p-values and intervals beside scipy and scikit-learn; and the rows that
 * cannot calibrate anything. */
#include "base/intervals.h"
#include "base/json.h"
#include "base/memory.h"
#include "detect/calibration.h"
#include "detect/rates.h"
#include "detect/score.h"
#include "detect/temperature.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 4096, FILE_LIMIT = 1 << 20 };

static struct json *root;

static float logits[MOST];
static int32_t truth[MOST], tokens[MOST];
static uint64_t group[MOST];

static int begin(void **state)
{
    (void)state;
    return json_parse_file(&root, ASSAY_TEST_DATA "/calibration/cases.json", FILE_LIMIT, NULL);
}

static int end(void **state)
{
    (void)state;
    json_free(root);
    return 0;
}

static double at(const struct json *array, size_t index)
{
    assert_true(index < json_count(array));
    return json_number(json_element(array, index));
}

static void near(const char *what, const char *name, double found, double expected, double share)
{
    if (!(fabs(found - expected) <= share * fabs(expected) + 1e-15))
        fail_msg("%s of \"%s\" is %.17g, not %.17g", what, name, found, expected);
}

static struct calibration_rows read_case(const struct json *one)
{
    const struct json *list = json_member(one, "truth"), *values = json_member(one, "logits");
    struct calibration_rows rows = {.logits = logits, .truth = truth, .tokens = tokens};
    rows.rows = (int64_t)json_count(list);
    rows.labels = (int32_t)json_integer(json_member(one, "labels"));
    rows.positive = (int32_t)json_integer(json_member(one, "positive"));
    assert_true(rows.rows * rows.labels <= MOST);
    for (int64_t i = 0; i < rows.rows; i++) {
        truth[i] = (int32_t)at(list, (size_t)i);
        tokens[i] = 10 + (int32_t)(i % 50);
    }
    for (int64_t i = 0; i < rows.rows * rows.labels; i++)
        logits[i] = (float)at(values, (size_t)i);
    return rows;
}

static void check_point(const char *name, const struct calibration_point *point,
                        const struct json *expected, const struct calibration *c)
{
    near("fpr", name, point->fpr, json_number(json_member(expected, "fpr")), 0.0);
    assert_int_equal(point->false_positives,
                     json_integer(json_member(expected, "false_positives")));
    assert_int_equal(point->true_positives, json_integer(json_member(expected, "true_positives")));
    assert_true(point->achieved <= point->fpr);
    near("achieved", name, point->achieved, (double)point->false_positives / (double)c->negatives,
         1e-15);
    near("low", name, point->achieved_low, at(json_member(expected, "interval"), 0), 1e-12);
    near("high", name, point->achieved_high, at(json_member(expected, "interval"), 1), 1e-12);
    near("low tpr", name, point->tpr_low, at(json_member(expected, "tpr_interval"), 0), 1e-12);
    near("high tpr", name, point->tpr_high, at(json_member(expected, "tpr_interval"), 1), 1e-12);
    assert_true(point->design_effect == 1.0);
}

static void as_scipy(void **state)
{
    (void)state;
    const struct json *list = json_member(root, "cases");
    assert_int_equal(json_count(list), 10);
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *one = json_element(list, i);
        const char *name = json_string(json_member(one, "name"));
        const struct json *fitted = json_member(one, "fitted");
        struct calibration_rows rows = read_case(one);
        struct calibration c;
        assay_error error = {0};
        if (calibration_fit(&c, &rows, &error) != ASSAY_OK)
            fail_msg("%s: %s", name, error.message);
        if (json_kind(fitted) == JSON_NULL) {
            assert_true(c.temperature == 0.0 && c.temperature_reason[0]);
            assert_true(calibration_divisor(&c) == 1.0);
        } else {
            near("temperature", name, c.temperature,
                 json_number(json_member(fitted, "temperature")), 1e-10);
            near("loss", name,
                 temperature_loss(c.temperature, logits, truth, rows.rows, rows.labels),
                 json_number(json_member(fitted, "loss")), 1e-12);
            assert_string_equal(c.temperature_reason, "");
        }
        const struct json *points = json_member(one, "points");
        assert_int_equal(c.point_count, json_count(points));
        assert_int_equal(c.point_count + c.refused_count,
                         rows.positive >= 0 ? CALIBRATION_POINTS : 0);
        for (int p = 0; p < c.point_count; p++)
            check_point(name, &c.points[p], json_element(points, (size_t)p), &c);
        const struct json *p_values = json_member(one, "p_values");
        for (size_t p = 0; p < json_count(p_values); p++) {
            const struct json *pair = json_element(p_values, p);
            /* A score at the edge of a float may round otherwise than numpy's. */
            float s = (float)at(pair, 0);
            double below = conformal_p(&c.negatives_scores, nextafterf(s, -INFINITY));
            double above = conformal_p(&c.negatives_scores, nextafterf(s, INFINITY));
            assert_true(above <= at(pair, 1) && at(pair, 1) <= below);
        }
        calibration_free(&c);
    }
}

/* The verdict at a rate and the p-value say the same, at every score there is. */
static void verdicts_are_p_values(void **state)
{
    (void)state;
    const struct json *list = json_member(root, "cases");
    int compared = 0;
    for (size_t i = 0; i < json_count(list); i++) {
        struct calibration_rows rows = read_case(json_element(list, i));
        struct calibration c;
        assert_int_equal(calibration_fit(&c, &rows, NULL), ASSAY_OK);
        for (int p = 0; p < c.point_count; p++) {
            int64_t hits = 0;
            for (int64_t r = 0; r < rows.rows; r++) {
                float s = detect_score(logits + r * rows.labels, rows.labels, rows.positive,
                                       calibration_divisor(&c));
                bool flagged = s >= c.points[p].threshold;
                double value = conformal_p(&c.negatives_scores, s);
                assert_int_equal(flagged, value <= c.points[p].fpr * (1.0 + 1e-12));
                hits += flagged && truth[r] != rows.positive;
                compared++;
            }
            assert_int_equal(hits, c.points[p].false_positives);
        }
        calibration_free(&c);
    }
    assert_true(compared > 1000);
}

static struct calibration_rows two_labels(int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        truth[i] = i % 2;
        tokens[i] = 20;
        group[i] = (uint64_t)i / 4;
        logits[2 * i] = 0.0f;
        logits[2 * i + 1] = (float)(i % 7) * 0.25f - 0.5f + (float)truth[i];
    }
    return (struct calibration_rows){.logits = logits,
                                     .truth = truth,
                                     .tokens = tokens,
                                     .rows = count,
                                     .labels = 2,
                                     .positive = 1};
}

static void refuse(const struct calibration_rows *rows, assay_status expected, const char *words)
{
    struct calibration c;
    assay_error error = {0};
    assert_int_equal(calibration_fit(&c, rows, &error), expected);
    if (!strstr(error.message, words))
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    assert_null(c.negatives_scores.scores);
}

static void refusals(void **state)
{
    (void)state;
    struct calibration_rows rows = two_labels(600);
    struct calibration c;
    assert_int_equal(calibration_fit(&c, &rows, NULL), ASSAY_OK);
    calibration_free(&c);

    for (int i = 0; i < 600; i++)
        truth[i] = 0;
    refuse(&rows, ASSAY_ERROR_ARGUMENT, "one class");
    for (int i = 0; i < 600; i++)
        truth[i] = 1;
    refuse(&rows, ASSAY_ERROR_ARGUMENT, "one class");

    rows = two_labels(600);
    for (int i = 0; i < 1200; i++)
        logits[i] = 0.25f;
    refuse(&rows, ASSAY_ERROR_ARGUMENT, "alike");

    rows = two_labels(600);
    logits[2 * 311 + 1] = NAN;
    assay_error error = {0};
    assert_int_equal(calibration_fit(&c, &rows, &error), ASSAY_ERROR_NUMERIC);
    assert_int_equal(error.row, 312);
    logits[2 * 311 + 1] = -INFINITY;
    assert_int_equal(calibration_fit(&c, &rows, &error), ASSAY_ERROR_NUMERIC);

    rows = two_labels(600);
    rows.rows = 0;
    refuse(&rows, ASSAY_ERROR_ARGUMENT, "needs rows");

    /* Three labels that vary, while the score of the positive one does not. */
    for (int i = 0; i < 300; i++) {
        truth[i] = i % 3;
        tokens[i] = 9;
        logits[3 * i] = i % 2 ? 1.0f : -1.0f;
        logits[3 * i + 1] = -logits[3 * i];
        logits[3 * i + 2] = 0.5f;
    }
    rows.rows = 300;
    rows.labels = 3;
    rows.positive = 2;
    refuse(&rows, ASSAY_ERROR_ARGUMENT, "the same score in all");
    for (int i = 0; i < 300; i++)
        truth[i] = i % 2;
    refuse(&rows, ASSAY_ERROR_ARGUMENT, "none of the 300 rows");
}

/* What two_labels gives has seven scores; nothing of a tie is on both sides. */
static void ties(void **state)
{
    (void)state;
    struct calibration_rows rows = two_labels(1400);
    struct calibration c;
    assert_int_equal(calibration_fit(&c, &rows, NULL), ASSAY_OK);
    assert_int_equal(c.negatives, 700);
    /* 100 negatives at each score: not one of them may be flagged at 10 %, which allows 69. */
    for (int p = 0; p < c.point_count; p++) {
        assert_int_equal(c.points[p].false_positives, 0);
        assert_true(c.points[p].achieved == 0.0 && c.points[p].achieved_low == 0.0);
        assert_true(c.points[p].true_positives > 0);
    }
    calibration_free(&c);
}

static void few_negatives(void **state)
{
    (void)state;
    assert_int_equal(calibration_least_negatives(0.01), 1000);
    assert_int_equal(calibration_least_negatives(0.05), 200);
    assert_int_equal(calibration_least_negatives(0.10), 100);
    static const int64_t counts[][2] = {{199, 0}, {200, 1}, {399, 1}, {400, 2}, {2000, 3}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct calibration_rows rows = two_labels(counts[i][0]);
        struct calibration c;
        assert_int_equal(calibration_fit(&c, &rows, NULL), ASSAY_OK);
        int64_t negatives = (counts[i][0] + 1) / 2;
        int64_t points = (negatives >= 100) + (negatives >= 200) + (negatives >= 1000);
        assert_int_equal(c.point_count, points);
        assert_int_equal(c.refused_count, CALIBRATION_POINTS - points);
        if (c.refused_count)
            assert_non_null(strstr(c.refused[0].reason, "1 % takes at least 1000 negatives"));
        calibration_free(&c);
    }
}

static void lengths(void **state)
{
    (void)state;
    struct calibration_rows rows = two_labels(1000);
    /* 500 negatives of 11 to 510 tokens; the positives are longer, which must not count. */
    for (int i = 0; i < 1000; i++)
        tokens[i] = truth[i] ? 5000 : 11 + i / 2;
    struct calibration c;
    assert_int_equal(calibration_fit(&c, &rows, NULL), ASSAY_OK);
    assert_int_equal(c.shortest, 11);
    assert_int_equal(c.longest, 510);
    assert_int_equal(c.least_tokens, 11 + 4);
    assert_int_equal(c.most_tokens, 510 - 4);
    calibration_free(&c);
    for (int i = 0; i < 1000; i++)
        tokens[i] = 2;
    assert_int_equal(calibration_fit(&c, &rows, NULL), ASSAY_OK);
    assert_int_equal(c.least_tokens, CALIBRATION_HARD_MINIMUM);
    assert_true(c.most_tokens >= c.least_tokens);
    calibration_free(&c);
}

static void extreme_scores(void **state)
{
    (void)state;
    const float far[2] = {-FLT_MAX, FLT_MAX}, near_zero[2] = {0.0f, FLT_MIN / 8.0f};
    float highest = detect_score(far, 2, 1, 1e-3);
    assert_true(isfinite(highest) && isfinite(detect_score_above(highest)));
    assert_true(detect_score_above(highest) > highest);
    assert_true(detect_score(far, 2, 0, 1e-3) == -highest);
    /* Below the normal numbers a thread that flushes denormals sees nothing but 0. */
    assert_true(detect_score(near_zero, 2, 1, 1.0) == 0.0f);
    assert_true(detect_score_above(0.0f) == FLT_MIN && detect_score_above(-FLT_MIN) == 0.0f);
    assert_true(detect_score_above(1.0f) == nextafterf(1.0f, 2.0f));
    const float three[3] = {700.0f, -700.0f, 0.0f};
    float probabilities[3];
    detect_probabilities(probabilities, three, 3, 0.01);
    assert_true(probabilities[0] == 1.0f && probabilities[1] == 0.0f);
    assert_int_equal(detect_most_probable(three, 3, -1), 0);
    assert_int_equal(detect_most_probable(three, 3, 0), 2);
    assert_true(fabs(detect_probability(detect_score(three, 3, 2, 700.0)) -
                     1.0 / (1.0 + exp(1.0) + exp(-1.0))) < 1e-7);
}

/* Beyond CONFORMAL_KEPT negatives p is rounded up, never down, and stays exact where it is small.
 */
static void sketched_p_values(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    float *sorted = malloc(COUNT * sizeof *sorted);
    assert_non_null(sorted);
    for (int i = 0; i < COUNT; i++)
        sorted[i] = (float)((COUNT - i) / 3) * 0.001f; /* three of each */
    const int64_t wanted[] = {1000, 5000, 10000};
    struct conformal c;
    assert_int_equal(conformal_make(&c, sorted, COUNT, wanted, 3, NULL), ASSAY_OK);
    assert_true(c.kept <= CONFORMAL_KEPT + 3);
    assert_int_equal(c.above[0], 0);
    for (int i = 0; i < COUNT; i += 7) {
        for (int side = -1; side <= 1; side++) {
            float s = side ? nextafterf(sorted[i], side < 0 ? -INFINITY : INFINITY) : sorted[i];
            int64_t above = 0, low = 0, high = COUNT;
            while (low < high) {
                int64_t middle = (low + high) / 2;
                if (sorted[middle] >= s)
                    low = middle + 1;
                else
                    high = middle;
            }
            above = low;
            double exact = (double)(above + 1) / (COUNT + 1), p = conformal_p(&c, s);
            assert_true(p >= exact);
            assert_true(p <= exact + (above < 900 ? 0.0 : 0.0011));
        }
    }
    assert_true(conformal_p(&c, -1.0f) == 1.0);
    assert_true(conformal_p(&c, 1e9f) == 1.0 / (COUNT + 1));
    conformal_free(&c);
    free(sorted);
}

static void intervals(void **state)
{
    (void)state;
    const struct json *wilson = json_member(root, "wilson");
    double low, high;
    for (size_t i = 0; i < json_count(wilson); i++) {
        const struct json *one = json_element(wilson, i);
        struct interval found = interval_wilson(at(one, 0), at(one, 1), RATES_CONFIDENCE);
        near("low", "wilson", found.low, at(one, 2), 1e-12);
        near("high", "wilson", found.high, at(one, 3), 1e-12);
    }
    const struct json *expected = json_member(root, "expected");
    for (size_t i = 0; i < json_count(expected); i++) {
        const struct json *one = json_element(expected, i);
        rates_expected(&low, &high, (int64_t)at(one, 0), (int64_t)at(one, 1), (int64_t)at(one, 2),
                       1.0);
        near("low", "beta-binomial", low, at(one, 3), 1e-12);
        near("high", "beta-binomial", high, at(one, 4), 1e-12);
    }
}

static void design_effects(void **state)
{
    (void)state;
    struct rated_row rows[400];
    /* Groups of four that always fall together: four rows tell what one does. */
    for (int i = 0; i < 400; i++)
        rows[i] = (struct rated_row){(uint64_t)i / 4, i / 4 % 5 == 0};
    double effect = rates_design_effect(rows, 400);
    assert_true(fabs(effect - 4.0 * 399.0 / 400.0 * 100.0 / 99.0) < 1e-9);
    for (int i = 0; i < 400; i++)
        rows[i] = (struct rated_row){(uint64_t)i, i % 5 == 0};
    assert_true(fabs(rates_design_effect(rows, 400) - 1.0) < 1e-9);
    for (int i = 0; i < 400; i++)
        rows[i] = (struct rated_row){(uint64_t)i / 4, false};
    assert_true(rates_design_effect(rows, 400) == 1.0);
    for (int i = 0; i < 400; i++)
        rows[i] = (struct rated_row){7, i % 2};
    assert_true(rates_design_effect(rows, 400) == 1.0);
    assert_true(rates_design_effect(rows, 1) == 1.0);
}

static void groups_widen_intervals(void **state)
{
    (void)state;
    struct calibration_rows rows = two_labels(1200);
    struct calibration alone, grouped;
    for (int i = 0; i < 1200; i++) {
        group[i] = (uint64_t)i / 8; /* four negatives each, with one score */
        logits[2 * i + 1] = (float)(i / 8 * 37 % 150) * 0.01f + (float)truth[i] - 1.0f;
    }
    assert_int_equal(calibration_fit(&alone, &rows, NULL), ASSAY_OK);
    rows.group = group;
    assert_int_equal(calibration_fit(&grouped, &rows, NULL), ASSAY_OK);
    assert_int_equal(alone.groups, 0);
    assert_int_equal(grouped.groups, 150);
    for (int p = 0; p < grouped.point_count; p++) {
        assert_true(grouped.points[p].threshold == alone.points[p].threshold);
        assert_true(grouped.points[p].design_effect > 3.5);
        assert_true(grouped.points[p].achieved_high > alone.points[p].achieved_high);
        assert_true(grouped.points[p].achieved_low < alone.points[p].achieved_low);
    }
    calibration_free(&alone);
    calibration_free(&grouped);
}

static void no_memory(void **state)
{
    (void)state;
    struct calibration_rows rows = two_labels(1200);
    rows.group = group;
    struct calibration c;
    uint64_t before = memory_allocation_count();
    assert_int_equal(calibration_fit(&c, &rows, NULL), ASSAY_OK);
    uint64_t used = memory_allocation_count() - before;
    calibration_free(&c);
    assert_true(used >= 5);
    for (uint64_t nth = 1; nth <= used; nth++) {
        memory_fail_at(nth);
        assert_int_equal(calibration_fit(&c, &rows, NULL), ASSAY_ERROR_MEMORY);
        memory_fail_at(0);
        assert_null(c.negatives_scores.scores);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_scipy),
        cmocka_unit_test(verdicts_are_p_values),
        cmocka_unit_test(refusals),
        cmocka_unit_test(ties),
        cmocka_unit_test(few_negatives),
        cmocka_unit_test(lengths),
        cmocka_unit_test(extreme_scores),
        cmocka_unit_test(sketched_p_values),
        cmocka_unit_test(intervals),
        cmocka_unit_test(design_effects),
        cmocka_unit_test(groups_widen_intervals),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
