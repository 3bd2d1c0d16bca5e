/* Figures of decisions, as scikit-learn defines them: of each class, and of all. Under the rules of
 * base/metrics.h.
 */
#ifndef ASSAY_BASE_METRICS_DECISIONS_H
#define ASSAY_BASE_METRICS_DECISIONS_H

#include <stdbool.h>
#include <stdint.h>

/* precision_recall_fscore_support with zero_division=0. */
struct class_row {
    double precision, recall, f1, support;
};

/* accuracy_score, balanced_accuracy_score, matthews_corrcoef, and means of the classes' rows: over
 * the classes that occur in either (f1_score with average="macro"), and weighted by support. */
struct decision_figures {
    double accuracy, balanced_accuracy, mcc;
    struct class_row macro, weighted; /* their support: all rows */
};
/* `confusion` is (classes true, classes predicted), of counts or sums of weights. `rows_out`
 * (classes) may be NULL. */
void metric_decisions(struct decision_figures *out, struct class_row *rows_out,
                      const double *confusion, int32_t classes);
/* The same of predicted and true classes, in memory a class instead of a pair of classes. */
bool metric_decisions_of_rows(struct decision_figures *out, const int32_t *predicted,
                              const int32_t *labels, int64_t rows, int32_t classes);

#endif
