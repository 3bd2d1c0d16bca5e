#include "base/arena.h"

#include "base/memory.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK_SIZE = 32 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    alignas(max_align_t) char bytes[];
};

static struct arena_block *block_with_room(struct arena *arena, size_t bytes)
{
    struct arena_block *last = NULL;
    for (struct arena_block *block = arena->current; block; block = block->next) {
        if (block->size - block->used >= bytes)
            return block;
        last = block;
    }
    size_t size = bytes > BLOCK_SIZE ? bytes : BLOCK_SIZE, whole;
    if (!checked_add(&whole, size, sizeof(struct arena_block)))
        return NULL;
    struct arena_block *block = memory_allocate(whole, 1);
    if (!block)
        return NULL;
    block->next = NULL;
    block->size = size;
    block->used = 0;
    if (last)
        last->next = block;
    else
        arena->first = block;
    return block;
}

void *arena_allocate(struct arena *arena, size_t count, size_t size)
{
    size_t bytes, padded;
    if (!checked_multiply(&bytes, count, size) ||
        !checked_add(&padded, bytes, alignof(max_align_t)))
        return NULL;
    padded -= padded % alignof(max_align_t);
    struct arena_block *block = block_with_room(arena, padded);
    if (!block)
        return NULL;
    arena->current = block;
    void *piece = block->bytes + block->used;
    block->used += padded;
    return memset(piece, 0, padded);
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : arena_allocate(arena, (size_t)length + 1, 1);
    if (!text)
        return NULL;
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

void arena_reset(struct arena *arena)
{
    for (struct arena_block *block = arena->first; block; block = block->next)
        block->used = 0;
    arena->current = arena->first;
}

void arena_free(struct arena *arena)
{
    struct arena_block *block = arena->first;
    while (block) {
        struct arena_block *next = block->next;
        memory_free(block);
        block = next;
    }
    *arena = (struct arena){0};
}
