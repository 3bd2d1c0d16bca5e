#include "completion.h"

#include "assay/attack.h"
#include "assay/bench.h"
#include "assay/data_make.h"
#include "verbs.h"

#include <string.h>

static void add_word(struct completion *completion, const char *word)
{
    size_t used = strlen(completion->words);
    snprintf(completion->words + used, sizeof completion->words - used, "%s%s", used ? " " : "",
             word);
}

static void add_attacks(struct completion *completion)
{
    add_word(completion, "all");
    for (int i = 0; i < assay_attack_count(); i++)
        add_word(completion, assay_attack_name(i));
}

static void add_works(struct completion *completion)
{
    for (int i = 0; assay_bench_work(i, NULL); i++)
        add_word(completion, assay_bench_work(i, NULL));
}

static void add_cleaning(struct completion *completion)
{
#define X(name, text, on, what) add_word(completion, text);
    ASSAY_CLEAN_STEP_LIST(X)
    ASSAY_CLEAN_RULE_LIST(X)
#undef X
}

static void add_fields(struct completion *completion)
{
    add_word(completion, "text= pair= id= label=");
}

/* What the words of the records stand for. `flag` NULL: behind any flag, and as an argument; "": as
 * an argument alone. */
static const struct {
    const char *flag, *value;
    enum completion_kind kind;
    void (*add)(struct completion *completion);
    const char *ending;
} meanings[] = {
    {"kind", "KIND", COMPLETE_WORDS, add_attacks, NULL},
    {"attack", "all|KIND,...", COMPLETE_LIST, add_attacks, NULL},
    {"only", "A,B", COMPLETE_LIST, add_cleaning, NULL},
    {"field", "text=NAME", COMPLETE_WORDS, add_fields, NULL},
    {NULL, "WORK", COMPLETE_WORDS, add_works, NULL},
    {NULL, "FILE", COMPLETE_FILES, NULL, NULL},
    {NULL, "IN", COMPLETE_FILES, NULL, NULL},
    {NULL, "OUT", COMPLETE_FILES, NULL, NULL},
    {NULL, "DATA", COMPLETE_FILES, NULL, NULL},
    {NULL, "PYTHON", COMPLETE_FILES, NULL, NULL},
    {NULL, "DIR", COMPLETE_FOLDERS, NULL, NULL},
    {NULL, "FOLDER", COMPLETE_FOLDERS, NULL, NULL},
    {NULL, "MODEL", COMPLETE_MODELS, NULL, NULL},
    {"", "NAME", COMPLETE_FILES, NULL, NULL}, /* of pull: folders and archives */
    {NULL, "OTHER", COMPLETE_MODELS_AND_FILES, NULL, NULL},
    {NULL, "RECIPE.yaml", COMPLETE_FILES, NULL, ".yaml"},
    {NULL, "REFERENCE.safetensors", COMPLETE_FILES, NULL, ".safetensors"},
};

/* `flag` "": of an argument. */
static void find_meaning(struct completion *completion, const char *flag, const char *value)
{
    snprintf(completion->name, sizeof completion->name, "%s", value);
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (strcmp(meanings[i].value, value) != 0 ||
            (meanings[i].flag && strcmp(meanings[i].flag, flag) != 0))
            continue;
        completion->kind = meanings[i].kind;
        completion->ending = meanings[i].ending;
        if (meanings[i].add)
            meanings[i].add(completion);
        return;
    }
}

/* "a|b|c" as words */
static void take_choices(struct completion *completion, const char *value)
{
    completion->kind = COMPLETE_WORDS;
    snprintf(completion->words, sizeof completion->words, "%s", value);
    for (char *bar = completion->words; (bar = strchr(bar, '|'));)
        *bar = ' ';
}

void completion_of_flag(struct completion *completion, const struct flag *flag)
{
    *completion = (struct completion){0};
    if (flag->kind == FLAG_SWITCH)
        return;
    find_meaning(completion, flag->name, flag->value);
    if (flag->kind == FLAG_CHOICE)
        take_choices(completion, flag->value);
}

/* The next word of "IN -o OUT [FILE...|-]" that is an argument; flags and their values are not. */
static const char *next_argument(const char *text, char *word, size_t size)
{
    bool is_value = false;
    for (;;) {
        text += strspn(text, " ");
        size_t length = strcspn(text, " ");
        if (!length)
            return NULL;
        snprintf(word, size, "%.*s", (int)length, text);
        text += length;
        bool is_flag = word[0] == '-' || (word[0] == '[' && word[1] == '-');
        if (!is_flag && !is_value && strcmp(word, "...]") != 0)
            return text;
        is_value = is_flag;
    }
}

bool completion_of_argument(struct completion *completion, const struct verb *verb, int index,
                            bool *repeats)
{
    char word[64];
    const char *rest = verb->arguments;
    *completion = (struct completion){0};
    do {
        rest = next_argument(rest, word, sizeof word);
        if (!rest)
            return false;
    } while (index--);
    *repeats = strstr(word, "...") || !strncmp(rest, " ...", 4);
    /* What stands around the name: "[DATA|-]", "[FILE...|-]". */
    char *name = word + (word[0] == '[');
    if (!strchr(name, '|') || strstr(name, "|-")) {
        name[strcspn(name, "|]")] = '\0';
        char *dots = strstr(name, "...");
        if (dots)
            *dots = '\0';
        find_meaning(completion, "", name);
        if (!strcmp(name, "key=value")) /* base=MODEL, data=FILE, out=DIR */
            completion->kind = COMPLETE_FILES;
    } else {
        snprintf(completion->name, sizeof completion->name, "%s", name);
        take_choices(completion, name);
    }
    return true;
}

bool flag_takes_value(const struct flag *flag)
{
    return flag->kind != FLAG_SWITCH;
}

bool verb_continues_group(int index)
{
    const struct verb *verb = verb_at(index);
    size_t length = verb ? strcspn(verb->name, " ") : 0;
    return index > 0 && length && verb->name[length] &&
           !strncmp(verb_at(index - 1)->name, verb->name, length + 1);
}

bool verb_begins_group(int index)
{
    return strchr(verb_at(index)->name, ' ') && !verb_continues_group(index);
}

static int run(struct call *call)
{
    const char *shell = call->arguments[0];
    if (!strcmp(shell, "bash"))
        completion_print_bash();
    else if (!strcmp(shell, "zsh"))
        completion_print_zsh();
    else
        return call_wrong(call, "there is completion for bash and zsh, not for \"%s\"", shell);
    return CALL_DONE;
}

const struct verb verb_completion = {
    .name = "completion",
    .arguments = "bash|zsh",
    .purpose = "a script by which a shell completes verbs, flags, models and files",
    .details = "make install and the Debian package put it where shells look for it. Else: for "
               "bash, source <(assay completion bash) in ~/.bashrc; for zsh, the output as a file "
               "named _assay in a folder of $fpath.",
    .example = "assay completion bash > ~/.local/share/bash-completion/completions/assay",
    .flags = NULL,
    .least = 1,
    .most = 1,
    .run = run,
};
