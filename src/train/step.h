/* The gradients of one step, and scores without gradients: rows to chunks to the graph.
 *
 * A stepper owns the threads, the kernels, one graph and the memory of its chunks. The model's
 * parameters must be in training for step_gradients. Rows are taken in the order given, in chunks
 * of at most STEP_CHUNK_TOKENS, so that memory does not grow with the batch. One thread calls.
 */
#ifndef ASSAY_TRAIN_STEP_H
#define ASSAY_TRAIN_STEP_H

#include "train/chunk.h"

/* Enough rows for products to run at full speed; more only costs memory. */
enum { STEP_CHUNK_TOKENS = 2048 };

struct step_settings {
    enum recipe_task task;
    const float *class_weights; /* (labels); NULL: 1 each */
    double label_smoothing;     /* RECIPE_CLASSIFY */
    bool recompute;             /* the insides of layers, instead of keeping them for backward */
    struct mask_rule mask;      /* RECIPE_MLM */
    uint64_t seed;              /* of dropout */
    enum precision precision;
    int threads;
};

struct stepper;

/* The model and the arrays that settings point to must outlive it. */
assay_status stepper_open(struct stepper **out, const assay_model *model,
                          const struct step_settings *settings, assay_error *error);
void stepper_close(struct stepper *stepper); /* NULL allowed */

const struct kernels *stepper_kernels(const struct stepper *stepper);
struct thread_pool *stepper_threads(const struct stepper *stepper);

struct step_outcome {
    double loss; /* divided */
    int64_t tokens;
};

/* Leaves in the parameters' gradients those of the mean loss of these rows; `step` keys dropout and
 * masks. A loss that is not finite is ASSAY_ERROR_NUMERIC, with the rows and the first place in the
 * model that holds such a value. */
assay_status step_gradients(struct stepper *stepper, struct step_outcome *outcome,
                            const struct row_feed *feed, const int64_t *rows, int64_t count,
                            uint64_t step, assay_error *error);

/* After step_gradients gave gradients of which one is not finite: the same error, by where the
 * first such gradient came from. */
assay_status step_blame_gradients(struct stepper *stepper, const struct row_feed *feed,
                                  const int64_t *rows, int64_t count, uint64_t step,
                                  assay_error *error);

/* What a row scored: (rows, labels) logits for RECIPE_CLASSIFY and RECIPE_REGRESS; for language
 * modelling sums over the rows. */
struct language_sums {
    double loss;
    int64_t tokens, correct;
};
/* The chunk given by rows; at most STEP_CHUNK_TOKENS tokens or one row. `logits` (count, labels) or
 * `sums`, whichever the task has. */
assay_status step_score(struct stepper *stepper, float *logits, struct language_sums *sums,
                        const struct row_feed *feed, const int64_t *rows, int64_t count,
                        assay_error *error);

/* Bytes that computing this chunk takes, and its floating-point operations, from the shapes-only
 * device; `alone`: it is its step's only one. */
assay_status step_cost(struct stepper *stepper, struct graph_cost *cost,
                       const struct row_feed *feed, const int64_t *rows, int64_t count,
                       bool training, bool alone, assay_error *error);

#endif
