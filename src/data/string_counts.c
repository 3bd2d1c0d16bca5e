#include "data/string_counts.h"

#include "base/memory.h"
#include "base/random.h"
#include "data/seen.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ENTRIES = 1024 };

static uint64_t key_of(uint64_t hash, int32_t label)
{
    return random_mix(hash, (uint64_t)label);
}

static void fill_slots(struct string_counts *counts)
{
    memset(counts->slots, 0, counts->slot_count * sizeof *counts->slots);
    for (size_t i = 0; i < counts->count; i++) {
        const struct string_count *entry = &counts->entries[i];
        size_t at = (size_t)key_of(entry->hash, entry->label) & (counts->slot_count - 1);
        while (counts->slots[at])
            at = (at + 1) & (counts->slot_count - 1);
        counts->slots[at] = (uint32_t)i + 1;
    }
}

static bool grow(struct string_counts *counts)
{
    size_t capacity = counts->capacity ? 2 * counts->capacity : FIRST_ENTRIES;
    struct string_count *entries = memory_resize(counts->entries, capacity, sizeof *entries);
    if (!entries)
        return false;
    counts->entries = entries;
    uint32_t *slots = memory_resize(counts->slots, 2 * capacity, sizeof *slots);
    if (!slots)
        return false;
    counts->slots = slots;
    counts->slot_count = 2 * capacity;
    counts->capacity = capacity;
    fill_slots(counts);
    return true;
}

/* Entries keep their order, so that the bytes of one never move behind those of the next. */
static void forget_below(struct string_counts *counts, uint32_t least)
{
    size_t kept = 0, bytes = 0;
    for (size_t i = 0; i < counts->count; i++) {
        struct string_count entry = counts->entries[i];
        if (entry.count < least)
            continue;
        memmove(counts->bytes.bytes + bytes, counts->bytes.bytes + entry.text, entry.length);
        entry.text = (uint32_t)bytes;
        bytes += entry.length;
        counts->entries[kept++] = entry;
    }
    counts->count = kept;
    counts->bytes.length = bytes;
}

/* Each time as few as make room for half of the table. */
static void forget(struct string_counts *counts)
{
    size_t most = counts->most ? counts->most : STRING_COUNTS_MOST;
    uint32_t least = 1;
    while (counts->count > most / 2)
        forget_below(counts, ++least);
    counts->short_by += least - 1;
    fill_slots(counts);
}

struct adding {
    struct string_counts *counts;
    int32_t label;
    int64_t row;
};

static bool add(void *context, enum text_string kind, const char *string, size_t length, size_t at)
{
    const struct adding *adding = context;
    struct string_counts *counts = adding->counts;
    uint64_t hash = random_mix(seen_hash(string, length), (uint64_t)kind);
    (void)at;
    if (counts->count == counts->capacity && !grow(counts))
        return false;
    size_t slot = (size_t)key_of(hash, adding->label) & (counts->slot_count - 1);
    for (; counts->slots[slot]; slot = (slot + 1) & (counts->slot_count - 1)) {
        struct string_count *entry = &counts->entries[counts->slots[slot] - 1];
        if (entry->hash != hash || entry->label != adding->label)
            continue;
        entry->count += entry->last != adding->row;
        entry->last = adding->row;
        return true;
    }
    size_t text = counts->bytes.length;
    if (!buffer_append(&counts->bytes, string, length))
        return false;
    counts->slots[slot] = (uint32_t)counts->count + 1;
    counts->entries[counts->count++] = (struct string_count){
        hash, adding->row, 1, adding->label, (uint32_t)text, (uint16_t)length, (uint16_t)kind};
    return true;
}

bool string_counts_add(struct string_counts *counts, const char *text, size_t length, int32_t label,
                       int64_t row)
{
    struct adding adding = {counts, label, row};
    if (!text_strings(text, length, add, &adding))
        return false;
    /* Between rows only: the strings of this one must not be counted twice. */
    if (counts->count >= (counts->most ? counts->most : STRING_COUNTS_MOST))
        forget(counts);
    return true;
}

static int by_string(const void *a, const void *b)
{
    const struct string_count *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->label < y->label ? -1 : x->label > y->label;
}

void string_counts_sort(struct string_counts *counts)
{
    if (counts->count > 1)
        qsort(counts->entries, counts->count, sizeof *counts->entries, by_string);
}

const char *string_counts_text(const struct string_counts *counts, const struct string_count *entry)
{
    return counts->bytes.bytes + entry->text;
}

void string_counts_free(struct string_counts *counts)
{
    memory_free(counts->entries);
    memory_free(counts->slots);
    buffer_free(&counts->bytes);
    *counts = (struct string_counts){0};
}
