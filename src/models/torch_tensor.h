/* A tensor of a PyTorch checkpoint as the bytes of its storage that it consists of.
 */
#ifndef ASSAY_MODELS_TORCH_TENSOR_H
#define ASSAY_MODELS_TORCH_TENSOR_H

#include "models/pickle.h"
#include "models/safetensors.h"

struct torch_storage {
    const unsigned char *bytes;
    size_t size;
};

/* Fills type, shape, `elements` and `bytes` of the entry. Every element lies in a storage of that
 * many bytes, or ASSAY_ERROR_FORMAT. */
assay_status torch_tensor_check(struct safetensors_entry *entry, const struct pickle_tensor *tensor,
                                size_t storage_bytes, assay_error *error);

/* After the check, fills the entry's `data` and `aligned`: in the storage, or, where its elements
 * do not follow each other there, in a new block that the caller owns (else *block is NULL). */
assay_status torch_tensor_place(struct safetensors_entry *entry, void **block,
                                const struct pickle_tensor *tensor,
                                const struct torch_storage *storage, assay_error *error);

#endif
