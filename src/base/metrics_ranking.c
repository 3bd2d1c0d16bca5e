/* Areas under curves from logits: which score a class is ranked by. */
#include "base/metrics.h"

#include "base/memory.h"
#include "base/ranking.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* One score a row, and whether the row is of the class that is ranked. */
struct scored_rows {
    double *scores;
    uint8_t *positive;
    int64_t rows;
};

typedef double figure_of_ranking(const struct ranking *ranking, const uint8_t *positive,
                                 const double *weights);

/* Not defined unless there are rows of the class and others. */
static bool is_defined(const struct scored_rows *scored)
{
    int64_t there = 0;
    for (int64_t i = 0; i < scored->rows; i++)
        there += scored->positive[i];
    return there > 0 && there < scored->rows;
}

/* The figure where it is defined, not a number where a score is none; false without memory. */
static bool of_scores(double *value, figure_of_ranking *figure, const struct scored_rows *scored)
{
    struct ranking ranking;
    *value = NAN;
    for (int64_t i = 0; i < scored->rows; i++) {
        if (isnan(scored->scores[i]))
            return true;
    }
    if (!ranking_make(&ranking, scored->scores, scored->rows))
        return false;
    *value = figure(&ranking, scored->positive, NULL);
    ranking_free(&ranking);
    return true;
}

/* What the log-odds of any class of a row need: its two largest logits and, with each as the
 * origin, the sum of exponentials of all logits and of all but one of the largest. */
struct row_sums {
    double first, all;
    double second, rest;
};

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* Sums run in order of size, so that rows with the same logits in another order tie. */
static struct row_sums sum_row(const float *row, float *scratch, int32_t classes)
{
    struct row_sums sums = {.first = NAN};
    for (int32_t c = 0; c < classes; c++) {
        if (isnan(row[c]))
            return sums;
    }
    memcpy(scratch, row, (size_t)classes * sizeof *row);
    qsort(scratch, (size_t)classes, sizeof *scratch, by_size);
    sums.first = (double)scratch[classes - 1];
    sums.second = (double)scratch[classes - 2];
    for (int32_t c = 0; c < classes; c++) {
        sums.all += exp((double)scratch[c] - sums.first);
        if (c < classes - 1)
            sums.rest += exp((double)scratch[c] - sums.second);
    }
    return sums;
}

/* What is subtracted leaves at least the largest, which is 1. */
static double log_odds(const struct row_sums *sums, float logit)
{
    double below = (double)logit - sums->first;
    return below == 0.0 ? (double)logit - sums->second - log(sums->rest)
                        : below - log(sums->all - exp(below));
}

/* These leave the value as it is where the figure is not defined. */
static bool of_pairs(double *value, figure_of_ranking *figure, struct scored_rows *scored,
                     const float *logits, const int32_t *labels, int32_t positive)
{
    for (int64_t i = 0; i < scored->rows; i++) {
        const float *row = logits + i * 2;
        scored->scores[i] = (double)row[positive] - (double)row[1 - positive];
        scored->positive[i] = labels[i] == positive;
    }
    return !is_defined(scored) || of_scores(value, figure, scored);
}

static bool of_classes(double *value, figure_of_ranking *figure, struct scored_rows *scored,
                       const struct row_sums *sums, const float *logits, const int32_t *labels,
                       int32_t classes)
{
    double sum = 0.0, defined = 0.0;
    for (int32_t c = 0; c < classes; c++) {
        for (int64_t i = 0; i < scored->rows; i++) {
            scored->scores[i] = log_odds(&sums[i], logits[i * classes + c]);
            scored->positive[i] = labels[i] == c;
        }
        if (!is_defined(scored))
            continue;
        double one;
        if (!of_scores(&one, figure, scored))
            return false;
        sum += one;
        defined++;
    }
    if (defined > 0.0)
        *value = sum / defined;
    return true;
}

static bool of_logits(double *value, figure_of_ranking *figure, const float *logits,
                      const int32_t *labels, int64_t rows, int32_t classes, int32_t positive)
{
    bool good = false;
    struct row_sums *sums = NULL;
    float *scratch = NULL;
    struct scored_rows scored = {memory_allocate((size_t)rows, sizeof *scored.scores),
                                 memory_allocate((size_t)rows, sizeof *scored.positive), rows};
    *value = NAN;
    if (!scored.scores || !scored.positive)
        goto done;
    if (classes <= 2) {
        good = classes < 2 || of_pairs(value, figure, &scored, logits, labels, positive);
        goto done;
    }
    sums = memory_allocate((size_t)rows, sizeof *sums);
    scratch = memory_allocate((size_t)classes, sizeof *scratch);
    if (!sums || !scratch)
        goto done;
    for (int64_t i = 0; i < rows; i++)
        sums[i] = sum_row(logits + i * classes, scratch, classes);
    good = of_classes(value, figure, &scored, sums, logits, labels, classes);
done:
    memory_free(scored.scores);
    memory_free(scored.positive);
    memory_free(sums);
    memory_free(scratch);
    return good;
}

bool metric_auroc_of_logits(double *value, const float *logits, const int32_t *labels, int64_t rows,
                            int32_t classes, int32_t positive)
{
    return of_logits(value, ranking_auroc, logits, labels, rows, classes, positive);
}

bool metric_auprc_of_logits(double *value, const float *logits, const int32_t *labels, int64_t rows,
                            int32_t classes, int32_t positive)
{
    return of_logits(value, ranking_auprc, logits, labels, rows, classes, positive);
}
