/* The learning rate of each step: linear, cosine or constant after a linear warm-up from 0.
 *
 * As transformers' get_linear_, get_cosine_ and get_constant_schedule_with_warmup define them, in
 * double precision. Pure functions of the step: nothing to save in a checkpoint.
 */
#ifndef ASSAY_TRAIN_SCHEDULE_H
#define ASSAY_TRAIN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum schedule_kind { SCHEDULE_LINEAR, SCHEDULE_COSINE, SCHEDULE_CONSTANT };

struct schedule {
    enum schedule_kind kind;
    double lr;      /* the largest */
    int64_t warmup; /* steps */
    int64_t steps;  /* of the whole run, warm-up included */
};

/* The rate of the update after `step` finished ones: 0 is the first update's. */
double schedule_rate(const struct schedule *schedule, int64_t step);

/* A recipe's `warmup` in steps: below 1 a fraction of all steps, rounded up, else a number of
 * steps. False when it is negative or not a number that makes sense. */
bool schedule_warmup(int64_t *out, double warmup, int64_t steps);

/* "linear", "cosine", "constant"; false and NULL for what is none of them. */
bool schedule_kind_find(enum schedule_kind *out, const char *name);
const char *schedule_kind_name(enum schedule_kind kind);

#endif
