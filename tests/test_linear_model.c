/* The linear baseline: what it learns, that it is the optimum, that it is the same again, bounded
 * memory, and on the real data (skipped without it) what scikit-learn reaches. */
#include "assay/rows.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/ranking.h"
#include "report/linear_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 300, WORDS = 12, MOST = 4096 };

static const char *const common[] = {"time", "house", "water", "people", "letter", "garden"};
static const char *const telling[] = {"indeed", "gonna"};

/* Words drawn alike for both classes, and a telling one in most rows. */
static void make_text(char *text, size_t size, uint32_t row, bool positive)
{
    size_t used = 0;
    uint32_t four[4];
    for (uint32_t w = 0; w < WORDS; w++) {
        const uint32_t place[4] = {row, w, 0, 0};
        random_block(four, 5, place);
        const char *word =
            four[0] % 12 == 0 ? telling[four[1] % 8 ? positive : !positive] : common[four[1] % 6];
        used += (size_t)snprintf(text + used, size - used, "%s%s", w ? " " : "", word);
    }
}

static double learn(double *scores, uint8_t *flags)
{
    struct linear_rows *rows;
    struct linear_model *model;
    char text[512];
    const double value = 3.5;
    assert_int_equal(linear_rows_open(&rows, 1, NULL), ASSAY_OK);
    for (uint32_t i = 0; i < ROWS; i++) {
        make_text(text, sizeof text, i, i % 2);
        assert_int_equal(linear_rows_add(rows, text, strlen(text), i % 2, &value, NULL), ASSAY_OK);
    }
    assert_int_equal(linear_rows_count(rows), ROWS);
    assert_true(linear_rows_value(rows, 17, 0) == value && linear_rows_positive(rows, 17));
    assert_int_equal(linear_model_train(&model, rows, NULL), ASSAY_OK);
    for (uint32_t i = 0; i < ROWS; i++) {
        make_text(text, sizeof text, ROWS + i, i % 2);
        flags[i] = i % 2;
        assert_int_equal(linear_model_score(model, &scores[i], text, strlen(text), NULL), ASSAY_OK);
    }
    linear_model_close(model);
    linear_rows_close(rows);
    struct ranking ranking;
    assert_true(ranking_make(&ranking, scores, ROWS));
    double area = ranking_auroc(&ranking, flags, NULL);
    ranking_free(&ranking);
    return area;
}

static void learns_and_repeats(void **state)
{
    (void)state;
    double scores[2][ROWS];
    uint8_t flags[ROWS];
    double area = learn(scores[0], flags);
    print_message("area on rows of the same kind: %.3f\n", area);
    assert_true(area > 0.72); /* a third of the rows has no telling word */
    learn(scores[1], flags);
    assert_memory_equal(scores[0], scores[1], sizeof scores[0]);
}

/* Case, runs of white space and what follows the limit do not matter; broken bytes are taken. */
static void same_text(void **state)
{
    (void)state;
    struct linear_rows *rows;
    struct linear_model *model;
    double a, b;
    assert_int_equal(linear_rows_open(&rows, 0, NULL), ASSAY_OK);
    assert_int_equal(linear_rows_add(rows, "abc def", 7, true, NULL, NULL), ASSAY_OK);
    assert_int_equal(linear_model_train(&model, rows, NULL), ASSAY_ERROR_FORMAT);
    assert_int_equal(linear_rows_add(rows, "xyz uvw", 7, false, NULL, NULL), ASSAY_OK);
    assert_int_equal(linear_rows_add(rows, "", 0, false, NULL, NULL), ASSAY_OK);
    assert_int_equal(linear_model_train(&model, rows, NULL), ASSAY_OK);
    linear_model_score(model, &a, "abc def", 7, NULL);
    linear_model_score(model, &b, "ABC \t\n def", 10, NULL);
    assert_true(a == b && a > 0.0);
    linear_model_score(model, &b, "xyz", 3, NULL);
    assert_true(b < 0.0 || b < a);
    linear_model_score(model, &b, "\xff\xfe\xc3", 3, NULL);
    assert_true(isfinite(b));
    linear_model_score(model, &b, "", 0, NULL);
    assert_true(isfinite(b));
    linear_model_close(model);
    linear_rows_close(rows);
}

static void out_of_memory(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth < 40; nth++) {
        struct linear_rows *rows = NULL;
        struct linear_model *model = NULL;
        memory_fail_at(nth);
        assay_status status = linear_rows_open(&rows, 2, NULL);
        const double values[2] = {0};
        if (!status)
            status = linear_rows_add(rows, "one two", 7, true, values, NULL);
        if (!status)
            status = linear_rows_add(rows, "six ten", 7, false, values, NULL);
        if (!status)
            status = linear_model_train(&model, rows, NULL);
        linear_model_close(model);
        linear_rows_close(rows);
        if (nth < 14)
            assert_int_equal(status, ASSAY_ERROR_MEMORY);
        else
            assert_true(status == ASSAY_OK || status == ASSAY_ERROR_MEMORY);
    }
    memory_fail_at(0);
}

typedef void row_user(void *context, const assay_row *row);

static void each_row(const char *path, row_user *use, void *context)
{
    assay_rows *rows;
    assay_row row;
    assert_int_equal(assay_rows_open(&rows, path, NULL, NULL), ASSAY_OK);
    while (assay_rows_next(rows, &row, NULL) == ASSAY_OK && row.text)
        use(context, &row);
    assay_rows_close(rows);
}

static void add_row(void *context, const assay_row *row)
{
    assert_int_equal(linear_rows_add(context, row->text, row->text_length,
                                     strcmp(row->label, "ai") == 0, NULL, NULL),
                     ASSAY_OK);
}

struct judged {
    struct linear_model *model;
    double scores[MOST];
    uint8_t flags[MOST];
    int64_t rows;
};

static void judge_row(void *context, const assay_row *row)
{
    struct judged *j = context;
    assert_true(j->rows < MOST);
    linear_model_score(j->model, &j->scores[j->rows], row->text, row->text_length, NULL);
    j->flags[j->rows++] = strcmp(row->label, "ai") == 0;
}

/* scikit-learn's TF-IDF on 2- to 4-grams with logistic regression has .917 on these rows. */
static void real_rows(void **state)
{
    (void)state;
    const char *train = ASSAY_SHARED_DATA "/text_detection/train.jsonl";
    const char *test = ASSAY_SHARED_DATA "/text_detection/test_iid.jsonl";
    if (!file_exists(train)) {
        print_message("the real data is not there\n");
        skip();
    }
    struct linear_rows *rows;
    static struct judged judged;
    assert_int_equal(linear_rows_open(&rows, 0, NULL), ASSAY_OK);
    each_row(train, add_row, rows);
    assert_int_equal(linear_model_train(&judged.model, rows, NULL), ASSAY_OK);
    each_row(test, judge_row, &judged);
    struct ranking ranking;
    assert_true(ranking_make(&ranking, judged.scores, judged.rows));
    double area = ranking_auroc(&ranking, judged.flags, NULL);
    print_message("AUROC on test_iid: %.4f\n", area);
    assert_true(area >= 0.905);
    ranking_free(&ranking);
    linear_model_close(judged.model);
    linear_rows_close(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_repeats),
        cmocka_unit_test(same_text),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(real_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
