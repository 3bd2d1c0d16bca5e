/* WordPiece: the longest piece of the vocabulary that begins a word, then the longest that
 * continues it, until the word is used up; a word that cannot be cut so is one unknown token.
 * Immutable once parsed, shared by threads; scratch belongs to one.
 * Reference: the WordPiece model of github.com/huggingface/tokenizers.
 */
#ifndef ASSAY_TEXT_WORDPIECE_H
#define ASSAY_TEXT_WORDPIECE_H

#include "base/json.h"
#include "text/pieces.h"
#include "text/vocabulary.h"

struct wordpiece {
    char *prefix; /* of continuing pieces; owned */
    size_t prefix_length;
    uint64_t prefix_hash;
    int32_t unknown;
    size_t max_cells; /* longer words are unknown */
};

struct wordpiece_scratch {
    char *text;
    uint32_t *end;  /* byte after each cell */
    uint64_t *hash; /* of the candidate that ends with each cell */
    size_t capacity;
};

/* `model` is the file's "model" (its vocabulary is read elsewhere). */
assay_status wordpiece_parse(struct wordpiece *wordpiece, const struct json *model,
                             const struct vocabulary *vocabulary, assay_error *error);
void wordpiece_free(struct wordpiece *wordpiece);

/* Appends the pieces of one word of `count` >= 1 cells; false when memory runs out. */
bool wordpiece_tokenize(const struct wordpiece *wordpiece, const struct vocabulary *vocabulary,
                        struct pieces *out, const uint32_t *cell, size_t count,
                        struct wordpiece_scratch *scratch);
void wordpiece_scratch_free(struct wordpiece_scratch *scratch);

#endif
