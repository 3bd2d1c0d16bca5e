/*
 * The polynomials that every kernel set shares for exp, erf and tanh in float32, and one shorter.
 * Made by tools/fit_polynomials.py; change it there. Entry [k] multiplies the k-th power.
 * Bits are equal on every kernel set when the recipe above each table is followed exactly: fma() is
 * one rounding, horner(c, x) is p = c[last]; p = fma(p, x, c[k]) downwards to c[0], and no other
 * product and sum are fused. min(C, a) returns a when a is not a number (MINPS with C first).
 */
#ifndef ASSAY_CPU_POLYNOMIALS_H
#define ASSAY_CPU_POLYNOMIALS_H

/*
 * exp(x), max 1.01 ulp over the normal range, 0.84 ulp on [-ln2/2, ln2/2]:
 *   m = fma(x, exp_log2e, exp_magic); n = m - exp_magic;      (the low bits of m are n as integer)
 *   r = fma(n, -exp_ln2_hi, x); r = fma(n, -exp_ln2_lo, r);
 *   t = fma(horner(exp_poly, r), r * r, r); y = (t + 1) * 2^n.
 * n reaches 128: scale by 2^(n >> 1), then by 2^(n - (n >> 1)).
 * x < exp_lowest gives 0 (no denormals), x > exp_highest gives infinity.
 */
static const float exp_log2e = 0x1.715476p+0f;
static const float exp_magic = 0x1.8p+23f;    /* 1.5 * 2^23 */
static const float exp_ln2_hi = 0x1.62e4p-1f; /* 15 bits: n * exp_ln2_hi is exact */
static const float exp_ln2_lo = 0x1.7f7d1cp-20f;
static const float exp_lowest = -0x1.5d589ep+6f; /* -87.3365402 */
static const float exp_highest = 0x1.62e42ep+6f; /* 88.7228317 */
enum { EXP_TERMS = 5 };
static const float exp_poly[EXP_TERMS] = {
    0x1.fffffcp-2f,  /* [0] 0.49999994 */
    0x1.55548cp-3f,  /* [1] 0.166665167 */
    0x1.555858p-5f,  /* [2] 0.0416681021 */
    0x1.123ddep-7f,  /* [3] 0.00836919155 */
    0x1.6ac716p-10f, /* [4] 0.00138388702 */
};

/*
 * 2^x on [-1/2, 1/2] to 2^-19, relative: where results become bfloat16, on sets that have its
 * units. n = x rounded to the nearest whole number; y = horner(exp2_short, x - n) * 2^n.
 */
enum { EXP2_SHORT_TERMS = 5 };
static const float exp2_short[EXP2_SHORT_TERMS] = {
    0x1.ffffe8p-1f, /* [0] 0.999999285 */
    0x1.62e0dp-1f,  /* [1] 0.693121433 */
    0x1.ec060cp-3f, /* [2] 0.240245908 */
    0x1.ca1abcp-5f, /* [3] 0.0559209511 */
    0x1.39e5b4p-7f, /* [4] 0.0095793847 */
};

/*
 * erf(x) = copysign(y, x), max 1.04 ulp, a = |x|:
 *   a <= erf_split: y = fma(horner(erf_near, a * a), a, a)
 *   otherwise:      t = min(erf_clamp, a); q = fma(horner(erf_far, t), t, t);
 *                   y = 1 - exp(-q)                            (exp as above)
 */
static const float erf_split = 0x1.d8p-1f; /* 0.921875 */
static const float erf_clamp = 0x1p+2f;    /* 4 */
enum { ERF_NEAR_TERMS = 6 };
static const float erf_near[ERF_NEAR_TERMS] = {
    0x1.06eba6p-3f,  /* [0] 0.128379151 */
    -0x1.8126e8p-2f, /* [1] -0.376124978 */
    0x1.ce1adcp-4f,  /* [2] 0.112818584 */
    -0x1.b69162p-6f, /* [3] -0.0267680604 */
    0x1.475c76p-8f,  /* [4] 0.00499513512 */
    -0x1.3a92ap-11f, /* [5] -0.000599999912 */
};
enum { ERF_FAR_TERMS = 7 };
static const float erf_far[ERF_FAR_TERMS] = {
    0x1.07796cp-3f,  /* [0] 0.128649563 */
    0x1.4531fcp-1f,  /* [1] 0.635146976 */
    0x1.b32ceep-4f,  /* [2] 0.10624402 */
    -0x1.856af6p-6f, /* [3] -0.0237681773 */
    0x1.ddcdp-9f,    /* [4] 0.00364533067 */
    -0x1.53385p-12f, /* [5] -0.000323505374 */
    0x1.7b327cp-17f, /* [6] 1.13009573e-05 */
};

/*
 * tanh(x) = copysign(y, x), max 1.33 ulp, a = |x|:
 *   a <= tanh_split: s = a * a; y = fma(horner(tanh_near, s) * s, a, a)
 *   otherwise:       t = min(tanh_clamp, a); y = 1 - 2 / (exp(t + t) + 1)
 */
static const float tanh_split = 0x1.4p-1f; /* 0.625 */
static const float tanh_clamp = 0x1.4p+3f; /* 10 */
enum { TANH_NEAR_TERMS = 5 };
static const float tanh_near[TANH_NEAR_TERMS] = {
    -0x1.555532p-2f, /* [0] -0.333332807 */
    0x1.1106f6p-3f,  /* [1] 0.133314058 */
    -0x1.b835a4p-5f, /* [2] -0.0537365153 */
    0x1.51f8cep-6f,  /* [3] 0.0206281673 */
    -0x1.750ce2p-8f, /* [4] -0.0056922962 */
};

#endif
