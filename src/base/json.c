#include "base/json.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <string.h>

/* json-c lets some text pass that is not JSON (NaN, raw control characters, keys cut at a zero
 * byte) and clamps integers, so the text is checked by our own scan first and json-c only builds
 * the tree. Integers beyond 64 bits get an exponent, which makes json-c read them as doubles. */

static const char EXPONENT[] = "e0";

struct scan {
    const unsigned char *text;
    size_t length;
    size_t at;
    const char *fault; /* NULL while all is well */
    struct buffer rewritten;
    size_t copied; /* bytes of text already in `rewritten` */
    bool out_of_memory;
    uint64_t in_object; /* one bit a level */
    int depth;
};

static bool fail(struct scan *scan, const char *fault)
{
    if (!scan->fault)
        scan->fault = fault;
    return false;
}

static int peek(const struct scan *scan)
{
    return scan->at < scan->length ? scan->text[scan->at] : -1;
}

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->length) {
        unsigned char c = scan->text[scan->at];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r')
            return;
        scan->at++;
    }
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The code unit of "\\uXXXX" at `at`, or -1 when there is none. */
static int escaped_unit(const struct scan *scan, size_t at)
{
    if (scan->length - at < 6 || scan->text[at] != '\\' || scan->text[at + 1] != 'u')
        return -1;
    int unit = 0;
    for (size_t i = at + 2; i < at + 6; i++) {
        int c = scan->text[i];
        if (!is_hex(c))
            return -1;
        unit = unit * 16 + (is_digit(c) ? c - '0' : (c | 32) - 'a' + 10);
    }
    return unit;
}

/* json-c takes some surrogate pairs (of U+1D800, U+2D800, ...) for lone ones and puts U+FFFD, so
 * every pair is given to it as UTF-8. */
static bool rewrite_pair(struct scan *scan, size_t start)
{
    int high = escaped_unit(scan, start), low = escaped_unit(scan, start + 6);
    if ((high & 0xfc00) != 0xd800 || low < 0 || (low & 0xfc00) != 0xdc00)
        return true;
    int c = 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
    char utf8[4] = {(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 0x3f)),
                    (char)(0x80 | (c >> 6 & 0x3f)), (char)(0x80 | (c & 0x3f))};
    if (!buffer_append(&scan->rewritten, scan->text + scan->copied, start - scan->copied) ||
        !buffer_append(&scan->rewritten, utf8, sizeof utf8)) {
        scan->out_of_memory = true;
        return fail(scan, "not enough memory");
    }
    scan->at = start + 11;
    scan->copied = start + 12;
    return true;
}

static bool scan_escape(struct scan *scan, bool is_key)
{
    size_t start = scan->at++;
    int c = peek(scan);
    if (c == 'u') {
        bool zero = true;
        for (int i = 0; i < 4; i++) {
            scan->at++;
            c = peek(scan);
            if (!is_hex(c))
                return fail(scan, "\\u needs four hexadecimal digits");
            zero = zero && c == '0';
        }
        if (zero && is_key) {
            scan->at = start;
            return fail(scan, "a key holds a zero byte");
        }
        if (!rewrite_pair(scan, start))
            return false;
    } else if (c < 0 || !strchr("\"\\/bfnrt", c) || c == '\0') {
        return fail(scan, "unknown escape in a string");
    }
    scan->at++;
    return true;
}

static bool scan_string(struct scan *scan, bool is_key)
{
    scan->at++;
    while (scan->at < scan->length) {
        unsigned char c = scan->text[scan->at];
        if (c == '"') {
            scan->at++;
            return true;
        }
        if (c == '\\') {
            if (!scan_escape(scan, is_key))
                return false;
        } else if (c < 0x20) {
            return fail(scan, "a control character stands in a string without escape");
        } else {
            size_t step = utf8_sequence(scan->text + scan->at, scan->length - scan->at);
            if (!step)
                return fail(scan, "not UTF-8");
            scan->at += step;
        }
    }
    return fail(scan, "the text ends inside a string");
}

static bool scan_digits(struct scan *scan)
{
    if (!is_digit(peek(scan)))
        return fail(scan, scan->at < scan->length ? "a number needs a digit here"
                                                  : "the text ends inside a number");
    while (is_digit(peek(scan)))
        scan->at++;
    return true;
}

static bool fits_int64(const unsigned char *digits, size_t count, bool negative)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(digits[i] - '0'), &value))
            return false;
    }
    return value <= (uint64_t)INT64_MAX + (negative ? 1 : 0);
}

static bool scan_number(struct scan *scan)
{
    bool negative = peek(scan) == '-';
    scan->at += negative;
    size_t first = scan->at;
    if (peek(scan) == '0' && scan->at + 1 < scan->length && is_digit(scan->text[scan->at + 1]))
        return fail(scan, "a number starts with a needless zero");
    if (!scan_digits(scan))
        return false;
    size_t digits = scan->at - first;
    bool whole = true;
    if (peek(scan) == '.') {
        whole = false;
        scan->at++;
        if (!scan_digits(scan))
            return false;
    }
    if (peek(scan) == 'e' || peek(scan) == 'E') {
        whole = false;
        scan->at++;
        if (peek(scan) == '+' || peek(scan) == '-')
            scan->at++;
        if (!scan_digits(scan))
            return false;
    }
    if (whole && !fits_int64(scan->text + first, digits, negative)) {
        if (!buffer_append(&scan->rewritten, scan->text + scan->copied, scan->at - scan->copied) ||
            !buffer_append_string(&scan->rewritten, EXPONENT)) {
            scan->out_of_memory = true;
            return fail(scan, "not enough memory");
        }
        scan->copied = scan->at;
    }
    return true;
}

static bool scan_word(struct scan *scan, const char *word)
{
    size_t length = strlen(word);
    if (scan->length - scan->at < length || memcmp(scan->text + scan->at, word, length) != 0)
        return fail(scan, "not a JSON value");
    scan->at += length;
    return true;
}

static bool open_level(struct scan *scan, bool object)
{
    if (scan->depth == JSON_MAX_DEPTH)
        return fail(scan, "nested too deeply");
    uint64_t bit = UINT64_C(1) << scan->depth++;
    scan->in_object = object ? scan->in_object | bit : scan->in_object & ~bit;
    scan->at++;
    return true;
}

static bool inside_object(const struct scan *scan)
{
    return scan->depth > 0 && (scan->in_object >> (scan->depth - 1) & 1);
}

static bool scan_key(struct scan *scan)
{
    if (peek(scan) != '"')
        return fail(scan, scan->at < scan->length ? "a key in quotes is expected"
                                                  : "the text ends inside an object");
    if (!scan_string(scan, true))
        return false;
    skip_space(scan);
    if (peek(scan) != ':')
        return fail(scan, scan->at < scan->length ? "a colon is expected after a key"
                                                  : "the text ends after a key");
    scan->at++;
    skip_space(scan);
    return true;
}

/* The start of one value; *opened tells that a level was entered and its first element follows. */
static bool scan_value(struct scan *scan, bool *opened)
{
    *opened = false;
    int c = peek(scan);
    switch (c) {
    case -1:
        return fail(scan, scan->depth || scan->at ? "the text ends where a value is expected"
                                                  : "the text is empty");
    case '"':
        return scan_string(scan, false);
    case '{':
    case '[':
        *opened = true;
        return open_level(scan, c == '{');
    case 't':
        return scan_word(scan, "true");
    case 'f':
        return scan_word(scan, "false");
    case 'n':
        return scan_word(scan, "null");
    case 0xef:
        return fail(scan, "not a JSON value; does the text start with a byte order mark?");
    default:
        if (c == '-' || is_digit(c))
            return scan_number(scan);
        return fail(scan, "not a JSON value");
    }
}

/* Closes levels until an element follows; false also at the end of the whole text (no fault). */
static bool next_element(struct scan *scan, bool just_opened)
{
    while (scan->depth > 0) {
        skip_space(scan);
        bool object = inside_object(scan);
        int c = peek(scan);
        if (c == (object ? '}' : ']')) {
            scan->at++;
            scan->depth--;
            just_opened = false;
            continue;
        }
        if (!just_opened) {
            if (c != ',') {
                if (c < 0)
                    return fail(scan, object ? "the text ends inside an object"
                                             : "the text ends inside an array");
                return fail(scan, object ? "a comma or } is expected" : "a comma or ] is expected");
            }
            scan->at++;
            skip_space(scan);
        }
        return !object || scan_key(scan);
    }
    return false;
}

static bool scan_text(struct scan *scan)
{
    bool opened;
    skip_space(scan);
    do {
        if (!scan_value(scan, &opened))
            return false;
    } while (next_element(scan, opened));
    if (scan->fault)
        return false;
    skip_space(scan);
    if (scan->at < scan->length)
        return fail(scan, "something follows the end of the value");
    return true;
}

static assay_status scan_error(const struct scan *scan, const char *file, assay_error *error)
{
    if (scan->out_of_memory)
        return error_memory(error, scan->length);
    int64_t row = 1;
    int64_t column = 1;
    for (size_t i = 0; i < scan->at && i < scan->length; i++) {
        if (scan->text[i] == '\n') {
            row++;
            column = 1;
        } else if ((scan->text[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    assay_status status =
        scan->depth == JSON_MAX_DEPTH && strcmp(scan->fault, "nested too deeply") == 0
            ? ASSAY_ERROR_LIMIT
            : ASSAY_ERROR_FORMAT;
    error_set(error, status, "%s", scan->fault);
    if (status == ASSAY_ERROR_LIMIT)
        error_expected(error, "at most %d levels", JSON_MAX_DEPTH);
    error_at_file(error, file);
    error_at_row(error, row, column);
    return status;
}

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
    struct scan scan = {.text = (const unsigned char *)text, .length = length};
    assay_status status;
    if (!scan_text(&scan)) {
        status = scan_error(&scan, file, error);
    } else if (scan.copied) {
        if (buffer_append(&scan.rewritten, text + scan.copied, length - scan.copied))
            status = build_tree(root, scan.rewritten.bytes, scan.rewritten.length, error);
        else
            status = error_memory(error, length);
    } else {
        status = build_tree(root, text, length, error);
    }
    if (status)
        error_at_file(error, file);
    buffer_free(&scan.rewritten);
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
