#include "text/added_tokens.h"

#include "base/error.h"
#include "base/memory.h"
#include "text/token_finder.h"
#include "text/unicode.h"

#include <string.h>

const struct added_token *added_tokens_by_id(const struct added_tokens *added, int32_t id)
{
    if (id < 0 || (size_t)id >= added->by_id_count || added->by_id[id] < 0)
        return NULL;
    return added->list + added->by_id[id];
}

static assay_status append(struct added_tokens *added, const char *content, size_t length,
                           int32_t id, assay_error *error)
{
    if (added->count == added->capacity) {
        size_t capacity = added->capacity ? added->capacity * 2 : 16;
        struct added_token *list = memory_resize(added->list, capacity, sizeof *list);
        if (!list)
            return error_memory(error, capacity * sizeof *list);
        added->list = list;
        added->capacity = capacity;
    }
    if ((size_t)id >= added->by_id_count) {
        size_t count = (size_t)id + 64 + added->by_id_count;
        int32_t *by_id = memory_resize(added->by_id, count, sizeof *by_id);
        if (!by_id)
            return error_memory(error, count * sizeof *by_id);
        memset(by_id + added->by_id_count, 0xff, (count - added->by_id_count) * sizeof *by_id);
        added->by_id = by_id;
        added->by_id_count = count;
    }
    char *copy = memory_copy_bytes(content, length);
    if (!copy)
        return error_memory(error, length + 1);
    added->by_id[id] = (int32_t)added->count;
    added->list[added->count++] = (struct added_token){.content = copy, .length = length, .id = id};
    return ASSAY_OK;
}

assay_status added_tokens_add(struct added_tokens *added, const struct vocabulary *vocabulary,
                              const char *content, size_t length, const struct added_token *flags,
                              assay_error *error)
{
    if (!length)
        return ASSAY_OK; /* the reference skips it too */
    if (length > ADDED_TOKEN_MAX_BYTES || added->count >= ADDED_TOKENS_MAX)
        return error_set(error, ASSAY_ERROR_LIMIT,
                         "more than %d added tokens, or one of more than %d bytes",
                         ADDED_TOKENS_MAX, ADDED_TOKEN_MAX_BYTES);
    int32_t id = vocabulary_find(&added->names, content, length);
    if (id < 0) {
        /* The reference numbers tokens that the model lacks from the vocabulary's size on. */
        int64_t given = vocabulary_find(vocabulary, content, length);
        bool is_new = given < 0;
        if (is_new)
            given = (int64_t)vocabulary->count + added->new_count;
        const char *taken =
            is_new && given <= INT32_MAX ? vocabulary_text(vocabulary, (int32_t)given, NULL) : NULL;
        if (taken) {
            assay_status status = error_set(error, ASSAY_ERROR_FORMAT,
                                            "an added token would get an id that is taken, since "
                                            "the vocabulary's ids have holes");
            error_found(error, "\"%.60s\" and \"%.60s\"", taken, content);
            return status;
        }
        assay_status status = vocabulary_add(&added->names, content, length, given, error);
        if (!status)
            status = append(added, content, length, (int32_t)given, error);
        if (status)
            return status;
        added->new_count += is_new;
        id = (int32_t)given;
    }
    struct added_token *token = added->list + added->by_id[id];
    token->single_word = flags->single_word;
    token->lstrip = flags->lstrip;
    token->rstrip = flags->rstrip;
    token->normalized = flags->normalized;
    token->special = token->special || flags->special;
    return ASSAY_OK;
}

static assay_status normalize_token(struct added_token *token, const struct normalizer *normalizer,
                                    struct run *run, struct normalizer_scratch *scratch,
                                    assay_error *error)
{
    assay_status status = run_decode(run, token->content, token->length, error);
    if (!status)
        status = normalizer_apply(normalizer, run, scratch, error);
    if (status)
        return status;
    char *text = memory_allocate(run->count + 1, 4);
    if (!text)
        return error_memory(error, run->count * 4);
    size_t length = 0;
    for (size_t i = 0; i < run->count; i++)
        length += unicode_put_utf8(text + length, run->cell[i]);
    text[length] = '\0';
    if (!length) {
        memory_free(text);
        status = error_set(error, ASSAY_ERROR_UNSUPPORTED,
                           "nothing is left of an added token once it is normalized");
        error_found(error, "\"%.80s\"", token->content);
        return status;
    }
    if (length == token->length && !memcmp(text, token->content, length)) {
        memory_free(text);
        return ASSAY_OK;
    }
    token->normal = text;
    token->normal_length = length;
    return ASSAY_OK;
}

static assay_status enter(struct token_finder **finder, const char *text, size_t length,
                          int32_t value, assay_error *error)
{
    if (!*finder)
        *finder = token_finder_new();
    if (!*finder || !token_finder_add(*finder, text, length, value))
        return error_memory(error, length);
    return ASSAY_OK;
}

assay_status added_tokens_finish(struct added_tokens *added, const struct normalizer *normalizer,
                                 assay_error *error)
{
    struct normalizer_scratch scratch = {0};
    struct run run = {0};
    assay_status status = ASSAY_OK;
    for (size_t i = 0; i < added->count && !status; i++) {
        struct added_token *token = added->list + i;
        if (!token->normalized) {
            status = enter(&added->raw, token->content, token->length, (int32_t)i, error);
            continue;
        }
        status = normalize_token(token, normalizer, &run, &scratch, error);
        if (!status && token->normal)
            status = enter(&added->normal, token->normal, token->normal_length, (int32_t)i, error);
        else if (!status)
            status = enter(&added->normal, token->content, token->length, (int32_t)i, error);
    }
    run_free(&run);
    normalizer_scratch_free(&scratch);
    return status;
}

void added_tokens_free(struct added_tokens *added)
{
    for (size_t i = 0; i < added->count; i++) {
        memory_free(added->list[i].content);
        memory_free(added->list[i].normal);
    }
    memory_free(added->list);
    memory_free(added->by_id);
    vocabulary_free(&added->names);
    token_finder_free(added->raw);
    token_finder_free(added->normal);
    *added = (struct added_tokens){0};
}

bool added_tokens_any(const struct added_tokens *added, bool normalized)
{
    return normalized ? added->normal != NULL : added->raw != NULL;
}

static bool is_word(uint32_t cell)
{
    return unicode_flags(cell) & UNICODE_WORD;
}

assay_status added_tokens_split(const struct added_tokens *added, bool normalized,
                                struct splits *splits, const uint32_t *cell, size_t count,
                                size_t base, assay_error *error)
{
    const struct token_finder *finder = normalized ? added->normal : added->raw;
    size_t done = 0, from = 0, begin = 0, end = 0;
    int32_t index = -1;
    while (finder && token_finder_next(finder, cell, count, from, &begin, &end, &index)) {
        const struct added_token *token = added->list + index;
        from = end;
        if (token->single_word &&
            ((begin && is_word(cell[begin - 1])) || (end < count && is_word(cell[end]))))
            continue;
        if (token->lstrip) {
            while (begin > done && unicode_flags(cell[begin - 1]) & UNICODE_REGEX_SPACE)
                begin--;
            /* A token before may have taken the space, and more, with its rstrip. */
            if (begin < done)
                begin = done < end ? done : end;
        }
        if (token->rstrip) {
            while (end < count && unicode_flags(cell[end]) & UNICODE_REGEX_SPACE)
                end++;
        }
        if ((done < begin && !splits_push(splits, base + done, base + begin, -1)) ||
            !splits_push(splits, base + begin, base + end, token->id))
            return error_memory(error, 0);
        done = end;
    }
    if (done < count && !splits_push(splits, base + done, base + count, -1))
        return error_memory(error, 0);
    return ASSAY_OK;
}
