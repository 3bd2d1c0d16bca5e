#include "tile_model.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

static _Thread_local struct tile_configuration current;
static _Thread_local bool configured;
static _Thread_local unsigned char tiles[TILES][TILE_HEIGHT][TILE_ROW_BYTES];
static _Atomic int faults;

int tile_model_faults(void)
{
    return atomic_exchange(&faults, 0);
}

static bool usable(int tile)
{
    bool fine = configured && tile >= 0 && tile < TILES && current.rows[tile] > 0 &&
                current.row_bytes[tile] > 0;
    if (!fine)
        atomic_fetch_add(&faults, 1);
    return fine;
}

void tile_model_configure(const struct tile_configuration *configuration)
{
    bool fine = configuration->palette == 1 && configuration->start_row == 0;
    for (size_t i = 0; i < sizeof configuration->reserved; i++)
        fine = fine && configuration->reserved[i] == 0;
    for (int i = 0; i < 16; i++) {
        if (i < TILES)
            fine = fine && configuration->rows[i] <= TILE_HEIGHT &&
                   configuration->row_bytes[i] <= TILE_ROW_BYTES;
        else
            fine = fine && !configuration->rows[i] && !configuration->row_bytes[i];
    }
    if (!fine)
        atomic_fetch_add(&faults, 1);
    current = *configuration;
    configured = fine;
    memset(tiles, 0, sizeof tiles);
}

void tile_model_release(void)
{
    configured = false;
}

void tile_model_zero(int tile)
{
    if (usable(tile))
        memset(tiles[tile], 0, sizeof tiles[tile]);
}

void tile_model_load(int tile, const void *memory, size_t stride)
{
    if (!usable(tile))
        return;
    memset(tiles[tile], 0, sizeof tiles[tile]);
    for (int i = 0; i < current.rows[tile]; i++)
        memcpy(tiles[tile][i], (const char *)memory + (size_t)i * stride, current.row_bytes[tile]);
}

void tile_model_store(int tile, void *memory, size_t stride)
{
    if (!usable(tile))
        return;
    for (int i = 0; i < current.rows[tile]; i++)
        memcpy((char *)memory + (size_t)i * stride, tiles[tile][i], current.row_bytes[tile]);
}

/* Denormals are zero going in and coming out. */
static float flush(float x)
{
    return fpclassify(x) == FP_SUBNORMAL ? copysignf(0.0f, x) : x;
}

static float element(int tile, int row, int index)
{
    uint16_t half;
    memcpy(&half, &tiles[tile][row][2 * index], sizeof half);
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return flush(value);
}

void tile_model_multiply(int sums, int a, int b)
{
    if (!usable(sums) || !usable(a) || !usable(b))
        return;
    if (sums == a || sums == b || a == b || current.rows[sums] != current.rows[a] ||
        current.row_bytes[sums] != current.row_bytes[b] ||
        current.row_bytes[a] / 4 != current.rows[b]) {
        atomic_fetch_add(&faults, 1);
        return;
    }
    for (int m = 0; m < current.rows[sums]; m++) {
        for (int n = 0; n < current.row_bytes[sums] / 4; n++) {
            float even = 0.0f, odd = 0.0f, sum;
            for (int k = 0; k < current.row_bytes[a] / 4; k++) {
                even = flush(fmaf(element(a, m, 2 * k), element(b, k, 2 * n), even));
                odd = flush(fmaf(element(a, m, 2 * k + 1), element(b, k, 2 * n + 1), odd));
            }
            memcpy(&sum, &tiles[sums][m][4 * n], sizeof sum);
            sum = flush(flush(sum) + flush(even + odd));
            memcpy(&tiles[sums][m][4 * n], &sum, sizeof sum);
        }
    }
}
