/* AVX-512 BF16: VDPBF16PS adds a pair of products to each of 16 sums. */
#include "cpu/bfloat.h"

#include <immintrin.h>
#include <string.h>

enum { TILE_ROWS = 8 };

static inline __m512bh pair_everywhere(const uint16_t *pair)
{
    int32_t both;
    memcpy(&both, pair, sizeof both);
    return (__m512bh)_mm512_set1_epi32(both);
}

static inline __attribute__((always_inline)) void multiply_tile(const struct bfloat_block *block,
                                                                int first, const bool split)
{
    __m512 sum[TILE_ROWS][BFLOAT_PANELS];
    for (int i = 0; i < TILE_ROWS; i++) {
        for (int j = 0; j < BFLOAT_PANELS; j++)
            sum[i][j] = _mm512_setzero_ps();
    }
    const uint16_t *a = block->a + first * block->k;
    const uint16_t *a_low = split ? block->a_low + first * block->k : NULL;
    int64_t other = block->panels > 1 ? block->b_panel : 0;
    for (int64_t p = 0; p < block->k; p += 2) {
        __m512bh b[BFLOAT_PANELS], b_low[BFLOAT_PANELS];
        for (int j = 0; j < BFLOAT_PANELS; j++) {
            b[j] = (__m512bh)_mm512_loadu_si512(block->b + j * other + p * PANEL);
            if (split)
                b_low[j] = (__m512bh)_mm512_loadu_si512(block->b_low + j * other + p * PANEL);
        }
#pragma GCC unroll 8
        for (int i = 0; i < TILE_ROWS; i++) {
            __m512bh x = pair_everywhere(a + i * block->k + p);
#pragma GCC unroll 2
            for (int j = 0; j < BFLOAT_PANELS; j++) {
                if (split) {
                    __m512bh x_low = pair_everywhere(a_low + i * block->k + p);
                    sum[i][j] = _mm512_dpbf16_ps(sum[i][j], x_low, b[j]);
                    sum[i][j] = _mm512_dpbf16_ps(sum[i][j], x, b_low[j]);
                }
                sum[i][j] = _mm512_dpbf16_ps(sum[i][j], x, b[j]);
            }
        }
    }
    for (int i = 0; i < TILE_ROWS; i++) {
        for (int j = 0; j < BFLOAT_PANELS; j++)
            _mm512_storeu_ps(block->sums + ((first + i) * BFLOAT_PANELS + j) * PANEL, sum[i][j]);
    }
}

static void multiply(const struct bfloat_block *block)
{
    for (int first = 0; first < block->rows; first += TILE_ROWS) {
        if (block->b_low)
            multiply_tile(block, first, true);
        else
            multiply_tile(block, first, false);
    }
}

static void product(const struct kernel_context *context, const struct product *product)
{
    bfloat_product(context, product, multiply);
}

void bfloat_avx512_fill(struct kernels *kernels)
{
    bfloat_fill(kernels, "avx512_bf16", product);
}
