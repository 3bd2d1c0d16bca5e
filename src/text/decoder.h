/* The decoders of tokenizer.json: WordPiece, ByteLevel, BPEDecoder, Fuse, and Sequences of them.
 * Others are refused when the file is read. Immutable once parsed, shared by threads.
 * Reference: the `decoders` of github.com/huggingface/tokenizers.
 */
#ifndef ASSAY_TEXT_DECODER_H
#define ASSAY_TEXT_DECODER_H

#include "base/buffer.h"
#include "base/json.h"

#include <stdint.h>

struct decoder_step;

struct decoder {
    bool none; /* nothing in the file: tokens are joined by spaces */
    struct decoder_step *steps;
    size_t count;
};

/* Strings one after the other in a buffer; `end` holds where each ends. */
struct token_list {
    struct buffer text;
    size_t *end;
    size_t count;
    size_t capacity;
};

/* Ends the string that was appended to `text` since the last call; false without memory. */
bool token_list_end(struct token_list *list);
void token_list_free(struct token_list *list);

assay_status decoder_parse(struct decoder *decoder, const struct json *value, assay_error *error);
void decoder_free(struct decoder *decoder);
/* Turns the tokens (which it may change) into text. */
assay_status decoder_apply(const struct decoder *decoder, struct token_list *tokens,
                           struct buffer *text, assay_error *error);

#endif
