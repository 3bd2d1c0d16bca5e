/* Filling an assay_error. Every function accepts a NULL error.
 *
 * error_set starts a fresh report and returns its status, so that a failure is one statement:
 *     return error_set(error, ASSAY_ERROR_FORMAT, "header is cut short");
 * The error_at_* calls add detail to a report already set; the innermost caller that knows a
 * detail wins, so they never overwrite one.
 */
#ifndef ASSAY_BASE_ERROR_H
#define ASSAY_BASE_ERROR_H

#include "assay/status.h"

assay_status error_set(assay_error *error, assay_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Status ASSAY_ERROR_MEMORY with the size that could not be had. */
assay_status error_memory(assay_error *error, size_t bytes);

/* What public functions say of a NULL where they need something: "assay_model_save needs a folder",
 * with `function` from __func__. */
assay_status error_needs(assay_error *error, const char *function, const char *what);

/* ASSAY_OK when the struct_size that a caller gave is the one that this library knows. `start` is
 * what options begin with: "ASSAY_ROWS_OPTIONS_INIT". */
assay_status error_options(assay_error *error, size_t given, size_t known, const char *start);

/* ASSAY_OK when `count` texts are there, each of them; `name` is the option's. */
assay_status error_list(assay_error *error, const char *const *list, size_t count,
                        const char *name);

void error_at_file(assay_error *error, const char *path);
void error_at_row(assay_error *error, int64_t row, int64_t column);
void error_at_place(assay_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void error_expected(assay_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void error_found(assay_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
