#include "hub/unpack_memory.h"

#include "base/memory.h"

void *unpack_allocate(void *unused, unsigned count, unsigned size)
{
    (void)unused;
    return memory_allocate(count, size);
}

void unpack_free(void *unused, void *block)
{
    (void)unused;
    memory_free(block);
}
