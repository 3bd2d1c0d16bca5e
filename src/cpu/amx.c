/* AMX: 16 x 16 sums a tile, 2 x 2 tiles of sums so that each operand loaded is used twice. */
#include "cpu/bfloat_task.h"
#include "cpu/tiles.h"

#include <string.h>

#ifdef ASSAY_TILE_MODEL
#define bfloat_amx_fill bfloat_amx_model_fill
#define AMX_NAME        "amx_model"
void bfloat_amx_model_fill(struct kernels *kernels);
#else
#define AMX_NAME "amx"
#endif

/* Sums in tiles 0 .. 3 (row block * 2 + panel), rows of a in 4 and 5, panels of b in 6 and 7. */
#define MULTIPLY_STEP(rows_of_a, panels_of_b)                                                      \
    do {                                                                                           \
        tile_load(4, (rows_of_a) + p, row_bytes);                                                  \
        tile_load(5, (rows_of_a) + TILE_HEIGHT * block->a_row + p, row_bytes);                     \
        tile_load(6, (panels_of_b) + p * PANEL, TILE_ROW_BYTES);                                   \
        tile_load(7, (panels_of_b) + other + p * PANEL, TILE_ROW_BYTES);                           \
        tile_multiply(0, 4, 6);                                                                    \
        tile_multiply(1, 4, 7);                                                                    \
        tile_multiply(2, 5, 6);                                                                    \
        tile_multiply(3, 5, 7);                                                                    \
    } while (0)

static void begin(void)
{
    struct tile_configuration configuration;
    memset(&configuration, 0, sizeof configuration);
    configuration.palette = 1;
    for (int i = 0; i < TILES; i++) {
        configuration.row_bytes[i] = TILE_ROW_BYTES;
        configuration.rows[i] = TILE_HEIGHT;
    }
    tile_configure(&configuration);
}

static void end(void)
{
    tile_release();
}

static void multiply(const struct bfloat_block *block)
{
    tile_zero(0);
    tile_zero(1);
    tile_zero(2);
    tile_zero(3);
    /* A single panel is multiplied twice rather than read past its end. */
    int64_t other = block->panels > 1 ? block->b_panel : 0;
    int64_t row_bytes = block->a_row * (int64_t)sizeof(uint32_t);
    for (int64_t p = 0; p < block->pairs; p += BFLOAT_K_STEP / 2) {
        if (block->b_low) {
            MULTIPLY_STEP(block->a_low, block->b);
            MULTIPLY_STEP(block->a, block->b_low);
        }
        MULTIPLY_STEP(block->a, block->b);
    }
    const int64_t sums_row = BFLOAT_PANELS * PANEL;
    tile_store(0, block->sums, sums_row * (int64_t)sizeof(float));
    tile_store(1, block->sums + PANEL, sums_row * (int64_t)sizeof(float));
    tile_store(2, block->sums + TILE_HEIGHT * sums_row, sums_row * (int64_t)sizeof(float));
    tile_store(3, block->sums + TILE_HEIGHT * sums_row + PANEL, sums_row * (int64_t)sizeof(float));
}

static const struct bfloat_set set = {.name = AMX_NAME,
                                      .multiply = multiply,
                                      .begin = begin,
                                      .end = end,
                                      .tile_rows = 2 * TILE_HEIGHT,
                                      .high = true};

static void product(const struct kernel_context *context, const struct product *product)
{
    KERNEL_NAME(bfloat_product)(context, product, &set);
}

void bfloat_amx_fill(struct kernels *kernels)
{
    bfloat_fill(kernels, &set, product);
}
