/* Rows of text data, streamed: .jsonl, .csv and .tsv, a folder with one subfolder of text files a
 * class, any other file as one text, and "-" for standard input, one text a line, each returned as
 * soon as its line is complete. Memory is bounded by the largest row.
 *
 * Text must be UTF-8; a byte order mark at the start of a file is skipped. A row that is refused
 * (ASSAY_ERROR_FORMAT, ASSAY_ERROR_LIMIT) is passed over: the next call goes on with the row after
 * it. Errors carry the file, the line as `row`, the field as `place`. One thread a reader.
 * CSV follows RFC 4180, as Python's csv module reads it but strict about stray quotes and the
 * number of fields; .tsv is the same with tabs, quotes included.
 */
#ifndef ASSAY_ROWS_H
#define ASSAY_ROWS_H

#include "assay/status.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct assay_rows assay_rows;

typedef enum assay_rows_format {
    ASSAY_ROWS_BY_NAME = 0, /* by the ending of the path, as described above */
    ASSAY_ROWS_JSONL,
    ASSAY_ROWS_CSV,
    ASSAY_ROWS_TSV,
    ASSAY_ROWS_LINES, /* a text a line */
    ASSAY_ROWS_WHOLE, /* the file is one text */
    ASSAY_ROWS_FOLDER
} assay_rows_format;

enum { ASSAY_ROWS_MAX_BYTES = 64 << 20, ASSAY_ROWS_MAX_FIELDS = 4096 };

/* Fields left NULL are looked for under their usual names, and only text must exist; a field that
 * is named here must exist too. "" is a field that is not looked for. */
typedef struct assay_rows_options {
    size_t struct_size;
    const char *text_field;  /* "text" */
    const char *pair_field;  /* none */
    const char *id_field;    /* "id" */
    const char *label_field; /* "label" */
    size_t max_row_bytes;    /* ASSAY_ROWS_MAX_BYTES when 0; of the file, so escapes count */
    assay_rows_format format;
} assay_rows_options;

#define ASSAY_ROWS_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(assay_rows_options), NULL, NULL, NULL, NULL, 0, ASSAY_ROWS_BY_NAME                  \
    }

/* A label of the data that counts as another, where a model names its classes otherwise: rows are
 * read as they stand, and calls that hold labels against a model's take these. */
typedef struct assay_label_rename {
    const char *from, *to;
} assay_label_rename;

/* Strings are zero-ended, belong to the reader and last until its next call. Text may hold zero
 * bytes too: mind the length; an id or a label with one is refused. */
typedef struct assay_row {
    const char *id;   /* the id field, a class folder's "class/file", else the row's number */
    const char *text; /* NULL: there are no more rows */
    size_t text_length;
    const char *pair; /* NULL without pair_field */
    size_t pair_length;
    const char *label; /* NULL when there is none; numbers and booleans as text */
    const char *file;  /* where the row came from */
    int64_t row;       /* from 1, refused rows counted */
    int64_t line;      /* in the file, from 1 */
    bool numbered;     /* the id is the row's number */
} assay_row;

/* options may be NULL. ASSAY_ERROR_NOT_FOUND where there is no such file; a folder must have
 * subfolders of text files. */
assay_status assay_rows_open(assay_rows **out, const char *path, const assay_rows_options *options,
                             assay_error *error);
/* The next row; text is NULL behind the last, with ASSAY_OK. */
assay_status assay_rows_next(assay_rows *rows, assay_row *row, assay_error *error);
/* Any other field of the row last returned: a string as it is, other JSON values as JSON text; NULL
 * when the row has none of that name. Lasts until the next call of either function; length may be
 * NULL. */
const char *assay_rows_field(assay_rows *rows, const char *name, size_t *length);
/* Bytes of the source read so far, for progress. */
uint64_t assay_rows_bytes(const assay_rows *rows);
void assay_rows_close(assay_rows *rows); /* NULL allowed */

#ifdef __cplusplus
}
#endif

#endif
