#include "assay/machine.h"
#include "help.h"
#include "output.h"
#include "verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct verb *const verbs[] = {
    &verb_pull,   &verb_show,   &verb_tokenize, &verb_train, &verb_eval, &verb_embed,
    &verb_detect, &verb_parity, &verb_doctor,   &verb_bench, NULL,
};

static const struct verb *find_verb(const char *name)
{
    for (int i = 0; verbs[i]; i++) {
        if (!strcmp(verbs[i]->name, name))
            return verbs[i];
    }
    for (const struct verb *verb = verbs_to_come; verb->name; verb++) {
        if (!strcmp(verb->name, name))
            return verb;
    }
    return NULL;
}

static void print_road(void)
{
    printf("assay %s: fine-tunes, judges and serves detectors of human and machine text\n\n"
           "  pull -> data -> train -> eval -> detect / chat / ask -> serve -> label, watch ->"
           " retrain -> promote\n\n",
           assay_version());
    for (int i = 0; verbs[i]; i++)
        printf("  %-10s %s\n", verbs[i]->name, verbs[i]->purpose);
    printf("\nNot yet in this version\n");
    for (const struct verb *verb = verbs_to_come; verb->name; verb++)
        printf("  %-10s %s\n", verb->name, verb->purpose);
    printf("\nassay VERB --help says more of each; assay doctor what this machine can do.\n"
           "stdout is the result, stderr messages; exit 0 done, 1 failed, 2 wrongly called.\n");
}

static int unknown_verb(const char *name)
{
    struct nearest nearest = {name, NULL, 0};
    for (int i = 0; verbs[i]; i++)
        nearest_try(&nearest, verbs[i]->name);
    for (const struct verb *verb = verbs_to_come; verb->name; verb++)
        nearest_try(&nearest, verb->name);
    const char *meant = nearest_result(&nearest);
    fprintf(stderr, "assay: there is no verb \"%.64s\"", name);
    if (meant)
        fprintf(stderr, "; did you mean %s?", meant);
    fprintf(stderr, "\nassay alone lists them\n");
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

static int print_and_finish(void (*print)(void))
{
    print();
    return output_finish() ? CALL_DONE : CALL_FAILED;
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

int main(int count, char **words)
{
    const char *word = count > 1 ? words[1] : "--help";
    if (!strcmp(word, "--help") || !strcmp(word, "-h"))
        return print_and_finish(print_road);
    if (!strcmp(word, "--version"))
        return print_and_finish(print_version);
    if (!strcmp(word, "--verbs"))
        return print_and_finish(print_verbs);
    if (!strcmp(word, "help") && count > 2) {
        static char help_flag[] = "--help";
        char *help_words[] = {help_flag};
        const struct verb *verb = find_verb(words[2]);
        return verb ? run_verb(verb, 1, help_words) : unknown_verb(words[2]);
    }
    if (!strcmp(word, "help"))
        return print_and_finish(print_road);
    const struct verb *verb = find_verb(word);
    return verb ? run_verb(verb, count - 2, words + 2) : unknown_verb(word);
}
