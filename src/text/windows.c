/* Truncation, overflowing windows and special tokens: from the tokens of one or two sequences to
 * encodings, in the order of the reference's truncate_encodings and Encoding::merge_with. */
#include "base/error.h"
#include "base/memory.h"
#include "text/tokenizer_internal.h"

#include <string.h>

enum { MAX_WINDOWS = 1 << 20 };

/* ---- truncation ---- */

static bool push_window(struct windows *windows, int64_t begin, int64_t end)
{
    if (windows->count == windows->capacity) {
        size_t capacity = windows->capacity ? windows->capacity * 2 : 4;
        struct window *list = memory_resize(windows->list, capacity, sizeof *list);
        if (!list)
            return false;
        windows->list = list;
        windows->capacity = capacity;
    }
    windows->list[windows->count++] = (struct window){(int32_t)begin, (int32_t)end};
    return true;
}

static assay_status refuse_stride(int64_t most, int32_t stride, assay_error *error)
{
    assay_status status = error_set(error, ASSAY_ERROR_ARGUMENT,
                                    "the stride must be smaller than the tokens that remain");
    error_expected(error, "less than %d", (int)most);
    error_found(error, "%d", stride);
    return status;
}

/* Cuts `count` tokens to at most `most`, the rest into windows. */
static assay_status cut(struct windows *windows, int64_t count, int64_t most,
                        const struct truncation *truncation, bool keep, assay_error *error)
{
    windows->count = 0;
    bool fine = true;
    if (most >= count) {
        fine = push_window(windows, 0, count);
    } else if (!keep) {
        fine = truncation->left ? push_window(windows, count - most, count)
                                : push_window(windows, 0, most);
    } else if (most == 0) {
        fine = push_window(windows, 0, 0) && push_window(windows, 0, count);
    } else if (truncation->stride >= most) {
        return refuse_stride(most, truncation->stride, error);
    } else {
        int64_t step = most - truncation->stride;
        bool end = false;
        for (int64_t at = 0; at < count && !end && fine; at += step) {
            if (windows->count == MAX_WINDOWS)
                return error_set(error, ASSAY_ERROR_LIMIT, "more than %d overflowing windows",
                                 MAX_WINDOWS);
            int64_t stop = truncation->left ? count - at : at + most;
            int64_t start = truncation->left ? stop - most : at;
            if (start < 0)
                start = 0;
            if (stop > count)
                stop = count;
            end = truncation->left ? start == 0 : stop == count;
            fine = push_window(windows, start, stop);
        }
    }
    return fine ? ASSAY_OK : error_memory(error, windows->count * sizeof *windows->list);
}

/* How many tokens each sequence keeps. */
static assay_status share(int64_t keep[2], const int64_t count[2], bool pair, int64_t most,
                          enum assay_truncation strategy, assay_error *error)
{
    int64_t total = count[0] + count[1];
    keep[0] = count[0];
    keep[1] = count[1];
    if (most == 0) {
        keep[0] = keep[1] = 0;
        return ASSAY_OK;
    }
    if (total <= most)
        return ASSAY_OK;
    if (strategy == ASSAY_TRUNCATE_LONGEST_FIRST) {
        if (!pair) {
            keep[0] = most;
            return ASSAY_OK;
        }
        int longer = count[0] > count[1] ? 0 : 1;
        int64_t n1 = count[!longer], n2;
        if (n1 > most)
            n2 = n1;
        else
            n2 = n1 > most - n1 ? n1 : most - n1;
        if (n1 + n2 > most) {
            n1 = most / 2;
            n2 = n1 + most % 2;
        }
        keep[longer] = n2;
        keep[!longer] = n1;
        return ASSAY_OK;
    }
    int target = strategy == ASSAY_TRUNCATE_ONLY_SECOND;
    if (target == 1 && !pair)
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "the second sequence is to be truncated, but there is none");
    int64_t removed = total - most;
    if (count[target] <= removed)
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "the sequence to truncate is too short for the length asked for");
    keep[target] = count[target] - removed;
    return ASSAY_OK;
}

static assay_status truncate_sequences(struct assay_encoding_scratch *scratch, bool pair,
                                       const struct truncation *truncation, int32_t special,
                                       bool keep_overflow, assay_error *error)
{
    int64_t count[2] = {(int64_t)scratch->tokens[0].count,
                        pair ? (int64_t)scratch->tokens[1].count : 0};
    int64_t keep[2] = {count[0], count[1]};
    assay_status status = ASSAY_OK;
    if (truncation->strategy != ASSAY_TRUNCATE_NONE) {
        int64_t most = (int64_t)truncation->max_tokens - special;
        if (most < 0) {
            status = error_set(error, ASSAY_ERROR_ARGUMENT,
                               "the special tokens alone exceed the length asked for");
            error_expected(error, "at least %d", special);
            error_found(error, "%d", truncation->max_tokens);
            return status;
        }
        status = share(keep, count, pair, most, truncation->strategy, error);
    }
    for (int s = 0; s < 2 && !status; s++)
        status = cut(scratch->windows + s, count[s], keep[s], truncation, keep_overflow, error);
    return status;
}

/* ---- filling encodings ---- */

static assay_status reserve(assay_encoding *encoding, int64_t count, assay_error *error)
{
    if (count <= encoding->capacity && encoding->capacity)
        return ASSAY_OK;
    if (count > INT32_MAX)
        return error_set(error, ASSAY_ERROR_LIMIT, "the encoding has too many tokens");
    int64_t grown = (int64_t)encoding->capacity + encoding->capacity / 2;
    if (grown < count)
        grown = count;
    if (grown < 64)
        grown = 64;
    if (grown > INT32_MAX)
        grown = INT32_MAX;
    size_t capacity = (size_t)grown;
    int32_t **numbers[] = {&encoding->ids, &encoding->type_ids, &encoding->begin, &encoding->end};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int32_t *block = memory_resize(*numbers[i], capacity, sizeof *block);
        if (!block)
            return error_memory(error, capacity * sizeof *block);
        *numbers[i] = block;
    }
    int8_t *sequence = memory_resize(encoding->sequence, capacity, 1);
    if (!sequence)
        return error_memory(error, capacity);
    encoding->sequence = sequence;
    uint8_t *special = memory_resize(encoding->special, capacity, 1);
    if (!special)
        return error_memory(error, capacity);
    encoding->special = special;
    encoding->capacity = (int32_t)capacity;
    return ASSAY_OK;
}

/* Takes white space off a token's offsets, once for each post-processor that does. */
static void trim_offsets(const struct processor *processor, const struct token *token,
                         bool first_token, int32_t *begin, int32_t *end)
{
    for (size_t i = 0; i < processor->trim_count; i++) {
        int32_t lead = token->trim.lead, trail = token->trim.trail;
        if (lead) {
            /* A single space at the very beginning may be the one that was put there. */
            if ((first_token || *begin == 0) && processor->trim_prefix[i] && lead == 1)
                lead = 0;
            *begin = *begin + lead < *end ? *begin + lead : *end;
        }
        if (trail && *end >= trail)
            *end = *end - trail > *begin ? *end - trail : *begin;
    }
}

static void put_sequence(const struct processor *processor, assay_encoding *encoding,
                         const struct token *token, struct window window, int32_t type_id,
                         int8_t sequence)
{
    int32_t at = encoding->count, count = window.end - window.begin;
    if (!count)
        return;
    token += window.begin;
    for (int32_t i = 0; i < count; i++) {
        int32_t begin = token[i].begin, end = token[i].end;
        if (token[i].trim.lead | token[i].trim.trail)
            trim_offsets(processor, token + i, i == 0, &begin, &end);
        encoding->ids[at + i] = token[i].id;
        encoding->begin[at + i] = begin;
        encoding->end[at + i] = end;
        encoding->type_ids[at + i] = type_id;
    }
    memset(encoding->sequence + at, sequence, (size_t)count);
    memset(encoding->special + at, 0, (size_t)count);
    encoding->count += count;
}

/* The sequence number that the reference reports. Without a post-processor it loses those of pairs
 * once one of the two is an overflowing window. */
static int8_t sequence_number(const struct processor *processor, int sequence, bool pair,
                              const size_t window[2])
{
    if (!processor->none || !pair || (!window[0] && !window[1]))
        return (int8_t)sequence;
    return window[0] ? 0 : (int8_t)(sequence ? -1 : 0);
}

/* One encoding of window[0] of the first sequence and window[1] of the second. */
static assay_status fill(const struct assay_tokenizer *tokenizer, assay_encoding *encoding,
                         const struct assay_encoding_scratch *scratch, bool pair,
                         const size_t window[2], bool without_special, assay_error *error)
{
    const struct processor *processor = &tokenizer->processor;
    const struct template *template = pair ? &processor->pair : &processor->single;
    int64_t total = without_special ? 0 : template->special_count;
    for (int s = 0; s < (pair ? 2 : 1); s++) {
        struct window range = scratch->windows[s].list[window[s]];
        total += range.end - range.begin;
    }
    encoding->count = 0;
    assay_status status = reserve(encoding, total, error);
    if (status)
        return status;
    for (size_t i = 0; i < template->count; i++) {
        struct template_part part = template->part[i];
        if (part.sequence >= 0) {
            /* Only what stays takes the template's types: windows of overflow keep the number of
             * their sequence, but for RoBERTa with its special tokens. */
            bool overflow = window[part.sequence] > 0;
            int32_t type_id = part.type_id;
            if (overflow && !(processor->one_type && !without_special))
                type_id = part.sequence;
            put_sequence(processor, encoding, scratch->tokens[part.sequence].list,
                         scratch->windows[part.sequence].list[window[part.sequence]], type_id,
                         sequence_number(processor, part.sequence, pair, window));
        } else if (!without_special) {
            int32_t at = encoding->count++;
            encoding->ids[at] = part.id;
            encoding->type_ids[at] = part.type_id;
            encoding->begin[at] = encoding->end[at] = 0;
            encoding->sequence[at] = -1;
            encoding->special[at] = 1;
        }
    }
    return ASSAY_OK;
}

static assay_status reserve_overflow(assay_encoding *encoding, int64_t count, assay_error *error)
{
    struct assay_encoding_scratch *scratch = encoding->scratch;
    if (count > MAX_WINDOWS)
        return error_set(error, ASSAY_ERROR_LIMIT, "more than %d overflowing windows", MAX_WINDOWS);
    if (count <= scratch->overflow_capacity)
        return ASSAY_OK;
    struct assay_encoding *overflow =
        memory_resize(encoding->overflow, (size_t)count, sizeof *overflow);
    if (!overflow)
        return error_memory(error, (size_t)count * sizeof *overflow);
    for (int64_t i = scratch->overflow_capacity; i < count; i++)
        overflow[i] = (struct assay_encoding){0};
    encoding->overflow = overflow;
    scratch->overflow_capacity = (int32_t)count;
    return ASSAY_OK;
}

/* Windows of the sequence that comes first in the template vary slowest, its overflow before what
 * stays of it. */
static assay_status fill_overflow(const struct assay_tokenizer *tokenizer, assay_encoding *encoding,
                                  bool pair, bool without_special, assay_error *error)
{
    const struct assay_encoding_scratch *scratch = encoding->scratch;
    const struct template *template =
        pair ? &tokenizer->processor.pair : &tokenizer->processor.single;
    int outer = 0;
    for (size_t i = template->count; i-- > 0;)
        outer = template->part[i].sequence >= 0 ? template->part[i].sequence : outer;
    size_t outer_count = scratch->windows[outer].count;
    size_t inner_count = pair ? scratch->windows[!outer].count : 1;
    assay_status status =
        reserve_overflow(encoding, (int64_t)outer_count * (int64_t)inner_count - 1, error);
    for (size_t o = 1; o <= outer_count && !status; o++) {
        bool stays = o == outer_count;
        for (size_t i = stays ? 1 : 0; i < inner_count && !status; i++) {
            size_t window[2];
            window[outer] = stays ? 0 : o;
            window[!outer] = i;
            status = fill(tokenizer, encoding->overflow + encoding->overflow_count, scratch, pair,
                          window, without_special, error);
            if (!status)
                encoding->overflow_count++;
        }
    }
    return status;
}

assay_status encode_windows(const struct assay_tokenizer *tokenizer, assay_encoding *encoding,
                            bool pair, const struct truncation *truncation, bool without_special,
                            bool keep_overflow, assay_error *error)
{
    const struct processor *processor = &tokenizer->processor;
    int32_t special = pair ? processor->pair.special_count : processor->single.special_count;
    encoding->overflow_count = 0;
    int32_t room = truncation->max_tokens - processor->single.special_count;
    if (keep_overflow && truncation->strategy != ASSAY_TRUNCATE_NONE && room >= 0 &&
        truncation->stride > room)
        return refuse_stride(room, truncation->stride, error);
    assay_status status = truncate_sequences(encoding->scratch, pair, truncation,
                                             without_special ? 0 : special, keep_overflow, error);
    encoding->truncated = false;
    for (int sequence = 0; !status && sequence < (pair ? 2 : 1); sequence++) {
        struct window kept = encoding->scratch->windows[sequence].list[0];
        size_t count = encoding->scratch->tokens[sequence].count;
        encoding->truncated |= (size_t)(kept.end - kept.begin) < count;
    }
    if (!status)
        status = fill(tokenizer, encoding, encoding->scratch, pair, (size_t[2]){0, 0},
                      without_special, error);
    if (!status && keep_overflow)
        status = fill_overflow(tokenizer, encoding, pair, without_special, error);
    return status;
}
