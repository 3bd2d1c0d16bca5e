/* How far a rate that was measured on some rows may lie from the rate of other rows.
 *
 * Rows of one group (a prompt, an author, a document) fall together, so a rate over n of them is
 * known less well than one over n that have nothing in common: by the design effect, the variance
 * of the rate by groups over that of independent rows (Kish, 1965). n over the design effect is the
 * number of independent rows that would tell as much. Pure functions.
 */
#ifndef ASSAY_DETECT_RATES_H
#define ASSAY_DETECT_RATES_H

#include "assay/status.h"

#include <stdbool.h>

/* Of all intervals of rates; those of a rate that was measured are interval_wilson's, hits and
 * trials both over the design effect. */
#define RATES_CONFIDENCE 0.95

/* One row of those that the rate is of. */
struct rated_row {
    uint64_t group;
    bool hit;
};

/* At least 1: groups may make an estimate worse, and that they seem to make it better is chance.
 * Sorts the rows. 1 for fewer than two groups and for a rate of 0 or 1, which have no variance to
 * tell it by. */
double rates_design_effect(struct rated_row *rows, int64_t count);

/* Between which rates, with a probability of RATES_CONFIDENCE, a fresh sample of `fresh` negative
 * rows is flagged by a threshold that leaves rank - 1 of `rows` calibration negatives above it;
 * both samples are drawn alike and both count: the number flagged is beta-binomial (rank, rows + 1
 * - rank). With a design effect, shared by both samples, each counts for so many rows less. `fresh`
 * <= 0: of the rate in the long run. */
void rates_expected(double *low, double *high, int64_t rank, int64_t rows, int64_t fresh,
                    double design_effect);

#endif
