/* Intervals of figures that were measured on a sample, and tests of two figures on one sample.
 *
 * Pure functions in double precision. An interval that is not defined has two ends that are not
 * numbers. Sources: Wilson, "Probable inference", 1927; Newcombe,
 * "Interval estimation for the difference", 1998; Hesterberg, "What teachers should know
 * about the bootstrap", 2015 (expanded percentiles); McNemar, 1947.
 */
#ifndef ASSAY_BASE_INTERVALS_H
#define ASSAY_BASE_INTERVALS_H

#include <stdint.h>

struct interval {
    double low, high;
};

/* Of a share of `hits` in `trials`, which need not be whole numbers. */
struct interval interval_wilson(double hits, double trials, double confidence);

/* Of the difference of two shares, first / of_first - second / of_second; it lies outside with
 * probability `alpha`, which may be too small for a confidence to show. */
struct interval interval_share_difference(double first, double of_first, double second,
                                          double of_second, double alpha);

/* Of a figure whose values on resamples are `values`, which are put in order; `units` were drawn
 * each time. Percentiles are widened as Student's t is wider than the normal curve, because those
 * of few units are too narrow. */
struct interval interval_percentile(double *values, int64_t count, int64_t units,
                                    double confidence);

/* Of Student's t with `freedom` degrees of it; 0 < p < 1. */
double student_quantile(double p, double freedom);
/* Linear between the neighbours, as numpy's; `sorted` rises. */
double quantile_of_sorted(const double *sorted, int64_t count, double p);

/* Probability, two-sided, of a split of a + b discordant pairs as uneven as this when neither of
 * two classifiers is better: exact up to MCNEMAR_EXACT pairs, by chi-square with continuity beyond.
 */
enum { MCNEMAR_EXACT = 1000 };
double mcnemar_test(int64_t a, int64_t b);

#endif
