/* Strings to ids and back. Built once by one thread, then immutable and shared.
 * Ids may have holes; an id has at most one string and a string at most one id.
 */
#ifndef ASSAY_TEXT_VOCABULARY_H
#define ASSAY_TEXT_VOCABULARY_H

#include "assay/status.h"
#include "base/json.h"

#include <stdint.h>

enum { VOCABULARY_MAX_ID = (1 << 22) - 1 };

struct vocabulary_entry {
    uint32_t offset;
    uint32_t length;
};

struct vocabulary {
    struct buffer text;             /* every string, each with a zero byte after it */
    struct vocabulary_entry *entry; /* by id; offset UINT32_MAX marks a hole */
    size_t entry_capacity;
    int32_t limit; /* greatest id + 1 */
    size_t count;  /* strings */
    uint32_t *slot_tag;
    int32_t *slot_id; /* -1: empty */
    size_t slot_count;
    size_t max_length; /* of a string, in bytes */
};

/* Adds a string; an id that is negative, beyond VOCABULARY_MAX_ID or taken is an error. A string
 * seen before moves to the new id, as in the reference, where the last one wins. */
assay_status vocabulary_add(struct vocabulary *vocabulary, const char *text, size_t length,
                            int64_t id, assay_error *error);
/* A visitor of a JSON object of strings and ids; the context is the vocabulary. */
assay_status vocabulary_add_member(void *context, const char *key, size_t key_length,
                                   const struct json *value, assay_error *error);
void vocabulary_free(struct vocabulary *vocabulary);

int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t length);
/* The string of an id, NULL for a hole or an id outside; zero-ended, owned by the vocabulary. */
const char *vocabulary_text(const struct vocabulary *vocabulary, int32_t id, size_t *length);

/* The same search in steps: start, one step a byte, then find. The string that was hashed is
 * `prefix` followed by `text`. */
static inline uint64_t vocabulary_hash_start(void)
{
    return UINT64_C(0xcbf29ce484222325);
}

static inline uint64_t vocabulary_hash_step(uint64_t hash, char byte)
{
    return (hash ^ (unsigned char)byte) * UINT64_C(0x100000001b3);
}

int32_t vocabulary_find_hashed(const struct vocabulary *vocabulary, uint64_t hash,
                               const char *prefix, size_t prefix_length, const char *text,
                               size_t length);

#endif
