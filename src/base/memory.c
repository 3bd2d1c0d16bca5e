#include "base/memory.h"

#include "assay/status.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { VECTOR_ALIGNMENT = 64, CACHE_LINE = 64, HUGE_PAGE = 2 << 20 };

/* Each on a line of its own: threads that only free do not wait for threads that only allocate. */
static alignas(CACHE_LINE) _Atomic uint64_t allocations;
static alignas(CACHE_LINE) _Atomic uint64_t frees;
static alignas(CACHE_LINE) _Atomic uint64_t failing;
static _Atomic bool failing_on; /* all behind it too */
/* Allocations that made no new block: refused, or the resizing of one. */
static _Atomic uint64_t without_block;

static bool no_block(void)
{
    atomic_fetch_add_explicit(&without_block, 1, memory_order_relaxed);
    return true;
}

static bool refused(void)
{
    uint64_t nth = atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed) + 1;
    uint64_t target = atomic_load_explicit(&failing, memory_order_relaxed);
    if (!target || nth < target)
        return false;
    if (nth > target && !atomic_load_explicit(&failing_on, memory_order_relaxed))
        return false;
    return no_block();
}

static void *made(void *block)
{
    if (!block)
        (void)no_block();
    return block;
}

static void fail(uint64_t nth, bool on)
{
    atomic_store(&failing_on, on);
    atomic_store(&failing, nth ? atomic_load(&allocations) + nth : 0);
}

void memory_fail_at(uint64_t nth)
{
    fail(nth, false);
}

void memory_fail_from(uint64_t nth)
{
    fail(nth, true);
}

uint64_t memory_allocation_count(void)
{
    return atomic_load(&allocations);
}

uint64_t memory_live_count(void)
{
    return atomic_load(&allocations) - atomic_load(&without_block) - atomic_load(&frees);
}

void *memory_allocate(size_t count, size_t size)
{
    size_t bytes;
    if (!checked_multiply(&bytes, count, size) || refused())
        return NULL;
    return made(malloc(bytes ? bytes : 1));
}

void *memory_allocate_zeroed(size_t count, size_t size)
{
    if (refused())
        return NULL;
    return made(calloc(count ? count : 1, size ? size : 1));
}

void *memory_resize(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (!checked_multiply(&bytes, count, size) || refused())
        return NULL;
    void *resized = realloc(block, bytes ? bytes : 1);
    if (block)
        (void)no_block();
    else
        made(resized);
    return resized;
}

void *memory_allocate_aligned(size_t count, size_t size)
{
    size_t bytes, rounded;
    if (!checked_multiply(&bytes, count, size) || !checked_add(&rounded, bytes, VECTOR_ALIGNMENT) ||
        refused())
        return NULL;
    size_t alignment = bytes >= 2 * (size_t)HUGE_PAGE ? HUGE_PAGE : VECTOR_ALIGNMENT;
    rounded -= rounded % VECTOR_ALIGNMENT;
    void *block = NULL;
    if (posix_memalign(&block, alignment, rounded) != 0)
        return made(NULL);
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
    if (!block)
        return;
    atomic_fetch_add_explicit(&frees, 1, memory_order_relaxed);
    free(block);
}

void assay_string_free(char *text)
{
    memory_free(text);
}
