/* A run of text on its way through the tokenizer: Unicode scalar values, each with the index of the
 * character of the input that it came from. The indices never fall. A token over cells [i, j) of a
 * run covers the input's characters [source[i], source[j - 1] + 1).
 * A run belongs to one thread; its memory is kept from use to use until run_free.
 */
#ifndef ASSAY_TEXT_RUN_H
#define ASSAY_TEXT_RUN_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run {
    uint32_t *cell;
    int32_t *source;
    size_t count;
    size_t capacity;
};

/* Room for `capacity` cells in all; false when memory runs out. */
bool run_reserve(struct run *run, size_t capacity);
void run_free(struct run *run);

/* Appends one cell; the room must be there. */
static inline void run_put(struct run *run, uint32_t cell, int32_t source)
{
    run->cell[run->count] = cell;
    run->source[run->count++] = source;
}

/* Appends one cell, growing as needed. */
bool run_push(struct run *run, uint32_t cell, int32_t source);

/* Replaces the run by decoded UTF-8; invalid text is an error that names the byte (from 1). */
assay_status run_decode(struct run *run, const char *text, size_t length, assay_error *error);

void run_swap(struct run *a, struct run *b);

#endif
