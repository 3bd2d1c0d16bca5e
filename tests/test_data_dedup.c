/* Deduplication: against an exact Jaccard computed here by other means, against Python's, across
 * files, and what is written. */
#include "data_fixture.h"

#include "base/memory.h"
#include "base/random.h"
#include "prepare/near.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static assay_data_report *dedup(const char *input, const char *output, assay_dedup_options *options)
{
    assay_data_report *report = NULL;
    assay_error error = {0};
    options->files.input = in_folder(input);
    options->files.output = in_folder(output);
    if (assay_data_dedup(&report, options, &error))
        fail_msg("%s: %s", input, error.message);
    return report;
}

static void similarity_is_pythons(void **state)
{
    (void)state;
    struct json *cases = NULL;
    struct shingle_scratch scratch = {0};
    struct features a = {0}, b = {0};
    assert_int_equal(
        json_parse_file(&cases, ASSAY_TEST_DATA "/data/jaccard.json", (size_t)1 << 24, NULL),
        ASSAY_OK);
    assert_true(json_count(cases) >= 60);
    for (size_t i = 0; i < json_count(cases); i++) {
        const struct json *item = json_element(cases, i);
        const struct json *x = json_element(item, 0), *y = json_element(item, 1);
        assert_true(features_make(&a, &scratch, json_string(x), json_string_length(x), 3, true));
        assert_true(features_make(&b, &scratch, json_string(y), json_string_length(y), 3, true));
        double expected = json_number(json_element(item, 3));
        double found = jaccard(a.set, a.count, b.set, b.count);
        if (found != expected)
            fail_msg("case %zu: %.17g is not %.17g", i, found, expected);
        bool same = a.exact[0] == b.exact[0] && a.exact[1] == b.exact[1];
        assert_true(!same || expected == 1.0);
    }
    json_free(cases);
    features_free(&a);
    features_free(&b);
    shingle_scratch_free(&scratch);
}

/* ---- a planted set: rows of words that are numbers, each planted pair with its own share of
 * changed words, so that similarities lie all along the scale and many at the threshold */

enum { BASES = 1500, COPIES = 3, WORDS = 200, ROWS = BASES * (COPIES + 1), VOCABULARY = 20000 };

static uint32_t draw(uint64_t a, uint64_t b)
{
    return (uint32_t)(random_mix(a, b) >> 32);
}

static void plant(uint32_t *words)
{
    for (uint64_t base = 0; base < BASES; base++) {
        for (uint64_t copy = 0; copy <= COPIES; copy++) {
            uint32_t *row = words + (base * (COPIES + 1) + copy) * WORDS;
            uint32_t changed = copy ? draw(base, 1000 + copy) % 12 : 0; /* of 200 words */
            for (uint64_t i = 0; i < WORDS; i++)
                row[i] = draw(base, i) % VOCABULARY;
            for (uint64_t k = 0; k < changed; k++)
                row[draw(base * 7 + copy, 3000 + k) % WORDS] =
                    draw(base * 7 + copy, 5000 + k) % VOCABULARY;
        }
    }
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* The set of three words in a row, each packed whole into 64 bits: nothing is hashed. */
static size_t exact_set(uint64_t *set, const uint32_t *row)
{
    size_t count = 0;
    for (size_t i = 0; i + 2 < WORDS; i++)
        set[i] = (uint64_t)row[i] << 42 | (uint64_t)row[i + 1] << 21 | row[i + 2];
    qsort(set, WORDS - 2, sizeof *set, compare);
    for (size_t i = 0; i < WORDS - 2; i++) {
        if (!count || set[count - 1] != set[i])
            set[count++] = set[i];
    }
    return count;
}

static double exact_jaccard(const uint32_t *a, const uint32_t *b)
{
    uint64_t x[WORDS], y[WORDS];
    size_t n = exact_set(x, a), m = exact_set(y, b), both = 0;
    for (size_t i = 0, j = 0; i < n && j < m;) {
        both += x[i] == y[j];
        bool step = x[i] <= y[j];
        j += y[j] <= x[i];
        i += step;
    }
    return (double)both / (double)(n + m - both);
}

static struct buffer as_text(const uint32_t *row)
{
    struct buffer text = {0};
    for (int i = 0; i < WORDS; i++)
        assert_true(buffer_format(&text, "w%u ", row[i]));
    return text;
}

struct told {
    bool *near; /* (COPIES + 1) of the row's base: which were told */
    int64_t base, wrong;
};

static void tell(void *context, int64_t text)
{
    struct told *told = context;
    if (text / (COPIES + 1) == told->base)
        told->near[text % (COPIES + 1)] = true;
    else
        told->wrong++;
}

/* Every pair that is told, against every pair that is near: recall and precision .95 at least, of
 * all pairs and of those between .8 and .82. (Rows of different bases share no shingle but by
 * chance.) */
static void near_pairs_are_found(void **state)
{
    (void)state;
    uint32_t *words = memory_allocate((size_t)ROWS * WORDS, sizeof *words);
    struct near_settings settings = {.8, 3, false};
    struct near_index *index;
    struct features features = {0};
    struct shingle_scratch scratch = {0};
    bool *twin = memory_allocate_zeroed(ROWS, sizeof *twin); /* of an earlier row */
    int64_t right = 0, missed = 0, wrong = 0, edge = 0, edge_missed = 0, below = 0;
    plant(words);
    assert_int_equal(near_open(&index, &settings, in_folder("planted"), NULL), ASSAY_OK);
    for (int64_t i = 0; i < ROWS; i++) {
        const uint32_t *row = words + i * WORDS;
        int64_t base = i / (COPIES + 1) * (COPIES + 1);
        bool near[COPIES + 1] = {false};
        struct told told = {near, i / (COPIES + 1), 0};
        struct near_listener listener = {NULL, tell, &told};
        struct near_match match;
        struct buffer text = as_text(row);
        assert_true(features_make(&features, &scratch, text.bytes, text.length, 3, true));
        near_find(index, &match, &features, &listener);
        assert_int_equal(near_add(index, &features, &match, NULL), ASSAY_OK);
        wrong += told.wrong;
        double best = 0;
        for (int64_t k = 0; k < i % (COPIES + 1); k++) {
            double similarity = exact_jaccard(row, words + (base + k) * WORDS);
            best = similarity > best ? similarity : best;
            /* An exact duplicate is told of the first alone, which then speaks for it. */
            twin[i] = twin[i] || similarity == 1.0;
            bool is_near = similarity >= .8 && !twin[base + k] && !(match.exact && !near[k]);
            right += near[k] && is_near;
            wrong += near[k] && !is_near;
            missed += is_near && !near[k];
            below += similarity < .8;
            edge += is_near && similarity < .82;
            edge_missed += is_near && similarity < .82 && !near[k];
        }
        if (match.text >= 0)
            assert_true(match.similarity <= best);
        buffer_free(&text);
    }
    print_message(
        "%lld near pairs, %lld missed, %lld wrong, %lld below; at the edge %lld, %lld missed\n",
        (long long)(right + missed), (long long)missed, (long long)wrong, (long long)below,
        (long long)edge, (long long)edge_missed);
    assert_true(right > 1000 && below > 1000 && edge > 200);
    assert_true((double)right >= .95 * (double)(right + missed));
    assert_true((double)right >= .95 * (double)(right + wrong));
    assert_true((double)edge_missed <= .05 * (double)edge);
    near_close(index);
    features_free(&features);
    shingle_scratch_free(&scratch);
    memory_free(words);
    memory_free(twin);
    assert_int_equal(count_entries("planted"), 0); /* the shingles' file has no name */
}

/* The verb itself on the planted set: no row that stays is near an earlier one that stays, and each
 * that went names one that stays and is as near as it says. */
static void rows_that_go_are_near_rows_that_stay(void **state)
{
    (void)state;
    assay_dedup_options options;
    struct buffer rows = {0};
    uint32_t *words = memory_allocate((size_t)ROWS * WORDS, sizeof *words);
    bool *gone = memory_allocate_zeroed(ROWS, sizeof *gone);
    plant(words);
    for (int64_t i = 0; i < ROWS; i++) {
        struct buffer text = as_text(words + i * WORDS);
        assert_true(buffer_format(&rows, "{\"id\": \"r%lld\", \"text\": \"%s\"}\n", (long long)i,
                                  text.bytes));
        buffer_free(&text);
    }
    put_file("planted.jsonl", rows.bytes);
    assay_dedup_options_init(&options);
    assay_data_report *report = dedup("planted.jsonl", "single.jsonl", &options);
    int64_t removed = count_of(report, "rows", "removed");
    assert_int_equal(count_of(report, "rows", "written"), ROWS - removed);
    assert_int_equal(count_lines("single.jsonl"), ROWS - removed);
    assert_true(removed > 1000);
    char *text = get_file("single.jsonl.removed.jsonl");
    char *line = text;
    for (int64_t i = 0; i < removed; i++) {
        struct json *row = NULL;
        size_t length = strcspn(line, "\n");
        assert_int_equal(json_parse(&row, line, length, NULL, NULL), ASSAY_OK);
        line += length + 1;
        int64_t number = json_integer(json_member(row, "row")) - 1;
        int64_t other = atoll(member_text(row, "duplicate_of") + 1);
        assert_int_equal(json_integer(json_member(row, "duplicate_of_row")), other + 1);
        assert_true(other < number);
        assert_false(gone[other]);
        assert_true(json_number(json_member(row, "similarity")) ==
                    exact_jaccard(words + number * WORDS, words + other * WORDS));
        assert_int_equal(json_integer(json_member(row, "line")), number + 1);
        gone[number] = true;
        json_free(row);
    }
    memory_free(text);
    int64_t stayed_near = 0;
    for (int64_t i = 0; i < ROWS; i++) {
        for (int64_t k = i / (COPIES + 1) * (COPIES + 1); k < i; k++)
            stayed_near +=
                !gone[i] && !gone[k] && exact_jaccard(words + i * WORDS, words + k * WORDS) >= .8;
    }
    assert_true((double)stayed_near <= .05 * (double)removed);
    assay_data_report_close(report);

    /* Threads change nothing. */
    options.files.threads = 3;
    char *one = get_file("single.jsonl.removed.jsonl");
    assay_data_report_close(dedup("planted.jsonl", "single.jsonl", &options));
    char *three = get_file("single.jsonl.removed.jsonl");
    assert_string_equal(one, three);
    memory_free(one);
    memory_free(three);
    buffer_free(&rows);
    memory_free(words);
    memory_free(gone);
}

static void exact_duplicates_go(void **state)
{
    (void)state;
    assay_dedup_options options;
    assay_dedup_options_init(&options);
    put_file("exact.jsonl", "{\"id\": \"a\", \"text\": \"One, two: three!\", \"n\": 1.0}\n"
                            "{\"id\": \"b\", \"text\": \"one two THREE\", \"n\": 2}\n"
                            "{\"id\": \"c\", \"text\": \"one two four\"}\n"
                            "{\"id\": \"d\", \"text\": \"...\"}\n"
                            "{\"id\": \"e\", \"text\": \"\"}\n"
                            "{\"id\": \"f\", \"text\": \"cafe\\u0301\"}\n"
                            "{\"id\": \"g\", \"text\": \"Caf\\u00e9\"}\n");
    options.exact_only = true;
    assay_data_report *report = dedup("exact.jsonl", "exact.out.jsonl", &options);
    char *text = get_file("exact.out.jsonl");
    assert_string_equal(text, "{\"id\": \"a\", \"text\": \"One, two: three!\", \"n\": 1.0}\n"
                              "{\"id\": \"c\", \"text\": \"one two four\"}\n"
                              "{\"id\": \"d\", \"text\": \"...\"}\n"
                              "{\"id\": \"f\", \"text\": \"cafe\\u0301\"}\n");
    memory_free(text);
    assert_int_equal(count_of(report, "removed", "duplicate"), 3);
    struct json *line = json_line("exact.out.jsonl.removed.jsonl", 1);
    assert_string_equal(member_text(line, "id"), "b");
    assert_string_equal(member_text(line, "reason"), "duplicate");
    assert_string_equal(member_text(line, "duplicate_of"), "a");
    assert_int_equal(json_integer(json_member(json_member(line, "source"), "n")), 2);
    json_free(line);
    assay_data_report_close(report);
}

static void other_files_count(void **state)
{
    (void)state;
    assay_dedup_options options;
    assay_dedup_options_init(&options);
    put_file("test.csv", "text,label\nthe same words stand here,x\nonly in test,y\n");
    put_file("train.jsonl",
             "{\"text\": \"alpha beta\"}\n{\"text\": \"The same words, stand here.\"}\n"
             "{\"text\": \"Alpha beta!\"}\n");
    char *against = memory_copy_string(in_folder("test.csv"));
    const char *list[] = {against};
    options.against = list;
    options.against_count = 1;
    assay_data_report *report = dedup("train.jsonl", "both.jsonl", &options);
    assert_int_equal(count_lines("both.jsonl"), 1);
    assert_int_equal(count_of(report, "removed", "of these, as in another file"), 1);
    struct json *line = json_line("both.jsonl.removed.jsonl", 1);
    assert_string_equal(member_text(line, "duplicate_of_file"), "test.csv");
    assert_int_equal(json_integer(json_member(line, "duplicate_of")), 1);
    json_free(line);
    assay_data_report_close(report);
    options.only_against = true;
    report = dedup("train.jsonl", "across.jsonl", &options);
    assert_int_equal(count_lines("across.jsonl"), 2);
    struct json *card = json_file("across.jsonl.card.json");
    const struct json *step = json_element(json_member(card, "steps"), 0);
    const struct json *inputs = json_member(step, "inputs");
    assert_int_equal(json_count(inputs), 2);
    assert_string_equal(member_text(json_element(inputs, 1), "name"), "test.csv");
    assert_int_equal(json_integer(json_member(json_element(inputs, 1), "rows")), 2);
    json_free(card);
    assay_data_report_close(report);
    memory_free(against);
}

static void what_is_wrong_is_refused(void **state)
{
    (void)state;
    assay_dedup_options options;
    assay_data_report *report = NULL;
    assay_error error = {0};
    put_file("bad.jsonl", "{\"text\": \"good\"}\n{\"text\": 3}\n");
    assay_dedup_options_init(&options);
    options.files.input = in_folder("bad.jsonl");
    options.files.output = in_folder("bad.out.jsonl");
    assert_int_equal(assay_data_dedup(&report, &options, &error), ASSAY_ERROR_FORMAT);
    assert_int_equal(error.row, 2);
    options.threshold = 0.0;
    assert_int_equal(assay_data_dedup(&report, &options, &error), ASSAY_ERROR_ARGUMENT);
    options.threshold = .8;
    options.shingle = 0;
    assert_int_equal(assay_data_dedup(&report, &options, &error), ASSAY_ERROR_ARGUMENT);
    options.shingle = 3;
    options.only_against = true;
    assert_int_equal(assay_data_dedup(&report, &options, &error), ASSAY_ERROR_ARGUMENT);
    options.against = &options.files.input;
    options.against_count = 1;
    assert_int_equal(assay_data_dedup(&report, &options, &error), ASSAY_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "against itself"));
    assert_int_equal(count_entries("bad.out.jsonl"), 0);
}

/* Many rows that are alike but not near enough: the number of comparisons stays bounded, and it is
 * told. */
static void comparisons_are_bounded(void **state)
{
    (void)state;
    struct near_settings settings = {.9, 3, false};
    struct near_index *index;
    struct features features = {0};
    struct shingle_scratch scratch = {0};
    struct near_counts counts;
    enum { ALIKE = 6000 };
    assert_int_equal(near_open(&index, &settings, in_folder("alike"), NULL), ASSAY_OK);
    for (int i = 0; i < ALIKE; i++) {
        struct buffer text = {0};
        struct near_match match;
        for (int w = 0; w < 40; w++)
            assert_true(buffer_format(&text, "same%d ", w));
        assert_true(buffer_format(&text, "x%d y%d z%d", i, i, i));
        assert_true(features_make(&features, &scratch, text.bytes, text.length, 3, true));
        near_find(index, &match, &features, NULL);
        assert_int_equal(match.text, -1);
        assert_int_equal(near_add(index, &features, &match, NULL), ASSAY_OK);
        buffer_free(&text);
    }
    near_get_counts(index, &counts);
    assert_int_equal(counts.texts, ALIKE);
    assert_true(counts.cut > 0);
    assert_true(counts.compared <= (int64_t)ALIKE * NEAR_MAX_COMPARED);
    near_close(index);
    features_free(&features);
    shingle_scratch_free(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(similarity_is_pythons),
        cmocka_unit_test(near_pairs_are_found),
        cmocka_unit_test(rows_that_go_are_near_rows_that_stay),
        cmocka_unit_test(exact_duplicates_go),
        cmocka_unit_test(other_files_count),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(comparisons_are_bounded),
    };
    return cmocka_run_group_tests(tests, data_folder_make, data_folder_remove);
}
