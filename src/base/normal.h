/* Points of the normal curve and random numbers along it, with the same bits on every machine: the
 * inverse of the distribution function, computed with additions, products, quotients and square
 * roots only, which IEEE 754 rounds alike everywhere; libm's logarithm may differ in the last bit.
 *
 * Source: Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied
 * Statistics 37, 1988 (its routine for 16 digits).
 */
#ifndef ASSAY_BASE_NORMAL_H
#define ASSAY_BASE_NORMAL_H

#include <stdint.h>

/* The value below which a standard normal number lies with this probability; not a number unless
 * 0 < probability < 1. The point that it exceeds with probability p is -normal_quantile(p), which
 * keeps the digits that 1 - p would lose. */
double normal_quantile(double probability);

/* values[i] is a function of key and i: mean 0, standard deviation `spread`, no value further out
 * than 6.4 of them (32 random bits a number). */
void normal_draw(float *values, int64_t count, float spread, uint64_t key);

#endif
