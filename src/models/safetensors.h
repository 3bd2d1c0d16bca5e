/* Tensors in files under their names, and the reader of safetensors files: mapped, read-only, and
 * as strict as the reference (the Rust crate): the header is at most 100 MB of JSON that starts
 * with '{', offsets cover the data exactly, without holes or overlaps, and every length equals its
 * shape times its type.
 *
 * Entries, names and data belong to the struct and live until close; everything but open and close
 * may be called by many threads. Data lie where the file has them, so an odd header length leaves
 * them unaligned: look at `aligned` before casting, or use the read calls, which accept both. The
 * map survives a shrinking file (base/file.h): call safetensors_check after reading.
 */
#ifndef ASSAY_MODELS_SAFETENSORS_H
#define ASSAY_MODELS_SAFETENSORS_H

#include "assay/status.h"
#include "tensor/dtype.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SAFETENSORS_MAX_RANK = 5,
    SAFETENSORS_MAX_HEADER = 100000000,
    SAFETENSORS_MAX_SHARDS = 512,
};

struct safetensors; /* one file, or all shards of a folder; of models/torch_file.h, too */

struct safetensors_entry {
    const char *name;
    enum dtype dtype;
    const char *type_name; /* as the file has it; tells DTYPE_OTHER types apart */
    int rank;              /* 0 for a scalar */
    int64_t shape[SAFETENSORS_MAX_RANK];
    size_t elements;
    const void *data; /* may point one past the file when `bytes` is 0 */
    size_t bytes;
    bool aligned; /* to the size of an element */
    bool shared;  /* the same bytes as another entry's, which has this false */
    size_t file;  /* for safetensors_file_path */
};

/* Opens one file; or a folder with model.safetensors, else model.safetensors.index.json and the
 * shards it names, which must lie in that folder. (models/weight_files.h opens a model's folder in
 * whatever format its weights are.) */
assay_status safetensors_open(struct safetensors **out, const char *path, assay_error *error);
void safetensors_close(struct safetensors *file); /* NULL allowed */

/* In the order of the files' headers. */
size_t safetensors_count(const struct safetensors *file);
const struct safetensors_entry *safetensors_at(const struct safetensors *file, size_t index);
/* NULL when there is none of that name. */
const struct safetensors_entry *safetensors_find(const struct safetensors *file, const char *name);

size_t safetensors_file_count(const struct safetensors *file);
const char *safetensors_file_path(const struct safetensors *file, size_t index);

/* The __metadata__ strings, of all shards in turn; NULL when absent or outside. */
size_t safetensors_metadata_count(const struct safetensors *file);
const char *safetensors_metadata_key(const struct safetensors *file, size_t index);
const char *safetensors_metadata_value(const struct safetensors *file, size_t index);
const char *safetensors_metadata(const struct safetensors *file, const char *key);

/* Elements [first, first + count) as float32 or int64. Floats are read from every type but
 * DTYPE_OTHER (float64 and integers are rounded to float32); integers from integer types and BOOL
 * only. ASSAY_ERROR_SHAPE otherwise, ASSAY_ERROR_CHANGED when the file shrank. */
assay_status safetensors_read_floats(float *out, const struct safetensors *file,
                                     const struct safetensors_entry *entry, size_t first,
                                     size_t count, assay_error *error);
assay_status safetensors_read_integers(int64_t *out, const struct safetensors *file,
                                       const struct safetensors_entry *entry, size_t first,
                                       size_t count, assay_error *error);

/* ASSAY_ERROR_CHANGED when any of the files shrank while mapped. */
assay_status safetensors_check(const struct safetensors *file, assay_error *error);
/* The pages of this tensor are not needed soon. */
void safetensors_drop(const struct safetensors *file, const struct safetensors_entry *entry);

/* Types that the format knows, computed with or not: bits of one element, 0 for an unknown name,
 * and the rank in which the reference writes them (higher first). */
unsigned safetensors_type_bits(const char *type_name);
unsigned safetensors_type_order(const char *type_name);

#endif
