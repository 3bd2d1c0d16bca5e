/* Byte-pair encoding: the symbols of a word are merged, the pair of lowest rank first and the
 * leftmost of equals, until no pair has a merge. Words of characters, or of UTF-8 bytes where a
 * ByteLevel pre-tokenizer left them to the model. n log n in the length of a word.
 * Immutable once parsed, shared by threads; scratch belongs to one.
 * Reference: the BPE model of github.com/huggingface/tokenizers.
 */
#ifndef ASSAY_TEXT_BPE_H
#define ASSAY_TEXT_BPE_H

#include "base/json.h"
#include "text/pieces.h"
#include "text/vocabulary.h"

struct bpe_merge;

struct bpe {
    struct bpe_merge *merge; /* open addressing by pair */
    size_t merge_slots;
    size_t merge_count;
    char *prefix;    /* of symbols but a word's first, NULL for none; owned */
    char *suffix;    /* of a word's last symbol, NULL for none; owned */
    int32_t unknown; /* -1: characters that the vocabulary lacks vanish, as in the reference */
    bool fuse_unknown;
    bool ignore_merges; /* a word that is in the vocabulary is one token */
    bool bytes;
    int32_t byte_symbol[2][2][256]; /* [not first][last][byte], -1: none */
};

struct bpe_symbol;

struct bpe_scratch {
    struct bpe_symbol *symbol;
    size_t symbol_capacity;
    uint64_t *heap;
    size_t heap_capacity;
    size_t heap_count;
    char *text;
    size_t text_capacity;
};

/* Reads the options of the file's "model"; the merges follow one by one. */
assay_status bpe_parse(struct bpe *bpe, const struct json *model,
                       const struct vocabulary *vocabulary, bool bytes, assay_error *error);
/* The merge of next rank; both tokens and their product must be in the vocabulary. */
assay_status bpe_add_merge(struct bpe *bpe, const struct vocabulary *vocabulary, const char *left,
                           size_t left_length, const char *right, size_t right_length,
                           assay_error *error);
void bpe_free(struct bpe *bpe);

/* Appends the pieces of one word of `count` >= 1 cells; false when memory runs out. */
bool bpe_tokenize(const struct bpe *bpe, const struct vocabulary *vocabulary, struct pieces *out,
                  const uint32_t *cell, size_t count, struct bpe_scratch *scratch);
void bpe_scratch_free(struct bpe_scratch *scratch);

#endif
