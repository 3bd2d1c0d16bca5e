/* Products with bfloat16 operands and float32 sums: what the AVX-512 BF16 and the AMX set share.
 *
 * Both operands come in pairs along k (pairs.h), k padded with zeros to a multiple of 32. The
 * second is packed in panels, (k / 2, PANEL) pairs each; a task copies its rows of the first in the
 * order of use. At `high`, where a set offers it, a float32 value is split into its bfloat16 and
 * the bfloat16 of what is left, and three of the four products are summed: 16 to 17 bits. The order
 * of sums along k depends on k alone.
 */
#ifndef ASSAY_CPU_BFLOAT_H
#define ASSAY_CPU_BFLOAT_H

#include "tensor/kernels.h"

enum { BFLOAT_K_STEP = 32, BFLOAT_PANELS = 2, BFLOAT_MOST_ROWS = 32 };

/* Up to a set's tile_rows rows times BFLOAT_PANELS panels. */
struct bfloat_block {
    /* in the set's order, what lies beyond `rows` undefined but readable; a_low may be NULL */
    const uint32_t *a, *a_low;
    const uint32_t *b, *b_low; /* first panel: (pairs, PANEL) */
    int64_t a_row;             /* pairs between rows, where rows are not interleaved */
    int64_t pairs;             /* along k, a multiple of BFLOAT_K_STEP / 2 */
    int64_t b_panel;           /* pairs between panels */
    int rows, panels;
    float *sums; /* out: (tile_rows, BFLOAT_PANELS * PANEL) */
};

/* What an instruction set brings: its inner block, and the order in which it reads rows. */
struct bfloat_set {
    const char *name;
    void (*multiply)(const struct bfloat_block *block);
    void (*begin)(void), (*end)(void); /* around a task's blocks; may be NULL */
    int tile_rows;                     /* at most BFLOAT_MOST_ROWS */
    bool interleaved;                  /* the rows of a tile lie pair by pair, (pairs, tile_rows) */
    bool high;                         /* three products are faster here than float32 */
};

/* The sets: each fills the bfloat slots around its inner block, in a file compiled for its
 * instructions. */
void bfloat_avx512_fill(struct kernels *kernels);
void bfloat_amx_fill(struct kernels *kernels);

#endif
