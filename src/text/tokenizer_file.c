/* Reading tokenizer.json. */
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "text/place.h"
#include "text/tokenizer_internal.h"

#include <string.h>

static assay_status read_truncation(struct truncation *truncation, const struct json *value,
                                    assay_error *error)
{
    const char *strategy = "LongestFirst", *direction = "Right";
    int64_t most = 0, stride = 0;
    if (json_kind(value) == JSON_NULL)
        return ASSAY_OK;
    assay_status status = json_read_integer(&most, value, "max_length", 0, INT32_MAX, true, error);
    if (!status)
        status = json_read_integer(&stride, value, "stride", 0, INT32_MAX, true, error);
    if (!status)
        status = json_read_string(&strategy, value, "strategy", true, error);
    if (!status)
        status = json_read_string(&direction, value, "direction", false, error);
    if (status)
        return status;
    truncation->max_tokens = (int32_t)most;
    truncation->stride = (int32_t)stride;
    truncation->left = !strcmp(direction, "Left");
    if (!strcmp(strategy, "LongestFirst"))
        truncation->strategy = ASSAY_TRUNCATE_LONGEST_FIRST;
    else if (!strcmp(strategy, "OnlyFirst"))
        truncation->strategy = ASSAY_TRUNCATE_ONLY_FIRST;
    else if (!strcmp(strategy, "OnlySecond"))
        truncation->strategy = ASSAY_TRUNCATE_ONLY_SECOND;
    else
        status = error_set(error, ASSAY_ERROR_FORMAT, "no such truncation strategy");
    if (!status && !truncation->left && strcmp(direction, "Right") != 0)
        status = error_set(error, ASSAY_ERROR_FORMAT, "no such truncation direction");
    return status;
}

/* Files of old leave out the model's type. */
static assay_status read_kind(struct assay_tokenizer *tokenizer, const struct json *model,
                              assay_error *error)
{
    const char *type = json_member(model, "merges") ? "BPE" : "WordPiece";
    assay_status status = json_read_string(&type, model, "type", false, error);
    if (status)
        return status;
    if (!strcmp(type, "WordPiece")) {
        tokenizer->kind = ASSAY_WORDPIECE;
    } else if (!strcmp(type, "BPE")) {
        tokenizer->kind = ASSAY_BYTE_LEVEL_BPE;
    } else {
        status = error_set(error, ASSAY_ERROR_UNSUPPORTED, "this tokenizer model is not supported");
        error_expected(error, "WordPiece or BPE");
        error_found(error, "%s", type);
    }
    return status;
}

assay_status tokenizer_read_parts(struct assay_tokenizer *tokenizer, const struct json *root,
                                  assay_error *error)
{
    const struct json *model = json_member(root, "model");
    if (json_kind(model) != JSON_OBJECT)
        return error_set(error, ASSAY_ERROR_FORMAT, "there is no \"model\"");
    assay_status status = read_kind(tokenizer, model, error);
    if (status) {
        place_within(error, "model");
        return status;
    }
    status = read_truncation(&tokenizer->truncation, json_member(root, "truncation"), error);
    if (status) {
        place_within(error, "truncation");
        return status;
    }
    status = normalizer_parse(&tokenizer->normalizer, json_member(root, "normalizer"), error);
    if (!status)
        status = pre_tokenizer_parse(&tokenizer->pre_tokenizer, json_member(root, "pre_tokenizer"),
                                     error);
    if (!status)
        status = processor_parse(&tokenizer->processor, json_member(root, "post_processor"), error);
    if (!status)
        status = decoder_parse(&tokenizer->decoder, json_member(root, "decoder"), error);
    if (status)
        return status;
    if (tokenizer->kind == ASSAY_WORDPIECE) {
        status = wordpiece_parse(&tokenizer->wordpiece, model, &tokenizer->vocabulary, error);
    } else {
        pre_tokenizer_leave_bytes(&tokenizer->pre_tokenizer);
        status = bpe_parse(&tokenizer->bpe, model, &tokenizer->vocabulary,
                           tokenizer->pre_tokenizer.bytes_left_to_model, error);
    }
    if (status)
        place_within(error, "model");
    return status;
}

/* "a b", or ["a", "b"]. */
static assay_status add_merge(struct assay_tokenizer *tokenizer, const struct json *merge,
                              assay_error *error)
{
    if (json_kind(merge) == JSON_STRING) {
        const char *text = json_string(merge);
        size_t length = json_string_length(merge);
        if (length >= 8 && !memcmp(text, "#version", 8))
            return ASSAY_OK;
        const char *space = memchr(text, ' ', length);
        const char *end = text + length;
        if (!space || memchr(space + 1, ' ', (size_t)(end - space - 1)))
            return error_set(error, ASSAY_ERROR_FORMAT,
                             "a merge must be two tokens with one space between");
        return bpe_add_merge(&tokenizer->bpe, &tokenizer->vocabulary, text, (size_t)(space - text),
                             space + 1, (size_t)(end - space - 1), error);
    }
    const struct json *left = json_element(merge, 0), *right = json_element(merge, 1);
    if (json_kind(left) != JSON_STRING || json_kind(right) != JSON_STRING || json_count(merge) != 2)
        return error_set(error, ASSAY_ERROR_FORMAT, "a merge must be two tokens");
    return bpe_add_merge(&tokenizer->bpe, &tokenizer->vocabulary, json_string(left),
                         json_string_length(left), json_string(right), json_string_length(right),
                         error);
}

static assay_status read_merges(struct assay_tokenizer *tokenizer, const struct json *merges,
                                assay_error *error)
{
    if (json_kind(merges) != JSON_ARRAY) {
        error_set(error, ASSAY_ERROR_FORMAT, "the BPE model has no list of merges");
        place_within(error, "model.merges");
        return ASSAY_ERROR_FORMAT;
    }
    for (size_t i = 0; i < json_count(merges); i++) {
        assay_status status = add_merge(tokenizer, json_element(merges, i), error);
        if (status) {
            place_within(error, "model.merges[%zu]", i);
            return status;
        }
    }
    return ASSAY_OK;
}

static assay_status read_added_token(struct assay_tokenizer *tokenizer, const struct json *value,
                                     assay_error *error)
{
    const char *content = "";
    int64_t id = 0;
    struct added_token flags = {0};
    assay_status status = json_read_string(&content, value, "content", true, error);
    if (!status)
        status = json_read_integer(&id, value, "id", 0, VOCABULARY_MAX_ID, true, error);
    if (!status)
        status = json_read_boolean(&flags.single_word, value, "single_word", true, error);
    if (!status)
        status = json_read_boolean(&flags.lstrip, value, "lstrip", true, error);
    if (!status)
        status = json_read_boolean(&flags.rstrip, value, "rstrip", true, error);
    if (!status)
        status = json_read_boolean(&flags.normalized, value, "normalized", true, error);
    if (!status)
        status = json_read_boolean(&flags.special, value, "special", true, error);
    if (status)
        return status;
    return added_tokens_add(&tokenizer->added, &tokenizer->vocabulary, content,
                            json_string_length(json_member(value, "content")), &flags, error);
}

static assay_status read_added_tokens(struct assay_tokenizer *tokenizer, const struct json *list,
                                      assay_error *error)
{
    if (json_kind(list) == JSON_NULL)
        return ASSAY_OK;
    if (json_kind(list) != JSON_ARRAY) {
        error_set(error, ASSAY_ERROR_FORMAT, "added_tokens is not a list");
        place_within(error, "added_tokens");
        return ASSAY_ERROR_FORMAT;
    }
    for (size_t i = 0; i < json_count(list); i++) {
        assay_status status = read_added_token(tokenizer, json_element(list, i), error);
        if (status) {
            place_within(error, "added_tokens[%zu]", i);
            return status;
        }
    }
    return ASSAY_OK;
}

static assay_status read_root(struct assay_tokenizer *tokenizer, const struct json *root,
                              assay_error *error)
{
    const char *version = "1.0";
    assay_status status = json_read_string(&version, root, "version", false, error);
    if (!status && strcmp(version, "1.0") != 0) {
        status = error_set(error, ASSAY_ERROR_UNSUPPORTED, "unknown tokenizer version");
        error_found(error, "%s", version);
    }
    if (status)
        return status;
    const struct json *model = json_member(root, "model");
    const struct json *vocabulary = json_member(model, "vocab");
    if (json_kind(vocabulary) != JSON_OBJECT) {
        /* A list is what Unigram has; its type makes the better message. */
        status = json_kind(model) == JSON_OBJECT ? read_kind(tokenizer, model, error) : ASSAY_OK;
        if (!status)
            status = error_set(error, ASSAY_ERROR_FORMAT, "the model has no vocabulary");
        place_within(error, "model.vocab");
        return status;
    }
    status = json_each_member(vocabulary, vocabulary_add_member, &tokenizer->vocabulary, error);
    if (status) {
        place_within(error, "model.vocab");
        return status;
    }
    status = tokenizer_read_parts(tokenizer, root, error);
    if (!status && tokenizer->kind == ASSAY_BYTE_LEVEL_BPE)
        status = read_merges(tokenizer, json_member(model, "merges"), error);
    if (!status)
        status = read_added_tokens(tokenizer, json_member(root, "added_tokens"), error);
    return status;
}

assay_status tokenizer_read_file(struct assay_tokenizer *tokenizer, const char *path,
                                 assay_error *error)
{
    struct json *root = NULL;
    assay_status status = json_parse_file(&root, path, TOKENIZER_MAX_FILE, error);
    if (!status)
        status = read_root(tokenizer, root, error);
    json_free(root);
    return status;
}
