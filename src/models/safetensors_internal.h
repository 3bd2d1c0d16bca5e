/* What the files of the safetensors reader share; see models/safetensors.h for the contract.
 */
#ifndef ASSAY_MODELS_SAFETENSORS_INTERNAL_H
#define ASSAY_MODELS_SAFETENSORS_INTERNAL_H

#include "base/file.h"
#include "models/safetensors.h"

struct pair {
    char *key;
    char *value;
};

struct safetensors {
    struct mapped_file **files;
    size_t file_count;
    struct safetensors_entry *entries;
    size_t entry_count;
    size_t entry_capacity;
    const struct safetensors_entry **sorted; /* by name */
    struct pair *metadata;
    size_t metadata_count;
};

/* Maps one file, checks its header and appends its tensors and metadata. After a failure `out` is
 * good for close only. */
assay_status safetensors_add_file(struct safetensors *out, const char *path, assay_error *error);

/* An error about a file and, unless NULL, a tensor. */
assay_status safetensors_refuse(const char *path, const char *name, assay_error *error,
                                assay_status status, const char *message);

#endif
