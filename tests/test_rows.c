/* assay/rows: every format, what is refused and how reading goes on after it. */
#include "assay/rows.h"
#include "base/file.h"
#include "base/memory.h"
#include "folder_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Folders of classes stand in it. */
static int remove_all(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", test_folder);
    return system(command);
}

static assay_rows *open_bytes(const char *name, const void *bytes, size_t length,
                              const assay_rows_options *options)
{
    assay_rows *rows;
    assay_error error;
    assert_int_equal(file_write(in_folder(name), bytes, length, NULL), ASSAY_OK);
    assay_status status = assay_rows_open(&rows, in_folder(name), options, &error);
    if (status)
        print_error("%s: %s\n", name, error.message);
    assert_int_equal(status, ASSAY_OK);
    return rows;
}

static assay_rows *open_text(const char *name, const char *text)
{
    return open_bytes(name, text, strlen(text), NULL);
}

static void expect(assay_rows *rows, const char *id, const char *text, const char *label,
                   int64_t line)
{
    assay_row row;
    assay_error error;
    assay_status status = assay_rows_next(rows, &row, &error);
    if (status)
        print_error("%s\n", error.message);
    assert_int_equal(status, ASSAY_OK);
    assert_non_null(row.text);
    assert_string_equal(row.text, text);
    assert_int_equal(row.text_length, strlen(text));
    assert_string_equal(row.id, id);
    if (label)
        assert_string_equal(row.label, label);
    else
        assert_null(row.label);
    assert_int_equal(row.line, line);
}

static void expect_error(assay_rows *rows, assay_status status, int64_t line, const char *place,
                         const char *word)
{
    assay_row row;
    assay_error error;
    assert_int_equal(assay_rows_next(rows, &row, &error), status);
    assert_null(row.text);
    if (!strstr(error.message, word))
        print_error("%s\n", error.message);
    assert_non_null(strstr(error.message, word));
    assert_int_equal(error.row, line);
    assert_string_equal(error.place, place);
    assert_true(error.file[0]);
}

static void expect_end(assay_rows *rows)
{
    assay_row row;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(assay_rows_next(rows, &row, NULL), ASSAY_OK);
        assert_null(row.text);
    }
    assay_rows_close(rows);
}

static void test_jsonl(void **state)
{
    (void)state;
    assay_rows *rows = open_text(
        "a.jsonl",
        "\xef\xbb\xbf{\"text\": \"one\", \"id\": \"x\", \"label\": \"ai\"}\r\n"
        "\n   \n"
        "{\"text\": \"\", \"id\": 7, \"label\": 1, \"more\": {\"k\": [1, 2]}, \"s\": \"v\"}\n"
        "{\"text\": \"three\", \"label\": true, \"id\": null}\n"
        "{\"label\": \"ai\", \"body\": \"x\"}\n"
        "{\"text\": 5}\n"
        "{\"text\": null}\n"
        "[1]\n"
        "{\"text\": \"a\", }\n"
        "{\"text\": \"a\xff\"}\n"
        "{\"text\": \"t\", \"id\": []}\n"
        "{\"text\": \"t\", \"label\": {}}\n"
        "{\"text\": \"last\", \"label\": 1.5}");
    expect(rows, "x", "one", "ai", 1);
    expect(rows, "7", "", "1", 4);
    size_t length;
    assert_string_equal(assay_rows_field(rows, "more", &length), "{\"k\": [1, 2]}");
    assert_int_equal(length, 13);
    assert_string_equal(assay_rows_field(rows, "s", &length), "v");
    assert_null(assay_rows_field(rows, "absent", &length));
    expect(rows, "3", "three", "true", 5);
    assay_row row;
    assay_error error;
    assert_int_equal(assay_rows_next(rows, &row, &error), ASSAY_ERROR_FORMAT);
    assert_int_equal(error.row, 6);
    assert_string_equal(error.place, "text");
    assert_string_equal(error.found, "label, body");
    expect_error(rows, ASSAY_ERROR_FORMAT, 7, "text", "kind");
    expect_error(rows, ASSAY_ERROR_FORMAT, 8, "text", "null");
    expect_error(rows, ASSAY_ERROR_FORMAT, 9, "", "object");
    expect_error(rows, ASSAY_ERROR_FORMAT, 10, "", "key");
    assert_int_equal(assay_rows_next(rows, &row, &error), ASSAY_ERROR_FORMAT);
    assert_int_equal(error.row, 11);
    assert_int_equal(error.column, 12);
    expect_error(rows, ASSAY_ERROR_FORMAT, 12, "id", "kind");
    expect_error(rows, ASSAY_ERROR_FORMAT, 13, "label", "kind");
    expect(rows, "12", "last", "1.5", 14);
    expect_end(rows);
    expect_end(open_text("empty.jsonl", ""));
    expect_end(open_text("blank.JSONL", "\n\r\n \n"));
}

static void test_named_fields(void **state)
{
    (void)state;
    const char text[] = "{\"body\": \"b\", \"q\": \"pair\", \"key\": 3, \"class\": \"x\"}\n"
                        "{\"body\": \"b\", \"q\": \"pair\", \"key\": 3}\n"
                        "{\"body\": \"b\", \"key\": 3, \"class\": \"x\"}\n";
    assay_rows_options options = ASSAY_ROWS_OPTIONS_INIT;
    options.text_field = "body";
    options.pair_field = "q";
    options.id_field = "key";
    options.label_field = "class";
    assay_rows *rows = open_bytes("n.jsonl", text, sizeof text - 1, &options);
    assay_row row;
    assert_int_equal(assay_rows_next(rows, &row, NULL), ASSAY_OK);
    assert_string_equal(row.text, "b");
    assert_string_equal(row.pair, "pair");
    assert_int_equal(row.pair_length, 4);
    assert_string_equal(row.id, "3");
    assert_string_equal(row.label, "x");
    assert_string_equal(row.file, in_folder("n.jsonl"));
    expect_error(rows, ASSAY_ERROR_FORMAT, 2, "class", "no field");
    expect_error(rows, ASSAY_ERROR_FORMAT, 3, "q", "no field");
    expect_end(rows);
    assay_error error;
    assert_int_equal(file_write(in_folder("n.csv"), "id,text\n1,a\n", 12, NULL), ASSAY_OK);
    assert_int_equal(assay_rows_open(&rows, in_folder("n.csv"), &options, &error),
                     ASSAY_ERROR_FORMAT);
    assert_null(rows);
    assert_string_equal(error.place, "body");
    assert_string_equal(error.found, "id, text");
    assert_string_equal(error.file, in_folder("n.csv"));
    options.struct_size = 4;
    assert_int_equal(assay_rows_open(&rows, in_folder("n.csv"), &options, &error),
                     ASSAY_ERROR_ARGUMENT);
}

static void test_csv(void **state)
{
    (void)state;
    assay_rows *rows = open_text("a.csv", "\xef\xbb\xbf\"id\",text,label,x\r\n"
                                          "1,\"a \"\"b\"\", c\r\nd\ne\",ai,\r\n"
                                          "\r\n"
                                          ",plain \"q\",,z\n"
                                          "3,,human,\"\"\n"
                                          "4,too few\n"
                                          "5,a,b,c,d\n"
                                          "6,\"a\"b,c,d\n"
                                          "7,bad\xc3,c,d\n"
                                          "8,\xe2\x82\xac,c,\"d\"");
    expect(rows, "1", "a \"b\", c\r\nd\ne", "ai", 2);
    expect(rows, "2", "plain \"q\"", NULL, 6);
    size_t length;
    assert_string_equal(assay_rows_field(rows, "x", &length), "z");
    expect(rows, "3", "", "human", 7);
    expect_error(rows, ASSAY_ERROR_FORMAT, 8, "", "number of fields");
    expect_error(rows, ASSAY_ERROR_FORMAT, 9, "", "number of fields");
    expect_error(rows, ASSAY_ERROR_FORMAT, 10, "field 2", "quote");
    expect_error(rows, ASSAY_ERROR_FORMAT, 11, "text", "UTF-8");
    expect(rows, "8", "\xe2\x82\xac", "c", 12);
    expect_end(rows);
    rows = open_text("open.csv", "text\na\n\"never closed\n\n");
    expect(rows, "1", "a", NULL, 2);
    expect_error(rows, ASSAY_ERROR_FORMAT, 3, "", "not closed");
    expect_end(rows);
    rows = open_text("cr.csv", "text\r\na\r");
    expect(rows, "1", "a", NULL, 2);
    expect_end(rows);
    rows = open_text("a.tsv", "text\tlabel\na,b\t\"x\ty\"\n");
    expect(rows, "1", "a,b", "x\ty", 2);
    expect_end(rows);
}

/* Fields that are not looked for, ids that are numbers of rows, zero bytes, the count of bytes. */
static void test_ids_and_absent_fields(void **state)
{
    (void)state;
    static const char text[] = "{\"text\": \"a\", \"label\": [1], \"id\": 1}\n"
                               "{\"text\": \"b\"}\n"
                               "{\"text\": \"c\", \"id\": \"x\\u0000y\"}\n";
    assay_rows_options options = ASSAY_ROWS_OPTIONS_INIT;
    options.label_field = "";
    assay_rows *rows = open_bytes("ids.jsonl", text, strlen(text), &options);
    assay_row row;
    assert_int_equal(assay_rows_bytes(rows), 0);
    assert_int_equal(assay_rows_next(rows, &row, NULL), ASSAY_OK);
    assert_string_equal(row.id, "1");
    assert_false(row.numbered);
    assert_null(row.label);
    assert_int_equal(assay_rows_next(rows, &row, NULL), ASSAY_OK);
    assert_string_equal(row.id, "2");
    assert_true(row.numbered);
    expect_error(rows, ASSAY_ERROR_FORMAT, 3, "id", "zero byte");
    assert_int_equal(assay_rows_bytes(rows), strlen(text));
    expect_end(rows);

    static const char csv[] = "text,label\na,x\0y\n";
    rows = open_bytes("zero.csv", csv, sizeof csv - 1, NULL);
    expect_error(rows, ASSAY_ERROR_FORMAT, 2, "label", "zero byte");
    expect_end(rows);
}

static void test_csv_refused_at_open(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "\n\n", "id,label\n", "text,text\n", "\"text\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assay_rows *rows;
        assay_error error;
        assert_int_equal(file_write(in_folder("bad.csv"), bad[i], strlen(bad[i]), NULL), ASSAY_OK);
        assert_int_equal(assay_rows_open(&rows, in_folder("bad.csv"), NULL, &error),
                         ASSAY_ERROR_FORMAT);
        assert_null(rows);
        assert_string_equal(error.file, in_folder("bad.csv"));
    }
}

static void test_whole_file(void **state)
{
    (void)state;
    assay_rows *rows = open_text("a.txt", "\xef\xbb\xbfline\n\nother\n");
    expect(rows, "1", "line\n\nother\n", NULL, 1);
    expect_end(rows);
    rows = open_text("a.md", "");
    expect(rows, "1", "", NULL, 1);
    expect_end(rows);
    rows = open_bytes("zero.txt", "a\0b", 3, NULL);
    assay_row row;
    assert_int_equal(assay_rows_next(rows, &row, NULL), ASSAY_OK);
    assert_int_equal(row.text_length, 3);
    expect_end(rows);
    rows = open_text("broken.txt", "ok \xed\xa0\x80");
    assay_error error;
    assert_int_equal(assay_rows_next(rows, &row, &error), ASSAY_ERROR_FORMAT);
    assert_string_equal(error.found, "byte 0xed at position 4");
    expect_end(rows);
    rows = open_bytes("wide.txt",
                      "\xff\xfe"
                      "a\0",
                      4, NULL);
    expect_error(rows, ASSAY_ERROR_FORMAT, 1, "", "UTF-16");
    expect_end(rows);
    assert_int_equal(assay_rows_open(&rows, in_folder("none"), NULL, &error),
                     ASSAY_ERROR_NOT_FOUND);
    assert_string_equal(error.file, in_folder("none"));
}

static void test_class_folder(void **state)
{
    (void)state;
    assay_error error;
    assay_rows *rows;
    mkdir(in_folder("classes"), 0777);
    assert_int_equal(assay_rows_open(&rows, in_folder("classes"), NULL, &error),
                     ASSAY_ERROR_FORMAT);
    mkdir(in_folder("classes/human"), 0777);
    mkdir(in_folder("classes/ai"), 0777);
    mkdir(in_folder("classes/empty"), 0777);
    mkdir(in_folder("classes/.git"), 0777);
    file_write(in_folder("classes/README"), "not data", 8, NULL);
    file_write(in_folder("classes/human/b.txt"), "B", 1, NULL);
    file_write(in_folder("classes/human/a.txt"), "\xff", 1, NULL);
    file_write(in_folder("classes/human/.hidden"), "x", 1, NULL);
    file_write(in_folder("classes/ai/z"), "Z\n", 2, NULL);
    assert_int_equal(assay_rows_open(&rows, in_folder("classes"), NULL, &error), ASSAY_OK);
    expect(rows, "ai/z", "Z\n", "ai", 1);
    assay_row row;
    assert_int_equal(assay_rows_next(rows, &row, &error), ASSAY_ERROR_FORMAT);
    assert_string_equal(error.file, in_folder("classes/human/a.txt"));
    expect(rows, "human/b.txt", "B", "human", 1);
    expect_end(rows);
    mkdir(in_folder("classes/ai/deep"), 0777);
    assert_int_equal(assay_rows_open(&rows, in_folder("classes"), NULL, &error), ASSAY_OK);
    assert_int_equal(assay_rows_next(rows, &row, &error), ASSAY_ERROR_FORMAT);
    assert_string_equal(error.file, in_folder("classes/ai/deep"));
    assert_int_equal(assay_rows_next(rows, &row, &error), ASSAY_ERROR_FORMAT); /* a.txt */
    expect(rows, "human/b.txt", "B", "human", 1);
    expect_end(rows);
}

static void test_limits(void **state)
{
    (void)state;
    assay_rows_options options = ASSAY_ROWS_OPTIONS_INIT;
    options.max_row_bytes = 20;
    static const char jsonl[] = "{\"text\": \"aaaaaaaa\"}\n{\"text\": \"aaaaaaaaa\"}\n{\"text\": "
                                "\"b\"}\n";
    assay_rows *rows = open_bytes("l.jsonl", jsonl, sizeof jsonl - 1, &options);
    expect(rows, "1", "aaaaaaaa", NULL, 1);
    expect_error(rows, ASSAY_ERROR_LIMIT, 2, "", "long");
    expect(rows, "3", "b", NULL, 3);
    expect_end(rows);
    static const char csv[] = "text,label\naaaaaaaaaa,bbbbbbbbbb\naaaaaaaaaaa,bbbbbbbbbb\n"
                              "\"aaaaaaaaaaaaaaaaaaaaaaaa\n,\"\"\",\nx,y\n";
    rows = open_bytes("l.csv", csv, sizeof csv - 1, &options);
    expect(rows, "1", "aaaaaaaaaa", "bbbbbbbbbb", 2);
    expect_error(rows, ASSAY_ERROR_LIMIT, 3, "", "long");
    expect_error(rows, ASSAY_ERROR_LIMIT, 4, "", "long");
    expect(rows, "4", "x", "y", 6);
    expect_end(rows);
    rows = open_bytes("l.txt", "123456789012345678901", 21, &options);
    expect_error(rows, ASSAY_ERROR_LIMIT, 1, "", "long");
    expect_end(rows);
    char *fields = malloc(2 * ASSAY_ROWS_MAX_FIELDS + 8);
    memset(fields, ',', 2 * ASSAY_ROWS_MAX_FIELDS);
    assert_int_equal(file_write(in_folder("f.csv"), fields, 2 * ASSAY_ROWS_MAX_FIELDS, NULL),
                     ASSAY_OK);
    assert_int_equal(assay_rows_open(&rows, in_folder("f.csv"), NULL, NULL), ASSAY_ERROR_LIMIT);
    free(fields);
}

static void test_huge_line(void **state)
{
    (void)state;
    enum { HUGE_LINE = 100 << 20 };
    char *text = malloc(HUGE_LINE);
    memset(text, 'a', HUGE_LINE);
    memcpy(text, "{\"text\": \"", 10);
    memcpy(text + HUGE_LINE - 16, "\"}\n{\"text\":\"b\"}\n", 16);
    assay_rows *rows = open_bytes("huge.jsonl", text, HUGE_LINE, NULL);
    expect_error(rows, ASSAY_ERROR_LIMIT, 1, "", "long");
    expect(rows, "2", "b", NULL, 2);
    expect_end(rows);
    assay_rows_options options = ASSAY_ROWS_OPTIONS_INIT;
    options.max_row_bytes = HUGE_LINE;
    assert_int_equal(assay_rows_open(&rows, in_folder("huge.jsonl"), &options, NULL), ASSAY_OK);
    assay_row row;
    assert_int_equal(assay_rows_next(rows, &row, NULL), ASSAY_OK);
    assert_int_equal(row.text_length, HUGE_LINE - 16 - 10);
    expect(rows, "2", "b", NULL, 2);
    expect_end(rows);
    free(text);
}

static void test_standard_input_answers_as_it_comes(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int kept = dup(STDIN_FILENO);
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    close(ends[0]);
    assay_rows *rows;
    assay_error error;
    assert_int_equal(assay_rows_open(&rows, "-", NULL, &error), ASSAY_OK);
    /* Were it to wait for more than the line, this would hang: nothing else is written. */
    alarm(20);
    assert_int_equal(write(ends[1], "\xef\n", 2), 2);
    assay_row row;
    assert_int_equal(assay_rows_next(rows, &row, &error), ASSAY_ERROR_FORMAT);
    assert_string_equal(error.file, "standard input");
    assert_int_equal(write(ends[1], "first\r\n", 7), 7);
    expect(rows, "2", "first", NULL, 2);
    assert_int_equal(write(ends[1], "\nthi", 4), 4);
    expect(rows, "3", "", NULL, 3);
    assert_int_equal(write(ends[1], "rd\nlast", 7), 7);
    expect(rows, "4", "third", NULL, 4);
    close(ends[1]);
    expect(rows, "5", "last", NULL, 5);
    expect_end(rows);
    alarm(0);
    /* Standard input stays open, and may carry another format. */
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    assay_rows_options options = ASSAY_ROWS_OPTIONS_INIT;
    options.format = ASSAY_ROWS_CSV;
    assert_int_equal(write(ends[1], "text,id\na,b\n", 12), 12);
    close(ends[1]);
    assert_int_equal(assay_rows_open(&rows, "-", &options, NULL), ASSAY_OK);
    expect(rows, "b", "a", NULL, 2);
    expect_end(rows);
    dup2(kept, STDIN_FILENO);
    close(kept);
}

static void test_memory_failures(void **state)
{
    (void)state;
    static const char *const names[] = {"m.jsonl", "m.csv", "m.txt"};
    static const char *const texts[] = {"{\"text\": \"a\", \"id\": 5}\n", "text,id\na,\"b\"\n",
                                        "text"};
    for (int i = 0; i < 3; i++) {
        file_write(in_folder(names[i]), texts[i], strlen(texts[i]), NULL);
        bool reached = true;
        for (uint64_t nth = 1; reached; nth++) {
            assay_rows *rows;
            assay_row row;
            uint64_t before = memory_allocation_count();
            memory_fail_at(nth);
            assay_status status = assay_rows_open(&rows, in_folder(names[i]), NULL, NULL);
            if (!status)
                status = assay_rows_next(rows, &row, NULL);
            reached = memory_allocation_count() - before >= nth;
            memory_fail_at(0);
            assert_int_equal(status, reached ? ASSAY_ERROR_MEMORY : ASSAY_OK);
            assay_rows_close(rows);
        }
    }
    assay_rows_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jsonl),
        cmocka_unit_test(test_named_fields),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_ids_and_absent_fields),
        cmocka_unit_test(test_csv_refused_at_open),
        cmocka_unit_test(test_whole_file),
        cmocka_unit_test(test_class_folder),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_huge_line),
        cmocka_unit_test(test_standard_input_answers_as_it_comes),
        cmocka_unit_test(test_memory_failures),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_all);
}
