/* Sixteen virtual lanes of float32: the one vector type in which every float32 kernel is written.
 *
 * The build compiles each kernel file once an instruction set (plain C, AVX2, AVX-512). Every
 * operation below is an IEEE operation a lane, a fused multiply-add is always fused, and sums over
 * the lanes follow one fixed tree, so the three agree bit for bit (contract 7). This is the only
 * place where the float32 kernels look at the instruction set.
 */
#ifndef ASSAY_CPU_LANES_H
#define ASSAY_CPU_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 16 };

#if defined(__AVX512F__)

#include <immintrin.h>

typedef __m512 lanes;

/* Rows and panels of 16 columns that one register tile of a product covers. */
#define TILE_ROWS   12
#define TILE_PANELS 2

static inline lanes lanes_zero(void)
{
    return _mm512_setzero_ps();
}
static inline lanes lanes_all(float x)
{
    return _mm512_set1_ps(x);
}
static inline lanes lanes_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
static inline void lanes_store(float *p, lanes x)
{
    _mm512_storeu_ps(p, x);
}
static inline __mmask16 lanes_mask(int64_t n)
{
    return (__mmask16)((1u << n) - 1u);
}
/* The first n (0 .. 16) lanes; the others read as zero and are not written. */
static inline lanes lanes_load_first(const float *p, int64_t n)
{
    return _mm512_maskz_loadu_ps(lanes_mask(n), p);
}
static inline void lanes_store_first(float *p, lanes x, int64_t n)
{
    _mm512_mask_storeu_ps(p, lanes_mask(n), x);
}
static inline lanes lanes_add(lanes a, lanes b)
{
    return _mm512_add_ps(a, b);
}
static inline lanes lanes_subtract(lanes a, lanes b)
{
    return _mm512_sub_ps(a, b);
}
static inline lanes lanes_multiply(lanes a, lanes b)
{
    return _mm512_mul_ps(a, b);
}
static inline lanes lanes_divide(lanes a, lanes b)
{
    return _mm512_div_ps(a, b);
}
/* a * b + c with one rounding. */
static inline lanes lanes_fma(lanes a, lanes b, lanes c)
{
    return _mm512_fmadd_ps(a, b, c);
}
/* The larger of both; b where either is not a number. */
static inline lanes lanes_max(lanes a, lanes b)
{
    return _mm512_max_ps(a, b);
}
static inline lanes lanes_min(lanes a, lanes b)
{
    return _mm512_min_ps(a, b);
}
static inline lanes lanes_abs(lanes a)
{
    return _mm512_abs_ps(a);
}
/* The magnitude of a with the sign of b. */
static inline lanes lanes_with_sign(lanes a, lanes b)
{
    const __m512i sign = _mm512_set1_epi32(INT32_MIN);
    return _mm512_castsi512_ps(_mm512_or_si512(_mm512_andnot_si512(sign, _mm512_castps_si512(a)),
                                               _mm512_and_si512(sign, _mm512_castps_si512(b))));
}
/* a < b ? x : y, a lane. */
static inline lanes lanes_if_less(lanes a, lanes b, lanes x, lanes y)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
/* a where a is not a number, else b. */
static inline lanes lanes_keep_nan(lanes a, lanes b)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), b, a);
}
/* x times 2 to the power held in the low bits of `shifted` (see EXP_SHIFT in functions.h). */
static inline lanes lanes_scale(lanes x, lanes shifted)
{
    return _mm512_castsi512_ps(_mm512_add_epi32(
        _mm512_castps_si512(x), _mm512_slli_epi32(_mm512_castps_si512(shifted), 23)));
}
static inline __m256 lanes_fold_half(lanes x)
{
    __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1));
    return _mm256_add_ps(_mm512_castps512_ps256(x), high);
}
static inline __m256 lanes_fold_half_max(lanes x)
{
    __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1));
    return _mm256_max_ps(_mm512_castps512_ps256(x), high);
}

#elif defined(__AVX2__)

#include <immintrin.h>

typedef struct {
    __m256 low, high;
} lanes;

#define TILE_ROWS   6
#define TILE_PANELS 1

static inline lanes lanes_zero(void)
{
    return (lanes){_mm256_setzero_ps(), _mm256_setzero_ps()};
}
static inline lanes lanes_all(float x)
{
    return (lanes){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
static inline lanes lanes_load(const float *p)
{
    return (lanes){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
static inline void lanes_store(float *p, lanes x)
{
    _mm256_storeu_ps(p, x.low);
    _mm256_storeu_ps(p + 8, x.high);
}
static inline lanes lanes_load_first(const float *p, int64_t n)
{
    float buffer[LANES] = {0};
    memcpy(buffer, p, (size_t)n * sizeof(float));
    return lanes_load(buffer);
}
static inline void lanes_store_first(float *p, lanes x, int64_t n)
{
    float buffer[LANES];
    lanes_store(buffer, x);
    memcpy(p, buffer, (size_t)n * sizeof(float));
}
static inline lanes lanes_add(lanes a, lanes b)
{
    return (lanes){_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
static inline lanes lanes_subtract(lanes a, lanes b)
{
    return (lanes){_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
static inline lanes lanes_multiply(lanes a, lanes b)
{
    return (lanes){_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
static inline lanes lanes_divide(lanes a, lanes b)
{
    return (lanes){_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}
static inline lanes lanes_fma(lanes a, lanes b, lanes c)
{
    return (lanes){_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
static inline lanes lanes_max(lanes a, lanes b)
{
    return (lanes){_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
}
static inline lanes lanes_min(lanes a, lanes b)
{
    return (lanes){_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
}
static inline lanes lanes_abs(lanes a)
{
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return (lanes){_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
}
static inline lanes lanes_with_sign(lanes a, lanes b)
{
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return (lanes){
        _mm256_or_ps(_mm256_andnot_ps(sign, a.low), _mm256_and_ps(sign, b.low)),
        _mm256_or_ps(_mm256_andnot_ps(sign, a.high), _mm256_and_ps(sign, b.high)),
    };
}
static inline lanes lanes_if_less(lanes a, lanes b, lanes x, lanes y)
{
    return (lanes){
        _mm256_blendv_ps(y.low, x.low, _mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ)),
        _mm256_blendv_ps(y.high, x.high, _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ)),
    };
}
static inline lanes lanes_keep_nan(lanes a, lanes b)
{
    return (lanes){
        _mm256_blendv_ps(b.low, a.low, _mm256_cmp_ps(a.low, a.low, _CMP_UNORD_Q)),
        _mm256_blendv_ps(b.high, a.high, _mm256_cmp_ps(a.high, a.high, _CMP_UNORD_Q)),
    };
}
static inline __m256 lanes_scale_half(__m256 x, __m256 shifted)
{
    return _mm256_castsi256_ps(_mm256_add_epi32(
        _mm256_castps_si256(x), _mm256_slli_epi32(_mm256_castps_si256(shifted), 23)));
}
static inline lanes lanes_scale(lanes x, lanes shifted)
{
    return (lanes){lanes_scale_half(x.low, shifted.low), lanes_scale_half(x.high, shifted.high)};
}
static inline __m256 lanes_fold_half(lanes x)
{
    return _mm256_add_ps(x.low, x.high);
}
static inline __m256 lanes_fold_half_max(lanes x)
{
    return _mm256_max_ps(x.low, x.high);
}

#else

typedef struct {
    float v[LANES];
} lanes;

#define TILE_ROWS   4
#define TILE_PANELS 1

#define LANES_EACH(expression)                                                                     \
    lanes r;                                                                                       \
    for (int i = 0; i < LANES; i++)                                                                \
        r.v[i] = (expression);                                                                     \
    return r

static inline lanes lanes_all(float x)
{
    LANES_EACH(x);
}
static inline lanes lanes_zero(void)
{
    return lanes_all(0.0f);
}
static inline lanes lanes_load(const float *p)
{
    LANES_EACH(p[i]);
}
static inline void lanes_store(float *p, lanes x)
{
    memcpy(p, x.v, sizeof x.v);
}
static inline lanes lanes_load_first(const float *p, int64_t n)
{
    LANES_EACH(i < n ? p[i] : 0.0f);
}
static inline void lanes_store_first(float *p, lanes x, int64_t n)
{
    memcpy(p, x.v, (size_t)n * sizeof(float));
}
static inline lanes lanes_add(lanes a, lanes b)
{
    LANES_EACH(a.v[i] + b.v[i]);
}
static inline lanes lanes_subtract(lanes a, lanes b)
{
    LANES_EACH(a.v[i] - b.v[i]);
}
static inline lanes lanes_multiply(lanes a, lanes b)
{
    LANES_EACH(a.v[i] * b.v[i]);
}
static inline lanes lanes_divide(lanes a, lanes b)
{
    LANES_EACH(a.v[i] / b.v[i]);
}
static inline lanes lanes_fma(lanes a, lanes b, lanes c)
{
    LANES_EACH(fmaf(a.v[i], b.v[i], c.v[i]));
}
static inline lanes lanes_max(lanes a, lanes b)
{
    LANES_EACH(a.v[i] > b.v[i] ? a.v[i] : b.v[i]);
}
static inline lanes lanes_min(lanes a, lanes b)
{
    LANES_EACH(a.v[i] < b.v[i] ? a.v[i] : b.v[i]);
}
static inline lanes lanes_abs(lanes a)
{
    LANES_EACH(fabsf(a.v[i]));
}
static inline lanes lanes_with_sign(lanes a, lanes b)
{
    LANES_EACH(copysignf(a.v[i], b.v[i]));
}
static inline lanes lanes_if_less(lanes a, lanes b, lanes x, lanes y)
{
    LANES_EACH(a.v[i] < b.v[i] ? x.v[i] : y.v[i]);
}
static inline lanes lanes_keep_nan(lanes a, lanes b)
{
    LANES_EACH(isnan(a.v[i]) ? a.v[i] : b.v[i]);
}
static inline lanes lanes_scale(lanes x, lanes shifted)
{
    lanes r;
    for (int i = 0; i < LANES; i++) {
        uint32_t bits, power;
        memcpy(&bits, &x.v[i], sizeof bits);
        memcpy(&power, &shifted.v[i], sizeof power);
        bits += power << 23;
        memcpy(&r.v[i], &bits, sizeof bits);
    }
    return r;
}
#undef LANES_EACH

#endif

#if defined(__AVX512F__) || defined(__AVX2__)
/* Lane i meets i + 8, then i + 4, i + 2, i + 1. */
static inline float lanes_sum(lanes x)
{
    __m256 eight = lanes_fold_half(x);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
static inline float lanes_largest(lanes x)
{
    __m256 eight = lanes_fold_half_max(x);
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
#else
static inline float lanes_sum(lanes x)
{
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++)
            x.v[i] = x.v[i] + x.v[i + half];
    }
    return x.v[0];
}
static inline float lanes_largest(lanes x)
{
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++)
            x.v[i] = x.v[i] > x.v[i + half] ? x.v[i] : x.v[i + half];
    }
    return x.v[0];
}
#endif

/* The first n lanes of the next group, whole groups on the fast path. */
static inline lanes lanes_load_some(const float *p, int64_t n)
{
    return n >= LANES ? lanes_load(p) : lanes_load_first(p, n);
}
static inline void lanes_store_some(float *p, lanes x, int64_t n)
{
    if (n >= LANES)
        lanes_store(p, x);
    else
        lanes_store_first(p, x, n);
}

#endif
