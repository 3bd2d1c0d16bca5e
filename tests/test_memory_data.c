/* Memory that runs out while data sets are shown, cleaned, deduplicated, split, balanced and
 * attacked: what stood before stays as it was, and nothing new stands beside it. */
#include "memory_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assay/attack.h"
#include "assay/data.h"
#include "base/buffer.h"
#include "base/file.h"
#include "data_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 48, PATH_SIZE = 400 };

/* Duplicates, near-duplicates, groups, mixed scripts, markup, a header; `rough`: a broken row. */
static void put_rows(const char *name, int first, bool rough)
{
    static const char *const tails[] = {
        "and then the wooden bridge fell into the river below the old mill",
        "because nobody had mended it since the flood of the year before last",
        "so that the baker had to walk around by the road through the wood"};
    struct buffer rows = {0};
    bool good = true;
    for (int i = first; i < first + ROWS; i++) {
        int text = i % 12 == 5 ? i - 1 : i; /* a duplicate of the row before */
        good = good && buffer_format(
                           &rows,
                           "{\"id\": \"r%d\", \"text\": \"Answer: <b>row</b> %d&amp; w%d "
                           "p\xd0\xb0pa \xe2\x80\x9cso\xe2\x80\x9d %s, %s.%s\", \"label\": \"%s\", "
                           "\"author\": \"a%d\", \"kind\": \"k%d\"}\n",
                           i, text, text * 7, tails[text % 3], tails[(text + 1) % 3],
                           i % 12 == 7 ? " Yes" : "", i % 3 ? "human" : "ai", i / 3, i % 2);
        if (rough && i == first + 20)
            good = good && buffer_append_string(&rows, "{\"id\": \"broken\", \"text\": }\n");
    }
    assert_true(good);
    put_file(name, rows.bytes);
    buffer_free(&rows);
}

static void put_table(const char *name)
{
    struct buffer rows = {0};
    bool good = buffer_append_string(&rows, "id,text,label\r\n");
    for (int i = 0; i < ROWS / 2; i++)
        good = good && buffer_format(&rows, "%d,\"a quoted \"\"text\"\",\r\nnumber %d\",%s\r\n", i,
                                     i, i % 3 ? "human" : "ai");
    assert_true(good);
    put_file(name, rows.bytes);
    buffer_free(&rows);
}

static char top[PATH_SIZE], path[4][PATH_SIZE];

static const char *keep_path(int slot, const char *name)
{
    snprintf(path[slot], PATH_SIZE, "%s", in_folder(name));
    return path[slot];
}

static int begin(void **state)
{
    if (data_folder_make(state))
        return -1;
    put_rows("rough.jsonl", 0, true);
    put_rows("all.jsonl", 0, false);
    put_rows("other.jsonl", 40, false);
    put_table("table.csv");
    snprintf(top, sizeof top, "%s", in_folder("."));
    assert_int_equal(folder_create(in_folder("classes/ai"), NULL), ASSAY_OK);
    assert_int_equal(folder_create(in_folder("classes/human"), NULL), ASSAY_OK);
    put_file("classes/ai/1.txt", "one text of the one class");
    put_file("classes/ai/2.txt", "another text of the one class");
    put_file("classes/human/1.txt", "a text of the other class");
    return 0;
}

static void add_report(struct bits *bits, const assay_data_report *report)
{
    const assay_data_count *count;
    const char *text;
    double weight;
    for (int64_t i = 0; (count = assay_data_report_count(report, i)); i++) {
        bits_add_text(bits, count->name);
        bits_add(bits, &count->value, sizeof count->value);
    }
    for (int64_t i = 0; (text = assay_data_report_note(report, i)); i++)
        bits_add_text(bits, text);
    for (int64_t i = 0; (text = assay_data_report_file(report, i)); i++)
        bits_add_file(bits, text);
    for (int64_t i = 0; (text = assay_data_report_weight(report, i, &weight)); i++)
        bits_add(bits, &weight, sizeof weight);
}

static assay_data_files files_of(const char *input, const char *output, int threads)
{
    return (assay_data_files){.input = keep_path(0, input),
                              .output = output ? keep_path(1, output) : NULL,
                              .license = "CC-BY-4.0",
                              .source = "a diary",
                              .threads = threads};
}

/* What a job makes, into bits; and what a failure gives is nothing. */
static assay_status finish(assay_status status, assay_data_report **report, struct bits *bits)
{
    assert_true(status != ASSAY_OK || *report);
    if (status == ASSAY_OK)
        add_report(bits, *report);
    assay_data_report_close(*report);
    return status;
}

/* ---- clean */

static assay_status clean(void *context, bool again, struct bits *bits, assay_error *error)
{
    (void)again;
    static const char *const headers[] = {"Answer:"};
    const char *input = context;
    assay_clean_options options;
    assay_data_report *report = NULL;
    assay_clean_options_init(&options);
    options.files = files_of(input, !strcmp(input, "table.csv") ? "clean.csv" : "clean.jsonl", 1);
    for (int i = 0; i < ASSAY_CLEAN_STEP_COUNT; i++)
        options.steps[i] = true;
    for (int i = 0; i < ASSAY_CLEAN_RULE_COUNT; i++)
        options.rules[i] = true;
    options.headers = headers;
    options.header_count = 1;
    options.max_words = 40;
    return finish(assay_data_clean(&report, &options, error), &report, bits);
}

/* ---- dedup */

static assay_status dedup(void *context, bool again, struct bits *bits, assay_error *error)
{
    (void)again;
    const char *against[] = {keep_path(2, "other.jsonl")};
    assay_dedup_options options;
    assay_data_report *report = NULL;
    assay_dedup_options_init(&options);
    options.files = files_of("all.jsonl", "unique.jsonl", *(const int *)context);
    options.against = against;
    options.against_count = 1;
    return finish(assay_data_dedup(&report, &options, error), &report, bits);
}

/* ---- split */

static assay_status split(void *context, bool again, struct bits *bits, assay_error *error)
{
    (void)again;
    static const assay_split_part parts[] = {{"train", .6, 0}, {"valid", .2, 0}, {"test", .2, 0}};
    static const char *const groups[] = {"author"}, *const strata[] = {"kind"};
    assay_split_options options;
    assay_data_report *report = NULL;
    assay_split_options_init(&options);
    options.files = files_of("all.jsonl", context, 1);
    options.parts = parts;
    options.part_count = 3;
    options.groups = groups;
    options.group_count = 1;
    options.strata = strata;
    options.stratum_count = 1;
    options.near_duplicates = true;
    options.uneven = true;
    return finish(assay_data_split(&report, &options, error), &report, bits);
}

static void no_parts(void *context)
{
    char command[PATH_SIZE + 20];
    if (!has_file(context))
        return;
    snprintf(command, sizeof command, "rm -r %s", in_folder(context));
    assert_int_equal(system(command), 0);
}

/* ---- balance */

static assay_status balance(void *context, bool again, struct bits *bits, assay_error *error)
{
    (void)again;
    assay_balance_options options;
    assay_data_report *report = NULL;
    assay_balance_options_init(&options);
    options.files = files_of("all.jsonl", "balanced.jsonl", 1);
    options.method = *(const assay_balance_method *)context;
    options.within = options.method == ASSAY_BALANCE_WEIGHTS ? NULL : "kind";
    return finish(assay_data_balance(&report, &options, error), &report, bits);
}

/* ---- attack */

static assay_status attack(void *context, bool again, struct bits *bits, assay_error *error)
{
    (void)context;
    (void)again;
    const char *kinds[64];
    assay_attack_options options;
    assay_data_report *report = NULL;
    assay_attack_options_init(&options);
    options.files = files_of("all.jsonl", "attacked.jsonl", 1);
    assert_true(assay_attack_count() <= 64);
    for (int i = 0; i < assay_attack_count(); i++)
        kinds[i] = assay_attack_name(i);
    options.kinds = kinds;
    options.kind_count = (size_t)assay_attack_count();
    return finish(assay_data_attack(&report, &options, error), &report, bits);
}

/* ---- show */

static assay_status show(void *context, bool again, struct bits *bits, assay_error *error)
{
    (void)again;
    const char *const *names = context;
    const char *paths[2];
    int count = 0;
    for (; count < 2 && names[count]; count++)
        paths[count] = keep_path(count, names[count]);
    assay_data_summary *summary = NULL;
    assay_status status = assay_data_show(&summary, paths, count, NULL, error);
    assert_int_equal(status == ASSAY_OK, summary != NULL);
    if (status == ASSAY_OK) {
        bits_add(bits, &summary->rows, sizeof summary->rows);
        bits_add(bits, &summary->texts, sizeof summary->texts);
        bits_add(bits, &summary->alike, sizeof summary->alike);
        for (int32_t i = 0; i < summary->trait_count; i++) {
            const assay_data_trait *trait = &summary->traits[i];
            bits_add_text(bits, trait->name);
            bits_add_text(bits, trait->string);
            bits_add(bits, &trait->auroc, sizeof trait->auroc);
            for (int32_t k = 0; k < trait->example_count; k++)
                bits_add_text(bits, trait->examples[k].excerpt);
        }
        for (int32_t i = 0; i < summary->broken_row_count; i++)
            bits_add_text(bits, summary->broken_rows[i].reason);
    }
    assay_data_summary_free(summary);
    return status;
}

/* ---- all of them */

static void try(const char *name,
                assay_status (*run)(void *context, bool again, struct bits *bits,
                                    assay_error *error),
                void *context)
{
    /* All that is in the folder, inputs and earlier outputs alike. */
    memory_job_try(
        &(struct memory_job){.name = name, .run = run, .untouched = {top}, .context = context});
}

static void showing(void **state)
{
    (void)state;
    static const char *two[] = {"rough.jsonl", "other.jsonl"}, *table[] = {"table.csv", NULL},
                      *classes[] = {"classes", NULL};
    try("show two files", show, two);
    try("show a table", show, table);
    try("show a folder of classes", show, classes);
}

static void cleaning(void **state)
{
    (void)state;
    static char rows[] = "rough.jsonl", table[] = "table.csv";
    try("clean", clean, rows);
    try("clean a table", clean, table);
}

static void deduplicating(void **state)
{
    (void)state;
    int one = 1, two = 2;
    try("dedup", dedup, &one);
    try("dedup with two threads", dedup, &two);
}

static void splitting(void **state)
{
    (void)state;
    static char over[] = "parts", fresh[] = "fresh";
    try("split over another", split, over);
    memory_job_try(&(struct memory_job){
        .name = "split", .run = split, .prepare = no_parts, .untouched = {top}, .context = fresh});
}

static void balancing(void **state)
{
    (void)state;
    assay_balance_method methods[] = {ASSAY_BALANCE_UNDER, ASSAY_BALANCE_OVER,
                                      ASSAY_BALANCE_WEIGHTS};
    try("balance, under", balance, &methods[0]);
    try("balance, over", balance, &methods[1]);
    try("balance, weights", balance, &methods[2]);
}

static void attacking(void **state)
{
    (void)state;
    try("attack with all kinds", attack, NULL);
}

/* test_memory_data [TEST] */
int main(int count, char **words)
{
    if (count > 1)
        cmocka_set_test_filter(words[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(showing),   cmocka_unit_test(cleaning),  cmocka_unit_test(deduplicating),
        cmocka_unit_test(splitting), cmocka_unit_test(balancing), cmocka_unit_test(attacking),
    };
    return memory_jobs_end(cmocka_run_group_tests(tests, begin, data_folder_remove));
}
