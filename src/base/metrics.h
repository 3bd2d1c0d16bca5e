/* Figures of merit over the scores of one evaluation, as scikit-learn defines them.
 *
 * Pure functions of arrays, in double precision, ties handled exactly. A figure that is not defined
 * (one class only, no variance) is not a number. Those that need working memory return false where
 * it cannot be had. Labels are 0 .. classes - 1.
 */
#ifndef ASSAY_BASE_METRICS_H
#define ASSAY_BASE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

/* roc_auc_score and average_precision_score from logits (rows, classes): mean over classes that
 * have both kinds of rows of the one-against-rest figure, by the log of each class's odds; with two
 * classes, the figure of `positive` by the difference of its logit and the other's. Neither rounds
 * as probabilities near 1 do, which would make ties. */
bool metric_auroc_of_logits(double *value, const float *logits, const int32_t *labels, int64_t rows,
                            int32_t classes, int32_t positive);
bool metric_auprc_of_logits(double *value, const float *logits, const int32_t *labels, int64_t rows,
                            int32_t classes, int32_t positive);

/* Mean over rows of the sum over classes of (probability - [label])^2, halved for two classes:
 * brier_score_loss of the positive one. */
double metric_brier(const float *logits, const int32_t *labels, int64_t rows, int32_t classes);
/* Expected calibration error of the most probable class in 15 bins of equal width (Guo et al.,
 * 2017). */
double metric_ece(const float *logits, const int32_t *labels, int64_t rows, int32_t classes);

struct number_figures {
    double rmse, mae, pearson, spearman; /* spearman: average ranks for ties, as scipy */
};
bool metric_numbers(struct number_figures *out, const float *predicted, const float *expected,
                    int64_t rows);

#endif
