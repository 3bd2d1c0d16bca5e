/* JSON: strict parsing (json-c behind this header), typed reading that reports file and key, and a
 * writer into a buffer.
 *
 * A parsed value belongs to its document root: free the root only. Strings are UTF-8, checked while
 * parsing, and end with a zero byte; they may hold zero bytes inside, so mind the length. Values
 * may be read by many threads at once.
 */
#ifndef ASSAY_BASE_JSON_H
#define ASSAY_BASE_JSON_H

#include "assay/status.h"
#include "base/buffer.h"

#include <stdbool.h>

enum { JSON_MAX_DEPTH = 64 };

struct json; /* one value of any kind */

enum json_kind {
    JSON_NULL, /* also the kind of a NULL pointer, so that an absent member reads as null */
    JSON_BOOLEAN,
    JSON_INTEGER,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* Parses exactly one value; `file` (may be NULL) names the source in errors, which carry the row
 * and column of the fault. */
assay_status json_parse(struct json **root, const char *text, size_t length, const char *file,
                        assay_error *error);
assay_status json_parse_file(struct json **root, const char *path, size_t max_bytes,
                             assay_error *error);
void json_free(struct json *root); /* NULL allowed */

enum json_kind json_kind(const struct json *value);
const char *json_kind_name(enum json_kind kind);

/* The member of that name, or NULL when absent or when `object` is not an object. */
const struct json *json_member(const struct json *object, const char *key);
size_t
json_count(const struct json *value); /* elements of an array, members of an object; else 0 */
const struct json *json_element(const struct json *array, size_t index); /* NULL outside */

/* Visits members in file order; stops at the first status that is not ASSAY_OK and returns it. */
typedef assay_status json_visitor(void *context, const char *key, size_t key_length,
                                  const struct json *value, assay_error *error);
assay_status json_each_member(const struct json *object, json_visitor *visit, void *context,
                              assay_error *error);

/* The value itself; only for the right kind, else "", 0 or false. An integer counts as a number. */
const char *json_string(const struct json *value);
size_t json_string_length(const struct json *value);
bool json_boolean(const struct json *value);
int64_t json_integer(const struct json *value);
double json_number(const struct json *value);

/* Members with a rule. `required` ones fail with ASSAY_ERROR_FORMAT naming the key when absent or
 * null; otherwise `*out` keeps the value it had. The wrong kind, or an integer outside
 * [minimum, maximum], is always an error that says what was expected and found. A whole number
 * written as 1.0 or 1e3 counts as an integer. */
assay_status json_read_string(const char **out, const struct json *object, const char *key,
                              bool required, assay_error *error);
assay_status json_read_boolean(bool *out, const struct json *object, const char *key, bool required,
                               assay_error *error);
assay_status json_read_integer(int64_t *out, const struct json *object, const char *key,
                               int64_t minimum, int64_t maximum, bool required, assay_error *error);
assay_status json_read_number(double *out, const struct json *object, const char *key,
                              bool required, assay_error *error);

/* Writer. Commas and escapes are its business; indent 0 writes everything on one line. Start from
 * {.out = &buffer, .indent = 0 or 2}. `failed` becomes true when memory ran out, and stays. */
struct json_writer {
    struct buffer *out;
    int indent;
    int depth;
    bool failed;
    bool after_key;
    bool has_members[JSON_MAX_DEPTH];
};

void json_begin_object(struct json_writer *writer);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer);
void json_end_array(struct json_writer *writer);
void json_key(struct json_writer *writer, const char *key);
void json_put_string(struct json_writer *writer, const char *text);
/* Bytes that are not UTF-8 are written as U+FFFD. */
void json_put_bytes(struct json_writer *writer, const char *text, size_t length);
void json_put_integer(struct json_writer *writer, int64_t value);
void json_put_number(struct json_writer *writer,
                     double value);                           /* shortest that reads back equal; */
void json_put_float(struct json_writer *writer, float value); /* not finite becomes null */
void json_put_boolean(struct json_writer *writer, bool value);
void json_put_null(struct json_writer *writer);
/* A key with its value; a text that is NULL becomes null. */
void json_put_named_string(struct json_writer *writer, const char *key, const char *text);
void json_put_named_integer(struct json_writer *writer, const char *key, int64_t value);
void json_put_named_number(struct json_writer *writer, const char *key, double value);
/* A parsed value, as it was. */
void json_put_value(struct json_writer *writer, const struct json *value);

#endif
