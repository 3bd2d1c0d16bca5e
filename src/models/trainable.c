#include "models/trainable.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "models/heads.h"

#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 512 };

/* One opening. */
struct opening {
    assay_model *model;
    const struct model_purpose *purpose;
    struct head_weights head;
    bool prefixed;                /* the checkpoint's own names have the family's prefix */
    bool keep_head;               /* the checkpoint's head is of this task and these labels */
    struct parameter_set *shapes; /* names and shapes of all that might be wanted */
    bool *wanted;                 /* one each */
};

static assay_status refuse_labels(const struct model_purpose *purpose, const char *message,
                                  assay_error *error)
{
    error_set(error, ASSAY_ERROR_ARGUMENT, "%s", message);
    error_found(error, "%lld labels", (long long)purpose->labels);
    return ASSAY_ERROR_ARGUMENT;
}

static assay_status check_names(const struct model_purpose *purpose, assay_error *error)
{
    if (!purpose->label_names)
        return refuse_labels(purpose, "the labels have no names", error);
    for (int64_t i = 0; i < purpose->labels; i++) {
        const char *name = purpose->label_names[i];
        if (!name || !*name || utf8_valid_prefix(name, strlen(name)) != strlen(name))
            return refuse_labels(purpose, "a label's name is empty or not UTF-8", error);
        if (strlen(name) > MODEL_MAX_LABEL_BYTES)
            return refuse_labels(purpose, "a label's name is too long", error);
        for (int64_t j = 0; j < i; j++) {
            if (!strcmp(name, purpose->label_names[j]))
                return refuse_labels(purpose, "two labels have the same name", error);
        }
    }
    return ASSAY_OK;
}

static assay_status check_purpose(const struct model_purpose *purpose, assay_error *error)
{
    switch (purpose->task) {
    case MODEL_TASK_CLASSIFY:
        if (purpose->labels < 2 || purpose->labels > MODEL_MAX_LABELS)
            return refuse_labels(purpose, "a classifier needs at least two labels", error);
        return check_names(purpose, error);
    case MODEL_TASK_REGRESS:
        if (purpose->labels != 1 || purpose->label_names)
            return refuse_labels(purpose, "a regression has one label without a name", error);
        return ASSAY_OK;
    case MODEL_TASK_CAUSAL_LM:
    case MODEL_TASK_MASKED_LM:
        return ASSAY_OK;
    }
    return error_set(error, ASSAY_ERROR_ARGUMENT, "unknown task of a model");
}

static bool has_labels(const struct model_purpose *purpose)
{
    return purpose->task == MODEL_TASK_CLASSIFY || purpose->task == MODEL_TASK_REGRESS;
}

static assay_status choose_rule(struct opening *opening, assay_error *error)
{
    assay_model *model = opening->model;
    const struct model_family *family = model->family;
    enum model_task task = opening->purpose->task;
    if (has_labels(opening->purpose)) {
        model->rule = (struct model_rule){
            &family->classify_head, ASSAY_HEAD_CLASSIFY,
            task == MODEL_TASK_CLASSIFY ? "single_label_classification" : "regression"};
    } else if (family->causal == (task == MODEL_TASK_CAUSAL_LM)) {
        model->rule =
            (struct model_rule){&family->language_head,
                                family->causal ? ASSAY_HEAD_CAUSAL_LM : ASSAY_HEAD_MASKED_LM, NULL};
    } else {
        error_set(error, ASSAY_ERROR_UNSUPPORTED, "this family is not made for the task");
        error_at_file(error, model->folder);
        error_expected(error,
                       family->causal ? "causal language modelling" : "masked language modelling");
        error_found(error, "%s", family->model_type);
        return ASSAY_ERROR_UNSUPPORTED;
    }
    model->heads = model->rule.head_bit;
    model->prefix = family->prefix;
    return ASSAY_OK;
}

/* What transformers calls label `index` when nobody named it. */
static void generic_label(char *name, size_t size, int64_t index)
{
    snprintf(name, size, "LABEL_%lld", (long long)index);
}

static bool has_entry(const struct opening *opening, const char *prefix, const char *name)
{
    char whole[NAME_SIZE];
    int length = snprintf(whole, sizeof whole, "%s%s", prefix, name);
    return length < (int)sizeof whole && safetensors_find(opening->model->file, whole);
}

/* May the checkpoint's head, where it has one, be kept? Heads that choose among tokens or answers
 * have a "classifier" too, so the architecture has to agree. */
static bool head_fits(const struct opening *opening)
{
    const struct model_config *config = &opening->model->config;
    const struct model_head *head = opening->model->rule.head;
    const char *const *names = opening->purpose->label_names;
    if (!has_labels(opening->purpose))
        return true;
    if (*config->architecture && strcmp(config->architecture, head->architecture) != 0)
        return false;
    if (config->labels != opening->purpose->labels)
        return false;
    bool generic = true, same = true;
    for (int64_t i = 0; i < config->labels; i++) {
        char name[32];
        generic_label(name, sizeof name, i);
        generic &= !strcmp(config->label_names[i], name);
        same &= !names || !strcmp(config->label_names[i], names[i]);
    }
    return generic || same;
}

/* The config now speaks of the model that is to be. */
static assay_status change_config(struct opening *opening, assay_error *error)
{
    struct model_config *config = &opening->model->config;
    const struct model_purpose *purpose = opening->purpose;
    char *architecture = memory_copy_string(opening->model->rule.head->architecture);
    if (!architecture)
        return error_memory(error, NAME_SIZE);
    memory_free(config->architecture);
    config->architecture = architecture;
    if (!has_labels(purpose))
        return ASSAY_OK;
    size_t count = (size_t)purpose->labels;
    char **names = memory_allocate_zeroed(count, sizeof *names);
    if (!names)
        return error_memory(error, count * sizeof *names);
    for (int64_t i = 0; i < config->labels; i++)
        memory_free(config->label_names[i]);
    memory_free(config->label_names);
    config->label_names = names;
    config->labels = purpose->labels;
    for (int64_t i = 0; i < purpose->labels; i++) {
        char generic[32];
        generic_label(generic, sizeof generic, i);
        names[i] = memory_copy_string(purpose->label_names ? purpose->label_names[i] : generic);
        if (!names[i])
            return error_memory(error, sizeof generic);
    }
    return ASSAY_OK;
}

/* What the tensor is called in the model that is to be; NULL: it has no place there. */
static const char *name_of(const struct opening *opening, const struct safetensors_entry *entry,
                           char room[NAME_SIZE])
{
    char modern_room[NAME_SIZE];
    if (!dtype_is_float(entry->dtype))
        return NULL;
    const char *name = model_modern_name(modern_room, sizeof modern_room, entry->name);
    const struct head_weight *of_head = head_find_weight(&opening->head, name);
    bool apart = of_head && !of_head->in_body;
    if (apart && !opening->keep_head)
        return NULL;
    const char *prefix = apart || opening->prefixed ? "" : opening->model->prefix;
    return snprintf(room, NAME_SIZE, "%s%s", prefix, name) < NAME_SIZE ? room : NULL;
}

/* Tensors of the head that no product reads yet have to fit, too. */
static assay_status check_head_shape(const struct opening *opening, const char *name,
                                     const struct safetensors_entry *entry, assay_error *error)
{
    const struct head_weight *weight = head_find_weight(&opening->head, name);
    if (!weight ||
        (entry->rank == weight->rank &&
         !memcmp(entry->shape, weight->shape, (size_t)weight->rank * sizeof *weight->shape)))
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_SHAPE, "the head's tensor has another shape than the config says");
    error_at_place(error, "%s", name);
    if (weight->rank == 2)
        error_expected(error, "(%lld, %lld)", (long long)weight->shape[0],
                       (long long)weight->shape[1]);
    else
        error_expected(error, "(%lld)", (long long)weight->shape[0]);
    error_at_file(error, safetensors_file_path(opening->model->file, entry->file));
    return ASSAY_ERROR_SHAPE;
}

static void mark_wanted(void *context, const struct node *last)
{
    struct opening *opening = context;
    int64_t count = parameter_set_count(opening->shapes);
    for (const struct node *node = last; node; node = node->previous) {
        for (int input = 0; input < node->input_count; input++) {
            const struct value *value = node->inputs[input];
            for (int64_t i = 0; value && value->parameter && i < count; i++)
                opening->wanted[i] |= parameter_set_get(opening->shapes, i) == value->parameter;
        }
    }
}

/* A first pass over names and shapes alone: the forward functions tell which tensors they read, so
 * that what only another head, or nobody, reads is left out. */
static assay_status find_wanted(struct opening *opening, assay_error *error)
{
    const struct safetensors *file = opening->model->file;
    size_t room = safetensors_count(file) + HEAD_MAX_WEIGHTS;
    opening->wanted = memory_allocate_zeroed(room, sizeof *opening->wanted);
    if (!opening->wanted)
        return error_memory(error, room);
    assay_status status = parameter_set_open(&opening->shapes, error);
    for (size_t i = 0; status == ASSAY_OK && i < safetensors_count(file); i++) {
        const struct safetensors_entry *entry = safetensors_at(file, i);
        char name_room[NAME_SIZE];
        const char *name = name_of(opening, entry, name_room);
        if (!name)
            continue;
        status = check_head_shape(opening, name, entry, error);
        if (status == ASSAY_OK)
            status =
                parameter_set_add(opening->shapes, name, entry->rank, entry->shape, NULL, error);
        if (status != ASSAY_OK)
            error_at_file(error, safetensors_file_path(file, entry->file));
    }
    for (int i = 0; status == ASSAY_OK && i < opening->head.count; i++) {
        const struct head_weight *weight = &opening->head.items[i];
        if (!parameter_set_find(opening->shapes, weight->name))
            status = parameter_set_add(opening->shapes, weight->name, weight->rank, weight->shape,
                                       NULL, error);
    }
    if (status == ASSAY_OK)
        status = model_trace(opening->model, opening->shapes, mark_wanted, opening, error);
    return status;
}

static assay_status add_drawn(struct opening *opening, const struct head_weight *weight,
                              assay_error *error)
{
    assay_model *model = opening->model;
    size_t count = (size_t)weight->shape[0];
    if (weight->rank == 2 && !checked_multiply(&count, count, (size_t)weight->shape[1]))
        return error_memory(error, SIZE_MAX);
    float *values = memory_allocate_aligned(count, sizeof *values);
    if (!values)
        return error_memory(error, count * sizeof *values);
    head_draw_weight(values, weight, &model->config, opening->purpose->seed);
    struct weight_source *source = &model->sources[parameter_set_count(model->parameters)];
    assay_status status = parameter_set_add(model->parameters, weight->name, weight->rank,
                                            weight->shape, values, error);
    if (status == ASSAY_OK)
        source->values = values;
    else
        memory_free(values);
    return status;
}

/* The second pass: the file's tensors in its order, then what has to be made. */
static assay_status add_wanted(struct opening *opening, assay_error *error)
{
    assay_model *model = opening->model;
    size_t count = safetensors_count(model->file);
    assay_status status = model_expect_weights(model, count + HEAD_MAX_WEIGHTS, error);
    int64_t number = 0;
    for (size_t i = 0; status == ASSAY_OK && i < count; i++) {
        const struct safetensors_entry *entry = safetensors_at(model->file, i);
        char room[NAME_SIZE];
        const char *name = name_of(opening, entry, room);
        if (name && (opening->wanted[number++] || head_find_weight(&opening->head, name)))
            status = model_add_weight(model, name, entry, error);
    }
    for (int i = 0; status == ASSAY_OK && i < opening->head.count; i++) {
        if (!parameter_set_find(model->parameters, opening->head.items[i].name))
            status = add_drawn(opening, &opening->head.items[i], error);
    }
    return status;
}

assay_status model_open_trainable(assay_model **out, const char *folder,
                                  const struct model_purpose *purpose, assay_error *error)
{
    struct opening opening = {.purpose = purpose};
    *out = NULL;
    assay_status status = check_purpose(purpose, error);
    if (status == ASSAY_OK)
        status = model_open_files(&opening.model, folder, error);
    if (status != ASSAY_OK)
        return status;
    assay_model *model = opening.model;
    status = choose_rule(&opening, error);
    if (status == ASSAY_OK) {
        opening.prefixed = has_entry(&opening, model->prefix, model->family->embedding_tensor);
        opening.keep_head = head_fits(&opening);
        status = change_config(&opening, error);
    }
    if (status == ASSAY_OK) {
        head_list_weights(&opening.head, model->rule.head, &model->config, model->prefix);
        status = find_wanted(&opening, error);
    }
    if (status == ASSAY_OK)
        status = add_wanted(&opening, error);
    if (status == ASSAY_OK)
        status = model_read_companions(model, error);
    parameter_set_close(opening.shapes);
    memory_free(opening.wanted);
    if (status == ASSAY_OK)
        *out = model;
    else
        assay_model_close(model);
    return status;
}

bool model_weight_is_new(const assay_model *model, const char *name)
{
    const struct parameter *parameter = parameter_set_find(model->parameters, name);
    int64_t index = parameter ? model_weight_index(model, parameter) : -1;
    return index >= 0 && !model->sources[index].entry;
}

bool model_weight_is_of_head(const assay_model *model, const char *name)
{
    return strncmp(name, model->prefix, strlen(model->prefix)) != 0;
}

void model_release_read_weights(assay_model *model)
{
    for (int64_t i = 0; i < parameter_set_count(model->parameters); i++) {
        struct weight_source *source = &model->sources[i];
        if (!parameter_set_get(model->parameters, i)->trained)
            continue;
        if (source->entry)
            safetensors_drop(model->file, source->entry);
        memory_free(source->values);
        source->values = NULL;
    }
}
