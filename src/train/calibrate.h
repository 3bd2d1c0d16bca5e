/* From rows and their logits to a calibration, for a run's end and for a model folder alike.
 */
#ifndef ASSAY_TRAIN_CALIBRATE_H
#define ASSAY_TRAIN_CALIBRATE_H

#include "detect/detector.h"
#include "train/chunk.h"

struct calibrate_request {
    const struct row_feed *feed;
    const float *logits;      /* (feed->rows, labels) */
    const uint64_t *group;    /* (feed->rows); NULL: rows are independent */
    const char *const *names; /* (labels) of the model */
    int32_t labels, positive; /* -1: none */
};

/* rows_sha256: of each row in order its label, a zero byte, the number of its tokens and these, as
 * little-endian words of 32 bits. */
assay_status calibrate_feed(struct calibration *out, char rows_sha256[SHA256_HEX_SIZE],
                            const struct calibrate_request *request, assay_error *error);

#endif
