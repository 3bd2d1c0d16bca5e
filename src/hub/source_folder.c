#include "hub/source.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "hub/archive.h"
#include "hub/model_files.h"
#include "hub/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 << 10, MAX_ENTRIES = 100000 };

static assay_status copy_file(struct staging *staging, const struct pull *pull, const char *from,
                              const char *path, assay_error *error)
{
    struct stat state;
    uint64_t done = 0;
    char *chunk = NULL;
    assay_status status = ASSAY_OK;
    int fd = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &state) != 0 || !S_ISREG(state.st_mode)) {
        status = error_set(error, ASSAY_ERROR_IO, "cannot read: %s",
                           fd < 0 ? strerror(errno) : "not a regular file");
        goto cleanup;
    }
    chunk = memory_allocate(CHUNK, 1);
    status = chunk ? staging_begin(staging, path, error) : error_memory(error, CHUNK);
    while (!status) {
        ssize_t count = read(fd, chunk, CHUNK);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            status = error_set(error, ASSAY_ERROR_IO, "cannot read: %s", strerror(errno));
        if (count <= 0)
            break;
        status = staging_data(staging, chunk, (size_t)count, error);
        done += (uint64_t)count;
        if (pull->options->progress)
            pull->options->progress(pull->options->context, path, done, (uint64_t)state.st_size);
    }
    if (!status)
        status = staging_end(staging, NULL, error);
cleanup:
    if (status)
        error_at_file(error, from);
    if (fd >= 0)
        close(fd);
    memory_free(chunk);
    return status;
}

/* Copies what a model needs of one folder; "" or "1_Pooling/" as prefix. */
static assay_status copy_folder(struct staging *staging, const struct pull *pull,
                                const char *folder, const char *prefix, assay_error *error)
{
    assay_status status = ASSAY_OK;
    int seen = 0;
    DIR *entries = opendir(folder);
    if (!entries) {
        error_set(error, ASSAY_ERROR_IO, "cannot read the folder: %s", strerror(errno));
        error_at_file(error, folder);
        return ASSAY_ERROR_IO;
    }
    for (struct dirent *entry; !status && (entry = readdir(entries));) {
        struct buffer path = {0};
        char *from = path_join(folder, entry->d_name);
        if (!from || !buffer_append_string(&path, prefix) ||
            !buffer_append_string(&path, entry->d_name)) {
            status = error_memory(error, strlen(folder));
        } else if (++seen > MAX_ENTRIES) {
            status = error_set(error, ASSAY_ERROR_LIMIT, "the folder holds too many files");
        } else if (entry->d_name[0] != '.' && file_is_folder(from)) {
            if (!*prefix && buffer_append_byte(&path, '/'))
                status = copy_folder(staging, pull, from, path.bytes, error);
        } else if (staging_wants(staging, path.bytes)) {
            status = archive_check_name(path.bytes, path.length, error);
            if (!status)
                status = copy_file(staging, pull, from, path.bytes, error);
        }
        buffer_free(&path);
        memory_free(from);
    }
    closedir(entries);
    return status;
}

static bool lacks_safetensors(const char *folder)
{
    bool lacks = true;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && lacks && (entry = readdir(entries));)
        lacks = !model_file_replaces_pickle(entry->d_name);
    if (entries)
        closedir(entries);
    return lacks;
}

/* The same files with the same checksums stand there already. */
static bool same_files(const struct staging *staging)
{
    struct manifest old;
    if (manifest_read(&old, staging->final, NULL))
        return false;
    bool same = old.count == staging->manifest.count && old.source &&
                strcmp(old.source, staging->manifest.source) == 0;
    for (size_t i = 0; i < old.count && same; i++) {
        const assay_pull_file *file = manifest_find(&staging->manifest, old.files[i].path);
        same = file && strcmp(file->sha256, old.files[i].sha256) == 0;
    }
    same = same && manifest_is_intact(&old, staging->final);
    manifest_free(&old);
    return same;
}

/* The folder's name; that of the one above it when it is only "model". */
static void naming_part(const char *path, const char **name, size_t *length)
{
    const char *end = path + strlen(path);
    for (;;) {
        const char *begin = end;
        while (begin > path && begin[-1] != '/')
            begin--;
        *name = begin;
        *length = (size_t)(end - begin);
        if (*length != 5 || memcmp(begin, "model", 5) != 0 || begin - path < 2)
            return;
        end = begin - 1;
    }
}

assay_status source_folder(struct pull *pull, const char *path, assay_error *error)
{
    struct staging staging = {.lock = -1};
    struct buffer source = {0};
    const char *name;
    size_t length;
    char *short_name = NULL;
    assay_status status;
    char *full = realpath(path, NULL);
    if (!full) {
        error_set(error, ASSAY_ERROR_IO, "cannot read the folder: %s", strerror(errno));
        error_at_file(error, path);
        return ASSAY_ERROR_IO;
    }
    naming_part(full, &name, &length);
    status = source_short_name(&short_name, pull, name, length, error);
    if (!status)
        status = staging_open(&staging, pull->models, short_name, error);
    if (status)
        goto cleanup;
    if (strcmp(full, staging.final) == 0) {
        status = error_set(error, ASSAY_ERROR_ARGUMENT, "this folder is where models are kept");
        error_at_file(error, full);
        goto cleanup;
    }
    if (!buffer_format(&source, "folder:%s", full)) {
        status = error_memory(error, strlen(full));
        goto cleanup;
    }
    staging.manifest.source = source.bytes;
    source = (struct buffer){0};
    staging.takes_pickle = lacks_safetensors(full);
    status = copy_folder(&staging, pull, full, "", error);
    bool there = !status && same_files(&staging);
    if (!status && !there)
        status = staging_commit(&staging, error);
    if (!status)
        status = manifest_report(pull->result, &staging.manifest, staging.final, there, error);
    /* A licence is found by commit only. */
    if (!status && there)
        status = source_is_there(&there, pull, short_name, NULL, NULL, NULL, error);
cleanup:
    if (status)
        error_at_file(error, path);
    staging_close(&staging, false);
    buffer_free(&source);
    memory_free(short_name);
    free(full);
    return status;
}
