/* What a model makes of one split: tokens with the cells they cover, counted from the split's
 * first. `begin` and `end` are cells; a token of some of a character's bytes covers that cell.
 */
#ifndef ASSAY_TEXT_PIECES_H
#define ASSAY_TEXT_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct piece {
    int32_t id;
    uint32_t begin;
    uint32_t end;
};

struct pieces {
    struct piece *list;
    size_t count;
    size_t capacity;
};

bool pieces_reserve(struct pieces *pieces, size_t capacity);
void pieces_free(struct pieces *pieces);

static inline bool pieces_push(struct pieces *pieces, int32_t id, size_t begin, size_t end)
{
    if (pieces->count == pieces->capacity && !pieces_reserve(pieces, pieces->count + 1))
        return false;
    pieces->list[pieces->count++] = (struct piece){id, (uint32_t)begin, (uint32_t)end};
    return true;
}

#endif
