#include "hub/source.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "hub/archive.h"
#include "hub/model_files.h"
#include "hub/staging.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MAX_DEPTH = 8, MAX_NOTES = 16 << 20, NO_ROOT = -1 };

/* What two passes over the archive share: the first finds the folder with the model and what a
 * wheel says about itself, the second unpacks. */
struct unpack {
    const struct pull *pull;
    struct staging staging;
    char root[ARCHIVE_MAX_NAME + 1]; /* "" or "folder/" */
    int root_depth;
    bool ambiguous;
    char other[ARCHIVE_MAX_NAME + 1]; /* a second folder as deep as root */
    struct buffer with_safetensors;   /* folders that hold such weights, a zero byte behind each */
    struct buffer record;
    struct buffer metadata;
    struct buffer *reading; /* one of the two above */
    const char *path;       /* of the file being unpacked, behind the root */
    char name[ARCHIVE_MAX_NAME + 1];
    uint64_t size;
    uint64_t done;
};

static bool ends(const char *text, const char *with)
{
    size_t length = strlen(text);
    size_t tail = strlen(with);
    return length >= tail && strcmp(text + length - tail, with) == 0;
}

/* Keeps the highest folder that holds a config.json. */
static void consider_root(struct unpack *unpack, const char *name)
{
    static const char config[] = "config.json";
    const char *last = strrchr(name, '/');
    if (strcmp(last ? last + 1 : name, config) != 0)
        return;
    int depth = 0;
    for (const char *c = name; *c; c++)
        depth += *c == '/';
    if (depth > MAX_DEPTH || (unpack->root_depth != NO_ROOT && depth > unpack->root_depth))
        return;
    size_t length = strlen(name) - (sizeof config - 1);
    if (depth == unpack->root_depth) {
        unpack->ambiguous = true;
        memcpy(unpack->other, name, length);
        unpack->other[length] = '\0';
        return;
    }
    unpack->ambiguous = false;
    unpack->root_depth = depth;
    memcpy(unpack->root, name, length);
    unpack->root[length] = '\0';
}

/* The root is known only at the end, so every folder with safetensors is kept. */
static bool note_safetensors(struct unpack *unpack, const char *name)
{
    struct buffer *folders = &unpack->with_safetensors;
    const char *slash = strrchr(name, '/');
    size_t length = slash ? (size_t)(slash - name) + 1 : 0;
    return !model_file_replaces_pickle(name + length) ||
           (buffer_append(folders, name, length) && buffer_append_byte(folders, '\0'));
}

static bool lacks_safetensors(const struct unpack *unpack)
{
    const struct buffer *folders = &unpack->with_safetensors;
    for (size_t at = 0; at < folders->length; at += strlen(folders->bytes + at) + 1) {
        if (strcmp(folders->bytes + at, unpack->root) == 0)
            return false;
    }
    return true;
}

static assay_status survey_begin(void *context, const char *name, uint64_t size, bool *wanted,
                                 assay_error *error)
{
    struct unpack *unpack = context;
    consider_root(unpack, name);
    if (!note_safetensors(unpack, name))
        return error_memory(error, strlen(name));
    bool at_top = strchr(name, '/') == strrchr(name, '/');
    unpack->reading = at_top && ends(name, ".dist-info/RECORD")     ? &unpack->record
                      : at_top && ends(name, ".dist-info/METADATA") ? &unpack->metadata
                                                                    : NULL;
    *wanted = unpack->reading && size <= MAX_NOTES;
    return ASSAY_OK;
}

static assay_status survey_data(void *context, const void *bytes, size_t length, assay_error *error)
{
    struct unpack *unpack = context;
    return buffer_append(unpack->reading, bytes, length) ? ASSAY_OK : error_memory(error, length);
}

static assay_status survey_end(void *context, assay_error *error)
{
    (void)context;
    (void)error;
    return ASSAY_OK;
}

static assay_status unpack_begin(void *context, const char *name, uint64_t size, bool *wanted,
                                 assay_error *error)
{
    struct unpack *unpack = context;
    size_t root = strlen(unpack->root);
    *wanted = false;
    if (strncmp(name, unpack->root, root) != 0)
        return ASSAY_OK;
    snprintf(unpack->name, sizeof unpack->name, "%s", name);
    unpack->path = unpack->name + root;
    *wanted = staging_wants(&unpack->staging, unpack->path);
    unpack->size = size;
    unpack->done = 0;
    return *wanted ? staging_begin(&unpack->staging, unpack->path, error) : ASSAY_OK;
}

static assay_status unpack_data(void *context, const void *bytes, size_t length, assay_error *error)
{
    struct unpack *unpack = context;
    const assay_pull_options *options = unpack->pull->options;
    unpack->done += length;
    if (options->progress)
        options->progress(options->context, unpack->path, unpack->done, unpack->size);
    return staging_data(&unpack->staging, bytes, length, error);
}

static assay_status unpack_end(void *context, assay_error *error)
{
    struct unpack *unpack = context;
    char hex[SHA256_HEX_SIZE];
    bool stated = unpack->record.length &&
                  record_checksum(hex, unpack->record.bytes, unpack->record.length, unpack->name);
    return staging_end(&unpack->staging, stated ? hex : NULL, error);
}

static assay_status survey(struct unpack *unpack, const char *path, assay_error *error)
{
    const struct archive_visitor visitor = {
        .context = unpack, .begin = survey_begin, .data = survey_data, .end = survey_end};
    unpack->root_depth = NO_ROOT;
    assay_status status = archive_read(path, &visitor, error);
    if (status)
        return status;
    if (unpack->root_depth == NO_ROOT) {
        error_set(error, ASSAY_ERROR_FORMAT, "the archive holds no model");
        error_expected(error, "a folder with config.json");
        return ASSAY_ERROR_FORMAT;
    }
    if (unpack->ambiguous) {
        error_set(error, ASSAY_ERROR_FORMAT, "the archive holds more than one model");
        error_found(error, "%.70s and %.70s", unpack->root, unpack->other);
        return ASSAY_ERROR_FORMAT;
    }
    return ASSAY_OK;
}

/* The innermost folder of the root, unless that is only "model"; else the archive's file name
 * without ending and version. */
static void naming_part(const struct unpack *unpack, const char *shown, const char **name,
                        size_t *length)
{
    static const char *const endings[] = {".tar.gz", ".tgz", ".tar", ".whl", ".zip"};
    size_t root = strlen(unpack->root);
    if (root > 1) {
        size_t begin = root - 1;
        while (begin && unpack->root[begin - 1] != '/')
            begin--;
        *name = unpack->root + begin;
        *length = root - 1 - begin;
        if (*length != 5 || memcmp(*name, "model", 5) != 0)
            return;
    }
    const char *slash = strrchr(shown, '/');
    *name = slash ? slash + 1 : shown;
    *length = strcspn(*name, "?#");
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t ending = strlen(endings[i]);
        if (*length > ending && strncasecmp(*name + *length - ending, endings[i], ending) == 0) {
            *length -= ending;
            break;
        }
    }
    for (size_t i = 1; i + 1 < *length; i++) {
        if ((*name)[i] == '-' && isdigit((unsigned char)(*name)[i + 1])) {
            *length = i;
            break;
        }
    }
}

static assay_status check_archive_sum(const struct pull *pull, const char *found,
                                      assay_error *error)
{
    const char *expected = pull->options->sha256;
    if (!expected || strcasecmp(expected, found) == 0)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_CHECKSUM, "the archive's SHA-256 is not the one asked for");
    error_expected(error, "%s", expected);
    error_found(error, "%s", found);
    return ASSAY_ERROR_CHECKSUM;
}

static assay_status unpack_model(struct unpack *unpack, const char *path, const char *source,
                                 const char *origin, const char *short_name, assay_error *error)
{
    struct staging *staging = &unpack->staging;
    struct buffer licence = {0};
    const struct archive_visitor visitor = {
        .context = unpack, .begin = unpack_begin, .data = unpack_data, .end = unpack_end};
    assay_status status = staging_open(staging, unpack->pull->models, short_name, error);
    if (status)
        return status;
    staging->takes_pickle = lacks_safetensors(unpack);
    staging->manifest.source = memory_copy_string(source);
    staging->manifest.origin = memory_copy_string(origin);
    if (!staging->manifest.source || !staging->manifest.origin)
        status = error_memory(error, strlen(source));
    if (!status && unpack->metadata.length)
        status =
            licence_of_metadata(&licence, unpack->metadata.bytes, unpack->metadata.length, error);
    staging->manifest.licence = licence.bytes;
    if (!status)
        status = archive_read(path, &visitor, error);
    if (!status)
        status = staging_commit(staging, error);
    if (!status)
        status =
            manifest_report(unpack->pull->result, &staging->manifest, staging->final, false, error);
    return status;
}

assay_status source_archive(struct pull *pull, const char *path, const char *source,
                            const char *shown, assay_error *error)
{
    char origin[SHA256_HEX_SIZE];
    char *short_name = NULL;
    const char *name;
    size_t length;
    bool there = false;
    struct unpack *unpack = memory_allocate_zeroed(1, sizeof *unpack);
    if (!unpack)
        return error_memory(error, sizeof *unpack);
    unpack->pull = pull;
    unpack->staging.lock = -1;
    assay_status status = sha256_file(origin, path, error);
    if (!status)
        status = check_archive_sum(pull, origin, error);
    if (!status)
        status = survey(unpack, path, error);
    if (status)
        goto cleanup;
    naming_part(unpack, shown, &name, &length);
    status = source_short_name(&short_name, pull, name, length, error);
    if (!status && !pull->options->refresh)
        status = source_is_there(&there, pull, short_name, NULL, NULL, origin, error);
    if (!status && !there)
        status = unpack_model(unpack, path, source, origin, short_name, error);
cleanup:
    if (status)
        error_at_file(error, path);
    staging_close(&unpack->staging, false);
    buffer_free(&unpack->with_safetensors);
    buffer_free(&unpack->record);
    buffer_free(&unpack->metadata);
    memory_free(unpack);
    memory_free(short_name);
    return status;
}
