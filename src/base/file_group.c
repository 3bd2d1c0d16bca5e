#include "base/file_group.h"

#include "base/error.h"

assay_status file_group_add(struct file_group *group, struct file_writer **writer, const char *path,
                            assay_error *error)
{
    *writer = NULL;
    if (group->count == FILE_GROUP_MAX) {
        error_set(error, ASSAY_ERROR_LIMIT, "too many files at once");
        error_at_file(error, path);
        return ASSAY_ERROR_LIMIT;
    }
    assay_status status = file_writer_open(writer, path, error);
    if (!status)
        group->writers[group->count++] = *writer;
    return status;
}

assay_status file_group_add_whole(struct file_group *group, const char *path, const void *bytes,
                                  size_t length, assay_error *error)
{
    struct file_writer *writer;
    assay_status status = file_group_add(group, &writer, path, error);
    return status ? status : file_writer_write(writer, bytes, length, error);
}

assay_status file_group_sync(struct file_group *group, assay_error *error)
{
    assay_status status = ASSAY_OK;
    for (size_t i = 0; i < group->count && !status; i++) {
        if (group->writers[i])
            status = file_writer_sync(group->writers[i], error);
    }
    return status;
}

assay_status file_group_commit(struct file_group *group, assay_error *error)
{
    assay_status status = file_group_sync(group, error);
    for (size_t i = group->count; i-- > 0 && !status;) {
        if (!group->writers[i])
            continue;
        status = file_writer_commit(group->writers[i], error);
        group->writers[i] = NULL;
        group->begun = group->begun || !status;
    }
    return status;
}

void file_group_close(struct file_group *group)
{
    for (size_t i = 0; i < group->count; i++)
        file_writer_abandon(group->writers[i]);
    *group = (struct file_group){0};
}
