/* Reading archives as a stream of files: zip (and wheels), tar and tar.gz, told apart by their
 * first bytes.
 *
 * The visitor's `begin` is asked about every regular file and says whether its contents are wanted;
 * these then come through `data`, in order, and `end` follows once they are complete and, in a zip,
 * agree with their CRC. Names are checked before: relative, UTF-8, no "..", no backslash, none
 * twice in a zip. Links and devices are passed over. Sizes are bounded against bombs. Encryption
 * and methods but stored and deflate are refused (base/zip.h; POSIX pax, ustar, GNU long names).
 */
#ifndef ASSAY_HUB_ARCHIVE_H
#define ASSAY_HUB_ARCHIVE_H

#include "assay/status.h"

#include <stdbool.h>

enum {
    ARCHIVE_MAX_ENTRIES = 65534,
    ARCHIVE_MAX_NAME = 1024,
    ARCHIVE_MAX_RATIO = 200, /* of all contents to the archive, which model files never reach */
    ARCHIVE_FREE_BYTES = 64 << 20, /* allowed whatever the ratio */
};

struct archive_visitor {
    void *context;
    assay_status (*begin)(void *context, const char *name, uint64_t size, bool *wanted,
                          assay_error *error);
    assay_status (*data)(void *context, const void *bytes, size_t length, assay_error *error);
    assay_status (*end)(void *context, assay_error *error);
};

assay_status archive_read(const char *path, const struct archive_visitor *visitor,
                          assay_error *error);

/* For archive.c and the fuzz target: the whole archive in memory. */
assay_status zip_read(const unsigned char *bytes, size_t length,
                      const struct archive_visitor *visitor, assay_error *error);
assay_status tar_read(const unsigned char *bytes, size_t length,
                      const struct archive_visitor *visitor, assay_error *error);
/* ASSAY_OK for a name that may be written below a folder. */
assay_status archive_check_name(const char *name, size_t length, assay_error *error);
/* What the contents of an archive of this size may come to. */
uint64_t archive_limit(size_t length);

#endif
