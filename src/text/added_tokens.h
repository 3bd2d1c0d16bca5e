/* Added tokens: strings that are found in the text before anything else happens to it. Those that
 * are not normalized are searched in the text as it came, the others in the normalized text, both
 * leftmost and longest first. Immutable once built, shared by threads.
 * Reference: added_vocabulary.rs of github.com/huggingface/tokenizers.
 */
#ifndef ASSAY_TEXT_ADDED_TOKENS_H
#define ASSAY_TEXT_ADDED_TOKENS_H

#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/vocabulary.h"

enum { ADDED_TOKEN_MAX_BYTES = 4096, ADDED_TOKENS_MAX = 1 << 20 };

struct added_token {
    char *content; /* zero-ended, owned */
    size_t length;
    char *normal; /* its normalized form, NULL when that is the same */
    size_t normal_length;
    int32_t id;
    bool single_word;
    bool lstrip;
    bool rstrip;
    bool normalized;
    bool special;
};

struct token_finder; /* a trie over code points */

struct added_tokens {
    struct added_token *list;
    size_t count;
    size_t capacity;
    struct vocabulary names; /* content to id */
    int32_t *by_id;          /* position in list, -1: none */
    size_t by_id_count;
    int32_t new_count; /* those that the model's vocabulary lacks */
    struct token_finder *raw;
    struct token_finder *normal;
};

/* Adds a token, or changes its flags when it is there; takes its id from `vocabulary` when that
 * has the string, else the next free one as the reference counts them. `flags` need no strings. */
assay_status added_tokens_add(struct added_tokens *added, const struct vocabulary *vocabulary,
                              const char *content, size_t length, const struct added_token *flags,
                              assay_error *error);
/* Once all are there: normalizes and prepares the search. */
assay_status added_tokens_finish(struct added_tokens *added, const struct normalizer *normalizer,
                                 assay_error *error);
void added_tokens_free(struct added_tokens *added);

const struct added_token *added_tokens_by_id(const struct added_tokens *added, int32_t id);

/* Appends to `splits` what was found among `count` cells and what lies between, at cells counted
 * from `base`. */
assay_status added_tokens_split(const struct added_tokens *added, bool normalized,
                                struct splits *splits, const uint32_t *cell, size_t count,
                                size_t base, assay_error *error);

/* Whether there is anything to find, so that a copy can be spared. */
bool added_tokens_any(const struct added_tokens *added, bool normalized);

#endif
