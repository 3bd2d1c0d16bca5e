/* The pre-tokenizers of tokenizer.json: BertPreTokenizer, ByteLevel, Whitespace, WhitespaceSplit,
 * Punctuation, Digits, Split, and Sequences of them. Others are refused when the file is read.
 * They cut a run into splits; a split that an added token already claimed has its id and is left
 * alone. Immutable once parsed; scratch belongs to one thread.
 * Reference: the `pre_tokenizers` of github.com/huggingface/tokenizers.
 */
#ifndef ASSAY_TEXT_PRE_TOKENIZER_H
#define ASSAY_TEXT_PRE_TOKENIZER_H

#include "base/json.h"
#include "text/pattern.h"
#include "text/run.h"

/* Cells [begin, end) of a run, never empty; `id` is -1 unless an added token was found there. */
struct split {
    uint32_t begin;
    uint32_t end;
    int32_t id;
};

struct splits {
    struct split *list;
    size_t count;
    size_t capacity;
};

bool splits_push(struct splits *splits, size_t begin, size_t end, int32_t id);
void splits_free(struct splits *splits);

struct pre_tokenizer_step;

struct pre_tokenizer {
    struct pre_tokenizer_step *steps;
    size_t count;
    /* The last step is ByteLevel: its change of characters into bytes is left to the model, which
     * then takes UTF-8 bytes instead of the characters that stand for them. */
    bool bytes_left_to_model;
};

struct pre_tokenizer_scratch {
    struct splits spare;
    struct run spare_run;
    struct matches matches;
};

assay_status pre_tokenizer_parse(struct pre_tokenizer *pre_tokenizer, const struct json *value,
                                 assay_error *error);
/* Leaves a last ByteLevel's bytes to the model, which must know what to do with them. */
void pre_tokenizer_leave_bytes(struct pre_tokenizer *pre_tokenizer);
void pre_tokenizer_free(struct pre_tokenizer *pre_tokenizer);

/* Refines `splits` of `run` in place; ByteLevel may rewrite the run. */
assay_status pre_tokenizer_apply(const struct pre_tokenizer *pre_tokenizer, struct run *run,
                                 struct splits *splits, struct pre_tokenizer_scratch *scratch,
                                 assay_error *error);
void pre_tokenizer_scratch_free(struct pre_tokenizer_scratch *scratch);

#endif
