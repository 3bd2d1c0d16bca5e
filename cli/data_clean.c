#include "data_made.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

/* What can be switched: steps, then rules. */
static const struct {
    const char *name;
    bool rule;
    int number;
} items[] = {
#define X(id, text, on, what) {text, false, ASSAY_CLEAN_##id},
    ASSAY_CLEAN_STEP_LIST(X)
#undef X
#define X(id, text, on, what) {text, true, ASSAY_CLEAN_RULE_##id},
        ASSAY_CLEAN_RULE_LIST(X)
#undef X
};
enum { ITEMS = sizeof items / sizeof *items };

static bool set_item(assay_clean_options *options, const char *name, size_t length, bool on)
{
    for (int i = 0; i < ITEMS; i++) {
        if (strlen(items[i].name) != length || memcmp(items[i].name, name, length) != 0)
            continue;
        if (items[i].rule)
            options->rules[items[i].number] = on;
        else
            options->steps[items[i].number] = on;
        return true;
    }
    return false;
}

/* --only a,b: everything else is off. */
static int take_only(const struct call *call, assay_clean_options *options, const char *list)
{
    memset(options->steps, 0, sizeof options->steps);
    memset(options->rules, 0, sizeof options->rules);
    while (*list) {
        size_t length = strcspn(list, ",");
        if (!set_item(options, list, length, true)) {
            char name[40];
            snprintf(name, sizeof name, "%.*s", length > 32 ? 32 : (int)length, list);
            struct nearest nearest = {name, NULL, 0};
            for (int i = 0; i < ITEMS; i++)
                nearest_try(&nearest, items[i].name);
            const char *meant = nearest_result(&nearest);
            return meant ? call_wrong(call, "--only knows no \"%s\"; did you mean %s?", name, meant)
                         : call_wrong(call, "--only knows no \"%s\"", name);
        }
        list += length + (list[length] == ',');
    }
    return CALL_DONE;
}

/* Switches in the order given, so that the last word counts. */
static int take_switches(const struct call *call, assay_clean_options *options)
{
    const char *only = call_text(call, "only", NULL);
    int code = only ? take_only(call, options, only) : CALL_DONE;
    for (int i = 0; i < call->given_count && code == CALL_DONE; i++) {
        const char *name = call->given[i].flag->name;
        bool off = !strncmp(name, "no-", 3);
        if (!strcmp(name, "no-rules"))
            memset(options->rules, 0, sizeof options->rules);
        else
            set_item(options, off ? name + 3 : name, strlen(name) - (off ? 3 : 0), !off);
    }
    return code;
}

/* A limit that is given switches its rule on. */
static void take_limits(const struct call *call, assay_clean_options *options)
{
    options->min_words = call_integer(call, "min-words", options->min_words);
    options->max_words = call_integer(call, "max-words", options->max_words);
    options->max_repeated_lines =
        call_number(call, "max-repeated-lines", options->max_repeated_lines);
    options->max_repeated_words =
        call_number(call, "max-repeated-words", options->max_repeated_words);
    options->min_letters = call_number(call, "min-letters", options->min_letters);
    options->header_share = call_number(call, "header-share", options->header_share);
    const struct {
        const char *flag;
        assay_clean_rule rule;
    } limits[] = {{"min-words", ASSAY_CLEAN_RULE_SHORT},
                  {"max-words", ASSAY_CLEAN_RULE_LONG},
                  {"max-repeated-lines", ASSAY_CLEAN_RULE_REPEATED_LINES},
                  {"max-repeated-words", ASSAY_CLEAN_RULE_REPEATED_WORDS},
                  {"min-letters", ASSAY_CLEAN_RULE_LETTERS}};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        if (call_has(call, limits[i].flag))
            options->rules[limits[i].rule] = true;
    }
    if (call_has(call, "header-share"))
        options->steps[ASSAY_CLEAN_TRIM_HEADER] = true;
}

static int run(struct call *call)
{
    assay_clean_options options;
    assay_rows_options rows;
    assay_data_report *report = NULL;
    struct data_progress progress;
    assay_error error = {0};
    int code = CALL_DONE;
    assay_clean_options_init(&options);
    if (!data_files(call, &options.files, &rows, &progress, &code))
        return code;
    if (!options.files.output)
        return call_wrong(call, "-o OUT says where the rows go");
    code = take_switches(call, &options);
    if (code != CALL_DONE)
        return code;
    take_limits(call, &options);
    const char **headers = call_values(call, "header", &options.header_count);
    if (!headers)
        return call_failed_saying(call, "not enough memory");
    options.headers = headers;
    assay_status status = assay_data_clean(&report, &options, &error);
    free(headers);
    return data_finish(call, &progress, status, report, &error);
}

/* "on" or "off", as the lists say true or false. */
#define ON_1   "on"
#define ON_0   "off"
#define ON(on) ON_##on

static const struct flag flags[] = {
#define X(id, text, on, what) {text, 0, FLAG_SWITCH, NULL, ON(on), what, 0, 0},
    ASSAY_CLEAN_STEP_LIST(X)
#undef X
#define X(id, text, on, what)                                                                      \
    {"no-" text, 0, FLAG_SWITCH, NULL, "--" text " is " ON(on), "without that", 0, 0},
        ASSAY_CLEAN_STEP_LIST(X)
#undef X
#define X(id, text, on, what)                                                                      \
    {"no-" text, 0, FLAG_SWITCH, NULL, "they go", "do not take out " what, 0, 0},
            ASSAY_CLEAN_RULE_LIST(X)
#undef X
                {"no-rules", 0, FLAG_SWITCH, NULL, "the rules above", "no row is taken out", 0, 0},
    {"only", 0, FLAG_TEXT, "A,B", "the defaults above",
     "these steps and rules alone, by their names", 0, 0},
    {"min-words", 0, FLAG_INTEGER, "N", "1", "shorter texts go", 0, 1e9},
    {"max-words", 0, FLAG_INTEGER, "N", "no limit", "longer texts go", 1, 1e9},
    {"max-repeated-lines", 0, FLAG_NUMBER, "X", "0.5",
     "of four lines or more, the share that may have stood before", 0, 1},
    {"max-repeated-words", 0, FLAG_NUMBER, "X", "0.5",
     "of 20 words or more, the share of runs of four words that may have stood before", 0, 1},
    {"min-letters", 0, FLAG_NUMBER, "X", "0.4", "the share of letters in what is no space", 0, 1},
    {"header", 0, FLAG_TEXT, "TEXT", "none",
     "cut this off where a text begins with it; may be given more than once", 0, 0},
    {"header-share", 0, FLAG_NUMBER, "X", "0.01",
     "--trim-header cuts what this share of the texts begins with, and five at least", 0, 1},
    DATA_FLAGS,
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL, 0, 0},
};

const struct verb verb_data_clean = {
    .name = "data clean",
    .arguments = "IN -o OUT",
    .purpose = "texts normalised and bad rows taken out, each step switchable and counted",
    .details =
        "Steps change texts, in the order of the flags below; rules take rows out. On without "
        "being asked: unicode, invisible, typography, whitespace, the count of homoglyphs, and all "
        "rules. Each has a form with no-; of the two forms the last one given counts. With "
        "--no-broken a row that cannot be read ends the work. What gives "
        "the label away in one class (a newline, curly quotes, a header) has to be cleaned in "
        "both: clean the whole file, and the texts that the detector will see, alike.\n\n"
        "Only the text field changes; all other fields and the order of rows stay. OUT has the "
        "format of IN; a folder of classes becomes .jsonl. OUT.removed.jsonl holds each row taken "
        "out, with its reason; OUT.changes.jsonl has a line a changed row, with how much each step "
        "changed and the words that mix scripts; OUT.card.json and OUT.card.md say what was done.",
    .example = "assay data clean raw.jsonl -o clean.jsonl --markup --min-words 20",
    .flags = flags,
    .least = 1,
    .most = 1,
    .run = run,
};
