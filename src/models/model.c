#include "models/model.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "models/heads.h"
#include "models/weight_files.h"

#include <math.h>
#include <string.h>

static assay_status read_config(assay_model *model, assay_error *error)
{
    char *path = path_join(model->folder, "config.json");
    if (!path)
        return error_memory(error, strlen(model->folder));
    assay_status status = model_config_read(&model->config, path, error);
    memory_free(path);
    if (status == ASSAY_OK)
        model->family = model_family_find(model->config.model_type);
    return status;
}

/* Checkpoints converted from TensorFlow call a norm's weight gamma and its bias beta. */
const char *model_modern_name(char *room, size_t size, const char *name)
{
    static const char *const old[] = {".gamma", ".beta"}, *const now[] = {".weight", ".bias"};
    size_t length = strlen(name);
    for (int i = 0; i < 2; i++) {
        size_t end = strlen(old[i]);
        if (length > end && length - end + strlen(now[i]) < size &&
            !strcmp(name + length - end, old[i])) {
            memcpy(room, name, length - end);
            strcpy(room + length - end, now[i]);
            return room;
        }
    }
    return name;
}

static assay_status convert(assay_model *model, float **out, const struct safetensors_entry *entry,
                            assay_error *error)
{
    float *values = memory_allocate_aligned(entry->elements, sizeof *values);
    if (!values)
        return error_memory(error, entry->elements * sizeof *values);
    *out = values;
    assay_status status =
        safetensors_read_floats(values, model->file, entry, 0, entry->elements, error);
    safetensors_drop(model->file, entry);
    return status;
}

int64_t model_weight_index(const assay_model *model, const struct parameter *parameter)
{
    int64_t index = parameter_set_count(model->parameters) - 1;
    while (index >= 0 && parameter_set_get(model->parameters, index) != parameter)
        index--;
    return index;
}

/* A weight went into its packed copy: its pages in the file are not needed again soon. */
static void weight_packed(void *context, const struct parameter *parameter)
{
    const assay_model *model = context;
    int64_t index = model_weight_index(model, parameter);
    const struct safetensors_entry *entry = index < 0 ? NULL : model->sources[index].entry;
    if (entry && entry->data == parameter->tensor.data)
        safetensors_drop(model->file, entry);
}

assay_status model_expect_weights(assay_model *model, size_t count, assay_error *error)
{
    model->sources = memory_allocate_zeroed(count, sizeof *model->sources);
    if (!model->sources)
        return error_memory(error, count * sizeof *model->sources);
    assay_status status = parameter_set_open(&model->parameters, error);
    if (status == ASSAY_OK)
        parameter_set_on_packed(model->parameters, weight_packed, model);
    return status;
}

assay_status model_add_weight(assay_model *model, const char *name,
                              const struct safetensors_entry *entry, assay_error *error)
{
    struct weight_source *source = &model->sources[parameter_set_count(model->parameters)];
    const float *data = entry->data;
    assay_status status = ASSAY_OK;
    if (entry->dtype != DTYPE_F32 || !entry->aligned) {
        status = convert(model, &source->values, entry, error);
        data = source->values;
    }
    if (status == ASSAY_OK)
        status = parameter_set_add(model->parameters, name, entry->rank, entry->shape, data, error);
    if (status == ASSAY_OK) {
        source->entry = entry;
        return ASSAY_OK;
    }
    memory_free(source->values);
    source->values = NULL;
    error_at_file(error, safetensors_file_path(model->file, entry->file));
    return status;
}

static assay_status add_weights(assay_model *model, assay_error *error)
{
    size_t count = safetensors_count(model->file);
    assay_status status = model_expect_weights(model, count, error);
    for (size_t i = 0; status == ASSAY_OK && i < count; i++) {
        const struct safetensors_entry *entry = safetensors_at(model->file, i);
        char room[512];
        if (dtype_is_float(entry->dtype)) /* others, such as position ids, are only saved again */
            status = model_add_weight(model, model_modern_name(room, sizeof room, entry->name),
                                      entry, error);
    }
    return status;
}

static bool has_tensor(const assay_model *model, const char *prefix, const char *name)
{
    char whole[256];
    size_t length = strlen(prefix);
    if (length + strlen(name) >= sizeof whole)
        return false;
    memcpy(whole, prefix, length);
    strcpy(whole + length, name);
    return parameter_set_find(model->parameters, whole) != NULL;
}

static bool has_head(const assay_model *model, const struct model_head *head)
{
    char name[HEAD_NAME_SIZE];
    head_telling_name(name, head);
    return has_tensor(model, "", name);
}

static void find_heads(assay_model *model)
{
    const struct model_family *family = model->family;
    bool prefixed = has_tensor(model, family->prefix, family->embedding_tensor);
    model->prefix = prefixed ? family->prefix : "";
    if (has_head(model, &family->classify_head))
        model->heads |= ASSAY_HEAD_CLASSIFY;
    if (!family->causal && has_head(model, &family->language_head))
        model->heads |= ASSAY_HEAD_MASKED_LM;
    if (family->causal && !(model->heads & ASSAY_HEAD_CLASSIFY))
        model->heads |= ASSAY_HEAD_CAUSAL_LM;
}

assay_status model_trace(const assay_model *model, struct parameter_set *set,
                         void (*look)(void *context, const struct node *last), void *context,
                         assay_error *error)
{
    static const int32_t offsets[] = {0, 1};
    struct graph *graph = NULL;
    assay_status status = graph_open(&graph, error);
    if (status != ASSAY_OK)
        return status;
    struct graph_options options = {.device = DEVICE_SHAPES, .parameters = set};
    graph_reset(graph, &options);
    struct text_batch batch = {.rows = {.rows = 1, .tokens = 1, .longest = 1, .offsets = offsets}};
    batch.pooled = batch.rows;
    struct value *hidden = model_forward(model, graph, &batch, MODEL_HIDDEN, false), *last = hidden;
    if (model->heads & ASSAY_HEAD_CLASSIFY)
        last = model_forward(model, graph, &batch, MODEL_CLASSIFY, false);
    if (model->heads & (ASSAY_HEAD_MASKED_LM | ASSAY_HEAD_CAUSAL_LM)) {
        struct value *scores[SCORE_COUNT] = {NULL};
        struct vocabulary_options head = {.scoring =
                                              model_language_head(model, graph, &batch, hidden),
                                          .scores = 1u << SCORE_ENTROPY};
        op_vocabulary(graph, "head", &head, scores);
        last = scores[SCORE_ENTROPY];
    }
    status = graph_plan(graph, NULL, error);
    if (status == ASSAY_OK && look)
        look(context, last->producer);
    graph_close(graph);
    if (status != ASSAY_OK)
        error_at_file(error, safetensors_file_path(model->file, 0));
    return status;
}

assay_status model_open_files(assay_model **out, const char *folder, assay_error *error)
{
    *out = NULL;
    if (!file_is_folder(folder)) {
        error_set(error, ASSAY_ERROR_NOT_FOUND, "there is no such model folder");
        error_at_file(error, folder);
        return ASSAY_ERROR_NOT_FOUND;
    }
    assay_model *model = memory_allocate_zeroed(1, sizeof *model);
    if (!model)
        return error_memory(error, sizeof *model);
    atomic_store(&model->references, 1);
    model->folder = memory_copy_string(folder);
    assay_status status = model->folder ? ASSAY_OK : error_memory(error, strlen(folder));
    if (status == ASSAY_OK)
        status = read_config(model, error);
    if (status == ASSAY_OK)
        status = weight_files_open(&model->file, folder, error);
    if (status != ASSAY_OK) {
        assay_model_close(model);
        return status;
    }
    *out = model;
    return ASSAY_OK;
}

assay_status model_open_weights(assay_model **out, const char *folder, assay_error *error)
{
    assay_status status = model_open_files(out, folder, error);
    if (status != ASSAY_OK)
        return status;
    status = add_weights(*out, error);
    if (status == ASSAY_OK) {
        find_heads(*out);
        status = model_trace(*out, (*out)->parameters, NULL, NULL, error);
    }
    if (status != ASSAY_OK) {
        assay_model_close(*out);
        *out = NULL;
    }
    return status;
}

void assay_model_retain(assay_model *model)
{
    if (model)
        atomic_fetch_add(&model->references, 1);
}

void assay_model_close(assay_model *model)
{
    if (!model || atomic_fetch_sub(&model->references, 1) > 1)
        return;
    assay_tokenizer_close(model->tokenizer);
    for (int64_t i = 0; model->parameters && i < parameter_set_count(model->parameters); i++)
        memory_free(model->sources[i].values);
    parameter_set_close(model->parameters);
    memory_free(model->sources);
    safetensors_close(model->file);
    model_config_free(&model->config);
    memory_free(model->folder);
    memory_free(model);
}

static struct model_view view_of(const assay_model *model, struct graph *graph,
                                 const struct text_batch *batch, bool with_pooler)
{
    return (struct model_view){graph, &model->config, model->prefix, batch, with_pooler};
}

struct value *model_forward(const assay_model *model, struct graph *graph,
                            const struct text_batch *batch, enum model_output output,
                            bool with_pooler)
{
    struct model_view view = view_of(model, graph, batch, with_pooler);
    struct value *hidden = model->family->body(&view);
    if (output == MODEL_CLASSIFY)
        return model->family->classify(&view, hidden);
    if (output == MODEL_HIDDEN)
        return hidden;
    struct value *pooled = op_pool(graph, model->embedding.pooling, hidden, &batch->rows);
    return model->embedding.normalize ? op_normalize(graph, pooled) : pooled;
}

struct vocabulary_head model_language_head(const assay_model *model, struct graph *graph,
                                           const struct text_batch *batch, struct value *hidden)
{
    struct model_view view = view_of(model, graph, batch, false);
    return model->family->language(&view, hidden);
}

assay_status model_blame_weights(const assay_model *model, const char *what, assay_error *error)
{
    for (int64_t i = 0; i < parameter_set_count(model->parameters); i++) {
        const struct parameter *parameter = parameter_set_get(model->parameters, i);
        const float *values = parameter->tensor.data;
        int64_t count = tensor_count(&parameter->tensor);
        for (int64_t j = 0; j < count; j++) {
            if (isfinite(values[j]))
                continue;
            error_set(error, ASSAY_ERROR_NUMERIC,
                      "the weight's element %lld is not a finite number", (long long)j);
            error_at_place(error, "%s", parameter->name);
            error_found(error, "%g", (double)values[j]);
            error_at_file(error, safetensors_file_path(model->file, 0));
            return ASSAY_ERROR_NUMERIC;
        }
    }
    error_set(error, ASSAY_ERROR_NUMERIC, "%s overflowed to a value that is not finite", what);
    error_at_file(error, model->folder);
    return ASSAY_ERROR_NUMERIC;
}

assay_status model_check_rows(const assay_model *model, const int32_t *ids, const int32_t *types,
                              const int32_t *offsets, int64_t rows, assay_error *error)
{
    int64_t longest = model->family->max_tokens(&model->config);
    for (int64_t row = 0; row < rows; row++) {
        int64_t tokens = (int64_t)offsets[row + 1] - offsets[row];
        if (tokens < 1 || tokens > longest) {
            error_set(error, ASSAY_ERROR_LIMIT,
                      tokens < 1 ? "the row has no tokens"
                                 : "the row is longer than the model takes");
            error_expected(error, "1 to %lld tokens", (long long)longest);
            error_found(error, "%lld", (long long)tokens);
            error_at_row(error, row + 1, 0);
            return ASSAY_ERROR_LIMIT;
        }
        for (int64_t i = offsets[row]; i < offsets[row + 1]; i++) {
            bool bad_id = ids[i] < 0 || ids[i] >= model->config.vocabulary;
            bool bad_type =
                types && model->config.types && (types[i] < 0 || types[i] >= model->config.types);
            if (!bad_id && !bad_type)
                continue;
            error_set(error, ASSAY_ERROR_ARGUMENT,
                      bad_id ? "a token id is outside the model's vocabulary"
                             : "a token type is outside the model's table");
            error_expected(error, "0 to %lld",
                           (long long)(bad_id ? model->config.vocabulary : model->config.types) -
                               1);
            error_found(error, "%d", bad_id ? ids[i] : types[i]);
            error_at_row(error, row + 1, i - offsets[row] + 1);
            return ASSAY_ERROR_ARGUMENT;
        }
    }
    return ASSAY_OK;
}
