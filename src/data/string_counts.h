/* In how many rows of each label a string stands (data/text_strings.h), in bounded memory: about
 * 200 MB at most. When the table is full, the rarest strings are forgotten; a string that comes
 * back later starts again, so that a count may be short, by `short_by` at most (lossy counting,
 * after Manku and Motwani, 2002). Start from {0}; one thread at a time.
 */
#ifndef ASSAY_DATA_STRING_COUNTS_H
#define ASSAY_DATA_STRING_COUNTS_H

#include "base/buffer.h"
#include "data/text_strings.h"

#include <stdint.h>

enum { STRING_COUNTS_MOST = 1 << 21 };

struct string_count {
    uint64_t hash; /* of kind and string */
    int64_t last;  /* the last row that was counted */
    uint32_t count;
    int32_t label;
    uint32_t text; /* offset in `bytes` */
    uint16_t length;
    uint16_t kind;
};

struct string_counts {
    struct string_count *entries;
    size_t count, capacity;
    uint32_t *slots; /* number of the entry + 1; 0: free */
    size_t slot_count;
    struct buffer bytes;
    size_t most; /* STRING_COUNTS_MOST when 0 */
    uint32_t short_by;
};

/* Counts each different string of a row once. Rows are numbered from 1 and come in order. False
 * when memory runs out. */
bool string_counts_add(struct string_counts *counts, const char *text, size_t length, int32_t label,
                       int64_t row);
/* Sorts by kind and string, then label; nothing may be added afterwards. */
void string_counts_sort(struct string_counts *counts);
const char *string_counts_text(const struct string_counts *counts,
                               const struct string_count *entry);
void string_counts_free(struct string_counts *counts);

#endif
