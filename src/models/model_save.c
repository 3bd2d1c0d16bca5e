/* Writing a model's folder: as it was read, or as it was trained. */
#include "base/error.h"
#include "base/file_group.h"
#include "base/memory.h"
#include "models/safetensors_writer.h"
#include "models/trainable.h"
#include "models/trained_config.h"

#include <string.h>
#include <unistd.h>

enum { LARGE_FILE = 1 << 28 };

/* Files that travel with a model byte for byte. */
struct companion {
    const char *name;
    bool of_tokenizer; /* holds for a model that was trained, too */
};

static const struct companion companions[] = {
    {"config.json", false},
    {"tokenizer.json", true},
    {"tokenizer_config.json", true},
    {"special_tokens_map.json", true},
    {"added_tokens.json", true},
    {"vocab.txt", true},
    {"vocab.json", true},
    {"merges.txt", true},
    {"generation_config.json", false},
    {"modules.json", false},
    {"sentence_bert_config.json", false},
    {"config_sentence_transformers.json", false},
    {"1_Pooling/config.json", false},
    {"detector.json", false},
};

static assay_status copy_file(struct file_group *group, const char *from_folder,
                              const char *to_folder, const char *name, assay_error *error)
{
    struct buffer contents = {0};
    char *from = path_join(from_folder, name), *to = path_join(to_folder, name);
    assay_status status = from && to ? ASSAY_OK : error_memory(error, strlen(name));
    if (status == ASSAY_OK && strchr(name, '/')) {
        char *slash = strrchr(to, '/');
        *slash = '\0';
        status = folder_create(to, error);
        *slash = '/';
    }
    if (status == ASSAY_OK)
        status = file_read(&contents, from, LARGE_FILE, error);
    if (status == ASSAY_OK)
        status = file_group_add_whole(group, to, contents.bytes, contents.length, error);
    buffer_free(&contents);
    memory_free(from);
    memory_free(to);
    return status;
}

static assay_status copy_companions(const assay_model *model, struct file_group *group,
                                    const char *folder, bool trained, assay_error *error)
{
    assay_status status = ASSAY_OK;
    for (size_t i = 0; status == ASSAY_OK && i < sizeof companions / sizeof *companions; i++) {
        const struct companion *companion = &companions[i];
        if ((!trained || companion->of_tokenizer) &&
            model_folder_has(model->folder, companion->name))
            status = copy_file(group, model->folder, folder, companion->name, error);
    }
    return status;
}

static assay_status write_weights(const assay_model *model, struct file_group *group,
                                  const char *folder, const struct safetensors_item *items,
                                  size_t count, assay_error *error)
{
    struct file_writer *writer;
    char *path = path_join(folder, "model.safetensors");
    if (!path)
        return error_memory(error, strlen(folder));
    assay_status status = file_group_add(group, &writer, path, error);
    if (status == ASSAY_OK)
        status = safetensors_write_into(writer, path, items, count, error);
    /* Pages that vanished while they were written read as zeros: the copy is then worthless. */
    if (status == ASSAY_OK)
        status = safetensors_check(model->file, error);
    memory_free(path);
    return status;
}

static assay_status save_read_weights(const assay_model *model, struct file_group *group,
                                      const char *folder, assay_error *error)
{
    size_t count = safetensors_count(model->file);
    struct safetensors_item *items = memory_allocate_zeroed(count, sizeof *items);
    if (!items)
        return error_memory(error, count * sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = safetensors_item_of(safetensors_at(model->file, i));
    assay_status status = write_weights(model, group, folder, items, count, error);
    memory_free(items);
    return status;
}

assay_status assay_model_save(const assay_model *model, const char *folder, assay_error *error)
{
    if (!model || !folder)
        return error_needs(error, __func__, "a model and a folder");
    struct file_group group = {0};
    bool made_folder = !file_is_folder(folder);
    char *pooling = path_join(folder, "1_Pooling");
    assay_status status =
        pooling ? folder_create(folder, error) : error_memory(error, strlen(folder));
    if (status == ASSAY_OK)
        status = save_read_weights(model, &group, folder, error);
    if (status == ASSAY_OK)
        status = copy_companions(model, &group, folder, false, error);
    if (status == ASSAY_OK)
        status = file_group_commit(&group, error);
    file_group_close(&group);
    if (status != ASSAY_OK && made_folder && pooling) { /* only when nothing is in them */
        (void)rmdir(pooling);
        (void)rmdir(folder);
    }
    memory_free(pooling);
    return status;
}

static assay_status save_current_weights(const assay_model *model, struct file_group *group,
                                         const char *folder, assay_error *error)
{
    size_t count = (size_t)parameter_set_count(model->parameters);
    struct safetensors_item *items = memory_allocate_zeroed(count, sizeof *items);
    if (!items)
        return error_memory(error, count * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        const struct parameter *parameter = parameter_set_get(model->parameters, (int64_t)i);
        items[i] = (struct safetensors_item){.name = parameter->name,
                                             .dtype = DTYPE_F32,
                                             .rank = parameter->tensor.rank,
                                             .data = parameter->tensor.data};
        memcpy(items[i].shape, parameter->tensor.shape, sizeof parameter->tensor.shape);
    }
    assay_status status = write_weights(model, group, folder, items, count, error);
    memory_free(items);
    return status;
}

static assay_status save_config(const assay_model *model, struct file_group *group,
                                const char *folder, assay_error *error)
{
    struct buffer text = {0};
    char *from = path_join(model->folder, "config.json"), *to = path_join(folder, "config.json");
    assay_status status = from && to ? ASSAY_OK : error_memory(error, strlen(folder));
    if (status == ASSAY_OK)
        status = trained_config_write(&text, model, from, error);
    if (status == ASSAY_OK)
        status = file_group_add_whole(group, to, text.bytes, text.length, error);
    buffer_free(&text);
    memory_free(from);
    memory_free(to);
    return status;
}

assay_status model_add_trained(const assay_model *model, struct file_group *group,
                               const char *folder, assay_error *error)
{
    if (!model->rule.head) {
        error_set(error, ASSAY_ERROR_ARGUMENT, "the model was not opened to be trained");
        error_at_file(error, model->folder);
        return ASSAY_ERROR_ARGUMENT;
    }
    assay_status status = folder_create(folder, error);
    if (status == ASSAY_OK)
        status = save_current_weights(model, group, folder, error);
    if (status == ASSAY_OK)
        status = save_config(model, group, folder, error);
    return status == ASSAY_OK ? copy_companions(model, group, folder, true, error) : status;
}

assay_status model_save_trained(const assay_model *model, const char *folder, assay_error *error)
{
    struct file_group group = {0};
    assay_status status = model_add_trained(model, &group, folder, error);
    if (status == ASSAY_OK)
        status = file_group_commit(&group, error);
    file_group_close(&group);
    return status;
}
