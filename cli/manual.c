#include "manual.h"

#include "assay/version.h"
#include "verbs.h"

#include <ctype.h>
#include <string.h>

/* `text` so that roff prints it as it stands: the characters of a keyboard and not those of
 * typography, so that what is copied out of a page runs; no line that looks like a request. */
static void put(const char *text)
{
    static const struct {
        char plain;
        const char *escape;
    } escapes[] = {{'\\', "\\e"},  {'-', "\\-"},    {'~', "\\(ti"},
                   {'^', "\\(ha"}, {'\'', "\\(aq"}, {'`', "\\(ga"}};
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && *text == '.')
            fputs("\\&", stdout);
        line_start = *text == '\n';
        const char *escape = NULL;
        for (size_t i = 0; i < sizeof escapes / sizeof *escapes && !escape; i++)
            escape = escapes[i].plain == *text ? escapes[i].escape : NULL;
        if (escape)
            fputs(escape, stdout);
        else
            putchar(*text);
    }
}

/* The same, an empty line being a new paragraph. */
static void put_paragraphs(const char *text)
{
    char line[2048];
    while (*text) {
        size_t length = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, text);
        put(line);
        putchar('\n');
        text += length;
        size_t breaks = strspn(text, "\n");
        if (breaks > 1 && text[breaks])
            puts(".PP");
        text += breaks;
    }
}

static void put_section(const char *name)
{
    printf(".SH %s\n", name);
}

/* "data clean" is the page assay-data-clean. */
static void put_page_name(const struct verb *verb, bool capitals)
{
    fputs(capitals ? "ASSAY\\-" : "assay\\-", stdout);
    for (const char *c = verb->name; *c; c++) {
        if (*c == ' ' || *c == '-')
            fputs("\\-", stdout);
        else
            putchar(capitals ? toupper((unsigned char)*c) : *c);
    }
}

static void put_flags(const struct flag *flags)
{
    for (; flags && flags->name; flags++) {
        puts(".TP");
        if (flags->letter)
            printf("\\fB\\-%c\\fR, ", flags->letter);
        fputs("\\fB\\-\\-", stdout);
        put(flags->name);
        fputs("\\fR", stdout);
        if (flags->kind != FLAG_SWITCH) {
            fputs(" \\fI", stdout);
            put(flags->value);
            fputs("\\fR", stdout);
        }
        putchar('\n');
        put(flags->help);
        fputs(". Without it: ", stdout);
        put(flags->fallback);
        puts(".");
    }
}

static void put_exit_status(void)
{
    put_section("EXIT STATUS");
    puts("0: done. 1: the job failed, or some rows of it. 2: the call was wrong.");
}

void manual_print(const struct verb *verb)
{
    fputs(".TH ", stdout);
    put_page_name(verb, true);
    printf(" 1 \"\" \"assay %s\" \"User Commands\"\n", assay_version());
    put_section("NAME");
    put_page_name(verb, false);
    fputs(" \\- ", stdout);
    put(verb->purpose);
    putchar('\n');
    put_section("SYNOPSIS");
    printf("\\fBassay %s\\fR ", verb->name);
    put(verb->arguments);
    puts(" [FLAG...]");
    put_section("DESCRIPTION");
    put_paragraphs(*verb->details ? verb->details : verb->purpose);
    if (verb->run) {
        put_section("OPTIONS");
        put_flags(verb->flags);
        puts(".SS Of every verb");
        put_flags(common_flags);
        put_exit_status();
        put_section("EXAMPLES");
        puts(".EX");
        put(verb->example);
        puts("\n.EE");
    }
    put_section("SEE ALSO");
    puts(".BR assay (1)");
}

static void put_verbs(bool there)
{
    for (int i = 0; verb_at(i); i++) {
        const struct verb *verb = verb_at(i);
        if (!verb->run == there)
            continue;
        printf(".TP\n\\fBassay %s\\fR ", verb->name);
        put(verb->arguments);
        putchar('\n');
        put(verb->purpose);
        puts(".");
        if (!there)
            continue;
        fputs("See ", stdout);
        put_page_name(verb, false);
        puts("(1).");
    }
}

static const struct {
    const char *name, *what;
} surroundings[] = {
    {"ASSAY_HOME", "where pulled models and caches lie, instead of ~/.cache/assay"},
    {"ASSAY_KERNELS", "the kernel sets that may be used, between commas; assay doctor names them"},
    {"HF_ENDPOINT", "of assay pull: the Hub, instead of https://huggingface.co"},
    {"HF_TOKEN", "of assay pull: sent to the Hub and to nobody else"},
};

void manual_print_road(void)
{
    printf(".TH ASSAY 1 \"\" \"assay %s\" \"User Commands\"\n", assay_version());
    put_section("NAME");
    puts("assay \\- fine\\-tunes, judges and serves detectors of human and machine text");
    put_section("SYNOPSIS");
    puts("\\fBassay\\fR \\fIVERB\\fR [ARGUMENT...] [FLAG...]\n.br\n"
         "\\fBassay\\fR \\fIVERB\\fR \\fB\\-\\-help\\fR\n.br\n"
         "\\fBassay\\fR \\fB\\-\\-version\\fR");
    put_section("DESCRIPTION");
    put_paragraphs(
        "A detector goes along a road, and each step of it is a verb: pull a model, prepare data, "
        "train, eval, detect. Everything that a verb makes is a file that other tools of the field "
        "open: models are folders in the Hugging Face layout, data is JSON lines or CSV.\n\n"
        "The result goes to standard output, messages and progress to standard error.\n\n"
        "MODEL is a folder, or the short name of a pulled model. DATA is a .jsonl, .csv or .tsv "
        "file, a folder with one subfolder of texts a class, or - for standard input.");
    put_section("VERBS");
    put_verbs(true);
    put_section("NOT YET IN THIS VERSION");
    put_verbs(false);
    put_section("OPTIONS OF EVERY VERB");
    put_flags(common_flags);
    put_exit_status();
    put_section("ENVIRONMENT");
    for (size_t i = 0; i < sizeof surroundings / sizeof *surroundings; i++) {
        printf(".TP\n\\fB%s\\fR\n", surroundings[i].name);
        put(surroundings[i].what);
        puts(".");
    }
    put_section("FILES");
    puts(".TP\n\\fI\\(ti/.cache/assay/models\\fR\nPulled models, by their short names.");
    put_section("EXAMPLES");
    puts(".EX");
    put("assay train recipe.yaml --dry-run\n"
        "assay train recipe.yaml\n"
        "assay eval runs/first test.jsonl -o report\n"
        "assay detect runs/first essay.txt");
    puts("\n.EE");
}
