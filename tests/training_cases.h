/* Trainings in a folder of the test's own: bases put together from tests/vectors, runs by words,
 * what they leave. ASSAY_HOME points into the folder, so that nothing of the user is touched.
 * Failures are failures of the running test. */
#ifndef ASSAY_TESTS_TRAINING_CASES_H
#define ASSAY_TESTS_TRAINING_CASES_H

#include "assay/train.h"
#include "base/json.h"
#include "models/safetensors.h"

enum { TRAINING_MAX_WORDS = 48, TRAINING_MAX_LOG = 512, TRAINING_MAX_PATH = 1200 };

/* cmocka's group setup and teardown. */
int training_setup(void **state);
int training_teardown(void **state);

/* "ROOT/name" in one of a few static buffers. */
const char *training_path(const char *name);

/* The words of one run; strings are copied. */
struct training_words {
    char text[TRAINING_MAX_WORDS][512];
    const char *list[TRAINING_MAX_WORDS];
    size_t count;
};
void words_add(struct training_words *words, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* base=, data= and out= (ROOT/out, which must not be there yet): a folder made of a checkpoint of
 * tests/vectors and a tokenizer of tests/vectors/training. */
void words_begin(struct training_words *words, const char *base, const char *tokenizer,
                 const char *out);
/* valid= */
void words_add_valid(struct training_words *words);

/* Opens, runs and closes; both must succeed. options may be NULL. */
void training_go(const struct training_words *words, const assay_training_options *options,
                 assay_training_result *result);
/* The status of opening, or of running when that was done; what went wrong in `error`. */
assay_status training_try(const struct training_words *words, const assay_training_options *options,
                          assay_training_result *result, assay_error *error);

/* log.jsonl of a run: entries of steps, and of evaluations. */
struct training_record {
    struct json *steps[TRAINING_MAX_LOG], *figures[TRAINING_MAX_LOG];
    size_t step_count, figure_count;
};
void record_read(struct training_record *record, const char *out);
void record_free(struct training_record *record);

double number_of(const struct json *object, const char *key); /* must be a number */

/* The weights of two folders: every tensor of one in the other with the same bytes. */
void assert_same_weights(const char *one, const char *other);
struct json *read_json(const char *path);

#endif
