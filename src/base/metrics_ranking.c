/* Figures of how well scores rank: areas under curves. */
#include "base/metrics.h"

#include "base/memory.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct scored {
    double score;
    bool positive;
};

static int by_score_down(const void *a, const void *b)
{
    double x = ((const struct scored *)a)->score, y = ((const struct scored *)b)->score;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Highest score first; false when a score is not a number. */
static bool sort_scored(struct scored *items, int64_t rows)
{
    for (int64_t i = 0; i < rows; i++) {
        if (isnan(items[i].score))
            return false;
    }
    if (rows > 1)
        qsort(items, (size_t)rows, sizeof *items, by_score_down);
    return true;
}

/* The first item behind those that tie with item i. */
static int64_t tie_end(const struct scored *items, int64_t i, int64_t rows, double *positives)
{
    int64_t end = i;
    *positives = 0.0;
    for (; end < rows && items[end].score == items[i].score; end++)
        *positives += items[end].positive;
    return end;
}

/* Both figures of ranking leave the items sorted. */
typedef double figure_of_ranking(struct scored *items, int64_t rows);

static double auroc(struct scored *items, int64_t rows)
{
    if (!sort_scored(items, rows))
        return NAN;
    double above = 0.0, wins = 0.0; /* pairs in which the positive stands higher; ties half */
    for (int64_t i = 0; i < rows;) {
        double here;
        int64_t end = tie_end(items, i, rows, &here);
        double negatives = (double)(end - i) - here;
        wins += negatives * (above + here / 2.0);
        above += here;
        i = end;
    }
    double others = (double)rows - above;
    return above > 0.0 && others > 0.0 ? wins / (above * others) : NAN;
}

static double auprc(struct scored *items, int64_t rows)
{
    if (!sort_scored(items, rows))
        return NAN;
    double found = 0.0, sum = 0.0;
    for (int64_t i = 0; i < rows;) {
        double here;
        int64_t end = tie_end(items, i, rows, &here);
        found += here;
        sum += here * found / (double)end;
        i = end;
    }
    return found > 0.0 ? sum / found : NAN;
}

static bool of_scores(double *value, figure_of_ranking *figure, const float *scores,
                      const int32_t *labels, int32_t positive, int64_t rows)
{
    struct scored *items = memory_allocate((size_t)rows, sizeof *items);
    *value = NAN;
    if (!items)
        return false;
    for (int64_t i = 0; i < rows; i++)
        items[i] = (struct scored){(double)scores[i], labels[i] == positive};
    *value = figure(items, rows);
    memory_free(items);
    return true;
}

bool metric_auroc(double *value, const float *scores, const int32_t *labels, int32_t positive,
                  int64_t rows)
{
    return of_scores(value, auroc, scores, labels, positive, rows);
}

bool metric_auprc(double *value, const float *scores, const int32_t *labels, int32_t positive,
                  int64_t rows)
{
    return of_scores(value, auprc, scores, labels, positive, rows);
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

static double of_pairs(figure_of_ranking *figure, struct scored *items, const float *logits,
                       const int32_t *labels, int64_t rows, int32_t positive)
{
    int64_t there = 0;
    for (int64_t i = 0; i < rows; i++) {
        const float *row = logits + i * 2;
        items[i].score = (double)row[positive] - (double)row[1 - positive];
        items[i].positive = labels[i] == positive;
        there += items[i].positive;
    }
    return there > 0 && there < rows ? figure(items, rows) : NAN;
}

static double of_classes(figure_of_ranking *figure, struct scored *items,
                         const struct row_sums *sums, const float *logits, const int32_t *labels,
                         int64_t rows, int32_t classes)
{
    double sum = 0.0, defined = 0.0;
    for (int32_t c = 0; c < classes; c++) {
        int64_t there = 0;
        for (int64_t i = 0; i < rows; i++)
            there += labels[i] == c;
        if (there == 0 || there == rows)
            continue;
        for (int64_t i = 0; i < rows; i++) {
            items[i].score = log_odds(&sums[i], logits[i * classes + c]);
            items[i].positive = labels[i] == c;
        }
        sum += figure(items, rows);
        defined++;
    }
    return defined > 0.0 ? sum / defined : NAN;
}

static bool of_logits(double *value, figure_of_ranking *figure, const float *logits,
                      const int32_t *labels, int64_t rows, int32_t classes, int32_t positive)
{
    bool good = false;
    struct row_sums *sums = NULL;
    float *scratch = NULL;
    struct scored *items = memory_allocate((size_t)rows, sizeof *items);
    *value = NAN;
    if (!items)
        goto done;
    if (classes <= 2) {
        good = true;
        if (classes == 2)
            *value = of_pairs(figure, items, logits, labels, rows, positive);
        goto done;
    }
    sums = memory_allocate((size_t)rows, sizeof *sums);
    scratch = memory_allocate((size_t)classes, sizeof *scratch);
    if (!sums || !scratch)
        goto done;
    good = true;
    for (int64_t i = 0; i < rows; i++)
        sums[i] = sum_row(logits + i * classes, scratch, classes);
    *value = of_classes(figure, items, sums, logits, labels, rows, classes);
done:
    memory_free(items);
    memory_free(sums);
    memory_free(scratch);
    return good;
}

bool metric_auroc_of_logits(double *value, const float *logits, const int32_t *labels, int64_t rows,
                            int32_t classes, int32_t positive)
{
    return of_logits(value, auroc, logits, labels, rows, classes, positive);
}

bool metric_auprc_of_logits(double *value, const float *logits, const int32_t *labels, int64_t rows,
                            int32_t classes, int32_t positive)
{
    return of_logits(value, auprc, logits, labels, rows, classes, positive);
}
