/* What was seen before: texts, ids, groups, labels, known by 64-bit hashes, with where each came
 * first. Of a million different ones, two share a hash with a chance of one in thirty millions. 40
 * to 80 bytes an entry, whatever its length. Entries are numbered in the order of their coming.
 * Start from {0}; one thread at a time.
 */
#ifndef ASSAY_DATA_SEEN_H
#define ASSAY_DATA_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEEN_MOST = INT32_MAX };

struct seen_entry {
    uint64_t hash;
    int64_t row; /* where it came first */
    int32_t file;
    int32_t label; /* of the first row; -1: none */
    uint32_t count;
    bool crosses;   /* came in a second file */
    bool disagrees; /* came with a second label */
};

struct seen {
    struct seen_entry *entries;
    int64_t count;
    int64_t capacity;
    uint32_t *slots; /* number of the entry + 1; 0: free */
    size_t slot_count;
};

/* The entry of this hash, made when new (its count is then 0: the caller fills it). False when
 * memory runs out or the table is full. */
bool seen_find(struct seen *seen, uint64_t hash, int64_t *number);
/* The hash of a run of bytes; a part of its length. */
uint64_t seen_hash(const void *bytes, size_t length);
void seen_free(struct seen *seen);

#endif
