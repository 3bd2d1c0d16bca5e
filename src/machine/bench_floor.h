/* What the machine would allow a work: measured in the same process, just after it. */
#ifndef ASSAY_MACHINE_BENCH_FLOOR_H
#define ASSAY_MACHINE_BENCH_FLOOR_H

#include "assay/bench.h"

/* From result->operations and result->bytes (of a token) and the precision and threads of the
 * options: fills the peaks and the floor, in tokens a second. */
assay_status bench_floor(assay_bench_result *result, const assay_bench_options *options,
                         assay_error *error);

#endif
