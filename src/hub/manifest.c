#include "hub/manifest.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "hub/archive.h"

#include <string.h>
#include <sys/stat.h>

enum { MAX_BYTES = 16 << 20, INDENT = 2, VERSION = 1, FIRST_CAPACITY = 32 };

void manifest_free(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++)
        memory_free(manifest->files[i].path);
    memory_free(manifest->files);
    memory_free(manifest->source);
    memory_free(manifest->revision);
    memory_free(manifest->origin);
    memory_free(manifest->licence);
    *manifest = (struct manifest){0};
}

assay_status manifest_add(struct manifest *manifest, const char *path, uint64_t size,
                          const char *sha256, assay_error *error)
{
    if (manifest->count == MANIFEST_MAX_FILES)
        return error_set(error, ASSAY_ERROR_LIMIT, "a model of more than %d files",
                         MANIFEST_MAX_FILES);
    if (manifest->count == manifest->capacity) {
        size_t capacity = manifest->capacity ? 2 * manifest->capacity : FIRST_CAPACITY;
        assay_pull_file *grown = memory_resize(manifest->files, capacity, sizeof *grown);
        if (!grown)
            return error_memory(error, capacity * sizeof *grown);
        manifest->files = grown;
        manifest->capacity = capacity;
    }
    assay_pull_file *file = &manifest->files[manifest->count];
    memset(file, 0, sizeof *file);
    file->size = size;
    strncpy(file->sha256, sha256, sizeof file->sha256 - 1);
    file->path = memory_copy_string(path);
    if (!file->path)
        return error_memory(error, strlen(path));
    manifest->count++;
    return ASSAY_OK;
}

const assay_pull_file *manifest_find(const struct manifest *manifest, const char *path)
{
    for (size_t i = 0; i < manifest->count; i++) {
        if (strcmp(manifest->files[i].path, path) == 0)
            return &manifest->files[i];
    }
    return NULL;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

assay_status manifest_write(const struct manifest *manifest, const char *folder, assay_error *error)
{
    struct buffer out = {0};
    struct json_writer writer = {.out = &out, .indent = INDENT};
    json_begin_object(&writer);
    json_put_named_integer(&writer, "version", VERSION);
    json_put_named_string(&writer, "source", or_empty(manifest->source));
    json_put_named_string(&writer, "revision", or_empty(manifest->revision));
    json_put_named_string(&writer, "origin", or_empty(manifest->origin));
    json_put_named_string(&writer, "licence", or_empty(manifest->licence));
    json_key(&writer, "files");
    json_begin_array(&writer);
    for (size_t i = 0; i < manifest->count; i++) {
        json_begin_object(&writer);
        json_put_named_string(&writer, "path", manifest->files[i].path);
        json_put_named_integer(&writer, "size", (int64_t)manifest->files[i].size);
        json_put_named_string(&writer, "sha256", manifest->files[i].sha256);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    char *path = path_join(folder, MANIFEST_NAME);
    assay_status status = ASSAY_OK;
    if (!path || writer.failed || !buffer_append_byte(&out, '\n'))
        status = error_memory(error, out.length);
    else
        status = file_write(path, out.bytes, out.length, error);
    memory_free(path);
    buffer_free(&out);
    return status;
}

static assay_status copy_member(char **out, const struct json *object, const char *key,
                                assay_error *error)
{
    const char *text = "";
    assay_status status = json_read_string(&text, object, key, true, error);
    if (!status && !(*out = memory_copy_string(text)))
        status = error_memory(error, strlen(text));
    return status;
}

static assay_status read_file(struct manifest *manifest, const struct json *object,
                              assay_error *error)
{
    const char *path = "";
    const char *sha256 = "";
    int64_t size = 0;
    assay_status status = json_read_string(&path, object, "path", true, error);
    if (!status)
        status = json_read_string(&sha256, object, "sha256", true, error);
    if (!status)
        status = json_read_integer(&size, object, "size", 0, INT64_MAX, true, error);
    if (!status)
        status = archive_check_name(path, strlen(path), error);
    if (!status)
        status = manifest_add(manifest, path, (uint64_t)size, sha256, error);
    return status;
}

static assay_status read_all(struct manifest *manifest, const struct json *root, assay_error *error)
{
    const struct json *files = json_member(root, "files");
    assay_status status = copy_member(&manifest->source, root, "source", error);
    if (!status)
        status = copy_member(&manifest->revision, root, "revision", error);
    if (!status)
        status = copy_member(&manifest->origin, root, "origin", error);
    if (!status)
        status = copy_member(&manifest->licence, root, "licence", error);
    for (size_t i = 0; i < json_count(files) && !status; i++)
        status = read_file(manifest, json_element(files, i), error);
    return status;
}

assay_status manifest_read(struct manifest *manifest, const char *folder, assay_error *error)
{
    struct json *root = NULL;
    *manifest = (struct manifest){0};
    char *path = path_join(folder, MANIFEST_NAME);
    if (!path)
        return error_memory(error, strlen(folder));
    assay_status status = json_parse_file(&root, path, MAX_BYTES, error);
    if (!status)
        status = read_all(manifest, root, error);
    if (status) {
        error_at_file(error, path);
        manifest_free(manifest);
    }
    json_free(root);
    memory_free(path);
    return status;
}

bool manifest_is_intact(const struct manifest *manifest, const char *folder)
{
    bool intact = manifest->count > 0;
    for (size_t i = 0; i < manifest->count && intact; i++) {
        char hex[SHA256_HEX_SIZE];
        struct stat state;
        char *path = path_join(folder, manifest->files[i].path);
        intact = path && stat(path, &state) == 0 && S_ISREG(state.st_mode) &&
                 (uint64_t)state.st_size == manifest->files[i].size &&
                 sha256_file(hex, path, NULL) == ASSAY_OK &&
                 strcmp(hex, manifest->files[i].sha256) == 0;
        memory_free(path);
    }
    return intact;
}

assay_status manifest_report(assay_pull_result *result, const struct manifest *manifest,
                             const char *folder, bool already_there, assay_error *error)
{
    result->folder = memory_copy_string(folder);
    result->source = memory_copy_string(or_empty(manifest->source));
    result->licence = memory_copy_string(or_empty(manifest->licence));
    result->files = memory_allocate_zeroed(manifest->count, sizeof *result->files);
    result->already_there = already_there;
    bool done = result->folder && result->source && result->licence && result->files;
    for (size_t i = 0; i < manifest->count && done; i++) {
        result->files[i] = manifest->files[i];
        result->files[i].path = memory_copy_string(manifest->files[i].path);
        result->file_count = i + 1;
        done = result->files[i].path != NULL;
    }
    return done ? ASSAY_OK : error_memory(error, manifest->count * sizeof *result->files);
}
