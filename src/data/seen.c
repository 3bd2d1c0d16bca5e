#include "data/seen.h"

#include "base/memory.h"
#include "base/random.h"

#include <string.h>

enum { FIRST_ENTRIES = 256 };

/* Eight bytes a step: a text is hashed faster than it is read. */
uint64_t seen_hash(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint64_t hash = random_mix(0, length), word;
    size_t left = length;
    for (; left >= sizeof word; left -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = random_mix(hash, word);
    }
    word = 0;
    memcpy(&word, at, left);
    return random_mix(hash, word);
}

static void place(struct seen *seen, uint64_t hash, uint32_t number)
{
    size_t at = (size_t)hash & (seen->slot_count - 1);
    while (seen->slots[at])
        at = (at + 1) & (seen->slot_count - 1);
    seen->slots[at] = number + 1;
}

/* Slots are twice as many as entries may be. */
static bool grow(struct seen *seen)
{
    if (seen->capacity >= SEEN_MOST / 2)
        return false;
    size_t capacity = seen->capacity ? 2 * (size_t)seen->capacity : FIRST_ENTRIES;
    struct seen_entry *entries = memory_resize(seen->entries, capacity, sizeof *entries);
    if (!entries)
        return false;
    seen->entries = entries;
    uint32_t *slots = memory_allocate_zeroed(2 * capacity, sizeof *slots);
    if (!slots)
        return false;
    memory_free(seen->slots);
    seen->slots = slots;
    seen->slot_count = 2 * capacity;
    seen->capacity = (int64_t)capacity;
    for (int64_t i = 0; i < seen->count; i++)
        place(seen, entries[i].hash, (uint32_t)i);
    return true;
}

bool seen_find(struct seen *seen, uint64_t hash, int64_t *number)
{
    if (seen->count == seen->capacity && !grow(seen))
        return false;
    size_t at = (size_t)hash & (seen->slot_count - 1);
    for (; seen->slots[at]; at = (at + 1) & (seen->slot_count - 1)) {
        if (seen->entries[seen->slots[at] - 1].hash == hash) {
            *number = (int64_t)seen->slots[at] - 1;
            return true;
        }
    }
    *number = seen->count++;
    seen->slots[at] = (uint32_t)*number + 1;
    seen->entries[*number] = (struct seen_entry){.hash = hash};
    return true;
}

void seen_free(struct seen *seen)
{
    memory_free(seen->entries);
    memory_free(seen->slots);
    *seen = (struct seen){0};
}
