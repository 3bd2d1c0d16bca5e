#include "data_made.h"
#include "verbs.h"

#include <string.h>

static int run(struct call *call)
{
    assay_balance_options options;
    assay_rows_options rows;
    assay_data_report *report = NULL;
    struct data_progress progress;
    assay_error error = {0};
    int code = CALL_DONE;
    assay_balance_options_init(&options);
    if (!data_files(call, &options.files, &rows, &progress, &code))
        return code;
    const char *method = call_text(call, "method", "under");
    options.method = !strcmp(method, "over")      ? ASSAY_BALANCE_OVER
                     : !strcmp(method, "weights") ? ASSAY_BALANCE_WEIGHTS
                                                  : ASSAY_BALANCE_UNDER;
    if (!options.files.output && options.method != ASSAY_BALANCE_WEIGHTS)
        return call_wrong(call, "-o OUT says where the rows go");
    options.within = call_text(call, "within", NULL);
    options.force = call_has(call, "force");
    options.seed = (uint64_t)call_integer(call, "seed", 0);
    assay_status status = assay_data_balance(&report, &options, &error);
    return data_finish(call, &progress, status, report, &error);
}

static const struct flag flags[] = {
    {"method", 0, FLAG_CHOICE, "under|over|weights", "under",
     "take rows of frequent labels out; write rows of rare ones more than once; or leave the rows "
     "and give class weights",
     0, 0},
    {"within", 0, FLAG_TEXT, "FIELD", "over all rows",
     "make labels equally frequent among the rows of each value of this field", 0, 0},
    {"force", 0, FLAG_SWITCH, NULL, "off", "also a part on which models are judged", 0, 0},
    DATA_FLAGS,
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0, 0},
};

const struct verb verb_data_balance = {
    .name = "data balance",
    .arguments = "IN -o OUT",
    .purpose = "labels made equally frequent in a training part, or weights for them",
    .details =
        "For the training part alone: a file whose card says that it is for validation, "
        "calibration or test is refused, because balancing it would change what scores mean.\n\n"
        "under: rows of the more frequent labels are taken out, drawn from --seed; "
        "OUT.removed.jsonl "
        "holds them. over: rows of the rarer labels are written more than once, right behind "
        "each other, the copies with ids of their own (ID~2). weights: rows / (labels * rows of "
        "the label), printed as the recipe's class_weights takes them and written into the card; "
        "without -o they are only printed. With --within, a value that has no row of some label "
        "cannot be balanced: its rows are taken out (under) or stay as they are (over).",
    .example = "assay data balance parts/train.jsonl -o train.balanced.jsonl --within domain",
    .flags = flags,
    .least = 1,
    .most = 1,
    .run = run,
};
