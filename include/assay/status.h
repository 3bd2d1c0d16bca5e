/* Status codes and error details, and what holds of all functions.
 *
 * Every function that can fail returns an assay_status: 0 is success, negative is a failure. The
 * caller may pass an assay_error to learn where and why; NULL is always allowed. The struct is
 * owned by the caller, holds no pointers and may be copied. The library never prints or exits.
 *
 * A NULL where something is needed is ASSAY_ERROR_ARGUMENT from functions that return a status, and
 * nothing (0, NULL, false) from the others; what is opened is set to NULL first, so a failure
 * leaves nothing to close. Options structs begin with struct_size: start from their _INIT or
 * _init, then set fields; any other size is refused. Paths and texts are UTF-8 bytes; paths are
 * zero-ended.
 */
#ifndef ASSAY_STATUS_H
#define ASSAY_STATUS_H

#include "assay/version.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, value, message) */
#define ASSAY_STATUS_LIST(X)                                                                       \
    X(OK, 0, "done")                                                                               \
    X(ERROR_ARGUMENT, -1, "an argument is wrong")                                                  \
    X(ERROR_MEMORY, -2, "not enough memory")                                                       \
    X(ERROR_NOT_FOUND, -3, "not found")                                                            \
    X(ERROR_IO, -4, "reading or writing failed")                                                   \
    X(ERROR_FORMAT, -5, "the file is damaged or not of the expected format")                       \
    X(ERROR_SHAPE, -6, "a tensor has the wrong shape or type")                                     \
    X(ERROR_LIMIT, -7, "a limit is exceeded")                                                      \
    X(ERROR_UNSUPPORTED, -8, "not supported")                                                      \
    X(ERROR_NUMERIC, -9, "a value is not a finite number")                                         \
    X(ERROR_NETWORK, -10, "the network transfer failed")                                           \
    X(ERROR_CHECKSUM, -11, "a checksum does not match")                                            \
    X(ERROR_CHANGED, -12, "a file changed while it was in use")                                    \
    X(ERROR_MISSING_LIBRARY, -13, "a library that is opened when needed is not installed")         \
    X(ERROR_INTERNAL, -14, "a fault in assay itself")

typedef enum assay_status {
#define X(name, value, message) ASSAY_##name = value,
    ASSAY_STATUS_LIST(X)
#undef X
} assay_status;

enum { ASSAY_ERROR_MESSAGE_SIZE = 512, ASSAY_ERROR_FILE_SIZE = 512, ASSAY_ERROR_DETAIL_SIZE = 160 };

/* What went wrong. Strings are empty and numbers 0 where they do not apply; row and column count
 * from 1. `place` names a tensor, a JSON path or a field. */
typedef struct assay_error {
    assay_status status;
    int64_t row;
    int64_t column;
    char message[ASSAY_ERROR_MESSAGE_SIZE];
    char file[ASSAY_ERROR_FILE_SIZE];
    char place[ASSAY_ERROR_DETAIL_SIZE];
    char expected[ASSAY_ERROR_DETAIL_SIZE];
    char found[ASSAY_ERROR_DETAIL_SIZE];
} assay_error;

/* The code's name ("ERROR_FORMAT") and its general message; never NULL. */
const char *assay_status_name(assay_status status);
const char *assay_status_message(assay_status status);

/* Writes one line, "file:row:column: place: message (expected ..., found ...)", into `line` of
 * `size` bytes, always terminated when size > 0. Returns the length the whole line would have. */
size_t assay_error_format(const assay_error *error, char *line, size_t size);

/* Releases a string that an assay function made for its caller; NULL allowed. */
void assay_string_free(char *text);

#ifdef __cplusplus
}
#endif

#endif
