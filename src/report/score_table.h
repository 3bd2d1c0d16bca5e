/* What an evaluation keeps of its rows: one score row each, and no text.
 *
 * Columns have room for the same number of rows; the flags say which of them a source has filled.
 */
#ifndef ASSAY_REPORT_SCORE_TABLE_H
#define ASSAY_REPORT_SCORE_TABLE_H

#include "assay/status.h"
#include "base/buffer.h"

#include <stdbool.h>

/* Names with numbers in order of first appearance. Start from {0}. */
struct name_table {
    char **names;
    int32_t count, capacity;
    int32_t *slots; /* hash table of numbers + 1 */
    int32_t slot_count;
};
/* The number of a name, which is added when it is new; -1 when memory runs out. */
int32_t name_table_add(struct name_table *table, const char *name);
int32_t name_table_find(const struct name_table *table, const char *name); /* -1: none */
void name_table_free(struct name_table *table);
/* "a, b, c and 4 more" into `text`. */
const char *name_table_list(const struct name_table *table, char *text, size_t size);

/* X(type, name): columns of one value a row.
 *   score        ranks the rows by how much they look like the positive class
 *   confidence   log-odds of the predicted class, NaN where not known
 *   probability  of the positive class; NaN where a source has none
 *   sure         probability of the most probable class, and whether that is the label's: `right`
 *   brier        sum over classes of (probability - [label])^2, halved for two classes
 *   log_odds     of the positive class as operating points compare it, in float32
 *   tokens       of the text as it was scored, 0: not known
 *   text         a hash of the text
 *   predicted    -1: none; cluster: what is drawn together when rows are resampled */
#define SCORE_TABLE_COLUMNS(X)                                                                     \
    X(double, score)                                                                               \
    X(double, confidence)                                                                          \
    X(double, probability)                                                                         \
    X(double, sure)                                                                                \
    X(double, brier)                                                                               \
    X(float, log_odds)                                                                             \
    X(int32_t, tokens)                                                                             \
    X(uint64_t, text)                                                                              \
    X(uint8_t, right)                                                                              \
    X(int32_t, label)                                                                              \
    X(int32_t, predicted)                                                                          \
    X(int32_t, cluster)                                                                            \
    X(int32_t, words)

struct score_table {
    int32_t classes, positive; /* positive -1: none */
    int32_t clusters;
    bool has_score, has_predictions, has_probabilities;
    int64_t rows, capacity;
    float *logits; /* (rows, classes) of more than two classes without a positive one; else NULL */
    bool keeps_logits;
#define X(type, name) type *name;
    SCORE_TABLE_COLUMNS(X)
#undef X
};

/* Room for one more row; `rows` is not changed. */
assay_status score_table_grow(struct score_table *table, assay_error *error);
void score_table_free(struct score_table *table);
/* The chosen rows as a table of their own; clusters get new numbers. */
assay_status score_table_gather(struct score_table *out, const struct score_table *table,
                                const int32_t *rows, int64_t count, assay_error *error);

/* Of one row: the log-odds of a class, and the most probable class. */
double score_log_odds(const float *logits, int32_t classes, int32_t class);
int32_t score_most_probable(const float *logits, int32_t classes);
/* Softmax of logits over a temperature; room for (classes). */
void score_probabilities(double *out, const float *logits, int32_t classes, double temperature);

#endif
