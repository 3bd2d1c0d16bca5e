/* The float32 kernel sets, each compiled from the same files (kernel_set.h). */
#ifndef ASSAY_CPU_FILL_H
#define ASSAY_CPU_FILL_H

#include "tensor/kernels.h"

void kernels_plain_fill(struct kernels *kernels);
void kernels_avx2_fill(struct kernels *kernels);
void kernels_avx512_fill(struct kernels *kernels);

#endif
