/* What a source of rows is told apart by. A file's is its SHA-256; a class folder's is that of the
 * lines "SHA-256  class/file\n" in the order of reading: what `cd folder && LC_ALL=C sha256sum ...`
 * prints, summed again.
 */
#ifndef ASSAY_DATA_FINGERPRINT_H
#define ASSAY_DATA_FINGERPRINT_H

#include "base/sha256.h"

#include <stdbool.h>
#include <sys/stat.h>

struct fingerprint {
    char hex[SHA256_HEX_SIZE];
    uint64_t bytes;
    struct stat state; /* of the path when it was taken */
};

/* done of total bytes; total 0: not known. */
typedef void fingerprint_progress(void *context, uint64_t done, uint64_t total);

/* An empty source is an error. progress NULL: not told. */
assay_status fingerprint_take(struct fingerprint *mark, const char *path,
                              fingerprint_progress *progress, void *context, assay_error *error);
/* The hexadecimal digits alone. */
assay_status fingerprint_hex(char hex[SHA256_HEX_SIZE], const char *path, assay_error *error);
/* ASSAY_ERROR_CHANGED when size or time of the file are no longer those of the fingerprint. */
assay_status fingerprint_check(const struct fingerprint *mark, const char *path,
                               assay_error *error);
bool fingerprint_same_file(const struct fingerprint *mark, const char *path);

#endif
