/* The completion function for zsh: specifications for _arguments, from the verbs' records. */
#include "completion.h"
#include "verbs.h"

#include <string.h>

/* Inside a specification in single quotes: brackets, colons and quotes are zsh's own. */
static void put(const char *text, const char *special)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (*text == '\n')
            putchar(' ');
        else {
            if (strchr(special, *text))
                putchar('\\');
            putchar(*text);
        }
    }
}

static void print_action(const struct completion *completion)
{
    putchar(':');
    put(completion->name, ":\\");
    putchar(':');
    switch (completion->kind) {
    case COMPLETE_NOTHING:
        putchar(' '); /* a message: what is wanted */
        break;
    case COMPLETE_WORDS:
        printf("(%s)", completion->words);
        break;
    case COMPLETE_LIST:
        printf("_values -s , word %s", completion->words);
        break;
    case COMPLETE_FILES:
        if (completion->ending)
            printf("_files -g \"*%s\"", completion->ending);
        else
            fputs("_files", stdout);
        break;
    case COMPLETE_FOLDERS:
        fputs("_files -/", stdout);
        break;
    case COMPLETE_MODELS:
        fputs("_assay_models", stdout);
        break;
    case COMPLETE_MODELS_AND_FILES:
        fputs("_assay_models_and_files", stdout);
        break;
    }
}

static void print_flags(const struct flag *flags)
{
    struct completion completion;
    for (; flags && flags->name; flags++) {
        bool valued = flag_takes_value(flags);
        fputs(" \\\n            '*'", stdout);
        if (flags->letter)
            printf("{-%c%s,--%s%s}", flags->letter, valued ? "+" : "", flags->name,
                   valued ? "=" : "");
        else
            printf("--%s%s", flags->name, valued ? "=" : "");
        fputs("'[", stdout);
        put(flags->help, "[]\\");
        putchar(']');
        if (valued) {
            completion_of_flag(&completion, flags);
            print_action(&completion);
        }
        putchar('\'');
    }
}

static void print_verb(const struct verb *verb)
{
    struct completion completion;
    bool repeats = false;
    printf("    '%s')\n        _arguments -s -S", verb->name);
    print_flags(verb->flags);
    print_flags(common_flags);
    for (int i = 0; !repeats && completion_of_argument(&completion, verb, i, &repeats); i++) {
        fputs(" \\\n            '", stdout);
        if (repeats)
            putchar('*');
        else
            printf("%d", i + 1);
        print_action(&completion);
        putchar('\'');
    }
    fputs("\n        ;;\n", stdout);
}

static void print_description(const char *name, size_t length, const char *purpose)
{
    printf("        '%.*s:", (int)length, name);
    put(purpose, ":\\");
    fputs("'\n", stdout);
}

static void print_verbs(void)
{
    fputs("    verbs=(\n", stdout);
    for (int i = 0; verb_at(i) && verb_at(i)->run; i++) {
        const struct verb *verb = verb_at(i);
        if (!strchr(verb->name, ' '))
            print_description(verb->name, strlen(verb->name), verb->purpose);
        else if (verb_begins_group(i))
            print_description(verb->name, strcspn(verb->name, " "), "what is done to data");
    }
    fputs("    )\n", stdout);
}

/* Verbs of two words: what stands behind the first, and then the verb of both. */
static void print_groups(void)
{
    for (int i = 0; verb_at(i) && verb_at(i)->run; i++) {
        if (!verb_begins_group(i))
            continue;
        int length = (int)strcspn(verb_at(i)->name, " ");
        printf("    %.*s)\n        verbs=(\n", length, verb_at(i)->name);
        for (int k = i; verb_at(k) && (k == i || verb_continues_group(k)); k++)
            print_description(verb_at(k)->name + length + 1, strlen(verb_at(k)->name + length + 1),
                              verb_at(k)->purpose);
        fputs("        )\n"
              "        if ((CURRENT == 3)); then\n"
              "            _describe -t verbs verb verbs\n"
              "            return\n"
              "        fi\n"
              "        verb=\"$words[2] $words[3]\"\n"
              "        ((CURRENT -= 2))\n"
              "        shift 2 words\n"
              "        ;;\n",
              stdout);
    }
}

void completion_print_zsh(void)
{
    fputs("#compdef assay\n"
          "# Completion of assay for zsh, as `assay completion zsh` prints it.\n\n"
          "_assay_models()\n"
          "{\n"
          "    local -a models\n"
          "    models=(${ASSAY_HOME:-$HOME/.cache/assay}/models/*(N/:t))\n"
          "    _alternative 'models:pulled model:compadd -a models' 'folders:folder:_files -/'\n"
          "}\n\n"
          "_assay_models_and_files()\n"
          "{\n"
          "    _assay_models\n"
          "    _files\n"
          "}\n\n"
          "_assay()\n"
          "{\n"
          "    local verb\n"
          "    local -a verbs\n",
          stdout);
    print_verbs();
    fputs("    if ((CURRENT == 2)); then\n"
          "        _describe -t verbs verb verbs\n"
          "        return\n"
          "    fi\n"
          "    case $words[2] in\n",
          stdout);
    print_groups();
    fputs("    *)\n"
          "        verb=$words[2]\n"
          "        ((CURRENT -= 1))\n"
          "        shift words\n"
          "        ;;\n"
          "    esac\n"
          "    case $verb in\n",
          stdout);
    for (int i = 0; verb_at(i) && verb_at(i)->run; i++)
        print_verb(verb_at(i));
    fputs("    esac\n"
          "}\n\n"
          "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
          "    _assay \"$@\"\n"
          "else\n"
          "    compdef _assay assay\n"
          "fi\n",
          stdout);
}
