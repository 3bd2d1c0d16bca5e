#include "base/metrics.h"

#include "base/memory.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ECE_BINS = 15 };

struct scored {
    float score;
    bool positive;
};

static int by_score_down(const void *a, const void *b)
{
    float x = ((const struct scored *)a)->score, y = ((const struct scored *)b)->score;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Highest score first; NULL when memory runs out or a score is not a number. */
static struct scored *sorted(const float *scores, const int32_t *labels, int32_t positive,
                             int64_t rows)
{
    struct scored *items = memory_allocate((size_t)rows, sizeof *items);
    for (int64_t i = 0; items && i < rows; i++) {
        if (isnan(scores[i])) {
            memory_free(items);
            return NULL;
        }
        items[i] = (struct scored){scores[i], labels[i] == positive};
    }
    if (items && rows > 1)
        qsort(items, (size_t)rows, sizeof *items, by_score_down);
    return items;
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

double metric_auroc(const float *scores, const int32_t *labels, int32_t positive, int64_t rows)
{
    struct scored *items = sorted(scores, labels, positive, rows);
    if (!items)
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
    memory_free(items);
    double others = (double)rows - above;
    return above > 0.0 && others > 0.0 ? wins / (above * others) : NAN;
}

double metric_auprc(const float *scores, const int32_t *labels, int32_t positive, int64_t rows)
{
    struct scored *items = sorted(scores, labels, positive, rows);
    if (!items)
        return NAN;
    double found = 0.0, sum = 0.0;
    for (int64_t i = 0; i < rows;) {
        double here;
        int64_t end = tie_end(items, i, rows, &here);
        found += here;
        sum += here * found / (double)end;
        i = end;
    }
    memory_free(items);
    return found > 0.0 ? sum / found : NAN;
}

static double ratio(double part, double whole)
{
    return whole > 0.0 ? part / whole : 0.0;
}

void metric_classes(struct class_figures *out, const int32_t *predicted, const int32_t *labels,
                    int64_t rows, int32_t classes)
{
    *out = (struct class_figures){NAN, NAN, NAN, NAN};
    double *right = memory_allocate_zeroed((size_t)classes * 3, sizeof *right);
    if (!right || rows < 1) {
        memory_free(right);
        return;
    }
    double *of = right + classes, *said = of + classes, correct = 0.0;
    for (int64_t i = 0; i < rows; i++) {
        of[labels[i]]++;
        said[predicted[i]]++;
        right[labels[i]] += predicted[i] == labels[i];
        correct += predicted[i] == labels[i];
    }
    double recalls = 0.0, there = 0.0, f1 = 0.0, either = 0.0, all = (double)rows;
    double of_said = 0.0, of_of = 0.0, said_said = 0.0;
    for (int32_t c = 0; c < classes; c++) {
        recalls += ratio(right[c], of[c]);
        there += of[c] > 0.0;
        f1 += ratio(2.0 * right[c], of[c] + said[c]);
        either += of[c] + said[c] > 0.0;
        of_said += of[c] * said[c];
        of_of += of[c] * of[c];
        said_said += said[c] * said[c];
    }
    out->accuracy = correct / all;
    out->balanced_accuracy = recalls / there;
    out->macro_f1 = f1 / either;
    out->mcc =
        ratio(correct * all - of_said, sqrt(all * all - said_said) * sqrt(all * all - of_of));
    memory_free(right);
}

/* The score of class c against the rest: the difference to the largest other logit's log-sum. */
static void one_against_rest(float *scores, const float *logits, int64_t rows, int32_t classes,
                             int32_t c)
{
    for (int64_t i = 0; i < rows; i++) {
        const float *row = logits + i * classes;
        if (classes == 2) {
            scores[i] = row[c] - row[1 - c];
            continue;
        }
        double most = row[0], sum = 0.0;
        for (int32_t j = 1; j < classes; j++)
            most = row[j] > most ? (double)row[j] : most;
        for (int32_t j = 0; j < classes; j++)
            sum += exp((double)row[j] - most);
        scores[i] = (float)(exp((double)row[c] - most) / sum);
    }
}

typedef double figure_of_scores(const float *, const int32_t *, int32_t, int64_t);

static double of_logits(figure_of_scores *figure, const float *logits, const int32_t *labels,
                        int64_t rows, int32_t classes, int32_t positive)
{
    float *scores = memory_allocate((size_t)rows, sizeof *scores);
    if (!scores || classes < 2) {
        memory_free(scores);
        return NAN;
    }
    double sum = 0.0, defined = 0.0;
    for (int32_t c = 0; c < classes; c++) {
        if (classes == 2 && c != positive)
            continue;
        int64_t there = 0;
        for (int64_t i = 0; i < rows; i++)
            there += labels[i] == c;
        if (there == 0 || there == rows)
            continue;
        one_against_rest(scores, logits, rows, classes, c);
        sum += figure(scores, labels, c, rows);
        defined++;
    }
    memory_free(scores);
    return defined > 0.0 ? sum / defined : NAN;
}

double metric_auroc_of_logits(const float *logits, const int32_t *labels, int64_t rows,
                              int32_t classes, int32_t positive)
{
    return of_logits(metric_auroc, logits, labels, rows, classes, positive);
}

double metric_auprc_of_logits(const float *logits, const int32_t *labels, int64_t rows,
                              int32_t classes, int32_t positive)
{
    return of_logits(metric_auprc, logits, labels, rows, classes, positive);
}

/* The probability of class c, in double precision. */
static double probability(const float *row, int32_t classes, int32_t c)
{
    double sum = 0.0;
    for (int32_t j = 0; j < classes; j++)
        sum += exp((double)row[j] - (double)row[c]);
    return 1.0 / sum;
}

double metric_brier(const float *logits, const int32_t *labels, int64_t rows, int32_t classes)
{
    double sum = 0.0;
    for (int64_t i = 0; i < rows; i++) {
        for (int32_t c = 0; c < classes; c++) {
            double off = probability(logits + i * classes, classes, c) - (labels[i] == c);
            sum += off * off;
        }
    }
    return rows > 0 ? sum / (double)rows / (classes == 2 ? 2.0 : 1.0) : NAN;
}

double metric_ece(const float *logits, const int32_t *labels, int64_t rows, int32_t classes)
{
    double confidence[ECE_BINS] = {0}, right[ECE_BINS] = {0}, sum = 0.0;
    for (int64_t i = 0; i < rows; i++) {
        const float *row = logits + i * classes;
        int32_t best = 0;
        for (int32_t c = 1; c < classes; c++)
            best = row[c] > row[best] ? c : best;
        double p = probability(row, classes, best);
        if (isnan(p))
            return NAN;
        int bin = (int)ceil(p * ECE_BINS) - 1;
        bin = bin < 0 ? 0 : bin >= ECE_BINS ? ECE_BINS - 1 : bin;
        confidence[bin] += p;
        right[bin] += best == labels[i];
    }
    for (int b = 0; b < ECE_BINS; b++)
        sum += fabs(confidence[b] - right[b]);
    return rows > 0 ? sum / (double)rows : NAN;
}

struct ranked {
    float value;
    int64_t row;
};

static int by_value(const void *a, const void *b)
{
    float x = ((const struct ranked *)a)->value, y = ((const struct ranked *)b)->value;
    return x < y ? -1 : x > y;
}

/* Average ranks, from 1; false when memory runs out. */
static bool rank(double *ranks, const float *values, int64_t rows)
{
    struct ranked *items = memory_allocate((size_t)rows, sizeof *items);
    if (!items)
        return false;
    for (int64_t i = 0; i < rows; i++)
        items[i] = (struct ranked){values[i], i};
    qsort(items, (size_t)rows, sizeof *items, by_value);
    for (int64_t i = 0; i < rows;) {
        int64_t end = i + 1;
        while (end < rows && items[end].value == items[i].value)
            end++;
        for (int64_t j = i; j < end; j++)
            ranks[items[j].row] = (double)(i + 1 + end) / 2.0;
        i = end;
    }
    memory_free(items);
    return true;
}

static double correlation(const double *x, const double *y, int64_t rows)
{
    double mean_x = 0.0, mean_y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;
    bool x_varies = false, y_varies = false; /* rounding of the means must not pass for variance */
    for (int64_t i = 0; i < rows; i++) {
        mean_x += x[i];
        mean_y += y[i];
        x_varies |= x[i] != x[0];
        y_varies |= y[i] != y[0];
    }
    if (!x_varies || !y_varies)
        return NAN;
    mean_x /= (double)rows;
    mean_y /= (double)rows;
    for (int64_t i = 0; i < rows; i++) {
        double a = x[i] - mean_x, b = y[i] - mean_y;
        xx += a * a;
        yy += b * b;
        xy += a * b;
    }
    return xy / (sqrt(xx) * sqrt(yy));
}

void metric_numbers(struct number_figures *out, const float *predicted, const float *expected,
                    int64_t rows)
{
    *out = (struct number_figures){NAN, NAN, NAN, NAN};
    double squares = 0.0, sizes = 0.0;
    for (int64_t i = 0; i < rows; i++) {
        double off = (double)predicted[i] - (double)expected[i];
        squares += off * off;
        sizes += fabs(off);
    }
    if (rows < 1 || isnan(squares))
        return;
    out->rmse = sqrt(squares / (double)rows);
    out->mae = sizes / (double)rows;
    double *x = memory_allocate((size_t)rows * 2, sizeof *x);
    if (!x)
        return;
    double *y = x + rows;
    for (int64_t i = 0; i < rows; i++) {
        x[i] = (double)predicted[i];
        y[i] = (double)expected[i];
    }
    out->pearson = correlation(x, y, rows);
    if (rank(x, predicted, rows) && rank(y, expected, rows))
        out->spearman = correlation(x, y, rows);
    memory_free(x);
}
