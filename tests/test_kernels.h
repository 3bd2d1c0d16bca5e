/* cmocka, and the float32 kernel sets of this processor one after another: plain first. */
#ifndef ASSAY_TESTS_TEST_KERNELS_H
#define ASSAY_TESTS_TEST_KERNELS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cpu/cpu.h"

static inline unsigned kernel_set_mask(int set)
{
    static const unsigned masks[] = {CPU_PLAIN, CPU_AVX2, CPU_AVX2 | CPU_AVX512};
    return masks[set];
}

static inline int kernel_set_count(void)
{
    unsigned available = cpu_available();
    return available & CPU_AVX512 ? 3 : available & CPU_AVX2 ? 2 : 1;
}

static inline void kernel_set_open(struct kernels *kernels, int set)
{
    cpu_kernels(kernels, kernel_set_mask(set));
}

#endif
