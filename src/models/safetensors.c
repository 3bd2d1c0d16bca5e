#include "models/safetensors_internal.h"

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_INDEX_BYTES = 100 << 20 };

static const char SINGLE_FILE[] = "model.safetensors";
static const char INDEX_FILE[] = "model.safetensors.index.json";

static int compare_names(const void *left, const void *right)
{
    const struct safetensors_entry *a = *(const struct safetensors_entry *const *)left;
    const struct safetensors_entry *b = *(const struct safetensors_entry *const *)right;
    return strcmp(a->name, b->name);
}

static assay_status sort_names(struct safetensors *out, assay_error *error)
{
    out->sorted = memory_allocate(out->entry_count, sizeof *out->sorted);
    if (!out->sorted)
        return error_memory(error, out->entry_count * sizeof *out->sorted);
    for (size_t i = 0; i < out->entry_count; i++)
        out->sorted[i] = &out->entries[i];
    qsort(out->sorted, out->entry_count, sizeof *out->sorted, compare_names);
    for (size_t i = 1; i < out->entry_count; i++) {
        if (strcmp(out->sorted[i - 1]->name, out->sorted[i]->name) != 0)
            continue;
        bool same = out->sorted[i]->file == out->sorted[i - 1]->file;
        safetensors_refuse(safetensors_file_path(out, out->sorted[i]->file), out->sorted[i]->name,
                           error, ASSAY_ERROR_FORMAT,
                           same ? "the tensor stands in the file twice"
                                : "the tensor stands in two shards");
        if (!same)
            error_found(error, "%s", safetensors_file_path(out, out->sorted[i - 1]->file));
        return ASSAY_ERROR_FORMAT;
    }
    return ASSAY_OK;
}

assay_status safetensors_map_file(struct safetensors *out, const struct mapped_file **file,
                                  const char *path, assay_error *error)
{
    struct mapped_file **grown = memory_resize(out->files, out->file_count + 1, sizeof *out->files);
    if (!grown)
        return error_memory(error, sizeof *grown);
    out->files = grown;
    assay_status status = mapped_file_open(&out->files[out->file_count], path, error);
    if (!status)
        *file = out->files[out->file_count++];
    return status;
}

struct shards {
    struct safetensors *out;
    safetensors_reader *reader;
    const char *folder;
    const char *index_path;
    const char *names[SAFETENSORS_MAX_SHARDS]; /* strings of the index */
    size_t count;
};

static assay_status visit_shard(void *context, const char *key, size_t key_length,
                                const struct json *value, assay_error *error)
{
    struct shards *shards = context;
    const char *name = json_string(value);
    (void)key_length;
    if (json_kind(value) != JSON_STRING || !*name || strlen(name) != json_string_length(value) ||
        strchr(name, '/') || strchr(name, '\\') || strcmp(name, "..") == 0 ||
        strcmp(name, ".") == 0) {
        safetensors_refuse(shards->index_path, key, error, ASSAY_ERROR_FORMAT,
                           "a shard must be a file in the folder of the index");
        error_expected(error, "a file name without folders");
        error_found(error, "%s", json_kind(value) == JSON_STRING ? name : "no string");
        return ASSAY_ERROR_FORMAT;
    }
    for (size_t i = 0; i < shards->count; i++) {
        if (strcmp(shards->names[i], name) == 0)
            return ASSAY_OK;
    }
    if (shards->count == SAFETENSORS_MAX_SHARDS) {
        safetensors_refuse(shards->index_path, NULL, error, ASSAY_ERROR_LIMIT, "too many shards");
        error_expected(error, "at most %d", SAFETENSORS_MAX_SHARDS);
        return ASSAY_ERROR_LIMIT;
    }
    shards->names[shards->count++] = name;
    char *path = path_join(shards->folder, name);
    if (!path)
        return error_memory(error, strlen(name));
    assay_status status = shards->reader(shards->out, path, error);
    memory_free(path);
    return status;
}

static assay_status visit_promised(void *context, const char *key, size_t key_length,
                                   const struct json *value, assay_error *error)
{
    struct shards *shards = context;
    const struct safetensors_entry *entry = safetensors_find(shards->out, key);
    (void)key_length;
    if (entry && strcmp(shards->names[entry->file], json_string(value)) == 0)
        return ASSAY_OK;
    safetensors_refuse(shards->index_path, key, error, ASSAY_ERROR_FORMAT,
                       "the index names a tensor that its shard does not hold");
    error_expected(error, "it in %s", json_string(value));
    if (entry)
        error_found(error, "it in %s", shards->names[entry->file]);
    return ASSAY_ERROR_FORMAT;
}

static assay_status add_shards(struct safetensors *out, const char *folder, const char *index_path,
                               safetensors_reader *reader, assay_error *error)
{
    struct json *root;
    struct shards shards = {
        .out = out, .reader = reader, .folder = folder, .index_path = index_path};
    assay_status status = json_parse_file(&root, index_path, MAX_INDEX_BYTES, error);
    if (status)
        return status;
    const struct json *map = json_member(root, "weight_map");
    if (json_kind(map) != JSON_OBJECT || json_count(map) == 0) {
        status = safetensors_refuse(index_path, "weight_map", error, ASSAY_ERROR_FORMAT,
                                    "the index does not say where tensors are");
        error_expected(error, "an object from tensor to shard");
        goto cleanup;
    }
    status = json_each_member(map, visit_shard, &shards, error);
    if (!status)
        status = sort_names(out, error);
    if (!status)
        status = json_each_member(map, visit_promised, &shards, error);
cleanup:
    json_free(root);
    return status;
}

static assay_status finish(struct safetensors **out, struct safetensors *file, assay_status status)
{
    if (status)
        safetensors_close(file);
    *out = status ? NULL : file;
    return status;
}

assay_status safetensors_open_with(struct safetensors **out, const char *path,
                                   safetensors_reader *reader, assay_error *error)
{
    *out = NULL;
    struct safetensors *file = memory_allocate_zeroed(1, sizeof *file);
    if (!file)
        return error_memory(error, sizeof *file);
    assay_status status = reader(file, path, error);
    if (!status)
        status = sort_names(file, error);
    return finish(out, file, status);
}

assay_status safetensors_open_index(struct safetensors **out, const char *folder,
                                    const char *index_name, safetensors_reader *reader,
                                    assay_error *error)
{
    *out = NULL;
    struct safetensors *file = memory_allocate_zeroed(1, sizeof *file);
    if (!file)
        return error_memory(error, sizeof *file);
    char *index = path_join(folder, index_name);
    assay_status status = index ? add_shards(file, folder, index, reader, error)
                                : error_memory(error, strlen(folder));
    memory_free(index);
    return finish(out, file, status);
}

static assay_status open_folder(struct safetensors **out, const char *folder, assay_error *error)
{
    char *single = path_join(folder, SINGLE_FILE);
    char *index = path_join(folder, INDEX_FILE);
    assay_status status;
    if (!single || !index) {
        status = error_memory(error, strlen(folder));
    } else if (file_exists(single)) {
        status = safetensors_open_with(out, single, safetensors_add_file, error);
    } else if (file_exists(index)) {
        status = safetensors_open_index(out, folder, INDEX_FILE, safetensors_add_file, error);
    } else {
        status = safetensors_refuse(folder, NULL, error, ASSAY_ERROR_NOT_FOUND,
                                    "the folder holds no weights");
        error_expected(error, "%s or %s", SINGLE_FILE, INDEX_FILE);
    }
    memory_free(single);
    memory_free(index);
    return status;
}

assay_status safetensors_open(struct safetensors **out, const char *path, assay_error *error)
{
    *out = NULL;
    if (file_is_folder(path))
        return open_folder(out, path, error);
    return safetensors_open_with(out, path, safetensors_add_file, error);
}

void safetensors_close(struct safetensors *file)
{
    if (!file)
        return;
    for (size_t i = 0; i < file->entry_count; i++)
        memory_free((char *)(uintptr_t)file->entries[i].name);
    for (size_t i = 0; i < file->metadata_count; i++) {
        memory_free(file->metadata[i].key);
        memory_free(file->metadata[i].value);
    }
    for (size_t i = 0; i < file->file_count; i++)
        mapped_file_close(file->files[i]);
    for (size_t i = 0; i < file->block_count; i++)
        memory_free(file->blocks[i]);
    memory_free(file->blocks);
    memory_free(file->files);
    memory_free(file->entries);
    memory_free(file->sorted);
    memory_free(file->metadata);
    memory_free(file);
}

size_t safetensors_count(const struct safetensors *file)
{
    return file->entry_count;
}

const struct safetensors_entry *safetensors_at(const struct safetensors *file, size_t index)
{
    return index < file->entry_count ? &file->entries[index] : NULL;
}

const struct safetensors_entry *safetensors_find(const struct safetensors *file, const char *name)
{
    size_t low = 0;
    size_t high = file->entry_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, file->sorted[middle]->name);
        if (order == 0)
            return file->sorted[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

size_t safetensors_file_count(const struct safetensors *file)
{
    return file->file_count;
}

const char *safetensors_file_path(const struct safetensors *file, size_t index)
{
    return index < file->file_count ? mapped_file_path(file->files[index]) : NULL;
}

size_t safetensors_metadata_count(const struct safetensors *file)
{
    return file->metadata_count;
}

const char *safetensors_metadata_key(const struct safetensors *file, size_t index)
{
    return index < file->metadata_count ? file->metadata[index].key : NULL;
}

const char *safetensors_metadata_value(const struct safetensors *file, size_t index)
{
    return index < file->metadata_count ? file->metadata[index].value : NULL;
}

const char *safetensors_metadata(const struct safetensors *file, const char *key)
{
    for (size_t i = 0; i < file->metadata_count; i++) {
        if (strcmp(file->metadata[i].key, key) == 0)
            return file->metadata[i].value;
    }
    return NULL;
}

assay_status safetensors_check(const struct safetensors *file, assay_error *error)
{
    for (size_t i = 0; i < file->file_count; i++) {
        assay_status status = mapped_file_check(file->files[i], error);
        if (status)
            return status;
    }
    return ASSAY_OK;
}

void safetensors_drop(const struct safetensors *file, const struct safetensors_entry *entry)
{
    mapped_file_drop(file->files[entry->file], entry->data, entry->bytes);
}
