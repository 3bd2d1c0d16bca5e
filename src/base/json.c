#include "base/json.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json_scan.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <string.h>

static assay_status build_tree(struct json **root, const char *text, size_t length,
                               assay_error *error)
{
    if (length > INT_MAX - 1)
        return error_set(error, ASSAY_ERROR_LIMIT, "the JSON text is larger than 2 GB");
    struct json_tokener *tokener = json_tokener_new_ex(JSON_MAX_DEPTH + 2);
    if (!tokener)
        return error_memory(error, length);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *object = json_tokener_parse_ex(tokener, text, (int)length);
    enum json_tokener_error outcome = json_tokener_get_error(tokener);
    if (outcome == json_tokener_continue) { /* a bare number ends only at a zero byte */
        object = json_tokener_parse_ex(tokener, "", 1);
        outcome = json_tokener_get_error(tokener);
    }
    assay_status status = ASSAY_OK;
    if (outcome != json_tokener_success) {
        json_object_put(object);
        object = NULL;
        status = error_set(error, ASSAY_ERROR_FORMAT, "%s", json_tokener_error_desc(outcome));
    }
    json_tokener_free(tokener);
    *root = (struct json *)object;
    return status;
}

assay_status json_parse(struct json **root, const char *text, size_t length, const char *file,
                        assay_error *error)
{
    *root = NULL;
    struct buffer rewritten = {0};
    assay_status status = json_scan(&rewritten, text, length, error);
    if (!status)
        status = rewritten.length ? build_tree(root, rewritten.bytes, rewritten.length, error)
                                  : build_tree(root, text, length, error);
    if (status)
        error_at_file(error, file);
    buffer_free(&rewritten);
    return status;
}

assay_status json_parse_file(struct json **root, const char *path, size_t max_bytes,
                             assay_error *error)
{
    *root = NULL;
    struct buffer contents = {0};
    assay_status status = file_read(&contents, path, max_bytes, error);
    if (!status)
        status =
            json_parse(root, contents.bytes ? contents.bytes : "", contents.length, path, error);
    buffer_free(&contents);
    return status;
}

void json_free(struct json *root)
{
    json_object_put((struct json_object *)root);
}

static struct json_object *inner(const struct json *value)
{
    return (struct json_object *)(uintptr_t)value;
}

enum json_kind json_kind(const struct json *value)
{
    switch (json_object_get_type(inner(value))) {
    case json_type_null:
        return JSON_NULL;
    case json_type_boolean:
        return JSON_BOOLEAN;
    case json_type_double:
        return JSON_NUMBER;
    case json_type_int:
        return JSON_INTEGER;
    case json_type_string:
        return JSON_STRING;
    case json_type_array:
        return JSON_ARRAY;
    case json_type_object:
        return JSON_OBJECT;
    }
    return JSON_NULL;
}

const char *json_kind_name(enum json_kind kind)
{
    static const char *const names[] = {"null",     "a boolean", "an integer", "a number",
                                        "a string", "an array",  "an object"};
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

const struct json *json_member(const struct json *object, const char *key)
{
    struct json_object *value = NULL;
    if (json_kind(object) != JSON_OBJECT)
        return NULL;
    json_object_object_get_ex(inner(object), key, &value);
    return (const struct json *)value;
}

size_t json_count(const struct json *value)
{
    if (json_kind(value) == JSON_ARRAY)
        return json_object_array_length(inner(value));
    if (json_kind(value) == JSON_OBJECT)
        return (size_t)json_object_object_length(inner(value));
    return 0;
}

const struct json *json_element(const struct json *array, size_t index)
{
    if (json_kind(array) != JSON_ARRAY)
        return NULL;
    return (const struct json *)json_object_array_get_idx(inner(array), index);
}

assay_status json_each_member(const struct json *object, json_visitor *visit, void *context,
                              assay_error *error)
{
    if (json_kind(object) != JSON_OBJECT)
        return ASSAY_OK;
    struct json_object_iterator at = json_object_iter_begin(inner(object));
    struct json_object_iterator end = json_object_iter_end(inner(object));
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *key = json_object_iter_peek_name(&at);
        const struct json *value = (const struct json *)json_object_iter_peek_value(&at);
        assay_status status = visit(context, key, strlen(key), value, error);
        if (status)
            return status;
    }
    return ASSAY_OK;
}

const char *json_string(const struct json *value)
{
    return json_kind(value) == JSON_STRING ? json_object_get_string(inner(value)) : "";
}

size_t json_string_length(const struct json *value)
{
    return json_kind(value) == JSON_STRING ? (size_t)json_object_get_string_len(inner(value)) : 0;
}

bool json_boolean(const struct json *value)
{
    return json_kind(value) == JSON_BOOLEAN && json_object_get_boolean(inner(value));
}

int64_t json_integer(const struct json *value)
{
    return json_kind(value) == JSON_INTEGER ? json_object_get_int64(inner(value)) : 0;
}

double json_number(const struct json *value)
{
    if (json_kind(value) == JSON_INTEGER)
        return (double)json_object_get_int64(inner(value));
    return json_kind(value) == JSON_NUMBER ? json_object_get_double(inner(value)) : 0.0;
}

static assay_status wrong_kind(const struct json *value, const char *key, const char *expected,
                               assay_error *error)
{
    error_set(error, ASSAY_ERROR_FORMAT, "wrong kind of value");
    error_at_place(error, "%s", key);
    error_expected(error, "%s", expected);
    error_found(error, "%s", json_kind_name(json_kind(value)));
    return ASSAY_ERROR_FORMAT;
}

/* True when there is a value to read; otherwise *status says whether its absence is an error. */
static bool has_value(const struct json **value, const struct json *object, const char *key,
                      bool required, const char *expected, assay_status *status, assay_error *error)
{
    *status = ASSAY_OK;
    *value = json_member(object, key);
    if (*value)
        return true;
    if (required) {
        *status = error_set(error, ASSAY_ERROR_FORMAT, "a required key is missing");
        error_at_place(error, "%s", key);
        error_expected(error, "%s", expected);
    }
    return false;
}

assay_status json_read_string(const char **out, const struct json *object, const char *key,
                              bool required, assay_error *error)
{
    const struct json *value;
    assay_status status;
    if (!has_value(&value, object, key, required, "a string", &status, error))
        return status;
    if (json_kind(value) != JSON_STRING)
        return wrong_kind(value, key, "a string", error);
    *out = json_string(value);
    return ASSAY_OK;
}

assay_status json_read_boolean(bool *out, const struct json *object, const char *key, bool required,
                               assay_error *error)
{
    const struct json *value;
    assay_status status;
    if (!has_value(&value, object, key, required, "true or false", &status, error))
        return status;
    if (json_kind(value) != JSON_BOOLEAN)
        return wrong_kind(value, key, "true or false", error);
    *out = json_boolean(value);
    return ASSAY_OK;
}

assay_status json_read_integer(int64_t *out, const struct json *object, const char *key,
                               int64_t minimum, int64_t maximum, bool required, assay_error *error)
{
    const struct json *value;
    assay_status status;
    if (!has_value(&value, object, key, required, "an integer", &status, error))
        return status;
    int64_t integer;
    if (json_kind(value) == JSON_INTEGER) {
        integer = json_integer(value);
    } else if (json_kind(value) == JSON_NUMBER) {
        double number = json_number(value);
        const double beyond = 9223372036854775808.0; /* 2^63, the first double that does not fit */
        if (!(number >= -beyond && number < beyond) || floor(number) != number) {
            error_set(error, ASSAY_ERROR_FORMAT, "not an integer that fits 64 bits");
            error_at_place(error, "%s", key);
            error_expected(error, "%" PRId64 " to %" PRId64, minimum, maximum);
            error_found(error, "%.17g", number);
            return ASSAY_ERROR_FORMAT;
        }
        integer = (int64_t)number;
    } else {
        return wrong_kind(value, key, "an integer", error);
    }
    if (integer < minimum || integer > maximum) {
        error_set(error, ASSAY_ERROR_FORMAT, "out of range");
        error_at_place(error, "%s", key);
        error_expected(error, "%" PRId64 " to %" PRId64, minimum, maximum);
        error_found(error, "%" PRId64, integer);
        return ASSAY_ERROR_FORMAT;
    }
    *out = integer;
    return ASSAY_OK;
}

assay_status json_read_number(double *out, const struct json *object, const char *key,
                              bool required, assay_error *error)
{
    const struct json *value;
    assay_status status;
    if (!has_value(&value, object, key, required, "a number", &status, error))
        return status;
    if (json_kind(value) != JSON_NUMBER && json_kind(value) != JSON_INTEGER)
        return wrong_kind(value, key, "a number", error);
    *out = json_number(value);
    return ASSAY_OK;
}
