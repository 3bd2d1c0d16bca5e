/* Keep factors of dropout: what random_keep of base/random.h gives, sixteen counters at a time.
 *
 * Around products of bfloat16 (KERNEL_BFLOAT) the draws would take as long as half the attention's
 * products: there each half of a word is a draw, rates are multiples of 2^-16, and seven rounds are
 * made: the least that passes the test batteries of Philox's authors (SC 2011), who keep ten for a
 * margin. */
#include "cpu/kernel_set.h"
#include "cpu/words.h"

#include <math.h>

#ifdef KERNEL_BFLOAT
enum { DRAWS_A_COUNTER = 8, ROUNDS = 7 };
#else
enum { DRAWS_A_COUNTER = 4, ROUNDS = 10 };
#endif

enum { DRAWS = DRAWS_A_COUNTER * WORDS, BLOCKS = 4 };

static inline uint32_t limit_of(float rate)
{
    return DRAWS_A_COUNTER == 4 ? random_keep_limit(rate)
                                : (uint32_t)lrintf(fminf(rate * 65536.0f, 65535.0f));
}

static inline void store_kept(float *out, const words x[4], uint32_t limit, float scale)
{
    for (int k = 0; k < 4; k++) {
#ifdef KERNEL_BFLOAT
        words_store_halves_unless_below(out + k * 2 * WORDS, x[k], limit, scale);
#else
        words_store_unless_below(out + k * WORDS, x[k], limit, scale);
#endif
    }
}

/* The factors of BLOCKS * WORDS counters from `counter` on. Blocks side by side, because a round
 * waits for the one before it. */
static inline __attribute__((always_inline)) void keep_blocks(float *out, uint64_t key,
                                                              uint32_t counter, uint64_t position,
                                                              uint32_t limit, float scale,
                                                              const int blocks)
{
    words c[BLOCKS][4];
    for (int b = 0; b < blocks; b++) {
        uint32_t counters[WORDS];
        for (int j = 0; j < WORDS; j++)
            counters[j] = counter + (uint32_t)(b * WORDS + j);
        c[b][0] = words_load(counters);
        c[b][1] = words_all((uint32_t)position);
        c[b][2] = words_all((uint32_t)(position >> 32));
        c[b][3] = words_all(0);
    }
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < ROUNDS; round++) {
        for (int b = 0; b < blocks; b++) {
            words high0, high1;
            words low0 = words_multiply(c[b][0], UINT32_C(0xD2511F53), &high0);
            words low1 = words_multiply(c[b][2], UINT32_C(0xCD9E8D57), &high1);
            c[b][0] = words_exclusive_or(words_exclusive_or(high1, c[b][1]), words_all(k0));
            c[b][2] = words_exclusive_or(words_exclusive_or(high0, c[b][3]), words_all(k1));
            c[b][1] = low1;
            c[b][3] = low0;
        }
        k0 += UINT32_C(0x9E3779B9);
        k1 += UINT32_C(0xBB67AE85);
    }
    for (int b = 0; b < blocks; b++) {
        words_interleave(c[b]);
        store_kept(out + b * DRAWS, c[b], limit, scale);
    }
}

void KERNEL_NAME(keep)(float *out, const struct random_stream *stream, uint64_t row,
                       uint64_t position, uint32_t first, int64_t count, float rate, float scale)
{
    if (rate >= 1.0f) { /* no limit of so many bits is above every draw */
        memset(out, 0, (size_t)count * sizeof *out);
        return;
    }
    if (!WORDS_ARE_VECTORS) { /* one counter at a time is the faster way then */
        random_keep(out, stream, row, position, first, count, rate, scale);
        return;
    }
    uint64_t key = random_keep_key(stream, row);
    uint32_t limit = limit_of(rate);
    uint32_t counter = first / DRAWS_A_COUNTER;
    int64_t i = 0;
    for (; i + BLOCKS * DRAWS <= count; i += BLOCKS * DRAWS)
        keep_blocks(out + i, key, counter + (uint32_t)(i / DRAWS_A_COUNTER), position, limit, scale,
                    BLOCKS);
    for (; i < count; i += DRAWS) {
        float tail[DRAWS];
        int64_t left = count - i;
        keep_blocks(left < DRAWS ? tail : out + i, key, counter + (uint32_t)(i / DRAWS_A_COUNTER),
                    position, limit, scale, 1);
        if (left < DRAWS)
            memcpy(out + i, tail, (size_t)left * sizeof *out);
    }
}
