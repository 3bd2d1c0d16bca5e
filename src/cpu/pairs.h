/* Bfloat16 values in pairs along k: what the operands of products at `medium` and `high` are made
 * of. Sixteen pairs fill one register; a pair's first value is in its low half.
 *
 * Rounding is to nearest, ties to even; a NaN stays one. `part` chooses the rounded value or what
 * rounding left of it, rounded itself.
 */
#ifndef ASSAY_CPU_PAIRS_H
#define ASSAY_CPU_PAIRS_H

#include "cpu/lanes.h"
#include "tensor/dtype.h"

#include <stdbool.h>

enum pair_part { PAIR_HIGH, PAIR_LOW };

#if defined(__AVX512BW__)

typedef __m512i pairs;

static inline pairs pairs_zero(void)
{
    return _mm512_setzero_si512();
}
static inline void pairs_store(uint32_t *p, pairs x)
{
    _mm512_storeu_si512(p, x);
}
#if defined(__AVX512BF16__)

/* (low, high): 32 values as bfloat16. The instruction takes denormals for zero. */
static inline __m512i bfloat_of_two(__m512 low, __m512 high)
{
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}
static inline __m256i bfloat_of_one(__m512 x)
{
    return (__m256i)_mm512_cvtneps_pbh(x);
}

#else

/* Each float32 with its bfloat16 in the low half of its lane. */
static inline __m512i bfloat_bits(__m512 x)
{
    __m512i bits = _mm512_castps_si512(x);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return _mm512_srli_epi32(_mm512_mask_blend_epi32(nan, rounded, quiet), 16);
}
static inline __m256i bfloat_of_one(__m512 x)
{
    return _mm512_cvtepi32_epi16(bfloat_bits(x));
}
static inline __m512i bfloat_of_two(__m512 low, __m512 high)
{
    return _mm512_inserti64x4(_mm512_castsi256_si512(bfloat_of_one(low)), bfloat_of_one(high), 1);
}

#endif

static inline __m512 bfloat_rest(__m512 x)
{
    __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(bfloat_of_one(x)), 16);
    return _mm512_sub_ps(x, _mm512_castsi512_ps(high));
}
/* From 32 values in a row: pair i is (x[2 i], x[2 i + 1]). */
static inline pairs pairs_of_row(lanes first, lanes second, enum pair_part part)
{
    return part == PAIR_HIGH ? bfloat_of_two(first, second)
                             : bfloat_of_two(bfloat_rest(first), bfloat_rest(second));
}
/* From two columns of 16 values: pair i is (even[i], odd[i]). */
static inline pairs pairs_of_columns(lanes even, lanes odd, enum pair_part part)
{
    const __m512i index =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(index, pairs_of_row(even, odd, part));
}
static inline pairs pairs_of_bfloat_columns(const uint16_t *even, const uint16_t *odd, int64_t n)
{
    __mmask16 mask = n >= LANES ? (__mmask16)0xffff : lanes_mask(n);
    __m512i low = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, even));
    if (!odd)
        return low;
    __m512i high = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, odd));
    return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}
/* n (0 .. 32) values in a row. */
static inline pairs pairs_of_bfloat_row(const uint16_t *x, int64_t n)
{
    return n >= 2 * LANES ? _mm512_loadu_si512(x) : _mm512_maskz_loadu_epi16((1u << n) - 1u, x);
}
static inline void pairs_transpose(pairs x[LANES])
{
    __m512i t[LANES];
    for (int i = 0; i < LANES; i += 4) {
        __m512i a = _mm512_unpacklo_epi32(x[i], x[i + 1]);
        __m512i b = _mm512_unpackhi_epi32(x[i], x[i + 1]);
        __m512i c = _mm512_unpacklo_epi32(x[i + 2], x[i + 3]);
        __m512i d = _mm512_unpackhi_epi32(x[i + 2], x[i + 3]);
        t[i] = _mm512_unpacklo_epi64(a, c);
        t[i + 1] = _mm512_unpackhi_epi64(a, c);
        t[i + 2] = _mm512_unpacklo_epi64(b, d);
        t[i + 3] = _mm512_unpackhi_epi64(b, d);
    }
    for (int i = 0; i < 4; i++) {
        __m512i a = _mm512_shuffle_i32x4(t[i], t[i + 4], 0x88);
        __m512i b = _mm512_shuffle_i32x4(t[i], t[i + 4], 0xdd);
        __m512i c = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0x88);
        __m512i d = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0xdd);
        x[i] = _mm512_shuffle_i32x4(a, c, 0x88);
        x[i + 8] = _mm512_shuffle_i32x4(a, c, 0xdd);
        x[i + 4] = _mm512_shuffle_i32x4(b, d, 0x88);
        x[i + 12] = _mm512_shuffle_i32x4(b, d, 0xdd);
    }
}
static inline lanes lanes_load_bfloat(const uint16_t *p, int64_t n)
{
    __m256i x = n >= LANES ? _mm256_loadu_si256((const __m256i *)p)
                           : _mm256_maskz_loadu_epi16(lanes_mask(n), p);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}
static inline void lanes_store_bfloat(uint16_t *p, lanes x, int64_t n)
{
    __m256i y = bfloat_of_one(x);
    if (n >= LANES)
        _mm256_storeu_si256((__m256i *)p, y);
    else
        _mm256_mask_storeu_epi16(p, lanes_mask(n), y);
}

#else

typedef struct {
    uint32_t v[LANES];
} pairs;

static inline pairs pairs_zero(void)
{
    return (pairs){{0}};
}
static inline void pairs_store(uint32_t *p, pairs x)
{
    memcpy(p, x.v, sizeof x.v);
}
static inline uint32_t bfloat_part(float x, enum pair_part part)
{
    uint16_t high = bfloat_from_float(x);
    return part == PAIR_HIGH ? high : bfloat_from_float(x - float_from_bfloat(high));
}
static inline pairs pairs_of_columns(lanes even, lanes odd, enum pair_part part)
{
    float first[LANES], second[LANES];
    pairs r;
    lanes_store(first, even);
    lanes_store(second, odd);
    for (int i = 0; i < LANES; i++)
        r.v[i] = bfloat_part(first[i], part) | bfloat_part(second[i], part) << 16;
    return r;
}
static inline pairs pairs_of_row(lanes first, lanes second, enum pair_part part)
{
    float x[2 * LANES];
    pairs r;
    lanes_store(x, first);
    lanes_store(x + LANES, second);
    for (int i = 0; i < LANES; i++)
        r.v[i] = bfloat_part(x[2 * i], part) | bfloat_part(x[2 * i + 1], part) << 16;
    return r;
}
static inline pairs pairs_of_bfloat_columns(const uint16_t *even, const uint16_t *odd, int64_t n)
{
    pairs r = {{0}};
    for (int i = 0; i < LANES && i < n; i++)
        r.v[i] = (uint32_t)even[i] | (uint32_t)(odd ? odd[i] : 0) << 16;
    return r;
}
static inline pairs pairs_of_bfloat_row(const uint16_t *x, int64_t n)
{
    uint16_t padded[2 * LANES] = {0};
    memcpy(padded, x, (size_t)(n < 2 * LANES ? n : 2 * LANES) * sizeof *x);
    pairs r;
    for (int i = 0; i < LANES; i++)
        r.v[i] = (uint32_t)padded[2 * i] | (uint32_t)padded[2 * i + 1] << 16;
    return r;
}
static inline void pairs_transpose(pairs x[LANES])
{
    for (int i = 0; i < LANES; i++) {
        for (int j = 0; j < i; j++) {
            uint32_t other = x[i].v[j];
            x[i].v[j] = x[j].v[i];
            x[j].v[i] = other;
        }
    }
}
static inline lanes lanes_load_bfloat(const uint16_t *p, int64_t n)
{
    float x[LANES] = {0};
    for (int i = 0; i < LANES && i < n; i++)
        x[i] = float_from_bfloat(p[i]);
    return lanes_load(x);
}
static inline void lanes_store_bfloat(uint16_t *p, lanes x, int64_t n)
{
    float values[LANES];
    lanes_store(values, x);
    for (int i = 0; i < LANES && i < n; i++)
        p[i] = bfloat_from_float(values[i]);
}

#endif

/* n valid values of 32 (a row) from float32 memory. */
static inline pairs pairs_load_row(const float *x, int64_t n, enum pair_part part)
{
    lanes first = n > 0 ? lanes_load_some(x, n) : lanes_zero();
    lanes second = n > LANES ? lanes_load_some(x + LANES, n - LANES) : lanes_zero();
    return pairs_of_row(first, second, part);
}
/* n valid columns of 16; odd NULL: zeros. */
static inline pairs pairs_load_columns(const float *even, const float *odd, int64_t n,
                                       enum pair_part part)
{
    return pairs_of_columns(lanes_load_some(even, n), odd ? lanes_load_some(odd, n) : lanes_zero(),
                            part);
}

#endif
