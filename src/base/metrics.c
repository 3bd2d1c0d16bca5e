#include "base/metrics.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

enum { ECE_BINS = 15 };

/* The sum of exponentials of a row's logits, the largest taken as the origin. */
static double exponentials(const float *row, int32_t classes, int32_t best)
{
    double sum = 0.0;
    for (int32_t c = 0; c < classes; c++)
        sum += exp((double)row[c] - (double)row[best]);
    return sum;
}

static int32_t most_probable(const float *row, int32_t classes)
{
    int32_t best = 0;
    for (int32_t c = 1; c < classes; c++)
        best = row[c] > row[best] ? c : best;
    return best;
}

double metric_brier(const float *logits, const int32_t *labels, int64_t rows, int32_t classes)
{
    double sum = 0.0;
    for (int64_t i = 0; i < rows; i++) {
        const float *row = logits + i * classes;
        int32_t best = most_probable(row, classes);
        double all = exponentials(row, classes, best);
        for (int32_t c = 0; c < classes; c++) {
            double off = exp((double)row[c] - (double)row[best]) / all - (labels[i] == c);
            sum += off * off;
        }
    }
    return rows > 0 ? sum / (double)rows / (classes == 2 ? 2.0 : 1.0) : NAN;
}

double metric_ece(const float *logits, const int32_t *labels, int64_t rows, int32_t classes)
{
    double gap[ECE_BINS] = {0}, sum = 0.0; /* confidence less accuracy, times rows */
    for (int64_t i = 0; i < rows; i++) {
        const float *row = logits + i * classes;
        int32_t best = most_probable(row, classes);
        double p = 1.0 / exponentials(row, classes, best);
        if (isnan(p))
            return NAN;
        int bin = (int)ceil(p * ECE_BINS) - 1;
        bin = bin < 0 ? 0 : bin >= ECE_BINS ? ECE_BINS - 1 : bin;
        gap[bin] += p - (best == labels[i]);
    }
    for (int b = 0; b < ECE_BINS; b++)
        sum += fabs(gap[b]);
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
    double r = xy / (sqrt(xx) * sqrt(yy));
    return r > 1.0 ? 1.0 : r < -1.0 ? -1.0 : r; /* as scipy: rounding must not leave the range */
}

bool metric_numbers(struct number_figures *out, const float *predicted, const float *expected,
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
        return true;
    out->rmse = sqrt(squares / (double)rows);
    out->mae = sizes / (double)rows;
    double *x = memory_allocate((size_t)rows * 2, sizeof *x);
    if (!x)
        return false;
    double *y = x + rows;
    for (int64_t i = 0; i < rows; i++) {
        x[i] = (double)predicted[i];
        y[i] = (double)expected[i];
    }
    out->pearson = correlation(x, y, rows);
    bool ranked = rank(x, predicted, rows) && rank(y, expected, rows);
    if (ranked)
        out->spearman = correlation(x, y, rows);
    memory_free(x);
    return ranked;
}
