/* Balancing: what stays, what is copied, weights, and the refusal of parts for judging. */
#include "data_fixture.h"

#include "base/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 1000 };

static void begin(assay_balance_options *options, const char *input, const char *output)
{
    static char paths[2][400];
    assay_balance_options_init(options);
    snprintf(paths[0], sizeof paths[0], "%s", in_folder(input));
    options->files.input = paths[0];
    if (output)
        snprintf(paths[1], sizeof paths[1], "%s", in_folder(output));
    options->files.output = output ? paths[1] : NULL;
}

static assay_data_report *balance(const assay_balance_options *options)
{
    assay_data_report *report = NULL;
    assay_error error = {0};
    if (assay_data_balance(&report, options, &error))
        fail_msg("%s", error.message);
    return report;
}

/* 700 x, 250 y, 50 z; domains of which d2 has no z. */
static void put_rows(void)
{
    struct buffer rows = {0};
    for (int i = 0; i < ROWS; i++) {
        int turn = i * 7 % 20;
        const char *label = turn < 14 ? "x" : turn < 19 ? "y" : "z";
        assert_true(buffer_format(
            &rows, "{\"id\": \"r%d\", \"text\": \"t %d\", \"label\": \"%s\", \"domain\": \"%s\"}\n",
            i, i, label, turn == 0 || turn == 14 ? "d2" : "d1"));
    }
    put_file("train.jsonl", rows.bytes);
    buffer_free(&rows);
}

static int64_t count_text(const char *name, const char *part)
{
    char *text = get_file(name);
    int64_t found = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        found++;
    memory_free(text);
    return found;
}

static void frequent_labels_lose_rows(void **state)
{
    (void)state;
    assay_balance_options options;
    put_rows();
    begin(&options, "train.jsonl", "under.jsonl");
    assay_data_report *report = balance(&options);
    assert_int_equal(count_of(report, "labels after", "x"), 50);
    assert_int_equal(count_of(report, "labels after", "y"), 50);
    assert_int_equal(count_of(report, "labels after", "z"), 50);
    assert_int_equal(count_lines("under.jsonl"), 150);
    assert_int_equal(count_lines("under.jsonl.removed.jsonl"), 850);
    assay_data_report_close(report);
    /* The order stays, the seed decides. */
    char *one = get_file("under.jsonl"), *text = memory_copy_string(one);
    int before = -1;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        int number = atoi(strstr(line, "\"r") + 2);
        assert_true(number > before);
        before = number;
    }
    assay_data_report_close(balance(&options));
    char *again = get_file("under.jsonl");
    assert_string_equal(one, again);
    options.seed = 1;
    assay_data_report_close(balance(&options));
    char *other = get_file("under.jsonl");
    assert_string_not_equal(one, other);
    memory_free(one);
    memory_free(text);
    memory_free(again);
    memory_free(other);
}

static void rare_labels_gain_copies(void **state)
{
    (void)state;
    assay_balance_options options;
    put_rows();
    begin(&options, "train.jsonl", "over.jsonl");
    options.method = ASSAY_BALANCE_OVER;
    assay_data_report *report = balance(&options);
    assert_int_equal(count_of(report, "labels after", "x"), 700);
    assert_int_equal(count_of(report, "labels after", "y"), 700);
    assert_int_equal(count_of(report, "labels after", "z"), 700);
    assert_int_equal(count_of(report, "rows", "copied"), 1100);
    assert_int_equal(count_lines("over.jsonl"), 2100);
    assert_int_equal(count_lines("over.jsonl.removed.jsonl"), 0);
    /* 50 rows of z become 700: each stands 14 times, with ids of its own. */
    assert_int_equal(count_text("over.jsonl", "~14\""), 50);
    assert_int_equal(count_text("over.jsonl", "~15\""), 0);
    assert_int_equal(count_text("over.jsonl", "\"label\": \"z\""), 700);
    /* 250 of y become 700: 2 or 3 times each. */
    assert_int_equal(count_text("over.jsonl", "~2\""), 50 + 250);
    assert_int_equal(count_text("over.jsonl", "~3\""), 50 + 200);
    assay_data_report_close(report);
}

static void labels_are_balanced_within_a_field(void **state)
{
    (void)state;
    assay_balance_options options;
    put_rows();
    begin(&options, "train.jsonl", "within.jsonl");
    options.within = "domain";
    assay_data_report *report = balance(&options);
    /* d1 has 650 x, 200 y, 50 z; d2 has no z, and goes. */
    assert_int_equal(count_lines("within.jsonl"), 150);
    assert_int_equal(count_text("within.jsonl", "d2"), 0);
    assert_int_equal(count_text("within.jsonl.removed.jsonl", "a label is missing"), 100);
    assert_non_null(assay_data_report_note(report, 0));
    assay_data_report_close(report);
    options.method = ASSAY_BALANCE_OVER;
    report = balance(&options);
    assert_int_equal(count_of(report, "labels after", "x"), 650 + 50);
    assert_int_equal(count_of(report, "labels after", "z"), 650);
    assert_int_equal(count_text("within.jsonl", "d2"), 100);
    assay_data_report_close(report);
}

static void weights_are_given(void **state)
{
    (void)state;
    assay_balance_options options;
    double weight;
    put_rows();
    begin(&options, "train.jsonl", "weights.jsonl");
    options.method = ASSAY_BALANCE_WEIGHTS;
    assay_data_report *report = balance(&options);
    assert_string_equal(assay_data_report_weight(report, 0, &weight), "x");
    assert_true(weight == 1000.0 / (3 * 700.0));
    assert_string_equal(assay_data_report_weight(report, 2, &weight), "z");
    assert_true(weight == 1000.0 / (3 * 50.0));
    assert_null(assay_data_report_weight(report, 3, &weight));
    char *a = get_file("train.jsonl"), *b = get_file("weights.jsonl");
    assert_string_equal(a, b);
    struct json *card = json_file("weights.jsonl.card.json");
    assert_true(json_number(json_member(json_member(card, "class_weights"), "z")) == weight);
    json_free(card);
    memory_free(a);
    memory_free(b);
    assay_data_report_close(report);
    begin(&options, "train.jsonl", NULL);
    options.method = ASSAY_BALANCE_WEIGHTS;
    report = balance(&options);
    assert_null(assay_data_report_file(report, 0));
    assay_data_report_close(report);
}

static void parts_for_judging_are_refused(void **state)
{
    (void)state;
    assay_balance_options options;
    assay_split_options splitting;
    assay_data_report *report = NULL;
    assay_error error = {0};
    const assay_split_part parts[] = {{"train", .6, 0}, {"Test", .2, 0}, {"calibration", .2, 0}};
    put_rows();
    char *input = memory_copy_string(in_folder("train.jsonl"));
    char *output = memory_copy_string(in_folder("parts"));
    assay_split_options_init(&splitting);
    splitting.files.input = input;
    splitting.files.output = output;
    splitting.parts = parts;
    splitting.part_count = 3;
    assert_int_equal(assay_data_split(&report, &splitting, NULL), ASSAY_OK);
    assay_data_report_close(report);
    begin(&options, "parts/train.jsonl", "t.jsonl");
    assay_data_report_close(balance(&options));
    static const char *const judging[] = {"parts/Test.jsonl", "parts/calibration.jsonl"};
    for (int i = 0; i < 2; i++) {
        begin(&options, judging[i], "j.jsonl");
        assert_int_equal(assay_data_balance(&report, &options, &error), ASSAY_ERROR_ARGUMENT);
        assert_non_null(strstr(error.message, "models are judged"));
        assert_int_equal(count_entries("j.jsonl"), 0);
    }
    options.force = true;
    assay_data_report_close(balance(&options));
    memory_free(input);
    memory_free(output);
}

static void what_is_wrong_is_refused(void **state)
{
    (void)state;
    assay_balance_options options;
    assay_data_report *report = NULL;
    assay_error error = {0};
    put_file("one.jsonl",
             "{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": \"b\", \"label\": \"x\"}\n");
    put_file("none.jsonl", "{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": \"b\"}\n");
    put_file("apart.jsonl", "{\"text\": \"a\", \"label\": \"x\", \"f\": 1}\n{\"text\": \"b\", "
                            "\"label\": \"y\", \"f\": 2}\n");
    begin(&options, "one.jsonl", "w.jsonl");
    assert_int_equal(assay_data_balance(&report, &options, &error), ASSAY_ERROR_FORMAT);
    begin(&options, "none.jsonl", "w.jsonl");
    assert_int_equal(assay_data_balance(&report, &options, &error), ASSAY_ERROR_FORMAT);
    assert_int_equal(error.row, 2);
    begin(&options, "apart.jsonl", "w.jsonl");
    options.within = "f";
    assert_int_equal(assay_data_balance(&report, &options, &error), ASSAY_ERROR_ARGUMENT);
    options.within = "g";
    assert_int_equal(assay_data_balance(&report, &options, &error), ASSAY_ERROR_FORMAT);
    assert_string_equal(error.place, "g");
    options.within = "f";
    options.method = ASSAY_BALANCE_WEIGHTS;
    assert_int_equal(assay_data_balance(&report, &options, &error), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(count_entries("w.jsonl"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frequent_labels_lose_rows),
        cmocka_unit_test(rare_labels_gain_copies),
        cmocka_unit_test(labels_are_balanced_within_a_field),
        cmocka_unit_test(weights_are_given),
        cmocka_unit_test(parts_for_judging_are_refused),
        cmocka_unit_test(what_is_wrong_is_refused),
    };
    return cmocka_run_group_tests(tests, data_folder_make, data_folder_remove);
}
