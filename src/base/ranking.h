/* Rows in order of a score, and the figures of merit that only the order decides: areas under
 * curves, what a threshold at a rate of false alarms finds, and what leaving rows unanswered saves.
 *
 * Under the rules of base/metrics.h. A ranking is made once and read with any weights, which is
 * what resampling needs; weights are one a row, not negative, and stand for so many copies of the
 * row.
 */
#ifndef ASSAY_BASE_RANKING_H
#define ASSAY_BASE_RANKING_H

#include <stdbool.h>
#include <stdint.h>

/* The highest score first; `last` marks the last row of each tie. */
struct ranking {
    int64_t rows;
    int32_t *order;
    uint8_t *last;
};
/* False when memory runs out or a score is not a number. Release with ranking_free. */
bool ranking_make(struct ranking *out, const double *scores, int64_t rows);
void ranking_free(struct ranking *ranking);

/* roc_auc_score and average_precision_score of scikit-learn. weights NULL: 1 each. positive: one
 * flag a row. */
double ranking_auroc(const struct ranking *ranking, const uint8_t *positive, const double *weights);
double ranking_auprc(const struct ranking *ranking, const uint8_t *positive, const double *weights);

/* The lowest threshold whose share of negatives at or above it is at most `rate`. `flagged` is
 * false where the highest tie alone is beyond the rate: then nothing is flagged. */
struct rate_point {
    bool flagged;
    int64_t last;                           /* of the flagged rows in the ranking's order */
    double true_positives, false_positives; /* sums of weights at or above it */
    double positives, negatives;            /* of all */
};
void ranking_at_rate(struct rate_point *out, const struct ranking *ranking, const uint8_t *positive,
                     const double *weights, double rate);

/* The area under risk (share of wrong ones) over coverage (share of rows answered), the surest
 * first: the mean over k of the risk of the k surest rows; rows that tie are taken in all orders.
 * Geifman and El-Yaniv, 2017. */
double ranking_risk_area(const struct ranking *by_confidence, const uint8_t *wrong,
                         const double *weights);

#endif
