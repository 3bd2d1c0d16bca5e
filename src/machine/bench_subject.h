/* What the works of drawn weights measure: a shape, a task, and batches of rows.
 *
 * The rows are real texts of --data in their order, cut by the tokenizer of --model, of which
 * nothing else is read; else drawn ids of drawn lengths. A batch is so many rows one after another;
 * batches are taken in an order that skips about, so that the first few are like all.
 */
#ifndef ASSAY_MACHINE_BENCH_SUBJECT_H
#define ASSAY_MACHINE_BENCH_SUBJECT_H

#include "assay/bench.h"
#include "machine/corpus.h"
#include "machine/drawn_model.h"

enum bench_task { BENCH_EMBED, BENCH_CLASSIFY, BENCH_TRAIN_CLASSES, BENCH_TRAIN_LANGUAGE };

struct bench_subject {
    const char *name;
    struct drawn_shape shape;
    enum bench_task task;
    int64_t rows;       /* a batch */
    int32_t max_tokens; /* a row */
    bool full;          /* every row has max_tokens drawn ids, whatever --data says */
};

/* NULL: no work of drawn weights has that name. */
const struct bench_subject *bench_subject_find(const char *name);

/* What is asked of one: options has its defaults filled in. */
struct bench_request {
    const struct bench_subject *subject;
    const assay_bench_options *options;
    int64_t batches; /* only the first so many, over and over, whole rounds; 0: all, any number */
};

/* Options as a caller of any size of struct gave them, NULL included, with their defaults. */
assay_status bench_options_read(assay_bench_options *all, const assay_bench_options *given,
                                assay_error *error);

struct bench_rows {
    struct corpus corpus; /* ids and offsets; whole batches only */
    int32_t *classes;     /* (rows) 0 or 1, drawn */
    int64_t rows, batch, batches;
    int32_t max_tokens;
    bool real;
};

/* Start from {0}; free after a failure too. */
assay_status bench_rows_open(struct bench_rows *rows, const struct bench_request *request,
                             assay_error *error);
void bench_rows_free(struct bench_rows *rows);
/* The first row of the batch of a step. */
int64_t bench_rows_at(const struct bench_rows *rows, const struct bench_request *request,
                      int64_t step);
/* What the model must have words for, and positions. */
struct drawn_shape bench_shape(const struct bench_request *request, const struct bench_rows *rows);

/* Fills in what the result says of any work on such rows. */
void bench_describe(assay_bench_result *result, const struct bench_request *request,
                    const struct bench_rows *rows);

/* The work itself, whatever its task (bench_train.h, bench_score.h). */
assay_status bench_subject_run(assay_bench_result *result, const struct bench_request *request,
                               assay_error *error);
/* The same in a child. */
assay_status bench_subject_run_apart(assay_bench_result *result,
                                     const struct bench_request *request, assay_error *error);

#endif
