/* What reads, mappings and writers of base/file.h share.
 */
#ifndef ASSAY_BASE_FILE_INTERNAL_H
#define ASSAY_BASE_FILE_INTERNAL_H

#include "assay/status.h"

#include <sys/stat.h>

/* The report of a call that failed, by errno. */
assay_status file_io_error(assay_error *error, const char *path, const char *what);
assay_status file_too_large(const char *path, size_t max_bytes, uint64_t found, assay_error *error);
/* Opens a regular file for reading; anything else of that name is refused without waiting for it.
 */
assay_status file_open_regular(int *out, struct stat *state, const char *path, assay_error *error);

#endif
