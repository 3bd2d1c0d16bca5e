#include "assay/attack.h"
#include "data_made.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

static void add_kind(const char **kinds, size_t *count, const char *name)
{
    if (strcmp(name, "all") != 0) {
        kinds[(*count)++] = name;
        return;
    }
    for (int kind = 0; kind < assay_attack_count(); kind++)
        kinds[(*count)++] = assay_attack_name(kind);
}

/* "--kind a --kind b" and "--kind a b" alike; the caller frees the list. */
static const char **list_kinds(const struct call *call, size_t *count)
{
    size_t given = 0;
    const char **values = call_values(call, "kind", &given);
    size_t room = (given + (size_t)call->argument_count) * (size_t)assay_attack_count() + 1;
    const char **kinds = values ? calloc(room, sizeof *kinds) : NULL;
    *count = 0;
    for (size_t i = 0; kinds && i < given; i++)
        add_kind(kinds, count, values[i]);
    for (int i = 1; kinds && i < call->argument_count; i++)
        add_kind(kinds, count, call->arguments[i]);
    free(values);
    return kinds;
}

static int run(struct call *call)
{
    assay_attack_options options;
    assay_rows_options rows;
    assay_data_report *report = NULL;
    struct data_progress progress;
    assay_error error = {0};
    int code = CALL_DONE;
    assay_attack_options_init(&options);
    if (!data_files(call, &options.files, &rows, &progress, &code))
        return code;
    if (!options.files.output)
        return call_wrong(call, "-o OUT says where the copies go");
    if (!call_has(call, "kind"))
        return call_wrong(call,
                          "--kind says what is done to the texts; --kind all does everything");
    options.strength = call_number(call, "strength", options.strength);
    options.seed = (uint64_t)call_integer(call, "seed", 0);
    options.kinds = list_kinds(call, &options.kind_count);
    if (!options.kinds)
        return call_failed_saying(call, "not enough memory");
    assay_status status = assay_data_attack(&report, &options, &error);
    free((void *)options.kinds);
    return data_finish(call, &progress, status, report, &error);
}

static const struct flag flags[] = {
    {"kind", 0, FLAG_TEXT, "KIND", "must be given",
     "what is done to a text; may be given more than once; all: every kind", 0, 0},
    {"strength", 0, FLAG_NUMBER, "SHARE", "0.3",
     "of the places of a text that could be changed, the share that is", 0, 1},
    DATA_FLAGS,
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0, 0},
};

const struct verb verb_attack = {
    .name = "attack",
    .arguments = "DATA -o OUT --kind KIND...",
    .purpose = "perturbed copies of both classes, to see what a detector still tells apart",
    .details =
        "OUT has the format of DATA and a copy of every row for each kind, every field as it was, "
        "with the field attack: the kind. With several kinds the ids become ID~KIND. Kinds:\n\n"
        "homoglyph: Latin letters become Cyrillic or Greek ones that look the same.\n\n"
        "zero-width: a zero-width space between two letters of a word.\n\n"
        "whitespace: a second blank between words, or a blank before a stop.\n\n"
        "case: the first letter of a word gets the other case.\n\n"
        "misspelling: a slip of the keyboard inside a word of four letters or more.\n\n"
        "article-deletion: a, an and the are left out.\n\n"
        "number: a number becomes another one of as many digits.\n\n"
        "synonym: a word of a small English list becomes one of like meaning.\n\n"
        "paragraph-insertion: two sentences become two paragraphs.\n\n"
        "Human texts are attacked like the others: what an attack does to false positives counts "
        "as much. A copy depends on --seed, the row's id, the kind and --strength alone. Counted a "
        "kind are the places that could be changed, those that were, and the rows without one. "
        "OUT.removed.jsonl names rows that could not be read; OUT.card.json and OUT.card.md say "
        "what was done.",
    .example = "assay attack test.jsonl -o test.homoglyph.jsonl --kind homoglyph --strength 0.1",
    .flags = flags,
    .least = 1,
    .most = -1,
    .run = run,
};
