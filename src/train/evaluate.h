/* A model's figures on rows that it does not train on. Rows are scored a chunk at a time; kept is
 * one row of scores an item. Figures that are not defined on the rows are not a number.
 */
#ifndef ASSAY_TRAIN_EVALUATE_H
#define ASSAY_TRAIN_EVALUATE_H

#include "train/labels.h"
#include "train/step.h"

struct evaluation {
    double values[RECIPE_METRIC_COUNT]; /* not a number where the task has none */
    double seconds;
    bool stopped; /* when asked to: nothing else holds */
};

struct evaluate_watch {
    void (*progress)(void *context, int64_t done, int64_t rows);
    bool (*stop)(void *context);
    void *context;
};

struct evaluate_request {
    enum recipe_task task;
    int32_t labels;   /* of the model */
    int32_t positive; /* -1: with two classes, the second */
    const struct row_feed *feed;
    const struct evaluate_watch *watch; /* may be NULL */
};

/* A score that is not finite is ASSAY_ERROR_NUMERIC, with its row. */
assay_status evaluate(struct evaluation *out, struct stepper *stepper,
                      const struct evaluate_request *request, assay_error *error);

/* The logits themselves, (feed->rows, labels) in the order of the rows; RECIPE_CLASSIFY. Release
 * with memory_free; NULL when asked to stop. */
assay_status evaluate_logits(float **logits, struct stepper *stepper,
                             const struct evaluate_request *request, assay_error *error);

#endif
