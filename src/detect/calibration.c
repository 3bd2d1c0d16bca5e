#include "detect/calibration.h"

#include "base/error.h"
#include "base/intervals.h"
#include "base/memory.h"
#include "detect/rates.h"
#include "detect/score.h"
#include "detect/temperature.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const double calibration_rates[CALIBRATION_POINTS] = {0.01, 0.05, 0.10};

static const double outermost = 0.01; /* share of lengths left out at either end */

/* What rounding may take from a product that is a whole number. */
static const double rounding = 1e-9;

/* One row under the fitted temperature. */
struct scored_row {
    float score;
    uint64_t group;
    int32_t tokens;
};

struct fitting {
    const struct calibration_rows *rows;
    struct calibration *out;
    struct scored_row *negatives, *positives; /* falling scores */
    struct rated_row *rated;                  /* (rows) working memory */
};

int64_t calibration_least_negatives(double fpr)
{
    return (int64_t)ceil(10.0 / fpr * (1.0 - rounding));
}

int64_t calibration_rank(double fpr, int64_t negatives)
{
    return (int64_t)floor(fpr * (double)(negatives + 1) * (1.0 + rounding));
}

double calibration_divisor(const struct calibration *calibration)
{
    return calibration->temperature > 0.0 ? calibration->temperature : 1.0;
}

static int by_score_down(const void *a, const void *b)
{
    float x = ((const struct scored_row *)a)->score, y = ((const struct scored_row *)b)->score;
    return x < y ? 1 : x > y ? -1 : 0;
}

static int by_number(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

static int by_unsigned(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool all_alike(const struct calibration_rows *rows)
{
    size_t labels = (size_t)rows->labels;
    for (int64_t i = 1; i < rows->rows; i++) {
        for (size_t j = 0; j < labels; j++) {
            if (rows->logits[(size_t)i * labels + j] != rows->logits[j])
                return false;
        }
    }
    return true;
}

static assay_status check_rows(const struct calibration_rows *rows, assay_error *error)
{
    if (rows->rows < 1 || rows->labels < 2)
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "calibration needs rows and at least two labels");
    assay_status status = temperature_check(rows->logits, rows->rows, rows->labels, error);
    if (status != ASSAY_OK)
        return status;
    int64_t like_first = 0, positives = 0;
    for (int64_t i = 0; i < rows->rows; i++) {
        like_first += rows->truth[i] == rows->truth[0];
        positives += rows->truth[i] == rows->positive;
    }
    if (like_first == rows->rows)
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "all %" PRId64 " rows are of one class: nothing can be calibrated on them",
                         rows->rows);
    if (rows->positive >= 0 && positives == 0)
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "none of the %" PRId64 " rows is of the positive class", rows->rows);
    if (all_alike(rows))
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "the model scores all %" PRId64 " rows alike: it tells nothing apart",
                         rows->rows);
    return ASSAY_OK;
}

/* The first status is kept as a reason; only lack of memory and the like are errors of the whole.
 */
static assay_status fit_temperature(struct fitting *f, assay_error *error)
{
    const struct calibration_rows *rows = f->rows;
    assay_error reason = {0};
    assay_status status = temperature_fit(&f->out->temperature, rows->logits, rows->truth,
                                          rows->rows, rows->labels, &reason);
    if (status == ASSAY_ERROR_UNSUPPORTED) {
        f->out->temperature = 0.0;
        snprintf(f->out->temperature_reason, CALIBRATION_REASON, "%.*s", CALIBRATION_REASON - 1,
                 reason.message);
        return ASSAY_OK;
    }
    if (status != ASSAY_OK && error)
        *error = reason;
    return status;
}

static assay_status take_memory(struct fitting *f, assay_error *error)
{
    size_t rows = (size_t)f->rows->rows;
    f->negatives = memory_allocate(rows, sizeof *f->negatives);
    f->positives = memory_allocate(rows, sizeof *f->positives);
    f->rated = memory_allocate(rows, sizeof *f->rated);
    return f->negatives && f->positives && f->rated
               ? ASSAY_OK
               : error_memory(error, rows * sizeof *f->negatives);
}

static void score_rows(struct fitting *f)
{
    const struct calibration_rows *rows = f->rows;
    struct calibration *out = f->out;
    double divisor = calibration_divisor(out);
    for (int64_t i = 0; i < rows->rows; i++) {
        bool positive = rows->truth[i] == rows->positive;
        struct scored_row *row =
            positive ? &f->positives[out->positives++] : &f->negatives[out->negatives++];
        *row = (struct scored_row){.group = rows->group ? rows->group[i] : (uint64_t)i,
                                   .tokens = rows->tokens[i]};
        if (rows->positive >= 0)
            row->score = detect_score(rows->logits + i * rows->labels, rows->labels, rows->positive,
                                      divisor);
    }
    qsort(f->negatives, (size_t)out->negatives, sizeof *f->negatives, by_score_down);
    qsort(f->positives, (size_t)out->positives, sizeof *f->positives, by_score_down);
}

static assay_status count_groups(struct fitting *f, assay_error *error)
{
    const struct calibration_rows *rows = f->rows;
    if (!rows->group)
        return ASSAY_OK;
    size_t size = (size_t)rows->rows * sizeof *rows->group;
    uint64_t *sorted = memory_allocate(1, size);
    if (!sorted)
        return error_memory(error, size);
    memcpy(sorted, rows->group, size);
    qsort(sorted, (size_t)rows->rows, sizeof *sorted, by_unsigned);
    for (int64_t i = 0; i < rows->rows; i++)
        f->out->groups += i == 0 || sorted[i] != sorted[i - 1];
    memory_free(sorted);
    return ASSAY_OK;
}

/* The hits among rows, their share, and its interval as if so many fewer had been independent. */
static int64_t rate_rows(struct fitting *f, const struct scored_row *rows, int64_t count,
                         float threshold, double *share, double *low, double *high, double *effect)
{
    int64_t hits = 0;
    for (int64_t i = 0; i < count; i++) {
        bool hit = rows[i].score >= threshold;
        f->rated[i] = (struct rated_row){rows[i].group, hit};
        hits += hit;
    }
    *share = (double)hits / (double)count;
    *effect = f->rows->group ? rates_design_effect(f->rated, count) : 1.0;
    struct interval wilson =
        interval_wilson((double)hits / *effect, (double)count / *effect, RATES_CONFIDENCE);
    *low = wilson.low;
    *high = wilson.high;
    return hits;
}

static void fit_point(struct fitting *f, double fpr)
{
    struct calibration *out = f->out;
    int64_t needed = calibration_least_negatives(fpr);
    if (out->negatives < needed) {
        int at = out->refused_count++;
        out->refused[at].fpr = fpr;
        snprintf(out->refused[at].reason, CALIBRATION_REASON,
                 "%g %% takes at least %" PRId64 " negatives (10 / rate), there are %" PRId64,
                 100.0 * fpr, needed, out->negatives);
        return;
    }
    struct calibration_point *point = &out->points[out->point_count++];
    float beyond = f->negatives[calibration_rank(fpr, out->negatives) - 1].score;
    point->fpr = fpr;
    point->threshold = detect_score_above(beyond);
    point->false_positives =
        rate_rows(f, f->negatives, out->negatives, point->threshold, &point->achieved,
                  &point->achieved_low, &point->achieved_high, &point->design_effect);
    point->true_positives =
        rate_rows(f, f->positives, out->positives, point->threshold, &point->tpr, &point->tpr_low,
                  &point->tpr_high, &point->positive_design_effect);
}

static assay_status fit_points(struct fitting *f, assay_error *error)
{
    struct calibration *out = f->out;
    const struct scored_row *n = f->negatives, *p = f->positives;
    if (f->rows->positive < 0)
        return ASSAY_OK;
    float highest = fmaxf(n[0].score, p[0].score);
    float lowest = fminf(n[out->negatives - 1].score, p[out->positives - 1].score);
    if (highest == lowest)
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "the positive class gets the same score in all %" PRId64
                         " rows: no threshold tells anything apart",
                         out->rows);
    for (int i = 0; i < CALIBRATION_POINTS; i++)
        fit_point(f, calibration_rates[i]);
    return ASSAY_OK;
}

/* Ranks of the thresholds are kept, so that p-values agree with verdicts. */
static assay_status keep_negatives(struct fitting *f, assay_error *error)
{
    struct calibration *out = f->out;
    int64_t wanted[CALIBRATION_POINTS];
    if (f->rows->positive < 0)
        return ASSAY_OK;
    float *sorted = memory_allocate((size_t)out->negatives, sizeof *sorted);
    if (!sorted)
        return error_memory(error, (size_t)out->negatives * sizeof *sorted);
    for (int64_t i = 0; i < out->negatives; i++)
        sorted[i] = f->negatives[i].score;
    for (int i = 0; i < out->point_count; i++)
        wanted[i] = calibration_rank(out->points[i].fpr, out->negatives);
    assay_status status = conformal_make(&out->negatives_scores, sorted, out->negatives, wanted,
                                         out->point_count, error);
    memory_free(sorted);
    return status;
}

/* False alarms are what is promised, so the lengths are those of the negatives. */
static assay_status measure_lengths(struct fitting *f, assay_error *error)
{
    struct calibration *out = f->out;
    int64_t count = out->negatives;
    int32_t *sorted = memory_allocate((size_t)count, sizeof *sorted);
    if (!sorted)
        return error_memory(error, (size_t)count * sizeof *sorted);
    for (int64_t i = 0; i < count; i++)
        sorted[i] = f->negatives[i].tokens;
    qsort(sorted, (size_t)count, sizeof *sorted, by_number);
    int64_t outside = (int64_t)floor(outermost * (double)(count - 1));
    out->shortest = sorted[0];
    out->longest = sorted[count - 1];
    out->least_tokens = sorted[outside];
    out->most_tokens = sorted[count - 1 - outside];
    if (out->least_tokens < CALIBRATION_HARD_MINIMUM)
        out->least_tokens = CALIBRATION_HARD_MINIMUM;
    if (out->most_tokens < out->least_tokens)
        out->most_tokens = out->least_tokens;
    memory_free(sorted);
    return ASSAY_OK;
}

assay_status calibration_fit(struct calibration *out, const struct calibration_rows *rows,
                             assay_error *error)
{
    struct fitting f = {.rows = rows, .out = out};
    *out = (struct calibration){.rows = rows->rows};
    assay_status status = check_rows(rows, error);
    if (status == ASSAY_OK)
        status = take_memory(&f, error);
    if (status == ASSAY_OK)
        status = fit_temperature(&f, error);
    if (status == ASSAY_OK) {
        score_rows(&f);
        status = count_groups(&f, error);
    }
    if (status == ASSAY_OK)
        status = fit_points(&f, error);
    if (status == ASSAY_OK)
        status = keep_negatives(&f, error);
    if (status == ASSAY_OK)
        status = measure_lengths(&f, error);
    memory_free(f.negatives);
    memory_free(f.positives);
    memory_free(f.rated);
    if (status != ASSAY_OK)
        calibration_free(out);
    return status;
}

void calibration_free(struct calibration *calibration)
{
    conformal_free(&calibration->negatives_scores);
    *calibration = (struct calibration){0};
}
