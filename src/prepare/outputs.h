/* The files of one call: hashed while they are written, and put into their places together
 * (base/file_group.h), the one opened first last. One thread; start from {0}.
 */
#ifndef ASSAY_PREPARE_OUTPUTS_H
#define ASSAY_PREPARE_OUTPUTS_H

#include "base/file_group.h"
#include "base/sha256.h"

struct output_file {
    struct file_writer *writer; /* of the group */
    char *path;
    struct sha256 hash;
    uint64_t bytes;
    int64_t rows;              /* counted by those who write */
    char hex[SHA256_HEX_SIZE]; /* after output_end */
};

struct output_set {
    struct file_group group;
    struct output_file *files[FILE_GROUP_MAX];
    size_t count;
};

/* path: `path` with `ending` behind it. */
assay_status outputs_open(struct output_set *set, struct output_file **out, const char *path,
                          const char *ending, assay_error *error);
assay_status output_write(struct output_file *file, const void *bytes, size_t length,
                          assay_error *error);
/* The fingerprint; nothing may be written behind it. */
void output_end(struct output_file *file);
/* What was not committed leaves no trace. */
void outputs_close(struct output_set *set);

#endif
