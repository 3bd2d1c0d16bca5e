/* A folder for tests of training: a base with a tokenizer, rows of two classes, and runs on them.
 *
 * ASSAY_HOME points into the folder. Rows and words are drawn from a fixed seed.
 */
#ifndef ASSAY_TESTS_TRAINING_FIXTURE_H
#define ASSAY_TESTS_TRAINING_FIXTURE_H

#include "assay/train.h"

/* Makes the folder, with `model` of tests/vectors/models as its base; 0 on success. */
int training_fixture_open(const char *model);
void training_fixture_close(void);

/* "FOLDER/name" in a static buffer of its own. */
const char *training_path(const char *name);
/* Writes a text to FOLDER/name; 0 on success. */
int training_write(const char *name, const char *text);
/* The whole file, zero-ended, for free; NULL on failure. */
char *training_read(const char *path, size_t *length);
/* A file, or a folder with all that is in it; links are not followed. */
void training_remove(const char *path);

/* Trains the base on the rows into the folder `out`; data.valid is valid.jsonl unless a word says
 * otherwise. `words` ends with NULL, and may be NULL like
 * all that follows. */
assay_status training_go(const char *out, const char *const *words,
                         const assay_training_options *options, assay_training_result *result,
                         assay_error *error);

/* Whether two runs left the same weights, configuration and log, times aside; else says on stderr
 * what differs. */
bool training_same_runs(const char *one, const char *other);

#endif
