/* The register tile of AVX-512 BF16: VDPBF16PS adds a pair of products to each of 16 sums. Twelve
 * rows and two panels keep 24 sums in registers, two loads of b and twelve broadcasts of a for 24
 * of them. Every sum is one chain along k. For files compiled for these instructions.
 */
#ifndef ASSAY_CPU_BFLOAT_TILE_H
#define ASSAY_CPU_BFLOAT_TILE_H

#include "tensor/kernels.h"

#include <immintrin.h>

enum { BFLOAT_TILE_ROWS = 12, BFLOAT_TILE_PANELS = 2 };

/* Pair p of row i lies at a[i * a_row + p * a_pair], of panel j at b[j * b_panel + p * PANEL]. */
struct bfloat_operands {
    const uint32_t *a, *b;
    int64_t a_row, a_pair, b_panel, pairs;
};

typedef __m512 bfloat_sums[BFLOAT_TILE_ROWS][BFLOAT_TILE_PANELS];

/* rows and panels are constants where this is called, so that the sums stay in registers; so are
 * a_row where it is 1, and a_pair where that is. */
static inline __attribute__((always_inline)) void
bfloat_tile_multiply(bfloat_sums sum, const struct bfloat_operands *o, const int64_t a_row,
                     const int64_t a_pair, const int rows, const int panels)
{
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (int j = 0; j < panels; j++)
            sum[i][j] = _mm512_setzero_ps();
    }
    const uint32_t *b = o->b, *end = b + o->pairs * PANEL;
    /* Four bases, two rows reached from each by the stride and twice the stride. */
    const uint32_t *base[4] = {o->a, o->a + 3 * a_row, o->a + 6 * a_row, o->a + 9 * a_row};
    for (; b < end; b += PANEL) {
        __m512bh column[BFLOAT_TILE_PANELS];
#pragma GCC unroll 2
        for (int j = 0; j < panels; j++)
            column[j] = (__m512bh)_mm512_loadu_si512(b + j * o->b_panel);
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            int32_t pair = (int32_t)base[i / 3][i % 3 * a_row];
            __m512bh x = (__m512bh)_mm512_set1_epi32(pair);
#pragma GCC unroll 2
            for (int j = 0; j < panels; j++)
                sum[i][j] = _mm512_dpbf16_ps(sum[i][j], x, column[j]);
        }
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            base[i] += a_pair;
    }
}

/* CALL(n) for the number of rows at hand: one instance of a tile a number of rows. */
#define BFLOAT_TILE_EACH_ROWS(rows, CALL)                                                          \
    switch (rows) {                                                                                \
    case 1:                                                                                        \
        CALL(1);                                                                                   \
        break;                                                                                     \
    case 2:                                                                                        \
        CALL(2);                                                                                   \
        break;                                                                                     \
    case 3:                                                                                        \
        CALL(3);                                                                                   \
        break;                                                                                     \
    case 4:                                                                                        \
        CALL(4);                                                                                   \
        break;                                                                                     \
    case 5:                                                                                        \
        CALL(5);                                                                                   \
        break;                                                                                     \
    case 6:                                                                                        \
        CALL(6);                                                                                   \
        break;                                                                                     \
    case 7:                                                                                        \
        CALL(7);                                                                                   \
        break;                                                                                     \
    case 8:                                                                                        \
        CALL(8);                                                                                   \
        break;                                                                                     \
    case 9:                                                                                        \
        CALL(9);                                                                                   \
        break;                                                                                     \
    case 10:                                                                                       \
        CALL(10);                                                                                  \
        break;                                                                                     \
    case 11:                                                                                       \
        CALL(11);                                                                                  \
        break;                                                                                     \
    case 12:                                                                                       \
        CALL(12);                                                                                  \
        break;                                                                                     \
    default:                                                                                       \
        break;                                                                                     \
    }

#endif
