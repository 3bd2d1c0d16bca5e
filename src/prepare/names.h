/* Strings numbered in the order in which they first come: labels, values of a group. One thread;
 * start from {0}.
 */
#ifndef ASSAY_PREPARE_NAMES_H
#define ASSAY_PREPARE_NAMES_H

#include "base/buffer.h"

#include "assay/status.h"

enum { NAMES_MAX = INT32_MAX - 1 };

struct names {
    struct buffer text; /* one behind the other, each with a zero byte */
    size_t *begins;
    int32_t *slots; /* open addressing; -1: empty */
    int32_t count, capacity, slot_count;
};

/* The number of `text`, which is added when it is new. */
assay_status names_number(struct names *names, int32_t *number, const char *text, size_t length,
                          assay_error *error);
/* The same of a string that may be NULL, which counts as "". */
assay_status names_number_of(struct names *names, int32_t *number, const char *text,
                             assay_error *error);
const char *names_text(const struct names *names, int32_t number); /* ends with a zero byte */
void names_free(struct names *names);

/* How often each came; start from {0}. */
struct tally {
    struct names names;
    int64_t *rows;
    int32_t capacity;
};

assay_status tally_add(struct tally *tally, const char *text, int64_t rows, assay_error *error);
void tally_free(struct tally *tally);

#endif
