#include "assay/version.h"
#include "help.h"
#include "manual.h"
#include "output.h"
#include "verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct verb *const verbs[] = {
    &verb_pull,
    &verb_show,
    &verb_data_show,
    &verb_data_clean,
    &verb_data_dedup,
    &verb_data_split,
    &verb_data_balance,
    &verb_attack,
    &verb_tokenize,
    &verb_train,
    &verb_eval,
    &verb_embed,
    &verb_calibrate,
    &verb_detect,
    &verb_parity,
    &verb_doctor,
    &verb_bench,
    &verb_completion,
    NULL,
};

/* First words of verbs of two. */
static const char *const groups[] = {"data", NULL};

const struct verb *verb_at(int index)
{
    int built = (int)(sizeof verbs / sizeof *verbs) - 1;
    if (index < built)
        return verbs[index];
    const struct verb *verb = &verbs_to_come[index - built];
    return verb->name ? verb : NULL;
}

/* Whether `name` is the first word of the verb's two. */
static bool is_of_group(const struct verb *verb, const char *name)
{
    size_t length = strlen(name);
    return !strncmp(verb->name, name, length) && verb->name[length] == ' ';
}

static bool is_group(const char *name)
{
    for (int i = 0; groups[i]; i++) {
        if (!strcmp(groups[i], name))
            return true;
    }
    return false;
}

/* The verb that the words begin with, and how many of them name it. */
static const struct verb *find_verb(int count, char **words, int *used)
{
    for (int i = 0; verb_at(i); i++) {
        const struct verb *verb = verb_at(i);
        *used = 1;
        if (!strcmp(verb->name, words[0]))
            return verb;
        *used = 2;
        if (count > 1 && is_of_group(verb, words[0]) &&
            !strcmp(verb->name + strlen(words[0]) + 1, words[1]))
            return verb;
    }
    return NULL;
}

/* A line a verb; group NULL: of all. */
static void print_verb_lines(const char *group)
{
    int lines = 0;
    bool to_come = false;
    for (int i = 0; verb_at(i); i++) {
        const struct verb *verb = verb_at(i);
        if (group && !is_of_group(verb, group))
            continue;
        if (!verb->run && !to_come)
            printf("%sNot yet in this version\n", lines ? "\n" : "");
        to_come = to_come || !verb->run;
        printf("  %-12s  %s\n", verb->name, verb->purpose);
        lines++;
    }
}

static void print_road(void)
{
    printf("assay %s: fine-tunes, judges and serves detectors of human and machine text\n\n"
           "  pull -> data -> train -> eval -> detect / chat / ask -> serve -> label, watch ->"
           " retrain -> promote\n\n",
           assay_version());
    print_verb_lines(NULL);
    printf("\nassay VERB --help says more of each; assay doctor what this machine can do.\n"
           "stdout is the result, stderr messages; exit 0 done, 1 failed, 2 wrongly called.\n");
}

/* A first word alone: the verbs that it begins. */
static void print_group(const char *name)
{
    printf("assay %s VERB ...\n\n", name);
    print_verb_lines(name);
    printf("\nassay %s VERB --help says more of each.\n", name);
}

static int unknown_verb(const char *name)
{
    struct nearest nearest = {name, NULL, 0};
    for (int i = 0; verb_at(i); i++)
        nearest_try(&nearest, verb_at(i)->name);
    for (int i = 0; groups[i]; i++)
        nearest_try(&nearest, groups[i]);
    const char *meant = nearest_result(&nearest);
    fprintf(stderr, "assay: there is no verb \"%.64s\"", name);
    if (meant)
        fprintf(stderr, "; did you mean %s?", meant);
    fprintf(stderr, "\nassay alone lists them\n");
    return CALL_WRONG;
}

/* The second word is none of the group's: only these are tried for the nearest. */
static int unknown_in_group(const char *group, const char *name)
{
    struct nearest nearest = {name, NULL, 0};
    for (int i = 0; verb_at(i); i++) {
        if (is_of_group(verb_at(i), group))
            nearest_try(&nearest, verb_at(i)->name + strlen(group) + 1);
    }
    const char *meant = nearest_result(&nearest);
    fprintf(stderr, "assay: there is no verb \"%s %.64s\"", group, name);
    if (meant)
        fprintf(stderr, "; did you mean %s %s?", group, meant);
    fprintf(stderr, "\nassay %s alone lists them\n", group);
    return CALL_WRONG;
}

static int run_verb(const struct verb *verb, int count, char **words)
{
    struct call call;
    int code = call_parse(&call, verb, count, words);
    if (code == CALL_DONE && call_has(&call, "help")) {
        if (call_has(&call, "markdown"))
            help_print_markdown(verb);
        else
            help_print(verb);
    } else if (code == CALL_DONE && !verb->run) {
        code = call_failed_saying(&call, "not yet in this version (%s)", verb->purpose);
    } else if (code == CALL_DONE) {
        code = verb->run(&call);
    }
    if (!output_finish() && code == CALL_DONE)
        code = errno == EPIPE ? CALL_FAILED
                              : call_failed_saying(&call, "the result could not be written: %s",
                                                   errno ? strerror(errno) : "write error");
    call_free(&call);
    return code;
}

static int finish(void)
{
    return output_finish() ? CALL_DONE : CALL_FAILED;
}

static int print_and_finish(void (*print)(void))
{
    print();
    return finish();
}

static void print_version(void)
{
    printf("assay %s\n", assay_version());
}

static void print_verbs(void)
{
    for (int i = 0; verbs[i]; i++)
        printf("%s\n", verbs[i]->name);
}

/* --man alone: the page of all verbs; --man VERB: that verb's. */
static int print_manual(int count, char **words)
{
    int used;
    const struct verb *verb = count ? find_verb(count, words, &used) : NULL;
    if (count && !verb)
        return unknown_verb(words[0]);
    if (verb)
        manual_print(verb);
    else
        manual_print_road();
    return finish();
}

static bool is_help(const char *word)
{
    return !strcmp(word, "--help") || !strcmp(word, "-h");
}

/* No verb: a group alone, or a mistake. */
static int without_verb(int count, char **words)
{
    if (!is_group(words[0]))
        return unknown_verb(words[0]);
    if (count > 1 && !is_help(words[1]))
        return unknown_in_group(words[0], words[1]);
    print_group(words[0]);
    return finish();
}

int main(int count, char **words)
{
    static char help_flag[] = "--help";
    char *help_words[] = {help_flag};
    const char *word = count > 1 ? words[1] : help_flag;
    int used;
    if (is_help(word) || (!strcmp(word, "help") && count == 2))
        return print_and_finish(print_road);
    if (!strcmp(word, "--version"))
        return print_and_finish(print_version);
    if (!strcmp(word, "--verbs"))
        return print_and_finish(print_verbs);
    if (!strcmp(word, "--man"))
        return print_manual(count - 2, words + 2);
    bool helping = !strcmp(word, "help");
    int first = helping ? 2 : 1;
    const struct verb *verb = find_verb(count - first, words + first, &used);
    if (!verb)
        return without_verb(count - first, words + first);
    if (helping)
        return run_verb(verb, 1, help_words);
    return run_verb(verb, count - first - used, words + first + used);
}
