#include "hub/staging.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "hub/model_files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WALK_FILES = 16, MAX_README = 1 << 20 };

static int remove_one(const char *path, const struct stat *state, int kind, struct FTW *where)
{
    (void)state;
    (void)kind;
    (void)where;
    (void)remove(path); /* what cannot be removed is found by who needs the place */
    return 0;
}

void folder_remove(const char *path)
{
    (void)nftw(path, remove_one, WALK_FILES, FTW_DEPTH | FTW_PHYS);
}

static assay_status lock_partial(struct staging *staging, assay_error *error)
{
    staging->lock = open(staging->partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (staging->lock >= 0 && flock(staging->lock, LOCK_EX | LOCK_NB) == 0)
        return ASSAY_OK;
    if (staging->lock >= 0 && errno == EWOULDBLOCK)
        error_set(error, ASSAY_ERROR_IO, "another pull of this model is running");
    else
        error_set(error, ASSAY_ERROR_IO, "cannot lock the folder: %s", strerror(errno));
    error_at_file(error, staging->partial);
    if (staging->lock >= 0)
        close(staging->lock);
    staging->lock = -1;
    return ASSAY_ERROR_IO;
}

assay_status staging_open(struct staging *staging, const char *models, const char *name,
                          assay_error *error)
{
    struct buffer hidden = {0};
    *staging = (struct staging){.lock = -1};
    assay_status status = folder_create(models, error);
    if (status)
        return status;
    staging->final = path_join(models, name);
    if (buffer_format(&hidden, ".partial-%s", name))
        staging->partial = path_join(models, hidden.bytes);
    if (staging->partial) {
        staging->model = path_join(staging->partial, "model");
        staging->parts = path_join(staging->partial, "parts");
    }
    buffer_free(&hidden);
    if (!staging->final || !staging->model || !staging->parts)
        status = error_memory(error, strlen(models));
    if (!status)
        status = folder_create(staging->partial, error);
    if (!status)
        status = lock_partial(staging, error);
    if (!status) {
        folder_remove(staging->model);
        status = folder_create(staging->model, error);
    }
    if (!status)
        status = folder_create(staging->parts, error);
    if (status)
        staging_close(staging, true);
    return status;
}

void staging_close(struct staging *staging, bool keep_parts)
{
    file_writer_abandon(staging->writer);
    if (staging->lock >= 0) {
        if (keep_parts) {
            folder_remove(staging->model);
            (void)rmdir(staging->parts); /* these two only where nothing is kept */
            (void)rmdir(staging->partial);
        } else {
            folder_remove(staging->partial);
        }
        close(staging->lock);
    }
    manifest_free(&staging->manifest);
    memory_free(staging->final);
    memory_free(staging->partial);
    memory_free(staging->model);
    memory_free(staging->parts);
    memory_free(staging->writing);
    *staging = (struct staging){.lock = -1};
}

/* model/PATH, its folders made. */
static assay_status place_of(char **out, struct staging *staging, const char *path,
                             assay_error *error)
{
    assay_status status = ASSAY_OK;
    *out = path_join(staging->model, path);
    if (!*out)
        return error_memory(error, strlen(path));
    char *slash = strrchr(*out, '/');
    *slash = '\0';
    status = folder_create(*out, error);
    *slash = '/';
    if (status) {
        memory_free(*out);
        *out = NULL;
    }
    return status;
}

assay_status staging_begin(struct staging *staging, const char *path, assay_error *error)
{
    char *place;
    if (manifest_find(&staging->manifest, path)) {
        error_set(error, ASSAY_ERROR_FORMAT, "the source holds a file twice");
        error_at_place(error, "%s", path);
        return ASSAY_ERROR_FORMAT;
    }
    assay_status status = place_of(&place, staging, path, error);
    if (status)
        return status;
    memory_free(staging->writing);
    staging->writing = memory_copy_string(path);
    if (!staging->writing)
        status = error_memory(error, strlen(path));
    else
        status = file_writer_open(&staging->writer, place, error);
    sha256_begin(&staging->hash);
    staging->written = 0;
    memory_free(place);
    return status;
}

assay_status staging_data(struct staging *staging, const void *bytes, size_t length,
                          assay_error *error)
{
    sha256_add(&staging->hash, bytes, length);
    staging->written += length;
    return file_writer_write(staging->writer, bytes, length, error);
}

static assay_status compare_checksum(const char *path, const char *expected, const char *found,
                                     assay_error *error)
{
    if (!expected || strcmp(expected, found) == 0)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_CHECKSUM, "the file's SHA-256 is not the one the source states");
    error_at_place(error, "%s", path);
    error_expected(error, "%s", expected);
    error_found(error, "%s", found);
    return ASSAY_ERROR_CHECKSUM;
}

assay_status staging_end(struct staging *staging, const char *sha256, assay_error *error)
{
    unsigned char digest[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE];
    sha256_end(&staging->hash, digest);
    sha256_hex(hex, digest);
    assay_status status = compare_checksum(staging->writing, sha256, hex, error);
    if (status)
        file_writer_abandon(staging->writer);
    else
        status = file_writer_commit(staging->writer, error);
    staging->writer = NULL;
    if (!status)
        status = manifest_add(&staging->manifest, staging->writing, staging->written, hex, error);
    return status;
}

assay_status staging_part(char **out, struct staging *staging, const char *path, assay_error *error)
{
    struct buffer name = {0};
    bool done = true;
    for (const char *c = path; *c && done; c++) /* '%' is not in these names otherwise */
        done = *c == '/' ? buffer_append_string(&name, "%2F") : buffer_append_byte(&name, *c);
    done = done && buffer_append_string(&name, ".part");
    *out = done ? path_join(staging->parts, name.bytes) : NULL;
    buffer_free(&name);
    return *out ? ASSAY_OK : error_memory(error, strlen(path));
}

static assay_status check_part(const char *part, const char *path, uint64_t size,
                               const char *sha256, uint64_t *found_size, char hex[SHA256_HEX_SIZE],
                               assay_error *error)
{
    struct stat state;
    assay_status status = sha256_file(hex, part, error);
    if (status)
        return status;
    if (stat(part, &state) != 0)
        return error_set(error, ASSAY_ERROR_IO, "cannot read: %s", strerror(errno));
    *found_size = (uint64_t)state.st_size;
    if (size != UINT64_MAX && *found_size != size) {
        error_set(error, ASSAY_ERROR_CHECKSUM, "the file's size is not the one the source states");
        error_at_place(error, "%s", path);
        error_expected(error, "%" PRIu64 " bytes", size);
        error_found(error, "%" PRIu64, *found_size);
        return ASSAY_ERROR_CHECKSUM;
    }
    return compare_checksum(path, sha256, hex, error);
}

assay_status staging_adopt(struct staging *staging, const char *path, uint64_t size,
                           const char *sha256, assay_error *error)
{
    char hex[SHA256_HEX_SIZE];
    char *part = NULL;
    char *place = NULL;
    uint64_t found = 0;
    assay_status status = staging_part(&part, staging, path, error);
    if (status)
        return status;
    status = check_part(part, path, size, sha256, &found, hex, error);
    if (status == ASSAY_ERROR_CHECKSUM)
        unlink(part);
    if (!status)
        status = place_of(&place, staging, path, error);
    if (!status && rename(part, place) != 0) {
        status = error_set(error, ASSAY_ERROR_IO, "cannot move: %s", strerror(errno));
        error_at_file(error, place);
    }
    if (!status)
        status = manifest_add(&staging->manifest, path, found, hex, error);
    memory_free(place);
    memory_free(part);
    return status;
}

bool staging_wants(const struct staging *staging, const char *path)
{
    enum model_file kind = model_file_kind(path);
    return kind == MODEL_FILE_WANTED || (kind == MODEL_FILE_PICKLE && staging->takes_pickle);
}

static assay_status check_model(const struct staging *staging, assay_error *error)
{
    bool weights = false;
    bool config = manifest_find(&staging->manifest, "config.json") ||
                  manifest_find(&staging->manifest, "adapter_config.json");
    for (size_t i = 0; i < staging->manifest.count; i++)
        weights = weights || model_file_is_weights(staging->manifest.files[i].path);
    if (config && weights)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_FORMAT, "the source holds no model");
    error_expected(error, "%s",
                   config ? "weights in model.safetensors or pytorch_model.bin" : "config.json");
    return ASSAY_ERROR_FORMAT;
}

static assay_status find_licence(struct staging *staging, assay_error *error)
{
    struct buffer text = {0};
    struct buffer licence = {0};
    assay_status status = ASSAY_OK;
    char *path = path_join(staging->model, "README.md");
    if (!path)
        return error_memory(error, strlen(staging->model));
    if (manifest_find(&staging->manifest, "README.md") &&
        file_read(&text, path, MAX_README, NULL) == ASSAY_OK && text.length)
        status = licence_of_readme(&licence, text.bytes, text.length, error);
    if (!status && licence.length) { /* goes before what a wheel says of itself */
        memory_free(staging->manifest.licence);
        staging->manifest.licence = licence.bytes;
        licence = (struct buffer){0};
    }
    buffer_free(&licence);
    buffer_free(&text);
    memory_free(path);
    return status;
}

static assay_status put_into_place(const struct staging *staging, assay_error *error)
{
    struct manifest old;
    if (renameat2(AT_FDCWD, staging->model, AT_FDCWD, staging->final, RENAME_NOREPLACE) == 0)
        return ASSAY_OK;
    if (errno == EINVAL && !file_exists(staging->final) &&
        rename(staging->model, staging->final) == 0)
        return ASSAY_OK; /* a file system without the flag */
    if (!file_exists(staging->final)) {
        error_set(error, ASSAY_ERROR_IO, "cannot put the model into place: %s", strerror(errno));
        error_at_file(error, staging->final);
        return ASSAY_ERROR_IO;
    }
    assay_status status = manifest_read(&old, staging->final, error);
    if (status == ASSAY_ERROR_MEMORY)
        return status;
    if (status) {
        error_set(error, ASSAY_ERROR_IO,
                  "the folder exists and was not made by a pull; move it away or choose another "
                  "name");
        error_at_file(error, staging->final);
        return ASSAY_ERROR_IO;
    }
    manifest_free(&old);
    if (renameat2(AT_FDCWD, staging->model, AT_FDCWD, staging->final, RENAME_EXCHANGE) == 0)
        return ASSAY_OK;
    folder_remove(staging->parts);
    if (rename(staging->final, staging->parts) == 0 && rename(staging->model, staging->final) == 0)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_IO, "cannot put the model into place: %s", strerror(errno));
    error_at_file(error, staging->final);
    return ASSAY_ERROR_IO;
}

assay_status staging_commit(struct staging *staging, assay_error *error)
{
    assay_status status = check_model(staging, error);
    if (!status)
        status = find_licence(staging, error);
    if (!status)
        status = manifest_write(&staging->manifest, staging->model, error);
    if (!status)
        status = put_into_place(staging, error);
    return status;
}
