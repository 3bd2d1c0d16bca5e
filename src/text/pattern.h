/* Patterns of tokenizer files: a literal string, the GPT-2 pattern (written by hand) or a regular
 * expression (PCRE2; its Unicode tables are older than those of Oniguruma, which the reference
 * uses: they differ for letters and digits of scripts encoded since Unicode 14). A pattern is
 * immutable and may be shared by threads. Matching is bounded; a pattern that runs away is an
 * error.
 */
#ifndef ASSAY_TEXT_PATTERN_H
#define ASSAY_TEXT_PATTERN_H

#include "assay/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pattern;

struct match {
    uint32_t begin;
    uint32_t end;
    bool matched; /* else: what lies between matches */
};

struct matches {
    struct match *list;
    size_t count;
    size_t capacity;
};

bool matches_push(struct matches *matches, uint32_t begin, uint32_t end, bool matched);
void matches_free(struct matches *matches);

assay_status pattern_open_literal(struct pattern **out, const char *text, size_t length,
                                  assay_error *error);
assay_status pattern_open_regex(struct pattern **out, const char *text, size_t length,
                                assay_error *error);
void pattern_close(struct pattern *pattern);

/* Cuts `count` >= 1 cells into matches and what lies between them, in order and without gaps. */
assay_status pattern_find(const struct pattern *pattern, struct matches *matches,
                          const uint32_t *cell, size_t count, assay_error *error);

/* End of the GPT-2 pattern's match that begins at `at` < count; there always is one. */
size_t pattern_gpt2_next(const uint32_t *cell, size_t at, size_t count);

#endif
