/* The steps of a run in order: which rows each takes, over epochs, from any place on.
 *
 * A pure function of lengths, options and position: a run resumes by seeking. A step is
 * `accumulate` batches of the epoch's plan, fewer at its end. One thread.
 */
#ifndef ASSAY_TRAIN_COURSE_H
#define ASSAY_TRAIN_COURSE_H

#include "train/batches.h"

#include <stdbool.h>

struct course_options {
    struct batch_options batches;
    int64_t accumulate;
    double epochs; /* either this or steps is 0; a part of an epoch is rounded up to steps */
    int64_t steps;
};

struct course;

/* lengths (rows) must outlive it. */
assay_status course_open(struct course **out, const int32_t *lengths, int64_t rows,
                         const struct course_options *options, assay_error *error);
void course_close(struct course *course); /* NULL allowed */

int64_t course_steps(const struct course *course); /* of the whole run */
double course_epochs(const struct course *course);

struct course_position {
    int64_t epoch; /* from 0 */
    int64_t batch; /* the next one of the epoch's plan */
};

struct course_step {
    const int64_t *rows; /* (count), until the next call */
    int64_t count;
    struct course_position after;
    bool ends_epoch;
    double epoch; /* done after it, with its fraction */
};

/* The step that begins at `position`. */
assay_status course_step_at(struct course *course, const struct course_position *position,
                            struct course_step *step, assay_error *error);

#endif
