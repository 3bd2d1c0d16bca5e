#include "data_show.h"
#include "output.h"
#include "texts.h"
#include "verbs.h"

#include <unistd.h>

enum { PROGRESS_SECONDS = 2 };

struct progress {
    const struct call *call;
    double said;
};

static void tell(void *context, const assay_data_show_progress *reached)
{
    struct progress *progress = context;
    double now = call_seconds();
    char bytes[32];
    if (now - progress->said < PROGRESS_SECONDS)
        return;
    progress->said = now;
    call_note(progress->call, "reading %s: %lld rows, %s", reached->file, (long long)reached->rows,
              bytes_text(bytes, (double)reached->bytes));
}

/* --strict: whether the data is as it should be. */
static bool is_clean(const assay_data_summary *summary)
{
    return !summary->leak_count && !summary->broken && !summary->empty &&
           !summary->texts.disagreeing;
}

static int run(struct call *call)
{
    int code = CALL_DONE;
    assay_error error = {0};
    assay_rows_options rows;
    assay_data_summary *summary = NULL;
    struct progress progress = {call, call_seconds()};
    assay_data_show_options options = ASSAY_DATA_SHOW_OPTIONS_INIT;
    if (!text_options(call, &rows, &code))
        return code;
    long long examples = call_integer(call, "examples", 0);
    options.rows = &rows;
    options.group_field = call_text(call, "group", NULL);
    options.positive = call_text(call, "positive", NULL);
    options.audit_rows = call_integer(call, "audit-rows", 0);
    options.examples = call_has(call, "examples") && !examples ? -1 : (int32_t)examples;
    options.seed = (uint64_t)call_integer(call, "seed", 0);
    options.progress = tell;
    options.context = &progress;
    if (assay_data_show(&summary, call->arguments, call->argument_count, &options, &error))
        return call_failed(call, &error);
    if (call->json)
        data_show_json(summary);
    else
        data_show_table(summary, call->verbose);
    if (!summary->rows && summary->broken)
        code = call_failed_saying(call, "no row could be read");
    else if (call_has(call, "strict") && !is_clean(summary))
        code = call_failed_saying(call, "--strict: there are leaks, or broken, empty or "
                                        "contradicting rows");
    assay_data_summary_free(summary);
    return code;
}

static const struct flag flags[] = {
    TEXT_FLAGS,
    {"group", 0, FLAG_TEXT, "FIELD", "\"group\" where there is one",
     "the field whose rows belong together (author, prompt, document)", 0, 0},
    {"positive", 0, FLAG_TEXT, "LABEL", "ai, machine, fake, generated, 1",
     "of two labels, the one that a detector would look for", 0, 0},
    {"audit-rows", 0, FLAG_INTEGER, "N", "250000",
     "rows that quantiles and the audit of features are from, drawn by --seed", 2, 10000000},
    {"examples", 0, FLAG_INTEGER, "N", "3", "rows shown of each leak", 0, 100},
    {"strict", 0, FLAG_SWITCH, NULL, "off",
     "exit 1 when there are leaks, or broken, empty or contradicting rows", 0, 0},
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0, 0},
};

const struct verb verb_data_show = {
    .name = "data show",
    .arguments = "DATA...",
    .purpose = "what a data set holds, and what in it gives the label away",
    .details =
        "Rows, labels, groups, lengths, scripts, empty and broken rows, exact duplicates within "
        "and across the files. Then the leak audit: how well each trivial trait alone (length, "
        "newlines, quotes, the first word, one word, ...) tells the label, as AUROC with its "
        "interval, with rows that show it and the switch of assay data clean that mends it. A "
        "trait is a leak when the lower end of its AUROC, held for all traits at once, is above "
        "the bar of its kind: format 0.55, how texts begin and end 0.60, style and single words "
        "0.75; a text or a group in two files always is. Give the parts of a split together: "
        "train.jsonl valid.jsonl test.jsonl.\n\n"
        "With -v every trait and every label. docs/data.md explains each.",
    .example = "assay data show train.jsonl valid.jsonl test.jsonl",
    .flags = flags,
    .least = 1,
    .most = -1,
    .run = run,
};
