#include "train/checkpoint.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "models/safetensors_writer.h"
#include "train/checkpoint_counters.h"
#include "train/checkpoint_folder.h"

#include <inttypes.h>
#include <string.h>

enum {
    MAX_SUMS = 4096,
    FILES = 2, /* under SHA256SUMS */
    COPY_BYTES = 16 << 20,
};

static const char arrays_file[] = "state.safetensors";
static const char counters_file[] = "state.json";
static const char sums_file[] = "SHA256SUMS";
static const char *const summed_files[FILES] = {"state.json", "state.safetensors"};

static assay_status check_state(const struct checkpoint_state *state, assay_error *error)
{
    assay_status status = checkpoint_counters_check(&state->counters, error);
    if (status || state->count <= CHECKPOINT_MAX_ARRAYS)
        return status;
    error_set(error, ASSAY_ERROR_LIMIT, "too many arrays for a checkpoint");
    error_expected(error, "at most %d", CHECKPOINT_MAX_ARRAYS);
    error_found(error, "%zu", state->count);
    return ASSAY_ERROR_LIMIT;
}

static assay_status write_arrays(const char *path, const struct checkpoint_state *state,
                                 assay_error *error)
{
    struct safetensors_item *items = memory_allocate_zeroed(state->count, sizeof *items);
    if (!items)
        return error_memory(error, state->count * sizeof *items);
    for (size_t i = 0; i < state->count; i++) {
        const struct checkpoint_array *array = &state->arrays[i];
        items[i].name = array->name;
        items[i].dtype = DTYPE_F32;
        items[i].rank = 1;
        items[i].shape[0] = (int64_t)array->count;
        items[i].data = array->values;
    }
    assay_status status = safetensors_write(path, items, state->count, error);
    memory_free(items);
    return status;
}

/* The text that SHA256SUMS must have for the files as they are. */
static assay_status make_sums(struct buffer *sums, const char *folder, assay_error *error)
{
    for (int i = 0; i < FILES; i++) {
        char hex[SHA256_HEX_SIZE];
        char *path = path_join(folder, summed_files[i]);
        if (!path)
            return error_memory(error, strlen(folder));
        assay_status status = sha256_file(hex, path, error);
        memory_free(path);
        if (status)
            return status;
        if (!buffer_format(sums, "%s  %s\n", hex, summed_files[i]))
            return error_memory(error, sums->length);
    }
    return ASSAY_OK;
}

static assay_status write_files(const char *folder, const struct checkpoint_state *state,
                                assay_error *error)
{
    struct buffer text = {0}, sums = {0};
    char *arrays = path_join(folder, arrays_file);
    char *counters = path_join(folder, counters_file);
    char *sums_path = path_join(folder, sums_file);
    assay_status status = ASSAY_OK;
    if (!arrays || !counters || !sums_path)
        status = error_memory(error, strlen(folder));
    if (!status)
        status = write_arrays(arrays, state, error);
    if (!status)
        status = checkpoint_counters_write(&text, &state->counters, error);
    if (!status)
        status = file_write(counters, text.bytes, text.length, error);
    if (!status)
        status = make_sums(&sums, folder, error);
    if (!status)
        status = file_write(sums_path, sums.bytes, sums.length, error);
    buffer_free(&text);
    buffer_free(&sums);
    memory_free(arrays);
    memory_free(counters);
    memory_free(sums_path);
    return status;
}

assay_status checkpoint_write(const char *folder, const struct checkpoint_state *state,
                              assay_error *error)
{
    char *partial = NULL;
    int64_t step = state->counters.step;
    assay_status status = check_state(state, error);
    if (!status)
        status = checkpoint_begin(&partial, folder, step, error);
    if (!status)
        status = write_files(partial, state, error);
    if (!status)
        status = checkpoint_place(folder, partial, step, error);
    if (status && partial)
        (void)checkpoint_remove_files(partial, NULL);
    memory_free(partial);
    return status ? status : checkpoint_link(folder, "last", step, error);
}

assay_status checkpoint_link(const char *folder, const char *name, int64_t step, assay_error *error)
{
    char target[CHECKPOINT_NAME_SIZE];
    if (strcmp(name, "best") != 0 && strcmp(name, "last") != 0) {
        error_set(error, ASSAY_ERROR_ARGUMENT, "there is no such link");
        error_expected(error, "best or last");
        error_found(error, "%s", name);
        return ASSAY_ERROR_ARGUMENT;
    }
    checkpoint_name(target, step);
    char *path = path_join(folder, target);
    if (!path)
        return error_memory(error, strlen(folder));
    assay_status status = ASSAY_OK;
    if (!file_is_folder(path)) {
        status = error_set(error, ASSAY_ERROR_NOT_FOUND, "there is no such checkpoint");
        error_at_file(error, path);
    }
    memory_free(path);
    return status ? status : checkpoint_replace_link(folder, name, target, error);
}

/* SHA256SUMS is what it would be if written now. */
static assay_status check_sums(const char *folder, assay_error *error)
{
    struct buffer expected = {0}, found = {0};
    char *path = path_join(folder, sums_file);
    assay_status status =
        path ? file_read(&expected, path, MAX_SUMS, error) : error_memory(error, strlen(folder));
    if (!status)
        status = make_sums(&found, folder, error);
    if (status)
        goto cleanup;
    size_t line = (SHA256_HEX_SIZE - 1) + 2;
    for (int i = 0, at = 0; i < FILES; i++) {
        size_t length = line + strlen(summed_files[i]) + 1;
        bool same = expected.length >= (size_t)at + length &&
                    memcmp(expected.bytes + at, found.bytes + at, length) == 0;
        if (!same) {
            status = error_set(error, ASSAY_ERROR_CHECKSUM,
                               "the checkpoint is damaged: a checksum does not match");
            error_at_file(error, folder);
            error_at_place(error, "%s", summed_files[i]);
            if (expected.length >= (size_t)at + length)
                error_expected(error, "%.*s", SHA256_HEX_SIZE - 1, expected.bytes + at);
            error_found(error, "%.*s", SHA256_HEX_SIZE - 1, found.bytes + at);
            goto cleanup;
        }
        at += (int)length;
    }
    if (expected.length != found.length) {
        status = error_set(error, ASSAY_ERROR_CHECKSUM, "the list of checksums is too long");
        error_at_file(error, path);
    }
cleanup:
    buffer_free(&expected);
    buffer_free(&found);
    memory_free(path);
    return status;
}

assay_status checkpoint_verify(struct checkpoint_counters *counters, const char *path,
                               assay_error *error)
{
    struct buffer text = {0};
    char *json = path_join(path, counters_file);
    memset(counters, 0, sizeof *counters);
    assay_status status = json ? ASSAY_OK : error_memory(error, strlen(path));
    if (!status)
        status = check_sums(path, error);
    if (!status)
        status = file_read(&text, json, CHECKPOINT_MAX_JSON, error);
    if (!status)
        status = checkpoint_parse_counters(counters, text.bytes, text.length, json, error);
    const char *slash = strrchr(path, '/');
    int64_t named = checkpoint_name_step(slash ? slash + 1 : path);
    if (!status && named >= 0 && named != counters->step) {
        status = error_set(error, ASSAY_ERROR_FORMAT, "the checkpoint is of another step");
        error_at_file(error, path);
        error_expected(error, "%" PRId64, named);
        error_found(error, "%" PRId64, counters->step);
    }
    buffer_free(&text);
    memory_free(json);
    return status;
}

assay_status checkpoint_find_newest_good(char **path, struct checkpoint_counters *counters,
                                         const char *folder, checkpoint_skipped *skipped,
                                         void *context, assay_error *error)
{
    int64_t *steps;
    size_t count;
    *path = NULL;
    assay_status status = checkpoint_list(&steps, &count, folder, error);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++) {
        char name[CHECKPOINT_NAME_SIZE];
        struct checkpoint_counters read;
        assay_error why;
        checkpoint_name(name, steps[i]);
        char *candidate = path_join(folder, name);
        status =
            candidate ? checkpoint_verify(&read, candidate, &why) : error_memory(&why, sizeof name);
        if (!status) {
            *path = candidate;
            if (counters)
                *counters = read;
            break;
        }
        if (status == ASSAY_ERROR_MEMORY) {
            if (error)
                *error = why;
            memory_free(candidate);
            break;
        }
        if (skipped)
            skipped(context, candidate, &why);
        memory_free(candidate);
    }
    memory_free(steps);
    if (*path || status == ASSAY_ERROR_MEMORY)
        return status;
    error_set(error, ASSAY_ERROR_NOT_FOUND, "there is no whole checkpoint");
    error_at_file(error, folder);
    error_found(error, "%zu damaged", count);
    return ASSAY_ERROR_NOT_FOUND;
}

/* Which of the steps, newest first, stay. */
struct keeping {
    int64_t newest; /* this many */
    int64_t steps[3];
};

static bool stays(const struct keeping *keeping, const int64_t *steps, size_t i)
{
    if ((int64_t)i < keeping->newest)
        return true;
    for (int k = 0; k < 3; k++) {
        if (steps[i] == keeping->steps[k])
            return true;
    }
    return false;
}

assay_status checkpoint_keep(const char *folder, int64_t keep, int64_t known_good,
                             assay_error *error)
{
    int64_t *steps = NULL;
    size_t count = 0;
    struct keeping keeping = {
        keep < 1 ? 1 : keep,
        {checkpoint_link_step(folder, "best"), checkpoint_link_step(folder, "last"), -1}};
    assay_status status = checkpoint_sweep(folder, error);
    if (!status)
        status = checkpoint_list(&steps, &count, folder, error);
    bool safe = false; /* a good one stays for certain */
    bool remove = false;
    for (size_t i = 0; i < count; i++) {
        if (!stays(&keeping, steps, i))
            remove = true;
        else if (steps[i] == known_good)
            safe = true;
    }
    if (!status && remove && !safe) {
        struct checkpoint_counters counters = {0};
        char *path;
        status = checkpoint_find_newest_good(&path, &counters, folder, NULL, NULL, error);
        memory_free(path);
        if (status == ASSAY_ERROR_NOT_FOUND) { /* what is left may still be mended by hand */
            remove = false;
            status = ASSAY_OK;
        }
        keeping.steps[2] = counters.step;
    }
    for (size_t i = 0; i < count && remove && !status; i++) {
        if (!stays(&keeping, steps, i))
            status = checkpoint_remove(folder, steps[i], error);
    }
    memory_free(steps);
    return status;
}

static assay_status find_array(const struct safetensors_entry **out, const struct safetensors *file,
                               const struct checkpoint_array *array, assay_error *error)
{
    const struct safetensors_entry *entry = safetensors_find(file, array->name);
    *out = entry;
    if (entry && entry->dtype == DTYPE_F32 && entry->rank == 1 && entry->elements == array->count)
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_SHAPE, "the checkpoint does not fit the model");
    error_at_place(error, "%s", array->name);
    error_expected(error, "%zu values of F32", array->count);
    if (entry)
        error_found(error, "%zu of %s", entry->elements, entry->type_name);
    else
        error_found(error, "no such array");
    return ASSAY_ERROR_SHAPE;
}

/* A piece at a time, whose pages are let go, so that the state is not in memory twice. As bytes: a
 * signalling NaN must not pass through a float register. */
static void copy_array(float *values, const struct safetensors *file,
                       const struct safetensors_entry *entry)
{
    struct safetensors_entry piece = *entry;
    for (size_t done = 0; done < entry->bytes; done += piece.bytes) {
        piece.data = (const char *)entry->data + done;
        piece.bytes = entry->bytes - done < COPY_BYTES ? entry->bytes - done : COPY_BYTES;
        memcpy((char *)values + done, piece.data, piece.bytes);
        safetensors_drop(file, &piece);
    }
}

static assay_status read_arrays(struct checkpoint_state *state, const char *path,
                                assay_error *error)
{
    struct safetensors *file;
    const struct safetensors_entry *entry = NULL;
    assay_status status = safetensors_open(&file, path, error);
    if (status)
        return status;
    if (safetensors_count(file) != state->count) {
        status = error_set(error, ASSAY_ERROR_SHAPE, "the checkpoint does not fit the model");
        error_expected(error, "%zu arrays", state->count);
        error_found(error, "%zu", safetensors_count(file));
    }
    for (size_t i = 0; i < state->count && !status; i++)
        status = find_array(&entry, file, &state->arrays[i], error);
    for (size_t i = 0; i < state->count && !status; i++) {
        struct checkpoint_array *array = &state->arrays[i];
        status = find_array(&entry, file, array, error);
        if (!status && array->count)
            copy_array(array->values, file, entry);
    }
    if (!status)
        status = safetensors_check(file, error);
    if (status)
        error_at_file(error, path);
    safetensors_close(file);
    return status;
}

assay_status checkpoint_read(struct checkpoint_state *state, const char *path, const char *recipe,
                             assay_error *error)
{
    struct checkpoint_counters counters;
    assay_status status = checkpoint_verify(&counters, path, error);
    if (status)
        return status;
    if (recipe && strcmp(recipe, counters.recipe) != 0) {
        status = error_set(error, ASSAY_ERROR_ARGUMENT, "the checkpoint is of another recipe");
        error_at_file(error, path);
        error_at_place(error, "recipe");
        error_expected(error, "%s", recipe);
        error_found(error, "%s", counters.recipe);
        return status;
    }
    char *arrays = path_join(path, arrays_file);
    status = arrays ? read_arrays(state, arrays, error) : error_memory(error, strlen(path));
    memory_free(arrays);
    if (!status)
        state->counters = counters;
    return status;
}
