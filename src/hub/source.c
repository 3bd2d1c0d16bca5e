/* What the sources share: the short name of a model, and whether it is there already. */
#include "hub/source.h"

#include "base/error.h"
#include "base/file.h"
#include "base/home.h"
#include "base/memory.h"
#include "hub/manifest.h"

#include <dirent.h>
#include <string.h>

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
