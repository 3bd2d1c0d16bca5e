#include "text/word_cache.h"

#include "base/memory.h"

#include <string.h>

enum {
    FIRST_SLOTS = 1024,
    MAX_SLOTS = 1 << 17, /* 1 MiB */
    FIRST_WORDS = 8192,
    MAX_WORDS = 1 << 20, /* 4 MiB */
    PROBES = 8
};

uint64_t word_cache_hash(const uint32_t *cell, size_t count)
{
    const uint64_t multiplier = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = count * multiplier;
    while (count >= 2) {
        hash = (hash ^ (cell[0] | (uint64_t)cell[1] << 32)) * multiplier;
        hash ^= hash >> 29;
        cell += 2;
        count -= 2;
    }
    if (count)
        hash = (hash ^ cell[0]) * multiplier;
    return hash ^ hash >> 32;
}

bool word_cache_find(const struct word_cache *cache, uint64_t hash, const uint32_t *cell,
                     size_t count, struct cached_word *found)
{
    if (!cache->slot_count)
        return false;
    uint32_t tag = (uint32_t)(hash >> 32);
    size_t mask = cache->slot_count - 1;
    for (size_t i = 0; i < PROBES; i++) {
        size_t s = ((size_t)hash + i) & mask;
        struct word_cache_slot slot = cache->slot[s];
        if (!slot.at)
            return false;
        const uint32_t *word = cache->words + slot.at - 1;
        if (slot.tag == tag && (word[0] & 0xffff) == count &&
            !memcmp(word + 1, cell, count * sizeof *cell)) {
            found->count = word[0] >> 16;
            found->piece = word + 1 + count;
            return true;
        }
    }
    return false;
}

static void clear(struct word_cache *cache)
{
    if (cache->slot)
        memset(cache->slot, 0, cache->slot_count * sizeof *cache->slot);
    cache->used = 0;
    cache->word_count = 0;
}

/* The slot for a word that is not there yet: a free one near its place, else its place. */
static struct word_cache_slot *slot_for(struct word_cache *cache, uint64_t hash)
{
    size_t mask = cache->slot_count - 1;
    for (size_t i = 0; i < PROBES; i++) {
        struct word_cache_slot *slot = cache->slot + (((size_t)hash + i) & mask);
        if (!slot->at)
            return slot;
    }
    return cache->slot + ((size_t)hash & mask);
}

static bool grow_slots(struct word_cache *cache)
{
    size_t old_count = cache->slot_count, count = old_count ? old_count * 4 : FIRST_SLOTS;
    if (count > MAX_SLOTS)
        count = MAX_SLOTS;
    struct word_cache_slot *old = cache->slot;
    struct word_cache_slot *slot = memory_allocate_zeroed(count, sizeof *slot);
    if (!slot)
        return false;
    cache->slot = slot;
    cache->slot_count = count;
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].at) {
            const uint32_t *word = cache->words + old[i].at - 1;
            *slot_for(cache, word_cache_hash(word + 1, word[0] & 0xffff)) = old[i];
        }
    }
    memory_free(old);
    return true;
}

/* Returns whether there is room; everything is forgotten when the cache is full. */
static bool make_room(struct word_cache *cache, size_t words)
{
    if (cache->used * 2 >= cache->slot_count) {
        if (cache->slot_count == MAX_SLOTS)
            clear(cache);
        else if (!grow_slots(cache))
            return false;
    }
    if (cache->word_count + words > cache->word_capacity) {
        size_t capacity = cache->word_capacity ? cache->word_capacity * 2 : FIRST_WORDS;
        if (capacity > MAX_WORDS) {
            clear(cache);
            return words <= cache->word_capacity;
        }
        uint32_t *grown = memory_resize(cache->words, capacity, sizeof *grown);
        if (!grown)
            return false;
        cache->words = grown;
        cache->word_capacity = capacity;
    }
    return cache->word_count + words <= cache->word_capacity;
}

void word_cache_put(struct word_cache *cache, uint64_t hash, const uint32_t *cell, size_t count,
                    const struct piece *piece, size_t piece_count)
{
    size_t words = 1 + count + 2 * piece_count;
    if (count > WORD_CACHE_MAX_CELLS || piece_count > UINT16_MAX || !make_room(cache, words))
        return;
    struct word_cache_slot *slot = slot_for(cache, hash);
    cache->used += !slot->at;
    uint32_t *word = cache->words + cache->word_count;
    *slot = (struct word_cache_slot){(uint32_t)cache->word_count + 1, (uint32_t)(hash >> 32)};
    cache->word_count += words;
    word[0] = (uint32_t)(count | piece_count << 16);
    memcpy(word + 1, cell, count * sizeof *cell);
    for (size_t i = 0; i < piece_count; i++) {
        word[1 + count + 2 * i] = (uint32_t)piece[i].id;
        word[2 + count + 2 * i] = piece[i].begin | piece[i].end << 16;
    }
}

void word_cache_own(struct word_cache *cache, uint64_t owner)
{
    if (cache->owner == owner)
        return;
    clear(cache);
    cache->owner = owner;
}

void word_cache_free(struct word_cache *cache)
{
    memory_free(cache->slot);
    memory_free(cache->words);
    *cache = (struct word_cache){0};
}
