#include "base/memory.h"

#include "assay/status.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { VECTOR_ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

static _Atomic uint64_t allocations;
static _Atomic uint64_t failing;

static bool refused(void)
{
    uint64_t nth = atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed) + 1;
    uint64_t target = atomic_load_explicit(&failing, memory_order_relaxed);
    return target && nth == target;
}

void memory_fail_at(uint64_t nth)
{
    atomic_store(&failing, nth ? atomic_load(&allocations) + nth : 0);
}

uint64_t memory_allocation_count(void)
{
    return atomic_load(&allocations);
}

void *memory_allocate(size_t count, size_t size)
{
    size_t bytes;
    if (!checked_multiply(&bytes, count, size) || refused())
        return NULL;
    return malloc(bytes ? bytes : 1);
}

void *memory_allocate_zeroed(size_t count, size_t size)
{
    if (refused())
        return NULL;
    return calloc(count ? count : 1, size ? size : 1);
}

void *memory_resize(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (!checked_multiply(&bytes, count, size) || refused())
        return NULL;
    return realloc(block, bytes ? bytes : 1);
}

void *memory_allocate_aligned(size_t count, size_t size)
{
    size_t bytes, rounded;
    if (!checked_multiply(&bytes, count, size) || refused())
        return NULL;
    size_t alignment = bytes >= 2 * (size_t)HUGE_PAGE ? HUGE_PAGE : VECTOR_ALIGNMENT;
    if (!checked_add(&rounded, bytes, VECTOR_ALIGNMENT))
        return NULL;
    rounded -= rounded % VECTOR_ALIGNMENT;
    void *block = NULL;
    if (posix_memalign(&block, alignment, rounded) != 0)
        return NULL;
    if (alignment == HUGE_PAGE)
        (void)madvise(block, rounded - rounded % HUGE_PAGE, MADV_HUGEPAGE); /* only a hint */
    return block;
}

char *memory_copy_bytes(const char *bytes, size_t length)
{
    size_t with_end;
    if (!checked_add(&with_end, length, 1))
        return NULL;
    char *copy = memory_allocate(with_end, 1);
    if (copy) {
        memcpy(copy, bytes, length);
        copy[length] = '\0';
    }
    return copy;
}

char *memory_copy_string(const char *text)
{
    return memory_copy_bytes(text, strlen(text));
}

void memory_free(void *block)
{
    free(block);
}

void assay_string_free(char *text)
{
    memory_free(text);
}
