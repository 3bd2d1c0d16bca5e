/* Reads and tokenises the rows of a request into a cache file. Tokens go straight to the file; a
 * row leaves some twenty bytes and its id, if it has one, in memory.
 */
#ifndef ASSAY_DATASET_DATASET_READ_H
#define ASSAY_DATASET_DATASET_READ_H

#include "dataset/dataset_meter.h"

/* ASSAY_ERROR_CHANGED when the data, read, are no longer those of the fingerprint. */
assay_status dataset_make_cache(const struct dataset_request *request, const char *path,
                                const char *key, const char *fingerprint,
                                struct dataset_meter *meter, assay_error *error);

#endif
