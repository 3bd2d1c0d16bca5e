/* What many texts begin with: a first line, or words up to a colon ("Here is the essay:").
 *
 * Candidates are counted as Misra and Gries do, with a bounded number of counters: one that begins
 * more than a four-thousandth of the texts is surely among them, and is counted short by less than
 * that. One thread; start from {0}.
 */
#ifndef ASSAY_CLEAN_COMMON_HEADER_H
#define ASSAY_CLEAN_COMMON_HEADER_H

#include "base/buffer.h"

#include "assay/status.h"

enum { HEADER_MAX_BYTES = 200, HEADER_COUNTERS = 4096, HEADER_MAX = 64 };

struct header_counter;

struct common_headers {
    struct header_counter *counters; /* (HEADER_COUNTERS slots, twice) */
    int64_t used, texts;
    char *found[HEADER_MAX]; /* longest first */
    size_t found_count;
};

/* The header candidates of a text: *line up to behind its first line end, *colon up to behind the
 * first colon in its first line; 0: none. */
void header_candidates(size_t *line, size_t *colon, const char *text, size_t length);

assay_status common_headers_count(struct common_headers *headers, const char *text, size_t length,
                                  assay_error *error);
/* Those that begin at least `share` of the texts, and five. */
assay_status common_headers_find(struct common_headers *headers, double share, assay_error *error);
/* How many bytes of the text are a header; 0: it begins with none, or is nothing else. */
size_t header_length(const char *const *headers, size_t count, const char *text, size_t length);
void common_headers_free(struct common_headers *headers);

#endif
