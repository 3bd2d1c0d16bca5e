/* Normal random numbers with the same bits on every machine: the inverse of the distribution
 * function, computed with additions, products, quotients and square roots only, which IEEE 754
 * rounds alike everywhere; libm's logarithm and cosine may differ in the last bit.
 *
 * Source: Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied
 * Statistics 37, 1988 (its routine for 16 digits).
 */
#ifndef ASSAY_MODELS_NORMAL_H
#define ASSAY_MODELS_NORMAL_H

#include <stdint.h>

/* The value below which a standard normal number lies with this probability, which must lie
 * between 1e-10 and 1 - 1e-10. */
double normal_quantile(double probability);

/* values[i] is a function of key and i: mean 0, standard deviation `spread`, no value further out
 * than 6.4 of them (32 random bits a number). */
void normal_draw(float *values, int64_t count, float spread, uint64_t key);

#endif
