/* Files that belong together: each is written beside its place and synced before the first is
 * renamed, so that a failure leaves what stood before. The one added first is renamed last: where
 * it is new, the others are too. A process that is killed between two renames leaves some of them
 * new. One thread; start from {0}.
 */
#ifndef ASSAY_BASE_FILE_GROUP_H
#define ASSAY_BASE_FILE_GROUP_H

#include "base/file.h"

enum { FILE_GROUP_MAX = 80 };

struct file_group {
    struct file_writer *writers[FILE_GROUP_MAX]; /* NULL: renamed */
    size_t count;
    bool begun; /* a rename was made, also where the commit failed behind it */
};

/* The writer belongs to the group: it is written to, and neither committed nor abandoned. */
assay_status file_group_add(struct file_group *group, struct file_writer **writer, const char *path,
                            assay_error *error);
/* A small file, whole. */
assay_status file_group_add_whole(struct file_group *group, const char *path, const void *bytes,
                                  size_t length, assay_error *error);
/* Commit does this first; by itself it shows that the disk took everything. */
assay_status file_group_sync(struct file_group *group, assay_error *error);
assay_status file_group_commit(struct file_group *group, assay_error *error);
/* What was not renamed leaves no trace. */
void file_group_close(struct file_group *group);

#endif
