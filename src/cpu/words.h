/* Sixteen virtual lanes of 32-bit words, for the counter-based generator in vectors. What lanes.h
 * is to floats: the only other place that looks at the instruction set.
 */
#ifndef ASSAY_CPU_WORDS_H
#define ASSAY_CPU_WORDS_H

#include <stdint.h>
#include <string.h>

enum { WORDS = 16 };

#if defined(__AVX512F__)

#include <immintrin.h>

enum { WORDS_ARE_VECTORS = 1 };

typedef __m512i words;

static inline words words_all(uint32_t x)
{
    return _mm512_set1_epi32((int32_t)x);
}
static inline words words_load(const uint32_t *p)
{
    return _mm512_loadu_si512(p);
}
static inline words words_exclusive_or(words a, words b)
{
    return _mm512_xor_si512(a, b);
}
/* The low halves of a * by; the high ones into *high. */
static inline words words_multiply(words a, uint32_t by, words *high)
{
    const __m512i factor = _mm512_set1_epi64((int64_t)by);
    const __mmask16 odd_lanes = 0xaaaa;
    __m512i even = _mm512_mul_epu32(a, factor);
    __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(a, 32), factor);
    *high = _mm512_mask_blend_epi32(odd_lanes, _mm512_srli_epi64(even, 32), odd);
    return _mm512_mask_blend_epi32(odd_lanes, even, _mm512_slli_epi64(odd, 32));
}
/* Lane j of x[k] becomes word 4 j + k of the four together. */
static inline void words_interleave(words x[4])
{
    __m512i a = _mm512_unpacklo_epi32(x[0], x[1]), b = _mm512_unpackhi_epi32(x[0], x[1]);
    __m512i c = _mm512_unpacklo_epi32(x[2], x[3]), d = _mm512_unpackhi_epi32(x[2], x[3]);
    __m512i u0 = _mm512_unpacklo_epi64(a, c), u1 = _mm512_unpackhi_epi64(a, c);
    __m512i u2 = _mm512_unpacklo_epi64(b, d), u3 = _mm512_unpackhi_epi64(b, d);
    a = _mm512_shuffle_i32x4(u0, u1, 0x44);
    b = _mm512_shuffle_i32x4(u2, u3, 0x44);
    c = _mm512_shuffle_i32x4(u0, u1, 0xee);
    d = _mm512_shuffle_i32x4(u2, u3, 0xee);
    x[0] = _mm512_shuffle_i32x4(a, b, 0x88);
    x[1] = _mm512_shuffle_i32x4(a, b, 0xdd);
    x[2] = _mm512_shuffle_i32x4(c, d, 0x88);
    x[3] = _mm512_shuffle_i32x4(c, d, 0xdd);
}
/* 0 where a lane is below the limit, else value. */
static inline void words_store_unless_below(float *p, words a, uint32_t limit, float value)
{
    __mmask16 kept = _mm512_cmpge_epu32_mask(a, words_all(limit));
    _mm512_storeu_ps(p, _mm512_maskz_mov_ps(kept, _mm512_set1_ps(value)));
}
#if defined(__AVX512BW__)
/* The same for each half of a lane, the low one first: 2 * WORDS values. */
static inline void words_store_halves_unless_below(float *p, words a, uint32_t limit, float value)
{
    __mmask32 kept = _mm512_cmpge_epu16_mask(a, _mm512_set1_epi16((int16_t)limit));
    _mm512_storeu_ps(p, _mm512_maskz_mov_ps((__mmask16)kept, _mm512_set1_ps(value)));
    _mm512_storeu_ps(p + WORDS,
                     _mm512_maskz_mov_ps((__mmask16)(kept >> WORDS), _mm512_set1_ps(value)));
}
#endif

#elif defined(__AVX2__)

#include <immintrin.h>

enum { WORDS_ARE_VECTORS = 1 };

typedef struct {
    __m256i low, high;
} words;

static inline words words_all(uint32_t x)
{
    __m256i all = _mm256_set1_epi32((int32_t)x);
    return (words){all, all};
}
static inline words words_load(const uint32_t *p)
{
    words r;
    memcpy(&r, p, sizeof r);
    return r;
}
static inline words words_exclusive_or(words a, words b)
{
    return (words){_mm256_xor_si256(a.low, b.low), _mm256_xor_si256(a.high, b.high)};
}
static inline __m256i words_multiply_half(__m256i a, __m256i factor, __m256i *high)
{
    __m256i even = _mm256_mul_epu32(a, factor);
    __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), factor);
    *high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
    return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
}
static inline words words_multiply(words a, uint32_t by, words *high)
{
    const __m256i factor = _mm256_set1_epi64x((int64_t)by);
    return (words){words_multiply_half(a.low, factor, &high->low),
                   words_multiply_half(a.high, factor, &high->high)};
}
static inline void words_interleave_half(__m256i x[4])
{
    __m256i a = _mm256_unpacklo_epi32(x[0], x[1]), b = _mm256_unpackhi_epi32(x[0], x[1]);
    __m256i c = _mm256_unpacklo_epi32(x[2], x[3]), d = _mm256_unpackhi_epi32(x[2], x[3]);
    __m256i u0 = _mm256_unpacklo_epi64(a, c), u1 = _mm256_unpackhi_epi64(a, c);
    __m256i u2 = _mm256_unpacklo_epi64(b, d), u3 = _mm256_unpackhi_epi64(b, d);
    x[0] = _mm256_permute2x128_si256(u0, u1, 0x20);
    x[1] = _mm256_permute2x128_si256(u2, u3, 0x20);
    x[2] = _mm256_permute2x128_si256(u0, u1, 0x31);
    x[3] = _mm256_permute2x128_si256(u2, u3, 0x31);
}
/* Lane j of x[k] becomes word 4 j + k of the four together. */
static inline void words_interleave(words x[4])
{
    __m256i low[4], high[4];
    for (int k = 0; k < 4; k++) {
        low[k] = x[k].low;
        high[k] = x[k].high;
    }
    words_interleave_half(low);
    words_interleave_half(high);
    x[0] = (words){low[0], low[1]};
    x[1] = (words){low[2], low[3]};
    x[2] = (words){high[0], high[1]};
    x[3] = (words){high[2], high[3]};
}
static inline void words_store_half(float *p, __m256i a, __m256i limit, __m256 value)
{
    const __m256i sign = _mm256_set1_epi32(INT32_MIN); /* the comparison is a signed one */
    __m256i dropped = _mm256_cmpgt_epi32(limit, _mm256_xor_si256(a, sign));
    _mm256_storeu_ps(p, _mm256_andnot_ps(_mm256_castsi256_ps(dropped), value));
}
static inline void words_store_unless_below(float *p, words a, uint32_t limit, float value)
{
    __m256i signed_limit = _mm256_set1_epi32((int32_t)(limit ^ UINT32_C(0x80000000)));
    words_store_half(p, a.low, signed_limit, _mm256_set1_ps(value));
    words_store_half(p + 8, a.high, signed_limit, _mm256_set1_ps(value));
}

#else

enum { WORDS_ARE_VECTORS = 0 };

typedef struct {
    uint32_t v[WORDS];
} words;

static inline words words_all(uint32_t x)
{
    words r;
    for (int i = 0; i < WORDS; i++)
        r.v[i] = x;
    return r;
}
static inline words words_load(const uint32_t *p)
{
    words r;
    memcpy(r.v, p, sizeof r.v);
    return r;
}
static inline words words_exclusive_or(words a, words b)
{
    for (int i = 0; i < WORDS; i++)
        a.v[i] ^= b.v[i];
    return a;
}
static inline words words_multiply(words a, uint32_t by, words *high)
{
    for (int i = 0; i < WORDS; i++) {
        uint64_t product = (uint64_t)a.v[i] * by;
        high->v[i] = (uint32_t)(product >> 32);
        a.v[i] = (uint32_t)product;
    }
    return a;
}
static inline void words_interleave(words x[4])
{
    words y[4];
    for (int i = 0; i < 4 * WORDS; i++)
        y[i / WORDS].v[i % WORDS] = x[i % 4].v[i / 4];
    memcpy(x, y, sizeof y);
}
static inline void words_store_unless_below(float *p, words a, uint32_t limit, float value)
{
    for (int i = 0; i < WORDS; i++)
        p[i] = a.v[i] < limit ? 0.0f : value;
}

#endif

#endif
