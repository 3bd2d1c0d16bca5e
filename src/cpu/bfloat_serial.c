/* What attention.c is compiled with to compute on AVX-512 BF16: the same two functions as in
 * product.c, with operands of bfloat16. Packed panels hold pairs, (pairs, PANEL) each, and take
 * half the room that packed_floats gives. */
#include "cpu/bfloat_tile.h"
#include "cpu/kernel_set.h"
#include "cpu/pairs.h"

enum { PASS_PAIRS = 512 };

void KERNEL_NAME(pack_panels)(float *packed, const float *b, int64_t k_stride, int64_t n_stride,
                              int64_t k, int64_t n, int64_t first, int64_t last)
{
    const int64_t count = (k + 1) / 2;
    for (int64_t panel = first; panel < last; panel++) {
        uint32_t *out = (uint32_t *)packed + panel * count * PANEL;
        const float *in = b + panel * PANEL * n_stride;
        int64_t columns = n - panel * PANEL < PANEL ? n - panel * PANEL : PANEL;
        if (n_stride == 1) {
            for (int64_t p = 0; p < count; p++)
                pairs_store(out + p * PANEL,
                            pairs_load_columns(in + 2 * p * k_stride,
                                               2 * p + 1 < k ? in + (2 * p + 1) * k_stride : NULL,
                                               columns, PAIR_HIGH));
            continue;
        }
        for (int64_t p = 0; p < count; p += LANES) {
            pairs block[LANES];
            for (int64_t j = 0; j < LANES; j++)
                block[j] = j < columns
                               ? pairs_load_row(in + j * n_stride + 2 * p, k - 2 * p, PAIR_HIGH)
                               : pairs_zero();
            pairs_transpose(block);
            for (int64_t q = 0; q < LANES && p + q < count; q++)
                pairs_store(out + (p + q) * PANEL, block[q]);
        }
    }
}

struct tile {
    struct bfloat_operands operands;
    float *c;
    int64_t c_row, columns;
    bool accumulate;
};

static inline __attribute__((always_inline)) void
multiply_tile(const struct tile *t, const bool across, const int rows, const int panels)
{
    bfloat_sums sum;
    if (across)
        bfloat_tile_multiply(sum, &t->operands, 1, LANES, rows, panels);
    else
        bfloat_tile_multiply(sum, &t->operands, t->operands.a_row, 1, rows, panels);
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (int j = 0; j < panels; j++) {
            float *c = t->c + i * t->c_row + j * PANEL;
            int64_t n = t->columns - j * PANEL;
            if (t->accumulate)
                sum[i][j] = lanes_add(lanes_load_some(c, n), sum[i][j]);
            lanes_store_some(c, sum[i][j], n);
        }
    }
}

static void multiply(const struct tile *t, bool across, int rows, int panels)
{
#define ALONG_ONE(n)  multiply_tile(t, false, n, 1)
#define ALONG_TWO(n)  multiply_tile(t, false, n, 2)
#define ACROSS_ONE(n) multiply_tile(t, true, n, 1)
#define ACROSS_TWO(n) multiply_tile(t, true, n, 2)
    if (across && panels == 1) {
        BFLOAT_TILE_EACH_ROWS(rows, ACROSS_ONE)
    } else if (across) {
        BFLOAT_TILE_EACH_ROWS(rows, ACROSS_TWO)
    } else if (panels == 1) {
        BFLOAT_TILE_EACH_ROWS(rows, ALONG_ONE)
    } else {
        BFLOAT_TILE_EACH_ROWS(rows, ALONG_TWO)
    }
#undef ALONG_ONE
#undef ALONG_TWO
#undef ACROSS_ONE
#undef ACROSS_TWO
}

/* k values of `rows` rows as pairs: row by row, PASS_PAIRS apart, or, when they lie across k, pair
 * by pair, LANES apart. */
static void copy_rows(uint32_t *copy, const float *a, const struct product *p, int64_t rows,
                      int64_t k)
{
    if (p->a_k != 1) {
        for (int64_t q = 0; q < k; q += 2)
            pairs_store(copy + q / 2 * LANES,
                        pairs_load_columns(a + q * p->a_k, q + 1 < k ? a + (q + 1) * p->a_k : NULL,
                                           rows, PAIR_HIGH));
        return;
    }
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t q = 0; q < k; q += 2 * LANES)
            pairs_store(copy + i * PASS_PAIRS + q / 2,
                        pairs_load_row(a + i * p->a_row + q, k - q, PAIR_HIGH));
    }
}

void KERNEL_NAME(product_serial)(const struct product *p)
{
    uint32_t copy[LANES * PASS_PAIRS];
    const int64_t panel = (p->k + 1) / 2 * PANEL, panels = (p->n + PANEL - 1) / PANEL;
    const bool across = p->a_k != 1;
    for (int64_t i = 0; i < p->m; i += BFLOAT_TILE_ROWS) {
        int64_t rows = p->m - i < BFLOAT_TILE_ROWS ? p->m - i : BFLOAT_TILE_ROWS;
        for (int64_t k0 = 0; k0 < p->k || k0 == 0; k0 += 2 * PASS_PAIRS) {
            int64_t k = p->k - k0 < 2 * PASS_PAIRS ? p->k - k0 : 2 * PASS_PAIRS;
            copy_rows(copy, (const float *)p->a + i * p->a_row + k0 * p->a_k, p, rows, k);
            struct tile t = {.operands = {copy, NULL, PASS_PAIRS, 1, panel, (k + 1) / 2},
                             .c_row = p->c_row,
                             .accumulate = p->beta != 0.0f || k0 > 0};
            for (int64_t j = 0; j < panels; j += BFLOAT_TILE_PANELS) {
                t.operands.b = (const uint32_t *)p->b + j * panel + k0 / 2 * PANEL;
                t.c = (float *)p->c + i * p->c_row + j * PANEL;
                t.columns = p->n - j * PANEL;
                multiply(&t, across, (int)rows, panels - j < 2 ? 1 : 2);
            }
        }
    }
}
