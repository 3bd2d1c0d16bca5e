#include "data_made.h"
#include "verbs.h"

#include <stdlib.h>

static int run(struct call *call)
{
    assay_dedup_options options;
    assay_rows_options rows;
    assay_data_report *report = NULL;
    struct data_progress progress;
    assay_error error = {0};
    int code = CALL_DONE;
    assay_dedup_options_init(&options);
    if (!data_files(call, &options.files, &rows, &progress, &code))
        return code;
    if (!options.files.output)
        return call_wrong(call, "-o OUT says where the rows go");
    options.threshold = call_number(call, "threshold", options.threshold);
    options.shingle = (int32_t)call_integer(call, "shingle", options.shingle);
    options.exact_only = call_has(call, "exact");
    options.only_against = call_has(call, "only-against");
    const char **against = call_values(call, "against", &options.against_count);
    if (!against)
        return call_failed_saying(call, "not enough memory");
    options.against = against;
    assay_status status = assay_data_dedup(&report, &options, &error);
    free(against);
    return data_finish(call, &progress, status, report, &error);
}

static const struct flag flags[] = {
    {"threshold", 0, FLAG_NUMBER, "X", "0.8",
     "rows go from this Jaccard similarity of their shingles on, above 0 and at most 1", 0, 1},
    {"shingle", 0, FLAG_INTEGER, "N", "3", "words a shingle", 1, 32},
    {"exact", 0, FLAG_SWITCH, NULL, "off", "exact duplicates alone", 0, 0},
    {"against", 0, FLAG_TEXT, "FILE", "no other file",
     "also take out what stands in FILE (train against test); may be given more than once", 0, 0},
    {"only-against", 0, FLAG_SWITCH, NULL, "off", "duplicates within IN stay", 0, 0},
    DATA_FLAGS,
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0, 0},
};

const struct verb verb_data_dedup = {
    .name = "data dedup",
    .arguments = "IN -o OUT",
    .purpose = "duplicates and near-duplicates taken out; the first of them stays",
    .details =
        "Texts are compared as words: runs of letters, marks and digits, after Unicode's NFC and "
        "in small letters; punctuation, spaces and case do not count. Exact duplicates have the "
        "same words. Near-duplicates are found by MinHash over shingles of --shingle words (120 "
        "permutations in 20 bands of 6) and then compared exactly: a row goes when the Jaccard "
        "similarity of its shingles to those of an earlier row that stays is at least "
        "--threshold. Which rows go depends on their order, and on nothing else.\n\n"
        "OUT has the format of IN and all fields of its rows. OUT.removed.jsonl names for each "
        "row taken out the row that it is a duplicate of, and how similar they are; OUT.card.json "
        "and OUT.card.md say what was done. Memory: some 500 bytes a row; 4 bytes a shingle lie in "
        "an unnamed file beside OUT while it works.",
    .example = "assay data dedup train.jsonl -o train.unique.jsonl --against test.jsonl",
    .flags = flags,
    .least = 1,
    .most = 1,
    .run = run,
};
