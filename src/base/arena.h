/* Many small pieces of memory that are all released together. Pieces keep their address until
 * arena_reset, are cleared, and are aligned for any type. Not for sharing between threads. Start
 * from {0}.
 */
#ifndef ASSAY_BASE_ARENA_H
#define ASSAY_BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *first;
    struct arena_block *current;
};

void *arena_allocate(struct arena *arena, size_t count, size_t size); /* NULL: no memory */
char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void arena_reset(struct arena *arena); /* keeps the blocks for what comes next */
void arena_free(struct arena *arena);

#endif
