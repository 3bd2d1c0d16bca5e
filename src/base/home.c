#include "base/home.h"

#include "assay/pull.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 128 };

assay_status home_folder(char **out, assay_error *error)
{
    const char *home = getenv("ASSAY_HOME");
    *out = NULL;
    if (home && *home) {
        *out = memory_copy_string(home);
    } else {
        home = getenv("HOME");
        if (!home || !*home)
            return error_set(error, ASSAY_ERROR_NOT_FOUND,
                             "neither ASSAY_HOME nor HOME is set: set ASSAY_HOME to a folder");
        *out = path_join(home, ".cache/assay");
    }
    return *out ? ASSAY_OK : error_memory(error, strlen(home));
}

assay_status home_models(char **out, const char *home, assay_error *error)
{
    char *found = NULL;
    *out = NULL;
    assay_status status = ASSAY_OK;
    if (!home) {
        status = home_folder(&found, error);
        home = found;
    }
    if (!status && !(*out = path_join(home, "models")))
        status = error_memory(error, strlen(home));
    memory_free(found);
    return status;
}

bool home_name_is_good(const char *name)
{
    size_t length = strlen(name);
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._-";
    return length && length <= MAX_NAME && name[0] != '.' && strspn(name, allowed) == length;
}

static assay_status look_up(char **folder, const char *name, assay_error *error)
{
    char *models = NULL;
    assay_status status = home_models(&models, NULL, error);
    if (status)
        return status;
    const char *slash = strrchr(name, '/'); /* org/model is kept under model */
    bool hub_name = slash && strchr(name, '/') == slash && name[0] != '.' && slash != name;
    const char *short_name = hub_name ? slash + 1 : name;
    char *path = home_name_is_good(short_name) ? path_join(models, short_name) : NULL;
    if (path && file_is_folder(path)) {
        *folder = path;
    } else {
        status = error_set(error, ASSAY_ERROR_NOT_FOUND,
                           "no such model; looked for the folder %s and for %s/%s; "
                           "`assay pull %s` may get it",
                           name, models, short_name, name);
        memory_free(path);
    }
    memory_free(models);
    return status;
}

assay_status assay_model_folder(char **folder, const char *name_or_path, assay_error *error)
{
    if (!folder)
        return error_needs(error, __func__, "folder");
    *folder = NULL;
    if (!name_or_path || !*name_or_path)
        return error_set(error, ASSAY_ERROR_ARGUMENT, "a model's folder or name is needed");
    if (file_is_folder(name_or_path)) {
        *folder = memory_copy_string(name_or_path);
        return *folder ? ASSAY_OK : error_memory(error, strlen(name_or_path));
    }
    if (file_exists(name_or_path)) {
        error_set(error, ASSAY_ERROR_ARGUMENT,
                  "a model is a folder; `assay pull` unpacks archives");
        error_at_file(error, name_or_path);
        return ASSAY_ERROR_ARGUMENT;
    }
    return look_up(folder, name_or_path, error);
}
