/* One record at a time of separated values, RFC 4180: fields may be quoted, a quote inside is
 * doubled, a quoted field may hold separators and line ends. Blank lines are passed over.
 * A record belongs to its owner and keeps its memory from call to call; start from {0}.
 */
#ifndef ASSAY_DATA_CSV_H
#define ASSAY_DATA_CSV_H

#include "data/reader.h"

struct csv_record {
    struct buffer bytes; /* the fields, each with a zero byte behind it */
    size_t *ends;        /* of field i in bytes, its zero byte not counted */
    size_t count;
    size_t capacity;
    int64_t line; /* on which the record starts */
};

/* *found is false at the end of the file. After ASSAY_ERROR_FORMAT or ASSAY_ERROR_LIMIT the reader
 * stands behind the record. */
assay_status csv_next(struct csv_record *record, struct reader *reader, char separator,
                      size_t max_bytes, bool *found, assay_error *error);
const char *csv_field(const struct csv_record *record, size_t index, size_t *length);
void csv_free(struct csv_record *record);

#endif
