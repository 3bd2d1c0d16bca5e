/* Products of linear layers on AVX-512 BF16, and attention's on the same units. */
#include "cpu/bfloat_task.h"
#include "cpu/bfloat_tile.h"

static inline __attribute__((always_inline)) void multiply_rows(const struct bfloat_block *block,
                                                                const int rows, const int panels)
{
    const struct bfloat_operands operands = {block->a,         block->b,       1,
                                             BFLOAT_TILE_ROWS, block->b_panel, block->pairs};
    bfloat_sums sum;
    bfloat_tile_multiply(sum, &operands, 1, BFLOAT_TILE_ROWS, rows, panels);
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
        for (int j = 0; j < panels; j++)
            _mm512_storeu_ps(block->sums + (i * BFLOAT_PANELS + j) * PANEL, sum[i][j]);
    }
}

static void multiply(const struct bfloat_block *block)
{
#define ONE_PANEL(n)  multiply_rows(block, n, 1)
#define TWO_PANELS(n) multiply_rows(block, n, 2)
    if (block->panels == 1) {
        BFLOAT_TILE_EACH_ROWS(block->rows, ONE_PANEL)
    } else {
        BFLOAT_TILE_EACH_ROWS(block->rows, TWO_PANELS)
    }
#undef ONE_PANEL
#undef TWO_PANELS
}

/* Three products of pairs cost as much as one and a half float32 products of twice as many values:
 * `high` gains nothing here. */
static const struct bfloat_set set = {.name = "avx512_bf16",
                                      .multiply = multiply,
                                      .tile_rows = BFLOAT_TILE_ROWS,
                                      .interleaved = true};

static void product(const struct kernel_context *context, const struct product *product)
{
    KERNEL_NAME(bfloat_product)(context, product, &set);
}

void bfloat_avx512_fill(struct kernels *kernels)
{
    bfloat_fill(kernels, &set, product);
    struct kernels float_slots = {0};
    KERNEL_NAME(fill_attention)(&float_slots);
    kernels->bfloat_attention = float_slots.attention;
    kernels->bfloat_attention_backward = float_slots.attention_backward;
}
