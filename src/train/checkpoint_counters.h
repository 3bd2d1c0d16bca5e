/* A checkpoint's counters as text; reading them is checkpoint_parse_counters.
 */
#ifndef ASSAY_TRAIN_CHECKPOINT_COUNTERS_H
#define ASSAY_TRAIN_CHECKPOINT_COUNTERS_H

#include "base/buffer.h"
#include "train/checkpoint.h"

/* What can be written and read back. */
assay_status checkpoint_counters_check(const struct checkpoint_counters *counters,
                                       assay_error *error);
/* Appends state.json. */
assay_status checkpoint_counters_write(struct buffer *text,
                                       const struct checkpoint_counters *counters,
                                       assay_error *error);

#endif
