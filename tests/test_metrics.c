/* base/metrics beside scikit-learn and scipy, and what must hold of any scores. */
#include "base/json.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "base/metrics_decisions.h"
#include "base/ranking.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MOST = 2048, FILE_LIMIT = 1 << 20 };

/* The figures that need memory, where there is enough of it. */
static double area_of_logits(const float *logits, const int32_t *labels, int64_t rows,
                             int32_t classes, int32_t positive)
{
    double value;
    assert_true(metric_auroc_of_logits(&value, logits, labels, rows, classes, positive));
    return value;
}

static double precision_of_logits(const float *logits, const int32_t *labels, int64_t rows,
                                  int32_t classes, int32_t positive)
{
    double value;
    assert_true(metric_auprc_of_logits(&value, logits, labels, rows, classes, positive));
    return value;
}

static struct json *cases;

static int begin(void **state)
{
    (void)state;
    return json_parse_file(&cases, ASSAY_TEST_DATA "/metrics/cases.json", FILE_LIMIT, NULL);
}

static int end(void **state)
{
    (void)state;
    json_free(cases);
    return 0;
}

static int64_t read_floats(float *out, const struct json *object, const char *key)
{
    const struct json *array = json_member(object, key);
    int64_t count = (int64_t)json_count(array);
    assert_true(count <= MOST);
    for (int64_t i = 0; i < count; i++)
        out[i] = (float)json_number(json_element(array, (size_t)i));
    return count;
}

/* null in the file: not defined. */
static void check(const struct json *object, const char *key, double found)
{
    const struct json *value = json_member(object, key);
    const char *name = json_string(json_member(object, "name"));
    if (json_kind(value) == JSON_NULL) {
        if (!isnan(found))
            fail_msg("%s of \"%s\" is %.17g and should not be defined", key, name, found);
        return;
    }
    double expected = json_number(value);
    /* The floor is for what is left of a calibration error that cancels. */
    if (!(fabs(found - expected) <= 1e-12 * fabs(expected) + 1e-16))
        fail_msg("%s of \"%s\" is %.17g, not %.17g", key, name, found, expected);
}

static void classification(void **state)
{
    (void)state;
    const struct json *list = json_member(cases, "classify");
    assert_true(json_count(list) >= 19);
    for (size_t c = 0; c < json_count(list); c++) {
        const struct json *object = json_element(list, c);
        static float logits[MOST], wide[MOST];
        int32_t labels[MOST], said[MOST];
        int32_t classes = (int32_t)json_integer(json_member(object, "classes"));
        int64_t rows = read_floats(wide, object, "labels");
        assert_int_equal(read_floats(logits, object, "logits"), rows * classes);
        for (int64_t i = 0; i < rows; i++) {
            labels[i] = (int32_t)wide[i];
            said[i] = 0;
            for (int32_t j = 1; j < classes; j++) {
                if (logits[i * classes + j] > logits[i * classes + said[i]])
                    said[i] = j;
            }
        }
        struct decision_figures figures;
        assert_true(metric_decisions_of_rows(&figures, said, labels, rows, classes));
        check(object, "accuracy", figures.accuracy);
        check(object, "balanced_accuracy", figures.balanced_accuracy);
        check(object, "macro_f1", figures.macro.f1);
        check(object, "mcc", figures.mcc);
        check(object, "auroc", area_of_logits(logits, labels, rows, classes, 1));
        check(object, "auprc", precision_of_logits(logits, labels, rows, classes, 1));
        check(object, "brier", metric_brier(logits, labels, rows, classes));
        check(object, "ece", metric_ece(logits, labels, rows, classes));
    }
}

static void regression(void **state)
{
    (void)state;
    const struct json *list = json_member(cases, "numbers");
    assert_true(json_count(list) >= 7);
    for (size_t c = 0; c < json_count(list); c++) {
        const struct json *object = json_element(list, c);
        float predicted[MOST], expected[MOST];
        int64_t rows = read_floats(predicted, object, "predicted");
        assert_int_equal(read_floats(expected, object, "expected"), rows);
        struct number_figures figures;
        assert_true(metric_numbers(&figures, predicted, expected, rows));
        check(object, "rmse", figures.rmse);
        check(object, "mae", figures.mae);
        check(object, "pearson", figures.pearson);
        check(object, "spearman", figures.spearman);
    }
}

/* The area of rows with one score each, of which some are of the class. */
static double area_of(const double *scores, const uint8_t *positive, int64_t rows, bool precision)
{
    struct ranking ranking;
    if (!ranking_make(&ranking, scores, rows))
        return (double)NAN;
    double area = precision ? ranking_auprc(&ranking, positive, NULL)
                            : ranking_auroc(&ranking, positive, NULL);
    ranking_free(&ranking);
    return area;
}

static void what_always_holds(void **state)
{
    (void)state;
    enum { ROWS = 300 };
    double scores[ROWS], turned[ROWS], reversed[ROWS];
    uint8_t positive[ROWS], negative[ROWS], positive_reversed[ROWS], none[ROWS] = {0};
    uint32_t chance = 7;
    for (int i = 0; i < ROWS; i++) {
        chance = chance * 1664525u + 1013904223u;
        scores[i] = chance >> 26; /* many ties */
        positive[i] = chance >> 12 & 1;
        negative[i] = !positive[i];
        turned[i] = -scores[i];
        reversed[ROWS - 1 - i] = scores[i];
        positive_reversed[ROWS - 1 - i] = positive[i];
    }
    double area = area_of(scores, positive, ROWS, false);
    assert_true(area > 0.3 && area < 0.7);
    assert_true(fabs(area + area_of(turned, positive, ROWS, false) - 1.0) < 1e-15);
    assert_true(fabs(area + area_of(scores, negative, ROWS, false) - 1.0) < 1e-15);
    assert_true(area == area_of(reversed, positive_reversed, ROWS, false));
    assert_true(area_of(scores, positive, ROWS, true) ==
                area_of(reversed, positive_reversed, ROWS, true));
    for (int i = 0; i < ROWS; i++)
        turned[i] = 3.0;
    assert_true(area_of(turned, positive, ROWS, false) == 0.5);
    turned[5] = (double)NAN;
    assert_true(isnan(area_of(turned, positive, ROWS, false)));
    assert_true(isnan(area_of(scores, none, ROWS, false)));
    /* Without memory there is no ranking, and nothing is lost. */
    for (uint64_t nth = 1; nth <= 3; nth++) {
        memory_fail_at(nth);
        assert_true(isnan(area_of(scores, positive, ROWS, false)));
    }
    memory_fail_at(0);
}

enum { LINES = 200, KINDS = 3 };

static void draw(float *logits, int32_t *labels)
{
    uint32_t chance = 11;
    for (int i = 0; i < LINES * KINDS; i++) {
        chance = chance * 1664525u + 1013904223u;
        logits[i] = (float)(chance >> 29) * 20.0f; /* ties; many probabilities round to 1 */
        labels[i / KINDS] = (int32_t)(chance >> 8) % KINDS;
    }
}

static void what_always_holds_of_logits(void **state)
{
    (void)state;
    float logits[LINES * KINDS], other[LINES * KINDS];
    int32_t labels[LINES], others[LINES];
    draw(logits, labels);
    double area = area_of_logits(logits, labels, LINES, KINDS, 1);
    double precision = precision_of_logits(logits, labels, LINES, KINDS, 1);
    assert_true(area > 0.3 && area < 0.7 && precision > 0.2 && precision < 0.6);
    /* Rows in another order. */
    for (int i = 0; i < LINES; i++) {
        for (int c = 0; c < KINDS; c++)
            other[(LINES - 1 - i) * KINDS + c] = logits[i * KINDS + c];
        others[LINES - 1 - i] = labels[i];
    }
    assert_true(area == area_of_logits(other, others, LINES, KINDS, 1));
    assert_true(precision == precision_of_logits(other, others, LINES, KINDS, 1));
    /* Classes in another order, and an origin of its own for each row. */
    for (int i = 0; i < LINES; i++) {
        for (int c = 0; c < KINDS; c++)
            other[i * KINDS + (c + 1) % KINDS] = logits[i * KINDS + c] + (float)(i % 7);
        others[i] = (labels[i] + 1) % KINDS;
    }
    double turned = area_of_logits(other, others, LINES, KINDS, 1);
    assert_true(fabs(area - turned) < 1e-15);
    assert_true(fabs(metric_brier(logits, labels, LINES, KINDS) -
                     metric_brier(other, others, LINES, KINDS)) < 1e-14);
    for (int i = 0; i < LINES * KINDS; i++)
        other[i] = 3.0f;
    assert_true(area_of_logits(other, labels, LINES, KINDS, 1) == 0.5);
}

/* Wherever it stands, a score that is not a number leaves no figure; without memory that is said.
 */
static void not_a_number(void **state)
{
    (void)state;
    float logits[LINES * KINDS];
    int32_t labels[LINES];
    draw(logits, labels);
    for (int classes = 2; classes <= KINDS; classes++) {
        int64_t rows = LINES / 2;
        int32_t truth[LINES / 2];
        for (int64_t i = 0; i < rows; i++)
            truth[i] = labels[i] % classes;
        assert_false(isnan(area_of_logits(logits, truth, rows, classes, 1)));
        for (int place = 0; place < classes; place++) {
            float kept = logits[30 * classes + place];
            logits[30 * classes + place] = NAN;
            assert_true(isnan(area_of_logits(logits, truth, rows, classes, 1)));
            assert_true(isnan(precision_of_logits(logits, truth, rows, classes, 1)));
            assert_true(isnan(metric_brier(logits, truth, rows, classes)));
            assert_true(isnan(metric_ece(logits, truth, rows, classes)));
            logits[30 * classes + place] = kept;
        }
        for (uint64_t nth = 1; nth <= (classes == 2 ? 5u : 7u); nth++) {
            double value;
            memory_fail_at(nth);
            assert_false(metric_auroc_of_logits(&value, logits, truth, rows, classes, 1));
            memory_fail_at(nth);
            assert_false(metric_auprc_of_logits(&value, logits, truth, rows, classes, 1));
        }
        memory_fail_at(0);
        assert_true(isnan(area_of_logits(logits, truth, 0, classes, 1)));
        assert_true(isnan(metric_brier(logits, truth, 0, classes)));
        assert_true(isnan(metric_ece(logits, truth, 0, classes)));
    }
    float expected[] = {1.0f, 2.0f, 3.0f}, predicted[] = {1.0f, NAN, 2.0f};
    struct number_figures numbers;
    assert_true(metric_numbers(&numbers, predicted, expected, 3));
    assert_true(isnan(numbers.rmse) && isnan(numbers.mae));
    assert_true(isnan(numbers.pearson) && isnan(numbers.spearman));
    assert_true(metric_numbers(&numbers, predicted, expected, 0));
    assert_true(isnan(numbers.rmse) && isnan(numbers.spearman));
    predicted[1] = 5.0f;
    for (uint64_t nth = 1; nth <= 3; nth++) {
        memory_fail_at(nth);
        assert_false(metric_numbers(&numbers, predicted, expected, 3));
    }
    struct decision_figures figures;
    memory_fail_at(1);
    assert_false(metric_decisions_of_rows(&figures, labels, labels, LINES, KINDS));
    memory_fail_at(0);
}

/* Rounding must not lead out of [-1, 1]. */
static void lines_correlate_to_one(void **state)
{
    (void)state;
    float x[32], y[32];
    uint32_t chance = 5;
    for (int trial = 0; trial < 200; trial++) {
        for (int i = 0; i < 32; i++) {
            chance = chance * 1664525u + 1013904223u;
            x[i] = (float)(chance >> 8) * 1e-6f;
            y[i] = trial % 2 ? x[i] : -x[i];
        }
        struct number_figures figures;
        assert_true(metric_numbers(&figures, x, y, 32));
        assert_true(fabs(figures.pearson) <= 1.0 && fabs(figures.pearson) > 1.0 - 1e-14);
        assert_true(fabs(figures.spearman) <= 1.0 && fabs(figures.spearman) > 1.0 - 1e-14);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classification),    cmocka_unit_test(regression),
        cmocka_unit_test(what_always_holds), cmocka_unit_test(what_always_holds_of_logits),
        cmocka_unit_test(not_a_number),      cmocka_unit_test(lines_correlate_to_one),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
