#include "tensor/tensor.h"

#include "base/memory.h"

#include <stdio.h>

int64_t tensor_count(const struct tensor *tensor)
{
    int64_t count = 1;
    for (int i = 0; i < tensor->rank; i++)
        count *= tensor->shape[i];
    return count;
}

bool tensor_size(size_t *bytes, enum dtype dtype, int rank, const int64_t *shape)
{
    size_t size = dtype_size(dtype);
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 0 || !checked_multiply(&size, size, (size_t)shape[i]))
            return false;
    }
    *bytes = size;
    return size <= (size_t)INT64_MAX;
}

int64_t tensor_width(const struct tensor *tensor)
{
    return tensor->rank ? tensor->shape[tensor->rank - 1] : 1;
}

int64_t tensor_rows(const struct tensor *tensor)
{
    int64_t rows = 1;
    for (int i = 0; i + 1 < tensor->rank; i++)
        rows *= tensor->shape[i];
    return rows;
}

bool tensor_same_shape(const struct tensor *a, const struct tensor *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++) {
        if (a->shape[i] != b->shape[i])
            return false;
    }
    return true;
}

const char *tensor_shape_text(char text[TENSOR_SHAPE_TEXT], int rank, const int64_t *shape)
{
    size_t used = (size_t)snprintf(text, TENSOR_SHAPE_TEXT, "(");
    for (int i = 0; i < rank && i < TENSOR_MAX_RANK; i++)
        used += (size_t)snprintf(text + used, TENSOR_SHAPE_TEXT - used, i ? ", %lld" : "%lld",
                                 (long long)shape[i]);
    snprintf(text + used, TENSOR_SHAPE_TEXT - used, rank == 1 ? ",)" : ")");
    return text;
}
