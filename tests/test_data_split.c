/* Splits: groups never cross, parts get their shares, the same seed gives the same parts, and what
 * cannot be is refused. */
#include "data_fixture.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const assay_split_part three[] = {{"train", .8, 0}, {"valid", .1, 0}, {"test", .1, 0}};

static void begin(assay_split_options *options, const char *input, const char *output)
{
    static char paths[2][400];
    assay_split_options_init(options);
    snprintf(paths[0], sizeof paths[0], "%s", in_folder(input));
    snprintf(paths[1], sizeof paths[1], "%s", in_folder(output));
    options->files.input = paths[0];
    options->files.output = paths[1];
    options->parts = three;
    options->part_count = 3;
}

static assay_data_report *split(const assay_split_options *options)
{
    assay_data_report *report = NULL;
    assay_error error = {0};
    if (assay_data_split(&report, options, &error))
        fail_msg("%s", error.message);
    return report;
}

static assay_status refused(const assay_split_options *options, assay_error *error)
{
    assay_data_report *report = NULL;
    *error = (assay_error){0};
    assay_status status = assay_data_split(&report, options, error);
    assert_true(status != ASSAY_OK && error->message[0]);
    return status;
}

enum { ROWS = 5000 };

/* part[i]: which of the files holds row i; every row stands in exactly one. */
static void read_parts(int8_t *part, const char *folder, const char *const *names, int count)
{
    memset(part, -1, ROWS);
    for (int p = 0; p < count; p++) {
        char name[100];
        snprintf(name, sizeof name, "%s/%s.jsonl", folder, names[p]);
        char *text = get_file(name);
        int before = -1;
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
            struct json *row = NULL;
            assert_int_equal(json_parse(&row, line, strlen(line), NULL, NULL), ASSAY_OK);
            int number = (int)json_integer(json_member(row, "id"));
            assert_int_equal(part[number], -1);
            assert_true(number > before); /* the order of rows stays */
            part[number] = (int8_t)p;
            before = number;
            json_free(row);
        }
        memory_free(text);
    }
}

static const char *const names[] = {"train", "valid", "test"};

static uint32_t draw(uint64_t a, uint64_t b)
{
    return (uint32_t)(random_mix(a, b) >> 32);
}

/* Labels 7 : 3, groups of authors and of sources that chain now and then. */
static int author(int row)
{
    return (int)(draw(1, (uint64_t)row) % 2500);
}

static int source(int row)
{
    return draw(2, (uint64_t)row) % 20 ? -1 : (int)(draw(3, (uint64_t)row) % 200);
}

static bool is_ai(int row)
{
    return draw(4, (uint64_t)row) % 10 < 3;
}

static void put_rows(const char *name)
{
    struct buffer rows = {0};
    for (int i = 0; i < ROWS; i++) {
        assert_true(buffer_format(&rows,
                                  "{\"id\": %d, \"text\": \"row number %d\", \"label\": \"%s\", "
                                  "\"author\": \"a%d\", \"kind\": \"k%d\"",
                                  i, i, is_ai(i) ? "ai" : "human", author(i), i % 5));
        if (source(i) >= 0)
            assert_true(buffer_format(&rows, ", \"source\": %d", source(i)));
        assert_true(buffer_append_string(&rows, "}\n"));
    }
    put_file(name, rows.bytes);
    buffer_free(&rows);
}

static void groups_stay_whole(void **state)
{
    (void)state;
    assay_split_options options;
    int8_t part[ROWS];
    int8_t of_author[2500], of_source[200];
    static const char *const groups[] = {"author", "source"};
    put_rows("all.jsonl");
    begin(&options, "all.jsonl", "grouped");
    options.groups = groups;
    options.group_count = 2;
    options.uneven = true;
    assay_data_report *report = split(&options);
    read_parts(part, "grouped", names, 3);
    memset(of_author, -1, sizeof of_author);
    memset(of_source, -1, sizeof of_source);
    int64_t counts[3] = {0};
    for (int i = 0; i < ROWS; i++) {
        assert_true(part[i] >= 0);
        counts[part[i]]++;
        if (of_author[author(i)] < 0)
            of_author[author(i)] = part[i];
        assert_int_equal(of_author[author(i)], part[i]);
        if (source(i) < 0)
            continue;
        if (of_source[source(i)] < 0)
            of_source[source(i)] = part[i];
        assert_int_equal(of_source[source(i)], part[i]);
    }
    assert_true(count_of(report, "groups", "rows of the largest") > 10);
    for (int p = 0; p < 3; p++) {
        assert_int_equal(count_of(report, "rows", names[p]), counts[p]);
        assert_true(fabs((double)counts[p] - three[p].share * ROWS) <= 2.0);
    }
    assay_data_report_close(report);
}

/* Without groups every part has its rows exactly, and of every label and stratum its share. */
static void shares_are_kept(void **state)
{
    (void)state;
    assay_split_options options;
    int8_t part[ROWS];
    static const char *const strata[] = {"kind"};
    put_rows("all.jsonl");
    begin(&options, "all.jsonl", "shares");
    options.strata = strata;
    options.stratum_count = 1;
    assay_data_report *report = split(&options);
    read_parts(part, "shares", names, 3);
    int64_t all[2][5] = {{0}}, counts[3][2][5] = {{{0}}};
    for (int i = 0; i < ROWS; i++) {
        all[is_ai(i)][i % 5]++;
        counts[part[i]][is_ai(i)][i % 5]++;
    }
    for (int p = 0; p < 3; p++) {
        assert_int_equal(count_of(report, "rows", names[p]), lround(three[p].share * ROWS));
        for (int label = 0; label < 2; label++) {
            for (int kind = 0; kind < 5; kind++)
                assert_true(fabs((double)counts[p][label][kind] -
                                 three[p].share * (double)all[label][kind]) <= 2.0);
        }
    }
    assert_int_equal(count_of(report, "train", "ai") + count_of(report, "train", "human"), 4000);
    assay_data_report_close(report);
}

static void seeds_decide(void **state)
{
    (void)state;
    assay_split_options options;
    int8_t one[ROWS], again[ROWS], other[ROWS];
    put_rows("all.jsonl");
    begin(&options, "all.jsonl", "seeds");
    options.seed = 5;
    assay_data_report_close(split(&options));
    read_parts(one, "seeds", names, 3);
    options.files.threads = 3;
    assay_data_report_close(split(&options));
    read_parts(again, "seeds", names, 3);
    assert_memory_equal(one, again, sizeof one);
    options.seed = 6;
    assay_data_report_close(split(&options));
    read_parts(other, "seeds", names, 3);
    int differ = 0;
    for (int i = 0; i < ROWS; i++)
        differ += one[i] != other[i];
    assert_true(differ > ROWS / 10);
}

static void counts_rest_and_left_out(void **state)
{
    (void)state;
    assay_split_options options;
    assay_split_part parts[ASSAY_SPLIT_MAX_PARTS];
    char words[] = "test=500,train=rest", few[] = "train=100,test=.01";
    put_rows("all.jsonl");
    begin(&options, "all.jsonl", "counts");
    assert_int_equal(assay_split_parts_parse(parts, &options.part_count, words, NULL), ASSAY_OK);
    options.parts = parts;
    assay_data_report *report = split(&options);
    assert_int_equal(count_lines("counts/test.jsonl"), 500);
    assert_int_equal(count_lines("counts/train.jsonl"), 4500);
    assert_false(has_file("counts/split.removed.jsonl"));
    assay_data_report_close(report);
    begin(&options, "all.jsonl", "few");
    assert_int_equal(assay_split_parts_parse(parts, &options.part_count, few, NULL), ASSAY_OK);
    options.parts = parts;
    report = split(&options);
    assert_int_equal(count_lines("few/train.jsonl"), 100);
    assert_int_equal(count_lines("few/test.jsonl"), 50);
    assert_int_equal(count_lines("few/split.removed.jsonl"), 4850);
    assert_int_equal(count_of(report, "rows", "left out"), 4850);
    assay_data_report_close(report);
}

static void parts_are_read_strictly(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",       "train",  "train=", "=.5",           "a=.5,a=.5", "a=.6,b=.5", "a=rest,b=rest",
        "a=-1",   "a=0",    "a=.0",   "a=1.5",         "a=.5,",     "../a=.5",   ".a=.5",
        "a/b=.5", "a=nan.", "a=1e5",  "a=99999999999", "a=.5.5"};
    assay_split_part parts[ASSAY_SPLIT_MAX_PARTS];
    assay_error error;
    size_t count;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char words[64];
        snprintf(words, sizeof words, "%s", wrong[i]);
        if (assay_split_parts_parse(parts, &count, words, &error) != ASSAY_ERROR_ARGUMENT)
            fail_msg("\"%s\" was taken", wrong[i]);
    }
    char seventeen[200] = "";
    for (int i = 0; i < 17; i++)
        snprintf(seventeen + strlen(seventeen), 20, "%sp%d=1", i ? "," : "", i);
    assert_int_equal(assay_split_parts_parse(parts, &count, seventeen, &error),
                     ASSAY_ERROR_ARGUMENT);
    char good[] = "train=.8,valid=100,test=rest";
    assert_int_equal(assay_split_parts_parse(parts, &count, good, &error), ASSAY_OK);
    assert_int_equal(count, 3);
    assert_true(parts[0].share == .8 && parts[1].rows == 100 && !parts[2].rows &&
                parts[2].share == 0.0);
}

static void near_duplicates_stay_together(void **state)
{
    (void)state;
    assay_split_options options;
    int8_t part[ROWS];
    struct buffer rows = {0};
    enum { FAMILIES = 100, MEMBERS = 4 };
    for (int i = 0; i < FAMILIES * MEMBERS; i++) {
        int family = i % FAMILIES;
        assert_true(buffer_format(&rows, "{\"id\": %d, \"text\": \"", i));
        for (int w = 0; w < 120; w++)
            assert_true(buffer_format(&rows, "w%u ",
                                      w == 10 + i / FAMILIES && i >= FAMILIES
                                          ? (unsigned)i
                                          : draw((uint64_t)family, (uint64_t)w) % 5000));
        assert_true(buffer_append_string(&rows, "\"}\n"));
    }
    put_file("near.jsonl", rows.bytes);
    begin(&options, "near.jsonl", "near");
    options.near_duplicates = true;
    assay_data_report *report = split(&options);
    read_parts(part, "near", names, 3);
    for (int i = 0; i < FAMILIES * MEMBERS; i++)
        assert_int_equal(part[i], part[i % FAMILIES]);
    assert_int_equal(count_of(report, "groups", "groups"), FAMILIES);
    assert_int_equal(count_of(report, "groups", "united by near-duplicates"),
                     FAMILIES * (MEMBERS - 1));
    assay_data_report_close(report);
    assert_int_equal(count_entries("near.partial"), 0);
    buffer_free(&rows);
}

static void fixed_rows_hold_their_groups(void **state)
{
    (void)state;
    assay_split_options options;
    assay_error error;
    int8_t part[ROWS];
    static const char *const groups[] = {"g"};
    struct buffer rows = {0};
    for (int i = 0; i < 200; i++)
        assert_true(buffer_format(&rows, "{\"id\": %d, \"text\": \"t%d\", \"g\": \"%d\"%s}\n", i, i,
                                  i / 4,
                                  i == 0    ? ", \"part\": \"test\""
                                  : i == 41 ? ", \"part\": \"valid\""
                                            : ""));
    put_file("fixed.jsonl", rows.bytes);
    begin(&options, "fixed.jsonl", "fixed");
    options.groups = groups;
    options.group_count = 1;
    options.fixed = "part";
    assay_data_report_close(split(&options));
    read_parts(part, "fixed", names, 3);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(part[i], 2);
        assert_int_equal(part[40 + i], 1);
    }
    assert_true(buffer_append_string(
        &rows, "{\"id\": 200, \"text\": \"t\", \"g\": \"10\", \"part\": \"train\"}\n"));
    put_file("fixed.jsonl", rows.bytes);
    begin(&options, "fixed.jsonl", "crossing");
    options.groups = groups;
    options.group_count = 1;
    options.fixed = "part";
    assert_int_equal(refused(&options, &error), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(error.row, 201);
    assert_non_null(strstr(error.message, "line 42 to valid, line 201 to train"));
    assert_false(has_file("crossing"));
    put_file("fixed.jsonl", "{\"id\": 1, \"text\": \"t\", \"part\": \"holdout\"}\n");
    begin(&options, "fixed.jsonl", "crossing");
    options.fixed = "part";
    assert_int_equal(refused(&options, &error), ASSAY_ERROR_FORMAT);
    assert_int_equal(error.row, 1);
    buffer_free(&rows);
}

static void what_is_too_large_is_said(void **state)
{
    (void)state;
    assay_split_options options;
    assay_error error;
    static const char *const groups[] = {"g"}, *const none[] = {"nothing"};
    struct buffer rows = {0};
    for (int i = 0; i < 100; i++)
        assert_true(buffer_format(&rows, "{\"id\": %d, \"text\": \"t%d\", \"g\": \"%d\"}\n", i, i,
                                  i < 3 || i > 92 ? i : 1000));
    put_file("large.jsonl", rows.bytes);
    begin(&options, "large.jsonl", "large");
    options.groups = groups;
    options.group_count = 1;
    assert_int_equal(refused(&options, &error), ASSAY_ERROR_ARGUMENT);
    assert_int_equal(error.row, 4);
    assert_non_null(strstr(error.message, "90 of 100 rows"));
    assert_false(has_file("large"));
    options.uneven = true;
    assay_data_report *report = split(&options);
    assert_non_null(assay_data_report_note(report, 0));
    assert_non_null(strstr(assay_data_report_note(report, 0), "90 of 100 rows"));
    assert_true(count_of(report, "rows", "train") >= 90);
    assay_data_report_close(report);
    options.groups = none;
    assert_int_equal(refused(&options, &error), ASSAY_ERROR_ARGUMENT);
    assert_string_equal(error.place, "nothing");
    put_file("large.jsonl", "{\"id\": 1, \"text\": \"t\"}\n{\"id\": 2, \"text\": \"u\"}\n");
    options.group_count = 0;
    assert_int_equal(refused(&options, &error), ASSAY_ERROR_ARGUMENT); /* an empty part */
    assert_string_equal(error.found, "\"valid\"");
    buffer_free(&rows);
}

static void parts_have_cards(void **state)
{
    (void)state;
    assay_split_options options;
    put_file("table.csv", "id,text,label\n1,a,x\n2,b,y\n3,c,x\n4,d,y\n");
    begin(&options, "table.csv", "cards");
    assay_split_part halves[] = {{"train", .5, 0}, {"test", .5, 0}};
    options.parts = halves;
    options.part_count = 2;
    assay_data_report_close(split(&options));
    assert_int_equal(count_lines("cards/train.csv"), 3);
    struct json *card = json_file("cards/test.csv.card.json");
    assert_string_equal(member_text(card, "part"), "test");
    assert_int_equal(json_integer(json_member(json_member(card, "labels"), "x")), 1);
    assert_int_equal(json_integer(json_member(json_member(card, "file"), "rows")), 2);
    json_free(card);
    assert_true(has_file("cards/train.csv.card.md"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_stay_whole),
        cmocka_unit_test(shares_are_kept),
        cmocka_unit_test(seeds_decide),
        cmocka_unit_test(counts_rest_and_left_out),
        cmocka_unit_test(parts_are_read_strictly),
        cmocka_unit_test(near_duplicates_stay_together),
        cmocka_unit_test(fixed_rows_hold_their_groups),
        cmocka_unit_test(what_is_too_large_is_said),
        cmocka_unit_test(parts_have_cards),
    };
    return cmocka_run_group_tests(tests, data_folder_make, data_folder_remove);
}
