/* One float32 kernel set, all families. */
#include "cpu/fill.h"

#include "cpu/kernel_set.h"

#define KERNEL_TEXT(set)  #set
#define KERNEL_LABEL(set) KERNEL_TEXT(set)

void KERNEL_NAME(fill)(struct kernels *kernels)
{
    kernels->name = KERNEL_LABEL(KERNEL_SET);
    KERNEL_NAME(fill_product)(kernels);
    KERNEL_NAME(fill_norm)(kernels);
    KERNEL_NAME(fill_elementwise)(kernels);
    KERNEL_NAME(fill_attention)(kernels);
    KERNEL_NAME(fill_rows)(kernels);
    KERNEL_NAME(fill_vocabulary)(kernels);
    KERNEL_NAME(fill_optimizer)(kernels);
}
