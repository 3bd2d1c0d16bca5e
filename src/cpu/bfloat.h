/* Products with bfloat16 operands and float32 sums: what the AVX-512 BF16 and the AMX set share.
 *
 * Both operands come in pairs along k, padded with zeros to a multiple of 32. At `high`, a float32
 * value is split into its bfloat16 and the bfloat16 of what is left, and three of the four products
 * are summed: 16 to 17 bits. The order of sums along k depends on k alone.
 */
#ifndef ASSAY_CPU_BFLOAT_H
#define ASSAY_CPU_BFLOAT_H

#include "tensor/kernels.h"

enum { BFLOAT_K_STEP = 32, BFLOAT_ROWS = 32, BFLOAT_PANELS = 2 };

/* Up to BFLOAT_ROWS rows times BFLOAT_PANELS panels. */
struct bfloat_block {
    const uint16_t *a,
        *a_low; /* (BFLOAT_ROWS, k), rows beyond the last are zero; a_low may be NULL */
    const uint16_t *b, *b_low; /* first panel: (k / 2, PANEL, 2) */
    int64_t k;                 /* a multiple of BFLOAT_K_STEP */
    int64_t b_panel;           /* elements between panels */
    int rows, panels;
    float *sums; /* out: (BFLOAT_ROWS, BFLOAT_PANELS * PANEL) */
};

typedef void bfloat_multiply(const struct bfloat_block *block);

/* The sets: each fills the bfloat slots around its inner block, in a file compiled for its
 * instructions. */
void bfloat_avx512_fill(struct kernels *kernels);
void bfloat_amx_fill(struct kernels *kernels);

/* What they share: all slots but the product, and the product around an inner block. */
void bfloat_fill(struct kernels *kernels, const char *name,
                 void (*product)(const struct kernel_context *, const struct product *));
void bfloat_product(const struct kernel_context *context, const struct product *product,
                    bfloat_multiply *multiply);

/* One row of float32 as bfloat16, and what is left as bfloat16 when low is not NULL; zeros from n
 * to padded. */
void bfloat_split(uint16_t *high, uint16_t *low, const float *x, int64_t n, int64_t padded);

#endif
