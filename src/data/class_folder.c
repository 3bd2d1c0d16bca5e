#include "data/class_folder.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64, MAX_FILES = 10000000 };

static void free_names(struct name_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        memory_free(list->names[i]);
    memory_free(list->names);
    *list = (struct name_list){0};
}

static assay_status add_name(struct name_list *list, const char *name, assay_error *error)
{
    if (list->count == MAX_FILES)
        return error_set(error, ASSAY_ERROR_LIMIT, "the folder holds more than %d files",
                         MAX_FILES);
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : FIRST_CAPACITY;
        char **grown = memory_resize(list->names, capacity, sizeof *grown);
        if (!grown)
            return error_memory(error, capacity * sizeof *grown);
        list->names = grown;
        list->capacity = capacity;
    }
    list->names[list->count] = memory_copy_string(name);
    if (!list->names[list->count])
        return error_memory(error, strlen(name));
    list->count++;
    return ASSAY_OK;
}

static int compare(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The folders in `path`, or its files, where a folder is then refused; sorted. */
static assay_status list_folder(struct name_list *out, const char *path, bool folders,
                                assay_error *error)
{
    assay_status status = ASSAY_OK;
    DIR *entries = opendir(path);
    if (!entries) {
        error_set(error, errno == ENOENT ? ASSAY_ERROR_NOT_FOUND : ASSAY_ERROR_IO,
                  "cannot read the folder: %s", strerror(errno));
        error_at_file(error, path);
        return errno == ENOENT ? ASSAY_ERROR_NOT_FOUND : ASSAY_ERROR_IO;
    }
    for (struct dirent *entry; !status && (entry = readdir(entries));) {
        if (entry->d_name[0] == '.')
            continue;
        char *inner = path_join(path, entry->d_name);
        if (!inner) {
            status = error_memory(error, strlen(path));
            break;
        }
        bool is_folder = file_is_folder(inner);
        if (is_folder == folders)
            status = add_name(out, entry->d_name, error);
        else if (is_folder)
            status = error_set(error, ASSAY_ERROR_FORMAT,
                               "a class folder may hold text files only, not folders");
        if (status)
            error_at_file(error, inner);
        memory_free(inner);
    }
    closedir(entries);
    if (!status && out->count)
        qsort(out->names, out->count, sizeof *out->names, compare);
    return status;
}

assay_status class_folder_open(struct class_folder *folder, const char *path, assay_error *error)
{
    *folder = (struct class_folder){0};
    folder->path = memory_copy_string(path);
    if (!folder->path)
        return error_memory(error, strlen(path));
    assay_status status = list_folder(&folder->classes, path, true, error);
    if (!status && folder->classes.count == 0) {
        status = error_set(error, ASSAY_ERROR_FORMAT,
                           "the folder needs a subfolder of text files for each class");
        error_at_file(error, path);
    }
    if (status)
        class_folder_close(folder);
    return status;
}

static assay_status enter_class(struct class_folder *folder, assay_error *error)
{
    free_names(&folder->files);
    folder->next_file = 0;
    char *path = path_join(folder->path, folder->classes.names[folder->next_class++]);
    if (!path)
        return error_memory(error, strlen(folder->path));
    assay_status status = list_folder(&folder->files, path, false, error);
    if (status)
        free_names(&folder->files);
    memory_free(path);
    return status;
}

assay_status class_folder_next(struct class_folder *folder, const char **file_path,
                               const char **label, const char **id, assay_error *error)
{
    *file_path = NULL;
    while (folder->next_file == folder->files.count) {
        if (folder->next_class == folder->classes.count)
            return ASSAY_OK;
        assay_status status = enter_class(folder, error);
        if (status)
            return status;
    }
    const char *class_name = folder->classes.names[folder->next_class - 1];
    memory_free(folder->id);
    memory_free(folder->file_path);
    folder->id = path_join(class_name, folder->files.names[folder->next_file++]);
    folder->file_path = folder->id ? path_join(folder->path, folder->id) : NULL;
    if (!folder->file_path)
        return error_memory(error, strlen(folder->path));
    *file_path = folder->file_path;
    *label = class_name;
    *id = folder->id;
    return ASSAY_OK;
}

void class_folder_close(struct class_folder *folder)
{
    free_names(&folder->classes);
    free_names(&folder->files);
    memory_free(folder->path);
    memory_free(folder->file_path);
    memory_free(folder->id);
    *folder = (struct class_folder){0};
}
