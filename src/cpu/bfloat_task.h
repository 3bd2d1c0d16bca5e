/* The bfloat16 product around a set's inner block; compiled once for the sets that use it
 * (kernel_set.h), since it is written on the lanes. Slots of the kernel table lead here. */
#ifndef ASSAY_CPU_BFLOAT_TASK_H
#define ASSAY_CPU_BFLOAT_TASK_H

#include "cpu/bfloat.h"
#include "cpu/kernel_set.h"

size_t KERNEL_NAME(bfloat_bytes)(int64_t k, int64_t n);
size_t KERNEL_NAME(bfloat_scratch)(int64_t k);
void KERNEL_NAME(bfloat_pack)(const struct kernel_context *context, void *high, void *low,
                              const void *b, bool bfloat, int64_t k_stride, int64_t n_stride,
                              int64_t k, int64_t n);
void KERNEL_NAME(bfloat_product)(const struct kernel_context *context,
                                 const struct product *product, const struct bfloat_set *set);

/* Fills the slots of a set that defines `static const struct bfloat_set set` and `product`. */
static inline void bfloat_fill(struct kernels *kernels, const struct bfloat_set *set,
                               void (*product)(const struct kernel_context *,
                                               const struct product *))
{
    kernels->bfloat_name = set->name;
    kernels->bfloat_high = set->high;
    kernels->bfloat_bytes = KERNEL_NAME(bfloat_bytes);
    kernels->bfloat_scratch = KERNEL_NAME(bfloat_scratch);
    kernels->bfloat_pack = KERNEL_NAME(bfloat_pack);
    kernels->bfloat_product = product;
}

#endif
