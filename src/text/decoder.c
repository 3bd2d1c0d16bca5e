#include "text/decoder.h"

#include "base/error.h"
#include "base/memory.h"
#include "text/byte_level.h"
#include "text/place.h"
#include "text/sequence.h"
#include "text/unicode.h"

#include <string.h>

enum { MAX_STEPS = 16 };

enum step_kind { STEP_WORDPIECE, STEP_BYTE_LEVEL, STEP_BPE, STEP_FUSE };

struct decoder_step {
    enum step_kind kind;
    char *affix; /* WordPiece's prefix, BPEDecoder's suffix; owned */
    bool cleanup;
};

bool token_list_end(struct token_list *list)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        size_t *end = memory_resize(list->end, capacity, sizeof *end);
        if (!end)
            return false;
        list->end = end;
        list->capacity = capacity;
    }
    list->end[list->count++] = list->text.length;
    return true;
}

void token_list_free(struct token_list *list)
{
    buffer_free(&list->text);
    memory_free(list->end);
    *list = (struct token_list){0};
}

/* ---- applying ---- */

/* Appends text[0, length) with every `from` replaced; an empty `from` stands for nothing. */
static bool append_replaced(struct buffer *out, const char *text, size_t length, const char *from,
                            const char *to)
{
    size_t size = strlen(from);
    size_t kept = 0;
    for (size_t at = 0; size && at + size <= length;) {
        if (memcmp(text + at, from, size) != 0) {
            at++;
            continue;
        }
        if (!buffer_append(out, text + kept, at - kept) || !buffer_append_string(out, to))
            return false;
        at += size;
        kept = at;
    }
    return buffer_append(out, text + kept, length - kept);
}

/* Undoes spaces before punctuation, token by token, with the reference's list and order. */
static bool clean_up(struct buffer *out, struct buffer *token, struct buffer *spare)
{
    static const char *const rule[][2] = {
        {" .", "."},   {" ?", "?"},     {" !", "!"},     {" ,", ","},
        {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},   {" do not", " don't"},
        {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
    };
    for (size_t i = 0; i < sizeof rule / sizeof *rule; i++) {
        buffer_clear(spare);
        if (!append_replaced(spare, token->bytes, token->length, rule[i][0], rule[i][1]))
            return false;
        struct buffer kept = *token;
        *token = *spare;
        *spare = kept;
    }
    return buffer_append(out, token->bytes, token->length);
}

static bool apply_wordpiece(const struct decoder_step *step, struct token_list *out,
                            const struct token_list *in)
{
    struct buffer token = {0}, spare = {0};
    size_t prefix = strlen(step->affix), begin = 0;
    bool fine = buffer_reserve(&token, 0) && buffer_reserve(&spare, 0);
    for (size_t i = 0; i < in->count && fine; i++) {
        const char *text = in->text.bytes + begin;
        size_t length = in->end[i] - begin;
        buffer_clear(&token);
        if (i && length >= prefix && !memcmp(text, step->affix, prefix)) {
            text += prefix;
            length -= prefix;
        } else if (i) {
            fine = buffer_append_byte(&token, ' ');
        }
        fine = fine && buffer_append(&token, text, length);
        if (fine && step->cleanup)
            fine = clean_up(&out->text, &token, &spare);
        else if (fine)
            fine = buffer_append(&out->text, token.bytes, token.length);
        fine = fine && token_list_end(out);
        begin = in->end[i];
    }
    buffer_free(&token);
    buffer_free(&spare);
    return fine;
}

/* A token of byte characters becomes its bytes, another stays; all become one text. */
static bool apply_byte_level(struct token_list *out, const struct token_list *in)
{
    struct buffer bytes = {0};
    size_t begin = 0;
    bool fine = buffer_reserve(&bytes, 0);
    for (size_t i = 0; i < in->count && fine; i++) {
        const char *text = in->text.bytes + begin;
        size_t length = in->end[i] - begin, start = bytes.length;
        bool spelled = true;
        for (size_t at = 0; at < length && spelled && fine;) {
            int byte = byte_level_byte(unicode_get_utf8(text, &at));
            spelled = byte >= 0;
            if (spelled)
                fine = buffer_append_byte(&bytes, (char)byte);
        }
        if (!spelled) {
            bytes.length = start;
            fine = fine && buffer_append(&bytes, text, length);
        }
        begin = in->end[i];
    }
    fine = fine && byte_level_append_text(&out->text, bytes.bytes, bytes.length) &&
           token_list_end(out);
    buffer_free(&bytes);
    return fine;
}

static bool apply_bpe(const struct decoder_step *step, struct token_list *out,
                      const struct token_list *in)
{
    size_t begin = 0;
    for (size_t i = 0; i < in->count; i++) {
        if (!append_replaced(&out->text, in->text.bytes + begin, in->end[i] - begin, step->affix,
                             i + 1 < in->count ? " " : "") ||
            !token_list_end(out))
            return false;
        begin = in->end[i];
    }
    return true;
}

assay_status decoder_apply(const struct decoder *decoder, struct token_list *tokens,
                           struct buffer *text, assay_error *error)
{
    struct token_list spare = {0};
    bool fine = buffer_reserve(&tokens->text, 0) && buffer_reserve(&spare.text, 0);
    for (size_t i = 0; i < decoder->count && fine; i++) {
        const struct decoder_step *step = decoder->steps + i;
        buffer_clear(&spare.text);
        spare.count = 0;
        switch (step->kind) {
        case STEP_WORDPIECE:
            fine = apply_wordpiece(step, &spare, tokens);
            break;
        case STEP_BYTE_LEVEL:
            fine = apply_byte_level(&spare, tokens);
            break;
        case STEP_BPE:
            fine = apply_bpe(step, &spare, tokens);
            break;
        case STEP_FUSE:
            fine = buffer_append(&spare.text, tokens->text.bytes, tokens->text.length) &&
                   token_list_end(&spare);
            break;
        }
        struct token_list kept = *tokens;
        *tokens = spare;
        spare = kept;
    }
    size_t begin = 0;
    for (size_t i = 0; i < tokens->count && fine; i++) {
        if (decoder->none && i)
            fine = buffer_append_byte(text, ' ');
        fine = fine && buffer_append(text, tokens->text.bytes + begin, tokens->end[i] - begin);
        begin = tokens->end[i];
    }
    token_list_free(&spare);
    return fine ? ASSAY_OK : error_memory(error, tokens->text.length);
}

/* ---- parsing ---- */

static assay_status read_affix(struct decoder_step *step, const struct json *value, const char *key,
                               assay_error *error)
{
    const char *affix = "";
    assay_status status = json_read_string(&affix, value, key, true, error);
    if (status)
        return status;
    step->affix = memory_copy_string(affix);
    return step->affix ? ASSAY_OK : error_memory(error, strlen(affix) + 1);
}

static assay_status parse_step(struct decoder_step *step, const char *type,
                               const struct json *value, assay_error *error)
{
    assay_status status = ASSAY_OK;
    if (!strcmp(type, "WordPiece")) {
        step->kind = STEP_WORDPIECE;
        status = read_affix(step, value, "prefix", error);
        if (!status)
            status = json_read_boolean(&step->cleanup, value, "cleanup", true, error);
    } else if (!strcmp(type, "ByteLevel")) {
        step->kind = STEP_BYTE_LEVEL;
    } else if (!strcmp(type, "BPEDecoder")) {
        step->kind = STEP_BPE;
        status = read_affix(step, value, "suffix", error);
    } else if (!strcmp(type, "Fuse")) {
        step->kind = STEP_FUSE;
    } else {
        status = error_set(error, ASSAY_ERROR_UNSUPPORTED, "this decoder is not supported");
        error_found(error, "%s", type);
    }
    return status;
}

static assay_status add_step(void *context, const char *type, const struct json *value,
                             assay_error *error)
{
    struct decoder *decoder = context;
    if (decoder->count == MAX_STEPS)
        return error_set(error, ASSAY_ERROR_LIMIT, "more than %d decoders", MAX_STEPS);
    struct decoder_step *steps = memory_resize(decoder->steps, decoder->count + 1, sizeof *steps);
    if (!steps)
        return error_memory(error, (decoder->count + 1) * sizeof *steps);
    decoder->steps = steps;
    struct decoder_step *step = steps + decoder->count++;
    *step = (struct decoder_step){0};
    return parse_step(step, type, value, error);
}

assay_status decoder_parse(struct decoder *decoder, const struct json *value, assay_error *error)
{
    *decoder = (struct decoder){0};
    decoder->none = json_kind(value) == JSON_NULL;
    assay_status status =
        decoder->none ? ASSAY_OK : sequence_each(value, "decoders", add_step, decoder, error);
    if (status) {
        place_within(error, "decoder");
        decoder_free(decoder);
    }
    return status;
}

void decoder_free(struct decoder *decoder)
{
    for (size_t i = 0; i < decoder->count; i++)
        memory_free(decoder->steps[i].affix);
    memory_free(decoder->steps);
    *decoder = (struct decoder){0};
}
