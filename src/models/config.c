#include "models/config.h"

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "models/config_fields.h"
#include "models/family.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const float DEFAULT_SPREAD = 0.02f; /* of new weights, in transformers */

static const struct model_family *const families[] = {&bert_family, &distilbert_family,
                                                      &roberta_family, &gpt2_family};

const struct model_family *model_family_find(const char *model_type)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (!strcmp(families[i]->model_type, model_type))
            return families[i];
    }
    return NULL;
}

static assay_status read_names(struct model_config *config, const struct json *json,
                               assay_error *error)
{
    const char *model_type = NULL, *architecture = "";
    assay_status status = json_read_string(&model_type, json, "model_type", true, error);
    if (status != ASSAY_OK)
        return status;
    const struct json *first = json_element(json_member(json, "architectures"), 0);
    if (json_kind(first) == JSON_STRING)
        architecture = json_string(first);
    config->model_type = memory_copy_string(model_type);
    config->architecture = memory_copy_string(architecture);
    if (!config->model_type || !config->architecture)
        return error_memory(error, strlen(model_type));
    return ASSAY_OK;
}

/* One entry of id2label: {"0": "human", ...}. */
static assay_status read_label(void *context, const char *key, size_t key_length,
                               const struct json *value, assay_error *error)
{
    struct model_config *config = context;
    char *end;
    long index = strtol(key, &end, 10);
    bool bad =
        end == key || *end || strlen(key) != key_length || index < 0 || index >= config->labels;
    if (bad || json_kind(value) != JSON_STRING || config->label_names[index]) {
        error_set(error, ASSAY_ERROR_FORMAT, "id2label is not a list of labels");
        error_at_place(error, "id2label.%s", key);
        error_expected(error, "a name for each of 0 to %lld", (long long)config->labels - 1);
        return ASSAY_ERROR_FORMAT;
    }
    if (json_string_length(value) > MODEL_MAX_LABEL_BYTES)
        return error_set(error, ASSAY_ERROR_LIMIT, "the name of label %ld is too long", index);
    config->label_names[index] = memory_copy_bytes(json_string(value), json_string_length(value));
    return config->label_names[index] ? ASSAY_OK : error_memory(error, json_string_length(value));
}

/* Labels: id2label, else num_labels, else two, as transformers has it. */
static assay_status read_labels(struct model_config *config, const struct json *json,
                                assay_error *error)
{
    const struct json *names = json_member(json, "id2label");
    config->labels = 2;
    if (json_kind(names) == JSON_OBJECT)
        config->labels = (int64_t)json_count(names);
    else if (json_kind(names) != JSON_NULL)
        return error_set(error, ASSAY_ERROR_FORMAT, "id2label must be an object");
    else {
        assay_status status = json_read_integer(&config->labels, json, "num_labels", 1,
                                                MODEL_MAX_LABELS, false, error);
        if (status != ASSAY_OK)
            return status;
    }
    if (config->labels < 1 || config->labels > MODEL_MAX_LABELS)
        return error_set(error, ASSAY_ERROR_LIMIT, "id2label has %lld labels",
                         (long long)config->labels);
    config->label_names =
        memory_allocate_zeroed((size_t)config->labels, sizeof *config->label_names);
    if (!config->label_names)
        return error_memory(error, (size_t)config->labels * sizeof *config->label_names);
    if (names) {
        assay_status status = json_each_member(names, read_label, config, error);
        if (status != ASSAY_OK)
            return status;
    }
    for (int64_t i = 0; i < config->labels; i++) {
        if (config->label_names[i])
            continue;
        char name[32];
        snprintf(name, sizeof name, "LABEL_%lld", (long long)i);
        config->label_names[i] = memory_copy_string(name);
        if (!config->label_names[i])
            return error_memory(error, sizeof name);
    }
    return ASSAY_OK;
}

static assay_status check(const struct model_config *config, assay_error *error)
{
    if (config->width % config->heads) {
        error_set(error, ASSAY_ERROR_FORMAT, "the width does not divide into the attention heads");
        error_expected(error, "a multiple of %lld", (long long)config->heads);
        error_found(error, "%lld", (long long)config->width);
        return ASSAY_ERROR_FORMAT;
    }
    if (!(config->norm_epsilon >= 0.0f && config->norm_epsilon <= 1.0f))
        return error_set(error, ASSAY_ERROR_FORMAT, "the epsilon of layer norms is not sensible");
    return ASSAY_OK;
}

assay_status model_config_read(struct model_config *config, const char *path, assay_error *error)
{
    struct json *json = NULL;
    assay_status status = json_parse_file(&json, path, MODEL_CONFIG_MAX_BYTES, error);
    if (status != ASSAY_OK)
        return status;
    status = read_names(config, json, error);
    if (status != ASSAY_OK)
        goto done;
    const struct model_family *family = model_family_find(config->model_type);
    if (!family) {
        status = error_set(error, ASSAY_ERROR_UNSUPPORTED, "assay does not know this model family");
        error_at_place(error, "model_type");
        error_expected(error, "bert, distilbert, roberta or gpt2");
        error_found(error, "%s", config->model_type);
        goto done;
    }
    const struct rate_field spread = {"initializer_range", &config->initializer_range};
    config->tied_head = true;
    config->initializer_range = DEFAULT_SPREAD;
    config->pad_token = -1;
    status = json_read_boolean(&config->tied_head, json, "tie_word_embeddings", false, error);
    if (status == ASSAY_OK)
        status = json_read_integer(&config->vocabulary, json, "vocab_size", 1, MODEL_MAX_VOCABULARY,
                                   true, error);
    if (status == ASSAY_OK)
        status = json_read_integer(&config->pad_token, json, "pad_token_id", -1,
                                   MODEL_MAX_VOCABULARY, false, error);
    if (status == ASSAY_OK)
        status = config_read_rates(&spread, 1, json, error);
    if (config->initializer_range == 0.0f)
        config->initializer_range = DEFAULT_SPREAD; /* as transformers takes it */
    if (status == ASSAY_OK)
        status = family->configure(config, json, error);
    if (status == ASSAY_OK)
        status = read_labels(config, json, error);
    if (status == ASSAY_OK)
        status = check(config, error);
done:
    json_free(json);
    if (status != ASSAY_OK)
        error_at_file(error, path);
    return status;
}

void model_config_free(struct model_config *config)
{
    if (!config)
        return;
    for (int64_t i = 0; config->label_names && i < config->labels; i++)
        memory_free(config->label_names[i]);
    memory_free(config->label_names);
    memory_free(config->model_type);
    memory_free(config->architecture);
    *config = (struct model_config){0};
}
