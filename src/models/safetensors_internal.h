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
    void **blocks;                           /* data that no mapping holds as they are needed */
    size_t block_count;
    struct pair *metadata;
    size_t metadata_count;
};

/* A reader of one format: maps one file, checks it and appends its tensors. After a failure `out`
 * is good for close only. */
typedef assay_status safetensors_reader(struct safetensors *out, const char *path,
                                        assay_error *error);
safetensors_reader safetensors_add_file;

/* The first step of a reader: appends the mapping. */
assay_status safetensors_map_file(struct safetensors *out, const struct mapped_file **file,
                                  const char *path, assay_error *error);

/* Opens one file, or the shards that an index names, which must lie in its folder. */
assay_status safetensors_open_with(struct safetensors **out, const char *path,
                                   safetensors_reader *reader, assay_error *error);
assay_status safetensors_open_index(struct safetensors **out, const char *folder,
                                    const char *index_name, safetensors_reader *reader,
                                    assay_error *error);

/* An error about a file and, unless NULL, a tensor. */
assay_status safetensors_refuse(const char *path, const char *name, assay_error *error,
                                assay_status status, const char *message);

#endif
