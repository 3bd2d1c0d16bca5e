/* The directory of a zip archive that lies in memory (APPNOTE 6.3, zip64 included).
 *
 * Every record is checked against the archive before it is used: the name and the packed data that
 * an entry speaks of lie inside it. Which names, methods and sizes are welcome is for the caller to
 * say. Archives in several parts and encrypted ones are refused. Nothing is allocated or copied, so
 * that stored files can be used where they lie; any thread may read.
 */
#ifndef ASSAY_BASE_ZIP_H
#define ASSAY_BASE_ZIP_H

#include "assay/status.h"

#include <stdbool.h>

enum { ZIP_STORED = 0, ZIP_DEFLATED = 8 };

struct zip_directory {
    const unsigned char *bytes;
    size_t length;
    size_t begin; /* of the records; all data lie before it */
    size_t end;
    size_t count;
};

struct zip_entry {
    const char *name; /* in the archive: any bytes, no zero byte behind them */
    size_t name_length;
    unsigned method;
    uint32_t crc;
    size_t packed;
    size_t size;
    size_t local; /* where its own header should stand */
    bool regular; /* neither a folder nor a link or device */
};

assay_status zip_directory_find(struct zip_directory *directory, const unsigned char *bytes,
                                size_t length, assay_error *error);
/* The record at *at, which moves on to the next; there are `count`, from `begin` on. */
assay_status zip_directory_next(struct zip_entry *entry, const struct zip_directory *directory,
                                size_t *at, assay_error *error);
/* The `packed` bytes of the entry; its own header must agree with the directory. Of a stored file
 * the two sizes must be equal, too. */
assay_status zip_entry_data(const unsigned char **data, const struct zip_directory *directory,
                            const struct zip_entry *entry, assay_error *error);

/* ASSAY_ERROR_FORMAT. */
assay_status zip_damaged(const char *what, assay_error *error);

#endif
