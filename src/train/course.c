#include "train/course.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

struct course {
    struct course_options options;
    const int32_t *lengths;
    int64_t rows;
    int64_t steps;
    double epochs;
    /* the plan of one epoch, and the rows of one step */
    struct batch_plan *plan;
    int64_t planned; /* epoch; -1: none */
    int64_t *taken;
    int64_t room;
};

static assay_status plan_epoch(struct course *c, int64_t epoch, assay_error *error)
{
    if (c->planned == epoch)
        return ASSAY_OK;
    batch_plan_close(c->plan);
    c->plan = NULL;
    c->planned = -1;
    assay_status status =
        batch_plan_make(&c->plan, c->lengths, c->rows, &c->options.batches, epoch, error);
    if (status == ASSAY_OK)
        c->planned = epoch;
    return status;
}

static int64_t steps_of_plan(const struct course *c)
{
    int64_t batches = batch_plan_count(c->plan);
    return (batches - 1) / c->options.accumulate + 1;
}

/* Limits by tokens may cut each epoch's shuffled rows into another number of batches; limits by
 * rows do not. */
static assay_status count_steps(struct course *c, assay_error *error)
{
    bool alike = !c->options.batches.tokens || c->options.batches.mode == BATCH_NONE;
    int64_t whole = (int64_t)floor(c->options.epochs);
    double part = c->options.epochs - (double)whole;
    assay_status status = plan_epoch(c, 0, error);
    int64_t each = status == ASSAY_OK ? steps_of_plan(c) : 0;
    for (int64_t epoch = 0; status == ASSAY_OK && epoch < whole && !alike; epoch++) {
        status = plan_epoch(c, epoch, error);
        c->steps += status == ASSAY_OK ? steps_of_plan(c) : 0;
    }
    if (alike)
        c->steps = whole * each;
    if (status == ASSAY_OK && part > 0.0)
        status = plan_epoch(c, whole, error);
    if (status == ASSAY_OK && part > 0.0)
        c->steps += (int64_t)ceil(part * (double)steps_of_plan(c));
    c->epochs = c->options.epochs;
    return status;
}

/* How far a number of steps gets. */
static assay_status count_epochs(struct course *c, assay_error *error)
{
    bool alike = !c->options.batches.tokens || c->options.batches.mode == BATCH_NONE;
    int64_t left = c->options.steps;
    c->steps = left;
    for (int64_t epoch = 0;; epoch++) {
        assay_status status = plan_epoch(c, epoch, error);
        if (status != ASSAY_OK)
            return status;
        int64_t here = steps_of_plan(c);
        if (alike || left <= here) {
            c->epochs = (double)epoch + (double)left / (double)here;
            return ASSAY_OK;
        }
        left -= here;
    }
}

assay_status course_open(struct course **out, const int32_t *lengths, int64_t rows,
                         const struct course_options *options, assay_error *error)
{
    *out = NULL;
    struct course *course = memory_allocate_zeroed(1, sizeof *course);
    if (!course)
        return error_memory(error, sizeof *course);
    course->options = *options;
    course->lengths = lengths;
    course->rows = rows;
    course->planned = -1;
    assay_status status = options->steps ? count_epochs(course, error) : count_steps(course, error);
    if (status != ASSAY_OK) {
        course_close(course);
        return status;
    }
    *out = course;
    return ASSAY_OK;
}

void course_close(struct course *course)
{
    if (!course)
        return;
    batch_plan_close(course->plan);
    memory_free(course->taken);
    memory_free(course);
}

int64_t course_steps(const struct course *course)
{
    return course->steps;
}

double course_epochs(const struct course *course)
{
    return course->epochs;
}

static assay_status make_room(struct course *c, int64_t rows, assay_error *error)
{
    if (c->room >= rows)
        return ASSAY_OK;
    int64_t *larger = memory_resize(c->taken, (size_t)rows, sizeof *larger);
    if (!larger)
        return error_memory(error, (size_t)rows * sizeof *larger);
    c->taken = larger;
    c->room = rows;
    return ASSAY_OK;
}

assay_status course_step_at(struct course *c, const struct course_position *position,
                            struct course_step *step, assay_error *error)
{
    assay_status status = plan_epoch(c, position->epoch, error);
    if (status != ASSAY_OK)
        return status;
    int64_t batches = batch_plan_count(c->plan), end = position->batch + c->options.accumulate;
    end = end < batches ? end : batches;
    if (position->batch >= batches)
        return error_set(error, ASSAY_ERROR_FORMAT,
                         "the checkpoint stands beyond the end of its epoch");
    *step = (struct course_step){0};
    for (int64_t b = position->batch; status == ASSAY_OK && b < end; b++) {
        int64_t count;
        const int64_t *rows = batch_plan_rows(c->plan, b, &count);
        status = make_room(c, step->count + count, error);
        if (status != ASSAY_OK)
            return status;
        memcpy(c->taken + step->count, rows, (size_t)count * sizeof *rows);
        step->count += count;
    }
    step->rows = c->taken;
    step->ends_epoch = end == batches;
    step->after =
        (struct course_position){position->epoch + step->ends_epoch, step->ends_epoch ? 0 : end};
    step->epoch = (double)position->epoch + (double)end / (double)batches;
    return status;
}
