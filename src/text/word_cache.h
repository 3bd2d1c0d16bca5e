/* Remembers what a model made of short words, for one thread and one tokenizer at a time. Bounded:
 * when it is full it starts again. Running out of memory only means that a word is not remembered.
 */
#ifndef ASSAY_TEXT_WORD_CACHE_H
#define ASSAY_TEXT_WORD_CACHE_H

#include "text/pieces.h"

enum { WORD_CACHE_MAX_CELLS = 48 };

struct word_cache_slot {
    uint32_t at; /* where in `words`, plus 1; 0: empty */
    uint32_t tag;
};

struct word_cache {
    uint64_t owner; /* whose words these are; 0: nobody's */
    struct word_cache_slot *slot;
    size_t slot_count;
    size_t used;
    uint32_t *words; /* cells, then pieces as (id, begin | end << 16) */
    size_t word_count;
    size_t word_capacity;
};

struct cached_word {
    const uint32_t *piece; /* two numbers each */
    uint32_t count;
};

uint64_t word_cache_hash(const uint32_t *cell, size_t count);

bool word_cache_find(const struct word_cache *cache, uint64_t hash, const uint32_t *cell,
                     size_t count, struct cached_word *found);
void word_cache_put(struct word_cache *cache, uint64_t hash, const uint32_t *cell, size_t count,
                    const struct piece *piece, size_t piece_count);
/* Forgets everything unless it is `owner`'s already. */
void word_cache_own(struct word_cache *cache, uint64_t owner);
void word_cache_free(struct word_cache *cache);

#endif
