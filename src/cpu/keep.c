/* Keep factors of dropout: what random_keep of base/random.h gives, sixteen counters at a time. */
#include "cpu/kernel_set.h"
#include "cpu/words.h"

enum { DRAWS = 4 * WORDS, ROUNDS = 10 };

/* The factors of WORDS counters from `counter` on. */
static inline void keep_block(float *out, uint64_t key, uint32_t counter, uint64_t position,
                              uint32_t limit, float scale)
{
    uint32_t counters[WORDS];
    float kept[4][WORDS];
    for (int j = 0; j < WORDS; j++)
        counters[j] = counter + (uint32_t)j;
    words c0 = words_load(counters), c1 = words_all((uint32_t)position);
    words c2 = words_all((uint32_t)(position >> 32)), c3 = words_all(0);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < ROUNDS; round++) {
        words high0, high1;
        words low0 = words_multiply(c0, UINT32_C(0xD2511F53), &high0);
        words low1 = words_multiply(c2, UINT32_C(0xCD9E8D57), &high1);
        c0 = words_exclusive_or(words_exclusive_or(high1, c1), words_all(k0));
        c2 = words_exclusive_or(words_exclusive_or(high0, c3), words_all(k1));
        c1 = low1;
        c3 = low0;
        k0 += UINT32_C(0x9E3779B9);
        k1 += UINT32_C(0xBB67AE85);
    }
    words_store_unless_below(kept[0], c0, limit, scale);
    words_store_unless_below(kept[1], c1, limit, scale);
    words_store_unless_below(kept[2], c2, limit, scale);
    words_store_unless_below(kept[3], c3, limit, scale);
    for (int k = 0; k < 4; k++) {
        for (int j = 0; j < WORDS; j++)
            out[4 * j + k] = kept[k][j];
    }
}

void KERNEL_NAME(keep)(float *out, const struct random_stream *stream, uint64_t row,
                       uint64_t position, uint32_t first, int64_t count, float rate, float scale)
{
    if (!WORDS_ARE_VECTORS) { /* one counter at a time is the faster way then */
        random_keep(out, stream, row, position, first, count, rate, scale);
        return;
    }
    uint64_t key = random_keep_key(stream, row);
    uint32_t limit = random_keep_limit(rate);
    for (int64_t i = 0; i < count; i += DRAWS) {
        float tail[DRAWS];
        int64_t left = count - i;
        keep_block(left < DRAWS ? tail : out + i, key, first / 4 + (uint32_t)(i / 4), position,
                   limit, scale);
        if (left < DRAWS)
            memcpy(out + i, tail, (size_t)left * sizeof *out);
    }
}
