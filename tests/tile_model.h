/* The tile instructions in software, so that the AMX kernel is proved on any processor: what the
 * Intel manual (SDM volume 2: LDTILECFG, TILELOADD, TILESTORED, TILEZERO, TDPBF16PS) says, row by
 * row. What would fault there is counted here. Each thread has its own tiles.
 */
#ifndef ASSAY_TESTS_TILE_MODEL_H
#define ASSAY_TESTS_TILE_MODEL_H

#include "cpu/tiles.h"

#include <stdbool.h>

/* Faults of all threads since the last call. */
int tile_model_faults(void);

#endif
