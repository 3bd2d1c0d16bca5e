/* Text to token ids and back, equal to Hugging Face `tokenizers` (fast tokenizers).
 *
 * A tokenizer is immutable once opened and may be used by many threads at once; an encoding belongs
 * to one thread and keeps its memory from call to call. Invalid UTF-8 is refused with the byte
 * position; nothing is replaced silently.
 * Reference: github.com/huggingface/tokenizers, the Rust library behind transformers' fast
 * tokenizers.
 */
#ifndef ASSAY_TOKENIZER_H
#define ASSAY_TOKENIZER_H

#include "assay/status.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct assay_tokenizer assay_tokenizer;

/* Opens tokenizer.json of a model folder or, without one, vocab.txt (WordPiece) or vocab.json and
 * merges.txt (byte-level BPE) with what tokenizer_config.json and special_tokens_map.json say.
 * `path` may also name a tokenizer.json itself. */
assay_status assay_tokenizer_open(assay_tokenizer **out, const char *path, assay_error *error);
void assay_tokenizer_close(assay_tokenizer *tokenizer); /* NULL allowed */

typedef enum assay_truncation {
    ASSAY_TRUNCATE_MODEL = 0, /* as tokenizer.json says, if it says anything */
    ASSAY_TRUNCATE_NONE,
    ASSAY_TRUNCATE_LONGEST_FIRST,
    ASSAY_TRUNCATE_ONLY_FIRST,
    ASSAY_TRUNCATE_ONLY_SECOND
} assay_truncation;

/* Start from ASSAY_ENCODE_OPTIONS_INIT, which sets struct_size. */
typedef struct assay_encode_options {
    size_t struct_size;
    bool without_special_tokens;
    bool truncate_left; /* cut the beginning rather than the end */
    bool keep_overflow; /* also make the windows that truncation cut off, `stride` overlapping */
    assay_truncation truncation;
    int32_t max_tokens; /* with special tokens; needed by all truncations but MODEL and NONE */
    int32_t stride;
} assay_encode_options;

#define ASSAY_ENCODE_OPTIONS_INIT                                                                  \
    {                                                                                              \
        sizeof(assay_encode_options), false, false, false, ASSAY_TRUNCATE_MODEL, 0, 0              \
    }

/* One tokenised text or pair. Arrays have `count` entries. Offsets count Unicode characters (as the
 * Python binding does) of the text the token came from, [begin, end); special tokens have (0, 0).
 * `sequence` is 0 or 1, -1 for special tokens. */
typedef struct assay_encoding {
    int32_t count;
    int32_t capacity;
    int32_t *ids;
    int32_t *type_ids;
    int32_t *begin;
    int32_t *end;
    int8_t *sequence;
    uint8_t *special;
    bool truncated;         /* something of the text was cut off */
    int32_t overflow_count; /* with keep_overflow: further windows, in HF's order */
    struct assay_encoding *overflow;
    struct assay_encoding_scratch *scratch; /* private: working memory, a cache of words */
} assay_encoding;

/* Encodes `text` (and `pair`, NULL for none) into `encoding`, which starts as {0} and may be used
 * again. options may be NULL. */
assay_status assay_tokenizer_encode(const assay_tokenizer *tokenizer, assay_encoding *encoding,
                                    const char *text, size_t length, const char *pair,
                                    size_t pair_length, const assay_encode_options *options,
                                    assay_error *error);
void assay_encoding_free(assay_encoding *encoding); /* its arrays, not the struct itself */

/* Decodes ids into a new zero-ended string (release with assay_string_free). */
assay_status assay_tokenizer_decode(const assay_tokenizer *tokenizer, char **text,
                                    const int32_t *ids, int32_t count, bool skip_special,
                                    assay_error *error);
/* The same with the length, for text that may hold zero bytes. Ids without a token are skipped, as
 * HF does. */
assay_status assay_tokenizer_decode_bytes(const assay_tokenizer *tokenizer, char **text,
                                          size_t *length, const int32_t *ids, int32_t count,
                                          bool skip_special, assay_error *error);

/* Whether an added token of the file is special, false for any other id (what skip_special leaves
 * out). */
bool assay_tokenizer_is_special(const assay_tokenizer *tokenizer, int32_t id);

/* Ids run from 0 to size - 1, added tokens included; NULL for an id without a token. The strings
 * are owned by the tokenizer; byte-level tokens come in their printable form, as HF shows them. */
int32_t assay_tokenizer_vocabulary_size(const assay_tokenizer *tokenizer);
const char *assay_tokenizer_token(const assay_tokenizer *tokenizer, int32_t id);
int32_t assay_tokenizer_token_id(const assay_tokenizer *tokenizer,
                                 const char *token); /* -1: none */

typedef enum assay_tokenizer_kind { ASSAY_WORDPIECE, ASSAY_BYTE_LEVEL_BPE } assay_tokenizer_kind;
assay_tokenizer_kind assay_tokenizer_get_kind(const assay_tokenizer *tokenizer);
/* What tokenizer.json's truncation, else tokenizer_config.json's model_max_length says; 0: nothing.
 */
int32_t assay_tokenizer_max_tokens(const assay_tokenizer *tokenizer);

#ifdef __cplusplus
}
#endif

#endif
