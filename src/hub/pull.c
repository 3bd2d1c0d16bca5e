#include "assay/pull.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "hub/home.h"
#include "hub/manifest.h"
#include "hub/source.h"

#include <dirent.h>
#include <string.h>
#include <strings.h>

assay_status source_short_name(char **out, const struct pull *pull, const char *name, size_t length,
                               assay_error *error)
{
    const char *wanted = pull->options->save_as;
    *out = wanted ? memory_copy_string(wanted) : memory_copy_bytes(name, length);
    if (!*out)
        return error_memory(error, length);
    if (!wanted) {
        for (char *c = *out; *c; c++) {
            char one[] = {'a', *c, '\0'};
            if (!home_name_is_good(one))
                *c = '-';
        }
    }
    if (home_name_is_good(*out))
        return ASSAY_OK;
    error_set(error, ASSAY_ERROR_ARGUMENT, "this cannot be the short name of a model: %s", *out);
    error_expected(error, "letters, digits, '.', '_' and '-'");
    memory_free(*out);
    *out = NULL;
    return ASSAY_ERROR_ARGUMENT;
}

static bool agrees(const char *wanted, const char *found)
{
    return !wanted || strcmp(wanted, found) == 0;
}

assay_status source_is_there(bool *there, struct pull *pull, const char *short_name,
                             const char *source, const char *revision, const char *origin,
                             assay_error *error)
{
    struct manifest manifest;
    assay_status status = ASSAY_OK;
    *there = false;
    char *folder = path_join(pull->models, short_name);
    if (!folder)
        return error_memory(error, strlen(short_name));
    /* What cannot be read is pulled again; a folder of another maker is refused then. */
    if (manifest_read(&manifest, folder, NULL) == ASSAY_OK) {
        *there = agrees(source, manifest.source) && agrees(revision, manifest.revision) &&
                 agrees(origin, manifest.origin) && manifest_is_intact(&manifest, folder);
        if (*there) {
            assay_pull_result_free(pull->result);
            status = manifest_report(pull->result, &manifest, folder, true, error);
        }
        manifest_free(&manifest);
    }
    memory_free(folder);
    return status;
}

assay_status source_is_anywhere(bool *there, struct pull *pull, const char *source,
                                assay_error *error)
{
    assay_status status = ASSAY_OK;
    *there = false;
    if (pull->options->save_as)
        return source_is_there(there, pull, pull->options->save_as, source, NULL,
                               pull->options->sha256, error);
    DIR *entries = opendir(pull->models);
    for (struct dirent *entry; entries && !status && !*there && (entry = readdir(entries));) {
        if (home_name_is_good(entry->d_name))
            status = source_is_there(there, pull, entry->d_name, source, NULL,
                                     pull->options->sha256, error);
    }
    if (entries)
        closedir(entries);
    return status;
}

static assay_status pull_file(struct pull *pull, const char *path, assay_error *error)
{
    struct buffer source = {0};
    const char *slash = strrchr(path, '/');
    if (!buffer_format(&source, "archive:%s", slash ? slash + 1 : path))
        return error_memory(error, strlen(path));
    assay_status status = source_archive(pull, path, source.bytes, path, error);
    buffer_free(&source);
    return status;
}

assay_status assay_pull(const char *name, const assay_pull_options *options,
                        assay_pull_result *result, assay_error *error)
{
    const assay_pull_options none = ASSAY_PULL_OPTIONS_INIT;
    char *models = NULL;
    *result = (assay_pull_result){0};
    if (!options)
        options = &none;
    if (options->struct_size != sizeof *options)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "the options are of another version");
    if (!name || !*name)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "a model's name, file or address is needed");
    assay_status status = home_models(&models, options->home, error);
    struct pull pull = {options, models, result};
    if (status)
        return status;
    if (strncasecmp(name, "http://", 7) == 0 || strncasecmp(name, "https://", 8) == 0)
        status = source_url(&pull, name, error);
    else if (file_is_folder(name))
        status = source_folder(&pull, name, error);
    else if (file_exists(name))
        status = pull_file(&pull, name, error);
    else
        status = source_hub(&pull, name, error);
    if (status)
        assay_pull_result_free(result);
    memory_free(models);
    return status;
}

void assay_pull_result_free(assay_pull_result *result)
{
    if (!result)
        return;
    for (size_t i = 0; i < result->file_count; i++)
        memory_free(result->files[i].path);
    memory_free(result->files);
    memory_free(result->folder);
    memory_free(result->source);
    memory_free(result->licence);
    *result = (assay_pull_result){0};
}
