/* Repeating a piece of work and keeping the median, and what the machine's float32 (or bfloat16)
 * product can do, as the limit that other works are held against.
 */
#ifndef ASSAY_MACHINE_MEASURE_H
#define ASSAY_MACHINE_MEASURE_H

#include "assay/machine.h"

/* Seconds on a clock that only goes forward. */
double measure_now(void);

typedef assay_status measure_step(void *context, assay_error *error);

/* Runs `step` once unmeasured, then at least three times and for at least `seconds`. `amount` is
 * what one step gets done, in the result's unit without "/s"; 0: the result is milliseconds a step.
 * Fills value, least, most, repetitions and peak_bytes. */
assay_status measure_work(assay_bench_result *result, double seconds, double amount,
                          measure_step *step, void *context, assay_error *error);
/* The same where every step gets another amount done, which it leaves in *amount. */
assay_status measure_steps(assay_bench_result *result, double seconds, const double *amount,
                           measure_step *step, void *context, assay_error *error);

/* Fills the result for the product of (1024, 768) by (768, 768) in GFLOP/s with the kernels of the
 * options' precision, or the next higher one. */
assay_status measure_product(assay_bench_result *result, const assay_bench_options *options,
                             assay_error *error);
/* Copying a block larger than the caches, by all threads: bytes read and written, GB/s. */
assay_status measure_stream(assay_bench_result *result, const assay_bench_options *options,
                            assay_error *error);

#endif
