/* assay_data_clean over whole files: what stays byte for byte, what is written beside, what is
 * refused. */
#include "data_fixture.h"

#include "base/file.h"
#include "base/memory.h"
#include "clean/common_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static assay_data_report *clean(const char *input, const char *output, assay_clean_options *options)
{
    assay_data_report *report = NULL;
    assay_error error = {0};
    options->files.input = in_folder(input);
    options->files.output = in_folder(output);
    if (assay_data_clean(&report, options, &error))
        fail_msg("%s: %s", input, error.message);
    return report;
}

static assay_status refused(const char *input, const char *output, assay_clean_options *options,
                            assay_error *error)
{
    assay_data_report *report = NULL;
    *error = (assay_error){0};
    options->files.input = in_folder(input);
    options->files.output = in_folder(output);
    assay_status status = assay_data_clean(&report, options, error);
    assert_true(status != ASSAY_OK);
    assert_null(report);
    assert_true(error->message[0]);
    return status;
}

static void holds(const char *name, const char *expected)
{
    char *text = get_file(name);
    assert_string_equal(text, expected);
    memory_free(text);
}

/* Unchanged rows stay as they are byte for byte, changed ones but for the text. */
static void jsonl_keeps_its_other_bytes(void **state)
{
    (void)state;
    assay_clean_options options;
    assay_clean_options_init(&options);
    put_file(
        "in.jsonl",
        "{\"id\":  7, \"text\":\"as it is\",\"n\": 1.50, \"big\": 123456789012345678901234567890}\n"
        "\n"
        "{\"a\": {\"text\": \"  inner  \"}, \"te\\u0078t\" : \"two  \\u201cspaces\\u201d\" , "
        "\"z\": [1,  2]}\r\n"
        "{\"text\": \"\\ud83d\\ude00\\u200b ok\", \"label\": true}\n");
    assay_data_report *report = clean("in.jsonl", "out.jsonl", &options);
    holds(
        "out.jsonl",
        "{\"id\":  7, \"text\":\"as it is\",\"n\": 1.50, \"big\": 123456789012345678901234567890}\n"
        "{\"a\": {\"text\": \"  inner  \"}, \"te\\u0078t\" : \"two \\\"spaces\\\"\" , \"z\": [1,  "
        "2]}\n"
        "{\"text\": \"\xf0\x9f\x98\x80 ok\", \"label\": true}\n");
    assert_int_equal(count_of(report, "rows", "read"), 3);
    assert_int_equal(count_of(report, "rows", "changed"), 2);
    assert_int_equal(count_of(report, "changes", "typography"), 2);
    assert_int_equal(count_of(report, "changes", "whitespace"), 1);
    assert_int_equal(count_of(report, "rows with", "invisible"), 1);
    holds("out.jsonl.changes.jsonl", "{\"row\": 2, \"typography\": 2, \"whitespace\": 1}\n"
                                     "{\"row\": 3, \"invisible\": 1}\n");
    holds("out.jsonl.removed.jsonl", "");
    assay_data_report_close(report);
}

static void tables_keep_their_values(void **state)
{
    (void)state;
    assay_clean_options options;
    assay_clean_options_init(&options);
    put_file("in.csv", "id,\"te,xt\",note\r\n1,\"a  \"\"b\"\"\",\"x\ny\"\r\n2,fine,\"quoted, "
                       "so\"\r\n3,\" \",gone\r\n");
    assay_rows_options rows = ASSAY_ROWS_OPTIONS_INIT;
    rows.text_field = "te,xt";
    options.files.rows = &rows;
    assay_data_report *report = clean("in.csv", "out.csv", &options);
    holds("out.csv", "id,\"te,xt\",note\n1,\"a \"\"b\"\"\",\"x\ny\"\n2,fine,\"quoted, so\"\n");
    holds("out.csv.removed.jsonl",
          "{\"row\": 3, \"line\": 5, \"id\": \"3\", \"reason\": \"short\", \"detail\": \"0 words, "
          "fewer "
          "than 1\", \"source\": {\"id\": \"3\", \"te,xt\": \" \", \"note\": \"gone\"}}\n");
    assay_data_report_close(report);

    options.files.rows = NULL;
    put_file("in.tsv", "text\tlabel\n\"two\ttabs\"\tai\nx,y\thuman\n");
    report = clean("in.tsv", "out.tsv", &options);
    holds("out.tsv", "text\tlabel\ntwo tabs\tai\nx,y\thuman\n");
    assay_data_report_close(report);

    put_file("one.csv", "text\n\"a  b\"\nc\n");
    options.rules[ASSAY_CLEAN_RULE_SHORT] = false;
    report = clean("one.csv", "one.out.csv", &options);
    holds("one.out.csv", "text\na b\nc\n");
    assay_data_report_close(report);
}

static void folders_become_jsonl(void **state)
{
    (void)state;
    assay_clean_options options;
    assay_error error;
    assay_clean_options_init(&options);
    mkdir(in_folder("classes"), 0777);
    mkdir(in_folder("classes/ai"), 0777);
    mkdir(in_folder("classes/human"), 0777);
    put_file("classes/ai/1.txt", "made  up\n");
    put_file("classes/human/1.txt", "written");
    assay_data_report *report = clean("classes", "classes.jsonl", &options);
    holds("classes.jsonl",
          "{\"id\": \"ai/1.txt\", \"text\": \"made up\", \"label\": \"ai\"}\n"
          "{\"id\": \"human/1.txt\", \"text\": \"written\", \"label\": \"human\"}\n");
    struct json *card = json_file("classes.jsonl.card.json");
    const struct json *inputs = json_member(json_element(json_member(card, "steps"), 0), "inputs");
    /* as `cd classes && sha256sum ai/1.txt human/1.txt | sha256sum` */
    assert_string_equal(member_text(json_element(inputs, 0), "sha256"),
                        "027cb4a8205c6883bbb1d2777ef3fec98566767262b7fffa4509ed3186ef7c72");
    assert_int_equal(json_integer(json_member(json_element(inputs, 0), "bytes")), 16);
    json_free(card);
    assay_data_report_close(report);
    assert_int_equal(refused("classes", "classes.csv", &options, &error), ASSAY_ERROR_ARGUMENT);
    assert_non_null(strstr(error.expected, ".jsonl"));
}

static void broken_rows_go_or_end_the_work(void **state)
{
    (void)state;
    assay_clean_options options;
    assay_error error;
    assay_clean_options_init(&options);
    put_file("broken.jsonl",
             "{\"text\": \"good\"}\n{\"text\": \"\xff\"}\n{\"body\": 1}\n{\"text\": \"cut\n"
             "{\"text\": \"last\", \"id\": \"z\"}\n");
    assay_data_report *report = clean("broken.jsonl", "whole.jsonl", &options);
    holds("whole.jsonl", "{\"text\": \"good\"}\n{\"text\": \"last\", \"id\": \"z\"}\n");
    assert_int_equal(count_of(report, "removed", "broken"), 3);
    assert_int_equal(count_lines("whole.jsonl.removed.jsonl"), 3);
    struct json *line = json_line("whole.jsonl.removed.jsonl", 1);
    assert_int_equal(json_integer(json_member(line, "line")), 2);
    assert_string_equal(member_text(line, "reason"), "broken");
    assert_non_null(strstr(member_text(line, "detail"), "UTF-8"));
    json_free(line);
    assay_data_report_close(report);
    options.rules[ASSAY_CLEAN_RULE_BROKEN] = false;
    assert_int_equal(refused("broken.jsonl", "none.jsonl", &options, &error), ASSAY_ERROR_FORMAT);
    assert_int_equal(error.row, 2);
    assert_false(has_file("none.jsonl"));
    assert_int_equal(count_entries("none.jsonl"), 0);
}

static void what_is_wrong_is_refused(void **state)
{
    (void)state;
    assay_clean_options options;
    assay_error error;
    assay_clean_options_init(&options);
    put_file("ok.jsonl", "{\"text\": \"good\"}\n");
    put_file("empty.jsonl", "");
    assert_int_equal(refused("ok.jsonl", "ok.jsonl", &options, &error), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(refused("ok.jsonl", "ok.csv", &options, &error), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(refused("ok.jsonl", ".", &options, &error), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(refused("empty.jsonl", "x.jsonl", &options, &error), ASSAY_ERROR_FORMAT);
    assert_int_equal(refused("missing.jsonl", "x.jsonl", &options, &error), ASSAY_ERROR_NOT_FOUND);
    assert_int_equal(refused("ok.jsonl", "no/such/x.jsonl", &options, &error),
                     ASSAY_ERROR_NOT_FOUND);
    options.min_letters = 1.5;
    assert_int_equal(refused("ok.jsonl", "x.jsonl", &options, &error), ASSAY_ERROR_ARGUMENT);
    assay_clean_options_init(&options);
    options.struct_size--;
    assert_int_equal(refused("ok.jsonl", "x.jsonl", &options, &error), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(count_entries("x.jsonl"), 0);
    holds("ok.jsonl", "{\"text\": \"good\"}\n");
}

/* A header that one class has goes, one that few texts have stays. */
static void common_headers_are_cut(void **state)
{
    (void)state;
    assay_clean_options options;
    struct buffer rows = {0};
    assay_clean_options_init(&options);
    for (int i = 0; i < 400; i++) {
        const char *header = i % 2 ? "" : i % 4 ? "Sure! Here is the essay:\\n\\n" : "ANSWER: ";
        assert_true(buffer_format(&rows, "{\"text\": \"%s%sword%d goes on\"}\n", header,
                                  i == 7 || i == 9 ? "Rare: " : "", i));
    }
    put_file("headed.jsonl", rows.bytes);
    options.steps[ASSAY_CLEAN_TRIM_HEADER] = true;
    assay_data_report *report = clean("headed.jsonl", "headless.jsonl", &options);
    assert_int_equal(count_of(report, "rows with", "trim-header"), 200);
    for (int64_t i = 0; i < 400; i++) {
        struct json *line = json_line("headless.jsonl", i + 1);
        const char *text = member_text(line, "text");
        assert_true(!strncmp(text, "word", 4) || !strncmp(text, "Rare: ", 6));
        json_free(line);
    }
    assay_data_report_close(report);
    /* One that is named is cut wherever it stands first. */
    options.steps[ASSAY_CLEAN_TRIM_HEADER] = false;
    const char *named[] = {"Rare: "};
    options.headers = named;
    options.header_count = 1;
    report = clean("headed.jsonl", "named.jsonl", &options);
    assert_int_equal(count_of(report, "rows with", "trim-header"), 2);
    assay_data_report_close(report);
    buffer_free(&rows);
}

/* More different first lines than there are counters, and a common one among them. */
static void headers_are_found_in_bounded_memory(void **state)
{
    (void)state;
    struct common_headers headers = {0};
    char text[64];
    for (int i = 0; i < 40000; i++) {
        snprintf(text, sizeof text, i % 10 ? "line %d\nx" : "Common\nx", i);
        assert_int_equal(common_headers_count(&headers, text, strlen(text), NULL), ASSAY_OK);
    }
    assert_int_equal(common_headers_find(&headers, .05, NULL), ASSAY_OK);
    assert_int_equal(headers.found_count, 1);
    assert_string_equal(headers.found[0], "Common\n");
    const char *const *found = (const char *const *)headers.found;
    assert_int_equal(header_length(found, 1, "Common\nx", 8), 7);
    assert_int_equal(header_length(found, 1, "Common\n", 7), 0);
    common_headers_free(&headers);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    assay_clean_options options;
    struct buffer rows = {0};
    assay_clean_options_init(&options);
    for (int i = 0; i < 9000; i++)
        assert_true(
            buffer_format(&rows, "{\"text\": \"<b>%d</b>  \\u201cwords\\u201d and more\"}\n", i));
    put_file("many.jsonl", rows.bytes);
    options.steps[ASSAY_CLEAN_MARKUP] = true;
    options.files.threads = 1;
    assay_data_report_close(clean("many.jsonl", "one.jsonl", &options));
    options.files.threads = 3;
    mkdir(in_folder("other"), 0777);
    assay_data_report_close(clean("many.jsonl", "other/one.jsonl", &options));
    static const char *const endings[] = {"", ".changes.jsonl", ".removed.jsonl", ".card.json",
                                          ".card.md"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char name[64];
        snprintf(name, sizeof name, "one.jsonl%s", endings[i]);
        char *a = get_file(name);
        snprintf(name, sizeof name, "other/one.jsonl%s", endings[i]);
        char *b = get_file(name);
        assert_string_equal(a, b);
        memory_free(a);
        memory_free(b);
    }
    assert_int_equal(count_lines("one.jsonl"), 9000);
    buffer_free(&rows);
}

/* Each allocation fails once: one error, no leak (the sanitizer tells), nothing left behind. */
static void memory_may_run_out(void **state)
{
    (void)state;
    assay_clean_options options;
    put_file("small.jsonl",
             "{\"text\": \"<b>a</b>  \\u201cwords\\u201d\", \"id\": \"1\"}\n{\"text\": \"\"}\n");
    assay_clean_options_init(&options);
    options.steps[ASSAY_CLEAN_MARKUP] = options.steps[ASSAY_CLEAN_TRIM_HEADER] = true;
    options.files.threads = 1;
    char *input = memory_copy_string(in_folder("small.jsonl"));
    char *output = memory_copy_string(in_folder("memory.jsonl"));
    options.files.input = input;
    options.files.output = output;
    assay_data_report *report = NULL;
    uint64_t before = memory_allocation_count();
    assert_int_equal(assay_data_clean(&report, &options, NULL), ASSAY_OK);
    assay_data_report_close(report);
    uint64_t calls = memory_allocation_count() - before;
    assert_true(calls > 50);
    for (uint64_t n = 1; n <= calls; n++) {
        remove(in_folder("memory.jsonl"));
        memory_fail_at(n);
        assay_status status = assay_data_clean(&report, &options, NULL);
        memory_fail_at(0);
        assert_true(status == ASSAY_OK || status == ASSAY_ERROR_MEMORY);
        assert_int_equal(status == ASSAY_OK, has_file("memory.jsonl"));
        assert_int_equal(count_entries(".partial"), 0);
        assay_data_report_close(report);
    }
    memory_free(input);
    memory_free(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jsonl_keeps_its_other_bytes),
        cmocka_unit_test(tables_keep_their_values),
        cmocka_unit_test(folders_become_jsonl),
        cmocka_unit_test(broken_rows_go_or_end_the_work),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(common_headers_are_cut),
        cmocka_unit_test(headers_are_found_in_bounded_memory),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, data_folder_make, data_folder_remove);
}
