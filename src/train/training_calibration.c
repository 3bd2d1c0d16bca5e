/* The rows that calibrate a run's model, and the calibration at its end.
 *
 * Rows that stop the training or choose the weights flatter the model, so they cannot say what its
 * false alarms will be: data.calibration is a file of its own, or half of data.valid is taken away
 * from the evaluations, whole groups at a time. The halving is a function of the rows, their groups
 * and the seed, so that a resumed run makes the same.
 */
#include "base/error.h"
#include "base/memory.h"
#include "dataset/row_groups.h"
#include "train/halves.h"
#include "train/training.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Halves below this say nothing, and a small data.valid is needed whole. */
enum { LEAST_HALF = 32 };

static const char switched_off[] = "none";

bool training_calibrates_on_file(const assay_training *t)
{
    return t->recipe.data.calibration && t->recipe.task == RECIPE_CLASSIFY &&
           strcmp(t->recipe.data.calibration, switched_off) != 0;
}

static void refuse(assay_training *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void refuse(assay_training *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(t->calibration.refused, sizeof t->calibration.refused, format, arguments);
    va_end(arguments);
    training_note(t, "the model will not be calibrated: %s", t->calibration.refused);
}

/* Rows that the model or its choice has seen are not rows to calibrate on. */
static assay_status check_unseen(const assay_training *t, assay_error *error)
{
    const char *sum = t->calibration.rows.feed.data.fingerprint;
    bool train = !strcmp(sum, t->train.feed.data.fingerprint);
    bool valid = t->valid.dataset && !strcmp(sum, t->valid.feed.data.fingerprint);
    if (!train && !valid)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_ARGUMENT,
              train ? "the model is trained on these rows: they cannot calibrate it"
                    : "these rows choose the weights, so they cannot calibrate the model; without "
                      "data.calibration half of data.valid does");
    error_at_file(error, t->calibration.rows.feed.data.path);
    error_at_place(error, "data.calibration");
    error_expected(error, "rows of their own");
    return ASSAY_ERROR_ARGUMENT;
}

static assay_status read_groups(assay_training *t, uint64_t **group, const struct dataset *dataset,
                                assay_error *error)
{
    *group = NULL;
    return t->recipe.data.group ? row_groups_read(group, dataset, &t->recipe.data.fields,
                                                  t->recipe.data.group, error)
                                : ASSAY_OK;
}

/* Of a feed, the rows of data.valid for which half[row] is `which`. */
static assay_status take_half(struct training_rows *rows, const bool *half, bool which,
                              assay_error *error)
{
    struct row_feed *feed = &rows->feed;
    int64_t all = feed->data.rows, count = 0;
    rows->sample = memory_allocate((size_t)all, sizeof *rows->sample);
    rows->lengths = memory_allocate((size_t)all, sizeof *rows->lengths);
    if (!rows->sample || !rows->lengths)
        return error_memory(error, (size_t)all * sizeof *rows->sample);
    for (int64_t i = 0; i < all; i++) {
        if (half[i] != which)
            continue;
        rows->sample[count] = i;
        rows->lengths[count++] = feed->data.lengths[i];
    }
    feed->rows = count;
    feed->sample = rows->sample;
    feed->lengths = rows->lengths;
    return ASSAY_OK;
}

/* Whether each half can do its work: enough rows, and both kinds of them. */
static bool halves_serve(const bool *half, const bool *positive, int64_t rows)
{
    int64_t count[2][2] = {{0}};
    for (int64_t i = 0; i < rows; i++)
        count[half[i]][positive[i]]++;
    for (int side = 0; side < 2; side++) {
        if (count[side][0] + count[side][1] < LEAST_HALF || !count[side][0])
            return false;
    }
    /* One kind alone is what multi-class rows without a positive class have. */
    return (count[0][1] > 0) == (count[1][1] > 0);
}

static assay_status share_valid(assay_training *t, const bool *half, const uint64_t *group,
                                assay_error *error)
{
    struct training_calibration *c = &t->calibration;
    c->rows = (struct training_rows){.dataset = t->valid.dataset, .feed = t->valid.feed};
    c->shares_valid = true;
    assay_status status = take_half(&c->rows, half, true, error);
    if (status == ASSAY_OK)
        status = take_half(&t->valid, half, false, error);
    if (status != ASSAY_OK || !group)
        return status;
    c->group = memory_allocate((size_t)c->rows.feed.rows, sizeof *c->group);
    if (!c->group)
        return error_memory(error, (size_t)c->rows.feed.rows * sizeof *c->group);
    for (int64_t i = 0; i < c->rows.feed.rows; i++)
        c->group[i] = group[c->rows.sample[i]];
    return ASSAY_OK;
}

static assay_status halve_valid(assay_training *t, assay_error *error)
{
    const struct row_feed *feed = &t->valid.feed;
    int64_t rows = feed->rows;
    uint64_t *group = NULL;
    bool *half = memory_allocate_zeroed((size_t)rows, 2 * sizeof *half), *positive = half + rows;
    if (!half)
        return error_memory(error, (size_t)rows * 2 * sizeof *half);
    for (int64_t i = 0; i < rows; i++)
        positive[i] = feed->label_of[feed->data.classes[i]] == t->labels.positive;
    assay_status status = read_groups(t, &group, t->valid.dataset, error);
    if (status == ASSAY_OK)
        status = halves_make(half, group, positive, rows, (uint64_t)t->recipe.seed, error);
    if (status == ASSAY_OK && halves_serve(half, positive, rows))
        status = share_valid(t, half, group, error);
    else if (status == ASSAY_OK)
        refuse(t,
               "the groups of data.valid do not make two halves of at least %d rows and of both "
               "kinds of rows",
               LEAST_HALF);
    memory_free(group);
    memory_free(half);
    return status;
}

assay_status training_take_calibration(assay_training *t, assay_error *error)
{
    struct training_calibration *c = &t->calibration;
    if (t->recipe.task != RECIPE_CLASSIFY) {
        if (t->recipe.data.calibration && strcmp(t->recipe.data.calibration, switched_off) != 0)
            training_note(t,
                          "data.calibration is not used: task %s gives no probabilities of classes",
                          recipe_task_name(t->recipe.task));
        return ASSAY_OK;
    }
    if (c->rows.dataset) {
        assay_status status = check_unseen(t, error);
        return status == ASSAY_OK ? read_groups(t, &c->group, c->rows.dataset, error) : status;
    }
    if (t->recipe.data.calibration)
        refuse(t, "data.calibration is none");
    else if (!t->valid.dataset)
        refuse(t, "there is neither data.calibration nor data.valid");
    else if (t->valid.feed.rows < 2 * LEAST_HALF)
        refuse(t,
               "there is no data.calibration, and data.valid has %" PRId64
               " rows, fewer than the %d that are halved",
               t->valid.feed.rows, 2 * LEAST_HALF);
    else
        return halve_valid(t, error);
    return ASSAY_OK;
}

static void tell_fitted(const assay_training *t)
{
    const struct training_calibration *c = &t->calibration;
    const struct calibration *fitted = &c->fitted;
    training_note(
        t, "calibrated on %" PRId64 " rows of %s (%" PRId64 " negative): temperature %.3f%s",
        fitted->rows, c->rows.feed.data.path, fitted->negatives, calibration_divisor(fitted),
        fitted->temperature > 0.0 ? "" : ", as none is best");
    for (int i = 0; i < fitted->point_count; i++) {
        const struct calibration_point *p = &fitted->points[i];
        training_note(t,
                      "at %g %% false positives: %.2f %% of these negatives (%.2f to %.2f %%), "
                      "%.1f %% of the positives found",
                      100.0 * p->fpr, 100.0 * p->achieved, 100.0 * p->achieved_low,
                      100.0 * p->achieved_high, 100.0 * p->tpr);
    }
    for (int i = 0; i < fitted->refused_count; i++)
        training_note(t, "no threshold: %s", fitted->refused[i].reason);
}

/* Rows that cannot calibrate leave a model that is trained all the same. */
static assay_status fit(assay_training *t, const float *logits, assay_error *error)
{
    struct training_calibration *c = &t->calibration;
    assay_error why = {0};
    struct calibrate_request request = {
        .feed = &c->rows.feed,
        .logits = logits,
        .group = c->group,
        .names = t->labels.names,
        .labels = t->labels.count,
        .positive = t->labels.positive,
    };
    calibration_free(&c->fitted);
    assay_status status = calibrate_feed(&c->fitted, c->rows_sha256, &request, &why);
    c->is_fitted = status == ASSAY_OK;
    if (status == ASSAY_ERROR_ARGUMENT) {
        refuse(t, "%s", why.message);
        return ASSAY_OK;
    }
    if (status == ASSAY_OK)
        tell_fitted(t);
    else if (error)
        *error = why;
    return status;
}

assay_status training_calibrate(assay_training *t, bool *stopped, assay_error *error)
{
    struct training_calibration *c = &t->calibration;
    float *logits = NULL;
    *stopped = false;
    if (!c->rows.dataset)
        return ASSAY_OK;
    assay_status status = training_score(t, &logits, &c->rows, error);
    *stopped = status == ASSAY_OK && !logits;
    if (status == ASSAY_OK && logits)
        status = fit(t, logits, error);
    memory_free(logits);
    return status;
}
