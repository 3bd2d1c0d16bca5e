#include "data_made.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

static int split(struct call *call, assay_split_options *options, struct data_progress *progress)
{
    assay_data_report *report = NULL;
    assay_error error = {0};
    assay_split_part parts[ASSAY_SPLIT_MAX_PARTS];
    char *words = strdup(call_text(call, "parts", "train=.8,valid=.1,test=.1"));
    const char **groups = call_values(call, "group", &options->group_count);
    const char **strata = call_values(call, "stratify", &options->stratum_count);
    int code = CALL_DONE;
    if (!words || !groups || !strata) {
        code = call_failed_saying(call, "not enough memory");
    } else {
        options->parts = parts;
        options->groups = groups;
        options->strata = strata;
        assay_status status = assay_split_parts_parse(parts, &options->part_count, words, &error);
        if (status == ASSAY_OK)
            status = assay_data_split(&report, options, &error);
        code = data_finish(call, progress, status, report, &error);
    }
    free(words);
    free(groups);
    free(strata);
    return code;
}

static int run(struct call *call)
{
    assay_split_options options;
    assay_rows_options rows;
    struct data_progress progress;
    int code = CALL_DONE;
    assay_split_options_init(&options);
    if (!data_files(call, &options.files, &rows, &progress, &code))
        return code;
    if (!options.files.output)
        return call_wrong(call, "-o OUT names the folder of the parts");
    options.no_label = call_has(call, "no-label");
    options.near_duplicates = call_has(call, "near-duplicates") || call_has(call, "threshold");
    options.threshold = call_number(call, "threshold", options.threshold);
    options.fixed = call_text(call, "fixed", NULL);
    options.uneven = call_has(call, "uneven");
    options.seed = (uint64_t)call_integer(call, "seed", 0);
    return split(call, &options, &progress);
}

static const struct flag flags[] = {
    {"parts", 0, FLAG_TEXT, "NAME=SIZE,...", "train=.8,valid=.1,test=.1",
     "shares (with a point), numbers of rows, or rest; what no part asks for is left out", 0, 0},
    {"group", 0, FLAG_TEXT, "FIELD", "every row by itself",
     "rows with one value in this field stay together; several fields join their groups", 0, 0},
    {"stratify", 0, FLAG_TEXT, "FIELD", "by label alone",
     "every part also gets its share of this field's values; may be given more than once", 0, 0},
    {"no-label", 0, FLAG_SWITCH, NULL, "by label", "do not stratify by label", 0, 0},
    {"near-duplicates", 0, FLAG_SWITCH, NULL, "off",
     "near-duplicates (as data dedup finds them) stay together too", 0, 0},
    {"threshold", 0, FLAG_NUMBER, "X", "0.8", "of --near-duplicates: their similarity", 0, 1},
    {"fixed", 0, FLAG_TEXT, "FIELD", "no row is fixed",
     "this field names the part of a row; rows without it go where there is room", 0, 0},
    {"uneven", 0, FLAG_SWITCH, NULL, "off", "go on when a group fits into no part", 0, 0},
    DATA_FLAGS,
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0, 0},
};

const struct verb verb_data_split = {
    .name = "data split",
    .arguments = "IN -o FOLDER",
    .purpose = "parts for training and judging: by group, stratified, near-duplicates together",
    .details =
        "Writes FOLDER/train.jsonl and so on, each with its card, in the format of IN. Rows that "
        "share a value of a --group field, or of a row that shares one, and so on, are one group "
        "and stay in one part; groups go where they mend the shares of rows, labels and --stratify "
        "fields most, large ones first, equal ones in an order drawn from --seed. The same call "
        "gives the same parts.\n\n"
        "Refused: rows of one group that --fixed puts into two parts, and a group that is larger "
        "than every part. What came out is printed per part and label, and a part that misses its "
        "size by more than 1 % is named.",
    .example = "assay data split all.jsonl -o parts --group author --group source --seed 1",
    .flags = flags,
    .least = 1,
    .most = 1,
    .run = run,
};
