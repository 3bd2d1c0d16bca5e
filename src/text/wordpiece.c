#include "text/wordpiece.h"

#include "base/error.h"
#include "base/memory.h"
#include "text/unicode.h"

#include <string.h>

assay_status wordpiece_parse(struct wordpiece *wordpiece, const struct json *model,
                             const struct vocabulary *vocabulary, assay_error *error)
{
    *wordpiece = (struct wordpiece){0};
    const char *unknown = "", *prefix = "";
    int64_t max_cells = 0;
    assay_status status = json_read_string(&unknown, model, "unk_token", true, error);
    if (!status)
        status = json_read_string(&prefix, model, "continuing_subword_prefix", true, error);
    if (!status)
        status = json_read_integer(&max_cells, model, "max_input_chars_per_word", 0, INT64_MAX,
                                   true, error);
    if (status)
        return status;
    wordpiece->unknown = vocabulary_find(vocabulary, unknown, strlen(unknown));
    if (wordpiece->unknown < 0) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "the vocabulary lacks the unknown token");
        error_found(error, "unk_token \"%.80s\"", unknown);
        return status;
    }
    wordpiece->max_cells = (size_t)max_cells;
    wordpiece->prefix = memory_copy_string(prefix);
    if (!wordpiece->prefix)
        return error_memory(error, strlen(prefix) + 1);
    wordpiece->prefix_length = strlen(prefix);
    wordpiece->prefix_hash = vocabulary_hash_start();
    for (size_t i = 0; i < wordpiece->prefix_length; i++)
        wordpiece->prefix_hash = vocabulary_hash_step(wordpiece->prefix_hash, prefix[i]);
    return ASSAY_OK;
}

void wordpiece_free(struct wordpiece *wordpiece)
{
    memory_free(wordpiece->prefix);
    *wordpiece = (struct wordpiece){0};
}

void wordpiece_scratch_free(struct wordpiece_scratch *scratch)
{
    memory_free(scratch->text);
    memory_free(scratch->end);
    memory_free(scratch->hash);
    *scratch = (struct wordpiece_scratch){0};
}

static bool reserve(struct wordpiece_scratch *scratch, size_t count)
{
    if (count <= scratch->capacity)
        return true;
    size_t capacity = count < 128 ? 128 : count;
    char *text = memory_resize(scratch->text, capacity, 4);
    if (text)
        scratch->text = text;
    uint32_t *end = memory_resize(scratch->end, capacity, sizeof *end);
    if (end)
        scratch->end = end;
    uint64_t *hash = memory_resize(scratch->hash, capacity, sizeof *hash);
    if (hash)
        scratch->hash = hash;
    if (!text || !end || !hash)
        return false;
    scratch->capacity = capacity;
    return true;
}

bool wordpiece_tokenize(const struct wordpiece *wordpiece, const struct vocabulary *vocabulary,
                        struct pieces *out, const uint32_t *cell, size_t count,
                        struct wordpiece_scratch *scratch)
{
    if (count > wordpiece->max_cells)
        return pieces_push(out, wordpiece->unknown, 0, count);
    if (!reserve(scratch, count))
        return false;
    char *text = scratch->text;
    size_t length = 0, first_piece = out->count;
    for (size_t i = 0; i < count; i++) {
        length += unicode_put_utf8(text + length, cell[i]);
        scratch->end[i] = (uint32_t)length;
    }
    for (size_t start = 0; start < count;) {
        size_t from = start ? scratch->end[start - 1] : 0, at = from;
        const char *prefix = start ? wordpiece->prefix : "";
        size_t prefix_length = start ? wordpiece->prefix_length : 0;
        uint64_t hash = start ? wordpiece->prefix_hash : vocabulary_hash_start();
        size_t last = start;
        /* No piece is longer than the vocabulary's longest string. */
        for (; last < count && scratch->end[last] - from + prefix_length <= vocabulary->max_length;
             last++) {
            for (; at < scratch->end[last]; at++)
                hash = vocabulary_hash_step(hash, text[at]);
            scratch->hash[last] = hash;
        }
        int32_t id = -1;
        while (last > start) {
            last--;
            id = vocabulary_find_hashed(vocabulary, scratch->hash[last], prefix, prefix_length,
                                        text + from, scratch->end[last] - from);
            if (id >= 0)
                break;
        }
        if (id < 0) {
            out->count = first_piece;
            return pieces_push(out, wordpiece->unknown, 0, count);
        }
        if (!pieces_push(out, id, start, last + 1))
            return false;
        start = last + 1;
    }
    return true;
}
