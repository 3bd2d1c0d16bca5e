#include "base/auroc.h"

#include "base/normal.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Rows order[begin] to the end returned tie; counts those of both classes. */
static int64_t tie_end(const float *values, const uint32_t *order, const int32_t *labels,
                       int32_t positive, int64_t begin, int64_t rows, double *positives,
                       double *negatives)
{
    int64_t end = begin;
    *positives = *negatives = 0.0;
    for (; end < rows && values[order[end]] == values[order[begin]]; end++) {
        int32_t label = labels[order[end]];
        *positives += label == positive;
        *negatives += label >= 0 && label != positive;
    }
    return end;
}

/* The placement value of a positive is the share of negatives below it, of a negative the share of
 * positives above it; ties count half. Their mean over either class is the area. */
static void place_rows(const float *values, const uint32_t *order, const int32_t *labels,
                       int32_t positive, const uint32_t *clusters, struct auroc_cluster *scratch,
                       int64_t rows, double all_positives, double all_negatives)
{
    double positives_below = 0.0, negatives_below = 0.0;
    for (int64_t begin = 0, end; begin < rows; begin = end) {
        double here, others;
        end = tie_end(values, order, labels, positive, begin, rows, &here, &others);
        for (int64_t i = begin; i < end; i++) {
            uint32_t row = order[i];
            struct auroc_cluster *cluster = &scratch[clusters[row]];
            if (labels[row] == positive) {
                cluster->above += (negatives_below + others / 2.0) / all_negatives;
                cluster->positives++;
            } else if (labels[row] >= 0) {
                cluster->below += (all_positives - positives_below - here / 2.0) / all_positives;
                cluster->negatives++;
            }
        }
        positives_below += here;
        negatives_below += others;
    }
}

void auroc_estimate(struct auroc_estimate *out, const float *values, const uint32_t *order,
                    const int32_t *labels, int32_t positive, const uint32_t *clusters,
                    struct auroc_cluster *scratch, int64_t cluster_count, int64_t rows)
{
    double positives = 0.0, negatives = 0.0;
    *out = (struct auroc_estimate){NAN, NAN, 0};
    for (int64_t i = 0; i < rows; i++) {
        positives += labels[i] == positive;
        negatives += labels[i] >= 0 && labels[i] != positive;
    }
    if (positives == 0.0 || negatives == 0.0)
        return;
    memset(scratch, 0, (size_t)cluster_count * sizeof *scratch);
    place_rows(values, order, labels, positive, clusters, scratch, rows, positives, negatives);
    double sum = 0.0, all = 0.0, of_positive = 0.0, of_negative = 0.0;
    for (int64_t i = 0; i < cluster_count; i++) {
        sum += scratch[i].above;
        all += scratch[i].positives || scratch[i].negatives;
        of_positive += scratch[i].positives > 0;
        of_negative += scratch[i].negatives > 0;
    }
    out->auroc = sum / positives;
    out->clusters = (int64_t)fmin(of_positive, of_negative);
    if (out->clusters < 2)
        return;
    double above = 0.0, below = 0.0, both = 0.0;
    for (int64_t i = 0; i < cluster_count; i++) {
        double a = scratch[i].above - (double)scratch[i].positives * out->auroc;
        double b = scratch[i].below - (double)scratch[i].negatives * out->auroc;
        above += a * a;
        below += b * b;
        both += a * b;
    }
    double variance = above * of_positive / (of_positive - 1.0) / (positives * positives) +
                      below * of_negative / (of_negative - 1.0) / (negatives * negatives) +
                      2.0 * both * all / (all - 1.0) / (positives * negatives);
    out->variance = fmax(variance, 0.0);
}

struct interval auroc_interval(const struct auroc_estimate *estimate, double alpha)
{
    double area = estimate->auroc;
    if (isnan(area) || isnan(estimate->variance))
        return (struct interval){0.0, 1.0};
    double agreeing = pow(alpha / 2.0, 1.0 / (double)estimate->clusters);
    if (area >= 1.0)
        return (struct interval){agreeing, 1.0};
    if (area <= 0.0)
        return (struct interval){0.0, 1.0 - agreeing};
    double half = -normal_quantile(alpha / 2.0) * sqrt(estimate->variance) / (area * (1.0 - area));
    double middle = log(area / (1.0 - area));
    return (struct interval){1.0 / (1.0 + exp(half - middle)), 1.0 / (1.0 + exp(-half - middle))};
}
