#include "models/torch_tensor.h"

#include "base/error.h"
#include "base/memory.h"

#include <inttypes.h>
#include <string.h>

_Static_assert((int)PICKLE_MAX_RANK <= (int)SAFETENSORS_MAX_RANK, "shapes fit into entries");

/* The highest element that the tensor reaches, counted from its first. */
static bool reach(size_t *out, const struct pickle_tensor *tensor)
{
    *out = 0;
    for (int i = 0; i < tensor->rank; i++) {
        size_t step;
        if (!checked_multiply(&step, (size_t)tensor->shape[i] - 1, (size_t)tensor->stride[i]) ||
            !checked_add(out, *out, step))
            return false;
    }
    return true;
}

assay_status torch_tensor_check(struct safetensors_entry *entry, const struct pickle_tensor *tensor,
                                size_t storage_bytes, assay_error *error)
{
    size_t last, room = storage_bytes / tensor->type.size;
    entry->dtype = dtype_from_name(tensor->type.name);
    entry->type_name = tensor->type.name;
    entry->rank = tensor->rank;
    entry->elements = 1;
    bool empty = false, fits = true;
    for (int i = 0; i < tensor->rank; i++) {
        entry->shape[i] = tensor->shape[i];
        empty = empty || !tensor->shape[i];
        fits =
            fits && checked_multiply(&entry->elements, entry->elements, (size_t)tensor->shape[i]);
    }
    if (empty)
        entry->elements = 0;
    if ((!fits && !empty) || !checked_multiply(&entry->bytes, entry->elements, tensor->type.size))
        return error_set(error, ASSAY_ERROR_FORMAT, "the shape's product overflows");
    if (empty)
        return ASSAY_OK;
    if (reach(&last, tensor) && checked_add(&last, last, (size_t)tensor->offset) && last < room)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_FORMAT, "the tensor reaches beyond its storage");
    error_expected(error, "at most %zu elements", room);
    error_found(error, "offset %" PRId64 " with its shape and strides", tensor->offset);
    return ASSAY_ERROR_FORMAT;
}

/* Do the elements follow each other? The strides of dimensions of one element say nothing. */
static bool is_contiguous(const struct pickle_tensor *tensor)
{
    int64_t expected = 1;
    for (int i = tensor->rank - 1; i >= 0; i--) {
        if (tensor->shape[i] == 1)
            continue;
        if (tensor->stride[i] != expected)
            return false;
        expected *= tensor->shape[i];
    }
    return true;
}

/* Walks the elements in the order of their indices. */
static void gather(unsigned char *to, const unsigned char *from, const struct pickle_tensor *tensor,
                   size_t elements)
{
    size_t size = tensor->type.size, at = 0;
    int64_t index[PICKLE_MAX_RANK] = {0};
    for (size_t i = 0; i < elements; i++) {
        memcpy(to + i * size, from + at * size, size);
        for (int d = tensor->rank - 1; d >= 0; d--) {
            at += (size_t)tensor->stride[d];
            if (++index[d] < tensor->shape[d])
                break;
            at -= (size_t)tensor->stride[d] * (size_t)tensor->shape[d];
            index[d] = 0;
        }
    }
}

assay_status torch_tensor_place(struct safetensors_entry *entry, void **block,
                                const struct pickle_tensor *tensor,
                                const struct torch_storage *storage, assay_error *error)
{
    size_t size = dtype_size(entry->dtype);
    const unsigned char *from = storage->bytes;
    *block = NULL;
    if (entry->elements)
        from += (size_t)tensor->offset * tensor->type.size;
    entry->data = from;
    if (entry->elements && !is_contiguous(tensor)) {
        *block = memory_allocate_aligned(entry->bytes, 1);
        if (!*block)
            return error_memory(error, entry->bytes);
        gather(*block, from, tensor, entry->elements);
        entry->data = *block;
    }
    entry->aligned = size && (uintptr_t)entry->data % size == 0;
    return ASSAY_OK;
}
