/* Bytes and lines of a file, pipe or standard input, with one chunk of memory. Never waits for
 * bytes behind the one that was asked for. Skips a byte order mark at the start.
 */
#ifndef ASSAY_DATA_READER_H
#define ASSAY_DATA_READER_H

#include "assay/status.h"
#include "base/buffer.h"

#include <stdbool.h>

enum { READER_CHUNK = 64 << 10, READER_END = -1, READER_FAILED = -2 };

struct reader {
    int fd;
    int failure; /* errno of a failed read */
    bool started;
    bool ended;
    int64_t line;   /* of the next byte, from 1 */
    uint64_t bytes; /* read since opening */
    size_t begin;
    size_t end;
    char chunk[READER_CHUNK];
};

/* "-" is standard input, which close leaves open. */
assay_status reader_open(struct reader *reader, const char *path, assay_error *error);
void reader_close(struct reader *reader);

/* The next byte as 0 to 255, READER_END or READER_FAILED. `peek` does not consume it. */
int reader_byte(struct reader *reader);
int reader_peek(struct reader *reader);
/* The report behind READER_FAILED. */
assay_status reader_failure(const struct reader *reader, assay_error *error);

/* Appends the next line without its end (LF or CR LF). *found is false at the end of the file. A
 * line longer than max_bytes is read to its end and refused with ASSAY_ERROR_LIMIT. */
assay_status reader_line(struct reader *reader, struct buffer *line, size_t max_bytes, bool *found,
                         assay_error *error);
/* Appends all that is left. */
assay_status reader_rest(struct reader *reader, struct buffer *text, size_t max_bytes,
                         assay_error *error);

#endif
