/* Folders without a tokenizer.json: vocab.txt, or vocab.json and merges.txt, with what
 * tokenizer_config.json, special_tokens_map.json, added_tokens.json and config.json say. The rest
 * is as in the fast BertTokenizer, GPT2Tokenizer and RobertaTokenizer of transformers 5. */
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "text/place.h"
#include "text/tokenizer_internal.h"
#include "text/vocabulary_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum family { FAMILY_BERT, FAMILY_GPT2, FAMILY_ROBERTA };

enum attribute { BOS, EOS, UNK, SEP, PAD, CLS, MASK, ATTRIBUTES };

static const char *const attribute_key[ATTRIBUTES] = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

static const char *const attribute_default[][ATTRIBUTES] = {
    [FAMILY_BERT] = {NULL, NULL, "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"},
    [FAMILY_GPT2] = {"<|endoftext|>", "<|endoftext|>", "<|endoftext|>", NULL, NULL, NULL, NULL},
    [FAMILY_ROBERTA] = {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"},
};

/* The small files beside the vocabulary; NULL where there is none. */
struct side_files {
    struct json *config, *tokenizer_config, *special_tokens, *added_tokens;
};

static assay_status read_side(struct json **out, const char *folder, const char *name,
                              assay_error *error)
{
    char *path = path_join(folder, name);
    if (!path)
        return error_memory(error, strlen(folder) + strlen(name) + 2);
    assay_status status = ASSAY_OK;
    if (file_exists(path)) {
        status = json_parse_file(out, path, TOKENIZER_MAX_FILE, error);
        if (status)
            error_at_file(error, path);
    }
    memory_free(path);
    return status;
}

/* ---- added tokens ---- */

/* A token as a string or as {"content": ..., "lstrip": ...}; content stays NULL for null. */
struct named_token {
    const char *content;
    size_t length;
    int64_t id;
    struct added_token flags;
};

static assay_status read_named(struct named_token *token, const struct json *value, bool special,
                               assay_error *error)
{
    token->flags = (struct added_token){.special = special};
    token->content = NULL;
    if (json_kind(value) == JSON_NULL)
        return ASSAY_OK;
    if (json_kind(value) == JSON_STRING) {
        token->content = json_string(value);
        token->length = json_string_length(value);
        token->flags.normalized = !special;
        return ASSAY_OK;
    }
    assay_status status = json_read_string(&token->content, value, "content", true, error);
    if (!status && !special)
        status = json_read_boolean(&token->flags.special, value, "special", false, error);
    token->flags.normalized = !token->flags.special;
    if (!status)
        status = json_read_boolean(&token->flags.single_word, value, "single_word", false, error);
    if (!status)
        status = json_read_boolean(&token->flags.lstrip, value, "lstrip", false, error);
    if (!status)
        status = json_read_boolean(&token->flags.rstrip, value, "rstrip", false, error);
    if (!status)
        status = json_read_boolean(&token->flags.normalized, value, "normalized", false, error);
    token->length = json_string_length(json_member(value, "content"));
    return status;
}

struct named_list {
    struct named_token *list;
    size_t count;
    bool plain; /* added_tokens.json: string to id */
};

static assay_status collect(void *context, const char *key, size_t key_length,
                            const struct json *value, assay_error *error)
{
    struct named_list *named = context;
    if (named->count >= ADDED_TOKENS_MAX)
        return error_set(error, ASSAY_ERROR_LIMIT, "more than %d added tokens", ADDED_TOKENS_MAX);
    struct named_token *list = memory_resize(named->list, named->count + 1, sizeof *list);
    if (!list)
        return error_memory(error, (named->count + 1) * sizeof *list);
    named->list = list;
    struct named_token *token = list + named->count;
    *token = (struct named_token){0};
    if (named->plain) {
        if (json_kind(value) != JSON_INTEGER)
            return error_set(error, ASSAY_ERROR_FORMAT,
                             "the id of added token \"%.80s\" is not a "
                             "number",
                             key);
        token->content = key;
        token->length = key_length;
        token->id = json_integer(value);
        token->flags.normalized = true;
    } else {
        char *end = NULL;
        errno = 0;
        token->id = strtoll(key, &end, 10);
        if (errno || end == key || *end)
            return error_set(error, ASSAY_ERROR_FORMAT, "\"%.80s\" is not an id", key);
        assay_status status = read_named(token, value, false, error);
        if (status)
            return status;
        if (!token->content)
            return error_set(error, ASSAY_ERROR_FORMAT, "added token %.80s is null", key);
    }
    named->count++;
    return ASSAY_OK;
}

static int by_id(const void *a, const void *b)
{
    int64_t x = ((const struct named_token *)a)->id, y = ((const struct named_token *)b)->id;
    return (x > y) - (x < y);
}

static assay_status add(struct assay_tokenizer *tokenizer, const struct named_token *token,
                        assay_error *error)
{
    return added_tokens_add(&tokenizer->added, &tokenizer->vocabulary, token->content,
                            token->length, &token->flags, error);
}

static const struct json *extra_tokens(const struct json *object)
{
    const struct json *extra = json_member(object, "extra_special_tokens");
    return json_count(extra) ? extra : json_member(object, "additional_special_tokens");
}

static assay_status add_extra(struct assay_tokenizer *tokenizer, const struct json *list,
                              assay_error *error)
{
    assay_status status = ASSAY_OK;
    for (size_t i = 0; json_kind(list) == JSON_ARRAY && i < json_count(list) && !status; i++) {
        struct named_token token = {0};
        status = read_named(&token, json_element(list, i), true, error);
        if (!status && token.content)
            status = add(tokenizer, &token, error);
    }
    return status;
}

/* Settles the named special tokens and adds all tokens in the order of transformers: those with
 * ids, by id; the named ones; the extra ones. */
static assay_status add_tokens(struct assay_tokenizer *tokenizer, const struct side_files *side,
                               enum family family, struct named_token named[ATTRIBUTES],
                               assay_error *error)
{
    const struct json *by_number = json_member(side->tokenizer_config, "added_tokens_decoder");
    const struct json *map = by_number ? NULL : side->special_tokens;
    struct named_list with_id = {.plain = !by_number};
    assay_status status = ASSAY_OK;
    for (int a = 0; a < ATTRIBUTES && !status; a++) {
        const char *standard = attribute_default[family][a];
        named[a] = (struct named_token){.content = standard,
                                        .length = standard ? strlen(standard) : 0,
                                        .flags = {.special = true}};
        const struct json *value = json_member(map, attribute_key[a]);
        if (!value)
            value = json_member(side->tokenizer_config, attribute_key[a]);
        if (value)
            status = read_named(named + a, value, true, error);
        if (status)
            place_within(error, "%s", attribute_key[a]);
    }
    if (!status)
        status =
            json_each_member(by_number ? by_number : side->added_tokens, collect, &with_id, error);
    if (!status && with_id.count)
        qsort(with_id.list, with_id.count, sizeof *with_id.list, by_id);
    for (size_t i = 0; i < with_id.count && !status; i++) {
        struct named_token *token = with_id.list + i;
        for (int a = 0; a < ATTRIBUTES; a++) {
            if (!named[a].content || named[a].length != token->length ||
                memcmp(named[a].content, token->content, token->length) != 0)
                continue;
            /* The list with ids knows better how a named token is to be found. */
            token->flags.special = true;
            if (with_id.plain)
                token->flags.normalized = false;
            named[a].flags = token->flags;
        }
        status = add(tokenizer, token, error);
    }
    for (int a = 0; a < ATTRIBUTES && !status; a++) {
        if (named[a].content)
            status = add(tokenizer, named + a, error);
    }
    const struct json *extra = extra_tokens(map);
    if (!extra)
        extra = extra_tokens(side->tokenizer_config);
    if (!status)
        status = add_extra(tokenizer, extra, error);
    memory_free(with_id.list);
    return status;
}

/* ---- the parts that the files do not spell out ---- */

static int32_t id_of(const struct assay_tokenizer *tokenizer, const struct named_token *token)
{
    return token->content ? vocabulary_find(&tokenizer->added.names, token->content, token->length)
                          : -1;
}

static assay_status need(const struct named_token named[ATTRIBUTES], enum attribute a,
                         assay_error *error)
{
    if (named[a].content)
        return ASSAY_OK;
    return error_set(error, ASSAY_ERROR_FORMAT, "%s must not be null", attribute_key[a]);
}

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static assay_status write_bert(struct buffer *out, const struct assay_tokenizer *tokenizer,
                               const struct json *config,
                               const struct named_token named[ATTRIBUTES], assay_error *error)
{
    bool lowercase = true, chinese = true, strip = false;
    assay_status status = json_read_boolean(&lowercase, config, "do_lower_case", false, error);
    strip = lowercase;
    if (!status)
        status = json_read_boolean(&chinese, config, "tokenize_chinese_chars", false, error);
    if (!status)
        status = json_read_boolean(&strip, config, "strip_accents", false, error);
    if (!status)
        status = need(named, UNK, error);
    if (!status)
        status = need(named, CLS, error);
    if (!status)
        status = need(named, SEP, error);
    if (status)
        return status;
    struct json_writer writer = {.out = out};
    bool fine =
        buffer_format(out,
                      "{\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,"
                      "\"handle_chinese_chars\":%s,\"strip_accents\":%s,\"lowercase\":%s},"
                      "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
                      "\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"\",%d],"
                      "\"sep\":[\"\",%d]},"
                      "\"decoder\":{\"type\":\"WordPiece\",\"prefix\":\"##\",\"cleanup\":true},"
                      "\"model\":{\"type\":\"WordPiece\",\"continuing_subword_prefix\":\"##\","
                      "\"max_input_chars_per_word\":100,\"unk_token\":",
                      truth(chinese), truth(strip), truth(lowercase), id_of(tokenizer, named + CLS),
                      id_of(tokenizer, named + SEP));
    json_put_string(&writer, named[UNK].content);
    fine = fine && !writer.failed && buffer_append_string(out, "}}");
    return fine ? ASSAY_OK : error_memory(error, 1024);
}

static assay_status write_gpt2_template(struct buffer *out, const struct assay_tokenizer *tokenizer,
                                        const struct json *config,
                                        const struct named_token named[ATTRIBUTES],
                                        assay_error *error)
{
    bool bos = false, eos = false;
    assay_status status = json_read_boolean(&bos, config, "add_bos_token", false, error);
    if (!status)
        status = json_read_boolean(&eos, config, "add_eos_token", false, error);
    if (status)
        return status;
    bos = bos && named[BOS].content;
    eos = eos && named[EOS].content;
    bool fine = buffer_append_string(out, "{\"type\":\"TemplateProcessing\"");
    for (int pair = 0; pair < 2 && fine; pair++) {
        fine = buffer_append_string(out, pair ? ",\"pair\":[" : ",\"single\":[");
        for (int s = 0; s <= pair && fine; s++) {
            fine =
                (!s || buffer_append_string(out, ",")) &&
                (!bos ||
                 buffer_format(out, "{\"SpecialToken\":{\"id\":\"b\",\"type_id\":%d}},", s)) &&
                buffer_format(out, "{\"Sequence\":{\"id\":\"%c\",\"type_id\":%d}}", 'A' + s, s) &&
                (!eos ||
                 buffer_format(out, ",{\"SpecialToken\":{\"id\":\"e\",\"type_id\":%d}}", s));
        }
        fine = fine && buffer_append_string(out, "]");
    }
    fine = fine &&
           buffer_format(out, ",\"special_tokens\":{\"b\":{\"ids\":[%d]},\"e\":{\"ids\":[%d]}}}",
                         id_of(tokenizer, named + BOS), id_of(tokenizer, named + EOS));
    return fine ? ASSAY_OK : error_memory(error, 1024);
}

static assay_status write_byte_level(struct buffer *out, const struct assay_tokenizer *tokenizer,
                                     const struct json *config, enum family family,
                                     const struct named_token named[ATTRIBUTES], assay_error *error)
{
    bool prefix = false, trim = true;
    assay_status status = json_read_boolean(&prefix, config, "add_prefix_space", false, error);
    if (!status)
        status = json_read_boolean(&trim, config, "trim_offsets", false, error);
    if (!status && family == FAMILY_ROBERTA)
        status = need(named, CLS, error);
    if (!status && family == FAMILY_ROBERTA)
        status = need(named, SEP, error);
    if (status)
        return status;
    if (!buffer_format(out,
                       "{\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":%s},"
                       "\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\"},"
                       "\"post_processor\":",
                       truth(prefix)))
        return error_memory(error, 1024);
    if (family == FAMILY_GPT2)
        status = write_gpt2_template(out, tokenizer, config, named, error);
    else if (!buffer_format(out,
                            "{\"type\":\"RobertaProcessing\",\"cls\":[\"\",%d],\"sep\":[\"\",%d],"
                            "\"trim_offsets\":%s,\"add_prefix_space\":%s}",
                            id_of(tokenizer, named + CLS), id_of(tokenizer, named + SEP),
                            truth(trim), truth(prefix)))
        status = error_memory(error, 1024);
    if (!status && !buffer_append_string(out, "}"))
        status = error_memory(error, 1024);
    return status;
}

/* ---- reading ---- */

/* Which of the two byte-level families: by the tokenizer's class, else by the model's type. */
static enum family byte_level_family(const struct side_files *side)
{
    static const char *const classes[] = {"Roberta", "Bart", "Longformer", "LED"};
    static const char *const types[] = {"roberta", "bart", "longformer", "led"};
    const struct json *class = json_member(side->tokenizer_config, "tokenizer_class");
    const struct json *type = json_member(side->config, "model_type");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (json_kind(class) == JSON_STRING) {
            if (!strncmp(json_string(class), classes[i], strlen(classes[i])))
                return FAMILY_ROBERTA;
        } else if (json_kind(type) == JSON_STRING && !strcmp(json_string(type), types[i])) {
            return FAMILY_ROBERTA;
        }
    }
    return FAMILY_GPT2;
}

static assay_status read_all(struct assay_tokenizer *tokenizer, const struct side_files *side,
                             enum family family, const char *vocabulary, const char *merges,
                             assay_error *error)
{
    struct named_token named[ATTRIBUTES];
    struct buffer parts = {0};
    struct json *root = NULL;
    assay_status status = family == FAMILY_BERT
                              ? vocabulary_read_lines(&tokenizer->vocabulary, vocabulary, error)
                              : vocabulary_read_object(&tokenizer->vocabulary, vocabulary, error);
    if (!status)
        status = add_tokens(tokenizer, side, family, named, error);
    if (!status && family == FAMILY_BERT)
        status = write_bert(&parts, tokenizer, side->tokenizer_config, named, error);
    else if (!status)
        status = write_byte_level(&parts, tokenizer, side->tokenizer_config, family, named, error);
    if (!status)
        status = json_parse(&root, parts.bytes, parts.length, NULL, error);
    if (!status)
        status = tokenizer_read_parts(tokenizer, root, error);
    if (status && !tokenizer->vocabulary.limit)
        error_at_file(error, vocabulary);
    if (!status && family != FAMILY_BERT)
        status = bpe_read_merges(&tokenizer->bpe, &tokenizer->vocabulary, merges, error);
    json_free(root);
    buffer_free(&parts);
    return status;
}

assay_status tokenizer_read_vocabulary_files(struct assay_tokenizer *tokenizer, const char *folder,
                                             assay_error *error)
{
    struct side_files side = {0};
    char *lines = path_join(folder, "vocab.txt");
    char *object = path_join(folder, "vocab.json");
    char *merges = path_join(folder, "merges.txt");
    assay_status status = ASSAY_OK;
    if (!lines || !object || !merges)
        status = error_memory(error, strlen(folder) + 16);
    if (!status)
        status = read_side(&side.config, folder, "config.json", error);
    if (!status)
        status = read_side(&side.tokenizer_config, folder, "tokenizer_config.json", error);
    if (!status)
        status = read_side(&side.special_tokens, folder, "special_tokens_map.json", error);
    if (!status)
        status = read_side(&side.added_tokens, folder, "added_tokens.json", error);
    if (!status && file_exists(lines)) {
        status = read_all(tokenizer, &side, FAMILY_BERT, lines, NULL, error);
    } else if (!status && file_exists(object) && file_exists(merges)) {
        status = read_all(tokenizer, &side, byte_level_family(&side), object, merges, error);
    } else if (!status) {
        status = error_set(error, ASSAY_ERROR_NOT_FOUND, "the folder has no tokenizer");
        error_expected(error, "tokenizer.json, vocab.txt, or vocab.json and merges.txt");
    }
    json_free(side.config);
    json_free(side.tokenizer_config);
    json_free(side.special_tokens);
    json_free(side.added_tokens);
    memory_free(lines);
    memory_free(object);
    memory_free(merges);
    return status;
}
