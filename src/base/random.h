/* Counter-based random numbers: the value at a place is a pure function of its key and counter, so
 * that nothing has to be stored and no order of work matters (contract 7).
 *
 * Source: Philox4x32-10, Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
#ifndef ASSAY_BASE_RANDOM_H
#define ASSAY_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Four 32-bit values for one 128-bit counter under a 64-bit key. */
void random_block(uint32_t out[4], uint64_t key, const uint32_t counter[4]);

/* Mixes two 64-bit values into one; every bit of the result depends on every bit of both. */
uint64_t random_mix(uint64_t a, uint64_t b);

/* A 64-bit hash of a name (FNV-1a, finished by random_mix). */
uint64_t random_hash_name(const char *name);
uint64_t random_hash_bytes(const void *bytes, size_t length);

/* What identifies one draw of dropout but for position and feature. */
struct random_stream {
    uint64_t seed;
    uint64_t step;
    uint64_t place; /* random_hash_name of the place */
};

/* The parts of random_keep, for kernels that do the same in vectors: the key of random_block, whose
 * counter is {feature / 4, position, position >> 32, 0}, and the limit below which a draw is
 * dropped. */
uint64_t random_keep_key(const struct random_stream *stream, uint64_t row);
uint32_t random_keep_limit(float rate);

/* out[i] for feature first + i at (row, position): `scale` with probability 1 - rate, else 0.
 * `first` must be a multiple of 4. */
void random_keep(float *out, const struct random_stream *stream, uint64_t row, uint64_t position,
                 uint32_t first, int64_t count, float rate, float scale);

#endif
