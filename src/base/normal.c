#include "base/normal.h"

#include "base/random.h"

#include <math.h>

enum { COEFFICIENTS = 8, LOG_TERMS = 12, BLOCK = 4 };

/* A ratio of polynomials of degree 7, lowest coefficient first. */
struct ratio {
    double above[COEFFICIENTS], below[COEFFICIENTS];
};

/* For |p - 1/2| <= CENTRE, in CENTRE^2 - (p - 1/2)^2. */
static const struct ratio central = {
    {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
     1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
     3.3430575583588128105e4, 2.5090809287301226727e3},
    {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
     5.2264952788528545610e3},
};

/* For the tails, in sqrt(-log p) - TAIL_SHIFT, up to FAR of that root. */
static const struct ratio outer = {
    {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
     3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4},
    {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
     1.05075007164441684324e-9},
};

/* Beyond, in sqrt(-log p) - FAR. */
static const struct ratio far_out = {
    {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
     2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
     2.71155556874348757815e-5, 2.01033439929228813265e-7},
    {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
     2.04426310338993978564e-15},
};

static const double CENTRE = 0.425, TAIL_SHIFT = 1.6, FAR = 5.0;

static double evaluate(const struct ratio *ratio, double x)
{
    double above = ratio->above[COEFFICIENTS - 1], below = ratio->below[COEFFICIENTS - 1];
    for (int i = COEFFICIENTS - 2; i >= 0; i--) {
        above = above * x + ratio->above[i];
        below = below * x + ratio->below[i];
    }
    return above / below;
}

/* log(x) of a positive number: x = m 2^e with m within sqrt(2) of 1, and the series of
 * log m = 2 artanh((m - 1) / (m + 1)), whose terms shrink by 34 each. */
static double portable_log(double x)
{
    static const double log_2 = 0.693147180559945309417, root_2 = 1.41421356237309504880;
    int exponent;
    double m = 2.0 * frexp(x, &exponent); /* exact */
    exponent--;
    if (m > root_2) {
        m *= 0.5;
        exponent++;
    }
    double t = (m - 1.0) / (m + 1.0), square = t * t, sum = 0.0;
    for (int i = LOG_TERMS - 1; i >= 0; i--)
        sum = sum * square + 1.0 / (2 * i + 1);
    return (double)exponent * log_2 + 2.0 * t * sum;
}

double normal_quantile(double probability)
{
    double off = probability - 0.5;
    if (!(probability > 0.0 && probability < 1.0))
        return NAN;
    if (fabs(off) <= CENTRE)
        return off * evaluate(&central, CENTRE * CENTRE - off * off);
    double tail = off < 0.0 ? probability : 1.0 - probability;
    double root = sqrt(-portable_log(tail));
    double value =
        root <= FAR ? evaluate(&outer, root - TAIL_SHIFT) : evaluate(&far_out, root - FAR);
    return off < 0.0 ? -value : value;
}

void normal_draw(float *values, int64_t count, float spread, uint64_t key)
{
    static const double resolution = 4294967296.0;
    for (int64_t i = 0; i < count; i += BLOCK) {
        uint64_t block = (uint64_t)i / BLOCK;
        const uint32_t counter[] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0};
        uint32_t bits[BLOCK];
        random_block(bits, key, counter);
        for (int j = 0; j < BLOCK && i + j < count; j++) {
            double probability = ((double)bits[j] + 0.5) / resolution;
            values[i + j] = (float)((double)spread * normal_quantile(probability));
        }
    }
}
