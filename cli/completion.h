/* What may stand behind a flag or as an argument, for shells that complete words: read from the
 * verbs' records, which name it ("FILE", "MODEL", "under|over|weights"). */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include "call.h"

enum completion_kind {
    COMPLETE_NOTHING, /* a number, a label: the shell cannot know */
    COMPLETE_WORDS,
    COMPLETE_LIST, /* words between commas */
    COMPLETE_FILES,
    COMPLETE_FOLDERS,
    COMPLETE_MODELS, /* short names of pulled models, and folders */
    COMPLETE_MODELS_AND_FILES
};

struct completion {
    enum completion_kind kind;
    char words[2048];   /* of the kinds that have some: with a space between them */
    char name[64];      /* as the record has it, for shells that show it */
    const char *ending; /* of files, with the point; NULL: any */
};

void completion_of_flag(struct completion *completion, const struct flag *flag);

/* The verb's argument at `index` from 0. False behind the last; `repeats`: any number of it. */
bool completion_of_argument(struct completion *completion, const struct verb *verb, int index,
                            bool *repeats);

bool flag_takes_value(const struct flag *flag);

/* Whether verb_at(index) is the first of those whose first word it has ("data show"), and whether
 * it is a further one. */
bool verb_begins_group(int index);
bool verb_continues_group(int index);

void completion_print_bash(void);
void completion_print_zsh(void);

#endif
