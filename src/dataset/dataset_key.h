/* Fingerprints: of the bytes of a source (data/fingerprint.h), and of all that its tokens depend
 * on.
 */
#ifndef ASSAY_DATASET_DATASET_KEY_H
#define ASSAY_DATASET_DATASET_KEY_H

#include "base/sha256.h"
#include "dataset/dataset_meter.h"

/* The data's name of a usual field, NULL when the request maps none. */
const char *dataset_field(const struct dataset_request *request, const char *usual);

/* Tells how far it is, and leaves the bytes of the source in meter->total. */
assay_status dataset_fingerprint(char hex[SHA256_HEX_SIZE], const char *path,
                                 struct dataset_meter *meter, assay_error *error);
assay_status dataset_key(char hex[SHA256_HEX_SIZE], const struct dataset_request *request,
                         const char *fingerprint, assay_error *error);

#endif
