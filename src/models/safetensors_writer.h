/* Writing one safetensors file, byte for byte as the reference does: tensors by descending type,
 * then by name; a compact header, `"__metadata__":{"format":"pt"}` first, padded with spaces to a
 * multiple of 8. The file appears complete or not at all (base/file.h).
 */
#ifndef ASSAY_MODELS_SAFETENSORS_WRITER_H
#define ASSAY_MODELS_SAFETENSORS_WRITER_H

#include "base/file.h"
#include "models/safetensors.h"

struct safetensors_item {
    const char *name;
    enum dtype dtype;
    const char *type_name; /* read only where dtype is DTYPE_OTHER */
    int rank;
    int64_t shape[SAFETENSORS_MAX_RANK];
    const void *data; /* dense, little-endian; may be NULL when the shape has no elements */
};

/* What saves an entry as it was read. */
struct safetensors_item safetensors_item_of(const struct safetensors_entry *entry);

/* Items in any order; names must be valid UTF-8 and differ. */
assay_status safetensors_write(const char *path, const struct safetensors_item *items, size_t count,
                               assay_error *error);
/* The same into a file that the caller commits; `path` names it in errors. */
assay_status safetensors_write_into(struct file_writer *writer, const char *path,
                                    const struct safetensors_item *items, size_t count,
                                    assay_error *error);

#endif
