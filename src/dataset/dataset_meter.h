/* Tells a caller how far the reading of a source is, at most ten times a second. One thread.
 */
#ifndef ASSAY_DATASET_DATASET_METER_H
#define ASSAY_DATASET_DATASET_METER_H

#include "dataset/dataset.h"

struct dataset_meter {
    dataset_progress *progress; /* may be NULL */
    void *context;
    int64_t rows;   /* set by whoever reads rows */
    uint64_t total; /* bytes of the source, 0 while they are not known */
    int64_t told;   /* when, in nanoseconds */
};

void dataset_meter_tell(struct dataset_meter *meter, uint64_t done);
void dataset_meter_note(struct dataset_meter *meter, const char *note); /* at once */

#endif
