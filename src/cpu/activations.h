/* Activations and their derivatives on sixteen lanes, for the kernels that apply them on the way
 * and those that do nothing else. Formulas as torch has them.
 */
#ifndef ASSAY_CPU_ACTIVATIONS_H
#define ASSAY_CPU_ACTIVATIONS_H

#include "cpu/functions.h"
#include "tensor/kernels.h"

static const float one_over_sqrt_2 = 0x1.6a09e6p-1f;
static const float one_over_sqrt_2_pi = 0x1.988454p-2f;
/* GELU's tanh form: sqrt(2 / pi) (x + 0.044715 x^3) */
static const float gelu_root = 0x1.988454p-1f;
static const float gelu_cubic = 0.044715f;

static inline lanes half_of(lanes x)
{
    return lanes_multiply(lanes_all(0.5f), x);
}

static inline lanes gelu_inner(lanes x)
{
    lanes cube = lanes_multiply(lanes_multiply(x, x), x);
    return lanes_multiply(lanes_all(gelu_root), lanes_fma(lanes_all(gelu_cubic), cube, x));
}

/* The activation of each lane. */
static inline lanes activation_of(enum activation kind, lanes x)
{
    const lanes one = lanes_all(1.0f);
    switch (kind) {
    case ACTIVATION_GELU_ERF:
        return lanes_multiply(
            half_of(x), lanes_add(one, lanes_erf(lanes_multiply(x, lanes_all(one_over_sqrt_2)))));
    case ACTIVATION_GELU_TANH:
        return lanes_multiply(half_of(x), lanes_add(one, lanes_tanh(gelu_inner(x))));
    case ACTIVATION_TANH:
        return lanes_tanh(x);
    case ACTIVATION_RELU:
        /* This order passes not-a-number on. Whether the larger of two keeps a denormal differs
         * between instructions; the sum flushes it everywhere. */
        return lanes_add(lanes_max(lanes_zero(), x), lanes_zero());
    case ACTIVATION_SILU:
        return lanes_multiply(x, lanes_sigmoid(x));
    }
    return x;
}

/* Its derivative there. */
static inline lanes derivative_of(enum activation kind, lanes x)
{
    const lanes one = lanes_all(1.0f);
    switch (kind) {
    case ACTIVATION_GELU_ERF: {
        lanes cumulative =
            half_of(lanes_add(one, lanes_erf(lanes_multiply(x, lanes_all(one_over_sqrt_2)))));
        lanes density =
            lanes_multiply(lanes_all(one_over_sqrt_2_pi),
                           lanes_exp(lanes_multiply(lanes_all(-0.5f), lanes_multiply(x, x))));
        return lanes_fma(x, density, cumulative);
    }
    case ACTIVATION_GELU_TANH: {
        lanes t = lanes_tanh(gelu_inner(x));
        lanes slope = lanes_multiply(lanes_all(gelu_root), lanes_fma(lanes_all(3.0f * gelu_cubic),
                                                                     lanes_multiply(x, x), one));
        lanes curve = lanes_multiply(lanes_subtract(one, lanes_multiply(t, t)), slope);
        return lanes_fma(half_of(x), curve, half_of(lanes_add(one, t)));
    }
    case ACTIVATION_TANH: {
        lanes t = lanes_tanh(x);
        return lanes_subtract(one, lanes_multiply(t, t));
    }
    case ACTIVATION_RELU:
        return lanes_if_less(lanes_zero(), x, one, lanes_zero());
    case ACTIVATION_SILU: {
        lanes s = lanes_sigmoid(x);
        return lanes_multiply(s, lanes_fma(x, lanes_subtract(one, s), one));
    }
    }
    return one;
}

/* CALL(kind) with the kind as a constant, so that it is chosen outside of loops. */
#define ACTIVATION_EACH(kind, CALL)                                                                \
    switch (kind) {                                                                                \
    case ACTIVATION_GELU_ERF:                                                                      \
        CALL(ACTIVATION_GELU_ERF);                                                                 \
        break;                                                                                     \
    case ACTIVATION_GELU_TANH:                                                                     \
        CALL(ACTIVATION_GELU_TANH);                                                                \
        break;                                                                                     \
    case ACTIVATION_TANH:                                                                          \
        CALL(ACTIVATION_TANH);                                                                     \
        break;                                                                                     \
    case ACTIVATION_RELU:                                                                          \
        CALL(ACTIVATION_RELU);                                                                     \
        break;                                                                                     \
    case ACTIVATION_SILU:                                                                          \
        CALL(ACTIVATION_SILU);                                                                     \
        break;                                                                                     \
    }

#endif
