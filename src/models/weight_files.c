#include "models/weight_files.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "models/model.h"
#include "models/safetensors_internal.h"
#include "models/torch_file.h"

#include <string.h>

struct weight_file {
    const char *name;
    safetensors_reader *reader;
    bool index; /* of shards */
};

static const struct weight_file weight_files[] = {
    {"model.safetensors", safetensors_add_file, false},
    {"model.safetensors.index.json", safetensors_add_file, true},
    {"pytorch_model.bin", torch_file_add, false},
    {"pytorch_model.bin.index.json", torch_file_add, true},
    {"model.pt", torch_file_add, false},
    {"model.pth", torch_file_add, false},
    {"pytorch_model.pt", torch_file_add, false},
    {"pytorch_model.pth", torch_file_add, false},
};

static const struct weight_file *find(const char *folder)
{
    for (size_t i = 0; i < sizeof weight_files / sizeof *weight_files; i++) {
        if (model_folder_has(folder, weight_files[i].name))
            return &weight_files[i];
    }
    return NULL;
}

assay_status weight_files_open(struct safetensors **out, const char *folder, assay_error *error)
{
    const struct weight_file *found = find(folder);
    *out = NULL;
    if (!found) {
        safetensors_refuse(folder, NULL, error, ASSAY_ERROR_NOT_FOUND,
                           "the folder holds no weights");
        error_expected(error, "model.safetensors or pytorch_model.bin, or an index of shards");
        return ASSAY_ERROR_NOT_FOUND;
    }
    if (found->index)
        return safetensors_open_index(out, folder, found->name, found->reader, error);
    char *path = path_join(folder, found->name);
    if (!path)
        return error_memory(error, strlen(folder));
    assay_status status = safetensors_open_with(out, path, found->reader, error);
    memory_free(path);
    return status;
}

const char *weight_files_single(const char *folder)
{
    const struct weight_file *found = find(folder);
    return found && !found->index ? found->name : NULL;
}
