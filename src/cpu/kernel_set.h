/* How one source file becomes three kernel sets: the build compiles the float32 kernel files once
 * an instruction set with KERNEL_SET defined as plain, avx2 or avx512; what a file gives to others
 * carries the set in its name. Files of a set call only files of the same set.
 */
#ifndef ASSAY_CPU_KERNEL_SET_H
#define ASSAY_CPU_KERNEL_SET_H

#include "tensor/kernels.h"

#ifndef KERNEL_SET
#define KERNEL_SET plain
#endif

#define KERNEL_JOIN_NAMES(set, name) kernels_##set##_##name
#define KERNEL_JOIN(set, name)       KERNEL_JOIN_NAMES(set, name)
#define KERNEL_NAME(name)            KERNEL_JOIN(KERNEL_SET, name)

/* Each fills its family's slots of the table. */
void KERNEL_NAME(fill_product)(struct kernels *kernels);
void KERNEL_NAME(fill_norm)(struct kernels *kernels);
void KERNEL_NAME(fill_elementwise)(struct kernels *kernels);
void KERNEL_NAME(fill_attention)(struct kernels *kernels);
void KERNEL_NAME(fill_rows)(struct kernels *kernels);
void KERNEL_NAME(fill_vocabulary)(struct kernels *kernels);
void KERNEL_NAME(fill_optimizer)(struct kernels *kernels);

/* A product on the calling thread alone, for kernels that are spread over threads already. */
void KERNEL_NAME(product_serial)(const struct product *product);
/* Packs panels [first, last) of b. */
void KERNEL_NAME(pack_panels)(float *packed, const float *b, int64_t k_stride, int64_t n_stride,
                              int64_t k, int64_t n, int64_t first, int64_t last);

/* random_keep, some times faster. */
void KERNEL_NAME(keep)(float *out, const struct random_stream *stream, uint64_t row,
                       uint64_t position, uint32_t first, int64_t count, float rate, float scale);

/* The largest value of a row, which a softmax takes as its origin. */
float KERNEL_NAME(row_largest)(const float *x, int64_t n);

#endif
