#include "train/evaluate.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "base/metrics_decisions.h"
#include "base/process.h"
#include "train/batches.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* One evaluation's working memory. */
struct scoring {
    const struct evaluate_request *request;
    struct batch_plan *plan;
    float *logits;  /* (rows, labels) by row */
    float *chunk;   /* (rows of a chunk, labels) */
    int32_t *truth; /* (rows) */
    int32_t *best;  /* (rows) */
    struct language_sums sums;
};

static bool is_language(enum recipe_task task)
{
    return task == RECIPE_LM || task == RECIPE_MLM;
}

static assay_status take_memory(struct scoring *s, assay_error *error)
{
    const struct evaluate_request *request = s->request;
    /* Rows of like length together; what order batches come in does not matter. */
    struct batch_options options = {.mode = BATCH_BUCKETS, .tokens = STEP_CHUNK_TOKENS};
    assay_status status =
        batch_plan_make(&s->plan, request->feed->lengths, request->feed->rows, &options, 0, error);
    if (status != ASSAY_OK || is_language(request->task))
        return status;
    size_t rows = (size_t)request->feed->rows, all;
    if (!checked_multiply(&all, rows, (size_t)request->labels))
        return error_set(error, ASSAY_ERROR_LIMIT, "too many rows to evaluate");
    s->logits = memory_allocate(all, sizeof *s->logits);
    s->chunk = memory_allocate((size_t)(STEP_CHUNK_TOKENS + 1) * (size_t)request->labels,
                               sizeof *s->chunk);
    s->truth = memory_allocate(rows, sizeof *s->truth);
    s->best = memory_allocate(rows, sizeof *s->best);
    return s->logits && s->chunk && s->truth && s->best
               ? ASSAY_OK
               : error_memory(error, all * sizeof *s->logits);
}

static void free_memory(struct scoring *s)
{
    batch_plan_close(s->plan);
    memory_free(s->logits);
    memory_free(s->chunk);
    memory_free(s->truth);
    memory_free(s->best);
}

static assay_status keep_scores(struct scoring *s, const int64_t *rows, int64_t count,
                                assay_error *error)
{
    size_t labels = (size_t)s->request->labels;
    const struct row_feed *feed = s->request->feed;
    for (int64_t i = 0; i < count; i++) {
        const float *from = s->chunk + (size_t)i * labels;
        for (size_t j = 0; j < labels; j++) {
            if (isfinite(from[j]))
                continue;
            error_set(error, ASSAY_ERROR_NUMERIC, "a score of the evaluation is not finite");
            error_at_file(error, feed->data.path);
            error_at_row(error, row_feed_source(feed, rows[i]) + 1, 0);
            return ASSAY_ERROR_NUMERIC;
        }
        memcpy(s->logits + (size_t)rows[i] * labels, from, labels * sizeof *from);
    }
    return ASSAY_OK;
}

static assay_status score_all(struct scoring *s, struct stepper *stepper, bool *stopped,
                              assay_error *error)
{
    const struct evaluate_watch *watch = s->request->watch;
    int64_t done = 0;
    for (int64_t b = 0; b < batch_plan_count(s->plan); b++) {
        if (watch && watch->stop && watch->stop(watch->context)) {
            *stopped = true;
            return ASSAY_OK;
        }
        int64_t count;
        const int64_t *rows = batch_plan_rows(s->plan, b, &count);
        assay_status status =
            step_score(stepper, s->chunk, &s->sums, s->request->feed, rows, count, error);
        if (status == ASSAY_OK && s->logits)
            status = keep_scores(s, rows, count, error);
        if (status != ASSAY_OK)
            return status;
        done += count;
        if (watch && watch->progress)
            watch->progress(watch->context, done, s->request->feed->rows);
    }
    return ASSAY_OK;
}

static double cross_entropy(const float *logits, int32_t labels, int32_t truth)
{
    double most = logits[0], sum = 0.0;
    for (int32_t j = 1; j < labels; j++)
        most = logits[j] > most ? logits[j] : most;
    for (int32_t j = 0; j < labels; j++)
        sum += exp(logits[j] - most);
    return log(sum) + most - (double)logits[truth];
}

static bool classify_figures(struct scoring *s, double *values)
{
    const struct row_feed *feed = s->request->feed;
    int32_t labels = s->request->labels;
    int32_t positive = s->request->positive;
    if (positive < 0)
        positive = labels == 2 ? 1 : 0;
    double loss = 0.0;
    for (int64_t i = 0; i < feed->rows; i++) {
        const float *logits = s->logits + i * labels;
        s->truth[i] = feed->label_of[feed->data.classes[row_feed_source(feed, i)]];
        s->best[i] = 0;
        for (int32_t j = 1; j < labels; j++) {
            if (logits[j] > logits[s->best[i]])
                s->best[i] = j;
        }
        loss += cross_entropy(logits, labels, s->truth[i]);
    }
    struct decision_figures figures;
    if (!metric_decisions_of_rows(&figures, s->best, s->truth, feed->rows, labels) ||
        !metric_auroc_of_logits(&values[RECIPE_AUROC], s->logits, s->truth, feed->rows, labels,
                                positive) ||
        !metric_auprc_of_logits(&values[RECIPE_AUPRC], s->logits, s->truth, feed->rows, labels,
                                positive))
        return false;
    values[RECIPE_LOSS] = loss / (double)feed->rows;
    values[RECIPE_ACCURACY] = figures.accuracy;
    values[RECIPE_BALANCED_ACCURACY] = figures.balanced_accuracy;
    values[RECIPE_MACRO_F1] = figures.macro.f1;
    values[RECIPE_MCC] = figures.mcc;
    values[RECIPE_BRIER] = metric_brier(s->logits, s->truth, feed->rows, labels);
    values[RECIPE_ECE] = metric_ece(s->logits, s->truth, feed->rows, labels);
    return true;
}

static bool regress_figures(const struct scoring *s, double *values)
{
    const struct row_feed *feed = s->request->feed; /* evaluations take no samples */
    struct number_figures figures;
    if (!metric_numbers(&figures, s->logits, feed->data.numbers, feed->rows))
        return false;
    values[RECIPE_LOSS] = figures.rmse * figures.rmse;
    values[RECIPE_RMSE] = figures.rmse;
    values[RECIPE_MAE] = figures.mae;
    values[RECIPE_PEARSON] = figures.pearson;
    values[RECIPE_SPEARMAN] = figures.spearman;
    return true;
}

static assay_status language_figures(const struct scoring *s, double *values, assay_error *error)
{
    double tokens = (double)s->sums.tokens;
    values[RECIPE_LOSS] = s->sums.loss / tokens;
    values[RECIPE_PERPLEXITY] = exp(s->sums.loss / tokens);
    values[RECIPE_ACCURACY] = (double)s->sums.correct / tokens;
    if (s->sums.tokens && !isfinite(s->sums.loss)) {
        error_set(error, ASSAY_ERROR_NUMERIC, "the loss of the evaluation is not finite");
        error_at_file(error, s->request->feed->data.path);
        return ASSAY_ERROR_NUMERIC;
    }
    return ASSAY_OK;
}

assay_status evaluate(struct evaluation *out, struct stepper *stepper,
                      const struct evaluate_request *request, assay_error *error)
{
    double began = process_now();
    struct scoring s = {.request = request};
    *out = (struct evaluation){0};
    for (int i = 0; i < RECIPE_METRIC_COUNT; i++)
        out->values[i] = NAN;
    assay_status status = take_memory(&s, error);
    if (status == ASSAY_OK)
        status = score_all(&s, stepper, &out->stopped, error);
    if (status == ASSAY_OK && !out->stopped) {
        bool good = true;
        if (request->task == RECIPE_CLASSIFY)
            good = classify_figures(&s, out->values);
        else if (request->task == RECIPE_REGRESS)
            good = regress_figures(&s, out->values);
        else
            status = language_figures(&s, out->values, error);
        if (!good)
            status = error_memory(error, (size_t)request->feed->rows * sizeof(double));
    }
    out->seconds = process_now() - began;
    free_memory(&s);
    return status;
}

assay_status evaluate_logits(float **logits, struct stepper *stepper,
                             const struct evaluate_request *request, assay_error *error)
{
    struct scoring s = {.request = request};
    bool stopped = false;
    *logits = NULL;
    assay_status status = take_memory(&s, error);
    if (status == ASSAY_OK)
        status = score_all(&s, stepper, &stopped, error);
    if (status == ASSAY_OK && !stopped) {
        *logits = s.logits;
        s.logits = NULL;
    }
    free_memory(&s);
    return status;
}
