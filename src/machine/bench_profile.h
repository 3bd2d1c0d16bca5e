/* From what graphs and the code around them measured to the table that is shown. */
#ifndef ASSAY_MACHINE_BENCH_PROFILE_H
#define ASSAY_MACHINE_BENCH_PROFILE_H

#include "assay/bench.h"
#include "tensor/profile.h"

/* What a step's optimizer is called in a profile. */
#define BENCH_PROFILE_ADAMW "adamw"
#define BENCH_PROFILE_NORM  "norm for clipping"

/* `seconds`: of so many whole steps. What they took beyond the profile's entries is "everything
 * else"; it is never less than nothing. */
void bench_profile_fill(assay_profile *out, const struct profile *profile, double seconds,
                        int64_t steps);

#endif
