#include "clean/common_header.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 * HEADER_COUNTERS, LEAST_TEXTS = 5, LEAST_BYTES = 2 };

struct header_counter {
    int64_t count; /* 0: the slot is empty */
    uint32_t length;
    char text[HEADER_MAX_BYTES];
};

void header_candidates(size_t *line, size_t *colon, const char *text, size_t length)
{
    size_t limit = length < HEADER_MAX_BYTES ? length : HEADER_MAX_BYTES;
    const char *end = limit ? memchr(text, '\n', limit) : NULL;
    size_t first = end ? (size_t)(end - text) + 1 : 0;
    const char *mark = limit ? memchr(text, ':', first ? first : limit) : NULL;
    *line = first > LEAST_BYTES && first < length ? first : 0;
    *colon = mark && (size_t)(mark - text) + 1 > LEAST_BYTES && (size_t)(mark - text) + 1 < length
                 ? (size_t)(mark - text) + 1
                 : 0;
}

static struct header_counter *slot_of(struct common_headers *headers, const char *text,
                                      size_t length)
{
    size_t at = random_hash_bytes(text, length) % SLOTS;
    for (;; at = (at + 1) % SLOTS) {
        struct header_counter *slot = &headers->counters[at];
        if (!slot->count || (slot->length == length && !memcmp(slot->text, text, length)))
            return slot;
    }
}

/* All counters go down by one; those at zero make room. The table is built anew, as open addressing
 * knows no taking out. */
static assay_status lower_all(struct common_headers *headers, assay_error *error)
{
    struct header_counter *old = headers->counters;
    struct header_counter *fresh = memory_allocate_zeroed(SLOTS, sizeof *fresh);
    if (!fresh)
        return error_memory(error, SLOTS * sizeof *fresh);
    headers->counters = fresh;
    headers->used = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        if (old[i].count <= 1)
            continue;
        old[i].count--;
        *slot_of(headers, old[i].text, old[i].length) = old[i];
        headers->used++;
    }
    memory_free(old);
    return ASSAY_OK;
}

static assay_status count_one(struct common_headers *headers, const char *text, size_t length,
                              assay_error *error)
{
    struct header_counter *slot = slot_of(headers, text, length);
    if (!slot->count && headers->used == HEADER_COUNTERS)
        return lower_all(headers, error);
    if (!slot->count++) {
        slot->length = (uint32_t)length;
        memcpy(slot->text, text, length);
        headers->used++;
    }
    return ASSAY_OK;
}

assay_status common_headers_count(struct common_headers *headers, const char *text, size_t length,
                                  assay_error *error)
{
    size_t line, colon;
    if (!headers->counters) {
        headers->counters = memory_allocate_zeroed(SLOTS, sizeof *headers->counters);
        if (!headers->counters)
            return error_memory(error, SLOTS * sizeof *headers->counters);
    }
    headers->texts++;
    header_candidates(&line, &colon, text, length);
    assay_status status = line ? count_one(headers, text, line, error) : ASSAY_OK;
    if (!status && colon && colon != line)
        status = count_one(headers, text, colon, error);
    return status;
}

/* Longer ones first, so that a line is cut whole; equals by their bytes. */
static int compare(const void *left, const void *right)
{
    const char *a = *(char *const *)left, *b = *(char *const *)right;
    size_t n = strlen(a), m = strlen(b);
    return n != m ? (n < m) - (n > m) : strcmp(a, b);
}

assay_status common_headers_find(struct common_headers *headers, double share, assay_error *error)
{
    int64_t least = (int64_t)ceil(share * (double)headers->texts);
    least = least < LEAST_TEXTS ? LEAST_TEXTS : least;
    for (size_t i = 0; headers->counters && i < SLOTS && headers->found_count < HEADER_MAX; i++) {
        const struct header_counter *slot = &headers->counters[i];
        if (slot->count < least || memchr(slot->text, '\0', slot->length))
            continue;
        char *text = memory_copy_bytes(slot->text, slot->length);
        if (!text)
            return error_memory(error, slot->length);
        headers->found[headers->found_count++] = text;
    }
    if (headers->found_count)
        qsort(headers->found, headers->found_count, sizeof *headers->found, compare);
    return ASSAY_OK;
}

size_t header_length(const char *const *headers, size_t count, const char *text, size_t length)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(headers[i]);
        if (size && size < length && !memcmp(text, headers[i], size))
            return size;
    }
    return 0;
}

void common_headers_free(struct common_headers *headers)
{
    for (size_t i = 0; i < headers->found_count; i++)
        memory_free(headers->found[i]);
    memory_free(headers->counters);
    *headers = (struct common_headers){0};
}
