/* How sure an area under the ROC curve is.
 *
 * The variance is DeLong's (1988) where every row stands alone, and Obuchowski's (1997) where rows
 * come in clusters (the same author, prompt or document), whose rows may be of both classes. Ties
 * are exact. Pure functions; nothing is allocated.
 */
#ifndef ASSAY_BASE_AUROC_H
#define ASSAY_BASE_AUROC_H

#include "base/intervals.h"

struct auroc_estimate {
    double auroc;     /* not a number with rows of one class only */
    double variance;  /* not a number with one cluster of a class */
    int64_t clusters; /* of the class that has fewer */
};

/* One cluster's part of the sums; memory of the caller, one a cluster. */
struct auroc_cluster {
    double above, below; /* placement values of its positive and negative rows */
    int64_t positives, negatives;
};

/* values[order[i]] must not decrease with i. Row r is positive where labels[r] == positive and left
 * out where labels[r] < 0; it is of cluster clusters[r], 0 .. cluster_count - 1. */
void auroc_estimate(struct auroc_estimate *out, const float *values, const uint32_t *order,
                    const int32_t *labels, int32_t positive, const uint32_t *clusters,
                    struct auroc_cluster *scratch, int64_t cluster_count, int64_t rows);

/* Symmetric on the logit's scale; the true area lies outside with probability `alpha`. Where all
 * pairs agree the variance says nothing: then the end is such that `alpha` / 2 is the chance of
 * that many clusters agreeing. */
struct interval auroc_interval(const struct auroc_estimate *estimate, double alpha);

#endif
