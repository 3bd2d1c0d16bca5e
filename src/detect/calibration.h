/* The operating points of a detector, fitted on rows that neither trained it nor chose its weights:
 * a temperature, thresholds at stated false-positive rates, the scores of the negatives for
 * p-values, and the lengths that all this holds for.
 *
 * A threshold at rate a over n negatives leaves at most k - 1 of them at or above it, k being
 * floor(a (n + 1)): then a negative drawn like them is flagged with probability at most a, and
 * "score
 * >= threshold" says the same as "p-value <= a". Ties are exact: equal scores are flagged together
 * or not at all. A rate that needs more than n negatives (10 / a) is refused with the reason.
 * Fitting is a pure function of its rows. Owns its arrays; immutable when made.
 */
#ifndef ASSAY_DETECT_CALIBRATION_H
#define ASSAY_DETECT_CALIBRATION_H

#include "detect/conformal.h"

enum { CALIBRATION_POINTS = 3, CALIBRATION_REASON = 160, CALIBRATION_HARD_MINIMUM = 4 };

/* The rates that are fitted, rising: 1 %, 5 %, 10 %. */
extern const double calibration_rates[CALIBRATION_POINTS];

/* Negatives that a rate needs at least. */
int64_t calibration_least_negatives(double fpr);

/* A threshold leaves rank - 1 negatives at or above it. */
int64_t calibration_rank(double fpr, int64_t negatives);

struct calibration_rows {
    const float *logits;   /* (rows, labels) */
    const int32_t *truth;  /* (rows) */
    const int32_t *tokens; /* (rows) */
    const uint64_t *group; /* (rows) which rows belong together; NULL: each is its own group */
    int64_t rows;
    int32_t labels;
    int32_t positive; /* -1: there is none, so only a temperature is fitted */
};

struct calibration_point {
    double fpr;                                   /* the stated rate */
    float threshold;                              /* flagged where detect_score >= this */
    int64_t false_positives, true_positives;      /* of the calibration rows */
    double achieved, achieved_low, achieved_high; /* false positives over negatives; Wilson */
    double tpr, tpr_low, tpr_high;
    double design_effect, positive_design_effect; /* by which the intervals are wider */
};

struct calibration {
    int64_t rows, negatives, positives;
    int64_t groups;     /* 0: rows were taken for independent */
    double temperature; /* 0: none, for `temperature_reason` */
    char temperature_reason[CALIBRATION_REASON];
    struct calibration_point points[CALIBRATION_POINTS];
    int point_count;
    struct {
        double fpr;
        char reason[CALIBRATION_REASON];
    } refused[CALIBRATION_POINTS];
    int refused_count;
    /* Tokens of the rows (of the negatives, where there is a positive class): from the 1st
     * percentile, or CALIBRATION_HARD_MINIMUM, to the 99th; and of all. */
    int32_t least_tokens, most_tokens, shortest, longest;
    struct conformal negatives_scores; /* count 0 without a positive class */
};

/* Rows that cannot calibrate anything are errors: none, one class alone, scores that are all the
 * same (ASSAY_ERROR_ARGUMENT), a score that is not finite (ASSAY_ERROR_NUMERIC with its row). */
assay_status calibration_fit(struct calibration *out, const struct calibration_rows *rows,
                             assay_error *error);
void calibration_free(struct calibration *calibration);

/* 1 where no temperature was fitted. */
double calibration_divisor(const struct calibration *calibration);

#endif
