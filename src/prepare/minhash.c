/* The inner loop of deduplication: 120 multiply-adds and minima a shingle, over arrays that the
 * compiler turns into vectors. The build compiles this file with -O3. */
#include "base/random.h"
#include "prepare/shingles.h"

#include <string.h>

/* Permutations of 32-bit values: x -> multiplier * x + addend, odd multipliers. They are drawn
 * from a fixed key, so that signatures mean the same in every process. */
struct permutations {
    uint32_t multiplier[SIGNATURE_SIZE];
    uint32_t addend[SIGNATURE_SIZE];
};

enum { GROUP = 8 };
_Static_assert(SIGNATURE_SIZE % GROUP == 0, "whole vectors");

static void draw(struct permutations *p)
{
    for (uint32_t i = 0; i < SIGNATURE_SIZE; i++) {
        uint32_t four[4];
        const uint32_t counter[4] = {i, 0, 0, 0};
        random_block(four, UINT64_C(0x6d696e68617368), counter);
        p->multiplier[i] = four[0] | 1;
        p->addend[i] = four[1];
    }
}

void minhash_bands(uint32_t bands[ASSAY_DEDUP_BANDS], const uint32_t *set, size_t count)
{
    static _Thread_local struct permutations permutations;
    static _Thread_local bool drawn;
    if (!drawn)
        draw(&permutations);
    drawn = true;
    uint32_t least[SIGNATURE_SIZE];
    memset(least, 0xff, sizeof least);
    /* A group of permutations over the whole set: multiplier, addend and minimum stay in
     * registers. */
    for (size_t first = 0; first < SIGNATURE_SIZE; first += GROUP) {
        uint32_t multiplier[GROUP], addend[GROUP], best[GROUP];
        memcpy(multiplier, permutations.multiplier + first, sizeof multiplier);
        memcpy(addend, permutations.addend + first, sizeof addend);
        memcpy(best, least + first, sizeof best);
        for (size_t s = 0; s < count; s++) {
            uint32_t x = set[s];
            for (int i = 0; i < GROUP; i++) {
                uint32_t y = multiplier[i] * x + addend[i];
                best[i] = y < best[i] ? y : best[i];
            }
        }
        memcpy(least + first, best, sizeof best);
    }
    for (int band = 0; band < ASSAY_DEDUP_BANDS; band++) {
        uint64_t hash = (uint64_t)band;
        for (int i = 0; i < ASSAY_DEDUP_BAND_ROWS; i++)
            hash = random_mix(hash, least[band * ASSAY_DEDUP_BAND_ROWS + i]);
        bands[band] = (uint32_t)hash;
    }
}
