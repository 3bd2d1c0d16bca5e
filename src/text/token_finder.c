#include "text/token_finder.h"

#include "base/memory.h"
#include "text/unicode.h"

#include <string.h>

enum { FIRST_EDGES = 256, ROOT = 0, CELL_BITS = 21 };

struct token_finder {
    uint64_t *edge_key; /* node << 21 | cell, plus 1; 0: empty */
    uint32_t *edge_to;
    size_t edge_slots;
    size_t edge_count;
    int32_t *value; /* by node; -1: no string ends there */
    size_t node_count;
    size_t node_capacity;
    bool starts[128]; /* ASCII characters that a string begins with */
    bool starts_beyond;
};

static size_t slot_of(uint64_t key, size_t slots)
{
    return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (slots - 1);
}

static uint64_t key_of(uint32_t node, uint32_t cell)
{
    return ((uint64_t)node << CELL_BITS | cell) + 1;
}

static bool follow(const struct token_finder *finder, uint32_t node, uint32_t cell, uint32_t *to)
{
    uint64_t key = key_of(node, cell);
    for (size_t s = slot_of(key, finder->edge_slots);; s = (s + 1) & (finder->edge_slots - 1)) {
        if (finder->edge_key[s] == key) {
            *to = finder->edge_to[s];
            return true;
        }
        if (!finder->edge_key[s])
            return false;
    }
}

static void put_edge(struct token_finder *finder, uint64_t key, uint32_t to)
{
    size_t s = slot_of(key, finder->edge_slots);
    while (finder->edge_key[s])
        s = (s + 1) & (finder->edge_slots - 1);
    finder->edge_key[s] = key;
    finder->edge_to[s] = to;
}

static bool grow_edges(struct token_finder *finder, size_t slots)
{
    uint64_t *old_key = finder->edge_key;
    uint32_t *old_to = finder->edge_to;
    size_t old_slots = finder->edge_slots;
    uint64_t *key = memory_allocate_zeroed(slots, sizeof *key);
    uint32_t *to = memory_allocate(slots, sizeof *to);
    if (!key || !to) {
        memory_free(key);
        memory_free(to);
        return false;
    }
    finder->edge_key = key;
    finder->edge_to = to;
    finder->edge_slots = slots;
    for (size_t i = 0; i < old_slots; i++) {
        if (old_key[i])
            put_edge(finder, old_key[i], old_to[i]);
    }
    memory_free(old_key);
    memory_free(old_to);
    return true;
}

static bool new_node(struct token_finder *finder)
{
    if (finder->node_count == finder->node_capacity) {
        size_t capacity = finder->node_capacity ? finder->node_capacity * 2 : 64;
        int32_t *value = memory_resize(finder->value, capacity, sizeof *value);
        if (!value)
            return false;
        finder->value = value;
        finder->node_capacity = capacity;
    }
    finder->value[finder->node_count++] = -1;
    return true;
}

struct token_finder *token_finder_new(void)
{
    struct token_finder *finder = memory_allocate_zeroed(1, sizeof *finder);
    if (finder && (!grow_edges(finder, FIRST_EDGES) || !new_node(finder))) {
        token_finder_free(finder);
        return NULL;
    }
    return finder;
}

bool token_finder_add(struct token_finder *finder, const char *text, size_t length, int32_t value)
{
    uint32_t node = ROOT;
    for (size_t at = 0; at < length;) {
        bool first = at == 0;
        uint32_t cell = unicode_get_utf8(text, &at);
        if (first && cell < 128)
            finder->starts[cell] = true;
        else if (first)
            finder->starts_beyond = true;
        uint32_t to;
        if (!follow(finder, node, cell, &to)) {
            if (finder->edge_count * 2 + 2 > finder->edge_slots &&
                !grow_edges(finder, finder->edge_slots * 2))
                return false;
            to = (uint32_t)finder->node_count;
            if (!new_node(finder))
                return false;
            put_edge(finder, key_of(node, cell), to);
            finder->edge_count++;
        }
        node = to;
    }
    if (finder->value[node] < 0)
        finder->value[node] = value;
    return true;
}

void token_finder_free(struct token_finder *finder)
{
    if (!finder)
        return;
    memory_free(finder->edge_key);
    memory_free(finder->edge_to);
    memory_free(finder->value);
    memory_free(finder);
}

bool token_finder_next(const struct token_finder *finder, const uint32_t *cell, size_t count,
                       size_t from, size_t *begin, size_t *end, int32_t *value)
{
    for (size_t at = from; at < count; at++) {
        if (cell[at] < 128 ? !finder->starts[cell[at]] : !finder->starts_beyond)
            continue;
        uint32_t node = ROOT;
        int32_t found = -1;
        for (size_t i = at; i < count && follow(finder, node, cell[i], &node); i++) {
            if (finder->value[node] >= 0) {
                found = finder->value[node];
                *end = i + 1;
            }
        }
        if (found >= 0) {
            *begin = at;
            *value = found;
            return true;
        }
    }
    return false;
}
