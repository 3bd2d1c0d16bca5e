/* Rows written back as they stood in their source: .jsonl lines byte for byte, .csv and .tsv value
 * for value (a field is quoted where it must be), and some fields replaced. Rows of class folders,
 * of lines and of whole files become .jsonl with id, text and label.
 *
 * A row is held in the form in which it is written, without its line end, and may be changed later,
 * when the reader has gone on, and by any thread. A row_source is read-only once opened.
 */
#ifndef ASSAY_DATA_ROW_SOURCE_H
#define ASSAY_DATA_ROW_SOURCE_H

#include "assay/rows.h"
#include "base/json.h"
#include "data/csv.h"

enum row_role { ROW_TEXT, ROW_ID, ROW_LABEL };

struct row_source {
    assay_rows_format format; /* of the written rows: JSONL, CSV or TSV */
    char *names[3];           /* by row_role; NULL: there is no such field */
    struct buffer header;     /* of .csv and .tsv: the line, without its end */
    char **columns;           /* their names */
    size_t column_count;
};

struct row_change {
    const char *name;
    const char *value;
    size_t length;
};

assay_status row_source_open(struct row_source *source, const assay_rows *rows, assay_error *error);
void row_source_close(struct row_source *source);
/* ".jsonl", ".csv" or ".tsv" */
const char *row_source_ending(const struct row_source *source);

/* Appends the row that the reader returned last. */
assay_status row_source_hold(struct buffer *held, const struct row_source *source,
                             const assay_rows *rows, const assay_row *row, assay_error *error);
/* Appends a held row with its line end. A field that the row does not have is not added; one that
 * stands twice is replaced twice. */
assay_status row_source_write(struct buffer *out, const struct row_source *source, const char *held,
                              size_t length, const struct row_change *changes, size_t count,
                              assay_error *error);
/* Appends a held row as a JSON object. */
assay_status row_source_write_json(struct buffer *out, const struct row_source *source,
                                   const char *held, size_t length, assay_error *error);

/* What a reader knows of its present row; rows.c. */
assay_rows_format rows_format(const assay_rows *rows);
const struct buffer *rows_line(const assay_rows *rows);       /* of .jsonl */
const struct csv_record *rows_header(const assay_rows *rows); /* of .csv and .tsv */
const struct csv_record *rows_record(const assay_rows *rows);
const char *rows_field_name(const assay_rows *rows, enum row_role role); /* NULL: not looked for */

#endif
