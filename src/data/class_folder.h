/* Walks a folder with one subfolder a class: classes in order of name, their files in order of
 * name. Hidden entries and files beside the classes are passed over; a folder inside a class is an
 * error. Only the names of one class are held at a time.
 */
#ifndef ASSAY_DATA_CLASS_FOLDER_H
#define ASSAY_DATA_CLASS_FOLDER_H

#include "assay/status.h"

#include <stddef.h>

struct name_list {
    char **names;
    size_t count;
    size_t capacity;
};

struct class_folder {
    char *path;
    struct name_list classes;
    size_t next_class; /* classes[next_class - 1] is being read */
    struct name_list files;
    size_t next_file;
    char *file_path; /* of the file last returned */
    char *id;        /* "class/file" */
};

assay_status class_folder_open(struct class_folder *folder, const char *path, assay_error *error);
/* *file_path becomes NULL behind the last file; strings last until the next call. */
assay_status class_folder_next(struct class_folder *folder, const char **file_path,
                               const char **label, const char **id, assay_error *error);
void class_folder_close(struct class_folder *folder);

#endif
