#include "text/tokenizer_internal.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "text/byte_level.h"
#include "text/place.h"
#include "text/unicode.h"

#include <stdatomic.h>
#include <string.h>

/* ---- opening ---- */

/* The offsets of tokens that begin or end with white space are trimmed by some post-processors. */
static assay_status prepare_trim(struct assay_tokenizer *tokenizer, assay_error *error)
{
    if (!tokenizer->processor.trim_count)
        return ASSAY_OK;
    size_t count = (size_t)tokenizer->vocabulary.limit;
    size_t longest = tokenizer->vocabulary.max_length;
    tokenizer->trim = memory_allocate_zeroed(count, sizeof *tokenizer->trim);
    uint32_t *cell = memory_allocate(longest, sizeof *cell);
    assay_status status = ASSAY_OK;
    if (!tokenizer->trim || !cell)
        status = error_memory(error, count * sizeof *tokenizer->trim);
    for (size_t id = 0; id < count && !status; id++) {
        size_t length = 0, cells = 0;
        const char *text = vocabulary_text(&tokenizer->vocabulary, (int32_t)id, &length);
        for (size_t at = 0; text && at < length;)
            cell[cells++] = unicode_get_utf8(text, &at);
        tokenizer->trim[id] = trim_of_cells(cell, cells);
    }
    memory_free(cell);
    return status;
}

static assay_status check_template(const struct assay_tokenizer *tokenizer,
                                   const struct template *template, assay_error *error)
{
    for (size_t i = 0; i < template->count; i++) {
        struct template_part part = template->part[i];
        if (part.sequence >= 0 || assay_tokenizer_token(tokenizer, part.id))
            continue;
        assay_status status = error_set(
            error, ASSAY_ERROR_FORMAT, "the post-processor adds a token that the vocabulary lacks");
        place_within(error, "post_processor");
        error_found(error, "id %d", part.id);
        return status;
    }
    return ASSAY_OK;
}

static assay_status finish(struct assay_tokenizer *tokenizer, assay_error *error)
{
    assay_status status = added_tokens_finish(&tokenizer->added, &tokenizer->normalizer, error);
    if (status) {
        place_within(error, "added_tokens");
        return status;
    }
    status = check_template(tokenizer, &tokenizer->processor.single, error);
    if (!status)
        status = check_template(tokenizer, &tokenizer->processor.pair, error);
    if (!status)
        status = prepare_trim(tokenizer, error);
    return status;
}

/* tokenizer_config.json's model_max_length, unless it is the huge number that says "none". */
static assay_status read_max_length(struct assay_tokenizer *tokenizer, const char *folder,
                                    assay_error *error)
{
    assay_status status = ASSAY_OK;
    struct json *config = NULL;
    double length = 0;
    char *path = path_join(folder, "tokenizer_config.json");
    if (!path)
        return error_memory(error, strlen(folder) + 32);
    if (file_exists(path))
        status = json_parse_file(&config, path, TOKENIZER_MAX_FILE, error);
    if (!status)
        status = json_read_number(&length, config, "model_max_length", false, error);
    if (status)
        error_at_file(error, path);
    else if (length >= 1 && length <= INT32_MAX)
        tokenizer->max_tokens = (int32_t)length;
    json_free(config);
    memory_free(path);
    return status;
}

static assay_status open_folder(struct assay_tokenizer *tokenizer, const char *folder,
                                assay_error *error)
{
    char *path = path_join(folder, "tokenizer.json");
    if (!path)
        return error_memory(error, strlen(folder) + 32);
    assay_status status = read_max_length(tokenizer, folder, error);
    if (!status && file_exists(path)) {
        status = tokenizer_read_file(tokenizer, path, error);
        if (!status)
            status = finish(tokenizer, error);
        if (status)
            error_at_file(error, path);
    } else if (!status) {
        status = tokenizer_read_vocabulary_files(tokenizer, folder, error);
        if (!status)
            status = finish(tokenizer, error);
        if (status)
            error_at_file(error, folder);
    }
    memory_free(path);
    return status;
}

static assay_status open_file(struct assay_tokenizer *tokenizer, const char *path,
                              assay_error *error)
{
    assay_status status = tokenizer_read_file(tokenizer, path, error);
    const char *slash = strrchr(path, '/');
    if (!status && !strcmp(slash ? slash + 1 : path, "tokenizer.json")) {
        char *folder =
            slash ? memory_copy_bytes(path, (size_t)(slash - path) + 1) : memory_copy_string(".");
        status = folder ? read_max_length(tokenizer, folder, error)
                        : error_memory(error, strlen(path) + 1);
        memory_free(folder);
    }
    if (!status)
        status = finish(tokenizer, error);
    if (status)
        error_at_file(error, path);
    return status;
}

assay_status assay_tokenizer_open(assay_tokenizer **out, const char *path, assay_error *error)
{
    static atomic_uint_fast64_t serial;
    if (!out)
        return error_needs(error, __func__, "out");
    *out = NULL;
    if (!path)
        return error_needs(error, __func__, "a path");
    struct assay_tokenizer *tokenizer = memory_allocate_zeroed(1, sizeof *tokenizer);
    if (!tokenizer)
        return error_memory(error, sizeof *tokenizer);
    tokenizer->serial = atomic_fetch_add(&serial, 1) + 1;
    tokenizer->truncation.strategy = ASSAY_TRUNCATE_NONE;
    assay_status status = file_is_folder(path) ? open_folder(tokenizer, path, error)
                                               : open_file(tokenizer, path, error);
    if (status) {
        assay_tokenizer_close(tokenizer);
        return status;
    }
    if (tokenizer->truncation.strategy != ASSAY_TRUNCATE_NONE)
        tokenizer->max_tokens = tokenizer->truncation.max_tokens;
    *out = tokenizer;
    return ASSAY_OK;
}

void assay_tokenizer_close(assay_tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    vocabulary_free(&tokenizer->vocabulary);
    added_tokens_free(&tokenizer->added);
    normalizer_free(&tokenizer->normalizer);
    pre_tokenizer_free(&tokenizer->pre_tokenizer);
    wordpiece_free(&tokenizer->wordpiece);
    bpe_free(&tokenizer->bpe);
    processor_free(&tokenizer->processor);
    decoder_free(&tokenizer->decoder);
    memory_free(tokenizer->trim);
    memory_free(tokenizer);
}

/* ---- encoding ---- */

static assay_status read_options(struct truncation *truncation,
                                 struct assay_encode_options *options,
                                 const assay_tokenizer *tokenizer,
                                 const assay_encode_options *given, assay_error *error)
{
    *options = (struct assay_encode_options)ASSAY_ENCODE_OPTIONS_INIT;
    if (given) {
        if (error_options(error, given->struct_size, sizeof *options, "ASSAY_ENCODE_OPTIONS_INIT"))
            return ASSAY_ERROR_ARGUMENT;
        *options = *given;
    }
    switch (options->truncation) {
    case ASSAY_TRUNCATE_MODEL:
        *truncation = tokenizer->truncation;
        return ASSAY_OK;
    case ASSAY_TRUNCATE_NONE:
        *truncation = (struct truncation){.strategy = ASSAY_TRUNCATE_NONE};
        return ASSAY_OK;
    case ASSAY_TRUNCATE_LONGEST_FIRST:
    case ASSAY_TRUNCATE_ONLY_FIRST:
    case ASSAY_TRUNCATE_ONLY_SECOND:
        break;
    default:
        return error_set(error, ASSAY_ERROR_ARGUMENT, "no such truncation");
    }
    if (options->max_tokens <= 0 || options->stride < 0)
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "truncation needs max_tokens above 0 and no negative stride");
    *truncation = (struct truncation){.strategy = options->truncation,
                                      .max_tokens = options->max_tokens,
                                      .stride = options->stride,
                                      .left = options->truncate_left};
    return ASSAY_OK;
}

assay_status assay_tokenizer_encode(const assay_tokenizer *tokenizer, assay_encoding *encoding,
                                    const char *text, size_t length, const char *pair,
                                    size_t pair_length, const assay_encode_options *given,
                                    assay_error *error)
{
    if (!tokenizer || !encoding || (!text && length) || (!pair && pair_length))
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "assay_tokenizer_encode needs a tokenizer, an encoding and text");
    struct truncation truncation;
    struct assay_encode_options options;
    encoding->count = 0;
    encoding->overflow_count = 0;
    assay_status status = read_options(&truncation, &options, tokenizer, given, error);
    if (status)
        return status;
    if (length > TOKENIZER_MAX_TEXT || pair_length > TOKENIZER_MAX_TEXT) {
        status = error_set(error, ASSAY_ERROR_LIMIT, "the text is too long");
        error_expected(error, "at most %d bytes", TOKENIZER_MAX_TEXT);
        error_found(error, "%zu bytes", length > pair_length ? length : pair_length);
        return status;
    }
    if (!encoding->scratch) {
        encoding->scratch = memory_allocate_zeroed(1, sizeof *encoding->scratch);
        if (!encoding->scratch)
            return error_memory(error, sizeof *encoding->scratch);
    }
    word_cache_own(&encoding->scratch->cache, tokenizer->serial);
    status = encode_sequence(tokenizer, encoding->scratch, 0, text, length, error);
    if (!status && pair) {
        status = encode_sequence(tokenizer, encoding->scratch, 1, pair, pair_length, error);
        if (status)
            place_within(error, "second text of the pair");
    }
    if (!status)
        status = encode_windows(tokenizer, encoding, pair != NULL, &truncation,
                                options.without_special_tokens, options.keep_overflow, error);
    if (status)
        encoding->count = encoding->overflow_count = 0;
    return status;
}

static void free_arrays(assay_encoding *encoding)
{
    memory_free(encoding->ids);
    memory_free(encoding->type_ids);
    memory_free(encoding->begin);
    memory_free(encoding->end);
    memory_free(encoding->sequence);
    memory_free(encoding->special);
}

void assay_encoding_free(assay_encoding *encoding)
{
    if (!encoding)
        return;
    struct assay_encoding_scratch *scratch = encoding->scratch;
    free_arrays(encoding);
    if (scratch) {
        for (int32_t i = 0; i < scratch->overflow_capacity; i++)
            free_arrays(encoding->overflow + i);
        memory_free(encoding->overflow);
        run_free(&scratch->raw);
        run_free(&scratch->work);
        run_free(&scratch->run);
        splits_free(&scratch->found);
        splits_free(&scratch->splits);
        normalizer_scratch_free(&scratch->normalizer);
        pre_tokenizer_scratch_free(&scratch->pre_tokenizer);
        word_cache_free(&scratch->cache);
        wordpiece_scratch_free(&scratch->wordpiece);
        bpe_scratch_free(&scratch->bpe);
        pieces_free(&scratch->pieces);
        for (int s = 0; s < 2; s++) {
            memory_free(scratch->tokens[s].list);
            memory_free(scratch->windows[s].list);
        }
        memory_free(scratch);
    }
    *encoding = (assay_encoding){0};
}

/* ---- decoding ---- */

/* A token's string, and its length, as the reference gives it to decoders. */
static const char *token_text(const assay_tokenizer *tokenizer, int32_t id, size_t *length)
{
    const struct added_token *token = added_tokens_by_id(&tokenizer->added, id);
    if (!token)
        return vocabulary_text(&tokenizer->vocabulary, id, length);
    *length = token->normal ? token->normal_length : token->length;
    return token->normal ? token->normal : token->content;
}

/* The reference goes by the string: an added token in its normalized form may not be known. */
static bool is_special_text(const assay_tokenizer *tokenizer, const char *text, size_t length)
{
    int32_t id = vocabulary_find(&tokenizer->added.names, text, length);
    const struct added_token *token = added_tokens_by_id(&tokenizer->added, id);
    return token && token->special;
}

assay_status assay_tokenizer_decode_bytes(const assay_tokenizer *tokenizer, char **text,
                                          size_t *length, const int32_t *ids, int32_t count,
                                          bool skip_special, assay_error *error)
{
    if (!tokenizer || !text || count < 0 || (!ids && count))
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "assay_tokenizer_decode needs a tokenizer, a place for the text and ids");
    *text = NULL;
    struct token_list tokens = {0};
    struct buffer result = {0};
    bool fine = buffer_reserve(&tokens.text, 0) && buffer_reserve(&result, 0);
    for (int32_t i = 0; i < count && fine; i++) {
        size_t size = 0;
        const char *token = token_text(tokenizer, ids[i], &size);
        if (!token || (skip_special && is_special_text(tokenizer, token, size)))
            continue;
        fine = buffer_append(&tokens.text, token, size) && token_list_end(&tokens);
    }
    assay_status status = fine ? decoder_apply(&tokenizer->decoder, &tokens, &result, error)
                               : error_memory(error, tokens.text.length);
    token_list_free(&tokens);
    if (status) {
        buffer_free(&result);
        return status;
    }
    *text = result.bytes;
    if (length)
        *length = result.length;
    return ASSAY_OK;
}

assay_status assay_tokenizer_decode(const assay_tokenizer *tokenizer, char **text,
                                    const int32_t *ids, int32_t count, bool skip_special,
                                    assay_error *error)
{
    return assay_tokenizer_decode_bytes(tokenizer, text, NULL, ids, count, skip_special, error);
}

/* ---- asking ---- */

int32_t assay_tokenizer_vocabulary_size(const assay_tokenizer *tokenizer)
{
    if (!tokenizer)
        return 0;
    int32_t model = tokenizer->vocabulary.limit, added = tokenizer->added.names.limit;
    return model > added ? model : added;
}

const char *assay_tokenizer_token(const assay_tokenizer *tokenizer, int32_t id)
{
    if (!tokenizer)
        return NULL;
    size_t length;
    return token_text(tokenizer, id, &length);
}

int32_t assay_tokenizer_token_id(const assay_tokenizer *tokenizer, const char *token)
{
    size_t length = token ? strlen(token) : 0;
    if (!tokenizer || !token)
        return -1;
    int32_t id = vocabulary_find(&tokenizer->added.names, token, length);
    return id >= 0 ? id : vocabulary_find(&tokenizer->vocabulary, token, length);
}

bool assay_tokenizer_is_special(const assay_tokenizer *tokenizer, int32_t id)
{
    if (!tokenizer)
        return false;
    const struct added_token *token = added_tokens_by_id(&tokenizer->added, id);
    return token && token->special;
}

assay_tokenizer_kind assay_tokenizer_get_kind(const assay_tokenizer *tokenizer)
{
    return tokenizer ? tokenizer->kind : ASSAY_WORDPIECE;
}

int32_t assay_tokenizer_max_tokens(const assay_tokenizer *tokenizer)
{
    return tokenizer ? tokenizer->max_tokens : 0;
}
