/* What a tokenizer is made of and what an encoding keeps between calls; shared by the files of this
 * folder only. The tokenizer is immutable once opened; scratch belongs to one encoding.
 */
#ifndef ASSAY_TEXT_TOKENIZER_INTERNAL_H
#define ASSAY_TEXT_TOKENIZER_INTERNAL_H

#include "assay/tokenizer.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/processor.h"
#include "text/vocabulary.h"
#include "text/word_cache.h"
#include "text/wordpiece.h"

enum { TOKENIZER_MAX_TEXT = 1 << 28, TOKENIZER_MAX_FILE = 1 << 28 };

struct truncation {
    enum assay_truncation strategy; /* never MODEL */
    int32_t max_tokens;
    int32_t stride;
    bool left;
};

/* White space at the ends of a token's string, which RoBERTa takes off the offsets. */
struct trim {
    uint16_t lead;
    uint16_t trail;
};

struct assay_tokenizer {
    uint64_t serial; /* unlike any other tokenizer's of the process, never 0 */
    assay_tokenizer_kind kind;
    struct vocabulary vocabulary; /* the model's; added tokens may go beyond it */
    struct added_tokens added;
    struct normalizer normalizer;
    struct pre_tokenizer pre_tokenizer;
    struct wordpiece wordpiece; /* by kind */
    struct bpe bpe;
    struct processor processor;
    struct decoder decoder;
    struct truncation truncation;
    int32_t max_tokens;
    struct trim *trim; /* by id of the vocabulary; NULL unless the processor trims */
};

/* One token before post-processing. */
struct token {
    int32_t id;
    int32_t begin;
    int32_t end;
    struct trim trim;
};

struct token_array {
    struct token *list;
    size_t count;
    size_t capacity;
};

/* Tokens [begin, end) of a sequence: the first window is what stays, the others overflow. */
struct window {
    int32_t begin;
    int32_t end;
};

struct windows {
    struct window *list;
    size_t count;
    size_t capacity;
};

struct assay_encoding_scratch {
    struct run raw, work, run;
    struct splits found, splits;
    struct normalizer_scratch normalizer;
    struct pre_tokenizer_scratch pre_tokenizer;
    struct word_cache cache;
    struct wordpiece_scratch wordpiece;
    struct bpe_scratch bpe;
    struct pieces pieces;
    struct token_array tokens[2];
    struct windows windows[2];
    int32_t overflow_capacity; /* encodings in `overflow` that own memory */
};

/* Tokenizes one text into tokens[which] of the scratch (encode.c). */
assay_status encode_sequence(const struct assay_tokenizer *tokenizer,
                             struct assay_encoding_scratch *scratch, int which, const char *text,
                             size_t length, assay_error *error);
/* Truncates and puts special tokens around what encode_sequence left (windows.c). */
assay_status encode_windows(const struct assay_tokenizer *tokenizer, assay_encoding *encoding,
                            bool pair, const struct truncation *truncation, bool without_special,
                            bool keep_overflow, assay_error *error);

/* Counts white space, as the reference does for trimming. */
struct trim trim_of_cells(const uint32_t *cell, size_t count);

/* Everything of a tokenizer.json but vocabulary, merges and added tokens (tokenizer_file.c). */
assay_status tokenizer_read_parts(struct assay_tokenizer *tokenizer, const struct json *root,
                                  assay_error *error);
/* A whole tokenizer.json. */
assay_status tokenizer_read_file(struct assay_tokenizer *tokenizer, const char *path,
                                 assay_error *error);
/* vocab.txt, or vocab.json and merges.txt, of a folder (vocabulary_files.c). ASSAY_ERROR_NOT_FOUND
 * when the folder has neither. */
assay_status tokenizer_read_vocabulary_files(struct assay_tokenizer *tokenizer, const char *folder,
                                             assay_error *error);

#endif
