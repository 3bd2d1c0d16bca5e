#include "base/random.h"

#include <string.h>

enum { ROUNDS = 10 };

void random_block(uint32_t out[4], uint64_t key, const uint32_t counter[4])
{
    static const uint32_t multiplier_0 = 0xD2511F53, multiplier_1 = 0xCD9E8D57;
    static const uint32_t weyl_0 = 0x9E3779B9, weyl_1 = 0xBB67AE85;
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t p0 = (uint64_t)multiplier_0 * c0;
        uint64_t p1 = (uint64_t)multiplier_1 * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        uint32_t n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += weyl_0;
        k1 += weyl_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

static uint64_t finish(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint64_t random_mix(uint64_t a, uint64_t b)
{
    return finish(finish(a + UINT64_C(0x9e3779b97f4a7c15)) ^ b);
}

uint64_t random_hash_bytes(const void *bytes, size_t length)
{
    const unsigned char *byte = bytes;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return finish(hash);
}

uint64_t random_hash_name(const char *name)
{
    return random_hash_bytes(name, strlen(name));
}

uint64_t random_keep_key(const struct random_stream *stream, uint64_t row)
{
    return random_mix(random_mix(stream->seed, stream->step), random_mix(stream->place, row));
}

uint32_t random_keep_limit(float rate)
{
    return rate >= 1.0f ? UINT32_MAX : (uint32_t)((double)rate * 4294967296.0);
}

void random_keep(float *out, const struct random_stream *stream, uint64_t row, uint64_t position,
                 uint32_t first, int64_t count, float rate, float scale)
{
    uint64_t key = random_keep_key(stream, row);
    uint32_t limit = random_keep_limit(rate);
    for (int64_t i = 0; i < count; i += 4) {
        uint32_t draw[4];
        uint32_t counter[4] = {first / 4 + (uint32_t)(i / 4), (uint32_t)position,
                               (uint32_t)(position >> 32), 0};
        random_block(draw, key, counter);
        int64_t n = count - i < 4 ? count - i : 4;
        for (int64_t j = 0; j < n; j++)
            out[i + j] = draw[j] < limit ? 0.0f : scale;
    }
}
