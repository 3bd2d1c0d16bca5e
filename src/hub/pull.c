#include "assay/pull.h"

#include "base/error.h"
#include "base/file.h"
#include "base/home.h"
#include "base/memory.h"
#include "hub/manifest.h"
#include "hub/source.h"

#include <string.h>
#include <strings.h>

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
    if (!result)
        return error_needs(error, __func__, "result");
    const assay_pull_options none = ASSAY_PULL_OPTIONS_INIT;
    char *models = NULL;
    *result = (assay_pull_result){0};
    if (!options)
        options = &none;
    if (error_options(error, options->struct_size, sizeof *options, "ASSAY_PULL_OPTIONS_INIT"))
        return ASSAY_ERROR_ARGUMENT;
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
