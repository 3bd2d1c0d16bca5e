/* Every figure of one set of rows, with its interval: of all rows, of a slice, of attacked rows.
 *
 * A figure that is not defined, or that these rows cannot bear, is not a number and has its reason.
 * Owned by the caller; release with figures_free.
 */
#ifndef ASSAY_REPORT_FIGURES_H
#define ASSAY_REPORT_FIGURES_H

#include "base/metrics_decisions.h"
#include "base/ranking.h"
#include "report/resample.h"
#include "report/score_table.h"

/* X(identifier, name in report.json, name on the page) */
#define FIGURE_LIST(X)                                                                             \
    X(ACCURACY, "accuracy", "Accuracy")                                                            \
    X(BALANCED_ACCURACY, "balanced_accuracy", "Balanced accuracy")                                 \
    X(MACRO_F1, "macro_f1", "Macro F1")                                                            \
    X(MCC, "mcc", "MCC")                                                                           \
    X(AUROC, "auroc", "AUROC")                                                                     \
    X(AUPRC, "auprc", "AUPRC")                                                                     \
    X(BRIER, "brier", "Brier score")                                                               \
    X(ECE, "ece", "Calibration error (ECE)")                                                       \
    X(RISK_AREA, "risk_coverage_area", "Area under risk-coverage")                                 \
    X(TPR_AT_1, "tpr_at_fpr_0.01", "TPR at 1 % FPR")                                               \
    X(TPR_AT_5, "tpr_at_fpr_0.05", "TPR at 5 % FPR")

enum figure {
#define X(identifier, name, title) FIGURE_##identifier,
    FIGURE_LIST(X)
#undef X
        FIGURE_COUNT
};
const char *figure_name(int figure);
const char *figure_title(int figure);

enum { RATE_COUNT = 2, SURE_BINS = 15, POSITIVE_BINS = 10, REASON_SIZE = 200, RISK_POINTS = 100 };
extern const double figure_rates[RATE_COUNT];

struct measured {
    double value;
    struct interval interval;
    char reason[REASON_SIZE]; /* of a missing value or interval, or "" */
};

/* Both are counted at the threshold; their Wilson intervals take it as given. */
struct rate_figure {
    double rate;
    double threshold; /* of the score; NaN: none */
    double true_positives, false_positives;
    struct interval tpr, fpr;
};

struct calibration_bin {
    double rows, probability, share; /* mean of what was said, and what came true */
    struct interval interval;
};

struct risk_point {
    double coverage, risk;
};

struct figures {
    int64_t rows, negatives, positives;
    int32_t classes, clusters, resamples;
    double *confusion;         /* (classes, classes): true, predicted */
    struct class_row *rows_of; /* (classes) */
    struct decision_figures decisions;
    struct measured of[FIGURE_COUNT];
    struct rate_figure rates[RATE_COUNT];
    struct calibration_bin sure[SURE_BINS], positive[POSITIVE_BINS];
    struct risk_point risk[RISK_POINTS + 1];
    int risk_count;
    int64_t distinct_scores; /* 0 without scores */
};

struct figures_options {
    uint64_t seed;
    int32_t resamples; /* 0: no intervals by resampling */
    struct thread_pool *threads;
};

assay_status figures_make(struct figures *out, const struct score_table *table,
                          const struct figures_options *options, assay_error *error);
void figures_free(struct figures *figures);

/* One flag a row: whether its label is the positive class. NULL when memory runs out. */
uint8_t *figures_positive_flags(const struct score_table *table);

#endif
