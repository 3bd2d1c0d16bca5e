#include "dataset/dataset.h"

#include "base/error.h"
#include "base/memory.h"
#include "data/unfinished.h"
#include "dataset/dataset_cache.h"
#include "dataset/dataset_key.h"
#include "dataset/dataset_read.h"

#include <stdio.h>
#include <string.h>

enum { NOTE_SIZE = 1400 };

static assay_status check_request(const struct dataset_request *request, assay_error *error)
{
    if (!request->path || !request->tokenizer || !request->tokenizer_folder ||
        !request->cache_folder)
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "a path, a tokenizer, its folder and a cache folder are needed");
    if (strcmp(request->path, "-") == 0)
        return error_set(error, ASSAY_ERROR_ARGUMENT,
                         "rows to train on are read more than once, so they cannot come from "
                         "standard input");
    if (request->labels > DATASET_NUMBERS)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "unknown kind of labels");
    if (request->max_tokens < 2) {
        error_set(error, ASSAY_ERROR_ARGUMENT, "rows cannot be cut this short");
        error_at_place(error, "max_tokens");
        error_expected(error, "at least 2");
        error_found(error, "%d", (int)request->max_tokens);
        return ASSAY_ERROR_ARGUMENT;
    }
    return ASSAY_OK;
}

static char *cache_path(const char *folder, const char *key)
{
    char name[SHA256_HEX_SIZE + sizeof ".tokens"];
    snprintf(name, sizeof name, "%s.tokens", key);
    return path_join(folder, name);
}

/* Whether making the file again can help. */
static bool can_be_made(assay_status status)
{
    return status == ASSAY_ERROR_NOT_FOUND || status == ASSAY_ERROR_FORMAT ||
           status == ASSAY_ERROR_CHECKSUM || status == ASSAY_ERROR_CHANGED ||
           status == ASSAY_ERROR_IO;
}

static void note_damage(struct dataset_meter *meter, const assay_error *damage)
{
    char line[NOTE_SIZE - 100], note[NOTE_SIZE];
    assay_error_format(damage, line, sizeof line);
    snprintf(note, sizeof note, "%s; the rows are tokenised again", line);
    dataset_meter_note(meter, note);
}

static assay_status make_and_open(struct dataset **out, const struct dataset_request *request,
                                  const char *path, const char *key, const char *fingerprint,
                                  struct dataset_meter *meter, assay_error *error)
{
    assay_status status = folder_create(request->cache_folder, error);
    if (!status)
        status = dataset_make_cache(request, path, key, fingerprint, meter, error);
    if (!status)
        status = dataset_open_cache(out, path, key, error);
    if (!status)
        (*out)->view.from_cache = false;
    return status;
}

assay_status dataset_open(struct dataset **out, const struct dataset_request *request,
                          assay_error *error)
{
    char fingerprint[SHA256_HEX_SIZE], key[SHA256_HEX_SIZE];
    char *path = NULL, *source = NULL;
    assay_error damage;
    *out = NULL;
    assay_status status = check_request(request, error);
    if (status)
        return status;
    status =
        unfinished_check(request->path, error); /* the cache would be opened without reading it */
    if (status)
        return status;
    struct dataset_meter meter = {.progress = request->progress, .context = request->context};
    status = dataset_fingerprint(fingerprint, request->path, &meter, error);
    if (!status)
        status = dataset_key(key, request, fingerprint, error);
    if (status)
        return status;
    path = cache_path(request->cache_folder, key);
    source = memory_copy_string(request->path);
    if (!path || !source) {
        status = error_memory(error, strlen(request->path));
        goto cleanup;
    }
    status = dataset_open_cache(out, path, key, &damage);
    if (can_be_made(status)) {
        if (status != ASSAY_ERROR_NOT_FOUND)
            note_damage(&meter, &damage);
        status = make_and_open(out, request, path, key, fingerprint, &meter, error);
    } else if (status && error) {
        *error = damage;
    }
    if (!status) {
        struct dataset *dataset = *out;
        memory_free(dataset->path);
        dataset->path = source;
        dataset->view.path = source;
        source = NULL;
    }
cleanup:
    memory_free(path);
    memory_free(source);
    return status;
}

void dataset_get(const struct dataset *dataset, struct dataset_view *view)
{
    *view = dataset->view;
}

const char *dataset_row_id(const struct dataset *dataset, int64_t row, int64_t *line)
{
    if (line)
        *line = dataset->lines[row];
    return dataset->id_text + dataset->id_at[row];
}

assay_status dataset_check(const struct dataset *dataset, assay_error *error)
{
    return mapped_file_check(dataset->file, error);
}
