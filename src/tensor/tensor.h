/* A tensor: up to five dimensions of one element type in memory, described but not owned here.
 *
 * Rows are contiguous; `data` is NULL on the shapes-only device. `version` changes whenever the
 * values may have changed: copies made from it (packed weights) are void when it differs.
 */
#ifndef ASSAY_TENSOR_TENSOR_H
#define ASSAY_TENSOR_TENSOR_H

#include "tensor/dtype.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TENSOR_MAX_RANK = 5 };

struct tensor {
    enum dtype dtype;
    int rank;
    int64_t shape[TENSOR_MAX_RANK];
    void *data;
    uint64_t version;
};

/* Elements; 1 for rank 0. Shapes that would overflow never get this far: tensor_size checks. */
int64_t tensor_count(const struct tensor *tensor);

/* Bytes of a shape of that type in *bytes; false for a negative dimension or when it overflows. */
bool tensor_size(size_t *bytes, enum dtype dtype, int rank, const int64_t *shape);

/* All but the last dimension, and the last one: how the ops see a tensor. */
int64_t tensor_rows(const struct tensor *tensor);
int64_t tensor_width(const struct tensor *tensor);

bool tensor_same_shape(const struct tensor *a, const struct tensor *b);

/* "(2, 384)" into `text`; returns text. */
enum { TENSOR_SHAPE_TEXT = 112 };
const char *tensor_shape_text(char text[TENSOR_SHAPE_TEXT], int rank, const int64_t *shape);

#endif
