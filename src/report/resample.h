/* The bootstrap over clusters: as many clusters as there are, drawn with replacement, all rows of a
 * cluster together, so that rows that hang together do not make an interval narrower than it is.
 *
 * Draws are a function of (seed, resample, position), so a result does not depend on the number of
 * threads, and two figures measured with one plan are measured on the same resamples.
 */
#ifndef ASSAY_REPORT_RESAMPLE_H
#define ASSAY_REPORT_RESAMPLE_H

#include "assay/status.h"
#include "base/intervals.h"
#include "base/threads.h"

struct resample_plan {
    const int32_t *cluster; /* (rows) */
    int64_t rows;
    int32_t clusters;
    int32_t count; /* of resamples */
    uint64_t seed;
    struct thread_pool *threads; /* NULL: the caller alone */
};

/* Measures `width` figures on rows that count `weights[row]` times. Called by many threads at once,
 * each with its own weights and out; context is shared and read, but for what `thread` (0 .. the
 * pool's size - 1) owns. */
typedef void resample_measure(const void *context, double *out, const double *weights, int thread);

/* values (width, count): all resamples of the first figure, then of the second. */
assay_status resample(double *values, int32_t width, const struct resample_plan *plan,
                      resample_measure *measure, const void *context, assay_error *error);

/* The 95 % interval of one figure from its resamples, which are put in order. Resamples on which it
 * is not defined are left out; when they are many there is no interval, and *reason says so. */
#define RESAMPLE_CONFIDENCE 0.95
struct interval resample_interval(double *values, const struct resample_plan *plan,
                                  const char **reason);

/* So many resamples that the work stays bounded: `asked`, or 1000 and fewer for very many rows. */
int32_t resample_count(int32_t asked, int64_t rows);

#endif
