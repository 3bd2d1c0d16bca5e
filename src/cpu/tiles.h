/* The five tile instructions that amx.c uses, or, with ASSAY_TILE_MODEL, a model of them in
 * software (tests/tile_model.c), so that the kernel's layout and order of sums are proved on
 * processors without the units.
 *
 * Tiles 0 .. 7 hold 16 rows of 64 bytes. Source: Intel SDM volume 2, LDTILECFG, TDPBF16PS.
 */
#ifndef ASSAY_CPU_TILES_H
#define ASSAY_CPU_TILES_H

#include <stddef.h>
#include <stdint.h>

enum { TILES = 8, TILE_HEIGHT = 16, TILE_ROW_BYTES = 64 };

struct tile_configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

#ifdef ASSAY_TILE_MODEL

void tile_model_configure(const struct tile_configuration *configuration);
void tile_model_release(void);
void tile_model_zero(int tile);
void tile_model_load(int tile, const void *memory, size_t stride);
void tile_model_store(int tile, void *memory, size_t stride);
void tile_model_multiply(int sums, int a, int b);

#define tile_configure(configuration)    tile_model_configure(configuration)
#define tile_release()                   tile_model_release()
#define tile_zero(tile)                  tile_model_zero(tile)
#define tile_load(tile, memory, stride)  tile_model_load(tile, memory, (size_t)(stride))
#define tile_store(tile, memory, stride) tile_model_store(tile, memory, (size_t)(stride))
#define tile_multiply(sums, a, b)        tile_model_multiply(sums, a, b)

#else

#include <immintrin.h>

#define tile_configure(configuration)    _tile_loadconfig(configuration)
#define tile_release()                   _tile_release()
#define tile_zero(tile)                  _tile_zero(tile)
#define tile_load(tile, memory, stride)  _tile_loadd(tile, memory, stride)
#define tile_store(tile, memory, stride) _tile_stored(tile, memory, stride)
#define tile_multiply(sums, a, b)        _tile_dpbf16ps(sums, a, b)

#endif

#endif
