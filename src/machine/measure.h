/* Repeating a piece of work and keeping the median, and what the machine's float32 (or bfloat16)
 * product can do, as the limit that other works are held against.
 */
#ifndef ASSAY_MACHINE_MEASURE_H
#define ASSAY_MACHINE_MEASURE_H

#include "assay/bench.h"

typedef assay_status measure_step(void *context, assay_error *error);

/* A piece of work to repeat. */
struct measured {
    measure_step *step;
    void *context;
    /* What one step gets done, in the result's unit without "/s"; steps may change it. NULL: the
     * result is milliseconds a step. */
    const double *amount;
    double seconds; /* at least */
    int64_t cycle;  /* the number of steps is a multiple of it; 0: any number */
};

/* Runs the step once unmeasured, then at least three times and for at least so long. Fills value,
 * least, most, mean, repetitions and peak_bytes. */
assay_status measure_steps(assay_bench_result *result, const struct measured *measured,
                           assay_error *error);

/* Fills the result for the product of (1024, 768) by (768, 768) in GFLOP/s with the kernels of the
 * options' precision, or the next higher one. */
assay_status measure_product(assay_bench_result *result, const assay_bench_options *options,
                             assay_error *error);
/* What of a result are words; cut where they are too long. */
void measure_name(char name[ASSAY_BENCH_NAME], const char *text);
/* Copying a block larger than the caches, by all threads: bytes read and written, GB/s. */
assay_status measure_stream(assay_bench_result *result, const assay_bench_options *options,
                            assay_error *error);

#endif
