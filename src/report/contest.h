/* Several scorers judged on the same rows and the same resamples: each one's area under ROC and
 * accuracy, and by how much the first is better than each. Differences of paired resamples are what
 * tells two scorers apart; their separate intervals may overlap and still differ.
 */
#ifndef ASSAY_REPORT_CONTEST_H
#define ASSAY_REPORT_CONTEST_H

#include "base/ranking.h"
#include "report/resample.h"

struct contestant {
    const struct ranking *ranking; /* NULL: does not rank */
    const uint8_t *right;          /* one flag a row; NULL: does not decide */
};

struct contest_figure {
    double value;
    struct interval interval;
    double lead; /* of the first contestant over this one */
    struct interval lead_interval;
};

struct contest_result {
    struct contest_figure auroc, accuracy;
};

/* results (count). Figures that are not defined are not numbers. */
assay_status contest_judge(struct contest_result *results, const struct contestant *contestants,
                           int count, const uint8_t *positive, const struct resample_plan *plan,
                           assay_error *error);

/* A lead that chance does not explain, at 95 %. */
bool contest_leads(const struct contest_figure *figure);
bool contest_trails(const struct contest_figure *figure);

#endif
