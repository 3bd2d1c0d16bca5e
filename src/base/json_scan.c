#include "base/json_scan.h"

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

#include <string.h>

/* Makes json-c read an integer beyond 64 bits as a double. */
static const char EXPONENT[] = "e0";

struct scan {
    const unsigned char *text;
    size_t length;
    size_t at;
    const char *fault; /* NULL while all is well */
    struct buffer *rewritten;
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
    if (!buffer_append(scan->rewritten, scan->text + scan->copied, start - scan->copied) ||
        !buffer_append(scan->rewritten, utf8, sizeof utf8)) {
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
        if (!buffer_append(scan->rewritten, scan->text + scan->copied, scan->at - scan->copied) ||
            !buffer_append_string(scan->rewritten, EXPONENT)) {
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

static assay_status scan_error(const struct scan *scan, assay_error *error)
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
    error_at_row(error, row, column);
    return status;
}

assay_status json_scan(struct buffer *rewritten, const char *text, size_t length,
                       assay_error *error)
{
    struct scan scan = {
        .text = (const unsigned char *)text, .length = length, .rewritten = rewritten};
    if (!scan_text(&scan))
        return scan_error(&scan, error);
    if (scan.copied && !buffer_append(rewritten, text + scan.copied, length - scan.copied))
        return error_memory(error, length);
    return ASSAY_OK;
}
