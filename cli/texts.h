/* Texts out of files and standard input, scored in batches and handed on in order.
 *
 * A row that is refused (broken UTF-8, a missing field, a row too long) is reported on stderr with
 * its file and row, and the rest goes on; the exit code is then 1. Standard input without --format
 * is answered line by line: nothing is read ahead of an answer.
 */
#ifndef CLI_TEXTS_H
#define CLI_TEXTS_H

#include "call.h"

#include "assay/cleaning.h"
#include "assay/rows.h"

/* Flags of verbs that read DATA; to be put into their tables. */
#define TEXT_FLAGS                                                                                 \
    {"field",                                                                                      \
     0,                                                                                            \
     FLAG_TEXT,                                                                                    \
     "text=NAME",                                                                                  \
     "text, id",                                                                                   \
     "the field that holds the text (or pair=, id=, label=); may be given more than once",         \
     0,                                                                                            \
     0},                                                                                           \
    {                                                                                              \
        "format", 0, FLAG_CHOICE, "auto|jsonl|csv|tsv|lines|whole", "auto",                        \
            "what the input is, where its name does not say", 0, 0                                 \
    }

#define SESSION_FLAGS                                                                              \
    {"max-tokens", 0, FLAG_INTEGER, "N", "the model's limit", "texts are cut here", 1, 1048576},   \
    {                                                                                              \
        "batch-tokens", 0, FLAG_INTEGER, "N", "1024", "tokens computed at once", 1, 16777216       \
    }

/* Reader options from the flags; false after saying what is wrong, with the exit code. */
bool text_options(const struct call *call, assay_rows_options *options, int *code);

/* True for a fault of one row alone: the next one may be read. */
bool text_row_fault(assay_status status);

/* values NULL: the row was refused, `refusal` says why, and id is NULL where it could not be read.
 */
struct text_answer {
    const char *id;
    const float *values;
    const assay_text_result *result;
    bool cleaned; /* cleaning changed the text */
    const char *refusal;
};

struct text_work {
    const struct call *call;
    assay_session *session;
    int64_t width; /* floats a text */
    assay_status (*score)(assay_session *session, float *values, assay_text_result *results,
                          const assay_text *texts, int64_t count, assay_error *error);
    /* False stops the work (the output failed). */
    bool (*write)(void *context, const struct text_answer *answer);
    void *context;
    assay_cleaner *cleaner; /* NULL: texts are scored as they stand */
};

/* Paths, none meaning standard input. Returns the exit code; `finished` says whether every row was
 * come to, refused ones included. */
int text_run(const struct text_work *work, const char **paths, int count, bool *finished);

/* The model behind the first argument, and a session on it by the flags. */
int text_open_model(const struct call *call, assay_model **model, assay_session **session);

/* The same in two steps, for a verb that has its own mind where no flag is given. */
int text_open_model_alone(const struct call *call, assay_model **model);
int text_open_session(const struct call *call, assay_model *model,
                      const assay_session_options *without_flags, assay_session **session);

#endif
