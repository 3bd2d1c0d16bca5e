/* A model's folder beyond its weights: tokenizer, sentence-transformers files, description.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "models/model.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { SMALL_FILE = 1 << 20 };

bool model_folder_has(const char *folder, const char *name)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    return length > 0 && (size_t)length < sizeof path && file_exists(path);
}

/* Parses folder/name when it is there; *json stays NULL when it is not. */
static assay_status read_optional(struct json **json, const char *folder, const char *name,
                                  assay_error *error)
{
    *json = NULL;
    if (!model_folder_has(folder, name))
        return ASSAY_OK;
    char *path = path_join(folder, name);
    if (!path)
        return error_memory(error, strlen(name));
    assay_status status = json_parse_file(json, path, SMALL_FILE, error);
    memory_free(path);
    return status;
}

struct pooling_mode {
    const char *flag, *name;
    enum pooling pooling;
    bool supported;
};

static const struct pooling_mode pooling_modes[] = {
    {"pooling_mode_mean_tokens", "mean", POOL_MEAN, true},
    {"pooling_mode_cls_token", "cls", POOL_FIRST, true},
    {"pooling_mode_lasttoken", "lasttoken", POOL_LAST, true},
    {"pooling_mode_max_tokens", "max", POOL_MEAN, false},
    {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len", POOL_MEAN, false},
    {"pooling_mode_weightedmean_tokens", "weightedmean", POOL_MEAN, false},
};

static void read_pooling(struct embedding_rule *rule, const struct json *json)
{
    const char *named = json_string(json_member(json, "pooling_mode"));
    int chosen = 0;
    for (size_t i = 0; i < sizeof pooling_modes / sizeof *pooling_modes; i++) {
        const struct pooling_mode *mode = &pooling_modes[i];
        if (!json_boolean(json_member(json, mode->flag)) && strcmp(named, mode->name) != 0)
            continue;
        chosen++;
        rule->pooling = mode->pooling;
        if (!mode->supported || chosen > 1)
            snprintf(rule->unsupported, sizeof rule->unsupported, "%s%s", mode->name,
                     chosen > 1 ? " with another" : "");
    }
}

static assay_status read_embedding_rule(assay_model *model, assay_error *error)
{
    struct embedding_rule *rule = &model->embedding;
    *rule = (struct embedding_rule){.pooling = POOL_MEAN, .normalize = true};
    struct json *modules = NULL, *pooling = NULL, *limits = NULL;
    assay_status status = read_optional(&modules, model->folder, "modules.json", error);
    if (status == ASSAY_OK)
        status = read_optional(&pooling, model->folder, "1_Pooling/config.json", error);
    if (status == ASSAY_OK)
        status = read_optional(&limits, model->folder, "sentence_bert_config.json", error);
    if (status == ASSAY_OK && pooling)
        read_pooling(rule, pooling);
    if (status == ASSAY_OK && modules) {
        rule->normalize = false;
        for (size_t i = 0; i < json_count(modules); i++) {
            const char *type = json_string(json_member(json_element(modules, i), "type"));
            rule->normalize |= strstr(type, "Normalize") != NULL;
        }
    }
    int64_t longest = 0;
    if (status == ASSAY_OK && limits)
        status = json_read_integer(&longest, limits, "max_seq_length", 0, INT32_MAX, false, error);
    rule->max_tokens = (int32_t)longest;
    json_free(modules);
    json_free(pooling);
    json_free(limits);
    return status;
}

static assay_status open_tokenizer(assay_model *model, assay_error *error)
{
    static const char *const files[] = {"tokenizer.json", "vocab.txt", "vocab.json"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (model_folder_has(model->folder, files[i]))
            return assay_tokenizer_open(&model->tokenizer, model->folder, error);
    }
    return ASSAY_OK;
}

assay_status model_read_companions(assay_model *model, assay_error *error)
{
    assay_status status = read_embedding_rule(model, error);
    return status == ASSAY_OK ? open_tokenizer(model, error) : status;
}

assay_status assay_model_open(assay_model **out, const char *folder, assay_error *error)
{
    if (!out)
        return error_needs(error, __func__, "out");
    *out = NULL;
    if (!folder)
        return error_needs(error, __func__, "a folder");
    assay_status status = model_open_weights(out, folder, error);
    if (status != ASSAY_OK)
        return status;
    status = model_read_companions(*out, error);
    if (status != ASSAY_OK) {
        assay_model_close(*out);
        *out = NULL;
    }
    return status;
}

void assay_model_get_info(const assay_model *model, assay_model_info *info)
{
    if (!info)
        return;
    *info = (assay_model_info){0};
    if (!model)
        return;
    const struct model_config *config = &model->config;
    *info = (assay_model_info){
        .folder = model->folder,
        .family = config->model_type,
        .architecture = config->architecture,
        .heads = model->heads,
        .tensors = (int64_t)safetensors_count(model->file),
        .layers = (int32_t)config->layers,
        .width = (int32_t)config->width,
        .attention_heads = (int32_t)config->heads,
        .inner_width = (int32_t)config->inner,
        .vocabulary = (int32_t)config->vocabulary,
        .max_tokens = (int32_t)model->family->max_tokens(config),
        .labels = model->heads & ASSAY_HEAD_CLASSIFY ? (int32_t)config->labels : 0,
        .weight_type = "",
    };
    for (size_t i = 0; i < safetensors_count(model->file); i++) {
        const struct safetensors_entry *entry = safetensors_at(model->file, i);
        if (!entry->shared) {
            info->parameters += (int64_t)entry->elements;
            info->file_bytes += (int64_t)entry->bytes;
        }
        if (!dtype_is_float(entry->dtype))
            continue;
        if (!*info->weight_type)
            info->weight_type = entry->type_name;
        else if (strcmp(info->weight_type, entry->type_name) != 0)
            info->weight_type = "mixed";
    }
}

const char *assay_model_label(const assay_model *model, int32_t index)
{
    bool there =
        model && (model->heads & ASSAY_HEAD_CLASSIFY) && index >= 0 && index < model->config.labels;
    return there ? model->config.label_names[index] : NULL;
}

const assay_tokenizer *assay_model_tokenizer(const assay_model *model)
{
    return model ? model->tokenizer : NULL;
}

assay_status assay_model_get_tensor(const assay_model *model, int64_t index,
                                    assay_tensor_info *info)
{
    if (!model || !info || index < 0 || index >= (int64_t)safetensors_count(model->file))
        return ASSAY_ERROR_ARGUMENT;
    const struct safetensors_entry *entry = safetensors_at(model->file, (size_t)index);
    *info = (assay_tensor_info){.name = entry->name,
                                .type = entry->type_name,
                                .rank = entry->rank,
                                .bytes = (int64_t)entry->bytes};
    memcpy(info->shape, entry->shape, sizeof info->shape);
    return ASSAY_OK;
}
