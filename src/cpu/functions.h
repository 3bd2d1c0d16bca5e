/* exp, erf, tanh and the sigmoid on sixteen lanes, one recipe for all kernel sets (contract 7).
 * Coefficients and error bounds: polynomials.h. Not-a-number passes through.
 */
#ifndef ASSAY_CPU_FUNCTIONS_H
#define ASSAY_CPU_FUNCTIONS_H

#include "cpu/lanes.h"
#include "cpu/polynomials.h"

static inline lanes lanes_horner(const float *coefficients, int terms, lanes x)
{
    lanes sum = lanes_all(coefficients[terms - 1]);
    for (int i = terms - 2; i >= 0; i--)
        sum = lanes_fma(sum, x, lanes_all(coefficients[i]));
    return sum;
}

static inline lanes lanes_exp(lanes x)
{
    const lanes magic = lanes_all(exp_magic), one = lanes_all(1.0f);
    lanes shifted = lanes_fma(x, lanes_all(exp_log2e), magic);
    lanes n = lanes_subtract(shifted, magic);
    lanes r = lanes_fma(n, lanes_all(-exp_ln2_hi), x);
    r = lanes_fma(n, lanes_all(-exp_ln2_lo), r);
    lanes t = lanes_fma(lanes_horner(exp_poly, EXP_TERMS, r), lanes_multiply(r, r), r);
    /* Inside the limits the exponent field cannot overflow, so one shift scales by 2^n. */
    lanes y = lanes_scale(lanes_add(t, one), shifted);
    y = lanes_if_less(x, lanes_all(exp_lowest), lanes_zero(), y);
    y = lanes_if_less(lanes_all(exp_highest), x, lanes_all(INFINITY), y);
    return lanes_keep_nan(x, y);
}

#if defined(__AVX512F__)
/* 2^x to 18 bits; not-a-number passes through, what is below 2^-126 becomes zero. */
static inline lanes lanes_exp2_short(lanes x)
{
    x = _mm512_max_ps(_mm512_set1_ps(-150.0f), x); /* of two, the second where one is no number */
    lanes n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    return _mm512_scalef_ps(lanes_horner(exp2_short, EXP2_SHORT_TERMS, lanes_subtract(x, n)), n);
}
#endif

static inline lanes lanes_erf(lanes x)
{
    lanes a = lanes_abs(x);
    lanes near_zero = lanes_fma(lanes_horner(erf_near, ERF_NEAR_TERMS, lanes_multiply(a, a)), a, a);
    lanes t = lanes_min(lanes_all(erf_clamp), a);
    lanes q = lanes_fma(lanes_horner(erf_far, ERF_FAR_TERMS, t), t, t);
    lanes far = lanes_subtract(lanes_all(1.0f), lanes_exp(lanes_subtract(lanes_zero(), q)));
    return lanes_with_sign(lanes_if_less(lanes_all(erf_split), a, far, near_zero), x);
}

static inline lanes lanes_tanh(lanes x)
{
    const lanes one = lanes_all(1.0f), two = lanes_all(2.0f);
    lanes a = lanes_abs(x), s = lanes_multiply(a, a);
    lanes near_zero =
        lanes_fma(lanes_multiply(lanes_horner(tanh_near, TANH_NEAR_TERMS, s), s), a, a);
    lanes e = lanes_exp(lanes_add(a, a));
    lanes far = lanes_subtract(one, lanes_divide(two, lanes_add(e, one)));
    return lanes_with_sign(lanes_if_less(lanes_all(tanh_split), a, far, near_zero), x);
}

static inline lanes lanes_sigmoid(lanes x)
{
    const lanes one = lanes_all(1.0f);
    return lanes_divide(one, lanes_add(one, lanes_exp(lanes_subtract(lanes_zero(), x))));
}

#endif
