#include "text/pieces.h"

#include "base/memory.h"

bool pieces_reserve(struct pieces *pieces, size_t capacity)
{
    if (capacity <= pieces->capacity)
        return true;
    size_t grown = pieces->capacity * 2;
    if (grown < capacity)
        grown = capacity;
    if (grown < 64)
        grown = 64;
    struct piece *list = memory_resize(pieces->list, grown, sizeof *list);
    if (!list)
        return false;
    pieces->list = list;
    pieces->capacity = grown;
    return true;
}

void pieces_free(struct pieces *pieces)
{
    memory_free(pieces->list);
    *pieces = (struct pieces){0};
}
