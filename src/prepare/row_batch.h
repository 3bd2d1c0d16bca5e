/* Rows held for a while, so that threads may work on many at once and each may be written after the
 * reader has gone on. Text and source of a row are stretches of one block; they keep their place
 * until the next fill. One thread fills; all may read.
 */
#ifndef ASSAY_PREPARE_ROW_BATCH_H
#define ASSAY_PREPARE_ROW_BATCH_H

#include "data/row_source.h"

enum { BATCH_ROWS = 4096, BATCH_BYTES = 16 << 20 };

struct held_row {
    const char *text;
    size_t text_length;
    const char *held; /* as row_source has it; NULL: the row could not be read */
    size_t held_length;
    const char *id;    /* NULL: known by its number */
    const char *label; /* NULL: it has none */
    const char *fault; /* why it could not be read; else NULL */
    int64_t row, line;
};

struct row_batch {
    struct held_row *rows; /* (BATCH_ROWS) */
    int64_t count;
    struct buffer bytes;
    bool ended; /* the reader has no more rows */
};

assay_status row_batch_open(struct row_batch *batch, assay_error *error);
void row_batch_free(struct row_batch *batch);

/* Replaces the rows by the next ones, none at the end. source NULL: only the texts are held.
 * keep_faulty: a row that cannot be read is held with its fault; else it is an error. `each` (may
 * be NULL) sees every good row while its fields can be asked for. */
typedef assay_status row_batch_visitor(void *context, assay_rows *rows, const assay_row *row,
                                       assay_error *error);
assay_status row_batch_fill(struct row_batch *batch, assay_rows *rows,
                            const struct row_source *source, bool keep_faulty,
                            row_batch_visitor *each, void *context, assay_error *error);

#endif
