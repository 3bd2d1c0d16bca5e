/* Allocation with checked sizes. All of assay's memory comes through here, so that a test can make
 * any single allocation fail. Blocks are released with memory_free (NULL is allowed).
 */
#ifndef ASSAY_BASE_MEMORY_H
#define ASSAY_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* a * b and a + b; false when the result does not fit. */
static inline bool checked_multiply(size_t *result, size_t a, size_t b)
{
    return !__builtin_mul_overflow(a, b, result);
}

static inline bool checked_add(size_t *result, size_t a, size_t b)
{
    return !__builtin_add_overflow(a, b, result);
}

/* count * size bytes, not cleared / cleared; NULL when they cannot be had or the product overflows.
 * A zero size yields a block that may be freed but not read. */
void *memory_allocate(size_t count, size_t size);
void *memory_allocate_zeroed(size_t count, size_t size);

/* Grows or shrinks a block; on failure NULL is returned and the block stays as it was. */
void *memory_resize(void *block, size_t count, size_t size);

/* A block whose address is a multiple of 64, for vectors; large ones ask for huge pages. */
void *memory_allocate_aligned(size_t count, size_t size);

char *memory_copy_string(const char *text);
char *memory_copy_bytes(const char *bytes, size_t length); /* adds a terminating zero */
void memory_free(void *block);

/* For tests: the n-th allocation from now (1 = the next) fails, once, or with all that follow it; 0
 * switches this off. Costs a comparison an allocation. */
void memory_fail_at(uint64_t nth);
void memory_fail_from(uint64_t nth);
/* How many allocations were asked for so far in this process. */
uint64_t memory_allocation_count(void);
/* How many blocks are held now, so that a test finds a leak where it comes about. Exact while no
 * other thread allocates. */
uint64_t memory_live_count(void);

#endif
