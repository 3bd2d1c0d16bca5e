/* A file that grows by whole records: each is one write, and one that fails half way is taken back,
 * so that a full disk or a kill leaves at most the last record torn, which the next run cuts off.
 * Used by one thread.
 */
#ifndef ASSAY_TRAIN_APPEND_FILE_H
#define ASSAY_TRAIN_APPEND_FILE_H

#include "assay/status.h"

#include <stdbool.h>

struct append_file {
    int fd; /* -1 when closed */
    bool regular;
    int64_t size;
    char *path;
};

/* The length of the record that begins at `bytes`; 0 when it is torn or not to be kept; -1 when
 * memory ran out before that was known. */
typedef int64_t append_file_record(void *context, const char *bytes, size_t length);

/* Opens the file, made when absent. `record` NULL empties it; else `record` is shown each record in
 * turn, with at most max_record bytes of what is left, and the file is cut where it first says 0.
 */
assay_status append_file_open(struct append_file *out, const char *path, size_t max_record,
                              append_file_record *record, void *context, assay_error *error);
assay_status append_file_write(struct append_file *file, const void *bytes, size_t length,
                               assay_error *error);
assay_status append_file_sync(struct append_file *file, assay_error *error);
void append_file_close(struct append_file *file); /* closed ones allowed */

#endif
