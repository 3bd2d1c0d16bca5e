/* The baseline that a detector has to beat: logistic regression on hashed character n-grams.
 *
 * N-grams of 2 to 4 characters, ASCII letters in lower case, white space as one space, hashed to
 * 2^20 places; 1 + ln(count) times the inverse document frequency, rows of length 1, as
 * scikit-learn's TfidfVectorizer(sublinear_tf=True) has them but for the hashing; L2 penalty,
 * solved in the dual one row at a time (Yu, Huang and Lin, 2011). One thread, no clock: the same
 * rows give the same bits. Memory is bounded: when the rows are too many, a part drawn by their
 * number stays.
 */
#ifndef ASSAY_REPORT_LINEAR_MODEL_H
#define ASSAY_REPORT_LINEAR_MODEL_H

#include "assay/status.h"

#include <stdbool.h>

enum { LINEAR_ROW_CHARACTERS = 20000 };

struct linear_rows; /* rows that a model is trained on */
struct linear_model;

assay_status linear_rows_open(struct linear_rows **out, int features, assay_error *error);
void linear_rows_close(struct linear_rows *rows); /* NULL allowed */
/* values: so many numbers that are kept with the row (trivial features). */
assay_status linear_rows_add(struct linear_rows *rows, const char *text, size_t length,
                             bool positive, const double *values, assay_error *error);
/* All rows that were added, and those that stayed. */
int64_t linear_rows_seen(const struct linear_rows *rows);
int64_t linear_rows_count(const struct linear_rows *rows);
bool linear_rows_positive(const struct linear_rows *rows, int64_t row);
double linear_rows_value(const struct linear_rows *rows, int64_t row, int feature);

/* Needs rows of both classes. */
assay_status linear_model_train(struct linear_model **out, const struct linear_rows *rows,
                                assay_error *error);
void linear_model_close(struct linear_model *model); /* NULL allowed */
/* The log-odds of the positive class. */
assay_status linear_model_score(struct linear_model *model, double *score, const char *text,
                                size_t length, assay_error *error);

#endif
