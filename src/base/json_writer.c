#include "base/json.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_SIZE = 64 };

static void put(struct json_writer *writer, const char *text, size_t length)
{
    if (!writer->failed && !buffer_append(writer->out, text, length))
        writer->failed = true;
}

static void new_line(struct json_writer *writer)
{
    if (writer->indent <= 0)
        return;
    put(writer, "\n", 1);
    for (int i = 0; i < writer->indent * writer->depth; i++)
        put(writer, " ", 1);
}

/* What stands before a key or an array's element. */
static void begin_item(struct json_writer *writer)
{
    if (writer->after_key) {
        writer->after_key = false;
        return;
    }
    if (writer->depth == 0)
        return;
    bool *has_members = &writer->has_members[writer->depth - 1];
    if (*has_members)
        put(writer, ", ", writer->indent > 0 ? 1 : 2);
    *has_members = true;
    new_line(writer);
}

static void open_level(struct json_writer *writer, const char *bracket)
{
    begin_item(writer);
    if (writer->depth == JSON_MAX_DEPTH) {
        writer->failed = true;
        return;
    }
    put(writer, bracket, 1);
    writer->has_members[writer->depth++] = false;
}

static void close_level(struct json_writer *writer, const char *bracket)
{
    if (writer->depth == 0) {
        writer->failed = true;
        return;
    }
    bool had_members = writer->has_members[--writer->depth];
    if (had_members)
        new_line(writer);
    put(writer, bracket, 1);
}

void json_begin_object(struct json_writer *writer)
{
    open_level(writer, "{");
}

void json_end_object(struct json_writer *writer)
{
    close_level(writer, "}");
}

void json_begin_array(struct json_writer *writer)
{
    open_level(writer, "[");
}

void json_end_array(struct json_writer *writer)
{
    close_level(writer, "]");
}

static void put_escaped(struct json_writer *writer, unsigned char c)
{
    static const char letters[] = "\"\\\b\f\n\r\t";
    static const char names[] = "\"\\bfnrt";
    const char *known = c ? strchr(letters, c) : NULL;
    if (known) {
        char escape[2] = {'\\', names[known - letters]};
        put(writer, escape, sizeof escape);
        return;
    }
    char escape[8];
    int length = snprintf(escape, sizeof escape, "\\u%04x", c);
    put(writer, escape, (size_t)length);
}

static void put_quoted(struct json_writer *writer, const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t start = 0; /* of the run that can be copied as it is */
    size_t at = 0;
    put(writer, "\"", 1);
    while (at < length) {
        unsigned char c = bytes[at];
        bool plain = c >= 0x20 && c != '"' && c != '\\';
        size_t step = plain ? utf8_sequence(bytes + at, length - at) : 0;
        if (step) {
            at += step;
            continue;
        }
        put(writer, text + start, at - start);
        if (plain)
            put(writer, "\xef\xbf\xbd", 3);
        else
            put_escaped(writer, c);
        start = ++at;
    }
    put(writer, text + start, at - start);
    put(writer, "\"", 1);
}

void json_key(struct json_writer *writer, const char *key)
{
    begin_item(writer);
    put_quoted(writer, key, strlen(key));
    put(writer, ": ", 2);
    writer->after_key = true;
}

void json_put_string(struct json_writer *writer, const char *text)
{
    json_put_bytes(writer, text, strlen(text));
}

void json_put_bytes(struct json_writer *writer, const char *text, size_t length)
{
    begin_item(writer);
    put_quoted(writer, text, length);
}

void json_put_integer(struct json_writer *writer, int64_t value)
{
    char text[NUMBER_SIZE];
    int length = snprintf(text, sizeof text, "%" PRId64, value);
    begin_item(writer);
    put(writer, text, (size_t)length);
}

/* A number printed by %g made fit for JSON: the decimal point is a point whatever the locale says,
 * and a whole number keeps a fraction, so that readers take it for a float. */
static void put_decimal(struct json_writer *writer, const char *printed)
{
    char text[NUMBER_SIZE + 2];
    size_t length = 0;
    bool whole = true;
    bool in_point = false;
    for (const char *c = printed; *c && length < NUMBER_SIZE; c++) {
        if ((*c >= '0' && *c <= '9') || *c == '-' || *c == '+' || *c == 'e') {
            whole = whole && *c != 'e';
            in_point = false;
            text[length++] = *c;
        } else if (!in_point) {
            whole = false;
            in_point = true;
            text[length++] = '.';
        }
    }
    if (whole) {
        text[length++] = '.';
        text[length++] = '0';
    }
    put(writer, text, length);
}

void json_put_number(struct json_writer *writer, double value)
{
    if (!isfinite(value)) {
        json_put_null(writer);
        return;
    }
    char text[NUMBER_SIZE];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    begin_item(writer);
    put_decimal(writer, text);
}

void json_put_float(struct json_writer *writer, float value)
{
    if (!isfinite(value)) {
        json_put_null(writer);
        return;
    }
    char text[NUMBER_SIZE];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    begin_item(writer);
    put_decimal(writer, text);
}

void json_put_boolean(struct json_writer *writer, bool value)
{
    begin_item(writer);
    put(writer, value ? "true" : "false", value ? 4 : 5);
}

void json_put_null(struct json_writer *writer)
{
    begin_item(writer);
    put(writer, "null", 4);
}

static assay_status put_member(void *context, const char *key, size_t key_length,
                               const struct json *value, assay_error *error)
{
    struct json_writer *writer = context;
    (void)key_length;
    (void)error;
    json_key(writer, key);
    json_put_value(writer, value);
    return ASSAY_OK;
}

/* Recursion is bounded: parsing refuses more than JSON_MAX_DEPTH levels. */
void json_put_value(struct json_writer *writer, const struct json *value)
{
    switch (json_kind(value)) {
    case JSON_NULL:
        json_put_null(writer);
        break;
    case JSON_BOOLEAN:
        json_put_boolean(writer, json_boolean(value));
        break;
    case JSON_INTEGER:
        json_put_integer(writer, json_integer(value));
        break;
    case JSON_NUMBER:
        json_put_number(writer, json_number(value));
        break;
    case JSON_STRING:
        json_put_bytes(writer, json_string(value), json_string_length(value));
        break;
    case JSON_ARRAY:
        json_begin_array(writer);
        for (size_t i = 0; i < json_count(value); i++)
            json_put_value(writer, json_element(value, i));
        json_end_array(writer);
        break;
    case JSON_OBJECT:
        json_begin_object(writer);
        json_each_member(value, put_member, writer, NULL);
        json_end_object(writer);
        break;
    }
}

void json_put_named_string(struct json_writer *writer, const char *key, const char *text)
{
    json_key(writer, key);
    if (text)
        json_put_string(writer, text);
    else
        json_put_null(writer);
}

void json_put_named_integer(struct json_writer *writer, const char *key, int64_t value)
{
    json_key(writer, key);
    json_put_integer(writer, value);
}

void json_put_named_number(struct json_writer *writer, const char *key, double value)
{
    json_key(writer, key);
    json_put_number(writer, value);
}
