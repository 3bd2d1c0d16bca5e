/* Texts cleaned one by one: what the card of a file says, done to its texts, gives the file. */
#include "data_fixture.h"

#include "assay/cleaning.h"
#include "base/memory.h"
#include "data/cleaning_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A header that many rows begin with, and something for most of the steps. */
static const char *const texts[] = {
    "Here is the essay: \xe2\x80\x9cQuoted\xe2\x80\x9d  and\xe2\x80\x8b more",
    "Here is the essay: <b>bold</b> &amp; plain",
    "Here is the essay:   a  text \xe2\x80\xa6",
    "Here is the essay: e\xcc\x81 composed",
    "Here is the essay: p\xd0\xb0y, in two scripts",
    "Here is the essay: the last",
    "Nothing stands before this",
    "HERE IS THE ESSAY: in capitals\n\n\nwith lines",
};
enum { TEXTS = sizeof texts / sizeof *texts };

static void write_texts(const char *name)
{
    struct buffer lines = {0};
    for (int i = 0; i < TEXTS; i++) {
        struct json_writer writer = {.out = &lines};
        json_begin_object(&writer);
        json_key(&writer, "text");
        json_put_string(&writer, texts[i]);
        json_end_object(&writer);
        assert_false(writer.failed);
        assert_true(buffer_append_byte(&lines, '\n'));
    }
    put_file(name, lines.bytes);
    buffer_free(&lines);
}

static void clean_file(const char *input, const char *output, const assay_clean_step *more,
                       size_t count)
{
    assay_clean_options options;
    assay_data_report *report = NULL;
    assay_error error = {0};
    assay_clean_options_init(&options);
    options.files.input = in_folder(input);
    options.files.output = in_folder(output);
    for (size_t i = 0; i < count; i++)
        options.steps[more[i]] = true;
    if (assay_data_clean(&report, &options, &error))
        fail_msg("%s: %s", input, error.message);
    assert_int_equal(count_of(report, "rows", "written"), TEXTS);
    assay_data_report_close(report);
}

/* The passes that a file's card tells of. */
static void read_passes(struct cleaning_record *out, const char *card_name)
{
    struct json *card = json_file(card_name);
    const struct json *steps = json_member(card, "steps");
    *out = (struct cleaning_record){0};
    for (size_t i = 0; i < json_count(steps); i++)
        assert_int_equal(
            cleaning_record_add(out, json_member(json_element(steps, i), "settings"), NULL),
            ASSAY_OK);
    json_free(card);
}

static void as_the_file(void **state)
{
    (void)state;
    static const assay_clean_step first[] = {ASSAY_CLEAN_MARKUP, ASSAY_CLEAN_TRIM_HEADER,
                                             ASSAY_CLEAN_REPLACE_HOMOGLYPHS};
    static const assay_clean_step second[] = {ASSAY_CLEAN_LOWERCASE, ASSAY_CLEAN_ONE_LINE};
    write_texts("raw.jsonl");
    clean_file("raw.jsonl", "once.jsonl", first, 3);
    clean_file("once.jsonl", "twice.jsonl", second, 2);
    static const char *const files[] = {"once.jsonl", "twice.jsonl"};
    static const char *const cards[] = {"once.jsonl.card.json", "twice.jsonl.card.json"};
    for (size_t f = 0; f < 2; f++) {
        struct cleaning_record record;
        assay_cleaner *cleaner;
        int changed = 0;
        read_passes(&record, cards[f]);
        assert_int_equal(record.count, f + 1);
        assert_int_equal(record.passes[0].header_count, 1);
        assert_string_equal(record.passes[0].headers[0], "Here is the essay:");
        assert_int_equal(assay_cleaner_open(&cleaner, record.passes, record.count, NULL), ASSAY_OK);
        for (int i = 0; i < TEXTS; i++) {
            const char *text;
            size_t length;
            struct json *row = json_line(files[f], i + 1);
            assert_int_equal(
                assay_cleaner_clean(cleaner, &text, &length, texts[i], strlen(texts[i]), NULL),
                ASSAY_OK);
            assert_string_equal(text, member_text(row, "text"));
            assert_int_equal(length, strlen(text));
            changed += strcmp(text, texts[i]) != 0;
            json_free(row);
        }
        assert_int_equal(changed, f ? TEXTS : TEXTS - 1);
        assay_cleaner_close(cleaner);
        cleaning_record_free(&record);
    }
}

static void odd_texts(void **state)
{
    (void)state;
    const assay_cleaning pass = {.steps = {[ASSAY_CLEAN_WHITESPACE] = true}};
    assay_cleaner *cleaner;
    assay_error error = {0};
    const char *text;
    size_t length;
    assert_int_equal(assay_cleaner_open(&cleaner, &pass, 1, NULL), ASSAY_OK);
    assert_int_equal(assay_cleaner_clean(cleaner, &text, &length, "", 0, NULL), ASSAY_OK);
    assert_int_equal(length, 0);
    assert_int_equal(assay_cleaner_clean(cleaner, &text, &length, "  ", 2, NULL), ASSAY_OK);
    assert_int_equal(length, 0);
    assert_int_equal(assay_cleaner_clean(cleaner, &text, &length, "a\xff", 2, &error),
                     ASSAY_ERROR_FORMAT);
    assert_string_equal(error.message, "not UTF-8");
    /* A text that could not be cleaned does not spoil the next. */
    char *large = malloc(1 << 20);
    assert_non_null(large);
    memset(large, 'a', 1 << 20);
    memory_fail_at(1);
    assert_int_equal(assay_cleaner_clean(cleaner, &text, &length, large, 1 << 20, NULL),
                     ASSAY_ERROR_MEMORY);
    memory_fail_at(0);
    assert_int_equal(assay_cleaner_clean(cleaner, &text, &length, "a  b", 4, NULL), ASSAY_OK);
    assert_string_equal(text, "a b");
    free(large);
    assay_cleaner_close(cleaner);
    assert_int_equal(assay_cleaner_open(&cleaner, NULL, 0, NULL), ASSAY_OK);
    assert_int_equal(assay_cleaner_clean(cleaner, &text, &length, "a  b", 4, NULL), ASSAY_OK);
    assert_string_equal(text, "a  b");
    assay_cleaner_close(cleaner);
    assay_cleaner_close(NULL);
}

static assay_status read_record(struct cleaning_record *out, const char *text, assay_error *error)
{
    struct json *list = NULL;
    *out = (struct cleaning_record){0};
    assert_int_equal(json_parse(&list, text, strlen(text), NULL, NULL), ASSAY_OK);
    assay_status status = cleaning_record_read(out, list, error);
    json_free(list);
    return status;
}

static void records(void **state)
{
    (void)state;
    static const char good[] = "[{\"steps\": [\"unicode\", \"lowercase\"], \"headers\": [\"A:\", "
                               "\"B\\n\"]}, {\"steps\": []}]";
    struct cleaning_record record;
    struct buffer text = {0};
    struct json_writer writer = {.out = &text};
    assert_int_equal(read_record(&record, good, NULL), ASSAY_OK);
    assert_int_equal(record.count, 2);
    assert_true(record.passes[0].steps[ASSAY_CLEAN_LOWERCASE]);
    assert_false(record.passes[0].steps[ASSAY_CLEAN_MARKUP]);
    struct cleaning_record other;
    assert_int_equal(read_record(&other, good, NULL), ASSAY_OK);
    assert_true(cleaning_record_same(&record, &other));
    other.passes[1].steps[ASSAY_CLEAN_MARKUP] = true;
    assert_false(cleaning_record_same(&record, &other));
    other.passes[1].steps[ASSAY_CLEAN_MARKUP] = false;
    other.count = 1;
    assert_false(cleaning_record_same(&record, &other));
    other.count = 2;
    cleaning_record_free(&other);
    cleaning_record_put(&writer, &record);
    assert_string_equal(text.bytes, good);
    buffer_free(&text);
    cleaning_record_free(&record);
    static const struct {
        const char *text;
        assay_status status;
        const char *place;
    } bad[] = {
        {"{}", ASSAY_ERROR_FORMAT, "cleaning"},
        {"[1]", ASSAY_ERROR_FORMAT, "cleaning"},
        {"[{}]", ASSAY_ERROR_FORMAT, "steps"},
        {"[{\"steps\": [1]}]", ASSAY_ERROR_FORMAT, "steps"},
        {"[{\"steps\": [\"unicode\\u0000\"]}]", ASSAY_ERROR_FORMAT, "steps"},
        {"[{\"steps\": [\"unicode\"]}, {\"steps\": [\"polish\"]}]", ASSAY_ERROR_UNSUPPORTED,
         "steps"},
        {"[{\"steps\": [], \"headers\": \"A\"}]", ASSAY_ERROR_FORMAT, "headers"},
        {"[{\"steps\": [], \"headers\": [null]}]", ASSAY_ERROR_FORMAT, "headers"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assay_error error = {0};
        assert_int_equal(read_record(&record, bad[i].text, &error), bad[i].status);
        assert_string_equal(error.place, bad[i].place);
        cleaning_record_free(&record);
    }
    for (uint64_t nth = 1; nth <= 5; nth++) {
        struct json *list = NULL;
        assert_int_equal(json_parse(&list, good, strlen(good), NULL, NULL), ASSAY_OK);
        record = (struct cleaning_record){0};
        memory_fail_at(nth);
        assert_int_equal(cleaning_record_read(&record, list, NULL), ASSAY_ERROR_MEMORY);
        memory_fail_at(0);
        cleaning_record_free(&record);
        json_free(list);
    }
    assert_string_equal(assay_clean_step_name(ASSAY_CLEAN_UNICODE), "unicode");
    assert_null(assay_clean_step_name(ASSAY_CLEAN_STEP_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_file),
        cmocka_unit_test(odd_texts),
        cmocka_unit_test(records),
    };
    return cmocka_run_group_tests(tests, data_folder_make, data_folder_remove);
}
