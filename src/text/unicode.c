#include "text/unicode.h"

#include <string.h>

/* Hangul syllables are composed by arithmetic (Unicode, section 3.12) and not in the tables. */
enum {
    HANGUL_S = 0xac00,
    HANGUL_L = 0x1100,
    HANGUL_V = 0x1161,
    HANGUL_T = 0x11a7,
    HANGUL_L_COUNT = 19,
    HANGUL_V_COUNT = 21,
    HANGUL_T_COUNT = 28,
    HANGUL_S_COUNT = 19 * 21 * 28
};

unsigned unicode_decompose(uint32_t out[UNICODE_MAX_DECOMPOSITION], uint32_t c, bool compatible)
{
    if (c - HANGUL_S < HANGUL_S_COUNT) {
        uint32_t s = c - HANGUL_S;
        out[0] = HANGUL_L + s / (HANGUL_V_COUNT * HANGUL_T_COUNT);
        out[1] = HANGUL_V + s / HANGUL_T_COUNT % HANGUL_V_COUNT;
        out[2] = HANGUL_T + s % HANGUL_T_COUNT;
        return s % HANGUL_T_COUNT ? 3 : 2;
    }
    unsigned cell = c % UNICODE_BLOCK, block = c / UNICODE_BLOCK, at = 0;
    if (compatible)
        at = unicode_nfkd_value[unicode_nfkd_block[block] * UNICODE_BLOCK + cell];
    if (!at)
        at = unicode_nfd_value[unicode_nfd_block[block] * UNICODE_BLOCK + cell];
    if (!at) {
        out[0] = c;
        return 1;
    }
    memcpy(out, unicode_pool + at + 1, unicode_pool[at] * sizeof *out);
    return unicode_pool[at];
}

uint32_t unicode_compose(uint32_t first, uint32_t second)
{
    if (first - HANGUL_L < HANGUL_L_COUNT && second - HANGUL_V < HANGUL_V_COUNT)
        return HANGUL_S +
               ((first - HANGUL_L) * HANGUL_V_COUNT + second - HANGUL_V) * HANGUL_T_COUNT;
    if (first - HANGUL_S < HANGUL_S_COUNT && (first - HANGUL_S) % HANGUL_T_COUNT == 0 &&
        second > HANGUL_T && second < HANGUL_T + HANGUL_T_COUNT)
        return first + second - HANGUL_T;
    uint32_t low = 0, high = unicode_composition_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const uint32_t *entry = unicode_compositions + 3 * (size_t)middle;
        if (entry[0] == first && entry[1] == second)
            return entry[2];
        if (entry[0] < first || (entry[0] == first && entry[1] < second))
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}
