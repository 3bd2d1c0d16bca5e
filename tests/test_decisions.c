/* base/metrics_decisions and base/intervals beside scikit-learn and scipy, and intervals by
 * simulation: of many samples, the 95 % intervals of 93 to 97 % must hold the truth. */
#include "base/intervals.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/metrics_decisions.h"
#include "base/normal.h"
#include "base/random.h"
#include "base/ranking.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_ROWS = 128, FIGURES = 19, FULL = 50, PROBLEMS = 1000, FILE_LIMIT = 1 << 20 };

static struct json *expected;

static int begin(void **state)
{
    (void)state;
    return json_parse_file(&expected, ASSAY_TEST_DATA "/metrics/decisions.json", FILE_LIMIT, NULL);
}

static int end(void **state)
{
    (void)state;
    json_free(expected);
    return 0;
}

/* The generator of tools/make_decision_vectors.py. */
static uint64_t draw_state;

static int32_t draw(int32_t below)
{
    draw_state = draw_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int32_t)((draw_state >> 33) % (uint64_t)below);
}

struct problem {
    int32_t classes, y[MOST_ROWS], said[MOST_ROWS];
    int64_t rows;
    double score[MOST_ROWS], sure[MOST_ROWS];
};

static void make_problem(struct problem *p, uint64_t seed)
{
    static const int32_t all_levels[] = {1, 2, 3, 10, 1000};
    draw_state = seed;
    p->classes = 2 + draw(4);
    int32_t kind = draw(10);
    p->rows = kind == 0 ? 1 : kind == 1 ? 2 + draw(4) : 6 + draw(60);
    int32_t levels = all_levels[draw(5)];
    int32_t present = draw(4) == 0 && p->classes > 2 ? p->classes - 1 : p->classes;
    int32_t first = draw(4) == 0;
    for (int64_t i = 0; i < p->rows; i++) {
        p->y[i] = draw(present);
        bool right = draw(3) && p->y[i] >= first;
        p->said[i] = right ? p->y[i] : first + draw(p->classes - first);
        p->score[i] = draw(levels);
        p->score[i] += (p->y[i] == 0) * draw(levels);
        p->sure[i] = draw(levels);
    }
}

static void judge(double out[FIGURES], const struct problem *p)
{
    static const double rates[] = {0.01, 0.05, 0.2};
    double confusion[25] = {0};
    struct class_row rows[5];
    struct decision_figures d;
    struct ranking by_score, by_sure;
    uint8_t positive[MOST_ROWS], wrong[MOST_ROWS];
    for (int64_t i = 0; i < p->rows; i++) {
        confusion[p->y[i] * p->classes + p->said[i]]++;
        positive[i] = p->y[i] == 0;
        wrong[i] = p->y[i] != p->said[i];
    }
    metric_decisions(&d, rows, confusion, p->classes);
    assert_true(ranking_make(&by_score, p->score, p->rows));
    assert_true(ranking_make(&by_sure, p->sure, p->rows));
    const double first[] = {d.accuracy,           d.balanced_accuracy, d.mcc,
                            d.macro.precision,    d.macro.recall,      d.macro.f1,
                            d.weighted.precision, d.weighted.recall,   d.weighted.f1};
    memcpy(out, first, sizeof first);
    out[9] = out[10] = out[11] = out[12] = 0.0;
    for (int32_t c = 0; c < p->classes; c++) {
        out[9] += (c + 1) * rows[c].precision;
        out[10] += (c + 1) * rows[c].recall;
        out[11] += (c + 1) * rows[c].f1;
        out[12] += (c + 1) * rows[c].support;
    }
    out[13] = ranking_auroc(&by_score, positive, NULL);
    out[14] = ranking_auprc(&by_score, positive, NULL);
    for (int r = 0; r < 3; r++) {
        struct rate_point point;
        ranking_at_rate(&point, &by_score, positive, NULL, rates[r]);
        bool both = point.positives > 0.0 && point.negatives > 0.0;
        out[15 + r] = both ? point.true_positives / point.positives : (double)NAN;
    }
    out[18] = ranking_risk_area(&by_sure, wrong, NULL);
    ranking_free(&by_score);
    ranking_free(&by_sure);
}

static void a_thousand_problems(void **state)
{
    (void)state;
    const struct json *full = json_member(expected, "full");
    const struct json *combined = json_member(expected, "combined");
    int64_t single = 0, undefined = 0;
    assert_int_equal(json_count(full), FULL);
    assert_int_equal(json_count(combined), PROBLEMS);
    for (size_t i = 0; i < PROBLEMS; i++) {
        struct problem problem;
        double found[FIGURES], sum = 0.0;
        make_problem(&problem, i);
        judge(found, &problem);
        single += problem.rows == 1;
        undefined += isnan(found[13]);
        const struct json *row = i < FULL ? json_element(full, i) : NULL;
        if (row)
            assert_int_equal(json_count(row), FIGURES);
        for (size_t f = 0; f < FIGURES; f++) {
            const struct json *value = row ? json_element(row, f) : NULL;
            if (row &&
                (json_kind(value) == JSON_NULL ? !isnan(found[f])
                                               : !(fabs(found[f] - json_number(value)) <= 1e-12)))
                fail_msg("figure %zu of problem %zu is %.17g, not %.17g", f, i, found[f],
                         json_number(value));
            sum += (1.0 + (double)f / 16.0) * (isnan(found[f]) ? -7.0 : found[f]);
        }
        double wanted = json_number(json_element(combined, i));
        if (!(fabs(sum - wanted) <= 1e-12 * fabs(wanted) + 1e-12))
            fail_msg("the figures of problem %zu come to %.17g, not %.17g", i, sum, wanted);
    }
    assert_true(single > 50 && undefined > 50);
}

/* A weight stands for so many copies of the row. */
static void weights_are_copies(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct problem p, copies = {0};
        make_problem(&p, seed);
        double weights[MOST_ROWS];
        copies.classes = p.classes;
        for (int64_t i = 0; i < p.rows; i++) {
            int32_t times = draw(3);
            weights[i] = times;
            for (int32_t k = 0; k < times && copies.rows < MOST_ROWS; k++) {
                copies.y[copies.rows] = p.y[i];
                copies.said[copies.rows] = p.said[i];
                copies.score[copies.rows] = p.score[i];
                copies.sure[copies.rows++] = p.sure[i];
            }
        }
        if (copies.rows < 1 || copies.rows == MOST_ROWS)
            continue;
        double wanted[FIGURES];
        judge(wanted, &copies);
        uint8_t positive[MOST_ROWS], wrong[MOST_ROWS];
        for (int64_t i = 0; i < p.rows; i++) {
            positive[i] = p.y[i] == 0;
            wrong[i] = p.y[i] != p.said[i];
        }
        struct ranking by_score, by_sure;
        struct rate_point point;
        assert_true(ranking_make(&by_score, p.score, p.rows));
        assert_true(ranking_make(&by_sure, p.sure, p.rows));
        ranking_at_rate(&point, &by_score, positive, weights, 0.2);
        const double found[] = {ranking_auroc(&by_score, positive, weights),
                                ranking_auprc(&by_score, positive, weights),
                                point.positives > 0.0 && point.negatives > 0.0
                                    ? point.true_positives / point.positives
                                    : (double)NAN,
                                ranking_risk_area(&by_sure, wrong, weights)};
        const double from_copies[] = {wanted[13], wanted[14], wanted[17], wanted[18]};
        for (int f = 0; f < 4; f++)
            assert_true(isnan(from_copies[f]) ? isnan(found[f])
                                              : fabs(found[f] - from_copies[f]) < 1e-12);
        ranking_free(&by_score);
        ranking_free(&by_sure);
    }
}

/* A score that is the same for all rows is worth nothing at any rate. */
static void constant_scores(void **state)
{
    (void)state;
    double scores[100];
    uint8_t positive[100];
    struct ranking ranking;
    struct rate_point point;
    for (int i = 0; i < 100; i++) {
        scores[i] = 0.25;
        positive[i] = i % 2;
    }
    assert_true(ranking_make(&ranking, scores, 100));
    assert_true(ranking_auroc(&ranking, positive, NULL) == 0.5);
    ranking_at_rate(&point, &ranking, positive, NULL, 0.05);
    assert_false(point.flagged);
    assert_true(point.true_positives == 0.0 && point.last == -1);
    ranking_at_rate(&point, &ranking, positive, NULL, 1.0);
    assert_true(point.flagged && point.true_positives == 50.0);
    ranking_free(&ranking);
    scores[3] = NAN;
    assert_false(ranking_make(&ranking, scores, 100));
    memory_fail_at(2);
    scores[3] = 1.0;
    assert_false(ranking_make(&ranking, scores, 100));
    memory_fail_at(0);
    assert_true(ranking_make(&ranking, scores, 0));
    assert_true(isnan(ranking_auroc(&ranking, positive, NULL)));
    assert_true(isnan(ranking_risk_area(&ranking, positive, NULL)));
    ranking_free(&ranking);
}

static void near(double found, double wanted, const char *what)
{
    if (!(fabs(found - wanted) <= 1e-10 * (1.0 + fabs(wanted))))
        fail_msg("%s is %.17g, not %.17g", what, found, wanted);
}

static double number_of(const struct json *row, size_t column)
{
    return json_number(json_element(row, column));
}

static void closed_forms(void **state)
{
    (void)state;
    const struct json *list = json_member(expected, "wilson");
    assert_int_equal(json_count(list), 7);
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *row = json_element(list, i);
        struct interval found = interval_wilson(number_of(row, 0), number_of(row, 1), 0.95);
        near(found.low, number_of(row, 2), "a lower end of Wilson's interval");
        near(found.high, number_of(row, 3), "an upper end of Wilson's interval");
    }
    list = json_member(expected, "mcnemar");
    assert_int_equal(json_count(list), 6);
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *row = json_element(list, i);
        near(mcnemar_test((int64_t)number_of(row, 0), (int64_t)number_of(row, 1)),
             number_of(row, 2), "McNemar's probability");
    }
    list = json_member(expected, "normal");
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *row = json_element(list, i);
        near(normal_quantile(number_of(row, 0)), number_of(row, 1), "a normal quantile");
    }
    list = json_member(expected, "student");
    assert_int_equal(json_count(list), 24);
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *row = json_element(list, i);
        double found = student_quantile(number_of(row, 0), number_of(row, 1));
        if (!(fabs(found - number_of(row, 2)) <= 1e-8 * fabs(number_of(row, 2))))
            fail_msg("Student's quantile %zu is %.17g, not %.17g", i, found, number_of(row, 2));
    }
    assert_true(isnan(interval_wilson(1.0, 0.0, 0.95).low));
    assert_true(isnan(interval_wilson(3.0, 2.0, 0.95).low));
    assert_true(isnan(normal_quantile(0.0)) && isnan(student_quantile(0.5, 0.0)));
    /* Beyond the exact test, chi-square goes on where it ends. */
    double exact = mcnemar_test(530, 470), beyond = mcnemar_test(531, 470);
    assert_true(beyond < exact && beyond > exact * 0.8);
    double values[] = {3.0, 1.0, 2.0, (double)NAN};
    assert_true(isnan(interval_percentile(values, 4, 10, 0.95).low));
    assert_true(isnan(interval_percentile(values, 3, 1, 0.95).low));
    assert_true(interval_percentile(values, 3, 1000000, 0.9999).high <= 3.0);
}

/* Wilson's interval of one share covers as its discreteness lets it; over many shares and sizes it
 * must be 95 %. */
static void wilson_covers(void **state)
{
    (void)state;
    int64_t covered = 0, trials = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t four[4];
        const uint32_t place[4] = {i, 0, 0, 0};
        random_block(four, 11, place);
        int64_t rows = 20 + four[0] % 400, hits = 0;
        double share = 0.02 + 0.96 * (double)four[1] / 4294967296.0;
        for (int64_t r = 0; r < rows; r += 4) {
            const uint32_t at[4] = {i, (uint32_t)r, 1, 0};
            random_block(four, 11, at);
            for (int64_t k = 0; k < 4 && r + k < rows; k++)
                hits += (double)four[k] / 4294967296.0 < share;
        }
        struct interval found = interval_wilson((double)hits, (double)rows, 0.95);
        covered += found.low <= share && share <= found.high;
        trials++;
    }
    double coverage = (double)covered / (double)trials;
    print_message("Wilson's intervals hold the truth in %.2f %%\n", 100.0 * coverage);
    assert_true(coverage > 0.94 && coverage < 0.96);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_problems), cmocka_unit_test(weights_are_copies),
        cmocka_unit_test(constant_scores),     cmocka_unit_test(closed_forms),
        cmocka_unit_test(wilson_covers),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
