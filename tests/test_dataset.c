/* src/dataset: tokens, labels and ids are those of the rows; what is refused says where. */
#include "base/file.h"
#include "base/sha256.h"
#include "dataset_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Row `row` is what the tokenizer makes of the texts. */
static void check_row(const struct dataset_view *view, int64_t row, const assay_tokenizer *with,
                      const char *text, const char *pair)
{
    assay_encoding encoding = {0};
    assay_encode_options options = ASSAY_ENCODE_OPTIONS_INIT;
    options.truncation = ASSAY_TRUNCATE_LONGEST_FIRST;
    options.max_tokens = CUT;
    assert_int_equal(assay_tokenizer_encode(with, &encoding, text, strlen(text), pair,
                                            pair ? strlen(pair) : 0, &options, NULL),
                     ASSAY_OK);
    assert_int_equal(view->lengths[row], encoding.count);
    assert_int_equal(view->offsets[row + 1] - view->offsets[row], encoding.count);
    size_t bytes = (size_t)encoding.count * sizeof(int32_t);
    assert_memory_equal(view->ids + view->offsets[row], encoding.ids, bytes);
    if (view->types)
        assert_memory_equal(view->types + view->offsets[row], encoding.type_ids, bytes);
    for (int32_t i = 0; i < encoding.count && !view->types; i++)
        assert_int_equal(encoding.type_ids[i], 0);
    assay_encoding_free(&encoding);
}

static const char *const texts[] = {
    "the cat sat", "a dog ran over the hill and the cat sat on the mat and the dog ran", ""};
static void check_jsonl(const struct dataset *dataset)
{
    struct dataset_view view;
    dataset_get(dataset, &view);
    assert_int_equal(view.rows, 3);
    for (int64_t row = 0; row < 3; row++)
        check_row(&view, row, bert, texts[row], NULL);
    assert_int_equal(view.offsets[0], 0);
    assert_int_equal(view.offsets[3], view.tokens);
    assert_int_equal(view.truncated, 1);
    assert_int_equal(view.longest, CUT);
    assert_null(view.types);
    assert_null(view.numbers);
    assert_int_equal(view.class_count, 2);
    assert_string_equal(view.class_names[0], "ai");
    assert_string_equal(view.class_names[1], "human");
    assert_int_equal(view.classes[0], 1);
    assert_int_equal(view.classes[1], 0);
    assert_int_equal(view.classes[2], 1);
    assert_int_equal(view.class_rows[0], 1);
    assert_int_equal(view.class_rows[1], 2);
    assert_int_equal(view.class_first[0], 1);
    assert_int_equal(view.class_first[1], 0);
    check_id(dataset, 0, "first", 1);
    check_id(dataset, 1, "2", 3);
    check_id(dataset, 2, "7", 4);
}

static void test_jsonl_and_cache(void **unused)
{
    (void)unused;
    struct dataset_view view;
    char wanted[SHA256_HEX_SIZE];
    struct dataset_request request = ask(put("a.jsonl", JSONL), DATASET_CLASSES);
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s", request.path);
    request.path = path;
    struct dataset *made = must_open(&request, &view);
    assert_false(view.from_cache);
    assert_string_equal(view.path, path);
    assert_int_equal(sha256_file(wanted, path, NULL), ASSAY_OK);
    assert_string_equal(view.fingerprint, wanted);
    check_jsonl(made);
    assert_int_equal(caches(), 1);

    struct dataset *again = must_open(&request, &view);
    assert_true(view.from_cache);
    check_jsonl(again);
    check_same(made, again);
    dataset_close(again);

    /* The same data under another name are the same; with another ending they are read anew. */
    char other[PATH_SIZE];
    snprintf(other, sizeof other, "%s", put("b.JSONL", JSONL));
    request.path = other;
    again = must_open(&request, &view);
    assert_true(view.from_cache);
    assert_string_equal(view.path, other);
    dataset_close(again);
    snprintf(other, sizeof other, "%s", put("b.txt", JSONL));
    request.labels = DATASET_UNLABELLED;
    again = must_open(&request, &view);
    assert_false(view.from_cache);
    assert_int_equal(view.rows, 1);
    dataset_close(again);
    dataset_close(made);
    assert_int_equal(notes, 0);
}

static void test_other_settings_are_other_caches(void **unused)
{
    (void)unused;
    struct dataset_view view;
    char path[PATH_SIZE], folder[100], file[PATH_SIZE];
    struct recipe_entry entries[] = {{.key = "id", .text = "score"}};
    struct recipe_map fields = {entries, 1};
    struct buffer tokenizer = {0};
    snprintf(path, sizeof path, "%s",
             put("a.jsonl", "{\"text\": \"the\", \"label\": 1, \"score\": 3}\n"));
    int expected = 0;
    for (int kind = 0; kind < 8; kind++) {
        struct dataset_request request = ask(path, DATASET_CLASSES);
        if (kind == 1)
            request.labels = DATASET_NUMBERS;
        if (kind == 2)
            request.labels = DATASET_UNLABELLED;
        if (kind == 3)
            request.max_tokens++;
        if (kind == 4)
            request.fields = &fields;
        if (kind == 5) {
            request.tokenizer = bpe;
            request.tokenizer_folder = BPE;
        }
        if (kind >= 6) { /* the same file but for a blank, in another folder */
            snprintf(file, sizeof file, "%s/tokenizer.json", BERT);
            if (kind == 6)
                assert_int_equal(file_read(&tokenizer, file, 1 << 20, NULL), ASSAY_OK);
            else
                assert_true(buffer_append_string(&tokenizer, " "));
            snprintf(folder, sizeof folder, "%s/model", top);
            assert_int_equal(folder_create(folder, NULL), ASSAY_OK);
            snprintf(file, sizeof file, "%s/tokenizer.json", folder);
            assert_int_equal(file_write(file, tokenizer.bytes, tokenizer.length, NULL), ASSAY_OK);
            request.tokenizer_folder = folder;
        }
        struct dataset *dataset = must_open(&request, &view);
        assert_int_equal(view.from_cache, kind == 6); /* where the files lie does not matter */
        expected += kind != 6;
        dataset_close(dataset);
        assert_int_equal(caches(), expected);
        dataset_close(must_open(&request, &view));
        assert_true(view.from_cache);
    }
    buffer_free(&tokenizer);
    /* Other data. */
    put("a.jsonl", "{\"text\": \"the\", \"label\": 2, \"score\": 3}\n");
    struct dataset_request request = ask(path, DATASET_CLASSES);
    dataset_close(must_open(&request, &view));
    assert_false(view.from_cache);
}

static void test_csv_pairs_and_numbers(void **unused)
{
    (void)unused;
    struct dataset_view view;
    struct recipe_entry entries[] = {{.key = "text", .text = "a"},
                                     {.key = "pair", .text = "b"},
                                     {.key = "label", .text = "score"}};
    struct recipe_map fields = {entries, 3};
    const char *csv = "b,id,a,score\n"
                      "\"a dog\nran\",x,the cat,0.5\n"
                      "sat,,on the mat,-2e3\n";
    struct dataset_request request = ask(put("p.csv", csv), DATASET_NUMBERS);
    request.fields = &fields;
    struct dataset *dataset = must_open(&request, &view);
    assert_int_equal(view.rows, 2);
    assert_non_null(view.types);
    check_row(&view, 0, bert, "the cat", "a dog\nran");
    check_row(&view, 1, bert, "on the mat", "sat");
    assert_true(view.numbers[0] == 0.5f && view.numbers[1] == -2000.0f);
    assert_null(view.classes);
    assert_int_equal(view.class_count, 0);
    assert_int_equal(view.truncated, 0);
    check_id(dataset, 0, "x", 2);
    check_id(dataset, 1, "2", 4);
    dataset_close(dataset);
}

/* More rows than any first size, tokens behind each other over many writes. */
static void test_tsv_many_rows(void **unused)
{
    (void)unused;
    enum { ROWS = 30000 };
    struct dataset_view view;
    struct buffer text = {0};
    char line[200];
    assert_true(buffer_append_string(&text, "label\tid\ttext\n"));
    for (int i = 0; i < ROWS; i++) {
        /* The second half has no ids; no number of these rows is an id of the first. */
        snprintf(line, sizeof line, "%d\t%s%.*d\tthe cat %d sat on %d\n", i % 12,
                 i < ROWS / 2 ? "row-" : "", i < ROWS / 2 ? 5 : 0, i < ROWS / 2 ? i : 0, i, i % 7);
        assert_true(buffer_append_string(&text, line));
    }
    const char *path = put_bytes("many.tsv", text.bytes, text.length);
    buffer_free(&text);
    struct dataset_request request = ask(path, DATASET_CLASSES);
    uint64_t changes = file_change_count();
    struct dataset *dataset = must_open(&request, &view);
    assert_true(file_change_count() - changes < 20);
    assert_int_equal(view.rows, ROWS);
    assert_int_equal(view.class_count, 12);
    for (int i = 0; i < 12; i++) { /* as numbers: 2 before 10 */
        snprintf(line, sizeof line, "%d", i);
        assert_string_equal(view.class_names[i], line);
        assert_int_equal(view.class_rows[i], ROWS / 12);
        assert_int_equal(view.class_first[i], i);
    }
    for (int i = 0; i < ROWS; i += i % 97 ? 1 : 89) {
        snprintf(line, sizeof line, "the cat %d sat on %d", i, i % 7);
        check_row(&view, i, bert, line, NULL);
        assert_int_equal(view.classes[i], i % 12);
        snprintf(line, sizeof line, i < ROWS / 2 ? "row-%05d" : "%d", i < ROWS / 2 ? i : i + 1);
        check_id(dataset, i, line, i + 2);
    }
    struct dataset *again = must_open(&request, &view);
    assert_true(view.from_cache);
    check_same(dataset, again);
    dataset_close(again);
    dataset_close(dataset);
}

static void put_class(const char *class, const char *name, const char *text)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/classes/%s", top, class);
    assert_int_equal(folder_create(path, NULL), ASSAY_OK);
    snprintf(path, sizeof path, "%s/classes/%s/%s", top, class, name);
    assert_int_equal(file_write(path, text, strlen(text), NULL), ASSAY_OK);
}

static void test_class_folder(void **unused)
{
    (void)unused;
    struct dataset_view view;
    put_class("human", "b.txt", "the cat");
    put_class("human", "a.txt", "");
    put_class("ai", "b.txt", "a dog");
    struct dataset_request request = ask(in_top("classes"), DATASET_CLASSES);
    struct dataset *dataset = must_open(&request, &view);
    assert_int_equal(view.rows, 3);
    check_row(&view, 0, bert, "a dog", NULL);
    check_row(&view, 1, bert, "", NULL);
    check_row(&view, 2, bert, "the cat", NULL);
    check_id(dataset, 0, "ai/b.txt", 1);
    check_id(dataset, 2, "human/b.txt", 1);
    assert_string_equal(view.class_names[view.classes[2]], "human");
    /* As sha256sum ai/b.txt human/a.txt human/b.txt | sha256sum prints it. */
    char command[PATH_SIZE], line[SHA256_HEX_SIZE] = "";
    snprintf(command, sizeof command,
             "cd %s/classes && sha256sum ai/b.txt human/a.txt human/b.txt | sha256sum", top);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(line, sizeof line, pipe));
    pclose(pipe);
    assert_string_equal(view.fingerprint, line);
    dataset_close(dataset);
    dataset_close(must_open(&request, &view));
    assert_true(view.from_cache);

    /* Another name for a file makes other data. */
    char from[PATH_SIZE];
    snprintf(from, sizeof from, "%s", in_top("classes/human/b.txt"));
    assert_int_equal(rename(from, in_top("classes/human/c.txt")), 0);
    dataset_close(must_open(&request, &view));
    assert_false(view.from_cache);

    /* Without special tokens nothing comes of an empty file. */
    struct dataset *none;
    assay_error error;
    request.tokenizer = bpe;
    request.tokenizer_folder = BPE;
    assert_int_equal(dataset_open(&none, &request, &error), ASSAY_ERROR_FORMAT);
    assert_null(none);
    assert_string_equal(error.file, in_top("classes/human/a.txt"));
    assert_int_equal(error.row, 1);
    assert_string_equal(error.found, "an empty text");
    assert_int_equal(caches(), 2);
}

/* What is refused: name, bytes, labels, then what the error says; NULL or 0 is not looked at. */
static const struct refusal {
    const char *name, *text;
    enum dataset_labels labels;
    assay_status status;
    int64_t row;
    const char *place, *message, *expected, *found;
} refusals[] = {
    {"r.jsonl", "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\"}\n", DATASET_CLASSES,
     ASSAY_ERROR_FORMAT, 2, "label", "there is no field of this name", "label", "text"},
    {"r.jsonl", "{\"text\": \"a\", \"label\": null}\n", DATASET_CLASSES, ASSAY_ERROR_FORMAT, 1,
     "label", "the field is null", NULL, "null"},
    {"r.jsonl", "{\"text\": \"a\", \"label\": \"\"}\n", DATASET_CLASSES, ASSAY_ERROR_FORMAT, 1,
     "label", "the row has no label", NULL, "nothing"},
    {"r.jsonl", "{\"text\": \"a\", \"label\": [1]}\n", DATASET_CLASSES, ASSAY_ERROR_FORMAT, 1,
     "label", "wrong kind", NULL, NULL},
    {"r.jsonl", "{\"text\": \"a\", \"label\": \"x\\u0000y\"}\n", DATASET_CLASSES,
     ASSAY_ERROR_FORMAT, 1, "label", "zero byte", NULL, NULL},
    {"r.jsonl", "{\"text\": \"a\", \"id\": \"x\\u0000y\"}\n", DATASET_UNLABELLED,
     ASSAY_ERROR_FORMAT, 1, "id", "zero byte", NULL, NULL},
    {"r.jsonl", "{\"body\": \"a\", \"label\": \"x\"}\n", DATASET_CLASSES, ASSAY_ERROR_FORMAT, 1,
     "text", "no field", "text", "body, label"},
    {"r.jsonl", "{\"text\": \"a\", \"id\": 1}\n{\"text\": \"b\n", DATASET_UNLABELLED,
     ASSAY_ERROR_FORMAT, 2, NULL, NULL, NULL, NULL},
    {"r.jsonl", "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": \"often\"}\n",
     DATASET_NUMBERS, ASSAY_ERROR_FORMAT, 2, "label", "not a number", "a finite number", "often"},
    {"r.jsonl", "{\"text\": \"a\", \"label\": true}\n", DATASET_NUMBERS, ASSAY_ERROR_FORMAT, 1,
     "label", "not a number", NULL, "true"},
    {"r.csv", "text,label\na,nan\n", DATASET_NUMBERS, ASSAY_ERROR_FORMAT, 2, "label",
     "not a number", "a finite number", "nan"},
    {"r.csv", "text,label\na,1\nb,-inf\n", DATASET_NUMBERS, ASSAY_ERROR_FORMAT, 3, "label",
     "not a number", "a finite number", "-inf"},
    {"r.csv", "text,label\na,1e39\n", DATASET_NUMBERS, ASSAY_ERROR_FORMAT, 2, "label",
     "not a number", "a finite number", "1e39"},
    {"r.csv", "text,label\na,1e999\n", DATASET_NUMBERS, ASSAY_ERROR_FORMAT, 2, "label",
     "not a number", "a finite number", "1e999"},
    {"r.csv", "text,label\na, 1\n", DATASET_NUMBERS, ASSAY_ERROR_FORMAT, 2, "label", NULL, NULL,
     " 1"},
    {"r.csv", "text,label\na,0x10\n", DATASET_NUMBERS, ASSAY_ERROR_FORMAT, 2, "label", NULL, NULL,
     "0x10"},
    {"r.csv", "text,label\na,x\nb,\n", DATASET_CLASSES, ASSAY_ERROR_FORMAT, 3, "label",
     "the row has no label", NULL, "nothing"},
    {"r.csv", "body,class\na,x\n", DATASET_CLASSES, ASSAY_ERROR_FORMAT, 1, "text", "no field",
     "text", "body, class"},
    {"r.csv", "text,class\na,x\n", DATASET_CLASSES, ASSAY_ERROR_FORMAT, 1, "label", "no field",
     "label", "text, class"},
    {"r.csv", "text,label\na,x,y\n", DATASET_CLASSES, ASSAY_ERROR_FORMAT, 2, NULL,
     "number of fields", NULL, NULL},
    {"r.csv", "text\na\n\xff\n", DATASET_UNLABELLED, ASSAY_ERROR_FORMAT, 3, "text", "not UTF-8",
     NULL, NULL},
    {"r.csv", "id,text\nx,a\ny,b\nz,c\nx,d\ny,e\n", DATASET_UNLABELLED, ASSAY_ERROR_FORMAT, 5, "id",
     "two rows have the same id, on line 2 and line 5", NULL, "x"},
    {"r.csv", "text,label\n", DATASET_CLASSES, ASSAY_ERROR_FORMAT, 0, NULL, "there are no rows",
     NULL, NULL},
    {"r.csv", "", DATASET_CLASSES, ASSAY_ERROR_FORMAT, 0, NULL, "there are no rows", NULL, NULL},
    {"r.jsonl", "", DATASET_UNLABELLED, ASSAY_ERROR_FORMAT, 0, NULL, "there are no rows", NULL,
     NULL},
    {"r.jsonl", "\n \n", DATASET_UNLABELLED, ASSAY_ERROR_FORMAT, 0, NULL, "there are no rows", NULL,
     NULL},
    {"r.txt", "some text", DATASET_CLASSES, ASSAY_ERROR_FORMAT, 1, "label", "has no label", NULL,
     NULL},
};

static void test_refusals(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *wanted = &refusals[i];
        struct dataset *dataset;
        assay_error error;
        struct dataset_request request = ask(put(wanted->name, wanted->text), wanted->labels);
        assay_status status = dataset_open(&dataset, &request, &error);
        if (status != wanted->status || error.row != wanted->row)
            fail_msg("%s: status %d, row %d: %s", wanted->text, status, (int)error.row,
                     error.message);
        assert_null(dataset);
        assert_string_equal(error.file, in_top(wanted->name));
        expect(wanted->text, error.message, wanted->message);
        expect(wanted->text, error.expected, wanted->expected);
        expect(wanted->text, error.found, wanted->found);
        if (wanted->place)
            assert_string_equal(error.place, wanted->place);
        /* And without anybody listening. */
        request.progress = NULL;
        assert_int_equal(dataset_open(&dataset, &request, NULL), wanted->status);
        assert_int_equal(caches(), 0);
    }
}

static void test_not_looked_at(void **unused)
{
    (void)unused;
    struct dataset_view view;
    /* Labels of any kind, where none are asked for; an id that another row has as its number. */
    struct dataset_request request =
        ask(put("n.jsonl", "{\"text\": \"a\", \"label\": [1]}\n{\"text\": \"b\", \"id\": \"1\"}\n"
                           "{\"text\": \"c\", \"id\": \"\"}\n{\"text\": \"d\", \"id\": \"\"}\n"),
            DATASET_UNLABELLED);
    struct dataset *dataset = must_open(&request, &view);
    check_id(dataset, 0, "1", 1);
    check_id(dataset, 1, "1", 2);
    check_id(dataset, 3, "4", 4);
    dataset_close(dataset);
}

static void test_limits_of_labels_and_ids(void **unused)
{
    (void)unused;
    static char long_text[6000];
    struct buffer text = {0};
    struct dataset *dataset;
    struct dataset_view view;
    assay_error error;
    char line[60];
    memset(long_text, 'x', sizeof long_text - 1);
    assert_true(buffer_format(&text, "text,label,id\na,%.4096s,%.1024s\n", long_text, long_text));
    struct dataset_request request = ask(put("l.csv", text.bytes), DATASET_CLASSES);
    dataset = must_open(&request, &view);
    assert_int_equal(strlen(view.class_names[0]), 4096);
    assert_int_equal(strlen(dataset_row_id(dataset, 0, NULL)), 1024);
    dataset_close(dataset);
    for (int kind = 0; kind < 2; kind++) {
        buffer_clear(&text);
        assert_true(buffer_format(&text, "text,label,id\nb,b,b\na,%.*s,%.*s\n", kind ? 1 : 4097,
                                  long_text, kind ? 1025 : 1, long_text));
        request.path = put("l.csv", text.bytes);
        assert_int_equal(dataset_open(&dataset, &request, &error), ASSAY_ERROR_LIMIT);
        assert_string_equal(error.place, kind ? "id" : "label");
        assert_int_equal(error.row, 3);
    }
    buffer_clear(&text);
    assert_true(buffer_append_string(&text, "label,text\n"));
    for (int i = 0; i < 65536 + 1; i++) {
        snprintf(line, sizeof line, "c%d,a\n", i);
        assert_true(buffer_append_string(&text, line));
    }
    request.path = put("l.csv", text.bytes);
    assert_int_equal(dataset_open(&dataset, &request, &error), ASSAY_ERROR_LIMIT);
    assert_int_equal(error.row, 65536 + 2);
    assert_string_equal(error.place, "label");
    text.bytes[text.length - strlen(line)] = '\0'; /* one fewer is allowed */
    request.path = put("l.csv", text.bytes);
    dataset = must_open(&request, &view);
    assert_int_equal(view.class_count, 65536);
    assert_string_equal(view.class_names[1], "c1");
    assert_string_equal(view.class_names[2], "c10");
    dataset_close(dataset);
    buffer_free(&text);
}

static void test_wrong_requests(void **unused)
{
    (void)unused;
    struct dataset *dataset;
    assay_error error;
    struct dataset_request request = ask("-", DATASET_UNLABELLED);
    assert_int_equal(dataset_open(&dataset, &request, &error), ASSAY_ERROR_ARGUMENT);
    request = ask(put("a.jsonl", JSONL), DATASET_UNLABELLED);
    request.max_tokens = 1;
    assert_int_equal(dataset_open(&dataset, &request, &error), ASSAY_ERROR_ARGUMENT);
    request = ask(in_top("nothing.jsonl"), DATASET_UNLABELLED);
    assert_int_equal(dataset_open(&dataset, &request, &error), ASSAY_ERROR_NOT_FOUND);
    assert_string_equal(error.file, in_top("nothing.jsonl"));
    request = ask(put("a.jsonl", JSONL), DATASET_UNLABELLED);
    request.tokenizer_folder = top;
    assert_int_equal(dataset_open(&dataset, &request, &error), ASSAY_ERROR_NOT_FOUND);
    assert_string_equal(error.file, top);
    /* An empty folder, and one whose classes are empty. */
    assert_int_equal(folder_create(in_top("empty/class"), NULL), ASSAY_OK);
    request = ask(in_top("empty"), DATASET_CLASSES);
    assert_int_equal(dataset_open(&dataset, &request, &error), ASSAY_ERROR_FORMAT);
    expect("empty", error.message, "there are no rows");
    request = ask(in_top("empty/class"), DATASET_CLASSES);
    assert_int_equal(dataset_open(&dataset, &request, &error), ASSAY_ERROR_FORMAT);
    /* A named pair where the format has none. */
    struct recipe_entry entry = {.key = "pair", .text = "b"};
    struct recipe_map fields = {&entry, 1};
    request = ask(put("w.txt", "text"), DATASET_UNLABELLED);
    request.fields = &fields;
    assert_int_equal(dataset_open(&dataset, &request, &error), ASSAY_ERROR_FORMAT);
    assert_string_equal(error.place, "b");
    /* vocab.txt instead of tokenizer.json. */
    struct dataset_view view;
    request = ask(put("a.jsonl", JSONL), DATASET_UNLABELLED);
    request.tokenizer_folder = BERT_FILES;
    dataset_close(must_open(&request, &view));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_jsonl_and_cache),       TEST(test_other_settings_are_other_caches),
        TEST(test_csv_pairs_and_numbers), TEST(test_tsv_many_rows),
        TEST(test_class_folder),          TEST(test_refusals),
        TEST(test_not_looked_at),         TEST(test_limits_of_labels_and_ids),
        TEST(test_wrong_requests),
    };
    return cmocka_run_group_tests(tests, open_tokenizers, close_tokenizers);
}
