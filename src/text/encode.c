/* From text to tokens: added tokens, normalizer, pre-tokenizer, model, in the order of the
 * reference's extract_and_normalize, do_pre_tokenize and do_tokenize. */
#include "base/error.h"
#include "base/memory.h"
#include "text/byte_level.h"
#include "text/tokenizer_internal.h"
#include "text/unicode.h"

#include <string.h>

static assay_status reserve_tokens(struct token_array *tokens, size_t more, assay_error *error)
{
    size_t needed = tokens->count + more;
    if (needed <= tokens->capacity)
        return ASSAY_OK;
    if (needed > INT32_MAX / 2)
        return error_set(error, ASSAY_ERROR_LIMIT, "the text has too many tokens");
    size_t capacity = tokens->capacity ? tokens->capacity * 2 : 256;
    if (capacity < needed)
        capacity = needed;
    struct token *list = memory_resize(tokens->list, capacity, sizeof *list);
    if (!list)
        return error_memory(error, capacity * sizeof *list);
    tokens->list = list;
    tokens->capacity = capacity;
    return ASSAY_OK;
}

static bool is_trimmed(uint32_t cell)
{
    return cell == BYTE_LEVEL_SPACE || unicode_flags(cell) & UNICODE_WHITESPACE;
}

struct trim trim_of_cells(const uint32_t *cell, size_t count)
{
    struct trim trim = {0, 0};
    while (trim.lead < count && trim.lead < UINT16_MAX && is_trimmed(cell[trim.lead]))
        trim.lead++;
    while (trim.trail < count && trim.trail < UINT16_MAX &&
           is_trimmed(cell[count - 1 - trim.trail]))
        trim.trail++;
    return trim;
}

static bool append_cells(struct run *to, const struct run *from, size_t begin, size_t end)
{
    size_t count = end - begin;
    if (!run_reserve(to, to->count + count))
        return false;
    memcpy(to->cell + to->count, from->cell + begin, count * sizeof *to->cell);
    memcpy(to->source + to->count, from->source + begin, count * sizeof *to->source);
    to->count += count;
    return true;
}

/* Normalizes `work`, finds the added tokens that are normalized, and appends it to the run. */
static assay_status take_normalized(const struct assay_tokenizer *tokenizer,
                                    struct assay_encoding_scratch *scratch, assay_error *error)
{
    assay_status status =
        normalizer_apply(&tokenizer->normalizer, &scratch->work, &scratch->normalizer, error);
    if (!status)
        status = added_tokens_split(&tokenizer->added, true, &scratch->splits, scratch->work.cell,
                                    scratch->work.count, scratch->run.count, error);
    if (status)
        return status;
    if (!scratch->run.count)
        run_swap(&scratch->run, &scratch->work);
    else if (!append_cells(&scratch->run, &scratch->work, 0, scratch->work.count))
        return error_memory(error, scratch->work.count * sizeof *scratch->work.cell);
    return ASSAY_OK;
}

/* Fills run and splits from raw. */
static assay_status extract_and_normalize(const struct assay_tokenizer *tokenizer,
                                          struct assay_encoding_scratch *scratch,
                                          assay_error *error)
{
    scratch->run.count = 0;
    scratch->splits.count = 0;
    scratch->found.count = 0;
    struct run *raw = &scratch->raw;
    assay_status status = added_tokens_split(&tokenizer->added, false, &scratch->found, raw->cell,
                                             raw->count, 0, error);
    if (status)
        return status;
    if (scratch->found.count == 1 && scratch->found.list[0].id < 0) {
        run_swap(raw, &scratch->work);
        return take_normalized(tokenizer, scratch, error);
    }
    for (size_t i = 0; i < scratch->found.count; i++) {
        struct split split = scratch->found.list[i];
        struct run *to = split.id < 0 ? &scratch->work : &scratch->run;
        if (split.id < 0)
            to->count = 0;
        size_t base = to->count;
        if (!append_cells(to, raw, split.begin, split.end))
            return error_memory(error, raw->count * sizeof *raw->cell);
        if (split.id < 0)
            status = take_normalized(tokenizer, scratch, error);
        else if (!splits_push(&scratch->splits, base, to->count, split.id))
            status = error_memory(error, 0);
        if (status)
            return status;
    }
    return ASSAY_OK;
}

static struct trim trim_of(const struct assay_tokenizer *tokenizer, int32_t id)
{
    return tokenizer->trim ? tokenizer->trim[id] : (struct trim){0, 0};
}

/* A word that the cache does not know. */
static assay_status tokenize_word(const struct assay_tokenizer *tokenizer,
                                  struct assay_encoding_scratch *scratch, uint64_t hash,
                                  const uint32_t *cell, size_t count, assay_error *error)
{
    struct pieces *pieces = &scratch->pieces;
    pieces->count = 0;
    bool fine = tokenizer->kind == ASSAY_WORDPIECE
                    ? wordpiece_tokenize(&tokenizer->wordpiece, &tokenizer->vocabulary, pieces,
                                         cell, count, &scratch->wordpiece)
                    : bpe_tokenize(&tokenizer->bpe, &tokenizer->vocabulary, pieces, cell, count,
                                   &scratch->bpe);
    if (!fine)
        return error_memory(error, count * sizeof *cell);
    if (count <= WORD_CACHE_MAX_CELLS)
        word_cache_put(&scratch->cache, hash, cell, count, pieces->list, pieces->count);
    return ASSAY_OK;
}

static assay_status put_word(const struct assay_tokenizer *tokenizer,
                             struct assay_encoding_scratch *scratch, struct token_array *tokens,
                             const uint32_t *cell, const int32_t *source, size_t count,
                             assay_error *error)
{
    struct cached_word word;
    uint64_t hash = 0;
    if (count <= WORD_CACHE_MAX_CELLS) {
        hash = word_cache_hash(cell, count);
        if (word_cache_find(&scratch->cache, hash, cell, count, &word)) {
            assay_status status = reserve_tokens(tokens, word.count, error);
            if (status || !word.count)
                return status;
            struct token *token = tokens->list + tokens->count;
            for (uint32_t i = 0; i < word.count; i++) {
                int32_t id = (int32_t)word.piece[2 * i];
                uint32_t range = word.piece[2 * i + 1];
                token[i] = (struct token){id, source[range & 0xffff], source[(range >> 16) - 1] + 1,
                                          trim_of(tokenizer, id)};
            }
            tokens->count += word.count;
            return ASSAY_OK;
        }
    }
    assay_status status = tokenize_word(tokenizer, scratch, hash, cell, count, error);
    if (!status)
        status = reserve_tokens(tokens, scratch->pieces.count, error);
    if (status)
        return status;
    for (size_t i = 0; i < scratch->pieces.count; i++) {
        struct piece piece = scratch->pieces.list[i];
        tokens->list[tokens->count++] = (struct token){
            piece.id, source[piece.begin], source[piece.end - 1] + 1, trim_of(tokenizer, piece.id)};
    }
    return ASSAY_OK;
}

assay_status encode_sequence(const struct assay_tokenizer *tokenizer,
                             struct assay_encoding_scratch *scratch, int which, const char *text,
                             size_t length, assay_error *error)
{
    struct token_array *tokens = scratch->tokens + which;
    tokens->count = 0;
    assay_status status = run_decode(&scratch->raw, text, length, error);
    if (!status)
        status = extract_and_normalize(tokenizer, scratch, error);
    if (!status)
        status = pre_tokenizer_apply(&tokenizer->pre_tokenizer, &scratch->run, &scratch->splits,
                                     &scratch->pre_tokenizer, error);
    const uint32_t *cell = scratch->run.cell;
    const int32_t *source = scratch->run.source;
    for (size_t i = 0; i < scratch->splits.count && !status; i++) {
        struct split split = scratch->splits.list[i];
        size_t count = split.end - split.begin;
        if (split.id < 0) {
            status = put_word(tokenizer, scratch, tokens, cell + split.begin, source + split.begin,
                              count, error);
            continue;
        }
        status = reserve_tokens(tokens, 1, error);
        if (!status)
            tokens->list[tokens->count++] = (struct token){
                split.id, source[split.begin], source[split.end - 1] + 1,
                tokenizer->trim ? trim_of_cells(cell + split.begin, count) : (struct trim){0, 0}};
    }
    return status;
}
