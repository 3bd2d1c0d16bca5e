/* base/metrics beside scikit-learn and scipy, and what must hold of any scores. */
#include "base/json.h"
#include "base/memory.h"
#include "base/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MOST = 1024, FILE_LIMIT = 1 << 20 };

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
    if (!(fabs(found - expected) <= 1e-12 * fmax(1.0, fabs(expected))))
        fail_msg("%s of \"%s\" is %.17g, not %.17g", key, name, found, expected);
}

static void classification(void **state)
{
    (void)state;
    const struct json *list = json_member(cases, "classify");
    assert_true(json_count(list) >= 10);
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
        struct class_figures figures;
        metric_classes(&figures, said, labels, rows, classes);
        check(object, "accuracy", figures.accuracy);
        check(object, "balanced_accuracy", figures.balanced_accuracy);
        check(object, "macro_f1", figures.macro_f1);
        check(object, "mcc", figures.mcc);
        check(object, "auroc", metric_auroc_of_logits(logits, labels, rows, classes, 1));
        check(object, "auprc", metric_auprc_of_logits(logits, labels, rows, classes, 1));
        check(object, "brier", metric_brier(logits, labels, rows, classes));
        check(object, "ece", metric_ece(logits, labels, rows, classes));
    }
}

static void regression(void **state)
{
    (void)state;
    const struct json *list = json_member(cases, "numbers");
    assert_true(json_count(list) >= 4);
    for (size_t c = 0; c < json_count(list); c++) {
        const struct json *object = json_element(list, c);
        float predicted[MOST], expected[MOST];
        int64_t rows = read_floats(predicted, object, "predicted");
        assert_int_equal(read_floats(expected, object, "expected"), rows);
        struct number_figures figures;
        metric_numbers(&figures, predicted, expected, rows);
        check(object, "rmse", figures.rmse);
        check(object, "mae", figures.mae);
        check(object, "pearson", figures.pearson);
        check(object, "spearman", figures.spearman);
    }
}

static void what_always_holds(void **state)
{
    (void)state;
    enum { ROWS = 300 };
    float scores[ROWS], turned[ROWS], reversed[ROWS];
    int32_t labels[ROWS], labels_reversed[ROWS];
    uint32_t chance = 7;
    for (int i = 0; i < ROWS; i++) {
        chance = chance * 1664525u + 1013904223u;
        scores[i] = (float)(chance >> 26); /* many ties */
        labels[i] = (int32_t)(chance >> 12 & 1);
        turned[i] = -scores[i];
        reversed[ROWS - 1 - i] = scores[i];
        labels_reversed[ROWS - 1 - i] = labels[i];
    }
    double area = metric_auroc(scores, labels, 1, ROWS);
    assert_true(area > 0.3 && area < 0.7);
    assert_true(fabs(area + metric_auroc(turned, labels, 1, ROWS) - 1.0) < 1e-15);
    assert_true(fabs(area + metric_auroc(scores, labels, 0, ROWS) - 1.0) < 1e-15);
    assert_true(area == metric_auroc(reversed, labels_reversed, 1, ROWS));
    assert_true(metric_auprc(scores, labels, 1, ROWS) ==
                metric_auprc(reversed, labels_reversed, 1, ROWS));
    for (int i = 0; i < ROWS; i++)
        turned[i] = 3.0f;
    assert_true(metric_auroc(turned, labels, 1, ROWS) == 0.5);
    turned[5] = NAN;
    assert_true(isnan(metric_auroc(turned, labels, 1, ROWS)));
    assert_true(isnan(metric_auroc(scores, labels, 7, ROWS)));
    /* Without memory a figure is not defined, and nothing is lost. */
    memory_fail_at(1);
    assert_true(isnan(metric_auroc(scores, labels, 1, ROWS)));
    memory_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classification),
        cmocka_unit_test(regression),
        cmocka_unit_test(what_always_holds),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
