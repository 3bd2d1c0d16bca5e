/* The kernel sets of the processor: what it can do, and the table for it.
 *
 * plain fills every slot; avx2, avx512 override them; the bfloat16 products come from avx512_bf16
 * or amx. ASSAY_KERNELS in the environment ("plain", "avx2", "avx512,bf16", ...) forces any subset:
 * a set runs only if it is named there, and always only if the processor has it.
 */
#ifndef ASSAY_CPU_CPU_H
#define ASSAY_CPU_CPU_H

#include "tensor/kernels.h"

enum cpu_set {
    CPU_PLAIN = 0,
    CPU_AVX2 = 1 << 0,
    CPU_AVX512 = 1 << 1,
    CPU_AVX512_BF16 = 1 << 2,
    CPU_AMX_BF16 = 1 << 3
};

/* The sets this processor and system can run; asks once a process. */
unsigned cpu_available(void);

/* cpu_available masked by ASSAY_KERNELS. */
unsigned cpu_allowed(void);

/* Fills the table from the sets in `allowed` (a mask; sets the processor lacks are ignored). */
void cpu_kernels(struct kernels *kernels, unsigned allowed);

/* "plain", "avx2", ...: the name of one bit; NULL for an unknown one. */
const char *cpu_set_name(unsigned set);

#endif
