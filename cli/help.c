#include "help.h"

#include <string.h>

enum { HELP_WIDTH = 92, HELP_COLUMN = 30 };

/* Words of `text` from column `column` on, broken before HELP_WIDTH. */
static void print_wrapped(const char *text, int indent, int column)
{
    bool first = true;
    while (*text) {
        size_t length = strcspn(text, " \n");
        if (!first && column + 1 + (int)length > HELP_WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (!first) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)length, text);
        column += (int)length;
        text += length;
        first = false;
        while (*text == ' ')
            text++;
        if (*text == '\n') {
            for (; *text == '\n'; text++)
                putchar('\n');
            printf("%*s", indent, "");
            column = indent;
            first = true;
        }
    }
    putchar('\n');
}

static int flag_words(char *words, size_t size, const struct flag *flag)
{
    char letter[8] = "";
    if (flag->letter)
        snprintf(letter, sizeof letter, "-%c, ", flag->letter);
    bool valued = flag->kind != FLAG_SWITCH;
    return snprintf(words, size, "%s--%s%s%s", letter, flag->name, valued ? " " : "",
                    valued ? flag->value : "");
}

static void print_flags(const struct flag *flags)
{
    for (; flags && flags->name; flags++) {
        char words[128], text[512];
        int column = flag_words(words, sizeof words, flags) + 2;
        printf("  %s", words);
        if (column + 1 >= HELP_COLUMN) {
            putchar('\n');
            column = 0;
        }
        printf("%*s", HELP_COLUMN - column, "");
        snprintf(text, sizeof text, "%s (%s)", flags->help, flags->fallback);
        print_wrapped(text, HELP_COLUMN, HELP_COLUMN);
    }
}

void help_print(const struct verb *verb)
{
    printf("assay %s %s\n\n", verb->name, verb->arguments);
    print_wrapped(verb->purpose, 0, 0);
    if (!verb->run)
        printf("\nNot yet: this verb is on the road, and not in this version.\n");
    if (*verb->details) {
        putchar('\n');
        print_wrapped(verb->details, 0, 0);
    }
    if (!verb->run)
        return;
    printf("\nExample\n  %s\n\nFlags (and what holds without them)\n", verb->example);
    print_flags(verb->flags);
    print_flags(common_flags);
}

static void markdown_flags(const struct flag *flags)
{
    for (; flags && flags->name; flags++) {
        char words[128];
        flag_words(words, sizeof words, flags);
        printf("- `%s`: %s. Without it: %s.\n", words, flags->help, flags->fallback);
    }
}

void help_print_markdown(const struct verb *verb)
{
    printf("# assay %s\n\n", verb->name);
    printf("<!-- Made by `make docs` from `assay %s --help`; edit cli/, not this page. -->\n\n",
           verb->name);
    printf("```\nassay %s %s\n```\n\n%s\n", verb->name, verb->arguments, verb->purpose);
    if (*verb->details)
        printf("\n%s\n", verb->details);
    if (!verb->run) {
        printf("\n**Not yet**: this verb is on the road, and not in this version.\n");
        return;
    }
    printf("\n## Example\n\n```sh\n%s\n```\n\n## Flags\n\n", verb->example);
    markdown_flags(verb->flags);
    printf("\nOf every verb:\n\n");
    markdown_flags(common_flags);
    printf("\nExit codes: 0 done, 1 the job failed, 2 the call was wrong.\n");
}
